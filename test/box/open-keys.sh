#!/usr/bin/env bash
# More keys than a box has open at once: each signs, those used last are in the clear, and no others.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
echo "open-keys = 0" >"$BOX_DIR/default.conf"
refused "open-keys = 0" 'open-keys = 0: it must be a number from 1' \
    "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
# A key is closed for another one alone, and not because scanning took so long that it was not used meanwhile.
printf '%s\n' "open-keys = 3" "rest-after = 0" >"$BOX_DIR/default.conf"
new_box "$BOX_DIR"
for n in {1..8}; do
    new_key ec:P-256 "$TEST_DIR/k$n.pem"
    plain_ossl pkey -in "$TEST_DIR/k$n.pem" -pubout -out "$TEST_DIR/k$n.pub"
    lb import "k$n" "$TEST_DIR/k$n.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
done
sign_in_turn() { "$HARNESS/boxload" "$BOX_DIR/default.sock" sign "$@" >"$TEST_DIR/load.log"; }

# open_now KEY : 1 when the box has it in the clear.
open_now() { memscan --key "$TEST_DIR/$1.pem" "$(box_child)"; }
can_scan || say "the box's memory is not scanned: that takes root, and a program without a sanitizer"

stop_box
start_box "$BOX_DIR"
if can_scan; then same "a key that nobody used is not in the clear" 0 "$(open_now k1)"; fi
for n in {1..8}; do
    check "k$n signs" signs "k$n" "$TEST_DIR/k$n.pub"
done
if can_scan; then
    same "of eight keys the last three are in the clear" "0 0 0 0 0 1 1 1" \
        "$(for n in {1..8}; do open_now "k$n"; done | xargs)"
    check "k6 is used again" sign_in_turn 1 k6
    check "k1 signs" sign_in_turn 1 k1
    same "the one that was not used for longest is closed" "1 1 0 1" \
        "$(for key in k1 k6 k7 k8; do open_now "$key"; done | xargs)"
    ! "$HARNESS/boxload" --uid 20001 "$BOX_DIR/default.sock" sign 8 k2 k3 k4 k5 >"$TEST_DIR/load.log" 2>&1 ||
        fail "a user without a grant was given signatures"
    same "who has no grant closes nobody's key" "1 1 0 1" "$(for key in k1 k6 k7 k8; do open_now "$key"; done | xargs)"
    check "k1 is destroyed" lb destroy k1 --now --yes 2>>"$TEST_DIR/lb.log"
    same "and in the clear no more" 0 "$(open_now k1)"
fi

# All at once from all sides, each request opening another key and closing one, while policy and lock change.
for client in 1 2 3 4; do
    sign_in_turn 500 k2 k3 k4 k5 k6 k7 k8 &
    clients[client]=$!
    own "$!"
done
for n in {2..8}; do
    lb allow "k$n" --user 12345 2>>"$TEST_DIR/lb.log"
done
for client in 1 2 3 4; do
    check "client $client: all its signatures were made" wait "${clients[client]}"
done
for n in {2..8}; do
    check "k$n still signs with its own key" signs "k$n" "$TEST_DIR/k$n.pub"
done
check "lock" lb lock 2>>"$TEST_DIR/lb.log"
refused "a locked box opens no key" 'locked.*unlock' signs k2
if can_scan; then
    same "and has none in the clear" "0 0 0 0 0 0 0" "$(for n in {2..8}; do open_now "k$n"; done | xargs)"
fi
stop_box

# A store of many, each of which is opened and closed again.
start_box "$TEST_DIR/many"
lb init 2>>"$TEST_DIR/lb.log"
stop_box
"$LITTLEBOX_BUILD/test/bench/makestore" "$BOX_DIR/default/store.db" "$BOX_DIR/default.credential" ec:P-256 2000
start_box "$BOX_DIR"
same "2000 keys are there and none is damaged" "2000 0" "$(status keys) $(status damaged)"
mapfile -t many < <(printf 'k%06d\n' {0..1999})
check "each signs" "$HARNESS/boxload" "$BOX_DIR/default.sock" sign 2500 "${many[@]}"
stop_box
finish
