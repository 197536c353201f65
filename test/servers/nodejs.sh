#!/usr/bin/env bash
# Node.js with examples/nodejs: Debian's, or one that has an OpenSSL in it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs node openssl
own_machine /etc/ssl
all_keys_on 8443
SERVER_USER=www-data CERTIFICATE=/etc/web/web.crt HANDLE=/etc/web/web.pem

# shellcheck disable=SC2046 # words of the page
server_start() { start_program $(page_commands nodejs 2); }
server_reload() { reload_program; }
server_pids() { pgrep -f '^node --openssl-shared-config /etc/web/server.js' || true; }
server_stop() { stop "$SERVICE"; }

run_page nodejs
if [ "$(as_system node -p process.config.variables.node_shared_openssl)" != true ]; then
    say "this Node.js has OpenSSL $(as_system node -p process.versions.openssl) in it"
    put ec "$FILES"
    # shellcheck disable=SC2046 # words of the page
    refused "without the page's variables it knows no handle" 'unsupported' as_system timeout "$AWAIT_SECONDS" $(page_commands nodejs 2)
    while read -r variable; do
        SYSTEM+=("$variable")
    done < <(page_commands nodejs 3)
fi
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
