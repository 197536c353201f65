#!/usr/bin/env bash
# nginx, as root with workers as www-data, with keys on a token that only the box's user may read: no process of nginx
# maps the module, or has the PIN in its memory; the box's child does both.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"
# shellcheck source=../servers/serving.sh
. "$(dirname "$0")/../servers/serving.sh"

needs nginx openssl softhsm2-util pkcs11-tool setpriv
is_root || skip "needs root: nginx changes to www-data, and the memory of other users is read"
needs_user www-data
begin
# A PIN that is found only where it is: long enough to be looked for.
TOKEN_PIN=$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')
pin_hex=$(printf '%s' "$TOKEN_PIN" | od -An -tx1 | tr -d ' \n')
softhsm_dir "$TEST_DIR/hsm"
softhsm_token served

# The box is nobody's, and so are its token and its PIN.
box_of_nobody
token_conf "$TEST_DIR/box" "$SOFTHSM_MODULE" label=served "sessions = 8" "$(module_env SOFTHSM2_CONF)" "socket-mode = 0666"
chown -R nobody "$TEST_DIR/hsm" "$TEST_DIR/box"
chmod -R go= "$TEST_DIR/hsm"
BOX_AS=("${as_box_user[@]}")
new_box "$TEST_DIR/box" "${BOX_AS[@]}"
mkdir "$TEST_DIR/files"
make_keys "$TEST_DIR/files"
for key in $KEYS; do
    lb allow "$key" --user www-data 2>>"$TEST_DIR/lb.log"
done
for path in "$TEST_DIR/hsm/softhsm2.conf" "$TEST_DIR/hsm/tokens" "$TEST_DIR/box/token.pin"; do
    check "www-data cannot read $(basename "$path")" not setpriv --reuid www-data --regid www-data --clear-groups \
        test -r "$path"
done

configure_nginx "$TEST_DIR/nginx" "$TEST_DIR/files" 2 www-data
check "nginx -t" run_nginx "$TEST_DIR/nginx" -t 2>>"$TEST_DIR/nginx-t.log"
start_nginx "$TEST_DIR/nginx"
workers_are www-data
check_signature_types "$TEST_DIR/files"
start_loads "$TEST_DIR/files" 200
reload_nginx "$TEST_DIR/nginx"
await_handshakes 20
say "ok: nginx was reloaded under load"
restart_box_in_every_way
stop_loads

# The first handshake of a worker is as fast as any: nothing is opened, and nobody logs in, in it.
# What takes its time takes it each time; a busy machine does not.
fast_at_first() {
    reload_nginx "$TEST_DIR/nginx"
    first=$(handshakes ec "$TEST_DIR/files" --first --tls1.3)
    awk -v ms="$first" 'BEGIN { exit !(ms < 500) }'
}
await "a fresh worker's first handshake in less than 500 ms" fast_at_first
check "the first handshake of a fresh worker takes $first ms" test -n "$first"

# --- Where the module and the PIN are
maps_module() { grep -qE "$(basename "$SOFTHSM_MODULE")|p11-kit|opensc" "/proc/$1/maps"; }
# No module, but what speaks to one: littleboxd is linked with it, keeper and child.
maps_libp11() { grep -q "/libp11[.]" "/proc/$1/maps"; }
child=$(box_child)
check "the box's child maps the module" maps_module "$child"
check "and libp11" maps_libp11 "$child"
check "the keeper does not" not maps_module "$KEEPER"
for pid in $(nginx_pids); do
    check "nginx $pid does not" not maps_module "$pid"
    check "nor libp11" not maps_libp11 "$pid"
done
if sanitized; then
    say "not scanned: the sanitizer maps terabytes into each process"
else
    scan() { memscan --hex "$pin_hex" "$@"; }
    # shellcheck disable=SC2046 # a list of process ids
    same "no PIN in any process of nginx" 0 "$(scan $(nginx_pids))"
    same "nor in the keeper" 0 "$(scan "$KEEPER")"
    same "the control: in the box's child it is found" 1 "$(scan "$child")"
    lb lock 2>>"$TEST_DIR/lb.log"
    same "a locked box has it no more" 0 "$(scan "$(box_child)")"
    lb unlock --credential "$BOX_DIR/default.credential" 2>>"$TEST_DIR/lb.log"
    check "unlocked, it signs again" signs ec
fi
for pid in "$KEEPER" "$(box_child)"; do
    check "no PIN in the arguments and the environment of $pid" not grep -qF "$TOKEN_PIN" \
        <<<"$(tr '\0' '\n' <"/proc/$pid/cmdline" && tr '\0' '\n' <"/proc/$pid/environ")"
done
check "none in the log" not grep -qF "$TOKEN_PIN" "$BOX_DIR/box.log"
check "none in the store" not grep -rqF "$TOKEN_PIN" --include='*.db*' --include='*.sqlite*' "$BOX_DIR"
stop_nginx "$TEST_DIR/nginx"
stop_box
finish
