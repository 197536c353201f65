#!/usr/bin/env bash
# What a handle costs in stock servers: full TLS 1.3 handshakes with each of them, with a plain key, with a handle, and with
# the plain key again as a control, in one table. Asserts nothing but that no handshake fails.
#
# Each server has three instances, one for each of these, which run at the same time and have their turns of BENCH_SECONDS
# (0.5) in each of BENCH_ROUNDS (10) rounds, in an order that changes, with BENCH_CLIENTS (8) connections at once. The next
# server begins when they have ended. All have the provider in their openssl.cnf, the plain ones too.
#
# BENCH_SERVERS: which servers, of those below; BENCH_KEYS ("rsa ec ed"): which types of key.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs openssl setsid
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
ROUNDS=${BENCH_ROUNDS:-10}
LENGTH=${BENCH_SECONDS:-0.5}
CLIENTS=${BENCH_CLIENTS:-8}
KINDS="plain handle control"
KEYS=${BENCH_KEYS:-$KEYS}
SERVERS=${BENCH_SERVERS:-nginx haproxy apache lighttpd stunnel mosquitto redis unbound postgresql dovecot}
place
exec 4>&1

# Where Debian has the newest PostgreSQL, which is not in the path.
postgres_program() {
    find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1 | grep . || echo postgres
}
stunnel_program() { command -v stunnel4 || echo stunnel; }
# Debian's name of the user, and that of newer packages.
stunnel_user() { id stunnel4 >/dev/null 2>&1 && echo stunnel4 || echo stunnel; }
declare -A PROGRAM=([nginx]=nginx [haproxy]=haproxy [apache]=apache2 [lighttpd]=lighttpd [stunnel]="$(stunnel_program)"
    [mosquitto]=mosquitto [redis]=redis-server [unbound]=unbound [postgresql]="$(postgres_program)" [dovecot]=dovecot)
# Who signs, when the server is started as root.
declare -A USER_OF=([nginx]=www-data [haproxy]=haproxy [apache]=www-data [lighttpd]=www-data [stunnel]="$(stunnel_user)"
    [mosquitto]=mosquitto [redis]=redis [unbound]=unbound [postgresql]=postgres [dovecot]=dovenull)
declare -A VERSION_BY=([nginx]=-v [haproxy]=-v [apache]=-v [lighttpd]=-v [stunnel]=-version [mosquitto]=-h [redis]=-v
    [unbound]=-V [postgresql]=-V [dovecot]=--version)
# What else must be there, in packages of its own.
declare -A ALSO=([apache]=/usr/lib/apache2/modules/mod_ssl.so [lighttpd]=/usr/lib/lighttpd/mod_openssl.so
    [dovecot]=/usr/lib/dovecot/imap-login)
# Those that have a listener with a certificate of its own for each key; of the others each key has its own instance.
TOGETHER="nginx haproxy apache lighttpd stunnel mosquitto"
# Those that make a thread or a process for each connection.
PER_CONNECTION="stunnel postgresql dovecot"
among() { grep -qw -- "$1" <<<"$2"; }

version() {
    { "${PROGRAM[$1]}" "${VERSION_BY[$1]}" 2>&1 || true; } | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}

# --- The servers. serve_NAME KEY... : starts one in DIR, as user RUN_AS or, if that is empty, as who runs this, with
# DIR/KEY.pem and DIR/KEY.crt at PORT[KEY] for each key; sets SERVER. The configuration has what must be there, and else all
# is as it is by default.

conf() { printf '%s\n' "$@" >>"$DIR/server.conf"; }
# as_root LINE... : lines of the configuration that only root can have.
as_root() { [ -z "$RUN_AS" ] || conf "$@"; }
# foreground COMMAND... : in a session of its own, as every service.
foreground() {
    OPENSSL_CONF=$BOX_DIR/openssl.cnf setsid "$@" >>"$DIR/server.log" 2>&1 </dev/null 3>&- 4>&- &
    SERVER=$!
    own "$SERVER"
}
# as_user COMMAND... : for those that do not change their user themselves.
as_user() {
    local as=()
    [ -z "$RUN_AS" ] || as=(setpriv "--reuid=$RUN_AS" "--regid=$(id -g "$RUN_AS")" --init-groups)
    foreground "${as[@]}" "$@"
}

