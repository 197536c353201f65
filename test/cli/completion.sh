#!/usr/bin/env bash
# Completion: what the command proposes, and what bash and zsh make of it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
completion=${LITTLEBOX_SRC:-$(dirname "$0")/../..}/keystore/command/completion

start_named default
littlebox init 2>/dev/null
for key in web www.example.org old; do
    littlebox create $key --type ed25519 >/dev/null
done
littlebox destroy old --now --yes
unset LITTLEBOX_DIR

# proposes WORD... -- PROPOSAL...: what the command says for a line of these words, without the texts behind the tabs.
proposes() {
    before_dashes "$@"
    littlebox complete -- "${WORDS[@]}" >"$T/out" 2>"$T/err" || fail "complete -- ${WORDS[*]}: exit status $?"
    [ ! -s "$T/err" ] || fail "complete -- ${WORDS[*]} says: $(cat "$T/err")"
    [ "$(cut -f1 "$T/out" | xargs)" = "${REST[*]}" ] || fail "complete -- ${WORDS[*]}: $(cat "$T/out")"
}
proposes cre -- create
proposes c -- create cert csr compromise complete
proposes csr '' --
proposes csr web --l -- --like
proposes csr web --like '' -- :files
proposes frobnicate '' --
proposes --sys -- --system
proposes seal '' -- list add remove
proposes seal add -- add
proposes seal list '' --
proposes box '' -- create list
proposes box create '' --
proposes openssl '' -- status enable disable
proposes openssl enable --file '' -- :files
proposes openssl enable --mo -- --module
proposes help stat -- status
proposes create new --ty -- --type
proposes create new --type rsa:4 -- rsa:4096
proposes create new --type=rsa:4 -- --type=rsa:4096
proposes create new --type rsa:4096 --ty --
proposes create new --frobnicate '' --
proposes allow web --op d -- decrypt derive
proposes allow web --user '' -- :users
proposes allow web --group '' -- :groups
proposes doctor --server po -- postgresql postfix
proposes doctor --root '' -- :directories
proposes adopt '' -- :files
proposes import new '' -- :files
proposes --dir "$T/box" show '' -- web www.example.org
proposes "--dir=$T/box" destroy ww -- www.example.org
proposes --dir "$T/box" cert set w -- web www.example.org
proposes --dir "$T/box" cert set web '' -- :files
proposes --dir "$T/box" list 'web' -- web
proposes --dir "$T/box" adopt web.pem --key '' -- web www.example.org
proposes --dir "$T/box" create '' --
# A box that was made and does not run is one too; what is there once is proposed once.
mkdir -p "$T/box/resting"
: >"$T/box/file"
proposes --dir "$T/box" --box '' -- default resting
rmdir "$T/box/resting"
rm "$T/box/file"
# No box, a box that is not there: nothing is proposed, started or made.
mkdir "$T/empty"
proposes --dir "$T/empty" show '' --
proposes --dir "$T/nosuch" show '' --
[ -z "$(ls -A "$T/empty")" ] || fail "completion made something"
for command in $(littlebox help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    littlebox complete -- "$command" '' >"$T/out" 2>"$T/err" || fail "complete -- $command"
    littlebox complete -- "$command" - | cut -f 1 | sort >"$T/proposed"
    grep -qx -- '--json' "$T/proposed" || fail "no options for $command"
    # Each option that its help names.
    littlebox help "$command" | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort >"$T/options"
    missing=$(comm -23 "$T/options" "$T/proposed")
    [ -z "$missing" ] || fail "completion of '$command' lacks $missing"
    options=$((${options:-0} + $(wc -l <"$T/options")))
done
[ "$options" -gt 50 ] || fail "help names $options options only"

# bash: it cuts its words at ':' and '=', and puts the answer behind them. The line ends at the cursor.
bash -n "$completion/bash/littlebox" || fail "the script for bash"
cat >"$T/bash" <<'END'
set -u
compopt() { :; }
. "$1"
[ "$(complete -p littlebox)" = 'complete -F _littlebox littlebox' ] || exit 3
COMP_LINE=$2 COMP_POINT=${#2}
_littlebox littlebox
printf '%s\n' "${COMPREPLY[@]}"
END
# in_bash LINE PROPOSAL...
in_bash() {
    line=$1
    shift
    (cd "$T/empty" && bash "$T/bash" "$completion/bash/littlebox" "$line") >"$T/out" 2>"$T/err" ||
        fail "bash, '$line': $(cat "$T/err")"
    [ "$(sort "$T/out" | xargs)" = "$*" ] || fail "bash, '$line': $(cat "$T/out")"
}
: >"$T/empty/a file.pem"
mkdir "$T/empty/above"
in_bash 'littlebox cre' create
in_bash 'littlebox  seal ' add list remove
in_bash 'littlebox create web --type ec:P' P-256 P-384 P-521
in_bash 'littlebox create web --type=ec:P-3' P-384
in_bash 'littlebox create web --type=ed' ed25519 ed448
in_bash "littlebox --dir $T/box show w" web www.example.org
in_bash 'littlebox import web a' 'a file.pem above'
in_bash 'littlebox handle web --out=a' 'a file.pem above'
in_bash 'littlebox doctor --root a' above
in_bash 'littlebox allow web --user roo' root
in_bash 'LITTLEBOX_DIR=/x littlebox cre' create
in_bash "littlebox create 'web --t" --type

# zsh, as it is: on a terminal.
command -v zsh >/dev/null || skip "there is no zsh; bash was tried"
cat >"$T/zsh" <<'END'
zmodload zsh/zpty
zpty shell env TERM=dumb zsh -f -i
# await_text PATTERN: what the shell has written, up to there.
await_text() {
    local text
    if ! zpty -r -m shell text "*$1*" || [[ $text != *${~1}* ]]; then
        print -u2 -r -- "no '$1': $text"
        exit 1
    fi
}
zpty -w shell "PS1='ready%# '; PATH=$PATH; fpath=($1 \$fpath); unsetopt zle_bracketed_paste; autoload -U compinit; compinit -D -u; cd $2; print in''it"
await_text init
# completed BEGUN WHOLE
completed() {
    zpty -n -w shell "$1"$'\t'$'\C-a'"print -r -- did: "$'\C-e'$'\n'
    await_text "did: $2"$'\r'
}
completed 'littlebox cre' 'littlebox create'
completed 'littlebox create new --type ec:P-5' 'littlebox create new --type ec:P-521'
completed 'littlebox create new --type=ed4' 'littlebox create new --type=ed448'
completed "littlebox --dir $3 show we" "littlebox --dir $3 show web"
completed 'littlebox doctor --root abo' 'littlebox doctor --root above*'
completed 'littlebox handle web --out=abo' 'littlebox handle web --out=above*'
zpty -d shell
END
timeout "$AWAIT_SECONDS" zsh -f "$T/zsh" "$completion/zsh" "$T/empty" "$T/box" </dev/null >"$T/out" 2>"$T/err" || fail "zsh: $(cat "$T/out" "$T/err")"
