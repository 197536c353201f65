#!/usr/bin/env bash
# Deployments to real servers: nginx, HAProxy and PostgreSQL take the new key and chain, each connection has a pair that fits, and
# a command that is killed between two files leaves the old pair served until the next one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../cli/deploy-lib.sh
. "$(dirname "$0")/../cli/deploy-lib.sh"

needs nginx haproxy openssl
is_root || skip "needs root: the servers change to users of their own"
needs_user www-data postgres
begin_cli
new_box "$T/box"
export LITTLEBOX_DIR=$BOX_DIR
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
authority
for key in one two; do
    littlebox create $key >/dev/null
    certify $key
    littlebox allow $key --user www-data
    littlebox allow $key --user postgres
    handle_of $key
done
cd "$T"
mkdir tls
conf=$BOX_DIR/deploy/default
read -r nginx haproxy postgres < <(free_ports 3 | xargs)

# over KEY : all deployments are of this key from now on, as if it had rolled over.
over() { sed -i "s/^key = .*/key = $1/" "$conf"/*.conf; }
# key_at PORT [ARGUMENT...] : the public key that is served there.
key_at() {
    plain_ossl s_client -connect "127.0.0.1:$1" "${@:2}" </dev/null 2>/dev/null | plain_ossl x509 -noout -pubkey
}
served() { [ "$(key_at "${@:2}")" = "$(cat "$T/$1.pub")" ]; }

# --- nginx: the files come before the server
expect 0 written littlebox deploy one --handle tls/web.pem --chain tls/web.crt
write_nginx() {
    nginx_server "$nginx" "$T/tls/web.crt" "$T/tls/web.pem"
    write_nginx_conf "$T/nginx" 1 www-data
}
write_nginx
start_nginx "$T/nginx"
reload="OPENSSL_CONF=$BOX_DIR/openssl.cnf ${MODULE_ENV[*]} nginx -p $T/nginx -e $T/nginx/error.log -c $T/nginx/nginx.conf -s reload"
expect 0 "as it was; its server was told; 127.0.0.1:$nginx serves it" littlebox deploy one --handle tls/web.pem --chain tls/web.crt \
    --reload "$reload" --check "127.0.0.1:$nginx"
await "nginx to serve the first key" served one "$nginx"

# connections : each fits, all the while.
connections() {
    while [ ! -e "$T/enough" ]; do
        # The name in the certificate and the key are the one or the other's.
        plain_ossl s_client -connect "127.0.0.1:$nginx" -CAfile "$T/ca.crt" -verify_return_error </dev/null >"$T/last.log" 2>&1 ||
            cp "$T/last.log" "$T/lost.$(date +%N)"
        echo >>"$T/handshakes"
    done
}
connections 3>&- &
own $!
loop=$!
await "connections" test -s handshakes
for key in two one two; do
    over $key
    expect 0 "127.0.0.1:$nginx serves it" littlebox deploy --all
    await "nginx to serve key $key" served $key "$nginx"
done
: >enough
wait "$loop"
check "$(wc -l <handshakes) connections meanwhile, and none was lost" not compgen -G "$T/lost.*"

# The server has an old key though the files are right: it is told. It cannot be told: that is said.
over one
sed -i '/^reload/d' "$conf"/*.conf
expect 4 "127.0.0.1:$nginx serves another key, which is no version of 'one'" littlebox deploy --all
expect 4 "hint: does the server there read $T/tls/web.pem, and what does its log say? Again: littlebox --box default deploy one" \
    littlebox deploy one
echo "reload = $reload" >>"$conf/$(tr / - <<<"${T#/}/tls/web.pem").conf"
expect 0 "as it was; its server was told; 127.0.0.1:$nginx serves it" littlebox deploy --all
# Until then they may still answer.
old_workers_are_gone() { [ "$(children_of "$NGINX" | wc -l)" -eq 1 ]; }
await "the old workers to end" old_workers_are_gone
expect 0 "as it was; 127.0.0.1:$nginx serves it" littlebox deploy --all
run_nginx "$T/nginx" -s reload
served one "$nginx" || fail "the key after a reload"
littlebox --json deploy --all >out 2>err
expect_json deployments.0.serves 1 deployments.0.reloaded false deployments.0.written false

# A real roll-over of the key, and back: the server goes with it.
over one
expect 0 "serves it" littlebox deploy --all
littlebox roll one >/dev/null
ossl req -new -key 'littlebox:one;version=next' -subj /CN=one.example -out next.csr
plain_ossl x509 -req -in next.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 -out next.crt \
    -extfile <(echo subjectAltName=DNS:one.example) 2>/dev/null
cp one.pub first.pub
plain_ossl x509 -in next.crt -noout -pubkey >next.pub
expect 0 "127.0.0.1:$nginx serves it" littlebox activate one --chain next.crt
await "nginx to serve the next version" served next "$nginx"
expect 0 "127.0.0.1:$nginx serves it" littlebox roll one --back
await "nginx to serve the first version again" served first "$nginx"

# Killed between the two names: nginx refuses the mix, and its workers go on with the old pair.
if ! sanitized; then
    over two
    env LD_PRELOAD="$LITTLEBOX_BUILD/test/cli/.libs/moment.so" MOMENT_KILL_RENAME=2 littlebox deploy --all 2>err || true
    has tls/web.pem two.handle
    has tls/web.crt one.chain
    refused "nginx refuses the mix" 'key values mismatch' run_nginx "$T/nginx" -t
    bash -c "$reload" 2>>reload.log || true
    check "the old pair is served" served one "$nginx"
    expect 0 "127.0.0.1:$nginx serves it" littlebox deploy --all
    await "the new pair to be served" served two "$nginx"
    nothing_left tls web.pem web.crt
fi
# A server that is down is told of, and a reload that fails.
stop_nginx "$T/nginx"
expect 4 "127.0.0.1:$nginx: nothing answers there: Connection refused" littlebox deploy --all
over one
expect 4 "-s reload' failed: exit status 1" littlebox deploy --all
start_nginx "$T/nginx"
expect 0 "its server was told; 127.0.0.1:$nginx serves it" littlebox deploy --all
for d in "$conf"/*.conf; do littlebox deploy "$(sed -n 's/^key = //p' "$d")" --forget "$(sed -n 's/^handle = //p' "$d")" 2>>forget.log; done

# --- HAProxy: one file, in a directory that it reads as a whole
mkdir crt
expect 0 written littlebox deploy one --combined crt/web.pem --mode 0600
cat >haproxy.cfg <<END
global
    log stderr local0
    user www-data
    group www-data
    chroot $T/empty
    expose-fd listeners
    stats socket $T/haproxy.sock level admin expose-fd listeners
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind 127.0.0.1:$haproxy ssl crt $T/crt/
    http-request return status 200
END
mkdir empty
sed -i '/^    expose-fd/d' haproxy.cfg
env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" haproxy -Ws -f haproxy.cfg -p haproxy.pid >haproxy.log 2>&1 3>&- &
HAPROXY=$!
own $HAPROXY
await "HAProxy's port" port_open "$haproxy"
# Right after its start, and while it reloads, HAProxy may lose a signal.
cat >reload-haproxy <<END
old=\$(pgrep -nP $HAPROXY)
until [ "\$(pgrep -nP $HAPROXY)" != "\$old" ]; do kill -USR2 $HAPROXY && sleep 0.3 || exit; done
END
expect 0 "serves it" littlebox deploy one --combined crt/web.pem --mode 0600 --reload "sh $T/reload-haproxy" --check "127.0.0.1:$haproxy"
for key in two one; do
    over $key
    expect 0 "127.0.0.1:$haproxy serves it" littlebox deploy --all
    await "HAProxy to serve key $key" served $key "$haproxy"
done
expect 0 "the files of it stay" littlebox deploy one --forget crt/web.pem

# --- PostgreSQL: the files are in its own directory, and its own
pgbin=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
if [ -n "$pgbin" ]; then
    pgbin=${pgbin%/*}
    install -d -o postgres -g postgres pg
    chmod 711 "$BOX_DIR" 2>/dev/null || true
    as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$@"; }
    as_postgres "$pgbin/initdb" -D "$T/pg/data" --no-sync >initdb.log 2>&1 || fail "initdb: $(cat initdb.log)"
    cat >>pg/data/postgresql.conf <<END
listen_addresses = '127.0.0.1'
port = $postgres
unix_socket_directories = '$T/pg'
ssl = on
END
    expect 1 "may put another file in its place" littlebox deploy one --handle pg/data/server.key --chain pg/data/server.crt
    expect 0 written littlebox deploy one --handle pg/data/server.key --chain pg/data/server.crt --owner postgres --mode 0600
    as_postgres "$pgbin/postgres" -D "$T/pg/data" >pg.log 2>&1 3>&- &
    own $!
    await "PostgreSQL's port" port_open "$postgres"
    expect 0 "serves it" littlebox deploy one --handle pg/data/server.key --chain pg/data/server.crt --owner postgres --mode 0600 \
        --reload "setpriv --reuid=postgres --regid=postgres --init-groups $pgbin/pg_ctl reload -D $T/pg/data" --check "127.0.0.1:$postgres,postgres"
    for key in two one; do
        over $key
        expect 0 "127.0.0.1:$postgres,postgres serves it" littlebox deploy --all
        await "PostgreSQL to serve key $key" served $key "$postgres" -starttls postgres
    done
fi
finish
