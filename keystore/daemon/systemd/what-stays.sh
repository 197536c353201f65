#!/bin/sh
# what-stays.sh WHEN LITTLEBOX RUNDIR: what 'make install' and 'make uninstall' tell of boxes that run, and of what still counts
# on them. It changes nothing, and never fails. WHEN is install or uninstall; LITTLEBOX is the command as it was built.
when=$1 littlebox=$2 rundir=$3

say() { printf 'littlebox: %s\n' "$1"; }
hint() { printf 'hint: %s\n' "$1"; }

# The boxes of the system that answer.
running=
for socket in "$rundir"/*.sock; do
    [ -S "$socket" ] || continue
    box=$(basename "$socket" .sock)
    timeout 10 "$littlebox" --system --box "$box" status >/dev/null 2>&1
    case $? in
    0 | 3) running="$running $box" ;;
    esac
done
systemd=
[ ! -d /run/systemd/system ] || systemd=yes

# lost_socket BOX: systemd does not hold the socket at which that box listens, as after its units were away; the next start of the
# box would find none.
lost_socket() {
    inode=$(awk -v path="$rundir/$1.sock" '$8 == path && $4 == "00010000" { print $7; exit }' /proc/net/unix 2>/dev/null)
    [ -n "$inode" ] && held=$(ls -l /proc/1/fd 2>/dev/null) && ! printf '%s\n' "$held" | grep -Fq "socket:[$inode]"
}

if [ "$when" = install ]; then
    for box in $running; do
        say "box '$box' runs, as it was started: not yet by what was installed"
        [ -n "$systemd" ] || continue
        if lost_socket "$box"; then
            say "systemd has lost the socket of box '$box': it serves on, and would not start again"
            hint "systemctl daemon-reload && systemctl restart littleboxd@$box.socket"
        else
            hint "systemctl daemon-reload && systemctl reload littleboxd@$box.service"
        fi
    done
    exit 0
fi

for box in $running; do
    say "box '$box' still runs, and serves until it is stopped; then nothing starts it again"
    if [ -n "$systemd" ]; then
        hint "stop it for good: systemctl disable --now littleboxd@$box.socket littleboxd@$box.service"
        hint "or install again, and then: systemctl daemon-reload && systemctl restart littleboxd@$box.socket"
    fi
done
# provider_lines FILE: those that name the provider, and all of its own section, with their numbers.
provider_lines() {
    awk '/^[ \t]*(#|$)/ { next }
        /^[ \t]*\[/ { ours = /littlebox/ }
        ours || /^[^#]*littlebox/ { printf "%s%d:%s", n++ ? "; " : "", NR, $0 }' "$1"
}

conf=$(openssl version -d 2>/dev/null | sed -n 's/^OPENSSLDIR: "\(.*\)"$/\1/p')/openssl.cnf
if grep -Eqs '^[^#]*littlebox' "$conf"; then
    say "$conf still names the provider: programs that read it cannot load it any more"
    if grep -Eqs '^\.include .*/openssl-littlebox\.cnf$' "$conf"; then
        hint "'littlebox openssl enable' put this in: $(provider_lines "$conf")"
        hint "take it out while the command is still in the build: $littlebox openssl disable"
    else
        hint "take these lines out: $(provider_lines "$conf")"
    fi
fi
# The files of OpenSSL's configuration that units name, each with the drop-in that does.
grep -Ers '^[^#]*OPENSSL_CONF=' /etc/systemd/system | while IFS= read -r line; do
    unit=${line%%:*}
    side=$(printf '%s\n' "$line" | sed "s/.*OPENSSL_CONF=//; s/[\"' ].*//")
    grep -Eqs '^[^#]*littlebox' "$side" || continue
    say "$side still names the provider, and $unit gives it to a service"
    hint "take the line out of $unit, then: systemctl daemon-reload; then $side can go"
done
timeout 120 "$littlebox" handle --list 2>/dev/null | while IFS= read -r line; do
    say "${line%%:*} still has a handle: ${line#*: }"
done
say "stores, credentials and configuration are where they were, and so are the users of boxes: see examples/upgrade/README.md"
exit 0
