# SPDX-License-Identifier: Apache-2.0
"""dockerd that has its runtime ask systemd for cgroups, as on every machine with systemd and cgroup v2."""

from engine_tests import OnMachine
from engines import Dockerd

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Dockerd("systemd")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class DockerSystemd(OnMachine):
    machine_mode = "km"

    def find_engine(self):
        return ENGINE
