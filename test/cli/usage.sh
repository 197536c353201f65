#!/usr/bin/env bash
# The command line: overview, help, what is refused, exit statuses.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

# No hint proposes what destroys: of the sources, because nobody can bring up all of them. A hint may name what is to be kept.
[ -d "${LITTLEBOX_SRC:?}/keystore" ] || fail "there are no sources in $LITTLEBOX_SRC"
find "$LITTLEBOX_SRC/keystore" "$LITTLEBOX_SRC/provider" -name "*.c" -exec cat {} + | tr '\n' ' ' |
    grep -oE '(problem_hint|cli_hint|_hint)\([^;]*;' >"$T/hints"
[ "$(wc -l <"$T/hints")" -gt 100 ] || fail "the hints were not found"
if grep -vF 'to keep it: ' "$T/hints" | grep -vF 'can keep it: ' |
    grep -E 'destroy|[^a-z]rm |shred|delete|seal remove|userdel|--force|overwrit'; then
    fail "a hint proposes what destroys"
fi

expect 2 'usage: littlebox' littlebox
expect 2 'example: littlebox create web' littlebox
expect 0 '' littlebox help
expect_out 'example: littlebox create web'
expect 0 '' littlebox --help
expect 0 '' littlebox -h
# Each command has a page, and its last line is an example whose words are right.
mkdir "$T/empty"
printf '%s\n' '-----BEGIN PRIVATE KEY-----' MEcCAQAwFwYVaYOEisOdu/mqivWo+8mRivPgmUsDAQQpMCcCAQE= '-----END PRIVATE KEY-----' >"$T/cut.pem"
for command in $(littlebox help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    expect 0 '' littlebox help "$command"
    expect_out "usage: littlebox $command"
    expect 0 '' littlebox "$command" --help
    expect_out "usage: littlebox $command"
    example=$(sed -n '$s/^example: littlebox //p' "$T/out")
    [ -n "$example" ] || fail "the help of $command does not end with an example"
    case $example in
    'box create'*) continue ;; # root would make a user
    esac
    got=0
    eval "littlebox --dir '$T/empty' $example" >"$T/out" 2>"$T/err" </dev/null || got=$?
    [ "$got" != 2 ] || fail "the example of $command is wrong: $example: $(cat "$T/err")"
done
expect 0 '' littlebox help create
expect_out 'ec:P-256 if not given'
expect 0 '' littlebox help adopt
for option in --stdin --dry-run --yes --config; do
    sed 1q "$T/out" | grep -qF -e "$option" || fail "no $option in the usage: $(cat "$T/out")"
done
expect 0 '' littlebox help import
expect_out 'usage: littlebox import KEY FILE [--stdin | --passphrase-file FILE | --passphrase-fd N]'
expect 0 '' littlebox version
grep -qE '^littlebox [^ ]+ \(protocol 1\)$' "$T/out" || fail "no protocol: $(cat "$T/out")"
expect 0 '' littlebox --version
expect 0 '' littlebox --json version
expect_json @ littlebox,protocol,openssl protocol 1

expect 0 '' littlebox --json help create
expect_json '#' 1 0.command '"create"' 0.example '"littlebox create web --type ed25519"'
expect 0 '' littlebox --json help
json_at '*.command' | grep -qx '"doctor"' || fail "no doctor in: $(cat "$T/out")"

expect 2 "there is no command 'frobnicate'" littlebox frobnicate
expect 2 'hint: littlebox help' littlebox frobnicate
expect 2 "there is no command 'nothing'" littlebox help nothing
# What was meant is proposed, but never what destroys.
# meant WORD COMMAND
meant() {
    expect 2 "there is no command '$1'" littlebox "$1"
    expect 2 "hint: did you mean '$2'? All commands: littlebox help" littlebox "$1"
}
meant lst list
meant cerate create
meant stat status
meant LIST list
meant doctro doctor
meant ls list
meant grant allow
expect 2 "hint: did you mean 'unlock'?" littlebox help unlcok
expect 2 'hint: the command comes first: littlebox create web' littlebox web create
expect 2 "hint: a key never leaves its box: programs get 'littlebox handle KEY'" littlebox export web
expect 2 'hint: journalctl -u littleboxd@default' littlebox logs
expect 2 'hint: systemctl start littleboxd@default' littlebox start
expect 2 'hint: systemctl stop littleboxd@default.socket littleboxd@default.service' littlebox stop
expect 2 'hint: systemctl restart littleboxd@default' littlebox restart
expect 2 'hint: systemctl restart littleboxd@default' littlebox reload
expect 2 "hint: did you mean 'csr'?" littlebox request web
expect 2 'hint: littlebox help' littlebox web destroy
grep -q 'destroy' "$T/err" && fail "destruction is proposed: $(cat "$T/err")"
for word in destory Destroy destr; do
    expect 2 "there is no command '$word'" littlebox $word web
    grep -q 'destroy' "$T/err" && fail "destruction is proposed: $(cat "$T/err")"
