# SPDX-License-Identifier: Apache-2.0
"""Hooks: their order, namespaces, input, environment and output, and what their failure does."""

import json
import os
import stat
import subprocess

from krun import CGROUP, BothModes, KrunTest

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hooks(BothModes):
    def hook(self, kind, script, **more):
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(
            {"path": "/bin/sh", "args": ["sh", "-c", script], **more})

    def records(self):
        """Returns (kind, state) in the order in which the hooks ran."""
        with open(f"{self.top}/records") as file:
            return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in file]

    def record_everywhere(self):
        # A bind mount makes the file reachable in both mount namespaces without a descriptor.
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

    def test_capabilities(self):
        """A hook of createContainer has the command's, also those that the program cannot get."""
        def bounding(text):
            return int(text.split()[1], 16)

        with open("/proc/self/status") as file:
            own = bounding(next(line for line in file if line.startswith("CapBnd")))
        for hook in (False, True):
            with self.subTest(hook=hook):
                if hook:
                    self.hook("createContainer", f"grep CapBnd /proc/self/status > {self.top}/hook")
                self.shell("grep CapBnd /proc/self/status", capabilities={"bounding": ["CAP_CHOWN", "CAP_KILL"]})
                self.assertEqual(bounding(self.run_ok()), 1 << 0 | 1 << 5)
        with open(f"{self.top}/hook") as file:
            self.assertEqual(bounding(file.read()), own)

    def test_device_filter(self):
        """A hook that runs in the container's cgroup opens no other devices than the container."""
        # No driver is needed: the device filter answers first (EPERM), the missing driver later (ENXIO).
        node = f"{self.top}/node"
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(240, 77))
        found = subprocess.run(["cat", node], capture_output=True, text=True, check=False)
        if "No such device or address" not in found.stderr:
            self.skipTest(f"the test may not open devices itself: {found.stderr.strip()}")
        self.config["linux"].setdefault("resources", {})["devices"] = [{"allow": False, "access": "rwm"}]
        self.hook("createContainer", f"LC_ALL=C cat {node} 2> {self.top}/hook; true")
        self.write_config()
        self.run_ok()
        with open(f"{self.top}/hook") as file:
            self.assertIn("Operation not permitted", file.read())

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
                self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"))

    def test_failing_poststart_ends_the_program(self):
        self.hook("poststart", "echo why >&2; exit 3")
        self.shell("sleep 1000")
        self.assertIn("why", self.run_fails())
        self.assertIn("does not exist", self.fails("state", self.cid))
        self.create()
        self.assertIn("why", self.fails("start", self.cid))
        self.wait_stopped()

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
        """Returns the environments of hooks without "env", by kind, without variables that the shell adds."""
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
        """Hooks on the host have the caller's environment; those in the container have no variable that the container may not see."""
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
        """stdout and stderr of hooks are pipes, and krun writes the files; also with `run`."""
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
        # The output is more than a FIFO has room for.
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
        """Images have annotations, too: unless the host allows it no file is made, and a warning says so."""
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
        # The log of an engine has no warning, because an engine takes every record of a command that succeeds for an error.
        self.create(options=["--log", f"{self.top}/engine.log"])
        self.ok("start", self.cid)
        self.wait_stopped()
        self.ok("delete", self.cid)
        self.assertEqual(open(f"{self.top}/engine.log").read(), "")
        self.assertFalse(os.path.exists(out))
        self.assertFalse(os.path.exists(f"{self.top}/hooks.err"))


class RootTest(KrunTest):
    """Until the root is changed it is at its path of config.json with all its mounts, for hooks that use paths (CDI, NVIDIA's toolkit)."""

    def setUp(self):
        super().setUp()
        os.mkdir(f"{self.rootfs}/from")
        open(f"{self.rootfs}/x", "w").close()
        with open(f"{self.top}/given", "w") as file:
            file.write("of the hook\n")
        os.mkdir(f"{self.top}/volume")
        self.config["mounts"].append({"destination": "/from", "type": "bind", "source": f"{self.top}/volume", "options": ["rbind"]})

    def hook(self, kind, script):
        self.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": "/bin/sh", "args": ["sh", "-ec", script]})

    def by_pid(self, script):
        """Returns the script of a prestart hook that finds the container by its pid."""
        return ("pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' | head -n 1); "
                f"nsenter --mount --target $pid sh -ec '{script}'")

    # The hook binds a file in the root and one in a mount of the container, and checks what it sees of both trees.
    WORK = ("mount --bind {top}/given {rootfs}/x; mount --bind {top}/given {rootfs}/dev/full; test -c {rootfs}/dev/null; "
            "test -d {rootfs}/from; test -d /sys/kernel; test ! -e /from; test -e {top}/given")
    SEEN = "cat /x /dev/full; grep -c given /proc/self/mountinfo"

    def assert_seen(self, *options):
        self.assertEqual(self.inside(self.SEEN, *options), "of the hook\nof the hook\n2\n")
        with open("/proc/self/mountinfo") as file:
            self.assertNotIn(self.rootfs, file.read(), "a mount of the container's is on the host")
        self.assertEqual(os.path.getsize(f"{self.rootfs}/x"), 0)

    def work(self):
        return self.WORK.format(top=self.top, rootfs=self.rootfs)


