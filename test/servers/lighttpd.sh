#!/usr/bin/env bash
# A stock lighttpd with examples/lighttpd, as www-data; and with a URI where it takes one.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=serving.sh
. "$(dirname "$0")/serving.sh"
# shellcheck source=stock.sh
. "$(dirname "$0")/stock.sh"

needs lighttpd lighty-enable-mod openssl
own_machine /var/cache/lighttpd /var/log/lighttpd
all_keys_on 443
# When it reloads it closes its port, and connections on which nothing was asked yet.
LOAD_ARGUMENTS=(--again)
SERVER_USER=www-data CERTIFICATE=/etc/lighttpd/tls/web.crt HANDLE=/etc/lighttpd/tls/web.pem
ERROR_LOG=/var/log/lighttpd/error.log

# As Debian's unit does.
server_start() {
    start_service lighttpd -D -f /etc/lighttpd/lighttpd.conf
    await "lighttpd's port" port_open 443
}
server_reload() { until_logged "lighttpd to reload" 'server started' "$ERROR_LOG" kill -USR1 "$SERVICE"; }
server_pids() { pgrep -x lighttpd || true; }
server_stop() { stop "$SERVICE"; }

mkdir -p /var/www/html
echo "served by lighttpd" >/var/www/html/index.html
run_page lighttpd
DOCTOR=lighttpd
serve_each_key
check "it is www-data" uid_is www-data "$SERVICE"
check "its page" handshakes ed "$FILES" --get --count 1
serve_under_load
scan_memory

# By URI, from 1.4.83 on; to older ones it is the name of a file that is not there.
put ec "$FILES"
sed -i 's|ssl.privkey = .*|ssl.privkey = "littlebox:ec"|' /etc/lighttpd/conf-available/20-littlebox.conf
version=$(lighttpd -v | sed -n 's|^lighttpd/\([0-9.]*\) .*|\1|p')
say "lighttpd is $version"
if dpkg --compare-versions "$version" ge 1.4.83; then
    server_start
    check "ssl.privkey = littlebox:ec" serves ec
    check_signature_type ec "$FILES"
    check_stop
else
    # Its own status is 255.
    refused "ssl.privkey = littlebox:ec, before 1.4.83" 'littlebox:ec: No such file' \
        as_system sh -c 'lighttpd -D -f /etc/lighttpd/lighttpd.conf || exit 1'
fi
finish
