# SPDX-License-Identifier: Apache-2.0
"""Devices of the host as standard streams of a container whose user is not root."""

import os
import stat

from hostile import BothModes

ROWS = (
    ("Owner.test_run", "run with the host's devices as standard streams, for user 1000", "owner and mode stay", "CWE-732"),
    ("Owner.test_create", "the same with create", "owner and mode stay", "CWE-732"),
    ("Owner.test_exec", "the same with exec --user", "owner and mode stay", "CWE-732"),
    ("Owner.test_block_device", "a disk of the host as standard input", "owner and mode stay", "CWE-732"),
    ("Owner.test_terminal", "the administrator's terminal as standard streams", "owner and mode stay", "CWE-732"),
    ("Owner.test_user_namespace", "the same in a user namespace of root's, also with exec, and a file that is only read",
     "owner and mode stay", "CWE-732"),
    ("Owner.test_payload_changes_the_mode", "chmod of /proc/self/fd/0 as user 1000", "the host's node keeps its mode",
     "CWE-732"),
    ("Owner.test_file_that_is_only_read", "a file of the host, opened for reading, as standard input",
     "its owner stays, and the payload cannot write it", "CWE-732"),
    ("Null.test_create", "the host's /dev/null as standard streams", "the container has its own", "CVE-2025-31133"),
    ("Null.test_exec", "the same with exec", "the container has its own", "CVE-2025-31133"),
    ("Null.test_image_with_a_link", "/dev/null of the container is a link to a file",
     "what was inherited stays, a null device", "CVE-2025-31133"),
    ("Null.test_image_with_another_device", "/dev/null of the container is /dev/zero",
     "what was inherited stays, a null device", "CVE-2025-31133"),
    ("Null.test_image_with_a_fifo", "/dev/null of the container is a FIFO that nobody reads",
     "what was inherited stays, and nobody waits", "CVE-2025-31133"),
    ("Null.test_image_with_a_file", "/dev/null of the container is a file", "what was inherited stays, a null device",
     "CVE-2025-31133"),
)
ALICE = {"uid": 1000, "gid": 1000}


