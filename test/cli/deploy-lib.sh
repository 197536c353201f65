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
# nothing_left DIR NAME... : nothing else is in the directory.
nothing_left() {
    local dir=$1
    shift
    [ "$(cd "$dir" && find . -mindepth 1 -printf '%P\n' | sort | xargs)" = "$(printf '%s\n' "$@" | sort | xargs)" ] ||
        fail "in $dir is: $(ls -A "$dir")"
}
