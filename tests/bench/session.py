# SPDX-License-Identifier: Apache-2.0
"""The run itself: makes the bundles, has tests/bench/measure.c take the samples, and counts what is not a time."""

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench import cases
from bench.bundles import Bundles, with_memory, with_seccomp
from bench.results import BEFORE, FIELDS, KM, NO_RUNTIMES, PLAIN

WARM_UP = 2             # rounds whose samples do not count
COUNTS = 3              # rounds in which system calls are counted
# What is counted, the part of tests/bench/pure.c, and whether its config.json has docker's seccomp profile.
PURE_PARTS = (("config", "config", False), ("config+seccomp", "config", True), ("mounts", "mounts", False), ("state", "state", False),
              ("filter name", "filter-name", True), ("filter", "filter", True))
PURE_TIMES = 20
MEMORY_STEP_KIB, MEMORY_MAX_KIB, MEMORY_TRIES = 16, 64 * 1024, 3


class Failed(Exception):
    """A command that is measured, or one around it, has failed."""


class Session:
    def __init__(self, build, runtimes, results, cold):
        self.tools = f"{build}/tests/bench"
        self.runtimes = runtimes
        self.results = results
        self.cold = cold
        self.top = tempfile.mkdtemp(prefix="krun-bench-")
        os.chmod(self.top, 0o755)
        # State belongs on a tmpfs, as /run is one.
        os.mkdir(os.path.join(self.top, "state"))
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", os.path.join(self.top, "state")], check=True)
        self.place = cases.Place(self.top, Bundles(self.top, f"{build}/src/krun-plain"))

    def end(self):
        subprocess.run(["umount", "-l", os.path.join(self.top, "state")], check=False)
        shutil.rmtree(self.top, ignore_errors=True)

    # ---- times

    def run_phase(self, groups, rounds, warm_up=0):
        """
        Takes samples of groups in @rounds, in each of which every runtime has its turn, each time in another order. Those of the first
        @warm_up do not count.
        """
        pairs = self.pairs_that_work(groups)
        turns = [runtime for runtime in self.runtimes if any(runtime is other for other, _ in pairs)]
        steps = []
        for number in range(warm_up + rounds):
            first = number % len(turns) if turns else 0
            for runtime in turns[first:] + turns[:first]:
                steps += self.steps_of(runtime, [group for other, group in pairs if other is runtime], number)
        seen = {}
        for case, who, *sample in self.measure(steps):
            seen[case, who] = seen.get((case, who), 0) + 1
            if seen[case, who] > warm_up:
                self.results.add(case, who, sample)

    def pairs_that_work(self, groups):
        """Tries each group with each runtime; krun has to work, and of others the reason is kept."""
        pairs = []
        for group in groups:
            for runtime in filter(group.takes, self.runtimes):
                try:
                    self.measure(list(group.before(self.place, runtime)) if group.before else [])
                    self.measure(self.steps_of(runtime, [group], "try"))
                    pairs.append((runtime, group))
                except Failed as failure:
                    if runtime.name in (PLAIN, BEFORE, KM, *NO_RUNTIMES):
                        raise Failed(f"{runtime.name}, {group.name}: {failure}") from failure
                    self.results.leave_out(runtime.name, group.name, str(failure))
                    subprocess.run(runtime.command(self.place.root(runtime), "delete", "--force", f"bench-{runtime.name}"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return pairs

    def steps_of(self, runtime, groups, number):
        """Returns the steps of a runtime's turn, whose samples have the names of their case and of the runtime."""
        steps = []
        for group in groups:
            for step in group.sample(self.place, runtime, number):
                if step[0] in ("time", "parallel"):
                    if self.cold:
                        steps.append(("cold", *runtime.files))
                    step = (step[0], f"{step[1]} {runtime.name}", *step[2:])
                steps.append(step)
        return steps

    def measure(self, steps):
        """Runs the steps; returns [(case, runtime, numbers...)]."""
        script = os.path.join(self.top, "script")
        with open(script, "w") as file:
            file.writelines("\t".join(step) + "\n" for step in steps)
        done = subprocess.run([f"{self.tools}/bench_measure", script], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(done.stderr.strip())
        samples = []
        for line in done.stdout.splitlines():
            label, *numbers = line.split("\t")
            samples.append((*label.split(" "), *map(int, numbers)))
            assert len(numbers) == len(FIELDS), line
        return samples

    # ---- counts

    def count_system_calls(self, groups):
        """Runs the groups again, a few times, with tests/bench/calls.c in front of what is timed."""
        counted = {}
        for group in groups:
            for runtime in filter(group.takes, self.runtimes):
                if not all(self.results.has(case, runtime.name) for case in group.cases):
                    continue
                for number in range(COUNTS):
                    steps, files = self.steps_of(runtime, [group], f"count-{number}"), {}
                    for place, (kind, *words) in enumerate(steps):
                        if kind == "time":
                            files[place] = os.path.join(self.top, f"count-{place}")
                            steps[place] = (kind, words[0], f"{self.tools}/bench_calls", files[place], *words[1:])
                    self.measure(steps)
                    for place, path in files.items():
                        with open(path) as file:
                            counted.setdefault(steps[place][1], []).append(int(file.read()))
        for label, numbers in counted.items():
            self.results.set_system_calls(*label.split(" "), statistics.median_low(numbers))

    def count_instructions(self):
        """Counts with valgrind what N more runs of a part take."""
        if not shutil.which("valgrind"):
            self.results.leave_out(PLAIN, "instructions", "no valgrind here")
            return
        configs = {False: f"{self.place.bundles.make('run')}/config.json",
                   True: f"{self.place.bundles.make('run+seccomp', (with_seccomp,))}/config.json"}
        for name, part, has_profile in PURE_PARTS:
            once, twice = (self.collected(part, times, configs[has_profile]) for times in (PURE_TIMES, 2 * PURE_TIMES))
            self.results.instructions[name] = (twice - once) // PURE_TIMES

    def collected(self, *words):
        """Returns the instructions of a whole run of tests/bench/pure.c."""
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"{self.tools}/bench_pure",
                               *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"valgrind: {words[0]}: {done.stderr.strip()}")
        return int(re.search(r"Collected : (\d+)", done.stderr).group(1))

    # ---- memory

    def find_memory_limits(self):
        """Finds for each runtime the smallest memory limit with which a container of /bin/true runs, a few times in turn."""
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            if "memory" not in file.read().split():
                self.results.leave_out("all", cases.MEMORY, "cgroup v2 has no memory controller here")
                return
        for runtime in self.runtimes:
            if runtime.name in NO_RUNTIMES:
                continue
            steps = smallest(lambda steps, runtime=runtime: self.runs_with(runtime, steps * MEMORY_STEP_KIB), MEMORY_MAX_KIB // MEMORY_STEP_KIB)
            if steps:
                self.results.memory_limits[runtime.name] = steps * MEMORY_STEP_KIB
            else:
                self.results.leave_out(runtime.name, cases.MEMORY, f"does not run with a limit of {MEMORY_MAX_KIB} KiB")

    def runs_with(self, runtime, kib):
        bundle = self.place.bundles.make(f"memory-{kib}", (with_memory, kib))
        name = f"bench-{runtime.name}"
        for _ in range(MEMORY_TRIES):
            done = subprocess.run(runtime.command(self.place.root(runtime), "run", "--bundle", bundle, name), stdin=subprocess.DEVNULL,
                                  capture_output=True, check=False, env={**os.environ, **runtime.help})
            if done.returncode:
                subprocess.run(runtime.command(self.place.root(runtime), "delete", "--force", name), capture_output=True, check=False)
                return False
        return True


def smallest(works, most):
    """Returns the smallest number from 1 to @most for which works(number) is true, if it is for all larger ones; None: for none."""
    low, high = 0, most
    if not works(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def note(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


def run(options, runtimes, results, groups):
    """Measures what @options ask for; @groups: of the usual and the scale cases, those that are wanted."""
    # As engines have it: crun keeps a descriptor for each mount.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    session = Session(options.build, runtimes, results, options.cold)
    try:
        usual = [group for group in groups if group in cases.USUAL]
        phases = [(usual, options.rounds, WARM_UP)] if usual else []
        phases += [([group], options.scale_rounds, 0) for group in groups if group not in usual]
        for phase, rounds, warm_up in phases:
            note(f"{', '.join(group.name for group in phase)}: {rounds} rounds")
            session.run_phase(phase, rounds, warm_up)
            if options.counts:
                session.count_system_calls([group for group in phase if not group.before])
        if options.counts:
            session.count_instructions()
        if options.memory:
            session.find_memory_limits()
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    finally:
        session.end()
