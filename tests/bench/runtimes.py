# SPDX-License-Identifier: Apache-2.0
"""The programs that contrib/bench compares, and the machine that they run on."""

import os
import platform
import re
import resource
import shutil
import subprocess

from krun import KM_PATH

from bench.results import BEFORE, CRUN, FLOOR, HELLO, KM, KMSIM, NO_RUNTIMES, PLAIN, RUNC, YOUKI

PEERS = (CRUN, RUNC, YOUKI)


class Runtime:
    def __init__(self, name, program, files=()):
        self.name = name
        self.program = program
        # What --cold drops from the page cache.
        self.files = [program, *libraries(program), *files]
        # Variables of the environment that make it work on this machine, for cases that need them.
        self.help = {}

    def command(self, root, *words):
        return [self.program, "--root", root, *words]


def libraries(program):
    """Returns the files of the shared libraries that a program loads."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def find(build, wanted=None, before=None):
    """
    Returns [Runtime] of krun in both modes, the peers in PATH and the programs of tests/bench. @wanted: names, or None for all;
    @before: another build, whose krun-plain is one of them; or None.
    """
    tools = f"{build}/tests/bench"
    places = {PLAIN: f"{build}/src/krun-plain", BEFORE: before and f"{before}/src/krun-plain", KM: f"{build}/src/krun",
              **{name: shutil.which(name) for name in PEERS}, FLOOR: f"{tools}/bench_floor", HELLO: f"{tools}/bench_hello",
              KMSIM: KM_PATH}
    asked = {BEFORE, *NO_RUNTIMES, *(wanted or places)}
    found = [Runtime(name, os.path.realpath(path) if name in PEERS else path, [KM_PATH] if name == KM else ())
             for name, path in places.items() if path and name in asked]
    for runtime in found:
        if runtime.name == CRUN and not may_raise_memlock():
            runtime.help["LD_PRELOAD"] = f"{tools}/bench_memlock.so"
    return found


def may_raise_memlock():
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft, resource.RLIM_INFINITY))
    except (ValueError, PermissionError):
        return False
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft, hard))
    return True


def first_line(*command, cwd=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0] if done.returncode == 0 else ""


def versions(found):
    return {runtime.name: first_line(runtime.program, "--version") for runtime in found if runtime.name not in NO_RUNTIMES}


def commit(source):
    """Returns the commit of the tree, with a "+" when files were changed since; "" where there is no git."""
    name = first_line("git", "rev-parse", "--short=12", "HEAD", cwd=source)
    return name + ("+" if name and first_line("git", "status", "--porcelain", "-uno", cwd=source) else "")


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def machine():
    """Returns what decides how fast this machine is, as far as it says so."""
    processor = re.search(r"^(?:model name|CPU part)\s*: (.*)", read("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), re.M)
    kinds = set(re.findall(r" - (cgroup2?) ", read("/proc/self/mountinfo")))
    return {
        "processor": processor.group(1).strip() if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": int(memory.group(1)) // 1024 if memory else None,
        "kernel": platform.release(),
        "cgroups": {("cgroup", "cgroup2"): "hybrid", ("cgroup2",): "v2", ("cgroup",): "v1"}.get(tuple(sorted(kinds)), "none"),
    }
