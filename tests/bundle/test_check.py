# SPDX-License-Identifier: Apache-2.0
"""check says whether this machine can run containers, and what to do if not."""

import fcntl
import json
import os
import shutil
import subprocess

from krun import PROGRAMS, KrunTest, stand_in_only

KERNEL_HAS = ("kernel", "seccomp", "security", "cgroups", "user namespaces", "settings", "CRIU", "krun in PATH")
DEVICES = ("/dev/kvm", "/dev/kkm")
KVM_CREATE_VM = 0xAE01      # <linux/kvm.h>
NOBODY = (shutil.which("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups")


def makes_machines(path):
    """Returns whether @path is a device of virtual machines, and not missing, or what stands in for it (tests/kmsim/with-stand-in)."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(fd, KVM_CREATE_VM, 0))
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


class Check(KrunTest):
    def setUp(self):
        super().setUp()
        self.settings = f"{self.top}/krun.json"
        self.set()

    def set(self, **keys):
        with open(self.settings, "w") as file:
            json.dump(keys, file)
        os.chmod(self.settings, 0o644)

    def program(self, name, script, mode=0o755):
        path = f"{self.top}/{name}"
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, mode)
        return path

    def check(self, mode="km", **environment):
        """Returns the status and {name: item}."""
        done = subprocess.run([PROGRAMS[mode], "--root", self.root, "--config-file", self.settings, "check", "--format", "json"],
                              capture_output=True, check=False, env=dict(os.environ, **environment))
        self.assertEqual(done.stderr, b"")
        found = json.loads(done.stdout)
        self.assertEqual(found["works"], done.returncode == 0, found)
        self.assertEqual(found["works"], "missing" not in [item["status"] for item in found["items"]], found)
        for item in found["items"]:
            self.assertTrue(item["text"], item)
            # Whoever reads of something that is wrong reads what to do.
            if item["status"] == "missing":
                self.assertTrue(item["cure"], item)
        return done.returncode, {item["name"]: item for item in found["items"]}

    @stand_in_only("its version, and a device that is none")
    def test_a_machine_that_works(self):
        status, items = self.check()
        works = any(makes_machines(path) for path in DEVICES)
        self.assertEqual([name for name, item in items.items() if item["status"] == "missing" and (works or name not in DEVICES)], [])
        self.assertEqual(status, 0 if works else 1, items)
        for name in KERNEL_HAS:
            self.assertIn(name, items)
        self.assertIn("kmsim", items["km"]["text"])
        result = self.krun("check", mode="km")
        self.assertEqual(result.status, status)
        if works:
            self.assertEqual(result.out.splitlines()[-1], "krun can run containers under km here.")
        else:
            self.assertIn("krun-plain needs no km.", result.out.splitlines()[-1])
        for line in result.out.splitlines()[:-2]:
            self.assertRegex(line, r"^(ok      |warning |missing |  {10,}->) ")

    def test_plain_needs_no_km(self):
        self.set(kmPath="/no/such/km")
        status, items = self.check("plain")
        self.assertEqual(status, 0, items)
        self.assertNotIn("km", items)
        self.assertNotIn("/dev/kvm", items)
        self.assertIn("krun can run containers here.", self.krun("check", mode="plain").out)

    def test_km_that_is_missing(self):
        self.set(kmPath="/no/such/km")
        status, items = self.check()
        self.assertEqual((status, items["km"]["status"]), (1, "missing"))
        self.assertEqual(items["km"]["text"], "'/no/such/km' is not there")
        self.assertIn("kmPath", items["km"]["cure"])
        self.assertNotIn("km runs", items)
        result = self.krun("check", mode="km", options=["--config-file", self.settings])
        self.assertEqual(result.status, 1)
        self.assertIn("krun-plain needs no km.", result.out.splitlines()[-1])

    def test_km_that_does_not_run_programs(self):
        for script, status, text in (("exit 3", "missing", "status 3, and km's last words: (none)"),
                                     ("echo one; echo two >&2; exit 1", "missing", "status 1, and km's last words: two"),
                                     ("echo no hello", "missing", "status 0, and km's last words: no hello"),
                                     ("kill -ABRT $$", "missing", "status 134"),
                                     ("for last; do :; done; exec $last", "ok", "said hello")):
            with self.subTest(script=script):
                self.set(kmPath=self.program("km", f'[ "$1" = --version ] || [ "$3" = --version ] && echo km && exit 0\n{script}'))
                _, items = self.check()
                if "km runs" not in items:
                    self.assertFalse([path for path in DEVICES if makes_machines(path)], items)
                    self.skipTest("no device here makes virtual machines")
                self.assertEqual(items["km runs"]["status"], status, items)
                self.assertIn(text, items["km runs"]["text"])
        self.assertEqual([name for name in os.listdir("/tmp") if name.startswith("krun-check-")], [])

    def test_km_that_does_not_tell_its_version(self):
        for script, text in (("exit 3", "ended with status 3, and its last words: (none)"),
                             ("echo one; echo two >&2; exit 1", "ended with status 1, and its last words: two")):
            with self.subTest(script=script):
                path = self.program("km", script)
                self.set(kmPath=path)
                _, items = self.check()
                self.assertEqual(items["km"]["status"], "warning")
                self.assertEqual(items["km"]["text"], f"'{path} --version' {text}")
                self.assertIn("kmPath", items["km"]["cure"])

    def test_device_that_is_missing_or_none(self):
        self.set(device="/dev/no-such-device")
        status, items = self.check()
        self.assertEqual((status, items["device"]["status"]), (1, "missing"))
        self.assertEqual(items["device"]["text"], "/dev/no-such-device is not there")
        self.set(device="/dev/null")
        status, items = self.check()
        self.assertEqual((status, items["device"]["status"]), (1, "missing"))
        self.assertIn("KVM_CREATE_VM: ", items["device"]["text"])

    def test_settings_that_are_wrong(self):
        for keys, text in (({"kmPth": "/x"}, ":1:2: /kmPth: "), ({"snapshotDirectory": "/no/such"}, ":1:23: /snapshotDirectory: ")):
            self.set(**keys)
            status, items = self.check()
            self.assertEqual(status, 1)
            self.assertTrue(items["settings"]["text"].startswith(self.settings + text), items)
        with open(self.settings, "w") as file:
            file.write("{")
        status, items = self.check()
        self.assertEqual((status, items["settings"]["status"]), (1, "missing"))
        self.assertEqual(items["settings"]["text"], f"{self.settings}:1:2: not JSON: unexpected end of data")
        # Others decide by it what runs.
        self.set()
        os.chmod(self.settings, 0o666)
        status, items = self.check()
        self.assertEqual((status, items["settings"]["status"]), (1, "missing"))

    def test_another_krun_in_path(self):
        folder = f"{self.top}/bin"
        os.mkdir(folder)
        os.symlink("/bin/true", f"{folder}/krun")
        status, items = self.check("plain", PATH=f"{folder}:{os.environ['PATH']}")
        self.assertEqual(items["krun in PATH"]["status"], "warning")
        self.assertIn(f"{folder}/krun is another program: ", items["krun in PATH"]["text"])
        self.assertEqual(status, 0)
        os.unlink(f"{folder}/krun")
        os.symlink(os.path.realpath(PROGRAMS["km"]), f"{folder}/krun")
        _, items = self.check("plain", PATH=folder)
        self.assertEqual(items["krun in PATH"]["status"], "ok", items)

    def test_an_engine_that_knows_krun_or_not(self):
        """The user's own configuration, because /etc is the machine's."""
        home = f"{self.top}/home"
        os.makedirs(f"{home}/.config/containers/containers.conf.d")
        self.program("podman", "exit 0")
        self.program("crio", "exit 0")
        for path in (self.top, home):
            os.chmod(path, 0o755)

        def ask():
            done = subprocess.run([*NOBODY, PROGRAMS["plain"], "check", "-f", "json"],
                                  capture_output=True, check=False, env={"PATH": self.top, "HOME": home})
            return {item["name"]: item for item in json.loads(done.stdout)["items"]}

        items = ask()
        if items["podman"]["status"] == "ok":
            self.skipTest(f"this machine's podman knows krun: {items['podman']}")
        self.assertEqual(items["podman"]["status"], "warning")
        self.assertEqual(items["podman"]["cure"], "as root or yourself: krun install podman")
        # It would be refused to an ordinary user.
        if items["crio"]["status"] != "ok":
            self.assertEqual(items["crio"]["cure"], "as root: krun install crio")
        # No other engine is in PATH_DEFAULT, or it says so itself.
        drop_in = f"{home}/.config/containers/containers.conf.d/50-krun.conf"
        for path, status, text in ((f"{self.top}/no/krun", "warning", "which is no program"), (self.program("krun", ""), "ok", "knows ")):
            with open(drop_in, "w") as file:
                file.write(f'[engine.runtimes]\nkrun = ["{path}"]\n')
            os.chmod(drop_in, 0o644)
            item = ask()["podman"]
            self.assertEqual(item["status"], status, item)
            self.assertIn(text, item["text"])

    def test_an_ordinary_user_without_a_runtime_directory(self):
        done = subprocess.run([*NOBODY, PROGRAMS["plain"], "check", "-f", "json"],
                              capture_output=True, check=False, env={"PATH": "/bin"})
        items = {item["name"]: item for item in json.loads(done.stdout)["items"]}
        self.assertEqual(done.returncode, 1)
        self.assertEqual(items["runtime directory"]["status"], "missing")
        self.assertIn("--root", items["runtime directory"]["cure"])
        self.assertIn("ranges of ids", items)
        # With a state root of his choice he needs none.
        done = subprocess.run([*NOBODY, PROGRAMS["plain"], "--root", self.top,
                               "check", "-f", "json"], capture_output=True, check=False, env={"PATH": "/bin"})
        self.assertNotIn("runtime directory", [item["name"] for item in json.loads(done.stdout)["items"]])
