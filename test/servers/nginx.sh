#!/usr/bin/env bash
# A stock nginx, started as root with workers as www-data, serves TLS with keys that only the box holds: -t, reload,
# stop, grants, and no failed handshake while nginx is reloaded and the box is killed, replaced, stopped and started.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"

needs nginx openssl
is_root || skip "needs root: nginx changes to www-data"
needs_user www-data
begin
new_box "$TEST_DIR/box"
mkdir "$TEST_DIR/files"
make_keys "$TEST_DIR/files"
for key in $KEYS; do
    check "$key.pem is a handle file" grep -q 'BEGIN PRIVATE KEY' "$TEST_DIR/files/$key.pem"
done
configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/files" 2 www-data

check "nginx -t" run_nginx "$TEST_DIR/nginx" -t 2>>"$TEST_DIR/nginx-t.log"
start_nginx "$TEST_DIR/nginx"
workers_are www-data

# Without a grant: nginx, as root, could load the key, and its workers may not use it.
ALERT='^tlsload: handshake 1: SSL_connect: error:0A000438:SSL routines::tlsv1 alert internal error$'
for key in $KEYS; do
    refused "$key: without a grant the handshake fails" "$ALERT" handshakes "$key" "$TEST_DIR/files" --count 1
    says "$key: the box's log says who was refused what" \
        "(www-data|$(id -u www-data)).*\\b$key\\b|\\b$key\\b.*(www-data|$(id -u www-data))" "$BOX_DIR/box.log"
    check "$key: allow" lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"
    check "$key: with a grant it works, and nothing was restarted" handshakes "$key" "$TEST_DIR/files" --count 2
    check "$key: deny" lb deny "$key" --user www-data 2>>"$TEST_DIR/lb.log"
    refused "$key: without it again not" "$ALERT" handshakes "$key" "$TEST_DIR/files" --count 1
    check "$key: allow --group" lb allow "$key" --group www-data 2>>"$TEST_DIR/lb.log"
done
check_signature_types "$TEST_DIR/files"

start_loads "$TEST_DIR/files" 500
reload_nginx "$TEST_DIR/nginx"
await_handshakes 20
say "ok: nginx was reloaded under load"
restart_box_in_every_way
reload_nginx "$TEST_DIR/nginx"
await_handshakes 20
say "ok: nginx was reloaded under load, after the box's restarts"
stop_loads

# A full stop of the box, with nobody asking meanwhile: old workers must find the new box.
stop_box
start_box "$BOX_DIR"
check "the first handshake after a pause" handshakes ec "$TEST_DIR/files" --count 1

check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"
refused "without the provider nginx -t says so" 'ssl_certificate_key|cannot load|PEM_read_bio' \
    env OPENSSL_CONF=/dev/null nginx -p "$TEST_DIR/nginx" -e "$TEST_DIR/nginx/error.log" -c \
        "$TEST_DIR/nginx/nginx.conf" -t

# By URI, from 1.29.0 on; to older ones it is the name of a file that is not there.
for key in $KEYS; do
    nginx_server "${PORT[$key]}" "$TEST_DIR/files/$key.crt" "store:littlebox:$key"
done
write_nginx_conf "$TEST_DIR/store" 2 www-data
version=$(nginx -v 2>&1 | sed -n 's|^nginx version: nginx/\([0-9.]*\).*|\1|p')
say "nginx is $version"
if dpkg --compare-versions "$version" ge 1.29.0; then
    start_nginx "$TEST_DIR/store"
    check_signature_types "$TEST_DIR/files"
    start_loads "$TEST_DIR/files" 50
    reload_nginx "$TEST_DIR/store"
    await_handshakes 20
    stop_loads
    check "store: nginx -s stop" stop_nginx "$TEST_DIR/store"
else
    refused "store:littlebox:, before 1.29.0" 'cannot load certificate key .*store:littlebox:' \
        run_nginx "$TEST_DIR/store" -t
fi
finish
