#!/usr/bin/env bash
# A stock slapd with examples/slapd, where it is linked with OpenSSL; with GnuTLS it refuses the handle.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs slapd ldapmodify ldapwhoami openssl
own_machine /var/lib/ldap
all_keys_on 636
LOAD_ARGUMENTS=()
SERVER_USER=openldap CERTIFICATE=/etc/ldap/tls/web.crt HANDLE=/etc/ldap/tls/web.pem

# As Debian's unit or script does.
server_start() {
    install -d -o openldap -g openldap /run/slapd
    # shellcheck disable=SC2016 # of that shell
    start_service sh -c '. /etc/default/slapd
        exec slapd -d 0 -h "$SLAPD_SERVICES" -u "$SLAPD_USER" -g "$SLAPD_GROUP" -F /etc/ldap/slapd.d'
    await "slapd's sockets" as_system ldapwhoami -Q -Y EXTERNAL -H ldapi:///
}
modify() { as_system bash -c "cd '$LITTLEBOX_SRC/examples/slapd' && $(page_commands slapd 2)"; }
server_reload() { modify >>"$TEST_DIR/modify.log" 2>&1 || fail "ldapmodify"; }
server_pids() { pgrep -x slapd || true; }
server_stop() { stop "$SERVICE"; }

run_page slapd
server_start
if ldd "$(command -v slapd)" | grep -q libgnutls; then
    say "this slapd is linked with GnuTLS"
    refused "GnuTLS knows no handle" 'implementation specific\) error \(80\)' modify
    put ec "$PLAIN"
    check "with a plain key file it can" modify
    check_stop
    finish
fi
check "it is linked with OpenSSL" grep -q libssl <<<"$(ldd "$(command -v slapd)")"
run_page slapd 2
check_stop

serve_each_key
check "it is user openldap" uid_is openldap "$SERVICE"
# libldap looks for the machine's own name in the certificate where it is asked for localhost.
echo localhost >/proc/sys/kernel/hostname
ldaps() { as_system env LDAPTLS_CACERT="$FILES/${KEYS##* }.crt" ldapwhoami -x -H ldaps://localhost 2>&1; }
same "ldapwhoami by TLS" anonymous "$(ldaps)"
serve_under_load
scan_memory
finish
