# SPDX-License-Identifier: Apache-2.0
"""`mounts add`: whose processes, cgroups and devices new file systems show, and where they are mounted."""

import os

from hostile import BothModes, mount_config

ROWS = (
    ("Added.test_proc", "look at processes in a proc that mounts add made", "the container's own", "CWE-668"),
    ("Added.test_proc_in_a_user_namespace", "the same in a user namespace of root's", "the container's own, or an error",
     "CWE-668"),
    ("Added.test_proc_of_an_ordinary_user", "the same, of an ordinary user", "the container's own, or an error", "CWE-668"),
    ("Added.test_cgroup", "look at groups in a cgroup file system that mounts add made", "the container's own", "CWE-668"),
    ("Added.test_cgroup_without_a_namespace", "the same when the container has no cgroup namespace",
     "the container's own, or an error", "CWE-668"),
    ("Added.test_sysfs", "look at network devices in a sysfs that mounts add made", "the container's own", "CWE-668"),
    ("Added.test_mqueue", "look at message queues in a file system that mounts add made", "the container's own", "CWE-668"),
    ("Remove.test_destination_becomes_a_link", "move the directory of an added mount away and link its place to /proc/sys, then have it removed",
     "an error, and what protects /proc/sys stays", "CVE-2021-30465"),
    ("Astray.test_source_in_the_root", "the source of an added bind is in the root, and a link that leads to /",
     "an error: nothing of the host is seen", "CVE-2021-30465"),
    ("Astray.test_copied_content_becomes_a_device", "exchange a file for a device while tmpcopyup copies it", "krun opens no device",
     "CWE-367"),
    ("Astray.test_destination_is_a_link", "the destination is a link that leads up and out", "mounted inside of the root",
     "CVE-2021-30465"),
    ("Astray.test_planted_proc", "the container's /proc names other files as krun's descriptors",
     "mounted where it was asked for", "CVE-2025-52881"),
)


class Added(BothModes):
    def add(self, kind):
        self.start("echo READY; exec sleep 1000")
        wanted = mount_config(f"{self.top}/mounts.json", destination="/added", type=kind, source=kind)
        return self.krun("mounts", "add", self.cid, wanted)

    def look(self, script):
        return self.ok("exec", self.cid, "sh", "-c", script).out

    def added(self, kind, may_fail=False):
        """Adds the mount; returns whether krun did, which it may refuse only with @may_fail."""
        result = self.add(kind)
        if not may_fail:
            self.assertEqual(result.status, 0, result)
        return result.status == 0

    def look_at_processes(self, may_fail=False):
        if self.added("proc", may_fail):
            # The shell and the program that counts are in the list, and one or two that end in between.
            mine, there = map(int, self.look("ls -d /proc/[0-9]* | wc -l; ls -d /added/[0-9]* | wc -l").split())
            self.assertLessEqual(abs(mine - there), 3, f"{there} processes are in the new proc, {mine} in the container's own")

    def test_proc(self):
        self.look_at_processes()

    def test_proc_in_a_user_namespace(self):
        self.in_user_namespace()
        self.look_at_processes(may_fail=True)

    def test_proc_of_an_ordinary_user(self):
        self.of_ordinary_user()
        self.look_at_processes(may_fail=True)

    def look_at_groups(self, may_fail=False):
        if self.added("cgroup", may_fail):
            # Only the root of the host's cgroup tree has no file cgroup.type.
            self.assertEqual(self.look("[ -e /added/cgroup.type ] && echo own; ls -d /added/krun 2>/dev/null; true"), "own\n",
                             "the new cgroup file system begins at the host's root")

    def test_cgroup(self):
        self.look_at_groups()

    def test_cgroup_without_a_namespace(self):
        self.namespace("cgroup", False)
        self.look_at_groups(may_fail=True)

    def test_sysfs(self):
        if self.added("sysfs"):
            mine, there = self.look("ls /sys/class/net | tr '\\n' ' '; echo; ls /added/class/net | tr '\\n' ' '").splitlines()
            self.assertEqual(there, mine, "network devices in the new sysfs, and the container's own")

    def test_mqueue(self):
        name = f"krun-{os.getpid()}"
        with open(f"/dev/mqueue/{name}", "w"):
            self.addCleanup(os.unlink, f"/dev/mqueue/{name}")
        if self.added("mqueue"):
            self.assertNotIn(name, self.look("ls /added"), "a message queue of the host")


