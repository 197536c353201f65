#!/usr/bin/env bash
# Proves the open-loop client: a server that stands still does not hold its arrivals back, and what they wait for is in its
# figures; a client that was late itself says so.
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
needs nginx openssl
begin
cd "$TEST_DIR"
BOX_DIR=$TEST_DIR # where openssl.cnf is, which names no box
printf '%s\n' "[req]" "distinguished_name = dn" "[dn]" >openssl.cnf

# --- When handshakes are begun, without a server
arrivals() { "$HARNESS/tlsrate" --print "$@"; }
arrivals --rate 1000 --seconds 20 >printed
same "the same seed gives the same times" "$(cksum <printed)" "$(arrivals --rate 1000 --seconds 20 --seed 1 | cksum)"
check "another seed gives others" not cmp -s printed <(arrivals --rate 1000 --seconds 20 --seed 2)
# Of 20,000: the number is within 4 of its standard deviations, and so are the shares of gaps above one and two means.
# shellcheck disable=SC2016 # awk's
check "they are a Poisson process" awk '
    $1 < last || $1 >= 20000 { bad = 1 }
    { gap = $1 - last; last = $1; above1 += gap > 1; above2 += gap > 2 }
    function near(a, b, by) { return a > b - by && a < b + by }
    END { exit bad || !near(NR, 20000, 566) || !near(above1 / NR, 0.3679, 0.014) || !near(above2 / NR, 0.1353, 0.01) }' printed
for bad in "--rate 0 --seconds 1" "--rate 5" "--rate 5 --seconds 1 --until x"; do
    # shellcheck disable=SC2086 # a list of arguments
    refused "refused: $bad" "^usage: " "$HARNESS/tlsrate" --print $bad
done

# --- A server
new_key ec:P-256 key.pem
self_signed key.pem key.crt 2>>openssl.log
port=$(free_ports 1)
nginx_server "$port" "$TEST_DIR/key.crt" "$TEST_DIR/key.pem"
write_nginx_conf "$TEST_DIR/nginx" 1
start_nginx "$TEST_DIR/nginx"
worker=$(children_of "$NGINX")
rate=("$HARNESS/tlsrate" --connect "127.0.0.1:$port" --ca key.crt)
export OPENSSL_CONF=/dev/null
# figure NAME : of the last run, which is in the file "run". In microseconds where it is a time.
figure() { awk -v name="$1" '{ for (i = 1; i < NF; i += 2) if ($i == name) printf "%.0f", $(i + 1) * (name ~ /late|max|p[59]/ ? 1000 : 1) }' run; }
all_well() { [ "$(figure failed)" -eq 0 ] && [ "$(figure handshakes)" -eq "$(figure arrivals)" ]; }

# It may say that it was late, which is no matter here.
"${rate[@]}" --rate 200 --seconds 1 --seed 7 >run 2>run.log || [ $? -eq 3 ] || fail "tlsrate: $(cat run.log)"
same "all arrivals of a second are begun, and no more" "$(arrivals --rate 200 --seconds 1 --seed 7 | wc -l)" "$(figure arrivals)"
check "none fails" all_well

# start_rate N : in the background, N a second, until the file "enough" is there. begun : how many so far.
start_rate() {
    rm -f enough progress
    "${rate[@]}" --rate "$1" --until enough --progress progress >run 2>run.log 3>&- &
    RATE=$!
    own "$RATE"
    await "the first handshakes" begun_are 10
}
begun() { cat progress 2>/dev/null || echo 0; }
begun_are() { [ "$(begun)" -ge "$1" ]; }
state_is() { [ "$(awk '{ print $3 }' "/proc/$1/stat")" = "$2" ]; }
stop_for_now() {
    kill -STOP "$1"
    await "process $1 to stand still" state_is "$1" T
}
us() { echo $(($(date +%s%N) / 1000)); }

# The server stands still. Arrivals go on; those before "from" wait at least from then to "to", and are more than one in a
# hundred, however slow this script is.
start_rate 200
stop_for_now "$worker"
before=$(begun)
await "handshakes to be begun while the server stands still" begun_are $((before + before / 5 + 20))
from=$(us)
await "some more" begun_are $((before + before / 5 + 60))
to=$(us)
: >enough
kill -CONT "$worker"
status=0
wait "$RATE" || status=$?
check "a server that stood still is not the client's fault: $(cat run.log)" test "$status" -eq 0 -o "$status" -eq 3
check "none fails" all_well
check "the standstill of $(((to - from) / 1000)) ms is in p99: $(cat run)" test "$(figure p99)" -ge $((to - from))
check "and in p99.9" test "$(figure p999)" -ge "$(figure p99)"
check "they were on their way at once" test "$(figure open)" -ge $((before / 5 + 20))

# The client stands still. What was due meanwhile, some 50 handshakes, is begun late, and counts from when it was due. Any
# machine does these in less time than it stood still, or it could not hold the rate at all.
start_rate 50
stop_for_now "$RATE"
before=$(begun)
from=$(us)
passed() { [ $(($(us) - from)) -ge $((before * 4000 + 1000000)) ]; }
await "more handshakes to be due than one in a hundred" passed
kill -CONT "$RATE"
await "what was due to be begun" begun_are $((before + before / 10 + 20))
: >enough
status=0
wait "$RATE" || status=$?
same "a client that was late fails: $(cat run)" 3 "$status"
check "and says why" grep -q 'the client itself was the bottleneck' run.log
check "none fails" all_well
check "what was late counts from when it was due" test "$(figure p99)" -ge "$(figure late_p99)"
stop_nginx "$TEST_DIR/nginx"
finish
