# SPDX-License-Identifier: Apache-2.0
"""containerd as a kubelet uses it, over CRI (lib/cri.py): pods, and containers in them with the settings of Kubernetes."""

import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import tarfile
import time
import unittest

import cri
from engine_tests import need_machine
from engines import Containerd, EngineTest, OWN_MACHINE, controllers, in_machine
from krun import PROGRAMS, has_apparmor, spoken, wait_until

ENGINE = None
LOOP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
PLUGINS = "/usr/lib/cni"
SUBNET = "172.31.98.0/24"
MAPPING = [{"host_id": 1 << 20, "container_id": 0, "length": 65536}]
FIRST, SIZE = MAPPING[0]["host_id"], MAPPING[0]["length"]
OWN_NETWORK = {"network": cri.POD}
USER_NAMESPACE = {**OWN_NETWORK, "userns_options": {"mode": cri.POD, "uids": MAPPING, "gids": MAPPING}}
RESTRICTED = {"run_as_user": {"value": 1000}, "run_as_group": {"value": 1001}, "supplemental_groups": [2000, 2001], "readonly_rootfs": True,
              "no_new_privs": True, "capabilities": {"drop_capabilities": ["ALL"]}}
NO_PROFILE = {"profile_type": cri.UNCONFINED}
MiB = 1 << 20
CAP_SYS_RESOURCE, CAP_SYS_TIME = 24, 25
DEFAULT_CAPABILITIES = 0xa80425fb   # containerd's
# The settings of a kubelet for a pod that has none.
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def setUpModule():
    global ENGINE
    ENGINE = CriContainerd("systemd" if os.path.isdir("/run/systemd/system") else "cgroupfs")
    if ENGINE.version() >= (2, 0) and "cpu" not in controllers():
        ENGINE.close()
        raise unittest.SkipTest("this containerd gives shares of the processor to every pod, and cgroup v2 lacks cpu here")


def tearDownModule():
    if ENGINE:
        ENGINE.close()


def own_capabilities(name):
    with open("/proc/self/status") as file:
        return int(re.search(rf"{name}:\s*(\w+)", file.read()).group(1), 16)