class Remove(BothModes):
    def test_destination_becomes_a_link(self):
        self.start("mkdir /data; echo READY; exec sleep 1000")
        wanted = mount_config(f"{self.top}/mounts.json", destination="/data/vol", type="tmpfs", source="tmpfs")
        self.ok("mounts", "add", self.cid, wanted)
        self.ok("exec", self.cid, "sh", "-c", "mv /data /data2; mkdir /data; ln -s /proc/sys /data/vol")
        result = self.krun("mounts", "remove", self.cid, wanted)
        out = self.ok("exec", self.cid, "sh", "-c", "grep -c ' /proc/sys ' /proc/self/mountinfo").out
        self.assertEqual((result.status != 0, out), (True, "1\n"), result)


class Astray(BothModes):
    def mount_points(self):
        text = self.read_process(self.state()["pid"], "mountinfo")
        return [line.split()[4] for line in text.splitlines() if " tmpfs planted " in line]

    def add(self, destination):
        wanted = mount_config(f"{self.top}/mounts.json", destination=destination, type="tmpfs", source="planted")
        return self.krun("mounts", "add", self.cid, wanted, timeout=20)

    def test_destination_is_a_link(self):
        self.start("ln -s ../../../../../../../../tmp /added; echo READY; exec sleep 1000")
        self.add("/added")
        self.assertIn(self.mount_points(), ([], ["/tmp"]))
        with open("/proc/self/mountinfo") as file:
            self.assertNotIn(" tmpfs planted ", file.read())

    def test_planted_proc(self):
        volume = os.path.join(self.top, "volume")
        for name in ("self", "thread-self"):
            os.makedirs(f"{volume}/{name}/fd")
            for number in range(3, 64):
                os.symlink("/planted", f"{volume}/{name}/fd/{number}")
        os.mkdir(f"{self.rootfs}/planted")
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_ADMIN")
        self.bind(volume, "/volume")
        self.start("mount --bind /volume /proc && echo READY; exec sleep 1000")
        result = self.add("/added")
        self.assertIn(self.mount_points(), ([], ["/added"]), f"where it is mounted; {result}")

    def test_source_in_the_root(self):
        os.mkdir(f"{self.top}/host")
        self.start("ln -s / /data; echo READY; exec sleep 1000")
        wanted = mount_config(f"{self.top}/mounts.json", destination="/added", type="bind", source=f"{self.rootfs}/data",
                              options=["rbind"])
        result = self.krun("mounts", "add", self.cid, wanted)
        found = self.krun("exec", self.cid, "cat", f"/added{self.canary}").out
        self.assertEqual((result.status != 0, found), (True, ""), result)

    def test_copied_content_becomes_a_device(self):
        """The container may make the device but not open it, as with docker."""
        files = 40
        self.config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "access": "m"}]
        self.start(f"mkdir -p /d /nodes; for i in $(seq 0 {files - 1}); do echo small > /d/f$i; mknod /nodes/n$i c 1 11; done; "
                   f"echo READY; exec {self.tool('exchange')} /d/f /nodes/n {files}")
        wanted = mount_config(f"{self.top}/mounts.json", destination="/d", type="tmpfs", source="tmpfs", options=["tmpcopyup"])
        said = []

        def add():
            said.append(self.krun("mounts", "add", self.cid, wanted).err)
            self.krun("mounts", "remove", self.cid, wanted)

        self.give_chances(add, done=lambda: False)
        # A process that opens or reads the device gets its error; krun, which does not, copies nothing, or finds that it is no regular file any more.
        self.assertEqual({text.rsplit(": ", 1)[-1] for text in said} - {"", "stale file handle\n"}, set(), said)
