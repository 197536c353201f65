#!/usr/bin/env bash
# A stock ProFTPD with examples/proftpd: sessions as user proftpd, and then as who has logged in, in his directory.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs proftpd openssl curl chpasswd
[ -e /usr/lib/proftpd/mod_tls.so ] || skip "proftpd-mod-crypto is not installed"
own_machine /etc/proftpd
all_keys_on 21
# shellcheck disable=SC2034 # of serving.sh
STARTTLS=ftp LOAD_ARGUMENTS=()
SERVER_USER=proftpd CERTIFICATE=/etc/proftpd/tls/ftp.crt HANDLE=/etc/proftpd/tls/ftp.pem

# It wants to know the machine's address.
echo "127.0.0.1 $(uname -n)" >>/etc/hosts

useradd --create-home --home-dir /var/alice --shell /bin/bash alice
echo alice:word | chpasswd
echo "a file of hers" >/var/alice/file
install -d /var/log/proftpd /run/proftpd
# It lets clients wait, so that they cannot tell by the time whether a user exists.
printf '<IfModule mod_delay.c>\n  DelayEngine off\n</IfModule>\n' >/etc/proftpd/conf.d/99-test.conf

# As Debian's unit does, but in the foreground.
server_start() {
    start_service proftpd --nodaemon -c /etc/proftpd/proftpd.conf
    await "ProFTPD's port" port_open 21
}
# Each session reads the files; a reload reads the configuration.
server_reload() {
    until_logged "ProFTPD to read its configuration" 'master server reparsing configuration file' "$TEST_DIR/server.log" \
        kill -HUP "$SERVICE"
}
server_stop() { stop "$SERVICE"; }
server_pids() { pgrep -x proftpd || true; }

# file KEY VERSION : a login, and a file by a data connection with TLS of its own.
file() {
    [ "$(as_system curl -sS --ssl-reqd --tls-max "$2" "--tlsv$2" --cacert "$FILES/$1.crt" --user alice:word \
        ftp://localhost/file 2>>"$TEST_DIR/curl.log")" = "a file of hers" ]
}

run_page proftpd
serve_each_key
says "the log names who needs the grant" "uid $(id -u proftpd) may not sign with key 'rsa'" /var/log/proftpd/tls.log
for version in 1.2 1.3; do
    check "a file, TLS $version" file ed $version
done

# One after the other: after each session the server rests for a fifth of a second.
await_handshakes() { check "a session once more" serves ed; }
restart_box_in_every_way
server_reload
await_handshakes

# A session that stays, so that there is a process that has loaded the key.
mkfifo "$TEST_DIR/silence"
exec 7<>"$TEST_DIR/silence"
session() {
    : >"$TEST_DIR/session"
    plain_ossl s_client -connect 127.0.0.1:21 -starttls ftp <"$TEST_DIR/silence" >"$TEST_DIR/session" 2>&1 3>&- 10<&- &
    SESSION=$!
    own "$SESSION"
    await "a session" grep -q '^Verif' "$TEST_DIR/session"
}
session
for key in $KEYS; do
    same "$key: no process of the server holds it" 0 "$(scan "$key")"
done
stop "$SESSION"
put ed "$PLAIN"
server_reload
session
same "ed: with a plain key file it is found there" 1 "$(scan ed)"
stop "$SESSION"
check_stop
finish
