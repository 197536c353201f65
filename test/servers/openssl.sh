#!/usr/bin/env bash
# openssl(1) does with a handle what it does with a key file: with a URI and with a handle file, configured in
# openssl.cnf and on the command line. Whatever was signed is verified by an openssl that does not know us.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
new_box "$TEST_DIR/box"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
# For the command line: only where the box is; the module is neither named nor activated.
sed -e '/^module/d' -e '/^activate/d' "$BOX_DIR/openssl.cnf" >"$TEST_DIR/bare.cnf"
cd "$TEST_DIR"
echo "a text to sign" >text

# run HOW COMMAND... : openssl COMMAND, with the provider from openssl.cnf or from options, loaded
# before the default one or after.
run() {
    local how=$1 command=$2 order=()
    shift 2
    case $how in
    options) order=(-provider littlebox -provider default) ;;
    reverse) order=(-provider default -provider littlebox) ;;
    esac
    if [ "$how" = cnf ]; then
        ossl "$command" "$@"
    else
        env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/bare.cnf" \
            openssl "$command" -provider-path "$(dirname "$MODULE")" "${order[@]}" "$@"
    fi 2>>openssl.log
}

# commands KEY HANDLE HOW : every command with that handle.
commands() {
    local key=$1 handle=$2 how=$3 what="$1, ${2##*/}, $3"
    check "$what: pkey -pubout" run "$how" pkey -in "$handle" -pubout -out pub
    cmp -s pub "$key.pub" || fail "$what: another public key"
    case $key in
    ed*) ;;
    *)
        check "$what: dgst -sign" run "$how" dgst -sha256 -sign "$handle" -out sig text
        check "$what: verified" plain_ossl dgst -sha256 -verify pub -signature sig text >/dev/null
        check "$what: dgst -verify by the handle" run "$how" dgst -sha256 -prverify "$handle" -signature sig \
            text >/dev/null
        plain_ossl dgst -sha384 -binary -out digest text
        check "$what: pkeyutl -sign a digest" \
            run "$how" pkeyutl -sign -inkey "$handle" -in digest -pkeyopt digest:sha384 -out sig
        check "$what: verified" \
            plain_ossl pkeyutl -verify -pubin -inkey pub -in digest -pkeyopt digest:sha384 -sigfile sig >/dev/null
        ;;
    esac
    check "$what: pkeyutl -sign -rawin" run "$how" pkeyutl -sign -rawin -inkey "$handle" -in text -out sig
    check "$what: verified" plain_ossl pkeyutl -verify -rawin -pubin -inkey pub -in text -sigfile sig >/dev/null
    check "$what: req -new" run "$how" req -new -key "$handle" -subj /CN=request -out csr
    check "$what: verified" plain_ossl req -in csr -verify -noout 2>/dev/null
    check "$what: req -x509" run "$how" req -x509 -new -key "$handle" -subj /CN=authority -days 2 \
        -addext basicConstraints=critical,CA:true -out ca.crt
    check "$what: verified" plain_ossl verify -check_ss_sig -CAfile ca.crt ca.crt >/dev/null
    check "$what: x509 -req -CA -CAkey" \
        run "$how" x509 -req -in "leaf.csr" -CA ca.crt -CAkey "$handle" -CAcreateserial -days 2 -out leaf.crt
    check "$what: verified" plain_ossl verify -CAfile ca.crt leaf.crt >/dev/null
    check "$what: storeutl" run "$how" storeutl -noout -keys "$handle" >storeutl
    check "$what: it counts one key" grep -q 'Total found: 1' storeutl
}

new_key ec:P-256 leaf.key
ossl req -new -key leaf.key -subj /CN=leaf -out leaf.csr
for type in ec:P-256 ec:P-384 ec:P-521 rsa:2048 rsa-pss:2048 ed25519 ed448; do
    key=$(tr -d ':' <<<"${type,,}")
    lb create "$key" --type "$type" >/dev/null 2>>lb.log
    lb handle "$key" --out "$key.pem"
    ossl pkey -in "littlebox:$key" -pubout -out "$key.pub"
    check "$key: its public key is one" plain_ossl pkey -pubin -in "$key.pub" -noout
