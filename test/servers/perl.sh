#!/usr/bin/env bash
# Perl's IO::Socket::SSL with examples/perl, as Debian has both.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs /usr/bin/perl openssl
/usr/bin/perl -e 'use IO::Socket::SSL' 2>/dev/null || skip "libio-socket-ssl-perl is not installed"
own_machine /etc/ssl
all_keys_on 8443
SERVER_USER=www-data CERTIFICATE=/etc/web/web.crt HANDLE=/etc/web/web.pem

server_start() {
    : >"$TEST_DIR/server.log"
    # shellcheck disable=SC2046 # words of the page
    start_service setpriv --reuid=www-data --regid=www-data --init-groups $(page_commands perl 2)
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
server_pids() { pgrep -f '^perl /etc/web/server.pl' || true; }
server_stop() { stop "$SERVICE"; }

run_page perl
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
