# SPDX-License-Identifier: Apache-2.0
"""
A state root whose disk is full, read-only or damaged.

A command on a full or read-only disk succeeds, or fails with one clear error and has undone what it began; whatever happened,
`state`, `list` and `delete --force` work afterwards, and nothing is left. A file of the state root that is cut or changed at any byte
makes a command fail clearly, or the command does the right thing all the same; the container beside it is never touched.
"""

import json
import os
import random
import resource
import subprocess

import sample
from krun import CGROUP, KrunTest, wait_until

# In which words an error says that there is no room, or that nothing can be written.
FULL = r"no space left|ENOSPC|disk quota|file too large|EFBIG"
READ_ONLY = r"read-only|EROFS"
# More pages and inodes than any command needs: a container has fewer than 20 files in the state root.
PAGES_MAX = INODES_MAX = 40
PAGE = resource.getpagesize()


class DiskTest(KrunTest):
    """The state root is a file system of the test's own."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.root, 0o700)
        self.mounted = False

    def tearDown(self):
        if self.mounted:
            self.remount("rw", f"size={1 << 20}", "nr_inodes=1000")
            for name in os.listdir(self.root):
                if not name.startswith("."):
                    self.krun("delete", "--force", name)
            subprocess.run(["umount", "-R", self.root], check=True)
        super().tearDown()

    def mount(self, *options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(("mode=0700", *options)), "tmpfs", self.root], check=True)
        self.mounted = True

    def unmount(self):
        subprocess.run(["umount", self.root], check=True)
        self.mounted = False

    def remount(self, *options):
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), self.root], check=True)

    def sleeper(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
        self.write_config(args=["/bin/sleep", "1000"])

    def try_create(self, identity=None):
        """Returns (status, stderr); a pipe would be held open by the program."""
        path = os.path.join(self.top, "said")
        with open(path, "wb+") as file:
            result = self.krun("create", "--bundle", self.bundle, identity or self.cid, stdout=file, stderr=file)
            file.seek(0)
            return result.status, file.read().decode()

    def clear_error(self, err, pattern, heading):
        self.assertEqual(err.count("\n"), 1, f"{heading}: one line: {err!r}")
        self.assertRegex(err, rf"(?i)^krun: .*({pattern})", heading)

    def listed(self):
        return {item["id"]: item["status"] for item in json.loads(self.ok("list", "--format", "json").out)}

    def nothing_left(self, heading, identity=None):
        identity = identity or self.cid
        self.assertEqual([name for name in os.listdir(self.root) if name.startswith(identity)], [], heading)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{identity}"), heading)
        with open("/proc/self/mountinfo") as file:
            mounts = [line.split()[4] for line in file if os.path.join(self.root, identity) in line]
        self.assertEqual(mounts, [], heading)


class Full(DiskTest):
    variants = ("plain", "km")

    def make_until_it_fits(self, option, most):
        """Creates in an ever larger file system: each write of create in turn has no room."""
        failures = 0
        for amount in range(1, most):
            heading = f"{option}={amount}"
            # An option of 1 inode leaves room for the root directory alone.
            self.mount(f"size={amount * PAGE}" if option == "size" else f"nr_inodes={amount}")
            status, err = self.try_create()
            if status == 0:
                self.assertEqual(self.listed(), {self.cid: "created"})
            else:
                failures += 1
                self.clear_error(err, FULL, heading)
                self.assertEqual(self.listed(), {}, heading)
                self.assertIn("does not exist", self.fails("state", self.cid))
            self.ok("delete", "--force", self.cid)
            self.nothing_left(heading)
            self.unmount()
            if status == 0:
                self.assertGreater(failures, 0, "it was never full")
                return
        self.fail(f"no success with {option} up to {most}")

    def test_create_with_too_few_pages(self):
        self.sleeper()
        self.make_until_it_fits("size", PAGES_MAX)

    def test_create_with_too_few_inodes(self):
        self.sleeper()
        self.make_until_it_fits("nr_inodes", INODES_MAX)

    def fill(self):
        """Leaves no page and no inode."""
        free = os.statvfs(self.root)
        with open(os.path.join(self.root, ".ballast"), "wb") as file:
            file.write(b"x" * free.f_bavail * free.f_frsize)
        for number in range(os.statvfs(self.root).f_ffree):
            os.mknod(os.path.join(self.root, f".ballast-{number}"))
        self.assertEqual((os.statvfs(self.root).f_bavail, os.statvfs(self.root).f_ffree), (0, 0))

    def empty(self):
        for name in os.listdir(self.root):
            if name.startswith(".ballast"):
                os.unlink(os.path.join(self.root, name))

    def each(self, pattern, prevent, allow):
        """Runs every command on a container of which nothing can be written; @prevent and @allow: make the disk so, and undo it."""
        limits = os.path.join(self.top, "limits.json")
        with open(limits, "w") as file:
            json.dump({"devices": [{"allow": False, "access": "rwm"}]}, file)
        for words, before, after in (
                (["start"], "created", "running"), (["exec", "/bin/echo", "hello"], "running", None), (["pause"], "running", "paused"),
                (["resume"], "paused", "running"), (["update", "--resources", limits], "running", None), (["ps"], "running", None),
                (["kill", "KILL"], "running", "stopped"), (["delete"], "stopped", "gone"), (["delete", "--force"], "running", "gone"),
                (["delete", "--force"], "paused", "gone"), (["delete", "--force"], "created", "gone")):
            options = [word for word in words[1:] if word.startswith("-") or word == limits]
            line = [words[0], *options, self.cid, *[word for word in words[1:] if word not in options]]
            heading = f"{' '.join(line)} of a container that is {before}"
            with self.subTest(heading):
                self.ok("delete", "--force", self.cid)
                status, err = self.try_create()
                self.assertEqual(status, 0, err)
                if before != "created":
                    self.ok("start", self.cid)
                if before == "paused":
                    self.ok("pause", self.cid)
                if before == "stopped":
                    self.ok("kill", self.cid, "KILL")
                    self.wait_stopped()
                prevent()
                try:
                    result = self.krun(*line)
                    if result.status:
                        self.clear_error(result.err, pattern, heading)
                    elif words[0] == "exec":
                        self.assertEqual(result.out, "hello\n")
                    if after == "stopped":
                        wait_until(lambda: self.status() == "stopped", what="end")
                    if after != "gone":
                        self.assertEqual(self.status(), after if after and result.status == 0 else before, heading)
                        self.assertEqual(self.listed(), {self.cid: self.status()}, heading)
                finally:
                    allow()
                self.ok("delete", "--force", self.cid)
                self.nothing_left(heading)

    def test_every_command_on_a_full_disk(self):
        self.sleeper()
        self.mount(f"size={64 * PAGE}", "nr_inodes=64")
        self.each(FULL, self.fill, self.empty)

    def test_every_command_on_a_read_only_disk(self):
        self.sleeper()
        self.mount()
        self.each(READ_ONLY, lambda: self.remount("ro"), lambda: self.remount("rw"))
        self.remount("ro")
        status, err = self.try_create()
        self.remount("rw")
        self.assertEqual(status, 1)
        self.clear_error(err, READ_ONLY, "create")
        self.nothing_left("create")

    def test_create_under_a_limit_of_the_size_of_files(self):
        """As a quota is: the disk has room, and the caller may not use it (RLIMIT_FSIZE)."""
        self.sleeper()
        for size in (0, 1, 100, 500):
            with self.subTest(size=size):
                # The error goes to a pipe, because a file would be under the limit, too.
                result = self.krun("create", "--bundle", self.bundle, self.cid, stdout=subprocess.DEVNULL,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
                self.assertEqual(result.status, 1, result)
                self.clear_error(result.err, FULL, f"{size} bytes")
                self.nothing_left(f"{size} bytes")


class Damaged(DiskTest):
    """Files of the state root that are cut, or have a wrong byte. A second container and a process of the host stand beside."""

    variants = ("plain", "km")

    def setUp(self):
        super().setUp()
        self.sleeper()
        self.neighbour = self.cid + "b"
        self.cid += "a"
        self.ids = [self.cid, self.neighbour]
        self.assertEqual(self.try_create(self.neighbour)[0], 0)
        self.ok("start", self.neighbour)
        self.folder = os.path.join(self.root, self.cid)

    def begin(self):
        self.assertEqual(self.try_create(), (0, ""))
        self.ok("start", self.cid)
        self.pid = self.state()["pid"]

    def files(self):
        """Returns the regular files of the state directory."""
        return sorted(name for name in os.listdir(self.folder) if os.path.isfile(os.path.join(self.folder, name)))

    def damages(self, name, quick, label):
        """Returns what can happen to a file, or a sample of it: [(words, a function from the good bytes to the bad ones)]."""
        size = os.path.getsize(os.path.join(self.folder, name))
        chance = random.Random(f"{sample.seed()} {label} {name} {self.mode}")

        def cut(place):
            return f"{name} cut to {place} bytes", lambda text: text[:place]

        def turn(place, bit):
            return (f"{name} with bit {bit} of byte {place} the other way",
                    lambda text: text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1:])

        return sample.pick([cut(place) for place in range(size)] + [turn(place, chance.randrange(8)) for place in range(size)], quick,
                           f"{label} {name} {self.mode}")

    def alive(self, pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    def neighbour_is_well(self, heading):
        self.assertEqual(self.status(self.neighbour), "running", heading)
        self.assertTrue(os.path.exists(f"{CGROUP}/krun-{self.neighbour}"), heading)

    def answers(self, line, heading, **more):
        """Runs a command that may succeed or fail, but only clearly."""
        result = self.krun(*line, **more)
        self.assertIn(result.status, (0, 1, 255), f"{heading}: {result}")
        if result.status:
            self.assertEqual((result.err.count("\n"), result.err[:6], result.out), (1, "krun: ", ""), f"{heading}: {result}")
        return result

    def look(self, name, heading):
        """Commands that change nothing; @name: the damaged file."""
        result = self.answers(["state", self.cid], heading)
        if result.status == 0 and name in ("state.json", "place.json"):
            told = json.loads(result.out)
            self.assertEqual((told["id"], told["status"], told["pid"]), (self.cid, "running", self.pid), heading)
        listed = self.listed()
        self.assertEqual(listed.pop(self.neighbour), "running", heading)
        self.assertIn(listed[self.cid], ("running", "unknown"), heading)
        self.answers(["kill", self.cid, "0"], heading)
        result = self.answers(["exec", self.cid, "/bin/echo", "hello"], heading)
        if result.status == 0:
            self.assertEqual(result.out, "hello\n", heading)
        self.assertEqual(self.krun("delete", self.cid).status, 1, heading)
        self.assertTrue(self.alive(self.pid), heading)
        self.neighbour_is_well(heading)

    def end(self, heading):
        result = self.answers(["delete", "--force", self.cid], heading)
        self.neighbour_is_well(heading)
        if result.status:
            # It knows of processes that it cannot find: it has removed nothing, and says so.
            self.assertIn(self.cid, self.listed(), heading)
            return False
        wait_until(lambda: not self.alive(self.pid), what=f"{heading}: end of the process")
        self.nothing_left(heading)
        return True

    def damage(self, name, change):
        """Changes a file; returns a function that restores it."""
        path = os.path.join(self.folder, name)
        with open(path, "rb") as file:
            good = file.read()

        def write(text):
            with open(path, "wb") as file:
                file.write(text)

        write(change(good))
        return lambda: write(good)

    def meet(self, name):
        """Runs every command on a container with one damaged file."""
        self.begin()
        for heading, change in self.damages(name, 24, "look"):
            with self.subTest(heading):
                restore = self.damage(name, change)
                try:
                    self.look(name, heading)
                finally:
                    restore()
        self.look(name, "as it was")
        self.assertTrue(self.end("as it was"))

    def remove(self, name):
        """Removes containers that have one damaged file."""
        self.begin()
        for heading, change in self.damages(name, 6, "end"):
            with self.subTest(heading):
                self.damage(name, change)
                self.assertTrue(self.end(heading), heading)
                self.begin()

    def test_these_are_all_files(self):
        self.begin()
        self.assertEqual(self.files(), ["config.json", "place.json", "seccomp.bpf", "state.json"])

    def test_a_damaged_state(self):
        self.meet("state.json")

    def test_a_damaged_place(self):
        self.meet("place.json")

    def test_a_damaged_copy_of_the_configuration(self):
        self.meet("config.json")

    def test_a_damaged_filter(self):
        self.meet("seccomp.bpf")

    def test_a_container_with_a_damaged_state_is_removed(self):
        self.remove("state.json")

    def test_a_container_with_a_damaged_place_is_removed(self):
        self.remove("place.json")

    def test_a_container_with_a_damaged_copy_of_the_configuration_is_removed(self):
        self.remove("config.json")

    def test_a_container_with_a_damaged_filter_is_removed(self):
        self.remove("seccomp.bpf")
