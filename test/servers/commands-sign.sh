#!/usr/bin/env bash
# openssl(1) does with a handle what it does with a key file, one key at a time: dgst, pkeyutl, rsautl, pkey, rsa, ec,
# req, x509, spkac, storeutl.
set -eu
# shellcheck source=commands-lib.sh
. "$(dirname "$0")/commands-lib.sh"

commands_begin
types=$(keys_that digest; keys_that whole)
for key in $types; do
    three_forms "$key"
done
plain_ossl dgst -sha384 -binary -out digest text
printf 'short' >short
# What is signed by a key as an authority.
new_key ec:P-256 leaf.key
plain_ossl req -config plain.cnf -new -key leaf.key -subj /CN=leaf -out leaf.csr
plain_ossl pkey -in leaf.key -pubout -out leaf.pub

# public HALF COMMAND... : the public half comes out as from the key file.
public() {
    does "$1 -pubout" "${@:1}" -pubout -out pub
    check "$what: the same public key" cmp -s pub "$key.pub"
}

signatures() {
    local key=$1 handle=$2 options=()
    public pkey -in "$handle"
    does "pkey -text_pub" pkey -in "$handle" -noout -text_pub -out out
    plain_ossl pkey -pubin -in "$key.pub" -noout -text_pub -out text_pub
    check "$what: the same text" cmp -s out text_pub
    if can "$key" digest; then
        does "dgst -sign" dgst -sha256 -sign "$handle" -out sig text
        verified dgst -sha256 -verify "$key.pub" -signature sig text
        does "dgst -prverify" dgst -sha256 -prverify "$handle" -signature sig text >out
        does "pkeyutl -sign, a digest" pkeyutl -sign -inkey "$handle" -in digest -pkeyopt digest:sha384 -out sig
        verified pkeyutl -verify -pubin -inkey "$key.pub" -in digest -pkeyopt digest:sha384 -sigfile sig
        does "pkeyutl -verify" pkeyutl -verify -inkey "$handle" -in digest -pkeyopt digest:sha384 -sigfile sig >out
        options=(-digest sha512)
    fi
    if can "$key" oneshot; then
        does "dgst -sign, the text as a whole" dgst -sign "$handle" -out sig text
        verified dgst -verify "$key.pub" -signature sig text
    fi
    does "pkeyutl -sign -rawin" pkeyutl -sign -rawin "${options[@]}" -inkey "$handle" -in text -out sig
    verified pkeyutl -verify -rawin "${options[@]}" -pubin -inkey "$key.pub" -in text -sigfile sig
    does "pkeyutl -verify -rawin" pkeyutl -verify -rawin "${options[@]}" -inkey "$handle" -in text -sigfile sig >out
}

certificates() {
    local key=$1 handle=$2
    does "req -new" req -new -key "$handle" -subj /CN=request -addext subjectAltName=DNS:request -out csr
    verified req -in csr -verify -noout
    does "req -x509" req -x509 -new -key "$handle" -subj /CN=authority -days 2 \
        -addext basicConstraints=critical,CA:true -out ca.crt
    verified verify -check_ss_sig -CAfile ca.crt ca.crt
    does "x509 -req -CA -CAkey" x509 -req -in leaf.csr -CA ca.crt -CAkey "$handle" -CAcreateserial -days 2 -out leaf.crt
    verified verify -CAfile ca.crt leaf.crt
    does "x509 -req -key, self-signed" x509 -req -in csr -key "$handle" -days 2 -out self.crt
    verified verify -check_ss_sig -CAfile self.crt self.crt
    does "x509 -new -force_pubkey" \
        x509 -new -force_pubkey leaf.pub -subj /CN=forced -CA ca.crt -CAkey "$handle" -days 2 -out forced.crt
    verified verify -CAfile ca.crt forced.crt
    plain_ossl x509 -in forced.crt -noout -pubkey >pub
    check "$what: it has the given public key" cmp -s pub leaf.pub
    does "x509 -x509toreq" x509 -x509toreq -in ca.crt -signkey "$handle" -out csr
    verified req -in csr -verify -noout
}

