#!/usr/bin/env bash
# Keys from files, in every form that people have them.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"
printf 'secret\n' >pw
printf 'wrong\n' >bad

# taken FILE PUBLIC [options]: is imported, and the box has that key.
n=0
taken() {
    file=$1
    public=$2
    shift 2
    n=$((n + 1))
    expect 0 "the key is still in '$file'" littlebox import "key$n" "$file" "$@"
    expect_out "littlebox:key$n"
    same_public "key$n" "$public"
    # The same key is taken again when it is gone.
    [ -n "${keep-}" ] || littlebox destroy "key$n" --now --yes
}

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed.pem
openssl genpkey -algorithm ED448 -out ed448.pem
openssl genpkey -algorithm X25519 -out x25519.pem
openssl genpkey -algorithm X448 -out x448.pem
for k in ec rsa pss ed ed448 x25519 x448; do
    openssl pkey -in $k.pem -pubout -out $k.pub
    taken $k.pem $k.pub
    openssl pkey -in $k.pem -outform DER -out $k.der
    taken $k.der $k.pub
    openssl pkcs8 -topk8 -in $k.pem -passout pass:secret -out $k.enc
    taken $k.enc $k.pub --passphrase-file pw
    openssl pkcs8 -topk8 -in $k.pem -passout pass:secret -outform DER -out $k.encder
    taken $k.encder $k.pub --passphrase-file pw
done

# Traditional forms.
openssl ec -in ec.pem -out ec.trad 2>/dev/null
grep -q 'BEGIN EC PRIVATE KEY' ec.trad
taken ec.trad ec.pub
openssl rsa -in rsa.pem -traditional -out rsa.trad 2>/dev/null
grep -q 'BEGIN RSA PRIVATE KEY' rsa.trad
taken rsa.trad rsa.pub
openssl rsa -in rsa.pem -traditional -outform DER -out rsa.tradder 2>/dev/null
taken rsa.tradder rsa.pub
openssl rsa -in rsa.pem -traditional -aes256 -passout pass:secret -out rsa.tradenc 2>/dev/null
grep -q 'Proc-Type: 4,ENCRYPTED' rsa.tradenc
taken rsa.tradenc rsa.pub --passphrase-file pw
openssl ecparam -name P-256 -genkey -out params.pem
openssl pkey -in params.pem -pubout -out params.pub
taken params.pem params.pub

# PKCS#12, with certificates, old and new, with and without a passphrase.
openssl req -x509 -new -key rsa.pem -subj /CN=x -days 30 -out crt.pem
openssl pkcs12 -export -inkey rsa.pem -in crt.pem -passout pass:secret -out new.p12
taken new.p12 rsa.pub --passphrase-file pw
openssl pkcs12 -export -inkey rsa.pem -in crt.pem -passout pass: -out empty.p12
taken empty.p12 rsa.pub
openssl pkcs12 -export -legacy -inkey rsa.pem -in crt.pem -passout pass:secret -out old.p12
taken old.p12 rsa.pub --passphrase-file pw
openssl pkcs12 -export -nokeys -in crt.pem -passout pass:secret -out certs.p12
expect 1 "there is no private key in 'certs.p12'" littlebox import x certs.p12 --passphrase-file pw
expect 1 "the passphrase does not open 'new.p12'" littlebox import x new.p12 --passphrase-file bad

# Between certificates, and from a pipe.
cat crt.pem ec.pem crt.pem >bundle.pem
taken bundle.pem ec.pub
expect 0 '' sh -c 'littlebox import piped - 2>/dev/null <ec.pem'
same_public piped ec.pub
littlebox destroy piped --now --yes

# A key that the box has already, in whatever form and under whatever name: for as long as anything is left of it.
keep=yes taken ec.pem ec.pub
has=key$n
openssl pkey -in ec.pem -ec_conv_form compressed -out short.pem
openssl pkey -in ec.pem -ec_conv_form hybrid -out both.pem
for file in ec.der ec.trad bundle.pem short.pem both.pem; do
    expect 1 "the box has this key already, as '$has'" littlebox import x $file
    expect 1 "hint: its handle, in a new file: littlebox --box default handle $has --out FILE" littlebox import x $file
