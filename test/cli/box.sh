#!/usr/bin/env bash
# A user of its own for each box: who is made one, what is handed to it, what is refused, and that boxes of two users are
# strangers to each other. Users are made by systemd-sysusers and by useradd as they are, in a copy of /etc.
set -eu
# shellcheck disable=SC2093 # it comes back as another process
if [ "$(id -u)" = 0 ] && [ -z "${BOX_SH_INSIDE-}" ]; then
    why=$(unshare --mount --propagation private true 2>&1) || {
        echo "SKIP: no namespace for a copy of /etc: $why"
        exit 77
    }
    BOX_SH_INSIDE=yes exec unshare --mount --propagation private "$0"
fi
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
cd "$T"
mkdir boxes
LITTLEBOX_DIR=$T/boxes
export LITTLEBOX_DIR

# A copy of /etc, in memory: the users that are made here are gone with it. First of all, so that no fault of the
# command makes any on the machine.
if is_root; then
    mkdir etc
    mount -t tmpfs -o mode=0755 tmpfs etc
    cleanup_more() {
        umount -l /etc "$T/etc"
    }
    cp -a /etc/. etc
    # What this machine may have of ours.
    sed -i '/^littlebox/d' etc/passwd etc/shadow etc/group etc/gshadow
    rm -f etc/sysusers.d/littlebox-*
    mount --bind etc /etc
fi

# What the command line refuses.
expect 2 "'box' needs: create NAME | list" littlebox box
expect 2 "unknown 'box delete': there are create and list" littlebox box delete
expect 2 "'box create' needs the name of a box" littlebox box create
expect 2 "'box list' takes no argument" littlebox box list web
expect 2 "'../x' is not a box name" littlebox box create ../x
expect 2 "--box a and 'box create b' are two boxes" littlebox --box a box create b

if ! is_root; then
    expect 1 "only root can make a user for box 'web'" littlebox box create web
    expect 1 'hint: run this as root; a box of your own runs as you' littlebox box create web
    expect 0 '' littlebox --json box list
    expect_json '' '[]'
    exit 0
fi
expect 1 "only root can make a user for box 'web'" other littlebox box create web

entry() {
    getent passwd "$1" || fail "there is no user $1"
}
owner() {
    stat -c '%U %a' "$1"
}

# makes BOX: the user is a system one, without a login, with a group of its own, and the directory is that user's alone.
makes() {
    ! getent passwd "littlebox-$1" >/dev/null || fail "littlebox-$1 is there already"
    expect 0 "box '$1' runs as user littlebox-$1" littlebox --json box create "$1"
    expect_json box "\"$1\"" user "\"littlebox-$1\"" user_made true store_moved false credential_moved false \
        directory "\"$T/boxes/$1\""
    [ "$(owner "boxes/$1")" = "littlebox-$1 700" ] || fail "boxes/$1: $(owner "boxes/$1")"
    uid=$(id -u "littlebox-$1")
    if [ "$uid" -lt 1 ] || [ "$uid" -ge 1000 ]; then fail "uid: $(entry "littlebox-$1")"; fi
    [ "$(id -Gn "littlebox-$1")" = "littlebox-$1" ] || fail "groups: $(id -Gn "littlebox-$1")"
    case $(entry "littlebox-$1") in
    *:/usr/sbin/nologin) ;;
    *) fail "login shell: $(entry "littlebox-$1")" ;;
    esac
}
umask 077
makes web
umask 022
[ "$(owner boxes)" = 'root 755' ] || fail "boxes: $(owner boxes)"
if [ -x /usr/bin/systemd-sysusers ]; then
    grep -qxF 'u littlebox-web - "Key box web (littlebox)" - -' /etc/sysusers.d/littlebox-web.conf || fail "no line for sysusers"
    # Where there is none, useradd makes it.
    mount --bind /dev/null /usr/bin/systemd-sysusers
    groupadd --system littlebox-Mail_2
    makes Mail_2
    [ ! -e /etc/sysusers.d/littlebox-Mail_2.conf ] || fail "a line for sysusers that is not there"
    umount /usr/bin/systemd-sysusers
fi
makes 123456789012345678901

# Nothing that makes users, and what fails to.
for program in /usr/bin/systemd-sysusers /usr/sbin/useradd; do
    [ ! -e $program ] || mount --bind /dev/null $program
