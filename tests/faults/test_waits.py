# SPDX-License-Identifier: Apache-2.0
"""
Nobody makes krun wait for ever: a command whose other side says nothing ends with a clear error and has undone what it began.

docs/waits.md has every wait and its limit. The limits are long, so all cases run at once: each is started first, and looked at when
all have been.
"""

import json
import os
import signal
import socket
import subprocess
import time

import sample
from krun import KrunTest, children, wait_until

# A case that has not ended that long after its limit hangs: a busy machine is slow.
GRACE_S = 120


class Case:
    """A command that waits: what it is, its limit in seconds, its statuses, and what its one line says (None: it says nothing)."""

    def __init__(self, name, process, said, limit, pattern, statuses, after):
        self.name, self.process, self.said, self.limit, self.pattern = name, process, said, limit, pattern
        self.statuses, self.after = statuses, after
        self.began = time.monotonic()


class Waits(KrunTest):
    variants = ("plain", "km")

    def setUp(self):
        super().setUp()
        os.mkdir(self.root, 0o700)
        self.cases = []
        self.held = []
        self.addCleanup(lambda: [item.close() for item in self.held])

    # ---- peers that do nothing ----

    def container(self, name, status="running", args=("/bin/sleep", "1000"), **more):
        """Makes a container of its own for a case; returns its id."""
        identity = f"{self.cid}-{name}"
        self.ids.append(identity)
        self.write_config(args=list(args))
        self.create(identity=identity, **more)
        if status != "created":
            self.ok("start", identity)
        return identity

    def deaf_socket(self, name, backlog=0):
        """A stream socket that listens and never accepts: its queue is full."""
        path = os.path.join(self.top, name)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.held.append(server)
        server.bind(path)
        server.listen(backlog)
        while True:
            waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.held.append(waiting)
            waiting.setblocking(False)
            try:
                waiting.connect(path)
            except BlockingIOError:
                return path

    def deaf_datagrams(self, path):
        """A datagram socket whose queue is full."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.held += [server, sender]
        server.bind(path)
        sender.setblocking(False)
        try:
            while True:
                sender.sendto(b"x", path)
        except BlockingIOError:
            return path

    def fifo(self, name):
        path = os.path.join(self.top, name)
        os.mkfifo(path)
        return path

    # ---- cases ----

    def begin(self, name, limit, pattern, *words, options=(), statuses=(1, 255), after=None, **more):
        said = os.path.join(self.top, f"said-{len(self.cases)}")
        with open(said, "wb") as file:
            process = subprocess.Popen(self.command(*words, options=options), stdin=subprocess.DEVNULL, stdout=file, stderr=file, **more)
        self.processes.append(process)
        case = Case(name, process, said, limit, pattern, statuses, after)
        self.cases.append(case)
        return case

    def judge(self, case):
        try:
            case.process.wait(max(0, case.began + case.limit + GRACE_S - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.fail(f"{case.name}: it waits for more than {case.limit} + {GRACE_S} s")
        with open(case.said) as file:
            said = file.read()
        self.assertIn(case.process.returncode, case.statuses, f"{case.name}: {said}")
        if case.pattern is None:
            self.assertEqual(said, "", case.name)
        else:
            self.assertRegex(said, rf"^krun(\[\d+\] start warning)?: .*{case.pattern}.*\n$", case.name)
        if case.after:
            case.after()

    def stopped_lock_holder(self):
        """A create that was stopped in a hook has the lock of its container."""
        identity = f"{self.cid}-stopped"
        self.ids.append(identity)
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}
        self.write_config()
        holder = self.spawn("create", "--bundle", self.bundle, identity, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
        del self.config["hooks"]
        wait_until(lambda: any("sleep" in self.name_of(child) for child in children(holder.pid)), what="hook")
        os.kill(holder.pid, signal.SIGSTOP)

        def let_go():
            os.kill(holder.pid, signal.SIGCONT)
            holder.terminate()
            holder.wait(60)

        wanted = rf"container '{identity}': another command \(process {holder.pid}\) has had its lock for 60 s"
        cases = [self.begin(f"{words[0]} while a stopped command has the lock", 60, wanted, *words, identity)
                 for words in (["start"], ["pause"], ["delete"], ["delete", "--force"])]
        return cases, let_go

    @staticmethod
    def name_of(pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def frozen_exec(self):
        identity = self.container("frozen")
        self.ok("pause", identity)
        self.begin("exec in a frozen container", 120, "does not answer: is it stopped or frozen", "exec", "--ignore-paused", identity, "true")

    def deaf_engines(self):
        self.write_config(terminal=True)
        for option in ("--console-socket", "--pidfd-socket"):
            if option == "--pidfd-socket":
                self.write_config(terminal=False)
            identity = f"{self.cid}-{option.strip('-')}"
            self.ids.append(identity)
            bundle = self.copy_of_bundle(option.strip("-"))
            self.begin(f"create {option}", 10, "connect to socket '[^']*': connection timed out", "create", "--bundle", bundle, option,
                       self.deaf_socket(f"create{option}"), identity,
                       after=lambda name=identity: self.assertFalse(os.path.exists(os.path.join(self.root, name))))
        running = self.container("engine")
        self.begin("exec --console-socket", 10, "connect to socket '[^']*': connection timed out", "exec", "--tty", "--detach", "--console-socket",
                   self.deaf_socket("exec-console"), running, "true")

    def copy_of_bundle(self, name):
        """A directory with a config.json of its own, for commands that read theirs later than this test writes the next."""
        bundle = os.path.join(self.top, f"bundle-{name}")
        os.mkdir(bundle)
        with open(os.path.join(self.bundle, "config.json")) as file:
            config = json.load(file)
        config["root"]["path"] = self.rootfs
        with open(os.path.join(bundle, "config.json"), "w") as file:
            json.dump(config, file)
        return bundle

    def deaf_agent(self):
        self.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": self.deaf_socket("agent"),
            "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
        self.write_config()
        bundle = self.copy_of_bundle("agent")
        del self.config["linux"]["seccomp"]
        identity = f"{self.cid}-agent"
        self.ids.append(identity)
        self.begin("create with a seccomp agent", 10, "connect to socket '[^']*': connection timed out", "create", "--bundle", bundle, identity)

    def silent_files(self):
        identity = self.container("files")
        for name, words in (("a config.json", ("create", "--bundle", self.bundle, "--config", self.fifo("config"), f"{self.cid}-none")),
                            ("a process.json", ("exec", "--process", self.fifo("process"), identity)),
                            ("resources", ("update", "--resources", self.fifo("resources"), identity)),
                            ("mounts", ("mounts", "add", identity, self.fifo("mounts")))):
            self.begin(f"{name} that is a FIFO", 60, "timed out", *words)
        self.begin("a log that is a FIFO", 10, "nobody reads it", "state", identity, options=("--log", self.fifo("log-of-krun")))
        pid_file = self.fifo("pid")
        other = f"{self.cid}-pidfile"
        self.ids.append(other)
        self.begin("a pid file that is a FIFO", 10, None, "create", "--bundle", self.copy_of_bundle("pidfile"), "--pid-file", pid_file, other,
                   statuses=(0,),
                   after=lambda: self.assertEqual(int(open(pid_file).read()), self.state(other)["pid"]))

    def deaf_manager(self):
        path = self.deaf_datagrams(os.path.join(self.top, "manager"))
        environment = dict(os.environ, NOTIFY_SOCKET=path)
        identity = self.container("manager", "created", args=["/bin/sleep", "1000"], env=environment)
        self.begin("start with a manager that reads nothing", 10, "notify '[^']*': connection timed out", "start", identity, statuses=(0,), env=environment)
        folder = os.path.join(self.root, identity, "notify", "notify.sock")
        wait_until(lambda: os.path.exists(folder), what="socket")
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.held.append(sender)
        sender.sendto(b"READY=1", folder)

    def test_every_wait_ends(self):
        if self.mode == "km" and not sample.is_full():
            self.skipTest("it takes two minutes, as in the other mode: --full")
        held, let_go = self.stopped_lock_holder()
        try:
            self.frozen_exec()
            self.deaf_engines()
            self.deaf_agent()
            self.silent_files()
            self.deaf_manager()
            for case in sorted(self.cases, key=lambda case: case.limit):
                with self.subTest(case.name):
                    self.judge(case)
        finally:
            let_go()
        self.assertEqual({json.loads(self.ok("state", identity).out)["status"] for identity in self.ids
                          if os.path.exists(os.path.join(self.root, identity, "state.json"))} - {"running", "created", "paused"}, set())

    def test_a_hook_without_end_and_without_a_timeout(self):
        if not sample.is_full():
            self.skipTest("it takes 300 s: --full")
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}
        self.write_config()
        result = self.krun("create", "--bundle", self.bundle, self.cid, timeout=300 + GRACE_S)
        self.assertEqual(result.err, "krun: hook createRuntime 0 '/bin/sleep': timed out after 300 s\n")
        self.assertFalse(os.path.exists(os.path.join(self.root, self.cid)))


class Criu(KrunTest):
    def test_criu_that_says_nothing(self):
        if not sample.is_full():
            self.skipTest("it takes 600 s: --full")
        silent = os.path.join(self.top, "criu")
        with open(silent, "w") as file:
            file.write("#!/bin/sh\nexec sleep 1000\n")
        os.chmod(silent, 0o755)
        self.start_sleeper()
        result = self.krun("checkpoint", "--image-path", os.path.join(self.top, "image"), self.cid, options=("--criu", silent),
                           timeout=600 + GRACE_S)
        self.assertEqual(result.status, 1)
        self.assertIn("CRIU has said and done nothing for 300 s", result.err)
        self.assertEqual(self.status(), "running")
        self.ok("delete", "--force", self.cid)
