#!/usr/bin/env bash
# A stock HAProxy, master and worker in Debian's chroot, with examples/haproxy.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs haproxy openssl
own_machine /var/lib/haproxy
install -d -o haproxy /run/haproxy
all_keys_on 443
SERVER_USER=haproxy CERTIFICATE=/etc/haproxy/tls/web.pem HANDLE=/etc/haproxy/tls/web.pem.key

# As Debian's unit does.
server_start() {
    start_service haproxy -Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -S /run/haproxy-master.sock
    await "HAProxy's port" port_open 443
}
server_reload() {
    local old
    old=$(children_of "$SERVICE")
    kill -USR2 "$SERVICE"
    # shellcheck disable=SC2086 # a list of process ids
    await "the old worker to end" replaced $old
}
server_pids() { pgrep -x haproxy || true; }
server_stop() { stop "$SERVICE" USR1; }

example haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg
run_page haproxy
serve_each_key
for worker in $(children_of "$SERVICE"); do
    check "worker $worker is user haproxy" uid_is haproxy "$worker"
    check "worker $worker is in its chroot" root_is /var/lib/haproxy "$worker"
done
RESTARTS=restart_child_in_every_way
serve_under_load
bind_paths haproxy/haproxy.service.d.conf
RESTARTS=restart_box_in_every_way
serve_under_load
scan_memory
finish
