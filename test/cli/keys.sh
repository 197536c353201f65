#!/usr/bin/env bash
# Keys: create, list, show, destroy.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
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
    expect_json $i.@ key,type,state,version,versions,created,used,damaged,not_after,purposes,grants
done
expect 0 '' littlebox list
expect_out 'rsa-pss_2048_sha512  rsa-pss:2048:sha512  active'
grep -q ' $' "$T/out" && fail "blanks at the end of a line"
[ "$(grep -c "$(printf '\t')" "$T/out")" = 0 ] || fail "tabs in a table"

# Some of them: the shell's patterns.
# matching WORD... -- KEY...: list WORD... shows these, and nothing else.
matching() {
    before_dashes "$@"
    expect 0 '' littlebox list "${WORDS[@]}"
    [ "$(sed 1d "$T/out" | cut -d' ' -f1 | xargs)" = "${REST[*]}" ] || fail "list ${WORDS[*]}: $(cat "$T/out")"
}
matching 'rsa*' -- rsa-pss_2048 rsa-pss_2048_sha512 rsa_2048
matching 'x[24]*' -- x25519 x448
matching web -- web
expect 2 "one argument too many: 'web'" littlebox list 'x*' web
expect 0 "no key in box 'default' matches 'nothing*'" littlebox list 'nothing*'
expect 0 '' littlebox --json list 'nothing*'
expect_json '' '[]'
expect 2 "'list --token' shows all of the token" littlebox list --token web

# With those who may use each, and how long its certificate is valid.
littlebox create cert >/dev/null
littlebox show --public cert >"$T/cert.pub"
# openssl x509 -force_pubkey: a certificate over that public key, by another.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/ca.key" 2>/dev/null
openssl req -x509 -new -key "$T/ca.key" -subj /CN=ca -days 3 -out "$T/ca.crt"
openssl req -new -key "$T/ca.key" -subj /CN=web -out "$T/web.csr"
openssl x509 -req -in "$T/web.csr" -force_pubkey "$T/cert.pub" -CA "$T/ca.crt" -CAkey "$T/ca.key" -days 2 -out "$T/web.crt" 2>/dev/null
littlebox cert set cert "$T/web.crt"
littlebox allow cert --user 0
littlebox allow cert --group 4711
littlebox allow cert --user 4712 --op sign,decrypt
expect 0 '' littlebox list cert
until=$(date -u -d "$(openssl x509 -in "$T/web.crt" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)
expect_out "$until  any  -          root, 4712 (sign,decrypt), group 4711"
expect 0 '' littlebox --json list cert
expect_json 0.not_after "\"$until\"" '0.grants.#' 3 0.grants.0.name '"root"' 0.grants.1.op '"sign,decrypt"' 0.grants.2.kind '"group"'
expect 0 '' littlebox --json list web
expect_json 0.not_after null 0.grants '[]'
for id in 1 2 3 4 5; do
    littlebox allow cert --user 500$id
done
expect 0 '' littlebox list cert
expect_out '5001, 5002 and 4 more'
littlebox destroy cert --now --yes

# More than one answer of the box holds.
for i in $(seq 30); do
    littlebox create "$(printf 'long-%059d' "$i")" --type ed25519 >/dev/null
done
[ "$(littlebox list | wc -l)" = 43 ] || fail "list is not whole"
[ "$(littlebox list --all | wc -l)" = 44 ] || fail "list --all is not whole"

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
expect 1 'hint: its versions: littlebox --box default show web' littlebox show 'web;version=7'
# A hint is about the box that the command was told of, also where the box wrote it.
expect 1 "hint: the keys of a box: littlebox --box default --dir $T/box list" littlebox --dir "$T/box" show nosuch
expect 1 "hint: the keys of a box: littlebox --box default --dir $T/box --users '0 4711' list" \
    littlebox --dir "$T/box" --users '0 4711' show nosuch
ln -s "$T/box" "$T/it's a box"
expect 1 "hint: the keys of a box: littlebox --box default --dir '$T/it'\''s a box' list" littlebox --dir "$T/it's a box" show nosuch
expect 1 'has no version 7' littlebox show --public 'web;version=7'

# What is destroyed is listed when that is asked for; the rest of destroying is in destroy.sh.
expect 0 '' littlebox destroy web --now --yes
expect 1 "key 'web' in box 'default' is destroyed already" littlebox destroy web --now --yes
expect 1 'is destroyed' littlebox handle web
expect 0 '' littlebox list
grep -q '^web ' "$T/out" && fail "a destroyed key in the list: $(cat "$T/out")"
expect 0 'hint: there are more with --all: littlebox --box default list --all' littlebox list web
expect 0 '' littlebox --json list web --all
expect_json 0.state '"destroyed"' 0.version null
expect 0 '' littlebox list --all
grep -qE '^web +ec:P-256 +destroyed +- +1' "$T/out" || fail "list --all of a destroyed key"
expect 0 '' littlebox --json destroy 'json.key_1;version=1' --now --yes
expect_json '' '{"destroyed":"json.key_1","version":1,"current":null}'

# A name is free again behind a tombstone, with a version of its own.
expect 0 '' littlebox --json create web
expect_json version 2
expect 0 '' littlebox show 'web;version=1'
expect_out 'destroyed'
expect 1 'version 1 of key' littlebox handle 'web;version=1'

# A full disk at the end of the pipe is told by whatever prints.
for command in list '--json list' 'show web' '--json show web' 'show web --public' 'handle web' 'seal list' status '--json status' \
    'create full' boxes '--json boxes' 'doctor'; do
    expect 1 'littlebox: cannot write the output: No space left on device' sh -c "littlebox $command >/dev/full"
done
expect 1 'hint: the key is in the box all the same: littlebox --box default list' sh -c 'littlebox create full2 >/dev/full'
expect 0 '' littlebox show full2
# More than a pipe holds, and a reader that goes.
got=$(littlebox --json list 2>"$T/err" | head -n 1)
[ "$got$(cat "$T/err")" = '[' ] || fail "list | head: $got, $(cat "$T/err")"
