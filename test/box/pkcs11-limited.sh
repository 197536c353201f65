#!/usr/bin/env bash
# Objects on a token that may do one thing alone, two objects of one key, and what is left on the token by what fails: nothing.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util prlimit
begin
cd "$TEST_DIR"
softhsm_dir "$TEST_DIR/hsm"
softhsm_token limited
objects() { softhsm limited --list-objects 2>>token.log | grep -c ' Object' || true; }
# key TYPE ID NAME [OPTION...] : made on the token. may ID CKA 0|1 : afterwards. The flags, in hex:
key() {
    softhsm limited --keypairgen --key-type "$1" --id "$2" --label "$3" "${@:4}" >>token.log 2>&1 || fail "no key $3"
}
may() {
    "$HARNESS/p11flag" "$SOFTHSM_MODULE" limited $TOKEN_PIN "$@" 2>>token.log || fail "p11flag $*"
}
sign=108 decrypt=105 derive=10c
key rsa:2048 01 decrypts && may 01 $sign 0
key EC:prime256v1 02 agrees && may 02 $sign 0 && may 02 $derive 1
key EC:secp384r1 03 signs && may 03 $derive 0
key rsa:2048 04 pss --allowed-mechanisms RSA-PKCS-PSS
key rsa:2048 05 oaep --allowed-mechanisms RSA-PKCS-OAEP
key rsa:2048 06 pkcs1 --allowed-mechanisms RSA-PKCS && may 06 $decrypt 0
key rsa:2048 07 raw --allowed-mechanisms RSA-X-509
key rsa:2048 08 hashes --allowed-mechanisms SHA256-RSA-PKCS
key EC:prime256v1 09 nothing && may 09 $sign 0 && may 09 $derive 0
token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=limited "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/box"

# --- Attached by what the object may do, and used so
for one in decrypts:01 agrees:02 signs:03 pss:04 oaep:05 pkcs1:06 raw:07; do
    check "attach what ${one%:*}" lb attach "${one%:*}" --id "${one#*:}" >/dev/null 2>>lb.log
    ossl pkey -in "littlebox:${one%:*}" -pubout -out "${one%:*}.pub"
    lb allow "${one%:*}" --user "$(id -u)" --op sign,decrypt,derive 2>>lb.log
done
echo "a text" >text
# rsa_decrypts KEY PADDING
rsa_decrypts() {
    plain_ossl pkeyutl -encrypt -pubin -inkey "$1.pub" -in text -out secret -pkeyopt "rsa_padding_mode:$2" &&
        ossl pkeyutl -decrypt -inkey "littlebox:$1" -in secret -pkeyopt "rsa_padding_mode:$2" | cmp -s - text
}
# rsa_signs KEY PADDING
rsa_signs() {
    ossl pkeyutl -sign -rawin -digest sha256 -inkey "littlebox:$1" -in text -out sig -pkeyopt "rsa_padding_mode:$2" &&
        plain_ossl pkeyutl -verify -rawin -digest sha256 -pubin -inkey "$1.pub" -in text -sigfile sig \
            -pkeyopt "rsa_padding_mode:$2" >/dev/null
}
check "a key that decrypts decrypts" rsa_decrypts decrypts pkcs1
refused "and does not sign, which is said" 'CKR_KEY_FUNCTION_NOT_PERMITTED.*CKA_SIGN|made without the attribute' \
    rsa_signs decrypts pkcs1
check "one for OAEP does that" rsa_decrypts oaep oaep
check "one for PSS signs so" rsa_signs pss pss
refused "and not in another way, which is said" 'CKR_MECHANISM_INVALID.*CKA_ALLOWED_MECHANISMS' rsa_signs pss pkcs1
check "one for PKCS#1 does that" rsa_signs pkcs1 pkcs1
check "one for raw RSA: the box pads" rsa_signs raw pss
check "and decrypts" rsa_decrypts raw pkcs1
new_key ec:P-256 peer.pem
plain_ossl pkey -in peer.pem -pubout -out peer.pub
ossl pkeyutl -derive -inkey littlebox:agrees -peerkey peer.pub -out secret1
plain_ossl pkeyutl -derive -inkey peer.pem -peerkey agrees.pub -out secret2
check "one that agrees on secrets does" cmp secret1 secret2
check "one that signs does" signs signs
refused "one that only hashes and signs" "'hashes' id 08 may do nothing on the token that a box does with it: .*CKM_SHA256_RSA_PKCS" \
    lb attach hashes --id 08
refused "and what a box does is told" 'signs with CKM_RSA_PKCS, CKM_RSA_PKCS_PSS' lb attach hashes --id 08
refused "one for nothing" "'nothing' id 09 may do nothing .*CKA_SIGN false, CKA_DECRYPT false|'nothing' id 09 may do nothing" \
    lb attach nothing --id 09

