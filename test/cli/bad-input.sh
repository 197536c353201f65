#!/usr/bin/env bash
# What does not fit together: a store of a newer littlebox, a module that was built for another OpenSSL, a provider whose box is not
# there, a box whose provider is not. Each is told with its cure, and nothing is changed.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
cd "$T"
command -v openssl >/dev/null || fail "openssl is not installed"
line() { grep -qxF -- "$1" out || fail "no line '$1' in: $(cat out)"; }
no_line() { if grep -qF -- "$1" out; then fail "'$1' in: $(cat out)"; fi; }
start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
stop_box

# --- A store of a newer littlebox: the box ends with 78, which systemd does not start again; whoever asks learns why.
store=$BOX_DIR/default/store.db
# schema NUMBER : in the header of the file, where SQLite has user_version.
schema() { printf '%b' "\\0\\0\\0\\0$(printf %o "$1")" | dd of="$store" bs=1 seek=60 conv=notrunc status=none; }
old=$(od -An -tu1 -j 63 -N 1 "$store" | tr -d ' ')
[ "$old" = 4 ] || fail "the store has schema $old"
schema 9
before=$(sha256sum "$store")
status=0
"$LITTLEBOX_BUILD/littleboxd" --box default --dir "$BOX_DIR" >newer.log 2>&1 || status=$?
[ "$status" = 78 ] || fail "the box ended with $status: $(cat newer.log)"
grep -qF "the store $store has schema 9, this littlebox knows up to 4; it was made by a newer littlebox: install that one" newer.log ||
    fail "the box does not say it: $(cat newer.log)"
for command in status list 'create other' unlock; do
    # shellcheck disable=SC2086 # words of a command line
    expect 1 "no box answers at $BOX_DIR/default.sock; its store is of a newer littlebox: $store has schema 9, and this littlebox knows up to 4" \
        littlebox $command
    # shellcheck disable=SC2086
    expect 1 'hint: install that littlebox again: the store is as it was, and older ones leave it alone' littlebox $command
done
expect 1 '' littlebox doctor --module "$MODULE"
line "FAIL  no box answers at $BOX_DIR/default.sock; its store is of a newer littlebox: $store has schema 9, and this littlebox knows up to 4"
line '      hint: install that littlebox again: the store is as it was, and older ones leave it alone'
[ "$(sha256sum "$store")" = "$before" ] || fail "the store changed"
[ "$(ls "$BOX_DIR/default")" = store.db ] || fail "something is beside the store: $(ls "$BOX_DIR/default")"
# What is no store, or a link, or a pipe that nobody writes to, says nothing of that kind.
mv "$store" kept.db
ln -s "$T/kept.db" "$store"
expect 1 'hint: start it: ' littlebox status
rm "$store"
mkfifo "$store"
expect 1 'hint: start it: ' littlebox status
rm "$store"
printf 'SQLite format 3 and then something else altogether, which is long enough to be taken for one' >"$store"
expect 1 'hint: start it: ' littlebox status
mv kept.db "$store"
schema 4
start_named default
littlebox list >out
grep -q '^web ' out || fail "the key is gone: $(cat out)"

# --- A module that was built for another OpenSSL. OpenSSL itself goes on without it, and says nothing.
module=$T/other.so
sed 's/libcrypto\.so\.[0-9]/libcrypto.so.9/' "$MODULE" >"$module"
: >openssl.cnf
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF
openssl_version=$(littlebox --json version | python3 -c 'import json, sys; print(json.load(sys.stdin)["openssl"])')
other="OpenSSL does not load the provider: $module was built for OpenSSL 9, whose libcrypto is not here, and this is OpenSSL $openssl_version"
cure="install the provider that was built for OpenSSL ${openssl_version%%.*}, or build it again here"
doctor() {
    status=0
    littlebox doctor "$@" >out 2>err || status=$?
}
doctor --module "$module"
[ "$status" = 1 ] || fail "doctor is well: $(cat out)"
line "FAIL  $other"
line "      hint: $cure"
sed '1,/^append this/d' out >openssl.cnf
doctor --handle littlebox:web
line "FAIL  $other"
line "FAIL  no test signature with littlebox:web: $other"
cp openssl.cnf before.cnf
expect 1 "littlebox: $other" littlebox openssl status --file "$T/openssl.cnf"
expect 1 "hint: $cure" littlebox openssl status --file "$T/openssl.cnf"
: >openssl.cnf
expect 1 'OpenSSL would not start with it, so nothing is changed: OpenSSL does not load the provider: ' littlebox openssl enable --yes \
    --file "$T/openssl.cnf" --module "$module"
expect 1 "hint: $cure" littlebox openssl enable --yes --file "$T/openssl.cnf" --module "$module"
[ ! -s openssl.cnf ] || fail "openssl.cnf was changed: $(cat openssl.cnf)"
# A file that is no module at all has a reason too.
printf 'no module' >"$module"
doctor --module "$module"
grep -q "^FAIL  OpenSSL does not load the provider: $module: " out || fail "no reason: $(cat out)"
no_line 'no reason given'

# --- A provider whose box is not there: the handle's error and doctor name the cure.
write_openssl_cnf openssl.cnf "$BOX_DIR"
doctor --handle littlebox:web
[ "$status" = 0 ] || fail "doctor: $(cat out)"
stop_box
doctor --handle littlebox:web
[ "$status" = 1 ] || fail "doctor is well without a box: $(cat out)"
line "FAIL  no box answers at $BOX_DIR/default.sock"
grep -qF "      hint: start it: $LITTLEBOX_BUILD/littleboxd --box default --dir $BOX_DIR" out ||
    grep -qF "      hint: start it: littleboxd --box default --dir $BOX_DIR" out || fail "no cure: $(cat out)"
line 'ok    OpenSSL loads the provider'
with_module openssl pkey -in littlebox:web -pubout >out 2>&1 && fail "a key without its box"
grep -qF "no box 'default' answers at $BOX_DIR/default.sock; hint: start it: " out || fail "the provider does not say it: $(cat out)"

# --- A box whose provider is not there, and one that openssl.cnf does not name.
start_named default
doctor --module "$T/absent.so"
[ "$status" = 1 ] || fail "doctor is well without a module: $(cat out)"
line "FAIL  no provider module at $T/absent.so: No such file or directory"
line '      hint: install it there, or say where it is with --module PATH'
line "ok    box 'default' is unlocked and has 1 key"
: >openssl.cnf
doctor --module "$MODULE"
[ "$status" = 1 ] || fail "doctor is well without the provider: $(cat out)"
line "FAIL  openssl.cnf does not activate the provider 'littlebox'"
line '      hint: add the lines below, or run: littlebox openssl enable'
line "ok    box 'default' is unlocked and has 1 key"
