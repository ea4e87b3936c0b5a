# SPDX-License-Identifier: Apache-2.0
"""The command line: forms of options, error texts, logs, and what engines ask krun for."""

import json
import os
import socket
import subprocess

from krun import PROGRAMS, KrunTest, Result


class Options(KrunTest):
    def test_both_forms_and_repeats(self):
        for form in (["--root", self.root], [f"--root={self.root}"], ["--root=/nowhere", f"--root={self.root}"],
                     ["--rootless=true", f"--root={self.root}"], ["--debug=false", f"--root={self.root}"],
                     ["--criu", "/bin/criu", f"--root={self.root}"]):
            done = subprocess.run([PROGRAMS["plain"], *form, "list", "-q"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, f"{form}: {done.stderr}")

    def test_unknown_flags_are_named(self):
        self.assertEqual(self.fails("--bogus=1"), "unknown flag: --bogus")
        self.assertEqual(self.fails("create", "--bogus", "x"), "create: unknown flag: --bogus")
        self.assertEqual(self.fails("kill", "-z", "x"), "kill: unknown flag: -z in '-z'")

    def test_missing_values_and_arguments(self):
        self.assertEqual(self.fails("create", "--bundle"), "create: flag needs an argument: --bundle")
        self.assertIn("ID is missing", self.fails("create"))
        self.assertIn("options come first", self.fails("delete", "x", "--force"))
        self.assertIn("unexpected argument 'y'", self.fails("delete", "x", "y"))
        self.assertIn("not a number", self.fails("create", "--preserve-fds", "many", "x"))

    def test_one_dash_for_a_long_name(self):
        self.write_config()
        self.assertEqual(self.run_container("-no-subreaper").status, 0)

    def test_options_end_at_the_id(self):
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "echo", "--tty", "-d").out, "--tty -d\n")
        self.ok("delete", "--force", self.cid)

    def test_unknown_command(self):
        self.assertIn("unknown command 'frobnicate'", self.fails("frobnicate"))

    def test_bad_words(self):
        for option, word in (("--log-format", "xml"), ("--log-level", "loud"), ("--cgroup-manager", "none"),
                             ("--rootless", "maybe")):
            self.assertIn(word, self.fails("list", options=[f"{option}={word}"]))

    def test_invalid_ids(self):
        self.write_config()
        for identity in ("a/b", "..", "-x", "a b", "x" * 2000, "ä"):
            result = self.krun("create", "--bundle", self.bundle, "--", identity)
            self.assertEqual(result.status, 1, identity)
            self.assertIn("container id", result.err)


class Help(KrunTest):
    def test_version_has_one_line_for_each_engine(self):
        lines = self.ok("--version").out.splitlines()
        self.assertRegex(lines[0], r"^krun version \d+\.\d+\.\d+$")
        self.assertRegex(lines[1], r"^commit: \w+")
        self.assertEqual(lines[2], "spec: 1.3.0")
        self.assertEqual(sum("version" in line for line in lines), 1)
        self.assertIn("mode: plain", lines)
        self.assertIn("mode: km", self.ok("--version", mode="km").out)

    def test_every_command_has_help(self):
        text = self.ok("--help").out
        for command in ("create start run state kill delete exec list ps spec pause resume update events features").split():
            self.assertIn(command, text)
            self.assertIn(f"Usage: krun {command}", self.ok(command, "--help").out)
            self.assertEqual(self.ok("help", command).out, self.ok(command, "-h").out)
        self.assertEqual(self.ok("help").out, text)

    def test_features_is_the_object_of_the_specification(self):
        features = json.loads(self.ok("features").out)
        self.assertEqual(features["ociVersionMin"], "1.0.0")
        self.assertRegex(features["ociVersionMax"], r"^1\.3\.")
        self.assertEqual(len(features["hooks"]), 6)
        self.assertIn("rro", features["mountOptions"])
        self.assertEqual(len(features["linux"]["namespaces"]), 8)
        self.assertIn("CAP_CHECKPOINT_RESTORE", features["linux"]["capabilities"])
        self.assertTrue(features["linux"]["cgroup"]["v2"])
        self.assertIn("SCMP_ACT_NOTIFY", features["linux"]["seccomp"]["actions"])
        self.assertEqual(self.ok("features").err, "")


