# SPDX-License-Identifier: Apache-2.0
"""process of config.json as the container sees it; exec; terminals."""

import fcntl
import glob
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading
import time
import unittest

from console import ConsoleSocket, read_until
from krun import BUILD, PROGRAMS, BothModes, KrunTest, has_apparmor, has_gnu_libc, runs, wait_until


def field(text, name):
    return re.search(rf"^{name}:\s*(.*)$", text, re.M).group(1).strip()


class Identity(BothModes):
    def test_user_groups_umask_cwd(self):
        out = self.inside("id -u; id -g; id -G; umask; pwd", cwd="/tmp",
                          user={"uid": 1000, "gid": 1000, "additionalGids": [5, 7], "umask": 0o027})
        self.assertEqual(out.split(), ["1000", "1000", "1000", "5", "7", "0027", "/tmp"])

    def test_umask_without_one_and_of_0(self):
        self.assertEqual(self.inside("umask", user={"uid": 0, "gid": 0}), "0022\n")
        self.assertEqual(self.inside("umask", user={"uid": 0, "gid": 0, "umask": 0}), "0000\n")

    def test_passwd_that_nobody_writes(self):
        """krun looks for HOME there, and waits for nobody."""
        os.unlink(f"{self.rootfs}/etc/passwd")
        os.mkfifo(f"{self.rootfs}/etc/passwd")
        self.assertEqual(self.inside("echo $HOME"), "/\n")

    def test_groups_of_the_caller_go(self):
        callers = {"preexec_fn": lambda: os.setgroups([0, 4711])}
        for user in ({"uid": 0, "gid": 0}, {"uid": 1000, "gid": 1000}, {"uid": 1000, "gid": 1000, "additionalGids": [5]}):
            with self.subTest(user=user):
                self.shell("id -G", user=user)
                self.assertEqual(self.run_ok(**callers).split(), [str(user["gid"]), *map(str, user.get("additionalGids", []))])
        self.start_sleeper()
        self.assertNotIn("4711", self.ok("exec", self.cid, "id", "-G", **callers).out.split())

    def test_groups_of_the_caller_stay_on_request(self):
        """A user who may open /dev/kvm only by a group needs that group in exec, too."""
        self.allow("allowKeepGroups")
        self.config["annotations"] = {"run.oci.keep_original_groups": "1"}
        callers = {"preexec_fn": lambda: os.setgroups([0, 4711])}
        self.shell("id -G; echo ready; exec sleep 1000")
        self.create(**callers)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.assertIn("4711", self.logged().split())
        self.assertIn("4711", self.ok("exec", self.cid, "id", "-G", **callers).out.split())
        self.assertNotIn("4711", self.ok("exec", self.cid, "id", "-G").out.split())

    def test_groups_of_the_caller_go_where_the_host_does_not_allow_it(self):
        callers = {"preexec_fn": lambda: os.setgroups([0, 4711])}
        for value, told in (("1", True), ("0", False), ("false", False)):
            with self.subTest(value=value):
                self.config["annotations"] = {"run.oci.keep_original_groups": value}
                self.shell("id -G")
                result = self.run_container(**callers)
                self.assertNotIn("4711", result.out.split())
                self.assertEqual('"allowKeepGroups"' in result.err, told, result.err)
        self.ok("delete", "--force", self.cid)

    def test_environment_is_the_configured_one_and_home(self):
        out = self.inside("echo $PATH; echo $A; echo $HOME", env=["PATH=/bin", "A=b c"],
                          user={"uid": 1000, "gid": 1000})
        self.assertEqual(out.splitlines(), ["/bin", "b c", "/home/alice"])

    def test_missing_working_directory_is_made(self):
        self.assertEqual(self.inside("pwd", cwd="/no/such"), "/no/such\n")

    def test_working_directory_that_is_a_file(self):
        self.write_config(cwd="/etc/passwd")
        self.assertIn("/etc/passwd", self.run_fails())

    def test_execution_domain(self):
        self.config["linux"]["personality"] = {"domain": "LINUX32"}
        self.assertEqual(self.inside("uname -m"), "i686\n")

    def test_stdio_can_be_opened_again_by_another_user(self):
        self.assertEqual(self.inside("echo again > /dev/stdout", user={"uid": 1000, "gid": 1000}), "again\n")


class WorkingDirectory(BothModes):
    """The working directory is entered as root or as the user, whichever of them may, in run, create and exec."""

    def directory(self, path, mode, uid=0, gid=0):
        os.makedirs(self.rootfs + path, exist_ok=True)
        os.chown(self.rootfs + path, uid, gid)
        os.chmod(self.rootfs + path, mode)

    def in_a_user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        subprocess.run(["chown", "-R", "100000:100000", self.rootfs], check=True)

    def check_all_ways(self, cwd, **process):
        self.assertEqual(self.inside("pwd", cwd=cwd, **process), cwd + "\n")
        open(self.log, "wb").close()
        self.shell("pwd; exec sleep 1000", cwd=cwd, **process)
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: self.logged() == cwd + "\n", what="program")
        self.assertEqual(self.ok("exec", self.cid, "pwd").out, cwd + "\n")
        self.ok("delete", "--force", self.cid)

    def test_of_root_for_a_user(self):
        """An image may have WORKDIR /root and USER 1000."""
        self.directory("/root", 0o700)
        for no_new_privileges in (True, False):
            self.check_all_ways("/root", user={"uid": 1000, "gid": 1000}, noNewPrivileges=no_new_privileges)

    def test_of_a_user_for_a_root_that_may_not_look_into_it(self):
        """The container has no CAP_DAC_OVERRIDE."""
        self.directory("/home/alice", 0o700, 1000, 1000)
        self.check_all_ways("/home/alice")

    def test_where_root_may_not_and_the_user_may(self):
        """In a user namespace root has no rights over files whose ids are not mapped, but a member of their group may have."""
        self.in_a_user_namespace()
        self.directory("/groups", 0o070, 5000, 100007)
        self.check_all_ways("/groups", user={"uid": 1000, "gid": 1000, "additionalGids": [7]})

    def test_that_neither_root_nor_the_user_may_enter(self):
        self.in_a_user_namespace()
        self.directory("/closed", 0o700, 5000, 5000)
        self.write_config(args=["/bin/true"], cwd="/closed", user={"uid": 1000, "gid": 1000})
        self.assertIn("working directory '/closed'", self.run_fails())
        self.start_sleeper_in("/")
        self.assertIn("working directory '/closed'", self.fails("exec", "--cwd", "/closed", self.cid, "true", status=255))
        self.assertIn("working directory '/nothing'", self.fails("exec", "--cwd", "/nothing", self.cid, "true", status=255))
        self.ok("delete", "--force", self.cid)

    def start_sleeper_in(self, cwd):
        self.config["process"]["cwd"] = cwd
        self.start_sleeper("echo ready; exec sleep 1000")

    def test_behind_a_link_of_the_kernel(self):
        """What /proc/PID/root and the like lead to can be anywhere: no path leads through them."""
        os.symlink("/proc/self/root/tmp", f"{self.rootfs}/link")
        for path in ("/proc/self/root", "/proc/self/cwd", "/proc/1/root/tmp", "/link"):
            with self.subTest(path=path):
                self.shell("pwd", cwd=path)
                self.assertIn(f"working directory '{path}'", self.run_fails())
        self.config["process"]["cwd"] = "/"
        self.start_sleeper()
        for path in ("/proc/self/root", "/link"):
            self.assertIn(f"working directory '{path}'", self.fails("exec", "--cwd", path, self.cid, "pwd", status=255))

    def test_exec_enters_another_one(self):
        self.directory("/root", 0o700)
        self.start_sleeper_in("/")
        self.assertEqual(self.ok("exec", "--user", "1000:1000", "--cwd", "/root", self.cid, "pwd").out, "/root\n")
        self.ok("delete", "--force", self.cid)

    def test_made_on_a_root_that_is_read_only(self):
        self.config["root"]["readonly"] = True
        for user in ({"uid": 0, "gid": 0}, {"uid": 1000, "gid": 1000}):
            with self.subTest(user=user):
                cwd = f"/made/for/{user['uid']}"
                self.check_all_ways(cwd, user=user)
                self.assertTrue(os.path.isdir(self.rootfs + cwd))


