# SPDX-License-Identifier: Apache-2.0
"""Names that choose paths and users: ids of containers, entries of the state root, users of exec, paths of namespaces."""

import os
import shutil
import stat
import subprocess

from hostile import as_descriptor_3
from krun import wait_until
from race import KINDS, Outside, Swapper

ROWS = (
    ("Ids.test_odd_bytes", "ids that are paths, options, formats, empty, long, or not text", "refused, and nothing is made", "CWE-22"),
    ("StateRoot.test_planted_entries", "entries of the state root that krun did not make: links, FIFOs, devices, files, empty directories",
     "one clear error or an answer, nothing outside changes", "CWE-59"),
    ("StateRoot.test_planted_files", "the same in place of the files of a container's state", "one clear error or an answer, nobody waits",
     "CWE-59"),
    ("Users.test_exec", "exec --user with words that other programs read as root", "that very user, or an error", "CVE-2026-30892"),
    ("Users.test_setuid_program", "a set-user-ID program of the image for a user, with noNewPrivileges", "no other user", "CWE-250"),
    ("Users.test_setuid_program_of_exec", "the same with exec", "no other user", "CWE-250"),
    ("Users.test_setuid_program_of_a_volume", "a set-user-ID program in a volume that is nosuid", "no other user", "CWE-250"),
    ("Namespaces.test_other_kinds", "paths of namespaces that are of another kind, or none", "one clear error, nobody waits", "CWE-843"),
    ("Namespaces.test_path_that_changes", "exchange the path of a network namespace for other files", "the namespace, or one clear error",
     "CWE-367"),
    ("Descriptors.test_directory_of_the_caller", "the caller has left its root open", "neither payload, exec, hooks nor km have it",
     "CVE-2024-21626"),
)
IDS = ("", ".", "..", "../x", "a/b", "/abs", "a/../b", "-x", "--root", "a b", "a\tb", "a\nb", "%s%n", "a\\b", "$(id)", "é", "\u202e", "*", "~",
       "x" * 1025, "x" * 5000, ".locks", "a;b", "a:b/c")


class Ids(Outside):
    def test_odd_bytes(self):
        self.write_config(args=["/bin/true"])
        for identity in IDS:
            for words in (["create", "--bundle", self.bundle], ["run", "--bundle", self.bundle], ["delete", "--force"], ["state"], ["kill"]):
                with self.subTest(identity=identity[:40], command=words[0]):
                    result = self.krun(*words, "--", identity, timeout=20)
                    # delete --force is content when there is no such container.
                    self.assertTrue(result.status or words[0] == "delete", result)
                    self.assert_outside_kept()
        found = [name for name in os.listdir(self.root) if not name.startswith(".")] if os.path.isdir(self.root) else []
        self.assertEqual(found, [], "containers that were made")


class StateRoot(Outside):
    COMMANDS = (["state"], ["start"], ["kill"], ["exec"], ["ps"], ["pause"], ["delete"], ["delete", "--force"], ["run"])

    def each(self, identity):
        for words in self.COMMANDS:
            with self.subTest(command=" ".join(words)):
                more = ["--bundle", self.bundle] if words == ["run"] else []
                program = ["/bin/true"] if words == ["exec"] else []
                result = self.krun(*words, *more, identity, *program, timeout=20)
                self.assert_outside_kept()
                if result.status:
                    self.assert_one_error(result)
        self.krun("list", timeout=20)
        self.assert_outside_kept()

    def plant(self, path, kind):
        self.clear(path)
        KINDS[kind](path, f"{self.outside}/dir")

    def test_planted_entries(self):
        self.write_config(args=["/bin/true"])
        os.makedirs(self.root, 0o700)
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.plant(f"{self.root}/{self.cid}", kind)
                self.each(self.cid)
                self.clear(f"{self.root}/{self.cid}")

    def test_planted_files(self):
        self.write_config(args=["/bin/sleep", "1000"])
        self.create()
        folder, kept = f"{self.root}/{self.cid}", f"{self.top}/kept"
        shutil.copytree(folder, kept, ignore=lambda path, names: [name for name in names if not os.path.isfile(f"{path}/{name}")])
        self.ok("delete", "--force", self.cid)
        self.write_config(args=["/bin/true"])
        for name in sorted(os.listdir(kept)):
            for kind in KINDS:
                with self.subTest(file=name, kind=kind):
                    self.clear(folder)
                    shutil.copytree(kept, folder)
                    self.plant(f"{folder}/{name}", kind)
                    self.each(self.cid)
        self.clear(folder)


