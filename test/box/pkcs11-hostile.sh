#!/usr/bin/env bash
# A box in front of a module that crashes, hangs, lies, and loses everything that can be lost: each costs the request an
# error with its text, or one more try, and the box and the box beside it go on. No wrong PIN is tried twice.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool
begin
cd "$TEST_DIR"

# --- The box beside it, which signs all the time and notices nothing
new_box "$TEST_DIR/beside"
beside_dir=$BOX_DIR beside_keeper=$KEEPER
lb create web --type ec:P-256 >/dev/null 2>>lb.log
ossl pkey -in littlebox:web -pubout -out beside.pub
signs web beside.pub || fail "the box beside does not sign"
beside() {
    local signed=0 top=$TEST_DIR
    trap - EXIT
    BOX_DIR=$beside_dir TEST_DIR=$beside_dir
    while [ ! -e "$top/enough" ]; do
        signs web "$top/beside.pub" || return 1
        signed=$((signed + 1))
        echo "$signed" >"$top/beside.count"
    done
}
beside >beside.log 2>&1 3>&- &
beside_loop=$!
own "$beside_loop"

# --- The box in front of the module
bad_box "$TEST_DIR/box" "sessions = 4" "token-timeout = 2"
check "rsa signs" signs_rsa
check "ec signs" signs_ec

# recovers : the module is good again, and the box needs no help.
recovers() {
    bad_behaves
    await "the box to sign again" signs_ec
    status_is state unlocked || fail "the state of the box is $(status state)"
    alive "$beside_loop" || fail "the box beside failed: $(cat beside.log)"
}
# hostile TEXT PATTERN LINE... : a signature is refused with that text.
hostile() {
    local text=$1 pattern=$2
    shift 2
    bad_behaves "$@"
    refused "$text" "$pattern" signs_ec
    recovers
}
# harmless TEXT LINE... : the signature is made all the same.
harmless() {
    local text=$1
    shift
    bad_behaves "$@"
    check "$text" signs_ec
    recovers
}

# --- What it answers
hostile "a CKR of the standard is told by name" 'CKR_DEVICE_MEMORY' "C_Sign return 0x31"
hostile "so is one at the beginning of a signature" 'CKR_KEY_FUNCTION_NOT_PERMITTED' "C_SignInit return 0x68"
hostile "a CKR that is none" 'unknown code 0x7fffffff' "C_Sign return 0x7fffffff"
hostile "a CKR of a vendor" 'CKR_VENDOR_DEFINED[+]0xbad' "C_Sign return 0x80000bad"
hostile "a CKR beyond 32 bits" 'CKR_VENDOR_DEFINED[+]0xffffffff7fffffff' "C_Sign return 0xffffffffffffffff"
for length in 0 5 63 65 100000 0xffffffffffffffff; do
    hostile "a signature of $length bytes" "signature of $(printf %u "$length") bytes instead of 64" "C_Sign length $length"
done
bad_behaves "C_Sign length 255"
refused "RSA: a signature of 255 bytes" 'signature of 255 bytes instead of 256' signs_rsa
bad_behaves "C_Sign garbage"
check "a wrong signature does not pass for one" not signs_ec 2>>lb.log
check "RSA: neither" not signs_rsa 2>>lb.log
bad_behaves "C_Sign zero"
check "nor do zeros" not signs_ec 2>>lb.log
recovers

# --- Crashes: the box is there again before the second try
restarts=$(status restarts)
for way in crash abort "exit 3"; do
    harmless "one call that ends in $way costs nobody anything" "C_Sign $way max=1"
    restarts=$((restarts + 1))
    same "$way: the child was replaced" "$restarts" "$(status restarts)"
done
hostile "a module that crashes at every signature" 'restart|ended|did not answer|no box answers|crash' "C_Sign crash"

# --- Calls that do not return in time
harmless "a slow answer is an answer" "C_Sign sleep 700"
harmless "a call that hangs is given up, and tried again" "C_Sign hang max=1"
harmless "one that holds the whole module" "C_Sign hang-all max=1"
harmless "one that hangs before the signature" "C_SignInit hang max=1"
harmless "an answer that comes after the timeout" "C_Sign sleep 4000 max=1"
began=$SECONDS
hostile "a module that hangs at every signature" 'restart|did not answer|timeout|in time' "C_Sign hang"
# At the caller's littlebox-timeout, 20 seconds; the machine may be busy.
check "is given up within bounds" test $((SECONDS - began)) -le 120

