#!/usr/bin/env bash
# Neighbours without any grant who can merely connect: what they attach to packets, hand in and inherit costs them their
# connections, and nobody else anything. Box and keeper go on, as the same processes, and close all that they were given.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
mkdir "$TEST_DIR/box"
echo "watchdog = 20" >"$TEST_DIR/box/default.conf"
new_box "$TEST_DIR/box"
SOCKET=$BOX_DIR/default.sock
lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
CHILD=$(box_child)
if is_root; then STRANGER=20001; else STRANGER=$(id -u); fi

stranger() { timeout "$AWAIT_SECONDS" "$HARNESS/stranger" "$STRANGER" "$SOCKET" "$@"; }
descriptors() {
    local fds
    fds=("/proc/$1/fd"/*)
    echo "${#fds[@]}"
}
few() { [ "$(descriptors "$1")" -lt 40 ]; }
# goes_on : after what was tried.
goes_on() {
    check "it answers" status_is state unlocked
    check "it signs" signs web
    check "an administrator changes it" lb allow web --user 20003 2>>"$TEST_DIR/lb.log"
    same "it is the same child" "$CHILD" "$(box_child)"
    is_root || return 0 # nobody else sees what a process that is not dumpable has open
    await "the child to close what it was given" few "$CHILD"
    await "the keeper to" few "$KEEPER"
    await "the usher to" few "$(box_usher)"
}
# tried TEXT KIND [NUMBER] : and it goes on.
tried() {
    say "$1:"
    check "it was tried" stranger "${@:2}" >"$TEST_DIR/stranger.log"
    goes_on
}

# --- Sockets that take an hour to close
tried "attached to packets" linger 8
kill -STOP "$CHILD"
stranger park 8
kill -CONT "$CHILD"
say "in the queue behind a packet that costs the connection:"
goes_on
tried "on channels" channel 8
tried "handed in" handed 8
kill -STOP "$CHILD"
stranger park 4
kill -HUP "$KEEPER"
kill -CONT "$CHILD"
new_child() { [ -n "$(box_child)" ] && [ "$(box_child)" != "$CHILD" ] && box_unlocked; }
await "the keeper to replace the child, with more of them on the way" new_child
CHILD=$(box_child)
goes_on
usher=$(box_usher)
kill -STOP "$usher"
stranger linger 4
kill -KILL "$usher"
new_usher() { [ -n "$(box_usher)" ] && [ "$(box_usher)" != "$usher" ]; }
await "another usher in the place of one that ended" new_usher
goes_on

# --- A file whose server does not answer when it is closed: nothing ends that but its server
if is_root && [ -c /dev/fuse ]; then
    : >"$TEST_DIR/file"
    TEST_MOUNTS+=("$TEST_DIR/file")
    "$HARNESS/stranger" "$STRANGER" "$SOCKET" fuse "$TEST_DIR/file" >"$TEST_DIR/fuse" 2>"$TEST_DIR/fuse.log" 3>&- &
    fuse=$!
    own "$fuse"
    says "a file that cannot be closed" '^server' "$TEST_DIR/fuse"
    server=$(sed -n 's/^server //p' "$TEST_DIR/fuse")
    own "$server"
    says "the log says whose it is" "a descriptor of uid $STRANGER cannot be closed: process [0-9]* is left behind" \
        "$BOX_DIR/box.log"
    goes_on
    # He may hand in nothing any more, and others may.
    refused "another channel of his" 'no channel' stranger channel 1
    check "somebody else's" timeout "$AWAIT_SECONDS" "$HARNESS/stranger" 20002 "$SOCKET" channel 1
    kill -KILL "$server" "$fuse"
    await "the server to end" gone "$server"
    channel_again() { stranger channel 1; }
    await "his channels, once it is closed" channel_again
    goes_on
else
    say "not checked: a file that cannot be closed (it takes root and /dev/fuse)"
fi

# --- What a kernel attaches, and both ends in one hand
say "options of what was handed in:"
stranger options 300 >"$TEST_DIR/options"
same "each request is answered, and nothing more" "300 answered" "$(cat "$TEST_DIR/options")"
goes_on
ticks() { awk '{ print $14 + $15 }' "/proc/$CHILD/stat"; }
tried "both ends" loop 8
before=$(ticks)
await "the connections of the stranger to be closed" status_is connections 1
check "the box does not answer itself" [ $(($(ticks) - before)) -lt 100 ]
stranger far >"$TEST_DIR/far"
says "an end of the box's own is no channel" '^introducer: closed$' "$TEST_DIR/far"
says "the log says why" 'refused: something that uid .* attached to a packet: another process made it' "$BOX_DIR/box.log"
goes_on

stranger stream >"$TEST_DIR/stream"
same "a stream is no channel" none "$(cat "$TEST_DIR/stream")"

# --- Who is asking
if is_root; then
    stranger stdout >"$TEST_DIR/stdout"
    says "a program of root's that writes into his connection" '^connection: refused$' "$TEST_DIR/stdout"
    says "and into his channel" '^channel: refused$' "$TEST_DIR/stdout"
    check "locks nothing" status_is state unlocked
    mkdir -m 0777 "$TEST_DIR/fake"
    "$HARNESS/stranger" "$STRANGER" "$SOCKET" relay "$TEST_DIR/fake/default.sock" >"$TEST_DIR/relay" 2>&1 3>&- &
    own $!
    says "a fake box" ready "$TEST_DIR/relay"
    "$HARNESS/rawpacket" "$TEST_DIR/fake/default.sock" 4c01004400000007 >"$TEST_DIR/relayed" # LOCK
    same "whom it relays has no answer" closed "$(cat "$TEST_DIR/relayed")"
    says "the box closes the connection of the fake one" '^introducer: closed$' "$TEST_DIR/relay"
    check "and nothing is locked" status_is state unlocked
    stranger sibling >"$TEST_DIR/sibling"
    same "a sibling of his has its channel" answered "$(cat "$TEST_DIR/sibling")"
    goes_on
else
    say "not checked: programs of other users (it takes root)"
fi

# --- Without end, and places that are kept for administrators
flood() { "$HARNESS/stranger" "$STRANGER" "$SOCKET" flood "$1" >"$TEST_DIR/flood" 2>"$TEST_DIR/flood.log" 3>&- & }
flood 20
FLOOD=$!
own "$FLOOD"
says "a flood of descriptors" ready "$TEST_DIR/flood"
check "beside it the box signs" signs web
check "and is changed" lb allow web --user 20004 2>>"$TEST_DIR/lb.log"
stop "$FLOOD" KILL
await "its connections to be closed" status_is connections 1
goes_on
stop_box
printf 'max-connections = 16\nwatchdog = 20\n' >"$BOX_DIR/default.conf"
start_box "$BOX_DIR"
CHILD=$(box_child)
if is_root; then
    "$HARNESS/boxload" --uid 20004 "$SOCKET" idle 12 >"$TEST_DIR/idle" 2>&1 3>&- &
    idle=$!
    own "$idle"
    says "one user's connections" ready "$TEST_DIR/idle"
    await "more than half are refused" status_is connections 9
    stop "$idle" KILL
    for user in 20001 20002 20003; do
        "$HARNESS/boxload" --uid "$user" "$SOCKET" idle 8 >"$TEST_DIR/idle.$user" 2>&1 3>&- &
        own $!
    done
    await "the others to take all places but one that an administrator has" status_is connections 17
    says "one more of them is refused" 'too many connections: one more of uid 2000[123]' "$BOX_DIR/box.log"
    # It is sent before the box has seen the connection: shorter than the watchdog's time.
    kill -STOP "$CHILD"
    "$HARNESS/stranger" "$STRANGER" "$SOCKET" stay 4 >"$TEST_DIR/stay" 3>&- &
    own $!
    says "more connections, with something in each" ready "$TEST_DIR/stay"
    kill -CONT "$CHILD"
    check "what comes with a connection that is refused holds nobody" status_is connections 17
    check "and uses it" signs web
fi

# --- A child none of whose threads comes back is replaced, and one that works is not
same "nothing took longer than the watchdog waits" 0 "$(status restarts)"
stop_box
echo "watchdog = 2" >"$BOX_DIR/default.conf"
start_box "$BOX_DIR"
CHILD=$(box_child)
kill -STOP "$CHILD"
replaced() { grep -q 'no thread of the child came back within 2 s: it is replaced' "$BOX_DIR/box.log"; }
await "the keeper to notice that the child stands still" replaced
await "another child" new_child
check "it signs" signs web
finish
