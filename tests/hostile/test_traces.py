# SPDX-License-Identifier: Apache-2.0
"""What a container can see and take of krun's own processes: those that enter it, and the one that waits in it for `start`."""

import json
import os
import signal
import stat
import subprocess

from hostile import BothModes, HostileTest, as_descriptor_3, mount_config

ROWS = (
    ("Exec.test_root", "rob what exec brings in, with docker's capabilities", "nothing is opened, read or traced",
     "CVE-2016-9962"),
    ("Exec.test_user_namespace", "the same with all capabilities in a user namespace of root's",
     "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Exec.test_ordinary_user", "the same as the very user who calls krun", "nothing is opened, read or traced",
     "CVE-2016-9962"),
    ("Exec.test_processes_of_the_host_in_sight", "the same from a user namespace in the host's pid namespace",
     "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Join.test_root", "rob a container that is created in the attacker's pid namespace", "nothing is opened, read or traced",
     "CVE-2016-9962"),
    ("Join.test_user_namespace", "the same in the attacker's user namespace, too", "nothing is opened, read or traced",
     "CVE-2016-9962"),
    ("Join.test_ordinary_user", "the same, of an ordinary user", "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Monitor.test_process_in_front", "open the memory and descriptors of the processes in front of km, as their user",
     "refused", "CWE-732"),
    ("Monitor.test_exec_that_is_stopped", "stop the process of exec's km before its execve, and see whether exec can be ended", "it ends by TERM",
     "CWE-833"),
    ("Live.test_mounts_add", "rob what `mounts add` brings in", "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Live.test_mounts_add_in_a_user_namespace", "the same with all capabilities in a user namespace",
     "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Checkpoint.test_helpers", "rob what `checkpoint` brings in", "nothing is opened, read or traced", "CVE-2016-9962"),
    ("Parked.test_environment", "read the environment of a created container's process", "nothing of the caller's is in it",
     "CVE-2016-9962"),
    ("Parked.test_environment_in_a_user_namespace", "the same in a user namespace", "nothing of the caller's is in it",
     "CVE-2016-9962"),
    ("Parked.test_environment_of_an_ordinary_user", "the same, of an ordinary user", "nothing of the caller's is in it",
     "CVE-2016-9962"),
    ("Parked.test_environment_from_inside", "read it with a process of exec's", "nothing of the caller's is in it",
     "CVE-2016-9962"),
    ("Parked.test_command_line", "read the command line of a created container's process", "no path of the host is in it",
     "CWE-200"),
    ("Parked.test_descriptors", "look for files of the host among its descriptors",
     "standard streams, what was preserved, the gate, the program", "CVE-2024-21626"),
    ("Parked.test_descriptors_and_a_preserved_one", "the same behind a descriptor that the caller passes on",
     "standard streams, what was preserved, the gate, the program", "CVE-2024-21626"),
    ("Parked.test_log", "write to krun's log and trace by way of /proc/1/fd", "they stay as they are", "CVE-2024-21626"),
    ("Parked.test_output_of_hooks", "write to the file for what hooks say by way of /proc/1/fd", "it stays as it is",
     "CVE-2024-21626"),
)


