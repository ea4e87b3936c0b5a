# SPDX-License-Identifier: Apache-2.0
"""
An ordinary user with a login session, on a machine that was made for these tests (tests/vm): a user manager of systemd, a bus, a
run-time directory, a cgroup of his own. Commands enter the cgroup of that session, as if they were typed in it.
"""

import atexit
import grp
import os
import pwd
import shutil
import signal
import subprocess
import time
import unittest

from krun import Result, children, wait_until

NAME = "lab"


def problem():
    """Returns why there is no such user here, or None."""
    if os.environ.get("KRUN_TEST_MACHINE") != "own":
        return "an ordinary user's session is only opened in the vm ring"
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return f"no user {NAME}"
    return None if os.path.isdir("/run/systemd/system") else "no systemd"


class Session:
    """One session for the process that asks; closed at its end."""

    only = None

    @classmethod
    def get(cls):
        reason = problem()
        if reason:
            raise unittest.SkipTest(reason)
        if not cls.only:
            cls.only = cls()
            atexit.register(cls.only.close)
        return cls.only

    def __init__(self):
        self.user = pwd.getpwnam(NAME)
        self.groups = [group.gr_gid for group in grp.getgrall() if NAME in group.gr_mem] + [self.user.pw_gid]
        # The shell of the session prints its environment and stays.
        self.holder = subprocess.Popen(["runuser", "-l", NAME, "-c", "env -0; printf '\\0'; exec sleep infinity"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        data = b""
        while not data.endswith(b"\0\0"):
            more = os.read(self.holder.stdout.fileno(), 4096)
            if not more:
                raise AssertionError(f"no session for {NAME}: {data.decode(errors='replace')}")
            data += more
        self.environment = dict(item.decode().split("=", 1) for item in data.split(b"\0") if item)
        self.shell = wait_until(self.find_shell, 60, f"session of {NAME}")
        with open(f"/proc/{self.shell}/cgroup") as file:
            self.cgroup = [line.strip()[3:] for line in file if line.startswith("0::")][0]

    def find_shell(self):
        """Returns the child of runuser, once it has become the shell."""
        for pid in children(self.holder.pid):
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if line.read().startswith(b"sleep\0"):
                    return pid
        return None

    @property
    def runtime(self):
        return self.environment["XDG_RUNTIME_DIR"]

    def enter(self):
        """Moves the child to the session's cgroup and changes to the user's ids, before exec."""
        with open(f"/sys/fs/cgroup{self.cgroup}/cgroup.procs", "w") as file:
            file.write("0")
        os.setgroups(self.groups)
        os.setresgid(*[self.user.pw_gid] * 3)
        os.setresuid(*[self.user.pw_uid] * 3)

    def words(self, **environment):
        """Returns the arguments of popen for a command in the session."""
        return {"preexec_fn": self.enter, "env": dict(self.environment, **environment)}

    def run(self, *command, timeout=120, environment=(), **more):
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("cwd", self.user.pw_dir)
        return Result(subprocess.run(command, capture_output=True, check=False, timeout=timeout,
                                     **self.words(**dict(environment)), **more))

    def folder(self, prefix):
        """Makes a directory that belongs to the user."""
        path = f"{self.user.pw_dir}/{prefix}-{os.getpid()}-{time.monotonic_ns()}"
        os.mkdir(path)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def give(self, path):
        """Changes the owner of the tree to the user."""
        subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", path], check=True)

    def program(self, source, folder):
        """Makes a copy that the user can read, because the build may be where only root can."""
        path = os.path.join(folder, os.path.basename(source))
        if not os.path.exists(path):
            shutil.copy(source, path)
        return path

    def close(self):
        self.holder.stdout.close()
        os.kill(self.shell, signal.SIGKILL)
        self.holder.wait()
