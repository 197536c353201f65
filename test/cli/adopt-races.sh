#!/usr/bin/env bash
# What a neighbour may do while a key is adopted: swap the file, its directory, a link on the way. Nothing is lost,
# nothing is made elsewhere, and no key stays in the box that is still in a file.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
MOMENT=$TOOLS/.libs/moment.so
[ -e "$MOMENT" ] || fail "there is no moment.so: run make check TESTS="
start_named default
littlebox init 2>/dev/null
cd "$T"
mkdir keys
chmod 755 keys
cd keys

# at_moment VARIABLE=VALUE... COMMAND...: with the shim, which the command alone loads; with ASan behind its runtime.
at_moment() {
    shim=$MOMENT
    ! grep -q __asan_init "$LITTLEBOX_BUILD/littlebox" || shim="$(gcc -print-file-name=libasan.so) $MOMENT"
    env LD_PRELOAD="$shim" ASAN_OPTIONS=detect_leaks=0 "$@"
}
no_key() {
    expect 1 "there is no key '$1'" littlebox show "$1"
}
only() {
    [ "$(ls -A)" = "$(printf '%s\n' "$@")" ] || fail "left over: $(ls -A)"
}
mkfifo "$T/passphrase"
# adopt_when FILE COMMAND...: the command runs once the key was read, and before anything was done with it.
adopt_when() {
    littlebox adopt "$1" --passphrase-file "$T/passphrase" >"$T/out" 2>"$T/err" &
    adopter=$!
    shift
    exec 6>"$T/passphrase" # waits until the command reads
    "$@"
    echo secret >&6
    exec 6>&-
    ! wait $adopter || fail "it was adopted"
}

# The file is another by then: the box never gets the key.
new_key ec:P-256 plain.pem
openssl pkcs8 -topk8 -in plain.pem -passout pass:secret -out early.p8
cp early.p8 same
adopt_when early.p8 mv same early.p8
grep -qF "keys/early.p8' was changed meanwhile" "$T/err" || fail "another file: $(cat "$T/err")"
no_key early
only early.p8 plain.pem
rm early.p8

# The directory is another by then: nothing is made in either, not for a moment.
mkdir live other
openssl pkcs8 -topk8 -in plain.pem -passout pass:secret -out live/web.p8
cp live/web.p8 other/web.p8
touch -d '2001-01-01' live other
times=$(stat -c %y live other)
swap() {
    mv live moved
    ln -s other live
}
adopt_when live/web.p8 swap
grep -qF "the directory of '$T/keys/live/web.p8' was changed meanwhile" "$T/err" || fail "a directory: $(cat "$T/err")"
[ "$(stat -c %y moved other)" = "$times" ] || fail "something was made in a directory that is not the key's"
no_key web
rm -r moved other live

# At the last moment a renewed key is put there: it stays, and the box destroys its copy of the old one.
new_key ec:P-256 site.pem
new_key ec:P-256 renewed.pem
sum=$(sha256sum <renewed.pem)
expect 1 "site.pem' was changed meanwhile" at_moment MOMENT_RENAME_1="$T/keys/renewed.pem $T/keys/site.pem" \
    littlebox adopt site.pem
grep -qF "the box has destroyed its copy of the key again" "$T/err" || fail "no word of the box: $(cat "$T/err")"
[ "$(sha256sum <site.pem)" = "$sum" ] || fail "the renewed key is lost"
expect 1 'is destroyed' littlebox handle site
only plain.pem site.pem
# And again when that is put back: neither is lost.
new_key ec:P-256 second.pem
new_key ec:P-256 third.pem
sums=$(sha256sum second.pem third.pem | cut -d' ' -f1 | sort)
expect 1 "'site.pem' was changed meanwhile, and what was there is now '.site.pem." \
    at_moment MOMENT_RENAME_1="$T/keys/second.pem $T/keys/site.pem" MOMENT_RENAME_2="$T/keys/third.pem $T/keys/site.pem" \
    littlebox adopt site.pem
[ "$(sha256sum site.pem .site.pem.* | cut -d' ' -f1 | sort)" = "$sums" ] || fail "one of two is lost: $(ls -A)"
rm .site.pem.* site.pem

