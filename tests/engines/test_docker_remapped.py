# SPDX-License-Identifier: Apache-2.0
"""dockerd with userns-remap: each container has a user namespace, all of them the same ids."""

import os

from engine_tests import DockerLike, OnMachine
from engines import RemappedDockerd, in_machine

ENGINE = None
# Options that are only allowed without a user namespace.
OWN_IDS = ("--userns", "host")


def setUpModule():
    global ENGINE
    ENGINE = RemappedDockerd("systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class DockerRemapped(DockerLike):
    SLEEP = "echo ready; exec sleep 1000"
    # A device in a user namespace is the host's node, so it has to have the host's name.
    test_device = None

    def find_engine(self):
        return ENGINE

    def shell(self, script, *options, **more):
        words = OWN_IDS if "--privileged" in options or "host" in options else ()
        return super().shell(script, *words, *options, **more)

    def test_volumes(self):
        """In the container a directory of the host belongs to nobody."""
        volume = os.path.join(self.engine.top, f"volume-{self.name}")
        os.mkdir(volume)
        os.chown(volume, ENGINE.first, ENGINE.first)
        out = self.shell("echo inside > /v/new; stat -c %u /v/new; echo no > /r/new || echo refused",
                         "--volume", f"{volume}:/v", "--volume", f"{volume}:/r:ro")
        self.assertEqual(out, "0\nrefused\n")
        self.assertEqual(os.stat(f"{volume}/new").st_uid, ENGINE.first)

    @in_machine
    def test_ids(self):
        self.detached(self.SLEEP, "--user", "1000:1000")
        pid = self.inspect("{{.State.Pid}}")
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, ENGINE.first + 1000)
        script = "id -u; cat /proc/self/uid_map /proc/self/oom_score_adj"
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", script).split(),
                         ["1000", "0", str(ENGINE.first), str(ENGINE.size), "0"])
        self.assertEqual(self.ok("exec", "--user", "0", self.name, "id", "-u"), "0\n")

    @in_machine
    def test_namespaces_of_another_container(self):
        """The container shares the user namespace of the other one, too."""
        other = self.detached(self.SLEEP, "--ipc", "shareable", name=self.name + "-other")
        pid = self.inspect("{{.State.Pid}}", other)
        kinds = ("net", "ipc", "pid", "user")
        script = "".join(f"readlink /proc/self/ns/{kind}; " for kind in kinds) + "cat /proc/self/oom_score_adj"
        out = self.shell(script, "--network", f"container:{other}", "--ipc", f"container:{other}", "--pid", f"container:{other}",
                         "--oom-score-adj", "200").split()
        self.assertEqual(out, [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds] + ["200"])

    @in_machine
    def test_names_and_settings(self):
        out = self.shell("hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                         "df -k /dev/shm | tail -1", "--hostname", "box", "--domainname", "example",
                         "--sysctl", "net.ipv4.ip_unprivileged_port_start=81", "--shm-size", "2m")
        self.assertEqual(out.split()[:3], ["box", "example", "81"])
        self.assertIn(" 2048 ", out)


class DockerRemappedOnMachine(OnMachine):
    machine_mode = "plain"

    def find_engine(self):
        return ENGINE
