#!/usr/bin/env bash
# openssl(1) generates keys in a box: the lines of provider-littlebox(7) word for word, and what is refused leaves no key
# anywhere. An openssl that does not know us verifies what the keys sign.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
new_box "$TEST_DIR/box"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
write_bare_cnf "$TEST_DIR/bare.cnf"
cd "$TEST_DIR"
echo "a text to sign" >text

ours="-propquery provider=littlebox"
uri="-pkeyopt littlebox_uri:littlebox:"

keys=0
keys_are() { [ "$(status keys)" = "$1" ]; }
is_handle() { [ -n "$(handle_uri "$1")" ] && not plain_ossl pkey -in "$1" -noout 2>/dev/null; }
holds_no_key() { [ ! -s "$1" ]; }

# A handle file signs with the key of the box.
handle_signs() {
    ossl pkeyutl -sign -rawin -inkey "$1" -in text -out sig || return 1
    ossl pkey -in "$1" -pubout -out pub || return 1
    plain_ossl pkeyutl -verify -rawin -pubin -inkey pub -in text -sigfile sig >/dev/null
}

# generated FILE COMMAND... : one more key in the box, and FILE is its handle.
generated() {
    local file=$1
    shift
    check "$*" "$@" 2>>openssl.log
    keys=$((keys + 1))
    check "one more key in the box" keys_are "$keys"
    check "$file is a handle" is_handle "$file"
    check "$file signs" handle_signs "$file"
}

# no_key TEXT PATTERN COMMAND... : the command fails with the text, and leaves no key in the box and none in out.pem.
no_key() {
    rm -f out.pem
    refused "$@"
    check "$1: no key in the box" keys_are "$keys"
    check "$1: no key in the file" holds_no_key out.pem
}

# The manual's lines, with their continuation lines joined; each writes one PEM file that is named in it.
mapfile -t lines < <(sed -n '/^\.SH KEY GENERATION/,/^\.SH FORK/p' "$LITTLEBOX_SRC/provider/provider-littlebox.7" |
    sed -e ':a' -e '/\\e$/{N;s/\\e\n *//;ba' -e '}' -e 's/\\-/-/g' | grep '^openssl .*\.pem')
check "the manual has five examples" [ "${#lines[@]}" -eq 5 ]
in_words() {
    local words
    read -r -a words <<<"$1"
    ossl "${words[@]:1}"
}
for line in "${lines[@]}"; do
    file=$(grep -o '[a-z]*\.pem' <<<"$line")
    generated "$file" in_words "$line"
done
for key in web pss mail www; do
    check "$key is in the box by that name" lb show "$key" >/dev/null
done
check "the key without a name has one" grep -Eq '^littlebox:ed25519-[0-9a-f]{16}$' <<<"$(handle_uri unnamed.pem)"
check "the certificate verifies" plain_ossl verify -check_ss_sig -CAfile mail.crt mail.crt >/dev/null
check "the request verifies" plain_ossl req -in www.csr -verify -noout 2>/dev/null

# The command line alone, as in: openssl genpkey -provider littlebox ...
unconfigured() {
    env "${MODULE_ENV[@]}" OPENSSL_MODULES="$(dirname "$MODULE")" OPENSSL_CONF="$TEST_DIR/bare.cnf" openssl "$@"
}
# shellcheck disable=SC2086 # words
generated out.pem unconfigured genpkey -provider littlebox $ours -algorithm EC -pkeyopt group:P-256 ${uri}alone \
    -out out.pem
# shellcheck disable=SC2086 # words
generated out.pem unconfigured req -x509 -newkey ec -provider littlebox -provider default -propquery \
    '?provider=littlebox' -pkeyopt group:P-256 ${uri}both -subj /CN=both -noenc -keyout out.pem -out both.crt
check "its certificate verifies" plain_ossl verify -check_ss_sig -CAfile both.crt both.crt >/dev/null
# shellcheck disable=SC2086 # words
generated der.pem ossl genpkey $ours -algorithm ED448 ${uri}der -out der.pem
# shellcheck disable=SC2086 # words
check "as DER" ossl genpkey $ours -algorithm ED25519 ${uri}der2 -outform DER -out key.der
keys=$((keys + 1))
check "the DER handle signs" handle_signs key.der
# shellcheck disable=SC2086 # words
generated out.pem ossl genrsa $ours -out out.pem 2048