class Exec(BothModes):
    def attack(self, before="true"):
        self.start_thief(before)
        times = self.give_chances(lambda: self.krun("exec", self.cid, "true", env=self.with_secret(), timeout=30))
        self.assert_nothing_stolen(times)

    def test_root(self):
        self.attack()

    def test_user_namespace(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack()

    def test_ordinary_user(self):
        self.of_ordinary_user()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack()

    def test_processes_of_the_host_in_sight(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.namespace("pid", False)
        self.config["linux"]["maskedPaths"] = []
        # The kernel allows no new proc for a pid namespace that does not belong to the user namespace.
        self.without_mounts("/proc")
        self.bind("/proc", "/proc")
        self.attack()


class Join(BothModes):
    """Two containers in one pid namespace: the first attacks while the second is created and waits."""

    def attack(self, *kinds):
        self.start_thief()
        pid = self.state()["pid"]
        for kind in kinds:
            self.namespace(kind, f"/proc/{pid}/ns/{kind}")
        if "user" in kinds:
            for key in ("uidMappings", "gidMappings"):
                del self.config["linux"][key]
        self.write_config(args=["true"])
        second = f"{self.cid}second"
        self.ids.append(second)

        def act():
            with open(os.path.join(self.top, "second"), "wb") as log:
                result = self.krun("create", "--bundle", self.bundle, second, env=self.with_secret(), stdout=log, stderr=log,
                                   timeout=30)
            with open(os.path.join(self.top, "second")) as log:
                # The thief may have killed or stopped the second container; that is not a failed set-up.
                self.assertTrue(result.status == 0 or self.loot(), log.read())
            self.krun("delete", "--force", second)

        self.assert_nothing_stolen(self.give_chances(act))

    def test_root(self):
        self.attack("pid")

    def test_user_namespace(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack("user", "pid")

    def test_ordinary_user(self):
        self.of_ordinary_user()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack("user", "pid")


class Monitor(HostileTest):
    mode = "km"

    def test_process_in_front(self):
        """These processes are not virtual machines, and a root user of the container could open what belongs to root."""
        look = "(: >> /proc/{0}/mem) 2> /dev/null && echo MEMORY; for f in /proc/{0}/fd/*; do readlink $f; done; true"
        self.start("echo READY; exec sleep 1000")
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", look.format(1)).out, "")
        # The parent of exec's shell is its km (here kmsim), whose parent is the process in front.
        script = "p=$(awk '{print $4}' /proc/$PPID/stat); test \"$(cat /proc/$p/comm)\" = krun-init || echo OTHER; " + look.format("$p")
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", script).out, "")

    def test_exec_that_is_stopped(self):
        self.start(f"exec {self.tool('stopper')}")
        process = self.spawn("exec", self.cid, "/bin/true", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
        # It has to end before the time-out of km.
        self.assertIsNotNone(process.wait(20))


class Live(BothModes):
    def attack_additions(self):
        self.start_thief()
        wanted = mount_config(f"{self.top}/mounts.json", destination="/added", type="proc", source="proc")
        self.assert_nothing_stolen(self.give_chances(
            lambda: self.krun("mounts", "add", self.cid, wanted, env=self.with_secret()), seconds=2))

    def test_mounts_add(self):
        self.attack_additions()

    def test_mounts_add_in_a_user_namespace(self):
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")
        self.attack_additions()


class Checkpoint(HostileTest):
    mode = "km"

    def test_helpers(self):
        self.start_thief()
        image = os.path.join(self.top, "image")
        self.assert_nothing_stolen(self.give_chances(
            lambda: self.krun("checkpoint", "--leave-running", "--image-path", image, self.cid, env=self.with_secret())))


class Parked(BothModes):
    settings = {}

    def park(self, *options, arguments=(), **more):
        if self.settings:
            path = os.path.join(self.top, "krun.json")
            with open(path, "w") as file:
                json.dump(self.settings, file)
            options = [*options, "--config-file", path]
        self.shell("echo ready")
        self.create(*arguments, env=self.with_secret(), options=options, **more)
        pid = self.state()["pid"]
        return [pid, *children_of(pid)]

    def look_at_environment(self):
        for pid in self.park():
            self.assertFalse(self.secret in self.read_process(pid, "environ"), f"process {pid} has the caller's environment")

    def test_environment(self):
        self.look_at_environment()

    def test_environment_in_a_user_namespace(self):
        self.in_user_namespace()
        self.look_at_environment()

    def test_environment_of_an_ordinary_user(self):
        self.of_ordinary_user()
        self.look_at_environment()

    def test_environment_from_inside(self):
        self.park()
        result = self.krun("exec", self.cid, "sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null; true", env=self.with_secret())
        self.assertFalse(self.secret in result.out, "a process in the container has read the caller's environment")

    def test_command_line(self):
        for pid in self.park():
            text = self.read_process(pid, "cmdline").replace("\0", " ")
            self.assertFalse(self.top in text, f"process {pid} has the command line: {text}")

    def host_files(self, pid, preserved):
        """Returns descriptors of files of the host that have a name there."""
        found = []
        for number in sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd")):
            path = f"/proc/{pid}/fd/{number}"
            name, info = os.readlink(path), os.stat(path)
            if number < 3 + preserved or not name.startswith("/") or name.startswith("/memfd:"):
                continue
            inside = os.path.join(self.rootfs, name.lstrip("/"))
            if os.path.exists(inside) and os.path.samestat(os.stat(inside), info):
                continue
            # The socket of the gate, to which `start` writes.
            if stat.S_ISFIFO(info.st_mode) and "start" in os.path.basename(name):
                continue
            # A monitor's log, on a small file system of its own.
            if self.mode == "km" and info.st_dev != os.stat(self.top).st_dev:
                continue
            found.append(f"{number}: {name}")
        return found

    def look_at_descriptors(self, preserved, **more):
        self.park("--log", f"{self.top}/host.log", "--debug", "--trace", f"{self.top}/host.trace",
                  arguments=["--preserve-fds", str(preserved)], **more)
        pid = self.state()["pid"]
        if preserved:
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/3"), "/dev/zero", "what was preserved")
        for process in [pid, *children_of(pid)]:
            self.assertEqual(self.host_files(process, preserved), [], f"descriptors of process {process}")

    def test_descriptors(self):
        self.look_at_descriptors(0)

    def test_descriptors_and_a_preserved_one(self):
        mine = os.open("/dev/zero", os.O_RDONLY)
        self.addCleanup(os.close, mine)
        self.look_at_descriptors(1, **as_descriptor_3(mine))

    def write_everywhere(self):
        """Writes from inside to every descriptor that the waiting processes hold."""
        self.krun("exec", self.cid, "sh", "-c", "for i in /proc/[0-9]*/fd/*; do case $i in /proc/$$/*) ;; "
                                                "*) [ -f $i ] && echo PLANTED >> $i; esac; done 2>/dev/null; true")

    def assert_untouched(self, path):
        if os.path.exists(path):
            with open(path, errors="replace") as file:
                self.assertFalse("PLANTED" in file.read(), f"the container has written to '{path}'")

    def test_log(self):
        log, trace = f"{self.top}/host.log", f"{self.top}/host.trace"
        self.park("--log", log, "--debug", "--trace", trace)
        self.write_everywhere()
        self.assertTrue(os.path.exists(log))
        self.assert_untouched(log)
        self.assert_untouched(trace)

    def test_output_of_hooks(self):
        out, err = f"{self.top}/hooks.out", f"{self.top}/hooks.err"
        self.config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err}
        self.config["hooks"] = {"startContainer": [{"path": "/bin/true"}], "createRuntime": [{"path": "/bin/true"}]}
        self.park()
        self.write_everywhere()
        self.assert_untouched(out)
        self.assert_untouched(err)


class ParkedBeforeMonitor(Parked):
    """The other start protocol: krun itself waits, and executes km at the start."""

    variants = ("km",)
    settings = {"startAt": "exec"}


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]
