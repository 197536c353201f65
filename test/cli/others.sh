#!/usr/bin/env bash
# Other users than root: whom the box runs as, and what those are told who may not.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
is_root || skip "only root can be another user"
user=$(getent passwd $UNPRIVILEGED | cut -d: -f1)
[ -n "$user" ] || fail "uid $UNPRIVILEGED has no name"
cd "$T"

# --user: no process of the box is root's any more. Its files belong to who it runs as, or it could not read them again.
# It is started with groups that it must lose.
BOX_UNDER=(setpriv --groups "0,12345")
start_named served --user "$user"
BOX_UNDER=()
expect 0 "made the store of box 'served'" littlebox --box served init
expect 0 '' littlebox --box served create web
child_of() {
    littlebox --box "$1" --json status >"$T/out" && json_at pid
}
ids="$UNPRIVILEGED $UNPRIVILEGED $UNPRIVILEGED $UNPRIVILEGED"
for pid in "$KEEPER" "$(child_of served)"; do
    for line in Uid Gid; do
        [ "$(sed -n "s/^$line:[[:space:]]*//p" "/proc/$pid/status" | tr '\t' ' ')" = "$ids" ] ||
            fail "process $pid of a box with --user: $(cat "/proc/$pid/status")"
    done
    grep -qE '^Groups:.*[[:space:]](0|12345)([[:space:]]|$)' "/proc/$pid/status" &&
        fail "process $pid of a box with --user kept its groups: $(cat "/proc/$pid/status")"
    for set in CapPrm CapEff CapInh; do
        grep -qE "^$set:[[:space:]]*0+\$" "/proc/$pid/status" ||
            fail "process $pid of a box with --user: $(cat "/proc/$pid/status")"
    done
done
[ "$(stat -c '%a %u' box/served.credential)" = "400 $UNPRIVILEGED" ] || fail "the credential is not the box's"
[ "$(stat -c '%a %u' box/served)" = "700 $UNPRIVILEGED" ] || fail "the store's directory is not the box's"
[ -z "$(find box/served ! -uid $UNPRIVILEGED)" ] || fail "not the box's: $(find box/served ! -uid $UNPRIVILEGED)"
stop_box
start_named served --user "$user"
await "box served to serve" status_exits 0 --box served
expect 0 '' littlebox --box served show web
# It is its own administrator, as root is.
expect 0 '' other littlebox --box served --json status
expect_json admin true uid $UNPRIVILEGED
grep -qF "running as uid $UNPRIVILEGED, as other programs may that have no user of their own, and all of these are its administrators" \
    box.log || fail "no warning of whom it runs as: $(cat box.log)"
stop_box
expect 78 "there is no user 'no-such-user'" littleboxd --dir "$T/box" --box served --user no-such-user
expect 78 'useradd --system' littleboxd --dir "$T/box" --box served --user no-such-user
expect 78 "there is no user 'littlebox-no-such'; make it: littlebox box create no-such" \
    littleboxd --dir "$T/box" --box served --user littlebox-no-such
expect 78 "only root can run a box as user 'root'" other littleboxd --dir "$T/box" --box served --user root

# Not an administrator: no store for anybody, and no file left behind.
printf 'a secret\n' >pw
mkdir own
chown $UNPRIVILEGED own
start_named foreign
expect 1 'uid 65534 may not init' other littlebox --box foreign init --passphrase-file pw
expect 1 'uid 65534 may not init' other littlebox --box foreign init --credential own/made
[ ! -e own/made ] || fail "a credential for nothing"
status_exits 3 --box foreign || fail "a store was made"

# Others see what they may use, and change nothing.
start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox create mail >/dev/null
littlebox seal add --passphrase-file pw
expect 0 '' other littlebox --json list
expect_json '' '[]'
expect 0 "uid 65534 may use no key of box 'default'" other littlebox list
expect 0 'hint: its administrator can allow it: littlebox --box default allow KEY --user 65534' other littlebox list
expect 0 'warning: uid 65534 stands for everybody' littlebox allow mail --user $UNPRIVILEGED
expect 0 '' other littlebox --json list
expect_json '#' 1 0.key '"mail"' 0.grants null 0.used null
# What is not known is no column of the list: "-" would say that nobody may use it and nobody did.
expect 0 '' other littlebox list
expect_out 'CERTIFICATE UNTIL'
! grep -qE 'LAST USED|ALLOWED' out || fail "columns of what is not told: $(cat out)"
expect 0 '' littlebox list
grep -qE 'LAST USED +ALLOWED' out || fail "an administrator's list: $(cat out)"
expect 0 '' other littlebox --json status
expect_json admin false uid $UNPRIVILEGED
expect 0 '' other littlebox handle web
openssl genpkey -algorithm ED25519 -out mine.pem
chown $UNPRIVILEGED:$UNPRIVILEGED mine.pem
mv mine.pem own
littlebox list >before
littlebox seal list >>before
littlebox show mail >>before
for command in 'create x' 'import x own/mine.pem' 'show web' 'destroy web --yes' 'destroy web --now --yes' 'destroy web --cancel' 'rename web x' 'allow web --user 1' \
    'deny mail --user 1' 'lock' 'seal list' 'seal add --passphrase-file pw' 'seal remove 1'; do
    # shellcheck disable=SC2086 # words are wanted
    expect 1 'uid 65534 may not' other littlebox $command
    grep -qF 'hint: ask an administrator of the box' err || fail "no hint: $(cat err)"
done
{ littlebox list && littlebox seal list && littlebox show mail; } | cmp -s - before || fail "something was changed"
littlebox lock
expect 1 'uid 65534 may not unlock' other littlebox unlock --passphrase-file pw
expect 3 '' littlebox status
littlebox unlock --passphrase-file pw
sum=$(sha256sum <own/mine.pem)
expect 1 "uid 65534 may not import in box 'default'" other littlebox adopt own/mine.pem
[ "$(sha256sum <own/mine.pem)" = "$sum" ] || fail "a refused file was changed"
expect 0 '' other littlebox status
expect 0 '' littlebox --json status
[ "$(json_at refusals)" -ge 12 ] || fail "refusals were not counted: $(cat out)"

# One user causes at most LOGQUOTA_LINES lines a second in the box's log: logged() asks again until there was room.
logged() {
    text=$1
    shift
    "$@" >out 2>err || :
    grep -qF "$text" box.log
}
await "the log to tell of a refusal" logged "refused: uid 65534 may not lock in box 'default'" other littlebox lock

# Signing is refused by name too, until it is allowed, and again when it is denied.
module=$LITTLEBOX_BUILD/.libs/littlebox.so
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF
: >openssl.cnf
littlebox doctor --module "$module" | sed '1,/^append this/d' >lines || :
cp lines openssl.cnf
refused_to_sign() {
    expect 1 '' other littlebox doctor --handle littlebox:web
    expect_out 'FAIL  no test signature with littlebox:web: no signature'
    expect_out "uid 65534 may not sign with key 'web'"
}
refused_to_sign
await "the log to tell of a refusal" logged "refused: uid 65534 may not sign with key 'web' of box 'default'" refused_to_sign
littlebox allow web --user $UNPRIVILEGED
expect 0 '' other littlebox doctor --handle littlebox:web
littlebox deny web --user $UNPRIVILEGED
refused_to_sign
littlebox allow web --group $UNPRIVILEGED
expect 0 '' other littlebox doctor --handle littlebox:web

# A key that is granted for another operation is listed too, and the refusal names the operation that is missing.
littlebox create agree --type x25519 >/dev/null
expect 0 '' other littlebox --json list
grep -q agree out && fail "a key that is granted to nobody is listed: $(cat out)"
expect 1 '' other littlebox doctor --handle littlebox:agree
expect_out "uid 65534 may not derive with key 'agree'"
expect_out "allow agree --user 65534 --op derive"
littlebox allow agree --user $UNPRIVILEGED --op derive
expect 0 '' other littlebox doctor --handle littlebox:agree
expect 0 '' other littlebox --json list
grep -q agree out || fail "a key that is granted for agreements is not listed: $(cat out)"

# A socket that is closed to others says so, and where that is set.
printf 'socket-mode = 0600\n' >box/private.conf
start_named private
expect 1 "cannot connect to $T/box/private.sock: Permission denied" other littlebox --box private list
expect 1 'hint: uid 65534 may not: see socket-mode in littlebox.conf(5)' other littlebox --box private list
chmod 700 box
expect 1 "hint: $T/box, or what is above it, is closed to uid 65534" other littlebox --box private list
chmod 755 box
expect 1 '' other littlebox doctor --handle littlebox://private/web
expect_out "uid $UNPRIVILEGED cannot reach box 'private' at $T/box/private.sock: permission denied"

# 'admin' in BOX.conf makes others administrators, by user and by group.
for admin in user:$UNPRIVILEGED group:$UNPRIVILEGED; do
    echo "admin = $admin" >box/shared.conf
    start_named shared
    [ "$admin" != user:$UNPRIVILEGED ] || littlebox --box shared init 2>/dev/null
    await "box shared to serve" status_exits 0 --box shared
    expect 0 '' other littlebox --box shared --json status
    expect_json admin true uid $UNPRIVILEGED
    expect 0 '' other littlebox --box shared create "by-${admin%:*}"
    case $admin in user:*) who=uid ;; *) who=gid ;; esac
    grep -qF "shared.conf: admin: $who $UNPRIVILEGED stands for everybody whom a user namespace does not map" box.log ||
        fail "no warning of admin = $admin: $(cat box.log)"
    stop_box
done

# A file of another owner, as root adopts it for a server.
chmod 600 own/mine.pem
before=$(stat -c '%a %u %g' own/mine.pem)
expect 0 overwritten littlebox adopt own/mine.pem
[ "$(stat -c '%a %u %g' own/mine.pem)" = "$before" ] || fail "owner or mode changed"

# Who may not give a file away replaces nobody's file.
OPENSSL_CONF=/dev/null openssl genpkey -algorithm ED25519 -out theirs.pem
chown $UNPRIVILEGED theirs.pem
sum=$(sha256sum <theirs.pem)
expect 1 "cannot give the new '$T/theirs.pem' to its owner, uid $UNPRIVILEGED gid 0" \
    setpriv --bounding-set -chown littlebox --dir "$T/box" adopt theirs.pem
expect 1 'hint: run this as root' setpriv --bounding-set -chown littlebox --dir "$T/box" adopt theirs.pem
[ "$(sha256sum <theirs.pem)" = "$sum" ] || fail "a refused file was changed"
expect 1 "there is no key 'theirs'" littlebox show theirs