# A master and one worker.
serve_nginx() {
    local key
    for key; do nginx_server "${PORT[$key]}" "$DIR/$key.crt" "$DIR/$key.pem"; done
    write_nginx_conf "$DIR" 1 ${RUN_AS:+"$RUN_AS"}
    start_nginx "$DIR" 4>&-
    SERVER=$NGINX
}

# One process with one thread, which waits for its signatures (the default: no ssl-mode-async).
serve_haproxy() {
    local key
    conf global "nbthread 1" "maxconn 1000"
    as_root "user $RUN_AS" "group $(id -gn "$RUN_AS")"
    conf defaults "mode http" "timeout client 60s" "timeout server 60s" "timeout connect 60s" "frontend bench"
    for key; do
        cat "$DIR/$key.crt" "$DIR/$key.pem" >"$DIR/$key.site"
        conf "bind 127.0.0.1:${PORT[$key]} ssl crt $DIR/$key.site"
    done
    conf "http-request return status 200 content-type text/plain string hello"
    foreground haproxy -db -f "$DIR/server.conf"
}

# mpm_event: a parent, and one child with its default of 25 threads; more children would only share the one processor.
serve_apache() {
    local key module
    for module in mpm_event authz_core ssl; do
        conf "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
    done
    as_root "User $RUN_AS" "Group $(id -gn "$RUN_AS")"
    conf "ServerName localhost" "DefaultRuntimeDir $DIR" "PidFile $DIR/apache.pid" "ErrorLog $DIR/error.log" \
        "DocumentRoot $DIR" "ServerLimit 1" "StartServers 1" "ThreadsPerChild 25" "MaxRequestWorkers 25"
    for key; do
        conf "Listen 127.0.0.1:${PORT[$key]}" "<VirtualHost 127.0.0.1:${PORT[$key]}>" "SSLEngine on" \
            "SSLCertificateFile $DIR/$key.crt" "SSLCertificateKeyFile $DIR/$key.pem" "</VirtualHost>"
    done
    foreground apache2 -d "$DIR" -f "$DIR/server.conf" -D FOREGROUND
}

# One process with one thread. Its first address is a socket in the file system, so that those with TLS are all alike.
serve_lighttpd() {
    local key
    conf 'server.modules = ( "mod_openssl" )' "server.document-root = \"$DIR\"" "server.errorlog = \"$DIR/error.log\"" \
        "server.bind = \"$DIR/socket\""
    as_root "server.username = \"$RUN_AS\"" "server.groupname = \"$(id -gn "$RUN_AS")\""
    for key; do
        conf "\$SERVER[\"socket\"] == \"127.0.0.1:${PORT[$key]}\" {" 'ssl.engine = "enable"' \
            "ssl.pemfile = \"$DIR/$key.crt\"" "ssl.privkey = \"$DIR/$key.pem\"" "}"
    done
    foreground lighttpd -D -f "$DIR/server.conf"
}

# One process with a thread for each connection. There is nothing behind it: a client that has its handshake leaves.
serve_stunnel() {
    local key
    conf "foreground = yes" "pid =" "debug = crit"
    as_root "setuid = $RUN_AS" "setgid = $(id -gn "$RUN_AS")"
    for key; do
        conf "[$key]" "accept = 127.0.0.1:${PORT[$key]}" "connect = $DIR/nobody" "cert = $DIR/$key.crt" "key = $DIR/$key.pem"
    done
    foreground "${PROGRAM[stunnel]}" "$DIR/server.conf"
}

# One process with one thread.
serve_mosquitto() {
    local key
    as_root "user $RUN_AS"
    conf "log_dest stderr" "log_type error"
    for key; do
        conf "listener ${PORT[$key]} 127.0.0.1" "certfile $DIR/$key.crt" "keyfile $DIR/$key.pem"
    done
    foreground mosquitto -c "$DIR/server.conf"
}

