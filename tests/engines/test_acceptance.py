# SPDX-License-Identifier: Apache-2.0
"""
The commands of km's own guides, with docker, and kmsim in km's place; docs/km-acceptance.md says what was seen with km itself.

The images are small ones of busybox that have the relevant parts of the guides' images (Java, Python, Node, Go): the entry point, the name on the
PATH, the chain of scripts, a published port. Two uses are not tested: compose, which asks for the same as `docker run`, and containerd's
io.containerd.krun.v2, which is a shim of Kontain.
"""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time

from engine_tests import Client
from engines import TIMEOUT, ULIMITS, Dockerd
from krun import BUSYBOX, PROGRAMS, counter, wait_until

ENGINE = None
COUNTER = counter("0.05")


class KontainDockerd(Dockerd):
    """dockerd as the guides set it up: by daemon.json, with the names that they use, and options for the runtime."""

    name = "docker-kontain"

    def runtimes(self):
        settings = os.path.join(self.top, "krun.json")
        with open(settings, "w") as file:
            json.dump({"environment": ["FROM_HOST=yes"]}, file)
        return {
            "krun": {"path": PROGRAMS["km"]},
            "krun-label-trigger": {"path": os.path.join(os.path.dirname(PROGRAMS["km"]), "krun-label-trigger")},
            "krun-set": {"path": PROGRAMS["km"], "runtimeArgs": [f"--log=file:{self.top}/runtime.log", "--debug", f"--config-file={settings}"]},
        }

    def command(self, mode, *arguments):
        words = [self.client, "-H", f"unix://{self.socket}", *arguments]
        if arguments[0] in ("run", "create") and "--runtime" not in arguments:
            words[4:4] = ["--runtime", "krun"]
        return words


