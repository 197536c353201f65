# What the tests of the command share. To be sourced; each test gets an empty directory $T and leaves no process behind.
# shellcheck shell=sh

skip() {
    echo "SKIP: $*"
    exit 77
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# What the build has made: what is installed, and the programs of these tests.
PROGRAMS='littlebox littleboxd .libs/littlebox.so'
TOOLS='answer fakebox fileattr jsoncheck'
[ -n "${LITTLEBOX_BUILD-}" ] || fail "LITTLEBOX_BUILD does not name the build directory"
for program in $PROGRAMS; do
    [ -x "$LITTLEBOX_BUILD/$program" ] || fail "there is no $program in $LITTLEBOX_BUILD: run make"
done
for program in $TOOLS; do
    [ -x "$LITTLEBOX_BUILD/test/cli/$program" ] ||
        fail "there is no test/cli/$program in $LITTLEBOX_BUILD: run make check TESTS="
done
TOOLS=$LITTLEBOX_BUILD/test/cli
LC_ALL=C
umask 022
export LC_ALL
unset LITTLEBOX_DIR OPENSSL_CONF OPENSSL_MODULES || :

T=$(mktemp -d "${TMPDIR:-/tmp}/littlebox-cli.XXXXXX")
chmod 755 "$T"
PIDS=
UNPRIVILEGED=65534

cleanup() {
    for pid in $PIDS; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    if command -v cleanup_more >/dev/null; then
        cleanup_more
    fi
    rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

is_root() {
    [ "$(id -u)" = 0 ]
}

# other COMMAND...: root runs it as a user without any rights.
other() {
    setpriv --reuid $UNPRIVILEGED --regid $UNPRIVILEGED --clear-groups "$@"
}

# powerless COMMAND...: root stays uid 0, without its power over files that are closed to their owner; others have none.
powerless() {
    if is_root; then
        setpriv --bounding-set -dac_override,-dac_read_search "$@"
    else
        "$@"
    fi
}

# That user may have no way to the build directory: then it gets copies.
if is_root && ! other test -x "$LITTLEBOX_BUILD/littlebox"; then
    mkdir -p "$T/build/.libs"
    for program in $PROGRAMS; do
        cp "$LITTLEBOX_BUILD/$program" "$T/build/$program"
    done
    LITTLEBOX_BUILD=$T/build
    other test -x "$LITTLEBOX_BUILD/littlebox" || fail "uid $UNPRIVILEGED has no way to $T: set TMPDIR"
fi
PATH=$LITTLEBOX_BUILD:$PATH
export PATH

# names FILE URI: the file is a handle of that URI, with nothing but certificates beside it.
names() {
    [ "$(littlebox handle --show "$1" 2>&1 | sed -n '1s/^handle  *//p')" = "$2" ]
}

# await COMMAND...: until it succeeds, at most ten seconds.
await() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || fail "waited in vain for: $*"
        sleep 0.02
    done
}

# status_is N [littlebox options]
status_is() {
    want=$1
    shift
    got=0
    littlebox "$@" status >/dev/null 2>&1 || got=$?
    [ "$got" = "$want" ]
}

answers() {
    status_is 0 "$@" || status_is 3 "$@"
}

# start_box NAME [littleboxd options]: a box in $T/box, in the background; BOXPID is its keeper. It has no store unless there was one.
start_box() {
    box=$1
    shift
    mkdir -p "$T/box"
    littleboxd --dir "$T/box" --box "$box" "$@" 2>>"$T/box.log" &
    BOXPID=$!
    PIDS="$PIDS $BOXPID"
    LITTLEBOX_DIR=$T/box
    export LITTLEBOX_DIR
    await answers --box "$box"
}

stop_box() {
    kill "$BOXPID"
    wait "$BOXPID" || :
}

# expect STATUS TEXT COMMAND...: this exit status, and TEXT in what it says on standard error ("" for silence).
expect() {
    want=$1
    text=$2
    shift 2
    got=0
    "$@" >"$T/out" 2>"$T/err" </dev/null || got=$?
    if [ "$got" != "$want" ]; then
        cat "$T/out" "$T/err" >&2
        fail "exit status $got instead of $want: $*"
    fi
    if [ -z "$text" ]; then
        # A sign of life is allowed: it comes with whatever takes longer than a second.
        sed -i '/^littlebox: .* \.\.\.$/d' "$T/err"
        [ ! -s "$T/err" ] || fail "unexpected words of '$*': $(cat "$T/err")"
    else
        grep -qF -- "$text" "$T/err" || fail "'$*' does not say '$text' but: $(cat "$T/err")"
    fi
}

# And on standard output of the last expect.
expect_out() {
    grep -qF -- "$1" "$T/out" || fail "no '$1' in the output: $(cat "$T/out")"
}

# json_at PLACE: what is there (jsoncheck.c) in the output of the last expect, which must be JSON.
json_at() {
    "$TOOLS/jsoncheck" "$1" <"$T/out" || fail "not so in: $(cat "$T/out")"
}

# expect_json [PLACE VALUE]...: that output has these values at these places.
expect_json() {
    while [ $# -gt 0 ]; do
        found=$(json_at "$1")
        [ "$found" = "$2" ] || fail "'$1' is $found, not $2, in: $(cat "$T/out")"
        shift 2
    done
}

# answer [PROMPT ANSWER]... -- COMMAND...: on a terminal (answer.c).
answer() {
    "$TOOLS/answer" "$@"
}

# with_module COMMAND...: a program that loads the provider; one that is built with ASan needs its runtime first.
with_module() {
    if grep -q __asan_init "$LITTLEBOX_BUILD/littleboxd"; then
        LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@"
    else
        "$@"
    fi
}

# same_public KEY FILE: the key in the box has this public key.
same_public() {
    littlebox show --public "$1" | cmp -s - "$2" || fail "key $1 in the box is not the key of $2"
}
