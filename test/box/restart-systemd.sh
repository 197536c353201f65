#!/usr/bin/env bash
# Under systemd itself: the service is restarted, keeper and child are killed together, and process 1 runs itself anew, while
# nginx and HAProxy in its empty chroot shake hands. Not one handshake fails, and nothing is left in systemd's descriptor store.
#
# ROUNDS (3) of each. How long the longest handshake took is printed, not judged. test/proof/restart.sh is the long form, with
# PostgreSQL and Postfix too. HOOKS: a directory of programs; one round of each kind is a run of one of them (with the name of
# the box's unit), for what a package manager does. DEBS: a directory of littlebox's packages, which are what is installed then.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/systemd.sh
. "$(dirname "$0")/../harness/systemd.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"
# shellcheck source=../servers/fleet.sh
. "$(dirname "$0")/../servers/fleet.sh"

fleet_needs
MACHINE_ENV="ROUNDS HOOKS DEBS ALL_SERVERS TEST_SECONDS"
MACHINE_DIRS="${HOOKS:-} ${DEBS:-}" MACHINE_DEBS=${DEBS:-}
in_machine
ROUNDS=${ROUNDS:-3}
[ -n "${ALL_SERVERS:-}" ] || FLEET="nginx haproxy"

# --- The box, with its units as they are installed

