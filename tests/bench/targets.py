# SPDX-License-Identifier: Apache-2.0
"""
What krun's speed and memory are to be, as a table, and whether a run meets it.

Each row compares two numbers of the same run, so that a slow machine or a busy hour is in both.
"""

import collections

from bench.results import CRUN, FLOOR, HELLO, KM, KMSIM, PLAIN, divide

# A number of a run: the median time of a case, its peak memory, or the smallest memory limit with which a container starts.
Time = collections.namedtuple("Time", "case who")
Peak = collections.namedtuple("Peak", "case who")
Limit = collections.namedtuple("Limit", "who")
# How many times what the first half of the work adds the second half adds: 1 when time is linear. Three sizes in equal steps.
Growth = collections.namedtuple("Growth", "small middle large who")
# A number without the difference of two others.
Without = collections.namedtuple("Without", "number more less")

# A first half that adds less than this part of the smallest cannot be told from noise.
GROWTH_LEAST = 0.1

# @number divided by @by (None: as it is) is to be at most @most.
Target = collections.namedtuple("Target", "text number by most")


def against(other, most, *cases, other_case=None):
    """Rows that compare krun's time with that of the same case, or of one case, of @other."""
    return [Target(f"{case} / {other}", Time(case, PLAIN), Time(other_case or case, other), most) for case in cases]


def added(most, what, cases):
    """Rows about what a variant of a case adds to it."""
    return [Target(f"{case}{what} / {case}", Time(case + what, PLAIN), Time(case, PLAIN), most) for case in cases]


def scales(name, sizes):
    """Rows about a configuration of growing size: linear, and no slower than crun."""
    small, middle, large = (f"{name}-{size}" for size in sizes)
    return [Target(f"{name}: growth of the second half", Growth(small, middle, large, PLAIN), None, 1.25),
            *against(CRUN, 1.0, large)]


TARGETS = [
    *against(CRUN, 0.45, "run"),
    *against(FLOOR, 1.45, "run"),
    *against(CRUN, 0.45, "create", "start", "kill", "delete"),
    *against(CRUN, 0.28, "state", "list", "version"),
    *against(HELLO, 1.25, "state", "list", "version", other_case="version"),
    *against(CRUN, 0.40, "exec"),
    *added(1.10, "+seccomp", ("run", "create", "start", "state", "exec", "delete")),
    Target(f"run of {KM} / run of {PLAIN}", Time("run", KM), Time("run", PLAIN), 1.10),
    Target(f"the same without {KMSIM}'s own time",
           Without(Time("run", KM), Time("monitor", KMSIM), Time("payload", KMSIM)), Time("run", PLAIN), 1.10),
    Target(f"start of {KM} (start-at: payload) / state", Time("start", KM), Time("state", KM), 1.5),
    *against(CRUN, 1.0, "run+systemd"),
    Target("peak memory of run / crun", Peak("run", PLAIN), Peak("run", CRUN), 0.5),
    Target("smallest memory limit / crun", Limit(PLAIN), Limit(CRUN), 0.5),
    *(Target(f"{case}@1000 / {case}@1", Time(f"{case}@1000", PLAIN), Time(f"{case}@1", PLAIN), 1.10)
      for case in ("create", "state", "delete")),
    Target("list: growth from 500 to 1000 containers", Growth("list@1", "list@500", "list@1000", PLAIN), None, 1.25),
    *scales("mounts", (0, 1000, 2000)),
    *scales("inside", (0, 1000, 2000)),
    *scales("environment", (0, 2500, 5000)),
    *scales("devices", (0, 5000, 10000)),
    *scales("masked", (0, 500, 1000)),
    *against(CRUN, 0.5, "parallel"),
]


def value(results, number):
    """Returns a number of a run, or None when it was not measured."""
    if isinstance(number, Time):
        return results.median(number.case, number.who)
    if isinstance(number, Peak):
        return results.peak(number.case, number.who)
    if isinstance(number, Limit):
        return results.memory_limits.get(number.who)
    if isinstance(number, Without):
        values = [value(results, part) for part in number]
        return None if None in values else values[0] - (values[1] - values[2])
    small, middle, large = (results.median(case, number.who) for case in (number.small, number.middle, number.large))
    if None in (small, middle, large):
        return None
    return divide(large - middle, max(middle - small, small * GROWTH_LEAST))


def judge(results, targets=None):
    """Returns [(target, measured)]; measured is None when one of its numbers is missing."""
    judged = []
    for target in targets or TARGETS:
        measured = value(results, target.number)
        if target.by is not None:
            measured = divide(measured, value(results, target.by))
        judged.append((target, measured))
    return judged
