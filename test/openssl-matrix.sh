#!/usr/bin/env bash
# Runs test/run.sh with the OpenSSL of other Debian releases: trixie has 3.5, sid 3.6, experimental 4.0.
#
# Usage: test/openssl-matrix.sh [trixie] [sid] [experimental]    (trixie and sid, if none is named)
#
# Ends with the line "N passed, N failed, N skipped". Needs root, debootstrap (which it installs), and a Debian mirror:
# each release is debootstrapped once, into a cache folder outside the tree, and brought up to date when it has become
# old. The tests run in a throw-away overlay of it, with processes and mounts of their own, over a copy of the checkout
# in build/matrix/, where their logs stay. Status 77: it could not run here.
# RUN_ONLY ("gcc asan"), JOBS, FUZZ_SECONDS: as test/run.sh has them. MATRIX_CACHE: the folder. MATRIX_MIRROR: where
# packages come from, else where apt has them from. MATRIX_DAYS (7): age of a root at which it is renewed.
# MATRIX_SECONDS (1800): what the tests of one release may take.
set -eu

self=$(realpath "$0")
top=$(cd "$(dirname "$self")/.." && pwd)
if [ "$(id -u)" -eq 0 ]; then cache=/var/cache; else cache=$HOME/.cache; fi
cache=${MATRIX_CACHE:-${XDG_CACHE_HOME:-$cache}/littlebox-matrix}
days=${MATRIX_DAYS:-7}
make_seconds=1200
test_seconds=${MATRIX_SECONDS:-1800}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
passed=0 failed=0 skipped=0

# What a root is made of: the release that is debootstrapped, another one on top of it, and what comes from there.
declare -A base=([trixie]=trixie [sid]=sid [experimental]=sid)
declare -A overlay=([experimental]=experimental)
declare -A from_overlay=([experimental]="openssl libssl-dev")

say() { printf '%s\n' "$*"; }
fail() {
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$*"
}
closing() {
    say "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
# Nothing can run here, for that reason.
skip_all() {
    local release
    for release in "${releases[@]}"; do
        skipped=$((skipped + 1))
        say "SKIP  $release: $*"
    done
    closing || exit 77
}

# --- inside: what is called in namespaces of its own, which end with the one process that began them

# in_namespaces SECONDS FUNCTION ARGUMENTS... : this script again. Its mounts are gone with it, and so are its
# processes, even if this shell is killed: each in the chain dies with its parent.
in_namespaces() {
    local seconds=$1
    shift
    setpriv --pdeathsig KILL timeout --foreground -s KILL "$seconds" \
        setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
        "$self" --inside "$@" </dev/null
}

mount_kernel() {
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
}
in_root() {
    local root=$1
    shift
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        "$@"
}

# inside_make RELEASE ROOT PACKAGES IF-ANY : everything into ROOT that is missing or old; of IF-ANY what the release
# has. Nothing of it is started.
inside_make() {
    local release=$1 root=$2 packages=$3 if_any=$4 package
    mount_kernel "$root"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    # Proxies and the like; an old snapshot of a mirror is good enough where it is for the host.
    apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|Check|Retries)' \
        >"$root/etc/apt/apt.conf.d/90host" || true
    {
        echo "deb $(mirror) ${base[$release]} main"
        [ -z "${overlay[$release]:-}" ] || echo "deb $(mirror) ${overlay[$release]} main"
    } >"$root/etc/apt/sources.list"
    in_root "$root" apt-get update -q -o APT::Update::Error-Mode=any
    in_root "$root" apt-get dist-upgrade -q -y
    for package in $if_any; do
        if in_root "$root" apt-cache show "$package" >/dev/null 2>&1; then packages="$packages $package"; fi
    done
    # shellcheck disable=SC2086 # lists of names
    in_root "$root" apt-get install -q -y --no-install-recommends $packages
    if [ -n "${overlay[$release]:-}" ]; then
        # shellcheck disable=SC2086
        in_root "$root" apt-get install -q -y --no-install-recommends -t "${overlay[$release]}" \
            ${from_overlay[$release]}
    fi
    in_root "$root" apt-get clean
}

# inside_test ROOT TREE : test/run.sh of TREE. What it writes elsewhere is in memory, and forgotten.
inside_test() {
    local root=$1 tree=$2 scratch=$cache/scratch
    mount -t tmpfs -o mode=0755 tmpfs "$scratch"
    mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
    root=$scratch/root
    mount_kernel "$root"
    mkdir -p "$root/littlebox"
    mount --bind "$tree" "$root/littlebox"
    in_root "$root" openssl version
    in_root "$root" RUN_ONLY="${RUN_ONLY:-gcc asan}" JOBS="${JOBS:-2}" FUZZ_SECONDS="${FUZZ_SECONDS:-60}" \
        /littlebox/test/run.sh
}

if [ "${1:-}" = --inside ]; then
    shift
    inside=$1
    shift
    mirror() { say "$MATRIX_MIRROR"; }
    # Not exec: the first process of a namespace of processes has to stay, and takes in orphans.
    "inside_$inside" "$@"
    exit
fi

# --- roots

