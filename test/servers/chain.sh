#!/usr/bin/env bash
# examples/chain.sh does what it says, with this build and this OpenSSL, and leaves nothing behind.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl nginx
begin
mkdir "$TEST_DIR/scratch" "$TEST_DIR/bin"
# What loads the module, and that alone, may need a sanitizer's runtime first.
if [ "${#MODULE_ENV[@]}" -gt 0 ]; then
    for program in openssl nginx; do
        printf '#!/bin/sh\nexec env %s %s "$@"\n' "${MODULE_ENV[*]}" "$(command -v "$program")" >"$TEST_DIR/bin/$program"
        chmod 0755 "$TEST_DIR/bin/$program"
    done
fi
check "examples/chain.sh" env PATH="$TEST_DIR/bin:$PATH" LITTLEBOX_BUILD="$LITTLEBOX_BUILD" \
    SCRATCH="$TEST_DIR/scratch" "$LITTLEBOX_SRC/examples/chain.sh" >"$TEST_DIR/chain.log" 2>&1
chains=1
if plain_ossl list -public-key-algorithms | grep -q ML-DSA; then chains=2; fi
same "each chain was served, and then revoked" \
    "$chains" "$(grep -c 'the OCSP answer, from nginx too' "$TEST_DIR/chain.log")"
check "no file is left" rmdir "$TEST_DIR/scratch"
check "no process is left" not pgrep -f "$TEST_DIR/scratch"
finish
