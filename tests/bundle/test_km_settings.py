# SPDX-License-Identifier: Apache-2.0
"""Settings of km, layer by layer, by the options and variables that km gets; and the requirements of km, which krun checks before it starts."""

import contextlib
import glob
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from jobs import OWN_MACHINE
from krun import KM_PATH, KrunTest, PROGRAMS, children, counter, stand_in_only, wait_until

PREFIX = "app.kontain.krun."
HERE = os.path.dirname(os.path.abspath(__file__))
SLEEP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"


class SettingsTest(KrunTest):
    mode = "km"

    def host(self, **values):
        """Writes a host file with these values; returns the options for it."""
        self.host_file = os.path.join(self.top, "krun.json")
        with open(self.host_file, "w") as file:
            json.dump(values, file)
        return ["--config-file", self.host_file]

    def annotate(self, **values):
        self.config["annotations"] = {PREFIX + key: value for key, value in values.items()}

    @staticmethod
    def grandchildren(pid):
        """Returns the kms of a command: its child is pid1."""
        return [grandchild for child in children(pid) for grandchild in children(child)]

    def monitor(self, pid=None):
        """Returns the pid of the container's km: the only child of krun's own init."""
        pid = pid or self.state()["pid"]
        return (children(pid) or [pid])[0]

    def words(self, name, pid=None):
        with open(f"/proc/{self.monitor(pid)}/{name}", "rb") as file:
            return [word.decode() for word in file.read().split(b"\0") if word]

    def options(self, **more):
        """Returns the options between km's name and "--" while it waits, without those that krun always sets."""
        self.shell(SLEEP)
        self.create(**more)
        words = self.words("cmdline")
        self.assertEqual(words[1], "--wait-for-signal")
        words = words[2:words.index("--")]
        self.variables = self.words("environ")
        return words

    def own(self, **more):
        words = self.options(**more)
        log = words.pop(0)
        self.assertRegex(log, "^--km-log-to=/proc/self/fd/[0-9]+$")
        self.ok("delete", "--force", self.cid)
        return words


