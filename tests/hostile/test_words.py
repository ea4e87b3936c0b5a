# SPDX-License-Identifier: Apache-2.0
"""Texts of containers and images that reach service managers, terminals and logs."""

import array
import contextlib
import json
import os
import re
import socket
import threading

from hostile import BothModes, HostileTest
from krun import wait_until
from service_manager import ServiceManager

ROWS = (
    ("Notify.test_lines_in_a_line", "STATUS with a carriage return or another control and MAINPID behind it",
     "one assignment a line, printable text only", "CWE-93"),
    ("Notify.test_what_is_not_for_containers", "MAINPID, FDSTORE, NOTIFYACCESS, BARRIER and unknown words", "none arrives",
     "CWE-93"),
    ("Notify.test_descriptors", "descriptors beside a message", "none arrives", "CWE-93"),
    ("Notify.test_ready_with_more", "READY=1 with MAINPID of another process", "krun's own MAINPID alone", "CWE-93"),
    ("Notify.test_manager_that_does_not_answer", "a manager that keeps what krun waits for", "start comes to its end",
     "CWE-400"),
    ("Messages.test_identity", "controls in the id of a container", "none in the message", "CWE-150"),
    ("Messages.test_paths", "controls in paths of the command line", "none in the message", "CWE-150"),
    ("Messages.test_options", "controls in options of the command line", "none in the message", "CWE-150"),
    ("Messages.test_config", "controls in values of config.json", "none in the message, which is one line", "CWE-150"),
    ("Messages.test_keys_of_config", "controls in names of config.json", "none in what run and validate say", "CWE-150"),
    ("Messages.test_exec", "controls in the program, user and directory of exec", "none in the message", "CWE-150"),
    ("Messages.test_hook", "a hook of the image fails with controls in its last words", "none in the message", "CWE-150"),
    ("Messages.test_log", "the same in krun's log as text", "none in it, and no forged line", "CWE-117"),
    ("Messages.test_json_log", "the same in krun's log as JSON", "one valid record a line", "CWE-117"),
    ("Tables.test_list", "controls in the path of a bundle that list prints", "none in the table", "CWE-150"),
    ("Tables.test_ps", "a process of the container with controls in its path and arguments", "none in the table", "CWE-150"),
    ("Peers.test_console", "the peer of --console-socket answers with every control character and descriptors, or hangs up",
     "krun reads none of it", "CWE-150"),
    ("Peers.test_pidfd", "the same of --pidfd-socket", "krun reads none of it", "CWE-150"),
    ("Peers.test_seccomp_agent", "the same of the agent of listenerPath", "krun reads none of it", "CWE-150"),
    ("Monitor.test_last_words", "a payload's name with controls in km's last words", "none in the message", "CWE-150"),
    ("Monitor.test_logs", "a payload's name with controls in km's log, which logs prints", "none in what is printed",
     "CWE-150"),
)
EVIL = "a\x1b[31m\x07b\rc\x08d\x7fe\u009bf"
ALLOWED = ("READY", "STATUS", "STOPPING", "RELOADING", "ERRNO", "MONOTONIC_USEC", "WATCHDOG", "EXTEND_TIMEOUT_USEC")


def controls(text):
    return sorted(set(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)))


