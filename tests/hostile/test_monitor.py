# SPDX-License-Identifier: Apache-2.0
"""A payload that puts another program in km's place, which the next exec of krun would run without a virtual machine."""

import os

from hostile import HostileTest
from krun import KM_PATH, children

ROWS = (
    ("Planted.test_first_directory_renamed", "rename the first directory of km's path and plant a program there",
     "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_second_directory_renamed", "the same with the second", "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_last_directory_renamed", "the same with the last", "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_directory_is_a_link", "a link in the place of a directory", "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_program_covered", "cover km itself, with CAP_SYS_ADMIN in a user namespace",
     "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_directory_covered", "cover a directory of km's path, with the same right",
     "exec runs the real km, or fails", "CWE-426"),
    ("Planted.test_unmounted", "take the mount of km away, with the same right", "exec runs the real km, or fails",
     "CWE-426"),
    ("Planted.test_at_the_start", "rename the directory in a startContainer hook, before km is executed by start",
     "start runs the real km, or fails", "CWE-426"),
    ("Planted.test_device", "plant a regular file as km's device", "exec runs the real km, or fails", "CWE-426"),
)


class Planted(HostileTest):
    mode = "km"

    def paths(self):
        """Returns the paths of km in the container: that of its program as km sees it, and the default."""
        found = {KM_PATH}
        for pid in self.processes_inside():
            path = os.readlink(f"/proc/{pid}/exe")
            if os.path.basename(path) == "km":
                found.add(path)
        return sorted(found)

    def processes_inside(self):
        pid = self.state()["pid"]
        return [pid, *children(pid)]

    def attack(self, script, plant=True):
        """Runs @script with $km, km's path, and $first, $second, $last, the directories of that path; then plants a program at the path."""
        planted = self.tool("planted")
        self.start("echo READY; exec sleep 1000")
        for path in self.paths():
            parts = path.strip("/").split("/")
            words = {"km": path, "last": os.path.dirname(path), "first": "/" + parts[0], "second": "/" + "/".join(parts[:2]),
                     "program": planted}
            lines = "".join(f"{name}={value}; " for name, value in words.items())
            again = "mkdir -p $last; cp $program $km; chmod 755 $km; " if plant else ""
            self.krun("exec", self.cid, "sh", "-c", f"{lines}{script}; {again} true", timeout=20)
        for times in range(2):
            result = self.krun("exec", self.cid, "sh", "-c", "echo virtual $KMSIM", timeout=20)
            self.assertNotIn("PLANTED", result.out, f"exec {times} ran the container's own program without a virtual machine")
            self.assertIn((result.status == 0, result.out), ((True, "virtual 1\n"), (False, "")), result)

    def test_first_directory_renamed(self):
        self.attack("mv $first $first.old")

    def test_second_directory_renamed(self):
        self.attack("mv $second $second.old")

    def test_last_directory_renamed(self):
        self.attack("mv $last $last.old")

    def test_directory_is_a_link(self):
        self.attack("mv $second $second.old && mkdir -p /tmp/here && ln -s /tmp/here $second")

    def powerful(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_ADMIN")

    def test_program_covered(self):
        self.powerful()
        self.attack("mount --bind $program $km", plant=False)

    def test_directory_covered(self):
        self.powerful()
        self.attack("mount -t tmpfs -o mode=755 tmpfs $last || mount -t tmpfs -o mode=755 tmpfs $first")

    def test_unmounted(self):
        self.powerful()
        self.attack("umount $km; umount -l $km; umount -l $last; umount -l $first")

    def test_at_the_start(self):
        planted = self.tool("planted")
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": [
            "sh", "-c", f"mv /opt /opt.old; mkdir -p /opt/kontain/bin; cp {planted} {KM_PATH}"]}]}
        settings = os.path.join(self.top, "krun.json")
        with open(settings, "w") as file:
            file.write('{"startAt": "exec"}')
        self.shell("echo virtual $KMSIM")
        result = self.run_container(options=["--config-file", settings], timeout=20)
        self.assertNotIn("PLANTED", result.out, "start ran the container's own program without a virtual machine")

    def test_device(self):
        self.attack("rm -f /dev/kkm; touch /dev/kkm; chmod 666 /dev/kkm", plant=False)
