# SPDX-License-Identifier: Apache-2.0
"""The host's /dev under any name, and links of an image that lead krun into directories of the host."""

import os
import stat
import subprocess

from hostile import BothModes, HostileTest, picture

ROWS = (
    ("HostDev.test_bind", "bind the host's devices to /dev", "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_slash_at_the_end", "the same to /dev/", "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_two_slashes", "the same to //dev", "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_dot_at_the_end", "the same to /dev/.", "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_detour", "the same to /proc/../dev", "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_bind_of_one_level", "the same with bind, not rbind", "they and their directory are what they were",
     "CWE-706"),
    ("HostDev.test_directory_with_one_node", "bind a directory with one node to /dev", "nothing is added to it", "CWE-706"),
    ("HostDev.test_root_with_the_hosts_devices", "a root that has the host's devices mounted below it",
     "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_root_that_is_a_mount",
     "a root that is itself a bind of a tree of the host's, without a /dev of its own in config.json",
     "ptmx of the host's submount stays", "CWE-706"),
    ("HostDev.test_user_namespace", "the same bind in a user namespace of root's",
     "they and their directory are what they were", "CWE-706"),
    ("HostDev.test_terminal", "the same with a terminal, for which a console is made",
     "they and their directory are what they were", "CVE-2025-52565"),
    ("Links.test_dev_into_a_volume", "an image whose /dev is a link into a volume", "the volume is what it was",
     "CVE-2021-30465"),
    ("Links.test_device_below_a_link", "a device whose directory is a link of the image's into a volume",
     "the volume is what it was", "CVE-2021-30465"),
    ("Links.test_console_of_krun", "none: an image without a /dev/console", "the console is a terminal", "CVE-2025-52565"),
    ("Links.test_console_into_a_volume", "an image whose /dev/console is a link into a volume",
     "the volume is what it was, the console is a terminal", "CVE-2025-52565"),
    ("Links.test_console_to_a_file_of_a_volume", "an image whose /dev/console is a link to a file of a volume",
     "it is not covered, the console is a terminal", "CVE-2025-52565"),
    ("MonitorDevice.test_default", "a payload whose user lacks access to the host's device of km",
     "the host's node keeps its mode", "CWE-732"),
    ("MonitorDevice.test_bind_of_the_node", "the same with the node itself bound into the container",
     "the host's node keeps its mode", "CWE-732"),
    ("MonitorDevice.test_bind_of_the_devices", "the same with all of the host's devices bound in",
     "the host's node keeps its mode", "CWE-732"),
    ("MonitorDevice.test_slash_at_the_end", "the same to /dev/", "the host's node keeps its mode", "CWE-732"),
    ("MonitorDevice.test_root_with_the_hosts_devices", "the same with a root that has them mounted below it",
     "the host's node keeps its mode", "CWE-732"),
    ("MonitorDevice.test_user_namespace", "the same in a user namespace of root's", "the host's node keeps its mode",
     "CWE-732"),
    ("MonitorDevice.test_exec", "exec as another user", "the host's node keeps its mode", "CWE-732"),
)
ALICE = {"uid": 1000, "gid": 1000}


