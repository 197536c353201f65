#!/usr/bin/env bash
# Holds the includes of keystore/ and provider/ against keystore/ROOMS. The provider includes what the room client may, and that
# room's headers.
# rooms.sh [TOP]: a file that is in no room, includes what its room may not, or writes that in another way than "room/file.h", is
# named with what it includes; so is a header that brings the wire protocol along, but of protocol/, client/ and box/. Then the
# exit status is 1.
set -eu

cd "${1:-$(dirname "$0")/../..}"
exec python3 - <<'PYTHON'
import os, re, sys

status = 0
def complain(path, what):
    global status
    print(f'{path}: {what}')
    status = 1

# The rooms that each room may include, its own too.
rooms = {}
with open('keystore/ROOMS', encoding='utf-8') as page:
    for line in page:
        if not line.startswith('#'):
            room, others, _ = line.split('|', 2)
            rooms[room.strip()] = {room.strip(), *others.split()}
if len(rooms) < 10:
    sys.exit('rooms.sh: how ROOMS is written changed')
TELLS_PROTOCOL = {'protocol', 'client', 'box'}

def check(path, room, line, may):
    exact = re.fullmatch(r'#include "([^"]+)"', line)
    name = exact.group(1) if exact else re.sub(r'^[<"]|[>"].*$', '', re.sub(r'^\s*#\s*\w+\s*', '', line))
    beside = room is None and os.path.exists(os.path.join('provider', name))
    ours = beside or os.path.exists(os.path.join('keystore', name))
    if not exact:
        if ours or not re.match(r'\s*#\s*include\s*<', line):
            complain(path, f'writes in another way what it includes: {line}')
        return
    if not ours:
        complain(path, f'"{name}" is no file below keystore/')
        return
    other = None if beside else os.path.dirname(name)
    if other not in may:
        complain(path, f'{room or "provider"} may not include {name}')
    if name.endswith('_priv.h') and other != room:
        complain(path, f'{name} is for files of {other} alone')
    if other == 'protocol' and path.endswith('.h') and room not in TELLS_PROTOCOL:
        complain(path, f'a header of {room or "provider"} brings {name} along')

count = 0
for top in ('keystore', 'provider'):
    for folder, folders, files in os.walk(top):
        folders.sort()
        room = None if top == 'provider' else os.path.relpath(folder, top)
        for path in sorted(os.path.join(folder, f) for f in files if f.endswith(('.c', '.h'))):
            count += 1
            if room is not None and room not in rooms:
                complain(path, 'in no room of ROOMS')
                continue
            may = rooms['client'] | {None} if room is None else rooms[room]
            with open(path, encoding='utf-8') as text:
                for line in re.findall(r'^[ \t]*#[ \t]*(?:include|import).*', text.read(), re.M):
                    check(path, room, line, may)
# A check that finds nothing to look at checks nothing.
if count < 100:
    sys.exit(f'rooms.sh: it finds {count} files only')
sys.exit(status)
PYTHON
