# SPDX-License-Identifier: Apache-2.0
"""Effects of limits on the processes of a container, and their changes by `update`. Most need controllers of cgroup v2."""

import contextlib
import json
import os
import subprocess
import tempfile
import time
import unittest

from jobs import OWN_MACHINE
from krun import CGROUP, BothModes, KrunTest, huge_pages, hybrid_view, wait_until

MiB = 1 << 20


def controllers():
    with open(f"{CGROUP}/cgroup.controllers") as file:
        return file.read().split()


def needs(*names):
    """Skips a test on a machine whose cgroup2 tree lacks one of these controllers."""
    missing = sorted(set(names) - set(controllers()))
    return unittest.skipIf(missing, f"no {', '.join(missing)} controller in the cgroup2 tree")


class LimitsTest(KrunTest):
    def file(self, name):
        with open(f"{CGROUP}/krun-{self.cid}/{name}") as file:
            return file.read().strip()

    def numbers(self, name):
        """Reads a file of lines "key number"."""
        return {key: int(value) for key, value in (line.split() for line in self.file(name).splitlines())}

    def limit(self, **resources):
        self.config["linux"]["resources"].update(resources)

    def update(self, **resources):
        self.ok("update", "--resources", "-", self.cid, stdin=json.dumps(resources))

    def update_fails(self, **resources):
        return self.fails("update", "--resources", "-", self.cid, stdin=json.dumps(resources))

    def saved(self):
        """Returns the resources of config.json in the state directory."""
        with open(os.path.join(self.root, self.cid, "config.json")) as file:
            return json.load(file)["linux"]["resources"]

    def python(self, script, **process):
        """Makes a rootfs for programs of the host's python3, with this one as the container's."""
        self.config["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]})
        for name in ("lib", "lib64"):
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), os.path.join(self.rootfs, name))
        self.write_config(args=["/usr/bin/python3", "-I", "-S", "-c", script], **process)

    def finish(self):
        self.ok("delete", "--force", self.cid)


class Both(LimitsTest, BothModes):
    """Base of tests in both modes."""


# ---- what a limit does -------------------------------------------------------------------------------------------


class Memory(Both):
    EAT = "echo ready; dd if=/dev/zero of=/dev/null bs={}M count=1 2>&1; echo survived"

    def eat(self, size):
        """Runs a program that touches that much memory to its end, and keeps its container."""
        self.shell(self.EAT.format(size))
        self.create()
        self.ok("start", self.cid)
        self.wait_stopped()

    @needs("memory")
    def test_program_above_its_limit_is_killed(self):
        self.limit(memory={"limit": 24 * MiB, "swap": 24 * MiB})
        self.eat(64)
        self.assertGreaterEqual(self.numbers("memory.events")["oom_kill"], 1)
        self.assertEqual(self.file("memory.swap.max"), "0")
        self.assertIn("ready", self.logged())
        self.assertNotIn("records out", self.logged())
        self.finish()

    @needs("memory")
    def test_program_below_its_limit_is_not(self):
        self.limit(memory={"limit": 48 * MiB, "swap": 48 * MiB})
        self.eat(8)
        self.assertIn("survived", self.logged())
        self.assertEqual(self.numbers("memory.events")["oom_kill"], 0)
        self.finish()

    @needs("memory")
    def test_the_whole_container_dies_with_oom_group(self):
        self.limit(memory={"limit": 24 * MiB, "swap": 24 * MiB}, unified={"memory.oom.group": "1"})
        self.eat(64)
        self.assertNotIn("survived", self.logged())
        self.finish()


class MemoryOfAStart(LimitsTest):
    """In the plain mode only: under km such a limit is refused before anything is made."""

    mode = "plain"

    @needs("memory")
    def test_the_error_names_the_limit(self):
        for size in (32, 64):
            self.limit(memory={"limit": size << 10, "swap": size << 10})
            self.write_config(args=["/bin/true"])
            result = self.krun("run", "--bundle", self.bundle, self.cid)
            if "ended before it was complete" in result.err:
                self.assertIn(f"the container's memory limit is too low ({size << 10} bytes)", result.err)
            else:
                # This kernel needs less memory, or the killed process was not one of krun's.
                self.assertRegex(f"{result.status} {result.err}", "^0 |memory")