class CriContainerd(Containerd):
    """A containerd in which each mode is a runtime handler, which a RuntimeClass names in Kubernetes."""

    name = "cri"
    programs = (*Containerd.programs, "curl", f"{PLUGINS}/bridge")
    groups = {"cgroupfs": "/krun-test", "systemd": "/system.slice/cri-containerd-"}
    units = {"systemd": "cri-containerd-*.scope"}
    namespace = "k8s.io"
    image = "docker.io/library/bb:1"
    # For user namespaces overlayfs mounts the root with mapped ids, and native changes the owners of a copy.
    snapshotter = "overlayfs" if OWN_MACHINE else "native"

    def __init__(self, manager="cgroupfs"):
        self.cgroup_parent = {"cgroupfs": "/krun-test", "systemd": "system.slice"}[manager]
        super().__init__(manager)
        try:
            self.load_image()
        except BaseException:
            self.close()
            raise

    def plugins(self):
        self.write_networks()
        plugin = 'plugins."io.containerd.grpc.v1.cri"'
        lines = [f"[{plugin}]", f'sandbox_image = "{self.image}"',
                 # Every pod gets shares of the processor and a low oom_score_adj, if the machine allows it.
                 f"disable_cgroup = {json.dumps('cpu' not in controllers())}",
                 f"restrict_oom_score_adj = {json.dumps(not own_capabilities('CapEff') >> CAP_SYS_RESOURCE & 1)}",
                 f"[{plugin}.cni]", f'bin_dir = "{self.top}/plugins"', f'conf_dir = "{self.top}/net.d"',
                 f"[{plugin}.containerd]", f'snapshotter = "{self.snapshotter}"', 'default_runtime_name = "krun-plain"']
        for mode in PROGRAMS:
            for suffix, networks in (("", "net.d"), ("-no-network", "no-net.d")):
                runtime = f"{plugin}.containerd.runtimes.krun-{mode}{suffix}"
                lines += [f"[{runtime}]", 'runtime_type = "io.containerd.runc.v2"', f'cni_conf_dir = "{self.top}/{networks}"',
                          f"[{runtime}.options]", f'BinaryName = "{self.program(mode)}"',
                          f"SystemdCgroup = {json.dumps(self.manager == 'systemd')}"]
        return "\n".join(lines)

    def program(self, mode):
        """Returns krun with the settings of a node of Kubernetes: the container that keeps a pod's namespaces needs no km."""
        if mode != "km":
            return PROGRAMS[mode]
        with open(f"{self.top}/krun.json", "w") as file:
            json.dump({"allowSandbox": True}, file)
        path = f"{self.top}/krun-{mode}"
        with open(path, "w") as file:
            file.write(f'#!/bin/sh\nexec {PROGRAMS[mode]} --config-file {self.top}/krun.json "$@"\n')
        os.chmod(path, 0o755)
        return path

    def write_networks(self):
        """Writes the configuration of a bridge, and of a network that always fails."""
        addresses = {"type": "host-local", "dataDir": f"{self.top}/addresses", "ranges": [[{"subnet": SUBNET}]]}
        for folder, plugin in (("net.d", {"type": "bridge", "bridge": "krun-cri0", "isGateway": True, "ipam": addresses}),
                               ("no-net.d", {"type": "refuse"})):
            os.mkdir(f"{self.top}/{folder}")
            with open(f"{self.top}/{folder}/krun.conflist", "w") as file:
                json.dump({"cniVersion": "0.4.0", "name": "krun-cri", "plugins": [plugin]}, file)
        os.mkdir(f"{self.top}/plugins")
        for name in ("bridge", "host-local", "loopback"):
            os.symlink(f"{PLUGINS}/{name}", f"{self.top}/plugins/{name}")
        with open(f"{self.top}/plugins/refuse", "w") as file:
            file.write("""#!/bin/sh
[ $CNI_COMMAND = ADD ] || exit 0
echo '{"cniVersion": "0.4.0", "code": 100, "msg": "no network today"}'
exit 1
""")
        os.chmod(f"{self.top}/plugins/refuse", 0o755)

    def load_image(self):
        """Imports the image of containers, and of the one that keeps a pod's namespaces, in the form of `docker save`."""
        image, layer = os.path.join(self.top, "image"), self.tarball()
        with open(layer, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files = {"config.json": {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                                 "config": {"Cmd": ["/bin/sleep", "1000000"], "Env": ["PATH=/bin"]}},
                 "manifest.json": [{"Config": "config.json", "RepoTags": [self.image], "Layers": ["layer.tar"]}]}
        os.mkdir(image)
        os.rename(layer, os.path.join(image, "layer.tar"))
        for name, content in files.items():
            with open(os.path.join(image, name), "w") as file:
                json.dump(content, file)
        with tarfile.open(f"{image}.tar", "w") as file:
            file.add(image, ".")
        done = subprocess.run(self.command("plain", "images", "import", "--no-unpack", f"{image}.tar"),
                              capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"ctr images import: {done.stderr.decode()}")
        wait_until(lambda: self.call("ImageStatus", service="ImageService", image={"image": self.image}).get("image"), 60, "image")

    def call(self, method, **more):
        return cri.call(self.socket, method, **more)

    def version(self):
        words = self.call("Version")["runtime_version"].lstrip("v").split(".")
        return int(words[0]), int(words[1])

    def namespaces(self):
        """Returns the namespaces of a pod without a user namespace and, where containerd knows them, of one with it."""
        return [None, USER_NAMESPACE] if self.version() >= (1, 7) else [None]


class Pod:
    def __init__(self, identity, config):
        self.id = identity
        self.config = config
        self.names = []         # of its containers


class Pods(EngineTest):
    """The calls of a kubelet."""

    def setUp(self):
        super().setUp()
        self.pods = []

    def find_engine(self):
        return ENGINE

    def remove(self):
        for pod in self.pods:
            self.remove_pod(pod)

    def remove_pod(self, pod):
        ENGINE.call("StopPodSandbox", pod_sandbox_id=pod.id)
        ENGINE.call("RemovePodSandbox", pod_sandbox_id=pod.id)

    # The first part of the name of the runtime handler.
    handler = None

    def pod(self, namespaces=None, privileged=False, sysctls=None, handler="", annotations=None):
        """Makes a pod, which runs on the host's network unless @namespaces say something else."""
        name = f"{self.name}-{len(self.pods)}"
        namespaces = {"network": cri.NODE, "pid": cri.CONTAINER, **(namespaces or {})}
        config = {
            "metadata": {"name": name, "uid": name, "namespace": "test"}, "hostname": "" if namespaces["network"] == cri.NODE else "box",
            "log_directory": os.path.join(ENGINE.top, name), "dns_config": {"servers": ["192.0.2.53"]},
            "annotations": annotations or {},
            "linux": {"cgroup_parent": ENGINE.cgroup_parent, "sysctls": sysctls or {}, "security_context": {
                "namespace_options": namespaces, "privileged": privileged, "seccomp": {"profile_type": cri.RUNTIME_DEFAULT}}}}
        os.mkdir(config["log_directory"])
        answer = ENGINE.call("RunPodSandbox", config=config, runtime_handler=(self.handler or f"krun-{self.mode}") + handler)
        self.pods.append(Pod(answer["pod_sandbox_id"], config))
        return self.pods[-1]

    def create(self, pod, script, security=None, resources=None, **more):
        """Makes a container in the pod, with the settings of a kubelet; returns its id."""
        name = f"c{len(pod.names)}"
        pod.names.append(name)
        of_pod = pod.config["linux"]["security_context"]
        security = {"namespace_options": of_pod["namespace_options"], "privileged": of_pod["privileged"],
                    "masked_paths": [] if of_pod["privileged"] else MASKED, "readonly_paths": [] if of_pod["privileged"] else READ_ONLY,
                    "seccomp": {"profile_type": cri.RUNTIME_DEFAULT}, "apparmor": {"profile_type": cri.RUNTIME_DEFAULT}, **(security or {})}
        if not has_apparmor():
            del security["apparmor"]
        config = {"metadata": {"name": name}, "image": {"image": ENGINE.image}, "command": ["/bin/sh", "-c", script], "log_path": name,
                  "linux": {"resources": {"oom_score_adj": 900, **(resources or {})}, "security_context": security}, **more}
        return ENGINE.call("CreateContainer", pod_sandbox_id=pod.id, config=config, sandbox_config=pod.config)["container_id"]

    def log(self, pod):
        """Returns the output of the last container of the pod, without the time, the stream and the mark of each line."""
        with open(os.path.join(pod.config["log_directory"], pod.names[-1])) as file:
            return "".join(line.split(" ", 3)[3] for line in file)

    def start(self, pod, script=LOOP, **more):
        """Starts a container; returns its id when it has said "ready"."""
        container = self.create(pod, script, **more)
        ENGINE.call("StartContainer", container_id=container)
        wait_until(lambda: "ready\n" in self.log(pod), 60, "payload")
        return container

    def finish(self, pod, script, **more):
        """Waits for the end of a container, which must succeed; returns its output."""
        container = self.create(pod, script, **more)
        ENGINE.call("StartContainer", container_id=container)
        self.assertEqual(self.exit_code(container), 0, self.log(pod))
        return self.log(pod)

    def status(self, container):
        return ENGINE.call("ContainerStatus", container_id=container)["status"]

    def exit_code(self, container):
        wait_until(lambda: self.status(container).get("state") == cri.EXITED, 60, "end")
        return self.status(container).get("exit_code", 0)

    def pid(self, container):
        return json.loads(ENGINE.call("ContainerStatus", container_id=container, verbose=1)["info"]["info"])["pid"]

    def execute(self, container, *command):
        """Runs a command in the container; returns (status, stdout)."""
        answer = ENGINE.call("ExecSync", container_id=container, cmd=spoken(command), timeout=60)
        return answer.get("exit_code", 0), answer.get("stdout", "")

    def inside(self, container, script):
        """Runs a script, which must succeed; returns its stdout."""
        status, out = self.execute(container, "/bin/sh", "-c", script)
        self.assertEqual(status, 0, out)
        return out

    def check_network(self, pod):
        """Checks that the pod has an address on the bridge, and answers there."""
        address = ENGINE.call("PodSandboxStatus", pod_sandbox_id=pod.id)["status"]["network"]["ip"]
        self.start(pod, "echo ready; while :; do echo hello from $(hostname) | nc -l -p 8080; done")

        def hear():
            try:
                with socket.create_connection((address, 8080), 10) as connection:
                    return connection.makefile().read()
            except ConnectionRefusedError:
                return None

        self.assertEqual(wait_until(hear, 60, "answer"), "hello from box\n")

    def stop(self, container, timeout=100):
        """Stops the container by SIGTERM and, after that many seconds, SIGKILL; returns its status."""
        ENGINE.call("StopContainer", container_id=container, timeout=timeout)
        return self.exit_code(container)


class Lives(Pods):
    machine_mode = "km"

    @in_machine
    def test_life(self):
        pod = self.pod()
        first = self.start(pod)
        self.assertEqual(self.status(first)["state"], cri.RUNNING)
        self.assertEqual(self.execute(first, "/bin/sh", "-c", "echo ${KMSIM:-none}; exit 21"),
                         (21, {"plain": "none\n", "km": "1\n"}[self.mode]))
        with self.assertRaisesRegex(cri.CriError, "(?i)/no/such/program.*no such file or directory"):
            self.execute(first, "/no/such/program")
        self.assertEqual(self.inside(first, "cat /proc/1/oom_score_adj /proc/self/oom_score_adj").split(), ["900", "900"])
        # Another container in the same pod has its own processes and files, and the pod's names and network.
        second = self.start(pod, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
        kinds = ("net", "ipc", "uts", "pid", "mnt")
        links = [[os.readlink(f"/proc/{self.pid(container)}/ns/{kind}") for kind in kinds] for container in (first, second)]
        self.assertEqual([one == other for one, other in zip(*links)], [True, True, True, False, False], links)
        self.assertEqual(links[0][0], os.readlink("/proc/self/ns/net"))
        # One container reacts to SIGTERM, and one does not.
        started = time.monotonic()
        self.assertEqual(self.stop(first), 3)
        self.assertLess(time.monotonic() - started, 60, "stop waited for its grace time")
        self.assertEqual(self.stop(second, timeout=1), 137)
        ENGINE.call("RemoveContainer", container_id=first)
        with self.assertRaisesRegex(cri.CriError, "not found"):
            self.status(first)
        # The end of the pod ends all of its containers, running or not.
        self.start(pod)
        self.remove_pod(self.pods.pop())
        self.assertEqual(ENGINE.call("ListPodSandbox"), {"items": []})
        self.assertEqual(ENGINE.states(), [])

    def test_found_by_its_name(self):
        """`krun --any-root` finds the container by the names that a person sees in kubectl(1)."""
        pod = self.pod()
        container, name = self.start(pod), pod.config["metadata"]["name"]
        for word in (f"{name}/c0", f"test/{name}/c0", container, container[:-1]):
            found = subprocess.run([PROGRAMS[self.mode], "state", "--any-root", word], capture_output=True, check=True).stdout
            self.assertEqual(json.loads(found)["id"], container, word)
        result = subprocess.run([PROGRAMS[self.mode], "state", "--any-root", name], capture_output=True, check=False)
        self.assertEqual(result.returncode, 1)
        for part in (f"'{name}' may be 2 containers", f"{pod.id} ({name}) in '", f"{container} ({name}/c0) in '/run/containerd/runc/k8s.io'"):
            self.assertIn(part, result.stderr.decode())

    def test_ends(self):
        pod = self.pod()
        container = self.create(pod, "echo out; echo err >&2; exit 42")
        self.assertEqual(self.status(container).get("state", cri.CREATED), cri.CREATED)
        ENGINE.call("StartContainer", container_id=container)
        self.assertEqual(self.exit_code(container), 42)
        self.assertEqual(sorted(self.log(pod).split()), ["err", "out"])
        container = self.start(pod)
        os.kill(self.pid(container), signal.SIGKILL)
        self.assertEqual(self.exit_code(container), 137)
        self.assertEqual(self.finish(pod, "test -t 0 && tty", tty=True).strip(), "/dev/pts/0")

    def test_exec_that_takes_too_long(self):
        """A probe may hang like this; no process of it stays."""
        pod = self.pod()
        container = self.start(pod)
        with self.assertRaisesRegex(cri.CriError, "timeout 1s exceeded"):
            ENGINE.call("ExecSync", container_id=container, cmd=["/bin/sleep", "1001"], timeout=1)
        self.assertNotIn("1001", self.inside(container, "ps"))

    def test_program_that_is_missing(self):
        pod = self.pod()
        container = self.create(pod, "", command=["/no/such/program"])
        with self.assertRaisesRegex(cri.CriError, "(?i)/no/such/program.*no such file or directory"):
            ENGINE.call("StartContainer", container_id=container)
        status = self.status(container)
        self.assertEqual((status["state"], status["exit_code"]), (cri.EXITED, 128))

    def test_network_names_and_processes_of_its_own(self):
        pod = self.pod({**OWN_NETWORK, "pid": cri.POD}, sysctls={"net.ipv4.ip_unprivileged_port_start": "81"})
        self.assertEqual(self.finish(pod, "hostname; cat /proc/1/comm; cat /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                                     "ls /sys/class/net").split(), ["box", "sleep", "nameserver", "192.0.2.53", "81", "eth0", "lo"])
        self.check_network(pod)

    def test_processes_of_another_container(self):
        """`kubectl debug --target` does this."""
        for namespaces in ENGINE.namespaces():
            pod = self.pod(namespaces)
            target = self.start(pod)
            joined = {**pod.config["linux"]["security_context"]["namespace_options"], "pid": cri.TARGET, "target_id": target}
            link = os.readlink(f"/proc/{self.pid(target)}/ns/pid")
            out = self.finish(pod, "readlink /proc/self/ns/pid; kill -TERM 1", security={"namespace_options": joined})
            self.assertEqual(out, f"{link}\n")
            self.assertEqual(self.exit_code(target), 3)

    def test_devices(self):
        """One device has another name and some rights; one is for a pod with a user namespace, under the host's name."""
        node = os.path.join(ENGINE.top, self.name)
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(240, 77))
        # In one stream, because containerd mixes two in any order.
        pod, script = self.pod(), "exec 2>&1; stat -c '%t %T' /dev/box; cat /dev/box; echo > /dev/box; true"
        for rights, errors in (("r", ["No such device or address", "Operation not permitted"]), ("rw", ["No such device or address"] * 2)):
            lines = self.finish(pod, script, devices=[
                {"container_path": "/dev/box", "host_path": node, "permissions": rights}]).splitlines()
            self.assertEqual([lines[0], *(line.split(": ")[-1] for line in lines[1:])], ["f0 4d", *errors])
        if len(ENGINE.namespaces()) > 1 and os.path.exists("/dev/kmsg"):
            self.assertEqual(self.finish(self.pod(USER_NAMESPACE), "stat -c '%t %T' /dev/kmsg", devices=[
                {"container_path": "/dev/kmsg", "host_path": "/dev/kmsg", "permissions": "r"}]), "1 b\n")

    def test_volumes(self):
        """A mount that the host makes later is seen in the container, if the volume says so, and the other way round."""
        top = os.path.join(ENGINE.top, self.name)
        os.mkdir(top)
        subprocess.run(f"mount --bind {top} {top} && mount --make-shared {top} && mkdir {top}/later {top}/inside && "
                       f"echo outside > {top}/file", shell=True, check=True)
        try:
            self.check_volumes(top)
        finally:
            subprocess.run(["umount", "--recursive", top], check=True)

    def check_volumes(self, top):
        pod = self.pod(privileged=True)
        container = self.start(pod, mounts=[
            {"container_path": "/v", "host_path": top, "propagation": cri.HOST_TO_CONTAINER},
            {"container_path": "/r", "host_path": top, "readonly": True},
            {"container_path": "/b", "host_path": top, "propagation": cri.BIDIRECTIONAL}])
        self.assertEqual(self.inside(container, "cat /r/file; echo inside > /v/file; echo no 2>/dev/null > /r/file || echo refused"),
                         "outside\nrefused\n")
        with open(f"{top}/file") as file:
            self.assertEqual(file.read(), "inside\n")
        subprocess.run(f"mount -t tmpfs tmpfs {top}/later && echo later > {top}/later/file", shell=True, check=True)
        self.assertEqual(self.inside(container, "cat /v/later/file; ls /r/later; mount -t tmpfs tmpfs /b/inside; "
                                     "echo inside > /b/inside/file"), "later\n")
        with open(f"{top}/inside/file") as file:
            self.assertEqual(file.read(), "inside\n")
        self.stop(container)
        if ENGINE.version() >= (2, 0):
            # containerd has read this in `krun features`, and tells the kubelet.
            features = {handler.get("name"): handler["features"] for handler in ENGINE.call("Status")["runtime_handlers"]}
            self.assertEqual(features[f"krun-{self.mode}"], {"recursive_read_only_mounts": 1, "user_namespaces": 1})
            # Now a writable mount is in it.
            script = "for i in /r/later/x /o/later/x; do touch $i 2>/dev/null && echo $i; done"
            self.assertEqual(self.finish(pod, script, mounts=[
                {"container_path": "/r", "host_path": top, "readonly": True, "recursive_read_only": True},
                {"container_path": "/o", "host_path": top, "readonly": True}]), "/o/later/x\n")


class Security(Pods):
    machine_mode = "plain"
    # The same in both: what the kernel says of the process, and what it may do.
    STATUS = "sed -n 's/^\\(Uid\\|Groups\\|CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp\\):/\\1/p' /proc/self/status | tr -s '\\t ' ' '"
    SCRIPT = (f"{STATUS}; touch /x 2> /dev/null || echo read-only; "
              f"cat {' '.join(MASKED)} 2> /dev/null | head -c 1 | grep -q . || echo masked; "
              "busybox unshare -U true 2> /dev/null || echo no namespaces; "
              "(echo 81 > /proc/sys/net/ipv4/ip_unprivileged_port_start) 2> /dev/null || echo no sysctls")

    def look(self, pod, **security):
        """Returns what a container and a process that joins it find."""
        container = self.start(pod, f"{self.SCRIPT}; {LOOP}", security=security)
        lines = self.inside(container, self.SCRIPT).splitlines()
        self.assertEqual(self.log(pod).splitlines(), [*lines, "ready"])
        if has_apparmor():
            confined = not pod.config["linux"]["security_context"]["privileged"] and security.get("apparmor") != NO_PROFILE
            self.assertEqual(self.inside(container, "cat /proc/self/attr/current").strip(),
                             "cri-containerd.apparmor.d (enforce)" if confined else "unconfined")
        return lines

    @in_machine
    def test_restricted(self):
        """The container has the settings of Kubernetes' strictest policy, and a read-only root; a user namespace changes nothing of it."""
        for namespaces in ENGINE.namespaces():
            self.assertEqual(self.look(self.pod(namespaces), **RESTRICTED), [
                "Uid 1000 1000 1000 1000", "Groups 1001 2000 2001 ", f"CapEff {0:016x}", f"CapBnd {0:016x}", "NoNewPrivs 1", "Seccomp 2",
                "read-only", "masked", "no namespaces", "no sysctls"])

    def test_more_rights(self):
        """Containers have the default rights of Kubernetes, rights that are added or dropped by name, or all."""
        some = {"add_capabilities": ["SYS_TIME"], "drop_capabilities": ["ALL"]}
        default, privileged = self.pod(OWN_NETWORK), self.pod(OWN_NETWORK, privileged=True)
        for pod, security, rights, more in (
                (default, {}, DEFAULT_CAPABILITIES, ["Seccomp 2", "masked", "no namespaces", "no sysctls"]),
                (default, {"capabilities": some, "seccomp": NO_PROFILE, "apparmor": NO_PROFILE}, 1 << CAP_SYS_TIME,
                 ["Seccomp 0", "masked", "no sysctls"]),
                (privileged, {}, own_capabilities("CapBnd"), ["Seccomp 0"])):
            self.assertEqual(self.look(pod, **security), [
                "Uid 0 0 0 0", "Groups 0 ", f"CapEff {rights:016x}", f"CapBnd {rights:016x}", "NoNewPrivs 0", *more])


class UserNamespace(Pods):
    def setUp(self):
        super().setUp()
        if USER_NAMESPACE not in ENGINE.namespaces():
            self.skipTest("this containerd makes no pods with user namespaces")

    def test_network_that_cannot_be_made(self):
        """The container that owns the namespace exists already then, and is removed."""
        with self.assertRaisesRegex(cri.CriError, "no network today"):
            self.pod(USER_NAMESPACE, handler="-no-network")
        self.assertEqual(ENGINE.states(), [])

    @in_machine
    def test_ids_and_network(self):
        """A user of the pod's user namespace has no rights outside, but has them over the pod's namespaces."""
        volume = os.path.join(ENGINE.top, self.name)
        os.mkdir(volume)
        # Older versions have no mounts with mapped ids.
        mapped = {"uidMappings": MAPPING, "gidMappings": MAPPING} if ENGINE.version() >= (2, 0) else {}
        if not mapped:
            os.chown(volume, FIRST, FIRST)
        pod = self.pod(USER_NAMESPACE, sysctls={"net.ipv4.ip_unprivileged_port_start": "81"})
        container = self.start(pod, f"touch /new /v/new; {LOOP}", security={"capabilities": {"add_capabilities": ["NET_ADMIN"]}},
                               mounts=[{"container_path": "/v", "host_path": volume, **mapped}])
        # The same namespaces are tested with another user.
        other = self.start(pod, security=RESTRICTED)
        pid, pid_of_other = self.pid(container), self.pid(other)
        self.assertEqual([os.stat(f"/proc/{each}").st_uid for each in (pid, pid_of_other)], [FIRST, FIRST + 1000])
        for kind in ("user", "net", "ipc", "uts"):
            link = os.readlink(f"/proc/{pid}/ns/{kind}")
            self.assertEqual(os.readlink(f"/proc/{pid_of_other}/ns/{kind}"), link)
            self.assertNotEqual(os.readlink(f"/proc/self/ns/{kind}"), link)
        # An exec finds the same there, and may change the network, which belongs to the user namespace.
        self.assertEqual(self.inside(container, "id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; "
                                     "stat -c %u:%g /bin/busybox /new /v /v/new; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                                     "ip address add 192.0.2.1/32 dev eth0 && ip address show eth0 | grep -c 192.0.2.1").split("\n"),
                         ["0", *[f" 0 {FIRST} {SIZE}"] * 2, *["0:0"] * 4, "81", "1", ""])
        self.assertEqual(self.execute(other, "/bin/sh", "-c", "id -u; exit 21"), (21, "1000\n"))
        self.assertEqual(os.stat(f"{volume}/new").st_uid, 0 if mapped else FIRST)
        self.assertEqual(os.stat(f"/proc/{pid}/root/new").st_uid, FIRST)
        self.check_network(pod)
        self.assertEqual(self.stop(container), 3)


class CriOnThisMachine(Pods):
    """Tests that need controllers."""

    setUpClass = classmethod(need_machine)

    def read(self, container, *names):
        """Reads files of its own cgroup, as the container sees them."""
        return self.inside(container, f"cd /sys/fs/cgroup && cat {' '.join(names)}").splitlines()

    @in_machine
    def test_limits(self):
        container = self.start(self.pod(), resources={
            "cpu_period": 100000, "cpu_quota": 80000, "cpu_shares": 1024, "cpuset_cpus": "1", "memory_limit_in_bytes": 64 * MiB,
            "memory_swap_limit_in_bytes": 64 * MiB, "unified": {"memory.high": str(60 * MiB)}})
        names = ("cpu.max", "cpu.weight", "cpuset.cpus", "memory.max", "memory.swap.max", "memory.high")
        self.assertEqual(self.read(container, *names), ["80000 100000", "100", "1", str(64 * MiB), "0", str(60 * MiB)])
        memory = ENGINE.call("ContainerStats", container_id=container)["stats"]["memory"]["working_set_bytes"]["value"]
        self.assertTrue(0 < memory < 64 * MiB, memory)
        ENGINE.call("UpdateContainerResources", container_id=container, linux={
            "cpu_period": 100000, "cpu_quota": 150000, "memory_limit_in_bytes": 96 * MiB, "memory_swap_limit_in_bytes": 96 * MiB})
        self.assertEqual(self.read(container, *names), ["150000 100000", "100", "1", str(96 * MiB), "0", str(60 * MiB)])
        self.assertEqual(self.stop(container), 3)

    @in_machine
    def test_out_of_memory(self):
        for namespaces in ENGINE.namespaces():
            container = self.create(self.pod(namespaces), "hog; status=$?; sleep 2; exit $status", resources={
                "memory_limit_in_bytes": 32 * MiB, "memory_swap_limit_in_bytes": 32 * MiB})
            ENGINE.call("StartContainer", container_id=container)
            self.assertEqual(self.exit_code(container), 137)
            self.assertEqual(self.status(container)["reason"], "OOMKilled")

    @in_machine
    def test_kvm(self):
        """A container under km can open the device with any user; others do not have it."""
        script = "if [ -c /dev/kvm ]; then exec 3<>/dev/kvm && echo opened; else echo none; fi"
        for namespaces in ENGINE.namespaces():
            self.assertEqual(self.finish(self.pod(namespaces), script, security=RESTRICTED),
                             {"plain": "none\n", "km": "opened\n"}[self.mode])
