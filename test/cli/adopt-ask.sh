#!/usr/bin/env bash
# What adopt says and asks before it takes a key: names, a trial, who may use it, a sealed copy, all keys of a server.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"

# unchanged FILE: as "$T/was" has it.
unchanged() {
    cmp -s "$1" "$T/was" || fail "'$1' was changed"
}

# The name: of the directory, where the file's says nothing; as the path has it, not where links lead.
mkdir -p live/a.example live/b.example archive/c.example srv/private .hidden
for file in live/a.example/privkey.pem live/b.example/privkey.pem archive/c.example/privkey1.pem srv/private/server.key \
    srv/private/mail.key srv/key.pem .hidden/tls.key; do
    new_key ec:P-256 "$file"
done
cp live/b.example/privkey.pem was
for row in "live/a.example/privkey.pem a.example" "live/b.example/privkey.pem b.example" \
    "archive/c.example/privkey1.pem c.example" "srv/private/server.key server" "srv/private/mail.key mail" \
    "srv/key.pem srv" ".hidden/tls.key tls" "$T/srv/key.pem srv"; do
    expect 0 '' littlebox --json adopt "${row% *}" --dry-run
    expect_json key "\"${row#* }\"" type '"ec:P-256"' adopted false dry_run true
done
(cd live/b.example && expect 0 '' littlebox --json adopt privkey.pem --dry-run && expect_json key '"b.example"')
unchanged live/b.example/privkey.pem
expect 0 '' littlebox list
[ "$(wc -l <out)" = 1 ] || fail "a trial left something: $(cat out)"
ln -s ../archive/c.example/privkey1.pem live/link.pem
expect 0 '' littlebox --json adopt live/link.pem --dry-run
expect_json key '"link"'

# A name that is taken costs nobody a key, whatever is tried.
expect 0 overwritten littlebox adopt live/a.example/privkey.pem --key privkey
expect 1 "hint: give another name with --key; what has this one: littlebox --box default show privkey" \
    littlebox adopt live/b.example/privkey.pem --key privkey
expect 1 "hint: give another name with --key" littlebox adopt live/b.example/privkey.pem --key privkey --dry-run
unchanged live/b.example/privkey.pem
grep -qi destr err && fail "destruction is proposed: $(cat err)"

# On a terminal it asks; the terminal of a script that reads from elsewhere is not asked.
expect 1 '' answer "no command gives it out again (--escrow FILE makes a sealed copy first); type 'yes'" no -- \
    littlebox adopt live/b.example/privkey.pem
expect_out "that is not 'yes': nothing was done"
unchanged live/b.example/privkey.pem
expect 1 "there is no key 'b.example'" littlebox show b.example
expect 0 '' answer "type 'yes'" yes -- littlebox adopt live/b.example/privkey.pem
expect_out 'no command gives it out again: keep backups of its store'
new_key ec:P-256 quiet.pem
expect 0 '' answer -- littlebox adopt quiet.pem --yes

# Who may use it, from the moment on that its handle is there.
new_key ec:P-256 used.pem
expect 1 "there is no user 'nosuchuser'" littlebox adopt used.pem --allow nosuchuser
expect 1 "there is no key 'used'" littlebox show used
expect 0 overwritten littlebox adopt used.pem --allow 12345
grep -q 'allow used' err && fail "a hint to do what is done: $(cat err)"
expect 0 '' littlebox --json show used
expect_json grants.# 1 grants.0.id 12345 grants.0.op '"sign"'

# A sealed copy, which any openssl(1) reads.
for type in EC:ec_paramgen_curve:P-256 RSA:rsa_keygen_bits:2048 ED25519; do
    name=escrowed-${type%%:*}
    if [ "$type" = ED25519 ]; then
        openssl genpkey -algorithm ED25519 -out "$name.pem"
    else
        openssl genpkey -algorithm "${type%%:*}" -pkeyopt "${type#*:}" -out "$name.pem" 2>/dev/null
    fi
    openssl pkey -in "$name.pem" -outform DER -out was
    echo 'a long secret' >pass
    expect 0 "sealed to the passphrase, and was read back from there" \
        littlebox adopt "$name.pem" --escrow "$name.escrow" --escrow-passphrase-file pass
    [ "$(stat -c %a "$name.escrow")" = 600 ] || fail "mode of an escrow"
    head -n 1 "$name.escrow" | grep -qx -- '-----BEGIN ENCRYPTED PRIVATE KEY-----' || fail "form of an escrow"
    openssl pkey -in "$name.escrow" -passin file:pass -outform DER | cmp -s - was || fail "another key in the escrow"
    openssl asn1parse -in "$name.escrow" | grep -q scrypt || fail "it is not sealed with scrypt"
