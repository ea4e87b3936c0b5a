#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""benchmark.py TREE BUILD: tests of contrib/bench: its numbers, what it says of them, and its programs. None of them measures anything."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml
from unittest import mock

TREE, BUILD = map(os.path.abspath, sys.argv[1:3])
sys.path[:0] = [os.path.join(TREE, "tests"), os.path.join(TREE, "tests", "lib")]
sys.dont_write_bytecode = True

import cmocka                                                       # noqa: E402
from bench import cases, plot, report, runtimes, session, targets   # noqa: E402
from bench.results import BEFORE, CRUN, FLOOR, HELLO, KM, KMSIM, ORDER, PLAIN, RUNC, Results, percentile    # noqa: E402

MACHINE = {"processor": "P <1>", "cores": 2, "kernel": "6.1", "cgroups": "v2"}


def sample(milliseconds, peak=1024, minor=50, major=0):
    return [int(milliseconds * 1e6), peak, minor, major, 10]


def run_of(machine=None, **times):
    """Returns results with one sample: run_of(run={"crun": 5.0})."""
    results = Results(machine=machine or MACHINE, commit="c0ffee", date="2026-01-02 03:04 UTC", rounds=1, cold=False)
    for case, runtimes_of_case in times.items():
        for who, milliseconds in runtimes_of_case.items():
            results.add(case, who, sample(milliseconds))
    return results