class Swap(LimitsTest):
    @contextlib.contextmanager
    def swap_file(self):
        if not OWN_MACHINE:
            self.skipTest("swap is everybody's: only made in the vm ring")
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(bytes(64 * MiB))
            file.flush()
            os.chmod(file.name, 0o600)
            if subprocess.run(f"mkswap {file.name} && swapon {file.name}", shell=True, check=False,
                              capture_output=True).returncode:
                self.skipTest("this machine cannot swap to a file")
            try:
                yield
            finally:
                subprocess.run(["swapoff", file.name], check=True)

    @needs("memory")
    def test_memory_and_swap_together(self):
        self.limit(memory={"limit": 16 * MiB, "swap": 64 * MiB})
        self.shell(Memory.EAT.format(32))
        with self.swap_file():
            self.create()
            self.assertEqual((self.file("memory.max"), self.file("memory.swap.max")), (str(16 * MiB), str(48 * MiB)))
            self.ok("start", self.cid)
            self.wait_stopped()
            self.assertIn("survived", self.logged())
            self.finish()


class Pids(Both):
    @needs("pids")
    def test_fork_fails_at_the_limit(self):
        self.limit(pids={"limit": 12})
        self.shell("i=0; while [ $i -lt 16 ]; do sleep 5 & i=$((i+1)); done; echo all")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: self.numbers("pids.events")["max"] > 0, what="a refused fork")
        self.assertEqual(self.file("pids.max"), "12")
        self.assertNotIn("all", self.logged())
        self.finish()

    @needs("pids")
    def test_zero_is_no_limit(self):
        """This is what users of podman mean by 0, at create and in an update."""
        self.limit(pids={"limit": 0})
        self.start_sleeper()
        for number, expect in (("50", "50"), ("0", "max"), ("20", "20"), ("-1", "max")):
            self.ok("update", "--pids-limit", number, self.cid)
            self.assertEqual(self.file("pids.max"), expect, number)
        self.update(pids={"limit": 30})
        self.update(pids={"limit": 0}, memory={"limit": 0})
        self.assertEqual(self.file("pids.max"), "max")
        self.assertEqual(self.saved()["pids"], {"limit": 0})
        self.finish()

    def test_zero_needs_no_controller(self):
        self.limit(pids={"limit": 0})
        self.write_config(args=["echo", "in"])
        self.assertEqual(self.run_ok(), "in\n")

    @needs("pids")
    def test_zero_in_unified_is_what_the_file_means(self):
        self.limit(unified={"pids.max": "0"})
        self.write_config()
        self.assertIn("/linux/resources/unified: pids.max of 0 leaves no room for the container's first process", self.run_fails())


