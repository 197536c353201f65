#!/usr/bin/env bash
# Keys are rolled over under handshakes: nginx, Apache, HAProxy in its empty chroot, PostgreSQL, and Postfix with smtpd in its chroot.
# For each: the next version, its request, a certificate, activation with its deployments; the version before is deactivated
# once nobody has it. Every other round, and the first, goes back once and forward again. Not one handshake fails, and each has a certificate and a
# signature that fit, since the client verifies both.
#
# ROUNDS (1). How long it took from the reload to the first handshake with the new key is printed, not judged. test/proof/roll.sh is
# the long form.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=fleet.sh
. "$(dirname "$0")/fleet.sh"

fleet_needs
needs apache2
is_root || skip "needs root: the servers change to users of their own"
ROUNDS=${ROUNDS:-1}
FLEET="$FLEET apache"
# A key a server, of its name.
FLEET_KEY=([nginx]=nginx [haproxy]=haproxy [postgresql]=postgresql [postfix]=postfix [apache]=apache)
declare -A RELOAD OWNER=([nginx]=root:root [haproxy]=root:root [postgresql]=root:postgres [postfix]=root:root [apache]=root:root)
begin
cd "$TEST_DIR"
new_box "$TEST_DIR/box"
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
FILES=$TEST_DIR/files SERVERS=$TEST_DIR/servers
export FLEET_CA=$FILES/ca.crt
mkdir "$FILES" "$SERVERS"
plain_ossl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out "$FLEET_CA" -subj /CN=ca -addext basicConstraints=critical,CA:TRUE \
    -days 30 2>/dev/null

# certify KEY URI : a certificate for that version, in KEY.chain.
certify() {
    ossl req -new -key "$2" -subj "/CN=localhost" -out "$1.csr"
    plain_ossl x509 -req -in "$1.csr" -CA "$FLEET_CA" -CAkey ca.key -CAcreateserial -days 20 -out "$1.chain" \
        -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nkeyUsage=digitalSignature') 2>>openssl.log
}
# The first version of each, and where its server reads it.
for key in $FLEET; do
    lb create "$key" --type ec:P-256 >/dev/null
    for user in www-data haproxy postfix postgres; do lb allow "$key" --user "$user" 2>>lb.log; done
    certify "$key" "littlebox:$key"
    lb cert set "$key" "$key.chain"
    case $key in
    haproxy) where=(--combined "$FILES/$key.bundle") ;;
    *) where=(--handle "$FILES/$key.pem" --chain "$FILES/$key.crt") ;;
    esac
    check "$key: deploy" lb deploy "$key" "${where[@]}" --owner "${OWNER[$key]}" --mode 0640 2>>lb.log
done
fleet_start "$SERVERS" "$FILES"

# How each is told to read its files again, as its unit does it.
env=$(printf '%q ' "${MODULE_ENV[@]}" OPENSSL_CONF="$BOX_DIR/openssl.cnf")
RELOAD=(
    [nginx]="env $env nginx -p $SERVERS/nginx -e $SERVERS/nginx/error.log -c $SERVERS/nginx/nginx.conf -s reload"
    [haproxy]="kill -USR2 ${FLEET_PID[haproxy]}"
    [postgresql]="kill -HUP ${FLEET_PID[postgresql]}"
    [postfix]="env $env postfix -c $SERVERS/postfix/etc reload"
    [apache]="kill -USR1 ${FLEET_PID[apache]}"
)
declare -A STARTTLS_OF=([postgresql]=postgres [postfix]=smtp)
for key in $FLEET; do
    case $key in
    haproxy) where=(--combined "$FILES/$key.bundle") ;;
    *) where=(--handle "$FILES/$key.pem" --chain "$FILES/$key.crt") ;;
    esac
    check "$key: deploy, with its reload" lb deploy "$key" "${where[@]}" --owner "${OWNER[$key]}" --mode 0640 --reload "${RELOAD[$key]}" \
        --check "127.0.0.1:${FLEET_PORT[$key]}${STARTTLS_OF[$key]:+,${STARTTLS_OF[$key]}}" 2>>lb.log
done

version_now() { lb --json show "$1" | python3 -c 'import json,sys; print([v["version"] for v in json.load(sys.stdin)["versions"] if v["current"]][0])'; }
# took KEY COMMAND... : runs it; how long that took, in ms, is kept.
took() {
    local key=$1 start
    shift
    start=$(date +%s%N)
    check "$*" "$@" 2>>lb.log
    echo "$key $((($(date +%s%N) - start) / 1000000))" >>took
}
# Of the processes that used a version, none is left that takes new connections.
old_is_idle() { ! lb --json users "$1" | python3 -c '
import json, sys, time, datetime
old = [u for u in json.load(sys.stdin) if u["version"] < int(sys.argv[1]) and u["there"]]
now = datetime.datetime.now(datetime.timezone.utc)
sys.exit(not any((now - datetime.datetime.fromisoformat(u["last"].replace("Z", "+00:00"))).total_seconds() < 2 for u in old))' "$2"; }

fleet_loads "$FILES"
for ((n = 1; n <= ROUNDS; n++)); do
    for key in $FLEET; do
        before=$(version_now "$key")
        check "round $n: $key: roll" lb roll "$key" >/dev/null
        certify "$key" "littlebox:$key;version=next"
        took "$key" lb activate "$key" --chain "$key.chain" --drain 1h
        if [ "$((n % 2))" -eq 1 ]; then
            took "$key" lb roll "$key" --back --drain 1h
            took "$key" lb activate "$key;version=$((before + 1))" --drain 1h
        fi
        same "round $n: $key: the current version" "$((before + 1))" "$(version_now "$key")"
        await "nobody to use version $before of $key" old_is_idle "$key" "$((before + 1))"
        check "round $n: $key: the version before is over" lb deactivate "$key;version=$before" --reason superseded 2>>lb.log
        await_handshakes 2
    done
done
end_loads
say "$(awk '{ n += $2; failed += $4 } END { print n " handshakes, " failed " failed" }' ./*.load.log), over $(wc -l <took) changes;" \
    "from a change to the first handshake with the key of it, $(awk '{ print $2 }' took | sort -n | tail -n 1) ms at most"
check_loads
for key in $FLEET; do
    same "$key: versions" "$((ROUNDS + 1))" "$(lb --json show "$key" | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["versions"]))')"
done
fleet_stop
finish
