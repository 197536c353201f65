#!/usr/bin/env bash
# Which box a name means: the user's own if he made one, whether it runs or not, and the system's otherwise. Nothing but
# create and init makes one, and for a system account only where --own says so. One URI never means two keys.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs openssl setpriv unshare
is_root || skip "the system's box is root's"
# /run and /etc/passwd are this test's.
if [ -z "${PLACE_TEST-}" ]; then
    unshare --mount true 2>/dev/null || skip "mount namespaces are not allowed here"
    PLACE_TEST=1 exec unshare --mount --propagation private "$0"
fi

begin
# Boxes that should not have been made end with the test, too.
# shellcheck disable=SC2154 # assigned there
trap 'status_now=$?; set +e; own $(pgrep -f -- "^$TEST_DIR/bin/littleboxd --program"); (exit "$status_now"); cleanup' EXIT
cd "$TEST_DIR"
copy_programs "$TEST_DIR/bin"
PERSON=54320 SERVICE=320
mkdir person service
chown $PERSON person
chown $SERVICE service
{
    cat /etc/passwd
    echo "lb-person:x:$PERSON:$PERSON::$TEST_DIR/person:/bin/sh"
    echo "lb-service:x:$SERVICE:$SERVICE::$TEST_DIR/service:/usr/sbin/nologin"
} >passwd
mount --bind passwd /etc/passwd
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/littlebox
new_box /run/littlebox
check "the system's key" lb create web >/dev/null 2>>lb.log
lb allow web --user $PERSON 2>>lb.log >/dev/null
lb allow web --user $SERVICE 2>>lb.log >/dev/null
write_openssl_cnf conf /run/littlebox
sed '/^littlebox-directory/d' conf >conf.rule

# as UID COMMAND... : with nothing but what a service has; by its entry in passwd it has a home directory. In a background
# it is the process itself, which can be ended.
as() {
    local command=()
    [ "$BASHPID" = $$ ] || command=(exec)
    "${command[@]}" setpriv --reuid "$1" --regid "$1" --clear-groups env -i "${MODULE_ENV[@]}" PATH="$LITTLEBOX_BUILD:$PATH" OPENSSL_CONF="${CONF:-$TEST_DIR/conf.rule}" "${@:2}"
}
person() { as $PERSON "$@"; }
service() { as $SERVICE "$@"; }
# The command is found by the name that people call it by.
signs_as() {
    "$1" openssl pkeyutl -sign -rawin -inkey littlebox:web -in lb.log -out /dev/null
}
# own_keeper BOX : of the person; ended with the test.
own_keeper() {
    ps -o ppid= -p "$(person littlebox --own --box "$1" --json status | json pid)" | tr -d ' '
}

# --- Who has no box of his own uses the system's, and looking makes none.
check "a service finds the system's keys" service littlebox list >list.out
says "that is the granted one" '^web ' list.out
check "and signs" signs_as service
service littlebox status >status.out || true
says "status says whose box it is" '^box +default, the system' status.out
check "JSON too" grep -q '"whose": "system"' <(service littlebox --json status)
refused "so does an error" "no key 'none'.* \(the system's box\)" service littlebox handle none
refused "one of openssl" "no key 'none'.* \(the system's box\)" service openssl pkey -in littlebox:none -pubout
service littlebox doctor --module "$MODULE" >doctor.out 2>&1 || true
says "doctor says it" "^ok +the system's box answers at /run/littlebox/default.sock, asked as user lb-service" doctor.out
for command in list status "handle web" lock unlock "show web" "seal list" "destroy none --yes" "allow none --user 1" "import x /dev/null"; do
    for box in default none; do
        # shellcheck disable=SC2086 # words
        service littlebox --box $box $command >/dev/null 2>&1 </dev/null || true
        # shellcheck disable=SC2086
        person littlebox --box $box $command >/dev/null 2>&1 </dev/null || true
    done
done
same "nothing was made by any of these" "" "$(find person service -mindepth 1)"

# --- Making one
refused "a system account gets none unasked" "user 'lb-service' is a system account" service littlebox create web
refused "it hears of both ways" "hint: .*littlebox --system --box default create KEY; .*littlebox --own --box default create KEY" service littlebox create web
refused "of no other name either" "is a system account" service littlebox --box other create web
refused "nor by init" "is a system account" service littlebox --box other init
refused "a uid without an account neither" "user '54399' is a system account" as 54399 littlebox --box other create web
same "nothing was made" "" "$(find person service -mindepth 1)"
refused "a person gets none of a name that the system has" "the system has a box 'default'" person littlebox create web
refused "nor by init" "the system has a box 'default'" person littlebox init
same "nothing was made" "" "$(find person service -mindepth 1)"
check "of another name it is made" person littlebox --box mine create web >/dev/null 2>>lb.log
own "$(own_keeper mine)"
refused "--own and --system" "--own and --system exclude each other" person littlebox --own --system list
refused "--own and --dir" "--own and --dir exclude each other" person littlebox --own --dir x list
refused "root has none of its own" "root's boxes are the system's" "$LITTLEBOX_BUILD/littlebox" --own list
refused "--own makes none by looking" "no box answers at .* \(your own box\)" person littlebox --own list
says "the hint makes one" "^hint: you have none yet: 'littlebox --own --box default create KEY'" <(person littlebox --own list 2>&1 || true)