class Cpu(Both):
    @needs("cpu")
    def test_quota_slows(self):
        self.limit(cpu={"quota": 10000, "period": 100000})
        self.start_sleeper("echo ready; while :; do :; done")
        before, start = self.numbers("cpu.stat"), time.monotonic()
        time.sleep(1)
        after, seconds = self.numbers("cpu.stat"), time.monotonic() - start
        self.assertGreater(after["nr_throttled"], before["nr_throttled"])
        used = (after["usage_usec"] - before["usage_usec"]) / 1e6
        self.assertLess(used, 0.4 * seconds, "a tenth was allowed")
        self.ok("update", "--cpu-quota", "-1", self.cid)
        before = self.numbers("cpu.stat")["nr_throttled"]
        time.sleep(0.3)
        self.assertLessEqual(self.numbers("cpu.stat")["nr_throttled"], before + 1)
        self.finish()

    @needs("cpuset")
    def test_cpuset_holds_for_every_process(self):
        self.limit(cpu={"cpus": "1", "mems": "0"})
        self.start_sleeper("grep Cpus_allowed_list /proc/self/status; nproc; echo ready; while :; do sleep 0.05; done")
        self.assertEqual(self.logged().split()[:3], ["Cpus_allowed_list:", "1", "1"])
        out = self.ok("exec", self.cid, "grep", "_allowed_list", "/proc/self/status").out
        self.assertEqual(out.split(), ["Cpus_allowed_list:", "1", "Mems_allowed_list:", "0"])
        self.ok("update", "--cpuset-cpus", "0-1", self.cid)
        self.assertEqual(self.ok("exec", self.cid, "nproc").out, "2\n")
        self.assertEqual(self.file("cpuset.cpus.effective"), "0-1")
        self.finish()

    @needs("cpuset")
    def test_callers_cpu_outside_of_the_set(self):
        self.limit(cpu={"cpus": "1"})
        self.write_config(args=["nproc"])
        done = subprocess.run(["taskset", "-c", "0", *self.command("run", "--bundle", self.bundle, self.cid)], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(done.stdout, b"1\n", done.stderr)

    @needs("cpuset")
    def test_cpus_that_the_group_above_does_not_have(self):
        parent = f"{CGROUP}/krun-test-{self.cid}"
        self.limit(cpu={"cpus": "0-1"})
        self.config["linux"]["cgroupsPath"] = f"/krun-test-{self.cid}/box"
        self.write_config()
        with open(f"{CGROUP}/cgroup.subtree_control", "w") as file:
            file.write("+cpuset")
        os.mkdir(parent)
        self.addCleanup(os.rmdir, parent)
        with open(f"{parent}/cpuset.cpus", "w") as file:
            file.write("0")
        self.assertIn("/linux/resources/cpu/cpus: write '0-1' to 'cpuset.cpus': the group above has '0' only", self.run_fails())
        self.config["linux"]["resources"]["cpu"] = {"cpus": "0"}
        self.write_config()
        self.run_ok()

    @needs("cpu")
    def test_idle_and_back(self):
        self.limit(cpu={"shares": 512})
        self.start_sleeper()
        weight = self.file("cpu.weight")
        self.assertEqual(weight, "59")
        self.ok("update", "--cpu-idle", "1", self.cid)
        self.assertEqual(self.file("cpu.idle"), "1")
        self.ok("update", "--cpu-idle", "0", self.cid)
        self.assertEqual((self.file("cpu.idle"), self.file("cpu.weight")), ("0", weight))
        # A share that is set while the group is idle takes effect afterwards.
        self.ok("update", "--cpu-idle", "1", self.cid)
        said = self.ok("update", "--cpu-share", "1024", self.cid).err
        self.assertIn("/linux/resources/cpu/shares: 1024 changes nothing while the group is idle, and holds when that ends", said)
        self.assertEqual(self.ok("update", "--cpu-idle", "0", self.cid).err, "")
        self.assertEqual(self.file("cpu.weight"), "100")
        self.finish()


    @needs("cpu")
    def test_share_of_a_group_that_is_made_idle(self):
        self.limit(cpu={"shares": 512, "idle": 1})
        self.start_sleeper()
        self.assertIn("/linux/resources/cpu/shares: 512 changes nothing while the group is idle, and holds when that ends", self.logged())
        self.ok("update", "--cpu-idle", "0", self.cid)
        self.assertEqual(self.file("cpu.weight"), "59")
        self.finish()


class Io(LimitsTest):
    def disk(self):
        """Returns the disk under the bundle, as "8:0"."""
        number = os.stat(self.bundle).st_dev
        path = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
        if not os.path.exists(path):
            self.skipTest("the bundle is not on a disk")
        if os.path.exists(f"{path}/partition"):
            path += "/.."
        with open(f"{path}/dev") as file:
            return file.read().strip()

    def read_seconds(self):
        start = time.monotonic()
        self.ok("exec", self.cid, "dd", "if=/data", "of=/dev/null", "bs=64k", "count=24", "iflag=direct")
        return time.monotonic() - start

    @needs("io")
    def test_throttle_slows_reads(self):
        major, minor = map(int, self.disk().split(":"))
        with open(os.path.join(self.rootfs, "data"), "wb") as file:
            file.write(bytes(24 * 65536))
            os.fsync(file.fileno())
        self.start_sleeper()
        free = self.read_seconds()
        self.update(blockIO={"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 512 << 10}]})
        self.assertEqual(self.file("io.max"), f"{major}:{minor} rbps=524288 wbps=max riops=max wiops=max")
        # The kernel lets the first reads pass without a delay.
        self.assertGreater(self.read_seconds(), free + 1)
        self.update(blockIO={"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 0}]})
        self.assertEqual(self.file("io.max"), "")
        self.finish()

    @needs("io")
    def test_lines_of_unified(self):
        disk = self.disk()
        self.limit(unified={"io.max": f"{disk} rbps=1048576\n{disk} wiops=120\n"})
        self.start_sleeper()
        self.assertEqual(self.file("io.max"), f"{disk} rbps=1048576 wbps=max riops=max wiops=120")
        self.finish()

    @needs("io", "pids")
    def test_device_that_is_not_there(self):
        self.limit(pids={"limit": 100})
        self.start_sleeper()
        text = self.update_fails(pids={"limit": 50},
                                 blockIO={"throttleWriteBpsDevice": [{"major": 99, "minor": 7, "rate": 5}]})
        self.assertIn("stdin: /blockIO/throttleWriteBpsDevice: write '99:7 wbps=5' to 'io.max': ", text)
        self.assertEqual(self.file("pids.max"), "100")
        self.assertEqual(self.saved()["pids"], {"limit": 100})
        self.finish()


class HugePages(Both):
    MAP = """
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def take(pages, more):
    at = libc.mmap(None, pages << 21, 3, 0x40022 | more, -1, 0)
    if at == ctypes.c_void_p(-1).value:
        return os.strerror(ctypes.get_errno())
    for page in range(pages):
        ctypes.memset(at + (page << 21), 1, 1)
    return 'has ' + str(pages)
"""

    def need_pages(self, number=8):
        """Skips the test without free huge pages; only on a machine of the tests' own it makes them, because their number is the whole machine's."""
        if OWN_MACHINE:
            self.addCleanup(self.set_pages, self.pages("nr"))
            self.set_pages(number)
        if self.pages("free") < number:
            self.skipTest(f"this machine has no {2 * number} MiB of free huge pages")

    @staticmethod
    def pages(kind):
        with open(f"/sys/kernel/mm/hugepages/hugepages-2048kB/{kind}_hugepages") as file:
            return int(file.read())

    @staticmethod
    def set_pages(number):
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "w") as file:
            file.write(str(number))

    @needs("hugetlb")
    @huge_pages("2MB")
    def test_reservation_above_the_limit_fails(self):
        self.need_pages()
        self.limit(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MiB}])
        self.python(self.MAP + "print(take(2, 0), take(1, 0), sep='; ')")
        self.assertEqual(self.run_ok(), "has 2; Cannot allocate memory\n")

    @needs("hugetlb")
    @huge_pages("2MB")
    def test_page_above_the_limit_kills_without_a_reservation(self):
        self.need_pages()
        self.limit(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MiB}])
        self.python(self.MAP + "print(take(3, 0x4000))")
        result = self.run_container()
        self.assertEqual((result.status, result.out), (128 + 7, ""), result.err)  # SIGBUS

    @needs("hugetlb")
    @huge_pages("2MB")
    def test_size_that_this_host_does_not_have(self):
        self.limit(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MiB}])
        self.start_sleeper()
        text = self.update_fails(hugepageLimits=[{"pageSize": "2MB", "limit": 2 * MiB}, {"pageSize": "3MB", "limit": 0}])
        self.assertIn("stdin: /hugepageLimits: write '0' to 'hugetlb.3MB.max': ", text)
        self.assertEqual((self.file("hugetlb.2MB.max"), self.file("hugetlb.2MB.rsvd.max")), (str(4 * MiB), str(4 * MiB)))
        self.assertEqual(self.saved()["hugepageLimits"], [{"pageSize": "2MB", "limit": 4 * MiB}])
        self.finish()

    @needs("hugetlb")
    @huge_pages("2MB", "1GB")
    def test_update_is_saved_in_the_state(self):
        self.limit(unified={"hugetlb.2MB.max": str(6 * MiB), "hugetlb.1GB.max": "0"})
        self.start_sleeper()
        self.update(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MiB}])
        self.assertEqual(self.file("hugetlb.2MB.max"), str(4 * MiB))
        saved = self.saved()
        self.assertEqual(saved["hugepageLimits"], [{"pageSize": "2MB", "limit": 4 * MiB}])
        # This file would be written last, and override the other one.
        self.assertEqual(saved["unified"], {"hugetlb.1GB.max": "0"})
        self.update(unified={"hugetlb.1GB.max": "1073741824"})
        self.assertEqual(self.saved()["unified"], {"hugetlb.1GB.max": "1073741824"})
        self.assertEqual(self.file("hugetlb.1GB.max"), "1073741824")
        # exec reads that file.
        self.ok("exec", self.cid, "true")
        self.finish()

    @needs("hugetlb")
    @huge_pages("2MB")
    def test_key_of_unified_that_is_no_file(self):
        self.limit(unified={"hugetlb.bogus": "1"})
        self.write_config()
        self.assertIn("/linux/resources/unified/hugetlb.bogus: write '1' to 'hugetlb.bogus': ", self.run_fails())


