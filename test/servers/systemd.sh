#!/usr/bin/env bash
# The units under systemd itself, by what an administrator types: two boxes with a user each, started by their sockets; a box
# that gets its user late; one that had the user of all; a credential from systemd-creds.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=../harness/systemd.sh
. "$(dirname "$0")/../harness/systemd.sh"

in_machine
printf 'a text' >text

main_pid() { systemctl show -P MainPID "littleboxd@$1.service"; }
# box_signs BOX : a signature by its key verifies, without us.
box_signs() {
    openssl pkeyutl -sign -rawin -inkey "littlebox://$1/key" -in text -out sig &&
        littlebox --box "$1" --json show --public key >/dev/null && littlebox --box "$1" show --public key >pub.pem &&
        plain_ossl pkeyutl -verify -rawin -pubin -inkey pub.pem -in text -sigfile sig >/dev/null
}
# of_user BOX : both processes of the box, its directory and its credential are its user's, and nobody else may look.
of_user() {
    local uid user=littlebox-$1 pid
    uid=$(id -u "$user")
    for pid in "$(main_pid "$1")" $(pgrep -P "$(main_pid "$1")"); do
        same "box $1: process $pid is $user" "$uid $uid $uid $uid" "$(sed -n 's/^Uid:\t//p' "/proc/$pid/status" | tr '\t' ' ')"
    done
    same "box $1: its directory" "$user 700" "$(stat -c '%U %a' "/var/lib/littlebox/$1")"
    same "box $1: its credential" "$user 400" "$(stat -c '%U %a' "/etc/littlebox/$1.credential")"
}
as() {
    setpriv --reuid "littlebox-$1" --regid "littlebox-$1" --init-groups "${@:2}"
}

# README, step 3: the file beside Debian's openssl.cnf, before that one is changed, and a service that reads it.
sed -n '/^\*Try it before/,/^and a shell/s/^    //p' "$LITTLEBOX_SRC/README.md" >beside.sh
cat beside.sh
cp /etc/ssl/openssl.cnf stock.cnf
check "the lines of README" bash -eu beside.sh >beside.log 2>&1
cat beside.log
for provider in default littlebox; do
    same "$provider is active" active "$(sed -n "/^  $provider\$/,/status/s/^    status: //p" beside.log)"
done
check "openssl.cnf is as it was" cmp stock.cnf /etc/ssl/openssl.cnf
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/usr/bin/openssl list -providers\nStandardOutput=file:/run/nginx.out\n' \
    >/run/littlebox-test/nginx.service
systemctl daemon-reload
check "a service with its drop-in" systemctl start nginx.service
says "has the provider" '^  littlebox$' /run/nginx.out
rm -r /etc/systemd/system/nginx.service.d /run/littlebox-test/nginx.service /etc/ssl/littlebox.cnf

# README, step 1 and 2.
cp "$LITTLEBOX_SRC/examples/nginx/openssl.cnf" /etc/ssl/openssl.cnf
check "systemd-sysusers" systemd-sysusers
check "systemctl daemon-reload" systemctl daemon-reload
check "the user of box default" id littlebox-default
check "systemctl enable --now littleboxd@default.socket" systemctl enable --now littleboxd@default.socket
check "littlebox init" littlebox init
littlebox status >status.out || fail "littlebox status: $(cat status.out)"
says "its next start is well, though it cannot see a directory that was made since" \
    '^next start  *opens itself with /etc/littlebox/default.credential' status.out
check "a key" littlebox create key
check "it signs" box_signs default
of_user default

# A second one, by what the command says is next.
littlebox box create payments 2>created || fail "littlebox box create payments: $(cat created)"
cat created
sed -n -e 's/^hint: then: //p' -e 's/^hint: //p' created >next
same "it says two things" 2 "$(wc -l <next)"
check "which are done" bash -eu next
check "a key of the second" littlebox --box payments create key
check "it signs too" box_signs payments
of_user payments

