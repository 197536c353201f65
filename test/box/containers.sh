#!/usr/bin/env bash
# Servers in containers and boxes in containers, as examples/containers says it: with the namespaces that a container has, made by
# unshare(1).
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl setpriv unshare
is_root || skip "needs root, to make what a container has"
unshare --mount --pid --ipc --uts --fork true 2>/dev/null || skip "this system gives no namespaces"
begin
cd "$TEST_DIR"
copy_programs "$TEST_DIR/bin"
echo "a text" >text
SERVER=54321 SHIFT=200000

# container VOLUME COMMAND... : the command in a container's namespaces. The volume, a directory or a socket, is in its /mnt, and
# nothing else of a box is there.
container() {
    local volume=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc bash -eu -c '
        if [ -S "$1" ]; then
            mount -t tmpfs -o mode=0755 tmpfs /mnt
            : >/mnt/default.sock
            mount --bind "$1" /mnt/default.sock
        else
            mount --bind "$1" /mnt
        fi
        mount -t tmpfs tmpfs "$2/run"
        shift 2
        exec "$@"' container "$volume" "$TEST_DIR" "$@"
}
# sign_in VOLUME UID : by a server that runs as that user in a container
sign_in() {
    container "$1" setpriv --reuid "$2" --regid "$2" --clear-groups env "${MODULE_ENV[@]}" \
        OPENSSL_CONF="$TEST_DIR/openssl.cnf" openssl pkeyutl -sign -rawin -inkey littlebox:web -in text -out /dev/null
}

# --- A box of the machine, for servers in containers. The volume is the directory of the socket.
mkdir run
printf 'socket-mode = 0666\n' >run/default.conf
new_box "$TEST_DIR/run"
write_openssl_cnf openssl.cnf /mnt
check "a key" lb create web >/dev/null 2>>lb.log
refused "a server that was allowed nothing" "uid $SERVER may not sign with key 'web'" sign_in "$TEST_DIR/run" $SERVER
check "a grant to the server's uid" lb allow web --user $SERVER 2>>lb.log
check "a server in a container signs" sign_in "$TEST_DIR/run" $SERVER

# The socket alone as a volume is the socket of this start of the box; the directory is that of every start.
mkdir signal
(
    status=0
    # shellcheck disable=SC2016 # for the inner shell
    container "$TEST_DIR/run/default.sock" bash -c ': >"$1/in"; until [ -e "$1/again" ]; do sleep 0.02; done; shift; exec "$@"' sh \
        "$TEST_DIR/signal" setpriv --reuid "$SERVER" --regid "$SERVER" --clear-groups env "${MODULE_ENV[@]}" \
        OPENSSL_CONF="$TEST_DIR/openssl.cnf" openssl pkeyutl -sign -rawin -inkey littlebox:web -in text -out /dev/null \
        >socket.log 2>&1 || status=$?
    echo "$status" >socket.status
) &
own $!
await "the container with the socket" test -e signal/in
stop_box
start_box "$TEST_DIR/run"
touch signal/again
await "its end" test -s socket.status
same "a socket that is a volume is dead after a start of the box" 1 "$(cat socket.status)"
says "and the program says that no box answers" "no box 'default' answers|cannot connect|Connection refused" socket.log
check "with the directory it signs" sign_in "$TEST_DIR/run" $SERVER

# A container with users of its own: to the box they are the numbers that the machine has for them, and the box is to them a
# box of nobody's.
# mapped CONFIGURATION : a server in such a container signs.
mapped() {
    local mark=mark.$RANDOM$RANDOM me inner
    # shellcheck disable=SC2016 # for the inner shell
    container "$TEST_DIR/run" setpriv --reuid "$SHIFT" --regid "$SHIFT" --clear-groups unshare --user bash -c \
        'until read -r _ </proc/self/uid_map; do sleep 0.02; done; shift; exec "$@"' sh "$mark" \
        setpriv --reuid "$SERVER" --regid "$SERVER" --clear-groups env "${MODULE_ENV[@]}" OPENSSL_CONF="$1" \
        openssl pkeyutl -sign -rawin -inkey littlebox:web -in text -out /dev/null &
    me=$!
    # The shell that waits for its map, among those whose arguments have the mark.
    waits() {
        inner=$(pgrep -f "^bash -c until .* $mark ") && [ "$(readlink "/proc/$inner/ns/user")" != "$(readlink /proc/self/ns/user)" ]
    }
    await "the container" waits
    echo "0 $SHIFT 65536" >"/proc/$inner/gid_map"
    echo "0 $SHIFT 65536" >"/proc/$inner/uid_map"
    wait "$me"
}
if unshare --user true 2>/dev/null; then
    refused "a container with users of its own does not know whose box it is" \
        "box 'default' is of a user whom this process's user namespace does not map" mapped "$TEST_DIR/openssl.cnf"
    sed 's/^littlebox-timeout/littlebox-users = 65534\n&/' openssl.cnf >mapped.cnf
    refused "told that, it is asked for the number of the machine" "allow web --user $((SHIFT + SERVER))" mapped "$TEST_DIR/mapped.cnf"
    check "which is granted" lb allow web --user $((SHIFT + SERVER)) 2>>lb.log
    check "and then it signs" mapped "$TEST_DIR/mapped.cnf"
else
    say "this system gives no user namespaces (the kernel gives none in a chroot): a container with users of its own is not tried"
fi
stop_box

# --- A box in a container. In a PID namespace of its own it is not told who asks from outside; from inside it is.
mkdir inner
printf 'socket-mode = 0666\n' >inner/default.conf
start_box "$TEST_DIR/inner" setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc
write_openssl_cnf inner.cnf "$TEST_DIR/inner"
# Its root too: in a chroot that of the mounts is another.
inside() { nsenter -t "$(children_of "$KEEPER")" --mount --pid --root --wd="$PWD" -- "$@"; }
sign_at() {
    setpriv --reuid "$1" --regid "$1" --clear-groups env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/inner.cnf" \
        openssl pkeyutl -sign -rawin -inkey littlebox:web -in text -out /dev/null
}
refused "not even root administers it from outside" "may not init" lb init
check "from inside root does" inside "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" init 2>>lb.log
check "a key" inside "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" create web >/dev/null
check "a grant" inside "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" allow web --user $SERVER 2>>lb.log
refused "who was granted the key is nobody from outside" "the kernel did not tell who asks for key 'web'" sign_at $SERVER
check "with the PID namespace of the box it signs" inside env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/inner.cnf" \
    setpriv --reuid "$SERVER" --regid "$SERVER" --clear-groups openssl pkeyutl -sign -rawin -inkey littlebox:web \
    -in "$TEST_DIR/text" -out /dev/null
finish
