#!/usr/bin/env bash
# The long form of test/box/restart-systemd.sh: HAProxy and Postfix in their chroots, nginx and PostgreSQL shake hands while the
# box's service is restarted, its keeper and child are killed together, and process 1 runs itself anew; ROUNDS (100) of each. It
# prints how many handshakes there were, how many failed, and how long the longest took.
#
# With DEBS, a directory of packages that 'make deb' made, two more kinds: the packages are installed again, and needrestart(8), which
# has to be installed, restarts what uses a libcrypto that was replaced (test/proof/rounds/). HOOKS: another directory of such
# programs; each gets the name of the box's unit.
set -eu
export ROUNDS=${ROUNDS:-100} ALL_SERVERS=yes
if [ -n "${DEBS:-}" ] && [ -z "${HOOKS:-}" ]; then
    command -v needrestart >/dev/null || { echo "needrestart is not installed" >&2; exit 1; }
    HOOKS=$(cd "$(dirname "$0")/rounds" && pwd) DEBS=$(cd "$DEBS" && pwd)
    export HOOKS DEBS
fi
exec "$(dirname "$0")/../box/restart-systemd.sh"
