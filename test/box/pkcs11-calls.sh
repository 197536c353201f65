#!/usr/bin/env bash
# What a signature costs the token: two calls, by pkcs11-spy; whoever asks, and however often.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
begin
[ -n "$SPY_MODULE" ] || skip "pkcs11-spy is not installed (Debian: opensc-pkcs11)"
cd "$TEST_DIR"
softhsm_dir "$TEST_DIR/hsm"
softhsm_token spied
export PKCS11SPY=$SOFTHSM_MODULE PKCS11SPY_OUTPUT=$TEST_DIR/spy.out
token_conf "$TEST_DIR/box" "$SPY_MODULE" label=spied "$(module_env SOFTHSM2_CONF PKCS11SPY PKCS11SPY_OUTPUT)"
new_box "$TEST_DIR/box"
# calls : the functions called since the mark, sorted, with how often.
mark() { MARK=$(wc -l <spy.out); }
calls() { tail -n +"$((MARK + 1))" spy.out | sed -n 's/^[0-9]*: \(C_[A-Za-z]*\)$/\1/p' | sort | uniq -c |
    awk '{ printf "%s%s %s", n++ ? ", " : "", $1, $2 }'; }

for type in rsa:2048 ec:P-256 ec:P-384 ed25519; do
    key=${type//:/}
    lb create "$key" --type "$type" >/dev/null 2>>lb.log
    check "$type: signs" signs "$key"
    ossl pkey -in "littlebox:$key" -pubout -out "$key.pub"
    # The first signatures find out whether a copy in the session is faster: with other calls than those two, once.
    mark
    check "$type: signs often" many 40 "$key"
    check "$type: one copy is tried" grep -Eq '(^|, )1 C_CopyObject' <<<"$(calls)"
    mark
    for _ in 1 2 3 4 5; do
        check "$type: signs" signs "$key" "$TEST_DIR/$key.pub"
    done
    same "$type: five signatures are ten calls" "5 C_Sign, 5 C_SignInit" "$(calls)"
done
head -c 32 /dev/urandom >digest
# Whatever was made since is looked for anew, once.
check "the first of all types signs" signs rsa2048
mark
for padding in pkcs1 pss; do
    check "RSA, $padding: a digest" ossl pkeyutl -sign -inkey littlebox:rsa2048 -in digest -out sig \
        -pkeyopt "rsa_padding_mode:$padding" -pkeyopt digest:sha256
done
same "two calls each" "2 C_Sign, 2 C_SignInit" "$(calls)"

# What is no signature asks the token nothing.
mark
check "a public key" ossl pkey -in littlebox:ecP-256 -pubout -out pub
check "status" lb status >/dev/null
check "handle" lb handle ecP-256 --out ec.pem
same "no call at all" "" "$(calls)"

# Certificates are read once, and kept: by whoever asks first.
mark
check "list" lb list >/dev/null
check "show" lb show ecP-256 >/dev/null
check "show" lb show rsa2048 >/dev/null
refused "no certificate" 'has no certificate' lb cert get ecP-256
same "one look for certificates" "1 C_FindObjects, 1 C_FindObjectsFinal, 1 C_FindObjectsInit" "$(calls)"

# After a restart of the child: as much as it takes, once; then two again.
child=$(box_child)
check "restart" kill -HUP "$KEEPER"
another_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }
await "the next child" another_child
check "it signs" signs ecP-256 "$TEST_DIR/ecP-256.pub"
mark
check "and again" signs ecP-256 "$TEST_DIR/ecP-256.pub"
same "two calls" "1 C_Sign, 1 C_SignInit" "$(calls)"
check "the PIN is not in what the spy wrote about signatures" not grep -q "$TOKEN_PIN" <<<"$(tail -n +"$MARK" spy.out)"
finish
