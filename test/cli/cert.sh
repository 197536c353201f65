#!/usr/bin/env bash
# The certificates that go with a key: set in any order, shown, replaced, removed; what is refused.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox create other --type ed25519 >/dev/null
cd "$T"

# authority NAME ISSUER KEYOPTION: a CA, of itself if it is its own issuer.
authority() {
    openssl req -new -newkey "$3" -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
    if [ "$1" = "$2" ]; then
        openssl x509 -req -in "$1.csr" -signkey "$1.key" -days 30 -out "$1.crt" 2>/dev/null
    else
        openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 30 -out "$1.crt" 2>/dev/null
    fi
}
# certify KEY ISSUER DAYS FILE: for the public key in the box.
certify() {
    littlebox show --public "$1" >"$1.pub"
    openssl x509 -new -force_pubkey "$1.pub" -subj "/CN=$1.example" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial \
        -days "$3" -out "$4" 2>/dev/null
}
authority root root rsa:2048
authority sub1 root ed25519
authority sub2 sub1 ed448
authority alien alien ed25519
certify web sub2 20 web.crt
certify other root 20 other.crt

expect 1 "version 1 of key 'web' in box 'default' has no certificate" littlebox cert get web
expect 1 'hint: set one: littlebox --box default cert set web FILE' littlebox cert get web
expect 1 "version 1 of key 'web' in box 'default' has no certificate" littlebox cert remove web
expect 0 '' littlebox --json show web
expect_json certificates '[]'

# Any order, between other things, twice; out come leaf, issuer, issuer's issuer.
cat web.crt sub2.crt sub1.crt root.crt >chain.pem
{ echo "some text"; cat root.crt alien.key sub2.crt web.pub web.crt sub2.crt; cat sub1.crt; } >mixed.pem
expect 0 '' littlebox cert set web mixed.pem
[ ! -s out ] || fail "cert set talks"
expect 0 '' littlebox cert get web
cmp -s out chain.pem || fail "other certificates than were set: $(cat out)"
littlebox cert set 'web;version=1' - <chain.pem || fail "not from standard input"
expect 0 '' littlebox cert get 'web;version=1' --out got.pem
cmp -s got.pem chain.pem || fail "other certificates in the file"
[ "$(stat -c %a got.pem)" = 644 ] || fail "mode of the file"
expect 1 "'got.pem' exists already" littlebox cert get web --out got.pem
expect 0 '' littlebox cert get web --out got.pem --force
expect 0 '' littlebox --json cert get web
expect_json key '"web"' box '"default"' version 1 file null certificates.# 4 certificates.0.subject '"/CN=web.example"' \
    certificates.0.issuer '"/CN=sub2"' certificates.3.subject '"/CN=root"'
expect_json certificates.0.@ subject,issuer,serial,not_before,not_after,sha256,certificate
sha=$(openssl x509 -in web.crt -outform DER | sha256sum | cut -d' ' -f1)
serial=$(openssl x509 -in web.crt -noout -serial | cut -d= -f2)
expect_json certificates.0.sha256 "\"$sha\"" certificates.0.serial "\"$serial\""
json_at certificates.0.certificate | grep -q '^"-----BEGIN CERTIFICATE-----' || fail "no PEM in: $(cat out)"
expect 0 '' littlebox show web
expect_out '/CN=web.example  /CN=sub2'
expect 0 '' littlebox --json show web
expect_json certificates.# 1 certificates.0.version 1 certificates.0.subject '"/CN=web.example"' \
    certificates.0.certificates 4 certificates.0.damaged false

