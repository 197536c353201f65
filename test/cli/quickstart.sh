#!/usr/bin/env bash
# quickstart.sh where its packages are missing: a line for apt, or an installation that starts nothing. dpkg and apt-get are
# not the real ones.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
quickstart=${LITTLEBOX_SRC:-$(dirname "$0")/../..}/examples/quickstart.sh
command -v bash >/dev/null || fail "there is no bash"

mkdir "$T/bin"
# stub NAME: from standard input.
stub() {
    { echo '#!/bin/sh' && cat; } >"$T/bin/$1"
    chmod 755 "$T/bin/$1"
}
# All is there but for these two.
stub dpkg-query <<'END'
case $* in
*' nginx' | *' libargon2-dev') exit 1 ;;
*) echo 'install ok installed' ;;
esac
END
stub id <<END
cat "$T/uid"
END
stub apt-get <<END
echo "\$*" >>"$T/apt"
case \$* in
update*) exit 0 ;;
esac
status=0
"$T/policy" nginx start || status=\$?
echo "started: \$status" >>"$T/apt"
exit 1
END
run() {
    env -u LITTLEBOX_BUILD PATH="$T/bin:$PATH" POLICY_RC_D="$T/policy" SCRATCH="$T" bash "$quickstart"
}

echo 1000 >"$T/uid"
expect 1 'packages are missing' run
grep -qx 'apt-get install --no-install-recommends libargon2-dev nginx' "$T/err" || fail "no line for apt: $(cat "$T/err")"
[ "$(wc -l <"$T/err")" = 2 ] || fail "more than that: $(cat "$T/err")"
[ ! -e "$T/apt" ] || fail "apt-get was run by an ordinary user"

echo 0 >"$T/uid"
expect 1 'apt-get could not install: libargon2-dev nginx' run
grep -qx 'started: 101' "$T/apt" || fail "what is installed is started: $(cat "$T/apt")"
[ ! -e "$T/policy" ] || fail "the policy is left behind"

# One that is there is the administrator's: it decides, and stays.
printf '#!/bin/sh\nexit 104\n' >"$T/policy"
chmod 755 "$T/policy"
expect 1 'apt-get could not install' run
grep -qx 'started: 104' "$T/apt" || fail "another policy was asked: $(cat "$T/apt")"
[ -e "$T/policy" ] || fail "the administrator's policy is gone"
[ -z "$(find "$T" -maxdepth 1 -name 'littlebox-quickstart.*')" ] || fail "left over in $T"
