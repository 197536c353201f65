#!/usr/bin/env bash
# Programs that free certificates, keys and TLS contexts after OPENSSL_cleanup(), as one does whose global objects outlive
# main(): they end as they do without us, whether the key is in a box or not, and in whatever order providers are loaded.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl
begin
new_box "$TEST_DIR/box"
cd "$TEST_DIR"

# late WHEN KEY CERTIFICATE : the program's output, and "status N".
late() {
    local status=0
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$conf" "$HARNESS/late" "$@" 2>late.log || status=$?
    echo "status $status"
}

new_key rsa:2048 plain.pem
plain_ossl req -x509 -new -key plain.pem -subj /CN=plain -days 2 -out plain.crt
lb create web --type ec:P-256 >/dev/null 2>>lb.log
lb handle web --out handle.pem
self_signed littlebox:web web.crt
write_openssl_cnf after.cnf "$BOX_DIR"
# The same with littlebox in front of `default`, and without it.
sed -e '/^default = /d' -e 's/^littlebox = .*/&\ndefault = default_section/' after.cnf >before.cnf
sed -e '/^littlebox = /d' after.cnf >without.cnf

conf=$TEST_DIR/without.cnf
for when in $("$HARNESS/late" --list); do
    same "without littlebox, $when" $'signed\nfreed\nstatus 0' "$(late "$when" plain.pem plain.crt)"
done
for order in after before; do
    conf=$TEST_DIR/$order.cnf
    for when in $("$HARNESS/late" --list); do
        same "$order default, a plain key, $when" $'signed\nfreed\nstatus 0' "$(late "$when" plain.pem plain.crt)"
        same "$order default, a handle, $when" $'signed\nfreed\nstatus 0' "$(late "$when" handle.pem web.crt)"
        same "$order default, a URI, $when" $'signed\nfreed\nstatus 0' "$(late "$when" littlebox:web web.crt)"
    done
done
finish