# --- Processes and memory
harmless "a module that forks" "C_Sign fork 300"
harmless "a module that leaks" "C_Sign leak 1000000"

# --- Sessions, logins, the device
harmless "sessions that became invalid, as when an HSM was rebooted" "state generation 1"
harmless "and once more" "state generation 2"
harmless "a login that was lost" "state login 1"
harmless "one session handle that is invalid" "C_SignInit return 0xb3 max=1"
harmless "an object handle that is stale" "C_SignInit return 0x82 max=1"
harmless "a key handle that is stale" "C_SignInit return 0x60 max=1"
harmless "a stale handle, and with it a login that was lost, so that the key is not to be seen" "state login 2" \
    "C_SignInit return 0x82 max=1"
harmless "a device error, once" "C_Sign return 0x30 max=1"
harmless "a session where something else is under way" "C_SignInit return 0x90 max=1"
harmless "few sessions" "state sessions 2" "state generation 3"
bad_behaves "state removed 1"
refused "a token that was taken out" 'not there|DEVICE_REMOVED|TOKEN_NOT_PRESENT' signs_ec
refused "and still is out" 'not there|DEVICE_REMOVED|TOKEN_NOT_PRESENT' signs_ec
same "the box itself is well" unlocked "$(status state)"
recovers
say "ok: it was put in again"
# The box must look for it all again.
LOST="C_SignInit return 0x32 max=1"
hostile "another token in the slot" 'not there' "state label 2" "$LOST"

# --- Mechanisms that it lacks: of those in its list, the first two are RSA's, without PSS
echo "a text" >text
plain_ossl dgst -sha256 -binary -out digest text
signs_pss() {
    ossl pkeyutl -sign -inkey littlebox:rsa -in digest -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss \
        -pkeyopt rsa_pss_saltlen:digest -out pss.sig &&
        plain_ossl dgst -sha256 -verify rsa.pub -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
            -signature pss.sig text
}
check "PSS" signs_pss
bad_behaves "C_GetMechanismList count 2" "$LOST"
check "without PSS and raw RSA: PKCS#1 v1.5" signs_rsa
refused "but no PSS" "token 'hostile' .* does not do this: it has no CKM_RSA_PKCS_PSS" signs_pss
bad_behaves "$LOST"
check "all of them again, once it was looked for" signs_rsa
recovers
check "PSS too" signs_pss

# --- Objects that change
hostile "a token without the key" 'no private key' "C_FindObjects none" "$LOST"
harmless "one object without end: it is that object" "C_FindObjects endless" "$LOST"
hostile "more objects than there was room for" 'token|CKR|objects' "C_FindObjects count 1000000" "$LOST"
hostile "handles that name nothing" 'CKR_OBJECT_HANDLE_INVALID|no private key' "C_FindObjects junk" "$LOST"
bad_behaves "state rotate 1"
check "a handle that names another key now: its signature does not pass" not signs_ec 2>>lb.log
recovers
mv "$BAD_DIR/keys/02.ec.pem" "$TEST_DIR/ec.away"
new_key ec:P-256 "$BAD_DIR/keys/02.ec.pem"
hostile_key() { refused "another key of the same id and label" 'another one|public half|no private key' signs_ec; }
bad_behaves "$LOST"
hostile_key
mv "$TEST_DIR/ec.away" "$BAD_DIR/keys/02.ec.pem"
bad_behaves "$LOST"
await "the right key again" signs_ec

