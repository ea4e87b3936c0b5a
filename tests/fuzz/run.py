#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
run.py [--counts FILE] [--full] [--seed N] [--seconds N] [NAME]...

Runs the fuzzers of the build in $KRUN_BUILD (default: build/fuzz, made with -Dfuzz=true by clang; contrib/run-tests fuzz makes it), two at
once, each for 20 s or, with --full, for an hour. NAME selects targets whose names contain it. Prints one line per target, a table of what
they did, and last "N passed, N failed, N skipped". --counts adds a line of the three numbers to FILE.

What the fuzzers find stays below the build: inputs that reach new code in corpus/NAME, with which the next run begins, and those that break a
promise in found/NAME-*. The tree's own corpus is only read; contrib/run-tests unit runs it.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

FUZZ = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(FUZZ))
BUILD = os.path.abspath(os.environ.get("KRUN_BUILD", os.path.join(TREE, "build", "fuzz")))
CORPUS = os.path.join(FUZZ, "corpus")
SECONDS = {False: 20, True: 3600}   # by --full
AT_ONCE = 2
# Of one input. A fuzzer beside others on a busy machine may wait for the processor for long.
INPUT_SECONDS = 30
MEMORY_MIB = 2048
# The end of a failed fuzzer's output: the fault, the stack, and the input in base 64.
TAIL = 60

sys.path.insert(0, os.path.join(TREE, "tests", "lib"))


class Run:
    """One target: what it is run with, and what it did."""

    def __init__(self, name, seconds, seed, directory):
        self.name = name
        self.seconds = seconds
        self.seed = seed
        self.directory = directory      # for files of the target, in memory where the machine allows that
        self.log = os.path.join(BUILD, "fuzz-logs", name + ".log")
        self.status = None
        self.took = 0.0

    def command(self):
        corpus = os.path.join(BUILD, "corpus", self.name)
        os.makedirs(corpus, exist_ok=True)
        words = [os.path.join(BUILD, "tests", "fuzz", "fuzz_" + self.name), f"-max_total_time={self.seconds}", f"-seed={self.seed}",
                 f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", "-print_final_stats=1",
                 f"-artifact_prefix={os.path.join(BUILD, 'found', self.name)}-"]
        dictionary = os.path.join(FUZZ, "dictionaries", self.name)
        if os.path.exists(dictionary):
            words.append(f"-dict={dictionary}")
        return [*words, corpus, os.path.join(CORPUS, self.name)]

    def run(self):
        started = time.monotonic()
        with open(self.log, "wb") as log:
            try:
                done = subprocess.run(self.command(), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
                                      env={**os.environ, "TMPDIR": self.directory}, timeout=self.seconds + 20 * INPUT_SECONDS)
                self.status = done.returncode
            except (OSError, subprocess.TimeoutExpired) as error:
                log.write(f"{error}\n".encode())
        self.took = time.monotonic() - started

    def output(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def number(self, pattern):
        found = re.findall(pattern, self.output(), re.M)
        return int(found[-1]) if found else 0

    def executions(self):
        return self.number(r"^stat::number_of_executed_units: (\d+)")

    def row(self):
        executions = self.executions()
        return (self.name, executions, int(executions / self.took), self.number(r"\bcov: (\d+)"), self.number(r"\bft: (\d+)"),
                len(os.listdir(os.path.join(CORPUS, self.name))), len(os.listdir(os.path.join(BUILD, "corpus", self.name))), round(self.took))

    def report(self, report):
        seeds = len(os.listdir(os.path.join(CORPUS, self.name)))
        if self.status == 0 and self.executions() > seeds:
            report.add("passed", f"fuzz: {self.name}", seconds=self.took)
            return
        report.add("failed", f"fuzz: {self.name}", "\n".join(self.output().splitlines()[-TAIL:]), self.took)


def print_table(runs):
    titles = ("target", "executions", "a second", "edges", "features", "corpus", "found", "seconds")
    rows = [titles, *[tuple(str(cell) for cell in run.row()) for run in runs]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    for row in rows:
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())


def main(arguments):
    import sample
    from report import OUTCOMES, Report

    parser = argparse.ArgumentParser(usage=__doc__.strip().splitlines()[0], allow_abbrev=False)
    sample.add_options(parser)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    sample.choose(options)
    seconds = options.seconds or SECONDS[sample.is_full()]
    names = [name for name in sorted(os.listdir(CORPUS)) if not options.names or any(word in name for word in options.names)]
    for folder in ("fuzz-logs", "found"):
        os.makedirs(os.path.join(BUILD, folder), exist_ok=True)
    directory = tempfile.mkdtemp(prefix="krun-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    report = Report()
    try:
        runs = [Run(name, seconds, sample.seed(), directory) for name in names]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for run, _ in zip(runs, pool.map(Run.run, runs)):
                run.report(report)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print_table(runs)
    numbers = [report.counts[outcome] for outcome in OUTCOMES]
    if options.counts:
        with open(options.counts, "a") as file:
            file.write(f"{numbers[0]} {numbers[1]} {numbers[2]}\n")
    print(f"{numbers[0]} passed, {numbers[1]} failed, {numbers[2]} skipped")
    return 1 if report.counts["failed"] or not report.counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
