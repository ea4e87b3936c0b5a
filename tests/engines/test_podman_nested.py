# SPDX-License-Identifier: Apache-2.0
"""
Containers that are machines: with systemd as their first process, and with a podman and a krun of their own inside. Their root is a layer
over that of the machine, which has both.
"""

import os
import shutil
import tempfile
import unittest

from engine_tests import Client, need_machine
from engines import Podman, in_machine
from jobs import OWN_MACHINE
from krun import PROGRAMS, make_rootfs, wait_until

ENGINE = None


def setUpModule():
    global ENGINE
    need_machine(None)
    if not OWN_MACHINE:
        raise unittest.SkipTest("the root of a machine of the tests' own is taken for an image, and this is none")
    ENGINE = PodmanInMemory("cgroupfs")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanInMemory(Podman):
    """podman with its images in memory, because the upper layer must not be in the file system of the lower one."""

    name = "podman-nested"

    def __init__(self, manager="cgroupfs"):
        before, tempfile.tempdir = tempfile.tempdir, "/run"
        try:
            super().__init__(manager)
        finally:
            tempfile.tempdir = before


class PodmanNested(Client):
    variants = ("plain",)
    # podman's rm sends TERM first.
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE

    @in_machine
    def test_systemd_as_the_first_process(self):
        self.ok("run", "--detach", "--name", self.name, "--network", "none", "--systemd", "always", "--rootfs", "/:O",
                "/sbin/init", "systemd.unit=basic.target", "systemd.mask=systemd-udevd.service")
        wait_until(lambda: self.cli("exec", self.name, "systemctl", "is-active", "basic.target").out == "active\n", 120, "basic.target")
        # systemd divides its cgroup, which has every controller.
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            have = sorted(file.read().split())
        self.assertEqual(sorted(self.ok("exec", self.name, "cat", "/sys/fs/cgroup/cgroup.controllers").split()), have)
        script = "cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max"
        self.assertEqual(self.ok("exec", self.name, "systemd-run", "--quiet", "--wait", "--pipe", "-p", "MemoryMax=64M", "sh", "-c",
                                 script), f"{64 << 20}\n")
        self.ok("stop", "--time", "60", self.name)
        # systemd may not reboot here, so it exits; where it may, the kernel ends it with a signal.
        self.assertRegex(self.inspect("{{.State.Status}} {{.State.ExitCode}}"), "^exited (0|130)$")

    @in_machine
    def test_podman_in_podman(self):
        # This is not below the engine's directory, because Debian's /run is noexec.
        folder = tempfile.mkdtemp(prefix="krun-nested-")
        self.addCleanup(shutil.rmtree, folder)
        rootfs = os.path.join(folder, "rootfs")
        make_rootfs(rootfs)
        inner = (f"podman --root /tmp/inner/storage --runroot /tmp/inner/run --tmpdir /tmp/inner/tmp --storage-driver vfs "
                 f"--cgroup-manager cgroupfs --events-backend file --runtime {PROGRAMS['plain']} run --rm --network none --name inner "
                 f"--pids-limit 0 --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "
                 f"--rootfs /srv sh -c 'echo inner of $(hostname); exit 7'")
        result = self.run_("--privileged", "--network", "none", "--hostname", "outer", "--tmpfs", "/tmp:notmpcopyup", "--volume", f"{rootfs}:/srv",
                           "--rootfs", "/:O", "sh", "-c", f"{inner}; echo status $?; hostname")
        self.assertEqual(result.status, 0, result)
        lines = result.out.splitlines()
        self.assertRegex(lines[0], "^inner of [0-9a-f]{12}$", result)
        self.assertEqual(lines[1:], ["status 7", "outer"], result)
