#!/usr/bin/env bash
# examples/acme/renew.sh: a new key at each renewal, in the box all the time, with each client and pebble as the CA. A CA or a challenge
# that fails, a full disk, a client that brings the wrong thing, and a run that is killed at each of its steps: the old pair
# serves on, and the next run finishes.
#
# EVERY (4): a run is killed at every so many of its steps; test/proof/acme.sh takes each.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=acme-lib.sh
. "$(dirname "$0")/acme-lib.sh"

needs openssl nginx curl pebble flock acme-tiny
! is_root || needs_user www-data
begin
new_box "$TEST_DIR/box"
RENEW=$LITTLEBOX_SRC/examples/acme/renew.sh
TLS=$TEST_DIR/tls STATE=$TEST_DIR/state WEBROOT=$TEST_DIR/webroot
CHAIN=$STATE/web/chain.pem
mkdir -p "$TLS" "$STATE" "$TEST_DIR/tmp" "$TEST_DIR/bin" "$TEST_DIR/steps" "$TEST_DIR/ca" "$TEST_DIR/empty" \
    "$WEBROOT/.well-known/acme-challenge"
read -r CA_PORT ROOTS_PORT HTTP_PORT WEB_PORT <<<"$(free_ports 4 | xargs)"
DIRECTORY=https://localhost:$CA_PORT/dir

# What the examples find on a machine: the command, and a way to reload nginx.
printf '#!/bin/sh\nexec "%s" --dir "%s" "$@"\n' "$LITTLEBOX_BUILD/littlebox" "$BOX_DIR" >"$TEST_DIR/bin/littlebox"
cat >"$TEST_DIR/bin/reload" <<END
#!/bin/sh
exec env ${MODULE_ENV[*]} OPENSSL_CONF="$BOX_DIR/openssl.cnf" nginx -p "$TEST_DIR/nginx" -e "$TEST_DIR/nginx/error.log" \
    -c "$TEST_DIR/nginx/nginx.conf" -s reload
END
chmod 0755 "$TEST_DIR/bin/"*
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"

# --- the pair that is served

serve() {
    lb create web --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
    if is_root; then lb allow web --user www-data 2>>"$TEST_DIR/lb.log"; fi
    # A stand-in: what the first request takes its names of.
    ossl req -x509 -key littlebox:web -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 1 \
        -out "$TEST_DIR/stand-in.crt" 2>>"$TEST_DIR/openssl.log"
    lb cert set web "$TEST_DIR/stand-in.crt"
    lb handle web --out "$TLS/web.pem"
    cp "$TEST_DIR/stand-in.crt" "$TLS/web.crt"
    nginx_server "$WEB_PORT" "$TLS/web.crt" "$TLS/web.pem"
    NGINX_SERVERS+=("server {
        listen 127.0.0.1:$HTTP_PORT;
        location /.well-known/acme-challenge/ { root $WEBROOT; }
    }")
    # shellcheck disable=SC2046 # a user, or none
    write_nginx_conf "$TEST_DIR/nginx" 1 $(if is_root; then echo www-data; fi)
    start_nginx "$TEST_DIR/nginx"
    # A box that remembers no deployments leaves them to a command.
    AFTER=
    if lb help deploy >/dev/null 2>&1; then
        lb deploy web --handle "$TLS/web.pem" --chain "$TLS/web.crt" --reload "$TEST_DIR/bin/reload" >>"$TEST_DIR/lb.log" 2>&1
    else
        AFTER="exec 7>$TEST_DIR/after.lock && flock 7 && littlebox handle web --out $TLS/new.pem --force && littlebox cert get web --out $TLS/new.crt --force &&
            mv $TLS/new.pem $TLS/web.pem && mv $TLS/new.crt $TLS/web.crt && reload"
    fi
}
# served WHAT : of the certificate that nginx shows: -serial, -pubkey ...
served() {
    plain_ossl s_client -connect "127.0.0.1:$WEB_PORT" -servername localhost </dev/null 2>/dev/null |
        plain_ossl x509 -noout "$1"
}
# By the one worker that is left: the old one goes on to accept for a moment.
is_served() {
    [ "$(served -serial)" = "$(lb cert get web | plain_ossl x509 -noout -serial)" ] &&
        [ "$(children_of "$NGINX" | wc -l)" -eq 1 ]
}
trusted() {
    OPENSSL_CONF=/dev/null curl -sf --noproxy '*' --resolve "localhost:$WEB_PORT:127.0.0.1" \
        --cacert "$TEST_DIR/ca/root.crt" "https://localhost:$WEB_PORT/" | grep -q hello
}
# TLSA data 3 1 1 (RFC 6698, RFC 7671 5.1): of the public key on standard input; of the next version of the key.
tlsa_of() { plain_ossl pkey -pubin -outform DER | plain_ossl dgst -sha256 -r | cut -d' ' -f1; }
next_tlsa() { lb roll web 2>/dev/null | grep -oE '3 1 1 [0-9A-Fa-f]{64}' | cut -d' ' -f4 | tr 'A-F' 'a-f'; }

