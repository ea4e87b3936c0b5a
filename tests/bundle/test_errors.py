# SPDX-License-Identifier: Apache-2.0
"""What an error says, and what engines make of it: they look for a few phrases of the C library's, and tell their users 127 or 126."""

import os

from krun import BothModes


def podman(text):
    """libpod's getOCIRuntimeError()."""
    text = text.lower()
    if "permission denied" in text or "operation not permitted" in text:
        return 126
    return 127 if "executable file not found in" in text or "no such file or directory" in text else None


def docker(text):
    """dockerd's setExitCodeFromError(), which the client's own matching agrees with; None is 128 or 125."""
    if "permission denied" in text or "is a directory" in text:
        return 126
    return 127 if any(words in text for words in ("not a directory", "executable file not found", "no such file or directory")) else None


class Words(BothModes):
    def commands(self, expect, in_exec, **process):
        """The same words from run, create and exec; @in_exec: what exec is given for the same."""
        self.write_config(**process)
        texts = [self.run_fails(), self.fails("create", "--bundle", self.bundle, self.cid)]
        self.write_config(args=["sleep", "100"], cwd="/")
        self.create()
        self.ok("start", self.cid)
        texts.append(self.fails("exec", *in_exec, status=255))
        self.ok("delete", "--force", self.cid)
        for text in texts:
            self.assertEqual((podman(text), docker(text)), expect, text)
        return texts

    def test_a_program_that_is_missing(self):
        for name in ("nosuch", "/no/such"):
            self.commands((127, 127), (self.cid, name), args=[name])

    def test_a_program_that_is_none(self):
        for name in ("/etc", "/etc/passwd"):
            self.commands((126, 126), (self.cid, name), args=[name])

    def test_an_interpreter_that_is_missing(self):
        with open(os.path.join(self.rootfs, "bin/script"), "w") as file:
            file.write("#!/no/such\n")
        os.chmod(file.name, 0o755)
        self.write_config(args=["script"])
        text = self.run_fails()
        self.assertEqual((podman(text), docker(text)), (127, 127), text)
        self.assertIn("interpreter", text)

    def test_a_working_directory_that_is_none(self):
        texts = self.commands((None, 127), ("--cwd", "/etc/passwd", self.cid, "true"), args=["true"], cwd="/etc/passwd")
        self.assertEqual({text.rsplit(": ", 1)[-1] for text in texts}, {"not a directory"}, texts)

    def test_a_working_directory_that_is_missing(self):
        """The first process makes it; where that is impossible, and in exec, it is missing."""
        os.symlink("/no/such", os.path.join(self.rootfs, "away"))
        self.config["root"]["readonly"] = True
        self.commands((127, 127), ("--cwd", "/proc/none", self.cid, "true"), args=["true"], cwd="/proc/none")
        self.start_sleeper()
        text = self.fails("exec", "--cwd", "/away", self.cid, "true", status=255)
        self.assertEqual((podman(text), docker(text)), (127, 127), text)

    def test_what_is_neither_of_both_is_no_missing_command(self):
        """A mount's source, the root file system, the bundle."""
        path = os.path.join(self.top, "file")
        with open(path, "w"):
            pass
        mounts = self.config["mounts"]
        for source in ("/no/such/source", path + "/below"):
            self.config["mounts"] = [*mounts, {"destination": "/v", "type": "bind", "source": source, "options": ["bind"]}]
            self.write_config(args=["true"])
            text = self.run_fails()
            self.assertEqual((podman(text), docker(text)), (None, None), text)
            self.assertIn(source, text)
        self.config["mounts"] = mounts
        for root in ("/no/such", path, path + "/below"):
            self.config["root"]["path"] = root
            self.write_config()
            text = self.run_fails()
            self.assertEqual((podman(text), docker(text)), (None, None), text)
        for bundle in ("/no/such", path, self.top):
            text = self.fails("run", "--bundle", bundle, self.cid)
            self.assertEqual((podman(text), docker(text)), (None, None), text)


class LongPaths(BothModes):
    LONGEST = "/" + "/".join(["d" * 250] * 16)      # 4016 bytes; the kernel takes 4095

    def test_of_a_directory_and_a_mount(self):
        self.config["mounts"].append({"destination": self.LONGEST, "type": "tmpfs", "source": "tmpfs"})
        self.config["linux"]["maskedPaths"].append(self.LONGEST + "/x")
        self.assertEqual(self.inside("pwd; touch here; stat -f -c %T .", cwd=self.LONGEST), f"{self.LONGEST}\ntmpfs\n")

    def test_of_a_bundle(self):
        deep = self.top + "/" + "/".join(["e" * 250] * 14)
        os.makedirs(deep)
        os.rename(self.bundle, deep + "/bundle")
        self.bundle = deep + "/bundle"
        self.start_sleeper()
        self.assertEqual(self.state()["bundle"], self.bundle)
        self.assertIn(f" {self.bundle} ", self.ok("list").out)
        self.assertEqual(self.ok("exec", self.cid, "echo", "in").out, "in\n")

    def test_that_are_too_long_lose_their_middle(self):
        """Whoever shows the beginning of an error only shows the reason, and of the path what it begins and ends with."""
        self.write_config(cwd=self.LONGEST + "/" + "e" * 250 + "/end")
        text = self.run_fails()
        self.assertRegex(text, r"^[a-z ':]*file name too long: working directory '/dddd[d/]*\.\.\.[de/]*/end'$")
        self.write_config(cwd="/", args=[self.LONGEST + "/end"])
        self.assertRegex(self.run_fails(), r"^[a-z ':]*no such file or directory: exec: \"/dddd[d/]*\.\.\.[d/]*/end\"")
        self.config["mounts"].append({"destination": "/v", "type": "bind", "source": self.LONGEST + "/end", "options": ["bind"]})
        self.write_config(args=["true"])
        self.assertRegex(self.run_fails(), r"^[a-z ':]*missing \(ENOENT\): mount source '/dddd[d/]*\.\.\.[d/]*/end' for '/v'$")