class Labels(BothModes):
    """A label is in force, or it is an error that names the property."""

    def test_apparmor_profile_or_an_error(self):
        self.config["process"]["apparmorProfile"] = "no-such-profile"
        self.write_config()
        self.assertIn("apparmor", self.run_fails().lower())

    def test_apparmor_profile_is_in_force(self):
        if not has_apparmor() or not shutil.which("apparmor_parser"):
            self.skipTest("no AppArmor in this kernel")
        name = f"krun-test-{self.cid}"
        profile = f"profile {name} flags=(attach_disconnected) {{ file, capability, mount, signal, network, deny /etc/passwd r, }}\n"
        subprocess.run(["apparmor_parser", "--replace", "--skip-cache"], input=profile, text=True, check=True)
        self.addCleanup(subprocess.run, ["apparmor_parser", "--remove"], input=profile, text=True, check=True)
        self.config["process"]["apparmorProfile"] = name
        self.assertEqual(self.inside("cat /proc/self/attr/current; cat /etc/passwd 2>/dev/null || echo refused"),
                         f"{name} (enforce)\nrefused\n")
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "cat", "/proc/self/attr/current").out, f"{name} (enforce)\n")
        self.ok("delete", "--force", self.cid)

    def test_selinux_label_or_an_error(self):
        self.config["process"]["selinuxLabel"] = "system_u:system_r:svirt_lxc_net_t:s0"
        self.write_config()
        if os.path.isdir("/sys/fs/selinux"):
            self.skipTest("SELinux is enabled here: the label may be good")
        self.assertIn("SELinux", self.run_fails())

    def test_mount_label_or_the_kernels_error(self):
        self.config["linux"]["mountLabel"] = "system_u:object_r:svirt_sandbox_file_t:s0"
        self.write_config()
        if os.path.isdir("/sys/fs/selinux"):
            self.skipTest("SELinux is enabled here: the label may be good")
        self.assertIn("mount 'tmpfs' (tmpfs) on '/dev'", self.run_fails())


class Seccomp(BothModes):
    def profile(self, **change):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", **change}

    def test_arguments_with_every_operator(self):
        for operator, value, value_two, refused in (
                ("SCMP_CMP_EQ", 12, 0, [12]), ("SCMP_CMP_NE", 12, 0, [10, 15]), ("SCMP_CMP_LT", 12, 0, [10]),
                ("SCMP_CMP_LE", 12, 0, [10, 12]), ("SCMP_CMP_GE", 12, 0, [12, 15]), ("SCMP_CMP_GT", 12, 0, [15]),
                ("SCMP_CMP_MASKED_EQ", 1, 1, [15])):
            with self.subTest(operator=operator):
                self.profile(syscalls=[{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [
                    {"index": 1, "value": value, "valueTwo": value_two, "op": operator}]}])
                out = self.inside("trap '' 10 12 15; for s in 10 12 15; do kill -$s $$ 2>/dev/null || echo $s; done")
                self.assertEqual([int(word) for word in out.split()], refused)

    def test_default_errno(self):
        """System calls that the filter does not name fail with that errno; it names those that a shell needs."""
        self.profile(defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=123, syscalls=[
            {"names": self.calls_but("mkdir", "mkdirat"), "action": "SCMP_ACT_ALLOW"}])
        self.assertIn("No medium found", self.inside("mkdir /tmp/x 2>&1; true"))

    @staticmethod
    def calls_but(*without):
        if not glob.glob("/usr/include/*/asm/unistd_64.h"):
            raise unittest.SkipTest("no kernel headers to take the names of all system calls from")
        text = subprocess.run(["sh", "-c", "grep -hoE '__NR_[a-z0-9_]+' /usr/include/*/asm/unistd_64.h"],
                              capture_output=True, text=True, check=True).stdout
        return sorted({name[len("__NR_"):] for name in text.split()} - set(without))

    def test_architectures(self):
        self.profile(architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
                     syscalls=[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 123}])
        self.assertIn("No medium found", self.inside("mkdir /tmp/x 2>&1; true"))