class Notify(ServiceManager, BothModes):
    def begin(self, *words):
        process = self.spawn(*words, env=self.managed, stdout=-3, stderr=-3)
        self.started()
        return process

    def hear_all(self):
        """Returns [(text, number of descriptors)] of the messages up to the one that says END."""
        self.say("STATUS=END")
        heard = []
        while not heard or heard[-1][0] != "STATUS=END\n":
            data, extra, _, _ = self.manager.recvmsg(65536, 1024)
            fds = [fd for _, _, content in extra for fd in array.array("i", content)]
            for fd in fds:
                os.close(fd)
            heard.append((data.decode(errors="replace"), len(fds)))
        return heard[:-1]

    def assert_harmless(self, heard):
        for text, descriptors in heard:
            self.assertEqual(controls(text), [], f"controls in {text!r}")
            self.assertEqual(descriptors, 0, f"descriptors came with {text!r}")
            for line in filter(None, re.split("[\r\n]", text)):
                self.assertIn(line.partition("=")[0], ALLOWED, f"an assignment in {text!r}")

    def run_in_foreground(self):
        return self.begin("run", "--bundle", self.bundle, self.cid)

    def test_lines_in_a_line(self):
        self.run_in_foreground()
        for control in ("\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\x1b[2J", "\x7f", "\t\x00"):
            self.say(f"STATUS=a{control}MAINPID=1")
        self.assert_harmless(self.hear_all())

    def test_what_is_not_for_containers(self):
        self.run_in_foreground()
        self.say("MAINPID=1", "FDSTORE=1\nFDNAME=x", "NOTIFYACCESS=all", "BARRIER=1", "BUSERROR=x", "\nMAINPID=1\n", " MAINPID=1",
                 "MAINPIDFDID=1", "STATUS=ok\nMAINPID=1", b"STATUS=x\0\nMAINPID=1\0", "WATCHDOG=trigger", "X_OTHER=1", "A" * 3000,
                 "STATUS=" + "x" * 5000 + "\nMAINPID=1")
        self.assert_harmless(self.hear_all())

    def test_descriptors(self):
        self.run_in_foreground()
        self.say("STATUS=with descriptors", descriptors=[0, 1])
        self.assert_harmless(self.hear_all())

    def test_ready_with_more(self):
        self.krun("create", "--bundle", self.bundle, self.cid, env=self.managed, stdout=-3, stderr=-3)
        starter = self.begin("start", self.cid)
        pid = self.state()["pid"]
        self.say("READY=1\nMAINPID=1\nSTATUS=a\rMAINPID=1")
        text = self.manager.recv(65536).decode()
        self.assertEqual(re.findall(r"MAINPID=(\d+)", text), [str(pid)], text)
        self.assertEqual(controls(text), [], repr(text))
        # The end of this socket answers a process that waits for the manager.
        self.manager.close()
        self.assertEqual(starter.wait(20), 0)

    def test_manager_that_does_not_answer(self):
        self.krun("create", "--bundle", self.bundle, self.cid, env=self.managed, stdout=-3, stderr=-3)
        starter = self.begin("start", self.cid)
        self.say("READY=1")
        # Messages stay in the socket's queue, with the descriptors that they carry.
        starter.wait(30)
        self.assertEqual(self.status(), "running")


class Talker(threading.Thread):
    """A peer that answers whoever connects with much text, with descriptors, and hangs up, or hangs up at once."""

    TEXT = bytes(range(256)) * 256 + EVIL.encode() * 1000

    def __init__(self, path, kind, silent):
        super().__init__(daemon=True)
        self.server, self.silent, self.met = socket.socket(socket.AF_UNIX, kind), silent, 0
        self.server.bind(path)
        self.server.listen()
        self.server.settimeout(20)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                self.met += 1
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(1)
                    if not self.silent:
                        connection.sendmsg([self.TEXT[:2000]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 50))])
                        connection.sendall(self.TEXT)