class Numbers(unittest.TestCase):
    def test_percentile(self):
        self.assertEqual(percentile([3], 95), 3)
        self.assertEqual(percentile(range(100, 0, -1), 95), 95)
        self.assertEqual(percentile([1, 2, 3, 4], 95), 4)
        self.assertEqual(percentile([1, 2, 3, 4], 50), 2)

    def test_median_peak_and_faults(self):
        results = Results()
        for milliseconds, peak, minor, major in ((1, 2000, 10, 5), (9, 1000, 20, 0), (2, 1500, 40, 0)):
            results.add("run", PLAIN, sample(milliseconds, peak, minor, major))
        self.assertEqual(results.median("run", PLAIN), 2e6)
        self.assertEqual(results.high("run", PLAIN), 9e6)
        self.assertEqual(results.peak("run", PLAIN), 2000)
        self.assertEqual(results.faults("run", PLAIN), 20)

    def test_what_was_not_measured_has_no_number(self):
        results = run_of(run={PLAIN: 1})
        for number in (results.median("run", CRUN), results.high("state", PLAIN), results.peak("run", CRUN), results.faults("state", CRUN),
                       results.system_calls("run", PLAIN), results.ratio("run", PLAIN, CRUN)):
            self.assertIsNone(number)

    def test_ratio_to_a_runtime_or_to_another_case(self):
        results = run_of(state={PLAIN: 1, CRUN: 4}, version={HELLO: 0.5})
        self.assertEqual(results.ratio("state", PLAIN, CRUN), 0.25)
        self.assertEqual(results.ratio("state", PLAIN, HELLO, "version"), 2)

    def test_runtimes_have_the_order_of_reports(self):
        results = run_of(run={name: 1 for name in ("zz", FLOOR, RUNC, CRUN, PLAIN)})
        self.assertEqual(results.runtimes("run"), [PLAIN, CRUN, RUNC, FLOOR, "zz"])

    def test_smallest_number_that_works(self):
        for least in (1, 2, 7, 63, 64):
            self.assertEqual(session.smallest(lambda number, least=least: number >= least, 64), least)
        self.assertIsNone(session.smallest(lambda number: False, 64))


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="krun-bench-")
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "file.json")

    def test_a_file_has_everything(self):
        results = run_of(run={PLAIN: 1, CRUN: 2})
        results.set_system_calls("run", PLAIN, 446)
        results.memory_limits[PLAIN] = 512
        results.instructions["config"] = 1000
        results.leave_out("runc", "run", "no reason")
        results.save(self.path)
        loaded = Results.load(self.path)
        self.assertEqual(loaded.to_json(), results.to_json())
        self.assertEqual(list(report.table(loaded)), list(report.table(results)))

    def test_other_files_are_refused(self):
        for text in ('{"run krun-plain": {}}', '{"format": 0}', "[1]"):
            with open(self.path, "w") as file:
                file.write(text)
            with self.assertRaisesRegex(ValueError, "not a file of contrib/bench"):
                Results.load(self.path)

    def test_parts_of_a_run_are_put_together(self):
        results, more = run_of(run={PLAIN: 1}), run_of(run={"youki": 3}, state={PLAIN: 2})
        more.leave_out("crun", "state", "why")
        results.merge(more)
        self.assertEqual(results.runtimes("run"), [PLAIN, "youki"])
        self.assertEqual(results.median("state", PLAIN), 2e6)
        self.assertEqual(results.left_out, [["crun", "state", "why"]])

    def bench(self, *words):
        done = subprocess.run([sys.executable, os.path.join(TREE, "contrib", "bench"), *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_a_file_is_shown_compared_and_judged_without_root(self):
        run_of(run={PLAIN: 2, CRUN: 4}).save(self.path)
        worse = self.path + ".worse"
        run_of(run={PLAIN: 3, CRUN: 4}).save(worse)
        status, out = self.bench("--load", worse, "--compare", self.path, "--svg", self.path + ".svg")
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"(?m)^run +krun-plain +2\.00 ms +3\.00 ms +0\.50 +0\.75 +1\.50 +1\.0 MiB +1\.0 MiB$")
        self.assertEqual(xml.parse(self.path + ".svg").getroot().tag, "{http://www.w3.org/2000/svg}svg")
        for words, expected in ((["--compare", self.path, "--tolerance", "40"], 1), (["--compare", self.path, "--tolerance", "60"], 0),
                                (["--limit", "0.7"], 1), (["--limit", "0.8"], 0), (["--memory-limit", "0.9"], 1), (["--memory-limit", "1"], 0)):
            status, out = self.bench("--load", worse, *words)
            self.assertEqual(status, expected, (words, out))
        self.assertNotEqual(self.bench("--load", "/no/such")[0], 0)

    def test_unknown_cases_are_refused(self):
        status, out = self.bench("--case", "rum")
        self.assertEqual((status, out), (1, "bench: no case is called rum; --list prints them\n"))

    def test_an_ordinary_user_is_told_why_nothing_is_measured(self):
        path = os.path.join(TREE, "contrib", "bench")
        loader = importlib.machinery.SourceFileLoader("contrib_bench", path)
        program = importlib.util.module_from_spec(importlib.util.spec_from_loader("contrib_bench", loader))
        loader.exec_module(program)
        with mock.patch.object(os, "geteuid", return_value=1000), mock.patch.object(sys, "argv", [path]), \
                contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertEqual(program.main(), 77)
        self.assertEqual(err.getvalue(), "bench: needs root\n")


class Targets(unittest.TestCase):
    def judged(self, results):
        return {target.text: number for target, number in targets.judge(results) if number is not None}

    def test_a_target_compares_two_numbers_of_a_run(self):
        results = run_of(run={PLAIN: 3, KM: 3.3, CRUN: 6, FLOOR: 2}, state={PLAIN: 1, KM: 1, CRUN: 4}, start={KM: 2}, version={HELLO: 0.8})
        results.memory_limits.update({PLAIN: 400, CRUN: 1000})
        judged = self.judged(results)
        for text, number in (("run / crun", 0.5), ("run / floor", 1.5), ("state / crun", 0.25), ("state / hello", 1.25),
                             ("run of krun+kmsim / run of krun-plain", 1.1), ("peak memory of run / crun", 1), ("smallest memory limit / crun", 0.4),
                             ("start of krun+kmsim (start-at: payload) / state", 2)):
            self.assertAlmostEqual(judged.pop(text), number, msg=text)
        self.assertEqual(judged, {})

    def test_what_the_stand_in_takes_by_itself(self):
        judged = self.judged(run_of(run={PLAIN: 4, KM: 6}, monitor={KMSIM: 2.5}, payload={KMSIM: 1}))
        self.assertAlmostEqual(judged["the same without kmsim's own time"], 1.125)
        self.assertNotIn("the same without kmsim's own time", self.judged(run_of(run={PLAIN: 4, KM: 6}, monitor={KMSIM: 2.5})))

    def test_growth_tells_a_line_from_a_curve(self):
        def growth(*times):
            results = run_of(**{f"masked-{size}": {PLAIN: time} for size, time in zip((0, 500, 1000), times)})
            return self.judged(results)["masked: growth of the second half"]
        self.assertAlmostEqual(growth(4, 6, 8), 1)
        self.assertAlmostEqual(growth(4, 5, 8), 3)
        self.assertAlmostEqual(growth(4, 4.01, 4.05), 0.1)      # noise
        self.assertAlmostEqual(growth(4, 3.9, 8), 10.25)        # a cliff behind the first half

    def test_every_target_is_about_a_case_that_there_is(self):
        known = {case for group in cases.ALL for case in group.cases}
        for target in targets.TARGETS:
            numbers = [*target.number] if isinstance(target.number, targets.Without) else [target.number]
            for number in filter(None, (*numbers, target.by)):
                self.assertLessEqual(set(number[:-1]), known, target.text)
                self.assertIn(number.who, ORDER)

    def test_texts(self):
        lines = list(report.targets(run_of(run={PLAIN: 3, CRUN: 6, FLOOR: 2.5})))
        self.assertRegex(lines[0], r"^NOT MET +run / crun +0\.50 +\(at most 0\.45\)$")
        self.assertRegex(lines[1], r"^met +run / floor +1\.20 +\(at most 1\.45\)$")
        self.assertRegex(lines[-1], r"^1 of 3 targets are met; \d+ were not measured$")


class Comparison(unittest.TestCase):
    EARLIER = {"run": {PLAIN: 2, CRUN: 4}, "state": {PLAIN: 1}, "exec": {PLAIN: 1, CRUN: 2}}

    def test_a_slower_machine_is_not_a_slower_krun(self):
        now = run_of({**MACHINE, "processor": "another"}, run={PLAIN: 4.4, CRUN: 8}, state={PLAIN: 9}, list={PLAIN: 1, CRUN: 1})
        earlier = run_of(**self.EARLIER)
        self.assertEqual(report.worse(now, earlier, 9), ["run of krun-plain: 1.10 times as long"])
        self.assertEqual(report.worse(now, earlier, 11), [])
        self.assertIn("on another machine, so that only the ratios to crun say something", list(report.comparison(now, earlier)))

    def test_without_crun_times_of_one_machine_are_compared(self):
        self.assertEqual(report.worse(run_of(state={PLAIN: 1.5}), run_of(**self.EARLIER), 10), ["state of krun-plain: 1.50 times as long"])

    def test_two_builds_in_one_run(self):
        results = run_of(run={PLAIN: 3, BEFORE: 4}, state={PLAIN: 1})
        results.set_system_calls("run", BEFORE, 600)
        lines = list(report.beside(results))
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[1], r"^run +4\.00 ms +3\.00 ms +0\.750 +50 +50 +600 +-$")
        self.assertEqual(list(report.beside(run_of(run={PLAIN: 3}))), [])

    def test_limits_are_for_all_cases_that_crun_has(self):
        results = run_of(run={PLAIN: 3, CRUN: 4}, state={PLAIN: 1, CRUN: 4}, exec={PLAIN: 9})
        self.assertEqual(report.over_limit(results, 0.7), ["run"])
        self.assertEqual(report.over_limit(results, 0.8), [])
        self.assertEqual(report.over_limit(results, 0.9, Results.peak), ["run", "state"])


