# SPDX-License-Identifier: Apache-2.0
"""
Devices and the directories that they are made in, in an image whose /dev is its own: everything there may be exchanged while krun
makes, mounts and checks it.
"""

import os
import pty
import stat

from race import RaceTest

ROWS = (
    ("Dev.test_dev", "exchange /dev while krun makes devices and links in it", "nothing is made or removed outside", "CVE-2026-41579"),
    ("Dev.test_node", "exchange the place of a device of config.json", "the device, or an error", "CVE-2026-41579"),
    ("Dev.test_parent", "exchange the directory of a device of config.json", "nothing is made outside", "CVE-2026-41579"),
    ("Dev.test_new_directory", "exchange the directory in which the directory of a device has to be made", "nothing is made outside",
     "CVE-2024-45310"),
    ("Dev.test_pts", "exchange /dev/pts while a devpts is mounted there", "nothing of the host changes", "CVE-2025-52565"),
    ("Dev.test_console", "exchange /dev/console while krun mounts a terminal there", "nothing of the host changes", "CVE-2025-52565"),
    ("Dev.test_dev_of_the_console", "exchange /dev while krun mounts a terminal at /dev/console", "nothing of the host changes",
     "CVE-2025-52565"),
    ("Dev.test_null_of_masks", "exchange /dev/null while a file is masked by it", "what is masked reads as empty, or an error",
     "CVE-2025-31133"),
)
ZERO = stat.S_IFCHR | 0o666, os.makedev(1, 5)


def directory_with_devices(path, _target):
    """A /dev of an image, with the files that krun would remove or cover."""
    os.makedirs(f"{path}/pts")
    for name in ("ptmx", "console", "tty"):
        with open(f"{path}/{name}", "w") as file:
            file.write("inside\n")


class Dev(RaceTest):
    def setUp(self):
        super().setUp()
        self.without_mounts("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
        self.capabilities("CAP_MKNOD")
        directory_with_devices(f"{self.outside}/dev", None)

    def attack(self, path, honest="directory", check=None, script="true", **more):
        self.shell(script)
        self.race(self.rootfs + path, honest, check or self.assert_nothing_of_the_host, **more)

    def device(self, path):
        self.config["linux"]["devices"] = [{"path": path, "type": "c", "major": 1, "minor": 5, "fileMode": 0o666, "uid": 7, "gid": 7}]

    def test_dev(self):
        os.rmdir(f"{self.rootfs}/dev")
        self.attack("/dev", target=f"{self.outside}/dev")

    def test_node(self):
        self.device("/race/node")
        self.attack("/race/node", honest=lambda path, _: os.mknod(path, *ZERO), target=f"{self.outside}/dir/node")
        self.assertGreater(self.refused, 0, "rounds in which something else was refused")

    def test_parent(self):
        self.device("/race/parent/made")
        self.attack("/race/parent")

    def test_new_directory(self):
        self.device("/race/parent/new/made")
        self.attack("/race/parent")

    def mount_terminals(self):
        self.config["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                                      "options": ["newinstance", "ptmxmode=0666", "mode=0620"]})

    def count(self, *more, what, **attack):
        """The payload counts the mounts of a kind: one is the container's, and it is inside."""
        self.attack(*more, script=f"grep -c '{what}' /proc/self/mountinfo", **attack,
                    check=lambda result, kind: self.assertEqual(result.out.strip(), "1", f"{kind}: how often it is mounted inside: {result}"))

    def test_pts(self):
        self.mount_terminals()
        self.count("/dev/pts", what=" - devpts ")

    def terminal(self):
        """Returns a function that runs a container with a terminal, which is that of krun."""
        master, slave = pty.openpty()
        os.set_blocking(master, False)
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.config["process"]["terminal"] = True

        def act():
            result = self.krun("run", "--bundle", self.bundle, self.cid, stdin=slave, stdout=slave)
            try:
                result.out = os.read(master, 65536).decode()
            except BlockingIOError:
                pass
            return result

        return act

    def test_console(self):
        act = self.terminal()
        self.mount_terminals()
        self.count("/dev/console", what=" /dev/console", honest="file", target=f"{self.outside}/file", act=act)

    def test_dev_of_the_console(self):
        act = self.terminal()
        self.mount_terminals()
        os.rmdir(f"{self.rootfs}/dev")
        self.count("/dev", what="/console ", honest=directory_with_devices, target=f"{self.outside}/dev", act=act)

    def test_null_of_masks(self):
        with open(f"{self.rootfs}/race/masked", "w") as file:
            file.write("MASKED\n")
        self.config["linux"]["maskedPaths"] = ["/race/masked"]

        def check(result, kind):
            self.assertEqual(result.out, "", f"{kind}: content of a masked file: {result}")

        self.attack("/dev/null", lambda path, _: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)), check,
                    "cat /race/masked", target=f"{self.outside}/file")
