#!/usr/bin/env bash
# The process that holds keys: a system call filter, no new privileges, no core file, locked secrets, and closed to the
# very user it runs as.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
box_of_nobody # nothing is closed to root
if is_root; then chown nobody "$BOX_DIR"; fi
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
    same "the keeper has a filter too" 2 "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$KEEPER/status")"
    # What the kernel's Landlock can do is asked of the kernel by the unit tests; this is one that has it all, or the log
    # says what is missing.
    lb status >"$TEST_DIR/status.log"
    if grep -q Landlock "$BOX_DIR/box.log"; then
        says "status does not claim more than the kernel does" '^sandbox      system calls(, files)?(, network)?$' "$TEST_DIR/status.log"
    else
        says "status says what it is kept from" '^sandbox      system calls, files, network, signals$' "$TEST_DIR/status.log"
    fi
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
stop_box

# --- A credential whose directory comes later is out of the sandbox's reach until the next start
if ! sanitized; then
    BOX_DIR=$TEST_DIR/later
    mkdir "$BOX_DIR"
    is_root && chown nobody "$BOX_DIR"
    echo "credential = $BOX_DIR/keys/credential" >"$BOX_DIR/default.conf"
    start_box "$BOX_DIR" "${as_box_user[@]}"
    says "a directory that is not there is in the log" 'directory .*/later/keys is not there: a credential in it is read from the next start' \
        "$BOX_DIR/box.log"
    mkdir "$BOX_DIR/keys"
    check "init" lb init --credential "$BOX_DIR/keys/credential" >>"$TEST_DIR/init.log" 2>&1
    is_root && chown -R nobody "$BOX_DIR/keys"
    stop_box
    start_box "$BOX_DIR" "${as_box_user[@]}"
    await "the box to open itself" box_unlocked
    check "the credential opens the store then" test "$(status credential)" = true
    stop_box
fi
finish
