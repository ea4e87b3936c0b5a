#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
run.py [--counts FILE] [--full] [--seed N] [--times N] [--share N] [RING[:NAME]]...

Runs rings of tests of the build in $KRUN_BUILD (default: build) and prints one line per test and, last, "N passed,
N failed, N skipped". Rings: unit checks bundle hostile races faults engines vm (default: all but vm). NAME selects tests whose name
contains it. --counts adds a line of the three numbers to FILE. RUNTIME=/usr/bin/crun runs bundle tests with another runtime.
Tests that go through very many cases take a sample of them, which --seed changes; --times N takes N times as
many, --full all (lib/sample.py).
--share takes one of N tests of the rings bundle, hostile, races, faults and engines.

After each ring one more test, "RING: host_unchanged", compares the machine with its state before (lib/hoststate.py).

A skipped test prints its reason. With KRUN_STRICT=1 (CI) a skip that tests/expected-skips does not list is a failure.
All others need root; they run in a mount namespace of their own, in which kmsim stands at km's path, /dev is a
copy (hostile, races and faults have nodes of their own in it, tests/hostile/own-dev) and cgroup v2 is at /sys/fs/cgroup, and in a cgroup namespace;
engines has network and pid namespaces of its own, too.

vm boots a Debian machine with systemd and all controllers of cgroup v2 under qemu, in software emulation, and runs the
bundle ring in it and those tests of the engines ring that need such a machine (engines.in_machine); vm:NAME runs the tests whose
names contain NAME, vm:bundle:NAME and vm:engines:NAME those of one ring. KRUN_VM_SUITE is the suite of Debian of the machine, bookworm
or trixie (default: trixie), KRUN_VM the directory of the images, KRUN_VM_SILENCE the seconds that it may print nothing,
KRUN_TEST_JOBS how many files of tests run at once in it. KRUN_KM=PATH runs the tests that are about km, and no others, with that km
instead of kmsim (docs/km-acceptance.md).
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

TESTS = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("KRUN_BUILD", os.path.join(os.path.dirname(TESTS), "build")))
MESON_PATIENCE = 10
# How many lines of its output are shown when a test does not say what failed.
TAIL = 40
RINGS = ("unit", "checks", "bundle", "hostile", "races", "faults", "engines", "vm")

sys.path.insert(0, os.path.join(TESTS, "lib"))


def run_meson(ring, name, report):
    """Runs the rings unit and checks by meson. Every test function of cmocka counts, not every program."""
    # meson's limit for a test is 30 s of wall-clock time; a busy machine needs more.
    command = ["meson", "test", "-C", BUILD, "--no-rebuild", "--suite", ring, "--num-processes", "2", "--timeout-multiplier",
               str(MESON_PATIENCE)]
    started = time.monotonic()
    log = os.path.join(BUILD, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if not os.path.exists(log):
        report.add("failed", f"{ring}: meson test", done.stdout.decode(errors="replace"), time.monotonic() - started)
        return
    with open(log) as file:
        for line in file:
            report_meson(json.loads(line), ring, name, report)


def report_meson(test, ring, name, report):
    label = f"{ring}: {test['name']}"
    output = test.get("stdout", "") + test.get("stderr", "")
    cases = re.findall(r"^\[ +(OK|FAILED|SKIPPED) +\] (test_\w+)$", output, re.M)
    if name and name not in label and not any(name in case for _, case in cases):
        return
    if test["result"] == "SKIP":
        report.add("skipped", label, output.strip().splitlines()[-1] if output.strip() else "no reason")
        return
    for case, word in dict((case, word) for word, case in reversed(cases)).items():
        outcome = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[word]
        report.add(outcome, f"{label}.{case}", output if outcome == "failed" else reason(case, output))
    if test["result"] != "OK" and not any(word == "FAILED" for word, _ in cases):
        report.add("failed", label, why(test, output), test["duration"])
    elif not cases:
        report.add("passed", label, seconds=test["duration"])


def reason(case, output):
    """Returns the reason of a skip, which skip_because() of tests/unit/test.h printed."""
    said = re.search(rf"^\[ RUN +\] {case}\nreason: (.+)$", output, re.M)
    return said.group(1) if said else "see its source"


def why(test, output):
    """Returns why a test failed. One that was killed does not say so itself; its last output tells where it was."""
    lines = output.rstrip().splitlines()
    words = {"TIMEOUT": f"TIMEOUT: not at its end after {test['duration']:.0f} s; the end of what it printed:"}
    return "\n".join([words.get(test["result"], f"{test['result']}, status {test.get('returncode')}:"), *lines[-TAIL:]])


def run_rings(selections, report):
    """
    Runs [(ring, name)]. On a machine of the tests' own, successive selections of bundle, hostile and engines run at once;
    those of vm always do, in one machine.
    """
    import hoststate
    import jobs
    import machine

    while selections:
        ring, name = selections.pop(0)
        together = [(ring, name)]
        while jobs.OWN_MACHINE and ring in jobs.RINGS and selections and selections[0][0] in jobs.RINGS:
            together.append(selections.pop(0))
        before = None if jobs.OWN_MACHINE else hoststate.snapshot()
        if ring in ("unit", "checks"):
            run_meson(ring, name, report)
        elif ring == "vm":
            names = [name]
            while selections and selections[0][0] == "vm":
                names.append(selections.pop(0)[1])
            machine.run(names, BUILD, report)
        else:
            jobs.run(together, BUILD, report)
        if before:
            hoststate.report_changes(before, f"{ring}: host_unchanged", report)


def main(arguments):
    # A shell starts background processes with SIGINT ignored, nohup(1) with SIGHUP, and the tests would inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    import jobs
    import sample
    from report import OUTCOMES, report_of_this_run

    report = report_of_this_run()
    if "KRUN_TEST_JOB" in os.environ:
        jobs.run_here(report)
        report.end()
        return 0
    parser = argparse.ArgumentParser(usage=__doc__.strip().splitlines()[0], allow_abbrev=False)
    sample.add_options(parser)
    parser.add_argument("--share", type=int)
    parser.add_argument("rings", nargs="*")
    options = parser.parse_args(arguments)
    sample.choose(options)
    selections = [selection.partition(":")[::2] for selection in options.rings or [ring for ring in RINGS if ring != "vm"]]
    for ring, _ in selections:
        if ring not in RINGS:
            sys.exit(f"unknown ring '{ring}': {' '.join(RINGS)}")
    run_rings(selections, report)
    report.end()
    numbers = [report.counts[outcome] for outcome in OUTCOMES]
    if options.counts:
        with open(options.counts, "a") as file:
            file.write(f"{numbers[0]} {numbers[1]} {numbers[2]}\n")
    if not hasattr(report, "fd"):
        print(f"{numbers[0]} passed, {numbers[1]} failed, {numbers[2]} skipped")
    return 1 if report.counts["failed"] or not report.counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
