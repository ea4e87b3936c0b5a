# SPDX-License-Identifier: Apache-2.0
"""Mount namespaces that krun did not make, and mounts of the host that stay visible."""

import json
import os
import re
import subprocess

from hostile import HostileTest, BothModes, USER
from krun import wait_until

ROWS = (
    ("Joined.test_no_mounts", "join the mount namespace of a process of the host",
     "its mounts and its root are what they were", "CVE-2019-19921"),
    ("Joined.test_mounts_that_follow_others", "the same where mounts follow those of another namespace",
     "its mounts and its root are what they were", "CVE-2019-19921"),
    ("Joined.test_without_pivot", "the same with --no-pivot", "its mounts and its root are what they were", "CVE-2019-19921"),
    ("Joined.test_ordinary_user", "the same with the namespaces of an ordinary user",
     "its mounts and its root are what they were", "CVE-2019-19921"),
    ("Joined.test_mounts", "ask for mounts in a joined mount namespace", "refused by name, and nothing is mounted",
     "CVE-2019-19921"),
    ("Joined.test_masked_paths", "the same with maskedPaths", "refused by name, and nothing is mounted", "CVE-2019-19921"),
    ("Joined.test_readonly_paths", "the same with readonlyPaths", "refused by name, and nothing is mounted",
     "CVE-2019-19921"),
    ("Joined.test_read_only_root", "the same with root.readonly", "refused by name, and nothing is mounted",
     "CVE-2019-19921"),
    ("Joined.test_propagation", "the same with rootfsPropagation", "refused by name, and nothing is mounted",
     "CVE-2019-19921"),
    ("Joined.test_devices", "the same with devices", "refused by name, and nothing is mounted", "CVE-2019-19921"),
    ("Joined.test_terminal", "the same with a terminal", "refused by name, and nothing is mounted", "CVE-2019-19921"),
    ("Joined.test_notify", "the same with NOTIFY_SOCKET", "refused by name, and nothing is mounted", "CVE-2019-19921"),
    ("Joined.test_hook", "the same with a createContainer hook, in whose place the other container has a program", "refused by name",
     "CVE-2019-5736"),
    ("Inherited.test_mounts", "list no mount namespace, with everything that mounts, and with --no-pivot",
     "the caller's mounts are what they were", "CVE-2019-19921"),
    ("JoinedByMonitor.test_monitor", "the same under km, which needs mounts", "refused by name, and nothing is mounted",
     "CVE-2019-19921"),
    ("Chroot.test_exec", "krun runs in a chroot, and exec enters the mount namespace that has the host above",
     "the process is in the container's root", "CVE-2024-21626"),
    ("Chroot.test_mounts_add", "the same with mounts add", "the mount is in the container's root", "CVE-2024-21626"),
    ("Fresh.test_pivot", "mount proc and sysfs anew in a user namespace of the container's making",
     "refused, because nothing unmasked is in sight", "CVE-2019-16884"),
    ("Fresh.test_no_pivot", "the same with --no-pivot, where the host's mounts are below the root",
     "refused, because nothing unmasked is in sight", "CVE-2019-16884"),
    ("Fresh.test_no_pivot_in_a_user_namespace", "the same with --no-pivot in a user namespace of root's",
     "refused, because nothing unmasked is in sight", "CVE-2019-16884"),
    ("Fresh.test_no_pivot_root_in_sight", "leave the root of --no-pivot by way of chroot", "the host's files are not found",
     "CVE-2019-16884"),
)


