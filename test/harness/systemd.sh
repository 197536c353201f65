# shellcheck shell=bash
# A machine of its own for a test: systemd is process 1 of a PID namespace, in an overlay of this machine's files with what
# `make install` puts there, and of its units it has ours alone. Nothing of the machine is changed, and nothing of it is left: all
# ends with the test's first process.
#
# Sourced behind lib.sh. A script says `in_machine`: that returns inside, where the script runs a second time, as a service;
# outside it ends with what came out there, or skips where this machine gives no namespaces. MACHINE_ENV: the names of variables
# that the script has inside too.

MACHINE_SCRIPT=$(realpath "$0")
MACHINE_ENV=${MACHINE_ENV:-}
SYSTEMD=/lib/systemd/systemd
UNITS=/etc/systemd/system:/run/littlebox-test:/usr/local/lib/systemd/system
namespaces=(--mount --propagation private)
machine=(--pid --fork --kill-child --ipc --uts --net --cgroup)

# In a mount namespace of its own: the root directory for systemd, in $TEST_DIR/ov/root, and a control group.
mount_machine() {
    local dir=$TEST_DIR/ov
    mkdir -p "$dir" "$TEST_DIR/cgroup"
    mount -t cgroup2 cgroup2 "$TEST_DIR/cgroup"
    mkdir "$GROUP"
    mount -t tmpfs -o mode=0755 tmpfs "$dir"
    mkdir "$dir/upper" "$dir/work" "$dir/root"
    mount -t overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
    mkdir "$dir/root/old"
}

machine_env() {
    local name
    for name in $MACHINE_ENV; do
        [ -z "${!name:-}" ] || printf '"%s=%s" ' "$name" "${!name}"
    done
}

furnish_machine() {
    local root=$TEST_DIR/ov/root dir device unit
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$LITTLEBOX_BUILD" install DESTDIR="$root" >"$TEST_DIR/install.log" 2>&1
    for dir in dev run tmp etc/systemd/system; do
        mount -t tmpfs -o mode=0755 tmpfs "$root/$dir"
    done
    chmod 1777 "$root/tmp"
    # What this machine may have of ours, and its key for credentials.
    rm -rf "$root/etc/littlebox" "$root/var/lib/littlebox" "$root/var/lib/systemd/credential.secret"
    sed -i '/^littlebox/d' "$root/etc/passwd" "$root/etc/shadow" "$root/etc/group" "$root/etc/gshadow"
    rm -f "$root"/etc/sysusers.d/littlebox-*
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s pts/ptmx "$root/dev/ptmx"
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/littlebox-test" "$root/etc/systemd/system/littleboxd@.service.d"
    for unit in sysinit basic sockets multi-user shutdown; do
        printf '[Unit]\nDefaultDependencies=no\n' >"$root/run/littlebox-test/$unit.target"
    done
    # What does not end on SIGTERM (pkcsslotd) has this long at the end.
    mkdir -p "$root/etc/systemd/system.conf.d"
    printf '[Manager]\nDefaultTimeoutStopSec=3s\n' >"$root/etc/systemd/system.conf.d/10-littlebox-test.conf"
    # There is no journal.
    printf '[Service]\nStandardOutput=append:/run/box-%%i.log\nStandardError=append:/run/box-%%i.log\n' \
        >"$root/etc/systemd/system/littleboxd@.service.d/10-log.conf"
    cat >"$root/run/littlebox-test/test.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment="SYSTEMD_TEST=inside" "LITTLEBOX_BUILD=$LITTLEBOX_BUILD" "LITTLEBOX_SRC=$LITTLEBOX_SRC" $(machine_env)
ExecStart=/bin/bash -c '"\$0"; r=\$\$?; [ \$\$r = 0 ] || systemctl --no-pager status "littleboxd@*"; systemctl --force exit \$\$r' "$MACHINE_SCRIPT"
StandardOutput=append:$TEST_DIR/inside.log
StandardError=append:$TEST_DIR/inside.log
END
    for dir in "$LITTLEBOX_SRC" "$LITTLEBOX_BUILD" "$TEST_DIR"; do
        mkdir -p "$root$dir"
        mount --bind "$dir" "$root$dir"
    done
}

# Process 1 of the PID namespace becomes systemd.
become_systemd() {
    local root=$TEST_DIR/ov/root
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t devpts devpts "$root/dev/pts"
    cd "$root" || exit
    pivot_root . old
    umount -l /old
    # As process 1 finds it outside of containers; systemd hands credentials over by a mount.
    mount --make-rshared /
    exec env -i container=littlebox PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=$UNITS "$SYSTEMD" \
        --unit=test.service --log-target=console --show-status=no </dev/null >>"$TEST_DIR/systemd.log" 2>&1 3>&-
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
    why=$(unshare "${namespaces[@]}" "${machine[@]}" true 2>&1) || skip "this machine gives no namespaces: $why"
    begin
    : >"$TEST_DIR/inside.log"
    export SYSTEMD_TEST_DIR=$TEST_DIR
    why=$(SYSTEMD_TEST=try unshare "${namespaces[@]}" "$MACHINE_SCRIPT" 2>&1) || skip "no machine to be had: $why"
    SYSTEMD_TEST=mount setpriv --pdeathsig KILL unshare "${namespaces[@]}" "$MACHINE_SCRIPT" || status=$?
    cat "$TEST_DIR/inside.log" >&3
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$TEST_DIR/systemd.log" >&3
        fail "in the machine of systemd: status $status"
    fi
    # shellcheck disable=SC2034 # for finish
    TEST_CHECKS=$(grep -c '^ok: ' "$TEST_DIR/inside.log")
    finish
}

remove_group() { find "$GROUP" -depth -type d -exec rmdir {} +; }

in_machine() {
    TEST_DIR=${SYSTEMD_TEST_DIR:-}
    GROUP=$TEST_DIR/cgroup/$(basename "$TEST_DIR")
    case ${SYSTEMD_TEST:-} in
    '') outside_machine ;;
    try)
        mount_machine
        remove_group
        cd "$TEST_DIR/ov/root" || exit
        pivot_root . old
        exit
        ;;
    mount)
        mount_machine
        furnish_machine
        # The control group's namespace begins where its first process is.
        echo $$ >"$GROUP/cgroup.procs"
        status=0
        SYSTEMD_TEST=systemd setpriv --pdeathsig KILL timeout --foreground -s KILL "$TEST_SECONDS" \
            setpriv --pdeathsig KILL unshare "${namespaces[@]}" "${machine[@]}" "$MACHINE_SCRIPT" || status=$?
        echo $$ >"$TEST_DIR/cgroup/cgroup.procs"
        await "the control group to be empty" remove_group
        exit "$status"
        ;;
    systemd) become_systemd ;;
    inside)
        begin
        ln -s /run "$TEST_DIR/run"
        cd "$TEST_DIR" || exit
        unset SYSTEMD_TEST
        PATH=/usr/local/sbin:/usr/local/bin:$PATH
        ;;
    esac
}
