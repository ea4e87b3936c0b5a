# SPDX-License-Identifier: Apache-2.0
"""A filter is for the program: which calls krun itself needs under it, which processes are under it, and that it changes nothing else."""

import ctypes
import json
import os
import re
import shutil
import struct

from krun import BUILD, PROGRAMS, BothModes, KrunTest, wait_until

ARCHITECTURE = ["SCMP_ARCH_X86_64"]
# SECURITY.md, "What a seccomp filter has to let through".
OF_KRUN = ["execve"]
# tools/tiny.c
OF_THE_PROGRAM = ["write", "pause", "exit_group"]
STRICT = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS")
# What a process without km does between create and start (parked_calls, src/init/filter.c): a filter that allows all of them is in force
# already while it waits.
OF_THE_WAIT = ["brk", "capset", "clock_gettime", "close", "exit_group", "fcntl", "fstat", "futex", "getpid", "getrandom", "gettid", "lseek",
               "madvise", "mmap", "mprotect", "mremap", "munmap", "newfstatat", "openat", "ppoll", "pread64", "prlimit64", "read", "readv",
               "recvmsg", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sendmsg", "statx", "tgkill", "write",
               "writev"]


def only(names, default="SCMP_ACT_KILL_PROCESS"):
    return {"defaultAction": default, "architectures": ARCHITECTURE,
            "syscalls": [{"names": sorted(names), "action": "SCMP_ACT_ALLOW"}]}


def all_but(names, action="SCMP_ACT_ERRNO"):
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": names, "action": action}]}


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return file.read()


def field(text, name):
    return re.search(rf"^{name}:\s*(.*)$", text, re.M).group(1).strip()


class Base(KrunTest):
    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(BUILD, "tests/bundle/tools/bundle_tiny"), os.path.join(self.rootfs, "bin/tiny"))

    def create_and_start(self):
        """Returns the output of the program."""
        open(self.log, "wb").close()
        self.create()
        result = self.krun("start", self.cid)
        if result.status == 0:
            self.wait_stopped()
        self.ok("delete", "--force", self.cid)
        return result, self.logged()


class Whitelists(Base):
    """Filters that allow only the calls of the program, and those that SECURITY.md names for krun."""

    def each(self):
        for default in STRICT:
            for more in ([], ["capset"]):
                for no_new_privileges in (True, False):
                    for uid in (0, 1000):
                        with self.subTest(default=default, more=more, no_new_privileges=no_new_privileges, uid=uid):
                            self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM + more, default)
                            yield {"noNewPrivileges": no_new_privileges, "user": {"uid": uid, "gid": uid}}

    def test_run(self):
        for process in self.each():
            self.write_config(args=["tiny"], **process)
            self.assertEqual(self.run_ok(), "alive\n")

    def test_create_and_start(self):
        for process in self.each():
            self.write_config(args=["tiny"], **process)
            result, said = self.create_and_start()
            self.assertEqual((result.status, said), (0, "alive\n"), result)

    def test_exec(self):
        for process in self.each():
            self.write_config(args=["tiny", "wait"], **process)
            open(self.log, "wb").close()
            self.create()
            self.ok("start", self.cid)
            wait_until(lambda: "alive" in self.logged(), what="program")
            self.assertEqual(self.ok("exec", self.cid, "tiny").out, "alive\n")
            self.assertEqual(self.ok("exec", "--user", "7:8", "--cwd", "/tmp", self.cid, "/bin/tiny").out, "alive\n")
            self.ok("delete", "--force", self.cid)

    def test_in_a_user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        for process in self.each():
            self.write_config(args=["tiny"], **process)
            self.assertEqual(self.run_ok(), "alive\n")

    def test_the_hooks_of_the_start(self):
        """krun reads from pipes, waits and forks for these hooks, none of which the filter has to allow."""
        self.config["hooks"] = {"startContainer": [{"path": "/bin/tiny"}, {"path": "/bin/tiny"}]}
        for process in self.each():
            self.write_config(args=["tiny"], **process)
            self.assertEqual(self.run_ok(), "alive\n")
            result, said = self.create_and_start()
            self.assertEqual((result.status, said), (0, "alive\n"), result)

    def test_with_a_terminal_and_a_working_directory_that_is_made(self):
        for process in self.each():
            self.write_config(args=["tiny"], cwd="/made/of/it", **process)
            self.assertEqual(self.run_ok(), "alive\n")

    def test_debug_log(self):
        """With --debug every step is logged before the filter is loaded."""
        for process in self.each():
            self.write_config(args=["tiny"], **process)
            result = self.krun("run", "--bundle", self.bundle, self.cid, options=["--debug"])
            self.assertEqual((result.status, result.out), (0, "alive\n"), result)


