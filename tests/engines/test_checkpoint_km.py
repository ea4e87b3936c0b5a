# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore by podman, docker and ctr, of containers under km (here kmsim): krun asks km for a snapshot."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import unittest

from engine_tests import Client, CtrClient, OneEngine
from engines import Containerd, Dockerd, Podman
from krun import counter, wait_until
from test_checkpoint import Counting

COUNTER = "echo ready; " + counter("0.1")


def setUpModule():
    # podman and containerd look for CRIU before they call the runtime.
    if not shutil.which("criu"):
        raise unittest.SkipTest("no criu here, without which engines refuse to ask")


class PodmanCheckpoint(OneEngine, Counting, Client):
    variants = ("km",)
    kind = Podman

    def start(self, *options):
        self.detached(COUNTER, "--network", "none", *options)
        return self.counts()

    def goes_on(self, name, last):
        """Checks that the numbers go on. The checkpoint may fall between the state file and its number; some versions of podman keep the log."""
        after = self.counts(name)
        self.assertIn(after[0], (1, last + 1, last + 2))
        self.assertGreater(after[-1], last)
        self.assertEqual(self.ok("exec", name, "sh", "-c", "echo $KMSIM"), "1\n")

    def test_checkpoint_and_restore(self):
        self.start()
        self.ok("container", "checkpoint", self.name)
        self.assertEqual(self.status(), "exited")
        last = self.numbers()[-1]
        self.ok("container", "restore", self.name)
        self.assertEqual(self.status(), "running")
        self.goes_on(self.name, last)
        self.assertEqual(self.numbers().count(1), 1, "from the beginning")
        self.ok("stop", "--time", "20", self.name)

    def test_leave_running(self):
        self.start()
        self.ok("container", "checkpoint", "--leave-running", "--keep", self.name)
        self.assertEqual(self.status(), "running")
        self.counts()

    def test_export_and_import_under_another_name(self):
        self.start("--env", "A=b", "--label", "l=m")
        archive = os.path.join(self.engine.top, "archive.tar.gz")
        self.addCleanup(lambda: os.path.exists(archive) and os.unlink(archive))
        self.ok("container", "checkpoint", "--export", archive, self.name)
        last = self.numbers()[-1]
        self.ok("rm", self.name)
        other = self.name + "-other"
        self.names.append(other)
        self.ok("container", "restore", "--import", archive, "--name", other)
        self.goes_on(other, last)
        self.assertEqual(self.ok("exec", other, "sh", "-c", "echo $A"), "b\n")
        self.assertEqual(self.inspect("{{.Config.Labels.l}}", other), "m")

    def test_what_km_cannot_do_is_told(self):
        self.start()
        result = self.cli("container", "checkpoint", "--tcp-established", self.name)
        self.assertNotEqual(result.status, 0)
        self.assertIn("--tcp-established: not supported under km", result.err)
        self.assertEqual(self.status(), "running")
        self.counts()


class DockerCheckpoint(OneEngine, Counting, Client):
    variants = ("km",)
    kind = Dockerd

    def test_checkpoint_and_start(self):
        self.detached(COUNTER)
        self.counts()
        self.ok("checkpoint", "create", self.name, "one")
        wait_until(lambda: self.status() == "exited", 60, "end")
        self.assertIn("one", self.ok("checkpoint", "ls", self.name))
        last = self.numbers()[-1]
        self.ok("start", "--checkpoint", "one", self.name)
        self.assertEqual(self.status(), "running")
        self.assertIn(self.counts()[self.numbers().index(last) + 1], (last + 1, last + 2))
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "echo $KMSIM"), "1\n")

    def test_leave_running(self):
        self.detached(COUNTER)
        self.counts()
        self.ok("checkpoint", "create", "--leave-running", self.name, "one")
        self.assertEqual(self.status(), "running")
        self.counts()


class CtrCheckpoint(OneEngine, CtrClient):
    variants = ("km",)
    kind = Containerd

    def remove(self):
        super().remove()
        for reference in self.ok("images", "list", "--quiet").split():
            self.cli("images", "delete", reference)

    def image(self):
        """Imports the engine's root as an image of containerd, which a checkpoint of a whole container needs."""
        layer, archive = self.engine.tarball(), os.path.join(self.engine.top, "image.tar")
        with open(layer, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        files = {"config.json": {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]},
                                 "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}},
                 "manifest.json": [{"Config": "config.json", "RepoTags": ["krun.test/bb:1"], "Layers": ["layer.tar"]}]}
        with tarfile.open(archive, "w") as tar:
            tar.add(layer, "layer.tar")
            for name, value in files.items():
                data = json.dumps(value).encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        self.ok("images", "import", "--snapshotter", "native", archive)
        return "krun.test/bb:1"

    def number(self, name):
        result = self.cli("tasks", "exec", "--exec-id", f"r{time.monotonic_ns()}", name, "cat", "/tmp/.kmsim-state")
        return int(result.out) if result.status == 0 else 0

    def start(self):
        self.ok("run", "--detach", "--snapshotter", "native", self.image(), self.name, "sh", "-c", COUNTER)
        wait_until(lambda: self.number(self.name) > 3, 60, "payload")

    def test_task_checkpoint(self):
        self.start()
        images = os.path.join(self.engine.top, "images")
        self.ok("tasks", "checkpoint", "--exit", "--image-path", images, "--work-path", images + "-work", self.name)
        self.assertEqual(sorted(os.listdir(images)), ["inventory.img", "km-snapshot"])
        wait_until(lambda: self.task() == "STOPPED", 60, "end")

    def test_checkpoint_of_a_container_and_restore_as_another(self):
        self.start()
        other = self.name + "-other"
        self.names.append(other)
        before = self.number(self.name)
        self.ok("containers", "checkpoint", "--task", "--image", "--rw", self.name, "krun.test/checkpoint:1")
        # The checkpoint has the path of the cgroup, which is free only when the first container is gone.
        self.ok("tasks", "kill", "--signal", "SIGKILL", self.name)
        wait_until(lambda: self.task() == "STOPPED", 60, "end")
        self.ok("tasks", "delete", self.name)
        # ctr waits for the task that it restores, which has streams of the same kind as the checkpointed one.
        self.background.append(subprocess.Popen(
            self.engine.command(self.mode, "containers", "restore", "--live", other, "krun.test/checkpoint:1"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_until(lambda: re.search(f"{other} .*RUNNING", self.ok("tasks", "list")), 60, "restored task")
        wait_until(lambda: self.number(other) > before + 3, 60, "progress")
