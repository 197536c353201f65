#!/usr/bin/env bash
# Little memory that may be locked: a box has what serving takes before it is ready, or does not start and says why, or
# was told to do without and says that.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl prlimit
sanitized && skip "a sanitizer turns mlock(2) into nothing"
begin
box_of_nobody # root may lock what it likes
may_limit() { prlimit --memlock="$1" true 2>/dev/null; }
may_limit $((8192 * 1024)) || skip "the limit on locked memory is below 8 MiB, and cannot be raised"
# limit KIB : the prefix of a command that may lock so much.
limit() { LIMIT=(prlimit --memlock="$(($1 * 1024))" "${as_box_user[@]}"); }

# new_dir NAME SETTING... : a directory for a box of that user, with these lines in BOX.conf. Sets BOX_DIR.
new_dir() {
    BOX_DIR=$TEST_DIR/$1
    shift
    mkdir "$BOX_DIR"
    printf '%s\n' "$@" >"$BOX_DIR/default.conf"
    if is_root; then chown nobody "$BOX_DIR"; fi
}

# --- Too little: no box, status 78, and what is to be done.
# does_not_start TEXT KIB PATTERN
does_not_start() {
    local status=0
    limit "$2"
    "${LIMIT[@]}" timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$BOX_DIR/$2.log" 2>&1 || status=$?
    same "$1: the exit status" 78 "$status"
    says "$1: the text" "$3" "$BOX_DIR/$2.log"
    check "$1: it did not serve" not grep -q ' serves ' "$BOX_DIR/$2.log"
}
new_dir little 'threads = 2'
for kib in 0 64 192 256 1024; do
    does_not_start "$kib KiB" "$kib" \
        "2 threads need [0-9]+ KiB of locked memory, and the limit is $kib KiB: raise it \(LimitMEMLOCK=.*ulimit -l"
done
says "and how to do without" "or say 'locked-memory = no' in $BOX_DIR/default.conf" "$BOX_DIR/0.log"
needed=$(sed -n 's/.* need \([0-9]*\) KiB of locked memory.*/\1/p' "$BOX_DIR/0.log")
does_not_start "a page too little" $((needed - 4)) "2 threads need $needed KiB"
new_dir many 'threads = 64'
does_not_start "64 threads, 8 MiB" 8192 '64 threads need [0-9]+ KiB .* the limit is 8192 KiB'
new_dir wrong 'locked-memory = maybe'
refused "locked-memory = maybe" 'locked-memory = maybe: it must be yes or no' \
    timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"

# --- The limit would do, and the system locks nothing all the same, as systemd-nspawn's filter has it.
refuse_locks() { LIMIT=(prlimit --memlock="$1" "${as_box_user[@]}" "$HARNESS/nolock"); }
new_dir refused 'threads = 2'
for bytes in $((8192 * 1024)) $((1024 * 1024)) $(may_limit unlimited && echo unlimited); do
    refuse_locks "$bytes"
    status=0
    "${LIMIT[@]}" timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$BOX_DIR/log" 2>&1 || status=$?
    same "mlock is refused, $bytes: the exit status" 78 "$status"
    says "mlock is refused, $bytes: the reason and the cure" \
        "refuses to lock memory, whatever the limit: Operation not permitted: .*CAP_IPC_LOCK.*'locked-memory = no' in $BOX_DIR" \
        "$BOX_DIR/log"
    check "mlock is refused, $bytes: nothing of a limit to raise" not grep -q 'ulimit\|LimitMEMLOCK' "$BOX_DIR/log"
done
refuse_locks $((8192 * 1024))
refused "littlebox, mlock is refused" "'init' needs [0-9]+ KiB of locked memory, and the system refuses to lock it: Operation not permitted" \
    "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" init
refused "and its cure" 'hint: .*CAP_IPC_LOCK' "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" init

