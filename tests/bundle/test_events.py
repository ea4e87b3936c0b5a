# SPDX-License-Identifier: Apache-2.0
"""`events`: what containers use, and kills because memory ran out."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from krun import CGROUP, BothModes, KrunTest, wait_until

NO_LIMIT = (1 << 64) - 1
MIB = 1 << 20

# ---- the structs of go-runc's events.go, decoded as strictly as encoding/json does ----------------------------------

U64, TEXT, NUMBER = "uint64", "string", "float64"


def list_of(shape):
    return ("list", shape)


def map_of(shape):
    return ("map", shape)


MEMORY_ENTRY = {"limit": U64, "usage": U64, "max": U64, "failcnt": U64}
BLKIO_ENTRY = {"major": U64, "minor": U64, "op": TEXT, "value": U64}
STALL = {"avg10": NUMBER, "avg60": NUMBER, "avg300": NUMBER, "total": U64}
PSI = {"some": STALL, "full": STALL}
INTERFACE = {"Name": TEXT} | {way + what: U64 for way in ("Rx", "Tx") for what in ("Bytes", "Packets", "Errors", "Dropped")}
RDMA = list_of({"device": TEXT, "hcaHandles": U64, "hcaObjects": U64})
STATS = {
    "cpu": {
        "usage": {"total": U64, "percpu": list_of(U64), "kernel": U64, "user": U64},
        "throttling": {"periods": U64, "throttledPeriods": U64, "throttledTime": U64},
        "psi": PSI,
    },
    "cpuset": {"cpus": list_of(U64), "mems": list_of(U64)},
    "memory": {"cache": U64, "usage": MEMORY_ENTRY, "swap": MEMORY_ENTRY, "kernel": MEMORY_ENTRY, "kernelTCP": MEMORY_ENTRY,
               "raw": map_of(U64), "psi": PSI},
    "pids": {"current": U64, "limit": U64},
    "blkio": {name: list_of(BLKIO_ENTRY) for name in (
        "ioServiceBytesRecursive", "ioServicedRecursive", "ioQueueRecursive", "ioServiceTimeRecursive", "ioWaitTimeRecursive",
        "ioMergedRecursive", "ioTimeRecursive", "sectorsRecursive")} | {"psi": PSI},
    "hugetlb": map_of(MEMORY_ENTRY),
    "rdma": {"current": RDMA, "limit": RDMA},
    "network_interfaces": list_of(INTERFACE),
}
EVENT = {"type": TEXT, "id": TEXT, "data": STATS}


def decode(value, shape, where="event"):
    """Raises wherever Go would fail, or quietly take another member."""
    def insist(condition):
        if not condition:
            raise AssertionError(f"{where}: {value!r} is no {shape}")

    if shape == U64:
        insist(isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= NO_LIMIT)
    elif shape == NUMBER:
        insist(isinstance(value, (int, float)) and not isinstance(value, bool))
    elif shape == TEXT:
        insist(isinstance(value, str))
    elif isinstance(shape, tuple):
        insist(isinstance(value, list if shape[0] == "list" else dict))
        for key, item in enumerate(value) if shape[0] == "list" else value.items():
            decode(item, shape[1], f"{where}/{key}")
    else:
        insist(isinstance(value, dict))
        for key, item in value.items():
            # Go ignores the case of keys, so another spelling would set the same field.
            if key not in shape:
                raise AssertionError(f"{where}/{key}: not in the structs")
            decode(item, shape[key], f"{where}/{key}")


def unique(pairs):
    if len({key.lower() for key, _ in pairs}) != len(pairs):
        raise AssertionError(f"twice the same key: {pairs}")
    return dict(pairs)


def parse(line):
    event = json.loads(line, object_pairs_hook=unique)
    decode(event, EVENT)
    if event["type"] == "stats":
        missing = {"cpu", "memory", "pids", "blkio", "hugetlb"} - set(event["data"])
        if missing:
            raise AssertionError(f"without {missing}")
    elif event["type"] != "oom" or "data" in event:
        raise AssertionError(f"unknown event {event}")
    return event


def controllers():
    with open(f"{CGROUP}/cgroup.controllers") as file:
        return file.read().split()


class Watching:
    """A running `krun events`, whose lines are read one by one."""

    def __init__(self, process):
        self.process = process
        self.rest = b""

    def line(self, seconds=30):
        """Returns the next line, "" at the end."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"no line within {seconds} s")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return ""
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def event(self):
        line = self.line()
        return parse(line) if line else None

    def until(self, condition, what):
        """Returns the first event for which condition(event) holds."""
        for event in iter(self.event, None):
            if condition(event):
                return event
        raise AssertionError(f"ended without {what}")

    def events(self):
        """Returns all events up to the end."""
        return list(iter(self.event, None))


