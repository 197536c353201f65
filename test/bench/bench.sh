#!/usr/bin/env bash
# What a handle costs: full TLS 1.3 handshakes with nginx, the first handshake of a fresh worker, signatures in one
# process; with a plain key, with a handle, with the plain key again as a control, and with the bare daemon as a yardstick, which
# checks nothing: what is between it and the handle is what a box does. Asserts nothing but that no handshake fails.
#
# All servers run from the beginning, and each has its turn of BENCH_SECONDS (0.5) in each of BENCH_ROUNDS (20) rounds, in
# an order that changes; with BENCH_CLIENTS (8) connections at once. BENCH_WORKERS (1): workers of each nginx; from two on all
# programs share all processors. BENCH_BEFORE: another build of littlebox, whose box and
# module are measured in the same rounds.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=bare.sh
. "$(dirname "$0")/bare.sh"
ROUNDS=${BENCH_ROUNDS:-20}
LENGTH=${BENCH_SECONDS:-0.5}
CLIENTS=${BENCH_CLIENTS:-8}
KINDS="plain handle control bare${BENCH_BEFORE:+ before}"
WORKERS=${BENCH_WORKERS:-1}
placing="servers, box and clients share all of them"
[ "$WORKERS" -gt 1 ] || place
exec 4>&1
WORKER=$(is_root && echo www-data) || true

for kind in $KINDS; do mkdir "$TEST_DIR/$kind"; done
for key in $KEYS; do
    new_key "${KEY_TYPE[$key]}" "$TEST_DIR/plain/$key.pem"
    cp "$TEST_DIR/plain/$key.pem" "$TEST_DIR/control/"
done

# box_of KIND : a box with all keys, their handles, and an openssl.cnf.
declare -A BOX_OF KEEPER_OF
box_of() {
    local kind=$1 key
    new_box "$TEST_DIR/box-$kind" setsid # as every service: the kernel shares out time by sessions
    for key in $KEYS; do
        lb import "$key" "$TEST_DIR/plain/$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
        lb handle "$key" --out "$TEST_DIR/$kind/$key.pem"
        ! is_root || lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"
    done
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    BOX_OF[$kind]=$BOX_DIR KEEPER_OF[$kind]=$KEEPER
}
# use KIND : what follows is with the box of that kind; what has none is measured beside the box of handles.
use() { BOX_DIR=${BOX_OF[$1]:-${BOX_OF[handle]}} KEEPER=${KEEPER_OF[$1]:-${KEEPER_OF[handle]}}; }
SIGNSPEED=$LITTLEBOX_BUILD/test/bench/signspeed
box_of handle
start_bare "$TEST_DIR/box-bare" "$TEST_DIR/plain" "$TEST_DIR/bare"
BOX_OF[bare]=$TEST_DIR/box-bare KEEPER_OF[bare]=$BARE
if [ -n "${BENCH_BEFORE:-}" ]; then
    LITTLEBOX_BUILD=$BENCH_BEFORE MODULE=$BENCH_BEFORE/.libs/littlebox.so
    if [ ! -x "$LITTLEBOX_BUILD/littleboxd" ] || [ ! -e "$MODULE" ]; then
        fail "no littlebox was built in BENCH_BEFORE, $BENCH_BEFORE"
    fi
    box_of before
fi
for key in $KEYS; do
    self_signed "$TEST_DIR/plain/$key.pem" "$TEST_DIR/plain/$key.crt" 2>>"$TEST_DIR/openssl.log"
    for kind in ${KINDS#plain }; do cp "$TEST_DIR/plain/$key.crt" "$TEST_DIR/$kind/"; done
done
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.2f", a - b }'; }

# An nginx with one worker for each kind. They are configured anew for every start, so their ports are kept beside.
declare -A SERVER PORT_OF
serve() {
    local kind=$1 key
    use "$kind"
    configure_nginx "$TEST_DIR/nginx-$kind" "$TEST_DIR/$kind" "$WORKERS" ${WORKER:+"$WORKER"}
    start_nginx "$TEST_DIR/nginx-$kind"
    SERVER[$kind]=$NGINX
    for key in $KEYS; do PORT_OF[$kind-$key]=${PORT[$key]}; done
}

# The first handshake of a fresh worker.
for ((i = 1; i <= (ROUNDS + 1) / 2; i++)); do
    for key in $KEYS; do
        # shellcheck disable=SC2086 # a list of kinds
        for kind in $(turn "$i" $KINDS); do
            echo "first handshakes, round $i: $key, $kind" >&2
            serve "$kind"
            note "first-$kind-$key" "$(handshakes "$key" "$TEST_DIR/$kind" --first --tls1.3)"
            stop_nginx "$TEST_DIR/nginx-$kind"
        done
    done
done

for kind in $KINDS; do serve "$kind"; done
for ((i = 1; i <= ROUNDS; i++)); do
    for key in $KEYS; do
        # shellcheck disable=SC2086 # a list of kinds
        for kind in $(turn "$i" $KINDS); do
            echo "round $i of $ROUNDS: $key, $kind" >&2
            use "$kind"
            PORT[$key]=${PORT_OF[$kind-$key]}
            # shellcheck disable=SC2046 # a list of process ids
            load "$kind-$key" "$CLIENTS" "$key" "$TEST_DIR/$kind" $(processes "${SERVER[$kind]}" "$KEEPER") ||
                fail "handshakes failed"
            note "sign-$kind-$key" "$(OPENSSL_CONF=$BOX_DIR/openssl.cnf \
                "$SIGNSPEED" "$TEST_DIR/$kind/$key.pem" "$LENGTH")"
        done
    done
done
for kind in $KINDS; do
    use "$kind"
    NGINX=${SERVER[$kind]}
    stop_nginx "$TEST_DIR/nginx-$kind"
done

# small_table TITLE NAME FUNCTION COLUMN
small_table() {
    local key plain handle control kind others
    printf '\n%s\n%-10s %12s %12s %12s   %s\n' "$1" key plain handle control "$4"
    for key in $KEYS; do
        plain=$(median "$2-plain-$key")
        handle=$(median "$2-handle-$key")
        control=$(median "$2-control-$key")
        others=
        for kind in ${KINDS#*control}; do others+=", $kind $("$3" "$(median "$2-$kind-$key")" "$plain")"; done
        printf '%-10s %12s %12s %12s   %s (control %s%s)\n' "${KEY_TYPE[$key]}" "$plain" "$handle" "$control" \
            "$("$3" "$handle" "$plain")" "$("$3" "$control" "$plain")" "$others"
    done
}
{
    conditions
    load_head "full TLS 1.3 handshakes, $(nginx -v 2>&1 | sed 's/.*: //') with $WORKERS worker(s), $CLIENTS connections at once"
    for key in $KEYS; do
        for kind in $KINDS; do load_row "${KEY_TYPE[$key]}" "$kind" "$kind-$key" "plain-$key"; done
    done
    load_foot
    small_table "first handshake of a fresh worker, ms" first minus "handle - plain"
    small_table "signatures per second, one thread" sign ratio "handle/plain"
} >&4
