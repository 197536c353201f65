#!/usr/bin/env bash
# examples/acme: certificates for keys that are born in the box, issued and renewed by an ACME CA (pebble) through certbot
# and dehydrated, served by nginx; and no private key of a served certificate is ever in a file.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=acme-lib.sh
. "$(dirname "$0")/acme-lib.sh"

needs openssl nginx curl pebble certbot dehydrated
! is_root || needs_user www-data
begin
new_box "$TEST_DIR/box"
EXAMPLES=$LITTLEBOX_SRC/examples/acme
TLS=$TEST_DIR/tls
mkdir "$TLS" "$TEST_DIR/webroot" "$TEST_DIR/tmp" "$TEST_DIR/bin" "$TEST_DIR/certbot" "$TEST_DIR/ca" "$TEST_DIR/pub"
mkdir -p "$TEST_DIR/dehydrated/certs/shop" "$TEST_DIR/dehydrated/conf.d" "$TEST_DIR/webroot/.well-known/acme-challenge"
read -r CA_PORT ROOTS_PORT HTTP_PORT WEB_PORT SHOP_PORT <<<"$(free_ports 5 | xargs)"
declare -A PORT=([web]=$WEB_PORT [shop]=$SHOP_PORT)

# What the examples find on a machine: the command, openssl.cnf, and a way to reload nginx.
printf '#!/bin/sh\nexec "%s" --dir "%s" "$@"\n' "$LITTLEBOX_BUILD/littlebox" "$BOX_DIR" >"$TEST_DIR/bin/littlebox"
printf '#!/bin/sh\nexec nginx -p "%s" -e "%s" -c "%s" -s reload\n' "$TEST_DIR/nginx" "$TEST_DIR/nginx/error.log" \
    "$TEST_DIR/nginx/nginx.conf" >"$TEST_DIR/bin/reload"
# A program that loads the module may need a sanitizer's runtime first. The shells between them must not have it, and curl,
# which needs no module, hangs with it.
if [ "${#MODULE_ENV[@]}" -gt 0 ]; then
    for program in openssl nginx certbot; do
        printf '#!/bin/sh\nexec env %s %s "$@"\n' "${MODULE_ENV[*]}" "$(command -v "$program")" >"$TEST_DIR/bin/$program"
    done
    printf '#!/bin/sh\nOPENSSL_CONF=/dev/null exec %s "$@"\n' "$(command -v curl)" >"$TEST_DIR/bin/curl"
fi
chmod 0755 "$TEST_DIR/bin/"*
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
as_installed() {
    env OPENSSL_CONF="$BOX_DIR/openssl.cnf" PATH="$TEST_DIR/bin:$PATH" TMPDIR="$TEST_DIR/tmp" \
        RELOAD=reload "$@" 3>&-
}

# --- nginx: examples/acme/nginx.conf with other ports, paths and names, once a key

server_blocks() {
    local key=$1
    sed -e "s|listen 443|listen 127.0.0.1:${PORT[$key]}|" -e "s|listen 80|listen 127.0.0.1:$HTTP_PORT|" \
        -e "s|/etc/nginx/tls/web|$TLS/$key|" -e "s|/var/www/acme|$TEST_DIR/webroot|" -e "s|www.example.org|localhost|" \
        "$EXAMPLES/nginx.conf"
}
configure() {
    local user=
    if is_root; then user=www-data; fi
    NGINX_SERVERS=("$(server_blocks web)" "$(server_blocks shop | sed '1,/^}/d')")
    write_nginx_conf "$TEST_DIR/nginx" 1 $user
}

# --- what is served

# served KEY WHAT : of the certificate that nginx shows: -serial, -pubkey ...
served() {
    plain_ossl s_client -connect "127.0.0.1:${PORT[$1]}" -servername localhost </dev/null 2>/dev/null |
        plain_ossl x509 -noout "$2"
}
# By the one worker that is left: the old one goes on to accept for a moment.
is_served() {
    [ "$(served "$1" -serial)" = "$(plain_ossl x509 -in "$TLS/$1.crt" -noout -serial)" ] &&
        [ "$(children_of "$NGINX" | wc -l)" -eq 1 ]
}
trusted() {
    OPENSSL_CONF=/dev/null curl -sf --noproxy '*' --resolve "localhost:${PORT[$1]}:127.0.0.1" \
        --cacert "$TEST_DIR/ca/root.crt" "https://localhost:${PORT[$1]}/" | grep -q 'from an ACME CA'
}

# issued KEY OLD-SERIAL WHO : another certificate than that is served, whole, for the same key, and is in the box.
issued() {
    await "nginx to serve the new certificate of $1" is_served "$1"
    check "$3: $1 has another certificate" test "$(served "$1" -serial)" != "$2"
    check "$3: $1 is served with a chain to the CA" trusted "$1"
    same "$3: the certificate is for the key of the box" "$(cat "$TEST_DIR/pub/$1")" "$(served "$1" -pubkey)"
    same "$3: the box has it too" "$(cat "$TLS/$1.crt")" "$(lb cert get "$1")"
}

