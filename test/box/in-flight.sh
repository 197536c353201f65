#!/usr/bin/env bash
# What was sent and is not received counts for the user of the box, and a kernel lets that user send no more of it than it may
# have descriptors: a stranger who asks for channels and receives none must not use up what box and keeper need.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl prlimit
is_root || skip "takes several users, and a box of one whom the kernel's limit holds"
begin
BOX_DIR=$TEST_DIR/box
SOCKET=$BOX_DIR/default.sock
mkdir "$BOX_DIR"
echo "socket-mode = 0666" >"$BOX_DIR/default.conf"
box_of_nobody # root is not held by the limit
chown nobody "$BOX_DIR"
start_box "$BOX_DIR" prlimit --nofile=512 "${as_box_user[@]}"
check "init" lb init >"$TEST_DIR/init.log" 2>&1
check "a key" lb create web >/dev/null 2>>"$TEST_DIR/lb.log"
check "which a user may use" lb allow web --user 20002 2>>"$TEST_DIR/lb.log"
CHILD=$(box_child)

"$HARNESS/stranger" 20001 "$SOCKET" unread 700 >"$TEST_DIR/unread" 2>&1 3>&- &
own $!
says "channels that nobody receives" ready "$TEST_DIR/unread"
known() { "$HARNESS/boxload" --uid 20002 "$SOCKET" sign 10 web >"$TEST_DIR/known" 2>&1; }
check "who has a grant signs" known
check "the administrator signs" signs web
check "and changes the box" lb create other >/dev/null 2>>"$TEST_DIR/lb.log"
same "it is the same child" "$CHILD" "$(box_child)"
kill -HUP "$KEEPER"
new_child() { [ -n "$(box_child)" ] && [ "$(box_child)" != "$CHILD" ] && box_unlocked; }
await "the next child, to which the keeper sends all channels" new_child
check "who has a grant signs there" known
stop_box
finish
