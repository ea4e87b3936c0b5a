# SPDX-License-Identifier: Apache-2.0
"""The km mode, with kmsim in km's place."""

import hashlib
import contextlib
import fcntl
import json
import os
import signal
import shutil
import socket
import stat
import struct
import subprocess
import termios
import time
import unittest

from console import ConsoleSocket, read_until
from jobs import OWN_MACHINE
from krun import BUILD, KM_PATH, PROGRAMS, REAL_KM, KrunTest, has_gnu_libc, stand_in_only, wait_until


class KmTest(KrunTest):
    mode = "km"

    def settings(self, **values):
        path = os.path.join(self.top, "krun.json")
        with open(path, "w") as file:
            json.dump(values, file)
        return ["--config-file", path]


class Personality(KmTest):
    def test_the_payload_runs_inside(self):
        self.assertEqual(self.inside("echo $KMSIM"), "1\n")
        self.assertEqual(self.state_of("krun-plain"), "\n")

    def state_of(self, name):
        self.shell("echo $KMSIM")
        program = os.path.join(self.top, name)
        os.symlink(PROGRAMS["km"], program)
        done = subprocess.run([program, "--root", self.root, "run", "--bundle", self.bundle, self.cid],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_the_name_decides(self):
        for name, inside in (("krun", "1\n"), ("krun-dev", "1\n"), ("krun-plain", "\n"), ("runc", "\n"), ("other", "\n")):
            with self.subTest(name=name):
                self.assertEqual(self.state_of(name), inside)

    def test_label_trigger(self):
        self.assertEqual(self.state_of("krun-label-trigger"), "\n")
        os.unlink(f"{self.top}/krun-label-trigger")
        self.config["annotations"] = {"app.kontain.version": "1"}
        self.assertEqual(self.state_of("krun-label-trigger"), "1\n")
        os.unlink(f"{self.top}/krun-label-trigger")
        del self.config["annotations"]
        open(f"{self.rootfs}/.kontain", "w").close()
        self.assertEqual(self.state_of("krun-label-trigger"), "1\n")
        os.unlink(f"{self.top}/krun-label-trigger")
        os.unlink(f"{self.rootfs}/.kontain")
        self.config["mounts"].append({"destination": "/.kontain", "type": "tmpfs", "source": "tmpfs"})
        self.assertEqual(self.state_of("krun-label-trigger"), "1\n")

    def test_sandbox_containers_are_plain(self):
        """They are plain where the host allows these annotations; elsewhere an image may have set them."""
        for key in ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"):
            for allowed in ([], ["allowSandbox"], ["allowHooksOutput"]):
                with self.subTest(key=key, allowed=allowed):
                    self.allow(*allowed)
                    self.config["annotations"] = {key: "sandbox"}
                    self.shell("echo $KMSIM")
                    result = self.run_container()
                    heeded = allowed == ["allowSandbox"]
                    self.assertEqual(result.out, "\n" if heeded else "1\n")
                    self.assertEqual(f"/annotations/{key}: not heeded" in result.err, not heeded, result.err)
        # krun logs at level info that the annotation has an effect.
        self.allow("allowSandbox")
        result = self.run_container(options=["--log-level", "info"])
        self.assertIn(f"/annotations/{key}: 'sandbox' is heeded", result.err)
        self.config["annotations"] = {key: "container"}
        self.allow()
        self.assertEqual(self.inside("echo $KMSIM"), "1\n")

    def test_state_tells_mode_and_protocol(self):
        self.start_sleeper()
        annotations = self.state()["annotations"]
        self.assertEqual(annotations["app.kontain.krun.personality"], "km")
        self.assertEqual(annotations["app.kontain.krun.startAt"], "payload")
        self.ok("delete", "--force", self.cid)

    def test_later_commands_follow_the_state_not_the_name(self):
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", "echo $KMSIM", mode="plain").out, "1\n")
        self.ok("kill", self.cid, mode="plain")
        self.wait_stopped()
        self.ok("delete", self.cid, mode="plain")


class Host(KmTest):
    def test_missing_km_is_named_with_the_remedy(self):
        self.write_config()
        message = self.run_fails(options=self.settings(kmPath="/no/such/km"))
        self.assertIn("/no/such/km", message)
        self.assertIn("kmPath", message)
        self.assertNotIn("no such file", message.lower())

    def test_km_that_is_no_program(self):
        self.write_config()
        self.assertIn("not a regular file", self.run_fails(options=self.settings(kmPath="/dev")))
        self.assertIn("not executable", self.run_fails(options=self.settings(kmPath="/etc/passwd")))

    def test_bad_settings(self):
        self.write_config()
        for values, text in (({"kmPath": 5}, "kmPath"), ({"startAt": "never"}, "startAt"), ({"colour": "red"}, "colour"),
                             ({"kmPath": "relative/km"}, "kmPath"), ({"startTimeoutMs": -1}, "startTimeoutMs")):
            with self.subTest(values=values):
                self.assertIn(text, self.run_fails(options=self.settings(**values)))
        self.assertIn("/no/such", self.run_fails(options=["--config-file", "/no/such"]))

    def test_km_and_its_device_are_mounted_safely(self):
        out = self.inside("cat /proc/self/mountinfo; ls -l /dev/kvm /dev/kkm 2>/dev/null; echo x >> " + KM_PATH + " || true")
        line = [line.split() for line in out.splitlines() if f" {KM_PATH} " in line][0]
        options = line[5].split(",")
        self.assertTrue({"ro", "nosuid", "nodev"} <= set(options), line)
        self.assertNotIn("noexec", options)
        self.assertIn("crw-rw-rw-", out)

    def test_any_user_of_the_payload_may_open_the_device(self):
        self.assertEqual(self.inside("id -u; echo $KMSIM", user={"uid": 1000, "gid": 1000}).split(), ["1000", "1"])

    def test_kms_environment_cannot_be_forged(self):
        env = ["PATH=/bin", "KM_EXEC_VERS=1", "KM_EXEC_PIDINFO=x", "KEEP=1"]
        self.assertEqual(self.inside("env | grep -c KM_EXEC; echo $KEEP", env=env), "0\n1\n")

    def test_low_descriptor_limits_are_raised_for_km(self):
        limits = [{"type": "RLIMIT_NOFILE", "soft": 256, "hard": 2048}]
        # km subtracts its own 297 from the limit that its payload sees.
        self.assertEqual(self.inside("ulimit -n", rlimits=limits), "727\n" if REAL_KM else "1024\n")

    def test_a_file_size_limit_of_the_payload_does_not_end_km(self):
        limits = [{"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]
        self.assertEqual(self.inside("ulimit -f; echo x > /tmp/file; exit 0", rlimits=limits), "0\n")
        self.assertEqual(os.path.getsize(f"{self.rootfs}/tmp/file"), 0)

    def test_nothing_of_kms_log_reaches_the_container(self):
        self.shell("ls /tmp; true")
        result = self.run_container()
        self.assertEqual((result.out, result.err), ("", ""))

    def test_payload_without_its_loader_fails_at_create_with_kms_words(self):
        # The payload is a dynamic program of the host, whose loader is not in the root.
        shutil.copy("/usr/bin/env", f"{self.rootfs}/bin/dynamic")
        self.write_config(args=["/bin/dynamic"])
        for kinds in ("", "pid"):
            self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != kinds]
            self.write_config()
            message = self.fails("create", "--bundle", self.bundle, self.cid)
            self.assertIn("km exited with status 2 before the payload was loaded", message)
            self.assertIn("Cannot open", message)

    def test_km_that_is_killed_says_by_what(self):
        monitor = os.path.join(self.top, "km")
        with open(monitor, "w") as file:
            file.write("#!/bin/sh\necho last words > /proc/self/fd/1024\nkill -ABRT $$\n")
        os.chmod(monitor, 0o755)
        self.write_config(args=["/bin/true"])
        for kinds in ("", "pid"):
            self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != kinds]
            self.write_config()
            message = self.fails("create", "--bundle", self.bundle, self.cid, options=self.settings(kmPath=monitor))
            self.assertIn("km was killed by signal 6 before the payload was loaded; km's last words: ", message)

    def test_km_that_never_waits_ends_the_create_with_its_words(self):
        monitor = os.path.join(self.top, "km")
        with open(monitor, "w") as file:
            file.write("#!/bin/sh\necho still busy > /proc/self/fd/1024\nsleep 100\n")
        os.chmod(monitor, 0o755)
        self.write_config(args=["/bin/true"])
        message = self.run_fails(options=self.settings(kmPath=monitor, startTimeoutMs=300))
        self.assertIn("km is not ready after 300 ms (\"startTimeoutMs\" of /etc/krun/krun.json, or of the file of --config-file, "
                      "allows more); km's last words: still busy", message)

    def test_km_that_does_not_take_kruns_options(self):
        """An old km, for example, ends before it has a log, and prints where the user of the command does not look."""
        monitor = os.path.join(self.top, "km")
        shutil.copy(f"{self.rootfs}/bin/busybox", monitor)
        self.write_config(args=["/bin/true"])
        options = self.settings(kmPath=monitor)
        words = "\"km: applet not found\""
        result = self.run_container(options=options)
        self.assertEqual(result.status, 1, result)
        message = result.err
        self.assertIn(f"km exited with status 127 before the payload was loaded; km's last words: {words}: it is older than v0.9.9",
                      message)
        found = self.krun("validate", "--host-config", options[1])
        self.assertEqual(found.status, 1, found)
        self.assertIn(f"error: /kmPath: km '{monitor}' does not take krun's options: it is older than v0.9.9", found.out)
        self.assertIn(words, found.out)

    def test_no_proc_is_named(self):
        self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] != "/proc"]
        self.write_config(args=["/bin/true"])
        self.assertIn("km needs /proc, and nothing is mounted there", self.run_fails())
        with_exec = self.settings(startAt="exec")
        self.assertIn("km needs /proc, and nothing is mounted there", self.run_fails(options=with_exec))

    def test_memory_limit_that_is_too_low_for_km_is_named(self):
        self.config["linux"]["resources"]["memory"] = {"limit": 256 * 1024}
        self.write_config(args=["/bin/true"])
        self.assertIn("km itself needs more than", self.run_fails())

    @unittest.skipIf(OWN_MACHINE, "others would see the device, too")
    def test_device_of_km_is_allowed_where_all_others_are_not(self):
        """The node is that of the kernel's log, which no other container may open, and any process with CAP_SYSLOG otherwise."""
        node = "/dev/krun-test-device"
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 11))
        self.addCleanup(os.unlink, node)
        for names in self.config["process"]["capabilities"].values():
            names.append("CAP_SYSLOG")
        self.config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
        self.config["linux"]["devices"] = [{"path": "/dev/other", "type": "c", "major": 1, "minor": 11}]
        script = "(: > /dev/other) && echo opened; true"
        self.assertEqual(self.inside(script), "")
        options = self.settings(device=node)
        self.shell(f"{script}; echo ready; while :; do sleep 0.02; done")
        self.create(options=options)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.assertEqual(self.logged(), "opened\nready\n")
        rules = json.dumps({"devices": [{"allow": False, "access": "rwm"}]})
        self.ok("update", "--resources", "-", self.cid, stdin=rules)
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", script, options=options).out, "opened\n")


