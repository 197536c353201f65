#!/usr/bin/env bash
# An authority works with openssl(1) and a handle as with a key file: ca with its index, CRL and revocations, crl,
# verify, ocsp offline and as a responder, ts, cmp.
set -eu
# shellcheck source=commands-lib.sh
. "$(dirname "$0")/commands-lib.sh"

commands_begin
authorities="rsa p384 ed25519"
if can mldsa65 whole; then authorities="$authorities mldsa65"; fi
for key in $authorities; do
    three_forms "$key"
done
three_forms p256

# What the authorities certify: two leaf keys, each with a request.
for leaf in leaf1 leaf2; do
    new_key ec:P-256 "$leaf.key"
    plain_ossl req -config plain.cnf -new -key "$leaf.key" -subj "/CN=$leaf" -out "$leaf.csr"
done

# --- ca: an authority in its directory

# authority DIR HANDLE : its openssl.cnf names the key, as a real one does.
authority() {
    mkdir "$1"
    mkdir "$1/issued"
    : >"$1/index.txt"
    echo 1000 >"$1/serial"
    echo 01 >"$1/crlnumber"
    cat plain.cnf - >"$1/openssl.cnf" <<END
[ca]
default_ca = authority
[authority]
dir = $1
database = \$dir/index.txt
new_certs_dir = \$dir/issued
serial = \$dir/serial
crlnumber = \$dir/crlnumber
certificate = \$dir/ca.crt
private_key = $2
default_md = default
default_days = 2
default_crl_days = 1
policy = policy
x509_extensions = leaf
copy_extensions = copy
[policy]
commonName = supplied
[authority_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = CA:FALSE
authorityKeyIdentifier = keyid
END
}

certifies() {
    local key=$1 handle=$2 dir=$TEST_DIR/authority cnf
    rm -rf "$dir"
    authority "$dir" "$handle"
    cnf=$dir/openssl.cnf
    does "req -new, for the authority" req -config "$cnf" -new -key "$handle" -subj "/CN=authority $key" -out ca.csr
    does "ca -selfsign" ca -config "$cnf" -batch -selfsign -extensions authority_extensions -in ca.csr \
        -out "$dir/ca.crt" -notext
    verified verify -check_ss_sig -CAfile "$dir/ca.crt" "$dir/ca.crt"
    does "ca" ca -config "$cnf" -batch -in leaf1.csr -out leaf1.crt -notext
    does "ca -keyfile" ca -config "$cnf" -batch -keyfile "$handle" -in leaf2.csr -out leaf2.crt -notext
    verified verify -CAfile "$dir/ca.crt" leaf1.crt leaf2.crt
    check "$what: the index has all three" test "$(grep -c '^V' "$dir/index.txt")" = 3
    does "ca -revoke" ca -config "$cnf" -revoke leaf2.crt -crl_reason keyCompromise
    does "ca -gencrl" ca -config "$cnf" -gencrl -out "$dir/crl"
    verified crl -in "$dir/crl" -CAfile "$dir/ca.crt" -noout
    check "$what: the CRL's signature" grep -q 'verify OK' verified.log
    verified verify -crl_check -CAfile "$dir/ca.crt" -CRLfile "$dir/crl" leaf1.crt
    refused "$what: the CRL has leaf2" 'certificate revoked' \
        plain_ossl verify -crl_check -CAfile "$dir/ca.crt" -CRLfile "$dir/crl" leaf2.crt
    does "verify" verify -crl_check -CAfile "$dir/ca.crt" -CRLfile "$dir/crl" leaf1.crt >out
    # A delta is made by crl itself, not by ca, from two CRLs and the key.
    does "ca -gencrl, after" ca -config "$cnf" -gencrl -out newer.crl
    if can "$key" digest; then
        does "crl -gendelta" crl -in "$dir/crl" -gendelta newer.crl -key "$handle" -out delta.crl
        verified crl -in delta.crl -CAfile "$dir/ca.crt" -noout
        check "$what: the delta's signature" grep -q 'verify OK' verified.log
    fi
    answers "$key" "$handle" "$dir"
}

# --- ocsp: what the authority just said of leaf1 and leaf2

# says_of CERTIFICATE STATUS : the answer, verified, says so.
says_of() {
    verified ocsp -issuer "$dir/ca.crt" -cert "$1.crt" -CAfile "$dir/ca.crt" "${@:3}"
    check "$what: verified" grep -q '^Response verify OK' verified.log
    check "$what: $1 is $2" grep -q "^$1.crt: $2" verified.log
}

answers() {
    local key=$1 handle=$2 dir=$3
    plain_ossl ocsp -issuer "$dir/ca.crt" -cert leaf1.crt -cert leaf2.crt -reqout request
    does "ocsp -reqin -respout" ocsp -index "$dir/index.txt" -CA "$dir/ca.crt" -rsigner "$dir/ca.crt" \
        -rkey "$handle" -reqin request -respout answer -ndays 1
    says_of leaf1 good -no_nonce -respin answer
    says_of leaf2 revoked -no_nonce -cert leaf1.crt -respin answer
    # A responder, asked twice: it lives through more than one answer.
    serve ocsp -port 0 -index "$dir/index.txt" -CA "$dir/ca.crt" \
        -rsigner "$dir/ca.crt" -rkey "$handle" -ndays 1
    says_of leaf1 good -url "http://127.0.0.1:$PORT" -timeout "$AWAIT_SECONDS"
    says_of leaf2 revoked -url "http://127.0.0.1:$PORT" -timeout "$AWAIT_SECONDS"
    stop "$SERVER"
}
# shellcheck disable=SC2086 # a list of names
each_form certifies $authorities

# --- ts: a time stamp, with attributes that bind the certificate

stamps() {
    local key=$1 handle=$2
    mkdir -p tsa
    echo 01 >tsa/serial
    cat plain.cnf - >tsa/openssl.cnf <<END
[tsa]
default_tsa = stamper
[stamper]
serial = $TEST_DIR/tsa/serial
signer_cert = $TEST_DIR/tsa.crt
signer_key = $handle
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
END
    does "req -x509, for time stamps" req -x509 -new -key "$handle" -subj /CN=tsa -days 2 -out tsa.crt \
        -addext 'extendedKeyUsage = critical, timeStamping'
    plain_ossl ts -query -data text -sha384 -cert -out query 2>>openssl.log
    does "ts -reply" ts -reply -config tsa/openssl.cnf -queryfile query -out reply
    verified ts -verify -data text -in reply -CAfile tsa.crt
    verified ts -verify -queryfile query -in reply -CAfile tsa.crt
    does "ts -reply -inkey" ts -reply -config tsa/openssl.cnf -queryfile query -inkey "$handle" -signer tsa.crt \
        -out reply
    verified ts -verify -queryfile query -in reply -CAfile tsa.crt
}
for key in rsa p256; do
    for form in file handle; do
        case $form in
        file) handle=$TEST_DIR/$key.key ;;
        handle) handle=$TEST_DIR/$key.pem ;;
        esac
        what="$key, $form"
        stamps "$key" "$handle"
    done
    # ts opens a file: no URI whatever, as the key file's own shows.
    for uri in "file:$TEST_DIR/$key.key" "littlebox:$key"; do
        refused "$key: ts takes no URI, such as ${uri%%:*}:" 'cannot load private key' \
            ossl ts -reply -config tsa/openssl.cnf -queryfile query -inkey "$uri" -signer tsa.crt -out reply
    done
