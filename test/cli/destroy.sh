#!/usr/bin/env bash
# Destroying a key: what is said before, what can be had back, and until when; and another name for a key.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
cd "$T"
for name in web shop mail api; do
    littlebox create $name >/dev/null
done
littlebox allow web --user 12345 --op sign,decrypt

# Without a terminal it says what to do; what is not there is not asked about.
expect 1 'there is no terminal to ask for a confirmation' setsid -w littlebox destroy web
expect 1 'hint: run it on a terminal, where it asks; for scripts see littlebox(1)' setsid -w littlebox destroy web
expect 1 'hint: run it on a terminal, where it asks' setsid -w littlebox destroy web --now
! grep -qF -e --yes err || fail "a hint that destroys: $(cat err)"
expect 1 "there is no key 'nosuch'" littlebox destroy nosuch
expect 1 "there is no key 'nosuch'" littlebox destroy nosuch --yes
expect 1 "there is no key 'nosuch'" littlebox destroy nosuch --now
expect 1 'has no version 9' littlebox destroy 'web;version=9' --yes
expect 1 'has no version 9' littlebox destroy 'web;version=9' --now
expect 2 '--cancel goes alone' littlebox destroy web --cancel --now
expect 0 '' littlebox show web

# It says who may use it, when it was used, and where its handles are; files that are something else by now are not.
expect 1 'no use of key' setsid -w littlebox destroy web
expect 1 'no handle of it is known here' setsid -w littlebox destroy web
openssl genpkey -algorithm ED25519 -out used.pem
expect 0 'was overwritten' littlebox adopt used.pem
expect 1 "key 'used' was used last at 20" setsid -w littlebox destroy used
expect 1 "a handle of it: $T/used.pem" setsid -w littlebox destroy used
expect 0 '' littlebox --json show used
json_at versions.0.used | grep -q '^"20' || fail "no last use: $(cat "$T/out")"
littlebox handle web --out web.pem
littlebox handle web --out other.pem
littlebox handle shop --out other.pem --force
expect 1 "user ? (uid 12345) may use it: sign,decrypt" setsid -w littlebox destroy web
expect 1 "a handle of it: $T/web.pem" setsid -w littlebox destroy web
grep -qF other.pem err && fail "a handle of another key: $(cat err)"

# A server's configuration that names one: as root, whose /etc can be another one for a moment.
if is_root && unshare -m true 2>/dev/null; then
    mkdir -p etc/nginx
    cp /etc/passwd /etc/group /etc/nsswitch.conf etc 2>/dev/null || :
    printf 'http {\n server {\n  ssl_certificate_key %s;\n }\n server {\n  ssl_certificate_key "store:littlebox:mail";\n }\n}\n' \
        "$T/web.pem" >etc/nginx/nginx.conf
    # shellcheck disable=SC2016 # for the other shell
    named='mount --bind "$0" /etc && exec setsid -w littlebox destroy "$1"'
    expect 1 "a handle of it: $T/web.pem (nginx, /etc/nginx/nginx.conf:3)" unshare -m sh -c "$named" "$T/etc" web
    [ "$(grep -c 'a handle of it' err)" = 1 ] || fail "told twice: $(cat err)"
    expect 1 "a handle of it: littlebox:mail (nginx, /etc/nginx/nginx.conf:6)" unshare -m sh -c "$named" "$T/etc" mail
fi

# Another word than the name does nothing.
expect 1 '' answer "type the key name: " wep -- littlebox destroy web
expect_out "that is not 'web': nothing was done"
expect 0 '' littlebox handle web

# The name: from now on it does nothing, and it can be had back as it was.
expect 0 '' answer "type the key name: " web -- littlebox destroy web
expect_out "hint: to keep it: littlebox --box default destroy --cancel web"
expect 1 "key 'web' in box 'default' is to be destroyed at 20" littlebox handle web
expect 1 'hint: an administrator can keep it: littlebox --box default destroy --cancel web' littlebox handle web
expect 1 'and does nothing until then' littlebox destroy web --yes
expect 1 'and keeps its name until then' littlebox create web
expect 1 'hint: choose another name; what has it' littlebox create web
expect 0 'littlebox: 1 key is to be destroyed: littlebox --box default list --all' littlebox list
grep -q '^web ' out && fail "it is in the list"
expect 0 '' littlebox list --all
grep -qE '^web +ec:P-256 +destroy-scheduled ' out || fail "it is not in the whole list: $(cat out)"
expect 0 '' littlebox show web
expect_out 'version 1 is to be destroyed at 20'
stop_box
start_named default
expect 1 'is to be destroyed at 20' littlebox handle web
# Nobody types a name for nothing: this would wait for it, on a terminal.
expect 1 '' answer -- littlebox destroy web
expect_out "key 'web' in box 'default' is to be destroyed at 20"
expect_out 'hint: to keep it: littlebox --box default destroy --cancel web'
! grep -qF 'type the key name' out || fail "asked for nothing: $(cat out)"
expect 1 "version 1 of key 'web' in box 'default' is to be destroyed at 20" littlebox destroy 'web;version=1'
expect 0 "key 'web' is not destroyed: what was to be destroyed of it is as it was before" littlebox destroy --cancel web
expect 0 '' littlebox handle web
expect 0 '' littlebox --json show web
expect_json versions.0.state '"active"' versions.0.destroy_at null grants.0.id 12345
expect 1 "nothing of key 'web' in box 'default' is scheduled for destruction" littlebox destroy --cancel web