class Forbidden(Base):
    """An error names the call that a filter forbids to krun, with the step."""

    def test_the_execve_that_a_filter_forbids_is_named_by_create(self):
        for default in STRICT:
            for no_new_privileges in (True, False):
                with self.subTest(default=default, no_new_privileges=no_new_privileges):
                    self.config["linux"]["seccomp"] = only(OF_THE_PROGRAM, default)
                    self.write_config(args=["tiny"], noNewPrivileges=no_new_privileges)
                    for command in ("create", "run"):
                        text = self.fails(command, "--bundle", self.bundle, self.cid)
                        self.assertIn("/linux/seccomp: the filter forbids execve(2)", text)

    def test_a_program_that_cannot_be_executed(self):
        """The error has the kernel's reason, although the filter lets krun send no message."""
        with open(PROGRAMS["plain"], "rb") as file:
            if b"__asan_init" in file.read():
                self.skipTest("the sanitizer has more to do at the end of a process than the filter allows")
        path = os.path.join(self.rootfs, "bin/odd")
        with open(path, "w") as file:
            file.write("no format that the kernel knows\n")
        os.chmod(path, 0o755)
        filters = [only(OF_KRUN + OF_THE_PROGRAM, default) for default in STRICT] + [all_but(["mkdir"])]
        for seccomp in filters:
            for no_new_privileges in (True, False):
                with self.subTest(seccomp=seccomp, no_new_privileges=no_new_privileges):
                    self.config["linux"]["seccomp"] = seccomp
                    self.write_config(args=["odd"], noNewPrivileges=no_new_privileges)
                    self.assertIn('exec: "/bin/odd": exec format error', self.run_fails())
                    result, said = self.create_and_start()
                    self.assertEqual((result.status, said), (1, ""), result)
                    self.assertIn('exec: "/bin/odd": exec format error', result.err)
                    self.write_config(args=["tiny", "wait"])
                    self.create()
                    self.ok("start", self.cid)
                    for options in ([], ["--detach"]):
                        self.assertIn('exec: "/bin/odd": exec format error',
                                      self.fails("exec", *options, self.cid, "odd", status=255))
                    self.ok("delete", "--force", self.cid)

    def test_a_hook_that_cannot_be_executed(self):
        self.config["hooks"] = {"startContainer": [{"path": "/bin/nothing"}]}
        self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM)
        self.write_config(args=["tiny"])
        self.assertIn("hook startContainer 0 '/bin/nothing': execute it: ", self.run_fails())

    def refuse_filters(self):
        """Loads a filter that forbids seccomp(2), as a container may have, or a kernel that does not know a flag."""
        class Program(ctypes.Structure):
            _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

        # ld nr; jeq seccomp(2): ret ERRNO(EINVAL), else ret ALLOW
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in (
            (0x20, 0, 0, 0), (0x15, 0, 1, 317), (0x06, 0, 0, 0x00050000 | 22), (0x06, 0, 0, 0x7fff0000))))
        program = Program(4, ctypes.addressof(code))
        if ctypes.CDLL(None).prctl(22, 2, ctypes.byref(program), 0, 0):
            os._exit(9)

    def test_a_filter_that_the_kernel_refuses_fails_create(self):
        self.config["linux"]["seccomp"] = all_but(["mkdir"])
        for no_new_privileges in (True, False):
            self.write_config(args=["tiny"], noNewPrivileges=no_new_privileges)
            text = self.fails("create", "--bundle", self.bundle, self.cid, preexec_fn=self.refuse_filters)
            self.assertIn("config.json: /linux/seccomp: load the filter: ", text)
            self.assertEqual([name for name in os.listdir(self.root) if not name.startswith(".")], [])
        self.assertEqual(self.run_ok(), "alive\n")

    def test_the_trial_of_a_filter_costs_no_other_process_a_privilege(self):
        self.config["linux"]["seccomp"] = all_but(["mkdir"])
        self.write_config(args=["/bin/cat", "/proc/self/status"], noNewPrivileges=False)
        text = self.run_ok()
        self.assertEqual((field(text, "NoNewPrivs"), field(text, "Seccomp")), ("0", "2"))


