# SPDX-License-Identifier: Apache-2.0
"""What krun shows a person at a terminal, and nobody else: colours, and a line about a command that takes long."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time

from krun import KrunTest, stand_in_only, wait_until
from test_checkpoint import COUNTER

RED, YELLOW, GREEN, FAINT, PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[2m", "\x1b[m"


class Terminal(KrunTest):
    """Runs commands with a stream that is a terminal."""

    def at_terminal(self, *arguments, stream="stderr", options=(), status=0, width=200, meanwhile=lambda: None, **environment):
        """Returns [(seconds, bytes)] of what came."""
        environment = {"TERM": "xterm", "NO_COLOR": None, **environment}
        environ = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
        master, slave = pty.openpty()
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: slave}
        parts = []
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
            start = time.monotonic()
            process = subprocess.Popen(self.command(*arguments, options=options), env=environ, **streams)
            self.processes.append(process)
            helper = threading.Thread(target=meanwhile)
            helper.start()
            while process.poll() is None or select.select([master], [], [], 0.1)[0]:
                if select.select([master], [], [], 0.05)[0]:
                    parts.append((time.monotonic() - start, os.read(master, 65536)))
            helper.join()
            self.assertEqual(process.returncode, status, parts)
        finally:
            os.close(master)
            os.close(slave)
        return parts

    def text(self, *arguments, **more):
        return b"".join(part for _, part in self.at_terminal(*arguments, **more)).decode().replace("\r\n", "\n")


class Colours(Terminal):
    def test_errors(self):
        text = f"container 'none' does not exist in '{self.root}'"
        for environment in ({}, {"NO_COLOR": ""}):
            self.assertEqual(self.text("state", "none", status=1, **environment), f"{RED}krun:{PLAIN} {text}\n")
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"TERM": None}):
            self.assertEqual(self.text("state", "none", status=1, **environment), f"krun: {text}\n")
        self.assertEqual(self.fails("state", "none"), text)
        log = f"{self.top}/log-of-krun"
        self.text("state", "none", status=1, options=["--log", log])
        with open(log) as file:
            self.assertNotIn("\x1b", file.read())
        self.assertNotIn("\x1b", self.text("state", "none", status=1, options=["--log-format", "json"]))

    def test_warnings_and_debug_records(self):
        self.config["linux"]["resources"]["unknown"] = {}
        with open(f"{self.top}/resources.json", "w") as file:
            file.write('{"unknown": 1, "pids": {"limit": -1}}')
        self.write_config()
        self.start_sleeper()
        text = self.text("update", "-r", f"{self.top}/resources.json", "nobody", status=1)
        self.assertRegex(text, re.escape(f" update {YELLOW}warning{PLAIN}: "))
        self.assertIn(f" {FAINT}debug{PLAIN}: ", self.text("list", options=["--debug"]))
        self.assertNotIn("\x1b", self.text("list", options=["--debug"], NO_COLOR="yes"))

    def test_list(self):
        self.start_sleeper()
        for identity, status in ((self.cid + "b", "created"), (self.cid + "c", "stopped")):
            self.ids.append(identity)
            self.create(identity=identity)
            if status == "stopped":
                self.ok("kill", identity, "KILL")
                self.wait_stopped(identity)
        plain, painted = self.ok("list").out, self.text("list", stream="stdout")
        for identity, colour, word in ((self.cid, GREEN, "running"), (self.cid + "b", YELLOW, "created"), (self.cid + "c", FAINT, "stopped")):
            self.assertRegex(painted, rf"(?m)^{identity} +[0-9]+ +{re.escape(colour + word + PLAIN)} ")
        self.assertEqual(re.sub(r"\x1b\[[0-9;]*m", "", painted), plain)
        self.assertNotIn("\x1b", plain)
        for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertEqual(self.text("list", stream="stdout", **more), plain)
        self.assertNotIn("\x1b", self.text("list", "--format", "json", stream="stdout"))
        self.assertEqual(self.text("list", "--quiet", stream="stdout"), self.ok("list", "-q").out)

    def test_names_stay_harmless(self):
        """A colour does not open a way to the terminal for what others have named."""
        evil = f"{self.top}/\x1b[31mevil\x1b]0;title\x07"
        os.rename(self.bundle, evil)
        self.bundle, self.rootfs = evil, f"{evil}/rootfs"
        self.start_sleeper()
        text = self.text("list", stream="stdout")
        self.assertEqual(text.count("\x1b"), 2, repr(text))
        self.assertIn("\\x1b[31mevil\\x1b]0;title\\x07", text)


class Progress(Terminal):
    def hooked(self, count, seconds):
        """Makes stopped containers that take so long to be deleted."""
        self.config["hooks"] = {"poststop": [{"path": "/bin/sleep", "args": ["sleep", str(seconds)]}]}
        self.shell("exit 0")
        for i in range(count):
            identity = f"{self.cid}-{i}"
            self.ids.append(identity)
            self.create(identity=identity)
            self.ok("start", identity)
            self.wait_stopped(identity)

    def test_delete_of_many(self):
        self.hooked(4, 0.4)
        parts = self.at_terminal("delete", "--regex", f"^{self.cid}-", NO_COLOR="1")
        lines = re.findall(rb"\r\x1b\[K(delete: \d s, (\d) of 4)\r", b"".join(part for _, part in parts))
        self.assertGreaterEqual(parts[0][0], 0.5, "too early")
        self.assertGreater(len(lines), 3)
        self.assertLessEqual(len(lines), 10 * parts[-1][0], "more than ten a second")
        counts = [int(count) for _, count in lines]
        self.assertEqual(counts, sorted(counts))
        self.assertIn(3, counts)
        self.assertTrue(parts[-1][1].endswith(b"\r\x1b[K"), "it is erased at the end")
        self.assertEqual(self.ok("list", "-q").out, "")

    def test_nobody_looks(self):
        for more in ({"TERM": "dumb"}, {"options": ["--log-format", "json"]}, {"options": ["--log", f"{self.top}/log-of-krun"]}, {"stream": "stdout"}):
            self.hooked(2, 0.5)
            self.assertEqual(self.text("delete", "--regex", f"^{self.cid}-", **more), "", more)

    def test_what_is_quick_shows_nothing(self):
        self.hooked(3, 0)
        self.assertEqual(self.text("delete", "--regex", f"^{self.cid}-"), "")

    def test_narrow_terminal(self):
        self.hooked(2, 0.6)
        lines = self.text("delete", "--regex", f"^{self.cid}-", width=10).split("\r")
        self.assertIn("\x1b[Kdelete: 0", lines)
        self.assertLessEqual(max(len(line.replace("\x1b[K", "")) for line in lines), 9)

    def test_error_behind_it(self):
        """An error has a line of its own, and the process that drew is gone."""
        self.hooked(2, 0.6)
        self.ids.append(f"{self.cid}-9")
        self.create(identity=f"{self.cid}-9")
        text = self.text("delete", "--regex", f"^{self.cid}-", status=1)
        self.assertRegex(text, rf"\r\x1b\[K\x1b\[1;31mkrun:\x1b\[m .*{self.cid}-9.*\n$")


class Checkpoint(Terminal):
    mode = "km"

    @stand_in_only("it misbehaves on request")
    def test_bytes_that_were_written(self):
        image = f"{self.top}/image"
        self.shell(COUNTER, env=["PATH=/bin", "KMSIM_SNAPSHOT=late"])
        self.create()
        self.ok("start", self.cid)
        wait_until(lambda: "n5\n" in self.logged(), what="payload")
        os.mkdir(image)
        with open(f"{image}/earlier", "wb") as file:
            file.truncate(1 << 30)

        def write():
            wait_until(lambda: os.path.exists(f"{image}/km-snapshot.tmp"), what="request")
            with open(f"{image}/more", "wb") as file:
                file.truncate(3 << 20)

        parts = self.at_terminal("checkpoint", "--image-path", image, self.cid, meanwhile=write)
        text = b"".join(part for _, part in parts).decode()
        self.assertGreaterEqual(parts[0][0], 0.5)
        self.assertRegex(text, rf"\r\x1b\[Kcheckpoint of {self.cid}: \d s, 3\.0 MiB written\r")
        self.assertTrue(text.endswith("\r\x1b[K"))
        self.assertEqual(sorted(os.listdir(image)), ["earlier", "inventory.img", "km-snapshot", "more"])
