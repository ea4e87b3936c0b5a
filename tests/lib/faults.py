# SPDX-License-Identifier: Apache-2.0
"""
What the faults ring shares: commands of krun that are ended, or whose system calls fail, at each place in turn.

A place is the K-th call of a name in one of the processes of a command (tests/faults/tools/inject.c). For each place a container
is brought into the state that the command needs, the command runs with the fault, and then these hold:

* A command that says success has done all of its work: the container is what it is without a fault, which its program tells.
* A command that fails says so in one line, and ends, and not by a signal.
* `state` and `list` work, `delete --force` removes the container, and nothing is left: no process, mount, cgroup or file.
"""

import contextlib
import difflib
import os
import re
import shutil
import signal
import subprocess

from console import ConsoleSocket, read_until
from jobs import OWN_MACHINE
from krun import BUSYBOX, CGROUP, INJECT, PROGRAMS, KrunTest, children, wait_until

# Longer than any time-out of krun's own, on a machine that is busy: a command that has not ended by then is stuck.
PATIENCE = 60
STUCK = "stuck"
# Commands after whose failure the container is what it was. A checkpoint that fails after km has written it has ended the payload.
UNCHANGED_BY_A_FAILURE = ("exec", "exec_detached", "exec_with_a_terminal", "update", "mounts_add", "mounts_remove", "exceptions_add",
                          "state", "list", "ps", "events")
# Commands that print the same each time.
# Calls of the loop in which security/seccomp_load.c waits for a filter's trial: the number of its rounds is never the same.
SPINNING, ROUNDS_MAX = ("sched_yield", "wait4"), 2
SAME_OUTPUT = ("run", "exec", "features", "validate")
ENDED_BY_A_SIGNAL = [128 + number for number in signal.Signals]
# The program of the container tells everything about itself that krun has set. What differs from run to run is left out.
FACTS = """
grep -E '^(Uid|Gid|Groups|Umask|Cap|NoNewPrivs|Seccomp:|NSpid|SigIgn|SigBlk)' /proc/self/status
cat /proc/self/oom_score_adj /proc/self/uid_map
sed 's/^[0-9]* [0-9]* [0-9]*:[0-9]* //' /proc/self/mountinfo
for kind in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$kind; done
cat /proc/self/limits /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/self/timens_offsets
pwd; hostname; env; ls /proc/self/fd; stat -c '%n %f %u %g %t:%T' /dev/*; cat /proc/keys | grep -c krun
cat /copied/file; cat /proc/kcore
echo facts-end
"""


class Command:
    """One row: a command of krun, the state of the container before it, and what it does."""

    def __init__(self, name, *words, before=None, after=None, attaches=False, says=None, arrange=None, only_km=False):
        """
        @before: "created", "running", "paused", "stopped" or None. @after: the state after a success; "gone"; None: it is not about a
        container. @attaches: the container's process is followed, too. @says: what the output of a success matches. @arrange: the method
        of FaultTest that gives the command what else it needs. @only_km: it is a command for the mode km.
        """
        self.name, self.words, self.before, self.after, self.attaches, self.says = name, words, before, after, attaches, says
        self.arrange, self.only_km = arrange, only_km


