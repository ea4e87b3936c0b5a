# SPDX-License-Identifier: Apache-2.0
"""dockerd on a host whose controllers are on cgroup v1: limits are errors that name the controller, all else works."""

import os
import unittest

from engines import DockerLike, HybridDockerd

ENGINE = None


def setUpModule():
    global ENGINE
    if not os.path.isdir("/sys/fs/cgroup/unified"):
        raise unittest.SkipTest("the host is not hybrid: no /sys/fs/cgroup/unified")
    ENGINE = HybridDockerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class DockerHybrid(DockerLike):
    def find_engine(self):
        return ENGINE

    def test_memory_limit(self):
        result = self.run_("--memory", "32m", self.engine.image, "true")
        self.assertNotEqual(result.status, 0)
        self.assertIn("'memory'", result.err)
        self.assertIn("v1", result.err)
