#!/usr/bin/env bash
# doctor: what works for whoever runs doctor and fails for others, or will. Each trap is made, and named with its cure.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=doctor-lib.sh
. "$(dirname "$0")/doctor-lib.sh"
littlebox handle web --out web.pem

# doctor STATUS [OPTIONS] : the report is in out.
doctor() {
    status=$1
    shift
    expect "$status" '' littlebox doctor "$@"
}

# --- openssl.cnf: settings with which the provider loads and no handle does. The lines of the cure change them.
# conf NAME=VALUE : with this setting of the provider.
conf() {
    { cat lines && printf '[littlebox_sect]\n%s\n' "$1"; } >openssl.cnf
}
sed -i '/^littlebox-directory/d' lines
unset LITTLEBOX_DIR
conf 'littlebox-directory = box'
doctor 1 --handle littlebox:web
line 'FAIL  littlebox-directory = box: the provider takes no relative path, so no handle works'
hint "begin it with '/' in $T/openssl.cnf"
no_line 'answers at'
conf "littlebox-directory = $T/box
littlebox-box = a/b"
doctor 1
line 'FAIL  littlebox-box = a/b: that is no name of a box, so no handle works'
conf "littlebox-directory = $T/box
littlebox-timeout = soon"
doctor 1
line 'FAIL  littlebox-timeout = soon: that is no number of milliseconds, so no handle works'
hint "it goes from 1 to 3600000; correct $T/openssl.cnf"
conf "littlebox-directory = $T/box
littlebox-assume-fips = On"
doctor 1
line 'FAIL  littlebox-assume-fips = On: neither yes nor no, so no handle works'
conf "littlebox-directory = $T/box
littlebox-users = no:body"
doctor 1
grep -q '^FAIL  .*littlebox-users' out || fail "no word on littlebox-users: $(cat out)"
conf "littlebox-directory = $T/box
littlebox-timeout = 5000"
doctor 0 --handle littlebox:web
cp openssl.cnf lines

# --- Whose process is the server? Anybody may name one like that.
printf '#!/bin/sh -p\nread -r _\n' >nginx
chmod 755 nginx
printf 'user %s;\nhttp { ssl_certificate_key %s; }\n' "$worker" "$T/web.pem" >own.conf
mkfifo hold
exec 9<>hold
# named COMMAND... : starts a process that looks like nginx with that configuration; its id is in fake.
named() {
    "$@" "$T/nginx" -c "$T/own.conf" <&9 &
    fake=$!
    own "$fake"
    await "the process to have that name" is_named
}
is_named() { [ "$(cat "/proc/$fake/comm")" = nginx ]; }
ended() {
    kill "$1"
    wait "$1" || :
}
seen() {
    littlebox doctor --server nginx --config "$T/own.conf" >out 2>&1 || :
    line "ok    nginx: $T/own.conf (1 file), its workers are user $worker (uid $(id -u "$worker"))"
}
runs() { line "FAIL  nginx (process $1) runs without the provider in its memory, as it read openssl.cnf when it was started: a reload reads no handle, and it goes on with the keys and certificates that it has"; }
if is_root; then
    named setpriv --reuid $UNPRIVILEGED --regid $UNPRIVILEGED --clear-groups
    seen
    no_line '(process '
    ended "$fake"
    # A program with root's rights that somebody else started.
    named setpriv --ruid $UNPRIVILEGED
    seen
    no_line '(process '
    ended "$fake"
fi
named env
own=$fake
seen
runs "$own"
if is_root; then
    ended "$own"
    named setpriv --reuid "$worker" --clear-groups
    seen
    runs "$fake"
    # A worker that was taken over does not stand for root's.
    first=$fake
    named env
    seen
    runs "$fake"
    ended "$fake"
    ended "$first"
else
    ended "$own"
fi
exec 9<&-
LITTLEBOX_DIR=$T/box
export LITTLEBOX_DIR