def setUpModule():
    global ENGINE
    ENGINE = KontainDockerd()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class Acceptance(Client):
    variants = ("km",)

    def find_engine(self):
        return ENGINE

    def image(self, files, *changes, base=False):
        """Makes an image with these files alone, or on top of the engine's root, and removes it after the test."""
        name = f"{self.name}-image:1"
        folder = os.path.join(ENGINE.top, f"image-{self.name}")
        if base:
            shutil.copytree(ENGINE.rootfs, folder, symlinks=True)
        for path, content in files.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if isinstance(content, bytes):
                with open(target, "wb") as file:
                    file.write(content)
            else:
                shutil.copy(content, target)
            os.chmod(target, 0o755)
        tar = folder + ".tar"
        subprocess.run(["tar", "-C", folder, "-cf", tar, "."], check=True)
        options = [word for change in changes for word in ("--change", change)]
        self.ok("import", *options, tar, name)
        self.addCleanup(self.cli, "rmi", "--force", name)
        shutil.rmtree(folder)
        os.unlink(tar)
        return name

    # ---- the user guide ----

    def test_01_an_image_with_a_payload_alone_and_km_as_its_entry_point(self):
        image = self.image({"echo": BUSYBOX}, 'ENTRYPOINT ["/opt/kontain/bin/km"]', 'CMD ["/echo", "Hello", "World"]')
        result = self.run_(image)
        self.assertEqual((result.status, result.out), (0, "Hello World\n"), result)

    def test_02_a_program_by_path_on_a_terminal(self):
        status, screen = self.on_terminal(("run", "-it", "--rm", "--runtime", "krun", "--name", self.name, ENGINE.image, "uname", "-s"), [])
        self.assertEqual((status, screen.strip()), (0, "Linux"))

    def test_04_a_server_with_a_volume_and_a_published_port(self):
        scripts = os.path.join(ENGINE.top, f"scripts-{self.name}")
        os.mkdir(scripts)
        with open(os.path.join(scripts, "micro_srv.sh"), "w") as file:
            file.write("echo ready; while :; do echo Hello $TARGET | nc -l -p $PORT; done\n")
        self.ok("run", "--detach", "--rm", "--name", self.name, "-p", "127.0.0.1::8080", "-v", f"{scripts}:/scripts", "-e", "PORT=8080", "-e",
                "TARGET=Kontain", ENGINE.image, "sh", "/scripts/micro_srv.sh")
        port = int(self.ok("port", self.name, "8080/tcp").strip().rsplit(":", 1)[1])
        self.assertEqual(self.asked(port), "Hello Kontain\n")
        self.assertIn(self.name, self.ok("ps", "--format", "{{.Names}}"))
        started = time.monotonic()
        self.ok("stop", "--time", "100", self.name)
        self.assertLess(time.monotonic() - started, 60, "stop waited for its grace time")
        wait_until(lambda: self.name not in self.ok("ps", "--all", "--format", "{{.Names}}"), 60, "--rm")

    def asked(self, port):
        """Asks the server, which listens only between two clients, while docker's proxy accepts for it."""
        said = []

        def ask():
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                said.append(client.recv(100).decode())
            return said[-1]

        wait_until(ask, 60, "answer")
        return said[-1]

    def test_06_the_environment(self):
        image = self.image({}, "ENV CLASSPATH=/nowhere", "ENV A=image", base=True)
        out = self.run_("--env", "CLASSPATH=/scripts/java", image, "sh", "-c", "echo $CLASSPATH $A").out
        self.assertEqual(out, "/scripts/java image\n")

    def test_08_options_for_the_runtime(self):
        script = "echo ${FROM_HOST:-no}"
        self.assertEqual(self.run_(ENGINE.image, "sh", "-c", script).out, "no\n")
        self.assertEqual(self.run_("--runtime", "krun-set", ENGINE.image, "sh", "-c", script).out, "yes\n")

    def test_09_the_arguments(self):
        script = b"#!/bin/sh\ni=0\nfor word in \"$0\" \"$@\"; do echo \"argv[$i] = '$word'\"; i=$((i+1)); done\n"
        image = self.image({"hello_test.km": script}, 'CMD ["/hello_test.km", "from", "docker"]', base=True)
        self.assertEqual(self.run_(image).out, "argv[0] = '/hello_test.km'\nargv[1] = 'from'\nargv[2] = 'docker'\n")

    # ---- the guide on the web ----

    def test_13_an_image_as_it_is(self):
        self.assertEqual(self.run_(ENGINE.image, "echo", "hello", "world").out, "hello world\n")

    def test_20_a_chain_of_scripts(self):
        """Node's images are like this: an entry point that is a script, found on the PATH, executes a program whose first line has a blank and env."""
        image = self.image({"usr/local/bin/docker-entrypoint.sh": b'#!/bin/sh\nset -e\nexec "$@"\n',
                            "usr/local/bin/app": b"#! /usr/bin/env sh\necho app $KM_VERBOSE $*\n", "usr/bin/env": BUSYBOX},
                           "ENV PATH=/usr/local/bin:/usr/bin:/bin", 'ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["app", "start"]', base=True)
        self.assertEqual(self.run_(image).out, "app start\n")
        # 29: the image asks for km's messages, which do not appear in the output of the program.
        self.ok("run", "--detach", "--name", self.name, "--env", "KM_VERBOSE=exec", image, "sh", "-c", "app start; echo ready; sleep 60")
        wait_until(lambda: "ready" in self.ok("logs", self.name), 60, "payload")
        self.assertEqual(self.ok("logs", self.name), "app exec start\nready\n")
        identity = self.inspect("{{.Id}}")
        root = next(root for root in ENGINE.roots() if identity in os.listdir(root))
        done = subprocess.run([PROGRAMS["km"], "--root", root, "logs", "--monitor", identity], capture_output=True, check=True,
                              timeout=TIMEOUT)
        self.assertIn(b"STAND-IN FOR KM", done.stdout)

    # ---- snapshots ----

    def take_snapshot(self, path):
        """Sends one request to the socket that KM_MGTPIPE names, as km_cli does."""
        pid = self.inspect("{{.State.Pid}}")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/proc/{pid}/root/tmp/km.sock")
            client.sendall(struct.pack("<ii256s256si1024s", 0, 1540, b"", b"", 0, path.encode()))
            self.assertEqual(client.recv(4), struct.pack("<i", 0))

    def test_24_a_snapshot_becomes_an_image(self):
        image = self.image({}, "ENV KM_MGTPIPE=/tmp/km.sock", base=True)
        self.ok("run", "--detach", "--name", self.name, image, "sh", "-c", COUNTER)
        wait_until(lambda: "n5\n" in self.ok("logs", self.name), 60, "payload")
        # exec does not take the socket away from the first process.
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "ls /tmp/km.sock; echo ${KM_MGTPIPE:-none}"), "/tmp/km.sock\nnone\n")
        self.take_snapshot("/tmp/kmsnap")
        self.assertEqual(self.exit_status(), 0)
        last = int(self.ok("logs", self.name).split("n")[-1])
        copied = os.path.join(ENGINE.top, f"kmsnap-{self.name}")
        self.ok("cp", f"{self.name}:/tmp/kmsnap", copied)
        self.ok("rm", self.name)
        snapshot = self.image({"kmsnap": copied}, 'CMD ["/kmsnap"]', base=True)
        self.goes_on(snapshot, last)
        # 26: km waits for a client before it loads the snapshot.
        self.ok("rm", "--force", self.name)
        self.goes_on(snapshot, last, "--env", "SNAP_LISTEN_TIMEOUT=1000")

    def goes_on(self, image, last, *options):
        self.ok("run", "--detach", "--name", self.name, *options, image)
        if options:
            self.assertEqual(self.ok("logs", self.name), "")
            pid = self.inspect("{{.State.Pid}}")
            open(f"/proc/{pid}/root/tmp/.kmsim-connection", "w").close()
        wait_until(lambda: "n" in self.ok("logs", self.name), 60, "payload")
        self.assertIn(int(re.match(r"n(\d+)", self.ok("logs", self.name)).group(1)), (last + 1, last + 2))

    # ---- clouds ----

    def test_27_a_default_runtime_that_needs_to_be_asked(self):
        script = "echo ${KMSIM:-none}"
        self.assertEqual(self.run_("--runtime", "krun-label-trigger", ENGINE.image, "sh", "-c", script).out, "none\n")
        self.assertEqual(self.run_("--runtime", "krun-label-trigger", "-v", "/.kontain", ENGINE.image, "sh", "-c", script).out, "1\n")

    def test_28_exec_is_under_km(self):
        self.ok("run", "--detach", "--name", self.name, ENGINE.image, "sleep", "infinity")
        self.assertEqual(self.ok("exec", self.name, "sh", "-c", "echo $KMSIM"), "1\n")

    def test_30_a_shell(self):
        image = self.image({}, 'CMD ["/bin/sh"]', base=True)
        status, screen = self.on_terminal(("run", "-it", "--rm", "--name", self.name, image), [("#", "ls /\r"), ("proc", "exit 4\r")])
        self.assertEqual(status, 4, screen)
        self.assertIn("bin", screen)

    def test_32_help(self):
        for program in (PROGRAMS["km"], ENGINE.runtimes()["krun-label-trigger"]["path"]):
            done = subprocess.run([program, "--help"], capture_output=True, check=True, timeout=TIMEOUT)
            self.assertIn(b"create", done.stdout)

    def test_33_all_at_once(self):
        limit = ULIMITS[0].split(":")[0].split("=")[1]
        status, screen = self.on_terminal(
            ("run", "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", "--ulimit", f"nofile={limit}:{limit}", "--rm", "-it", "--init",
             "--runtime", "krun", "--name", self.name, ENGINE.image, "sh", "-c",
             "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo $KMSIM Hello, World!"), [])
        self.assertEqual((status, screen.split()), (0, ["1024", "1", "Hello,", "World!"]))
