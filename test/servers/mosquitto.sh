#!/usr/bin/env bash
# A stock mosquitto with examples/mosquitto, as user mosquitto.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

# The last one is of the type of `littlebox create web`.
KEYS="rsa ed ec"
needs mosquitto mosquitto_passwd mosquitto_pub mosquitto_sub openssl
own_machine /var/lib/mosquitto
all_keys_on 8883
LOAD_ARGUMENTS=()
SERVER_USER=mosquitto CERTIFICATE=/etc/mosquitto/tls/web.crt HANDLE=/etc/mosquitto/tls/web.pem
SERVER_LOG=/var/log/mosquitto/mosquitto.log

# As Debian's unit does.
server_start() {
    install -d -m 740 -o mosquitto /var/log/mosquitto /run/mosquitto
    start_service mosquitto -c /etc/mosquitto/mosquitto.conf
    await "mosquitto's port" port_open 8883
}
server_pids() { pgrep -x mosquitto || true; }
server_stop() { stop "$SERVICE"; }
# A key of another type takes a restart: by a reload mosquitto has both.
RELOAD=restart
server_reload() { "$RELOAD"; }
restart() {
    server_stop
    server_start
}

reload_by_signal() { until_logged "mosquitto to reload" 'Reloading config' "$SERVER_LOG" kill -HUP "$SERVICE"; }

run_page mosquitto
cp "$CERTIFICATE" "$HANDLE" "$FILES"
PORT[web]=8883
DOCTOR=mosquitto
serve_each_key
check "it is user mosquitto" uid_is mosquitto "$SERVICE"

# MQTT by TLS, with a user.
as_system mosquitto_passwd -b -c /run/passwords reader word
chown mosquitto /run/passwords
echo "password_file /run/passwords" >>/etc/mosquitto/conf.d/littlebox.conf
restart
mqtt() {
    local command=$1
    shift
    as_system "$command" -h localhost -p 8883 --cafile "$FILES/ec.crt" -u reader -P word -t a/topic "$@"
}
check "mosquitto_pub" mqtt mosquitto_pub -r -m "a message"
same "mosquitto_sub" "a message" "$(mqtt mosquitto_sub -C 1 -W 20)"

RELOAD=reload_by_signal
put web "$FILES"
server_reload
await_server web
check "another key of that type takes no more than a reload" serves web
put ec "$FILES"
server_reload
await_server ec
serve_under_load
scan_memory
finish