done
expect 2 "unknown option '--frob'" littlebox --frob
expect 2 'hint: did you mean --type? littlebox help create' littlebox create web --tpye ed25519
expect 2 'hint: did you mean --type? littlebox help create' littlebox create web --tpye=ed25519
expect 2 'hint: did you mean --json? littlebox help list' littlebox list --jsn
expect 2 'hint: did you mean --system? littlebox help' littlebox --sytem list
# Of one letter nothing can be told.
for letter in -x -v -q; do
    expect 2 "unknown option '$letter' for 'create'" littlebox create $letter
    [ "$(sed -n 's/^hint: //p' "$T/err")" = 'littlebox help create' ] || fail "of $letter: $(cat "$T/err")"
done
expect 2 "unknown option '--passphrase' for 'unlock'" littlebox unlock --passphrase
expect 2 'hint: it asks for the passphrase by itself: littlebox unlock' littlebox unlock --passphrase
expect 2 'hint: it asks for the PIN by itself: littlebox login' littlebox login --passphrase
expect 2 'hint: --user goes with allow, deny, doctor. littlebox help create' littlebox create web --user x
expect 2 "'--type' belongs behind the command that it is for" littlebox --type ed25519 create web
expect 2 "unknown option '--frobnicate' for 'create'" littlebox create web --frobnicate
expect 2 'hint: littlebox help create' littlebox create web --frobnicate
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
expect 2 'hint: littlebox create web --type ed25519' littlebox create web ed25519
expect 2 'hint: littlebox allow web --user www-data' littlebox allow web www-data
expect 2 "'lock' takes no argument: 'web'" littlebox lock web
: >"$T/web.pem"
expect 2 "hint: littlebox adopt $T/web.pem --key web" littlebox adopt "$T/web.pem" web
expect 2 "hint: littlebox adopt $T/web.pem --key web" littlebox adopt web "$T/web.pem"
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
expect 2 'hint: littlebox cert get web --out file' littlebox cert get web file
expect 2 "'cert remove' writes no file" littlebox cert remove web --out file
expect 2 "'cert set' writes no file" littlebox cert set web file --force
expect 2 '--force needs --out FILE' littlebox cert get web --force
expect 2 'a passphrase and --credential exclude each other' littlebox init --passphrase --credential x
expect 2 '--passphrase-file and --passphrase-fd exclude each other' littlebox unlock --passphrase-file x --passphrase-fd 3

# What is wrong with a name or a type is said before any box is asked.
expect 1 "'.hidden' is not a key name" littlebox --dir "$T/empty" create .hidden
expect 1 'hint: a key name is 1 to 64 of' littlebox --dir "$T/empty" create .hidden
expect 1 "'-x' is not a key name" littlebox --dir "$T/empty" create -- -x
expect 1 "'a/b' is not a key name" littlebox --dir "$T/empty" import a/b /etc/hostname
expect 1 "unknown key type 'rsa:1024'" littlebox --dir "$T/empty" create web --type rsa:1024
expect 1 'hint: did you mean rsa:3072? All types: littlebox help create' littlebox --dir "$T/empty" create web --type rsa:1024
expect 1 'ec:P-256 ec:P-384' littlebox --dir "$T/empty" create web --type frobnicate
expect 1 "unknown attribute 'vers=1'" littlebox --dir "$T/empty" show 'web;vers=1'
expect 1 "'0' is not a version" littlebox --dir "$T/empty" handle 'web;version=0'

