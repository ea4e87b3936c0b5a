# SPDX-License-Identifier: Apache-2.0
"""
The output of a test run: a line for each test, for people; or a record for each, for a process that watches the run.

A record is one line of JSON on the descriptor that $KRUN_TEST_RECORDS names: {"began": NAME}, or a result, or {"ended": true}
as the last. A run without its last record did not come to its end, whatever its status is.
"""

import fcntl
import json
import os
import re

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUTCOMES = ("passed", "failed", "skipped")
WORDS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}


class Report:
    """Prints and counts; knows which skips are expected."""

    def __init__(self):
        self.counts = dict.fromkeys(OUTCOMES, 0)
        self.results = []
        with open(os.path.join(TESTS, "expected-skips")) as file:
            lines = [line.split("#")[0].strip() for line in file]
        self.expected = [re.compile(line) for line in lines if line]

    def began(self, name):
        pass

    def add(self, outcome, name, detail="", seconds=0.0):
        if outcome == "skipped" and os.environ.get("KRUN_STRICT") and \
                not any(pattern.search(name) for pattern in self.expected):
            outcome, detail = "failed", f"skipped, and not in tests/expected-skips: {detail}"
        # A test and its tearDown() may both fail: two reasons, one failed test.
        self.counts[outcome] += outcome != "failed" or (name, outcome) not in self.results
        self.results.append((name, outcome))
        extra = f" ({detail})" if outcome == "skipped" else ""
        print(f"{WORDS[outcome]:8}{name}{extra} [{seconds:.2f}s]", flush=True)
        if outcome == "failed" and detail:
            print("    " + detail.rstrip().replace("\n", "\n    "), flush=True)

    def end(self):
        pass


class Recorder:
    """Writes records for a process that watches the run."""

    def __init__(self, fd):
        self.counts = dict.fromkeys(OUTCOMES, 0)
        self.results = []
        # A high number, because some tests use low ones. The standard output stays open: otherwise the next pipe of a test
        # would get its number.
        self.fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
        if fd <= 2:
            os.dup2(2, fd)
        else:
            os.close(fd)

    def write(self, **record):
        # The whole line is written at once, because other processes may write there, too.
        data = (json.dumps(record) + "\n").encode()
        while data:
            data = data[os.write(self.fd, data):]

    def began(self, name):
        self.write(began=name)

    def add(self, outcome, name, detail="", seconds=0.0):
        self.counts[outcome] += 1
        self.results.append((name, outcome))
        self.write(outcome=outcome, name=name, detail=detail, seconds=round(seconds, 2))

    def end(self):
        self.write(ended=True)


def report_of_this_run():
    return Recorder(int(os.environ.pop("KRUN_TEST_RECORDS"))) if "KRUN_TEST_RECORDS" in os.environ else Report()


class Reader:
    """The watching side: reads records from the descriptor, line by line, and gives the results to a report."""

    def __init__(self, report, prefix="", text=None):
        self.report = report
        self.prefix = prefix
        self.text = text or (lambda line: None)     # what to do with a line that is no record
        self.rest = b""
        self.running = []
        self.ended = False
        self.results = []

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            try:
                record = json.loads(line)
                assert isinstance(record, dict)
            except (ValueError, AssertionError):
                self.text(line.decode(errors="replace"))
                continue
            self.take(record)

    def take(self, record):
        if "began" in record:
            self.running.append(record["began"])
            self.report.began(self.prefix + record["began"])
        elif "outcome" in record:
            self.results.append((record["name"], record["outcome"]))
            if record["name"] in self.running:
                self.running.remove(record["name"])
            self.report.add(record["outcome"], self.prefix + record["name"], record["detail"], record["seconds"])
        self.ended |= "ended" in record
