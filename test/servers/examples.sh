#!/usr/bin/env bash
# The C examples, which know nothing of littlebox, with keys of a box: by URI, by handle file, and a plain key file.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl curl
begin
new_box "$TEST_DIR/box"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
cd "$TEST_DIR"
examples=$LITTLEBOX_BUILD/examples
example() {
    local name=$1
    shift
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$examples/$name" "$@"
}

# sign: whatever it signs is verified by an openssl that does not know us.
echo "a text to sign" >text
signs_with() {
    local public=$1 key=$2
    example sign "$key" text sig || return 1
    plain_ossl pkeyutl -verify -rawin -pubin -inkey "$public" -in text -sigfile sig >/dev/null
}
for type in rsa:2048 rsa-pss:2048 ec:P-256 ec:P-521 ed25519 ed448; do
    key=${type//:/}
    lb create "$key" --type "$type" >/dev/null 2>>lb.log
    lb handle "$key" --out "$key.pem"
    ossl pkey -in "littlebox:$key" -pubout -out "$key.pub"
    check "sign: $type, URI" signs_with "$key.pub" "littlebox:$key"
    check "sign: $type, handle file" signs_with "$key.pub" "$key.pem"
done
new_key ec:P-256 plain.key
plain_ossl pkey -in plain.key -pubout -out plain.pub
check "sign: a plain key file" signs_with plain.pub plain.key
check "sign: that is not the key of the box" not signs_with plain.pub littlebox:ecP-256 2>/dev/null
: >empty
check "sign: an empty file" example sign littlebox:ed25519 empty sig
refused "sign: no arguments" '^usage: sign KEY FILE SIGNATURE' example sign
refused "sign: no such key" "no private key.*'littlebox:nobody'" example sign littlebox:nobody text sig
refused "sign: and the provider says why" "there is no key 'nobody' in box 'default'" \
    example sign littlebox:nobody text sig
refused "sign: no such file" "cannot read 'nowhere': No such file" example sign littlebox:ed25519 nowhere sig
refused "sign: nowhere to write" "cannot write '$TEST_DIR/none/sig': No such file" \
    example sign littlebox:ed25519 text "$TEST_DIR/none/sig"
refused "sign: a certificate is no key" "no private key" example sign "$LITTLEBOX_SRC/README.md" text sig

# tls_server: a page by TLS 1.2 and 1.3, and a clean end.
# serve CERTIFICATE KEY : starts it on a free port. Sets SERVER and PORT.
serve() {
    : >server.out
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$examples/tls_server" "$1" "$2" 0 \
        >server.out 2>server.log 3>&- &
    SERVER=$!
    own "$SERVER"
    await "the server's port" grep -q '^listening on' server.out
    PORT=$(sed -n 's/^listening on 127.0.0.1://p' server.out)
}
# fetch CERTIFICATE VERSION
fetch() {
    [ "$(curl -sS --cacert "$1" --tls-max "$2" "--tlsv$2" "https://localhost:$PORT/" 2>>curl.log)" = hello ]
}
end_server() {
    local status=0
    kill -TERM "$SERVER"
    wait "$SERVER" || status=$?
    same "tls_server: it ends without an error" 0 "$status"
}
for key in rsa2048 ecP-256 ed25519; do
    self_signed "littlebox:$key" "$key.crt"
    for handle in "littlebox:$key" "$key.pem"; do
        serve "$key.crt" "$handle"
        for version in 1.2 1.3; do
            check "tls_server: $handle, TLS $version" fetch "$key.crt" "$version"
        done
        end_server
    done
done
self_signed plain.key plain.crt
serve plain.crt plain.key
check "tls_server: a plain key file" fetch plain.crt 1.3
check "tls_server: that is not the key of the box" not fetch ecP-256.crt 1.3
end_server

# Clients that misbehave, and a box that goes away and comes back: the server goes on.
serve ecP-256.crt littlebox:ecP-256
check "tls_server: a client that is gone at once" port_open "$PORT"
exec 4<>"/dev/tcp/127.0.0.1/$PORT"
echo "this is not TLS" >&4
exec 4>&-
check "tls_server: it goes on" fetch ecP-256.crt 1.3
lb lock
check "tls_server: no page while the box is locked" not fetch ecP-256.crt 1.3
says "tls_server: it says so" "box 'default' is locked" server.log
lb unlock
check "tls_server: a page again" fetch ecP-256.crt 1.3
kill -INT "$SERVER"
status=0
wait "$SERVER" || status=$?
same "tls_server: SIGINT ends it without an error too" 0 "$status"

refused "tls_server: no arguments" '^usage: tls_server CERTIFICATE KEY PORT' example tls_server
refused "tls_server: no such certificate" "cannot load the certificate 'none.crt'" \
    example tls_server none.crt littlebox:ecP-256 0
refused "tls_server: no such key" "there is no key 'nobody' in box 'default'" \
    example tls_server ecP-256.crt littlebox:nobody 0
refused "tls_server: the certificate of another key" "the certificate is not for the key 'littlebox:ecP-521'" \
    example tls_server ecP-256.crt littlebox:ecP-521 0
serve ecP-256.crt littlebox:ecP-256
refused "tls_server: a port that is taken" "cannot listen on port $PORT: Address already in use" \
    example tls_server ecP-256.crt littlebox:ecP-256 "$PORT"
end_server
finish
