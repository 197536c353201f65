#!/usr/bin/env bash
# A stock FreeRADIUS with examples/freeradius, as user freerad: EAP-TTLS with each type of key.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs freeradius eapol_test openssl
own_machine /etc/freeradius
RADIUS=/etc/freeradius/3.0 USERS=/etc/freeradius/3.0/mods-config/files/authorize
SERVER_USER=freerad CERTIFICATE=$RADIUS/tls/server.crt HANDLE=$RADIUS/tls/server.pem

install -d -o freerad /var/log/freeradius /var/log/freeradius/radacct /run/freeradius
page_commands freeradius 2 >"$TEST_DIR/users"
cat "$USERS" >>"$TEST_DIR/users"
cat "$TEST_DIR/users" >"$USERS"

# As Debian's unit does.
server_start() {
    start_service setpriv --reuid=freerad --regid=freerad --init-groups freeradius -f -l stdout
    await "FreeRADIUS" grep -q 'Ready to process requests' "$TEST_DIR/server.log"
}
server_stop() {
    stop "$SERVICE"
    : >"$TEST_DIR/server.log"
}
server_pids() { pgrep -x freeradius || true; }

# comes_in : by the command of the page.
comes_in() {
    (cd "$LITTLEBOX_SRC/examples/freeradius" && as_system sh -c "$(page_commands freeradius 3) -t 20") \
        >"$TEST_DIR/eapol.log" 2>&1 && grep -qx SUCCESS "$TEST_DIR/eapol.log"
}
# serve KEY DIR : with its certificate, for the name of the page.
serve() {
    put "$1" "$2"
    as_system openssl req -x509 -key "littlebox:$1" -subj /CN=radius.example.org -addext subjectAltName=DNS:radius.example.org \
        -addext extendedKeyUsage=serverAuth -days 2 -out "$CERTIFICATE"
    server_start
}

run_page freeradius
server_start
check "it is user freerad" uid_is freerad "$SERVICE"
check "a client" comes_in
lb deny radius --user freerad
check "without a grant nobody comes in" not comes_in
says "the box's log says who was refused" "uid $(id -u freerad) may not sign with key 'radius'" "$BOX_DIR/box.log"
server_stop
for key in $KEYS; do
    lb allow "$key" --user freerad
    serve "$key" "$FILES"
    check "$key: a client" comes_in
    same "$key: the server does not hold it" 0 "$(scan "$key")"
    [ "$key" = ed ] || server_stop
done
await_handshakes() { check "a client once more" comes_in; }
restart_box_in_every_way
server_stop
serve ed "$PLAIN"
check "with a plain key file" comes_in
same "ed: it is found there" 1 "$(scan ed)"
server_stop
finish