# --- runs

# renew CLIENT [OPTIONS] : one run; DUE no: the certificate is good for long. What it says is in renew.log.
# shellcheck disable=SC2016 # of the inner shell
renew() {
    local days=99999
    [ "${DUE:-yes}" = yes ] || days=0
    env PATH="$TEST_DIR/steps:$TEST_DIR/bin:$PATH" TMPDIR="$TEST_DIR/tmp" SSL_CERT_FILE="$TEST_DIR/ca/https.crt" \
        REQUESTS_CA_BUNDLE="$TEST_DIR/ca/https.crt" LEGO_CA_CERTIFICATES="$TEST_DIR/ca/https.crt" \
        LEGO_PATH="$TEST_DIR/lego" STATE="$STATE" WEBROOT="$WEBROOT" DAYS=$days AFTER="$AFTER" \
        sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$TEST_DIR/pid" "$RENEW" web --with "$@" \
        >"$TEST_DIR/renew.log" 2>&1 3>&-
}
tiny() { renew acme-tiny --account-key "$TEST_DIR/account.key" --directory-url "$DIRECTORY" --check-port "$HTTP_PORT" "$@"; }

# renewed WHO OLD-SERIAL TLSA : another pair is served, for the key that was announced, and the one after it is there.
renewed() {
    await "nginx to serve the new certificate" is_served
    check "$1: another certificate is served" test "$(served -serial)" != "$2"
    check "$1: with a chain to the CA, by a key that signs for it" trusted
    same "$1: for the key whose TLSA data was there before" "$3" "$(served -pubkey | tlsa_of)"
    check "$1: the TLSA data of the next key is there" test "$(next_tlsa)" != "$3"
    check "$1: nothing is left over" test ! -e "$CHAIN" -a ! -e "$STATE/web/unfinished"
}
# renews WHO COMMAND...
renews() {
    local who=$1 old next
    shift
    old=$(served -serial) next=$(next_tlsa)
    check "$who renews" "$@"
    renewed "$who" "$old" "$next"
}
# stays WHO PATTERN COMMAND... : the run fails and says so, the same pair is served, and the next version is the same.
stays() {
    local who=$1 pattern=$2 old next
    shift 2
    old=$(served -serial) next=$(next_tlsa)
    check "$who: the run fails" not "$@"
    check "$who: and says why" grep -Eq -e "$pattern" "$TEST_DIR/renew.log"
    same "$who: the old certificate is served" "$old" "$(served -serial)"
    same "$who: the next version is what it was" "$next" "$(next_tlsa)"
    check "$who: no chain is left" test ! -e "$CHAIN"
}

# The CA asks each time.
export PEBBLE_AUTHZREUSE=0
start_ca
serve
plain_ossl genrsa -out "$TEST_DIR/account.key" 2048 2>/dev/null
plain_ossl req -x509 -newkey ed25519 -nodes -keyout "$TEST_DIR/alien.key" -subj /CN=localhost -days 2 -out "$TEST_DIR/alien.crt" 2>/dev/null

# --- each client