done
expect 1 "cannot make user 'littlebox-none': there is neither systemd-sysusers nor useradd" littlebox box create none
expect 1 'hint: make a system user of that name, without a login shell' littlebox box create none
umount /usr/sbin/useradd
printf '#!/bin/sh\necho no room here >&2\nexit 9\n' >failing
chmod 755 failing
mount --bind failing /usr/sbin/useradd
expect 1 "/usr/sbin/useradd did not make user 'littlebox-none' (status 9)" littlebox box create none
expect 1 'hint: see what it said' littlebox box create none
grep -qxF 'no room here' err || fail "not told what it said: $(cat err)"
umount /usr/sbin/useradd
if [ -e /usr/bin/systemd-sysusers ]; then
    umount /usr/bin/systemd-sysusers
    mount --bind failing /usr/bin/systemd-sysusers
    expect 1 "/usr/bin/systemd-sysusers did not make user 'littlebox-none' (status 9)" littlebox box create none
    [ ! -e /etc/sysusers.d/littlebox-none.conf ] || fail "a line for sysusers is left"
    umount /usr/bin/systemd-sysusers
fi
[ ! -e boxes/none ] || fail "boxes/none was made"

# Twice is once.
expect 0 "box 'web' runs as user littlebox-web" littlebox --json box create web
expect_json user_made false store_moved false credential_moved false
expect 0 "hint: littleboxd --box web --user littlebox-web --dir $T/boxes" littlebox --box web box create web
expect_hint_init() { grep -qxF "hint: then: littlebox --box web --dir $T/boxes init" err || fail "no hint: $(cat err)"; }
expect_hint_init

# Names that cannot be a user's.
for name in a.b 1234567890123456789012; do
    expect 1 "no system user can be named after box '$name'" littlebox box create "$name"
    expect 1 'hint: take a name of at most 21 characters without a dot' littlebox box create "$name"
    [ ! -e "boxes/$name" ] || fail "boxes/$name was made"
done

# Accounts that are not a box's: nothing is made, nothing is given to them.
foreign() {
    expect 1 "user 'littlebox-$1' is not a box's$2" littlebox box create "$1"
    expect 1 "hint: rename the account 'littlebox-$1'" littlebox box create "$1"
    [ ! -e "boxes/$1" ] || fail "boxes/$1 was made"
}
useradd --no-create-home --non-unique --uid 1234 --shell /usr/sbin/nologin littlebox-person
foreign person ": its uid 1234 is one of people's accounts"
useradd --system --no-create-home --shell /bin/sh littlebox-login
foreign login ": it has the login shell '/bin/sh'"
useradd --system --no-create-home --shell /usr/sbin/nologin --non-unique --uid "$(id -u littlebox-web)" littlebox-twin
foreign twin " alone: 'littlebox-web' has the same uid $(id -u littlebox-web)"
userdel littlebox-twin
useradd --system --no-create-home --shell /usr/sbin/nologin --non-unique --uid 0 --gid 0 littlebox-zero
foreign zero ": its uid 0 is root's"

# A directory where others choose what a name means.
mkdir open
chmod 775 open
expect 1 "others than root can write in $T/open" littlebox --dir "$T/open" box create web
expect 1 "hint: it must be root's alone: chown root $T/open && chmod go-w $T/open" littlebox --dir "$T/open" box create web
chmod 755 open
chown $UNPRIVILEGED open
expect 1 "$T/open belongs to uid $UNPRIVILEGED" littlebox --dir "$T/open" box create web
[ -z "$(ls -A open)" ] || fail "made: $(ls -A open)"

# Two boxes, two users. The credential is for its box alone, and root's directory keeps it in its place.
makes shop
# start BOX [USER]: as that user, the box's own if none is named. KEEPER is its keeper.
start() {
    littleboxd --dir "$T/boxes" --box "$1" --user "${2-littlebox-$1}" 2>>"box-$1.log" &
    KEEPER=$!
    own "$KEEPER"
    await "box $1 to answer" answers --box "$1"
}
for box in web shop; do
    start $box
    running="${running-} $KEEPER"
    expect 0 "made the store of box '$box'" littlebox --box $box init
    expect 0 '' littlebox --box $box create key
    [ "$(owner boxes/$box.credential)" = "littlebox-$box 400" ] || fail "$(owner boxes/$box.credential)"
done
as() {
    user=$1
    shift
    setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}