# --- Attributes, where keys are attached
attached=0
for attribute in EC_PARAMS:0x180 EC_POINT:0x181 ID:0x102 LABEL:0x3 KEY_TYPE:0x100; do
    name=${attribute%:*} type=${attribute#*:}
    for lie in huge "huge 0xfffffffffffffff0" grow "lie 100000" empty unavailable "short 1"; do
        bad_behaves "C_GetAttributeValue $lie attr=$type"
        status=0
        attached=$((attached + 1))
        lb attach "new$attached" --id 02 >attach.out 2>&1 || status=$?
        case $name in
        EC_* | KEY_TYPE)
            [ "$status" -ne 0 ] || fail "CKA_$name $lie: it was attached"
            check "CKA_$name, $lie: $(head -n 1 attach.out)" grep -Eq '^littlebox: ' attach.out
            ;;
        # Names are for people: a key without them is one.
        *) check "CKA_$name, $lie: the box says yes or no" test "$status" -lt 124 ;;
        esac
        check "the box goes on" status_is state unlocked
    done
done
recovers

# --- A module that does not begin
stop_box
for line in "C_GetFunctionList null" "C_GetFunctionList return 5"; do
    bad_behaves "$line"
    refused "$line: it is no module, and the box does not start" 'gives no functions' \
        timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
done
for line in "C_Initialize return 5" "C_GetSlotList count 1000000" \
    "C_GetMechanismList count 0x100000000" "C_GetTokenInfo junk" "C_OpenSession return 0xb1" "C_Login return 5" \
    "C_Initialize crash" "C_Initialize hang" "C_GetSlotList crash"; do
    bad_behaves "$line"
    start_box "$BOX_DIR"
    await "$line, at start: the box to answer" box_answers
    refused "$line: no signature" 'module|token|restart|did not answer|no box' signs_ec
    recovers
    stop_box
done

# --- PINs
bad_behaves
bad_forget_calls
echo 0000 >"$BOX_DIR/token.pin"
start_box "$BOX_DIR"
for _ in 1 2 3; do
    refused "a wrong PIN" "refuses the PIN|refused this PIN" signs_ec
done
same "it was tried once" 1 "$(bad_pins_tried)"
child=$(box_child)
kill -KILL "$child"
another_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
await "the next child" another_child
refused "the next child knows" "refused this PIN before" signs_ec
same "and does not try it" 1 "$(bad_pins_tried)"
stop_box
start_box "$BOX_DIR"
refused "so does a box that was started anew" "refused this PIN before" signs_ec
same "still once" 1 "$(bad_pins_tried)"
check "no PIN is in the log" not grep -qw 0000 "$BOX_DIR/box.log"
echo $TOKEN_PIN >"$BOX_DIR/token.pin"
await "a mended PIN to be taken" signs_ec
same "two tries, the second right" "2 1" "$(bad_pins_tried) $(bad_calls C_Login right)"
stop_box

wrong_by_others() { p11tool "$BAD" --login --pin 1111 --list-objects >>tool.log 2>&1 || true; }
wrong_by_others
wrong_by_others
bad_forget_calls
start_box "$BOX_DIR"
refused "one try is left" 'one more wrong PIN' signs_ec
same "it is left" 0 "$(bad_pins_tried)"
check "login: the right one from a person" lb login --passphrase-file <(echo "$TOKEN_PIN") 2>>lb.log
check "it signs" signs_ec
stop_box
wrong_by_others
wrong_by_others
wrong_by_others
bad_forget_calls
start_box "$BOX_DIR"
refused "a locked PIN" 'locked' signs_ec
same "none was tried" 0 "$(bad_pins_tried)"
rm "$BAD_DIR/pin-wrong"
stop_box

# --- A key that wants its PIN each time
bad_behaves "state always-authenticate 1"
bad_forget_calls
start_box "$BOX_DIR"
check "CKA_ALWAYS_AUTHENTICATE: a signature" signs_ec
check "another" signs_ec
same "three logins: the token's, and one a signature" "3 3" "$(bad_pins_tried) $(bad_calls C_Login right)"
echo 9999 >"$BAD_DIR/pin"
refused "its PIN was changed meanwhile" 'refuses the PIN' signs_ec
refused "the box says so" 'PIN' signs_ec
same "and tried it once" 1 "$(bad_calls C_Login wrong)"
stop_box

: >enough
wait "$beside_loop" || fail "the box beside failed: $(cat beside.log)"
check "the box beside has signed all the time: $(cat beside.count) times" test "$(cat beside.count)" -gt 20
KEEPER=$beside_keeper BOX_DIR=$beside_dir
same "and was never replaced" 0 "$(status restarts)"
finish