mirror() {
    local found=${MATRIX_MIRROR:-}
    # shellcheck disable=SC2016 # apt's own variables
    [ -n "$found" ] || found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1) || true
    say "${found:-http://deb.debian.org/debian}"
}

# The stamp tells what is in a root, and its age; it is written last.
stamp() { say "$cache/$1/etc/littlebox-matrix"; }
wanted() { say "$packages $if_any"; }
has_packages() { [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(wanted)" ]; }
is_young() { [ -n "$(find "$(stamp "$1")" -mtime "-$days" 2>/dev/null)" ]; }

# make_root RELEASE : beside the old one, if there is one, and put in its place when it is whole.
make_root() {
    local release=$1 new=$cache/$1.new from
    rm -rf --one-file-system "$new"
    for from in "$cache/$release" "$cache/${base[$release]}" ''; do
        [ ! -e "$from/etc/littlebox-matrix" ] || break
    done
    if [ -n "$from" ]; then
        cp -a --one-file-system "$from" "$new" || return
        rm -f "$new/etc/littlebox-matrix"
    else
        timeout --foreground -k 10 "$make_seconds" debootstrap --variant=minbase --include=ca-certificates \
            --keyring="$keyring" --force-check-gpg "${base[$release]}" "$new" "$(mirror)" </dev/null || return
    fi
    MATRIX_MIRROR=$(mirror) in_namespaces "$make_seconds" make "$release" "$new" "$packages" "$if_any" || return
    wanted >"$new/etc/littlebox-matrix"
    rm -rf --one-file-system "$cache/$release.old"
    [ ! -e "$cache/$release" ] || mv "$cache/$release" "$cache/$release.old"
    mv "$new" "$cache/$release"
    rm -rf --one-file-system "$cache/$release.old"
}

# root_of RELEASE : sees to it that there is one that will do.
root_of() {
    local release=$1 log=$cache/$1.log
    if has_packages "$release" && is_young "$release"; then return 0; fi
    say "$release: making or renewing $cache/$release ($log)"
    if make_root "$release" >"$log" 2>&1; then return 0; fi
    tail -n 20 "$log" | sed 's/^/    /'
    if has_packages "$release"; then
        say "$release: it could not be brought up to date; going on with that of $(date -r "$(stamp "$release")" +%F)"
        return 0
    fi
    fail "$release: there is no root ($log)"
    return 1
}

# --- tests

# What git has or would have, so that nothing built and nothing private comes along; a release archive has no git.
copy_tree() {
    rm -rf "$1"
    mkdir -p "$1"
    (
        cd "$top"
        if [ -e .git ]; then git ls-files -z --cached --others --exclude-standard; else
            find . -path ./build -prune -o -type f -print0
        fi | sort -zu | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
            tar -c --null --no-recursion -T - | tar -x --no-same-owner -C "$1"
    )
}

# test_release RELEASE : each line of test/run.sh with the release's name; its closing line is added up.
test_release() {
    local release=$1 tree=$top/build/matrix/$1 log=$top/build/matrix/$1.log status=0 line
    copy_tree "$tree"
    in_namespaces "$test_seconds" test "$cache/$release" "$tree" > >(
        tee "$log" |
            sed -u -E -e "s|/littlebox/|$tree/|g" -e "s/^(PASS|FAIL|SKIP)  /&$release: /" -e '/^[0-9]+ passed, /d' \
                -e "s/^(OpenSSL|took|installing)/$release: &/"
    ) 2>&1 || status=$?
    wait "$!"
    line=$(tail -n 1 "$log")
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
        [ "$status" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || fail "$release: status $status"
    else
        fail "$release: test/run.sh did not come to its end: status $status, $test_seconds seconds at most ($log)"
    fi
}

releases=("$@")
[ "$#" -gt 0 ] || releases=(trixie sid)
for release in "${releases[@]}"; do
    if [ -z "${base[$release]:-}" ]; then
        echo "usage: test/openssl-matrix.sh [trixie] [sid] [experimental]" >&2
        exit 2
    fi
done
[ "$(id -u)" -eq 0 ] || skip_all "needs root: it makes Debian systems in $cache and enters them with chroot(8)"
if ! command -v debootstrap >/dev/null || [ ! -e "$keyring" ]; then
    command -v apt-get >/dev/null || skip_all "needs debootstrap, debian-archive-keyring and apt-config"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap \
        debian-archive-keyring; } >/dev/null || fail "debootstrap cannot be installed"
fi
packages=$("$top/test/run.sh" --packages) if_any=$("$top/test/run.sh" --packages-if-any)
mkdir -p "$cache/scratch"
for release in "${releases[@]}"; do
    # One at a time works on a root or in it.
    exec 9>"$cache/$release.lock"
    if ! flock -w "$((make_seconds + test_seconds))" 9; then
        fail "$release: another run has $cache/$release"
        continue
    fi
    # And one at a time makes roots, since one may be made from another.
    exec 8>"$cache/make.lock"
    flock 8
    root=0
    root_of "$release" || root=$?
    exec 8>&-
    [ "$root" -ne 0 ] || test_release "$release"
    exec 9>&-
done
closing
