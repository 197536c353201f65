#!/usr/bin/env bash
# A stock nginx with a key in a box and the cipher suite AES128-SHA: TLS 1.2 where the client's premaster secret is
# encrypted for the server's key. Whatever is wrong with that secret, the answer is the same, as with a plain key.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs nginx openssl curl
begin
new_box "$TEST_DIR/box"
cd "$TEST_DIR"
lb create rsa --type rsa:2048 >/dev/null 2>>lb.log
lb handle rsa --out rsa.pem
self_signed littlebox:rsa rsa.crt 2>>openssl.log || fail "no certificate"
plain_ossl req -x509 -newkey rsa:2048 -noenc -keyout plain.pem -out plain.crt -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>>openssl.log || fail "no plain certificate"

read -r box_port plain_port < <(free_ports 2 | xargs)
nginx_server "$box_port" "$TEST_DIR/rsa.crt" "$TEST_DIR/rsa.pem"
nginx_server "$plain_port" "$TEST_DIR/plain.crt" "$TEST_DIR/plain.pem"
if is_root; then
    needs_user www-data
    write_nginx_conf "$TEST_DIR/nginx" 1 www-data
    worker=www-data
else
    write_nginx_conf "$TEST_DIR/nginx" 1
    worker=$(id -un)
fi
sed -i 's/ssl_protocols TLSv1.2 TLSv1.3;/ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA;/' nginx/nginx.conf
start_nginx "$TEST_DIR/nginx"

premaster() { env OPENSSL_CONF=/dev/null "$HARNESS/premaster" 127.0.0.1 "$@"; }
counter() { lb --json status | grep -Eo "\"$1\": *[0-9]+" | grep -Eo '[0-9]+'; }

# Signing does not let it decrypt: an alert, and the log says for whom what is missing.
if is_root; then
    lb allow rsa --user "$worker"
    refused "without a grant to decrypt the handshake fails" 'tlsv1 alert|alert internal error|handshake failure' \
        plain_ossl s_client -connect "127.0.0.1:$box_port" -tls1_2
    says "the box's log says that $worker may not decrypt" "uid $(id -u "$worker") may not decrypt with key 'rsa'" \
        "$BOX_DIR/box.log"
    lb deny rsa --user "$worker"
    lb allow rsa --user "$worker" --op decrypt
fi
before=$(counter decryptions)
signatures=$(counter signatures)
plain_ossl s_client -connect "127.0.0.1:$box_port" -tls1_2 -CAfile rsa.crt -verify_return_error </dev/null >s_client 2>&1 ||
    fail "no handshake: $(cat s_client)"
check "the cipher suite is AES128-SHA" grep -Eq 'Cipher is AES128-SHA$|Cipher *: AES128-SHA$' s_client
same "the handshake was one decryption" $((before + 1)) "$(counter decryptions)"
same "and no signature" "$signatures" "$(counter signatures)"
check "curl" test "$(env OPENSSL_CONF=/dev/null curl -sS --cacert rsa.crt --connect-to "localhost:443:127.0.0.1:$box_port" https://localhost/)" = hello
same "a good secret ends the handshake" finished "$(premaster "$box_port" good)"

# The alert bad_record_mac, in clear, and the end; for a plain key too, which shows that the client can tell.
want='15030300020214 closed'
for port in "$plain_port" "$box_port"; do
    for kind in other type marker version short long nothing; do
        for again in 1 2 3; do
            same "port $port, secret '$kind', $again" "$want" "$(premaster "$port" $kind)"
        done
    done
done
same "after all of it a good secret ends the handshake" finished "$(premaster "$box_port" good)"
check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"
finish
