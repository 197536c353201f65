#!/usr/bin/env bash
# openssl(1) finds in a box what littlebox cert put there: certificates beside keys, by URI, by subject, by issuer and
# serial number, by fingerprint and by name; and a server runs from one URI for both.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
new_box "$TEST_DIR/box"
cd "$TEST_DIR"

# A chain of two authorities in the box and a server.
for key in root:rsa:2048 sub:ec:P-384 web:ec:P-256 bare:ed25519; do
    lb create "${key%%:*}" --type "${key#*:}" >/dev/null 2>>lb.log
done
ossl req -x509 -new -key littlebox:root -subj /CN=root -days 2 -addext basicConstraints=critical,CA:TRUE \
    -out root.crt
lb cert set root root.crt
printf '%s\n' basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign >sub.ext
ossl req -new -key littlebox:sub -subj /CN=sub -out sub.csr
# The authority's certificate and key by the same URI.
check "x509 -CA and -CAkey by URI" ossl x509 -req -in sub.csr -CA littlebox:root -CAkey littlebox:root -set_serial 77 \
    -days 2 -extfile sub.ext -out sub.crt 2>>x509.log
cat sub.crt root.crt >sub.pem
lb cert set sub sub.pem
echo subjectAltName=DNS:localhost >web.ext
ossl req -new -key littlebox:web -subj /O=Example/CN=localhost -out web.csr
ossl x509 -req -in web.csr -CA littlebox:sub -CAkey littlebox:sub -set_serial 78 -days 2 -extfile web.ext -out web.crt \
    2>>x509.log
cat sub.crt web.crt >web.pem
lb cert set web web.pem

check "x509 -in URI" ossl x509 -in littlebox:web -out out.crt
check "is the key's certificate" cmp -s out.crt web.crt
check "x509 -text -noout" ossl x509 -in "littlebox:web;version=1" -noout -text >text
check "with its subject" grep -q 'Subject: O *= *Example, CN *= *localhost' text
check "verify" ossl verify -CAfile root.crt -untrusted littlebox:web littlebox:web >/dev/null
check "verify with the authorities from the box" ossl verify -CAstore littlebox:root -untrusted littlebox:sub web.crt \
    >/dev/null
refused "no certificate there" 'Could not (read|find) .*certificate' ossl x509 -in littlebox:bare -noout

# found COUNT OPTIONS... : storeutl finds that many objects; its output is in "found".
found() {
    local count=$1
    shift
    TEST_CHECKS=$((TEST_CHECKS + 1))
    ossl storeutl "$@" >found 2>storeutl.log || fail "storeutl $*: $(cat storeutl.log)"
    [ ! -s storeutl.log ] || fail "storeutl $* complains: $(cat storeutl.log)"
    # From 3.5 on it writes nothing at all where it found nothing.
    if [ "$count" -ne 0 ] || [ -s found ]; then
        grep -q "^Total found: $count\$" found || fail "storeutl $*: not $count but $(cat found)"
    fi
    say "ok: storeutl $* finds $count"
}
spki=$(ossl pkey -in littlebox:web -pubout -outform DER | sha256sum | cut -d' ' -f1)
certificate=$(plain_ossl x509 -in web.crt -outform DER | sha256sum | cut -d' ' -f1)
# 1 private key, 1 public key, 2 certificates.
found 4 littlebox:web
found 4 -noout littlebox:web
found 4 -text littlebox:web
grep -q 'Issuer: CN *= *sub' found || fail "no text of the certificate: $(cat found)"
found 1 -keys littlebox:web
grep -q -- '-----BEGIN PRIVATE KEY-----' found || fail "no handle: $(cat found)"
found 1 -keys -text -noout littlebox:web
found 2 -certs littlebox:web
cat web.crt sub.crt >expected
plain_ossl storeutl -certs "$TEST_DIR/expected" | grep -v '^Total\|^[01]:' >expected.pem
grep -v '^Total\|^[01]:' found >found.pem
check "leaf first, then its issuer" cmp -s found.pem expected.pem
found 0 -crls littlebox:web
found 2 littlebox:bare
found 0 -certs littlebox:bare
found 4 littlebox:
grep -q 'Name: littlebox:web' found || fail "no names: $(cat found)"
found 1 -certs -subject /O=Example/CN=localhost littlebox:
# The certificate of sub is in the chain of web, too.
found 2 -subject /CN=sub littlebox:
found 1 -subject /CN=sub littlebox:web
found 0 -subject /CN=nobody littlebox:
found 1 -issuer /CN=sub -serial 78 littlebox:
found 2 -issuer /CN=root -serial 77 littlebox:
found 0 -issuer /CN=root -serial 78 littlebox:
found 1 -sha256 -fingerprint "$certificate" littlebox:
found 3 -sha256 -fingerprint "$spki" littlebox:
found 1 -keys -sha256 -fingerprint "$spki" littlebox:
found 1 -certs -sha256 -fingerprint "$spki" littlebox:
found 4 -alias web littlebox:
found 2 -certs -alias web littlebox:
found 1 -keys -alias bare littlebox:
found 0 -alias nosuch littlebox:
found 4 -provider littlebox -provider default -propquery '?provider=littlebox' -alias web littlebox:

# A server whose certificate, chain and key are one URI.
page_of_uri littlebox:web root.crt
check "s_server from one URI" grep -q 'HTTP/1.0 200' s_client.log
check "with a chain that verifies" grep -q 'Verify return code: 0' s_client.log

# A renewal is seen by the next who loads; what the box refuses leaves the old one.
cp web.crt old.crt
ossl x509 -req -in web.csr -CA littlebox:sub -CAkey littlebox:sub -set_serial 79 -days 2 -extfile web.ext -out web.crt \
    2>>x509.log
check "renewed" lb cert set web web.crt
found 1 -issuer /CN=sub -serial 79 littlebox:
found 0 -issuer /CN=sub -serial 78 littlebox:
refused "a certificate of another key" "no certificate in 'sub.crt' is for version 1 of key 'web'" lb cert set web sub.crt
check "removed" lb cert remove web
found 0 -certs littlebox:web
finish
