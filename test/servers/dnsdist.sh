#!/usr/bin/env bash
# A stock dnsdist with examples/dnsdist, as user _dnsdist: DNS over TLS and over HTTPS.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs dnsdist dig openssl
own_machine /etc/dnsdist
all_keys_on 853
LOAD_ARGUMENTS=()
SERVER_USER=_dnsdist CERTIFICATE=/etc/dnsdist/tls/dns.crt HANDLE=/etc/dnsdist/tls/dns.pem

# As Debian's unit does: its user may have ports below 1024.
AS_DNSDIST=(setpriv --reuid=_dnsdist --regid=_dnsdist --init-groups --inh-caps=+net_bind_service
    --ambient-caps=+net_bind_service)
server_start() {
    as_system "${AS_DNSDIST[@]}" dnsdist --check-config >>"$TEST_DIR/start.log" 2>&1 || fail "dnsdist --check-config"
    start_service "${AS_DNSDIST[@]}" dnsdist --supervised --disable-syslog
    await "dnsdist's port" port_open 443
    await "its console" port_open 5199
}
server_reload() { as_system sh -c "$(page_commands dnsdist 3)" >>"$TEST_DIR/console.log" 2>&1; }
server_pids() { pgrep -x dnsdist || true; }
server_stop() { stop "$SERVICE"; }

# answers : both ways of asking on the page have the answer that dnsdist gives by itself here, without a resolver behind it.
answers() {
    same "the page's two questions" "192.0.2.7 192.0.2.7" \
        "$(as_system sh -c "$(page_commands dnsdist 2)" | sed -n 's/^www\.example\.org\..*A[[:space:]]*//p' | xargs)"
}

run_page dnsdist
printf '%s\n' 'addAction(AllRule(), SpoofAction("192.0.2.7"))' 'setMaxTCPClientThreads(1) setMaxUDPOutstanding(100)' \
    >>/etc/dnsdist/dnsdist.conf
server_start
answers
server_stop
serve_each_key
check "it is user _dnsdist" uid_is _dnsdist "$SERVICE"
answers
all_keys_on 443
check_signature_type ed "$FILES"
all_keys_on 853
serve_under_load
scan_memory
finish
