# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests of the built program: calls of the program, bundles, and checks of what a test leaves behind."""

import contextlib
import copy
import functools
import glob
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("KRUN_BUILD", os.path.join(SOURCE, "build"))
INJECT = os.path.join(BUILD, "tests", "faults", "tools", "inject")
PROGRAMS = {
    "plain": os.path.join(BUILD, "src", "krun-plain"),
    "km": os.path.join(BUILD, "src", "krun"),
}
if os.environ.get("RUNTIME"):
    # Another runtime for the same tests, which shows whether the test or krun is wrong.
    PROGRAMS = {"plain": os.environ["RUNTIME"]}
KM_PATH = "/opt/kontain/bin/km"
# True if km itself stands at that path (KRUN_KM of the vm ring) instead of kmsim.
REAL_KM = os.environ.get("KRUN_TEST_KM") == "real"
BUSYBOX = shutil.which("busybox") or "/bin/busybox"
CGROUP = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
FIRST_ID = 100000       # of the ids that root gives to user namespaces
APPLETS = """[ awk cat chmod chown cut date dd df echo env expr false find grep head hostname id ifconfig ip kill ln ls
mkdir mkfifo mknod mount nc nproc od ping printf ps pwd readlink rm rmdir sed seq setsid sh sleep sort stat stty sync tail tee
test touch tr true tty umount uname wc wget whoami xargs yes""".split()

CONFIG = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/true"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {
            kind: ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
            for kind in ("bounding", "effective", "permitted")
        },
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "kontainer",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
         "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
         "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    ],
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}


def children(pid):
    """Returns the pids of the children of a process, which has to be there, as numbers."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def wait_until(condition, seconds=60, what="condition"):
    """Polls until @condition holds, because the other side is another process; fails after a time-out, which is long because a busy machine is slow."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


