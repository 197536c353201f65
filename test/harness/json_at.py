#!/usr/bin/env python3
"""Checks that standard input is one JSON value (RFC 8259), and prints what is at given places in it.

json_at.py [--plain] [PLACE]...    names of members and numbers of elements with dots between them: 0.key

Prints the value at each place on a line of its own. Strings and numbers are printed as they stand in the input, with their
quotes; --plain takes the quotes away. "" is the whole value and "*" stands for every element or member in turn. Two words end a
place: "@" is the names of an object's members, with commas between them; "#" is how many members or elements there are.

Stricter than the standard and than Python: no name twice in an object, no NaN, no deep nesting, and nothing behind the value but
one newline. Exit status 1: not JSON, or nothing at a place.
"""

import json
import json.decoder
import json.scanner
import sys

DEPTH_MAX = 32


class Written(str):
    """A string or a number as it stands in the input."""


class Wrong(Exception):
    pass


def as_object(members):
    names = [name for name, _ in members]
    if len(set(names)) != len(names):
        raise Wrong("a name for the second time")
    return dict(members)


def no_constant(word):
    raise Wrong(f"{word} is no number")


def as_written(text, begin, strict=True):
    _, end = json.decoder.scanstring(text, begin, strict)
    return Written(text[begin - 1 : end]), end


def decoder():
    d = json.JSONDecoder(
        object_pairs_hook=as_object, parse_int=Written, parse_float=Written, parse_constant=no_constant, strict=True
    )
    # The scanner that is written in C takes no other way to read strings.
    d.parse_string = as_written
    d.scan_once = json.scanner.py_make_scanner(d)
    return d


def depth(value):
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 1


def parse(data):
    text = data.decode("utf-8")
    value, end = decoder().raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
    if text[end:] not in ("", "\n"):
        raise Wrong("more behind the value")
    if depth(value) > DEPTH_MAX:
        raise Wrong("too many brackets")
    return value


def compact(value):
    if isinstance(value, Written):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + compact(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value)


def at(value, place):
    """What is printed of the place, a list of names."""
    if not place:
        return [compact(value)]
    if not isinstance(value, (dict, list)):
        return []
    first, rest = place[0], place[1:]
    if not rest and first == "#":
        return [str(len(value))]
    if not rest and first == "@":
        return [",".join(value)] if isinstance(value, dict) else []
    named = value.items() if isinstance(value, dict) else ((str(i), v) for i, v in enumerate(value))
    return [found for name, v in named if first in ("*", name) for found in at(v, rest)]


def main(places):
    plain = places[:1] == ["--plain"]
    value = parse(sys.stdin.buffer.read())
    for place in places[1:] if plain else places:
        found = at(value, place.split(".") if place else [])
        # Of no elements every one was printed.
        if not found and "*" not in place:
            raise Wrong(f"nothing at '{place}'")
        for one in found:
            print(one[1:-1] if plain and one.startswith('"') else one)


try:
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    main(sys.argv[1:])
except (Wrong, ValueError, RecursionError) as e:
    sys.exit(f"json_at.py: {e}")
