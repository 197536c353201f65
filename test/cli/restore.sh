#!/usr/bin/env bash
# A store that was put back, wrongly or well: what is said, and what cures it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

store=$T/box/default/store.db
start_named default
cd "$T"
expect 0 "keep a copy of $T/box/default.credential, and after each change, in another place, one of $store" littlebox init
expect 0 '' littlebox create old
cp "$store" backup
expect 0 '' littlebox create new

# Over the running store: the next start has the copy, and no mixture. Until then nothing is changed.
cat backup >"$store"
for change in 'create third' 'destroy old --yes' 'allow old --user 1' 'seal add --passphrase-file pw'; do
    echo 'a long passphrase' >pw
    # shellcheck disable=SC2086
    expect 1 "the store $store was replaced or written by somebody else while the box has it open: nothing is changed" littlebox $change
done
grep -qF 'hint: what was made since is in the running box alone' err || fail "no hint: $(cat err)"
expect 0 '' littlebox list
expect_out new
expect 0 '' littlebox status
expect_out "replaced     the store's file is not the one that the box has open"
expect 0 '' littlebox --json status
expect_json store_replaced true
littlebox doctor >out || :
grep -qF "FAIL  the store's file was replaced or written by somebody else while box 'default' has it open" out || fail "doctor: $(cat out)"
stop_box
start_named default
expect 0 '' littlebox --json list
expect_json '#' 1 0.key '"old"' 0.damaged false
expect 0 '' littlebox create third
expect 0 '' littlebox --json status
expect_json store_replaced false damaged 0

# No store, but what opens it.
stop_box
mv "$store" gone
start_named default
for command in list unlock lock; do
    expect 1 "box 'default' has a credential, but no store: there is no $store" littlebox "$command"
    expect 1 'hint: restore it from a backup (examples/backup/README.md); or for a new, empty one: littlebox --box default init' \
        littlebox "$command"
done
grep -qF "has a credential, but no store: there is no $store: restore it from a backup" box.log || fail "log: $(cat box.log)"
littlebox doctor >out || :
grep -qF "FAIL  box 'default' has a credential, but no store" out || fail "doctor: $(cat out)"
stop_box
mv gone "$store"
start_named default
expect 0 '' littlebox status

# A user's own box is not made anew either, when its store is lost.
as_owner() {
    if is_root; then
        other env -u LITTLEBOX_DIR "$@"
    else
        env -u LITTLEBOX_DIR "$@"
    fi
}
mkdir home run
is_root && chown $UNPRIVILEGED home run
export HOME="$T/home" XDG_RUNTIME_DIR="$T/run"
unset XDG_CONFIG_HOME XDG_STATE_HOME
expect 0 'made your own box' as_owner littlebox --own create mine
# The keeper of the own box is the parent of the process that status names.
own_keeper() {
    pid=$(as_owner littlebox --own --json status 2>/dev/null | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')
    [ -z "$pid" ] || sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status"
}
cleanup_more() {
    keeper=$(own_keeper)
    if [ -n "$keeper" ]; then
        kill "$keeper" 2>/dev/null || :
        await "the keeper to end" gone "$keeper"
    fi
}
cleanup_more
mv home/.local/state/littlebox/default/store.db lost.db
expect 1 "box 'default' has a credential, but no store" as_owner littlebox --own create other
[ ! -e home/.local/state/littlebox/default/store.db ] || fail "a store was made"

# A copy that is root's.
if is_root; then
    stop_box
    chown -R $UNPRIVILEGED box/default box/default.credential
    start_named default --user nobody
    expect 0 '' littlebox status
    expect_out 'opens itself'
    chown 0 "$store"
    chmod 600 "$store"
    stop_box
    littleboxd --dir "$T/box" --box default --user nobody 2>>box.log && fail "it started"
    grep -qF "cannot open the store $store: it is read-only or closed to uid $UNPRIVILEGED, as which the box runs: it belongs to uid 0; make it writable for the box: chown $UNPRIVILEGED:" box.log ||
        fail "log: $(tail -n 3 box.log)"
    expect 1 "the box cannot open $store, which belongs to uid 0 and not to uid $UNPRIVILEGED as its directory does" littlebox list
    cure=$(sed -n 's/^hint: //p' err)
    expect 0 '' eval "$cure"
    start_named default --user nobody
    expect 0 '' littlebox list
fi