class RootByPath(RootTest):
    variants = ("plain", "km")

    def test_create_container(self):
        self.hook("createContainer", self.work())
        self.assert_seen()

    def test_create_container_without_pivot(self):
        self.hook("createContainer", self.work())
        self.assert_seen("--no-pivot")

    def test_create_container_in_a_user_namespace(self):
        self.in_user_namespace()
        self.hook("createContainer", self.work())
        self.assert_seen()

    def test_prestart_by_pid(self):
        self.hook("prestart", self.by_pid(self.work()))
        self.assert_seen()

    def test_prestart_by_pid_without_pivot(self):
        self.hook("prestart", self.by_pid(self.work()))
        self.assert_seen("--no-pivot")

    def test_prestart_by_pid_in_a_user_namespace(self):
        self.in_user_namespace()
        self.hook("prestart", self.by_pid(self.work()))
        self.assert_seen()

    def test_below_a_directory_that_only_root_may_enter(self):
        """docker's directories with userns-remap are like this: the container's user namespace has no right to walk there."""
        self.in_user_namespace()
        os.chmod(self.bundle, 0o700)
        self.hook("prestart", self.by_pid(self.work()))
        self.assert_seen()

    def test_in_a_user_namespace_that_is_joined(self):
        """The intermediate process has the root as its working directory and makes the mount namespace."""
        self.in_user_namespace()
        os.chmod(self.bundle, 0o700)
        self.start_sleeper()
        first, pid = self.cid, self.state()["pid"]
        self.cid = f"{first}-second"
        self.ids.append(self.cid)
        self.config["linux"]["namespaces"][-1]["path"] = f"/proc/{pid}/ns/user"
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        self.config["linux"]["namespaces"].append({"type": "time"})
        self.hook("prestart", self.by_pid(self.work()))
        self.assert_seen()
        self.cid = first
        self.ok("delete", "--force", first)

    def test_by_a_link_and_relative(self):
        os.symlink("bundle", f"{self.top}/link")
        self.hook("createContainer", self.work())
        for path, bundle in ((f"{self.top}/link/rootfs", "bundle"), ("./rootfs/../rootfs", "link")):
            with self.subTest(path=path):
                self.config["root"]["path"] = path
                self.shell(self.SEEN)
                out = self.ok("run", "--bundle", bundle, self.cid, cwd=self.top).out
                self.assertEqual(out, "of the hook\nof the hook\n2\n")

    def on_the_host(self, kind, *options):
        """A mount that a hook makes in the host's mount namespace reaches the container if its root's mount is shared."""
        subprocess.run(["mount", "--bind", self.rootfs, self.rootfs], check=True)
        self.addCleanup(subprocess.run, ["umount", "--recursive", self.rootfs], check=True)
        # The mount gets a peer group of its own, not that of the mount from which it was copied.
        subprocess.run(["mount", "--make-private", self.rootfs], check=True)
        subprocess.run(["mount", "--make-shared", self.rootfs], check=True)
        self.hook(kind, f"mount --bind {self.top}/given {self.rootfs}/x; test ! -e {self.rootfs}/dev/null")
        try:
            self.assertEqual(self.inside("cat /x; test -c /dev/null && echo dev", *options), "of the hook\ndev\n")
            with open("/proc/self/mountinfo") as file:
                points = [line.split()[4] for line in file if self.rootfs in line]
            self.assertEqual(points, [self.rootfs, f"{self.rootfs}/x"], "mounts of the container's are on the host")
        finally:
            self.doCleanups()

    def test_on_the_host(self):
        for kind in ("prestart", "createRuntime"):
            for options in ((), ("--no-pivot",)):
                with self.subTest(kind=kind, options=options):
                    self.config["hooks"] = {}
                    self.on_the_host(kind, *options)

    def test_on_the_host_of_a_user_namespace(self):
        self.in_user_namespace()
        self.on_the_host("createRuntime")

    def test_the_working_directory_is_the_callers_again(self):
        """The root was the command's working directory for a moment."""
        os.mkdir(f"{self.top}/here")
        self.shell("pwd; sleep 100")
        with open(self.log, "wb") as log:
            self.ok("create", "--bundle", "../bundle", "--pid-file", "pid", self.cid, cwd=f"{self.top}/here", stdout=log, stderr=log)
        self.assertEqual(os.listdir(f"{self.top}/here"), ["pid"])
        self.ok("delete", "--force", self.cid)

    def test_a_working_directory_that_is_gone_or_closed(self):
        os.mkdir(f"{self.top}/gone")
        self.shell("pwd")
        for arrange in (f"rmdir {self.top}/gone", f"chmod 0 {self.top}/bundle/.."):
            command = self.command("run", "--bundle", self.bundle, self.cid)
            done = subprocess.run(["sh", "-ec", f'cd {self.top}/gone; {arrange}; exec "$@"', "sh", *command], capture_output=True,
                                  check=False, timeout=60)
            os.chmod(self.top, 0o755)
            os.makedirs(f"{self.top}/gone", exist_ok=True)
            self.assertEqual((done.returncode, done.stdout), (0, b"/\n"), done.stderr)


class RootByPathUnderMonitor(RootTest):
    mode = "km"

    def test_devices_of_krun_cover_nothing_of_the_host(self):
        """In a user namespace krun's own node covers a device that only the host's root may open."""
        node = f"/dev/krun-test-{os.getpid()}"
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        self.addCleanup(os.unlink, node)
        settings = f"{self.top}/krun.json"
        with open(settings, "w") as file:
            json.dump({"device": node}, file)
        self.host_options = ["--config-file", settings]
        self.in_user_namespace()
        self.config["process"]["user"] = {"uid": 1000, "gid": 1000}
        script = self.SEEN + f"; echo > {node}; grep -c '^krun {node} tmpfs' /proc/mounts"
        self.hook("createContainer", self.work() + f"; test -c {self.rootfs}{node}")
        self.assertEqual(self.inside(script), "of the hook\nof the hook\n2\n1\n")
