#!/usr/bin/env bash
# Rolling over a key with real programs: the request of the next version, its activation, programs that loaded a handle before, between
# and after, the way back, the end of the drain, and what is refused. Sealed, and on a token.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl softhsm2-util
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"

plain_ossl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -addext basicConstraints=critical,CA:TRUE \
    -days 30 2>/dev/null

# certify CSR FILE NAMES [OPTIONS] : the authority's certificate for a request, and the authority's own behind it.
certify() {
    plain_ossl x509 -req -in "$1" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$2" -extfile <(echo "subjectAltName=$3") \
        "${@:4}" 2>/dev/null
    cat ca.crt >>"$2"
}
# request KEY FILE : openssl's, through the provider, for the version that is next.
request() { ossl req -new -key "littlebox:$1;version=next" -subj "/CN=$1.example" -out "$2"; }
# sign_with HANDLE : a digest is signed with what that file says.
sign_with() { ossl dgst -sha256 -sign "$1" -out sig text; }
# verifies HANDLE : the signature is of the public key in that handle.
verifies() { ossl pkey -in "$1" -pubout -out pub 2>/dev/null && plain_ossl dgst -sha256 -verify pub -signature sig text; }
version() { lb --json show "$1" | json_places --plain "versions.$2.state"; }
echo text >text

roll_over() {
    local key=$1
    check "$key: the first version" lb create "$key" --type ec:P-256 >/dev/null
    lb handle "$key" --out "$key.1.pem"
    ossl req -new -key "$key.1.pem" -subj "/CN=$key.example" -out "$key.1.csr"
    certify "$key.1.csr" "$key.1.crt" "DNS:$key.example,DNS:www.$key.example"
    check "$key: its certificate" lb cert set "$key" "$key.1.crt"
    refused "$key: no next version yet" "has no next version" request "$key" none.csr
    refused "$key: nothing to activate" "has no next version" lb activate "$key"
    check "$key: roll" lb roll "$key" >roll.out
    check "$key: roll again says the same" lb roll "$key" >again.out
    check "$key: really" cmp roll.out again.out
    says "$key: it tells the TLSA data" 'TLSA         3 1 1 [0-9a-f]{64}' roll.out
    same "$key: the next version is not active" pre-activation "$(version "$key" 1)"
    same "$key: the state of the first" active "$(version "$key" 0)"

    # --- All that it signs is its own request
    ossl pkey -in "littlebox:$key;version=next" -out "$key.2.pem"
    refused "$key: no text" "not active yet, and signs only its own certificate request" sign_with "$key.2.pem"
    refused "$key: no certificate" "not active yet" ossl req -x509 -new -key "$key.2.pem" -subj /CN=x -out none.crt
    refused "$key: no request with a digest that has collisions" "not active yet" \
        ossl req -new -key "$key.2.pem" -subj /CN=x -sha1 -out none.csr
    check "$key: its request" request "$key" "$key.2.csr"
    check "$key: is whole" plain_ossl req -in "$key.2.csr" -verify -noout
    same "$key: and of the key that TLSA tells" "$(sed -n 's/^TLSA *3 1 1 //p' roll.out)" \
        "$(plain_ossl req -in "$key.2.csr" -noout -pubkey | plain_ossl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)"

    # --- What does not fit is refused, and changes nothing
    certify "$key.2.csr" lost.crt "DNS:$key.example"
    refused "$key: a name that would be lost" "does not have the name 'DNS:www.$key.example'" lb activate "$key" --chain lost.crt
    certify "$key.1.csr" first.crt "DNS:$key.example,DNS:www.$key.example"
    refused "$key: a chain of another version" "of key '$key'" lb activate "$key;version=2" --chain first.crt
    refused "$key: a chain of no version" "no certificate in it is for a version of key '$key'" lb activate "$key" --chain ca.crt
    certify "$key.2.csr" late.crt "DNS:$key.example,DNS:www.$key.example" -days 0
    refused "$key: a certificate whose time it is not" "is not valid" lb activate "$key" --chain late.crt
    refused "$key: no certificate at all" "that version of key '$key' has no certificate, and the current one has" lb activate "$key"
    refused "$key: a length that is none" "'soon' is no length of time" lb activate "$key" --drain soon
    refused "$key: a time that is none" "'2027-02-31' is no time" lb activate "$key" --at 2027-02-31
    same "$key: nothing was changed" pre-activation "$(version "$key" 1)"
    check "$key: the first signs" sign_with "$key.1.pem"

    # --- Active: whoever has the old handle goes on with the old key, whoever loads the key now has the new one
    certify "$key.2.csr" "$key.2.crt" "DNS:$key.example,DNS:www.$key.example"
    check "$key: activate" lb activate "$key" --chain "$key.2.crt" 2>activate.log
    says "$key: it tells what goes on" "version 1 signs for those who have it until " activate.log
    check "$key: activate again" lb activate "$key" --chain "$key.2.crt" 2>activate.log
    says "$key: it says so" "version 2 of key '$key' is the current one, as it was" activate.log
    lb handle "$key" --out "$key.3.pem"
    for handle in 1 2 3; do
        check "$key: handle $handle signs" sign_with "$key.$handle.pem"
        check "$key: with its own key" verifies "$key.$handle.pem"
    done
    same "$key: the new handle is of the new key" "$(ossl pkey -in "$key.2.pem" -pubout)" "$(ossl pkey -in "$key.3.pem" -pubout)"
    not same_key "$key.1.pem" "$key.3.pem" || fail "the handles are of one key"
    check "$key: its chain is the new one" lb cert get "$key" --out got.crt --force
    check "$key: byte by byte" cmp got.crt "$key.2.crt"
    lb --json users "$key" >users.json
    same "$key: who used what: the newest version first" "2 no" "$(json_places --plain 0.version <users.json) $(is_there users.json)"
    lb list "$key" --expiring 40d >expiring.out
    same "$key: what ends within 40 days, the first end first" "1 is deactivated,1 certificate ends,2 certificate ends," \
        "$(awk 'NR > 1 { printf "%s %s %s,", $2, $3, $4 }' expiring.out)"
    same "$key: nothing within an hour" "[]" "$(lb --json list "$key" --expiring 1h | tr -d ' \n')"

    # --- Back, and forward again
    check "$key: back" lb roll "$key" --back 2>back.log
    says "$key: it tells" "version 1 of key '$key' is the current one" back.log
    check "$key: back again" lb roll "$key" --back 2>back.log
    says "$key: it says so" "is the current one, as it was" back.log
    check "$key: both sign" sign_with "$key.2.pem"
    check "$key: forward again, and the first is over at once" lb activate "$key;version=2" --drain 0 2>>lb.log
    refused "$key: it signs nothing" "version 1 of key '$key' in box 'default' is deactivated since" sign_with "$key.1.pem"
    check "$key: the second signs" sign_with "$key.2.pem"
    refused "$key: it is too late to go back" "there is none to go back to" lb roll "$key" --back
    refused "$key: nor can it be activated" "is deactivated: to activate it is not possible" lb activate "$key;version=1"

    # --- After a restart of the box, and the others of a life
    kill -KILL "$(status pid)"
    check "$key: the second signs after a restart" sign_with "$key.3.pem"
    check "$key: suspend" lb suspend "$key" --reason unspecified 2>>lb.log
    refused "$key: suspended" "is suspended" sign_with "$key.3.pem"
    check "$key: resume" lb resume "$key" 2>>lb.log
    check "$key: it signs" sign_with "$key.3.pem"
    refused "$key: a reason that is none" "'because' is no reason" lb compromise "$key" --reason because
    refused "$key: which version" "has several versions: to compromise one, name it" lb compromise "$key"
    check "$key: compromise" lb compromise "$key;version=2" --reason key-compromise 2>>lb.log
    refused "$key: compromised" "version 2 of key '$key' in box 'default' is compromised" sign_with "$key.3.pem"
}
is_there() { case $(json_places --plain 0.there <"$1") in true) echo yes ;; *) echo no ;; esac; }
same_key() { [ "$(ossl pkey -in "$1" -pubout)" = "$(ossl pkey -in "$2" -pubout)" ]; }

