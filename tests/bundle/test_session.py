# SPDX-License-Identifier: Apache-2.0
"""Tests that need a machine of their own (the vm ring): an ordinary user's login session, cgroups that were delegated to the user, /dev/kvm."""

import fcntl
import json
import os
import subprocess
import unittest

import session
from krun import PROGRAMS, BothModes, KrunTest

KVM_GET_API_VERSION = 0xAE00
# The container has no python, so the shell opens the device for reading and writing.
OPEN = "if [ -c /dev/kvm ]; then exec 3<>/dev/kvm && echo opened; else echo none; fi"


class Device(BothModes):
    """/dev/kvm of the machine, which has nested SVM."""

    @classmethod
    def setUpClass(cls):
        if not os.path.exists("/dev/kvm"):
            raise unittest.SkipTest("no /dev/kvm here")

    def test_of_the_machine(self):
        with open("/dev/kvm", "rb+", buffering=0) as file:
            self.assertEqual(fcntl.ioctl(file, KVM_GET_API_VERSION), 12)

    def test_in_a_container(self):
        """A container under km can open it with any user; others do not have it."""
        for user in ({"uid": 0, "gid": 0}, {"uid": 1000, "gid": 1000}):
            self.shell(OPEN, user=user)
            result = self.run_container()
            self.assertEqual(result.out, {"plain": "none\n", "km": "opened\n"}[self.mode], result)

    def test_in_exec(self):
        self.start_sleeper()
        result = self.krun("exec", "--user", "1000:1000", self.cid, "sh", "-c", OPEN)
        self.assertEqual(result.out, {"plain": "none\n", "km": "opened\n"}[self.mode], result)
        self.ok("delete", "--force", self.cid)


class InSession(KrunTest):
    """An ordinary user of group kvm runs krun by hand."""

    @classmethod
    def setUpClass(cls):
        cls.session = session.Session.get()

    def setUp(self):
        super().setUp()
        self.programs = {word: self.session.program(path, self.top) for word, path in PROGRAMS.items()}
        self.session.give(self.top)

    def as_user(self, *arguments, mode="plain", inside=()):
        return self.session.run(*inside, self.programs[mode], *arguments, cwd=self.bundle)

    def configure(self, script, **linux):
        if os.path.exists(f"{self.bundle}/config.json"):
            os.remove(f"{self.bundle}/config.json")
        done = self.as_user("spec", "--rootless")
        self.assertEqual(done.status, 0, done)
        with open(f"{self.bundle}/config.json") as file:
            self.config = json.load(file)
        self.config["process"].update(terminal=False, args=["/bin/sh", "-c", script])
        self.config["linux"].update(linux)
        self.save()

    def save(self):
        with open(f"{self.bundle}/config.json", "w") as file:
            json.dump(self.config, file)

    def test_kvm_of_the_user(self):
        script = ("import fcntl; print(fcntl.ioctl(open('/dev/kvm', 'rb+', buffering=0), 0xae00))")
        self.assertEqual(self.session.run("python3", "-c", script).out, "12\n")
        # The user may open it by the group.
        done = subprocess.run(["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "python3", "-c", script],
                              capture_output=True, check=False)
        self.assertIn(b"PermissionError", done.stderr)

    def test_kvm_in_a_container_of_the_user(self):
        self.configure("id -u; " + OPEN)
        # The one mapped group is not kvm; the process keeps its other groups, because setgroups is denied there.
        result = self.as_user("run", self.cid, mode="km")
        self.assertEqual((result.status, result.out), (0, "0\nopened\n"), result)

    def test_no_limit_without_a_delegated_cgroup(self):
        self.configure("true", resources={"pids": {"limit": 10}})
        result = self.as_user("run", self.cid)
        self.assertEqual(result.status, 1, result)
        self.assertIn("cgroup", result.err)

    # ---- a cgroup that the user's systemd has delegated ----

    # The shell moves out: a cgroup with processes of its own cannot enable controllers for those below.
    DELEGATED = """own=/sys/fs/cgroup$(cut -d: -f3- /proc/self/cgroup); mkdir "$own/leaf"; echo $$ > "$own/leaf/cgroup.procs"
echo '+memory +pids' > "$own/cgroup.subtree_control"
sed -i "s|@OWN@|${own#/sys/fs/cgroup}|" config.json
"$@"; status=$?; ls -d "$own"/box* 2> /dev/null; exit $status"""

    def delegated(self, *command):
        # --pipe is for services; a scope has the caller's stdio in any case.
        return self.session.run("systemd-run", "--user", "--scope", "--quiet", "--property=Delegate=yes", "sh", "-c",
                                self.DELEGATED, "sh", *command, cwd=self.bundle)

    SCRIPT = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; for i in $(seq 20); do sleep 20 & done; echo all there"
    LIMITS = {"memory": {"limit": 48 << 20}, "pids": {"limit": 10}}

    def check(self, result):
        self.assertEqual(result.out, f"{48 << 20}\n10\n", result)
        self.assertIn("can't fork", result.err)

    def test_limits_in_a_delegated_cgroup(self):
        self.configure(self.SCRIPT, cgroupsPath="@OWN@/box", resources=self.LIMITS)
        self.check(self.delegated(self.programs["plain"], "run", self.cid))

    def test_limits_in_a_delegated_cgroup_from_a_user_namespace(self):
        self.configure(self.SCRIPT, cgroupsPath="@OWN@/box", resources=self.LIMITS)
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        self.save()
        self.check(self.delegated("unshare", "--user", "--map-root-user", "--mount", self.programs["plain"], "run", self.cid))

    def test_out_of_memory_in_a_delegated_cgroup(self):
        self.configure("exec hog", cgroupsPath="@OWN@/box",
                       resources={"memory": {"limit": 16 << 20, "swap": 16 << 20}})
        result = self.delegated(self.programs["plain"], "run", self.cid)
        self.assertEqual((result.status, result.out), (137, ""), result)
        self.assertIn("out of memory", result.err)

    def test_range_of_ids_from_subuid(self):
        """This test uses the machine's own /etc/subuid and newuidmap."""
        self.configure("id -u; id -g; touch /tmp/made; stat -c %u /tmp/made")
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 1000, "size": 1},
                                         {"containerID": 1, "hostID": 100000, "size": 65536}]
        self.config["process"]["user"] = {"uid": 5, "gid": 7, "additionalGids": [12]}
        self.config["root"]["readonly"] = False
        self.save()
        result = self.as_user("run", self.cid)
        self.assertEqual((result.status, result.out.split()), (0, ["5", "7", "5"]), result)
        self.assertEqual(os.stat(f"{self.rootfs}/tmp/made").st_uid, 100004)