# --- openssl.cnf: default_properties.
# properties TEXT : as every fetch has them.
properties() {
    { cat lines && printf '[openssl_init]\nalg_section = algs\n[algs]\n%s\n' "$1"; } >openssl.cnf
}
for asked in 'default_properties = fips=yes' 'default_properties = ?provider=default , fips' 'default_properties = fips!=no' 'fips_mode = yes'; do
    properties "$asked"
    doctor 1 --handle littlebox:web
    grep -q '^FAIL  no test signature' out || fail "it signs with '$asked': $(cat out)"
    grep -qF 'no handle works, while plain keys do: the provider does not claim to be a FIPS module' out ||
        fail "no word on '$asked': $(cat out)"
    hint 'first mend what is said of openssl.cnf above'
    no_line scheme
    hint "if these programs run a FIPS provider: littlebox-assume-fips = yes (provider-littlebox(7)); if not: an openssl.cnf without it in their OPENSSL_CONF (alg_section in $T/openssl.cnf)"
done
# Said to be so, handles work; what the program needs beside them is not littlebox's.
properties 'default_properties = fips=yes'
printf '[littlebox_sect]\nlittlebox-assume-fips = yes\n' >>openssl.cnf
doctor 0 --handle littlebox:web
no_line default_properties
properties 'default_properties = ?provider=littlebox'
doctor 1 --handle littlebox:web
line 'FAIL  openssl.cnf has default_properties = ?provider=littlebox: TLS servers lose the groups on elliptic curves, and refuse most clients'
hint "take it out: a handle is found without it (alg_section in $T/openssl.cnf)"
for asked in provider=default provider!=littlebox quick=yes quick!=no; do
    properties "default_properties = $asked"
    doctor 1 --handle littlebox:web
    grep -q '^FAIL  no test signature' out || fail "it signs with '$asked': $(cat out)"
    line "FAIL  openssl.cnf has default_properties = $asked: no handle works: what the provider offers has no such property"
done
for asked in '?fips=yes' fips=no provider!=legacy '-fips' '-provider' ''; do
    properties "default_properties = $asked"
    doctor 0 --handle littlebox:web
    no_line default_properties
done
# Where fips stands in for default, that is not what is missing.
sed -e 's/^default = default_sect/fips = default_sect/' lines >openssl.cnf
doctor 1
line "FAIL  openssl.cnf activates the provider 'fips' without 'base'"
hint "see fips_module(7): both are needed where 'default' is not there"
no_line default_sect
{ sed -e 's/^default = default_sect/fips = default_sect/' lines && printf '[provider_sect]\nbase = base_sect\n[base_sect]\nactivate = 1\n'; } >openssl.cnf
littlebox doctor >out 2>err || :
line "ok    openssl.cnf activates the providers 'fips' and 'base' in the place of 'default'"
no_line 'append this'
cp lines openssl.cnf

# --- A handle that root can use, and the workers cannot: by the file, by its URI, by another file of the same key.
write etc/nginx/nginx.conf <<END
user $worker;
http { server { ssl_certificate_key /etc/ssl/private/web.pem; } }
END
if is_root; then
    for handle in "$R/etc/ssl/private/web.pem" littlebox:web littlebox://default/web web.pem; do
        doctor 1 --handle "$handle" --root "$R"
        grep -qF "ok    a test signature with $handle verifies" out || fail "root cannot sign: $(cat out)"
        line "ok    nginx: /etc/nginx/nginx.conf (1 file), its workers are user $worker (uid $(id -u "$worker"))"
        line "FAIL  /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:2): handle littlebox:web does not work for $worker: no signature: not allowed: uid $(id -u "$worker") may not sign with key 'web' of box 'default'"
        hint "an administrator may run: littlebox --box default allow web --user $(id -u "$worker")"
    done
    doctor 1 --handle web.pem --user "$worker"
    grep -qF "no test signature with web.pem by $worker: no signature: not allowed" out || fail "--user: $(cat out)"
    littlebox allow web --user "$worker"
    doctor 0 --handle web.pem --root "$R"
    line "ok    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:2): handle littlebox:web, a test signature by $worker verifies"
    doctor 0 --handle web.pem --user "$worker"
    line "ok    a test signature with web.pem by $worker verifies"
    # No server has this one: that is said.
    littlebox create lonely >/dev/null
    doctor 0 --handle littlebox:lonely --root "$R"
    line "--    no server's configuration that doctor reads names it: it was tried as root alone"
    hint 'as another user: littlebox doctor --handle URI|FILE --user USER'
    doctor 1 --handle littlebox:lonely --user no-such-user
    line "??    there is no user 'no-such-user' here"
else
    doctor 1 --handle web.pem --user root
    line '??    only root can find out what works for root'
    hint 'run this as root'
fi

