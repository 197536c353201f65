#!/usr/bin/env bash
# Certificates on a token: given out with the keys that they are for, found by openssl storeutl, served; those that were set
# in the box win; what was read is kept while the token is away.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
begin
cd "$TEST_DIR"

for key in root:rsa:2048 sub:ec:P-384 web:ec:P-256 rsa:rsa:2048 other:ec:P-256 bare:ec:P-256; do
    new_key "${key#*:}" "${key%%:*}.pem"
done
certificate root /CN=root 1 root root basicConstraints=critical,CA:TRUE
certificate sub /CN=sub 77 root sub basicConstraints=critical,CA:TRUE
# The one before it; its key is the same.
certificate old /O=Example/CN=old 70 sub web
NOW=$(date +%s)
next_second() { [ "$(date +%s)" -gt "$NOW" ]; }
await "the next second" next_second
certificate web /O=Example/CN=localhost 78 sub web
certificate rsa /CN=rsa 79 root rsa
certificate other /CN=localhost 80 sub other

# --- SoftHSM2
softhsm_dir "$TEST_DIR/hsm"
softhsm_token certs
write_cert() { softhsm certs --write-object "$1.der" --type cert --id "$2" --label "$3" >>token.log 2>&1; }
softhsm_import certs web.pem 01 web
softhsm_import certs rsa.pem 02 rsa
softhsm_import certs bare.pem 03 bare
# An id alone makes no certificate a key's, and the lack of it takes none away.
write_cert other 01 other
write_cert web 0101 "web's certificate"
write_cert rsa 02 rsa
write_cert other 03 bare
write_cert sub 77 "an authority"
write_cert root 78 root
token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=certs "sessions = 2" "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/box"
for key in web:01 rsa:02 bare:03; do
    check "attach ${key%:*}" attach "${key%:*}" "${key#*:}" 2>>lb.log
done
cat web.crt sub.crt root.crt >web.chain
cat rsa.crt root.crt >rsa.chain
check "cert get: the key's certificate and its issuers, in order" chain_is web.chain lb cert get web
check "cert get, RSA" chain_is rsa.chain lb cert get rsa
refused "another key's certificate with the id and the label of this key" 'has no certificate' lb cert get bare
check "show counts them" grep -Eq '^ +1 +/O=Example/CN=localhost +/CN=sub +[^ ]+ +3 +no$' <<<"$(lb show web)"
check "storeutl, littlebox:" chain_is web.chain ossl storeutl -certs littlebox:web
check "storeutl, pkcs11:" chain_is web.chain ossl storeutl -certs 'pkcs11:token=certs;object=web;type=cert'
check "storeutl, pkcs11: by id" chain_is web.chain ossl storeutl 'pkcs11:token=certs;id=%01;type=cert'
found() {
    local count=$1
    shift
    ossl storeutl -noout "$@" >found.out 2>>openssl.log || true
    grep -q "^Total found: $count\$" found.out || { [ "$count" = 0 ] && [ ! -s found.out ]; }
}
fingerprint=$(sha256sum web.der | cut -d' ' -f1)
spki=$(plain_ossl pkey -in web.pem -pubout -outform DER | sha256sum | cut -d' ' -f1)
check "key, public key and certificates of a URI" found 5 littlebox:web
check "search by subject" found 1 -certs -subject /O=Example/CN=localhost littlebox:
check "of a certificate for which there is no key: nothing" found 0 -certs -subject /CN=localhost littlebox:
check "by issuer and serial number" found 1 -issuer /CN=sub -serial 78 littlebox:
check "on the whole token" found 1 -issuer /CN=sub -serial 78 pkcs11:token=certs
check "by fingerprint" found 1 -certs -sha256 -fingerprint "$fingerprint" littlebox:
check "by that of the public key" found 1 -certs -sha256 -fingerprint "$spki" littlebox:
check "by name" found 3 -certs -alias web littlebox:
# By the names that certificates have themselves.
check "a certificate without a key" chain_is sub.crt ossl storeutl 'pkcs11:token=certs;object=an%20authority;type=cert'
check "by its id" chain_is root.crt ossl storeutl -certs 'pkcs11:token=certs;id=%78'
check "one that is called otherwise than its key" chain_is web.crt ossl storeutl -certs "pkcs11:object=web's%20certificate"
check "all of a name" found 1 -certs -issuer /CN=sub -serial 80 'pkcs11:object=other;type=cert'
refused "none of that name" 'no box has the object' ossl x509 -noout -in 'pkcs11:token=certs;object=nobody;type=cert'
refused "which is no key" 'no box has the object' ossl pkey -in 'pkcs11:token=certs;object=root' -noout

# A server with key, certificate and chain from one URI.
page_of_uri littlebox:web root.crt
check "a server with the certificates of the token" grep -q 'Verify return code: 0' s_client.log

# --- What was set in the box wins
check "cert set" lb cert set web old.crt
check "it is the one" chain_is old.crt lb cert get web
check "for openssl too" chain_is old.crt ossl storeutl -certs 'pkcs11:token=certs;object=web;type=cert'
check "cert remove" lb cert remove web
check "then it is the token's again" chain_is web.chain lb cert get web
refused "which is not to be removed here" 'no certificate that was set' lb cert remove web
refused "the cure" "hint:.*with the token's tools" lb cert remove web

# --- What changes on the token is noticed with the next connection; the youngest of several is the one
write_cert old 01 web
check "another connection" reconnect
check "one that began before" chain_is web.chain lb cert get web
NOW=$(date +%s)
await "the next second" next_second
certificate new /CN=new 90 sub web
write_cert new 0102 new
softhsm certs --delete-object --type cert --id 77 >>token.log 2>&1
check "another connection" reconnect
check "a renewed one; it ends where its issuer is gone" chain_is new.crt lb cert get web

# --- The token goes, the box is locked
away() { mv hsm/tokens hsm/away && mkdir hsm/tokens; }
back() { rmdir hsm/tokens && mv hsm/away hsm/tokens; }
away
unconnected() { signs web >/dev/null 2>&1 || true; status_is token.connected false; }
await "the box to notice" unconnected
check "what was read before is told" chain_is new.crt lb cert get web
lb lock
check "while the box is locked as well" chain_is new.crt lb cert get web
stop_box
start_box "$BOX_DIR"
refused "nothing was read yet: it is said why" 'is not there' lb cert get web
check "the list asks nothing" lb list >/dev/null
back
await "the token to be back" chain_is new.crt lb cert get web
lb lock
child=$(box_child)
kill -HUP "$KEEPER"
another_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
await "the next child" another_child
check "it is locked as well" status_is state locked
refused "locked, and nothing was read yet" 'is locked' lb cert get web
stop_box
finish
