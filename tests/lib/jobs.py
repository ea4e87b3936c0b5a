# SPDX-License-Identifier: Apache-2.0
"""
Runs the rings bundle, hostile, races, faults and engines as processes: finds the tests of a ring, sets up their surroundings, runs several at once.

On a developer's machine a ring is one process, and sees as little of the machine as possible: it has its own mounts, cgroups and
/dev, so that rings of two checkouts do not disturb each other. On a machine that was made for these tests
(KRUN_TEST_MACHINE=own, set by tests/vm/inside) every file of tests is a process of its own, two run at once,
and they see the machine as it is: systemd, its bus and all processes. A job there has its own cgroup, which tells what it
leaves behind.
"""

import fcntl
import importlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import traceback
import unittest

import hoststate
import sample
from report import Reader

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CGROUP = "/sys/fs/cgroup"
IN_OWN_CGROUP = os.path.join(TESTS, "lib", "in-own-cgroup")
OWN_MACHINE = os.environ.get("KRUN_TEST_MACHINE") == "own"
AT_ONCE = int(os.environ.get("KRUN_TEST_JOBS", "2"))
RINGS = ("bundle", "hostile", "races", "faults", "engines")
# No test takes as long as this: the longest takes a minute in the emulated machine when its host is idle. With --full one goes
# through 10,000 rounds, or every case of a ring.
SILENCE, SILENCE_FULL = 600, 86400
# One of so many tests of engines runs in a slow machine, another one with another seed, and all with --full.
MACHINE_SHARE = 2
# When all tests run in a slow machine, these run first, because they take longest.
LONG = ("test_docker", "test_podman", "test_cri", "test_docker_systemd", "test_docker_remapped", "test_docker_rootless",
        "test_podman_systemd", "test_podman_user", "test_process")

# Shows the mounts of a machine with cgroup v2 alone, unless the machine is one. The tree is that of the job's own cgroup.
CGROUP_VIEW = '[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup || exit; '
# Shared mounts, as systemd makes them on every host: a mount that a runtime makes in the wrong place is seen by all.
SHARED = "mount --make-rshared / || exit; "
OWN_DEV = os.path.join(TESTS, "hostile", "own-dev")
OWN_RUN = ("mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /var/lib/cni && mount -t tmpfs tmpfs /var/lib/cni || exit; ")


def surroundings(ring):
    """Returns (a command in front, shell commands before the tests)."""
    if ring == "bundle":
        return [], CGROUP_VIEW + SHARED + 'exec "$@"'
    if ring in ("hostile", "races", "faults"):
        # Attacks may succeed, and a krun that is killed half-way may leave something, so they get nothing of the host's /dev to change.
        return [], CGROUP_VIEW + f'exec {OWN_DEV} sh -c \'{SHARED} exec "$@"\' sh "$@"'
    if OWN_MACHINE:
        return ["unshare", "--net"], SHARED + 'ip link set lo up && exec "$@"'
    # The shell stays as process 1 and reaps the processes that engines leave.
    return (["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
            OWN_RUN + CGROUP_VIEW + 'ip link set lo up && "$@"; exit $?')


# ---- which tests ----------------------------------------------------------------------------------------------------


def modes(cls):
    """Returns the classes of a test class: two if it is for both modes (variants)."""
    words = getattr(cls, "variants", [])
    if os.environ.get("KRUN_TEST_KM") == "real":
        # Tests that are not about km run with kmsim in its place only.
        words = [word for word in words if word == "km"]
        if not words:
            return [cls] if getattr(cls, "mode", "") == "km" else []
    if not words:
        return [cls]
    if os.environ.get("RUNTIME"):
        return [type(f"{cls.__name__}_plain", (cls,), {"__module__": cls.__module__})]
    return [type(f"{cls.__name__}_{word}", (cls,), {"mode": word, "__module__": cls.__module__})
            for word in words]


def wanted(test, name):
    """
    Returns whether the test runs. Without a name, a slow machine runs only a sample of those tests of engines that are marked for it
    (engines.in_machine), and another one what --share says.
    """
    if name:
        return name in test.id()
    if not OWN_MACHINE or not hasattr(test, "engine"):
        return sample.takes(test.id(), sample.share())
    if not getattr(getattr(test, test._testMethodName), "in_machine", False):
        return False
    return os.environ.get("KRUN_TEST_KM") == "real" or (
        test.machine_mode in (None, test.mode) and sample.takes(test.id(), MACHINE_SHARE))


def earlier_results():
    """Returns [[name, outcome]] of an earlier boot of this machine."""
    if "KRUN_TEST_RESULTS" not in os.environ:
        return []
    with open(os.environ["KRUN_TEST_RESULTS"]) as file:
        return json.load(file)


def name_in(ring, test):
    return ring + ": " + ".".join(test.id().split(".")[-3:])


def broken(module_name, text):
    """Returns the one test of a file that cannot be imported."""

    class Import(unittest.TestCase):
        def runTest(self):
            self.fail(text)

    Import.__module__ = module_name
    return Import()


def suites(ring, name, modules=None, done=()):
    """Returns {module: suite} of the tests that are wanted and not @done, without modules that have none."""
    folder = os.path.join(TESTS, ring)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    loader, found = unittest.TestLoader(), {}
    done = {*done, *(name for name, _ in earlier_results())}
    for module_name in sorted(file[:-3] for file in os.listdir(folder) if re.match(r"test_\w+\.py$", file)):
        if modules is not None and module_name not in modules:
            continue
        try:
            module = importlib.import_module(module_name)
        except Exception:
            found[module_name] = unittest.TestSuite([broken(module_name, traceback.format_exc())])
            continue
        suite = unittest.TestSuite()
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, unittest.TestCase) and cls.__module__ == module_name:
                for variant in modes(cls):
                    suite.addTests(test for test in loader.loadTestsFromTestCase(variant)
                                   if wanted(test, name) and name_in(ring, test) not in done)
        if suite.countTestCases():
            found[module_name] = suite
    return found