done

# --- cmp: a certificate for a key of the box, and its renewal, from openssl's own server

cat plain.cnf - >cmp.cnf <<END
[cmp]
END
new_key ec:P-256 cmp-server.key
plain_ossl req -config plain.cnf -x509 -new -key cmp-server.key -subj /CN=cmp -days 2 -out cmp-server.crt

# enrol COMMAND CERTIFICATE ... : asks the server for a certificate for the key.
enrol() {
    does "cmp -cmd $1" cmp -config cmp.cnf -cmd "$1" -server "127.0.0.1:$PORT/pkix/" -msg_timeout "$AWAIT_SECONDS" -verbosity 4 \
        -subject "/CN=enrolled" -newkey "$handle" -certout "$2" -srvcert cmp-server.crt "${@:3}"
    check "$what: it is the key's certificate" cmp -s "$2" answer.crt
}

enrolment() {
    local key=$1 handle=$2
    does "req -x509, as the client is known" req -x509 -new -key "$handle" -subj /CN=client -days 2 -out client.crt
    # The mock server returns this one, whatever it is asked for; libcrypto's client checks that it has its key.
    plain_ossl x509 -new -force_pubkey "$key.pub" -subj /CN=enrolled -CA cmp-server.crt -CAkey cmp-server.key -days 2 \
        -out answer.crt
    serve cmp -config cmp.cnf -port 0 -srv_cert cmp-server.crt -srv_key cmp-server.key \
        -srv_trusted client.crt -rsp_cert answer.crt
    enrol ir enrolled.crt -cert client.crt -key "$handle"
    enrol kur renewed.crt -cert client.crt -key "$handle" -oldcert enrolled.crt
    stop "$SERVER"
    # And the other side: the server's key is in the box.
    does "req -x509, for the server" req -x509 -new -key "$handle" -subj /CN=cmp -days 2 -out boxed.crt
    does "cmp -srv_key" cmp -config cmp.cnf -cmd ir -use_mock_srv -verbosity 4 -srv_cert boxed.crt -srv_key "$handle" \
        -srv_trusted client.crt -rsp_cert answer.crt -srvcert boxed.crt -cert client.crt -key "$handle" \
        -subject /CN=enrolled -newkey "$handle" -certout enrolled.crt
}
each_form enrolment rsa p256
finish
