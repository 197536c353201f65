#!/usr/bin/env bash
# Many files in one command: imported and adopted together, what is left out with its reason, and gone on with after an end.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"

key_in() {
    mkdir -p "$(dirname "$1")"
    new_key ec:P-256 "$1" 2>/dev/null
}
keys() { littlebox --json list | grep -c '"key"' || true; }
is_plain() { grep -q 'PRIVATE KEY' "$1" && openssl pkey -in "$1" -noout 2>/dev/null; }
hashes() { find "$1" -type f -exec sha256sum {} + | sort; }

# --- Import
for i in 1 2 3; do key_in "imp/site$i.key"; done
key_in imp/dir.example/privkey.pem
openssl pkcs8 -topk8 -in imp/site1.key -passout pass:secret -out imp/locked.pem
echo "no key" >imp/README
before=$(hashes imp)
expect 0 '3 files: 3 imported, 0 already done, 0 left out' littlebox import --each imp/site1.key imp/site2.key imp/site3.key
expect_out littlebox:site2
same_public site3 <(openssl pkey -in imp/site3.key -pubout) || fail "another key"
expect 1 "left out: 'imp/none.key': cannot read 'imp/none.key': No such file" littlebox import --each imp/site1.key imp/none.key
expect 1 '2 files: 0 imported, 1 already done, 1 left out' littlebox import --each imp/site1.key imp/none.key
# Below a directory only what holds a key is taken; an encrypted one is asked nobody for.
expect 1 "left out: 'imp/locked.pem': it is encrypted, and nobody is asked" littlebox import --recursive imp
expect 1 'hint: give the passphrase with --passphrase-file FILE' littlebox import --recursive imp
littlebox show dir.example >/dev/null || fail "the directory's name was not taken"
echo secret >pass
expect 0 '5 files: 0 imported, 5 already done, 0 left out' littlebox import --recursive imp --passphrase-file pass
[ "$(hashes imp)" = "$before" ] || fail "an import changed a file"
[ "$(keys)" -eq 4 ] || fail "$(keys) keys"
# A list, in both forms; the same file is taken once.
key_in 'list/a b.key'
key_in list/c.key
printf '%s\n' 'list/c.key' '' './list/c.key' >list.txt
expect 0 '1 file: 1 imported' littlebox import --from list.txt
expect 1 "left out: 'list/a b.key': the file name 'a b.key' makes no key name" sh -c \
    "printf 'list/a b.key\\0list/c.key\\0' | littlebox import --from - --null"
expect 1 'if its paths end with NUL, as find -print0 writes them: --null' sh -c \
    "printf 'list/a b.key\\0list/c.key\\0' | littlebox import --from -"
# On a terminal a bar goes on meanwhile, and nothing of it is left at the end.
for i in 1 2 3; do key_in "bar/bar$i.key"; done
expect 0 '' script -qec 'littlebox import --recursive bar' /dev/null
tr '\r' '\n' <out >bar.said
grep -qF 'importing [##############################] 3 of 3' bar.said || fail "no bar: $(cat -v out)"
grep -q '3 files: 3 imported, 0 already done, 0 left out' bar.said || fail "no sum: $(cat -v out)"
grep -qF "$(printf '\033[K')littlebox:bar1" bar.said || fail "the bar is still there: $(cat -v out)"
# For programs.
key_in imp2/new.key
expect 1 '' littlebox --json import --each imp2/new.key imp/site1.key imp/none.key
expect_json "done" 1 already 1 left_out 1 not_tried 0 files.0.result '"imported"' files.0.key '"new"' files.0.type '"ec:P-256"' \
    files.1.result '"already done"' files.2.result '"left out"' files.2.file '"imp/none.key"'
# Two files of one name, and a name that is taken: the second is left out, and stays.
key_in one/same.key
key_in two/same.key
expect 1 "has the name 'same', or had it" littlebox import --each one/same.key two/same.key
expect 1 'take this file by itself, under another name' littlebox import --each one/same.key two/same.key

