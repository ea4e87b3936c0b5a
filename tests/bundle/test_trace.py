# SPDX-License-Identifier: Apache-2.0
"""--trace: what is in the file, whoever writes it and however the command ends, and what `krun trace` makes of it."""

import json
import os
import re
import signal
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from krun import BothModes, KrunTest, children, criu_trouble, wait_until

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
SVG = "{http://www.w3.org/2000/svg}"


class Events:
    """What a file of --trace says; its array has to be a JSON document."""

    def __init__(self, path):
        with open(path) as file:
            self.all = json.load(file)

    def phase(self, *phases):
        return [event for event in self.all if event["ph"] in phases]

    def slices(self, name=None):
        return [event for event in self.phase("X") if name in (None, event["name"])]

    def one(self, name, **more):
        found = [event for event in self.slices(name) if all(event[key] == value for key, value in more.items())]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} slices '{name}', not one, in {sorted({event['name'] for event in self.slices()})}")
        return found[0]

    def notes(self, name, key):
        return [event["args"].get(key) for event in sorted(self.slices(name), key=lambda event: event["ts"])]

    def names(self, kind="process_name"):
        """Returns the names of the processes by pid."""
        return {event["pid"]: event["args"]["name"] for event in self.phase("M") if event["name"] == kind}

    def arrows(self):
        """Returns pairs of events: where each arrow begins and ends. Each beginning has to have one end."""
        ends = {event["id"]: event for event in self.phase("f")}
        begins = self.phase("s")
        if len(ends) != len(begins) or len(self.phase("f")) != len(begins):
            raise AssertionError("arrows without an end")
        return [(begin, ends[begin["id"]]) for begin in begins]

    def around(self, event):
        """Returns the names of the slices of its process that an event is in."""
        return [slice["name"] for slice in self.slices()
                if slice["pid"] == event["pid"] and slice["ts"] <= event["ts"] <= slice["ts"] + slice["dur"]]


class TraceTest(KrunTest):
    def setUp(self):
        super().setUp()
        self.trace = f"{self.top}/trace.json"
        self.traced = ["--trace", self.trace]

    def events(self):
        return Events(self.trace)

    def add_hooks(self, *kinds, path="/bin/true"):
        self.config["hooks"] = {kind: [{"path": path}] for kind in kinds}

    def spawn_traced(self, *arguments):
        with open(self.log, "ab") as log:
            process = subprocess.Popen(self.command(*arguments, options=self.traced), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=self.environment(arguments))
        self.processes.append(process)
        return process

    def create_traced(self):
        """Returns the pids of the command and of the container's first process."""
        process = self.spawn_traced("create", "--bundle", self.bundle, self.cid)
        self.assertEqual(process.wait(60), 0, self.logged())
        return process.pid, self.state()["pid"]


