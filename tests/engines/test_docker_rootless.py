# SPDX-License-Identifier: Apache-2.0
"""dockerd of an ordinary user (rootless mode), whose own systemd makes the cgroups."""

import os
import unittest

import session
from engine_tests import OnMachine
from engines import RootlessDockerd, in_machine

ENGINE = None


def setUpModule():
    global ENGINE
    if session.problem():
        raise unittest.SkipTest(session.problem())
    ENGINE = RootlessDockerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class DockerRootless(OnMachine):
    machine_mode = "km"
    limited = {"memory", "pids", "cpu"}     # controllers that systemd delegates to users
    # The user may open the device by a group, which has to stay.
    run_options = ("--annotation", "run.oci.keep_original_groups=1")
    # test_life_within_limits has these limits.
    test_processes_and_time_are_limited = None

    def find_engine(self):
        return ENGINE

    def mount_namespaces(self):
        return ["self", ENGINE.pid()]

    @in_machine
    def test_terminal_and_volume(self):
        """Root in the container is the user outside, who owns the files that it makes."""
        volume, user = ENGINE.session.folder("volume"), ENGINE.session.user
        status, screen = self.on_terminal(
            ("run", "--rm", "--name", self.name, "-it", *self.run_options, "--volume", f"{volume}:/v", "--volume", f"{volume}:/r:ro",
             ENGINE.image, "sh"),
            [("#", "tty; id -u; echo x > /r/no || echo refu''sed\r"), ("refused", "echo inside > /v/new; exit 5\r")])
        self.assertEqual(status, 5, screen)
        self.assertIn("/dev/pts/0", screen)
        with open(f"{volume}/new") as file:
            self.assertEqual(file.read(), "inside\n")
        self.assertEqual(os.listdir(volume), ["new"])
        self.assertEqual(os.stat(f"{volume}/new").st_uid, user.pw_uid)

    @in_machine
    def test_ids(self):
        """Users other than root have ids of the range that /etc/subuid gives the user."""
        self.detached(self.LOOP, "--user", "1000:1000")
        pid = self.inspect("{{.State.Pid}}")
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, 100000 + 999)
        result = self.cli("exec", "--user", "0", self.name, "sh", "-c", "id -u; exit 21")
        self.assertEqual((result.status, result.out), (21, "0\n"), result)
        self.assertNotEqual(self.cli("exec", self.name, "/no/such/program").status, 0)
