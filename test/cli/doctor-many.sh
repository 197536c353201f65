#!/usr/bin/env bash
# doctor --server with some hundred keys: what is well is summed up, what is not is named, and a handle that makes the process
# which tries it crash takes no other with it.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
# shellcheck source=doctor-lib.sh
. "$(dirname "$0")/doctor-lib.sh"

SITES=300
TRIP=$TOOLS/.libs/trip.so
[ -e "$TRIP" ] || fail "there is no trip.so: run make check TESTS="
[ -x "$HARNESS/makesites" ] || fail "there is no makesites: run make check TESTS="

# tripping VARIABLE=VALUE COMMAND... : with the shim, with ASan behind its runtime.
tripping() {
    env LD_PRELOAD="$(sanitized && echo "${MODULE_ENV[0]#LD_PRELOAD=} ")$TRIP" \
        ASAN_OPTIONS=handle_segv=0:verify_asan_link_order=0 "$@"
}
# doctor STATUS [COMMAND PREFIX...] : the report on nginx is in out.
doctor() {
    expect "$1" '' "${@:2}" littlebox doctor --server nginx --root "$R"
}
# Lines of the last report about handles, but for the sum.
lines_of_handles() { grep -c 'site[0-9]*\.pem' out || true; }
key() { echo "/etc/ssl/sites/site$1.pem (/etc/nginx/nginx.conf:$(($1 + 2)))"; }
is_well() { line "ok    $(key "$1"): handle littlebox:site$1, a test signature by $worker verifies"; }

mkdir -p "$R/etc/ssl/sites" plain
OPENSSL_CONF=/dev/null "$HARNESS/makesites" "$T/plain" $SITES
cp plain/* "$R/etc/ssl/sites/"
littlebox adopt --allow "$worker" --recursive "$R/etc/ssl/sites" >adopted 2>adopt.log || fail "adopt: $(tail -n 3 adopt.log)"
# sites FROM TO : nginx's configuration of these.
sites() {
    {
        printf 'user %s;\nhttp {\n' "$worker"
        for ((i = $1; i <= $2; i++)); do
            echo "server { ssl_certificate /etc/ssl/sites/site$i.crt; ssl_certificate_key /etc/ssl/sites/site$i.pem; }"
        done
        echo '}'
    } | write etc/nginx/nginx.conf
}

# --- A few: each has its line.
sites 1 100
doctor 0
[ "$(lines_of_handles)" = 100 ] || fail "not a line for each: $(cat out)"
is_well 100
no_line 'keys are handles'

# --- Many that are well: one line. For programs all are there.
sites 1 $SITES
doctor 0
line "ok    nginx: $SITES of $SITES keys are handles with which a test by $worker verifies; --json tells of each"
[ "$(lines_of_handles)" = 0 ] || fail "well, and still told of: $(cat out)"
expect 0 '' littlebox --json doctor --server nginx --root "$R"
[ "$(grep -c "handle littlebox:site[0-9]*, a test signature by $worker verifies" out)" = $SITES ] || fail "not all: $(cat out)"

# --- One of each kind that is not well, and only these.
handles=$R/etc/ssl/sites
cp plain/site1.pem "$handles/"
chmod 0600 "$handles/site1.pem"
cp "$handles/site4.crt" "$handles/site2.crt"
rm "$handles/site130.pem"
littlebox destroy site140 --yes >destroy.log 2>&1 || fail "destroy: $(cat destroy.log)"
cp "$handles/site299.pem" "$handles/site141.pem"
cp "$handles/site300.crt" "$handles/site300.pem"
doctor 1
line "FAIL  $(key 1): a plain private key on disk"
hint "littlebox adopt /etc/ssl/sites/site1.pem && littlebox allow site1 --user $worker"
line "FAIL  $(key 2): the certificate with it is of another key: /etc/ssl/sites/site2.crt (/etc/nginx/nginx.conf:4)"
line "FAIL  $(key 130): cannot read it: No such file or directory"
grep -qF "FAIL  $R$(key 140 | sed "s|(|($R|"): handle littlebox:site140 does not work for $worker: " out || fail "no word on the other key: $(cat out)"
line "FAIL  $(key 141): the certificate with it is of another key: /etc/ssl/sites/site141.crt (/etc/nginx/nginx.conf:143)"
line "FAIL  $(key 300): there is no private key in it"
line "ok    nginx: $((SITES - 4)) of $SITES keys are handles with which a test by $worker verifies; --json tells of each"

# --- The process crashes as it loads one of them: that one is named with the signal, and all others are tried.
cp plain/site2.crt plain/site141.crt "$handles/"
for i in 1 130 140 141 300; do
    littlebox create "again$i" --type ec:P-256 >/dev/null
    littlebox allow "again$i" --user "$worker"
    rm -f "$handles/site$i.pem" "$handles/site$i.crt"
    littlebox handle "again$i" --out "$handles/site$i.pem"
done
doctor 0
line "ok    nginx: $SITES of $SITES keys are handles with which a test by $worker verifies; --json tells of each"
# (With another root a file is loaded by its descriptor; here it is by its name.)
sed "s|/etc/ssl/sites|$R/etc/ssl/sites|g" "$R/etc/nginx/nginx.conf" >own.conf
expect 1 '' tripping TRIP_LOAD=/site200.pem littlebox doctor --server nginx --config "$T/own.conf"
line "FAIL  /etc/ssl/sites/site200.pem ($T/own.conf:202): handle littlebox:site200 does not work for $worker: the process that uses the provider died of signal 11"
line "ok    nginx: $((SITES - 1)) of $SITES keys are handles with which a test by $worker verifies; --json tells of each"
[ "$(grep -c '^FAIL' out)" = 1 ] || fail "more than one fails: $(cat out)"
expect 1 '' tripping TRIP_LOAD=/site2 littlebox doctor --server nginx --config "$T/own.conf"
[ "$(grep -c '^FAIL.*died of signal 11' out)" = 111 ] || fail "not all that crash are named: $(cat out)"
line "ok    nginx: $((SITES - 111)) of $SITES keys are handles with which a test by $worker verifies; --json tells of each"

# --- It crashes as it uses one, because of those before: alone that one is well.
expect 0 '' tripping TRIP_SIGN=50 littlebox doctor --server nginx --config "$T/own.conf"
line "ok    nginx: $SITES of $SITES keys are handles with which a test by $worker verifies; --json tells of each"
# It fails from one on: alone each is well.
expect 0 '' tripping TRIP_FAIL=115 littlebox doctor --server nginx --config "$T/own.conf"
line "ok    nginx: $SITES of $SITES keys are handles with which a test by $worker verifies; --json tells of each"
# And with each.
expect 1 '' tripping TRIP_SIGN=1 littlebox doctor --server nginx --config "$T/own.conf"
[ "$(grep -c '^FAIL.*died of signal 11' out)" = $SITES ] || fail "not all that crash are named: $(cat out)"

# --- Where none works, each is named with its reason.
littlebox lock
expect 1 '' littlebox doctor --server nginx --config "$T/own.conf"
[ "$(grep -c "^FAIL .*does not work for $worker: .*locked" out)" = $SITES ] || fail "not all are told of: $(cat out)"
no_line 'keys are handles'
