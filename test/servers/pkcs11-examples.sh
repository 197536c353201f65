#!/usr/bin/env bash
# examples/pkcs11: its configurations, with other paths, and what its page does with them: nginx and openssl cms with keys
# on SoftHSM2 and in a TPM.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs nginx openssl curl softhsm2-util pkcs11-tool swtpm
begin
cd "$TEST_DIR"
examples=$LITTLEBOX_SRC/examples
echo "a text" >text

# example_conf FILE DIR LINE... : FILE as BOX.conf in DIR; each LINE is there in place of the example's of that name.
example_conf() {
    local file=$1 dir=$2 name
    mkdir -p "$dir"
    shift 2
    cp "$file" "$dir/default.conf"
    for line; do
        name=${line%% =*}
        grep -q "^$name = " "$dir/default.conf" || fail "$(basename "$file") has no $name"
        sed -i "/^$name = /d" "$dir/default.conf"
    done
    printf '%s\n' "$@" >>"$dir/default.conf"
    (umask 077 && echo $TOKEN_PIN >"$dir/token.pin")
}

# page NAME : what the page does from "all are alike" on.
page() {
    local port work=$TEST_DIR/$1-nginx
    lb create web --type ec:P-256 >/dev/null 2>>lb.log || fail "create: $(tail -n 2 lb.log)"
    lb create mail --type rsa:2048 >/dev/null 2>>lb.log || fail "create: $(tail -n 2 lb.log)"
    check "$1: both are on the token" test "$(lb list --token | grep -cE '^(web|mail) ')" = 2
    for key in web mail; do
        lb handle "$key" --out "$key.pem"
        self_signed "littlebox:$key" "$key.crt" 2>>openssl.log
    done
    ! is_root || lb allow web --user www-data 2>>lb.log

    # nginx: examples/nginx/littlebox.conf with other paths and port, as the quickstart has it.
    port=$(free_ports 1)
    NGINX_SERVERS=("$(sed -e "s|listen 443|listen 127.0.0.1:$port|" -e "s|/etc/nginx/tls|$TEST_DIR|" \
        "$examples/nginx/littlebox.conf")")
    if is_root; then write_nginx_conf "$work" 2 www-data; else write_nginx_conf "$work" 2; fi
    start_nginx "$work"
    for version in 1.2 1.3; do
        check "$1: curl, TLS $version" grep -q 'a key that nginx does not have' \
            <<<"$(curl -sS --cacert web.crt --tlsv$version --tls-max $version "https://localhost:$port/" 2>>curl.log)"
    done
    stop_nginx "$work"

    # openssl cms, by URI, by handle file and by the token's name for the key.
    for inkey in littlebox:web web.pem "pkcs11:token=$1;object=web"; do
        check "$1: cms -sign -inkey $inkey" ossl cms -sign -in text -signer web.crt -inkey "$inkey" -nodetach -out signed.pem -outform PEM
        check "$1: it verifies, without us" plain_ossl cms -verify -in signed.pem -inform PEM -CAfile web.crt -purpose any \
            -out verified 2>>openssl.log
        rm -f signed.pem
    done
    # -binary: else cms makes the text canonical, with CRLF for each line end, before it encrypts.
    plain_ossl cms -encrypt -binary -in text -outform PEM -out secret.pem mail.crt
    lb allow mail --user "$(id -u)" --op decrypt 2>>lb.log
    check "$1: cms -decrypt" ossl cms -decrypt -in secret.pem -inform PEM -recip mail.crt -inkey littlebox:mail -out clear
    check "$1: the text" cmp text clear
    rm -f ./*.pem ./*.crt
}

softhsm_dir "$TEST_DIR/hsm"
softhsm_token softhsm
example_conf "$examples/pkcs11/softhsm2.conf" "$TEST_DIR/softhsm-box" "module = $SOFTHSM_MODULE" \
    "$(module_env SOFTHSM2_CONF)" "token = label=softhsm" \
    "pin = file:$TEST_DIR/softhsm-box/token.pin"
new_box "$TEST_DIR/softhsm-box"
page softhsm
stop_box

new_tpm "$TEST_DIR/tpm"
example_conf "$examples/pkcs11/tpm.conf" "$TEST_DIR/tpm-box" "module = $TPM_MODULE" \
    "$(module_env "${TPM_VARIABLES[@]}")" "token = label=tpm" "pin = file:$TEST_DIR/tpm-box/token.pin"
new_box "$TEST_DIR/tpm-box"
page tpm
stop_box

# The smart card's, as far as it goes without one: it is a configuration, and what is missing is said.
example_conf "$examples/pkcs11/smartcard.conf" "$TEST_DIR/card-box" "module = $(module_file "$TOKEN_LIB/opensc-pkcs11.so" \
    "$TOKEN_LIB/pkcs11/opensc-pkcs11.so")"
new_box "$TEST_DIR/card-box"
refused "card: no card, no key" 'token|not there' lb create web
refused "card: no card, no login" 'token|not there' lb login
finish