class Rights(BothModes):
    """The program has the same rights with a filter as without."""

    NAMES = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    ADMIN, KILL = "CAP_SYS_ADMIN", "CAP_KILL"

    def sets(self):
        kinds = ("bounding", "permitted", "effective", "inheritable", "ambient")
        yield {}
        yield dict.fromkeys(kinds, [self.KILL])
        yield dict.fromkeys(kinds, [self.KILL, self.ADMIN])
        yield {"bounding": [self.KILL, self.ADMIN], "permitted": [self.KILL], "effective": [self.KILL]}
        yield {"bounding": [self.KILL, self.ADMIN], "permitted": [self.KILL, self.ADMIN], "effective": []}
        yield {"bounding": [self.KILL, self.ADMIN], "permitted": [self.KILL], "effective": [],
               "inheritable": [self.KILL, self.ADMIN], "ambient": [self.KILL]}

    def seen(self, seccomp):
        self.config["linux"].pop("seccomp", None)
        if seccomp:
            self.config["linux"]["seccomp"] = seccomp
        self.write_config()
        text = self.run_ok()
        self.assertEqual(field(text, "Seccomp"), "2" if seccomp else "0")
        return {name: field(text, name) for name in self.NAMES}

    def compare(self):
        for capabilities in self.sets():
            for uid in (0, 1000):
                for no_new_privileges in (True, False):
                    self.config["process"].update(
                        args=["/bin/cat", "/proc/self/status"], user={"uid": uid, "gid": uid, "additionalGids": [5]},
                        capabilities=capabilities, noNewPrivileges=no_new_privileges)
                    expected = self.seen(None)
                    self.assertEqual(expected["NoNewPrivs"], str(int(no_new_privileges)))
                    for seccomp in (all_but(["mkdir"]), all_but(["mkdir", "capset"]),
                                    all_but(["mkdir", "capset"], "SCMP_ACT_KILL_PROCESS")):
                        with self.subTest(capabilities=capabilities, uid=uid, no_new_privileges=no_new_privileges,
                                          seccomp=seccomp):
                            self.assertEqual(self.seen(seccomp), expected)

    def test_on_the_host(self):
        self.compare()

    def test_in_a_user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        self.compare()

    def test_of_a_caller_with_no_new_privileges(self):
        """The caller has no_new_privs, so the filter needs no privilege, and krun keeps no capability for it."""
        for capabilities in ({"bounding": [self.KILL, self.ADMIN], "permitted": [self.KILL], "effective": [self.KILL]},
                             {"bounding": [self.ADMIN], "permitted": [], "effective": []}):
            self.write_config(args=["/bin/cat", "/proc/self/status"], capabilities=capabilities, noNewPrivileges=False)
            for seccomp in (all_but(["mkdir"]), all_but(["mkdir", "capset"])):
                self.config["linux"]["seccomp"] = seccomp
                self.write_config()
                result = self.run_container(preexec_fn=lambda: ctypes.CDLL(None).prctl(38, 1, 0, 0, 0))
                self.assertEqual(result.status, 0, result)
                permitted = 0x20 if self.KILL in capabilities["permitted"] else 0
                self.assertEqual((field(result.out, "NoNewPrivs"), int(field(result.out, "CapPrm"), 16)), ("1", permitted))


