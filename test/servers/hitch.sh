#!/usr/bin/env bash
# A stock hitch with examples/hitch, workers as user _hitch; and in a chroot.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs hitch openssl /usr/bin/python3
own_machine /etc/hitch
all_keys_on 443
SERVER_USER=_hitch CERTIFICATE=/etc/hitch/tls/web.crt HANDLE=/etc/hitch/tls/web.pem

# As Debian's unit does, but for --quiet.
server_start() {
    start_service hitch --user _hitch --group _hitch --config /etc/hitch/hitch.conf
    await "hitch's port" port_open 443
}
server_reload() { until_replaced "$SERVICE" kill -HUP "$SERVICE"; }
server_pids() { pgrep -x hitch || true; }
server_stop() { stop "$SERVICE"; }

plain_server 127.0.0.1 80 "served by another"
run_page hitch
serve_each_key
check_process "$(living_children "$SERVICE" | head -n 1)" _hitch /
# Not its reload: hitch 1.8 was seen to refuse connections for a moment then.
RELOADS=no
serve_under_load
scan_memory

# In a chroot, where the box's socket is not.
mkdir /var/lib/hitch
echo 'chroot = "/var/lib/hitch"' >>/etc/hitch/hitch.conf
put ed "$FILES"
server_start
await_server ed
check_process "$(living_children "$SERVICE" | head -n 1)" _hitch /var/lib/hitch
check_signature_type ed "$FILES"
child=$(box_child)
kill -HUP "$KEEPER"
await "another child" status_is_new_child "$child"
check "in the chroot it signs with the box's next child" serves ed
stop_box
start_box "$BOX_DIR" "${BOX_AS[@]}"
# It reads no file again that did not change.
touch "$HANDLE"
server_reload
check "after a restart of the whole box it takes the file touched, and a reload" serves ed
check_stop
finish
