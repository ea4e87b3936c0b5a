# SPDX-License-Identifier: Apache-2.0
"""The cgroup of a container: where it is, who may write to it, and which limits it gets."""

import contextlib
import json
import os
import subprocess

from krun import CGROUP, BothModes, KrunTest, huge_pages, hybrid_view, user_namespace, wait_until


def controllers():
    with open(f"{CGROUP}/cgroup.controllers") as file:
        return file.read().split()


class Cgroup(BothModes):
    def own(self):
        with open(f"/proc/{self.state()['pid']}/cgroup") as file:
            return [line.strip()[3:] for line in file if line.startswith("0::")][0]

    def test_default_path(self):
        self.start_sleeper()
        self.assertEqual(self.own(), f"/krun-{self.cid}")
        self.ok("delete", "--force", self.cid)

    def test_configured_path_is_made_and_removed(self):
        self.config["linux"]["cgroupsPath"] = f"/krun-test-{self.cid}/box"
        self.start_sleeper()
        self.assertEqual(self.own(), f"/krun-test-{self.cid}/box")
        self.ok("delete", "--force", self.cid)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-test-{self.cid}/box"))
        os.rmdir(f"{CGROUP}/krun-test-{self.cid}")

    def test_cgroup_in_use_is_refused(self):
        self.start_sleeper()
        self.config["linux"]["cgroupsPath"] = f"/krun-{self.cid}"
        self.write_config()
        self.assertIn("has processes", self.fails("create", "--bundle", self.bundle, self.cid + "2"))
        self.assertEqual(self.status(), "running")
        self.ok("delete", "--force", self.cid)

    def test_cgroup_below_a_frozen_or_threaded_one_is_refused(self):
        for name, value, text in (("cgroup.freeze", "1", "a group above it is"), ("cgroup.type", "threaded", "threaded")):
            with self.subTest(file=name):
                parent = f"{CGROUP}/krun-test-{self.cid}"
                # A threaded cgroup has to be below another one.
                os.makedirs(f"{parent}/top")
                with open(f"{parent}/top/{name}", "w") as file:
                    file.write(value)
                self.config["linux"]["cgroupsPath"] = f"/krun-test-{self.cid}/top/box"
                self.write_config()
                self.assertIn(text, self.fails("create", "--bundle", self.bundle, self.cid))
                self.assertEqual([item for item in os.listdir(f"{parent}/top") if item == "box"], [])
                os.rmdir(f"{parent}/top")
                os.rmdir(parent)

    def test_cgroup_of_others_stays_when_create_fails(self):
        path = f"{CGROUP}/krun-test-{self.cid}"
        os.mkdir(path)
        try:
            with open(f"{path}/cgroup.freeze", "w") as file:
                file.write("1")
            self.config["linux"]["cgroupsPath"] = f"/krun-test-{self.cid}"
            self.write_config()
            self.assertIn("exists and is frozen", self.fails("create", "--bundle", self.bundle, self.cid))
            self.assertTrue(os.path.isdir(path))
        finally:
            os.rmdir(path)

    def test_processes_without_a_cgroup(self):
        """A container without a cgroup of its own has the processes of its pid namespace."""
        self.config["linux"]["resources"] = {}
        self.shell("trap 'echo first told' USR1; sh -c 'trap \"echo second told\" USR1; echo second waits; while :; do sleep 0.02; done' & "
                   "echo first waits; while :; do sleep 0.02; done")
        self.create(options=["--cgroup-manager", "disabled"])
        self.ok("start", self.cid)
        # A signal before its trap would end a shell.
        wait_until(lambda: all(word in self.logged() for word in ("first waits", "second waits")), what="payload")
        pids = wait_until(lambda: (lambda found: len(found) >= 2 and found)(
            json.loads(self.ok("ps", "--format", "json", self.cid).out)), what="both processes")
        self.assertIn(self.state()["pid"], pids)
        self.assertNotIn(os.getpid(), pids)

        def told():
            self.ok("kill", "--all", self.cid, "USR1")
            return "first told" in self.logged() and "second told" in self.logged()

        # kill is repeated, because a shell that is between two children may miss a signal.
        wait_until(told, what="the signal in both processes")
        self.ok("kill", "--all", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_sub_cgroups_of_the_program_are_removed(self):
        self.start_sleeper("echo ready; while :; do sleep 0.02; done")
        os.makedirs(f"{CGROUP}/krun-{self.cid}/made/inside")
        self.ok("delete", "--force", self.cid)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"))

    def test_exec_into_a_sub_cgroup(self):
        self.start_sleeper()
        os.mkdir(f"{CGROUP}/krun-{self.cid}/sub")
        out = self.ok("exec", "--cgroup", "/sub", self.cid, "grep", "^0::", "/proc/self/cgroup").out
        self.assertEqual(out, "0::/sub\n")
        self.assertIn("--cgroup", self.fails("exec", "--cgroup", "../..", self.cid, "true", status=255))
        self.ok("delete", "--force", self.cid)

    def owners(self):
        folder = f"{CGROUP}/krun-{self.cid}"
        return {name: os.stat(os.path.join(folder, name)).st_uid
                for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.freeze", "cgroup.kill")}

    def writable(self):
        for mount in self.config["mounts"]:
            if mount["type"] == "cgroup":
                mount["options"] = ["nosuid", "noexec", "nodev"]

    def test_writable_cgroup_belongs_to_the_containers_user(self):
        self.writable()
        self.shell("mkdir /sys/fs/cgroup/made && echo made; echo 1 > /sys/fs/cgroup/cgroup.freeze || echo refused; "
                   "rmdir /sys/fs/cgroup/made", user={"uid": 1000, "gid": 1000})
        self.create()
        self.assertEqual(self.owners(), {".": 1000, "cgroup.procs": 1000, "cgroup.subtree_control": 1000,
                                         "cgroup.freeze": 0, "cgroup.kill": 0})
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertIn("made", self.logged())
        self.assertIn("refused", self.logged())
        self.ok("delete", self.cid)

    def test_writable_cgroup_of_a_user_namespace(self):
        self.writable()
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        for folder in ("", "opt"):
            os.chown(os.path.join(self.rootfs, folder), 100000, 100000)
        self.shell("true")
        self.create()
        self.assertEqual(self.owners()["cgroup.procs"], 100000)
        self.ok("delete", "--force", self.cid)

    def test_writable_cgroup_of_a_user_namespace_that_is_joined(self):
        """Engines share namespaces in this way; they repeat the mappings, other callers do not."""
        self.writable()
        for folder in ("", "opt"):
            os.chown(os.path.join(self.rootfs, folder), 100000, 100000)
        with user_namespace(100000, 100000) as path:
            self.config["linux"]["namespaces"].append({"type": "user", "path": path})
            for maps in ([], [{"containerID": 0, "hostID": 100000, "size": 65536}]):
                for uid in (0, 1000):
                    with self.subTest(maps=maps, uid=uid):
                        self.config["linux"]["uidMappings"] = self.config["linux"]["gidMappings"] = maps
                        self.config["process"]["user"] = {"uid": uid, "gid": uid}
                        self.start_sleeper("mkdir /sys/fs/cgroup/made && echo ready; exec sleep 1000")
                        self.assertEqual(self.owners()["cgroup.procs"], 100000 + uid)
                        self.ok("delete", "--force", self.cid)

    def test_read_only_cgroup_stays_roots(self):
        self.shell("true", user={"uid": 1000, "gid": 1000})
        self.create()
        self.assertEqual(set(self.owners().values()), {0})
        self.ok("delete", "--force", self.cid)

    def test_delegated_cgroup_of_the_annotation(self):
        self.config["annotations"] = {"run.oci.delegate-cgroup": "payload"}
        self.writable()
        self.start_sleeper("mkdir /sys/fs/cgroup/made && echo ready; while :; do sleep 0.02; done")
        folder = f"{CGROUP}/krun-{self.cid}/payload"
        self.assertTrue(os.path.isdir(f"{folder}/made"))
        with open(f"{CGROUP}/krun-{self.cid}/cgroup.procs") as file:
            self.assertEqual(file.read(), "")
        self.assertEqual(self.ok("exec", self.cid, "grep", "^0::", "/proc/self/cgroup").out, "0::/\n")
        self.ok("pause", self.cid)
        self.assertEqual(self.status(), "paused")
        self.ok("resume", self.cid)
        self.ok("delete", "--force", self.cid)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"))

    def test_delegated_cgroup_that_leads_out(self):
        self.config["annotations"] = {"run.oci.delegate-cgroup": "../../x"}
        self.write_config()
        self.assertIn("run.oci.delegate-cgroup", self.run_fails())

    @huge_pages("2MB")
    def test_exec_follows_the_program_into_its_sub_cgroup(self):
        """A container that enables a controller below its cgroup has no process at the top, as systemd does it."""
        with open(f"{CGROUP}/cgroup.controllers") as file:
            if "hugetlb" not in file.read():
                self.skipTest("no hugetlb controller in the cgroup2 tree")
        self.config["linux"]["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 2 << 20}]
        for mount in self.config["mounts"]:
            if mount["type"] == "cgroup":
                mount["options"] = ["nosuid", "noexec", "nodev"]
        self.start_sleeper("cd /sys/fs/cgroup && mkdir sub && echo 1 > sub/cgroup.procs && for pid in $(cat cgroup.procs); "
                           "do echo $pid > sub/cgroup.procs; done; echo +hugetlb > cgroup.subtree_control && echo ready; "
                           "while :; do sleep 0.02; done")
        self.assertEqual(self.ok("exec", self.cid, "grep", "^0::", "/proc/self/cgroup").out, "0::/sub\n")
        self.ok("delete", "--force", self.cid)

    def test_hierarchy_without_a_cgroup_namespace(self):
        """Engines' --cgroupns=host does this: the path in /proc/self/cgroup exists in the mount."""
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "cgroup"]
        script = ("p=$(sed -n 's/^0:://p' /proc/self/cgroup); echo $p; grep -c -x $$ /sys/fs/cgroup$p/cgroup.procs; "
                  "mkdir /sys/fs/cgroup/made 2>/dev/null || echo read-only")
        for user_namespace in (False, True):
            with self.subTest(user_namespace=user_namespace):
                if user_namespace:
                    self.config["linux"]["namespaces"].append({"type": "user"})
                    for key in ("uidMappings", "gidMappings"):
                        self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
                    subprocess.run(["chown", "-R", "100000:100000", self.rootfs], check=True)
                    self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["type"] != "sysfs"]
                out = self.inside(script).split()
                self.assertTrue(out[0].endswith(f"/krun-{self.cid}"), out)
                self.assertEqual(out[1:], ["1", "read-only"])

    def test_no_cgroup_manager(self):
        self.shell("grep ^0:: /proc/self/cgroup")
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"]
                                              if item["type"] != "cgroup"]
        self.config["linux"]["resources"] = {}
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=["--cgroup-manager", "disabled"])
        with open("/proc/self/cgroup") as file:
            own = [line for line in file if line.startswith("0::")]
        self.assertEqual((result.status, result.out, result.err), (0, own[0], ""))
        self.config["linux"]["resources"] = {"pids": {"limit": 10}}
        self.write_config()
        self.assertIn("limits are asked for, but --cgroup-manager is disabled",
                      self.run_fails(options=["--cgroup-manager", "disabled"]))

    def test_systemd_manager_without_its_bus(self):
        """There is one error that names the bus, which no engine takes for a missing program, and nothing is left behind."""
        self.write_config()
        environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.top}/no-bus")
        text = self.fails("create", "--bundle", self.bundle, self.cid, options=["--systemd-cgroup"], env=environment)
        self.assertIn("systemd: the system bus does not answer (ENOENT)", text)
        self.assertNotIn("no such file", text.lower())
        self.assertIn("does not exist", self.fails("state", self.cid))

    def test_path_that_leads_out(self):
        for path in ("/a/../../b", "..", "a:b:c"):
            self.config["linux"]["cgroupsPath"] = path
            self.write_config()
            self.assertIn("/linux/cgroupsPath", self.run_fails())


