# SPDX-License-Identifier: Apache-2.0
"""dockerd with krun as its runtime, in a pure cgroup v2 view."""

import glob
import json
import os
import subprocess

from engine_tests import DockerLike, OnMachine, check_debug_log
from engines import Dockerd
from krun import PROGRAMS

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Dockerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


# The directory of this dockerd, which is in another place, where dockerd has it by default, for one command.
IN_PLACE = """mount -t tmpfs -o mode=755 krun-test-run /run && mkdir /run/docker && mount --bind "$1" /run/docker && shift && exec "$@" """


class Docker(DockerLike):
    def find_engine(self):
        return ENGINE

    def test_found_by_the_beginning_of_its_id(self):
        """`krun --any-root` finds the container, by what `docker ps` prints."""
        self.detached()
        identity, short = self.inspect("{{.Id}}"), self.ok("ps", "--quiet", "--filter", f"name={self.name}").strip()
        self.assertLess(len(short), len(identity))
        directory = os.path.dirname(os.path.dirname(next(root for root in ENGINE.roots() if identity in os.listdir(root))))
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_PLACE, "sh", directory, PROGRAMS[self.mode]]
        state = json.loads(subprocess.run([*words, "state", "--any-root", short], capture_output=True, check=True).stdout)
        self.assertEqual((state["id"], state["status"]), (identity, "running"))
        listed = subprocess.run([*words, "list", "--any-root"], capture_output=True, check=True).stdout.decode()
        line = next(line for line in listed.splitlines() if line.startswith(identity))
        self.assertRegex(line, r" /run/docker/runtime-\w+/moby$")

    def test_debug_log_by_runtime_arguments(self):
        self.addCleanup(lambda: [os.remove(path) for path in glob.glob(f"{self.engine.top}/*.debug")])
        self.ok("run", "--rm", "--name", self.name, "--runtime", f"krun-{self.mode}-debug", self.engine.image, "/bin/true")
        check_debug_log(self, self.engine.top)


class DockerOnMachine(OnMachine):
    machine_mode = "plain"

    def find_engine(self):
        return ENGINE
