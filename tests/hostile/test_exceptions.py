# SPDX-License-Identifier: Apache-2.0
"""/var/lib/krun/config of a container that is anything but a list of root's."""

import hashlib
import os

from race import KINDS, Outside

ROWS = (
    ("List.test_the_list_itself", "none: the right list", "the program runs without km", "CWE-59"),
    ("List.test_kinds", "the list is a link out, a directory, a FIFO, a device", "the program runs under km, or an error; nobody waits", "CWE-59"),
    ("List.test_huge", "a list that is larger than any, sparse, or one long line", "an error", "CWE-400"),
    ("List.test_expressions", "expressions that take exponential time", "the program runs under km, or an error", "CWE-1333"),
    ("List.test_odd_lines", "lines with NUL, controls, missing and empty fields", "the program runs under km, or an error", "CWE-20"),
    ("List.test_of_others", "a list that others may write, or that belongs to a user", "an error", "CWE-732"),
)


class List(Outside):
    variants = ("km",)

    def setUp(self):
        super().setUp()
        os.makedirs(f"{self.rootfs}/var/lib/krun")
        self.path = f"{self.rootfs}/var/lib/krun/config"
        with open(f"{self.rootfs}/bin/busybox", "rb") as file:
            self.approval = f"/bin/busybox:/bin/busybox:{hashlib.sha256(file.read()).hexdigest()}\n"
        with open(f"{self.outside}/list", "w") as file:
            file.write(self.approval)
        self.remember_outside()
        self.start("echo READY; exec sleep 1000")

    def assert_under_km(self):
        result = self.krun("exec", self.cid, "/bin/busybox", "sh", "-c", "echo virtual $KMSIM", timeout=30)
        self.assert_outside_kept()
        if result.status:
            self.assert_one_error(result)
        else:
            self.assertEqual(result.out, "virtual 1\n", result)

    def write(self, content):
        self.clear(self.path)
        with open(self.path, "wb") as file:
            file.write(content)

    def test_the_list_itself(self):
        """With the right list the program runs without km, so that the other tests can fail."""
        self.write(self.approval.encode())
        self.assertEqual(self.ok("exec", self.cid, "/bin/busybox", "sh", "-c", "echo virtual $KMSIM").out, "virtual\n")

    def test_kinds(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.clear(self.path)
                KINDS[kind](self.path, f"{self.outside}/list")
                self.assert_under_km()

    def test_huge(self):
        self.write(self.approval.encode() + b"#" * (64 << 20))
        self.assert_under_km()
        self.write(self.approval.encode())
        os.truncate(self.path, 1 << 36)
        self.assert_under_km()

    def test_expressions(self):
        for expression in ("(((((a*)*)*)*)*)*b", "(x+x+)+y", "(.*)*" * 30, "[" * 1000, "(" * 5000, "a{1,32767}{1,32767}"):
            with self.subTest(expression=expression[:20]):
                self.write(f"{expression}:/bin/busybox:{'0' * 64}\n".encode())
                self.assert_under_km()

    def test_odd_lines(self):
        approval = self.approval.encode()
        for line in (b"\0" + approval, approval.replace(b"\n", b"\0\n"), b":" + approval, b"::" + approval, approval[:-10] + b"\n",
                     b"\x1b[2J" + approval, b"\xff\xfe" + approval, approval.replace(b":", b"\n"), b"/bin/busybox:/bin/busybox:\n"):
            with self.subTest(line=line[:20]):
                self.write(line)
                self.assert_under_km()

    def test_of_others(self):
        for mode, owner in ((0o666, 0), (0o664, 0), (0o644, 1000)):
            with self.subTest(mode=oct(mode), owner=owner):
                self.write(self.approval.encode())
                os.chmod(self.path, mode)
                os.chown(self.path, owner, owner)
                self.assert_under_km()
