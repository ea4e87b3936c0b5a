# SPDX-License-Identifier: Apache-2.0
"""create, start, state, kill, delete, run, list, ps and pause as a caller sees them."""

import glob
import json
import os
import resource
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import time

from krun import BUILD, CGROUP, BothModes, KrunTest, wait_until



class Run(BothModes):
    def test_output_and_status_of_the_program_are_passed_on(self):
        self.shell("echo out; echo err >&2; exit 42")
        result = self.run_container()
        self.assertEqual((result.status, result.out, result.err), (42, "out\n", "err\n"))

    def test_stdin_reaches_the_program(self):
        self.write_config(args=["/bin/cat"])
        self.assertEqual(self.run_ok(stdin="through\n"), "through\n")

    def test_death_by_signal_is_128_plus_signal(self):
        # The shell kills a child: process 1 itself cannot be killed from inside.
        for signo in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
            with self.subTest(signal=signo):
                self.shell(f"sh -c 'kill -{int(signo)} $$'; exit $?")
                self.assertEqual(self.run_container().status, 128 + signo)

    def test_missing_command_names_it_in_the_words_engines_look_for(self):
        self.write_config(args=["nosuch"])
        self.assertEqual(self.run_fails(), 'exec: "nosuch": executable file not found in $PATH')
        self.write_config(args=["/no/such"])
        self.assertIn("no such file or directory", self.run_fails())

    def test_command_that_cannot_be_executed(self):
        self.write_config(args=["/etc"])
        self.assertIn("permission denied", self.run_fails())
        self.write_config(args=["/etc/passwd"])
        self.assertIn("permission denied", self.run_fails())

    def test_signals_to_a_foreground_run_reach_the_program(self):
        self.shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done")
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 7)

    def test_the_size_of_the_callers_terminal_is_not_the_programs_business(self):
        """httpd ends at a SIGWINCH."""
        self.shell("trap 'echo WINCH' WINCH; trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done")
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for _ in range(3):
            process.send_signal(signal.SIGWINCH)
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual((process.stdout.read(), process.wait(60)), (b"", 7))

    def test_detached_run_returns_while_the_program_runs(self):
        self.shell("while :; do sleep 0.02; done")
        self.ok("run", "--detach", "--bundle", self.bundle, self.cid, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        self.assertEqual(self.status(), "running")
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_a_process_that_is_killed_while_its_network_is_made(self):
        self.write_config(args=["/bin/true"])
        result = self.injected(("kill", "0.1:close_range:0"), "run", "--bundle", self.bundle, self.cid)
        self.assertEqual((result.status, result.err), (1, "krun: the container's process ended before it was complete (killed?)\n"))

    def test_the_effective_user_counts(self):
        """As with a setuid program in front of krun."""
        self.start_sleeper()
        prefix = ["setpriv", "--ruid", "65533", "--clear-groups"]
        for words, out in ((("state", self.cid), '"running"'), (("exec", self.cid, "echo", "inside"), "inside")):
            # LeakSanitizer may not trace a process of two users.
            done = subprocess.run([*prefix, *self.command(*words)], stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True,
                                  timeout=60, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(out, done.stdout)
        self.ok("delete", "--force", self.cid)

    def test_keep_leaves_state_and_cgroup_until_delete(self):
        self.shell("exit 5")
        self.assertEqual(self.run_container("--keep").status, 5)
        self.assertEqual(self.status(), "stopped")
        self.assertTrue(os.path.isdir(f"{CGROUP}/krun-{self.cid}"))
        self.ok("delete", self.cid)
        self.assertFalse(os.path.isdir(f"{CGROUP}/krun-{self.cid}"))

    def test_nothing_of_the_caller_but_stdio_is_open_inside(self):
        read, write = os.pipe()
        self.shell("ls /proc/$$/fd; true")
        out = self.run_ok(pass_fds=(read, write))
        os.close(read)
        os.close(write)
        inherited = [int(word) for word in out.split()]
        self.assertEqual([fd for fd in inherited if fd < 10], [0, 1, 2], inherited)
        self.assertEqual([fd for fd in inherited if fd > 10], [])


class CreateStart(BothModes):
    def test_create_runs_nothing_until_start(self):
        self.shell("echo ran")
        self.create()
        self.assertEqual(self.status(), "created")
        time.sleep(0.1)
        self.assertEqual(self.logged(), "")
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.logged(), "ran\n")
        self.ok("delete", self.cid)

    def test_pid_file_is_the_pid_of_state_without_newline(self):
        pid_file = os.path.join(self.top, "pid")
        self.shell("sleep 100")
        self.create("--pid-file", pid_file)
        with open(pid_file) as file:
            text = file.read()
        self.assertTrue(text.isdigit(), repr(text))
        self.assertEqual(int(text), self.state()["pid"])
        self.ok("delete", "--force", self.cid)

    def test_the_process_is_a_child_of_the_callers_reaper_with_the_programs_status(self):
        # A shim or conmon does this: it becomes a subreaper, calls create and start, and waits for the pid of the pid file.
        script = (
            "import ctypes, os, subprocess, sys\n"
            "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
            "command, pid_file = sys.argv[1:-2], sys.argv[-2]\n"
            "subprocess.run(command + ['create', '--bundle', sys.argv[-1], '--pid-file', pid_file, 'x'], check=True)\n"
            "pid = int(open(pid_file).read())\n"
            "subprocess.run(command + ['start', 'x'], check=True)\n"
            "assert os.getpgid(pid) == pid and os.getsid(pid) == pid\n"
            "_, status = os.waitpid(pid, 0)\n"
            "subprocess.run(command + ['delete', 'x'], check=True)\n"
            "sys.exit(os.waitstatus_to_exitcode(status))\n")
        self.ids.append("x")
        self.shell("exit 42")
        done = subprocess.run(["python3", "-c", script, *self.command(), os.path.join(self.top, "pid"), self.bundle],
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)
        self.assertEqual(done.returncode, 42)

    def test_create_leaves_nobody_holding_its_stdout_but_the_program(self):
        self.shell("exec </dev/null >/dev/null 2>&1; echo ready > /tmp/ready; while :; do sleep 0.05; done")
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.assertEqual(process.wait(60), 0)
        self.ok("start", self.cid)
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/ready"), what="payload")
        if self.mode == "plain":
            self.assertEqual(process.stdout.read(), b"")
        self.ok("delete", "--force", self.cid)

    def test_create_reports_a_missing_command(self):
        self.write_config(args=["nosuch"])
        self.assertIn("executable file not found in $PATH", self.fails("create", "--bundle", self.bundle, self.cid))

    def test_second_start_is_refused(self):
        self.start_sleeper()
        self.assertIn("running", self.fails("start", self.cid))
        self.ok("delete", "--force", self.cid)

    def test_id_in_use_is_refused_and_the_container_is_unharmed(self):
        self.start_sleeper()
        self.assertIn(self.cid, self.fails("create", "--bundle", self.bundle, self.cid))
        self.assertEqual(self.status(), "running")
        self.ok("delete", "--force", self.cid)

    def test_delete_of_a_created_container_ends_it(self):
        self.shell("echo ran")
        self.create()
        pid = self.state()["pid"]
        self.ok("delete", "--force", self.cid)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="end of process")
        self.assertEqual(self.logged(), "")

    def test_killed_created_container_is_stopped(self):
        self.shell("echo ran")
        self.create()
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_process_that_ends_leaves_stopped_with_pid_0(self):
        self.write_config()
        self.create()
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.state()["pid"], 0)
        self.assertIn("container not running", self.fails("kill", self.cid))
        self.ok("delete", self.cid)

    def test_create_killed_half_way_is_cleaned_by_delete_force(self):
        self.config["hooks"] = {"createRuntime": [{"path": BUSYBOX_SLEEP, "args": ["sleep", "30"]}]}
        self.write_config()
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until(lambda: glob.glob(f"{self.root}/{self.cid}/state.json"), what="state")
        wait_until(lambda: os.path.isdir(f"{CGROUP}/krun-{self.cid}"), what="cgroup")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.ok("delete", "--force", self.cid)

    def test_create_that_is_terminated_undoes_its_work(self):
        self.config["hooks"] = {"createRuntime": [{"path": BUSYBOX_SLEEP, "args": ["sleep", "30"]}]}
        self.write_config()
        process = self.spawn("create", "--bundle", self.bundle, self.cid, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.isdir(f"{CGROUP}/krun-{self.cid}"), what="cgroup")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertFalse(os.path.exists(f"{self.root}/{self.cid}"))
        self.assertFalse(os.path.isdir(f"{CGROUP}/krun-{self.cid}"))