# Replaced by a shorter one, and what is refused changes nothing.
expect 0 '' littlebox --json cert set web web.crt
expect_json key '"web"' version 1 file null certificates.# 1
expect 0 '' littlebox cert set other other.crt
expect 1 "no certificate in 'other.crt' is for version 1 of key 'web'" littlebox cert set web other.crt
expect 1 "hint: its public key: littlebox --box default show 'web;version=1' --public" littlebox cert set web other.crt
cat web.crt sub1.crt >gap.pem
expect 1 "the certificate /CN=sub1 in 'gap.pem' is not in the chain of /CN=web.example" littlebox cert set web gap.pem
expect 1 'hint: add the certificates between them, or leave it out' littlebox cert set web gap.pem
cat chain.pem alien.crt >alien.pem
expect 1 "the certificate /CN=alien in 'alien.pem' is not in the chain" littlebox cert set web alien.pem
expect 1 "there is no certificate in 'web.pub'" littlebox cert set web web.pub
expect 1 'hint: it must be PEM; from DER: openssl x509 -inform DER' littlebox cert set web web.pub
openssl x509 -in web.crt -outform DER -out web.der
expect 1 "there is no certificate in 'web.der'" littlebox cert set web web.der
sed '3s/./_/' web.crt >bad.pem
expect 1 "certificate 1 in 'bad.pem' cannot be read" littlebox cert set web bad.pem
{ cat web.crt; head -n 3 sub2.crt; } >cut.pem
expect 1 "certificate 2 in 'cut.pem' cannot be read" littlebox cert set web cut.pem
expect 1 "cannot read 'nosuch.pem': No such file or directory" littlebox cert set web nosuch.pem
expect 1 "cannot read '/dev/null': it is empty" littlebox cert set web /dev/null
head -c 300000 /dev/zero >large
expect 1 "'large' is longer than 262144 bytes: that is no file of certificates" littlebox cert set web large
expect 1 "there is no key 'nosuch' in box 'default'" littlebox cert set nosuch web.crt
expect 1 "there is no key 'nosuch' in box 'default'" littlebox cert get nosuch
expect 1 "key 'web' in box 'default' has no version 2" littlebox cert set 'web;version=2' web.crt
expect 1 "has no version 2" littlebox cert remove 'web;version=2'
expect 1 "unknown attribute 'pin=1'" littlebox cert get 'web;pin=1'
# A chain of 17, and one that is too long for a packet.
cp alien.crt ca0.crt
cp alien.key ca0.key
for i in $(seq 16); do
    authority "ca$i" "ca$((i - 1))" ed25519
done
certify web ca16 20 long.crt
cat long.crt ca16.crt ca15.crt ca14.crt ca13.crt ca12.crt ca11.crt ca10.crt ca9.crt ca8.crt ca7.crt ca6.crt ca5.crt \
    ca4.crt ca3.crt ca2.crt >long16.pem
cat long16.pem ca1.crt >long17.pem
expect 1 'a chain of 17 certificates is too long: a box keeps at most 16 for a key' littlebox cert set web long17.pem
expect 0 '' littlebox cert set web long16.pem
expect 0 '' littlebox cert get web
cmp -s out long16.pem || fail "not the chain of 16"
printf 'nsComment = %s\n' "$(head -c 66000 /dev/zero | tr '\0' x)" >huge.ext
openssl x509 -new -force_pubkey web.pub -subj /CN=huge -CA root.crt -CAkey root.key -CAcreateserial -extfile huge.ext \
    -out huge.crt 2>/dev/null
expect 1 'the chain is too long: a box keeps at most 65458 bytes of it for a key' littlebox cert set web huge.crt
expect 0 '' littlebox cert set web web.crt

# Renewed, while the box is in use; kept over a restart, by changes of policy, and readable while it is locked.
certify web sub2 25 web2.crt
expect 0 '' littlebox cert set web web2.crt
littlebox allow web --user "$UNPRIVILEGED" >/dev/null
stop_box
start_named default
expect 0 '' littlebox cert get web
cmp -s out web2.crt || fail "lost over a restart"
littlebox lock >/dev/null
expect 0 '' littlebox cert get web
cmp -s out web2.crt || fail "not readable while locked"
expect 1 "box 'default' is locked" littlebox cert set web web.crt
littlebox unlock 2>/dev/null

# Reading is everybody's, changing the administrators'.
if is_root; then
    other env LITTLEBOX_DIR="$LITTLEBOX_DIR" littlebox cert get web >got.pem || fail "others cannot read"
    cmp -s got.pem web2.crt || fail "others read something else"
    expect 1 "uid $UNPRIVILEGED may not set certificates in box 'default'" other littlebox cert set web "$T/web.crt"
    expect 1 "uid $UNPRIVILEGED may not set certificates in box 'default'" other littlebox cert remove web
fi

# Removed, alone or with the version; a new version starts without.
expect 0 '' littlebox --json cert remove other
expect_json '' '{"removed":"other","version":null}'
expect 1 'has no certificate' littlebox cert get other
expect 0 '' littlebox --json cert set other other.crt
expect 0 '' littlebox --json cert remove 'other;version=1'
expect_json '' '{"removed":"other","version":1}'
littlebox destroy web --now --yes
expect 1 'is destroyed' littlebox cert get web
expect 1 "version 1 of key 'web' in box 'default' is destroyed" littlebox cert get 'web;version=1'
expect 1 'is destroyed' littlebox cert set 'web;version=1' web.crt
littlebox create web >/dev/null
expect 1 "version 2 of key 'web' in box 'default' has no certificate" littlebox cert get web
expect 1 "no certificate in 'web2.crt' is for version 2 of key 'web'" littlebox cert set web web2.crt
expect 0 '' littlebox --json show web
expect_json versions.# 2 certificates '[]'
grep -q 'set the certificates of key .web. version 1' "$T/box.log" || fail "no word in the log: $(cat "$T/box.log")"
grep -q 'removed the certificates of key .other. version 1' "$T/box.log" || fail "no word of removals in the log"
