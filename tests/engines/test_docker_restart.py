# SPDX-License-Identifier: Apache-2.0
"""dockerd with live-restore: it ends and starts again without an effect on its containers."""

import os

from engine_tests import Client
from engines import Dockerd, in_machine
from krun import wait_until

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = LiveDockerd("systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class LiveDockerd(Dockerd):
    name = "docker-live"

    def daemon_command(self):
        return [*super().daemon_command(), "--live-restore"]


class DockerRestart(Client):
    def find_engine(self):
        return ENGINE

    @in_machine
    def test_live_restore(self):
        script = "trap 'exit 3' TERM; i=0; echo ready; while :; do i=$((i+1)); echo $i > /count; sleep 0.05; done"
        self.detached(script)
        pid = self.inspect("{{.State.Pid}}")

        def count():
            with open(f"/proc/{pid}/root/count") as file:
                return int(file.read() or 0)

        ENGINE.daemon.terminate()
        ENGINE.daemon.wait(60)
        before = count()
        wait_until(lambda: count() > before, 60, "a container that goes on")
        ENGINE.start_daemon()
        self.assertEqual(self.inspect("{{.State.Status}} {{.State.Pid}}"), f"running {pid}")
        result = self.cli("exec", self.name, "sh", "-c", "echo inside; exit 21")
        self.assertEqual((result.status, result.out), (21, "inside\n"), result)
        self.ok("stop", "--time", "60", self.name)
        self.assertEqual(self.exit_status(), 3)
