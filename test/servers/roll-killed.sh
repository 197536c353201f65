#!/usr/bin/env bash
# SIGKILL while a key is rolled over: of the command, of the process with the keys, of the whole box, at a random moment of roll,
# activate, roll --back and deploy. Each time nginx serves a pair that fits, the same line again ends well, 'deploy --all' ends clean,
# nginx serves the current version, and no record is damaged.
#
# POINTS (10) moments; SEED: of their choice. test/proof/roll.sh takes 200.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs nginx openssl
POINTS=${POINTS:-10} SEED=${SEED:-$(date +%s)}
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
mkdir tls nginx
plain_ossl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -addext basicConstraints=critical,CA:TRUE \
    -days 30 2>/dev/null
certify() {
    ossl req -new -key "$1" -subj /CN=localhost -out web.csr
    plain_ossl x509 -req -in web.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 -out chain.pem \
        -extfile <(echo 'subjectAltName=DNS:localhost') 2>>openssl.log
}
lb create web --type ec:P-256 >/dev/null
if is_root; then lb allow web --user www-data 2>>lb.log; fi
certify littlebox:web
lb cert set web chain.pem
PORT=$(free_ports 1)
nginx_server "$PORT" "$TEST_DIR/tls/web.crt" "$TEST_DIR/tls/web.pem"
# shellcheck disable=SC2046 # a user, or none
write_nginx_conf "$TEST_DIR/nginx" 1 $(if is_root; then echo www-data; fi)
check "the first deployment" lb deploy web --handle tls/web.pem --chain tls/web.crt --mode 0600 2>>lb.log
start_nginx "$TEST_DIR/nginx"
env=$(printf '%q ' "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf")
check "and its reload" lb deploy web --handle tls/web.pem --chain tls/web.crt --mode 0600 --check "127.0.0.1:$PORT" \
    --reload "env $env nginx -p $TEST_DIR/nginx -e $TEST_DIR/nginx/error.log -c $TEST_DIR/nginx/nginx.conf -s reload" 2>>lb.log

key_served() { plain_ossl s_client -connect "127.0.0.1:$PORT" -CAfile ca.crt -verify_return_error </dev/null 2>>s_client.log | plain_ossl x509 -noout -pubkey; }
serves() { [ "$(key_served)" = "$(lb show web --public)" ]; }
fits() { [ -n "$(key_served)" ]; }

# What is done next: each is killed once, and then done.
newest() { lb --json show web | python3 -c 'import json,sys; print(max(v["version"] for v in json.load(sys.stdin)["versions"]))'; }
step_roll() { lb roll web; }
step_activate() { lb activate web --chain chain.pem --drain 1h; }
step_back() { lb roll web --back --drain 1h; }
step_forward() { lb activate "web;version=$(cat newest)" --drain 1h; }
step_deploy() { lb deploy --all; }
STEPS="roll activate back forward deploy"

# kill_during VICTIM STEP : at a random moment of it.
kill_during() {
    local pid child=''
    [ "$1" = command ] || child=$(status pid)
    "step_$2" >>lb.log 2>&1 3>&- &
    pid=$!
    sleep "0.0$((RANDOM % 8))$((RANDOM % 10))"
    case $1 in
    # The shell that runs the function, and the command below it.
    command) pkill -KILL -P "$pid" 2>/dev/null || true ;;
    child) kill -KILL "$child" ;;
    box)
        kill -KILL "$KEEPER"
        await "the box to end" gone "$KEEPER"
        # It ends by itself then, and answers until it does.
        await "the process with the keys to end" gone "$child"
        start_box "$BOX_DIR"
        ;;
    esac
    wait "$pid" || true
}

RANDOM=$SEED
say "SEED=$SEED"
victims=(command child box) n=0
while [ "$n" -lt "$POINTS" ]; do
    for step in $STEPS; do
        victim=${victims[RANDOM % 3]}
        kill_during "$victim" "$step"
        await "the box" box_unlocked
        check "$n: $victim killed during $step: what nginx serves fits" fits
        check "$n: $step again" "step_$step" >>lb.log 2>&1
        check "$n: the deployments" lb deploy --all 2>>lb.log
        await "nginx to serve the current version" serves
        same "$n: nothing is damaged" 0 "$(status damaged)"
        newest >newest
        if [ "$step" = roll ]; then
            certify "littlebox:web;version=next"
            [ "$(cat newest)" -le 3 ] || lb destroy "web;version=$(($(cat newest) - 3))" --now --yes 2>>lb.log
        fi
        n=$((n + 1))
    done
done
stop_nginx "$TEST_DIR/nginx"
finish
