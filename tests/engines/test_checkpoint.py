# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore by podman, docker and ctr, of containers without km: krun calls CRIU."""

import os
import time
import unittest

from engine_tests import Client, CtrClient, OneEngine
from engines import Containerd, Dockerd, Podman, in_machine
from krun import criu_trouble, wait_until

COUNTER = "echo ready; n=0; while :; do n=$((n+1)); echo n$n; sleep 0.1; done"


def setUpModule():
    if criu_trouble():
        raise unittest.SkipTest(criu_trouble())


class Counting:
    """Base of tests of an engine with `logs`, whose container prints numbers."""

    def numbers(self, name=None):
        return [int(line[1:]) for line in self.cli("logs", name or self.name).out.split() if line.startswith("n")]

    def counts(self, name=None):
        start = self.numbers(name)
        wait_until(lambda: self.numbers(name)[len(start) + 2:], 60, "progress")
        return self.numbers(name)


class PodmanCheckpoint(OneEngine, Counting, Client):
    kind = Podman
    variants = ("plain",)

    def archive(self, name="archive.tar.gz"):
        path = os.path.join(self.engine.top, name)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return path

    def start(self, *options):
        self.detached(COUNTER, "--network", "none", *options)
        return self.counts()

    def goes_on(self, name, last):
        """Checks that the numbers go on; after an import some versions of podman have the old log, too."""
        after = self.counts(name)
        self.assertIn(after[0], (1, last, last + 1))
        self.assertGreater(after[-1], last)

    @in_machine
    def test_checkpoint_and_restore(self):
        self.start()
        self.ok("container", "checkpoint", self.name)
        self.assertEqual(self.status(), "exited")
        before = self.numbers()
        self.ok("container", "restore", self.name)
        self.assertEqual(self.status(), "running")
        after = self.counts()
        self.assertEqual(after, list(range(1, len(after) + 1)), "no number twice, none left out")
        self.assertGreater(len(after), len(before))
        self.assertEqual(self.ok("exec", self.name, "echo", "hello"), "hello\n")

    def test_leave_running_and_keep(self):
        self.start()
        self.ok("container", "checkpoint", "--leave-running", "--keep", self.name)
        self.assertEqual(self.status(), "running")
        self.counts()

    def test_export_and_import_under_another_name(self):
        self.start()
        archive = self.archive()
        self.ok("container", "checkpoint", "--export", archive, self.name)
        last = self.numbers()[-1]
        other = self.name + "-other"
        self.names.append(other)
        self.ok("container", "restore", "--import", archive, "--name", other)
        self.goes_on(other, last)
        self.assertEqual(self.ok("exec", other, "cat", "/proc/1/comm"), "sh\n")

    def test_pre_checkpoint(self):
        self.start()
        before, full = self.archive("before.tar.gz"), self.archive("full.tar.gz")
        result = self.cli("container", "checkpoint", "--pre-checkpoint", "--export", before, self.name)
        if result.status and "CONFIG_MEM_SOFT_DIRTY" in result.err:
            self.skipTest("this kernel does not tell changed memory")
        self.assertEqual(result.status, 0, result)
        self.assertEqual(self.status(), "running")
        self.ok("container", "checkpoint", "--with-previous", "--export", full, self.name)
        last = self.numbers()[-1]
        self.ok("rm", self.name)
        self.ok("container", "restore", "--import-previous", before, "--import", full)
        self.goes_on(self.name, last)

    def test_terminal(self):
        self.detached(COUNTER, "--tty", "--network", "none")
        self.counts()
        self.ok("container", "checkpoint", self.name)
        self.ok("container", "restore", self.name)
        self.counts()

    def test_errors_of_criu_reach_the_user(self):
        """A connection without the option for it is an error, and the container goes on."""
        self.detached("sleep 1000 | nc -l -p 4000 & sleep 1; sleep 1000 | nc 127.0.0.1 4000 & sleep 1; " + COUNTER,
                      "--network", "none")
        self.counts()
        result = self.cli("container", "checkpoint", self.name)
        self.assertNotEqual(result.status, 0)
        self.assertIn("onnected TCP socket", result.err)
        self.assertEqual(self.status(), "running")
        self.counts()


class DockerCheckpoint(OneEngine, Counting, Client):
    kind = Dockerd
    variants = ("plain",)

    def goes_on(self, *options):
        self.detached(COUNTER, *options)
        self.counts()
        self.ok("checkpoint", "create", self.name, "one")
        wait_until(lambda: self.status() == "exited", 60, "end")
        last = self.numbers()[-1]
        self.ok("start", "--checkpoint", "one", self.name)
        self.assertEqual(self.status(), "running")
        self.assertIn(self.counts()[self.numbers().index(last) + 1], (last, last + 1))

    @in_machine
    def test_checkpoint_and_start(self):
        self.goes_on("--network", "none")

    def test_bridge(self):
        """A hook of the engine sets the network up anew."""
        self.goes_on()
        self.assertIn("172.31.99.", self.ok("exec", self.name, "ip", "address"))

    def test_leave_running(self):
        self.detached(COUNTER, "--network", "none")
        self.counts()
        self.ok("checkpoint", "create", "--leave-running", self.name, "one")
        self.assertEqual(self.status(), "running")
        self.counts()


class CtrCheckpoint(OneEngine, CtrClient):
    kind = Containerd
    variants = ("plain",)

    @in_machine
    def test_task_checkpoint(self):
        self.ok("run", "--detach", "--rootfs", self.engine.rootfs, self.name, "sh", "-c",
                "n=0; while :; do n=$((n+1)); echo $n > /tmp/n; sleep 0.1; done")
        time.sleep(1)
        images = os.path.join(self.engine.top, "images")
        self.ok("tasks", "checkpoint", "--image-path", images, "--work-path", images + "-work", self.name)
        self.assertIn("inventory.img", os.listdir(images))

