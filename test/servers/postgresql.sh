#!/usr/bin/env bash
# A stock PostgreSQL, as Debian's scripts make and start it, and psql with a client certificate, with examples/postgresql.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs pg_createcluster psql openssl
own_machine /var/log/postgresql
all_keys_on 5432
# shellcheck disable=SC2034 # of serving.sh
STARTTLS=postgres LOAD_ARGUMENTS=()
SERVER_USER=postgres CERTIFICATE=/etc/postgresql/tls/server.crt HANDLE=/etc/postgresql/tls/server.pem

# A cluster as the package makes it when it is installed.
VERSION=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
LOG=/var/log/postgresql/postgresql-$VERSION-main.log
rm -rf /etc/postgresql/*
install -d -o postgres -g postgres /var/lib/postgresql /run/postgresql
ln -s /var/log/postgresql "$TEST_DIR/postgresql"
as_system pg_createcluster "$VERSION" main -- --no-sync >"$TEST_DIR/createcluster.log" 2>&1 || fail "pg_createcluster"
useradd --system --no-create-home app

# As Debian's unit does.
cluster() {
    as_system pg_ctlcluster --skip-systemctl-redirect "$VERSION-main" "$@" >>"$TEST_DIR/server.log" 2>&1 ||
        fail "pg_ctlcluster $*"
}
server_start() {
    cluster start
    await "PostgreSQL's port" port_open 5432
}
server_reload() {
    until_logged "PostgreSQL to read its configuration" 'received SIGHUP, reloading configuration files' "$LOG" cluster reload
}
server_stop() { cluster stop -m fast; }
server_pids() { pgrep -x postgres || true; }

# as_app SQL [VARIABLE=VALUE...] : by the command of the page.
as_app() {
    local sql=$1
    shift
    setpriv --reuid=app --regid=app --clear-groups "${SYSTEM[@]}" PGOPTIONS= "$@" \
        sh -c "$(page_commands postgresql 5) -Atc \"$sql\"" 2>>"$TEST_DIR/psql.log" </dev/null 3>&- 10<&-
}
who="select usename, version from pg_stat_ssl join pg_stat_activity using (pid) where pid = pg_backend_pid()"

run_page postgresql 1
run_page postgresql 2
run_page postgresql 3
DOCTOR=postgresql
serve_each_key
run_page postgresql 4

put rsa "$FILES"
chmod 644 "$HANDLE"
server_reload
says "a handle that all may read is refused like a key" "private key file \"$HANDLE\" has group or world access" "$LOG"
check "the old key goes on" serves ed
chmod 640 "$HANDLE"
put ed "$FILES"
server_reload

cp "$FILES/ed.crt" "$CERTIFICATE"
same "psql, TLS 1.3" "app|TLSv1.3" "$(as_app "$who")"
same "psql, TLS 1.2" "app|TLSv1.2" "$(as_app "$who" PGSSLMAXPROTOCOLVERSION=TLSv1.2)"
lb deny app --user app
same "psql, without a grant" "" "$(as_app "$who" || true)"
says "the box's log says who was refused" "uid $(id -u app) may not sign with key 'app'" "$BOX_DIR/box.log"
lb allow app --user app
# Passwords, whose channel binding wants a digest that the certificate was signed with: what the page says, with a handle and
# with a plain key.
HBA=/etc/postgresql/$VERSION/main/pg_hba.conf
sed -i '1i hostssl all scram 127.0.0.1/32 scram-sha-256' "$HBA"
server_reload
su postgres -c "psql -qc \"create role scram login password 'secret'\"" 2>>"$TEST_DIR/psql.log"
# scram [OPTION] : by password. CA is what signed the server's certificate.
scram() {
    setpriv --reuid=app --regid=app --clear-groups "${SYSTEM[@]}" PGPASSWORD=secret psql "host=localhost hostaddr=127.0.0.1 \
dbname=postgres user=scram sslmode=verify-full sslrootcert=$CA ${1:-}" -Atc 'select 1' </dev/null 2>"$TEST_DIR/scram.log" 3>&- 10<&- | grep -qx 1
}
new_key ed25519 "$TEST_DIR/plain.pem"
plain_ossl req -x509 -new -key "$TEST_DIR/plain.pem" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 \
    -out "$TEST_DIR/plain.crt"
CA=$CERTIFICATE
for kind in "$FILES/ed" "$TEST_DIR/plain"; do
    put "$(basename "$kind")" "$(dirname "$kind")"
    server_reload
    check "a certificate signed with Ed25519, $(basename "$kind"): no password login" not scram
    says "for want of a digest" "could not find digest for NID UNDEF" "$TEST_DIR/scram.log"
    check "but without channel binding" scram channel_binding=disable
done
new_key ec:P-256 "$TEST_DIR/ca.pem"
plain_ossl req -x509 -new -key "$TEST_DIR/ca.pem" -subj /CN=ca -addext basicConstraints=critical,CA:true -days 2 \
    -out "$TEST_DIR/ca.crt"
ossl req -new -key littlebox:ed -subj /CN=localhost -out "$TEST_DIR/ed.csr" 2>>"$TEST_DIR/openssl.log"
plain_ossl x509 -req -in "$TEST_DIR/ed.csr" -CA "$TEST_DIR/ca.crt" -CAkey "$TEST_DIR/ca.pem" -set_serial 1 -days 2 \
    -extfile <(echo subjectAltName=DNS:localhost) -out "$TEST_DIR/signed.crt" 2>>"$TEST_DIR/openssl.log"
cp "$FILES/ed.pem" "$TEST_DIR/signed.pem"
put signed "$TEST_DIR"
server_reload
CA=$TEST_DIR/ca.crt
check "the same key, certified with ECDSA: logins by password, with channel binding" scram channel_binding=require
put ed "$FILES"
server_reload
serve_under_load

# A connection that stays, so that its process is among those that are read.
as_app "select pg_sleep(600)" >/dev/null &
own "$!"
await "the connection" pgrep -f '^postgres: .*app postgres .*SELECT'
scan_memory
finish