class Start(KmTest):
    def test_created_means_that_km_waits_and_nothing_ran(self):
        self.shell("echo ran")
        self.create()
        self.assertEqual(self.status(), "created")
        pids = json.loads(self.ok("ps", "-f", "json", self.cid).out)
        calls = [open(f"/proc/{pid}/syscall").read().split()[0] for pid in pids]
        self.assertIn("128", calls)
        time.sleep(0.1)
        self.assertEqual(self.logged(), "")
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.logged(), "ran\n")
        self.ok("delete", self.cid)

    def test_other_protocol_executes_km_at_start(self):
        self.shell("echo $KMSIM")
        self.create(options=self.settings(startAt="exec"))
        state = self.state()
        self.assertEqual(state["status"], "created")
        self.assertEqual(state["annotations"]["app.kontain.krun.startAt"], "exec")
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertEqual(self.logged(), "1\n")
        self.ok("delete", self.cid)

    def test_early_release_signal_does_not_start_the_payload(self):
        self.shell("echo ran")
        for send in (lambda: self.ok("kill", self.cid, "USR1"), lambda: self.ok("kill", "--all", self.cid, "USR1"),
                     lambda: os.kill(self.state()["pid"], signal.SIGUSR1)):
            self.create()
            send()
            time.sleep(0.3)
            self.assertEqual((self.status(), self.logged()), ("created", ""))
            self.ok("start", self.cid)
            wait_until(lambda: self.logged() == "ran\n", what="payload")
            self.wait_stopped()
            self.ok("delete", self.cid)
            os.truncate(self.log, 0)

    def test_stopped_before_the_start(self):
        self.shell("echo ran")
        self.create()
        self.ok("kill", self.cid, "STOP")
        time.sleep(0.2)
        self.assertEqual(self.status(), "created")
        self.fails("start", self.cid)
        self.ok("kill", self.cid, "CONT")
        wait_until(lambda: self.krun("start", self.cid).status == 0, what="start")
        wait_until(lambda: self.logged() == "ran\n", what="payload")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_early_release_signal_without_a_pid_namespace(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "pid"]
        self.shell("echo ran")
        self.create()
        self.ok("kill", self.cid, "USR1")
        self.wait_stopped()
        self.assertEqual(self.logged(), "")
        self.ok("delete", self.cid)

    def test_payload_gets_user_signal_1_after_the_start(self):
        self.start_sleeper("trap 'echo usr1' USR1; echo ready; while :; do sleep 0.02; done")
        self.ok("kill", self.cid, "USR1")
        wait_until(lambda: "usr1" in self.logged(), what="signal")
        self.ok("delete", "--force", self.cid)

    def test_a_management_socket_does_not_stand_in_the_way(self):
        # The socket gives km a second thread before the wait.
        for env in (["KM_MGTPIPE=/tmp/socket"], ["KM_MGTDIR=/tmp"]):
            with self.subTest(env=env):
                self.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done", env=["PATH=/bin", *env])
                started = time.monotonic()
                self.create()
                self.assertLess(time.monotonic() - started, 20)
                self.assertEqual(self.status(), "created")
                self.assertNotIn("ready", self.logged())
                self.ok("start", self.cid)
                wait_until(lambda: "ready" in self.logged(), what="payload")
                self.ok("kill", self.cid)
                self.wait_stopped()
                self.ok("delete", self.cid)
                os.unlink(self.log)

    def test_start_containers_hooks_run_inside_before_the_payload(self):
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": [
            "sh", "-c", "echo hook > /tmp/order; pwd >> /tmp/order"]}]}
        self.shell("echo payload >> /tmp/order")
        self.run_ok()
        with open(f"{self.rootfs}/tmp/order") as file:
            self.assertEqual(file.read(), "hook\n/\npayload\n")

    def test_start_containers_hooks_are_as_confined_as_the_payload(self):
        # The pid and the signals of the payload are its own, so they are not compared.
        look = "(cat /proc/self/cgroup; grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)' /proc/self/status; ulimit -c) > /tmp/"
        self.config["process"]["noNewPrivileges"] = True
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", look + "hook"]}]}
        self.shell(look + "payload")
        self.run_ok()
        seen = []
        for name in ("hook", "payload"):
            with open(f"{self.rootfs}/tmp/{name}") as file:
                seen.append(file.read())
        self.assertEqual(*seen)
        self.assertIn("NoNewPrivs:\t1", seen[0])


