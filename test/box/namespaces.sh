#!/usr/bin/env bash
# A box in a user namespace that does not map all users, as under PrivateUsers=yes: whom it cannot tell apart is nobody, to
# whom nothing is granted, whatever the policy says; and everybody is told. In one that maps all, nobody is a user.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl setpriv unshare
unshare --user true 2>/dev/null || skip "this system gives no user namespaces"
begin
cd "$TEST_DIR"
copy_programs "$TEST_DIR/bin"
echo "a text" >text

OUTER=$(readlink /proc/self/ns/user)
entered() { [ "$(readlink "/proc/$1/ns/user")" != "$OUTER" ]; }
# in_namespace UID_MAP GID_MAP COMMAND... : becomes the command, in a user namespace with these maps (';' between lines).
in_namespace() {
    local me=$BASHPID
    (
        await "process $me to be in a namespace of its own" entered "$me"
        is_root || echo deny >"/proc/$me/setgroups"
        tr ';' '\n' <<<"$2" >"/proc/$me/gid_map"
        tr ';' '\n' <<<"$1" >"/proc/$me/uid_map"
    ) &
    # shellcheck disable=SC2016 # for the inner shell
    exec unshare --user bash -c 'until read -r _ </proc/self/uid_map; do sleep 0.01; done; exec "$@"' in_namespace "${@:3}"
}
sign_as() {
    local who=("${@:1:3}")
    setpriv --reuid "${who[0]}" --regid "${who[1]}" --groups "${who[2]}" env "${MODULE_ENV[@]}" \
        OPENSSL_CONF="$BOX_DIR/openssl.cnf" openssl pkeyutl -sign -rawin -inkey littlebox:web -in text -out /dev/null
}
lb_as() { setpriv --reuid "$1" --regid "$2" --clear-groups "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" --users "$BOX_OWNER" "${@:3}"; }
# ready DIR OWNER : the directory of a box of that user, whose socket is open to all.
ready() {
    mkdir "$1"
    printf 'socket-mode = 0666\n' >"$1/default.conf"
    BOX_OWNER=$2
    if is_root; then chown -R "$2" "$1"; fi
}
MAPPED=54321 STRANGER=54322 OWNER=54320

if ! is_root; then
    # What an ordinary user can do: a box that knows one user, which is root to it.
    ready box "$(id -u)"
    start_box "$TEST_DIR/box" in_namespace "0 $(id -u) 1" "0 $(id -g) 1"
    same "status: users" false "$(status users_mapped)"
    same "status: the caller" 0 "$(status uid)"
    says "the log" "does not map all users and groups: uid 65534 or gid 65534 stands for all others" box/box.log
    stop_box
    start_box "$TEST_DIR/box"
    same "without a namespace" true "$(status users_mapped)"
    finish
fi

# --- As PrivateUsers=yes has it: root, the user of the box, and here one more.
ready box "$OWNER"
printf 'admin = user:65534 group:65534\n' >>box/default.conf
maps="0 0 1;$OWNER $OWNER 2"
start_box "$TEST_DIR/box" in_namespace "$maps" "$maps" setpriv --reuid $OWNER --regid $OWNER --clear-groups
check "init" lb init >init.log 2>&1
check "a key" lb create web >/dev/null 2>>lb.log
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
for what in users_mapped groups_mapped; do
    same "status: $what" false "$(status $what)"
done
for what in overflow_uid overflow_gid; do
    same "status: $what" 65534 "$(status $what)"
done
lb status >status.out
says "status in words" "^callers +the box's user namespace does not map all users and groups: uid 65534 or gid 65534 stands for all others, and is granted nothing" \
    status.out
says "the log" "does not map all users and groups: uid 65534 or gid 65534 stands for all others" box/box.log

check "a grant to nobody" lb allow web --user 65534 2>>lb.log
check "and to its group" lb allow web --group 65534 2>>lb.log
check "and to a user who is mapped" lb allow web --user $MAPPED 2>>lb.log
check "who signs" sign_as $MAPPED $STRANGER $STRANGER
for who in "$STRANGER $STRANGER $STRANGER" "65534 65534 65534" "$STRANGER $OWNER $STRANGER"; do
    # shellcheck disable=SC2086 # words
    refused "$who is nobody, to whom nothing is granted" "uid 65534 may not sign with key 'web'" sign_as $who
    # shellcheck disable=SC2086 # words
    refused "and is told why" "uid 65534 stands for every user that the box's user namespace does not map: run the box without PrivateUsers=" \
        sign_as $who
