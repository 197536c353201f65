#!/usr/bin/env bash
# Holds the includes of keystore/ and provider/ against keystore/ROOMS.
# rooms.sh [TOP]: a file that is in no room, includes what its room may not, is written in another way than "room/file.h",
# is named with what it includes; then the exit status is 1.
set -eu

top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$top/keystore"
status=0
complain() {
    echo "$*"
    status=1
}

# What a file includes of ours, a line each.
included() { sed -n 's/^#include "\(.*\)"$/\1/p' "$1"; }
room_of() { dirname "$1"; }
# The rooms that a room may include, its own first.
allowed() { awk -F '|' -v room="$1" '{ name = $1; gsub(/ /, "", name) } name == room { print room, $2; found = 1 } END { exit !found }' ROOMS; }

while read -r file; do
    file=${file#./}
    room=$(room_of "$file")
    if ! rooms=$(allowed "$room"); then
        complain "keystore/$file: in no room of ROOMS"
        continue
    fi
    while read -r header; do
        if [ ! -e "$header" ]; then
            complain "keystore/$file: \"$header\" is no file below keystore/"
            continue
        fi
        other=$(room_of "$header")
        grep -qw -- "$other" <<<"${rooms//\// }" || [ "$other" = "$room" ] || case " $rooms " in
        *" $other "*) ;;
        *) complain "keystore/$file: $room may not include $header" ;;
        esac
        case $header in
        *_priv.h) [ "$other" = "$room" ] || complain "keystore/$file: $header is for files of $other alone" ;;
        esac
    done < <(included "$file")
done < <(find . -name '*.[ch]' | sort)

exit "$status"