class Signals(KmTest):
    def test_statuses_are_exact_as_process_1(self):
        for signo in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV):
            with self.subTest(signal=signo):
                self.shell(f"kill -{int(signo)} $$; sleep 100")
                started = time.monotonic()
                self.assertEqual(self.run_container().status, 128 + signo)
                self.assertLess(time.monotonic() - started, 20)

    def test_a_signal_is_delivered_at_once(self):
        for _ in range(5):
            self.start_sleeper()
            started = time.monotonic()
            self.ok("kill", self.cid, "TERM")
            self.wait_stopped()
            self.assertLess(time.monotonic() - started, 20)
            self.ok("delete", self.cid)

    def test_signals_that_engines_send_to_the_pid_reach_the_payload(self):
        self.start_sleeper()
        os.kill(self.state()["pid"], signal.SIGTERM)
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_signals_to_a_foreground_exec(self):
        self.start_sleeper()
        process = self.spawn("exec", self.cid, "sh", "-c",
                             "trap 'exit 6' TERM; echo ready; while :; do sleep 0.02; done", stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 6)
        self.ok("delete", "--force", self.cid)


class Travel(KmTest):
    """Signals that the payload passes on: each of its processes is a km of its own, and has to be kicked."""

    def child(self, name, *command):
        """Returns a command of the script that starts a km, whose log has the signals that it got. Under km itself every process of the payload is a km."""
        if REAL_KM:
            return " ".join(command)
        return f"{KM_PATH} --km-log-to=/tmp/{name} -- " + " ".join(command)

    def up(self, name):
        """Returns a command of the script that waits until that km runs its payload."""
        return "sleep 3; " if REAL_KM else f"until grep -qs device /tmp/{name}; do sleep 0.05; done; sleep 0.3; "

    def assert_told(self, name, *expected):
        """Checks which signals that km got. With km itself the exit statuses show it."""
        if not REAL_KM:
            self.assertEqual(self.told(name), [f"kmsim: signal {signo} is delivered, {how}" for signo, how in expected])

    def told(self, name):
        try:
            with open(f"{self.rootfs}/tmp/{name}") as file:
                return [line.strip() for line in file if "deliver" in line or "kicked" in line]
        except FileNotFoundError:
            return []

    def entry_point(self, command, what=signal.SIGTERM):
        return (f"trap 'kill -{int(what)} $p; wait $p; exit 3' TERM; {command} & p=$!; "
                f"{self.up('child')}echo ready; wait $p; exit 4")

    def without(self, kind):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != kind]

    def statuses(self, send, settings=()):
        self.create(options=settings)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        pid = self.state()["pid"]
        started = time.monotonic()
        send(pid)
        self.wait_stopped()
        self.assertLess(time.monotonic() - started, 20)
        self.ok("delete", "--force", self.cid)

    def test_an_entry_point_passes_a_signal_to_its_child(self):
        for kept in (True, False):
            if not kept:
                self.without("pid")
            for start in ("payload", "exec"):
                for how, send in (("kill", lambda pid: self.ok("kill", self.cid, "TERM")),
                                  ("engine", lambda pid: os.kill(pid, signal.SIGTERM))):
                    with self.subTest(pid_namespace=kept, start=start, how=how):
                        self.shell(self.entry_point(self.child("child", "/bin/sleep", "300")) + "; echo told")
                        open(self.log, "wb").close()
                        self.statuses(send, self.settings(startAt=start))
                        self.assert_told("child", (15, "sent"))
                        shutil.rmtree(f"{self.rootfs}/tmp")
                        os.mkdir(f"{self.rootfs}/tmp")

    def test_a_child_passes_a_signal_to_its_own_child(self):
        """The signal may be passed on later, because entry points take their time. A process that got no signal is not kicked."""
        below = f"trap 'sleep 1; kill $q; wait $q; exit 7' TERM; {self.child('grandchild', '/bin/sleep', '300')} & q=$!; wait $q; exit 8"
        with open(f"{self.rootfs}/bin/below", "w") as file:
            file.write("#!/bin/sh\n" + below + "\n")
        os.chmod(f"{self.rootfs}/bin/below", 0o755)
        script = (f"{self.child('bystander', '/bin/sleep', '300')} & "
                  f"trap 'sleep 1; kill $p; wait $p; exit 3' TERM; {self.child('child', '/bin/sh', '/bin/below')} & p=$!; "
                  f"{self.up('grandchild')}echo ready; wait $p; exit 4")
        self.shell(script)
        process = self.spawn("run", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(40), 3)
        self.assert_told("child", (15, "sent"))
        self.assert_told("grandchild", (15, "sent"))
        self.assert_told("bystander")

    def test_kill_all_reaches_the_children(self):
        # kmsim's payload gets the signal, too, and would end before kmsim can log it.
        with open(f"{self.rootfs}/bin/deaf", "w") as file:
            file.write("#!/bin/sh\n" + ("" if REAL_KM else "trap '' HUP\n") + "exec /bin/sleep 300\n")
        self.shell(f"trap true HUP; {self.child('child', '/bin/sh', '/bin/deaf')} & p=$!; {self.up('child')}"
                   "echo ready; while kill -0 $p 2>/dev/null; do wait $p; done; echo gone; exec sleep 100")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.ok("kill", "--all", self.cid, "HUP")
        wait_until(lambda: "gone" in self.logged() if REAL_KM else self.told("child"), 20, what="signal")
        self.assert_told("child", (1, "sent"))
        self.ok("delete", "--force", self.cid)

    def exec_detached(self, *command):
        pid_file = f"{self.top}/exec.pid"
        self.ok("exec", "--detach", "--pid-file", pid_file, self.cid, *command, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        with open(pid_file) as file:
            return int(file.read())

    def test_engines_signal_an_exec_themselves(self):
        for kept in (True, False):
            if not kept:
                self.without("pid")
            for signo in (signal.SIGTERM, signal.SIGUSR1):
                with self.subTest(pid_namespace=kept, signal=signo):
                    self.start_sleeper()
                    got = f"/tmp/got{int(signo)}"
                    # Nothing in the container interrupts km: it waits for a child of its own all the time.
                    pid = self.exec_detached("sh", "-c", f"trap 'echo got > {got}; kill $p; exit 3' {int(signo)}; "
                                             f"sleep 300 & p=$!; echo > /tmp/up; wait $p")
                    wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/up"), what="exec")
                    time.sleep(0.2)
                    os.kill(pid, signo)
                    wait_until(lambda: os.path.exists(self.rootfs + got), 20, what="signal")
                    wait_until(lambda: ended(pid), 20, what="end of the exec")
                    self.ok("delete", "--force", self.cid)
                    for name in ("/tmp/up", got):
                        os.unlink(self.rootfs + name)

    def test_the_end_of_the_process_in_front_is_the_end_of_km(self):
        for kept in (True, False):
            if not kept:
                self.without("pid")
            with self.subTest(pid_namespace=kept):
                self.start_sleeper()
                before = set(json.loads(self.ok("ps", "-f", "json", self.cid).out))
                pid = self.exec_detached("sleep", "300")
                wait_until(lambda: "km" in names(self, before), what="exec")
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: not names(self, before), 20, what="end of km")
                self.ok("delete", "--force", self.cid)

    def console(self, script):
        """Starts a container on a terminal; returns the master once the payload has said that it is ready."""
        console = ConsoleSocket(os.path.join(self.top, "console"))
        self.shell(script, terminal=True)
        self.create("--console-socket", console.path)
        master = console.master()
        self.ok("start", self.cid)
        read_until(master, b"ready")
        os.unlink(console.path)
        # A person does not type faster.
        time.sleep(0.8)
        return master

    @stand_in_only("it delays the processor")
    def test_before_the_processor_has_its_name(self):
        """On a busy machine the first thread takes signals long before the thread of the processor has its name."""
        self.shell("echo ready; exec sleep 1000", env=["PATH=/bin", "KMSIM_SLOW_VCPU=500"])
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.ok("kill", self.cid, "TERM")
        wait_until(lambda: self.status() == "stopped", seconds=15, what="end of the container")

    @stand_in_only("its log tells of each signal")
    def test_keys_that_are_signals(self):
        master = self.console("trap '' INT QUIT; echo ready; sleep 300")
        for key, signo in ((b"\x03", 2), (b"\x1c", 3)):
            os.write(master, key)
            wait_until(lambda: f"signal {signo} is delivered, typed" in self.ok("logs", "--monitor", self.cid).out, 20, what=key)
        # Only the leader of the terminal's session gets SIGHUP at its end, and passes it on.
        os.close(master)
        self.wait_stopped()
        self.ok("delete", "--force", self.cid)

    @stand_in_only("its log tells of each signal")
    def test_keys_for_a_job_of_a_shell(self):
        """The job is in a process group of its own, and only that gets the signal."""
        with open(f"{self.rootfs}/bin/job", "w") as file:
            file.write(f"#!/bin/sh\ntrap '' INT\necho ready\nexec {self.child('job', '/bin/sleep', '300')}\n")
        os.chmod(f"{self.rootfs}/bin/job", 0o755)
        master = self.console("set -m; job; sleep 300")
        os.write(master, b"\x03")
        wait_until(lambda: self.told("job"), 20, what="signal")
        self.assert_told("job", (2, "typed"))
        os.close(master)
        self.ok("delete", "--force", self.cid)

    @stand_in_only("its log tells of each signal")
    def test_a_new_size_of_the_window(self):
        """A payload that reads keys gets it at once; one that reads lines does not, because its read would end without a line."""
        for mode, expected in (("-icanon", True), ("icanon", False)):
            with self.subTest(mode=mode):
                master = self.console(f"stty {mode}; trap 'echo size' WINCH; echo ready; sleep 300")
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
                if expected:
                    wait_until(lambda: "signal 28 is delivered" in self.ok("logs", "--monitor", self.cid).out, 20, what="size")
                else:
                    time.sleep(1)
                    self.assertNotIn("signal 28", self.ok("logs", "--monitor", self.cid).out)
                os.close(master)
                self.ok("delete", "--force", self.cid)


