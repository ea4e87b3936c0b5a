# SPDX-License-Identifier: Apache-2.0
"""config.json with a variable twice, with sections of other platforms, and without a process."""

import json
import os

from krun import BothModes


class Environment(BothModes):
    """A payload gets a variable once, so that getenv(3) and its shell find the same value."""

    TWICE = ["A=1", "PATH=/none", "A=2", "HOME=/x", "AB=3", "PATH=/bin", "A=4"]
    ONCE = ["HOME=/x", "AB=3", "PATH=/bin", "A=4"]

    def test_of_the_first_process(self):
        self.write_config(args=["env"], env=self.TWICE)
        self.assertEqual([line for line in self.run_ok().splitlines() if "KM" not in line], self.ONCE)

    def test_of_exec(self):
        path = os.path.join(self.top, "process.json")
        with open(path, "w") as file:
            json.dump({"args": ["env"], "cwd": "/", "env": self.TWICE}, file)
        self.write_config(args=["sleep", "100"], env=self.TWICE)
        self.create()
        self.ok("start", self.cid)
        for arguments, expect in (((self.cid, "env"), self.ONCE), (("--process", path, self.cid), self.ONCE),
                                  (("-e", "A=5", "-e", "B=6", "-e", "B=7", self.cid, "env"), [*self.ONCE[:-1], "A=5", "B=7"])):
            out = self.ok("exec", *arguments).out.splitlines()
            self.assertEqual([line for line in out if "KM" not in line], expect, arguments)

    def test_of_hooks(self):
        path = os.path.join(self.top, "said")
        self.config["hooks"] = {"createRuntime": [
            {"path": "/bin/sh", "args": ["sh", "-c", f"/bin/tr '\\0' '\\n' < /proc/$$/environ > {path}"], "env": self.TWICE}]}
        self.write_config()
        self.run_ok()
        with open(path) as file:
            self.assertEqual(file.read().splitlines(), self.ONCE)


class OtherPlatforms(BothModes):
    SECTIONS = {"windows": {"layerFolders": ["C:\\x"]}, "solaris": {"milestone": "svc:/x"}, "zos": {"namespaces": []},
                "freebsd": {"jail": {"vnet": "new"}}}

    def test_sections_are_ignored_with_a_warning(self):
        self.config.update(self.SECTIONS)
        self.write_config(args=["echo", "in"])
        result = self.run_container()
        self.assertEqual((result.status, result.out), (0, "in\n"), result)
        for name in self.SECTIONS:
            self.assertIn(f" warning: config.json: /{name}: ignored, because it is for another platform\n", result.err)

    def test_a_log_has_nothing_of_a_success(self):
        """podman takes a line in the log for the error of a failure, and finds no error when there are two lines."""
        self.config.update(self.SECTIONS)
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=("--log", self.log, "--log-format", "json"))
        self.assertEqual((result.status, result.err, os.path.getsize(self.log)), (0, "", 0), result)


class NoProcess(BothModes):
    """config.md: "This property is REQUIRED when start is called"."""

    def setUp(self):
        super().setUp()
        del self.config["process"]
        with open(os.path.join(self.bundle, "config.json"), "w") as file:
            json.dump(self.config, file)

    def test_it_can_be_created_and_not_be_started(self):
        self.create()
        self.assertEqual(self.status(), "created")
        for _ in range(2):
            self.assertEqual(self.fails("start", self.cid),
                             f"start '{self.cid}': config.json: /process: missing, there is nothing to start")
            self.assertEqual(self.status(), "created")
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_exec_needs_a_process_of_its_own(self):
        path = os.path.join(self.top, "process.json")
        with open(path, "w") as file:
            json.dump({"args": ["hostname"], "cwd": "/", "env": ["PATH=/bin"]}, file)
        self.create()
        self.assertIn("config.json: /process: missing", self.fails("exec", self.cid, "hostname", status=255))
        self.assertEqual(self.ok("exec", "--process", path, self.cid).out, "kontainer\n")
        self.ok("delete", "--force", self.cid)

    def test_run_starts(self):
        self.assertEqual(self.run_fails(), "config.json: /process: missing, there is nothing to run")
        self.assertEqual(json.loads(self.ok("list", "--format", "json").out), [])
