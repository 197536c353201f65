#!/usr/bin/env bash
# An authority with easy-rsa and one with strongSwan's pki, by the commands of examples/authority. Certificates and CRLs
# are verified by an openssl that does not know us.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs make-cadir pki openssl
[ -e /usr/lib/ipsec/plugins/libstrongswan-openssl.so ] || skip "libstrongswan-standard-plugins is not installed"
own_machine /etc/ssl

verifies() { plain_ossl verify -CAfile "$@" >"$TEST_DIR/verify.log" 2>&1; }
# Its exit status does not say so.
crl_verifies() { plain_ossl crl -in "$1" -CAfile "$2" -noout 2>&1 | grep -qx 'verify OK'; }
# check_authority NAME CERTIFICATE CRL LEAF HANDLE
check_authority() {
    check "$1: its certificate" verifies "$2" -check_ss_sig "$2"
    check "$1: what it issued" verifies "$2" -purpose sslserver "$4"
    check "$1: its CRL" crl_verifies "$3" "$2"
    check "$1: what is revoked" not verifies "$2" -crl_check -CRLfile "$3" "$4"
    check "and that is why" grep -q 'certificate revoked' "$TEST_DIR/verify.log"
    refused "$1: the handle is no key to an openssl without us" 'Could not read|unsupported' plain_ossl pkey -in "$5" -noout
}

run_page authority 1
run_page authority 2
cd /etc/authority/pki
check_authority easy-rsa ca.crt crl.pem revoked/certs_by_serial/*.crt private/ca.key

# One that was there before, with its key in a file.
as_system make-cadir /etc/older
cd /etc/older
for command in init-pki "--batch build-ca nopass"; do
    # shellcheck disable=SC2086 # words
    as_system ./easyrsa $command >"$TEST_DIR/easyrsa.log" 2>&1 || fail "easyrsa $command"
done
as_system littlebox adopt pki/private/ca.key >"$TEST_DIR/adopt.log" 2>&1 || fail "littlebox adopt"
refused "easy-rsa: without the sections there is no CRL" 'private key|unsupported' as_system ./easyrsa gen-crl
cat "$LITTLEBOX_SRC/examples/authority/easy-rsa.cnf" /usr/share/easy-rsa/openssl-easyrsa.cnf >pki/openssl-easyrsa.cnf
check "easy-rsa: with them there is" as_system ./easyrsa gen-crl >"$TEST_DIR/easyrsa.log" 2>&1
check "easy-rsa: it verifies" crl_verifies pki/crl.pem pki/ca.crt

run_page authority 3
cd /etc/vpn
check_authority pki ca.crt ca.crl gateway.crt ca.pem
# pki ARGUMENTS... : with each type of key.
for key in $KEYS; do
    cp "$FILES/$key.pem" ca.pem
    for command in "--self --ca --dn CN=$key" "--req --dn CN=$key"; do
        # shellcheck disable=SC2086 # words
        as_system pki $command --in ca.pem --type priv --outform pem >"$key.pem" 2>"$TEST_DIR/pki.log" ||
            fail "$key: pki $command"
        case $command in
        --self*) check "$key: pki --self" verifies "$key.pem" -check_ss_sig "$key.pem" ;;
        *) check "$key: pki --req" plain_ossl req -in "$key.pem" -verify -noout 2>"$TEST_DIR/verify.log" ;;
        esac
    done
done
finish
