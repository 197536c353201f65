#!/usr/bin/env bash
# A chain of certificates whose every private key is born in a box and stays there: Root CA, Sub CA, Sub CA, end
# entity, each of another type, with CRLs and OCSP, served by nginx. Leaves nothing running and, but for
# build/quickstart and installed Debian packages, nothing behind. Run it as root, or as any user.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
started=$SECONDS

step "1. Packages"
install_packages

step "2. Build, in ${build#"$top/"}"
build_littlebox

step "3. A box, in a directory of its own"
new_box
cp "$top/examples/chain/ca.cnf" "$dir/ca.cnf"

# What is shown is what is done, in the directory of the chain, with littlebox configured in openssl.cnf.
show() {
    say "$(printf '%q ' "$@")"
    "$@" >>"$dir/openssl.log" 2>&1 || die "failed: $*"
}
# What others see: an openssl without the provider.
plain() { OPENSSL_CONF=/dev/null openssl "$@" >"$dir/verify.log" 2>&1; }
holds() { "$@" || die "failed: $*"; }
fails_with() {
    if "${@:2}"; then die "succeeded: ${*:2}"; fi
    grep -q "$1" "$dir/verify.log" || die "another error than '$1': ${*:2}"
}

# new_authority KEY : its directory, with the files of `openssl ca`.
new_authority() {
    mkdir -p "$1/issued"
    : >"$1/index.txt"
    echo 01 >"$1/crlnumber"
}
# certify AUTHORITY EXTENSIONS KEY SUBJECT CERTIFICATE [REQUEST OPTIONS...] : two keys of the box, one certifies the
# other.
certify() {
    show openssl req -new -key "littlebox:$3" -subj "/CN=$4" -out "$3.csr" "${@:6}"
    show env CA="$1" openssl ca -config ../ca.cnf -batch -notext -extensions "$2" -in "$3.csr" -out "$5"
}

make_chain() {
    local chain=$1 key
    shift
    root=$chain-root sub1=$chain-sub1 sub2=$chain-sub2
    for key in root sub1 sub2 ocsp web; do
        show littlebox create "$chain-$key" --type "$1"
        shift
    done
    for key in "$root" "$sub1" "$sub2"; do
        new_authority "$key"
    done
    show openssl req -new -key "littlebox:$root" -subj "/CN=Root CA" -out "$root.csr"
    show env CA="$root" openssl ca -config ../ca.cnf -batch -notext -selfsign -extensions root_extensions \
        -in "$root.csr" -out "$root/ca.crt"
    certify "$root" authority_extensions "$sub1" "Sub CA 1" "$sub1/ca.crt"
    certify "$sub1" authority_extensions "$sub2" "Sub CA 2" "$sub2/ca.crt"
    certify "$sub2" ocsp_extensions "$chain-ocsp" "OCSP of Sub CA 2" ocsp.crt
    certify "$sub2" server_extensions "$chain-web" localhost web.crt -addext subjectAltName=DNS:localhost
    cat web.crt "$sub2/ca.crt" "$sub1/ca.crt" >chain.crt # what a server sends; the root is the client's
    littlebox handle "$chain-web" --out web.pem
    if is_root; then
        littlebox allow "$chain-web" --user www-data
    fi
}

# What the authorities say today of what they have certified: lists, and an answer for the server to hand out.
publish_crl() { show env CA="$1" openssl ca -config ../ca.cnf -gencrl -out "$1/ca.crl"; }
publish_ocsp() {
    show openssl ocsp -index "$sub2/index.txt" -CA "$sub2/ca.crt" -rsigner ocsp.crt -rkey "littlebox:$1-ocsp" \
        -issuer "$sub2/ca.crt" -cert web.crt -ndays 1 -respout web.ocsp -noverify
}

