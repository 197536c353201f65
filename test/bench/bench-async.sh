#!/usr/bin/env bash
# What asynchronous jobs bring a server with an event loop: HAProxy with one thread and an RSA-2048 key, and a box on the
# other processor, as ratios to the same HAProxy with the plain key in the same run; and a token that takes 2 ms for a
# signature, with 16 sessions, beside what the token gives at most. Rounds are interleaved, medians are printed. Asserts
# nothing but that no handshake fails.
#
# With two processors the client takes its time from the box or from HAProxy: what HAProxy could do with a client
# elsewhere is what its own processor time says, and beside it stands what box and client took of the other processor.
#
# BENCH_ROUNDS (5) rounds of BENCH_SECONDS (2) each; BENCH_AT_ONCE ("64 200"): connections at once.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs haproxy openssl
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
AT_ONCE=${BENCH_AT_ONCE:-64 200}
TICKS=$(getconf CLK_TCK)
exec 4>&1
mkdir "$TEST_DIR/files"

# The server has a processor of its own, the box another one; the client takes what it gets. Each is in a session of its own,
# as services are: the kernel shares out time by sessions.
SERVER=(setsid) BOX_CPU=(setsid)
if [ "$(nproc)" -gt 1 ]; then
    SERVER+=(taskset -c 0)
    BOX_CPU+=(taskset -c 1)
fi

# site NAME KEY : what HAProxy loads.
site() {
    self_signed "$2" "$TEST_DIR/files/$1.crt" 2>>"$TEST_DIR/openssl.log" || fail "no certificate for $1"
    cat "$TEST_DIR/files/$1.crt" "$2" >"$TEST_DIR/files/$1.site"
}
# start_haproxy SITE [LINE...] : sets HAPROXY and PORT; lines of its global section.
start_haproxy() {
    PORT=$(free_ports 1)
    printf '%s\n' global "nbthread 1" "maxconn 2000" "${@:2}" defaults "mode http" "timeout client 60s" \
        "timeout server 60s" "timeout connect 60s" "frontend bench" \
        "bind 127.0.0.1:$PORT ssl crt $TEST_DIR/files/$1.site" \
        "http-request return status 200 content-type text/plain string hello" >"$TEST_DIR/haproxy.cfg"
    OPENSSL_CONF=$TEST_DIR/openssl.cnf "${SERVER[@]}" haproxy -db -f "$TEST_DIR/haproxy.cfg" \
        >>"$TEST_DIR/haproxy.log" 2>&1 3>&- 4>&- &
    HAPROXY=$!
    own "$HAPROXY"
    await "HAProxy to listen" port_open "$PORT"
}
cpu_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
# per_handshake NAME TICKS : notes that processor time for each, in ms.
per_handshake() { note "$1" "$(awk -v ticks="$2" -v hz="$TICKS" '{ printf "%.3f", ticks * 1000 / hz / $2 }' "$TEST_DIR/load")"; }
# round KIND CONNECTIONS SITE [LINE...] : notes handshakes per second, and the time of HAProxy, box and client for each.
round() {
    local began box client name=$1-$2
    start_haproxy "${@:3}"
    began=$(cpu_of "$HAPROXY") box=$(cpu_of "$(box_child)") client=$(awk '{ print $16 + $17 }' /proc/$$/stat)
    OPENSSL_CONF=/dev/null "$HARNESS/tlsmany" --connect "127.0.0.1:$PORT" --ca "$TEST_DIR/files/$3.crt" --tls1.3 \
        --light --at-once "$2" --seconds "$LENGTH" >"$TEST_DIR/load" 2>&1 || fail "$name: $(cat "$TEST_DIR/load")"
    note "rate-$name" "$(sed 's/.*per_second //' "$TEST_DIR/load")"
    client=$(($(awk '{ print $16 + $17 }' /proc/$$/stat) - client))
    per_handshake "client-$name" "$client"
    per_handshake "box-$name" $(($(cpu_of "$(box_child)") - box))
    per_handshake "cpu-$name" $(($(cpu_of "$HAPROXY") - began))
    stop "$HAPROXY"
}

