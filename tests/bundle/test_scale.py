# SPDX-License-Identifier: Apache-2.0
"""
What grows with its number, and how much: the system calls of commands are counted for a number of containers, mounts and the like, and
for twice of it. Times would depend on the machine: tests/bench/scale.py has these.
"""

import collections
import os

from krun import KrunTest

# The allocator's own calls: how many depends on the library, and on the sanitizer if there is one.
MEMORY = {"brk", "mmap", "munmap", "mremap", "madvise"}


class Scale(KrunTest):
    def count(self, *arguments):
        """Returns how many system calls of each name a command of krun and its children make, without those for memory."""
        # A container that is created keeps what it has been given.
        with open(self.log, "ab") as log:
            result = self.injected(("list",), *arguments, stdout=log, stderr=log)
        self.assertEqual(result.status, 0, f"krun {' '.join(arguments)}: {self.logged()[-2000:]}")
        with open(f"{self.top}/report") as file:
            return collections.Counter(name for name in (line.split()[1] for line in file) if name not in MEMORY)

    def each(self, count, number):
        """
        Calls @count for @number, 2 * @number and 4 * @number; asserts that the calls grow with it and not faster, and returns how many each
        one more adds.
        """
        first, second, third = (sum(count(number * factor).values()) for factor in (1, 2, 4))
        each = (second - first) / number
        self.assertLess(abs((third - second) / (2 * number) - each), 0.5, "calls for each one more")
        return each

    # ---- containers ----

    def containers(self, number):
        self.write_config(args=["/bin/sleep", "1000"])
        while len(self.ids) <= number:
            self.ids.append(f"{self.cid}-{len(self.ids)}")
            self.create(identity=self.ids[-1])

    def test_list_looks_at_each_container_once(self):
        def count(*options):
            def command(number):
                self.containers(number)
                return self.count("list", *options)
            return command

        # The ids are the names of the directories.
        self.assertEqual(self.each(count("--quiet"), 3), 0)
        self.assertLessEqual(self.each(count(), 3), 18)
        # With memory.events, where there is a memory controller.
        self.assertLessEqual(self.each(count("--format", "json"), 3), 21)

    def test_commands_do_not_look_at_other_containers(self):
        def life():
            """Returns how many calls the commands in the life of one container make."""
            return [(words[0], sum(self.count(*words).values())) for words in (
                ("create", "--bundle", self.bundle, self.cid), ("state", self.cid), ("ps", "--format", "json", self.cid),
                ("exec", self.cid, "/bin/true"), ("kill", self.cid, "KILL"), ("delete", "--force", self.cid))]

        # The first one makes the state root, the parent of the cgroups, and mount points in the root.
        self.containers(1)
        few = life()
        self.containers(31)
        # Who waits may make some calls more or less.
        for (command, before), (_, after) in zip(few, life()):
            self.assertLess(abs(after - before), 15, f"{command}: calls for 30 containers more")

    # ---- mounts ----

    def mounts(self, source, *options):
        """Returns a function that counts the calls of a container with a number of mounts that are read-only."""
        bare = list(self.config["mounts"])

        def count(number):
            self.config["mounts"] = bare + [{"destination": f"/mounts/{index}", "type": "bind", "source": source, "options": [*options, "ro"]}
                                            for index in range(number)]
            self.write_config(args=["/bin/true"])
            self.count("run", "--bundle", self.bundle, self.cid)    # makes the mount points
            return self.count("run", "--bundle", self.bundle, self.cid)
        return count

    def test_each_mount_costs_the_same(self):
        for source in (self.top, os.path.join(self.rootfs, "tmp")):
            for option in ("bind", "rbind") if source == self.top else ("bind",):
                with self.subTest(source=source, option=option):
                    self.assertLessEqual(self.each(self.mounts(source, option), 16), 20)
