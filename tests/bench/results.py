# SPDX-License-Identifier: Apache-2.0
"""
What a run of contrib/bench has measured, and the numbers that are made of it.

A run has for each case ("run", "state", ...) and each runtime ("krun-plain", "crun", ...) a list of samples. The file that --json
writes is the same as the object here, so that a run can be looked at again and compared with a later one:

    {"format": 1, "date": ..., "commit": ..., "rounds": 80, "cold": false,
     "machine": {"kernel": ..., "processor": ..., "cores": 2, ...}, "versions": {"crun": ...},
     "cases": {"run": {"krun-plain": {"nanoseconds": [...], "peak_kib": [...], "minor_faults": [...], "major_faults": [...],
                                      "processor_us": [...], "system_calls": 446}}},
     "memory_limits_kib": {"krun-plain": 512}, "instructions": {"config": 123456}, "left_out": [["crun", "run", "why"]]}
"""

import json
import math
import statistics

FORMAT = 1
# Names of the programs that are compared, in the order of reports.
PLAIN, BEFORE, KM, CRUN, RUNC, YOUKI, FLOOR, HELLO, KMSIM = ORDER = (
    "krun-plain", "before", "krun+kmsim", "crun", "runc", "youki", "floor", "hello", "kmsim")
# Those that are no runtimes.
NO_RUNTIMES = (FLOOR, HELLO, KMSIM)
# The columns of a sample, as tests/bench/measure.c prints them.
FIELDS = ("nanoseconds", "peak_kib", "minor_faults", "major_faults", "processor_us")


def percentile(values, percent):
    """Returns the smallest of the values that at least @percent of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


class Results:
    def __init__(self, **facts):
        self.facts = {"format": FORMAT, **facts}
        self.cases = {}
        self.memory_limits = {}
        self.instructions = {}
        self.left_out = []

    def add(self, case, who, sample):
        """Adds one sample: numbers in the order of FIELDS."""
        fields = self.cases.setdefault(case, {}).setdefault(who, {})
        for name, number in zip(FIELDS, sample):
            fields.setdefault(name, []).append(number)

    def set_system_calls(self, case, who, number):
        self.cases[case][who]["system_calls"] = number

    def leave_out(self, who, case, reason):
        """Says why there are no samples of a runtime that is here."""
        self.left_out.append([who, case, reason])

    def has(self, case, who):
        return who in self.cases.get(case, {})

    def runtimes(self, case):
        """Returns who has samples of a case, in the order of reports."""
        return sorted(self.cases.get(case, {}), key=lambda who: (ORDER.index(who) if who in ORDER else len(ORDER), who))

    def merge(self, other):
        """Adds what another run on this machine has measured."""
        for case, runtimes in other.cases.items():
            self.cases.setdefault(case, {}).update(runtimes)
        self.memory_limits.update(other.memory_limits)
        self.instructions.update(other.instructions)
        self.left_out += other.left_out

    # ---- numbers: None where nothing was measured

    def samples(self, case, who, field):
        return self.cases.get(case, {}).get(who, {}).get(field) or []

    def median(self, case, who, field="nanoseconds"):
        values = self.samples(case, who, field)
        return statistics.median(values) if values else None

    def high(self, case, who, field="nanoseconds"):
        values = self.samples(case, who, field)
        return percentile(values, 95) if values else None

    def peak(self, case, who):
        return max(self.samples(case, who, "peak_kib"), default=None)

    def faults(self, case, who):
        """The median of all page faults."""
        minor, major = self.samples(case, who, "minor_faults"), self.samples(case, who, "major_faults")
        return statistics.median(map(sum, zip(minor, major))) if minor else None

    def system_calls(self, case, who):
        return self.cases.get(case, {}).get(who, {}).get("system_calls")

    def ratio(self, case, who, to, to_case=None):
        """Returns how many times the median of @to this one's is."""
        return divide(self.median(case, who), self.median(to_case or case, to))

    # ---- files

    def to_json(self):
        return {**self.facts, "cases": self.cases, "memory_limits_kib": self.memory_limits, "instructions": self.instructions,
                "left_out": self.left_out}

    def save(self, path):
        with open(path, "w") as file:
            json.dump(self.to_json(), file)
            file.write("\n")

    @classmethod
    def load(cls, path):
        with open(path) as file:
            data = json.load(file)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"{path}: not a file of contrib/bench --json, or one of another version")
        loaded = cls()
        loaded.cases = data.pop("cases")
        loaded.memory_limits = data.pop("memory_limits_kib")
        loaded.instructions = data.pop("instructions")
        loaded.left_out = data.pop("left_out")
        loaded.facts = data
        return loaded


def divide(a, b):
    return None if a is None or not b else a / b