def names(test, known):
    """Returns the names of the container's processes that run, without these."""
    found = []
    for pid in set(json.loads(test.ok("ps", "-f", "json", test.cid).out)) - known:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/comm") as file:
                found += [] if ended(pid) else [file.read().strip()]
    return found


def ended(pid):
    """A zombie has ended: its parent, which is not ours, has yet to reap it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Payload(KmTest):
    def test_init_helper_of_an_engine_is_replaced(self):
        for words in (["/sbin/docker-init", "--"], ["/dev/init", "-s", "--"], ["/run/podman-init", "--"]):
            self.write_config(args=[*words, "/bin/echo", "payload"])
            self.assertEqual(self.run_ok(), "payload\n")

    def test_script_with_a_blank_behind_the_mark(self):
        with open(f"{self.rootfs}/bin/script", "w") as file:
            file.write("#! /bin/sh -e\necho $0 $1\n")
        os.chmod(f"{self.rootfs}/bin/script", 0o755)
        self.write_config(args=["script", "one"])
        self.assertEqual(self.run_ok(), "/bin/script one\n")

    def test_entry_point_that_is_km_itself(self):
        # Images that were made for km are like this; the name is the usual path, a link, or looked up in PATH.
        os.symlink(KM_PATH, f"{self.rootfs}/bin/monitor")
        for words in ([KM_PATH, "--", "/bin/echo", "direct"], [KM_PATH, "/bin/echo", "direct"],
                      [KM_PATH, "--km-log-to=/tmp/own", "--", "/bin/echo", "direct"], ["monitor", "/bin/echo", "direct"]):
            for start in ("payload", "exec"):
                with self.subTest(words=words, start=start):
                    self.write_config(args=words)
                    options = self.settings(startAt=start)
                    self.create(options=options)
                    time.sleep(0.05)
                    self.assertEqual((self.status(), self.logged()), ("created", ""))
                    self.ok("start", self.cid)
                    self.wait_stopped()
                    self.assertEqual(self.logged(), "direct\n")
                    self.ok("delete", self.cid)
                    os.unlink(self.log)
        self.assertTrue(os.path.exists(f"{self.rootfs}/tmp/own"))


class Log(KmTest):
    """km's log: bounded, kept beside the state, shown by `logs --monitor`, and part of errors."""

    LIMIT = 1024 * 1024

    def used(self):
        """Returns the bytes in the container's state directory and in what is mounted there."""
        total = 0
        for folder, _, names in os.walk(f"{self.root}/{self.cid}"):
            total += sum(os.stat(f"{folder}/{name}").st_blocks * 512 for name in names)
        return total

    def talkative(self, script, **process):
        env = ["PATH=/bin", "KMSIM_TALK=5000"]
        self.shell(script, env=env, **process)

    @stand_in_only("it talks on request")
    def test_a_talkative_km_neither_fills_the_host_nor_stops_the_payload(self):
        self.talkative("echo ready; while :; do sleep 0.05; done")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        self.assertLess(self.used(), self.LIMIT + 128 * 1024)
        text = self.ok("logs", "--monitor", self.cid).out
        self.assertGreater(len(text), self.LIMIT // 2)
        self.assertLessEqual(len(text), self.LIMIT)
        self.assertIn("Waiting for kill", text)
        self.assertEqual(self.logged(), "ready\n")
        # Each exec has a log of its own on the same tmpfs.
        self.assertEqual(self.ok("exec", self.cid, "echo", "more").out, "more\n")
        self.assertLess(self.used(), self.LIMIT + 128 * 1024)

    @stand_in_only("it talks on request")
    def test_a_talkative_km_of_an_exec(self):
        self.start_sleeper()
        out = self.ok("exec", "--env", "KMSIM_TALK=5000", self.cid, "sh", "-c", "echo $KMSIM")
        self.assertEqual((out.out, out.err), ("1\n", ""))
        self.assertNotIn("vvvv", self.ok("logs", "--monitor", self.cid).out)

    def test_any_user_of_the_payload_may_write_it(self):
        self.shell("exit 0", user={"uid": 1000, "gid": 1000})
        self.create()
        self.assertIn("Waiting for kill", self.ok("logs", "--monitor", self.cid).out)
        self.ok("start", self.cid)
        self.wait_stopped()

    @stand_in_only("its own words")
    def test_it_outlives_km_and_goes_with_the_container(self):
        self.shell("kill -9 $$")
        self.create()
        self.ok("start", self.cid)
        self.wait_stopped()
        self.assertIn("Terminated by signal: Killed", self.ok("logs", "-m", self.cid).out)
        self.ok("delete", self.cid)
        self.assertFalse(os.path.exists(f"{self.root}/{self.cid}"))
        self.assertIn("does not exist", self.fails("logs", "--monitor", self.cid))

    def test_follow_ends_with_the_container(self):
        self.start_sleeper("echo ready; sleep 0.5; kill -9 $$")
        self.assertIn("Terminated by signal: Killed", self.ok("logs", "--monitor", "--follow", self.cid).out)

    def elsewhere(self, script):
        """Runs krun in a mount namespace without the mount of the log, as an administrator may see the mounts of an engine."""
        return subprocess.run(["unshare", "-m", "sh", "-ec", f"umount {self.root}/{self.cid}/monitor; {script}"],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL, text=True, timeout=60,
                              env=self.environment(("exec",)))

    @stand_in_only("it talks on request")
    def test_from_another_mount_namespace(self):
        self.talkative("echo ready; while :; do sleep 0.05; done")
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")
        krun = " ".join(self.command())
        seen = self.elsewhere(f"{krun} logs --monitor {self.cid}")
        self.assertEqual(seen.stdout, self.ok("logs", "--monitor", self.cid).out, seen)
        # An exec in that mount namespace has its log in a memfd.
        seen = self.elsewhere(f"{krun} exec --env KMSIM_TALK=5000 {self.cid} sh -c 'echo $KMSIM'")
        self.assertEqual((seen.returncode, seen.stdout, seen.stderr), (0, "1\n", ""))
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.assertIn("cannot be found", self.elsewhere(f"{krun} logs --monitor {self.cid} || true").stderr)
        seen = self.elsewhere(f"{krun} delete {self.cid}")
        self.assertEqual((seen.returncode, seen.stderr), (0, ""))

    def test_which_log(self):
        self.start_sleeper()
        self.assertIn("--monitor", self.fails("logs", self.cid))
        self.assertIn("combined", self.fails("logs", "--monitor", "--exceptions", self.cid))
        self.assertIn("--follow", self.fails("logs", "--exceptions", "--follow", self.cid))
        self.ok("delete", "--force", self.cid)
        self.shell("sleep 60")
        self.create(mode="plain")
        self.assertIn("does not run under km", self.fails("logs", "--monitor", self.cid))

    def test_debug_shows_it_line_by_line(self):
        log = f"{self.top}/krun.log"
        self.shell("kill -9 $$")
        self.krun("run", "--bundle", self.bundle, self.cid,
                  options=["--debug", "--log", log, "--log-format", "json"])
        with open(log) as file:
            records = [json.loads(line) for line in file]
        lines = [record["msg"] for record in records if record["step"] == "km"]
        self.assertEqual(len([line for line in lines if "Waiting for kill" in line]), 1, lines)
        self.assertEqual(len([line for line in lines if "Terminated by signal" in line]), 1, lines)

    def test_exec_fails_with_kms_words_when_the_payload_was_not_loaded(self):
        shutil.copy("/usr/bin/env", f"{self.rootfs}/bin/dynamic")
        self.start_sleeper()
        for options in ((), ("--detach",)):
            message = self.fails("exec", *options, self.cid, "/bin/dynamic", status=255)
            self.assertIn("before the payload was loaded", message)
            self.assertIn("Cannot open", message)
        self.assertEqual(self.krun("exec", self.cid, "sh", "-c", "exit 2").status, 2)

    @stand_in_only("its own words")
    def test_start_tells_kms_words_when_it_has_ended(self):
        self.shell("echo ran")
        self.create()
        for pid in json.loads(self.ok("ps", "-f", "json", self.cid).out):
            # The end of process 1 of the container ends the others.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_stopped()
        message = self.fails("start", self.cid)
        self.assertIn("km's last words: kmsim: STAND-IN", message)
        self.assertNotIn("Waiting for kill", message)


class Exceptions(KmTest):
    """/var/lib/krun/config in the container: programs that exec runs without km."""

    def setUp(self):
        super().setUp()
        os.makedirs(f"{self.rootfs}/var/lib/krun")
        shutil.copy(f"{self.rootfs}/bin/busybox", f"{self.rootfs}/bin/tool")
        with open(f"{self.rootfs}/bin/busybox", "rb") as file:
            self.digest = hashlib.sha256(file.read()).hexdigest()
        self.start_sleeper()

    def tearDown(self):
        self.krun("delete", "--force", self.cid)
        super().tearDown()

    def approve(self, *lines, mode=0o644):
        path = f"{self.rootfs}/var/lib/krun/config"
        with open(path, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        os.chmod(path, mode)

    def native(self, *command):
        return self.krun("exec", self.cid, *command)

    def test_approved_program_runs_without_km(self):
        self.approve("# diagnosis", "", f"sh:/bin/busybox:{self.digest}")
        result = self.native("sh", "-c", "echo $KMSIM; readlink /proc/$$/exe")
        self.assertEqual(result.status, 0, result)
        self.assertTrue(result.out.startswith("\n/memfd:"), result)

    def test_everything_else_runs_under_km(self):
        self.approve(f"sh:/bin/busybox:{self.digest}")
        self.assertEqual(self.native("/bin/sh", "-c", "echo $KMSIM").out, "1\n")
        self.assertEqual(self.native("env", "sh", "-c", "echo $KMSIM").out, "1\n")

    def test_list_of_another_user_than_the_containers_root(self):
        """It is refused also when the root directory belongs to that user, who could replace the list."""
        self.approve(f"sh:/bin/busybox:{self.digest}")
        os.chown(f"{self.rootfs}/var/lib/krun/config", 1000, 1000)
        for owner in (0, 1000):
            os.chown(self.rootfs, owner, owner)
            result = self.native("sh", "-c", "echo $KMSIM")
            self.assertEqual((result.status, result.out), (255, ""))
            self.assertIn("can be written by others than root", result.err)

    def test_many_adds_at_once(self):
        commands = [self.command("exceptions", "add", self.cid, f"tool{i}", "/bin/tool") for i in range(12)]
        running = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for command in commands]
        self.assertEqual([process.wait(60) for process in running], [0] * 12)
        with open(f"{self.rootfs}/var/lib/krun/config") as file:
            self.assertEqual(sorted(line.split(":")[0] for line in file), sorted(f"tool{i}" for i in range(12)))

    def test_the_whole_name_has_to_match(self):
        self.approve(f"s:/bin/busybox:{self.digest}")
        self.assertEqual(self.native("sh", "-c", "echo $KMSIM").out, "1\n")

    def test_entry_point_is_never_an_exception(self):
        self.approve(f".*:/bin/busybox:{self.digest}")
        other = self.cid + "x"
        self.ids.append(other)
        self.shell("echo $KMSIM")
        self.assertEqual(self.ok("run", "--bundle", self.bundle, other).out, "1\n")

    def test_changed_program_is_refused(self):
        self.approve(f"sh:/bin/tool:{self.digest}")
        with open(f"{self.rootfs}/bin/tool", "ab") as file:
            file.write(b"x")
        self.assertIn("has changed", self.fails("exec", self.cid, "sh", "-c", "echo ran", status=255))

    def test_missing_program_bad_lines_and_open_files_are_refused(self):
        self.approve(f"sh:/no/such:{self.digest}")
        self.assertIn("/no/such", self.fails("exec", self.cid, "sh", "-c", "echo ran", status=255))
        for line in ("sh", "sh:/bin/sh", "sh:/bin/sh:12", f"sh:relative:{self.digest}", f"(:/bin/busybox:{self.digest}"):
            with self.subTest(line=line):
                self.approve(line)
                self.assertIn("/var/lib/krun/config", self.fails("exec", self.cid, "sh", "-c", "echo ran", status=255))
        self.approve(f"sh:/bin/busybox:{self.digest}", mode=0o666)
        self.assertIn("/var/lib/krun/config", self.fails("exec", self.cid, "sh", status=255))

    def test_links_do_not_lead_out_of_the_container(self):
        os.symlink("/bin/true", f"{self.rootfs}/bin/outside")
        with open("/bin/true", "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.approve(f"x:/bin/outside:{digest}")
        # The container's /bin/true is busybox, which has another hash.
        self.assertIn("has changed", self.fails("exec", self.cid, "x", status=255))

    def test_dynamic_program(self):
        shutil.copy("/usr/bin/env", f"{self.rootfs}/bin/dynamic")
        for line in subprocess.check_output(["ldd", "/usr/bin/env"], text=True).splitlines():
            for word in line.split():
                if word.startswith("/"):
                    os.makedirs(self.rootfs + os.path.dirname(word), exist_ok=True)
                    shutil.copy(word, self.rootfs + word)
        self.ok("exceptions", "add", self.cid, "(/usr)?/bin/env", "/bin/dynamic")
        result = self.native("/usr/bin/env", "sh", "-c", "echo ran; readlink /proc/$$/exe")
        # The programs that it executes are ordinary programs of the container.
        self.assertEqual((result.status, result.out), (0, "ran\n/bin/busybox\n"), result)

    def test_link_inside(self):
        os.symlink("../../bin/busybox", f"{self.rootfs}/opt/link")
        self.approve(f"sh:/opt/link:{self.digest}")
        self.assertEqual(self.native("sh", "-c", "echo .$KMSIM").out, ".\n")

    def test_expression_that_takes_exponential_time(self):
        self.approve("(" * 30 + "a" + "+)" * 30 + f":/bin/busybox:{self.digest}")
        started = time.monotonic()
        if has_gnu_libc(PROGRAMS["km"]):
            self.assertIn("line 1: its regular expression takes", self.fails("exec", self.cid, "sh", status=255))
        else:
            # The matcher of musl takes no such time for it, and knows that this is no match.
            self.ok("exec", self.cid, "sh", "-c", "true")
        self.assertLess(time.monotonic() - started, 10)

    def records(self):
        return [json.loads(line) for line in self.ok("logs", "--exceptions", self.cid).out.splitlines()]

    def test_every_program_without_km_is_recorded(self):
        self.assertEqual(self.records(), [])
        self.approve(f"sh:/bin/busybox:{self.digest}")
        self.assertEqual(self.native("env", "true").status, 0)
        self.assertEqual(self.records(), [])
        log = f"{self.top}/krun.log"
        result = self.krun("exec", self.cid, "sh", "-c", "exit 3", options=["--log", log])
        self.assertEqual((result.status, result.out, result.err), (3, "", ""))
        self.assertEqual(open(log).read(), "")
        self.krun("exec", self.cid, "sh", "-c", "true", options=["--log", log, "--log-level", "info"])
        self.assertIn("'sh' runs without km: '/bin/busybox', sha256 " + self.digest, open(log).read())
        records = self.records()
        self.assertEqual(len(records), 2)
        self.assertRegex(records[0].pop("time"), r"^20\d\d-\d\d-\d\dT")
        self.assertEqual(records[0], {"container": self.cid, "name": "sh", "path": "/bin/busybox", "sha256": self.digest,
                                      "uid": 0})

    def test_a_record_that_cannot_be_written_is_an_error(self):
        """A program without km does not run unseen."""
        self.approve(f"sh:/bin/busybox:{self.digest}")
        path, other = f"{self.root}/{self.cid}/exceptions.log", f"{self.top}/other"
        open(other, "w").close()
        for make in (lambda: os.mkdir(path), lambda: os.symlink(other, path), lambda: os.symlink("/dev/full", path)):
            make()
            message = self.fails("exec", self.cid, "sh", "-c", f"touch /tmp/ran", status=255)
            self.assertIn("record a program without km in 'exceptions.log'", message)
            (os.rmdir if os.path.isdir(path) else os.unlink)(path)
        self.assertFalse(os.path.exists(f"{self.rootfs}/tmp/ran"))
        self.assertEqual(os.path.getsize(other), 0)

    def test_records_are_bounded(self):
        self.approve(f"sh:/bin/busybox:{self.digest}")
        path = f"{self.root}/{self.cid}/exceptions.log"
        with open(path, "w") as file:
            file.write('{"old": 1}\n' * 100000)
        self.native("sh", "-c", "true")
        self.native("sh", "-c", "true")
        self.assertLess(os.stat(path).st_size, 4096)
        self.assertEqual(len(self.records()), 100002)

    def with_syslog(self, path, function):
        """Runs the function with the file at /dev/log, in the mount namespace of the tests."""
        there = os.path.exists("/dev/log")
        if there:
            subprocess.run(["mount", "--bind", path, os.path.realpath("/dev/log")], check=True)
        else:
            os.symlink(path, "/dev/log")
        try:
            return function()
        finally:
            if there:
                subprocess.run(["umount", os.path.realpath("/dev/log")], check=True)
            else:
                os.unlink("/dev/log")

    def test_syslog_when_the_host_asks(self):
        self.approve(f"sh:/bin/busybox:{self.digest}")
        options = self.settings(exceptionsAudit="syslog")
        nobody, path = f"{self.top}/nobody", f"{self.top}/syslog"
        open(nobody, "w").close()
        message = self.with_syslog(nobody, lambda: self.fails("exec", self.cid, "sh", "-c", "echo ran", status=255,
                                                             options=options))
        self.assertIn("syslog", message)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(path)
            server.settimeout(10)
            result = self.with_syslog(path, lambda: self.krun("exec", self.cid, "sh", "-c", "echo ran", options=options))
            self.assertEqual(result.out, "ran\n", result)
            text = server.recv(8192).decode()
        self.assertTrue(text.startswith("<85>krun["), text)
        self.assertIn(f'"container":"{self.cid}"', text)

    def test_host_that_permits_none(self):
        self.approve(f"sh:/bin/busybox:{self.digest}")
        options = self.settings(exceptions="deny")
        self.assertEqual(self.krun("exec", self.cid, "sh", "-c", "echo $KMSIM", options=options).out, "1\n")
        for arguments in (("list", self.cid), ("check", self.cid), ("add", self.cid, "x", "/bin/busybox")):
            self.assertIn("permit no exceptions", self.fails("exceptions", *arguments, options=options))

    def test_list_of_the_host(self):
        self.approve(f"sh:/bin/busybox:{self.digest}")
        path = f"{self.top}/exceptions"
        options = self.settings(exceptions="host", exceptionsFile=path)
        message = self.fails("exec", self.cid, "sh", status=255, options=options)
        self.assertIn(path, message)
        with open(path, "w") as file:
            file.write(f"env:/bin/busybox:{self.digest}\n")
        os.chmod(path, 0o644)
        self.assertEqual(self.krun("exec", self.cid, "sh", "-c", "echo $KMSIM", options=options).out, "1\n")
        result = self.krun("exec", self.cid, "env", "sh", "-c", "echo .$KMSIM", options=[*options, "--debug"])
        self.assertEqual(result.out, ".\n")
        self.assertIn("the container's own do not count", result.err)
        self.assertIn("ok\t1\tenv\t", self.ok("exceptions", "check", self.cid, options=options).out)
        self.assertIn(path, self.fails("exceptions", "add", self.cid, "x", "/bin/busybox", options=options))
        os.chmod(path, 0o664)
        self.assertIn("by others than root", self.fails("exec", self.cid, "env", status=255, options=options))
        os.chmod(path, 0o644)
        os.chown(path, 1000, 0)
        self.assertIn("by others than root", self.fails("exec", self.cid, "env", status=255, options=options))

    def test_policy_that_makes_no_sense(self):
        for values, text in (({"exceptions": "maybe"}, "exceptions"), ({"exceptions": "host"}, "exceptionsFile"),
                             ({"exceptionsFile": "/x"}, "exceptionsFile"), ({"exceptionsAudit": "mail"}, "exceptionsAudit"),
                             ({"exceptions": "host", "exceptionsFile": "x"}, "exceptionsFile")):
            with self.subTest(values=values):
                self.assertIn(text, self.fails("exec", self.cid, "sh", status=255, options=self.settings(**values)))

    def test_add_list_check_of_a_container(self):
        self.ok("exceptions", "add", self.cid, "(/bin/)?sh", "/bin/tool")
        path = f"{self.rootfs}/var/lib/krun/config"
        with open(path) as file:
            self.assertEqual(file.read(), f"(/bin/)?sh:/bin/tool:{self.digest}\n")
        self.assertEqual((os.stat(path).st_mode & 0o7777, os.stat(path).st_uid), (0o644, 0))
        self.assertEqual(self.native("/bin/sh", "-c", "echo .$KMSIM").out, ".\n")
        self.assertIn("--replace", self.fails("exceptions", "add", self.cid, "(/bin/)?sh", "/bin/tool"))
        with open(f"{self.rootfs}/bin/tool", "ab") as file:
            file.write(b"x")
        done = self.krun("exceptions", "check", self.cid)
        self.assertEqual((done.status, done.out), (1, f"changed\t1\t(/bin/)?sh\t/bin/tool\t{self.digest}\n"))
        self.assertIn("1 of 1 entries", done.err)
        self.ok("exceptions", "--replace", "add", self.cid, "(/bin/)?sh", "/bin/tool")
        self.assertTrue(self.ok("exceptions", "check", self.cid).out.startswith("ok\t1\t"))
        self.assertTrue(self.ok("exceptions", "list", self.cid).out.startswith("1\t(/bin/)?sh\t/bin/tool\t"))
        with open(f"{self.rootfs}/bin/script", "w") as file:
            file.write("#!/bin/sh\necho ran\n")
        self.assertIn("script", self.fails("exceptions", "add", self.cid, "s", "/bin/script"))

    def test_add_to_a_root_file_system(self):
        shutil.rmtree(f"{self.rootfs}/var/lib/krun")
        self.ok("exceptions", "add", self.rootfs, "sh", "/bin/busybox")
        self.assertEqual(self.ok("exceptions", "list", self.rootfs).out, f"1\tsh\t/bin/busybox\t{self.digest}\n")
        self.assertEqual(self.native("sh", "-c", "echo .$KMSIM").out, ".\n")
        # A link is followed inside of the root only.
        shutil.rmtree(f"{self.rootfs}/var/lib/krun")
        os.symlink("/etc", f"{self.rootfs}/var/lib/krun")
        self.ok("exceptions", "add", self.rootfs, "sh", "/bin/busybox")
        self.assertTrue(os.path.exists(f"{self.rootfs}/etc/config"))
        self.assertFalse(os.path.exists("/etc/config"))

    def test_bad_uses_of_the_command(self):
        for arguments, text in ((("show", self.cid), "exceptions: 'show' is none of add, list, check"), (("add", self.cid), "REGEX and PROGRAM"),
                                (("list", self.cid, "x"), "nothing else"), (("list", "nobody"), "does not exist"),
                                (("--replace", "list", self.cid), "--replace"), (("list", "/no/such"), "/no/such")):
            with self.subTest(arguments=arguments):
                self.assertIn(text, self.fails("exceptions", *arguments))
        self.assertEqual(self.ok("exceptions", "check", self.cid).out, "")

    def test_scripts_cannot_be_approved(self):
        with open(f"{self.rootfs}/bin/script", "w") as file:
            file.write("#!/bin/sh\necho ran\n")
        with open(f"{self.rootfs}/bin/script", "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.approve(f"script:/bin/script:{digest}")
        self.assertIn("script", self.fails("exec", self.cid, "script", status=255))


assert os.path.exists(os.path.join(BUILD, "tests", "kmsim", "kmsim"))
