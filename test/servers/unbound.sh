#!/usr/bin/env bash
# A stock Unbound with examples/unbound: DNS over TLS, as user unbound, without a chroot and in one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs unbound unbound-checkconf dig openssl
own_machine /var/lib/unbound
all_keys_on 853
LOAD_ARGUMENTS=() RELOADS=no
SERVER_USER=unbound CERTIFICATE=/etc/unbound/tls/web.crt HANDLE=/etc/unbound/tls/web.pem

# As Debian's unit does, but for a second -d: messages to stderr.
server_start() {
    as_system /usr/libexec/unbound-helper chroot_setup
    start_service unbound -d -d -p
    await "Unbound's port" port_open 853
}
server_pids() { pgrep -x unbound || true; }
server_stop() { stop "$SERVICE"; }
# Before 1.26, or thereabouts, other files take a restart.
server_reload() {
    server_stop
    server_start
}

# Not under load (RELOADS=no): Unbound 1.17 forgets connections that it has just accepted, with a plain key file as well.
check_reload() {
    until_logged "Unbound to reload" 'start of service' "$TEST_DIR/server.log" kill -HUP "$SERVICE"
    await_server "$1"
    check "$1: it was reloaded, and signs" true
}

as_system /usr/libexec/unbound-helper root_trust_anchor_update
run_page unbound
run_page unbound 2
DOCTOR=unbound
serve_each_key
check "it is user unbound" uid_is unbound "$SERVICE"
dig_localhost() { [ "$(as_system dig +short +tls -p 853 @127.0.0.1 localhost A)" = 127.0.0.1 ]; }
check "dig +tls" dig_localhost
if dpkg --compare-versions "$(unbound -V | sed -n 's/^Version //p')" ge 1.26; then
    put ec "$FILES"
    check_reload ec
    put ed "$FILES"
fi
check_reload ed
serve_under_load
check_reload ed
scan_memory

# In a chroot.
run_page unbound 3
put ec "$FILES"
server_start
await_server ec
check "it is in its chroot" root_is /var/lib/unbound "$SERVICE"
check_signature_type ec "$FILES"
check_reload ec
KEYS=ec RESTARTS=restart_child_in_every_way
serve_under_load
check_stop

# And with the socket in it.
run_page unbound 4
bind_paths unbound/unbound.service.d.conf
server_start
await_server ec
RESTARTS=restart_box_in_every_way
serve_under_load
check_stop
finish
