# SPDX-License-Identifier: Apache-2.0
"""The end of a check of the tree."""

import sys


def end(bad, seen, least, what):
    """Prints what is wrong and exits. A check that has seen fewer than @least of @what fails, because it does not read the tree."""
    print("\n".join(bad))
    if seen < least:
        sys.exit(f"only {seen} {what} found: is this check looking at the tree?")
    sys.exit(bool(bad))