# --- A certificate of another key, in each way that configurations have them.
printf '[req]\ndistinguished_name = dn\n[dn]\n' >req.cnf
with_module openssl req -x509 -config req.cnf -key littlebox:web -subj /CN=localhost -out "$R/etc/ssl/web.crt" 2>req.log ||
    fail "no certificate: $(cat req.log)"
OPENSSL_CONF=/dev/null openssl genpkey -algorithm ED25519 -out plain.key
OPENSSL_CONF=/dev/null openssl req -x509 -config req.cnf -key plain.key -subj /CN=localhost -out "$R/etc/ssl/other.crt" \
    2>req.log || fail "no certificate: $(cat req.log)"
chmod 0600 "$R/etc/ssl/private/web.pem"
# pair SERVER FILE LINE : standard input, in which CRT is a certificate, is a configuration that is well with that of the
# key, and not with another one.
pair() {
    cat >template
    sed 's/CRT/web.crt/' template | write "$2"
    littlebox doctor --server "$1" --root "$R" >out 2>err || :
    no_line 'of another key'
    grep -qF "handle littlebox:web" out || fail "$1: no handle in: $(cat out)"
    sed 's/CRT/other.crt/' template | write "$2"
    littlebox doctor --server "$1" --root "$R" >out 2>err && fail "$1 is well: $(cat out)"
    grep -qF "the certificate with it is of another key: $R/etc/ssl/other.crt ($R/$2:$3)" out ||
        fail "$1: no word on the certificate: $(cat out)"
    hint 'name the handle of its key, or get a certificate for this one: openssl req -new -key littlebox:web -out FILE.csr'
}
[ "$(id -u)" = 0 ] || worker=$(id -un)
pair nginx etc/nginx/nginx.conf 4 <<END
user $worker;
http { server { ssl_certificate /etc/ssl/other.crt; ssl_certificate_key /etc/ssl/private/absent.key; }
server {
ssl_certificate /etc/ssl/CRT;
ssl_certificate_key /etc/ssl/private/web.pem; } }
END
pair apache2 etc/apache2/apache2.conf 7 <<END
User $worker
<VirtualHost *:443>
SSLCertificateFile /etc/ssl/other.crt
SSLCertificateKeyFile /etc/ssl/private/absent.key
</VirtualHost>
<VirtualHost *:444>
SSLCertificateFile /etc/ssl/CRT
SSLCertificateKeyFile /etc/ssl/private/web.pem
</VirtualHost>
END
pair stunnel etc/stunnel/a.conf 3 <<END
setuid = $worker
[one]
cert = /etc/ssl/CRT
key = /etc/ssl/private/web.pem
END
pair mosquitto etc/mosquitto/mosquitto.conf 2 <<END
user $worker
certfile /etc/ssl/CRT
keyfile /etc/ssl/private/web.pem
END
pair lighttpd etc/lighttpd/lighttpd.conf 2 <<END
server.username = "$worker"
ssl.pemfile = "/etc/ssl/CRT"
ssl.privkey = "/etc/ssl/private/web.pem"
END
pair unbound etc/unbound/unbound.conf 3 <<END
server: username: "$worker"
tls-service-key: /etc/ssl/private/web.pem
tls-service-pem: /etc/ssl/CRT
END
pair postfix etc/postfix/main.cf 2 <<END
mail_owner = $worker
smtpd_tls_cert_file = /etc/ssl/CRT
smtpd_tls_key_file = /etc/ssl/private/web.pem
smtp_tls_cert_file = /etc/ssl/other.crt
END
pair dovecot etc/dovecot/dovecot.conf 5 <<END
default_login_user = $worker
service imap-login {
chroot =
}
ssl_cert = </etc/ssl/CRT
ssl_key = </etc/ssl/private/web.pem
END
# PostgreSQL runs as who has its data, and HAProxy has both halves in one file.
mkdir -p "$R/data"
cp "$R/etc/ssl/private/web.pem" "$R/data/server.key"
if is_root; then chown "$worker" "$R/data" "$R/data/server.key"; fi
pair postgresql etc/postgresql/15/main/postgresql.conf 2 <<'END'
data_directory = '/data'
ssl_cert_file = '/etc/ssl/CRT'
ssl = on
END
for crt in web other; do
    cat "$R/etc/ssl/$crt.crt" "$R/etc/ssl/private/web.pem" | write "etc/haproxy/$crt.pem"
