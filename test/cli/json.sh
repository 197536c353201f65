#!/usr/bin/env bash
# The checker that the other tests rely on (json_at.py): what it takes, what it refuses, what it finds.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli

# is INPUT PLACE VALUE
is() {
    got=$(printf '%s\n' "$1" | json_places "$2") || fail "refused: $1 at '$2'"
    [ "$got" = "$3" ] || fail "'$2' of $1 is $got, not $3"
}
value='{"a": [1, {"k": "x \" y"}, {"k": null}], "b": {}, "c": -1.5e+3}'
is "$value" '' '{"a":[1,{"k":"x \" y"},{"k":null}],"b":{},"c":-1.5e+3}'
is "$value" @ a,b,c
is "$value" '#' 3
is "$value" 'a.#' 3
is "$value" a.0 1
is "$value" a.1.k '"x \" y"'
is "$value" 'a.*.k' '"x \" y"
null'
is "$value" b.@ ''
is "$value" c -1.5e+3
is "\"$(printf '\303\244\342\202\254')\\u00e4\"" '' "\"$(printf '\303\244\342\202\254')\\u00e4\""

# refuses INPUT (for printf) [PLACE]...
refuses() {
    text=$1
    shift
    # shellcheck disable=SC2059 # an octal escape
    if printf "$text" | json_places "$@" >"$T/said" 2>&1; then
        fail "taken: $text: $(cat "$T/said")"
    fi
    grep -q '^json_at.py: ' "$T/said" || fail "no word about: $text"
}
for text in '' ' ' '{' '}' '[1,]' '[1' '[1 2]' '01' '-' '1.' '.5' '1e' '+1' '"a' "'a'" '{"a":1,"a":2}' '{"a" 1}' \
    '{a:1}' '{"a":1,}' '1 2' '[]x' '[]\n\n' 'nul' 'True' 'NaN' \
    '"\\x"' '"\\u12g4"' '"\001"' '"\377"' '"\300\200"' '"\355\240\200"' '1\000'; do
    refuses "$text"
done
refuses "$(printf '[%.0s' $(seq 40))$(printf ']%.0s' $(seq 40))"
refuses '{"a":1}' b
refuses '[1]' 1
refuses '[1]' 0.x
