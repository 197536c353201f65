# shellcheck shell=bash
# Four servers at once, as their users run them: HAProxy and Postfix in their chroots, nginx, PostgreSQL; and clients
# that shake hands with all of them without a break.
#
# Sourced behind lib.sh and serving.sh. As an ordinary user there is no Postfix and no chroot: both take root.

declare -A FLEET_PORT=() FLEET_PID=() FLEET_KEY=([nginx]=ec [haproxy]=rsa [postfix]=ec [postgresql]=rsa)
declare -A FLEET_TYPE=([ec]=ec:P-256 [rsa]=rsa:2048)
FLEET="nginx haproxy postgresql"
if is_root; then FLEET="$FLEET postfix"; fi

# fleet_needs : skips where a server or its user is missing.
fleet_needs() {
    PG_BIN=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -n 1)
    needs nginx haproxy openssl
    [ -n "$PG_BIN" ] || skip "postgresql is not installed"
    is_root || return 0
    needs postfix setpriv
    needs_user www-data haproxy postfix postgres
}

# fleet_keys DIR : both keys, made outside so that a memory scan knows them, with handle files and certificates in DIR.
fleet_keys() {
    local key user
    mkdir -p "$1"
    for key in ec rsa; do
        new_key "${FLEET_TYPE[$key]}" "$TEST_DIR/plain-$key.pem"
        lb import "$key" "$TEST_DIR/plain-$key.pem" >/dev/null 2>>"$TEST_DIR/lb.log"
        lb handle "$key" --out "$1/$key.pem"
        chmod 0600 "$1/$key.pem"
        self_signed "littlebox:$key" "$1/$key.crt" 2>>"$TEST_DIR/openssl.log" || fail "no certificate for $key"
        cat "$1/$key.crt" "$1/$key.pem" >"$1/$key.bundle"
        is_root || continue
        # As PostgreSQL wants it of a file that root owns.
        chgrp postgres "$1/$key.pem"
        chmod 0640 "$1/$key.pem"
        for user in www-data haproxy postfix postgres; do
            lb allow "$key" --user "$user" 2>>"$TEST_DIR/lb.log"
        done
    done
}

# Command prefixes, not functions: what is started in the background with one is the server itself.
FLEET_ENV=() AS_POSTGRES=()
fleet_prefixes() {
    FLEET_ENV=(env "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf")
    AS_POSTGRES=("${FLEET_ENV[@]}")
    ! is_root || AS_POSTGRES+=(setpriv --reuid=postgres --regid=postgres --init-groups)
}

fleet_start_nginx() {
    nginx_server "${FLEET_PORT[nginx]}" "$2/${FLEET_KEY[nginx]}.crt" "$2/${FLEET_KEY[nginx]}.pem"
    if is_root; then write_nginx_conf "$1" 2 www-data; else write_nginx_conf "$1" 2; fi
    start_nginx "$1"
    FLEET_PID[nginx]=$NGINX
}

fleet_start_haproxy() {
    mkdir -p "$1/empty"
    {
        echo "global"
        ! is_root || printf '    %s\n' "chroot $1/empty" "user haproxy" "group haproxy"
        cat <<END
    master-worker
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    tune.ssl.cachesize 0
defaults
    mode http
    timeout client 60s
    timeout connect 60s
    timeout server 60s
frontend web
    bind 127.0.0.1:${FLEET_PORT[haproxy]} ssl crt $2/${FLEET_KEY[haproxy]}.bundle
    http-request return status 200 content-type text/plain string hello
END
    } >"$1/haproxy.cfg"
    "${FLEET_ENV[@]}" haproxy -W -f "$1/haproxy.cfg" >>"$1/haproxy.log" 2>&1 3>&- &
    FLEET_PID[haproxy]=$!
    own "$!"
}

fleet_start_postgresql() {
    mkdir -p "$1"
    ! is_root || chown postgres "$1"
    "${AS_POSTGRES[@]}" "$PG_BIN/initdb" -D "$1/data" -A trust --no-sync >"$1.log" 2>&1 || fail "initdb: $(cat "$1.log")"
    cat >>"$1/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = ${FLEET_PORT[postgresql]}
unix_socket_directories = ''
fsync = off
ssl = on
ssl_cert_file = '$2/${FLEET_KEY[postgresql]}.crt'
ssl_key_file = '$2/${FLEET_KEY[postgresql]}.pem'
log_min_messages = warning
END
    "${AS_POSTGRES[@]}" "$PG_BIN/postgres" -D "$1/data" >>"$1.log" 2>&1 3>&- &
    FLEET_PID[postgresql]=$!
    own "$!"
}

