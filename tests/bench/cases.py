# SPDX-License-Identifier: Apache-2.0
"""
What contrib/bench measures: groups of cases that belong together, as steps for tests/bench/measure.c.

A group is one or a few commands on a container of its own, in the order of the container's life, and leaves nothing behind. In a
round every group runs with every runtime. `before` makes once what all rounds of a group need.
"""

from bench.bundles import (with_devices, with_environment, with_few_namespaces, with_long, with_masked, with_mounts, with_mounts_inside,
                           with_seccomp, with_systemd)
from bench.results import FLOOR, HELLO, KMSIM, NO_RUNTIMES

# The kernel removes namespaces of a network in the background, and nobody can make one meanwhile.
SETTLE = ("settle", "50")
SETTLE_MANY = ("settle", "2000")
PARALLEL = 100
CROWDS = (1, 500, 1000)


class Group:
    def __init__(self, name, text, cases, sample, before=None, only=None):
        self.name = name
        self.text = text
        self.cases = cases          # the names of its samples
        self.sample = sample        # (place, runtime, number of the round) -> steps
        self.before = before        # (place, runtime) -> steps
        self.only = only            # the one program that it is about, instead of the runtimes

    def takes(self, runtime):
        return runtime.name == self.only if self.only else runtime.name not in NO_RUNTIMES


class Place:
    """Where the samples are taken: the bundles, and directories for the state of each runtime."""

    def __init__(self, top, bundles):
        self.top = top
        self.bundles = bundles

    def root(self, runtime, more=""):
        return f"{self.top}/state/{runtime.name}{more}"

    def pid_file(self, runtime):
        return f"{self.top}/pid-{runtime.name}"


def warm(case, *command):
    """
    A command by itself: what a container before does in the background is over, and the program has just run, because what comes
    first after a pause wakes a processor up.
    """
    yield SETTLE
    yield ("do", *command)
    yield ("time", case, *command)


def version(_place, runtime, _number):
    yield from warm("version", runtime.program, "--version")


def floor(place, runtime, _number):
    yield SETTLE
    yield ("time", "run", runtime.program, place.bundles.rootfs)


def hello(_place, runtime, _number):
    yield from warm("version", runtime.program)


def kmsim(place, runtime, _number):
    """What km's stand-in takes by itself, outside of any container, and what its payload takes without it."""
    payload = f"{place.bundles.rootfs}/bin/true"
    yield ("time", "payload", payload)
    yield ("time", "monitor", runtime.program, "--km-log-to=/dev/null", "--", payload)


def run_of(case, *changes):
    """A container of /bin/true, from begin to end."""
    def sample(place, runtime, _number):
        bundle = place.bundles.make(case, *changes)
        needed = runtime.help if any(change[0] is with_devices for change in changes) else {}
        yield SETTLE
        yield from (("set", *variable) for variable in needed.items())
        yield ("time", case, *runtime.command(place.root(runtime), "run", "--bundle", bundle, f"bench-{runtime.name}"))
        yield from (("set", name) for name in needed)
    return sample


def run_systemd(place, runtime, _number):
    bundle = place.bundles.make(f"systemd-{runtime.name}", (with_systemd, runtime.name.replace("+", "-")))
    yield SETTLE
    yield ("time", "run+systemd", *runtime.command(place.root(runtime), "--systemd-cgroup", "run", "--bundle", bundle,
                                                   f"bench-{runtime.name}"))


def first_seccomp(place, runtime, number):
    bundle = place.bundles.make("run+seccomp", (with_seccomp,))
    root = place.root(runtime, f"-first-{number}")
    yield SETTLE
    yield ("time", "run+seccomp-first", *runtime.command(root, "run", "--bundle", bundle, f"bench-{runtime.name}"))
    yield ("do", "/bin/rm", "-rf", root)


def life_of(suffix, *changes, timed, root="", more=""):
    """A container that sleeps, from create to delete. The cases of the @timed commands have @suffix behind their names."""
    def sample(place, runtime, _number):
        bundle = place.bundles.make("long" + more, (with_long,), *changes)
        name, pid_file = f"bench-{runtime.name}", place.pid_file(runtime)

        def command(case, *words):
            how = ("time", case + suffix) if case in timed else ("do",)
            return (*how, *runtime.command(place.root(runtime, root), *words))
        yield SETTLE
        yield command("create", "create", "--bundle", bundle, "--pid-file", pid_file, name)
        yield command("start", "start", name)
        # The container's program is starting now, on the same processors.
        yield from warm("state" + suffix, *runtime.command(place.root(runtime, root), "state", name))
        if "list" in timed:
            yield command("list", "list")
        if "exec" in timed:
            yield command("exec", "exec", name, "/bin/true")
        yield command("kill", "kill", name, "KILL")
        yield ("gone", pid_file)
        yield command("delete", "delete", name)
    return sample


