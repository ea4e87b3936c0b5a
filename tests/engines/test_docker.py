# SPDX-License-Identifier: Apache-2.0
"""dockerd with krun as its runtime, in a pure cgroup v2 view."""

from engine_tests import DockerLike, OnMachine
from engines import Dockerd

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Dockerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class Docker(DockerLike):
    def find_engine(self):
        return ENGINE


class DockerOnMachine(OnMachine):
    machine_mode = "plain"

    def find_engine(self):
        return ENGINE
