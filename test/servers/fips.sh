#!/usr/bin/env bash
# A program that takes only what has the property fips=yes: with littlebox-assume-fips it loads handles, and signs. Texts that
# are hashed in the program are hashed by its FIPS provider, or not at all. The whole of it is tried where OpenSSL has a FIPS
# provider; the first half everywhere.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"
for type in ec:P-256 rsa:2048 ed25519; do
    key=${type%%:*}
    check "create $key" lb create "$key" --type "$type" >/dev/null 2>>lb.log
    check "its handle" lb handle "$key" --out "$key.pem" 2>>lb.log
done
head -c 100000 /dev/zero >long

# conf PROVIDER[=SECTION TEXT]... : these and littlebox, for programs that want fips=yes; ASSUME is the setting's value.
conf() {
    local provider
    echo "openssl_conf = init
extensions = no_extensions
[no_extensions]
[init]
providers = providers
alg_section = algorithms
[algorithms]
default_properties = fips=yes
[providers]
littlebox = littlebox_section"
    for provider; do echo "$provider = ${provider}_sect"; done
    echo "[littlebox_section]
module = $MODULE
activate = 1
littlebox-directory = $TEST_DIR/box
${ASSUME:+littlebox-assume-fips = $ASSUME}
[req]
distinguished_name = dn
[dn]"
    for provider; do
        echo "[${provider}_sect]"
        if [ "$provider" = fips ]; then sed -n '/^\[fips_sect/,$p' fipsmodule.cnf | sed 1d; else echo "activate = 1"; fi
    done
}
fips_ossl() { env "${MODULE_ENV[@]}" OPENSSL_CONF=conf openssl "$@"; }

# --- Nothing but default: it reads and writes under fips=yes, and has no algorithm of it.
ASSUME='' conf default >conf
for key in ec rsa ed25519; do
    # (OpenSSL 3.0 does load handle files, and then finds no way to sign.)
    refused "without the setting a URI is unknown" '[Ss]cheme[ =(]+littlebox' fips_ossl pkey -in "littlebox:$key" -pubout
done
ASSUME=no conf default >conf
refused "nor with no" '[Ss]cheme[ =(]+littlebox' fips_ossl pkey -in littlebox:ec -pubout
ASSUME=maybe conf default >conf
sed -i '/^default_properties/d' conf
refused "it is yes or no" "littlebox-assume-fips = maybe: neither yes nor no" fips_ossl pkey -in littlebox:ec -pubout
ASSUME=yes conf default >conf
for key in ec rsa ed25519; do
    check "$key: the public half" lb show --public "$key" >"$key.pub"
    check "with it the handle loads" fips_ossl pkey -in "$key.pem" -pubout -out out.pub
    check "it is that key" cmp "$key.pub" out.pub
    check "the URI loads" fips_ossl pkey -in "littlebox:$key" -pubout -out out.pub
    check "it is that key" cmp "$key.pub" out.pub
done
for key in ec rsa; do
    refused "$key: nothing is hashed without a FIPS provider" \
        "littlebox-assume-fips is set, and no FIPS provider of the program has SHA2-256: activate one" \
        fips_ossl dgst -sha256 -sign "littlebox:$key" -out sig long
done

# --- fips and base, and no default.
module=$(openssl version -m | sed 's/^MODULESDIR: "\(.*\)"$/\1/')/fips.so
if [ ! -e "$module" ]; then
    say "the rest needs a FIPS provider of OpenSSL, $module"
    stop_box
    finish
fi
plain_ossl fipsinstall -module "$module" -out fipsmodule.cnf >fipsinstall.log 2>&1 || fail "fipsinstall: $(cat fipsinstall.log)"
ASSUME=yes conf fips base >conf
for key in ec rsa ed25519; do
    for handle in "$key.pem" "littlebox:$key"; do
        check "$handle loads" fips_ossl pkey -in "$handle" -pubout -out out.pub
        check "it is that key" cmp "$key.pub" out.pub
        check "it signs" fips_ossl pkeyutl -sign -rawin -inkey "$handle" -in long -out sig
        check "for others too" plain_ossl pkeyutl -verify -rawin -pubin -inkey "$key.pub" -in long -sigfile sig >/dev/null
        [ "$key" != ed25519 ] || continue
        check "by a digest" fips_ossl dgst -sha256 -sign "$handle" -out sig long
        check "which verifies" plain_ossl dgst -sha256 -verify "$key.pub" -signature sig long >/dev/null
    done
done
check "a certificate" fips_ossl req -x509 -new -key littlebox:ec -subj /CN=localhost -days 2 -out ec.crt
port=$(free_ports 1)
env "${MODULE_ENV[@]}" OPENSSL_CONF=conf openssl s_server -accept "127.0.0.1:$port" -cert ec.crt -key ec.pem -www >server.log 2>&1 3>&- &
own $!
await "the server" port_open "$port"
for version in 1_2 1_3; do
    shake() { echo Q | plain_ossl s_client -connect "127.0.0.1:$port" "-tls$version" -CAfile ec.crt -verify_return_error >>shake.log 2>&1; }
    check "a handshake of TLS $version" shake
done
stop_box
finish
