#!/usr/bin/env bash
# doctor --system: each thing that it looks at on a machine, well and not, in a tree of files that looks like one. Its clock's
# synchronisation and systemd's own word of a unit are this machine's: what is said of them is only that it is said.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
cd "$T"
R=$T/root
mkdir "$R"

# look STATUS [OPTION...] : the report is in out, without the root.
look() {
    local status=0 expected=$1
    shift
    littlebox doctor --system --root "$R" "$@" >out 2>err || status=$?
    [ "$status" = "$expected" ] || fail "status $status, not $expected: $(cat out err)"
    [ ! -s err ] || fail "it says: $(cat err)"
}
line() { grep -qxF -- "$1" out || fail "no line '$1' in: $(cat out)"; }
hint() { grep -qF -- "      hint: $1" out || fail "no hint '$1' in: $(cat out)"; }
no_line() { if grep -qF -- "$1" out; then fail "'$1' in: $(cat out)"; fi; }
# put FILE [TEXT] : below the root.
put() {
    mkdir -p "$R$(dirname "$1")"
    printf '%s\n' "${2-}" >"$R$1"
}

# --- Nothing is there: nothing is known, and that is no failure. Where the build has its directories is told then.
look 0
no_line FAIL
no_line '??'
grep -c '^--' out | grep -qx 11 || fail "something is known of an empty directory: $(cat out)"
place() { sed -n "s|^--    no box of the system has a socket in \\(.*\\) or a directory in \\(.*\\)\$|\\$1|p" out; }
run=$(place 1) state=$(place 2)
if [ -z "$run" ] || [ -z "$state" ]; then fail "no places in: $(cat out)"; fi
etc=$(sed -n 's|^--    there is no \(.*/littlebox\)$|\1|p' out | grep -vxF -e "$run" -e "$state" | tail -n 1)
[ -n "$etc" ] || fail "no place of credentials in: $(cat out)"
cnf=$(sed -n 's|^--    there is no \(.*/openssl.cnf\)$|\1|p' out)
module=$(sed -n 's|^--    there is no provider module at ||p' out)