class WithAgent(KrunTest):
    """SCMP_ACT_NOTIFY: a seccomp agent that answers every mkdir with ENOMEDIUM."""

    ENOMEDIUM = 123

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.top, "agent.sock")
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(5)
        self.addCleanup(self.server.close)
        self.states = []
        threading.Thread(target=self.serve, daemon=True).start()
        self.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": self.path, "listenerMetadata": "meta",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
            self.states.append((json.loads(data), len(fds), connection.recv(1)))
            connection.close()
            threading.Thread(target=self.answer, args=(fds[0],), daemon=True).start()

    def answer(self, listener):
        """Answers one call, by SECCOMP_IOCTL_NOTIF_RECV and _SEND, linux/seccomp.h."""
        try:
            while True:
                request = bytearray(80)
                fcntl.ioctl(listener, 0xc0502100, request)
                fcntl.ioctl(listener, 0xc0182101, request[:8] + struct.pack("<qiI", 0, -self.ENOMEDIUM, 0))
        except OSError:
            os.close(listener)

    def check_state(self, status):
        state, fds, rest = self.states.pop()
        self.assertEqual((fds, rest), (1, b""), "one descriptor, and then the end of the connection")
        self.assertEqual((state["fds"], state["metadata"], state["state"]["status"], state["state"]["id"]),
                         (["seccompFd"], "meta", status, self.cid))
        self.assertGreater(state["pid"], 1)


class Agent(WithAgent, BothModes):
    def test_agent_answers_for_the_program(self):
        for no_new_privileges in (True, False):
            with self.subTest(noNewPrivileges=no_new_privileges):
                out = self.inside("mkdir /tmp/x 2>&1; true", noNewPrivileges=no_new_privileges)
                self.assertIn("No medium found", out)
                self.check_state("creating")

    def test_agent_answers_for_exec(self):
        self.start_sleeper()
        self.check_state("creating")
        out = self.ok("exec", self.cid, "sh", "-c", "mkdir /tmp/x 2>&1; true").out
        self.assertIn("No medium found", out)
        self.check_state("running")

    def test_calls_of_the_runtime_itself_may_be_notified(self):
        """There is no deadlock although every call of the last steps waits for the agent."""
        self.config["linux"]["seccomp"]["syscalls"][0]["names"] += ["no_such_call"]
        self.config["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG"]
        self.assertIn("No medium found", self.inside("mkdir /tmp/x 2>&1; true"))

    def test_agent_of_the_annotation(self):
        del self.config["linux"]["seccomp"]["listenerPath"], self.config["linux"]["seccomp"]["listenerMetadata"]
        self.write_config()
        self.assertIn("/linux/seccomp/listenerPath", self.run_fails())
        self.config["annotations"] = {"run.oci.seccomp.receiver": self.path}
        self.write_config()
        self.assertIn("/linux/seccomp/listenerPath", self.run_container().err.splitlines()[-1])
        self.allow("allowSeccompReceiver")
        self.assertIn("No medium found", self.inside("mkdir /tmp/x 2>&1; true"))

    def test_agent_that_is_not_there(self):
        self.config["linux"]["seccomp"]["listenerPath"] = "/no/such/socket"
        self.write_config()
        self.assertIn("'/no/such/socket'", self.run_fails())

    def test_path_is_ignored_when_nothing_notifies(self):
        self.config["linux"]["seccomp"]["syscalls"] = []
        self.config["linux"]["seccomp"]["listenerPath"] = "/no/such/socket"
        self.assertEqual(self.inside("echo fine"), "fine\n")


class StrictAgent(WithAgent):
    def test_calls_after_the_filter_was_loaded(self):
        """create loads the filter, because it knows the agent. SECURITY.md names the calls that come afterwards."""
        left = ["execve", "prctl", "sendmsg", "recvmsg", "close", "openat", "newfstatat", "read", "brk", "mmap", "munmap"]
        if not has_gnu_libc(PROGRAMS["plain"]):
            left += ["open", "fcntl", "fstat"]
        shutil.copy(os.path.join(BUILD, "tests/bundle/tools/bundle_tiny"), os.path.join(self.rootfs, "bin/tiny"))
        self.config["linux"]["seccomp"].update(defaultAction="SCMP_ACT_KILL_PROCESS")
        self.config["linux"]["seccomp"]["syscalls"] += [
            {"names": left + ["write", "pause", "exit_group"], "action": "SCMP_ACT_ALLOW"}]
        for no_new_privileges in (True, False):
            for uid in (0, 1000):
                with self.subTest(no_new_privileges=no_new_privileges, uid=uid):
                    self.write_config(args=["tiny"], noNewPrivileges=no_new_privileges, user={"uid": uid, "gid": uid})
                    self.assertEqual(self.run_ok(), "alive\n")
                    open(self.log, "wb").close()
                    self.write_config(args=["tiny", "wait"])
                    self.create()
                    self.ok("start", self.cid)
                    wait_until(lambda: self.logged() == "alive\n", what="program")
                    self.assertEqual(self.ok("exec", self.cid, "tiny").out, "alive\n")
                    self.ok("delete", "--force", self.cid)


