#!/usr/bin/env bash
# A token with PKCS#11 3.0's C_SignMessage: a signature is one call, and whatever is wrong with that way costs nobody more
# than the other one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool
begin
cd "$TEST_DIR"
bad_box "$TEST_DIR/box" "sessions = 3"
calls() { local f; for f; do echo "$(bad_calls "$f") $f"; done | xargs; }
MESSAGE="state message 1"

# --- Without
check "a token that has it not" many 10 ec
# Newer versions of libp11 ask for interfaces themselves, so that is not counted.
same "is not asked for it" "0 C_MessageSignInit 0 C_SignMessage" "$(calls C_MessageSignInit C_SignMessage)"

# --- With: contexts are made anew each second, so what is counted is that they are few, and that nothing else is called
bad_connection "$MESSAGE"
check "a token that has it" many 200 ec
same "each signature is one call" "201 C_SignMessage 0 C_SignInit 0 C_Sign 0 C_CopyObject" \
    "$(calls C_SignMessage C_SignInit C_Sign C_CopyObject)"
inits=$(bad_calls C_MessageSignInit)
check "with $inits contexts" test "$inits" -lt 100
bad_forget_calls
check "from then on" many 200 ec
others=$(grep -vcx -e C_SignMessage -e C_MessageSignInit -e C_MessageSignFinal "$BAD_DIR/calls" || true)
same "other calls" 0 "$others"
same "a context that is left is ended" "$(bad_calls C_MessageSignInit)" "$(bad_calls C_MessageSignFinal)"
check "the signature is right" signs_ec
check "RSA's too" signs_rsa
pss() {
    head -c 32 /dev/urandom >digest
    ossl pkeyutl -sign -inkey littlebox:rsa -in digest -out pss.sig -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss \
        -pkeyopt "rsa_pss_saltlen:$1" &&
        plain_ossl pkeyutl -verify -pubin -inkey rsa.pub -in digest -sigfile pss.sig -pkeyopt digest:sha256 \
            -pkeyopt rsa_padding_mode:pss -pkeyopt "rsa_pss_saltlen:$1" >/dev/null
}
check "PSS, with a context of its own" pss 32
check "and another for another salt" pss 20
check "PKCS#1 v1.5 again" signs_rsa
same "no signature was made in another way" "0 C_SignInit 0 C_Sign" "$(calls C_SignInit C_Sign)"
bad_forget_calls
many 40 ec &
other=$!
check "two keys at once" many 40 rsa
check "the other one" wait "$other"
same "both by messages" "82 C_SignMessage 0 C_Sign" "$(calls C_SignMessage C_Sign)"
check "each keeps its session" test "$(bad_calls C_MessageSignInit)" -lt 41
lb allow rsa --user "$(id -u)" --op sign,decrypt 2>>lb.log
echo text >text
plain_ossl pkeyutl -encrypt -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:oaep -in text -out secret
check "decryption in between" ossl pkeyutl -decrypt -inkey littlebox:rsa -pkeyopt rsa_padding_mode:oaep -in secret -out clear
check "is right" cmp text clear
check "and signatures go on" signs_rsa

# --- What is wrong with it
# other_way TEXT LINE... : signatures are made, in the other way.
other_way() {
    local text=$1
    shift
    bad_connection "$MESSAGE" "$@"
    check "$text" many 20 ec
    same "$text: signatures in the other way" "21 C_Sign" "$(calls C_Sign)"
    check "$text: once is enough" test "$(bad_calls C_MessageSignInit)" -le 1
    check "$text: it signs" signs_ec
}
other_way "an interface that is not given" "C_GetInterface return 0x5"
other_way "a function that is not there" "C_MessageSignInit return 0x54"
other_way "a mechanism that is not for it" "C_MessageSignInit return 0x70"
other_way "a session that is none to it" "C_MessageSignInit return 0xb3"
other_way "a key that wants its PIN each time" "state always-authenticate 1"
# all_the_same TEXT LINE... : so are they when it begins in the middle.
all_the_same() {
    local text=$1
    shift
    bad_behaves "$MESSAGE"
    check "$text: before" many 5 ec
    bad_behaves "$MESSAGE" "$@"
    check "$text" signs_ec
    bad_behaves "$MESSAGE"
    bad_forget_calls
    check "$text: after" many 5 ec
    check "$text: by messages again" test "$(bad_calls C_SignMessage)" -ge 5
}
bad_connection "$MESSAGE"
all_the_same "a context that is lost" "C_SignMessage lost max=1"
all_the_same "a failure" "C_SignMessage return 0x5 max=1"
all_the_same "an invalid session" "C_SignMessage return 0xb3 max=1"
all_the_same "a stale key" "C_SignMessage return 0x60 max=1"
all_the_same "a device error" "C_SignMessage return 0x30 max=1"
all_the_same "a token that was started anew" "state generation 1"
all_the_same "a lost login" "state login 1"
all_the_same "a crash" "C_SignMessage crash max=1"
for length in 0 63 65 0xffffffffffffffff; do
    bad_behaves "$MESSAGE" "C_SignMessage length $length"
    refused "a signature of $length bytes" "signature of $(printf %u "$length") bytes instead of 64" signs_ec
done
bad_behaves "$MESSAGE"
check "it signs" signs_ec

# --- A key that is gone
check "signatures" many 5 ec
bad_behaves "$MESSAGE" "state objects-gone 1"
await "a key that others have destroyed not to sign any more" not signs_ec
bad_behaves "$MESSAGE"
await "the key again" signs_ec
check "destroy" lb destroy ec --now --yes 2>>lb.log
refused "a key that was destroyed here" 'destroyed' signs_ec
check "the other one signs" signs_rsa
finish
