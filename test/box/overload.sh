#!/usr/bin/env bash
# More than a box can do: callers that ask without end, do not read their answers, send packets that are cut off, make
# changes that they may not make, or only hold connections; and a polite one beside them, which is served.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl prlimit
begin
BOX_DIR=$TEST_DIR/box
SOCKET=$BOX_DIR/default.sock
mkdir "$BOX_DIR"
echo "max-connections = 12000" >"$BOX_DIR/default.conf"
new_box "$BOX_DIR"
new_key rsa:4096 "$TEST_DIR/rsa.pem"
lb import heavy "$TEST_DIR/rsa.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
GREEDY=() POLITE=() MANY=20 # one user is served in the order in which requests come
if is_root; then
    MANY=300
    GREEDY=(--uid 20001) POLITE=(--uid 20002)
    lb allow heavy --user 20001 2>>"$TEST_DIR/lb.log"
    lb allow web --user 20001 2>>"$TEST_DIR/lb.log"
    lb allow web --user 20002 2>>"$TEST_DIR/lb.log"
fi

CROWD=()
# crowd NAME ARGUMENTS... : a crowd of callers, once they are connected.
crowd() {
    "$HARNESS/boxload" "${GREEDY[@]}" "${@:2}" >"$TEST_DIR/$1.crowd" 2>"$TEST_DIR/$1.crowd.log" 3>&- &
    CROWD+=("$!")
    own "$!"
    await "the crowd $1" grep -qx ready "$TEST_DIR/$1.crowd"
}
disperse() {
    local pid
    for pid in "${CROWD[@]}"; do
        stop "$pid" KILL
    done
    CROWD=()
    await "the connections of the crowd to be closed" status_is connections 1
}
# polite COUNT : signatures one by one; how they went is in polite.
polite() { "$HARNESS/boxload" "${POLITE[@]}" "$SOCKET" sign "$1" web >"$TEST_DIR/polite" 2>&1; }
rss() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
descriptors() {
    local fds
    fds=("/proc/$1/fd"/*)
    echo "${#fds[@]}"
}
CHILD=$(box_child)

# --- Alone
check "a polite caller, alone" polite 200
say "$(cat "$TEST_DIR/polite")"

# --- By turns: many connections of one user, each with requests that take long, do not keep another one from its own
crowd flood --rsa "$SOCKET" flood "$MANY" heavy
before=$(status signatures)
check "a polite caller beside $MANY greedy connections" polite 20
say "$(cat "$TEST_DIR/polite")"
others=$(($(status signatures) - before - 20))
say "in that time the greedy ones got $others"
if is_root; then
    # One by turns and what was under way; without turns it is all of them for each of the polite one's.
    check "it did not wait for all of them each time" [ "$others" -lt $((20 * 100)) ]
fi

# --- Whoever does not read, sends halves, or asks for what only administrators may
crowd deaf "$SOCKET" deaf 100 web
crowd broken "$SOCKET" broken 50 web
crowd change "$SOCKET" change 50
check "a polite caller beside all of them" polite 20
say "$(cat "$TEST_DIR/polite")"
check "so is an administrator" lb allow web --user 20003 2>>"$TEST_DIR/lb.log"
check "and a program with the provider" signs web
disperse
same "it is still the same process" "$CHILD" "$(box_child)"
check "a polite caller, afterwards" polite 200
say "$(cat "$TEST_DIR/polite")"

# --- Changes wait in a queue that ends: here behind wrong secrets, each of which is answered later than the last
as_many() { # ROUND
    local n changes=()
    for n in {11..98}; do
        lb allow web --user "40$1$n" >"$TEST_DIR/change.$1.$n" 2>&1 3>&- &
        changes+=("$!")
    done
    for n in "${changes[@]}"; do
        wait "$n" || true
    done
    grep -q 'try again later' "$TEST_DIR/change.$1".*
}
GREEDY=()
crowd secret "$SOCKET" secret 3
round=1
while ! as_many "$round"; do
    round=$((round + 1))
    [ "$round" -le 4 ] || fail "352 changes were taken in, however many waited"
done
polite 100 || fail "no signatures while changes wait"
says "whoever comes when 64 changes wait is told so" 'too many changes of this box wait already: try again later' \
    <(cat "$TEST_DIR/change.$round".*)
lb --json show web >"$TEST_DIR/show"
for file in "$TEST_DIR/change.$round".*; do
    user=40$round${file##*.}
    if grep -q 'try again later' "$file"; then wanted=0; else wanted=1; fi
    [ "$(grep -cw "$user" "$TEST_DIR/show")" -eq "$wanted" ] || fail "the change for $user: $(cat "$file")"
done
say "$(grep -l 'try again later' "$TEST_DIR/change.$round".* | wc -l) of 88 were"
check "all others were made" [ "$(grep -L 'try again later' "$TEST_DIR/change.$round".* | wc -l)" -ge 1 ]
# Those secrets would be waited for for a minute yet: stopping a box ends that.
stop "${CROWD[0]}" KILL
CROWD=()
stop_box
start_box "$BOX_DIR"
CHILD=$(box_child)

# --- Connections that do nothing
most=$(($(ulimit -Hn) - 200))
[ "$most" -le 10000 ] || most=10000
box_before=$(rss "$CHILD") keeper_before=$(rss "$KEEPER")
crowd idle "$SOCKET" idle "$most"
await "$most connections" status_is connections $((most + 1))
check "a polite caller beside $most connections" polite 200
say "$(cat "$TEST_DIR/polite")"
say "$most idle connections: $((($(rss "$CHILD") - box_before) * 1024 / most)) bytes each in the child," \
    "$((($(rss "$KEEPER") - keeper_before) * 1024 / most)) in the keeper"
kill -KILL "$CHILD"
await "the next child" status_is restarts 1
same "the next child has them all" $((most + 1)) "$(status connections)"
check "a polite caller" polite 200
disperse
CHILD=$(box_child)
few() { [ "$(descriptors "$1")" -lt 40 ]; }
if is_root; then # nobody else sees what a process that is not dumpable has open
    await "the child to close their descriptors" few "$CHILD"
    await "the keeper to close its copies" few "$KEEPER"
fi

# --- A box that does not answer at all
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
check "signs" signs web
sed -i 's/^littlebox-timeout = .*/littlebox-timeout = 1000/' "$BOX_DIR/openssl.cnf"
kill -STOP "$CHILD"
refused "a box that does not answer" "box 'default' did not answer within 1000 ms" signs web
kill -CONT "$CHILD"
check "it answers again" polite 10
stop_box

# --- Fewer descriptors than connections
start_box "$BOX_DIR" prlimit --nofile=256
says "no more connections than there are descriptors" \
    'max-connections is 96 instead of 12000: a process may have 256 descriptors' "$BOX_DIR/box.log"
check "and it signs" polite 10
stop_box
finish
