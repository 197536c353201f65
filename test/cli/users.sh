#!/usr/bin/env bash
# littlebox users: a process that used a key is there as long as it runs, also where somebody sets the clock meanwhile.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli
moment=$LITTLEBOX_BUILD/test/cli/.libs/moment.so

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
authority
certify web
cd "$T"
expect 0 "nobody used key 'web' since the box was started" littlebox users web

# A server, which signs for a client and stays.
port=$(free_ports 1)
ossl s_server -accept "127.0.0.1:$port" -key littlebox:web -cert web.crt -quiet >server.log 2>&1 3>&- </dev/null &
server=$!
own $server
signs() { plain_ossl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1; }
await "the server to sign" signs
littlebox --json users web >users.json
pid=$(json_places --plain 0.pid <users.json)
# there [VARIABLE=VALUE] : what the last column says of the server.
there() { env "$@" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" users web | awk -v pid="$pid" '$2 == pid { print $NF }'; }
same "the server is there" yes "$(there A=1)"
if ! sanitized; then
    for ahead in 120 7200 82800 -7200; do
        same "also where the clock was set by $ahead s meanwhile" yes "$(there "LD_PRELOAD=$moment" MOMENT_CLOCK=$ahead)"
    done
    same "another process, days later, is not it" no "$(there "LD_PRELOAD=$moment" MOMENT_CLOCK=200000)"
fi
kill "$pid"
await "its process to end" gone "$pid"
same "it is gone" no "$(there A=1)"
finish
