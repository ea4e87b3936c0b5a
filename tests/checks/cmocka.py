# SPDX-License-Identifier: Apache-2.0
"""Runs tests of the tests' own tools, and prints cmocka's lines, so that tests/run.py counts every function."""

import sys
import unittest


class Lines(unittest.TextTestResult):
    def line(self, word, test):
        print(f"[ {word:>8} ] {test._testMethodName}", flush=True)

    def addSuccess(self, test):
        self.line("OK", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("FAILED", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.line("FAILED", test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line("FAILED", test)

    def addSkip(self, test, reason):
        self.line("SKIPPED", test)


def main():
    """Runs the tests of the program's own file."""
    unittest.main(argv=sys.argv[:1], testRunner=unittest.TextTestRunner(stream=sys.stdout, resultclass=Lines))
