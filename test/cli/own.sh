#!/usr/bin/env bash
# The user's own box: no root, no configuration, one command.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

if is_root; then
    chown $UNPRIVILEGED "$T"
    as=other
else
    as=
fi
run() {
    $as env HOME="$T/home" XDG_RUNTIME_DIR="$T/run" XDG_CONFIG_HOME= XDG_STATE_HOME= "$@"
}
run mkdir "$T/home" "$T/run"
# A system account needs --own to get a box, and so does who has the system's of that name beside it.
user=$(run id -u)
shell=$(getent passwd "$user" | cut -d: -f7)
own=
if [ "$user" -lt 1000 ] || ! getent passwd "$user" >/dev/null || [ "${shell##*/}" = nologin ] || [ "${shell##*/}" = false ]; then
    own=--own
    expect 1 'is a system account, and gets no box of its own unasked' run littlebox create web
    expect 1 "littlebox --own --box default" run littlebox init
fi
for box in default two pass; do
    [ ! -e "/run/littlebox/$box.sock" ] && [ ! -e "/var/lib/littlebox/$box" ] || own=--own
done

# The keepers of the own boxes that were started; by the parent of the process that status names.
own_keepers() {
    for box in default two pass; do
        pid=$(run littlebox --box $box --json status 2>/dev/null | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')
        [ -z "$pid" ] || sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status"
    done
}
cleanup_more() {
    for keeper in $(own_keepers); do
        kill "$keeper" 2>/dev/null || :
        await "the keeper to end" gone "$keeper"
    done
}

# Looking starts nothing.
expect 1 'no box answers at' run littlebox --own status
expect 1 "hint: you have none yet: 'littlebox --own --box default create KEY' makes it" run littlebox --own lock
expect 1 "hint: you have none yet" run littlebox --own list
[ -n "$own" ] || expect 1 "hint: you have no box 'default' of your own: 'littlebox --box default create KEY' makes one" run littlebox list
[ -z "$(ls -A "$T/run")" ] || fail "status made something"

# shellcheck disable=SC2086 # $own is one option or none
# The first create makes everything.
expect 0 "made your own box 'default' in $T/home/.local/state/littlebox/default" run littlebox $own create web
expect_out 'littlebox:web'
[ "$(stat -c %a "$T/home/.config/littlebox" "$T/home/.local/state/littlebox/default" "$T/run/littlebox" | sort -u)" = 700 ] ||
    fail "modes of the directories"
[ "$(stat -c %a "$T/home/.config/littlebox/default.credential")" = 400 ] || fail "mode of the credential"
[ -S "$T/run/littlebox/default.sock" ] || fail "no socket"
expect 0 '' run littlebox --json status
expect_json state '"unlocked"' admin true keys 1
expect 1 "box 'default' has a store already" run littlebox init
expect 0 '' run littlebox list

# boxes_tell REST...: of the own box default, all of its line behind the user's name.
boxes_tell() {
    expect 0 '' run littlebox boxes
    line=$(grep -E '^default +own ' "$T/out" | tr -s ' ' | cut -d' ' -f4-)
    [ "$line" = "$*" ] || fail "boxes: $(cat "$T/out")"
}
boxes_tell unlocked 1 yes "$T/run/littlebox/default.sock"
# Another user's boxes are not this one's, and a box of another's making is refused.
expect 0 '' run env XDG_RUNTIME_DIR="$T/other" HOME="$T/other" littlebox boxes
grep -q ' own ' "$T/out" && fail "boxes of another home: $(cat "$T/out")"
expect 0 '' run littlebox --system boxes
grep -q ' own ' "$T/out" && fail "--system boxes: $(cat "$T/out")"
expect 0 '' run littlebox --dir "$T/run/littlebox" --json boxes
expect_json 0.box '"default"' 0.place '"directory"' 0.state '"unlocked"' 0.keys 1 0.asked null

# It is started again when it is gone, with its keys.
keeper=$(own_keepers)
kill "$keeper"
await "the keeper to end" gone "$keeper"
expect 0 '' run littlebox boxes
grep -qE "^default +own .* not running +- .*$T/run/littlebox/default.sock$" "$T/out" || fail "boxes: $(cat "$T/out")"
expect 1 'no box answers' run littlebox status
expect 1 '(your own box)' run littlebox status
expect 1 'hint: the command starts it when it needs it' run littlebox lock
expect 0 '' run littlebox handle web
[ "$(own_keepers)" != "$keeper" ] || fail "still the old box"

# Many commands at once start one box and make one store.
i=0
while [ $i -lt 8 ]; do
    run littlebox $own --box two create "key$i" >/dev/null 2>>"$T/many" &
    eval "job$i=$!"
    i=$((i + 1))
done
i=0
while [ $i -lt 8 ]; do
    eval "wait \$job$i" || fail "one of many: $(cat "$T/many")"
    i=$((i + 1))
done
[ "$(grep -c 'made your own box' "$T/many")" = 1 ] || fail "made more than once: $(cat "$T/many")"
expect 0 '' run littlebox --box two --json list
expect_json '#' 8

# With a passphrase of the user's choice.
printf 'a secret\n' >"$T/pw"
chmod 644 "$T/pw"
expect 0 'it starts locked' run littlebox $own --box pass init --passphrase-file "$T/pw"
for keeper in $(own_keepers); do
    kill "$keeper"
    await "the keeper to end" gone "$keeper"
done
expect 1 "box 'pass' is locked" run littlebox --box pass create web
expect 0 '' run littlebox boxes
grep -qE '^pass +own .* locked +0 +yes ' "$T/out" || fail "boxes: $(cat "$T/out")"
expect 0 '' run littlebox --box pass unlock --passphrase-file "$T/pw"
expect 0 '' run littlebox --box pass create web

# A box that does not start says where to look.
run mkdir -p "$T/home/.config/littlebox"
echo 'nonsense = 1' >"$T/home/.config/littlebox/broken.conf"
chmod 644 "$T/home/.config/littlebox/broken.conf"
expect 1 "your box 'broken' could not be started" run littlebox $own --box broken create web
expect 1 "hint: it says why in $T/home/.local/state/littlebox/broken/log" run littlebox --box broken list
grep -q nonsense "$T/home/.local/state/littlebox/broken/log" || fail "nothing in the log"

# Another --dir is never started silently.
run mkdir "$T/dir"
expect 1 "hint: start it: littleboxd --box default --dir $T/dir" run littlebox --dir "$T/dir" create web

# That the box is ready is believed only of a process of this user: the name of the socket is for all to find.
if is_root && command -v python3 >/dev/null; then
    mkdir "$T/bin"
    cp "$(command -v littlebox)" "$T/bin/"
    # Not a box: it tells where it would say that it is ready, waits until somebody else has said so, and ends.
    cat >"$T/bin/littleboxd" <<END
#!/bin/sh
echo "\${NOTIFY_SOCKET#@}" >"$T/run/notify.new" && mv "$T/run/notify.new" "$T/run/notify"
while [ ! -e "$T/run/said" ]; do sleep 0.02; done
exit 1
END
    chmod 755 "$T/bin" "$T/bin/littleboxd"
    run "$T/bin/littlebox" --own --box false create web >"$T/false" 2>&1 &
    false=$!
    await "the command to start a box" test -e "$T/run/notify"
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1", b"\0" + sys.argv[1].encode())' "$(cat "$T/run/notify")"
    run touch "$T/run/said"
    wait "$false" && fail "a box that was not there made a key"
    grep -q "your box 'false' could not be started" "$T/false" || fail "READY=1 of another user was believed: $(cat "$T/false")"
fi
