# shellcheck shell=bash
# What the benchmarks share: notes of what was measured, their medians and ratios, the processor time of processes.
# Sourced after lib.sh and serving.sh, where a test says `begin`: it does.
# shellcheck disable=SC2034 # what is set here is for serving.sh and the benchmarks

sanitized && skip "a sanitizer would be measured"
TEST_SECONDS=${TEST_SECONDS_BENCH:-1800}
begin
ROUNDS=${BENCH_ROUNDS:-5}
LENGTH=${BENCH_SECONDS:-2}
mkdir -p "$TEST_DIR/results"

# Server and box share one processor and the clients have another, or they would take each other's time.
place() {
    placing="all on one processor"
    if [ "$(nproc)" -gt 1 ]; then
        taskset -pc 0 $$ >/dev/null
        CLIENT="taskset -c 1"
        placing="servers and box on one of them, clients on another"
    fi
}

conditions() {
    echo "conditions: $(nproc --all) CPUs ($(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)), $(uname -sr),"
    echo "  $(openssl version | cut -d ' ' -f 1-2), $("$LITTLEBOX_BUILD/littlebox" version | head -n 1), $placing;"
    echo "  $ROUNDS interleaved rounds of $LENGTH s, medians; load of the machine at the end: $(cut -d ' ' -f 1-3 /proc/loadavg)"
}

# note NAME VALUE ; median NAME
note() { echo "$2" >>"$TEST_DIR/results/$1"; }
median() {
    [ -s "$TEST_DIR/results/$1" ] || { echo - && return; }
    sort -n "$TEST_DIR/results/$1" |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "-" || b == "-" || b == 0) print "-"; else printf "%.3f", a / b }'; }
# by_rounds A B : the median of the ratios of A to B, round by round: what both suffered in a round is not in it.
by_rounds() {
    if [ ! -s "$TEST_DIR/results/$1" ] || [ ! -s "$TEST_DIR/results/$2" ]; then echo - && return; fi
    paste "$TEST_DIR/results/$1" "$TEST_DIR/results/$2" | awk '$2 > 0 { printf "%.4f\n", $1 / $2 }' >"$TEST_DIR/results/ratio"
    printf '%.3f' "$(median ratio)"
}

# processes PID... : these and all that descend from them.
processes() {
    local pid
    for pid; do
        echo "$pid"
        # shellcheck disable=SC2046 # a list of process ids
        processes $(children_of "$pid")
    done
}
# cpu_ns PID... : how long they have run, all threads, in nanoseconds.
cpu_ns() {
    local pid
    for pid; do cat /proc/"$pid"/task/*/schedstat 2>/dev/null || true; done | awk '{ n += $1 } END { printf "%.0f", n }'
}

# turn N WORD... : the words in an order that changes with N, so that none is always the first or the last.
turn() {
    local n=$(($1 % ($# - 1)))
    shift
    echo "${@:n + 1}" "${@:1:n}"
}

# load_many CONNECTIONS KEY FILES : a client that is lighter than any server makes full TLS 1.3 handshakes with PORT[KEY], so
# many at once, and says what they were.
load_many() {
    ${CLIENT:-} env OPENSSL_CONF=/dev/null "$HARNESS/tlsmany" --connect "127.0.0.1:${PORT[$2]}" --ca "$3/$2.crt" \
        --light --tls1.3 --at-once "$1" --seconds "$LENGTH"
}
# How load makes its load, and reads the processor time of the processes that it is told.
LOAD_BY=load_many CPU_BY=cpu_ns

# load NAME CONNECTIONS KEY FILES PID... : makes handshakes with PORT[KEY], so many at once; notes for NAME their rate, p50
# and p99 in milliseconds, the processor time of the processes for each handshake in microseconds, and the share of the time
# in which they and the client were busy, in percent.
load() {
    local name=$1 connections=$2 key=$3 files=$4 before after began ended
    shift 4
    before=$("$CPU_BY" "$@")
    began=$(date +%s%N)
    "$LOAD_BY" "$connections" "$key" "$files" >"$TEST_DIR/load" 2>"$TEST_DIR/load.err" || {
        head -n 1 "$TEST_DIR/load.err" >&2
        return 1
    }
    ended=$(date +%s%N)
    after=$("$CPU_BY" "$@")
    awk -v cpu=$((after - before)) -v ns=$((ended - began)) '
        { for (i = 1; i < NF; i += 2) v[$i] = $(i + 1) }
        END { printf "%.0f %.2f %.2f %.1f %.0f %.0f\n", v["per_second"], v["p50"], v["p99"], cpu / v["handshakes"] / 1000,
              cpu / ns * 100, v["cpu_ms"] * 1e8 / ns }' "$TEST_DIR/load" >"$TEST_DIR/load.all"
    read -r rate p50 p99 cpu server client <"$TEST_DIR/load.all"
    note "rate-$name" "$rate" && note "p50-$name" "$p50" && note "p99-$name" "$p99"
    note "cpu-$name" "$cpu" && note "server-$name" "$server" && note "client-$name" "$client"
}

# load_head TITLE [COLUMN] ; load_row KEY KIND NAME PLAIN-NAME : a line of a table of what load noted. WIDTH: of its first
# column.
WIDTH=10
load_head() {
    printf '\n%s\n' "$1"
    printf '%-*s %-14s %8s %6s %7s %7s %8s %6s %7s %7s\n' "$WIDTH" "${2:-key}" kind "per s" ratio "p50 ms" "p99 ms" \
        "CPU us" ratio "server" "client"
}
load_row() {
    printf '%-*s %-14s %8s %6s %7s %7s %8s %6s %6s%% %6s%%\n' "$WIDTH" "$1" "$2" "$(median "rate-$3")" \
        "$(by_rounds "rate-$3" "rate-$4")" "$(median "p50-$3")" "$(median "p99-$3")" "$(median "cpu-$3")" \
        "$(by_rounds "cpu-$4" "cpu-$3")" "$(median "server-$3")" "$(median "client-$3")"
}
load_foot() {
    echo "ratio: to the plain key of the same rounds, of the rate and of the processor time (server and box together; plain"
    echo "divided by this one); control: the plain key again, which shows the noise; server, client: how busy their processors were"
}