class Users(Outside):
    def setUp(self):
        super().setUp()
        os.mkdir(f"{self.rootfs}/rooted")
        shutil.copy(f"{self.rootfs}/bin/busybox", f"{self.rootfs}/rooted/busybox")
        self.setuid(f"{self.rootfs}/rooted/busybox")

    @staticmethod
    def setuid(path):
        os.chown(path, 0, 0)
        os.chmod(path, 0o4755)

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        for words, ids in (("1000", "1000 0"), ("1000:1000", "1000 1000"), ("1000:", None), (":0", None), ("", None), ("-1", None), ("+0", None),
                           ("0x0", None), (" 0", None), ("00", None), ("1000 0", None), ("1000:0x0", None), ("4294967295", None),
                           ("4294967296", None), ("1000:4294967296", None), ("root", None), ("1000:1000:0", None), ("1e3", None)):
            with self.subTest(words=words):
                result = self.krun("exec", "--user", words, self.cid, "sh", "-c", "echo $(id -u) $(id -g)")
                if ids:
                    self.assertEqual(result.out.strip(), ids, result)
                else:
                    self.assertTrue(result.status != 0 or words in ("00", "+0"), f"not refused: {result}")

    def attempt(self, act):
        """A user runs the program that would make it root."""
        self.assertEqual(act(), "1000\n", "effective user of a set-user-ID program")

    def test_setuid_program(self):
        self.config["process"]["noNewPrivileges"] = True
        self.write_config(args=["/rooted/busybox", "id", "-u"], user={"uid": 1000, "gid": 1000})
        self.attempt(lambda: self.run_container().out)

    def test_setuid_program_of_exec(self):
        self.config["process"]["noNewPrivileges"] = True
        self.start("echo READY; exec sleep 1000")
        self.attempt(lambda: self.krun("exec", "--user", "1000:1000", self.cid, "/rooted/busybox", "id", "-u").out)

    def test_setuid_program_of_a_volume(self):
        os.mkdir(f"{self.top}/volume")
        shutil.copy(f"{self.rootfs}/bin/busybox", f"{self.top}/volume/busybox")
        self.setuid(f"{self.top}/volume/busybox")
        self.bind(f"{self.top}/volume", "/volume", "nosuid")
        self.write_config(args=["/volume/busybox", "id", "-u"], user={"uid": 1000, "gid": 1000})
        self.attempt(lambda: self.run_container().out)


class Namespaces(Outside):
    def paths(self):
        os.mknod(f"{self.top}/device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        os.mkfifo(f"{self.top}/fifo")
        os.symlink("loop", f"{self.top}/loop")
        return {"another kind": "/proc/self/ns/uts", "file": self.canary, "directory": self.top, "device": f"{self.top}/device",
                "fifo": f"{self.top}/fifo", "loop": f"{self.top}/loop", "link of a program": "/proc/self/exe", "a descriptor": "/proc/self/fd/0",
                "missing": f"{self.top}/none", "a process that is gone": "/proc/999999999/ns/net"}

    def test_other_kinds(self):
        for what, path in self.paths().items():
            for kind in ("network", "ipc", "user", "mount", "pid"):
                with self.subTest(what=what, kind=kind):
                    self.namespace(kind, path)
                    self.write_config(args=["/bin/true"])
                    result = self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)
                    self.assertNotEqual(result.status, 0)
                    self.assert_one_error(result)
                    self.namespace(kind)

    def test_path_that_changes(self):
        process = self.sleeper()
        for kind in ("file", "fifo", "device", "directory", "another namespace"):
            path = f"{self.top}/namespace"
            os.symlink(f"/proc/{process.pid}/ns/net", path)
            if kind == "another namespace":
                os.symlink(f"/proc/{process.pid}/ns/uts", path + ".other")
            else:
                KINDS[kind](path + ".other", None)
            self.namespace("network", path)
            self.shell("readlink /proc/self/ns/net")
            with Swapper(self.top, path, path + ".other"):
                for _ in range(20):
                    result = self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)
                    if result.status == 0:
                        self.assertEqual(result.out.strip(), os.readlink(f"/proc/{process.pid}/ns/net"), kind)
                    else:
                        self.assert_one_error(result)
            self.clear(path)
            self.clear(path + ".other")

    def sleeper(self):
        process = subprocess.Popen(["unshare", "--net", "sleep", "1000"], stdin=subprocess.DEVNULL)
        self.processes.append(process)
        wait_until(lambda: self.read_process(process.pid, "comm") == "sleep\n", what="namespace")
        return process


class Descriptors(Outside):
    """Each prints where its descriptors lead."""

    LOOK = "for i in /proc/self/fd/*; do readlink $i; done; true"

    def leaking(self, *words):
        fd = os.open(self.top, os.O_RDONLY)
        try:
            return self.krun(*words, **as_descriptor_3(fd)).out
        finally:
            os.close(fd)

    def assert_none(self, said):
        self.assertGreater(said.count("\n"), 2, said)
        self.assertNotIn(self.top, said)

    def test_directory_of_the_caller(self):
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"({self.LOOK}) > /hook"]}
        self.config["hooks"] = {"startContainer": [hook]}
        self.shell(self.LOOK)
        self.assert_none(self.leaking("run", "--bundle", self.bundle, self.cid))
        with open(f"{self.rootfs}/hook") as file:
            self.assert_none(file.read())
        self.config["hooks"] = {}
        self.start("echo READY; exec sleep 1000")
        self.assert_none(self.leaking("exec", self.cid, "sh", "-c", self.LOOK))
