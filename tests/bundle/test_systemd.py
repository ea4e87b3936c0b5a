# SPDX-License-Identifier: Apache-2.0
"""The systemd manager, with which the container's cgroup is a scope of systemd. Most of it needs systemd, so it runs in the vm ring."""

import glob
import json
import os
import re
import signal
import stat
import subprocess
import unittest

import session
from krun import BUILD, CGROUP, PROGRAMS, KrunTest, Result, features, require_systemd_manager, wait_until

MANAGER = ["--systemd-cgroup"]
PREFIX = "krunt"


class SystemdTest(KrunTest):
    """Base of tests with a scope of system.slice; afterwards no unit of it is left, failed or not."""

    slice = "system.slice"

    @classmethod
    def setUpClass(cls):
        require_systemd_manager()

    def setUp(self):
        super().setUp()
        self.unit = f"{PREFIX}-{self.cid}.scope"
        self.config["linux"]["cgroupsPath"] = f"{self.slice}:{PREFIX}:{self.cid}"
        self.folder = f"{CGROUP}/{self.slice}/{self.unit}"

    def tearDown(self):
        # delete --force removes what the test left; then nothing may be there.
        super().tearDown()
        self.assertEqual(self.units(), [], "unit left behind")
        self.assertEqual(glob.glob(f"{CGROUP}/**/*{self.cid}*", recursive=True), [], "cgroup left behind")

    def systemctl(self, *words):
        return subprocess.run(["systemctl", *words], capture_output=True, check=False).stdout.decode()

    def units(self):
        return self.systemctl("list-units", "--all", "--plain", "--no-legend", f"*{self.cid}*").splitlines()

    def show(self, unit=None):
        lines = self.systemctl("show", unit or self.unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def in_file(self, name):
        with open(f"{self.folder}/{name}") as file:
            return file.read().strip()

    def start(self, script="echo ready; exec sleep 1000"):
        self.shell(script)
        self.create(options=MANAGER)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")

    def without_cgroup_namespace(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "cgroup"]

    def assert_properties(self, shown, **expected):
        self.assertEqual({name: shown.get(name) for name in expected}, expected)


class Program(KrunTest):
    """The program that krun carries for this is linked with libraries that a machine may lack, whatever krun itself is linked with."""

    def setUp(self):
        super().setUp()
        if not features()["linux"]["cgroup"].get("systemd"):
            self.skipTest("this krun has no systemd manager")

    def without(self, paths, *arguments, options=()):
        """Runs krun where these files are empty, and systemd seems to run."""
        hide = [f"mount --bind /dev/null {os.path.realpath(path)}" for path in paths]
        script = ["mount -t tmpfs none /run", "mkdir -p /run/systemd/system", *hide, 'exec "$0" "$@"']
        return Result(subprocess.run(["unshare", "--mount", "sh", "-ec", "\n".join(script), *self.command(*arguments, options=options)],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60))

    def test_library_that_is_missing(self):
        hidden = glob.glob("/usr/lib/*/libsystemd.so.0") + glob.glob("/usr/lib64/libsystemd.so.0")
        self.write_config()
        result = self.without(hidden, "run", "--bundle", self.bundle, self.cid, options=MANAGER)
        self.assertEqual((result.status, result.out, result.err.count("\n")), (1, "", 1), result)
        self.assertIn("systemd: the program that talks to it does not start: it needs libsystemd.so.0", result.err)
        # Engines would take these for a program that the image lacks.
        self.assertNotIn("No such file", result.err)
        self.assertIn("--cgroup-manager cgroupfs", result.err)
        self.assertRegex(self.without(hidden, "check").out, r"(?m)^warning  systemd +systemd: the program that talks to it does not start")

    def test_bus_that_is_missing(self):
        self.assertRegex(self.without([], "check").out,
                         r"(?m)^warning  systemd +systemd: the system bus does not answer .*\n +-> without --cgroup-manager systemd")


class Scope(SystemdTest):
    LIMITS = {
        "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 80 << 20},
        "pids": {"limit": 30},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"},
        "blockIO": {"weight": 500},
    }
    # The values of the kernel then; systemd has no property for the last.
    FILES = {
        "memory.max": str(64 << 20), "memory.low": str(32 << 20), "memory.swap.max": str(16 << 20), "pids.max": "30",
        "cpu.weight": "100", "cpu.max": "50000 100000", "cpuset.cpus": "0", "io.weight": "default 4950",
        "hugetlb.2MB.max": str(4 << 20),
    }

    def files(self):
        return {name: self.in_file(name) for name in self.FILES}

    def test_limits_and_annotations_are_properties(self):
        self.allow("allowSystemdProperties")
        self.config["linux"]["resources"].update(self.LIMITS)
        self.config["annotations"] = {
            "org.systemd.property.TimeoutStopUSec": "uint64 7000000",
            "org.systemd.property.Description": "'a box of the tests'",
            "org.systemd.property.CollectMode": "'inactive-or-failed'",
        }
        self.without_cgroup_namespace()
        self.start()
        shown = self.show()
        self.assert_properties(
            shown, ActiveState="active", SubState="running", Slice="system.slice", Delegate="yes", Transient="yes",
            ControlGroup=f"/system.slice/{self.unit}", MemoryMax=str(64 << 20), MemoryLow=str(32 << 20),
            MemorySwapMax=str(16 << 20), TasksMax="30", CPUWeight="100", CPUQuotaPerSecUSec="500ms",
            CPUQuotaPeriodUSec="100ms", AllowedCPUs="0", AllowedMemoryNodes="0", IOWeight="4950", TimeoutStopUSec="7s",
            Description="a box of the tests", CollectMode="inactive-or-failed")
        # Only the container is in the scope, and exec joins it.
        pid = self.state()["pid"]
        self.assertEqual(self.in_file("cgroup.procs").split(), [str(pid)])
        self.assertEqual(self.ok("exec", self.cid, "cat", "/proc/self/cgroup").out, f"0::/system.slice/{self.unit}\n")
        self.ok("pause", self.cid)
        self.assertEqual((self.status(), self.in_file("cgroup.freeze")), ("paused", "1"))
        self.ok("resume", self.cid)
        self.assertEqual((self.status(), self.in_file("cgroup.freeze")), ("running", "0"))
        self.ok("delete", "--force", self.cid)
        self.assertEqual(self.show()["LoadState"], "not-found")
        self.assertFalse(os.path.exists(self.folder))

    def calls(self, script, annotations):
        """Returns how often a `run` executes the program that talks to systemd; the other execveat(2) protects krun's own file."""
        inject = os.path.join(BUILD, "tests", "faults", "tools", "inject")
        report = os.path.join(self.top, "report")
        if not os.path.exists(inject):
            self.skipTest("the program that counts system calls is for x86_64")
        self.config["annotations"] = annotations
        self.shell(script)
        done = subprocess.run([inject, report, "list", "--", *self.command("run", "--bundle", self.bundle, self.cid, options=MANAGER)],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        self.assertEqual(self.show()["LoadState"], "not-found", done)
        with open(report) as file:
            return done.returncode, sum(line.split()[1] == "execveat" for line in file) - 1

    def test_a_scope_that_ends_by_itself_is_not_stopped(self):
        # A busy systemd may need more time than krun gives it, but not each time.
        for _ in range(20):
            seen = self.calls("exit 3", {})
            if seen == (3, 1):
                break
            self.assertEqual(seen, (3, 2))
        self.assertEqual(seen, (3, 1))
        # systemd keeps a unit that failed, and only config.json knows of such a property.
        self.allow("allowSystemdProperties")
        self.assertEqual(self.calls("exit 3", {"org.systemd.property.Description": "'a box'"}), (3, 2))

    def device(self):
        """Returns the error of opening a device: that of the filter, or that of the kernel for a missing driver."""
        return self.krun("exec", self.cid, "sh", "-c", ": < /node").err

    def test_limits_updates_and_devices_survive_daemon_reload(self):
        self.config["linux"]["resources"].update(self.LIMITS)
        self.config["linux"]["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
        os.mknod(f"{self.rootfs}/node", 0o666 | stat.S_IFCHR, os.makedev(240, 77))
        self.start()
        self.assertEqual(self.files(), self.FILES)
        self.assertIn("Operation not permitted", self.device())
        self.systemctl("daemon-reload")
        self.assertEqual(self.files(), self.FILES)
        self.assertIn("Operation not permitted", self.device())
        self.ok("update", "--memory", "100m", "--memory-swap", "120m", "--pids-limit", "40", "--cpu-quota", "80000",
                "--cpuset-cpus", "0-1", "--cpu-share", "262144", self.cid)
        changed = dict(self.FILES, **{"memory.max": str(100 << 20), "memory.swap.max": str(20 << 20), "pids.max": "40",
                                      "cpu.max": "80000 100000", "cpuset.cpus": "0-1", "cpu.weight": "10000"})
        self.assertEqual(self.files(), changed)
        self.assert_properties(self.show(), MemoryMax=str(100 << 20), MemorySwapMax=str(20 << 20), TasksMax="40",
                               CPUQuotaPerSecUSec="800ms", AllowedCPUs="0-1", CPUWeight="10000", MemoryLow=str(32 << 20))
        self.systemctl("daemon-reload")
        self.assertEqual(self.files(), changed)
        self.assertIn("Operation not permitted", self.device())
        self.assertEqual(self.krun("exec", self.cid, "sh", "-c", ": < /dev/null && echo open").out, "open\n")
        # The limit is removed, and systemd has to know that, too.
        self.ok("update", "--memory", "-1", "--memory-swap", "-1", "--pids-limit", "-1", self.cid)
        self.assert_properties(self.show(), MemoryMax="infinity", MemorySwapMax="infinity", TasksMax="infinity")
        self.assertEqual([self.in_file(name) for name in ("memory.max", "memory.swap.max", "pids.max")], ["max"] * 3)

    def update(self, **words):
        """Updates the container; returns the values of the kernel afterwards."""
        self.ok("update", *[f"--{name.replace('_', '-')}={value}" for name, value in words.items()], self.cid)
        return self.in_file("cpu.max")

    def test_check_asks_systemd(self):
        version = self.systemctl("show", "--property=Version", "--value").strip()
        self.assertRegex(self.ok("check").out, rf"(?m)^ok +systemd +systemd {re.escape(version)} makes cgroups for krun$")

    def test_updates_that_systemd_sets_differently(self):
        """systemd has no period without a quota, and rounds; the next update starts from the values that were asked for."""
        self.start()
        self.assertEqual(self.update(cpu_period=50000), "max 50000")
        self.assertEqual(self.update(cpu_quota=25000), "25000 50000")
        self.assert_properties(self.show(), CPUQuotaPerSecUSec="500ms", CPUQuotaPeriodUSec="50ms")
        self.assertEqual(self.update(cpu_quota=100000, cpu_period=300000), "100000 300000")
        self.systemctl("daemon-reload")
        # An older systemd stores whole percents in its own files.
        self.assertIn(self.in_file("cpu.max"), ("100000 300000", "99000 300000"))
        self.assertEqual(self.update(cpu_quota=-1), "max 300000")
        # With another property of the controller systemd writes all of its files.
        self.assertEqual(self.update(cpu_share=1024), "max 300000")
        self.assertEqual(self.update(cpu_quota=150000), "150000 300000")

    def test_idle_and_back(self):
        self.start()
        if not os.path.exists(f"{self.folder}/cpu.idle"):
            self.skipTest("this kernel knows no idle groups")
        for idle in ("1", "0"):
            self.ok("update", "--resources", "-", self.cid, stdin=json.dumps({"cpu": {"idle": int(idle)}}))
            self.assertEqual(self.in_file("cpu.idle"), idle)
            self.systemctl("daemon-reload")
            self.assertEqual(self.in_file("cpu.idle"), idle)
        self.assertEqual(self.in_file("cpu.weight"), "100")

    def test_under_km(self):
        self.config["linux"]["resources"].update(self.LIMITS)
        self.shell("echo $KMSIM; cat /sys/fs/cgroup/memory.max")
        self.assertEqual(self.run_ok(options=MANAGER, mode="km").split(), ["1", str(64 << 20)])

    # ---- names ----

    def where(self, path):
        """Returns the cgroup of a container with that cgroupsPath."""
        self.config["linux"].pop("cgroupsPath")
        if path is not None:
            self.config["linux"]["cgroupsPath"] = path
        self.without_cgroup_namespace()
        return self.inside_scope("cat /proc/self/cgroup")

    def inside_scope(self, script):
        self.shell(script)
        return self.run_ok(options=MANAGER).strip()

    def test_no_path_means_krun_id_in_system_slice(self):
        self.assertEqual(self.where(None), f"0::/system.slice/krun-{self.cid}.scope")

    def test_slices(self):
        name = self.cid
        for path, expected in ((f":p:{name}", f"/system.slice/p-{name}.scope"),
                               (f"-.slice:p:{name}", f"/p-{name}.scope"),
                               (f"krunta-b.slice:p:{name}", f"/krunta.slice/krunta-b.slice/p-{name}.scope"),
                               (f"system.slice::{name}", f"/system.slice/-{name}.scope"),
                               (f"system.slice:p:{name}.scope", f"/system.slice/p-{name}.scope")):
            with self.subTest(path=path):
                self.assertEqual(self.where(path), "0::" + expected)
        self.systemctl("stop", "krunta.slice")

    def test_paths_that_name_no_unit(self):
        for path, text in (("/a/b", "slice:prefix:name"), ("a:b", "slice:prefix:name"), ("system.slice:p:", "slice:prefix:name"),
                           ("a:b:c:d", "slice:prefix:name"), ("system:p:n", "is not the name of a slice"),
                           ("a--b.slice:p:n", "is not the name of a slice"), ("system.slice:p:n.slice", "a slice")):
            with self.subTest(path=path):
                self.config["linux"]["cgroupsPath"] = path
                self.write_config()
                message = self.run_fails(options=MANAGER)
                self.assertIn("/linux/cgroupsPath", message)
                self.assertIn(text, message)

    def test_properties_that_this_host_does_not_allow(self):
        """One of them, Conflicts for example, could stop a service of the host."""
        self.config["annotations"] = {"org.systemd.property.Description": "'a box of an image'"}
        self.without_cgroup_namespace()
        self.start()
        self.assertNotEqual(self.show()["Description"], "a box of an image")

    def test_annotations_that_systemd_or_krun_refuses(self):
        self.allow("allowSystemdProperties")
        for name, value, text in (("Slice", "'user.slice'", "krun sets this property itself"),
                                  ("PIDs", "[1]", "krun sets this property itself"), ("Description", "it's", "Description"),
                                  ("Nonsense", "1", "Nonsense"), ("TimeoutStopUSec", "'soon'", "Failed to set unit properties")):
            with self.subTest(name=name):
                self.config["annotations"] = {f"org.systemd.property.{name}": value}
                self.write_config()
                self.assertIn(text, self.run_fails(options=MANAGER))

    def test_subgroup(self):
        self.config["annotations"] = {"run.oci.systemd.subgroup": "box"}
        self.without_cgroup_namespace()
        self.start()
        with open(f"/proc/{self.state()['pid']}/cgroup") as file:
            self.assertEqual(file.read(), f"0::/system.slice/{self.unit}/box\n")
        self.assertEqual(self.ok("exec", self.cid, "cat", "/proc/self/cgroup").out, f"0::/system.slice/{self.unit}/box\n")
        self.ok("delete", "--force", self.cid)
        self.assertFalse(os.path.exists(self.folder))

    # ---- its end ----

    def test_gone_after_memory_ran_out(self):
        self.config["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
        self.shell("hog")
        self.create(options=MANAGER)
        self.ok("start", self.cid)
        self.wait_stopped()
        self.ok("delete", self.cid)
        self.assertEqual(self.units(), [])

    def test_gone_after_its_processes(self):
        """systemd has ended the scope before delete runs."""
        self.shell("exit 3")
        self.create(options=MANAGER)
        self.ok("start", self.cid)
        wait_until(lambda: not os.path.exists(self.folder), what="end of the scope")
        self.assertEqual(self.status(), "stopped")
        self.ok("delete", self.cid)

    def kill_create(self, settled):
        # When hooks run, the container's first process is in the scope.
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
            "sh", "-c", f"touch {self.top}/hook; exec sleep 30"]}]}
        self.write_config()
        process = self.spawn(*MANAGER, "create", "--bundle", self.bundle, self.cid, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.isdir(self.folder), what="scope")
        if settled:
            wait_until(lambda: os.path.exists(f"{self.top}/hook"), what="hook")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.ok("delete", "--force", self.cid)
        # Until the container is in the scope, it ends by itself.
        wait_until(lambda: not self.units(), 0.1 if settled else 10, "end of the scope")

    def test_create_that_was_killed_while_systemd_makes_the_scope(self):
        self.kill_create(settled=False)

    def test_create_that_was_killed_with_the_container_in_the_scope(self):
        self.kill_create(settled=True)

    def test_create_that_fails_leaves_no_scope(self):
        self.write_config(args=["/no/such/program"])
        self.fails("create", "--bundle", self.bundle, self.cid, options=MANAGER)
        self.assertEqual(self.units(), [])

    def test_stale_failed_unit_is_replaced(self):
        subprocess.run(["systemd-run", "--scope", f"--unit={self.unit}", "--property=RuntimeMaxSec=100ms", "sleep", "30"],
                       capture_output=True, check=False)
        self.assertEqual(self.show()["ActiveState"], "failed")
        self.assertEqual(self.inside_scope("echo again"), "again")

    def test_unit_that_krun_did_not_make_is_left_alone(self):
        with subprocess.Popen(["systemd-run", "--scope", f"--unit={self.unit}", "sleep", "1000"], stderr=subprocess.DEVNULL) as other:
            try:
                wait_until(lambda: os.path.isdir(self.folder), what="scope")
                self.write_config()
                self.assertIn(self.unit, self.run_fails(options=MANAGER))
                self.assertEqual(self.in_file("cgroup.procs").split(), [str(other.pid)])
            finally:
                other.kill()
        wait_until(lambda: not self.units(), what="end of the other scope")


