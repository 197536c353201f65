#!/usr/bin/env bash
# A box that is away costs an nginx one wait, and not one a handshake: the others are refused at once, what needs no key is
# served, the error log has the whole story once, and handshakes succeed as soon as the box is back.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs nginx openssl curl
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"
check "a key" lb create web >/dev/null 2>>lb.log
check "its handle" lb handle web --out web.pem 2>>lb.log
self_signed littlebox:web web.crt
mapfile -t port < <(free_ports 2)
nginx_server "${port[0]}" "$TEST_DIR/web.crt" "$TEST_DIR/web.pem"
NGINX_SERVERS+=("server { listen 127.0.0.1:${port[1]}; location / { return 200 \"plain\\n\"; } }")
user=
if is_root; then
    user=www-data
    check "allow" lb allow web --user www-data >/dev/null 2>>lb.log
fi
# One worker: whoever waits in it has all others wait.
write_nginx_conf "$TEST_DIR/nginx" 1 "$user"
sed -i "s/^littlebox-timeout.*/littlebox-timeout = 3000/" "$BOX_DIR/openssl.cnf"
start_nginx "$TEST_DIR/nginx"
LOG=$TEST_DIR/nginx/error.log

tls() { curl --silent --show-error --max-time "$AWAIT_SECONDS" --cacert web.crt --noproxy '*' "https://localhost:${port[0]}/" --resolve "localhost:${port[0]}:127.0.0.1"; }
plain() { curl --silent --max-time "$AWAIT_SECONDS" --noproxy '*' "http://127.0.0.1:${port[1]}/"; }
count() { grep -c -- "$1" "$LOG" || true; }
AWAY="box 'default' is away: it has not answered for"
check "a handshake" tls >/dev/null
check "plain HTTP" plain >/dev/null

# all_at_once N : so many handshakes together, and plain HTTP with them; all handshakes must fail. Each has its line in the log,
# which nginx writes when the client knows already.
failures() { count 'SSL_do_handshake() failed'; }
failed_are() { [ "$(failures)" -ge "$1" ]; }
all_at_once() {
    local pids=() i failed=0 before
    before=$(failures)
    for ((i = 0; i < $1; i++)); do
        tls >>tls.out 2>&1 &
        pids+=($!)
    done
    same "plain HTTP is served" plain "$(plain)"
    for i in "${pids[@]}"; do
        wait "$i" || failed=$((failed + 1))
    done
    same "$1 handshakes fail" "$1" "$failed"
    await "nginx to log each" failed_are $((before + $1))
}

# --- Its processes stand still: connections are taken and nobody answers.
freeze() { kill -STOP "$KEEPER" "$(box_child)" "$(box_usher)"; }
thaw() { kill -CONT "$KEEPER" "$(box_child)" "$(box_usher)"; }
freeze
all_at_once 6
same "one of them waited" 1 "$(count "did not answer within 3000 ms")"
same "five were refused at once" 5 "$(count "$AWAY")"
all_at_once 6
same "no other one waited" 1 "$(count "did not answer within 3000 ms")"
same "the log has the cure once" 1 "$(count "littlebox-timeout in openssl.cnf sets the limit")"
thaw
# Who asks a box that was away waits a moment for it, and a busy machine may take longer; then the next one is served.
await "a handshake, since the box is back" tls
check "and the next one" tls >/dev/null
check "and more" tls >/dev/null
same "it was the same nginx" "$NGINX" "$(cat nginx/nginx.pid)"

# --- It is not there at all.
stop_box
before=$(count "$AWAY")
all_at_once 6
same "one waited for a restart" 1 "$(count "no box 'default' answers at")"
same "the others did not" 5 "$(($(count "$AWAY") - before))"
start_box "$BOX_DIR"
await "a handshake, since the box is back" tls
check "and the next one" tls >/dev/null
check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"

# --- A box that is killed is restarted, and costs no handshake. A restart is given more time than these waits took.
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
start_nginx "$TEST_DIR/nginx"
check "a handshake" tls >/dev/null
for _ in 1 2 3; do
    kill -KILL "$(box_child)"
    check "a handshake in the pause of a restart" tls >/dev/null
done
check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"
stop_box
finish
