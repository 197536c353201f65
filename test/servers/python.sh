#!/usr/bin/env bash
# Python's module ssl with examples/python, as Debian has both.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs /usr/bin/python3 openssl
own_machine /etc/ssl
all_keys_on 8443
SERVER_USER=www-data CERTIFICATE=/etc/web/web.crt HANDLE=/etc/web/web.pem

# The page's command, with the python3 of the system.
server_start() {
    : >"$TEST_DIR/server.log"
    # shellcheck disable=SC2046 # words of the page
    start_service setpriv --reuid=www-data --regid=www-data --init-groups $(page_commands python 2 | sed 's|^|/usr/bin/|')
    await "the server to be ready" grep -qx ready "$TEST_DIR/server.log"
}
reloads() { grep -cx 'read again' "$TEST_DIR/server.log" || true; }
reloaded_after() { [ "$(reloads)" -gt "$1" ]; }
server_reload() {
    local before
    before=$(reloads)
    kill -HUP "$SERVICE"
    await "the server to read its files again" reloaded_after "$before"
}
server_pids() { pgrep -f '^/usr/bin/python3 /etc/web/server.py' || true; }
server_stop() { stop "$SERVICE"; }

run_page python
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