class DevTest(HostileTest):
    def host_dev(self, path=None):
        """Makes a directory of devices that stands for the host's /dev, with a mount below it, as that has."""
        path = path or os.path.join(self.top, "host-dev")
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", path], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", path], stderr=subprocess.DEVNULL, check=False)
        for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("random", 1, 8), ("urandom", 1, 9), ("ptmx", 5, 2),
                                   ("console", 5, 1), ("kkm", 1, 3)):
            os.mknod(f"{path}/{name}", stat.S_IFCHR | 0o600, os.makedev(major, minor))
            os.chmod(f"{path}/{name}", 0o600 if name in ("kkm", "console") else 0o666)
        # Some nodes and links that krun would make are missing.
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(f"{path}/{name}")
        return path

    def tearDown(self):
        # This comes before the base class, which would take the test's own mount for a leftover.
        self.doCleanups()
        super().tearDown()

    def assert_kept(self, folder, before):
        now = picture(folder)
        changed = {name: (before.get(name), now.get(name)) for name in before.keys() | now.keys()
                   if before.get(name) != now.get(name)}
        self.assertEqual(changed, {}, "what was, and what is, in the host's directory")

    def no_dev(self):
        """Removes /dev from the configuration, with the mounts below it."""
        self.config["mounts"] = [item for item in self.config["mounts"] if not item["destination"].startswith("/dev")]

    def run_it(self, *options, **more):
        """Runs the container, which may also be refused."""
        return self.krun("run", "--bundle", self.bundle, *options, self.cid, timeout=20, **more)

    def terminal(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.config["process"]["terminal"] = True
        return {"stdin": slave, "stdout": slave}


class HostDev(BothModes, DevTest):
    def attack(self, destination, kind="rbind", **more):
        source = self.host_dev()
        before = picture(source)
        self.no_dev()
        self.config["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": [kind]})
        self.write_config(args=["/bin/true"])
        self.run_it(**more)
        self.assert_kept(source, before)

    def test_bind(self):
        self.attack("/dev")

    def test_slash_at_the_end(self):
        self.attack("/dev/")

    def test_two_slashes(self):
        self.attack("//dev")

    def test_dot_at_the_end(self):
        self.attack("/dev/.")

    def test_detour(self):
        self.attack("/proc/../dev")

    def test_bind_of_one_level(self):
        self.attack("/dev", "bind")

    def test_user_namespace(self):
        self.in_user_namespace()
        self.attack("/dev")

    def test_terminal(self):
        self.attack("/dev/", **self.terminal())

    def test_directory_with_one_node(self):
        source = os.path.join(self.top, "somebody")
        os.mkdir(source)
        os.mknod(f"{source}/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        before = picture(source)
        self.no_dev()
        self.bind(source, "/dev")
        self.write_config(args=["/bin/true"])
        self.run_it()
        self.assert_kept(source, before)

    def test_root_with_the_hosts_devices(self):
        source = self.host_dev(os.path.join(self.rootfs, "dev"))
        before = picture(source)
        self.no_dev()
        self.write_config(args=["/bin/true"])
        self.run_it()
        self.assert_kept(source, before)

    def test_root_that_is_a_mount(self):
        """The container's root is a copy of a tree with mounts below it, as with `root.path: /`."""
        self.host_dev(os.path.join(self.rootfs, "dev"))
        tree = os.path.join(self.top, "tree")
        os.mkdir(tree)
        subprocess.run(["mount", "--rbind", self.rootfs, tree], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", "--recursive", tree], check=False)
        before = picture(f"{self.rootfs}/dev")
        self.no_dev()
        self.config["root"]["path"] = tree
        self.write_config(args=["/bin/true"])
        self.run_it()
        self.assert_kept(f"{self.rootfs}/dev", before)


class Links(BothModes, DevTest):
    def volume(self):
        source = os.path.join(self.top, "volume")
        os.mkdir(source)
        with open(f"{source}/file", "w") as file:
            file.write("of the host\n")
        self.bind(source, "/volume")
        os.mkdir(f"{self.rootfs}/volume")
        return source, picture(source)

    def test_dev_into_a_volume(self):
        source, before = self.volume()
        self.no_dev()
        os.rmdir(f"{self.rootfs}/dev")
        os.symlink("/volume", f"{self.rootfs}/dev")
        self.write_config(args=["/bin/true"])
        self.run_it()
        self.assert_kept(source, before)

    def test_device_below_a_link(self):
        source, before = self.volume()
        os.symlink("/volume", f"{self.rootfs}/nodes")
        self.config["linux"]["devices"] = [{"path": "/nodes/own", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}]
        self.write_config(args=["/bin/true"])
        self.run_it()
        self.assert_kept(source, before)

    def attack_console(self, target):
        source, before = self.volume()
        self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] not in
                                 ("/dev", "/dev/shm", "/dev/mqueue")]
        os.mkdir(f"{self.rootfs}/dev/pts")
        if target:
            os.symlink(target, f"{self.rootfs}/dev/console")
        streams = self.terminal()
        self.shell("test -L /dev/console && echo link > /tmp/said; test -c /dev/console && echo terminal >> /tmp/said; "
                   "test -c /volume/file && echo covered >> /tmp/said; true")
        result = self.run_it(**streams)
        self.assert_kept(source, before)
        if result.status == 0:
            with open(f"{self.rootfs}/tmp/said") as file:
                self.assertEqual(file.read().split(), ["terminal"])

    def test_console_of_krun(self):
        self.attack_console(None)

    def test_console_into_a_volume(self):
        self.attack_console("/volume/new")

    def test_console_to_a_file_of_a_volume(self):
        self.attack_console("/volume/file")


class MonitorDevice(DevTest):
    mode = "km"

    def closed_node(self):
        """Makes the ring's own device of km, which only root may open."""
        os.chmod("/dev/kkm", 0o600)
        self.addCleanup(os.chmod, "/dev/kkm", 0o666)

    def attack(self, path="/dev/kkm"):
        before = os.stat(path)
        self.write_config(args=["/bin/true"], user=ALICE)
        result = self.run_it()
        now = os.stat(path)
        self.assertEqual((oct(now.st_mode), now.st_uid, now.st_gid), (oct(before.st_mode), before.st_uid, before.st_gid),
                         f"mode and owner of the host's node; {result}")
        acl = [name for name in os.listxattr(path) if "acl" in name]
        self.assertEqual(acl, [], "access lists of the host's node")

    def test_default(self):
        self.closed_node()
        self.attack()

    def test_bind_of_the_node(self):
        self.closed_node()
        self.bind("/dev/kkm", "/dev/kkm")
        self.attack()

    def test_bind_of_the_devices(self):
        self.closed_node()
        source = self.host_dev()
        self.no_dev()
        self.bind(source, "/dev")
        self.attack(f"{source}/kkm")

    def test_slash_at_the_end(self):
        self.closed_node()
        source = self.host_dev()
        self.no_dev()
        self.bind(source, "/dev/")
        self.attack(f"{source}/kkm")

    def test_root_with_the_hosts_devices(self):
        source = self.host_dev(os.path.join(self.rootfs, "dev"))
        self.no_dev()
        self.attack(f"{source}/kkm")

    def test_user_namespace(self):
        self.closed_node()
        self.in_user_namespace()
        self.attack()

    def test_exec(self):
        self.closed_node()
        self.start("echo READY; exec sleep 1000")
        self.krun("exec", "--user", "1000:1000", self.cid, "true", timeout=20)
        self.assertEqual(stat.S_IMODE(os.stat("/dev/kkm").st_mode), 0o600, "mode of the host's node")
