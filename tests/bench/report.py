# SPDX-License-Identifier: Apache-2.0
"""The texts that contrib/bench prints: a table of a run, its targets, and a comparison with an earlier run."""

import re

import bench.results
import bench.targets
from bench.results import BEFORE, CRUN, FLOOR, HELLO, KM, PLAIN, divide

# What decides whether times of two runs can be compared with each other.
MACHINE = ("processor", "cores", "kernel", "cgroups")
OWN = (PLAIN, KM)
READING = ("state", "list", "version")


def shown(number, form="{:.2f}"):
    return "-" if number is None else form.format(number)


def least(case):
    """Returns the (case, program) that does the least that such a command can, or (None, None)."""
    name = re.split("[+@-]", case)[0]
    return ("version", HELLO) if name in READING else ("run", FLOOR) if name == "run" else (None, None)


def to_least(results, case, who):
    low_case, low = least(case)
    return results.ratio(case, who, low, low_case) if low else None


def table(results):
    """Yields the lines of the table of cases."""
    yield f"{'case':18} {'runtime':11} {'median':>10} {'p95':>10} {'/crun':>6} {'/least':>6} {'peak':>9} {'faults':>7} {'calls':>6}"
    for case in results.cases:
        for number, who in enumerate(results.runtimes(case)):
            yield (f"{'' if number else case:18} {who:11} {results.median(case, who) / 1e6:7.2f} ms {results.high(case, who) / 1e6:7.2f} ms"
                   f" {shown(results.ratio(case, who, CRUN)):>6} {shown(to_least(results, case, who)):>6}"
                   f" {results.peak(case, who) / 1024:5.1f} MiB {shown(results.faults(case, who), '{:.0f}'):>7}"
                   f" {shown(results.system_calls(case, who), '{}'):>6}")
    yield ""
    yield "median and 95th percentile of the times; ratios of medians, to crun and to the least (the floor; for state, list and"
    yield "version a static hello); the largest peak of resident memory; page faults, median; system calls (--counts)"


def more(results):
    """Yields what is not a time."""
    for who, limit in results.memory_limits.items():
        yield f"smallest memory limit with which a container starts: {who:11} {shown(limit, '{} KiB')}"
    for part, count in results.instructions.items():
        yield f"instructions of {part:15} {count:>12,}"
    for who, case, reason in results.left_out:
        yield f"left out: {who}, {case}: {reason}"


def beside(results):
    """Yields the lines about two builds of krun-plain in one run."""
    both = [case for case in results.cases if results.has(case, PLAIN) and results.has(case, BEFORE)]
    if both:
        yield f"{'case':18} {'before':>10} {'now':>10} {'change':>7}   {'faults':>7} {'now':>7}   {'calls':>6} {'now':>6}"
    for case in both:
        yield (f"{case:18} {results.median(case, BEFORE) / 1e6:7.2f} ms {results.median(case, PLAIN) / 1e6:7.2f} ms"
               f" {results.ratio(case, PLAIN, BEFORE):7.3f}   {results.faults(case, BEFORE):7.0f} {results.faults(case, PLAIN):7.0f}"
               f"   {shown(results.system_calls(case, BEFORE), '{}'):>6} {shown(results.system_calls(case, PLAIN), '{}'):>6}")


def targets(results):
    """Yields a line for each target of which something was measured, and their sum."""
    judged = [(target, number) for target, number in bench.targets.judge(results) if number is not None]
    for target, number in judged:
        yield f"{'met' if number <= target.most else 'NOT MET':8} {target.text:48} {number:6.2f}   (at most {target.most:.2f})"
    if results.facts.get("cold"):
        yield "they are meant for warm caches"
    met = sum(number <= target.most for target, number in judged)
    yield f"{met} of {len(judged)} targets are met; {len(bench.targets.TARGETS) - len(judged)} were not measured"


def over_limit(results, most, number=bench.results.Results.median):
    """Returns the cases in which krun-plain takes more than @most of crun's @number."""
    over = []
    for case in results.cases:
        if results.has(case, PLAIN) and results.has(case, CRUN) and number(results, case, PLAIN) > most * number(results, case, CRUN):
            over.append(case)
    return over


def same_machine(results, earlier):
    return all(results.facts.get("machine", {}).get(name) == earlier.facts.get("machine", {}).get(name) for name in MACHINE)


def compared(results, earlier):
    """Yields (case, runtime) of krun's that both runs have."""
    for case in results.cases:
        yield from ((case, who) for who in OWN if results.has(case, who) and earlier.has(case, who))


def change(results, earlier, case, who):
    """
    Returns how many times its earlier time a case takes now; None when that cannot be said. When crun is in both runs these are the
    changes of the ratios to crun, which is the same program in both: what it has become slower or faster is the machine's doing.
    """
    if results.has(case, CRUN) and earlier.has(case, CRUN):
        return divide(results.ratio(case, who, CRUN), earlier.ratio(case, who, CRUN))
    if same_machine(results, earlier):
        return divide(results.median(case, who), earlier.median(case, who))
    return None


def comparison(results, earlier):
    """Yields the lines of a comparison."""
    yield f"compared with commit {earlier.facts.get('commit')} of {earlier.facts.get('date')}"
    if not same_machine(results, earlier):
        yield "on another machine, so that only the ratios to crun say something"
    if results.facts.get("cold") != earlier.facts.get("cold"):
        yield "one of them is cold and the other warm"
    yield f"{'case':18} {'runtime':11} {'earlier':>10} {'now':>10}   {'/crun earlier':>13} {'now':>6} {'change':>7}   {'peak':>9} {'now':>9}"
    for case, who in compared(results, earlier):
        yield (f"{case:18} {who:11} {earlier.median(case, who) / 1e6:7.2f} ms {results.median(case, who) / 1e6:7.2f} ms"
               f"   {shown(earlier.ratio(case, who, CRUN)):>13} {shown(results.ratio(case, who, CRUN)):>6}"
               f" {shown(change(results, earlier, case, who)):>7}"
               f"   {earlier.peak(case, who) / 1024:5.1f} MiB {results.peak(case, who) / 1024:5.1f} MiB")


def worse(results, earlier, tolerance):
    """Returns texts about the cases that take more than @tolerance percent longer than before."""
    changes = [(f"{case} of {who}", change(results, earlier, case, who)) for case, who in compared(results, earlier)]
    return [f"{name}: {number:.2f} times as long" for name, number in changes if number is not None and number > 1 + tolerance / 100]
