#!/usr/bin/env bash
# SIGUSR2: the installed program takes the keeper's own place, with its process id and all connections, while nginx and HAProxy
# in its empty chroot shake hands. A program or a configuration that is not fit changes nothing.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"
# shellcheck source=../servers/fleet.sh
. "$(dirname "$0")/../servers/fleet.sh"

fleet_needs
begin
FLEET="nginx haproxy"

mkdir "$TEST_DIR/bin"
BIN=$TEST_DIR/bin/littleboxd
VERSION=$("$LITTLEBOX_BUILD/littleboxd" --version | cut -d ' ' -f 2)
# exchange_program N : a build that differs in what it says its version is, put in place by a rename.
exchange_program() {
    NEW_VERSION=${VERSION%?}$((($1 + ${VERSION: -1}) % 10))
    LC_ALL=C sed "s/littlebox $VERSION/littlebox $NEW_VERSION/g" "$LITTLEBOX_BUILD/littleboxd" >"$BIN.new"
    chmod 0755 "$BIN.new"
    mv "$BIN.new" "$BIN"
}
exchange_program 0
# shellcheck disable=SC2016 # for that shell
start_box "$TEST_DIR/box" bash -c 'exec '"$BIN"' "$@"'
lb init 2>>"$TEST_DIR/lb.log"
fleet_keys "$TEST_DIR/files"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
fleet_start "$TEST_DIR/servers" "$TEST_DIR/files"
fleet_loads "$TEST_DIR/files"

# A keeper is closed to its own user too.
descriptors() { if is_root; then find "/proc/$KEEPER/fd" -mindepth 1 | wc -l; else echo "not to be seen"; fi; }
arguments() { tr '\0' '\n' <"/proc/$KEEPER/cmdline" | wc -l; }
times() { grep -c "$1" "$BOX_DIR/box.log" || true; }
happened() { [ "$(times "$1")" -ge "$2" ]; }
# Another child, a keeper's first one; and of that version, where a build has its version as a text.
is_new() {
    [ "$(box_child)" != "$old" ] && [ "$(status restarts)" = 0 ] && box_unlocked &&
        { cmp -s "$BIN" "$LITTLEBOX_BUILD/littleboxd" || [ "$(status software)" = "littlebox $NEW_VERSION" ]; }
}
inode=$(stat -c %i "$BOX_DIR/default.sock") first=''
for n in 1 2 3 4; do
    exchange_program "$n"
    old=$(box_child)
    kill -USR2 "$KEEPER"
    await "round $n to be said" happened "the installed program takes this one's place" "$n"
    await "the program's place to be taken" is_new
    await_handshakes 3
    check "round $n: the old child has ended" gone "$old"
    alive "$KEEPER" || fail "the keeper's process is another one"
    [ -n "$first" ] || first=$(descriptors) first_arguments=$(arguments)
done
same "it was said each time" 4 "$(times "the installed program takes this one's place")"
same "the keeper's arguments do not grow" "$first_arguments" "$(arguments)"
same "nor its descriptors" "$first" "$(descriptors)"
same "it is the same socket" "$inode" "$(stat -c %i "$BOX_DIR/default.sock")"
check "the connections went on" grep -q '[1-9][0-9]* connections of the last keeper go on' "$BOX_DIR/box.log"
check "and each was what its name says" not grep -q 'are not what their names say' "$BOX_DIR/box.log"

# --- Programs that are not fit: the old keeper and its child go on

child=$(box_child) refusals=0
# stays TEXT : after SIGUSR2 the same child serves.
stays() {
    refusals=$((refusals + 1))
    kill -USR2 "$KEEPER"
    await "$1 to be refused" happened "is not fit to take this one's place" "$refusals"
    await_handshakes 2
    same "$1: the same child serves" "$child" "$(box_child)"
}
cp "$BIN" "$TEST_DIR/good"
printf '#!/bin/sh\nexit 1\n' >"$BIN.new"
chmod 0755 "$BIN.new"
mv "$BIN.new" "$BIN"
stays "another program"
head -c 4096 "$TEST_DIR/good" >"$BIN.new"
chmod 0755 "$BIN.new"
mv "$BIN.new" "$BIN"
stays "half a program"
rm "$BIN"
stays "no program"
cp "$TEST_DIR/good" "$BIN"
echo "no-such-setting = 1" >"$BOX_DIR/default.conf"
stays "a configuration with an error"
rm "$BOX_DIR/default.conf"

end_loads
check_loads

# --- Locked by hand, it stays so

check "lock" lb lock
kill -USR2 "$KEEPER"
await "another child" gone "$child"
await "it to answer" box_answers
same "it is locked" locked "$(status state)"
says "the log says so" "was locked by hand before this start, and still is" "$BOX_DIR/box.log"
same "and status too" hand "$(status locked_by)"
check "unlock" lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
same "nobody has locked it now" null "$(lb --json status 2>/dev/null | json_places locked_by)"

# --- Unlocked by hand alone, it is locked by a restart, whatever way that is

# replaced_by SIGNAL : another child, which has taken all over.
replaced_by() {
    child=$(box_child)
    kill -"$1" "$KEEPER"
    await "another child" gone "$child"
    await "it to answer" box_answers
}
mv "$BOX_DIR/default.credential" "$TEST_DIR/credential"
check "unlock" lb unlock --credential "$TEST_DIR/credential" 2>>"$TEST_DIR/lb.log"
for signal in HUP USR2; do
    replaced_by "$signal"
    same "SIG$signal: it is locked" locked "$(status state)"
    same "SIG$signal: by a restart" restart "$(status locked_by)"
    lb status >"$TEST_DIR/status.out" 2>/dev/null || true
    says "SIG$signal: status says so" '^ *LOCKED BY A RESTART: it was unlocked by hand' "$TEST_DIR/status.out"
    says "SIG$signal: and the cure" "^ *no key can be used until 'littlebox --box default unlock'" "$TEST_DIR/status.out"
done
check "lock" lb lock
same "the last word is the hand's" hand "$(status locked_by)"
mv "$TEST_DIR/credential" "$BOX_DIR/default.credential"
check "unlock" lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
replaced_by HUP
same "where a credential opens it, nobody has locked it" "unlocked null" \
    "$(status state) $(lb --json status 2>/dev/null | json_places locked_by)"
refused "--resume is not for users" "is for littleboxd itself" "$BIN" --dir "$TEST_DIR/other" --resume 0
fleet_stop
stop_box
check "the socket is gone" not test -e "$BOX_DIR/default.sock"
same "no box and no server is left" "" "$(pgrep -f -- "$TEST_DIR/" || true)"
finish
