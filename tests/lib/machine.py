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
    words = [f"{word}={os.environ[word]}" for word in ("KRUN_TEST_JOBS",) if word in os.environ]
    command = [os.path.join(TESTS, "vm", "run-in-vm"), image, "--timeout", str(LIMIT), "--share", share, "--console", console,
               "--", "env", *words, "sh", "/mnt/share/inside", *selections(name)]
    started = time.monotonic()
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    reader = Reader(report, "vm: ", lambda line: print(f"    guest: {line}", flush=True))
    while data := os.read(guest.stdout.fileno(), 1 << 16):
        reader.feed(data)
    guest.stdout.close()
    status, seconds = guest.wait(), time.monotonic() - started
    if not reader.ended:
        report.add("failed", "vm: machine", why(status, reader, console), seconds)
    elif not reader.count:
        report.add("failed", "vm: machine", "no test was run in it", seconds)
    else:
        report.add("passed", "vm: machine", seconds=seconds)


def why(status, reader, console):
    words = {124: f"stopped after {LIMIT} s ($KRUN_VM_LIMIT)", 125: "the machine ended by itself",
             126: "there is no machine to start"}.get(status, f"the test run ended early, status {status}")
    doing = ", ".join(reader.running) or "no test"
    with open(console, errors="replace") as file:
        lines = [line.rstrip() for line in file.readlines()[-CONSOLE_LINES:]]
    return "\n".join([f"{words}; was in: {doing}; the end of its console:", *(lines or ["(nothing)"])])
