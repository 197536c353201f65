#!/bin/sh
# certbot-renew.sh KEY DOMAIN... [-- CERTBOT OPTIONS] : the certificate of a key of the box, from certbot, when it is due.
#
# For a timer, once a day: it does nothing while the certificate is good for DAYS more. Certbot gets a request, signed by
# the box, and never a private key. With --csr it renews nothing by itself and runs no deploy hooks: this script does
# both. Settings, from the environment: CERTIFICATE and RELOAD (deploy.sh); WEBROOT, the directory in which nginx looks
# for /.well-known/acme-challenge/; DAYS.
set -eu
key=$1
shift
CERTIFICATE=${CERTIFICATE:-/etc/nginx/tls/$key.crt}
WEBROOT=${WEBROOT:-/var/www/acme}
DAYS=${DAYS:-30}
export CERTIFICATE

names='' first=$1
while [ $# -gt 0 ]; do
    name=$1
    shift
    if [ "$name" = -- ]; then break; fi
    names="${names:+$names,}DNS:$name"
done
if openssl x509 -in "$CERTIFICATE" -noout -checkend $((DAYS * 86400)) >/dev/null 2>&1; then
    exit 0
fi

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
openssl req -new -key "littlebox:$key" -subj "/CN=$first" -addext "subjectAltName=$names" -out "$new/request.csr"
certbot certonly --non-interactive --csr "$new/request.csr" --webroot --webroot-path "$WEBROOT" \
    --cert-path "$new/cert.pem" --chain-path "$new/chain.pem" --fullchain-path "$new/fullchain.pem" "$@"
"$(dirname "$0")/deploy.sh" "$key" "$new/fullchain.pem"
