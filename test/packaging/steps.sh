#!/usr/bin/env bash
# What administrators do with the packages of this directory, step by step, in a machine of test/packaging/machine.sh: install, use,
# upgrade, remove, purge, install again. after/ has the packages, before/ the same as an older version. Prints a line a check.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
work=$here/work
mkdir "$work"

say() { printf '%s\n' "$*"; }
die() {
    say "FAIL: $*"
    [ ! -s "$work/check.log" ] || tail -n 30 "$work/check.log"
    exit 1
}
check() {
    local what=$1
    shift
    "$@" >"$work/check.log" 2>&1 || die "$what"
    say "ok: $what"
}
not() { ! "$@"; }
# says WHAT PATTERN FILE
says() {
    grep -Eq -- "$2" "$3" || die "$1: no '$2' in: $(cat "$3")"
    say "ok: $1"
}
refused() {
    local what=$1 pattern=$2
    shift 2
    if "$@" >"$work/refused.log" 2>&1; then die "$what: it was not refused"; fi
    says "$what" "$pattern" "$work/refused.log"
}
# await WHAT COMMAND...
await() {
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "waited for $what"
        sleep 0.05
    done
}
debs() { printf '%s\n' "$here/$1"/littlebox_*.deb "$here/$1"/openssl-provider-littlebox_*.deb; }
# dpkg_of LOG ARGUMENT... : its output is kept.
dpkg_of() {
    local log=$work/$1.log
    shift
    dpkg --force-unsafe-io "$@" >"$log" 2>&1 </dev/null || die "dpkg $*: $(cat "$log")"
}
install_of() {
    local log=$1 debs
    mapfile -t debs < <(debs "$2")
    dpkg_of "$log" -i "${debs[@]}"
}
main_pid() { systemctl show -P MainPID 'littleboxd@default.service'; }
unlocked() { littlebox status >"$work/status.log" 2>&1; }
provider_works() { littlebox openssl status && openssl list -providers | grep -qx '  littlebox'; }
stock_openssl() { openssl version && openssl ciphers -s -tls1_3 && not grep -q littlebox /etc/ssl/openssl.cnf; }

# Files, but for what dpkg, nginx and the steps themselves write, and directories of AppArmor's that dh_apparmor's scripts take away
# when they are empty.
files() {
    find /boot /etc /opt /srv /usr /var /etc/systemd/system /usr/lib/systemd/system -xdev \( -path /var/lib/dpkg -o -path /var/log \
        -o -path /var/cache -o -path /var/tmp -o -path /var/lib/nginx -o -path "$here" \) -prune -o -print |
        grep -vE '^/etc/(passwd|shadow|group|gshadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$|/__pycache__|^/etc/apparmor\.d/(disable|local)$' | sort -u
}

# --- nginx, as it is: a server with a handle
nginx_at=/etc/nginx/conf.d/littlebox-packages.conf
start_server() {
    openssl req -x509 -key littlebox:web -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 -out /etc/nginx/web.crt
    littlebox handle web --out /etc/nginx/web.pem
    littlebox allow web --user www-data
    cat >"$nginx_at" <<'CONF'
server {
    listen 127.0.0.1:8443 ssl;
    server_name localhost;
    ssl_certificate /etc/nginx/web.crt;
    ssl_certificate_key /etc/nginx/web.pem;
    location / { return 200 "from a handle"; }
}
CONF
    nginx
}
handshake() {
    [ "$(OPENSSL_CONF=/dev/null curl -sS --max-time 20 --cacert /etc/nginx/web.crt --resolve localhost:8443:127.0.0.1 \
        https://localhost:8443/)" = "from a handle" ]
}
stop_server() {
    local pid
    pid=$(cat /run/nginx.pid)
    kill "$pid"
    await "nginx to end" not test -e "/proc/$pid"
}
restart_server() {
    stop_server
    nginx
}