# For programs.
expect 0 "key 'web' does nothing from now on, and is destroyed at 20" littlebox --json destroy web --yes
expect_json scheduled '"web"' version null
json_at destroy_at | grep -q '^"20' || fail "no time: $(cat out)"
expect 0 "key 'web' is not destroyed" littlebox --json destroy web --cancel
expect_json cancelled '"web"' version null

# At once: two questions, or none.
expect 1 '' answer "at once and for good; type the key name: " web -- littlebox destroy shop --now
expect 1 '' answer "at once and for good; type the key name: " shop "type 'destroy': " no -- littlebox destroy shop --now
expect_out "that is not 'destroy': nothing was done"
expect 0 '' littlebox handle shop
expect 0 '' answer "at once and for good; type the key name: " shop "type 'destroy': " destroy -- littlebox destroy shop --now
expect 1 'is destroyed' littlebox handle shop
expect 1 "key 'shop' in box 'default' is destroyed already" littlebox destroy shop --cancel
expect 1 "key 'shop' in box 'default' is destroyed already" littlebox destroy shop

# The box destroys it itself when its time has come, without being asked anything.
stop_box
echo 'destroy-after = 1s' >"$T/box/default.conf"
start_named default
is_destroyed() { littlebox --json show "$1" >out && [ "$(json_at versions.0.state)" = '"destroyed"' ]; }
expect 0 'is destroyed at 20' littlebox destroy mail --yes
await "the key to be destroyed" is_destroyed mail
await "the log to tell of it" grep -qF "destroyed key 'mail' (1 version), as it was scheduled" "$T/box.log"
expect 1 "key 'mail' in box 'default' is destroyed already" littlebox destroy mail --cancel
# And at its start, what was due while it was down.
expect 0 'is destroyed at 20' littlebox destroy web --yes
stop_box
# The clock is all that there is to wait for.
due=$(($(date +%s) + 1))
is_due() { [ "$(date +%s)" -gt "$due" ]; }
await "the time" is_due
start_named default
await "the key to be destroyed" is_destroyed web

stop_box
echo 'destroy-after = 400d' >"$T/box/default.conf"
if littleboxd --dir "$T/box" --box default 2>err; then
    fail "a wrong time was taken"
fi
grep -qF 'destroy-after = 400d: it must be a time from 1s to 366d' err || fail "wrong time: $(cat err)"
rm "$T/box/default.conf"
start_named default

# Another name: handles go on, and nobody else gets the old one.
littlebox handle api --out api.pem
littlebox show --public api >api.pub
expect 0 "handles with the name 'api' go on" littlebox rename api rest
expect_out 'littlebox:rest'
same_public rest api.pub
same_public api api.pub
# So programs go on, with handle and URI alike.
: >openssl.cnf
OPENSSL_CONF=$T/openssl.cnf littlebox doctor --module "$LITTLEBOX_BUILD/.libs/littlebox.so" | sed '1,/^append this/d' >lines || :
cp lines openssl.cnf
echo text >text
for key in api.pem littlebox:api littlebox:rest; do
    OPENSSL_CONF=$T/openssl.cnf with_module openssl dgst -sha256 -sign "$key" -out sig text ||
        fail "$key does not sign after a change of names"
    openssl dgst -sha256 -verify api.pub -signature sig text >/dev/null || fail "$key is another key"
done
expect 1 "'api' is a former name of key 'rest'" littlebox create api
expect 1 "'api' is a former name of key 'rest'" littlebox destroy api --yes
expect 1 "hint: see: littlebox --box default show rest" littlebox allow api --user 1
expect 1 "key 'rest' exists already" littlebox rename used rest
expect 1 "there is no key 'nosuch'" littlebox rename nosuch api2
expect 1 "'a/b' is not a key name" littlebox rename rest a/b
expect 0 '' littlebox show rest
expect_out 'it is also found by the names that it had before: api'
expect 0 '' littlebox --json show api
expect_json key '"rest"' former '["api"]'
expect 1 "a handle of it: $T/api.pem" setsid -w littlebox destroy rest
expect 0 '' sh -c 'littlebox --json rename rest api 2>/dev/null'
expect_json key '"api"' former '"rest"' uri '"littlebox:api"'
