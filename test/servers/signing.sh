#!/usr/bin/env bash
# Programs that sign programs, images and updates, by the commands of examples/signing, as user builder: osslsigncode, sbsign,
# evmctl, rauc, mkimage. What they make is verified by programs that do not know us.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs osslsigncode sbsign evmctl rauc mksquashfs mkimage dtc fdtget ld openssl
ld -V | grep -qw i386pep || skip "this ld makes no programs for UEFI"
own_machine /etc/ssl
useradd --system --no-create-home builder
SIGNING=$LITTLEBOX_SRC/examples/signing KEY=/etc/signing/release

# What is signed: a program for UEFI and Windows, a kernel, a root file system.
WORK=$TEST_DIR/work
mkdir -p "$WORK/content"
cd "$WORK"
printf '.globl _start\n_start: ret\n' | as -o program.o -
ld -m i386pep --subsystem 10 -e _start -o program.efi program.o
cp program.efi program.exe
head -c 9000 /dev/urandom | tee kernel program >content/rootfs.img
cp "$SIGNING/rauc.conf" "$SIGNING/kernel.its" .
cp "$SIGNING/manifest.raucm" content
printf '/dts-v1/;\n/ { };\n' | dtc -O dtb -o u-boot.dtb -
chown -R builder .

# by_page N : the N-th block of the page, as builder.
as_builder() { as_system setpriv --reuid=builder --regid=builder --clear-groups "$@"; }
by_page() { as_builder bash -eu -c "$(page_commands signing "$1")" >"$TEST_DIR/signer.log" 2>&1; }
discard() { rm -f signed.exe signed.efi program.sig release.der update.raucb kernel.itb; }
# Signatures without us: their own verifiers, with an openssl.cnf that names nobody.
plainly() { env OPENSSL_CONF=/dev/null "$@" >"$TEST_DIR/verifier.log" 2>&1; }

check_osslsigncode() {
    check "$1: osslsigncode" by_page 2
    check "$1: osslsigncode verifies it" plainly osslsigncode verify -CAfile "$KEY.crt" signed.exe
}
check_sbsign() {
    check "$1: sbsign" by_page 3
    check "$1: sbverify verifies it" plainly sbverify --cert "$KEY.crt" signed.efi
}
check_evmctl() {
    check "$1: evmctl" by_page 4
    check "$1: evmctl verifies it" plainly evmctl ima_verify --sigfile --key release.der program
    echo more >>program
    check "$1: of the changed file it does not" not plainly evmctl ima_verify --sigfile --key release.der program
}
check_rauc() {
    check "$1: rauc" by_page 5
    check "$1: rauc verifies it" plainly rauc --conf=rauc.conf info update.raucb
}
# Its signature is over parts of the image; that it is one, over a SHA-256 digest, is what the public key shows.
check_mkimage() {
    check "$1: mkimage" by_page 6
    octets "$(fdtget -t bx kernel.itb /configurations/board/signature-1 value)" >signature
    check "$1: it is a signature of the key" \
        plainly openssl pkeyutl -verifyrecover -certin -inkey "$KEY.crt" -in signature -pkeyopt digest:sha256
    same "$1: the public key for U-Boot" "$(plain_ossl x509 -in "$KEY.crt" -noout -modulus)" \
        "Modulus=$(words "$(fdtget -t x u-boot.dtb /signature/key-release rsa,modulus)")"
}
octets() {
    local octet
    for octet in $1; do printf '%b' "\\x$octet"; done
}
words() {
    local word
    for word in $1; do printf '%08X' "0x$word"; done
}

run_page signing
refused "the handle is no key to an openssl without us" 'Could not read|unsupported' plain_ossl pkey -in "$KEY.key" -noout
lb deny release --user builder
for N in 2 3 4 5 6; do
    check "block $N: without a grant nothing is signed" not by_page "$N"
done
same "the box's log says who was refused" 5 "$(grep -c "refused: uid $(id -u builder) .*'release'" "$BOX_DIR/box.log")"
discard
lb allow release --user builder
for signer in osslsigncode sbsign evmctl rauc mkimage; do
    "check_$signer" rsa
done

# An EC key in its place.
discard
cp "$FILES/ec.pem" "$KEY.key"
as_system openssl req -x509 -key littlebox:ec -subj /CN=ec -addext keyUsage=critical,digitalSignature \
    -addext extendedKeyUsage=codeSigning -days 2 -out "$KEY.crt"
lb allow ec --user builder
for signer in osslsigncode sbsign evmctl rauc; do
    "check_$signer" ec
done
# Another name of its, and another fault.
sed -i s/rsa2048/ecdsa256/ kernel.its
cp "$KEY.key" "$KEY.pem"
check "ec: mkimage wants it in pieces" not by_page 6
check "and says so" grep -q '^Can not extract ECDSA key' "$TEST_DIR/signer.log"
finish
