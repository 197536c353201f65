#!/usr/bin/env bash
# A stock Apache, with mpm_event and with mpm_prefork, with examples/apache.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs apache2 apachectl openssl
own_machine /var/www /var/lib/apache2 /var/cache/apache2 /var/log/apache2
ln -s /var/log/apache2 "$TEST_DIR/apache2"
all_keys_on 443
SERVER_USER=www-data CERTIFICATE=/etc/apache2/tls/web.crt HANDLE=/etc/apache2/tls/web.pem

# As Debian's unit does.
server_start() {
    tell_apache start
    await "Apache's pid file" test -s /run/apache2/apache2.pid
    SERVICE=$(cat /run/apache2/apache2.pid)
    await "Apache's port" port_open 443
}
tell_apache() { as_system apachectl "$1" >>"$TEST_DIR/server.log" 2>&1 || fail "apachectl $1"; }
server_reload() { until_replaced "$SERVICE" tell_apache graceful; }
server_pids() { pgrep -x apache2 || true; }
server_stop() {
    tell_apache graceful-stop
    await "Apache to end" gone "$SERVICE"
}
mpm_is() { as_system apachectl -V | grep -q "^Server MPM: *$1\$"; }
check_children() {
    local child children
    children=$(living_children "$SERVICE")
    [ -n "$children" ] || fail "Apache has no children"
    for child in $children; do
        check_process "$child" www-data /
    done
}

run_page apache
check "mpm_event" mpm_is event
check "without the provider it does not start" not as_system OPENSSL_CONF=/dev/null apachectl start 2>>"$TEST_DIR/server.log"
says "and error.log says which file" "AH02564: Failed to configure encrypted .* key localhost:443:0, check $HANDLE" \
    /var/log/apache2/error.log
DOCTOR=apache2
serve_each_key
check_children
serve_under_load
check_stop

run_page apache 2
check "mpm_prefork" mpm_is prefork
server_start
check_children
serve_under_load
scan_memory
finish
