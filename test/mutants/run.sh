#!/usr/bin/env bash
# Do the tests notice when a security check is gone? Each test/mutants/NAME.patch breaks one check; the tests that it names
# must fail then. One that survives is a check without a test.
#
#   run.sh [NAME...]        these, or all ("make mutants"; 30 minutes on two processors)
#   run.sh --sample N       N of them, by the date: the same all day, others tomorrow ("make check", with ten)
#   run.sh --list           their names, what they break, and their tests
#
# A patch begins with two lines, and goes on as a unified diff for "patch -p1":
#   # What: one sentence that says which check is broken.
#   # Tests: test/unit/test_unit policy, test/box/refusals.sh
# It must apply and build without a warning: the list follows the code. One that does not is an error of its own, neither
# killed nor survived. The tests are those that kill it, the quickest first; a test that skips kills nothing. Before, they
# must pass with the code as it is.
#
# The sources are copied and built elsewhere (with gcc, and with ccache where that is), so it makes no difference which
# build asks: test/run.sh takes the sample once, as a part of its own ("mutants"), and not once a build.
#
# MUTANTS_SEED: for the sample, in the place of the date. MUTANTS_JOBS (1): copies that work at once. MUTANTS_TIMEOUT (300):
# seconds for one test of a mutant; one that takes longer has noticed something. KEEP: the copies stay.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
jobs=${MUTANTS_JOBS:-1}
limit=${MUTANTS_TIMEOUT:-300}
unset MAKEFLAGS MFLAGS MAKELEVEL OPENSSL_CONF OPENSSL_MODULES LITTLEBOX_DIR TESTS
scratch='' workers=()

usage() {
    echo "usage: run.sh [--list] [--sample N | NAME...]" >&2
    exit 2
}
what_of() { sed -n 's/^# What: *//p' "$here/$1.patch"; }
tests_of() { sed -n 's/^# Tests: *//p' "$here/$1.patch" | sed 's/ *, */\n/g'; }
all_names() { find "$here" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | LC_ALL=C sort; }
# The names of stdin, in an order that the seed makes.
shuffle() {
    local name
    while read -r name; do
        printf '%s %s\n' "$(printf '%s %s' "${MUTANTS_SEED:-$(date +%F)}" "$name" | sha256sum | cut -c 1-16)" "$name"
    done | LC_ALL=C sort | cut -d ' ' -f 2
}

# --- What is to be done

list=0 sample=0 names=()
while [ $# -gt 0 ]; do
    case $1 in
    --list) list=1 ;;
    --sample)
        sample=${2:-}
        [[ $sample =~ ^[1-9][0-9]*$ ]] || usage
        shift
        ;;
    -*) usage ;;
    *) names+=("${1%.patch}") ;;
    esac
    shift
done
[ "$sample" -eq 0 ] || [ "${#names[@]}" -eq 0 ] || usage
if [ "${#names[@]}" -eq 0 ]; then
    if [ "$sample" -gt 0 ]; then mapfile -t names < <(all_names | shuffle | head -n "$sample"); else
        mapfile -t names < <(all_names)
    fi
fi
[ "${#names[@]}" -gt 0 ] || usage
for name in "${names[@]}"; do
    [ -e "$here/$name.patch" ] || { echo "there is no mutant '$name'" >&2 && exit 2; }
    if [ -z "$(what_of "$name")" ] || [ -z "$(tests_of "$name")" ]; then
        echo "$name.patch does not say what it breaks, or which tests notice" >&2
        exit 1
    fi
done
if [ "$list" -eq 1 ]; then
    for name in "${names[@]}"; do
        printf '%-28s %s\n%-28s   %s\n' "$name" "$(what_of "$name")" '' "$(tests_of "$name" | paste -sd , | sed 's/,/, /g')"
    done
    exit
fi

# --- Copies of the sources, each with a build

# shellcheck disable=SC2317 # from a trap
cleanup() {
    local worker
    trap - EXIT
    for worker in "${workers[@]}"; do
        kill -- "-$worker" 2>/dev/null || true
    done
    wait
    if [ -n "${KEEP:-}" ]; then echo "kept: $scratch"; else rm -rf "$scratch"; fi
}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/littlebox-mutants.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Other users' processes in the tests load what is built here.
chmod 755 "$scratch"

