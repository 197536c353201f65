#!/usr/bin/env bash
# Files that pages and comments name are there: by their path from the top, from keystore/ or from the folder of who names
# them, or by their name alone. What is of other projects stands in <> or in quotes.
# names.sh [TOP]: each name of no file is told with who names it; then the exit status is 1.
set -eu

top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$top"
status=0 count=0
while IFS=: read -r page name; do
    count=$((count + 1))
    for place in "$name" "keystore/$name" "${page%/*}/$name"; do compgen -G "$place" >/dev/null && continue 2; done
    [[ $name != */* ]] && [ -n "$(find keystore provider test examples -name "$name" -print -quit)" ] && continue
    echo "$page: names $name, which is no file"
    status=1
done < <(find README.md keystore provider test/unit test/fixtures -type f \( -name '*.[ch]' -o -name '*.md' \) -print0 | sort -z |
    xargs -0 grep -HoP '^#.*(*SKIP)(*F)|(?<![\w/.<"$*{}-])([\w*-]+/)*[\w*-]+\.(c|h|sh|md)(?![\w.*])' | sort -u)
# A check that finds nothing to look at checks nothing.
[ "$count" -gt 100 ] || { echo "names.sh: it finds $count names only" && exit 1; }
exit "$status"
