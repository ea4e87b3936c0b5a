# SPDX-License-Identifier: Apache-2.0
"""podman with conmon and krun."""

import os

from engine_tests import DockerLike, OnMachine
from engines import Podman

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Podman()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanRoot(DockerLike):
    # podman's rm asks politely first, and a shell as process 1 does not listen.
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE

    def test_read_only_with_a_secret(self):
        """A file is mounted below a directory that is mounted read-only, where there is no such file yet."""
        path = os.path.join(self.engine.top, "secret")
        with open(path, "w") as file:
            file.write("hush\n")
        self.ok("secret", "create", self.name, path)
        self.addCleanup(self.cli, "secret", "rm", self.name)
        for more in ([], ["--read-only-tmpfs=false"]):
            with self.subTest(more=more):
                self.assertEqual(self.shell(f"cat /run/secrets/{self.name}; echo x > /dev/null && echo null; "
                                            "echo x 2>/dev/null > /etc/new || echo refused",
                                            "--read-only", *more, "--secret", self.name).split(), ["hush", "null", "refused"])

    def test_cgroup_namespace_of_the_host(self):
        out = self.shell("p=$(sed -n 's/^0:://p' /proc/self/cgroup); grep -c -x $$ /sys/fs/cgroup$p/cgroup.procs",
                         "--cgroupns", "host")
        self.assertEqual(out, "1\n")


class PodmanOnMachine(OnMachine):
    machine_personality = "plain"
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE
