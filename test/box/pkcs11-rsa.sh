#!/usr/bin/env bash
# RSA decryption on tokens: whatever is wrong with a padding, the answer is the same; TLS 1.2 with RSA key exchange, where
# the client's secret is good or bad in each way. Tokens with raw RSA (SoftHSM2, ours) and without it (ours).
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
begin
cd "$TEST_DIR"
new_key rsa:2048 rsa.pem
plain_ossl pkey -in rsa.pem -pubout -out rsa.pub
plain_ossl req -x509 -new -key rsa.pem -subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost -out rsa.crt
# From OpenSSL 3.2 on a bad padding is a text, the same one each time.
implicit=yes
case $(plain_ossl version) in *' 3.'[01].*) implicit= ;; esac

# --- Blocks that are no PKCS#1 v1.5 ones (RFC 8017 7.2.2), and one that is
# block KIND : to 256 bytes in hexadecimal.
x() { printf "%0.s$1" $(seq "$2"); }
block() {
    case $1 in
    good) echo "0002$(x a5 248)00$(x 41 5)" ;;
    type) echo "0001$(x a5 248)00$(x 41 5)" ;;
    zero) echo "0102$(x a5 248)00$(x 41 5)" ;;
    short) echo "0002$(x a5 7)00$(x 41 246)" ;;
    marker) echo "0002$(x a5 254)" ;;
    esac
}
for kind in good type zero short marker; do
    # shellcheck disable=SC2001 # every two digits
    printf '%b' "$(sed 's/../\\x&/g' <<<"$(block $kind)")" >"$kind.block"
    plain_ossl pkeyutl -encrypt -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:none -in "$kind.block" -out "$kind.ct"
done
decrypts() { ossl pkeyutl -decrypt -inkey littlebox:rsa -in "$1.ct" -out "$1.clear" 2>"$1.out"; }
# What a program sees: the status and the errors, without addresses.
seen() {
    local status=0
    decrypts "$1" || status=$?
    echo "$status $(sed 's/^[0-9A-F]*:error/error/' "$1.out")"
}
# answers RAW : the same for each bad padding, and another one than for a good one.
answers() {
    local kind first=
    same "a good padding" AAAAA "$(decrypts good && cat good.clear)"
    for kind in type zero short marker; do
        if [ -n "$implicit" ] && [ -n "$1" ]; then
            check "$kind: a text" decrypts $kind
            cp $kind.clear $kind.first
            check "$kind: again" decrypts $kind
            check "$kind: the same one" cmp $kind.first $kind.clear
            check "$kind: which is not what was in it" not grep -q AAAAA $kind.clear
        else
            [ -n "$first" ] || first=$(seen $kind)
            same "$kind: refused" "$first" "$(seen $kind)"
            check "$kind: with nothing in it" grep -q 'not encrypted for this key, or not in this way' $kind.out
        fi
    done
}

# --- TLS: beside a server with the key in a file
serve() {
    rm -f "$4.log"
    env "${MODULE_ENV[@]}" OPENSSL_CONF="${2:-/dev/null}" openssl s_server -accept "127.0.0.1:$1" -tls1_2 -cipher AES128-SHA \
        -cert rsa.crt -key "$3" -www >"$4.log" 2>&1 3>&- &
    SERVER=$!
    own "$SERVER"
    await "$4" grep -q '^ACCEPT' "$4.log"
}
premaster() { env OPENSSL_CONF=/dev/null "$LITTLEBOX_BUILD/test/harness/premaster" 127.0.0.1 "$@" 2>>premaster.log; }
kinds="other type marker version short long nothing"
port=$(free_ports 1)
serve "$port" /dev/null rsa.pem plain
for kind in good $kinds; do
    premaster "$port" "$kind" >"$kind.want" || fail "premaster $kind"
