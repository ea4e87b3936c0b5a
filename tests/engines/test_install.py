# SPDX-License-Identifier: Apache-2.0
"""
`krun install` and `uninstall` with the real engines, which read their files at their usual places: the ring has an /etc of its own.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import cri
import test_cri
from engine_tests import Client
from engines import Dockerd, EngineTest, OWN_MACHINE, Podman
from krun import PROGRAMS, wait_until

NAMES = {mode: f"krun-{mode}" for mode in PROGRAMS}


def setUpModule():
    if OWN_MACHINE:
        raise unittest.SkipTest("the files of a whole machine are not replaced")


class Etc:
    """A copy of /etc in its place, for this ring only. krun's records are beside it."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="krun-etc-")
        subprocess.run(["cp", "-a", "/etc", self.top], check=True)
        # What the host says of engines is not what the tests are about.
        for name in ("docker", "containers", "containerd", "krun"):
            if name != "containers":
                shutil.rmtree(f"{self.top}/etc/{name}", ignore_errors=True)
        subprocess.run(["mount", "--bind", f"{self.top}/etc", "/etc"], check=True)

    def close(self):
        subprocess.run(["umount", "-l", "/etc"], check=True)
        shutil.rmtree(self.top)

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def krun(self, verb, engine, mode, *options):
        done = subprocess.run([PROGRAMS[mode], verb, engine, "--root", self.top, "--name", NAMES[mode], *options],
                              capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"{verb} {engine}: {done.stderr.decode()}")
        return done.stdout.decode()

    def both(self, verb, engine, *options):
        return [self.krun(verb, engine, mode, *options) for mode in PROGRAMS]


def read(path):
    with open(path) as file:
        return file.read()


class InEtc:
    """Mixed into an Engine that is told about its runtimes by krun."""

    etc = None

    def close(self):
        super().close()
        if self.etc:
            self.etc.close()
            self.etc = None


class InstalledDockerd(InEtc, Dockerd):
    name = "docker-installed"
    before = '{\n\t"shutdown-timeout": 15,\n\t"labels": ["a=b",  "c=d"]\n}'
    file = "/etc/docker/daemon.json"

    def daemon_command(self):
        self.etc = Etc()
        self.etc.write(self.file, self.before)
        self.etc.both("install", "docker", "--arg", "--log-level=debug")
        words = super().daemon_command()
        at = words.index("--config-file")
        return words[:at] + words[at + 2:]

    def runtimes_known(self):
        return set(json.loads(self.cli("info", "--format", "{{json .Runtimes}}").stdout)) & set(NAMES.values())

    def restart(self):
        self.daemon.terminate()
        self.daemon.wait(60)
        self.start_daemon()


class Docker(Client):
    variants = ("plain",)

    @classmethod
    def setUpClass(cls):
        cls.engine = InstalledDockerd()

    @classmethod
    def tearDownClass(cls):
        cls.engine.close()

    def find_engine(self):
        return self.engine

    def run_in_modes(self):
        for self.mode, expect in (("plain", "none\n"), ("km", "1\n")):
            self.assertEqual(self.shell("echo ${KMSIM:-none}"), expect)

    def test_life(self):
        engine = self.engine
        self.assertEqual(engine.runtimes_known(), set(NAMES.values()))
        self.run_in_modes()
        engine.etc.both("uninstall", "docker")
        self.assertEqual(read(engine.file), engine.before)
        engine.restart()
        self.assertEqual(engine.runtimes_known(), set())
        self.assertIn("runtime", self.run_(engine.image, "true").err.lower())
        # A reload is enough for a new one, as install says.
        engine.etc.both("install", "docker")
        engine.daemon.send_signal(1)
        wait_until(lambda: engine.runtimes_known() == set(NAMES.values()), 60, "reload")
        self.run_in_modes()
        engine.etc.krun("install", "docker", "plain", "--default")
        engine.restart()
        self.assertEqual(engine.cli("info", "--format", "{{.DefaultRuntime}}").stdout, b"krun-plain\n")
        engine.etc.both("uninstall", "docker")
        self.assertEqual(read(engine.file), engine.before)