@functools.lru_cache(maxsize=None)
def criu_trouble():
    """Returns why CRIU cannot be used here, or None."""
    criu = shutil.which("criu", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not criu:
        return "no CRIU on this host"
    if subprocess.run([criu, "check"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
        return "CRIU does not work with this kernel: `criu check` says why"
    return None


def features():
    return json.loads(subprocess.run([PROGRAMS["plain"], "features"], capture_output=True, check=True).stdout)


def require_systemd_manager():
    """Skips a test of the systemd manager where there is none."""
    if not os.path.isdir("/run/systemd/system"):
        raise unittest.SkipTest("systemd does not run here")
    if not features()["linux"]["cgroup"].get("systemd"):
        raise unittest.SkipTest("this krun has no systemd manager")
    done = subprocess.run(["systemctl", "is-system-running"], capture_output=True, check=False)
    word = done.stdout.decode().strip()
    if word not in ("running", "degraded", "starting"):
        raise unittest.SkipTest(f"systemctl is-system-running says '{word}'")


def hybrid_view():
    """
    Returns a command in front of another one, which then sees the machine's own cgroup v1 and v2 mounts, which the ring covers; the v2
    tree is that of the ring's cgroup. None on a machine without both.
    """
    with open("/proc/self/mountinfo") as file:
        kinds = {line.split()[4]: line.split(" - ")[1].split()[0] for line in file if " /sys/fs/cgroup" in line}
    if kinds.get("/sys/fs/cgroup/unified") != "cgroup2" or "cgroup" not in kinds.values():
        return None
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            """[ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ] || umount /sys/fs/cgroup || exit; exec "$@" """, "sh"]


def has_gnu_libc(program):
    """Returns whether a program is linked with GNU's C library, whose programs begin with a note that others do not have."""
    with open(program, "rb") as file:
        return struct.pack("<III4s", 4, 16, 1, b"GNU\0") in file.read(4096)


def has_apparmor():
    try:
        with open("/sys/module/apparmor/parameters/enabled") as file:
            return file.read().startswith("Y")
    except FileNotFoundError:
        return False


@functools.lru_cache(maxsize=None)
def runs(*command):
    """Returns whether the machine allows what this small program does."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def huge_pages(*sizes):
    """Skips a test on a machine without pages of these sizes ("2MB", "1GB")."""
    units = {"KB": 1, "MB": 1 << 10, "GB": 1 << 20}
    missing = [size for size in sizes
               if not os.path.isdir(f"/sys/kernel/mm/hugepages/hugepages-{int(size[:-2]) * units[size[-2:]]}kB")]
    return unittest.skipIf(missing, f"no huge pages of {' and '.join(missing)} on this machine")


def stand_in_only(why):
    """Skips a test of what only kmsim does: its own texts, misbehaviour on request."""
    return unittest.skipIf(REAL_KM, f"not with km itself: {why}")


def spoken(words):
    """Returns the words of a command. kmsim sets $KMSIM for its payload; with km itself a script that uses it sets it by the name of the kernel."""
    tell = "case $(uname -r) in *kontain*) KMSIM=1 KMSIM_STATE=/tmp/.kmsim-state;; esac; "
    return [tell + word if REAL_KM and ("$KMSIM" in word or "${KMSIM" in word) else word for word in words]


def counter(pause="0.02"):
    """
    Returns a shell script that counts, and goes on where it was when its snapshot was taken: kmsim keeps the file $KMSIM_STATE, km itself
    all of memory, but of one process only, so the script must not start another one.
    """
    if REAL_KM:
        return "n=0; trap 'exit 3' TERM; while :; do n=$((n+1)); echo n$n; i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; done"
    return ("n=$(cat $KMSIM_STATE 2>/dev/null || echo 0); trap 'exit 3' TERM; while :; do n=$((n+1)); echo $n > $KMSIM_STATE.new; "
            f"mv $KMSIM_STATE.new $KMSIM_STATE; echo n$n; sleep {pause}; done")


def copy_busybox(path):
    """Copies busybox. Debian's executes /proc/self/exe for its applets, which under km is km; without that path it looks for their names."""
    shutil.copy(BUSYBOX, path)
    if REAL_KM:
        with open(path, "rb+") as file:
            program = file.read().replace(b"/proc/self/exe\0", b"/proc/none/exe\0")
            file.seek(0)
            file.write(program)


def make_rootfs(path):
    for name in ("bin", "dev", "etc", "opt", "proc", "root", "sys", "tmp", "var/lib"):
        os.makedirs(os.path.join(path, name), exist_ok=True)
    os.chmod(os.path.join(path, "tmp"), 0o1777)
    copy_busybox(os.path.join(path, "bin/busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(path, "bin", applet))
    # Takes more memory than any test allows, at once: a payload that grows step by step, as tail(1) of /dev/zero, was never killed under km.
    with open(os.path.join(path, "bin/hog"), "w") as file:
        file.write("#!/bin/sh\nexec dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null\n")
    os.chmod(os.path.join(path, "bin/hog"), 0o755)
    with open(os.path.join(path, "etc/passwd"), "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")
    with open(os.path.join(path, "etc/group"), "w") as file:
        file.write("root:x:0:\nalice:x:1000:\n")


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout.decode(errors="replace") if process.stdout else ""
        self.err = process.stderr.decode(errors="replace") if process.stderr else ""

    def __repr__(self):
        return f"status {self.status}, stdout {self.out!r}, stderr {self.err!r}"


@contextlib.contextmanager
def user_namespace(uid, gid):
    """Makes a user namespace whose root is that user outside, with 65536 ids; returns its path."""
    with subprocess.Popen(["unshare", "--user", "sleep", "1000"]) as process:
        try:
            path = f"/proc/{process.pid}/ns/user"
            wait_until(lambda: os.readlink(path) != os.readlink("/proc/self/ns/user"), what="user namespace")
            for kind, outside in (("uid", uid), ("gid", gid)):
                with open(f"/proc/{process.pid}/{kind}_map", "w") as file:
                    file.write(f"0 {outside} 65536")
            yield path
        finally:
            process.kill()


class KrunTest(unittest.TestCase):
    """Base of a test with a scratch directory, a state root and a bundle; afterwards nothing of it may be left."""

    mode = "plain"
    longMessage = True

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="krun-test-")
        os.chmod(self.top, 0o755)
        self.root = os.path.join(self.top, "state")
        self.bundle = os.path.join(self.top, "bundle")
        self.rootfs = os.path.join(self.bundle, "rootfs")
        self.log = os.path.join(self.top, "log")
        os.mkdir(self.bundle)
        make_rootfs(self.rootfs)
        self.config = copy.deepcopy(CONFIG)
        self.cid = "t" + os.path.basename(self.top)[10:]
        self.ids = [self.cid]
        self.processes = []
        self.host_options = []

    def tearDown(self):
        leftovers = []
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for name in sorted(os.listdir(self.root)) if os.path.isdir(self.root) else []:
            if not name.startswith("."):
                self.krun("delete", "--force", name)
        if os.path.isdir(self.root):
            leftovers += [f"state of {name}" for name in os.listdir(self.root) if not name.startswith(".")]
        leftovers += [f"cgroup {path}" for identity in self.ids
                      for path in glob.glob(f"{CGROUP}/krun-{identity}")]
        with open("/proc/self/mountinfo") as file:
            leftovers += [f"mount {line.split()[4]}" for line in file if self.top in line]
        for mount in [left[6:] for left in leftovers if left.startswith("mount ")]:
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.top, ignore_errors=True)
        self.assertEqual(leftovers, [], "left behind")

    # ---- the program ----

    def command(self, *arguments, options=(), mode=None):
        return [PROGRAMS[mode or self.mode], "--root", self.root, *self.host_options, *options,
                *spoken(arguments)]

    def allow(self, *keys):
        """From here on the host's settings allow annotations; the arguments are keys of krun.json."""
        path = os.path.join(self.top, "allow.json")
        with open(path, "w") as file:
            json.dump(dict.fromkeys(keys, True), file)
        self.host_options = ["--config-file", path] if keys else []

    @staticmethod
    def environment(arguments):
        """Returns the environment of krun. exec's parent enters a pid namespace for its children, where the leak checker's helper cannot trace it."""
        return dict(os.environ, ASAN_OPTIONS="detect_leaks=0") if arguments[0] == "exec" else None

    def krun(self, *arguments, options=(), mode=None, stdin=None, timeout=60, **more):
        """Runs a command of krun to its end."""
        if isinstance(stdin, str):
            more["input"] = stdin.encode()
        else:
            more["stdin"] = stdin if stdin is not None else subprocess.DEVNULL
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("env", self.environment(arguments))
        return Result(subprocess.run(self.command(*arguments, options=options, mode=mode),
                                     timeout=timeout, check=False, **more))

    def injected(self, words, *arguments, **more):
        """Runs a command of krun in tests/faults/tools/inject, with these words of its own; its report is {self.top}/report."""
        if not os.path.exists(INJECT):
            self.skipTest("the program that sees system calls is for x86_64")
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        # LeakSanitizer refuses to work in a process that is traced.
        return Result(subprocess.run([INJECT, f"{self.top}/report", *words, "--", *self.command(*arguments)], stdin=subprocess.DEVNULL,
                                     timeout=120, check=False, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), **more))

    def ok(self, *arguments, **more):
        result = self.krun(*arguments, **more)
        self.assertEqual(result.status, 0, f"krun {' '.join(arguments)}: {result}")
        return result

    def fails(self, *arguments, status=1, **more):
        """Runs a command that has to fail with one line on stderr, nothing on stdout, and this status; returns the line."""
        result = self.krun(*arguments, **more)
        self.assertEqual(result.status, status, f"krun {' '.join(arguments)}: {result}")
        self.assertEqual(result.out, "", "stdout of a failure")
        self.assertEqual(result.err.count("\n"), 1, f"one line: {result.err!r}")
        self.assertTrue(result.err.startswith("krun: "), result.err)
        return result.err[len("krun: "):-1]

    # ---- the bundle ----

    def map_ids(self, host=FIRST_ID, size=65536):
        """Gives the container a user namespace of its own, whose root is that user outside."""
        kept = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        self.config["linux"]["namespaces"] = [*kept, {"type": "user"}]
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": host, "size": size}]

    def in_user_namespace(self):
        """Gives the container a user namespace that root makes; the root file system belongs to its root."""
        self.map_ids()
        subprocess.run(["chown", "-R", f"{FIRST_ID}:{FIRST_ID}", self.rootfs], check=True)

    def in_user_namespace_kept_out(self):
        """The same, and the container's users cannot walk to the root file system by its path."""
        self.in_user_namespace()
        os.chmod(self.bundle, 0o700)

    def write_config(self, **process):
        self.config["process"].update(process)
        if "args" in process:
            self.config["process"]["args"] = spoken(process["args"])
        if os.environ.get("RUNTIME") and list(self.config["linux"].get("resources", {})) == ["devices"]:
            # crun raises RLIMIT_MEMLOCK for its device filter, which not every user may.
            del self.config["linux"]["resources"]
        with open(os.path.join(self.bundle, "config.json"), "w") as file:
            json.dump(self.config, file)

    def shell(self, script, **process):
        self.write_config(args=["/bin/sh", "-c", script], **process)

    def create(self, *options, identity=None, **more):
        """Runs create with stdio for which nothing waits; stdout and stderr of the program go to self.log."""
        with open(self.log, "ab") as log:
            result = self.krun("create", "--bundle", self.bundle, *options, identity or self.cid, stdout=log,
                               stderr=log, **more)
        self.assertEqual(result.status, 0, "create: " + self.logged())
        return result

    def logged(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def run_container(self, *options, **more):
        """Runs `run` in the foreground."""
        return self.krun("run", "--bundle", self.bundle, *options, self.cid, **more)

    def run_ok(self, *options, **more):
        result = self.run_container(*options, **more)
        self.assertEqual(result.status, 0, f"run: {result}")
        return result.out

    def run_fails(self, *options, **more):
        return self.fails("run", "--bundle", self.bundle, *options, self.cid, **more)

    def inside(self, script, *options, **process):
        """Runs a shell script in a new container; returns its stdout."""
        self.shell(script, **process)
        return self.run_ok(*options)

    def start_sleeper(self, script="trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done", *options):
        """Creates and starts a container; returns when it has said "ready"."""
        # The log is emptied, because it may have the output of an earlier container.
        open(self.log, "wb").close()
        self.shell(script)
        self.create(*options)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")

    def state(self, identity=None):
        return json.loads(self.ok("state", identity or self.cid).out)

    def status(self, identity=None):
        return self.state(identity)["status"]

    def wait_stopped(self, identity=None):
        wait_until(lambda: self.status(identity) == "stopped", what="end of the container")

    def spawn(self, *arguments, **more):
        more.setdefault("env", self.environment(arguments))
        process = subprocess.Popen(self.command(*arguments), **more)
        self.processes.append(process)
        return process


class BothModes(KrunTest):
    """Base of tests that the runner starts twice: plain, and with kmsim at km's path."""

    variants = ("plain", "km")