class Waiting(Base):
    """A container between create and start. create executes km's process, which has its filter."""

    def created(self):
        """Returns the (permitted, effective, inheritable, ambient) capabilities of the process that waits, and how it is filtered."""
        self.create()
        text = status_of(self.state()["pid"])
        return [int(field(text, name), 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")], field(text, "Seccomp")

    def test_what_is_lent_is_out_of_effect(self):
        """To a process whose filter refuses what it still does. One that allows all of that is in force, and nothing is lent any more."""
        given = 1 << 29 | 1 << 5 | 1 << 10
        for refused, waits in (("mkdir", True), ("recvmsg", False), ("openat", False)):
            self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM + [name for name in OF_THE_WAIT if name != refused])
            for no_new_privileges, lent in ((False, 1 << 21), (True, 0)):
                with self.subTest(refused=refused, no_new_privileges=no_new_privileges):
                    self.write_config(args=["tiny", "wait"], noNewPrivileges=no_new_privileges, user={"uid": 1000, "gid": 1000})
                    capabilities, filtered = self.created()
                    self.assertEqual((capabilities, filtered), ([given | (0 if waits else lent), given, 0, 0], "2" if waits else "0"))
                    self.assertEqual(field(status_of(self.state()["pid"]), "NoNewPrivs"), str(int(no_new_privileges)))
                    self.ok("start", self.cid)
                    wait_until(lambda: field(status_of(self.state()["pid"]), "Seccomp") == "2", what="filter")
                    self.assertEqual(int(field(status_of(self.state()["pid"]), "CapPrm"), 16), 0)
                    self.ok("delete", "--force", self.cid)

    def test_a_filter_that_could_mind_what_krun_does_is_loaded_at_the_end(self):
        """One that asks for an argument of such a call, here for the limit that krun sets; and one that logs."""
        rule = {"names": ["prlimit64"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}]}
        for seccomp in ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}, {"defaultAction": "SCMP_ACT_LOG"}):
            with self.subTest(seccomp=seccomp):
                self.config["linux"]["seccomp"] = seccomp
                self.write_config(args=["tiny", "wait"], rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100}])
                self.assertEqual(self.created()[1], "0")
                self.ok("start", self.cid)
                wait_until(lambda: field(status_of(self.state()["pid"]), "Seccomp") == "2", what="filter")
                self.ok("delete", "--force", self.cid)

    def test_all_that_a_process_does_after_its_wait(self):
        """The filter kills the process for any other call."""
        with open(f"{self.rootfs}/etc/passwd", "w") as file:
            file.write("".join(f"user{uid}:x:{uid}:0::/home:/bin/sh\n" for uid in range(2000)))
        self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM + OF_THE_WAIT)
        limits = [{"type": f"RLIMIT_{name}", "soft": value, "hard": value}
                  for name, value in (("NOFILE", 8), ("AS", 1 << 30), ("FSIZE", 1 << 20), ("NPROC", 100), ("CPU", 100), ("MEMLOCK", 0))]
        for words in ({"env": ["PATH=/bin"]}, {"env": ["PATH=/bin"], "user": {"uid": 1999, "gid": 7}}, {"rlimits": limits},
                      {"args": ["/bin/tiny"]}, {"env": [f"V{number}={number:01000}" for number in range(200)], "args": ["/bin/tiny"]}):
            for trace in (False, True):
                with self.subTest(words=words.keys(), trace=trace):
                    self.write_config(**dict({"args": ["tiny"]}, **words))
                    open(self.log, "wb").close()
                    self.assertEqual(self.created()[1], "2")
                    options = ["--trace", f"{self.top}/trace"] if trace else []
                    result = self.krun("start", self.cid, options=options)
                    self.assertEqual(result.status, 0, result)
                    self.wait_stopped()
                    self.ok("delete", self.cid)
                    self.assertEqual(self.logged(), "alive\n")
        self.write_config(args=["tiny"])
        self.assertEqual(self.run_ok(), "alive\n")

    def test_a_program_that_is_gone_is_told_by_start(self):
        self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM + OF_THE_WAIT)
        self.write_config(args=["tiny"])
        self.assertEqual(self.created()[1], "2")
        os.unlink(f"{self.rootfs}/bin/tiny")
        self.assertIn("no such file", self.fails("start", self.cid))

    def test_under_a_filter_with_hooks_of_the_start_nothing_changes(self):
        """The hooks fork and wait, which a filter for the program need not allow."""
        self.config["hooks"] = {"startContainer": [{"path": "/bin/tiny"}]}
        self.config["linux"]["seccomp"] = only(OF_KRUN + OF_THE_PROGRAM + OF_THE_WAIT)
        self.write_config(args=["tiny"])
        self.assertEqual(self.created()[1], "0")
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.logged(), "alive\n")


