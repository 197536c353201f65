#!/usr/bin/env bash
# machine.sh DIR SCRIPT: runs DIR/SCRIPT in a machine of its own (test/harness/machine.sh), and ends as it does. Its systemd knows no
# unit but those that a package brings. DIR is the same directory inside; DIR/machine.log and DIR/systemd.log tell what happened
# there.
set -eu

# shellcheck source=../harness/machine.sh
. "$(dirname "$0")/../harness/machine.sh"
dir=$(realpath "$1") script=$2
top=$dir/machine root=$dir/machine/root
group=$dir/cgroup/littlebox-packages-$(basename "$dir")

furnish() {
    machine_furnish "$root" /usr/lib/systemd/system usr/lib/systemd/system
    rm -f "$root/usr/sbin/policy-rc.d"
    machine_service "bash \"$dir/$script\"" "$dir/machine.log" >"$root/usr/lib/systemd/system/test.service"
    mkdir -p "$root$dir"
    mount --bind "$dir" "$root$dir"
}

case ${MACHINE_STAGE:-} in
'')
    [ -x "$SYSTEMD" ] || { echo "machine.sh: systemd is not installed" >&2; exit 1; }
    MACHINE_STAGE=mount exec setpriv --pdeathsig KILL unshare "${MACHINE_TOP[@]}" bash "$0" "$dir" "$script"
    ;;
mount)
    machine_mount "$top" "$dir/cgroup" "$group"
    furnish
    # The control group's namespace begins where its first process is.
    echo $$ >"$group/cgroup.procs"
    status=0
    MACHINE_STAGE=systemd setpriv --pdeathsig KILL timeout --foreground -s KILL "${MACHINE_SECONDS:-600}" setpriv --pdeathsig KILL \
        unshare "${MACHINE_TOP[@]}" "${MACHINE_NAMESPACES[@]}" bash "$0" "$dir" "$script" || status=$?
    echo $$ >"$dir/cgroup/cgroup.procs"
    for ((tries = 0; tries < 200; tries++)); do
        if machine_remove_group "$group" 2>/dev/null; then break; fi
        sleep 0.05
    done
    exit "$status"
    ;;
systemd) machine_boot "$root" "$dir/systemd.log" ;;
esac
