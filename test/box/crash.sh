#!/usr/bin/env bash
# Kills the box at random points of CRASH_RUNS (60) runs of create, import and destroy: the store always opens again, what was
# reported done is done, and every key is wholly there (listed, and it signs) or wholly not.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
RUNS=${CRASH_RUNS:-60}
RANDOM=${CRASH_SEED:=$$}
say "CRASH_SEED=$CRASH_SEED CRASH_RUNS=$RUNS"
new_box "$TEST_DIR/box"
lb create witness --type ed25519 >/dev/null 2>>"$TEST_DIR/lb.log"
ossl pkey -in littlebox:witness -pubout -out "$TEST_DIR/witness.pub"

declare -A there=() imported=() # what must be in the box: key -> 1; key -> file of the public key that it must have
change() {
    case $1 in
    create) lb create "$2" --type ec:P-256 ;;
    import) lb import "$2" "$TEST_DIR/$2.pem" ;;
    destroy) lb destroy "$2" --now --yes ;;
    esac >>"$TEST_DIR/lb.log" 2>&1
}
microseconds() { echo $((${EPOCHREALTIME/[.,]/})); }

# How long a change takes here, so that the kill falls into it: the slowest of a few.
longest=2000
for i in 1 2 3; do
    began=$(microseconds)
    change create "calibrate$i"
    took=$(($(microseconds) - began))
    [ "$took" -le "$longest" ] || longest=$took
done
# From then on about half of the kills fall into changes: the machine may be busier later, or less so.
later() { longest=$((longest + longest / 16)); }
earlier() { [ "$longest" -le 2000 ] || longest=$((longest - longest / 16)); }

# wholly KEY : signs if listed; gone if not. Sets FOUND.
wholly() {
    local key=$1
    FOUND=0
    if listed "$key"; then
        FOUND=1
        signs "$key" "${imported[$key]:-}" || fail "$key is listed and does not sign"
    elif ossl pkey -in "littlebox:$key" -pubout -out "$TEST_DIR/pub" 2>/dev/null &&
        ossl dgst -sha256 -sign "littlebox:$key" -out "$TEST_DIR/sig" "$0" 2>/dev/null; then
        fail "$key is not listed and signs"
    fi
    TEST_CHECKS=$((TEST_CHECKS + 1))
}
# A destroyed key is still listed, as such: a name has a history.
listed() {
    lb list --all >"$TEST_DIR/list" || fail "littlebox list"
    grep -E "^$1 " "$TEST_DIR/list" | grep -qv destroyed
}

interrupted=0 completed=0
for ((run = 1; run <= RUNS; run++)); do
    # Names are used again only while the key is there: what was destroyed stays so.
    key=
    for candidate in "${!there[@]}"; do
        [ $((RANDOM % 4)) -ne 0 ] || key=$candidate
    done
    if [ -n "$key" ]; then
        what=destroy
        type=
    else
        key=k$run
        type=ec:P-256
        case $((RANDOM % 3)) in
        0) what=import type=ED25519 ;;
        1) what=import type=rsa:2048 ;;
        *) what=create ;;
        esac
    fi
    # A key of its own each time: the box takes none twice.
    if [ "$what" = import ]; then
        new_key "$type" "$TEST_DIR/$key.pem"
        plain_ossl pkey -in "$TEST_DIR/$key.pem" -pubout -out "$TEST_DIR/$key.pub"
        imported[$key]=$TEST_DIR/$key.pub
    fi
    child=$(box_child)
    keeper=$KEEPER
    delay=$((RANDOM * 32768 + RANDOM))
    delay=$((delay % (longest + longest / 4)))
    change "$what" "$key" &
    changer=$!
    sleep "$(printf '0.%06d' "$delay")"
    case $((run % 3)) in
    0) kill -KILL "$keeper" "$child" 2>/dev/null || true ;;
    *) kill -KILL "$child" ;;
    esac
    status=0
    wait "$changer" 2>/dev/null || status=$?
    if [ $((run % 3)) -eq 0 ]; then
        wait "$keeper" 2>/dev/null || true
        await "the killed child to end" gone "$child"
        start_box "$BOX_DIR"
    else
        await "the next child" box_unlocked
    fi
    # The change may still be in its socket, which outlives the child: it is over when that connection is.
    await "what was under way to be over" status_is connections 1
    status_is state unlocked || fail "run $run ($what $key): the store did not open again"
    status_is damaged 0 || fail "run $run ($what $key): a key is damaged"
    wholly "$key"
    if [ "$status" -eq 0 ]; then
        completed=$((completed + 1))
        earlier
        case $what in
        destroy) [ "$FOUND" -eq 0 ] || fail "run $run: $key was reported destroyed, and is there" ;;
        *) [ "$FOUND" -eq 1 ] || fail "run $run: $key was reported made ($what), and is not there" ;;
        esac
    else
        interrupted=$((interrupted + 1))
        later
    fi
    if [ "$FOUND" -eq 1 ]; then there[$key]=1; else unset "there[$key]"; fi
done
say "$completed changes were completed, $interrupted interrupted"
check "kills fell into changes" [ "$interrupted" -ge $((RUNS / 20)) ]
check "and not into all of them" [ "$completed" -ge $((RUNS / 20)) ]
for key in "${!there[@]}"; do
    wholly "$key"
    [ "$FOUND" -eq 1 ] || fail "$key was lost"
done
check "a key of the beginning is still itself" signs witness "$TEST_DIR/witness.pub"
stop_box
start_box "$BOX_DIR"
check "after a clean restart too" signs witness "$TEST_DIR/witness.pub"
finish