# --- Usage
expect 2 '--stdin is for one FILE' littlebox adopt --stdin a b
expect 2 '--key is for one FILE' littlebox adopt --recursive --key x imp
expect 2 '--escrow is for one FILE' littlebox adopt a b --escrow c
expect 2 '--from names the files' littlebox adopt --from list.txt imp
expect 2 '--null says how' littlebox import --each --null a
expect 2 'give the directory' littlebox adopt --recursive
expect 2 'give the files' littlebox import --each
expect 2 '--server names the files' littlebox adopt --server nginx a b
expect 1 "cannot read the directory 'nosuchdir'" littlebox adopt --recursive nosuchdir
expect 1 "cannot read the list 'nosuchlist'" littlebox adopt --from nosuchlist

# --- Adopt, as certbot has them: a link in live/ to a file in archive/
for i in 1 2 3 4; do
    key_in "le/archive/s$i.example/privkey1.pem"
    mkdir -p "le/live/s$i.example"
    ln -s "../../archive/s$i.example/privkey1.pem" "le/live/s$i.example/privkey.pem"
    openssl pkey -in "le/live/s$i.example/privkey.pem" -pubout -out "s$i.pub"
    echo "a readme" >"le/live/s$i.example/README"
done
chmod 640 le/archive/s1.example/privkey1.pem
before=$(hashes le)
expect 0 '4 files: 4 would be adopted' littlebox adopt --dry-run --recursive le/live
[ "$(hashes le)" = "$before" ] || fail "a dry run changed a file"
expect 0 '4 files: 4 adopted, 0 already done, 0 left out' littlebox adopt --recursive le/live --allow 12345
expect_out littlebox:s1.example
for i in 1 2 3 4; do
    names "le/archive/s$i.example/privkey1.pem" "littlebox:s$i.example" || fail "no handle of s$i"
    [ -L "le/live/s$i.example/privkey.pem" ] || fail "the link is gone"
    same_public "s$i.example" "s$i.pub"
    [ "$(find "le/archive/s$i.example" -type f | wc -l)" -eq 1 ] || fail "left over: $(ls -A "le/archive/s$i.example")"
done
[ "$(stat -c %a le/archive/s1.example/privkey1.pem)" = 640 ] || fail "another mode"
expect 0 '' littlebox --json show s2.example
expect_json grants.# 1 grants.0.id 12345
after=$(hashes le)
expect 0 '4 files: 0 adopted, 4 already done, 0 left out' littlebox adopt --recursive le/live le/archive
[ "$(hashes le)" = "$after" ] || fail "what was done already was changed"
# A copy of a key that the box has stays: it may be there for the day when the box is lost.
mkdir backup
cp imp/site2.key backup/site2.key
expect 1 "left out: 'backup/site2.key': the box has this key already, as 'site2'" littlebox adopt --recursive backup
cmp -s imp/site2.key backup/site2.key || fail "a copy was changed"
# What cannot be adopted leaves the others.
key_in mix/good.key
key_in mix/hard.key
ln mix/hard.key mix/other.name
echo nothing >mix/nothing.key
expect 1 '3 files: 1 adopted, 0 already done, 2 left out' littlebox adopt mix/good.key mix/hard.key mix/nothing.key
grep -q 'hard links' err || fail "no reason: $(cat err)"
names mix/good.key littlebox:good || fail "the good one was not adopted"
is_plain mix/hard.key || fail "a file that was left out was changed"

# What no box holds is left out, also by who only looks; and where nothing came into the box, nothing is said of that.
mkdir curves
for curve in secp256k1 sect571r1; do
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "curves/$curve.key" 2>/dev/null
done
# The same key as one in the box, but a curve in numbers is no curve that has a name.
key_in had.key
littlebox import had had.key >out 2>err
openssl pkey -in had.key -ec_param_enc explicit -out curves/explicit.key 2>/dev/null
before=$(hashes curves)
for what in "import --recursive" "adopt --dry-run --recursive" "adopt --recursive"; do
    # shellcheck disable=SC2086 # words
    expect 1 "left out: 'curves/sect571r1.key': EC keys on the curve sect571r1 are not held by a box" littlebox $what curves
    grep -q "left out: 'curves/explicit.key': the EC key writes out its curve" err || fail "$what: $(cat err)"
    grep -q '3 files: 0 .*, 0 already done, 3 left out' err || fail "$what: $(cat err)"
    if grep -qE 'still in their files|the box has the keys now' err; then fail "$what: it says that some are there: $(cat err)"; fi
