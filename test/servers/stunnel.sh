#!/usr/bin/env bash
# A stock stunnel with examples/stunnel, as user stunnel4; in a chroot; and with a URI where it takes one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs stunnel4 openssl /usr/bin/python3
own_machine /etc/stunnel
# Newer packages call the user stunnel; the page is run as it is.
id stunnel4 >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin stunnel4
all_keys_on 8443
# It closes its port and opens it again when it reloads.
LOAD_ARGUMENTS=(--get --again)
SERVER_USER=stunnel4 CERTIFICATE=/etc/stunnel/web.crt HANDLE=/etc/stunnel/web.pem

# As Debian's unit does.
server_start() {
    start_service stunnel4 /etc/stunnel/web.conf
    await "stunnel's port" port_open 8443
}
# It goes on with what it had if it cannot read the new files, and says which it did.
server_reload() { until_logged "stunnel to reload" 'Configuration successful' "$TEST_DIR/server.log" kill -HUP "$SERVICE"; }
server_pids() { pgrep -x 'stunnel4?' || true; }
server_stop() { stop "$SERVICE"; }

plain_server 127.0.0.1 80 "served by another"
run_page stunnel
DOCTOR=stunnel
serve_each_key
check "it is user stunnel4" uid_is stunnel4 "$SERVICE"
serve_under_load
# What the load client makes again, and what not.
lb deny ed --user stunnel4
refused "tlsload --again: an alert is a failed handshake" '^tlsload: handshake 1: SSL_connect: .*alert internal error' \
    handshakes ed "$FILES" --count 1 --again
lb allow ed --user stunnel4
scan_memory
refused "tlsload --again: no server is one, after a while" '^tlsload: handshake 1: cut again and again' \
    handshakes ed "$FILES" --count 1 --again --timeout 100

# In a chroot: it goes on with another child of the box.
install -d -o stunnel4 /var/lib/stunnel4
sed -i '1i chroot = /var/lib/stunnel4' /etc/stunnel/web.conf
put ec "$FILES"
server_start
await_server ec
check "it is in its chroot" root_is /var/lib/stunnel4 "$SERVICE"
check_signature_type ec "$FILES"
child=$(box_child)
kill -HUP "$KEEPER"
await "another child" status_is_new_child "$child"
check "in the chroot it signs with the box's next child" serves ec
check_stop

# By URI, from 5.75 on; to older ones it is the name of a file that is not there.
sed -i -e '/^chroot/d' -e 's|^key = .*|key = littlebox:ec|' /etc/stunnel/web.conf
version=$(stunnel4 -version 2>&1 | sed -n 's/.*stunnel \([0-9.]*\) on .*/\1/p')
say "stunnel is $version"
if dpkg --compare-versions "$version" ge 5.75; then
    server_start
    check "key = littlebox:ec" serves ec
    check_signature_type ec "$FILES"
    check_stop
else
    refused "key = littlebox:ec, before 5.75" 'littlebox:ec' as_system stunnel4 /etc/stunnel/web.conf
fi
finish