COMMANDS = [
    Command("create", "create", "--bundle", "{bundle}", "--pid-file", "{pid_file}", "{id}", after="created"),
    Command("run", "run", "--bundle", "{bundle}", "{id}", after="gone", says="facts-end"),
    Command("run_detached", "run", "--detach", "--bundle", "{bundle}", "{id}", after="running"),
    Command("start", "start", "{id}", before="created", after="running", attaches=True),
    Command("exec", "exec", "{id}", "/bin/sh", "-c", "cat /proc/self/limits; echo ex''ecuted", before="running", after="running",
            says="executed"),
    Command("exec_detached", "exec", "--detach", "--pid-file", "{pid_file}", "{id}", "sleep", "100", before="running", after="running"),
    # The root is not known when only a part of the state was read.
    Command("state", "state", "{id}", before="running", after="running", says='(?s)"status": "running".*("rootfs": "/|"rootfs": "",.*"created": "1970)'),
    Command("list", "list", before="running", after="running", says="{id}"),
    Command("ps", "ps", "{id}", before="running", after="running", says="PID"),
    Command("events", "events", "--stats", "{id}", before="running", after="running", says='"type": *"stats"'),
    Command("kill", "kill", "{id}", "KILL", before="running", after="stopped"),
    Command("kill_all", "kill", "--all", "{id}", "KILL", before="running", after="stopped"),
    Command("pause", "pause", "{id}", before="running", after="paused"),
    Command("resume", "resume", "{id}", before="paused", after="running"),
    Command("update", "update", "--resources", "{resources}", "{id}", before="running", after="running"),
    Command("mounts_add", "mounts", "add", "{id}", "{mounts}", before="running", after="running"),
    Command("mounts_remove", "mounts", "remove", "{id}", "{mounts}", before="running", after="running"),
    Command("exceptions_add", "exceptions", "--replace", "add", "{id}", "tool", "/bin/sh", before="running", after="running", only_km=True),
    Command("create_in_a_user_namespace", "create", "--bundle", "{bundle}", "--pid-file", "{pid_file}", "{id}", after="created",
            arrange="use_mapped_ids"),
    Command("create_with_a_terminal", "create", "--bundle", "{bundle}", "--pid-file", "{pid_file}", "--console-socket", "{console}", "{id}",
            after="created", arrange="use_terminal"),
    Command("exec_with_a_terminal", "exec", "--tty", "--detach", "--console-socket", "{console}", "{id}", "sleep", "100", before="running",
            after="running", arrange="listen"),
    Command("checkpoint", "checkpoint", "--image-path", "{image}", "{id}", before="running", after="gone", arrange="remove_image",
            only_km=True),
    Command("restore", "restore", "--bundle", "{bundle}", "--image-path", "{image}", "--detach", "{id}", after="running",
            arrange="make_image", only_km=True),
    Command("features", "features", says="ociVersionMin"),
    Command("validate", "validate", "--bundle", "{bundle}"),
    Command("delete", "delete", "{id}", before="stopped", after="gone"),
    Command("delete_force", "delete", "--force", "{id}", before="running", after="gone"),
]


class Place:
    def __init__(self, line):
        process, self.call, index, _ = line.split()
        self.process, self.index = process, int(index)

    def __str__(self):
        return f"{self.process}:{self.call}:{self.index}"

    __repr__ = __str__

