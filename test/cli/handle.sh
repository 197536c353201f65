#!/usr/bin/env bash
# Handle files: on standard output, in a file, for a version.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
cd "$T"

expect 0 '' littlebox handle web
# Nothing before the block and nothing behind it: programs look at the first bytes, or the last ones.
{ [ "$(head -n 1 "$T/out")" = '-----BEGIN PRIVATE KEY-----' ] && [ "$(tail -n 1 "$T/out")" = '-----END PRIVATE KEY-----' ] &&
    [ "$(grep -c . "$T/out")" = "$(grep -c '^[A-Za-z0-9+/=]*$\|^-----[A-Z ]*-----$' "$T/out")" ]; } ||
    fail "more than a PEM block: $(cat "$T/out")"
cp "$T/out" web.pem
names web.pem littlebox:web || fail "the handle names another key"
expect 0 '' littlebox handle 'web;version=1'
cp "$T/out" web1.pem
names web1.pem 'littlebox:web;version=1' || fail "the handle names no version"
expect 0 '' littlebox --json handle web
expect_json uri '"littlebox:web"' version 1 file null
json_at handle | grep -qF -- '-----BEGIN PRIVATE KEY-----' || fail "no handle in: $(cat "$T/out")"

(umask 077; littlebox handle web --out web.key)
[ "$(stat -c %a web.key)" = 644 ] || fail "mode of a handle file"
littlebox handle web | cmp -s - web.key || fail "content of a handle file"
expect 1 "'web.key' exists already" littlebox handle web --out web.key
expect 1 'hint: name a file that is not there' littlebox handle web --out web.key
# No key is lost to it, whatever is asked for.
openssl genpkey -algorithm ED25519 -out plain.key
cp plain.key plain.was
expect 1 "'plain.key' has a private key in it, which would be lost" littlebox handle web --out plain.key --force
expect 1 'hint: name another file; to move that key into the box: littlebox adopt plain.key' littlebox handle web --out plain.key --force
cp plain.key 'x;id'
expect 1 "hint: name another file; to move that key into the box: littlebox adopt 'x;id'" littlebox handle web --out 'x;id' --force
rm 'x;id'
cmp -s plain.key plain.was || fail "a key was overwritten"
# An escrow copy may be the only one: nothing proposes what would overwrite it.
openssl pkcs8 -topk8 -in plain.key -passout pass:secret -out two.escrow
cp two.escrow plain.was
expect 1 "'two.escrow' has a private key in it, which would be lost" littlebox handle web --out two.escrow --force
[ "$(sed -n 's/^hint: //p' err)" = 'name another file' ] || fail "hint: $(cat err)"
cmp -s two.escrow plain.was || fail "a key was overwritten"
echo other >web.key
expect 0 '' littlebox handle web --out web.key --force
littlebox handle web | cmp -s - web.key || fail "--force did not replace"
ln -s nowhere link
expect 1 "'link' exists already" littlebox handle web --out link
expect 1 "cannot write 'no/such/web.key': no/such/: No such file or directory" littlebox handle web --out no/such/web.key
expect 1 "'$T/web.key' exists already" littlebox handle web --out "$T/web.key"
expect 2 '--force needs --out FILE' littlebox handle web --force
# A device stays what it is, and is written to.
# One of its own for root, who could lose the machine's.
full=/dev/full
if is_root; then
    full=$T/full
    mknod -m 666 "$full" c 1 7
fi
expect 1 "cannot write '$full': No space left on device" littlebox handle web --out "$full" --force
[ -c "$full" ] || fail "a device was replaced"
# A file below /dev is a file.
shm=$(mktemp -d /dev/shm/littlebox-cli.XXXXXX)
cleanup_more() { rm -rf "$shm"; }
cp plain.key "$shm/plain.key"
expect 1 "'$shm/plain.key' exists already" littlebox handle web --out "$shm/plain.key"
expect 1 'has a private key in it' littlebox handle web --out "$shm/plain.key" --force
cmp -s plain.key "$shm/plain.key" || fail "a key below /dev was overwritten"
expect 0 '' littlebox handle web --out "$shm/web.key"
# Where standard output goes, behind what is there.
echo before >out.txt
littlebox handle web --out /dev/stdout >>out.txt
{ echo before && littlebox handle web; } | cmp -s - out.txt || fail "/dev/stdout, which is a file"
mkfifo pipe
littlebox handle web --out pipe --force &
expect 0 '' timeout "$AWAIT_SECONDS" cat pipe
wait $!
[ -p pipe ] || fail "a pipe was replaced"
littlebox handle web | cmp -s - "$T/out" || fail "a handle through a pipe"
[ -L /dev/stdout ] || fail "/dev/stdout is not as usual"
littlebox handle web --out /dev/stdout --force >"$T/out"
[ -L /dev/stdout ] || fail "/dev/stdout was replaced"
littlebox handle web | cmp -s - "$T/out" || fail "a handle to /dev/stdout"
expect 1 'is a directory' littlebox handle web --out "$T/"
[ -z "$(find "$T" -maxdepth 1 -name '.?*')" ] || fail "left over: $(ls -A "$T")"
expect 1 "there is no key 'nosuch'" littlebox handle nosuch
expect 1 'has no version 2' littlebox handle 'web;version=2'
expect 1 "unknown attribute" littlebox handle 'web;pin=1'

