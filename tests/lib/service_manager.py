# SPDX-License-Identifier: Apache-2.0
"""A service manager that receives the messages of containers to NOTIFY_SOCKET."""

import array
import os
import socket

from krun import wait_until


class ServiceManager:
    """Mixed into a class of tests, whose containers print the path of their socket, and wait."""

    def setUp(self):
        super().setUp()
        path = os.path.join(self.top, "manager.sock")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(path)
        self.manager.settimeout(10)
        self.addCleanup(self.manager.close)
        self.managed = dict(os.environ, NOTIFY_SOCKET=path)     # the environment of krun
        self.shell("echo $NOTIFY_SOCKET > /tmp/socket; exec sleep 1000")

    def started(self):
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/socket") and os.path.getsize(f"{self.rootfs}/tmp/socket") > 0,
                   what="payload")

    def say(self, *messages, descriptors=()):
        """Sends a message to the socket by the path in the container."""
        root = f"/proc/{self.state()['pid']}/root"
        with open(f"{root}/tmp/socket") as file:
            path = root + file.read().strip()
        more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for message in messages:
                sender.sendmsg([message.encode() if isinstance(message, str) else message], more, 0, path)
