# shellcheck shell=bash
# What the tests with servers share: three keys of a box, their certificates and handle files, and handshakes with a
# server that has them.

KEYS="rsa ec ed"
declare -A KEY_TYPE=([rsa]=rsa:2048 [ec]=ec:P-256 [ed]=ed25519)
# As s_client names them: by key and padding, from OpenSSL 3.5 on by the scheme of TLS.
declare -A SIGNATURE=([rsa]='RSA-PSS|rsa_pss_rsae_sha256' [ec]='ECDSA|ecdsa_secp256r1_sha256' [ed]=ed25519)
declare -A SIGNATURE12=([rsa]="RSA|rsa_pkcs1_sha256|${SIGNATURE[rsa]}" [ec]=${SIGNATURE[ec]} [ed]=ed25519)
declare -A PORT
# What goes before the handshake, smtp or postgres, and what clients of the load do after it.
STARTTLS=
LOAD_ARGUMENTS=(--get)

# key_files KEY DIR [USER] : its handle file and certificate, for a server, whose workers are that user.
key_files() {
    lb handle "$1" --out "$2/$1.pem"
    self_signed "littlebox:$1" "$2/$1.crt" 2>>"$TEST_DIR/openssl.log" || fail "no certificate for $1"
    [ -z "${3:-}" ] || lb allow "$1" --user "$3" 2>>"$TEST_DIR/lb.log"
}

# make_keys DIR : keys made in the box, so that they never were anywhere else, with handle files and certificates in DIR.
make_keys() {
    local key
    for key in $KEYS; do
        lb create "$key" --type "${KEY_TYPE[$key]}" >/dev/null 2>>"$TEST_DIR/lb.log"
        key_files "$key" "$1"
    done
}

# import_keys DIR PLAIN [USER] : the same with keys that begin as files in PLAIN, since memscan must know them; their certificates
# are there too.
import_keys() {
    local key
    mkdir -p "$1" "$2"
    for key in $KEYS; do
        new_key "${KEY_TYPE[$key]}" "$2/$key.pem"
        lb import "$key" "$2/$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
        key_files "$key" "$1" "${3:-}"
        cp "$1/$key.crt" "$2/"
    done
}

# configure_nginx DIR FILES WORKERS [USER] : one port a key, with the key files and certificates of FILES.
configure_nginx() {
    local key ports
    # shellcheck disable=SC2046 # a list of numbers
    set -- "$@" $(free_ports 3)
    ports=("${@: -3}")
    for key in $KEYS; do
        PORT[$key]=${ports[0]}
        ports=("${ports[@]:1}")
        nginx_server "${PORT[$key]}" "$2/$key.crt" "$2/$key.pem"
    done
    case $# in
    7) write_nginx_conf "$1" "$3" "$4" ;;
    *) write_nginx_conf "$1" "$3" ;;
    esac
}

# handshakes KEY CERTIFICATES ARGUMENTS... : a load client for that key's port.
handshakes() {
    local key=$1 certificates=$2
    shift 2
    # shellcheck disable=SC2086 # CLIENT: what the client runs under, if anything
    ${CLIENT:-} env OPENSSL_CONF=/dev/null "$HARNESS/tlsload" --connect "127.0.0.1:${PORT[$key]}" \
        --ca "$certificates/$key.crt" ${STARTTLS:+--starttls "$STARTTLS"} "$@"
}

# s_client KEY VERSION ARGUMENTS... : what openssl s_client says about one handshake.
s_client() {
    local key=$1 version=$2
    shift 2
    plain_ossl s_client -connect "127.0.0.1:${PORT[$key]}" -servername localhost "-$version" \
        ${STARTTLS:+-starttls "$STARTTLS"} "$@" </dev/null 2>&1
}

# Every key serves both protocol versions, and the signature is of the key's own kind.
check_signature_types() {
    local key
    for key in $KEYS; do
        check_signature_type "$key" "$1"
    done
}
check_signature_type() {
    local key=$1
    s_client "$key" tls1_3 -CAfile "$2/$key.crt" >"$TEST_DIR/s_client" || true
    check "$key: TLS 1.3 verifies" grep -q 'Verification: OK' "$TEST_DIR/s_client"
    check "$key: TLS 1.3 is signed by ${SIGNATURE[$key]}" \
        grep -Eq "^Peer signature type: (${SIGNATURE[$key]})\$" "$TEST_DIR/s_client"
    s_client "$key" tls1_2 -CAfile "$2/$key.crt" >"$TEST_DIR/s_client" || true
    check "$key: TLS 1.2 verifies" grep -q 'Verification: OK' "$TEST_DIR/s_client"
    check "$key: TLS 1.2 is signed by ${SIGNATURE12[$key]}" \
        grep -Eq "^Peer signature type: (${SIGNATURE12[$key]})\$" "$TEST_DIR/s_client"
    [ "$key" = rsa ] || return 0
    s_client rsa tls1_2 -sigalgs RSA+SHA256 -CAfile "$2/rsa.crt" >"$TEST_DIR/s_client" || true
    check "rsa: TLS 1.2 is signed by PKCS#1 v1.5 where the client asks" \
        grep -Eq '^Peer signature type: (RSA|rsa_pkcs1_sha256)$' "$TEST_DIR/s_client"
}

