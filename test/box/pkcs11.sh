#!/usr/bin/env bash
# A box in front of a PKCS#11 token (SoftHSM2): keys made here and by other tools, what is signed, decrypted and agreed on
# with them, the module calls that it takes, PINs, a token that goes away and comes back, nginx.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl softhsm2-util pkcs11-tool nginx curl
SOFTHSM=
for file in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ -z "$SOFTHSM" ] && [ -f "$file" ] && SOFTHSM=$file
done
[ -n "$SOFTHSM" ] || skip "libsofthsm2.so is not installed"
SPY=
for file in /usr/lib/*/pkcs11-spy.so /usr/lib64/pkcs11/pkcs11-spy.so; do
    [ -f "$file" ] && SPY=$file
done
begin
BOX_DIR=$TEST_DIR/box
TOKENS=$TEST_DIR/tokens
mkdir "$BOX_DIR" "$TOKENS"
PIN=48151623
export SOFTHSM2_CONF=$TEST_DIR/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$TOKENS" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label one --pin $PIN --so-pin 0000 >"$TEST_DIR/softhsm.log" 2>&1 ||
    fail "softhsm2-util: $(cat "$TEST_DIR/softhsm.log")"
tool() { pkcs11-tool --module "$SOFTHSM" --token-label one --login --pin $PIN "$@" >>"$TEST_DIR/tool.log" 2>&1; }
tool --keypairgen --key-type rsa:2048 --id 01 --label toolrsa
tool --keypairgen --key-type EC:prime256v1 --id 02 --label toolec
tool --keypairgen --key-type EC:edwards25519 --id 03 --label tooled

echo $PIN >"$BOX_DIR/pin"
chmod 600 "$BOX_DIR/pin"
# configure [MODULE] [LINE...]
configure() {
    local module=${1:-$SOFTHSM}
    [ "$#" -eq 0 ] || shift
    {
        printf 'backend = pkcs11\nmodule = %s\nmodule-env = SOFTHSM2_CONF=%s\n' "$module" "$SOFTHSM2_CONF"
        printf 'token = label=one\npin = file:%s\nsessions = 4\n' "$BOX_DIR/pin"
        [ "$#" -eq 0 ] || printf '%s\n' "$@"
    } >"$BOX_DIR/default.conf"
}
daemon() { "$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR"; }
token() { lb --json status 2>/dev/null | tr -d '\n' | sed -n "s/.*\"token\": *{[^}]*\"$1\": *\"\{0,1\}\([^\",}]*\)\"\{0,1\}[,} ].*/\1/p"; }
connected() { [ "$(token connected)" = true ]; }
unconnected() { [ "$(token connected)" = false ]; }

# --- A configuration that is wrong is refused, by name
configure
sed -i '/^module =/d' "$BOX_DIR/default.conf"
refused "no module" "needs 'module" daemon
configure /nonexistent.so
refused "a module that is not there" 'cannot find the module /nonexistent.so' daemon
cp "$SOFTHSM" "$TEST_DIR/mine.so"
configure "$TEST_DIR/mine.so"
refused "a module outside the directories for modules" 'none of the directories that modules may be in' daemon
chmod 777 "$TEST_DIR/mine.so"
configure "$TEST_DIR/mine.so" "module-dirs = $TEST_DIR"
refused "a module that others can change" 'can be changed by others' daemon
configure "$SOFTHSM"
sed -i 's/^pin = .*/pin = 1234/' "$BOX_DIR/default.conf"
refused "a PIN in the configuration" 'pin must be .*a PIN itself has no place here' daemon
check "which is not repeated" not grep -q 'pin = 1234' <<<"$(daemon 2>&1)"
sed -i 's/^token = .*/token = name=one/' "$BOX_DIR/default.conf"
refused "an unknown attribute of the token" 'label=, serial=' daemon
echo 'module = /usr/lib/x.so' >"$BOX_DIR/default.conf"
refused "a token without its backend" "not 'backend = pkcs11'" daemon

