# SPDX-License-Identifier: Apache-2.0
"""Destinations of mounts that are exchanged while krun mounts there: what it mounts is in the root, or there is an error."""

import os

from race import KINDS, RaceTest

ROWS = (
    ("Destination.test_tmpfs", "exchange the directory on which a tmpfs is mounted", "it is mounted inside, or an error", "CVE-2021-30465"),
    ("Destination.test_directory", "the same with a bind of a directory", "it is mounted inside, or an error", "CVE-2021-30465"),
    ("Destination.test_file", "the same with a bind of a file", "it is mounted inside, or an error", "CVE-2021-30465"),
    ("Destination.test_proc", "the same with a proc", "it is mounted inside, or an error", "CVE-2021-30465"),
    ("Destination.test_options", "exchange the destination of a mount with recursive options and a link to another mount",
     "the other mount stays read-only", "CVE-2021-30465"),
    ("Destination.test_parent", "exchange the directory above a destination", "it is mounted inside, or an error", "CVE-2021-30465"),
    ("Destination.test_missing", "exchange the directory in which a destination has to be made", "nothing is made outside",
     "CVE-2024-45310"),
    ("Destination.test_missing_file", "the same with a destination that is a file", "nothing is made outside", "CVE-2024-45310"),
    ("Destination.test_copy_up", "exchange the directory whose content tmpcopyup copies", "nothing of the host is copied", "CVE-2021-30465"),
    ("Destination.test_copied_directory", "exchange a directory that tmpcopyup finds in it", "nothing of the host is copied", "CWE-367"),
)
MARK = "race-mark"


class Destination(RaceTest):
    def mount(self, destination="/race/target", **more):
        """Adds a mount to the configuration. The payload says how often it has that mount, and reads whatever is there."""
        self.config["mounts"].append({"destination": destination, "type": "tmpfs", "source": MARK, **more})
        look = "" if more.get("type") == "proc" else f"; {self.tool('look')} /race"
        self.shell(f"grep -c {MARK} /proc/self/mountinfo{look}")

    def bind(self, source, destination="/race/target"):
        self.mount(destination, type="bind", source=source, options=["bind"])

    def attack(self, path="/race/target", honest="directory", target=None):
        self.race(self.rootfs + path, honest, self.check, target=target)

    def check(self, result, kind):
        self.assertEqual(result.out.splitlines()[:1], ["1"], f"{kind}: how often it is mounted inside: {result}")
        self.assert_nothing_of_the_host(result, kind)

    def source(self, kind):
        KINDS[kind](f"{self.top}/{MARK}", None)
        return f"{self.top}/{MARK}"

    def test_tmpfs(self):
        self.mount()
        self.attack()

    def test_directory(self):
        self.bind(self.source("directory"))
        self.attack()

    def test_file(self):
        self.bind(self.source("file"))
        self.attack(honest="file", target=f"{self.outside}/file")

    def test_proc(self):
        self.mount(type="proc")
        self.attack()

    def test_options(self):
        for name in ("volume", "source"):
            os.mkdir(f"{self.rootfs if name == 'volume' else self.top}/{name}")
        self.config["mounts"].append({"destination": "/volume", "type": "bind", "source": f"{self.top}/source", "options": ["bind", "ro"]})
        self.config["mounts"].append({"destination": "/race/target", "type": "mqueue", "source": MARK, "options": ["rrw", "shared"]})
        self.shell("cat /proc/self/mountinfo")
        self.race(f"{self.rootfs}/race/target", "directory", self.check_options, kinds={"link": lambda path, _: os.symlink("/volume", path)})

    def check_options(self, result, kind):
        lines = [line.split() for line in result.out.splitlines()]
        volume = [words[5] for words in lines if words[4] == "/volume" and MARK not in words]
        self.assertEqual([words.split(",")[0] for words in volume], ["ro"], f"{kind}: the mount of /volume: {result.out}")
        self.assertEqual(len([words for words in lines if MARK in words and words[6].startswith("shared:")]), 1, f"{kind}: {result.out}")

    def test_parent(self):
        self.mount("/race/parent/target")
        self.attack("/race/parent")

    def test_missing(self):
        self.mount("/race/parent/a/b")
        self.attack("/race/parent")

    def test_missing_file(self):
        self.bind(self.source("file"), "/race/parent/made")
        self.attack("/race/parent")

    def test_copy_up(self):
        self.mount(options=["tmpcopyup"])
        self.attack()

    def test_copied_directory(self):
        self.mount("/race", options=["tmpcopyup"])
        self.attack()
