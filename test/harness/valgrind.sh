#!/usr/bin/env bash
# Valgrind with every child traced: `valgrind.sh PROGRAM...` over one program, without arguments over a box, its
# command and openssl with the provider, with --tokens over boxes in front of PKCS#11 tokens. The box runs without its
# system call filter, which valgrind's own calls would not pass.
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

needs valgrind
sanitized && skip "valgrind and sanitizers exclude each other"
begin
mkdir "$TEST_DIR/logs"

# openssl's own leaks at exit are not ours: only invalid accesses count there, and definite leaks where all is ours.
VALGRIND=(valgrind --trace-children=yes --trace-children-skip='/bin/*,/usr/bin/env' --error-exitcode=99 --num-callers=30
    --log-file="$TEST_DIR/logs/%p.log" --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
    --suppressions="$LITTLEBOX_SRC/test/harness/valgrind.supp")

# clean TEXT : no process that was watched so far did wrong.
clean() {
    local log bad=0
    for log in "$TEST_DIR"/logs/*.log; do
        grep -q 'ERROR SUMMARY: 0 errors' "$log" && continue
        # A process that was killed, or that became another program, has no summary; one with errors has told them.
        grep -Eq 'ERROR SUMMARY|Invalid|uninitialised|definitely lost: [1-9]|Process terminating with default action of signal (6|7|11)' "$log" || continue
        bad=1
        tail -n 60 "$log" >&3
    done
    check "$1: valgrind saw nothing wrong in $(find "$TEST_DIR/logs" -name '*.log' | wc -l) processes" [ "$bad" -eq 0 ]
}

vlb() { "${VALGRIND[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" "$@"; }
# box_cnf : openssl's configuration, with more time for all.
box_cnf() {
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    sed -i 's/^littlebox-timeout.*/littlebox-timeout = 60000/' "$BOX_DIR/openssl.cnf"
}
vossl() { OPENSSL_CONF=$BOX_DIR/openssl.cnf "${VALGRIND[@]}" openssl "$@"; }

if [ "${1:-}" = --tokens ]; then
    # shellcheck source=valgrind-tokens.sh
    . "$(dirname "$0")/valgrind-tokens.sh"
    finish
fi
if [ $# -gt 0 ]; then
    check "$1" "${VALGRIND[@]}" "$@"
    clean "$1"
    finish
fi

needs openssl
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
echo "sandbox = no" >"$BOX_DIR/default.conf"
start_box "$BOX_DIR" "${VALGRIND[@]}"
box_cnf

cd "$TEST_DIR"
check "init" vlb init >init.log 2>&1
for type in ec:P-256 rsa:2048 ed25519; do
    key=$(tr -d ':' <<<"$type")
    check "create $type" vlb create "$key" --type "$type" >/dev/null 2>>lb.log
    check "handle" vlb handle "$key" --out "$key.pem"
    check "pkey -pubout" vossl pkey -in "littlebox:$key" -pubout -out "$key.pub"
    check "pkeyutl -sign" vossl pkeyutl -sign -rawin -inkey "$key.pem" -in "$0" -out sig
    check "verified" plain_ossl pkeyutl -verify -rawin -pubin -inkey "$key.pub" -in "$0" -sigfile sig >/dev/null
    check "req -x509" vossl req -x509 -new -key "littlebox:$key" -subj /CN=x -out "crt.$key"
done
new_key ec:P-384 plain.pem
check "import" vlb import imported plain.pem >/dev/null 2>>lb.log
new_key ec:P-256 old.pem
check "adopt" vlb adopt old.pem --yes >>lb.log 2>&1
check "list" vlb list >/dev/null
check "show" vlb --json show ecP-256 >/dev/null
check "allow" vlb allow ecP-256 --user nobody 2>>lb.log
check "deny" vlb deny ecP-256 --user nobody 2>>lb.log
check "rename" vlb rename imported other >/dev/null 2>>lb.log
check "destroy, later" vlb destroy other --yes 2>>lb.log
check "list --all" vlb list --all >/dev/null
check "but not" vlb destroy other --cancel 2>>lb.log
check "destroy" vlb destroy other --now --yes 2>>lb.log
check "status" vlb status >/dev/null
refused "a key that is not there" . vossl pkey -in littlebox:nobody -pubout
child=$(box_child)
kill -HUP "$KEEPER"
new_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
await "the next child" new_child
check "lock" vlb lock 2>>lb.log
refused "a locked box" locked vossl dgst -sign littlebox:ecP-256 -out sig "$0"
check "unlock" vlb unlock --credential "$BOX_DIR/default.credential" 2>>lb.log
check "it signs" vossl dgst -sha256 -sign littlebox:ecP-256 -out sig "$0"
# What is freed after OPENSSL_cleanup(), and that nothing of the provider is lost by being there until the end.
new_key rsa:2048 late.pem
check "a certificate" plain_ossl req -x509 -new -key late.pem -subj /CN=x -days 2 -out late.crt
late() { OPENSSL_CONF=$BOX_DIR/openssl.cnf "${VALGRIND[@]}" "$HARNESS/late" "$@" >/dev/null; }
for when in orderly after-cleanup own-after-cleanup; do
    check "a plain key, freed $when" late "$when" late.pem late.crt
    check "a handle, freed $when" late "$when" rsa2048.pem crt.rsa2048
done
stop_box
clean "a box, its command and the provider"
finish
