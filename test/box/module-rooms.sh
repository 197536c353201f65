#!/usr/bin/env bash
# What a server loads has the code of the callers' four rooms and of no other: no function that holds a key can get there by
# mistake. The rooms are those of keystore/ROOMS, so that one to come is looked for without being named here.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs nm
begin
CALLERS='base model protocol client'

# defined FILE... : the names that these define for others, and what is hidden in a shared object.
defined() { nm --defined-only "$@" 2>"$TEST_DIR/nm.log" | awk 'NF == 3 && $2 ~ /^[A-Zt]$/ { print $3 }' | sort -u; }
# of_folder FOLDER : what its objects define for others.
of_folder() {
    local objects
    shopt -s nullglob
    objects=("$LITTLEBOX_BUILD/$1"/*.o "$LITTLEBOX_BUILD/$1"/.libs/*.o)
    shopt -u nullglob
    [ "${#objects[@]}" -gt 0 ] || return 0
    nm --defined-only "${objects[@]}" 2>"$TEST_DIR/nm.log" | awk 'NF == 3 && $2 ~ /^[A-Z]$/ && $3 != "main" { print $3 }' | sort -u
}
# common A B : how many names the two lists have in common.
common() { comm -12 "$TEST_DIR/$1.names" "$TEST_DIR/$2.names" | wc -l; }
is_caller() { grep -qw -- "$1" <<<"$CALLERS"; }
nothing_of() {
    comm -12 "$TEST_DIR/room.names" "$TEST_DIR/module.names" >"$TEST_DIR/found.log"
    [ ! -s "$TEST_DIR/found.log" ]
}
some() { [ "$(common "$1" "$2")" -gt 0 ]; }

# A name that the plugin itself defines is none of a room's: two definitions do not link.
of_folder provider >"$TEST_DIR/provider.names"
defined "$MODULE" >"$TEST_DIR/all.names"
comm -23 "$TEST_DIR/all.names" "$TEST_DIR/provider.names" >"$TEST_DIR/module.names"
defined "$LITTLEBOX_BUILD/littleboxd" >"$TEST_DIR/littleboxd.names"
check "the plugin's own names are seen in the module" some provider all

rooms=0
while read -r room; do
    of_folder "keystore/$room" >"$TEST_DIR/room.names"
    [ -s "$TEST_DIR/room.names" ] || fail "keystore/$room has no objects, or no names in them"
    rooms=$((rooms + 1))
    if is_caller "$room"; then
        check "the control: the module has names of $room" some room module
    else
        check "the module has no name of $room" nothing_of "$room"
    fi
    # The same look finds a room where it is.
    case $room in
    guard | keys | token | vault) check "the control: the daemon has names of $room" some room littleboxd ;;
    esac
done < <(sed -n 's/^\([a-z][a-z/]*\) *|.*/\1/p' "$LITTLEBOX_SRC/keystore/ROOMS")
check "ROOMS was read" [ "$rooms" -gt 10 ]

finish
