#!/usr/bin/env bash
# doctor and a server that runs: an nginx that was started before openssl.cnf had the provider keeps an adopted key in its
# memory, and a reload changes nothing. doctor sees that, and that a restart cured it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"

needs nginx openssl
WORKER=$(id -un)
if is_root; then
    needs_user www-data
    WORKER=www-data
fi
begin
new_box "$TEST_DIR/box"
CONF=$TEST_DIR/openssl.cnf
KEY=$TEST_DIR/web.key
NGINX_OPENSSL_CONF=$CONF
new_key ec:P-256 "$KEY"
plain_ossl req -x509 -new -key "$KEY" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out "$TEST_DIR/web.crt"
chmod 0600 "$KEY"
WEB_PORT=$(free_ports 1)
nginx_server "$WEB_PORT" "$TEST_DIR/web.crt" "$KEY"
write_nginx_conf "$TEST_DIR/nginx" 1 "$WORKER"

doctor() {
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$CONF" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" \
        ${BOX_OWNER:+--users "$BOX_OWNER"} doctor --server nginx --config "$TEST_DIR/nginx/nginx.conf" >"$TEST_DIR/doctor.out" 2>&1
}
serves() { plain_ossl s_client -connect "127.0.0.1:$WEB_PORT" -CAfile "$TEST_DIR/web.crt" -verify_return_error </dev/null >/dev/null 2>&1; }

# README in the wrong order: nginx runs, then openssl.cnf is edited, then the key is adopted.
write_openssl_cnf "$TEST_DIR/with.cnf" "$BOX_DIR"
sed '/^littlebox/d' "$TEST_DIR/with.cnf" >"$CONF"
start_nginx "$TEST_DIR/nginx"
check "doctor is not content without the provider in openssl.cnf" not doctor
check "and says nothing of a restart, which would not help" not grep -q 'in its memory' "$TEST_DIR/doctor.out"
cp "$TEST_DIR/with.cnf" "$CONF"
check "adopt" lb adopt "$KEY" >"$TEST_DIR/adopt.log" 2>&1
check "allow" lb allow web --user "$WORKER" 2>>"$TEST_DIR/lb.log"
until_logged "nginx to fail to reload" 'cannot load certificate key' "$TEST_DIR/nginx/error.log" kill -HUP "$NGINX"
check "nginx serves with what it has in its memory" serves
check "doctor is not content" not doctor
says "the handle would work for the workers" "^ok    $KEY .*: handle littlebox:web, a test signature by $WORKER verifies\$" "$TEST_DIR/doctor.out"
says "but nginx has no provider" "^FAIL  nginx \(process $NGINX\) runs without the provider in its memory, as it read openssl.cnf when it was started" \
    "$TEST_DIR/doctor.out"
says "and the cure is a restart" "^      hint: restart it once" "$TEST_DIR/doctor.out"

# Another server's configuration is none of this nginx.
cp "$TEST_DIR/nginx/nginx.conf" "$TEST_DIR/other.conf"
sed -i "s|$WEB_PORT|1|" "$TEST_DIR/other.conf"
check "doctor for a configuration that none runs with" env "${MODULE_ENV[@]}" OPENSSL_CONF="$CONF" \
    "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" ${BOX_OWNER:+--users "$BOX_OWNER"} doctor --server nginx \
    --config "$TEST_DIR/other.conf" >"$TEST_DIR/doctor.out" 2>&1
check "has nothing to say of processes" not grep -q '(process ' "$TEST_DIR/doctor.out"

kill -QUIT "$NGINX"
await "nginx to end" gone "$NGINX"
start_nginx "$TEST_DIR/nginx"
check "after the restart doctor is content" doctor
says "with the process" "^ok    nginx \(process $NGINX\) runs with the provider in its memory\$" "$TEST_DIR/doctor.out"
check "and nginx serves" serves
check "nginx -s stop" stop_nginx "$TEST_DIR/nginx"

# One whose unit hides the box from it, as ProtectHome=, InaccessiblePaths= and TemporaryFileSystem= do.
if is_root && unshare --mount true 2>/dev/null; then
    # shellcheck disable=SC2016 # for the inner shell
    NGINX_AS=(unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs "$0" && exec "$@"' "$BOX_DIR")
    start_nginx "$TEST_DIR/nginx"
    NGINX_AS=()
    check "nginx cannot serve" not serves
    check "doctor is not content" not doctor
    says "as nginx does not see the box" "^FAIL  nginx \(process $NGINX\) does not see the socket of the box in its mounts, or sees an old one: $BOX_DIR/default.sock\$" \
        "$TEST_DIR/doctor.out"
    says "and may be let in" "^      hint: restart it; if its unit hides the directory, let it in: BindPaths=$BOX_DIR in a drop-in\$" \
        "$TEST_DIR/doctor.out"
    kill -QUIT "$NGINX"
    await "nginx to end" gone "$NGINX"
fi
finish
