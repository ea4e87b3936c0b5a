# SPDX-License-Identifier: Apache-2.0
"""dockerd on a host whose controllers are on cgroup v1: limits are errors that name the controller, all else works."""

import unittest

from engine_tests import DockerLike
from engines import HybridDockerd
from krun import hybrid_view

ENGINE = None


def setUpModule():
    global ENGINE
    if not hybrid_view():
        raise unittest.SkipTest("the host is not hybrid: no cgroup v2 beside v1")
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
        self.assertIn("the memory controller is on cgroup v1", result.err)

    def test_update(self):
        self.detached()
        result = self.cli("update", "--memory", "64m", "--memory-swap", "128m", self.name)
        self.assertNotEqual(result.status, 0)
        self.assertIn("the memory controller is on cgroup v1", result.err)
        self.assertEqual(self.ok("exec", self.name, "echo", "alive"), "alive\n")
