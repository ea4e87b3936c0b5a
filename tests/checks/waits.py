#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""waits.py TREE: docs/waits.md has every file of src/ that may wait for another process, no other one, and its limits are the code's."""

import os
import re
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
SOURCE = os.path.join(TREE, "src")
BLOCKING = re.compile(r"(?<![\w.>])(?:poll|ppoll|flock|waitid|waitpid|nanosleep|connect|accept4?|recvmsg|recv|sendmsg|send|sendto|pause"
                      r"|sys_wait|sys_wait_within|sys_kill_and_wait|lock_wait)\(")
COMMENT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"", re.S)
# A wrapper of one of those calls, for which a caller says how long.
MORE = {"hooks/run.c", "util/io.c"}
LIMIT = re.compile(r"([\d.]+) s \(`(\w+)`\)")
UNITS = {"MS": 1000, "S": 1}


def files():
    for folder, _, names in os.walk(SOURCE):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                with open(path) as file:
                    yield os.path.relpath(path, SOURCE), COMMENT.sub("", file.read())


def main():
    with open(os.path.join(TREE, "docs", "waits.md")) as file:
        rows = [line for line in file if line.startswith("| ") and not line.startswith("| File")]
    named = {name for row in rows for name in re.findall(r"`([\w/]+\.c)`", row.split("|")[1])}
    texts = dict(files())
    waiting = {name for name, text in texts.items() if name.endswith(".c") and BLOCKING.search(text)}
    bad = [f"docs/waits.md: no row for src/{name}, which may wait" for name in sorted(waiting - named)]
    bad += [f"docs/waits.md: src/{name} does not wait" for name in sorted(named - waiting - MORE)]
    seen = 0
    for row in rows:
        for figure, constant in LIMIT.findall(row):
            values = {int(value) for text in texts.values() for value in re.findall(rf"\b{constant} = (\d+)\b", text)}
            unit = UNITS[constant.rsplit("_", 1)[1]]
            seen += 1
            if float(figure) * unit not in values:
                bad.append(f"docs/waits.md: {figure} s is not {constant}, which is {sorted(values)}")
    verdict.end(bad, seen, 15, "limits")


if __name__ == "__main__":
    main()