# --- Enough: what is claimed is so.
of_status() { sed -n "s/^$1:[[:space:]]*\([0-9]*\).*/\1/p" "/proc/$(box_child)/status"; }
person_status() { lb status >"$BOX_DIR/status.txt" || true; }
# starts KIB : a box with a key, started with that limit.
starts() {
    limit "$1"
    start_box "$BOX_DIR" "${LIMIT[@]}"
    lb init 2>>"$TEST_DIR/lb.log" || fail "littlebox init"
    lb create web >/dev/null 2>>"$TEST_DIR/lb.log"
    child=$(box_child)
    person_status
}
# All threads at once, and changes that wait for each other.
works() {
    local client clients=()
    for client in 1 2 3 4; do
        "$HARNESS/boxload" "$BOX_DIR/default.sock" sign 200 web >"$TEST_DIR/load-$client.log" 2>&1 &
        clients[client]=$!
        own "$!"
    done
    for n in {1..12}; do
        lb allow web --user $((20000 + n)) 2>>"$TEST_DIR/lb.log" &
        clients[4 + n]=$!
        own "$!"
    done
    for client in "${clients[@]}"; do
        wait "$client" || return 1
    done
}
claims_secrets() {
    same "$1: status" "secrets locked" "$(status memory)"
    says "$1: status for people" '^memory +secrets locked; not stacks, nor the primes of open RSA keys$' "$BOX_DIR/status.txt"
    same "$1: not all of it" false "$(status memory_locked)"
    check "$1: so much is locked" test "$(of_status VmLck)" -ge 1536
    check "$1: within the limit" test "$(of_status VmLck)" -le "$2"
    same "$1: status has the limit" "$2" "$(status memory_limit_kib)"
    check "$1: all callers and changes are served" works
    check "$1: the child lives" test "$(box_child)" = "$child"
    stop_box
}
new_dir just 'threads = 2'
starts "$needed"
same "status says what is needed" "$needed" "$(status memory_needed_kib)"
claims_secrets "just enough" "$needed"
new_dir usual 'threads = 2'
starts 8192
check "8 MiB: the secure heap has what is left" test "$(of_status VmLck)" -ge 5120
claims_secrets "8 MiB" 8192
# Keys in turn, more than the heap has room for at once: memory stays what it is.
new_dir bounded 'threads = 2' 'open-keys = 100000'
starts "$needed"
stop_box
"$HARNESS/../bench/makestore" "$BOX_DIR/default/store.db" "$BOX_DIR/default.credential" ec:P-256 1500
start_box "$BOX_DIR" "${LIMIT[@]}"
mapfile -t many < <(printf 'k%06d\n' {0..1499})
locked=$(of_status VmLck)
check "1500 keys sign, none is refused" "$HARNESS/boxload" "$BOX_DIR/default.sock" sign 3000 "${many[@]}"
same "as much memory is locked as before" "$locked" "$(of_status VmLck)"
stop_box

# --- No limit, or none for whoever may: all.
# starts_all COMMAND PREFIX...
starts_all() {
    start_box "$BOX_DIR" "$@"
    lb init 2>>"$TEST_DIR/lb.log" || fail "littlebox init"
    lb create web >/dev/null 2>>"$TEST_DIR/lb.log"
    person_status
    check "all callers and changes are served" works
}
if may_limit unlimited; then
    new_dir all 'threads = 64'
    starts_all prlimit --memlock=unlimited "${as_box_user[@]}"
    same "no limit: status" "all locked true" "$(status memory) $(status memory_locked)"
    says "no limit: status for people" '^memory +all locked$' "$BOX_DIR/status.txt"
    check "no limit: more is locked than the secrets" test "$(of_status VmLck)" -ge 32768
    same "no limit: status has none" "" "$(status memory_limit_kib)"
    stop_box
fi
if is_root; then
    # The right to lock counts, with a limit that cannot be lifted; without it, root is as others are.
    new_dir right 'threads = 64'
    chown root "$BOX_DIR"
    starts_all prlimit --memlock=65536 setpriv --inh-caps=-sys_resource --bounding-set=-sys_resource
    same "CAP_IPC_LOCK and 64 KiB" "all locked" "$(status memory)"
    check "CAP_IPC_LOCK: more is locked than the secrets" test "$(of_status VmLck)" -ge 32768
    stop_box
    new_dir none 'threads = 2'
    as_box_user=(setpriv "--inh-caps=-sys_resource,-ipc_lock" "--bounding-set=-sys_resource,-ipc_lock")
    does_not_start "root without CAP_IPC_LOCK" 64 '2 threads need [0-9]+ KiB of locked memory, and the limit is 64 KiB'
    as_box_user=(setpriv --reuid nobody --regid nogroup --clear-groups)
fi
# A soft limit is raised as far as it may be.
new_dir soft 'threads = 2'
start_box "$BOX_DIR" prlimit --memlock=65536:"$((needed * 1024))" "${as_box_user[@]}"
same "a soft limit" "secrets locked $needed" "$(status memory) $(status memory_limit_kib)"
stop_box

