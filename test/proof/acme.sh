#!/usr/bin/env bash
# The long form of test/servers/acme-renew.sh: a renewal is killed at each of its steps.
set -eu
export EVERY=${EVERY:-1}
exec "$(dirname "$0")/../servers/acme-renew.sh"