done
printf 'global\n user %s\nfrontend a\n bind :1 ssl crt /etc/haproxy/web.pem crt /etc/haproxy/other.pem\n' "$worker" |
    write etc/haproxy/haproxy.cfg
doctor 1 --server haproxy --root "$R"
line 'FAIL  /etc/haproxy/other.pem (/etc/haproxy/haproxy.cfg:4): the certificate with it is of another key: /etc/haproxy/other.pem (/etc/haproxy/haproxy.cfg:4)'
no_line 'of another key: /etc/haproxy/web.pem'

# --- Words: those that name keys in unusual places, and those that nobody knows.
write etc/ssl/private/ech.pem <plain.key
chmod 0600 "$R/etc/ssl/private/ech.pem"
for name in unknown ca account frontend list split; do
    write "etc/ssl/private/$name.key" <plain.key
    chmod 0600 "$R/etc/ssl/private/$name.key"
done
write etc/nginx/nginx.conf <<END
user $worker;
http {
    ssl_ech_file /etc/ssl/private/ech.pem;
    some_module_secret /etc/ssl/private/unknown.key;
    other_module_secret ../ssl/private/unknown.key;
    some_module_handle /etc/ssl/private/web.pem;
    access_log /var/log/keys/private.log;
    ssl_trusted_certificate /etc/ssl/web.crt.pem;
}
END
write etc/ssl/web.crt.pem <"$R/etc/ssl/web.crt"
doctor 1 --server nginx --root "$R"
line '--    /etc/ssl/private/ech.pem (/etc/nginx/nginx.conf:3): a private key that no handle can stand for: it stays in its file'
line '??    /etc/ssl/private/unknown.key (/etc/nginx/nginx.conf:4): a plain private key on disk, in a place where doctor knows of no key of nginx'
line '??    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:6): a handle, in a place where doctor knows of no key of nginx'
no_line private.log
no_line web.crt.pem
chmod 0644 "$R/etc/ssl/private/ech.pem"
sed -i '/_module_/d' "$R/etc/nginx/nginx.conf"
doctor 1 --server nginx --root "$R"
line 'FAIL  /etc/ssl/private/ech.pem (/etc/nginx/nginx.conf:3): a private key that no handle can stand for, and that anybody may read'
hint 'chmod o= /etc/ssl/private/ech.pem'
write etc/haproxy/haproxy.cfg <<END
global
    user $worker
acme le
    account-key /etc/ssl/private/account.key
frontend a
    ssl-f-use crt /etc/ssl/private/frontend.key
    ssl-f-use crt-list /etc/haproxy/list
    bind :1 ssl ca-sign-file /etc/ssl/private/ca.key
    lua-thing /etc/ssl/private/unknown.key
END
printf '/etc/ssl/web.crt [alpn h2 key /etc/ssl/private/split.key] *.example.org\n/etc/ssl/private/list.key\n' | write etc/haproxy/list
doctor 1 --server haproxy --root "$R"
line 'FAIL  /etc/ssl/private/account.key (/etc/haproxy/haproxy.cfg:4): a plain private key on disk'
line 'FAIL  /etc/ssl/private/frontend.key (/etc/haproxy/haproxy.cfg:6): a plain private key on disk'
line 'FAIL  /etc/ssl/private/ca.key (/etc/haproxy/haproxy.cfg:8): a plain private key on disk'
line 'FAIL  /etc/ssl/private/split.key (/etc/haproxy/list:1): a plain private key on disk'
line 'FAIL  /etc/ssl/private/list.key (/etc/haproxy/list:2): a plain private key on disk'
line '??    /etc/ssl/private/unknown.key (/etc/haproxy/haproxy.cfg:9): a plain private key on disk, in a place where doctor knows of no key of haproxy'

for name in apache2 dovecot haproxy lighttpd mosquitto postfix postgresql stunnel unbound; do
    rm -r "${R:?}/etc/$name"
