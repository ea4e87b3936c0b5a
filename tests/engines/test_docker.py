# SPDX-License-Identifier: Apache-2.0
"""dockerd with krun as its runtime, in a pure cgroup v2 view."""

from engines import DockerLike, Dockerd

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Dockerd()


def tearDownModule():
    ENGINE.close()


class Docker(DockerLike):
    def find_engine(self):
        return ENGINE
