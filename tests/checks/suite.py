#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""suite.py TREE: tests of the tests' own tools, above all that they find what is wrong."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

TREE = os.path.abspath(sys.argv[1])
sys.path[:0] = [os.path.join(TREE, "tests"), os.path.join(TREE, "tests", "lib")]
sys.dont_write_bytecode = True

import cmocka       # noqa: E402
import hoststate    # noqa: E402
import jobs         # noqa: E402
import machine      # noqa: E402
import run          # noqa: E402
import serial       # noqa: E402
from report import Report   # noqa: E402

STAND_IN = os.path.join(TREE, "tests", "kmsim", "with-stand-in")
IN_OWN_CGROUP = os.path.join(TREE, "tests", "lib", "in-own-cgroup")
needs_root = unittest.skipIf(os.geteuid() != 0, "needs root")


def private(script, *arguments):
    """Runs a shell script in a mount namespace of its own; returns its stdout with stderr, and its status."""
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout, done.returncode


class Recorded:
    def __init__(self):
        self.results = []

    def add(self, outcome, name, detail="", seconds=0.0):
        self.results.append((outcome, name, detail))

    def began(self, name):
        pass


class Scratch(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="krun-suite-")
        self.addCleanup(shutil.rmtree, self.top)


class Runner(Scratch):
    def one(self, result, output):
        report = Recorded()
        run.report_meson({"name": "t", "result": result, "stdout": output, "duration": 30.0, "returncode": -15}, "unit", "", report)
        return report.results

    def test_time_out_is_reported_with_the_end_of_the_output(self):
        lines = "".join(f"line {number}\n" for number in range(100))
        results = self.one("TIMEOUT", "[       OK ] test_first\n" + lines)
        self.assertEqual([result[:2] for result in results], [("passed", "unit: t.test_first"), ("failed", "unit: t")])
        self.assertTrue(results[1][2].startswith("TIMEOUT: not at its end after 30 s"), results)
        self.assertTrue(results[1][2].endswith("line 98\nline 99"), results)
        self.assertNotIn("line 10\n", results[1][2])

    def test_other_ends_have_their_names(self):
        self.assertEqual(self.one("OK", "fine"), [("passed", "unit: t", "")])
        self.assertTrue(self.one("ERROR", "boo")[0][2].startswith("ERROR, status -15:\nboo"))

    def test_a_skip_has_its_reason(self):
        output = ("[ RUN      ] test_a\nreason: no clone3\n[  SKIPPED ] test_a\n[ RUN      ] test_b\n[  SKIPPED ] test_b\n"
                  "[ RUN      ] test_c\n[       OK ] test_c\n")
        self.assertEqual(sorted(result[1:] for result in self.one("OK", output) if result[0] == "skipped"),
                         [("unit: t.test_a", "no clone3"), ("unit: t.test_b", "see its source")])

    def test_a_test_that_fails_twice_counts_once(self):
        """Once for itself and once for its tearDown(); in the machine, too, in the first attempt and in the second."""
        name = "vm trixie: bundle: test_x.Case.test_a"
        with contextlib.redirect_stdout(io.StringIO()) as out:
            whole = Report()
            first = machine.FirstAttempt(whole)
            for target in (first, whole):
                for detail in ("the test", "its end"):
                    target.add("failed", name, detail)
                target.add("failed", name + "b", "another")
                target.add("passed", name + "c")
            first.give_up(but=[name])
        self.assertEqual(whole.counts, {"passed": 2, "failed": 2, "skipped": 0})
        self.assertEqual(first.failed[name][0], "the test")
        self.assertEqual(re.findall(r"(?m)^(\w+) +.*test_(a\w*)", out.getvalue()),
                         [("again", "a"), ("again", "a"), ("again", "ab"), ("ok", "ac"),
                          ("FAILED", "a"), ("FAILED", "a"), ("FAILED", "ab"), ("ok", "ac"), ("FAILED", "ab")])

    def test_expected_skips_can_be_read(self):
        with open(os.path.join(TREE, "tests", "expected-skips")) as file:
            for line in file:
                re.compile(line.split("#")[0].strip())


