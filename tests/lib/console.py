# SPDX-License-Identifier: Apache-2.0
"""The other side of a container's terminal."""

import array
import os
import select
import socket
import time


class ConsoleSocket:
    """Receives one master, as a shim does with --console-socket."""

    def __init__(self, path):
        self.path = path
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(path)
        self.server.listen()

    def master(self):
        connection, _ = self.server.accept()
        data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(ancillary[0][2])
        connection.close()
        self.server.close()
        assert len(data) >= 1 and len(ancillary) == 1 and len(fds) == 1
        return fds[0]


def read_until(fd, text, seconds=10):
    data = b""
    deadline = time.monotonic() + seconds
    while text not in data:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"{text!r} not within {seconds} s, only {data!r}")
        try:
            more = os.read(fd, 4096)
        except OSError:
            more = b""
        if not more:
            raise AssertionError(f"end before {text!r}: {data!r}")
        data += more
    return data.decode()
