#!/usr/bin/env bash
# examples/moving and examples/several: what their pages say, with other paths: from libp11's engine to a box, in openssl, nginx,
# sbsign and osslsigncode; one key in two boxes, and one token in front of two.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl softhsm2-util pkcs11-tool nginx curl
ENGINE=$(module_file "$TOKEN_LIB/engines-3/pkcs11.so") || skip "libp11's engine is not installed"
begin
cd "$TEST_DIR"
echo "a text" >text
softhsm_dir "$TEST_DIR/hsm"
softhsm_token servers
softhsm_key servers rsa:2048 01 web

# --- Before: the engine, with the module and the PIN in each program
cat >engine.lines <<END
[engines]
pkcs11 = pkcs11_section
[pkcs11_section]
engine_id = pkcs11
dynamic_path = $ENGINE
MODULE_PATH = $SOFTHSM_MODULE
PIN = $TOKEN_PIN
END
{
    printf '%s\n' "openssl_conf = init" "[init]" "engines = engines"
    cat engine.lines
    printf '%s\n' "[req]" "distinguished_name = dn" "[dn]"
} >engine.cnf
URI="pkcs11:token=servers;object=web"
by_engine() { OPENSSL_CONF=$TEST_DIR/engine.cnf openssl "$@" 2>>engine.log; }
by_engine req -x509 -new -engine pkcs11 -keyform engine -key "$URI;type=private" -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -days 2 -out web.crt || fail "the engine makes no certificate: $(cat engine.log)"
plain_ossl x509 -in web.crt -noout -pubkey >web.pub
verifies() { plain_ossl dgst -sha256 -verify web.pub -signature sig text >/dev/null; }
check "the engine signs" by_engine dgst -sha256 -engine pkcs11 -keyform engine -sign "$URI" -out sig text
check "and it verifies" verifies

# --- A box in front of the same token
token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=servers "$(module_env SOFTHSM2_CONF)"
new_box "$TEST_DIR/box"
check "list --token" grep -q '^web  *01 ' <<<"$(lb list --token)"
check "attach" lb attach web --id 01 >/dev/null 2>>lb.log
! is_root || lb allow web --user www-data 2>>lb.log
check "handle" lb handle web --out web.pem

# The same URIs, and those that the engine took.
for uri in "$URI" "$URI;type=private" "$URI;pin-source=/etc/pin" "$URI?pin-source=file:/etc/pin&module-name=softhsm2" web.pem \
    littlebox:web; do
    rm -f sig
    check "dgst -sign $uri" ossl dgst -sha256 -sign "$uri" -out sig text
    check "it verifies" verifies
done
refused "pin-value" "give the PIN to the box: 'pin' in littlebox.conf" ossl pkey -in "$URI;pin-value=1234" -noout
refused "module-path" "give the module to the box: 'module' in littlebox.conf" ossl pkey -in "$URI?module-path=/x.so" -noout

# Both in one file: with OpenSSL 3.0 the engine gets the handle, and fails. The page warns of it.
sed "s/^providers = providers$/&\nengines = engines/" "$BOX_DIR/openssl.cnf" >both.cnf
cat engine.lines >>both.cnf
if openssl version | grep -q '^OpenSSL 3\.0\.'; then
    refused "both in one openssl.cnf" 'invalid key' env OPENSSL_CONF="$TEST_DIR/both.cnf" "${MODULE_ENV[@]}" \
        openssl dgst -sha256 -sign web.pem -out sig text
fi

# --- nginx, before and after; what has the module
# serve KEY CNF : nginx with that key and that openssl.cnf.
serve() {
    local port
    port=$(free_ports 1)
    nginx_server "$port" "$TEST_DIR/web.crt" "$1"
    if is_root; then write_nginx_conf "$TEST_DIR/nginx" 1 "$3"; else write_nginx_conf "$TEST_DIR/nginx" 1; fi
    NGINX_OPENSSL_CONF=$TEST_DIR/$2 start_nginx "$TEST_DIR/nginx"
    # The engine's worker starts the module anew, and may be slow.
    for version in 1.2 1.3; do
        check "nginx, $1, TLS $version" grep -qx hello \
            <<<"$(curl -sS --cacert web.crt --tlsv$version --tls-max $version "https://localhost:$port/" 2>>curl.log)"
    done
}
has_module() { nginx_pids | sed 's|.*|/proc/&/maps|' | xargs grep -q libsofthsm2; }
# The engine's workers read the token themselves, so here they are its user.
serve "\"engine:pkcs11:$URI;type=private\"" engine.cnf root
check "the module is in nginx" has_module
NGINX_OPENSSL_CONF=$TEST_DIR/engine.cnf stop_nginx "$TEST_DIR/nginx"
serve "$TEST_DIR/web.pem" box/openssl.cnf www-data
check "it is not any more" not has_module
NGINX_OPENSSL_CONF=$BOX_DIR/openssl.cnf stop_nginx "$TEST_DIR/nginx"

