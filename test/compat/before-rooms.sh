#!/usr/bin/env bash
# Callers and boxes of two ages work with each other while the protocol version is the same: the command and the module of the
# commit before keystore/ had rooms with a box of today, and those of today with a box of that commit. Each reads the
# handles and the store of the other.
#
# The old programs are built from the repository's own history. BEFORE_BUILD names a build of that commit that is there already.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

BEFORE=1f2010d2737fb89fdb375e87ca746effb4c95fae
TEST_SECONDS=3600
needs openssl
[ -e "$LITTLEBOX_SRC/.git" ] || skip "the history is not here: this is no git checkout"
git -C "$LITTLEBOX_SRC" cat-file -e "$BEFORE^{commit}" 2>/dev/null ||
    skip "the history here does not reach back to commit $BEFORE"
sanitized && skip "the old module and the sanitizers' runtime are not tried together"
begin

# build_before DIR : the programs of that commit, nothing else of it, without what only makes them faster.
build_before() (
    local cc=gcc
    command -v ccache >/dev/null && cc="ccache gcc"
    mkdir "$1"
    git -C "$LITTLEBOX_SRC" archive "$BEFORE" | tar -x -C "$1"
    cd "$1"
    autoreconf -fi
    ./configure --quiet --disable-dependency-tracking CC="$cc" CFLAGS="-O1 -g0"
    make -s -j 2 littleboxd littlebox littlebox.la
)

declare -A PROGRAMS=([new]=$LITTLEBOX_BUILD [old]=${BEFORE_BUILD:-$TEST_DIR/before})
[ -n "${BEFORE_BUILD:-}" ] || build_before "${PROGRAMS[old]}" >"$TEST_DIR/build.log" 2>&1 3>&- ||
    fail "the commit before does not build"
not_the_same() { ! cmp -s "${PROGRAMS[old]}/$1" "${PROGRAMS[new]}/$1"; }
for program in littlebox littleboxd .libs/littlebox.so; do
    check "$program of two ages" not_the_same "$program"
done

# of AGE COMMAND... : with the programs of that age.
of() {
    local LITTLEBOX_BUILD=${PROGRAMS[$1]}
    shift
    "$@"
}
# quiet AGE ARGUMENTS... : the command of that age, its words in a log.
quiet() { of "$1" lb "${@:2}" >/dev/null 2>>"$TEST_DIR/lb.log"; }
# cnf_of AGE : openssl has the module of that age.
cnf_of() { write_openssl_cnf "$BOX_DIR/openssl.cnf" "$BOX_DIR" "${PROGRAMS[$1]}/.libs/littlebox.so"; }

# same_values OLD NEW : all that is in the one file, JSON, is in the other with the same values.
same_values() {
    python3 - "$@" <<'END'
import json
import sys


def lost(old, new, place):
    if isinstance(old, dict) and isinstance(new, dict):
        return [x for k in old for x in (lost(old[k], new[k], f"{place}.{k}") if k in new else [f"{place}.{k}"])]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [x for i in range(len(old)) for x in lost(old[i], new[i], f"{place}.{i}")]
    return [] if old == new else [f"{place}: {old!r} is now {new!r}"]


old, new = (json.load(open(name)) for name in sys.argv[1:])
sys.exit("\n".join(lost(old, new, "")) or 0)
END
}

declare -A TYPES=([rsa]=rsa:2048 [pss]=rsa-pss:2048 [ec]=ec:P-256 [ed]=ed25519 [x]=x25519)
# both_see KEY... : the commands of both ages say the same of the box and its keys.
both_see() {
    local what age
    for what in status list "list --all" "${@/#/show }"; do
        for age in old new; do
            # shellcheck disable=SC2086 # a command's words
            of "$age" lb --json $what >"$age.json" 2>>lb.log || fail "littlebox $what of the $age command"
        done
        check "$what: the same to both" same_values old.json new.json
    done
}

# use_with AGE KEY CERTIFICATE : openssl with the module of that age signs with the key: by its URI and by the handle files of
# both ages; and makes a certificate.
use_with() {
    local key=$2 with
    cnf_of "$1"
    if [ "$key" = x ]; then
        for with in littlebox:x x.old.pem x.new.pem; do
            check "$1 module: derive with $with" ossl pkeyutl -derive -inkey "$with" -peerkey peer.pub -out shared
            ossl pkey -in "$with" -pubout -out x.pub
            check "$1 module: the same by the peer" cmp shared <(plain_ossl pkeyutl -derive -inkey peer.pem -peerkey x.pub)
        done
        return
    fi
    for with in "littlebox:$key" "$key.old.pem" "$key.new.pem"; do
        check "$1 module: sign with $with" ossl pkeyutl -sign -rawin -inkey "$with" -in text -out sig
        check "$1 module: verified" plain_ossl pkeyutl -verify -rawin -pubin -inkey "$key.pub" -in text -sigfile sig >/dev/null
    done
    check "$1 module: certificate" self_signed "littlebox:$key" "$3" 2>>openssl.log
}