class InstalledPodman(InEtc, Podman):
    name = "podman-installed"
    drop_in = "/etc/containers/containers.conf.d/50-krun.conf"

    def configure(self):
        self.etc = Etc()
        self.etc.write("/etc/containers/containers.conf", f"""[containers]
pids_limit = 0
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[network]
network_config_dir = "{self.top}/net.d"
""")
        os.mkdir(f"{self.top}/net.d")
        self.etc.both("install", "podman")

    def program(self, mode):
        return NAMES[mode]

    def popen(self):
        return {"env": {key: text for key, text in os.environ.items() if key != "CONTAINERS_CONF"}, "cwd": self.top}


class PodmanInstalled(Client):
    variants = ("plain",)
    remove_options = ("--force", "--volumes", "--time", "0")

    @classmethod
    def setUpClass(cls):
        cls.engine = InstalledPodman()

    @classmethod
    def tearDownClass(cls):
        cls.engine.close()

    def find_engine(self):
        return self.engine

    def default_runtime(self):
        words = self.engine.command("plain", "info", "--format", "{{.Host.OCIRuntime.Name}}")
        at = words.index("--runtime")
        return subprocess.run(words[:at] + words[at + 2:], capture_output=True, check=True, **self.engine.popen()).stdout.decode().strip()

    def test_life(self):
        engine = self.engine
        for self.mode, expect in (("plain", "none\n"), ("km", "1\n")):
            self.assertEqual(self.shell("echo ${KMSIM:-none}"), expect)
            # Podman refuses this unless the file lists the name, and shows an error of JSON only then as this one.
            self.assertEqual(self.shell("echo no cgroup", "--cgroups", "disabled"), "no cgroup\n")
            self.assertRegex(self.run_(engine.image, "/no/such").err, '"?/no/such"?.*no such file or directory')
        self.assertNotIn(self.default_runtime(), NAMES.values())
        engine.etc.krun("install", "podman", "plain", "--default")
        self.assertEqual(self.default_runtime(), "krun-plain")
        # Only one of the names, whose lists serve the other, goes first.
        engine.etc.krun("uninstall", "podman", "plain")
        self.mode = "plain"
        self.assertNotEqual(self.run_(engine.image, "true").status, 0)
        self.mode = "km"
        self.assertEqual(self.shell("echo ${KMSIM:-none}"), "1\n")
        engine.etc.krun("uninstall", "podman", "km")
        self.assertFalse(os.path.exists(engine.drop_in))
        self.assertNotEqual(self.run_(engine.image, "true").status, 0)


class InstalledCri(InEtc, test_cri.CriContainerd):
    """containerd with the main file of a node, in which krun is registered in the way that version 2 needs."""

    name = "cri-installed"
    file = "/etc/containerd/config.toml"

    def plugins(self):
        """Without what krun writes: the runtimes and the default."""
        lines = super().plugins().split("\n")
        end = [at for at, line in enumerate(lines) if ".containerd.runtimes." in line][0]
        return "\n".join(line for line in lines[:end] if "default_runtime_name" not in line)

    def program(self, mode):
        return PROGRAMS[mode]

    def start(self, command, ready):
        if not self.etc:
            self.etc = Etc()
            self.before = read(f"{self.top}/config.toml")
            self.etc.write(self.file, self.before)
            self.etc.krun("install", "containerd", "km")
            self.etc.krun("install", "containerd", "plain", "--default")
        super().start(command[:1], ready)

    def restart(self):
        self.daemon.terminate()
        self.daemon.wait(60)
        self.start(["containerd"], self.answers)

    def dump(self):
        return subprocess.run(["containerd", "config", "dump"], capture_output=True, check=True).stdout.decode()


