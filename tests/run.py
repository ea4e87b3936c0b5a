#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
run.py [--counts FILE] [RING[:NAME]]...

Runs rings of tests of the build in $KRUN_BUILD (default: build) and prints one line per test and, last, "N passed,
N failed, N skipped". Rings: unit checks bundle engines vm (default: all but vm). NAME selects tests whose name contains it.
--counts adds a line of the three numbers to FILE. RUNTIME=/usr/bin/crun runs bundle tests with another runtime.

A skipped test prints its reason. With KRUN_STRICT=1 (CI) a skip that tests/expected-skips does not list is a failure.
bundle and engines need root; they run in a private mount namespace in which kmsim stands at km's path; bundle has a
cgroup2 mount at /sys/fs/cgroup, engines has network and pid namespaces of its own. vm boots a Debian machine with systemd and
all controllers of cgroup v2 under qemu and runs the bundle ring in it; KRUN_VM names the directory of its image.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

TESTS = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(TESTS)
BUILD = os.path.abspath(os.environ.get("KRUN_BUILD", os.path.join(SOURCE, "build")))
# What a machine with cgroup v2 alone shows; on such a machine it is there.
CGROUP_VIEW = ('[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup || exit')
RINGS = ("unit", "checks", "bundle", "engines", "vm")

sys.path.insert(0, os.path.join(TESTS, "lib"))


class Report:
    def __init__(self, ring):
        self.ring = ring
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.results = []
        with open(os.path.join(TESTS, "expected-skips")) as file:
            lines = [line.split("#")[0].strip() for line in file]
        self.expected = [re.compile(line) for line in lines if line]

    def add(self, outcome, name, detail="", seconds=0.0):
        name = f"{self.ring}: {name}"
        if outcome == "skipped" and os.environ.get("KRUN_STRICT") and \
                not any(pattern.search(name) for pattern in self.expected):
            outcome, detail = "failed", f"skipped, and not in tests/expected-skips: {detail}"
        self.counts[outcome] += 1
        self.results.append((name, outcome))
        word = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[outcome]
        extra = f" ({detail})" if outcome == "skipped" else ""
        print(f"{word:8}{name}{extra} [{seconds:.2f}s]", flush=True)
        if outcome == "failed" and detail:
            print("    " + detail.rstrip().replace("\n", "\n    "), flush=True)


# ---- unit, checks: meson knows them -----------------------------------------------------------------------------


def run_meson(suite, name, report):
    """Every test function of cmocka counts, not every program."""
    command = ["meson", "test", "-C", BUILD, "--no-rebuild", "--suite", suite, "--num-processes", "2"]
    started = time.monotonic()
    log = os.path.join(BUILD, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if not os.path.exists(log):
        report.add("failed", "meson test", done.stdout.decode(errors="replace"), time.monotonic() - started)
        return
    with open(log) as file:
        for line in file:
            test = json.loads(line)
            label = test["name"]
            output = test.get("stdout", "") + test.get("stderr", "")
            cases = re.findall(r"^\[ +(OK|FAILED|SKIPPED) +\] (test_\w+)$", output, re.M)
            if name and name not in label and not any(name in case for _, case in cases):
                continue
            if test["result"] == "SKIP":
                report.add("skipped", label, output.strip().splitlines()[-1] if output.strip() else "no reason")
                continue
            seen = set()
            for word, case in cases:
                if case in seen:
                    continue
                seen.add(case)
                outcome = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[word]
                report.add(outcome, f"{label}.{case}", output if outcome == "failed" else "see its source")
            if test["result"] != "OK" and not any(word == "FAILED" for word, _ in cases):
                report.add("failed", label, output)
            elif not cases:
                report.add("passed", label, seconds=test["duration"])


# ---- bundle, engines: unittest ------------------------------------------------------------------------------------


class RingResult(unittest.TestResult):
    def __init__(self, report):
        super().__init__()
        self.report = report
        self.started = 0.0
        self.bad_subtests = []

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.bad_subtests = []

    def name(self, test):
        words = test.id().split(".")
        return ".".join(words[-3:])

    def finish(self, outcome, test, detail=""):
        self.report.add(outcome, self.name(test), detail, time.monotonic() - self.started)

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


def personalities(cls):
    """A test class for both personalities (variants) becomes two classes."""
    if not hasattr(cls, "variants"):
        return [cls]
    if os.environ.get("RUNTIME"):
        return [type(f"{cls.__name__}_plain", (cls,), {"__module__": cls.__module__})]
    return [type(f"{cls.__name__}_{word}", (cls,), {"personality": word, "__module__": cls.__module__})
            for word in cls.variants]


def run_unittest(ring, name, report):
    folder = os.path.join(TESTS, ring)
    sys.path.insert(0, folder)
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for module_name in sorted(file[:-3] for file in os.listdir(folder) if re.match(r"test_\w+\.py$", file)):
        module = importlib.import_module(module_name)
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, unittest.TestCase) and cls.__module__ == module_name:
                for variant in personalities(cls):
                    suite.addTests(test for test in loader.loadTestsFromTestCase(variant)
                                   if not name or name in test.id())
    suite.run(RingResult(report))
    if ring == "bundle" and not name:
        report_coverage(report)


