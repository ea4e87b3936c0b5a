# SPDX-License-Identifier: Apache-2.0
"""podman of root with a user namespace for each container: ids of its own, and namespaces of a container that has some."""

import os

from engine_tests import Client
from engines import OwnRanges, Podman, in_machine

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = PodmanOfRanges("systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanOfRanges(OwnRanges, Podman):
    """podman takes the ids from those of the user "containers"."""

    name = "podman-ranges"
    first, size = 1 << 24, 1 << 20

    def configure(self):
        super().configure()
        self.give_ranges("containers")


class PodmanUserns(Client):
    # podman's rm sends TERM first, which a shell as process 1 ignores.
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE

    def ids(self, name):
        """Returns the ids that a container's root has outside."""
        return os.stat(f"/proc/{self.inspect('{{.State.Pid}}', name)}").st_uid

    @in_machine
    def test_ranges_and_a_namespace_that_is_joined(self):
        script = "trap 'exit 3' TERM; touch /tmp/mine; stat -c %u /tmp/mine; echo ready; while :; do sleep 0.05; done"
        options = ("--network", "none", "--userns", "auto:size=1024")
        other = self.detached(script, *options, name=self.name + "-other")
        self.detached(script, *options, "--oom-score-adj", "200")
        ids = sorted(self.ids(name) for name in self.names)
        self.assertTrue(ENGINE.first <= ids[0] and ids[0] + 1024 <= ids[1] < ENGINE.first + ENGINE.size, ids)
        self.assertEqual(self.ok("logs", self.name), "0\nready\n")
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "id -u; cat /proc/self/oom_score_adj").split(), ["0", "200"])
        # A third container is in the namespaces of the first.
        third = self.detached(script, "--network", f"container:{other}", "--userns", f"container:{other}", "--pid",
                              f"container:{other}", name=self.name + "-third")
        self.assertEqual(self.ids(third), self.ids(other))
        links = [[os.readlink(f"/proc/{self.inspect('{{.State.Pid}}', name)}/ns/{kind}") for kind in ("user", "net", "pid")]
                 for name in (third, other)]
        self.assertEqual(links[0], links[1])
        self.ok("kill", "--signal", "KILL", third)
        self.assertEqual(self.exit_status(third), 137)
        self.ok("stop", "--time", "60", self.name)
        self.assertEqual(self.exit_status(), 3)
