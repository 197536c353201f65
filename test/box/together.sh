#!/usr/bin/env bash
# Changes of several administrators at once share a commit: all of them are made; what a killed box had said is done is done,
# and what it had not said is done wholly or not at all; and where the disk is full, what is refused was not made.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

begin
ROUNDS=${CRASH_ROUNDS:-12}
RANDOM=${CRASH_SEED:=$$}
say "CRASH_SEED=$CRASH_SEED CRASH_ROUNDS=$ROUNDS"
ADMINS=12

# at_once ROUND : each of many administrators makes a key, allows it to somebody and says in said.ROUND what was answered.
at_once() {
    local n
    admins=()
    for ((n = 1; n <= ADMINS; n++)); do
        {
            if lb create "k$1-$n" --type ec:P-256 >/dev/null; then
                echo "k$1-$n made"
                if lb allow "k$1-$n" --user "$((40000 + n))"; then echo "k$1-$n allowed"; fi
            fi
        } >"$TEST_DIR/said.$1.$n" 2>"$TEST_DIR/why.$1.$n" 3>&- &
        admins+=("$!")
    done
}
wait_for_all() {
    local pid
    for pid in "${admins[@]}"; do wait "$pid" || true; done
}
# as_said ROUND : what was said is so; nothing is half there.
as_said() {
    local n made allowed there=()
    lb --json list >"$TEST_DIR/list"
    for ((n = 1; n <= ADMINS; n++)); do
        made=$(grep -c "\"k$1-$n\"" "$TEST_DIR/list" || true)
        if grep -q "k$1-$n made" "$TEST_DIR/said.$1.$n"; then
            [ "$made" -ge 1 ] || fail "k$1-$n was said to be made, and is not there"
        fi
        [ "$made" -ge 1 ] || continue
        there+=("k$1-$n")
        allowed=$(lb --json show "k$1-$n" | grep -cw "$((40000 + n))" || true)
        if grep -q "k$1-$n allowed" "$TEST_DIR/said.$1.$n"; then
            [ "$allowed" -ge 1 ] || fail "k$1-$n was said to be allowed, and is not"
        fi
    done
    [ ${#there[@]} -eq 0 ] || "$HARNESS/boxload" "$BOX_DIR/default.sock" sign "${#there[@]}" "${there[@]}" >"$TEST_DIR/signed" ||
        fail "of round $1 some are there and do not sign: $(cat "$TEST_DIR/signed")"
    status_is damaged 0 || fail "a key is damaged"
}

# said ROUND : how many lines. has_said ROUND N.
said() { cat "$TEST_DIR/said.$1".* | wc -l; }
has_said() { [ "$(said "$1")" -ge "$2" ]; }

new_box "$TEST_DIR/box"
at_once 0
wait_for_all
check "all of them are made" [ "$(said 0)" -eq $((2 * ADMINS)) ]
as_said 0

# --- Killed in the middle: once some answers are there, the next ones are under way. Some rounds are over by then.
interrupted=0 completed=0
for ((round = 1; round <= ROUNDS || (interrupted == 0 && round <= 20 * ROUNDS); round++)); do
    child=$(box_child)
    at_once "$round"
    await "some answers" has_said "$round" $((RANDOM % ADMINS))
    kill -KILL "$child"
    wait_for_all
    await "the next child" box_unlocked
    await "what was under way to be over" status_is connections 1
    as_said "$round"
    if has_said "$round" $((2 * ADMINS)); then completed=$((completed + 1)); else interrupted=$((interrupted + 1)); fi
done
say "$interrupted rounds were interrupted, $completed were not"
check "kills fell into changes" [ "$interrupted" -ge 1 ]
stop_box
start_box "$BOX_DIR"
killed=$((round - 1))
for ((round = 0; round <= killed; round++)); do
    as_said "$round"
done
check "after a restart all is as it was said" true
stop_box

# --- A full disk: a file system of its own, small
if ! is_root || ! unshare --mount true 2>/dev/null; then
    say "a full disk is not tried: that needs a mount of its own"
    finish
fi
mkdir "$TEST_DIR/small"
mount -t tmpfs -o size=2m,mode=0755 tmpfs "$TEST_DIR/small"
cleanup_more() { umount -l "$TEST_DIR/small" 2>/dev/null || true; }
new_box "$TEST_DIR/small/box"
# What else is there leaves little room.
head -c "$(($(df --output=avail -k "$TEST_DIR/small" | tail -n 1) - 240))k" /dev/zero >"$TEST_DIR/small/filler"
full=0
for ((round = 100; round < 140 && full == 0; round++)); do
    at_once "$round"
    wait_for_all
    if grep -q "no space left" "$TEST_DIR/why.$round".*; then full=1; fi
done
check "the disk was full in the end" [ "$full" -eq 1 ]
last=$((round - 1))
refused=$(grep -l "no space left" "$TEST_DIR/why.$last".* | wc -l)
say "$refused of $ADMINS were told that there is no space, in round $last"
for ((round = 100; round <= last; round++)); do
    as_said "$round"
done
for ((n = 1; n <= ADMINS; n++)); do
    if grep -q "no space left" "$TEST_DIR/why.$last.$n" && ! grep -q made "$TEST_DIR/said.$last.$n"; then
        grep -q "\"k$last-$n\"" "$TEST_DIR/list" && fail "k$last-$n was refused, and is there"
    fi
done
check "what was refused was not made" true
mount -o remount,size=4m "$TEST_DIR/small"
check "with room again there are changes again" lb allow k100-1 --user 50000 2>>"$TEST_DIR/lb.log"
stop_box
start_box "$BOX_DIR"
for ((round = 100; round <= last; round++)); do
    as_said "$round"
done
check "and after a restart all is as it was said" true
stop_box
finish
