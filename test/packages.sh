#!/usr/bin/env bash
# The Debian packages: built twice from a source archive, to the same bytes; looked at by lintian, without an error or a warning; and
# used in a machine of its own as administrators do (test/packaging/steps.sh). It also builds as a user without rights.
#
# Usage: test/packages.sh [--short]           here; short: one build, without its unit tests
#        test/packages.sh [--short] RELEASE...   in systems of trixie and sid, as test/openssl-matrix.sh made them
#
# LITTLEBOX_BUILD may name a build, whose 'make dist' makes the archive.
# As root it installs what is missing, and starts nothing of it. Status 77: it could not run here. DIR of all that is built:
# build/packages. MATRIX_CACHE is that of test/openssl-matrix.sh. The last line is "N passed, N failed, N skipped".
set -eu

self=$(realpath "$0")
top=$(cd "$(dirname "$self")/.." && pwd)
packages="build-essential autoconf automake libtool pkg-config gcc make libc6-dev xz-utils dpkg-dev debhelper dh-apparmor fakeroot lintian apparmor bind9 unbound
    libssl-dev libsqlite3-dev libargon2-dev libseccomp-dev libp11-dev libp11-kit-dev libcunit1-dev
    systemd init-system-helpers procps curl nginx openssl zsh man-db iproute2"
PATH=$PATH:/usr/sbin:/sbin
unset LITTLEBOX_DIR OPENSSL_CONF OPENSSL_MODULES
export LC_ALL=C.UTF-8
short=
passed=0 failed=0

skip() {
    echo "SKIP  $*"
    exit 77
}
# step TEXT COMMAND... : its output is shown when it fails, and then it is the last.
step() {
    local text=$1 log
    shift
    log=$out/$(tr -c 'a-zA-Z0-9\n' - <<<"$text").log
    if "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "PASS  $text"
        return
    fi
    failed=1
    echo "FAIL  $text ($log)"
    grep '^FAIL' "$log" || true
    tail -n 30 "$log" | sed 's/^/    /'
    closing
}
closing() {
    echo "$passed passed, $failed failed, 0 skipped"
    exit "$failed"
}

if [ "${1:-}" = --short ]; then
    short=--short
    shift
fi
[ "$(id -u)" -eq 0 ] || skip "needs root: it installs packages, in a machine of its own"

# --- other releases: this script, in an overlay that is forgotten

cache=${MATRIX_CACHE:-/var/cache/littlebox-matrix}
# in_release ROOT TREE
in_release() {
    local root=$1 tree=$2 scratch=$2/scratch
    mount -t tmpfs -o mode=0755 tmpfs "$scratch"
    mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
    root=$scratch/root
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    mkdir -p "$root/littlebox"
    mount --bind "$tree/tree" "$root/littlebox"
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        bash /littlebox/test/packages.sh ${short:+--short}
}
if [ "${1:-}" = --inside ]; then
    in_release "$2" "$3"
    exit
fi
if [ "$#" -gt 0 ]; then
    status=0
    for release in "$@"; do
        [ -e "$cache/$release/etc/littlebox-matrix" ] || skip "there is no $cache/$release: test/openssl-matrix.sh $release"
        work=$top/build/packages-$release
        rm -rf "$work"
        mkdir -p "$work/tree" "$work/scratch"
        (cd "$top" && { git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print0; } |
            while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
            tar -c --null --no-recursion -T - | tar -x --no-same-owner -C "$work/tree")
        echo "$release:"
        setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
            bash "$self" ${short:+--short} --inside "$cache/$release" "$work" || status=1
    done
    exit "$status"
fi

# --- here

out=$top/build/packages
rm -rf "$out"
mkdir -p "$out"
why=$(unshare --mount --propagation private --pid --fork --kill-child --ipc --uts --net --cgroup true 2>&1) ||
    skip "this machine gives no namespaces: $why"

missing=
for package in $packages; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
# From util-linux 2.42 on it is in a package of its own.
command -v pivot_root >/dev/null || missing="$missing util-linux-extra"
# What systemd can do is asked of pkg-config; later releases have that in a package of its own.
pkg-config --exists systemd 2>/dev/null || [ -z "$(apt-cache search --names-only '^systemd-dev$' 2>/dev/null)" ] ||
    missing="$missing systemd-dev"
# shellcheck source=harness/starting_nothing.sh
. "$top/test/harness/starting_nothing.sh"
# shellcheck disable=SC2086 # a list of names
install_missing() {
    apt-get update -q
    starting_nothing env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}
[ -z "$missing" ] || step "installed:$missing" install_missing

