#!/usr/bin/env bash
# Seals, and locking and unlocking with them.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init --label 'at start' 2>/dev/null
littlebox create web >/dev/null
cd "$T"
printf 'correct horse\nsecond line\n' >pw
printf 'wrong\n' >bad
umask 077 # credentials are nobody else's

expect 0 '' littlebox --json seal list
expect_json '#' 1 0.@ id,kind,label,created,opened,next_start 0.kind '"credential"' 0.label '"at start"'
first=$(littlebox seal list | awk 'NR == 2 { print $1 }')
expect 1 'is the last: without it nobody could open the store again' littlebox seal remove "$first"
expect 1 'hint: add another first: littlebox --box default seal add' littlebox seal remove "$first"
expect 1 "'x1' is not the number of a seal" littlebox seal remove x1
expect 1 'the store has no seal 999' littlebox seal remove 999

# Where no seal takes a passphrase, none is asked for.
littlebox lock
expect 0 '' littlebox unlock
expect 0 "" littlebox status
littlebox lock
mv "$T/box/default.credential" "$T/box/moved"
expect 1 "cannot read the credential '$T/box/default.credential'" littlebox unlock
mv "$T/box/moved" "$T/box/default.credential"
littlebox unlock >/dev/null

# A passphrase.
expect 0 '' littlebox seal add --passphrase-file pw
expect 0 '' littlebox seal list
grep -qE '^ *[0-9]+ +passphrase +passphrase ' out || fail "no passphrase in: $(cat out)"
littlebox lock
expect 3 '' littlebox status
expect_out 'locked'
expect 1 "box 'default' is locked" littlebox create x
expect 1 "box 'default' is locked" littlebox seal add --passphrase-file pw
expect 0 '' littlebox list
expect 0 '' littlebox handle web
expect 1 "no seal of box 'default' opens with this passphrase" littlebox unlock --passphrase-file bad
# The second in a row takes longer than a second, by design, and the command says that it is waiting.
expect 1 'littlebox: the box is trying the seals ...' littlebox unlock --passphrase-file bad
# Without a terminal: with the file that is read at a start, if it is there.
mv box/default.credential moved
expect 1 'there is no terminal to ask for the passphrase' setsid -w littlebox unlock
expect 1 'hint: give it with --stdin, --passphrase-file FILE or --passphrase-fd N' setsid -w littlebox unlock
echo "credential = $T/moved" >box/default.conf
stop_box
mv moved elsewhere
start_named default
mv elsewhere moved
expect 0 '' setsid -w littlebox unlock
rm box/default.conf
mv moved box/default.credential
stop_box
start_named default
littlebox lock
expect 0 '' setsid -w littlebox unlock
# From a pipe.
littlebox lock
expect 0 '' sh -c 'printf "correct horse" | littlebox unlock --stdin'
littlebox lock
expect 0 '' sh -c 'littlebox unlock --credential - <box/default.credential'
littlebox lock
expect 1 'the passphrase is empty' sh -c 'littlebox unlock --stdin </dev/null'
expect 1 'the credential on standard input has less than 32 bytes' sh -c 'echo short | littlebox unlock --credential -'
expect 1 'cannot read the credential from standard input: it is empty' sh -c ': | littlebox unlock --credential -'
expect 2 '--stdin excludes --passphrase-file and --passphrase-fd' littlebox unlock --stdin --passphrase-file pw
expect 2 'a passphrase and --credential exclude each other' littlebox unlock --stdin --credential -
expect 1 '' answer -- littlebox unlock --stdin
expect_out 'standard input is a terminal, which shows what is typed'
expect 0 '' littlebox unlock --passphrase-file pw
expect 0 '' littlebox status
littlebox --json lock >out
expect_json '' '{"box":"default","state":"locked"}'
expect 0 '' littlebox unlock --credential box/default.credential

