#!/usr/bin/env bash
# A token without root: a user's own box, which the command starts, in that user's own directories, in front of that user's
# SoftHSM2.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/tokens.sh
. "$(dirname "$0")/../harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
again_without_root
begin
cd "$TEST_DIR"
export XDG_CONFIG_HOME=$TEST_DIR/config XDG_STATE_HOME=$TEST_DIR/state XDG_RUNTIME_DIR=$TEST_DIR/run HOME=$TEST_DIR
mkdir -m 0700 "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR"
lb() { "$LITTLEBOX_BUILD/littlebox" "$@"; }
softhsm_dir "$TEST_DIR/hsm"
softhsm_token mine
softhsm_key mine EC:prime256v1 02 toolec
token_conf "$XDG_CONFIG_HOME/littlebox" "$SOFTHSM_MODULE" label=mine "$(module_env SOFTHSM2_CONF)"
BOX_DIR=$XDG_CONFIG_HOME/littlebox
write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR"
sed -i '/^littlebox-directory/d' "$BOX_DIR/openssl.cnf"

# --- The first command starts the box; --own, since this may be a system account
check "init" lb --own init >init.log 2>&1
KEEPER=$(ps -o ppid= -p "$(status pid)" | tr -d ' ')
own "$KEEPER"
await "the token" token_connected
same "the box is this user's" "$(id -u)" "$(stat -c %u "/proc/$KEEPER")"
same "so is its process with the module" "$(id -u) $(id -u)" "$(stat -c '%u %g' "/proc/$(status pid)" | tr -d '\n')"
same "its socket is for this user alone" 600 "$(stat -c %a "$XDG_RUNTIME_DIR/littlebox/default.sock")"
same "it is in front of the token" pkcs11 "$(status backend)"
check "its store is in this user's directory" test -f "$XDG_STATE_HOME/littlebox/default/store.db"
sanitized || same "its system calls are filtered" true "$(status sandboxed)"

# --- Keys
for type in rsa:2048 ec:P-256 ed25519; do
    key=${type%%:*}
    check "create $type" lb create "$key" --type "$type" >/dev/null 2>>lb.log
    check "$type signs" signs "$key"
done
check "attach" attach toolec 02 2>>lb.log
softhsm_public mine 02 toolec.pub
check "what was on the token signs" signs toolec toolec.pub
check "a handle file" lb handle ec --out ec.pem
echo text >text
ossl pkey -in littlebox:ec -pubout -out ec.pub
check "signs" ossl dgst -sha256 -sign ec.pem -out sig text
check "and is verified" plain_ossl dgst -sha256 -verify ec.pub -signature sig text
same "list" "ec ed25519 rsa toolec" "$(lb list | awk 'NR > 1 { print $1 }' | sort | xargs)"
same "list --token has the same four" 4 "$(lb list --token | grep -cE 'rsa:|ec:|ed25519')"

# --- Lock, and a token that is taken away from the user
check "lock" lb lock 2>>lb.log
refused "a locked box" locked signs ec
check "unlock" lb unlock --credential "$BOX_DIR/default.credential" 2>>lb.log
check "it signs" signs ec ec.pub
child=$(status pid)
kill -KILL "$child"
check "another child signs" signs ec ec.pub

# --- Destroy
check "destroy" lb destroy rsa --now --yes 2>>lb.log
refused "what was destroyed" destroyed signs rsa
check "it is gone from the token" not grep -qw rsa <<<"$(softhsm mine --list-objects --type privkey 2>/dev/null)"
check "the others sign" signs ed25519
stop "$KEEPER"
check "the box ends" gone "$KEEPER"
check "and is started by the next command" lb list >/dev/null
KEEPER=$(ps -o ppid= -p "$(status pid)" | tr -d ' ')
own "$KEEPER"
check "it signs" signs ec ec.pub
finish
