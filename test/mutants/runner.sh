#!/usr/bin/env bash
# run.sh says of each mutant what is true of it, on a small tree of this test's own: that it was killed, survived, does not
# build or does not apply; and that a test which fails without it shows nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/littlebox-runner.XXXXXX")
trap 'rm -rf "$T"' EXIT
fail() { echo "FAILED: $*" >&2 && exit 1; }

mkdir -p "$T/test/mutants" "$T/test/unit"
cp "$here/run.sh" "$T/test/mutants/"
cat >"$T/configure" <<'END'
#!/bin/sh
cp ../src/rules Makefile
END
# "Compiled" is what a shell can read.
cat >"$T/rules" <<'END'
all: program
program: ../src/code
	sh -n ../src/code
	cp ../src/code program
test/unit/test_unit: program
	mkdir -p test/unit
	cp program test/unit/test_unit
	chmod +x test/unit/test_unit
check:
END
# shellcheck disable=SC2016 # for that script
printf '#!/bin/sh\n[ "$1" = yes ] || exit 1\n# Nothing looks at this: one\n' >"$T/code"
# shellcheck disable=SC2016 # for that script
printf '#!/bin/sh\nsh "$LITTLEBOX_BUILD/program" yes && ! sh "$LITTLEBOX_BUILD/program" no\n' >"$T/test/good.sh"
printf '#!/bin/sh\nexit 3\n' >"$T/test/bad.sh"
printf '#!/bin/sh\nexit 77\n' >"$T/test/skips.sh"
chmod +x "$T/configure" "$T"/test/*.sh

# mutant NAME TESTS FROM TO : a patch that changes a line.
mutant() {
    {
        printf '# What: %s.\n# Tests: %s\n--- a/code\n+++ b/code\n@@ -1,3 +1,3 @@\n' "$1" "$2"
        while IFS= read -r line; do
            if [ "$line" = "$3" ]; then printf -- '-%s\n+%s\n' "$3" "$4"; else printf ' %s\n' "$line"; fi
        done <"$T/code"
    } >"$T/test/mutants/$1.patch"
}
# run STATUS NAME LINE : of that mutant alone; the last line of what is said is in summary.
run() {
    local status=0
    "$T/test/mutants/run.sh" "$2" >"$T/out" 2>&1 || status=$?
    [ "$status" -eq "$1" ] || fail "$2: status $status, expected $1: $(cat "$T/out")"
    grep -qF -- "$3" "$T/out" || fail "$2: no '$3' in: $(cat "$T/out")"
    summary=$(tail -n 1 "$T/out")
}
# shellcheck disable=SC2016 # a shell's lines
check='[ "$1" = yes ] || exit 1' idle='# Nothing looks at this: one'
mutant killed test/good.sh "$check" true
mutant survivor test/good.sh "$idle" "${idle%one}two"
mutant unbuilt test/good.sh "$check" 'if true'
mutant unbuilt-unit 'test/unit/test_unit yes' "$check" 'if true'
mutant unbuilt-later 'test/good.sh, test/good.sh again' "$check" 'if true'
mutant elsewhere test/good.sh "$check" true
sed -i "s/^-.*/-not there/" "$T/test/mutants/elsewhere.patch"
mutant too-early test/bad.sh "$check" true
mutant untried test/skips.sh "$check" true

run 0 killed 'killed by test/good.sh'
[[ $summary == '1 mutants: 1 killed, 0 survived, 0 do not build, 0 broken, 0 untried, '* ]] || fail "$summary"
run 1 survivor 'SURVIVED: survivor.'
for name in unbuilt unbuilt-unit unbuilt-later; do
    run 1 "$name" 'DOES NOT BUILD'
    [[ $summary == '1 mutants: 0 killed, 0 survived, 1 do not build, 0 broken, 0 untried, '* ]] || fail "$summary"
done
run 1 elsewhere 'BROKEN: the patch does not apply'
run 1 too-early 'BROKEN: test/bad.sh fails with the code as it is (status 3)'
run 77 untried 'UNTRIED: its tests skip here: test/skips.sh'
# One after the other in one tree: what did not build leaves nothing behind.
"$T/test/mutants/run.sh" unbuilt survivor killed unbuilt killed >"$T/out" 2>&1 && fail "all is well? $(cat "$T/out")"
[[ $(tail -n 1 "$T/out") == '5 mutants: 2 killed, 1 survived, 2 do not build, 0 broken, 0 untried, '* ]] || fail "$(cat "$T/out")"
# The code as it is.
echo 'if true' >>"$T/code"
run 1 killed 'BROKEN: test/good.sh fails with the code as it is'
echo "run.sh: all as it should be"
