# shellcheck shell=bash
# An ACME CA of the test's own, pebble. Sourced after lib.sh; the test has $TEST_DIR/ca, CA_PORT, ROOTS_PORT and HTTP_PORT. Its own
# HTTPS has a plain key, which is no business of ours. It refuses orders for blocked.example.

export no_proxy=localhost NO_PROXY=localhost

start_ca() {
    plain_ossl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TEST_DIR/ca/https.key" \
        -out "$TEST_DIR/ca/https.crt" -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>>"$TEST_DIR/openssl.log"
    cat >"$TEST_DIR/ca/pebble.json" <<END
{ "pebble": { "listenAddress": "127.0.0.1:$CA_PORT", "managementListenAddress": "127.0.0.1:$ROOTS_PORT",
  "certificate": "$TEST_DIR/ca/https.crt", "privateKey": "$TEST_DIR/ca/https.key", "httpPort": $HTTP_PORT,
  "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": false,
  "domainBlocklist": ["blocked.example"] } }
END
    PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config "$TEST_DIR/ca/pebble.json" >"$TEST_DIR/ca/pebble.log" \
        2>&1 3>&- &
    own $!
    await "the CA" fetch_root
}
fetch_root() {
    OPENSSL_CONF=/dev/null curl -sf --cacert "$TEST_DIR/ca/https.crt" "https://localhost:$ROOTS_PORT/roots/0" \
        -o "$TEST_DIR/ca/root.crt"
}