done
[ "$(hashes curves)" = "$before" ] || fail "a key that no box holds was changed"

# --- Killed, and ended by a signal: what is left is whole, and the same line goes on
FILES=100
# half_way ROUND SIGNAL : ends an adoption once its first file is a handle. Sets HANDLES.
half_way() {
    local i f dir=many$1
    mkdir -p "$dir"
    for ((i = 1; i <= FILES; i++)); do key_in "$dir/k$1-$i.key"; done
    cp -r "$dir" "were$1"
    littlebox adopt --recursive "$dir" >"$T/many.out" 2>"$T/many.err" 3>&- &
    local pid=$!
    while cmp -s "$dir/k$1-1.key" "were$1/k$1-1.key" && alive "$pid"; do :; done
    kill "-$2" "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    HANDLES=0
    for ((i = 1; i <= FILES; i++)); do
        f=$dir/k$1-$i.key
        if cmp -s "$f" "were$1/k$1-$i.key"; then continue; fi
        openssl pkey -in "were$1/k$1-$i.key" -pubout -out pub
        names "$f" "littlebox:k$1-$i" || fail "$f is neither what it was nor a handle"
        same_public "k$1-$i" pub
        HANDLES=$((HANDLES + 1))
    done
    say "SIG$2: $HANDLES of $FILES were handles when it ended"
}
round=0
for signal in KILL TERM; do
    HANDLES=$FILES
    while [ "$HANDLES" -eq "$FILES" ]; do
        round=$((round + 1))
        [ "$round" -le 40 ] || fail "no adoption was ended half way"
        half_way "$round" "$signal"
        [ "$signal" != TERM ] || [ "$HANDLES" -eq "$FILES" ] || grep -q 'not tried' many.err || fail "what was not tried is not told: $(cat many.err)"
        expect 0 ' 0 left out' littlebox adopt --recursive "many$round"
        for ((i = 1; i <= FILES; i++)); do
            names "many$round/k$round-$i.key" "littlebox:k$round-$i" || fail "k$round-$i was not gone on with"
        done
        [ "$(find "many$round" -name '.*.key.*' | wc -l)" -eq 0 ] || fail "left over: $(ls -A "many$round")"
    done
done

# --- Ended in each of the places in between: the new file not in place yet, and the old file beside the handle
key_in half/early.key
cp half/early.key early.was
littlebox import --each half/early.key >/dev/null 2>&1
expect 1 'the box has this key already' littlebox adopt --recursive half
: >half/.early.key.0123456789abcdef
expect 0 '1 file: 1 adopted' littlebox adopt --recursive half
names half/early.key littlebox:early || fail "it was not gone on with"
[ "$(ls -A half)" = early.key ] || fail "left over: $(ls -A half)"
cp early.was half/.early.key.fedcba9876543210
exec 6<half/.early.key.fedcba9876543210
expect 0 '1 already done' littlebox adopt --recursive half
[ "$(ls -A half)" = early.key ] || fail "the old content is still there"
grep -q 'PRIVATE KEY' <&6 && fail "the old content was not overwritten"
exec 6<&-
# What is no old content of this file is nobody's to overwrite.
cp imp2/new.key half/.early.key.fedcba9876543210
expect 1 'is no old content of this file, and stays' littlebox adopt --recursive half
cmp -s imp2/new.key half/.early.key.fedcba9876543210 || fail "a stranger's key was overwritten"

# --- A box that is locked ends it at once
key_in late/a.key
key_in late/b.key
littlebox lock >/dev/null 2>&1
expect 1 'is locked' littlebox adopt --recursive late
is_plain late/a.key || fail "a file was changed while the box was locked"
finish