# Debian's smtpd: in a chroot, the queue directory.
fleet_start_postfix() {
    mkdir -p "$1/etc" "$1/queue" "$1/data"
    chown postfix "$1/data"
    cat >"$1/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $1/queue
data_directory = $1/data
command_directory = /usr/sbin
daemon_directory = $(postconf -dh daemon_directory)
mail_owner = postfix
setgid_group = postdrop
maillog_file = $1/mail.log
maillog_file_prefixes = $TEST_DIR
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
alias_maps =
import_environment = MAIL_CONFIG TZ LANG=C OPENSSL_CONF=$BOX_DIR/openssl.cnf ${MODULE_ENV[*]}
smtpd_tls_security_level = may
smtpd_tls_cert_file = $2/${FLEET_KEY[postfix]}.crt
smtpd_tls_key_file = $2/${FLEET_KEY[postfix]}.pem
smtpd_peername_lookup = no
END
    cat >"$1/etc/master.cf" <<END
127.0.0.1:${FLEET_PORT[postfix]} inet n - y - - smtpd
tlsmgr unix - - y 1000? 1 tlsmgr
rewrite unix - - y - - trivial-rewrite
anvil unix - - y - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
END
    "${FLEET_ENV[@]}" postfix -c "$1/etc" start-fg >>"$1/start.log" 2>&1 3>&- &
    FLEET_PID[postfix]=$!
    own "$!"
}

# Not one of the four: who wants it says so in FLEET.
fleet_start_apache() {
    mkdir -p "$1"
    {
        ! is_root || printf '%s\n' "User www-data" "Group www-data"
        cat <<END
ServerName localhost
ServerRoot $1
PidFile $1/apache.pid
ErrorLog $1/error.log
DefaultRuntimeDir $1
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
StartServers 2
Listen 127.0.0.1:${FLEET_PORT[apache]}
SSLEngine on
SSLSessionCache none
SSLSessionTickets off
SSLCertificateFile $2/${FLEET_KEY[apache]}.crt
SSLCertificateKeyFile $2/${FLEET_KEY[apache]}.pem
END
    } >"$1/apache.conf"
    "${FLEET_ENV[@]}" apache2 -f "$1/apache.conf" -DFOREGROUND >>"$1/start.log" 2>&1 3>&- &
    FLEET_PID[apache]=$!
    own "$!"
}

# fleet_start DIR FILES : all servers, with the files that fleet_keys made; returns when each port answers.
fleet_start() {
    local server ports
    fleet_prefixes
    read -r -a ports <<<"$(free_ports "$(wc -w <<<"$FLEET")" | xargs)"
    for server in $FLEET; do
        FLEET_PORT[$server]=${ports[0]}
        ports=("${ports[@]:1}")
        mkdir -p "$1"
        "fleet_start_$server" "$1/$server" "$2"
    done
    for server in $FLEET; do
        await "$server to answer" fleet_handshake "$server" "$2"
        [ "$server" != postfix ] || fleet_find_postfix "$1/postfix"
    done
}

# `postfix start-fg` is a shell that becomes the master; what is to be ended is the latter.
fleet_find_postfix() {
    FLEET_PID[postfix]=$(tr -d ' \n' <"$1/queue/pid/master.pid")
    own "${FLEET_PID[postfix]}"
}

# fleet_client SERVER FILES ARGUMENTS... : handshakes with that server.
fleet_client() {
    local server=$1 files=$2 arguments=()
    shift 2
    case $server in
    nginx | haproxy) arguments=(--get) ;;
    postfix) arguments=(--starttls smtp) ;;
    postgresql) arguments=(--starttls postgres) ;;
    esac
    OPENSSL_CONF=/dev/null "$HARNESS/tlsload" --connect "127.0.0.1:${FLEET_PORT[$server]}" \
        --ca "${FLEET_CA:-$files/${FLEET_KEY[$server]}.crt}" "${arguments[@]}" "$@"
}
fleet_handshake() { fleet_client "$1" "$2" --count 1 --timeout 60000; }

# fleet_loads FILES : one client for each server, until end_loads.
fleet_loads() {
    local server
    no_loads
    for server in $FLEET; do
        start_load "$server" fleet_client "$server" "$1"
    done
    await_handshakes 5
}

fleet_stop() {
    local server
    for server in $FLEET; do
        stop "${FLEET_PID[$server]}"
    done
}

fleet_processes() { echo "${FLEET_PID[$1]}" && children_of "${FLEET_PID[$1]}"; }

# fleet_reload DIR SERVER : as its unit does it.
fleet_reload() {
    case $2 in
    nginx) run_nginx "$1/nginx" -s reload ;;
    apache) kill -USR1 "${FLEET_PID[apache]}" ;;
    haproxy) kill -USR2 "${FLEET_PID[haproxy]}" ;;
    postgresql) kill -HUP "${FLEET_PID[postgresql]}" ;;
    postfix) "${FLEET_ENV[@]}" postfix -c "$1/postfix/etc" reload >>"$1/postfix/start.log" 2>&1 ;;
    esac
}