# --- Own and system's of one name: the own one is meant, also while it is away.
check "--own makes it" person littlebox --own create web >/dev/null 2>own.log
says "and says what that means" "box 'default' is your own one for your programs from now on" own.log
KEEPER_OWN=$(own_keeper default)
own "$KEEPER_OWN"
public() { "$@" openssl pkey -in littlebox:web -pubout 2>/dev/null; }
lb show --public web >system.pub
person littlebox --own show --public web >own.pub
check "these are two keys" not cmp -s own.pub system.pub
check "the URI means one's own" cmp own.pub <(public person)
check "so does the command" cmp own.pub <(person littlebox show --public web)
check "another user's means the system's" cmp system.pub <(public service)
person littlebox status >status.out
says "status says whose" '^box +default, your own' status.out
refused "so does an error" "no key 'none'.* \(your own box\)" person openssl pkey -in littlebox:none -pubout
person littlebox doctor --module "$MODULE" >doctor.out 2>&1 || true
says "and doctor" '^ok +your own box answers at ' doctor.out
stop "$KEEPER_OWN"
refused "it is away: no other key is taken" "no box 'default' answers at .*/person/.* \(your own box\)" person openssl pkey -in littlebox:web -pubout
refused "no signature either" "\(your own box\)" signs_as person
refused "nor by a PKCS#11 URI" "no box 'default' answers at .*/person/" person openssl pkey -in 'pkcs11:token=default;object=web' -pubout
refused "and by the command" "no box answers at .*/person/.* \(your own box\)" person littlebox status
check "--system goes to the other one" cmp system.pub <(person littlebox --system show --public web)
check "and so does openssl.cnf" cmp system.pub <(CONF=$TEST_DIR/conf public person)
check "the command starts it again" cmp own.pub <(person littlebox show --public web)
own "$(own_keeper default)"

# --- doctor takes the way of the service, whose own box it is, and not that of root, who asks.
mkdir data
lb handle web --out data/server.key 2>>lb.log
chmod 600 data/server.key
chown -R $SERVICE data
printf '%s\n' "data_directory = '$TEST_DIR/data'" "ssl = on" >postgresql.conf
doctor_postgresql() {
    env "${MODULE_ENV[@]}" OPENSSL_CONF="$TEST_DIR/conf.rule" "$LITTLEBOX_BUILD/littlebox" doctor --server postgresql \
        --config "$TEST_DIR/postgresql.conf" >doctor.out 2>&1
}
check "doctor: the handle works for the service" doctor_postgresql
# A program that runs by then.
self_signed littlebox:web web.crt
port=$(free_ports 1)
service openssl s_server -accept "127.0.0.1:$port" -cert "$TEST_DIR/web.crt" -key littlebox:web -www >server.log 2>&1 </dev/null 3>&- &
own $!
await "the server" port_open "$port"
shake() { echo Q | plain_ossl s_client -connect "127.0.0.1:$port" -CAfile web.crt -verify_return_error >>shake.log 2>&1; }
check "a handshake" shake
service littlebox --own create web >/dev/null 2>>lb.log
KEEPER_SERVICE=$(ps -o ppid= -p "$(service littlebox --json status | json pid)" | tr -d ' ')
own "$KEEPER_SERVICE"
check "doctor sees that it has a box of its own now" not doctor_postgresql
says "and says so" "^FAIL .*/server.key .*\(your own box\)" doctor.out
# Its connections end with this box, and it looks for the next one by the path.
stop_box
start_box /run/littlebox
check "a program that runs goes on with the box that it knows" shake

# --- A socket of one's own without the box's directory, as with another HOME: no guess.
mkdir elsewhere
chown $PERSON elsewhere
refused "a socket alone decides nothing" "is the socket of a box 'default' of yours, whose directory is not where this program looks" \
    person XDG_RUNTIME_DIR="$TEST_DIR/person/.local/state" HOME="$TEST_DIR/elsewhere" openssl pkey -in littlebox:web -pubout
finish