ip link set lo up
mkdir -p /var/log/nginx
rm -f /etc/nginx/sites-enabled/*
# The manual's index, which takes its time after each of these.
rm -f /var/lib/man-db/auto-update
systemctl daemon-reload
cp /etc/ssl/openssl.cnf "$work/stock.cnf"
files >"$work/files.before"

# --- Half-installed
mapfile -t older < <(debs before)
mapfile -t newer < <(debs after)
refused "the provider alone" 'openssl-provider-littlebox depends on littlebox' dpkg --force-unsafe-io -i "${newer[1]}"
dpkg_of half-1 --purge openssl-provider-littlebox
dpkg_of half-2 -i "${newer[0]}"
refused "the daemon alone: no provider to be enabled" 'no provider module at .*/ossl-modules/littlebox.so' littlebox openssl enable --yes
refused "an older provider beside it" 'depends on littlebox \(=' dpkg --force-unsafe-io -i "${older[1]}"
check "openssl.cnf is untouched" cmp -s /etc/ssl/openssl.cnf "$work/stock.cnf"
dpkg_of half-3 --purge openssl-provider-littlebox littlebox
files >"$work/files.half"
check "nothing is left of that: $(diff "$work/files.before" "$work/files.half" | tr '\n' ' ')" cmp -s "$work/files.before" "$work/files.half"

# --- Installed
install_of install before
check "the socket of box default is enabled" systemctl -q is-enabled littleboxd@default.socket
check "and listens" systemctl -q is-active littleboxd@default.socket
check "the box is not started before it is asked" not systemctl -q is-active littleboxd@default.service
check "it has a user" getent passwd littlebox-default
says "who installs is told what is next" 'littlebox openssl enable' "$work/install.log"
check "openssl.cnf is as it was" cmp -s /etc/ssl/openssl.cnf "$work/stock.cnf"
check "littlebox init" littlebox init
check "littlebox create" littlebox create web --type ec:P-256
check "littlebox status" unlocked
check "completion for bash" test -f /usr/share/bash-completion/completions/littlebox
# shellcheck disable=SC2016 # for zsh
check "completion for zsh, where zsh looks" zsh -fc '[[ -n ${^fpath}/_littlebox(#qN) ]]'
for page in littlebox.1 littleboxd.8 littlebox.conf.5 littlebox-deploy.5 provider-littlebox.7; do
    check "$page" man -w "${page##*.}" "${page%.*}"
done
check "littlebox openssl enable" littlebox openssl enable --yes
check "programs have the provider" provider_works
start_server >"$work/server.log" 2>&1 || die "nginx"
check "nginx serves with a handle" handshake

# --- The autopkgtest, where its source is
if [ -d source ]; then
    stop_server
    command=$(sed -n 's/^Test-Command: //p' source/examples/packaging/debian/tests/control)
    (cd source && sh -c "$command") >"$work/quickstart.log" 2>&1 || die "the autopkgtest: $(cat "$work/quickstart.log")"
    says "the quickstart uses what is installed" 'The private key was in 0 of [0-9]+ nginx processes with a handle' "$work/quickstart.log"
    nginx
fi

# --- Upgraded: the box is another process, the socket the same, and enabled is what was.
pid=$(main_pid)
inode() { stat -c %i /run/littlebox/default.sock; }
socket=$(inode)
install_of upgrade after
[ "$(dpkg-query -W -f '${Version}' littlebox)" = "$(dpkg-deb -f "${newer[0]}" Version)" ] || die "it is another version"
check "the box was restarted" not test "$pid" = "$(main_pid)"
check "its socket was not" test "$socket" = "$(inode)"
check "it is unlocked" unlocked
check "nginx serves on" handshake
check "programs have the provider still" provider_works
kill -HUP "$(cat /run/nginx.pid)"
check "nginx serves after a reload" handshake
systemctl disable --now littleboxd@default.socket littleboxd@default.service 2>/dev/null
install_of reinstall after
check "what was disabled stays so" not systemctl -q is-enabled littleboxd@default.socket
check "and is not started" not systemctl -q is-active littleboxd@default.socket
systemctl enable --now littleboxd@default.socket 2>/dev/null
install_of again after
check "what was enabled stays so" systemctl -q is-enabled littleboxd@default.socket
check "the box answers" unlocked

# --- openssl is upgraded, and brings another openssl.cnf, which replaces the one that was changed.
new_openssl() {
    local tree=$work/openssl file
    mkdir -p "$tree/DEBIAN"
    dpkg -L openssl | while read -r file; do
        if [ -d "$file" ] && [ ! -L "$file" ]; then mkdir -p "$tree$file"; elif [ -e "$file" ]; then cp -a "$file" "$tree$file"; fi
    done
    { cat "$work/stock.cnf" && echo '# a newer one'; } >"$tree/etc/ssl/openssl.cnf"
    dpkg-query -s openssl | sed -e '/^Status:/d' -e '/^Conffiles:/,/^[A-Z]/{/^Conffiles:/d;/^ /d}' -e 's/^Version: .*/&+newer/' \
        >"$tree/DEBIAN/control"
    echo /etc/ssl/openssl.cnf >"$tree/DEBIAN/conffiles"
    dpkg-deb --root-owner-group -Znone -b "$tree" "$work/openssl.deb"
}
new_openssl >"$work/repack.log" 2>&1 || die "the newer openssl"
dpkg_of openssl-upgrade --force-confnew -i "$work/openssl.deb"
check "openssl.cnf is the newer one" grep -q 'a newer one' /etc/ssl/openssl.cnf
check "programs have the provider all the same" provider_works
restart_server
check "nginx serves after its restart" handshake