done
expect 0 '' sh -c 'openssl genpkey -algorithm ED25519 -out j.pem; littlebox --json adopt j.pem --escrow j.escrow \
    --escrow-passphrase-file pass 2>/dev/null'
expect_json escrow '"j.escrow"' adopted true

# Without it nothing is done: a file is there, the passphrase is too short, it cannot be written or read back.
new_key ec:P-256 kept.pem
cp kept.pem was
echo precious >there
echo precious >there.was
echo short >short
kept() {
    expect 1 "$1" littlebox adopt kept.pem --escrow "$2" --escrow-passphrase-file "$3"
    unchanged kept.pem
    expect 1 "there is no key 'kept'" littlebox show kept
}
kept "'there' exists already" there pass
kept "hint: an escrow never takes the place of another file" there pass
cmp -s there there.was || fail "a file was replaced by an escrow"
kept "the passphrase of an escrow needs at least 8 bytes" new short
kept "No such file or directory" no/such/dir pass
kept "cannot read the passphrase" new nosuchfile
kept "'kept.pem' exists already" kept.pem pass
[ ! -e new ] || fail "an escrow without an adoption"
# Nor is the copy left where the box does not take the key.
kept_name() {
    expect 1 "key 'quiet' exists already" littlebox adopt kept.pem --key quiet --escrow new --escrow-passphrase-file pass
}
kept_name
unchanged kept.pem
[ ! -e new ] || fail "an escrow of a key that was not adopted"
expect 2 '--escrow-passphrase-file goes with --escrow' littlebox adopt kept.pem --escrow-passphrase-file pass
expect 0 '' answer "type 'yes'" yes "new passphrase for the escrow: " 'typed twice' "again: " 'typed twice' -- \
    littlebox adopt kept.pem --escrow typed
openssl pkey -in typed -passin 'pass:typed twice' | cmp -s - was || fail "another key in a typed escrow"

# All of a server's: each once, no handles, nothing whose name is taken.
mkdir -p site/one.example site/two.example site/three.example
for site in one two three; do
    new_key ec:P-256 site/$site.example/privkey.pem
done
openssl pkcs8 -topk8 -in site/three.example/privkey.pem -passout pass:secret -out site/locked.pem
{
    printf 'user www-data;\nhttp {\n'
    for file in site/one.example/privkey.pem site/two.example/privkey.pem site/one.example/privkey.pem quiet.pem; do
        printf 'server { ssl_certificate_key %s; }\n' "$T/$file"
    done
    printf '}\n'
} >nginx.conf
expect 2 'give either FILE or --server' littlebox adopt
expect 2 'give either FILE or --server' littlebox adopt x --server nginx
expect 2 "no server 'iis' is known" littlebox adopt --server iis
expect 2 '--key and --escrow are for one FILE' littlebox adopt --server nginx --key x
expect 0 '' sh -c "littlebox --json adopt --server nginx --config $T/nginx.conf --dry-run 2>said"
[ "$(grep -c -- '-> key' said)" = 2 ] || fail "another list: $(cat said)"
grep -qF "$T/site/two.example/privkey.pem -> key 'two.example'" said || fail "not in the list: $(cat said)"
grep -qF "who may not use what is adopted unless that is said: --allow www-data" said || fail "not a word of www-data: $(cat said)"
expect 1 'there is no terminal to ask' setsid -w littlebox adopt --server nginx --config "$T/nginx.conf"
expect 1 '' answer "this moves 2 keys into box 'default', and no command gives them out again; type 'yes'" no -- \
    littlebox adopt --server nginx --config "$T/nginx.conf"
expect 1 "there is no key 'one.example'" littlebox show one.example
expect 0 '' answer "type 'yes'" yes -- littlebox adopt --server nginx --config "$T/nginx.conf" --allow 12345
for site in one two; do
    expect 0 '' littlebox --json show $site.example
    expect_json grants.0.id 12345
    openssl pkey -in site/$site.example/privkey.pem -noout 2>/dev/null && fail "a key is left in $site"
