#!/bin/sh
# Keys: create, list, show, destroy.
set -eu
. "$(dirname "$0")/lib.sh"

start_box default
littlebox init 2>/dev/null
expect 0 '' littlebox list
expect_out 'KEY  TYPE'
expect 0 '' littlebox --json list
expect_json '' '[]'

for type in ec:P-256 ec:P-384 ec:P-521 rsa:2048 rsa-pss:2048 rsa-pss:2048:sha512 ed25519 ed448 x25519 x448; do
    name=$(echo "$type" | tr ':' '_')
    # RSA may take long enough to say so.
    littlebox create "$name" --type "$type" >"$T/uri" 2>/dev/null
    [ "$(cat "$T/uri")" = "littlebox:$name" ] || fail "output of create: $(cat "$T/uri")"
    littlebox show --public "$name" >"$T/public"
    openssl pkey -pubin -in "$T/public" -noout || fail "public key of type $type"
done
expect 0 '' littlebox create web
expect 0 '' littlebox --json create json.key_1
expect_json key '"json.key_1"' uri '"littlebox:json.key_1"' type '"ec:P-256"' version 1 state '"active"' box '"default"'
expect 1 "key 'web' exists already" littlebox create web
expect 1 'hint: choose another name; what has it: littlebox --box default show web' littlebox create web

expect 0 '' littlebox --json list
expect_json '#' 12
json_at '*.key' | sort -c || fail "keys out of order"
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    expect_json $i.@ key,type,state,version,versions,created,damaged
done
expect 0 '' littlebox list
expect_out 'rsa-pss_2048_sha512  rsa-pss:2048:sha512  active'
grep -q ' $' "$T/out" && fail "blanks at the end of a line"
[ "$(grep -c "$(printf '\t')" "$T/out")" = 0 ] || fail "tabs in a table"

# More than one answer of the box holds.
for i in $(seq 30); do
    littlebox create "$(printf 'long-%059d' "$i")" --type ed25519 >/dev/null
done
[ "$(littlebox list | wc -l)" = 43 ] || fail "list is not whole"

expect 0 '' littlebox show web
expect_out 'littlebox:web'
expect_out 'only administrators of the box may use this key'
expect 0 '' littlebox --json show web
expect_json key '"web"' grants '[]' versions.# 1
sha=$(littlebox show --public web | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
expect_json versions.0.sha256 "\"$sha\""
expect 0 '' littlebox --json show --public web
json_at public | grep -q '^"-----BEGIN PUBLIC KEY-----' || fail "no public key in: $(cat "$T/out")"
expect 1 "there is no key 'nosuch' in box 'default'" littlebox show nosuch
expect 1 'hint: the keys of a box: littlebox --box default list' littlebox show nosuch
expect 1 "key 'web' in box 'default' has no version 7" littlebox show 'web;version=7'
expect 1 'has no version 7' littlebox show --public 'web;version=7'

# What is destroyed is listed when that is asked for; the rest of destroying is in destroy.sh.
expect 0 '' littlebox destroy web --now --yes
expect 1 "key 'web' in box 'default' is destroyed already" littlebox destroy web --now --yes
expect 1 'is destroyed' littlebox handle web
expect 0 '' littlebox list
grep -q '^web ' "$T/out" && fail "a destroyed key in the list"
expect 0 '' littlebox list --all
grep -qE '^web +ec:P-256 +destroyed +- +1' "$T/out" || fail "list of a destroyed key"
expect 0 '' littlebox --json destroy 'json.key_1;version=1' --now --yes
expect_json '' '{"destroyed":"json.key_1","version":1}'

# A name is free again behind a tombstone, with a version of its own.
expect 0 '' littlebox --json create web
expect_json version 2
expect 0 '' littlebox show 'web;version=1'
expect_out 'destroyed'
expect 1 'version 1 of key' littlebox handle 'web;version=1'