stores() {
    does "storeutl" storeutl -noout -keys "$2" >out
    check "$what: it counts one key" grep -q 'Total found: 1' out
}

# Two forms of each type and of both ways to configure; the other types, and the other load order, once.
for key in $types; do
    case $key in
    rsa | p256 | ed25519 | mldsa65) ways="cnf options" ;;
    *) ways=reverse ;;
    esac
    for HOW in $ways; do
        each_form signatures "$key"
        each_form certificates "$key"
        each_form stores "$key"
    done
done
HOW=cnf

# --- what RSA alone can

rsa_signatures() {
    local key=$1 handle=$2 salt digest
    for salt in digest max auto 20; do
        does "dgst, PSS, salt length $salt" dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$salt" \
            -sign "$handle" -out sig text
        verified dgst -sha256 -sigopt rsa_padding_mode:pss -verify "$key.pub" -signature sig text
    done
    does "pkeyutl, PSS with MGF1 of another digest" pkeyutl -sign -inkey "$handle" -in digest -pkeyopt digest:sha384 \
        -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_mgf1_md:sha1 -out sig
    verified pkeyutl -verify -pubin -inkey "$key.pub" -in digest -pkeyopt digest:sha384 \
        -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_mgf1_md:sha1 -sigfile sig
    for digest in sha1 sha224 sha512-256 sha3-256; do
        does "dgst -$digest" dgst "-$digest" -sign "$handle" -out sig text
        verified dgst "-$digest" -verify "$key.pub" -signature sig text
    done
    does "pkeyutl -sign, no digest" pkeyutl -sign -inkey "$handle" -in short -out sig
    does "pkeyutl -verifyrecover" pkeyutl -verifyrecover -inkey "$handle" -in sig -out out
    check "$what: it is the text" cmp -s out short
    does "rsautl -sign" rsautl -sign -inkey "$handle" -in short -out sig
    does "rsautl -verify" rsautl -verify -inkey "$handle" -in sig -out out
    check "$what: it is the text" cmp -s out short
    rm out
    verified rsautl -verify -pubin -inkey "$key.pub" -in sig -out out
    check "$what: it is the text" cmp -s out short
    public rsa -in "$handle"
    does "rsa -RSAPublicKey_out" rsa -in "$handle" -RSAPublicKey_out -out out
    verified rsa -RSAPublicKey_in -in out -pubout -out pub
    check "$what: the same public key" cmp -s pub "$key.pub"
    does "rsa -modulus" rsa -in "$handle" -noout -modulus >out
    check "$what: the modulus" test "$(plain_ossl rsa -pubin -in "$key.pub" -noout -modulus)" = "$(cat out)"
    does "spkac -key" spkac -digest sha256 -key "$handle" -challenge hello -out spkac
    verified spkac -in spkac -verify -noout
}
each_form rsa_signatures rsa
# MD5 is what spkac takes if it is told no digest; it does not print the reason, as dgst does.
refused "rsa: spkac with MD5" 'Error signing SPKAC' ossl spkac -digest md5 -key littlebox:rsa
refused "rsa: dgst with MD5, and why not" "digest '(md5|MD5)' is none that a box signs" \
    ossl dgst -md5 -sign littlebox:rsa text

# --- decrypt and agree

decrypts() {
    local text=$1
    shift
    plain_ossl pkeyutl -encrypt -pubin -inkey "$key.pub" -in text -out secret "$@" || fail "$what: not encrypted"
    does "pkeyutl -decrypt, $text" pkeyutl -decrypt -inkey "$handle" -in secret -out out "$@"
    check "$what: it is the text" cmp -s out text
}

