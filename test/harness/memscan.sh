#!/usr/bin/env bash
# Proves the memory scanner on processes that hold, and do not hold, what it looks for: a scanner that finds nothing
# proves nothing.
set -eu
. "$(dirname "$0")/lib.sh"
begin

# holder FILE... : a shell with the text of the files in its memory. Sets HOLDER.
holder() {
    rm -f "$TEST_DIR/ready"
    bash -c 'text=$(cat "$@"); : >"$0"; read -r _; echo "$text"' "$TEST_DIR/ready" "$@" <"$TEST_DIR/pipe" >/dev/null &
    HOLDER=$!
    own "$HOLDER"
    await "the holder" test -e "$TEST_DIR/ready"
}

mkfifo "$TEST_DIR/pipe"
exec 9<>"$TEST_DIR/pipe"
for type in rsa:2048 ec:P-256 ec:P-384 ED25519 ED448; do
    new_key "$type" "$TEST_DIR/key.pem"
    new_key "$type" "$TEST_DIR/other.pem"
    holder "$TEST_DIR/key.pem"
    same "$type: the text of the file is found" 1 "$(memscan --key "$TEST_DIR/key.pem" "$HOLDER")"
    same "$type: another key is not" 0 "$(memscan --key "$TEST_DIR/other.pem" "$HOLDER")"
    stop "$HOLDER" KILL
done

new_key ec:P-256 "$TEST_DIR/key.pem"
plain_ossl pkey -in "$TEST_DIR/key.pem" -out "$TEST_DIR/key.der" -outform DER
holder "$TEST_DIR/key.pem"
same "bytes given in hexadecimal are found" 1 "$(memscan --hex "$(printf 'PRIVATE KEY-----' | od -An -tx1 |
    tr -d ' \n')" "$HOLDER")"
same "their reverse too" 1 "$(memscan --hex "$(printf -- '-----YEK ETAVIRP' | od -An -tx1 | tr -d ' \n')" "$HOLDER")"
stop "$HOLDER" KILL
same "a process that does not exist is an error" 2 "$(memscan --key "$TEST_DIR/key.pem" "$HOLDER")"
same "a file that is no key is an error" 2 "$(memscan --key "$0" $$)"
same "a short pattern is an error" 2 "$(memscan --hex 0102 $$)"
same "no process is an error" 2 "$(memscan --key "$TEST_DIR/key.pem")"
finish
