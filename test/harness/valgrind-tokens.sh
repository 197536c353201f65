# shellcheck shell=bash
# Boxes in front of SoftHSM2 and of the hostile module under valgrind, which sees the process with the module in it, and the
# command where tokens are its business. Sourced by valgrind.sh, which has vlb and clean.
# shellcheck source=tokens.sh
. "$LITTLEBOX_SRC/test/harness/tokens.sh"

needs openssl pkcs11-tool softhsm2-util
cd "$TEST_DIR" || exit 1
echo "a text" >text
# token_box DIR MODULE LABEL [LINE...]
token_box() {
    token_conf "$1" "$2" "label=$3" "sandbox = no" "sessions = 3" "token-timeout = 120" "${@:4}"
    start_box "$1" "${VALGRIND[@]}"
    box_cnf
    check "$3: init" lb init >>lb.log 2>&1
    await "the token" token_connected
}
# often KEY : as many signatures as it takes to have a copy in the session, and some with it.
often() { many 30 "$1"; }
another_child() { [ -n "$(status pid)" ] && [ "$(status pid)" != "$child" ]; }

# --- SoftHSM2
softhsm_dir "$TEST_DIR/hsm"
softhsm_token soft
softhsm_key soft rsa:2048 01 rsa
softhsm_key soft EC:prime256v1 02 ec
softhsm_key soft EC:edwards25519 03 ed
token_box "$TEST_DIR/box" "$SOFTHSM_MODULE" soft "$(module_env SOFTHSM2_CONF)"
for key in rsa:01 ec:02 ed:03; do
    check "attach" lb attach "${key%:*}" --id "${key#*:}" >/dev/null 2>>lb.log
    softhsm_public soft "${key#*:}" "${key%:*}.pub"
    check "${key%:*} signs" signs "${key%:*}" "$TEST_DIR/${key%:*}.pub"
done
check "ec signs often" often ec
for type in ec:P-384 ed25519; do
    check "create $type" lb create "new-${type%:*}" --type "$type" >/dev/null 2>>lb.log
    check "it signs" signs "new-${type%:*}"
done
new_key ec:P-256 plain.pem
check "import" lb import imported plain.pem >/dev/null 2>>lb.log
check "list --token" vlb list --token >/dev/null
check "allow" lb allow rsa --user "$(id -u)" --op sign,decrypt 2>>lb.log
check "allow" lb allow new-ec --user "$(id -u)" --op derive 2>>lb.log
plain_ossl pkeyutl -encrypt -pubin -inkey rsa.pub -pkeyopt rsa_padding_mode:oaep -in text -out secret
check "decrypt" ossl pkeyutl -decrypt -inkey littlebox:rsa -pkeyopt rsa_padding_mode:oaep -in secret -out clear
check "what was encrypted" cmp text clear
refused "a ciphertext that is none" . ossl pkeyutl -decrypt -inkey littlebox:rsa -pkeyopt rsa_padding_mode:oaep \
    -in rsa.pub -out clear
new_key ec:P-384 peer.pem
plain_ossl pkey -in peer.pem -pubout -out peer.pub
ossl pkey -in littlebox:new-ec -pubout -out new.pub
check "derive" ossl pkeyutl -derive -inkey littlebox:new-ec -peerkey peer.pub -out shared
check "the same by the peer" cmp shared <(plain_ossl pkeyutl -derive -inkey peer.pem -peerkey new.pub)
check "destroy" lb destroy imported --now --yes 2>>lb.log
check "destroy" lb destroy ec --now --yes 2>>lb.log
check "lock" lb lock 2>>lb.log
refused "a locked box" locked signs ed "$TEST_DIR/ed.pub"
check "unlock" lb unlock --credential "$BOX_DIR/default.credential" 2>>lb.log
check "it signs" signs ed "$TEST_DIR/ed.pub"
check "login" vlb login --passphrase-file "$BOX_DIR/token.pin" 2>>lb.log
check "status" lb status >/dev/null
child=$(box_child)
kill -HUP "$KEEPER"
await "the next child" another_child
check "it signs" signs ed "$TEST_DIR/ed.pub"
stop_box
clean "a box in front of SoftHSM2"

# --- The hostile module
bad_token "$TEST_DIR/bad"
bad_publics
FASTER="state slow-object 5"
bad_behaves "$FASTER"
token_box "$TEST_DIR/hostile" "$BAD" hostile
check "attach" vlb attach ec --id 02 >/dev/null 2>>lb.log
check "attach" lb attach rsa --id 01 >/dev/null 2>>lb.log
check "rsa signs" signs rsa "$TEST_DIR/rsa.pub"
check "ec signs often" often ec
bad_behaves "$FASTER" "state copies-lost 1"
check "a lost copy" often ec
bad_behaves "$FASTER" "state generation 1"
check "sessions that became invalid" often ec
bad_behaves "$FASTER" "state generation 1" "state login 1"
check "a lost login" often ec
bad_behaves "state message 1" "state generation 2"
check "messages" often ec
bad_behaves "state message 1" "state generation 2" "C_SignMessage lost max=1"
check "a context that is lost" often ec
bad_behaves "C_SignInit return 0x82 max=1"
check "a stale handle" signs ec "$TEST_DIR/ec.pub"
bad_behaves "state removed 1"
refused "a lost device" 'not there|DEVICE_REMOVED|TOKEN_NOT_PRESENT' signs ec "$TEST_DIR/ec.pub"
bad_behaves
await "the device again" signs ec "$TEST_DIR/ec.pub"
for length in 0 63 100000; do
    bad_behaves "C_Sign length $length"
    refused "a signature of $length bytes" 'bytes instead of' signs ec "$TEST_DIR/ec.pub"
done
for lie in huge grow "lie 100000" empty unavailable "short 1" junk; do
    bad_behaves "C_GetAttributeValue $lie attr=0x180" "C_SignInit return 0x82 max=1"
    check "attributes: $lie: the box says yes or no" not test -z "$(lb attach "new${lie%% *}" --id 02 2>&1)"
done
bad_behaves "C_FindObjects junk"
check "objects that are none: an answer" not test -z "$(lb list --token 2>&1)"
bad_behaves
check "it signs" signs ec "$TEST_DIR/ec.pub"
check "destroy, with a copy" lb destroy ec --now --yes 2>>lb.log
stop_box
clean "a box in front of the hostile module"
