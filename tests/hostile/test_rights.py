# SPDX-License-Identifier: Apache-2.0
"""Rights that programs of a container must not get: capabilities by exec, the caller's environment and directory by hooks."""

import os
import re

from hostile import BothModes

ROWS = (
    ("Capabilities.test_exec", "look for inheritable and ambient capabilities in what exec starts", "none", "CVE-2022-24769"),
    ("Capabilities.test_exec_with_one_more", "the same with exec --cap",
     "bounding, permitted and effective have it, and no others", "CVE-2022-29162"),
    ("Capabilities.test_exec_with_one_more_as_user", "the same for a user that is not root", "none", "CVE-2022-29162"),
    ("Capabilities.test_program_of_the_user", "a program that the user executes afterwards", "it has no capability",
     "CVE-2022-29162"),
    ("Hooks.test_environment_of_start_container", "a hook that is a program of the image prints its environment",
     "process.env, nothing of the caller's", "CWE-526"),
    ("Hooks.test_environment_of_create_container", "a hook in the container's namespaces prints its environment",
     "nothing of the caller's but PATH", "CWE-526"),
    ("Hooks.test_directory", "hooks look where they are", "in the bundle, or in the container's root", "CWE-426"),
    ("Hooks.test_files_of_start_container",
     "a hook that is a program of the image looks for the host's files from where it is", "none is found", "CVE-2024-21626"),
    ("Hooks.test_descriptors", "the same among its descriptors", "standard streams alone", "CVE-2024-21626"),
)
NET_ADMIN = 1 << 12


class Capabilities(BothModes):
    def sets(self, *options, program=()):
        text = self.ok("exec", *options, self.cid, *program, "grep", "^Cap", "/proc/self/status").out
        return {name: int(value, 16) for name, value in re.findall(r"Cap(\w+):\s+(\w+)", text)}

    def setUp(self):
        super().setUp()
        self.start("echo READY; exec sleep 1000")

    def test_exec(self):
        for options in ((), ("--user", "1000:1000")):
            sets = self.sets(*options)
            self.assertEqual((sets["Inh"], sets["Amb"]), (0, 0), f"inheritable, ambient {options}")

    def test_exec_with_one_more(self):
        sets = self.sets("--cap", "CAP_NET_ADMIN")
        self.assertEqual((sets["Inh"], sets["Amb"]), (0, 0), "inheritable, ambient")
        for name in ("Bnd", "Prm", "Eff"):
            self.assertTrue(sets[name] & NET_ADMIN, f"not in {name}")

    def test_exec_with_one_more_as_user(self):
        sets = self.sets("--user", "1000:1000", "--cap", "CAP_NET_ADMIN")
        self.assertEqual((sets["Inh"], sets["Amb"]), (0, 0), "inheritable, ambient")

    def test_program_of_the_user(self):
        sets = self.sets("--user", "1000:1000", "--cap", "CAP_NET_ADMIN", program=("sh", "-c", 'sh -c "$0 $*"'))
        self.assertEqual((sets["Prm"], sets["Eff"]), (0, 0), "permitted, effective")


class Hooks(BothModes):
    """Hooks in the container write to /tmp of the root, which exists before and after the pivot."""

    def hook(self, kind, script, path):
        self.config.setdefault("hooks", {})[kind] = [{"path": "/bin/sh", "args": ["sh", "-c", f"({script}) > {path} 2>&1"]}]

    def elsewhere(self):
        path = os.path.join(self.top, "elsewhere")
        os.makedirs(path, exist_ok=True)
        return {"cwd": path, "env": self.with_secret()}

    def said(self, kind, script):
        """Returns the output of one hook of a krun that was called with a secret, in a directory of its caller."""
        outside = os.path.join(self.rootfs, "tmp", "said")
        self.hook(kind, script, "/tmp/said" if kind == "startContainer" else outside)
        self.write_config(args=["/bin/true"])
        self.run_ok(**self.elsewhere())
        with open(outside, errors="replace") as file:
            return file.read()

    def test_environment_of_start_container(self):
        self.config["process"]["env"] = ["PATH=/bin", "ONE=two"]
        lines = self.said("startContainer", "env").splitlines()
        self.assertFalse(any(self.secret in line for line in lines), "the hook has the caller's environment")
        self.assertIn("ONE=two", lines)

    def test_environment_of_create_container(self):
        lines = self.said("createContainer", "env").splitlines()
        self.assertFalse(any(self.secret in line for line in lines), "the hook has the caller's environment")
        # Variables that the shell itself adds are no secret.
        self.assertEqual([line for line in lines if not line.startswith(("PATH=", "PWD=", "SHLVL=", "OLDPWD=", "_="))], [])

    def test_directory(self):
        for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
            with self.subTest(kind=kind):
                self.config["hooks"] = {}
                self.assertEqual(self.said(kind, "pwd -P").strip(), "/" if kind == "startContainer" else self.bundle)

    def test_files_of_start_container(self):
        ups = " ".join("../" * level + "." for level in range(14))
        out = self.said("startContainer", f"for i in {ups}; do cat $i/{self.canary.lstrip('/')} 2>/dev/null; done; true")
        self.assertFalse(self.secret in out, "a file of the host was read")

    def test_descriptors(self):
        # One descriptor is that of the directory that ls reads.
        out = self.said("startContainer", "ls -l /proc/self/fd | grep -v '/proc/[0-9]*/fd$'")
        self.assertEqual([name for name in re.findall(r"(\d+) -> ", out) if int(name) > 2], [], out)