class Trace(TraceTest, BothModes):
    def test_processes_have_names_and_the_hosts_pids(self):
        self.shell("sleep 100")
        command, init = self.create_traced()
        events = self.events()
        names = events.names()
        self.assertEqual(names[command], f"krun create {self.cid}")
        self.assertEqual(names[init], f"krun init {self.cid} (child)")
        self.assertEqual(events.names("thread_name")[init], "child")
        self.assertEqual({event["tid"] == event["pid"] for event in events.all}, {True})
        self.assertEqual({event["pid"] for event in events.all}, set(names))
        self.assertEqual({event["args"]["container"] for event in events.phase("X", "i", "s", "f")}, {self.cid})
        self.assertEqual(events.one("create")["pid"], command)
        self.assertEqual(events.one("pivot")["pid"], init)

    def test_arrows_go_to_the_first_slice_of_what_was_made(self):
        self.shell("sleep 100")
        command, init = self.create_traced()
        events = self.events()
        expected = [(command, init)]
        if self.mode == "km":
            expected.append((init, children(init)[0]))
        arrows = events.arrows()
        self.assertEqual([(begin["pid"], end["pid"]) for begin, end in arrows], expected)
        for begin, end in arrows:
            self.assertLessEqual(begin["ts"], end["ts"])
            self.assertTrue(events.around(begin), begin)
            self.assertEqual(min(slice["ts"] for slice in events.slices() if slice["pid"] == end["pid"]), end["ts"])
        self.assertIn("spawn", events.around(arrows[0][0]))

    def test_slices_tell_what_they_are_about(self):
        self.add_hooks(*KINDS)
        self.config["hooks"]["prestart"].append({"path": "/bin/echo"})
        self.shell("exit 3")
        self.assertEqual(self.run_container(options=self.traced).status, 3)
        events = self.events()
        self.assertEqual(events.notes("mount", "destination"), [mount["destination"] for mount in self.config["mounts"]])
        self.assertEqual(events.notes("mount", "type")[:2], ["proc", "tmpfs"])
        self.assertEqual(events.notes("prestart", "hook"), ["/bin/true", "/bin/echo"])
        for kind in KINDS[1:]:
            self.assertEqual(events.notes(kind, "hook"), ["/bin/true"], kind)
        # The first two run in the command, the others that create has in the child.
        init = events.one("pivot")["pid"]
        self.assertEqual({kind for kind in KINDS if events.slices(kind)[0]["pid"] == init}, {"createContainer", "startContainer"})
        self.assertIn("/bin/sh", events.notes("program", "program"))
        self.assertIn(self.bundle, events.notes("read bundle", "bundle"))
        self.assertIn("program", [event["args"].get("for") for event in events.slices("wait")])
        self.assertEqual([event["pid"] for event in events.phase("i") if event["name"] == "executed"], [init])

    def test_exec(self):
        self.start_sleeper()
        pid_file = f"{self.top}/pid"
        process = self.spawn_traced("exec", "--pid-file", pid_file, self.cid, "sh", "-c", "exit 5")
        self.assertEqual(process.wait(60), 5, self.logged())
        with open(pid_file) as file:
            child = int(file.read())
        events = self.events()
        self.assertEqual(events.names()[process.pid], f"krun exec {self.cid}")
        self.assertEqual(events.names()[child], f"krun exec {self.cid} (child)")
        self.assertEqual((events.arrows()[0][0]["pid"], events.arrows()[0][1]["pid"]), (process.pid, child))
        self.assertEqual(len(events.names()), 3 if self.mode == "km" else 2)

    def test_start_traces_what_an_untraced_create_left_to_it(self):
        self.add_hooks("startContainer")
        self.shell("sleep 100")
        self.create()
        init = self.state()["pid"]
        self.ok("start", self.cid, options=self.traced)
        events = self.events()
        self.assertEqual(events.one("startContainer")["pid"], init)
        self.assertIn("release", [event["name"] for event in events.slices()])

    def test_a_traced_create_does_not_trace_a_later_start(self):
        self.add_hooks("startContainer")
        self.shell("sleep 100")
        self.create_traced()
        self.ok("start", self.cid)
        self.assertEqual(self.events().slices("startContainer"), [])

    def test_child_in_a_user_namespace(self):
        self.in_user_namespace()
        self.shell("sleep 100")
        _, init = self.create_traced()
        self.assertEqual(self.events().one("id maps")["pid"], init)

    def test_child_that_a_stage_makes(self):
        """A joined pid namespace needs one."""
        holder = subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "1000"])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        wait_until(lambda: children(holder.pid), what="process of the namespace")
        other = children(holder.pid)[0]
        self.addCleanup(os.kill, other, signal.SIGKILL)
        for item in self.config["linux"]["namespaces"]:
            if item["type"] == "pid":
                item["path"] = f"/proc/{other}/ns/pid"
        self.shell("sleep 100")
        command, init = self.create_traced()
        events = self.events()
        stage = events.one("stage")["pid"]
        self.assertEqual(events.names()[stage], f"krun stage {self.cid} (child)")
        self.assertEqual([(begin["pid"], end["pid"]) for begin, end in events.arrows()][:2], [(command, stage), (command, init)])

    def test_failing_commands_close_the_array_and_say_which_step(self):
        self.write_config(args=["/no/such/program"])
        message = self.fails("create", "--bundle", self.bundle, self.cid, status=1, options=self.traced)
        events = self.events()
        self.assertIn("/no/such/program", message)
        self.assertIn("/no/such/program", events.one("create")["args"]["error"])
        failed = [event["name"] for event in events.slices() if "error" in event["args"]]
        self.assertIn("program", failed)
        self.assertIn("child", failed)
        # Further commands add to it, and fail before they have a container.
        self.fails("state", "none", options=self.traced)
        self.fails("create", "--bundle", "/no/such", self.cid, options=self.traced)
        self.fails("start", options=self.traced)
        events = self.events()
        self.assertIn("does not exist", events.one("state", cat="state")["args"]["error"])
        self.assertEqual([event["args"]["error"] for event in events.slices("read bundle") if "error" in event["args"]],
                         ["bundle '/no/such': missing (ENOENT)"])

    def test_a_killed_command_leaves_a_closed_array(self):
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo > {self.top}/there; exec sleep 100"]}]}
        self.shell("true")
        process = self.spawn_traced("create", "--bundle", self.bundle, self.cid)
        wait_until(lambda: os.path.exists(f"{self.top}/there"), what="hook")
        self.assertTrue(self.events().slices("mounts"))
        process.kill()
        process.wait()
        self.assertEqual(self.events().slices("create"), [])
        self.ok("delete", "--force", self.cid, options=self.traced)
        self.assertEqual(len(self.events().slices("delete")), 1)

    def test_many_commands_write_to_one_file(self):
        self.shell("sleep 100")
        self.create()
        processes = [self.spawn_traced("state", self.cid) for _ in range(20)]
        processes += [self.spawn_traced("exec", self.cid, "true") for _ in range(4)]
        for process in processes:
            process.wait(60)
        events = self.events()
        self.assertEqual({event["pid"] for event in events.slices("state")}, {process.pid for process in processes[:20]})
        self.assertEqual(len(events.slices("exec")), 4)
        self.assertEqual(len(events.phase("s")), len(events.phase("f")))


