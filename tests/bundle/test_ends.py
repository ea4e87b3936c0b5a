# SPDX-License-Identifier: Apache-2.0
"""Commands whose process ends, is killed or never begins, and processes whose command fails or is ended."""

import array
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import termios
import time

from krun import CGROUP, BothModes, KrunTest, children, wait_until


SOCKET, PRCTL, SIGNALFD4 = 41, 157, 289  # asm/unistd_64.h
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24   # linux/prctl.h


def refuse(call, code, argument=None):
    """
    Loads a filter of the caller with which a system call fails, as RestrictAddressFamilies=AF_UNIX of a service does for socket(2).
    It fails only if the first argument is @argument. On x86-64.
    """
    condition = [] if argument is None else [(0x20, 0, 0, 16), (0x15, 0, 1, argument)]
    instructions = [(0x20, 0, 0, 4), (0x15, 0, 3 + len(condition), 0xC000003E), (0x20, 0, 0, 0), (0x15, 0, 1 + len(condition), call),
                    *condition, (0x06, 0, 0, 0x00050000 | code), (0x06, 0, 0, 0x7FFF0000)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *words) for words in instructions))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


class KilledBeforeItsProgram(KrunTest):
    """Process 1 kills all others, over and over: the process of exec dies before or after its execve, and the command tells which."""

    def setUp(self):
        super().setUp()
        self.start_sleeper("echo ready; while :; do kill -9 -1; done")

    def test_detached(self):
        for _ in range(15):
            result = self.krun("exec", "--detach", self.cid, "sleep", "100")
            if result.status:
                break
        self.assertEqual(result.status, 255, "15 of 15 began, and none of them is there")
        self.assertIn("ended before it", result.err)

    def test_in_the_foreground(self):
        results = [self.krun("exec", self.cid, "sleep", "100") for _ in range(15)]
        for result in results:
            self.assertIn(result.status, (137, 255))
            self.assertEqual(result.status == 255, bool(result.err), result)
        self.assertIn(255, [result.status for result in results])


class KilledAfterItsWord(KrunTest):
    def test_run(self):
        """The process is killed after it has announced its execve, which it does before these hooks, and before the execve."""
        self.config["linux"]["namespaces"].remove({"type": "pid"})
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID"]}]}
        self.shell("echo ran")
        self.assertIn("ended before it executed its program", self.run_fails())


class EndedBeforeItIsSeen(KrunTest):
    """A km that has ended before `start` looks had begun, if the process in front of it says so or was killed, too."""

    mode = "km"

    def start_late(self, *program, kill=False, **process):
        """Creates a container and stops its `start` while a hook runs, until the program has ended, or its process 1 was killed."""
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "0.5"]}]}
        self.config["process"].update(process)
        self.write_config(args=list(program))
        self.create()
        pid = self.state()["pid"]
        with self.spawn("start", self.cid, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as starter:
            try:
                wait_until(lambda: children(pid), what="hook")
                starter.send_signal(signal.SIGSTOP)
                if kill:
                    wait_until(lambda: [self.name_of(child) for child in children(pid)] == ["km"], what="km")
                    # One that is killed before it begins has not told, either, that km has.
                    wait_until(lambda: self.name_of(pid, "S") == "krun-init", what="process 1")
                    os.kill(pid, signal.SIGKILL)
                wait_until(lambda: not self.name_of(pid), what="end of the container")
            finally:
                starter.send_signal(signal.SIGCONT)
            return starter.communicate(timeout=60)[0], starter.returncode

    @staticmethod
    def name_of(pid, states="RSDTt"):
        """Returns the name of a process that has not ended, and is in one of the states."""
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            name, state = re.match(r"\d+ \((.*)\) (.)", file.read()).groups()
            return name if state in states else ""
        return ""

    def test_short_program(self):
        self.assertEqual(self.start_late("/bin/true"), ("", 0))

    def test_limit_of_files(self):
        self.assertEqual(self.start_late("/bin/true", rlimits=[{"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]), ("", 0))

    def test_killed_by_an_engine(self):
        self.assertEqual(self.start_late("/bin/sleep", "1000", kill=True), ("", 0))

    def test_filter_that_refuses_seals(self):
        for action in ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"):
            self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["fcntl"], "action": action, "args": [{"index": 1, "value": fcntl.F_ADD_SEALS, "op": "SCMP_CMP_EQ"}]}]}
            self.assertEqual(self.start_late("/bin/true"), ("", 0), action)
            self.ok("delete", self.cid)

    def test_filter_with_an_agent(self):
        """Such a filter is in force early. It forbids what only a better answer of `start` needs."""
        path = f"{self.top}/agent"
        with socket.socket(socket.AF_UNIX) as agent:
            agent.bind(path)
            agent.listen()
            self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}, {"names": ["memfd_create"], "action": "SCMP_ACT_ERRNO"}]}
            self.assertEqual(self.start_late("/bin/true"), ("", 0))