class FaultTest(KrunTest):
    """Runs a command with faults, and checks what is left of it."""

    def setUp(self):
        if not os.path.exists(INJECT):
            self.skipTest("the injector is for x86-64")
        super().setUp()
        self.report = os.path.join(self.top, "report")
        # Words of Command stand for these.
        self.files = {name: os.path.join(self.top, name) for name in ("pid_file", "image", "console", "resources", "mounts")}
        self.console = None
        self.write("resources", '{"devices": [{"allow": false, "access": "rwm"}]}')
        self.write("mounts", '[{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["size=4k"]}]')
        self.make_bundle()
        self.before = self.picture()
        self.ready, self.ready_picture = None, None
        self.reference = {}
        self.program = PROGRAMS[self.mode]      # the one that meets the fault
        self.fault_environment = {}

    def write(self, name, text):
        with open(self.files[name], "w") as file:
            file.write(text)

    def make_bundle(self):
        """A container with something of everything, so that every part of krun works for it."""
        config, linux, process = self.config, self.config["linux"], self.config["process"]
        source = os.path.join(self.top, "source")
        os.makedirs(os.path.join(self.rootfs, "copied"))
        with open(os.path.join(self.rootfs, "copied", "file"), "w") as file:
            file.write("copied\n")
        os.mkdir(source)
        config["mounts"] += [
            {"destination": "/copied", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=64k"]},
            {"destination": "/source", "type": "bind", "source": source, "options": ["rbind", "ro", "nosuid", "rslave"]},
        ]
        config["hooks"] = {kind: [{"path": BUSYBOX, "args": ["busybox", "true"]}]
                           for kind in ("prestart", "createRuntime", "poststart", "poststop")}
        config["hooks"]["createContainer"] = [{"path": "/bin/true"}]
        config["hooks"]["startContainer"] = [{"path": "/bin/true"}]
        linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "77"}
        linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["bpf", "acct"], "action": "SCMP_ACT_ERRNO"}]}
        linux["devices"] = [{"path": "/dev/extra", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 5, "gid": 6}]
        linux["namespaces"].append({"type": "time"})
        linux["timeOffsets"] = {"boottime": {"secs": 500, "nanosecs": 0}}
        process.update(oomScoreAdj=500, cwd="/tmp", noNewPrivileges=False,
                       user={"uid": 1000, "gid": 1000, "additionalGids": [7, 8], "umask": 0o27},
                       rlimits=[{"type": "RLIMIT_NOFILE", "hard": 1100, "soft": 1050}])
        process["capabilities"]["ambient"] = process["capabilities"]["inheritable"] = ["CAP_KILL"]
        self.shell(FACTS)

    def prepare(self, command):
        """
        Brings a new container into the state that the command needs, its program tells its facts and goes on, but for `run`. A command
        that changes nothing gets the container of the last one, if that is what it was.
        """
        if self.ready == command.name:
            return
        self.shell(FACTS if command.name == "run" else FACTS + "while :; do sleep 0.1; done")
        open(self.log, "wb").close()
        if command.arrange:
            getattr(self, command.arrange)()
        if not command.before:
            # A filter that is in the cache needs fewer calls, so that the places of the first run would not be those of the others.
            shutil.rmtree(os.path.join(self.root, ".seccomp"), ignore_errors=True)
        if command.before:
            self.create()
        if command.before not in (None, "created"):
            self.ok("start", self.cid)
            wait_until(lambda: "facts-end" in self.logged(), what="program")
        if command.before == "paused":
            self.ok("pause", self.cid)
        if command.before == "stopped":
            self.ok("kill", self.cid, "KILL")
            self.wait_stopped()
        if command.name == "mounts_remove":
            self.ok("mounts", "add", self.cid, self.files["mounts"])
        if command.name in ("state", "list", "ps", "events", "exec"):
            self.ready, self.ready_picture = command.name, self.picture()

    # ---- what some commands need, the methods Command.arrange ----

    def use_mapped_ids(self):
        if not any(item["type"] == "user" for item in self.config["linux"]["namespaces"]):
            self.in_user_namespace()
        self.write_config()

    def listen(self):
        self.console = ConsoleSocket(self.files["console"])

    def use_terminal(self):
        self.listen()
        self.write_config(terminal=True)

    def remove_image(self):
        shutil.rmtree(self.files["image"], ignore_errors=True)
        self.config["hooks"].pop("startContainer", None)    # With them km begins only with `start`, and cannot be asked for a checkpoint.
        self.write_config()

    def make_image(self):
        self.config["hooks"].pop("startContainer", None)
        self.write_config()
        if os.path.isdir(self.files["image"]):
            return
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "facts-end" in self.logged(), what="program")
        self.ok("checkpoint", "--image-path", self.files["image"], self.cid)
        open(self.log, "wb").close()

    # ---- the command and its fault ----

    def inject(self, command, *fault):
        """
        Runs the command with a fault; returns (status, what it and its container said, its log). Output of a container that outlives
        the command goes to self.log.
        """
        words = [word.format(bundle=self.bundle, id=self.cid, **self.files) for word in command.words]
        attach = ["--attach", str(self.state()["pid"])] if command.attaches else []
        output, outlives = os.path.join(self.top, "output"), command.words[0] == "create" or "--detach" in command.words
        errors = os.path.join(self.top, "errors")
        for path in (output, errors):
            open(path, "wb").close()
        before = os.path.getsize(self.log)
        with open(self.log if outlives else output, "ab") as out:
            # The program of a container must not get the file in which only krun's words are looked for.
            with subprocess.Popen(
                    [INJECT, self.report, *fault, *attach, "--", self.program, *self.command("--log", errors, "--log-level", "warning", *words)[1:]],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **self.fault_environment}) as process:
                try:
                    status = process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    status = STUCK
                    # What is traced goes on without the injector, so the command itself has to be ended, too.
                    for pid in [*children(process.pid), process.pid]:
                        os.kill(pid, signal.SIGKILL)
        with open(self.log if outlives else output, errors="replace") as file:
            file.seek(before if outlives else 0)
            said = file.read()
        with open(errors, errors="replace") as file:
            return status, said, file.read()

    def places(self, command):
        """Returns all places of the command, which is run once without a fault, and keeps the facts of its container."""
        self.prepare(command)
        status, said, complaint = self.inject(command, "list")
        self.assertEqual(status, 0, f"{command.name} without a fault: {said} {complaint}")
        with open(self.report) as file:
            places = [place for place in map(Place, file) if place.index < ROUNDS_MAX or place.call not in SPINNING]
        self.reference[command.name] = self.facts(command, said, complaint)
        self.remove(command.name)
        return places

    def facts(self, command, said, complaint):
        """Checks that the command has done its work, and returns what the program tells about itself."""
        if command.says:
            self.assertRegex(said, command.says.format(id=self.cid))
        if command.name == "run" and complaint:
            # container.h: the program has ended by then, and its status counts.
            self.assertRegex(complaint, r"^\S+ krun\[\d+\] run warning: [^\n]*\n$")
        elif command.name == "checkpoint" and complaint and "does not exist" not in self.krun("state", self.cid).err:
            # container/checkpoint.c: the image is complete, so a container that cannot be removed, or its directory, is a warning.
            self.assertRegex(complaint, r"^\S+ krun\[\d+\] checkpoint warning: [^\n]*\n$")
            self.assertNotIn("running", self.krun("state", self.cid).out)
        elif command.after == "gone":
            self.assertIn("does not exist", self.fails("state", self.cid))
        elif command.after == "stopped":
            self.wait_stopped()
        elif command.after:
            self.assertEqual(self.status(), command.after)
        if command.after == "created":
            with open(self.files["pid_file"]) as file:
                self.assertEqual(int(file.read()), self.state()["pid"])
            self.ok("start", self.cid)
        # A restored container has its snapshot from a mount with mapped ids, or where there is none from a copy (checkpoint/lend.c).
        return re.sub(r"\b\w+:\[\d+\]|^\d+ \d+ \d+:\d+ |pos:.*|\r|^\S+ /dev/krun-snapshot .*\n", "", self.told(command, said), flags=re.M)

    def told(self, command, said):
        """Returns what shows that the command has done its work, beside the state of the container."""
        if self.console:
            # The program of exec lives as long as its terminal.
            master = self.console.master()
            self.addCleanup(os.close, master)
            said = read_until(master, b"facts-end\r\n", PATIENCE) if command.after == "created" else ""
        elif command.after == "created" or command.name in ("run_detached", "start", "restore"):
            wait_until(lambda: "facts-end" in self.logged(), what="program")
            return self.logged()
        if command.name in ("exec_detached", "exec_with_a_terminal"):
            self.assertIn("sleep 100\n", self.ok("ps", self.cid).out)
        elif command.name.startswith("mounts_"):
            return self.ok("exec", self.cid, "cat", "/proc/self/mountinfo").out
        elif command.name == "exceptions_add":
            return self.ok("exceptions", "list", self.cid).out
        elif command.name == "checkpoint":
            self.assertEqual(sorted(os.listdir(self.files["image"])), ["inventory.img", "km-snapshot"])
        return said if command.name in SAME_OUTPUT or self.console else ""

    def judge(self, faults, where, command, status, said, complaint, documented=()):
        """Adds what is wrong with the result of a command that met a fault. @documented: differences of the facts that are allowed."""
        try:
            self.assertNotEqual(status, STUCK, f"{where}: not at its end after {PATIENCE} s: {complaint}")
            if status == 0:
                facts, reference = self.facts(command, said, complaint), self.reference[command.name]
                allowed = [reference, *(reference.replace(*change) for change in documented if reference)]
                self.assertTrue(facts in allowed, "the container is another one:\n" + "\n".join(
                    difflib.unified_diff(reference.splitlines(), facts.splitlines(), "without the fault", "with it", n=0)))
                return
            errors = [line for line in said.splitlines() if line.startswith("krun: ") or (
                command.name == "validate" and ": error: " in line)]
            self.assertNotIn(status, ENDED_BY_A_SIGNAL, f"{where}: {errors} {complaint}")
            self.assertEqual(len(errors), 1, f"{where}: status {status}: {errors}, log: {complaint}")
            if command.name in UNCHANGED_BY_A_FAILURE:
                self.assertEqual(self.status(), command.before, where)
        except AssertionError as error:
            faults.append(f"{where}: {str(error)[:1500]}")

    def check_reached(self, reached, tried):
        """
        Checks that faults were met: what the first run called, the others call. Loops that wait may take fewer rounds, and of a command
        that waits a small sample may be mostly of them: 3 of 8 for a pause beside an emulated machine.
        """
        least = len(tried) // 2 if len(tried) > 16 else len(tried) // 4
        self.assertGreaterEqual(reached, max(1, least), f"places that were reached, of {len(tried)}")

    # ---- what is left ----

    def remove(self, where):
        """Checks that the container can be looked at and removed, whatever happened to it, or that nothing has happened to it."""
        if self.ready and self.picture() == self.ready_picture and self.status() == "running":
            return
        self.ready = None
        result = self.krun("state", self.cid, timeout=PATIENCE)
        self.assertIn(result.status, (0, 1), f"{where}: state: {result}")
        self.assertEqual(result.err.count("\n"), result.status, f"{where}: state: {result}")
        result = self.krun("list", "--format", "json", timeout=PATIENCE)
        self.assertEqual(result.status, 0, f"{where}: list: {result}")
        result = self.krun("delete", "--force", self.cid, timeout=PATIENCE)
        self.assertEqual(result.status, 0, f"{where}: delete --force: {result}")
        if self.console:
            self.console.server.close()
        for name in ("pid_file", "console"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.files[name])
        # A process that was killed is gone a moment later.
        try:
            wait_until(lambda: self.picture() == self.before, seconds=10, what="nothing left")
        except AssertionError:
            left = self.picture()
            self.fail(f"{where}: left behind: " + "; ".join(
                f"{key}: {sorted(left[key] ^ self.before[key])}" for key in left if left[key] != self.before[key]))

    def picture(self):
        """Returns what a command might leave behind."""
        with open("/proc/self/mountinfo") as file:
            mounts = {line.split(" - ")[0].split()[4] + line.split()[0] for line in file}
        with open("/proc/self/cgroup") as file:
            own = CGROUP + next(line.strip()[3:] for line in file if line.startswith("0::"))
        cgroups, processes = set(), set()
        for folder, _, _ in os.walk(CGROUP):
            # On a machine of the tests' own there are those of its services, too.
            if folder.startswith(own) or self.cid in folder:
                cgroups.add(folder)
                with contextlib.suppress(OSError), open(os.path.join(folder, "cgroup.procs")) as file:
                    processes |= set(file.read().split())
        files = {os.path.relpath(os.path.join(folder, name), self.top) for folder, _, names in os.walk(self.root) for name in names
                 if not folder.endswith("/.seccomp") or not re.fullmatch("[0-9a-f]{64}.*", name)}
        folders = {folder for folder, _, _ in os.walk(self.root) if not folder.endswith("/.seccomp")} - {self.root}
        return {"mounts": mounts, "cgroups": cgroups - {f"{CGROUP}/krun"}, "processes": processes, "files": files, "folders": folders,
                "bundle": set(os.listdir(self.bundle)),
                # Beside these tests a machine of their own runs engines.
                "run": {name for name in os.listdir("/run") if not OWN_MACHINE or "krun" in name or self.cid in name}}


def add_tests(cls, method, only_km=False, names=(), rows=tuple(COMMANDS)):
    """Adds a test of each command of both modes, or of the mode km only, or of those with @names, to a class. @method takes the command."""
    def add(command):
        setattr(cls, f"test_{command.name}", lambda self: method(self, command))

    for command in rows:
        if command.only_km == only_km and (not names or command.name in names):
            add(command)