class ForeignTest(HostileTest):
    """Base of tests with a process that stands for one of the host's, in a mount namespace that only looks like the host's."""

    def host_process(self, propagation="private", user=None):
        words = ["unshare", "--mount", "--propagation", propagation, "sleep", "1000"]
        if user is not None:
            words = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups",
                     "unshare", "--user", "--map-root-user", "--mount", "sleep", "1000"]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        wait_until(lambda: self.read_process(process.pid, "comm") == "sleep\n", what="process of the host")
        return process.pid

    def mounts_of(self, pid):
        """Returns the mounts of the namespace, and the root of a process in it."""
        return self.read_process(pid, "mountinfo"), *[os.stat(f"/proc/{pid}/root{path}").st_ino for path in ("", "/proc")]

    def bare(self, pid):
        """Writes a configuration with nothing but a program in the namespace."""
        self.namespace("mount", f"/proc/{pid}/ns/mnt")
        self.config["mounts"] = []
        self.config["linux"]["maskedPaths"] = self.config["linux"]["readonlyPaths"] = []
        self.write_config(args=["/bin/true"])

    def assert_kept(self, pid, before):
        now = self.mounts_of(pid)
        gone = [line for line in before[0].splitlines() if line not in now[0].splitlines()]
        new = [line for line in now[0].splitlines() if line not in before[0].splitlines()]
        self.assertEqual((gone[:4], new[:4]), ([], []), "mounts of the joined namespace that went, and that came")
        self.assertEqual(now, before, "mounts and root of a process in the joined namespace")


class Joined(ForeignTest):
    def attack(self, *options, **more):
        pid = self.host_process(**more)
        before = self.mounts_of(pid)
        self.bare(pid)
        self.krun("run", "--bundle", self.bundle, *options, self.cid, timeout=20)
        self.assert_kept(pid, before)

    def test_no_mounts(self):
        self.attack()

    def test_mounts_that_follow_others(self):
        self.attack(propagation="slave")

    def test_without_pivot(self):
        self.attack("--no-pivot")

    def test_ordinary_user(self):
        self.of_ordinary_user()
        pid = self.host_process(user=USER)
        before = self.mounts_of(pid)
        self.namespace("user", f"/proc/{pid}/ns/user")
        for key in ("uidMappings", "gidMappings"):
            del self.config["linux"][key]
        self.bare(pid)
        self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)
        self.assert_kept(pid, before)

    def refused(self, change, word, **more):
        """Checks that krun refuses the configuration after @change, which makes it need mounts; @word: how the error names it."""
        pid = self.host_process()
        before = self.mounts_of(pid)
        self.bare(pid)
        change()
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid, timeout=20, **more)
        self.assert_kept(pid, before)
        self.assertNotEqual(result.status, 0, "not refused")
        self.assertTrue(re.search(word, result.err, re.I), f"not called by its name: {result.err}")

    def test_mounts(self):
        def change():
            self.config["mounts"] = [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]

        self.refused(change, "mounts")

    def test_masked_paths(self):
        self.refused(lambda: self.config["linux"].update(maskedPaths=["/bin/ls"]), "maskedPaths")

    def test_readonly_paths(self):
        self.refused(lambda: self.config["linux"].update(readonlyPaths=["/etc"]), "readonlyPaths")

    def test_read_only_root(self):
        self.refused(lambda: self.config["root"].update(readonly=True), "readonly")

    def test_propagation(self):
        self.refused(lambda: self.config["linux"].update(rootfsPropagation="private"), "rootfsPropagation")

    def test_hook(self):
        """The hook's program would be looked up in the other container's mounts, and run with all rights."""
        hook = [{"path": "/bin/true"}]
        self.refused(lambda: self.config.update(hooks={"createContainer": hook}), "createContainer hook")

    def test_devices(self):
        self.refused(lambda: self.config["linux"].update(devices=[{"path": "/dev/own", "type": "c", "major": 1, "minor": 3}]),
                     "devices")

    def test_terminal(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.refused(lambda: self.config["process"].update(terminal=True), "terminal", stdin=slave, stdout=slave)

    def test_notify(self):
        self.refused(lambda: None, "notify", env=dict(os.environ, NOTIFY_SOCKET=f"{self.top}/notify"))


class Inherited(ForeignTest):
    def test_mounts(self):
        """krun's own mount namespace stands for the host's; its mounts are shared, as on every host with systemd."""
        before = self.mounts_of("self")
        self.namespace("mount", False)
        for change in (lambda: None, lambda: self.config.update(mounts=[]),
                       lambda: self.config["linux"].update(maskedPaths=[], readonlyPaths=[])):
            change()
            for options in ((), ("--no-pivot",)):
                self.write_config(args=["/bin/true"])
                self.krun("run", "--bundle", self.bundle, *options, self.cid, timeout=20)
                self.assert_kept("self", before)


class JoinedByMonitor(ForeignTest):
    mode = "km"

    def test_monitor(self):
        for proc in ([], [{"destination": "/proc", "type": "proc", "source": "proc"}]):
            with self.subTest(mounts=len(proc)):
                pid = self.host_process()
                before = self.mounts_of(pid)
                self.bare(pid)
                self.config["mounts"] = proc
                self.write_config(args=["/bin/true"])
                result = self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)
                self.assert_kept(pid, before)
                self.assertNotEqual(result.status, 0, "not refused")
                self.assertRegex(result.err, "km|mount", "not called by its name")


