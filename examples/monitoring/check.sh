#!/bin/sh
# check.sh [littlebox options]: one line on how a box is, and an exit status as monitoring plug-ins have it: 0 well, 1 warning,
# 2 critical, 3 unknown. As an administrator of the box; root is one: check.sh --system --box default
set -eu

LC_ALL=C
export LC_ALL
status=0
json=$(littlebox "$@" --json status 2>&1) || status=$?
# The value of a field that is there once.
field() { printf '%s\n' "$json" | sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
end() {
    printf '%s: %s\n' "$2" "$3"
    exit "$1"
}

case $status in
0) ;;
3) end 2 CRITICAL "it answers and cannot sign: it is $(field state)" ;;
1) end 2 CRITICAL "$(printf '%s\n' "$json" | sed -n 's/^littlebox: //p' | head -n 1)" ;;
*) end 3 UNKNOWN "$(printf '%s\n' "$json" | head -n 1)" ;;
esac
[ "$(field store_replaced)" != true ] || end 2 CRITICAL "the store's file was replaced while the box has it open"
[ "$(field damaged)" = 0 ] || end 2 CRITICAL "$(field damaged) keys are damaged"
case $(field result) in
opens | locked) ;;
broken) end 1 WARNING "it signs, but its next start stays locked: $(field problem)" ;;
'') end 3 UNKNOWN "it signs; what its next start does is for administrators to know" ;;
*) end 3 UNKNOWN "it signs; what its next start does is not known: $(field problem)" ;;
esac
end 0 OK "it signs with $(field keys) keys, $(field signatures) signatures, $(field refusals) refusals, restarted $(field restarts) times"
