#!/usr/bin/env bash
# SoftHSM2: every type of key it has, made by pkcs11-tool, by us and by openssl; tokens with the same label, with 500
# objects, with keys that lack a public half or have only a certificate, and names that a URI must escape.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
begin
cd "$TEST_DIR"
softhsm_dir "$TEST_DIR/hsm"
softhsm_token mixed

# --- Keys of every type and origin
id=0
declare -A ID PUBLIC
next_id() { id=$((id + 1)) && ID[$1]=$(printf '%02x' "$id"); }
for type in rsa:2048 rsa:3072 EC:prime256v1 EC:secp384r1 EC:secp521r1 EC:edwards25519; do
    key=tool-${type#*:}
    next_id "$key"
    softhsm_key mixed "$type" "${ID[$key]}" "$key" || fail "pkcs11-tool made no $type: $(tail -n 3 token.log)"
    softhsm_public mixed "${ID[$key]}" "$key.pub" || fail "$key: no public key"
    PUBLIC[$key]=$TEST_DIR/$key.pub
done
for type in rsa:2048 ec:P-256 ec:P-384 ED25519; do
    key=openssl-${type#*:}
    next_id "$key"
    new_key "$type" "$key.pem"
    plain_ossl pkey -in "$key.pem" -pubout -out "$key.pub"
    softhsm_import mixed "$key.pem" "${ID[$key]}" "$key" || fail "softhsm2-util took no $type: $(tail -n 3 token.log)"
    PUBLIC[$key]=$TEST_DIR/$key.pub
done

token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=mixed "sessions = 8" "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/box"
for key in "${!ID[@]}"; do
    check "$key: attach" attach "$key" "${ID[$key]}" 2>>lb.log
    check "$key: it signs" signs "$key" "${PUBLIC[$key]}"
done

# --- By us
for type in rsa:2048 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    key=ours-${type#*:}
    check "$key: create" lb create "$key" --type "$type" >/dev/null 2>>lb.log
    check "$key: it signs" signs "$key"
    check "$key: it is on the token" grep -q "label: *$key\$" <<<"$(softhsm mixed --list-objects --type privkey 2>>token.log)"
    check "$key: it never leaves it" grep -q 'sensitive, always sensitive, never extractable' \
        <<<"$(softhsm mixed --list-objects --type privkey 2>>token.log | grep -A4 "label: *$key\$")"
done
new_key ec:P-256 import.pem
plain_ossl pkey -in import.pem -pubout -out import.pub
check "import: the token takes a key" lb import imported import.pem >/dev/null 2>>lb.log
check "import: it signs" signs imported "$TEST_DIR/import.pub"
check "destroy" lb destroy ours-P-384 --now --yes 2>>lb.log
check "destroy: it is gone from the token" not grep -q 'label: *ours-P-384$' <<<"$(softhsm mixed --list-objects 2>>token.log)"
refused "destroy: and does not sign" . signs ours-P-384

# --- What the keys do besides: every padding, decryption, agreement
echo "a text to sign" >text
plain_verify() { plain_ossl pkeyutl -verify -rawin -digest "$digest" -pubin -inkey openssl-2048.pub -in text -sigfile sig "$@" >/dev/null; }
for options in "sha256 rsa_padding_mode:pkcs1" "sha512 rsa_padding_mode:pkcs1" \
    "sha256 rsa_padding_mode:pss rsa_pss_saltlen:digest" "sha384 rsa_padding_mode:pss rsa_pss_saltlen:20"; do
    digest=${options%% *} pkeyopts=()
    for option in ${options#* }; do pkeyopts+=(-pkeyopt "$option"); done
    check "RSA, $options" ossl pkeyutl -sign -rawin -digest "$digest" -inkey littlebox:openssl-2048 -in text -out sig "${pkeyopts[@]}"
    check "RSA, $options: it verifies" plain_verify "${pkeyopts[@]}"
done
lb allow openssl-2048 --user "$(id -u)" --op sign,decrypt 2>>lb.log
for options in rsa_padding_mode:pkcs1 rsa_padding_mode:oaep "rsa_padding_mode:oaep rsa_oaep_md:sha256"; do
    pkeyopts=()
    for option in $options; do pkeyopts+=(-pkeyopt "$option"); done
    plain_ossl pkeyutl -encrypt -pubin -inkey openssl-2048.pub -in text -out secret "${pkeyopts[@]}"
    case $options in
    # SoftHSM 2.6.1 has OAEP with SHA-1 alone.
    *sha256) refused "RSA decryption, $options: the token cannot, and it is said" 'CKR_|does not do' \
        ossl pkeyutl -decrypt -inkey littlebox:openssl-2048 -in secret -out clear "${pkeyopts[@]}" ;;
    *)
        check "RSA decryption, $options" ossl pkeyutl -decrypt -inkey littlebox:openssl-2048 -in secret -out clear "${pkeyopts[@]}"
        check "RSA decryption, $options: the text" cmp text clear
        ;;
    esac
done

# --- Names: UTF-8, and what a URI must escape
names=('schlüssel' 'a;b' '100%' 'a b' 'x=y&z' 'наука')
for name in "${names[@]}"; do
    next_id "$name"
    softhsm_key mixed EC:prime256v1 "${ID[$name]}" "$name"
    softhsm_public mixed "${ID[$name]}" "named.pub"
    check "'$name': attach by its label" lb attach "named-${ID[$name]}" --label "$name" >/dev/null 2>>lb.log
    check "'$name': it signs" signs "named-${ID[$name]}" "$TEST_DIR/named.pub"
done
check "the listing has them as they are" grep -qF 'наука' <<<"$(lb list --token)"

# --- Ambiguous, missing, without a public half
softhsm_key mixed EC:prime256v1 f0 twin
softhsm_key mixed EC:prime256v1 f1 twin
refused "two keys of one label: an error that lists both" 'f0.*f1|f1.*f0' lb attach twin --label twin
check "by both it is one" lb attach twin --label twin --id f1 >/dev/null 2>>lb.log
refused "no such key" 'no private key' lb attach nothing --id ee
softhsm_key mixed EC:prime256v1 d0 no-public
softhsm_public mixed d0 no-public.pub
softhsm mixed --delete-object --type pubkey --id d0 >>token.log 2>&1
refused "no public half: said, with the cure" 'no public key and no certificate.*' lb attach no-public --id d0
refused "the cure" 'hint:.*certificate' lb attach no-public --id d0
softhsm_key mixed rsa:2048 d1 rsa-no-public
softhsm_public mixed d1 rsa-no-public.pub
softhsm mixed --delete-object --type pubkey --id d1 >>token.log 2>&1
check "RSA: the private object has it" lb attach rsa-no-public --id d1 >/dev/null 2>>lb.log
check "and it signs" signs rsa-no-public "$TEST_DIR/rsa-no-public.pub"

# With its certificate alone: of a key made by openssl, so that a certificate can be had.
new_key ec:P-256 cert-only.pem
plain_ossl pkey -in cert-only.pem -pubout -out cert-only.pub
openssl req -x509 -new -key cert-only.pem -subj /CN=localhost -days 2 -outform DER -out cert-only.der
softhsm_import mixed cert-only.pem d2 cert-only
softhsm mixed --delete-object --type pubkey --id d2 >>token.log 2>&1
softhsm mixed --write-object cert-only.der --type cert --id d2 --label cert-only >>token.log 2>&1
check "a certificate and no public key" lb attach cert-only --id d2 >/dev/null 2>>lb.log
check "it signs" signs cert-only "$TEST_DIR/cert-only.pub"

# --- Two tokens with the same label
softhsm_token same
first=$TOKEN_SERIAL
softhsm_token same
second=$TOKEN_SERIAL
softhsm_on() { p11tool "$SOFTHSM_MODULE" --slot-index "$(slot_of "$1")" --login --pin $TOKEN_PIN "${@:2}" >>token.log 2>&1; }
slot_of() { p11tool "$SOFTHSM_MODULE" --list-token-slots | awk -v serial="$1" \
    '/^Slot /{n = $2} /serial num/ && $NF == serial {print n}'; }
softhsm_on "$first" --keypairgen --key-type EC:prime256v1 --id 01 --label web
softhsm_on "$second" --keypairgen --key-type EC:prime256v1 --id 01 --label web
softhsm_on "$second" --read-object --type pubkey --id 01 --output-file second.der # P-256: that it can
plain_ossl pkey -pubin -inform DER -in second.der -out second.pub
stop_box
token_conf "$TEST_DIR/same" "$SOFTHSM_MODULE" label=same "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/same"
refused "two tokens with one label: both are named" "$first.*$second|$second.*$first" lb attach web --id 01
stop_box
sed -i "s/^token = .*/token = label=same;serial=$second/" "$BOX_DIR/default.conf"
start_box "$BOX_DIR"
check "with its serial number it is one" lb attach web --id 01 >/dev/null 2>>lb.log
check "and the right one" signs web "$TEST_DIR/second.pub"
stop_box

# --- 500 objects
softhsm_token many
new_key ec:P-256 one.pem
for ((i = 1; i <= 250; i++)); do
    # A key is two objects. Each a key of its own, made where that is fastest.
    printf -v hex '%04x' "$i"
    softhsm_import many one.pem "$hex" "key $i" || fail "softhsm2-util: $(tail -n 3 token.log)"
done
new_key ec:P-256 needle.pem
plain_ossl pkey -in needle.pem -pubout -out needle.pub
softhsm_import many needle.pem beef needle
token_conf "$TEST_DIR/many" "$SOFTHSM_MODULE" label=many "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/many"
same "500 objects and one key are listed" 251 "$(lb list --token | grep -c 'needle\|key [0-9]')"
check "one of them is found" lb attach needle --label needle >/dev/null 2>>lb.log
check "and signs" signs needle "$TEST_DIR/needle.pub"
stop_box
start_box "$BOX_DIR"
check "after a restart as well" signs needle "$TEST_DIR/needle.pub"
finish