class Layers(SettingsTest):
    def test_nothing_is_set_by_default(self):
        self.assertEqual(self.own(), [])
        self.assertIn("KM_MGTPIPE=/dev/krun/kmpipe", self.variables)

    def test_every_setting_of_the_host_reaches_km(self):
        device = [name for name in ("kvm", "kkm") if os.path.exists(f"/dev/{name}")][0]
        for values, words in (
                ({"device": device}, [f"--virt-device=/dev/{device}"]),
                ({"device": "auto"}, []),
                ({"membusWidth": 36}, ["--membus-width=36"]),
                ({"pages1g": False}, ["--disable-1g-pages"]),
                ({"pages1g": True}, ["--enable-1g-pages"]),
                ({"overcommitMemory": True}, ["--overcommit-memory"]),
                ({"vendorId": True}, ["--vendorid"]),
                ({"killUnimplemented": True}, ["--kill-unimpl-scall"]),
                ({"hypercallStats": True}, ["--hcall-stats"]),
                ({"verbose": "exec|fork"}, ["--verbose=exec|fork"]),
                ({"gdb": "listen", "gdbPort": 4000}, ["--gdb-server-port=4000", "--gdb-listen"]),
                ({"coreDump": "/tmp/core"}, ["--coredump=/tmp/core"]),
                ({"management": False, "snapshotPath": "/tmp/snap"}, ["--snapshot=/tmp/snap"]),
                ({"parameters": ["--core-on-err", "--membus-width=33"]}, ["--core-on-err", "--membus-width=33"])):
            with self.subTest(values=values):
                self.assertEqual(self.own(options=self.host(**values)), words)

    def test_a_device_by_its_path_is_the_only_one(self):
        options = self.host(device="/dev/null")
        self.shell("ls /dev | grep -E '^(kvm|kkm)$'; echo $KMSIM")
        self.assertEqual(self.run_ok(options=options), "1\n")
        self.assertEqual(self.own(options=options), ["--virt-device=/dev/null"])

    def test_paths_of_km_and_its_library(self):
        km, libc = os.path.join(self.top, "other-km"), os.path.join(self.top, "other-libc")
        shutil.copy(KM_PATH, km)
        open(libc, "w").close()
        self.options(options=self.host(kmPath=km, libcPath=libc))
        self.assertEqual(self.words("cmdline")[0], km)
        self.assertTrue(os.path.exists(f"/proc/{self.monitor()}/root{libc}"))
        self.ok("start", self.cid)
        # exec runs the same km.
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", "echo $KMSIM").out, "1\n")
        self.ok("delete", "--force", self.cid)

    def test_start_protocol_and_time(self):
        self.shell(SLEEP)
        self.create(options=self.host(startAt="exec"))
        self.assertEqual(self.state()["annotations"][PREFIX + "startAt"], "exec")
        self.ok("delete", "--force", self.cid)
        # This km never waits.
        km = os.path.join(self.top, "slow-km")
        with open(km, "w") as file:
            file.write("#!/bin/sh\nwhile :; do sleep 0.1; done\n")
        os.chmod(km, 0o755)
        started = time.monotonic()
        message = self.run_fails(options=self.host(kmPath=km, startTimeoutMs=300))
        self.assertIn("300 ms", message)
        self.assertLess(time.monotonic() - started, 30)

    def test_device_that_appears_later(self):
        node = f"/dev/krun-test-{os.getpid()}"
        options = self.host(device=node)
        self.shell("echo $KMSIM; ls /dev")
        self.assertIn(f"'{node}' (\"device\"), and this host has no such character device", self.run_fails(options=options))
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        self.addCleanup(os.unlink, node)
        out = self.ok("run", "--bundle", self.bundle, self.cid, options=options).out.split()
        self.assertEqual(out[0], "1")
        self.assertIn(os.path.basename(node), out)

    @unittest.skipIf(OWN_MACHINE, "others would see the device, too")
    def test_both_devices(self):
        for path in ("/dev/kvm", "/dev/kkm"):
            if not os.path.exists(path):
                os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
                self.addCleanup(os.unlink, path)
        for user in (0, 1000):
            self.shell("for i in kvm kkm; do exec 3<>/dev/$i && echo opened $i; done", user={"uid": user, "gid": user})
            out = self.run_ok()
            self.assertEqual(out, "opened kvm\nopened kkm\n")

    @stand_in_only("it misbehaves on request, and has words of its own")
    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_start_timeout_holds_for_the_release_too(self):
        self.shell("echo ran", env=["PATH=/bin", "KMSIM_LATE=60000"])
        options = self.host(startTimeoutMs=300)
        self.create(options=options)
        self.assertIn("300 ms", self.fails("start", self.cid))
        self.ok("delete", "--force", self.cid)
        self.config["process"]["env"] = ["PATH=/bin"]
        self.start(options)
        started = time.monotonic()
        self.assertIn("300 ms", self.fails("exec", "--env", "KMSIM_LATE=60000", self.cid, "true", status=255))
        self.assertLess(time.monotonic() - started, 30)
        self.ok("delete", "--force", self.cid)

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_a_signal_ends_the_wait_for_a_km_that_is_stopped(self):
        """A stopped km does not notice the end of the process in front of it, which is what the signal ends."""
        self.shell("sleep 100")
        self.start(self.host())
        process = self.spawn("exec", "--env", "KMSIM_LATE=60000", self.cid, "true", stderr=subprocess.PIPE)
        stopped = wait_until(lambda: self.grandchildren(process.pid), what="km")[0]
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 255)
        self.assertIn("interrupted by signal 15", process.stderr.read().decode())
        # A km that was not stopped in time has ended.
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGKILL)

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_a_detached_run_that_is_ended_before_the_payload_began_leaves_nothing(self):
        self.shell("echo ran; sleep 100", env=["PATH=/bin", "KMSIM_LATE=60000"])
        with open(self.log, "wb") as log:
            process = self.spawn("run", "--detach", "--bundle", self.bundle, self.cid, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            wait_until(lambda: self.grandchildren(process.pid), what="km")
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 1)
        self.assertIn("interrupted by signal 15", self.logged())
        self.assertIn("does not exist", self.fails("state", self.cid))

    def test_km_that_is_replaced_while_a_container_runs(self):
        km = os.path.join(self.top, "km")
        shutil.copy(KM_PATH, km)
        for start_at in ("payload", "exec"):
            options = self.host(kmPath=km, startAt=start_at)
            self.start(options)
            self.assertEqual(self.ok("exec", self.cid, "echo", "fine").out, "fine\n")
            shutil.copy(km, km + ".new")
            os.rename(km + ".new", km)
            self.assertIn(f"km '{km}' was replaced on the host", self.fails("exec", self.cid, "true", status=255))
            self.ok("kill", self.cid, "TERM")
            self.wait_stopped()
            self.ok("delete", self.cid)

    def test_management_off(self):
        self.own(options=self.host(management=False))
        self.assertEqual([word for word in self.variables if word.startswith("KM_MGT")], [])
        self.start(self.host(management=False))
        self.assertIn("management socket", self.fails("checkpoint", "--image-path", self.top + "/i", self.cid))
        self.ok("delete", "--force", self.cid)

    def start(self, options=(), script=SLEEP):
        self.shell(script)
        self.create(options=options)
        self.ok("start", self.cid)
        wait_until(lambda: "ready" in self.logged(), what="payload")

    def test_environment_of_the_host_weighs_more_than_the_containers(self):
        self.config["process"]["env"].append("A=container")
        self.own(options=self.host(environment=["A=host", "KM_KILL_UNIMPL_SCALL=1", "B="]))
        for word in ("A=host", "KM_KILL_UNIMPL_SCALL=1", "B="):
            self.assertIn(word, self.variables)
        self.assertNotIn("A=container", self.variables)

    def test_logs(self):
        for value, word in (("stderr", "stderr"), ("none", "/dev/null"), ("/tmp/km.log", "/tmp/km.log")):
            with self.subTest(value=value):
                self.assertEqual(self.options(options=self.host(log=value)), [f"--km-log-to={word}"])
                self.ok("start", self.cid)
                self.ok("delete", "--force", self.cid)
        with open(f"{self.rootfs}/tmp/km.log") as file:
            self.assertIn("STAND-IN", file.read())
        self.assertIn("STAND-IN", self.logged())

    def test_default_log_is_in_the_state(self):
        self.start(self.host(log="state", verbose="mem"))
        self.assertIn("verbose: mem", self.ok("logs", "--monitor", self.cid).out)
        self.ok("delete", "--force", self.cid)

    def test_later_processes_have_what_holds_for_all(self):
        device = [name for name in ("kvm", "kkm") if os.path.exists(f"/dev/{name}")][0]
        self.start(self.host(device=device, membusWidth=36, hypercallStats=True, gdb="listen", verbose="x",
                             environment=["A=host"], parameters=["--core-on-err"]))
        process = self.spawn("exec", self.cid, "sh", "-c", "echo ready; sleep 5", stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        # krun waits for the process in front of km, which waits for km, which waits for the program.
        pid = self.grandchildren(process.pid)[0]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode().split("\0")
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertIn(b"A=host", file.read().split(b"\0"))
        self.assertEqual(words[1], "--wait-for-signal")
        self.assertRegex(words[2], "^--km-log-to=/proc/self/fd/[0-9]+$")
        self.assertEqual(words[3:words.index("--")],
                         [f"--virt-device=/dev/{device}", "--membus-width=36", "--core-on-err"])
        process.kill()
        self.ok("delete", "--force", self.cid)

    def test_annotations_over_vm_over_host(self):
        options = self.host(membusWidth=33, allowVm=["hwConfig.memory", "hypervisor.parameters"], parameters=["--dump-shutdown"],
                            allowAnnotations=["*"])
        self.assertEqual(self.own(options=options), ["--membus-width=33", "--dump-shutdown"])
        self.config["vm"] = {"hwConfig": {"memory": 1 << 34}, "hypervisor": {"path": "", "parameters": ["--core-on-err"]},
                             "kernel": {"path": ""}}
        self.assertEqual(self.own(options=options), ["--membus-width=34", "--core-on-err"])
        self.annotate(membusWidth="35", overcommitMemory="true", pages1g="false", hypercallStats="1")
        self.assertEqual(self.own(options=options), ["--membus-width=35", "--disable-1g-pages", "--overcommit-memory",
                                                     "--hcall-stats", "--core-on-err"])

    def test_what_is_allowed_by_its_name(self):
        self.annotate(kmPath=KM_PATH, parameters='["--core-on-err"]', coreDump="/tmp/c", verbose="x", gdb="listen",
                      environment='["X=y"]')
        names = ["kmPath", "parameters", "coreDump", "verbose", "gdb", "environment"]
        self.assertEqual(self.own(options=self.host(allowAnnotations=names)),
                         ["--verbose=x", "--coredump=/tmp/c", "--gdb-server-port=2159", "--gdb-listen", "--core-on-err"])
        self.assertIn("X=y", self.variables)
        self.write_config()
        message = self.run_fails(options=self.host(allowAnnotations=["*"]))
        self.assertIn("does not allow it", message)
        self.assertIn(self.host_file, message)

    def test_vm_names_the_monitor(self):
        km = os.path.join(self.top, "other-km")
        shutil.copy(KM_PATH, km)
        self.config["vm"] = {"hypervisor": {"path": km}}
        self.options(options=self.host(allowVm=["hypervisor.path"]))
        self.assertEqual(self.words("cmdline")[0], km)
        self.ok("delete", "--force", self.cid)


class Refusals(SettingsTest):
    def refused(self, *texts, **host):
        self.write_config(args=["/bin/true"])
        message = self.run_fails(options=self.host(**host))
        for text in texts:
            self.assertIn(text, message)
        self.assertNotIn("no such file", message.lower())

    def test_annotations_that_are_not_allowed(self):
        for key, value in (("membusWidth", "36"), ("kmPath", "/x"), ("management", "false"), ("startAt", "exec")):
            self.annotate(**{key: value})
            self.refused(f"config.json: /annotations/{PREFIX}{key}: ", "allowAnnotations", self.top + "/krun.json", f'"{key}"')

    def test_annotations_that_are_wrong(self):
        for key, value, text in (("membusWidth", "99", "out of range"), ("membusWidth", "x", "not a number"),
                                 ("device", "xen", "neither auto, kvm, kkm"), ("colour", "red", "no such setting"),
                                 ("personality", "plain", "no such setting"), ("management", "maybe", "neither true nor false"),
                                 ("snapshotDirectory", "/", "only the host can set this")):
            self.annotate(**{key: value})
            self.refused(f"config.json: /annotations/{PREFIX}{key}: ", text, allowAnnotations=["*"])

    def test_vm_that_is_not_allowed(self):
        for vm, pointer, name in (
                ({"hypervisor": {"path": KM_PATH}}, "/vm/hypervisor/path", "hypervisor.path"),
                ({"hypervisor": {"parameters": ["--vendorid"]}}, "/vm/hypervisor/parameters", "hypervisor.parameters"),
                ({"hwConfig": {"memory": 1 << 32}}, "/vm/hwConfig/memory", "hwConfig.memory")):
            self.config["vm"] = vm
            self.refused(f"config.json: {pointer}: ", "allowVm", self.top + "/krun.json", f'"{name}"')

    def test_memory_that_no_machine_of_kms_has(self):
        self.config["vm"] = {"hwConfig": {"memory": 5 << 30}}
        self.refused("/vm/hwConfig/memory", "power of two", allowVm=["hwConfig.memory"])

    def test_what_km_does_not_have_is_one_error(self):
        self.config["vm"] = {"kernel": {"path": "/vmlinuz", "initrd": "/initrd"}, "image": {"path": "/i", "format": "raw"},
                             "hwConfig": {"vcpus": 2, "memory": 1 << 32, "irqs": [1]}}
        self.refused("config.json: /vm: kernel/path, kernel/initrd, image/path, image/format, hwConfig/vcpus, hwConfig/irqs: ")

    def test_a_plain_container_has_no_machine(self):
        self.config["vm"] = {"hypervisor": {"path": KM_PATH}}
        self.write_config()
        self.assertIn("config.json: /vm: ", self.run_fails(mode="plain"))

    def test_settings_of_the_host_that_are_wrong(self):
        for values, text in (({"device": "/dev/nothing"}, '"device"'), ({"device": "/dev/shm"}, "no such character device"),
                             ({"allowAnnotations": ["x"]}, "/allowAnnotations/0: there is no setting 'x'"),
                             ({"allowVm": ["x"]}, "/allowVm/0"), ({"snapshotPath": "/x"}, "management"),
                             ({"parameters": ["--wait-for-signal"]}, "/parameters/0"),
                             ({"parameters": ["-V"]}, "/parameters/0"), ({"environment": ["KM_MGTPIPE=/x"]}, "/environment/0")):
            with self.subTest(values=values):
                self.refused(text, **values)

    def test_an_absent_device_of_a_kind(self):
        for name in ("kvm", "kkm"):
            if not os.path.exists(f"/dev/{name}"):
                self.refused(f"'/dev/{name}'", "device", device=name)

    def test_sandboxes_and_plain_containers_do_not_look(self):
        self.allow("allowSandbox")
        self.annotate(colour="red")
        self.config["annotations"]["io.kubernetes.cri.container-type"] = "sandbox"
        self.assertEqual(self.inside("echo ${KMSIM:-none}"), "none\n")
        self.annotate(colour="red")
        self.write_config()
        self.ok("run", "--bundle", self.bundle, self.cid, mode="plain")


class Seen(SettingsTest):
    """`state` and `features` show the settings that are not the default."""

    def krun_annotations(self, text):
        return {key[len(PREFIX):]: value for key, value in json.loads(text)["annotations"].items() if key.startswith(PREFIX)}

    def test_state(self):
        self.annotate(membusWidth="36", pages1g="true")
        self.shell(SLEEP)
        self.create(options=self.host(allowAnnotations=["*"], vendorId=True, gdb="off", parameters=["--core-on-err"],
                                      startTimeoutMs=20000))
        self.assertEqual(self.krun_annotations(self.ok("state", self.cid).out), {
            "personality": "km", "startAt": "payload", "membusWidth": "36", "vendorId": "true", "pages1g": "true",
            "parameters": '["--core-on-err"]', "startTimeoutMs": "20000"})
        self.ok("delete", "--force", self.cid)
        self.config["annotations"] = {}
        self.shell(SLEEP)
        self.create()
        self.assertEqual(self.krun_annotations(self.ok("state", self.cid).out), {"personality": "km", "startAt": "payload"})
        self.ok("delete", "--force", self.cid)

    def test_features(self):
        always = {"version", "commit"}
        self.assertEqual(set(self.krun_annotations(self.ok("features").out)), always)
        found = self.krun_annotations(self.ok("features", options=self.host(
            membusWidth=36, startAt="payload", allowAnnotations=["gdb", "startAt"], allowVm=["hwConfig.memory"])).out)
        self.assertEqual({key: found[key] for key in set(found) - always},
                         {"membusWidth": "36", "allowAnnotations": '["startAt","gdb"]', "allowVm": '["hwConfig.memory"]'})
        self.assertIn(PREFIX, json.loads(self.ok("features").out)["potentiallyUnsafeConfigAnnotations"])
        self.assertIn("/gdb", self.fails("features", options=self.host(gdb="on")))
        found = self.krun_annotations(self.ok("features", options=self.host(membusWidth=36), mode="plain").out)
        self.assertEqual(set(found), always)


class Validate(SettingsTest):
    def findings(self, *arguments, status=1, options=()):
        result = self.krun("validate", "--format", "json", *arguments, options=options)
        self.assertEqual((result.status, result.err), (status, ""), result)
        return [(item["pointer"], item["severity"], item["reason"]) for item in json.loads(result.out)]

    def test_everything_that_is_wrong_with_a_host_file(self):
        self.host(kmPath="km", device="xen", membusWidth=1, colour="red", shape="round", allowVm=["kernel"], gdb="on",
                  environment=["A=1", "B"], snapshotDirectory="/no/such")
        found = [item[:2] for item in self.findings("--host-config", self.host_file)]
        for pointer in ("/kmPath", "/device", "/membusWidth", "/colour", "/shape", "/allowVm/0", "/gdb", "/environment/1",
                        "/snapshotDirectory"):
            self.assertIn((pointer, "error"), found)

    def test_a_good_one(self):
        options = self.host(membusWidth=36, allowAnnotations=["*", "kmPath"], snapshotDirectory=self.top)
        self.assertEqual(self.findings("--host-config", self.host_file, status=0), [])
        self.assertEqual(self.findings("--host-config", options=options, status=0), [])

    def test_files_that_the_settings_name_are_checked(self):
        self.host(kmPath="/no/such/km", device="/dev/nothing")
        self.assertEqual([item[:2] for item in self.findings("--host-config", self.host_file)],
                         [("/kmPath", "error"), ("/device", "unsupported")])

    def test_a_file_that_others_may_write(self):
        self.host()
        os.chmod(self.host_file, 0o666)
        self.write_config()
        for refused in (("validate", "--host-config", self.host_file), ("run", "--bundle", self.bundle, self.cid)):
            self.assertIn("others than the owner may write", self.fails(*refused, options=["--config-file", self.host_file]))
        os.chmod(self.host_file, 0o644)
        os.chown(self.host_file, 1000, 0)
        self.assertIn("belongs to user 1000", self.fails("validate", "--host-config", self.host_file))

    def test_a_host_file_that_is_not_a_regular_file(self):
        pipe, link = f"{self.top}/pipe", f"{self.top}/link"
        os.mkfifo(pipe)
        os.symlink("/no/such", link)
        self.write_config()
        for path, why in ((pipe, "not a regular file"), (self.top, "not a regular file"), (link, "missing")):
            self.assertIn(why, self.fails("run", "--bundle", self.bundle, self.cid, options=["--config-file", path]))

    def test_a_setting_that_is_there_twice_or_says_nothing(self):
        self.host_file = f"{self.top}/krun.json"
        for text, pointer in (('{"exceptions": "deny", "exceptions": "container"}', "/exceptions"), ('{"exceptions": null}', "/exceptions"),
                              ('{"verbose": "("}', "/verbose"),
                              ('{"exceptions": "host", "exceptionsFile": "/no/such"}', "/exceptionsFile")):
            with open(self.host_file, "w") as file:
                file.write(text)
            self.assertEqual([item[:2] for item in self.findings("--host-config", self.host_file)], [(pointer, "error")], text)
        with open(self.host_file, "w") as file:
            file.write('{"environment": ["A={\\"x\\": [1, 2]}:"], "gdb": "off"}')
        self.assertEqual(self.findings("--host-config", self.host_file, status=0), [])

    def test_errors_name_the_file_that_has_them(self):
        self.write_config()
        message = self.fails("run", "--bundle", self.bundle, self.cid, options=self.host(membusWidth=1))
        self.assertTrue(message.startswith(f"host settings: {self.host_file}: /membusWidth: "), message)

    def test_no_file_and_no_json(self):
        self.assertIn("/no/such", self.fails("validate", "--host-config", "/no/such"))
        with open(f"{self.top}/bad", "w") as file:
            file.write("{")
        self.assertIn("not JSON", self.findings("--host-config", f"{self.top}/bad")[0][2])
        self.assertIn("--bundle", self.fails("validate", "--host-config", "--bundle", self.bundle))

    def test_a_bundle_that_asks_for_too_much(self):
        self.annotate(membusWidth="36")
        self.write_config()
        self.assertEqual([item[:2] for item in self.findings("--bundle", self.bundle)],
                         [(f"/annotations/{PREFIX}membusWidth", "error")])
        self.assertEqual(self.findings("--bundle", self.bundle, options=self.host(allowAnnotations=["*"]), status=0), [])
        self.config["annotations"] = {}
        self.config["vm"] = {"hwConfig": {"memory": 1 << 32}}
        self.write_config()
        self.assertEqual([item[:2] for item in self.findings("--bundle", self.bundle)], [("/vm/hwConfig/memory", "error")])


    def test_what_km_needs(self):
        self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["destination"] != "/proc"]
        self.write_config()
        self.assertEqual([item[:2] for item in self.findings("--bundle", self.bundle)], [("/mounts", "error")])
        result = self.krun("validate", "--bundle", self.bundle, mode="plain")
        self.assertEqual((result.status, result.out), (0, ""))

    def test_filters_and_limits(self):
        for kind, action in (("error", ["ioctl"]), ("warning", ["listen"])):
            self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                               "syscalls": [{"names": action, "action": "SCMP_ACT_ERRNO"}]}
            self.write_config()
            self.assertEqual([item[:2] for item in self.findings("--bundle", self.bundle, status=int(kind == "error"))],
                             [("/linux/seccomp", kind)])


