#!/usr/bin/env bash
# What the command says when the box is restarted under it, hangs up or talks nonsense.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

# fake MODE: a box of that kind in $T/MODE, for the commands that follow.
fake() {
    mkdir "$T/$1"
    : >"$T/$1/said"
    "$TOOLS/fakebox" "$T/$1/default.sock" "$1" >>"$T/$1/said" &
    own "$!"
    await "the box that is none" grep -q ready "$T/$1/said"
    LITTLEBOX_DIR=$T/$1
    export LITTLEBOX_DIR
}

# A change is never sent twice; its caller is told where to look. A question is asked again, for a while.
fake reset
expect 1 'the box was restarted while it worked on this' littlebox create web
expect 1 "hint: look with 'littlebox --box default show web' whether it was done" littlebox create web
[ "$(grep -c 'request 0030' "$T/reset/said")" = 2 ] || fail "sent twice: $(cat "$T/reset/said")"
expect 1 "hint: look with 'littlebox --box default show web' whether it was done" littlebox allow web --user 1
# These ask first what follows from it.
expect 1 'the box is restarted again and again' littlebox destroy web --yes
expect 1 'the box is restarted again and again' littlebox seal remove 1
[ "$(grep -c 'request 0043' "$T/reset/said")" = 0 ] || fail "removed unseen: $(cat "$T/reset/said")"
expect 1 'the box is restarted again and again' littlebox list
[ "$(grep -c 'request 0021' "$T/reset/said")" -gt 1 ] || fail "a question was not asked again"

fake close
expect 1 "box 'default': the box closed the connection" littlebox list
expect 1 "hint: look with 'littlebox --box default show web' whether it was done" littlebox create web

# After an import whose end is unknown the file stays.
fake empty
openssl genpkey -algorithm ED25519 -out "$T/web.key"
sum=$(sha256sum <"$T/web.key")
expect 1 "hint: look with 'littlebox --box default show web' whether it was done" littlebox adopt "$T/web.key"
[ "$(sha256sum <"$T/web.key")" = "$sum" ] || fail "the file was changed"
[ -z "$(find "$T" -maxdepth 1 -name '.?*')" ] || fail "left over: $(ls -A "$T")"

for mode in garbage cut other version text; do
    fake $mode
    expect 1 "what box 'default' answers is no answer" littlebox list
    expect 1 "what box 'default' answers is no answer" littlebox status
    expect 1 "what box 'default' answers is no answer" littlebox create web
done

fake once
expect 0 '' littlebox list
expect_out KEY
