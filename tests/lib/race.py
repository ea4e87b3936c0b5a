# SPDX-License-Identifier: Apache-2.0
"""
What the races ring shares: while krun works, another process exchanges a path of the container for something else, again and again.
Tests of the hostile ring use its directory outside of the root (Outside), and its kinds of things.

A test names the path, what belongs there, and a command of krun. For each kind of thing that an attacker could put in its place
(KINDS) the command runs a number of rounds (lib/sample.py), with tests/hostile/tools/swap.c beside it. Links lead to a directory of
the test outside of the root, which stands for the host. It and the mounts have to be afterwards what they were; the test itself
looks at what krun did inside. A test fails as well when there were too few exchanges, or no round in which krun did its work.
"""

import contextlib
import mmap
import os
import shutil
import signal
import stat
import struct
import subprocess

from hostile import BothModes, TOOLS
from krun import make_rootfs
from sample import rounds

# Rounds of a test with all kinds together, in a run that takes a sample and in one with --full.
QUICK, FULL = 42, 10000


class Swapper:
    """A process that exchanges two paths for as long as the context lasts."""

    def __init__(self, folder, first, second):
        self.path = os.path.join(folder, "swaps")
        self.command = [os.path.join(TOOLS, "hostile_swap"), self.path, first, second]

    def __enter__(self):
        with open(self.path, "wb+") as file:
            file.write(bytes(8))
            file.flush()
            self.memory = mmap.mmap(file.fileno(), 8)
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        return self

    def count(self):
        return struct.unpack("Q", self.memory)[0]

    @contextlib.contextmanager
    def paused(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        yield
        self.process.send_signal(signal.SIGCONT)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.memory.close()


def link_up(path, target):
    os.symlink("../" * 24 + target.lstrip("/"), path)


def make_directory(path, _target):
    os.mkdir(path)
    with open(os.path.join(path, "inner"), "w") as file:
        file.write("inside\n")


def make_file(path, _target):
    with open(path, "w") as file:
        file.write("inside\n")


# What takes the place of a path: each is a function of (path, what lies outside and would belong there).
KINDS = {
    "link out": lambda path, target: os.symlink(target, path),
    "link up": link_up,
    "link by proc": lambda path, target: os.symlink(f"/proc/self/root{target}", path),
    "directory": make_directory,
    "file": make_file,
    "device": lambda path, _: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
    "fifo": lambda path, _: os.mkfifo(path, 0o600),
}


def tree_of(folder):
    """Returns everything about a directory and what is in it that a mistake could change."""
    found = {}
    for path, names, files in os.walk(folder):
        for name in [".", *names, *files]:
            whole = os.path.join(path, name)
            info = os.lstat(whole)
            content = os.readlink(whole) if stat.S_ISLNK(info.st_mode) else None
            if stat.S_ISREG(info.st_mode):
                with open(whole, "rb") as file:
                    content = file.read()
            # The time of the last change of an inode tells of a mode or an owner that was set to what it was.
            found[whole] = (oct(info.st_mode), info.st_uid, info.st_gid, info.st_rdev, info.st_ino, info.st_nlink, info.st_mtime_ns,
                            info.st_ctime_ns, content)
    return found


def mounts():
    """Returns the host's mounts without those of krun's own state."""
    with open("/proc/self/mountinfo") as file:
        return [line for line in file.read().splitlines() if " krun-monitor " not in line]


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class Outside(BothModes):
    """A container, and a directory outside of its root that stands for the host, which nobody may reach."""

    def setUp(self):
        super().setUp()
        self.outside = os.path.join(self.top, "outside")
        self.make_outside()
        self.remember_outside()

    def make_outside(self):
        os.makedirs(f"{self.outside}/dir/target")
        for name in ("file", "dir/inner", "dir/target/inner"):
            with open(f"{self.outside}/{name}", "w") as file:
                file.write(self.secret + "\n")
        os.mkfifo(f"{self.outside}/fifo", 0o600)
        os.mknod(f"{self.outside}/dir/node", stat.S_IFCHR | 0o600, os.makedev(1, 5))

    def remember_outside(self):
        self.before = tree_of(self.outside), mounts()

    def assert_outside_kept(self):
        self.assertEqual(tree_of(self.outside), self.before[0], "what is outside of the root")
        self.assertEqual(mounts(), self.before[1], "mounts of the host")

    def assert_one_error(self, result, what=""):
        # km, which looks for files of the container as well, has words of its own before krun's.
        before = r"(?:(?!krun: ).*\n)*" if self.mode == "km" else ""
        self.assertRegex(result.err, rf"\A{before}krun: [^\n]+\n\Z", f"{what}: not one clear error: {result}")
        self.assert_nothing_of_the_host(result, what)

    def assert_nothing_of_the_host(self, result, what=""):
        self.assertNotIn(self.secret, result.out + result.err, f"{what}: the secret of the host")

    @staticmethod
    def clear(path):
        """Removes whatever is at a path of the test, but follows no link."""
        remove(path)


class RaceTest(Outside):
    """A container with a directory /race, whose content is exchanged."""

    # How a payload may end that has lost a race of its own: krun has nothing to say about it.
    statuses_of_payload = ()

    def setUp(self):
        super().setUp()
        os.mkdir(f"{self.rootfs}/race")
        self.worked = self.refused = self.swaps = 0

    # ---- a round ----

    def run_once(self):
        return self.krun("run", "--bundle", self.bundle, self.cid)

    def judge(self, result, kind):
        """Counts what came of a command: it worked, or there is one clear error. Returns whether it worked."""
        if result.status == 0:
            self.worked += 1
            return True
        self.refused += 1
        if result.status not in self.statuses_of_payload or result.err:
            self.assert_one_error(result, kind)
        return False

    def race(self, path, honest, check, act=None, kinds=None, target=None):
        """
        Exchanges a path for each of @kinds (default: all) while @act runs (default: `krun run`). @honest: a function as in KINDS,
        or the name of one; @target: what the links lead to; @check: called with the result and the kind of each round that worked.
        """
        kinds = kinds or KINDS
        honest = KINDS[honest] if isinstance(honest, str) else honest
        target = target or f"{self.outside}/dir"
        self.remember_outside()
        other, times = path + ".other", rounds(QUICK, FULL) // len(kinds) + 1
        for kind in kinds:
            honest(path, target)
            (kinds if isinstance(kinds, dict) else KINDS)[kind](other, target)
            with Swapper(self.top, path, other) as self.swapper:
                for _ in range(times):
                    before = self.swapper.count()
                    result = (act or self.run_once)()
                    self.swaps += self.swapper.count() - before
                    if self.judge(result, kind):
                        check(result, kind)
            remove(path)
            remove(other)
        self.assert_outside_kept()
        self.assertGreaterEqual(self.swaps, times * len(kinds), "exchanges while krun worked")
        self.assertGreater(self.worked, 0, "rounds in which krun did its work")


def make_tree(path, mark):
    """Makes a root that says which one it is."""
    make_rootfs(path)
    with open(f"{path}/mark", "w") as file:
        file.write(mark + "\n")
