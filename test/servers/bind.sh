#!/usr/bin/env bash
# A stock BIND with examples/bind: DNS over TLS, as user bind; and DNSSEC by URI where it takes one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs named named-checkconf rndc dig dnssec-keyfromlabel dnssec-signzone openssl
own_machine /var/cache/bind /var/lib/bind
all_keys_on 853
LOAD_ARGUMENTS=()
SERVER_USER=bind CERTIFICATE=/etc/bind/tls/web.crt HANDLE=/etc/bind/tls/web.pem

# As Debian's unit does, but for -g: in the foreground, and messages to stderr.
server_start() {
    install -d -o bind /run/named
    start_service named -g -u bind
    await "BIND's port" port_open 853
    await "rndc's port" as_system rndc status
}
# It is done when it is: "server reload successful".
server_reload() { check "rndc reload" rndc_reload; }
rndc_reload() { as_system rndc reload >>"$TEST_DIR/rndc.log" 2>&1; }
server_pids() { pgrep -x named || true; }
server_stop() {
    as_system rndc stop >>"$TEST_DIR/rndc.log" 2>&1
    await "BIND to end" gone "$SERVICE"
}

run_page bind
run_page bind 2
DOCTOR=named
serve_each_key
check "it is user bind" uid_is bind "$SERVICE"
same "dig +tls" "\"$(as_system named -v | sed -n 's/^BIND \([0-9.]*\).*/\1/p')" \
    "$(as_system dig +short +tls -p 853 @127.0.0.1 version.bind CH TXT | sed 's/^\("[0-9.]*\).*/\1/')"
serve_under_load
scan_memory

# DNSSEC by URI, from 9.20 on.
if dpkg --compare-versions "$(as_system named -v | sed -n 's/^BIND \([0-9.]*\).*/\1/p')" ge 9.20; then
    run_page bind 3
    check "the zone is signed" grep -q 'RRSIG' /etc/bind/dnssec/db.example.signed
    check "its files of keys have no key" not grep -q '^PrivateKey:' /etc/bind/dnssec/K*.private
    check "but the URI" grep -qx "Label: $(printf 'littlebox:zsk\0' | base64)" /etc/bind/dnssec/K*.private
else
    refused "dnssec-keyfromlabel, before 9.20" 'no engine' \
        as_system bash -eu -c "cd '$LITTLEBOX_SRC/examples/bind'"$'\n'"$(page_commands bind 3)"
fi
finish
