# SPDX-License-Identifier: Apache-2.0
"""
What the hostile ring shares: containers that attack krun and the host, as root, in a user namespace, and of an ordinary user.

Each file of tests/hostile has a table ROWS with a row for each of its tests (tests/checks/rows.py): name, attack, what is
expected, and the class of published holes that it belongs to. A test fails when its attack succeeds. What an attack may hurt
is the tests' own: /dev (tests/hostile/own-dev), directories in place of the host's, copies of krun's program.
"""

import contextlib
import errno
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import time
import unittest

from krun import BUILD, CGROUP, KrunTest, PROGRAMS, wait_until

TOOLS = os.path.join(BUILD, "tests", "hostile", "tools")
DOCKER_CAPABILITIES = [f"CAP_{name}" for name in (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT").split()]
USER = pwd.getpwnam("www-data").pw_uid      # any that is not root
RACE = 3                                    # seconds that attacks which need luck are tried


class Refused(unittest.SkipTest):
    """krun said that it does not work without a system call: the end of a case, with which test_missing_calls.py is content."""


class HostileTest(KrunTest):
    """A container with docker's capabilities and no filter, and methods that turn it into others."""

    maxDiff = None
    missing = ()                            # system calls that fail with ENOSYS for krun, and so for the container
    refused_line = None                     # what krun said when it refused to work without one

    def setUp(self):
        if not os.path.exists("/dev/krun-hostile"):
            self.skipTest("only with a /dev of the tests' own: tests/run.py hostile")
        super().setUp()
        self.user = None                    # the ordinary user who calls krun, if any
        self.program = None                 # a copy of krun that is run instead of the built one
        self.secret = "HOSTSECRET" + secrets.token_hex(8)
        self.canary = os.path.join(self.top, "canary")
        with open(self.canary, "w") as file:
            file.write(self.secret + "\n")
        os.makedirs(os.path.join(self.rootfs, "usr", "local"))
        self.config["process"]["noNewPrivileges"] = False
        self.capabilities(*DOCKER_CAPABILITIES)

    # ---- the container ----

    def capabilities(self, *names):
        self.config["process"]["capabilities"] = {kind: list(names) for kind in ("bounding", "effective", "permitted")}

    def more_capabilities(self, *names):
        self.capabilities(*self.config["process"]["capabilities"]["bounding"], *names)

    def namespace(self, kind, path=None):
        """Replaces a namespace in the configuration; a path joins an existing one, False leaves it out."""
        kept = [item for item in self.config["linux"]["namespaces"] if item["type"] != kind]
        if path is not False:
            kept.append({"type": kind, **({"path": path} if path else {})})
        self.config["linux"]["namespaces"] = kept

    def without_mounts(self, *destinations):
        self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] not in destinations]

    def bind(self, source, destination, *options):
        self.config["mounts"].append({"destination": destination, "type": "bind", "source": source,
                                      "options": ["rbind", *options]})

    def of_ordinary_user(self, own_program=False):
        """From here on a user with no privilege and one id calls krun; @own_program: a program that this user may write to."""
        self.map_ids(USER, 1)
        del self.config["linux"]["resources"]
        self.without_mounts("/sys/fs/cgroup")
        for mount in self.config["mounts"]:
            mount["options"] = [word for word in mount.get("options", []) if word != "gid=5"]
        self.copy_program(USER if own_program else 0)
        os.mkdir(self.root, 0o700)
        for path in (self.root, self.bundle):
            subprocess.run(["chown", "-R", f"{USER}:{USER}", path], check=True)
        os.chown(self.top, USER, USER)
        self.user = USER

    def copy_program(self, owner=0):
        folder = os.path.join(self.top, "installed")
        os.mkdir(folder)
        self.program = os.path.join(folder, os.path.basename(PROGRAMS[self.mode]))
        shutil.copy(PROGRAMS[self.mode], self.program)
        for path in (folder, self.program):
            os.chown(path, owner, owner)
        os.chmod(self.program, 0o755)

    def command(self, *arguments, options=(), mode=None):
        options = ["--log", f"{self.top}/refusals", *options] if self.missing else options
        words = super().command(*arguments, options=options, mode=mode)
        if self.program and mode is None:
            words[0] = self.program
        if self.user is not None:
            words[1:1] = ["--cgroup-manager", "disabled"]
            words[:0] = ["setpriv", "--reuid", str(self.user), "--regid", str(self.user), "--clear-groups",
                         "--inh-caps=-all", "env", f"XDG_RUNTIME_DIR={self.top}"]
        if self.missing:
            words[:0] = [os.path.join(TOOLS, "hostile_without"), ",".join(self.missing)]
        return words

    def krun(self, *arguments, **more):
        result = super().krun(*arguments, **more)
        if self.missing and result.status:
            self.end_if_refused(arguments)
        return result

    def spawn(self, *arguments, **more):
        process = super().spawn(*arguments, **more)
        if self.missing:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                self.end_if_refused(arguments)
        return process

    def refusal(self):
        """Returns an error of krun that names a missing call, if there was one."""
        for path in (f"{self.top}/refusals", self.log):
            text = ""
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text = file.read()
            named = re.search(r"(?m)^.* has no (\w+)\(2\); krun needs Linux [\d.]+ or newer \(ENOSYS\)", text)
            if named:
                self.assertIn(named.group(1), self.missing, named.group())
                return named.group()
        return None

    def forget_refusals(self):
        for path in (f"{self.top}/refusals", self.log):
            open(path, "wb").close()

    def end_if_refused(self, arguments):
        """Raises Refused after such an error. A command that makes a container must have left nothing of it."""
        line = self.refusal()
        if not line:
            return
        if arguments[0] in ("create", "run"):
            left = [path for path in (f"{self.root}/{self.cid}", f"{CGROUP}/krun-{self.cid}") if os.path.exists(path)]
            self.assertEqual(left, [], f"left by a container that was refused: {line}")
        raise Refused(line)

    def tearDown(self):
        self.refused_line = self.refusal()
        self.missing = ()                   # what is cleaned up is not under test
        super().tearDown()

    def with_secret(self, **more):
        """Returns an environment with a secret, as an engine may have."""
        return dict(os.environ, ENGINE_TOKEN=self.secret, ASAN_OPTIONS="detect_leaks=0", **more)

    # ---- attacks ----

    def tool(self, name):
        """Puts a program of tests/hostile/tools into the root, and gives its path there."""
        target = os.path.join(self.rootfs, "bin", name)
        if not os.path.exists(target):
            shutil.copy(os.path.join(TOOLS, f"hostile_{name}"), target)
        return f"/bin/{name}"

    def size_of_krun(self):
        return os.path.getsize(os.path.realpath(self.program or PROGRAMS[self.mode]))

    def start(self, script, word="READY"):
        """Starts a container; returns when its payload has said @word."""
        open(self.log, "wb").close()
        self.shell(script)
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: word in self.logged(), what="attacker")

    def start_thief(self, before="true"):
        """Starts a container that attacks every process of krun that it sees, and has made the search for programs slow."""
        thief, maze = self.tool("steal"), self.tool("maze")
        self.start(f"{maze} /usr/local/sbin /usr/local/bin; {before}; "
                   f"exec {thief} {RACE + 2} {self.size_of_krun()} {self.canary.lstrip('/')} {self.secret}")

    def loot(self):
        return [line for line in self.logged().splitlines() if line.startswith(("STOLEN", "ESCAPED"))]

    def give_chances(self, act, done=None, seconds=RACE):
        """Calls @act again and again while the container tries; ends early when @done."""
        deadline, times = time.monotonic() + seconds, 0
        done = done or self.loot
        while time.monotonic() < deadline and not done():
            try:
                act()
            except OSError as error:
                # An attempt to open the file for writing counts as a writer for a moment, also on a read-only mount (ETXTBSY, execve(2)).
                if error.errno != errno.ETXTBSY:
                    raise
            times += 1
        self.assertGreater(times, 0)
        return times

    def assert_nothing_stolen(self, times):
        loot = self.loot()
        self.assertFalse(loot, f"after {times} times: " + "; ".join(loot[:8]))

    def read_process(self, pid, name):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read().decode(errors="replace")


class BothModes(HostileTest):
    """Base of tests that the runner starts twice: plain, and with kmsim at km's path."""

    variants = ("plain", "km")


def picture(folder):
    """Returns everything about the entries of a directory that a mistake could change."""
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        info = os.lstat(path)
        found[name] = (oct(info.st_mode), info.st_uid, info.st_gid, info.st_rdev, info.st_ino,
                       os.readlink(path) if os.path.islink(path) else None)
    return found


def mount_config(path, **mount):
    """Writes a file for `krun mounts add`."""
    with open(path, "w") as file:
        json.dump([mount], file)
    return path


def as_descriptor_3(fd):
    """Returns arguments of subprocess that pass @fd on as descriptor 3, whatever this process has there."""
    def arrange():
        # dup2(2) to the same number would leave it close-on-exec.
        os.dup2(os.dup(fd), 3)

    return {"close_fds": False, "preexec_fn": arrange}
