#!/usr/bin/env bash
# examples/monitoring/check.sh: each state of a box, as plug-ins tell it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

check=$LITTLEBOX_SRC/examples/monitoring/check.sh
# found STATUS TEXT [options]: check.sh ends with that status, and says that in one line.
found() {
    want=$1 text=$2 got=0
    shift 2
    "$check" "$@" >"$T/out" 2>"$T/err" || got=$?
    [ "$got" = "$want" ] || fail "status $got instead of $want: $(cat "$T/out" "$T/err")"
    grep -qF -- "$text" "$T/out" || fail "no '$text' in: $(cat "$T/out")"
    [ "$(wc -l <"$T/out")" = 1 ] || fail "more than a line: $(cat "$T/out")"
    [ ! -s "$T/err" ] || fail "on standard error: $(cat "$T/err")"
}

start_named default
cd "$T"
umask 077
found 2 'CRITICAL: it answers and cannot sign: it is no store'
littlebox init 2>/dev/null
littlebox create web >/dev/null
found 0 'OK: it signs with 1 keys, '
littlebox lock
found 2 'CRITICAL: it answers and cannot sign: it is locked'
littlebox unlock
mv box/default.credential away
found 1 "WARNING: it signs, but its next start stays locked: $T/box/default.credential is not there"
mv away box/default.credential
cp box/default/store.db copy
cat copy >box/default/store.db
found 2 "CRITICAL: the store's file was replaced while the box has it open"
stop_box
found 2 'CRITICAL: no box answers at'
found 3 "UNKNOWN: littlebox: unknown option '--wrong'" --wrong
if is_root; then
    start_named default
    chmod 755 "$T" "$T/box"
    got=0
    other "$check" >out 2>err || got=$?
    [ $got = 3 ] || fail "status $got: $(cat out err)"
    grep -qF 'UNKNOWN: it signs; what its next start does is for administrators to know' out || fail "$(cat out)"
    stop_box
fi

# A key whose record says another type than what was sealed.
sed -i 's/ec:P-256/ec:P-384/g' box/default/store.db
start_named default
found 2 'CRITICAL: 1 keys are damaged'
