# shellcheck shell=bash
# PKCS#11 tokens for the tests, each in a directory of its own: SoftHSM2, our hostile module, a TPM, NSS; and a box in
# front of one. Sourced after lib.sh.
# shellcheck disable=SC2034,SC2119,SC2120 # what is set here is for the tests

TOKEN_PIN=4711
TOKEN_SO_PIN=12345678
TOKEN_LIB=/usr/lib/$(gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)

# module_file NAME... : the first that is installed.
module_file() {
    local file
    for file; do
        if [ -e "$file" ]; then
            echo "$file"
            return
        fi
    done
    return 1
}
SOFTHSM_MODULE=$(module_file /usr/lib/softhsm/libsofthsm2.so "$TOKEN_LIB/softhsm/libsofthsm2.so" \
    "$TOKEN_LIB/pkcs11/libsofthsm2.so") || true
SPY_MODULE=$(module_file "$TOKEN_LIB/pkcs11-spy.so" "$TOKEN_LIB/pkcs11/pkcs11-spy.so") || true
CLIENT_MODULE=$(module_file "$TOKEN_LIB/pkcs11/p11-kit-client.so") || true
TPM_MODULE=$(module_file "$TOKEN_LIB/libtpm2_pkcs11.so.1" "$TOKEN_LIB/pkcs11/libtpm2_pkcs11.so") || true
NSS_MODULE=$(module_file "$TOKEN_LIB/libsoftokn3.so" "$TOKEN_LIB/nss/libsoftokn3.so") || true
BAD_MODULE=$LITTLEBOX_BUILD/test/pkcs11/.libs/badmodule.so

# p11tool MODULE ARGUMENTS... : pkcs11-tool, not for ever. Our module may have a sanitizer in it; with others it
# runs as it is, since 0.23 reads freed memory itself when it writes a public key of EC.
p11tool() {
    local module=$1 with=()
    shift
    [ "$module" != "${BAD:-}" ] || with=("${MODULE_ENV[@]}")
    env "${with[@]}" timeout "$AWAIT_SECONDS" pkcs11-tool --module "$module" "$@"
}

# --- SoftHSM2

