#!/usr/bin/env bash
# Servers that do not wait for a box: HAProxy with ssl-mode-async, in a chroot and with one thread, and openssl s_server
# -async. Many handshakes at once, over TLS 1.2 and 1.3, none of which fails while the box is restarted in every way;
# and the box has as many requests at once as there are.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs haproxy openssl
# While a release of OpenSSL is new, servers are linked to the one before it. Two of them do not know of each other's jobs.
libcrypto_of() { ldd "$1" | grep -o 'libcrypto\.so\.[0-9]*' | head -n 1; }
[ "$(libcrypto_of "$(command -v haproxy)")" = "$(libcrypto_of "$MODULE")" ] ||
    skip "HAProxy has $(libcrypto_of "$(command -v haproxy)"), and the provider $(libcrypto_of "$MODULE")"
begin
AT_ONCE=50
new_box "$TEST_DIR/box"
mkdir "$TEST_DIR/files" "$TEST_DIR/empty"
make_keys "$TEST_DIR/files"
for key in $KEYS; do
    cat "$TEST_DIR/files/$key.crt" "$TEST_DIR/files/$key.pem" >"$TEST_DIR/files/$key.site"
done
write_openssl_cnf "$TEST_DIR/openssl.cnf" "$BOX_DIR"

# --- HAProxy

# write_haproxy_conf FILE LINE... : a port for each key; lines of its global section.
write_haproxy_conf() {
    local key
    next_ports
    {
        printf '%s\n' global "nbthread 1" "maxconn 2000" ssl-mode-async "${@:2}"
        ! is_root || printf '%s\n' "user www-data" "group www-data"
        printf '%s\n' defaults "mode http" "timeout client $CLIENT_TIMEOUT" "timeout server 60s" \
            "timeout connect 60s"
        for key in $KEYS; do
            printf '%s\n' "frontend $key" "bind 127.0.0.1:${PORT[$key]} ssl crt $TEST_DIR/files/$key.site" \
                "http-request return status 200 content-type text/plain string hello"
        done
    } >"$1"
}
CLIENT_TIMEOUT=60s
next_ports() {
    local key ports
    read -ra ports < <(free_ports 3 | xargs)
    for key in $KEYS; do
        PORT[$key]=${ports[0]}
        ports=("${ports[@]:1}")
    done
}
# start_haproxy CONF : sets HAPROXY.
HAPROXY_CNF=$TEST_DIR/openssl.cnf
start_haproxy() {
    ! env "${MODULE_ENV[@]}" OPENSSL_CONF="$HAPROXY_CNF" haproxy -c -f "$1" 2>&1 | grep -q 'does not support async' ||
        skip "this HAProxy has no asynchronous mode"
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$HAPROXY_CNF" haproxy -db -f "$1" >>"$TEST_DIR/haproxy.log" 2>&1 3>&- &
    HAPROXY=$!
    own "$HAPROXY"
    await "HAProxy to listen" haproxy_listens
}
haproxy_listens() {
    alive "$HAPROXY" || fail "HAProxy ended"
    port_open "${PORT[ed]}"
}
descriptors_of() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

# many KEY ARGUMENTS... : a load client with many handshakes at once.
many() {
    OPENSSL_CONF=/dev/null "$HARNESS/tlsmany" --connect "127.0.0.1:${PORT[$1]}" --ca "$TEST_DIR/files/$1.crt" \
        --at-once $AT_ONCE "${@:2}"
}
# The same as serving.sh has it, with many connections in each client, and the page where there is one.
handshakes() {
    local key=$1 argument arguments=()
    for argument in "${@:3}"; do
        [ "$argument" = --get ] && [ -z "$PAGE" ] || arguments+=("$argument")
    done
    many "$key" "${arguments[@]}"
}
PAGE=yes

if is_root; then
    needs_user www-data
    for key in $KEYS; do lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"; done
fi
# In a chroot, as root can have it.
chroot=()
! is_root || chroot=("chroot $TEST_DIR/empty")
write_haproxy_conf "$TEST_DIR/haproxy.cfg" "${chroot[@]}"
start_haproxy "$TEST_DIR/haproxy.cfg"
check_signature_types "$TEST_DIR/files"

# The box stands still: HAProxy accepts, and every one of the handshakes waits for its own answer; the box has all of
# the requests before it answers the first one. Each has its connection, what its job waits with, a timer, a channel.
waits() { [ "$(descriptors_of "$HAPROXY")" -ge $((idle + $1 - 10)) ]; }
idle=$(descriptors_of "$HAPROXY")
child=$(box_child)
kill -STOP "$child"
many rsa --count $AT_ONCE --get >"$TEST_DIR/waiting.log" 2>&1 3>&- &
waiting=$!
own "$waiting"
await "$AT_ONCE handshakes to wait at once" waits $((4 * AT_ONCE))
check "HAProxy goes on meanwhile" port_open "${PORT[ec]}"
kill -CONT "$child"
check "$AT_ONCE handshakes that waited at once" wait "$waiting"
check "none failed: $(cat "$TEST_DIR/waiting.log")" grep -q ' failed 0 ' "$TEST_DIR/waiting.log"

