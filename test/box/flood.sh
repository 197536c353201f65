#!/usr/bin/env bash
# Callers who have no key, in a box of many: what they ask costs a look-up, changes are made beside them, and whoever has a
# key is served before them. LITTLEBOX_FLOOD_KEYS (3000): how many keys there are.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

is_root || skip "callers of several users take root"
needs openssl setpriv
KEYS=${LITTLEBOX_FLOOD_KEYS:-3000}
STRANGER=20001 USER=20002 MEMBER=20003 LATE=20004 GROUP=30001
begin
new_box "$TEST_DIR/box"
stop_box
echo "threads = 2" >"$BOX_DIR/default.conf"
"$LITTLEBOX_BUILD/test/bench/makestore" "$BOX_DIR/default/store.db" "$BOX_DIR/default.credential" ec:P-256 "$KEYS"
start_box "$BOX_DIR"
await "it to open" box_unlocked
same "all keys are there" "$KEYS 0" "$(status keys) $(status damaged)"
SOCKET=$BOX_DIR/default.sock
CHILD=$(box_child)
change() { lb "$@" 2>>"$TEST_DIR/lb.log"; }
# as UID ARGUMENTS... : boxload as that user; as_member: in a group besides.
as() { "$HARNESS/boxload" --uid "$1" "$SOCKET" "${@:2}" 2>>"$TEST_DIR/asked.log"; }
as_member() {
    setpriv --reuid "$MEMBER" --regid "$MEMBER" --groups "$GROUP,30002" "$HARNESS/boxload" "$SOCKET" "$@" \
        2>>"$TEST_DIR/asked.log"
}

# --- Who sees what
change allow k000009 --user $USER
change allow k000007 --user $USER
change allow k000009 --group $GROUP
change allow k000011 --group $GROUP
change allow k000011 --user $MEMBER
for kind in list find-all; do
    same "$kind: who has no grant sees nothing" "" "$(as $STRANGER ask 1 $kind -)"
    same "$kind: who has some sees those, by name" "k000007 k000009" "$(as $USER ask 1 $kind -)"
    same "$kind: so does a member of a group, each once" "k000009 k000011" "$(as_member ask 1 $kind -)"
    same "$kind: an administrator sees all" "k000000 k000001 k000002" \
        "$("$HARNESS/boxload" "$SOCKET" ask 1 $kind - | cut -d ' ' -f 1-3)"
done
check "find says that there is more than it tells" grep -q 'k000063 and more$' <("$HARNESS/boxload" "$SOCKET" ask 1 find-all -)
same "whoever knows a name finds that key" "k000020" "$(as $STRANGER ask 1 find-label k000020)"
same "no key in this box has an id" "" "$("$HARNESS/boxload" "$SOCKET" ask 1 find-id k000020)"
change deny k000007 --user $USER
change deny k000011 --group $GROUP
change destroy k000009 --now --yes
for kind in list find-all; do
    same "$kind: what is denied, and what is destroyed, is seen no more" "" "$(as $USER ask 1 $kind -)"
    same "$kind: nor by members; what is granted yet, is" "k000011" "$(as_member ask 1 $kind -)"
done

# --- What it costs: processor time of the box, in nanoseconds a question, the least of some rounds
cpu_ns() { cat /proc/"$CHILD"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }
ASKED=500
declare -A COST=()
for round in {1..8}; do
    for kind in get find-id find-label find-all list cert-get cert-find token status; do
        before=$(cpu_ns)
        as $STRANGER ask "$ASKED" $kind nothing-of-that-name >"$TEST_DIR/asked" || fail "$kind: $(cat "$TEST_DIR/asked.log")"
        took=$((($(cpu_ns) - before) / ASKED))
        [ "${COST[$kind]:-$took}" -lt "$took" ] || COST[$kind]=$took
    done
done
say "a look-up: ${COST[get]} ns, the least of $round rounds"
for kind in find-id find-label find-all list cert-get cert-find token status; do
    check "$kind of a stranger costs no more than some look-ups (${COST[$kind]} ns)" [ "${COST[$kind]}" -le $((4 * COST[get])) ]
done

# --- Changes are made while strangers ask
# crowd ARGUMENTS... : boxload that goes on until it is killed, once it is connected. Sets CROWD.
crowd() {
    "$HARNESS/boxload" "$@" >"$TEST_DIR/crowd" 2>"$TEST_DIR/crowd.log" 3>&- &
    CROWD=$!
    own "$CROWD"
    await "the crowd" grep -qx ready "$TEST_DIR/crowd"
}
# made COMMAND... : the change is made within the bound, beside the crowd, which goes on.
made() {
    local began pid
    began=$(date +%s%N)
    lb "$@" >>"$TEST_DIR/lb.log" 2>&1 3>&- &
    pid=$!
    own "$pid"
    await "littlebox $*" gone "$pid"
    wait "$pid" || fail "littlebox $*: $(tail -n 2 "$TEST_DIR/lb.log")"
    check "$1 was made beside them, in $((($(date +%s%N) - began) / 1000000)) ms" alive "$CROWD"
}
for kind in find-id list get; do
    say "12 connections, $kind:"
    crowd --uid $STRANGER "$SOCKET" $kind 12 nothing-of-that-name
    made lock
    made unlock --credential "$BOX_DIR/default.credential"
    made allow k000001 --user 20005
    made deny k000001 --user 20005
    stop "$CROWD" KILL
done

# --- Whoever has a key comes first, and whoever has none waits as long as that
new_key rsa:4096 "$TEST_DIR/rsa.pem"
lb import heavy "$TEST_DIR/rsa.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
change allow heavy --user $USER
crowd --uid $USER --rsa "$SOCKET" flood 60 heavy
# more N : so many signatures more than there were.
more() { [ "$(status signatures)" -ge $((SIGNED + $1)) ]; }
# It is connected, which is not to say that it has asked.
SIGNED=$(status signatures)
await "the crowd to be served" more 60
as $STRANGER ask 1 get k000001 >/dev/null 3>&- &
stranger=$!
as $LATE ask 1 get k000001 >/dev/null 3>&- &
late=$!
own "$stranger" "$late"
SIGNED=$(status signatures)
await "signatures" more 200
check "a stranger waits while those with a key are served" alive "$stranger"
check "and another one" alive "$late"
check "a member of a group that has a key does not" as_member ask 1 get k000001
change allow k000001 --user $LATE
await "the one that got a key meanwhile to be served" gone "$late"
check "it has its answer" wait "$late"
SIGNED=$(status signatures)
await "signatures" more 50
check "the other one waits yet" alive "$stranger"
stop "$CROWD" KILL
await "a stranger to be served, once there is time" gone "$stranger"
check "it has its answer too" wait "$stranger"
same "it was one process all the time" 0 "$(status restarts)"
stop_box
finish
