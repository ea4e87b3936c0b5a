# SPDX-License-Identifier: Apache-2.0
"""containerd with its runc shim and krun, with systemd's cgroups."""

from engine_tests import CtrOnMachine
from engines import Containerd

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Containerd("systemd")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class CtrSystemd(CtrOnMachine):
    def find_engine(self):
        return ENGINE
