# shellcheck shell=bash
# What the tests of stock servers share: the server as its package has it, on the paths and ports of a real machine, with
# the configuration of examples/SERVER, word for word. It is sourced after lib.sh and serving.sh.
#
# Nothing of the machine is changed, and two such tests do not meet: each has mounts, processes and a network of its own,
# which end with it. In order:
#
#   needs SERVER openssl ...
#   own_machine DIR...              from here on as root on a machine of the test's own, with copies of these directories
#   example SERVER/FILE PATH        a file of examples/, as it is
#   run_page SERVER                 the first commands of examples/SERVER/README.md, as they are
#   serve_each_key                  a server with each type of key in turn: grants, signatures
#   serve_under_load                reloads of the server and restarts of the box, without one failed handshake
#   check_process PID USER DIR      whether a process of it is that user, in that root directory
#   check_reload_after_restart      for servers in a chroot
#   bind_paths SERVER/UNIT-FILE     the box's socket in the server's chroot
#   scan_memory                     no process of the server has a key; with a plain key file one has
#
# They want this from the test:
#
#   SERVER_USER                     who signs, as the box sees it
#   RESTARTS                        what the box does under load: restart_box_in_every_way, or for a server in a chroot
#                                   restart_child_in_every_way
#   DOCTOR                          the server's name for doctor, if that knows it
#   DOCTOR_PROCESS                  no, for a server whose processes each start with what they need
#   RELOADS                         no, for a server that closes connections when it is reloaded
#   CERTIFICATE HANDLE              the files that the configuration names; or a function put KEY DIR
#   PORT STARTTLS LOAD_ARGUMENTS    see serving.sh; all_keys_on sets PORT
#   server_start, server_stop       return when it is done
#   server_reload                   returns when the server has what it read before in no process that takes connections
#   server_pids                     every process of the server

FILES=
BOX_SOCKET=10 # a descriptor
SERVER_USER=root
RESTARTS=restart_box_in_every_way
RELOADS=yes
CERTIFICATE=
HANDLE=
DOCTOR=
DOCTOR_PROCESS=yes

# own_machine DIR... : runs the test again, in namespaces of its own, and goes on in there. /etc is a copy; /run is empty;
# /var is empty but for copies of DIR..., which are below it or in /etc. The provider is installed, and a box with the keys
# rsa, ec and ed runs as user littlebox-default; their handles and certificates are in FILES, the same as plain keys in PLAIN.
own_machine() {
    local why namespaces=(--mount --propagation private --net --ipc --uts --pid --fork --kill-child --mount-proc)
    case ${OWN_MACHINE:-} in
    '')
        is_root || skip "needs root, as the server does: it has the paths and ports of a real machine; the run as root does it"
        needs ip useradd
        why=$(unshare "${namespaces[@]}" true 2>&1) || skip "this machine gives no namespaces: $why"
        OWN_MACHINE=namespaces exec setpriv --pdeathsig KILL unshare "${namespaces[@]}" "$0"
        ;;
    namespaces)
        ip link set lo up
        own_directories "$@"
        id littlebox-default >/dev/null 2>&1 ||
            useradd --system --no-create-home --shell /usr/sbin/nologin littlebox-default
        install -d -o littlebox-default /run/littlebox
        OWN_MACHINE=socket exec "$HARNESS/activate" --listen /run/littlebox/default.sock --keep $BOX_SOCKET -- "$0"
        ;;
    esac
    unset OWN_MACHINE
    [ -n "${KEEP:-}" ] || export TMPDIR=/run
    begin
    # What servers log there is shown when the test fails.
    ln -s /var/log "$TEST_DIR/log"
    own_provider
    own_box
}

modules_directory() { plain_ossl version -m | sed 's/.*"\(.*\)"/\1/'; }
own_directories() {
    local dir modules
    modules=$(modules_directory)
    exec 8<"$LITTLEBOX_SRC" 9<"$LITTLEBOX_BUILD"
    mount -t tmpfs -o mode=0755 tmpfs /run
    mkdir -p /run/lock /run/own/var/{cache,lib,log,spool,tmp} "/run/own$modules"
    chmod 1777 /run/lock /run/own/var/tmp
    ln -s /run /run/own/var/run
    ln -s /run/lock /run/own/var/lock
    cp -a /etc /run/own/etc
    cp -a "$modules/." "/run/own$modules"
    for dir; do
        [ -d "$dir" ] || fail "there is no $dir"
        mkdir -p "/run/own$(dirname "$dir")"
        [ -e "/run/own$dir" ] || cp -a "$dir" "/run/own$dir"
    done
    for dir in /etc /var "$modules"; do
        mount --bind "/run/own$dir" "$dir"
    done
    # A checkout below them is there still.
    for dir in "8$LITTLEBOX_SRC" "9$LITTLEBOX_BUILD"; do
        [ -d "${dir:1}" ] || { mkdir -p "${dir:1}" && mount --no-canonicalize --bind "/proc/self/fd/${dir:0:1}" "${dir:1}"; }
    done
    exec 8<&- 9<&-
}

