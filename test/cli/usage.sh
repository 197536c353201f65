#!/bin/sh
# The command line: overview, help, what is refused, exit statuses.
set -eu
. "$(dirname "$0")/lib.sh"

expect 2 'usage: littlebox' littlebox
expect 2 'example: littlebox create web' littlebox
expect 0 '' littlebox help
expect_out 'example: littlebox create web'
expect 0 '' littlebox --help
for command in $(littlebox help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    expect 0 '' littlebox help "$command"
    expect_out "usage: littlebox $command"
    expect 0 '' littlebox "$command" --help
    expect_out "usage: littlebox $command"
done
expect 0 '' littlebox help create
expect_out 'ec:P-256 if not given'
expect 0 '' littlebox version
expect_out 'littlebox '
expect 0 '' littlebox --version
expect 0 '' littlebox --json version
expect_json @ littlebox,protocol,openssl protocol 1

expect 2 "there is no command 'frobnicate'" littlebox frobnicate
expect 2 'hint: littlebox help' littlebox frobnicate
expect 2 "there is no command 'nothing'" littlebox help nothing
expect 2 "unknown option '--frob'" littlebox --frob
expect 2 "unknown option '--frob' for 'create'" littlebox create web --frob
expect 2 'hint: littlebox help create' littlebox create web --frob
expect 2 "unknown option '--user' for 'create'" littlebox create web --user x
expect 2 '--type needs a value: TYPE' littlebox create web --type
expect 2 '--type is there twice' littlebox create web --type ed25519 --type=ed448
expect 2 '--box needs a value' littlebox --box
expect 2 "'a b' is not a box name" littlebox --box 'a b' list
expect 2 "'../x' is not a box name" littlebox --box=../x list
expect 2 '--dir and --system exclude each other' littlebox --dir /x --system list
expect 2 "'create' needs: KEY" littlebox create
expect 2 "'import' needs: KEY FILE" littlebox import web
expect 2 "one argument too many: 'b'" littlebox create a b
expect 2 'give either --user or --group' littlebox allow web
expect 2 'give either --user or --group' littlebox allow web --user a --group b
expect 2 "unknown operation 'export': there are sign, decrypt and derive" littlebox allow web --user root --op export
expect 2 "unknown operation ''" littlebox allow web --user root --op sign,
expect 2 "unknown operation 'signs'" littlebox deny web --user root --op decrypt,signs
expect 2 "unknown 'seal frob'" littlebox seal frob
expect 2 "'seal remove' needs the number of a seal" littlebox seal remove
expect 2 "'seal list' takes no argument" littlebox seal list 1
expect 2 "unknown 'cert frob'" littlebox cert frob web
expect 2 "'cert' needs: set KEY" littlebox cert
expect 2 "'cert set' needs a key and a file" littlebox cert set web
expect 2 "'cert get' needs a key alone" littlebox cert get web file
expect 2 "'cert remove' writes no file" littlebox cert remove web --out file
expect 2 "'cert set' writes no file" littlebox cert set web file --force
expect 2 '--force needs --out FILE' littlebox cert get web --force
expect 2 'a passphrase and --credential exclude each other' littlebox init --passphrase --credential x
expect 2 '--passphrase-file and --passphrase-fd exclude each other' littlebox unlock --passphrase-file x --passphrase-fd 3

# What is wrong with a name or a type is said before any box is asked.
mkdir "$T/empty"
expect 1 "'.hidden' is not a key name" littlebox --dir "$T/empty" create .hidden
expect 1 'hint: a key name is 1 to 64 of' littlebox --dir "$T/empty" create .hidden
expect 1 "'-x' is not a key name" littlebox --dir "$T/empty" create -- -x
expect 1 "'a/b' is not a key name" littlebox --dir "$T/empty" import a/b /etc/hostname
expect 1 "unknown key type 'rsa:1024'" littlebox --dir "$T/empty" create web --type rsa:1024
expect 1 'ec:P-256 ec:P-384' littlebox --dir "$T/empty" create web --type rsa:1024
expect 1 "unknown attribute 'vers=1'" littlebox --dir "$T/empty" show 'web;vers=1'
expect 1 "'0' is not a version" littlebox --dir "$T/empty" handle 'web;version=0'

# No box: with the command to start it, for each kind of box.
expect 1 "no box answers at $T/empty/default.sock" littlebox --dir "$T/empty" list
expect 1 "hint: start it: littleboxd --box default --dir $T/empty" littlebox --dir "$T/empty" list
expect 1 "littleboxd --box hsm1 --dir $T/empty" env LITTLEBOX_DIR="$T/empty" littlebox --box hsm1 create web
expect 1 'systemctl restart littleboxd@nosuch.socket, or without systemd: littleboxd --box nosuch --user littlebox-nosuch; a new box: littlebox box create nosuch' littlebox --system --box nosuch status
[ -z "$(ls -A "$T/empty")" ] || fail "something was made in the directory of another box"

expect 1 'cannot write the output' sh -c 'littlebox help >/dev/full'