done
# --- Programs that can use no handle: a key stays, a handle is a mistake, and no key is adopted.
OPENSSL_CONF=/dev/null openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
chmod 0600 rsa.key plain.key
littlebox create dkim --type rsa:2048 >/dev/null 2>&1
littlebox handle dkim --out "$R/etc/ssl/private/dkim.pem"
write etc/dkimkeys/mail.private <rsa.key
chmod 0600 "$R/etc/dkimkeys/mail.private"
# unable PROGRAM FILE WHY INSTEAD : standard input is its configuration, with % for a file.
unable() {
    cat >template
    which=
    case $1 in opendkim | lacme) which=' for an RSA key' ;; esac
    sed "s|%|/etc/dkimkeys/mail.private|" template | write "$2"
    doctor 0 --server "$1" --root "$R"
    line "--    $1: /$2: it can use no handle$which: $3"
    hint "$4"
    grep -qF -- "--    $R/etc/dkimkeys/mail.private ($R/$2:" out || fail "$1: no word on its key: $(cat out)"
    sed "s|%|/etc/ssl/private/dkim.pem|" template | write "$2"
    doctor 1 --server "$1" --root "$R"
    grep -qF "FAIL  $R/etc/ssl/private/dkim.pem ($R/$2:" out || fail "$1: its handle passes: $(cat out)"
    if is_root; then
        doctor 1 --handle "$R/etc/ssl/private/dkim.pem" --root "$R"
        grep -qF "$1 can use no handle$which: $3" out || fail "$1: --handle does not find it: $(cat out)"
    fi
    rm "$R/$2"
}
unable opendkim etc/opendkim.conf 'it takes RSA keys apart' 'leave its RSA key in its file' <<'END'
# KeyFile /etc/comment.key
KeyFile %
END
unable opensmtpd etc/smtpd.conf 'its process for keys takes them apart, and the service ends' \
    'leave its key in its file, or put Postfix in its place' <<'END'
pki mail key "%"
END
unable sshd etc/ssh/sshd_config 'OpenSSH reads and takes apart its keys itself' \
    'leave host keys in their files, or in an agent (HostKeyAgent in sshd_config(5))' <<'END'
HostKey %
END
unable ejabberd etc/ejabberd/ejabberd.yml 'Erlang reads its keys itself' \
    'leave its key in its file, or let a server that can use handles end TLS in front of it' <<'END'
certfiles:
  - "%"
END
unable lacme etc/lacme/lacme.conf 'Crypt::OpenSSL::RSA takes RSA keys apart' "leave its account's key in its file" <<'END'
[client]
privkey = %
END
unable exim4 etc/exim4/exim4.conf.template "Debian's is built with GnuTLS, which loads no provider" \
    'leave its key in its file, or put Postfix in its place' <<'END'
MAIN_TLS_PRIVATEKEY = %
END
# adopt looks at this machine's files: one with opendkim's configuration is made for it.
cat >machine.sh <<'END'
set -eu
mkdir "$1"
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc
echo "KeyFile $2" >/etc/opendkim.conf
shift 2
"$@"
END
# in_machine COMMAND...
in_machine() {
    unshare --mount --propagation private sh machine.sh "$T/machine" "$T/mail.private" "$@"
    rmdir machine
}
cp rsa.key mail.private
if is_root && in_machine true 2>machine.log; then
    expect 1 "'$T/mail.private' is a key of opendkim, which can use no handle: it takes RSA keys apart" \
        unshare --mount --propagation private sh machine.sh "$T/machine" "$T/mail.private" littlebox adopt "$T/mail.private"
    grep -qxF 'hint: leave its RSA key in its file; if it no longer uses this file: --force' err || fail "no hint: $(cat err)"
    cmp -s rsa.key mail.private || fail "the key of opendkim was touched"
    rmdir machine
    # By another name it is the same file; a key of another type would do, and so does --force.
    ln -s mail.private link.key
    expect 1 "'link.key' is a key of opendkim" \
        unshare --mount --propagation private sh machine.sh "$T/machine" "$T/mail.private" littlebox adopt link.key
    rmdir machine
    cp plain.key mail.private
    expect 0 'copies of it may remain' in_machine littlebox adopt mail.private --key edwards
    cp rsa.key mail.private
    expect 0 "warning: 'mail.private' is a key of opendkim, which can use no handle" \
        in_machine littlebox adopt mail.private --key forced --force
else
    echo "no other /etc is to be had here: $(cat machine.log 2>/dev/null)"
fi

