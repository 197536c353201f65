#!/usr/bin/env bash
# How a box does when there is much of everything: threads and processes that sign, keys, connections, administrators.
# Asserts that nothing fails, and prints figures, which hold for a machine that does nothing else.
#
# BENCH_KEYS ("1 1000 100000") in the box; BENCH_CALLERS ("1 2 4 16"); BENCH_SECONDS (2) for each figure;
# BENCH_TYPE (ec:P-256); BENCH_VERSIONS (1) of each key, with more than one each has a certificate; BENCH_SITES (10000) of nginx.
set -eu
TEST_SECONDS=${TEST_SECONDS:-7200}
AWAIT_SECONDS=${AWAIT_SECONDS:-120}
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl nginx
KEYS=${BENCH_KEYS:-1 1000 100000}
CALLERS=${BENCH_CALLERS:-1 2 4 16}
SECONDS_EACH=${BENCH_SECONDS:-2}
TYPE=${BENCH_TYPE:-ec:P-256}
VERSIONS=${BENCH_VERSIONS:-1}
SITES=${BENCH_SITES:-10000}
TEST_SECONDS_BENCH=${TEST_SECONDS_BENCH:-$TEST_SECONDS}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
BENCH=$LITTLEBOX_BUILD/test/bench
rss() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.0f", ($14 + $15) * 1000 / hz }' "/proc/$1/stat"; }
field() { sed -n "s/.* $1 \([0-9.]*\).*/\1/p" "$TEST_DIR/signed"; }
sign_by_turns() { "$HARNESS/boxload" "$BOX_DIR/default.sock" sign "$@" >"$TEST_DIR/signed"; }
speed() { OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$BENCH/signspeed" "littlebox:$1" "$SECONDS_EACH" 0 "${2:-1}"; }
some_keys() { awk -v n="$1" -v most="$2" 'BEGIN { for (i = 0; i < n && i < most; i++) printf "k%06d\n", i * int(n > most ? n / most : 1) }'; }

ADMINS=4
# administrator I : makes changes for as long as a figure takes, and says how many.
administrator() {
    local made=0 end
    end=$(($(date +%s%N) + SECONDS_EACH * 1000000000))
    while [ "$(date +%s%N)" -lt "$end" ]; do
        lb allow k000000 --user $((20000 + 100 * $1 + made % 50)) 2>>"$TEST_DIR/lb.log"
        made=$((made + 1))
    done
    echo "$made"
}

# box_with N NAME : a box with so many keys, started once with them; sets STARTED, the processor time of that in ms.
box_with() {
    new_box "$TEST_DIR/$2"
    stop_box
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    echo "max-connections = 20000" >"$BOX_DIR/default.conf"
    "$BENCH/makestore" "$BOX_DIR/default/store.db" "$BOX_DIR/default.credential" "$TYPE" "$1" "$VERSIONS"
    start_box "$BOX_DIR"
    STARTED=$(cpu_ms "$(box_child)")
}

echo "conditions: $(nproc --all) CPUs ($(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)), $(uname -sr),"
echo "  $(openssl version | cut -d ' ' -f 1-2), load at the beginning: $(cut -d ' ' -f 1-3 /proc/loadavg)"

printf '\n%-8s %12s %12s %12s %14s %14s %12s %14s\n' keys "start, ms" "away, ms" "bytes a key" "first sign, us" "next sign, us" \
    "admin, 1/s" "expiring, ms"
for n in $KEYS; do
    box_with "$n" "keys$n"
    [ "$(status keys) $(status damaged)" = "$n 0" ] || fail "$(status keys) keys, $(status damaged) damaged"
    size=$(rss "$(box_child)")
    [ -n "${empty:-}" ] || empty=$size
    mapfile -t some < <(some_keys "$n" 900)
    sign_by_turns "${#some[@]}" "${some[@]}" || fail "signatures: $(cat "$TEST_DIR/signed")"
    first=$(field p50)
    sign_by_turns 2000 "${some[@]}" || fail "signatures: $(cat "$TEST_DIR/signed")"
    next=$(field p50)
    began=$(date +%s%N)
    lb list --expiring 30d >"$TEST_DIR/expiring"
    expiring=$((($(date +%s%N) - began) / 1000000))
    [ "$VERSIONS" -eq 1 ] || [ "$(wc -l <"$TEST_DIR/expiring")" -eq $(((n + 99) / 100 + 1)) ] || fail "expiring: $(wc -l <"$TEST_DIR/expiring")"
    kill -HUP "$KEEPER"
    await "the next child" status_is restarts 1
    await "it to open" box_unlocked
    # Changes by some administrators at once, beside a caller that signs.
    speed k000000 >"$TEST_DIR/beside" &
    signer=$!
    admins=()
    for ((i = 1; i <= ADMINS; i++)); do
        administrator "$i" >"$TEST_DIR/made.$i" &
        admins+=("$!")
    done
    for i in "${admins[@]}"; do wait "$i" || fail "a change failed: $(tail -n 1 "$TEST_DIR/lb.log")"; done
    made=$(cat "$TEST_DIR"/made.* | awk '{ n += $1 } END { print n }')
    wait "$signer"
    printf '%-8s %12s %12s %12s %14s %14s %12s %14s\n' "$n" "$STARTED" \
        "$(sed -n 's/.*was away for \([0-9]*\) ms.*/\1/p' "$BOX_DIR/box.log" | tail -n 1)" \
        "$(((size - empty) * 1024 / n))" "$(awk -v v="$first" 'BEGIN { print v * 1000 }')" \
        "$(awk -v v="$next" 'BEGIN { print v * 1000 }')" "$((made / SECONDS_EACH))" "$expiring"
    stop_box
done
echo "start: processor time of the first start; away: from SIGHUP to the next child's READY; first, next: the first signature"
echo "with each of up to 900 keys, and later ones, medians, without OpenSSL; admin: littlebox allow by $ADMINS"
echo "administrators at once, a process each time, while another process signs; expiring: littlebox list --expiring 30d"

box_with 1 callers
printf '\nsignatures per second, %s\n%-8s %12s %12s\n' "$TYPE" callers threads processes
for n in $CALLERS; do
    by_threads=$(speed k000000 "$n")
    pids=() processes=0
    for ((i = 0; i < n; i++)); do
        speed k000000 >"$TEST_DIR/speed.$i" &
        pids+=("$!")
    done
    for i in "${!pids[@]}"; do
        wait "${pids[$i]}" || fail "a signer failed"
        processes=$((processes + $(cat "$TEST_DIR/speed.$i")))
    done
    printf '%-8s %12s %12s\n' "$n" "$by_threads" "$processes"
done

most=$(($(ulimit -Hn) - 200))
[ "$most" -le 10000 ] || most=10000
child_before=$(rss "$(box_child)") keeper_before=$(rss "$KEEPER")
sign_by_turns 2000 k000000
alone=$(field p50)
"$HARNESS/boxload" "$BOX_DIR/default.sock" idle "$most" >"$TEST_DIR/idle" 3>&- &
idlers=$!
own "$idlers"
await "the connections" grep -qx ready "$TEST_DIR/idle"
sign_by_turns 2000 k000000
printf '\n%s idle connections: %s bytes each in the child, %s in the keeper; a signature takes %s ms, %s without them\n' \
    "$most" "$((($(rss "$(box_child)") - child_before) * 1024 / most))" \
    "$((($(rss "$KEEPER") - keeper_before) * 1024 / most))" "$(field p50)" "$alone"
stop "$idlers" KILL

# What administrators change at once, each with one command for many files, beside a caller that signs.
imported=500
for ((i = 1; i <= ADMINS; i++)); do
    mkdir "$TEST_DIR/keys-of-$i"
    OPENSSL_CONF=/dev/null "$HARNESS/makesites" "$TEST_DIR/keys-of-$i" "$imported"
    for ((j = 1; j <= imported; j++)); do mv "$TEST_DIR/keys-of-$i/site$j.pem" "$TEST_DIR/keys-of-$i/admin$i-$j.pem"; done
done
OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$BENCH/signspeed" "littlebox:k000000" 600 0 1 >"$TEST_DIR/beside" 2>&1 &
signer=$!
own "$signer"
admins=()
began=$(date +%s%N)
for ((i = 1; i <= ADMINS; i++)); do
    lb import --recursive "$TEST_DIR/keys-of-$i" >>"$TEST_DIR/imported" 2>"$TEST_DIR/import.$i" &
    admins+=("$!")
done
for i in "${admins[@]}"; do wait "$i" || fail "an import failed: $(tail -qn 2 "$TEST_DIR"/import.*)"; done
ended=$(date +%s%N)
stop "$signer" KILL
printf '\nimports by %s administrators at once, one command with %s files each, while another process signs: %s a second\n' \
    "$ADMINS" "$imported" "$(awk -v n=$((ADMINS * imported)) -v ns=$((ended - began)) 'BEGIN { printf "%.0f", n / ns * 1e9 }')"

# Many sites, each with a key of its own: what the command takes to list and examine them, and what nginx takes to read them.
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
mkdir "$TEST_DIR/plain"
OPENSSL_CONF=/dev/null "$HARNESS/makesites" "$TEST_DIR/plain" "$SITES"
cp -r "$TEST_DIR/plain" "$TEST_DIR/handle"
if is_root; then worker=nobody group=nogroup; else worker=$(id -un) group=$(id -gn); fi
lb adopt --allow "$worker" --recursive "$TEST_DIR/handle" >"$TEST_DIR/adopted" 2>>"$TEST_DIR/lb.log" || fail "adopt: $(tail -n 3 "$TEST_DIR/lb.log")"
PORT=$(free_ports 1)
for kind in plain handle; do
    for ((i = 1; i <= SITES; i++)); do
        # One address: nginx tells them apart by the name that a client asks for.
        NGINX_SERVERS+=("server { listen 127.0.0.1:$PORT ssl; server_name site$i.localhost;
            ssl_certificate $TEST_DIR/$kind/site$i.crt; ssl_certificate_key $TEST_DIR/$kind/site$i.pem; }")
    done
    NGINX_SERVERS+=("server_names_hash_max_size $((4 * SITES)); server_names_hash_bucket_size 128;")
    write_nginx_conf "$TEST_DIR/nginx-$kind" 1 "$worker $group"
done

# timed NAME COMMAND... : notes its processor time in s, with that of what it started, and for NAME-wall how long it took.
timed() {
    local name=$1 TIMEFORMAT="%U %S %R"
    shift
    { time "$@" >"$TEST_DIR/timed.out" 2>"$TEST_DIR/timed.log"; } 2>"$TEST_DIR/time" || fail "$name: $(tail -n 3 "$TEST_DIR/timed.log")"
    note "$name" "$(awk '{ print $1 + $2 }' "$TEST_DIR/time")"
    note "$name-wall" "$(awk '{ print $3 }' "$TEST_DIR/time")"
}
# with_box NAME COMMAND... : and notes for NAME-box what the box took.
with_box() {
    local before after
    before=$(cpu_ns "$(box_child)")
    timed "$@"
    after=$(cpu_ns "$(box_child)")
    note "$1-box" "$(awk -v ns=$((after - before)) 'BEGIN { printf "%.3f", ns / 1e9 }')"
}
examine() {
    OPENSSL_CONF=$BOX_DIR/openssl.cnf lb doctor --server nginx --config "$TEST_DIR/nginx-handle/nginx.conf" &&
        grep -q "nginx: $SITES of $SITES keys are handles" "$TEST_DIR/timed.out"
}
for ((i = 1; i <= 3; i++)); do
    with_box list lb list
    [ "$(wc -l <"$TEST_DIR/timed.out")" -gt "$SITES" ] || fail "list leaves keys out"
    with_box doctor examine
done
printf '\n%s sites, P-256, processor time in s, with that of the box: list %s (%s), doctor --server nginx %s (%s);\n' "$SITES" \
    "$(median list)" "$(median list-box)" "$(median doctor)" "$(median doctor-box)"
printf 'until they had ended: list %s s, doctor %s s\n' "$(median list-wall)" "$(median doctor-wall)"

test_conf() { # KIND [OPENSSL-CONF]
    local NGINX_OPENSSL_CONF=${2:-$BOX_DIR/openssl.cnf}
    run_nginx "$TEST_DIR/nginx-$1" -t
}
memory() { sed -n 's/^\(Rss\|Pss\):  *\([0-9]*\) kB/\1 \2/p' "/proc/$1/smaps_rollup" | awk -v what="$2" '$1 == what { print $2 }'; }
master_ns() { cpu_ns "$(cat "$TEST_DIR/nginx-$1/nginx.pid")"; }
# Its worker is another one, and the only one.
reloaded() {
    local now
    now=$(children_of "$NGINX")
    [ "$(wc -w <<<"$now")" -eq 1 ] && [ "$now" != "$1" ]
}
# running NAME KIND : what it takes to start with these keys, what a worker has in memory then, and what a reload takes.
running() {
    local worker before
    timed "start-$1" start_nginx "$TEST_DIR/nginx-$2"
    NGINX=$(cat "$TEST_DIR/nginx-$2/nginx.pid")
    own "$NGINX"
    await "a worker" has_children "$NGINX"
    worker=$(children_of "$NGINX")
    note "rss-$1" "$(memory "$worker" Rss)"
    note "pss-$1" "$(memory "$worker" Pss)"
    before=$(master_ns "$2")
    kill -HUP "$NGINX"
    await "a worker with what was read again" reloaded "$worker"
    note "reload-$1" "$(awk -v ns=$(($(master_ns "$2") - before)) 'BEGIN { printf "%.3f", ns / 1e9 }')"
    stop_nginx "$TEST_DIR/nginx-$2"
}
for ((i = 1; i <= 3; i++)); do
    timed read-none test_conf plain /dev/null
    timed read-plain test_conf plain
    timed read-handle test_conf handle
    timed read-control test_conf plain
    running plain plain
    running handle handle
    running control plain
done
printf '\nnginx with %s keys, P-256, each with its certificate, the provider active, processor time in s\n%-10s %10s %10s %8s %10s\n' \
    "$SITES" "" "plain keys" handles ratio control
for what in read start reload; do
    printf '%-10s %10s %10s %8s %10s\n' "$([ $what = read ] && echo nginx -t || echo $what)" "$(median $what-plain)" \
        "$(median $what-handle)" "$(by_rounds $what-handle $what-plain)" "$(median $what-control)"
done
for what in rss pss; do
    printf '%-10s %10s %10s %8s %10s\n' "worker $what" "$(median $what-plain)" "$(median $what-handle)" \
        "$(by_rounds $what-handle $what-plain)" "$(median $what-control)"
done
echo "start: until the first process has gone; reload: of the master; memory in KiB, right after the start"
echo "control: plain keys again; nginx -t with plain keys and no provider but OpenSSL's own: $(median read-none) s"
echo "load at the end: $(cut -d ' ' -f 1-3 /proc/loadavg)"
stop_box
check "nothing failed" true
finish
