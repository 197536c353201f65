#!/usr/bin/env bash
# SoftHSM2 2.6.1-2.1 (Debian 12): what a list of mechanisms that begins with a minus takes away.
#
# softhsm2.conf(5): "The list can be prefixed with minus sign "-" to list only the disabled mechanisms." The first one behind
# the minus stays enabled, and so `slots.mechanisms = -CKM_ECDSA` disables nothing: the sign is taken for a part of its name, and
# unknown names are ignored. The order decides which of several survives. (So begin with a name that is none: "-,CKM_ECDSA".)
#
# Needs python3 and a mirror with this version. Installs nothing: the package is unpacked in a temporary folder. What was seen,
# which of two mechanisms each list leaves, is printed and compared; it fails if that changes.
set -eu
VERSION=2.6.1-2.1
EXPECTED='ALL: CKM_RSA_PKCS CKM_ECDSA
-CKM_ECDSA: CKM_RSA_PKCS CKM_ECDSA
-CKM_ECDSA,CKM_RSA_PKCS: CKM_ECDSA
-CKM_RSA_PKCS,CKM_ECDSA: CKM_RSA_PKCS
-,CKM_ECDSA: CKM_RSA_PKCS'

command -v python3 >/dev/null || { echo "needs python3" >&2 && exit 1; }
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
cd "$T"
apt-get -o APT::Sandbox::User=root download -qq "libsofthsm2=$VERSION" || { echo "libsofthsm2 $VERSION cannot be had" >&2 && exit 1; }
dpkg -x libsofthsm2_*.deb unpacked
module=$(find "$T/unpacked" -name libsofthsm2.so -type f -print -quit)
mkdir tokens

# left LIST : which of the two mechanisms the module has then.
left() {
    printf '%s\n' "directories.tokendir = $T/tokens" "objectstore.backend = file" "log.level = ERROR" \
        "slots.mechanisms = $1" >softhsm2.conf
    SOFTHSM2_CONF=$T/softhsm2.conf python3 - "$module" <<'END'
import ctypes, sys
module = ctypes.CDLL(sys.argv[1])
slots, slot_count = (ctypes.c_ulong * 8)(), ctypes.c_ulong(8)
found, count = (ctypes.c_ulong * 512)(), ctypes.c_ulong(512)
assert module.C_Initialize(None) == 0
assert module.C_GetSlotList(0, slots, ctypes.byref(slot_count)) == 0
assert module.C_GetMechanismList(ctypes.c_ulong(slots[0]), found, ctypes.byref(count)) == 0
print(*[name for name, number in (("CKM_RSA_PKCS", 0x1), ("CKM_ECDSA", 0x1041)) if number in found[:count.value]])
END
}
for list in ALL -CKM_ECDSA -CKM_ECDSA,CKM_RSA_PKCS -CKM_RSA_PKCS,CKM_ECDSA -,CKM_ECDSA; do
    echo "$list: $(left "$list")"
done >seen
cat seen
[ "$(cat seen)" = "$EXPECTED" ] || { echo "this has changed; it was:" && echo "$EXPECTED" && exit 1; } >&2
echo "as it was: SoftHSM2 $VERSION"
