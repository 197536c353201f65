#!/usr/bin/env bash
# What a handle costs: full TLS 1.3 handshakes with nginx, the first handshake of a fresh worker, signatures in one
# process; with a plain key, with a handle, and with the plain key again as a control. Rounds are interleaved and
# medians are printed. Asserts nothing but that no handshake fails.
#
# BENCH_ROUNDS (5) rounds of BENCH_SECONDS (2) each.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl
sanitized && skip "a sanitizer would be measured"
begin
# Server and box share one processor and the client has another, or the box would take its time from the client.
if [ "$(nproc)" -gt 1 ]; then
    taskset -pc 0 $$ >/dev/null
    CLIENT="taskset -c 1"
    placing="nginx and box on one of them, the client on another"
else
    placing="shared by nginx, box and client"
fi
ROUNDS=${BENCH_ROUNDS:-5}
LENGTH=${BENCH_SECONDS:-2}
exec 4>&1

new_box "$TEST_DIR/box"
mkdir "$TEST_DIR/plain" "$TEST_DIR/handle" "$TEST_DIR/control" "$TEST_DIR/results"
for key in $KEYS; do
    new_key "${KEY_TYPE[$key]}" "$TEST_DIR/plain/$key.pem"
    lb import "$key" "$TEST_DIR/plain/$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
    lb handle "$key" --out "$TEST_DIR/handle/$key.pem"
    ! is_root || lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"
    self_signed "$TEST_DIR/plain/$key.pem" "$TEST_DIR/plain/$key.crt" 2>>"$TEST_DIR/openssl.log"
    cp "$TEST_DIR/plain/$key.pem" "$TEST_DIR/control/"
    cp "$TEST_DIR/plain/$key.crt" "$TEST_DIR/control/"
    cp "$TEST_DIR/plain/$key.crt" "$TEST_DIR/handle/"
done

note() { echo "$2" >>"$TEST_DIR/results/$1"; }
median() { sort -n "$TEST_DIR/results/$1" | awk \
    '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.2f", a - b }'; }

# One round of one kind: a fresh nginx with one worker, first its first handshake, then as many as it can.
round() {
    local kind=$1 key=$2
    configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/$kind" 1 ${WORKER:+"$WORKER"}
    start_nginx "$TEST_DIR/nginx"
    note "first-$kind-$key" "$(handshakes "$key" "$TEST_DIR/$kind" --first --tls1.3)"
    handshakes "$key" "$TEST_DIR/$kind" --seconds "$LENGTH" --tls1.3 >"$TEST_DIR/load" ||
        fail "handshakes: $(cat "$TEST_DIR/load")"
    note "rate-$kind-$key" "$(sed 's/.*per_second //' "$TEST_DIR/load")"
    stop_nginx "$TEST_DIR/nginx"
    note "sign-$kind-$key" \
        "$(OPENSSL_CONF=$BOX_DIR/openssl.cnf "$LITTLEBOX_BUILD/test/bench/signspeed" "$TEST_DIR/$kind/$key.pem" 1)"
}
WORKER=$(is_root && echo www-data) || true

for ((i = 1; i <= ROUNDS; i++)); do
    for key in $KEYS; do
        for kind in plain handle control; do
            echo "round $i of $ROUNDS: $key, $kind" >&2
            round "$kind" "$key"
        done
    done
done

print_table() {
    local key plain handle control
    printf '\n%s, %s rounds of %s s, medians\n' "$1" "$ROUNDS" "$LENGTH"
    printf '%-10s %12s %12s %12s   %s\n' key plain handle control "$4"
    for key in $KEYS; do
        plain=$(median "$2-plain-$key")
        handle=$(median "$2-handle-$key")
        control=$(median "$2-control-$key")
        printf '%-10s %12s %12s %12s   %s (control %s)\n' "${KEY_TYPE[$key]}" "$plain" "$handle" "$control" \
            "$("$3" "$handle" "$plain")" "$("$3" "$control" "$plain")"
    done
}
{
    echo "conditions: $(nproc --all) CPUs ($(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)), $(uname -sr),"
    echo "  $(nginx -v 2>&1 | sed 's/.*: //'), $(openssl version | cut -d ' ' -f 1-2), $("$LITTLEBOX_BUILD/littlebox" version | head -n 1), $placing"
    print_table "full TLS 1.3 handshakes per second, nginx with one worker" rate ratio "handle/plain"
    print_table "first handshake of a fresh worker, ms" first minus "handle - plain"
    print_table "signatures per second, one thread" sign ratio "handle/plain"
} >&4
