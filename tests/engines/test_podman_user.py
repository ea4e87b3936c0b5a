# SPDX-License-Identifier: Apache-2.0
"""podman of an ordinary user in a login session, with both managers of cgroups."""

import unittest

import session
from engine_tests import OnMachine
from engines import PodmanOfUser

ENGINES = {}


def setUpModule():
    if session.problem():
        raise unittest.SkipTest(session.problem())


def tearDownModule():
    for engine in ENGINES.values():
        engine.close()


class OfUser(OnMachine):
    # podman's rm asks politely first, and a shell as process 1 does not listen.
    remove_options = ("--force", "--volumes", "--time", "0")
    # The device is the user's by his group, which has to stay.
    run_options = ("--group-add", "keep-groups")
    manager = ""

    def find_engine(self):
        if self.manager not in ENGINES:
            ENGINES[self.manager] = PodmanOfUser(self.manager)
        return ENGINES[self.manager]


class PodmanUserSystemd(OfUser):
    """His own systemd makes the cgroups."""

    manager = "systemd"
    limited = {"memory", "pids", "cpu"}     # what systemd hands on to users


class PodmanUserCgroupfs(OfUser):
    """His containers have no cgroup of their own, and no limits."""

    manager = "cgroupfs"
    limited = set()
    test_out_of_memory = test_processes_and_time_are_limited = None


del OfUser