class Km(TraceTest):
    mode = "km"

    def test_loading_of_km(self):
        self.shell("sleep 100")
        command, init = self.create_traced()
        km = children(init)[0]
        events = self.events()
        load = events.one("load")
        self.assertEqual((load["pid"], events.names()[km]), (km, f"km {self.cid}"))
        wait = [event for event in events.slices("wait") if event["args"].get("for") == "km"]
        self.assertEqual([event["pid"] for event in wait], [command])
        self.assertLess(abs(wait[0]["dur"] - load["dur"]), 50000)

    def test_km_that_fails(self):
        self.shell("true")
        self.fails("create", "--bundle", self.bundle, self.cid, options=[*self.traced, "--config-file", self.broken_km()])
        self.assertIn("km", self.events().one("create")["args"]["error"])

    def broken_km(self):
        path = f"{self.top}/krun.json"
        with open(path, "w") as file:
            json.dump({"kmPath": "/no/such/km"}, file)
        return path


class Show(TraceTest):
    """`krun trace blame` and `krun trace plot`."""

    def blame(self, path=None):
        """Returns (time, process, slice) of each line."""
        lines = self.ok("trace", "blame", path or self.trace).out.splitlines()
        return [re.fullmatch(r" *([0-9.]+(?:ns|us|ms|s))  (.*?\[\d+\]) +(\S.*)", line).groups() for line in lines]

    def plot(self, path=None):
        """Returns the texts of the picture, and their number of bars by colour."""
        root = xml.etree.ElementTree.fromstring(self.ok("trace", "plot", path or self.trace).out)
        self.assertEqual(root.tag, f"{SVG}svg")
        bars = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")]
        return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")], [bar.get("fill") for bar in bars]

    def make_trace(self):
        self.add_hooks("prestart", path="/bin/sleep")
        self.config["hooks"]["prestart"][0]["args"] = ["sleep", "0.3"]
        self.shell("true")
        self.run_ok(options=self.traced)

    def test_blame_names_what_took_longest(self):
        self.make_trace()
        lines = self.blame()
        self.assertEqual(lines[0][1:], (f"krun run {self.cid} [{self.events().one('run')['pid']}]", "prestart hook=/bin/sleep"))
        unit = {"ns": 1, "us": 1000, "ms": 1000000, "s": 1000000000}
        times = [float(number) * unit[word] for number, word in
                 (re.fullmatch(r"([0-9.]+)(\D+)", time).groups() for time, _, _ in lines)]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertGreaterEqual(times[0], 300 * unit["ms"])
        # The child has waited for the hook, and the command for the child: neither is blamed for the hook's time.
        self.assertEqual([line for line, time in zip(lines, times) if time > 250 * unit["ms"]], lines[:1])
        self.assertIn("mount destination=/proc type=proc source=proc", [text for _, _, text in lines])

    def test_plot_has_all_slices(self):
        self.make_trace()
        events = self.events()
        texts, bars = self.plot()
        self.assertEqual(len(bars), len(events.phase("X", "i")))
        self.assertEqual(bars.count("#e08a1e"), 1)
        for pid, name in events.names().items():
            self.assertIn(f"{name} [{pid}]", texts)
        self.assertTrue([text for text in texts if text.startswith("prestart hook=/bin/sleep (3")], texts)

    def test_an_array_that_is_cut_off_is_read(self):
        self.make_trace()
        with open(self.trace) as file:
            text = file.read()
        everything = self.blame()
        for end in (len(text) - 3, len(text) - 30):
            with open(self.trace, "w") as file:
                file.write(text[:end])
            self.assertEqual(len(self.blame()), len(everything) - (end != len(text) - 3), end)
            self.assertTrue(self.plot()[1])
        # A command goes on behind the last whole event.
        self.fails("state", "none", options=self.traced)
        self.assertIn("error", self.events().one("state", cat="state")["args"])
        self.assertEqual(self.events().slices("run"), [])

    def test_standard_input(self):
        self.make_trace()
        with open(self.trace) as file:
            self.assertEqual(self.ok("trace", "blame", "-", stdin=file).out, self.ok("trace", "blame", self.trace).out)
        self.assertIn("stdin:1:1: ", self.fails("trace", "plot", "-", stdin="x"))

    def test_what_others_have_chosen_is_escaped(self):
        self.config["mounts"].append({"destination": "/<b>&\x1b[2J\n", "type": "tmpfs", "source": "tmpfs\u202e"})
        self.shell("true")
        self.run_ok(options=self.traced)
        seen = r"mount destination=/<b>&\x1b[2J\n type=tmpfs source=tmpfs\xe2\x80\xae"
        self.assertIn(seen.replace(r"\n", " "), [text.replace(r"\n", " ") for _, _, text in self.blame()])
        self.assertTrue([text for text in self.plot()[0] if text.startswith(r"mount destination=/<b>&\x1b[2J")])

    def test_mistakes(self):
        path = f"{self.top}/file"
        self.assertEqual(self.fails("trace", "show", path), "trace: 'show' is neither blame nor plot")
        self.assertIn("trace: FILE is missing", self.fails("trace", "blame"))
        self.assertEqual(self.fails("trace", "blame", path), f"read '{path}': missing (ENOENT)")
        for text, expected in (('[{"ph": "X", "pid": 1, "ts": true}]', f"{path}: /0/ts: expected double, got boolean"),
                               ('{"a": 1}', f"{path}: it is not a trace, which is an array of events"),
                               ("[1]", f"{path}: /0: expected object, got int")):
            with open(path, "w") as file:
                file.write(text)
            self.assertEqual(self.fails("trace", "plot", path), expected)
        with open(path, "wb") as file:
            file.truncate(17 << 20)
        self.assertEqual(self.fails("trace", "blame", path), f"'{path}' has more than 16 MiB")

    def test_another_file_is_no_place_for_a_trace(self):
        self.write_config()
        config = f"{self.bundle}/config.json"
        with open(config) as file:
            before = file.read()
        self.assertEqual(self.run_fails(options=["--trace", config]), f"--trace: trace '{config}': it has something else than a trace")
        with open(config) as file:
            self.assertEqual(file.read(), before)


