#!/usr/bin/env bash
# The long form of test/servers/roll.sh: five servers shake hands while the key of each is rolled over ROUNDS (100) times. It prints
# how many handshakes there were, how many failed, and how long a change took at most until the new key was served.
set -eu
export ROUNDS=${ROUNDS:-100}
exec "$(dirname "$0")/../servers/roll.sh"
