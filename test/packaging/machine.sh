#!/usr/bin/env bash
# machine.sh DIR SCRIPT: runs DIR/SCRIPT in a machine of its own, and ends as it does. The machine has the files of this one, in an
# overlay that is forgotten, but for those of littlebox, and systemd as process 1, which knows no unit but those that a package
# brings. DIR is the same directory inside; DIR/machine.log and DIR/systemd.log tell what happened there.
set -eu

dir=$(realpath "$1") script=$2
top=$dir/machine root=$dir/machine/root
group=$dir/cgroup/littlebox-packages-$(basename "$dir")
systemd=/lib/systemd/systemd
namespaces=(--mount --propagation private)
machine=(--pid --fork --kill-child --ipc --uts --net --cgroup)

mount_machine() {
    mkdir -p "$top" "$dir/cgroup"
    mount -t cgroup2 cgroup2 "$dir/cgroup"
    mkdir "$group"
    mount -t tmpfs -o mode=0755 tmpfs "$top"
    mkdir "$top/upper" "$top/work" "$root"
    mount -t overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" overlay "$root"
    mkdir "$root/old"
}

furnish_machine() {
    local place device unit
    rm -rf "$root"/etc/littlebox "$root"/var/lib/littlebox "$root"/etc/ssl/openssl-littlebox.* "$root"/etc/sysusers.d/littlebox-*
    sed -i '/^littlebox/d' "$root/etc/passwd" "$root/etc/shadow" "$root/etc/group" "$root/etc/gshadow"
    rm -f "$root/usr/sbin/policy-rc.d"
    for place in dev run tmp etc/systemd/system usr/lib/systemd/system; do
        mount -t tmpfs -o mode=0755 tmpfs "$root/$place"
    done
    chmod 1777 "$root/tmp"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s pts/ptmx "$root/dev/ptmx"
    mkdir "$root/dev/pts" "$root/dev/shm"
    for unit in sysinit basic sockets multi-user shutdown; do
        printf '[Unit]\nDefaultDependencies=no\n' >"$root/usr/lib/systemd/system/$unit.target"
    done
    cat >"$root/usr/lib/systemd/system/test.service" <<END_OF_UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'bash "$dir/$script"; r=\$\$?; [ \$\$r = 0 ] || systemctl --no-pager status "littleboxd@*"; systemctl --force exit \$\$r'
StandardOutput=append:$dir/machine.log
StandardError=append:$dir/machine.log
END_OF_UNIT
    mkdir -p "$root$dir"
    mount --bind "$dir" "$root$dir"
}

# Process 1 of the PID namespace becomes systemd.
become_systemd() {
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    cd "$root"
    pivot_root . old
    umount -l /old
    mount --make-rshared /
    exec env -i container=littlebox PATH=/usr/sbin:/usr/bin:/sbin:/bin "$systemd" \
        --unit=test.service --log-target=console --show-status=no </dev/null >>"$dir/systemd.log" 2>&1
}

remove_group() { find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; }

case ${MACHINE_STAGE:-} in
'')
    [ -x "$systemd" ] || { echo "machine.sh: systemd is not installed" >&2; exit 1; }
    MACHINE_STAGE=mount exec setpriv --pdeathsig KILL unshare "${namespaces[@]}" bash "$0" "$dir" "$script"
    ;;
mount)
    mount_machine
    furnish_machine
    # The control group's namespace begins where its first process is.
    echo $$ >"$group/cgroup.procs"
    status=0
    MACHINE_STAGE=systemd setpriv --pdeathsig KILL timeout --foreground -s KILL "${MACHINE_SECONDS:-600}" \
        setpriv --pdeathsig KILL unshare "${namespaces[@]}" "${machine[@]}" bash "$0" "$dir" "$script" || status=$?
    echo $$ >"$dir/cgroup/cgroup.procs"
    for ((tries = 0; tries < 200; tries++)); do
        if remove_group; then break; fi
        sleep 0.05
    done
    exit "$status"
    ;;
systemd) become_systemd ;;
esac
