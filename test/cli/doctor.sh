#!/usr/bin/env bash
# doctor: each thing that can be wrong is found, and its cure works.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

cd "$T"
mkdir box
LITTLEBOX_DIR=$T/box
export LITTLEBOX_DIR
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF
module=$LITTLEBOX_BUILD/.libs/littlebox.so

# failing TEXT / passing TEXT: a line of the last report.
failing() {
    grep -qF "FAIL  $1" out || fail "no failure '$1' in: $(cat out)"
}
passing() {
    grep -qF "ok    $1" out || fail "no '$1' in: $(cat out)"
}
hinted() {
    grep -qF "      hint: $1" out || fail "no hint '$1' in: $(cat out)"
}

# Nothing is there.
expect 1 '' littlebox doctor --module "$T/absent.so"
failing "cannot read $T/openssl.cnf: No such file or directory"
failing "no provider module at $T/absent.so: No such file or directory"
hinted 'install it there, or say where it is with --module PATH'
failing "openssl.cnf does not activate the provider 'littlebox'"
failing "openssl.cnf does not activate the provider 'default'"
failing "no box answers at $T/box/default.sock"
hinted "start it: littleboxd --box default --dir $T/box"
grep -qF 'no reason given' out && fail "no reason, below the reason: $(cat out)"
grep -qF -- '--    no test signature' out || fail "a signature without a key"
grep -qxF 'openssl_conf = openssl_init' out || fail "no lines in: $(cat out)"
expect 1 '' littlebox doctor --module "$T/absent.so" --handle littlebox:web
failing 'no test signature with littlebox:web: OpenSSL does not load the provider'
grep -qF 'no reason given' out && fail "no reason, below the reason: $(cat out)"

# A configuration that cannot be read, and one that is turned off.
echo '[unclosed' >openssl.cnf
expect 1 '' littlebox doctor --module "$T/absent.so"
failing "cannot read $T/openssl.cnf: OpenSSL cannot read line 1"
cat >openssl.cnf <<END
openssl_conf = my_init
[my_init]
providers = my_providers
[my_providers]
default = my_default
[my_default]
# activate = 1
END
expect 1 '' littlebox doctor --module "$T/absent.so"
passing "openssl.cnf is $T/openssl.cnf (OPENSSL_CONF; a server may run without it)"
failing "openssl.cnf does not activate the provider 'default'"
sed '1,/^append this/d' out >lines
grep -q openssl_conf lines && fail "a line that is there already: $(cat lines)"
grep -qxF '[my_providers]' lines || fail "not the section that is there: $(cat lines)"

# A module that is none, in a process of its own.
echo nonsense >broken.so
expect 1 '' littlebox doctor --module "$T/broken.so"
passing "the provider module is $T/broken.so"
failing 'OpenSSL does not load the provider'
grep -q 'broken.so' out || fail "not named: $(cat out)"

# The box.
start_named default
expect 1 '' littlebox doctor --module "$T/broken.so"
passing "a box answers at $T/box/default.sock, asked as user $(id -un) (uid $(id -u))"
failing "box 'default' has no store yet"
hinted 'make one: littlebox --box default init'
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox lock
expect 1 '' littlebox doctor --module "$T/broken.so"
failing "box 'default' is locked"
hinted 'run: littlebox --box default unlock'
expect 1 '' littlebox --dir "$T/box" doctor --module "$T/broken.so"
hinted "run: littlebox --box default --dir $T/box unlock"
littlebox unlock --credential box/default.credential
expect 1 '' littlebox --json doctor --module "$T/broken.so"
expect_json ok false openssl_cnf "\"$T/openssl.cnf\""
json_at append | grep -qF 'activate = 1' || fail "no line to append in: $(cat out)"
json_at '*.*.result' | grep -vqxE '"(ok|fail|skipped)"' && fail "a result of its own: $(cat out)"
i=$(json_at 'checks.#')
[ "$i" -gt 5 ] || fail "few checks: $(cat out)"
while [ "$i" -gt 0 ]; do
    i=$((i - 1))
    expect_json checks.$i.@ check,result,text,hint,server,file,uri,user
    [ "$(json_at checks.$i.check)" != '"unlocked"' ] || [ "$(json_at checks.$i.result)" != '"ok"' ] || unlocked=yes
done
[ "${unlocked-}" = yes ] || fail "the check 'unlocked' is not ok: $(cat out)"

# The lines that it prints are the cure: a plan first, then the real thing.
expect 1 '' littlebox doctor --module "$module" --handle littlebox:web
passing 'OpenSSL loads the provider once the lines below are there'
passing 'a test signature with littlebox:web verifies'
sed '1,/^append this/d' out >>openssl.cnf
expect 0 '' littlebox doctor --handle littlebox:web
passing "the provider module is $module"
passing "the provider looks for boxes in $T/box"
passing 'OpenSSL loads the provider'
passing 'a test signature with littlebox:web verifies'
grep -q 'append this' out && fail "lines although all is well"
with_module openssl pkey -in littlebox:web -pubout | cmp -s - "$(littlebox show --public web >pub; echo pub)" || fail "not the key"

