# SPDX-License-Identifier: Apache-2.0
"""What krun looks up for a process in the container: its working directory, its home, its program and those of hooks."""

import os
import shutil

from hostile import as_descriptor_3
from krun import BUSYBOX
from race import KINDS, RaceTest

ROWS = (
    ("Directory.test_create", "exchange process.cwd", "nothing of the host is found from there", "CVE-2024-21626"),
    ("Directory.test_parent", "exchange the directory above process.cwd, which has to be made", "nothing is made outside", "CVE-2024-45310"),
    ("Directory.test_exec", "exchange the directory of exec --cwd", "nothing of the host is found from there", "CVE-2024-21626"),
    ("Users.test_create", "exchange /etc/passwd, which has the home of the user", "the home is not from the host's file", "CVE-2021-30465"),
    ("Users.test_directory", "the same with /etc", "the home is not from the host's file", "CVE-2021-30465"),
    ("Users.test_exec", "the same with exec", "the home is not from the host's file", "CVE-2021-30465"),
    ("Program.test_create", "exchange the program of the container", "that program, or an error", "CVE-2019-5736"),
    ("Program.test_exec", "the same with exec", "that program, or an error", "CVE-2019-5736"),
    ("Program.test_hook", "exchange the program of a startContainer hook", "no program of the host runs", "CVE-2019-14271"),
)


class Directory(RaceTest):
    def links(self):
        """Links by which a process with a descriptor of the host's root would come to it, and ordinary ones."""
        kinds = {f"link to descriptor {fd}": lambda path, _, fd=fd: os.symlink(f"/proc/self/fd/{fd}", path) for fd in (3, 5, 7)}
        return {**kinds, "link to cwd": lambda path, _: os.symlink("/proc/self/cwd", path),
                "link out": KINDS["link out"], "link up": KINDS["link up"]}

    def script(self):
        return f"cat ./inner .{self.canary} ./target/inner 2> /dev/null; true"

    def leaking(self, *words):
        """Runs krun as a caller would that has left its root open."""
        fd = os.open("/", os.O_RDONLY)
        try:
            return self.krun(*words, **as_descriptor_3(fd))
        finally:
            os.close(fd)

    def test_create(self):
        self.shell(self.script(), cwd="/race/target")
        self.race(f"{self.rootfs}/race/target", "directory", self.assert_nothing_of_the_host, kinds=self.links(),
                  act=lambda: self.leaking("run", "--bundle", self.bundle, self.cid))

    def test_parent(self):
        self.shell(self.script(), cwd="/race/target/made")
        self.race(f"{self.rootfs}/race/target", "directory", self.assert_nothing_of_the_host)

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        self.race(f"{self.rootfs}/race/target", "directory", self.assert_nothing_of_the_host, kinds=self.links(),
                  act=lambda: self.leaking("exec", "--cwd", "/race/target", self.cid, "sh", "-c", self.script()))


class Users(RaceTest):
    def setUp(self):
        super().setUp()
        self.honest(f"{self.outside}/etc", None, home="/home-of-the-host")

    @staticmethod
    def honest(path, _target, home="/home-inside"):
        os.mkdir(path)
        with open(f"{path}/passwd", "w") as file:
            file.write(f"root:x:0:0:root:{home}:/bin/sh\n")

    @staticmethod
    def honest_file(path, _target):
        with open(path, "w") as file:
            file.write("root:x:0:0:root:/home-inside:/bin/sh\n")

    def check(self, result, kind):
        self.assertIn(result.out, ("/home-inside\n", "/\n"), kind)

    def attack_file(self, **more):
        os.unlink(f"{self.rootfs}/etc/passwd")
        self.race(f"{self.rootfs}/etc/passwd", self.honest_file, self.check, target=f"{self.outside}/etc/passwd", **more)

    def test_create(self):
        self.shell("echo $HOME")
        self.attack_file()

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        self.attack_file(act=lambda: self.krun("exec", self.cid, "sh", "-c", "echo $HOME"))

    def test_directory(self):
        self.shell("echo $HOME")
        os.rename(f"{self.rootfs}/etc", f"{self.rootfs}/etc-of-the-image")
        self.race(f"{self.rootfs}/etc", self.honest, self.check, target=f"{self.outside}/etc")


class Program(RaceTest):
    """A program that prints its name. What would run from outside is a script, which leaves a file there, too."""

    # km opens the program itself, after krun, and kmsim ends so when it is gone.
    statuses_of_payload = (2,)

    def setUp(self):
        super().setUp()
        with open(f"{self.outside}/program", "w") as file:
            file.write(f"#!/bin/sh\necho {self.secret}; echo > {self.outside}/dir/escaped\n")
        os.chmod(f"{self.outside}/program", 0o755)

    @staticmethod
    def honest(path, _target):
        shutil.copy(BUSYBOX, path)

    def check(self, result, kind):
        self.assertRegex(result.out, r"\ABusyBox v", kind)

    def attack(self, check=None, act=None, kinds=None):
        self.race(f"{self.rootfs}/race/busybox", self.honest, check or self.check, act=act, kinds=kinds,
                  target=f"{self.outside}/program")

    def payloads(self):
        """km waits for the writer of a FIFO that has become its payload, as long as one that reads from it."""
        return [kind for kind in KINDS if self.mode != "km" or kind != "fifo"]

    def test_create(self):
        self.write_config(args=["/race/busybox"])
        self.attack(kinds=self.payloads())

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        self.attack(act=lambda: self.krun("exec", self.cid, "/race/busybox"), kinds=self.payloads())

    def test_hook(self):
        self.config["hooks"] = {"startContainer": [{"path": "/race/busybox"}]}
        self.shell("echo inside")
        self.attack(check=lambda result, kind: self.assertEqual(result.out, "inside\n", kind))
