# SPDX-License-Identifier: Apache-2.0
"""Links of the image, and other containers with the same root, that change where the configuration's mounts go."""

import os
import subprocess

from hostile import BothModes

ROWS = (
    ("Shared.test_mount_point_renamed", "rename proc's mount point of a root that two share before it is masked",
     "proc is masked wherever it is", "CVE-2023-25809"),
    ("Sources.test_link_to_the_root", "a source in the root is a link of the image to the whole root, which is read-only",
     "nothing of it can be written", "CVE-2019-14271"),
    ("Sources.test_link_to_proc", "a source in the root is a link of the image to proc", "an error, or a proc with its masks",
     "CVE-2019-19921"),
    ("Sources.test_bundle_with_dots", "the same source by a bundle whose path has ..", "nothing of the host is seen", "CVE-2021-30465"),
    ("Sources.test_bundle_by_a_link", "the same source by a link to the bundle", "nothing of the host is seen", "CVE-2021-30465"),
    ("Sources.test_read_only_source", "make a source of the host writable while another is copied", "nothing is made in it", "CWE-367"),
)

OPEN = "(: >> {0}/sys/kernel/core_pattern) 2> /dev/null && echo OPENED"


class Shared(BothModes):
    def test_mount_point_renamed(self):
        """A hook stands for the other container: it runs after the mounts and before the masks."""
        hook = f"{self.top}/hook"
        with open(hook, "w") as file:
            file.write(f"#!/bin/sh\ncd {self.rootfs} && mv proc p2 && mkdir proc\n")
        os.chmod(hook, 0o755)
        self.config["hooks"] = {"createRuntime": [{"path": hook}]}
        self.shell(f"{OPEN.format('/p2')}; {OPEN.format('/proc')}; cat /p2/timer_list /p2/keys 2> /dev/null; true")
        result = self.run_container()
        self.assertEqual(result.out, "", result)


class Sources(BothModes):
    def bound(self, script, **more):
        self.shell(script)
        return self.krun("run", "--bundle", more.get("bundle", self.bundle), self.cid)

    def source(self, target, options=("rbind",), path=None):
        os.symlink(target, f"{self.rootfs}/data")
        os.mkdir(f"{self.rootfs}/vol")
        self.config["mounts"].append({"destination": "/vol", "type": "bind", "source": path or f"{self.rootfs}/data",
                                      "options": list(options)})

    def test_link_to_the_root(self):
        self.config["root"]["readonly"] = True
        self.source("/")
        result = self.bound(f"touch /vol/etc/x 2> /dev/null && echo WRITTEN; {OPEN.format('/vol/proc')}; true")
        self.assertNotRegex(result.out, "WRITTEN|OPENED", result)

    def test_link_to_proc(self):
        self.source("/proc", ("bind",))
        result = self.bound(f"{OPEN.format('/vol')}; true")
        self.assertNotIn("OPENED", result.out, result)

    def test_bundle_with_dots(self):
        self.source(self.top, path="rootfs/data")
        os.makedirs(f"{self.top}/other", exist_ok=True)
        result = self.bound("cat /vol/canary; true", bundle=f"{self.top}/other/../bundle")
        self.assertNotIn(self.secret, result.out, result)

    def test_bundle_by_a_link(self):
        os.symlink(self.bundle, f"{self.top}/alias")
        self.source(self.top, path=f"{self.top}/alias/rootfs/data")
        result = self.bound("cat /vol/canary; true")
        self.assertNotIn(self.secret, result.out, result)

    def test_read_only_source(self):
        volume = f"{self.top}/volume"
        os.mkdir(volume)
        subprocess.run(["mount", "--bind", volume, volume], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", volume], check=True)
            self.bind(volume, "/a", "ro")
            self.bind("rootfs/etc", "/b")
            self.config["mounts"].append({"destination": "/a/made", "type": "tmpfs", "source": "tmpfs"})
            self.bound("true")
            self.assertEqual(os.listdir(volume), [])
        finally:
            subprocess.run(["umount", "-l", volume], check=True)