class Everybody(BothModes):
    """Every process that runs in the container for it is under its filter."""

    def pids(self):
        return json.loads(self.ok("ps", "--format", "json", self.cid).out)

    def test_every_process_of_the_container(self):
        """Under km process 1 is krun's own: a payload under the filter could trace it and so evade the filter."""
        self.config["linux"]["seccomp"] = all_but(["mkdir"])
        for no_new_privileges in (True, False):
            with self.subTest(no_new_privileges=no_new_privileges):
                self.config["process"]["noNewPrivileges"] = no_new_privileges
                self.start_sleeper("echo ready; exec sleep 1000")
                pids = self.pids()
                self.assertGreaterEqual(len(pids), 2 if self.mode == "km" else 1)
                self.assertEqual({pid: field(status_of(pid), "Seccomp") for pid in pids}, dict.fromkeys(pids, "2"))
                self.ok("delete", "--force", self.cid)

    def test_without_execveat(self):
        """krun executes km, and process 1 in front of it, by name then."""
        self.config["linux"]["seccomp"] = all_but(["execveat"])
        for no_new_privileges in (True, False):
            with self.subTest(no_new_privileges=no_new_privileges):
                self.assertEqual(self.inside("echo fine", noNewPrivileges=no_new_privileges), "fine\n")

    def test_the_hooks_of_the_start_are_under_it_with_the_programs_rights(self):
        self.config["linux"]["seccomp"] = all_but(["mkdir"])
        self.config["hooks"] = {"startContainer": [
            {"path": "/bin/sh", "args": ["sh", "-c", "cat /proc/self/status > /tmp/seen; ulimit -n >> /tmp/seen"]}]}
        for no_new_privileges in (True, False):
            for uid in (0, 1000):
                with self.subTest(no_new_privileges=no_new_privileges, uid=uid):
                    out = self.inside("cat /tmp/seen; echo ==; cat /proc/self/status; ulimit -n; rm /tmp/seen",
                                      noNewPrivileges=no_new_privileges, user={"uid": uid, "gid": uid})
                    hook, program = out.split("==\n")
                    for name in ("Uid", "Seccomp", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                        self.assertEqual(field(hook, name), field(program, name), name)
                    self.assertEqual(field(hook, "Seccomp"), "2")
                    self.assertEqual(hook.split()[-1], program.split()[-1])


class InFrontOfKm(KrunTest):
    mode = "km"

    def test_process_1_in_front_of_km_holds_no_descriptor(self):
        self.start_sleeper("echo ready; exec sleep 1000")
        pid = self.state()["pid"]
        self.assertGreater(len(json.loads(self.ok("ps", "--format", "json", self.cid).out)), 1)
        self.assertEqual({fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}, {})
        self.ok("delete", "--force", self.cid)
