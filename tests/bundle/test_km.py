# SPDX-License-Identifier: Apache-2.0
"""The km personality, with kmsim in km's place."""

import hashlib
import json
import os
import signal
import shutil
import subprocess
import time

from krun import BUILD, KM_PATH, PROGRAMS, KrunTest, wait_until


class KmTest(KrunTest):
    personality = "km"

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

    def test_sandbox_containers_are_plain(self):
        for key in ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"):
            self.config["annotations"] = {key: "sandbox"}
            self.assertEqual(self.inside("echo $KMSIM"), "\n")

    def test_state_tells_personality_and_protocol(self):
        self.start_sleeper()
        annotations = self.state()["annotations"]
        self.assertEqual(annotations["app.kontain.krun.personality"], "km")
        self.assertEqual(annotations["app.kontain.krun.startAt"], "payload")
        self.ok("delete", "--force", self.cid)

    def test_later_commands_follow_the_state_not_the_name(self):
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", "echo $KMSIM", personality="plain").out, "1\n")
        self.ok("kill", self.cid, personality="plain")
        self.wait_stopped()
        self.ok("delete", self.cid, personality="plain")


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
        self.assertEqual(self.inside("ulimit -n", rlimits=limits), "1024\n")

    def test_a_file_size_limit_of_the_payload_does_not_end_km(self):
        limits = [{"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]
        self.assertEqual(self.inside("ulimit -f; echo x > /tmp/file; exit 0", rlimits=limits), "0\n")
        self.assertEqual(os.path.getsize(f"{self.rootfs}/tmp/file"), 0)

    def test_nothing_of_kms_log_reaches_the_container(self):
        self.shell("ls /tmp; true")
        result = self.run_container()
        self.assertEqual((result.out, result.err), ("", ""))

    def test_payload_without_its_loader_fails_at_create_with_kms_words(self):
        # A dynamic program of the host: its loader is not in the root.
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
            self.assertIn("km was killed by signal 6 before the payload was loaded: last words", message)

    def test_km_that_never_waits_ends_the_create_with_its_words(self):
        monitor = os.path.join(self.top, "km")
        with open(monitor, "w") as file:
            file.write("#!/bin/sh\necho still busy > /proc/self/fd/1024\nsleep 100\n")
        os.chmod(monitor, 0o755)
        self.write_config(args=["/bin/true"])
        message = self.run_fails(options=self.settings(kmPath=monitor, startTimeoutMs=300))
        self.assertIn("km is not ready after 300 ms: still busy", message)

    def test_no_proc_is_named(self):
        self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] != "/proc"]
        self.write_config(args=["/bin/true"])
        self.assertIn("km needs /proc in the container", self.run_fails())
        with_exec = self.settings(startAt="exec")
        self.assertIn("km needs /proc in the container", self.run_fails(options=with_exec))

    def test_memory_limit_that_is_too_low_for_km_is_named(self):
        self.config["linux"]["resources"]["memory"] = {"limit": 256 * 1024}
        self.write_config(args=["/bin/true"])
        result = self.run_container()
        self.assertEqual(result.status, 1, result)
        if "the memory controller is not available" in result.err:
            self.skipTest("the memory controller is not in the cgroup2 tree (its error was checked)")
        self.assertIn("the container's memory limit is too low", result.err)

    def test_removed_device_is_an_error_of_create(self):
        self.config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
        self.write_config(args=["/bin/true"])
        self.assertEqual(self.run_container().status, 0)


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

    def test_early_release_signal_harms_nobody(self):
        self.shell("echo ran")
        self.create()
        self.ok("kill", self.cid, "USR2")
        wait_until(lambda: self.status() in ("stopped", "created"), what="state")
        self.ok("delete", "--force", self.cid)

    def test_payload_gets_user_signal_1_after_the_start(self):
        self.start_sleeper("trap 'echo usr1' USR1; echo ready; while :; do sleep 0.02; done")
        self.ok("kill", self.cid, "USR1")
        wait_until(lambda: "usr1" in self.logged(), what="signal")
        self.ok("delete", "--force", self.cid)

    def test_a_management_socket_does_not_stand_in_the_way(self):
        # It gives km a second thread before the wait.
        for env in (["KM_MGTPIPE=/tmp/socket"], ["KM_MGTDIR=/tmp"]):
            with self.subTest(env=env):
                self.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done", env=["PATH=/bin", *env])
                started = time.monotonic()
                self.create()
                self.assertLess(time.monotonic() - started, 5)
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


class Signals(KmTest):
    def test_statuses_are_exact_as_process_1(self):
        for signo in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV):
            with self.subTest(signal=signo):
                self.shell(f"kill -{int(signo)} $$; sleep 5")
                started = time.monotonic()
                self.assertEqual(self.run_container().status, 128 + signo)
                self.assertLess(time.monotonic() - started, 2)

    def test_a_signal_is_delivered_at_once(self):
        for _ in range(5):
            self.start_sleeper()
            started = time.monotonic()
            self.ok("kill", self.cid, "TERM")
            self.wait_stopped()
            self.assertLess(time.monotonic() - started, 2)
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
        # As in images that were made for km; its name is the usual one, a link, or looked up.
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
        # /bin/true of the container is busybox, whose hash is another one.
        self.assertIn("has changed", self.fails("exec", self.cid, "x", status=255))

    def test_scripts_cannot_be_approved(self):
        with open(f"{self.rootfs}/bin/script", "w") as file:
            file.write("#!/bin/sh\necho ran\n")
        with open(f"{self.rootfs}/bin/script", "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.approve(f"script:/bin/script:{digest}")
        self.assertIn("script", self.fails("exec", self.cid, "script", status=255))


assert os.path.exists(os.path.join(BUILD, "tests", "kmsim", "kmsim"))
