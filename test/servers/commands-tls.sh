#!/usr/bin/env bash
# TLS with openssl(1) and a handle as with a key file: s_server, s_client with a client's certificate, s_time.
set -eu
# shellcheck source=commands-lib.sh
. "$(dirname "$0")/commands-lib.sh"

commands_begin
keys="rsa rsapss p256 p384 ed25519"
if can mldsa65 whole; then keys="$keys mldsa65"; fi
for key in $keys; do
    three_forms "$key"
    plain_ossl req -config plain.cnf -x509 -new -key "$key.key" -subj /CN=localhost -days 2 \
        -addext subjectAltName=DNS:localhost -out "$key.crt"
done

# fetches TEXT OPTIONS... : a client asks for a page, with those options; both ends verified the other.
fetches() {
    local text=$1
    shift
    run s_client -connect "127.0.0.1:$PORT" -verify_return_error -verify_hostname localhost -ign_eof "$@" \
        >client.log 2>&1 <<<$'GET / HTTP/1.0\r\n\r' || true
    check "$what: $text: the page" grep -q 'HTTP/1.0 200' client.log
    check "$what: $text: verified" grep -q 'Verify return code: 0' client.log
}

# The server's key and the client's are the same here, in the same form.
both_ends() {
    local key=$1 handle=$2 versions="tls1_2 tls1_3" version
    case $key in
    mldsa*) versions=tls1_3 ;; # its draft knows of no older one
    esac
    serve s_server -accept 127.0.0.1:0 -cert "$key.crt" -key "$handle" -Verify 1 -CAfile "$key.crt" \
        -verify_return_error -www
    for version in $versions; do
        fetches "s_server and s_client, $version" "-$version" -CAfile "$key.crt" -cert "$key.crt" -key "$handle"
        check "$what: the server has the client's certificate" grep -q '^Client certificate' client.log
    done
    refused "$what: no client without the key" 'certificate required' \
        plain_ossl s_client -connect "127.0.0.1:$PORT" -CAfile "$key.crt" -ign_eof -quiet
    stop "$SERVER"
}
# shellcheck disable=SC2086 # a list of names
each_form both_ends $keys

# A server with more than one key: of two types, and of two names.
several() {
    local rsa=$2 ec second
    case $2 in
    *.key) ec=$TEST_DIR/p256.key second=$TEST_DIR/p384.key ;;
    *.pem) ec=$TEST_DIR/p256.pem second=$TEST_DIR/p384.pem ;;
    *) ec=littlebox:p256 second=littlebox:p384 ;;
    esac
    serve s_server -accept 127.0.0.1:0 -cert rsa.crt -key "$rsa" -dcert p256.crt -dkey "$ec" \
        -servername second -cert2 p384.crt -key2 "$second" -www
    fetches "by RSA" -tls1_3 -sigalgs rsa_pss_rsae_sha256 -CAfile rsa.crt
    fetches "by ECDSA" -tls1_3 -sigalgs ecdsa_secp256r1_sha256 -CAfile p256.crt
    fetches "by RSA key exchange" -tls1_2 -cipher AES128-SHA -CAfile rsa.crt
    fetches "by the second name" -servername second -CAfile p384.crt
    stop "$SERVER"
}
each_form several rsa

# s_time takes files alone: no URI whatever, as the key file's own shows.
timed() {
    local key=$1 handle=$2 version
    serve s_server -accept 127.0.0.1:0 -cert "$key.crt" -key "$handle" -Verify 1 -CAfile "$key.crt" \
        -verify_return_error -www
    case $handle in
    littlebox:*)
        refused "$what: s_time takes no URI" 'unable to get private key' \
            ossl s_time -connect "127.0.0.1:$PORT" -CAfile "$key.crt" -new -time 1 -cert "$key.crt" -key "$handle"
        refused "$what: nor that of a key file" 'unable to get private key' \
            ossl s_time -connect "127.0.0.1:$PORT" -CAfile "$key.crt" -new -time 1 -cert "$key.crt" \
            -key "file:$TEST_DIR/$key.key"
        handle=$TEST_DIR/$key.pem # against the server with the URI
        ;;
    esac
    does "s_time" s_time -connect "127.0.0.1:$PORT" -CAfile "$key.crt" -verify 1 -new -time 1 -www / -cert "$key.crt" \
        -key "$handle" >out
    check "$what: connections were made" grep -Eq '^[1-9][0-9]* connections in' out
    stop "$SERVER"
}
each_form timed rsa p256

what="a certificate with another key"
refused "$what" 'mismatch|do not match|not match' \
    ossl s_server -accept 127.0.0.1:0 -cert p256.crt -key littlebox:rsa -naccept 1
finish
