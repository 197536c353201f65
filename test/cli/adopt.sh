#!/usr/bin/env bash
# Keys on disk move into the box, and handles take their place.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"
mkdir keys
chmod 700 keys
cd keys

# meta FILE: what must stay.
meta() {
    stat -c '%a %u %g' "$1"
}

# key_file FILE : a key; what is to be found of it is in FILE.pub of T.
key_file() {
    new_key ec:P-256 "$1"
    openssl pkey -in "$1" -pubout -out "$T/$1.pub"
}

# A PEM file; the name is the file's.
key_file web.key
chmod 640 web.key
before=$(meta web.key)
inode=$(stat -c %i web.key)
exec 5<web.key
expect 0 "the old content of '$T/keys/web.key' was overwritten" littlebox adopt web.key
expect_out 'littlebox:web'
grep -qF 'copies of it may remain: backups, snapshots' "$T/err" || fail "no word about copies"
names web.key littlebox:web || fail "no handle in the file"
[ "$(meta web.key)" = "$before" ] || fail "owner or mode changed"
[ "$(stat -c %i web.key)" != "$inode" ] || fail "the file was not replaced but written"
[ -z "$(cat <&5)" ] || fail "the old content is still there"
exec 5<&-
same_public web "$T/web.key.pub"
littlebox handle web | cmp -s - web.key || fail "the file is not the handle"
[ "$(ls -A)" = web.key ] || fail "left over: $(ls -A)"

# Again: nothing to do.
sum=$(sha256sum <web.key)
expect 0 "is a handle already, to littlebox:web: nothing to do" littlebox adopt web.key
expect 0 'nothing to do' littlebox --json adopt web.key
expect_json adopted false uri '"littlebox:web"'
[ "$(sha256sum <web.key)" = "$sum" ] || fail "a handle was changed"

# Certificates around the key stay where they are, and text too.
key_file bundle.pem
openssl req -x509 -new -key bundle.pem -subj /CN=bundle -days 30 -out crt
cp bundle.pem key
{ cat crt; echo "a remark"; cat key crt; } >bundle.pem
{ cat crt; echo "a remark"; } >"$T/head"
rm key
expect 0 '' sh -c 'littlebox --json adopt bundle.pem --key shop 2>/dev/null'
expect_json key '"shop"' uri '"littlebox:shop"' version 1 adopted true overwritten true
littlebox handle shop | cat "$T/head" - crt | cmp -s - bundle.pem || fail "the rest of the bundle changed"
same_public shop "$T/bundle.pem.pub"

# DER stays DER.
key_file x.pem
openssl pkey -in x.pem -outform DER -out api.der
expect 0 overwritten littlebox adopt api.der
grep -qF 'littlebox:api' api.der || fail "no handle in the DER file"
expect 0 'is a handle already, to littlebox:api' littlebox adopt api.der
rm x.pem

# Encrypted.
key_file enc.pem
openssl pkcs8 -topk8 -in enc.pem -passout pass:secret -out enc.p8
printf 'secret\n' >pw
printf 'wrong\n' >bad
expect 1 "the passphrase does not open 'enc.p8'" littlebox adopt enc.p8 --passphrase-file bad
expect 0 overwritten littlebox adopt enc.p8 --passphrase-file pw
same_public enc "$T/enc.pem.pub"

# The other types prove themselves too.
for alg in RSA RSA-PSS ED25519 ED448 X25519 X448; do
    openssl genpkey -algorithm $alg -out $alg.pem 2>/dev/null
    expect 0 overwritten littlebox adopt $alg.pem
    expect_out "littlebox:$alg"
done
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 \
    -pkeyopt rsa_pss_keygen_saltlen:48 -out pss384.pem 2>/dev/null
expect 0 overwritten littlebox adopt pss384.pem

# A link's target is replaced, the link stays.
mkdir archive
key_file archive1.pem
mv archive1.pem archive/privkey1.pem
ln -s archive/privkey1.pem privkey.pem
expect 0 "archive/privkey1.pem' was overwritten" littlebox adopt privkey.pem
[ -L privkey.pem ] || fail "the link was replaced"
names archive/privkey1.pem littlebox:privkey || fail "the target was not replaced"

# Extended attributes stay, and access control lists, which are such: user::rw- user:12345:r-- group::--- mask::r-- other::---
key_file attr.pem
"$TOOLS/fileattr" set attr.pem || fail "set TMPDIR to a file system that has extended attributes"
attributes=$("$TOOLS/fileattr" get attr.pem)
mode=$(meta attr.pem)
expect 0 overwritten littlebox adopt attr.pem
[ "$("$TOOLS/fileattr" get attr.pem)" = "$attributes" ] || fail "attributes lost: $attributes"
[ "$(meta attr.pem)" = "$mode" ] || fail "mode of a file with an access control list"

