# SPDX-License-Identifier: Apache-2.0
"""The command line: forms of options, error texts, logs, and what engines ask krun for."""

import json
import os
import re
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
        self.assertEqual(self.fails("create", "x", "--bogus"), "create: unknown flag: --bogus")
        self.assertEqual(self.fails("create", "--bundel=x"), "create: unknown flag: --bundel; did you mean --bundle?")
        self.assertEqual(self.fails("--log-lvl=x"), "unknown flag: --log-lvl; did you mean --log-level?")
        self.assertEqual(self.fails("kill", "-z", "x"), "kill: unknown flag: -z in '-z'")

    def test_missing_values_and_arguments(self):
        self.assertEqual(self.fails("create", "--bundle"), "create: flag needs an argument: --bundle")
        self.assertIn("ID is missing", self.fails("create"))
        self.assertIn("SIGNAL", self.ok("kill", "x", "--help").out)
        self.assertIn("mounts: FILE is missing", self.fails("mounts", "add", "x"))
        self.assertIn("unexpected argument 'y'", self.fails("delete", "x", "y"))
        self.assertIn("not a number", self.fails("create", "--preserve-fds", "many", "x"))

    def test_one_dash_for_a_long_name(self):
        self.write_config()
        self.assertEqual(self.run_container("-no-subreaper").status, 0)

    def test_options_end_at_the_id(self):
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "echo", "--tty", "-d").out, "--tty -d\n")
        self.ok("delete", "--force", self.cid)

    def test_wrong_option_before_the_log(self):
        """As in docker's runtimeArgs: the engine's own --log stands behind it, and has the error."""
        log = f"{self.top}/log"
        for words in (["--bogus", "--log", log, "--log-format", "json"], ["--bogus", f"--log={log}", "--log-format=json"]):
            self.assertEqual(self.fails("state", "x", options=words), "unknown flag: --bogus")
            with open(log) as file:
                self.assertEqual(json.loads(file.read())["msg"], "unknown flag: --bogus")
            os.unlink(log)
        self.assertEqual(self.fails("exec", "x", "program", "--log", log, options=["--bogus"]), "unknown flag: --bogus")
        self.assertFalse(os.path.exists(log), "an option of the program")

    def test_destination_of_the_log_that_is_none(self):
        for word, near in (("journal:x", "did you mean 'journald:x'?"), ("syslog", "did you mean 'syslog:krun'?"),
                           ("journald", "did you mean 'journald:krun'?"), ("udp:host", "not FILE, file:FILE, syslog:NAME or journald:NAME")):
            self.assertIn(near, self.fails("list", options=["--log", word]))
        self.assertFalse(os.path.exists("syslog"))
        for name in ("plain", "file", "file:udp:host"):
            self.assertEqual(self.krun("list", options=["--log", name], cwd=self.top).status, 0)
        self.assertTrue(os.path.exists(f"{self.top}/udp:host"))

    def test_json_on_standard_error(self):
        result = self.krun("state", "none", options=["--log-format", "json"])
        record = json.loads(result.err)
        self.assertEqual((result.status, record["level"], record["msg"]), (1, "error", f"container 'none' does not exist in '{self.root}'"))

    def test_unknown_command(self):
        self.assertIn("unknown command 'frobnicate', see 'krun --help'", self.fails("frobnicate"))
        self.assertEqual(self.fails("strat", "x"), "unknown command 'strat'; did you mean 'start'?")
        self.assertEqual(self.fails("help", "chekpoint"), "unknown command 'chekpoint'; did you mean 'checkpoint'?")

    def test_options_behind_the_arguments(self):
        self.start_sleeper()
        self.assertEqual(self.ok("list", "-q", "--format=json").out, f'["{self.cid}"]\n')
        self.assertIn("--format: 'xml'", self.fails("list", "-q", "--format=xml"))
        self.assertRegex(self.ok("list").out, rf"\n{self.cid} .* root\n$")
        self.assertIn("unexpected argument '--force'", self.fails("delete", self.cid, "--", "--force"))
        self.ok("kill", self.cid, "--all", "CONT")
        self.ok("delete", self.cid, "--force")

    def test_version_and_help_are_commands_too(self):
        self.assertEqual(self.ok("version").out, self.ok("--version").out)
        self.assertIn(f"\nrundir: {self.root}\n", self.ok("version").out)
        self.assertEqual(self.ok("help", "help").out, self.ok("--help").out)
        self.assertTrue(self.ok("help", "version").out.startswith("Usage: krun version\n"))

    def test_help_has_lines_of_80_columns(self):
        text = self.ok("help").out
        commands = re.findall(r"^  ([a-z]+) ", text, re.M)
        self.assertGreater(len(commands), 20)
        for name in commands:
            text += self.ok("help", name).out if name not in ("help", "version") else ""
        self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])

    def test_bad_words(self):
        self.assertEqual(self.fails("list", "--format", "jsn"), "list: --format: 'jsn' is neither table nor json; did you mean 'json'?")
        self.assertIn("'loud' is none of error, warning, warn, info, debug", self.fails("list", options=["--log-level", "loud"]))
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

    def test_output_that_cannot_be_written_is_a_failure(self):
        for words in (["--version"], ["--help"], ["create", "--help"], ["features"]):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                self.assertEqual(self.krun(*words, stdout=full).status, 1)

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
                         [f"container '{name}' does not exist in '{self.root}'" for name in ("one", "two")])

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
                    self.assertRegex(ours.recv(4096), rb"krun\[\d+\] state: container 'none' does not exist in '.*'\n")
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
            self.assertIn(f"container 'none' does not exist in '{self.root}'\n".encode(), os.read(reader, 4096))
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
        for option, what in (("--log", "log"), ("--debug-log", "log"), ("--trace", "trace")):
            self.assertIn(f"open {what} '/no/such/dir/x': its directory is missing",
                          self.fails("list", options=[option, "/no/such/dir/x"]), option)

    def test_debug_tells_the_steps_and_trace_their_times(self):
        trace = os.path.join(self.top, "trace.json")
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=["--debug", "--trace", trace])
        for step in ("read bundle", "mounts", "capabilities", "pivot"):
            self.assertIn(f"{step}: ", result.err)
        with open(trace) as file:
            events = json.load(file)
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


