# SPDX-License-Identifier: Apache-2.0
"""Every mount option of config.md, looked at in the container's mountinfo: one test for each word."""

import json
import os
import subprocess

from krun import KrunTest

# word: (options before it, flags that the mount has then, flags that it has not)
FLAGS = {
    "ro": ([], ["ro"], ["rw"]), "rw": (["ro"], ["rw"], ["ro"]),
    "nosuid": ([], ["nosuid"], []), "suid": (["nosuid"], [], ["nosuid"]),
    "nodev": ([], ["nodev"], []), "dev": (["nodev"], [], ["nodev"]),
    "noexec": ([], ["noexec"], []), "exec": (["noexec"], [], ["noexec"]),
    "noatime": ([], ["noatime"], ["relatime"]), "atime": (["noatime"], ["relatime"], ["noatime"]),
    "nodiratime": ([], ["nodiratime"], []), "diratime": (["nodiratime"], [], ["nodiratime"]),
    "relatime": (["strictatime"], ["relatime"], []), "norelatime": ([], [], ["noatime"]),
    "strictatime": ([], [], ["relatime", "noatime"]), "nostrictatime": (["strictatime"], ["relatime"], []),
    "nosymfollow": ([], ["nosymfollow"], []), "symfollow": (["nosymfollow"], [], ["nosymfollow"]),
}
# The same for flags of the super block.
SUPER = {
    "sync": ([], ["sync"], []), "async": (["sync"], [], ["sync"]), "dirsync": ([], ["dirsync"], []),
    "lazytime": ([], ["lazytime"], []), "nolazytime": (["lazytime"], [], ["lazytime"]),
}
# Recursive options have an effect on the mount and on the one below it.
RECURSIVE = {
    "rro": ([], ["ro"], ["rw"]), "rrw": (["rro"], ["rw"], ["ro"]),
    "rnosuid": ([], ["nosuid"], []), "rsuid": (["rnosuid"], [], ["nosuid"]),
    "rnodev": ([], ["nodev"], []), "rdev": (["rnodev"], [], ["nodev"]),
    "rnoexec": ([], ["noexec"], []), "rexec": (["rnoexec"], [], ["noexec"]),
    "rnoatime": ([], ["noatime"], ["relatime"]), "ratime": (["rnoatime"], ["relatime"], ["noatime"]),
    "rnodiratime": ([], ["nodiratime"], []), "rdiratime": (["rnodiratime"], [], ["nodiratime"]),
    "rrelatime": (["rstrictatime"], ["relatime"], []), "rnorelatime": ([], [], ["noatime"]),
    "rstrictatime": ([], [], ["relatime", "noatime"]), "rnostrictatime": (["rstrictatime"], ["relatime"], []),
    "rnosymfollow": ([], ["nosymfollow"], []), "rsymfollow": (["rnosymfollow"], [], ["nosymfollow"]),
}
# word: (seen on the mount, seen on the one below it); optional fields of mountinfo, proc_pid_mountinfo(5)
PROPAGATION = {
    "shared": ("shared", ""), "rshared": ("shared", "shared"), "private": ("", ""), "rprivate": ("", ""),
    "unbindable": ("unbindable", ""), "runbindable": ("unbindable", "unbindable"),
    "slave": ("master", ""), "rslave": ("master", "master"),
}
# These have no visible effect: the mount has to work, and the file system must not get them as data.
SILENT = ("defaults", "silent", "loud", "iversion", "noiversion", "mand", "nomand")
# test_mounts.py tests these.
ELSEWHERE = ("bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap", "copy-symlink", "src-nofollow", "dest-nofollow")