done
expect 1 "the box has this key already, as '$has'" littlebox import "$has" ec.pem
expect 1 "the box has this key already, as '$has'" littlebox import x ec.enc --passphrase-file pw
littlebox destroy "$has" --yes 2>/dev/null
expect 1 "the box has this key already, as '$has', which is to be destroyed" littlebox import x ec.pem
expect 1 "hint: to keep it: littlebox --box default destroy --cancel $has" littlebox import x ec.pem
littlebox destroy "$has" --cancel 2>/dev/null

# What is refused.
expect 1 "the passphrase does not open 'ec.enc'" littlebox import x ec.enc --passphrase-file bad
expect 1 "the passphrase does not open 'ec.encder'" littlebox import x ec.encder --passphrase-file bad
expect 1 "the passphrase does not open 'rsa.tradenc'" littlebox import x rsa.tradenc --passphrase-file bad
expect 1 'there is no terminal to ask for the passphrase of ec.enc' setsid -w littlebox import x ec.enc
expect 1 'hint: give it with --stdin, --passphrase-file FILE or --passphrase-fd N' setsid -w littlebox import x ec.enc
expect 1 "there is no private key in 'crt.pem'" littlebox import x crt.pem
expect 1 'hint: give the file with the private key: PEM, DER or PKCS#12' littlebox import x crt.pem
cat ec.pem rsa.pem ed.pem >three.pem
expect 1 "there are 3 private keys in 'three.pem'" littlebox import x three.pem
expect 1 'hint: give a file with one' littlebox import x three.pem
head -c 100 ec.pem >cut.pem
expect 1 "there is no private key in 'cut.pem'" littlebox import x cut.pem
sed '2s/..../AAAA/' ec.pem >broken.pem
expect 1 "the private key in 'broken.pem' is damaged" littlebox import x broken.pem
head -c 50 /dev/urandom >noise
expect 1 "there is no private key in 'noise'" littlebox import x noise
: >nothing
expect 1 "cannot read 'nothing': it is empty" littlebox import x nothing
expect 1 "cannot read 'absent': No such file or directory" littlebox import x absent
expect 1 "cannot read '.': Is a directory" littlebox import x .
head -c 300000 /dev/zero >long
expect 1 "'long' is longer than 262144 bytes" littlebox import x long
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1.pem 2>/dev/null
expect 1 'EC keys on the curve secp256k1 are not held by a box' littlebox import x k1.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:sect571r1 -out long-curve.pem 2>/dev/null
expect 1 'EC keys on the curve sect571r1 are not held by a box' littlebox import x long-curve.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out small.pem 2>/dev/null
expect 1 'RSA keys of 1024 bits are not held by a box' littlebox import x small.pem
openssl genpkey -algorithm SM2 -out sm2.pem
expect 1 'keys of the algorithm SM2 are not held by a box' littlebox import x sm2.pem
expect 1 "key '$has' exists already" littlebox import "$has" ed.pem
littlebox handle "$has" --out handle.pem
expect 1 "'handle.pem' is a handle already, to littlebox:$has" littlebox import x handle.pem
littlebox destroy "$has" --now --yes
{
    echo '-----BEGIN OPENSSH PRIVATE KEY-----'
    { printf 'openssh-key-v1\000' && head -c 200 /dev/urandom; } | openssl base64
    echo '-----END OPENSSH PRIVATE KEY-----'
} >ssh
expect 1 "'ssh' is an OpenSSH key file" littlebox import x ssh
expect 1 'hint: convert a copy of it: ssh-keygen -p -m PKCS8' littlebox import x ssh
expect 1 "there is no key 'x'" littlebox show x

# On a terminal the passphrase is asked for.
expect 0 '' answer 'passphrase of ec.enc: ' secret -- littlebox import tty ec.enc
grep -q secret "$T/out" && fail "the passphrase was echoed"
same_public tty ec.pub
expect 1 '' answer 'passphrase of new.p12: ' no -- littlebox import tty2 new.p12
expect_out "the passphrase does not open 'new.p12'"
