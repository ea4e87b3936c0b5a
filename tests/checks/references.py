#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""references.py TREE: every file that a page or a comment of the code names by its path exists."""

import os
import re
import subprocess
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
SOURCE = os.path.join(TREE, "src")
FOLDERS = sorted(name for name in os.listdir(SOURCE) if os.path.isdir(os.path.join(SOURCE, name)))
# "km/requirements.c" is below src, "tests/lib/jobs.py" below the top.
NAME = re.compile(r"(?<![\w/.<-])((?:src/|tests/|docs/|contrib/|include/|(?:" + "|".join(FOLDERS) + r")/)[\w/-]+\.(?:c|h|py|sh|md|json))\b")


def texts():
    """Yields (file, line number, line) of pages, and of the code with its comments."""
    for top in ("", "src", "docs", "tests/checks", "tests/lib", "include/krun"):
        folder = os.path.join(TREE, top)
        if not os.path.isdir(folder):
            continue
        found = subprocess.run(["find", folder, "-type", "f", *([] if top else ["-maxdepth", "1"])], capture_output=True, text=True, check=True)
        for path in sorted(found.stdout.split()):
            if re.search(r"\.(md|c|h|py|sh)$", path):
                with open(path) as file:
                    yield from ((os.path.relpath(path, TREE), number, line) for number, line in enumerate(file, 1))


def main():
    seen, bad = 0, []
    for path, number, line in texts():
        if line.startswith("#include") or (path.startswith("tests") and path.endswith(".py")):
            continue
        for name in NAME.findall(line):
            seen += 1
            if not any(os.path.exists(os.path.join(top, name)) for top in (TREE, SOURCE)):
                bad.append(f"{path}:{number}: there is no {name}")
    verdict.end(bad, seen, 100, "names")


if __name__ == "__main__":
    main()
