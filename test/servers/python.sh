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
# shellcheck disable=SC2046 # words of the page
server_start() { start_program $(page_commands python 2 | sed 's|^|/usr/bin/|'); }
server_reload() { reload_program; }
server_pids() { pgrep -f '^/usr/bin/python3 /etc/web/server.py' || true; }
server_stop() { stop "$SERVICE"; }

run_page python
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
