# SPDX-License-Identifier: Apache-2.0
"""The examples of the manual pages and of the README work as typed."""

import json
import os
import re

from krun import PROGRAMS, SOURCE, KrunTest
from transcript import Terminal, blocks_of_readme, play

MAN = os.path.join(SOURCE, "man")
UNESCAPED = {r"\e": "\\", r"\(dq": '"', r"\&": "", r"\-": "-"}


def examples(page):
    """Returns the literal blocks of a page's section EXAMPLES."""
    with open(os.path.join(MAN, page)) as file:
        section = re.search(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", file.read(), re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section.group(1) if section else "", re.MULTILINE | re.DOTALL)
    return [re.sub(r"\\(?:e|\(dq|&|-)", lambda match: UNESCAPED[match.group()], block) for block in blocks]


def pages():
    return sorted(name for name in os.listdir(MAN) if re.search(r"\.[1-8]$", name))


class Examples(KrunTest):
    mode = "km"

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.top, "typed")
        programs = os.path.join(self.top, "programs")
        for path in (self.folder, programs):
            os.mkdir(path)
        # By a script, because the state of these containers must not be the machine's.
        for name in ("krun", "krun-plain"):
            with open(os.path.join(programs, name), "w") as file:
                file.write(f'#!/bin/sh\nexec {os.path.dirname(PROGRAMS["km"])}/{name} --root {self.root} "$@"\n')
            os.chmod(file.name, 0o755)
        # As environment() of krun.py: exec cannot be traced, not even for leaks.
        self.environment_of_shell = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", HOME=self.top, ASAN_OPTIONS="detect_leaks=0")

    def play(self, blocks, failing=()):
        terminal = Terminal(self.folder, self.environment_of_shell)
        self.addCleanup(terminal.close)
        counts = [play(self, terminal, block, failing) for block in blocks]
        return [sum(column) for column in zip(*counts)]

    def transcripts(self, page):
        return [block for block in examples(page) if block.startswith("# ")]

    def test_krun_1(self):
        self.ids += ["box"]
        typed, compared = self.play(self.transcripts("krun.1"), failing=("krun validate wrong.json", "--config missing.json"))
        self.assertGreater(typed, 12)
        self.assertGreater(compared, 5)

    def test_krun_exceptions_5(self):
        typed, compared = self.play(self.transcripts("krun-exceptions.5"))
        self.assertGreater(typed, 4)
        self.assertGreater(compared, 1)

    def test_no_other_page_has_a_transcript(self):
        self.assertEqual([page for page in pages() if self.transcripts(page)], ["krun-exceptions.5", "krun.1"])

    def test_settings_of_krun_json_5(self):
        """Every example is a file that krun accepts, and its settings are in force."""
        blocks = [block for block in examples("krun.json.5") if block.startswith("{")]
        self.assertGreater(len(blocks), 3)
        for number, block in enumerate(blocks):
            with self.subTest(block=block):
                path = f"{self.top}/{number}.json"
                with open(path, "w") as file:
                    file.write(block)
                os.chmod(path, 0o644)
                features = json.loads(self.ok("features", options=["--config-file", path]).out)
                for key, value in json.loads(block).items():
                    if key in ("device", "membusWidth"):
                        self.assertIn(f"app.kontain.krun.{key}", features["annotations"])
                    elif key == "allowVm":
                        self.assertEqual(json.loads(features["annotations"][f"app.kontain.krun.{key}"]), value)

    def test_readme_without_an_engine(self):
        self.ids += ["demo"]
        typed, compared = self.play(blocks_of_readme(os.path.join(SOURCE, "README.md"), "### Without an engine"))
        self.assertGreater(typed, 6)
        self.assertGreater(compared, 0)