class Peers(BothModes):
    def check(self, *options):
        for silent in (False, True):
            path = f"{self.top}/peer{silent}"
            peer = Talker(path, socket.SOCK_STREAM, silent)
            peer.start()
            if "seccomp" in self.config["linux"]:
                self.config["linux"]["seccomp"]["listenerPath"] = path
                self.write_config()
            with open(self.log, "wb") as log:
                result = self.krun("create", *[option.replace("PEER", path) for option in options], "--bundle", self.bundle, self.cid,
                                   stdout=log, stderr=log, stdin=-3, timeout=60)
            self.assertEqual(controls(self.logged()), [], f"controls in {self.logged()!r}")
            self.assertLessEqual(self.logged().count("\n"), 1, f"lines in {self.logged()!r}")
            # krun need not wait for the peer to take what it has sent.
            wait_until(lambda: peer.met, what=f"connection: {result}")
            self.assertEqual(self.ok("state", self.cid).status if result.status == 0 else 0, 0)
            self.krun("delete", "--force", self.cid)
            peer.server.close()

    def test_console(self):
        self.write_config(args=["/bin/true"], terminal=True)
        self.check("--console-socket", "PEER")

    def test_pidfd(self):
        self.write_config(args=["/bin/true"])
        self.check("--pidfd-socket", "PEER")

    def test_seccomp_agent(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                           "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
        self.config["process"]["args"] = ["/bin/true"]
        self.check()


class Messages(BothModes):
    def assert_clean(self, result, lines=1):
        self.assertNotEqual(result.status, 0, "no error, so no message")
        self.assert_printable(result.err, lines)

    def assert_printable(self, text, lines=1):
        self.assertEqual(controls(text), [], f"controls in {text!r}")
        if lines:
            self.assertLessEqual(text.count("\n"), lines, f"lines in {text!r}")

    def test_identity(self):
        self.write_config()
        for words in (["state"], ["start"], ["kill"], ["delete"], ["ps"], ["logs"], ["exec"], ["create", "--bundle", self.bundle]):
            self.assert_clean(self.krun(*words, EVIL))

    def test_paths(self):
        self.write_config()
        evil = f"/no/such/{EVIL}"
        for words in (["create", "--bundle", evil, self.cid], ["run", "--config", evil, self.cid], ["spec", "--bundle", evil],
                      ["validate", "--bundle", evil], ["run", "--bundle", self.bundle, "--pid-file", evil, self.cid],
                      ["run", "--bundle", self.bundle, "--console-socket", evil, self.cid]):
            self.assert_printable(self.krun(*words).err, lines=0)
        for option in ("--config-file", "--log", "--trace"):
            self.assert_printable(self.krun("run", "--bundle", self.bundle, self.cid, options=[option, evil]).err)

    def test_options(self):
        for words in ([EVIL], [f"--{EVIL}"], ["run", f"--{EVIL}", "x"], ["kill", "x", EVIL], ["help", EVIL]):
            self.assert_printable(self.krun(*words).err, lines=0)
        for option in ("--log-level", "--log-format", "--cgroup-manager"):
            self.assert_printable(self.krun("list", options=[option, EVIL]).err, lines=0)

    def refuse(self, change):
        before = json.dumps(self.config)
        change()
        self.write_config()
        result = self.run_container(timeout=20)
        self.assert_printable(result.err)
        if result.status == 0:
            self.fail(f"no error for {self.config}")
        self.config = json.loads(before)

    def test_config(self):
        evil = f"{EVIL}\nkrun: forged"
        for change in (lambda: self.config["process"].update(args=[f"/bin/{evil}"]),
                       lambda: self.config["process"].update(args=[evil]),
                       lambda: self.config["process"].update(cwd=f"/etc/passwd/{evil}"),
                       lambda: self.config["process"].update(rlimits=[{"type": evil, "soft": 1, "hard": 1}]),
                       lambda: self.config["root"].update(path=evil),
                       lambda: self.config["mounts"].append({"destination": "/x", "type": "bind", "source": f"/no/{evil}",
                                                            "options": ["bind"]}),
                       lambda: self.config["mounts"].append({"destination": f"/etc/passwd/{evil}", "type": "tmpfs"}),
                       lambda: self.config["mounts"].append({"destination": "/x", "type": evil, "source": evil}),
                       lambda: self.config["linux"]["namespaces"].append({"type": evil}),
                       lambda: self.config["linux"].update(sysctl={evil: "1"}),
                       lambda: self.config["linux"].update(cgroupsPath=f"/{evil}/../.."),
                       lambda: self.config["process"].update(apparmorProfile=evil),
                       lambda: self.config["process"].update(selinuxLabel=evil),
                       lambda: self.config.update(ociVersion=evil),
                       lambda: self.config.update(hooks={"createRuntime": [{"path": f"/no/{evil}"}]})):
            self.refuse(change)

    def test_keys_of_config(self):
        for place in (self.config, self.config["process"], self.config["linux"], self.config["linux"]["resources"]):
            place[EVIL] = {EVIL: EVIL}
            self.write_config(args=["/bin/true"])
            for words in (["run", "--bundle", self.bundle, self.cid], ["validate", "--bundle", self.bundle]):
                result = self.krun(*words, timeout=20)
                self.assert_printable(result.err + result.out, lines=0)
            del place[EVIL]

    def test_exec(self):
        self.start("echo READY; exec sleep 1000")
        for words in ([self.cid, f"/bin/{EVIL}"], [self.cid, EVIL], ["--cwd", f"/{EVIL}", self.cid, "true"],
                      ["--user", EVIL, self.cid, "true"], ["--cap", EVIL, self.cid, "true"], ["--cgroup", EVIL, self.cid, "true"],
                      ["--process", f"/{EVIL}", self.cid]):
            self.assert_clean(self.krun("exec", *words))

    def test_hook(self):
        script = f"printf '%s\\n' '{EVIL}' >&2; exit 1"
        self.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
        self.write_config(args=["/bin/true"])
        self.assert_clean(self.run_container())

    def log_of_failure(self, *options):
        path = os.path.join(self.top, "krun.log")
        self.write_config(args=[f"/bin/{EVIL}\n{'{'}\"level\":\"error\",\"msg\":\"forged\"{'}'}\nforged"])
        self.krun("run", "--bundle", self.bundle, self.cid, options=["--log", path, *options])
        with open(path, newline="") as file:
            return file.read()

    def test_log(self):
        text = self.log_of_failure()
        self.assertEqual(controls(text), [], f"controls in {text!r}")
        self.assertEqual(text.count("\n"), 1, text)

    def test_json_log(self):
        text = self.log_of_failure("--log-format", "json")
        self.assertEqual(controls(text), [], f"controls in {text!r}")
        records = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(len(records), 1, text)


class Tables(BothModes):
    def test_list(self):
        bundle = os.path.join(self.top, EVIL)
        os.rename(self.bundle, bundle)
        self.bundle, self.rootfs = bundle, os.path.join(bundle, "rootfs")
        self.start("echo READY; exec sleep 1000")
        self.assertEqual(controls(self.ok("list").out), [])

    def test_ps(self):
        self.start(f"mkdir '/{EVIL}' && cp /bin/busybox '/{EVIL}/sh'; echo READY; "
                   f"exec '/{EVIL}/sh' -c 'sleep 1000; echo {EVIL}'")
        out = self.ok("ps", self.cid).out
        self.assertIn("sleep 1000", out)
        self.assertEqual([character for character in controls(out) if character != "\t"], [], repr(out))


class Monitor(HostileTest):
    mode = "km"

    def test_last_words(self):
        with open(os.path.join(self.rootfs, "bin", EVIL), "wb") as file:
            file.write(b"\x7fELF" + bytes(60))
        os.chmod(os.path.join(self.rootfs, "bin", EVIL), 0o755)
        self.write_config(args=[f"/bin/{EVIL}"])
        result = self.run_container(timeout=20)
        self.assertNotEqual(result.status, 0)
        self.assertEqual(controls(result.err), [], repr(result.err))

    def test_logs(self):
        self.start("echo READY; exec sleep 1000")
        # The payload finds the log among the descriptors of km while both have the same user.
        self.krun("exec", self.cid, "sh", "-c", f"for i in /proc/[0-9]*/fd/*; do case $(readlink $i) in "
                                                f"*log*) printf '%s\\n' 'said {EVIL}' >> $i; esac; done 2>/dev/null; true")
        out = self.ok("logs", "--monitor", self.cid).out
        self.assertIn("STAND-IN", out)
        self.assertEqual([character for character in controls(out) if character != "\t"], [], repr(out))
