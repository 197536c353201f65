#!/usr/bin/env bash
# Which key does a server serve? Asked of real ones in each protocol that begins in the clear, with keys that the box has too; and
# of servers with two keys, two names, or none that answers.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../cli/deploy-lib.sh
. "$(dirname "$0")/../cli/deploy-lib.sh"

needs openssl
begin_cli
start_named default
littlebox init 2>/dev/null
authority
cd "$T"
mkdir tls
# The servers have the plain key: what is looked at is the check alone.
for key in web:ec:P-256 other:ec:P-256 rsa:rsa:2048; do
    new_key "${key#*:}" "${key%%:*}.key"
    littlebox import "${key%%:*}" "${key%%:*}.key" >/dev/null 2>&1
    certify "${key%%:*}"
done
# asks TEXT STATUS ADDRESS [OPTION...] : of key web.
asks() {
    expect "$2" "$1" littlebox deploy web --handle tls/web.pem --check "${@:3}"
    TEST_CHECKS=$((TEST_CHECKS + 1))
}
# serves_right WHAT ADDRESS
serves_right() {
    asks "; $2 serves it" 0 "$2"
    expect 4 "$2 serves another key, which is no version of 'other'" littlebox deploy other --handle tls/other.pem --check "$2"
    say "ok: $1"
}
read -r tls names clear dead imap pop3 smtp lmtp sieve ftp mysql ldap < <(free_ports 12 | xargs)

# --- TLS at once: two keys at one place, two names
plain_ossl s_server -accept "127.0.0.1:$tls" -key rsa.key -cert rsa.crt -dkey web.key -dcert web.crt -quiet >tls.log 2>&1 3>&- &
own $!
await "s_server" port_open "$tls"
serves_right "two keys, and the one of this type is shown" "127.0.0.1:$tls"
expect 0 "127.0.0.1:$tls serves it" littlebox deploy rsa --handle tls/rsa.pem --check "127.0.0.1:$tls"
expect 0 "localhost:$tls serves it" littlebox deploy rsa --handle tls/rsa.pem --check "localhost:$tls"
expect 0 '' littlebox --json deploy --list
plain_ossl s_server -accept "127.0.0.1:$names" -key other.key -cert other.crt -servername web.example -key2 web.key -cert2 web.crt \
    -quiet >names.log 2>&1 3>&- &
own $!
await "s_server" port_open "$names"
asks "; 127.0.0.1:$names serves it" 0 "127.0.0.1:$names"
asks "serves another key" 4 "127.0.0.1:$names" --sni elsewhere.example
asks "serves it" 0 "127.0.0.1:$names" --sni web.example
plain_ossl s_server -accept "127.0.0.1:$clear" -key web.key -cert web.crt -Verify 1 -tls1_2 -quiet >verify.log 2>&1 3>&- &
own $!
await "s_server" port_open "$clear"
asks "serves it" 0 "127.0.0.1:$clear"
say "ok: a server that wants a certificate of its client"
python3 - <<'END' >unix.log 2>&1 3>&- &
import socket, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('web.crt', 'web.key')
s = socket.socket(socket.AF_UNIX)
s.bind('socket')
s.listen()
while True:
    c, _ = s.accept()
    try:
        context.wrap_socket(c, server_side=True).close()
    except OSError:
        c.close()
END
own $!
await "a socket" test -S socket
asks "; $T/socket serves it" 0 "$T/socket"

# --- What does not answer
asks "127.0.0.1:$dead: nothing answers there: Connection refused" 4 "127.0.0.1:$dead"
asks "$T/none: nothing answers there: No such file or directory" 4 "$T/none"
asks "no-such-host.invalid:443: the name is not known" 4 no-such-host.invalid:443
python3 - "$dead" <<'END' 3>&- &
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(sys.argv[1])))
s.listen()
while True:
    c, _ = s.accept()
    c.sendall(b'554 \x1b[31mno\r\n')
    time.sleep(.2)
    c.close()
END
own $!
await "a server that says no" port_open "$dead"
asks "127.0.0.1:$dead,smtp: it does not begin TLS, but says '554 ?[31mno'" 4 "127.0.0.1:$dead,smtp"
asks "127.0.0.1:$dead,postgres: it does not begin TLS: ssl is off there" 4 "127.0.0.1:$dead,postgres"
asks "127.0.0.1:$dead: no TLS: " 4 "127.0.0.1:$dead"
asks "127.0.0.1:$dead,ldap: it does not talk as LDAP does" 4 "127.0.0.1:$dead,ldap"
asks "127.0.0.1:$dead,mysql: it " 4 "127.0.0.1:$dead,mysql"