class Owner(BothModes):
    def look(self, path):
        info = os.stat(path)
        return oct(info.st_mode), info.st_uid, info.st_gid

    def watched(self, *paths):
        """Returns mode and owner of each path, and restores them at the end, so that one failure does not cause others."""
        before = {path: self.look(path) for path in paths}
        for path, (mode, user, group) in before.items():
            self.addCleanup(os.chmod, path, stat.S_IMODE(int(mode, 8)))
            self.addCleanup(os.chown, path, user, group)
        return before

    def assert_kept(self, before):
        for path, was in before.items():
            self.assertEqual(self.look(path), was, f"mode, owner and group of '{path}'")

    def streams(self, stdin="/dev/zero", stdout="/dev/null", stderr="/dev/full"):
        # A terminal does not become this process's own.
        files = [os.open(path, flags | os.O_NOCTTY)
                 for path, flags in ((stdin, os.O_RDONLY), (stdout, os.O_WRONLY), (stderr, os.O_WRONLY))]
        for file in files:
            self.addCleanup(os.close, file)
        return dict(zip(("stdin", "stdout", "stderr"), files))

    def run_with(self, **streams):
        self.write_config(args=["/bin/true"], user=ALICE)
        result = self.krun("run", "--bundle", self.bundle, self.cid, **streams)
        self.assertEqual(result.status, 0)

    def test_run(self):
        before = self.watched("/dev/zero", "/dev/null", "/dev/full")
        self.run_with(**self.streams())
        self.assert_kept(before)

    def test_file_that_is_only_read(self):
        path = os.path.join(self.top, "settings")
        with open(path, "w") as file:
            file.write("the host's\n")
        before = {path: self.look(path)}
        self.shell("cat; chmod 666 /proc/self/fd/0; echo overwritten > /proc/self/fd/0", user=ALICE)
        with open(path) as file:
            self.assertIn("the host's", self.krun("run", "--bundle", self.bundle, self.cid, stdin=file).out)
        self.assert_kept(before)
        with open(path) as file:
            self.assertEqual(file.read(), "the host's\n")

    def test_create(self):
        before = self.watched("/dev/zero", "/dev/null", "/dev/full")
        self.write_config(args=["/bin/true"], user=ALICE)
        self.assertEqual(self.krun("create", "--bundle", self.bundle, self.cid, **self.streams()).status, 0)
        self.assert_kept(before)
        self.ok("start", self.cid)
        self.assert_kept(before)

    def test_exec(self):
        before = self.watched("/dev/zero", "/dev/null", "/dev/full")
        self.start("echo READY; exec sleep 1000")
        self.assertEqual(self.krun("exec", "--user", "1000:1000", self.cid, "true", **self.streams()).status, 0)
        self.assert_kept(before)

    def test_block_device(self):
        try:
            os.close(os.open("/dev/disk", os.O_RDONLY))
        except OSError as error:
            self.skipTest(f"no loop device to open: {error.strerror}")
        before = self.watched("/dev/disk")
        self.run_with(**self.streams(stdin="/dev/disk"))
        self.assert_kept(before)

    def test_terminal(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        path = os.ttyname(slave)
        os.close(slave)
        keep = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, keep)
        before = self.watched(path)
        self.run_with(**self.streams(path, path, path))
        self.assert_kept(before)

    def test_user_namespace(self):
        before = self.watched("/dev/zero", "/dev/null", "/dev/full")
        self.in_user_namespace()
        self.run_with(**self.streams())
        self.assert_kept(before)
        path = os.path.join(self.top, "settings")
        with open(path, "w") as file:
            file.write("the host's\n")
        before[path] = self.look(path)
        self.run_with(**self.streams(stdin=path))
        self.write_config(user={"uid": 0, "gid": 0})
        self.start("echo READY; exec sleep 1000")
        for user in ("0:0", "1000:1000"):
            result = self.krun("exec", "--user", user, self.cid, "true", **self.streams(stdin=path))
            self.assertEqual(result.status, 0)
        self.assert_kept(before)

    def test_payload_changes_the_mode(self):
        before = self.watched("/dev/zero", "/dev/null", "/dev/full")
        self.shell("for i in 0 1 2; do chmod 0 /proc/self/fd/$i; done 2>/dev/null; true", user=ALICE)
        self.krun("run", "--bundle", self.bundle, self.cid, **self.streams())
        self.assert_kept(before)


class Null(BothModes):
    SAY = "stat -L -c '%d:%i %t:%T' /proc/self/fd/0 > /tmp/stdin; stat -L -c '%d:%i %t:%T' /dev/null >> /tmp/stdin"

    def said(self):
        with open(os.path.join(self.rootfs, "tmp", "stdin")) as file:
            return file.read().split("\n")[:2]

    def assert_own(self):
        stdin, own = self.said()
        self.assertEqual(stdin, own, "standard input, and /dev/null of the container")

    def assert_null(self):
        self.assertEqual(self.said()[0].split()[1], "1:3", "device that is the standard input")

    def test_create(self):
        with open("/dev/null", "r+b") as null:
            self.write_config(args=["/bin/sh", "-c", self.SAY], user=ALICE)
            result = self.krun("run", "--bundle", self.bundle, self.cid, stdin=null, stdout=null, stderr=null)
        self.assertEqual(result.status, 0)
        self.assert_own()

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        self.exec_with_null()
        self.assert_own()

    def exec_with_null(self):
        with open("/dev/null", "r+b") as null:
            return self.krun("exec", "--user", "1000:1000", self.cid, "/bin/sh", "-c", self.SAY, stdin=null, stdout=null,
                             stderr=null, timeout=20)

    def attack(self, plant):
        """Runs a container that has put something else at its /dev/null."""
        # The container may make device nodes, but cannot open any device but the default ones.
        self.start(f"rm /dev/null && {plant}; ls -l /dev/null; echo READY; exec sleep 1000")
        self.assertEqual(self.exec_with_null().status, 0)
        self.assert_null()

    def test_image_with_a_link(self):
        self.attack("touch /tmp/file && ln -s /tmp/file /dev/null")

    def test_image_with_another_device(self):
        self.attack("mknod -m 0666 /dev/null c 1 5")

    def test_image_with_a_fifo(self):
        self.attack("mkfifo -m 0666 /dev/null")

    def test_image_with_a_file(self):
        self.attack("touch /dev/null && chmod 0666 /dev/null")
