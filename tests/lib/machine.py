# SPDX-License-Identifier: Apache-2.0
"""The vm ring: runs the rings bundle and engines on a machine of one of Debian's suites, which tests/vm makes and boots."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from report import Reader

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# A complete run takes about a quarter of an hour on two idle cores, and several times as long on a busy machine. So the limit is
# for silence: a machine that boots, or in which a job hangs (jobs.SILENCE), prints something earlier.
SILENCE = int(os.environ.get("KRUN_VM_SILENCE", "700"))
# km itself: if it is set, only the tests that are about km run, and with it.
KM = os.environ.get("KRUN_KM", "")
CONSOLE_LINES = 40
# The line of tests/vm/run-in-vm in the console, in front of what ask-machine finds.
ASKED = "run-in-vm: stopped; what the machine did:"
SUITES = ("bookworm", "trixie")
# Emulation is slow, and its host may be busy, so time limits are missed without a fault of krun. More failures than this have another reason.
AGAIN_MAX = 10
# The emulator has faults that end a machine (tests/vm/hold-static-keys prevents one) or make it hang. It is booted again for the tests
# that have no result yet: often when it ended by itself, once when it hung, which costs more time. If krun were the reason, it would
# be so each time; and what the machine did is printed.
LIVES_MAX = 4
# Statuses of tests/vm/run-in-vm.
ENDED_BY_ITSELF = 125
STOPPED = 143


class FirstAttempt:
    """Reports tests that passed; keeps those that failed for a second attempt, in a machine that has nothing else to do."""

    def __init__(self, report):
        self.report = report
        self.failed = {}

    def began(self, name):
        self.report.began(name)

    def add(self, outcome, name, detail="", seconds=0.0):
        if outcome != "failed":
            self.report.add(outcome, name, detail, seconds)
            return
        self.failed.setdefault(name, (detail, seconds))
        print(f"again   {name} [{seconds:.2f}s]\n    " + detail.rstrip().replace("\n", "\n    "), flush=True)

    def selections(self):
        """Returns the selections of the second attempt, or None when there is none."""
        found = [re.match(r"vm \w+: (bundle|engines|faults): \w+\.(\w+\.\w+)$", name) for name in self.failed]
        if not found or len(found) > AGAIN_MAX or not all(found):
            return None
        return [f"{match.group(1)}:{match.group(2)}" for match in found]

    def give_up(self, but=()):
        for name, (detail, seconds) in self.failed.items():
            if name not in but:
                self.report.add("failed", name, detail, seconds)


class Machine:
    """The machine of one run: an image that is never written, and a directory of the run for files that it shares with the guest."""

    def __init__(self, suite, image, top):
        self.suite = suite
        self.image = image
        self.share = os.path.join(top, "share")
        self.console = os.path.join(top, "console.log")

    def fill_share(self, build):
        """Puts into the shared directory what the guest needs: the tests, the program under its names, kmsim or, in its place, km."""
        tree = os.path.join(self.share, "krun")
        os.makedirs(os.path.join(tree, "build", "tests", "kmsim"))
        os.makedirs(os.path.join(tree, "build", "src"))
        shutil.copytree(TESTS, os.path.join(tree, "tests"), ignore=shutil.ignore_patterns("__pycache__"))
        # Its files are part of a test of containerd.
        shutil.copytree(os.path.join(os.path.dirname(TESTS), "contrib", "kubernetes"), os.path.join(tree, "contrib", "kubernetes"))
        # Their examples are tests.
        shutil.copytree(os.path.join(os.path.dirname(TESTS), "man"), os.path.join(tree, "man"))
        shutil.copy(os.path.join(os.path.dirname(TESTS), "README.md"), tree)
        for name in os.listdir(os.path.join(build, "src")):
            if re.match(r"krun[a-z-]*$", name):
                shutil.copy(os.path.join(build, "src", name), os.path.join(tree, "build", "src", name), follow_symlinks=False)
        shutil.copy(KM or os.path.join(build, "tests", "kmsim", "kmsim"), os.path.join(tree, "build", "tests", "kmsim", "kmsim"))
        for ring in ("bundle", "hostile", "faults"):
            tools = os.path.join(build, "tests", ring, "tools")
            if os.path.isdir(tools):
                shutil.copytree(tools, os.path.join(tree, "build", "tests", ring, "tools"), ignore=shutil.ignore_patterns("*.p"))
        # One file, because the shared directory is slow.
        subprocess.run(["tar", "-C", self.share, "-cf", os.path.join(self.share, "krun.tar"), "krun"], check=True)
        shutil.rmtree(tree)
        shutil.copy(os.path.join(TESTS, "vm", "inside"), self.share)

    def run(self, chosen, report, machine_report, jobs=os.environ.get("KRUN_TEST_JOBS", "")):
        """Runs the tests of @chosen in as many boots of the machine as they need; returns whether they came to their end."""
        results, label, ends = [], f"vm {self.suite}: machine", []
        while True:
            with open(os.path.join(self.share, "results"), "w") as file:
                json.dump(results, file)
            problem, end, seconds = self.boot(chosen, report, jobs, results)
            ends.append(end)
            if not problem or end not in (ENDED_BY_ITSELF, STOPPED) or len(ends) == LIVES_MAX or ends.count(STOPPED) > 1:
                break
            print(f"again   {label} [{seconds:.2f}s]\n    " + problem.replace("\n", "\n    "), flush=True)
        machine_report.add("failed" if problem else "passed", label, problem, seconds)
        return not problem

    def boot(self, chosen, report, jobs, results):
        """Boots the machine once and adds to @results; returns (what is wrong or "", status of tests/vm/run-in-vm, seconds)."""
        words = [f"KRUN_TEST_JOBS={jobs}"] if jobs else []
        words += ["KRUN_TEST_KM=real"] if KM else []
        words += [f"{name}={os.environ[name]}" for name in ("KRUN_TEST_FULL", "KRUN_TEST_SEED") if name in os.environ]
        # However this process ends, the machine ends with it.
        command = ["setpriv", "--pdeathsig", "TERM", os.path.join(TESTS, "vm", "run-in-vm"), self.image, "--timeout", "0",
                   "--share", self.share, "--console", self.console, "--", "env", *words, "sh", "/mnt/share/inside", *chosen]
        started = time.monotonic()
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        reader = Reader(report, f"vm {self.suite}: ", lambda line: print(f"    guest: {line}", flush=True))
        while True:
            if not select.select([guest.stdout], [], [], SILENCE)[0]:
                guest.send_signal(signal.SIGUSR1)
            data = os.read(guest.stdout.fileno(), 1 << 16)
            if not data:
                break
            reader.feed(data)
        guest.stdout.close()
        status, seconds = guest.wait(), time.monotonic() - started
        results += reader.results
        problem = self.why(status, reader) if not reader.ended else "" if results else "no test was run in it"
        return problem, status, seconds

    def why(self, status, reader):
        words = {STOPPED: f"stopped: it said nothing for {SILENCE} s ($KRUN_VM_SILENCE)", ENDED_BY_ITSELF: "the machine ended by itself",
                 126: "there is no machine to start"}.get(status, f"the test run ended early, status {status}")
        doing = ", ".join(reader.running) or "no test"
        with open(self.console, errors="replace") as file:
            lines = [line.rstrip() for line in file]
        # All of what it was asked before it was stopped.
        asked = [index for index, line in enumerate(lines) if line.endswith(ASKED)]
        lines = lines[-max(CONSOLE_LINES, len(lines) - asked[-1] + 10 if asked else 0):]
        return "\n".join([f"{words}; was in: {doing}; the end of its console:", *(lines or ["(nothing)"])])


def selections(names):
    """
    Returns the selections in the machine: vm:NAME selects NAME in the rings bundle and engines, vm:bundle and vm:engines:NAME in one of
    them, vm:faults:NAME in the ring faults.
    """
    found = []
    for name in names:
        if not name:
            found += ["bundle", "engines"]
        elif re.match(r"(bundle|engines|faults)(:|$)", name):
            found.append(name)
        else:
            found += [f"bundle:{name}", f"engines:{name}"]
    return found


def dynamic_programs(build):
    """Returns the programs of this build that need the host's libraries, of which the machine has other ones or none."""
    programs = [os.path.join(build, "src", "krun"), os.path.join(build, "tests", "kmsim", "kmsim")]
    return [program for program in programs if b"INTERP" in subprocess.run(
        ["readelf", "--program-headers", "--wide", program], stdout=subprocess.PIPE, check=True).stdout]