# pair BOX CALLER : a caller of the one age makes and uses keys in a box of the other; then they meet again with the store's next
# box.
pair() {
    local box=$1 caller=$2 key age
    mkdir "$TEST_DIR/$box-box"
    cd "$TEST_DIR/$box-box"
    BOX_DIR=$PWD/box
    echo "a text" >text
    plain_ossl genpkey -algorithm x25519 -out peer.pem
    plain_ossl pkey -in peer.pem -pubout -out peer.pub
    say "a box that is $box, a caller that is $caller"
    of "$box" start_box "$BOX_DIR"
    check "init" quiet "$caller" init
    for key in "${!TYPES[@]}"; do
        check "create $key" quiet "$caller" create "$key" --type "${TYPES[$key]}"
        of "$caller" lb show --public "$key" >"$key.pub"
        for age in old new; do
            check "the $age handle of $key" quiet "$age" handle "$key" --out "$key.$age.pem"
        done
        check "handles of $key: byte for byte" cmp "$key.old.pem" "$key.new.pem"
        same "$key: its handle names it" "$(of old handle_uri "$key.new.pem")" "$(of new handle_uri "$key.old.pem")"
        use_with "$caller" "$key" "$key.crt"
    done
    new_key ec:P-384 plain.pem
    check "import" quiet "$caller" import imported plain.pem
    check "rename" quiet "$caller" rename imported renamed
    check "destroy, later" quiet "$caller" destroy renamed --yes
    both_see ec renamed
    check "but not" quiet "$caller" destroy renamed --cancel
    check "destroy" quiet "$caller" destroy renamed --now --yes
    check "cert set" quiet "$caller" cert set ec ec.crt
    check "cert get" cmp ec.crt <(of "$caller" lb cert get ec)
    check "x509 -in URI" ossl x509 -in littlebox:ec -noout
    check "allow" quiet "$caller" allow ec --user nobody --op sign
    both_see "${!TYPES[@]}"
    if is_root; then
        chmod 755 "$BOX_DIR"
        check "nobody signs" as_nobody "$caller" ec
        refused "nobody signs with another key" 'may not|not known|no key' as_nobody "$caller" rsa
    fi
    check "deny" quiet "$caller" deny ec --user nobody --op sign
    both_see ec
    check "lock" quiet "$caller" lock
    refused "a locked box" locked ossl pkeyutl -sign -rawin -inkey ec.old.pem -in text -out sig
    check "unlock" quiet "$caller" unlock --credential "$BOX_DIR/default.credential"
    refused "a key that is not there" 'nowhere' of "$caller" lb show nowhere
    refused "a key twice" 'exists already' of "$caller" lb create ec
    use_with "$caller" ec ec.crt
    stop_box
}
# as_nobody AGE KEY : nobody signs, with copies of what root's directories may close to it.
as_nobody() {
    local there
    there=$(mktemp -d "$TEST_DIR/nobody.XXXXXX")
    cp "${PROGRAMS[$1]}/.libs/littlebox.so" text "$there"
    write_openssl_cnf "$there/openssl.cnf" "$BOX_DIR" "$there/littlebox.so"
    echo "littlebox-users = root" >"$there/users"
    sed -i "/^littlebox-timeout/r $there/users" "$there/openssl.cnf"
    chown -R nobody "$there"
    setpriv --reuid nobody --regid nogroup --clear-groups env OPENSSL_CONF="$there/openssl.cnf" openssl pkeyutl -sign \
        -rawin -inkey "littlebox:$2" -in "$there/text" -out "$there/sig"
}

pair new old
pair old new

# The store that the old box left, and the handles of its keys, go on with a box and callers of today.
of new start_box "$BOX_DIR"
await "the old store to be unlocked" of new box_unlocked
for key in "${!TYPES[@]}"; do
    for age in old new; do
        use_with "$age" "$key" "$key.crt"
    done
done
both_see "${!TYPES[@]}"
stop_box
finish