# Clients that go in the middle of their handshakes: as many as stay, and nothing resumes their jobs.
child=$(box_child)
kill -STOP "$child"
many ec --count $AT_ONCE --hang-up >"$TEST_DIR/hang-up.log" 2>&1 3>&- &
waiting=$!
own "$waiting"
await "handshakes to wait, and others that are given up" waits $(((4 + 3) * AT_ONCE))
kill -CONT "$child"
check "handshakes beside those that were given up" wait "$waiting"
check "none failed: $(cat "$TEST_DIR/hang-up.log")" grep -q ' failed 0 ' "$TEST_DIR/hang-up.log"
check "many of both" many rsa --count 200 --hang-up >>"$TEST_DIR/many.log" 2>&1

# What is left is channels that are kept: one for each that waited at once.
at_most() { [ "$(descriptors_of "$HAPROXY")" -le "$1" ]; }
polls_of() { find "/proc/$1/fd" -lname '*eventpoll*' -o -lname '*timerfd*' | wc -l; }
few_polls() { [ "$(polls_of "$HAPROXY")" -le 1 ]; }
await "connections and jobs to leave nothing" few_polls
await "HAProxy's descriptors to be closed" at_most $((idle + 3 * AT_ONCE))
before=$(descriptors_of "$HAPROXY")
check "200 more handshakes" many ed --count 200 --get >>"$TEST_DIR/many.log"
await "no descriptor to be left of them" at_most "$before"

start_loads "$TEST_DIR/files" 50
restart_child_in_every_way
stop_loads
check "HAProxy lives" alive "$HAPROXY"
stop "$HAPROXY"

# Elsewhere it also comes back to a box that was away.
write_haproxy_conf "$TEST_DIR/haproxy.cfg"
start_haproxy "$TEST_DIR/haproxy.cfg"
start_loads "$TEST_DIR/files" 50
restart_box_in_every_way
stop_loads
check "HAProxy lives" alive "$HAPROXY"
stop "$HAPROXY"

# A box that is silent for longer than littlebox-timeout: an error, for those whose clients are gone as well.
sed 's/^littlebox-timeout = .*/littlebox-timeout = 1000/' "$TEST_DIR/openssl.cnf" >"$TEST_DIR/hasty.cnf"
HAPROXY_CNF=$TEST_DIR/hasty.cnf
start_haproxy "$TEST_DIR/haproxy.cfg"
idle=$(descriptors_of "$HAPROXY")
child=$(box_child)
kill -STOP "$child"
refused "handshakes with a silent box" 'alert internal error' many ec --count 1 --hang-up
await "HAProxy's descriptors to be closed" at_most "$((idle + 1))"
kill -CONT "$child"
# It has what was given up to work off first.
again() { many ec --count 1 >>"$TEST_DIR/many.log" 2>&1; }
await "a handshake when it answers again" again
check "HAProxy lives" alive "$HAPROXY"
stop "$HAPROXY"

# HAProxy gives up before the box does: it frees a connection when its job could go on, and does not let it.
HAPROXY_CNF=$TEST_DIR/openssl.cnf
CLIENT_TIMEOUT=2s
write_haproxy_conf "$TEST_DIR/haproxy.cfg"
start_haproxy "$TEST_DIR/haproxy.cfg"
child=$(box_child)
kill -STOP "$child"
refused "handshakes that HAProxy gives up" 'handshake' many ec --count 1
# On a busy machine the time of some is over before HAProxy is at them, and these have no job.
jobs_wait() {
    [ "$(polls_of "$HAPROXY")" -gt "$AT_ONCE" ] || {
        many ec --count 1 >>"$TEST_DIR/many.log" 2>&1 || true
        false
    }
}
check "their jobs wait" await "more jobs to wait than are made at once" jobs_wait
kill -CONT "$child"
await "connections and jobs to leave nothing" few_polls
await "a handshake when the box answers again" many ec --at-once 1 --count 1
check "HAProxy lives" alive "$HAPROXY"
stop "$HAPROXY"

# --- openssl s_server, which serves one connection at a time. It looks at its stdin too, whose end would be its own.

AT_ONCE=2
PAGE=
next_ports
mkfifo "$TEST_DIR/stdin"
exec 9<>"$TEST_DIR/stdin"
for key in $KEYS; do
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/openssl.cnf" openssl s_server -async -quiet \
        -accept "127.0.0.1:${PORT[$key]}" -cert "$TEST_DIR/files/$key.crt" -key "$TEST_DIR/files/$key.pem" \
        <&9 >>"$TEST_DIR/s_server.log" 2>&1 3>&- 9>&- &
    own $!
    await "s_server to listen" port_open "${PORT[$key]}"
done
start_loads "$TEST_DIR/files" 50
restart_box_in_every_way
stop_loads
finish
