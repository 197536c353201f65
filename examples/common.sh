# shellcheck shell=bash
# What the scripts here share: packages, a build, a box and an nginx of their own, and an end that leaves nothing.
#
# To be sourced after `set -eu`. $dir is the directory of all that a script writes; its end removes it.
# LITTLEBOX_BUILD may name a build that is there: then nothing is installed and nothing built. LITTLEBOX_INSTALLED=yes takes what is
# installed, as by Debian packages, and builds the three programs alone that look on. SCRATCH is where $dir is
# made: /tmp, which a server's user can pass through as well.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${LITTLEBOX_BUILD:-$top/build/quickstart}
script=$(basename "$0" .sh)
packages="autoconf automake libtool pkg-config gcc make libc6-dev libssl-dev libsqlite3-dev libargon2-dev libseccomp-dev
    libp11-dev libp11-kit-dev libcunit1-dev openssl curl nginx procps"
PATH=$PATH:/usr/sbin:/sbin
unset LITTLEBOX_DIR OPENSSL_CONF OPENSSL_MODULES

step() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
say() { printf '   %s\n' "$*"; }
die() {
    printf '%s: %s\n' "$script" "$*" >&2
    if compgen -G "${dir:-}/*.log" >/dev/null; then tail -n 20 "$dir"/*.log >&2 || true; fi
    exit 1
}
is_root() { [ "$(id -u)" -eq 0 ]; }
alive() { grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }
gone() { ! alive "$1"; }
# await WHAT COMMAND... : for 20 seconds at most
await() {
    local what=$1 end=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "waited 20 seconds for $what"
        sleep 0.05
    done
}

# Processes: the box, nginx, and what else is to end with the script.
keeper='' nginx_pid='' loops=() policy_made=''
clean_up() {
    local status=$? pid
    trap - EXIT
    set +e
    for pid in "${loops[@]}" $nginx_pid $keeper; do
        kill "$pid" 2>/dev/null
        for _ in {1..100}; do
            alive "$pid" || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$dir" ${policy_made:+"$policy_made"}
    exit "$status"
}
dir=$(mktemp -d "${SCRATCH:-/tmp}/littlebox-$script.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT TERM
chmod 0755 "$dir" # www-data must reach the box's socket

# start_nothing COMMAND... : installs without starting what is installed, as policy-rc.d tells Debian's packages. One that is
# there says what it says.
start_nothing() {
    local policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d} status=0
    if [ ! -e "$policy" ]; then
        policy_made=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 0755 "$policy"
    fi
    "$@" || status=$?
    rm -f ${policy_made:+"$policy_made"}
    policy_made=''
    return "$status"
}
install_packages() {
    local package missing=
    if [ -n "${LITTLEBOX_BUILD:-}${LITTLEBOX_INSTALLED:-}" ]; then
        say "taken as they are"
        return
    fi
    for package in $packages; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            missing="$missing $package"
    done
    if [ -z "$missing" ]; then
        say "all there"
    elif is_root; then
        say "installing:$missing"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086 # a list of names
        { apt-get update -q && start_nothing timeout 900 apt-get install -q -y --no-install-recommends $missing; } \
            >"$dir/apt.log" 2>&1 || die "apt-get could not install:$missing"
        case " $missing " in
        *' nginx '*) say "nginx is installed and not started; so that the next boot does not: systemctl disable nginx" ;;
        esac
    else
        die "packages are missing. As root, and then this again (Debian starts nginx once it is installed):
apt-get install --no-install-recommends$missing"
    fi
}

# Builds in build/quickstart; leaves the shell in $dir.
build_littlebox() {
    if [ -n "${LITTLEBOX_INSTALLED:-}" ]; then
        take_installed
    elif [ -z "${LITTLEBOX_BUILD:-}" ]; then
        make_littlebox
    fi
    cd "$dir" || exit
    say "littleboxd (the box), littlebox (the command), littlebox.so (the provider)"
}
# A directory like that of a build, with what is installed in it. A program that is run by another name than its own finds its files
# all the same; littleboxd is in no ordinary user's PATH.
take_installed() {
    local harness=$top/test/harness program module
    build=$dir/installed
    mkdir -p "$build/.libs" "$build/test/harness"
    module=$(openssl version -m | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')/littlebox.so
    for program in "$(type -P littlebox)" "$(type -P littleboxd)" "$module"; do
        [ -e "$program" ] || die "littlebox is not installed: there is no ${program:-littlebox or littleboxd}"
    done
    ln -s "$(type -P littlebox)" "$(type -P littleboxd)" "$build"
    ln -s "$module" "$build/.libs/littlebox.so"
    {
        cc -std=gnu11 -D_GNU_SOURCE -O -o "$build/test/harness/memscan" "$harness/memscan.c" -lcrypto
        cc -std=gnu11 -D_GNU_SOURCE -O -pthread -o "$build/test/harness/tlsload" "$harness"/{tlsload,times,tlsclient}.c -lssl -lcrypto
        cc -std=gnu11 -D_GNU_SOURCE -O -o "$build/test/harness/freeport" "$harness/freeport.c"
    } >"$dir/build.log" 2>&1 || die "the programs that look on were not built"
}
make_littlebox() {
    [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi) >"$dir/build.log" 2>&1 || die "autoreconf failed"
    if [ -e "$top/config.status" ]; then
        build=$top # configured in the source tree, which excludes a second build beside it
    fi
    mkdir -p "$build"
    cd "$build" || exit
    { [ -e Makefile ] || "$top/configure" --quiet; } >>"$dir/build.log" 2>&1 || die "configure failed"
    make -s -j "$(nproc)" all test/harness/memscan test/harness/tlsload test/harness/freeport \
        >>"$dir/build.log" 2>&1 || die "make failed"
}

# --- a box

littlebox() { "$build/littlebox" --dir "$dir/box" "$@" 2>>"$dir/littlebox.log" || die "littlebox $* failed"; }
answers() {
    local status=0
    "$build/littlebox" --dir "$dir/box" status >"$dir/status" 2>&1 || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ] # 3: it answers, and cannot sign yet
}
start_box() {
    "$build/littleboxd" --box default --dir "$dir/box" >>"$dir/box.log" 2>&1 &
    keeper=$!
    await "the box" answers
}
# The one of the keeper's processes that has the keys.
box_child() { pgrep -P "$keeper" -f -- ' --child '; }
# An empty box, and an openssl.cnf for it: examples/nginx/openssl.cnf, with the module and the box of this directory.
new_box() {
    mkdir "$dir/box"
    start_box
    littlebox init >"$dir/init.log"
    sed -e "s|^\[littlebox_section\]|&\nmodule = $build/.libs/littlebox.so\nlittlebox-directory = $dir/box|" \
        "$top/examples/nginx/openssl.cnf" >"$dir/openssl.cnf"
    export OPENSSL_CONF=$dir/openssl.cnf
    say "littleboxd runs as process $keeper, with its keys in process $(box_child)"
}

# --- nginx

# free_ports N : into the array `port`.
# shellcheck disable=SC2034 # of who calls it
free_ports() { mapfile -t port < <("$build/test/harness/freeport" "$1"); }
# nginx_conf WORK : a whole configuration in that new directory, with the servers on stdin.
nginx_conf() {
    local work=$1 kind
    mkdir "$work"
    {
        if is_root; then echo "user www-data;"; fi
        printf '%s\n' "worker_processes 2;" "pid $work/pid;" "error_log $work/error.log;" "events { }" \
            "http {" "access_log off;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $work/$kind;"
        done
        cat
        echo "}"
    } >"$work/nginx.conf"
}
run_nginx() {
    nginx -p "$1" -e "$1/error.log" -c "$1/nginx.conf" "${@:2}" 2>>"$dir/nginx.log" || die "nginx ${*:2} failed"
}
start_nginx() {
    run_nginx "$1" -t
    run_nginx "$1"
    await "nginx" test -s "$1/pid"
    nginx_pid=$(cat "$1/pid")
    await "nginx's workers" pgrep -P "$nginx_pid"
}
stop_nginx() {
    run_nginx "$1" -s stop
    await "nginx to end" gone "$nginx_pid"
    nginx_pid=
}