# One process whose main thread makes all handshakes (the default: io-threads 1).
serve_redis() {
    conf "bind 127.0.0.1" "port 0" "tls-port ${PORT[$1]}" "tls-cert-file $DIR/$1.crt" "tls-key-file $DIR/$1.pem" \
        "tls-auth-clients no" "dir $DIR" 'save ""' "daemonize no"
    as_user redis-server "$DIR/server.conf"
}

# DNS over TLS: one process with one thread (the default). It takes more connections than its 10, since some are not closed
# yet when others come.
serve_unbound() {
    conf "server:" "interface: 127.0.0.1@${PORT[$1]}" "tls-port: ${PORT[$1]}" "tls-service-key: $DIR/$1.pem" \
        "tls-service-pem: $DIR/$1.crt" "incoming-num-tcp: 100" "username: \"$RUN_AS\"" 'chroot: ""' "directory: $DIR" \
        "use-syslog: no" "module-config: iterator" "remote-control:" "control-enable: no"
    foreground unbound -d -d -p -c "$DIR/server.conf"
}

# A postmaster with its usual processes, and one more for each connection. Its data directory is made once for each kind.
serve_postgresql() {
    local data=$TEST_DIR/data-$KIND
    if [ ! -e "$data" ]; then
        own_directory "$data"
        as_user "$(dirname "${PROGRAM[postgresql]}")/initdb" --no-sync --auth reject --pgdata "$data"
        wait "$SERVER" || fail "initdb: $(tail -n 1 "$DIR/server.log")"
    fi
    conf "listen_addresses = '127.0.0.1'" "port = ${PORT[$1]}" "unix_socket_directories = ''" "ssl = on" \
        "ssl_cert_file = '$DIR/$1.crt'" "ssl_key_file = '$DIR/$1.pem'" "log_min_messages = fatal"
    as_user "${PROGRAM[postgresql]}" -D "$data" -c "config_file=$DIR/server.conf"
}

# imaps, with a login process for each connection (the default: service_count 1).
serve_dovecot() {
    # shellcheck disable=SC2016 # for Dovecot
    conf "base_dir = $DIR/run" "state_dir = $DIR/run" "log_path = $DIR/dovecot.log" "protocols = imap" "listen = 127.0.0.1" \
        "ssl = required" "ssl_cert = <$DIR/$1.crt" "ssl_key = <$DIR/$1.pem" "default_login_user = $RUN_AS" \
        'import_environment = $import_environment OPENSSL_CONF' \
        "passdb {" "driver = static" "args = password=none" "}" \
        "service imap-login {" "chroot =" "inet_listener imap {" "port = 0" "}" \
        "inet_listener imaps {" "port = ${PORT[$1]}" "ssl = yes" "}" "}"
    foreground dovecot -F -c "$DIR/server.conf"
}

# --- Their instances

# own_directory DIR : an empty one that belongs to RUN_AS.
own_directory() { install -d ${RUN_AS:+-o "$RUN_AS"} "$1"; }
listens() {
    alive "$1" || fail "it ended instead of listening at port $2"
    port_open "$2"
}

# start_server NAME KIND KEY... : sets SERVER_OF[KIND], and PORT_OF[KIND-KEY] for each key.
declare -A SERVER_OF PORT_OF
start_server() {
    local name=$1 key ports
    KIND=$2
    shift 2
    DIR=$TEST_DIR/$name-$KIND
    rm -rf "$DIR"
    own_directory "$DIR"
    mapfile -t ports < <(free_ports $#)
    for key; do
        # Some want files that are for no other than them.
        install -m 600 ${RUN_AS:+-o "$RUN_AS"} "$TEST_DIR/$KIND/$key.pem" "$DIR"
        install -m 644 "$TEST_DIR/plain/$key.crt" "$DIR"
        PORT[$key]=${ports[0]}
        ports=("${ports[@]:1}")
        PORT_OF[$KIND-$key]=${PORT[$key]}
    done
    "serve_$name" "$@"
    for key; do await "$name ($KIND) to listen for $key" listens "$SERVER" "${PORT[$key]}"; done
    SERVER_OF[$KIND]=$SERVER
}
# stop_server NAME KIND
stop_server() {
    case $1 in
    postgresql) stop "${SERVER_OF[$2]}" INT ;; # it waits for no client
    *) stop "${SERVER_OF[$2]}" ;;
    esac
}

