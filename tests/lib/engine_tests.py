# SPDX-License-Identifier: Apache-2.0
"""The tests that docker and podman share, those of ctr, and those that need a machine of their own."""

import glob
import json
import os
import re
import stat
import subprocess
import threading
import time
import unittest

from engines import EngineTest, controllers, in_machine
from krun import CGROUP, PROGRAMS, has_apparmor, wait_until


class OneEngine:
    """Base of a class that has an engine of its own."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.engine_of_class = cls.kind()

    @classmethod
    def tearDownClass(cls):
        cls.engine_of_class.close()

    def find_engine(self):
        return self.engine_of_class


def check_debug_log(test, top, wanted=("create", "start", "delete")):
    """What krun has written for a container that ran true is below @top in files NAME.COMMAND.debug."""
    made, = glob.glob(f"{top}/*.create.debug")
    identity = os.path.basename(made).split(".")[0]
    with open(made) as file:
        text = file.read()
    for fact in (rf"\] {identity} create debug: call: .* --log ", r" mounts debug: mount proc ", r"mode (plain|km): ", r"namespace mount: new"):
        test.assertRegex(text, fact)
    commands = {os.path.basename(name).split(".")[1] for name in glob.glob(f"{top}/{identity}.*.debug")}
    test.assertLessEqual(set(wanted), commands)


class Client(EngineTest):
    """The commands that docker and podman share."""

    remove_options = ("--force", "--volumes")
    run_options = ()        # of every run

    def remove(self):
        # A later container may use the namespaces of an earlier one.
        for name in reversed(self.names):
            self.cli("rm", *self.remove_options, name)

    def run_(self, *arguments, **more):
        return self.cli("run", "--rm", "--name", self.name, *self.run_options, *arguments, **more)

    def shell(self, script, *options, **more):
        """Runs a script in a container, which must succeed; returns stdout."""
        result = self.run_(*options, self.engine.image, "sh", "-c", script, **more)
        self.assertEqual(result.status, 0, f"run {' '.join(options)}: {result}")
        return result.out

    def detached(self, script="trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done", *options, name=None):
        name = name or self.name
        if name not in self.names:
            self.names.append(name)
        self.ok("run", "--detach", "--name", name, *self.run_options, *options, self.engine.image, "sh", "-c", script)
        wait_until(lambda: "ready" in self.cli("logs", name).out, 60, "payload")
        return name

    def inspect(self, form, name=None):
        return self.ok("inspect", "--format", form, name or self.name).strip()

    def status(self, name=None):
        return self.inspect("{{.State.Status}}", name)

    def exit_status(self, name=None):
        return int(self.ok("wait", name or self.name))

class DockerLike(Client):
    """Tests of what people do with docker and podman."""

    cannot_run = 127        # status for a program that is missing
    cannot_execute = 126    # and for one that may not be executed

    # ---- run ----

    def test_output_and_status_0(self):
        result = self.run_(self.engine.image, "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((result.status, result.out), (0, "out\n"), result)
        self.assertIn("err\n", result.err)

    def test_status_42(self):
        self.assertEqual(self.run_(self.engine.image, "sh", "-c", "exit 42").status, 42)

    def test_payload_runs_under_the_monitor_or_not(self):
        self.assertEqual(self.shell("echo ${KMSIM:-none}"), {"plain": "none\n", "km": "1\n"}[self.mode])

    @in_machine
    def test_missing_command(self):
        result = self.run_(self.engine.image, "/no/such/program")
        self.assertEqual(result.status, self.cannot_run, result)
        self.assertIn("/no/such/program", result.err)
        self.assertIn("no such file or directory", result.err.lower())

    def test_missing_command_on_the_path(self):
        result = self.run_(self.engine.image, "no-such-program")
        self.assertEqual(result.status, self.cannot_run, result)
        self.assertIn("no-such-program", result.err)

    def test_command_that_is_not_executable(self):
        result = self.run_(self.engine.image, "/bin/not-executable")
        self.assertEqual(result.status, self.cannot_execute, result)
        self.assertIn("permission denied", result.err.lower())

    def test_stdin(self):
        result = self.run_("--interactive", self.engine.image, "sed", "s/a/b/", stdin="papa\n")
        self.assertEqual((result.status, result.out), (0, "pbpa\n"), result)

    @in_machine
    def test_terminal(self):
        status, screen = self.on_terminal(
            ("run", "--rm", "--name", self.name, "-it", self.engine.image, "sh"),
            [("#", "tty; stty size\r"), ("/dev/pts/", "echo a$((1+1))b\r"), ("a2b", "exit 5\r")])
        self.assertEqual(status, 5, screen)
        self.assertIn("/dev/pts/0", screen)
        self.assertIn("a2b", screen)

    def test_terminal_without_input(self):
        self.assertEqual(self.shell("test -t 1 && echo terminal", "--tty").strip(), "terminal")

    # ---- the life of a container ----

    def test_detached_logs_stop_remove(self):
        self.detached()
        self.assertEqual(self.status(), "running")
        started = time.monotonic()
        self.ok("stop", "--time", "100", self.name)
        self.assertLess(time.monotonic() - started, 60, "stop waited for its grace time")
        self.assertIn("ready", self.ok("logs", self.name))
        self.assertEqual(self.inspect("{{.State.ExitCode}}"), "3")
        self.assertEqual(self.status(), "exited")
        self.ok("rm", self.name)

    def test_started_again_after_its_end(self):
        self.ok("create", "--name", self.name, self.engine.image, "sh", "-c", "echo again; exit 7")
        for _ in range(2):
            self.assertEqual(self.cli("start", "--attach", self.name).status, 7)
        self.assertEqual(self.ok("logs", self.name), "again\nagain\n")

    def test_kill_by_name_and_number(self):
        script = "trap 'echo got usr1' USR1; trap 'echo got usr2' USR2; echo ready; while :; do sleep 0.05; done"
        self.detached(script)
        for signal_name, text in (("SIGUSR1", "got usr1"), ("12", "got usr2")):
            self.ok("kill", "--signal", signal_name, self.name)
            wait_until(lambda text=text: text in self.ok("logs", self.name), 60, text)
        self.ok("kill", self.name)
        self.assertEqual(self.exit_status(), 137)

    def test_death_by_signal_under_init(self):
        self.assertEqual(self.run_("--init", self.engine.image, "sh", "-c", "kill -TERM $$").status, 143)

    def test_init_reaps_and_passes_signals_on(self):
        script = "trap 'exit 9' TERM; (sleep 0.05 &); echo ready; while :; do sleep 0.05; done"
        self.detached(script, "--init")
        self.ok("stop", "--time", "100", self.name)
        self.assertEqual(self.exit_status(), 9)

    def test_pause_and_unpause(self):
        self.detached("i=0; echo ready; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done")
        self.ok("pause", self.name)
        self.assertEqual(self.status(), "paused")
        self.assertNotEqual(self.cli("exec", self.name, "true").status, 0)
        self.ok("unpause", self.name)
        first = self.ok("exec", self.name, "cat", "/tmp/count")
        wait_until(lambda: self.ok("exec", self.name, "cat", "/tmp/count") != first, 60, "progress")

    def test_pause_stops_all_progress(self):
        self.detached("echo ready; while :; do date +%s%N > /tmp/now; sleep 0.01; done")
        pid = self.inspect("{{.State.Pid}}")
        path = f"/proc/{pid}/root/tmp/now"

        def now():
            with open(path) as file:
                return file.read()

        self.ok("pause", self.name)
        first = now()
        time.sleep(0.3)
        self.assertEqual(now(), first)
        self.ok("unpause", self.name)
        wait_until(lambda: now() != first, 60, "progress")

    def test_top(self):
        self.detached()
        self.assertIn("sleep 0.05", self.ok("top", self.name))

    # ---- exec ----

    def test_exec_output_and_status(self):
        self.detached()
        result = self.cli("exec", self.name, "sh", "-c", "echo inside; exit 21")
        self.assertEqual((result.status, result.out), (21, "inside\n"), result)
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "echo ${KMSIM:-none}"),
                         {"plain": "none\n", "km": "1\n"}[self.mode])

    def test_exec_of_a_missing_command(self):
        self.detached()
        for program in ("/no/such/program", "no-such-program"):
            result = self.cli("exec", self.name, program)
            self.assertEqual(result.status, self.engine.exec_cannot_run, result)
            self.assertIn(program, result.out + result.err)

    def test_exec_of_a_command_that_is_not_executable(self):
        self.detached()
        self.assertEqual(self.cli("exec", self.name, "/bin/not-executable").status, self.cannot_execute)

    def test_exec_in_a_directory_that_is_missing(self):
        self.detached()
        result = self.cli("exec", "--workdir", "/no/such", self.name, "true")
        self.assertEqual(result.status, self.engine.exec_cannot_run, result)
        self.assertIn("/no/such", result.out + result.err)

    def test_exec_with_input_user_and_environment(self):
        self.detached()
        result = self.cli("exec", "--interactive", "--user", "1000:1000", "--env", "A=b", "--workdir", "/tmp", self.name,
                          "sh", "-c", "cat; id -u; id -g; echo $A; pwd", stdin="in\n")
        self.assertEqual((result.status, result.out), (0, "in\n1000\n1000\nb\n/tmp\n"), result)

    def test_exec_on_a_terminal(self):
        self.detached()
        status, screen = self.on_terminal(("exec", "-it", self.name, "sh"),
                                          [("#", "tty\r"), ("/dev/pts/", "exit 6\r")])
        self.assertEqual(status, 6, screen)

    # ---- what the container gets ----

    def test_volumes(self):
        volume = os.path.join(self.engine.top, f"volume-{self.name}")
        os.mkdir(volume)
        with open(os.path.join(volume, "file"), "w") as file:
            file.write("from outside\n")
        out = self.shell("cat /v/file; echo inside > /v/new; echo no > /r/new || echo refused", "--volume",
                         f"{volume}:/v", "--volume", f"{volume}:/r:ro")
        self.assertEqual(out, "from outside\nrefused\n")
        with open(os.path.join(volume, "new")) as file:
            self.assertEqual(file.read(), "inside\n")

    def test_named_volume_and_tmpfs(self):
        out = self.shell("touch /v/a && echo $?; touch /t/a && echo $?; grep -c ' /t tmpfs' /proc/mounts",
                         "--volume", "/v", "--tmpfs", "/t:size=1m")
        self.assertEqual(out.split(), ["0", "0", "1"])

    def test_read_only_root(self):
        self.assertEqual(self.shell("touch /file 2>/dev/null || echo refused; touch /dev/shm/a && echo shm", "--read-only"),
                         "refused\nshm\n")

    def test_user(self):
        self.assertEqual(self.shell("id -u; id -g", "--user", "1000:1001").split(), ["1000", "1001"])
        self.assertEqual(self.shell("id -u", "--user", "alice").split(), ["1000"])

    def test_default_capabilities_and_none_and_all(self):
        field = "grep ^Cap /proc/self/status | tr -d '\\t'"
        default = self.shell(field)
        self.assertNotIn("CapEff:0000000000000000", default)
        none = self.shell(field, "--cap-drop", "all")
        self.assertIn("CapEff:0000000000000000", none)
        self.assertIn("CapBnd:0000000000000000", none)
        privileged = dict(line.split(":") for line in self.shell(field, "--privileged").split())
        self.assertEqual(privileged["CapEff"], privileged["CapBnd"])
        self.assertTrue(int(privileged["CapEff"], 16) >> 21 & 1, "CAP_SYS_ADMIN")

    def test_privileged_has_devices_and_no_masks(self):
        out = self.shell("ls -d /dev/kvm /dev/kkm /dev/full 2>/dev/null; mount | grep -c ' /proc/kcore '; true",
                         "--privileged")
        self.assertIn("/dev/full", out)
        self.assertEqual(out.split()[-1], "0", "masked")

    def test_seccomp_is_in_force(self):
        self.assertIn("Seccomp:2", self.shell("grep ^Seccomp: /proc/self/status | tr -d '\\t'"))
        self.assertIn("Seccomp:0", self.shell("grep ^Seccomp: /proc/self/status | tr -d '\\t'", "--security-opt",
                                              "seccomp=unconfined"))

    def test_no_new_privileges(self):
        self.assertEqual(self.shell("grep ^NoNewPrivs /proc/self/status", "--security-opt",
                                    "no-new-privileges").split(), ["NoNewPrivs:", "1"])

    def test_hostname_environment_directory(self):
        self.assertEqual(self.shell("hostname; echo $A; pwd", "--hostname", "box", "--env", "A=b c", "--workdir",
                                    "/tmp"), "box\nb c\n/tmp\n")

    def test_sysctl_and_ulimit_and_shm_size(self):
        out = self.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -c; df -k /dev/shm | tail -1",
                         "--sysctl", "net.ipv4.ip_unprivileged_port_start=81", "--ulimit", "core=0", "--ulimit", "nofile=1000:1000",
                         "--ulimit", "nproc=1024:1024", "--shm-size", "2m")
        self.assertEqual(out.split()[:2], ["81", "0"])
        self.assertIn(" 2048 ", out)

    def test_device(self):
        # No driver is needed: the device filter answers first (EPERM), the missing driver later (ENXIO).
        node = os.path.join(self.engine.top, f"node-{self.name}")
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(240, 77))
        self.assertEqual(self.shell("stat -c '%t %T' /dev/box", "--device", f"{node}:/dev/box:r").split(), ["f0", "4d"])
        script = "echo > /dev/box; cat /dev/box"
        for rights, refused in (("r", 1), ("rw", 0)):
            result = self.run_("--device", f"{node}:/dev/box:{rights}", self.engine.image, "sh", "-c", script)
            self.assertEqual(result.err.lower().count("operation not permitted"), refused, result)

    def test_namespaces_of_the_host_and_of_another_container(self):
        own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "pid")}
        script = "readlink /proc/self/ns/net; readlink /proc/self/ns/pid"
        self.assertEqual(self.shell(script, "--network", "host", "--pid", "host").split(), list(own.values()))
        other = self.detached(name=self.name + "-other")
        pid = self.inspect("{{.State.Pid}}", other)
        out = self.shell(script, "--network", f"container:{other}", "--pid", f"container:{other}").split()
        self.assertEqual(out, [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "pid")])

    # ---- network ----

    def test_no_network(self):
        self.assertEqual(self.shell("ls /sys/class/net", "--network", "none").split(), ["lo"])

    def test_two_containers_talk_on_the_bridge(self):
        server = self.detached("echo ready; while :; do echo hello from $(hostname) | nc -l -p 8080; done",
                               "--hostname", "server", name=self.name + "-server")
        address = self.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", server)
        self.assertRegex(address, r"^\d+\.\d+\.\d+\.\d+$")
        out = self.shell(f"for i in 1 2 3 4 5; do nc -w 2 {address} 8080 < /dev/null && break; sleep 0.2; done")
        self.assertEqual(out, "hello from server\n")

    # ---- limits ----

    def test_memory_limit(self):
        result = self.run_("--memory", "32m", self.engine.image, "sh", "-c",
                           "cat /sys/fs/cgroup/memory.max; head -c 100m /dev/zero | tail | wc -c")
        if "memory" not in controllers():
            # Either the engine says that it drops the limit, or krun names the missing controller.
            self.assertRegex(result.err, "(?i)memory")
            self.skipTest("no memory controller in cgroup v2 here (checked: the loss is reported)")
        self.assertEqual(result.out.split()[0], str(32 << 20), result)
        self.assertNotEqual(result.out.split()[1:], [str(100 << 20)], "not limited")

    def test_update(self):
        self.detached()
        result = self.cli("update", "--memory", "64m", "--memory-swap", "128m", self.name)
        if "memory" not in controllers():
            self.assertRegex(result.out + result.err, "(?i)memory")
            self.assertEqual(self.ok("exec", self.name, "echo", "alive"), "alive\n")
            self.skipTest("no memory controller in cgroup v2 here (checked: the loss is reported)")
        self.assertEqual(result.status, 0, result)
        self.assertEqual(self.ok("exec", self.name, "cat", "/sys/fs/cgroup/memory.max").strip(), str(64 << 20))

    # ---- many ----

    def test_ten_at_once(self):
        """Each container writes to a file, because podman loses output of containers that end at once (its issue 18501)."""
        results, folder = {}, os.path.join(self.engine.top, self.name)
        os.mkdir(folder)
        os.chmod(folder, 0o777)

        def one(number):
            name = f"{self.name}-{number}"
            results[number] = self.cli("run", "--rm", "--name", name, "--volume", f"{folder}:/v", self.engine.image, "sh", "-c",
                                       f"echo {number} > /v/{number}; exit {number}")

        self.names += [f"{self.name}-{number}" for number in range(10)]
        threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(10):
            self.assertEqual(results[number].status, number, results[number])
            with open(os.path.join(folder, str(number))) as file:
                self.assertEqual(file.read(), f"{number}\n")


def need_machine(_):
    """For setUpClass: skips the class on a machine where its tests cannot run."""
    lacking = {"memory", "pids", "cpu", "cpuset"} - set(controllers())
    if lacking:
        raise unittest.SkipTest(f"cgroup v2 lacks {' '.join(sorted(lacking))} here")
    if not os.path.exists("/dev/kvm"):
        raise unittest.SkipTest("no /dev/kvm here")


class OnMachine(Client):
    """
    Tests that need a machine with all controllers, AppArmor and /dev/kvm: limits that are enforced, and their effects. They have few
    containers with much in each, because an engine's command takes seconds there.
    """

    LOOP = "trap 'exit 3' TERM; trap 'echo got usr1' USR1; echo ready; while :; do sleep 0.05; done"
    # Controllers that this engine's containers have; none: they have no cgroup of their own, which pause needs, too.
    limited = {"memory", "pids", "cpu", "cpuset"}

    setUpClass = classmethod(need_machine)

    def check_files(self, files):
        """Checks what the container reads in its own cgroup."""
        if files:
            lines = self.ok("exec", self.name, "sh", "-c", f"cd /sys/fs/cgroup && cat {' '.join(files)}").splitlines()
            self.assertEqual(dict(zip(files, lines)), files)

    LIMITS = {
        "memory": (["--memory", "64m"], {"memory.max": str(64 << 20), "memory.swap.max": str(64 << 20)}),
        "pids": (["--pids-limit", "40"], {"pids.max": "40"}),
        "cpu": (["--cpus", "0.8"], {"cpu.max": "80000 100000"}),
        "cpuset": (["--cpuset-cpus", "1"], {"cpuset.cpus": "1"}),
    }

    @in_machine
    def test_life_within_limits(self):
        options, files = [], {}
        for controller in sorted(self.limited):
            options += self.LIMITS[controller][0]
            files.update(self.LIMITS[controller][1])
        self.detached(self.LOOP, *options)
        self.check_files(files)
        self.check_confinement()
        self.check_stats(64)
        status, screen = self.on_terminal(("exec", "-it", self.name, "sh"), [("#", "tty\r"), ("/dev/pts/", "exit 6\r")])
        self.assertEqual(status, 6, screen)
        if self.limited:
            self.ok("pause", self.name)
            self.assertEqual(self.status(), "paused")
            self.ok("unpause", self.name)
            self.check_update(files)
        self.ok("kill", "--signal", "USR1", self.name)
        wait_until(lambda: "got usr1" in self.ok("logs", self.name), 60, "SIGUSR1")
        self.ok("stop", "--time", "60", self.name)
        self.assertEqual(self.inspect("{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"), "exited 3 false")
        self.ok("start", self.name)
        # The engine shows the first or the last value that was asked for; the last one is in force in any case.
        wait_until(lambda: self.ok("logs", self.name).count("ready") == 2, 60, "payload")
        self.ok("kill", self.name)
        self.assertEqual(self.exit_status(), 137)
        self.ok("rm", self.name)

    def check_confinement(self):
        if has_apparmor() and self.engine.apparmor_profile:
            line = self.ok("exec", self.name, "cat", "/proc/self/attr/current")
            self.assertTrue(line.startswith(self.engine.apparmor_profile) and "(enforce)" in line, line)

    def check_stats(self, megabytes):
        if "memory" not in self.limited:
            return
        usage, limit, pids = re.match(r"(.*) / (\S+) (\d+)$", self.ok(
            "stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", self.name).strip()).groups()
        # 64 MiB are 67.11MB for podman.
        self.assertIn(limit, (f"{megabytes}MiB", f"{(megabytes << 20) / 1e6:.2f}MB"))
        self.assertNotRegex(usage, "^0")
        self.assertGreaterEqual(int(pids), 1)

    def check_update(self, files):
        words, changed = ["--memory", "96m", "--memory-swap", "160m"], {"memory.max": str(96 << 20),
                                                                        "memory.swap.max": str(64 << 20)}
        if "cpu" in self.limited:
            words, changed = [*words, "--cpus", "1.5"], {**changed, "cpu.max": "150000 100000"}
        self.ok("update", *words, self.name)
        self.check_files({**files, **changed})

    @in_machine
    def test_out_of_memory(self):
        result = self.cli("run", "--name", self.name, *self.run_options, "--memory", "32m", "--memory-swap", "32m", self.engine.image, "sh", "-c",
                          "cd /sys/fs/cgroup; cat memory.max; hog; status=$?; grep oom_kill memory.events; sleep 2; "
                          "exit $status")
        # (The shell waits, because the reason can be read only while the cgroup exists.)
        self.assertEqual((result.status, result.out), (137, f"{32 << 20}\noom_kill 1\n"), result)
        self.assertEqual(self.inspect("{{.State.ExitCode}}"), "137")
        if self.engine.tells_oom:
            self.assertEqual(self.inspect("{{.State.OOMKilled}}"), "true")

    @in_machine
    def test_processes_and_time_are_limited(self):
        result = self.run_("--pids-limit", "20", "--cpus", "0.3", self.engine.image, "sh", "-c",
                           "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; grep nr_throttled /sys/fs/cgroup/cpu.stat; "
                           "for i in $(seq 40); do sleep 20 & done; echo all there")
        self.assertRegex(result.out, r"^nr_throttled [1-9]\d*\n$", result)
        self.assertIn("can't fork", result.err)

    @in_machine
    def test_cgroup_namespace_of_the_host(self):
        """The container sees the name of its cgroup as the host does, and finds it below the mount."""
        self.detached(self.LOOP, "--cgroupns", "host")
        with open(f"/proc/{self.inspect('{{.State.Pid}}')}/cgroup") as file:
            expected = file.read()
        self.assertIn(self.inspect("{{.Id}}"), expected)
        self.assertEqual(self.ok("exec", self.name, "cat", "/proc/self/cgroup"), expected)
        script = "cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.procs"
        self.assertIn("1", self.ok("exec", self.name, "sh", "-c", script).split())

    @in_machine
    def test_kvm(self):
        """A container under km can open the device with any user; others do not have it."""
        script = "id -u; if [ -c /dev/kvm ]; then exec 3<>/dev/kvm && echo opened; else echo none; fi"
        for user in ("0", "1000"):
            self.assertEqual(self.shell(script, "--user", user).split(),
                             [user, {"plain": "none", "km": "opened"}[self.mode]])


class CtrClient(EngineTest):
    """containerd's ctr."""

    def remove(self):
        for name in self.names:
            self.cli("tasks", "delete", "--force", name)
            self.cli("containers", "delete", name)

    def run_(self, *arguments, options=(), **more):
        return self.cli("run", "--rm", *options, "--rootfs", self.engine.rootfs, self.name, *arguments, **more)

    def detached(self, *options):
        self.ok("run", "--detach", *options, "--rootfs", self.engine.rootfs, self.name, "sh", "-c",
                "trap 'exit 3' TERM; touch /tmp/ready; while :; do sleep 0.05; done")
        wait_until(lambda: self.cli("tasks", "exec", "--exec-id", f"r{time.monotonic_ns()}", self.name, "test", "-e",
                                    "/tmp/ready").status == 0, 20, "payload")

    def task(self):
        lines = [line.split() for line in self.ok("tasks", "list").splitlines()]
        return next((line[2] for line in lines if line[0] == self.name), None)

    def pids(self):
        lines = self.ok("tasks", "list").splitlines()
        return [int(line.split()[1]) for line in lines if line.split()[0] == self.name]