class Snapshots(SettingsTest):
    """The annotation app.kontain.krun.snapshot, which names a directory below the host's snapshotDirectory."""

    def setUp(self):
        super().setUp()
        self.snapshots = os.path.join(self.top, "snapshots")
        os.mkdir(self.snapshots)
        self.shell(counter())

    def numbers(self):
        return [int(line[1:]) for line in self.logged().split() if line.startswith("n")]

    def check_first(self, last):
        """Checks that the payload went on: the saved number may be one less or more than the printed one."""
        self.assertLessEqual(abs(self.numbers()[0] - (last + 1)), 1, (self.numbers()[0], last))

    def take(self, name):
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: len(self.numbers()) > 5, what="payload")
        self.ok("checkpoint", "--image-path", f"{self.snapshots}/{name}", self.cid)
        last = self.numbers()[-1]
        os.unlink(self.log)
        shutil.rmtree(f"{self.rootfs}/tmp")
        os.mkdir(f"{self.rootfs}/tmp")
        return last

    def test_the_payload_goes_on(self):
        last = self.take("warm")
        self.annotate(snapshot="warm")
        self.write_config(args=["/bin/false"])
        self.create(options=self.host(snapshotDirectory=self.snapshots))
        self.ok("start", self.cid)
        wait_until(lambda: len(self.numbers()) > 2, what="payload")
        self.check_first(last)
        self.assertEqual(self.state()["annotations"][PREFIX + "snapshot"], "warm")
        self.ok("delete", "--force", self.cid)

    def test_a_command_that_names_one_weighs_more(self):
        last = self.take("warm")
        self.annotate(snapshot="none")
        self.write_config()
        self.create("--from-snapshot", f"{self.snapshots}/warm", options=self.host(snapshotDirectory=self.snapshots))
        self.ok("start", self.cid)
        wait_until(lambda: len(self.numbers()) > 2, what="payload")
        self.check_first(last)
        self.ok("delete", "--force", self.cid)

    def test_refusals(self):
        options = self.host(snapshotDirectory=self.snapshots)
        self.annotate(snapshot="warm")
        self.write_config()
        self.assertIn("snapshotDirectory", self.run_fails(options=self.host(allowAnnotations=["*"])))
        options = self.host(snapshotDirectory=self.snapshots)
        message = self.run_fails(options=options)
        self.assertTrue(message.startswith(f"config.json: /annotations/{PREFIX}snapshot: "), message)
        self.assertIn(f"{self.snapshots}/warm", message)
        for name in ("..", ".", "", "a/b", "/etc"):
            self.annotate(snapshot=name)
            self.write_config()
            self.assertIn("is not the name of a directory", self.run_fails(options=options))


