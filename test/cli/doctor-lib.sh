# shellcheck shell=bash
# What the tests of doctor for servers share: a box with the key "web", an openssl.cnf that knows it, a root directory of
# the test's own for servers' files, and what a report must say. Sourced after lib.sh; it begins the test.
# shellcheck disable=SC2034 # what is set here is for the tests

begin_cli
cd "$T" || exit
R=$T/root
mkdir -p "$R/etc/ssl/private"
OPENSSL_CONF=$T/openssl.cnf
export OPENSSL_CONF
start_named default
littlebox init 2>/dev/null
littlebox create web >/dev/null
: >openssl.cnf
littlebox doctor --module "$LITTLEBOX_BUILD/.libs/littlebox.so" 2>/dev/null | sed '1,/^append this/d' >lines
cp lines openssl.cnf
littlebox handle web --out "$R/etc/ssl/private/web.pem"

# Whose handles are tested: root does it for another user, everybody else for himself.
me=$(id -un)
if is_root; then
    needs_user www-data
    worker=www-data
else
    worker=$me
fi
uid=$(id -u "$worker")

# write FILE : standard input below the root.
write() {
    mkdir -p "$R/$(dirname "$1")"
    cat >"$R/$1"
}

# Lines of the last report, each whole but for the root in it.
line() {
    sed "s|$R/|/|g" out | grep -qxF -- "$1" || fail "no line '$1' in: $(cat out)"
}
no_line() {
    grep -qF -- "$1" out && fail "'$1' in: $(cat out)"
    return 0
}
hint() { line "      hint: $1"; }
