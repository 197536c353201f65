#!/usr/bin/env bash
# The same without root: a user's own box, and nginx run by that user.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"

needs nginx openssl

again_without_root
begin
new_box "$TEST_DIR/box"
same "the box runs as this user" "$(id -u)" "$(stat -c %u "/proc/$KEEPER")"
mkdir "$TEST_DIR/files"
make_keys "$TEST_DIR/files"
configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/files" 2
check "nginx -t" run_nginx "$TEST_DIR/nginx" -t 2>>"$TEST_DIR/nginx-t.log"
start_nginx "$TEST_DIR/nginx"
check_signature_types "$TEST_DIR/files"
start_loads "$TEST_DIR/files" 500
reload_nginx "$TEST_DIR/nginx"
await_handshakes 20
say "ok: nginx was reloaded under load"
restart_box_in_every_way
stop_loads
check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"
finish
