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

# shellcheck disable=SC2046 # words of the page
server_start() { start_program $(page_commands perl 2); }
server_reload() { reload_program; }
server_pids() { pgrep -f '^perl /etc/web/server.pl' || true; }
server_stop() { stop "$SERVICE"; }

run_page perl
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