# A server whose unit keeps it from the box: as systemd has it, in each way to write it.
mkdir -p /etc/nginx /etc/systemd/system/nginx.service.d
openssl req -x509 -key littlebox:key -subj /CN=localhost -out /etc/nginx/web.crt 2>/dev/null
littlebox handle key --out /etc/nginx/web.pem
printf 'user root;\nhttp { ssl_certificate web.crt; ssl_certificate_key web.pem; }\n' >/etc/nginx/nginx.conf
printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/nginx.service
# unit_says WORDS VALUE... : what doctor says of nginx with RestrictAddressFamilies= of these values.
unit_says() {
    local words=$1
    shift
    { echo '[Service]' && printf 'RestrictAddressFamilies=%s\n' "$@"; } >/etc/systemd/system/nginx.service.d/families.conf
    systemctl daemon-reload
    littlebox doctor --server nginx >doctor.out 2>&1 || true
    grep -qE "$words" doctor.out || fail "RestrictAddressFamilies=$*: not '$words' in: $(cat doctor.out)"
    say "ok: doctor about RestrictAddressFamilies=$*"
}
kept='^FAIL  nginx.service keeps the server from sockets of AF_UNIX'
unit_says "$kept \(RestrictAddressFamilies=AF_INET AF_INET6\)" 'AF_INET AF_INET6'
unit_says "$kept \(RestrictAddressFamilies=~AF_UNIX\)" '~AF_UNIX'
unit_says "^ok    /etc/nginx/web.pem .* verifies" 'AF_INET AF_INET6' AF_UNIX
check "and is content" littlebox doctor --server nginx
unit_says "^ok    /etc/nginx/web.pem .* verifies" ''
check "and is content" littlebox doctor --server nginx
unit_says "^ok    /etc/nginx/web.pem .* verifies" '~AF_PACKET'
check "and is content" littlebox doctor --server nginx
unit_says "$kept \\(RestrictAddressFamilies=none\\)" none

