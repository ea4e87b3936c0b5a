# SPDX-License-Identifier: Apache-2.0
"""
A node of Kubernetes as contrib/kubernetes sets it up, with that folder's own files: a containerd whose configuration they were added to is called over CRI
as a kubelet calls it.
"""

import http.server
import json
import os
import shutil
import signal
import ssl
import stat
import subprocess
import threading
import time

import cri
from engine_tests import need_machine
from engines import in_machine
from krun import BUSYBOX, KM_PATH, PROGRAMS, SOURCE, wait_until
from test_cri import MiB, RESTRICTED, CriContainerd, Pods
import test_cri

ENGINE = None
FOLDER = os.path.join(SOURCE, "contrib", "kubernetes")
PROGRAM = "/opt/kontain/bin/krun"
LABEL = "krun.kontain.app/ready"
# The program has its path: Debian's busybox executes others as /proc/self/exe, which is km itself under km.
LOOP = "trap 'echo bye; exit 3' TERM; echo ready; while :; do /bin/sleep 0.05; done"


def setUpModule():
    global ENGINE
    # The classes of test_cri ask this engine.
    ENGINE = test_cri.ENGINE = Node("systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class Node(CriContainerd):
    """A containerd that knows the handler krun from containerd-v2.toml."""

    name = "kubernetes"

    def plugins(self):
        with open(os.path.join(FOLDER, "containerd-v2.toml")) as file:
            text = file.read()
        if self.manager != "systemd":
            text = text.replace("SystemdCgroup = true", "SystemdCgroup = false")
        self.trust(True)
        return f"{super().plugins()}\n{text}"

    def trust(self, trusted):
        """Puts krun where that file expects it, with the settings of the folder, or with none."""
        settings = os.path.join(FOLDER, "krun.json") if trusted else f"{self.top}/none.json"
        with open(f"{self.top}/none.json", "w") as file:
            file.write("{}\n")
        with open(f"{self.top}/krun.new", "w") as file:
            file.write(f'#!/bin/sh\nexec {PROGRAMS["km"]} --config-file {settings} "$@"\n')
        os.chmod(f"{self.top}/krun.new", 0o755)
        # /opt is the ring's own.
        subprocess.run(["cp", "--remove-destination", f"{self.top}/krun.new", PROGRAM], check=True)

    def close(self):
        if os.path.exists(PROGRAM):
            os.unlink(PROGRAM)
        super().close()


def under_km(pid):
    """True if km is the program of a process, or of its child: then it is krun's process in front of km."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        pids = [str(pid), *file.read().split()]
    return any(os.path.realpath(f"/proc/{each}/exe") == KM_PATH for each in pids)


class Kubelet(Pods):
    variants = ("km",)
    # The handler of runtime-class.yaml.
    handler = "krun"

    def find_engine(self):
        return ENGINE

    def sandbox_pid(self, pod):
        return json.loads(ENGINE.call("PodSandboxStatus", pod_sandbox_id=pod.id, verbose=1)["info"]["info"])["pid"]


class Handler(Kubelet):
    @in_machine
    def test_the_containers_are_under_km_and_the_sandbox_is_not(self):
        pod = self.pod()
        container = self.start(pod, LOOP, security=RESTRICTED)
        self.assertFalse(under_km(self.sandbox_pid(pod)))
        self.assertTrue(under_km(self.pid(container)))

    def test_without_the_key_the_sandbox_is_under_km_too(self):
        """The annotation of an engine counts only when krun.json says so."""
        ENGINE.trust(False)
        self.addCleanup(ENGINE.trust, True)
        self.assertTrue(under_km(self.sandbox_pid(self.pod())))

    @in_machine
    def test_life(self):
        """What a kubelet asks for from the start of a pod to its end."""
        pod = self.pod()
        container = self.start(pod, LOOP)
        self.assertEqual(self.status(container)["state"], cri.RUNNING)
        # Probes: one that succeeds, one that fails, one that hangs.
        self.assertEqual(self.execute(container, "/bin/sh", "-c", "echo ${KMSIM:-none}"), (0, "1\n"))
        self.assertEqual(self.execute(container, "/bin/false")[0], 1)
        with self.assertRaisesRegex(cri.CriError, "timeout 1s exceeded"):
            ENGINE.call("ExecSync", container_id=container, cmd=["/bin/sleep", "1001"], timeout=1)
        # Stats say whose they are; the numbers need controllers (OnMachine).
        self.assertEqual(ENGINE.call("ContainerStats", container_id=container)["stats"]["attributes"]["id"], container)
        self.assertEqual([each["attributes"]["id"] for each in ENGINE.call("ListContainerStats")["stats"]], [container])
        self.assertEqual([each["id"] for each in ENGINE.call("ListContainers")["containers"]], [container])
        # The log that kubectl logs shows goes on after it was rotated.
        path = os.path.join(pod.config["log_directory"], pod.names[-1])
        with open(path) as file:
            self.assertRegex(file.read(), r"^\d{4}-\d\d-\d\dT\S+ stdout F ready\n$")
        os.rename(path, path + ".1")
        ENGINE.call("ReopenContainerLog", container_id=container)
        started = time.monotonic()
        self.assertEqual(self.stop(container), 3)
        self.assertLess(time.monotonic() - started, 60, "stop waited for its grace time")
        self.assertEqual(self.log(pod), "bye\n")
        ENGINE.call("RemoveContainer", container_id=container)
        with self.assertRaisesRegex(cri.CriError, "not found"):
            self.status(container)
        self.remove_pod(self.pods.pop())
        self.assertEqual(ENGINE.call("ListPodSandbox"), {"items": []})
        self.assertEqual(ENGINE.states(), [])

    def test_a_pod_chooses_no_setting_that_the_node_does_not_allow(self):
        """containerd hands annotations on, and krun.json decides."""
        pod = self.pod(annotations={"app.kontain.krun.kmPath": "/bin/true"})
        container = self.create(pod, LOOP, annotations={"app.kontain.krun.kmPath": "/bin/true"})
        with self.assertRaisesRegex(cri.CriError, "kmPath"):
            ENGINE.call("StartContainer", container_id=container)


class KubernetesOnMachine(Kubelet):
    """What needs controllers."""

    setUpClass = classmethod(need_machine)

    @in_machine
    def test_stats_and_update(self):
        container = self.start(self.pod(), LOOP, resources={"memory_limit_in_bytes": 64 * MiB, "cpu_period": 100000, "cpu_quota": 80000})
        stats = ENGINE.call("ContainerStats", container_id=container)["stats"]
        self.assertTrue(0 < stats["memory"]["working_set_bytes"]["value"] < 64 * MiB, stats)
        self.assertGreater(stats["cpu"]["usage_core_nano_seconds"]["value"], 0)
        ENGINE.call("UpdateContainerResources", container_id=container, linux={
            "memory_limit_in_bytes": 96 * MiB, "cpu_period": 100000, "cpu_quota": 150000})
        self.assertEqual(self.inside(container, "cd /sys/fs/cgroup && cat memory.max cpu.max").splitlines(),
                         [str(96 * MiB), "150000 100000"])
        self.assertEqual(self.stop(container), 3)


# ---- krun-node ------------------------------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """The part of an API server that krun-node asks: it knows one node."""

    daemon_threads = True

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key", "-out", f"{folder}/ca.crt"],
                       check=True, capture_output=True)
        super().__init__(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/ca.crt", f"{folder}/key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.runtime, self.labels, self.tokens = "containerd://1.7.24~ds1", {}, set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"metadata": {"name": "one", "labels": self.server.labels},
                     "status": {"nodeInfo": {"containerRuntimeVersion": self.server.runtime, "kubeletVersion": "v1.32.0"}}})

    def do_PATCH(self):
        patch = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.labels.update(patch["metadata"]["labels"])
        known = self.headers["content-type"] == "application/strategic-merge-patch+json" and list(patch) == ["metadata"]
        self.answer({}, 200 if known else 415)

    def answer(self, message, status=200):
        self.server.tokens.add(self.headers["authorization"])
        # As the real one, which indents when nobody asks it not to.
        body = json.dumps(message, indent=2).encode()
        self.send_response(status if self.path == "/api/v1/nodes/one" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


KRUN = """#!/bin/sh
# Does what krun-node expects of krun on a node.
echo "krun $*" >>/calls
case $1 in
install) echo registered >/etc/$2/krun ;;
uninstall) rm -f /etc/$2/krun ;;
check) exit $(cat /status) ;;
esac
"""
# The node's programs are run in its root.
NSENTER = """#!/bin/sh
[ "$1 $2 $3 $4" = "--target 1 --mount --" ] || exit 99
shift 4
exec chroot /host "$@"
"""


class Script(Kubelet):
    """node/krun-node in a root like that of its image, for a node that is a directory."""

    def setUp(self):
        super().setUp()
        self.top = os.path.join(ENGINE.top, self.name)
        self.pod_root, self.node = f"{self.top}/pod", f"{self.top}/node"
        for path in ("usr", "dev", "proc", "run", "host", "opt/krun", "fake", "var/run/secrets/kubernetes.io/serviceaccount"):
            os.makedirs(f"{self.pod_root}/{path}")
        for path in ("etc/containerd", "etc/crio", "bin", "proc"):
            os.makedirs(f"{self.node}/{path}")
        for path in ("bin", "lib", "lib64"):
            os.symlink(f"usr/{path}", f"{self.pod_root}/{path}")
        account = f"{self.pod_root}/var/run/secrets/kubernetes.io/serviceaccount"
        self.server = Server(account)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.write(f"{account}/token", "secret")
        self.write(f"{self.pod_root}/opt/krun/krun", KRUN)
        self.write(f"{self.pod_root}/opt/krun/km", "km\n")
        self.write(f"{self.pod_root}/fake/nsenter", NSENTER)
        self.write(f"{self.node}/etc/containerd/config.toml", "version = 2\n")
        self.write(f"{self.node}/status", "0\n")
        self.write(f"{self.node}/bin/systemctl", '#!/bin/sh\necho "systemctl $*" >>/calls\n')
        shutil.copy(BUSYBOX, f"{self.node}/bin/busybox")
        for name in ("sh", "cat", "rm"):
            os.symlink("busybox", f"{self.node}/bin/{name}")
        shutil.copy(os.path.join(FOLDER, "node", "krun-node"), f"{self.pod_root}/krun-node")

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def read(self, name):
        with open(os.path.join(self.node, name)) as file:
            return file.read()

    def read_folder(self, name):
        with open(os.path.join(FOLDER, name)) as file:
            return file.read()

    def calls(self):
        """Returns what was called on the node since the last time."""
        try:
            calls = self.read("calls").splitlines()
            os.unlink(f"{self.node}/calls")
        except FileNotFoundError:
            calls = []
        return calls

    def begin(self, word):
        if self.is_done():
            os.unlink(f"{self.pod_root}/run/krun-node.done")
        script = ('cd "$1" && mount --bind /usr usr && mount --bind -o ro /usr usr && mount --rbind /dev dev && mount --rbind /proc proc && '
                  'mount --bind "$2" host && mount --rbind /proc host/proc && PATH=/fake:/usr/sbin:/usr/bin:/bin exec chroot . /krun-node "$3"')
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.pod_root, self.node, word],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": os.environ["PATH"], "NODE_NAME": "one", "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                 "KUBERNETES_SERVICE_PORT": str(self.server.server_address[1])})
        self.background.append(process)
        return process

    def is_done(self):
        return os.path.exists(f"{self.pod_root}/run/krun-node.done")

    def succeed(self, word):
        """Runs the script until it is done, and then ends it as a kubelet does; returns what it said."""
        process = self.begin(word)
        wait_until(lambda: self.is_done() or process.poll() is not None, 60, word)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, self.is_done()), (-signal.SIGTERM, True), said)
        return said

    def refuse(self, word):
        process = self.begin(word)
        said, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, self.is_done()), (1, False), said)
        return said

    def test_install_and_uninstall(self):
        said = self.succeed("install")
        self.assertIn("node one is ready", said)
        self.assertEqual(self.calls(), ["krun install containerd --name krun", "systemctl restart containerd", "krun check"])
        self.assertEqual(self.server.labels, {LABEL: "true"})
        self.assertEqual(self.server.tokens, {"Bearer secret"})
        self.assertEqual(self.read("opt/kontain/bin/krun"), KRUN)
        self.assertEqual(os.readlink(f"{self.node}/opt/kontain/bin/krun-plain"), "krun")
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.node}/opt/kontain/bin/km").st_mode), 0o755)
        # Once more there is nothing to copy, and nothing to restart.
        before = os.stat(f"{self.node}/opt/kontain/bin/km").st_ino
        self.assertNotIn("installed", self.succeed("install"))
        self.assertEqual(self.calls(), ["krun install containerd --name krun", "krun check"])
        self.assertEqual(os.stat(f"{self.node}/opt/kontain/bin/km").st_ino, before)
        self.succeed("uninstall")
        self.assertEqual(self.calls(), ["krun uninstall containerd --name krun", "systemctl restart containerd"])
        self.assertEqual(self.server.labels, {LABEL: None})
        self.assertFalse(os.path.exists(f"{self.node}/opt/kontain"))
        self.assertEqual(os.listdir(f"{self.node}/etc/containerd"), ["config.toml"])
        self.succeed("uninstall")
        self.assertEqual(self.calls(), [])

    def test_with_krun_itself(self):
        """A node without a device cannot be ready, but everything else is as on one that is."""
        shutil.copy(PROGRAMS["km"], f"{self.pod_root}/opt/krun/krun")
        plugin = 'plugins."io.containerd.grpc.v1.cri".containerd.runtimes'
        before = f'version = 2\n[{plugin}.runc]\nruntime_type = "io.containerd.runc.v2"\n[{plugin}.runc.options]\nSystemdCgroup = true\n'
        self.write(f"{self.node}/etc/containerd/config.toml", before)
        self.assertIn("cannot run containers under km", self.refuse("install"))
        self.assertEqual((self.calls(), self.server.labels), (["systemctl restart containerd"], {LABEL: None}))
        after = self.read("etc/containerd/config.toml")
        self.assertTrue(after.startswith(before), after)
        for line in (f"[{plugin}.krun]", f'BinaryName = "{PROGRAM}"', "SystemdCgroup = true"):
            self.assertIn(line, after[len(before):])
        self.assertEqual(json.loads(self.read("etc/krun/krun.json")), json.loads(self.read_folder("krun.json")))
        self.refuse("install")
        self.assertEqual((self.calls(), self.read("etc/containerd/config.toml")), ([], after))
        self.succeed("uninstall")
        self.assertEqual((self.calls(), self.read("etc/containerd/config.toml")), (["systemctl restart containerd"], before))
        self.assertFalse(os.path.exists(f"{self.node}/etc/krun/krun.json"))

    def test_crio(self):
        self.server.runtime = "cri-o://1.32.1"
        self.succeed("install")
        self.assertEqual(self.calls(), ["krun install crio --name krun", "systemctl restart crio", "krun check"])

    def test_node_that_cannot(self):
        """It loses its label, and the pod is tried again."""
        self.server.labels[LABEL] = "true"
        self.write(f"{self.node}/status", "1\n")
        self.assertIn("cannot run containers under km", self.refuse("install"))
        self.assertEqual(self.server.labels, {LABEL: None})
        self.write(f"{self.node}/status", "0\n")
        self.succeed("install")
        self.assertEqual(self.server.labels, {LABEL: "true"})

    def test_restart_that_fails_is_tried_again(self):
        systemctl = self.read("bin/systemctl")
        self.write(f"{self.node}/bin/systemctl", "#!/bin/sh\nexit 1\n")
        self.assertIn("systemctl restart containerd failed", self.refuse("install"))
        self.assertEqual(self.server.labels, {})
        self.calls()
        self.write(f"{self.node}/bin/systemctl", systemctl)
        self.succeed("install")
        self.assertEqual(self.calls(), ["krun install containerd --name krun", "systemctl restart containerd", "krun check"])

    def test_engines_that_it_does_not_know(self):
        for runtime in ("containerd://1.7.24-k3s1", "docker://28.2.2"):
            self.server.runtime = runtime
            self.assertIn(runtime, self.refuse("install"))
            self.assertEqual((self.calls(), os.path.exists(f"{self.node}/opt")), ([], False))

    def test_api_server_that_refuses(self):
        self.write(f"{self.pod_root}/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "nothing\n")
        self.assertIn("cannot ask about node one", self.refuse("install"))
        self.assertEqual((self.server.labels, self.calls()), ({}, []))

    def test_uninstall_waits_for_what_runs_under_km(self):
        self.succeed("install")
        self.calls()
        container = self.start(self.pod(), LOOP)
        process = self.begin("uninstall")
        self.assertIn("waiting for the end", process.stdout.readline())
        # No new pods come, and those that run can be stopped.
        self.assertEqual(self.server.labels, {LABEL: None})
        self.assertEqual((self.calls(), self.is_done()), ([], False))
        self.assertEqual(self.stop(container), 3)
        wait_until(self.is_done, 60, "uninstall")
        self.assertEqual(self.calls(), ["krun uninstall containerd --name krun", "systemctl restart containerd"])

    def test_another_km_waits_for_what_runs_under_the_old_one(self):
        self.succeed("install")
        self.calls()
        container = self.start(self.pod(), LOOP)
        # Another krun alone does not wait.
        self.write(f"{self.pod_root}/opt/krun/krun", KRUN + "# new\n")
        self.succeed("install")
        self.assertEqual(self.read("opt/kontain/bin/krun"), KRUN + "# new\n")
        self.write(f"{self.pod_root}/opt/krun/km", "new km\n")
        process = self.begin("install")
        self.assertIn("waiting for the end", process.stdout.readline())
        self.assertEqual((self.server.labels, self.read("opt/kontain/bin/km")), ({LABEL: None}, "km\n"))
        self.assertEqual(self.stop(container), 3)
        wait_until(self.is_done, 60, "install")
        self.assertEqual((self.server.labels, self.read("opt/kontain/bin/km")), ({LABEL: "true"}, "new km\n"))

    def test_usage(self):
        done = subprocess.run([os.path.join(FOLDER, "node", "krun-node"), "remove"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (2, "usage: krun-node install|uninstall\n"))