certbot_renew() {
    as_installed env REQUESTS_CA_BUNDLE="$TEST_DIR/ca/https.crt" CERTIFICATE="$TLS/web.crt" \
        WEBROOT="$TEST_DIR/webroot" DAYS="$1" "$EXAMPLES/certbot-renew.sh" web localhost -- \
        --server "https://localhost:$CA_PORT/dir" --agree-tos --register-unsafely-without-email \
        --config-dir "$TEST_DIR/certbot" --work-dir "$TEST_DIR/certbot" --logs-dir "$TEST_DIR/certbot" \
        >>"$TEST_DIR/certbot.log" 2>&1
}
configure_dehydrated() {
    local dir=$TEST_DIR/dehydrated
    sed -e "s|/etc/dehydrated/dehydrated-hook.sh|$EXAMPLES/dehydrated-hook.sh|" -e "s|/var/www/acme|$TEST_DIR/webroot|" \
        "$EXAMPLES/dehydrated.conf" >"$dir/conf.d/littlebox.sh"
    cat >"$dir/config" <<END
CONFIG_D="$dir/conf.d"
BASEDIR="$dir"
DOMAINS_TXT="$dir/domains.txt"
CA="https://localhost:$CA_PORT/dir"
CURL_OPTS="--cacert $TEST_DIR/ca/https.crt --noproxy *"
IP_VERSION=4
KEYSIZE=2048
END
    echo 'localhost > shop' >"$dir/domains.txt"
    lb handle shop --out "$dir/certs/shop/privkey.pem"
}
dehydrated_run() {
    as_installed env CERTIFICATE="$TLS/shop.crt" dehydrated --config "$TEST_DIR/dehydrated/config" "$@" \
        >>"$TEST_DIR/dehydrated.log" 2>&1
}

# --- no private key in any file

start_watch() {
    "$HARNESS/keywatch" "$TEST_DIR/pub/web" "$TEST_DIR/pub/shop" "$TEST_DIR/pub/control" -- "$TLS" "$TEST_DIR/nginx" \
        "$TEST_DIR/webroot" "$TEST_DIR/tmp" "$TEST_DIR/certbot" "$TEST_DIR/dehydrated" "$BOX_DIR" \
        >"$TEST_DIR/watch" 2>"$TEST_DIR/watch.log" 3>&- &
    WATCH=$!
    own "$WATCH"
    await "the watch" grep -qx ready "$TEST_DIR/watch"
}
# A key that is in a file for a moment is seen, and recognised.
control() {
    cp "$TEST_DIR/control.key" "$1"
    await "the watch to see a plain key" grep -qx "private control $1" "$TEST_DIR/watch"
    rm "$1"
}

for key in web shop; do
    lb create "$key" --type rsa:2048 >/dev/null 2>>"$TEST_DIR/lb.log"
    lb show --public "$key" >"$TEST_DIR/pub/$key"
    lb handle "$key" --out "$TLS/$key.pem"
    if is_root; then lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"; fi
    # A stand-in until there is a certificate: nginx does not start without one.
    ossl req -x509 -key "littlebox:$key" -subj /CN=localhost -days 1 -out "$TLS/$key.crt" 2>>"$TEST_DIR/openssl.log"
done
new_key ed25519 "$TEST_DIR/control.key"
plain_ossl pkey -in "$TEST_DIR/control.key" -pubout -out "$TEST_DIR/pub/control"
configure
configure_dehydrated
start_ca
start_nginx "$TEST_DIR/nginx"
start_watch
control "$TEST_DIR/tmp/before.key"

old=$(served web -serial)
check "certbot --csr: issue" certbot_renew 30
issued web "$old" certbot
old=$(served web -serial)
check "certbot --csr: not due yet" certbot_renew 30
same "certbot: the certificate stays" "$old" "$(served web -serial)"
check "certbot --csr: renew" certbot_renew 99999
issued web "$old" certbot

old=$(served shop -serial)
check "dehydrated: register" dehydrated_run --register --accept-terms
check "dehydrated: issue" dehydrated_run --cron
issued shop "$old" dehydrated
old=$(served shop -serial)
check "dehydrated: not due yet" dehydrated_run --cron
same "dehydrated: the certificate stays" "$old" "$(served shop -serial)"
check "dehydrated: renew" dehydrated_run --cron --force
issued shop "$old" dehydrated
check "dehydrated's private key is the handle still" lb handle --show "$TEST_DIR/dehydrated/certs/shop/privkey.pem" >/dev/null

if is_root; then
    check "doctor finds both keys of nginx in the box, and its workers use them" \
        as_installed littlebox doctor --server nginx --config "$TEST_DIR/nginx/nginx.conf" >"$TEST_DIR/doctor.log"
    same "which are two handles" 2 "$(grep -c ': handle littlebox:.* by www-data verifies$' "$TEST_DIR/doctor.log")"
fi

# A certificate for another key changes nothing.
old=$(served web -serial)
refused "deploy.sh refuses a certificate that is not for the key" 'web' \
    as_installed env CERTIFICATE="$TLS/web.crt" "$EXAMPLES/deploy.sh" web "$TLS/shop.crt"
same "and nginx's file is what it was" "$old" "$(plain_ossl x509 -in "$TLS/web.crt" -noout -serial)"

control "$TLS/after.key"
stop "$WATCH"
check "the watch read what was written" grep -Eq '^end [0-9]{2,}$' "$TEST_DIR/watch"
check "it saw the handle that dehydrated uses" grep -qx "handle - $TEST_DIR/dehydrated/certs/shop/privkey.pem" "$TEST_DIR/watch"
check "it lost nothing" not grep -q '^overflow' "$TEST_DIR/watch"
check "the keys of the certificates were in no file" not grep -Eq '^(private (web|shop|unreadable)|encrypted) ' "$TEST_DIR/watch"
# The account of dehydrated has a key of its own, which it makes in a temporary file; and there is no other one.
same "no other private key was in a file but that of the ACME account" "" \
    "$(grep '^private other ' "$TEST_DIR/watch" | grep -vE "/(dehydrated/accounts/[^ ]*/account_key.pem|tmp/[^/ ]*)\$" || true)"
check "nor did one come and go unseen where certificates are" not grep -E "^missed - ($TLS|$TEST_DIR/dehydrated/certs)/" "$TEST_DIR/watch"
finish
