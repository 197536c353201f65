#!/usr/bin/env bash
# Certificates of a hostile token: what it says of them is not believed, costs nobody anything, and keeps no more than half of
# the box's threads.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl
begin
cd "$TEST_DIR"
new_key rsa:2048 root.pem
certificate root /CN=root 1 root root basicConstraints=critical,CA:TRUE
bad_token "$TEST_DIR/bad"
mkdir bad/certs
for key in 01.rsa 02.ec; do
    cp "bad/keys/$key.pem" "${key#*.}.pem"
    plain_ossl pkey -in "${key#*.}.pem" -pubout -out "${key#*.}.pub"
done
certificate ec /CN=ec 5 root ec
certificate rsa /CN=rsa 6 root rsa
token_conf "$TEST_DIR/hostile" "$BAD" label=hostile "sessions = 2" "threads = 2" "token-timeout = 2"
new_box "$TEST_DIR/hostile"
check "attach" attach ec 02 2>>lb.log
# again [LINE...] : the token does what the lines say, and is read anew.
again() {
    bad_behaves "$@"
    reconnect
}
# told TEXT COMMAND... : what the box has for the key, and that it goes on.
told() {
    local text=$1
    shift
    check "$text" "$@"
    bad_behaves
    check "$text: the box goes on" signs ec "$TEST_DIR/ec.pub"
    check "$text: the same one" status_is restarts "$RESTARTS"
}
none() { ! lb cert get ec >got.out 2>&1 && grep -q 'has no certificate' got.out; }
RESTARTS=$(status restarts)
cp ec.der bad/certs/02.ec.der
again
told "a good one" chain_is ec.crt lb cert get ec
CKA_VALUE=attr=0x11
for lie in huge "huge 0xfffffffffffffff0" grow "lie 100000" empty unavailable "short 1" junk; do
    again "C_GetAttributeValue $lie $CKA_VALUE"
    told "CKA_VALUE, $lie" none
done
again "C_GetAttributeValue return 5 $CKA_VALUE"
told "CKA_VALUE, an error" none
for attribute in 0x102 0x3; do
    again "C_GetAttributeValue huge attr=$attribute"
    told "a name that is too long ($attribute)" none
done
again
told "the good one again" chain_is ec.crt lb cert get ec
head -c 300 /dev/urandom >bad/certs/02.noise.der
cat ec.der <(echo more) >bad/certs/02.trailing.der
cp rsa.der bad/certs/02.other.der
: >bad/certs/02.empty.der
for ((i = 1; i < 20; i++)); do cp ec.der "bad/certs/05.again$i.der"; done
again
told "among others that are none, or another's" chain_is ec.crt lb cert get ec
check "the log tells how many" grep -q '3 certificate objects on the token are left out' "$BOX_DIR/box.log"
many() { ossl x509 -noout -in 'pkcs11:id=%05;type=cert'; }
refused "more of a name than an answer holds" 'certificates on the token fit, more than an answer holds' many
rm bad/certs/*
# Two that issued each other, by name and by key.
new_key ec:P-256 loop.pem
plain_ossl req -x509 -new -key loop.pem -subj /CN=loop -days 2 -out loop0.crt
plain_ossl req -x509 -new -key ec.pem -subj /CN=ec -days 2 -out ec0.crt
certify() {
    plain_ossl req -new -key "$1.pem" -subj "/CN=$1" -out "$1.csr"
    plain_ossl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$3.pem" -set_serial 3 -days 2 -out "$4.crt" 2>>x509.log
    plain_ossl x509 -in "$4.crt" -outform DER -out "$4.der"
}
certify ec loop0 loop loop1
certify loop ec0 ec loop2
cp loop1.der bad/certs/02.ec.der
cp loop2.der bad/certs/03.loop.der
cat loop1.crt loop2.crt >loop.chain
again
told "two that issued each other are two" chain_is loop.chain lb cert get ec
again "C_FindObjects endless"
told "objects without end" chain_is loop.chain lb cert get ec
again "C_FindObjects return 5"
check "none can be looked for: what is known is told, or why" \
    grep -Eq 'BEGIN CERTIFICATE|CKR_GENERAL_ERROR' <<<"$(lb cert get ec 2>&1)"
check "the token was asked" [ "$(bad_calls C_FindObjectsInit)" -ge 1 ]
bad_forget_calls
check "it is told again" \
    grep -Eq 'BEGIN CERTIFICATE|CKR_GENERAL_ERROR' <<<"$(lb cert get ec 2>&1)"
looked=$(bad_calls C_FindObjectsInit)
same "the token was not asked for them again at once: anybody may ask the box" 0 "${looked:-0}"
again "C_GetAttributeValue hang max=1 $CKA_VALUE"
hung() { lb cert get ec >got.out 2>&1; [ "$(status restarts)" != "$RESTARTS" ]; }
await "a call that hangs to be given up" hung
await "signatures after it" signs ec "$TEST_DIR/ec.pub"
check "certificates after it" chain_is loop.chain lb cert get ec
stop_box

# --- A token that takes its time has no more than half of the threads
sed -i 's/^token-timeout = .*/token-timeout = 60/' "$BOX_DIR/default.conf"
start_box "$BOX_DIR"
await "a signature" signs ec "$TEST_DIR/ec.pub"
bad_forget_calls
bad_behaves "C_FindObjectsInit hang max=1"
lb cert get ec >first.out 2>&1 3>&- &
first=$!
own "$first"
looks() { [ "$(bad_calls C_FindObjectsInit)" = 1 ]; }
await "the first to be at the token" looks
refused "the second" 'the certificates on the token of box .default. are being read' lb cert get ec
check "a signature meanwhile" signs ec "$TEST_DIR/ec.pub"
kill -KILL "$(box_child)"
wait "$first" || fail "the first: $(cat first.out)"
check "the first has its answer from the next process" grep -q 'BEGIN CERTIFICATE' first.out
finish
