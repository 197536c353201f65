#!/usr/bin/env bash
# Finds circles of files that include each other, in keystore/ and in provider/.
# circles.sh [TOP]: a unit is x.c with x.h and x_priv.h. Of each circle the units are named in one line; then the exit status is 1.
set -eu

cd "${1:-$(dirname "$0")/../..}"
exec python3 - <<'PYTHON'
import os, re, sys

# "x_priv.h" is of the unit x where there is an x.h, else a unit of its own.
def unit(path):
    name = path[:-2]
    base = name[:-5] if name.endswith('_priv') else name
    return base if os.path.exists(base + '.h') else name

# What a name in an #include means: a file beside the one that includes it, or below keystore/. None: the system's.
def file_of(name, folder):
    for path in (os.path.join(folder, name), os.path.join('keystore', name)):
        if os.path.exists(path):
            return os.path.normpath(path)
    return None

graph = {}
for room in ('keystore', 'provider'):
    for folder, _, files in os.walk(room):
        for path in (os.path.join(folder, f) for f in files if f.endswith(('.c', '.h'))):
            includes = graph.setdefault(unit(path), set())
            with open(path, encoding='utf-8') as text:
                names = re.findall(r'^[ \t]*#[ \t]*include[ \t]*["<](.*?)[">]', text.read(), re.M)
            found = (file_of(name, folder) for name in names)
            includes.update(unit(f) for f in found if f is not None)
if not graph:
    sys.exit('circles.sh: there are no sources')

def reached(start):
    seen, todo = set(), [start]
    while todo:
        for there in graph.get(todo.pop(), ()):
            if there not in seen and there != start:
                seen.add(there)
                todo.append(there)
    return seen

reach = {u: reached(u) for u in graph}
told, status = set(), 0
for u in sorted(graph):
    circle = [u] + [o for o in sorted(reach[u]) if u in reach[o]]
    if len(circle) > 1 and u not in told:
        print('a circle:', *sorted(circle))
        told.update(circle)
        status = 1
sys.exit(status)
PYTHON