# --- Threads that cannot be had.
if is_root; then
    # A user of whom nothing else runs: keeper, child and usher are three, and one thread is too few.
    lonely=$((40000 + $$ % 10000))
    new_dir threads 'threads = 2'
    chown "$lonely" "$BOX_DIR"
    status=0
    timeout "$AWAIT_SECONDS" prlimit --nproc=4 setpriv --reuid "$lonely" --regid "$lonely" --clear-groups \
        "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$BOX_DIR/box.log" 2>&1 || status=$?
    same "no thread can be had: the exit status" 78 "$status"
    says "no thread can be had: the text" 'cannot start the threads: Resource temporarily unavailable' "$BOX_DIR/box.log"
    check "it did not serve" not grep -q ' serves ' "$BOX_DIR/box.log"
fi

# --- Many processors: as many threads as the limit has room for, unless the number was set.
# No function: a shell between the test and the box would leave the box behind.
# shellcheck disable=SC2016 # the inner shell's
many_processors=(unshare --mount sh -c
    'mount --bind "$1" /sys/devices/system/cpu/online && shift && exec "$@"' sh "$TEST_DIR/online")
echo 0-199 >"$TEST_DIR/online"
if is_root && [ "$("${many_processors[@]}" getconf _NPROCESSORS_ONLN 2>/dev/null)" = 200 ]; then
    new_dir processors
    limit 8192
    start_box "$BOX_DIR" "${many_processors[@]}" "${LIMIT[@]}"
    says "fewer threads: the log" '[0-9]+ threads instead of 200: the limit on locked memory is 8192 KiB' "$BOX_DIR/box.log"
    few=$(status threads)
    check "fewer threads: $few" test "$few" -ge 16 -a "$few" -le 60
    same "fewer threads: secrets are locked" "secrets locked" "$(status memory)"
    check "so that one more would not fit" test $(($(status memory_needed_kib) + 148)) -gt 8192
    stop_box
else
    say "many processors are not tried: that takes root, and a C library that counts them in /sys"
fi

# --- Told to do without.
for kib in 0 64; do
    new_dir "without-$kib" 'threads = 2' 'locked-memory = no'
    starts "$kib"
    same "$kib KiB, locked-memory = no: status" "not locked" "$(status memory)"
    same "$kib KiB: its numbers" "$needed $kib" "$(status memory_needed_kib) $(status memory_limit_kib)"
    says "$kib KiB: status for people" "^memory +not locked: $needed KiB are needed, the limit is $kib KiB$" \
        "$BOX_DIR/status.txt"
    says "$kib KiB: the log" 'secrets are not locked in memory, and may be written to swap' "$BOX_DIR/box.log"
    check "$kib KiB: all callers and changes are served" works
    stop_box
done
new_dir refused-without 'threads = 2' 'locked-memory = no'
refuse_locks $((8192 * 1024))
start_box "$BOX_DIR" "${LIMIT[@]}"
lb init 2>>"$TEST_DIR/lb.log" || fail "littlebox init"
person_status
same "mlock is refused, locked-memory = no: status" "not locked" "$(status memory)"
same "mlock is refused: no limit is blamed" "" "$(status memory_limit_kib)"
says "mlock is refused: status for people" "^memory +not locked: $needed KiB are needed, and the system refuses to lock memory$" \
    "$BOX_DIR/status.txt"
says "mlock is refused: the log" 'may be written to swap: the system refuses to lock it: Operation not permitted' "$BOX_DIR/box.log"
stop_box
new_dir enough 'threads = 2' 'locked-memory = no'
starts "$needed"
same "locked-memory = no locks what it can" "secrets locked" "$(status memory)"

# --- The command: what has secrets in it needs locked memory, and says how much; the rest does not.
limit 64
for command in "create another" "import another /dev/null" "unlock" "init" "seal list"; do
    # shellcheck disable=SC2086 # words
    refused "littlebox $command, 64 KiB" \
        "'${command%% *}' needs [0-9]+ KiB of locked memory, and the limit is 64 KiB" \
        "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" $command
done
refused "and the cure" 'hint: raise the limit on locked memory: ulimit -l' \
    "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" create another
for kib in 0 64; do
    limit "$kib"
    for command in list status "show web" "allow web --user 12345"; do
        # shellcheck disable=SC2086
        check "littlebox $command, $kib KiB" "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" $command \
            >"$TEST_DIR/command.log" 2>&1
    done
done
limit 1024
check "littlebox create, 1 MiB" "${LIMIT[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" create another \
    >"$TEST_DIR/command.log" 2>&1
stop_box
finish
