# SPDX-License-Identifier: Apache-2.0
"""podman of an ordinary user in a login session, with both managers of cgroups."""

import os
import unittest

import session
from engine_tests import OnMachine
from engines import PodmanOfUser, in_machine

ENGINES = {}


def setUpModule():
    if session.problem():
        raise unittest.SkipTest(session.problem())


def tearDownModule():
    for engine in ENGINES.values():
        engine.close()


class OfUser(OnMachine):
    # podman's rm sends TERM first, which a shell as process 1 ignores.
    remove_options = ("--force", "--volumes", "--time", "0")
    # The user may open the device by a group, which has to stay.
    run_options = ("--group-add", "keep-groups")
    manager = ""

    def find_engine(self):
        if self.manager not in ENGINES:
            ENGINES[self.manager] = PodmanOfUser(self.manager)
        return ENGINES[self.manager]


    @in_machine
    def test_own_id_in_the_container(self):
        """--userns=keep-id makes a user namespace below podman's own, in which the user has the same id as outside."""
        if self.mode == "km":
            self.skipTest("the group that may open km's device is not in that namespace")
        self.detached(self.LOOP, "--userns", "keep-id")
        uid = self.engine.session.user.pw_uid
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "id -u; echo x > /tmp/x; stat -c %u /tmp/x").split(), [str(uid)] * 2)
        self.assertEqual(os.stat(f"/proc/{self.inspect('{{.State.Pid}}')}").st_uid, uid)
        self.ok("stop", "--time", "60", self.name)
        self.assertEqual(self.exit_status(), 3)


class PodmanUserSystemd(OfUser):
    """The user's own systemd makes the cgroups."""

    machine_mode = "km"
    manager = "systemd"
    limited = {"memory", "pids", "cpu"}     # controllers that systemd delegates to users


class PodmanUserCgroupfs(OfUser):
    """The user's containers have no cgroup of their own, and no limits."""

    machine_mode = "plain"
    manager = "cgroupfs"
    limited = set()
    test_out_of_memory = test_processes_and_time_are_limited = test_cgroup_namespace_of_the_host = None


del OfUser
