#!/usr/bin/env bash
# Who can keep deployments from being done: nobody but whoever does them, and that not for ever. What waited in vain changed nothing.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox create mail >/dev/null
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
authority
certify web
cd "$T"
conf=$BOX_DIR/deploy/default
mkdir tls

# --- The lock is a file of whoever does deployments, and a lock on the directory, which everybody may open, keeps nobody
expect 0 written littlebox deploy web --handle tls/web.pem --chain tls/web.crt
[ "$(stat -c '%a %u %F' "$conf/.lock")" = "600 $(id -u) regular empty file" ] || fail "the lock: $(stat "$conf/.lock")"
chmod 755 "$T" "$BOX_DIR"
anybody() { if is_root; then other "$@"; else "$@"; fi; }
# hold FILE COMMAND... : that lock, until there is no file held any more.
# shellcheck disable=SC2016 # of the inner shell
hold() {
    : >held
    "${@:2}" flock -o "$1" sh -c 'while [ -e "$1" ]; do sleep 0.1; done' sh "$T/held" &
    holder=$!
    await "$1 to be locked" not flock -n "$1" true
}
let_go() {
    rm held
    wait $holder
}
hold "$conf" anybody
expect 0 "as it was" timeout 20 "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" deploy web
let_go
if is_root; then
    expect 66 "Permission denied" other flock "$conf/.lock" true
fi
# What was open to others is not any more; what is no file of one's own is refused.
chmod 644 "$conf/.lock"
expect 0 "as it was" littlebox deploy web
[ "$(stat -c %a "$conf/.lock")" = 600 ] || fail "the lock is open to others"
mv "$conf/.lock" real
# refused_lock WHAT : nothing waits for it, and nothing is changed by it.
refused_lock() {
    expect 1 "$conf/.lock is no plain file of yours: it is what commands that deploy lock" littlebox deploy web
    expect 1 "hint: move it away: the next command makes it anew" littlebox deploy web
    rm -r "$conf/.lock"
}
ln -s "$T/real" "$conf/.lock"
refused_lock
mkfifo "$conf/.lock"
refused_lock
mkdir "$conf/.lock"
refused_lock
if is_root; then
    : >"$conf/.lock"
    chown "$UNPRIVILEGED" "$conf/.lock"
    refused_lock
fi

# --- A command that deploys for ever: the others wait for a minute, all at once here, and change nothing
next_chain web two.chain
littlebox create old >/dev/null
certify old
next_chain old old2.chain
expect 0 written littlebox deploy old --handle tls/old.pem --chain tls/old.crt
expect 0 "version 2 of key 'old' in" littlebox activate old --chain old2.chain
hold "$conf/.lock" env
littlebox show web >show.before
# waits NAME COMMAND... : in the background; NAME.err and NAME.status.
waiting=()
waits() {
    local name=$1
    shift
    (
        status=0
        littlebox "$@" >"$name.out" 2>"$name.err" </dev/null || status=$?
        echo $status >"$name.status"
    ) &
    waiting+=("$name")
}
began=$SECONDS
waits activate activate web --chain two.chain
waits bare activate mail
waits back roll web --back
waits deploy deploy web
waits all deploy --all
waits forget deploy web --forget tls/web.pem
waits stop compromise 'old;version=2'
# What stops a version waits for nobody.
is_stopped() { littlebox --json show old | json_places --plain versions.1.state | grep -qx compromised; }
AWAIT_SECONDS=30 await "the version to be stopped" is_stopped
[ ! -s stop.status ] || fail "it did not wait for the lock: $(cat stop.err)"
waits new deploy mail --handle tls/mail.pem
for name in "${waiting[@]}"; do
    AWAIT_SECONDS=120 await "$name to give up" [ -s "$name.status" ]
    case $name in
    # Neither changes deployments: there is nothing that the box could do.
    bare | back) continue ;;
    stop) want=4 ;;
    *) want=1 ;;
    esac
    [ "$(cat "$name.status")" = "$want" ] || fail "$name: exit status $(cat "$name.status"): $(cat "$name.err")"
    grep -qF "$conf/.lock has been locked by another command that deploys, for 60 seconds and more" "$name.err" ||
        fail "$name says: $(cat "$name.err")"
    TEST_CHECKS=$((TEST_CHECKS + 1))
done
[ $((SECONDS - began)) -ge 55 ] || fail "they gave up after $((SECONDS - began)) s"
littlebox show web >show.after
cmp -s show.before show.after || fail "the key changed: $(diff show.before show.after)"
grep -q "hint: nothing was changed; when that command has ended: the same once more" activate.err || fail "$(cat activate.err)"
grep -q "hint: when that command has ended: littlebox --box default deploy web" deploy.err || fail "$(cat deploy.err)"
grep -q "version 1 of key 'old' is the current one now" stop.err || fail "$(cat stop.err)"
grep -q "hint: when that command has ended: littlebox --box default deploy old" stop.err || fail "$(cat stop.err)"
[ ! -e tls/mail.pem ] || fail "a deployment was done without the lock"
let_go
expect 0 "version 2 of key 'web' in $T/tls/web.pem" littlebox activate web --chain two.chain
has tls/web.crt two.chain

# --- Deployments of another user are no reason to keep a key as it is; that they are to be done is told
if is_root; then
    chown "$UNPRIVILEGED" "$conf"
    expect 4 "uid $UNPRIVILEGED owns $conf or what is above it" littlebox roll web --back
    expect 0 '' littlebox --json show web
    expect_json versions.0.current true
    chown 0 "$conf"
    expect 0 written littlebox deploy web
fi
finish
