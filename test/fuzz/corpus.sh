#!/bin/sh
# Runs every fuzz target over its committed corpus, with libFuzzer (-runs=0) or without it.
set -eu

build=${LITTLEBOX_BUILD:-.}
src=${LITTLEBOX_SRC:-.}
for target in message uri p11uri p11ref handle server request store keeplink import forms; do
    program=$build/test/fuzz/fuzz_$target
    if "$program" -help=1 2>&1 | grep -q libFuzzer; then
        "$program" -runs=0 "$src/test/fuzz/corpus/$target"
    else
        "$program" "$src/test/fuzz/corpus/$target"
    fi
done
