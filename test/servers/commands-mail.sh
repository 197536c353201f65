#!/usr/bin/env bash
# Mail with openssl(1) and a handle as with a key file: cms and smime sign, with one signer and several, and decrypt.
set -eu
# shellcheck source=commands-lib.sh
. "$(dirname "$0")/commands-lib.sh"

commands_begin
# with_certificate KEY : KEY in its three forms, and KEY.crt for what is sent to it or verified.
with_certificate() {
    three_forms "$1"
    plain_ossl req -config plain.cnf -x509 -new -key "$1.key" -subj "/CN=$1" -days 2 -out "$1.crt" \
        -addext subjectKeyIdentifier=hash -addext keyUsage=digitalSignature,keyEncipherment,keyAgreement
    cat "$1.crt" >>trusted
}
for key in $(keys_that cms); do
    with_certificate "$key"
done

# --- sign

# message COMMAND OPTIONS... : the message verifies, and its text is the one that was signed.
message() {
    rm -f out
    verified "$1" -verify -in mail -CAfile trusted -purpose any -out out "${@:2}"
    check "$what: the text" grep -q 'a text to sign' out
}

signs_mail() {
    local key=$1 handle=$2 digest=()
    # For the attributes, where the key has no digest of its own; without attributes there is none to sign.
    if can "$key" whole; then digest=(-md sha512); fi
    does "cms -sign" cms -sign -in text -text "${digest[@]}" -signer "$key.crt" -inkey "$handle" -out mail
    message cms
    does "cms -sign -nodetach, DER" cms -sign -in text -binary -nodetach -outform DER -keyid "${digest[@]}" \
        -signer "$key.crt" -inkey "$handle" -out mail
    message cms -inform DER
    if can "$key" digest; then
        does "cms -sign -noattr" cms -sign -in text -noattr -signer "$key.crt" -inkey "$handle" -out mail
        message cms
    fi
    can "$key" smime || return 0
    does "cms -sign -md sha384" cms -sign -in text -md sha384 -signer "$key.crt" -inkey "$handle" -out mail
    message cms
    does "smime -sign" smime -sign -in text -text -signer "$key.crt" -inkey "$handle" -out mail
    message smime
    does "smime -sign -nodetach, DER" \
        smime -sign -in text -binary -nodetach -outform DER -signer "$key.crt" -inkey "$handle" -out mail
    message smime -inform DER
    does "smime -pk7out" smime -pk7out -in mail -inform DER -out out
}
# shellcheck disable=SC2046 # a list of names
each_form signs_mail $(keys_that cms)

# Several signers, each with its key; one more added to what others signed.
signers() {
    local rsa=$2 ec
    case $2 in
    *.key) ec=$TEST_DIR/p256.key ;;
    *.pem) ec=$TEST_DIR/p256.pem ;;
    *) ec=littlebox:p256 ;;
    esac
    for command in cms smime; do
        does "$command -sign, two signers" \
            "$command" -sign -in text -text -signer rsa.crt -inkey "$rsa" -signer p256.crt -inkey "$ec" -out both
        cp both mail
        message "$command"
        does "$command -resign" "$command" -resign -in both -signer p384.crt -inkey "${ec/p256/p384}" -out mail
        message "$command" -signer out.crt
        check "$what: $command: three signers" test "$(grep -c 'BEGIN CERTIFICATE' out.crt)" = 3
    done
    does "cms -sign, PSS" cms -sign -in text -text -signer rsa.crt -inkey "$rsa" -keyopt rsa_padding_mode:pss -out mail
    message cms
    does "cms -sign, PSS, a salt of 20 bytes" cms -sign -in text -text -signer rsa.crt -inkey "$rsa" \
        -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20 -out mail
    message cms
}
each_form signers rsa

# --- decrypt

# encrypt COMMAND OPTIONS... : by an openssl without us.
encrypt() {
    plain_ossl "$1" -encrypt -aes-256-cbc -in text -binary -out mail "${@:2}" || fail "$what: openssl $* -encrypt"
}
# decrypts TEXT COMMAND OPTIONS...
decrypts() {
    local text=$1 command=$2
    shift 2
    does "$command -decrypt, $text" "$command" -decrypt -in mail -inkey "$handle" "$@" -out out
    check "$what: the text" cmp -s out text
}

decrypts_rsa() {
    local key=$1 handle=$2 command
    for command in cms smime; do
        encrypt "$command" "$key.crt"
        decrypts "PKCS#1" "$command" -recip "$key.crt"
        decrypts "no certificate" "$command"
    done
    # Of two RSA recipients without a certificate, the wrong one cannot be told from the right one: OpenSSL 3.2 and
    # later give a random answer for it.
    encrypt cms p256.crt "$key.crt"
    decrypts "one of two recipients, no certificate" cms
    encrypt cms -recip "$key.crt" -keyopt rsa_padding_mode:oaep
    decrypts "OAEP" cms -recip "$key.crt"
    encrypt cms -recip "$key.crt" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha384
    decrypts "OAEP, SHA-256, MGF1 SHA-384" cms -recip "$key.crt"
}

decrypts_ec() {
    local key=$1 handle=$2 kdf
    for kdf in sha1 sha256 sha512; do
        encrypt cms -recip "$key.crt" -keyopt "ecdh_kdf_md:$kdf"
        decrypts "ECDH, KDF $kdf" cms -recip "$key.crt"
    done
    encrypt cms -recip "$key.crt" -keyopt ecdh_cofactor_mode:1
    decrypts "ECDH, cofactor mode" cms -recip "$key.crt"
    encrypt cms rsa.crt "$key.crt"
    decrypts "one of two recipients, no certificate" cms
}

# shellcheck disable=SC2046 # a list of names
each_form decrypts_rsa $(keys_that decrypt)
# shellcheck disable=SC2046 # a list of names
each_form decrypts_ec $(keys_that kari)
finish
