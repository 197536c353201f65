#!/usr/bin/env bash
# doctor --server: what it finds in the configuration of each server, below a root of the test's own.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=doctor-lib.sh
. "$(dirname "$0")/doctor-lib.sh"

# doctor STATUS SERVER [OPTIONS] : the report is in out.
doctor() {
    status=$1 server=$2
    shift 2
    expect "$status" '' littlebox doctor --server "$server" --root "$R" "$@"
}

OPENSSL_CONF=/dev/null openssl genpkey -algorithm ED25519 -out "$R/etc/ssl/private/plain.key"
chmod 0600 "$R/etc/ssl/private/plain.key"
cp "$R/etc/ssl/private/plain.key" "$R/etc/ssl/private/open.key"
chmod 0644 "$R/etc/ssl/private/open.key"
OPENSSL_CONF=/dev/null openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -aes128 -pass pass:x \
    -out "$R/etc/ssl/private/sealed.key" 2>/dev/null
chmod 0600 "$R/etc/ssl/private/sealed.key"
# A certificate of the key in the box, and one of another key.
printf '[req]\ndistinguished_name = dn\n[dn]\n' >req.cnf
with_module openssl req -x509 -config req.cnf -key littlebox:web -subj /CN=localhost -out "$R/etc/ssl/web.crt" 2>req.log ||
    fail "no certificate: $(cat req.log)"
OPENSSL_CONF=/dev/null openssl req -x509 -config req.cnf -key "$R/etc/ssl/private/plain.key" -subj /CN=localhost \
    -out "$R/etc/ssl/other.crt" 2>req.log || fail "no certificate: $(cat req.log)"

# The command line.
expect 2 "no server 'nosuch' is known; these are: nginx, apache2, haproxy, postgresql" littlebox doctor --server nosuch
expect 2 '--config and --root say where the files of a --server are' littlebox doctor --root "$R"
expect 1 '' littlebox doctor --server nginx --root "$T/absent"
line "FAIL  --root '$T/absent': No such file or directory"