class KilledBeforeItIsComplete(BothModes):
    def test_create(self):
        """The end of the process that becomes the container is no success, whatever it said before."""
        self.config["linux"]["namespaces"].remove({"type": "pid"})
        self.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID"]}]}
        self.shell("true")
        self.assertIn("ended before it was complete", self.run_fails())
        self.assertIn("ended before it was complete", self.fails("create", "--bundle", self.bundle, self.cid))
        self.assertIn("does not exist", self.fails("state", self.cid))


class KilledCommand(BothModes):
    """The process of a container that is being made ends with the command that makes it, whatever it waits for."""

    def kill_create(self):
        """It runs a hook in the container, which does not read what the command says."""
        self.config["hooks"] = {"createContainer": [{"path": "/bin/sleep", "args": ["sleep", "600"]}]}
        self.shell("true")
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        wait_until(lambda: [hook for pid in children(process.pid) for hook in children(pid)], what="hook")
        child, = children(process.pid)
        hooks = children(child)
        process.kill()
        process.wait()
        try:
            wait_until(lambda: not self.runs(child), what="end of the container's process")
        finally:
            for pid in hooks:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.ok("delete", "--force", self.cid)

    @staticmethod
    def runs(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_create(self):
        self.kill_create()

    def test_create_in_a_user_namespace(self):
        """There the kernel has forgotten the wish when the process became another user."""
        self.in_user_namespace()
        self.kill_create()


class Undone(BothModes):
    """What a command that is ended had begun is taken back, with everything that this takes."""

    def test_poststop_hooks_of_an_interrupted_create_run(self):
        done = os.path.join(self.top, "done")
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "100"]}],
                                "poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"sleep 0.3; touch {done}"], "env": ["PATH=/bin"]}]}
        self.shell("exec sleep 1000")
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        wait_until(lambda: any("sleep" in self.name(pid) for pid in children(process.pid)), what="hook")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, err.decode()), (1, "krun: interrupted by signal 15\n"))
        self.assertTrue(os.path.exists(done))
        self.assertIn("does not exist", self.fails("state", self.cid))

    def test_signals_that_the_caller_ignores_do_not_interrupt(self):
        """nohup(1) does this for SIGHUP."""
        begun = os.path.join(self.top, "begun")
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"touch {begun}; sleep 0.5"], "env": ["PATH=/bin"]}]}
        self.shell("true")
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        wait_until(lambda: os.path.exists(begun), what="hook")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.status(), "created")

    @staticmethod
    def name(pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read()
        except (FileNotFoundError, ProcessLookupError):
            return ""


class Interrupted(BothModes):
    """exec in a container that is frozen meanwhile waits, and can be ended."""

    def members(self):
        return json.loads(self.ok("ps", "--format", "json", self.cid).out)

    def test_exec_beside_a_pause(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        before = self.members()
        self.ok("pause", self.cid)
        for detach in ([], ["--detach"]):
            for signo in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(detach=detach, signo=signo):
                    process = self.spawn("exec", "--ignore-paused", *detach, self.cid, "sleep", "100", stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                    wait_until(lambda: len(self.members()) > len(before), what="its process")
                    time.sleep(0.1)
                    self.assertIsNone(process.poll())
                    process.send_signal(signo)
                    _, err = process.communicate(timeout=20)
                    self.assertEqual(process.returncode, 255)
                    self.assertIn(f"interrupted by signal {signo}", err.decode())
        self.ok("resume", self.cid)
        self.assertEqual(self.members(), before)
        self.assertEqual(self.ok("exec", self.cid, "echo", "inside").out, "inside\n")

    def test_signals_after_that_are_the_programs(self):
        self.start_sleeper()
        process = self.spawn("exec", self.cid, "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=20), 5)


class FailingHost(KrunTest):
    def test_program_of_an_exec_that_fails_is_ended(self):
        """A command that fails once the program runs ends the program, so that nothing goes on after a command that says that it failed."""
        self.start_sleeper("echo ready; exec sleep 1000")
        before = json.loads(self.ok("ps", "--format", "json", self.cid).out)
        text = self.fails("exec", self.cid, "sleep", "100", status=255, preexec_fn=lambda: refuse(SIGNALFD4, errno.EMFILE))
        self.assertIn("signalfd", text)
        self.assertEqual(json.loads(self.ok("ps", "--format", "json", self.cid).out), before)

    def test_caller_that_ignores_the_end_of_children(self):
        ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
        self.shell("exit 9")
        self.assertEqual(self.run_container(**ignore).status, 9)
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
        self.shell("echo ran")
        self.assertIn("createRuntime", self.run_fails(**ignore))


class DeepCgroups(KrunTest):
    def test_groups_below_each_other(self):
        """A container that may write to its cgroup can make more nested cgroups than krun may have descriptors."""
        self.start_sleeper("sleep 1000 & echo ready; exec sleep 1000")
        pids = json.loads(self.ok("ps", "--format", "json", self.cid).out)
        self.assertEqual(len(pids), 2)
        fd = os.open(f"{CGROUP}/krun-{self.cid}", os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(400):
            os.mkdir("deep", dir_fd=fd)
            os.mkdir("beside", dir_fd=fd)
            below = os.open("deep", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        file = os.open("cgroup.procs", os.O_WRONLY, dir_fd=fd)
        os.write(file, str(pids[1]).encode())
        os.close(file)
        os.close(fd)
        few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))}
        self.assertEqual(json.loads(self.ok("ps", "--format", "json", self.cid, **few).out), pids)
        self.ok("kill", "--all", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid, **few)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"))


class CallersFilter(BothModes):
    def test_loopback_comes_up_without_internet_sockets(self):
        self.shell("cat /sys/class/net/lo/flags; nc -l -p 1 127.0.0.1 2>&1; true")
        result = self.run_container(preexec_fn=lambda: refuse(SOCKET, errno.EAFNOSUPPORT, socket.AF_INET))
        self.assertEqual(result.status, 0, result)
        self.assertIn("not supported by protocol", result.out, "the filter is in force")
        self.assertTrue(int(result.out.split()[0], 16) & 1, "IFF_UP")

    def test_bounding_set_that_cannot_be_reduced(self):
        """A filter with which neither dropping nor reading it works must not leave a container with all capabilities."""
        def refuse_both():
            refuse(PRCTL, errno.EPERM, PR_CAPBSET_DROP)
            refuse(PRCTL, errno.EPERM, PR_CAPBSET_READ)

        self.shell("grep CapBnd /proc/self/status")
        self.assertIn("bounding set", self.run_fails(preexec_fn=refuse_both))


class Terminals(BothModes):
    """run and exec with a terminal whose output is not read."""

    def unread(self, *arguments):
        """Starts the command with a stdout that is not read; returns once its payload can write no more."""
        process = self.spawn(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        size = array.array("i", [0])
        seen = [0, 0]

        def full():
            fcntl.ioctl(process.stdout, termios.FIONREAD, size)
            seen.append(size[0])
            return size[0] > 0 and len(set(seen[-20:])) == 1
        wait_until(full, what="a full pipe")
        return process

    def ends(self, process, status):
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=40), status)

    def test_signals_of_a_run_whose_output_nobody_reads(self):
        self.shell("trap 'exit 3' TERM; yes & wait", terminal=True)
        self.ends(self.unread("run", "--bundle", self.bundle, self.cid), 3)

    def test_signals_of_an_exec_whose_output_nobody_reads(self):
        self.start_sleeper()
        self.ends(self.unread("exec", "--tty", self.cid, "sh", "-c", "trap 'kill %1; exit 3' TERM; yes & wait"), 3)

    def test_slow_reader_gets_all(self):
        self.shell("seq 1 30000", terminal=True)
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(1)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(out.split(), [b"%d" % number for number in range(1, 30001)])

    def test_end_of_standard_input_is_passed_on(self):
        self.shell("read x; echo got $x; cat; cat; echo end", terminal=True)
        for stdin, line in ((None, "got\r\n"), ("typed", "got typed\r\n"), ("typed\nmore", "got typed\r\n")):
            with self.subTest(stdin=stdin):
                out = self.run_ok(stdin=stdin, timeout=40)
                self.assertIn(line, out)
                self.assertTrue(out.endswith("end\r\n"), out)
        self.config["process"]["terminal"] = False
        self.start_sleeper()
        self.assertIn("end", self.ok("exec", "--tty", self.cid, "sh", "-c", "cat; echo end", timeout=40).out)

    def test_reader_that_goes_leaves_the_payload_and_its_status(self):
        self.shell("sleep 1; seq 1 30000; exit 6", terminal=True)
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=40), 6)