class CtrLike(CtrClient):
    def test_output_and_status_0(self):
        result = self.run_("sh", "-c", "echo out; echo ${KMSIM:-none}")
        word = {"plain": "none", "km": "1"}[self.mode]
        self.assertEqual((result.status, result.out), (0, f"out\n{word}\n"), result)

    def test_status_42(self):
        self.assertEqual(self.run_("sh", "-c", "exit 42").status, 42)

    @in_machine
    def test_missing_command(self):
        result = self.run_("/no/such/program")
        self.assertNotEqual(result.status, 0)
        self.assertIn("/no/such/program", result.err)

    def test_privileged_and_read_only(self):
        self.assertEqual(self.run_("sh", "-c", "touch /file || echo refused", options=["--read-only"]).out,
                         "refused\n")
        self.assertEqual(self.run_("id", "-u", options=["--privileged"]).out, "0\n")

    @in_machine
    def test_detached_exec_pause_kill(self):
        self.detached()
        self.assertEqual(self.task(), "RUNNING")
        result = self.cli("tasks", "exec", "--exec-id", "one", self.name, "sh", "-c", "echo inside; exit 21")
        self.assertEqual((result.status, result.out), (21, "inside\n"), result)
        result = self.cli("tasks", "exec", "--exec-id", "two", self.name, "/no/such/program")
        self.assertNotEqual(result.status, 0)
        self.assertIn("/no/such/program", result.err)
        self.ok("tasks", "pause", self.name)
        self.assertEqual(self.task(), "PAUSED")
        self.ok("tasks", "resume", self.name)
        self.assertIn(str(self.pids()[0]), self.ok("tasks", "ps", self.name))
        self.ok("tasks", "kill", "--signal", "SIGTERM", self.name)
        wait_until(lambda: self.task() == "STOPPED", 60, "end")

    @in_machine
    def test_terminal(self):
        status, screen = self.on_terminal(
            ("run", "--rm", "--tty", "--rootfs", self.engine.rootfs, self.name, "sh"),
            [("#", "tty\r"), ("/dev/pts/", "exit 5\r")])
        self.assertEqual(status, 5, screen)


    def test_found_in_the_root_of_its_namespace(self):
        """`krun --any-root` finds the container of another root, and a terminal gets the command line for it."""
        self.detached()
        root = f"/run/containerd/runc/{self.engine.namespace}"
        krun = [PROGRAMS[self.mode]]
        listed = subprocess.run([*krun, "list", "--any-root", "--format", "json"], capture_output=True, check=True).stdout
        self.assertEqual({item["root"] for item in json.loads(listed) if item["id"] == self.name}, {root})
        pids = subprocess.run([*krun, "ps", "--any-root", "--format", "json", self.name[:-1]], capture_output=True, check=True).stdout
        self.assertIn(self.pids()[0], json.loads(pids))
        absent = subprocess.run([*krun, "state", self.name], capture_output=True, check=False)
        self.assertEqual(absent.stderr.decode(), f"krun: container '{self.name}' does not exist in '/run/krun'\n")


