#!/usr/bin/env bash
# openCryptoki 3.8.1+dfsg-3.2+b3 (Debian 12), software token: what it says of a new key that it cannot write.
#
# The token keeps each object in a file below /var/lib/opencryptoki/swtok/TOK_OBJ. Where that cannot be written, as in a service
# with ProtectSystem=strict, C_GenerateKeyPair returns CKR_OK all the same. The process that made the pair finds it, signs with it
# and reads its public key, and a certificate may be had for it; with C_Finalize it is gone. C_CreateObject, in the same place,
# fails with CKR_FUNCTION_FAILED. (So a key that was made is one when another connection has it.)
#
# Needs root, namespaces, python3, and a mirror with this version. Installs nothing: the packages are unpacked over this machine's
# files in a mount namespace, where the daemon runs for as long. What was seen is printed and compared; it fails if that changes.
set -eu
VERSION=3.8.1+dfsg-3.2+b3
EXPECTED='generated: 0x0, private keys seen: 1, signed: 0x0
created: 0x6
private keys seen by the next: 0'
me=$(realpath "$0")

case ${1:-} in
'')
    [ "$(id -u)" -eq 0 ] || { echo "needs root" >&2 && exit 1; }
    command -v python3 >/dev/null || { echo "needs python3" >&2 && exit 1; }
    T=$(mktemp -d)
    trap 'rm -rf "$T"' EXIT
    chmod 755 "$T"
    cd "$T"
    for package in opencryptoki libopencryptoki0; do
        apt-get -o APT::Sandbox::User=root download -qq "$package=$VERSION" ||
            { echo "$package $VERSION cannot be had" >&2 && exit 1; }
    done
    timeout -k 5 120 unshare --mount --propagation private --pid --fork --kill-child "$me" mount "$T"
    cat seen
    [ "$(cat seen)" = "$EXPECTED" ] || { echo "this has changed; it was:" && echo "$EXPECTED" && exit 1; } >&2
    echo "as it was: openCryptoki $VERSION"
    ;;
mount)
    T=$2
    mkdir "$T/machine"
    mount -t tmpfs -o mode=0755 tmpfs "$T/machine"
    mkdir "$T/machine/upper" "$T/machine/work" "$T/machine/root"
    for deb in "$T"/*.deb; do dpkg -x "$deb" "$T/machine/unpacked"; done
    if [ -d "$T/machine/unpacked/lib" ]; then # it is a link here
        mkdir -p "$T/machine/unpacked/usr/lib"
        cp -a "$T/machine/unpacked/lib/." "$T/machine/unpacked/usr/lib/"
        rm -r "$T/machine/unpacked/lib"
    fi
    mount -t overlay -o "lowerdir=$T/machine/unpacked:/,upperdir=$T/machine/upper,workdir=$T/machine/work" overlay \
        "$T/machine/root"
    cd "$T/machine/root"
    mount --bind /dev dev
    for dir in run dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$dir"; done
    mount -t proc proc proc
    mkdir -p "./$T" run/lock/opencryptoki
    mount --bind "$T" "./$T"
    rm -rf var/lock var/run
    ln -s /run/lock var/lock
    ln -s /run var/run
    chroot . "$me" inside "$T" || exit
    ;;
inside)
    T=$2
    getent group pkcs11 >/dev/null || groupadd --system pkcs11
    objects=/var/lib/opencryptoki/swtok
    mkdir -p /run/lock/opencryptoki/swtok "$objects/TOK_OBJ"
    chgrp -R pkcs11 /run/lock/opencryptoki /var/lib/opencryptoki
    chmod -R 770 /run/lock/opencryptoki /var/lib/opencryptoki
    ldconfig
    pkcsslotd
    {
        echo finding | pkcsconf -I -c 3 -S 87654321
        pkcsconf -P -c 3 -S 87654321 -n 76543210
        pkcsconf -u -c 3 -S 76543210 -n 12344321
    } >"$T/token.log" 2>&1
    mount --bind "$objects" "$objects"
    mount -o remount,ro,bind "$objects"
    for what in make look; do "$me" "$what"; done >"$T/seen"
    ;;
make | look)
    exec python3 - "$1" <<'END'
import ctypes, glob, sys
c = ctypes
module = c.CDLL(glob.glob("/usr/lib/*/opencryptoki/libopencryptoki.so.0")[0])
SLOT, RW, USER, PRIVATE, PUBLIC, RSA = 3, 6, 1, 3, 2, 0

class Attribute(c.Structure):
    _fields_ = [("type", c.c_ulong), ("value", c.c_void_p), ("len", c.c_ulong)]
class Mechanism(c.Structure):
    _fields_ = [("type", c.c_ulong), ("parameter", c.c_void_p), ("len", c.c_ulong)]
kept = []
def template(*pairs):
    rows = (Attribute * len(pairs))()
    for row, (kind, value) in zip(rows, pairs):
        data = c.c_ulong(value) if type(value) is int else c.c_ubyte(value) if type(value) is bool else \
            c.create_string_buffer(value, len(value))
        kept.append(data)
        row.type, row.value, row.len = kind, c.cast(c.byref(data), c.c_void_p), c.sizeof(data)
    return rows, c.c_ulong(len(rows))
def private_keys():
    found, count = (c.c_ulong * 8)(), c.c_ulong(0)
    module.C_FindObjectsInit(session, *template((0x0, PRIVATE)))
    module.C_FindObjects(session, found, c.c_ulong(8), c.byref(count))
    module.C_FindObjectsFinal(session)
    return count.value

session, public, private = c.c_ulong(), c.c_ulong(), c.c_ulong()
for status in (module.C_Initialize(None), module.C_OpenSession(c.c_ulong(SLOT), c.c_ulong(RW), None, None, c.byref(session)),
               module.C_Login(session, c.c_ulong(USER), b"12344321", c.c_ulong(8))):
    assert status == 0, hex(status)
if sys.argv[1] == "make":
    of_public = template((0x1, True), (0x121, 1024), (0x122, b"\1\0\1"))
    of_private = template((0x1, True), (0x2, True), (0x108, True))
    made = module.C_GenerateKeyPair(session, c.byref(Mechanism(0x0, None, 0)), *of_public, *of_private, c.byref(public),
                                    c.byref(private))
    signature, length = c.create_string_buffer(512), c.c_ulong(512)
    module.C_SignInit(session, c.byref(Mechanism(0x1, None, 0)), private)
    signed = module.C_Sign(session, b"text", c.c_ulong(4), signature, c.byref(length))
    print(f"generated: {made:#x}, private keys seen: {private_keys()}, signed: {signed:#x}")
    created = module.C_CreateObject(session, *template((0x0, PUBLIC), (0x100, RSA), (0x1, True), (0x120, b"\xc1" * 128),
                                                      (0x122, b"\1\0\1")), c.byref(public))
    print(f"created: {created:#x}")
else:
    print(f"private keys seen by the next: {private_keys()}")
module.C_Finalize(None)
END
    ;;
esac
