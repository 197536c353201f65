#!/usr/bin/env bash
# Files with a secret are read only if nobody else gets at them: by the box when it starts, and by the command.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
cd "$T"
me=$(id -u)
credential=$T/box/default.credential
start_named default
littlebox init 2>/dev/null
stop_box
cp "$credential" good
chmod 600 good

# opens WHAT: the box opens itself.
opens() {
    start_named default
    status_exits 0 || fail "$1: the box is locked: $(tail -n 3 box.log)"
    expect 0 '' littlebox --json status
    expect_json credential true credential_refused false
    stop_box
}
# refuses TEXT CURE: it does not, says why in its log, and says that it does in its status and to doctor.
refuses() {
    : >box.log
    start_named default
    expect 3 '' littlebox status
    expect_out 'locked'
    expect_out "next start   stays locked: cannot read $credential: $1"
    grep -qF "littleboxd[default]: cannot read the credential $credential: $1" box.log ||
        fail "no '$1' in the log: $(cat box.log)"
    [ -z "$2" ] || grep -F "cannot read the credential" box.log | grep -qF "; $2" || fail "no cure '$2': $(cat box.log)"
    expect 3 '' littlebox --json status
    expect_json state '"locked"' credential false credential_refused true
    littlebox doctor --module /nonexistent >doctor.out 2>&1 || :
    grep -qF "FAIL  box 'default' has a credential that it refuses" doctor.out || fail "doctor: $(cat doctor.out)"
    expect 1 "hint: run: littlebox --box default unlock; the box's log says why its credential did not open it" \
        littlebox create x
    # The command does not read it either.
    if [ "${3-}" != unread ]; then
        expect 1 "cannot read the credential '$credential': $1" littlebox unlock
        [ -z "$2" ] || expect 1 "hint: $2" littlebox unlock
    fi
    stop_box
}
exposed() {
    chmod "$1" "$credential"
    refuses "its mode 0$1 lets others than its owner (uid $me) get at it" "chmod 600 $credential; if others may have read it, change the secret, and keep this file until then"
}
for mode in 640 604 620 602 610 601 660 644 666 777; do
    exposed $mode
done
for mode in 600 400; do
    chmod $mode "$credential"
    opens "mode $mode"
done

# A link is followed, and the file behind it counts.
mv "$credential" moved
ln -s "$T/moved" "$credential"
opens 'a link'
chmod 644 moved
refuses "its mode 0644 lets others than its owner (uid $me) get at it" "chmod 600 $credential"
chmod 600 moved

# Neither a pipe nor a device nor a directory stops the box, or is taken for a secret.
rm "$credential"
mkfifo -m 600 "$credential"
littleboxd --dir "$T/box" 2>pipe.log &
KEEPER=$!
own "$KEEPER"
await "the box to tell of its credential" grep -qF "cannot read the credential $credential: it is not a plain file" pipe.log
stop_box
refuses 'it is not a plain file' '' unread
rm "$credential"
ln -s /dev/zero "$credential"
# Where the kernel has Landlock, devices and directories are out of reach, which is said of them.
refuses '' ''
rm "$credential"
mkdir "$credential"
refuses '' ''
rmdir "$credential"
: >"$credential"
chmod 600 "$credential"
refuses 'it is empty' ''
rm "$credential"
head -c 5000 /dev/zero >"$credential"
chmod 600 "$credential"
refuses 'it is longer than 4096 bytes' ''
rm "$credential"
start_named default
expect 3 '' littlebox status
expect_out "next start   stays locked: $credential is not there"
# What is made on the way is read from a pipe by the command.
expect 0 '' bash -c 'littlebox unlock --credential <(cat good)'
# A file that others read makes no seal.
cp good shown
chmod 644 shown
expect 1 "cannot read the credential 'shown': its mode 0644 lets others" littlebox seal add --credential shown
expect 1 'hint: chmod 600 shown; if others may have read it, change the secret, and keep this file until then' littlebox seal add --credential shown
stop_box

if is_root; then
    # Another owner can read and change it, whatever its mode. The box's user is trusted by root, not by others.
    cp good "$credential"
    chmod 600 "$credential"
    chown 12345 "$credential"
    refuses "it belongs to uid 12345 (mode 0600), and it is for root or uid 0 alone" "chown 0 $credential"
    rm "$credential"

    # As systemd hands it over: root's, and a list of who may read, or the service user's own.
    user=$(getent passwd $UNPRIVILEGED | cut -d: -f1)
    start_named served --user "$user"
    littlebox --box served init 2>/dev/null
    stop_box
    mv box/served.credential handed
    mkdir -m 755 credentials
    CREDENTIALS_DIRECTORY=$T/credentials
    export CREDENTIALS_DIRECTORY
    # served WANTED WHAT: the status of the box
    served() {
        : >box.log
        start_named served --user "$user"
        status_exits "$1" --box served || fail "$2: not $1 but: $(littlebox --box served status) $(cat box.log)"
        stop_box
    }
    # listed U|G ID PERM GROUP: such a file, root's.
    listed() {
        rm -f credentials/littlebox
        cp handed credentials/littlebox
        chown 0:0 credentials/littlebox
        chmod 400 credentials/littlebox
        "$TOOLS/fileattr" acl credentials/littlebox "$@" || fail "set TMPDIR to a file system that has access control lists"
    }
    cp handed credentials/littlebox
    chmod 400 credentials/littlebox
    chown $UNPRIVILEGED credentials/littlebox
    served 0 "the service user's own"
    listed u $UNPRIVILEGED 4 0
    [ "$(stat -c '%a %u' credentials/littlebox)" = '470 0' ] || fail "a list shows as $(stat -c %a credentials/littlebox)"
    served 0 "root's, and the service user is in the list"
    # Which others are in, too: the box could read these (group 65534 is its own), and does not.
    listed g $UNPRIVILEGED 4 0
    served 3 "a group is in the list"
    grep -qF "credentials/littlebox: its mode 0470 lets others than its owner (uid 0) get at it" box.log ||
        fail "a group in the list: $(cat box.log)"
    chgrp $UNPRIVILEGED credentials/littlebox
    listed u 12345 4 0
    chown $UNPRIVILEGED credentials/littlebox
    served 3 "another user is in the list"
    grep -qF "lets others than its owner (uid $UNPRIVILEGED) get at it" box.log || fail "another in the list: $(cat box.log)"
    listed u $UNPRIVILEGED 4 4
    served 3 "the file's group is in the list"
    listed u 12345 0 0
    chown $UNPRIVILEGED credentials/littlebox
    served 0 "a list that gives nothing to anybody"
    # Root reads what the box's user has, to unlock it; that user does not read what is another's.
    start_named served --user "$user"
    littlebox --box served lock
    chmod 600 handed
    expect 0 '' littlebox --box served unlock --credential handed
    littlebox --box served lock
    chown 12345 handed
    chmod 600 handed
    expect 1 'it belongs to uid 12345 (mode 0600)' littlebox --box served unlock --credential handed
    stop_box
fi
