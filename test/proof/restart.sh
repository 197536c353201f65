#!/usr/bin/env bash
# The long form of test/box/restart-systemd.sh: HAProxy and Postfix in their chroots, nginx and PostgreSQL shake hands while the
# box's service is restarted, its keeper and child are killed together, and process 1 runs itself anew; ROUNDS (100) of each. It
# prints how many handshakes there were, how many failed, and how long the longest took.
#
# HOOKS: a directory of programs, each one more kind of round, which gets the name of the box's unit: to install a package again,
# or to run needrestart(1).
set -eu
export ROUNDS=${ROUNDS:-100} ALL_SERVERS=yes
exec "$(dirname "$0")/../box/restart-systemd.sh"
