#!/usr/bin/env bash
# The sandbox comes first: before a child has read a packet, its store or its credential, and before it loads a module.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

sanitized && skip "a sanitized build has no sandbox"
begin
watched=(env LD_PRELOAD="$HARNESS/.libs/order.so")


new_box "$TEST_DIR/box"
check "a key" lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
stop_box
rm "$BOX_DIR/box.log"
start_box "$BOX_DIR" "${watched[@]}"
await "the box to open itself" box_unlocked
grep '^order: ' "$BOX_DIR/box.log" | uniq >"$TEST_DIR/order.log"
check "packet, store and credential are read in the sandbox" \
    cmp "$TEST_DIR/order.log" <(printf 'order: %s filtered\n' packet store credential)
stop_box

# The control: what is preloaded sees the difference.
echo "sandbox = no" >"$BOX_DIR/default.conf"
rm "$BOX_DIR/box.log"
start_box "$BOX_DIR" "${watched[@]}"
says "without a sandbox it is seen" '^order: credential open$' "$BOX_DIR/box.log"
stop_box

bad_token "$TEST_DIR/bad"
token_conf "$TEST_DIR/token" "$BAD" label=hostile
start_box "$TEST_DIR/token" "${watched[@]}"
says "a module is loaded in the sandbox" '^order: module filtered$' "$BOX_DIR/box.log"
check "and not before" not grep -q '^order: .* open$' "$BOX_DIR/box.log"
check "init" lb init >"$TEST_DIR/init.log" 2>&1
await "the module to note what it is called for" test -s "$BAD_DIR/calls"
stop_box

# --- Where it may write is a setting, which can leave out where it did until now
bad_forget_calls
echo "module-writes = $TEST_DIR/box" >>"$BOX_DIR/default.conf"
refused "a module, which ends its process when it cannot note what it is called for" \
    '/bad/calls: Permission denied' timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --dir "$BOX_DIR"

refused "a setting without a directory" 'module-writes = tokens: it must be absolute paths of directories' \
    "$LITTLEBOX_BUILD/littleboxd" --dir "$(token_conf "$TEST_DIR/wrong" "$BAD" label=hostile "module-writes = tokens" && echo "$TEST_DIR/wrong")"
finish
