#!/usr/bin/env bash
# A stock OpenVPN, server in its chroot and client, with examples/openvpn; the client has a network of its own.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs openvpn openssl curl ip /usr/bin/python3
[ -c /dev/net/tun ] || skip "this machine gives no /dev/net/tun"
own_machine /etc/openvpn
TLS=/etc/openvpn/tls

# Two machines.
mkdir -p /run/netns
ip netns add client 2>"$TEST_DIR/netns.log" || skip "no second network: $(cat "$TEST_DIR/netns.log")"
ip link add out type veth peer name in netns client
ip address add 192.0.2.1/24 dev out
ip link set out up
ip -n client address add 192.0.2.2/24 dev in
ip -n client link set in up
echo "192.0.2.1 vpn.example.org" >>/etc/hosts

complete() { grep -q '^Initialization Sequence Completed' "$TEST_DIR/$1.log"; }
# start_end NAME PREFIX... : server or client, as Debian's units do. Sets SERVER or CLIENT.
start_end() {
    local name=$1
    shift
    : >"$TEST_DIR/$name.log"
    (cd "/etc/openvpn/$name" && exec "${SYSTEM[@]}" "$@" openvpn --suppress-timestamps --config "$name.conf") \
        >"$TEST_DIR/$name.log" 2>&1 3>&- 10<&- </dev/null &
    declare -g "${name^^}=$!"
    own "$!"
}
server_start() {
    start_end server
    await "the server" complete server
}
client_start() { start_end client ip netns exec client; }
client_stop() { stop "$CLIENT"; }
# connects TEXT : the client comes in, and there is a page at the other end.
connects() {
    await "the client" complete client
    check "$1" page
}
page() {
    as_system ip netns exec client curl -sS --max-time "$AWAIT_SECONDS" http://10.8.0.1:8080/ 2>>"$TEST_DIR/curl.log" |
        grep -qx "beyond the tunnel"
}
# again TEXT : the client comes in once more, without reading its files.
again() {
    : >"$TEST_DIR/client.log"
    kill -USR1 "$CLIENT"
    connects "$1"
}
server_stop() { stop "$SERVER"; }
server_pids() { pgrep -x openvpn || true; }
signed_by() { grep -Eq "^Control Channel: TLSv$1, .* peer certificate: .*$2" "$TEST_DIR/client.log"; }

plain_server 0.0.0.0 8080 "beyond the tunnel"
run_page openvpn 1
run_page openvpn 2
server_start
same "it is in its chroot" /var/lib/openvpn/chroot "$(readlink "/proc/$SERVER/root")"
check "and user openvpn" uid_is openvpn "$SERVER"
lb deny vpn --user openvpn
client_start
says "without a grant there is no connection" 'TLS_ERROR|TLS Error' "$TEST_DIR/server.log"
says "the box's log says who was refused" "uid $(id -u openvpn) may not sign with key 'vpn'" "$BOX_DIR/box.log"
check "and there was none" not complete client
client_stop
lb allow vpn --user openvpn
client_start
connects "TLS 1.3, and a page beyond the tunnel"
check "it was TLS 1.3" signed_by 1.3 prime256v1
child=$(box_child)
kill -KILL "$child"
await "another child" status_is_new_child "$child"
again "both sign with the box's next child, one in its chroot"
bind_paths openvpn/openvpn-server.service.d.conf
stop_box
start_box "$BOX_DIR" "${BOX_AS[@]}"
again "both sign after a restart of the whole box"
client_stop
server_stop

# Keys of other types, which the scanner knows, and user nobody.
sed -i -e 's/^user .*/user nobody/' -e 's/^group .*/group nogroup/' /etc/openvpn/{server/server,client/client}.conf
echo "tls-version-max 1.2" >>/etc/openvpn/client/client.conf
# use END KEY DIR
use() {
    cat "$3/$2.pem" >"$TLS/$1.pem"
    as_system openssl req -x509 -CA $TLS/ca.crt -CAkey littlebox:vpn-ca -key "littlebox:$2" -subj "$4" -days 2 \
        -addext basicConstraints=CA:false -addext keyUsage=critical,digitalSignature -addext "extendedKeyUsage=$1Auth" \
        -out "$TLS/$1.crt"
}
both() {
    use server "$1" "$3" /CN=vpn.example.org
    use client "$2" "$3" /CN=laptop
    server_start
    client_start
    connects "$4"
}
for key in $KEYS; do
    lb allow "$key" --user nobody 2>>"$TEST_DIR/lb.log"
done
both rsa ed "$FILES" "TLS 1.2, server RSA, client Ed25519, user nobody"
check "it was TLS 1.2" signed_by 1.2 'RSA'
for key in rsa ed; do
    same "$key: neither end holds it" 0 "$(scan "$key")"
done
client_stop
server_stop
both ed rsa "$FILES" "TLS 1.2, server Ed25519, client RSA"
client_stop
server_stop
both ec ec "$PLAIN" "with plain key files"
same "ec: it is found there" 1 "$(scan ec)"
client_stop
server_stop

# By URI, from 2.7 on; to older ones it is the name of a file that is not there.
sed -i 's|^key .*|key littlebox:ec|' /etc/openvpn/server/server.conf
version=$(openvpn --version | sed -n '1s/^OpenVPN \([0-9.]*\).*/\1/p')
say "OpenVPN is $version"
if dpkg --compare-versions "$version" ge 2.7; then
    server_start
    client_start
    connects "key littlebox:ec"
    client_stop
    server_stop
else
    refused "key littlebox:ec, before 2.7" "key fails with 'littlebox:ec': No such file" \
        as_system sh -c 'cd /etc/openvpn/server && openvpn --config server.conf'
fi
finish
