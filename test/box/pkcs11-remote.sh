#!/usr/bin/env bash
# A token at the other end of a socket (p11-kit's server) that is killed under load: nginx fails only what was in flight,
# and goes on when the token is back, without a reload.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl softhsm2-util pkcs11-tool p11-kit
begin
KEYS="rsa ec" # p11-kit 0.24 does not pass Ed25519 on
softhsm_dir "$TEST_DIR/hsm"
softhsm_token remote
start_server() { start_p11_server "$TEST_DIR/p11" "pkcs11:token=remote" "$SOFTHSM_MODULE"; }
start_server
token_conf "$TEST_DIR/box" "$CLIENT_MODULE" label=remote "sessions = 8" "token-timeout = 10" \
    "$(module_env P11_KIT_SERVER_ADDRESS)"
new_box "$TEST_DIR/box"
mkdir "$TEST_DIR/files"
worker=
! is_root || worker=www-data
for key in $KEYS; do
    check "$key: made on the token" lb create "$key" --type "${KEY_TYPE[$key]}" >/dev/null 2>>"$TEST_DIR/lb.log"
    key_files "$key" "$TEST_DIR/files" "$worker"
done
configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/files" 2 ${worker:+"$worker"}
start_nginx "$TEST_DIR/nginx"
check_signature_types "$TEST_DIR/files"
workers=$(children_of "$NGINX")

# failures : of all clients of this load, which has ended.
failures() { cat "$TEST_DIR"/*.load.log | awk '$1 == "handshakes" { n += $4 } END { print n + 0 }'; }

# --- Killed, with another one in its place at once
start_loads "$TEST_DIR/files" 1
for _ in 1 2 3; do
    old=$P11_SERVER
    start_server
    kill_p11_server "$old"
    await_handshakes 20
done
end_loads
failed=$(failures)
check "three servers were killed: $failed handshakes failed, which were in flight" test "$failed" -le $((3 * ${#LOADS[@]}))
# In the same process, or in the next one, where p11-kit's client did not return from a call.
check "connections were made again" test "$(grep -c 'is ready$' "$BOX_DIR/box.log")" -ge 4

# --- Away for a while: every handshake fails, and says why in nginx's log
kill_p11_server "$P11_SERVER"
for key in $KEYS; do
    refused "$key: no handshake without the token" 'SSL_connect' handshakes "$key" "$TEST_DIR/files" --count 1
done
says "nginx's log has the box's text" "the token|token 'remote'" "$TEST_DIR/nginx/error.log"
same "the box is not locked for that" unlocked "$(status state)"
check "it says that the token is away" not token_connected
start_server
back() { handshakes ec "$TEST_DIR/files" --count 1; }
await "the first handshake after that" back
start_loads "$TEST_DIR/files" 50
stop_loads
same "nginx's workers are the same all the time" "$workers" "$(children_of "$NGINX")"
stop_nginx "$TEST_DIR/nginx"
stop_box
finish