# Where threads and processes end with their connections, their time is found in that of the process that they were of, in
# hundredths of a second. cpu_with_ended SERVER KEEPER : of the server, and of the box as everywhere.
TICK_NS=$((1000000000 / $(getconf CLK_TCK)))
cpu_with_ended() {
    local pid box
    # shellcheck disable=SC2046 # a list of process ids
    box=$(cpu_ns $(processes "$2"))
    for pid in $(processes "$1"); do cat "/proc/$pid/stat" 2>/dev/null || true; done |
        awk -v tick="$TICK_NS" -v box="$box" '{ sub(/.*\) /, ""); n += $12 + $13 + $14 + $15 }
            END { printf "%.0f", n * tick + box }'
}

# In place of load_many, for PostgreSQL: a process for each connection at once, since what is said before TLS is known to
# another client than that one. Their rates are added up; p50 and p99 are the means of theirs. PostgreSQL's group is P-256 by
# default; any other first would cost a second ClientHello.
load_postgres() {
    local i pids=() status=0 STARTTLS=postgres owned=("${TEST_PIDS[@]}")
    rm -f "$TEST_DIR/enough"
    for ((i = 1; i <= $1; i++)); do
        handshakes "$2" "$3" --tls1.3 --groups P-256 --until "$TEST_DIR/enough" >"$TEST_DIR/load.$i" 4>&- &
        pids+=("$!")
        own "$!"
    done
    sleep "$LENGTH" # as long as the round is
    : >"$TEST_DIR/enough"
    for i in "${pids[@]}"; do wait "$i" || status=1; done
    TEST_PIDS=("${owned[@]}")
    cat "$TEST_DIR"/load.[0-9]* | awk '
        { for (i = 1; i < NF; i += 2) v[$i] += $(i + 1) }
        END { print "handshakes", v["handshakes"], "failed", v["failed"], "p50", v["p50"] / NR, "p99", v["p99"] / NR,
              "cpu_ms", v["cpu_ms"], "per_second", v["per_second"] }'
    return "$status"
}

# slice NAME KIND KEY : one turn of it.
slice() {
    local name=$1 kind=$2 key=$3 LOAD_BY=load_many CPU_BY=cpu_ns pids
    [ "$name" != postgresql ] || LOAD_BY=load_postgres
    PORT[$key]=${PORT_OF[$kind-$key]}
    pids=("${SERVER_OF[$kind]}" "$KEEPER")
    if among "$name" "$PER_CONNECTION"; then CPU_BY=cpu_with_ended; else mapfile -t pids < <(processes "${pids[@]}"); fi
    load "$name-$kind-$key" "$CLIENTS" "$key" "$TEST_DIR/plain" "${pids[@]}" ||
        fail "$name, $key, $kind: handshakes failed: $(head -n 1 "$TEST_DIR/load.err")"
}

# measure NAME KEY... : all rounds of one server with these keys.
measure() {
    local name=$1 kind key i owned=("${TEST_PIDS[@]}")
    shift
    for kind in $KINDS; do start_server "$name" "$kind" "$@"; done
    for ((i = 1; i <= ROUNDS; i++)); do
        echo "$name, round $i of $ROUNDS: $*" >&2
        for key; do
            # shellcheck disable=SC2086 # a list of kinds
            for kind in $(turn "$i" $KINDS); do slice "$name" "$kind" "$key"; done
        done
    done
    for kind in $KINDS; do stop_server "$name" "$kind"; done
    TEST_PIDS=("${owned[@]}") # so many processes begin here that a number may soon be that of another
}

