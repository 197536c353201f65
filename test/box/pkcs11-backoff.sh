#!/usr/bin/env bash
# A module that ends its process whenever it is started is started less and less often, and the box says so meanwhile; one
# crash alone costs nobody anything. Nor is a child started all the time that never comes to serve.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool
begin
cd "$TEST_DIR"
bad_box "$TEST_DIR/box" "sessions = 2"
check "it signs" signs_ec
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }
has_problem() { [ "$(status token.problem)" != null ]; }
# What the box says of it: how many in a row.
failures() { status token.problem | sed -n 's/^the module of the token has ended \([0-9]*\) processes.*/\1/p'; }
failures_are() { [ "$(failures)" -ge "$1" ]; }
kill_child() { kill -KILL "$(box_child)"; }

# --- One crash at the start: the next try is at once, and whoever asks does not notice
bad_behaves "C_Initialize crash max=1"
restarts=$(status restarts)
kill_child
check "one crash at the start costs nobody anything" signs_ec
same "two children were lost" $((restarts + 2)) "$(status restarts)"
check "there is nothing to say about it" not has_problem

# --- Each time: the pauses grow
bad_behaves "C_Initialize crash"
bad_forget_calls
began=$(now_ms)
kill_child
await "the sixth failure" failures_are 6
took=$(($(now_ms) - began))
# 0.1 + 0.2 + 0.4 + 0.8 seconds after the second to the fifth; later ones that were seen first took longer still.
check "six starts took longer than their pauses: $took ms" test "$took" -ge 1500
check "each was one call of the module" test "$(bad_calls C_Initialize)" -le $(($(failures) + 1))
same "the box answers all the while" unlocked "$(status state)"
same "and has no token" false "$(status token.connected)"
status_text() { lb status || test $? -eq 3; }
status_text >status.out
says "littlebox status says why" 'has ended [0-9]+ processes of this box in a row' status.out
says "and when it is tried again" 'started again [0-9.]+ s after the last time' status.out
says "so does the log of the keeper" '[0-9]+ children in a row ended at their start' "$BOX_DIR/box.log"
# Refused by a child that was there before and after: then the module was not called.
refused_meanwhile() {
    local child calls
    child=$(status pid) calls=$(bad_calls C_Initialize)
    refused "who asks meanwhile is refused at once" 'has ended [0-9]+ processes|ended|restart|did not answer' signs_ec
    [ "$(status pid)" = "$child" ] && [ "$(bad_calls C_Initialize)" -eq "$calls" ]
}
for _ in {1..20}; do
    if refused_meanwhile; then
        meanwhile=yes
        break
    fi
done
same "and does not start the module" yes "${meanwhile:-no}"
check "a public key is told" lb handle ec --out ec.pem
bad_behaves
await "a good module to be taken" signs_ec
check "it is forgotten" not has_problem
bad_behaves "C_Initialize crash max=1"
kill_child
check "one more crash is one again" signs_ec

# --- Told to begin anew, it does
bad_behaves "C_Initialize crash"
kill_child
await "the fourth failure" failures_are 4
bad_behaves
kill -HUP "$KEEPER"
await "the next child to have its token" token_connected
check "it signs" signs_ec

# --- Locked by hand: nothing is started
bad_behaves "C_Initialize crash"
kill_child
await "the third failure" failures_are 3
await "the box to be locked" lb lock
child=$(status pid) logins=$(bad_calls C_Login right)
bad_behaves
check "unlock: the module is started at once" lb unlock --credential "$BOX_DIR/default.credential" 2>>lb.log
check "it signs" signs_ec
same "by the same process" "$child" "$(status pid)"
same "with one login" $((logins + 1)) "$(bad_calls C_Login right)"

# --- A child that does not come so far
cp "$BOX_DIR/default.conf" good.conf
echo "thraeds = 4" >>"$BOX_DIR/default.conf"
: >"$BOX_DIR/box.log"
kill -HUP "$KEEPER"
says "a wrong configuration: the keeper waits longer and longer" '4 children in a row ended at their start' "$BOX_DIR/box.log"
check "and stays" alive "$KEEPER"
cp good.conf "$BOX_DIR/default.conf"
kill -HUP "$KEEPER"
await "the box to answer" box_answers
check "it signs" signs_ec
finish
