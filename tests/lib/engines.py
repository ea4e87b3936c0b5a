# SPDX-License-Identifier: Apache-2.0
"""
Real engines with krun as their runtime, each with its own state, and checks of what a test leaves behind.

The engines ring has private mount, network and pid namespaces, so that every process in /proc belongs to the ring
and whatever is left behind is seen. On a machine of the tests' own (lib/jobs.py) there is no pid namespace, because systemd has to
know the processes by their numbers; there the cgroup of a process tells to which engine it belongs. kmsim stands at km's path.
"""

import errno
import glob
import json
import os
import pty
import pwd
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from jobs import OWN_MACHINE, own_cgroup
from krun import CGROUP, PROGRAMS, Result, hybrid_view, make_rootfs, wait_until
from session import Session

TIMEOUT = 120
ULIMITS = ["nofile=1024:1024"]
# The managers by which engines have the runtime make cgroups. One that krun or the host cannot use is skipped, with the reason.
MANAGERS = ("cgroupfs", "systemd")
# vfs works everywhere; a machine of the tests' own has the storage driver of real machines.
STORAGE = {"docker": "overlay2", "podman": "overlay"} if OWN_MACHINE else {"docker": "vfs", "podman": "vfs"}


def in_machine(method):
    """Marks a test of an engine for the vm ring, where an engine's command takes seconds."""
    method.in_machine = True
    return method


def check_manager(manager):
    if manager not in MANAGERS:
        raise unittest.SkipTest(f"the cgroup manager {manager} is not tested")
    if manager == "systemd" and not os.path.isdir("/run/systemd/system"):
        raise unittest.SkipTest("no systemd is running here")
    if manager == "systemd":
        done = subprocess.run([PROGRAMS["plain"], "features"], capture_output=True, check=True)
        if not json.loads(done.stdout)["linux"]["cgroup"].get("systemd"):
            raise unittest.SkipTest("this krun has no systemd manager")


class Engine:
    """An engine with its daemon, if it has one; made once for a module of tests."""

    name = ""
    programs = ()
    exec_cannot_run = 127   # status of the client for a program that is missing
    groups = {}             # for each manager, how paths of the engine's own cgroups begin, as a regular expression
    units = {}              # for the systemd manager, a pattern of its units
    apparmor_profile = None # how the name begins of the profile that it gives to containers
    tells_oom = False       # its inspect knows that memory ran out

    def __init__(self, manager="cgroupfs"):
        check_manager(manager)
        self.manager = manager
        missing = [program for program in self.programs if not shutil.which(program)]
        if missing:
            raise unittest.SkipTest(f"not installed: {' '.join(missing)}")
        self.top = tempfile.mkdtemp(prefix=f"krun-{self.name}-")
        os.chmod(self.top, 0o755)
        self.rootfs = os.path.join(self.top, "rootfs")
        make_rootfs(self.rootfs)
        with open(os.path.join(self.rootfs, "bin/not-executable"), "w") as file:
            file.write("#!/bin/sh\necho no\n")
        self.daemon = None
        self.log = os.path.join(self.top, "daemon.log")

    def start(self, command, ready):
        """Starts the daemon, and returns when ready() says that it answers."""
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.popen())

        def answers():
            if self.daemon.poll() is not None:
                raise AssertionError(f"{self.name} ended: {self.tail()}")
            return ready()

        wait_until(answers, TIMEOUT, f"start of {self.name}")

    def tail(self, lines=15):
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def close(self):
        if self.daemon:
            self.daemon.terminate()
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        mounts = [line.split()[4] for line in open("/proc/self/mountinfo") if self.top in line]
        for mount in reversed(mounts):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.top, ignore_errors=True)

    def tarball(self):
        path = os.path.join(self.top, "rootfs.tar")
        subprocess.run(["tar", "-C", self.rootfs, "-cf", path, "."], check=True)
        return path

    def command(self, mode, *arguments):
        """The command line of the engine's client, for a person's arguments."""
        raise NotImplementedError

    def popen(self):
        """What subprocess needs for this command line."""
        return {}

    def states(self):
        """Returns the names of the containers of which the runtime still keeps a state."""
        raise NotImplementedError

    def systemctl(self, *words):
        return subprocess.run(["systemctl", *words], capture_output=True, check=True).stdout.decode()

    def states_in(self, root):
        """Returns those whose bundle belongs to this engine, because another engine may keep its states there, too."""
        found = []
        for name in os.listdir(root) if os.path.isdir(root) else []:
            try:
                with open(os.path.join(root, name, "state.json")) as file:
                    state = json.load(file)
            except (FileNotFoundError, NotADirectoryError):
                state = {"bundle": self.top}    # half a state is one as well
            if name[0] != "." and state["bundle"].startswith(self.top):
                found.append(name)
        return found


