#!/usr/bin/env bash
# The keeper: socket activation, readiness, requests in flight at SIGTERM, children that die or are replaced, nothing
# left behind.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl
begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
box_processes() { pgrep -f -- "--dir $BOX_DIR\$" || true; }
count_of() { pgrep -c -P "$KEEPER" -f -- " --$1 " || true; }
inode() { stat -c %i "$BOX_DIR/default.sock"; }

# activated LOG : the box of BOX_DIR, started for a socket that was there before.
activated() {
    "$HARNESS/activate" --listen "$BOX_DIR/default.sock" --notify "$TEST_DIR/notify" --pid "$TEST_DIR/pid" -- \
        "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$1" 2>&1 3>&- &
    activate=$!
    own "$activate"
    await "the socket" test -S "$BOX_DIR/default.sock"
    socket=$(inode)
    says "READY=1 is sent" '^notify: READY=1$' "$1"
    KEEPER=$(cat "$TEST_DIR/pid")
    own "$KEEPER"
}
# all_ended : at SIGTERM.
all_ended() {
    local status=0
    await "the keeper to end" gone "$KEEPER"
    wait "$activate" || status=$?
    same "it ends with status 0" 0 "$status"
    same "no process is left" "" "$(box_processes)"
}

# --- Socket activation and readiness, as systemd does it
activated "$TEST_DIR/activate.log"
same "the socket is the one that was handed over" "$socket" "$(inode)"
same "a box without a store says so" "no store" "$(status state | tr '_-' '  ')"
check "init over the handed-over socket" lb init >"$TEST_DIR/init.log" 2>&1
check "a key" lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
check "it signs" signs web
same "one keeper, one child, one usher" "1 1" "$(count_of child) $(count_of usher)"

# --- Children come and go, the keeper stays
child=$(box_child)
kill -KILL "$child"
new_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
await "a child after SIGKILL" new_child
check "the keeper outlives SIGKILL of its child" alive "$KEEPER"
check "the key signs" signs web
same "it counted the restart" 1 "$(status restarts)"
child=$(box_child)
kill -HUP "$KEEPER"
await "a child after SIGHUP" new_child
check "the key signs after SIGHUP" signs web
await "the old child to end" gone "$child"
same "one keeper, one child, one usher" "1 1" "$(count_of child) $(count_of usher)"

# --- SIGTERM: what is under way is finished, then all ends
kill -TERM "$KEEPER"
all_ended
# The key is made by a token, which takes as long as it is told to: work of the processor's would last longer on a busy machine
# than the keeper waits.
sealed=$BOX_DIR BOX_DIR=$TEST_DIR/token
bad_token "$TEST_DIR/bad"
token_conf "$BOX_DIR" "$BAD" label=hostile
activated "$TEST_DIR/token.log"
check "init, with a token" lb init >>"$TEST_DIR/init.log" 2>&1
bad_behaves "C_GenerateKeyPair sleep 3000"
lb create slow --type ec:P-256 >"$TEST_DIR/slow.log" 2>&1 3>&- &
slow=$!
own "$slow"
making() { [ "$(bad_calls C_GenerateKeyPair)" -eq 1 ]; }
await "the slow request to be under way" making
kill -TERM "$KEEPER"
status=0
wait "$slow" || status=$?
same "a request in flight at SIGTERM is answered: $(cat "$TEST_DIR/slow.log")" 0 "$status"
all_ended
start_box "$BOX_DIR"
check "what was made at SIGTERM is there" lb show slow >/dev/null
check "it signs" signs slow
stop_box
BOX_DIR=$sealed

# --- Whoever has the socket can end it for all: better no box than one that nobody reaches
"$HARNESS/activate" --listen "$BOX_DIR/default.sock" --pid "$TEST_DIR/pid" -- \
    "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$TEST_DIR/shut.log" 2>&1 &
activate=$!
own "$activate"
await "the box to sign" signs web
keeper=$(cat "$TEST_DIR/pid")
own "$keeper"
kill -USR1 "$activate"
await "the keeper to end" gone "$keeper"
status=0
wait "$activate" || status=$?
same "a listening socket that was shut down: the exit status" 1 "$status"
says "and the text" 'shut its listening socket down: the box ends; start it again' "$TEST_DIR/shut.log"
same "no process is left" "" "$(box_processes)"

# --- The same box, started by hand
start_box "$BOX_DIR"
if is_root; then mode=666; else mode=600; fi
same "the mode of its socket" "$mode" "$(stat -c %a "$BOX_DIR/default.sock")"
refused "a second box of the name" 'in use|already|answers' \
    "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
check "the first goes on" signs web

# --- A child never outlives its keeper
child=$(box_child)
kill -KILL "$KEEPER"
wait "$KEEPER" 2>/dev/null || true
await "the child of a killed keeper to end" gone "$child"
same "no process is left" "" "$(box_processes)"
start_box "$BOX_DIR"
check "a killed keeper leaves a socket that the next one replaces" signs web
stop_box

# --- The credential as systemd hands it over
mv "$BOX_DIR/default.credential" "$TEST_DIR/littlebox"
start_box "$BOX_DIR"
same "without its credential the box starts locked" locked "$(status state)"
refused "and does not sign" 'locked.*unlock' signs web
stop_box
chmod 0400 "$TEST_DIR/littlebox"
start_box "$BOX_DIR" env CREDENTIALS_DIRECTORY="$TEST_DIR"
same "with \$CREDENTIALS_DIRECTORY/littlebox it opens" unlocked "$(status state)"
check "and signs" signs web
stop_box
same "no process is left at the end" "" "$(box_processes)"

# --- A service manager that does not listen: nobody waits for it
python3 - "$TEST_DIR/deaf" 3>&- <<'END' &
import signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
signal.pause()
END
manager=$!
own "$manager"
await "the manager" test -S "$TEST_DIR/deaf"
its_queue_is_full() {
    python3 - "$TEST_DIR/deaf" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
try:
    s.sendto(b"X=1", sys.argv[1])
except BlockingIOError:
    sys.exit(0)
sys.exit(1)
END
}
# One pat has to find the queue full.
start_box "$BOX_DIR" env CREDENTIALS_DIRECTORY="$TEST_DIR" NOTIFY_SOCKET="$TEST_DIR/deaf" WATCHDOG_USEC=100000
await "its queue to be full" its_queue_is_full
kill -KILL "$(box_child)"
await "the next child" status_is restarts 1
check "which signs" signs web
kill -TERM "$KEEPER"
await "the keeper to end" gone "$KEEPER"
wait "$KEEPER" 2>/dev/null || true
stop "$manager" KILL
same "no process is left of it" "" "$(box_processes)"

# --- Configuration that is wrong is refused by name
echo "thraeds = 4" >"$BOX_DIR/default.conf"
refused "an unknown setting" thraeds "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
printf 'threads = 3\nlog-level = info\n' >"$BOX_DIR/default.conf"
start_box "$BOX_DIR"
same "a setting counts" 3 "$(status threads)"
stop_box
finish
