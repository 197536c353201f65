#!/usr/bin/env bash
# A roll-over does the key's deployments: activate, back, and what is said where they fail, or where it is planned.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
authority
certify web
handle_of web
cd "$T"
mkdir tls
cp web.handle one.handle
cp web.chain one.chain
: >ran
ran() {
    [ "$(xargs <ran)" = "$1" ] || fail "ran: $(cat ran)"
    : >ran
}
next() { next_chain web "$1"; }
expect 0 written littlebox deploy web --handle tls/web.pem --chain tls/web.crt --combined tls/both.pem --reload "echo told >>'$T/ran'"
ran told
next two.chain
expect 0 "as it was" littlebox deploy web
ran ''
expect 0 "version 2 of key 'web' is the current one" littlebox activate web --chain two.chain
grep -qF "version 2 of key 'web' in $T/tls/web.pem, $T/tls/web.crt, $T/tls/both.pem: written; its server was told" err ||
    fail "not deployed: $(cat err)"
has tls/web.crt two.chain
handle_of web
cp web.handle two.handle
has tls/web.pem two.handle
cat two.chain two.handle >both
has tls/both.pem both
ran told
# Again: nothing is left to do.
expect 0 "as it was" littlebox activate web --chain two.chain
ran ''
# Back, with the pair of then.
expect 0 "version 1 of key 'web' in $T/tls/web.pem" littlebox roll web --back
has tls/web.pem one.handle
has tls/web.crt one.chain
ran told
# The version is current though the deployments fail, and the cure does them.
next three.chain
sed -i 's/^reload = .*/reload = false/' "$BOX_DIR"/deploy/default/*.conf
expect 4 "'false' failed: exit status 1" littlebox activate web --chain three.chain
expect 4 "'false' failed: exit status 1" littlebox roll web --back
expect 4 "'false' failed: exit status 1" littlebox activate 'web;version=3'
expect 4 "hint: the files are in their places; once that command works: littlebox deploy web" littlebox deploy web
has tls/web.crt three.chain
sed -i "s|^reload = .*|reload = echo told >>$T/ran|" "$BOX_DIR"/deploy/default/*.conf
expect 0 "as it was; its server was told" littlebox deploy --all
ran told
# Planned: nobody does them then by itself.
next four.chain
expect 0 "hint: its deployments are not done by themselves then, but by: littlebox --box default deploy web" \
    littlebox activate web --chain four.chain --at "$(date -u -d "+3 days" +%F)"
has tls/web.crt three.chain
expect 0 "version 3 of key 'web' is the current one" littlebox roll web --back

# --- Another change may choose the current version: that is told, and deployed
littlebox create b >/dev/null
certify b
cp b.chain b1.chain
next_chain b b2.chain
expect 0 written littlebox deploy b --handle tls/b.pem --chain tls/b.crt --reload "echo b >>'$T/ran'"
: >ran
# follows WHAT VERSION CHAIN COMMAND... : VERSION is the current one now, and in the files.
follows() {
    expect 0 "version $2 of key 'b' is the current one now" littlebox "${@:4}"
    has tls/b.crt "$3"
    ran b
}
# two : version 2 of b is the current one.
two() {
    expect 0 "version 2 of key 'b' in" littlebox activate 'b;version=2'
    : >ran
}
expect 0 "version 2 of key 'b' in" littlebox activate b --chain b2.chain
: >ran
follows destroy 1 b1.chain destroy 'b;version=2' --yes
follows cancel 2 b2.chain destroy 'b;version=2' --cancel
expect 0 "version 1 of key 'b' is suspended" littlebox suspend 'b;version=1'
! grep -q "current one" err || fail "nothing else is current: $(cat err)"
expect 0 "version 1 of key 'b' is active" littlebox resume 'b;version=1'
ran ''
expect 0 '' littlebox --json show b
expect_json versions.1.current true
littlebox --json deactivate 'b;version=2' >out 2>err
expect_json current 1 version 2 state '"deactivated"'
grep -q "version 1 of key 'b' is the current one now" err || fail "$(cat err)"
has tls/b.crt b1.chain
ran b
next_chain b b3.chain
expect 0 "version 3 of key 'b' in" littlebox activate b --chain b3.chain
: >ran
follows compromise 1 b1.chain compromise 'b;version=3'
next_chain b b4.chain
expect 0 "version 4 of key 'b' in" littlebox activate b --chain b4.chain
: >ran
littlebox --json destroy 'b;version=4' --now --yes >out 2>err
expect_json destroyed '"b"' version 4 current 1
has tls/b.crt b1.chain
ran b
# None is left: nothing is deployed.
expect 0 "key 'b' has no current version now" littlebox compromise 'b;version=1'
ran ''
# One that fails is told by the status, and the change stays.
littlebox create c >/dev/null
certify c
next_chain c c2.chain
littlebox activate c --chain c2.chain 2>/dev/null
expect 0 written littlebox deploy c --handle tls/c.pem --chain tls/c.crt
sed -i 's|^handle = .*|&\nreload = false|' "$BOX_DIR"/deploy/default/*c.pem.conf
expect 4 "'false' failed: exit status 1" littlebox deactivate 'c;version=2'
expect 0 '' littlebox --json show c
expect_json versions.1.state '"deactivated"'

# --- Deployments go with the key, by whichever of its names it is called
littlebox rename web shop
expect 0 "version 3 of key 'shop' in" littlebox deploy shop
expect 0 "version 3 of key 'shop' in" littlebox deploy web

# --- The chain that a version has already is looked at as one of a file is
littlebox create d >/dev/null
littlebox show --public d >d1.pub
# for_first DAYS : a chain for the first version.
for_first() {
    openssl x509 -new -force_pubkey d1.pub -subj /CN=d -CA ca.crt -CAkey ca.key -CAcreateserial -days "$1" \
        -extfile <(echo 'subjectAltName=DNS:d.example,DNS:e.example') -out d1.crt 2>/dev/null
}
for_first 20
littlebox cert set d d1.crt
next_chain d d2.chain DNS:d.example
expect 5 "'d2.chain': the certificate does not have the name 'DNS:e.example', which the current one has" littlebox activate d --chain d2.chain
expect 0 '' littlebox cert set 'd;version=2' d2.chain
expect 5 "version 2 of key 'd': the certificate does not have the name 'DNS:e.example', which the current one has" \
    littlebox activate 'd;version=2'
expect 5 "the next version of key 'd': the certificate does not have the name" littlebox activate d
expect 0 "version 2 of key 'd' is the current one" littlebox activate d --force
# Back: with other names, as that is what it is for; not to a certificate that has ended.
expect 0 "version 1 of key 'd' is the current one" littlebox roll d --back
expect 0 "version 2 of key 'd' is the current one" littlebox activate 'd;version=2' --force
for_first 0
littlebox cert set 'd;version=1' d1.crt
expect 1 "version 1 of key 'd': the certificate of /CN=d is not valid any more" littlebox roll d --back
expect 5 "version 1 of key 'd': the certificate of /CN=d is not valid any more" littlebox activate 'd;version=1'
expect 0 "version 1 of key 'd' is the current one" littlebox roll d --back --force
expect 0 "version 1 of key 'd' is the current one, as it was" littlebox roll d --back
expect 0 "version 1 of key 'd' is the current one, as it was" littlebox activate 'd;version=1'
# A chain that the store has lost is no reason to compare nothing and to say nothing.
littlebox create f >/dev/null
certify f
next_chain f f2.chain
stop_box
python3 - "$BOX_DIR/default/store.db" <<'END'
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
key, = store.execute("SELECT key_id FROM key WHERE name = 'f'").fetchone()
assert store.execute("UPDATE chain SET certificates = zeroblob(40) WHERE key_id = ?", (key,)).rowcount == 1
store.commit()
END
start_named default
expect 1 "that version of key 'f' has no certificate, and the current one has" littlebox activate f
expect 0 "nobody knows which names the current certificate has: the certificates of version 1 of key 'f' are damaged" \
    littlebox activate f --chain f2.chain
expect 1 "the certificates of version 1 of key 'f' are damaged" littlebox roll f --back
expect 1 "hint: give them to the box again: littlebox --box default cert set 'f;version=1' FILE" littlebox activate 'f;version=1'
expect 2 "--force goes with --back" littlebox roll d --force
expect 1 "has no next version" littlebox activate d --at "$(date -u -d "+3 days" +%F)"
finish