class Jobs(Scratch):
    @needs_root
    def test_a_test_that_ends_its_process_fails_and_the_others_run(self):
        tests = os.path.join(self.top, "tests")
        kmsim = os.path.join(self.top, "build", "tests", "kmsim")
        os.makedirs(os.path.join(tests, "bundle"))
        os.makedirs(kmsim)
        shutil.copy("/bin/true", os.path.join(kmsim, "kmsim"))
        for name in ("lib", "kmsim", "run.py", "expected-skips"):
            path = os.path.join(TREE, "tests", name)
            (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, os.path.join(tests, name))
        with open(os.path.join(tests, "bundle", "test_suite.py"), "w") as file:
            file.write("import os, unittest\nclass Case(unittest.TestCase):\n"
                       "    def test_a(self):\n        pass\n    def test_b(self):\n        os._exit(3)\n"
                       "    def test_c(self):\n        pass\n")
        done = subprocess.run([sys.executable, os.path.join(tests, "run.py"), "bundle:test_suite"], capture_output=True, text=True,
                              env=dict(os.environ, KRUN_BUILD=os.path.join(self.top, "build")), check=False)
        lines = re.findall(r"(?m)^(\w+) +bundle: (test_\w+\.Case\.\w+) ", done.stdout)
        self.assertEqual(lines, [("ok", "test_suite.Case.test_a"), ("FAILED", "test_suite.Case.test_b"), ("ok", "test_suite.Case.test_c")],
                         done.stdout + done.stderr)
        self.assertIn("did not come to its end: status 3", done.stdout)
        self.assertEqual(done.returncode, 1)


