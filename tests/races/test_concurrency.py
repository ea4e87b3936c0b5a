# SPDX-License-Identifier: Apache-2.0
"""Commands at the same time: two on one container, whose answers some serial order allows, and many containers at once."""

import itertools
import json
import os
import random
import subprocess
import threading
import time

import sample
import serial
from krun import CGROUP, KrunTest, wait_until

# How much later the second command of a pair starts at most: as long as a command takes.
JITTER_S = 0.02
# A command that has not answered by then hangs: all of them answer within a second on an idle machine.
ANSWER_S = 60


class Running:
    """A command of krun that runs, and what it has answered."""

    def __init__(self, test, name):
        self.name = name
        folder = os.path.join(test.top, f"answer-{len(test.answers)}")
        test.answers.append(folder)
        # Files, because the program of a container may hold a pipe open.
        self.out, self.err = (open(folder + end, "wb+") for end in (".out", ".err"))
        self.process = subprocess.Popen(test.words(name), stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err)

    def has_ended(self):
        return self.process.poll() is not None

    def text(self, file):
        file.seek(0)
        return file.read().decode(errors="replace")

    def answer(self, identity):
        """Returns (the answer in words of the model or None, what was printed)."""
        out, err = self.text(self.out), self.text(self.err)
        said = f"{self.name}: status {self.process.returncode}, stdout {out!r}, stderr {err!r}"
        told = out
        if self.process.returncode == 0 and self.name == "state":
            told = json.loads(out)["status"]
        elif self.process.returncode == 0 and self.name == "list":
            found = {item["id"]: item["status"] for item in json.loads(out)}
            told = found.get(identity, serial.ABSENT)
        elif self.process.returncode == 0 and self.name == "exec" and out != "hello\n":
            return None, said
        return serial.answer_of(self.name, self.process.returncode, told, err), said

    def close(self):
        if not self.has_ended():
            self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()


class Pairs(KrunTest):
    """All pairs of commands on one container at once, from each status."""

    variants = ("plain", "km")

    def setUp(self):
        super().setUp()
        os.mkdir(self.root, 0o700)
        self.answers = []
        self.mounts = os.path.join(self.top, "mounts.json")
        with open(self.mounts, "w") as file:
            json.dump([{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}], file)
        self.limits = os.path.join(self.top, "limits.json")
        with open(self.limits, "w") as file:
            # A change that needs no controller.
            json.dump({"devices": [{"allow": False, "access": "rwm"}]}, file)
        self.write_config(args=["/bin/sleep", "1000"])
        self.names = [name for name in serial.COMMANDS if self.mode == "km" or not name.startswith("checkpoint")]
        self.own = self.own_processes()

    def words(self, name):
        identity = self.cid
        return self.command(*{
            "create": ("create", "--bundle", self.bundle, identity),
            "exec": ("exec", identity, "/bin/echo", "hello"),
            "kill": ("kill", identity, "KILL"),
            "update": ("update", "--resources", self.limits, identity),
            "list": ("list", "--format", "json"),
            "events": ("events", "--stats", identity),
            "delete --force": ("delete", "--force", identity),
            "mounts add": ("mounts", "add", identity, self.mounts),
            "mounts remove": ("mounts", "remove", identity, self.mounts),
            "checkpoint": ("checkpoint", "--image-path", os.path.join(self.top, f"image-{len(self.answers)}"), identity),
            "checkpoint --leave-running": ("checkpoint", "--leave-running", "--image-path",
                                           os.path.join(self.top, f"image-{len(self.answers)}"), identity),
        }.get(name, (name, identity)))

    @staticmethod
    def own_processes():
        """Returns the processes of this ring's own cgroup, in which every krun runs."""
        with open("/proc/self/cgroup") as file:
            own = [line.strip()[3:] for line in file if line.startswith("0::")][0]
        with open(f"{CGROUP}{own}/cgroup.procs") as file:
            return set(file.read().split())

    def do(self, name):
        command = Running(self, name)
        try:
            self.assertEqual(command.process.wait(ANSWER_S), 0, command.answer(self.cid)[1])
        finally:
            command.close()

    def arrange(self, status, mounted):
        """Makes the container that both commands meet; returns its state."""
        if status == serial.ABSENT:
            return serial.State(status)
        self.do("create")
        if status == serial.STOPPED:
            self.do("kill")
            self.wait_stopped()
            return serial.State(status)
        if mounted:
            self.do("mounts add")
        if status != serial.CREATED:
            self.do("start")
        if status == serial.PAUSED_RUNNING:
            self.do("pause")
        return serial.State(status, mounts=int(mounted))

    def final(self):
        result = self.krun("state", self.cid)
        return json.loads(result.out)["status"] if result.status == 0 else serial.ABSENT

    def finish(self, commands):
        """Waits for the answers. Returns the commands that waited for a program of a container that is paused in the end."""
        deadline = time.monotonic() + ANSWER_S
        while not all(command.has_ended() for command in commands):
            if time.monotonic() > deadline:
                self.fail(f"no answer within {ANSWER_S} s: " + ", ".join(
                    command.name for command in commands if not command.has_ended()))
            left = [command for command in commands if not command.has_ended()]
            # Whether it waits shows when nothing else goes on any more.
            if [command.name for command in left] == ["exec"] and self.final() == "paused":
                time.sleep(0.2)
                if not left[0].has_ended() and self.final() == "paused":
                    self.do("resume")
                    left[0].process.wait(ANSWER_S)
                    return left
            time.sleep(0.001)
        return []

    def one(self, first, second, status, delay):
        start = self.arrange(status, "mounts remove" in (first, second))
        commands = [Running(self, first)]
        try:
            time.sleep(delay)
            in_order = commands[0].has_ended()
            commands.append(Running(self, second))
            waiting = self.finish(commands)
            told = [command.answer(self.cid) for command in commands]
        finally:
            for command in commands:
                command.close()
        answers = tuple(serial.WAITS if command in waiting else answer for command, (answer, _) in zip(commands, told))
        allowed = serial.outcomes(first, second, start, in_order)
        ends = {last for *both, last in allowed if tuple(both) == answers}
        heading = f"{first} and {second} of a container that was {status}, {'in this order' if in_order else 'at once'}, " \
                  f"second after {delay:.4f} s: " + "; ".join(said for _, said in told)
        self.assertTrue(ends, f"{heading}\nno serial order gives {answers}, only {sorted({both[:2] for both in allowed})}")
        # A killed process takes a moment to die.
        deadline = time.monotonic() + ANSWER_S
        while (end := "paused" if waiting else self.final()) not in ends and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIn(end, ends, heading)

    def nothing_left(self, heading):
        self.ok("delete", "--force", self.cid)
        with open("/proc/self/mountinfo") as file:
            mounts = [line for line in file if self.top in line]
        left = [name for name in os.listdir(self.root) if not name.startswith(".")] + mounts
        self.assertEqual(left, [], heading)
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"), heading)
        wait_until(lambda: self.own_processes() <= self.own, what=f"{heading}: end of krun's processes")

    def from_status(self, status):
        """Goes through all pairs in an order of chance, again and again."""
        pairs = list(itertools.combinations_with_replacement(self.names, 2))
        chance = random.Random(f"{sample.seed()} {self.mode} {status}")
        for number in range(sample.rounds(quick=30, full=1000)):
            if number % len(pairs) == 0:
                chance.shuffle(pairs)
            first, second = chance.sample(pairs[number % len(pairs)], 2)
            delay = chance.choice((0, chance.uniform(0, JITTER_S)))
            with self.subTest(first=first, second=second, status=status, round=number):
                try:
                    self.one(first, second, status, delay)
                finally:
                    self.nothing_left(f"{first} and {second} of a container that was {status}")
            for folder in self.answers:
                for end in (".out", ".err"):
                    os.unlink(folder + end)
            self.answers.clear()

    def test_commands_when_there_is_no_container(self):
        self.from_status(serial.ABSENT)

    def test_commands_on_a_created_container(self):
        self.from_status(serial.CREATED)

    def test_commands_on_a_running_container(self):
        self.from_status(serial.RUNNING)

    def test_commands_on_a_paused_container(self):
        self.from_status(serial.PAUSED_RUNNING)

    def test_commands_on_a_stopped_container(self):
        self.from_status(serial.STOPPED)