class Limits(BothModes):
    @huge_pages("2MB", "1GB")
    def test_hugetlb_and_unified_are_written(self):
        if "hugetlb" not in controllers():
            self.skipTest("no hugetlb controller in the cgroup2 tree")
        self.config["linux"]["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4194304}]
        self.config["linux"]["resources"]["unified"] = {"hugetlb.1GB.max": "0"}
        self.start_sleeper()
        for name, value in (("hugetlb.2MB.max", "4194304"), ("hugetlb.2MB.rsvd.max", "4194304"), ("hugetlb.1GB.max", "0")):
            with open(f"{CGROUP}/krun-{self.cid}/{name}") as file:
                self.assertEqual(file.read().strip(), value, name)
        path = f"{self.top}/resources"
        with open(path, "w") as file:
            json.dump({"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]}, file)
        self.ok("update", "--resources", path, self.cid)
        with open(f"{CGROUP}/krun-{self.cid}/hugetlb.2MB.max") as file:
            self.assertEqual(file.read(), "2097152\n")
        self.ok("delete", "--force", self.cid)

    def check_limit(self, resources, name, value):
        controller = name.split(".")[0]
        if controller not in controllers():
            self.config["linux"]["resources"].update(resources)
            self.write_config()
            text = self.run_fails()
            self.assertIn(f"the {controller} controller is not available", text)
            self.skipTest(f"the {controller} controller is not in the cgroup2 tree (its error was checked)")
        self.config["linux"]["resources"].update(resources)
        self.start_sleeper()
        with open(f"{CGROUP}/krun-{self.cid}/{name}") as file:
            self.assertEqual(file.read().strip(), value)
        self.ok("delete", "--force", self.cid)

    def test_memory(self):
        self.check_limit({"memory": {"limit": 64 << 20}}, "memory.max", str(64 << 20))

    def test_cpu(self):
        self.check_limit({"cpu": {"quota": 50000, "period": 100000}}, "cpu.max", "50000 100000")

    def test_cpuset(self):
        self.check_limit({"cpu": {"cpus": "0"}}, "cpuset.cpus", "0")

    def test_pids(self):
        self.check_limit({"pids": {"limit": 50}}, "pids.max", "50")

    def test_io(self):
        self.check_limit({"blockIO": {"weight": 500}}, "io.weight", "default 4950")

    def test_what_engines_send_for_no_limit_asks_for_nothing(self):
        self.config["linux"]["resources"].update({
            "memory": {"limit": 0, "reservation": 0, "swap": 0, "checkBeforeUpdate": False},
            "cpu": {"shares": 1024, "quota": 0, "period": 0, "cpus": "", "mems": ""},
            "pids": {"limit": -1}, "blockIO": {"weight": 0}})
        self.write_config()
        self.run_ok()

    def test_update_without_a_change_and_with_wrong_amounts(self):
        self.start_sleeper()
        self.ok("update", "--resources", "-", self.cid, stdin='{"memory":{"limit":0},"cpu":{"shares":0}}')
        self.ok("update", "--resources=-", self.cid, stdin="{}")
        self.assertIn("nothing to change", self.fails("update", self.cid))
        self.assertIn("lots", self.fails("update", "--memory", "lots", self.cid))
        self.assertIn("stdin", self.fails("update", "--resources", "-", self.cid, stdin='{"memory":'))
        self.ok("delete", "--force", self.cid)

    def test_impossible_resources(self):
        for resources, text in (({"memory": {"kernel": 1000}}, "memory/kernel"),
                                ({"memory": {"swappiness": 10}}, "memory/swappiness"),
                                ({"network": {"classID": 5}}, "network/classID"),
                                ({"unified": {"../x.y": "1"}}, "unified"),
                                ({"cpu": {"realtimeRuntime": 5}}, "cpu/realtimeRuntime")):
            with self.subTest(resources=resources):
                self.config["linux"]["resources"] = resources
                self.write_config()
                self.assertIn(text, self.run_fails())


class Controllers(KrunTest):
    """The controllers of a container's cgroup: those of its limits, and those that it can divide itself."""

    def setUp(self):
        super().setUp()
        if not controllers():
            self.skipTest("no controller in the cgroup2 tree")
        self.parent = f"{CGROUP}/krun-test-{self.cid}"
        os.makedirs(f"{self.parent}/below")
        self.config["linux"]["cgroupsPath"] = f"/krun-test-{self.cid}/below/box"
        self.shell("cat /sys/fs/cgroup/cgroup.controllers")

    def tearDown(self):
        super().tearDown()
        os.rmdir(f"{self.parent}/below")
        os.rmdir(self.parent)

    def enabled(self, folder):
        with open(f"{folder}/cgroup.subtree_control") as file:
            return sorted(file.read().split())

    def enable(self, folder, words):
        with open(f"{folder}/cgroup.subtree_control", "w") as file:
            file.write(words)

    def has(self):
        return sorted(self.run_ok().split())

    def test_all_without_any_limit(self):
        self.assertEqual(self.has(), sorted(controllers()))

    def test_a_group_with_processes_is_passed_over(self):
        """The kernel would enable some controllers there, and then let no process into the cgroup below."""
        with self.sleeper(f"{self.parent}/below"):
            self.assertEqual(self.has(), [])
            self.assertEqual(self.enabled(f"{self.parent}/below"), [])
            name, resources = next((name, resources) for name, resources in (
                ("pids", {"pids": {"limit": 100}}), ("hugetlb", {"unified": {"hugetlb.2MB.max": "0"}})) if name in controllers())
            self.config["linux"]["resources"].update(resources)
            self.write_config()
            self.assertIn(f"enable the {name} controller in cgroup '/krun-test-{self.cid}/below': it has processes of its own",
                          self.run_fails())
        self.run_ok()

    @contextlib.contextmanager
    def sleeper(self, folder):
        """Starts a process in that cgroup."""
        with subprocess.Popen(["sleep", "1000"]) as process:
            try:
                with open(f"{folder}/cgroup.procs", "w") as file:
                    file.write(str(process.pid))
                yield
            finally:
                process.kill()

    def test_above_a_delegated_group_nothing_is_written(self):
        os.setxattr(f"{self.parent}/below", "user.delegate", b"1")
        self.assertEqual(self.has(), [])
        self.assertEqual(self.enabled(self.parent), [])
        # The container gets the controllers that the manager has delegated.
        first = controllers()[0]
        self.enable(CGROUP, f"+{first}")
        self.enable(self.parent, f"+{first}")
        self.assertEqual(self.has(), [first])
        self.assertEqual((self.enabled(self.parent), self.enabled(f"{self.parent}/below")), ([first], [first]))


class Hybrid(KrunTest):
    """krun on a host with v1 controllers; skipped where there is no such tree."""

    def view(self):
        words = hybrid_view()
        if not words:
            self.skipTest("this host has no hybrid cgroup tree")
        return words

    def test_host_without_any_v2_mount(self):
        """krun adds, freezes and kills processes and sets the device filter in a v2 tree that is mounted nowhere."""
        script = """set -e; umount /sys/fs/cgroup/unified; "$@" create --bundle "$BUNDLE" "$ID" > "$LOG" 2>&1; "$@" start "$ID"
            until grep -q ready "$LOG"; do sleep 0.01; done
            "$@" ps --format json "$ID"; "$@" pause "$ID"; "$@" state "$ID" | grep -o paused; "$@" resume "$ID"
            if "$@" update --pids-limit 5 "$ID" 2>&1; then exit 1; fi
            "$@" exec "$ID" sh -c 'echo < /dev/tty0 || echo refused' 2> /dev/null
            "$@" kill --all "$ID" KILL; until "$@" delete "$ID" 2> /dev/null; do sleep 0.01; done"""
        self.config["linux"]["devices"] = [{"path": "/dev/tty0", "type": "c", "major": 4, "minor": 0}]
        self.shell("sleep 100 & echo ready; while :; do sleep 0.02; done")
        done = subprocess.run([*self.view(), "sh", "-c", script, "sh", *self.command()],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60, text=True,
                              env=dict(self.environment(["exec"]), BUNDLE=self.bundle, ID=self.cid, LOG=self.log))
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.splitlines()
        self.assertGreaterEqual(len(json.loads(lines[0])), 2, "init and its child")
        self.assertEqual(lines[1], "paused")
        self.assertIn("the pids controller is on cgroup v1", lines[2])
        self.assertEqual(lines[3:], ["refused"])

    def test_limit_of_a_v1_controller_is_named(self):
        enter = self.view()
        self.config["linux"]["resources"]["pids"] = {"limit": 10}
        self.write_config()
        command = [*enter, *self.command("run", "--bundle", self.bundle, self.cid)]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the pids controller is on cgroup v1", done.stderr)
        self.config["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
        self.write_config(args=["cat", "/proc/self/cgroup"])
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertIn(b"\n0::/\n", done.stdout, done.stderr)