# --- Keys that other tools made, and keys of ours
configure
new_box "$BOX_DIR"
await "the token" connected
same "the status names the token" one "$(token label)"
same "and the backend" pkcs11 "$(status backend)"
check "list --token shows what is not attached" grep -q 'toolrsa.*rsa:2048' <<<"$(lb list --token)"
check "attach by the name" lb attach toolrsa >/dev/null
check "attach by the id" lb attach byid --id 02 >/dev/null
check "attach by both" lb attach ed --id 03 --label tooled >/dev/null
refused "attach what is not there" "no private key 'nothing' on the token" lb attach nothing
refused "attach an id that is none" 'pairs of hexadecimal digits' lb attach nothing --id xyz
tool --keypairgen --key-type EC:prime256v1 --id 11 --label twice
tool --keypairgen --key-type EC:prime256v1 --id 12 --label twice
refused "attach what two objects are called" "2 private keys.*'twice' id 11.*'twice' id 12|2 private keys.*'twice' id 12.*'twice' id 11" \
    lb attach twice
check "one of them by its id" lb attach twice --id 12 >/dev/null
for type in rsa:2048 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    check "create $type" lb create "made-${type##*[:-]}" --type "$type" >/dev/null 2>>"$TEST_DIR/lb.log"
done
refused "create what a token cannot" 'not made on a token' lb create pss --type rsa-pss:2048
new_key rsa:2048 "$TEST_DIR/rsa.pem"
new_key ec:P-256 "$TEST_DIR/ec.pem"
check "import RSA" lb import inrsa "$TEST_DIR/rsa.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
check "import EC" lb import inec "$TEST_DIR/ec.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
for key in toolrsa byid ed twice made-2048 made-256 made-384 made-521 made-ed25519 inrsa inec; do
    check "$key signs" signs "$key"
done
plain_ossl pkey -in "$TEST_DIR/ec.pem" -pubout -out "$TEST_DIR/ec.pub"
check "the imported key is the key" signs inec "$TEST_DIR/ec.pub"
check "a private key on the token stays there" grep -q 'sensitive.*never extractable\|never extractable\|sensitive' \
    <<<"$(pkcs11-tool --module "$SOFTHSM" --token-label one --login --pin $PIN -O --type privkey --label made-256 2>/dev/null)"

# --- RSA's paddings, decryption, key agreement
echo "the text" >"$TEST_DIR/text"
pub=$TEST_DIR/rsa.pub
ossl pkey -in littlebox:toolrsa -pubout -out "$pub"
for options in "-digest sha256 -pkeyopt rsa_padding_mode:pkcs1" "-digest sha512 -pkeyopt rsa_padding_mode:pkcs1" \
    "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32" \
    "-digest sha384 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest" \
    "-digest sha1 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:20"; do
    # shellcheck disable=SC2086 # several options
    {
        ossl pkeyutl -sign -rawin -inkey littlebox:toolrsa -in "$TEST_DIR/text" -out "$TEST_DIR/sig" $options
        check "RSA $options" plain_ossl pkeyutl -verify -rawin -pubin -inkey "$pub" -in "$TEST_DIR/text" \
            -sigfile "$TEST_DIR/sig" $options >/dev/null
    }
done
for options in "rsa_padding_mode:pkcs1" "rsa_padding_mode:oaep"; do
    plain_ossl pkeyutl -encrypt -pubin -inkey "$pub" -in "$TEST_DIR/text" -out "$TEST_DIR/ct" -pkeyopt $options
    same "decryption, $options" "the text" \
        "$(ossl pkeyutl -decrypt -inkey littlebox:toolrsa -in "$TEST_DIR/ct" -pkeyopt $options)"
done
head -c 255 /dev/zero | tr '\0' 'x' >"$TEST_DIR/noise"
refused "a ciphertext that is none" 'not encrypted for this key, or not in this way' \
    ossl pkeyutl -decrypt -inkey littlebox:toolrsa -in "$TEST_DIR/noise"
