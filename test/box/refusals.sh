#!/usr/bin/env bash
# What a running box and the provider refuse: packets that are not as they must be, handles that do not fit, stores
# that were changed, full or read-only. Each refusal says what is wrong, and the box goes on.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
new_box "$TEST_DIR/box"
for key in web other; do
    lb create "$key" --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
    lb handle "$key" --out "$TEST_DIR/$key.pem"
done
lb create rsa --type rsa:2048 >/dev/null 2>>"$TEST_DIR/lb.log"
lb create pss --type rsa-pss:2048:sha512 >/dev/null 2>>"$TEST_DIR/lb.log"
lb create ed --type ed25519 >/dev/null 2>>"$TEST_DIR/lb.log"

# --- Packets. The header is 'L', version, type (2 bytes), id (4 bytes).
hex() { printf '%s' "$1" | od -An -tx1 | tr -d ' \n'; }
STATUS=4c01002300000008 # its id is 8, that of all others 7
# exchange EXPECTED THEN PACKET : the first line that comes back, and what becomes of a STATUS behind it.
WITH=()
exchange() {
    "$HARNESS/rawpacket" "${WITH[@]}" "$BOX_DIR/default.sock" "$3" $STATUS >"$TEST_DIR/packet.log" 2>&1 ||
        fail "rawpacket: $(cat "$TEST_DIR/packet.log")"
    same "$1" "$1" "$(sed -n 's/, [0-9]* bytes$//; 1p' "$TEST_DIR/packet.log")"
    same "then: $2" "$2" "$(sed -n 's/, [0-9]* bytes$//; $p' "$TEST_DIR/packet.log")"
    check "the box goes on" status_is state unlocked
}
# The sender of malformed bytes loses its connection; one who asks for the wrong thing does not.
costs_connection() { say "$1:" && exchange "$2" closed "$3"; }
answers() { say "$1:" && exchange "$2" 'answer 8023 to 8' "$3"; }
child=$(box_child)
answers "a good packet" 'answer 8023 to 7' 4c01002300000007
costs_connection "a packet cut off in its header" 'error 3 to 0: the packet is cut off' 4c0100
costs_connection "an empty body where there must be one" 'error 3 to 7: get: the packet is cut off' 4c01002000000007
costs_connection "a name cut off" 'error 3 to 7: get: the packet is cut off' "4c010020000000070009$(hex web)"
costs_connection "bytes after the end" 'error 4 to 7: status: the packet has bytes after its end' 4c0100230000000700
# Its fifth to eighth bytes are where an id is: "/ HT".
costs_connection "a packet of another kind" "error 8 to $((16#$(hex '/ HT'))): a field has a value out of range" \
    "$(hex 'GET / HTTP/1.1')"
costs_connection "an unknown version" 'error 6 to 7: this box speaks protocol version 1, not 2' 4c02002300000007
answers "an unknown message" 'error 7 to 7: unknown message 0x0ead' 4c010ead00000007
say "an answer instead of a request:" && exchange closed closed 4c01802300000007
costs_connection "a packet too long" 'error 5 to 0: too long' 4c01001000000007+70000
costs_connection "a field too long" 'error 5 to 7: get: too long' "4c01002000000007ffff+1000"
answers "a name out of the grammar" 'error 20 to 7: get: not a key name' "4c010020000000070003$(hex 'a/b')+37"
answers "a key that is not there" "error 13 to 7: there is no key 'nobody' in box 'default'" \
    "4c010020000000070006$(hex nobody)00000000+1"