BUSYBOX_SLEEP = "/bin/sleep"


class KillDelete(BothModes):
    def test_kill_by_name_and_number(self):
        for word in ("TERM", "SIGTERM", "15", "sigterm"):
            with self.subTest(word=word):
                self.start_sleeper()
                self.ok("kill", self.cid, word)
                self.wait_stopped()
                self.ok("delete", self.cid)

    def test_kill_without_a_signal_is_term(self):
        self.start_sleeper("trap 'echo got term; exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        self.ok("kill", self.cid)
        self.wait_stopped()
        self.assertIn("got term", self.logged())
        self.ok("delete", self.cid)

    def test_kill_all_reaches_every_process(self):
        """The signal is one that a process has to get itself: the end of process 1 would end the others, too."""
        loop = "while :; do sleep 0.02; done"
        child = f"trap 'echo got$0' HUP; echo up$0; {loop}"
        self.shell(f"""for n in 1 2; do sh -c "$CHILD" $n & done; trap 'echo got0' HUP; echo up0; {loop}""",
                   env=["PATH=/bin", f"CHILD={child}"])
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: self.logged().split().count("up0") and "up1" in self.logged() and "up2" in self.logged(), what="processes")
        self.ok("kill", self.cid, "HUP")
        wait_until(lambda: "got0" in self.logged(), what="signal")
        self.assertEqual([word for word in self.logged().split() if word.startswith("got")], ["got0"])
        self.ok("kill", "--all", self.cid, "HUP")
        # The stand-in's payload is a process of its own, which may get the signal twice: itself, and from kmsim.
        wait_until(lambda: {"got1", "got2"} < set(self.logged().split()) and self.logged().split().count("got0") >= 2, what="signals")
        if self.mode == "plain":
            self.assertEqual(self.logged().split().count("got0"), 2)
        self.ok("kill", "--all", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def members(self):
        """Returns the processes of the container's cgroup."""
        with open(f"{CGROUP}/krun-{self.cid}/cgroup.procs") as file:
            return [int(line) for line in file]

    def without_pid_namespace(self, script):
        self.config["linux"]["namespaces"].remove({"type": "pid"})
        self.start_sleeper(script)

    def end_first(self):
        pid = self.state()["pid"]
        self.assertGreater(pid, 0)
        os.kill(pid, signal.SIGKILL)
        self.wait_stopped()

    def test_kill_without_a_pid_namespace_ends_every_process(self):
        self.without_pid_namespace("sleep 100 & sleep 100 & echo ready; wait")
        self.assertGreaterEqual(len(self.members()), 3)
        self.ok("kill", self.cid, "KILL")
        wait_until(lambda: not self.members(), what="end of all processes")
        self.wait_stopped()
        self.assertEqual(self.fails("kill", self.cid, "KILL"), "container not running")
        self.ok("delete", self.cid)

    def test_kill_in_a_joined_pid_namespace_ends_its_own_alone(self):
        """A pod is like this: the pid namespace belongs to another container, which goes on."""
        pod = self.cid + "pod"
        self.ids.append(pod)
        self.shell("sleep 100")
        self.create(identity=pod)
        self.ok("start", pod)
        first = self.state(pod)["pid"]
        self.config["linux"]["namespaces"] = [dict(entry, **({"path": f"/proc/{first}/ns/pid"} if entry["type"] == "pid" else {}))
                                              for entry in self.config["linux"]["namespaces"]]
        self.start_sleeper("sleep 100 & sleep 100 & echo ready; wait")
        self.ok("kill", self.cid, "KILL")
        wait_until(lambda: not self.members(), what="end of all processes")
        self.assertEqual(self.status(pod), "running")
        self.ok("delete", self.cid)
        self.ok("delete", "--force", pod)

    def test_what_the_first_process_leaves_is_still_reached(self):
        self.without_pid_namespace("sleep 100 & sleep 100 & echo ready; wait")
        self.end_first()
        self.assertTrue(self.members())
        self.assertEqual(len(json.loads(self.ok("ps", "--format", "json", self.cid).out)), len(self.members()))
        self.ok("kill", self.cid, "KILL")
        wait_until(lambda: not self.members(), what="end of the rest")
        self.assertEqual(self.fails("kill", self.cid, "KILL"), "container not running")
        self.ok("delete", self.cid)

    def test_delete_ends_what_the_first_process_leaves(self):
        self.without_pid_namespace("sleep 100 & sleep 100 & echo ready; wait")
        self.end_first()
        left = self.members()
        self.assertTrue(left)
        self.ok("delete", self.cid)
        for pid in left:
            wait_until(lambda: not os.path.exists(f"/proc/{pid}") or " Z " in open(f"/proc/{pid}/stat").read(), what="end")

    def test_kill_by_regex_tells_of_a_failure(self):
        """The others get the signal, whatever comes first."""
        self.shell("exec sleep 1000")
        names = [f"{self.cid}-{letter}" for letter in "abc"]
        self.ids += names
        for name in names:
            self.create(identity=name)
            if name != names[1]:
                self.ok("start", name)
        self.ok("kill", names[0], "KILL")
        self.wait_stopped(names[0])
        self.assertIn("not running", self.fails("kill", "--regex", f"^{self.cid}-", "KILL"))
        for name in names:
            self.wait_stopped(name)

    def test_kill_by_regex(self):
        others = [self.cid + "a", self.cid + "b"]
        self.ids += others
        self.shell("sleep 100")
        for identity in others:
            self.create(identity=identity)
        self.ok("kill", "--regex", f"{self.cid}[ab]", "KILL")
        for identity in others:
            self.wait_stopped(identity)
        self.ok("delete", "--regex", f"^{self.cid}")
        self.assertEqual(self.ok("list", "-q").out, "")

    def test_delete_of_a_running_container_needs_force(self):
        self.start_sleeper()
        self.assertIn("running", self.fails("delete", self.cid))
        self.ok("delete", "--force", self.cid)

    def test_unknown_container(self):
        for command in (("state",), ("kill",), ("delete",), ("start",), ("pause",), ("resume",), ("ps",)):
            self.assertEqual(self.fails(*command, "nope"), f"container 'nope' does not exist in '{self.root}'")
        self.assertEqual(self.fails("exec", "nope", "true", status=255), f"container 'nope' does not exist in '{self.root}'")
        self.ok("delete", "--force", "nope")

    def test_unknown_signal(self):
        self.assertIn("FOO", self.fails("kill", "nope", "FOO"))


class Look(BothModes):
    def test_state_is_the_object_of_the_specification(self):
        self.config["annotations"] = {"a.b": "c"}
        if self.mode == "plain":
            self.config["annotations"].update(dict.fromkeys(
                (f"app.kontain.krun.{key}" for key in ("oomKilled", "personality", "startAt")), "claimed"))
        self.start_sleeper()
        state = self.state()
        self.assertEqual(state["id"], self.cid)
        self.assertEqual(state["status"], "running")
        self.assertEqual(state["bundle"], self.bundle)
        self.assertEqual(state["rootfs"], self.rootfs)
        # A plain container has no annotations of krun.
        of_km = {"app.kontain.krun.personality": "km", "app.kontain.krun.startAt": "payload"} if self.mode == "km" else {}
        self.assertEqual(state["annotations"], {"a.b": "c", **of_km})
        self.assertRegex(state["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
        self.assertTrue(os.path.exists(f"/proc/{state['pid']}/ns/net"))
        self.assertEqual(self.ok("state", self.cid).err, "")
        self.ok("delete", "--force", self.cid)

    def test_list_beside_what_is_no_container(self):
        self.start_sleeper()
        with open(f"{self.root}/stray", "w"):
            pass
        os.symlink("/", f"{self.root}/link")
        try:
            self.assertEqual(self.ok("list", "--quiet").out.split(), [self.cid])
            self.assertIn("running", self.ok("list").out)
        finally:
            os.unlink(f"{self.root}/stray")
            os.unlink(f"{self.root}/link")

    def test_list_of_a_bundle_with_a_newline(self):
        os.rename(self.bundle, self.bundle + "\nstrange\t")
        self.bundle += "\nstrange\t"
        self.start_sleeper()
        header, row = self.ok("list").out.splitlines()
        self.assertEqual(row[header.index("CREATED") - 1:header.index("CREATED") + 4], " 20" + self.state()["created"][2:4])
        self.assertIn(r"bundle\nstrange\t ", row)
        self.assertEqual(json.loads(self.ok("list", "--format", "json").out)[0]["bundle"], self.bundle)
        self.assertEqual(self.state()["bundle"], self.bundle)
        self.ok("delete", "--force", self.cid)

    def test_list_in_all_forms(self):
        self.start_sleeper()
        table = self.ok("list").out.splitlines()
        self.assertEqual(table[0].split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
        self.assertEqual(table[1].split()[0], self.cid)
        self.assertEqual(table[1].split()[2], "running")
        self.assertEqual([item["id"] for item in json.loads(self.ok("list", "--format=json").out)], [self.cid])
        self.assertEqual(self.ok("list", "--quiet").out, self.cid + "\n")
        self.ok("delete", "--force", self.cid)
        self.assertEqual(json.loads(self.ok("list", "-f", "json").out), [])

    def test_ps_lists_every_process(self):
        self.start_sleeper("sleep 1000 & echo ready; wait")
        pids = json.loads(self.ok("ps", "--format", "json", self.cid).out)
        self.assertIn(self.state()["pid"], pids)
        names = [open(f"/proc/{pid}/cmdline").read() for pid in pids]
        self.assertTrue(any("sleep" in name and "1000" in name for name in names), names)
        table = self.ok("ps", self.cid).out
        self.assertIn("PID", table.splitlines()[0])
        self.assertEqual(len(table.splitlines()), len(pids) + 1)
        self.assertIn("CMD", self.ok("ps", self.cid, "-o", "pid,cmd").out)
        self.ok("delete", "--force", self.cid)

    def test_ps_asks_for_the_containers_processes_alone(self):
        """For all of the host's the host's ps takes longer the more there are; one that has no such option is asked for all."""
        fake, arguments = os.path.join(self.top, "ps"), os.path.join(self.top, "arguments")
        real = os.path.join(self.top, "real-ps")
        shutil.copy(shutil.which("ps", path="/usr/bin:/bin"), real)
        self.write_config(args=["/bin/sleep", "1000"])
        self.create()
        pids = [str(pid) for pid in json.loads(self.ok("ps", "--format", "json", self.cid).out)]
        these = "-f -q " + ",".join(pids)
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                   'mount --bind "$0" "$(readlink -f "$(PATH=/usr/bin:/bin command -v ps)")" && exec "$@"', fake, *self.command("ps", self.cid)]
        for refuses, asked in (("", [these]), ("case $* in *-q*) echo no >&2; exit 1 ;; esac", [these, "-ef"])):
            with open(fake, "w") as file:
                file.write(f'#!/bin/sh\necho "$*" >>{arguments}\n{refuses}\nexec {real} "$@"\n')
            os.chmod(fake, 0o755)
            done = subprocess.run(command, capture_output=True, check=False, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual([line.split()[1] for line in done.stdout.splitlines()], ["PID", *pids])
            with open(arguments) as file:
                self.assertEqual(file.read().splitlines(), asked)
            os.unlink(arguments)

    def test_ten_containers_at_once(self):
        self.shell("sleep 100")
        identities = [f"{self.cid}-{i}" for i in range(10)]
        self.ids += identities
        with open(self.log, "wb") as log:
            processes = [self.spawn("run", "-d", "--bundle", self.bundle, identity, stdout=subprocess.DEVNULL,
                                    stderr=log, stdin=subprocess.DEVNULL) for identity in identities]
        for process in processes:
            self.assertEqual(process.wait(60), 0, self.logged())
        for identity in identities:
            self.assertEqual(self.status(identity), "running")
        self.assertEqual(self.ok("list", "-q").out.split(), identities)
        for identity in identities:
            self.ok("delete", "--force", identity)


class Pause(BothModes):
    def test_foreground_run_does_not_stand_in_the_way_of_other_commands(self):
        self.shell("touch /tmp/ready; exec sleep 100")
        process = self.spawn("run", "--bundle", self.bundle, self.cid)
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/ready"), what="payload")
        self.ok("pause", self.cid)
        self.ok("resume", self.cid)
        self.ok("delete", "--force", self.cid)
        self.assertEqual(process.wait(60), 137)

    def test_paused_container_makes_no_progress_until_resume(self):
        self.start_sleeper("echo ready; i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done")
        count = os.path.join(self.rootfs, "tmp/count")
        self.ok("pause", self.cid)
        self.assertEqual(self.status(), "paused")
        with open(count) as file:
            before = file.read()
        time.sleep(0.2)
        with open(count) as file:
            self.assertEqual(file.read(), before)
        self.assertIn("paused", self.fails("pause", self.cid))
        self.assertIn("paused", self.fails("exec", self.cid, "/bin/true", status=255))
        self.ok("resume", self.cid)
        wait_until(lambda: open(count).read() not in (before, ""), what="progress")
        self.assertEqual(self.status(), "running")
        self.assertIn("running", self.fails("resume", self.cid))
        self.ok("delete", "--force", self.cid)

    def test_delete_force_ends_a_paused_container(self):
        self.start_sleeper()
        self.ok("pause", self.cid)
        self.ok("delete", "--force", self.cid)


class FirstThread(KrunTest):
    """The first thread of the first process ends, and another one goes on: the state Z is not the end of the process."""

    def test_commands_take_it_for_running(self):
        shutil.copy(os.path.join(BUILD, "tests/hostile/tools/hostile_threads"), f"{self.rootfs}/bin/threads")
        self.write_config(args=["/bin/threads"])
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        pid = self.state()["pid"]
        with open(f"/proc/{pid}/stat") as file:
            self.assertEqual(file.read().split()[2], "Z")
        self.assertEqual(self.state()["pid"], pid)
        self.assertEqual(self.status(), "running")
        self.assertIn("running", self.fails("delete", self.cid))
        self.assertIn("the first thread of container", self.fails("exec", self.cid, "x", status=255))
        self.ok("pause", self.cid)
        self.assertEqual(self.status(), "paused")
        self.ok("resume", self.cid)
        self.ok("kill", self.cid, "USR1")
        wait_until(lambda: "got it" in self.logged(), what="signal")
        self.ok("delete", "--force", self.cid, timeout=20)
        self.assertFalse(os.path.exists(f"/proc/{pid}/root/bin"))


class StateFiles(BothModes):
    """state.json of other versions, and broken ones."""

    def path(self, name="state.json"):
        return f"{self.root}/{self.cid}/{name}"

    def rewrite(self, **changes):
        with open(self.path()) as file:
            state = json.load(file)
        state.update(changes)
        with open(self.path(), "w") as file:
            json.dump({key: value for key, value in state.items() if value is not None}, file)

    @staticmethod
    def lives(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return " Z " not in file.read()
        except FileNotFoundError:
            return False

    def gone(self, pid):
        wait_until(lambda: not self.lives(pid), what="end")
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"))

    def test_both_files_say_the_same(self):
        """place.json is written early, with km once km's pid is known; other commands do not take the container for created then."""
        copy = f"cp {self.path('place.json')} {self.top}/early" if self.mode == "plain" else ":"
        script = f"{copy}; {shlex.join(self.command('state', self.cid))} >{self.top}/seen"
        self.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}], "poststop": [{"path": "/bin/true"}]}
        self.start_sleeper()
        with open(f"{self.top}/seen") as seen:
            self.assertEqual(json.load(seen)["status"], "creating")
        if self.mode == "plain":
            with open(f"{self.top}/early") as early:
                self.assertEqual(json.load(early)["pid"], self.state()["pid"])
        with open(self.path("place.json")) as place, open(self.path("state.json")) as state:
            place, state = json.load(place), json.load(state)
        self.assertGreater(place["pid"], 0)
        self.assertTrue(place["hasHooks"])
        del place["check"]
        self.assertEqual(place, {key: state.get(key) for key in place})
        self.ok("delete", "--force", self.cid)

    def test_a_lost_filter_is_no_reason_to_go_without(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
        self.start_sleeper()
        self.assertEqual(self.krun("exec", self.cid, "mkdir", "/tmp/made").status, 1)
        os.unlink(self.path("seccomp.bpf"))
        self.assertIn("seccomp.bpf", self.fails("exec", self.cid, "mkdir", "/tmp/made", status=255))
        self.assertFalse(os.path.exists(f"{self.rootfs}/tmp/made"))
        self.ok("delete", "--force", self.cid)

    def test_containers_of_an_older_krun_are_managed(self):
        self.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done")
        self.create()
        # The file is as it was before it had a version.
        self.rewrite(version=None, trusted=None)
        os.unlink(self.path("place.json"))
        self.assertEqual(self.status(), "created")
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.assertIn("running", self.ok("list").out)
        self.assertEqual(self.ok("exec", self.cid, "echo", "inside").out, "inside\n")
        self.ok("kill", self.cid, "TERM")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_containers_of_a_newer_krun(self):
        """Commands that have to understand all of the state fail and say why; the others work."""
        self.start_sleeper()
        pid = self.state()["pid"]
        self.rewrite(version=99)
        text = self.fails("exec", self.cid, "true", status=255)
        self.assertIn("written by a newer krun: version 99, this krun reads up to 2", text)
        self.assertIn("newer krun", self.fails("update", "--pids-limit", "5", self.cid))
        self.assertIn(f"{pid}", self.ok("list").out)
        self.assertEqual(self.status(), "running")
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.ok("delete", "--force", self.cid)
        self.gone(pid)

    def test_a_path_that_leads_out_of_the_cgroups_removes_nothing(self):
        for index, front in enumerate(("/.." * 20, "/." + "/.." * 20, "/" + "../" * 20, "/", "//")):
            with self.subTest(front=front):
                kept = os.path.join(self.top, f"kept{index}")
                os.mkdir(kept)
                self.shell("true")
                self.assertEqual(self.run_container("--keep").status, 0)
                with open(self.path()) as file:
                    path = json.load(file)["cgroupPath"]
                self.rewrite(cgroupPath=front + kept, check=None)
                os.unlink(self.path("place.json"))
                self.krun("delete", "--force", self.cid)
                self.assertTrue(os.path.isdir(kept))
                if os.path.exists(self.path()):
                    self.rewrite(cgroupPath=path)
                self.krun("delete", "--force", self.cid)
                if os.path.exists(f"{CGROUP}{path}"):
                    os.rmdir(f"{CGROUP}{path}")

    def test_a_missing_key_is_no_reason_to_forget_a_container(self):
        self.start_sleeper()
        pid = self.state()["pid"]
        self.rewrite(keyring=None, annotations=None, created=None, startAt=None, owner=None)
        self.assertEqual(self.ok("exec", self.cid, "echo", "inside").out, "inside\n")
        # Without this key exec would stay in the host's namespaces.
        self.rewrite(namespaces=None)
        self.assertIn("namespaces", self.fails("exec", self.cid, "true", status=255))
        self.ok("delete", "--force", self.cid)
        self.gone(pid)

    def test_a_broken_state_loses_no_process(self):
        for broken in ("", "{\"version\":2,\"id\":\"x"):
            for files in (["state.json"], ["state.json", "place.json"]):
                with self.subTest(broken=broken, files=files):
                    self.start_sleeper()
                    pid = self.state()["pid"]
                    for name in files:
                        with open(self.path(name), "w") as file:
                            file.write(broken)
                    self.assertIn(self.cid, self.ok("list").out)
                    self.ok("delete", "--force", self.cid)
                    self.gone(pid)

    def test_processes_that_cannot_be_found_are_an_error(self):
        """There is no cgroup where config.json has it, so krun cannot claim that nothing is left."""
        self.start_sleeper()
        pid = self.state()["pid"]
        for name in ("state.json", "place.json"):
            os.rename(self.path(name), self.path(name + ".kept"))
            open(self.path(name), "w").close()
        os.rename(self.path("config.json"), self.path("config.kept"))
        with open(self.path("config.kept")) as file:
            config = json.load(file)
        config["linux"]["cgroupsPath"] = "/krun-test-nowhere/x"
        with open(self.path("config.json"), "w") as file:
            json.dump(config, file)
        text = self.fails("delete", "--force", self.cid)
        self.assertIn("of its processes may still run", text)
        self.assertIn("/krun-test-nowhere/x", text)
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        for name in ("state.json", "place.json"):
            os.rename(self.path(name + ".kept"), self.path(name))
        self.ok("delete", "--force", self.cid)
        self.gone(pid)


    def test_shortage_is_no_proof_of_absence(self):
        """With any number of descriptors, a command does not call a container stopped, and does not remove it, when it cannot look at it."""
        self.start_sleeper()
        pid = self.state()["pid"]
        for command in (["state"], ["list"], ["kill", "0"], ["delete", "--force"]):
            limit = 3
            while True:
                result = self.krun(*command[:1], *command[1:] if command[0] == "delete" else [],
                                   *([] if command[0] == "list" else [self.cid]), *command[1:] if command[0] == "kill" else [],
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
                with self.subTest(command=command, descriptors=limit):
                    self.assertNotIn("stopped", result.out)
                    self.assertNotIn("not running", result.err)
                    self.assertNotIn("does not exist", result.err)
                if result.status == 0:
                    break
                # A delete that failed still knows the container.
                if self.lives(pid):
                    self.assertEqual(self.status(), "running", f"after {command} with {limit} descriptors")
                else:
                    self.assertEqual(command[0], "delete")
                    self.assertIn(self.cid, self.ok("list", "-q").out)
                self.assertLess(limit, 40)
                limit += 1
        self.gone(pid)

    def test_files_are_for_their_owner_alone(self):
        """They have the environment of the program."""
        self.start_sleeper()
        folder = os.path.join(self.root, self.cid)
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in ("state.json", "place.json", "config.json"):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, name)

    def test_create_in_its_first_steps(self):
        """Its state directory exists, and is empty."""
        os.makedirs(os.path.join(self.root, "first"), 0o700)
        self.assertRegex(self.ok("list").out, r"(?m)^first +0 +creating ")
        for command in (["state"], ["kill"], ["delete"]):
            self.assertIn("container 'first' is being created, or its create was killed in its first steps",
                          self.fails(*command, "first"))
        self.ok("delete", "--force", "first")
        self.assertEqual(os.listdir(self.root), [])

    def test_a_lost_state_is_no_first_step(self):
        """The container may run, so no command says that it can be deleted."""
        self.start_sleeper()
        os.rename(self.path(), self.path("kept"))
        for command in (["exec", self.cid, "true"], ["update", "--pids-limit", "5", self.cid]):
            text = self.fails(*command, status=255 if command[0] == "exec" else 1)
            self.assertIn(f"container '{self.cid}': read 'state.json'", text)
        self.assertEqual(self.status(), "running")
        os.rename(self.path("kept"), self.path())
        self.ok("delete", "--force", self.cid)

    def test_state_that_is_no_file_hangs_nothing(self):
        self.start_sleeper()
        pid = self.state()["pid"]
        made = {"FIFO": os.mkfifo, "socket": lambda path: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).bind(path),
                "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(5, 1)), "directory": os.mkdir}
        for kind, make in made.items():
            with self.subTest(kind=kind):
                os.rename(self.path(), self.path("kept"))
                make(self.path())
                # place.json has what these commands need.
                self.assertEqual(self.status(), "running")
                self.assertIn(self.cid, self.ok("list", timeout=20).out)
                self.fails("exec", self.cid, "true", status=255, timeout=20)
                os.rename(self.path(), self.path("of-" + kind))
                os.rename(self.path("kept"), self.path())
        names = ("state.json", "place.json", "config.json")
        for name in names:
            os.rename(self.path(name), self.path(name + ".kept"))
            os.mkfifo(self.path(name))
        self.assertIn("unknown", self.ok("list", timeout=20).out)
        self.assertIn("of its processes may still run", self.fails("delete", "--force", self.cid, timeout=20))
        self.assertTrue(self.lives(pid))
        for name in names:
            os.rename(self.path(name + ".kept"), self.path(name))
        self.ok("delete", "--force", self.cid)
        self.gone(pid)


class PidfdSocket(BothModes):
    def test_pidfd_of_the_process_arrives(self):
        path = os.path.join(self.top, "pidfd.sock")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(path)
        server.listen()
        self.shell("sleep 100")
        for way in ("option", "annotation"):
            with self.subTest(way=way):
                self.receive(server, path, way)
        server.close()

    def receive(self, server, path, way):
        if way == "annotation":
            self.config["annotations"] = {"run.oci.pidfd_receiver": path}
            self.write_config()
            # Unless the host allows it, krun does not connect to the socket.
            self.create()
            server.settimeout(0.2)
            self.assertRaises(TimeoutError, server.accept)
            server.settimeout(10)
            self.ok("delete", "--force", self.cid)
            self.allow("allowPidfdReceiver")
            self.write_config()
            self.create()
        else:
            self.create("--pidfd-socket", path)
        connection, _ = server.accept()
        _, fds, _, _ = socket.recv_fds(connection, 100, 1)
        with open(f"/proc/self/fdinfo/{fds[0]}") as file:
            info = file.read()
        self.assertIn(f"Pid:\t{self.state()['pid']}\n", info)
        connection.close()
        os.close(fds[0])
        self.ok("delete", "--force", self.cid)
