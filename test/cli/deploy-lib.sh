# shellcheck shell=bash
# For tests of deployments: an authority, certificates for keys of the box, and what is in the files.

# authority : $T/ca.crt and ca.key.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/ca.key" -out "$T/ca.crt" -subj /CN=authority \
        -days 30 2>/dev/null
}
# certify KEY [DAYS] : the box gets a chain of two for the key's current version; it is in $T/KEY.chain as well.
certify() {
    littlebox show --public "$1" >"$T/$1.pub"
    openssl x509 -new -force_pubkey "$T/$1.pub" -subj "/CN=$1.example" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial \
        -days "${2:-20}" -extfile <(printf 'subjectAltName=DNS:%s.example\n' "$1") -out "$T/$1.crt" 2>/dev/null
    cat "$T/$1.crt" "$T/ca.crt" >"$T/$1.chain"
    littlebox cert set "$1" "$T/$1.chain"
}
# handle_of KEY : as it should be in a file.
handle_of() { littlebox handle "$1" >"$T/$1.handle"; }
# has FILE AS : the same bytes.
has() { cmp -s "$1" "$2" || fail "$1 is not as $2"; }
# nothing_left DIR NAME... : nothing else is in the directory, but for the lock of commands that deploy.
nothing_left() {
    local dir=$1
    shift
    [ "$(cd "$dir" && find . -mindepth 1 ! -name .lock -printf '%P\n' | sort | xargs)" = "$(printf '%s\n' "$@" | sort | xargs)" ] ||
        fail "in $dir is: $(ls -A "$dir")"
}
# deployments_in DIR : the files of that directory, but for that lock.
deployments_in() { find "$1" -type f ! -name .lock 2>/dev/null; }
# next_chain KEY FILE [NAMES] [DAYS] : a chain for the next version, which there is from now on.
next_chain() {
    littlebox roll "$1" >/dev/null
    ossl req -new -key "littlebox:$1;version=next" -subj "/CN=$1.example" -out "$T/next.csr"
    openssl x509 -req -in "$T/next.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days "${4:-20}" \
        -extfile <(echo "subjectAltName=${3:-DNS:$1.example}") -out "$T/next.crt" 2>/dev/null
    cat "$T/next.crt" "$T/ca.crt" >"$2"
}
