# SPDX-License-Identifier: Apache-2.0
"""The root of the configuration, directories above it, and sources of mounts below it, exchanged while krun enters it."""

import itertools
import os

from race import RaceTest, make_tree

ROWS = (
    ("Root.test_root", "exchange root.path for another root", "everything is made in the root that the payload gets", "CWE-367"),
    ("Root.test_parent", "exchange the directory above root.path", "everything is made in the root that the payload gets", "CWE-367"),
    ("Root.test_link", "exchange root.path for a link to another root", "everything is made in the root that the payload gets", "CWE-367"),
    ("Source.test_directory", "exchange the source of a bind that is below the root", "nothing of the host is seen", "CVE-2021-30465"),
    ("Source.test_parent", "exchange the directory above such a source", "nothing of the host is seen", "CVE-2021-30465"),
    ("Source.test_file", "the same with a file", "nothing of the host is seen", "CVE-2021-30465"),
)


class Root(RaceTest):
    """Two roots, each with a mark. Each round makes a mount point with a new name, which shows in which of them krun worked."""

    def setUp(self):
        super().setUp()
        os.mkdir(f"{self.bundle}/place")
        self.config["root"]["path"] = "place/root"
        self.config["mounts"].append({"destination": "", "type": "tmpfs", "source": "tmpfs"})
        self.numbers = itertools.count()
        self.trees = {}

    def make(self, path, mark):
        """Makes a root; its descriptor finds it wherever it is later."""
        make_tree(path, mark)
        self.trees[mark] = os.open(path, os.O_PATH)
        self.addCleanup(os.close, self.trees[mark])

    def act(self):
        name = f"made-{next(self.numbers)}"
        self.config["mounts"][-1]["destination"] = f"/{name}"
        self.shell("cat /mark")
        result = self.run_once()
        self.places = [mark for mark, fd in self.trees.items() if name in os.listdir(f"/proc/self/fd/{fd}")]
        self.assertLess(len(self.places), 2, f"one mount point in two roots: {result}")
        return result

    def check(self, result, kind):
        self.assertEqual([result.out.strip()], self.places, f"{kind}: the payload's root, and that of the mount point")

    def attack(self, path, below="", link=False):
        """@below: the rest of the way to the root from @path, whose place another directory takes, or a link to one."""
        def honest(path, _):
            self.make(path + below, "honest")

        def directory(path, _):
            self.make(path + below, "other")

        def link_to_directory(path, _):
            self.make(f"{self.top}/elsewhere", "other")
            os.symlink(f"{self.top}/elsewhere", path)

        kind = link_to_directory if link else directory
        self.race(f"{self.bundle}/{path}", honest, self.check, act=self.act, kinds={kind.__name__: kind})

    def test_root(self):
        self.attack("place/root")

    def test_link(self):
        self.attack("place/root", link=True)

    def test_parent(self):
        os.rmdir(f"{self.bundle}/place")
        self.attack("place", "/root")


class Source(RaceTest):
    def attack(self, source, path, honest="directory", **more):
        os.mkdir(f"{self.rootfs}/volume")
        if honest == "file":
            os.rmdir(f"{self.rootfs}/volume")
        self.config["mounts"].append({"destination": "/volume", "type": "bind", "source": f"rootfs{source}", "options": ["rbind"]})
        self.shell(f"{self.tool('look')} /volume /race")
        self.race(self.rootfs + path, honest, self.assert_nothing_of_the_host, **more)

    def test_directory(self):
        self.attack("/race/target", "/race/target")

    def test_parent(self):
        self.attack("/race/parent/target", "/race/parent", honest=self.directory_with_target)

    def test_file(self):
        self.attack("/race/target", "/race/target", honest="file", target=f"{self.outside}/file")

    @staticmethod
    def directory_with_target(path, _):
        os.makedirs(f"{path}/target")
