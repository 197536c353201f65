#!/usr/bin/env bash
# The timer that does deployments: its command does what is due since a planned change, and nothing where nothing is.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli
units=$T/units
mkdir "$units"
cp "$LITTLEBOX_BUILD/keystore/daemon/systemd/littlebox-deploy@.service" "$LITTLEBOX_SRC/keystore/daemon/systemd/littlebox-deploy@.timer" "$units"
if grep -q '@[a-z]*@' <(sed 's/^#.*//' "$units"/*.service); then fail "something is not filled in: $(cat "$units"/*.service)"; fi

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
authority
certify web
cd "$T"
mkdir tls
: >ran
expect 0 written littlebox deploy web --handle tls/web.pem --chain tls/web.crt --reload "echo told >>'$T/ran'"
: >ran

# The unit's line, with this box's directory for that of the system.
line=$(sed -n 's/^ExecStart=//p' "$units"/*.service)
[ "${line#* }" = "--system --box %i deploy --all" ] || fail "it runs: $line"
words=${line#* --system }
# shellcheck disable=SC2086 # words
run() { littlebox ${words//%i/default}; }
expect 0 "as it was" run
[ ! -s ran ] || fail "it ran something: $(cat ran)"

next_chain web two.chain
expect 0 "its deployments are not done by themselves then" littlebox activate web --chain two.chain \
    --at "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)"
is_current() { littlebox --json show web | json_places --plain versions.1.current | grep -qi true; }
await "the time to come" is_current
has tls/web.crt web.chain
expect 0 "version 2 of key 'web' in $T/tls/web.pem" run
has tls/web.crt two.chain
[ "$(cat ran)" = told ] || fail "the server was not told: $(cat ran)"
expect 0 "as it was" run
[ "$(cat ran)" = told ] || fail "the server was told again: $(cat ran)"

if command -v systemd-analyze >/dev/null; then
    sed -i "s|^ExecStart=[^ ]*|ExecStart=$LITTLEBOX_BUILD/littlebox|" "$units"/*.service
    for unit in service timer; do
        systemd-analyze verify --man=no "$units/littlebox-deploy@.$unit" >verify.log 2>&1 || fail "littlebox-deploy@.$unit: $(cat verify.log)"
        if grep littlebox-deploy verify.log; then fail "it says something of littlebox-deploy@.$unit"; fi
    done
fi
finish
