# SPDX-License-Identifier: Apache-2.0
"""podman of an ordinary user, without systemd: his containers have no cgroup of their own, and no limits."""

from engine_tests import OnMachine
from engines import PodmanOfUser

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = PodmanOfUser()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanUser(OnMachine):
    # podman's rm asks politely first, and a shell as process 1 does not listen.
    remove_options = ("--force", "--volumes", "--time", "0")
    # The device is the user's by his group, which has to stay.
    run_options = ("--group-add", "keep-groups")
    limited = set()

    def find_engine(self):
        return ENGINE