# The clients of a load: their processes and their names.
LOADS=() LOAD_NAMES=()

# start_load NAME COMMAND... : one client, a function or program that takes tlsload's options. It goes on until end_loads.
start_load() {
    local name=$1
    shift
    rm -f "$TEST_DIR/$name.progress"
    "$@" --until "$TEST_DIR/enough" --progress "$TEST_DIR/$name.progress" >"$TEST_DIR/$name.load.log" 2>&1 3>&- &
    LOADS+=("$!")
    LOAD_NAMES+=("$name")
    own "$!"
}
no_loads() {
    LOADS=() LOAD_NAMES=()
    rm -f "$TEST_DIR/enough"
}

# start_loads CERTIFICATES COUNT : two clients a key, with both versions; each makes at least COUNT handshakes.
start_loads() {
    local key version
    no_loads
    for key in $KEYS; do
        for version in tls1.2 tls1.3; do
            start_load "$key-$version" handshakes "$key" "$1" "--$version" "${LOAD_ARGUMENTS[@]}" --count "$2"
        done
    done
    await_handshakes 20
}

progress() { cat "$TEST_DIR/$1.progress" 2>/dev/null || echo 0; }
progressed() { [ "$(progress "$1")" -ge "$2" ]; }

# await_handshakes N : until every client has made N more, so that whatever was done before happened under load.
await_handshakes() {
    local load
    local -A wanted
    for load in "${LOAD_NAMES[@]}"; do
        wanted[$load]=$(($(progress "$load") + $1))
    done
    for load in "${LOAD_NAMES[@]}"; do
        await "$1 more handshakes of $load" progressed "$load" "${wanted[$load]}"
    done
}

# end_loads : lets the clients end, whatever they say; their words are in NAME.load.log.
end_loads() {
    local pid
    : >"$TEST_DIR/enough"
    for pid in "${LOADS[@]}"; do
        wait "$pid" || true
    done
}

# stop_loads : the same, and no handshake of any of them may have failed.
stop_loads() {
    local pid
    : >"$TEST_DIR/enough"
    for pid in "${LOADS[@]}"; do
        wait "$pid" || fail "handshakes failed"
    done
    check_loads
}
# check_loads : no handshake of the clients, which have ended, has failed.
check_loads() {
    local load
    for load in "${LOAD_NAMES[@]}"; do
        check "$load: $(cat "$TEST_DIR/$load.load.log")" grep -Eq '^handshakes [0-9]+ failed 0 ' "$TEST_DIR/$load.load.log"
    done
}

# until_replaced PID COMMAND... : runs the command, and waits until the children of that process have ended, and it has others.
until_replaced() {
    local parent=$1 old
    shift
    old=$(children_of "$parent")
    "$@"
    # shellcheck disable=SC2086 # a list of process ids
    await "the old children to end" replaced "$parent" $old
}
replaced() { all_gone "${@:2}" && has_children "$1"; }
all_gone() {
    local pid
    for pid; do
        gone "$pid" || return 1
    done
}

reload_nginx() { until_replaced "$NGINX" run_nginx "$1" -s reload; }

# workers_are USER : of nginx.
workers_are() {
    local pid
    for pid in $(children_of "$NGINX"); do
        same "worker $pid is $1" "$(id -u "$1")" "$(stat -c %u "/proc/$pid")"
    done
}

# until_logged WHAT PATTERN FILE COMMAND... : runs the command, and waits until FILE has one more line that matches.
until_logged() {
    local what=$1 pattern=$2 file=$3 before
    shift 3
    before=$(lines_like "$pattern" "$file")
    "$@"
    await "$what" more_lines_like "$pattern" "$file" "$before"
}
lines_like() { grep -c -e "$1" "$2" || true; }
more_lines_like() { [ "$(lines_like "$1" "$2")" -gt "$3" ]; }

# What may happen to a box that serves: each without one failed handshake.
restart_box_in_every_way() {
    restart_child_in_every_way
    stop_box
    start_box "$BOX_DIR" "${BOX_AS[@]}"
    await_handshakes 20
    say "ok: the box was stopped and started under load"
}
# The part of it that needs no path to the box's socket, since the keeper keeps all connections.
restart_child_in_every_way() {
    local child
    child=$(box_child)
    kill -KILL "$child"
    await "another child after SIGKILL" status_is_new_child "$child"
    await_handshakes 20
    say "ok: the child was killed with SIGKILL under load"

    child=$(box_child)
    kill -HUP "$KEEPER"
    await "another child after SIGHUP" status_is_new_child "$child"
    await_handshakes 20
    say "ok: the child was replaced by SIGHUP under load"
}
BOX_AS=()
status_is_new_child() { [ "$(status pid)" != "$1" ] && [ -n "$(status pid)" ]; }