# Refusals, each with its text.
# shellcheck disable=SC2086 # words
{
    no_key "a name that is taken" "key 'web' exists already in box 'default'; hint: choose another name" \
        ossl genpkey $ours -algorithm EC -pkeyopt group:P-256 ${uri}web -out out.pem
    no_key "a name that is taken, req" "key 'web' exists already in box 'default'" \
        ossl req -x509 -newkey ed25519 $ours ${uri}web -subj /CN=web -noenc -keyout out.pem -out out.crt
    check "no certificate either" holds_no_key out.crt
    no_key "a type that a box does not make" "unknown key type 'rsa:1024'; hint: use one of: " \
        ossl genpkey $ours -algorithm RSA -pkeyopt rsa_keygen_bits:1024 ${uri}no -out out.pem
    no_key "a curve that a box does not hold" "unknown key type 'ec:secp256k1'" \
        ossl genpkey $ours -algorithm EC -pkeyopt group:secp256k1 ${uri}no -out out.pem
    no_key "no curve" "name the curve of the new key" ossl genpkey $ours -algorithm EC ${uri}no -out out.pem
    no_key "a box that is not there" "no box 'nowhere' answers at" \
        ossl genpkey $ours -algorithm ED25519 -pkeyopt littlebox_uri:littlebox://nowhere/no -out out.pem
    no_key "a version" "names a version, but the box numbers them" \
        ossl genpkey $ours -algorithm ED25519 -pkeyopt "littlebox_uri:littlebox:no;version=1" -out out.pem
    no_key "an option that nobody knows" "Error setting nonsense:1 parameter" \
        ossl genpkey $ours -algorithm ED25519 -pkeyopt nonsense:1 ${uri}no -out out.pem
    no_key "a seed" "the option seed would decide what the private key is" \
        ossl genpkey $ours -algorithm ED25519 -pkeyopt hexseed:00 ${uri}no -out out.pem
    no_key "no name, and no other provider" "a key in a box needs a name: set the option littlebox_uri" \
        unconfigured genpkey -provider littlebox -algorithm ED25519 -out out.pem
    check "parameters" ossl genpkey $ours -genparam -algorithm EC -pkeyopt group:P-256 -out parameters.pem
    check "they are parameters" plain_ossl ecparam -in parameters.pem -noout -check 2>/dev/null
    # OpenSSL would make a key of the default provider of them, or does not even read them.
    no_key "parameters from a file, genpkey" "Error (setting littlebox_uri:littlebox:no parameter|reading parameter file)" \
        ossl genpkey $ours -paramfile parameters.pem ${uri}no -out out.pem
    no_key "parameters from a file, req" 'Key parameter error "littlebox_uri:littlebox:no"|Error reading parameter file' \
        ossl req -new -newkey ec:parameters.pem $ours ${uri}no -subj /CN=no -noenc -keyout out.pem -out out.csr
}

if is_root; then
    as_nobody() {
        env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" \
            setpriv --reuid 65534 --regid 65534 --clear-groups openssl "$@"
    }
    # shellcheck disable=SC2086 # words
    no_key "another user" "uid 65534 (may not create in|cannot reach) box 'default'" \
        as_nobody genpkey $ours -algorithm ED25519 ${uri}no
fi

# A passphrase is not for handles: the key is there, and its handle can be written.
# shellcheck disable=SC2086 # words
refused "a passphrase" "holds no secret and is not encrypted" \
    ossl req -new -newkey ed25519 $ours ${uri}late -subj /CN=late -passout pass:word -keyout out.pem -out out.csr
keys=$((keys + 1))
check "the key is in the box" keys_are "$keys"
check "its handle" lb handle late --out late.pem
check "it signs" handle_signs late.pem

lb lock >/dev/null
# shellcheck disable=SC2086 # words
refused "a locked box" "box 'default' is locked; hint: " ossl genpkey $ours -algorithm ED25519 ${uri}no -out locked.pem
check "a locked box: no key in the file" holds_no_key locked.pem
stop_box
# shellcheck disable=SC2086 # words
refused "no box" "no box 'default' answers at" ossl genpkey $ours -algorithm ED25519 ${uri}no -out absent.pem
check "no box: no key in the file" holds_no_key absent.pem
finish
