#!/usr/bin/env bash
# Deployments where others have a hand in: their directories, their links, their files of deployments, a full disk.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli
moment=$LITTLEBOX_BUILD/test/cli/.libs/moment.so

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
authority
certify web
handle_of web
cd "$T"
conf=$BOX_DIR/deploy/default
mkdir tls
openssl genpkey -algorithm ed25519 -out plain.key

# --- A directory that others than its owner may write to
mkdir shared
chmod 775 shared
expect 1 "'$T/shared' has mode 0775" littlebox deploy web --handle shared/web.pem
nothing_left shared
chmod 1777 shared
expect 0 written littlebox deploy web --handle shared/web.pem
expect 0 "the files of it stay" littlebox deploy web --forget shared/web.pem

# --- What has the name is another file when ours comes: it is back in its place, and all is as before
if ! sanitized; then
    littlebox create before >/dev/null
    handle_of before
    cp before.handle tls/web.pem
    openssl genpkey -algorithm ed25519 -out their.pem
    cp their.pem their.copy
    expect 1 "'$T/tls/web.pem' was changed by somebody else meanwhile: it is left as it is" \
        env LD_PRELOAD="$moment" MOMENT_RENAME_1="$T/their.pem $T/tls/web.pem" littlebox deploy web --handle tls/web.pem --chain tls/web.crt
    has tls/web.pem their.copy
    nothing_left tls web.pem
    rm tls/web.pem
    # Where there was nothing.
    cp their.copy their.pem
    expect 1 "was changed by somebody else meanwhile" \
        env LD_PRELOAD="$moment" MOMENT_RENAME_1="$T/their.pem $T/tls/web.pem" littlebox deploy web --handle tls/web.pem --chain tls/web.crt
    has tls/web.pem their.copy
    nothing_left tls web.pem
    rm tls/web.pem
    # The second of two files: the first goes back.
    cp their.copy their.pem
    expect 1 "'$T/tls/web.crt' was changed by somebody else meanwhile" \
        env LD_PRELOAD="$moment" MOMENT_RENAME_2="$T/their.pem $T/tls/web.crt" littlebox deploy web --handle tls/web.pem --chain tls/web.crt
    has tls/web.crt their.copy
    nothing_left tls web.crt
    rm tls/web.crt
    [ -z "$(deployments_in "$conf")" ] || fail "remembered: $(ls -A "$conf")"
    # A file system that cannot exchange two files.
    expect 0 written env LD_PRELOAD="$moment" MOMENT_NO_EXCHANGE=1 littlebox deploy web --handle tls/web.pem --chain tls/web.crt
    has tls/web.pem web.handle
    certify web 21
    expect 0 written env LD_PRELOAD="$moment" MOMENT_NO_EXCHANGE=1 littlebox deploy web
    has tls/web.crt web.chain
    certify web 22
    cp their.copy their.pem
    nothing_left tls web.pem web.crt
else
    expect 0 written littlebox deploy web --handle tls/web.pem --chain tls/web.crt
fi

# --- What a command that was killed has left is removed; a private key that is called so is not
name=$(tr / - <<<"${T#/}/tls/web.pem")
cp web.handle tls/.web.pem.0123456789abcdef
cp web.chain tls/.web.crt.0123456789abcdef
cp plain.key tls/.web.pem.aaaaaaaaaaaaaaaa
cp web.handle tls/.web.pem.aaaaaaaaaaaaaaag
cp web.handle "$conf/.$name.conf.0123456789abcdef"
: >"$conf/$name.todo"
expect 0 "key 'web'" littlebox deploy web
nothing_left tls web.pem web.crt .web.pem.aaaaaaaaaaaaaaaa .web.pem.aaaaaaaaaaaaaaag
nothing_left "$conf" "$name.conf"
rm tls/.web.pem.*

if ! is_root; then
    expect 1 "cannot give away '$T/tls/root.pem': Operation not permitted" littlebox deploy web --handle tls/root.pem --owner root
    expect 1 "hint: only root makes files for others" littlebox deploy web --handle tls/root.pem --owner root
    nothing_left tls web.pem web.crt
    finish
fi

# --- Another user's directory: that user may put there what he likes, so the file must be his
uid=$UNPRIVILEGED
mkdir home rootdir
chown $uid:$uid home
expect 1 "uid $uid, who owns a directory or a link on the way to '$T/home/web.pem', may put another file in its place" \
    littlebox deploy web --handle home/web.pem
expect 1 "hint: if the server of that user reads it, the file is to be that user's: --owner USER" \
    littlebox deploy web --handle home/web.pem
