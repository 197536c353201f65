# shellcheck shell=bash
# What machines of systemd are made of: an overlay of this machine's files, in which systemd is process 1 of namespaces of its own.
# Nothing of this machine is changed, and all ends with the first process.
#
# Sourced by test/harness/systemd.sh, for tests that are services in such a machine, and by test/packaging/machine.sh.

SYSTEMD=/lib/systemd/systemd
# shellcheck disable=SC2034 # for unshare(1)
MACHINE_TOP=(--mount --propagation private)
# shellcheck disable=SC2034
MACHINE_NAMESPACES=(--pid --fork --kill-child --ipc --uts --net --cgroup)

# machine_mount TOP CGROUP GROUP : in a mount namespace of its own, the root directory for systemd in TOP/root, and a control group.
machine_mount() {
    local top=$1 cgroup=$2 group=$3
    mkdir -p "$top" "$cgroup"
    mount -t cgroup2 cgroup2 "$cgroup"
    mkdir "$group"
    mount -t tmpfs -o mode=0755 tmpfs "$top"
    mkdir "$top/upper" "$top/work" "$top/root"
    mount -t overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" overlay "$top/root"
    mkdir "$top/root/old"
}

# machine_furnish ROOT UNITS PLACE... : nothing of a littlebox that this machine may have, nor its key for credentials; devices;
# empty PLACEs; in UNITS the targets that systemd wants.
machine_furnish() {
    local root=$1 units=$1$2 place device unit
    shift 2
    rm -rf "$root"/etc/littlebox "$root"/var/lib/littlebox "$root"/etc/ssl/openssl-littlebox.* "$root"/etc/sysusers.d/littlebox-* \
        "$root/var/lib/systemd/credential.secret"
    sed -i '/^littlebox/d' "$root/etc/passwd" "$root/etc/shadow" "$root/etc/group" "$root/etc/gshadow"
    for place in dev run tmp etc/systemd/system "$@"; do
        mount -t tmpfs -o mode=0755 tmpfs "$root/$place"
    done
    chmod 1777 "$root/tmp"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s pts/ptmx "$root/dev/ptmx"
    mkdir -p "$root/dev/pts" "$root/dev/shm" "$units"
    for unit in sysinit basic sockets multi-user shutdown; do
        printf '[Unit]\nDefaultDependencies=no\n' >"$units/$unit.target"
    done
}

# machine_service COMMAND LOG [LINE...] : the unit of what runs in the machine, which ends as the command does. On standard output.
machine_service() {
    local command=$1 log=$2
    shift 2
    printf '%s\n' '[Unit]' DefaultDependencies=no '[Service]' Type=oneshot "$@" \
        "ExecStart=/bin/bash -c '$command; r=\$\$?; [ \$\$r = 0 ] || systemctl --no-pager status \"littleboxd@*\"; systemctl --force exit \$\$r'" \
        "StandardOutput=append:$log" "StandardError=append:$log"
}

# machine_boot ROOT LOG [VARIABLE=VALUE] : process 1 of the PID namespace becomes systemd, which starts test.service.
machine_boot() {
    local root=$1 log=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    cd "$root" || exit
    pivot_root . old
    umount -l /old
    # As process 1 finds it outside of containers; systemd hands credentials over by a mount.
    mount --make-rshared /
    exec env -i container=littlebox PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" "$SYSTEMD" \
        --unit=test.service --log-target=console --show-status=no </dev/null >>"$log" 2>&1 3>&-
}

machine_remove_group() { find "$1" -depth -type d -exec rmdir {} +; }
