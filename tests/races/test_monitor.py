# SPDX-License-Identifier: Apache-2.0
"""km and the list of programs that run without it, exchanged while krun looks for them."""

import hashlib
import os
import shutil

from krun import BUSYBOX, KM_PATH
from race import KINDS, RaceTest

ROWS = (
    ("Monitor.test_km", "exchange km's place in the image", "the payload runs under km, or an error", "CWE-367"),
    ("Monitor.test_directory", "exchange a directory of km's path", "the payload runs under km, or an error", "CWE-367"),
    ("Monitor.test_exec", "the same when exec looks for km", "the program runs under km, or an error", "CWE-367"),
    ("Exceptions.test_list", "exchange /var/lib/krun/config", "no list from outside counts", "CWE-367"),
    ("Exceptions.test_directory", "exchange the directory of the list", "no list from outside counts", "CWE-367"),
    ("Exceptions.test_program", "exchange an approved program", "what runs without km is what was approved", "CWE-367"),
)
SHOW = "echo virtual $KMSIM"


class OfMonitor(RaceTest):
    variants = ("km",)

    def check_virtual(self, result, kind):
        self.assertEqual(result.out, "virtual 1\n", f"{kind}: without km")


class Monitor(OfMonitor):
    def planted(self, path, _target):
        """A km of the image, which leaves a file when it runs, for krun says only that it has ended."""
        with open(path, "w") as file:
            file.write("#!/bin/sh\n: > /race/planted\n")
        os.chmod(path, 0o755)

    def planted_directory(self, path, _target):
        os.mkdir(path)
        self.planted(f"{path}/{os.path.basename(KM_PATH)}", None)

    def judge(self, result, kind):
        self.assertFalse(os.path.exists(f"{self.rootfs}/race/planted"), f"{kind}: the image's km has run: {result}")
        return super().judge(result, kind)

    def attack(self, path, honest, target=None):
        os.makedirs(os.path.dirname(self.rootfs + path), exist_ok=True)
        self.race(self.rootfs + path, honest, self.check_virtual, kinds={**KINDS, "planted": honest}, target=target)

    def test_km(self):
        self.shell(SHOW)
        self.attack(KM_PATH, self.planted, target=f"{self.outside}/file")

    def test_directory(self):
        self.shell(SHOW)
        self.attack(os.path.dirname(KM_PATH), self.planted_directory)

    def test_exec(self):
        """The process that exchanges is not in the container: there km's path cannot be renamed."""
        os.makedirs(self.rootfs + os.path.dirname(os.path.dirname(KM_PATH)))
        self.start("echo READY; exec sleep 1000")
        os.rename(self.rootfs + os.path.dirname(KM_PATH), f"{self.rootfs}/mounted")

        def mounted(path, _target):
            os.rename(f"{self.rootfs}/mounted", path)

        self.race(self.rootfs + os.path.dirname(KM_PATH), mounted, self.check_virtual,
                  act=lambda: self.krun("exec", self.cid, "sh", "-c", SHOW), kinds={"planted": self.planted_directory})


class Exceptions(OfMonitor):
    def setUp(self):
        super().setUp()
        self.write_list(f"{self.outside}/list", "/bin/busybox")
        os.makedirs(f"{self.outside}/krun")
        shutil.copy(f"{self.outside}/list", f"{self.outside}/krun/config")
        os.makedirs(f"{self.rootfs}/var/lib/krun")
        self.start("echo READY; exec sleep 1000")

    def write_list(self, path, *programs):
        """Approves programs of the root by their paths."""
        with open(path, "w") as file:
            for program in programs:
                with open(self.rootfs + program, "rb") as content:
                    file.write(f"{program}:{program}:{hashlib.sha256(content.read()).hexdigest()}\n")

    def approving_for_others(self, path, _target):
        """The right list, which others may write."""
        shutil.copy(f"{self.outside}/list", path)
        os.chmod(path, 0o666)

    def huge(self, path, _target):
        with open(path, "w") as file:
            file.truncate(1 << 34)

    def empty(self, path, _target):
        self.write_list(path)

    def empty_directory(self, path, _target):
        os.mkdir(path)
        self.write_list(f"{path}/config")

    def act(self):
        return self.krun("exec", self.cid, "/bin/busybox", "sh", "-c", SHOW)

    def test_list(self):
        self.race(f"{self.rootfs}/var/lib/krun/config", self.empty, self.check_virtual, act=self.act,
                  kinds={**KINDS, "for others": self.approving_for_others, "huge": self.huge}, target=f"{self.outside}/list")

    def test_directory(self):
        os.rmdir(f"{self.rootfs}/var/lib/krun")
        self.race(f"{self.rootfs}/var/lib/krun", self.empty_directory, self.check_virtual, act=self.act,
                  target=f"{self.outside}/krun")

    def test_program(self):
        """Two programs that differ in what they say; one of them is approved."""
        def approved(path, _target):
            shutil.copy(BUSYBOX, path)

        def other(path, _target):
            with open(BUSYBOX, "rb") as file, open(path, "wb") as copy:
                copy.write(file.read().replace(b"BusyBox v", b"EvilBox v"))
            os.chmod(path, 0o755)

        approved(f"{self.rootfs}/race/busybox", None)
        self.write_list(f"{self.rootfs}/var/lib/krun/config", "/race/busybox")
        os.unlink(f"{self.rootfs}/race/busybox")
        other(f"{self.outside}/program", None)
        self.race(f"{self.rootfs}/race/busybox", approved, lambda result, kind: self.assertRegex(result.out, r"\ABusyBox v", kind),
                  act=lambda: self.krun("exec", self.cid, "/race/busybox"), kinds={**KINDS, "other": other},
                  target=f"{self.outside}/program")