class Needs(SettingsTest):
    def refused(self, *texts, options=(), arguments=()):
        self.write_config(args=["/bin/true"])
        message = self.run_fails(*arguments, options=options)
        for text in texts:
            self.assertIn(text, message)

    def test_proc(self):
        self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["destination"] != "/proc"]
        self.config["linux"]["maskedPaths"] = self.config["linux"]["readonlyPaths"] = []
        self.refused("config.json: /mounts: km needs /proc")
        self.config["mounts"].append({"destination": "/proc", "type": "tmpfs", "source": "tmpfs"})
        self.refused("of type tmpfs")

    def test_limits(self):
        for kind, number in (("RLIMIT_NOFILE", 512), ("RLIMIT_AS", 8 << 20), ("RLIMIT_DATA", 1 << 20)):
            self.config["process"]["rlimits"] = [{"type": kind, "soft": number, "hard": number}]
            self.refused("config.json: /process/rlimits/0: ", kind)

    def test_limits_of_the_cgroup(self):
        self.config["linux"]["resources"]["memory"] = {"limit": 1 << 20}
        self.refused("config.json: /linux/resources/memory/limit: ")
        self.config["linux"]["resources"] = {"pids": {"limit": 2}}
        self.refused("config.json: /linux/resources/pids/limit: ")

    def test_descriptors(self):
        self.refused("--preserve-fds 725", "727", arguments=["--preserve-fds", "725"])
        # The log has a record of what will not work, if warnings are asked for.
        log = os.path.join(self.top, "krun.log")
        self.write_config(args=["/bin/true"])
        read, write = os.pipe()
        os.dup2(read, 3)
        self.ok("run", "--bundle", self.bundle, "--preserve-fds", "1", self.cid, options=["--log", log], pass_fds=(3,))
        self.assertEqual(os.path.getsize(log), 0)
        self.ok("run", "--bundle", self.bundle, "--preserve-fds", "1", self.cid,
                options=["--log", log, "--log-level", "warning"], pass_fds=(3,))
        with open(log) as file:
            self.assertIn("its payload cannot use them", file.read())
        for fd in {read, write, 3}:
            os.close(fd)

    def refuse_calls(self, *names, action="SCMP_ACT_ERRNO", **more):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                           "syscalls": [{"names": list(names), "action": action, **more}]}

    def test_filters(self):
        for names in (["ioctl"], ["eventfd2", "mprotect"], ["rt_sigtimedwait"], ["clone3"]):
            self.refuse_calls(*names)
            self.refused("config.json: /linux/seccomp: km cannot run without ", *names)
        self.refuse_calls("clone3", errnoRet=38)
        self.write_config(args=["/bin/true"])
        self.run_ok()
        self.refuse_calls("swapon", "listen")
        self.write_config(args=["/bin/true"])
        self.run_ok()

    def test_a_list_of_allowed_calls(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
                                           "syscalls": [{"names": ["read", "write", "execve"], "action": "SCMP_ACT_ALLOW"}]}
        self.refused("/linux/seccomp: km cannot run without ", "ioctl", "mmap", "futex")

    def test_dockers_default_filter(self):
        """This is the filter that dockerd 20.10 writes into config.json."""
        with open(os.path.join(HERE, "docker-default-seccomp.json")) as file:
            self.config["linux"]["seccomp"] = json.load(file)
        self.shell("echo $KMSIM")
        log = os.path.join(self.top, "krun.log")
        self.assertEqual(self.run_ok(options=["--log", log, "--log-level", "warning"]), "1\n")
        self.assertEqual(os.path.getsize(log), 0)

    def test_mounts_without_exec_over_kms_place(self):
        """krun mounts km over the bundle's mount."""
        self.config["mounts"].append({"destination": "/opt/kontain", "type": "tmpfs", "source": "tmpfs", "options": ["noexec"]})
        self.assertEqual(self.inside("echo $KMSIM"), "1\n")
        source = os.path.join(self.top, "file")
        open(source, "w").close()
        self.config["mounts"].append({"destination": KM_PATH, "source": source, "options": ["bind", "noexec"]})
        self.assertEqual(self.inside("echo $KMSIM"), "1\n")

    def test_km_on_a_file_system_without_exec(self):
        place = tempfile.mkdtemp(dir=self.top)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", place], check=True)
        try:
            shutil.copy(KM_PATH, f"{place}/km")
            self.refused("mounted noexec", "kmPath", options=self.host(kmPath=f"{place}/km"))
        finally:
            subprocess.run(["umount", "-l", place], check=True)

    def test_limits_of_a_later_process(self):
        self.start_sleeper()
        path = os.path.join(self.top, "process.json")
        process = dict(self.config["process"], args=["/bin/echo", "ran"])
        for kind, number in (("RLIMIT_NOFILE", 512), ("RLIMIT_AS", 8 << 20)):
            process["rlimits"] = [{"type": kind, "soft": number, "hard": number}]
            with open(path, "w") as file:
                json.dump(process, file)
            message = self.fails("exec", "--process", path, self.cid, status=255)
            self.assertIn("/rlimits/0: " + kind, message)
        self.assertIn("727", self.fails("exec", "--preserve-fds", "725", self.cid, "echo", "ran", status=255))
        self.ok("delete", "--force", self.cid)

    def test_nothing_is_left_behind(self):
        self.refuse_calls("ioctl")
        self.refused("ioctl")
        self.assertEqual(glob.glob(f"{self.root}/{self.cid}"), [])


assert os.path.exists(PROGRAMS["km"])
