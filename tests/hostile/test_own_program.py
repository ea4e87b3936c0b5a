# SPDX-License-Identifier: Apache-2.0
"""krun's program file, which a container finds as /proc/PID/exe of every process of krun that enters it."""

import fcntl
import hashlib
import os
import struct
import subprocess

from hostile import BothModes
from krun import PROGRAMS, wait_until

ROWS = (
    ("Overwrite.test_root", "write to /proc/PID/exe with docker's capabilities and CAP_SYS_PTRACE", "the file stays as it is",
     "CVE-2019-5736"),
    ("Overwrite.test_user_namespace", "the same in a user namespace of root's", "the file stays as it is", "CVE-2019-5736"),
    ("Overwrite.test_program_of_the_user", "the same as the ordinary user to whom krun's program belongs",
     "the file stays as it is", "CVE-2019-5736"),
    ("Overwrite.test_mount_that_is_gone", "the same when the mount of krun's program was detached", "the file stays as it is",
     "CVE-2019-5736"),
    ("Overwrite.test_dynamic_program", "the same when krun is linked dynamically", "the file stays as it is",
     "CVE-2019-5736"),
    ("Protected.test_root", "look for the mount of the program of a process of krun", "it is sealed, or its mount read-only",
     "CVE-2019-5736"),
    ("Protected.test_program_of_the_user", "the same when krun's program belongs to the ordinary user who calls it",
     "it is sealed, or its mount read-only", "CVE-2019-5736"),
    ("Protected.test_inside_of_a_user_namespace", "the same when krun is called in a user namespace that owns it",
     "it is sealed, or its mount read-only", "CVE-2019-5736"),
    ("NoProgramsInMemory.test_no_programs_in_memory", "the same for the ordinary user's program where vm.memfd_noexec is 2",
     "it is sealed, or its mount read-only", "CVE-2019-5736"),
    ("Protected.test_mount_that_is_gone", "the same when the mount of krun's program was detached",
     "it is sealed, or its mount read-only", "CVE-2019-5736"),
)
PT_INTERP = 3
F_GET_SEALS, F_SEAL_WRITE = 1034, 8         # fcntl(2); older Pythons do not know them


def is_dynamic(path):
    """Returns whether the kernel starts the program with a loader."""
    with open(path, "rb") as file:
        header = file.read(64)
        offset, size, count = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        segments = file.read(size * count)
    return any(struct.unpack_from("<I", segments, at * size)[0] == PT_INTERP for at in range(count))


def is_sealed(fd):
    """Returns whether it is a file in memory that no process can write any more."""
    try:
        return bool(fcntl.fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE)
    except OSError:
        return False


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class ProgramTest(BothModes):
    def mount_program(self):
        """Mounts a copy of the program, whose mount execute_detached() detaches."""
        self.copy_program()
        self.kept = self.program
        self.mount = os.path.join(self.top, "mount")
        os.mkdir(self.mount)

    def execute_detached(self, *arguments, **more):
        """Executes krun by a descriptor of a file whose mount is in no mount namespace any more."""
        subprocess.run(["mount", "--bind", os.path.dirname(self.kept), self.mount], check=True)
        fd = os.open(os.path.join(self.mount, os.path.basename(self.kept)), os.O_RDONLY)
        subprocess.run(["umount", "--lazy", self.mount], check=True)
        try:
            return self.popen([f"/proc/self/fd/{fd}", "--root", self.root, *arguments], pass_fds=[fd], **more)
        finally:
            os.close(fd)

    def popen(self, words, **more):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=self.with_secret(), **more)
        self.processes.append(process)
        return process