# As `make install` and step 3 of README.md leave it.
own_provider() {
    local modules
    modules=$(modules_directory)
    cp "$MODULE" "$modules/littlebox.so"
    example nginx/openssl.cnf /etc/ssl/openssl.cnf
    mkdir /run/bin
    printf '#!/bin/sh\nexec %s --dir /run/littlebox "$@"\n' "$LITTLEBOX_BUILD/littlebox" >/run/bin/littlebox
    chmod 0755 /run/bin/littlebox
    PATH=/run/bin:$PATH
}

# As its units run it: the socket is there while the box is not, so that whoever comes meanwhile waits.
own_box() {
    local as=(setpriv --reuid=littlebox-default "--regid=$(id -g littlebox-default)" --clear-groups)
    chmod 0666 /run/littlebox/default.sock
    # shellcheck disable=SC2016 # for the shell that it starts
    BOX_AS=("${as[@]}" bash -c 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&'"$BOX_SOCKET $BOX_SOCKET<&-" box)
    : >/run/littlebox/box.log
    ln -s /run/littlebox "$TEST_DIR/box"
    start_box /run/littlebox "${BOX_AS[@]}"
    "${as[@]}" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" init >"$TEST_DIR/init.log" 2>&1 || fail "littlebox init"
    FILES=$TEST_DIR/files PLAIN=$TEST_DIR/plain
    import_keys "$FILES" "$PLAIN"
}

# example FILE PATH : a file of examples/ there, as it is; PATH's directory, owner and mode stay.
example() {
    mkdir -p "$(dirname "$2")"
    cat "$LITTLEBOX_SRC/examples/$1" >"$2" || fail "examples/$1"
}

# page_commands SERVER N : the N-th indented block of its page.
page_commands() {
    awk -v want="$2" '/^    / { if (!inside) n++; inside = 1; if (n == want) print substr($0, 5); next }
        !/^$/ { inside = 0 }' "$LITTLEBOX_SRC/examples/$1/README.md"
}
# run_page SERVER [N] : what it tells a reader to type, in the directory of the example. The first block, if none is named.
run_page() {
    local commands
    commands=$(page_commands "$1" "${2:-1}")
    [ -n "$commands" ] || fail "examples/$1/README.md has no block ${2:-1} of commands"
    (cd "$LITTLEBOX_SRC/examples/$1" && as_system bash -eu -c "$commands") >"$TEST_DIR/page.log" 2>&1 </dev/null ||
        fail "examples/$1/README.md, block ${2:-1}: a command failed"
    check "examples/$1/README.md, block ${2:-1}" true
}

# as_system COMMAND... : with what a service has in its environment, and nothing of the test's.
SYSTEM=(env -i PATH=/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
as_system() { "${SYSTEM[@]}" "$@" 3>&- 10<&-; }

# start_service COMMAND... : one that stays in the foreground, as systemd would. Sets SERVICE.
start_service() {
    "${SYSTEM[@]}" "$@" >>"$TEST_DIR/server.log" 2>&1 3>&- 10<&- </dev/null &
    SERVICE=$!
    own "$SERVICE"
}

# start_program COMMAND... : a server of examples/ that is a program in some language, as www-data. It says "ready"; and
# "read again" when it has read its files once more, as reload_program has it do.
start_program() {
    : >"$TEST_DIR/server.log"
    start_service setpriv --reuid=www-data --regid=www-data --init-groups "$@"
    await "the server to be ready" grep -qx ready "$TEST_DIR/server.log"
}
reload_program() {
    until_logged "the server to read its files again" '^read again$' "$TEST_DIR/server.log" kill -HUP "$SERVICE"
}

# plain_server ADDRESS PORT TEXT : a web server without TLS, whose page says that.
plain_server() {
    mkdir "$TEST_DIR/page"
    echo "$3" >"$TEST_DIR/page/index.html"
    as_system /usr/bin/python3 -m http.server --protocol HTTP/1.1 --bind "$1" --directory "$TEST_DIR/page" "$2" \
        >"$TEST_DIR/plain-server.log" 2>&1 &
    own $!
    await "the plain server" port_open "$2"
}

# pids_below DIR : the processes whose program is there.
pids_below() {
    local exe
    for exe in /proc/[0-9]*/exe; do
        case $(readlink "$exe") in
        "$1"/*) basename "$(dirname "$exe")" ;;
        esac
    done
}

# all_keys_on PORT
all_keys_on() {
    local key
    for key in $KEYS; do
        # shellcheck disable=SC2034,SC2004 # an array of serving.sh, by names
        PORT[$key]=$1
    done
}

# put KEY DIR : these files are the server's from its next start or reload on; their owners and modes stay.
put() {
    cat "$2/$1.crt" >"$CERTIFICATE"
    cat "$2/$1.pem" >"$HANDLE"
}

serves() { handshakes "$1" "$FILES" --count 1 --timeout 60000; }
await_server() { await "the server to serve $1" serves "$1"; }
# living_children PID : without those that have ended and were not yet waited for.
living_children() {
    local pid
    for pid in $(children_of "$1"); do
        if alive "$pid"; then echo "$pid"; fi
    done
}

# check_process PID USER DIR : who a process of the server is, and its root directory, once it is where it wants to be.
check_process() {
    await "process $1 to be user $2" uid_is "$2" "$1"
    check "process $1 is user $2, in $3" root_is "$3" "$1"
}
uid_is() { [ "$(stat -c %u "/proc/$2")" = "$(id -u "$1")" ]; }
root_is() { [ "$(readlink "/proc/$2/root")" = "$1" ]; }

# check_reload_after_restart : a server that cannot find the box's socket needs no more than that.
check_reload_after_restart() {
    stop_box
    start_box "$BOX_DIR" "${BOX_AS[@]}"
    server_reload
    check "after a restart of the whole box a reload of the server is enough" serves "${KEYS##* }"
}

# serve_each_key : the server is started, and reloaded for each key after the first. It must not sign without a grant.
serve_each_key() {
    local key first=yes
    for key in $KEYS; do
        put "$key" "$FILES"
        if [ -n "$first" ]; then server_start; else server_reload; fi
        if [ -n "$first" ] && [ "$SERVER_USER" != root ]; then
            refused "$key: without a grant for $SERVER_USER there is no handshake" '^tlsload: handshake 1: SSL_connect: ' \
                handshakes "$key" "$FILES" --count 1
            says "the box's log says who was refused" "(\\b$SERVER_USER\\b|\\b$(id -u "$SERVER_USER")\\b).*\\b$key\\b" \
                "$BOX_DIR/box.log"
        fi
        [ "$SERVER_USER" = root ] || check "$key: littlebox allow --user $SERVER_USER" lb allow "$key" --user "$SERVER_USER"
        await_server "$key"
        [ -z "$first" ] || [ -z "$DOCTOR" ] || check_doctor
        first=
        check_signature_type "$key" "$FILES"
    done
}

# What doctor says of the server that serves: all is well, and it is the process that it finds.
check_doctor() {
    check "doctor --server $DOCTOR" "$LITTLEBOX_BUILD/littlebox" doctor --server "$DOCTOR" >"$TEST_DIR/doctor.out"
    says "the handle works" "^ok    .*: handle littlebox:.* verifies\$" "$TEST_DIR/doctor.out"
    [ "$DOCTOR_PROCESS" = no ] ||
        says "its process is found" "^ok    $DOCTOR \(process [0-9]+\) runs with the provider in its memory\$" "$TEST_DIR/doctor.out"
}

reload_under_load() {
    server_reload
    await_handshakes 20
    say "ok: the server was reloaded under load"
}

# serve_under_load : with the last of KEYS.
serve_under_load() {
    local KEYS=${KEYS##* }
    start_loads "$FILES" 50
    [ "$RELOADS" = no ] || reload_under_load
    "$RESTARTS"
    [ "$RELOADS" = no ] || reload_under_load
    stop_loads
}

# bind_paths UNIT-FILE : what BindReadOnlyPaths= in this drop-in of examples/ does for the unit, done for the machine.
bind_paths() {
    local path
    while read -r path; do
        mkdir -p "${path#*:}"
        mount --bind -o ro "${path%:*}" "${path#*:}" || fail "examples/$1: $path"
        check "examples/$1: $path" test -S "${path#*:}/default.sock"
    done < <(sed -n 's/^BindReadOnlyPaths=//p' "$LITTLEBOX_SRC/examples/$1")
}

# scan KEY : what memscan says of all processes of the server. One that ends meanwhile makes it begin again.
scan() {
    local status pids end=$((SECONDS + AWAIT_SECONDS))
    while :; do
        mapfile -t pids < <(server_pids)
        status=$(memscan --key "$PLAIN/$1.pem" "${pids[@]}")
        if [ "$status" -le 1 ] || [ "$SECONDS" -ge "$end" ]; then break; fi
    done
    say "scanned for $1: process ${pids[*]}"
    echo "$status"
}

# scan_memory : of the server as it runs now; it is stopped, and for the control started and stopped with a plain key.
scan_memory() {
    local key control=${KEYS##* }
    for key in $KEYS; do
        same "$key: no process of the server holds it" 0 "$(scan "$key")"
    done
    check_stop
    put "$control" "$PLAIN"
    server_start
    await_server "$control"
    same "$control: with a plain key file it is found there" 1 "$(scan "$control")"
    check_stop
}

check_stop() {
    server_stop
    await "the last process of the server to end" is_stopped
    check "the server is stopped" is_stopped
}
is_stopped() { [ -z "$(server_pids)" ]; }