renews acme-tiny tiny
old=$(served -serial)
DUE=no
check "acme-tiny: not due" tiny
DUE=yes
same "acme-tiny: the certificate stays" "$old" "$(served -serial)"
if command -v certbot >/dev/null; then
    renews certbot renew certbot --server "$DIRECTORY" --agree-tos --register-unsafely-without-email \
        --config-dir "$TEST_DIR/certbot" --work-dir "$TEST_DIR/certbot" --logs-dir "$TEST_DIR/certbot"
fi
if command -v dehydrated >/dev/null; then
    mkdir "$TEST_DIR/dehydrated"
    cat >"$TEST_DIR/dehydrated/config" <<END
BASEDIR="$TEST_DIR/dehydrated"
WELLKNOWN="$WEBROOT/.well-known/acme-challenge"
CA="$DIRECTORY"
CURL_OPTS="--cacert $TEST_DIR/ca/https.crt --noproxy *"
IP_VERSION=4
END
    check "dehydrated registers" dehydrated --config "$TEST_DIR/dehydrated/config" --register --accept-terms >>"$TEST_DIR/dehydrated.log" 2>&1
    renews dehydrated renew dehydrated --config "$TEST_DIR/dehydrated/config"
fi
if command -v lego >/dev/null; then
    renews lego renew lego --server "$DIRECTORY" --accept-tos --email root@localhost
fi
# uacme trusts the system's authorities alone: it gets others in a mount namespace.
if is_root && command -v uacme >/dev/null; then
    cat >"$TEST_DIR/bin/uacme" <<END
#!/bin/sh
exec unshare -m sh -c 'mount --bind "\$0" /etc/ssl/certs/ca-certificates.crt && exec "\$@"' "$TEST_DIR/ca/https.crt" \
    "$(command -v uacme)" "\$@"
END
    chmod 0755 "$TEST_DIR/bin/uacme"
    "$TEST_DIR/bin/uacme" --yes --acme-url "$DIRECTORY" --confdir "$TEST_DIR/uacme" new >"$TEST_DIR/uacme.log" 2>&1 ||
        fail "uacme has no account"
    renews uacme renew uacme --acme-url "$DIRECTORY" --confdir "$TEST_DIR/uacme"
fi
cat >"$TEST_DIR/bin/own" <<'END'
#!/bin/sh
request=$1 chain=$2
shift 2
exec acme-tiny --csr "$request" "$@" >"$chain"
END
chmod 0755 "$TEST_DIR/bin/own"
renews "a program of one's own" renew "$TEST_DIR/bin/own" --account-key "$TEST_DIR/account.key" --directory-url "$DIRECTORY" \
    --check-port "$HTTP_PORT" --acme-dir "$WEBROOT/.well-known/acme-challenge"

# --- what fails

stays "no CA there" refused renew acme-tiny --account-key "$TEST_DIR/account.key" --directory-url https://localhost:1/dir
export NAMES=DNS:blocked.example
stays "an order that the CA refuses" 'blocked.example|rejectedIdentifier' tiny
unset NAMES
WEBROOT=$TEST_DIR/empty
mkdir -p "$WEBROOT/.well-known/acme-challenge"
stays "a challenge that nobody answers" 'Challenge did not pass' tiny --disable-check
WEBROOT=$TEST_DIR/webroot
printf '#!/bin/sh\nexit 0\n' >"$TEST_DIR/bin/nothing"
# shellcheck disable=SC2016 # of that program
printf '#!/bin/sh\ncp "%s" "$2"\n' "$TEST_DIR/alien.crt" >"$TEST_DIR/bin/another"
chmod 0755 "$TEST_DIR/bin/"{nothing,another}
stays "a client that brings nothing" 'nothing left no certificate that is valid' renew "$TEST_DIR/bin/nothing"
stays "a client that brings another's certificate" 'another left a certificate for another key than that of the request' \
    renew "$TEST_DIR/bin/another"
stays "a client that is not known" "no client 'frob' is known: certbot, dehydrated" renew frob
for words in '' web 'web --by certbot' 'web --with'; do
    # shellcheck disable=SC2086 # words
    refused "'renew.sh $words' is no command" 'usage: renew.sh KEY --with CLIENT' "$RENEW" $words
