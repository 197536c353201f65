#!/usr/bin/env bash
# The hostile module by itself: a good token as long as nothing else is asked of it, and each kind of trouble as asked.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool
begin
bad_token "$TEST_DIR/bad"
cd "$TEST_DIR"
head -c 32 /dev/urandom >digest
bad() { p11tool "$BAD" --login --pin $TOKEN_PIN "$@"; }
bad_publics

# --- A good token
signs_by() {
    local id=$1 mechanism=$2 key=$3
    shift 3
    bad --sign --id "$id" --mechanism "$mechanism" --input-file digest --output-file sig --signature-format openssl \
        >>tool.log 2>&1 &&
        plain_ossl pkeyutl -verify -in digest -sigfile sig -pubin -inkey "$key.pub" "$@" >/dev/null 2>&1
}
check "PKCS#1 v1.5" signs_by 01 RSA-PKCS rsa
check "ECDSA" signs_by 02 ECDSA ec
pss() {
    bad --sign --id 01 --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 --input-file digest --output-file sig >>tool.log 2>&1 &&
        plain_ossl pkeyutl -verify -in digest -sigfile sig -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:pss \
            -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:32 >/dev/null 2>&1
}
check "PSS" pss
echo secret >secret
plain_ossl pkeyutl -encrypt -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:oaep -in secret -out oaep
plain_ossl pkeyutl -encrypt -pubin -inkey rsa.pub -in secret -out pkcs1
# Into a file: newer versions of the tool say on stdout what they assume.
decrypts() {
    local input=$1
    shift
    rm -f clear
    bad --decrypt --id 01 --input-file "$input" --output-file clear "$@" >>tool.log 2>&1 && cmp clear secret
}
check "OAEP" decrypts oaep --mechanism RSA-PKCS-OAEP --hash-algorithm SHA-1
check "PKCS#1 decryption" decrypts pkcs1 --mechanism RSA-PKCS
check "a new RSA key" bad --keypairgen --key-type rsa:2048 --id 03 --label new-rsa >>tool.log 2>&1
check "a new P-256 key" bad --keypairgen --key-type EC:prime256v1 --id 04 --label new-ec >>tool.log 2>&1
check "they are files" test -e "$BAD_DIR/keys/03.new-rsa.pem" -a -e "$BAD_DIR/keys/04.new-ec.pem"
check "destroy" bad --delete-object --type privkey --id 03 >>tool.log 2>&1
check "it is gone" not test -e "$BAD_DIR/keys/03.new-rsa.pem"

# --- Trouble
sign() { bad --sign --id 02 --mechanism ECDSA --input-file digest --output-file sig; }
# trouble TEXT PATTERN LINE... : a signature fails like that.
trouble() {
    local text=$1 pattern=$2
    shift 2
    bad_behaves "$@"
    refused "$text" "$pattern" sign
}
trouble "a CKR of the standard" CKR_DEVICE_MEMORY "C_SignInit return 0x31"
trouble "a CKR that nobody knows" 0x7fffffff "C_SignInit return 0x7fffffff"
trouble "a removed device" 'No slot|TOKEN_NOT_PRESENT|not found|failed' "state removed 1"
trouble "removed in between" CKR_DEVICE_REMOVED "C_SignInit return 0x32"
trouble "a key that needs its own login, without it" 'USER_NOT_LOGGED_IN|CKR_' "state always-authenticate 1" \
    "C_Login return 0x101 after=1"
trouble "no private keys" 'Private(/secret)? key not found' "C_FindObjects none"
bad_behaves "C_SignInit return 0x31 after=1 max=1"
check "a rule that begins later: the first" sign >>tool.log 2>&1
refused "the second, in another process" CKR_DEVICE_MEMORY sign
check "and ends: the third" sign >>tool.log 2>&1

status_of() {
    local status=0
    "$@" >>tool.log 2>&1 || status=$?
    echo "$status"
}
bad_behaves "C_Sign crash"
same "a crash: SIGSEGV" 139 "$(status_of sign)"
bad_behaves "C_Sign abort"
same "abort" 134 "$(status_of sign)"
bad_behaves "C_Sign exit 17"
same "exit" 17 "$(status_of sign)"
hangs() { same "$1" 124 "$(status_of env "${MODULE_ENV[@]}" timeout 1 pkcs11-tool --module "$BAD" --login \
    --pin $TOKEN_PIN --sign --id 02 --mechanism ECDSA --input-file digest --output-file sig)"; }
bad_behaves "C_Sign hang"
hangs "a call that hangs"
bad_behaves "C_SignInit hang-all"
hangs "all calls hang"
bad_behaves "C_Sign sleep 300"
began=$(date +%s%N)
check "a slow one" sign >>tool.log 2>&1
check "took its time" test $((($(date +%s%N) - began) / 1000000)) -ge 300
bad_behaves "C_Sign garbage"
check "a wrong signature: it says that it signed" sign --signature-format openssl >>tool.log 2>&1
refused "and does not verify" Fail plain_ossl pkeyutl -verify -in digest -sigfile sig -pubin -inkey ec.pub
bad_behaves "C_Sign length 5"
# Newer versions of the tool do not take it, and try another function.
if sign >short.log 2>&1; then
    same "a short one has that length" 5 "$(stat -c %s sig)"
else
    check "a short one is none to the tool" grep -q 'C_SignUpdate failed' short.log
fi
bad_behaves "C_GetAttributeValue unavailable attr=0x180"
refused "no EC_PARAMS" . bad --read-object --type pubkey --id 02
bad_behaves "state no-public 1"
check "no public objects" not grep -q 'Public Key Object' <<<"$(bad --list-objects 2>>tool.log)"
bad_behaves
point_of() { bad --list-objects --type pubkey --id 02 2>>tool.log | sed -En 's/.*EC[_ ]P(OINT|oint): *//p'; }
own=$(point_of)
check "a public key" test -n "$own"
rm "$BAD_DIR/keys/04.new-ec.pem"
new_key ec:P-256 "$BAD_DIR/keys/03.other.pem"
bad_behaves "C_GetAttributeValue other attr=0x181"
check "the public key of another" not test "$(point_of)" = "$own"
bad_behaves "state rotate 1"
bad --sign --id 02 --mechanism ECDSA --input-file digest --output-file sig >>tool.log 2>&1 || true
check "handles that name another key" not signs_by 02 ECDSA ec

# --- PINs
bad_behaves
bad_forget_calls
wrong_pin() { p11tool "$BAD" --login --pin 0000 --list-objects; }
tries() { p11tool "$BAD" --list-slots | grep -Eo 'user PIN count low|final user PIN try|user PIN locked' | paste -sd ,; }
same "no try is lost" "" "$(tries)"
refused "a wrong PIN" CKR_PIN_INCORRECT wrong_pin
same "the token tells" "user PIN count low" "$(tries)"
refused "another" CKR_PIN_INCORRECT wrong_pin
same "the token tells" "user PIN count low,final user PIN try" "$(tries)"
check "the right one makes it good" bad --list-objects >>tool.log 2>&1
same "the token tells" "" "$(tries)"
for _ in 1 2 3; do wrong_pin >>tool.log 2>&1 || true; done
refused "the right one of a locked token" CKR_PIN_LOCKED bad --list-objects
same "every try was counted" "5 1 1 7" \
    "$(bad_calls C_Login wrong) $(bad_calls C_Login right) $(bad_calls C_Login locked) $(bad_pins_tried)"
finish