class Spec(KrunTest):
    def test_spec_makes_a_bundle_that_runs(self):
        self.ok("spec", "--bundle", self.bundle)
        with open(os.path.join(self.bundle, "config.json")) as file:
            self.config = json.load(file)
        self.config["process"].update(terminal=False, args=["echo", "made"])
        self.write_config()
        self.assertEqual(self.run_ok(), "made\n")
        self.assertIn("exists", self.fails("spec", "--bundle", self.bundle))

    def test_other_file_and_rootless(self):
        self.ok("spec", "-b", self.bundle, "--file", "other.json", "--rootless")
        with open(os.path.join(self.bundle, "other.json")) as file:
            config = json.load(file)
        self.assertIn({"type": "user"}, config["linux"]["namespaces"])
        self.assertEqual(config["linux"]["uidMappings"][0]["containerID"], 0)

    def test_config_option_names_another_file(self):
        self.write_config(args=["echo", "other"])
        os.rename(os.path.join(self.bundle, "config.json"), os.path.join(self.bundle, "other.json"))
        self.assertEqual(self.run_ok("--config", "other.json"), "other\n")
        self.assertEqual(self.run_ok("--config", os.path.join(self.bundle, "other.json")), "other\n")


class Log(KrunTest):
    def test_failure_is_one_json_line_and_plain_text_on_stderr(self):
        log = os.path.join(self.top, "log.json")
        self.write_config(args=["nosuch"])
        result = self.krun("create", "--bundle", self.bundle, self.cid, options=["--log", log, "--log-format=json"])
        self.assertEqual(result.status, 1)
        with open(log) as file:
            record = json.load(file)
        self.assertEqual(record["level"], "error")
        self.assertIn("executable file not found in $PATH", record["msg"])
        self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertEqual(result.err, f"krun: {record['msg']}\n")

    def test_success_writes_nothing(self):
        log = os.path.join(self.top, "log.json")
        self.write_config()
        self.assertEqual(self.krun("run", "--bundle", self.bundle, self.cid,
                                   options=["--log", log, "--log-format", "json"]).status, 0)
        self.assertEqual(os.path.getsize(log), 0)

    def test_failures_append(self):
        log = os.path.join(self.top, "log.json")
        for name in ("one", "two"):
            self.krun("state", name, options=["--log", log, "--log-format", "json"])
        with open(log) as file:
            records = [json.loads(line) for line in file]
        self.assertEqual([record["msg"] for record in records],
                         ["container 'one' does not exist", "container 'two' does not exist"])

    def test_bad_options_of_a_command_reach_the_log(self):
        log = os.path.join(self.top, "log.json")
        self.krun("create", "--bogus", options=["--log", log, "--log-format", "json"])
        with open(log) as file:
            self.assertIn("--bogus", json.load(file)["msg"])

    def test_stream_that_is_a_socket(self):
        """A service of systemd has a socket as its stderr; open(2) of its name fails with ENXIO."""
        for stream in ("stderr", "stdout"):
            with self.subTest(stream=stream):
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    ours.settimeout(20)
                    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
                    done = subprocess.run(self.command("state", "none", options=["--log", f"/dev/{stream}"]), **streams, check=False)
                    self.assertEqual(done.returncode, 1)
                    self.assertRegex(ours.recv(4096), rb"krun\[\d+\] state: container 'none' does not exist\n")
        path = os.path.join(self.top, "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            self.assertIn(f"open log '{path}': it is a socket", self.run_fails(options=["--log", path]))

    def test_fifo(self):
        """A FIFO without a reader is an error, and a reader that reads nothing does not stop the command."""
        fifo = os.path.join(self.top, "fifo")
        os.mkfifo(fifo)
        self.shell("echo in; exit 3")
        for option in ("--log", "--trace"):
            self.assertIn(f"'{fifo}': nobody reads it", self.run_fails(options=[option, fifo]), option)
        self.allow("allowHooksOutput")
        self.config["annotations"] = {"run.oci.hooks.stderr": fifo}
        self.write_config()
        self.assertIn(f"open '{fifo}' for the output of hooks: no such device", self.run_fails())
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.assertEqual(self.krun("state", "none", options=["--log", fifo]).status, 1)
            self.assertIn(b"container 'none' does not exist\n", os.read(reader, 4096))
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            with self.assertRaises(BlockingIOError):
                while True:
                    os.write(writer, bytes(4096))
            os.close(writer)
            result = self.krun("state", "none", options=["--log", fifo])
            self.assertIn("does not exist", result.err)
        finally:
            os.close(reader)

    def test_log_that_cannot_be_opened_is_the_error(self):
        self.assertIn("/no/such/dir/log", self.fails("list", options=["--log", "/no/such/dir/log"]))

    def test_debug_tells_the_steps_and_trace_their_times(self):
        trace = os.path.join(self.top, "trace.json")
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=["--debug", "--trace", trace])
        for step in ("read bundle", "mounts", "capabilities", "pivot"):
            self.assertIn(f"{step}: ", result.err)
        with open(trace) as file:
            events = json.loads(file.read().rstrip().rstrip(",") + "]")
        names = {event["name"] for event in events}
        self.assertTrue({"run", "mounts", "spawn"} <= names, names)

    def test_debug_tells_the_steps_of_later_commands(self):
        self.shell("sleep 100")
        self.create()
        for steps, arguments in ((("status", "release"), ("start", self.cid)),
                                 (("container", "root", "spawn", "enter", "capabilities", "release"), ("exec", self.cid, "true")),
                                 (("limits", "device filter", "save"), ("update", "--pids-limit", "-1", self.cid))):
            result = self.krun(*arguments, options=["--debug"])
            self.assertEqual(result.status, 0, result)
            for step in steps:
                self.assertIn(f" {step}: ", result.err)