class Scheduling(BothModes):
    def need_real_time(self):
        if not runs("chrt", "--fifo", "1", "true"):
            self.skipTest("no process may have a real-time policy here")

    def field_of_stat(self, stat, number):
        return stat.rsplit(")", 1)[1].split()[number - 3]

    def test_real_time_policy_and_priority(self):
        self.need_real_time()
        self.config["process"]["scheduler"] = {"policy": "SCHED_FIFO", "priority": 7}
        stat = self.inside("cat /proc/self/stat")
        self.assertEqual((self.field_of_stat(stat, 41), self.field_of_stat(stat, 40)), ("1", "7"))

    def test_nice_beside_a_real_time_policy_is_ignored(self):
        self.need_real_time()
        for policy in ("SCHED_FIFO", "SCHED_RR"):
            self.config["process"]["scheduler"] = {"policy": policy, "priority": 7, "nice": 5}
            self.shell("cat /proc/self/stat")
            result = self.run_container()
            self.assertEqual((result.status, self.field_of_stat(result.out, 40)), (0, "7"), result)
            self.assertIn(f"/process/scheduler: nice is ignored: {policy} has no such value", result.err)

    def test_batch_and_nice(self):
        self.config["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
        stat = self.inside("cat /proc/self/stat")
        self.assertEqual((self.field_of_stat(stat, 41), self.field_of_stat(stat, 19)), ("3", "5"))

    def test_reset_on_fork(self):
        self.config["process"]["scheduler"] = {"policy": "SCHED_OTHER", "nice": -5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
        stat = self.inside("cat /proc/self/stat; true")
        self.assertEqual(self.field_of_stat(stat, 19), "0")

    def test_deadline(self):
        self.mode_is_plain()
        self.config["process"]["scheduler"] = {
            "policy": "SCHED_DEADLINE", "runtime": 10000000, "deadline": 100000000, "period": 100000000}
        self.write_config(args=["/bin/cat", "/proc/self/stat"])
        self.assertEqual(self.field_of_stat(self.run_ok(), 41), "6")

    def mode_is_plain(self):
        if self.mode != "plain":
            self.skipTest("a SCHED_DEADLINE process cannot fork, and km has to (sched(7))")

    def test_io_priority(self):
        # ionice of busybox prints the priority.
        self.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        self.assertEqual(self.inside("busybox ionice"), "best-effort: prio 6\n")
        self.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE"}
        self.assertEqual(self.inside("busybox ionice"), "idle\n")

    def test_in_a_user_namespace(self):
        self.need_real_time()
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        self.config["process"]["scheduler"] = {"policy": "SCHED_RR", "priority": 3}
        self.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 1}
        out = self.inside("cat /proc/self/stat; busybox ionice").splitlines()
        self.assertEqual((self.field_of_stat(out[0], 41), self.field_of_stat(out[0], 40)), ("2", "3"))
        self.assertEqual(out[1], "realtime: prio 1")

    def test_exec_gets_it_too(self):
        self.config["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 3}
        self.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 5}
        self.start_sleeper()
        out = self.ok("exec", self.cid, "sh", "-c", "cat /proc/self/stat; busybox ionice").out.splitlines()
        self.assertEqual((self.field_of_stat(out[0], 41), self.field_of_stat(out[0], 19)), ("3", "3"))
        self.assertEqual(out[1], "best-effort: prio 5")

    def test_cpus_of_exec(self):
        cpu = max(os.sched_getaffinity(0))
        self.config["process"]["execCPUAffinity"] = {"initial": "0", "final": str(cpu)}
        self.start_sleeper()
        out = self.ok("exec", self.cid, "grep", "Cpus_allowed_list", "/proc/self/status").out
        self.assertEqual(out.split()[1], str(cpu))
        with open(f"/proc/{self.state()['pid']}/status") as file:
            self.assertNotEqual(field(file.read(), "Cpus_allowed_list"), str(cpu), "the container's own process")

    def test_initial_cpus_of_exec_hold_until_it_is_in_the_containers_cgroup(self):
        """"If omitted or empty, the container's default CPU affinity is used" (execCPUAffinity.final)."""
        cpu = max(os.sched_getaffinity(0))
        self.config["process"]["execCPUAffinity"] = {"initial": str(cpu)}
        self.start_sleeper()
        out = self.ok("exec", self.cid, "grep", "Cpus_allowed_list", "/proc/self/status").out
        with open("/proc/1/status") as file:
            self.assertEqual(out.split()[1], field(file.read(), "Cpus_allowed_list"))

    def pinned(self, *arguments, **more):
        """Runs krun on one cpu, as a service with CPUAffinity= or a user with taskset would."""
        return subprocess.run(["taskset", "-c", "0", *self.command(*arguments)], check=False, stdin=subprocess.DEVNULL,
                              capture_output=True, env=self.environment(arguments), **more)

    def test_callers_cpus_are_not_the_containers(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("this machine has one cpu")
        with open("/proc/1/status") as file:
            everything = field(file.read(), "Cpus_allowed_list")
        self.write_config(args=["grep", "Cpus_allowed_list", "/proc/self/status"])
        done = self.pinned("run", "--bundle", self.bundle, self.cid)
        self.assertEqual(done.stdout.decode().split()[1:], [everything], done.stderr)
        self.write_config(args=["nproc"])
        self.assertEqual(int(self.pinned("run", "--bundle", self.bundle, self.cid).stdout), os.cpu_count())
        self.start_sleeper()
        done = self.pinned("exec", self.cid, "grep", "Cpus_allowed_list", "/proc/self/status")
        self.assertEqual(done.stdout.decode().split()[1:], [everything], done.stderr)

    def test_callers_cpus_stay_without_a_cgroup(self):
        self.config["linux"]["resources"] = {}
        self.write_config(args=["grep", "Cpus_allowed_list", "/proc/self/status"])
        done = self.pinned("--cgroup-manager", "disabled", "run", "--bundle", self.bundle, self.cid)
        self.assertEqual(done.stdout.decode().split()[1:], ["0"], done.stderr)

    def test_cpu_that_is_not_there(self):
        self.config["process"]["execCPUAffinity"] = {"final": "4095"}
        self.start_sleeper()
        self.assertIn("/process/execCPUAffinity/final", self.fails("exec", self.cid, "true", status=255))

    def test_memory_policy(self):
        if not os.path.exists("/proc/self/numa_maps"):
            self.skipTest("this kernel has no memory policies")
        self.config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
        self.assertIn(" bind=static:0 ", self.inside("cat /proc/self/numa_maps | head -3"))
        self.start_sleeper()
        self.assertIn(" bind=static:0 ", self.ok("exec", self.cid, "cat", "/proc/self/numa_maps").out)

    def test_memory_policy_of_a_node_that_is_not_there(self):
        self.config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1000"}
        self.write_config()
        self.assertIn("/linux/memoryPolicy: set MPOL_BIND of nodes '1000'", self.run_fails())


class Restrictions(BothModes):
    def test_capability_sets(self):
        self.config["process"]["capabilities"] = {
            "bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
            "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
        out = self.inside("cat /proc/self/status", user={"uid": 1000, "gid": 1000})
        self.assertEqual([int(field(out, f"Cap{name}"), 16) for name in ("Bnd", "Eff", "Prm", "Inh", "Amb")],
                         [0x21, 0x20, 0x20, 0x20, 0x20])

    def test_capability_of_the_upper_half(self):
        """Sets have 64 bits, and the kernel takes them in two halves."""
        self.config["process"]["capabilities"] = {kind: ["CAP_SYSLOG", "CAP_KILL"] for kind in
                                                  ("bounding", "effective", "permitted", "inheritable", "ambient")}
        out = self.inside("cat /proc/self/status", user={"uid": 1000, "gid": 1000})
        self.assertEqual({int(field(out, f"Cap{name}"), 16) for name in ("Bnd", "Eff", "Prm", "Inh", "Amb")}, {1 << 34 | 1 << 5})

    def test_capabilities_of_the_caller_go(self):
        """Those that it hands on to the programs that it executes, too."""
        self.shell("cat /proc/self/status")
        caller = ["setpriv", "--inh-caps", "+chown,+sys_admin", "--ambient-caps", "+chown"]
        done = subprocess.run([*caller, *self.command("run", "--bundle", self.bundle, self.cid)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=True)
        self.assertEqual({int(field(done.stdout, f"Cap{name}"), 16) for name in ("Inh", "Amb")}, {0})

    def test_no_capabilities_at_all(self):
        del self.config["process"]["capabilities"]
        out = self.inside("cat /proc/self/status")
        self.assertEqual({int(field(out, f"Cap{name}"), 16) for name in ("Bnd", "Eff", "Prm", "Inh", "Amb")}, {0})

    def test_unknown_capability_is_a_warning_as_the_specification_wants(self):
        self.config["process"]["capabilities"]["bounding"] = ["CAP_FLY"]
        self.write_config()
        result = self.run_container()
        self.assertEqual(result.status, 0)
        self.assertIn("'CAP_FLY' is unknown", result.err)

    def test_no_new_privileges(self):
        self.assertEqual(field(self.inside("cat /proc/self/status", noNewPrivileges=True), "NoNewPrivs"), "1")
        self.assertEqual(field(self.inside("cat /proc/self/status", noNewPrivileges=False), "NoNewPrivs"), "0")

    def test_rlimits(self):
        limits = [{"type": "RLIMIT_NOFILE", "soft": 900, "hard": 1000},
                  {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
        out = self.inside("ulimit -n; ulimit -Hn; ulimit -c", rlimits=limits)
        # km itself needs more descriptors than that: krun raises its soft limit to the hard one.
        self.assertEqual(out.split(), ["900" if self.mode == "plain" else "1000", "1000", "0"])

    def test_bad_rlimits(self):
        for limits, text in (([{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}], "RLIMIT_FOO"),
                             ([{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}], "soft"),
                             ([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2, "RLIMIT_CORE")):
            self.write_config(rlimits=limits)
            self.assertIn(text, self.run_fails())

    def test_oom_score(self):
        self.assertEqual(self.inside("cat /proc/self/oom_score_adj", oomScoreAdj=500), "500\n")

    def test_seccomp_without_clone3_as_in_the_default_profile_of_docker(self):
        self.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
        self.assertEqual(self.inside("echo $(echo works)"), "works\n")

    def test_seccomp_that_logs_everything(self):
        """Calls that are logged are carried out: a short program has run, and a killed program is not taken for one that never ran."""
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_LOG"}
        for no_new_privileges in (False, True):
            with self.subTest(no_new_privileges=no_new_privileges):
                self.shell("true", noNewPrivileges=no_new_privileges)
                self.create()
                self.ok("start", self.cid)
                self.wait_stopped()
                self.ok("delete", self.cid)
                self.shell("exec sleep 1000", noNewPrivileges=no_new_privileges)
                self.create()
                self.ok("start", self.cid)
                self.assertEqual(self.krun("exec", self.cid, "sh", "-c", "kill -9 $$").status, 137)
                self.ok("delete", "--force", self.cid)

    def test_hook_of_the_start_without_clone3(self):
        self.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}],
        }
        self.config["hooks"] = {"startContainer": [{"path": "/bin/touch", "args": ["touch", "/tmp/hooked"]}]}
        for no_new_privileges in (False, True):
            with self.subTest(no_new_privileges=no_new_privileges):
                out = self.inside("rm /tmp/hooked && echo seen", noNewPrivileges=no_new_privileges)
                self.assertEqual(out, "seen\n")

    def test_seccomp_returns_the_configured_errno(self):
        self.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
                         {"names": ["kill"], "action": "SCMP_ACT_ERRNO",
                          "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}
        for nnp in (True, False):
            self.config["process"]["capabilities"]["effective"] = ["CAP_SYS_ADMIN"]
            self.config["process"]["capabilities"]["permitted"] = ["CAP_SYS_ADMIN"]
            self.config["process"]["capabilities"]["bounding"] = ["CAP_SYS_ADMIN"]
            out = self.inside("mkdir /tmp/x 2>&1; kill -10 $$ 2>&1; kill -0 $$ && echo fine; "
                              "cat /proc/self/status", noNewPrivileges=nnp)
            self.assertIn("Function not implemented", out)
            self.assertIn("Operation not permitted", out)
            self.assertIn("fine", out)
            self.assertEqual(field(out, "Seccomp"), "2")

    def test_unknown_system_calls_in_a_filter_are_skipped(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}
        self.assertIn("Operation not permitted", self.inside("mkdir /tmp/x 2>&1; true"))

    def test_sysctl_of_an_own_namespace(self):
        self.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77"}
        self.assertEqual(self.inside("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni").split(), ["1", "77"])

    def test_sysctl_of_a_user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            self.config["linux"][kind] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        self.config["linux"]["sysctl"] = {"user.max_ipc_namespaces": "7"}
        path = "/proc/sys/user/max_ipc_namespaces"
        with open(path) as file:
            before = file.read()
        self.assertEqual(self.inside(f"cat {path}"), "7\n")
        with open(path) as file:
            self.assertEqual(file.read(), before)

    def test_sysctl_of_the_host_is_refused(self):
        for key in ("kernel.panic", "user.max_ipc_namespaces", "net.ipv4.ip_forward"):
            self.config["linux"]["sysctl"] = {key: "1"}
            self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"]
                                                  if item["type"] != "network"]
            self.config["mounts"] = [item for item in self.config["mounts"] if item["type"] != "sysfs"]
            self.write_config()
            self.assertIn(key, self.run_fails())

    def keyring(self, *options):
        """Returns the number of the program's session keyring, and what /proc/keys says about it there: (number, permissions, description)."""
        shutil.copy(os.path.join(BUILD, "tests/bundle/tools/bundle_keyring"), f"{self.rootfs}/bin/keyring")
        self.config["linux"]["maskedPaths"] = []
        out = self.inside("keyring && cat /proc/keys", *options)
        number = out.split("\n", 1)[0]
        row = next(line.split() for line in out.splitlines()[1:] if line.startswith(number))
        return number, int(row[4], 16), row[8]

    def test_session_keyring_is_a_new_one(self):
        """Its owner may search it, so that an exec can join it."""
        if not os.path.exists("/proc/keys"):
            self.skipTest("this kernel has no keyrings")
        own = subprocess.run([os.path.join(BUILD, "tests/bundle/tools/bundle_keyring")], capture_output=True, text=True, check=True)
        number, permissions, name = self.keyring()
        self.assertNotEqual(number, own.stdout.strip())
        self.assertEqual(name, f"krun.{self.cid}:")
        self.assertTrue(permissions & 0x00080000, hex(permissions))
        self.assertEqual(self.keyring("--no-new-keyring")[0], own.stdout.strip())

    def test_session_keyring_of_exec_is_the_containers(self):
        if not os.path.exists("/proc/keys"):
            self.skipTest("this kernel has no keyrings")
        shutil.copy(os.path.join(BUILD, "tests/bundle/tools/bundle_keyring"), f"{self.rootfs}/bin/keyring")
        self.start_sleeper("keyring; echo ready; while :; do sleep 0.02; done")
        self.assertEqual(self.ok("exec", self.cid, "keyring").out, self.logged().split()[0] + "\n")


class LowLimits(KrunTest):
    """The container's limits are for its program: no step of krun runs into them. (km has requirements of its own.)"""

    ROWS = (("NOFILE", 0, "n", 0), ("NOFILE", 1, "n", 1), ("NOFILE", 3, "n", 3), ("NOFILE", 4, "n", 4), ("NOFILE", 10, "n", 10),
            ("NOFILE", 20, "n", 20), ("FSIZE", 0, "f", 0), ("AS", 4 << 20, "v", 4096), ("DATA", 512 << 10, "d", 512),
            ("STACK", 64 << 10, "s", 64))

    def each(self):
        for name, value, letter, shown in self.ROWS:
            with self.subTest(name=name, value=value):
                self.config["process"]["rlimits"] = [{"type": f"RLIMIT_{name}", "soft": value, "hard": value}]
                yield name, f"ulimit -S{letter}; ulimit -H{letter}; pwd", f"{shown}\n{shown}\n/made/of/it\n"

    def check_all_ways(self, **process):
        for name, script, expected in self.each():
            shutil.rmtree(os.path.join(self.rootfs, "made"), ignore_errors=True)
            self.assertEqual(self.inside(script, cwd="/made/of/it", **process), expected)
            open(self.log, "wb").close()
            self.shell("exec sleep 1000" if name == "FSIZE" else f"{script}; exec sleep 1000", cwd="/made/of/it", **process)
            self.create()
            self.ok("start", self.cid)
            if name != "FSIZE":
                wait_until(lambda: "/made" in self.logged(), what="program")
                self.assertEqual(self.logged(), expected)
            self.assertEqual(self.ok("exec", self.cid, "sh", "-c", script).out, expected)
            self.ok("delete", "--force", self.cid)

    def test_root(self):
        self.check_all_ways()

    def test_a_user_with_a_filter(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
        for no_new_privileges in (True, False):
            self.check_all_ways(user={"uid": 1000, "gid": 1000}, noNewPrivileges=no_new_privileges)

    def test_a_user_namespace_with_many_binds(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        os.mkdir(os.path.join(self.rootfs, "tmp/full"))
        with open(os.path.join(self.rootfs, "tmp/full/file"), "w") as file:
            file.write("content\n")
        self.config["mounts"] += [
            {"destination": f"/tmp/bind{i}", "type": "bind", "source": self.bundle, "options": ["bind"]} for i in range(40)]
        # The files that are copied into it are larger than RLIMIT_FSIZE allows.
        self.config["mounts"].append({"destination": "/tmp/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]})
        self.check_all_ways()
        self.assertEqual(self.inside("cat /tmp/full/file", rlimits=[{"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}], cwd="/"),
                         "content\n")

    def test_hooks_of_the_start(self):
        self.config["hooks"] = {"startContainer": [
            {"path": "/bin/sh", "args": ["sh", "-c", "touch /tmp/hook-$(ulimit -n)"]}]}
        self.assertEqual(self.inside("test -e /tmp/hook-20 && ulimit -n",
                                     rlimits=[{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 20}]), "20\n")
        self.config["hooks"] = {"startContainer": [{"path": "/bin/true"}]}
        self.assertEqual(self.inside("ulimit -n", rlimits=[{"type": "RLIMIT_NOFILE", "soft": 0, "hard": 0}]), "0\n")

    def test_a_soft_limit_above_the_callers(self):
        self.shell("ulimit -Sn; ulimit -Hn", rlimits=[{"type": "RLIMIT_NOFILE", "soft": 700, "hard": 900}])
        result = self.run_container(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 900)))
        self.assertEqual((result.status, result.out), (0, "700\n900\n"), result)

    def test_a_hard_limit_is_raised_while_krun_may(self):
        """The caller's hard limit is lower than that of config.json, and in a user namespace only the host's root may raise it."""
        if not runs("sh", "-c", "ulimit -Hn 300 && ulimit -Hn 900"):
            self.skipTest("root may not raise a limit on this machine")
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        self.shell("ulimit -Sn; ulimit -Hn", rlimits=[{"type": "RLIMIT_NOFILE", "soft": 700, "hard": 900}])
        result = self.run_container(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)))
        self.assertEqual((result.status, result.out), (0, "700\n900\n"), result)


class Descriptors(KrunTest):
    def test_preserved_fds_keep_their_numbers(self):
        read, write = os.pipe()
        os.write(write, b"kept")
        os.close(write)
        self.shell("cat <&3")
        # The program's fd 3 has to be the pipe; a process in between moves it, because it may have that number already.
        command = self.command("run", "--bundle", self.bundle, "--preserve-fds", "1", self.cid)
        script = f"import os, sys; {read} == 3 or os.dup2({read}, 3); os.execv(sys.argv[1], sys.argv[1:])"
        done = subprocess.run(["python3", "-c", script, *command], pass_fds=(read,), capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        os.close(read)
        self.assertEqual(done.stdout, b"kept", done.stderr)

    def test_preserving_more_than_is_open_gives_nothing_of_krun_away(self):
        self.shell("ls /proc/$$/fd; true")
        self.assertEqual(self.run_ok("--preserve-fds", "20").split(), ["0", "1", "2"])

    def activated(self, sockets, *arguments, files=("/dev/zero", "/dev/full", "/dev/random"), **environment):
        """Runs a command as systemd does: with descriptors from 3 on, the number of sockets among them, and its pid."""
        script = ("import os, sys, json; "
                  "fds = [os.dup2(os.open(name, os.O_RDONLY), 20 + i) for i, name in enumerate(json.loads(sys.argv[1]))]; "
                  "[os.dup2(fd, 3 + i) for i, fd in enumerate(fds)]; os.closerange(3 + len(fds), 64); "
                  "os.environ.update(json.loads(sys.argv[2]), LISTEN_PID=str(os.getpid())); "
                  "os.execv(sys.argv[3], sys.argv[3:])")
        command = self.command(*arguments)
        environment = {"LISTEN_FDS": str(sockets), "ASAN_OPTIONS": "detect_leaks=0", **environment}
        done = subprocess.run(["python3", "-c", script, json.dumps(files), json.dumps(environment), *command],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    FDS = "for fd in 3 4 5 6; do readlink /proc/$$/fd/$fd || echo none; done; "

    def test_listen_fds_reach_the_program(self):
        self.shell(self.FDS + "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES $$")
        out = self.activated(1, "run", "--bundle", self.bundle, self.cid, LISTEN_FDNAMES="web")
        self.assertEqual(out.split(), ["/dev/zero", "none", "none", "none", "1", "1", "web", "1"])

    def test_sockets_and_preserved_descriptors_add_up(self):
        self.shell(self.FDS + "echo $LISTEN_FDS")
        out = self.activated(1, "run", "--bundle", self.bundle, "--preserve-fds", "1", self.cid)
        self.assertEqual(out.split(), ["/dev/zero", "/dev/full", "none", "none", "1"])
        out = self.activated(2, "run", "--bundle", self.bundle, "--preserve-fds", "5", self.cid)
        self.assertEqual(out.split(), ["/dev/zero", "/dev/full", "/dev/random", "none", "2"])

    def test_sockets_of_exec(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        out = self.activated(1, "exec", "--preserve-fds", "1", self.cid, "sh", "-c", self.FDS + "echo $LISTEN_FDS $LISTEN_PID $$")
        *fds, count, listener, pid = out.split()
        self.assertEqual((fds, count), (["/dev/zero", "/dev/full", "none", "none"], "1"))
        self.assertEqual(listener, pid)
        self.ok("delete", "--force", self.cid)

    def test_sockets_are_for_the_process_that_the_program_is(self):
        """In the host's pid namespace the program is not number 1."""
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "pid"]
        self.shell("echo $LISTEN_PID $$")
        listener, pid = self.activated(1, "run", "--bundle", self.bundle, self.cid).split()
        self.assertEqual(listener, pid)

    def test_variables_of_the_engine_stay(self):
        """podman sets these variables in process.env itself."""
        self.config["process"]["env"] += ["LISTEN_FDS=1", "LISTEN_PID=1"]
        self.shell("env | grep -c LISTEN; echo $LISTEN_FDS $LISTEN_PID")
        self.assertEqual(self.activated(1, "run", "--bundle", self.bundle, self.cid).split(), ["2", "1", "1"])


class Terminal(BothModes):
    def test_console_socket_gets_the_master_of_a_controlling_terminal(self):
        console = ConsoleSocket(os.path.join(self.top, "console"))
        self.shell("tty; stty size; ps -o tty > /dev/null; echo hi > /dev/tty; read line; echo got $line", terminal=True,
                   consoleSize={"height": 33, "width": 111})
        self.create("--console-socket", console.path)
        master = console.master()
        self.ok("start", self.cid)
        read_until(master, b"hi\r\n")
        os.write(master, b"typed\n")
        read_until(master, b"got typed")
        os.close(master)
        self.ok("delete", "--force", self.cid)

    def test_another_device_of_the_image_is_not_opened(self):
        """Also where the device filter allows all devices: some act when they are opened. This one has no driver, and cannot be."""
        os.makedirs(f"{self.rootfs}/dev/pts", exist_ok=True)
        os.mknod(f"{self.rootfs}/dev/pts/ptmx", 0o666 | stat.S_IFCHR, os.makedev(240, 77))
        self.config["mounts"] = [mount for mount in self.config["mounts"] if not mount["destination"].startswith("/dev")]
        self.config["linux"].setdefault("resources", {})["devices"] = [{"allow": True, "access": "rwm"}]
        self.shell("true", terminal=True)
        console = ConsoleSocket(os.path.join(self.top, "console"))
        result = self.krun("create", "--bundle", self.bundle, "--console-socket", console.path, self.cid)
        self.assertIn("the container's 'dev/pts/ptmx' is another device", result.err)
        self.assertNotEqual(result.status, 0)

    def test_console_size_and_name(self):
        console = ConsoleSocket(os.path.join(self.top, "console"))
        self.shell("for i in 0 1 2; do readlink /proc/$$/fd/$i; done; stty size; ls -l /dev/console; echo end", terminal=True,
                   consoleSize={"height": 33, "width": 111})
        self.create("--console-socket", console.path)
        master = console.master()
        self.ok("start", self.cid)
        text = read_until(master, b"end")
        self.assertIn("/dev/pts/0\r\n" * 3, text)
        self.assertIn("33 111", text)
        self.assertIn("136,", text)
        os.close(master)
        self.ok("delete", "--force", self.cid)

    def test_foreground_run_relays_a_terminal(self):
        self.shell("tty; read line; echo got $line; stty size; trap 'stty size; exit 4' WINCH; echo wait; "
                   "while :; do sleep 0.02; done", terminal=True)
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
            command = self.command("run", "--bundle", self.bundle, self.cid)
            os.execv(command[0], command)
        read_until(fd, b"/dev/pts/0")
        os.write(fd, b"typed\n")
        text = read_until(fd, b"wait")
        self.assertIn("got typed", text)
        self.assertIn("20 70", text)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 90, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        read_until(fd, b"25 90")
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 4)

    def test_terminal_of_the_caller_is_as_before(self):
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        self.shell("echo wait; read line", terminal=True)
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdin=slave, stdout=slave, stderr=slave)
        read_until(master, b"wait")
        self.assertNotEqual(termios.tcgetattr(slave), before)
        os.write(master, b"typed\r")
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(termios.tcgetattr(slave), before)
        os.close(master)
        os.close(slave)

    def test_interrupt_key_reaches_the_program_once(self):
        self.shell("trap 'echo INT; exit 5' INT; echo wait; while :; do sleep 0.02; done", terminal=True)
        pid, fd = pty.fork()
        if pid == 0:
            command = self.command("run", "--bundle", self.bundle, self.cid)
            os.execv(command[0], command)
        read_until(fd, b"wait")
        os.write(fd, b"\x03")
        read_until(fd, b"INT")
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)

    def test_detached_terminal_needs_a_socket(self):
        self.write_config(terminal=True)
        self.assertIn("--console-socket", self.fails("create", "--bundle", self.bundle, self.cid))
        self.write_config(terminal=False)
        self.assertIn("terminal is false", self.fails("create", "--bundle", self.bundle, "--console-socket", "/x", self.cid))


class Exec(BothModes):
    def setUp(self):
        super().setUp()
        self.start_sleeper()

    def tearDown(self):
        self.krun("delete", "--force", self.cid)
        super().tearDown()

    def test_output_and_status(self):
        result = self.krun("exec", self.cid, "sh", "-c", "echo out; echo err >&2; exit 9")
        self.assertEqual((result.status, result.out, result.err), (9, "out\n", "err\n"))
        self.assertEqual(self.krun("exec", self.cid, "sh", "-c", "kill -9 $$").status, 137)

    def test_it_is_in_the_containers_namespaces_and_cgroup(self):
        pid = self.state()["pid"]
        for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
            inside = self.ok("exec", self.cid, "readlink", f"/proc/self/ns/{kind}").out.strip()
            self.assertEqual(inside, os.readlink(f"/proc/{pid}/ns/{kind}"), kind)
        self.assertEqual(self.ok("exec", self.cid, "grep", "^0::", "/proc/self/cgroup").out, "0::/\n")

    def test_options(self):
        result = self.ok("exec", "--user", "1000:5", "-g", "7", "--additional-gids=8", "--cwd", "/tmp", "--env", "A=b",
                         "-e", "C=d", self.cid, "sh", "-c", "id -u; id -g; id -G; pwd; echo $A $C")
        self.assertEqual(result.out.split(), ["1000", "5", "5", "7", "8", "/tmp", "b", "d"])
        out = self.ok("exec", "--cap", "CAP_KILL", "--no-new-privs", self.cid, "cat", "/proc/self/status").out
        self.assertTrue(int(field(out, "CapEff"), 16) & 1 << 5)
        self.assertEqual(field(out, "NoNewPrivs"), "1")
        self.assertEqual(self.ok("exec", "--cwd", "//tmp/./", self.cid, "pwd").out, "/tmp\n")

    def test_a_capability_for_one_process_is_not_inherited(self):
        """CVE-2022-29162: with the capability in the inheritable set, a program whose file has it would get it."""
        out = self.ok("exec", "--cap", "CAP_SYS_NICE", self.cid, "cat", "/proc/self/status").out
        for name, expected in (("CapPrm", True), ("CapEff", True), ("CapBnd", True), ("CapInh", False), ("CapAmb", False)):
            self.assertEqual(bool(int(field(out, name), 16) & 1 << 23), expected, name)

    def test_process_file(self):
        path = os.path.join(self.top, "process.json")
        with open(path, "w") as file:
            json.dump({"args": ["sh", "-c", "id -u; pwd; echo $X; exit 4"], "cwd": "/tmp", "env": ["PATH=/bin", "X=y"],
                       "user": {"uid": 1000, "gid": 0}}, file)
        result = self.krun("exec", "--process", path, self.cid)
        self.assertEqual((result.status, result.out), (4, "1000\n/tmp\ny\n"))

    def test_detached_with_pid_file(self):
        pid_file = os.path.join(self.top, "pid")
        self.ok("exec", "--detach", "--pid-file", pid_file, self.cid, "sleep", "100", stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        with open(pid_file) as file:
            pid = int(file.read())
        self.assertIn(pid, json.loads(self.ok("ps", "-f", "json", self.cid).out))
        self.assertEqual(os.getsid(pid), pid)

    def test_pid_file_that_cannot_be_written_ends_the_program(self):
        text = self.fails("exec", "--detach", "--pid-file", f"{self.top}/no/such/file", self.cid, "sleep", "4711", status=255)
        self.assertIn("write pid file", text)
        self.assertNotIn("4711", self.ok("ps", self.cid).out)

    def test_missing_command_leaves_container_and_no_pid_file(self):
        pid_file = os.path.join(self.top, "pid")
        self.assertEqual(self.fails("exec", "--detach", "--pid-file", pid_file, self.cid, "nosuch", status=255),
                         'exec: "nosuch": executable file not found in $PATH')
        self.assertIn("permission denied", self.fails("exec", self.cid, "/etc", status=255))
        self.assertFalse(os.path.exists(pid_file))
        self.assertEqual(self.status(), "running")

    def test_terminal(self):
        console = ConsoleSocket(os.path.join(self.top, "console"))
        self.ok("exec", "--tty", "--detach", "--console-socket", console.path, self.cid, "sh", "-c",
                "tty; read x; echo got $x", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        master = console.master()
        read_until(master, b"/dev/pts/")
        os.write(master, b"typed\n")
        read_until(master, b"got typed")
        os.close(master)

    def test_paused_container_can_be_entered_on_request(self):
        self.ok("pause", self.cid)
        process = self.spawn("exec", "--ignore-paused", self.cid, "echo", "thawed", stdout=subprocess.PIPE)
        time.sleep(0.2)
        self.assertIsNone(process.poll())
        self.ok("resume", self.cid)
        self.assertEqual(process.communicate(timeout=60)[0], b"thawed\n")

    def test_stopped_container_is_refused(self):
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.assertIn("it is stopped", self.fails("exec", self.cid, "true", status=255))

    def test_created_container_can_be_entered(self):
        self.shell("sleep 100")
        other = self.cid + "c"
        self.ids.append(other)
        self.create(identity=other)
        self.assertEqual(self.ok("exec", other, "echo", "in").out, "in\n")
        self.assertEqual(self.status(other), "created")
        self.ok("delete", "--force", other)

    def test_bad_arguments(self):
        self.assertIn("--process", self.fails("exec", self.cid, status=255))
        self.assertIn("--user", self.fails("exec", "--user", "alice", self.cid, "true", status=255))
        self.assertIn("CAP_FLY", self.fails("exec", "--cap", "CAP_FLY", self.cid, "true", status=255))