class CtrOnMachine(CtrClient):
    """The tests of OnMachine that ctr can do."""

    setUpClass = classmethod(need_machine)

    @in_machine
    def test_limits(self):
        self.detached("--memory-limit", str(64 << 20), "--cpus", "0.8")
        # ctr's containers have no mount of their cgroup.
        with open(f"/proc/{self.pids()[0]}/cgroup") as file:
            group = CGROUP + [line.strip()[3:] for line in file if line.startswith("0::")][0]
        for name, value in (("memory.max", str(64 << 20)), ("cpu.max", "80000 100000")):
            with open(f"{group}/{name}") as file:
                self.assertEqual(file.read().strip(), value, name)
        self.assertRegex(self.ok("tasks", "metrics", self.name), r"memory.usage_in_bytes|memory.usage\s+[1-9]")
        self.ok("tasks", "kill", "--signal", "SIGKILL", self.name)
        wait_until(lambda: self.task() == "STOPPED", 60, "end")

    @in_machine
    def test_out_of_memory(self):
        result = self.run_("tail", "/dev/zero", options=["--memory-limit", str(32 << 20)])
        self.assertEqual(result.status, 137, result)

    @in_machine
    def test_kvm(self):
        result = self.run_("sh", "-c", "if [ -c /dev/kvm ]; then exec 3<>/dev/kvm && echo opened; else echo none; fi")
        self.assertEqual(result.out, {"plain": "none\n", "km": "opened\n"}[self.mode], result)