CRIU_STAND_IN = """#!{python}
import os, socket, sys, time
with socket.socket(fileno=int(sys.argv[2])) as peer:
    peer.recv(65536)
    if os.path.exists({once!r}):
        time.sleep(0.2)
    else:
        peer.send(bytes([0x08, 10, 0x10, 1, 0x52, 4, 0x08, 4, 0x10, 1]))
    open({once!r}, "a").write("x")
"""


class CriuStandIn(TraceTest):
    mode = "plain"

    def test_criu_that_fails(self):
        """It tells its version, then ends without an answer."""
        program = f"{self.top}/criu"
        with open(program, "w") as file:
            file.write(CRIU_STAND_IN.format(python=sys.executable, once=f"{self.top}/once"))
        os.chmod(program, 0o755)
        self.start_sleeper()
        self.fails("checkpoint", "--image-path", f"{self.top}/image", self.cid, options=[*self.traced, "--criu", program])
        events = self.events()
        self.assertEqual([event["name"] for event in events.slices() if event["cat"] == "criu"], ["question", "dump"])
        dump = events.one("dump", cat="criu")
        self.assertGreaterEqual(dump["dur"], 200000)
        self.assertEqual(events.names()[dump["pid"]], f"criu {self.cid}")
        self.assertIn("error", dump["args"])
        self.assertEqual({events.names()[begin["pid"]] for begin, _ in events.arrows()}, {f"krun checkpoint {self.cid}"})
        self.assertEqual({end["pid"] for _, end in events.arrows()},
                         {event["pid"] for event in events.slices() if event["cat"] == "criu"})


@unittest.skipIf(criu_trouble(), criu_trouble())
class Criu(TraceTest):
    mode = "plain"

    def test_checkpoint_and_restore(self):
        image = f"{self.top}/image"
        self.shell("while :; do sleep 0.1; done")
        with open(os.devnull, "wb") as null:
            self.assertEqual(self.krun("run", "--detach", "--bundle", self.bundle, self.cid, stdout=null, stderr=null).status, 0)
            self.ok("checkpoint", "--image-path", image, self.cid, options=self.traced)
            result = self.krun("restore", "--detach", "--bundle", self.bundle, "--image-path", image, self.cid, options=self.traced,
                               stdout=null, stderr=null)
        self.assertEqual(result.status, 0, result)
        events = self.events()
        for name, command in (("dump", "checkpoint"), ("restore", "restore")):
            work = [event for event in events.slices(name) if event["cat"] == "criu"]
            self.assertEqual([events.names()[event["pid"]] for event in work], [f"criu {self.cid}"], name)
            arrow = [begin for begin, end in events.arrows() if end["pid"] == work[0]["pid"]]
            self.assertEqual([events.names()[begin["pid"]] for begin in arrow], [f"krun {command} {self.cid}"])
