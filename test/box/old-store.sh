#!/usr/bin/env bash
# Stores of an older littlebox (test/fixtures): a locked one is read as it is, and is brought up when it is unlocked, whole
# or not at all. What the old box told of its keys is told again, and they go on.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl
begin
cd "$TEST_DIR"
FIXTURE=$LITTLEBOX_SRC/test/fixtures/schema3
[ -s "$FIXTURE/sealed/default/store.db" ] || fail "there is no $FIXTURE"
RANDOM=${OLD_STORE_SEED:=$$}
say "OLD_STORE_SEED=$OLD_STORE_SEED"

# old_box KIND DIR : a copy of the fixture, without what would open it at the start.
old_box() {
    mkdir -p "$2/default"
    chmod 700 "$2/default"
    cp "$FIXTURE/$1/default/store.db" "$2/default/"
    cp "$FIXTURE/$1/default.credential" "$2.credential"
    chmod 600 "$2/default/store.db" "$2.credential"
}
# SQLite's file format, 1.3.13: the user version, of which the last byte is enough.
schema() { od -An -tu1 -j 63 -N 1 "$1/default/store.db" | tr -d ' '; }
# as_then THEN NOW : all that is in the one file, JSON, is in the other with the same values; what was not told then may be there too.
as_then() {
    python3 - "$@" <<'END'
import json
import sys


def same(then, now):
    if isinstance(then, dict):
        return isinstance(now, dict) and all(k in now and same(then[k], now[k]) for k in then)
    if isinstance(then, list):
        return isinstance(now, list) and len(then) == len(now) and all(map(same, then, now))
    return then == now


then, now = (json.load(open(name)) for name in sys.argv[1:])
if not same(then, now):
    sys.exit(f"then: {then}\nnow: {now}")
END
}
# tells_same KIND KEY... : what is told is what the old box told.
tells_same() {
    local told=$FIXTURE/$1/told key
    shift
    for key; do
        lb --json show "$key" >now.json 2>>lb.log || return 1
        as_then "$told/$key.json" now.json || return 1
    done
}
unlock() { lb unlock --credential "$BOX_DIR.credential" 2>>lb.log; }
KEYS=(web mail again much-later agree gone soon)
echo "what is signed" >text

# --- Sealed keys
old_box sealed "$TEST_DIR/sealed"
start_box "$TEST_DIR/sealed"
same "a locked box" locked "$(status state)"
check "locked: all keys as they were" tells_same sealed "${KEYS[@]}"
lb list --all --json >now.json
check "locked: and no others" as_then "$FIXTURE/sealed/told/list.json" now.json
refused "locked: no signature" 'is locked' ossl pkeyutl -sign -rawin -inkey littlebox:web -in text -out sig
stop_box
same "a locked store stays as it is" 3 "$(schema "$TEST_DIR/sealed")"

start_box "$TEST_DIR/sealed"
check "it opens with the passphrase" lb unlock --passphrase-file "$FIXTURE/sealed/passphrase"
same "it is brought up then" 4 "$(schema "$TEST_DIR/sealed")"
says "and says so" 'was brought up: 7 keys' "$TEST_DIR/sealed/box.log"
check "all keys are as they were" tells_same sealed "${KEYS[@]}"
same "none is damaged" 0 "$(status damaged)"
for key in web again; do
    check "$key: it signs" signs "$key" "$FIXTURE/sealed/told/$key.pub"
done
check "mail: it signs by its former name" signs post "$FIXTURE/sealed/told/mail.pub"
check "agree: it is the key" ossl pkey -in littlebox:agree -pubout -out agree.pub
check "agree: with its public half" cmp agree.pub "$FIXTURE/sealed/told/agree.pub"
check "web: its certificate" ossl x509 -in littlebox:web -noout -pubkey -out web.pub
check "web: for its public half" cmp web.pub "$FIXTURE/sealed/told/web.pub"
refused "soon: it does nothing" 'is to be destroyed' ossl pkeyutl -sign -rawin -inkey littlebox:soon -in text -out sig
stop_box

cp "$TEST_DIR/sealed.credential" "$TEST_DIR/sealed/default.credential"
start_box "$TEST_DIR/sealed"
await "the box to open itself" box_unlocked
check "and the same after a start" signs web "$FIXTURE/sealed/told/web.pub"
same "of which none is damaged" 0 "$(status damaged)"
lb destroy --cancel soon 2>>lb.log
lb destroy --cancel much-later 2>>lb.log
check "soon: cancelled, it signs" signs soon
check "much-later: cancelled, it is the key" signs later "$FIXTURE/sealed/told/much-later.pub"
refused "a former name is still taken" 'is a former name' lb create post
refused "a name that is taken is" 'exists already' lb create web
check "a grant is taken away" lb deny web --user 70033 --op sign
check "and one given" lb allow web --user 70077 --op sign
lb seal list >seals
same "both seals are there" 2 "$(grep -cE '^ *[0-9]+ +(credential|passphrase) ' seals)"
check "a destroyed name is used again" lb create gone --type ed25519 >/dev/null
check "and signs" signs gone
stop_box

