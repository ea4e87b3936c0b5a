# SPDX-License-Identifier: Apache-2.0
"""podman with conmon and krun."""

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


class PodmanOnMachine(OnMachine):
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE
