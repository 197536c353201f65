#!/usr/bin/env bash
# The same without root: a user's own box, and nginx run by that user.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"

needs nginx openssl

# As root: once more as www-data, from a copy, since the build may be where that user cannot read.
if is_root; then
    id www-data >/dev/null 2>&1 || skip "there is no user www-data"
    begin
    copy=$TEST_DIR/copy
    mkdir -p "$copy/build/.libs" "$copy/build/test" "$copy/test" "$TEST_DIR/tmp"
    cp "$LITTLEBOX_BUILD/littlebox" "$LITTLEBOX_BUILD/littleboxd" "$copy/build/"
    cp "$MODULE" "$copy/build/.libs/"
    cp -R "$HARNESS" "$copy/build/test/"
    cp -R "$LITTLEBOX_SRC/test/harness" "$LITTLEBOX_SRC/test/servers" "$copy/test/"
    chown www-data "$TEST_DIR/tmp"
    cd "$TEST_DIR"
    setpriv --reuid=www-data --regid=www-data --clear-groups --reset-env env LITTLEBOX_BUILD="$copy/build" \
        LITTLEBOX_SRC="$copy" TMPDIR="$TEST_DIR/tmp" "$copy/test/servers/nginx-user.sh"
    exit 0
fi

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
