# shellcheck shell=bash
# A machine of its own for a test (machine.sh), with what `make install` puts there, or the packages of MACHINE_DEBS; of its units it
# has ours alone.
#
# Sourced behind lib.sh. A script says `in_machine`: that returns inside, where the script runs a second time, as a service;
# outside it ends with what came out there, or skips where this machine gives no namespaces. MACHINE_ENV: the names of variables
# that the script has inside too. MACHINE_DIRS: directories that are the same inside; below /tmp there is nothing else.

# shellcheck source=machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
MACHINE_SCRIPT=$(realpath "$0")
MACHINE_ENV=${MACHINE_ENV:-}
MACHINE_DIRS=${MACHINE_DIRS:-} MACHINE_DEBS=${MACHINE_DEBS:-}
UNITS=/etc/systemd/system:/run/littlebox-test:/usr/local/lib/systemd/system

machine_env() {
    local name
    for name in $MACHINE_ENV; do
        [ -z "${!name:-}" ] || printf '"%s=%s" ' "$name" "${!name}"
    done
}

# Before systemd is there, so that nothing is started.
install_debs() {
    chroot "$1" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg --force-unsafe-io -i \
        "$MACHINE_DEBS"/littlebox_*.deb "$MACHINE_DEBS"/openssl-provider-littlebox_*.deb
}

install_build() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$LITTLEBOX_BUILD" install DESTDIR="$1"
}

furnish_machine() {
    local root=$TEST_DIR/ov/root dir install=install_build packaged=()
    if [ -n "$MACHINE_DEBS" ]; then install=install_debs packaged=(usr/lib/systemd/system); fi
    machine_furnish "$root" /run/littlebox-test "${packaged[@]}"
    # What does not end on SIGTERM (pkcsslotd) has this long at the end.
    mkdir -p "$root/etc/systemd/system.conf.d" "$root/etc/systemd/system/littleboxd@.service.d"
    printf '[Manager]\nDefaultTimeoutStopSec=3s\n' >"$root/etc/systemd/system.conf.d/10-littlebox-test.conf"
    # There is no journal.
    printf '[Service]\nStandardOutput=append:/run/box-%%i.log\nStandardError=append:/run/box-%%i.log\n' \
        >"$root/etc/systemd/system/littleboxd@.service.d/10-log.conf"
    machine_service "\"$MACHINE_SCRIPT\"" "$TEST_DIR/inside.log" "Environment=\"SYSTEMD_TEST=inside\" \
\"LITTLEBOX_BUILD=$LITTLEBOX_BUILD\" \"LITTLEBOX_SRC=$LITTLEBOX_SRC\" $(machine_env)" >"$root/run/littlebox-test/test.service"
    # shellcheck disable=SC2086 # a list of directories
    for dir in "$LITTLEBOX_SRC" "$LITTLEBOX_BUILD" "$TEST_DIR" $MACHINE_DIRS; do
        mkdir -p "$root$dir"
        mount --bind "$dir" "$root$dir"
    done
    "$install" "$root" >"$TEST_DIR/install.log" 2>&1 </dev/null
    rm -f "$root/usr/sbin/policy-rc.d"
}

outside_machine() {
    local why status=0
    is_root || skip "needs root, to be a machine of its own"
    needs unshare pivot_root make openssl setpriv systemctl systemd-sysusers useradd
    [ -x "$SYSTEMD" ] || skip "systemd is not installed"
    sanitized && skip "a sanitized build needs a runtime that the units do not give it"
    if ! grep -qs '^ExecStart=/usr/local/sbin/' "$LITTLEBOX_BUILD/keystore/daemon/systemd/littleboxd@.service" ||
        ! grep -qs '=/run/littlebox/%i.sock' "$LITTLEBOX_BUILD/keystore/daemon/systemd/littleboxd@.socket"; then
        skip "this build is for other directories than those of the system"
    fi
    why=$(unshare "${MACHINE_TOP[@]}" "${MACHINE_NAMESPACES[@]}" true 2>&1) || skip "this machine gives no namespaces: $why"
    begin
    : >"$TEST_DIR/inside.log"
    export SYSTEMD_TEST_DIR=$TEST_DIR
    why=$(SYSTEMD_TEST=try unshare "${MACHINE_TOP[@]}" "$MACHINE_SCRIPT" 2>&1) || skip "no machine to be had: $why"
    SYSTEMD_TEST=mount setpriv --pdeathsig KILL unshare "${MACHINE_TOP[@]}" "$MACHINE_SCRIPT" || status=$?
    cat "$TEST_DIR/inside.log" >&3
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$TEST_DIR/systemd.log" >&3
        fail "in the machine of systemd: status $status"
    fi
    # shellcheck disable=SC2034 # for finish
    TEST_CHECKS=$(grep -c '^ok: ' "$TEST_DIR/inside.log")
    finish
}

in_machine() {
    local group
    TEST_DIR=${SYSTEMD_TEST_DIR:-}
    group=$TEST_DIR/cgroup/$(basename "$TEST_DIR")
    case ${SYSTEMD_TEST:-} in
    '') outside_machine ;;
    try)
        machine_mount "$TEST_DIR/ov" "$TEST_DIR/cgroup" "$group"
        machine_remove_group "$group"
        cd "$TEST_DIR/ov/root" || exit
        pivot_root . old
        exit
        ;;
    mount)
        machine_mount "$TEST_DIR/ov" "$TEST_DIR/cgroup" "$group"
        furnish_machine
        # The control group's namespace begins where its first process is.
        echo $$ >"$group/cgroup.procs"
        status=0
        SYSTEMD_TEST=systemd setpriv --pdeathsig KILL timeout --foreground -s KILL "$TEST_SECONDS" \
            setpriv --pdeathsig KILL unshare "${MACHINE_TOP[@]}" "${MACHINE_NAMESPACES[@]}" "$MACHINE_SCRIPT" || status=$?
        echo $$ >"$TEST_DIR/cgroup/cgroup.procs"
        await "the control group to be empty" machine_remove_group "$group"
        exit "$status"
        ;;
    systemd)
        machine_boot "$TEST_DIR/ov/root" "$TEST_DIR/systemd.log" \
            "SYSTEMD_UNIT_PATH=$UNITS${MACHINE_DEBS:+:/usr/lib/systemd/system}"
        ;;
    inside)
        begin
        ln -s /run "$TEST_DIR/run"
        cd "$TEST_DIR" || exit
        unset SYSTEMD_TEST
        PATH=/usr/local/sbin:/usr/local/bin:$PATH
        ;;
    esac
}
