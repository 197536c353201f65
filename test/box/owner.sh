#!/usr/bin/env bash
# Whose box a program and the command believe: root's, their own, and of those who are named. A stranger's box gets
# nothing, is told nothing, and is not passed over for another one; the environment leads no setuid program to one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl setpriv unshare
begin
cd "$TEST_DIR"
mkdir bin
cp "$LITTLEBOX_BUILD/test/cli/fakebox" bin/
copy_programs "$TEST_DIR/bin"
echo "a text" >text
CALLER=54320 STRANGER=54321

# as UID COMMAND... : root's way to be somebody else, as whom nothing of root's environment is left.
as() {
    setpriv --reuid "$1" --regid "$1" --clear-groups env -i "${MODULE_ENV[@]}" PATH="$PATH" "${@:2}"
}
# program UID [VARIABLE=VALUE...] -- ARGUMENTS... : openssl(1) as that user, configured by conf.
program() {
    local who=$1 environment=()
    shift
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    as "$who" OPENSSL_CONF="$TEST_DIR/conf" "${environment[@]}" openssl "${@:2}"
}
# conf DIR USERS : either may be empty.
conf() {
    BOX_OWNER=$2 write_openssl_cnf conf "$1"
    [ -n "$1" ] || sed -i '/^littlebox-directory/d' conf
}

