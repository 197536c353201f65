#!/usr/bin/env bash
# Four servers and a box for SOAK_SECONDS (30; an hour for a release): reloads, restarts, exchanged policy, lock and
# unlock, in random order. No handshake fails that such a change does not explain, and nothing grows.
#
#     SOAK_SECONDS=3600 test/servers/soak.sh
set -eu
SOAK_SECONDS=${SOAK_SECONDS:-30}
TEST_SECONDS=$((SOAK_SECONDS * 2 + 600))
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=fleet.sh
. "$(dirname "$0")/fleet.sh"

fleet_needs
begin
RANDOM=${SOAK_SEED:=$$}
say "SOAK_SECONDS=$SOAK_SECONDS SOAK_SEED=$SOAK_SEED"
FILES=$TEST_DIR/files SERVERS=$TEST_DIR/servers
new_box "$TEST_DIR/box"
fleet_keys "$FILES"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
fleet_start "$SERVERS" "$FILES"
read -r -a SERVER_LIST <<<"$FLEET"
any_server() { echo "${SERVER_LIST[RANDOM % ${#SERVER_LIST[@]}]}"; }
declare -A USER_OF=([nginx]=www-data [haproxy]=haproxy [postfix]=postfix [postgresql]=postgres)

# --- What may happen at any time, without a handshake that fails

declare -A did=()
restarts=0
restarted() { [ "$(status restarts)" = "$restarts" ] && box_unlocked; }
restart_by() { # SIGNAL PID
    restarts=$((restarts + 1))
    kill "-$1" "$2"
    await "restart $restarts" restarted
}
something() {
    local what server
    case $((RANDOM % 6)) in
    0 | 1)
        server=$(any_server)
        what="reload $server"
        fleet_reload "$SERVERS" "$server"
        ;;
    2) what="kill the child" && restart_by KILL "$(box_child)" ;;
    3) what="replace the child" && restart_by HUP "$KEEPER" ;;
    4)
        what="change a policy"
        lb allow ec --user 23456 2>>"$TEST_DIR/lb.log"
        lb deny ec --user 23456 2>>"$TEST_DIR/lb.log"
        ;;
    5)
        what="make a key and destroy it"
        lb create "passing$SECONDS-$RANDOM" --type ed25519 >"$TEST_DIR/created" 2>>"$TEST_DIR/lb.log"
        lb destroy "$(cut -d ' ' -f 1 "$TEST_DIR/created" | sed 's/.*[:/]//')" --now --yes 2>>"$TEST_DIR/lb.log"
        ;;
    esac
    did[$what]=$((${did[$what]:-0} + 1))
}
handshakes=0
under_load() {
    local server line
    fleet_loads "$FILES"
    for _ in {1..6}; do
        something
        await_handshakes 3
    done
    end_loads
    for server in $FLEET; do
        line=$(cat "$TEST_DIR/$server.load.log")
        [[ $line =~ ^handshakes\ ([0-9]+)\ failed\ 0\  ]] || fail "$server: $line"
        handshakes=$((handshakes + BASH_REMATCH[1]))
    done
}

# --- What does make handshakes fail, and only those

serves() { fleet_handshake "$1" "$FILES" >>"$TEST_DIR/single.log" 2>&1; }
all_serve() {
    local server
    for server in $FLEET; do
        await "$server to serve after $1" serves "$server"
    done
}
lock_and_unlock() {
    local server
    lb lock 2>>"$TEST_DIR/lb.log"
    for server in $FLEET; do
        ! serves "$server" || fail "$server serves while the box is locked"
    done
    lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
    all_serve "unlock"
    did[lock and unlock]=$((${did[lock and unlock]:-0} + 1))
}
deny_and_allow() {
    local server other
    is_root || return 0 # all servers are of one user, who is the box's own
    server=$(any_server)
    lb deny "${FLEET_KEY[$server]}" --user "${USER_OF[$server]}" 2>>"$TEST_DIR/lb.log"
    ! serves "$server" || fail "$server serves without a grant"
    for other in $FLEET; do
        [ "$other" = "$server" ] || serves "$other" || fail "$other does not serve when $server may not sign"
    done
    lb allow "${FLEET_KEY[$server]}" --user "${USER_OF[$server]}" 2>>"$TEST_DIR/lb.log"
    all_serve "allow"
    did[deny and allow]=$((${did[deny and allow]:-0} + 1))
}

# --- What there is of memory and descriptors

of_all() { # FUNCTION PID...
    local function=$1 pid sum=0
    shift
    for pid; do
        sum=$((sum + $("$function" "$pid" || echo 0)))
    done
    echo "$sum"
}
rss() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null; }
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
# The process that stays is looked at, and those that it has now.
figures() {
    local who pids
    for who in keeper child $FLEET; do
        case $who in
        keeper) pids=$KEEPER ;;
        child) pids=$(box_child) ;;
        *) pids=${FLEET_PID[$who]} ;;
        esac
        # shellcheck disable=SC2086 # a list of process ids
        echo "$who $(of_all rss $pids) $(of_all descriptors $pids)"
    done
}
# The same state each time: a fresh child, each server reloaded, and some handshakes with it.
settle() {
    local server
    restart_by HUP "$KEEPER"
    for server in $FLEET; do
        fleet_reload "$SERVERS" "$server"
    done
    for server in $FLEET; do
        fleet_client "$server" "$FILES" --count 50 >"$TEST_DIR/settle.log" || fail "$server: $(cat "$TEST_DIR/settle.log")"
    done
}

say "warming up"
for _ in 1 2; do
    under_load
    lock_and_unlock
    deny_and_allow
done
settle
figures >"$TEST_DIR/before"
end=$((SECONDS + SOAK_SECONDS))
while [ "$SECONDS" -lt "$end" ]; do
    under_load
    case $((RANDOM % 2)) in
    0) lock_and_unlock ;;
    1) deny_and_allow ;;
    esac
done
settle
figures >"$TEST_DIR/after"
for what in "${!did[@]}"; do
    say "${did[$what]} times: $what"
done
check "$handshakes handshakes under load, and none failed" [ "$handshakes" -gt 0 ]

# An allocator keeps what it once had, so the bound is a quarter and 4 MiB; a leak of one object for each reload or
# restart shows in an hour, and one of a descriptor at once: eight are what channels come and go by.
printf '%-12s %22s %22s\n' "" "RSS, KiB" descriptors
while read -r who rss_before fds_before && read -r _ rss_after fds_after <&4; do
    printf '%-12s %10d -> %8d %10d -> %8d\n' "$who" "$rss_before" "$rss_after" "$fds_before" "$fds_after"
    check "$who: its memory does not grow" [ "$rss_after" -le $((rss_before * 5 / 4 + 4096)) ]
    check "$who: nor its descriptors" [ "$fds_after" -le $((fds_before + 8)) ]
done <"$TEST_DIR/before" 4<"$TEST_DIR/after"
same "no key is damaged" 0 "$(status damaged)"
fleet_stop
stop_box
same "no server is left" "" "$(pgrep -f -- "$TEST_DIR/" || true)"
finish
