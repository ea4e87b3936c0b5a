#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dependencies.py TREE: every library that the build asks for is included by a file of the tree."""

import os
import re
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
# The name of meson's dependency(), and the header that a file of the tree includes if it needs the library.
HEADERS = {"json-c": r"json-c/", "libseccomp": r"seccomp\.h", "libcap-ng": r"cap-ng\.h", "libcrypto": r"openssl/", "libsystemd": r"systemd/",
           "cmocka": r"cmocka\.h", "threads": r"pthread\.h"}


def texts(ending):
    for top in ("src", "tests"):
        for folder, _, names in os.walk(os.path.join(TREE, top)):
            for name in names:
                if name.endswith(ending):
                    with open(os.path.join(folder, name)) as file:
                        yield file.read()


def main():
    with open(os.path.join(TREE, "meson.build")) as file:
        build = "\n".join([file.read(), *texts("meson.build")])
    code = "\n".join([*texts(".c"), *texts(".h")])
    asked = set(re.findall(r"dependency\('([^']+)'", build))
    bad = [f"{name}: add it to tests/checks/dependencies.py" for name in sorted(asked - set(HEADERS))]
    bad += [f"{name}: the build asks for it, and no file includes it" for name in sorted(asked & set(HEADERS))
            if not re.search(rf"(?m)^#include <{HEADERS[name]}", code)]
    verdict.end(bad, len(asked), 5, "dependencies")


if __name__ == "__main__":
    main()