# --- Swap
head='Filename				Type		Size		Used		Priority'
put /proc/swaps "$head"
look 0
line 'ok    there is no swap'
swap() { put /proc/swaps "$head
$1 partition 8388604 0 -2"; }
block() { put "/sys/class/block/$1/size" 1; }
swap /dev/sda2
block sda2
look 0
line 'warn  swap on /dev/sda2 is not encrypted: boxes lock their memory, servers with their session keys do not'
hint 'encrypt it (crypttab(5)'
# A machine that can hibernate writes there what is locked, too.
put /sys/power/state 'freeze mem disk'
put /sys/power/disk '[disabled]'
look 0
put /sys/power/disk '[platform] shutdown reboot'
look 1
line 'FAIL  swap on /dev/sda2 is not encrypted, and this machine can hibernate: then all memory is written there, that of boxes too'
hint 'encrypt it, or forbid hibernation: systemctl mask hibernate.target'
for unit in hibernate sleep; do
    mkdir -p "$R/etc/systemd/system"
    ln -s /dev/null "$R/etc/systemd/system/$unit.target"
    look 0
    line 'warn  swap on /dev/sda2 is not encrypted: boxes lock their memory, servers with their session keys do not'
    rm "$R/etc/systemd/system/$unit.target"
done
swap /dev/dm-0
block dm-0
put /sys/class/block/dm-0/dm/uuid CRYPT-LUKS2-0123456789abcdef-cryptswap
look 0
line 'ok    swap on /dev/dm-0 is encrypted (dm-crypt)'
# What cryptsetup makes to prove a disk hides nothing.
for kind in VERITY INTEGRITY; do
    put /sys/class/block/dm-0/dm/uuid "CRYPT-$kind-0123456789abcdef-data"
    look 1
    line 'FAIL  swap on /dev/dm-0 is not encrypted, and this machine can hibernate: then all memory is written there, that of boxes too'
done
# LVM on two disks: encrypted if both are.
put /sys/class/block/dm-0/dm/uuid LVM-abc
mkdir -p "$R/sys/class/block/dm-0/slaves/dm-1" "$R/sys/class/block/dm-0/slaves/dm-2"
for one in dm-1 dm-2; do
    block "$one"
    put "/sys/class/block/$one/dm/uuid" CRYPT-LUKS1-abc-x
done
look 0
line 'ok    swap on /dev/dm-0 is encrypted (dm-crypt)'
put /sys/class/block/dm-2/dm/uuid LVM-abc
look 1
line 'FAIL  swap on /dev/dm-0 is not encrypted, and this machine can hibernate: then all memory is written there, that of boxes too'
rm -r "$R/sys/class/block/dm-2"
look 0
line 'warn  swap on /dev/dm-0: whether it is encrypted cannot be found out'
swap /dev/zram0
block zram0
look 0
line 'ok    swap on /dev/zram0 stays in memory'
put /sys/class/block/zram0/backing_dev none
look 0
line 'ok    swap on /dev/zram0 stays in memory'
put /sys/class/block/zram0/backing_dev /dev/sda2
look 1
line 'FAIL  swap on /dev/zram0 is not encrypted, and this machine can hibernate: then all memory is written there, that of boxes too'
# A file: what counts is the device of its file system. Its name has a blank.
swap '/swap\040file'
put '/swap file'
device=$(stat -c '%Hd:%Ld' "$R/swap file")
look 0
line 'warn  swap on /swap file: whether it is encrypted cannot be found out'
put "/sys/dev/block/$device/dm/uuid" CRYPT-PLAIN-x
look 0
line 'ok    swap on /swap file is encrypted (dm-crypt)'
put "/sys/dev/block/$device/dm/uuid" ''
look 1
put /proc/swaps "$head"
rm "$R/sys/power/disk"

# --- Core files, ptrace, Landlock
put /proc/sys/kernel/core_pattern core.%p
put /proc/sys/fs/suid_dumpable 0
put /proc/sys/kernel/randomize_va_space 2
look 0
line 'ok    core files go to no program, and the limits of processes hold: core.%p'
line 'ok    fs.suid_dumpable is 0: no core file goes to a user whom a program became'
line "warn  the kernel has no Yama: processes of one user can read each other's memory, but not a box's"
put /proc/sys/kernel/core_pattern '|/lib/systemd/systemd-coredump %P'
put /proc/sys/kernel/yama/ptrace_scope 0
put /sys/kernel/security/lsm capability,yama,notlandlock
look 0
line 'warn  core files go to a program, whatever limit a process has: |/lib/systemd/systemd-coredump %P; boxes make none, servers with their session keys do'
hint 'for servers: Storage=none in coredump.conf(5)'
line "warn  kernel.yama.ptrace_scope is 0: processes of one user can read each other's memory, but not a box's"
hint 'sysctl -w kernel.yama.ptrace_scope=1'
line 'warn  the kernel has no Landlock: only permissions and the unit keep boxes from files of others'
put /proc/sys/kernel/core_pattern '@/run/coredump.sock'
put /proc/sys/fs/suid_dumpable 1
put /proc/sys/kernel/yama/ptrace_scope 1
put /sys/kernel/security/lsm capability,landlock,yama
look 1
grep -q '^warn  core files go to a program' out || fail "a socket for core files: $(cat out)"
line 'FAIL  fs.suid_dumpable is 1: programs that change their user, as servers do, leave core files that this user can read'
hint 'sysctl -w fs.suid_dumpable=0'
line 'ok    kernel.yama.ptrace_scope is 1: a process cannot read the memory of others of its user'
line 'ok    the kernel has Landlock, which keeps boxes from files of others'
put /proc/sys/fs/suid_dumpable 2
put /proc/sys/kernel/core_pattern core
look 0

# --- The clock
put /run/systemd/timesync/synchronized
look 0
line 'ok    the clock is kept right by a time server'
put /var/lib/systemd/timesync/clock
touch -d '2 days' "$R/var/lib/systemd/timesync/clock"
look 1
grep -q '^FAIL  the clock was set back: it is .* UTC, and /var/lib/systemd/timesync/clock was written at ' out || fail "clock: $(cat out)"
hint 'set it: timedatectl set-ntp true'
rm "$R/var/lib/systemd/timesync/clock"

# --- openssl.cnf, and what it includes
# open_to_others CHECK FILE PATTERN : everybody may write to it, then only its group; with its mode of before all is well.
open_to_others() {
    local mode
    mode=$(stat -c %a "$R$2")
    look 0
    chmod o+w "$R$2"
    look 1
    grep -qxF "FAIL  everybody can write to $2 (mode $(stat -c %04a "$R$2"))" out || fail "$1: $(cat out)"
    hint "chmod go-w $2"
    chmod "$mode" "$R$2"
    if is_root; then
        chgrp $UNPRIVILEGED "$R$2"
        chmod g+w "$R$2"
        look 1
        grep -qxF "FAIL  its group can write to $2 (mode $(stat -c %04a "$R$2"))" out || fail "$1: $(cat out)"
        chgrp 0 "$R$2"
        look 0
        chmod "$mode" "$R$2"
        chown $UNPRIVILEGED "$R$2"
        look 1
        grep -qF "FAIL  $2 belongs to $(id -un $UNPRIVILEGED), who can put there what he likes" out || fail "$1: $(cat out)"
        hint "chown root $2"
        chown 0 "$R$2"
    fi
    look 0
}
# its_group FILE : a group that may write to it counts if somebody is in it.
its_group() {
    is_root || return 0
    chgrp 50 "$R$1"
    chmod g+w "$R$1"
    look 1
    grep -q "^FAIL  its group can write to $1 (mode " out || fail "a group without a name: $(cat out)"
    put /etc/group 'staff:x:50:'
    put /etc/passwd 'root:x:0:0:root:/root:/bin/bash'
    look 0
    put /etc/group 'staff:x:50:fred'
    look 1
    put /etc/group 'staff:x:50:
also:x:50:fred'
    look 1
    put /etc/group 'staff:x:50:'
    put /etc/passwd 'fred:x:1000:50::/home/fred:/bin/bash'
    look 1
    rm "$R/etc/passwd"
    look 1
    chgrp 0 "$R$1"
    chmod g-w "$R$1"
    rm "$R/etc/group"
    look 0
}
put "$cnf" "# nothing"
look 0
line "ok    only root can change $cnf"
open_to_others cnf "$cnf"
open_to_others cnf "$(dirname "$cnf")"
open_to_others cnf /usr
its_group /usr
put /opt/more/one.cnf "[a]"
put /opt/more/two.txt "[a]"
put /opt/other.cnf ".include /opt/last.cnf"
put /opt/last.cnf "[b]"
put "$cnf" ".include /opt/more
  .include = \"/opt/other.cnf\"  # as well
.include /opt/absent.cnf
.includes /opt/more/two.txt"
look 0
line "ok    only root can change $cnf and what it includes"
for file in /opt/more/one.cnf /opt/more /opt/other.cnf /opt/last.cnf /opt; do
    open_to_others include "$file"
done
chmod o+w "$R/opt/more/two.txt"
look 0
# A link is as good as where it leads, and as its own directory. A directory that is sticky may be written to.
rm "$R/opt/other.cnf"
put /srv/cnf/real.cnf "[c]"
ln -s ../srv/cnf/real.cnf "$R/opt/other.cnf"
for file in /srv/cnf/real.cnf /srv/cnf; do
    open_to_others link "$file"
done
if is_root; then
    chown -h $UNPRIVILEGED "$R/opt/other.cnf"
    look 1
    hint "chown -h root /opt/other.cnf"
    chown -h 0 "$R/opt/other.cnf"
fi
chmod 1777 "$R/srv"
look 0
chmod 755 "$R/srv"
ln -sfn loop "$R/opt/loop"
put "$cnf" ".include /opt/loop"
look 1
grep -q '^??    /opt/loop: too many links' out || grep -q '^??    ' out || fail "a loop: $(cat out)"
put "$cnf" ".include conf.d"
look 0
line "warn  $cnf includes conf.d, which is another file where a program was started in another directory or environment"
put "$cnf" "# nothing"

# --- The module
put "$module"
look 0
line "ok    only root can change the provider module $module"
open_to_others module "$module"
open_to_others module "$(dirname "$module")"

# --- The directories of boxes
mkdir -p "$R$run" "$R$state" "$R$etc"
look 0
for dir in "$run" "$state" "$etc"; do
    line "ok    only root can make boxes and sockets in $dir"
    open_to_others directory "$dir"
done

# --- A box: its store
if is_root; then owner=$UNPRIVILEGED; else owner=$(id -u); fi
# of_box FILE... : its user's.
of_box() { if is_root; then chown -h "$owner" "${@/#/$R}"; fi; }
mkdir -m 700 "$R$state/web"
put "$state/web/store.db" x
chmod 600 "$R$state/web/store.db"
of_box "$state/web" "$state/web/store.db"
look 0
line "ok    the store of box 'web' is its user's alone: $state/web"
chmod 750 "$R$state/web"
look 1
line "FAIL  others than the user of box 'web' may look into $state/web (mode 0750)"
hint "chmod 0700 $state/web"
chmod 700 "$R$state/web"
chmod 640 "$R$state/web/store.db"
look 1
line "FAIL  others than its owner may read or write $state/web/store.db (mode 0640)"
hint "chmod 0600 $state/web/store.db"
chmod 600 "$R$state/web/store.db"
put "$state/web/store.db-wal" x
of_box "$state/web/store.db-wal"
look 1
line "FAIL  others than its owner may read or write $state/web/store.db-wal (mode 0644)"
rm "$R$state/web/store.db-wal"
ln "$R$state/web/store.db" "$R$state/web/again"
look 0
line "warn  $state/web/store.db has 2 names: one of them may be where others read it"
rm "$R$state/web/again"
mv "$R$state/web/store.db" "$R$state/web/moved"
ln -s moved "$R$state/web/store.db"
of_box "$state/web/store.db"
look 1
line "FAIL  $state/web/store.db is a symbolic link: the store of box 'web' is somewhere else"
mv "$R$state/web/moved" "$R$state/web/store.db"
if is_root; then
    chown 0 "$R$state/web/store.db"
    look 1
    line "FAIL  $state/web/store.db belongs to uid 0, and the directory to uid $owner, the user of box 'web'"
    hint "chown $owner $state/web/store.db"
    of_box "$state/web/store.db"
fi
touch -d '2 days' "$R$state/web/store.db"
look 1
grep -q "^FAIL  the clock was set back: .* and $state/web/store.db was written at" out || fail "clock: $(cat out)"
touch "$R$state/web/store.db"

# --- Its credential
line "ok    box 'web' has no credential file that opens its store: $etc/web.credential"
put "$etc/web.credential" x
chmod 600 "$R$etc/web.credential"
of_box "$etc/web.credential"
look 0
line "warn  $etc/web.credential is on the file system of the store that it opens: who has a copy of that disk has the keys of box 'web'"
hint "bind it to this machine's TPM"
chmod 640 "$R$etc/web.credential"
look 1
line "FAIL  others than its owner may read $etc/web.credential (mode 0640), which opens box 'web'"
chmod 600 "$R$etc/web.credential"
put "$etc/web.conf" "credential = $state/web/credential"
cp -p "$R$etc/web.credential" "$R$state/web/credential"
look 1
line "FAIL  $state/web/credential is in the directory of the store that it opens: a copy of the one has the other"
rm "$R$state/web/credential"
put "$etc/web.conf" "credential = $etc"
look 1
line "FAIL  $etc, which is to open box 'web', is no file"
no_line 'chmod'
other=$(mktemp -d /dev/shm/littlebox-test.XXXXXX)
cleanup_more() { rm -rf "$other"; }
if [ "$(stat -c %d "$other")" != "$(stat -c %d "$R")" ] && is_root; then
    mkdir "$R/away"
    mount --bind "$other" "$R/away" 2>/dev/null && TEST_MOUNTS+=("$R/away")
    if [ "$(stat -c %d "$R/away")" != "$(stat -c %d "$R")" ]; then
        put "$etc/web.conf" "credential = /away/credential"
        cp -p "$R$etc/web.credential" "$R/away/credential"
        chmod 755 "$R/away"
        look 0
        line "ok    /away/credential is not on the file system of the store that it opens"
    fi
fi
rm "$R$etc/web.conf" "$R$etc/web.credential"

# --- Its process
look 0
line "--    box 'web' does not run: nothing is known of its memory"
# process UID LOCKED SWAPPED [WORD...] : with that command line.
process() {
    local who=$1 locked=$2 swapped=$3
    shift 3
    mkdir -p "$R/proc/77"
    printf '%s\0' "$@" >"$R/proc/77/cmdline"
    printf 'Name:\tx\nUid:\t%s\t0\t0\t0\nVmLck:\t%8s kB\nVmSwap:\t%8s kB\n' "$who" "$locked" "$swapped" >"$R/proc/77/status"
}
limits() { put /proc/77/limits "Limit                     Soft Limit           Hard Limit           Units     
Max core file size        $1                    unlimited            bytes     
Max locked memory         $2              unlimited              bytes     "; }
limits 0 unlimited
process "$owner" 1024 0 /usr/sbin/littleboxd --child --system --box web
look 0
line "ok    box 'web' (process 77) has its memory locked: 1024 KiB, with no limit"
for words in '--keeper --box web' '--child --box other' '--child'; do
    # shellcheck disable=SC2086 # words of a line
    process "$owner" 0 0 littleboxd $words
    look 0
    line "--    box 'web' does not run: nothing is known of its memory"
done
# Anybody may call a process like that.
process 4711 0 0 littleboxd --child --box web
look 0
line "--    box 'web' does not run: nothing is known of its memory"
limits 0 8388608
process "$owner" 1024 0 /usr/sbin/littleboxd --child --system --box web
printf 'VmSize:\t    4096 kB\n' >>"$R/proc/77/status"
look 0
line "warn  box 'web' (process 77) has locked its secrets, and not all of its memory: 1024 KiB, with a limit of 8192 KiB"
limits 0 65536
process "$owner" 0 0 littleboxd --child --box web
look 0
line "warn  box 'web' (process 77) has no locked memory, with a limit of 64 KiB: its keys can get into swap"
swap /dev/sda2
look 1
line "FAIL  box 'web' (process 77) has no locked memory, with a limit of 64 KiB: its keys can get into swap"
hint 'LimitMEMLOCK=infinity in its unit'
process "$owner" 64 8 littleboxd --child --box web
put /proc/swaps "$head"
look 1
line "FAIL  8 KiB of the memory of box 'web' (process 77) are in swap"
process "$owner" 64 0 littleboxd --child --box web
limits unlimited 65536
look 1
line "FAIL  box 'web' (process 77) may leave core files"
limits 0 65536
look 0

# --- Its unit: as it is installed, and each line of it weakened by a drop-in.
line "--    box 'web' has no unit: nothing is known of what keeps it in bounds"
units=/usr/lib/systemd/system
mkdir -p "$R$units"
cp "$LITTLEBOX_BUILD/keystore/daemon/systemd/littleboxd@.service" "$R$units/"
look 0
line "ok    littleboxd@web.service keeps the box in bounds as it was installed"
drop_in=/etc/systemd/system/littleboxd@web.service.d/50-mine.conf
# weaker VERDICT NAME=VALUE [WHAT] : in a drop-in.
weaker() {
    local status=0
    [ "$1" = warn ] || status=1
    put "$drop_in" "[Service]
$2"
    look "$status"
    grep -qF "$1  littleboxd@web.service is weaker than it was installed, by ${3:-$2}: " out || fail "$2: $(cat out)"
    hint 'see which file says so: systemctl cat littleboxd@web.service'
    no_line 'in bounds as it was'
}
weaker FAIL User=root
weaker FAIL User=0
weaker FAIL NoNewPrivileges=no
weaker FAIL ExecStart=/opt/other ExecStart=/opt/other
weaker FAIL Environment=LD_PRELOAD=/tmp/x.so
weaker FAIL CapabilityBoundingSet=CAP_SYS_ADMIN
weaker FAIL AmbientCapabilities=CAP_DAC_OVERRIDE
weaker FAIL LimitCORE=infinity
weaker FAIL SystemCallFilter= SystemCallFilter=
for calls in '@mount' 'ptrace read' '@system-service @privileged'; do
    weaker FAIL "SystemCallFilter=$calls" SystemCallFilter=
done
weaker FAIL "SystemCallFilter=
SystemCallFilter=~@mount" SystemCallFilter=
for setting in FileDescriptorStoreMax=0 LimitMEMLOCK=64K UMask=0022 ProtectSystem=full ProtectHome=read-only PrivateTmp=no PrivateDevices=no PrivateNetwork=no \
    ProtectProc=default ProtectKernelTunables=no ProtectKernelModules=no ProtectKernelLogs=no ProtectControlGroups=no \
    ProtectClock=no RestrictAddressFamilies=AF_INET RestrictNamespaces=no RestrictSUIDSGID=no LockPersonality=no \
    MemoryDenyWriteExecute=no SystemCallArchitectures=x86; do
    weaker warn "$setting"
done
put "$drop_in" "[Service]
PrivateDevices=true
SystemCallFilter=@memlock
SystemCallFilter=~@ipc"
look 0
line "ok    littleboxd@web.service keeps the box in bounds as it was installed"

# --- For programs; and what is not for this.
littlebox --json doctor --system --root "$R" >out
expect_json ok true checks.0.check '"swap"' checks.0.result '"ok"'
expect 2 '--config and --root say where the files of a --server are' littlebox doctor --root "$R"
expect 1 'No such file or directory' littlebox doctor --system --root "$R/none"
# This machine: it has something to say, and ends well or not.
status=0
littlebox doctor --system >out 2>err || status=$?
if [ "$status" -gt 1 ] || [ ! -s out ] || [ -s err ]; then fail "status $status: $(cat out err)"; fi
grep -qF 'swap' out || fail "nothing of swap: $(cat out)"