# nginx: nothing there, then keys of every kind, in files that include files.
doctor 1 nginx
line 'FAIL  nginx: cannot read /etc/nginx/nginx.conf: No such file or directory'
hint 'say where it is: --config FILE'
write etc/nginx/nginx.conf <<END
user $worker; # and a comment; with { a brace
include modules/*.conf;
events {}
http {
    include "sites/*.conf";
    server { listen 443 ssl; ssl_certificate /etc/ssl/web.crt; ssl_certificate_key /etc/ssl/private/web.pem; }
    content_by_lua_block { local s = "};" .. '{' ; if x then y = {} end }
}
END
write etc/nginx/sites/a.conf <<'END'
server {
    ssl_certificate_key '/etc/ssl/private/plain.key';
    ssl_certificate_key
        ../ssl/private/open.key;
    ssl_certificate_key /etc/ssl/private/sealed.key;
    ssl_certificate_key "/etc/ssl/$ssl_server_name.key";
    ssl_certificate_key "data:-----BEGIN PRIVATE KEY-----
x";
    ssl_certificate_key /etc/ssl/private/absent.key;
    ssl_certificate_key /etc/ssl/web.crt;
    ssl_certificate_key /etc/ssl;
    proxy_ssl_certificate_key /etc/ssl/private/plain.key;
    #ssl_certificate_key /etc/ssl/private/comment.key;
}
END
echo 'ssl_certificate_key /etc/ssl/hidden.key;' | write etc/nginx/sites/.hidden.conf
doctor 1 nginx
line "ok    nginx: /etc/nginx/nginx.conf (2 files), its workers are user $worker (uid $uid)"
line 'FAIL  /etc/ssl/private/plain.key (/etc/nginx/sites/a.conf:2): a plain private key on disk'
hint "littlebox adopt /etc/ssl/private/plain.key && littlebox allow plain --user $worker"
line 'FAIL  /etc/nginx/../ssl/private/open.key (/etc/nginx/sites/a.conf:4): a plain private key on disk, which anybody may read'
line 'FAIL  /etc/ssl/private/sealed.key (/etc/nginx/sites/a.conf:5): an encrypted private key on disk'
# shellcheck disable=SC2016 # nginx's variable
line '??    /etc/ssl/$ssl_server_name.key (/etc/nginx/sites/a.conf:6): only the running server knows what that is'
line 'FAIL  data: (/etc/nginx/sites/a.conf:8): a private key in the configuration itself'
line 'FAIL  /etc/ssl/private/absent.key (/etc/nginx/sites/a.conf:9): cannot read it: No such file or directory'
line 'FAIL  /etc/ssl/web.crt (/etc/nginx/sites/a.conf:10): there is no private key in it'
line 'FAIL  /etc/ssl (/etc/nginx/sites/a.conf:11): cannot read it: it is no plain file'
no_line comment.key
no_line hidden.key
[ "$(grep -c 'plain.key (' out)" = 1 ] || fail "a file is reported twice: $(cat out)"

# The handle, for the user of the workers: not allowed, then allowed. Others may not use it.
if is_root; then
    line "FAIL  /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:6): handle littlebox:web does not work for $worker: no signature: not allowed: uid $uid may not sign with key 'web' of box 'default'"
    line "      hint: an administrator may run: littlebox --box default allow web --user $uid"
    littlebox allow web --user "$worker"
fi
rm "$R/etc/nginx/sites/a.conf"
doctor 0 nginx
line "ok    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:6): handle littlebox:web, a test signature by $worker verifies"
expect 0 '' littlebox --json doctor --server nginx --root "$R"
expect_json ok true
i=$(($(json_at 'checks.#') - 1))
expect_json checks.$i.check '"key"' checks.$i.server '"nginx"' checks.$i.file "\"$R/etc/ssl/private/web.pem\"" \
    checks.$i.uri '"littlebox:web"' checks.$i.user "\"$worker\"" checks.0.file null checks.0.server null
if ! is_root; then
    sed -i 's/^user .*;/user root;/' "$R/etc/nginx/nginx.conf"
    doctor 1 nginx
    line '??    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:6): handle littlebox:web: only root can find out if it works for root'
    hint 'run this as root'
    sed -i "s/^user .*;/user $worker;/" "$R/etc/nginx/nginx.conf"
fi

# A user that is not there; what only nginx knows; a handle of a box that is not there; a URI.
sed -i 's/^user .*;/user no-such-user;/' "$R/etc/nginx/nginx.conf"
doctor 1 nginx
line "??    nginx: its workers run as 'no-such-user', and there is no such user here"
line '??    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:6): handle littlebox:web: it is not known for whom it must work'
write etc/nginx/nginx.conf <<END
user $worker;
http { ssl_certificate_key store:littlebox:web; ssl_certificate_key store:littlebox://elsewhere/web; }
END
doctor 1 nginx
line "ok    littlebox:web (/etc/nginx/nginx.conf:2): handle littlebox:web, a test signature by $worker verifies"
grep -qF "FAIL  littlebox://elsewhere/web ($R/etc/nginx/nginx.conf:2): handle littlebox://elsewhere/web does not work for $worker: it does not load: " out ||
    fail "no word on the box that is absent: $(cat out)"
grep -qF "elsewhere.sock" out || fail "which box is absent? $(cat out)"

# A PIN that somebody has written there is not written elsewhere.
write other.conf <<'END'
http { ssl_certificate_key "engine:pkcs11:pkcs11:token=t;object=o?pin-value=246824";
ssl_certificate_key "store:pkcs11:object=o?pin-value=246824&module-name=x"; }
END
doctor 1 nginx --config /other.conf
line '??    engine:pkcs11:pkcs11:token=t;object=o?pin-value= (/other.conf:1): only the running server knows what that is'
no_line 246824
grep -qF 'module-name=x (' out || fail "more is missing than the PIN: $(cat out)"
expect 1 '' littlebox --json doctor --server nginx --root "$R" --config /other.conf
no_line 246824

# Configurations that do not end, that are none, or too many.
write etc/nginx/nginx.conf <<'END'
include nginx.conf;
include fifo;
include absent.conf;
include deep/1.conf;
http { server {
END
mkfifo "$R/etc/nginx/fifo"
for i in $(seq 1 20); do
    echo "include deep/$((i + 1)).conf;" | write "etc/nginx/deep/$i.conf"
done
doctor 1 nginx
line 'FAIL  nginx: /etc/nginx/nginx.conf:1: /etc/nginx/nginx.conf includes itself'
line 'FAIL  nginx: /etc/nginx/nginx.conf:2: /etc/nginx/fifo is no plain file'
line 'FAIL  nginx: /etc/nginx/nginx.conf:3: cannot read /etc/nginx/absent.conf: No such file or directory'
line 'FAIL  nginx: /etc/nginx/deep/15.conf:1: files include each other more than 16 deep, at /etc/nginx/deep/16.conf'
grep -qF "a '{' without its '}'" out || fail "an open brace is not said: $(cat out)"
head -c 17000000 /dev/zero | tr '\0' 'x' | write etc/nginx/nginx.conf
doctor 1 nginx
line 'FAIL  nginx: cannot read /etc/nginx/nginx.conf: too long'
echo 'ssl_certificate_key x' | write etc/nginx/nginx.conf
doctor 1 nginx
line 'FAIL  nginx: /etc/nginx/nginx.conf:2: the file ends within a statement'

# Links stay below the root, as they do for the server there; --config names a file there too.
ln -s /etc/ssl/private/plain.key "$R/etc/ssl/link.key"
ln -s ../../../../../../../../../../../../../../etc/passwd "$R/etc/ssl/out.key"
write other.conf <<END
user $worker;
http { ssl_certificate_key /etc/ssl/link.key; ssl_certificate_key /etc/ssl/out.key; ssl_certificate_key "/etc/ssl/a b.key"; }
END
cp "$R/etc/ssl/private/plain.key" "$R/etc/ssl/a b.key"
doctor 1 nginx --config /other.conf
line 'FAIL  /etc/ssl/link.key (/other.conf:2): a plain private key on disk'
line 'FAIL  /etc/ssl/out.key (/other.conf:2): cannot read it: No such file or directory'
hint "littlebox adopt '/etc/ssl/a b.key' --key KEY && littlebox allow KEY --user $worker"
printf 'http { ssl_certificate_key "/etc/\033[31m.key"; }' | write other.conf
doctor 1 nginx --config /other.conf
line 'FAIL  /etc/?[31m.key (/other.conf:1): cannot read it: No such file or directory'

# Without --root the same files are the machine's, and a name is relative to here.
printf 'user %s;\nhttp { ssl_certificate_key root/etc/ssl/private/web.pem; }\n' "$worker" >here.conf
expect 0 '' littlebox doctor --server nginx --config here.conf
line "ok    /etc/ssl/private/web.pem ($T/here.conf:2): handle littlebox:web, a test signature by $worker verifies"

# What nobody may read, and root without its power over files.
chmod 0000 "$R/etc/ssl/private/plain.key"
printf 'user %s;\nhttp { ssl_certificate_key /etc/ssl/private/plain.key; }\n' "$worker" | write etc/nginx/nginx.conf
expect 1 '' powerless littlebox doctor --server nginx --root "$R"
line '??    /etc/ssl/private/plain.key (/etc/nginx/nginx.conf:2): cannot read it: Permission denied'
chmod 0600 "$R/etc/ssl/private/plain.key"

# apache2
write etc/apache2/apache2.conf <<'END'
# A comment that goes on \
SSLCertificateKeyFile /etc/ssl/private/comment.key
User ${APACHE_RUN_USER}
Define keys "/etc/ssl/private"
IncludeOptional mods-enabled/*.load
IncludeOptional absent/*.conf
IncludeOptional sites-enabled
END
# shellcheck disable=SC2016 # the shell's variable
printf 'SUFFIX=x\nexport APACHE_RUN_USER=%s\nexport APACHE_LOG_DIR=/var/log/apache2$SUFFIX\n' "$worker" |
    write etc/apache2/envvars
echo 'LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so' | write etc/apache2/mods-enabled/ssl.load
write etc/apache2/sites-enabled/000-default.conf <<'END'
<IfModule mod_ssl.c>
  <VirtualHost *:443>
    sslcertificatekeyfile "${keys}/web.pem"
    SSLCertificateFile \
        /etc/ssl/both.pem
    SSLCertificateFile /etc/ssl/web.crt
    SSLCertificateKeyFile ${unknown}/x.key
  </VirtualHost>
</IfModule>
<IfModule mod_gnutls.c>
  <IfModule mod_ssl.c>
    SSLCertificateKeyFile /etc/ssl/private/other-module.key
  </IfModule>
</IfModule>
<IfModule !ssl_module>
  SSLCertificateKeyFile /etc/ssl/private/without-module.key
</IfModule>
<IfDefine nothing>
  SSLCertificateKeyFile /etc/ssl/private/undefined.key
</IfDefine>
SSLCertificateKeyFile private/relative.key
Include ${unknown}.conf
END
cat "$R/etc/ssl/web.crt" "$R/etc/ssl/private/plain.key" >"$R/etc/ssl/both.pem"
doctor 1 apache2
line "ok    apache2: /etc/apache2/apache2.conf (4 files), its workers are user $worker (uid $uid)"
line "ok    /etc/ssl/private/web.pem (/etc/apache2/sites-enabled/000-default.conf:3): handle littlebox:web, a test signature by $worker verifies"
line 'FAIL  /etc/ssl/both.pem (/etc/apache2/sites-enabled/000-default.conf:5): a plain private key on disk, which anybody may read'
# shellcheck disable=SC2016 # Apache's variable
line '??    ${unknown}/x.key (/etc/apache2/sites-enabled/000-default.conf:7): only the running server knows what that is'
line 'FAIL  /etc/apache2/private/relative.key (/etc/apache2/sites-enabled/000-default.conf:21): cannot read it: No such file or directory'
# shellcheck disable=SC2016 # Apache's variable
line 'FAIL  apache2: /etc/apache2/sites-enabled/000-default.conf:22: what '"'"'${unknown}.conf'"'"' names is only known to the server'
for name in comment other-module without-module undefined 'web.crt ('; do
    no_line "$name"
done
echo '<VirtualHost *:443>' | write etc/apache2/sites-enabled/000-default.conf
doctor 1 apache2
grep -qF 'a section without its end' out || fail "an open section is not said: $(cat out)"

# haproxy
mkdir -p "$R/etc/haproxy/certs"
write etc/haproxy/haproxy.cfg <<END
global
    user $worker
    chroot /var/lib/haproxy # with a comment
    crt-base /etc/haproxy/certs
frontend a
    bind *:443 ssl crt split.crt alpn h2
    bind :444 ssl crt "/etc/ssl/\$NAME.pem" crt-list /etc/haproxy/list
frontend b
    bind :445 ssl crt /etc/haproxy/directory/ crt nokey.pem
    server x 127.0.0.1:1 ssl crt a\\ b.pem
END
printf 'listed.pem [alpn h2] *.example.org\n# comment.pem\n' | write etc/haproxy/list
cat "$R/etc/ssl/web.crt" "$R/etc/ssl/private/web.pem" | write etc/haproxy/certs/listed.pem
cp "$R/etc/ssl/web.crt" "$R/etc/haproxy/certs/split.crt"
cp "$R/etc/ssl/private/plain.key" "$R/etc/haproxy/certs/split.crt.key"
cp "$R/etc/ssl/web.crt" "$R/etc/haproxy/certs/nokey.pem"
cp "$R/etc/ssl/both.pem" "$R/etc/haproxy/certs/a b.pem"
write etc/haproxy/directory/one.crt <"$R/etc/ssl/web.crt"
cp "$R/etc/ssl/private/plain.key" "$R/etc/haproxy/directory/one.key"
: | write etc/haproxy/directory/one.crt.ocsp
doctor 1 haproxy
line "ok    haproxy: /etc/haproxy/haproxy.cfg (2 files), its workers are user $worker (uid $uid)"
line 'FAIL  /etc/haproxy/certs/split.crt.key (/etc/haproxy/haproxy.cfg:6): a plain private key on disk'
# shellcheck disable=SC2016 # HAProxy's variable
line '??    /etc/ssl/$NAME.pem (/etc/haproxy/haproxy.cfg:7): only the running server knows what that is'
line "ok    /etc/haproxy/certs/listed.pem (/etc/haproxy/list:1): handle littlebox:web, a test signature by $worker verifies"
line 'FAIL  /etc/haproxy/directory/one.key (/etc/haproxy/haproxy.cfg:9): a plain private key on disk'
line 'FAIL  /etc/haproxy/certs/nokey.pem (/etc/haproxy/haproxy.cfg:9): there is no private key in it'
line 'FAIL  /etc/haproxy/certs/a b.pem (/etc/haproxy/haproxy.cfg:10): a plain private key on disk, which anybody may read'
no_line ocsp
no_line comment

# Its empty root directory, where the box's socket has no path: that is tried as HAProxy does it.
if is_root; then
    mkdir "$T/empty"
    printf 'global\n user %s\n chroot %s\nfrontend a\n bind :443 ssl crt %s\n' "$worker" "$T/empty" \
        "$R/etc/ssl/private/web.pem" >haproxy.cfg
    expect 0 '' littlebox doctor --server haproxy --config haproxy.cfg
    sed -i "s|chroot.*|chroot $T/absent|" haproxy.cfg
    expect 1 '' littlebox doctor --server haproxy --config haproxy.cfg
    grep -qF "cannot become $worker in $T/absent: No such file or directory" out || fail "no word on chroot: $(cat out)"
fi

# postgresql: two clusters, of which one is off.
for cluster in main other; do
    mkdir -p "$R/data/$cluster"
    printf "data_directory = '/data/%s' # where\nssl = off\ninclude_dir 'conf.d'\ninclude_if_exists 'absent.conf'\n" "$cluster" |
        write etc/postgresql/15/$cluster/postgresql.conf
done
printf "SSL on\nssl_key_file='/etc/ssl/private/it''s.key'\n" | write etc/postgresql/15/main/conf.d/ssl.conf
: | write etc/postgresql/15/other/conf.d/nothing.conf
if is_root; then chown "$worker" "$R/data/main" "$R/data/other"; fi
doctor 1 postgresql
line "ok    postgresql: /etc/postgresql/15/main/postgresql.conf (2 files), its workers are user $worker (uid $uid)"
line "FAIL  /etc/ssl/private/it's.key (/etc/postgresql/15/main/conf.d/ssl.conf:2): cannot read it: No such file or directory"
line '--    postgresql: no private key in this configuration'
# What a later setting replaces, and what is said while it is off, is no key of its.
printf "ssl_key_file = '/etc/ssl/private/plain.key'\n" | write etc/postgresql/15/other/conf.d/nothing.conf
printf "ssl_key_file = '/etc/ssl/private/plain.key'\n" | write etc/postgresql/15/main/conf.d/earlier.conf
doctor 1 postgresql
no_line plain.key
# Relative to the data, whatever ALTER SYSTEM says last; and it looks at the mode.
echo "ssl_key_file = 'server.key'" | write data/main/postgresql.auto.conf
cp "$R/etc/ssl/private/web.pem" "$R/data/main/server.key"
if is_root; then chown "$worker" "$R/data/main/server.key"; fi
doctor 1 postgresql
line 'FAIL  /data/main/server.key (/data/main/postgresql.auto.conf:1): postgresql refuses a key file with mode 0644, a handle too'
hint 'chmod 0600 /data/main/server.key'
chmod 0600 "$R/data/main/server.key"
doctor 0 postgresql
line "ok    /data/main/server.key (/data/main/postgresql.auto.conf:1): handle littlebox:web, a test signature by $worker verifies"
if is_root; then
    chown 12345 "$R/data/main/server.key"
    doctor 1 postgresql
    line "FAIL  /data/main/server.key (/data/main/postgresql.auto.conf:1): postgresql takes a key file of $worker or root alone, and this is another user's"
    # It loads the key with its own rights: a file of root alone does not do.
    chown root "$R/data/main/server.key"
    doctor 1 postgresql
    line "FAIL  /data/main/server.key (/data/main/postgresql.auto.conf:1): handle littlebox:web does not work for $worker: cannot read /data/main/server.key: Permission denied: /data/main/server.key is root's and has mode 0600"
    hint "a handle is no secret: keep it where $worker may read it, and no plain key beside it"
fi

# postfix
write etc/postfix/main.cf <<'END'
# comment
cert_dir = /etc/ssl
smtpd_tls_cert_file = ${cert_dir}/both.pem
smtpd_tls_key_file =
# a comment between
  $(cert_dir)/private/web.pem
smtp_tls_chain_files = /etc/ssl/web.crt,
    $cert_dir/private/open.key
smtp_tls_eckey_file = ${unknown}/x.key
lmtp_tls_key_file = none
tls_server_sni_maps = hash:/etc/postfix/sni
END
write etc/postfix/master.cf <<'END'
smtp      inet  n       -       n       -       -       smtpd
submission inet n       -       n       -       -       smtpd
  -o smtpd_tls_key_file=/etc/ssl/private/plain.key
  -o { smtpd_tls_dkey_file = /etc/ssl/private/absent.key }
END
echo "mail_owner = $worker" >>"$R/etc/postfix/main.cf"
doctor 1 postfix
line "ok    postfix: /etc/postfix/main.cf (2 files), its workers are user $worker (uid $uid)"
line "ok    /etc/ssl/private/web.pem (/etc/postfix/main.cf:6): handle littlebox:web, a test signature by $worker verifies"
line 'FAIL  /etc/ssl/both.pem (/etc/postfix/main.cf:3): a plain private key on disk, which anybody may read'
line 'FAIL  /etc/ssl/private/open.key (/etc/postfix/main.cf:8): a plain private key on disk, which anybody may read'
# shellcheck disable=SC2016 # Postfix's parameter
line '??    ${unknown}/x.key (/etc/postfix/main.cf:9): only the running server knows what that is'
line '??    hash:/etc/postfix/sni (/etc/postfix/main.cf:11): only the running server knows what that is'
line 'FAIL  /etc/ssl/private/plain.key (/etc/postfix/master.cf:4): a plain private key on disk'
line 'FAIL  /etc/ssl/private/absent.key (/etc/postfix/master.cf:4): cannot read it: No such file or directory'
no_line 'none ('
if is_root; then
    # smtpd in its chroot, below no other root.
    printf 'mail_owner = %s\nqueue_directory = %s\nsmtpd_tls_key_file = %s\n' "$worker" "$T/empty" \
        "$R/etc/ssl/private/web.pem" >main.cf
    echo 'smtp inet n - y - - smtpd' >master.cf
    expect 0 '' littlebox doctor --server postfix --config main.cf
    rmdir "$T/empty"
    expect 1 '' littlebox doctor --server postfix --config main.cf
    grep -qF "cannot become $worker in $T/empty: No such file or directory" out || fail "no word on chroot: $(cat out)"
fi

# dovecot
write etc/dovecot/dovecot.conf <<END
!include conf.d/*.conf
!include_try absent.conf
default_login_user = $worker
END
write etc/dovecot/conf.d/10-ssl.conf <<'END'
ssl_key = </etc/ssl/private/web.pem
!include beside.inc
local_name example.org {
  ssl_key = < /etc/ssl/private/plain.key
  ssl_client_key = -----BEGIN
}
service imap-login {
  inet_listener imaps {
    ssl = yes
  }
  #chroot =
}
END
echo 'ssl_alt_key = </etc/ssl/private/absent.key' | write etc/dovecot/conf.d/beside.inc
doctor 1 dovecot
line "FAIL  /etc/ssl/private/web.pem (/etc/dovecot/conf.d/10-ssl.conf:1): handle littlebox:web: dovecot's login processes load it in a chroot, where neither openssl.cnf nor the provider is"
hint 'in dovecot'"'"'s configuration: service imap-login { chroot = }, and so for each other NAME-login'
line 'FAIL  /etc/ssl/private/plain.key (/etc/dovecot/conf.d/10-ssl.conf:4): a plain private key on disk'
line 'FAIL  ssl_client_key (/etc/dovecot/conf.d/10-ssl.conf:5): a private key in the configuration itself'
line 'FAIL  /etc/ssl/private/absent.key (/etc/dovecot/conf.d/beside.inc:1): cannot read it: No such file or directory'
sed -i 's/#chroot/chroot/' "$R/etc/dovecot/conf.d/10-ssl.conf"
doctor 1 dovecot
line "ok    /etc/ssl/private/web.pem (/etc/dovecot/conf.d/10-ssl.conf:1): handle littlebox:web, a test signature by $worker verifies"

# stunnel: without a key the certificate's file has it; a second file is a configuration of its own.
write etc/stunnel/a.conf <<END
; comment
setuid = $worker
[one]
cert = /etc/ssl/both.pem
[two]
key = /etc/ssl/private/web.pem
cert = /etc/ssl/web.crt
[three]
connect = 1
END
printf 'cert = /etc/ssl/web.crt\n' | write etc/stunnel/b.conf
doctor 1 stunnel
line 'FAIL  /etc/ssl/both.pem (/etc/stunnel/a.conf:4): a plain private key on disk, which anybody may read'
line "ok    /etc/ssl/private/web.pem (/etc/stunnel/a.conf:6): handle littlebox:web, a test signature by $worker verifies"
line 'FAIL  /etc/ssl/web.crt (/etc/stunnel/b.conf:1): there is no private key in it'

# Those with little more than words: each finds the handle and the plain key, its user, and what it includes.
# words SERVER FILE LINE-OF-HANDLE LINE-OF-KEY [WHERE THE KEY IS NAMED]
words() {
    doctor 1 "$1"
    grep -qF "its workers are user $worker (uid $uid)" out || fail "$1: not the workers of $worker: $(cat out)"
    line "ok    /etc/ssl/private/web.pem ($2:$3): handle littlebox:web, a test signature by $worker verifies"
    line "FAIL  /etc/ssl/private/plain.key (${5:-$2}:$4): a plain private key on disk"
}
write etc/lighttpd/lighttpd.conf <<END
server.username="$worker"
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
\$SERVER["socket"] == ":443" { ssl.privkey = "/etc/ssl/private/web.pem" }
include "conf-enabled/*.conf"
ssl.privkey = var.dir + "/x.key" # ssl.privkey = "comment"
END
printf 'ssl.pemfile = "/etc/ssl/web.crt"\nssl.privkey= "/etc/ssl/private/plain.key"\n' | write etc/lighttpd/conf-enabled/10-ssl.conf
words lighttpd /etc/lighttpd/lighttpd.conf 3 2 /etc/lighttpd/conf-enabled/10-ssl.conf
line '??    var.dir (/etc/lighttpd/lighttpd.conf:5): only the running server knows what that is'
# Without any key the certificate's file must have it.
printf 'ssl.pemfile = "/etc/ssl/web.crt"\n' | write etc/lighttpd/lighttpd.conf
doctor 1 lighttpd
line 'FAIL  /etc/ssl/web.crt (/etc/lighttpd/lighttpd.conf:1): there is no private key in it'
printf 'user %s\nkeyfile /etc/ssl/private/web.pem\n#keyfile no\ninclude_dir conf.d\n' "$worker" |
    write etc/mosquitto/mosquitto.conf
echo 'bridge_keyfile /etc/ssl/private/plain.key' | write etc/mosquitto/conf.d/bridge.conf
words mosquitto /etc/mosquitto/mosquitto.conf 2 1 /etc/mosquitto/conf.d/bridge.conf
write etc/unbound/unbound.conf <<END
server: username: "$worker" # a comment: with words
    tls-service-key: /etc/ssl/private/web.pem
include: "/etc/unbound/unbound.conf.d/*.conf"
END
echo 'server-key-file: "/etc/ssl/private/plain.key"' | write etc/unbound/unbound.conf.d/control.conf
words unbound /etc/unbound/unbound.conf 2 1 /etc/unbound/unbound.conf.d/control.conf
# These two have users of their own, whom there need not be here.
printf 'tls-key-file "/etc/ssl/private/plain.key"\ninclude other.conf\n# tls-key-file x\n' | write etc/redis/redis.conf
echo 'tls-client-key-file /etc/ssl/private/absent.key' | write etc/redis/other.conf
doctor 1 redis
line 'FAIL  /etc/ssl/private/plain.key (/etc/redis/redis.conf:1): a plain private key on disk'
line 'FAIL  /etc/ssl/private/absent.key (/etc/redis/other.conf:1): cannot read it: No such file or directory'
write etc/bind/named.conf <<'END'
// include "comment";
/* tls x { key-file "comment"; }; */
include "/etc/bind/tls.conf";
END
echo 'tls local { cert-file "/etc/ssl/web.crt"; key-file "/etc/ssl/private/plain.key"; };' | write etc/bind/tls.conf
doctor 1 named
line 'FAIL  /etc/ssl/private/plain.key (/etc/bind/tls.conf:1): a plain private key on disk'
no_line comment