class Machine(Scratch):
    """Uses a run-in-vm that prints the records and returns the status of one boot (`lives`) after the other."""

    def boot_all(self, *lives):
        share = os.path.join(self.top, "share")
        os.makedirs(os.path.join(self.top, "vm"))
        os.mkdir(share)
        for number, (records, status) in enumerate(lives):
            with open(os.path.join(self.top, f"life.{number}"), "w") as file:
                file.write("".join(json.dumps(record) + "\n" for record in records))
            with open(os.path.join(self.top, f"status.{number}"), "w") as file:
                file.write(str(status))
        script = os.path.join(self.top, "vm", "run-in-vm")
        with open(script, "w") as file:
            file.write(f"""#!/bin/sh
                cd {self.top}
                number=$(ls known.* 2> /dev/null | wc -l)
                cp share/results known.$number
                echo Oops > console.log
                cat life.$number
                trap "echo asked >> console.log; exit {machine.STOPPED}" USR1
                [ "$(cat status.$number)" != silent ] || {{ sleep 100 > /dev/null 2>&1 & wait; }}
                exit "$(cat status.$number)"
                """)
        os.chmod(script, 0o755)
        report, ends = Recorded(), Recorded()
        with mock.patch.object(machine, "TESTS", self.top), contextlib.redirect_stdout(io.StringIO()) as out:
            machine.Machine("trixie", "image", self.top).run(["bundle"], report, ends)
        known = []
        for number in range(len([name for name in os.listdir(self.top) if name.startswith("known.")])):
            with open(os.path.join(self.top, f"known.{number}")) as file:
                known.append([name for name, _ in json.load(file)])
        return [name for _, name, _ in report.results], ends.results, known, out.getvalue()

    @staticmethod
    def result(name):
        return {"outcome": "passed", "name": name, "detail": "", "seconds": 1}

    def test_a_machine_that_ended_by_itself_is_booted_again_for_the_rest(self):
        results, ends, known, out = self.boot_all(
            ([{"began": "a"}, self.result("a"), {"began": "b"}], 125), ([self.result("b"), {"ended": True}], 0))
        self.assertEqual(results, ["vm trixie: a", "vm trixie: b"])
        self.assertEqual(ends, [("passed", "vm trixie: machine", "")])
        self.assertEqual(known, [[], ["a"]])
        self.assertRegex(out, r"(?s)^again .*the machine ended by itself; was in: b; .*Oops")

    def test_a_machine_that_goes_on_ending_fails(self):
        lives = [([self.result(word), {"began": "x"}], 125) for word in "abcdef"]
        results, ends, known, _ = self.boot_all(*lives)
        self.assertEqual(len(results), machine.LIVES_MAX)
        self.assertEqual(known[-1], ["a", "b", "c"])
        self.assertEqual(ends[0][0], "failed")
        self.assertIn("the machine ended by itself; was in: x", ends[0][2])

    def test_other_ends_are_the_last(self):
        for lives, text in (([([self.result("a")], 1)], "ended early, status 1"),
                            ([([{"ended": True}], 0)], "no test was run")):
            with self.subTest(text=text):
                _, ends, known, _ = self.boot_all(*lives)
                self.assertEqual((ends[0][0], len(known)), ("failed", 1))
                self.assertIn(text, ends[0][2])
                shutil.rmtree(self.top)
                os.mkdir(self.top)

    def test_a_machine_that_hangs_has_one_more_life(self):
        silent, text = ([self.result("a"), {"began": "b"}], "silent"), "stopped: it said nothing for 1 s ($KRUN_VM_SILENCE); was in: b"
        rest = ([self.result("b"), {"ended": True}], 0)
        for lives, expect in (([silent, rest], "passed"), ([silent, silent, rest], "failed"),
                              ([silent, ([{"began": "b"}], 125), rest], "passed")):
            with self.subTest(lives=len(lives), expect=expect), mock.patch.object(machine, "SILENCE", 1):
                results, ends, known, out = self.boot_all(*lives)
                self.assertEqual([end[0] for end in ends], [expect])
                self.assertIn("vm trixie: a", results)
                self.assertEqual(known[1], ["a"])
                self.assertRegex(out, r"(?s)^again .*" + re.escape(text) + ".*Oops\n +asked")
                if expect == "failed":
                    self.assertIn(text, ends[0][2])
                    self.assertEqual(len(known), 2)
                shutil.rmtree(self.top)
                os.mkdir(self.top)

    def test_a_test_with_a_result_is_not_run_again(self):
        os.mkdir(os.path.join(self.top, "bundle"))
        for module in ("test_suite_one", "test_suite_two"):
            with open(os.path.join(self.top, "bundle", f"{module}.py"), "w") as file:
                file.write("import unittest\nclass Case(unittest.TestCase):\n"
                           "    def test_a(self):\n        pass\n    def test_b(self):\n        pass\n")
        results = os.path.join(self.top, "results")
        with open(results, "w") as file:
            json.dump([["bundle: test_suite_one.Case.test_a", "passed"], ["bundle: test_suite_two.Case.test_a", "failed"],
                       ["bundle: test_suite_two.Case.test_b", "passed"]], file)
        with mock.patch.object(jobs, "TESTS", self.top), mock.patch.dict(os.environ, KRUN_TEST_RESULTS=results):
            found = jobs.suites("bundle", "")
        self.assertEqual({name: [test.id() for test in suite] for name, suite in found.items()},
                         {"test_suite_one": ["test_suite_one.Case.test_b"]})