# Handles of each kind, good and bad.
littlebox handle web --out web.key
expect 0 '' littlebox doctor --handle web.key
passing 'a test signature with web.key verifies'
for type in rsa:2048 rsa-pss:2048:sha384 ed25519; do
    littlebox create "$(echo $type | tr ':' '_')" --type $type >/dev/null 2>&1
    expect 0 '' littlebox doctor --handle "littlebox:$(echo $type | tr ':' '_')"
done
for type in x25519 x448; do
    littlebox create $type --type $type >/dev/null 2>&1
    expect 0 '' littlebox doctor --handle littlebox:$type
    passing "a test key agreement with littlebox:$type verifies"
done
expect 1 '' littlebox doctor --handle littlebox:nosuch
failing 'no test signature with littlebox:nosuch: it does not load'
grep -qF "there is no key 'nosuch'" out || fail "no reason: $(cat out)"
expect 1 '' littlebox doctor --handle littlebox://elsewhere/web
failing "no box answers at $T/box/elsewhere.sock"
expect 1 '' littlebox doctor --handle "$T/absent.key"
failing "no test signature with $T/absent.key: cannot read $T/absent.key: No such file or directory"
hinted "write the handle there: littlebox handle KEY --out $T/absent.key"
expect 1 '' littlebox doctor --handle "file:$T/absent.key"
failing "no test signature with file:$T/absent.key: cannot read $T/absent.key: No such file or directory"
expect 1 '' littlebox doctor --handle "$T"
failing "no test signature with $T: cannot read $T: it is a directory"
mkdir closed
cp web.key closed
chmod 0600 closed/web.key
chmod 0000 closed
expect 1 '' powerless littlebox doctor --handle "$T/closed/web.key"
failing "no test signature with $T/closed/web.key: cannot read $T/closed/web.key: Permission denied: $T/closed is $(id -un)'s and has mode 0000"
hinted "a handle is no secret: keep it where $(id -un) may read it"
chmod 0700 closed
chmod 0000 closed/web.key
expect 1 '' powerless littlebox doctor --handle "closed/web.key"
failing "no test signature with closed/web.key: cannot read closed/web.key: Permission denied: closed/web.key is $(id -un)'s and has mode 0000"
OPENSSL_CONF=/dev/null openssl genpkey -algorithm ED25519 -out plain.key
expect 1 '' littlebox doctor --handle plain.key
failing 'no test signature with plain.key: it is a plain private key, which the server holds itself'
hinted 'move it into the box: littlebox adopt FILE'

# A cure is whole, in a line of its own: half of this one destroys.
littlebox create shop-eleven >/dev/null
littlebox destroy shop-eleven --yes >/dev/null 2>&1
cure='an administrator can keep it: littlebox --box default destroy --cancel shop-eleven'
expect 1 '' littlebox doctor --handle littlebox:shop-eleven
grep -qF "FAIL  no test signature with littlebox:shop-eleven: it does not load: the version is not active: key 'shop-eleven' in box 'default' is to be destroyed at " out ||
    fail "not said: $(cat out)"
grep -qxF "      hint: $cure" out || fail "not '$cure' in: $(cat out)"
[ "$(grep -c destroy out)" = "$(grep -cE "to be destroyed at [^:]*:[^:]*:[^:]*, and does nothing until then\$|^      hint: $cure\$" out)" ] ||
    fail "a cure in the text: $(cat out)"
expect 1 '' littlebox --json doctor --handle littlebox:shop-eleven
grep -qF "\"hint\":\"$cure\"" out || grep -qF "\"hint\": \"$cure\"" out || fail "not '$cure' in: $(cat out)"
mkdir -p root/etc/nginx
printf 'user %s;\nhttp { server { ssl_certificate_key "store:littlebox:shop-eleven"; } }\n' "$(id -un)" >root/etc/nginx/nginx.conf
expect 1 '' littlebox doctor --server nginx --root "$T/root"
grep -qxF "      hint: $cure" out || fail "not '$cure' in: $(cat out)"
# A path that is too long for it is not cut.
long=$T/$(printf '%0240d/%0240d' 0 0)
expect 1 '' littlebox doctor --handle "$long.key"
hinted 'write the handle there: littlebox handle KEY --out FILE'

# What is no handle, and what was meant.
expect 1 '' littlebox doctor --handle web
failing 'no test signature with web: cannot read web: No such file or directory'
grep -qxF "      hint: the box has a key of this name: littlebox doctor --handle littlebox:web" out || fail "web is not proposed: $(cat out)"
expect 1 '' littlebox doctor --handle no-such-key
hinted 'write the handle there: littlebox handle KEY --out no-such-key'
printf '[req]\ndistinguished_name = dn\n[dn]\n' >req.cnf
OPENSSL_CONF=/dev/null openssl req -x509 -config req.cnf -key plain.key -subj /CN=localhost -out shop.crt 2>req.log || fail "$(cat req.log)"
OPENSSL_CONF=/dev/null openssl x509 -in shop.crt -outform DER -out shop.der
for file in shop.crt shop.der; do
    expect 1 '' littlebox doctor --handle $file
    failing "no test signature with $file: it is a certificate: there is no handle and no private key in it"
    hinted 'give the handle of its key: --handle littlebox:KEY, or a handle file'
done
cat shop.crt web.key >both.pem
expect 0 '' littlebox doctor --handle both.pem

# Another directory than the provider's.
mkdir "$T/second"
expect 1 '' littlebox --dir "$T/second" doctor
failing "the provider looks for boxes in $T/box, not in $T/second"
