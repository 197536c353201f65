#!/usr/bin/env bash
# Every source, header, script and page is named in a Makefile.am or in what it includes: what is not is in no archive, and a
# package that is built from one does not compile.
# shipped.sh [TOP]: each file that none names is told; then the exit status is 1.
set -eu

top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$top"
status=0 count=0
# The words of all of them, with each %D% as the folder that it stands for.
named=$(find . -path './build*' -prune -o \( -name '*.am' \) -print | while read -r list; do
    folder=$(dirname "${list#./}")
    sed -e "s|%D%|$folder|g" "$list" | tr -s ' \t\\=' '\n'
done | LC_ALL=C sort -u)
# Folders that go in whole.
folders="examples/packaging/ test/fixtures/ test/mutants/ test/packaging/"
while read -r file; do
    count=$((count + 1))
    if grep -qxF "$file" <<<"$named"; then continue; fi
    for folder in $folders; do [[ $file != "$folder"* ]] || continue 2; done
    echo "$file: no Makefile.am names it"
    status=1
done < <(find keystore provider test examples -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.[1-8]' -o -name '*.in' -o -name '*.md' \) |
    LC_ALL=C sort)
# A check that finds nothing to look at checks nothing.
[ "$count" -gt 300 ] || { echo "shipped.sh: it finds $count files only" && exit 1; }
exit "$status"
