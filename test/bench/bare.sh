# shellcheck shell=bash
# The bare daemon (bare.c), a yardstick: what a key in another process costs at least. Sourced after lib.sh and serving.sh.

# bare_handle KEY OUT NUMBER : a key file that the bare provider reads (bareprovider.c).
bare_handle() {
    local public
    public=$(plain_ossl pkey -in "$1" -pubout -outform DER | od -An -v -tx1 | tr -d ' \n')
    printf '%s\n' "asn1 = SEQUENCE:key" "[key]" "version = INTEGER:0" "algorithm = SEQUENCE:algorithm" \
        "key = FORMAT:HEX,OCTETSTRING:$public" "[algorithm]" "oid = OID:2.999.$3" >"$2.cnf"
    plain_ossl asn1parse -genconf "$2.cnf" -noout -out "$2.der"
    {
        echo "-----BEGIN PRIVATE KEY-----"
        base64 -w 64 "$2.der"
        echo "-----END PRIVATE KEY-----"
    } >"$2"
}

# start_bare DIR FILES HANDLES : a bare daemon with the keys of FILES, always all three, its openssl.cnf in DIR, and key files for
# servers in HANDLES. Sets BARE.
start_bare() {
    local key number=0 files=()
    mkdir -p "$1"
    for key in rsa ec ed; do
        number=$((number + 1))
        files+=("$2/$key.pem")
        bare_handle "$2/$key.pem" "$3/$key.pem" "$number"
    done
    printf '%s\n' "openssl_conf = init" "[init]" "providers = providers" "[providers]" "default = default_section" \
        "bare = bare_section" "[default_section]" "activate = 1" "[bare_section]" \
        "module = $LITTLEBOX_BUILD/test/bench/.libs/bareprovider.so" "bare-socket = $1/bare.sock" "activate = 1" \
        >"$1/openssl.cnf"
    # As every service: the kernel shares out time by sessions.
    OPENSSL_CONF=/dev/null setsid "$LITTLEBOX_BUILD/test/bench/bare" "$1/bare.sock" "${files[@]}" >>"$1/bare.log" 2>&1 3>&- &
    BARE=$!
    own "$BARE"
    await "the bare daemon" test -S "$1/bare.sock"
}