# --- Real servers, which need root
is_root || finish
seen=
if command -v dovecot >/dev/null && id dovecot dovenull >/dev/null 2>&1; then
    services=
    [ -e /usr/lib/dovecot/pop3-login ] && services+=" pop3"
    [ -e /usr/lib/dovecot/submission-login ] && services+=" submission"
    [ -e /usr/lib/dovecot/lmtp ] && services+=" lmtp"
    [ -e /usr/lib/dovecot/managesieve-login ] && services+=" sieve"
    # 2.4 has other names, and lists in braces.
    case $(dovecot --version) in
    2.3.*)
        lmtp_address=address
        settings="protocols = imap$services
ssl_cert = <$T/web.crt
ssl_key = <$T/web.key
passdb {
  driver = static
}"
        ;;
    *)
        lmtp_address=listen
        settings="dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols {
$(xargs -n 1 printf '  %s = yes\n' <<<"imap$services")
}
ssl_server_cert_file = $T/web.crt
ssl_server_key_file = $T/web.key
passdb static {
  password = x
}"
        ;;
    esac
    cat >dovecot.conf <<END
$settings
base_dir = $T/dovecot
log_path = $T/dovecot.log
listen = 127.0.0.1
ssl = yes
submission_relay_host = 127.0.0.1
service imap-login {
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = $pop3
  }
  inet_listener pop3s {
    port = 0
  }
}
service submission-login {
  inet_listener submission {
    port = $smtp
  }
  inet_listener submissions {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    $lmtp_address = 127.0.0.1
    port = $lmtp
  }
}
service managesieve-login {
  inet_listener sieve {
    port = $sieve
  }
}
END
    dovecot -F -c dovecot.conf >dovecot.out 2>&1 3>&- &
    own $!
    await "Dovecot" port_open "$imap"
    serves_right "imap, Dovecot" "127.0.0.1:$imap,imap"
    case $services in *pop3*) serves_right "pop3, Dovecot" "127.0.0.1:$pop3,pop3" ;; esac
    case $services in *submission*) serves_right "smtp, Dovecot" "127.0.0.1:$smtp,smtp" ;; esac
    case $services in *lmtp*) serves_right "lmtp, Dovecot" "127.0.0.1:$lmtp,lmtp" ;; esac
    case $services in *sieve*) serves_right "sieve, Dovecot" "127.0.0.1:$sieve,sieve" ;; esac
    seen+=" imap$services"
fi
if command -v proftpd >/dev/null; then
    cat >proftpd.conf <<END
<IfModule mod_dso.c>
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
</IfModule>
ServerType standalone
DefaultAddress 127.0.0.1
Port $ftp
User nobody
Group nogroup
UseReverseDNS off
PidFile $T/proftpd.pid
ScoreboardFile $T/proftpd.score
<IfModule mod_delay.c>
DelayTable none
</IfModule>
WtmpLog off
TLSEngine on
TLSECCertificateFile $T/web.crt
TLSECCertificateKeyFile $T/web.key
TLSLog $T/proftpd-tls.log
END
    chmod 600 web.key
    proftpd -n -c "$T/proftpd.conf" >proftpd.log 2>&1 3>&- &
    own $!
    await "ProFTPD" port_open "$ftp"
    serves_right "ftp, ProFTPD" "127.0.0.1:$ftp,ftp"
    seen+=" ftp"
fi
if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && id mysql >/dev/null 2>&1; then
    install -d -o mysql mysql
    install -o mysql -m 600 web.key mysql/web.key
    mariadb-install-db --no-defaults --user=mysql --datadir="$T/mysql/data" --skip-test-db >mysql.log 2>&1 ||
        fail "mariadb-install-db: $(tail mysql.log)"
    setpriv --reuid=mysql --regid=mysql --clear-groups mariadbd --no-defaults --datadir="$T/mysql/data" --socket="$T/mysql/socket" \
        --port="$mysql" --bind-address=127.0.0.1 --pid-file="$T/mysql/pid" --innodb-buffer-pool-size=8M \
        --ssl-cert="$T/web.crt" --ssl-key="$T/mysql/web.key" >>mysql.log 2>&1 3>&- &
    own $!
    await "MariaDB" port_open "$mysql"
    serves_right "mysql, MariaDB" "127.0.0.1:$mysql,mysql"
    seen+=" mysql"
fi
if command -v slapd >/dev/null; then
    mkdir ldap
    cat >slapd.conf <<END
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $T/slapd.pid
TLSCertificateFile $T/web.crt
TLSCertificateKeyFile $T/web.key
TLSCACertificateFile $T/ca.crt
database mdb
suffix "dc=example"
directory $T/ldap
END
    slapd -d 0 -f slapd.conf -h "ldap://127.0.0.1:$ldap" >slapd.log 2>&1 3>&- &
    own $!
    await "slapd" port_open "$ldap"
    serves_right "ldap, slapd" "127.0.0.1:$ldap,ldap"
    seen+=" ldap"
fi
say "protocols with a real server:$seen"
finish
