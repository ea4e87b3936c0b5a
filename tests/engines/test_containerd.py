# SPDX-License-Identifier: Apache-2.0
"""containerd with its runc shim and krun, driven by ctr."""

import time

from engines import Containerd, EngineTest
from krun import wait_until

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Containerd()


def tearDownModule():
    ENGINE.close()


class Ctr(EngineTest):
    def find_engine(self):
        return ENGINE

    def remove(self):
        for name in self.names:
            self.cli("tasks", "delete", "--force", name)
            self.cli("containers", "delete", name)

    def run_(self, *arguments, options=(), **more):
        return self.cli("run", "--rm", *options, "--rootfs", self.engine.rootfs, self.name, *arguments, **more)

    def detached(self):
        self.ok("run", "--detach", "--rootfs", self.engine.rootfs, self.name, "sh", "-c",
                "trap 'exit 3' TERM; touch /tmp/ready; while :; do sleep 0.05; done")
        wait_until(lambda: self.cli("tasks", "exec", "--exec-id", f"r{time.monotonic_ns()}", self.name, "test", "-e",
                                    "/tmp/ready").status == 0, 20, "payload")

    def task(self):
        lines = [line.split() for line in self.ok("tasks", "list").splitlines()]
        return next((line[2] for line in lines if line[0] == self.name), None)

    def test_output_and_status_0(self):
        result = self.run_("sh", "-c", "echo out; echo ${KMSIM:-none}")
        word = {"plain": "none", "km": "1"}[self.personality]
        self.assertEqual((result.status, result.out), (0, f"out\n{word}\n"), result)

    def test_status_42(self):
        self.assertEqual(self.run_("sh", "-c", "exit 42").status, 42)

    def test_missing_command(self):
        result = self.run_("/no/such/program")
        self.assertNotEqual(result.status, 0)
        self.assertIn("/no/such/program", result.err)

    def test_privileged_and_read_only(self):
        self.assertEqual(self.run_("sh", "-c", "touch /file || echo refused", options=["--read-only"]).out,
                         "refused\n")
        self.assertEqual(self.run_("id", "-u", options=["--privileged"]).out, "0\n")

    def test_detached_exec_pause_kill(self):
        self.detached()
        self.assertEqual(self.task(), "RUNNING")
        result = self.cli("tasks", "exec", "--exec-id", "one", self.name, "sh", "-c", "echo inside; exit 21")
        self.assertEqual((result.status, result.out), (21, "inside\n"), result)
        result = self.cli("tasks", "exec", "--exec-id", "two", self.name, "/no/such/program")
        self.assertNotEqual(result.status, 0)
        self.assertIn("/no/such/program", result.err)
        self.ok("tasks", "pause", self.name)
        self.assertEqual(self.task(), "PAUSED")
        self.ok("tasks", "resume", self.name)
        self.assertIn(str(self.pids()[0]), self.ok("tasks", "ps", self.name))
        self.ok("tasks", "kill", "--signal", "SIGTERM", self.name)
        wait_until(lambda: self.task() == "STOPPED", 10, "end")

    def pids(self):
        lines = self.ok("tasks", "list").splitlines()
        return [int(line.split()[1]) for line in lines if line.split()[0] == self.name]

    def test_terminal(self):
        status, screen = self.on_terminal(
            ("run", "--rm", "--tty", "--rootfs", self.engine.rootfs, self.name, "sh"),
            [("#", "tty\r"), ("/dev/pts/", "exit 5\r")])
        self.assertEqual(status, 5, screen)
