# shellcheck shell=bash
# What the tests of openssl(1)'s commands share: keys in three forms, and commands run with each form.
#
# Each command runs with a plain key file first, as the control: it must succeed, or the test itself is wrong. Then
# with the URI, and with the handle file, of the same key, which was imported. What was made is verified by an
# openssl that does not know us.

# shellcheck source=../harness/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/lib.sh"

# What the commands themselves can do with a type of key; they refuse the rest with a key file too. Columns: the key's
# name, its type, the first OpenSSL that has it, and what it can:
#   digest    signs a digest that the caller made, and takes any digest
#   whole     signs a text as a whole, with no digest of its own
#   recover   gives back what was signed
#   oneshot=V dgst signs with it from OpenSSL V on
#   cms=V     cms signs with it from OpenSSL V on, or V-W: until before W
#   smime     PKCS#7 and SPKAC have it, as have time stamps
#   decrypt   RSA's two paddings
#   derive    agrees on a secret with another key of its type; kari: cms decrypts with that
COMMAND_KEYS='
rsa       rsa:2048        3.0  digest recover cms=3.0 smime decrypt
rsapss    rsa-pss:2048    3.0  digest
p256      ec:P-256        3.0  digest cms=3.0 smime derive kari
p384      ec:P-384        3.0  digest cms=3.0 smime derive kari
p521      ec:P-521        3.0  digest cms=3.0 smime derive kari
ed25519   ed25519         3.0  whole oneshot=3.5 cms=3.5
ed448     ed448           3.0  whole oneshot=3.5 cms=3.5-4.0
x25519    x25519          3.0  derive
x448      x448            3.0  derive
mldsa44   ml-dsa-44       3.5  whole oneshot=3.5 cms=3.5
mldsa65   ml-dsa-65       3.5  whole oneshot=3.5 cms=3.5
'

# since VERSION : openssl is at least that.
OPENSSL_VERSION=$(OPENSSL_CONF=/dev/null openssl version | cut -d ' ' -f 2)
since() { printf '%s\n' "$1" "$OPENSSL_VERSION" | sort -C -V; }

# can KEY WHAT : the table says so, and this openssl is new enough.
can() {
    local key version abilities ability
    while read -r key _ version abilities; do
        if [ "$key" != "$1" ] || ! since "$version"; then continue; fi
        for ability in $abilities; do
            if [ "$ability" = "$2" ]; then return 0; fi
            if [ "${ability%=*}" != "$2" ]; then continue; fi
            ability=${ability#*=}
            since "${ability%-*}" && { [ "${ability%-*}" = "$ability" ] || ! since "${ability#*-}"; }
            return
        done
    done <<<"$COMMAND_KEYS"
    return 1
}

# keys_that WHAT : the names of all keys that can.
keys_that() {
    local key rest
    while read -r key rest; do
        if [ -n "$key" ] && can "$key" "$1"; then echo "$key"; fi
    done <<<"$COMMAND_KEYS"
}

type_of() { awk -v key="$1" '$1 == key { print $2 }' <<<"$COMMAND_KEYS"; }

# commands_begin : an empty box, its openssl.cnf, and a directory to work in.
commands_begin() {
    needs openssl
    begin
    new_box "$TEST_DIR/box"
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    # For options on the command line.
    write_bare_cnf "$TEST_DIR/bare.cnf"
    cd "$TEST_DIR" || exit
    # For -config, which loads providers too.
    printf '[req]\ndistinguished_name = dn\n[dn]\n' >plain.cnf
    echo "a text to sign" >text
}

# three_forms KEY : KEY of the table, as KEY.key, as littlebox:KEY and as KEY.pem, with its public half in KEY.pub.
three_forms() {
    local key=$1
    new_key "$(type_of "$key")" "$key.key"
    lb import "$key" "$key.key" >>lb.log 2>&1
    lb handle "$key" --out "$key.pem" >>lb.log 2>&1
    plain_ossl pkey -in "$key.key" -pubout -out "$key.pub"
}

# each_form FUNCTION KEY... : FUNCTION KEY HANDLE with the key file, the URI and the handle file. `what` names both.
each_form() {
    local function=$1 key form handle
    shift
    for key; do
        for form in file URI handle; do
            case $form in
            file) handle=$TEST_DIR/$key.key ;;
            URI) handle=littlebox:$key ;;
            handle) handle=$TEST_DIR/$key.pem ;;
            esac
            what="$key, $form"
            "$function" "$key" "$handle"
        done
    done
}

# run COMMAND... : openssl COMMAND. HOW it learns of the provider: from openssl.cnf, or from options, loaded before the
# default provider or after.
HOW=cnf
run() {
    local command=$1 order=()
    shift
    case $HOW in
    cnf)
        ossl "$command" "$@" 2>>openssl.log
        return
        ;;
    options) order=(-provider littlebox -provider default) ;;
    reverse) order=(-provider default -provider littlebox) ;;
    esac
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/bare.cnf" openssl "$command" -provider-path "$(dirname "$MODULE")" \
        "${order[@]}" "$@" 2>>openssl.log
}

# does TEXT COMMAND... : openssl COMMAND succeeds. Files that it is to write are not those of the run before.
does() {
    local text=$1 argument before=
    shift
    for argument; do
        case $before in
        -out | -certout | -respout) rm -f "$argument" ;;
        esac
        before=$argument
    done
    check "$what: $text" run "$@"
}

# verified COMMAND... : an openssl without us agrees. Its answer is of no use, its complaint is.
verified() {
    TEST_CHECKS=$((TEST_CHECKS + 1))
    plain_ossl "$@" >verified.log 2>&1 || fail "$what: not verified: openssl $*"
}

# serve COMMAND... : a server that is an openssl command and is told port 0. Sets SERVER, and PORT to what it says that
# it got.
serve() {
    : >server.log
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" openssl "$@" >server.log 2>&1 3>&- </dev/null &
    SERVER=$!
    own "$SERVER"
    await "openssl $1 to listen" listens
    # shellcheck disable=SC2034 # for the scripts
    PORT=$(sed -n 's/^ACCEPT.*:\([0-9]\{1,\}\).*/\1/p' server.log)
}
listens() {
    alive "$SERVER" || fail "$what: the server ended"
    grep -q '^ACCEPT.*:[0-9]' server.log
}