class Rdma(LimitsTest):
    """RDMA over an Ethernet device that does not exist."""

    def setUp(self):
        super().setUp()
        if not OWN_MACHINE:
            self.skipTest("devices and modules of the kernel are everybody's: only made in the vm ring")
        for command in ("modprobe rdma_rxe", "ip link add krun-rdma type dummy", "rdma link add krun_rxe type rxe netdev krun-rdma"):
            if subprocess.run(command.split(), capture_output=True, check=False).returncode:
                self.drop()
                self.skipTest(f"this machine cannot: {command}")
        self.addCleanup(self.drop)

    @staticmethod
    def drop():
        for command in ("rdma link delete krun_rxe", "ip link delete krun-rdma"):
            subprocess.run(command.split(), capture_output=True, check=False)

    @needs("rdma", "pids")
    def test_limits_of_a_device(self):
        self.limit(rdma={"krun_rxe": {"hcaHandles": 3}}, pids={"limit": 100})
        self.start_sleeper()
        self.assertEqual(self.file("rdma.max"), "krun_rxe hca_handle=3 hca_object=max")
        self.update(rdma={"krun_rxe": {"hcaObjects": 1000}})
        self.assertEqual(self.file("rdma.max"), "krun_rxe hca_handle=3 hca_object=1000")
        text = self.update_fails(rdma={"krun_rxe": {"hcaHandles": 5}, "none0": {"hcaHandles": 1}})
        self.assertIn("stdin: /rdma: write 'none0 hca_handle=1' to 'rdma.max': ", text)
        self.assertEqual(self.file("rdma.max"), "krun_rxe hca_handle=3 hca_object=1000")
        self.assertEqual(self.saved()["rdma"], {"krun_rxe": {"hcaHandles": 3, "hcaObjects": 1000}})
        self.finish()


