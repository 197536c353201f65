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
reloads() { grep -c 'received SIGHUP, reloading configuration files' "$LOG" || true; }
more_reloads() { [ "$(reloads)" -gt "$1" ]; }
server_reload() {
    local before
    before=$(reloads)
    cluster reload
    await "PostgreSQL to read its configuration" more_reloads "$before"
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
serve_under_load

# A connection that stays, so that its process is among those that are read.
as_app "select pg_sleep(600)" >/dev/null &
own "$!"
await "the connection" pgrep -f '^postgres: .*app postgres .*SELECT'
scan_memory
finish
