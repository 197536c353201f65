#!/usr/bin/env bash
# How long a full TLS 1.3 handshake takes with nginx at part load: with a plain key, with a handle of a sealed key, with one of a
# key on a SoftHSM2 token, with the plain key again as a control, and with the bare daemon as a yardstick, which is no product
# (bare.c). First the plain key's saturation by a closed loop; then arrivals at 30, 60 and 80 % of that, which come whatever the
# server does (test/harness/tlsrate.c), in the same bursts for all. Asserts nothing but that no handshake fails. A run whose own
# client was the bottleneck is thrown out, and all of its turn made again; with BENCH_OTHERS (100) so is a turn in which other
# programs had more percent of the processors. BENCH_AGAIN (3): times.
#
# BENCH_WORKERS ("1 2"): workers of each nginx, one after the other; with one the client has a processor of its own. BENCH_LOADS
# ("30 60 80"), BENCH_KEYS ("rsa ec ed"), BENCH_KINDS ("plain handle control bare token", of which plain must be one).
# BENCH_ROUNDS (5) rounds of BENCH_SECONDS (3); BENCH_CLIENTS (8): connections of the closed loop. Some 30 minutes.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl
TEST_SECONDS_BENCH=${TEST_SECONDS_BENCH:-7200}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=bare.sh
. "$(dirname "$0")/bare.sh"
: >"$TEST_DIR/results/thrown-out"
LENGTH=${BENCH_SECONDS:-3}
CLIENTS=${BENCH_CLIENTS:-8}
PERCENTS=${BENCH_LOADS:-30 60 80}
KINDS=${BENCH_KINDS:-plain handle control bare token}
KEYS=${BENCH_KEYS:-$KEYS}
P50_MORE_US=60 P99_RATIO=1.10 P99_LOAD=60
AGAIN_MAX=${BENCH_AGAIN:-3} OTHERS_MAX=${BENCH_OTHERS:-100}
TICKS=$(getconf CLK_TCK)
exec 4>&1
WORKER=$(is_root && echo www-data) || true
# What the client is late by is in the figures: where that is allowed it goes before all others.
FIRST=() first="of its own priority"
if chrt -f 1 true 2>/dev/null; then FIRST=(chrt -f 1) first="before all others (SCHED_FIFO)"; fi

