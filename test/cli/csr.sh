#!/usr/bin/env bash
# Certificate requests: signed in the box by keys of each type, for names that were given, of a certificate, or of the chain in the
# box; and what is refused.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"

# request FILE [NAME] : what openssl(1), which has never heard of us, says of it; it verifies.
request() {
    plain_ossl req -in "$1" -noout -verify -text "${@:2}" >text 2>verify.log || fail "$1 does not verify: $(cat verify.log)"
    # Some releases of OpenSSL write "CN = x".
    sed -i '/^ *Subject:/s/ = /=/g' text
    grep -q 'verify OK\|self-signature verify' verify.log text || fail "nothing was verified: $(cat verify.log)"
}
has() { grep -qF -e "$1" text || fail "no '$1' in: $(cat text)"; }
lacks() { ! grep -qF -e "$1" text || fail "'$1' in: $(cat text)"; }
# of_key KEY FILE : the request is for the public key of this key.
of_key() {
    littlebox show --public "$1" >pub
    plain_ossl req -in "$2" -noout -pubkey | cmp -s - pub || fail "$2 is for another key than $1"
}

# Each type of key, and the signature that fits it.
while read -r type algorithm; do
    key=of-${type//[:.]/-}
    littlebox create "$key" --type "$type" >/dev/null
    expect 0 '' littlebox csr "$key" --subject /CN=example --out "$key.csr"
    request "$key.csr"
    has "Signature Algorithm: $algorithm"
    of_key "$key" "$key.csr"
done <<'END'
rsa:2048 sha256WithRSAEncryption
rsa-pss:2048 rsassaPss
rsa-pss:2048:sha384 rsassaPss
ec:P-256 ecdsa-with-SHA256
ec:P-384 ecdsa-with-SHA384
ec:P-521 ecdsa-with-SHA512
ed25519 ED25519
ed448 ED448
END
request of-rsa-pss-2048-sha384.csr
has 'Hash Algorithm: sha384'
if littlebox create post --type ml-dsa-44 >/dev/null 2>&1; then
    expect 0 '' littlebox csr post --subject /CN=example --out post.csr
    request post.csr
    has 'Signature Algorithm: ML-DSA-44'
fi

# Names that are said.
littlebox create web >/dev/null
expect 0 '' littlebox csr web --san DNS:www.example.org,example.org,192.0.2.1,IP:2001:db8::1,email:root@example.org,URI:https://example.org/id
cp out web.csr
request web.csr
has 'Version: 1 (0x0)'
has 'Subject: CN=www.example.org'
has 'DNS:www.example.org, DNS:example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:root@example.org, URI:https://example.org/id'
lacks 'X509v3 Subject Alternative Name: critical'
lacks 'TLS Feature'
expect 0 '' littlebox csr web --san '*.example.org, _dmarc.example.org' --must-staple
request out
has 'DNS:*.example.org, DNS:_dmarc.example.org'
has 'status_request'
expect 0 '' littlebox csr web --subject '/C=DE/O=A\/B \+ C/OU=x+CN=käse' --san example.org
request out -nameopt RFC2253,-esc_msb,utf8
has 'Subject: CN=käse+OU=x,O=A/B \+ C,C=DE'
# What is too long for a CN is no CN; names without a subject are critical, by RFC 5280 4.2.1.6.
long=$(printf 'a%.0s' {1..40}).$(printf 'b%.0s' {1..40}).example
expect 0 '' littlebox csr web --san "$long"
request out
has 'X509v3 Subject Alternative Name: critical'
expect 0 '' littlebox csr web --subject / --san example.org
request out
has 'X509v3 Subject Alternative Name: critical'
lacks 'CN'

# Those of a certificate; what is said counts more. The file may hold a private key.
expect 1 "whom is the certificate for? There is none of key 'web' yet to take the names of" littlebox csr web
expect 1 'hint: littlebox --box default csr web --san DNS:www.example.org' littlebox csr web
plain_ossl req -x509 -newkey ed25519 -nodes -keyout other.key -subj /O=Example/CN=a.example -days 2 \
    -addext 'subjectAltName=DNS:a.example,DNS:b.example' -addext tlsfeature=status_request -out other.crt 2>/dev/null
cat other.key other.crt >both.pem
for file in other.crt both.pem; do
    expect 0 '' littlebox csr web --like $file
    request out
    has 'Subject: O=Example, CN=a.example'
    has 'DNS:a.example, DNS:b.example'
    has 'status_request'
    of_key web out
done
# A certificate without a subject, as public authorities issue them: the request has one, and what is critical there is not so here.
plain_ossl req -x509 -newkey ed25519 -nodes -keyout bare.key -subj / -days 2 -addext 'subjectAltName=critical,DNS:e.example' \
    -out bare.crt 2>/dev/null
expect 0 '' littlebox csr web --like bare.crt
request out
has 'Subject: CN=e.example'
has 'DNS:e.example'
lacks 'X509v3 Subject Alternative Name: critical'
littlebox csr web --like - <other.crt >out || fail "not from standard input"
expect 0 '' littlebox csr web --like other.crt --san c.example
request out
has 'Subject: O=Example, CN=a.example'
has 'DNS:c.example'
lacks 'b.example'
expect 0 '' littlebox csr web --like other.crt --subject /CN=d
request out
has 'Subject: CN=d'
has 'DNS:b.example'

# Those of the chain in the box: the same line for each renewal.
plain_ossl x509 -req -in web.csr -CA other.crt -CAkey other.key -CAcreateserial -copy_extensions copy -days 2 -out web.crt 2>/dev/null
littlebox cert set web web.crt
expect 0 '' littlebox csr web
request out
has 'Subject: CN=www.example.org'
has 'DNS:www.example.org, DNS:example.org, IP Address:192.0.2.1'
expect 0 '' littlebox csr 'web;version=1'
request out

# Of the next version: for the same names, by the key that is announced; and it signs nothing else.
expect 1 "key 'web' in box 'default' has no next version" littlebox csr web --next
expect 0 '' littlebox --json roll web
announced=$(json sha256 <out)
expect 0 '' littlebox csr web --next --out next.csr
request next.csr
has 'Subject: CN=www.example.org'
has 'DNS:www.example.org, DNS:example.org, IP Address:192.0.2.1'
[ "$(plain_ossl req -in next.csr -noout -pubkey | plain_ossl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)" = "$announced" ] ||
    fail "the request is for another key than was announced"
expect 0 '' littlebox --json csr web --next
expect_json version 2 key '"web"'
expect 0 '' littlebox csr 'web;version=2'
request out
has 'DNS:www.example.org, DNS:example.org'
expect 0 '' littlebox csr 'web;version=2' --like other.crt
request out
has 'Subject: O=Example, CN=a.example'
expect 0 '' littlebox csr web
of_key web out
plain_ossl x509 -req -in next.csr -CA other.crt -CAkey other.key -CAcreateserial -copy_extensions copy -days 2 -out next.crt 2>/dev/null
littlebox activate web --chain next.crt 2>/dev/null || fail "the certificate of the request is not taken"
expect 0 '' littlebox csr web
[ "$(plain_ossl req -in out -noout -pubkey | plain_ossl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)" = "$announced" ] ||
    fail "the next version is not the current one"

# Files, and JSON.
expect 1 "'web.csr' exists already" littlebox csr web --out web.csr
expect 0 '' littlebox csr web --out web.csr --force
request web.csr
[ "$(stat -c %a web.csr)" = 644 ] || fail "mode of the file"
expect 1 "private key" littlebox csr web --out other.key --force
expect 0 '' littlebox --json csr web --out json.csr
expect_json @ key,box,version,file,subject,request key '"web"' version 2 file '"json.csr"' subject '"/CN=www.example.org"'
request json.csr
expect 0 '' littlebox --json csr web
expect_json file null
json_at request | grep -q '^"-----BEGIN CERTIFICATE REQUEST-----' || fail "no PEM in: $(cat out)"

# What is refused.
expect 2 '--force needs --out FILE' littlebox csr web --force
expect 2 "'csr' needs: KEY" littlebox csr
expect 2 '--next and version 1 exclude each other' littlebox csr 'web;version=1' --next
expect 1 "no key 'nosuch'" littlebox csr nosuch --subject /CN=x
expect 1 "--subject: 'CN=x' does not begin with '/'" littlebox csr web --subject CN=x
expect 1 "hint: as for openssl req -subj: --subject '/CN=www.example.org'" littlebox csr web --subject CN=x
expect 1 "--subject: 'CN' has no '='" littlebox csr web --subject /CN
expect 1 "--subject: 'example' has no '='" littlebox csr web --subject /O=x/example
expect 1 "hint: a '/' that belongs to a value is written '\\/'" littlebox csr web --subject /O=x/example
expect 1 "--subject: 'Nosuch' is no type of a name" littlebox csr web --subject /Nosuch=x
expect 1 "--subject: 'O' has no value" littlebox csr web --subject /O=/CN=x
expect 1 "--subject: 'DEU' can be no value of C: too long, too short or not UTF-8" littlebox csr web --subject /C=DEU
expect 1 "--subject:" littlebox csr web --subject $'/CN=\xff\xfe'
expect 1 "--san: there is an empty name in 'a.example,'" littlebox csr web --san a.example,
expect 1 "--san: 'a.example' is there twice" littlebox csr web --san a.example,DNS:b.example,a.example
expect 1 "--san: 'dirName:x' is of no kind that a request can have" littlebox csr web --san dirName:x
expect 1 'hint: DNS:, IP:, email: or URI: before it, or nothing before a DNS name or an address' littlebox csr web --san dirName:x
for name in a..example -. .example example. 'a example' a+b.example käse.example 'a.*.example' '*' "$(printf 'a%.0s' {1..64}).example"; do
    expect 1 "is no DNS name" littlebox csr web --san "DNS:$name,b.example"
    [ ! -s out ] || fail "a request all the same: $name"
done
expect 1 "--san: '192.0.2.0/24' is no IP address" littlebox csr web --san IP:192.0.2.0/24
expect 1 "hint: an address, no network: 192.0.2.1 or 2001:db8::1" littlebox csr web --san IP:192.0.2.0/24
expect 1 "--san: 'root' is no mail address" littlebox csr web --san email:root
expect 1 "--san: 'copy' is no mail address" littlebox csr web --san email:copy
expect 1 "--san: 'example' is no URI" littlebox csr web --san URI:example
expect 1 "cannot read 'nosuch.pem': No such file or directory" littlebox csr web --like nosuch.pem
expect 1 "there is no certificate in 'other.key'" littlebox csr web --like other.key
names=$(printf ',host%d.a-long-name-for-a-zone.example' {1..500})
expect 1 'and a box looks at no more than 16384' littlebox csr web --san "${names#,}"
expect 1 'hint: ask for fewer names' littlebox csr web --san "${names#,}"
littlebox create agrees --type x25519 >/dev/null
expect 1 "key 'agrees' can sign no request: this type of key does not sign" littlebox csr agrees --subject /CN=x

# Who may not sign gets no request.
if is_root; then
    expect 1 "may not sign with key 'web' of box 'default'" other littlebox csr web --subject /CN=x
fi
littlebox lock
expect 1 'locked' littlebox csr web --subject /CN=x
say "OK"