class OrdinaryUser(SystemdTest):
    """The systemd of an ordinary user makes the scope; krun runs without and with a user namespace around it."""

    slice = "user.slice/user-1000.slice/user@1000.service/user.slice"
    LIMITS = {"memory": {"limit": 48 << 20}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "period": 100000}}

    def setUp(self):
        self.session = session.Session.get()
        super().setUp()
        self.program = self.session.program(PROGRAMS["plain"], self.top)
        self.session.give(self.top)

    def tearDown(self):
        self.session.run(self.program, "delete", "--force", self.cid)
        super().tearDown()

    def systemctl(self, *words):
        return self.session.run("systemctl", "--user", *words).out

    def as_user(self, *arguments, inside=()):
        return self.session.run(*inside, self.program, *MANAGER, *arguments, cwd=self.bundle)

    def configure(self, script, user_namespace=True):
        self.assertEqual(self.as_user("spec", "--rootless").status, 0)
        with open(f"{self.bundle}/config.json") as file:
            self.config = json.load(file)
        self.config["process"].update(terminal=False, args=["/bin/sh", "-c", script])
        self.config["root"]["readonly"] = False
        self.config["linux"].update(cgroupsPath=f":{PREFIX}:{self.cid}", resources=self.LIMITS)
        if not user_namespace:
            self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
            del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        with open(f"{self.bundle}/config.json", "w") as file:
            json.dump(self.config, file)

    SCRIPT = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max"
    EXPECTED = f"{48 << 20}\n20\n50000 100000\n"

    def test_limits(self):
        self.configure(self.SCRIPT)
        result = self.as_user("run", self.cid)
        self.assertEqual((result.status, result.out), (0, self.EXPECTED), result)

    def test_limits_in_a_user_namespace(self):
        self.configure(self.SCRIPT, user_namespace=False)
        result = self.as_user("run", self.cid, inside=["unshare", "--user", "--map-root-user", "--mount"])
        self.assertEqual((result.status, result.out), (0, self.EXPECTED), result)

    def test_whole_life(self):
        self.configure("echo ready > /tmp/ready; exec sleep 1000")
        with open(self.log, "wb") as log:
            done = subprocess.run([self.program, *MANAGER, "create", self.cid], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  cwd=self.bundle, check=False, timeout=60, **self.session.words())
        self.assertEqual(done.returncode, 0, self.logged())
        # Later commands take the manager from the state.
        later = [self.program]
        self.assertEqual(self.session.run(*later, "start", self.cid).status, 0)
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/ready"), what="payload")
        self.assert_properties(self.show(), Slice="user.slice", Delegate="yes", MemoryMax=str(48 << 20), TasksMax="20")
        self.assertEqual(self.session.run(*later, "update", "--memory", "64m", self.cid).err, "")
        self.assert_properties(self.show(), MemoryMax=str(64 << 20))
        self.assertEqual(self.session.run(*later, "exec", self.cid, "cat", "/sys/fs/cgroup/memory.max").out, f"{64 << 20}\n")
        self.assertEqual(self.session.run(*later, "delete", "--force", self.cid).err, "")
        self.assertEqual(self.units(), [])

    def test_controller_that_was_not_delegated(self):
        self.configure("true")
        self.config["linux"]["resources"] = {"cpu": {"cpus": "0"}}
        with open(f"{self.bundle}/config.json", "w") as file:
            json.dump(self.config, file)
        result = self.as_user("run", self.cid)
        self.assertEqual(result.status, 1, result)
        self.assertIn("cpuset", result.err)
        self.assertEqual(result.err.count("\n"), 1, result)