done
stop "$SERVER"
same "the key in a file: a good secret" finished "$(cat good.want)"
key_exchange() {
    local kind
    port=$(free_ports 1)
    serve "$port" "$BOX_DIR/openssl.cnf" littlebox:rsa s_server
    same "TLS: a good secret ends the handshake" finished "$(premaster "$port" good)"
    for kind in $kinds; do
        same "TLS: secret '$kind' is answered as with a key in a file" "$(cat "$kind.want")" "$(premaster "$port" "$kind")"
    done
    same "TLS: and a good one again" finished "$(premaster "$port" good)"
    check "TLS: openssl's own client" grep -q 'Verify return code: 0' \
        <<<"$(echo | plain_ossl s_client -connect "127.0.0.1:$port" -tls1_2 -cipher AES128-SHA -CAfile rsa.crt 2>&1)"
    stop "$SERVER"
}

# --- SoftHSM2: raw RSA
softhsm_dir "$TEST_DIR/hsm"
softhsm_token rsa
softhsm_import rsa rsa.pem 01 rsa
token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=rsa "sessions = 2" "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/box"
check "attach" attach rsa 01 2>>lb.log
answers raw
key_exchange
stop_box

# --- Ours, with and without raw RSA
bad_token "$TEST_DIR/bad"
cp rsa.pem bad/keys/01.rsa.pem
for raw in "" "state raw 1"; do
    bad_behaves ${raw:+"$raw"}
    bad_forget_calls
    token_conf "$TEST_DIR/hostile" "$BAD" label=hostile "sessions = 2" "token-timeout = 5"
    if [ -e hostile/default ]; then start_box "$TEST_DIR/hostile"; else new_box "$TEST_DIR/hostile"; attach rsa 01 2>>lb.log; fi
    answers "$raw"
    # Who takes the padding off: the token, or with raw RSA the box, and then three bytes are no text.
    bad_behaves ${raw:+"$raw"} "C_Decrypt length 3"
    same "the first bytes of what the token gives" "$([ -n "$raw" ] || echo AAA)" "$(decrypts good && grep -ao '^AAA' good.clear)"
    bad_behaves ${raw:+"$raw"}
    # The module is called in the same way, whatever is in the ciphertext; and nothing is in the log.
    cp "$BOX_DIR/box.log" box.before
    decrypts good
    bad_forget_calls
    decrypts good
    mv bad/calls calls.good
    for kind in type zero short marker; do
        decrypts $kind || true
        mv bad/calls "calls.$kind"
        check "'$kind': the calls are those of a good one" cmp calls.good "calls.$kind"
    done
    check "one decryption each" grep -qx C_Decrypt calls.good
    check "nothing is logged of any" cmp box.before "$BOX_DIR/box.log"
    key_exchange
    # What a token may call a bad padding: of that none is told from another, and none starts anything else.
    bad_behaves ${raw:+"$raw"} "C_Decrypt return 0x40"
    wrong=$(seen good)
    for rv in 0x05 0x06 0x20 0x21 0x30 0x31 0x41 0x54; do
        [ -z "$raw" ] || [ $((rv & 0xfe)) -ne $((0x30)) ] || continue # with raw RSA these are of the token
        bad_behaves ${raw:+"$raw"} "C_Decrypt return $rv"
        same "C_Decrypt returns $rv" "$wrong" "$(seen good)"
    done
    same "the token was not connected again" 0 "$(lb --json status | sed -n 's/.*"reconnects": *\([0-9]*\).*/\1/p')"
    bad_behaves ${raw:+"$raw"}
    stop_box
done
bad_behaves "state raw 1"
start_box "$TEST_DIR/hostile"
for length in 0 255 257 100000 0xffffffffffffffff; do
    bad_behaves "state raw 1" "C_Decrypt length $length"
    check "a block that is said to have $length bytes: no crash" not grep -q AAAAA <<<"$(decrypts good; cat good.clear 2>/dev/null)"
    bad_behaves "state raw 1"
    same "and a good one" AAAAA "$(decrypts good && cat good.clear)"
done
same "by the same process" 0 "$(status restarts)"
# Raw RSA that is listed and not given for this key: the token's own padding then.
bad_behaves "state raw 1" "C_DecryptInit return 0x70 max=1"
same "the other mechanism" AAAAA "$(decrypts good && cat good.clear)"
stop_box
finish