# A file system that cannot exchange two files will do.
new_key ec:P-256 plainly.pem
expect 0 'was overwritten' at_moment MOMENT_NO_EXCHANGE=1 littlebox adopt plainly.pem
littlebox handle plainly | cmp -s - plainly.pem || fail "no handle in the file"
only plain.pem plainly.pem

# What was in the old file's blocks is overwritten before they are given back, and not by zeros.
for mode in 600 400; do
    new_key ec:P-256 old.pem
    cp old.pem copy
    chmod $mode old.pem
    rm -f "$T/blocks"
    expect 0 'was overwritten' at_moment MOMENT_TRUNCATE="$T/blocks" littlebox adopt old.pem --key old$mode
    [ "$(stat -c %s "$T/blocks")" = "$(stat -c %s copy)" ] || fail "mode $mode: not as much as was there"
    grep -v -e ----- copy | while read -r line; do
        ! grep -qaF -- "$line" "$T/blocks" || fail "mode $mode: the key is still in the old file"
    done || exit 1
    [ "$(tr -d '\000' <"$T/blocks" | wc -c)" -gt 100 ] || fail "mode $mode: zeros"
    rm -f old.pem copy
done

# A disk that does not keep what was written: the sealed copy is no good, so the key stays where it is.
echo 'a long secret' >pass
openssl genpkey -algorithm ED25519 -out another.pem
openssl pkcs8 -topk8 -in another.pem -passout file:pass -out another.escrow
echo garbage >garbage
new_key ec:P-256 sealed.pem
cp sealed.pem same
for row in "garbage:cannot open the escrow" "another.escrow:the escrow holds another key than it should"; do
    expect 1 "${row#*:}" at_moment MOMENT_LINK="${row%%:*}" littlebox adopt sealed.pem --escrow copy \
        --escrow-passphrase-file pass
    cmp -s sealed.pem same || fail "it was adopted"
    no_key sealed
    [ ! -e copy ] || fail "what is no good is left: $(ls -A)"
done
rm pass another.pem another.escrow garbage sealed.pem same

# refused TEXT HINT FILE KEY [COMMAND...]: fails, and changes nothing in file or box.
refused() {
    text=$1 hint=$2 file=$3 key=$4
    shift 4
    sum=$(sha256sum <"$file")
    expect 1 "$text" "$@" littlebox adopt "$file"
    grep -qF "hint: $hint" "$T/err" || fail "no hint '$hint': $(cat "$T/err")"
    [ "$(sha256sum <"$file")" = "$sum" ] || fail "'$file' was changed"
    no_key "$key"
}
# Where others may swap the file at any moment, nothing can be promised, and nothing is done.
for mode in 777 770 757 2775; do
    mkdir -p open/below
    new_key ec:P-256 open/below/k.pem
    chmod $mode open
    refused "may put another file in the place of 'open/below/k.pem': '$T/keys/open' has mode $(printf '%04d' $mode)" \
        "chmod go-w '$T/keys/open', or move the file" open/below/k.pem k
    rm -r open
done
# Sticky as /tmp is: nobody touches what is another's.
mkdir sticky
chmod 1777 sticky
new_key ec:P-256 sticky/mine.pem
expect 0 'was overwritten' littlebox adopt sticky/mine.pem
if is_root; then
    other=12345
    mkdir theirs
    new_key ec:P-256 theirs/root.pem
    chown $other theirs
    refused "uid $other, who owns a directory or a link on the way to '$T/keys/theirs/root.pem', may put another" \
        "move it to where only root, you, or its owner (uid 0) may write" theirs/root.pem root
    # What is theirs they may do with as they like, and root helps them.
    new_key ec:P-256 theirs/own.pem
    chown $other theirs/own.pem
    expect 0 'was overwritten' littlebox adopt theirs/own.pem
    [ "$(stat -c %u theirs/own.pem)" = $other ] || fail "the handle is not theirs"
    # But not to what their link says is to be adopted. (Not in a sticky directory: there a system with fs.protected_symlinks
    # follows no link of theirs.)
    mkdir links
    new_key ec:P-256 hidden.pem
    ln -s ../hidden.pem links/link.pem
    chown -h $other links/link.pem
    refused "uid $other, who owns a directory or a link on the way to '$T/keys/hidden.pem'" 'move it' links/link.pem link
    ln -s "$T/keys" links/dir
    chown -h $other links/dir
    refused "uid $other, who owns a directory or a link on the way" 'move it' links/dir/hidden.pem hidden
fi
