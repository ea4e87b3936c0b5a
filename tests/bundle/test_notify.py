# SPDX-License-Identifier: Apache-2.0
"""NOTIFY_SOCKET: the messages of a container that its service manager gets."""

import os
import socket
import time

from krun import BothModes
from service_manager import ServiceManager


class Notify(ServiceManager, BothModes):
    def hear(self):
        return self.manager.recv(4096).decode()

    def pass_barrier(self):
        """Receives the barrier of sd_notify(3): a message with a descriptor, whose close says that all messages before it have been read."""
        text, fds, _, _ = socket.recv_fds(self.manager, 4096, 4)
        self.assertEqual((text, len(fds)), (b"BARRIER=1", 1))
        return fds[0]

    def test_foreground_run_passes_on_what_a_container_may_say(self):
        process = self.spawn("run", "--bundle", self.bundle, self.cid, env=self.managed, stdout=-1)
        self.started()
        self.say("STATUS=hello\nMAINPID=1\nFDSTORE=1\nREADY=1\n")
        self.assertEqual(self.hear(), "STATUS=hello\nREADY=1\n")
        self.say("FDSTORE=1")
        self.say("STOPPING=1")
        self.assertEqual(self.hear(), "STOPPING=1\n")
        self.ok("kill", self.cid, "KILL")
        self.assertEqual(process.wait(10), 137)

    def test_start_returns_when_the_container_is_ready(self):
        self.create(env=self.managed)
        starter = self.spawn("start", self.cid, env=self.managed)
        self.started()
        self.say("STATUS=warming up")
        self.assertEqual(self.hear(), "STATUS=warming up\n")
        self.assertIsNone(starter.poll())
        self.assertEqual(self.status(), "running")
        self.ok("pause", self.cid)
        self.ok("resume", self.cid)
        self.say("READY=1")
        self.assertEqual(self.hear(), f"READY=1\nMAINPID={self.state()['pid']}\n")
        barrier = self.pass_barrier()
        time.sleep(0.3)
        self.assertIsNone(starter.poll(), "gone before the manager has read what it said")
        os.close(barrier)
        self.assertEqual(starter.wait(4), 0)

    def test_a_manager_that_knows_no_barrier_is_not_waited_for_without_end(self):
        self.create(env=self.managed)
        starter = self.spawn("start", self.cid, env=self.managed)
        self.started()
        self.say("READY=1")
        self.assertIn("READY=1", self.hear())
        barrier = self.pass_barrier()
        self.assertEqual(starter.wait(20), 0)
        os.close(barrier)

    def test_control_characters_do_not_smuggle(self):
        self.create(env=self.managed)
        starter = self.spawn("start", self.cid, env=self.managed)
        self.started()
        for text in ("STATUS=a\rMAINPID=1", "STATUS=a\x0bMAINPID=1", "STATUS=a\x85MAINPID=1", "STATUS=\x1b[2J"):
            self.say(text)
        self.say("STATUS=plain")
        self.assertEqual(self.hear(), "STATUS=plain\n")
        self.say("READY=1")
        self.assertIn("READY=1", self.hear())
        os.close(self.pass_barrier())
        self.assertEqual(starter.wait(10), 0)

    def test_detached_run_returns_when_the_container_is_ready(self):
        with open(self.log, "wb") as log:
            runner = self.spawn("run", "--detach", "--bundle", self.bundle, self.cid, env=self.managed, stdout=log)
            self.started()
            self.say("READY=1")
            self.assertIn("MAINPID=", self.hear())
            os.close(self.pass_barrier())
            self.assertEqual(runner.wait(4), 0)

    def test_start_of_a_container_that_ends_unready_returns(self):
        self.shell("exit 3")
        self.create(env=self.managed)
        self.ok("start", self.cid, env=self.managed)
        self.wait_stopped()

    def test_a_socket_of_the_bundle_is_left_alone(self):
        env = ["PATH=/bin", "NOTIFY_SOCKET=/own/socket"]
        self.shell("echo $NOTIFY_SOCKET; ls /run 2>/dev/null; true", env=env)
        self.assertEqual(self.run_ok(env=self.managed), "/own/socket\n")

    def test_no_socket_without_a_manager(self):
        self.shell("echo ${NOTIFY_SOCKET:-none}; ls /run 2>/dev/null; true")
        environment = dict(os.environ)
        environment.pop("NOTIFY_SOCKET", None)
        self.assertEqual(self.run_ok(env=environment), "none\n")

    def test_mount_is_safe(self):
        self.shell("grep ' /run/notify ' /proc/self/mounts; touch /run/notify/x 2>&1; true")
        out = self.run_ok(env=self.managed)
        options = out.split()[3].split(",")
        self.assertTrue({"ro", "nosuid", "nodev", "noexec"} <= set(options), out)
        self.assertIn("Read-only file system", out)

    def test_unusable_socket_is_a_warning(self):
        self.shell("echo ${NOTIFY_SOCKET:-none}")
        result = self.run_container(env=dict(os.environ, NOTIFY_SOCKET="vsock:2:1234"))
        self.assertEqual((result.status, result.out), (0, "none\n"), result)
        self.assertIn("vsock:2:1234", result.err)