class Many(KrunTest):
    """Containers that many processes make, use and remove at the same time."""

    variants = ("plain", "km")
    WORKERS = 16

    def life(self, identity, faults):
        log = os.path.join(self.top, f"{identity}.log")
        with open(log, "wb") as file:
            made = self.krun("create", "--bundle", self.bundle, identity, stdout=file, stderr=file, timeout=300)
        for want, words in ((identity, ("exec", identity, "/bin/sh", "-c", f"echo {identity}")),
                            ("", ("start", identity)),
                            (f"{identity}\n" * 3, ("exec", identity, "/bin/sh", "-c", f"for i in 1 2 3; do echo {identity}; done")),
                            ("", ("delete", "--force", identity))):
            result = made if made.status else self.krun(*words, timeout=300)
            if result.status or result.out.strip() != want.strip() or result.err:
                with open(log) as file:
                    faults.append(f"{words[0]} {identity}: {result}, log {file.read()!r}")
                self.krun("delete", "--force", identity)
                return

    def test_many_containers_from_sixteen_processes(self):
        self.write_config(args=["/bin/sleep", "1000"])
        names = [f"{self.cid}-{number}" for number in range(sample.rounds(quick=32, full=200))]
        self.ids += names
        own = Pairs.own_processes()
        faults, waiting = [], iter(names)

        def work():
            # next() of one list iterator is atomic.
            for identity in waiting:
                self.life(identity, faults)

        workers = [threading.Thread(target=work) for _ in range(self.WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(faults, [])
        self.assertEqual([name for name in os.listdir(self.root) if not name.startswith(".")], [])
        self.assertFalse(os.path.exists(f"{CGROUP}/krun"))
        wait_until(lambda: Pairs.own_processes() <= own, what="end of krun's processes")


class Parent(KrunTest):
    """A parent of cgroups that somebody removes whenever it is empty."""

    def test_create_makes_the_parent_again(self):
        parent = f"{CGROUP}/{self.cid}"
        self.config["linux"]["cgroupsPath"] = f"/{self.cid}/one"
        self.write_config(args=["/bin/true"])
        ended = threading.Event()

        def remove():
            while not ended.is_set():
                try:
                    os.rmdir(parent)
                except OSError:
                    pass

        remover = threading.Thread(target=remove)
        remover.start()
        try:
            answers = [self.run_container() for _ in range(sample.rounds(quick=60, full=600))]
        finally:
            ended.set()
            remover.join()
            if os.path.exists(parent):
                os.rmdir(parent)
        self.assertEqual([answer for answer in answers if answer.status], [])