# --- Programs that sign files, with the handle in place of the engine's URI
# An image of EFI with nothing in it.
image() {
    echo 'int start(void) { return 0; }' >image.c
    gcc -c -fpic -fno-stack-protector -fcf-protection=none image.c -o image.o &&
        ld -nostdlib -shared -Bsymbolic -e start image.o -o image.so &&
        objcopy -j .text -j .data -j .dynamic -j .rela -j .rodata --target=efi-app-x86_64 image.so image.efi
}
with_box() { env OPENSSL_CONF="${CNF:-$BOX_DIR/openssl.cnf}" "${MODULE_ENV[@]}" "$@"; }
if ! command -v sbsign >/dev/null || ! command -v osslsigncode >/dev/null; then
    say "sbsign or osslsigncode is not installed: not tried"
elif ! image 2>>image.log; then
    say "no image for them is to be had here: not tried"
else
    check "sbsign" with_box sbsign --key web.pem --cert web.crt --output signed.efi image.efi 2>>sign.log
    check "sbverify" sbverify --cert web.crt signed.efi >>sign.log 2>&1
    for option in "" -nolegacy; do
        rm -f signed.efi
        # shellcheck disable=SC2086 # none, or one
        check "osslsigncode $option" with_box osslsigncode sign $option -key web.pem -certs web.crt -in image.efi -out signed.efi \
            >>sign.log 2>&1
        check "sbverify" sbverify --cert web.crt signed.efi >>sign.log 2>&1
    done
    # What the page says of `default`: who loads it and who does not.
    grep -v '^default = ' "$BOX_DIR/openssl.cnf" >nodefault.cnf
    rm -f signed.efi
    CNF=nodefault.cnf check "osslsigncode without default in openssl.cnf" \
        with_box osslsigncode sign -key web.pem -certs web.crt -in image.efi -out signed.efi >>sign.log 2>&1
    rm -f signed.efi
    CNF=nodefault.cnf check "not with -nolegacy" not \
        with_box osslsigncode sign -nolegacy -key web.pem -certs web.crt -in image.efi -out signed.efi >>sign.log 2>&1
    CNF=nodefault.cnf check "nor does sbsign" not \
        with_box sbsign --key web.pem --cert web.crt --output signed.efi image.efi 2>>sign.log
fi
stop_box

# --- examples/several: one key in two boxes
BOXES=$TEST_DIR/boxes
mkdir "$BOXES"
for box in one two; do
    "$LITTLEBOX_BUILD/littleboxd" --box $box --dir "$BOXES" >>"$box.log" 2>&1 3>&- &
    own $!
done
of() { "$LITTLEBOX_BUILD/littlebox" --dir "$BOXES" --box "$@"; }
BOX_DIR=$BOXES
for box in one two; do
    answers() { of "$box" status || [ $? -eq 3 ]; }
    await "box $box" answers
    of $box init 2>>lb.log
done
echo "a passphrase of many words" >passphrase
plain_ossl genpkey -algorithm EC -pkeyopt group:P-256 -aes-256-cbc -pass file:passphrase -out several.key
for box in one two; do
    check "import into $box" of $box import web several.key --passphrase-file passphrase >/dev/null 2>>lb.log
done
ossl req -x509 -new -key littlebox://one/web -subj /CN=localhost -addext subjectAltName=DNS:localhost -out several.crt
plain_ossl x509 -in several.crt -noout -pubkey >web.pub
for box in one two; do
    check "cert set in $box" of $box cert set web several.crt 2>>lb.log
    rm -f sig
    check "box $box signs" ossl dgst -sha256 -sign "littlebox://$box/web" -out sig text
    check "for the one certificate" verifies
done
# A handle is of this key, wherever it is: a box with another one of that name does not sign in its place.
of one handle web --out one.pem
of one destroy web --now --yes 2>>lb.log
of one create web >/dev/null 2>>lb.log
refused "another key of that name is another key" 'version 1|destroyed|no version' ossl dgst -sha256 -sign one.pem -out sig text

# --- and one token in front of two
for box in three four; do
    mkdir "$BOXES/$box"
    token_conf "$BOXES/$box" "$SOFTHSM_MODULE" label=servers "$(module_env SOFTHSM2_CONF)"
    start_box "$BOXES/$box"
    lb init 2>>lb.log
done
on() { "$LITTLEBOX_BUILD/littlebox" --dir "$BOXES/$1" "${@:2}"; }
check "create in one" on three create shared --type ec:P-256 >/dev/null 2>>lb.log
check "attach in the other" on four attach shared >/dev/null 2>>lb.log
same "it is one key" "$(on three show --public shared)" "$(on four show --public shared)"
on three show --public shared >web.pub
for box in three four; do
    BOX_DIR=$BOXES/$box
    rm -f sig
    check "box $box signs" ossl dgst -sha256 -sign littlebox:shared -out sig text
    check "for the one key" verifies
done
check "destroy in one" on three destroy shared --now --yes 2>>lb.log
refused "is for both" 'no private key .shared.' ossl dgst -sha256 -sign littlebox:shared -out sig text
finish