# --- A public key beside it that is another's: each way of proving finds out
# impostor ID TYPE : in place of the public key with that id.
impostor() {
    new_key "$2" other.pem
    plain_ossl pkey -in other.pem -pubout -outform DER -out other.der
    softhsm limited --delete-object --type pubkey --id "$1" >>token.log 2>&1 || fail "no public key $1"
    softhsm limited --write-object other.der --type pubkey --id "$1" --label other >>token.log 2>&1 || fail "no other key"
}
key EC:prime256v1 0a impostor-agrees && may 0a $sign 0 && may 0a $derive 1
key EC:prime256v1 0b impostor-signs
for id in 0a 0b; do
    impostor $id ec:P-256
    refused "attach $id" 'do not belong together' lb attach impostor --id $id
done

# The same with a module that says what another key has: a modulus stands in the private object as well, and it is asked there.
limited=$BOX_DIR
stop_box
bad_token "$TEST_DIR/bad"
new_key ec:P-256 "$BAD_DIR/keys/03.ec2.pem"
new_key rsa:2048 "$BAD_DIR/keys/04.rsa2.pem"
token_conf "$TEST_DIR/bad-box" "$BAD" label=hostile
new_box "$TEST_DIR/bad-box"
not_permitted="return 0x68"
# lies TEXT ID LINE... : the module says the next key's attributes in the place of this one's, and what the lines say.
lies() {
    bad_behaves "${@:3}"
    refused "$1" 'do not belong together' lb attach new --id "$2"
}
lies "another point: a signature tells" 02 "C_GetAttributeValue other attr=0x181"
lies "another modulus: a signature tells" 04 "C_GetAttributeValue other attr=0x120"
lies "so does a decryption" 04 "C_GetAttributeValue other attr=0x120" "C_SignInit $not_permitted"
bad_behaves "C_SignInit $not_permitted"
check "which proves a key, where it is the one" lb attach new --id 04 >/dev/null 2>>lb.log
bad_behaves "C_SignInit $not_permitted" "C_DecryptInit $not_permitted"
refused "what the token says first is told" 'signing: CKR_KEY_FUNCTION_NOT_PERMITTED' lb attach none --id 01

# --- A module that says it made a key, and did not write it
bad_behaves
check "create" lb create written --type ec:P-256 >/dev/null 2>>lb.log
check "it signs" signs written
bad_behaves "state unwritten 1"
refused "a key that is not written is none" "said that it keeps the new key 'unwritten', and does not have it" \
    lb create unwritten --type ec:P-256
refused "and the cure is told" 'ReadWritePaths= of its unit, module-writes' lb create unwritten --type ec:P-256
check "there is none in the box" not grep -q unwritten <<<"$(lb list)"
refused "nor is one destroyed that is still there" "said that it destroyed key 'written' id .*, and has it still" \
    lb destroy written --now --yes
bad_behaves
check "it goes on" signs written
check "until it is" lb destroy written --now --yes 2>>lb.log
check "others sign" signs new
stop_box
start_box "$limited"

# --- Two objects of one key: one is attached
new_key ec:P-256 twin.pem
for id in 21 22; do softhsm_import limited twin.pem $id twin; done
check "attach one of two" lb attach twin --id 22 >/dev/null 2>>lb.log
same "list --token names it, and not the other" "twin 21 ec:P-256 - twin 22 ec:P-256 twin" \
    "$(lb list --token | awk '$1 == "twin" { print $1, $2, $3, (NF > 3 ? $4 : "-") }' | sort | xargs)"
stop_box

# --- A key that the store has no room for leaves nothing on the token
start_box "$BOX_DIR" bash -c 'trap "" XFSZ && exec "$@"' --
before=$(objects)
full=$(box_child)
prlimit --fsize=$((16 * 1024)):unlimited --pid "$full"
refused "create" 'store|disk|full|large' lb create toobig --type ec:P-256
new_key ec:P-256 fresh.pem
refused "import" 'store|disk|full|large' lb import toobig fresh.pem
same "nothing is left on the token" "$before" "$(objects)"
alive "$full" || fail "the box's child ended"
prlimit --fsize=unlimited:unlimited --pid "$full"
check "with room there is one" lb create toobig --type ec:P-256 >/dev/null 2>>lb.log
lb destroy toobig --now --yes 2>>lb.log
stop_box

# --- What was begun and fails leaves nothing: a token that makes and takes keys, and does nothing with them
printf 'slots.mechanisms = %s\n' CKM_EC_KEY_PAIR_GEN,CKM_EC_EDWARDS_KEY_PAIR_GEN >>"$SOFTHSM2_CONF"
before=$(objects)
start_box "$BOX_DIR"
refused "create" 'has no CKM_ECDSA' lb create useless --type ec:P-256
refused "import" 'has no CKM_ECDSA' lb import useless fresh.pem
refused "adopt" 'has no CKM_ECDSA' lb adopt fresh.pem --key useless
refused "create, Ed25519" 'has no CKM_EDDSA' lb create useless --type ed25519
check "the file is as it was" plain_ossl pkey -in fresh.pem -noout
same "nothing is left on the token" "$before" "$(objects)"
check "and no key in the box" not grep -q useless <<<"$(lb list)"
stop_box
finish