# A hint is about the box that the command was told of.
expect 1 "hint: make another one: littlebox --box hsm1 --dir $T/empty handle KEY --out FILE" \
    littlebox --box hsm1 --dir "$T/empty" import web "$T/cut.pem"
expect 1 'hint: make another one: littlebox handle KEY --out FILE' littlebox import web "$T/cut.pem"
expect 2 'hint: littlebox help create' littlebox --box hsm1 --dir "$T/empty" create

# What create prints is not what the others take, and the file is not where the name is.
expect 1 "'littlebox:web' is the URI of a key, not its name" littlebox --dir "$T/empty" show littlebox:web
expect 1 'hint: its name: web' littlebox --dir "$T/empty" handle littlebox:web
expect 1 'hint: its name: web, in box hsm1' littlebox --dir "$T/empty" handle littlebox://hsm1/web
expect 1 "hint: that is a URI: the name is what is behind the ':'" littlebox --dir "$T/empty" allow littlebox:web --user 0
expect 2 "hint: the name of the key comes first: littlebox import web $T/web.pem" littlebox import "$T/web.pem" web
expect 1 'hint: this is about a key with all of its versions: web' littlebox --dir "$T/empty" allow 'web;version=1' --user 0
expect 1 "there is no user 'nobody-of-that-name'" littlebox allow web --user nobody-of-that-name
expect 1 "hint: this machine's: getent group" littlebox allow web --group nobody-of-that-name

# No box: with the command to start it, for each kind of box.
expect 1 "no box answers at $T/empty/default.sock" littlebox --dir "$T/empty" list
expect 1 "hint: start it: littleboxd --box default --dir $T/empty" littlebox --dir "$T/empty" list
expect 1 "littleboxd --box hsm1 --dir $T/empty" env LITTLEBOX_DIR="$T/empty" littlebox --box hsm1 create web
if [ -e /run/systemd/system ]; then
    start='systemctl enable littleboxd@nosuch.socket && systemctl restart littleboxd@nosuch.socket'
else
    start='littleboxd --system --box nosuch --user littlebox-nosuch'
fi
expect 1 "hint: start it: $start; a new box: littlebox box create nosuch" littlebox --system --box nosuch status
# Who does not find littleboxd in his PATH, as /usr/sbin is not in an ordinary user's, is told where it is.
cp "$(command -v littlebox)" "$(command -v littleboxd)" "$T"
expect 1 "hint: start it: $T/littleboxd --box default --dir $T/empty" \
    env PATH="/nosuch:$T/empty" "$T/littlebox" --dir "$T/empty" list
expect 1 "hint: start it: $T/littleboxd --box default --dir $T/empty" env -u PATH "$T/littlebox" --dir "$T/empty" list
expect 1 "hint: start it: littleboxd --box default --dir $T/empty" env PATH="/nosuch:$T" "$T/littlebox" --dir "$T/empty" list
[ -z "$(ls -A "$T/empty")" ] || fail "something was made in the directory of another box"

# What was printed has arrived, or the exit status says that it has not.
for command in help 'help create' version -V '--json version' 'complete -- cr' boxes; do
    expect 1 'littlebox: cannot write the output: No space left on device' sh -c "littlebox --dir '$T/empty' $command >/dev/full"
    expect 1 'littlebox: cannot write the output: Bad file descriptor' sh -c "littlebox --dir '$T/empty' $command >&-"
done
expect 1 'littleboxd: cannot write the output: No space left on device' sh -c 'littleboxd --help >/dev/full'
expect 1 'littleboxd: cannot write the output' sh -c 'littleboxd --version >&-'
# A reader that goes is no fault: SIGPIPE ends the command as it ends others, unless who started it said otherwise.
mkfifo "$T/fifo"
# unread [SHELL CODE]: help into a pipe that nobody reads, after that code.
unread() {
    expect "$1" "$2" sh -c "exec 3<>'$T/fifo' 4>'$T/fifo' 3<&-; $3 exec littlebox help >&4"
}
unread 141 '' ''
unread 1 'cannot write the output: Broken pipe' "trap '' PIPE;"
