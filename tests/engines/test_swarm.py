# SPDX-License-Identifier: Apache-2.0
"""
A swarm of three dockerd, each in a network namespace of its own as on a host of its own, with krun as their default runtime. What
they do by themselves is what a person does not: tasks are started, replaced and moved, in sandboxes on an overlay network.

It needs the kernel's vxlan and IPVS, which the machine of the vm ring has.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import unittest
import urllib.parse

from engines import Dockerd, EngineTest, in_machine
from jobs import OWN_MACHINE
from krun import CGROUP, wait_until

NODES = 3
PATIENCE = 400      # seconds, in emulation on a busy machine
NETWORK = "10.99.7"
ALL = ["created", "restarting", "running", "removing", "paused", "exited", "dead"]


def setUpModule():
    if not OWN_MACHINE:
        raise unittest.SkipTest("only in the vm ring: a swarm needs the modules vxlan and ip_vs, and bridges on the host")
    for module in ("vxlan", "ip_vs", "ip_vs_rr", "br_netfilter", "veth", "bridge"):
        subprocess.run(["modprobe", module], check=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def doing():
    """Returns lines: what the processes of the containers and of their engines wait for."""
    table = subprocess.run(["ps", "-eo", "pid,ppid,stat,etimes,wchan:24,args"], capture_output=True, text=True, check=False).stdout
    lines = []
    for line in table.splitlines():
        pid, _, state = line.split()[:3]
        if state.startswith("D") or any(word in line for word in ("krun", "setkey", "/km ", "iptables", "modprobe")):
            lines.append(line[:160])
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stack") as file:
                lines.append("        " + " < ".join(call.split()[-1] for call in file))
    return lines


class OverSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node(Dockerd):
    name = "swarm"

    def __init__(self, index):
        self.index = index
        self.address = f"{NETWORK}.{index + 1}"
        self.namespace = f"krun-swarm{index}"
        ip("netns", "add", self.namespace)
        ip("link", "add", f"krun-s{index}", "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        ip("link", "set", f"krun-s{index}", "master", "krun-swarm", "up")
        ip("-n", self.namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", self.namespace, "link", "set", device, "up")
        ip("-n", self.namespace, "route", "add", "default", "via", f"{NETWORK}.254")
        super().__init__()

    def view(self):
        # dockerd keeps the sandboxes of all networks below /run/docker, whatever its options.
        os.makedirs("/run/docker", exist_ok=True)
        # Not by ip(8), which mounts another /sys, without cgroups.
        return ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "--propagation", "private", "sh", "-c",
                'mount -t tmpfs none /run/docker && exec "$@"', "sh"]

    def daemon_command(self):
        return [*super().daemon_command(), "--default-runtime", "krun-km"]

    def cli(self, *arguments):
        return subprocess.run(self.command("km", *arguments), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)

    def ok(self, *words):
        done = self.cli(*words)
        if done.returncode:
            raise AssertionError(f"{self.namespace}: docker {' '.join(words)}: {done.stderr.decode()}\n{self.tail(20)}")
        return done.stdout.decode()

    def get(self, path, **filters):
        """
        Returns what dockerd answers; None: it does not know that. To start its client takes seconds in emulation, too long for what is
        asked again and again.
        """
        words = urllib.parse.urlencode({"filters": json.dumps(filters)})
        connection = OverSocket(self.socket)
        try:
            connection.request("GET", f"{path}?{words}")
            response = connection.getresponse()
            said = response.read().decode()
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise AssertionError(f"{self.namespace}: {path}: {said}\n{self.tail(20)}")
        return json.loads(said)

    def containers(self):
        """Returns {id: what dockerd knows of it} of those that run."""
        found = {item["Id"]: self.get(f"/containers/{item['Id']}/json") for item in self.get("/containers/json")}
        return {identity: known for identity, known in found.items() if known}

    def die(self):
        """Ends all of it at once, as a host whose power is cut."""
        containers = self.containers()
        network = os.stat(f"/run/netns/{self.namespace}").st_ino
        pids = [item["State"]["Pid"] for item in containers.values()]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat(f"/proc/{pid}/ns/net").st_ino == network:
                    pids.append(int(pid))
            except OSError:
                continue
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.daemon.wait()
        # A host takes its cgroups along.
        for identity in containers:
            folder = f"{CGROUP}/docker/{identity}"
            wait_until(lambda folder=folder: not os.path.isdir(folder) or "populated 0" in open(f"{folder}/cgroup.events").read(), 60,
                       "end of the containers")
            for path, _, _ in os.walk(folder, topdown=False):
                os.rmdir(path)

    def close(self):
        super().close()
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False)
        subprocess.run(["ip", "link", "delete", f"krun-s{self.index}"], check=False, stderr=subprocess.DEVNULL)


class Swarm(EngineTest):
    variants = ("km",)
    machine_mode = "km"

    @classmethod
    def setUpClass(cls):
        cls.nodes = []
        ip("link", "add", "krun-swarm", "type", "bridge")
        ip("addr", "add", f"{NETWORK}.254/24", "dev", "krun-swarm")
        ip("link", "set", "krun-swarm", "up")
        try:
            for index in range(NODES):
                cls.nodes.append(Node(index))
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for node in cls.nodes:
            node.close()
        subprocess.run(["ip", "link", "delete", "krun-swarm"], check=False)

    def find_engine(self):
        return self.nodes[0]

    def remove(self):
        for node in reversed(self.nodes):
            node.cli("swarm", "leave", "--force")

    def wait_running(self, count, why):
        def done():
            tasks = self.nodes[0].get("/tasks", **{"service": ["web"], "desired-state": ["running"]})
            return len(tasks) == count and all(task["Status"]["State"] == "running" for task in tasks)
        try:
            wait_until(done, PATIENCE, why)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.nodes[0].cli('service', 'ps', '--no-trunc', 'web').stdout.decode()}\n"
                                 + "\n".join(doing())) from None

    def ask(self, node, words=3):
        """Asks the service by its name, in one of its own containers on @node, until it has answered @words times."""
        identity = next(iter(node.containers()))
        answers = []

        def answered():
            script = f"for number in $(seq {words - len(answers)}); do wget -q -O - -T 20 http://web/answer || exit; done"
            # dockerd's own words about an exec that failed may be there, too.
            answers.extend(line for line in node.cli("exec", identity, "sh", "-c", script).stdout.decode().splitlines() if " of " in line)
            return len(answers) >= words
        wait_until(answered, PATIENCE, "answers of the service")
        return answers

    @in_machine
    def test_a_service_lives(self):
        first, second, third = self.nodes
        first.ok("swarm", "init", "--advertise-addr", first.address, "--dispatcher-heartbeat", "3s")
        token = first.ok("swarm", "join-token", "--quiet", "worker").strip()
        for node in (second, third):
            node.ok("swarm", "join", "--token", token, "--advertise-addr", node.address, f"{first.address}:2377")
        # The host's name is the same for all three.
        roles = [json.loads(line) for line in first.ok("node", "ls", "--format", "{{json .}}").splitlines()]
        self.assertEqual([role["Status"] for role in roles], ["Ready"] * NODES)

        first.ok("network", "create", "--driver", "overlay", "--attachable", "inside")
        script = ("mkdir -p /www && echo \"$ANSWER of $(/bin/busybox hostname) ${KMSIM:-none}\" > /www/answer && "
                  "exec /bin/busybox httpd -f -p 80 -h /www")
        first.ok("service", "create", "--name", "web", "--network", "inside", "--replicas", "3", "--replicas-max-per-node", "2",
                 "--env", "ANSWER=one", "--no-resolve-image", "--detach", "--stop-grace-period", "1s", "--limit-memory", "64M", "bb:1", "sh", "-c", script)
        self.wait_running(3, "three replicas")
        for node in self.nodes:
            containers = node.containers()
            self.assertEqual(len(containers), 1, "a replica for each node")
            identity = next(iter(containers))
            # It runs under krun, and under km.
            self.assertEqual(containers[identity]["HostConfig"]["Runtime"], "krun-km")
            with open(f"{CGROUP}/docker/{identity}/memory.max") as file:
                self.assertEqual(file.read().strip(), str(64 << 20))
        # Each of the three answers, through IPVS and the overlay network.
        answers = self.ask(third, 9)
        self.assertEqual(len(set(answers)), 3, answers)
        self.assertTrue(all(answer.startswith("one of ") and answer.endswith(" 1") for answer in answers), answers)

        first.ok("service", "update", "--env-add", "ANSWER=two", "--update-parallelism", "1", "--update-delay", "1s", "--no-resolve-image",
                 "--detach", "web")
        wait_until(lambda: first.get("/services/web").get("UpdateStatus", {}).get("State") == "completed", PATIENCE, "update")
        self.wait_running(3, "three replicas after the update")
        self.assertTrue(all(answer.startswith("two of ") for answer in self.ask(first, 6)))
        for node in self.nodes:
            self.assertEqual(len(node.containers()), 1)

        second.die()
        wait_until(lambda: sum(len(node.containers()) for node in (first, third)) == 3, PATIENCE, "three replicas on two nodes")
        self.wait_running(3, "the task of the dead node elsewhere")
        self.assertTrue(all(answer.startswith("two of ") for answer in self.ask(first, 3)))

        first.ok("service", "scale", "--detach", "web=1")
        wait_until(lambda: sum(len(node.containers()) for node in (first, third)) == 1, PATIENCE, "one replica")
        first.ok("service", "rm", "web")
        wait_until(lambda: sum(len(node.containers()) for node in (first, third)) == 0, PATIENCE, "end of the service")
        # A service's containers are removed a moment after they ended.
        for node in (first, third):
            wait_until(lambda node=node: not node.get("/containers/json", status=ALL) and not node.states(), PATIENCE, "no containers")
        self.assertFalse([name for name in os.listdir(f"{CGROUP}/docker") if len(name) == 64])