verify_crl() {
    plain verify -crl_check_all -CAfile "$root/ca.crt" -CRLfile "$root/ca.crl" -CRLfile "$sub1/ca.crl" \
        -CRLfile "$sub2/ca.crl" -untrusted chain.crt web.crt
}
# The answer is signed by whom Sub CA 2 let answer, and says this.
verify_ocsp() {
    holds plain ocsp -respin web.ocsp -issuer "$sub2/ca.crt" -cert web.crt -CAfile "$root/ca.crt" \
        -verify_other chain.crt -no_nonce
    grep -q '^Response verify OK' "$dir/verify.log" || die "the OCSP answer does not verify"
    grep -q "^web.crt: $1" "$dir/verify.log" || die "the OCSP answer does not say $1"
}
# served STATUS : a client that trusts the root alone gets the page, and with the chain that answer.
served() {
    printf 'GET / HTTP/1.0\r\n\r\n' |
        OPENSSL_CONF=/dev/null timeout 20 openssl s_client -connect "127.0.0.1:$web_port" -servername localhost \
            -verify_hostname localhost -CAfile "$root/ca.crt" -verify_return_error -status -ign_eof \
            >"$dir/verify.log" 2>&1 || true
    grep -q 'a key that nginx does not have' "$dir/verify.log" && grep -q 'Verify return code: 0' "$dir/verify.log" &&
        grep -q 'OCSP Response Status: successful' "$dir/verify.log" && grep -q "Cert Status: $1" "$dir/verify.log"
}

# For nginx: examples/nginx/littlebox.conf with other paths and port, and the answer to hand out.
server() {
    sed -e "s|listen 443|listen 127.0.0.1:$web_port|" -e "s|/etc/nginx/tls/web.crt|$PWD/chain.crt|" \
        -e "s|/etc/nginx/tls/web.pem|$PWD/web.pem|" \
        -e "/ssl_certificate_key/a\\    ssl_stapling on;\n    ssl_stapling_file $PWD/web.ocsp;" \
        "$top/examples/nginx/littlebox.conf"
}

# A chain a line: its name, then the types of the keys of Root CA, Sub CA 1, Sub CA 2, who answers OCSP, end entity.
chains='mixed rsa:3072 ec:P-384 ed25519 rsa:2048 ec:P-256'
plain list -public-key-algorithms
if grep -q ML-DSA "$dir/verify.log"; then # from OpenSSL 3.5 on
    chains+=$'\nmldsa ml-dsa-87 ml-dsa-65 ml-dsa-65 ml-dsa-44 ml-dsa-44'
fi

while read -r chain types; do
    mkdir "$dir/$chain"
    cd "$dir/$chain"
    step "4. Keys and certificates: $types"
    # shellcheck disable=SC2086 # one argument a type
    make_chain "$chain" $types
    holds plain verify -CAfile "$root/ca.crt" -untrusted chain.crt web.crt
    say "verified, with the root alone trusted"

    step "5. CRLs and an OCSP answer"
    for key in "$root" "$sub1" "$sub2"; do
        publish_crl "$key"
    done
    publish_ocsp "$chain"
    holds verify_crl
    verify_ocsp good
    say "verified: nothing is revoked"

    step "6. A stock nginx: $(nginx -v 2>&1 | sed 's/.*: //')"
    free_ports 1
    web_port=${port[0]}
    server | nginx_conf "$dir/nginx-$chain"
    start_nginx "$dir/nginx-$chain"
    served good || die "openssl s_client -status did not get the page with a good status: $(cat "$dir/verify.log")"
    say "a handshake with $(grep -c '^ *[0-9] s:' "$dir/verify.log") certificates and an OCSP answer, and the page"

    step "7. The end entity's certificate is revoked"
    show env CA="$sub2" openssl ca -config ../ca.cnf -revoke web.crt -crl_reason keyCompromise
    publish_crl "$sub2"
    publish_ocsp "$chain"
    fails_with 'certificate revoked' verify_crl
    say "the CRL says so"
    verify_ocsp revoked
    run_nginx "$dir/nginx-$chain" -s reload
    await "nginx to hand out the new answer" served revoked
    say "and the OCSP answer, from nginx too"
    stop_nginx "$dir/nginx-$chain"
done <<<"$chains"

step "Summary"
littlebox list | sed 's/^/   /'
say "These keys signed all that, each in the box: for openssl by its URI, for nginx by its handle file."
say "It took $((SECONDS - started)) seconds. Everything is stopped and removed again."