class MountOption(KrunTest):
    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.top, "source")
        os.makedirs(f"{self.source}/below")

    def lines(self):
        """Returns {mount point: (flags, optional fields, flags of the super block)} of the container."""
        found = {}
        for line in self.inside("cat /proc/self/mountinfo").splitlines():
            front, _, back = line.partition(" - ")
            words = front.split()
            found[words[4]] = (words[5].split(","), " ".join(words[6:]), back.split()[2].split(","))
        return found

    def check(self, flags, has, lacks, word):
        for flag in has:
            self.assertIn(flag, flags, word)
        for flag in lacks:
            self.assertNotIn(flag, flags, word)

    def new(self, options):
        self.config["mounts"].append({"destination": "/m", "type": "tmpfs", "source": "tmpfs", "options": options})
        return self.lines()["/m"]

    def tree(self, options, shared=False):
        """Binds a tree of two mounts; returns its lines."""
        script = (f"mount -t tmpfs tmpfs {self.source} && mkdir {self.source}/below && "
                  f"mount -t tmpfs tmpfs {self.source}/below && ")
        if shared:
            script += f"mount --make-rshared {self.source} && "
        self.config["mounts"].append({"destination": "/m", "type": "bind", "source": self.source,
                                      "options": ["rbind", *options]})
        self.shell("cat /proc/self/mountinfo")
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script + 'exec "$@"', "sh",
                   *self.command("run", "--bundle", self.bundle, self.cid)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {}
        for line in done.stdout.splitlines():
            words = line.partition(" - ")[0].split()
            found[words[4]] = (words[5].split(","), " ".join(words[6:]))
        return found["/m"], found["/m/below"]

    def test_every_option_of_features_is_here(self):
        words = set(json.loads(self.ok("features").out)["mountOptions"])
        tested = {*FLAGS, *SUPER, *RECURSIVE, *PROPAGATION, *SILENT, *ELSEWHERE}
        self.assertEqual(words ^ tested, set())

    def test_remount(self):
        self.config["mounts"].append({"destination": "/m", "type": "tmpfs", "source": "tmpfs"})
        self.config["mounts"].append({"destination": "/m", "type": "none", "options": ["remount", "ro", "noexec"]})
        self.check(self.lines()["/m"][0], ["ro", "noexec"], ["rw"], "remount")

    def test_bind_and_rbind(self):
        for word, expected in (("bind", ["/m"]), ("rbind", ["/m", "/m/below"])):
            self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] != "/m"]
            self.config["mounts"].append({"destination": "/m", "type": "bind", "source": self.source, "options": [word]})
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{self.source}/below"], check=True)
            try:
                found = sorted(path for path in self.lines() if path.startswith("/m"))
            finally:
                subprocess.run(["umount", "-l", f"{self.source}/below"], check=True)
            self.assertEqual(found, expected)


def add(word, function):
    setattr(MountOption, f"test_{word.replace('-', '_')}", function)


for WORD, (BEFORE, HAS, LACKS) in FLAGS.items():
    add(WORD, lambda self, word=WORD, before=BEFORE, has=HAS, lacks=LACKS:
        self.check(self.new([*before, word])[0], has, lacks, word))
for WORD, (BEFORE, HAS, LACKS) in SUPER.items():
    add(WORD, lambda self, word=WORD, before=BEFORE, has=HAS, lacks=LACKS:
        self.check(self.new([*before, word])[2], has, lacks, word))
for WORD, (BEFORE, HAS, LACKS) in RECURSIVE.items():
    def recursive(self, word=WORD, before=BEFORE, has=HAS, lacks=LACKS):
        for flags, _ in self.tree([*before, word]):
            self.check(flags, has, lacks, word)
    add(WORD, recursive)
for WORD, (TOP, BELOW) in PROPAGATION.items():
    def propagation(self, word=WORD, top=TOP, below=BELOW):
        # A mount has to be shared before it can become a slave or private again.
        for (_, fields), expected in zip(self.tree([word], shared=word.strip("r") in ("slave", "private")), (top, below)):
            if expected:
                self.assertIn(expected, fields, word)
            else:
                self.assertNotIn("unbindable", fields, word)
                if word in ("private", "rprivate"):
                    self.assertNotIn("shared", fields if word == "rprivate" else "", word)
    add(WORD, propagation)
for WORD in SILENT:
    add(WORD, lambda self, word=WORD: self.check(self.new([word])[0], ["rw"], [], word))
