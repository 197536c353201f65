#!/usr/bin/env bash
# Whether a box will open itself again: what it is open by, what the next start finds, and who says so in time.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
cd "$T"
umask 077
credential=$T/box/default.credential
printf 'correct horse\n' >pw
expect 0 "made the store" littlebox init

# next RESULT TEXT: what status and doctor say of the next start.
next() {
    expect 0 '' littlebox status
    expect_out "next start   $2"
    expect 0 '' littlebox --json status
    expect_json next_start.result "\"$1\""
    case $1 in
    broken) verdict='FAIL' ;;
    *) verdict='ok  ' ;;
    esac
    littlebox doctor >out || : # openssl.cnf is not its subject here
    grep -qF "$verdict  at its next start box 'default' $2" out || fail "doctor: $(cat out)"
}
opened() {
    expect 0 '' littlebox status
    expect_out "opened       $1"
}
restart() {
    stop_box
    start_named default
}

opened 'since its store was made (seal 1, a credential)'
next opens "opens itself with $credential (seal 1)"
expect 0 '' littlebox --json seal list
expect_json 0.@ id,kind,label,created,opened,next_start 0.opened true 0.next_start true
restart
opened "at start, with $credential (seal 1)"
expect 0 '' littlebox --json status
expect_json opened.how '"start"' opened.kind '"credential"' opened.seal 1 opened.file "\"$credential\"" \
    next_start.file "\"$credential\"" next_start.seals '[1]' next_start.problem null store_replaced false

# The file is gone, is another one, or is nobody's to read: said while the box still serves, and in its log.
mv "$credential" kept
next broken "stays locked: $credential is not there"
expect 0 '' littlebox status
expect_out "put the file back, or make another: littlebox --box default seal add --credential $credential"
grep -qF "the next start leaves the box locked: the credential $credential is not there" box.log || fail "log: $(cat box.log)"
[ "$(grep -c 'the next start leaves the box locked' box.log)" = 1 ] || fail "said again and again: $(cat box.log)"
head -c 64 /dev/urandom >"$credential"
next broken "stays locked: $credential opens no seal of this store"
expect 0 '' littlebox --json status
expect_json credential false credential_refused true
# The cure that it names cures.
cure=$(littlebox status | sed -n 's/.*make a seal of this one: //p')
expect 0 '' eval "$cure"
next opens "opens itself with $credential (seal 2)"
expect 0 '' littlebox seal list
grep -qE '^ *1 +credential .* now$' out || fail "seal 1: $(cat out)"
grep -qE '^ *2 +credential .* next start$' out || fail "seal 2: $(cat out)"
chmod 644 "$credential"
next broken "stays locked: cannot read $credential: its mode 0644 lets others than its owner"
chmod 600 "$credential"
next opens "opens itself with $credential (seal 2)"
restart
opened "at start, with $credential (seal 2)"

# What BOX.conf says now counts, not what it said when the box was started.
echo "credential = $T/kept" >box/default.conf
next opens "opens itself with $T/kept (seal 1)"
opened "at start, with $credential (seal 2)"
echo "credential = $T/nowhere" >>box/default.conf
next broken "stays locked: $T/nowhere is not there"
rm box/default.conf

# The seal that the next start needs is not taken away without a word.
expect 1 'there is no terminal to ask for a confirmation' setsid -w littlebox seal remove 2
grep -qF 'what is left: 1 credential, and none is known to be in a file that a start reads: without its file nobody' err || fail "$(cat err)"
expect 0 '' littlebox seal add --passphrase-file pw
expect 1 'by seal 2; without it the box stays locked until somebody gives a passphrase' setsid -w littlebox seal remove 2
expect 1 'hint: run it on a terminal, where it asks; for scripts see littlebox(1)' setsid -w littlebox seal remove 2
expect 1 '' answer 'to remove seal 2 type its number: ' 1 -- littlebox seal remove 2
expect_out "that is not '2': nothing was done"
expect 0 '' littlebox --json seal list
expect_json '#' 3
# Another one that opens it is reason enough.
expect 1 "'$credential' opens the store already, by seal 2" littlebox seal add --credential "$credential"
expect 1 'hint: for another way into the store name a file that is not there: it is made' \
    littlebox seal add --credential "$credential"
expect 0 '' littlebox --json seal list
expect_json '#' 3
# The command makes no second seal by one file any more; a store may have one. SEAL_ADD: kind 2, the label "x", the secret.
secret=$(od -An -v -tx1 "$credential" | tr -d ' \n')
"$TOOLS/../harness/rawpacket" "$T/box/default.sock" \
    "4c01004200000007$(printf '02000178%04x' $((${#secret} / 2)))$secret" >out
