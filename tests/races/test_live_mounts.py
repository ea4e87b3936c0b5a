# SPDX-License-Identifier: Apache-2.0
"""`mounts add` and `mounts remove` in a container that exchanges their destinations."""

import os
import subprocess

from hostile import mount_config
from race import KINDS, RaceTest

ROWS = (
    ("Live.test_destination", "exchange the destination of mounts add and mounts remove", "no other mount of the container goes or comes",
     "CVE-2021-30465"),
    ("Live.test_parent", "exchange the directory above it", "no other mount of the container goes or comes", "CVE-2021-30465"),
    ("Live.test_links_to_mounts", "exchange it for links to what protects proc", "no other mount of the container goes or comes",
     "CVE-2021-30465"),
    ("Live.test_copy_up", "exchange the directory whose content tmpcopyup copies", "nothing of the host is copied", "CVE-2021-30465"),
)
MARK = "race-mark"


class Live(RaceTest):
    def setUp(self):
        super().setUp()
        self.start("echo READY; exec sleep 1000")
        self.pid = self.state()["pid"]

    def mounts_inside(self):
        """Returns (how many mounts of the test there are, all others)."""
        lines = self.read_process(self.pid, "mountinfo").splitlines()
        return sum(MARK in line for line in lines), [line for line in lines if MARK not in line]

    def attack(self, destination="/race/target", swapped="/race/target", options=(), kinds=None):
        wanted = mount_config(f"{self.top}/mounts.json", destination=destination, type="tmpfs", source=MARK, options=list(options))
        before = self.mounts_inside()[1]

        def act():
            result = self.krun("mounts", "add", self.cid, wanted)
            self.assertEqual(self.mounts_inside(), (int(result.status == 0), before), f"mounts inside after {result}")
            self.look()
            removed = self.krun("mounts", "remove", self.cid, wanted)
            left = int(result.status == 0 and removed.status != 0)
            self.assertEqual(self.mounts_inside(), (left, before), f"mounts inside after {removed}")
            self.clean()
            return result

        self.race(self.rootfs + swapped, "directory", lambda result, kind: None, act=act, kinds=kinds)

    def clean(self):
        """Removes the mount where it is by now, if it is still there."""
        with self.swapper.paused():
            for line in self.read_process(self.pid, "mountinfo").splitlines():
                if MARK in line:
                    subprocess.run(["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "umount", "-l", line.split()[4]], check=True)

    def look(self):
        result = self.krun("exec", self.cid, self.tool("look"), "/race")
        self.assert_nothing_of_the_host(result, "exec")

    def test_destination(self):
        self.attack()

    def test_parent(self):
        self.attack("/race/target/made")

    def test_links_to_mounts(self):
        self.attack(kinds={word: lambda path, _, word=word: os.symlink(word, path)
                           for word in ("/proc", "/proc/sys", "/proc/timer_list", "/dev", "/sys/firmware")})

    def test_copy_up(self):
        self.attack(options=["tmpcopyup"], kinds={kind: KINDS[kind] for kind in ("link out", "link up", "link by proc", "directory")})