def report_coverage(report):
    """Every property of the specification has a test that did not fail, and the table in the tree knows it."""
    import coverage

    table = coverage.rows(report.results)
    path = os.path.join(TESTS, "spec-coverage.md")
    coverage.write(path if os.environ.get("KRUN_WRITE_COVERAGE") else os.path.join(BUILD, "spec-coverage.md"), table)
    bad = [f"{pointer}: {result}" for pointer, _, result in table if result in ("no test", "failed")]
    bad += [f"{pointer}: not the same in tests/spec-coverage.md"
            for pointer in coverage.pointers_in(path) ^ set(coverage.PROPERTIES)]
    report.add("failed" if bad else "passed", "spec_coverage", "\n".join(bad))


def enter(ring, selection):
    """Starts this script again for one ring, in a namespace of its own; returns its counts."""
    if os.geteuid() != 0:
        return {"passed": 0, "failed": 0, "skipped": 1}, "needs root"
    counts_file = os.path.join(BUILD, f"counts-{ring}.json")
    if os.path.exists(counts_file):
        os.remove(counts_file)
    if ring == "bundle":
        unshare, setup = [], CGROUP_VIEW + '; exec "$@"'
    else:
        # The shell stays as process 1 and reaps what engines leave to it.
        unshare = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        setup = ("mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /var/lib/cni && "
                 'mount -t tmpfs tmpfs /var/lib/cni && ip link set lo up && "$@"; exit $?')
    command = [*unshare, os.path.join(TESTS, "kmsim", "with-stand-in"), os.path.join(BUILD, "tests", "kmsim", "kmsim"),
               "sh", "-c", setup, "sh", sys.executable, os.path.abspath(__file__), selection]
    environment = dict(os.environ, KRUN_BUILD=BUILD, KRUN_TEST_COUNTS=counts_file, KRUN_TEST_HOST=str(os.getpid()))
    subprocess.run(command, env=environment, check=False)
    try:
        with open(counts_file) as file:
            return json.load(file), ""
    except FileNotFoundError:
        return {"passed": 0, "failed": 1, "skipped": 0}, "the ring did not come to its end"


# ---- vm: the bundle ring on another machine -----------------------------------------------------------------------


def run_vm(name, report):
    """The results are those that the ring prints in the guest."""
    image = os.environ.get("KRUN_VM", os.path.join(SOURCE, "build", "vm"))
    share = os.path.join(image, "share")
    shutil.rmtree(share, ignore_errors=True)
    os.makedirs(os.path.join(share, "krun", "build", "tests", "kmsim"))
    shutil.copytree(TESTS, os.path.join(share, "krun", "tests"), ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(os.path.join(BUILD, "src"), os.path.join(share, "krun", "build", "src"), symlinks=True,
                    ignore=lambda folder, names: [item for item in names if not item.startswith("krun")])
    shutil.copy(os.path.join(BUILD, "tests", "kmsim", "kmsim"), os.path.join(share, "krun", "build", "tests", "kmsim"))
    shutil.copy(os.path.join(TESTS, "vm", "inside"), share)
    started = time.monotonic()
    done = subprocess.run([os.path.join(TESTS, "vm", "build-image"), image], check=False)
    if done.returncode:
        report.add("skipped", "machine", "its image could not be made, see above", time.monotonic() - started)
        return
    command = [os.path.join(TESTS, "vm", "run-in-vm"), image, "--timeout", "1500", "--share", share, "--",
               "sh", "/mnt/share/inside", *([f"bundle:{name}"] if name else ["bundle"])]
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    result, detail, last = None, [], ""
    for line in guest.stdout:
        found = re.match(r"(ok|FAILED|skipped) +(\S+: \S+)(?: \((.*)\))? \[([0-9.]+)s\]$", line.rstrip("\n"))
        last = line.strip() or last
        if found or not line.startswith("    "):
            add_from_guest(report, result, detail)
            result, detail = found, []
        else:
            detail.append(line[4:])
    add_from_guest(report, result, detail)
    # Without its last line the ring did not come to its end.
    if guest.wait() not in (0, 1) or not re.match(r"\d+ passed, ", last):
        report.add("failed", "machine", f"status {guest.returncode}; last words: {last}", time.monotonic() - started)


def add_from_guest(report, found, detail):
    if found:
        outcome = {"ok": "passed", "FAILED": "failed", "skipped": "skipped"}[found.group(1)]
        report.add(outcome, found.group(2), found.group(3) or "".join(detail), float(found.group(4)))


def main(arguments):
    inside = os.environ.get("KRUN_TEST_COUNTS")
    counts_file = None
    if arguments[:1] == ["--counts"]:
        counts_file, arguments = arguments[1], arguments[2:]
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for selection in arguments or [ring for ring in RINGS if ring != "vm"]:
        ring, _, name = selection.partition(":")
        if ring not in RINGS:
            sys.exit(f"unknown ring '{ring}': {' '.join(RINGS)}")
        report = Report(ring)
        if ring in ("unit", "checks"):
            run_meson(ring, name, report)
        elif ring == "vm":
            run_vm(name, report)
        elif inside:
            run_unittest(ring, name, report)
        else:
            counts, problem = enter(ring, selection)
            if problem:
                print(f"{ring}: {problem}", flush=True)
            report.counts = counts
        for word in total:
            total[word] += report.counts[word]
    if inside:
        with open(inside, "w") as file:
            json.dump(total, file)
        return 0
    if counts_file:
        with open(counts_file, "a") as file:
            file.write(f"{total['passed']} {total['failed']} {total['skipped']}\n")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