class Devices(Both):
    """/dev/kmsg, which no container has by default; every user may open it for writing."""

    DENY = {"allow": False, "access": "rwm"}

    def setUp(self):
        super().setUp()
        self.config["linux"]["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
        for words in self.config["process"]["capabilities"].values():
            words.append("CAP_SYSLOG")

    def allow(self, access, **more):
        return {"allow": True, "type": "c", "major": 1, "minor": 11, "access": access, **more}

    def opens(self):
        """Returns the ways in which the container may open it."""
        script = ("for way in '<' '>' '<>'; do (eval \": $way/dev/kmsg\") 2>/tmp/error && echo $way || "
                  "grep -q 'not permitted' /tmp/error || cat /tmp/error; done")
        return self.ok("exec", self.cid, "sh", "-c", script).out.split()

    def test_partial_access(self):
        for access, expect in (("", []), ("r", ["<"]), ("w", [">"]), ("rw", ["<", ">", "<>"]), ("m", [])):
            with self.subTest(access=access):
                self.config["linux"]["resources"]["devices"] = [self.DENY] + ([self.allow(access)] if access else [])
                self.start_sleeper()
                self.assertEqual(self.opens(), expect)
                self.finish()

    def test_update_replaces_the_rules(self):
        self.start_sleeper()
        self.assertEqual(self.opens(), [])
        self.update(devices=[self.DENY, self.allow("r")])
        self.assertEqual(self.opens(), ["<"])
        self.assertEqual(self.saved()["devices"], [self.DENY, self.allow("r")])
        # An update without devices, or with an empty list, leaves the rules as they are.
        self.update(devices=[], cpu={"shares": 0})
        self.assertEqual(self.opens(), ["<"])
        self.update(devices=[{"allow": True, "access": "rwm"}])
        self.assertEqual(self.opens(), ["<", ">", "<>"])
        self.update(devices=[self.DENY, self.allow("rwm"), {"allow": False, "type": "c", "major": 1, "access": "w"}])
        self.assertEqual(self.opens(), ["<"])
        # Rules that every container has, and those for km, stay.
        self.ok("exec", self.cid, "sh", "-c", ": <>/dev/null && : <>/dev/ptmx")
        if self.mode == "km":
            self.ok("exec", self.cid, "sh", "-c", ": <>/dev/kvm")
        self.finish()

    def test_container_without_rules_gets_some(self):
        self.config["linux"]["resources"] = {}
        self.write_config()
        self.start_sleeper()
        self.assertEqual(self.opens(), ["<", ">", "<>"])
        self.update(devices=[self.DENY])
        self.assertEqual(self.opens(), [])
        self.finish()

    def test_failed_update_leaves_the_rules(self):
        self.start_sleeper()
        self.assertIn("/devices/1/type: 'x' is none of a, c, b",
                      self.update_fails(devices=[self.DENY, {"allow": True, "type": "x"}]))
        self.update_fails(devices=[self.allow("rwm")], unified={"no.such": "1"})
        self.assertEqual(self.opens(), [])
        self.finish()


# ---- update ------------------------------------------------------------------------------------------------------


class Update(Both):
    @needs("memory", "cpu", "pids")
    def test_every_option(self):
        self.start_sleeper()
        self.ok("update", "--memory", "64m", "--memory-swap", "96MiB", "--memory-reservation", "16mb", "--cpu-share", "2048",
                "--cpu-quota", "50000", "--cpu-period", "20000", "--cpu-burst", "10000", "--pids-limit", "100", self.cid)
        files = ("memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "cpu.max.burst", "pids.max")
        self.assertEqual([self.file(name) for name in files],
                         ["67108864", "33554432", "16777216", "174", "50000 20000", "10000", "100"])
        self.assertEqual(self.saved()["cpu"], {"shares": 2048, "quota": 50000, "period": 20000, "burst": 10000})
        # Each option changes its own limit only.
        for options, changed in (
                (("--cpu-quota", "60000"), {"cpu.max": "60000 20000"}),
                (("--cpu-period", "100000"), {"cpu.max": "60000 100000"}),
                (("--cpu-burst", "0"), {"cpu.max.burst": "0"}),
                (("--cpu-quota", "-1"), {"cpu.max": "max 100000"}),
                (("--memory", "48m"), {"memory.max": "50331648"}),
                (("--memory-swap", "64m"), {"memory.swap.max": "16777216"}),
                (("--memory", "-1"), {"memory.max": "max", "memory.swap.max": "max"}),
                (("--memory-reservation", "-1"), {"memory.low": "max"}),
                (("--pids-limit", "-1"), {"pids.max": "max"})):
            with self.subTest(options=options):
                expect = {name: self.file(name) for name in files}
                expect.update(changed)
                self.ok("update", *options, self.cid)
                self.assertEqual({name: self.file(name) for name in files}, expect)
        self.assertEqual(self.saved()["memory"], {"limit": -1, "swap": -1, "reservation": -1})
        self.finish()

    @needs("memory")
    def test_zeros_of_engines_change_nothing(self):
        self.limit(memory={"limit": 64 * MiB, "swap": 96 * MiB}, pids={"limit": 50}, cpu={"quota": 50000, "shares": 512})
        self.start_sleeper()
        files = ("memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "pids.max")
        before, saved = [self.file(name) for name in files], self.saved()
        self.update(memory={"limit": 0, "reservation": 0, "swap": 0, "kernel": 0}, blockIO={"weight": 0},
                    cpu={"shares": 0, "quota": 0, "period": 0, "realtimeRuntime": 0, "realtimePeriod": 0, "cpus": "", "mems": ""})
        self.assertEqual([self.file(name) for name in files], before)
        self.assertEqual({key: self.saved()[key] for key in saved}, saved)
        self.finish()

    @needs("memory", "pids")
    def test_created_and_paused_containers(self):
        """One of them was made without any limit, and so without the controllers."""
        self.write_config(args=["cat", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max"])
        self.create()
        self.ok("update", "--memory", "64m", "--pids-limit", "99", self.cid)
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.logged().split(), [str(64 * MiB), "99"])
        self.assertIn("stopped", self.fails("update", "--memory", "32m", self.cid))
        self.ok("delete", self.cid)
        self.start_sleeper()
        self.ok("pause", self.cid)
        self.ok("update", "--memory", "64m", self.cid)
        self.assertEqual((self.status(), self.file("memory.max")), ("paused", str(64 * MiB)))
        self.ok("resume", self.cid)
        self.finish()

    @needs("memory", "cpu", "pids")
    def test_refused_value_leaves_everything(self):
        self.limit(memory={"limit": 64 * MiB, "swap": 64 * MiB}, cpu={"quota": 50000}, pids={"limit": 99})
        self.start_sleeper()
        saved = self.saved()
        text = self.update_fails(memory={"limit": 32 * MiB, "swap": 96 * MiB}, cpu={"quota": 70000, "idle": 1},
                                 pids={"limit": 50}, unified={"memory.high": "many"})
        self.assertIn("stdin: /unified/memory.high: write 'many' to 'memory.high': invalid argument", text)
        self.assertEqual([self.file(name) for name in ("memory.max", "memory.swap.max", "cpu.max", "cpu.idle", "cpu.weight",
                                                       "pids.max")],
                         [str(64 * MiB), "0", "50000 100000", "0", "100", "99"])
        self.assertEqual(self.saved(), saved)
        self.assertEqual(os.listdir(os.path.join(self.root, self.cid)).count("config.json"), 1)
        self.finish()

    @needs("memory")
    def test_check_before_update(self):
        # The kernel does not count memory that was used before the controller was enabled.
        self.limit(memory={"limit": 64 * MiB})
        self.start_sleeper()
        text = self.update_fails(memory={"limit": 4096, "checkBeforeUpdate": True})
        self.assertRegex(text, "stdin: /memory/limit: write '4096' to 'memory.max': the present usage is [0-9]+")
        self.assertEqual((self.status(), self.file("memory.max")), ("running", str(64 * MiB)))
        self.finish()

    @needs("memory")
    def test_swap_is_counted_from_the_present_limit(self):
        self.start_sleeper()
        self.assertIn("/linux/resources/memory/swap: it includes memory", self.fails("update", "--memory-swap", "64m", self.cid))
        self.ok("update", "--memory", "64m", self.cid)
        self.assertIn("is smaller than its limit", self.fails("update", "--memory-swap", "32m", self.cid))
        self.ok("update", "--memory-swap", "80m", self.cid)
        self.assertEqual(self.file("memory.swap.max"), str(16 * MiB))
        self.ok("update", "--memory", "32m", self.cid)
        self.assertEqual((self.file("memory.max"), self.file("memory.swap.max")), (str(32 * MiB), str(16 * MiB)))
        self.assertEqual(self.saved()["memory"], {"limit": 32 * MiB, "swap": 48 * MiB})
        self.finish()

    @needs("cpu")
    def test_quota_below_the_burst(self):
        self.limit(cpu={"quota": 50000, "burst": 20000})
        self.start_sleeper()
        self.assertIn("a burst of 20000 is more than the quota, 10000", self.fails("update", "--cpu-quota", "10000", self.cid))
        self.ok("update", "--cpu-quota", "10000", "--cpu-burst", "5000", self.cid)
        self.ok("update", "--cpu-quota", "90000", "--cpu-burst", "80000", self.cid)
        self.assertEqual((self.file("cpu.max"), self.file("cpu.max.burst")), ("90000 100000", "80000"))
        self.finish()

    def test_values_that_are_none(self):
        self.start_sleeper()
        for option, value, text in (
                ("--memory", "lots", "update: --memory: 'lots' is not an amount of bytes"),
                ("--memory", "1.5g", "update: --memory: '1.5g' is not an amount of bytes"),
                ("--memory", "9000000t", "update: --memory: '9000000t' is out of range"),
                ("--memory", "99999999999999999999", "update: --memory: '99999999999999999999' is out of range"),
                ("--memory", "-2", "update: --memory: '-2' is out of range"),
                ("--memory", "0", "update: --memory: 0 would change nothing; -1 is no limit"),
                ("--cpu-share", "-1", "update: --cpu-share: '-1' is out of range"),
                ("--cpu-share", "5k", "update: --cpu-share: '5k' is not a whole number"),
                ("--cpu-period", "0", "update: --cpu-period: 0 would change nothing"),
                ("--cpu-idle", "2", "update: --cpu-idle: '2' is neither 0 nor 1"),
                ("--blkio-weight", "1001", "update: /resources/blockIO/weight: out of range (0 to 1000)"),
                ("--cpuset-cpus", "", "update: --cpuset-cpus: '' is not a value"),
                ("--pids-limit", "", "update: --pids-limit: '' is not a whole number"),
                ("--kernel-memory", "5m", "/linux/resources/memory/kernel: cgroup v2 has no limit for kernel memory"),
                ("--cpu-rt-runtime", "5", "/linux/resources/cpu/realtimeRuntime: cgroup v2 has no realtime limits"),
                ("--mem-bw-schema", "L3:0=1", "update: /intelRdt/memBwSchema: 'L3:0=1' is not one line that starts with MB:")):
            with self.subTest(option=option, value=value):
                self.assertEqual(self.fails("update", option, value, self.cid), text)
        self.finish()

    def test_keys_that_nobody_knows(self):
        self.start_sleeper()
        """An engine newer than krun sends them to create, too; there they are ignored, here with a warning."""
        new = {"memroy": {"limit": 5}, "unified": {}, "new": [1, [1 << 100, "\0"]]}
        result = self.ok("update", "--resources", "-", self.cid, stdin=json.dumps(new))
        for pointer, meant in (("/memroy", "; did you mean 'memory'?"), ("/new", "")):
            self.assertIn(f" warning: stdin: {pointer}: not in the specification, and ignored{meant}\n", result.err)
        self.assertEqual(result.err.count("\n"), 2, result)
        self.assertEqual(self.saved()["new"], [1, [1 << 100, "\0"]])
        self.assertIn("cannot be combined", self.fails("update", "--resources", "-", "--memory", "5m", self.cid, stdin="{}"))
        self.finish()

    def test_schemata_of_a_container_without_a_class(self):
        self.start_sleeper()
        text = self.fails("update", "--l3-cache-schema", "L3:0=f", "--mem-bw-schema", "MB:0=20", self.cid)
        self.assertEqual(text, f"/linux/intelRdt: container '{self.cid}' was created without it and has no resctrl class")
        self.finish()

    @needs("memory", "pids")
    def test_step_after_the_limits_fails(self):
        self.limit(memory={"limit": 64 * MiB, "swap": 80 * MiB})
        self.start_sleeper()
        self.assertIn("has no resctrl class", self.fails("update", "--memory", "32m", "--memory-swap", "96m", "--pids-limit", "50",
                                                 "--mem-bw-schema", "MB:0=20", self.cid))
        self.assertEqual([self.file(name) for name in ("memory.max", "memory.swap.max", "pids.max")],
                         [str(64 * MiB), str(16 * MiB), "max"])
        self.finish()

    def test_without_a_cgroup(self):
        self.config["linux"]["resources"] = {}
        self.shell("echo ready; while :; do sleep 0.02; done")
        self.create(options=["--cgroup-manager", "disabled"])
        self.assertIn("no cgroup of its own", self.fails("update", "--pids-limit", "5", self.cid))
        self.update(memory={"limit": 0}, pids={"limit": -1})
        self.finish()

    def test_many_at_once_leave_one_result(self):
        """Updates wait for each other; the state has the last one, complete."""
        self.start_sleeper()
        processes = [self.spawn("update", "--resources", "-", self.cid, stdin=subprocess.PIPE) for _ in range(8)]
        for number, process in enumerate(processes):
            process.stdin.write(json.dumps({"devices": [Devices.DENY] * (number + 1)}).encode())
            process.stdin.close()
        self.assertEqual([process.wait() for process in processes], [0] * 8)
        self.assertIn(len(self.saved()["devices"]), range(1, 9))
        self.assertEqual(sorted(name for name in os.listdir(os.path.join(self.root, self.cid)) if name.endswith("~")), [])
        self.finish()


@unittest.skipUnless(os.path.isdir("/run/systemd/system"), "this machine does not run systemd")
class Systemd(LimitsTest):
    """systemd knows the limits that are in force, also after an update that failed."""

    PROPERTIES = {"MemoryMax": "memory.max", "MemorySwapMax": "memory.swap.max", "TasksMax": "pids.max", "CPUWeight": "cpu.weight"}

    def setUp(self):
        super().setUp()
        self.unit = f"krun-test-{self.cid}.scope"
        self.config["linux"]["cgroupsPath"] = f"system.slice:krun-test:{self.cid}"

    def values(self):
        """Returns systemd's values, which have to equal those of the files."""
        out = subprocess.run(["systemctl", "show", "-p", ",".join(self.PROPERTIES), self.unit], check=True, capture_output=True,
                             text=True).stdout
        shown = dict(line.split("=") for line in out.split())
        folder = f"{CGROUP}/system.slice/{self.unit}"
        found = {}
        for name, file in self.PROPERTIES.items():
            with open(f"{folder}/{file}") as stream:
                found[name] = stream.read().strip().replace("max", "infinity")
        self.assertEqual(shown, found)
        return [found[name] for name in self.PROPERTIES]

    def test_update_and_its_way_back(self):
        # Without a limit of krun systemd sets its own (DefaultTasksMax).
        self.limit(memory={"limit": 64 * MiB, "swap": 64 * MiB}, cpu={"shares": 512}, pids={"limit": 90})
        self.shell("echo ready; while :; do sleep 0.05; done")
        self.create(options=["--systemd-cgroup"])
        self.ok("start", self.cid)
        first = [str(64 * MiB), "0", "90", "59"]
        self.assertEqual(self.values(), first)
        self.ok("update", "--memory", "48m", "--memory-swap", "64m", "--pids-limit", "77", "--cpu-share", "1024", self.cid)
        second = [str(48 * MiB), str(16 * MiB), "77", "100"]
        self.assertEqual(self.values(), second)
        # The kernel refuses the first, and the second after systemd has set it.
        self.assertIn("memory.high", self.update_fails(memory={"limit": 32 * MiB}, unified={"memory.high": "many"}))
        self.assertEqual(self.values(), second)
        self.assertIn("has no resctrl class", self.fails("update", "--memory", "32m", "--pids-limit", "50", "--mem-bw-schema", "MB:0=20",
                                                 self.cid))
        self.assertEqual(self.values(), second)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(self.values(), second)
        self.finish()


class Hybrid(KrunTest):
    """A host with v1 controllers."""

    def test_update_names_the_controller_and_the_remedy(self):
        view = hybrid_view()
        if not view:
            self.skipTest("this host has no hybrid cgroup tree")
        self.start_sleeper()
        for option, value, controller in (("--memory", "64m", "memory"), ("--pids-limit", "5", "pids"), ("--cpu-share", "5", "cpu"),
                                          ("--cpuset-cpus", "0", "cpuset")):
            command = [*view, *self.command("update", option, value, self.cid)]
            done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"the {controller} controller is on cgroup v1", done.stderr)
            self.assertIn("systemd.unified_cgroup_hierarchy=1", done.stderr)
        # The zeros that engines send change nothing.
        command = [*view, *self.command("update", "--resources", "-", self.cid)]
        subprocess.run(command, check=True, input=b'{"memory":{"limit":0},"cpu":{"shares":0}}')
        self.ok("delete", "--force", self.cid)
