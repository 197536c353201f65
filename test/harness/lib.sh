# shellcheck shell=bash
# What all scripts share: a directory and processes that are cleaned up, checks, a box, the command, an openssl.cnf, an nginx.
#
# A script sources it after `set -eu`, with LITTLEBOX_BUILD and LITTLEBOX_SRC in the environment (make check sets
# them; without them the script's own checkout and build/ are taken), and says `begin`. It ends with `finish`. A test of the
# command says `begin_cli` instead, and ends where it ends: `expect` is its check.

LITTLEBOX_SRC=${LITTLEBOX_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
LITTLEBOX_BUILD=${LITTLEBOX_BUILD:-$LITTLEBOX_SRC/build}
HARNESS=$LITTLEBOX_BUILD/test/harness
MODULE=$LITTLEBOX_BUILD/.libs/littlebox.so
PATH=$PATH:/usr/sbin:/sbin
unset LITTLEBOX_DIR OPENSSL_CONF OPENSSL_MODULES

TEST_DIR=
TEST_PIDS=()
TEST_MOUNTS=()
TEST_CHECKS=0
# How long a test may take, and wait for one thing. Both are for what hangs, and end no test that a busy machine makes slow.
TEST_SECONDS=${TEST_SECONDS:-3600}
AWAIT_SECONDS=${AWAIT_SECONDS:-300}

# --- ending

# To the test's log, also from where stdout is redirected.
exec 3>&1
say() { printf '%s\n' "$*" >&3; }

skip() {
    say "SKIP: $*"
    exit 77
}

# Prints what is known about the failure: the logs of everything the test started. What failed is said last once more, where
# it is not cut off.
fail() {
    local log
    say "FAIL: $*"
    if [ -n "$TEST_DIR" ]; then
        for log in "$TEST_DIR"/*.log "$TEST_DIR"/*/*.log; do
            [ -s "$log" ] || continue
            say "--- ${log#"$TEST_DIR/"}"
            tail -n 30 "$log" >&3
        done
        say "FAIL: $*"
    fi
    exit 1
}

finish() {
    [ "$TEST_CHECKS" -gt 0 ] || fail "not one check was made"
    say "OK: $TEST_CHECKS checks"
    exit 0
}

# check TEXT COMMAND... : the command succeeds.
check() {
    local text=$1
    shift
    TEST_CHECKS=$((TEST_CHECKS + 1))
    "$@" || fail "$text ($*)"
    say "ok: $text"
}

# not COMMAND... : for check.
not() { ! "$@"; }

# refused TEXT PATTERN COMMAND... : the command fails, and says PATTERN (extended regular expression).
refused() {
    local text=$1 pattern=$2 out status=0
    shift 2
    TEST_CHECKS=$((TEST_CHECKS + 1))
    out=$("$@" 2>&1 </dev/null) || status=$?
    [ "$status" -ne 0 ] || fail "$text: this succeeded: $*"
    [ "$status" -lt 124 ] || fail "$text: crashed or hung (status $status): $*: $out"
    grep -Eq -e "$pattern" <<<"$out" || fail "$text: expected /$pattern/, got: $out"
    say "ok: $text"
}

# same TEXT EXPECTED ACTUAL
same() {
    TEST_CHECKS=$((TEST_CHECKS + 1))
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    say "ok: $1"
}

# expect STATUS TEXT COMMAND... : this exit status, and TEXT in what it says on standard error ("" for silence). What it says is
# in $T/out and $T/err.
expect() {
    local want=$1 text=$2 got=0
    shift 2
    TEST_CHECKS=$((TEST_CHECKS + 1))
    "$@" >"$T/out" 2>"$T/err" </dev/null || got=$?
    if [ "$got" != "$want" ]; then
        cat "$T/out" "$T/err" >&2
        fail "exit status $got instead of $want: $*"
    fi
    if [ -z "$text" ]; then
        # A sign of life is allowed: it comes with whatever takes longer than a second.
        sed -i '/^littlebox: .* \.\.\.$/d' "$T/err"
        [ ! -s "$T/err" ] || fail "unexpected words of '$*': $(cat "$T/err")"
    else
        grep -qF -- "$text" "$T/err" || fail "'$*' does not say '$text' but: $(cat "$T/err")"
    fi
}
# before_dashes WORD... -- REST... : sets WORDS and REST.
before_dashes() {
    WORDS=()
    while [ "$1" != -- ]; do
        WORDS+=("$1")
        shift
    done
    # shellcheck disable=SC2034 # for who calls this
    REST=("${@:2}")
}
# expect_out TEXT : and on standard output of the last expect.
expect_out() { grep -qF -- "$1" "$T/out" || fail "no '$1' in the output: $(cat "$T/out")"; }

# json_places PLACE... : what is there (json_at.py) in the JSON of standard input.
json_places() { python3 "$LITTLEBOX_SRC/test/harness/json_at.py" "$@"; }
# json FIELD : the value of a field, without its quotes; nothing where it is not there.
json() { json_places --plain "$1" 2>/dev/null || true; }
# json_at PLACE : what is there in the output of the last expect, which must be JSON.
json_at() { json_places "$1" <"$T/out" || fail "not so in: $(cat "$T/out")"; }
# expect_json [PLACE VALUE]... : that output has these values at these places.
expect_json() {
    local found
    while [ $# -gt 0 ]; do
        found=$(json_at "$1") || exit 1
        [ "$found" = "$2" ] || fail "'$1' is $found, not $2, in: $(cat "$T/out")"
        shift 2
    done
}
command -v python3 >/dev/null || fail "python3 is not installed"

# says TEXT PATTERN FILE : a line of FILE matches, now or within the bound.
says() {
    TEST_CHECKS=$((TEST_CHECKS + 1))
    await "$1" grep -Eq -e "$2" "$3"
    say "ok: $1"
}

# --- processes

# own PID... : to be ended when the test ends.
own() { TEST_PIDS+=("$@"); }

# A zombie whose threads are still ending holds its sockets as well. The state is read once: a process that is reaped between two
# looks is gone, not alive.
alive() {
    local threads state
    state=$(grep '^State:' "/proc/$1/status" 2>/dev/null) || return 1
    [[ $state =~ ^State:[[:space:]]*[ZX] ]] || return 0
    threads=("/proc/$1/task"/*)
    [ "${#threads[@]}" -gt 1 ]
}
gone() { ! alive "$1"; }

# await WHAT COMMAND... : until the command succeeds.
await() {
    local what=$1 end=$((SECONDS + AWAIT_SECONDS))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited $AWAIT_SECONDS s for: $what"
        sleep 0.02
    done
}

children_of() { pgrep -P "$1" || true; }

# stop PID [SIGNAL] : sends it and waits for the end.
stop() {
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    await "process $1 to end" gone "$1"
    wait "$1" 2>/dev/null || true
}

# cleanup_more : what a script has to clean up besides, if it has a function of that name.
cleanup() {
    local status=$? pid child mount
    trap - EXIT INT TERM
    set +e
    for pid in "${TEST_PIDS[@]}"; do
        alive "$pid" || continue
        child=$(children_of "$pid")
        kill -TERM "$pid" 2>/dev/null
        for _ in {1..250}; do
            alive "$pid" || break
            sleep 0.02
        done
        # shellcheck disable=SC2086 # a list of process ids
        alive "$pid" && kill -KILL "$pid" $child 2>/dev/null
    done
    wait 2>/dev/null
    if declare -F cleanup_more >/dev/null; then cleanup_more; fi
    if [ -n "$TEST_DIR" ]; then
        for mount in "${TEST_MOUNTS[@]}"; do
            umount "$mount"
        done
        if [ -n "${KEEP:-}" ]; then say "kept: $TEST_DIR"; else rm -rf "$TEST_DIR"; fi
    fi
    exit "$status"
}

# A directory that every user can pass through, since workers of other users need the socket in it. Sets TEST_DIR, which is T for
# short.
begin() {
    TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/littlebox-test.XXXXXX")
    T=$TEST_DIR
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    chmod 0755 "$TEST_DIR"
    umask 022
    watch $$ >/dev/null 3>&- &
    own $!
}

# watch PID : ends a test that hangs, with the command that it waits for.
watch() {
    local end=$((SECONDS + TEST_SECONDS)) me=$BASHPID child
    trap - EXIT
    while alive "$1"; do
        sleep 0.5
        [ "$SECONDS" -ge "$end" ] || continue
        echo "the test took longer than $TEST_SECONDS seconds" >&2
        kill -TERM "$1"
        for child in $(children_of "$1"); do
            [ "$child" = "$me" ] || kill -TERM "$child" 2>/dev/null || true
        done
        return
    done
}

# What users have of the build. copy_programs DIR : from here on copies of it there, since others may have no way to the build.
PROGRAMS="littlebox littleboxd .libs/littlebox.so"
copy_programs() {
    local program
    mkdir -p "$1/.libs"
    for program in $PROGRAMS; do
        cp "$LITTLEBOX_BUILD/$program" "$1/$program"
    done
    LITTLEBOX_BUILD=$1
    MODULE=$1/.libs/littlebox.so
}

# again_without_root [DIRECTORY...] : as root, runs the whole test once more, as www-data and from a copy, and ends with it. Of test/
# the copy has the harness, the test's own directory and these.
again_without_root() {
    local copy directory other
    is_root || return 0
    needs_user www-data
    begin
    copy=$TEST_DIR/copy
    directory=$(basename "$(realpath "$(dirname "$0")")")
    mkdir -p "$copy/test" "$TEST_DIR/tmp"
    copy_programs "$copy/build"
    mkdir "$copy/build/test"
    cp -R "$HARNESS" "$copy/build/test/"
    for other in harness "$directory" "$@"; do
        cp -R "$LITTLEBOX_SRC/test/$other" "$copy/test/"
    done
    chown www-data "$TEST_DIR/tmp"
    cd "$TEST_DIR" || exit
    setpriv --reuid=www-data --regid=www-data --clear-groups --reset-env env LITTLEBOX_BUILD="$copy/build" \
        LITTLEBOX_SRC="$copy" TMPDIR="$TEST_DIR/tmp" "$copy/test/$directory/$(basename "$0")"
    exit 0
}

# begin_cli : of a test of the command, which is in PATH then. TOOLS: the programs of these tests.
begin_cli() {
    local program
    begin
    for program in $PROGRAMS test/cli/answer test/cli/fakebox test/cli/fileattr; do
        [ -x "$LITTLEBOX_BUILD/$program" ] || fail "there is no $program in $LITTLEBOX_BUILD: run make && make check TESTS="
    done
    TOOLS=$LITTLEBOX_BUILD/test/cli
    if is_root && ! other test -x "$LITTLEBOX_BUILD/littlebox"; then
        copy_programs "$T/build"
        other test -x "$LITTLEBOX_BUILD/littlebox" || fail "uid $UNPRIVILEGED has no way to $T: set TMPDIR"
    fi
    export PATH="$LITTLEBOX_BUILD:$PATH" LC_ALL=C
    shopt -s inherit_errexit
}

# --- users

UNPRIVILEGED=65534
# other COMMAND... : root runs it as a user without any rights.
other() { setpriv --reuid $UNPRIVILEGED --regid $UNPRIVILEGED --clear-groups "$@"; }
# powerless COMMAND... : root stays uid 0, without its power over files that are closed to their owner; others have none.
powerless() {
    if is_root; then
        setpriv --bounding-set -dac_override,-dac_read_search "$@"
    else
        "$@"
    fi
}
is_root() { [ "$(id -u)" -eq 0 ]; }
sanitized() { grep -q __asan_init "$LITTLEBOX_BUILD/littleboxd"; }
# can_scan : whether memscan can read the memory of a box and of servers. A sanitizer maps terabytes into each process.
can_scan() { is_root && ! sanitized; }
# memscan OPTION VALUE PID... : its exit status. 0: nothing found. 1: found. More is told.
memscan() {
    local status=0
    "$HARNESS/memscan" "$@" >"$TEST_DIR/scan.log" 2>&1 || status=$?
    [ "$status" -le 1 ] || cat "$TEST_DIR/scan.log" >&2
    echo "$status"
}
needs() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# needs_user NAME...
needs_user() {
    local user
    for user; do
        id "$user" >/dev/null 2>&1 || skip "there is no user $user"
    done
}

free_ports() { "$HARNESS/freeport" "$1"; }

# Ports of an own process's listening sockets answer.
port_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- boxes

# The user whose box it is, where that is neither root nor whoever runs the test: programs and the command must be told.
BOX_OWNER=
# TEST_PURPOSES ("tls-server,csr,x509"): what the keys that it makes are for; any, if nothing is said.
lb() {
    [ "$1" != create ] || [ -z "${TEST_PURPOSES:-}" ] || set -- "$@" --for "$TEST_PURPOSES"
    "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" ${BOX_OWNER:+--users "$BOX_OWNER"} "$@"
}

# status FIELD : one field of `littlebox status --json`, with dots between names: token.connected.
status() { lb --json status 2>/dev/null | json "$1"; }
status_is() { [ "$(status "$1")" = "$2" ]; }

# status_exits N [OPTION...] : this exit status of `littlebox status`. answers : 0, or 3, which says that it cannot sign yet.
status_exits() {
    local got=0
    littlebox "${@:2}" status >/dev/null 2>&1 || got=$?
    [ "$got" = "$1" ]
}
answers() { status_exits 0 "$@" || status_exits 3 "$@"; }

# handle_uri FILE : the URI of the handle in it, which must be the only key there. names FILE URI : it is that one.
handle_uri() { "$LITTLEBOX_BUILD/littlebox" handle --show "$1" 2>&1 | sed -n '1s/^handle  *//p'; }
names() { [ "$(handle_uri "$1")" = "$2" ]; }
# same_public KEY FILE : the key in the box has this public key.
same_public() { littlebox show --public "$1" | cmp -s - "$2" || fail "key $1 in the box is not the key of $2"; }

# answer [PROMPT ANSWER]... -- COMMAND... : on a terminal (test/cli/answer.c).
answer() { "$TOOLS/answer" "$@"; }


# box_of_nobody : boxes run copies of the programs from here on, and in root's tests they are of the user nobody, who may not
# reach the build. Sets as_box_user, the prefix of commands.
as_box_user=()
box_of_nobody() {
    copy_programs "$TEST_DIR/bin"
    is_root || return 0
    # shellcheck disable=SC2034 # the tests'
    as_box_user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    chmod 755 "$TEST_DIR"
    BOX_OWNER=nobody
}

# start_box DIR [COMMAND PREFIX...] : starts box "default" in DIR and waits until it answers. Sets BOX_DIR, KEEPER.
start_box() {
    BOX_DIR=$1 BOX_UNDER=("${@:2}")
    run_box "$BOX_DIR/box.log" default
    BOX_UNDER=()
}
# start_named NAME [OPTION...] : box NAME in $T/box, littleboxd with these options, under BOX_UNDER, a command prefix. The
# command takes that directory. It has no store unless there was one.
start_named() {
    BOX_DIR=$T/box
    export LITTLEBOX_DIR=$BOX_DIR
    run_box "$T/box.log" "$@"
}
BOX_UNDER=()
run_box() {
    local log=$1
    BOX_NAME=$2
    mkdir -p "$BOX_DIR"
    "${BOX_UNDER[@]}" "$LITTLEBOX_BUILD/littleboxd" --box "$BOX_NAME" --dir "$BOX_DIR" "${@:3}" >>"$log" 2>&1 3>&- &
    KEEPER=$!
    own "$KEEPER"
    await "box $BOX_NAME in $BOX_DIR to answer" box_answers
}
box_answers() {
    local status=0
    alive "$KEEPER" || fail "littleboxd ended"
    lb --box "$BOX_NAME" status || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ] # 3: it answers, and cannot sign yet
}
box_unlocked() { status_is state unlocked; }
# The processes of a keeper: the one with the keys, and the one that takes descriptors.
box_child() { pgrep -P "$KEEPER" -f -- ' --child ' | head -n 1 || true; }
box_usher() { pgrep -P "$KEEPER" -f -- ' --usher ' | head -n 1 || true; }
stop_box() { stop "$KEEPER"; }

# new_box DIR : a started box with an empty, unlocked store.
new_box() {
    start_box "$@"
    lb init >"$BOX_DIR/init.log" 2>&1 || fail "littlebox init: $(cat "$BOX_DIR/init.log")"
}

# --- openssl

# write_openssl_cnf FILE BOX_DIR [MODULE]
write_openssl_cnf() {
    # openssl x509 of 4.0 takes the unnamed section for extensions, unless it names one that has them.
    cat >"$1" <<END
openssl_conf = init
extensions = no_extensions
[no_extensions]
[init]
providers = providers
[providers]
default = default_section
littlebox = littlebox_section
[default_section]
activate = 1
[littlebox_section]
module = ${3:-$MODULE}
activate = 1
littlebox-directory = $2
littlebox-timeout = 20000
${BOX_OWNER:+littlebox-users = $BOX_OWNER}
[req]
distinguished_name = dn
[dn]
END
}

# write_bare_cnf FILE : that of BOX_DIR, with where the box is alone; the module is neither named nor activated.
write_bare_cnf() { sed -e '/^module/d' -e '/^activate/d' "$BOX_DIR/openssl.cnf" >"$1"; }

# For env(1), before a program that loads the module: one that is built with ASan needs its runtime first.
MODULE_ENV=()
if [ -x "$LITTLEBOX_BUILD/littleboxd" ] && sanitized; then
    MODULE_ENV=(LD_PRELOAD="$(gcc -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0)
fi

# with_module COMMAND... : a program that loads the module.
with_module() { env "${MODULE_ENV[@]}" "$@"; }

# openssl(1) with the box of BOX_DIR, configured in openssl.cnf, as servers have it.
ossl() {
    [ -e "$BOX_DIR/openssl.cnf" ] || write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" openssl "$@"
}

# openssl(1) that has never heard of us.
plain_ossl() { OPENSSL_CONF=/dev/null openssl "$@"; }

# new_key TYPE FILE : a plain key, for imports and controls.
new_key() {
    case $1 in
    rsa:* | rsa-pss:*)
        plain_ossl genpkey -algorithm "${1%:*}" -pkeyopt "rsa_keygen_bits:${1#*:}" -out "$2" 2>/dev/null
        ;;
    ec:*) plain_ossl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${1#ec:}" -out "$2" ;;
    *) plain_ossl genpkey -algorithm "$1" -out "$2" ;;
    esac
}

# self_signed KEY CERTIFICATE : for localhost; KEY is anything openssl takes.
self_signed() {
    ossl req -x509 -new -key "$1" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out "$2"
}

# signs KEY [PUBLIC KEY FILE] : a signature by the key of the box verifies, without us, under its own or the given
# public key.
signs() {
    local uri=littlebox:$1 dir=$TEST_DIR/signs pub=${2:-$TEST_DIR/signs/pub}
    mkdir -p "$dir"
    date +%s%N >"$dir/text"
    ossl pkeyutl -sign -rawin -inkey "$uri" -in "$dir/text" -out "$dir/sig" || return 1
    [ -n "${2:-}" ] || ossl pkey -pubout -in "$uri" -out "$pub" || return 1
    plain_ossl pkeyutl -verify -rawin -pubin -inkey "$pub" -in "$dir/text" -sigfile "$dir/sig" >/dev/null
}

# page_of_uri URI ROOT : asks a server whose certificate, chain and key are that URI for its page. What its client says of the
# certificates, of which ROOT must be the root, and the page are in s_client.log.
page_of_uri() {
    local port pid
    port=$(free_ports 1)
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" openssl s_server -accept "127.0.0.1:$port" \
        -cert "$1" -cert_chain "$1" -key "$1" -www >s_server.log 2>&1 3>&- &
    pid=$!
    own "$pid"
    await "s_server" grep -q '^ACCEPT' s_server.log
    echo "GET / HTTP/1.0" | plain_ossl s_client -connect "127.0.0.1:$port" -CAfile "$2" -verify_return_error \
        -verify_hostname localhost -ign_eof >s_client.log 2>&1 || true
    stop "$pid"
}

# --- nginx

NGINX_SERVERS=()

# nginx_server PORT CERTIFICATE KEY : one more server block of the next configuration.
nginx_server() {
    NGINX_SERVERS+=("server {
        listen 127.0.0.1:$1 ssl http2;
        server_name localhost;
        ssl_certificate $2;
        ssl_certificate_key $3;
        location / { return 200 \"hello\\n\"; }
    }")
}

# write_nginx_conf DIR WORKERS [USER]
write_nginx_conf() {
    mkdir -p "$1"
    {
        [ -z "${3:-}" ] || echo "user $3;"
        cat <<END
worker_processes $2;
pid $1/nginx.pid;
error_log $1/error.log notice;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $1/body;
    proxy_temp_path $1/proxy;
    fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi;
    scgi_temp_path $1/scgi;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    keepalive_timeout 5;
END
        printf '    %s\n' "${NGINX_SERVERS[@]}"
        echo "}"
    } >"$1/nginx.conf"
    NGINX_SERVERS=()
}

# run_nginx DIR ARGUMENTS... : nginx with the configuration in DIR, through NGINX_AS (a command prefix) if set.
NGINX_AS=()
run_nginx() {
    local dir=$1
    shift
    env "${MODULE_ENV[@]}" OPENSSL_CONF="${NGINX_OPENSSL_CONF:-$BOX_DIR/openssl.cnf}" "${NGINX_AS[@]}" nginx -p "$dir" -e "$dir/error.log" \
        -c "$dir/nginx.conf" "$@" 3>&-
}

# start_nginx DIR : starts it as its users do, as a daemon. Sets NGINX.
start_nginx() {
    run_nginx "$1" 2>>"$1/start.log" || fail "nginx did not start: $(cat "$1/start.log")"
    await "nginx's pid file" test -s "$1/nginx.pid"
    NGINX=$(cat "$1/nginx.pid")
    own "$NGINX"
    await "nginx's workers" has_children "$NGINX"
}
has_children() { [ -n "$(children_of "$1")" ]; }
nginx_pids() { echo "$NGINX" && children_of "$NGINX"; }
stop_nginx() {
    run_nginx "$1" -s stop
    await "nginx to end" gone "$NGINX"
}
