#!/usr/bin/env bash
# Deployments: what is written, what is remembered, what runs, what is refused, and that doing it twice is free.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=deploy-lib.sh
. "$(dirname "$0")/deploy-lib.sh"
begin_cli

start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
littlebox create mail --type rsa:2048 >/dev/null
authority
mkdir "$T/tls"
cd "$T"
conf=$BOX_DIR/deploy/default
me=$(id -u)

# --- What is no deployment
expect 2 "'deploy' needs a key, --all or --list" littlebox deploy
expect 2 "'deploy' needs a key, --all or --list" littlebox deploy web --all
expect 2 "a deployment needs --handle FILE or --combined FILE" littlebox deploy web --chain tls/web.crt
expect 2 "'deploy --all' takes no settings of a deployment" littlebox deploy --all --mode 0600
expect 2 "'deploy --forget' takes no settings of a deployment" littlebox deploy web --forget x --reload true
expect 2 "'deploy --list' runs nothing" littlebox deploy --list --reload-always
expect 2 "--forget goes with a key" littlebox deploy --all --forget x
expect 2 "--sni goes with --check" littlebox deploy web --handle tls/web.pem --sni x
expect 2 "--mode is there twice" littlebox deploy web --handle tls/web.pem --mode 0600 --mode 0644
expect 1 "'web;version=1' is not a key name" littlebox deploy 'web;version=1'
expect 1 "key 'web' in box 'default' has no deployment" littlebox deploy web
expect 1 "hint: make one: littlebox --box default deploy web --handle FILE --chain FILE --reload LINE" littlebox deploy web
expect 0 "box 'default' has no deployments" littlebox deploy --all
expect 0 '' littlebox deploy --list
expect 0 '' littlebox --json deploy --list
expect_json box '"default"' deployments '[]'
expect 1 "no deployment in box 'default' writes 'tls/web.pem'" littlebox deploy web --forget tls/web.pem
# refuses TEXT OPTION... : and nothing is made.
refuses() {
    expect 1 "$1" littlebox deploy web --handle tls/web.pem "${@:2}"
    nothing_left tls
    [ -z "$(deployments_in "$conf")" ] || fail "remembered: $(ls -A "$conf")"
}
refuses "--mode = 0666: it must be an octal mode in which the owner alone may write" --mode 0666
refuses "--mode = 0755: it must be" --mode 0755
refuses "--mode = 4600: it must be" --mode 4600
refuses "--owner = nobody-there: it must be USER or USER:GROUP of this system" --owner nobody-there
refuses "--check = localhost: it must be HOST:PORT or the path of a socket" --check localhost
refuses "--check = h:443,gopher: it must be" --check h:443,gopher
refuses "--check = h:70000: it must be" --check h:70000
refuses "--check = fe80::1:443: it must be" --check fe80::1:443
refuses "--sni = a b: it must be a host's name" --check h:443 --sni 'a b'
refuses "--reload = : it must be something" --reload ''
refuses "it must be one line of printable text" --reload $'true\nkey = mail'
refuses "--chain = $T/tls/../x: it must be the absolute path of a file, without '.', '..' or '//' in it" --chain tls/../x
refuses "'$T/tls/web.pem' cannot be two files at once" --chain ./tls/web.pem
refuses "hint: for certificates and handle in one file: combined" --chain ./tls/web.pem
refuses "version 1 of key 'web' in box 'default' has no certificate" --chain tls/web.crt
refuses "hint: set one: littlebox --box default cert set web FILE" --chain tls/web.crt
expect 1 "cannot open the directory of '$T/nowhere/web.pem'" littlebox deploy web --handle nowhere/web.pem
expect 1 "there is no key 'absent'" littlebox deploy absent --handle tls/web.pem
nothing_left tls

# --- Written, remembered, told
certify web
certify mail
handle_of web
handle_of mail
# ran TEXT : the lines that ran since the last look.
ran() {
    [ "$(xargs <"$T/ran")" = "$1" ] || fail "ran: $(cat "$T/ran")"
    : >"$T/ran"
}
: >ran
expect 0 "version 1 of key 'web' in $T/tls/web.pem, $T/tls/web.crt: written; its server was told" \
    littlebox deploy web --handle tls/web.pem --chain ./tls/web.crt --reload "echo one >>'$T/ran'" \
    --reload "cat >>'$T/ran'; pwd >>'$T/ran'"