done
expect 0 'there is no plain key to adopt' littlebox adopt --server nginx --config "$T/nginx.conf" --yes
# What has to be looked at one by one is left out, and said.
printf 'http { server { ssl_certificate_key %s; } server { ssl_certificate_key %s; } }\n' "$T/site/locked.pem" \
    "$T/site/three.example/privkey.pem" >nginx.conf
littlebox create three.example >/dev/null
expect 1 '2 keys were left out' littlebox adopt --server nginx --config "$T/nginx.conf" --yes
grep -qF "locked.pem' is encrypted: adopt it by itself" err || fail "nothing of the encrypted one: $(cat err)"
grep -qF "key 'three.example' exists already" err || fail "nothing of the name: $(cat err)"
# So is a key that no handle can stand for, or of which nobody knows what it is for; and a program that takes none.
new_key ec:P-256 site/ech.pem
new_key ec:P-256 site/other.key
cp site/ech.pem ech.was
cp site/other.key other.was
printf 'http { ssl_ech_file %s; auth_jwt_key_file %s; }\n' "$T/site/ech.pem" "$T/site/other.key" >nginx.conf
expect 1 '1 key was left out' littlebox adopt --server nginx --config "$T/nginx.conf" --yes
grep -qF "'$T/site/other.key' ($T/nginx.conf:1) holds a key, and what for is not known here: adopt it by itself" err ||
    fail "nothing of the word: $(cat err)"
cmp -s site/ech.pem ech.was || fail "a key for ECH was taken"
cmp -s site/other.key other.was || fail "a key of unknown use was taken"
# A configuration that is not there is no one without keys; nor is one that can be read in part alone.
expect 1 "nginx: cannot read $T/nosuch.conf: No such file or directory" \
    littlebox adopt --server nginx --config "$T/nosuch.conf" --yes
expect 1 'could not be read as a whole: there may be more keys in it' \
    littlebox adopt --server nginx --config "$T/nosuch.conf" --dry-run
new_key ec:P-256 site/last.key
printf 'include %s;\nhttp { server { ssl_certificate_key %s; } }\n' "$T/nosuch.conf" "$T/site/last.key" >part.conf
expect 1 'the configuration of nginx could not be read as a whole' littlebox adopt --server nginx --config "$T/part.conf" --yes
names site/last.key littlebox:last || fail "what could be read was not adopted"
if [ ! -e /etc/unbound ]; then
    expect 1 'unbound: cannot read /etc/unbound/unbound.conf: No such file or directory' littlebox adopt --server unbound --yes
    grep -qF 'hint: if it is elsewhere, say where: --config FILE' err || fail "no cure: $(cat err)"
fi
# One key in two files: one gets its handle, the other stays, and is said. They are worked on at once.
new_key ec:P-256 site/first.key
cp site/first.key site/second.key
cp site/first.key was
printf 'http { server { ssl_certificate_key %s; } server { ssl_certificate_key %s; } }\n' "$T/site/first.key" \
    "$T/site/second.key" >twice.conf
expect 1 '1 key was left out' littlebox adopt --server nginx --config "$T/twice.conf" --yes
adopted=first stays=second
names site/first.key littlebox:first || adopted=second stays=first
names "site/$adopted.key" "littlebox:$adopted" || fail "neither was adopted"
grep -qF "'$T/site/$stays.key': the box has this key already, as '$adopted'" err || fail "nothing of the twin: $(cat err)"
unchanged "site/$stays.key"
# So a copy that was sealed for the day when the box is lost is not overwritten.
openssl pkcs8 -topk8 -in was -passout 'pass:long enough for it' -out copy.escrow
cp copy.escrow was
printf 'long enough for it\n' >pass
for more in '' --dry-run '--key other'; do
    # shellcheck disable=SC2086 # none, or two words
    expect 1 "the box has this key already, as '$adopted'" \
        littlebox adopt copy.escrow --passphrase-file pass --escrow-passphrase-file pass --escrow another $more
    unchanged copy.escrow
    [ ! -e another ] || fail "an escrow of a key that was not adopted"
done
expect 2 'sshd can use no handle: OpenSSH reads and takes apart its keys itself' littlebox adopt --server sshd --config "$T/nginx.conf" --yes
cmp -s site/other.key other.was || fail "a key of sshd's was taken"
