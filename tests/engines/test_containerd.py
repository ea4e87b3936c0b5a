# SPDX-License-Identifier: Apache-2.0
"""containerd with its runc shim and krun, driven by ctr."""

import glob
import json
import os

from engine_tests import CtrLike, CtrOnMachine, check_debug_log
from engines import Containerd
from krun import PROGRAMS

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


    def test_debug_log_by_the_settings_of_the_host(self):
        """containerd's configuration has no place for options of the runtime: krun.json is the way."""
        top = self.engine.top
        self.addCleanup(lambda: [os.remove(path) for path in glob.glob(f"{top}/*.debug")])
        with open(f"{top}/krun.json", "w") as file:
            json.dump({"debugLog": f"{top}/%ID%.%COMMAND%.debug"}, file)
        # Instead of /etc/krun/krun.json, which is the machine's.
        program = f"{top}/{os.path.basename(PROGRAMS[self.mode])}"
        with open(program, "w") as file:
            file.write(f'#!/bin/sh\nexec {PROGRAMS[self.mode]} --config-file {top}/krun.json "$@"\n')
        os.chmod(program, 0o755)
        result = self.cli("run", "--rm", "--runc-binary", program, "--rootfs", self.engine.rootfs, self.name, "/bin/true")
        self.assertEqual(result.status, 0, result)
        check_debug_log(self, top)


class CtrOnThisMachine(CtrOnMachine):
    def find_engine(self):
        return ENGINE
