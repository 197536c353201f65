#!/usr/bin/env bash
# A stock Dovecot, whose login processes live for one connection each, with examples/dovecot.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs dovecot doveadm openssl
own_machine /var/lib/dovecot
all_keys_on 993
# shellcheck disable=SC2034 # of serving.sh
LOAD_ARGUMENTS=()
SERVER_USER=dovenull CERTIFICATE=/etc/dovecot/tls/mail.crt HANDLE=/etc/dovecot/tls/mail.pem
LOG=/var/log/dovecot.log

# As Debian's unit does; there is no syslog here.
echo "log_path = $LOG" >/etc/dovecot/conf.d/98-log.conf
server_start() {
    start_service dovecot -F
    await "Dovecot's port" port_open 993
}
server_reload() { until_logged "Dovecot to reload" 'SIGHUP received - reloading configuration' "$LOG" tell_dovecot reload; }
tell_dovecot() { as_system doveadm "$1" >>"$TEST_DIR/server.log" 2>&1 || fail "doveadm $1"; }
# The login process of a connection that is open does not end before it.
server_stop() {
    exec 4>&-
    tell_dovecot stop
    await "Dovecot to end" gone "$SERVICE"
}

# A reload of Dovecot closes connections whose handshakes are under way, with plain keys too, so some may fail; but none
# for want of a signature, of which the alert would tell.
RELOADS=no
reload_dovecot_under_load() {
    local KEYS=ed version
    start_loads "$FILES" 50
    for _ in 1 2 3; do
        server_reload
        await_handshakes 20
    done
    end_loads
    for version in tls1.2 tls1.3; do
        check "reloaded under load, $version: $(tail -n 1 "$TEST_DIR/ed-$version.load.log")" \
            grep -q '^handshakes [1-9]' "$TEST_DIR/ed-$version.load.log"
        check "reloaded under load, $version: no alert" not grep -i alert "$TEST_DIR/ed-$version.load.log"
    done
}

server_pids() { pgrep -x dovecot; pids_below /usr/lib/dovecot; }

run_page dovecot 1
case $(dovecot --version) in
2.3.*) run_page dovecot 2 ;;
*) run_page dovecot 3 ;;
esac
DOCTOR=dovecot DOCTOR_PROCESS=no
serve_each_key
reload_dovecot_under_load
serve_under_load

# A connection that stays, so that its process is among those that are looked at.
mkfifo "$TEST_DIR/fifo"
plain_ossl s_client -connect 127.0.0.1:993 -quiet -no_ign_eof <"$TEST_DIR/fifo" >"$TEST_DIR/greeting" 2>&1 &
own "$!"
exec 4>"$TEST_DIR/fifo"
says "the greeting" '^\* OK .*ready' "$TEST_DIR/greeting"
check_process "$(pgrep -x imap-login | head -n 1)" dovenull /
scan_memory
finish