# --- A sealed key
start_box "$TEST_DIR/box" "${BOX_CPU[@]}"
lb init >"$TEST_DIR/box/init.log" 2>&1
write_openssl_cnf "$TEST_DIR/openssl.cnf" "$BOX_DIR"
new_key rsa:2048 "$TEST_DIR/files/plain.pem"
lb import rsa "$TEST_DIR/files/plain.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
lb handle rsa --out "$TEST_DIR/files/handle.pem"
site plain "$TEST_DIR/files/plain.pem"
site handle "$TEST_DIR/files/handle.pem"
for ((i = 1; i <= ROUNDS; i++)); do
    for n in $AT_ONCE; do
        echo "round $i of $ROUNDS: $n connections" >&2
        round plain "$n" plain
        round waiting "$n" handle
        round async "$n" handle ssl-mode-async
        round control "$n" plain
    done
done
stop_box

# --- A slow token
bad_token "$TEST_DIR/bad"
echo "C_Sign sleep 2" >"$BAD_DIR/control"
token_conf "$TEST_DIR/slow" "$BAD" label=hostile "sessions = 16" "threads = 20"
start_box "$TEST_DIR/slow" "${BOX_CPU[@]}"
lb init >"$TEST_DIR/slow/init.log" 2>&1
attach rsa 01 2>>"$TEST_DIR/lb.log"
write_openssl_cnf "$TEST_DIR/openssl.cnf" "$BOX_DIR"
rm "$TEST_DIR/slow/openssl.cnf" 2>/dev/null || true
lb handle rsa --out "$TEST_DIR/files/token.pem"
site token "$TEST_DIR/files/token.pem"
# limit : signatures per second of 32 processes at once.
limit() {
    local i pids=()
    for i in {1..32}; do
        OPENSSL_CONF=$TEST_DIR/openssl.cnf "$LITTLEBOX_BUILD/test/bench/signspeed" littlebox:rsa "$LENGTH" \
            >"$TEST_DIR/limit.$i" 2>>"$TEST_DIR/limit.log" &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do wait "$i" || fail "signspeed: $(cat "$TEST_DIR/limit.log")"; done
    cat "$TEST_DIR"/limit.[0-9]* | awk '/^[0-9]+$/ { n += $1 } END { print n }'
}
for ((i = 1; i <= ROUNDS; i++)); do
    echo "round $i of $ROUNDS: a token that takes 2 ms" >&2
    note limit "$(limit)"
    round waiting-token 200 token
    round async-token 200 token ssl-mode-async
done
stop_box

# row NAME RESULTS BASE CPU-BASE
row() {
    printf '%-33s %10s %8s %12s %8s %8s %8s\n' "$1" "$(median "rate-$2")" "$(ratio "$(median "rate-$2")" "$3")" \
        "$(median "cpu-$2")" "$(ratio "$4" "$(median "cpu-$2")")" "$(median "box-$2")" "$(median "client-$2")" >&4
}
printf '\n%s\n' "full TLS 1.3 handshakes per second, HAProxy with one thread, RSA-2048, $ROUNDS rounds of $LENGTH s, medians" >&4
printf '%-33s %10s %8s %12s %8s %8s %8s\n' "" "per second" "/ plain" "its CPU, ms" "plain /" "box, ms" "client" >&4
for n in $AT_ONCE; do
    for kind in plain waiting async control; do
        case $kind in
        plain) name="plain key" ;;
        waiting) name="handle" ;;
        async) name="handle, ssl-mode-async" ;;
        control) name="plain key again" ;;
        esac
        row "$n at once: $name" "$kind-$n" "$(median "rate-plain-$n")" "$(median "cpu-plain-$n")"
    done
done
printf '\n%s\n' "the same, 200 at once, a token that takes 2 ms for a signature and has 16 sessions" >&4
printf '%-33s %10s %8s %12s %8s %8s %8s\n' "" "per second" "/ token" "its CPU, ms" "" "box, ms" "client" >&4
printf '%-33s %10s %8s\n' "the token itself, at most" "$(median limit)" 1.00 >&4
row "handle" waiting-token-200 "$(median limit)" "$(median cpu-waiting-token-200)"
row "handle, ssl-mode-async" async-token-200 "$(median limit)" "$(median cpu-waiting-token-200)"
printf '\nload average %s, %s CPUs\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)" "$(nproc)" >&4
TEST_CHECKS=1 && finish