# Guessing gets slower with each wrong secret in a row, and the box serves others meanwhile. A right one ends that.
now() {
    tr -d . </proc/uptime | cut -d' ' -f1 # in hundredths of a second
}
# wrong: sets TOOK to how long one wrong credential takes; nothing but the delay takes its time.
wrong() {
    began=$(now)
    expect 1 "no seal of box 'default' opens with this credential" littlebox "$@"
    TOOK=$(($(now) - began))
}
head -c 64 /dev/urandom >stranger
littlebox lock
# Half a second, and each time the double.
wrong unlock --credential stranger
[ "$TOOK" -ge 45 ] || fail "a first wrong credential took $TOOK hundredths of a second"
wrong unlock --credential stranger
[ "$TOOK" -ge 95 ] || fail "a second wrong credential took $TOOK hundredths of a second"
# served_during N : others are during the Nth guess, which takes as long as it must.
served_during() {
    local began guess served=0 delay=$((50 * 2 ** ($1 - 1)))
    began=$(now)
    littlebox unlock --credential stranger 2>guess &
    guess=$!
    await "the box to try the seals" grep -qF 'the box is trying the seals' guess
    expect 0 '' littlebox list
    expect 3 '' littlebox status
    kill -0 $guess 2>/dev/null || served=1
    wait $guess && fail "a wrong credential opened the box"
    [ $(($(now) - began)) -ge $((delay - 5)) ] || fail "wrong credential $1 took $(($(now) - began)) hundredths of a second"
    grep -qF "no seal of box 'default' opens with this credential" guess || fail "guess $1: $(cat guess)"
    grep -qE "uid [0-9]+ pid [0-9]+: wrong credential, $1 in a row" box.log || fail "nothing in the box's log: $(cat box.log)"
    return "$served"
}
# On a busy machine two questions may take longer than the third guess: the next ones take 4, 8 and 16 seconds.
served_during 3 || served_during 4 || served_during 5 || served_during 6 || fail "nobody was served during a guess"
littlebox unlock --credential box/default.credential
littlebox lock
wrong unlock --credential stranger
[ "$TOOK" -lt 180 ] || fail "a first wrong credential took $TOOK hundredths of a second"
littlebox unlock --credential box/default.credential

# A second credential file, made by the way.
# Its label steers no terminal, with CSI as ISO 8859-1 has it (and a box takes it) in the place of ESC and '['.
expect 0 '' littlebox seal add --credential second --label "$(printf 'in the \302\2332Jsafe')"
[ "$(stat -c %a second)" = 400 ] || fail "mode of a new credential"
expect 0 '' littlebox seal list
expect_out 'in the ??2Jsafe'
expect 0 '' littlebox --json seal list
expect_out '"in the \u009b2Jsafe"'
littlebox lock
expect 0 '' littlebox unlock --credential second
# One that was refused is not left behind.
littlebox lock
expect 1 'is locked' littlebox seal add --credential third
[ ! -e third ] || fail "a credential file for nothing"
expect 0 '' littlebox unlock --credential second

# Each is removable alone; what it opened stays open.
expect 0 'the next start opens the store with' littlebox seal remove "$first" --yes
littlebox lock
expect 1 "no seal of box 'default' opens with this credential" littlebox unlock --credential box/default.credential
expect 0 '' littlebox unlock --passphrase-file pw

# On a terminal: twice when new, once else, and never echoed.
expect 1 '' answer 'new passphrase: ' 'one phrase' 'new passphrase, again: ' 'two phrases' -- littlebox seal add
expect_out 'that was not the same twice'
expect 1 '' answer 'new passphrase: ' '' -- littlebox seal add
expect_out 'the passphrase is empty'
# One that is too short is not asked for twice, and the box does not take it from whoever does not ask.
expect 1 '' answer 'new passphrase: ' 1234567 -- littlebox seal add
expect_out 'a new passphrase needs at least 8 bytes'
expect_out 'hint: take several words that nobody guesses'
printf '1234567\n' >short
expect 1 'a new passphrase needs at least 8 bytes' littlebox seal add --passphrase-file short
expect 1 'hint: take several words that nobody guesses' littlebox seal add --passphrase-file short
expect 0 '' answer 'new passphrase: ' tell-nobody 'new passphrase, again: ' tell-nobody -- littlebox seal add
grep -q tell-nobody out && fail "the passphrase was echoed"
littlebox lock
expect 0 '' answer 'passphrase: ' tell-nobody -- littlebox unlock
expect 0 '' littlebox status

# Locked by hand is locked until it is unlocked: neither a crash nor a replacement of the process with the keys opens
# the store again, although the credential that does so at a start is there.
littlebox seal add --credential box/default.credential
expect 0 '' littlebox --json status
expect_json credential true
# new_child COMMAND...: which makes the keeper start another.
new_child() {
    littlebox --json status >out || :
    old=$(json_at pid)
    "$@"
    await "another child" another_child
}
another_child() {
    littlebox --json status >out 2>/dev/null || [ $? = 3 ] || return 1
    [ "$(json_at pid)" != "$old" ]
}
crash() {
    kill -KILL "$old"
}
replace() {
    kill -HUP "$KEEPER"
}
littlebox lock
for how in crash replace crash; do
    new_child $how
    expect 3 '' littlebox status
    expect_out locked
    expect 1 "box 'default' is locked" littlebox create x
    expect 1 'hint: run: littlebox --box default unlock' littlebox create x
done
expect 0 '' littlebox unlock --passphrase-file pw
for how in crash replace; do
    new_child $how
    expect 0 '' littlebox status
done
# A start from nothing is the administrator's wish that it opens.
littlebox lock
stop_box
start_named default
await "the box to serve" status_exits 0
