#!/usr/bin/env bash
# littleboxd's command line and configuration: what it refuses, and that it says which line and how it should be.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
cd "$T"
mkdir box
LITTLEBOX_DIR=$T/box
export LITTLEBOX_DIR

expect 0 '' littleboxd --help
expect_out 'example: littleboxd --system --box default --user littlebox-default'
expect 0 '' littleboxd --version
expect_out 'littleboxd '
expect 2 'frobnicate' littleboxd --frobnicate
expect 2 'unexpected argument: web' littleboxd --dir "$T/box" web
expect 2 'hint: littleboxd --help' littleboxd --dir "$T/box" web
expect 2 'a box name is 1 to 64 of' littleboxd --dir "$T/box" --box 'a b'
expect 78 '--child is for littleboxd itself' littleboxd --child --dir "$T/box" 3>&-

# refuses LINE TEXT: the configuration whose second line this is.
refuses() {
    printf '# one line\n%s\n' "$1" >box/default.conf
    expect 78 "$T/box/default.conf:2: $2" littleboxd --dir "$T/box"
}
refuses threads "'threads' has no '='"
refuses 'thraeds = 4' "unknown setting 'thraeds'; did you mean 'threads'? see littlebox.conf(5)"
refuses 'frobnicate = 4' "unknown setting 'frobnicate'; see littlebox.conf(5)"
for value in 1 257 x 4x -4 ''; do
    refuses "threads = $value" "threads = $value: it must be a number from 2 to 256"
done
refuses 'max-connections = 3' 'max-connections = 3: it must be a number from 16 to 100000'
for value in user:no-such-user group:no-such-group root user: user:-1 user:4294967295; do
    refuses "admin = user:root $value" "admin = user:root $value: it must be user:NAME and group:NAME of this system"
done
refuses "admin = $(seq -f user:%g -s ' ' 33)" 'admin = '
grep -qF 'it must be at most 32 administrators' err || fail "33 administrators: $(cat err)"
refuses 'credential = file' 'credential = file: it must be an absolute path'
for value in 066 0466 666x 1666 rw; do
    refuses "socket-mode = $value" "socket-mode = $value: it must be an octal mode such as 0666 or 0660"
done
refuses 'log-level = loud' 'log-level = loud: it must be error, warning or info'
refuses 'sandbox = maybe' 'sandbox = maybe: it must be yes or no'
refuses "credential = /$(printf '%03000d' 0)" 'the line is too long'
rm box/default.conf
mkdir box/default.conf
expect 78 "$T/box/default.conf: Is a directory" littleboxd --dir "$T/box"
rmdir box/default.conf

# What is handed over by a service manager must be the one socket.
# shellcheck disable=SC2016 # the inner shell's own
expect 78 'the service manager hands over 2 sockets, one is expected' \
    sh -c 'LISTEN_PID=$$ LISTEN_FDS=2 exec littleboxd --dir "$0"' "$T/box"
# shellcheck disable=SC2016
expect 78 'is not a listening SEQPACKET socket; in the .socket unit use ListenSequentialPacket=' \
    sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec littleboxd --dir "$0" 3</dev/null' "$T/box"

# Paths: too long for a socket, not a directory, no home.
long=$T/$(printf '%0100d' 0)
mkdir "$long"
expect 78 "a socket's path has at most 106 bytes" littleboxd --dir "$long"
expect 1 "a socket's path has at most 107 bytes" littlebox --dir "$long" list
: >file
expect 78 "$T/file is not a directory" littleboxd --dir "$T/file"
expect 1 "cannot tell where the files of box 'default' are" \
    env -u LITTLEBOX_DIR -u HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME littlebox --dir '' list
# A line of the log is one line, and moves nothing on a terminal, whatever is in a path.
odd=$T/$(printf 'odd\nlittleboxd[default]: forged\033[2J\302\233m')
: >"$odd"
expect 78 "littleboxd[default]: $T/odd?littleboxd[default]: forged?[2J??m is not a directory" littleboxd --dir "$odd"
[ "$(wc -l <err)" = 1 ] || fail "one line became several: $(cat err)"
rm "$odd"
mkdir box/plain.sock
expect 78 "cannot listen on $T/box/plain.sock: File exists" littleboxd --dir "$T/box" --box plain

# A second box of that name says so, and the first goes on.
start_named default
expect 78 "box 'default' is running already: $T/box/default.sock answers; stop it first, or choose another --box" \
    littleboxd --dir "$T/box"
status_exits 3 || fail "the first box does not answer"
stop_box

# A store that cannot be made: nothing is, and nothing of it is left.
mkdir -p box/closed
chmod 500 box/closed
# Not through the function: in the background that is a shell of its own, and the box would outlive it.
if is_root; then
    setpriv --bounding-set -dac_override,-dac_read_search littleboxd --dir "$T/box" --box closed 2>>box.log &
else
    littleboxd --dir "$T/box" --box closed 2>>box.log &
fi
KEEPER=$!
own "$KEEPER"
await "box closed to answer" answers --box closed
expect 1 "cannot make the store $T/box/closed/store.db" littlebox --box closed init
expect 1 'hint: its directory must be writable for the user of the box' littlebox --box closed init
[ -z "$(ls -A box/closed)" ] || fail "left over: $(ls -A box/closed)"
[ ! -e box/closed.credential ] || fail "a credential for nothing"
chmod 700 box/closed
expect 0 "made the store of box 'closed'" littlebox --box closed init
