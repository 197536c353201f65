#!/usr/bin/env bash
# What rests is not in the clear: keys that nobody uses, the store key, what a locked box knew, and answers that were given.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
is_root || skip "needs root: it reads the memory of another process"
sanitized && skip "the sanitizer maps terabytes into each process, which cannot be scanned; the other builds scan"
begin
BOX_DIR=$TEST_DIR/box
mkdir "$BOX_DIR"
echo "rest-after = x" >"$BOX_DIR/default.conf"
refused "rest-after = x" 'rest-after = x: it must be a number of seconds from 0 \(never\) to 86400' \
    timeout "$AWAIT_SECONDS" "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"
echo "rest-after = 0" >"$BOX_DIR/default.conf"
new_box "$BOX_DIR"
# A copy: the box's own is in use.
store=$TEST_DIR/store.db credential=$BOX_DIR/default.credential
stop_box
cp "$BOX_DIR/default/store.db" "$store"
start_box "$BOX_DIR"

# held PATTERN... : 1 when the child has it in the clear; PATTERN as memscan takes it.
held() { memscan "$@" "$(box_child)"; }
holds() { [ "$(held --key "$TEST_DIR/$1.pem")" = "$2" ]; }
hex_of() { od -An -v -tx1 "$1" | tr -d ' \n'; }
store_key_rests() {
    local status=0
    "$HARNESS/storekey" "$store" "$credential" "$(box_child)" >"$TEST_DIR/rest.log" 2>&1 || status=$?
    echo "$status"
}

for key in rsa:rsa:2048 ec:ec:P-256 ed:ED25519 x:X25519; do
    new_key "${key#*:}" "$TEST_DIR/${key%%:*}.pem"
    plain_ossl pkey -in "$TEST_DIR/${key%%:*}.pem" -pubout -out "$TEST_DIR/${key%%:*}.pub"
    lb import "${key%%:*}" "$TEST_DIR/${key%%:*}.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
done

# --- The store key: shielded while the box is unlocked, gone when it is locked.
store_key=$("$HARNESS/storekey" "$store" "$credential")
same "the store key has 32 bytes" 64 "${#store_key}"
for key in rsa ec ed; do
    check "$key signs" signs "$key" "$TEST_DIR/$key.pub"
done
same "the store key is not in the clear" 0 "$(held --hex "$store_key")"
same "it rests, shielded" 1 "$(store_key_rests)"
check "a grant is changed" lb allow ec --user 12345 2>>"$TEST_DIR/lb.log"
check "a seal is added" lb seal add --credential "$TEST_DIR/other.credential" 2>>"$TEST_DIR/lb.log"
same "changes leave it shielded" "0 1" "$(held --hex "$store_key") $(store_key_rests)"
check "lock" lb lock 2>>"$TEST_DIR/lb.log"
same "a locked box has it neither in the clear nor shielded" "0 0" "$(held --hex "$store_key") $(store_key_rests)"
for key in rsa ec ed x; do
    same "nor $key, which came to it in a packet" 0 "$(held --key "$TEST_DIR/$key.pem")"
done
check "unlock" lb unlock --credential "$credential" 2>>"$TEST_DIR/lb.log"
same "the credential, which came in a packet, is not in the clear" 0 "$(held --hex "$(hex_of "$credential")")"
same "an unlocked one has it again" "0 1" "$(held --hex "$store_key") $(store_key_rests)"
same "another process has not" 0 "$("$HARNESS/storekey" "$store" "$credential" "$KEEPER" >"$TEST_DIR/rest.log" 2>&1
    echo $?)"

# --- Answers. What is not secret stays in a thread's buffer until the next packet: a search finds it.
head -c 48 /dev/urandom >"$TEST_DIR/public"
check "a text is signed" ossl pkeyutl -sign -rawin -inkey littlebox:ed -in "$TEST_DIR/public" -out "$TEST_DIR/sig"
same "the text is found: the search works" 1 "$(held --hex "$(hex_of "$TEST_DIR/public")")"
head -c 48 /dev/urandom >"$TEST_DIR/plain"
for padding in pkcs1 oaep; do
    plain_ossl pkeyutl -encrypt -pubin -inkey "$TEST_DIR/rsa.pub" -pkeyopt rsa_padding_mode:$padding \
        -in "$TEST_DIR/plain" -out "$TEST_DIR/cipher"
    check "decrypt, $padding" ossl pkeyutl -decrypt -inkey littlebox:rsa -pkeyopt rsa_padding_mode:$padding \
        -in "$TEST_DIR/cipher" -out "$TEST_DIR/decrypted"
    check "to the plain text" cmp "$TEST_DIR/plain" "$TEST_DIR/decrypted"
    same "which is not in the box any more" 0 "$(held --hex "$(hex_of "$TEST_DIR/plain")")"
done
new_key X25519 "$TEST_DIR/peer.pem"
plain_ossl pkey -in "$TEST_DIR/peer.pem" -pubout -out "$TEST_DIR/peer.pub"
check "derive" ossl pkeyutl -derive -inkey littlebox:x -peerkey "$TEST_DIR/peer.pub" -out "$TEST_DIR/shared"
plain_ossl pkeyutl -derive -inkey "$TEST_DIR/peer.pem" -peerkey "$TEST_DIR/x.pub" -out "$TEST_DIR/same"
check "to what the peer has" cmp "$TEST_DIR/shared" "$TEST_DIR/same"
same "which is not in the box any more" 0 "$(held --hex "$(hex_of "$TEST_DIR/shared")")"

# --- Keys. With rest-after = 0 they stay open; with two seconds they are closed by themselves.
for key in rsa ec ed; do
    check "$key signs" signs "$key" "$TEST_DIR/$key.pub"
    same "and is in the clear" 1 "$(held --key "$TEST_DIR/$key.pem")"
done
stop_box
echo "rest-after = 2" >"$BOX_DIR/default.conf"
start_box "$BOX_DIR"
# in_use KEY : it signs without end, because a search may take longer than a key stays open that is used once. Sets FLOOD.
declare -A OPTION=([rsa]=--rsa [ec]="" [ed]=--ed25519)
in_use() {
    "$HARNESS/boxload" ${OPTION[$1]:+"${OPTION[$1]}"} "$BOX_DIR/default.sock" flood 1 "$1" >"$TEST_DIR/$1.flood" 2>&1 3>&- &
    FLOOD=$!
    own "$FLOOD"
    await "$1 in the clear" holds "$1" 1
}
not_in_use() { stop "$FLOOD" KILL; }
for key in rsa ec ed; do
    check "$key signs" signs "$key" "$TEST_DIR/$key.pub"
    check "and is in the clear while it is used" in_use "$key"
    not_in_use
done
check "one is in use all the time" in_use ec
for key in rsa ed; do
    await "$key to be closed" holds "$key" 0
    check "ec, which is in use, is not" holds ec 1
done
not_in_use
await "ec to be closed" holds ec 0
same "nor is the store key in the clear" "0 1" "$(held --hex "$store_key") $(store_key_rests)"
for key in rsa ec ed; do
    check "$key signs again" signs "$key" "$TEST_DIR/$key.pub"
    check "and is in the clear again" in_use "$key"
    not_in_use
done
stop_box
finish