decryption() {
    local key=$1 handle=$2 oaep='-pkeyopt rsa_padding_mode:oaep'
    decrypts "PKCS#1"
    # shellcheck disable=SC2086 # two words
    {
        decrypts "OAEP" $oaep
        decrypts "OAEP, SHA-256" $oaep -pkeyopt rsa_oaep_md:sha256
        decrypts "OAEP, SHA-512, MGF1 SHA-1" $oaep -pkeyopt rsa_oaep_md:sha512 -pkeyopt rsa_mgf1_md:sha1
        decrypts "OAEP, a label" $oaep -pkeyopt rsa_oaep_label:6c6162656c
    }
    plain_ossl rsautl -encrypt -pubin -inkey "$key.pub" -in text -out secret 2>>openssl.log
    does "rsautl -decrypt" rsautl -decrypt -inkey "$handle" -in secret -out out
    check "$what: it is the text" cmp -s out text
    does "pkeyutl -encrypt" pkeyutl -encrypt -inkey "$handle" -in text -out secret
    verified pkeyutl -decrypt -inkey "$key.key" -in secret -out out
    check "$what: it is the text" cmp -s out text
}
each_form decryption rsa

# The same secret comes out at the other end, which has the peer's key and this one's public half.
agrees() {
    local text=$1
    shift
    does "pkeyutl -derive, $text" pkeyutl -derive -inkey "$handle" -peerkey "peer-$key.pub" -out secret "$@"
    rm -f out
    verified pkeyutl -derive -inkey "peer-$key.key" -peerkey "$key.pub" -out out "$@"
    check "$what: the same secret" cmp -s out secret
}

agreement() {
    local key=$1 handle=$2
    agrees "plain"
    case $key in
    p*)
        agrees "cofactor mode" -pkeyopt ecdh_cofactor_mode:1
        agrees "X9.63 KDF" -pkeyopt kdf-type:X963KDF -pkeyopt kdf-digest:SHA256 -pkeyopt kdf-outlen:48 \
            -pkeyopt hexkdf-ukm:0102
        ;;
    esac
}
for key in $(keys_that derive); do
    if [ ! -e "$key.key" ]; then three_forms "$key"; fi
    new_key "$(type_of "$key")" "peer-$key.key"
    plain_ossl pkey -in "peer-$key.key" -pubout -out "peer-$key.pub"
    each_form agreement "$key"
done
public_agreement() { public pkey -in "$2"; }
each_form public_agreement x25519 x448

# --- what EC alone can

ec_public() {
    public ec -in "$2"
    does "ec -pubout -conv_form compressed" ec -in "$2" -pubout -conv_form compressed -out out
    plain_ossl ec -pubin -in "$1.pub" -pubout -conv_form compressed -out pub 2>>openssl.log
    check "$what: the same compressed point" cmp -s out pub
    does "spkac -key" spkac -digest sha256 -key "$2" -challenge hello -out spkac
    verified spkac -in spkac -verify -noout
}
each_form ec_public p256 p384

# A handle may pin a version, name its box, and stand behind a certificate in the same file.
for uri in "littlebox:rsa;version=1" littlebox://default/rsa; do
    what=$uri key=rsa
    public pkey -in "$uri"
done
what="a handle behind a certificate"
plain_ossl req -config plain.cnf -x509 -new -key p256.key -subj /CN=localhost -days 2 -out p256.crt
cat p256.crt p256.pem >both.pem
does "dgst -sign" dgst -sha256 -sign both.pem -out sig text
verified dgst -sha256 -verify p256.pub -signature sig text

# A key that was born in the box.
for type in ec:P-256 rsa:2048 rsa-pss:2048 ed25519 ed448; do
    name=born-${type%:*}
    lb create "$name" --type "$type" >>lb.log 2>&1
    check "$name signs" signs "$name"
done

what=storeutl
does "lists the box" storeutl -noout littlebox: >storeutl
for key in $types; do
    check "with $key" grep -q "littlebox:.*$key" storeutl
done

# What is refused, and how.
refused "a key that is not there" "there is no key 'nobody' in box 'default'" ossl pkey -in littlebox:nobody -pubout
refused "the private half does not leave the box" "key 'rsa' is in box 'default' and cannot be exported" \
    ossl rsa -in littlebox:rsa -traditional
what="pkey -out"
does "writes the handle" pkey -in littlebox:p256 -out written.pem
check "which holds no scalar: an openssl without us cannot read it" not plain_ossl pkey -in written.pem -noout \
    2>/dev/null
does "and which signs" dgst -sha256 -sign written.pem -out sig text
verified dgst -sha256 -verify p256.pub -signature sig text
finish