def crowd_before(place, runtime):
    bundle = place.bundles.make("crowd", (with_long,), (with_few_namespaces,))
    for size in CROWDS:
        for number in range(size - 1):
            name = f"crowd-{runtime.name}-{size}-{number}"
            yield ("do", *runtime.command(place.root(runtime, f"-{size}"), "create", "--bundle", bundle, name))
            yield ("do", *runtime.command(place.root(runtime, f"-{size}"), "start", name))


def crowd(place, runtime, number):
    for size in CROWDS:
        yield from life_of(f"@{size}", root=f"-{size}", timed=CROWD)(place, runtime, number)


def parallel(place, runtime, _number):
    bundle = place.bundles.make("long", (with_long,))
    yield ("parallel", "parallel", str(PARALLEL),
           *runtime.command(place.root(runtime), "create", "--bundle", bundle, f"bench-{runtime.name}-{{}}"))
    for number in range(PARALLEL):
        yield ("do", *runtime.command(place.root(runtime), "delete", "--force", f"bench-{runtime.name}-{number}"))
    yield SETTLE_MANY


def sizes_of(name, change, sizes, text):
    samples = [run_of(f"{name}-{size}", (change, size)) for size in sizes]

    def sample(place, runtime, number):
        for one in samples:
            yield from one(place, runtime, number)
    return Group(name, text, [f"{name}-{size}" for size in sizes], sample)


LIFE = ["create", "start", "state", "list", "exec", "kill", "delete"]
LIFE_SECCOMP = ["create", "start", "state", "exec", "delete"]
CROWD = ["create", "state", "list", "delete"]

# In the order of the report.
USUAL = [
    Group("run", "a container of /bin/true from begin to end", ["run"], run_of("run")),
    Group("floor", "the system calls of such a container alone", ["run"], floor, only=FLOOR),
    Group("life", "the commands on a container that sleeps", LIFE, life_of("", timed=LIFE)),
    Group("version", "--version", ["version"], version),
    Group("hello", "a static program that prints a word", ["version"], hello, only=HELLO),
    Group("kmsim", "km's stand-in with /bin/true, and /bin/true, without a container", ["payload", "monitor"], kmsim, only=KMSIM),
    Group("run+seccomp", "run with docker's seccomp profile", ["run+seccomp"], run_of("run+seccomp", (with_seccomp,))),
    Group("life+seccomp", "the same commands with that profile", [f"{case}+seccomp" for case in LIFE_SECCOMP],
          life_of("+seccomp", (with_seccomp,), timed=LIFE_SECCOMP, more="+seccomp")),
]
# One after the other, after the usual ones.
SCALE = [
    Group("run+seccomp-first", "run with a profile that the runtime has not seen before", ["run+seccomp-first"], first_seccomp),
    sizes_of("mounts", with_mounts, (0, 1000, 2000), "run with more bind mounts"),
    sizes_of("inside", with_mounts_inside, (0, 1000, 2000), "the same with a source in the root"),
    sizes_of("environment", with_environment, (0, 2500, 5000), "run with more variables in the environment"),
    sizes_of("devices", with_devices, (0, 5000, 10000), "run with more rules for devices"),
    sizes_of("masked", with_masked, (0, 500, 1000), "run with more masked paths"),
    Group("parallel", f"{PARALLEL} creates at once", ["parallel"], parallel),
    Group("crowd", "commands on one container beside 0, 499 and 999 that run (with fewer namespaces)",
          [f"{case}@{size}" for size in CROWDS for case in CROWD], crowd, before=crowd_before),
]
# On the host's own view of cgroups.
SYSTEMD = Group("run+systemd", "run with the systemd cgroup manager", ["run+systemd"], run_systemd)
ALL = [*USUAL, *SCALE, SYSTEMD]
MEMORY = "memory"
MEMORY_TEXT = "the smallest memory limit with which /bin/true runs"