class Printable(KrunTest):
    """Names that others choose do not control a terminal, and add no line to a text of krun."""

    EVIL = "a\x1b[2J\x07\x7f\x9bz\nkrun: all is well"
    SEEN = "a\\x1b[2J\\x07\\x7f\\xc2\\x9bz\\nkrun: all is well"

    def check(self, text):
        for character in text:
            self.assertTrue(character in "\n\t" or character.isprintable(), repr(text))

    def test_names_do_not_steer_a_terminal(self):
        bundle = f"{self.top}/{self.EVIL}"
        os.rename(self.bundle, bundle)
        self.bundle, self.rootfs = bundle, f"{bundle}/rootfs"
        self.shell("exec sleep 100")
        self.create()
        table = self.ok("list").out
        self.assertEqual(table.count("\n"), 2, table)
        self.assertIn(self.SEEN, table)
        self.check(table)
        self.check(self.ok("ps", self.cid).out)
        for command in (["state", self.cid], ["list", "--format", "json"]):
            text = self.ok(*command).out
            self.check(text)
            found = json.loads(text)
            self.assertEqual((found[0] if isinstance(found, list) else found)["bundle"], os.path.realpath(bundle))
        self.ok("delete", "--force", self.cid)

    def test_errors_and_findings_are_printable_lines(self):
        self.write_config(args=[self.EVIL])
        log = f"{self.top}/engine.log"
        text = self.run_fails(options=["--log", log])
        self.assertIn(self.SEEN, text)
        self.check(text)
        with open(log) as file:
            record = file.read()
        self.assertEqual(record.count("\n"), 1)
        self.check(record)
        self.config["linux"]["sysctl"] = {self.EVIL: "1"}
        self.config["mounts"].append({"destination": "/x", "type": "bind", "source": f"/{self.EVIL}"})
        self.write_config(args=["true"])
        findings = self.krun("validate", "--bundle", self.bundle).out
        self.assertIn(self.SEEN, findings)
        self.check(findings)


class Environment(KrunTest):
    def test_works_with_an_empty_environment_from_any_directory(self):
        self.write_config(args=["echo", "bare"])
        done = subprocess.run(self.command("run", "--bundle", self.bundle, self.cid), env={}, cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(Result(done).out, "bare\n", done.stderr)

    def test_closed_stdio_is_no_trap(self):
        self.write_config(args=["/bin/true"])
        script = 'exec 0<&- 1>&- 2>&-; exec "$@"'
        done = subprocess.run(["sh", "-c", script, "sh", *self.command("run", "--bundle", self.bundle, self.cid)],
                              check=False)
        self.assertEqual(done.returncode, 0)

    def test_the_bundle_is_the_current_directory_by_default(self):
        self.write_config(args=["echo", "here"])
        done = subprocess.run(self.command("run", self.cid), cwd=self.bundle, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        self.assertEqual(done.stdout, b"here\n", done.stderr)
