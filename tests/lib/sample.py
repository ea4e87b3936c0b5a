# SPDX-License-Identifier: Apache-2.0
"""
Which of very many cases a run goes through.

A test of every system call, every pair of commands or 10,000 rounds of a race takes hours. A run takes a fixed sample, so that
two runs of one tree give the same answer; another seed takes another sample, --times N one that is N times as large, and --full
everything. The choice is in the environment, because the tests run in processes of their own.
"""

import os
import random
import unittest


def add_options(parser):
    """Adds the options that every program of tests with samples has."""
    parser.add_argument("--counts")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--times", type=int)


def choose(options):
    """Says for this process and the ones that it starts what a run takes; an option that is not given leaves what the environment says."""
    share_option = getattr(options, "share", None)
    for name, value in (("FULL", int(options.full) or None), ("SEED", options.seed), ("TIMES", options.times), ("SHARE", share_option)):
        if value is not None:
            os.environ[f"KRUN_TEST_{name}"] = str(value)


def is_full():
    return os.environ.get("KRUN_TEST_FULL") == "1"


def seed():
    return int(os.environ.get("KRUN_TEST_SEED", "1"))


def share():
    """Returns of how many tests of a ring this run takes one."""
    return 1 if is_full() else int(os.environ.get("KRUN_TEST_SHARE", "1"))


def rounds(quick, full):
    """Returns how many rounds of a race or of a stress test this run makes."""
    return full if is_full() else min(full, quick * int(os.environ.get("KRUN_TEST_TIMES", "1")))


def pick(cases, quick, label):
    """
    Returns @quick of the @cases in their order, or all of them. @label: a name of the test, so that two tests with lists of
    the same length do not take the same places. KRUN_TEST_CASE=0:fcntl:1 takes those whose text contains this, to repeat one that failed.
    """
    cases, quick = list(cases), quick * int(os.environ.get("KRUN_TEST_TIMES", "1"))
    if only := os.environ.get("KRUN_TEST_CASE"):
        if not (cases := [case for case in cases if only in str(case)]):
            raise unittest.SkipTest(f"no case has {only}")
        return cases
    if is_full() or len(cases) <= quick:
        return cases
    places = random.Random(f"{seed()} {label}").sample(range(len(cases)), quick)
    return [cases[place] for place in sorted(places)]


def takes(label, of):
    """Returns whether a run takes this one of many cases that do not know of each other; it takes one of @of of them."""
    return is_full() or random.Random(f"{seed()} {label}").randrange(of) == 0
