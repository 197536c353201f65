#!/usr/bin/env bash
# Restart and upgrade without a refused call: the process with the keys is killed, replaced, and replaced by another
# program file, while HAProxy and Postfix in their chroots, nginx and PostgreSQL shake hands. Not one handshake fails.
#
# RESTARTS (12) times. How long the longest handshake and the longest restart took is printed, not judged.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=fleet.sh
. "$(dirname "$0")/fleet.sh"

fleet_needs
begin
RESTARTS=${RESTARTS:-12}
RANDOM=${RESTART_SEED:=$$}
say "RESTARTS=$RESTARTS RESTART_SEED=$RESTART_SEED"

# --- The program, in a place of its own, so that it can be exchanged as a package manager does it: by a rename.

mkdir "$TEST_DIR/bin"
BIN=$TEST_DIR/bin/littleboxd
VERSION=$("$LITTLEBOX_BUILD/littleboxd" --version | cut -d ' ' -f 2)
cp "$LITTLEBOX_BUILD/littleboxd" "$BIN"
# shellcheck disable=SC2016 # for that shell
FROM_BIN=(bash -c 'exec '"$BIN"' "$@"')

# exchange_program N : a build that differs in what it says its version is.
exchange_program() {
    NEW_VERSION=${VERSION%?}$((($1 + ${VERSION: -1}) % 10))
    LC_ALL=C sed "s/littlebox $VERSION/littlebox $NEW_VERSION/g" "$LITTLEBOX_BUILD/littleboxd" >"$BIN.new"
    chmod 0755 "$BIN.new"
    mv "$BIN.new" "$BIN"
}
software() { status software; }

# --- One box that a credential opens, and one that a passphrase does

start_box "$TEST_DIR/by-hand" "${FROM_BIN[@]}"
printf 'correct horse %s\n' "$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \n')" >"$TEST_DIR/passphrase"
check "a box that a passphrase opens" lb init --passphrase --passphrase-file "$TEST_DIR/passphrase" \
    2>>"$TEST_DIR/lb.log"
check "with a key" lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
check "it signs" signs web
BY_HAND=$KEEPER

# Its keys stay in the clear, however long it is until they are looked for.
mkdir "$TEST_DIR/box"
echo "rest-after = 0" >"$TEST_DIR/box/default.conf"
start_box "$TEST_DIR/box" "${FROM_BIN[@]}"
lb init 2>>"$TEST_DIR/lb.log"
fleet_keys "$TEST_DIR/files"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
same "the version is what was built" "littlebox $VERSION" "$(software)"

# holds PID OPTION VALUE : see memscan.
holds() { memscan "$2" "$3" "$1"; }
PASSPHRASE=$(tr -d '\n' <"$TEST_DIR/passphrase" | od -An -v -tx1 | tr -d ' \n')
keepers_hold_nothing() {
    if ! can_scan; then
        say "the keepers' memory is not scanned: that takes root, and a program without a sanitizer"
        return
    fi
    same "$1: the keeper holds neither key" "0 0" \
        "$(holds "$KEEPER" --key "$TEST_DIR/plain-ec.pem") $(holds "$KEEPER" --key "$TEST_DIR/plain-rsa.pem")"
    same "$1: its child does" 1 "$(holds "$(box_child)" --key "$TEST_DIR/plain-ec.pem")"
    same "$1: the other keeper does not hold the passphrase" 0 "$(holds "$BY_HAND" --hex "$PASSPHRASE")"
}

# --- Restarts under load

fleet_start "$TEST_DIR/servers" "$TEST_DIR/files"
keepers_hold_nothing "before"
fleet_loads "$TEST_DIR/files"

# Ready again: another process answers, and can sign.
restarted() { [ "$(status restarts)" = "$1" ] && box_unlocked; }
killed=0 replaced=0 exchanged=0
for ((n = 1; n <= RESTARTS; n++)); do
    case $((n % 3)) in
    0)
        exchange_program "$n"
        kill -HUP "$KEEPER"
        await "restart $n, of another program" restarted "$n"
        [ "$(software)" = "littlebox $NEW_VERSION" ] || fail "the child is not what is installed: $(software)"
        exchanged=$((exchanged + 1))
        ;;
    1)
        kill -KILL "$(box_child)"
        await "restart $n, after SIGKILL" restarted "$n"
        killed=$((killed + 1))
        ;;
    2)
        kill -HUP "$KEEPER"
        await "restart $n, by SIGHUP" restarted "$n"
        replaced=$((replaced + 1))
        ;;
    esac
    await_handshakes 2
    # Not always at the same point of a handshake.
    sleep "0.$(printf '%03d' $((RANDOM % 200)))"
done
end_loads
say "$killed times SIGKILL, $replaced times SIGHUP, $exchanged times SIGHUP with an exchanged program"
check_loads
same "each restart was one" "$RESTARTS" "$(status restarts)"
same "the keeper is still the first" "$KEEPER" "$(ps -o ppid= -p "$(box_child)" | tr -d ' ')"
same "the box says how long it was away, each time" "$RESTARTS" "$(grep -c 'the box was away for' "$BOX_DIR/box.log")"
say "the longest handshake took $(sed -n 's/.* max_ms \([0-9.]*\) .*/\1/p' "$TEST_DIR"/*.load.log | sort -n |
    tail -n 1) ms, the longest restart $(sed -n 's/.*was away for \([0-9]*\) ms.*/\1/p' "$BOX_DIR/box.log" | sort -n |
    tail -n 1) ms"
keepers_hold_nothing "after"
same "a box that a credential opened comes back unlocked" unlocked "$(status state)"

# --- The one that was unlocked by hand waits for that

OPEN=$KEEPER KEEPER=$BY_HAND BOX_DIR=$TEST_DIR/by-hand
waits_for_unlock() {
    same "$1: it is locked" locked "$(status state)"
    refused "$1: and says what it waits for" 'locked.*littlebox.*unlock' signs web
    says "$1: so does its log" "it is locked: run 'littlebox --box [a-z-]* unlock'" "$BOX_DIR/box.log"
    check "unlock" lb unlock --passphrase-file "$TEST_DIR/passphrase" 2>>"$TEST_DIR/lb.log"
    check "it signs again" signs web
}
kill -KILL "$(box_child)"
await "the locked box after SIGKILL" status_is restarts 1
waits_for_unlock "after SIGKILL"
exchange_program 7
kill -HUP "$KEEPER"
await "the locked box after SIGHUP" status_is restarts 2
same "it is the new program" "littlebox $NEW_VERSION" "$(software)"
waits_for_unlock "after an upgrade"
keeper_of_passphrase() { holds "$BY_HAND" --hex "$PASSPHRASE"; }
if can_scan; then
    same "its keeper never held the passphrase" 0 "$(keeper_of_passphrase)"
    same "its child does not any more" 0 "$(holds "$(box_child)" --hex "$PASSPHRASE")"
fi
stop_box

KEEPER=$OPEN BOX_DIR=$TEST_DIR/box
fleet_stop
stop_box
same "no box and no server is left" "" "$(pgrep -f -- "$TEST_DIR/" || true)"
finish