done
refused "a key's name is no path" "'../web' is no name of a key" "$RENEW" ../web --with certbot
exec 8>"$STATE/web/lock"
flock 8
locked() { tiny 8>&-; }
stays "another run that is under way" 'another run is under way' locked
exec 8>&-

# What a run left that nobody can use any more is put aside.
cp "$TEST_DIR/alien.crt" "$CHAIN"
renews "a run after one that left a chain of no use" tiny
check "that chain is put aside" cmp -s "$CHAIN.unused" "$TEST_DIR/alien.crt"
rm "$CHAIN.unused"

# --- what is current and not everywhere, and what is refused for good: neither keeps the next certificate from coming

serial_of_box() { lb cert get web | plain_ossl x509 -noout -serial; }
deployment=$(echo "$BOX_DIR"/deploy/default/*.conf)
# undone WHO PATTERN WHETHER COMMAND... : the run fails and says so, and the box has another certificate, or (WHETHER no) the same.
undone() {
    local old next
    old=$(serial_of_box) next=$(next_tlsa)
    check "$1: the run fails" not "${@:4}"
    check "$1: and says what is undone" grep -Eq -e "$2" "$TEST_DIR/renew.log"
    if [ "$3" = yes ]; then
        check "$1: the box has another certificate" test "$(serial_of_box)" != "$old"
        same "$1: for the key that was announced" "$next" "$(lb show web --public | tlsa_of)"
    else
        same "$1: the certificate of the box" "$old" "$(serial_of_box)"
    fi
    check "$1: the next key is there" test "$(next_tlsa)" != "$(lb show web --public | tlsa_of)"
}
if [ -e "$deployment" ]; then
    cp "$deployment" "$TEST_DIR/deployment"
    sed -i 's/^reload = .*/reload = false/' "$deployment"
    undone "a deployment that fails" "'false' failed: exit status 1" yes tiny
    tail -n 1 "$TEST_DIR/renew.log" >"$TEST_DIR/last"
    check "its text is at the end" grep -q "^renew.sh: the new certificate of key 'web' is in the box, but: a deployment failed" "$TEST_DIR/last"
    undone "with the deployment undone, the next run" "'false' failed: exit status 1" yes tiny
    DUE=no
    undone "a run where nothing is due" "'false' failed: exit status 1" no tiny
    cp "$TEST_DIR/deployment" "$deployment"
    check "once the deployment works, the run ends well" tiny
    DUE=yes
    await "nginx to serve what the box has" is_served
    check "nothing is left over" test ! -e "$CHAIN" -a ! -e "$STATE/web/unfinished"
    AFTER=false
    undone "a command of AFTER that fails" "AFTER failed" yes tiny
    undone "with it undone, the next run" "AFTER failed" yes tiny
    AFTER=
    check "once that command works, the run ends well" tiny
    check "and leaves nothing over" test ! -e "$CHAIN" -a ! -e "$STATE/web/unfinished"
fi
# A program that stands for a CA which leaves a name out, or adds one: signed.sh NAMES.
cat >"$TEST_DIR/bin/signed" <<END
#!/bin/sh
OPENSSL_CONF=/dev/null
export OPENSSL_CONF
echo "subjectAltName=\$3" >"\$2.ext"
openssl x509 -req -in "\$1" -CA "$TEST_DIR/alien.crt" -CAkey "$TEST_DIR/alien.key" -set_serial "0x\$(openssl rand -hex 8)" -days 9 \
    -extfile "\$2.ext" -out "\$2"
rm "\$2.ext"
END
chmod 0755 "$TEST_DIR/bin/signed"
stays "a chain that lacks a name" "refuses that chain for good.*chain.pem.refused" renew "$TEST_DIR/bin/signed" DNS:other.example
check "it is put aside" test -s "$CHAIN.refused"
mv "$CHAIN.refused" "$CHAIN"
renews "a run after one that left such a chain" tiny
check "it is put aside then" test -s "$CHAIN.refused"
rm "$CHAIN.refused"
check "a certificate with one name more" renew "$TEST_DIR/bin/signed" DNS:localhost,DNS:more.example
export NAMES=DNS:localhost
renews "a run that is told other names, of which one is missing," tiny
unset NAMES

if is_root; then
    mount -t tmpfs -o size=64k tmpfs "$STATE"
    TEST_MOUNTS+=("$STATE")
    mkdir "$STATE/web"
    head -c 1M /dev/zero >"$STATE/web/full" 2>/dev/null || true
    stays "a full disk" 'No space left|cannot write|write error' tiny
    rm "$STATE/web/full"
    renews "with space again, the next run" tiny
fi

# --- killed at each step

# Each program that a run starts counts, and one of them kills the run: before it does anything, or it goes on by itself.
for program in littlebox acme-tiny sync mv rm; do
    real=$(PATH="$TEST_DIR/bin:$PATH" command -v "$program")
    cat >"$TEST_DIR/steps/$program" <<END
#!/bin/sh
n=\$((\$(cat "$TEST_DIR/count") + 1))
echo \$n >"$TEST_DIR/count.\$n" && /bin/mv "$TEST_DIR/count.\$n" "$TEST_DIR/count"
case "\$(cat "$TEST_DIR/at")" in
"before \$n") kill -KILL "\$(cat "$TEST_DIR/pid")" && exit ;;
"during \$n") kill -KILL "\$(cat "$TEST_DIR/pid")" ;;
esac
exec $real "\$@"
END
    chmod 0755 "$TEST_DIR/steps/$program"
