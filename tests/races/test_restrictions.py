# SPDX-License-Identifier: Apache-2.0
"""Masked and read-only paths that are exchanged while krun covers them."""

import os

from race import RaceTest

ROWS = (
    ("Paths.test_masked_directory", "exchange a masked directory", "nothing outside is covered or changed", "CVE-2025-31133"),
    ("Paths.test_masked_file", "exchange a masked file", "nothing outside is covered or changed", "CVE-2025-31133"),
    ("Paths.test_masked_parent", "exchange the directory of a masked path", "nothing outside is covered or changed", "CVE-2025-31133"),
    ("Paths.test_read_only", "exchange a read-only path", "nothing outside becomes read-only", "CVE-2023-25809"),
    ("Paths.test_read_only_volume", "exchange a read-only path for a link into a volume of the host", "the volume stays writable there",
     "CVE-2023-25809"),
    ("Paths.test_read_only_parent", "exchange the directory of a read-only path", "nothing outside becomes read-only", "CVE-2023-25809"),
    ("Proc.test_mount_point", "exchange the directory on which proc is mounted", "proc is masked wherever it is", "CVE-2023-25809"),
)
ANYTHING = ("directory", "file", "device", "fifo")
# A command that says so when a file of proc, below a directory of the container, can be written or read.
OPENED = "(: >> {0}/sys/kernel/core_pattern) 2> /dev/null && echo OPENED; cat {0}/timer_list {0}/keys 2> /dev/null"


class Paths(RaceTest):
    """The payload counts the mounts below /race. What krun has looked up is covered, wherever it is by now, and nothing else."""

    def attack(self, key, path, sure, honest="directory", **more):
        """@sure: kinds with which there is always something at the path that can be covered."""
        def check(result, kind):
            self.assertIn(result.out, ("1\n",) if kind in sure else ("0\n", "1\n"), f"{kind}: covers below /race: {result}")

        self.config["linux"][key] = [path]
        self.shell("grep -c ' /race/' /proc/self/mountinfo; true")
        self.race(f"{self.rootfs}/race/target", honest, check, **more)

    def test_masked_directory(self):
        self.attack("maskedPaths", "/race/target", ANYTHING)

    def test_masked_file(self):
        self.attack("maskedPaths", "/race/target", ANYTHING, honest="file", target=f"{self.outside}/file")

    def test_masked_parent(self):
        self.attack("maskedPaths", "/race/target/inner", ("directory",))

    def test_read_only(self):
        self.attack("readonlyPaths", "/race/target", ANYTHING)

    def test_read_only_parent(self):
        self.attack("readonlyPaths", "/race/target/inner", ("directory",))

    def test_read_only_volume(self):
        """The container sees the volume by two names; only where the link leads may it become read-only."""
        os.mkdir(f"{self.rootfs}/volume")
        self.bind(self.outside, "/volume")
        self.bind(self.outside, "/other")
        self.config["linux"]["readonlyPaths"] = ["/race/target"]
        self.shell("awk '$5 == \"/other\" { print substr($6, 1, 2) }' /proc/self/mountinfo")
        self.race(f"{self.rootfs}/race/target", "directory", lambda result, kind: self.assertEqual(result.out, "rw\n", kind),
                  kinds={"link to the volume": lambda path, _: os.symlink("/volume", path)})


class Proc(RaceTest):
    def test_mount_point(self):
        os.rmdir(f"{self.rootfs}/proc")
        self.shell(f"{OPENED.format('/proc')}; {OPENED.format('/proc.other')}; true")
        self.race(f"{self.rootfs}/proc", "directory", lambda result, kind: self.assertEqual(result.out, "", kind),
                  kinds=("directory", "link out", "link up"), target="/race")
