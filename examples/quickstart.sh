#!/usr/bin/env bash
# From a fresh checkout to a stock nginx that answers HTTPS with a key that is in no nginx process. Leaves nothing
# running and, but for build/quickstart and installed Debian packages, nothing behind. Run it as root, or as any user.
set -eu

# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
started=$SECONDS

step "1. Packages"
install_packages

if [ -n "${LITTLEBOX_INSTALLED:-}" ]; then step "2. What is installed"; else step "2. Build, in ${build#"$top/"}"; fi
build_littlebox

step "3. A box, in a directory of its own"
new_box

step "4. Two keys: one made in the box, one that was a file"
certificate() {
    openssl req -x509 -new -key "$1" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out "$2" \
        2>>"$dir/openssl.log" || die "openssl req -x509 -key $1 failed"
}
littlebox create web --type ec:P-256 >/dev/null
littlebox handle web --out "$dir/web.pem"
certificate littlebox:web "$dir/web.crt"
say "littlebox create web; openssl req -x509 -key littlebox:web"

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$dir/old.pem" 2>/dev/null
certificate "$dir/old.pem" "$dir/old.crt"
cp "$dir/old.pem" "$dir/plain.pem" # what the memory is searched for, later
littlebox adopt "$dir/old.pem" --key old --yes >>"$dir/littlebox.log"
say "littlebox adopt old.pem: the file is a handle now: $(head -n 1 "$dir/old.pem")"
# What the handle signs, the public key of the certificate verifies, in an openssl without the provider.
signs() {
    openssl dgst -sha256 -sign "$dir/$1.pem" -out "$dir/sig" "$dir/openssl.cnf" || return 1
    openssl x509 -in "$dir/$1.crt" -noout -pubkey >"$dir/pub" || return 1
    OPENSSL_CONF=/dev/null openssl dgst -sha256 -verify "$dir/pub" -signature "$dir/sig" "$dir/openssl.cnf" >/dev/null
}
for key in web old; do
    signs "$key" || die "openssl dgst with $key.pem failed"
done
say "openssl dgst -sign web.pem, and old.pem: verified"

step "5. A stock nginx: $(nginx -v 2>&1 | sed 's/.*: //')"
free_ports 3
# server PORT NAME KEYFILE : examples/nginx/littlebox.conf with other paths and port
server() {
    sed -e "s|listen 443|listen 127.0.0.1:$1|" -e "s|/etc/nginx/tls/web.crt|$dir/$2.crt|" \
        -e "s|/etc/nginx/tls/web.pem|$dir/$3.pem|" "$top/examples/nginx/littlebox.conf"
}
if is_root; then
    littlebox allow web --user www-data
    littlebox allow old --user www-data
fi
{ server "${port[0]}" web web && server "${port[1]}" old old; } | nginx_conf "$dir/nginx"
start_nginx "$dir/nginx"
worker=$(pgrep -P "$nginx_pid" | head -n 1)
say "master $nginx_pid runs as $(stat -c %U "/proc/$nginx_pid"), its workers as $(stat -c %U "/proc/$worker")"

step "6. curl"
fetch() {
    OPENSSL_CONF=/dev/null curl -sS -i --max-time 20 --cacert "$dir/$2.crt" --resolve "localhost:$1:127.0.0.1" \
        "${@:3}" \
        "https://localhost:$1/" >"$dir/page" 2>>"$dir/curl.log" || die "curl ${*:3} failed"
    grep -q 'a key that nginx does not have' "$dir/page" || die "curl got another page"
    grep -qi '^strict-transport-security:' "$dir/page" || die "the HSTS header is missing"
}
for version in 1.2 1.3; do
    fetch "${port[0]}" web --tlsv$version --tls-max $version --http2
    fetch "${port[1]}" old --tlsv$version --tls-max $version --http2
    say "TLS $version: $(head -n 1 "$dir/page" | tr -d '\r'), both keys"
done

step "7. Reload nginx and restart the box, under a loop of handshakes"
start_loop() {
    OPENSSL_CONF=/dev/null "$build/test/harness/tlsload" --connect "127.0.0.1:$1" --ca "$dir/$2.crt" --count 500 \
        --until "$dir/enough" --progress "$dir/$2.progress" "${@:3}" >"$dir/$2.loop" 2>>"$dir/loop.log" &
    loops+=("$!")
}
more() { [ "$(cat "$dir/$1.progress" 2>/dev/null || echo 0)" -ge "$2" ]; }
under_load() {
    local key count
    for key in web old; do
        count=$(cat "$dir/$key.progress" 2>/dev/null || echo 0)
        await "50 more handshakes" more "$key" $((count + 50))
    done
    say "$*"
}
new_child() { box_child >"$dir/child" && [ "$(cat "$dir/child")" != "$1" ]; }
start_loop "${port[0]}" web --tls1.3
start_loop "${port[1]}" old --tls1.2
under_load "running"
old_workers=$(pgrep -P "$nginx_pid")
run_nginx "$dir/nginx" -s reload
for pid in $old_workers; do
    await "old workers to end" gone "$pid"
done
under_load "nginx reloaded"
child=$(box_child)
kill -KILL "$child"
await "the box to come back" new_child "$child"
under_load "the box killed (SIGKILL), and back by itself"
kill "$keeper"
wait "$keeper" || true
start_box
under_load "the box stopped and started"
: >"$dir/enough"
for pid in "${loops[@]}"; do
    wait "$pid" || die "handshakes failed"
done
loops=()
say "web, TLS 1.3: $(cut -d ' ' -f 1-6 "$dir/web.loop")"
say "old, TLS 1.2: $(cut -d ' ' -f 1-6 "$dir/old.loop")"

step "8. Is the private key in nginx's memory?"
# scan: 0 not found, 1 found
scan() {
    local status=0 pids
    pids=$(echo "$nginx_pid" && pgrep -P "$nginx_pid")
    # shellcheck disable=SC2086 # a list of process ids
    "$build/test/harness/memscan" --key "$dir/plain.pem" $pids >"$dir/scan" 2>"$dir/scan.log" || status=$?
    [ "$status" -le 1 ] || die "the memory of nginx could not be read: $(cat "$dir/scan.log")"
    processes=$(wc -w <<<"$pids")
    return "$status"
}
scan || die "found in nginx: $(cat "$dir/scan")"
say "with the handle: not found, in any of $processes processes"
handle_processes=$processes
stop_nginx "$dir/nginx"
server "${port[2]}" old plain | nginx_conf "$dir/nginx-plain"
start_nginx "$dir/nginx-plain"
fetch "${port[2]}" old
if scan; then die "the scan does not find the key of a plain file: it proves nothing"; fi
found=$(cut -d ' ' -f 1 "$dir/scan" | sort -u | wc -l)
say "with the plain key file: found in $found of $processes processes ($(grep -c . "$dir/scan") forms of it)"
stop_nginx "$dir/nginx-plain"

step "Summary"
say "A stock $(nginx -v 2>&1 | sed 's/.*: //') answered HTTPS over TLS 1.2 and 1.3 with two keys that only the box has."
say "$(cut -d ' ' -f 2 "$dir/web.loop" "$dir/old.loop" | paste -sd+ - | sed 's/+/ and /') handshakes, none failed, while nginx was reloaded and the box killed and restarted."
say "The private key was in 0 of $handle_processes nginx processes with a handle, in $found of $processes with a key file."
say "It took $((SECONDS - started)) seconds. Everything is stopped and removed again."
