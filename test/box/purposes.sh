#!/usr/bin/env bash
# What a key is for: the box reads what it is to sign, and refuses what the key is not for. With keys in the store and on a token.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl softhsm2-util
begin
cd "$TEST_DIR"
echo text >text

request() { ossl req -new -key "littlebox:$1" -subj "/CN=$1" -out "$1.csr"; }
certificate() { ossl req -x509 -new -key "littlebox:$1" -subj "/CN=$1" -days 2 -out "$1.crt"; }
message() { ossl cms -sign -nodetach -in text -signer "$1.crt" -inkey "littlebox:$1" -outform PEM -out "$1.cms"; }
digest() { ossl dgst -sha256 -sign "littlebox:$1" -out sig text; }

each_kind() {
    local key=$1

    # --- What is said once, and later
    check "$key: for requests and TLS servers" lb create "$key" --type rsa:2048 --for tls-server,csr >/dev/null
    same "$key: show" "tls-server csr" "$(lb --json show "$key" | json_places --plain 'purposes.*' | xargs)"
    says "$key: show, for people" '^for tls-server,csr$' <(lb show "$key")
    says "$key: list" " tls-server,csr " <(lb list "$key")
    check "$key: its request" request "$key"
    check "$key: is whole" plain_ossl req -in "$key.csr" -verify -noout
    refused "$key: a certificate" "this is a certificate" certificate "$key"
    refused "$key: a text" "no text that any purpose is for: key '$key' of box 'default' is for tls-server,csr" digest "$key"
    refused "$key: a digest" "a digest, of which nobody can see what it is of" \
        ossl pkeyutl -sign -rawin -digest sha1 -inkey "littlebox:$key" -in text -out sig
    # Decryption: that of a TLS handshake is a server's, that of a message is not.
    ossl pkey -in "littlebox:$key" -pubout -out "$key.pub"
    plain_ossl pkeyutl -encrypt -pubin -inkey "$key.pub" -in text -out "$key.bin"
    refused "$key: a message to it" "this is the decryption of a message" \
        ossl pkeyutl -decrypt -inkey "littlebox:$key" -in "$key.bin" -out decrypted
    check "$key: certificates too" lb purpose "$key" tls-server,csr,x509 2>said
    says "$key: it says so" "key '$key' is for tls-server,csr,x509" said
    check "$key: a certificate then" certificate "$key"
    check "$key: twice is no failure" lb purpose "$key" tls-server,csr,x509 2>said
    check "$key: any" lb purpose "$key" any 2>said
    check "$key: anything then" digest "$key"
    check "$key: and back" lb purpose "$key" csr 2>said
    refused "$key: at once" "is for csr" digest "$key"
    # --- After a restart
    stop_box
    start_box "$BOX_DIR"
    refused "$key: after a restart" "is for csr" digest "$key"
    check "$key: its request, after a restart" request "$key"
    # --- A next version is for what the key is for
    check "$key: roll" lb roll "$key" >/dev/null
    check "$key: activate" lb activate "$key" 2>said
    refused "$key: the next version" "is for csr" digest "$key"
}

new_box "$TEST_DIR/box"
refused "a purpose that is none" "'tls' is no purpose of a key" lb create no --for tls
refused "one that is named twice" "'csr' is named twice" lb create no --for csr,csr
refused "any beside others" "'any' is no purpose" lb create no --for csr,any
refused "no key was made" "there is no key 'no'" lb show no
each_kind web
lb create gone --type ed25519 >/dev/null
lb destroy gone --now --yes 2>>lb.log
refused "a destroyed key" "key 'gone' in box 'default' is destroyed" lb purpose gone csr
plain_ossl genpkey -algorithm rsa -out plain.pem 2>/dev/null
check "imported" lb import plain plain.pem --for cms >/dev/null 2>&1
refused "an imported key" "is for cms" digest plain
plain_ossl req -x509 -new -key plain.pem -subj /CN=plain -days 2 -out plain.crt
check "a message, with an imported key" message plain
check "is whole" plain_ossl cms -verify -in plain.cms -inform PEM -CAfile plain.crt -purpose any -out /dev/null

# --- On a token: the rule is above it
stop_box
softhsm_dir "$TEST_DIR/hsm"
softhsm_token mine
token_conf "$TEST_DIR/tokenbox" "$SOFTHSM_MODULE" label=mine "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/tokenbox"
await "the token" token_connected
each_kind onboard
finish