has tls/web.pem web.handle
has tls/web.crt web.chain
nothing_left tls web.pem web.crt
ran 'one /'
[ "$(stat -c '%a %u' tls/web.pem tls/web.crt | sort -u)" = "644 $me" ] || fail "modes: $(stat -c '%a %u' tls/*)"
name=$(tr / - <<<"${T#/}/tls/web.pem")
nothing_left "$conf" "$name.conf"
[ "$(sed 1d "$conf/$name.conf")" = "key = web
handle = $T/tls/web.pem
chain = $T/tls/web.crt
reload = echo one >>'$T/ran'
reload = cat >>'$T/ran'; pwd >>'$T/ran'" ] || fail "remembered: $(cat "$conf/$name.conf")"
[ "$(stat -c %a "$conf/$name.conf")" = 644 ] || fail "mode of the deployment"

# Twice is free: no file is new, and nothing runs.
before=$(stat -c '%i %y' tls/* "$conf"/*)
expect 0 "version 1 of key 'web' in $T/tls/web.pem, $T/tls/web.crt: as it was" littlebox deploy web
expect 0 "as it was" littlebox deploy --all
[ "$before" = "$(stat -c '%i %y' tls/* "$conf"/*)" ] || fail "something was written"
ran ''
expect 0 "as it was; its server was told" littlebox deploy web --reload-always
[ "$before" = "$(stat -c '%i %y' tls/* "$conf"/*)" ] || fail "something was written"
ran 'one /'
# A server that was not told is told the next time, also where nothing is new.
mv ran ran.away
mkdir ran
expect 4 "once that command works: littlebox deploy web" littlebox deploy web --reload-always
rmdir ran
mv ran.away ran
expect 0 "as it was; its server was told" littlebox deploy web
ran 'one /'
expect 0 "as it was" littlebox deploy web
ran ''

# A new chain: that file alone is new, and has another inode.
was=$(stat -c %i tls/web.crt) handle=$(stat -c %i tls/web.pem)
certify web 21
expect 0 "written; its server was told" littlebox deploy web
has tls/web.crt web.chain
[ "$(stat -c %i tls/web.crt)" != "$was" ] || fail "the chain was written over"
[ "$(stat -c %i tls/web.pem)" = "$handle" ] || fail "the handle was written again"
ran 'one /'
# So it is where mode or owner is not as it should be.
chmod 600 tls/web.pem
expect 0 "written; its server was told" littlebox deploy web
[ "$(stat -c %a tls/web.pem)" = 644 ] || fail "mode of the handle"
ran 'one /'
rm tls/web.pem
expect 0 "written; its server was told" littlebox deploy --all
has tls/web.pem web.handle
ran 'one /'

# The box knows where the handle is.
expect 1 "a handle of it: $T/tls/web.pem" littlebox destroy web
expect 1 "it is deployed in $T/tls/web.pem" littlebox destroy web

# --- Several, of several keys; a line that two have runs once
expect 0 "written" littlebox deploy mail --handle tls/mail.pem --chain tls/mail.crt --mode 0600 --reload "echo one >>'$T/ran'"
ran one
expect 0 "written" littlebox deploy mail --combined tls/both.pem --reload "echo three >>'$T/ran'"
ran three
cat mail.chain mail.handle >both
has tls/both.pem both
[ "$(stat -c %a tls/mail.pem)" = 600 ] || fail "mode"
rm tls/*.pem
expect 0 "version 1 of key 'mail' in $T/tls/both.pem: written; its server was told" littlebox deploy --all
has tls/both.pem both
has tls/mail.pem mail.handle
has tls/web.pem web.handle
sort -o ran ran
ran '/ one three'
expect 0 '' littlebox deploy --list
expect_out "$T/tls/both.pem"
expect 0 '' littlebox --json deploy --list
expect_json deployments.# 3 deployments.0.key '"mail"' deployments.0.combined "\"$T/tls/both.pem\"" deployments.0.handle null \
    deployments.1.mode '"0600"' deployments.2.reload.# 2 deployments.2.unfinished false deployments.2.check null \
    deployments.2.configuration "\"$conf/$name.conf\""
rm tls/web.crt
littlebox --json deploy web >out 2>/dev/null
expect_json deployments.# 1 deployments.0.key '"web"' deployments.0.version 1 deployments.0.written true \
    deployments.0.reloaded true deployments.0.serves null deployments.0.error null
: >ran

# The same file again, with other settings: it takes the place. The file of another is refused.
expect 0 "as it was; its server was told" littlebox deploy web --handle tls/web.pem --chain tls/web.crt --reload "echo new >>'$T/ran'"
ran new
nothing_left "$conf" "$name.conf" "${name/web.pem/mail.pem}.conf" "${name/web.pem/both.pem}.conf"
expect 1 "'$T/tls/mail.crt' is written by a deployment of key 'mail' already, that of '$T/tls/mail.pem'" \
    littlebox deploy web --handle tls/other.pem --chain tls/mail.crt
expect 1 "hint: if that one is no longer meant: littlebox --box default deploy mail --forget $T/tls/mail.pem" \
    littlebox deploy web --handle tls/other.pem --chain tls/mail.crt
expect 1 "is written by a deployment of key 'mail' already" littlebox deploy web --handle tls/mail.pem
[ ! -e tls/other.pem ] || fail "a refused deployment was done"
# One file that two paths lead to is one file.
ln -s tls alias
expect 1 "'$T/alias/mail.crt' is written by a deployment of key 'mail' already, that of '$T/tls/mail.pem'" \
    littlebox deploy web --handle tls/other.pem --chain alias/mail.crt
expect 1 "'$T/tls/other.pem' and '$T/alias/other.pem' are one file" littlebox deploy web --handle tls/other.pem --chain alias/other.pem
expect 0 "as it was; its server was told" littlebox deploy web --handle alias/web.pem --chain tls/web.crt --reload "echo alias >>'$T/ran'"
ran alias
nothing_left "$conf" "$name.conf" "${name/web.pem/mail.pem}.conf" "${name/web.pem/both.pem}.conf"
expect 0 "as it was; its server was told" littlebox deploy web --handle tls/web.pem --chain tls/web.crt --reload "echo new >>'$T/ran'"
ran new
printf 'key = web\nhandle = %s\n' "$T/alias/both.pem" >"$conf/twin.conf"
expect 4 "neither is done" littlebox deploy --all
printf 'key = web\nhandle = %s\nchain = %s\n' "$T/alias/twin.pem" "$T/tls/twin.pem" >"$conf/twin.conf"
expect 4 "twin.conf: '" littlebox deploy web
expect 4 "cannot be two files at once" littlebox deploy web
[ ! -e tls/twin.pem ] || fail "one file is written twice"
rm "$conf/twin.conf"
# Names that differ in what a file's name cannot show are two files.
mkdir tls/a
expect 0 written littlebox deploy web --handle tls/a/b.pem
expect 0 written littlebox deploy web --handle tls/a-b.pem
[ -e "$conf/${name/web.pem/a-b.pem}.conf" ] || fail "names: $(ls "$conf")"
[ -e "$conf/${name/web.pem/a-b.pem}-2.conf" ] || fail "names: $(ls "$conf")"

# --- Forgotten
expect 1 "'tls/mail.pem' is written by a deployment of key 'mail', not of 'web'" littlebox deploy web --forget tls/mail.pem
expect 0 "the files of it stay as they are" littlebox deploy mail --forget tls/mail.pem
[ ! -e "$conf/${name/web.pem/mail.pem}.conf" ] || fail "not forgotten"
[ -e tls/mail.pem ] || fail "a file went"
expect 0 "the files of it stay" littlebox deploy web --forget "$T/alias/a/b.pem"
expect 0 "the files of it stay" littlebox deploy web --forget tls/a-b.pem

# --- Commands that fail: the files are in their places, and the next run tells the server
expect 4 "'echo why; exit 3' failed: exit status 3" littlebox deploy mail --handle tls/mail.pem --reload 'echo why; exit 3' \
    --reload "echo never >>'$T/ran'"
grep -q '^littlebox:   why$' err || fail "not what it said: $(cat err)"
expect 4 "hint: the files are in their places; once that command works: littlebox deploy mail" littlebox deploy mail
has tls/mail.pem mail.handle
ran ''
expect 0 '' littlebox --json deploy --list
expect_json deployments.1.unfinished true
sed -i "s/^reload = echo why.*/reload = echo again >>${T//\//\\/}\/ran/" "$conf/${name/web.pem/mail.pem}.conf"
expect 0 "as it was; its server was told" littlebox deploy mail
ran 'again never'
expect 0 "as it was" littlebox deploy mail
ran ''
# One that says much: it is read to its end, and where it fails the first and the last of it are shown.
cat >"$conf/loud.conf" <<END
key = mail
handle = $T/tls/loud.pem
reload = seq 1 200000; printf 'no end of line' >&2
END
expect 0 "its server was told" littlebox deploy mail
sed -i 's/^reload = .*/reload = echo first; seq 1 200000; printf last; exit 7/' "$conf/loud.conf"
expect 4 "failed: exit status 7" littlebox deploy mail --reload-always
for line in first 200000 last '\[\.\.\.\]'; do
    grep -q "^littlebox:   $line$" err || fail "no line '$line': $(cat err)"
done
[ "$(wc -l <err)" -lt 40 ] || fail "it says $(wc -l <err) lines"
if sed -n 's/^littlebox:   //p' err | grep -qvxE 'first|last|[0-9]+|\[\.\.\.\]'; then fail "lines that are none: $(cat err)"; fi
sed -i "s/^reload = .*/reload = head -c 300000 \/dev\/zero | tr '\\\\0' x; exit 7/" "$conf/loud.conf"
expect 4 "failed: exit status 7" littlebox deploy mail --reload-always
[ "$(wc -c <err)" -lt 9000 ] || fail "it says $(wc -c <err) bytes"
rm "$conf/loud.conf"
# One that hangs is ended, with what it started; one that leaves a daemon behind is not waited for.
cat >"$conf/slow.conf" <<END
key = mail
handle = $T/tls/slow.pem
reload = sleep 1000 & echo \$! >$T/sleeper; wait
reload-seconds = 1
END
expect 4 "was ended after 1 seconds" littlebox deploy mail
await "the sleeper to end" gone "$(cat sleeper)"
sed -i -e "s|^reload = .*|reload = (trap '' PIPE; while sleep 0.1; do echo on; done) \& echo \$! >$T/sleeper|" -e '/seconds/d' "$conf/slow.conf"
expect 0 "its server was told" littlebox deploy mail
alive "$(cat sleeper)" || fail "what was left behind is gone"
stop "$(cat sleeper)"
rm "$conf/slow.conf"

# --- Files that would be lost
openssl genpkey -algorithm ed25519 -out plain.key
openssl pkey -in plain.key -aes256 -passout pass:x -out encrypted.key
cat tls/both.pem plain.key >mixed.pem
{ cat web.chain && openssl ecparam -name prime256v1; } >params.pem
echo "dear diary" >diary
for file in plain.key encrypted.key mixed.pem params.pem diary web.chain tls/both.pem; do cp "$file" keep."${file##*/}"; done
# lost FILE OPTION TEXT
lost() {
    cp "keep.$1" "tls/lost"
    expect 1 "$3" littlebox deploy web "$2" tls/lost
    has tls/lost "keep.$1"
}
lost plain.key --handle "'$T/tls/lost' has a private key in it, which would be lost"
grep -q "hint: name another file; to move that key into the box: littlebox adopt $T/tls/lost" err || fail "$(cat err)"
lost plain.key --combined "has a private key in it, which would be lost"
lost encrypted.key --handle "has a private key in it, which would be lost"
lost mixed.pem --combined "has a private key in it, which would be lost"
lost params.pem --combined "has something else in it than a handle and certificates, which would be lost"
lost diary --handle "has something else in it than a handle and certificates, which would be lost"
lost web.chain --handle "'$T/tls/lost' has certificates in it, not a handle"
lost both.pem --handle "has certificates in it beside the handle, which would be lost"
cp web.handle tls/lost
expect 1 "'$T/tls/lost' has a handle in it, which would be lost" littlebox deploy web --handle tls/x.pem --chain tls/lost
head -c 300000 /dev/zero >tls/lost
expect 1 "'$T/tls/lost' has 300000 bytes, which no handle and no chain has" littlebox deploy web --handle tls/lost
rm tls/lost
mkdir tls/lost
expect 1 "'$T/tls/lost' is no plain file" littlebox deploy web --handle tls/lost
rmdir tls/lost
mkfifo tls/lost
expect 1 "'$T/tls/lost' is no plain file" littlebox deploy web --handle tls/lost
rm tls/lost
: >tls/lost
expect 0 "written" littlebox deploy web --handle tls/lost
expect 0 "the files of it stay" littlebox deploy web --forget tls/lost
# One's own link is followed, and stays.
mkdir real
ln -s ../real/x.pem tls/link.pem
expect 0 "written" littlebox deploy web --handle tls/link.pem
[ -L tls/link.pem ] && has real/x.pem web.handle
expect 0 "the files of it stay" littlebox deploy web --forget tls/link.pem

# --- Files of deployments that are wrong: each says where, and the others are done
# wrong STATUS TEXT LINE... : STATUS of what is about the key web alone.
wrong() {
    printf '%s\n' "${@:3}" >"$conf/wrong.conf"
    rm -f tls/web.pem
    expect "$1" "${2#hint: }" littlebox deploy web
    has tls/web.pem web.handle
    expect 4 "$2" littlebox deploy --all
    expect 1 "$2" littlebox deploy --list
}
wrong 0 "$conf/wrong.conf:1: 'key' has no '='" key
wrong 4 "$conf/wrong.conf:2: unknown setting 'hanlde'" 'key = web' 'hanlde = /x'
wrong 4 "hint: did you mean 'handle'? see littlebox-deploy(5)" 'key = web' 'hanlde = /x'
wrong 4 "$conf/wrong.conf:3: 'key' is there twice" '# ' 'key = web' 'key = web'
wrong 0 "$conf/wrong.conf:1: handle = x: it must be the absolute path" 'handle = x'
wrong 0 "$conf/wrong.conf: there is no 'key'" 'handle = /x'
wrong 4 "$conf/wrong.conf: there is neither 'handle' nor 'combined'" 'key = web' 'chain = /x'
wrong 4 "'sni' is of no use without 'check'" 'key = web' 'handle = /x' 'sni = x'
wrong 0 "$conf/wrong.conf:1: key = a/b: it must be a key's name" 'key = a/b'
wrong 0 "$conf/wrong.conf:1: reload-seconds = 0: it must be a number of seconds from 1 to 3600" 'reload-seconds = 0'
wrong 0 "$conf/wrong.conf:1: unknown setting 'x'" 'x = 1' 'key = mail'
wrong 4 "$conf/wrong.conf:1: unknown setting 'x'" 'x = 1' '' ' key=web'
printf 'x = 1\nkey = mail\n' >"$conf/wrong.conf"
expect 0 "that deployment is left out, since it is another key's" littlebox deploy web
printf 'x = 1\n' >"$conf/wrong.conf"
expect 0 "that deployment is left out, since it is not known of which key it is" littlebox deploy web
expect 1 "unknown setting 'x'" littlebox deploy web --handle tls/new.pem
[ ! -e tls/new.pem ] || fail "done while it is not known what others write"
printf 'key = web\0\nhandle = /x\n' >"$conf/wrong.conf"
expect 4 "$conf/wrong.conf: there are NUL bytes in it" littlebox deploy web
printf 'key = web\nhandle = %s\n' "$T/tls/both.pem" >"$conf/wrong.conf"
expect 4 "both write '$T/tls/both.pem': neither is done" littlebox deploy --all
expect 4 "both write '$T/tls/both.pem': neither is done" littlebox deploy web
expect 4 "both write '$T/tls/both.pem': neither is done" littlebox deploy mail
expect 1 "both write '$T/tls/both.pem'" littlebox deploy web --handle tls/new.pem
[ ! -e tls/new.pem ] || fail "done while it is not known what others write"
rm "$conf/wrong.conf"
# What others may write to is not run.
chmod 664 "$conf/$name.conf"
expect 4 "$conf/$name.conf: others than root and you could choose the commands in it (uid $me, mode 0664)" littlebox deploy web
chmod 644 "$conf/$name.conf"
ln -s "$name.conf" "$conf/link.conf"
expect 0 "$conf/link.conf is a symbolic link: a deployment is a file" littlebox deploy web
expect 4 "$conf/link.conf is a symbolic link: a deployment is a file" littlebox deploy --all
rm "$conf/link.conf"
chmod 777 "$conf"
expect 1 "put another file in the place of '$conf/*.conf': '$conf' has mode 0777" littlebox deploy web
chmod 755 "$conf"
# A key that is gone is told, and the others are done.
littlebox destroy mail --now --yes
rm tls/web.pem
expect 4 "key 'mail'" littlebox deploy --all
has tls/web.pem web.handle
: >ran

# A new name of the key: the deployment goes with it.
littlebox rename web shop
handle_of shop
expect 0 "version 1 of key 'shop' in $T/tls/web.pem, $T/tls/web.crt: written" littlebox deploy shop
has tls/web.pem shop.handle
grep -qx 'key = shop' "$conf/$name.conf" || fail "still the old name: $(cat "$conf/$name.conf")"

finish
