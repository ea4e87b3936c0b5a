# SPDX-License-Identifier: Apache-2.0
"""Hooks: when, where, with what on stdin, and what their failure does."""

import json
import os

from krun import CGROUP, BothPersonalities

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hooks(BothPersonalities):
    def hook(self, kind, script, **more):
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(
            {"path": "/bin/sh", "args": ["sh", "-c", script], **more})

    def records(self):
        """(kind, state) in the order the hooks ran."""
        with open(f"{self.top}/records") as file:
            return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in file]

    def record_everywhere(self):
        # The file is reachable in both mount namespaces by the descriptor-free way of a bind mount.
        open(f"{self.top}/records", "w").close()
        self.config["mounts"].append({"destination": "/records", "type": "bind", "source": f"{self.top}/records",
                                      "options": ["bind"]})
        for kind in KINDS:
            path = "/records" if kind == "startContainer" else f"{self.top}/records"
            self.hook(kind, f'echo "{kind} $(tr -d "\\n")" >> {path}')

    def test_order_and_state_of_all_kinds(self):
        self.record_everywhere()
        self.write_config()
        self.create()
        self.assertEqual([kind for kind, _ in self.records()], list(KINDS[:3]))
        pid = self.state()["pid"]
        self.ok("start", self.cid)
        self.wait_stopped()
        self.ok("delete", self.cid)
        records = self.records()
        self.assertEqual([kind for kind, _ in records], list(KINDS))
        self.assertEqual([state["status"] for _, state in records],
                         ["creating", "creating", "creating", "created", "running", "stopped"])
        for kind, state in records:
            self.assertEqual(state["id"], self.cid)
            self.assertEqual(state["bundle"], self.bundle)
            if kind != "poststop":
                self.assertEqual(state["pid"], pid, kind)

    def test_namespaces_of_each_kind(self):
        for kind in KINDS:
            path = "/out" if kind == "startContainer" else f"{self.top}/out"
            self.hook(kind, f"echo {kind} $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) >> {path}")
        open(f"{self.top}/out", "w").close()
        self.config["mounts"].append({"destination": "/out", "type": "bind", "source": f"{self.top}/out",
                                      "options": ["bind"]})
        self.write_config()
        self.run_ok()
        with open(f"{self.top}/out") as file:
            seen = {line.split()[0]: line.split()[1:] for line in file}
        host = [os.readlink("/proc/self/ns/mnt"), os.readlink("/proc/self/ns/net")]
        for kind in KINDS:
            inside = kind in ("createContainer", "startContainer")
            self.assertEqual(seen[kind][0] != host[0], inside, f"{kind}: mount namespace")
            self.assertEqual(seen[kind][1] != host[1], inside, f"{kind}: network namespace")

    def test_pid_has_a_live_network_namespace_in_prestart(self):
        self.hook("prestart", f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | head -1); "
                              f"readlink /proc/$pid/ns/net > {self.top}/net")
        self.write_config()
        self.run_ok()
        with open(f"{self.top}/net") as file:
            link = file.read().strip()
        self.assertRegex(link, r"^net:\[\d+\]$")
        self.assertNotEqual(link, os.readlink("/proc/self/ns/net"))

    def test_failing_hook_before_start_leaves_nothing(self):
        for kind in KINDS[:4]:
            with self.subTest(kind=kind):
                self.config["hooks"] = {}
                self.hook(kind, "echo why >&2; exit 3")
                self.shell("echo ran")
                text = self.run_fails()
                for part in (kind, "status 3", "why"):
                    self.assertIn(part, text)
                self.assertFalse(os.path.exists(f"{self.root}/{self.cid}"))
                self.assertFalse(os.path.exists(f"{CGROUP}/krun/{self.cid}"))

    def test_failing_poststop_does_not_stop_the_others(self):
        self.hook("poststop", "exit 1")
        self.hook("poststop", f"touch {self.top}/second")
        self.write_config()
        self.run_ok()
        self.assertTrue(os.path.exists(f"{self.top}/second"))

    def test_time_out(self):
        self.hook("createRuntime", "sleep 30", timeout=1)
        self.write_config()
        self.assertIn("timed out after 1 s", self.run_fails(timeout=20))

    def test_environment_and_arguments_are_the_hooks_own(self):
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "env": ["A=b"], "args": [
            "zero", "-c", f"echo $0 $1 $A ${{HOME-none}} > {self.top}/out", "first", "second"]}]}
        self.write_config()
        self.run_ok()
        with open(f"{self.top}/out") as file:
            self.assertEqual(file.read(), "first second b none\n")

    def environments(self):
        """Of hooks that have none of their own, by kind, without what the shell adds."""
        open(f"{self.top}/out", "w").close()
        os.chmod(f"{self.top}/out", 0o666)
        self.config["mounts"].append({"destination": "/out", "type": "bind", "source": f"{self.top}/out",
                                      "options": ["bind"]})
        for kind in KINDS:
            path = "/out" if kind == "startContainer" else f"{self.top}/out"
            self.hook(kind, f'echo "{kind} $(readlink /proc/self/cwd) $(cat /proc/self/environ | tr "\\0" " ")" >> {path}')
        self.config["process"]["env"] = ["PATH=/bin", "FROM=config"]
        self.write_config()
        env = {**os.environ, "KRUN_TEST_SECRET": "s3cret", "PATH": "/usr/bin:/bin"}
        self.create(env=env, cwd="/usr")
        for command in (["start", self.cid], ["delete", self.cid]):
            self.ok(*command, env=env, cwd="/usr")
            self.wait_stopped() if command[0] == "start" else None
        with open(f"{self.top}/out") as file:
            rows = [line.split() for line in file]
        return {row[0]: (row[1], {word for word in row[2:] if not word.startswith(("PWD=", "SHLVL=", "OLDPWD=", "_="))})
                for row in rows}

    def test_environment_of_hooks_without_one(self):
        """Those on the host have the caller's; the container's own learn what the container learns, and no secrets."""
        seen = self.environments()
        self.assertEqual(list(seen), list(KINDS))
        for kind in KINDS:
            if kind == "startContainer":
                self.assertEqual(seen[kind][1], {"PATH=/bin", "FROM=config"})
            elif kind == "createContainer":
                self.assertEqual(seen[kind][1], {"PATH=/usr/bin:/bin"})
            else:
                self.assertIn("KRUN_TEST_SECRET=s3cret", seen[kind][1], kind)

    def test_hooks_begin_in_the_bundle(self):
        for kind, (directory, _) in self.environments().items():
            self.assertEqual(directory, "/" if kind == "startContainer" else os.path.realpath(self.bundle), kind)

    def test_no_hook_has_a_file_of_the_host(self):
        """stdout and stderr are pipes, krun writes the files; also when `run` does it all."""
        out, err = f"{self.top}/hooks.out", f"{self.top}/hooks.err"
        self.allow("allowHooksOutput")
        self.config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err}
        for kind in KINDS:
            self.hook(kind, f"exec 3>&1; for n in 0 3 2; do echo {kind} $(readlink /proc/self/fd/$n); done; echo {kind} >&2")
        self.write_config()
        self.run_ok()
        with open(out) as file:
            seen = [line.split() for line in file]
        self.assertEqual([row[0] for row in seen], [kind for kind in KINDS for _ in range(3)])
        for kind, link in seen:
            self.assertTrue(link.startswith("pipe:"), f"{kind}: {link}")
        with open(err) as file:
            self.assertEqual(file.read().split(), list(KINDS))

    def test_a_created_container_has_no_file_of_the_hooks(self):
        out = f"{self.top}/hooks.out"
        self.allow("allowHooksOutput")
        self.config["annotations"] = {"run.oci.hooks.stdout": out}
        # More than a FIFO has room for.
        self.hook("startContainer", "i=0; while [ $i -lt 3000 ]; do echo 'line of startContainer, long enough'; "
                                    "i=$((i+1)); done")
        self.write_config()
        self.create()
        pid = self.state()["pid"]
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        self.assertNotIn(out, links)
        self.ok("start", self.cid)
        self.assertEqual(len(open(out).readlines()), 3000)

    def test_missing_hook(self):
        self.config["hooks"] = {"prestart": [{"path": "/no/such/hook"}]}
        self.write_config()
        text = self.run_fails()
        self.assertIn("/no/such/hook", text)
        self.assertNotIn("no such file", text.lower())

    def test_output_goes_to_the_files_of_the_annotations(self):
        out, err = f"{self.top}/hooks.out", f"{self.top}/hooks.err"
        self.allow("allowHooksOutput")
        self.config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err}
        for kind in KINDS:
            self.hook(kind, f"echo out {kind}; echo err {kind} >&2")
        self.write_config()
        self.create()
        self.ok("start", self.cid)
        self.wait_stopped()
        self.ok("delete", self.cid)
        for path, word in ((out, "out"), (err, "err")):
            with open(path) as file:
                self.assertEqual(file.read().splitlines(), [f"{word} {kind}" for kind in KINDS])

    def test_output_file_that_cannot_be_opened(self):
        self.allow("allowHooksOutput")
        self.config["annotations"] = {"run.oci.hooks.stdout": "/no/such/dir/file"}
        self.write_config()
        self.assertIn("'/no/such/dir/file'", self.run_fails())

    def test_output_files_that_this_host_does_not_allow(self):
        """An image brings annotations, too: without the host's word no file is made, and people are told."""
        out = f"{self.top}/hooks.out"
        self.config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": f"{self.top}/hooks.err"}
        for kind in KINDS:
            self.hook(kind, "echo out; echo err >&2")
        self.write_config()
        result = self.run_container()
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.err.count("not heeded"), 2, result.err)
        self.assertIn('/annotations/run.oci.hooks.stdout: not heeded, because this host does not allow it: '
                      '"allowHooksOutput" in /etc/krun/krun.json', result.err)
        # Not in the log of an engine, to which every record of a command that succeeds is an error.
        self.create(options=["--log", f"{self.top}/engine.log"])
        self.ok("start", self.cid)
        self.wait_stopped()
        self.ok("delete", self.cid)
        self.assertEqual(open(f"{self.top}/engine.log").read(), "")
        self.assertFalse(os.path.exists(out))
        self.assertFalse(os.path.exists(f"{self.top}/hooks.err"))