done
for key in ecp-256 rsa2048 ed25519; do
    for handle in "littlebox:$key" "$TEST_DIR/$key.pem"; do
        for how in cnf options; do
            commands "$key" "$handle" "$how"
        done
    done
done
# The other types, and the other load order, once.
for key in ecp-384 ecp-521 ed448; do
    commands "$key" "littlebox:$key" reverse
done
check "rsa-pss: pkeyutl -sign -rawin" run cnf pkeyutl -sign -rawin -inkey littlebox:rsa-pss2048 -in text -out sig
check "rsa-pss: verified" plain_ossl pkeyutl -verify -rawin -pubin -inkey rsa-pss2048.pub -in text -sigfile \
    sig >/dev/null

# RSA-PSS with an RSA key, each salt length by name.
for salt in digest max 20; do
    check "rsa: PSS, salt length $salt" run cnf dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt \
        "rsa_pss_saltlen:$salt" \
        -sign littlebox:rsa2048 -out sig text
    check "rsa: verified" plain_ossl dgst -sha256 -sigopt rsa_padding_mode:pss -verify rsa2048.pub -signature sig \
        text >/dev/null
done

# A handle may pin a version, name its box, and stand behind a certificate in the same file.
for uri in "littlebox:rsa2048;version=1" littlebox://default/rsa2048; do
    check "$uri" run cnf pkey -in "$uri" -pubout -out pub
    check "$uri is the same key" cmp -s pub rsa2048.pub
done
ossl req -x509 -new -key littlebox:ecp-256 -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out \
    server.crt
cat server.crt ecp-256.pem >both.pem
check "a handle behind a certificate" run cnf dgst -sha256 -sign both.pem -out sig text
check "verified" plain_ossl dgst -sha256 -verify ecp-256.pub -signature sig text >/dev/null

check "storeutl lists the box" run cnf storeutl -noout littlebox: >storeutl
for key in ecp-256 rsa2048 ed25519; do
    check "with $key" grep -q "littlebox:.*$key" storeutl
done

# Server and client authentication, both with handles.
lb create client --type ec:P-256 >/dev/null 2>>lb.log
ossl req -x509 -new -key littlebox:client -subj /CN=client -days 2 -out client.crt
tls() {
    local key=$1 client_key=$2 version=$3 port server
    port=$(free_ports 1)
    : >s_server.log # else the last one's ACCEPT may be read
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" openssl s_server -accept "127.0.0.1:$port" -cert \
        server.crt -key "$key" \
        -Verify 1 -CAfile client.crt -verify_return_error -www >s_server.log 2>&1 3>&- &
    server=$!
    own "$server"
    await "s_server" grep -q '^ACCEPT' s_server.log
    echo "GET / HTTP/1.0" | ossl s_client -connect "127.0.0.1:$port" "-$version" -CAfile server.crt \
        -verify_return_error \
        -cert client.crt -key "$client_key" -ign_eof >s_client.log 2>&1 || true
    stop "$server"
    grep -q 'HTTP/1.0 200' s_client.log && grep -q 'Verify return code: 0' s_client.log
}
lb handle client --out client.pem
for version in tls1_2 tls1_3; do
    check "s_server and s_client, URIs, $version" tls littlebox:ecp-256 littlebox:client "$version"
    check "s_server and s_client, handle files, $version" tls ecp-256.pem client.pem "$version"
done

# What is refused, and how.
refused "a key that is not there" "there is no key 'nobody' in box 'default'" ossl pkey -in littlebox:nobody -pubout
refused "the private half does not leave the box" "key 'rsa2048' is in box 'default' and cannot be exported" ossl rsa \
    -in littlebox:rsa2048 -traditional
check "pkey writes the handle" run cnf pkey -in littlebox:ecp-256 -out written.pem
check "which holds no scalar: an openssl without us cannot read it" not plain_ossl pkey -in written.pem -noout \
    2>/dev/null
check "and which signs" run cnf dgst -sha256 -sign written.pem -out sig text
refused "a certificate with another key" 'mismatch|do not match|not match' \
    ossl s_server -accept 127.0.0.1:0 -cert server.crt -key littlebox:rsa2048 -naccept 1
finish
