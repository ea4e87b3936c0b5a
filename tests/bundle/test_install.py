# SPDX-License-Identifier: Apache-2.0
"""`krun install` and `uninstall` below a directory, and as an ordinary user; with real engines: tests/engines/test_install.py."""

import ctypes
import json
import os
import shutil
import stat
import subprocess

from krun import PROGRAMS, KrunTest, Result

UID = 65533
ENGINES = ("docker", "podman", "containerd", "crio", "buildkit")
DAEMON = '{\n\t"log-driver": "json-file",\n\t"dns": ["192.0.2.1",   "192.0.2.2"]\n}'
IN_OPEN = 0x20                # inotify(7)
CONTAINERD = 'version = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri".cni]\n    bin_dir = "/usr/lib/cni"\n'


class Install(KrunTest):
    def setUp(self):
        super().setUp()
        self.system = os.path.join(self.top, "system")
        self.programs = os.path.join(self.system, "usr/bin")
        os.makedirs(self.programs)
        shutil.copy(PROGRAMS["km"], f"{self.programs}/krun")
        for name in ("krun-plain", "krun-label-trigger"):
            os.symlink("krun", f"{self.programs}/{name}")

    def path(self, path):
        return self.system + path

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def read(self, path):
        with open(self.path(path)) as file:
            return file.read()

    def files(self):
        """Returns all files below /etc with their texts."""
        found = {}
        for top, _, names in os.walk(self.path("/etc")):
            for name in names:
                with open(os.path.join(top, name)) as file:
                    found[os.path.join(top, name).removeprefix(self.system)] = file.read()
        return found

    def call(self, *words, program="krun"):
        return Result(subprocess.run([f"{self.programs}/{program}", words[0], words[1], "--root", self.system, *words[2:]],
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False))

    def done(self, *words, **more):
        result = self.call(*words, **more)
        self.assertEqual((result.status, result.err), (0, ""), f"{words}: {result}")
        return result.out

    def refused(self, *words, **more):
        before = self.files()
        result = self.call(*words, **more)
        self.assertEqual((result.status, result.out), (1, ""), f"{words}: {result}")
        self.assertEqual(self.files(), before)
        prefix = f"krun: below '{self.system}': "
        self.assertTrue(result.err.startswith(prefix), result)
        return result.err.removeprefix(prefix).strip()

    def test_every_engine_and_back(self):
        self.write("/etc/docker/daemon.json", DAEMON)
        self.write("/etc/containerd/config.toml", CONTAINERD)
        before = self.files()
        for engine in ENGINES:
            with self.subTest(engine=engine):
                diff = self.done("install", engine, "--dry-run")
                self.assertEqual(self.files(), before, "--dry-run has changed something")
                self.assertFalse(os.path.exists(self.path("/var")))
                self.assertRegex(diff, r"(?m)^\+\+\+ /etc/")
                self.assertIn("/usr/bin/krun", diff)
                self.assertRegex(self.done("install", engine), r"^(made|changed) ")
                after = self.files()
                self.assertNotEqual(after, before)
                self.assertIn("nothing to do", self.done("install", engine))
                self.assertEqual(self.files(), after)
                self.assertRegex(self.done("uninstall", engine, "--dry-run"), r"(?m)^-.*krun")
                self.assertEqual(self.files(), after)
                self.done("uninstall", engine)
                self.assertEqual(self.files(), before)
                self.assertEqual(os.listdir(self.path("/var/lib/krun/install")), [])
                self.assertIn("nothing to do", self.done("uninstall", engine))
                shutil.rmtree(self.path("/var"))

    def test_diff_can_be_applied(self):
        self.write("/etc/docker/daemon.json", DAEMON)
        diff = self.done("install", "docker", "--default", "--dry-run").replace("/etc/docker/", "")
        work = os.path.join(self.top, "work")
        os.mkdir(work)
        shutil.copy(self.path("/etc/docker/daemon.json"), work)
        if not shutil.which("patch"):
            self.skipTest("not installed: patch")
        subprocess.run(["patch", "-s", "daemon.json"], input=diff.encode(), cwd=work, check=True, stdout=subprocess.DEVNULL)
        self.done("install", "docker", "--default")
        with open(f"{work}/daemon.json") as file:
            self.assertEqual(file.read(), self.read("/etc/docker/daemon.json"))

    def test_name_decides_the_program(self):
        for words, program, name, path in (((), "krun", "krun", "krun"), ((), "krun-plain", "krun-plain", "krun-plain"),
                                           (("--name", "krun-plain"), "krun", "krun-plain", "krun-plain"),
                                           (("--name", "krun-label-trigger"), "krun", "krun-label-trigger", "krun-label-trigger"),
                                           (("--name", "vm"), "krun", "vm", "krun"),
                                           (("--name", "ordinary"), "krun-plain", "ordinary", "krun-plain")):
            with self.subTest(words=words, program=program):
                self.done("install", "docker", *words, program=program)
                runtimes = json.loads(self.read("/etc/docker/daemon.json"))["runtimes"]
                self.assertEqual(runtimes, {name: {"path": f"/usr/bin/{path}"}})
                self.done("uninstall", "docker", *words, program=program)
        self.done("install", "docker", "--name", "krun-plain")
        os.unlink(f"{self.programs}/krun-plain")
        self.done("uninstall", "docker", "--name", "krun-plain")
        self.assertEqual(self.files(), {})
        self.assertIn("krun-plain' is not this krun", self.refused("install", "docker", "--name", "krun-plain"))

    def test_program_that_was_executed_again(self):
        """A name like that of a command that enters containers has krun execute a copy of itself, whose path is none."""
        environment = {**os.environ, "PATH": f"/nowhere:{self.programs}"}
        for program, more in ((f"{self.programs}/krun", {}), ("krun", {"env": environment}), ("./krun", {"cwd": self.programs})):
            with self.subTest(program=program):
                words = [program, "install", "docker", "--root", self.system, "--name", "run"]
                if program == "krun":   # found by a shell in its PATH
                    words = ["/bin/sh", "-c", " ".join(words)]
                subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **more)
                self.assertEqual(json.loads(self.read("/etc/docker/daemon.json"))["runtimes"], {"run": {"path": "/usr/bin/krun"}})
                self.done("uninstall", "docker", "--name", "run")

    def test_orders_of_removal(self):
        """Whichever of several runtimes goes first, in the end there is what was there, and none comes back."""
        names = ("krun", "krun-plain", "third")
        for engine, path, text in (("docker", "/etc/docker/daemon.json", DAEMON), ("docker", "/etc/docker/daemon.json", "{ }"),
                                   ("docker", "/etc/docker/daemon.json", None), ("podman", "", None), ("crio", "", None),
                                   ("containerd", "/etc/containerd/config.toml", CONTAINERD), ("containerd", "", None)):
            for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)):
                with self.subTest(engine=engine, text=text, order=order):
                    shutil.rmtree(self.path("/etc"), ignore_errors=True)
                    if text is not None:
                        self.write(path, text)
                    before = self.files()
                    for name in names:
                        self.done("install", engine, "--name", name)
                    for at in order:
                        self.done("uninstall", engine, "--name", names[at])
                        self.assertIn("nothing to do", self.done("uninstall", engine, "--name", names[at]))
                    self.assertEqual(self.files(), before)

    def test_edited_meanwhile(self):
        self.write("/etc/docker/daemon.json", '{\n  "default-runtime": "other"\n}\n')
        self.done("install", "docker", "--default")
        text = self.read("/etc/docker/daemon.json").replace("{\n", '{\n  "debug": true,\n', 1)
        self.write("/etc/docker/daemon.json", text)
        self.done("uninstall", "docker")
        self.assertEqual(self.read("/etc/docker/daemon.json"), '{\n  "debug": true,\n  "default-runtime": "other"\n}\n')

    def test_installed_by_hand(self):
        self.write("/etc/docker/daemon.json", '{ "runtimes": { "krun": { "path": "/usr/bin/krun" } } }')
        self.assertIn("nothing to do", self.done("install", "docker"))
        # The text from before has a runtime that was registered by hand, which is not to come back.
        self.done("install", "docker", "--default")
        self.done("uninstall", "docker")
        self.assertNotIn("krun", self.read("/etc/docker/daemon.json"))

    def test_arguments(self):
        self.done("install", "docker", "--arg", "--log-level=debug", "--arg=--criu=/opt/criu")
        self.assertEqual(json.loads(self.read("/etc/docker/daemon.json"))["runtimes"]["krun"]["runtimeArgs"],
                         ["--log-level=debug", "--criu=/opt/criu"])
        for engine in ENGINES[1:]:
            self.assertIn("/etc/krun/krun.json", self.refused("install", engine, "--arg", "--debug"))

    def test_mode_and_owner_stay(self):
        self.write("/etc/docker/daemon.json", DAEMON, 0o640)
        os.chown(self.path("/etc/docker/daemon.json"), 0, 7)
        for verb in ("install", "uninstall"):
            self.done(verb, "docker")
            st = os.stat(self.path("/etc/docker/daemon.json"))
            self.assertEqual((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid), (0o640, 0, 7))
            if verb == "install":
                kept = os.stat(self.path("/var/lib/krun/install/docker-krun/before/etc/docker/daemon.json"))
                self.assertEqual(stat.S_IMODE(kept.st_mode), 0o640)

    def test_records_are_for_their_owner_alone(self):
        """Whoever could open the directory could hold its lock, and read what a file has in it by now."""
        self.write("/etc/docker/daemon.json", DAEMON, 0o644)
        self.done("install", "docker")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("/var/lib/krun/install")).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("/var/lib/krun")).st_mode), 0o755)

    def test_what_is_no_file_is_not_opened(self):
        """A device of an image that is unpacked below --root may do something when it is opened; a FIFO stands for it."""
        path = self.path("/etc/docker/daemon.json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkfifo(path)
        libc = ctypes.CDLL(None)
        watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.addCleanup(os.close, watch)
        self.assertGreater(libc.inotify_add_watch(watch, path.encode(), IN_OPEN), 0)
        result = self.call("install", "docker")
        self.assertEqual(result.status, 1)
        self.assertIn("'/etc/docker/daemon.json' is not a regular file", result.err)
        with self.assertRaises(BlockingIOError, msg="it was opened"):
            os.read(watch, 4096)

    def test_broken_files(self):
        for engine, path, text, expect in (
                ("docker", "/etc/docker/daemon.json", '{\n  # no comments\n}\n', "2:3: not JSON: expected a key"),
                ("docker", "/etc/docker/daemon.json", '{"a": 1,}\n', "1:9: not JSON: expected a key"),
                ("docker", "/etc/docker/daemon.json", '{"runtimes": {"krun": {"path": "/bin/false"}}}\n',
                 "1:15: the runtime 'krun' is registered with another program, '/bin/false': "
                 "take another name (--name), or that entry out"),
                ("podman", "/etc/containers/containers.conf.d/50-krun.conf", "[engine]\nx = \n", "2:5: expected a value"),
                ("containerd", "/etc/containerd/config.toml", "version = 2\n[plugins\n", "2:9: expected ']'"),
                ("crio", "/etc/crio/crio.conf", "[crio.runtime.runtimes.krun]\nruntime_path = '/bin/false'\n",
                 "2:1: the runtime 'krun' is registered with another program, '/bin/false': "
                 "take another name (--name), or that entry out"),
                ("crio", "/etc/krun/krun.json", "{\n\n", "3:1: not JSON: unexpected end of data"),
                ("buildkit", "/etc/buildkit/buildkitd.toml", "[worker.oci]\nbinary = \"x\n", "2:12: the string does not end in its line")):
            with self.subTest(path=path, text=text):
                self.write(path, text)
                for options in ([], ["--dry-run"]):
                    self.assertEqual(self.refused("install", engine, *options), f"{path}:{expect}")
                os.unlink(self.path(path))

    def test_files_of_somebody_else(self):
        path = self.path("/etc/docker/daemon.json")
        self.write("/etc/docker/daemon.json", DAEMON, 0o664)
        self.assertIn("others than its owner may write the file", self.refused("install", "docker"))
        os.chmod(path, 0o644)
        os.chown(path, UID, 0)
        self.assertIn(f"belongs to user {UID}", self.refused("install", "docker", "--dry-run"))
        os.chown(path, 0, 0)
        os.chmod(os.path.dirname(path), 0o777)
        self.assertIn("others than its owner may write the directory '/etc/docker'", self.refused("install", "docker"))
        os.chmod(os.path.dirname(path), 0o755)
        os.rename(path, f"{path}.real")
        os.symlink("daemon.json.real", path)
        self.assertIn("is a symbolic link", self.refused("install", "docker"))
        self.assertTrue(os.path.islink(path))
        os.unlink(path)
        os.mkfifo(path)
        result = self.call("install", "docker")
        self.assertIn("is not a regular file", result.err)
        # Nothing leads out of the root.
        shutil.rmtree(os.path.dirname(path))
        outside = os.path.join(self.top, "outside")
        os.mkdir(outside)
        os.symlink(outside, os.path.dirname(path))
        self.call("install", "docker")
        self.assertEqual(os.listdir(outside), [])

    def test_a_key_of_krun_json_that_two_engines_need(self):
        self.write("/etc/krun/krun.json", '{ "device": "kvm" }\n')
        before = self.files()
        for first, second in (("containerd", "crio"), ("crio", "containerd")):
            self.done("install", "containerd")
            self.done("install", "crio")
            self.done("uninstall", first)
            self.assertEqual(json.loads(self.read("/etc/krun/krun.json")), {"device": "kvm", "allowSandbox": True})
            self.done("uninstall", second)
            self.assertEqual(self.files(), before)

    def test_two_at_once(self):
        """Each waits for the other, so that neither loses what the other has written."""
        names = [f"n{i}" for i in range(8)]
        running = [subprocess.Popen([f"{self.programs}/krun", "install", "docker", "--root", self.system, "--name", name],
                                    stdout=subprocess.DEVNULL) for name in names]
        self.assertEqual([process.wait(60) for process in running], [0] * len(names))
        self.assertEqual(sorted(json.loads(self.read("/etc/docker/daemon.json"))["runtimes"]), names)

    def test_requests_that_are_wrong(self):
        for words, expect in ((("docker", "--name", "runc"), "this is the name of another runtime"),
                              (("docker", "--name", "a b"), "not up to 63 letters"),
                              (("buildkit", "--default"), "buildkitd has only one runtime")):
            self.assertIn(expect, self.refused("install", *words))
        names = ", ".join(ENGINES)
        self.assertEqual(self.fails("install", "dokcer"), f"install: 'dokcer' is none of {names}; did you mean 'docker'?")
        self.assertEqual(self.fails("uninstall", "x"), f"uninstall: 'x' is none of {names}")
        self.assertIn("docker|podman|containerd|crio|buildkit is missing", self.fails("install"))
        self.assertIn("unknown flag: --default", self.fails("uninstall", "docker", "--default"))

    def test_failure_halfway(self):
        """What was written before a file that cannot be written is undone."""
        self.write("/etc/containerd/config.toml", CONTAINERD)
        os.makedirs(self.path("/etc/krun"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=755", "none", self.path("/etc/krun")], check=True)
        try:
            self.assertIn("krun.json'", self.refused("install", "containerd"))
        finally:
            subprocess.run(["umount", self.path("/etc/krun")], check=True)
        self.assertEqual(self.read("/etc/containerd/config.toml"), CONTAINERD)
        self.assertEqual(os.listdir(self.path("/var/lib/krun/install")), [])


class OfUser(KrunTest):
    """An ordinary user's own engines."""

    def setUp(self):
        super().setUp()
        self.home = os.path.join(self.top, "home")
        os.mkdir(self.home)
        os.chmod(self.top, 0o755)
        self.program = os.path.join(self.home, "krun")
        shutil.copy(PROGRAMS["km"], self.program)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.home], check=True)

    def call(self, *words, **environment):
        values = {"HOME": self.home, **environment}
        return Result(subprocess.run(["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--inh-caps=-all", "env", "-i",
                                      *(f"{key}={text}" for key, text in values.items()), self.program, *words],
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, cwd=self.home))

    def test_home(self):
        for engine, path, next_step in (("docker", "docker/daemon.json", "systemctl --user reload docker"),
                                        ("podman", "containers/containers.conf.d/50-krun.conf", "notices with its next command"),
                                        ("buildkit", "buildkit/buildkitd.toml", "systemctl --user restart buildkit")):
            for place, environment in ((".config", {}), ("else", {"XDG_CONFIG_HOME": f"{self.home}/else"})):
                with self.subTest(engine=engine, place=place):
                    result = self.call("install", engine, **environment)
                    self.assertEqual((result.status, result.err), (0, ""), result)
                    self.assertIn(next_step, result.out)
                    path_there = os.path.join(self.home, place, path)
                    with open(path_there) as file:
                        self.assertIn(self.program, file.read())
                    self.assertEqual(os.stat(path_there).st_uid, UID)
                    self.assertTrue(os.path.isdir(f"{self.home}/.local/share/krun/install/{engine}-krun"))
                    self.assertEqual(self.call("uninstall", engine, **environment).status, 0)
                    self.assertFalse(os.path.exists(path_there))

    def test_relative_path_of_the_program(self):
        self.program = "./krun"
        self.assertEqual(self.call("install", "docker").status, 0)
        with open(f"{self.home}/.config/docker/daemon.json") as file:
            self.assertEqual(json.load(file)["runtimes"]["krun"]["path"], f"{self.home}/krun")

    def test_engines_of_root(self):
        for engine in ("containerd", "crio"):
            result = self.call("install", engine)
            self.assertEqual(result.status, 1)
            self.assertIn("run this as root", result.err)

    def test_no_home(self):
        result = self.call("install", "docker", HOME="")
        self.assertEqual((result.status, result.err),
                         (1, "krun: neither HOME nor XDG_CONFIG_HOME says where the configuration of this user is\n"))