UNIT=littleboxd@default.service LOG=/run/box-default.log
property() { systemctl show -P "$1" "$UNIT"; }
keeper() { property MainPID; }
stored() { property NFileDescriptorStore; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
active() { [ "$(property ActiveState) $(property SubState)" = "active running" ]; }
# The command and the servers take the system's box.
lb() { littlebox "$@"; }
status() { littlebox --json status 2>/dev/null | json "$1"; }
BOX_DIR=$TEST_DIR/conf
mkdir "$BOX_DIR"
cp "$LITTLEBOX_SRC/examples/nginx/openssl.cnf" "$BOX_DIR/openssl.cnf"
cp "$BOX_DIR/openssl.cnf" /etc/ssl/openssl.cnf
systemd-sysusers
check "the socket" systemctl start littleboxd@default.socket
check "the store" littlebox init 2>>lb.log
fleet_keys "$TEST_DIR/files"
check "it signs" signs ec

# --- What is in the store

check "the store takes as many as a box can have" test "$(property FileDescriptorStoreMax)" -ge 100036
stored_is() { [ "$(stored)" = "$1" ]; }
await "callers that went to be taken out of the store" stored_is 0
check "callers come" bash -c "for i in 1 2 3 4 5; do littlebox list >/dev/null; done"
await "callers that went to be taken out of the store" stored_is 0

# --- Rounds under load

fleet_start "$TEST_DIR/servers" "$TEST_DIR/files"
fleet_loads "$TEST_DIR/files"
is_another() { [ "$(keeper)" != "$1" ] && [ "$(keeper)" != 0 ] && active; }
# The keys go with the keeper: no child of it is left.
round_restart() { systemctl restart "$UNIT"; }
round_kill() {
    local keeper child
    keeper=$(keeper) child=$(pgrep -P "$(keeper)" -f -- " --child ")
    kill -KILL "$child" "$keeper"
    await "the next keeper" is_another "$keeper"
    [ ! -e "/proc/$child" ] || fail "the child outlived its keeper"
}
round_reexec() { systemctl daemon-reexec; }
# As package scripts do it that know of the socket unit too. A caller that connects at this moment finds no socket: so none of
# those who come by the path once, and never again, as each smtpd of Postfix.
round_socket() { systemctl restart littleboxd@default.socket "$UNIT"; }
KINDS="restart kill reexec"
[ -n "${ALL_SERVERS:-}" ] || KINDS="$KINDS socket"
[ -z "${HOOKS:-}" ] || KINDS="$KINDS $(cd "$HOOKS" && echo *)"
rounds=0 memory='' first=''
for ((n = 1; n <= ROUNDS; n++)); do
    for kind in $KINDS; do
        if declare -F "round_$kind" >/dev/null; then "round_$kind"; else "$HOOKS/$kind" "$UNIT"; fi
        await_handshakes 2
        active || fail "round $n, $kind: the unit is $(property ActiveState), $(property Result)"
        rounds=$((rounds + 1))
    done
    # systemd counts restarts within 10 s, by hand or not.
    [ "$((n % 2))" -ne 0 ] || systemctl reset-failed "$UNIT"
    [ "$n" -ne 1 ] || first="$(descriptors "$(keeper)") $(stored)" memory=$(sed -n 's/^VmRSS:\s*//p' "/proc/$(keeper)/status")
done
last="$(descriptors "$(keeper)") $(stored)"
say "$rounds rounds: the keeper's descriptors and those in the store were $first and are $last; its memory $memory and" \
    "$(sed -n 's/^VmRSS:\s*//p' "/proc/$(keeper)/status"), process 1: $(sed -n 's/^VmRSS:\s*//p' /proc/1/status)"
end_loads
say "$(awk '{ n += $2; failed += $4 } END { print n " handshakes, " failed " failed" }' "$TEST_DIR"/*.load.log);" \
    "the longest took $(sed -n 's/.* max_ms \([0-9.]*\) .*/\1/p' "$TEST_DIR"/*.load.log | sort -n | tail -n 1) ms"
check_loads
check "the connections went on" grep -q '[1-9][0-9]* connections of the last keeper go on' "$LOG"
check "and each was what its name says" not grep -q 'are not what their names say' "$LOG"
check "HAProxy is in its empty chroot" test -z "$(ls -A "$TEST_DIR/servers/haproxy/empty")"
same "each stored descriptor is a connection that there is" "$(status connections)" "$(($(stored) + 1))"
fleet_stop
await "those of the servers to be taken out of the store" stored_is 0

# --- An upgrade run: ten restarts in a row

systemctl reset-failed "$UNIT"
for _ in {1..10}; do systemctl restart "$UNIT"; done
check "ten restarts in a row" active
systemctl reset-failed "$UNIT"
check "it signs" signs ec

# --- Locked by hand, it stays locked

check "lock" littlebox lock
check "restart" systemctl restart "$UNIT"
same "it is locked" locked "$(status state)"
says "the log says so" "the box was locked by hand before this start, and still is: no key can be used until 'littlebox --box default unlock'" "$LOG"
check "systemctl status too" grep -q '^LOCKED: ' <<<"$(property StatusText)"
littlebox status >status.out || true
says "and littlebox status" "^ *no key can be used until 'littlebox --box default unlock'" status.out
says "and who did it" "^ *it was locked by hand$" status.out
same "to programs too" hand "$(status locked_by)"
check "unlock" littlebox unlock --credential /etc/littlebox/default.credential 2>>lb.log
check "restart" systemctl restart "$UNIT"
same "it opens itself" unlocked "$(status state)"

# Opened by hand alone, it is locked by a restart, which is said.
mv /etc/littlebox/default.credential /root/credential
check "restart" systemctl restart "$UNIT"
same "it is locked" locked "$(status state)"
check "unlock" littlebox unlock --credential /root/credential 2>>lb.log
check "restart" systemctl restart "$UNIT"
says "the log says so" "the box was unlocked by hand, and this start has locked it: no key can be used until" "$LOG"
littlebox status >status.out || true
says "and littlebox status" "^ *LOCKED BY A RESTART: it was unlocked by hand, and no start can do that by itself$" status.out
says "with the cure" "^ *no key can be used until 'littlebox --box default unlock'" status.out
same "to programs too" restart "$(status locked_by)"
mv /root/credential /etc/littlebox/default.credential
check "restart" systemctl restart "$UNIT"
check "it signs" signs ec

# --- Without a socket unit

systemctl stop littleboxd@default.socket "$UNIT"
mkdir -p /etc/systemd/system/littleboxd@default.service.d /run/littlebox
sed -e '/^Requires=/d; /^After=/d' -e 's/^NoNewPrivileges=.*/&\nReadWritePaths=\/run\/littlebox/' \
    "$(property FragmentPath)" >/etc/systemd/system/littleboxd@default.service
chown littlebox-default /run/littlebox
systemctl daemon-reload
check "a box that makes its own socket" systemctl start "$UNIT"
await "the socket in the store" stored_is 1
inode=$(stat -c %i /run/littlebox/default.sock)
check "restart" systemctl restart "$UNIT"
same "it is the same socket" "$inode" "$(stat -c %i /run/littlebox/default.sock)"
check "which answers" littlebox --users littlebox-default list >/dev/null
kill -KILL "$(keeper)"
check "after SIGKILL too" littlebox --users littlebox-default list >/dev/null
finish
