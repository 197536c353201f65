#!/bin/sh
# renew.sh KEY --with CLIENT [OPTIONS OF THE CLIENT] : a new certificate for a new version of a key of the box, when it is due.
#
# For a timer, once a day. CLIENT is certbot, dehydrated, uacme, lego, acme-tiny, or the path of a program of your own, which is
# called with the request, the file for the chain and the options. None of them gets a private key: they get a request.
#
# It may be killed at any point, and ended by a full disk, a CA or a challenge that fails: what serves goes on to serve, and the
# next run goes on where it ended. All that it keeps is the chain that the CA gave, until it is in use; all else is in the box:
#   1. the next version of the key is there          littlebox roll
#   2. a request of that version, for the same names littlebox csr --next
#   3. a chain for it                                CLIENT; into $STATE/KEY/chain.pem, in one step
#   4. that version and its chain are in use         littlebox activate, which also runs the key's deployments
#   5. the version after it is there                 littlebox roll: its TLSA data can be published a whole period before it is used
# A deployment or AFTER that fails makes the run fail, at its end, and is repeated by each run. It keeps no certificate from being
# ordered when it is due: else one server that does not reload would let the certificate of all end.
#
# Settings, from the environment: WEBROOT, the directory in which the web server looks for /.well-known/acme-challenge/; DAYS,
# how long the certificate is good when it is renewed; DRAIN, how long the version before signs for who has loaded it; NAMES,
# for the first certificate and for other names (as littlebox csr --san), which may be fewer then; STATE, a directory of root's alone; AFTER, a command that
# is run after step 4, for what no deployment does; LEGO_PATH.
set -eu

die() {
    echo "renew.sh: $1" >&2
    exit "${2:-1}"
}
if [ $# -lt 3 ] || [ "$2" != --with ]; then
    die "usage: renew.sh KEY --with CLIENT [OPTIONS OF THE CLIENT]" 2
fi
key=$1 client=$3
shift 3
WEBROOT=${WEBROOT:-/var/www/acme} DAYS=${DAYS:-30} DRAIN=${DRAIN:-24h} STATE=${STATE:-/var/lib/littlebox-renew}
case $key in
'' | .* | */*) die "'$key' is no name of a key" 2 ;;
esac
case $client in
certbot | dehydrated | uacme | lego | acme-tiny | /*) ;;
*) die "no client '$client' is known: certbot, dehydrated, uacme, lego, acme-tiny, or the path of a program" 2 ;;
esac

state=$STATE/$key
chain=$state/chain.pem work=$state/unfinished request=$state/unfinished/request.csr
(umask 077 && mkdir -p "$state")
# Whatever this run starts has the lock too: a client that outlives it is waited for.
exec 9>"$state/lock"
flock -n 9 || die "another run is under way" 75
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT

is_good() { openssl x509 -in "$1" -noout -checkend "$2" >/dev/null 2>&1; }
public_of() { openssl "$1" -in "$2" -noout -pubkey; }
is_for_next() { [ "$(public_of x509 "$1")" = "$(public_of req "$request")" ]; }
is_for_current() { [ "$(public_of x509 "$1")" = "$(littlebox show "$key" --public)" ]; }

make_request() { littlebox csr "$key" --next ${NAMES:+--san "$NAMES"} --out "$request"; }

# A key without a certificate has waited long enough.
is_due() {
    littlebox cert get "$key" --out "$work/current.pem" 2>/dev/null || return 0
    ! is_good "$work/current.pem" $((DAYS * 86400))
}

# The chain of the request, from the CA into $work/new.pem.
order() {
    challenges=$WEBROOT/.well-known/acme-challenge
    case $client in
    certbot)
        certbot certonly --non-interactive --csr "$request" --webroot --webroot-path "$WEBROOT" \
            --cert-path "$work/cert.pem" --chain-path "$work/issuers.pem" --fullchain-path "$work/new.pem" "$@"
        ;;
    dehydrated) dehydrated --signcsr "$request" "$@" >"$work/new.pem" ;;
    uacme)
        UACME_CHALLENGE_PATH=$challenges uacme --yes --hook "${UACME_HOOK:-/usr/share/uacme/uacme.sh}" "$@" issue "$request"
        mv "$work/request-cert.pem" "$work/new.pem"
        ;;
    lego)
        LEGO_PATH=${LEGO_PATH:-/var/lib/lego}
        export LEGO_PATH
        lego --csr "$request" --http --http.webroot "$WEBROOT" "$@" run
        find "$LEGO_PATH/certificates" -name '*.crt' ! -name '*.issuer.crt' -newer "$request" -exec cp {} "$work/new.pem" \;
        ;;
    acme-tiny) acme-tiny --csr "$request" --acme-dir "$challenges" "$@" >"$work/new.pem" ;;
    /*) "$client" "$request" "$work/new.pem" "$@" ;;
    esac
}

# What is yet to be done; "": nothing.
undone=
later() {
    undone="${undone:+$undone, }$1"
    echo "renew.sh: $1" >&2
}
finish() {
    [ -z "$undone" ] || die "the new certificate of key '$key' is in the box, but: $undone"
    exit 0
}

# Repeats what was done already, and does the rest. False: that chain is of no use, and was put aside.
put_into_use() {
    status=0
    # Who names the names means them.
    littlebox activate "$key" --chain "$chain" --drain "$DRAIN" ${NAMES:+--force} 9>&- || status=$?
    case $status in
    0) ;;
    4) later "a deployment failed" ;;
    5)
        mv "$chain" "$chain.refused"
        echo "renew.sh: the box refuses that chain for good; it is put aside, and another is ordered: $chain.refused" >&2
        return 1
        ;;
    *) exit "$status" ;;
    esac
    if [ -n "${AFTER:-}" ]; then sh -c "$AFTER" 9>&- || later "the command of AFTER failed"; fi
    # Only now there is nothing left to repeat.
    [ -n "$undone" ] || rm "$chain" || exit
    littlebox roll "$key" || exit
}

littlebox roll "$key" >/dev/null
if [ -e "$chain" ]; then
    make_request
    if is_good "$chain" 0 && { is_for_next "$chain" || is_for_current "$chain"; }; then
        echo "renew.sh: the chain of the run before is put into use"
        if put_into_use && [ -z "$undone" ]; then exit 0; fi
        # The next version may be another one now.
        rm "$request"
    else
        mv "$chain" "$chain.unused"
        echo "renew.sh: the chain of a run before was of no use: $chain.unused"
    fi
fi
is_due || finish
[ -e "$request" ] || make_request
order "$@"
is_good "$work/new.pem" 0 || die "$client left no certificate that is valid"
is_for_next "$work/new.pem" || die "$client left a certificate for another key than that of the request"
undone=
# The disk has all of it before it has its name.
sync "$work/new.pem"
mv "$work/new.pem" "$chain"
put_into_use || exit
finish
