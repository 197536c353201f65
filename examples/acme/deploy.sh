#!/bin/sh
# deploy.sh KEY FULLCHAIN : a new certificate for a key of the box goes into the box, into nginx's file, and into use.
#
# The box refuses a certificate that is not for its key, and then nothing is changed. Settings, from the environment:
# CERTIFICATE, the file that nginx has; RELOAD, the command that makes it read that file.
set -eu
CERTIFICATE=${CERTIFICATE:-/etc/nginx/tls/$1.crt}
RELOAD=${RELOAD:-systemctl reload nginx}

littlebox cert set "$1" "$2"
install -m 0644 "$2" "$CERTIFICATE.new"
mv "$CERTIFICATE.new" "$CERTIFICATE"
$RELOAD
