# SPDX-License-Identifier: Apache-2.0
"""containerd with its runc shim and krun, driven by ctr."""

from engine_tests import CtrLike, CtrOnMachine
from engines import Containerd

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Containerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class Ctr(CtrLike):
    def find_engine(self):
        return ENGINE


class CtrOnThisMachine(CtrOnMachine):
    def find_engine(self):
        return ENGINE