def run(names, build, report):
    """Runs all of @names in one machine."""
    suite = os.environ.get("KRUN_VM_SUITE") or "trixie"
    if suite not in SUITES:
        sys.exit(f"KRUN_VM_SUITE={suite}: the machines are {' and '.join(SUITES)}")
    image = os.path.join(os.environ.get("KRUN_VM", os.path.join(os.path.dirname(TESTS), "build", "vm")), suite)
    dynamic = dynamic_programs(build)
    if dynamic:
        report.add("skipped", f"vm {suite}: machine", f"not linked statically (-Dstatic=true): {' '.join(dynamic)}")
        return
    started = time.monotonic()
    if subprocess.run([os.path.join(TESTS, "vm", "build-image"), image, suite], stdout=sys.stderr, check=False).returncode:
        report.add("skipped", f"vm {suite}: machine", "its image could not be made, see above", time.monotonic() - started)
        return
    # The directory belongs to this run; several runs may use one image, which none of them writes.
    with tempfile.TemporaryDirectory(prefix="ring.", dir=image) as top:
        machine = Machine(suite, image, top)
        machine.fill_share(build)
        first = FirstAttempt(report)
        if machine.run(selections(names), first, report) and first.selections():
            results = len(report.results)
            machine.run(first.selections(), report, report, jobs="1")
            first.give_up(but=[name for name, _ in report.results[results:]])
        else:
            first.give_up()