class RingResult(unittest.TestResult):
    def __init__(self, ring, report):
        super().__init__()
        self.ring = ring
        self.report = report
        self.started = time.monotonic()
        self.bad_subtests = []

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.bad_subtests = []
        self.report.began(self.name(test))

    def name(self, test):
        return name_in(self.ring, test)

    def finish(self, outcome, test, detail=""):
        now = time.monotonic()
        self.report.add(outcome, self.name(test), detail, now - self.started)
        self.started = now      # the set-up of a class or a module has no startTest()

    def addSuccess(self, test):
        self.finish("passed", test)

    def stopTest(self, test):
        # unittest calls none of the add methods for a test of which only subtests failed.
        if self.bad_subtests:
            self.finish("failed", test, "\n".join(self.bad_subtests[:5]))
        super().stopTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.finish("failed", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.finish("failed", test, self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.finish("skipped", test, reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad_subtests.append(self._exc_info_to_string(err, subtest))


def run_here(report):
    """Runs the tests of one job, which $KRUN_TEST_JOB names, in this process."""
    job = json.loads(os.environ.pop("KRUN_TEST_JOB"))
    suite = unittest.TestSuite(suites(job["ring"], job["name"], job["modules"], job["done"]).values())
    # The /dev is this job's own, except on a machine of the tests' own, so a change by a container or krun shows here.
    before = None if OWN_MACHINE else hoststate.snapshot(["node"])
    suite.run(RingResult(job["ring"], report))
    if before:
        hoststate.report_changes(before, f"{job['ring']}: dev_unchanged", report, patience=0)


# ---- jobs -----------------------------------------------------------------------------------------------------------


def silence():
    return SILENCE_FULL if sample.is_full() else SILENCE


class Job:
    def __init__(self, ring, modules, name, done, build, report, parent):
        """@done: names of tests that are left out; @parent: a cgroup in which the job gets one of its own, or None."""
        self.plan = ring, modules, name, done
        self.label = f"{ring}: {modules[0]}" if len(modules) == 1 else ring
        self.reader = Reader(report)
        self.cgroup = None
        self.own_cgroup = None
        read, low = os.pipe()
        # The shells in front of the tests use descriptors of one digit, and 10, for themselves.
        write = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 100)
        os.close(low)
        self.fd = read
        environment = dict(os.environ, KRUN_BUILD=build, KRUN_TEST_RECORDS=str(write),
                           KRUN_TEST_JOB=json.dumps({"ring": ring, "modules": modules, "name": name, "done": done}))
        if parent:
            self.cgroup = os.path.join(parent, f"job-{time.monotonic_ns()}-{modules[0]}")
            os.makedirs(self.cgroup, exist_ok=True)
        words, setup = surroundings(ring)
        command = [*words, os.path.join(TESTS, "kmsim", "with-stand-in"), os.path.join(build, "tests", "kmsim", "kmsim"),
                   "sh", "-c", setup, "sh", sys.executable, os.path.join(TESTS, "run.py")]
        if self.cgroup:
            command = ["sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs && exec "$@"', "sh", *command]
        else:
            self.own_cgroup = f"krun-tests-{os.getpid()}-{time.monotonic_ns()}"
            command = [IN_OWN_CGROUP, self.own_cgroup, *command]
        self.heard = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[write],
                                        start_new_session=True)
        os.close(write)

    def read(self):
        """Reads records; returns False at the end of them."""
        data = os.read(self.fd, 1 << 16)
        self.heard = time.monotonic()
        self.reader.feed(data)
        return bool(data)

    def is_silent(self):
        return time.monotonic() - self.heard > silence()

    def stop(self):
        if self.cgroup:
            with open(os.path.join(self.cgroup, "cgroup.kill"), "w") as file:
                file.write("1")
        else:
            os.killpg(self.process.pid, signal.SIGKILL)

    def finish(self, report, silent):
        os.close(self.fd)
        status = self.process.wait()
        if silent or not self.reader.ended:
            text = f"nothing heard for {silence()} s, ended" if silent else f"did not come to its end: status {status}"
            for name in self.reader.running or [self.label]:
                report.add("failed", name, text, silence() if silent else 0)
        if self.cgroup:
            # Helpers of engines may take a moment to end; a test that left something behind has failed already.
            with open(os.path.join(self.cgroup, "cgroup.kill"), "w") as file:
                file.write("1")
        else:
            done = subprocess.run([IN_OWN_CGROUP, "--remove", self.own_cgroup], capture_output=True, check=False)
            if done.returncode:
                report.add("failed", f"{self.label}: own_cgroup", done.stderr.decode(errors="replace"))

    def rest(self):
        """Returns a plan of the tests that did not run because one test ended the job, or None."""
        ring, modules, name, done = self.plan
        if self.reader.ended or not self.reader.running:
            return None
        return ring, modules, name, [*done, *self.reader.running, *(name for name, _ in self.reader.results)]


def own_cgroup():
    with open("/proc/self/cgroup") as file:
        return [line.strip()[3:] for line in file if line.startswith("0::")][0]


def parent_of_jobs():
    """Returns this run's own cgroup, delegated by systemd; moves its processes a level down, so that jobs get its controllers."""
    top = CGROUP + own_cgroup()
    os.makedirs(os.path.join(top, "runner"), exist_ok=True)
    with open(os.path.join(top, "cgroup.procs")) as file:
        pids = file.read().split()
    for pid in pids:
        with open(os.path.join(top, "runner", "cgroup.procs"), "w") as file:
            file.write(pid)
    with open(os.path.join(top, "cgroup.controllers")) as file:
        words = " ".join("+" + word for word in file.read().split())
    with open(os.path.join(top, "cgroup.subtree_control"), "w") as file:
        file.write(words)
    return top


def plan(selections):
    """Returns the jobs of [(ring, name)], as [(ring, modules, name, done)]."""
    planned = []
    for ring, name in selections:
        modules = list(suites(ring, name))
        if OWN_MACHINE:
            planned += [(ring, [module], name, []) for module in modules]
        elif modules:
            planned.append((ring, modules, name, []))
    if OWN_MACHINE:
        planned.sort(key=lambda job: LONG.index(job[1][0]) if job[1][0] in LONG else len(LONG))
    return planned


def run(selections, build, report):
    """Runs the tests of [(ring, name)]; the results go to @report as they come."""
    if os.geteuid() != 0:
        for ring, _ in selections:
            report.add("skipped", ring, "needs root")
        return
    waiting, selector = plan(selections), selectors.DefaultSelector()
    parent = parent_of_jobs() if OWN_MACHINE else None
    while waiting or selector.get_map():
        while waiting and len(selector.get_map()) < (AT_ONCE if OWN_MACHINE else 1):
            job = Job(*waiting.pop(0), build, report, parent)
            selector.register(job.fd, selectors.EVENT_READ, job)
        ready = {key.data for key, _ in selector.select(1)}
        for job in [key.data for key in selector.get_map().values()]:
            silent = job.is_silent()
            if silent:
                job.stop()
            if silent or (job in ready and not job.read()):
                selector.unregister(job.fd)
                job.finish(report, silent)
                if job.rest():
                    waiting.append(job.rest())
    if any(ring == "bundle" and not name for ring, name in selections) and sample.share() == 1:
        report_coverage(build, report)


def report_coverage(build, report):
    """Adds a test: every property of the specification has a test that did not fail, and is in the table of the tree."""
    import coverage

    results = [*earlier_results(), *report.results]
    table = coverage.rows([result for result in results if result[0].startswith("bundle: ")])
    path = os.path.join(TESTS, "spec-coverage.md")
    coverage.write(path if os.environ.get("KRUN_WRITE_COVERAGE") else os.path.join(build, "spec-coverage.md"), table)
    bad = [f"{pointer}: {result}" for pointer, _, result in table if result in ("no test", "failed")]
    bad += [f"{pointer}: not the same in tests/spec-coverage.md"
            for pointer in coverage.pointers_in(path) ^ set(coverage.PROPERTIES)]
    report.add("failed" if bad else "passed", "bundle: spec_coverage", "\n".join(bad))
