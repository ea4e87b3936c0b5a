#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
pairs.py TREE: NAME.h declares the functions of NAME.c. A header for several files says which file has what: above the functions of
another file stands "/* ---- other.c ---- */".
"""

import os
import re
import shutil
import subprocess
import sys

import verdict

SOURCE = os.path.join(os.path.abspath(sys.argv[1]), "src")


def tags(kind):
    """(name, file, line) of each function that is defined (f) or declared (p)."""
    done = subprocess.run(["ctags", "--languages=C", "--langmap=C:.c.h", f"--kinds-C={kind}", "--fields=n", "-R", "-o", "-", "."], cwd=SOURCE,
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        if not line.startswith("!"):
            name, path, *_, number = line.split("\t")
            yield name, os.path.normpath(path), int(number.removeprefix("line:"))


def sections(path):
    """[(line, what the section's title says)]"""
    with open(os.path.join(SOURCE, path)) as file:
        return [(number, title.group(1)) for number, line in enumerate(file, 1) if (title := re.match(r"/\* ---- (.*?) -+ \*/", line))]


def main():
    if not shutil.which("ctags"):
        print("universal-ctags is not installed")
        sys.exit(77)
    homes = {}
    for name, path, _ in tags("f"):
        homes.setdefault(name, set()).add(path)
    seen, bad, titles = 0, [], {}
    for name, header, line in tags("p"):
        # A function whose name is built by a macro has no home to be found.
        if not header.endswith(".h") or name not in homes or name.isupper():
            continue
        seen += 1
        if header not in titles:
            titles[header] = sections(header)
        title = next((text for number, text in reversed(titles[header]) if number < line), "")
        files = {os.path.relpath(home, os.path.dirname(header)) for home in homes[name]}
        if os.path.basename(header).replace(".h", ".c") not in files and not any(file in title.split(", ") for file in files):
            bad.append(f"{header}:{line}: {name}() is in {', '.join(sorted(files))}: say so in a section's title")
    verdict.end(bad, seen, 400, "functions")


if __name__ == "__main__":
    main()