# copy TREE : what git or a build of the sources' own has put beside them stays behind.
copy() {
    mkdir -p "$1/src" "$1/build" || return
    # Pipes end with their last command's status alone, but for pipefail.
    (
        set -o pipefail
        tar -C "$source" --exclude=./.git --exclude=./build --exclude=./autom4te.cache --exclude=./config.status \
            --exclude=./config.log --exclude=./Makefile --exclude=./libtool --exclude=.libs --exclude=.deps \
            --exclude='*.o' --exclude='*.lo' --exclude='*.la' -cf - . | tar -C "$1/src" -xf -
    ) || return
    chmod -R u+w "$1/src" || return
    [ -x "$1/src/configure" ] || (cd "$1/src" && autoreconf -fi)
}
compiler=gcc
if command -v ccache >/dev/null; then compiler="ccache gcc"; fi
# Little is optimised: that is quicker, and warnings need some.
#
# This and what follows is called where its status is asked for: 'set -e' ends nothing there, so each step asks itself.
prepare() {
    copy "$1" || return
    cd "$1/build" || return
    ../src/configure --quiet --enable-werror CC="$compiler" CFLAGS="-O1"
}
# build TREE TEST : what that test needs; scripts need all that is installed, and their programs once.
build() {
    case $2 in
    test/unit/* | test/fuzz/fuzz_*) make -s -j 2 -C "$1/build" "${2%% *}" ;;
    test/provider/*) make -s -j 2 -C "$1/build" all "${2%% *}" ;;
    *)
        make -s -j 2 -C "$1/build" all || return
        [ -e "$1/programs" ] || make -s -j 2 -C "$1/build" check TESTS= || return
        touch "$1/programs"
        ;;
    esac
}
# run_test TREE TEST WAIT LIMIT : its status; its output is in TREE/test.log. Seconds that it waits for one thing, and that it
# may take (0: any).
run_test() {
    local words status=0
    read -ra words <<<"$2"
    case ${words[0]} in
    *.sh) words[0]=$1/src/${words[0]} ;;
    *) words[0]=$1/build/${words[0]} ;;
    esac
    # A test that crashes is news of the shell's own too.
    {
        (
            cd "$1/build"
            AWAIT_SECONDS=$3 LITTLEBOX_BUILD=$1/build LITTLEBOX_SRC=$1/src timeout -k 20 "$4" "${words[@]}"
        ) </dev/null || status=$?
    } >"$1/test.log" 2>&1
    return "$status"
}

# baseline TREE TEST : whether it passes with the code as it is (0, 77: it skips, 1); asked once in a tree. What only takes long
# on a busy machine has not failed.
baseline() {
    local memory status=0
    memory=$1/baseline.$(tr -c 'a-zA-Z0-9\n' - <<<"$2")
    if [ ! -e "$memory" ]; then
        if build "$1" "$2" >"$1/test.log" 2>&1; then run_test "$1" "$2" 300 0 || status=$?; else status=1; fi
        echo "$status" >"$memory"
        [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || cp "$1/test.log" "$memory.log"
    fi
    return "$(cat "$memory")"
}

# --- One mutant: a line of its result, and "killed", "survived", "untried", "unbuilt" or "broken" in TREE/verdict

verdict() {
    echo "$2" >"$1/verdict"
    printf '%-28s %s\n' "$3" "$4"
}
show() { sed 's/^/    /' "$1" | tail -n 20; }

try_mutant() {
    local tree=$1 name=$2 test status killed='' skipped='' tried='' tests
    mapfile -t tests < <(tests_of "$name")
    # With the code as it is first: its objects may be old.
    for test in "${tests[@]}"; do
        status=0
        baseline "$tree" "$test" || status=$?
        if [ "$status" -eq 77 ]; then skipped="$skipped $test"; elif [ "$status" -ne 0 ]; then
            verdict "$tree" broken "$name" "BROKEN: $test fails with the code as it is (status $status)"
            show "$tree/test.log"
            return
        fi
    done
    if ! patch -d "$tree/src" -p1 --forward --no-backup-if-mismatch -r - <"$here/$name.patch" >"$tree/make.log" 2>&1; then
        verdict "$tree" broken "$name" "BROKEN: the patch does not apply"
        show "$tree/make.log"
        # What of it did apply must not stay.
        copy_back "$tree" "$name"
        return
    fi
    for test in "${tests[@]}"; do
        [[ " $skipped " != *" $test "* ]] || continue
        if ! build "$tree" "$test" >"$tree/make.log" 2>&1; then
            # No test has seen it: it says nothing of them.
            verdict "$tree" unbuilt "$name" "DOES NOT BUILD, so no test was tried on it"
            show "$tree/make.log"
            copy_back "$tree" "$name"
            return
        fi
        status=0 tried=1
        run_test "$tree" "$test" 20 "$limit" || status=$?
        if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
            killed=$test
            [ "$status" -lt 124 ] || killed="$test (status $status)"
            break
        fi
    done
    copy_back "$tree" "$name"
    if [ -n "$killed" ]; then verdict "$tree" killed "$name" "killed by $killed"; elif [ -z "$tried" ]; then
        verdict "$tree" untried "$name" "UNTRIED: its tests skip here:$skipped"
    else
        verdict "$tree" survived "$name" "SURVIVED: $(what_of "$name")"
    fi
}
# The files of the patch, as they are in the sources; newer than what was built.
copy_back() {
    local file
    sed -n 's|^+++ b/||p' "$here/$2.patch" | while read -r file; do
        cp "$source/$file" "$1/src/$file"
        chmod u+w "$1/src/$file"
    done
}

# work NUMBER : every jobs-th of the mutants, in a tree of its own
work() {
    local tree=$scratch/$1 i
    trap - EXIT
    mkdir -p "$tree"
    if ! (prepare "$tree") >"$tree.log" 2>&1; then
        echo "the sources do not build as they are"
        show "$tree.log"
        exit 1
    fi
    for ((i = $1; i < ${#names[@]}; i += jobs)); do
        try_mutant "$tree" "${names[i]}"
        cat "$tree/verdict" >>"$scratch/verdicts.$1"
    done
}

started=$SECONDS status=0
[ "$jobs" -le "${#names[@]}" ] || jobs=${#names[@]}
# Each a process group of its own, to be ended with all that it started.
set -m
for ((i = 0; i < jobs; i++)); do
    work "$i" </dev/null &
    workers+=($!)
done
set +m
for worker in "${workers[@]}"; do
    wait "$worker" || status=1
done
count() { cat "$scratch"/verdicts.* 2>/dev/null | grep -c "^$1\$" || true; }
echo "${#names[@]} mutants: $(count killed) killed, $(count survived) survived, $(count unbuilt) do not build," \
    "$(count broken) broken, $(count untried) untried, in $((SECONDS - started)) seconds"
if [ "$status" -ne 0 ] || [ "$(count survived)" -gt 0 ] || [ "$(count unbuilt)" -gt 0 ] ||
    [ "$(count broken)" -gt 0 ]; then exit 1; fi
[ "$(count killed)" -gt 0 ] || { echo "SKIP: none could be tried" && exit 77; }