# --- A unit that keeps its server from the box. Files say it where systemd does not run; later lines and drop-ins count.
write etc/nginx/nginx.conf <<END
user $worker;
http { ssl_certificate_key /etc/ssl/private/web.pem; }
END
chmod 0644 "$R/etc/ssl/private/web.pem"
unit() {
    { echo '[Service]' && cat; } | write "$1"
}
unit usr/lib/systemd/system/nginx.service <<END
ExecStart=/usr/sbin/nginx
Environment=OPENSSL_CONF=$T/openssl.cnf
RestrictAddressFamilies=AF_INET \\
  AF_INET6
END
doctor 1 --server nginx --root "$R"
line 'FAIL  nginx.service keeps the server from sockets of AF_UNIX (RestrictAddressFamilies=AF_INET  AF_INET6), so it reaches no box'
hint 'systemctl edit nginx: [Service], RestrictAddressFamilies=AF_UNIX, which adds to the list; then: systemctl restart nginx'
# The cure, as systemctl edit writes it.
echo 'RestrictAddressFamilies=AF_UNIX' | unit etc/systemd/system/nginx.service.d/override.conf
doctor 0 --server nginx --root "$R"
# One of the same name in a directory that counts more takes its place.
mkdir -p "$R/run/systemd/system/nginx.service.d"
echo 'RestrictAddressFamilies=none' | unit run/systemd/system/nginx.service.d/override.conf
doctor 0 --server nginx --root "$R"
echo 'RestrictAddressFamilies=~AF_UNIX AF_PACKET' | unit run/systemd/system/nginx.service.d/zz.conf
doctor 1 --server nginx --root "$R"
printf 'RestrictAddressFamilies=\nRestrictAddressFamilies=~AF_UNIX AF_PACKET\n' | unit run/systemd/system/nginx.service.d/zz.conf
doctor 1 --server nginx --root "$R"
line 'FAIL  nginx.service keeps the server from sockets of AF_UNIX (RestrictAddressFamilies=~AF_UNIX AF_PACKET), so it reaches no box'
hint 'take AF_UNIX out of that; then: systemctl daemon-reload && systemctl restart nginx'
printf 'RestrictAddressFamilies=\nEnvironment=LANG=C "OPENSSL_CONF=/etc/other.cnf"\nBindPaths=/run/x:%s/box/default.sock:rbind\n' "$T" |
    unit run/systemd/system/nginx.service.d/zz.conf
doctor 1 --server nginx --root "$R"
line "FAIL  nginx.service has $T/box/default.sock mounted by itself: it is dead there once the box or its socket unit has been started again"
hint "mount the directory in its place: $T/box"
line "FAIL  nginx.service has OPENSSL_CONF=/etc/other.cnf, and this report is about $T/openssl.cnf"
hint 'OPENSSL_CONF=/etc/other.cnf littlebox doctor --server nginx'
rm -r "$R/run/systemd" "$R/etc/systemd"

# --- The shell has an openssl.cnf of its own, and the unit has none, or has it from a file. Then the other way about.
sed -i '/^Environment/d; /^Restrict/,$d' "$R/usr/lib/systemd/system/nginx.service"
doctor 1 --server nginx --root "$R"
line "FAIL  nginx.service has no OPENSSL_CONF, and this report is about $T/openssl.cnf"
hint "systemctl edit nginx: [Service], Environment=OPENSSL_CONF=$T/openssl.cnf"
no_line 'restart it'
# The cure.
echo "Environment=OPENSSL_CONF=$T/openssl.cnf" | unit etc/systemd/system/nginx.service.d/override.conf
doctor 0 --server nginx --root "$R"
printf '# as Debian has it\nOPENSSL_CONF="%s/openssl.cnf"\n' "$T" | write etc/default/nginx
printf 'EnvironmentFile=-/etc/default/absent\nEnvironmentFile=-/etc/default/nginx\n' | unit etc/systemd/system/nginx.service.d/override.conf
doctor 0 --server nginx --root "$R"
echo 'Environment=OPENSSL_CONF=/etc/ssl/littlebox.cnf' | unit etc/systemd/system/nginx.service.d/override.conf
write etc/ssl/littlebox.cnf <openssl.cnf
unset OPENSSL_CONF
doctor 0 --server nginx --root "$R"
line 'ok    openssl.cnf is /etc/ssl/littlebox.cnf (OPENSSL_CONF of nginx.service)'
rm "$R/etc/ssl/littlebox.cnf"
doctor 1 --server nginx --root "$R"
line 'FAIL  cannot read /etc/ssl/littlebox.cnf: No such file or directory'
rm -r "$R/etc/systemd"
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF

