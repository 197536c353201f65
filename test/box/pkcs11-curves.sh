#!/usr/bin/env bash
# Ed448, X25519 and X448 on tokens: made, attached and used where a token has them (SoftHSM2), refused by the name of what is
# missing where it does not (NSS, ours), before it is asked.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
begin
cd "$TEST_DIR"
softhsm_dir "$TEST_DIR/hsm"
softhsm_token curves

# agrees KEY TYPE : with a new key of openssl's, in both directions.
agrees() {
    new_key "$2" peer.pem
    plain_ossl pkey -in peer.pem -pubout -out peer.pub
    ossl pkey -in "littlebox:$1" -pubout -out "$1.pub"
    ossl pkeyutl -derive -inkey "littlebox:$1" -peerkey peer.pub -out secret.box 2>>openssl.log &&
        plain_ossl pkeyutl -derive -inkey peer.pem -peerkey "$1.pub" -out secret.file 2>>openssl.log &&
        cmp secret.box secret.file
}

# --- Made by one box
token_conf "$TEST_DIR/one" "$SOFTHSM_MODULE" label=curves "sessions = 2" "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/one"
for type in ed448 x25519 x448; do
    check "create $type" lb create "made-$type" --type $type >/dev/null 2>>lb.log
done
check "Ed448 signs" signs made-ed448
ossl pkey -in littlebox:made-ed448 -pubout -out made-ed448.pub
check "X25519 agrees" agrees made-x25519 X25519
check "X448 agrees" agrees made-x448 X448
check "list --token names their types" grep -Eq '^made-x448 +[0-9a-f]+ +x448 +made-x448$' <<<"$(lb list --token)"
new_key ED448 import.pem
plain_ossl pkey -in import.pem -pubout -out import.pub
check "import Ed448" lb import imported import.pem >/dev/null 2>>lb.log
check "it is that key" signs imported "$TEST_DIR/import.pub"
for type in X25519 X448; do
    new_key $type agreement.pem
    refused "import $type" "keys of the algorithm $type are not brought to a token" lb import not agreement.pem
done
refused "X25519 does not sign" 'X25519|not sign|support' signs made-x25519
# A public key of zeros: of small order, whatever the other key is (RFC 7748 6.1).
printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00' | cat - <(head -c 32 /dev/zero) >zero.der
plain_ossl pkey -pubin -inform DER -in zero.der -out zero.pub
refused "a point of small order" . ossl pkeyutl -derive -inkey littlebox:made-x25519 -peerkey zero.pub -out secret.box
new_key X448 other.pem
plain_ossl pkey -in other.pem -pubout -out other.pub
refused "a point on another curve" . ossl pkeyutl -derive -inkey littlebox:made-x25519 -peerkey other.pub -out secret.box
check "the box goes on" agrees made-x25519 X25519
stop_box

# --- Attached by another
token_conf "$TEST_DIR/two" "$SOFTHSM_MODULE" label=curves "sessions = 2" "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/two"
for type in ed448 x25519 x448; do
    check "attach $type" lb attach "made-$type" >/dev/null 2>>lb.log
    check "show $type" grep -q " $type " <<<"$(lb show "made-$type")"
done
check "Ed448: the same key" signs made-ed448 "$TEST_DIR/made-ed448.pub"
for type in X25519 X448; do
    key=made-${type,,}
    cp "$key.pub" "$key.one"
    check "$type agrees" agrees "$key" $type
    check "$type: the same key" cmp "$key.pub" "$key.one"
done
stop_box

# --- Tokens without them
new_nss "$TEST_DIR/nss"
token_conf "$TEST_DIR/nss-box" "$NSS_MODULE" "label=NSS Certificate DB" "module-arguments = $NSS_ARGUMENTS"
new_box "$TEST_DIR/nss-box"
# nss TYPE MECHANISM WORKS... : NSS of Debian 12 has none of these; what a newer one makes, works.
nss() {
    local type=$1 mechanism=$2
    if lb create "nss-$type" --type "$type" >nss.out 2>&1; then
        check "NSS: $type works" "${@:3}"
    else
        check "NSS: create $type is refused: $(head -n 1 nss.out)" \
            grep -Eq "does not do this: it has no $mechanism|making a key: CKR_" nss.out
    fi
}
nss ed25519 CKM_EC_EDWARDS_KEY_PAIR_GEN signs nss-ed25519
nss ed448 CKM_EC_EDWARDS_KEY_PAIR_GEN signs nss-ed448
nss x25519 CKM_EC_MONTGOMERY_KEY_PAIR_GEN agrees nss-x25519 X25519
nss x448 CKM_EC_MONTGOMERY_KEY_PAIR_GEN agrees nss-x448 X448
stop_box
bad_token "$TEST_DIR/bad"
token_conf "$TEST_DIR/hostile" "$BAD" label=hostile "sessions = 2"
new_box "$TEST_DIR/hostile"
check "attach" attach ec 02 2>>lb.log
bad_forget_calls
for type in ed25519:EDWARDS ed448:EDWARDS x25519:MONTGOMERY x448:MONTGOMERY; do
    refused "create ${type%:*}" "it has no CKM_EC_${type#*:}_KEY_PAIR_GEN" lb create not --type "${type%:*}"
done
new_key ec:P-256 peer.pem
plain_ossl pkey -in peer.pem -pubout -out peer.pub
refused "agreement without its mechanism" "it has no CKM_ECDH1_DERIVE" \
    ossl pkeyutl -derive -inkey littlebox:ec -peerkey peer.pub -out secret.box
check "it signs" signs ec
same "the token was asked for none of it" "0 0" "$(bad_calls C_GenerateKeyPair) $(bad_calls C_DeriveKey)"
stop_box
finish