class Checks(Scratch):
    def check(self, name):
        return subprocess.run(["sh", os.path.join(TREE, "tests", "checks", name), self.top], capture_output=True, text=True,
                              check=False)

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(TREE, "src"), os.path.join(self.top, "src"))

    def append(self, name, line):
        with open(os.path.join(self.top, "src", name), "a") as file:
            file.write(line + "\n")

    def test_layers(self):
        self.assertEqual(self.check("layers.sh").returncode, 0)
        for name, line, text in (("util/io.c", '#include "cli/cli.h"', "util/io.c must not include cli/\n"),
                                 ("ns/plan.c", '#include "mount/plan.h"', "ns/plan.c must not include mount/\n"),
                                 ("init/sync.c", '#include "nowhere/x.h"', "init/sync.c must not include nowhere/\n"),
                                 ("checkpoint/dump.c", '#include "launch/notify.h"', "checkpoint/dump.c must not include launch/\n"),
                                 ("container/exec.c", '#include "init/init.h"', "container/exec.c must not include init/init.h\n")):
            self.append(name, line)
            done = self.check("layers.sh")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(text, done.stdout)

    def test_list_of_exceptions_with_a_stale_entry(self):
        os.remove(os.path.join(self.top, "src", "checkpoint", "directory.c"))
        done = self.check("calls.sh")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("checkpoint/directory.c: stale in tests/checks/calls.sh: JSON is read in one place\n", done.stdout)

    def test_names_in_comments_and_dependencies(self):
        for check, name, line, text in (
                ("headers.py", "util/path.h", "/* Of @nobody. */\nint path_count(const char *path);", "@nobody is nothing of what follows\n"),
                ("references.py", "util/path.h", "/* See mount/nowhere.c. */", "there is no mount/nowhere.c\n"),
                ("pairs.py", "util/path.h", "int io_write_all(int fd, const void *data, size_t size);",
                 "io_write_all() is in io.c: say so in a section's title\n"),
                ("circles.py", "util/path.h", '#include "util/proc.h"\n#include "util/path_user.h"',
                 "circle: util/path <- util/path_user <- util/path\n"),
                ("dependencies.py", "meson.build", "m = dependency('mystery')", "mystery: add it to tests/checks/dependencies.py\n")):
            with self.subTest(check=check):
                for file in ("meson.build", "README.md"):
                    shutil.copy(os.path.join(TREE, file), self.top)
                if check == "circles.py":
                    self.append("util/path_user.c", '#include "util/path.h"')
                self.append(name, line)
                done = subprocess.run([sys.executable, os.path.join(TREE, "tests", "checks", check), self.top], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(text, done.stdout)

    def test_objects_of_kubernetes(self):
        for path in ("contrib/kubernetes", "tests/kubernetes"):
            shutil.copytree(os.path.join(TREE, path), os.path.join(self.top, path))

        def check():
            return subprocess.run([sys.executable, os.path.join(TREE, "tests", "checks", "kubernetes.py"), self.top], capture_output=True,
                                  text=True, check=False)
        if check().returncode == 77:
            self.skipTest("no python3-jsonschema or python3-yaml")
        self.assertEqual(check().returncode, 0)
        for name, old, new, text in (
                ("install.yaml", "hostPID:", "hostPid:", "install.yaml: DaemonSet: /spec/template/spec: Additional properties"),
                ("runtime-class.yaml", "handler: krun", "handler: [krun]", "runtime-class.yaml: RuntimeClass: /handler: ['krun'] is not"),
                ("rbac.yaml", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1", "no schema for this kind in rbac"),
                ("runtime-class.yaml", "handler: krun", "handler: km", "crio.conf: does not have [crio.runtime.runtimes.km]\n"),
                ("runtime-class.yaml", "app/ready:", "app/done:", "node/krun-node: does not have label=krun.kontain.app/done\n"),
                ("containerd-v3.toml", "SystemdCgroup = true", "SystemdCgroup = false", "differ in more than the plugin\n"),
                ("uninstall.yaml", "args: [uninstall]", "args: [remove]", "DaemonSet krun-uninstall: krun-node knows no remove\n"),
                ("uninstall.yaml", "serviceAccountName: krun-node", "serviceAccountName: krun", "DaemonSet krun-uninstall: has no such account\n"),
                ("pod.yaml", "runtimeClassName: krun", "runtimeClassName: km", "Pod hello: its class is another\n")):
            with self.subTest(name=name, new=new):
                path = os.path.join(self.top, "contrib", "kubernetes", name)
                with open(path) as file:
                    before = file.read()
                with open(path, "w") as file:
                    file.write(before.replace(old, new, 1))
                done = check()
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(text, done.stdout)
                with open(path, "w") as file:
                    file.write(before)

    def test_long_lines(self):
        self.assertEqual(self.check("length.sh").returncode, 0)
        self.append("util/path.h", "/* " + "x" * 105 + " */")
        self.assertIn("util/path.h", self.check("length.sh").stdout)
        self.assertNotEqual(self.check("length.sh").returncode, 0)

    def test_calls_that_load_something_late(self):
        self.assertEqual(self.check("calls.sh").returncode, 0)
        for line in ("\tpw = getpwnam(name);", "\tr = getaddrinfo(name, NULL, NULL, &found);", "\thandle = dlopen(path, RTLD_NOW);",
                     "\tinitgroups(name, gid);", "\tEVP_DigestInit(context, EVP_sha256());", "\tsetlocale(LC_ALL, \"\");",
                     '\treturn error_set(err, -EINVAL, "config.json: /vm: none");'):
            with self.subTest(line=line):
                self.append("init/identity.c", line)
                done = self.check("calls.sh")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(line, done.stdout)


def load_mutate():
    """Returns contrib/mutate, whose name has no .py, as a module."""
    loader = importlib.machinery.SourceFileLoader("mutate", os.path.join(TREE, "contrib", "mutate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
    loader.exec_module(module)
    return module


class Mutate(Scratch):
    ROW = ("a fault", "src/util/x.c", " \tint r;", "-\tif (r < 0)", "-\t\treturn r;", "+\tif (r > 0)", "by unit:util")

    def setUp(self):
        super().setUp()
        self.mutate = load_mutate()

    def make_tree(self, row, code):
        for folder in ("src/util", "src/ns", "tests/mutate", "tests/unit/util"):
            os.makedirs(os.path.join(self.top, folder))
        with open(os.path.join(self.top, "tests/mutate/util.faults"), "w") as file:
            file.write("# A comment.\n\n" + "\n".join(row) + "\n\n" + "\n".join(row) + "\n")
        with open(os.path.join(self.top, "src/util/x.c"), "w") as file:
            file.write(code)

    def test_a_row_is_put_where_it_fits_and_nowhere_else(self):
        fault = self.mutate.Fault("here", self.ROW)
        code = "{\n\tint r;\n\t\tif (r < 0)\n\t\t\treturn r;\n}\n"
        self.assertEqual(fault.put_into(code), "{\nint r;\nif (r > 0)\n}\n")
        for other in (code * 2, code.replace("r;", "q;", 1), ""):
            with self.subTest(other=other), self.assertRaisesRegex(self.mutate.Wrong, r"fits src/util/x.c at [02] places, not one"):
                fault.put_into(other)
        for row in (self.ROW[:2], [*self.ROW, "x"], [*self.ROW[:2], "-a", "+a"]):
            with self.subTest(row=row), self.assertRaises(self.mutate.Wrong):
                self.mutate.Fault("here", row)

    def test_mistakes_of_the_table_are_found(self):
        self.make_tree([*self.ROW[:-1], "by unit:nothing bundle:test_nothing.Case"], "int r;\n")
        number, bad = self.mutate.check(self.top)
        self.assertEqual(number, 2)
        text = "\n".join(bad)
        for expected in ("util.faults:11: 'a fault' is there twice", "util.faults:3: unit:nothing: no such test",
                         "bundle:test_nothing.Case: no such test", "fits src/util/x.c at 0 places", "src/ns: no fault"):
            self.assertIn(expected, text)

    def test_what_becomes_of_a_fault(self):
        self.make_tree(self.ROW, "int r;\nif (r < 0)\nreturn r;\n")
        copy, fault = mock.Mock(idle=set()), self.mutate.Fault("here", self.ROW)
        with mock.patch.object(self.mutate, "SOURCE", self.top), contextlib.redirect_stdout(io.StringIO()):
            for build, failed, outcome in ((None, "a test", "noticed"), (None, None, "unseen"), ("x.c: error: no", None, "broken")):
                copy.reset_mock()
                copy.make_for.return_value, copy.run_tests.return_value = build, failed
                result, = self.mutate.try_all(copy, [fault], False)
                self.assertEqual((result["outcome"], result["wrong"]), (outcome, outcome != "noticed"))
                written = [call.args[1] for call in copy.write.call_args_list]
                self.assertEqual(written, [b"int r;\nif (r > 0)\n", b"int r;\nif (r < 0)\nreturn r;\n"])
            copy.idle, copy.make_for.return_value, copy.run_tests.return_value = set(fault.tests), None, None
            result, = self.mutate.try_all(copy, [fault], False)
            self.assertEqual((result["outcome"], result["wrong"]), ("skipped", False))

    def test_a_command_that_hangs_is_ended(self):
        self.assertEqual(self.mutate.run(["sh", "-c", "echo begun; exec sleep 100"], 1), (None, "begun\n"))
        self.assertEqual(self.mutate.run(["sh", "-c", "echo x; exit 3"], 100), (3, "x\n"))

    def test_a_sample_is_the_same_again(self):
        faults = self.mutate.read_table(TREE)
        sample = self.mutate.choose(faults, [], 5, 1)
        self.assertEqual(len(sample), 5)
        self.assertEqual(sample, self.mutate.choose(faults, [], 5, 1))
        self.assertNotEqual(sample, self.mutate.choose(faults, [], 5, 2))
        self.assertEqual({fault.folder for fault in self.mutate.choose(faults, ["src/ns/"], 0, 1)}, {"ns"})


class HostState(unittest.TestCase):
    def test_differences(self):
        before = {"node": {"/dev/null": "crw-rw-rw- 0:0 1:3", "/dev/old": "x"}, "mount": {"/proc (1)": "rw"},
                  "sysctl": {"vm/swappiness": "60", "net/gone": "1"}, "cgroup": {"/sys/fs/cgroup/krun-test-y": "a cgroup"}}
        after = {"node": {"/dev/null": "crw-rw-rw- 1000:0 1:3", "/dev/new": "x", "/dev/fuse": "x"}, "mount": {"/proc (2)": "rw"},
                 "sysctl": {"vm/swappiness": "10", "net/new": "1"}, "cgroup": {"/sys/fs/cgroup/krun-test-x": "a cgroup"}}
        self.assertEqual(hoststate.changes(before, before), [])
        self.assertEqual([line.split(" was")[0].split(" (was")[0] for line in hoststate.changes(before, after)], [
            "node /dev/old is gone", "node /dev/new is new: x", "node /dev/null", "mount /proc (1) is gone",
            "mount /proc (2) is new: rw", "sysctl vm/swappiness", "cgroup /sys/fs/cgroup/krun-test-x is new: a cgroup"])

    @needs_root
    def test_a_change_of_a_machine_is_seen(self):
        script = """import hoststate, os, subprocess, sys
before = hoststate.snapshot()
assert hoststate.changes(before, hoststate.snapshot()) == [], hoststate.changes(before, hoststate.snapshot())
os.chown('/dev/null', 1000, -1)
os.chmod('/dev/zero', 0)
subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], check=True)
subprocess.run(['mount', '--make-shared', '/proc'], check=True)
print(*hoststate.changes(before, hoststate.snapshot()), sep='\\n')"""
        out, status = private("""mount -t tmpfs -o mode=0755 tmpfs /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/zero c 1 5 || exit
            exec env PYTHONPATH="$2/tests/lib" "$3" -c "$1" """, script, TREE, sys.executable)
        self.assertEqual(status, 0, out)
        for text in ("node /dev/null was: crw-rw-rw- 0:0 1:3, is: crw-rw-rw- 1000:0 1:3", "node /dev/zero was", "mount /mnt ("):
            self.assertIn(text, out)
        self.assertRegex(out, r"mount /proc \(\d+\) was: .*, is: .*shared")


class StandIn(Scratch):
    @needs_root
    def test_terminals_and_what_is_mounted_below_dev(self):
        """They work also where there is no device for km, or one that cannot be opened."""
        script = """mkdir "$1/dev" && mount -t tmpfs -o mode=0755 tmpfs "$1/dev" && cp -a /dev/null /dev/zero "$1/dev" || exit
            mkdir "$1/dev/pts" "$1/dev/shm" && mount --rbind /dev/pts "$1/dev/pts" && mount --rbind /dev/shm "$1/dev/shm" || exit
            mknod -m 666 "$1/dev/ptmx" c 5 2 || exit
            [ "$4" = none ] || mknod "$1/dev/kvm" c 240 99 || exit
            mount --move "$1/dev" /dev && exec "$2" /bin/true "$3" -c '
import os, pty
master, slave = pty.openpty()
os.write(slave, b"x")
print(os.ttyname(slave), os.read(master, 1), os.path.exists("/dev/kvm"), end=" ")
os.close(os.open("/dev/kkm", os.O_RDWR))
print(*(os.stat("/dev/" + name).st_dev for name in ("pts", "shm")))'"""
        for kind in ("none", "dead"):
            out, status = private(script, self.top, STAND_IN, sys.executable, kind)
            devices = " ".join(str(os.stat(f"/dev/{name}").st_dev) for name in ("pts", "shm"))
            self.assertEqual(status, 0, out)
            self.assertRegex(out, rf"^/dev/pts/\d+ b'x' False {devices}\n$")
            os.rmdir(f"{self.top}/dev")

    @needs_root
    def test_chroot_without_a_mount_point(self):
        """There is one error that says what to do; when that was done, it works."""
        script = """for name in usr bin sbin lib lib64 etc dev proc tmp; do
                if [ -L "/$name" ]; then cp -P "/$name" "$1/$name"
                elif [ -d "/$name" ]; then mkdir "$1/$name" && mount --rbind "/$name" "$1/$name" || exit
                fi
            done
            mkdir "$1/opt" "$1/run" "$1/tools" && mount --bind "$2" "$1/tools" || exit
            chroot "$1" /tools/with-stand-in /bin/true echo entered
            mount --rbind "$1" "$1" && chroot "$1" /tools/with-stand-in /bin/true echo entered"""
        out, _ = private(script, self.top, os.path.dirname(STAND_IN))
        self.assertRegex(out, "^with-stand-in: this is a chroot, and its root is no mount point.* mount --bind ROOT ROOT\nentered\n$")


class OwnCgroup(unittest.TestCase):
    @needs_root
    def test_it_is_the_whole_tree_and_goes(self):
        name = f"krun-tests-{os.getpid()}-suite"
        with open("/proc/self/mountinfo") as file:
            tops = [line.split()[4] for line in file if " - cgroup2 " in line and line.split()[3] == "/"]
        if not tops:
            self.skipTest("cgroup v2 is mounted nowhere here")
        script = 'grep ^0:: /proc/self/cgroup; mkdir "$0/krun-left"; ls -d "$0"/*/; sleep 1000 &'
        with tempfile.TemporaryFile("w+") as file:
            # stdout is a file, because a process in the background would keep a pipe open.
            subprocess.run([IN_OWN_CGROUP, name, "sh", "-c", script, tops[-1]], stdin=subprocess.DEVNULL, stdout=file, check=True)
            file.seek(0)
            out = file.read()
        self.assertEqual(out.split(), ["0::/runner", f"{tops[-1]}/krun-left/", f"{tops[-1]}/runner/"])
        self.assertTrue(os.path.isdir(f"{tops[-1]}/{name}/krun-left"))
        subprocess.run([IN_OWN_CGROUP, "--remove", name], check=True)
        self.assertFalse(os.path.exists(f"{tops[-1]}/{name}"))


class Static(Scratch):
    """Tests with a library whose static form needs another one that is missing."""

    def setup(self, *options, **environment):
        libraries = subprocess.run(["pkg-config", "--variable=libdir", "libcrypto"], capture_output=True, text=True, check=True).stdout
        with open(os.path.join(libraries.strip(), "pkgconfig", "libcrypto.pc")) as file:
            text = file.read()
        with open(os.path.join(self.top, "libcrypto.pc"), "w") as file:
            file.write(re.sub(r"^Libs\.private:.*\n", "", text, flags=re.M) + "\nLibs.private: -lkrun-no-such-library\n")
        build = os.path.join(self.top, f"build{len(options)}")
        return subprocess.run(["meson", "setup", "-Dtests=false", *options, build, TREE], capture_output=True, text=True, check=False,
                              env=dict(os.environ, PKG_CONFIG_PATH=self.top, **environment))

    def test_a_library_that_cannot_be_linked_statically(self):
        text = "libcrypto, or what it needs itself, is not there as a static library"
        done = self.setup()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(f"Message: krun is linked dynamically: {text}\n"), 1, done.stdout)
        done = self.setup("-Dstatic=true")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"-Dstatic=true: {text}", done.stdout)

    def test_a_compiler_that_links_with_a_loader_all_the_same(self):
        compiler = f"{self.top}/cc"
        with open(compiler, "w") as file:
            file.write('#!/bin/sh\nfor word; do shift; [ "$word" = -static-pie ] || set -- "$@" "$word"; done\nexec gcc "$@"\n')
        os.chmod(compiler, 0o755)
        done = self.setup("-Dstatic=true", CC=compiler)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("-Dstatic=true: the compiler links a program with a loader in spite of -static-pie", done.stdout)


class SerialOrders(unittest.TestCase):
    """The model of tests/races/test_concurrency.py: what it allows and, above all, what it does not."""

    def both(self, first, second, status, **more):
        return serial.outcomes(first, second, serial.State(status), **more)

    def test_one_of_two_that_exclude_each_other_wins(self):
        for name, status, word, end in (("start", serial.CREATED, "is running", "running"), ("pause", serial.RUNNING, "is paused", "paused"),
                                        ("delete", serial.STOPPED, "absent", "absent"), ("create", serial.ABSENT, "in use", "created")):
            self.assertEqual(self.both(name, name, status), {("ok", word, end), (word, "ok", end)}, name)
            self.assertEqual(self.both(name, name, status, in_order=True), {("ok", word, end)}, name)

    def test_a_killed_container_is_met_alive_or_dead_and_stops(self):
        self.assertEqual(self.both("kill", "state", serial.RUNNING),
                         {("ok", "state: running", "stopped"), ("ok", "state: stopped", "stopped")})
        self.assertEqual(self.both("kill", "delete", serial.RUNNING),
                         {("ok", "is running", "stopped"), ("ok", "ok", "absent")})
        self.assertEqual({end for *_, end in self.both("kill", "start", serial.CREATED)}, {"stopped"})

    def test_an_exec_waits_in_a_paused_container_only(self):
        answers = {both[1] for both in self.both("pause", "exec", serial.RUNNING)}
        self.assertEqual(answers, {"ok", "is paused", serial.WAITS})
        self.assertEqual({both[1] for both in self.both("update", "exec", serial.RUNNING)}, {"ok"})
        self.assertEqual({both[1] for both in self.both("delete --force", "exec", serial.RUNNING)}, {"ok", "killed", "died", "absent",
                                                                                                    "is stopped"})

    def test_a_new_container_is_not_taken_for_another_status(self):
        self.assertEqual({both[1] for both in self.both("create", "state", serial.ABSENT)},
                         {"absent", "being created", "state: creating", "state: created"})
        self.assertEqual({both[1] for both in self.both("create", "start", serial.ABSENT)}, {"absent", "ok"})

    def test_every_pair_has_an_order_from_every_status(self):
        for first in serial.COMMANDS:
            for second in serial.COMMANDS:
                for status in serial.STATUSES:
                    if status != serial.CREATING:
                        found = self.both(first, second, status)
                        self.assertTrue(found and found >= self.both(first, second, status, in_order=True), (first, second, status))
                        self.assertEqual(found, {(a, b, end) for b, a, end in self.both(second, first, status)})

    def test_answers_have_their_words(self):
        for name, status, out, err, word in (
                ("start", 0, "", "", "ok"), ("state", 0, "running", "", "state: running"), ("exec", 137, "", "", "killed"),
                ("start", 1, "", "krun: cannot start container 'x': it is running\n", "is running"),
                ("kill", 1, "", "krun: container 'x' does not exist\n", "absent"),
                ("kill", 1, "", "krun: container 'x' does not exist in '/run/krun'\n", "absent"),
                ("kill", 1, "", "krun: container not running\n", "died"),
                ("kill", 1, "", "krun: container 'x' does not exist\nmore\n", None),
                ("start", 1, "", "krun: something else\n", None), ("start", -11, "", "", None)):
            self.assertEqual(serial.answer_of(name, status, out, err), word, err)


if __name__ == "__main__":
    cmocka.main()