# Somebody changes the file while its passphrase is waited for: it stays as that one wrote it.
key_file race.pem
openssl pkcs8 -topk8 -in race.pem -passout pass:secret -out race.p8
mkfifo "$T/passphrase"
littlebox adopt race.p8 --passphrase-file "$T/passphrase" >"$T/out" 2>"$T/err" &
adopter=$!
exec 6>"$T/passphrase" # waits until the command reads
echo changed >race.p8
echo secret >&6
exec 6>&-
wait $adopter && fail "a changed file was replaced"
grep -qF "was changed meanwhile" "$T/err" || fail "a changed file: $(cat "$T/err")"
expect 1 "there is no key 'race'" littlebox show race
[ "$(cat race.p8)" = changed ] || fail "a changed file was changed again"
rm race.p8

# Read-only for its owner.
key_file ro.pem
chmod 400 ro.pem
exec 5<ro.pem
expect 0 overwritten littlebox adopt ro.pem
[ "$(stat -c %a ro.pem)" = 400 ] || fail "mode of a read-only file"
[ -z "$(cat <&5)" ] || fail "the old content of a read-only file is still there"
exec 5<&-

# refused TEXT KEY FILE COMMAND...: fails, changes nothing in file or box.
refused() {
    text=$1 key=$2 file=$3
    shift 3
    sum=$(sha256sum <"$file")
    names=$(ls -A)
    expect 1 "$text" "$@"
    [ "$(sha256sum <"$file")" = "$sum" ] || fail "'$file' was changed"
    [ "$(ls -A)" = "$names" ] || fail "left over: $(ls -A)"
    expect 1 "there is no key '$key'" littlebox show "$key"
}

key_file hard.pem
ln hard.pem hard2.pem
refused 'has 2 names (hard links)' hard hard.pem littlebox adopt hard.pem
refused 'hint: see who uses them, and make them symbolic links to one: find / -xdev -inum' hard hard.pem littlebox adopt hard.pem
rm hard2.pem
ln -s loop loop
expect 1 'Too many levels of symbolic links' littlebox adopt loop
expect 1 "cannot open 'absent': No such file or directory" littlebox adopt absent
expect 1 'is not a plain file' littlebox adopt archive
mkfifo fifo
expect 1 'is not a plain file' littlebox adopt fifo
: >nothing
expect 1 'is empty' littlebox adopt nothing
cp ./hard.pem 'odd name.pem'
refused "makes no key name" odd 'odd name.pem' littlebox adopt 'odd name.pem'
refused 'hint: give one with --key' odd 'odd name.pem' littlebox adopt 'odd name.pem'
refused "'a b' is not a key name" odd hard.pem littlebox adopt hard.pem --key 'a b'
openssl pkcs12 -export -nocerts -inkey hard.pem -passout pass: -out pkcs.p12 2>/dev/null
refused "is PKCS#12, which cannot hold a handle" pkcs pkcs.p12 littlebox adopt pkcs.p12
refused 'hint: littlebox import pkcs pkcs.p12' pkcs pkcs.p12 littlebox adopt pkcs.p12
cat hard.pem hard.pem >two.pem
refused "there are 2 private keys in 'two.pem'" two two.pem littlebox adopt two.pem
sum=$(sha256sum <hard.pem)
expect 1 "key 'web' exists already" littlebox adopt hard.pem --key web
[ "$(sha256sum <hard.pem)" = "$sum" ] || fail "a refused file was changed"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out small.pem 2>/dev/null
refused 'RSA keys of 1024 bits' small small.pem littlebox adopt small.pem
littlebox handle web | sed -n '/^-----BEGIN/,$p' | grep -v -e ----- | openssl base64 -d >"$T/web.der"
{
    echo '-----BEGIN PRIVATE KEY-----'
    head -c 100 "$T/web.der" | openssl base64
    echo '-----END PRIVATE KEY-----'
} >cut.pem
refused "'cut.pem' is a damaged handle" cut cut.pem littlebox adopt cut.pem
refused 'hint: make another one: littlebox handle KEY --out FILE' cut cut.pem littlebox adopt cut.pem

# No place for the new file: seen before the box gets the key.
key_file dir.pem
mkdir closed
mv dir.pem closed/
chmod 500 closed
refused 'cannot make a file in' dir closed/dir.pem powerless littlebox adopt closed/dir.pem
chmod 700 closed

# No room for the new file, seen after: the box forgets the key again.
key_file full.pem
sum=$(sha256sum <full.pem)
(
    trap '' XFSZ
    ulimit -f 0
    littlebox adopt full.pem 2>&1 || echo "status $?"
) | cat >"$T/said"
grep -qF "cannot write 'full.pem': File too large" "$T/said" || fail "full: $(cat "$T/said")"
grep -qF 'is unchanged, and the box has destroyed its copy of the key again' "$T/said" || fail "full: $(cat "$T/said")"
grep -qF 'status 1' "$T/said" || fail "full: $(cat "$T/said")"
[ "$(sha256sum <full.pem)" = "$sum" ] || fail "'full.pem' was changed"
expect 1 'is destroyed' littlebox handle full
expect 0 overwritten littlebox adopt full.pem

# No box, locked box: the file stays.
littlebox lock
key_file late.pem
refused_sum=$(sha256sum <late.pem)
expect 1 "box 'default' is locked" littlebox adopt late.pem
stop_box
expect 1 'no box answers' littlebox adopt late.pem
[ "$(sha256sum <late.pem)" = "$refused_sum" ] || fail "'late.pem' was changed"
