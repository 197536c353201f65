#!/usr/bin/env bash
# The process with the keys is closed to its own user from its first instruction on: another process of that user never
# gets into one of the children of the keeper, however often it is started. And a box that is traced has no keys.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

sanitized && skip "a sanitized build is open until it hardens itself, and says so"
begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
cp "$HARNESS/racer" "$TEST_DIR/"
racer=$TEST_DIR/racer
box_of_nobody # nothing is closed to root
if is_root; then chown nobody "$BOX_DIR"; fi

# --- The control: a process that hardens itself a little late
"${as_box_user[@]}" "$racer" --late 20 >"$TEST_DIR/late.log" &
late=$!
own "$late"
await "the control" grep -q ready "$TEST_DIR/late.log"
"${as_box_user[@]}" "$racer" "$late" >"$TEST_DIR/control.log" &
control=$!
own "$control"
wait "$late"
kill -TERM "$control" 2>/dev/null || true # it ends with the one that it watches
wait "$control" || true
says "the racer gets into a process that hardens itself late" ' seen, [1-9][0-9]* opened$' "$TEST_DIR/control.log"
rm "$TEST_DIR/control.log"

# --- The box
start_box "$BOX_DIR" "${as_box_user[@]}"
check "init" lb init >"$TEST_DIR/init.log" 2>&1
check "a key" lb create web >/dev/null 2>>"$TEST_DIR/lb.log"
"${as_box_user[@]}" "$racer" "$KEEPER" >"$TEST_DIR/racer.log" &
race=$!
own "$race"
new_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
for signal in KILL HUP; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        child=$(status pid)
        if [ $signal = KILL ]; then kill -KILL "$child"; else kill -HUP "$KEEPER"; fi
        await "the next child" new_child
    done
done
check "the racer was there all the time" alive "$race"
kill -TERM "$race"
wait "$race" || true
says "the racer saw the children" '^(2[0-9]|[3-9][0-9]) seen, ' "$TEST_DIR/racer.log"
says "and got into none of them" ' seen, 0 opened$' "$TEST_DIR/racer.log"
same "status says so" true "$(status closed_from_start)"
lb status >"$TEST_DIR/status.log"
says "in words too" '^tracing      closed to the user of the box from the start$' "$TEST_DIR/status.log"
check "the log has no doubt" not grep -q 'could be traced' "$BOX_DIR/box.log"
check "all keys are there" test "$(status keys)" = 1
if is_root; then
    check "the keeper runs such a copy too" grep -q '^/memfd:littleboxd' <(readlink "/proc/$KEEPER/exe")
fi
stop_box

# --- A program that the user may run and not read needs no copy
if is_root; then
    chmod 0711 "$TEST_DIR/bin/littleboxd"
    start_box "$BOX_DIR" "${as_box_user[@]}"
    same "a program that its user may not read is closed from the start" true "$(status closed_from_start)"
    same "as it is" "$TEST_DIR/bin/littleboxd" "$(readlink "/proc/$(status pid)/exe")"
    stop_box
    chmod 0755 "$TEST_DIR/bin/littleboxd"

    # --- Root that becomes another user
    "$TEST_DIR/bin/littleboxd" --dir "$BOX_DIR" --user nobody >>"$BOX_DIR/user.log" 2>&1 3>&- &
    KEEPER=$!
    own "$KEEPER"
    await "the box of --user to answer" box_answers
    same "a box that root starts for a user is closed to that user" true "$(status closed_from_start)"
    for process in "$KEEPER" "$(status pid)"; do
        check "process $process is" not "${as_box_user[@]}" head -c 1 "/proc/$process/environ" 2>>"$TEST_DIR/refused"
    done
    stop_box

    # --- A system that runs no memory files, which is asked for in a PID namespace: the box starts, and is honest about it
    if unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec' 2>/dev/null; then
        unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' sh "${as_box_user[@]}" \
            "$TEST_DIR/bin/littleboxd" --dir "$BOX_DIR" >>"$BOX_DIR/noexec.log" 2>&1 3>&- &
        KEEPER=$!
        own "$KEEPER"
        await "the box without memory files to answer" box_answers
        same "a box that was open for a while does not say that it was closed" false "$(status closed_from_start)"
        says "its log says why, and what to do" 'could be traced by its user while it started.*memfd_noexec.*chmod 711' "$BOX_DIR/noexec.log"
        for process in $(children_of "$KEEPER"); do kill -TERM "$process"; done
        await "it to end" gone "$KEEPER"
    fi

    # --- Of root's box nobody claims that
    start_box "$TEST_DIR/root"
    same "a box of root's is not said to be closed to its user" false "$(status closed_from_start)"
    lb status >"$TEST_DIR/status.log" || true
    says "in words too" '^tracing      not closed to the user of the box$' "$TEST_DIR/status.log"
    stop_box
    BOX_DIR=$TEST_DIR/box
fi

# --- Traced
traced_box=("$racer" --trace "$TEST_DIR/bin/littleboxd" --dir "$BOX_DIR")
traced=0
timeout "$AWAIT_SECONDS" "${as_box_user[@]}" "${traced_box[@]}" >"$TEST_DIR/traced.log" 2>&1 || traced=$?
same "a box that is traced does not start" 78 "$traced"
says "it says by whom" 'process [0-9]+ \(racer\) traces this one and could read every key' "$TEST_DIR/traced.log"
says "and how to debug a box" 'sandbox = no' "$TEST_DIR/traced.log"
echo "sandbox = no" >"$BOX_DIR/default.conf"
"${as_box_user[@]}" "${traced_box[@]}" >"$TEST_DIR/box2.log" 2>&1 3>&- &
traced=$!
own "$traced"
says "with that it starts, and warns" 'process [0-9]+ \(racer\) traces this one' "$TEST_DIR/box2.log"
KEEPER=$traced
await "the box to answer" box_answers
for pid in $(children_of "$traced"); do own "$pid"; kill -TERM "$pid"; done
await "it to end" gone "$traced"
finish
