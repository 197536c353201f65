#!/usr/bin/env bash
# Copies of a key in the session: made once, used where they are faster, gone with the key and the connection, and nothing
# that a signature depends on.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool
begin
cd "$TEST_DIR"
bad_box "$TEST_DIR/box" "sessions = 2"
# Signatures: more than FIRST_USES of token/copy.c, and P11_TIMINGS of token/timing.h for key and copy each.
ENOUGH=40
by_copy() { bad_calls C_SignInit copy; }
by_object() { bad_calls C_SignInit object; }
# connection TEXT LINE... : a new connection to a token that does this, and as many signatures as it takes.
connection() {
    bad_connection "${@:2}"
    check "$1" many $ENOUGH ec
}
# no_copy TEXT LINE... : it is asked for a copy once at most, and each signature is by the key itself.
no_copy() {
    connection "$@"
    check "$1: asked once" test "$(bad_calls C_CopyObject)" -le 1
    same "$1: all are by the key" "$((ENOUGH + 1)) $((ENOUGH + 1))" "$(by_object) $(bad_calls C_Sign)"
    check "$1: it signs" signs_ec
}

# --- Faster
FASTER="state slow-object 20"
connection "a token that is slow with its own objects" "$FASTER"
same "there is one copy" "1 0" "$(bad_calls C_CopyObject) $(bad_calls C_DestroyObject)"
says "the log says what was measured" "key 'ec' id 02 signs in [0-9]+ us, a copy of it in the session in [0-9]+ us" \
    "$BOX_DIR/box.log"
bad_forget_calls
check "from then on" many 10 ec
check "the copy signs" test "$(by_copy)" -gt 0
same "two calls a signature" "11 11 22" "$(($(by_copy) + $(by_object))) $(bad_calls C_Sign) $(grep -c '^C_[A-Za-z]*$' "$BAD_DIR/calls")"
check "its signature is the key's" signs_ec
same "the token has the key once" 1 "$(lb list --token | grep -cw ec)"
check "the other key, in the same connection" many $ENOUGH rsa
check "has its own" signs rsa "$TEST_DIR/rsa.pub"
check "and the first still signs" signs_ec
bad_forget_calls
check "attach by id: the copy is no second key" attach again 02 2>>lb.log
check "it signs" signs again "$TEST_DIR/ec.pub"
same "without a copy more" 0 "$(bad_calls C_CopyObject)"

# --- Lost
lost=0
for lost in 1 2 3 4; do
    bad_behaves "$FASTER" "state copies-lost $lost"
    check "copies that are lost cost nobody anything" many $ENOUGH ec
done
check "a token that loses them is not asked for ever" test "$(bad_calls C_CopyObject)" -le 2
same "the connection is still the same" 0 "$(bad_calls C_Login right)"
connection "a copy" "$FASTER"
bad_behaves "$FASTER" "state generation 1"
check "a token that was started anew" many $ENOUGH ec
check "it signs" signs_ec
bad_behaves "$FASTER" "state generation 1" "state login 1"
check "a login that was lost" many $ENOUGH ec
check "it signs" signs_ec
check "a copy signs again" test "$(by_copy)" -gt $((ENOUGH / 2))

# --- Gone
connection "a copy" "$FASTER"
bad_forget_calls
check "it is used" many 10 ec
check "by the copy" test "$(by_copy)" -gt 0
bad_behaves "state objects-gone 1"
await "a key that others have destroyed not to sign any more" not signs_ec
refused "it is not there" 'no private key' signs_ec
check "its copy was destroyed" test "$(bad_calls C_DestroyObject)" -ge 1
bad_behaves
await "the key again" signs_ec

# --- Not to be had, or not wanted
no_copy "a token that copies nothing" "C_CopyObject return 0x54" "$FASTER"
no_copy "a key that must not be copied" "state copyable 0" "$FASTER"
no_copy "a copy that others could read" "C_CopyObject weak" "$FASTER"
says "is told" "is not as well kept as the key" "$BOX_DIR/box.log"
same "and destroyed" 1 "$(bad_calls C_DestroyObject)"
no_copy "a copy that stays on the token" "C_CopyObject token" "$FASTER"
same "is destroyed" 1 "$(bad_calls C_DestroyObject)"
connection "copies that are slower" "state slow-copy 20"
same "it was tried, and given up" "1 1" "$(bad_calls C_CopyObject) $(bad_calls C_DestroyObject)"
bad_forget_calls
check "from then on" many 10 ec
same "the key itself signs" "11 0" "$(by_object) $(by_copy)"
for failure in "init 0x68" "sign 0x6" "sign 0x5" "init 0x63"; do
    connection "a copy that is of no use ($failure)" "C_CopyObject $failure" "$FASTER"
    same "is made once, and destroyed" "1 1" "$(bad_calls C_CopyObject) $(bad_calls C_DestroyObject)"
    check "it signs" signs_ec
done
no_copy "a key that wants its PIN each time" "state always-authenticate 1" "$FASTER"
same "is not copied" 0 "$(bad_calls C_CopyObject)"

# --- Destroyed
connection "a copy" "$FASTER"
check "revoked: the other name of the key" lb destroy again --now --yes 2>>lb.log
refused "neither signs" 'no private key|destroyed' signs again
refused "nor by its first name" 'no private key' signs_ec
same "copy and key are destroyed" 2 "$(bad_calls C_DestroyObject)"
stop_box
echo "session-copies = never" >>"$BOX_DIR/default.conf"
start_box "$BOX_DIR"
check "session-copies = never" many $ENOUGH rsa
no=$(bad_calls C_CopyObject)
stop_box
same "none is asked for" "$no" "$(bad_calls C_CopyObject)"
echo "session-copies = maybe" >>"$BOX_DIR/default.conf"
refused "a setting that is none" 'session-copies = maybe: it must be auto or never' \
    "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
finish