class DebugLog(KrunTest):
    """A second log for people beside the one that an engine reads, by an option or by krun.json."""

    def setUp(self):
        super().setUp()
        self.folder = f"{self.top}/debug"
        os.mkdir(self.folder)
        self.settings = f"{self.top}/krun.json"

    def lines(self, name=None):
        text = ""
        for file_name in sorted(os.listdir(self.folder)) if name is None else [name]:
            with open(f"{self.folder}/{file_name}") as file:
                text += file.read()
        return text.splitlines()

    def set(self, **keys):
        with open(self.settings, "w") as file:
            json.dump(keys, file)
        os.chmod(self.settings, 0o644)
        return ["--config-file", self.settings]

    def test_a_file_for_each_command_beside_an_untouched_log(self):
        log = f"{self.top}/log"
        engine = ["--log", log, "--log-format", "json"]
        self.config["annotations"] = {}
        self.config["hooks"] = {"poststop": [{"path": "/bin/true", "args": ["true", "of poststop"]}]}
        self.config["linux"]["maskedPaths"] = ["/proc/keys"]
        self.write_config(args=["sh", "-c", "true"])
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=["--debug-log", self.folder + "/", *engine])
        self.assertEqual((result.status, result.err), (0, ""), result)
        self.assertEqual(os.path.getsize(log), 0)
        name, = os.listdir(self.folder)
        self.assertRegex(name, rf"^krun\.\d{{8}}T\d{{6}}\.\d{{6}}Z\.run\.{re.escape(self.cid)}\.\d+\.log$")
        lines = self.lines()
        pids = set()
        for line in lines:
            found = re.fullmatch(rf"\S+Z krun\[(\d+)\] {re.escape(self.cid)} [^:]+ (debug|warning): .*", line)
            self.assertTrue(found, line)
            pids.add(found.group(1))
        # As the host counts them: the command is in the file's name, and its child is not process 1.
        self.assertIn(name.split(".")[-2], pids)
        self.assertNotIn("1", pids)
        self.assertEqual(len(pids), 2, pids)
        for fact in (r"mode (plain|km): krun was started under", rf"bundle '{re.escape(self.bundle)}': config.json of \d+ bytes",
                     "call: .* run --bundle", "mounts debug: mount proc .*at '/proc'", "device '/dev/null': c 1:3",
                     "restrict debug: mask '/proc/keys'", "user 0, group 0", "hook poststop 0 '/bin/true'", "arguments: true of poststop",
                     "namespace mount: new", "cgroup debug: cgroup '"):
            self.assertTrue(any(re.search(fact, line) for line in lines), (fact, lines))

    def test_placeholders_and_a_level(self):
        name = f"{self.folder}/%COMMAND%.%ID%.log"
        self.assertIn("does not exist", self.fails("state", "../x", options=["--debug-log", name, "--debug-level", "error"]))
        line, = self.lines("state._._x.log")
        self.assertTrue(line.endswith(f"container '../x' does not exist in '{self.root}'"), line)
        self.ok("list", options=["--debug-log", name])
        self.assertTrue(self.lines("list.-.log"))
        # The id of these stands behind another word.
        self.fails("mounts", "add", "none", "/no/file", options=["--debug-log", name])
        self.fails("exceptions", "check", "none", "x", options=["--debug-log", name])
        self.assertTrue(self.lines("mounts.none.log"))
        self.ok("list", options=["--trace", f"{self.folder}/%COMMAND%.json"])
        self.assertTrue(self.lines("list.json"))

    def test_mistakes(self):
        for value, word in (("/no/such/folder/x", "/no/such/folder/x"), ("journal:x", "journald:x"), ("/tmp/%NAME%", "%NAME% is none of")):
            message = self.fails("list", options=["--debug-log", value])
            self.assertIn("--debug-log: ", message)
            self.assertIn(word, message)
        self.assertIn("--debug-level: 'loud'", self.fails("list", options=["--debug-log", "/dev/null", "--debug-level", "loud"]))
        for keys, place in (({"debugLog": "krun.log"}, "error: /debugLog: 'krun.log' is neither an absolute path"),
                            ({"debugLevel": "loud"}, "error: /debugLevel: 'loud' is none of error, warning, info, debug"),
                            ({"trace": "x"}, "error: /trace: 'x' is not an absolute path")):
            self.set(**keys)
            result = self.krun("validate", "--host-config", self.settings)
            self.assertNotEqual(result.status, 0)
            self.assertIn(place, result.out + result.err)

    def test_settings_of_the_host(self):
        options = self.set(debugLog=f"{self.folder}/%COMMAND%.log", debugLevel="debug", trace=f"{self.folder}/%COMMAND%.json")
        self.write_config(args=["true"])
        self.assertEqual(self.krun("run", "--bundle", self.bundle, self.cid, options=options).status, 0)
        self.ok("list", options=options)
        self.assertEqual(sorted(os.listdir(self.folder)), ["list.json", "list.log", "run.json", "run.log"])
        # The option is stronger.
        self.ok("list", options=[*options, "--debug-log", f"{self.folder}/other.log"])
        self.assertEqual(len([line for line in self.lines("list.log") if "call: " in line]), 1)
        self.assertTrue(self.lines("other.log"))

    def test_settings_that_lead_nowhere_stop_nothing(self):
        options = self.set(debugLog="/no/such/folder/x.log", trace="/no/such/folder/x.json")
        self.write_config(args=["true"])
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=options)
        self.assertEqual(result.status, 0, result)
        self.assertIn(f"{self.settings}: /debugLog: ", result.err)
        self.assertIn(f"{self.settings}: /trace: ", result.err)
        # What an engine reads stays as it is.
        result = self.krun("list", options=options)
        self.assertEqual((result.status, result.err), (0, ""))

    def test_files_and_links_of_others_are_left_alone(self):
        """In a directory that others may write they would choose which file gets the text, or read it."""
        other = f"{self.folder}/other"
        with open(other, "w") as file:
            file.write("[\n]\n")
        os.chown(other, 65534, 65534)
        target, link, own = (f"{self.top}/{name}" for name in ("target", "link", "own-link"))
        with open(target, "w") as file:
            file.write("[\n]\n")
        os.symlink(target, link)
        os.chown(link, 65534, 65534, follow_symlinks=False)
        for option in ("--debug-log", "--trace"):
            for path in (other, link):
                self.assertIn("another user's", self.fails("list", options=[option, path]))
                with open(path) as file:
                    self.assertEqual(file.read(), "[\n]\n")
        os.symlink(target, own)
        self.ok("list", options=["--debug-log", own])
        self.assertGreater(os.path.getsize(target), 4)

    def test_nothing_of_it_is_in_the_container(self):
        options = self.set(debugLog=f"{self.folder}/log", trace=f"{self.folder}/trace")
        self.write_config(args=["sh", "-c", "ls -l /proc/self/fd /proc/1/fd"])
        result = self.krun("run", "--bundle", self.bundle, self.cid, options=options)
        self.assertEqual(result.status, 0, result)
        self.assertNotIn(self.folder, result.out)


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
        """Not even files that krun opens take their place: the program has /dev/null there."""
        self.shell("for i in 0 1 2; do (readlink /proc/$$/fd/$i >> /tmp/out); done")
        script = 'exec 0<&- 1>&- 2>&-; exec "$@"'
        done = subprocess.run(["sh", "-c", script, "sh", *self.command("run", "--bundle", self.bundle, self.cid)],
                              check=False)
        self.assertEqual(done.returncode, 0)
        with open(f"{self.rootfs}/tmp/out") as file:
            self.assertEqual(file.read(), "/dev/null\n" * 3)

    def test_the_bundle_is_the_current_directory_by_default(self):
        self.write_config(args=["echo", "here"])
        done = subprocess.run(self.command("run", self.cid), cwd=self.bundle, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        self.assertEqual(done.stdout, b"here\n", done.stderr)