class Picture(unittest.TestCase):
    def test_bars_are_as_long_as_medians(self):
        results = run_of(run={PLAIN: 2, CRUN: 4, "a<b": 8}, state={PLAIN: 1})
        root = xml.fromstring(plot.svg(results))
        shape = "{http://www.w3.org/2000/svg}"
        bars = [float(bar.get("width")) for bar in root.iter(f"{shape}rect")][1:]
        self.assertEqual(bars, [plot.BARS / 4, plot.BARS / 2, plot.BARS, plot.BARS])
        words = [text.text for text in root.iter(f"{shape}text")]
        for text in ("run", "state", "a<b", "2.00 ms, 0.50 of crun", "4.00 ms", "1.00 ms", "8.00 ms, 2.00 of crun"):
            self.assertIn(text, words)
        self.assertLess(max(float(text.get("y")) for text in root.iter(f"{shape}text")), float(root.get("height")))


class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="krun-bench-")
        self.addCleanup(directory.cleanup)
        self.top = directory.name

    def measure(self, *steps):
        path = os.path.join(self.top, "script")
        with open(path, "w") as file:
            file.writelines("\t".join(step) + "\n" for step in steps)
        done = subprocess.run([f"{BUILD}/tests/bench/bench_measure", path], capture_output=True, text=True, check=False)
        return done.returncode, [line.split("\t") for line in done.stdout.splitlines()], done.stderr

    def test_samples(self):
        with open(os.path.join(self.top, "pid"), "w") as file:
            file.write(str(2 ** 22 + 1))        # more than any process has
        marks = os.path.join(self.top, "mark-{}")
        status, samples, err = self.measure(
            ("time", "nap", "/bin/sleep", "0.05"), ("do", "/bin/true"), ("gone", os.path.join(self.top, "pid")), ("settle", "1"),
            ("cold", "/bin/true"), ("set", "WORD", "x"), ("do", "/bin/sh", "-c", '[ "$WORD" = x ]'), ("set", "WORD"),
            ("do", "/bin/sh", "-c", '[ -z "${WORD+set}" ]'), ("parallel", "many", "3", "/bin/mkdir", marks))
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([label for label, *_ in samples], ["nap", "many"])
        self.assertGreater(int(samples[0][1]), 50e6)
        self.assertTrue(all(int(number) > 0 for number in samples[0][1:4]), samples)
        self.assertEqual(sorted(name for name in os.listdir(self.top) if "mark" in name), ["mark-0", "mark-1", "mark-2"])

    def test_a_command_that_fails_ends_it(self):
        status, samples, err = self.measure(("time", "a", "/bin/true"), ("time", "b", "/bin/sh", "-c", "echo no >&2; exit 3"),
                                            ("do", "/bin/touch", os.path.join(self.top, "after")))
        self.assertEqual((status, len(samples), err), (1, 1, "line 2: /bin/sh: status 3: no\n\n"))
        self.assertNotIn("after", os.listdir(self.top))
        self.assertIn("line 1: no step 'tim' with 2 words", self.measure(("tim", "a"))[2])

    def test_system_calls_of_a_program_and_of_its_children_until_it_ends(self):
        def calls(script):
            path = os.path.join(self.top, "calls")
            done = subprocess.run([f"{BUILD}/tests/bench/bench_calls", path, "/bin/sh", "-c", script], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, check=False, timeout=30)
            with open(path) as file:
                return done.returncode, int(file.read())
        status, few = calls("exit 5")
        self.assertEqual(status, 5)
        with_child = calls("/bin/true; exit 5")[1]
        self.assertGreater(with_child, few + 10)
        # One that is left goes on, and nobody waits for it.
        mark = os.path.join(self.top, "mark")
        self.assertEqual(calls(f"(sleep 1; echo > {mark}) & exit 0")[0], 0)
        self.assertFalse(os.path.exists(mark))
        deadline = time.monotonic() + 30
        while not os.path.exists(mark):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_pure_parts(self):
        config = os.path.join(self.top, "config.json")
        with open(os.path.join(TREE, "tests", "bundle", "docker-default-seccomp.json")) as file:
            profile = json.load(file)
        for linux in ({}, {"seccomp": profile}):
            with open(config, "w") as file:
                json.dump({"ociVersion": "1.0.2", "root": {"path": "r"}, "linux": linux}, file)
            for _, part, _ in session.PURE_PARTS:
                done = subprocess.run([f"{BUILD}/tests/bench/bench_pure", part, "3", config], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 2 if part.startswith("filter") and not linux else 0, (part, done.stderr))


class Machine(unittest.TestCase):
    def test_facts(self):
        facts = runtimes.machine()
        self.assertGreater(facts["cores"], 0)
        self.assertTrue(facts["processor"] and facts["kernel"])
        self.assertLessEqual(set(report.MACHINE), set(facts))

    def test_libraries_of_a_program(self):
        self.assertTrue(any("libc" in path for path in runtimes.libraries(sys.executable)))
        self.assertEqual(runtimes.libraries("/no/such/program"), [])


if __name__ == "__main__":
    cmocka.main()
