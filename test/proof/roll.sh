#!/usr/bin/env bash
# The long forms of test/servers/roll.sh and roll-killed.sh: five servers shake hands while the key of each is rolled over ROUNDS (100)
# times; and POINTS (200) times the command, the process with the keys or the box is killed at a random moment of a roll-over. It
# prints how many handshakes there were, how many failed, and how long a change took at most until the new key was served.
set -eu
export ROUNDS=${ROUNDS:-100} POINTS=${POINTS:-200}
"$(dirname "$0")/../servers/roll-killed.sh"
exec "$(dirname "$0")/../servers/roll.sh"
