#!/usr/bin/env bash
# make-deb.sh ARCHIVE DIR: Debian packages in DIR, from a source archive as 'make dist' makes it, and nothing but that.
#
# The same archive gives the same bytes, wherever and whenever. It needs dpkg-dev and debhelper, and what debian/control has in
# Build-Depends; it names what is missing. DEB_BUILD_OPTIONS (nocheck, parallel=N) is as dpkg-buildpackage(1) has it.
set -eu

[ "$#" -eq 2 ] || { echo "usage: make-deb.sh ARCHIVE DIR" >&2; exit 2; }
die() {
    printf 'make-deb.sh: %s\n' "$*" >&2
    exit 1
}
for tool in dpkg-buildpackage dpkg-parsechangelog dh xz; do
    command -v "$tool" >/dev/null || die "there is no $tool: apt-get install dpkg-dev debhelper xz-utils"
done
umask 022
archive=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

tar -C "$work" --no-same-owner -xf "$archive"
cd "$work"/littlebox-*
cp -r examples/packaging/debian debian

# One version, in two files.
version=$(dpkg-parsechangelog -S Version)
program=$(sed -n 's/^AC_INIT(\[littlebox\], \[\(.*\)\])$/\1/p' configure.ac)
[ "${version%-*}" = "$program" ] || die "debian/changelog has version $version, configure.ac has $program"

dpkg-buildpackage -b -us -uc
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"
