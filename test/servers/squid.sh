#!/usr/bin/env bash
# A stock Squid that looks into TLS, with examples/squid: neither it nor its helper has the CA's key, nor is it among what
# they keep. At each stop it frees certificates after OPENSSL_cleanup().
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs squid openssl curl
[ -x /usr/lib/squid/security_file_certgen ] || skip "squid-openssl is not installed"
own_machine /etc/squid
SERVER_USER=proxy CERTIFICATE=/etc/squid/tls/ca.crt HANDLE=/etc/squid/tls/ca.pem STORE=/var/spool/squid/certificates
LOG=/var/log/squid/cache.log
install -d -o proxy -g proxy /var/spool/squid /var/log/squid /run/squid

# A server beyond.
echo "127.0.0.1 www.example.org" >>/etc/hosts
new_key ec:P-256 "$TEST_DIR/origin.key"
plain_ossl req -x509 -key "$TEST_DIR/origin.key" -subj /CN=www.example.org -addext subjectAltName=DNS:www.example.org -days 2 \
    -out "$TEST_DIR/origin.crt"
mkfifo "$TEST_DIR/silence"
exec 7<>"$TEST_DIR/silence"
plain_ossl s_server -accept 443 -cert "$TEST_DIR/origin.crt" -key "$TEST_DIR/origin.key" -www <"$TEST_DIR/silence" \
    >"$TEST_DIR/origin.log" 2>&1 3>&- 10<&- &
own $!
await "the server beyond" grep -q '^ACCEPT' "$TEST_DIR/origin.log"

# Which Squid trusts; and it does not wait half a minute for its clients when it is stopped.
printf 'tls_outgoing_options cafile=%s\nshutdown_lifetime 0 seconds\n' "$TEST_DIR/origin.crt" >/etc/squid/conf.d/99-test.conf

# As Debian's unit does, ExecStartPre first.
server_start() {
    as_system squid --foreground -z >>"$TEST_DIR/start.log" 2>&1 || fail "squid -z: status $?"
    start_service squid --foreground -sYC
    await "Squid's port" port_open 3129
}
server_pids() { pgrep -x 'squid|security_file_c' || true; }
# server_stop : it ends by itself, and without an error.
server_stop() {
    local status=0
    kill "$SERVICE"
    wait "$SERVICE" || status=$?
    same "Squid ends without an error" 0 "$status"
    check "and so did its process for requests" grep -q 'Exiting normally' "$LOG"
    check "and none was killed by a signal" not grep -Eq 'Segment Violation|due to signal' "$LOG" "$TEST_DIR/server.log"
}

# visit : by the command of the page. It must be the proxy's certificate that the client sees.
visit() {
    as_system sh -c "$(page_commands squid 2) -sS --max-time $AWAIT_SECONDS -o /dev/null -w '%{certs}'" \
        >"$TEST_DIR/visit" 2>>"$TEST_DIR/curl.log" && grep -q "^Issuer:.*CN *= *$1" "$TEST_DIR/visit"
}
# new_store : with no certificate in it.
new_store() {
    rm -rf $STORE
    as_system setpriv --reuid=proxy --regid=proxy --init-groups /usr/lib/squid/security_file_certgen -c -s $STORE -M 4MB \
        >>"$TEST_DIR/start.log" 2>&1
}
# authority KEY : a CA's certificate of that key, and the key, from FILES or PLAIN.
authority() {
    as_system openssl req -x509 -key "littlebox:$1" -subj "/CN=CA $1" -addext basicConstraints=critical,CA:true \
        -addext keyUsage=critical,keyCertSign,digitalSignature -days 2 -out "$FILES/$1.crt" 2>>"$TEST_DIR/openssl.log"
    cp "$FILES/$1.crt" "$PLAIN/$1.crt"
    put "$1" "$2"
    new_store
}
# kept KEY : the store holds private keys that an openssl without us can read.
kept() { cat "$STORE"/certs/*.pem | plain_ossl pkey -noout 2>/dev/null; }

run_page squid
server_start
check "a page through the proxy" visit 'Proxy CA'
check "the helper keeps a certificate" test -n "$(find $STORE/certs -name '*.pem')"
check "and no key beside it" not kept
server_stop

authority rsa "$FILES"
refused "without a grant Squid does not start" 'Unable to generate signing certificate for untrusted sites' \
    as_system squid --foreground -z
says "the box's log says who was refused" "uid $(id -u proxy) may not sign with key 'rsa'" "$BOX_DIR/box.log"
lb allow rsa --user proxy
lb lock
refused "nor while the box is locked" 'Unable to generate signing certificate for untrusted sites' \
    as_system squid --foreground -z
lb unlock
: >$LOG
server_start
check "with a grant, a page" visit 'CA rsa'
await_handshakes() { check "a page once more" visit 'CA rsa'; }
restart_box_in_every_way
check "its process is user proxy" uid_is proxy "$(children_of "$SERVICE" | head -n 1)"
same "no process of Squid holds the key" 0 "$(scan rsa)"
check "nor does its store" not kept
server_stop

authority rsa "$PLAIN"
server_start
check "with a plain key file" visit 'CA rsa'
server_pids() { pgrep -x security_file_c; }
same "its helper has it" 1 "$(scan rsa)"
check "and in the store" kept
server_stop
finish
