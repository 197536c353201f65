#!/usr/bin/env bash
# A command that deploys is killed before each of its calls that change a file, or finds the disk full from each of them on:
# what is there is what was or what shall be, and the next run ends clean.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli
fatal=$LITTLEBOX_BUILD/test/cli/.libs/fatal.so
[ -e "$fatal" ] || fail "there is no $fatal"
if sanitized; then skip "what is preloaded would come before the sanitizer"; fi

start_named default
littlebox init 2>/dev/null
authority
for key in one two; do
    littlebox create $key >/dev/null
    certify $key
    handle_of $key
    cat "$T/$key.chain" "$T/$key.handle" >"$T/$key.both"
done
cd "$T"
conf=$BOX_DIR/deploy/default
mkdir tls
ran() { [ "$(cat ran 2>/dev/null)" = "$1" ] || fail "point $point: ran: $(cat ran)"; }

# new KEY : the first deployment. again KEY : one that is there goes over to the other key, as if it had rolled over.
new() {
    fatal_run deploy "$1" --handle tls/web.pem --chain tls/web.crt --combined tls/web.both --reload "echo ran >'$T/ran'"
}
again() { fatal_run deploy --all; }
fatal_run() { env "LD_PRELOAD=$fatal" "FATAL_COUNT=$T/count" "$FATAL=$point" littlebox "$@" >out 2>err </dev/null; }

# is FILE KEY WAS ENDING : the file is of the one key or the other; says which.
is() {
    if cmp -s "tls/web.$1" "$2.$1"; then echo new; elif [ -n "$3" ] && cmp -s "tls/web.$1" "$3.$1"; then echo old
    elif [ -z "$3" ] && [ ! -e "tls/web.$1" ]; then echo old; else fail "point $point: web.$1 is neither"; fi
}
ln -s one.handle one.pem
ln -s two.handle two.pem
for key in one two; do cp $key.chain $key.crt; done

# whole WAS NEW : no mix of files but the one in which a new handle is there before the chain. Sets now.
whole() {
    now=$(is pem "$2" "$1")/$(is crt "$2" "$1")/$(is both "$2" "$1")
    case $now in
    old/old/old | new/old/old | new/new/old | new/new/new) ;;
    *) fail "point $point: $now" ;;
    esac
}

points=0
# each VARIABLE WHAT START KEY WAS : WHAT at every point, until it ends by itself. START puts things as they were.
each() {
    FATAL=$1
    point=0
    while :; do
        point=$((point + 1))
        $3
        rm -f ran
        status=0
        $2 "$4" || status=$?
        [ "$status" -ne 0 ] || break
        points=$((points + 1))
        if [ "$FATAL" = FATAL_KILL ]; then
            [ "$status" = 137 ] || fail "point $point: exit status $status: $(cat err)"
            whole "$5" "$4"
        else
            # 4: a deployment that is remembered is to be done.
            [ "$status" = 1 ] || { [ "$status" = 4 ] && [ -n "$5" ]; } || fail "point $point: exit status $status: $(cat err)"
            grep -q 'No space left on device' err || fail "point $point: it says: $(cat err)"
            # Nothing is half-done: all as before, nothing left over, and what is remembered was remembered before.
            whole "$5" "$4"
            [ "$now" = old/old/old ] || fail "point $point: a full disk leaves $now"
            [ -z "$(find tls -name '.*' -type f)" ] || fail "point $point: left over: $(ls -A tls)"
            [ -n "$5" ] || [ -z "$(deployments_in "$conf")" ] || fail "point $point: remembered: $(ls -A "$conf")"
        fi
        # Once more, without an accident. The first deployment may not be remembered yet.
        if [ -n "$5" ]; then
            expect 0 '' littlebox --json deploy --list
            expect 0 "key '$4'" littlebox deploy --all
        else
            point=0 new "$4" || fail "not done after point: $(cat err)"
        fi
        whole "$5" "$4"
        [ "$now" = new/new/new ] || fail "point $point: the next run leaves $now"
        nothing_left tls web.pem web.crt web.both
        nothing_left "$conf" "$name"
        # Whenever the new files came, the server has been told since.
        ran ran
        rm ran
        expect 0 "as it was" littlebox deploy --all
        [ ! -e ran ] || fail "point $point: it is told again"
    done
    say "ok: $1 $2: $((point - 1)) points"
}

name=$(tr / - <<<"${T#/}/tls/web.pem").conf
nothing() { rm -rf tls/web.* tls/.web.* "$BOX_DIR/deploy"; }
each FATAL_KILL new nothing one ''
each FATAL_FULL new nothing one ''

# web.conf is edited, as nothing rolls over in this test.
point=0 FATAL=FATAL_KILL
nothing
new one || fail "not deployed: $(cat err)"
to_old() {
    sed -i 's/^key = .*/key = one/' "$conf/$name"
    point=0 again one || fail "not back: $(cat err)"
    sed -i 's/^key = .*/key = two/' "$conf/$name"
}
each FATAL_KILL again to_old two one
each FATAL_FULL again to_old two one
TEST_CHECKS=$((TEST_CHECKS + points))
[ "$points" -ge 60 ] || fail "$points points only"
finish
