#!/usr/bin/env bash
# Grants to groups, by the whole program: a supplementary group counts for whoever has it, and for nobody else.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

is_root || skip "only root can give groups to a process"
needs openssl setpriv
begin
GROUP=23456
OTHER_GROUP=23457
USER_ID=12345
new_box "$TEST_DIR/box"
for key in web mail; do
    lb create "$key" --type ec:P-256 >/dev/null 2>>"$TEST_DIR/lb.log"
done
check "a grant to a group" lb allow web --group $GROUP
check "and of another key to another" lb allow mail --group $OTHER_GROUP
write_openssl_cnf "$TEST_DIR/box/openssl.cnf" "$TEST_DIR/box"
chmod 644 "$TEST_DIR/box/openssl.cnf"
mkdir "$TEST_DIR/lib"
cp "$MODULE" "$TEST_DIR/lib/littlebox.so" # where any user finds it
sed -i "s#^module = .*#module = $TEST_DIR/lib/littlebox.so#" "$TEST_DIR/box/openssl.cnf"
echo text >"$TEST_DIR/text"

# worker KEY GID GROUPS : signs as a program of USER_ID with that gid and those supplementary groups
worker() {
    local groups=(--groups "$3")
    [ "$3" != none ] || groups=(--clear-groups)
    setpriv --reuid "$USER_ID" --regid "$2" "${groups[@]}" env "${MODULE_ENV[@]}" HOME=/nonexistent \
        OPENSSL_CONF="$TEST_DIR/box/openssl.cnf" openssl dgst -sha256 -sign "littlebox:$1" "$TEST_DIR/text"
}
signs_as() { worker "$@" >"$TEST_DIR/sig" 2>>"$TEST_DIR/openssl.log" && [ -s "$TEST_DIR/sig" ]; }
check "a worker whose supplementary group is granted signs" signs_as web $USER_ID $GROUP
check "also as the last of several" signs_as web $USER_ID 100,200,300,$GROUP
check "and of very many" signs_as web $USER_ID "$(seq -s , 30000 30199),$GROUP"
check "one whose own group it is signs" signs_as web $GROUP none
denied='only administrators|may not|not allowed'
refused "one without it does not" "$denied" worker web $USER_ID none
refused "nor one with others" "$denied" worker web $USER_ID 100,200,300,$OTHER_GROUP
refused "nor one with very many others" "$denied" worker web $USER_ID "$(seq -s , 30000 30199)"
refused "a group is good for the key that it was granted" "$denied" worker mail $USER_ID $GROUP
check "each for its own" signs_as mail $USER_ID $OTHER_GROUP
check "both for both" signs_as mail $USER_ID $GROUP,$OTHER_GROUP
check "it is taken back" lb deny web --group $GROUP
refused "then nobody signs with it" "$denied" worker web $USER_ID $GROUP
check "and given again" lb allow web --group $GROUP

# A connection has the groups of who made it. Whoever goes on with it without them does not sign.
hex() { printf '%s' "$1" | od -An -tx1 | tr -d ' \n'; }
# SIGN: web, the active version, no hash; ECDSA with SHA2-256, no context, a digest of 32 bytes
packet=4c01001000000007$(printf '%04x' 3)$(hex web)00000000000303000000000000010020$(printf '%064d' 0)
# The leak checker cannot look into a process that became somebody else.
heir() { ASAN_OPTIONS=detect_leaks=0 "$HARNESS/heir" "$@"; }
heir $USER_ID $GROUP "$BOX_DIR/default.sock" "$packet" >"$TEST_DIR/heir" 2>&1 || fail "heir: $(cat "$TEST_DIR/heir")"
same "who made the connection signs" 'maker: answer 8010' "$(sed -n 1p "$TEST_DIR/heir")"
same "who inherited it without the group does not" "heir: error 19" "$(sed -n '2s/\(error 19\): .*/\1/p' "$TEST_DIR/heir")"
heir $USER_ID $OTHER_GROUP "$BOX_DIR/default.sock" "$packet" >"$TEST_DIR/heir" 2>&1 || fail "heir: $(cat "$TEST_DIR/heir")"
same "without the grant neither does" "2" "$(grep -c 'error 19: ' "$TEST_DIR/heir")"

# Administrators by group: the same.
stop_box
echo "admin = group:$GROUP" >"$TEST_DIR/box/default.conf"
start_box "$TEST_DIR/box"
as() { setpriv --reuid "$USER_ID" --regid "$USER_ID" "$@"; }
cp "$LITTLEBOX_BUILD/littlebox" "$TEST_DIR/lib/"
check "an administrator by a supplementary group" as --groups 100,$GROUP "$TEST_DIR/lib/littlebox" --dir "$BOX_DIR" lock
check "unlock" lb unlock --credential "$BOX_DIR/default.credential"
refused "without it, or with another" "uid $USER_ID may not lock" \
    as --groups 100,$OTHER_GROUP "$TEST_DIR/lib/littlebox" --dir "$BOX_DIR" lock
refused "or none" "uid $USER_ID may not lock" as --clear-groups "$TEST_DIR/lib/littlebox" --dir "$BOX_DIR" lock
finish
