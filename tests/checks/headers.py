#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headers.py TREE: every @name in the comment above a declaration of a header is a parameter of it, or a field of that struct."""

import os
import re
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
BLOCK = re.compile(r"/\*(?:(?!\*/).)*\*/", re.S)


def declarations(text):
    """Yields (line number, comment, the declarations below it, up to the next comment or empty line)."""
    for match in BLOCK.finditer(text):
        begin = text.rfind("\n", 0, match.start()) + 1
        if text[begin:match.start()].strip():
            continue    # beside a field
        rest = text[match.end():].lstrip("\n")
        if text[match.end():match.end() + 2] == "\n\n":
            continue    # a comment of its own
        end = re.search(r"\n\n|\n/\*|\n\};", rest)
        yield text.count("\n", 0, match.start()) + 1, match.group(0), rest[:end.start()] if end else rest


def main():
    seen, bad = 0, []
    for folder, _, names in sorted(os.walk(os.path.join(TREE, "src"))):
        for name in sorted(names):
            if not name.endswith(".h"):
                continue
            path = os.path.join(folder, name)
            with open(path) as file:
                text = file.read()
            for line, comment, code in declarations(text):
                for word in re.findall(r"(?<![\w@.])@(\w+)", comment):
                    seen += 1
                    if not re.search(rf"\b{word}\b", BLOCK.sub("", code)):
                        bad.append(f"{os.path.relpath(path, TREE)}:{line}: @{word} is nothing of what follows")
    verdict.end(bad, seen, 100, "names")


if __name__ == "__main__":
    main()
