#!/usr/bin/env bash
# A stock Postfix, its smtpd in Debian's chroot, with examples/postfix: key file and chain file.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs postfix postconf openssl
own_machine /var/spool/postfix /var/lib/postfix
all_keys_on 25
# shellcheck disable=SC2034 # of serving.sh
STARTTLS=smtp LOAD_ARGUMENTS=()
SERVER_USER=postfix CERTIFICATE=/etc/postfix/tls/mail.crt HANDLE=/etc/postfix/tls/mail.pem
POSTFIX=/usr/lib/postfix

# There is no syslog here; installed without questions Postfix may listen nowhere; and smtpd is in a chroot also where
# Debian has given that up.
postconf -e maillog_file=/var/log/mail.log inet_protocols=all
postconf -F smtp/inet/chroot=y
# As Debian's unit does, which in Debian 12 fills the chroot first.
server_start() {
    ! grep -q configure-instance.sh /lib/systemd/system/postfix@.service ||
        as_system $POSTFIX/configure-instance.sh - >>"$TEST_DIR/server.log" 2>&1 || fail "configure-instance.sh"
    as_system postfix start >>"$TEST_DIR/server.log" 2>&1 || fail "postfix start"
    await "Postfix's port" port_open 25
}
smtpds() { pgrep -x smtpd || true; }
server_reload() {
    local old
    old=$(smtpds)
    as_system postfix reload >>"$TEST_DIR/server.log" 2>&1 || fail "postfix reload"
    # shellcheck disable=SC2086 # a list of process ids
    await "the old smtpd to end" all_gone $old
}
server_stop() { as_system postfix stop >>"$TEST_DIR/server.log" 2>&1 || fail "postfix stop"; }
server_pids() { pids_below $POSTFIX; }

run_page postfix 1
DOCTOR=postfix DOCTOR_PROCESS=no
serve_each_key
check_process "$(smtpds | tail -n 1)" postfix /var/spool/postfix
RESTARTS=restart_child_in_every_way
serve_under_load
check_reload_after_restart

run_page postfix 2
put() { cat "$2/$1.pem" "$2/$1.crt" >/etc/postfix/tls/chain.pem; }
for key in $KEYS; do
    put "$key" "$FILES"
    server_reload
    await_server "$key"
    check_signature_type "$key" "$FILES"
done
bind_paths postfix/postfix.service.d.conf
RESTARTS=restart_box_in_every_way
serve_under_load
scan_memory
finish