class Overwrite(ProgramTest):
    def attack(self, act=None):
        if not self.program:
            self.copy_program()
        path, before = self.program, digest(self.program)
        writer = self.tool("overwrite")
        self.start(f"exec {writer} 5 {self.size_of_krun()}")
        times = self.give_chances(act or (lambda: self.krun("exec", self.cid, "true", timeout=30)),
                                  lambda: "OVERWRITTEN" in self.logged())
        self.assertEqual(digest(path), before, f"krun's file was written to by the container, after {times} times")

    def test_root(self):
        self.more_capabilities("CAP_SYS_PTRACE")
        self.attack()

    def test_user_namespace(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack()

    def test_program_of_the_user(self):
        self.of_ordinary_user(own_program=True)
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack()

    def test_mount_that_is_gone(self):
        self.more_capabilities("CAP_SYS_PTRACE")
        self.mount_program()
        self.attack(lambda: self.execute_detached("exec", self.cid, "true").communicate(timeout=30))

    def test_dynamic_program(self):
        if not is_dynamic(PROGRAMS[self.mode]):
            self.skipTest("this build of krun is static: the other tests are about it")
        self.more_capabilities("CAP_SYS_PTRACE")
        self.attack()


class ProtectedTest(ProgramTest):
    """Tests without a race: the command that stays in the foreground has the same program file as the process that enters."""

    def assert_protected(self, process, pid=None):
        """Checks that the program file of krun is protected. @pid: that of krun, if it is a child of @process."""
        pid = pid or process.pid
        path = f"/proc/{pid}/exe"

        def runs():
            # Until the payload runs, krun may still be on its way to its own protection.
            if process.poll() is not None:
                return True
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                return file.read().split() and "hold" in self.logged()

        wait_until(runs, what="payload of exec")
        if process.poll() is not None:
            # krun may refuse to run without protection; that is an error with a reason.
            self.assertIn(b"krun: ", process.stderr.read())
            return
        with open(path, "rb") as file:
            self.assertTrue(is_sealed(file.fileno()) or os.fstatvfs(file.fileno()).f_flag & os.ST_RDONLY,
                            "only that krun runs keeps its program from being written: no seal, no read-only mount")

    def logged(self):
        path = os.path.join(self.rootfs, "tmp", "held")
        return (super().logged() if os.path.exists(self.log) else "") + ("hold" if os.path.exists(path) else "")


class Protected(ProtectedTest):
    def start_sleeper_and_hold(self):
        self.start("echo READY; exec sleep 1000")
        return ["exec", self.cid, "sh", "-c", "echo hold >> /tmp/held; sleep 100"]

    def test_root(self):
        self.copy_program()
        words = self.start_sleeper_and_hold()
        self.assert_protected(self.popen(self.command(*words)))

    def test_program_of_the_user(self):
        self.of_ordinary_user(own_program=True)
        words = self.start_sleeper_and_hold()
        self.assert_protected(self.popen(self.command(*words)))

    def test_inside_of_a_user_namespace(self):
        """krun runs as root of a user namespace, as with podman, where every file of its owner is writable."""
        self.of_ordinary_user(own_program=True)
        self.namespace("user", False)
        for key in ("uidMappings", "gidMappings"):
            del self.config["linux"][key]
        self.write_config(args=["/bin/sh", "-c", "touch /tmp/held; sleep 100"])
        words = self.command("run", "--bundle", self.bundle, self.cid)
        at = words.index(self.program)
        words[at:at] = ["unshare", "--user", "--map-root-user", "--mount"]
        process = self.popen(words)
        self.assert_protected(process)
        # tearDown() cannot enter its containers with the ordinary krun; its end ends the container.
        pid = self.state()["pid"]
        os.kill(pid, 9)
        process.wait(10)

    def test_mount_that_is_gone(self):
        self.mount_program()
        words = self.start_sleeper_and_hold()
        self.assert_protected(self.execute_detached(*words))


class NoProgramsInMemory(ProtectedTest):
    """Here krun's copy is on a tmpfs. In the km mode this is an error, because process 1 in front of km is a program in memory."""

    variants = ("plain",)

    def test_no_programs_in_memory(self):
        """The sysctl belongs to the pid namespace (Linux 6.3), so the test changes it for its own processes only."""
        if not os.path.exists("/proc/sys/vm/memfd_noexec"):
            self.skipTest("this kernel executes files in memory always")
        self.of_ordinary_user(own_program=True)
        self.write_config(args=["/bin/sh", "-c", "touch /tmp/held; sleep 100"])
        process = self.popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                              'echo 2 > /proc/sys/vm/memfd_noexec && exec "$@"', "sh",
                              *self.command("run", "--bundle", self.bundle, self.cid)])

        def child():
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                return file.read().split()

        wait_until(lambda: process.poll() is not None or (child() and "hold" in self.logged()), what="payload of run")
        self.assertIsNone(process.poll(), f"krun has ended: {process.poll() is not None and process.stderr.read()}")
        self.assert_protected(process, int(child()[0]))
        process.kill()
        process.wait(10)