nothing_left home
expect 0 written littlebox deploy web --handle home/web.pem --owner $uid:$uid --mode 0600
[ "$(stat -c '%u %g %a' home/web.pem)" = "$uid $uid 600" ] || fail "$(stat home/web.pem)"
# No link of that user's is followed, to a file or to a directory; nothing there is read, written or given away.
cp web.chain rootdir/target
ln -s ../rootdir/target home/link.pem
ln -s ../rootdir home/dir
chown -h $uid:$uid home/link.pem home/dir
was=$(stat -c '%u %g %a %i %y' rootdir/target)
expect 1 "a symbolic link of uid $uid is on the way to '$T/home/link.pem': that user would choose what is written over" \
    littlebox deploy web --combined home/link.pem --owner $uid:$uid
expect 1 "hint: name the file by the path that it really has" littlebox deploy web --combined home/link.pem --owner $uid:$uid
expect 1 "a symbolic link of uid $uid is on the way to '$T/home/dir/target'" \
    littlebox deploy web --combined home/dir/target --owner $uid:$uid
expect 1 "a symbolic link of uid $uid is on the way to '$T/home/dir/new'" \
    littlebox deploy web --combined home/dir/new --owner $uid:$uid
[ "$was" = "$(stat -c '%u %g %a %i %y' rootdir/target)" ] || fail "another's file was changed"
nothing_left rootdir target
# One that comes when it was looked at already: the link itself is what was changed.
if ! sanitized; then
    rm home/web.pem
    ln -s ../rootdir/target planted
    chown -h $uid:$uid planted
    expect 4 "'$T/home/web.pem' was changed by somebody else meanwhile" \
        env LD_PRELOAD="$moment" MOMENT_RENAME_1="$T/planted $T/home/web.pem" littlebox deploy web
    [ "$was" = "$(stat -c '%u %g %a %i %y' rootdir/target)" ] || fail "another's file was changed"
    [ -L home/web.pem ] || fail "the link is gone"
    rm home/web.pem
fi
# Another name of a file of root's: the new file takes the name, and the other stays what it was.
ln rootdir/target home/both.pem
expect 0 written littlebox deploy web --combined home/both.pem --owner $uid:$uid
[ "$was" = "$(stat -c '%u %g %a %i %y' rootdir/target)" ] || fail "another's file was changed"
expect 0 "the files of it stay" littlebox deploy web --forget home/both.pem
expect 0 "the files of it stay" littlebox deploy web --forget home/web.pem

# --- Whose deployments they are
expect 1 "the deployments in $conf are not yours to do, but uid 0's" other littlebox deploy --all
expect 1 "hint: as root: littlebox --box default deploy --all" other littlebox deploy --all
expect 1 "are not yours to do" other littlebox deploy web --forget tls/web.pem
expect 0 '' other littlebox deploy --list
chown $uid "$conf/$name.conf"
expect 4 "others than root and you could choose the commands in it (uid $uid, mode 0644)" littlebox deploy --all
chown 0 "$conf/$name.conf"
printf 'reload = id >%s/pwned\n' "$T" >>"$conf/$name.conf"
chown $uid "$BOX_DIR/deploy"
expect 1 "uid $uid owns $conf or what is above it, and could choose the commands that are run from there" \
    littlebox deploy --all --reload-always
expect 1 "hint: deployments are in a directory of root's, or of whoever does them" littlebox deploy --all --reload-always
expect 1 "could choose the commands" littlebox deploy web --handle tls/other.pem
[ ! -e pwned ] || fail "another user's command ran as root"
chown 0 "$BOX_DIR/deploy"
sed -i '/pwned/d' "$conf/$name.conf"

# --- A disk that is full
mkdir small
if mount -t tmpfs -o size=64k,mode=755 none small 2>/dev/null; then
    TEST_MOUNTS+=("$T/small")
    expect 0 written littlebox deploy web --handle small/web.pem --chain small/web.crt --combined small/both.pem --reload "echo >>'$T/ran'"
    rm ran
    certify web 23
    dd if=/dev/zero of=small/fill bs=1k 2>/dev/null || true
    before=$(stat -c '%n %i %y' small/*.*)
    expect 4 "No space left on device" littlebox deploy web
    [ "$before" = "$(stat -c '%n %i %y' small/*.*)" ] || fail "changed on a full disk: $(ls -lA small)"
    nothing_left small web.pem web.crt both.pem fill
    [ ! -e ran ] || fail "the server was told"
    # Room for one file, not for two.
    truncate -s -4k small/fill
    expect 4 "No space left on device" littlebox deploy web
    [ "$before" = "$(stat -c '%n %i %y' small/*.*)" ] || fail "changed on a full disk: $(ls -lA small)"
    nothing_left small web.pem web.crt both.pem fill
    rm small/fill
    expect 0 written littlebox deploy --all
    has small/web.crt web.chain
    [ -e ran ] || fail "the server was not told"
    nothing_left small web.pem web.crt both.pem
fi
finish
