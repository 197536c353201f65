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
server_reload() { until_replaced "$SERVICE" kill -USR2 "$SERVICE"; }
server_pids() { pgrep -x haproxy || true; }
# Right after its start HAProxy may lose a signal.
server_stop() { await "HAProxy to end" terminate; }
terminate() {
    kill -TERM "$SERVICE" 2>/dev/null || true
    gone "$SERVICE"
}

example haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg
run_page haproxy
DOCTOR=haproxy
serve_each_key
check_process "$(living_children "$SERVICE" | head -n 1)" haproxy /var/lib/haproxy
RESTARTS=restart_child_in_every_way
serve_under_load
check_reload_after_restart
bind_paths haproxy/haproxy.service.d.conf
RESTARTS=restart_box_in_every_way
serve_under_load
scan_memory

# One file, in either order.
rm $HANDLE
for order in "crt pem" "pem crt"; do
    cat "$FILES/rsa.${order% *}" "$FILES/rsa.${order#* }" >$CERTIFICATE
    server_start
    check "one file, $order" serves rsa
    check_stop
done
finish