done
# killed WHEN N : false, if the run ended by itself before.
killed() {
    echo "$1 $2" >"$TEST_DIR/at"
    echo 0 >"$TEST_DIR/count"
    ! tiny || return 1
    [ "$(cat "$TEST_DIR/count")" -ge "$2" ] || fail "the run failed before step $2"
}
# A program that outlives the run has its lock. What puts the pair into use has not: a server that it starts would keep it.
unlocked() { flock -n "$STATE/web/lock" true && flock -n "$TEST_DIR/after.lock" true; }

steps=0 EVERY=${EVERY:-4}
for when in before during; do
    first=1
    [ "$when" = before ] || first=$((1 + EVERY / 2))
    for ((n = first; ; n += EVERY)); do
        next=$(next_tlsa)
        killed $when $n || break
        await "what the killed run left running" unlocked
        check "killed $when step $n: the pair that is served fits, and clients take it" trusted
        echo none 0 >"$TEST_DIR/at"
        # What is in use already is not due again.
        DUE=yes
        [ "$(lb show web --public | tlsa_of)" != "$next" ] || DUE=no
        check "killed $when step $n: the next run finishes" tiny
        DUE=yes
        await "nginx to serve what the box has" is_served
        check "killed $when step $n: then the pair is whole" trusted
        check "killed $when step $n: nothing is left over" test ! -e "$CHAIN" -a ! -e "$STATE/web/unfinished"
        check "killed $when step $n: a new key serves" test "$(served -pubkey | tlsa_of)" != "$(next_tlsa)"
        same "killed $when step $n: the key that was announced" "$next" "$(served -pubkey | tlsa_of)"
        steps=$((steps + 1))
    done
done
check "there were as many steps as a run has" test "$steps" -ge $((20 / EVERY))
rm -r "$TEST_DIR/steps"

# --- the timer

if command -v systemd-analyze >/dev/null; then
    mkdir "$TEST_DIR/units"
    for unit in service timer; do
        sed -e "s|/usr/local/lib/littlebox/renew.sh|$RENEW|" "$LITTLEBOX_SRC/examples/acme/littlebox-renew@.$unit" \
            >"$TEST_DIR/units/littlebox-renew@.$unit"
        check "littlebox-renew@.$unit is right" systemd-analyze verify "$TEST_DIR/units/littlebox-renew@.$unit" >"$TEST_DIR/verify.log" 2>&1
    done
    same "without a word about the units" "" "$(grep littlebox-renew "$TEST_DIR/verify.log" || true)"
fi
finish
