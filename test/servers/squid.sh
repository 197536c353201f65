#!/usr/bin/env bash
# A stock squid, whose global objects free certificates and keys after OPENSSL_cleanup(): it ends as it should when it is
# stopped, with a handle and with a plain key. As root it works as user proxy, who signs.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs squid openssl
squid --version | grep -q -- --with-openssl || skip "this squid is built without OpenSSL"
begin
new_box "$TEST_DIR/box"
cd "$TEST_DIR"
mkdir log
if is_root; then chown proxy log; fi
new_key rsa:2048 plain.pem
plain_ossl req -x509 -new -key plain.pem -subj /CN=localhost -days 2 -out plain.crt
lb create web --type ec:P-256 >/dev/null 2>>lb.log
lb handle web --out handle.pem
self_signed littlebox:web handle.crt
if is_root; then lb allow web --user proxy 2>>lb.log; fi

for key in plain handle; do
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(free_ports 2)
    cat >squid.conf <<END
http_port 127.0.0.1:$1
https_port 127.0.0.1:$2 tls-cert=$TEST_DIR/$key.crt tls-key=$TEST_DIR/$key.pem
pid_filename $TEST_DIR/squid.pid
cache_log $TEST_DIR/log/$key.log
access_log none
coredump_dir $TEST_DIR
shutdown_lifetime 0 seconds
pinger_enable off
END
    OPENSSL_CONF=$BOX_DIR/openssl.cnf squid -N -n "littlebox$$" -f "$TEST_DIR/squid.conf" >"$key.out.log" 2>&1 3>&- &
    squid=$!
    own "$squid"
    await "squid's port" port_open "$2"
    check "$key: a handshake" plain_ossl s_client -connect "127.0.0.1:$2" -CAfile "$key.crt" -verify_return_error \
        </dev/null >"$key.s_client.log" 2>&1
    kill "$squid"
    status=0
    wait "$squid" || status=$?
    same "$key: it ends as it should" 0 "$status"
    check "$key: it says so" grep -q 'Exiting normally' "log/$key.log"
done
finish
