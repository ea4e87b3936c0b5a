#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
circles.py TREE: no two files of src/ need each other, directly or by way of others. A file is NAME.c with NAME.h: what one of them
includes is needed by both.
"""

import os
import re
import sys

import verdict

SOURCE = os.path.join(os.path.abspath(sys.argv[1]), "src")


def read_needs():
    """Returns {file: files that it includes}, with names without an ending."""
    needs = {}
    for folder, _, names in os.walk(SOURCE):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                file = os.path.splitext(os.path.relpath(path, SOURCE))[0]
                with open(path) as text:
                    included = {os.path.splitext(other)[0] for other in re.findall(r'^#include "([^"]+)"', text.read(), re.M)}
                needs.setdefault(file, set()).update(included - {file})
    return needs


def reach(needs, start):
    """Returns {file: the file by which it was reached} of all files that @start needs."""
    by, waiting = {}, [start]
    while waiting:
        file = waiting.pop()
        for other in sorted(needs.get(file, ())):
            if other not in by:
                by[other] = file
                waiting.append(other)
    return by


def main():
    needs = read_needs()
    bad, told = [], set()
    for file in sorted(needs):
        by = reach(needs, file)
        if file not in by or file in told:
            continue
        way = [file]
        while True:
            way.append(by[way[-1]])
            if way[-1] == file:
                break
        told.update(way)
        bad.append("circle: " + " <- ".join(way))
    verdict.end(bad, len(needs), 150, "files")


if __name__ == "__main__":
    main()
