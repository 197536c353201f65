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
# next FILE : a chain for the next version, which there is from now on.
next() {
    littlebox roll web >/dev/null
    ossl req -new -key 'littlebox:web;version=next' -subj /CN=web.example -out next.csr
    openssl x509 -req -in next.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 \
        -extfile <(echo 'subjectAltName=DNS:web.example') -out next.crt 2>/dev/null
    cat next.crt ca.crt >"$1"
}
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
finish