class Cri(test_cri.Pods):
    variants = ("plain",)

    @classmethod
    def setUpClass(cls):
        cls.engine = test_cri.ENGINE = InstalledCri()

    @classmethod
    def tearDownClass(cls):
        cls.engine.close()

    def find_engine(self):
        return self.engine

    def pod(self, *arguments, **more):
        self.name += "x"    # each has another
        return super().pod(*arguments, **more)

    def run_pod(self):
        """Returns what a container says, and the program that runs the pod's own container."""
        pod = self.pod()
        said = self.finish(pod, "echo ${KMSIM:-none}")
        info = json.loads(self.engine.call("PodSandboxStatus", pod_sandbox_id=pod.id, verbose=True)["info"]["info"])
        program = os.readlink(f"/proc/{info['pid']}/exe")
        self.remove_pod(self.pods.pop())
        return said, os.path.basename(program)

    def test_life(self):
        engine = self.engine
        for self.mode, expect in (("plain", "none\n"), ("km", "1\n")):
            # The container that keeps the pod's namespaces runs without km, as krun.json allows it.
            self.assertEqual(self.run_pod(), (expect, "busybox"))
        self.assertEqual(json.loads(read("/etc/krun/krun.json")), {"allowSandbox": True})
        os.rename("/etc/krun/krun.json", "/etc/krun/away")
        self.assertNotEqual(self.run_pod()[1], "busybox")
        os.rename("/etc/krun/away", "/etc/krun/krun.json")
        dump = engine.dump()
        self.assertIn('default_runtime_name = "krun-plain"', dump)
        for name in ("runc", *NAMES.values()):
            self.assertIn(f".containerd.runtimes.{name}]", dump)
        engine.etc.krun("uninstall", "containerd", "km")
        engine.restart()
        self.assertEqual(self.engine.dump().count("krun-km"), 0)
        with self.assertRaisesRegex(cri.CriError, 'no runtime for "krun-km"'):
            self.pod()
        self.mode = "plain"
        self.assertEqual(self.run_pod(), ("none\n", "busybox"))
        engine.etc.krun("uninstall", "containerd", "plain")
        self.assertEqual(read(engine.file), engine.before)
        self.assertFalse(os.path.exists("/etc/krun/krun.json"))
        self.assertNotIn("krun-", self.engine.dump().replace(engine.top, ""))
        self.assertIn('default_runtime_name = "runc"', engine.dump())


class ContainerdImports(EngineTest):
    """What containerd makes of a file that it imports, which only `config dump` is needed for."""

    variants = ("plain",)

    def setUp(self):
        if not shutil.which("containerd"):
            self.skipTest("not installed: containerd")
        self.etc = Etc()

    def tearDown(self):
        self.etc.close()

    def dump(self):
        return subprocess.run(["containerd", "config", "dump"], capture_output=True, check=True).stdout.decode()

    def test_table_in_an_imported_file(self):
        """containerd 1 takes all of a plugin's table from the last file that has it, so that krun has to be there."""
        files = {"/etc/containerd/config.toml": 'version = 2\nimports = ["/etc/containerd/more/*.toml"]\n'
                                                '[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "main"\n',
                 "/etc/containerd/more/a.toml": '[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "imported"\n',
                 "/etc/containerd/more/b.toml": "oom_score = -1\n"}
        for path, text in files.items():
            self.etc.write(path, text)
        self.etc.krun("install", "containerd", "plain", "--default")
        dump = self.dump()
        for text in ('sandbox_image = "imported"', 'default_runtime_name = "krun-plain"', f'BinaryName = "{PROGRAMS["plain"]}"',
                     ".containerd.runtimes.runc]"):
            self.assertIn(text, dump)
        self.etc.krun("uninstall", "containerd", "plain")
        self.assertEqual({path: read(path) for path in files}, files)
        self.assertNotIn(PROGRAMS["plain"], self.dump())

    def test_no_file(self):
        self.etc.krun("install", "containerd", "plain")
        self.assertIn(".containerd.runtimes.krun-plain]", self.dump())
        self.assertIn(".containerd.runtimes.runc]", self.dump())
        self.etc.krun("uninstall", "containerd", "plain")
        self.assertFalse(os.path.exists("/etc/containerd/config.toml"))


