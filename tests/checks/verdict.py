# SPDX-License-Identifier: Apache-2.0
"""How a check of the tree ends."""

import sys


def end(bad, seen, least, what):
    """Prints what is wrong. A check that has seen fewer than @least of @what fails: it does not look at the tree."""
    print("\n".join(bad))
    if seen < least:
        sys.exit(f"only {seen} {what} found: is this check looking at the tree?")
    sys.exit(bool(bad))