# --- Signatures that do not fit the key. The active version, no hash; then numbers as PROTOCOL.md has them.
# sign_packet KEY SCHEME DIGEST MGF1-DIGEST SALT INPUT LENGTH : to sign that many bytes of zero, with FLAGS and CONTEXT
FLAGS=0 CONTEXT=
sign_packet() {
    printf '4c01001000000007%04x%s0000000000%02x%02x%02x%04x%02x%04x%s%02x%04x+%d' ${#1} "$(hex "$1")" "${@:2:4}" \
        "$FLAGS" ${#CONTEXT} "$(hex "$CONTEXT")" "${@:6}" "$7"
}
signs_raw() { answers "sign $*" 'answer 8010 to 7' "$(sign_packet "$@")"; }
# refuses_to_sign NUMBER TEXT KEY ... (as sign_packet)
refuses_to_sign() { answers "sign ${*:3}" "error $1 to 7: key '$3' in box 'default': $2" "$(sign_packet "${@:3}")"; }
# What is changed below works unchanged.
signs_raw web 3 3 0 0 1 32
signs_raw rsa 1 3 0 0 1 32
signs_raw rsa 1 0 0 0 1 245
signs_raw rsa 2 3 3 32 1 32
signs_raw pss 2 5 5 64 1 64
signs_raw ed 4 0 0 0 2 32
refuses_to_sign 23 'a key of type EC does not sign with rsa-pkcs1' web 1 3 0 0 1 32
refuses_to_sign 23 'a key of type EC does not sign with ed25519' web 4 0 0 0 2 32
refuses_to_sign 23 'a key of type RSA does not sign with ecdsa' rsa 3 3 0 0 1 32
refuses_to_sign 23 'a key of type RSA-PSS does not sign with rsa-pkcs1' pss 1 5 0 0 1 64
refuses_to_sign 23 'a key of type ED25519 does not sign with ed448' ed 5 0 0 0 2 32
refuses_to_sign 23 'ecdsa has neither a mask digest nor a salt' web 3 3 3 0 1 32
refuses_to_sign 23 'ecdsa has neither a mask digest nor a salt' web 3 3 0 32 1 32
refuses_to_sign 23 'rsa-pkcs1 has neither a mask digest nor a salt' rsa 1 3 0 32 1 32
refuses_to_sign 23 'ed25519 has neither a mask digest nor a salt' ed 4 0 3 0 2 32
refuses_to_sign 23 'ed25519 signs the whole text, not a digest' ed 4 3 0 0 2 32
refuses_to_sign 23 'ed25519 signs the whole text, not a digest' ed 4 0 0 0 1 32
refuses_to_sign 23 'ecdsa needs a digest' web 3 0 0 0 1 32
refuses_to_sign 23 'rsa-pss needs a digest' rsa 2 0 3 32 1 32
refuses_to_sign 23 'rsa-pkcs1 needs a digest' rsa 1 0 0 0 2 32
refuses_to_sign 23 'rsa-pss needs a mask digest' rsa 2 3 0 32 1 32
for length in 0 31 33; do
    refuses_to_sign 23 "a SHA2-256 digest has 32 bytes, not $length" web 3 3 0 0 1 "$length"
done
refuses_to_sign 23 'a SHA2-512 digest has 64 bytes, not 32' rsa 2 5 5 64 1 32
# The key's own restrictions, in libcrypto's words.
refuses_to_sign 23 'rsa-pss: digest not allowed' pss 2 3 3 64 1 32
refuses_to_sign 23 'rsa-pss: pss saltlen too small' pss 2 5 5 16 1 64
refuses_to_sign 33 'rsa-pkcs1: data too large for key size' rsa 1 0 0 0 1 250
refuses_to_sign 33 'rsa-pss: data too large for key size' rsa 2 3 3 300 1 32
FLAGS=1 refuses_to_sign 23 'rsa-pkcs1 is not signed in this way (flags 0x01)' rsa 1 3 0 0 1 32
FLAGS=4 refuses_to_sign 23 'ecdsa is not signed in this way (flags 0x04)' web 3 3 0 0 1 32
FLAGS=1 refuses_to_sign 23 'ed25519 is not signed in this way (flags 0x01)' ed 4 0 0 0 2 32
CONTEXT=x refuses_to_sign 23 'ecdsa has no context string' web 3 3 0 0 1 32
CONTEXT=x refuses_to_sign 23 'ed25519 has no context string' ed 4 0 0 0 2 32
refuses_to_sign 23 'ed25519ctx needs a context string' ed 7 0 0 0 2 32
refuses_to_sign 23 'a key of type ED25519 does not sign with ml-dsa' ed 9 0 0 0 2 32
for length in 0 63 65; do
    refuses_to_sign 23 "the digest for ed25519ph has 64 bytes, not $length" ed 6 0 0 0 1 "$length"
done
FLAGS=8 costs_connection "a flag that is none" 'error 8 to 7: sign: a field has a value out of range' \
    "$(FLAGS=8 sign_packet web 3 3 0 0 1 32)"

# Texts in a file that comes with the packet: only a sealed memory file that is all there.
WITH=(--file sealed)
signs_raw ed 4 0 0 0 3 0
signs_raw web 3 3 0 0 3 0
refuses_file() { answers "sign with a file: $*" "error 8 to 7: $1" "$(sign_packet "${@:2}")"; }
refuses_file 'a file came with a request that needs none' ed 4 0 0 0 2 32
costs_connection "a file and a text" 'error 8 to 7: sign: a field has a value out of range' \
    "$(sign_packet ed 4 0 0 0 3 32)"
costs_connection "a file with a STATUS" 'error 8 to 7: a field has a value out of range' 4c01002300000007
for kind in open hole pipe; do
    WITH=(--file "$kind")
    refuses_file 'the text did not come in a sealed memory file' ed 4 0 0 0 3 0
done
WITH=()
refuses_file 'the text did not come in a sealed memory file' ed 4 0 0 0 3 0
for field in '11 3 0 0 1' '3 13 0 0 1' '2 3 13 0 1' '3 3 0 0 4'; do
    # shellcheck disable=SC2086 # five numbers
    costs_connection "numbers that are none: sign $field" 'error 8 to 7: sign: a field has a value out of range' \
        "$(sign_packet web $field 32)"
done

for _ in {1..300}; do
    length=$((1 + RANDOM % 200)) # a LOCK, say, has no body
    type=$(printf '%04x' $((RANDOM % 80)))
    body=$(head -c "$length" /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    "$HARNESS/rawpacket" "$BOX_DIR/default.sock" "4c01${type}00000007$body" >"$TEST_DIR/packet.log" 2>&1 ||
        fail "rawpacket: $(cat "$TEST_DIR/packet.log")"
    grep -Eq '^(error|answer|closed)' "$TEST_DIR/packet.log" || fail "random packet: $(cat "$TEST_DIR/packet.log")"
done
same "300 random packets: it is still the same process" "$child" "$(box_child)"
check "and signs" signs web

# --- The log is not to be flooded: 20 refusals a second for each user, and then how many more there were.
NOBODY=65534
OTHER=12345
sent=0
# refused_locks COUNT : as a user who is no admin
refused_locks() {
    local packets
    mapfile -t packets < <(yes 4c01004400000007 | head -n "$1")
    "$HARNESS/rawpacket" --uid $NOBODY "$BOX_DIR/default.sock" "${packets[@]}" >"$TEST_DIR/locks"
    sent=$((sent + $1))
}
logged() { grep -c "refused: uid $NOBODY may not lock in box 'default' (pid " "$BOX_DIR/box.log"; }
left_out() {
    sed -n "s/.*: \([0-9]*\) more lines of uid $NOBODY were left out of this log\$/\1/p" "$BOX_DIR/box.log" |
        awk '{ n += $1 } END { print n + 0 }'
}
# Once another second has begun, the next refusal brings the number; the hundred may be spread over two of them.
all_told() {
    refused_locks 1
    [ "$(left_out)" -gt 0 ] && [ $(($(logged) + $(left_out))) -eq "$sent" ]
}
# Where all those took seconds, the log had room for them.
too_many() {
    [ "$(logged)" -lt "$sent" ] || {
        refused_locks 500
        false
    }
}
if is_root; then
    began=$EPOCHSECONDS
    refused_locks 100
    same "a hundred refusals, each answered" 100 \
        "$(grep -c "^error 19 to 7: uid $NOBODY may not lock in box 'default'\$" "$TEST_DIR/locks")"
    check "no more than 20 of a second are in the log" [ "$(logged)" -le $((20 * (EPOCHSECONDS - began + 2))) ]
    await "more of them than the log takes" too_many
    # Twice, within a second or not: some of a thousand refusals come between.
    for _ in 1 2; do
        refused_locks 500
        "$HARNESS/rawpacket" --uid $OTHER "$BOX_DIR/default.sock" 4c01004400000007 >"$TEST_DIR/locks"
    done
    same "who is refused among them is in the log all the same" 2 \
        "$(grep -c "refused: uid $OTHER may not lock in box 'default' (pid " "$BOX_DIR/box.log")"
    check "the log tells how many it leaves out" await "every refusal in the log or in its count" all_told
fi

# --- Handles
plain_ossl pkey -pubin -in <(lb show web --public) -pubout -out "$TEST_DIR/web.pub"
# A handle that names web and has the public key of other: the text of the URI is exchanged in its DER.
handle_der() { sed -n '/-----BEGIN/,/-----END/p' "$1" | grep -v -e ----- | plain_ossl base64 -d; }
to_pem() { echo "-----BEGIN PRIVATE KEY-----" && plain_ossl base64 && echo "-----END PRIVATE KEY-----"; }
lb create wob --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
lb handle wob --out "$TEST_DIR/wob.pem"
handle_der "$TEST_DIR/wob.pem" | sed 's/littlebox:wob/littlebox:web/' | to_pem >"$TEST_DIR/mixed.pem"
refused "a handle with another public key than the box has" 'public key' \
    ossl dgst -sha256 -sign "$TEST_DIR/mixed.pem" -out "$TEST_DIR/sig" "$0"
handle_der "$TEST_DIR/web.pem" >"$TEST_DIR/web.der"
size=$(stat -c %s "$TEST_DIR/web.der")
self_signed littlebox:web "$TEST_DIR/web.crt" 2>>"$TEST_DIR/openssl.log"
# nginx shows the whole error queue; openssl(1) only what OSSL_STORE leaves of it.
has_nginx() { command -v nginx >/dev/null && ! sanitized; }
has_nginx || say "not checked: what nginx says about handles that are cut off"
# refused_handle TEXT PATTERN : cut.pem, by openssl(1), and by nginx in the words of the pattern
refused_handle() {
    refused "$1: openssl" "^Could not (read|find|find or decode) (private key of )?key from $TEST_DIR/cut.pem\$" \
        ossl pkey -in "$TEST_DIR/cut.pem" -pubout
    has_nginx || return 0
    nginx_server 1 "$TEST_DIR/web.crt" "$TEST_DIR/cut.pem" # -t does not listen
    write_nginx_conf "$TEST_DIR/nginx" 1
    refused "$1: nginx" "cannot load certificate key \"$TEST_DIR/cut.pem\": .*$2" run_nginx "$TEST_DIR/nginx" -t
}
damaged="this is a littlebox handle, but it is cut off or damaged, or a newer littlebox wrote it: write it again with 'littlebox handle KEY'"
# OpenSSL 3.2 and later parse a PrivateKeyInfo before they show it to anybody, and have words of their own.
for length in $((size - 1)) $((size - 20)) $((size / 2)) 40; do
    head -c "$length" "$TEST_DIR/web.der" | to_pem >"$TEST_DIR/cut.pem"
    refused_handle "a handle file cut off after $length of $size bytes" \
        "($damaged|nested asn1 error:Type=PKCS8_PRIV_KEY_INFO)"
done
LC_ALL=C sed 's/\x0c\(.littlebox:web\)/\x13\1/' "$TEST_DIR/web.der" | to_pem >"$TEST_DIR/cut.pem"
refused_handle "a handle file whose URI is no UTF8String" "$damaged"
# Without its last line it is no PEM, and nobody looks at what is in it.
for lines in 1 3; do
    head -n "-$lines" "$TEST_DIR/web.pem" >"$TEST_DIR/cut.pem"
    refused_handle "a handle file without its last $lines lines" 'No supported data to decode. Input type: PEM'
done
port=$(free_ports 1)
for key in "$TEST_DIR/other.pem" littlebox:rsa; do
    refused "a certificate of web with ${key##*/}" 'mismatch|not match|different' \
        ossl s_server -accept "127.0.0.1:$port" -cert "$TEST_DIR/web.crt" -key "$key" -naccept 1
done

# --- The store, changed behind the box's back
lb create damaged --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
ossl pkey -in littlebox:damaged -pubout -outform DER -out "$TEST_DIR/damaged.der"
lb create certified --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
self_signed littlebox:certified "$TEST_DIR/certified.crt" 2>>"$TEST_DIR/openssl.log"
lb cert set certified "$TEST_DIR/certified.crt"
stop_box
store=$BOX_DIR/default/store.db
cp "$store" "$TEST_DIR/store.good"
# offset TEXT : where it stands in the store, each place on a line.
offsets() { LC_ALL=C grep -abo -- "$1" "$TEST_DIR/store.good" | cut -d : -f 1; }
# flip OFFSET : the store with one bit of that byte changed
flip() {
    local byte
    cp "$TEST_DIR/store.good" "$store"
    byte=$(od -An -tu1 -j "$1" -N 1 "$store" | tr -d ' ')
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf '%03o' $((byte ^ 1)))" | dd of="$store" bs=1 seek="$1" conv=notrunc status=none
}
damage() {
    flip "$2"
    start_box "$BOX_DIR"
    refused "$1: the key is refused, by name" 'damaged.*(authenticate|was made|damaged)' ossl dgst -sha256 -sign \
        littlebox:damaged -out \
        "$TEST_DIR/sig" "$0"
    check "$1: the others go on" signs web
    same "$1: status counts it" 1 "$(status damaged)"
    lb list >"$TEST_DIR/list"
    check "$1: the list says so" grep -q '^damaged .*, damaged ' "$TEST_DIR/list"
    stop_box
}
# The public key stands in the store as it is, the other metadata before it, the sealed key behind it.
to_hex() { od -An -v -tx1 | tr -d ' \n'; }
spki=$(to_hex <"$TEST_DIR/store.good" | awk -v key="$(tail -c 24 "$TEST_DIR/damaged.der" | to_hex)" \
    '{ at = index($0, key); if (at % 2 == 1) print (at - 1) / 2 }')
[ -n "$spki" ] || fail "the public key is not in the store"
damage "a byte of the public key" "$((spki + 3))"
damage "a byte of the sealed key" "$((spki + 24 + 30))"
# A certificate's last bytes, of its signature.
tail=$(plain_ossl x509 -in "$TEST_DIR/certified.crt" -outform DER | tail -c 24 | to_hex)
place=$(to_hex <"$TEST_DIR/store.good" | awk -v tail="$tail" '{ at = index($0, tail); if (at % 2 == 1) print (at - 1) / 2 }')
[ -n "$place" ] || fail "the certificate is not in the store"
flip "$place"
start_box "$BOX_DIR"
check "a byte of a certificate: its key goes on" signs certified
same "nor is it called damaged" 0 "$(status damaged)"
refused "the certificate is not given out" 'has no certificate' lb cert get certified
lb --json show certified >"$TEST_DIR/show"
check "show says what it is" grep -q '"damaged": true' "$TEST_DIR/show"
says "and the log" "the certificate chain of key 'certified' version 1 is damaged: set it again" "$BOX_DIR/box.log"
check "it is set again" lb cert set certified "$TEST_DIR/certified.crt"
lb cert get certified >"$TEST_DIR/got.crt"
check "and is what it was" cmp -s "$TEST_DIR/got.crt" "$TEST_DIR/certified.crt"
stop_box
start_box "$BOX_DIR"
check "after a restart too" lb cert get certified --out "$TEST_DIR/again.crt"
stop_box
type=
for place in $(offsets ec:P-256); do
    # The record's type is the last one before its public key.
    [ "$place" -ge "$spki" ] || type=$place
done
damage "a byte of the record's type" "$((type + 5))"
cp "$TEST_DIR/store.good" "$store"
start_box "$BOX_DIR"
check "the store as it was: the key signs" signs damaged
stop_box
cp "$TEST_DIR/store.good" "$store"
printf 'garbage' | dd of="$store" bs=1 seek=0 conv=notrunc status=none
"$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >"$TEST_DIR/garbage.log" 2>&1 &
garbage=$!
own "$garbage"
says "a store that is none is refused by its path" 'store.db' "$TEST_DIR/garbage.log"
stop "$garbage"
cp "$TEST_DIR/store.good" "$store"

# --- A store that cannot be written
if is_root; then
    mount -t tmpfs -o size=1m,mode=0700 tmpfs "$TEST_DIR/box/default" 2>"$TEST_DIR/mount.log" ||
        skip "tmpfs cannot be mounted here"
    TEST_MOUNTS+=("$TEST_DIR/box/default")
    cp "$TEST_DIR/store.good" "$store"
    start_box "$BOX_DIR"
    lb list >"$TEST_DIR/before"
    dd if=/dev/zero of="$TEST_DIR/box/default/filler" bs=4k 2>/dev/null || true
    refused "a full disk: create" 'no space left' lb create more --type ec:P-256
    refused "a full disk: destroy" 'no space left' lb destroy other --yes
    same "a full disk: nothing was changed" "$(cat "$TEST_DIR/before")" "$(lb list)"
    check "a full disk: signing goes on" signs other
    rm "$TEST_DIR/box/default/filler"
    check "with room again the change is made" lb create more --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
    check "and the key signs" signs more
    stop_box
    mount -o remount,ro "$TEST_DIR/box/default"
else
    chmod 0400 "$store"
    chmod 0500 "$BOX_DIR/default"
fi
start_box "$BOX_DIR"
lb list >"$TEST_DIR/before"
refused "a read-only store: create" 'read-only|cannot be written' lb create evenmore --type ec:P-256
refused "a read-only store: destroy" 'read-only|cannot be written' lb destroy other --yes
same "a read-only store: nothing was changed" "$(cat "$TEST_DIR/before")" "$(lb list)"
check "a read-only store: signing goes on" signs other
stop_box
is_root || chmod -R u+w "$BOX_DIR/default"
finish