class Fresh(BothModes):
    def attack(self, *options):
        self.write_config(args=[self.tool("fresh"), "proc", "sysfs"])
        out = self.run_ok(*options)
        if "NONE" in out:
            self.skipTest(f"no user namespaces in a container here: {out.strip()}")
        mounted = [line for line in out.splitlines() if line.startswith("MOUNTED")]
        self.assertEqual(mounted, [], "new file systems, without masks")
        self.assertEqual(out.count("REFUSED"), 2, out)

    def test_pivot(self):
        self.attack()

    def test_no_pivot(self):
        self.attack("--no-pivot")

    def test_no_pivot_in_a_user_namespace(self):
        self.in_user_namespace()
        self.attack("--no-pivot")

    def test_no_pivot_root_in_sight(self):
        # The classic way out of a chroot: a directory outside stays the working directory.
        script = (f"mkdir -p /tmp/in; chroot /tmp/in /bin/true 2>/dev/null; cd /proc/1/root; "
                  f"for i in . .. ../.. ../../.. ../../../..; do cat $i/{self.canary.lstrip('/')} 2>/dev/null; done; "
                  f"grep -c . /proc/self/mountinfo; true")
        self.assertFalse(self.secret in self.inside(script, "--no-pivot"), "a file of the host was read")


# A mount namespace in which the whole tree is mounted once more below $1, the root of the processes in it.
IN_CHROOT = """mkdir -p "$1/again" && mount -t tmpfs none "$1" && mkdir "$1/again" && echo > "$1/outside" &&
mount --rbind / "$1/again" && shift && exec chroot "$0" "$@" """


class Chroot(BothModes):
    """krun runs in a chroot, as in an image builder or a rescue system: the root of the mount namespace is above krun's own root."""

    def setUp(self):
        super().setUp()
        self.above = os.path.join(self.top, "above")
        os.mkdir(self.above)

    def in_chroot(self, *script):
        """Runs everything in one such namespace; the container is removed at its end."""
        words = " ".join(self.command("", options=())[:-1])
        commands = " && ".join([f"{words} create --bundle {self.bundle} {self.cid} </dev/null >/dev/null",
                                f"{words} start {self.cid}", *(line.replace("KRUN", words) for line in script)])
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_CHROOT, self.above + "/again", self.above,
             "sh", "-c", f"({commands}); status=$?; {words} delete --force {self.cid}; exit $status"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.stdout.decode(errors="replace")

    def test_exec(self):
        self.shell("echo READY; exec sleep 1000")
        with open(os.path.join(self.rootfs, "inside"), "w") as file:
            file.write("the container's\n")
        self.assertEqual(self.in_chroot(f"KRUN exec {self.cid} /bin/sh -c 'cat /inside'"), "the container's\n")

    def test_mounts_add(self):
        self.shell("echo READY; exec sleep 1000")
        path = os.path.join(self.top, "mounts.json")
        with open(path, "w") as file:
            json.dump([{"destination": "/tmp/added", "type": "tmpfs", "source": "tmpfs"}], file)
        self.assertIn(" /tmp/added ", self.in_chroot(f"KRUN mounts add {self.cid} {path}",
                                                 f"KRUN exec {self.cid} /bin/cat /proc/self/mountinfo"))
        self.assertTrue(os.path.isdir(os.path.join(self.rootfs, "tmp/added")), "the mount point is elsewhere")