roll_over web

# --- A planned time, that comes by itself
lb create plan --type ed25519 >/dev/null
lb roll plan >/dev/null
check "activate at a time" lb activate plan --at "$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)" --drain 1s 2>plan.log
says "it tells" "version 2 of key 'plan' becomes the current one at " plan.log
same "it is not yet" pre-activation "$(version plan 1)"
is_active() { [ "$(version plan 1)" = active ]; }
await "the planned time" is_active
is_over() { [ "$(version plan 0)" = deactivated ]; }
await "the end of the drain" is_over
check "the new version signs" signs plan
lb roll plan >/dev/null
check "planned, and taken back" lb activate plan --at 2030-01-01 2>>lb.log
check "back" lb roll plan --back 2>>lb.log
check "the next version can be destroyed" lb destroy 'plan;version=next' --now --yes 2>>lb.log
refused "there is none any more" "has no next version" lb activate plan --at 2030-01-01
check "and what is current stays so" lb activate plan 2>now.log
says "it tells so" "version 2 of key 'plan' is the current one, as it was" now.log

# --- On a token
stop_box
softhsm_dir "$TEST_DIR/hsm"
softhsm_token mine
token_conf "$TEST_DIR/tokenbox" "$SOFTHSM_MODULE" label=mine "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/tokenbox"
await "the token" token_connected
roll_over onboard
same "both versions are on the token" 2 "$(softhsm mine --list-objects --type privkey 2>/dev/null | grep -c 'label: *onboard')"
check "destroying the first" lb destroy 'onboard;version=1' --now --yes 2>>lb.log
same "takes it off the token" 1 "$(softhsm mine --list-objects --type privkey 2>/dev/null | grep -c 'label: *onboard')"
finish
