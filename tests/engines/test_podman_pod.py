# SPDX-License-Identifier: Apache-2.0
"""podman's pods: containers that share namespaces and the limits of a cgroup above theirs, by hand and from Kubernetes' YAML."""

import os

from engine_tests import Client, need_machine
from engines import Podman, in_machine
from krun import CGROUP, wait_until

ENGINE = None
LOOP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
MiB = 1 << 20


def setUpModule():
    global ENGINE
    need_machine(None)
    # podman 4.3 by default gives the pod's cgroup a filter that allows no device.
    ENGINE = PodmanOfPods("systemd")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class PodmanOfPods(Podman):
    groups = {"systemd": "/machine.slice/"}


def group_of(pid):
    with open(f"/proc/{pid}/cgroup") as file:
        return [line.strip()[3:] for line in file if line.startswith("0::")][0]


def read(group, name):
    with open(f"{CGROUP}{group}/{name}") as file:
        return file.read().strip()


class PodmanPod(Client):
    # podman's rm sends TERM first, which a shell as process 1 ignores.
    remove_options = ("--force", "--volumes", "--time", "0")

    def setUp(self):
        super().setUp()
        self.pod = f"p{self.name}"

    def find_engine(self):
        return ENGINE

    def remove(self):
        self.cli("pod", "rm", "--force", "--time", "0", self.pod)
        super().remove()

    def above(self, name):
        """Returns the pod's cgroup, in which that of the container is."""
        return os.path.dirname(group_of(self.inspect("{{.State.Pid}}", name)))

    @in_machine
    def test_pod_with_limits(self):
        self.ok("pod", "create", "--name", self.pod, "--network", "none", "--memory", "96m", "--cpus", "0.5")
        other = self.detached(LOOP, "--pod", self.pod, name=self.name + "-other")
        self.detached(LOOP, "--pod", self.pod, "--memory", "64m", "--pids-limit", "40")
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "cd /sys/fs/cgroup; cat memory.max pids.max").split(),
                         [str(64 * MiB), "40"])
        pod = self.above(self.name)
        self.assertEqual(self.above(other), pod)
        self.assertEqual((read(pod, "memory.max"), read(pod, "cpu.max")), (str(96 * MiB), "50000 100000"))
        script = "for kind in net ipc uts; do readlink /proc/self/ns/$kind; done"
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", script), self.ok("exec", other, "sh", "-c", script))
        self.ok("pod", "stop", "--time", "60", self.pod)
        self.assertEqual(self.exit_status(), 3)
        self.ok("pod", "rm", self.pod)
        self.assertFalse(os.path.exists(CGROUP + pod))

    YAML = """
apiVersion: v1
kind: Pod
metadata:
  name: {pod}
spec:
  restartPolicy: Never
  containers:
  - name: box
    image: {image}
    imagePullPolicy: Never
    command: ["sh", "-c", "{script}"]
    securityContext:
      readOnlyRootFilesystem: true
    resources:
      limits: {{ memory: "64Mi", cpu: "500m" }}
"""

    @in_machine
    def test_kube_play(self):
        """The root is read-only (in newer versions /dev, too), and the limits are in force."""
        path, name = os.path.join(ENGINE.top, f"{self.pod}.yaml"), f"{self.pod}-box"
        script = ("for i in /root /dev; do touch $i/x 2>/dev/null && echo $i; done; echo x > /dev/null && echo ready; "
                  "trap 'exit 3' TERM; while :; do sleep 0.05; done")
        with open(path, "w") as file:
            file.write(self.YAML.format(pod=self.pod, image=ENGINE.image, script=script))
        self.ok("kube", "play", "--network", "none", path)
        wait_until(lambda: "ready" in self.cli("logs", name).out, 60, "payload")
        self.assertIn(self.ok("logs", name), ("ready\n", "/dev\nready\n"))
        self.assertEqual(self.ok("exec", name, "sh", "-c", "cd /sys/fs/cgroup; cat memory.max cpu.max").splitlines(),
                         [str(64 * MiB), "50000 100000"])
        self.ok("pod", "stop", "--time", "60", self.pod)
        self.assertEqual(self.exit_status(name), 3)