grep -q '^answer ' out || fail "no second seal by one file: $(cat out)"
expect 0 '' littlebox seal remove 2
next opens "opens itself with $credential (seal 4)"
# One that nothing reads at a start is no loss as long as there is a passphrase.
expect 0 '' littlebox seal remove 1
expect 0 '' answer 'to remove seal 4 type its number: ' 4 -- littlebox seal remove 4
next broken "stays locked: $credential opens no seal of this store"
mv "$credential" kept
next locked 'stays locked until somebody gives a passphrase'
expect 0 '' littlebox status
expect_out "after each start: littlebox --box default unlock; for a box that opens itself: littlebox --box default seal add --credential $credential"
! grep -q 'put the file back' out || fail "there is no file to put back: $(cat out)"
restart
expect 3 '' littlebox status
expect_out 'opened       not: it is locked'
expect 0 '' littlebox unlock --passphrase-file pw
opened 'by hand, with a passphrase (seal 3)'

# A locked box takes no seal: not a way out until a passphrase has opened it.
expect 0 '' littlebox seal add --credential "$credential"
mv "$credential" kept
expect 0 '' littlebox lock
expect 3 '' littlebox status
expect_out "put the file back, from the backup, or unlock it with a passphrase, and then: littlebox --box default seal add --credential $credential"
head -c 64 /dev/urandom >"$credential"
restart
expect 3 '' littlebox status
expect_out "put the right file there, from the backup, or unlock it with a passphrase, and then: littlebox --box default seal add --credential $credential"
expect 0 '' littlebox unlock --passphrase-file pw
rm "$credential"
expect 0 'seal 5 is the last that opens the store without a person' littlebox seal remove 5 --yes

# The last passphrase, where the file of the credential is away.
expect 0 '' littlebox seal add --credential "$T/away"
mv away elsewhere
expect 1 'none is known to be in a file that a start reads' setsid -w littlebox seal remove 3
# The last credential.
expect 1 'seal 6 is the last that opens the store without a person' setsid -w littlebox seal remove 6
expect 0 'seal 6 is the last that opens the store without a person' littlebox seal remove 6 --yes
expect 0 '' littlebox --json seal list
expect_json '#' 1

# A handle may name another box than the command line does. Its next start is asked about, by its own name: the cure of another
# box would make what opens the one open the other.
littleboxd --dir "$T/box" --box other 2>>box.log &
other_box=$!
own "$other_box"
await "box other to answer" answers --box other
expect 0 'made the store' littlebox --box other init
expect 0 '' littlebox --box other create web
littlebox doctor --handle littlebox://other/web >out || :
grep -qF "ok    at its next start box 'other' opens itself with $T/box/other.credential (seal 1)" out || fail "doctor: $(cat out)"
head -c 64 /dev/urandom >"$T/box/other.credential"
littlebox doctor --handle littlebox://other/web >out || :
grep -qF "FAIL  at its next start box 'other' stays locked: $T/box/other.credential opens no seal" out || fail "doctor: $(cat out)"
grep -qF "littlebox --box other seal add --credential $T/box/other.credential" out || fail "doctor's cure: $(cat out)"
grep -qF -e "--box default" out && fail "doctor names another box: $(cat out)"
stop "$other_box"
littlebox doctor --handle littlebox://other/web >out || :
grep -qF "start it: littleboxd --box other " out || fail "doctor: how to start it: $(cat out)"
grep -qF -e "--box default" out && fail "doctor names another box: $(cat out)"

# None of this is told to others.
if is_root; then
    chmod 755 "$T" "$T/box"
    expect 0 '' other littlebox --json status
    json_at @ | grep -qE ',(opened|next_start|store_replaced),' && fail "told to others: $(cat out)"
    expect 0 '' other littlebox status
    expect_out 'credential   none in use'
fi

# What counts is what the user of the box can read, not what root can.
if is_root; then
    stop_box
    umask 022
    mkdir two
    chmod 755 "$T"
    littleboxd --dir "$T/two" --box two --user nobody 2>>box.log &
    own "$!"
    LITTLEBOX_DIR=$T/two
    await "box two to answer" answers --box two
    expect 0 'made the store' littlebox --box two init
    install -m 0400 "$LITTLEBOX_DIR/two.credential" roots
    echo "credential = $T/roots" >"$LITTLEBOX_DIR/two.conf"
    expect 0 '' littlebox --box two status
    expect_out "next start   stays locked: cannot read $T/roots: Permission denied"
    expect_out "if it is for this box alone: chown $UNPRIVILEGED:$UNPRIVILEGED $T/roots"
    chown nobody roots
    expect 0 '' littlebox --box two status
    expect_out "next start   opens itself with $T/roots (seal 1)"
fi
