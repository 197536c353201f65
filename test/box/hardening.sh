#!/usr/bin/env bash
# The process that holds keys: a system call filter, no new privileges, no core file, locked secrets, and closed to the
# very user it runs as.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
# Root shows it with another user's box, since nothing is closed to root. That user may not reach the build: it gets copies.
as_box_user=()
if is_root; then
    as_box_user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    mkdir "$TEST_DIR/bin"
    cp "$LITTLEBOX_BUILD/littleboxd" "$LITTLEBOX_BUILD/littlebox" "$TEST_DIR/bin/"
    LITTLEBOX_BUILD=$TEST_DIR/bin
    chmod 755 "$TEST_DIR"
    chown nobody "$BOX_DIR"
    BOX_OWNER=nobody
fi
start_box "$BOX_DIR" "${as_box_user[@]}"
check "init" lb init >"$TEST_DIR/init.log" 2>&1
check "a key" lb create web >/dev/null 2>>"$TEST_DIR/lb.log"
child=$(box_child)

of_status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$child/status"; }
same "no new privileges" 1 "$(of_status NoNewPrivs)"
if sanitized; then
    same "a sanitized build says that it has no filter" false "$(status sandboxed)"
else
    same "the system call filter is on" 2 "$(of_status Seccomp)"
    same "and status says so" true "$(status sandboxed)"
fi
says "no core file" '^Max core file size  *0  *0 ' "/proc/$child/limits"
check "memory is locked" test "$(of_status VmLck | tr -dc 0-9)" -ge 64
check "the box holds the key" test "$(status keys)" = 1

# ptrace(2) and /proc/PID/mem ask the same question of the kernel: is the process dumpable?
for process in "$child" "$KEEPER"; do
    check "$process is closed to its own user: memory" \
        not "${as_box_user[@]}" head -c 1 "/proc/$process/mem" 2>>"$TEST_DIR/refused"
    check "$process is closed to its own user: environment" \
        not "${as_box_user[@]}" head -c 1 "/proc/$process/environ" 2>>"$TEST_DIR/refused"
done
says "because it may not" 'Permission denied' "$TEST_DIR/refused"
# The control: that user may look into another process of its own.
"${as_box_user[@]}" sleep 60 &
control=$!
own "$control"
open_to_user() { "${as_box_user[@]}" head -c 1 "/proc/$control/environ" >/dev/null 2>&1; }
await "a process that is not hardened to be open to its user" open_to_user
finish
