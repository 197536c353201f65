#!/usr/bin/env bash
# PHP's streams and its module openssl with examples/php, as Debian has both.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs php openssl
own_machine /etc/ssl
all_keys_on 8443
SERVER_USER=www-data CERTIFICATE=/etc/web/web.crt HANDLE=/etc/web/web.pem

as_www() { as_system setpriv --reuid=www-data --regid=www-data --init-groups "$@"; }
# shellcheck disable=SC2046 # words of the page
server_start() { start_program $(page_commands php 2); }
# It reads the files for each connection.
RELOADS=no
server_reload() { :; }
server_pids() { pgrep -f '^php /etc/web/server.php' || true; }
server_stop() { stop "$SERVICE"; }

run_page php

# --- the module openssl
install -d -o www-data "$TEST_DIR/work"
cd "$TEST_DIR/work"
date >document
signs_by_page() {
    rm -f document.sig
    as_www bash -eu -c "$(page_commands php 3)" >"$TEST_DIR/sign.log" 2>&1
}
verifies() {
    plain_ossl x509 -in "$CERTIFICATE" -noout -pubkey >public
    plain_ossl dgst -sha256 -verify public -signature document.sig document >"$TEST_DIR/verify.log" 2>&1
}
for key in rsa ec; do
    put "$key" "$FILES"
    check "$key: without a grant nothing is signed" not signs_by_page
    says "$key: PHP says why" 'not signed' "$TEST_DIR/sign.log"
    lb allow "$key" --user www-data
    check "$key: openssl_sign" signs_by_page
    check "$key: it verifies" verifies
    # shellcheck disable=SC2016 # PHP's
    check "$key: openssl_cms_sign" as_www php -r '[, $certificate, $key] = $argv;
        openssl_cms_sign("document", "document.cms", "file://$certificate", "file://$key", null) || exit(1);' \
        "$CERTIFICATE" "$HANDLE"
    check "$key: it verifies" plain_ossl cms -verify -in document.cms -CAfile "$CERTIFICATE" -purpose any -out /dev/null
    # shellcheck disable=SC2016 # PHP's
    check "$key: openssl_csr_new, openssl_csr_sign" as_www php -r '[, $file] = $argv;
        $key = openssl_pkey_get_private("file://$file");
        $request = openssl_csr_new(["commonName" => "www.example.org"], $key) ?: exit(1);
        openssl_csr_export_to_file($request, "request") || exit(1);
        openssl_x509_export_to_file(openssl_csr_sign($request, null, $key, 2), "certificate") || exit(1);' "$HANDLE"
    check "$key: the request verifies" plain_ossl req -in request -verify -noout
    check "$key: the certificate verifies" plain_ossl verify -check_ss_sig -CAfile certificate certificate
    lb deny "$key" --user www-data
done
cd "$TEST_DIR"

# --- streams
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
serve_under_load
scan_memory
finish
