#!/usr/bin/env bash
# Who may use a key: allow and deny. (What others are told: others.sh.)
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox create mail >/dev/null

expect 0 '' littlebox allow web --user root
expect 0 '' littlebox allow web --user 12345
expect 0 '' littlebox allow web --group daemon --op sign
expect 0 '' littlebox allow web --user root
expect 0 '' littlebox show web
grep -qE '^user +root +0 +sign$' "$T/out" || fail "no root in: $(cat "$T/out")"
grep -qE '^user +- +12345 +sign$' "$T/out" || fail "no 12345 in: $(cat "$T/out")"
grep -qE "^group +daemon +$(getent group daemon | cut -d: -f3) +sign\$" "$T/out" || fail "no daemon in: $(cat "$T/out")"
expect 0 '' littlebox --json show web
expect_json grants.0 '{"kind":"user","name":"root","id":0,"op":"sign"}' grants.1 '{"kind":"user","name":null,"id":12345,"op":"sign"}'
expect 0 '' littlebox --json deny web --user 12345
expect_json '' '{"key":"web","kind":"user","id":12345,"op":"sign","allowed":false}'
expect 1 'uid 12345 was not allowed this' littlebox deny web --user 12345

# Each operation is granted by itself: none comes with another.
expect 0 '' littlebox allow web --user 12346 --op decrypt,derive
expect 0 '' littlebox allow web --user 12346 --op derive
expect 0 '' littlebox show web
grep -qE '^user +- +12346 +decrypt,derive$' "$T/out" || fail "no 12346 in: $(cat "$T/out")"
expect 0 '' littlebox --json allow web --user 12346 --op=sign
expect_json '' '{"key":"web","kind":"user","id":12346,"op":"sign","allowed":true}'
expect 0 "user '12346' may still use key 'web': sign" littlebox --json deny web --user 12346 --op decrypt,derive
expect_json '' '{"key":"web","kind":"user","id":12346,"op":"decrypt,derive","allowed":false}'
expect 0 '' littlebox --json show web
expect_json grants.1 '{"kind":"user","name":null,"id":12346,"op":"sign"}'
expect 1 'uid 12346 was not allowed this' littlebox deny web --user 12346 --op decrypt
expect 0 '' littlebox deny web --user 12346

# Without --op signatures are taken: what is left is said, and what takes that.
expect 0 '' littlebox allow web --group 12347 --op sign,decrypt
expect 0 '' littlebox allow web --user 12347 --op derive
expect 0 "littlebox: group '12347' may still use key 'web': decrypt" littlebox deny web --group 12347
cure=$(sed -n 's/^hint: to take that too: //p' "$T/err")
[ "$cure" = 'littlebox --box default deny web --group 12347 --op decrypt' ] || fail "hint: $(cat "$T/err")"
expect 0 '' sh -c "$cure"
expect 1 'gid 12347 was not allowed this' littlebox deny web --group 12347 --op decrypt
expect 0 '' littlebox deny web --user 12347 --op derive

# A number that is lent is granted, with a word about it; a group alike. To take it away needs none.
lent() {
    expect 0 "littlebox: warning: $1 " littlebox allow web "$2" "${1#?id }"
    grep -qF -- "$3" "$T/err" || fail "not '$3' but: $(cat "$T/err")"
    grep -qF -- "hint: $4" "$T/err" || fail "no hint '$4' but: $(cat "$T/err")"
    expect 0 '' littlebox deny web "$2" "${1#?id }"
}
lent "uid 61184" --user "systemd gives to units with DynamicUser=" "give the unit a user that stays"
lent "gid 65519" --group "systemd gives to units with DynamicUser=" "give the unit a user that stays"
lent "uid 60514" --user "into a container" "grant it to a user of the system that the box runs in"
lent "uid 1879048191" --user "systemd-nspawn gives to containers" "give the container a range that stays"
lent "uid 65534" --user "stands for everybody whom a user namespace does not map" "give the program a user of its own"
expect 0 'warning: uid 61185 ' littlebox --json allow web --user 61185
expect_json '' '{"key":"web","kind":"user","id":61185,"op":"sign","allowed":true}'
expect 0 '' littlebox deny web --user 61185

for uid in $(seq 20000 20253); do
    littlebox allow mail --user "$uid"
done
expect 0 '' littlebox allow mail --user 1
expect 0 '' littlebox allow mail --user 2
expect 1 "key 'mail' has 256 policy entries, which is the most" littlebox allow mail --user 3
expect 1 'hint: allow a group instead of many users' littlebox allow mail --user 3
expect 0 '' littlebox allow mail --user 2
expect 1 "there is no user 'no-such-user'" littlebox allow web --user no-such-user
expect 1 "there is no group 'no-such-group'" littlebox allow web --group no-such-group
expect 1 "there is no user '4294967295'" littlebox allow web --user 4294967295
expect 1 "there is no key 'nosuch'" littlebox allow nosuch --user root
expect 1 "'web;version=1' is not a key name" littlebox allow 'web;version=1' --user root