# --- In a user namespace without maps everybody is nobody, the box's owner and oneself included.
in_namespace() { unshare --user env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/conf" openssl "$@"; }
namespaces() { unshare --user true 2>/dev/null; }
new_box "$TEST_DIR/own"
check "a key" lb create web >/dev/null 2>>lb.log
conf "$TEST_DIR/own" ""
check "one's own box is believed" ossl pkey -in littlebox:web -pubout -out own.pub
if namespaces; then
    chmod 0666 own/default.sock
    refused "an owner who is not mapped has no name" \
        "box 'default' is of a user whom this process's user namespace does not map \(uid 65534\): it answers at $TEST_DIR/own/default.sock" \
        in_namespace pkey -in littlebox:web -pubout
    conf "$TEST_DIR/own" 65534
    check "unless it is said that it will do" in_namespace pkey -in littlebox:web -pubout -out other.pub
    check "it is that key" cmp own.pub other.pub
    refused "so it is for the command" "of a user whom this process's user namespace does not map" \
        unshare --user "$LITTLEBOX_BUILD/littlebox" --dir "$TEST_DIR/own" list
    check "unless it is said there" unshare --user "$LITTLEBOX_BUILD/littlebox" --dir "$TEST_DIR/own" --users 65534 status \
        >/dev/null
fi
conf "$TEST_DIR/own" "no-such-user-here"
refused "a user who is not there" "littlebox-users: there is no user 'no-such-user-here'; hint: give the number" \
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/conf" openssl pkey -in littlebox:web -pubout
conf "$TEST_DIR/own" "root 12x"
refused "a word that is no user" "littlebox-users: '12x' is not a user; hint: give names or numbers" \
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/conf" openssl pkey -in littlebox:web -pubout
refused "to the command too" "littlebox: --users: '12x' is not a user" lb --users "root,12x" status
refused "a user who is not there, to the command" "littlebox: --users: there is no user 'no-such-user-here'" \
    lb --users no-such-user-here status
check "--users may name more" lb --users "root,$STRANGER 54329" status >/dev/null
if ! is_root; then
    say "the rest needs root, to be several users"
    finish
fi
chmod 0666 own/default.sock

# --- The box that a stranger has put where a program looks, with a key of the same name.
mkdir -p run/littlebox home
chown -R $CALLER home
chown -R $STRANGER run
cat >run/littlebox/default.conf <<<"socket-mode = 0666"
BOX_OWNER=$STRANGER
start_box "$TEST_DIR/run/littlebox" setpriv --reuid $STRANGER --regid $STRANGER --clear-groups
check "the stranger's box" lb init >>lb.log 2>&1
check "has that key, too" lb create web >/dev/null 2>>lb.log
socket=$TEST_DIR/run/littlebox/default.sock
whose="box 'default' is of uid $STRANGER, not of root or uid"
found=(XDG_RUNTIME_DIR="$TEST_DIR/run")
conf "" ""
# As long as the directory is somebody else's, what is in it is not looked at.
refused "a directory of somebody else" "no box 'default' answers at /run/littlebox/default.sock" \
    program $CALLER "${found[@]}" -- pkey -in littlebox:web -pubout
program $CALLER "${found[@]}" -- storeutl littlebox: >storeutl.out 2>&1 || true
check "nor are its keys listed" not grep -Eq "$STRANGER|littlebox:web" storeutl.out
refused "nor is one there asked by what a token calls its key" "there is no box that could have 'pkcs11:object=web'" \
    program $CALLER "${found[@]}" -- pkey -in 'pkcs11:object=web' -pubout
chown $CALLER run/littlebox
chmod 0775 run/littlebox
refused "one that others may write to" "no box 'default' answers at /run/littlebox/default.sock" \
    program $CALLER "${found[@]}" -- pkey -in littlebox:web -pubout
chmod 0755 run/littlebox
refused "a socket alone decides nothing" "is the socket of a box 'default' of yours, whose directory is not where" \
    program $CALLER "${found[@]}" -- pkey -in littlebox:web -pubout
# A box of that name is the caller's own, as far as the caller's directories say.
mkdir -p home/.local/state/littlebox/default
chown -R $CALLER home
found+=(HOME="$TEST_DIR/home")
refused "a program that finds it" "$whose $CALLER, who asks: it answers at $socket; hint: if it is the right one, say so in the provider's section of openssl.cnf: littlebox-users = $STRANGER" \
    program $CALLER "${found[@]}" -- pkey -in littlebox:web -pubout
refused "no certificate request with it" "$whose $CALLER" \
    program $CALLER "${found[@]}" -- req -new -key littlebox:web -subj /CN=x
refused "no signature" "$whose $CALLER" \
    program $CALLER "${found[@]}" -- pkeyutl -sign -rawin -inkey littlebox:web -in text -out sig
refused "none by what a token calls it" "$whose $CALLER" \
    program $CALLER "${found[@]}" -- pkey -in 'pkcs11:token=default;object=web' -pubout
program $CALLER "${found[@]}" -- storeutl littlebox: >storeutl.out 2>&1 || true
says "nor a list of its keys" "$whose $CALLER" storeutl.out
check "not one of them" not grep -q littlebox:web storeutl.out
mkdir -p home/.local/state/littlebox/default
ln -s "$socket" home/.local/state/littlebox/default.sock
chown -R $CALLER home
refused "nor by a link" "where the socket of your own box 'default' would be, is something else" program $CALLER HOME="$TEST_DIR/home" \
    -- pkey -in littlebox:web -pubout
conf "$TEST_DIR/run/littlebox" ""
refused "where openssl.cnf says" "$whose $CALLER" program $CALLER -- pkey -in littlebox:web -pubout
refused "by root" "$whose 0, who asks" program 0 -- pkey -in littlebox:web -pubout
conf "$TEST_DIR/run/littlebox" "54329, 54328"
refused "others are named" "$whose $CALLER" program $CALLER -- pkey -in littlebox:web -pubout
conf "$TEST_DIR/run/littlebox" "54329,$STRANGER"
check "it is named" program $CALLER -- pkey -in littlebox:web -pubout -out /dev/null
check "to root" program 0 -- pkey -in littlebox:web -pubout -out /dev/null
conf "$TEST_DIR/run/littlebox" ""
check "it is the stranger's own" program $STRANGER -- pkey -in littlebox:web -pubout -out /dev/null
conf "$TEST_DIR/own" ""
check "root's is everybody's" program $CALLER -- pkey -in littlebox:web -pubout -out /dev/null

# By name, who is nobody here: all users are mapped.
stop_box
chown -R nobody run
BOX_OWNER=nobody
start_box "$TEST_DIR/run/littlebox" setpriv --reuid nobody --regid nogroup --clear-groups
conf "$TEST_DIR/run/littlebox" "root nobody"
check "it is named by name" program $CALLER -- pkey -in littlebox:web -pubout -out /dev/null
conf "$TEST_DIR/run/littlebox" "root"
refused "or is not" "is of uid 65534, not of root or uid $CALLER" program $CALLER -- pkey -in littlebox:web -pubout

# --- The command, and doctor.
BOX_OWNER=
refused "the command" "littlebox: box 'default' is of uid 65534, not of root or uid 0, who asks: it answers at $socket" lb list
refused "says the cure" "hint: if it is the right one, say so: --users 65534" lb list
check "which works" lb --users 65534 list >/dev/null
check "and by name" lb --users nobody list >/dev/null
lb doctor --module "$MODULE" >doctor.out 2>&1 || true
says "doctor says whose it is" "^FAIL  box 'default' is of uid 65534, not of root" doctor.out
says "and the cure" "hint: .*littlebox-users = 65534" doctor.out
conf "$TEST_DIR/run/littlebox" ""
doctor() { env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/conf" "$LITTLEBOX_BUILD/littlebox" --dir "$BOX_DIR" "$@" >doctor.out 2>&1; }
check "doctor fails where the provider does not accept it" not doctor --users nobody doctor --handle littlebox:web
says "says so" "^FAIL  the provider accepts boxes of root and the program's user, not of nobody" doctor.out
says "what to add" "^littlebox-users = nobody" doctor.out
says "and tries it" "^ok    a test signature with littlebox:web verifies" doctor.out
sed -n '/^append this/,$p' doctor.out | sed 1,2d >>conf
check "once it is there all is well" doctor doctor --handle littlebox:web
says "for whom" "^ok    the provider accepts boxes of nobody, beside root's and the program's own" doctor.out
stop_box

# --- A secret: not one byte goes to the stranger.
mkdir fake
chown $STRANGER fake
setpriv --reuid $STRANGER --regid $STRANGER --clear-groups "$LITTLEBOX_BUILD/fakebox" "$TEST_DIR/fake/default.sock" close >fake/said 3>&- &
own $!
await "the fake box" grep -q ready fake/said
BOX_DIR=$TEST_DIR/fake
echo "correct horse battery staple" >secret
new_key ec:P-256 plain.pem
for command in "init --passphrase-file secret" "unlock --passphrase-file secret" "login --passphrase-file secret" \
    "import web plain.pem" "adopt plain.pem" "create web" "status"; do
    # shellcheck disable=SC2086 # words
    refused "$command" "is of uid $STRANGER, not of root" lb $command
done
conf "$TEST_DIR/fake" ""
refused "openssl" "is of uid $STRANGER, not of root" program $CALLER -- pkey -in littlebox:web -pubout
check "the fake box was asked nothing" not grep -q request fake/said
refused "the control: it is named" . lb --users $STRANGER create web
says "and asked" "request 00" fake/said
check "the key file is as it was" grep -q 'PRIVATE KEY' plain.pem

# --- A setuid program does not look where its caller's environment says.
if sanitized || findmnt -n -o OPTIONS -T "$TEST_DIR" | grep -q nosuid; then
    say "no setuid program: a sanitizer's runtime cannot be in one, or the file system has none"
    finish
fi
chown -R $STRANGER run
BOX_OWNER=$STRANGER
start_box "$TEST_DIR/run/littlebox" setpriv --reuid $STRANGER --regid $STRANGER --clear-groups
cp "$(command -v openssl)" bin/openssl-suid
cp bin/openssl-suid bin/openssl-plain
# It is the box's owner, so that nothing but the way there can keep it from the box.
chown $STRANGER bin/openssl-suid
chmod 4755 bin/openssl-suid
options=(pkey -provider-path "$LITTLEBOX_BUILD/.libs" -provider littlebox -provider default -in littlebox:web -pubout)
environment=(XDG_RUNTIME_DIR="$TEST_DIR/run" HOME="$TEST_DIR/home" XDG_STATE_HOME="$TEST_DIR/run")
check "the control: the same program, the same user, the same environment" \
    as $STRANGER "${environment[@]}" bin/openssl-plain "${options[@]}" -out /dev/null
refused "a setuid program looks elsewhere" "no box 'default' answers at" as $CALLER "${environment[@]}" bin/openssl-suid "${options[@]}"
elsewhere() { ! as "$CALLER" "${environment[@]}" bin/openssl-suid "${options[@]}" 2>&1 | grep -q "$TEST_DIR"; }
check "nowhere below what its caller named" elsewhere
cp bin/littlebox bin/littlebox-suid
chown $STRANGER bin/littlebox-suid
chmod 4755 bin/littlebox-suid
command=(as "$CALLER" "${environment[@]}" LITTLEBOX_DIR="$TEST_DIR/run/littlebox" bin/littlebox-suid)
refused "nor does the command" "no box answers at /run/littlebox/default.sock" "${command[@]}" status
finish
