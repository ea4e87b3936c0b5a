# SPDX-License-Identifier: Apache-2.0
"""Annotations, which engines copy from images: unless the host allows it they neither act on the host nor weaken isolation."""

import os
import socket
import subprocess

from hostile import BothModes, HostileTest
from krun import CGROUP

ROWS = (
    ("Monitor.test_sandbox_of_containerd", "an image calls its container a sandbox, as containerd would", "it runs under km",
     "CVE-2022-0811"),
    ("Monitor.test_sandbox_of_crio", "the same as CRI-O would", "it runs under km", "CVE-2022-0811"),
    ("Monitor.test_sandbox_and_exec", "the same, and then exec", "it runs under km", "CVE-2022-0811"),
    ("Host.test_output_of_hooks", "files of the host for what hooks say", "none is made", "CVE-2022-0811"),
    ("Host.test_output_of_hooks_is_appended", "a file of root's for what hooks say", "it is what it was", "CVE-2022-0811"),
    ("Host.test_pidfd", "a socket of the host that is to get a descriptor of the process", "nobody connects to it",
     "CVE-2022-0811"),
    ("Host.test_seccomp_agent", "a socket of the host that is to decide about system calls", "nobody connects to it",
     "CVE-2022-0811"),
    ("Criu.test_options", "a file of options for CRIU, which can name programs to run as root", "CRIU is not told of it",
     "CVE-2022-0811"),
    ("Host.test_groups", "the caller's groups are to stay", "they go", "CVE-2022-2989"),
    ("Host.test_delegated_cgroup", "a cgroup that is to be given away, above the container's", "none is made outside",
     "CVE-2022-0811"),
)


class Monitor(HostileTest):
    mode = "km"

    def attack(self, key):
        self.config["annotations"] = {key: "sandbox"}
        self.assertEqual(self.inside("echo virtual $KMSIM"), "virtual 1\n")

    def test_sandbox_of_containerd(self):
        self.attack("io.kubernetes.cri.container-type")

    def test_sandbox_of_crio(self):
        self.attack("io.kubernetes.cri-o.ContainerType")

    def test_sandbox_and_exec(self):
        self.config["annotations"] = {"io.kubernetes.cri.container-type": "sandbox",
                                      "io.kubernetes.cri-o.ContainerType": "sandbox"}
        self.start("echo READY; exec sleep 1000")
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", "echo virtual $KMSIM").out, "virtual 1\n")


# A program that prints its version when asked for it, and records every other call.
FAKE_CRIU = """#!/usr/bin/env python3
import os, sys
request = os.read(int(sys.argv[2]), 65536)
if request == b"\\x08\\x0a":
    os.write(int(sys.argv[2]), b"\\x08\\x0a\\x10\\x01\\x52\\x04\\x08\\x04\\x10\\x00")
else:
    open({asked!r}, "ab").write(request)
"""


class Criu(HostileTest):
    def test_options(self):
        """A program that records its arguments and requests stands in CRIU's place."""
        criu, asked = os.path.join(self.top, "criu"), os.path.join(self.top, "asked")
        with open(criu, "w") as file:
            file.write(FAKE_CRIU.format(asked=asked))
        os.chmod(criu, 0o755)
        options = os.path.join(self.top, "options-of-the-image")
        with open(options, "w") as file:
            file.write(f"action-script {self.top}/script\n")
        self.config["annotations"] = {"org.criu.config": options}
        self.start("echo READY; exec sleep 1000")
        result = self.krun("checkpoint", "--leave-running", "--image-path", f"{self.top}/image", self.cid,
                           options=["--criu", criu], timeout=30)
        self.assertTrue(os.path.exists(asked) or "org.criu.config" in result.err, f"neither asked nor refused: {result}")
        if os.path.exists(asked):
            with open(asked, "rb") as file:
                self.assertFalse(b"options-of-the-image" in file.read(), "CRIU was told of the image's options")


class Host(BothModes):
    def listen(self):
        path = os.path.join(self.top, "listener")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.listen(4)
        listener.settimeout(0.5)
        return path, listener

    def assert_nobody(self, listener):
        try:
            listener.accept()[0].close()
        except socket.timeout:
            return
        self.fail("somebody has connected to the host's socket")

    def run_it(self, **annotations):
        self.config["annotations"] = annotations
        self.write_config(args=["/bin/true"])
        return self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)

    def test_output_of_hooks(self):
        out, err = f"{self.top}/hooks.out", f"{self.top}/hooks.err"
        self.run_it(**{"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err})
        self.assertEqual([path for path in (out, err) if os.path.exists(path)], [], "files that were made on the host")

    def test_output_of_hooks_is_appended(self):
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo PLANTED; echo PLANTED >&2"]}]}
        self.run_it(**{"run.oci.hooks.stdout": self.canary, "run.oci.hooks.stderr": self.canary})
        with open(self.canary) as file:
            self.assertEqual(file.read(), self.secret + "\n", "content of a file of the host")

    def test_pidfd(self):
        path, listener = self.listen()
        self.run_it(**{"run.oci.pidfd_receiver": path})
        self.assert_nobody(listener)

    def test_seccomp_agent(self):
        path, listener = self.listen()
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                           "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_NOTIFY"}]}
        self.run_it(**{"run.oci.seccomp.receiver": path})
        self.assert_nobody(listener)

    def test_groups(self):
        self.config["annotations"] = {"run.oci.keep_original_groups": "1"}
        self.shell("id -G", user={"uid": 1000, "gid": 1000})
        words = ["setpriv", "--groups", "0,4242", *self.command("run", "--bundle", self.bundle, self.cid)]
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
        self.assertFalse("4242" in done.stdout.decode().split(), f"groups of the payload: {done.stdout.decode()}")

    def test_delegated_cgroup(self):
        for value in (f"../{self.cid}-made", f"/../{self.cid}-made", f"below/../../{self.cid}-made"):
            self.run_it(**{"run.oci.delegate-cgroup": value})
            self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}-made"), f"'{value}' led out of the container's cgroup")