# Each is a stranger to the other.
for pair in 'default payments' 'payments default'; do
    own=${pair% *} theirs=${pair#* }
    check "littlebox-$own reads its credential" as "$own" cat "/etc/littlebox/$own.credential" >/dev/null
    refused "but not that of $theirs" 'Permission denied' as "$own" cat "/etc/littlebox/$theirs.credential"
    refused "nor its store" 'Permission denied' as "$own" ls "/var/lib/littlebox/$theirs"
    refused "nor its memory" 'Permission denied' as "$own" head -c 1 "/proc/$(main_pid "$theirs")/mem"
    refused "cannot end it" 'not permitted' as "$own" kill "$(main_pid "$theirs")"
    refused "cannot lock it" 'may not lock' as "$own" littlebox --system --box "$theirs" lock
    refused "cannot put another socket in its place" 'Permission denied' as "$own" rm -f "/run/littlebox/$theirs.sock"
    refused "cannot put another credential in its place" 'Permission denied' as "$own" mv "/etc/littlebox/$theirs.credential" /tmp
done
littlebox box list | tee list
same "both are listed, and run" "default open payments open" "$(awk 'NR > 1 { printf "%s%s %s", (NR > 2 ? " " : ""), $1, $3 }' list)"

# A box whose user is not there does not start as another one, and goes once it is.
check "a socket without a user" systemctl start littleboxd@late.socket
refused "no box" 'littlebox: ' timeout "$AWAIT_SECONDS" littlebox --box late status
has_failed() { [ "$(systemctl is-failed littleboxd@late.socket)" = failed ]; }
await "the socket to be given up" has_failed
same "for want of a user" 217 "$(systemctl show -P ExecMainStatus littleboxd@late.service)"
systemctl reset-failed 'littleboxd@late.*'
systemctl start littleboxd@late.service 2>/dev/null || true
same "it is not tried a second time" failed "$(systemctl show -P SubState littleboxd@late.service)"
littlebox --box late doctor >doctor.out 2>&1 && fail "doctor is content with a box that failed"
says "doctor says that it failed" "^FAIL  box 'late' failed when it was started \([a-z-]* with status 217\), and is not started again: " doctor.out
check "and not that it answers" not grep -q 'answers at' doctor.out
says "and how it is started again" "^      hint: mend that, then: systemctl reset-failed 'littleboxd@late\.\*' && systemctl start littleboxd@late\.socket$" doctor.out
check "littlebox box create late" littlebox box create late
systemctl reset-failed 'littleboxd@late.*'
check "then it starts" systemctl start littleboxd@late.socket
check "and has a store" littlebox --box late init
of_user late

# A box that fails for a reason of its own, which is in the journal; that one is started for it alone.
if [ -x /lib/systemd/systemd-journald ]; then
    mkdir -p /run/systemd/journal /run/log/journal /etc/systemd/system/littleboxd@broken.service.d
    [ -s /etc/machine-id ] || systemd-machine-id-setup >/dev/null
    /lib/systemd/systemd-journald 2>/dev/null &
    JOURNALD=$!
    await "a journal" test -S /run/systemd/journal/stdout
    printf '[Service]\nStandardOutput=journal\nStandardError=journal\n' \
        >/etc/systemd/system/littleboxd@broken.service.d/20-journal.conf
    check "littlebox box create broken" littlebox box create broken
    echo 'no-such-setting = 1' >/etc/littlebox/broken.conf
    systemctl daemon-reload
    check "its socket" systemctl start littleboxd@broken.socket
    refused "no box" 'littlebox: ' timeout "$AWAIT_SECONDS" littlebox --box broken status
    broken() { [ "$(systemctl is-failed littleboxd@broken.service)" = failed ]; }
    await "the box to be given up" broken
    told() {
        littlebox --box broken doctor >doctor.out 2>&1
        grep -qE "^FAIL  box 'broken' failed when it was started \([a-z-]* with status 78\), and is not started again: littleboxd\\[broken\\]: .*unknown setting 'no-such-setting'" doctor.out
    }
    await "doctor to say what it died of" told
    rm /etc/littlebox/broken.conf
    sed -n "s/^      hint: mend that, then: //p" doctor.out >next
    check "the cure" bash -eu next
    check "it answers" littlebox --box broken init
    kill "$JOURNALD"
    wait "$JOURNALD" || true
else
    say "no journald: the reason in the journal is not tried"
fi

# The upgrade of boxes that ran as the user of all.
useradd --system --no-create-home --shell /usr/sbin/nologin littlebox
# as_before BOX : it runs as littlebox, with a key; what the unit says from its next start on is what is installed.
as_before() {
    local drop_in=/etc/systemd/system/littleboxd@$1.service.d
    mkdir "$drop_in"
    printf '[Service]\nUser=littlebox\n' >"$drop_in/user.conf"
    systemctl daemon-reload
    check "box $1 as before" systemctl start "littleboxd@$1.socket"
    check "with a store" littlebox --box "$1" init
    check "and a key" littlebox --box "$1" create key
    same "it runs as littlebox" "$(id -u littlebox)" "$(stat -c %u "/proc/$(main_pid "$1")")"
    rm -r "$drop_in"
    systemctl daemon-reload
}
as_before old
refused "it is not taken away while it runs" "box 'old' is running" littlebox box create old
check "stopped" systemctl stop littleboxd@old.socket littleboxd@old.service
check "littlebox box create old" littlebox box create old
check "started" systemctl start littleboxd@old.socket
check "the key signs" box_signs old
of_user old
# Not as NEWS says: systemd gives the store to the user, nobody the credential.
useradd --system --no-create-home --shell /usr/sbin/nologin littlebox-hasty
as_before hasty
refused "doctor knows that its next start is another user's" \
    "^FAIL  at its next start box 'hasty' stays locked: cannot read /etc/littlebox/hasty.credential: Permission denied" littlebox --box hasty doctor
check "restarted" systemctl restart littleboxd@hasty.service
refused "it is locked" 'is locked' littlebox --box hasty create other
says "and says why" 'cannot read the credential .*: Permission denied' /run/box-hasty.log
check "littlebox box create hasty" littlebox box create hasty
check "littlebox unlock" littlebox --box hasty unlock
check "the key signs" box_signs hasty
of_user hasty

# A box in front of a token, by the page of its example.
if command -v softhsm2-util >/dev/null && [ -e /usr/lib/softhsm/libsofthsm2.so ]; then
    sed -n '/^## SoftHSM2/,/^## A TPM/s/^    //p' "$LITTLEBOX_SRC/examples/pkcs11/README.md" | grep -v '^apt-get' >token
    cat token
    check "the page's commands" env -C "$LITTLEBOX_SRC/examples/pkcs11" bash -eu "$TEST_DIR/token"
    check "a key on the token" littlebox --box softhsm create key --type ec:P-256
    check "it signs" box_signs softhsm
    of_user softhsm
    refused "the token is not another box's" 'Permission denied' as default ls /var/lib/littlebox/softhsm/tokens
    refused "nor is the PIN" 'Permission denied' as default cat /etc/littlebox/softhsm.pin
    # What other programs write, by the page: as the box's user, or as root and then given to it.
    softhsm() {
        "$@" pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label servers --login \
            --pin "$(cat /etc/littlebox/softhsm.pin)" --keypairgen --key-type EC:prime256v1 --id "$ID" --label other >>tool.log 2>&1
    }
    export SOFTHSM2_CONF=/etc/littlebox/softhsm2.conf
    on_token() { littlebox --box softhsm list --token | grep -q "^other  *$1 "; }
    ID=0c check "pkcs11-tool as the box's user" softhsm as softhsm
    await "its key in the box" on_token 0c
    ID=0d check "pkcs11-tool as root" softhsm env
    systemctl restart littleboxd@softhsm.service
    check "its key is not to be seen" not on_token 0d
    chown -R littlebox-softhsm: /var/lib/littlebox/softhsm/tokens
    systemctl restart littleboxd@softhsm.service
    check "until it is the box's" on_token 0d
else
    say "no SoftHSM2: examples/pkcs11 is not run"
fi

# openCryptoki, by the page; and without the drop-in, where its token keeps nothing and says nothing.
if [ "$(dpkg-query -W -f '${Version}' opencryptoki 2>/dev/null | cut -d + -f 1)" = 3.8.1 ]; then
    cp /lib/systemd/system/pkcsslotd.service /etc/systemd/system/
    mkdir -p /run/lock
    chmod 1777 /run/lock /dev/shm
    systemd-tmpfiles --create opencryptoki.conf
    sed -n '/^## openCryptoki/,/^Slot 3/s/^    //p' "$LITTLEBOX_SRC/examples/pkcs11/README.md" | grep -v '^apt-get' >ock
    cat ock
    check "the page's commands" env -C "$LITTLEBOX_SRC/examples/pkcs11" bash -eu "$TEST_DIR/ock"
    check "a key on the token" littlebox --box ock create key --type rsa:2048
    check "it signs" box_signs ock
    check "the box restarts" systemctl restart littleboxd@ock.service
    check "it signs again" box_signs ock
    same "the objects are the group's" pkcs11 "$(stat -c %G /var/lib/opencryptoki/swtok/TOK_OBJ/* | sort -u)"
    rm -r /etc/systemd/system/littleboxd@ock.service.d
    systemctl daemon-reload
    check "without the drop-in" systemctl restart littleboxd@ock.service
    refused "a key that is not written is none" 'said that it keeps the new key .lost., and does not have it' \
        littlebox --box ock create lost --type rsa:2048
    openssl genrsa -out plain.pem 2048 2>/dev/null
    cp plain.pem lost.pem
    refused "nor is one that would be adopted" 'bringing the key in: CKR_FUNCTION_FAILED' littlebox --box ock adopt lost.pem
    check "which stays where it was" cmp plain.pem lost.pem
else
    say "no openCryptoki 3.8.1, which the page is for: its part of examples/pkcs11 is not run"
fi

# Backup and restore, by the page. section PAGE TITLE : the commands under that heading, as a script
section() {
    sed -n "/^## $2\$/,/^## /s/^    //p" "$LITTLEBOX_SRC/examples/$1/README.md" >section.sh
    [ -s section.sh ] || fail "examples/$1/README.md has no commands under '$2'"
    cat section.sh
}
section backup 'Back up'
check "the page's backup" bash -eu section.sh
check "a key that is made after it" littlebox create later
section backup 'Try a backup'
check "the backup opens" bash -eu section.sh >tried 2>&1
says "and has the key" '^key  ' tried
# Renamed into its place: the box says so, what it has open is saved, and nothing is lost.
cp /root/backup/store.db /var/lib/littlebox/default/store.new
mv /var/lib/littlebox/default/store.new /var/lib/littlebox/default/store.db
refused "nothing is changed" 'was replaced or written by somebody else' littlebox create third
section backup 'What goes wrong'
check "the page's rescue" bash -eu section.sh
# As root left it, it does not start; by the cure that it names it does.
systemctl stop littleboxd@default.socket littleboxd@default.service
systemctl start littleboxd@default.socket
refused "it cannot be opened" 'belongs to uid 0' timeout "$AWAIT_SECONDS" littlebox list
littlebox list 2>closed || sed -n 's/^hint: //p' closed >cure.sh
cat closed
check "the cure" bash -u cure.sh
check "it serves the backup" box_signs default
refused "without what was made later" "no key 'later'" littlebox show later
# The saved one, as a backup.
cp /root/store.db.saved /root/backup/store.db
section backup Restore
grep '^littlebox seal add' section.sh >seal.sh
sed -i '/^littlebox seal add/d' section.sh
check "the page's restore" bash -eu section.sh
mv /etc/littlebox/default.credential lost.credential
check "the page's new credential" bash -eu seal.sh
check "what was made later is there" littlebox show later
check "and signs" box_signs default
check "what was there is kept" test -e /root/before/default/store.db
littlebox destroy later --now --yes

# The look of each quarter of an hour, by its page.
section monitoring 'Does it sign, and will it after the next start?'
ln -sf "$LITTLEBOX_SRC"/examples/monitoring/* .
check "the page's commands" bash -eu section.sh
check "a look" systemctl start littlebox-check@default.service
mv /etc/littlebox/default.credential away
refused "one that does not find all well" 'failed' systemctl start littlebox-check@default.service
mv away /etc/littlebox/default.credential
check "and the next" systemctl start littlebox-check@default.service
section monitoring systemd
sed -i '/^systemctl is-failed/d' section.sh
check "the page's commands" bash -eu section.sh
systemctl disable --now littlebox-check@default.timer

# A credential for this machine alone, by the lines of littleboxd(8).
sed -n '/^install -d -m 0700/,/^shred/p' "$LITTLEBOX_SRC/keystore/man/littleboxd.8" | sed 's/\\e$/\\/' >creds
cat creds
check "the manual's lines" bash -eu creds
check "there is no file in the clear any more" test ! -e /etc/littlebox/default.credential
check "the box is open" littlebox status
# What systemd gave it is there in the mounts of its process; no other user may see it there either.
given() {
    nsenter -t "$(main_pid default)" -m -r setpriv --reuid "littlebox-$1" --regid "littlebox-$1" --clear-groups \
        cat /run/credentials/littleboxd@default.service/littlebox
}
check "by what systemd gave it" given default >/dev/null
refused "which is its alone" 'Permission denied' given payments
check "and signs" box_signs default
# next TEXT : what status says of the next start
next() {
    littlebox status >status.out || fail "status: $(cat status.out)"
    says "$2" "^next start  *$1" status.out
}
next 'opens itself with /etc/credstore.encrypted/littlebox.default ' "it is tried"
check "littlebox lock" littlebox lock
check "root unlocks it with that" setsid -w littlebox unlock
check "and it signs again" box_signs default
# Nobody else's box gets that, by whatever it says and under the same name.
install -m 0755 "$LITTLEBOX_BUILD/test/cli/fakebox" /run/fakebox
for kind in locked handed; do
    install -d -o nobody "/run/fake-$kind"
    setpriv --reuid nobody --clear-groups /run/fakebox "/run/fake-$kind/default.sock" $kind \
        /etc/credstore.encrypted/littlebox.default >"said-$kind" 3>&- &
    pids="${pids-} $!"
    await "the other box" grep -q ready "said-$kind"
    littlebox --dir "/run/fake-$kind" --users nobody status >/dev/null 2>&1 || true
    setsid -w littlebox --dir "/run/fake-$kind" --users nobody unlock >/dev/null 2>&1 || true
    printf 'openssl_conf = i\n[i]\nproviders = p\n[p]\nlittlebox = l\n[l]\nactivate = 1\nlittlebox-directory = /run/fake-%s\nlittlebox-users = nobody\n' \
        $kind >"$kind.cnf"
    OPENSSL_CONF=$TEST_DIR/$kind.cnf littlebox doctor >doctor.out 2>&1 || true
    says "doctor has found the other box" "at its next start box 'default' " doctor.out
    check "it was asked" grep -q 'request 0048' "said-$kind"
    check "and got nothing ($kind)" not grep '^secret' "said-$kind"
done
# shellcheck disable=SC2086
kill $pids
cp /etc/credstore.encrypted/littlebox.default kept
head -c 100 /dev/urandom | base64 >/etc/credstore.encrypted/littlebox.default
next 'stays locked: systemd cannot decrypt /etc/credstore.encrypted/littlebox.default' "one that does not decrypt is no start"
head -c 64 /dev/urandom >other
check "one of another secret" systemd-creds encrypt --name=littlebox other /etc/credstore.encrypted/littlebox.default
next 'stays locked: /etc/credstore.encrypted/littlebox.default opens no seal of this store' "is seen"
rm /etc/credstore.encrypted/littlebox.default
next 'stays locked: /etc/littlebox/default.credential is not there' "as none is"
mkdir /etc/systemd/system/littleboxd@default.service.d
printf '[Service]\nLoadCredential=littlebox:%s/other\n' "$TEST_DIR" >/etc/systemd/system/littleboxd@default.service.d/own.conf
systemctl daemon-reload
next 'not known: the service manager hands over a credential' "and that a line of the administrator decides"
rm -r /etc/systemd/system/littleboxd@default.service.d
systemctl daemon-reload
cp kept /etc/credstore.encrypted/littlebox.default
next 'opens itself' "it is well again"
check "restarted" systemctl restart littleboxd@default.service
check "and open" littlebox status
# Uninstalled under a box that runs, and installed again; by the page, with this build's make.
make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "$(type -P make)" -s -C "$LITTLEBOX_BUILD" "$@"; }
export -f make
export LITTLEBOX_BUILD
mkdir -p /etc/nginx
printf 'user root;\nhttp { server { listen 1 ssl; ssl_certificate /etc/nginx/web.crt; ssl_certificate_key /etc/nginx/web.pem; } }\n' \
    >/etc/nginx/nginx.conf
littlebox handle key --out /etc/nginx/web.pem --force
section upgrade Upgrade
old=$(littlebox --json status | sed -n 's/^ *"pid": //p')
check "the page's upgrade" bash -eu section.sh >upgrade.log 2>&1
says "names what runs" "box 'default' runs, as it was started" upgrade.log
says "and how to replace it" 'hint: .*systemctl reload littleboxd@default.service' upgrade.log
replaced() { [ "$(littlebox --json status | sed -n 's/^ *"pid": //p')" != "$old" ]; }
await "the process to be replaced" replaced
# The provider's file beside the system's, as step 3 of the README has it.
mkdir -p /etc/systemd/system/nginx.service.d
printf '[littlebox_sect]\nactivate = 1\n' >/etc/ssl/littlebox.cnf
printf '[Service]\nEnvironment=OPENSSL_CONF=/etc/ssl/littlebox.cnf\n' >/etc/systemd/system/nginx.service.d/littlebox.conf
section upgrade Uninstall
check "the page's uninstall" bash -eu section.sh >uninstall.log 2>&1
cat uninstall.log
says "says what runs" "box 'default' still runs" uninstall.log
says "who has handles" 'nginx still has a handle: .*/etc/nginx/web.pem.*littlebox:key' uninstall.log
says "and what openssl.cnf names" '/openssl.cnf still names the provider' uninstall.log
says "its section whole" 'take these lines out: .*\[littlebox_section\]; [0-9]+:activate = 1' uninstall.log
says "and what a service has instead" \
    '/etc/ssl/littlebox.cnf still names the provider, and /etc/systemd/system/nginx.service.d/littlebox.conf gives it' uninstall.log
rm -r /etc/systemd/system/nginx.service.d /etc/ssl/littlebox.cnf
check "the box is there" test -S /run/littlebox/default.sock
# The next start of what is installed again, without the cure of the page.
check "make install" make install >install.log 2>&1
says "says what runs too" "box 'default' runs, as it was started" install.log
says "and that its socket is lost" 'hint: .*systemctl restart littleboxd@default.socket' install.log
systemctl daemon-reload
check "it serves" littlebox status
refused "it does not come back" 'failed' systemctl restart littleboxd@default.service
says "and says what to do" 'cannot listen on /run/littlebox/default.sock: Permission denied; systemd handed over no socket: systemctl reset-failed .littleboxd@default\.\*.; systemctl restart littleboxd@default.socket' \
    /run/box-default.log
littlebox status 2>closed || sed -n 's/^hint: start it: //p' closed >cure.sh
cat closed cure.sh
check "so does the command" bash -eu cure.sh
check "and it is back" box_signs default
section upgrade 'Install again'
check "the page's way" bash -eu section.sh
check "the box signs" box_signs default
finish
