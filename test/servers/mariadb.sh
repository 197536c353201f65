#!/usr/bin/env bash
# A stock MariaDB, as user mysql, and its client with a certificate, with examples/mariadb.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs mariadbd mariadb mariadb-install-db openssl
own_machine /etc/mysql
all_keys_on 3306
# shellcheck disable=SC2034 # of serving.sh
STARTTLS=mysql LOAD_ARGUMENTS=()
SERVER_USER=mysql CERTIFICATE=/etc/mysql/tls/server.crt HANDLE=/etc/mysql/tls/server.pem

# As the package makes it when it is installed.
install -d -o mysql /var/lib/mysql /var/log/mysql /run/mysqld /run/mariadbd
as_system mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket \
    >"$TEST_DIR/install.log" 2>&1 || fail "mariadb-install-db"
useradd --system --no-create-home app

# The scanner of memory would read the 8 TiB of address space that it reserves.
printf '[mariadbd]\ninnodb-buffer-pool-size = 8M\nloose-innodb-buffer-pool-size-max = 8M\n' \
    >/etc/mysql/mariadb.conf.d/99-test.cnf

# As Debian's unit does.
server_start() {
    start_service setpriv --reuid=mysql --regid=mysql --init-groups mariadbd
    await "MariaDB" as_root "select 1"
}
# Without TLS, which the client would use on the socket too.
as_root() { as_system mariadb --skip-ssl -e "$1"; }
server_reload() { as_root "flush ssl"; }
server_stop() { stop "$SERVICE"; }
server_pids() { pgrep -x mariadbd || true; }

# as_app VERSION : by the command of the page, with TLS of this version; it tells what the server says of the connection.
as_app() {
    setpriv --reuid=app --regid=app --clear-groups "${SYSTEM[@]}" sh -c "$(page_commands mariadb 4) --tls-version=TLSv$1 -BN -e \
        \"select current_user(), variable_value from information_schema.session_status
            where variable_name = 'Ssl_version'\"" \
        2>"$TEST_DIR/app.log" </dev/null 3>&- 10<&-
}

run_page mariadb 1
run_page mariadb 2
server_start
run_page mariadb 3
for version in 1.2 1.3; do
    same "mariadb, TLS $version" "app@localhost TLSv$version" "$(as_app $version | tr '\t' ' ')"
done
lb deny app --user app
check "mariadb: without a grant there is no connection" not as_app 1.3
says "the box's log says who was refused" "uid $(id -u app) may not sign with key 'app'" "$BOX_DIR/box.log"
server_stop

serve_each_key
check "it is user mysql" uid_is mysql "$SERVICE"
serve_under_load
scan_memory
finish
