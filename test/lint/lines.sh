#!/usr/bin/env bash
# No .c or .h has 700 lines or more: one that has is about several things, and wants to be several files.
# lines.sh [TOP]: each that does is named with its count; then the exit status is 1.
set -eu

top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$top"
limit=700
status=0 count=0
# Builds may lie beside these folders.
while read -r file; do
    count=$((count + 1))
    lines=$(wc -l <"$file")
    [ "$lines" -ge "$limit" ] || continue
    echo "$file: $lines lines, of fewer than $limit"
    status=1
done < <(find keystore provider test examples -name '*.[ch]' | LC_ALL=C sort)
# A check that finds nothing to look at checks nothing.
[ "$count" -gt 100 ] || { echo "lines.sh: it finds $count files only" && exit 1; }
exit "$status"
