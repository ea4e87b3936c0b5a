# SPDX-License-Identifier: Apache-2.0
"""The texts of errors, and the status that engines derive from them: they look for a few phrases of the C library for 127 and 126."""

import os

from krun import BothModes


def podman(text):
    """Returns the status that libpod's getOCIRuntimeError() derives from the text."""
    text = text.lower()
    if "permission denied" in text or "operation not permitted" in text:
        return 126
    return 127 if "executable file not found in" in text or "no such file or directory" in text else None


def docker(text):
    """Returns the status of dockerd's setExitCodeFromError(), with which the client's own matching agrees; None is 128 or 125."""
    if "permission denied" in text or "is a directory" in text:
        return 126
    return 127 if any(words in text for words in ("not a directory", "executable file not found", "no such file or directory")) else None


class Words(BothModes):
    def commands(self, expect, in_exec, **process):
        """Checks that run, create and exec fail with the same text; @in_exec: the arguments of exec."""
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

    def test_a_program_that_is_not_executable(self):
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

    def test_a_working_directory_that_is_a_file(self):
        texts = self.commands((None, 127), ("--cwd", "/etc/passwd", self.cid, "true"), args=["true"], cwd="/etc/passwd")
        self.assertEqual({text.rsplit(": ", 1)[-1] for text in texts}, {"not a directory"}, texts)

    def test_a_working_directory_that_is_missing(self):
        """The first process makes it; where it cannot, and in exec, the error says that it is missing."""
        os.symlink("/no/such", os.path.join(self.rootfs, "away"))
        self.config["root"]["readonly"] = True
        self.commands((127, 127), ("--cwd", "/proc/none", self.cid, "true"), args=["true"], cwd="/proc/none")
        self.start_sleeper()
        text = self.fails("exec", "--cwd", "/away", self.cid, "true", status=255)
        self.assertEqual((podman(text), docker(text)), (127, 127), text)

    def test_missing_files_of_the_host_are_no_missing_command(self):
        """Engines must not take a missing mount source, root file system or bundle for a missing program."""
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

    def test_names_in_an_error_are_cut_in_the_middle(self):
        """The reason comes first, for callers that show only the beginning of an error, and a path keeps its beginning and its end."""
        self.write_config(args=[self.LONGEST + "/end"])
        self.assertRegex(self.run_fails(), r"^[a-z ':]*no such file or directory: exec: \"/dddd[d/]*\.\.\.[d/]*/end\"")
        self.config["mounts"].append({"destination": "/v", "type": "bind", "source": self.LONGEST + "/end", "options": ["bind"]})
        self.write_config(args=["true"])
        self.assertRegex(self.run_fails(), r"^[a-z ':]*missing \(ENOENT\): mount source '/dddd[d/]*\.\.\.[d/]*/end' for '/v'$")
