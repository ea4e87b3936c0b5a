# SPDX-License-Identifier: Apache-2.0
"""podman with conmon and krun."""

import glob
import json
import os

from engine_tests import DockerLike, OnMachine, check_debug_log
from engines import Podman, in_machine

ENGINE = None


def setUpModule():
    global ENGINE
    ENGINE = Podman()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanRoot(DockerLike):
    # podman's rm sends TERM first, which a shell as process 1 ignores.
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE

    def test_read_only_with_a_secret(self):
        """A file is mounted below a directory that is mounted read-only and has no such file yet."""
        path = os.path.join(self.engine.top, "secret")
        with open(path, "w") as file:
            file.write("hush\n")
        self.ok("secret", "create", self.name, path)
        self.addCleanup(self.cli, "secret", "rm", self.name)
        for more in ([], ["--read-only-tmpfs=false"]):
            with self.subTest(more=more):
                self.assertEqual(self.shell(f"cat /run/secrets/{self.name}; echo x > /dev/null && echo null; "
                                            "echo x 2>/dev/null > /etc/new || echo refused",
                                            "--read-only", *more, "--secret", self.name).split(), ["hush", "null", "refused"])

    def test_debug_log_by_runtime_flags(self):
        self.addCleanup(lambda: [os.remove(path) for path in glob.glob(f"{self.engine.top}/*.debug")])
        flags = lambda mode: ["--runtime-flag", f"debug-log={self.engine.top}/%ID%.%COMMAND%.debug"]
        self.engine.runtime_flags, before = flags, self.engine.runtime_flags
        try:
            self.assertEqual(self.run_(self.engine.image, "/bin/true").status, 0)
        finally:
            self.engine.runtime_flags = before
        # The podman that removes the container afterwards does not get the flags.
        check_debug_log(self, self.engine.top, ("create", "start"))

    @in_machine
    def test_hook_that_mounts_into_the_root(self):
        """Toolkits for devices do this: they use the pid in the state and the path of the root before the root is changed."""
        hooks = os.path.join(self.engine.top, self.name)
        os.mkdir(hooks)
        for stage in ("prestart", "createContainer"):
            enter = 'nsenter --target "$pid" --mount --' if stage == "prestart" else ""
            with open(f"{hooks}/given", "w") as file:
                file.write(f"of {stage}\n")
            with open(f"{hooks}/hook", "w") as file:
                file.write(f"""#!/bin/sh
                    state=$(cat)
                    pid=$(echo "$state" | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
                    bundle=$(echo "$state" | sed -n 's/.*"bundle": *"\\([^"]*\\)".*/\\1/p')
                    root=$(sed 's/.*"root": *{{"path": *"\\([^"]*\\)".*/\\1/' "$bundle/config.json")
                    touch "$root/given" && exec {enter} mount --bind {hooks}/given "$root/given"
                    """)
            os.chmod(f"{hooks}/hook", 0o755)
            with open(f"{hooks}/hook.json", "w") as file:
                json.dump({"version": "1.0.0", "hook": {"path": f"{hooks}/hook"}, "when": {"always": True}, "stages": [stage]}, file)
            with self.subTest(stage=stage):
                result = self.cli("--hooks-dir", hooks, "run", "--rm", "--name", self.name, self.engine.image,
                                         "/bin/cat", "/given")
                self.assertEqual((result.status, result.out), (0, f"of {stage}\n"), result)

    def test_cgroup_namespace_of_the_host(self):
        out = self.shell("p=$(sed -n 's/^0:://p' /proc/self/cgroup); grep -c -x $$ /sys/fs/cgroup$p/cgroup.procs",
                         "--cgroupns", "host")
        self.assertEqual(out, "1\n")


class PodmanOnMachine(OnMachine):
    machine_mode = "plain"
    remove_options = ("--force", "--volumes", "--time", "0")

    def find_engine(self):
        return ENGINE