# --- A box whose socket passes no descriptors on: its template's file, and a drop-in of its own.
printf '[Socket]\nAcceptFileDescriptors=no\n' | write usr/lib/systemd/system/littleboxd@.socket
doctor 1 --handle littlebox:web --root "$R"
line "FAIL  the socket of box 'default' takes no descriptors (AcceptFileDescriptors=no): workers in a chroot reach no box, and others have to find it by its path"
hint 'systemctl edit littleboxd@default.socket: [Socket], AcceptFileDescriptors=yes; then: systemctl restart littleboxd@default.socket'
printf '[Socket]\nAcceptFileDescriptors=yes\n' | write etc/systemd/system/littleboxd@default.socket.d/override.conf
rm "$R/usr/lib/systemd/system/nginx.service"

# --- A box that nobody starts with the machine: its socket unit is there, and not enabled.
doctor 1 --handle littlebox:web --root "$R"
line "FAIL  box 'default' is not there after the next start of this machine: littleboxd@default.socket is disabled"
hint 'systemctl enable --now littleboxd@default.socket'
mkdir -p "$R/etc/systemd/system/sockets.target.wants" "$R/etc/systemd/system/multi-user.target.wants"
ln -s /usr/lib/systemd/system/littleboxd@.socket "$R/etc/systemd/system/sockets.target.wants/littleboxd@other.socket"
doctor 1 --handle littlebox:web --root "$R"
# Enabled, as systemctl does it: the socket, or the service, which takes the socket with it.
ln -s /usr/lib/systemd/system/littleboxd@.socket "$R/etc/systemd/system/sockets.target.wants/littleboxd@default.socket"
doctor 0 --handle littlebox:web --root "$R"
no_line 'next start of this machine'
rm "$R/etc/systemd/system/sockets.target.wants/littleboxd@default.socket"
printf '[Service]\nType=notify\n' | write usr/lib/systemd/system/littleboxd@.service
ln -s /usr/lib/systemd/system/littleboxd@.service "$R/etc/systemd/system/multi-user.target.wants/littleboxd@default.service"
doctor 0 --handle littlebox:web --root "$R"

# --- The same where systemd runs, and a box that failed at its start: what its child said counts, not that it ended.
cat >booted.sh <<'END'
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/littlebox
mkdir "$1/orig" "$1/bin"
mount --bind /usr/bin "$1/orig"
cp -rs "$1/orig/." "$1/bin"
for tool in systemctl journalctl; do
    rm -f "$1/bin/$tool"
    cp "$1/$tool" "$1/bin/$tool"
done
mount --bind "$1/bin" /usr/bin
shift
"$@"
END
cat >systemctl <<'END'
#!/bin/sh
case "$*" in
is-enabled*) cat STATE/enabled && exit 1 ;;
show-environment*) ;;
show*littleboxd@default.service) cat STATE/service ;;
show*littleboxd@default.socket) cat STATE/socket ;;
*) exit 1 ;;
esac
END
printf '#!/bin/sh\ncat STATE/journal\n' >journalctl
mkdir state
sed -i "s|STATE|$T/state|" systemctl journalctl
chmod 0755 systemctl journalctl
# booted COMMAND... : with a systemd that says what is in state.
booted() {
    rm -rf orig bin
    unshare --mount --propagation private sh booted.sh "$T" "$@"
}
if is_root && booted true 2>booted.log; then
    unset LITTLEBOX_DIR
    sed '/^littlebox-directory/d' lines >openssl.cnf
    printf 'LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=78\n' >state/service
    printf 'LoadState=loaded\nActiveState=active\n' >state/socket
    cat >state/journal <<'END'
littleboxd[default]: /etc/littlebox/default.conf:3: unknown setting 'no-such-setting'
littleboxd[default]: the child ended with status 78
littleboxd[default]: 3 children in a row ended at their start: the next try is 1.0 s after this
END
    expect 1 '' booted littlebox doctor
    line "FAIL  box 'default' failed when it was started (exit-code with status 78), and is not started again: littleboxd[default]: /etc/littlebox/default.conf:3: unknown setting 'no-such-setting'"
    hint "mend that, then: systemctl reset-failed 'littleboxd@default.*' && systemctl start littleboxd@default.socket"
    # Where there is nothing else, that is told.
    sed -i '/no-such-setting/d; /in a row/d' state/journal
    expect 1 '' booted littlebox doctor
    line "FAIL  box 'default' failed when it was started (exit-code with status 78), and is not started again: littleboxd[default]: the child ended with status 78"
    # One that answers.
    printf 'LoadState=loaded\nActiveState=active\n' >state/service
    cat >answering.sh <<'END'