for pair in 'web shop' 'shop web'; do
    own=${pair% *} theirs=${pair#* }
    expect 0 '' as littlebox-"$own" cat boxes/"$own".credential
    expect 1 'Permission denied' as littlebox-"$own" cat boxes/"$theirs".credential
    expect 2 'Permission denied' as littlebox-"$own" ls boxes/"$theirs"
    expect 1 'Permission denied' as littlebox-"$own" mv boxes/"$own".credential boxes/x
    child=$(littlebox --box "$theirs" --json status >out && json_at pid)
    expect 1 'Permission denied' as littlebox-"$own" cat "/proc/$child/environ"
    expect 1 'not permitted' as littlebox-"$own" kill "$child"
    expect 0 '' as littlebox-"$own" littlebox --box "$own" --json status
    expect_json admin true
    expect 0 '' as littlebox-"$own" littlebox --box "$theirs" --json status
    expect_json admin false
    expect 1 "uid $(id -u littlebox-"$own") may not lock" as littlebox-"$own" littlebox --box "$theirs" lock
    expect 1 "uid $(id -u littlebox-"$own") may not create" as littlebox-"$own" littlebox --box "$theirs" create x
    expect 0 '' as littlebox-"$own" littlebox --box "$theirs" --json list
    expect_json '' '[]'
done

# Running it for a box that serves changes nothing.
expect 0 "box 'web' runs as user littlebox-web" littlebox --json box create web
expect_json user_made false store_moved false credential_moved false
status_exits 0 --box web || fail "box web does not serve any more"
expect 0 '' littlebox --json box list
expect_json '#' 4 3.box '"web"' 3.user '"littlebox-web"' 3.uid "$(id -u littlebox-web)" 3.store '"open"' 2.box '"shop"' \
    3.directory "\"$T/boxes/web\"" 1.store '"none"'
expect 0 '' other littlebox --json box list
expect_json '#' 4 3.store null
for pid in $running; do
    kill "$pid"
    wait "$pid" || :
done
expect 0 '' littlebox box list
grep -qE "^web +littlebox-web +closed +$T/boxes/web\$" out || fail "$(cat out)"

# A credential in a directory that is not safe.
start web
chmod 777 open
expect 1 "the directory of '$T/open/c' belongs to uid $UNPRIVILEGED, who could replace the credential" \
    littlebox --box web seal add --credential "$T/open/c"
chown 0 open
expect 1 "others can write in the directory of '$T/open/c', and replace the credential" \
    littlebox --box web seal add --credential "$T/open/c"
expect 1 "hint: put it into a directory where only root, or the box's user, can write" \
    littlebox --box web seal add --credential "$T/open/c"
[ -z "$(ls -A open)" ] || fail "made: $(ls -A open)"
chmod 1777 open
expect 0 '' littlebox --box web seal add --credential "$T/open/c"
[ "$(owner open/c)" = 'littlebox-web 400' ] || fail "$(owner open/c)"
stop_box

# Boxes of the one user that all had: what they have becomes the new user's, and they go on with it.
useradd --system --no-create-home --shell /usr/sbin/nologin littlebox
for box in pay old; do
    start $box littlebox
    littlebox --box $box init 2>/dev/null
    littlebox --box $box create key >/dev/null
    [ $box = old ] || stop_box
done
chmod 600 boxes/old.credential
expect 0 "boxes 'old' and 'pay' have one user: each may do all with the other's keys" littlebox box list
expect 0 'hint: give each a user of its own: littlebox box create pay' littlebox box list
expect 1 "box 'old' is running: process" littlebox box create old
expect 1 'hint: stop it first; under systemd: systemctl stop littleboxd@old.socket littleboxd@old.service' littlebox box create old
[ "$(owner boxes/old)" = 'littlebox 700' ] || fail "boxes/old: $(owner boxes/old)"
status_exits 0 --box old || fail "box old does not serve any more"
stop_box
mkdir -p boxes/old/tokens/1
echo x >boxes/old/tokens/1/object
chown -R littlebox boxes/old/tokens
chmod -R 777 boxes/old/tokens
: >boxes/old.conf
expect 0 "gave $T/boxes/old to it" littlebox --json box create old
expect_json store_moved true credential_moved true
grep -qF "gave $T/boxes/old.credential to it" err || fail "$(cat err)"
grep -qF "what $T/boxes/old.conf names, such as a PIN or a token's files, must be for user littlebox-old to read" err || fail "$(cat err)"
! grep -qF ' init' err || fail "an init for a store that is there: $(cat err)"
[ -z "$(find boxes/old ! -user littlebox-old)" ] || fail "not the new user's: $(find boxes/old ! -user littlebox-old)"
[ -z "$(find boxes/old -perm /077)" ] || fail "open to others: $(find boxes/old -perm /077)"
[ "$(owner boxes/old.credential)" = 'littlebox-old 400' ] || fail "$(owner boxes/old.credential)"
start old
await "box old to serve" status_exits 0 --box old
expect 0 '' littlebox --box old show key

# What the former user may have put there is not given away, and nothing is changed before all was looked at.
: >box.elsewhere
chown littlebox box.elsewhere
refused() {
    find boxes/pay boxes/pay.credential box.elsewhere /etc/shadow -printf '%p %U %m %n\n' | sort >before
    expect 1 "$1" littlebox box create pay
    expect 1 "hint: a box did not make it: look at it, and move it away" littlebox box create pay
    find boxes/pay boxes/pay.credential box.elsewhere /etc/shadow -printf '%p %U %m %n\n' | sort | cmp -s before - ||
        fail "something was changed: $(cat before)"
}
ln -s /etc/shadow boxes/pay/zzz
refused "$T/boxes/pay/zzz is a link: what it points to is not given away"
rm boxes/pay/zzz
ln box.elsewhere boxes/pay/zzz
refused "$T/boxes/pay/zzz has 2 names: it may be another box's file"
rm boxes/pay/zzz
ln -s /etc boxes/pay/zzz
refused "$T/boxes/pay/zzz is a link"
rm boxes/pay/zzz
mkfifo boxes/pay/zzz
chown littlebox boxes/pay/zzz
refused "$T/boxes/pay/zzz is neither a file nor a directory"
rm boxes/pay/zzz
mkdir boxes/pay/zzz
: >boxes/pay/zzz/theirs
chown littlebox boxes/pay/zzz
chown littlebox-web boxes/pay/zzz/theirs
refused "$T/boxes/pay/zzz/theirs belongs to uid $(id -u littlebox-web), which is neither the box's user nor the one it had"
chown 0 boxes/pay/zzz/theirs
refused "$T/boxes/pay/zzz/theirs belongs to uid 0"
rm boxes/pay/zzz/theirs
mkdir -p boxes/pay/zzz/2/3/4/5/6/7/8/9
chown -R littlebox boxes/pay/zzz
expect 1 'zzz/2/3/4/5/6/7/8/9 is 9 directories deep' littlebox box create pay
rm -r boxes/pay/zzz
mv boxes/pay.credential credential
ln -s "$T/box.elsewhere" boxes/pay.credential
expect 1 "$T/boxes/pay.credential is a link" littlebox box create pay
[ "$(stat -c %U box.elsewhere)" = littlebox ] || fail "a link was followed"
rm boxes/pay.credential
mv credential boxes/pay.credential
ln -s "$T/open" boxes/link
expect 1 "$T/boxes/link is not a directory" littlebox box create link
expect 1 'hint: move it away; for a store on another disk mount that disk' littlebox box create link
[ "$(owner open)" = 'root 1777' ] || fail "a link was followed"
chown $UNPRIVILEGED boxes/123456789012345678901
expect 1 "boxes/123456789012345678901 belongs to uid $UNPRIVILEGED, which is neither" littlebox box create 123456789012345678901

# What is left is given.
expect 0 "box 'pay' runs as user littlebox-pay" littlebox box create pay
[ "$(owner boxes/pay.credential)" = 'littlebox-pay 400' ] || fail "$(owner boxes/pay.credential)"
[ -z "$(find boxes/pay ! -user littlebox-pay)" ] || fail "not the new user's: $(find boxes/pay ! -user littlebox-pay)"

# The line of the hint, as it is, where the system's directories are empty ones in memory. The box's other processes look
# where the first one did: root's HOME is none of its business.
unset LITTLEBOX_DIR
expect 1 'no box answers at ' littlebox --system --box sys status
case $(cat err) in
*' at /run/'* | *' at /var/run/'* | *' at /usr/local/'*) ;;
*) exit 0 ;; # a prefix of its own, which may be anywhere
esac
for dir in /run /var/lib /usr/local; do
    mount -t tmpfs -o mode=0755 tmpfs $dir
done
mkdir -p /usr/local/etc
expect 1 "hint: start it: littleboxd --system --box sys --user littlebox-sys; a new box: littlebox box create sys" \
    littlebox --box sys status
expect 0 'hint: littleboxd --system --box sys --user littlebox-sys' littlebox box create sys
mkdir -p "$T/closed"
chmod 700 "$T/closed"
for system in --system ''; do
    # shellcheck disable=SC2086 # none, or one word
    HOME=$T/closed littleboxd $system --box sys --user littlebox-sys 2>>box-sys.log &
    KEEPER=$!
    own "$KEEPER"
    await "box sys to answer" answers --box sys
    [ -z "$system" ] || expect 0 "made the store of box 'sys'" littlebox --box sys init
    await "box sys to serve" status_exits 0 --box sys
    stop_box
done
# What answers no longer may be a socket's unit without its socket: restart cures that, enable alone does not.
mkdir -p /run/systemd/system
expect 1 "hint: start it: systemctl reset-failed 'littleboxd@sys.*'; systemctl enable littleboxd@sys.socket && systemctl restart littleboxd@sys.socket" \
    littlebox --box sys status
