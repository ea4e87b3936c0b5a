# SPDX-License-Identifier: Apache-2.0
"""The vm ring: the rings bundle and engines on another machine, that tests/vm makes and boots."""

import os
import re
import shutil
import subprocess
import sys
import time

from report import Reader

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# A complete run takes about a quarter of an hour on two idle cores.
LIMIT = int(os.environ.get("KRUN_VM_LIMIT", "2400"))
CONSOLE_LINES = 40
# Emulation is slow, and its host may be busy: time limits are missed for reasons that are not krun's. More than this are not bad luck.
AGAIN_MAX = 10


class FirstAttempt:
    """Hands on what came out well; what failed is kept for a second attempt, in a machine that has nothing else to do."""

    def __init__(self, report):
        self.report = report
        self.failed = {}

    def began(self, name):
        self.report.began(name)

    def add(self, outcome, name, detail="", seconds=0.0):
        if outcome != "failed":
            self.report.add(outcome, name, detail, seconds)
            return
        self.failed[name] = (detail, seconds)
        print(f"again   {name} [{seconds:.2f}s]\n    " + detail.rstrip().replace("\n", "\n    "), flush=True)

    def selections(self):
        """For the second attempt; None when there is none to be made."""
        found = [re.match(r"vm: (bundle|engines): \w+\.(\w+\.\w+)$", name) for name in self.failed]
        if not found or len(found) > AGAIN_MAX or not all(found):
            return None
        return [f"{match.group(1)}:{match.group(2)}" for match in found]

    def give_up(self, but=()):
        for name, (detail, seconds) in self.failed.items():
            if name not in but:
                self.report.add("failed", name, detail, seconds)


def fill_share(share, build):
    """What the guest needs: the tests, the program under its names, kmsim."""
    shutil.rmtree(share, ignore_errors=True)
    os.makedirs(os.path.join(share, "krun", "build", "tests", "kmsim"))
    os.makedirs(os.path.join(share, "krun", "build", "src"))
    shutil.copytree(TESTS, os.path.join(share, "krun", "tests"), ignore=shutil.ignore_patterns("__pycache__"))
    for name in os.listdir(os.path.join(build, "src")):
        if re.match(r"krun[a-z-]*$", name):
            shutil.copy(os.path.join(build, "src", name), os.path.join(share, "krun", "build", "src", name),
                        follow_symlinks=False)
    shutil.copy(os.path.join(build, "tests", "kmsim", "kmsim"), os.path.join(share, "krun", "build", "tests", "kmsim"))
    # One file: the shared directory is slow.
    subprocess.run(["tar", "-C", share, "-cf", os.path.join(share, "krun.tar"), "krun"], check=True)
    shutil.rmtree(os.path.join(share, "krun"))
    shutil.copy(os.path.join(TESTS, "vm", "inside"), share)


def selections(name):
    """vm:NAME is NAME in both rings; vm:bundle and vm:engines:NAME are one of them."""
    if not name or re.match(r"(bundle|engines)(:|$)", name):
        return [name] if name else ["bundle", "engines"]
    return [f"bundle:{name}", f"engines:{name}"]


def run(name, build, report):
    image = os.environ.get("KRUN_VM", os.path.join(os.path.dirname(TESTS), "build", "vm"))
    share, console = os.path.join(image, "share"), os.path.join(image, "console.log")
    started = time.monotonic()
    if subprocess.run([os.path.join(TESTS, "vm", "build-image"), image], stdout=sys.stderr, check=False).returncode:
        report.add("skipped", "vm: machine", "its image could not be made, see above", time.monotonic() - started)
        return
    fill_share(share, build)
    first = FirstAttempt(report)
    if boot(image, share, console, selections(name), first, report) and first.selections():
        results = len(report.results)
        boot(image, share, console, first.selections(), report, report, jobs="1")
        first.give_up(but=[name for name, _ in report.results[results:]])
    else:
        first.give_up()


def boot(image, share, console, chosen, report, machine_report, jobs=os.environ.get("KRUN_TEST_JOBS", "")):
    """One life of the machine; whether the run in it came to its end."""
    words = [f"KRUN_TEST_JOBS={jobs}"] if jobs else []
    command = [os.path.join(TESTS, "vm", "run-in-vm"), image, "--timeout", str(LIMIT), "--share", share, "--console", console,
               "--", "env", *words, "sh", "/mnt/share/inside", *chosen]
    started = time.monotonic()
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    reader = Reader(report, "vm: ", lambda line: print(f"    guest: {line}", flush=True))
    while data := os.read(guest.stdout.fileno(), 1 << 16):
        reader.feed(data)
    guest.stdout.close()
    status, seconds = guest.wait(), time.monotonic() - started
    if not reader.ended:
        machine_report.add("failed", "vm: machine", why(status, reader, console), seconds)
    elif not reader.count:
        machine_report.add("failed", "vm: machine", "no test was run in it", seconds)
    else:
        machine_report.add("passed", "vm: machine", seconds=seconds)
    return reader.ended and reader.count > 0


def why(status, reader, console):
    words = {124: f"stopped after {LIMIT} s ($KRUN_VM_LIMIT)", 125: "the machine ended by itself",
             126: "there is no machine to start"}.get(status, f"the test run ended early, status {status}")
    doing = ", ".join(reader.running) or "no test"
    with open(console, errors="replace") as file:
        lines = [line.rstrip() for line in file.readlines()[-CONSOLE_LINES:]]
    return "\n".join([f"{words}; was in: {doing}; the end of its console:", *(lines or ["(nothing)"])])
