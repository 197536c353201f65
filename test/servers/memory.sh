#!/usr/bin/env bash
# Reads the memory of nginx and of the box: no nginx process ever holds a private key, and a locked box holds none
# either.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"

needs nginx openssl
is_root || skip "needs root: it reads the memory of other users' processes"
needs_user www-data
sanitized && skip "the sanitizer maps terabytes into each process, which cannot be scanned; the other builds scan"
begin

# scan KEY PID... : see memscan.
scan() { memscan --key "$TEST_DIR/plain/$1.pem" "${@:2}"; }
nginx_holds() {
    # shellcheck disable=SC2046 # a list of process ids
    scan "$1" $(nginx_pids)
}
box_holds() {
    # shellcheck disable=SC2046
    scan "$1" "$KEEPER" $(children_of "$KEEPER")
}

# The box closes no key for not being used: what it holds then does not depend on how long the scans take.
mkdir "$TEST_DIR/box"
echo "rest-after = 0" >"$TEST_DIR/box/default.conf"
new_box "$TEST_DIR/box"
import_keys "$TEST_DIR/files" "$TEST_DIR/plain" www-data

# exercise FILES : 1000 handshakes with each key, both versions, a reload between them.
exercise() {
    local key
    for key in $KEYS; do
        check "$key: 500 handshakes with TLS 1.2" handshakes "$key" "$1" --count 500 --tls1.2
    done
    reload_nginx "$TEST_DIR/nginx"
    for key in $KEYS; do
        check "$key: 500 handshakes with TLS 1.3" handshakes "$key" "$1" --count 500 --tls1.3
    done
}

configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/files" 2 www-data
start_nginx "$TEST_DIR/nginx"
exercise "$TEST_DIR/files"
for key in $KEYS; do
    same "$key: with a handle no nginx process holds it" 0 "$(nginx_holds "$key")"
    same "$key: the box does" 1 "$(box_holds "$key")"
done
same "the keeper does not" "0 0 0" \
    "$(scan rsa "$KEEPER") $(scan ec "$KEEPER") $(scan ed "$KEEPER")"
stop_nginx "$TEST_DIR/nginx"

# The positive control: the same nginx, the same scan, plain key files.
configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/plain" 2 www-data
start_nginx "$TEST_DIR/nginx"
exercise "$TEST_DIR/plain"
for key in $KEYS; do
    same "$key: with a plain key file it is found in nginx" 1 "$(nginx_holds "$key")"
    for pid in $(nginx_pids); do
        same "$key: and in process $pid alone" 1 "$(scan "$key" "$pid")"
    done
done
stop_nginx "$TEST_DIR/nginx"

# destroy: that key leaves the box's memory, at once, and the others stay.
check "destroy, later" lb destroy rsa --yes 2>>"$TEST_DIR/lb.log"
same "the key that is to be destroyed is in the box no more" 0 "$(box_holds rsa)"
check "destroy" lb destroy rsa --now --yes 2>>"$TEST_DIR/lb.log"
same "the destroyed key is in the box no more" 0 "$(box_holds rsa)"
same "the others are" "1 1" "$(box_holds ec) $(box_holds ed)"
check "they sign" signs ec

# lock: none is left.
check "lock" lb lock 2>>"$TEST_DIR/lb.log"
for key in $KEYS; do
    same "$key: a locked box holds it no more" 0 "$(box_holds "$key")"
done
refused "a locked box does not sign, and says what to do" 'locked.*unlock' signs ec
check "unlock" lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
check "it signs again" signs ec
same "and holds the key again" 1 "$(box_holds ec)"
stop_box
same "nothing of the box is left" "" "$(pgrep -f -- "--dir $BOX_DIR" || true)"
finish
