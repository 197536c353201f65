#!/usr/bin/env bash
# A socket that takes no descriptors (SO_PASSRIGHTS of Linux 6.16, systemd's AcceptFileDescriptors=no): programs open their
# channels by the path, and who has no way to it is told the cure.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl python3
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"
check "a key" lb create web >/dev/null 2>>lb.log
check "one that signs the text itself" lb create ed --type ed25519 >/dev/null 2>>lb.log
check "its handle" lb handle web --out web.pem
self_signed littlebox:web web.crt
stop_box

# As a service manager that makes the socket. Status 77: this kernel does not know the option.
cat >listen.py <<'END'
import os, socket, sys
path, program = sys.argv[1], sys.argv[2:]
if os.path.exists(path):
    os.unlink(path)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(path)
os.chmod(path, 0o666)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
try:
    s.setsockopt(socket.SOL_SOCKET, 83, 0)  # SO_PASSRIGHTS
except OSError:
    sys.exit(77)
s.listen(1024)
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(program[0], program)
END
python3 listen.py "$TEST_DIR/probe.sock" /bin/true || skip "this kernel has no SO_PASSRIGHTS"
start_deaf_box() {
    python3 listen.py "$BOX_DIR/default.sock" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >>"$BOX_DIR/box.log" 2>&1 3>&- &
    KEEPER=$!
    own "$KEEPER"
    await "the box to answer" box_answers
}
start_deaf_box
check "a program signs" signs web
check "with each kind of key" signs ed
head -c 70000 /dev/zero >long
check "a long text, that is hashed" ossl pkeyutl -sign -rawin -inkey littlebox:web -in long -out sig
refused "one that is not cannot be passed" "cannot pass a long text to box 'default'.*AcceptFileDescriptors=yes" \
    ossl pkeyutl -sign -rawin -inkey littlebox:ed -in long -out sig

# --- A server whose workers are forks.
if command -v nginx >/dev/null; then
    port=$(free_ports 1)
    nginx_server "$port" "$TEST_DIR/web.crt" "$TEST_DIR/web.pem"
    user=
    if is_root; then
        user=www-data
        lb allow web --user www-data >/dev/null 2>>lb.log
    fi
    write_nginx_conf "$TEST_DIR/nginx" 2 "$user"
    start_nginx "$TEST_DIR/nginx"
    shake() { echo Q | plain_ossl s_client -connect "127.0.0.1:$port" -CAfile web.crt -verify_return_error >>shake.log 2>&1; }
    # Its workers have the connection of their parent, and no channel yet.
    mv "$BOX_DIR/default.sock" "$BOX_DIR/away.sock"
    check "no way to the socket" not shake
    says "the log has the cure" "nor over the connection that was inherited: its socket takes no descriptors.*AcceptFileDescriptors=yes" \
        nginx/error.log
    mv "$BOX_DIR/away.sock" "$BOX_DIR/default.sock"
    await "a handshake by the path" shake
    for _ in 1 2 3; do
        check "another one" shake
    done
    kill -KILL "$(box_child)"
    check "one while the box is restarted" shake
    stop_nginx "$TEST_DIR/nginx"
fi
stop_box
finish
