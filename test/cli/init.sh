#!/usr/bin/env bash
# Making a store: sealed with a credential file or with a passphrase.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
expect 3 '' littlebox status
expect_out 'no store'
expect 1 "box 'default' has no store yet" littlebox create web
expect 1 'hint: make one: littlebox --box default init' littlebox list
expect 1 "box 'default' has no store yet" littlebox unlock --passphrase-fd 0
expect 1 "box 'default' has no store yet" littlebox lock

# Refusals leave nothing behind.
: >"$T/nothing"
echo short >"$T/short"
echo 'long enough' >"$T/long"
echo >"$T/line"
chmod 600 "$T/nothing" "$T/short"
expect 1 'it is empty' littlebox init --credential "$T/nothing"
expect 1 'has less than 32 bytes' littlebox init --credential "$T/short"
expect 1 'hint: name a file that does not exist' littlebox init --credential "$T/short"
expect 1 'No such file or directory' littlebox init --credential "$T/no/such"
expect 1 'the passphrase is empty' littlebox init --passphrase-file "$T/line"
expect 1 'cannot read the passphrase from' littlebox init --passphrase-file "$T/no"
expect 1 'a new passphrase needs at least 8 bytes' littlebox init --passphrase-file "$T/short"
expect 1 'hint: take several words that nobody guesses' littlebox init --passphrase-file "$T/short"
expect 1 "'x' is not the number of a descriptor" littlebox init --passphrase-fd x
expect 1 'a label has at most 64 bytes' littlebox init --label "$(printf '%065d' 0)"
status_exits 3 || fail "a store was made"

# The ordinary way: a credential file beside the configuration.
expect 0 "made the store of box 'default'" littlebox init
expect 0 "box 'default' is unlocked already" littlebox unlock
credential=$T/box/default.credential
[ "$(stat -c %a "$credential")" = 400 ] || fail "mode of the credential"
[ "$(stat -c %u "$credential")" = "$(id -u)" ] || fail "owner of the credential"
grep -qxE '[0-9a-f]{64}' "$credential" || fail "content of the credential"
expect 0 '' littlebox status
expect 1 "box 'default' has a store already" littlebox init
expect 1 'hint: its keys: littlebox --box default list' littlebox init --passphrase-file "$T/short"
expect 0 '' littlebox create web
expect_out 'littlebox:web'

# It opens itself when it starts again.
stop_box
start_named default
await "the box to serve" status_exits 0
expect 0 '' littlebox --json status
expect_json state '"unlocked"' credential true keys 1 admin true
[ "$(ls "$T/box")" = "$(printf 'default\ndefault.credential\ndefault.sock')" ] || fail "left over: $(ls "$T/box")"

# With a passphrase, from a file and from a descriptor.
start_named pass
expect 2 'exclude each other' littlebox --box pass init --passphrase-file "$T/long" --credential "$T/c"
expect 0 'it starts locked' littlebox --box pass init --passphrase-file "$T/long"
[ ! -e "$T/box/pass.credential" ] || fail "a credential was made"
stop_box
start_named pass
expect 3 '' littlebox --box pass status
expect 1 "box 'pass' is locked" littlebox --box pass create web
expect 1 'hint: run: littlebox --box pass unlock' littlebox --box pass create web
expect 0 '' sh -c 'echo long enough | littlebox --box pass unlock --passphrase-fd 3 3<&0'
expect 0 '' littlebox --box pass create web
expect_out 'littlebox://pass/web'

# A credential elsewhere, which was there.
start_named other
head -c 64 /dev/urandom >"$T/random"
chmod 600 "$T/random"
expect 0 "it opens itself only with 'credential = $T/random'" littlebox --box other init --credential "$T/random"
stop_box
start_named other
expect 3 '' littlebox --box other status
expect 1 'cannot read the credential' littlebox --box other unlock --credential "$T/no"
expect 0 '' littlebox --box other unlock --credential "$T/random"
expect 0 '' littlebox --box other status
