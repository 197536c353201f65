#!/usr/bin/env bash
# Do rooms.sh and circles.sh notice? Each wrong include is planted in a copy of the sources, in each way of writing it, and must
# be told with the name of the file that has it.
# planted.sh [TOP]: what is not told is named; then the exit status is 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=${1:-$(cd "$here/../.." && pwd)}
copy=$(mktemp -d "${TMPDIR:-/tmp}/littlebox-planted.XXXXXX")
trap 'rm -rf "$copy"' EXIT
cp -r "$top/keystore" "$top/provider" "$copy/"
status=0

# quiet CHECK : it finds nothing in the copy as it is. A check that complains of everything would notice everything.
quiet() {
    bash "$here/$1" "$copy" >"$copy/out" 2>&1 && return
    echo "$1 complains of what is right: $(head -n 1 "$copy/out")"
    status=1
}
# planted CHECK FILE LINE : with this line in front of the file, the check names the file, or its unit.
planted() {
    local file=$copy/$2 unit=${2%.*}
    cp "$file" "$copy/saved"
    { printf '%s\n' "$3" && cat "$copy/saved"; } >"$file"
    if bash "$here/$1" "$copy" >"$copy/out" 2>&1 || ! grep -qF -- "$unit" "$copy/out"; then
        echo "$1 does not notice '$3' in $2"
        status=1
    fi
    mv "$copy/saved" "$file"
}

quiet rooms.sh
quiet circles.sh
for line in '#include "store/store.h"' '#include <store/store.h>' '# include "store/store.h"' ' #include "store/store.h"' \
    '#include  "store/store.h"' '#include "store/store.h" /* why */' '#include"store/store.h"' '#import "store/store.h"'; do
    planted rooms.sh keystore/base/wire.c "$line"
    [[ $line == *import* ]] || planted circles.sh keystore/base/wire.c "$line"
done
# A room that may be included has a room below it, or beside it, with a name of its own.
planted rooms.sh keystore/doctor/servers/nginx.c '#include "doctor/report.h"'
planted rooms.sh keystore/command/list.c '#include "doctor/report.h"'
planted rooms.sh keystore/base/wire.c '#include "wire.h"'
planted rooms.sh keystore/base/wire.c '#include "../keystore/store/store.h"'
planted rooms.sh keystore/base/wire.c '#include STORE'
planted rooms.sh keystore/box/serve.c '#include "vault/vault_priv.h"'
planted rooms.sh keystore/command/table.h '#include "protocol/keys.h"'
planted rooms.sh provider/key.c '#include "vault/vault.h"'
planted rooms.sh provider/key.c '#include <vault/vault.h>'
planted rooms.sh provider/key.c '#include "client/box_priv.h"'
planted rooms.sh provider/key.h '#include "protocol/keys.h"'
planted circles.sh provider/alg.h '#include "key.h"'
exit "$status"
