# SPDX-License-Identifier: Apache-2.0
"""After fifty containers the machine is as before: processes, cgroups, mounts, state, keyrings, descriptors."""

import ctypes
import glob
import os
import subprocess

from krun import BothModes, CGROUP, children, wait_until

CYCLES = 50
PR_SET_CHILD_SUBREAPER = 36


def reap():
    """Reaps the zombies that krun left to its caller, which have the exit statuses of the containers."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def living_children():
    reap()
    return children(os.getpid())


def lines_with(path, *words):
    with open(path) as file:
        return [line for line in file if any(word in line for word in words)]


class FiftyContainers(BothModes):
    def setUp(self):
        super().setUp()
        # A process that loses its parent becomes a child of this one.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.addCleanup(ctypes.CDLL(None).prctl, PR_SET_CHILD_SUBREAPER, 0)
        self.config["linux"]["cgroupsPath"] = f"/krun-{self.cid}/box"

    def cycle(self, number, whole):
        name = f"{self.cid}-{number}"
        result = self.krun("create", "--bundle", self.bundle, name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(result.status, 0, result)
        if whole:
            self.ok("start", name)
            self.ok("pause", name)
            self.ok("resume", name)
            self.ok("exec", name, "true")
            self.assertEqual(self.krun("exec", name, "/no/such/program").status, 255)
            self.ok("kill", name, "KILL")
        self.ok("delete", "--force", name)

    def seen(self):
        return {
            "processes": living_children(),
            "cgroups": glob.glob(f"{CGROUP}/**/*{self.cid}*", recursive=True),
            "mounts": lines_with("/proc/self/mountinfo", self.top, self.cid),
            "state": sorted(os.listdir(self.root)),
            "descriptors": len(os.listdir("/proc/self/fd")),
        }

    def check_seen(self, before):
        self.assertEqual(self.seen(), before)
        # The kernel collects keys in its own time.
        if os.path.exists("/proc/keys"):
            wait_until(lambda: not lines_with("/proc/keys", self.cid), what="end of the session keyrings")

    def test_nothing_is_left(self):
        self.shell("exec sleep 1000")
        # The first container makes what stays: the state root, and the parent of the cgroups.
        self.cycle(0, whole=True)
        before = self.seen()
        self.assertEqual(before["processes"], [])
        for number in range(1, CYCLES + 1):
            self.cycle(number, whole=number % 10 == 0)
        self.check_seen(before)
        for folder in glob.glob(f"{CGROUP}/krun-{self.cid}"):
            os.rmdir(folder)

    def test_nothing_is_left_of_failures(self):
        self.config["hooks"] = {"createContainer": [{"path": "/bin/false"}]}
        self.shell("true")
        self.assertEqual(self.krun("create", "--bundle", self.bundle, self.cid).status, 1)
        before = self.seen()
        for _ in range(10):
            self.assertEqual(self.krun("create", "--bundle", self.bundle, self.cid).status, 1)
            self.assertEqual(self.krun("run", "--bundle", self.bundle, self.cid).status, 1)
        self.check_seen(before)
        self.assertEqual([name for name in before["state"] if name[0] != "."], [])
        for folder in glob.glob(f"{CGROUP}/krun-{self.cid}"):
            os.rmdir(folder)
