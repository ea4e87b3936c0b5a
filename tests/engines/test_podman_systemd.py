# SPDX-License-Identifier: Apache-2.0
"""podman that has its runtime ask systemd for cgroups, as on every machine with systemd."""

from engine_tests import OnMachine
from engines import Podman

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Podman("systemd")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanSystemd(OnMachine):
    machine_mode = "km"
    # podman's rm sends TERM first, which a shell as process 1 ignores.
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE
