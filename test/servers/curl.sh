#!/usr/bin/env bash
# A stock curl with a client certificate, by the commands of examples/curl, as user backup.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs curl openssl
own_machine /etc/ssl
SERVER_USER=backup CERTIFICATE=/etc/client/client.crt HANDLE=/etc/client/client.pem

# start_server ARGUMENTS... : one that wants a client's certificate, which has to be of a key that it knows.
start_server() {
    cat "$FILES"/*.crt "$CERTIFICATE" >"$TEST_DIR/clients.crt"
    : >"$TEST_DIR/s_server.log"
    OPENSSL_CONF=/dev/null openssl s_server -accept 443 -cert "$TEST_DIR/server.crt" -key "$TEST_DIR/server.key" \
        -CAfile "$TEST_DIR/clients.crt" -Verify 1 -verify_return_error "$@" \
        <"$TEST_DIR/silence" >>"$TEST_DIR/s_server.log" 2>&1 3>&- &
    SERVER=$!
    own "$SERVER"
    await "s_server" grep -q '^ACCEPT' "$TEST_DIR/s_server.log"
}
as_client() { as_system setpriv --reuid=backup --regid=backup --init-groups "$@"; }
# by_page N ARGUMENTS... : the N-th block of the page, with more arguments.
by_page() {
    local command
    command=$(page_commands curl "$1")
    shift
    as_client bash -c "$command $*"
}
# The page of s_server tells how the client has signed.
# asks N VERSION : of TLS
asks() { by_page "$1" -sS --max-time "$AWAIT_SECONDS" --tls-max "$2" "--tlsv$2" >"$TEST_DIR/answer" 2>"$TEST_DIR/curl.log"; }
# check_page N KEY
check_page() {
    check "$2: block $1, TLS 1.3" asks "$1" 1.3
    check "$2: it has signed: ${SIGNATURE[$2]}" grep -Eq "^Peer signature type: (${SIGNATURE[$2]})\$" "$TEST_DIR/answer"
    check "$2: block $1, TLS 1.2" asks "$1" 1.2
    check "$2: it has signed: ${SIGNATURE12[$2]}" grep -Eq "^Peer signature type: (${SIGNATURE12[$2]})\$" "$TEST_DIR/answer"
}

run_page curl
cp "$CERTIFICATE" "$FILES/client.crt"
mkfifo "$TEST_DIR/silence"
exec 7<>"$TEST_DIR/silence"
new_key ec:P-256 "$TEST_DIR/server.key"
self_signed "$TEST_DIR/server.key" "$TEST_DIR/server.crt"
cp "$TEST_DIR/server.crt" /etc/client/server.crt
start_server -www

check "the page's own key" asks 2 1.3
check "the server saw its certificate" grep -q 'CN *= *client' "$TEST_DIR/answer"
for key in $KEYS; do
    put "$key" "$FILES"
    refused "$key: without a grant there is no connection" '^curl: \(35\) .*not allowed' by_page 2 -sS
    says "$key: the box's log says who was refused" "(\\bbackup\\b|\\b$(id -u backup)\\b).*\\b$key\\b" "$BOX_DIR/box.log"
    lb allow "$key" --user backup
    check_page 2 "$key"
done

# Under load: one after the other, while the box is killed, replaced, stopped and started.
load() {
    local n=0
    trap - EXIT
    until [ -e "$TEST_DIR/enough" ]; do
        asks 2 1.3 || fail "curl: $(cat "$TEST_DIR/curl.log")"
        n=$((n + 1))
        echo "$n" >"$TEST_DIR/load.progress"
    done
}
load &
LOAD=$!
own "$LOAD"
await "a first connection" progressed load 1
await_handshakes() {
    local target=$(($(progress load) + 5))
    await "five more connections" progressed load "$target"
}
restart_box_in_every_way
: >"$TEST_DIR/enough"
wait "$LOAD" || fail "a connection failed under load"
check "curl: $(progress load) connections, and none failed" progressed load 16
stop "$SERVER"

# A connection that stays, so that there is a process to scan.
server_pids() { pgrep -x curl || true; }
# connected_curl KEY FILES
connected_curl() {
    put "$1" "$2"
    start_server
    by_page 2 -sS --max-time "$AWAIT_SECONDS" >"$TEST_DIR/curl.log" 2>&1 3>&- &
    CURL=$!
    own "$CURL"
    await "its request" grep -q '^GET / ' "$TEST_DIR/s_server.log"
}
connected_curl ec "$FILES"
same "ec: curl does not hold it" 0 "$(scan ec)"
stop "$SERVER"
await "curl to end" gone "$CURL"
connected_curl ec "$PLAIN"
same "ec: with a plain key file it is found there" 1 "$(scan ec)"
stop "$SERVER"
await "curl to end" gone "$CURL"

# The URI form.
cat "$FILES/client.crt" >"$CERTIFICATE"
start_server -www
version=$(curl --version | sed -n '1s/^curl \([0-9.]*\) .*/\1/p')
say "curl is $version"
if dpkg --compare-versions "$version" ge 8.14; then
    SIGNATURE[client]=${SIGNATURE[ec]} SIGNATURE12[client]=${SIGNATURE12[ec]}
    check_page 3 client
else
    refused "the URI form, before 8.14" '^curl: \(53\) ' by_page 3 -sS
fi
finish