if grep -qw token <<<"$KINDS" && { [ -z "$SOFTHSM_MODULE" ] || ! command -v softhsm2-util >/dev/null; }; then
    echo "not measured: token: SoftHSM2 is not installed"
    KINDS=${KINDS//token/}
fi
for kind in $KINDS; do mkdir -p "$TEST_DIR/$kind"; done
mkdir -p "$TEST_DIR/plain"
for key in rsa ec ed; do
    new_key "${KEY_TYPE[$key]}" "$TEST_DIR/plain/$key.pem"
done

# --- The keys in a box, and on a token with a box in front of it
declare -A BOX_OF KEEPER_OF
# handles_of KIND : of the box that was started last, which is that kind's.
handles_of() {
    local key
    for key in $KEYS; do
        lb handle "$key" --out "$TEST_DIR/$1/$key.pem"
        ! is_root || lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"
    done
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    BOX_OF[$1]=$BOX_DIR KEEPER_OF[$1]=$KEEPER
}
use() { BOX_DIR=${BOX_OF[$1]:-${BOX_OF[handle]}}; }

new_box "$TEST_DIR/box-handle" setsid # as every service: the kernel shares out time by sessions
for key in $KEYS; do lb import "$key" "$TEST_DIR/plain/$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"; done
mkdir -p "$TEST_DIR/handle"
handles_of handle
for key in $KEYS; do self_signed "$TEST_DIR/plain/$key.pem" "$TEST_DIR/plain/$key.crt" 2>>"$TEST_DIR/openssl.log"; done
if grep -qw token <<<"$KINDS"; then
    declare -A ID=([rsa]=01 [ec]=02 [ed]=03)
    softhsm_dir "$TEST_DIR/hsm"
    softhsm_token bench
    token_conf "$TEST_DIR/box-token" "$SOFTHSM_MODULE" label=bench "sessions = 8" "$(module_env SOFTHSM2_CONF)"
    for key in $KEYS; do
        softhsm_import bench "$TEST_DIR/plain/$key.pem" "${ID[$key]}" "$key" || fail "no $key on the token"
    done
    new_box "$TEST_DIR/box-token" setsid
    for key in $KEYS; do
        attach "$key" "${ID[$key]}" 2>>"$TEST_DIR/lb.log" || fail "attach $key: $(tail -n 2 "$TEST_DIR/lb.log")"
    done
    handles_of token
fi
if grep -qw bare <<<"$KINDS"; then
    start_bare "$TEST_DIR/box-bare" "$TEST_DIR/plain" "$TEST_DIR/bare"
    BOX_OF[bare]=$TEST_DIR/box-bare KEEPER_OF[bare]=$BARE
fi
for kind in $KINDS; do
    [ "$kind" = plain ] || cp "$TEST_DIR/plain/"*.crt "$TEST_DIR/$kind/"
    [ "$kind" != control ] || cp "$TEST_DIR/plain/"*.pem "$TEST_DIR/control/"
done

# --- Servers, all of them at once
declare -A SERVER PORT_OF
# serve WORKERS
serve() {
    local kind key
    for kind in $KINDS; do
        use "$kind"
        for key in $KEYS; do
            PORT_OF[$kind-$key]=$(free_ports 1)
            nginx_server "${PORT_OF[$kind-$key]}" "$TEST_DIR/$kind/$key.crt" "$TEST_DIR/$kind/$key.pem"
        done
        write_nginx_conf "$TEST_DIR/nginx-$kind" "$1" ${WORKER:+"$WORKER"}
        sed -i 's/worker_connections [0-9]*;/worker_connections 4096;/' "$TEST_DIR/nginx-$kind/nginx.conf"
        start_nginx "$TEST_DIR/nginx-$kind"
        SERVER[$kind]=$NGINX
    done
}
end_servers() {
    local kind
    for kind in $KINDS; do
        use "$kind"
        NGINX=${SERVER[$kind]}
        stop_nginx "$TEST_DIR/nginx-$kind"
    done
}
# processors LIST : for this script and what it starts, and for the boxes.
processors() {
    local pid
    for pid in $$ $(processes "${KEEPER_OF[@]}"); do taskset -apc "$1" "$pid" >/dev/null; done
}
place_for() {
    CLIENT=
    if [ "$1" -eq 1 ] && [ "$(nproc --all)" -gt 1 ]; then
        processors 0
        CLIENT="taskset -c 1"
        placing="servers and boxes on one of them, the client on another, $first"
    else
        processors "0-$(($(nproc --all) - 1))"
        placing="servers, boxes and client share all of them, the client $first"
    fi
}

# --- Arrivals
# arrive KIND KEY RATE SEED : sets FIGURES: p50, p99, p99.9 and the client's late p99, in us, its share of a processor in percent,
# and that in ms. Status 3: thrown out.
arrive() {
    local status=0
    # shellcheck disable=SC2086 # CLIENT: what the client runs under
    OPENSSL_CONF=/dev/null ${CLIENT:-} "${FIRST[@]}" "$HARNESS/tlsrate" --connect "127.0.0.1:${PORT_OF[$1-$2]}" \
        --ca "$TEST_DIR/$1/$2.crt" --rate "$3" --seconds "$LENGTH" --seed "$4" >"$TEST_DIR/load" 2>"$TEST_DIR/load.err" || status=$?
    if [ "$status" -eq 3 ]; then
        echo "thrown out: $2, $1: $(cat "$TEST_DIR/load.err")" >&2
        return 3
    fi
    [ "$status" -eq 0 ] || fail "$2, $1: $(head -n 1 "$TEST_DIR/load.err")"
    read -ra FIGURES < <(awk -v s="$LENGTH" '{ for (i = 1; i < NF; i += 2) v[$i] = $(i + 1) }
        END { printf "%.0f %.0f %.0f %.0f %.0f %.0f\n", v["p50"] * 1e3, v["p99"] * 1e3, v["p999"] * 1e3, v["late_p99"] * 1e3,
              v["cpu_ms"] / s / 10, v["cpu_ms"] }' "$TEST_DIR/load")
}
NAMES=(p50 p99 p999 late client)
# busy_ms : how long all processors were busy since the machine was started; ours_ms : how long servers and boxes of ours were.
busy_ms() { awk -v hz="$TICKS" '/^cpu / { printf "%.0f", ($2 + $3 + $4 + $7 + $8) * 1000 / hz }' /proc/stat; }
# shellcheck disable=SC2046 # a list of process ids
ours_ms() { echo $(($(cpu_ns $(processes "${SERVER[@]}" "${KEEPER_OF[@]}")) / 1000000)); }
# others MS BUSY-MS OURS-MS : what others had of the processors meanwhile, in percent.
others() {
    awk -v ms="$1" -v busy="$2" -v ours="$3" -v n="$(nproc --all)" \
        'BEGIN { o = (busy - ours) / (n * ms) * 100; printf "%.0f\n", (o > 0 ? o : 0) }'
}
# all_arrive ROUND PLACE KEY LOAD : all kinds, one after the other. Nothing is noted unless all of them can be.
all_arrive() {
    local rate kind i busy ours clients=0 began others
    local -A got=()
    busy=$(busy_ms) ours=$(ours_ms) began=$(date +%s%N)
    rate=$(awk -v r="$(median "rate-saturation-$2-$3")" -v l="$4" 'BEGIN { print r * l / 100 }')
    # shellcheck disable=SC2086 # a list of kinds
    for kind in $(turn "$1" $KINDS); do
        echo "$2 worker(s), round $1 of $ROUNDS: $3, $4 %, $kind" >&2
        arrive "$kind" "$3" "$rate" "$1" || return
        got[$kind]=${FIGURES[*]}
        clients=$((clients + FIGURES[5]))
    done
    others=$(others $((($(date +%s%N) - began) / 1000000)) $(($(busy_ms) - busy)) $(($(ours_ms) - ours + clients)))
    if [ "$others" -gt "$OTHERS_MAX" ]; then
        echo "thrown out: $3, $4 %: others had $others % of the processors" >&2
        return 3
    fi
    note "others-$2" "$others"
    for kind in $KINDS; do
        read -ra FIGURES <<<"${got[$kind]}"
        for i in "${!NAMES[@]}"; do note "${NAMES[i]}-$kind-$2-$3-$4" "${FIGURES[i]}"; done
    done
}
measure() {
    local workers=$1 key percent i again
    for ((i = 1; i <= 3; i++)); do
        for key in $KEYS; do
            echo "$workers worker(s), saturation, round $i of 3: $key" >&2
            PORT[$key]=${PORT_OF[plain-$key]}
            # shellcheck disable=SC2046 # a list of process ids
            load "saturation-$workers-$key" "$CLIENTS" "$key" "$TEST_DIR/plain" $(processes "${SERVER[plain]}") ||
                fail "handshakes failed"
        done
    done
    for ((i = 1; i <= ROUNDS; i++)); do
        for key in $KEYS; do
            for percent in $PERCENTS; do
                for ((again = 0; again < AGAIN_MAX; again++)); do
                    ! all_arrive "$i" "$workers" "$key" "$percent" || break
                    note thrown-out "$workers $key $percent"
                done
            done
        done
    done
}

# --- Tables
# apart A B : the median of the differences by rounds.
apart() {
    if [ ! -s "$TEST_DIR/results/$1" ] || [ ! -s "$TEST_DIR/results/$2" ]; then echo - && return; fi
    paste "$TEST_DIR/results/$1" "$TEST_DIR/results/$2" | awk '{ print $1 - $2 }' >"$TEST_DIR/results/apart"
    printf '%+.0f' "$(median apart)"
}
ms() { awk -v v="$1" 'BEGIN { if (v == "-") print "-"; else printf "%.3f", v / 1e3 }'; }
# exceeds VALUE LIMIT : a number that is above it.
exceeds() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "-" && a + 0 > b + 0) }'; }
MISSED=()
row() {
    local key=$1 percent=$2 kind=$3 at=$4-$1-$2 plain=plain-$4-$1-$2 more ratio
    more=$(apart "p50-$kind-$at" "p50-$plain")
    ratio=$(by_rounds "p99-$kind-$at" "p99-$plain")
    printf '%-9s %4s%% %-8s %8s %8s %8s %9s %7s %7s %8s %6s%%\n' "${KEY_TYPE[$key]}" "$percent" "$kind" \
        "$(ms "$(median "p50-$kind-$at")")" "$(ms "$(median "p99-$kind-$at")")" "$(ms "$(median "p999-$kind-$at")")" \
        "$more" "$ratio" "$(by_rounds "p999-$kind-$at" "p999-$plain")" \
        "$(ms "$(median "late-$kind-$at")")" "$(median "client-$kind-$at")"
    case $kind in plain | control | bare) return ;; esac
    [ "$more" != - ] || MISSED+=("${KEY_TYPE[$key]} at $percent %, $kind: not measured")
    ! exceeds "$more" $P50_MORE_US || MISSED+=("${KEY_TYPE[$key]} at $percent %, $kind: p50 $more us")
    [ "$percent" != $P99_LOAD ] || ! exceeds "$ratio" $P99_RATIO || MISSED+=("${KEY_TYPE[$key]} at $percent %, $kind: p99 $ratio")
}
table() {
    local workers=$1 key percent kind
    MISSED=()
    conditions
    printf '\nfull TLS 1.3 handshakes at part load, %s with %s worker(s), arrivals with exponential gaps\n' \
        "$(nginx -v 2>&1 | sed 's/.*: //')" "$workers"
    for key in $KEYS; do
        printf '100%% of %s: %s a second, what the plain key did at most with %s connections at once\n' "${KEY_TYPE[$key]}" \
            "$(median "rate-saturation-$workers-$key")" "$CLIENTS"
    done
    printf '%-9s %5s %-8s %8s %8s %8s %9s %7s %7s %8s %7s\n' key load kind "p50 ms" "p99 ms" "p99.9 ms" "p50 +us" "p99 x" \
        "p99.9 x" "late ms" client
    for key in $KEYS; do
        for percent in $PERCENTS; do
            for kind in $KINDS; do row "$key" "$percent" "$kind" "$workers"; done
        done
    done
    echo "p50 +us: p50 less that of the plain key; p99 x, p99.9 x: to the plain key's; by rounds, in which all have the same bursts."
    echo "control: the plain key again, which shows the noise. late ms: one handshake in a hundred was begun so late or later by the"
    echo "client itself; client: how busy it was. Turns that were thrown out, and made again up to $AGAIN_MAX times each:" \
        "$(grep -c "^$workers " "$TEST_DIR/results/thrown-out" || true)"
    echo "Others on this machine had $(median "others-$workers") % of its processors meanwhile: figures are of use where that is little."
    echo "to reach: p50 of the plain key + $P50_MORE_US us, and at $P99_LOAD % p99 of $P99_RATIO times the plain key's. Missed:"
    [ "${#MISSED[@]}" -gt 0 ] || MISSED=(nothing)
    printf '    %s\n' "${MISSED[@]}"
}

for workers in ${BENCH_WORKERS:-1 2}; do
    place_for "$workers"
    serve "$workers"
    measure "$workers"
    end_servers
    table "$workers" >&4
done
TEST_CHECKS=1 && finish
