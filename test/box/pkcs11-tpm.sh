#!/usr/bin/env bash
# Keys in a TPM (swtpm, by tpm2-pkcs11) serve nginx, and keys of an NSS database (softokn) sign and serve.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl pkcs11-tool swtpm certutil
begin
KEYS="rsa ec"
worker=
! is_root || worker=www-data

# serve NAME : nginx with the box's rsa and ec, 50 handshakes of each key and version at the least.
serve() {
    mkdir "$TEST_DIR/$1-files"
    for key in $KEYS; do
        check "$1: $key signs" signs "$key"
        key_files "$key" "$TEST_DIR/$1-files" "$worker"
    done
    configure_nginx "$TEST_DIR/$1-nginx" "$TEST_DIR/$1-files" 2 ${worker:+"$worker"}
    start_nginx "$TEST_DIR/$1-nginx"
    say "$1:"
    check_signature_types "$TEST_DIR/$1-files"
    start_loads "$TEST_DIR/$1-files" 50
    stop_loads
    stop_nginx "$TEST_DIR/$1-nginx"
}

# --- TPM
new_tpm "$TEST_DIR/tpm"
tpm_key rsa:2048 01 rsa
tpm_key EC:prime256v1 02 ec
token_conf "$TEST_DIR/tpm-box" "$TPM_MODULE" label=tpm "$(module_env "${TPM_VARIABLES[@]}")"
new_box "$TEST_DIR/tpm-box"
check "tpm: attach rsa" attach rsa 01 2>>"$TEST_DIR/lb.log"
check "tpm: attach ec" attach ec 02 2>>"$TEST_DIR/lb.log"
serve tpm
# The TPM is reset: what it held is gone, and is loaded again, whatever is asked of it first.
signs_ec() { signs ec; }
decrypts_rsa() {
    rm -f "$TEST_DIR/clear"
    ossl pkeyutl -decrypt -inkey littlebox:rsa -in "$TEST_DIR/secret" -out "$TEST_DIR/clear" &&
        cmp "$TEST_DIR/text" "$TEST_DIR/clear"
}
echo "a text" >"$TEST_DIR/text"
plain_ossl pkeyutl -encrypt -certin -inkey "$TEST_DIR/tpm-files/rsa.crt" -in "$TEST_DIR/text" -out "$TEST_DIR/secret"
lb allow rsa --user "$(id -u)" --op decrypt 2>>"$TEST_DIR/lb.log"
check "tpm: rsa decrypts" decrypts_rsa
for what in signs_ec decrypts_rsa; do
    stop_tpm
    refused "tpm: none of $what without it" 'littlebox|token' $what
    start_tpm "$TEST_DIR/tpm"
    await "$what by the TPM that is back" $what
    check "tpm: it is back" signs rsa
done
stop_box
stop_tpm

# --- NSS
new_nss "$TEST_DIR/nss"
token_conf "$TEST_DIR/nss-box" "$NSS_MODULE" "label=NSS Certificate DB" "module-arguments = $NSS_ARGUMENTS"
new_box "$TEST_DIR/nss-box"
for key in $KEYS; do
    certutil -L -n "$key" -d "sql:$TEST_DIR/nss" -a | plain_ossl x509 -pubkey -noout >"$TEST_DIR/nss-$key.pub"
    id=$(certutil -K -d "sql:$TEST_DIR/nss" -f "$TEST_DIR/nss/pin" | awk -v key="$key" '$3 == key { print $4 }')
    check "nss: attach $key" attach "$key" "$id" 2>>"$TEST_DIR/lb.log"
    check "nss: $key is the key of its certificate" signs "$key" "$TEST_DIR/nss-$key.pub"
    certutil -L -n "$key" -d "sql:$TEST_DIR/nss" -a | plain_ossl x509 -outform DER >"$TEST_DIR/nss-$key.der"
    lb cert get "$key" | plain_ossl x509 -outform DER >"$TEST_DIR/nss-$key.got"
    check "nss: $key has its certificate" cmp "$TEST_DIR/nss-$key.der" "$TEST_DIR/nss-$key.got"
done
serve nss
stop_box
finish