source_archive() {
    if [ -n "${LITTLEBOX_BUILD:-}" ]; then
        mkdir "$out/dist"
        rm -f "$LITTLEBOX_BUILD"/littlebox-*.tar.xz
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$LITTLEBOX_BUILD" dist
        mv "$LITTLEBOX_BUILD"/littlebox-*.tar.xz "$out/dist"
        return
    fi
    [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi)
    mkdir "$out/dist"
    cd "$out/dist"
    "$top/configure" --quiet
    make -s dist
}
# Below /tmp, which everybody reaches, and which the machine has anew.
work=$(mktemp -d /tmp/littlebox-packages.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp "$top/examples/packaging/make-deb.sh" "$work"

step "make dist" source_archive
archive=$(echo "$out"/dist/littlebox-*.tar.xz)
# Make does not see what tar leaves out.
complete() { ! grep '^tar: ' "$out/make-dist.log"; }
step "which leaves nothing out" complete

nocheck=$short
# build ARCHIVE DIR COMMAND... : COMMAND runs make-deb.sh.
build() {
    local archive=$1 dir=$2
    shift 2
    DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)${nocheck:+ nocheck}" "$@" bash "$work/make-deb.sh" "$archive" "$dir"
}
# Of all that might differ from one build to the next, much does.
another_build() {
    chmod 755 "$work"
    cp "$archive" "$work"
    install -d -o nobody "$work/another-directory" "$work/another-directory/home"
    nocheck=yes # the unit tests are run once
    (umask 077 && build "$work/${archive##*/}" "$work/another-directory" setpriv --reuid nobody --regid nogroup --clear-groups \
        env TZ=Pacific/Kiritimati LC_ALL=C HOME="$work/another-directory/home")
}
same_bytes() {
    local deb
    for deb in "$out"/after/*.deb; do
        cmp "$deb" "$work/another-directory/${deb##*/}"
    done
    [ "$(find "$out/after" -name '*.deb' | wc -l)" = 2 ]
}
step "packages are built" build "$archive" "$out/after"
if [ -z "$short" ]; then
    step "packages are built again, elsewhere, by another user" another_build
    step "to the same bytes" same_bytes
fi
no_tags() { (cd "$out/after" && lintian --no-cfg --allow-root --fail-on error,warning ./*.changes); }
step "lintian" no_tags

# The parser puts the profiles together as the kernel would get them, and gives them to none.
profiles() {
    local tree=$work/apparmor.d profile
    cp -r /etc/apparmor.d "$tree"
    mkdir -p "$tree/local" "$tree/abstractions/openssl.d"
    for profile in "$out"/after/*.deb; do dpkg-deb -x "$profile" "$work/files"; done
    cp -r "$work/files/etc/apparmor.d/." "$tree"
    apparmor_parser -Q -K -b "$tree" "$tree/littleboxd"
    for profile in "$tree/usr.sbin.named" "$tree/usr.sbin.unbound"; do [ -e "$profile" ]; done
    cp "$top/examples/bind/usr.sbin.named" "$top/examples/unbound/usr.sbin.unbound" "$tree/local"
    for profile in named unbound; do
        apparmor_parser -Q -K -b "$tree" "$tree/usr.sbin.$profile"
        apparmor_parser -p -b "$tree" "$tree/usr.sbin.$profile" >"$work/profile"
        grep -qxF '/run/littlebox/*.sock rw,' "$work/profile"
    done
    # Of Unbound, by the abstraction of Debian's profile: without the local file too.
    : >"$tree/local/usr.sbin.unbound"
    apparmor_parser -p -b "$tree" "$tree/usr.sbin.unbound" | grep -qxF '/etc/ssl/openssl-littlebox.cnf r,'
}
step "AppArmor: the profile of boxes, and what named and Unbound get" profiles

other_version() {
    local tree=$out/other
    rm -rf "$tree"
    mkdir "$tree"
    cp -r "$top/configure.ac" "$top/examples" "$tree"
    sed -i '1s/(.*)/(9.9-1)/' "$tree/examples/packaging/debian/changelog"
    tar -C "$out" --transform 's|^other|littlebox-9.9|' -cJf "$out/other.tar.xz" other
    ! "$top/examples/packaging/make-deb.sh" "$out/other.tar.xz" "$out/none" 2>"$out/other.err" &&
        grep -q 'debian/changelog has version 9.9-1, configure.ac has' "$out/other.err"
}
step "a changelog of another version than configure.ac is refused" other_version

# The same packages, as an older version would be.
older() {
    local deb tree=$out/tree version
    mkdir "$out/before"
    for deb in "$out"/after/*.deb; do
        rm -rf "$tree"
        dpkg-deb -R "$deb" "$tree"
        version=$(dpkg-deb -f "$deb" Version)
        sed -i "s/${version//./\\.}/$version~before/g" "$tree/DEBIAN/control"
        dpkg-deb --root-owner-group -Znone -b "$tree" "$out/before"
    done
    rm -rf "$tree"
}
step "an older version" older
cp -r "$out/before" "$out/after" "$top/test/packaging/steps.sh" "$work"
# The autopkgtest takes its time.
if [ -z "$short" ]; then
    mkdir "$work/source"
    tar -C "$work/source" --strip-components 1 -xf "$archive"
fi
machine() {
    local status=0
    "$top/test/packaging/machine.sh" "$work" steps.sh || status=$?
    cat "$work/machine.log" || true
    [ "$status" -eq 0 ] || tail -n 20 "$work/systemd.log"
    [ "$status" -eq 0 ] && grep -qx 'done' "$work/machine.log"
}
step "installed, used, upgraded, removed, purged, installed again" machine
closing