# --- A file system without room: the store stays as it is, is read, and its keys go on
if is_root && mkdir -p full/default && mount -t tmpfs -o size=100k tmpfs full/default 2>>mount.log; then
    TEST_MOUNTS+=("$TEST_DIR/full/default")
    old_box sealed "$TEST_DIR/full"
    start_box "$TEST_DIR/full"
    check "a store without room is unlocked all the same" unlock
    says "the log says why" 'stays in the form of an older littlebox: .*no space' "$TEST_DIR/full/box.log"
    same "it stays as it was" 3 "$(schema "$TEST_DIR/full")"
    check "its keys are as they were" tells_same sealed "${KEYS[@]}"
    check "and sign" signs web "$FIXTURE/sealed/told/web.pub"
    refused "a change is refused whole" 'no space' lb allow web --user 70078 --op sign
    mount -o remount,size=1m "$TEST_DIR/full/default"
    check "with room, a change brings up its key" lb allow web --user 70078 --op sign
    check "the others with the next unlocking" lb lock
    check "which" unlock
    same "is told" 1 "$(grep -c 'was brought up: 6 keys' "$TEST_DIR/full/box.log")"
    check "and the others are as they were" tells_same sealed mail again much-later agree gone soon
    check "and it signs" signs web "$FIXTURE/sealed/told/web.pub"
    stop_box
fi

# --- Killed while it is brought up: the old store, or the new one, with all keys
old=0 new=0
for ((run = 1; run <= ${OLD_STORE_RUNS:-12}; run++)); do
    rm -rf "$TEST_DIR/killed"
    old_box sealed "$TEST_DIR/killed"
    start_box "$TEST_DIR/killed"
    child=$(box_child)
    unlock &
    unlocker=$!
    sleep "$(printf '0.%06d' $((RANDOM % 30000)))"
    kill -KILL "$KEEPER" "$child" 2>/dev/null || true
    wait "$unlocker" 2>/dev/null || true
    wait "$KEEPER" 2>/dev/null || true
    await "the killed child to end" gone "$child"
    start_box "$TEST_DIR/killed"
    unlock
    if grep -q 'was brought up' <(tail -n 3 "$TEST_DIR/killed/box.log"); then old=$((old + 1)); else new=$((new + 1)); fi
    tells_same sealed "${KEYS[@]}" || fail "run $run: keys are not as they were"
    status_is damaged 0 || fail "run $run: a key is damaged"
    signs web "$FIXTURE/sealed/told/web.pub" || fail "run $run: web does not sign"
    # Only now: until it ends, what a killed box had written may still be in the log.
    stop_box
    same "run $run: it is brought up" 4 "$(schema "$TEST_DIR/killed")"
done
say "$old were killed before, $new after"

# --- Keys on a token
if [ -z "$SOFTHSM_MODULE" ]; then
    say "SoftHSM2 is not installed: no box on a token"
    finish
fi
softhsm_dir "$TEST_DIR/hsm"
rmdir "$TEST_DIR/hsm/tokens"
cp -r "$FIXTURE/token/hsm/tokens" "$TEST_DIR/hsm/"
chmod -R u+rwX "$TEST_DIR/hsm"
old_box token "$TEST_DIR/token"
token_conf "$TEST_DIR/token" "$SOFTHSM_MODULE" label=fixture "$(module_env SOFTHSM2_CONF)"
start_box "$TEST_DIR/token"
check "token, locked: all keys as they were" tells_same token web mail gone
check "token: unlock" unlock
await "the token to be there" token_connected
same "token: it is brought up" 4 "$(schema "$TEST_DIR/token")"
check "token: all keys as they were" tells_same token web mail gone
same "token: none is damaged" 0 "$(status damaged)"
check "token: it signs" signs web "$FIXTURE/token/told/web.pub"
check "token: by a former name" signs post "$FIXTURE/token/told/mail.pub"
check "token: by the token's URI" ossl pkey -in 'pkcs11:token=fixture;object=web' -pubout -out web.pub
check "token: which is its key" cmp web.pub "$FIXTURE/token/told/web.pub"
check "token: a grant is given" lb allow mail --user 70033 --op sign
check "token: a key is destroyed" lb destroy web --now --yes
check "token: the other goes on" signs mail "$FIXTURE/token/told/mail.pub"
stop_box
finish
