#!/usr/bin/env bash
# doctor --server: servers that order certificates by themselves and make plain keys for them.
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
! is_root || littlebox allow web --user "$worker"
cure='take that out, name a handle and its chain there, and renew with a request of the box: littlebox csr KEY'
OPENSSL_CONF=/dev/null openssl genpkey -algorithm ED25519 -out "$R/etc/ssl/private/plain.key"

# nginx: ngx_http_acme_module, as nginx.org documents it.
write etc/nginx/nginx.conf <<END
user $worker;
http {
    acme_issuer example { uri https://acme.example.com/directory; state_path /var/cache/nginx/acme-example; }
    acme_shared_zone zone=ngx_acme_shared:1M;
    server {
        listen 443 ssl;
        acme_certificate example www.example.org key=ecdsa:256;
        ssl_certificate \$acme_certificate;
        ssl_certificate_key \$acme_certificate_key;
    }
    server { ssl_certificate /etc/ssl/web.crt; ssl_certificate_key /etc/ssl/private/web.pem; }
}
END
doctor 1 nginx
line 'FAIL  acme_certificate example (/etc/nginx/nginx.conf:7): nginx makes the private key by itself, outside of any box'
hint "$cure"
# shellcheck disable=SC2016 # nginx's variable
no_line '$acme_certificate_key'
line "ok    /etc/ssl/private/web.pem (/etc/nginx/nginx.conf:11): handle littlebox:web, a test signature by $worker verifies"
expect 1 '' littlebox --json doctor --server nginx --root "$R"
json_at checks.*.text | grep -q 'acme_certificate example' || fail "not in JSON: $(cat out)"
# Nothing to adopt.
expect 1 '' littlebox doctor --server nginx --root "$R" --json
sed -i '/acme_/d' "$R/etc/nginx/nginx.conf"
doctor 0 nginx
no_line 'makes the private key'

# Apache: mod_md. A set with a key of its own has a key like any other.
write etc/apache2/apache2.conf <<END
User $worker
LoadModule md_module modules/mod_md.so
<IfModule md_module>
    MDomain a.example www.a.example
    <MDomainSet b.example>
        MDMember www.b.example
    </MDomainSet>
    <MDomainSet c.example>
        MDCertificateFile /etc/ssl/web.crt
        MDCertificateKeyFile /etc/ssl/private/web.pem
    </MDomainSet>
    <MDomainSet d.example>
        MDCertificateFile /etc/ssl/web.crt
        MDCertificateKeyFile /etc/ssl/private/plain.key
    </MDomainSet>
</IfModule>
<IfModule mod_absent.c>
    MDomain absent.example
    <MDomainSet other.example>
    </MDomainSet>
</IfModule>
END
doctor 1 apache2
line 'FAIL  MDomain a.example (/etc/apache2/apache2.conf:4): apache2 makes the private key by itself, outside of any box'
line 'FAIL  MDomainSet b.example (/etc/apache2/apache2.conf:5): apache2 makes the private key by itself, outside of any box'
hint "$cure"
no_line 'MDomainSet c.example'
no_line 'MDomainSet d.example'
no_line absent.example
no_line other.example
line "ok    /etc/ssl/private/web.pem (/etc/apache2/apache2.conf:10): handle littlebox:web, a test signature by $worker verifies"
grep -q 'plain.key.*: a plain private key on disk' out || fail "no plain key in: $(cat out)"

# HAProxy, since 3.2: on lines with certificates, in stores and in lists; the word alone says nothing.
write etc/haproxy/site.pem <"$R/etc/ssl/private/plain.key"
echo 'site.pem [acme ZERO domains a.example] a.example' | write etc/haproxy/list.txt
write etc/haproxy/haproxy.cfg <<END
global
    user $worker
    group $(id -gn "$worker")
acme LE
    directory https://acme-v02.api.letsencrypt.org/directory
    challenge HTTP-01
crt-store
    load crt /etc/haproxy/site.pem acme STORE domains a.example
frontend web
    bind :443 ssl crt /etc/haproxy/site.pem acme LE
    ssl-f-use crt /etc/haproxy/site.pem acme FUSE domains b.example
    bind :444 ssl crt-list /etc/haproxy/list.txt
    use_backend acme if { path_beg /.well-known/acme-challenge/ }
backend acme
    server acme 127.0.0.1:8080
END
doctor 1 haproxy
line 'FAIL  acme LE (/etc/haproxy/haproxy.cfg:10): haproxy makes the private key by itself, outside of any box'
line 'FAIL  acme STORE (/etc/haproxy/haproxy.cfg:8): haproxy makes the private key by itself, outside of any box'
line 'FAIL  acme FUSE (/etc/haproxy/haproxy.cfg:11): haproxy makes the private key by itself, outside of any box'
line 'FAIL  acme ZERO (/etc/haproxy/list.txt:1): haproxy makes the private key by itself, outside of any box'
hint "$cure"
[ "$(grep -c 'makes the private key' out)" = 4 ] || fail "more than there are: $(cat out)"

# Caddy and Traefik can use no handle. Their keys are told of, and what helps.
elsewhere='let a server that can use handles end TLS in front of it'
printf 'www.example.org {\n    reverse_proxy localhost:8080\n}\n' | write etc/caddy/Caddyfile
store=var/lib/caddy/.local/share/caddy/certificates/acme-v02.api.letsencrypt.org-directory/www.example.org
write "$store/www.example.org.key" <"$R/etc/ssl/private/plain.key"
chmod 0600 "$R/$store/www.example.org.key"
doctor 0 caddy
line '--    caddy: /etc/caddy/Caddyfile: it can use no handle: it makes its keys itself, in plain files, and Go reads them'
hint "$elsewhere"
grep -q "^--    /$store/www.example.org.key .*: a private key on disk; caddy can use no handle" <(sed "s|$R/|/|g" out) ||
    fail "no key in: $(cat out)"
chmod 0644 "$R/$store/www.example.org.key"
doctor 1 caddy
grep -q "a private key on disk, which anybody may read; caddy can use no handle" out || fail "not open: $(cat out)"

write etc/traefik/traefik.yml <<'END'
certificatesResolvers:
  letsencrypt:
    acme:
      storage: /var/lib/traefik/acme.json
      httpChallenge: { entryPoint: web }
END
doctor 0 traefik
line '--    traefik: /etc/traefik/traefik.yml: it can use no handle: it makes its keys itself, in a plain file, and Go reads them'
line '--    /var/lib/traefik/acme.json (/etc/traefik/traefik.yml:4): traefik makes private keys by itself and keeps them plain'
hint "$elsewhere"
rm "$R/etc/traefik/traefik.yml"
printf '[certificatesResolvers.le.acme]\n  storage = "acme.json"\n' | write etc/traefik/traefik.toml
doctor 0 traefik
line '--    acme.json (/etc/traefik/traefik.toml:2): traefik makes private keys by itself and keeps them plain'
