#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
newcomer.py: types what README.md tells a newcomer, from the installation of krun to that of nothing: tests/debian/in-chroot trixie sh -c
'apt-get install -y --no-install-recommends python3 sudo && tests/debian/newcomer.py'. It changes the system that it runs on. kmsim
stands in for km, which such a system does not have.
"""

import os
import sys
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
README = os.path.join(SOURCE, "README.md")
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
sys.dont_write_bytecode = True

from transcript import Terminal, blocks_of_readme, play  # noqa: E402

INSTALLED = ("/usr/bin/krun", "/usr/bin/krun-plain", "/usr/share/man/man1/krun.1", "/usr/share/man/man7/krun-debugging.7")
SECONDS = 900   # for a build on a busy machine


def only(blocks, word):
    """Returns the one block with this word in it."""
    found, = [block for block in blocks if word in block]
    return found


class Newcomer(unittest.TestCase):
    def terminal(self, **more):
        terminal = Terminal(SOURCE, os.environ, seconds=SECONDS, **more)
        self.addCleanup(terminal.close)
        return terminal

    def test_the_readme(self):
        installing = blocks_of_readme(README, "## Install")
        # Root is this newcomer, whom sudo(8) serves as well.
        typed, _ = play(self, self.terminal(host="$ "), only(installing, "meson install"))
        self.assertEqual(typed, 3)
        for path in INSTALLED:
            self.assertTrue(os.path.exists(path), path)

        # Another machine has and lacks something else; here km is missing, and that is said.
        terminal = self.terminal()
        self.assertIn("krun check", only(installing, "# krun check"))
        self.assertRegex(terminal.type("krun check"), r"(?m)^missing +km .*\n +-> install km .*\n(.*\n)*krun cannot run containers under km here")
        self.assertEqual(terminal.status(), 1)

        stand_in = ["tests/kmsim/with-stand-in", "build/tests/kmsim/kmsim"]
        typed, compared = play(self, self.terminal(front=stand_in), only(blocks_of_readme(README, "### Without an engine"), "krun run"))
        self.assertGreater(typed, 6)
        self.assertGreater(compared, 0)

        # No engine is here.
        lines = [line for line in only(blocks_of_readme(README, "### Uninstall"), "ninja").splitlines(True) if "krun uninstall" not in line]
        self.assertEqual(play(self, terminal, "".join(lines))[0], 3)
        for path in INSTALLED:
            self.assertFalse(os.path.exists(path), path)


if __name__ == "__main__":
    unittest.main()