class EventsTest(BothModes):
    variants = ()

    def stats(self, identity=None):
        lines = self.ok("events", "--stats", identity or self.cid).out.splitlines()
        self.assertEqual(len(lines), 1, lines)
        event = parse(lines[0])
        self.assertEqual((event["type"], event["id"]), ("stats", identity or self.cid))
        return event["data"]

    def watch(self, *arguments, **more):
        return Watching(self.spawn("events", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, **more))

    def ends(self, watching, status=0, err=""):
        self.assertEqual(watching.process.wait(20), status)
        self.assertEqual(watching.process.stderr.read().decode(), err)

    def second(self, script="echo ready; exec sleep 1000"):
        """Starts one more container of the same bundle."""
        identity = self.cid + "b"
        self.ids.append(identity)
        self.shell(script)
        self.create(identity=identity)
        self.ok("start", identity)
        return identity

    def need(self, controller):
        if controller not in controllers():
            self.skipTest(f"the {controller} controller is not in the cgroup2 tree")


class Stats(EventsTest):
    variants = BothModes.variants

    def test_shape_of_a_container_without_limits(self):
        self.start_sleeper()
        data = self.stats()
        self.assertGreater(data["cpu"]["usage"]["total"], 0)
        self.assertEqual([item["Name"] for item in data["network_interfaces"]], ["lo"])
        self.assertEqual(data["memory"].get("usage", {}).get("limit", NO_LIMIT), NO_LIMIT)
        self.assertEqual(data["pids"].get("limit", NO_LIMIT), NO_LIMIT)
        if os.path.exists(f"{CGROUP}/krun-{self.cid}/cpu.pressure"):
            for where in ("cpu", "memory", "blkio"):
                self.assertGreaterEqual(data[where]["psi"]["some"]["total"], 0)

    def test_what_is_not_counted_here_is_absent(self):
        self.start_sleeper()
        data = self.stats()
        for controller, present in (("memory", "usage" in data["memory"]), ("pids", "current" in data["pids"]),
                                    ("io", "ioServicedRecursive" in data["blkio"])):
            self.assertEqual(present, controller in controllers(), controller)

    def test_cpu_time_grows(self):
        self.start_sleeper("echo ready; while :; do :; done")
        before, after = self.stats()["cpu"]["usage"], None
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            after = self.stats()["cpu"]["usage"]
            if after["total"] >= before["total"] + 300_000_000:
                break
        self.assertGreaterEqual(after["total"], before["total"] + 300_000_000)
        self.assertGreater(after["user"], before["user"])
        self.assertGreaterEqual(after["kernel"], before["kernel"])
        # The kernel scales user and system time to the total, which it has in nanoseconds.
        self.assertLess(abs(after["total"] - after["user"] - after["kernel"]), 50_000_000)

    def test_network_of_the_container(self):
        for kind in ("bounding", "effective", "permitted"):
            self.config["process"]["capabilities"][kind].append("CAP_NET_RAW")
        self.start_sleeper("ping -c 2 -i 0.1 127.0.0.1 >/dev/null || ping -c 2 127.0.0.1 >/dev/null && echo ready; exec sleep 1000")
        interfaces = {item["Name"]: item for item in self.stats()["network_interfaces"]}
        # Two requests and two answers of 84 bytes.
        self.assertGreaterEqual(interfaces["lo"]["RxPackets"], 4)
        self.assertGreaterEqual(interfaces["lo"]["RxBytes"], 4 * 84)
        self.assertEqual(interfaces["lo"]["RxBytes"], interfaces["lo"]["TxBytes"])
        self.assertEqual(interfaces["lo"]["TxErrors"] + interfaces["lo"]["RxDropped"], 0)

    def test_network_of_the_host_is_not_the_containers(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "network"]
        # sysfs belongs to the network namespace.
        for mount in self.config["mounts"]:
            if mount["type"] == "sysfs":
                mount.update(type="bind", source="/sys", options=["rbind", "ro"])
        self.start_sleeper()
        self.assertNotIn("network_interfaces", self.stats())

    def test_names_of_interfaces_are_the_containers_choice(self):
        if not shutil.which("nsenter") or not shutil.which("ip"):
            self.skipTest("nsenter and ip are not installed")
        self.start_sleeper()
        enter = ["nsenter", "--net", "--target", str(self.state()["pid"]), "ip", "link", "set"]
        subprocess.run([*enter, "lo", "down"], check=True)
        subprocess.run([*enter, "lo", "name", b'"}\xff{\\'], check=True)
        self.assertEqual([item["Name"] for item in self.stats()["network_interfaces"]], ['"}�{\\'])

    def test_names_of_cgroup_files_are_the_containers_choice(self):
        for mount in self.config["mounts"]:
            if mount["type"] == "cgroup":
                mount["options"] = ["nosuid", "noexec", "nodev"]
        self.start_sleeper("cd /sys/fs/cgroup && mkdir hugetlb.evil.current rdma.current; "
                           "mkdir memory.events memory.current io.stat pids.current; echo ready; exec sleep 1000")
        self.assertTrue(os.path.isdir(f"{CGROUP}/krun-{self.cid}/hugetlb.evil.current"), self.logged())
        self.assertNotIn("evil", self.stats()["hugetlb"])
        watching = self.watch(self.cid)
        self.assertEqual(watching.event()["type"], "stats")
        self.ok("kill", self.cid, "KILL")
        self.assertEqual({event["type"] for event in watching.events()}, {"stats"})
        self.ends(watching)

    def test_huge_pages(self):
        self.need("hugetlb")
        if not os.path.isdir("/sys/kernel/mm/hugepages/hugepages-2048kB"):
            self.skipTest("no huge pages of 2MB on this machine")
        self.config["linux"]["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 * MIB}]
        self.start_sleeper()
        self.assertEqual(self.stats()["hugetlb"]["2MB"], {"limit": 4 * MIB, "usage": 0, "failcnt": 0})
        with open(f"{CGROUP}/krun-{self.cid}/cgroup.controllers") as file:
            self.assertIn("hugetlb", file.read())

    def test_memory_follows_an_allocation(self):
        self.need("memory")
        self.config["linux"]["resources"]["memory"] = {"limit": 96 * MIB}
        self.start_sleeper()
        before = self.stats()["memory"]
        self.assertEqual(before["usage"]["limit"], 96 * MIB)
        self.ok("exec", self.cid, "dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=16")
        after = self.stats()["memory"]
        self.assertGreaterEqual(after["usage"]["usage"], before["usage"]["usage"] + 15 * MIB)
        self.assertGreaterEqual(after["raw"]["shmem"], 16 * MIB)
        self.assertGreaterEqual(after["cache"], 16 * MIB)
        self.assertGreater(after["kernel"]["usage"], 0)
        self.assertEqual(after["kernelTCP"]["limit"], NO_LIMIT)
        self.ok("exec", self.cid, "rm", "/dev/shm/x")
        freed = self.stats()["memory"]
        self.assertLess(freed["usage"]["usage"], after["usage"]["usage"] - 8 * MIB)
        if os.path.exists(f"{CGROUP}/krun-{self.cid}/memory.peak"):
            self.assertGreaterEqual(freed["usage"]["max"], after["usage"]["usage"])
        if os.path.exists(f"{CGROUP}/krun-{self.cid}/memory.swap.current"):
            self.assertGreaterEqual(freed["swap"]["usage"], freed["usage"]["usage"] - MIB)

    def test_processes(self):
        self.need("pids")
        self.config["linux"]["resources"]["pids"] = {"limit": 77}
        self.start_sleeper("echo ready; exec sleep 1000")
        with open(f"{CGROUP}/krun-{self.cid}/pids.current") as file:
            before = int(file.read())
        self.assertEqual(self.stats()["pids"], {"current": before, "limit": 77})
        self.ok("exec", "--detach", self.cid, "sleep", "1000", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertGreater(self.stats()["pids"]["current"], before)

    def test_processor_quota(self):
        self.need("cpu")
        self.config["linux"]["resources"]["cpu"] = {"quota": 10000, "period": 100000}
        self.start_sleeper("echo ready; while :; do :; done")

        def throttled():
            throttling = self.stats()["cpu"]["throttling"]
            return throttling["throttledPeriods"] > 0 and throttling
        throttling = wait_until(throttled, 60, "throttled periods")
        self.assertGreaterEqual(throttling["periods"], throttling["throttledPeriods"])
        self.assertGreater(throttling["throttledTime"], 1_000_000)

    def test_cpuset(self):
        self.need("cpuset")
        self.config["linux"]["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
        self.start_sleeper()
        self.assertEqual(self.stats()["cpuset"], {"cpus": [0], "mems": [0]})

    def test_block_devices(self):
        self.need("io")
        self.start_sleeper()
        self.ok("exec", self.cid, "dd", "if=/dev/zero", "of=/tmp/x", "bs=1M", "count=8", "conv=fsync")
        with open(f"{CGROUP}/krun-{self.cid}/io.stat") as file:
            expect = {tuple(int(part) for part in line.split()[0].split(":")): line for line in file if "wbytes=" in line}
        if not expect:
            self.skipTest("the file system of the tests is on no block device")
        blkio = self.stats()["blkio"]
        for key, name in (("ioServiceBytesRecursive", "wbytes"), ("ioServicedRecursive", "wios")):
            written = {(item["major"], item["minor"]): item["value"] for item in blkio[key] if item["op"] == "Write"}
            self.assertEqual(set(written), set(expect))
            for device, line in expect.items():
                self.assertGreaterEqual(written[device], int(re.search(name + r"=(\d+)", line).group(1)))
        self.assertGreaterEqual(sum(item["value"] for item in blkio["ioServiceBytesRecursive"] if item["op"] == "Write"), 8 * MIB)

    def test_created_and_paused_containers(self):
        self.shell("exec sleep 1000")
        self.create()
        self.assertGreater(self.stats()["cpu"]["usage"]["total"], 0)
        self.ok("start", self.cid)
        self.ok("pause", self.cid)
        self.assertEqual(self.stats()["cpu"]["usage"]["total"], self.stats()["cpu"]["usage"]["total"])
        self.ok("resume", self.cid)


class Loop(EventsTest):
    variants = BothModes.variants

    def test_it_ends_with_the_container_and_its_last_words(self):
        self.start_sleeper("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        watching = self.watch("--interval=1h", self.cid)
        first = watching.event()
        self.assertEqual((first["type"], first["id"]), ("stats", self.cid))
        self.ok("kill", self.cid)
        last = watching.events()
        self.assertEqual([(event["type"], event["id"]) for event in last], [("stats", self.cid)])
        self.assertGreater(last[0]["data"]["cpu"]["usage"]["total"], first["data"]["cpu"]["usage"]["total"])
        self.ends(watching)
        self.assertEqual(self.status(), "stopped")

    def test_interval(self):
        self.start_sleeper()
        watching = self.watch("--interval", "200ms", self.cid)
        watching.event()
        started = time.monotonic()
        for _ in range(5):
            watching.event()
        self.assertGreater(time.monotonic() - started, 0.8)
        self.assertLess(time.monotonic() - started, 60)
        watching.process.terminate()
        self.ends(watching, -signal.SIGTERM)

    def test_it_sleeps_between_events(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        watching = self.watch("--interval", "1h", self.cid)
        watching.event()

        def switches():
            with open(f"/proc/{watching.process.pid}/status") as file:
                return re.findall(r"voluntary_ctxt_switches:\s*(\d+)", file.read())

        def at_rest():
            with open(f"/proc/{watching.process.pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "S"
        wait_until(at_rest, what="the loop's wait")
        before = switches()
        time.sleep(0.5)
        self.assertEqual(switches(), before)
        watching.process.send_signal(signal.SIGINT)
        self.ends(watching, -signal.SIGINT)

    def test_several_containers(self):
        self.start_sleeper("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        other = self.second()
        watching = self.watch("--interval", "100ms", self.cid, other, self.cid)
        self.assertEqual([watching.event()["id"], watching.event()["id"]], [self.cid, other])
        self.ok("kill", self.cid)
        self.wait_stopped()
        # A container that has ended disappears after its last line, the other one stays.
        rest = [watching.until(lambda event: True, "more")["id"] for _ in range(20)]
        self.assertEqual(rest[-5:], [other] * 5)
        self.ok("kill", other, "KILL")
        self.assertEqual({event["id"] for event in watching.events()} - {other}, set())
        self.ends(watching)

    def test_all_containers(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        other = self.second()
        stopped = self.cid + "c"
        self.ids.append(stopped)
        self.shell("true")
        self.create(identity=stopped)
        self.ok("start", stopped)
        self.wait_stopped(stopped)
        lines = self.ok("events", "--all", "--stats").out.splitlines()
        self.assertEqual([parse(line)["id"] for line in lines], sorted([self.cid, other]))
        watching = self.watch("--all", "--interval", "1h")
        self.assertEqual([watching.event()["id"], watching.event()["id"]], sorted([self.cid, other]))
        for identity in (self.cid, other):
            self.ok("delete", "--force", identity)
        self.assertLessEqual({event["id"] for event in watching.events()}, {self.cid, other})
        self.ends(watching)
        self.ok("delete", stopped)
        self.assertEqual(self.ok("events", "--all").out, "")

    def test_nobody_reads_any_more(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        for interval in ("1h", "100ms"):
            with self.subTest(interval=interval):
                watching = self.watch("--interval", interval, self.cid)
                watching.event()
                watching.process.stdout.close()
                self.ends(watching, -signal.SIGPIPE)
                # Callers that ignore the signal get the error.
                watching = self.watch("--interval", interval, self.cid, restore_signals=False)
                watching.event()
                watching.process.stdout.close()
                self.assertEqual(watching.process.wait(20), 1)
                self.assertRegex(watching.process.stderr.read().decode(), r"^krun: write .*: broken pipe\n$")

    def test_full_output(self):
        self.start_sleeper()
        with open("/dev/full", "w") as full:
            result = self.krun("events", "--stats", self.cid, stdout=full)
        self.assertEqual(result.status, 1)
        self.assertIn("no space left", result.err)


class BadInput(EventsTest):
    variants = BothModes.variants

    def test_words(self):
        self.start_sleeper()
        for words, text in (([], "ID or --all is missing"),
                            (["--all", self.cid], "either --all or ids"),
                            (["--interval", "5", self.cid], "--interval: '5'"),
                            (["--interval", "0s", self.cid], "--interval: '0s'"),
                            (["--interval", "1ms", self.cid], "10ms or more"),
                            (["--interval", "-5s", self.cid], "--interval: '-5s'"),
                            (["--interval=", self.cid], "--interval: ''"),
                            (["--interval", "999999999h", self.cid], "--interval"),
                            (["--format", "xml", self.cid], "--format: 'xml'"),
                            (["--stat", self.cid], "unknown flag: --stat")):
            with self.subTest(words=words):
                self.assertIn(text, self.fails("events", *words))

    def test_container_that_does_not_run(self):
        self.assertIn("does not exist", self.fails("events", "--stats", self.cid))
        self.shell("true")
        self.create()
        self.ok("start", self.cid)
        self.wait_stopped()
        for words in (["--stats"], [], ["--format", "table"]):
            self.assertEqual(self.fails("events", *words, self.cid),
                             f"cannot watch container '{self.cid}': container not running")

    def test_nothing_is_watched_when_one_of_several_cannot_be(self):
        self.start_sleeper()
        self.assertIn("'nobody' does not exist", self.fails("events", self.cid, "nobody"))

    def test_container_without_a_cgroup(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "cgroup"]
        self.config["linux"]["resources"] = {}
        self.shell("echo ready; exec sleep 1000")
        self.create(options=["--cgroup-manager", "disabled"])
        self.ok("start", self.cid)
        self.assertIn("no cgroup of its own", self.fails("events", self.cid))
        other = self.second()
        result = self.ok("events", "--all", "--stats")
        self.assertEqual([parse(line)["id"] for line in result.out.splitlines()], [other])
        self.assertRegex(result.err, rf"^krun\[\d+\] events warning: container '{self.cid}' has no cgroup of its own.*\n$")


class Table(EventsTest):
    variants = BothModes.variants

    header = ["ID", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"]

    def rows(self, text):
        lines = [re.split(r" {3,}", line) for line in text.splitlines()]
        self.assertEqual(lines[0], self.header)
        return {line[0].strip(): dict(zip(self.header, line)) for line in lines[1:]}

    def test_once(self):
        self.start_sleeper("echo ready; while :; do :; done")
        other = self.second("trap 'exit 0' TERM; echo ready; sleep 1000 & wait")
        started = time.monotonic()
        rows = self.rows(self.ok("events", "--stats", "--format", "table", "--interval", "300ms", self.cid, other).out)
        self.assertGreater(time.monotonic() - started, 0.3)
        self.assertEqual(list(rows), [self.cid, other])
        # One container computes all the time, the other one sleeps; the machine may be busy with other things.
        self.assertGreater(float(rows[self.cid]["CPU %"].rstrip("%")), 1)
        self.assertLess(float(rows[other]["CPU %"].rstrip("%")), 10)
        for row in rows.values():
            self.assertEqual(row["NET I/O"], "0B / 0B")
            self.assertEqual("- / -" in row["MEM USAGE / LIMIT"], "memory" not in controllers())
            self.assertEqual(row["PIDS"] == "-", "pids" not in controllers())

    def test_memory_columns(self):
        self.need("memory")
        self.config["linux"]["resources"]["memory"] = {"limit": 64 * MIB}
        self.start_sleeper("dd if=/dev/zero of=/dev/shm/x bs=1M count=16 2>/dev/null; echo ready; exec sleep 1000")
        row = self.rows(self.ok("events", "--stats", "--format", "table", "--interval", "100ms", self.cid).out)[self.cid]
        self.assertRegex(row["MEM USAGE / LIMIT"], r"^(1[6-9]|2\d)(\.\d+)?MiB / 64MiB$")
        self.assertGreater(float(row["MEM %"].rstrip("%")), 24)

    def test_a_container_that_has_ended_is_in_no_later_block(self):
        self.start_sleeper("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        other = self.second("trap 'exit 0' TERM; echo ready; sleep 1000 & wait")
        watching = self.watch("--format", "table", "--interval", "100ms", self.cid, other)
        watching.line()
        self.assertEqual([watching.line().split()[0] for _ in range(2)], [self.cid, other])
        self.ok("kill", self.cid)
        self.wait_stopped()
        # Blocks that were on their way, and the one with its last words.
        words = [watching.line().split()[0] for _ in range(60)]
        self.assertIn(self.cid, words)
        self.assertEqual(words[-4:].count("ID"), 2, words)
        self.assertEqual(words[-4:].count(other), 2, words)
        self.ok("kill", other)

    def test_one_block_for_each_interval(self):
        self.start_sleeper("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        watching = self.watch("--format", "table", "--interval", "100ms", self.cid)
        for _ in range(3):
            self.assertEqual(re.split(r" {3,}", watching.line()), self.header)
            self.assertTrue(watching.line().startswith(f"{self.cid} "))
        self.ok("kill", self.cid)
        lines = list(iter(watching.line, ""))
        self.assertTrue(lines[-1].startswith(f"{self.cid} "), lines)
        self.ends(watching)

    def test_without_containers(self):
        self.assertEqual(self.rows(self.ok("events", "--all", "--format", "table").out), {})

    def test_on_a_terminal_it_is_drawn_over(self):
        self.start_sleeper("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        master, slave = pty.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
            process = self.spawn("events", "--format", "table", "--interval", "100ms", self.cid, stdout=slave,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            text = b""
            while text.count(b"CPU %") < 4:
                self.assertTrue(select.select([master], [], [], 20)[0])
                text += os.read(master, 65536)
            # The cursor goes up over the header and the row, and everything below is erased.
            self.assertGreaterEqual(text.count(b"\x1b[2A\x1b[J"), 3)
            self.assertEqual(text.index(b"ID"), 0)
            self.ok("kill", self.cid)
            self.assertEqual(process.wait(20), 0)
        finally:
            os.close(master)
            os.close(slave)


class OutOfMemory(EventsTest):
    variants = BothModes.variants

    annotation = "app.kontain.krun.oomKilled"

    def limited(self, script):
        self.need("memory")
        self.config["linux"]["resources"]["memory"] = {"limit": 48 * MIB, "swap": 48 * MIB}
        self.shell(script)

    def annotations(self):
        return self.state()["annotations"]

    def test_event_and_annotation(self):
        self.limited("echo ready; while [ ! -e /go ]; do sleep 0.05; done; hog; echo child $?; "
                     "while [ ! -e /end ]; do sleep 0.05; done")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.assertNotIn(self.annotation, self.annotations())
        watching = self.watch("--interval", "1h", self.cid)
        self.assertEqual(watching.event()["type"], "stats")
        with open(f"{self.rootfs}/go", "w"):
            pass
        self.assertEqual(watching.event(), {"type": "oom", "id": self.cid})
        wait_until(lambda: "child 137" in self.logged(), what="end of the child")
        self.assertEqual((self.status(), self.annotations()[self.annotation]), ("running", "true"))
        self.assertEqual(json.loads(self.ok("list", "--format", "json").out)[0]["annotations"][self.annotation], "true")
        with open(f"{self.rootfs}/end", "w"):
            pass
        self.assertEqual([event["type"] for event in watching.events()], ["stats"])
        self.ends(watching)
        self.wait_stopped()
        self.assertEqual(self.annotations()[self.annotation], "true")
        self.ok("delete", self.cid)

    def test_every_kill_is_an_event(self):
        self.limited("echo ready; while [ ! -e /go ]; do sleep 0.05; done; for i in 1 2 3; do hog; sleep 0.5; done")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        watching = self.watch("--interval", "1h", self.cid)
        watching.event()
        with open(f"{self.rootfs}/go", "w"):
            pass
        self.assertEqual([event["type"] for event in watching.events()], ["oom", "oom", "oom", "stats"])
        self.ends(watching)

    def test_kills_of_before_are_not_told(self):
        self.limited("hog; echo ready; exec sleep 1000")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), 60, what="payload")
        watching = self.watch("--interval", "1h", self.cid)
        watching.event()
        self.ok("kill", self.cid, "KILL")
        self.assertEqual([event["type"] for event in watching.events()], ["stats"])
        self.ends(watching)

    def test_first_process_that_is_killed(self):
        self.limited("while [ ! -e /go ]; do sleep 0.05; done; exec hog")
        self.create()
        self.ok("start", self.cid)
        watching = self.watch("--interval", "1h", self.cid)
        watching.event()
        with open(f"{self.rootfs}/go", "w"):
            pass
        self.assertEqual([event["type"] for event in watching.events()], ["oom", "stats"])
        self.ends(watching)
        self.wait_stopped()
        self.assertEqual(self.annotations()[self.annotation], "true")

    def test_scope_of_systemd(self):
        """systemd may remove the cgroup before krun has read it, and before version 253 it does not keep why a scope ended."""
        if not os.path.isdir("/run/systemd/system"):
            self.skipTest("no systemd runs here")
        version = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True).stdout
        remembers = int(re.search(r"systemd (\d+)", version).group(1)) >= 253
        self.limited("while [ ! -e /go ]; do sleep 0.05; done; exec hog")
        self.create(options=["--systemd-cgroup"])
        self.ok("start", self.cid)
        watching = self.watch("--interval", "1h", self.cid)
        self.assertEqual(watching.event()["data"]["memory"]["usage"]["limit"], 48 * MIB)
        with open(f"{self.rootfs}/go", "w"):
            pass
        types = [event["type"] for event in watching.events()]
        self.assertIn(types, (["oom"], ["oom", "stats"]) + (() if remembers else ([], ["stats"])))
        self.ends(watching)
        self.wait_stopped()
        self.ok("delete", self.cid)
        result = self.run_container(options=["--systemd-cgroup"])
        self.assertEqual(result.status, 137)
        if remembers or result.err:
            self.assertRegex(result.err, r"^krun\[\d+\] run warning: killed by the kernel: out of memory.*\n$")

    def test_run_says_why(self):
        self.limited("exec hog")
        result = self.run_container()
        self.assertEqual(result.status, 137)
        self.assertRegex(result.err, rf"^krun\[\d+\] run warning: killed by the kernel: out of memory "
                                     rf"\(memory limit {48 * MIB} bytes\)\n$")
        # The log of an engine gets only errors of krun itself.
        log = os.path.join(self.top, "log.json")
        result = self.run_container(options=["--log", log, "--log-format", "json"])
        self.assertEqual((result.status, result.err), (137, ""))
        self.assertEqual(os.path.getsize(log), 0)

    def test_run_is_silent_about_other_ends(self):
        # The shell would say "Killed".
        self.limited("exec 2>/dev/null; hog; exit 5")
        result = self.run_container()
        self.assertEqual((result.status, result.err), (5, ""))
        self.shell("exec sleep 1000")
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: self.krun("state", self.cid).status == 0 and self.status() == "running", what="start")
        self.ok("kill", self.cid, "KILL")
        self.assertEqual(process.wait(20), 137)
        self.assertEqual(process.stderr.read(), b"")

    def test_table_has_a_line_for_it(self):
        self.limited("echo ready; while [ ! -e /go ]; do sleep 0.05; done; hog; sleep 0.5")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        watching = self.watch("--format", "table", "--interval", "1h", self.cid)
        lines = [watching.line() for _ in range(2)]
        with open(f"{self.rootfs}/go", "w"):
            pass
        lines = list(iter(watching.line, ""))
        self.assertEqual(lines[0], f"{self.cid}: memory ran out, the kernel killed a process")
        self.ends(watching)


class Claims(KrunTest):
    def test_config_does_not_decide_on_the_annotation(self):
        self.config["annotations"] = {OutOfMemory.annotation: "true", "other": "kept"}
        self.start_sleeper()
        annotations = self.state()["annotations"]
        self.assertNotIn(OutOfMemory.annotation, annotations)
        self.assertEqual(annotations["other"], "kept")