# --- What can be measured here

MEASURED=() LEFT_OUT=()
# why_not NAME : says what is missing, and fails if nothing is.
why_not() {
    if ! command -v "${PROGRAM[$1]}" >/dev/null; then
        echo "it is not installed"
    elif [ -n "${ALSO[$1]:-}" ] && [ ! -e "${ALSO[$1]}" ]; then
        echo "there is no ${ALSO[$1]}"
    elif is_root && ! id "${USER_OF[$1]}" >/dev/null 2>&1; then
        echo "there is no user ${USER_OF[$1]}"
    elif [ "$1" = dovecot ] && ! is_root; then
        echo "it wants to be started as root"
    elif [ "$1" = dovecot ] && [[ $(version dovecot) != 2.3.* ]]; then
        echo "version $(version dovecot) has another configuration than 2.3"
    else
        return 1
    fi
}
for name in $SERVERS; do
    [ -n "${PROGRAM[$name]:-}" ] || fail "BENCH_SERVERS: there is no server '$name' here"
    if why=$(why_not "$name"); then LEFT_OUT+=("$name: $why"); else MEASURED+=("$name"); fi
done
for key in $KEYS; do [ -n "${KEY_TYPE[$key]:-}" ] || fail "BENCH_KEYS: there is no key '$key' here"; done

new_box "$TEST_DIR/box" setsid # as every service: the kernel shares out time by sessions
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
for kind in $KINDS; do mkdir "$TEST_DIR/$kind"; done
for key in $KEYS; do
    new_key "${KEY_TYPE[$key]}" "$TEST_DIR/plain/$key.pem"
    lb import "$key" "$TEST_DIR/plain/$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
    lb handle "$key" --out "$TEST_DIR/handle/$key.pem"
    self_signed "$TEST_DIR/plain/$key.pem" "$TEST_DIR/plain/$key.crt" 2>>"$TEST_DIR/openssl.log"
    cp "$TEST_DIR/plain/$key.pem" "$TEST_DIR/control/"
done

for name in "${MEASURED[@]}"; do
    RUN_AS=
    if is_root; then
        RUN_AS=${USER_OF[$name]}
        for key in $KEYS; do lb allow "$key" --user "$RUN_AS" 2>>"$TEST_DIR/lb.log"; done
    fi
    if among "$name" "$TOGETHER"; then
        # shellcheck disable=SC2086 # a list of keys
        measure "$name" $KEYS
    else
        for key in $KEYS; do measure "$name" "$key"; done
    fi
done

# --- The table
types() { for key in $KEYS; do echo "${KEY_TYPE[$key]}"; done | paste -sd , | sed 's/,/, /g'; }
versions() {
    local name
    for name in "${MEASURED[@]}"; do echo "$name $(version "$name")"; done | paste -sd , | sed 's/,/, /g' | fold -sw 110 | sed 's/ *$//'
}
{
    conditions
    WIDTH=15
    load_head "full TLS 1.3 handshakes, $(types), $CLIENTS connections at once" "server, key"
    for name in "${MEASURED[@]}"; do
        for key in $KEYS; do
            for kind in $KINDS; do load_row "$name $key" "$kind" "$name-$kind-$key" "$name-plain-$key"; done
        done
    done
    load_foot
    for name in "${MEASURED[@]}"; do
        ! among "$name" "$PER_CONNECTION" ||
            echo "$name: processor time to a hundredth of a second a turn; a thread or process for each connection"
        [ "$name" != postgresql ] || echo "$name: its client is $CLIENTS processes, and not as light as that of the others"
    done
    versions
    [ "${#LEFT_OUT[@]}" -eq 0 ] || printf 'not measured: %s\n' "${LEFT_OUT[@]}"
} >&4
[ "${#MEASURED[@]}" -gt 0 ] || fail "no server was measured"
TEST_CHECKS=1 && finish