done
proposed() { sign_as "$STRANGER" "$STRANGER" "$STRANGER" 2>&1 | grep -q 'littlebox .* allow'; }
check "no grant is proposed" not proposed
same "a list of what is granted" "[]" "$(lb_as $STRANGER $STRANGER --json list | tr -d ' \n')"
refused "nobody administers" "uid 65534 may not lock in box" lb_as $STRANGER $STRANGER lock
refused "and is told why" "hint: uid 65534 stands for every user" lb_as 65534 65534 lock
refused "nor by a supplementary group" "uid 65534 may not lock in box" setpriv --reuid $STRANGER --regid $OWNER \
    --groups $STRANGER "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" --users "$BOX_OWNER" lock
lb_as $STRANGER $STRANGER status >status.out
says "status for nobody" "^you +uid 65534, which is nobody" status.out
lb_as $STRANGER $STRANGER doctor --module "$MODULE" >doctor.out 2>&1 || true
says "doctor for nobody" "^FAIL  box 'default' does not know who asks: to it this is uid 65534" doctor.out
lb_as $MAPPED $MAPPED doctor --module "$MODULE" >doctor.out 2>&1 || true
says "doctor for who is known" "^ok    box 'default': the box's user namespace does not map all users" doctor.out
# The control: a group that is mapped, and is the caller's own or a further one, counts for whom it names.
check "a grant to a group that is mapped" lb allow web --group $MAPPED 2>>lb.log
check "serves its members" sign_as $STRANGER $STRANGER $MAPPED
stop_box

# --- A box that runs as nobody itself: strangers have its number.
ready own 65534
maps="0 0 1;65534 65534 1"
start_box "$TEST_DIR/own" in_namespace "$maps" "$maps" setpriv --reuid 65534 --regid 65534 --clear-groups
check "root is known" lb init >init.log 2>&1
refused "a stranger is not its user" "uid 65534 may not lock in box" lb_as $STRANGER $STRANGER lock
refused "nor is its user known" "uid 65534 may not lock in box" lb_as 65534 65534 lock
says "the log says so" "running as uid 65534, as other programs may that have no user of their own: give it one" own/box.log
stop_box
# Nor is a module its own, or root's, that has its number.
mkdir modules
cp "$MODULE" modules/module.so
chown $STRANGER modules/module.so
printf '%s\n' "backend = pkcs11" "module = $TEST_DIR/modules/module.so" "module-dirs = $TEST_DIR/modules" "token = label=x" \
    "login = never" >own/tokens.conf
(in_namespace "$maps" "$maps" setpriv --reuid 65534 --regid 65534 --clear-groups "$LITTLEBOX_BUILD/littleboxd" --dir "$BOX_DIR" \
    --box tokens >>own/box.log 2>&1 3>&-) &
own $!
says "nor a module that is a stranger's" "modules/module.so can be changed by others \(owner uid 65534" own/box.log

# --- All are mapped: nobody is a user like any other, and the box of nobody is its own administrator.
ready whole 65534
printf 'admin = user:65534\n' >>whole/default.conf
start_box "$TEST_DIR/whole" in_namespace "0 0 4294967295" "0 0 4294967295" setpriv --reuid 65534 --regid 65534 --clear-groups
check "init by nobody" lb_as 65534 65534 init >init.log 2>&1
check "a key" lb create web >/dev/null 2>>lb.log
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
same "status" true "$(status users_mapped)"
check "nobody signs" sign_as 65534 65534 65534
refused "a stranger does not" "an administrator may run: littlebox --box default allow web --user $STRANGER" \
    sign_as $STRANGER $STRANGER $STRANGER
check "a grant to nobody's group" lb allow web --group 65534 2>>lb.log
check "serves it" sign_as $STRANGER $STRANGER 65534
finish
