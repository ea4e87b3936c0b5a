# SPDX-License-Identifier: Apache-2.0
"""
Containers as units of systemd, of root's and of an ordinary user's: podman's quadlet(5). They are in the unit's own cgroup
(--cgroups=split), which systemd has delegated, and tell it when they are ready.
"""

import os
import unittest

import session
from engine_tests import Client, need_machine
from engines import Podman, PodmanOfUser, in_machine
from krun import CGROUP, wait_until

ENGINES = {}
GENERATOR = "/usr/lib/systemd/system-generators/podman-system-generator"
MiB = 1 << 20


def setUpModule():
    need_machine(None)
    if session.problem():
        raise unittest.SkipTest(session.problem())
    if not os.path.exists(GENERATOR):
        raise unittest.SkipTest(f"no {GENERATOR}: this podman has no quadlets")


def tearDownModule():
    for engine in ENGINES.values():
        engine.close()


class Quadlet(Client):
    remove_options = ("--force", "--volumes", "--time", "0")
    kind = None
    folder = ""

    UNIT = """
[Container]
Image={image}
Exec=sh -c "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
ContainerName={name}
GlobalArgs={flags}
PodmanArgs=--memory 64m --pids-limit 40 --cpus 0.5 {options}
Network=none
Pull=never
LogDriver=k8s-file
[Service]
Environment=CONTAINERS_CONF={configuration}
SuccessExitStatus=3
"""

    def find_engine(self):
        if self.kind not in ENGINES:
            ENGINES[self.kind] = self.kind("systemd")
        return ENGINES[self.kind]

    def setUp(self):
        super().setUp()
        self.unit = f"{self.name}.service"
        os.makedirs(self.folder, exist_ok=True)
        self.path = f"{self.folder}/{self.name}.container"

    def remove(self):
        if os.path.exists(self.path):
            self.engine.systemctl("stop", self.unit)
            os.remove(self.path)
            self.engine.systemctl("daemon-reload")
        super().remove()

    def write(self):
        program, *flags = self.engine.command(self.mode)
        self.assertEqual(program, "podman")
        with open(self.path, "w") as file:
            file.write(self.UNIT.format(image=self.engine.image, name=self.name, flags=" ".join(flags),
                                        options=" ".join(self.run_options), configuration=self.engine.configuration))
        self.engine.systemctl("daemon-reload")

    def show(self, *names):
        lines = self.engine.systemctl("show", self.unit, *[f"--property={name}" for name in names]).splitlines()
        return dict(line.split("=", 1) for line in lines)

    @in_machine
    def test_unit(self):
        self.write()
        self.engine.systemctl("start", self.unit)
        wait_until(lambda: "ready" in self.cli("logs", self.name).out, 60, "payload")
        shown = self.show("ActiveState", "ControlGroup", "MainPID")
        self.assertEqual(shown["ActiveState"], "active")
        with open(f"/proc/{self.inspect('{{.State.Pid}}')}/cgroup") as file:
            group = [line.strip()[3:] for line in file if line.startswith("0::")][0]
        self.assertTrue(group.startswith(shown["ControlGroup"] + "/libpod-payload-"), (group, shown))
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "cd /sys/fs/cgroup; cat memory.max pids.max cpu.max").splitlines(),
                         [str(64 * MiB), "40", "50000 100000"])
        # The container can divide every controller that the user's systemd delegates.
        with open(f"{CGROUP}{shown['ControlGroup']}/cgroup.controllers") as file:
            have = sorted(file.read().split())
        self.assertEqual(sorted(self.ok("exec", self.name, "cat", "/sys/fs/cgroup/cgroup.controllers").split()), have)
        self.engine.systemctl("stop", self.unit)
        self.assertEqual(self.show("ActiveState", "Result"), {"ActiveState": "inactive", "Result": "success"})
        self.assertFalse(os.path.exists(f"{CGROUP}{shown['ControlGroup']}"))


class QuadletRoot(Quadlet):
    machine_mode = "plain"
    kind = Podman
    folder = "/run/containers/systemd"


class QuadletUser(Quadlet):
    machine_mode = "km"
    kind = PodmanOfUser
    run_options = ("--group-add", "keep-groups")

    @property
    def folder(self):
        return f"{session.Session.get().runtime}/containers/systemd"

    def setUp(self):
        top = f"{session.Session.get().runtime}/containers"
        os.makedirs(self.folder, exist_ok=True)
        session.Session.get().give(top)
        super().setUp()


del Quadlet
