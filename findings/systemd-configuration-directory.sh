#!/usr/bin/env bash
# systemd 252.39-1~deb12u2 (Debian 12): who owns a directory that ConfigurationDirectory= makes.
#
# Its manual, systemd.exec(5), excepts ConfigurationDirectory= from the directories that belong to the user of the unit. That
# holds where the directory is there already. A new one below /etc is given to User= all the same, who may then replace every
# file in it: of two services with one such directory and a user each, the first to start can write what the other reads.
# (So a program whose directory below /etc is to be root's makes it at installation.)
#
# Needs root, namespaces, and a mirror with this version. Installs nothing: the package is unpacked in a temporary folder,
# from which systemd runs as process 1 of namespaces of its own, with two services that do nothing. What was seen, the owners
# of the new and of the old directory, is printed and compared; it fails if that changes.
set -eu
VERSION=252.39-1~deb12u2
EXPECTED='new: daemon
old: root'
me=$(realpath "$0")

case ${1:-} in
'')
    [ "$(id -u)" -eq 0 ] || { echo "needs root" >&2 && exit 1; }
    T=$(mktemp -d)
    trap 'rm -rf "$T"' EXIT
    chmod 755 "$T"
    cd "$T"
    for package in systemd libsystemd-shared; do
        apt-get download -qq "$package=$VERSION" || { echo "$package $VERSION cannot be had" >&2 && exit 1; }
    done
    timeout -k 5 120 unshare --mount --propagation private "$me" mount "$T"
    cat seen
    [ "$(cat seen)" = "$EXPECTED" ] || { echo "this has changed; it was:" && echo "$EXPECTED" && exit 1; } >&2
    echo "as it was: systemd $VERSION"
    ;;
mount)
    T=$2
    mkdir "$T/group" "$T/machine"
    mount -t cgroup2 cgroup2 "$T/group"
    mkdir "$T/group/finding.$$"
    echo $$ >"$T/group/finding.$$/cgroup.procs"
    mount -t tmpfs -o mode=0755 tmpfs "$T/machine"
    mkdir "$T/machine/upper" "$T/machine/work" "$T/machine/root"
    for deb in "$T"/*.deb; do dpkg -x "$deb" "$T/machine/unpacked"; done
    # Where these are links to /usr, a directory would hide the link.
    for dir in bin sbin lib; do
        [ ! -d "$T/machine/unpacked/$dir" ] || cp -a --remove-destination "$T/machine/unpacked/$dir" "$T/machine/unpacked/usr/"
        rm -rf "$T/machine/unpacked/$dir"
    done
    mount -t overlay -o "lowerdir=$T/machine/unpacked:/,upperdir=$T/machine/upper,workdir=$T/machine/work" overlay \
        "$T/machine/root"
    cd "$T/machine/root"
    for dir in dev run tmp etc/systemd/system; do mount -t tmpfs -o mode=0755 tmpfs "$dir"; done
    for device in null zero urandom; do
        : >"dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    mkdir -p old "./$T" etc/finding-old run/units
    mount --bind "$T" "./$T"
    rm -rf etc/finding-new
    for unit in new old; do
        printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nUser=daemon\nConfigurationDirectory=finding-%s\nExecStart=/bin/true\n' \
            "$unit" >"run/units/$unit.service"
    done
    cat >run/units/test.service <<END
[Unit]
DefaultDependencies=no
Wants=new.service old.service
After=new.service old.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'stat -c "new: %%U" /etc/finding-new >$T/seen; stat -c "old: %%U" /etc/finding-old >>$T/seen; systemctl --force exit 0'
END
    for unit in sysinit basic shutdown; do printf '[Unit]\nDefaultDependencies=no\n' >"run/units/$unit.target"; done
    status=0
    unshare --mount --propagation private --pid --fork --kill-child --ipc --uts --net --cgroup "$me" machine || status=$?
    cd /
    echo $$ >"$T/group/cgroup.procs"
    find "$T/group/finding.$$" -depth -type d -exec rmdir {} + 2>/dev/null || true
    exit "$status"
    ;;
machine)
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    pivot_root . old
    umount -l /old
    mount --make-rshared /
    exec env -i container=finding PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/run/units /lib/systemd/systemd \
        --unit=test.service --log-target=console --log-level=err --show-status=no </dev/null
    ;;
esac
