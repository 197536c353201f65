#!/bin/sh
# Handle files: on standard output, in a file, for a version.
set -eu
. "$(dirname "$0")/lib.sh"

start_box default
littlebox init 2>/dev/null
littlebox create web >/dev/null
cd "$T"

expect 0 '' littlebox handle web
expect_out '# Key: littlebox:web'
expect_out '-----BEGIN PRIVATE KEY-----'
expect 0 '' littlebox handle 'web;version=1'
expect_out '# Key: littlebox:web;version=1'
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
expect 1 'hint: to move that key into the box: littlebox adopt plain.key' littlebox handle web --out plain.key --force
cmp -s plain.key plain.was || fail "a key was overwritten"
echo other >web.key
expect 0 '' littlebox handle web --out web.key --force
littlebox handle web | cmp -s - web.key || fail "--force did not replace"
ln -s nowhere link
expect 1 "'link' exists already" littlebox handle web --out link
expect 1 "cannot write 'no/such/web.key': no/such/: No such file or directory" littlebox handle web --out no/such/web.key
expect 1 "'$T/web.key' exists already" littlebox handle web --out "$T/web.key"
expect 2 '--force needs --out FILE' littlebox handle web --force
# A device stays what it is, and is written to.
expect 1 "cannot write '/dev/full': No space left on device" littlebox handle web --out /dev/full --force
[ -c /dev/full ] || fail "/dev/full was replaced"
mkfifo pipe
littlebox handle web --out pipe --force &
expect 0 '' timeout 10 cat pipe
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
start_box hsm1
littlebox --box hsm1 init 2>/dev/null
littlebox --box hsm1 create web >/dev/null
expect 0 '' littlebox --box hsm1 handle web
expect_out '# Key: littlebox://hsm1/web'

# Public halves can be had while the box is locked, and by everybody who can connect.
littlebox --box hsm1 lock
expect 0 '' littlebox --box hsm1 handle web
expect_out '# Key: littlebox://hsm1/web'
