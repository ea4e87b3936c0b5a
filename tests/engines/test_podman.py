# SPDX-License-Identifier: Apache-2.0
"""podman with conmon and krun."""

from engines import DockerLike, Podman

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Podman()


def tearDownModule():
    ENGINE.close()


class PodmanRoot(DockerLike):
    def find_engine(self):
        return ENGINE
