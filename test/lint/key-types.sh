#!/usr/bin/env bash
# No other file than model/key_types.{h,c} lists key types: their names, libcrypto's names of their algorithms, their curves
# and OIDs are string literals there alone. What does not say it all, as "RSA" and "EC", is everybody's word.
# key-types.sh [TOP]: each other place is named; then the exit status is 1.
set -eu

top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$top"
table=(keystore/model/key_types.h keystore/model/key_types.c)
# Names of signature schemes, of which some are those of the keys.
but=keystore/model/scheme.c

# Words are proposals, and titles are for people: neither names a type. The sized algorithms end where the next list begins.
names=$({
    sed -n '/^#define KEY_ALGORITHMS_FIXED/,/^#define KEY_ALGORITHMS_FIRST/p' "${table[0]}" |
        grep -oE '"([A-Z0-9a-z]+-)*(ED|X|ed|x|ML|ml|SLH|slh)[A-Za-z0-9-]*"'
    grep -oE '"[0-9]+(\.[0-9]+){3,}"' "${table[0]}"
    sed -n '/^static const struct key_type types/,/^};/p' "${table[1]}" | grep -oE '"(ec|rsa|rsa-pss):[A-Za-z0-9-]+"'
    sed -n '/^static const struct key_type types/,/^};/s/.*CURVE("[^"]*", \("[^"]*"\), \("[^"]*"\),.*/\1\n\2/p' "${table[1]}"
} | sort -u)
# A check that has nothing to look for checks nothing.
for name in '"ed25519"' '"ED25519"' '"ml-dsa-44"' '"SLH-DSA-SHAKE-256f"' '"ec:P-256"' '"rsa:4096"' '"P-521"' '"1.3.101.112"'; do
    grep -qxF -- "$name" <<<"$names" || {
        echo "key-types.sh: $name is not found in the table: how it is written changed"
        exit 1
    }
done

status=0
while read -r file; do
    # Without comments, which may name what they like. Lines keep their numbers.
    if found=$(sed 's,/\*.*\*/,,; /^ *\/\*/,/\*\//s/.*//' "$file" | grep -nF -e "$names"); then
        echo "$file: names a key type, which model/key_types.h alone does:"
        echo "$found"
        status=1
    fi
done < <(find keystore provider -name '*.[ch]' | grep -vxF "$(printf '%s\n' "${table[@]}" "$but")" | sort)
exit "$status"