plain_ossl pkey -in "$TEST_DIR/ec.pem" -pubout -out "$TEST_DIR/peer.pub"
ossl pkey -in littlebox:byid -pubout -out "$TEST_DIR/byid.pub"
ossl pkeyutl -derive -inkey littlebox:byid -peerkey "$TEST_DIR/peer.pub" -out "$TEST_DIR/secret1"
plain_ossl pkeyutl -derive -inkey "$TEST_DIR/ec.pem" -peerkey "$TEST_DIR/byid.pub" -out "$TEST_DIR/secret2"
check "key agreement" cmp "$TEST_DIR/secret1" "$TEST_DIR/secret2"

# --- nginx, with keys on the token, through TLS 1.3, TLS 1.2 and RSA key exchange
read -r port_ec port_rsa <<<"$(free_ports 2 | tr '\n' ' ')"
self_signed littlebox:byid "$TEST_DIR/byid.crt"
self_signed littlebox:toolrsa "$TEST_DIR/toolrsa.crt"
lb handle byid --out "$TEST_DIR/byid.key" >/dev/null
lb handle toolrsa --out "$TEST_DIR/toolrsa.key" >/dev/null
nginx_server "$port_ec" "$TEST_DIR/byid.crt" "$TEST_DIR/byid.key"
nginx_server "$port_rsa" "$TEST_DIR/toolrsa.crt" "$TEST_DIR/toolrsa.key"
write_nginx_conf "$TEST_DIR/nginx" 2
sed -i 's/^    ssl_protocols.*/&\n    ssl_ciphers ALL:@SECLEVEL=1;/' "$TEST_DIR/nginx/nginx.conf"
user=$(ps -o user= -p $$ | tr -d ' ')
[ "$user" != root ] || lb allow byid --user nobody --op sign
[ "$user" != root ] || lb allow toolrsa --user nobody --op sign,decrypt
start_nginx "$TEST_DIR/nginx"
get() { curl -sS --noproxy '*' --cacert "$1" --max-time "$AWAIT_SECONDS" "${@:3}" "https://localhost:$2/"; }
same "nginx, EC, TLS 1.3" hello "$(get "$TEST_DIR/byid.crt" "$port_ec" --tlsv1.3)"
same "nginx, EC, TLS 1.2" hello "$(get "$TEST_DIR/byid.crt" "$port_ec" --tls-max 1.2)"
same "nginx, RSA, TLS 1.3" hello "$(get "$TEST_DIR/toolrsa.crt" "$port_rsa" --tlsv1.3)"
same "nginx, RSA, TLS 1.2" hello "$(get "$TEST_DIR/toolrsa.crt" "$port_rsa" --tls-max 1.2)"
same "nginx, RSA key exchange" hello "$(get "$TEST_DIR/toolrsa.crt" "$port_rsa" --tls-max 1.2 --ciphers AES128-GCM-SHA256)"
for pid in $(nginx_pids); do
    check "no module in nginx's process $pid" not grep -q softhsm "/proc/$pid/maps"
done

# --- The token goes away and comes back, under nginx
away() { mv "$TOKENS" "$TOKENS.away" && mkdir "$TOKENS"; }
back() { rmdir "$TOKENS" && mv "$TOKENS.away" "$TOKENS"; }
away
stale() { ! get "$TEST_DIR/byid.crt" "$port_ec" >/dev/null 2>&1 && unconnected; }
await "the box to find that the token is gone" stale
refused "a token that is not there" 'the token that BOX.conf asks for is not there' signs byid
check "the status says so" grep -q 'is not there' <<<"$(lb status || true)"
refused "a key on it is not said to be destroyed" 'is not there' lb destroy byid --now --yes
back
works() { [ "$(get "$TEST_DIR/byid.crt" "$port_ec" 2>/dev/null)" = hello ]; }
await "the token to be back" works
check "nginx serves again, without reload" works
check "the reconnect was counted" [ "$(token reconnects)" -ge 1 ]
child=$(box_child)
kill -KILL "$child"
await "the next child to serve" works
stop_nginx "$TEST_DIR/nginx"

