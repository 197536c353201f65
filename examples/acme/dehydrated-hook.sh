#!/bin/sh
# HOOK of dehydrated: installs a new certificate. The name of the certificate, its alias in domains.txt or else its first
# domain, is the name of the key in the box.
set -eu
case $1 in
deploy_cert) # DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP
    "$(dirname "$0")/deploy.sh" "$(basename "$(dirname "$3")")" "$5"
    ;;
esac