# The name of the box is in the URI unless it is the default one.
start_named hsm1
littlebox --box hsm1 init 2>/dev/null
littlebox --box hsm1 create web >/dev/null
expect 0 '' littlebox --box hsm1 handle web
cp "$T/out" hsm1.pem
names hsm1.pem littlebox://hsm1/web || fail "the handle names another box"

# Public halves can be had while the box is locked, and by everybody who can connect.
littlebox --box hsm1 lock
expect 0 '' littlebox --box hsm1 handle web
cmp -s "$T/out" hsm1.pem || fail "another handle of a locked box"

# What a file is a handle of: said without any box, and for the forms that files have.
hash=$(littlebox --json show web | sed -n 's/.*"sha256": *"\([0-9a-f]*\)".*/\1/p')
[ ${#hash} = 64 ] || fail "no hash of the public key: $hash"
show() {
    expect 0 '' littlebox --dir "$T/empty" "$@"
}
mkdir "$T/empty"
show handle --show web.pem
printf 'handle       littlebox:web\nbox          default\nkey          web\ntype         ec:P-256\npublic key   SHA-256 %s\n' \
    "$hash" | cmp -s - "$T/out" || fail "not what the handle is: $(cat "$T/out")"
show handle --show web1.pem
expect_out 'version      1'
show handle --show hsm1.pem
expect_out 'box          hsm1'
show --json handle --show web.pem
expect_json @ file,uri,box,key,version,type,sha256,plain_key file '"web.pem"' uri '"littlebox:web"' box '"default"' \
    key '"web"' version null type '"ec:P-256"' sha256 "\"$hash\"" plain_key false
sed '/-----/d' web.pem | openssl base64 -d -out web.der
show handle --show web.der
expect_out 'handle       littlebox:web'
# As older versions wrote it, and behind a certificate.
{ echo '# A littlebox handle: this file names a private key and holds no secret.' && echo '# Key: littlebox:web' && cat web.pem; } >old.pem
show handle --show old.pem
expect_out 'handle       littlebox:web'
openssl req -x509 -newkey ed25519 -nodes -keyout plain.pem -subj /CN=x -out x.crt 2>/dev/null
cat x.crt web.pem >bundle.pem
show handle --show bundle.pem
expect_out 'handle       littlebox:web'
# And what a file is that is none.
openssl pkcs8 -topk8 -in plain.pem -passout pass:secret -out encrypted.pem
cat plain.pem web.pem >both.pem
{ echo '-----BEGIN PRIVATE KEY-----' && { cat web.der && echo more; } | openssl base64 && echo '-----END PRIVATE KEY-----'; } \
    >damaged.pem
printf -- '-----BEGIN PKCS#11 PROVIDER URI-----\nMAA=\n-----END PKCS#11 PROVIDER URI-----\n' >reference.pem
none() {
    expect 1 "$2" littlebox --dir "$T/empty" handle --show "$1"
}
none plain.pem "'plain.pem': it is no handle but a private key, in clear"
none encrypted.pem "it is no handle but a private key, encrypted with a passphrase"
none damaged.pem 'it is a damaged handle, or one of a newer littlebox'
none damaged.pem 'hint: write a new one beside it: littlebox --dir '"$T"'/empty handle KEY --out FILE'
# What it names is printed, and steers no terminal; nor does the name of a file.
LC_ALL=C sed 's/littlebox:web/littlebox:w\x1bb/' web.der >steers.der
none steers.der 'it is a damaged handle, or one of a newer littlebox'
expect 1 "'steers.der' is a damaged handle" littlebox adopt steers.der
cat "$T/err" >>"$T/out"
grep -q "$(printf '\033')" "$T/out" && fail "an escape sequence in: $(cat "$T/out")"
none "$(printf 'no\033[2Jwhere')" "cannot read 'no?[2Jwhere': No such file"
expect 2 "there is no command '?[2J'" littlebox "$(printf '\033[2J')"
none x.crt 'there is no handle and no private key in it'
none reference.pem 'a reference to a key on a token'
none nowhere "cannot read 'nowhere': No such file"
none "$T" 'cannot read'
expect 0 "'both.pem' holds a private key as well" littlebox --dir "$T/empty" handle --show both.pem
expect 2 "'handle' needs: KEY" littlebox handle
expect 2 "'handle' needs: KEY" littlebox handle web --show web.pem
expect 2 "'handle --show' writes no file" littlebox handle --show web.pem --out x

# Those of servers' configurations, of whatever box; the servers themselves are elsewhere (test/servers/systemd.sh).
expect 0 '' littlebox --json --dir "$T/empty" handle --list
[ "$(head -c 1 "$T/out")" = '[' ] || fail "no array: $(cat "$T/out")"
expect 2 "'handle' needs: KEY" littlebox handle web --list
expect 2 "'handle' needs: KEY" littlebox handle --list --show web.pem
expect 2 "'handle --list' writes no file" littlebox handle --list --force