class OwnRanges:
    """Mixed into an Engine: gives a user ids in this ring's own /etc/subuid and /etc/subgid."""

    first, size = 300000, 65536

    def __init__(self, manager="cgroupfs"):
        self.mounted = []
        super().__init__(manager)

    def give_ranges(self, user):
        for name in ("subuid", "subgid"):
            path = os.path.join(self.top, name)
            shutil.copy(f"/etc/{name}", path)
            with open(path, "a") as file:
                file.write(f"{user}:{self.first}:{self.size}\n")
            subprocess.run(["mount", "--bind", path, f"/etc/{name}"], check=True)
            self.mounted.append(f"/etc/{name}")

    def close(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=False)
        super().close()


class Dockerd(Engine):
    name = "docker"
    programs = ("dockerd", "docker", "containerd", "iptables")
    groups = {"cgroupfs": "/docker", "systemd": "/system.slice/docker-[0-9a-f]{64}"}
    units = {"systemd": "docker-*.scope"}
    apparmor_profile = "docker-default"
    tells_oom = True
    script = "dockerd"      # what is started, with dockerd's options

    def __init__(self, manager="cgroupfs"):
        super().__init__(manager)
        self.socket = os.path.join(self.top, "sock")
        # Debian's own client fits Debian's daemon; another docker may come first in PATH.
        self.client = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
        try:
            self.words = self.daemon_command()
            self.start_daemon()
            imported = self.cli("import", self.tarball(), "bb:1")
            if imported.returncode:
                raise AssertionError(f"docker import: {imported.stderr.decode()}")
        except BaseException:
            self.close()
            raise
        self.image = "bb:1"
        version = self.cli("version", "--format", "{{.Server.Version}}").stdout.decode()
        # dockerd before 23 answers 126 for every exec that does not start, whatever the runtime says.
        self.exec_cannot_run = 126 if int(version.split(".")[0]) < 23 else 127

    def start_daemon(self, attempts=4):
        """dockerd waits 15 seconds for its containerd, which is short in emulation on a busy machine."""
        for attempt in range(1, attempts + 1):
            try:
                return self.start(self.words, lambda: os.path.exists(self.socket) and self.cli("info").returncode == 0)
            except AssertionError:
                # rootlesskit prints more after it.
                if attempt == attempts or "timeout waiting for containerd to start" not in self.tail(6):
                    raise
        return None

    def daemon_command(self):
        configuration = os.path.join(self.top, "daemon.json")
        with open(configuration, "w") as file:
            json.dump({"runtimes": self.runtimes()}, file)  # the machine's own is not for this daemon
        command = [self.script, "--config-file", configuration, "--exec-opt", f"native.cgroupdriver={self.manager}",
                   "--data-root", f"{self.top}/data", "--exec-root", f"{self.top}/exec", "--pidfile", f"{self.top}/pid",
                   "--host", f"unix://{self.socket}", "--storage-driver", STORAGE["docker"], "--ip6tables=false",
                   "--experimental", "--bip", "172.31.99.1/24"]
        for limit in ULIMITS:
            command += ["--default-ulimit", limit]
        return self.view() + command

    def runtimes(self):
        found = {f"krun-{mode}": {"path": program} for mode, program in PROGRAMS.items()}
        for mode, program in PROGRAMS.items():
            found[f"krun-{mode}-debug"] = {"path": program, "runtimeArgs": ["--debug-log", f"{self.top}/%ID%.%COMMAND%.debug"]}
        return found

    def view(self):
        """Returns the command in front of the daemon, which gives it its cgroup mounts."""
        return []

    def cli(self, *arguments):
        return subprocess.run([self.client, "-H", f"unix://{self.socket}", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT, check=False)

    def command(self, mode, *arguments):
        words = [self.client, "-H", f"unix://{self.socket}", *arguments]
        if arguments[0] in ("run", "create"):
            words[4:4] = ["--runtime", f"krun-{mode}"]
        return words

    def popen(self):
        return {"env": dict(os.environ, DOCKER_CONFIG=self.top)}

    def roots(self):
        """Returns the state roots that it gives to runtimes: one for all of them, or one for each, below its own directory or not."""
        return [root for top in (f"{self.top}/exec", "/var/run/docker") for root in glob.glob(f"{top}/runtime-*/moby")]

    def states(self):
        return [name for root in self.roots() for name in self.states_in(root)]


class HybridDockerd(Dockerd):
    """A dockerd that sees the machine's own cgroup mounts, with v1 controllers."""

    name = "docker-hybrid"

    def view(self):
        return hybrid_view()


class RemappedDockerd(OwnRanges, Dockerd):
    """A dockerd whose containers have a range of an ordinary user's ids."""

    name = "docker-remapped"

    def daemon_command(self):
        user = pwd.getpwnam("www-data").pw_name
        self.give_ranges(user)
        return [*super().daemon_command(), "--userns-remap", user]


class RootlessDockerd(Dockerd):
    """The dockerd of an ordinary user, below rootlesskit, as dockerd's own script starts it for a user's systemd."""

    name = "docker-rootless"
    script = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
    programs = (*Dockerd.programs, script, "rootlesskit", "newuidmap", "slirp4netns")
    units = {"systemd": "docker-*.scope"}
    apparmor_profile = None     # only root may confine

    def __init__(self, manager="systemd"):
        self.session = Session.get()
        self.scope = f"krun-dockerd-{os.getpid()}"
        self.starts = 0
        service = "/user.slice/user-1000.slice/user@1000.service"
        self.groups = {"systemd": f"{service}/(user.slice/|app.slice/{self.scope}-)"}
        super().__init__(manager)

    def start(self, command, ready):
        """Starts it in a part of the user's systemd tree, as a service; each time in another, because the last one may still exist."""
        self.starts += 1
        super().start(["systemd-run", "--user", "--scope", "--quiet", "--collect", f"--unit={self.scope}-{self.starts}.scope",
                       "--property=Delegate=yes", *command], ready)

    def daemon_command(self):
        for program in PROGRAMS.values():
            self.session.program(program, self.top)
        # km's device is his by a group of his; settings of his own let him keep it.
        with open(self.settings, "w") as file:
            json.dump({"allowKeepGroups": True}, file)
        os.chown(self.top, self.session.user.pw_uid, self.session.user.pw_gid)
        return super().daemon_command()

    @property
    def settings(self):
        return os.path.join(self.top, "krun.json")

    def runtimes(self):
        found = {f"krun-{mode}": {"path": os.path.join(self.top, os.path.basename(program))}
                 for mode, program in PROGRAMS.items()}
        found["krun-km"]["runtimeArgs"] = ["--config-file", self.settings]
        return found

    def popen(self):
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"     # a user's may be without dockerd
        return dict(self.session.words(DOCKER_CONFIG=self.top, PATH=path, DOCKERD_ROOTLESS_ROOTLESSKIT_STATE_DIR=f"{self.top}/kit"),
                    cwd=self.top)

    def pid(self):
        """Returns the pid of dockerd itself, whose mounts are not those of rootlesskit above it."""
        with open(f"{self.top}/pid") as file:
            return int(file.read())

    def roots(self):
        return glob.glob(f"{self.top}/exec/runtime-*/moby")

    def systemctl(self, *words):
        return self.session.run("systemctl", "--user", *words).out


class Podman(Engine):
    name = "podman"
    programs = ("podman", "conmon")
    groups = {"cgroupfs": "/libpod_parent", "systemd": "/machine.slice/libpod-"}
    units = {"systemd": "libpod-*.scope"}
    apparmor_profile = "containers-default-"
    # conmon 2.1.6 leaves the note about it in its working directory, where podman does not look.
    tells_oom = False
    image = "localhost/bb:1"

    def __init__(self, manager="cgroupfs"):
        super().__init__(manager)
        self.configure()
        imported = subprocess.run(self.command("plain", "import", self.tarball(), self.image), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=TIMEOUT, check=False, **self.popen())
        if imported.returncode:
            self.close()
            raise AssertionError(f"podman import: {imported.stderr.decode()}")

    def configure(self):
        self.configuration = os.path.join(self.top, "containers.conf")
        runtimes = ", ".join(f'"{os.path.basename(program)}"' for program in PROGRAMS.values())
        with open(self.configuration, "w") as file:
            # Without pids_limit=0 podman asks for a limit, which a host without that controller cannot set.
            file.write(f"""[containers]
pids_limit = 0
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime_supports_json = [{runtimes}]
runtime_supports_nocgroup = [{runtimes}]
[network]
network_config_dir = "{self.top}/net.d"
""")
        os.mkdir(os.path.join(self.top, "net.d"))

    def program(self, mode):
        return PROGRAMS[mode]

    def command(self, mode, *arguments):
        return ["podman", "--root", f"{self.top}/storage", "--runroot", f"{self.top}/run", "--tmpdir",
                f"{self.top}/tmp", "--storage-driver", STORAGE["podman"], "--cgroup-manager", self.manager, "--events-backend",
                "file", "--runtime", self.program(mode), *self.runtime_flags(mode), *arguments]

    def runtime_flags(self, mode):
        """Returns options for krun itself."""
        return []

    def popen(self):
        return {"env": dict(os.environ, CONTAINERS_CONF=self.configuration), "cwd": self.top}

    def states(self):
        return self.states_in("/run/krun")


class PodmanOfUser(Podman):
    """The podman of an ordinary user, in a login session."""

    name = "podman-user"
    programs = ("podman", "conmon", "newuidmap", "slirp4netns")
    units = {"systemd": "libpod-*.scope"}
    apparmor_profile = None     # only root may confine

    def __init__(self, manager="cgroupfs"):
        self.session = Session.get()
        # What is not in a scope of its own stays in the session's cgroup.
        own = f"({self.session.cgroup}|/user.slice/user-1000.slice/user@1000.service/user.slice)/"
        self.groups = {word: own for word in MANAGERS}
        super().__init__(manager)

    def configure(self):
        super().configure()
        for program in PROGRAMS.values():
            self.session.program(program, self.top)
        # km's device is his by a group of his; settings of his own let him keep it.
        with open(self.settings, "w") as file:
            json.dump({"allowKeepGroups": True}, file)
        self.session.give(self.top)

    @property
    def settings(self):
        return os.path.join(self.top, "krun.json")

    def runtime_flags(self, mode):
        return ["--runtime-flag", f"config-file={self.settings}"] if mode == "km" else []

    def program(self, mode):
        return os.path.join(self.top, os.path.basename(PROGRAMS[mode]))

    def popen(self):
        return dict(self.session.words(CONTAINERS_CONF=self.configuration), cwd=self.top)

    def systemctl(self, *words):
        return self.session.run("systemctl", "--user", *words).out

    def states(self):
        return self.states_in(f"{self.session.runtime}/krun")

    def close(self):
        # podman's own process that keeps its user namespace.
        subprocess.run(["podman", "--root", f"{self.top}/storage", "--runroot", f"{self.top}/run", "--tmpdir", f"{self.top}/tmp",
                        "system", "migrate"], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                       check=False, **self.popen())
        super().close()


class Containerd(Engine):
    name = "containerd"
    programs = ("containerd", "ctr", "containerd-shim-runc-v2")
    groups = {"cgroupfs": "/krun-test", "systemd": "/system.slice/ctr-"}
    units = {"systemd": "ctr-*.scope"}
    namespace = "krun-test"

    def __init__(self, manager="cgroupfs"):
        super().__init__(manager)
        self.socket = os.path.join(self.top, "sock")
        configuration = os.path.join(self.top, "config.toml")
        with open(configuration, "w") as file:
            file.write(f"""version = 2
root = "{self.top}/root"
state = "{self.top}/state"
{self.plugins()}
[grpc]
address = "{self.socket}"
""")
        try:
            self.start(["containerd", "--config", configuration], self.answers)
        except BaseException:
            self.close()
            raise

    def plugins(self):
        """What its configuration says of them."""
        return 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'

    def answers(self):
        return os.path.exists(self.socket) and subprocess.run(
            self.command("plain", "version"), capture_output=True, timeout=TIMEOUT, check=False).returncode == 0

    def command(self, mode, *arguments):
        words = ["ctr", "--address", self.socket, "--namespace", self.namespace, *arguments]
        if arguments[0] == "run":
            words[6:6] = ["--runc-binary", PROGRAMS[mode]]
            if self.manager == "systemd":
                name = arguments[arguments.index("--rootfs") + 2]
                words[6:6] = ["--runc-systemd-cgroup", "--cgroup", f"system.slice:ctr:{name}"]
        return words

    def states(self):
        return self.states_in(f"/run/containerd/runc/{self.namespace}")


# ---- what is on the machine ---------------------------------------------------------------------------------------


def in_cgroups(pid, groups):
    with open(f"/proc/{pid}/cgroup") as file:
        path = [line.strip()[3:] for line in file if line.startswith("0::")][0]
    return any(re.match(group, path) for group in groups)


def processes(engine):
    """Returns the processes of the ring (it has a pid namespace or a cgroup of its own) that have not ended."""
    found = {}
    groups = [own_cgroup() + "(/|$)", engine.groups[engine.manager]] if OWN_MACHINE else [""]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            if state != "Z" and line and in_cgroups(pid, groups):
                found[pid] = line
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cgroups(engine):
    """Returns the cgroups, without those that the engine keeps for its next container."""
    kept = {f"{CGROUP}/{name}" for name in ("docker", "krun-test", "libpod_parent", "libpod_parent/conmon", "krun")}
    if not OWN_MACHINE:
        return {folder for folder, _, _ in os.walk(CGROUP)} - kept
    pattern = re.compile(engine.groups[engine.manager])
    return {folder for folder, _, _ in os.walk(CGROUP)
            if pattern.match(folder[len(CGROUP):]) and "/podman-pause-" not in folder} - kept


def units(engine):
    pattern = engine.units.get(engine.manager)
    if not pattern:
        return []
    return engine.systemctl("list-units", "--all", "--plain", "--no-legend", pattern).splitlines()


def mounts(pids):
    """Returns the mount points in the mount namespaces of @pids, without those that engines keep for their next container."""
    found = set()
    for pid in pids:
        with open(f"/proc/{pid}/mountinfo") as file:
            found |= {line.split()[4] for line in file}
    return {path for path in found if path != "/run/netns" and not path.endswith(("/netns/default", "/storage/overlay"))}


def controllers():
    with open(f"{CGROUP}/cgroup.controllers") as file:
        return file.read().split()


class EngineTest(unittest.TestCase):
    """One test of an engine (self.engine, set by the module); afterwards the machine is as before it."""

    variants = ("plain", "km")
    mode = "plain"
    # The mode in which tests run in the slow machine unless they are named; a class with the other cgroup manager or
    # user has the other mode there. None: both.
    machine_mode = None
    longMessage = True
    engine = None

    def setUp(self):
        self.engine = self.find_engine()
        self.name = f"t{os.getpid()}-{time.monotonic_ns() % 10**9}"
        self.names = [self.name]
        self.before = (processes(self.engine), cgroups(self.engine), mounts(self.mount_namespaces()))
        self.background = []

    def find_engine(self):
        raise NotImplementedError

    def mount_namespaces(self):
        return ["self"] + ([self.engine.daemon.pid] if self.engine.daemon else [])

    def daemon(self):
        """Returns the present process of the daemon, which a test may have started again."""
        return {str(self.engine.daemon.pid)} if self.engine.daemon else set()

    def remove(self):
        """Removes the containers of self.names with the engine's own command."""
        raise NotImplementedError

    def leftovers(self):
        known, groups, mounted = self.before
        left = [f"process {pid}: {line}" for pid, line in processes(self.engine).items()
                if pid not in {*known, *self.daemon()} and not line.startswith(("containerd ", "podman pause", "catatonit -P"))]
        left += [f"cgroup {path}" for path in cgroups(self.engine) - groups]
        left += [f"unit {line}" for line in units(self.engine)]
        left += [f"mount {path}" for path in mounts(self.mount_namespaces()) - mounted]
        return left + [f"state of {name}" for name in self.engine.states()]

    def tearDown(self):
        for process in self.background:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.remove()
        try:
            # The engine's helpers (shims, conmon) end on their own time.
            wait_until(lambda: not self.leftovers(), 60, "clean machine")
        except AssertionError:
            self.assertEqual(self.leftovers(), [], "left behind")

    # ---- the client ----

    def cli(self, *arguments, timeout=TIMEOUT, stdin=None):
        more = {"input": stdin.encode()} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return Result(subprocess.run(self.engine.command(self.mode, *arguments), timeout=timeout, check=False,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self.engine.popen(), **more))

    def ok(self, *arguments, **more):
        result = self.cli(*arguments, **more)
        self.assertEqual(result.status, 0, f"{' '.join(arguments)}: {result}")
        return result.out

    def on_terminal(self, arguments, keys, timeout=TIMEOUT):
        """Runs the client on a pty; keys is a list of (text to wait for, keys to type then). Returns (status, screen)."""
        pid, master = pty.fork()
        if pid == 0:
            try:
                command, more = self.engine.command(self.mode, *arguments), self.engine.popen()
                more.get("preexec_fn", lambda: None)()
                os.chdir(more.get("cwd", "."))
                os.execvpe(command[0], command, more.get("env", os.environ))
            finally:
                os._exit(127)
        screen, keys, deadline = b"", list(keys), time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                if keys and keys[0][0].encode() in screen:
                    os.write(master, keys.pop(0)[1].encode())
                if not select.select([master], [], [], 0.2)[0]:
                    continue
                try:
                    data = os.read(master, 65536)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    data = b""
                if not data:
                    break
                screen += data
            else:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(master)
            _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), screen.decode(errors="replace")
