#!/usr/bin/env bash
# A stock Redis with examples/redis.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs redis-server redis-cli openssl
own_machine /var/lib/redis /var/log/redis
all_keys_on 6379
LOAD_ARGUMENTS=()
SERVER_USER=redis CERTIFICATE=/etc/redis/tls/web.crt HANDLE=/etc/redis/tls/web.pem

# As Debian's unit does, without systemd to be told.
server_start() {
    install -d -o redis /run/redis
    start_service setpriv --reuid=redis --regid=redis --init-groups \
        redis-server /etc/redis/redis.conf --supervised no --daemonize no
    await "Redis' port" port_open 6379
    cp "$CERTIFICATE" "$TEST_DIR/served.crt"
}
# By a client, which knows the certificate that is served till then.
server_reload() {
    same "config set: it reads the files again" OK \
        "$(cli config set tls-cert-file "$CERTIFICATE" tls-key-file "$HANDLE")"
    cp "$CERTIFICATE" "$TEST_DIR/served.crt"
}
cli() { as_system redis-cli --tls --cacert "$TEST_DIR/served.crt" -h localhost "$@" 2>&1; }
server_pids() { pgrep -x redis-server || true; }
server_stop() { stop "$SERVICE"; }

run_page redis
server_start
run_page redis 2
check "Redis says OK" grep -qx OK "$TEST_DIR/page.log"
same "a client by TLS" PONG "$(cli ping)"
check_stop
DOCTOR=redis
serve_each_key
check "it is user redis" uid_is redis "$SERVICE"
serve_under_load
scan_memory
finish