# --- Destroying, and what other tools destroyed
refused "a key on a token cannot be had back, and is not destroyed as if it could" 'on a token, which cannot keep' lb destroy made-256 --yes
check "so it is there" signs made-256
check "destroy" lb destroy made-256 --now --yes
check "it is gone from the token" not grep -q made-256 <<<"$(lb list --token)"
refused "and does not sign" 'destroyed' signs made-256
tool --delete-object --type privkey --id 12
refused "a key that another tool deleted" "no private key 'twice' id 12 on the token" signs twice
check "can be destroyed here" lb destroy twice --now --yes
check "other keys go on" signs byid
check "list --token tells attached from not attached" grep -Eq '^toolec +02 +ec:P-256 +byid$' <<<"$(lb list --token)"

# --- Each thread of the child has the filter, those that were started before it as well
if ! sanitized; then
    same "all threads are filtered" 2 "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$(box_child)"/task/*/status | sort -u)"
fi

# --- Locking forgets the token
lb lock
refused "locked" 'locked' signs byid
check "unlock" lb unlock --credential "$BOX_DIR/default.credential"
check "it signs again" signs byid
stop_box

# --- A PIN that others can read is not taken
chmod 640 "$BOX_DIR/pin"
start_box "$BOX_DIR"
refused "a PIN that others read" "cannot read the PIN of token 'one' from $BOX_DIR/pin: its mode 0640 lets others" signs byid
says "with the cure in the log" "lets others than its owner \(uid $(id -u)\) get at it; chmod 600 $BOX_DIR/pin; if others may have read it" \
    "$BOX_DIR/box.log"
stop_box
chmod 600 "$BOX_DIR/pin"

# --- A wrong PIN is tried once, whatever happens
tries() { grep -c 'refuses the PIN' "$BOX_DIR/box.log" || true; }
echo 99999999 >"$BOX_DIR/pin"
start_box "$BOX_DIR"
await "a wrong PIN to be told" grep -q "refuses the PIN: CKR_PIN_INCORRECT" "$BOX_DIR/box.log"
refused "and what to do" 'not tried again.*littlebox login|littlebox login' signs byid
refused "again" 'littlebox login' signs byid
kill -KILL "$(box_child)"
await "the next child" box_answers
refused "after a restart too" 'refused this PIN before: it is not tried again' signs byid
same "it was tried once" 1 "$(tries)"
refused "login with another wrong one" 'refuses the PIN' lb login --passphrase-file <(echo 77777777)
refused "login with one that is too long" 'a PIN has 1 to 255 bytes' lb login --passphrase-file <(head -c 300 /dev/zero | tr '\0' 7)
check "login with the right one" lb login --passphrase-file <(echo $PIN)
check "it signs" signs byid
stop_box
sed -i 's/^pin = .*/pin = prompt/' "$BOX_DIR/default.conf"
start_box "$BOX_DIR"
refused "pin = prompt" 'waits for its PIN.*littlebox login|waits for its PIN' signs byid
check "login" lb login --passphrase-file <(echo $PIN)
check "it signs" signs byid
check "no PIN in the log" not grep -qE "$PIN|99999999|77777777" "$BOX_DIR/box.log"
stop_box

# --- Module calls: two a signature
if [ -n "$SPY" ]; then
    echo $PIN >"$BOX_DIR/pin"
    configure "$SPY" "module-env = PKCS11SPY=$SOFTHSM" "module-env = PKCS11SPY_OUTPUT=$TEST_DIR/spy"
    start_box "$BOX_DIR"
    for key in toolrsa byid ed; do
        signs "$key"
        : >"$TEST_DIR/spy"
        for _ in 1 2 3; do signs "$key"; done
        same "$key: the calls of three signatures" "3 C_Sign 3 C_SignInit" \
            "$(sed -n 's/^[0-9]*: \(C_[A-Za-z]*\).*/\1/p' "$TEST_DIR/spy" | sort | uniq -c | tr -s ' \n' ' ' | sed 's/^ //;s/ $//')"
    done
    stop_box
fi

# --- The box's other backend does not open them, and says why
rm "$BOX_DIR/default.conf"
start_box "$BOX_DIR"
refused "without the token's backend its keys do not open" 'damaged|another' signs byid
stop_box
finish