set -eu
mount --bind "$1" /run/littlebox
shift
"$@"
END
    running() { booted sh answering.sh "$T/box" littlebox doctor; }
    for word in disabled enabled-runtime; do
        echo $word >state/enabled
        expect 1 '' running
        line "ok    a box answers at /run/littlebox/default.sock, asked as user root (uid 0)"
        line "FAIL  box 'default' is not there after the next start of this machine: littleboxd@default.socket is $word"
        hint 'systemctl enable --now littleboxd@default.socket'
    done
    echo masked >state/enabled
    expect 1 '' running
    hint 'systemctl unmask littleboxd@default.socket && systemctl enable --now littleboxd@default.socket'
    # (Its credential is in another place than the system's, which it says.)
    echo enabled >state/enabled
    expect 1 '' running
    line "ok    a box answers at /run/littlebox/default.sock, asked as user root (uid 0)"
    no_line 'start of this machine'
    # Another unit starts it; that its own two need each other does not.
    echo disabled >state/enabled
    printf 'LoadState=loaded\nRequiredBy=littleboxd@default.service\nWantedBy=nginx.service\n' >state/socket
    expect 1 '' running
    line "ok    a box answers at /run/littlebox/default.sock, asked as user root (uid 0)"
    no_line 'start of this machine'
    printf 'LoadState=loaded\nRequiredBy=littleboxd@default.service\n' >state/socket
    expect 1 '' running
    line "FAIL  box 'default' is not there after the next start of this machine: littleboxd@default.socket is disabled"
    LITTLEBOX_DIR=$T/box
    export LITTLEBOX_DIR
    cp lines openssl.cnf
else
    echo "no systemd is to be had here: $(cat booted.log 2>/dev/null)"
fi

# --- A socket that is mounted by itself: while it works, and when it is dead.
if is_root && unshare --mount true 2>/dev/null; then
    cat >mounted.sh <<'END'
set -eu
: >"$1/alone.sock"
mount --bind "$2/default.sock" "$1/alone.sock"
shift 2
"$@"
END
    # in_mounts COMMAND...: where the box's socket is on a file of its own.
    mkdir away
    alone() {
        unshare --mount --propagation private sh mounted.sh "$T/away" "$T/box" littlebox --dir "$T/away" --box alone doctor
    }
    expect 1 '' alone
    line "FAIL  $T/away/alone.sock is mounted by itself: it is dead once the box or its socket unit has been started again"
    hint "mount the directory in its place: $T/away"
    grep -qF "ok    a box answers at $T/away/alone.sock" out || fail "it does not answer: $(cat out)"
    cat >mounted.sh <<'END'
set -eu
: >"$1/alone.sock"
mount --bind "$2/default.sock" "$1/alone.sock"
kill "$KEEPER"
while grep -q '^State:.*[^Z] (' "/proc/$KEEPER/status" 2>/dev/null; do sleep 0.02; done
shift 2
"$@"
END
    export KEEPER
    expect 1 '' alone
    line "FAIL  $T/away/alone.sock is mounted by itself: it is dead once the box or its socket unit has been started again"
    hint "mount the directory in its place: $T/away"
    no_line 'start it'
    start_named default
fi

# --- A box that sees no other processes than its own.
if is_root && unshare --pid --fork true 2>/dev/null; then
    BOX_UNDER=(unshare --pid --fork --kill-child --mount-proc)
    start_named inner
    BOX_UNDER=()
    # unshare passes no signal on: the box is ended by the number that it has here.
    inner=$(pgrep -P "$KEEPER") || fail "no process in the namespace"
    TEST_PIDS[-1]=$inner
    expect 1 '' littlebox --box inner doctor
    grep -qF "FAIL  box 'inner' is in a PID namespace of its own (it is process " out || fail "no word on its namespace: $(cat out)"
    hint 'run it without one: in a unit PrivatePIDs=no, then: systemctl restart littleboxd@inner'
    expect 1 '' littlebox doctor --handle littlebox:nosuch
    no_line 'PID namespace'
fi
