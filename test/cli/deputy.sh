#!/usr/bin/env bash
# A box gets nothing that it could not read itself, whatever it says of its files, and wherever its directory leads.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

cd "$T"
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF
box_uid=$(id -u)
if is_root; then
    box_uid=$UNPRIVILEGED
fi

# secret FILE WORDS [UID]: a file for its owner alone, that could be a credential.
secret() {
    printf '%s-0123456789abcdef0123456789abcdef\n' "$2" >"$1"
    chmod 0600 "$1"
    if is_root; then
        chown "${3:-0}" "$1"
    fi
}
# fake DIR MODE FILE: a box of that user in DIR, which says that it reads FILE.
fake() {
    mkdir -p "$1"
    ! is_root || chown "$box_uid" "$1"
    LITTLEBOX_DIR=$T/$1
    export LITTLEBOX_DIR
    : >"$1.said"
    cp -f "$TOOLS/fakebox" "$T/fakebox"
    # Without a shell in between, which would be what is ended in the place of the box.
    if is_root; then
        setpriv --reuid "$box_uid" --regid "$box_uid" --clear-groups "$T/fakebox" "$T/$1/default.sock" "$2" "$3" >>"$1.said" &
    else
        "$T/fakebox" "$T/$1/default.sock" "$2" "$3" >>"$1.said" &
    fi
    own "$!"
    await "the box that is none" grep -q ready "$1.said"
    said=$1.said
}
asked() {
    grep -q "request $1" "$said" || fail "the box was never asked that: $(cat "$said")"
}
got() {
    grep -qF "secret $1-" "$said" || fail "the box did not get '$1': $(cat "$said")"
    : >"$said"
}
got_nothing() {
    ! grep -q '^secret' "$said" || fail "the box got: $(cat "$said")"
}
unlock() {
    setsid -w littlebox --users "$box_uid" unlock
}
status() {
    littlebox --users "$box_uid" status
}

secret key callers
secret own own "$box_uid"

# Its word on where its file is.
fake word locked "$T/key"
expect 1 "cannot read the credential '$T/word/default.credential': No such file or directory" unlock
expect 1 "hint: name a file that opens it: littlebox --box default --users $box_uid unlock --credential FILE" unlock
expect 3 '' status
asked 0048
got_nothing

# The file of its directory is what it gets.
secret word/default.credential file "$box_uid"
expect 0 '' unlock
got file
expect 3 '' status
got file
# And the one that BOX.conf names.
echo "credential = $T/own" >word/default.conf
expect 0 '' unlock
got own
expect 3 '' status
got own
rm word/default.conf

# The same where the caller does not say where the box is: openssl.cnf does, and a box there says what it likes.
cat >openssl.cnf <<END
openssl_conf = my_init
[my_init]
providers = my_providers
[my_providers]
littlebox = my_littlebox
[my_littlebox]
littlebox-directory = $T/away
littlebox-users = $box_uid
activate = 1
END
fake away handed "$T/key"
unset LITTLEBOX_DIR
expect 1 '' littlebox doctor
grep -qF "at its next start box 'default' may stay locked: that is not known: the service manager hands over a credential, and whether it is this box's" out ||
    fail "doctor: $(cat out)"
asked 0048
got_nothing
kill "${TEST_PIDS[-1]}"
rm -f away/default.sock
fake away locked "$T/key"
unset LITTLEBOX_DIR
expect 1 '' littlebox doctor
grep -qF "at its next start box 'default' stays locked: cannot read $T/key: told by the box" out || fail "doctor: $(cat out)"
asked 0048
got_nothing

# A pipe in the place of its configuration keeps nobody waiting.
fake pipe locked "$T/key"
mkfifo pipe/default.conf
expect 1 "cannot read the credential '$T/pipe/default.credential': No such file or directory" \
    timeout "$AWAIT_SECONDS" littlebox --users "$box_uid" unlock

is_root || exit 0

# Its directory leads to a file that root alone can read: by a link of the box's user, or by what BOX.conf says.
denied="Permission denied"
fake link locked "$T/key"
other ln -s "$T/key" link/default.credential
expect 1 "cannot read the credential '$T/link/default.credential': $denied" unlock
got_nothing
expect 3 '' status
expect_out "cannot read $T/link/default.credential: $denied"
expect_out "if it is for this box alone: chown $box_uid:$box_uid $T/link/default.credential"
asked 0048
got_nothing
other ln -sf "$T/own" link/default.credential
expect 0 '' unlock
got own
expect 3 '' status
got own
echo "credential = $T/key" >link/default.conf
expect 1 "cannot read the credential '$T/key': $denied" unlock
expect 3 '' status
expect_out "cannot read $T/key: $denied"
got_nothing
# Groups of the caller are no more the box's than root is, nor are powers that root was told to keep.
in_group() {
    setpriv --groups 12345 littlebox --users "$box_uid" "$@"
}
secret group callers
chown 0:12345 group
chmod 0640 group
echo "credential = $T/group" >link/default.conf
expect 1 "cannot read the credential '$T/group': $denied" in_group unlock
expect 3 '' in_group status
expect_out "cannot read $T/group: $denied"
echo "credential = $T/key" >link/default.conf
expect 1 "cannot read the credential '$T/key': $denied" \
    setpriv --securebits +no_setuid_fixup littlebox --users "$box_uid" unlock
got_nothing
# Root says which file: that one counts.
expect 0 '' littlebox --users "$box_uid" unlock --credential "$T/key"
got callers

# The first secret of a store, in the place of one that is made.
fake new new "$T/key"
other ln -s "$T/key" new/default.credential
expect 1 "cannot read the credential '$T/new/default.credential': $denied" littlebox --users "$box_uid" init
got_nothing
other ln -sf "$T/own" new/default.credential
expect 0 "made the store" littlebox --users "$box_uid" init
got own

# Somebody else than root and the box's user has nothing to read for it, whatever he can read.
fake third locked "$T/key"
secret mine third 12345
echo "credential = $T/mine" >third/default.conf
third() {
    setpriv --reuid 12345 --regid 12345 --clear-groups "$@"
}
expect 1 "only root and uid $box_uid can read it for the box" third setsid -w littlebox --users "$box_uid" unlock
expect 3 '' third littlebox --users "$box_uid" status
expect_out "next start   not known: only root, or the box's user, can try the file that it reads then"
asked 0048
got_nothing