# softhsm_dir DIR : no token yet. Exports SOFTHSM2_CONF, which the box's child must have as well.
softhsm_dir() {
    [ -n "$SOFTHSM_MODULE" ] || skip "SoftHSM2 is not installed"
    mkdir -p "$1/tokens"
    printf '%s\n' "directories.tokendir = $1/tokens" "objectstore.backend = file" "log.level = ERROR" \
        "slots.removable = false" >"$1/softhsm2.conf"
    export SOFTHSM2_CONF=$1/softhsm2.conf
}
# softhsm_token LABEL [PIN]. Sets TOKEN_SERIAL.
softhsm_token() {
    softhsm2-util --init-token --free --label "$1" --so-pin $TOKEN_SO_PIN --pin "${2:-$TOKEN_PIN}" \
        >"$TEST_DIR/softhsm.out" 2>&1 || fail "softhsm2-util: $(cat "$TEST_DIR/softhsm.out")"
    # Its slot is the last 31 bits of its serial number, which only the listing has in full.
    TOKEN_SERIAL=$(softhsm2-util --show-slots | awk -v slot="$(sed -n 's/.*to slot //p' "$TEST_DIR/softhsm.out")" \
        '/^Slot /{here = $2 == slot} here && /Serial number:/{print $3}')
}
# softhsm LABEL ARGUMENTS... : pkcs11-tool, logged in to that token.
softhsm() {
    local label=$1
    shift
    p11tool "$SOFTHSM_MODULE" --token-label "$label" --login --pin $TOKEN_PIN "$@"
}
# softhsm_key LABEL TYPE ID NAME : made on the token by pkcs11-tool (rsa:2048, EC:prime256v1, EC:edwards25519 ...).
softhsm_key() { softhsm "$1" --keypairgen --key-type "$2" --id "$3" --label "$4" >>"$TEST_DIR/token.log" 2>&1; }
# softhsm_import LABEL FILE ID NAME : a key that was made by openssl.
softhsm_import() {
    softhsm2-util --import "$2" --token "$1" --id "$3" --label "$4" --pin $TOKEN_PIN >>"$TEST_DIR/token.log" 2>&1
}
# softhsm_public LABEL ID FILE : the public key as the token has it, in PEM. Put together here: pkcs11-tool 0.23 can read out
# those of RSA, and of EC only on P-256. What is before the point in a SubjectPublicKeyInfo, by the point's length in digits:
declare -A BEFORE_POINT=(
    [64]=302a300506032b6570032100
    [130]=3059301306072a8648ce3d020106082a8648ce3d030107034200
    [194]=3076301006072a8648ce3d020106052b81040022036200
    [266]=30819b301006072a8648ce3d020106052b8104002303818600
)
softhsm_public() {
    local point
    point=$(softhsm "$1" --list-objects --type pubkey 2>>"$TEST_DIR/token.log" | awk -v id="$2" \
        '/^Public Key Object/ { point = "" } $1 == "EC_POINT:" { point = $2 } $1 == "ID:" && $2 == id { print point }' |
        sed -E 's/^04(81)?..//')
    if [ -z "$point" ]; then
        softhsm "$1" --read-object --type pubkey --id "$2" --output-file "$3.der" >>"$TEST_DIR/token.log" 2>&1 || return 1
    else
        # shellcheck disable=SC2001 # every two digits
        printf '%b' "$(sed 's/../\\x&/g' <<<"${BEFORE_POINT[${#point}]}$point")" >"$3.der"
    fi
    plain_ossl pkey -pubin -inform DER -in "$3.der" -out "$3"
}

# --- the hostile module

# bad_token DIR : a good token, with an RSA key (01, "rsa") and a P-256 key (02, "ec"). Sets BAD and BAD_DIR.
bad_token() {
    BAD_DIR=$1
    BAD=$1/badmodule.so
    mkdir -p "$1/keys"
    cp "$BAD_MODULE" "$BAD"
    new_key rsa:2048 "$1/keys/01.rsa.pem"
    new_key ec:P-256 "$1/keys/02.ec.pem"
    echo $TOKEN_PIN >"$1/pin"
    bad_behaves
}
# bad_publics : the public halves of these keys, in rsa.pub and ec.pub of TEST_DIR.
bad_publics() {
    local key
    for key in 01.rsa 02.ec; do
        plain_ossl pkey -in "$BAD_DIR/keys/$key.pem" -pubout -out "$TEST_DIR/${key#*.}.pub"
    done
}
# bad_box DIR [LINE...] : a good token, and a box in front of it with both keys, whose configuration has these lines.
# signs_ec, signs_rsa : the box signs, and it is that key.
bad_box() {
    bad_token "$TEST_DIR/bad"
    bad_publics
    token_conf "$1" "$BAD" label=hostile "${@:2}"
    new_box "$1"
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    check "attach ec" attach ec 02 2>>"$TEST_DIR/lb.log"
    check "attach rsa" attach rsa 01 2>>"$TEST_DIR/lb.log"
}
signs_ec() { signs ec "$TEST_DIR/ec.pub"; }
signs_rsa() { signs rsa "$TEST_DIR/rsa.pub"; }
# bad_behaves [LINE...] : from the next call on it does what the lines say (badcontrol.h), and nothing else.
bad_behaves() {
    rm -f "$BAD_DIR"/count.*
    printf '%s\n' "state log 1" "$@" >"$BAD_DIR/control.new"
    mv "$BAD_DIR/control.new" "$BAD_DIR/control"
}
# bad_connection [LINE...] : the box connects anew, to a token that does what the lines say and was called for nothing before.
bad_connection() {
    lb lock 2>>"$TEST_DIR/lb.log"
    bad_behaves "$@"
    bad_forget_calls
    lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
}
bad_forget_calls() { rm -f "$BAD_DIR/calls"; }
# bad_calls FUNCTION [RESULT] : how often it was called since then.
bad_calls() { grep -cx -e "$*" "$BAD_DIR/calls" 2>/dev/null || true; }
bad_pins_tried() { grep -cE '^C_Login (right|wrong|locked)$' "$BAD_DIR/calls" 2>/dev/null || true; }

# --- a TPM in software

# new_tpm DIR : a running swtpm with a token "tpm", behind a resource manager on a bus of its own: the TPM itself holds three
# objects and serves one program. Exports what its module needs. Sets TPM, TPM_BUS, TPM_MANAGER.
new_tpm() {
    local ready
    needs swtpm tpm2-abrmd dbus-daemon dbus-send
    [ -n "$TPM_MODULE" ] || skip "libtpm2-pkcs11-1 is not installed"
    mkdir -p "$1/state" "$1/store"
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$1/bus
    dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS" >>"$1/bus.log" 2>&1 3>&- &
    TPM_BUS=$!
    own "$TPM_BUS"
    await "the bus" test -S "$1/bus"
    start_tpm "$1"
    export TPM2_PKCS11_STORE=$1/store TPM2_PKCS11_TCTI=tabrmd:bus_type=session
    for ready in "--init-token --label tpm --so-pin $TOKEN_SO_PIN" \
        "--token-label tpm --login --so-pin $TOKEN_SO_PIN --init-pin --pin $TOKEN_PIN"; do
        # shellcheck disable=SC2086 # a list of arguments
        p11tool "$TPM_MODULE" $ready >>"$TEST_DIR/token.log" 2>&1 || fail "no token: $(cat "$TEST_DIR/token.log")"
    done
}
# start_tpm DIR : the TPM and its resource manager. stop_tpm : both.
start_tpm() {
    local root=()
    rm -f "$1/tpm.sock" "$1/tpm.sock.ctrl"
    swtpm socket --tpm2 --tpmstate "dir=$1/state" --server "type=unixio,path=$1/tpm.sock" \
        --ctrl "type=unixio,path=$1/tpm.sock.ctrl" --flags not-need-init,startup-clear >>"$1/swtpm.log" 2>&1 3>&- &
    TPM=$!
    own "$TPM"
    await "the TPM" test -S "$1/tpm.sock"
    ! is_root || root=(--allow-root)
    tpm2-abrmd --session "${root[@]}" --tcti="swtpm:path=$1/tpm.sock" >>"$1/manager.log" 2>&1 3>&- &
    TPM_MANAGER=$!
    own "$TPM_MANAGER"
    await "the TPM's resource manager" dbus-send --session --print-reply --dest=com.intel.tss2.Tabrmd / \
        org.freedesktop.DBus.Peer.Ping
}
stop_tpm() {
    stop "$TPM_MANAGER"
    stop "$TPM"
}
TPM_VARIABLES=(TPM2_PKCS11_STORE TPM2_PKCS11_TCTI DBUS_SESSION_BUS_ADDRESS)
tpm_key() {
    p11tool "$TPM_MODULE" --token-label tpm --login --pin $TOKEN_PIN --keypairgen --key-type "$1" --id "$2" \
        --label "$3" >>"$TEST_DIR/token.log" 2>&1
}

# --- NSS

# new_nss DIR : a database with an RSA key "rsa" and a P-256 key "ec", each with its certificate. Sets NSS_ARGUMENTS, without
# which the module does not start.
new_nss() {
    local key
    needs certutil
    [ -n "$NSS_MODULE" ] || skip "NSS is not installed"
    mkdir -p "$1"
    echo $TOKEN_PIN >"$1/pin"
    head -c 64 /dev/urandom >"$1/noise"
    certutil -N -d "sql:$1" -f "$1/pin"
    for key in "rsa -k rsa -g 2048" "ec -k ec -q nistp256"; do
        # A subject of its own: to NSS certificates of one subject have one nickname, and either is found by it.
        # shellcheck disable=SC2086 # a list of arguments
        certutil -S -x -n ${key} -s "CN=localhost,OU=${key%% *}" -8 localhost -t u,u,u -z "$1/noise" -f "$1/pin" -d "sql:$1" \
            -m "$RANDOM" >>"$TEST_DIR/token.log" 2>&1 || fail "certutil: $(cat "$TEST_DIR/token.log")"
    done
    NSS_ARGUMENTS="configdir='sql:$1' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
}

# --- p11-kit's server, which makes any module a remote one

# start_p11_server DIR URI MODULE : exports P11_KIT_SERVER_ADDRESS. Sets P11_SERVER. Once more: another server in place of
# the one before, which goes on with the connections that it has, so that no time is without one.
P11_SERVERS=0
start_p11_server() {
    needs p11-kit
    [ -n "$CLIENT_MODULE" ] || skip "p11-kit-modules is not installed"
    mkdir -p "$1"
    P11_SERVERS=$((P11_SERVERS + 1))
    p11-kit server --foreground --name "$1/$P11_SERVERS.sock" --provider "$3" "$2" >>"$1/server.log" 2>&1 3>&- &
    P11_SERVER=$!
    own "$P11_SERVER"
    await "p11-kit's server" test -S "$1/$P11_SERVERS.sock"
    ln -s "$1/$P11_SERVERS.sock" "$1/new.sock"
    mv -T "$1/new.sock" "$1/p11.sock"
    export P11_KIT_SERVER_ADDRESS=unix:path=$1/p11.sock
}
# kill_p11_server PID : it and what it forked, at once.
kill_p11_server() {
    # shellcheck disable=SC2046 # a list of process ids
    kill -KILL "$1" $(children_of "$1") 2>/dev/null || true
    await "the server to end" gone "$1"
    wait "$1" 2>/dev/null || true
}

# --- certificates

# certificate NAME SUBJECT SERIAL ISSUER KEY [EXTENSIONS] : NAME.crt and NAME.der; of itself, where ISSUER is NAME.
certificate() {
    local of=(-CA "$4.crt" -CAkey "$4.pem")
    [ "$1" != "$4" ] || of=(-signkey "$5.pem")
    plain_ossl req -new -key "$5.pem" -subj "$2" -out "$1.csr"
    printf '%s\n' "${6:-subjectAltName=DNS:localhost}" >"$1.ext"
    plain_ossl x509 -req -in "$1.csr" "${of[@]}" -set_serial "$3" -days 2 -extfile "$1.ext" -out "$1.crt" 2>>x509.log
    plain_ossl x509 -in "$1.crt" -outform DER -out "$1.der"
}
# chain_is FILE COMMAND... : certificates on its output, these and no others in this order.
chain_is() {
    local expected=$1
    shift
    "$@" >got.out 2>>openssl.log || return 1
    sed -n '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p' got.out | cmp -s - "$expected"
}

# --- a box in front of a token

# token_conf DIR MODULE TOKEN [LINE...] : its configuration; the PIN is in a file that only its user reads.
token_conf() {
    local dir=$1
    mkdir -p "$dir"
    (umask 077 && echo $TOKEN_PIN >"$dir/token.pin")
    printf '%s\n' "backend = pkcs11" "module = $2" "module-dirs = $(dirname "$(realpath "$2")")" "token = $3" \
        "pin = file:$dir/token.pin" "${@:4}" >"$dir/default.conf"
}
# module_env NAME... : lines of that configuration for variables of ours.
module_env() {
    local name
    for name; do
        echo "module-env = $name=${!name}"
    done
}

# attach KEY ID : the object with that CKA_ID gets a name in the box.
attach() { lb attach "$1" --id "$2" >/dev/null; }

# many N KEY : so many signatures and one, by one process, which are not looked at.
many() {
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf" "$LITTLEBOX_BUILD/test/bench/signspeed" "littlebox:$2" 0 "$1" \
        >"$TEST_DIR/many.out" 2>"$TEST_DIR/many.log"
}

# The box has its token.

token_connected() { [ "$(status token.connected)" = true ]; }
# The box connects to it anew.
reconnect() { lb lock && lb unlock --credential "$BOX_DIR/default.credential" 2>>lb.log; }
