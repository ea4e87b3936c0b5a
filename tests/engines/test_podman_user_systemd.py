# SPDX-License-Identifier: Apache-2.0
"""podman of an ordinary user whose own systemd makes the cgroups."""

from engine_tests import OnMachine
from engines import PodmanOfUser

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = PodmanOfUser("systemd")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanUserSystemd(OnMachine):
    # podman's rm asks politely first, and a shell as process 1 does not listen.
    remove_options = ("--force", "--volumes", "--time", "0")
    # The device is the user's by his group, which has to stay.
    run_options = ("--group-add", "keep-groups")
    limited = {"memory", "pids", "cpu"}  # what systemd hands on to users

    def find_engine(self):
        return ENGINE
