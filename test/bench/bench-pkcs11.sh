#!/usr/bin/env bash
# What a key on a SoftHSM2 token costs nginx: by a box in front of it, by libp11's engine and by pkcs11-provider, as ratios
# to a plain key in the same run; and what sessions bring with a token that takes 2 ms for a signature. Rounds are
# interleaved, medians are printed.
#
# BENCH_ROUNDS (5) rounds of BENCH_SECONDS (2) each, with BENCH_CLIENTS (4) at once; BENCH_KINDS ("plain box engine provider control"): which.
# BENCH_WORKERS (1): workers of nginx; from two on all programs share all processors. BENCH_SLOW=no: without the token of 2 ms.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl softhsm2-util pkcs11-tool
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
CLIENTS=${BENCH_CLIENTS:-4}
KINDS=${BENCH_KINDS:-plain box engine provider control}
WORKERS=${BENCH_WORKERS:-1}
placing="servers, box and clients share all of them"
exec 4>&1
! is_root || USER_OF_WORKERS=root # the engine's and the provider's workers read the token themselves
mkdir "$TEST_DIR/files"
wanted() { grep -qw -- "$1" <<<"$KINDS"; }
drop() {
    echo "not measured: $1: $2" >&4
    KINDS=${KINDS//$1/}
}

# --- The same keys as files and on a token
softhsm_dir "$TEST_DIR/hsm"
softhsm_token bench
declare -A ID=([rsa]=01 [ec]=02 [ed]=03)
for key in $KEYS; do
    new_key "${KEY_TYPE[$key]}" "$TEST_DIR/files/$key.pem"
    plain_ossl req -x509 -new -config "$LITTLEBOX_SRC/examples/nginx/openssl.cnf" -key "$TEST_DIR/files/$key.pem" \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out "$TEST_DIR/files/$key.crt"
    softhsm_import bench "$TEST_DIR/files/$key.pem" "${ID[$key]}" "$key" || fail "no $key on the token"
done

# --- Each way to the keys: KEY_OF[kind-key] is what nginx is told, CNF_OF[kind] its openssl.cnf
declare -A KEY_OF CNF_OF
for key in $KEYS; do
    KEY_OF[plain-$key]=$TEST_DIR/files/$key.pem
    KEY_OF[control-$key]=$TEST_DIR/files/$key.pem
done
CNF_OF[plain]=/dev/null CNF_OF[control]=/dev/null

if wanted box; then
    token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=bench "sessions = 8" "$(module_env SOFTHSM2_CONF)"
    new_box "$TEST_DIR/box" setsid # as every service: the kernel shares out time by sessions
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
    CNF_OF[box]=$BOX_DIR/openssl.cnf
    for key in $KEYS; do
        attach "$key" "${ID[$key]}" 2>>"$TEST_DIR/lb.log" || fail "attach $key: $(tail -n 2 "$TEST_DIR/lb.log")"
        lb handle "$key" --out "$TEST_DIR/box/$key.pem"
        KEY_OF[box-$key]=$TEST_DIR/box/$key.pem
    done
fi

if wanted engine; then
    engine=$(module_file "$TOKEN_LIB/engines-3/pkcs11.so") ||
        drop engine "libp11's engine is not installed (Debian: libengine-pkcs11-openssl)"
fi
if wanted engine; then
    CNF_OF[engine]=$TEST_DIR/engine.cnf
    printf '%s\n' "openssl_conf = init" "[init]" "engines = engines" "[engines]" "pkcs11 = pkcs11" "[pkcs11]" \
        "engine_id = pkcs11" "dynamic_path = $engine" "MODULE_PATH = $SOFTHSM_MODULE" "PIN = $TOKEN_PIN" \
        "init = 1" >"$TEST_DIR/engine.cnf"
    for key in rsa ec; do # it has no Ed25519; and a token with such a key has no other for it either
        KEY_OF[engine-$key]="\"engine:pkcs11:pkcs11:token=engine;id=%${ID[$key]};type=private\""
    done
    softhsm_token engine
    for key in rsa ec; do
        softhsm_import engine "$TEST_DIR/files/$key.pem" "${ID[$key]}" "$key"
    done
fi

# pkcs11-provider is in Debian's backports for this release: fetched by apt, unpacked and not installed.
fetch_provider() {
    local apt=$TEST_DIR/apt
    mkdir -p "$apt"/{lists,cache,out}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-backports main" \
        >"$apt/sources.list"
    (
        cd "$apt/out"
        options=(-q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
            -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
        timeout 120 apt-get "${options[@]}" update && timeout 120 apt-get "${options[@]}" download pkcs11-provider &&
            dpkg-deb -x pkcs11-provider_*.deb .
    ) >"$TEST_DIR/apt.log" 2>&1
}
if wanted provider; then
    provider=$(module_file "$TOKEN_LIB/ossl-modules/pkcs11.so") ||
        { fetch_provider && provider=$(find "$TEST_DIR/apt/out" -name pkcs11.so | head -n 1) && [ -n "$provider" ]; } ||
        drop provider "pkcs11-provider is not installed, and could not be fetched: $(tail -n 1 "$TEST_DIR/apt.log")"
fi
# A file of the form that it reads: SEQUENCE { VisibleString, UTF8String }.
provider_pem() {
    printf '%s\n' "asn1 = SEQUENCE:pair" "[pair]" "what = VISIBLESTRING:PKCS\\#11 Provider URI v1.0" "uri = UTF8:$1" \
        >"$TEST_DIR/asn1.cnf"
    plain_ossl asn1parse -genconf "$TEST_DIR/asn1.cnf" -noout -out "$TEST_DIR/asn1.der"
    echo "-----BEGIN PKCS#11 PROVIDER URI-----"
    base64 -w 64 "$TEST_DIR/asn1.der"
    echo "-----END PKCS#11 PROVIDER URI-----"
}
if wanted provider; then
    CNF_OF[provider]=$TEST_DIR/provider.cnf
    (umask 077 && printf %s "$TOKEN_PIN" >"$TEST_DIR/provider.pin")
    printf '%s\n' "openssl_conf = init" "[init]" "providers = providers" "[providers]" "default = default_section" \
        "pkcs11 = pkcs11_section" "[default_section]" "activate = 1" "[pkcs11_section]" "module = $provider" \
        "pkcs11-module-path = $SOFTHSM_MODULE" "pkcs11-module-token-pin = file:$TEST_DIR/provider.pin" \
        "pkcs11-module-quirks = no-deinit" "activate = 1" >"$TEST_DIR/provider.cnf"
    for key in $KEYS; do
        provider_pem "pkcs11:token=bench;id=%${ID[$key]};type=private" >"$TEST_DIR/provider-$key.pem"
        KEY_OF[provider-$key]=$TEST_DIR/provider-$key.pem
    done
fi

# --- Rounds
if [ "$WORKERS" -eq 1 ]; then
    place
    [ -z "${BOX_DIR:-}" ] || for pid in $(processes "$KEEPER"); do taskset -apc 0 "$pid" >/dev/null; done
fi
round() {
    local kind=$1 key=$2 port
    port=$(free_ports 1)
    PORT[$key]=$port
    NGINX_OPENSSL_CONF=${CNF_OF[$kind]}
    nginx_server "$port" "$TEST_DIR/files/$key.crt" "${KEY_OF[$kind-$key]}"
    write_nginx_conf "$TEST_DIR/nginx" "$WORKERS" ${USER_OF_WORKERS:+"$USER_OF_WORKERS"}
    sed -i '1i env SOFTHSM2_CONF;' "$TEST_DIR/nginx/nginx.conf" # workers lose it otherwise
    start_nginx "$TEST_DIR/nginx"
    note "first-$kind-$key" "$(handshakes "$key" "$TEST_DIR/files" --first --tls1.3 || echo -)"
    # Each worker has its first handshake behind it: with pkcs11-provider that takes a second.
    LENGTH=1.5 load_many "$CLIENTS" "$key" "$TEST_DIR/files" >"$TEST_DIR/warm.log" 2>&1 || true # told by what follows
    # shellcheck disable=SC2046 # a list of process ids
    if ! load "$kind-$key" "$CLIENTS" "$key" "$TEST_DIR/files" $(processes "$NGINX" ${BOX_DIR:+"$KEEPER"}) 2>"$TEST_DIR/load.why"; then
        drop "$kind" "$key: $(head -n 1 "$TEST_DIR/load.why") $(tail -n 1 "$TEST_DIR/warm.log")"
    fi
    stop_nginx "$TEST_DIR/nginx"
}
for ((i = 1; i <= ROUNDS; i++)); do
    for key in $KEYS; do
        for kind in $KINDS; do
            [ -n "${KEY_OF[$kind-$key]:-}" ] || continue
            echo "round $i of $ROUNDS: $key, $kind" >&2
            round "$kind" "$key"
        done
    done
done
first_table() {
    local key kind
    printf '\nfirst handshake of a fresh worker, ms\n%-10s' key
    for kind in $KINDS; do printf ' %10s' "$kind"; done
    for key in $KEYS; do
        printf '\n%-10s' "${KEY_TYPE[$key]}"
        for kind in $KINDS; do printf ' %10s' "$(median "first-$kind-$key")"; done
    done
    echo
}
{
    conditions
    load_head "full TLS 1.3 handshakes, $(nginx -v 2>&1 | sed 's/.*: //') with $WORKERS worker(s), $CLIENTS clients at once, keys on SoftHSM2"
    for key in $KEYS; do
        for kind in $KINDS; do load_row "${KEY_TYPE[$key]}" "$kind" "$kind-$key" "plain-$key"; done
    done
    load_foot
    first_table
} >&4

# --- 16 connections and a token that takes 2 ms
slow_box() {
    token_conf "$TEST_DIR/slow-$1" "$BAD" label=hostile "sessions = $1" "threads = 20"
    new_box "$TEST_DIR/slow-$1"
    attach ec 02 2>>"$TEST_DIR/lb.log"
    write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
}
# together SESSIONS : signatures per second of 16 threads at once, each with a connection of its own.
together() {
    OPENSSL_CONF=$TEST_DIR/slow-$1/openssl.cnf "$LITTLEBOX_BUILD/test/bench/signspeed" littlebox:ec "$LENGTH" 0 16 \
        2>"$TEST_DIR/load.err" || fail "signspeed: $(cat "$TEST_DIR/load.err")"
}
if wanted box && [ "${BENCH_SLOW:-yes}" = yes ]; then
    taskset -pc 0-$(($(nproc) - 1)) $$ >/dev/null
    stop_box
    bad_token "$TEST_DIR/bad"
    echo "C_Sign sleep 2" >"$BAD_DIR/control"
    slow_box 1
    slow_box 16
    for ((i = 1; i <= ROUNDS; i++)); do
        echo "round $i of $ROUNDS: 2 ms a signature" >&2
        one=$(together 1)
        many=$(together 16)
        note one "$one"
        note many "$many"
        note times "$(ratio "$many" "$one")"
    done
    printf '\n16 connections, 2 ms a signature: %s signatures per second with one session, %s with 16: %s times (rounds:%s)\n' \
        "$(median one)" "$(median many)" "$(median times)" "$(sed 's/^/ /' "$TEST_DIR/results/times" | tr -d '\n')" >&4
fi
finish_bench() { TEST_CHECKS=1 && finish; }
finish_bench