# --- Removed, while nginx has a handle.
refused "the daemon is not removed from below the provider" 'openssl-provider-littlebox depends on littlebox' \
    dpkg --force-unsafe-io -r littlebox
dpkg_of remove -r openssl-provider-littlebox littlebox
says "who removes is told of the handle" 'nginx has a handle, .*/etc/nginx/web.pem .*littlebox:web' "$work/remove.log"
check "openssl starts, and openssl.cnf names no provider" stock_openssl
check "openssl.cnf is whole" test "$(cat "$work/stock.cnf"; echo '# a newer one')" = "$(cat /etc/ssl/openssl.cnf)"
check "no box runs" not pgrep littleboxd
check "no socket is left" not test -e /run/littlebox
check "a running nginx is not stopped" test -e "/proc/$(cat /run/nginx.pid)"
stop_server
cp /var/lib/littlebox/default/store.db "$work/store.db"

# --- Purged: the keys stay.
dpkg_of purge --purge openssl-provider-littlebox littlebox
check "the store is there" cmp -s /var/lib/littlebox/default/store.db "$work/store.db"
check "so is its credential" test -s /etc/littlebox/default.credential
says "who purges is told where" 'the store of box .default. is still in /var/lib/littlebox/default' "$work/purge.log"
says "and where what opens it is" 'is still in /etc/littlebox$' "$work/purge.log"
check "no word proposes to delete it" not grep -Eq '^littlebox: .*(rm -|destroy)' "$work/purge.log"
check "nothing is enabled any more" test -z "$(find /etc/systemd/system -name 'littleboxd@*')"

# --- Installed again: the keys are there.
install_of back after
check "the box has its key" littlebox show web
check "littlebox openssl enable, again" littlebox openssl enable --yes
nginx
check "nginx serves with the same handle" handshake
stop_server

# --- Removed by force in the wrong order.
dpkg_of force --force-depends -r littlebox
dpkg_of force -r openssl-provider-littlebox
check "openssl.cnf names no provider without the command either" stock_openssl
check "and nothing of ours is beside it" not compgen -G '/etc/ssl/openssl-littlebox*'

# --- A provider that somebody activated by hand.
install_of hand after
# by_hand DIAGNOSTICS
by_hand() {
    cat >/etc/ssl/openssl.cnf <<CNF
config_diagnostics = $1
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
littlebox = littlebox_sect
[default_sect]
activate = 1
[littlebox_sect]
activate = 1
CNF
}
by_hand 1
check "it counts" provider_works
if OPENSSL_CONF=/etc/ssl/openssl.cnf OPENSSL_MODULES=/nonexistent openssl ciphers >/dev/null 2>&1; then
    say "ok: this OpenSSL starts without a module that is named"
else
    refused "the module stays where OpenSSL does not start without" 'OpenSSL would not start without the module' \
        dpkg --force-unsafe-io -r openssl-provider-littlebox
    check "and it is there" provider_works
fi
by_hand 0
dpkg_of by-hand -r openssl-provider-littlebox
check "where it does, the module goes" openssl ciphers -s
says "and that is said" 'names a provider that is not there any more|lines of its own' "$work/by-hand.log"
cp "$work/stock.cnf" /etc/ssl/openssl.cnf
rm -f /etc/ssl/openssl.cnf.dpkg-old # dpkg's, of when openssl was upgraded

# --- Purged, and what is left deleted by hand.
dpkg_of last --purge openssl-provider-littlebox littlebox
rm -r /etc/littlebox /var/lib/littlebox
rm -f /etc/nginx/web.pem /etc/nginx/web.crt "$nginx_at"
files >"$work/files.after"
check "nothing is left: $(diff "$work/files.before" "$work/files.after" | tr '\n' ' ')" cmp -s "$work/files.before" "$work/files.after"
say "done"
