#!/usr/bin/env bash
# The same without root: a user's own box, and servers run by that user, in no chroot.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

needs nginx haproxy openssl
again_without_root servers
exec "$(dirname "$0")/in-place.sh"
