# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore of containers under km; kmsim's snapshots keep the arguments and the state file of a payload."""

import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from krun import REAL_KM, KrunTest, children, counter, stand_in_only, wait_until

COUNTER = counter()


class Checkpoint(KrunTest):
    mode = "km"

    def setUp(self):
        super().setUp()
        self.image = os.path.join(self.top, "image")

    def start_counter(self, **process):
        self.shell(COUNTER, **process)
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "n5\n" in self.logged(), what="payload")

    def numbers(self, path=None):
        with open(path or self.log) as file:
            return [int(line[1:]) for line in file.read().split() if line.startswith("n")]

    def restore(self, *options, identity=None, status=0):
        log = os.path.join(self.top, "restored")
        with open(log, "wb") as file:
            result = self.krun("restore", "--bundle", self.bundle, "--image-path", self.image, "--detach", *options,
                               identity or self.cid, stdout=file, stderr=file)
        with open(log) as file:
            text = file.read()
        self.assertEqual(result.status, status, text)
        return log if status == 0 else text

    def inside_of_image(self):
        return sorted(os.listdir(self.image))

    def test_the_payload_goes_on_where_it_was(self):
        self.start_counter()
        self.assertEqual(self.ok("checkpoint", "--image-path", self.image, self.cid).out, "")
        self.assertIn("does not exist", self.fails("state", self.cid), "its id is free for the restore")
        last = self.numbers()[-1]
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])
        shutil.rmtree(f"{self.rootfs}/tmp")
        os.mkdir(f"{self.rootfs}/tmp")
        log = self.restore()
        self.assertEqual(self.status(), "running")
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        # The checkpoint may fall between the write of the state file and the print of its number.
        self.assertIn(self.numbers(log)[0], (last + 1, last + 2))
        self.assertEqual(self.ok("exec", self.cid, "echo", "hello").out, "hello\n")
        self.ok("kill", self.cid, "TERM")
        self.wait_stopped()
        self.ok("delete", self.cid)

    def test_debug_tells_the_steps(self):
        self.start_counter()
        result = self.krun("checkpoint", "--image-path", self.image, self.cid, options=["--debug"])
        self.assertEqual(result.status, 0, result)
        steps = [result.err.find(f" {step}: ") for step in ("find km", "locks", "snapshot", "image")]
        self.assertEqual((min(steps) >= 0, steps), (True, sorted(steps)), result.err)

    def test_a_snapshot_of_an_image_as_program(self):
        """km's own guide does this: the snapshot is copied out and made executable, and CMD is ["/kmsnap"]; it may wait for a client first."""
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        last = self.numbers()[-1]
        shutil.copy(f"{self.image}/km-snapshot", f"{self.rootfs}/kmsnap")
        os.chmod(f"{self.rootfs}/kmsnap", 0o755)
        # km itself waits for a client at a socket on which the payload listens, and a shell does not listen.
        for environment in ([],) if REAL_KM else ([], ["SNAP_LISTEN_TIMEOUT=1000"]):
            self.write_config(args=["/kmsnap"], env=["PATH=/bin", *environment])
            os.truncate(self.log, 0)
            started = time.monotonic()
            self.create()
            self.ok("start", self.cid)
            if environment:
                self.assertLess(time.monotonic() - started, 100, "krun waited for km, which waited for a client")
                self.assertEqual((self.status(), self.numbers()), ("running", []))
                open(f"{self.rootfs}/tmp/.kmsim-connection", "w").close()
            wait_until(lambda: len(self.numbers()) > 2, what="payload")
            self.assertIn(self.numbers()[0], (last + 1, last + 2))
            self.ok("delete", "--force", self.cid)

    def test_end_of_a_checkpointed_payload_is_status_0(self):
        self.shell(COUNTER)
        run = self.spawn("run", "--bundle", self.bundle, self.cid, stdout=subprocess.PIPE)
        self.assertEqual(run.stdout.readline(), b"n1\n")
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.assertEqual(run.wait(20), 0)

    def test_output_to_a_file_or_socket_from_outside(self):
        """km opens files by name when it resumes, and these have no name in the container: the payload gets those of restore."""
        mine, its = socket.socketpair()
        self.shell(COUNTER)
        with mine, open(os.path.join(self.top, "errors"), "wb") as errors:
            with its:
                self.assertEqual(self.krun("run", "--bundle", self.bundle, "--detach", self.cid, stdout=its, stderr=errors).status, 0)
            self.assertEqual(mine.recv(3), b"n1\n")
            self.ok("checkpoint", "--image-path", self.image, self.cid)
        log = self.restore()
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        self.assertGreater(self.numbers(log)[0], 1)
        self.ok("delete", "--force", self.cid)

    def test_leave_running(self):
        self.start_counter()
        for _ in range(2):
            self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
            before = self.numbers()[-1]
            wait_until(lambda: self.numbers()[-1] > before + 2, what="progress")
        with open(f"/proc/{self.state()['pid']}/mountinfo") as file:
            self.assertNotIn("km-snapshot", file.read(), "the image's file is mounted for the moment only")
        left = os.listdir(f"/proc/{self.state()['pid']}/root/dev/krun")
        self.assertEqual(left, ["kmpipe"])
        self.assertEqual(os.stat(f"{self.image}/km-snapshot").st_mode & 0o777, 0o500)
        # A second container runs beside the first one, from the same checkpoint.
        self.ids.append(self.cid + "b")
        log = self.restore(identity=self.cid + "b")
        wait_until(lambda: len(self.numbers(log)) > 2, what="second payload")
        self.ok("delete", "--force", self.cid + "b")
        self.ok("delete", "--force", self.cid)

    def test_paused_container(self):
        """docker pauses the container before it asks for a checkpoint, and resumes it afterwards."""
        self.start_counter()
        self.ok("pause", self.cid)
        self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
        self.assertEqual(self.status(), "paused")
        before = self.numbers()
        time.sleep(0.1)
        self.assertEqual(self.numbers(), before)
        self.ok("resume", self.cid)
        wait_until(lambda: len(self.numbers()) > len(before), what="progress")
        self.ok("delete", "--force", self.cid)

    def test_payload_of_another_user(self):
        self.start_counter(user={"uid": 1000, "gid": 1000})
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.assertEqual(os.stat(f"{self.image}/km-snapshot").st_uid, 0)
        log = self.restore()
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        self.assertEqual(self.ok("exec", self.cid, "id", "-u").out, "1000\n")
        self.ok("delete", "--force", self.cid)

    def test_read_only_root_and_terminal_options_of_engines(self):
        self.config["root"]["readonly"] = True
        self.config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, "--work-path", f"{self.top}/new/work", "--file-locks", "--shell-job",
                "--ext-unix-sk", "--manage-cgroups-mode", "soft", "--empty-ns", "network", self.cid)
        pid_file = os.path.join(self.top, "pid")
        log = self.restore("--pid-file", pid_file, "--work-path", self.top, "-no-subreaper", "--file-locks")
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        with open(pid_file) as file:
            self.assertEqual(int(file.read()), self.state()["pid"])
        self.ok("delete", "--force", self.cid)

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_what_km_cannot_do_is_refused(self):
        self.start_counter()
        for options in (["--pre-dump"], ["--parent-path", "../x"], ["--tcp-established"], ["--lazy-pages"],
                        ["--page-server", "127.0.0.1:1"], ["--manage-cgroups-mode", "full"], ["--empty-ns", "bad"]):
            with self.subTest(options=options):
                message = self.fails("checkpoint", "--image-path", self.image, *options, self.cid)
                self.assertIn(options[0], message)
                self.assertIn("km's last words: kmsim: ", message)
                self.assertFalse(os.path.exists(self.image))
        self.assertIn("--network-lock: 'bad' is none of", self.fails("checkpoint", "--image-path", self.image, "--network-lock", "bad", self.cid))
        self.assertEqual(self.status(), "running")
        self.ok("delete", "--force", self.cid)

    def test_wrong_status(self):
        self.assertIn("does not exist", self.fails("checkpoint", "nobody"))
        self.shell(COUNTER)
        self.create()
        self.assertIn("it is created", self.fails("checkpoint", "--image-path", self.image, self.cid))
        self.ok("kill", self.cid, "KILL")
        self.wait_stopped()
        self.assertIn("it is stopped", self.fails("checkpoint", "--image-path", self.image, self.cid))
        self.ok("delete", self.cid)

    def test_several_processes(self):
        self.start_counter()
        session = self.spawn("exec", self.cid, "sh", "-c", "echo ready; sleep 100", stdout=subprocess.PIPE)
        self.assertEqual(session.stdout.readline(), b"ready\n")
        self.assertIn("one process only", self.fails("checkpoint", "--image-path", self.image, self.cid))
        session.terminate()
        self.ok("delete", "--force", self.cid)

    def test_plain_container(self):
        self.shell("echo ready; while :; do sleep 0.02; done")
        with open(self.log, "wb") as log:
            self.assertEqual(self.krun("create", "--bundle", self.bundle, self.cid, mode="plain", stdout=log,
                                       stderr=log).status, 0)
        self.ok("start", self.cid)
        # test_criu.py tests what CRIU does with it; this test is about which of the two is called.
        self.assertIn("criu", self.fails("checkpoint", "--image-path", self.image, self.cid, options=["--criu", "/no/criu"]))
        self.ok("delete", "--force", self.cid)

    def damaged(self, change):
        """restore refuses a checkpoint that @change has damaged, and leaves nothing behind."""
        spoilt = os.path.join(self.top, "spoilt")
        shutil.rmtree(spoilt, ignore_errors=True)
        shutil.copytree(self.image, spoilt)
        change(spoilt)
        text = self.fails("restore", "--bundle", self.bundle, "--image-path", spoilt, "--detach", self.cid)
        self.assertIn("does not exist", self.fails("state", self.cid))
        return text

    def test_damaged_and_foreign_images(self):
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)

        def rewrite(name, data):
            def change(spoilt):
                with open(os.path.join(spoilt, name), "wb") as file:
                    file.write(data)
            return change

        def edit(**values):
            def change(spoilt):
                with open(os.path.join(spoilt, "inventory.img")) as file:
                    inventory = json.load(file)
                inventory.update(values)
                rewrite("inventory.img", json.dumps(inventory).encode())(spoilt)
            return change

        def fifo(name):
            def change(spoilt):
                os.unlink(os.path.join(spoilt, name))
                os.mkfifo(os.path.join(spoilt, name))
            return change

        size = os.path.getsize(f"{self.image}/km-snapshot")
        snapshot = os.path.join(self.image, "km-snapshot")
        with open(snapshot, "rb") as file:
            data = file.read()
        for change, text in (
                (lambda spoilt: os.unlink(f"{spoilt}/inventory.img"), "no complete checkpoint"),
                (lambda spoilt: os.unlink(f"{spoilt}/km-snapshot"), "km-snapshot"),
                (lambda spoilt: os.truncate(f"{spoilt}/km-snapshot", 10), f"is 10 bytes, expected {size}"),
                (rewrite("km-snapshot", b"x" * size), "not a core file"),
                (rewrite("km-snapshot", data[:64] + b"\xff" * (size - 64)), "segment 0"),
                (rewrite("inventory.img", b"\x19CVT\x1611X and so on"), "a checkpoint by CRIU"),
                (rewrite("inventory.img", b"{}"), "is not a krun checkpoint"),
                (rewrite("inventory.img", b""), "is not a krun checkpoint"),
                (edit(version=7), "version 7"),
                (fifo("inventory.img"), "no complete checkpoint: 'inventory.img'"),
                (fifo("km-snapshot"), "'km-snapshot' is not a plain file"),
                (lambda spoilt: (os.unlink(f"{spoilt}/km-snapshot"), os.symlink("/etc/passwd", f"{spoilt}/km-snapshot")),
                 "km-snapshot")):
            with self.subTest(text=text):
                self.assertIn(text, self.damaged(change))
        self.assertIn("image-path", self.fails("restore", "--bundle", self.bundle, "--image-path", "/no/such", self.cid))
        # The undamaged checkpoint can still be restored.
        log = self.restore()
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        self.ok("delete", "--force", self.cid)

    def test_image_under_a_plain_runtime(self):
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.assertIn("this one is plain", self.fails("restore", "--bundle", self.bundle, "--image-path", self.image,
                                                      self.cid, mode="plain"))

    def test_interrupted_checkpoint_is_no_obstacle(self):
        """A killed checkpoint leaves a temporary file, and one that is mounted in the container."""
        self.start_counter()
        os.mkdir(self.image)
        left = os.path.join(self.image, "km-snapshot.tmp")
        open(left, "w").close()
        root = f"/proc/{self.state()['pid']}/root/dev/krun"
        open(f"{root}/snapshot", "w").close()
        subprocess.run(["nsenter", "--target", str(self.state()["pid"]), "--mount", "mount", "--bind", "/dev/null",
                        "/dev/krun/snapshot"], check=True)
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])
        self.assertGreater(os.path.getsize(f"{self.image}/km-snapshot"), 100)

    def test_payload_in_the_way_of_the_socket(self):
        """krun asks only km's own socket, whatever else is in the directory."""
        self.start_counter()
        root = f"/proc/{self.state()['pid']}/root/dev/krun"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{root}/kmpipe.fake.2")
            listener.listen()
            os.symlink("/etc/passwd", f"{root}/kmpipe.link.2")
            self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
        self.ok("delete", "--force", self.cid)

    def test_socket_without_a_name(self):
        """A child of the payload has removed the socket's name, as km's children do at their end."""
        self.start_counter()
        root = f"/proc/{self.state()['pid']}/root/dev/krun"
        names = os.listdir(root)
        self.assertEqual(names, ["kmpipe"])
        os.unlink(f"{root}/{names[0]}")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{root}/kmpipe")
            listener.listen()
            # The first checkpoints use connections that exist already.
            for _ in range(6):
                self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
            self.ok("checkpoint", "--image-path", self.image, self.cid)
        log = self.restore()
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        self.ok("delete", "--force", self.cid)

    def accepting(self):
        """Returns the threads of km in accept(2), which reserves the lowest free descriptor."""
        monitor = children(self.state()["pid"])[0]
        calls = []
        for task in os.listdir(f"/proc/{monitor}/task"):
            with open(f"/proc/{monitor}/task/{task}/syscall") as file:
                calls.append(file.read().split()[0])
        return [call for call in calls if call in ("43", "288")]

    def test_km_does_not_sit_in_accept(self):
        """km is not in accept(2), at its start or after a checkpoint, because the payload could not use every descriptor number then."""
        self.start_counter()
        self.assertEqual(self.accepting(), [])
        self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
        wait_until(lambda: not self.accepting(), what="connection")
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.restore()
        self.assertEqual(self.accepting(), [])
        self.ok("delete", "--force", self.cid)

    def mounted(self):
        """Returns the mounts that a checkpoint makes in the container while it runs."""
        pid = self.state()["pid"]
        with open(f"/proc/{pid}/mountinfo") as file:
            return [line.split()[4] for line in file if "snapshot" in line] + os.listdir(f"/proc/{pid}/root/dev/krun")

    def misbehaving(self, how):
        # From here on it is as if it were the first attempt.
        for path in (f"{self.rootfs}/tmp/.kmsim-state", self.log):
            if os.path.exists(path):
                os.unlink(path)
        self.start_counter(env=["PATH=/bin", f"KMSIM_SNAPSHOT={how}"])

    def checkpoint_in_background(self, *options, identity=None):
        image = self.image + (identity or "")
        spawned = []

        def begins():
            # krun refuses while the payload has another process, as a shell has for a moment at its start; then the test tries again.
            if not spawned or (spawned[-1].poll() is not None and b"process" in spawned[-1].stderr.read()):
                spawned.append(self.spawn("checkpoint", *options, "--image-path", image, identity or self.cid,
                                          stderr=subprocess.PIPE))
            return os.path.exists(f"{image}/km-snapshot.tmp")

        wait_until(begins, what="checkpoint")
        time.sleep(0.3)
        return spawned[-1]

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_signals_end_the_wait_for_km(self):
        for options in ([], ["--leave-running"]):
            for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                with self.subTest(options=options, signal=signo):
                    self.misbehaving("hang")
                    self.ok("pause", self.cid)
                    process = self.checkpoint_in_background(*options)
                    process.send_signal(signo)
                    self.assertEqual(process.wait(5), 1)
                    self.assertIn(f"interrupted by signal {signo:d}", process.stderr.read().decode())
                    self.assertEqual(self.inside_of_image(), [])
                    self.assertEqual(self.mounted(), ["kmpipe"])
                    self.assertEqual(self.status(), "paused")
                    self.ok("delete", "--force", self.cid)

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_a_signal_before_the_first_byte_does_not_cost_the_payload(self):
        self.misbehaving("late")
        process = self.checkpoint_in_background()
        wait_until(lambda: os.path.exists(f"{self.image}/km-snapshot.tmp"), what="request")
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(40), 0, process.stderr.read())
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])

    def test_a_signal_does_not_cost_the_payload(self):
        """km ends when it has written the file, also if the command has gone: a command that has begun finishes the checkpoint."""
        self.misbehaving("slow")
        process = self.checkpoint_in_background()
        wait_until(lambda: os.path.getsize(f"{self.image}/km-snapshot.tmp"), what="snapshot")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(40), 0, "also: a file that grows is no reason to give up")
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])

    @stand_in_only("it misbehaves on request, and has words of its own")
    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_km_that_never_answers(self):
        self.misbehaving("hang")
        hanging = self.checkpoint_in_background("--leave-running")
        self.ids.append(self.cid + "b")
        self.shell(COUNTER, env=["PATH=/bin", "KMSIM_SNAPSHOT=stall"])
        self.create(identity=self.cid + "b")
        self.ok("start", self.cid + "b")
        stalling = self.checkpoint_in_background(identity=self.cid + "b")
        for process, written in ((hanging, 0), (stalling, 4)):
            self.assertEqual(process.wait(40), 1)
            self.assertIn(f"km does not answer, and has written no more of the snapshot than {written} bytes",
                          process.stderr.read().decode())
        self.assertEqual(self.inside_of_image(), [])
        self.assertEqual(self.mounted(), ["kmpipe"])
        self.assertEqual(self.status(), "running")
        self.ok("pause", self.cid)
        for identity in self.ids:
            self.ok("delete", "--force", identity)

    @stand_in_only("it misbehaves on request")
    def test_delete_by_force_does_not_wait_for_km(self):
        for options in ([], ["--leave-running"]):
            with self.subTest(options=options):
                self.misbehaving("hang")
                process = self.checkpoint_in_background(*options)
                self.ok("delete", "--force", self.cid, timeout=60)
                self.assertEqual(process.wait(5), 1)
                self.assertIn("km ended before the snapshot was complete", process.stderr.read().decode())
                self.assertEqual(self.inside_of_image(), [])
                self.assertIn("does not exist", self.fails("state", self.cid))

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_km_that_gives_up(self):
        for options in ([], ["--leave-running"]):
            with self.subTest(options=options):
                self.misbehaving("close")
                message = self.fails("checkpoint", *options, "--image-path", self.image, self.cid)
                self.assertIn("closed its management socket before the snapshot was complete", message)
                self.assertEqual(self.inside_of_image(), [])
                self.assertEqual(self.mounted(), ["kmpipe"])
                self.ok("delete", "--force", self.cid)

    def test_others_in_front_of_the_socket(self):
        """Other processes have connections that km does not accept, behind which connect(2) would wait for ever."""
        self.start_counter()
        # These checkpoints use up the sockets that km has inherited.
        for _ in range(5):
            self.ok("checkpoint", "--leave-running", "--image-path", self.image, self.cid)
        others = []
        for _ in range(10):
            others.append(socket.socket(socket.AF_UNIX))
            others[-1].setblocking(False)
            try:
                others[-1].connect(f"/proc/{self.state()['pid']}/root/dev/krun/kmpipe")
            except BlockingIOError:
                break
            time.sleep(0.05)
        self.assertIn("others wait for it", self.fails("checkpoint", "--image-path", self.image, self.cid, timeout=60))
        process = self.spawn("checkpoint", "--image-path", self.image, self.cid, stderr=subprocess.PIPE)
        time.sleep(0.5)
        process.terminate()
        self.assertEqual(process.wait(5), 1)
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])
        self.assertEqual(self.mounted(), ["kmpipe"])
        for other in others:
            other.close()
        self.ok("checkpoint", "--image-path", self.image, self.cid)

    def template_facts(self):
        found = os.stat(f"{self.image}/km-snapshot")
        return found.st_uid, found.st_gid, found.st_mode, found.st_ino, found.st_mtime_ns, found.st_nlink, self.inside_of_image()

    def make_from_template(self, users, rounds, **more):
        """Starts containers of different users at once from one checkpoint; returns the files of their snapshots as they see them."""
        for user in users:
            bundle = os.path.join(self.top, f"bundle{user}")
            os.makedirs(bundle, exist_ok=True)
            config = copy.deepcopy(self.config)
            config["root"]["path"] = self.rootfs
            config["process"]["user"] = {"uid": user, "gid": user}
            config["linux"].update(more)
            with open(f"{bundle}/config.json", "w") as file:
                json.dump(config, file)
        for _ in range(rounds):
            made = {}
            for user in users:
                identity = f"{self.cid}u{user}"
                self.ids.append(identity)
                with open(os.path.join(self.top, f"log{user}"), "w+b") as log:
                    made[user] = self.spawn("create", "--from-snapshot", self.image, "--bundle",
                                            os.path.join(self.top, f"bundle{user}"), identity, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
            for user, process in made.items():
                status = process.wait(20)
                with open(os.path.join(self.top, f"log{user}")) as log:
                    self.assertEqual(status, 0, log.read())
            for user in users:
                self.ok("start", f"{self.cid}u{user}")
                path = os.path.join(self.top, f"log{user}")
                wait_until(lambda path=path: len(self.numbers(path)) > 2, what="payload")
                file = f"/proc/{self.state(f'{self.cid}u{user}')['pid']}/root/dev/krun-snapshot"
                yield user, os.stat(file), file
            for user in users:
                self.ok("delete", "--force", f"{self.cid}u{user}")

    def test_a_template_for_several_users(self):
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        os.chmod(f"{self.rootfs}/tmp", 0o1777)
        # The payloads share a root here, and so kmsim's state file.
        if not REAL_KM:
            os.chown(f"{self.rootfs}/tmp/.kmsim-state", 0, 0)
            os.chmod(f"{self.rootfs}/tmp/.kmsim-state", 0o666)
        self.config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})
        # The checkpoint is as krun makes it now, as older ones were, and owned by another user.
        for mode, owner in ((0o500, 0), (0o600, 0), (0o400, 4000)):
            with self.subTest(mode=mode, owner=owner):
                os.chmod(f"{self.image}/km-snapshot", mode)
                os.chown(f"{self.image}/km-snapshot", owner, owner)
                before = self.template_facts()
                for user, found, path in self.make_from_template((1000, 2000, 0), 4):
                    self.assertEqual((found.st_uid, found.st_mode & 0o777), (user, 0o500))
                    with self.assertRaises(OSError):
                        os.open(path, os.O_RDWR)
                self.assertEqual(self.template_facts(), before)

    def test_a_template_in_user_namespaces(self):
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})
        self.config["linux"]["namespaces"].append({"type": "user"})
        ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        before = self.template_facts()
        os.chmod(self.top, 0o755)
        for user, found, _ in self.make_from_template((0, 1000), 1, uidMappings=ids, gidMappings=ids):
            self.assertEqual(found.st_uid, 100000 + user)
        self.assertEqual(self.template_facts(), before)

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_a_descriptor_of_the_snapshot_does_not_change_the_image(self):
        """Every process of the container can open the file that is mounted for km."""
        for options in (["--leave-running"], []):
            with self.subTest(options=options):
                self.misbehaving("slow" if options else "none")
                path = f"/proc/{self.state()['pid']}/root/dev/krun/snapshot"
                process = self.checkpoint_in_background(*options) if options else \
                    self.spawn("checkpoint", "--image-path", self.image, self.cid)
                descriptor = None
                while descriptor is None and process.poll() is None:
                    try:
                        descriptor = os.open(path, os.O_RDWR)
                    except OSError:
                        pass
                self.assertEqual(process.wait(40), 0)
                if descriptor is None:
                    continue
                with open(f"{self.image}/km-snapshot", "rb") as file:
                    before = file.read()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, b"EVIL", 0)
                os.close(descriptor)
                with open(f"{self.image}/km-snapshot", "rb") as file:
                    self.assertEqual(file.read(), before)
                self.ok("delete", "--force", self.cid)

    def full(self, options):
        """Mounts a small file system for checkpoints."""
        os.makedirs(self.image, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.image], check=True)
        return os.path.join(self.image, "image")

    @stand_in_only("it misbehaves on request, and has words of its own")
    def test_full_file_system(self):
        """Nothing is left of an incomplete checkpoint, and the error says so when the payload is lost."""
        for mount, size, message, status in (
                ("size=16k", 0, "would not fit; the payload continues", "running"),
                ("nr_inodes=3", 0, "no space left on device", "running"),
                ("size=10m", 8000000, "the payload has ended, and its checkpoint failed: copy the snapshot", "stopped")):
            with self.subTest(mount=mount):
                self.misbehaving("none")
                if size:
                    # kmsim counts this as memory of the payload, whose size cannot be seen before.
                    self.ok("delete", "--force", self.cid)
                    self.shell(f"head -c {size} /dev/zero >$KMSIM_STATE; echo ready; while :; do sleep 0.02; done")
                    self.create()
                    self.ok("start", self.cid)
                    wait_until(lambda: "ready" in self.logged(), what="payload")
                image = self.full(mount)
                try:
                    self.assertIn(message, self.fails("checkpoint", "--image-path", image, self.cid).lower())
                    self.assertEqual(os.listdir(image), [])
                    self.assertEqual(self.status(), status)
                finally:
                    self.ok("delete", "--force", self.cid)
                    subprocess.run(["umount", self.image], check=True)

    @stand_in_only("it misbehaves on request")
    def test_a_checkpoint_that_fails_spares_an_earlier_one(self):
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.misbehaving("cut")
        self.assertIn("the payload has ended, and its checkpoint failed: the snapshot is not a core file",
                      self.fails("checkpoint", "--image-path", self.image, self.cid))
        self.ok("delete", self.cid)
        self.assertEqual(self.inside_of_image(), ["inventory.img", "km-snapshot"])
        self.ok("delete", "--force", self.cid)
        self.write_config(env=["PATH=/bin"])
        log = self.restore()
        wait_until(lambda: len(self.numbers(log)) > 2, what="payload")
        self.ok("delete", "--force", self.cid)

    def test_working_directory_and_umask_come_back(self):
        self.config["process"]["cwd"] = "/tmp"
        self.config["process"]["user"]["umask"] = 0o27
        self.start_counter()
        self.ok("checkpoint", "--image-path", self.image, self.cid)
        self.config["process"]["cwd"] = "/"
        self.config["process"]["user"]["umask"] = 0o22
        self.write_config()
        self.restore()
        with open(f"/proc/{self.state()['pid']}/status") as file:
            self.assertIn("Umask:\t0027\n", file.read())
        self.assertEqual(os.readlink(f"/proc/{self.state()['pid']}/cwd"), "/tmp")
        self.ok("delete", "--force", self.cid)

    def test_probes_of_podman(self):
        self.assertEqual(self.krun("checkpoint", "--help").status, 0)
        self.assertIn("flag needs an argument", self.krun("restore", "--lsm-mount-context").err)
