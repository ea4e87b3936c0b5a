# SPDX-License-Identifier: Apache-2.0
"""Root, mounts, devices and masked paths, and links in the root directory that lead out."""

import copy
import ctypes
import errno
import json
import os
import pathlib
import resource
import stat
import subprocess

from krun import CONFIG, KM_PATH, BothModes, KrunTest

# Numbers of system calls and their flags, the same on every machine.
FSOPEN, FSOPEN_CLOEXEC, FSCONFIG, FSCONFIG_SET_STRING = 430, 1, 431, 1


def checks_options_at_once(kind):
    """
    Returns whether a context of this file system refuses an option when it is told. Other file systems get all options in the end,
    as by mount(2), and the context has no words about them: devpts of Linux 6.1, for example.
    """
    libc = ctypes.CDLL(None)
    fd = libc.syscall(FSOPEN, kind.encode(), FSOPEN_CLOEXEC)
    assert fd >= 0, kind
    try:
        return libc.syscall(FSCONFIG, fd, FSCONFIG_SET_STRING, b"no such option", b"x", 0) < 0
    finally:
        os.close(fd)


class Root(BothModes):
    def test_read_only_root(self):
        self.config["root"]["readonly"] = True
        self.assertIn("Read-only file system", self.inside("touch /x 2>&1; true"))

    def test_writable_root_is_the_bundles(self):
        self.inside("echo data > /tmp/file")
        with open(f"{self.rootfs}/tmp/file") as file:
            self.assertEqual(file.read(), "data\n")

    def test_dev_in_memory_of_another_kind(self):
        """A file system that begins empty is the container's own and gets the devices, also if it becomes read-only in the end."""
        for kind, options in (("ramfs", ["mode=755"]), ("tmpfs", ["mode=755", "ro"]), ("tmpfs", ["size=10%", "nr_inodes=100"]),
                              ("tmpfs", ['size="10%"', "mpol=bind:0,0"])):
            with self.subTest(kind=kind, options=options):
                dev = next(mount for mount in self.config["mounts"] if mount["destination"] == "/dev")
                dev.update(type=kind, source=kind, options=["nosuid", *options])
                out = self.inside("echo > /dev/null && echo null; readlink /dev/fd; touch /dev/new 2>&1 || true")
                self.assertEqual(out.splitlines()[:2], ["null", "/proc/self/fd"])
                self.assertEqual("Read-only file system" in out, "ro" in options, out)

    def test_nothing_of_the_host_is_mounted_inside(self):
        out = self.inside("ls -a /; cat /proc/self/mountinfo")
        points = [line.split()[4] for line in out.splitlines() if " - " in line]
        self.assertIn("/proc", points)
        self.assertEqual([point for point in points if self.top in point], [])
        # km, and the directories above it, which are mounts so that the payload cannot rename them.
        above = {KM_PATH[:at] for at, letter in enumerate(KM_PATH) if letter == "/" and at} if self.mode == "km" else set()
        expected = {"/", "/proc", "/dev", "/sys", KM_PATH}
        self.assertEqual([point for point in points if point not in above and not any(
            point == known or point.startswith(known + "/") for known in expected)], [])
        self.assertNotIn(".oldroot", out)

    def test_propagation_of_the_root(self):
        # The ring's own mounts are shared, as on every host with systemd; the container's are their slaves, whatever config.json says.
        for word, present, absent in (("shared", "shared:", "unbindable"), ("private", "", "shared:"),
                                      ("slave", "master:", "shared:"), ("unbindable", "unbindable", "shared:"),
                                      ("rprivate", "", "shared:")):
            with self.subTest(word=word):
                self.config["linux"]["rootfsPropagation"] = word
                line = [line for line in self.inside("cat /proc/self/mountinfo").splitlines() if line.split()[4] == "/"][0]
                fields = line.partition(" - ")[0].split(maxsplit=6)[6:]
                self.assertIn(present, " ".join(fields))
                self.assertNotIn(absent, " ".join(fields))

    def test_no_pivot(self):
        self.assertEqual(self.inside("ls -d /etc/passwd /work 2>/dev/null; pwd", "--no-pivot"), "/etc/passwd\n/\n")

    def test_absolute_root_path(self):
        self.config["root"]["path"] = self.rootfs
        self.assertEqual(self.inside("echo absolute"), "absolute\n")

    def test_the_hosts_root(self):
        """The host's root has no directory below it on which the container's root could be attached, but itself."""
        self.config["root"] = {"path": "/", "readonly": True}
        for options in ((), ("--no-pivot",)):
            out = self.inside("ls -d /etc/passwd; pwd; echo $$; touch /made 2>&1 | grep -o Read-only; stat -f -c %T /dev", *options)
            self.assertEqual(out.split(), ["/etc/passwd", "/", "1", "Read-only", "tmpfs"] if self.mode == "plain" else
                             ["/etc/passwd", "/", out.split()[2], "Read-only", "tmpfs"])

    def test_missing_root(self):
        self.config["root"]["path"] = "nowhere"
        self.write_config()
        self.assertIn("nowhere", self.run_fails())


class Mounts(BothModes):
    def mount(self, destination, kind, source, *options):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": source,
                                      "options": list(options)})

    def options_of(self, destination):
        out = self.inside("cat /proc/self/mountinfo")
        lines = [line.split() for line in out.splitlines() if line.split()[4] == destination]
        self.assertEqual(len(lines), 1, out)
        return lines[0]

    def test_bind_mount_of_a_directory(self):
        os.mkdir(f"{self.top}/vol")
        self.mount("/deep/er/vol", "bind", f"{self.top}/vol", "rbind", "rw")
        self.inside("echo data > /deep/er/vol/file")
        with open(f"{self.top}/vol/file") as file:
            self.assertEqual(file.read(), "data\n")

    def test_bind_mount_of_a_file_over_a_file_and_over_nothing(self):
        with open(f"{self.top}/hosts", "w") as file:
            file.write("mine\n")
        self.mount("/etc/passwd", "bind", f"{self.top}/hosts", "bind", "ro")
        self.mount("/etc/new/hosts", "none", f"{self.top}/hosts", "bind")
        self.assertEqual(self.inside("cat /etc/passwd /etc/new/hosts; echo x > /etc/passwd || true"), "mine\nmine\n")

    def test_read_only_bind_with_flags(self):
        os.mkdir(f"{self.top}/vol")
        self.mount("/vol", "bind", f"{self.top}/vol", "bind", "ro", "nosuid", "nodev", "noexec", "noatime")
        self.assertTrue({"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(self.options_of("/vol")[5].split(",")))

    def test_recursive_attributes_reach_submounts(self):
        os.makedirs(f"{self.top}/vol/sub")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{self.top}/vol/sub"], check=True)
        try:
            self.mount("/vol", "bind", f"{self.top}/vol", "rbind", "rro")
            self.assertIn("ro", self.options_of("/vol/sub")[5].split(","))
        finally:
            subprocess.run(["umount", f"{self.top}/vol/sub"], check=True)

    def test_propagation(self):
        os.mkdir(f"{self.top}/vol")
        subprocess.run(["mount", "--bind", f"{self.top}/vol", f"{self.top}/vol"], check=True)
        subprocess.run(["mount", "--make-shared", f"{self.top}/vol"], check=True)
        try:
            for word, expected in (("rslave", "master:"), ("rshared", "shared:"), ("rprivate", "-")):
                with self.subTest(word=word):
                    self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] != "/vol"]
                    self.mount("/vol", "bind", f"{self.top}/vol", "rbind", word)
                    if word == "rshared":
                        self.config["linux"]["rootfsPropagation"] = "shared"
                    self.assertTrue(self.options_of("/vol")[6].startswith(expected), self.options_of("/vol"))
        finally:
            subprocess.run(["umount", f"{self.top}/vol"], check=True)

    def test_tmpfs_options(self):
        self.mount("/scratch", "tmpfs", "tmpfs", "size=1m", "mode=1777", "noexec")
        line = self.options_of("/scratch")
        self.assertIn("noexec", line[5])
        self.assertIn("size=1024k", line[-1])

    def test_the_kernels_words_about_a_refused_option(self):
        """They are asked of the file system's context, also where mount(2) has made the mount; a name of the file cannot forge a line."""
        for kind, option, words in (("tmpfs", "siz=1m", "Unknown parameter 'siz'"), ("tmpfs", "size=much", "'size'"),
                                    ("proc", "hidpid=1", "Unknown parameter 'hidpid'"), ("devpts", "modes=1", "'modes'"),
                                    ("hugetlbfs", "pagesiz=2M", "Unknown parameter 'pagesiz'"),
                                    ("tmpfs", "siz\x1b\nx=1", r"Unknown parameter 'siz\x1b\nx'")):
            if f"\t{kind}\n" not in pathlib.Path("/proc/filesystems").read_text():
                continue
            with self.subTest(kind=kind, option=option):
                self.config = copy.deepcopy(CONFIG)
                self.mount("/scratch", kind, kind, option)
                self.write_config()
                message = self.fails("run", "--bundle", self.bundle, self.cid)
                self.assertNotIn("\n", message)
                front, between, said = message.partition("; the kernel says: ")
                self.assertIn("invalid argument", front)
                if kind == "devpts" and not checks_options_at_once(kind):
                    self.assertFalse(between, message)
                    continue
                self.assertTrue(between, message)
                self.assertIn(words, said)
                # The terminal's form is escaped again; an engine reads it in JSON.
                self.krun("run", "--bundle", self.bundle, self.cid, options=["--log", self.log, "--log-format", "json"])
                with open(self.log) as file:
                    self.assertIn(words, json.loads(file.read().splitlines()[-1])["msg"].partition("the kernel says: ")[2])

    def test_tmpcopyup_keeps_what_was_there(self):
        os.makedirs(f"{self.rootfs}/data/sub")
        with open(f"{self.rootfs}/data/sub/file", "w") as file:
            file.write("kept\n")
        self.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
        self.assertEqual(self.inside("cat /data/sub/file; stat -f -c %T /data; echo new > /data/x"), "kept\ntmpfs\n")
        self.assertFalse(os.path.exists(f"{self.rootfs}/data/x"))

    def test_tmpfs_looks_like_what_it_covers(self):
        for name, mode in (("data", 0o750), ("lib", 0o1770), ("own", 0o2711)):
            os.mkdir(f"{self.rootfs}/{name}")
            os.chown(f"{self.rootfs}/{name}", 7, 8)
            os.chmod(f"{self.rootfs}/{name}", mode)
            os.utime(f"{self.rootfs}/{name}", (1000000000, 1000000001))
        self.mount("/data", "tmpfs", "tmpfs")
        self.mount("/lib", "ramfs", "ramfs")
        self.mount("/own", "tmpfs", "tmpfs", "tmpcopyup", "size=1m")
        self.mount("/new/dir", "tmpfs", "tmpfs", "size=1m")
        out = self.inside("stat -c '%a %u %g' /data /lib /new/dir; stat -c '%a %u %g %Y' /own")
        self.assertEqual(out.splitlines(), ["750 0 0", "1770 0 0", "755 0 0", "2711 7 8 1000000001"])

    def test_options_of_a_tmpfs_win(self):
        os.mkdir(f"{self.rootfs}/data")
        os.chown(f"{self.rootfs}/data", 7, 8)
        self.mount("/data", "tmpfs", "tmpfs", "tmpcopyup", "size=1m", "mode=1733", "uid=5")
        self.assertEqual(self.inside("stat -c '%a %u %g' /data"), "1733 5 8\n")

    def test_tmpcopyup_of_every_kind(self):
        top = f"{self.rootfs}/data"
        os.makedirs(f"{top}/sub")
        with open(f"{top}/sub/file", "w") as file:
            file.write("kept\n")
        os.link(f"{top}/sub/file", f"{top}/another")
        os.mkfifo(f"{top}/pipe", 0o640)
        os.symlink("sub/file", f"{top}/link")
        os.link(f"{top}/pipe", f"{top}/pipe2")
        os.mknod(f"{top}/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        os.chown(f"{top}/sub/file", 7, 8)
        os.chmod(f"{top}/sub/file", 0o4711)
        for name in ("sub/file", "pipe", "link", "sub"):
            os.utime(f"{top}/{name}", (1000000000, 1000000000), follow_symlinks=False)
        self.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
        out = self.inside("cd /data; ls; stat -c '%a %u %g %h %Y %F' sub/file pipe sub; stat -c %Y link; readlink link; "
                          "[ $(stat -c %i another) = $(stat -c %i sub/file) ] && [ $(stat -c %i pipe) = $(stat -c %i pipe2) ] && "
                          "echo same")
        self.assertEqual(out.splitlines(), ["another", "link", "pipe", "pipe2", "sub", "4711 7 8 2 1000000000 regular file",
                                            "640 0 0 2 1000000000 fifo", "755 0 0 2 1000000000 directory", "1000000000", "sub/file",
                                            "same"])

    def test_umask_of_the_caller_decides_nothing(self):
        os.mkdir(f"{self.top}/vol")
        with open(f"{self.top}/file", "w"):
            pass
        self.mount("/a/b", "bind", f"{self.top}/vol", "bind")
        self.mount("/c/file", "bind", f"{self.top}/file", "bind")
        self.mount("/t/t", "tmpfs", "tmpfs")
        for umask in (0o077, 0):
            with self.subTest(umask=oct(umask)):
                self.shell("stat -c %a /t/t /made/here /made", cwd="/made/here")
                result = self.run_container(preexec_fn=lambda mask=umask: os.umask(mask))
                self.assertEqual(result.out.split(), ["755"] * 3, result)
                for name, mode in (("a/b", 0o755), ("a", 0o755), ("c/file", 0o644), ("c", 0o755), ("t", 0o755)):
                    self.assertEqual(os.stat(f"{self.rootfs}/{name}").st_mode & 0o7777, mode, name)
                for name in ("a", "c", "t", "made"):
                    subprocess.run(["rm", "-r", f"{self.rootfs}/{name}"], check=True)

    def test_proc_sysfs_devpts_mqueue_cgroup(self):
        out = self.inside("ls /sys/fs/cgroup/cgroup.procs; cat /proc/self/mountinfo")
        self.assertTrue(out.startswith("/sys/fs/cgroup/cgroup.procs\n"), out)
        kinds = {line.split()[4]: line.split(" - ")[1].split()[0] for line in out.splitlines()[1:]}
        for point, kind in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/mqueue", "mqueue"),
                            ("/sys/fs/cgroup", "cgroup2"), ("/dev", "tmpfs"), ("/dev/shm", "tmpfs")):
            self.assertEqual(kinds[point], kind, point)

    def test_several_mounts_on_one_destination_keep_their_order(self):
        for word in ("first", "second"):
            os.mkdir(f"{self.top}/{word}")
            self.config["mounts"].append({"destination": "/m", "type": "bind", "source": f"{self.top}/{word}",
                                          "options": ["bind"]})
        self.config["mounts"].append({"destination": "/m/below", "type": "tmpfs", "source": "tmpfs"})
        self.inside("touch /m/here; touch /m/below/there")
        self.assertEqual((os.listdir(f"{self.top}/first"), sorted(os.listdir(f"{self.top}/second"))),
                         ([], ["below", "here"]))

    def test_relative_destination_is_below_the_root(self):
        self.config["mounts"].append({"destination": "m", "type": "tmpfs", "source": "tmpfs"})
        self.shell("grep -c ' /m tmpfs' /proc/mounts")
        result = self.run_container()
        self.assertEqual((result.status, result.out), (0, "1\n"), result)
        self.assertIn("/mounts/7/destination: a relative path is deprecated, and read as '/m'", result.err)

    def test_more_binds_than_descriptors(self):
        """The container and its hooks keep the caller's limits, or get those of config.json."""
        os.mkdir(f"{self.top}/vol")
        for i in range(1100):
            self.mount(f"/v/{i}", "bind", f"{self.top}/vol", "rbind", "ro")
        said = f"{self.top}/said"
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"echo $(ulimit -Sn) $(ulimit -Hn) >> {said}"]}
        self.config["hooks"] = {"createRuntime": [hook], "createContainer": [hook], "poststart": [hook]}
        for own in (None, 64, 2048):
            with self.subTest(own=own):
                self.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": own, "hard": own}] if own else []
                self.shell("grep -c ' /v/' /proc/self/mountinfo; ulimit -Sn; ulimit -Hn")
                result = self.run_container(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096)))
                if self.mode == "km" and own == 64:
                    self.assertIn("km needs a hard limit", result.err)
                    continue
                # km's own descriptors have fixed numbers, so its soft limit is the same.
                soft = 1024 if self.mode == "km" or not own else own
                self.assertEqual([int(word) for word in result.out.split()], [1100, soft, own or 4096], result)
                with open(said) as file:
                    self.assertEqual(set(file.read().splitlines()), {"1024 4096"})
                os.unlink(said)

    def test_missing_source_is_named(self):
        self.mount("/vol", "bind", "/no/such/source", "bind")
        self.write_config()
        text = self.run_fails()
        self.assertIn("/no/such/source", text)
        # Engines would take these texts for a missing command.
        self.assertNotIn("no such file", text.lower())

    def test_unknown_option_of_a_file_system_is_the_kernels_error(self):
        self.mount("/t", "tmpfs", "tmpfs", "frobnicate=7")
        self.write_config()
        self.assertIn("frobnicate", self.run_fails())

    def test_options_of_a_bind_without_effect_are_a_warning(self):
        os.mkdir(f"{self.top}/vol")
        self.mount("/vol", "bind", f"{self.top}/vol", "bind", "readonly", "size=1m", "sync", "ro")
        self.shell("true")
        result = self.run_container()
        self.assertEqual((result.status, result.err.count("\n")), (0, 1), result)
        self.assertIn("/mounts/7/options: 'readonly' (did you mean 'ro'?), 'size=1m', 'sync': without effect on a bind mount", result.err)

    def test_unknown_file_system(self):
        self.mount("/t", "nosuchfs", "x")
        self.write_config()
        self.assertIn("nosuchfs", self.run_fails())


class Complete(BothModes):
    """Mounts with options that mount(2) does not set are made where nobody sees them, and are what they are without such an option."""

    def overlay(self, lower, *options):
        self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["destination"] != "/ov"]
        self.config["mounts"].append({"destination": "/ov", "type": "overlay", "source": "overlay",
                                      "options": ["lowerdir=" + ":".join(lower), *options]})

    def folder(self, name):
        os.makedirs(f"{self.top}/{name}")
        return f"{self.top}/{name}"

    def test_long_options(self):
        lower = [self.folder(f"{'x' * 80}{number}") for number in range(5)]
        for number, path in enumerate(lower):
            open(f"{path}/file{number}", "w").close()
        for options in ([], ["rprivate"], ["rnosuid"]):
            self.overlay(lower, *options)
            self.assertEqual(self.inside("ls /ov").split(), [f"file{number}" for number in range(5)], options)

    def test_comma_in_an_option(self):
        first, second = self.folder("a,5"), self.folder("b")
        open(f"{first}/file", "w").close()
        for options in ([], ["rprivate"]):
            self.overlay([first.replace(",", "\\,"), second], *options)
            self.assertEqual(self.inside("ls /ov"), "file\n", options)

    def test_nothing_is_left_of_the_place_where_it_was_made(self):
        self.overlay([self.folder("a"), self.folder("b")], "rprivate", "ro")
        out = self.inside("cat /proc/self/mountinfo; ls -a /")
        self.assertEqual([line.split()[5] for line in out.splitlines() if " /ov " in line], ["ro,relatime"], out)
        self.assertNotIn("nr_inodes=4,", out)
        self.assertNotIn("\nmount\n", out)

    def test_directories_in_the_root(self):
        for name in ("la", "lb"):
            os.mkdir(f"{self.rootfs}/{name}")
            open(f"{self.rootfs}/{name}/file-{name}", "w").close()
        for options in ([], ["rprivate"]):
            self.overlay([f"{self.rootfs}/la", f"{self.rootfs}/lb"], *options)
            self.assertEqual(self.inside("ls /ov").split(), ["file-la", "file-lb"], options)

    def test_link_out_of_it_that_is_masked(self):
        lower = self.folder("lower")
        os.mkdir(f"{lower}/real")
        with open(f"{lower}/real/secret", "w") as file:
            file.write("SECRET\n")
        os.symlink("/ov/real", f"{lower}/alias")
        self.config["linux"]["maskedPaths"] = ["/ov/alias"]
        for options in ([], ["rprivate"]):
            self.overlay([lower, self.folder(f"empty{len(options)}")], *options)
            self.assertEqual(self.inside("cat /ov/real/secret 2>/dev/null; ls /ov"), "alias\nreal\n", options)

    def test_private_below_shared(self):
        """In a mount namespace of the test's own."""
        source = self.folder("source")
        for name in ("q", "t", "b", "u", "s"):
            os.mkdir(f"{source}/{name}")
        self.config["mounts"] += [
            {"destination": "/sh", "type": "bind", "source": source, "options": ["rbind", "rshared"]},
            {"destination": "/sh/q", "type": "mqueue", "source": "mqueue", "options": ["rprivate"]},
            {"destination": "/sh/t", "type": "tmpfs", "source": "tmpfs", "options": ["private"]},
            {"destination": "/sh/b", "type": "bind", "source": self.folder("other"), "options": ["bind", "private"]},
            {"destination": "/sh/u", "type": "tmpfs", "source": "tmpfs", "options": ["unbindable"]},
            {"destination": "/sh/s", "type": "tmpfs", "source": "tmpfs", "options": ["slave"]},
        ]
        self.shell("cat /proc/self/mountinfo")
        script = f"mount --bind {source} {source} && mount --make-shared {source} && exec \"$@\""
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *self.command("run", "--bundle", self.bundle, self.cid)],
                              capture_output=True, text=True, check=False)
        found = {line.split()[4]: line.split(" - ")[0].split()[6:] for line in done.stdout.splitlines()}
        self.assertRegex(" ".join(found.get("/sh", [])), "^shared:", done)
        self.assertEqual([found[f"/sh/{name}"] for name in "qtb"], [[], [], []], done)
        self.assertEqual(found["/sh/u"], ["unbindable"], done)
        self.assertRegex(" ".join(found["/sh/s"]), "^master:[0-9]+$", done)


class ReadOnly(BothModes):
    """"ro" takes effect last: the mounts and devices of config.json in such a mount are made, and afterwards it cannot be written."""

    WRITE = "echo x > {0}/new 2>/dev/null || echo refused"

    def setUp(self):
        super().setUp()
        os.makedirs(f"{self.top}/vol/below")
        with open(f"{self.top}/secret", "w") as file:
            file.write("secret\n")

    def mount(self, destination, kind, source, *options):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": source, "options": list(options)})

    def test_mount_inside_of_a_read_only_mount(self):
        """podman asks for this with --read-only and a secret."""
        for kind, options in (("bind", ["bind", "ro"]), ("bind", ["rbind", "rro"]), ("bind", ["rbind", "ro", "rnosuid"]),
                              ("tmpfs", ["ro"]), ("tmpfs", ["ro", "tmpcopyup"]), ("ramfs", ["rro"])):
            with self.subTest(kind=kind, options=options):
                self.config = copy.deepcopy(CONFIG)
                self.mount("/s", kind, f"{self.top}/vol" if kind == "bind" else kind, *options)
                self.mount("/s/name", "bind", f"{self.top}/secret", "bind", "ro")
                self.mount("/s/deep/tmp", "tmpfs", "tmpfs")
                out = self.inside(f"cat /s/name; {self.WRITE.format('/s')}; echo x > /s/name 2>/dev/null || echo refused; "
                                  "echo x > /s/deep/tmp/new && echo writable")
                self.assertEqual(out.split(), ["secret", "refused", "refused", "writable"])
                for name in ("name", "deep/tmp", "deep"):
                    path = f"{self.top}/vol/{name}"
                    if os.path.lexists(path):
                        (os.rmdir if os.path.isdir(path) else os.unlink)(path)

    def test_a_later_option_overrides_read_only(self):
        for options, remount, expected in ((["bind", "ro", "rw"], None, True), (["rbind", "ro", "rrw"], None, True),
                                           (["bind", "ro"], ["remount", "rw"], True), (["bind"], ["remount", "ro"], False),
                                           (["bind", "rw", "rro"], None, False)):
            with self.subTest(options=options, remount=remount):
                self.config = copy.deepcopy(CONFIG)
                self.mount("/s", "bind", f"{self.top}/vol", *options)
                if remount:
                    self.mount("/s", "none", "none", *remount)
                self.mount("/s/name", "bind", f"{self.top}/secret", "bind")
                self.assertEqual(self.inside(self.WRITE.format("/s")), "" if expected else "refused\n")

    def test_dev_that_is_remounted_read_only(self):
        self.mount("/dev", "none", "none", "remount", "ro")
        self.assertEqual(self.inside("echo x > /dev/null && echo null; " + self.WRITE.format("/dev")).split(), ["null", "refused"])

    def test_what_is_read_only_on_the_host_is_never_written(self):
        subprocess.run(["mount", "--bind", f"{self.top}/vol", f"{self.top}/vol"], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", f"{self.top}/vol"], check=True)
            for word in ("ro", "rro"):
                with self.subTest(word=word):
                    self.config = copy.deepcopy(CONFIG)
                    self.mount("/s", "bind", f"{self.top}/vol", "rbind", word)
                    self.mount("/s/name", "bind", f"{self.top}/secret", "bind")
                    self.write_config()
                    self.assertIn("read-only file system", self.run_fails())
                    self.assertEqual(os.listdir(f"{self.top}/vol"), ["below"])
        finally:
            subprocess.run(["umount", "-l", f"{self.top}/vol"], check=True)

    def test_mounts_of_krun_beside_read_only_ones(self):
        """krun copies the directories above km and read-only paths with all mounts in them."""
        folder = os.path.dirname(KM_PATH)
        self.mount(f"{folder}/t", "tmpfs", "tmpfs", "ro")
        self.mount(f"{folder}/b", "bind", f"{self.top}/vol", "bind", "ro")
        self.mount("/etc/t", "tmpfs", "tmpfs", "ro")
        self.config["linux"]["readonlyPaths"] = ["/etc"]
        places = [f"{folder}/t", f"{folder}/b", "/etc/t"]
        self.assertEqual(self.inside("; ".join(self.WRITE.format(place) for place in places)), "refused\n" * 3)

    def test_krun_inside_of_a_read_only_file_system_in_memory(self):
        top = "/" + KM_PATH.split("/")[1]
        self.mount(top, "tmpfs", "tmpfs", "ro")
        out = self.inside(f"p={os.path.dirname(KM_PATH)}; while [ $p != / ]; do [ ! -d $p ] || "
                          f"(echo x > $p/new) 2>/dev/null && test -e $p/new && echo $p is writable; p=$(dirname $p); done; echo end")
        self.assertEqual(out, "end\n")


class SourceInTheRoot(BothModes):
    """Mount sources below the root's own path, which earlier mounts bring."""

    def bind(self, destination, source, *options):
        self.config["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": list(options)})

    def volume(self):
        """Makes a volume with a mount in it, which the container's second bind shows, too."""
        os.makedirs(f"{self.top}/vol/sub/below")
        with open(f"{self.top}/vol/sub/file", "w") as file:
            file.write("of the volume\n")
        self.bind("/data", f"{self.top}/vol", "bind")
        self.config["mounts"].append({"destination": "/data/sub/below", "type": "tmpfs", "source": "below"})

    def test_directory_of_an_earlier_mount(self):
        for arrange in (None, self.in_user_namespace_kept_out):
            if arrange:
                self.config["mounts"] = copy.deepcopy(CONFIG["mounts"])
                subprocess.run(["rm", "-r", f"{self.top}/vol", f"{self.rootfs}/data"], check=True)
                arrange()
            self.volume()
            self.bind("/a", f"{self.rootfs}/data/sub", "rbind", "ro")
            self.bind("/b", "rootfs/data/sub", "bind")
            self.bind("/c", f"{self.bundle}/./rootfs//data/sub/file", "bind")
            self.bind("/shm", f"{self.rootfs}/dev/shm", "rbind")
            out = self.inside("cat /a/file /b/file /c; stat -f -c %T /a/below; ls -A /b/below; touch /a/x 2>&1 | grep -o Read-only; "
                              "echo seen > /dev/shm/x; cat /shm/x")
            self.assertEqual(out, "of the volume\n" * 3 + "tmpfs\nRead-only\nseen\n")
            self.assertEqual(self.ok("validate", "--bundle", self.bundle).out, "")

    def test_what_an_earlier_mount_covers_is_not_seen(self):
        self.volume()
        os.makedirs(f"{self.rootfs}/data/sub")
        open(f"{self.rootfs}/data/sub/covered", "w").close()
        self.bind("/a", f"{self.rootfs}/data/sub", "rbind")
        self.assertEqual(self.inside("ls /a"), "below\nfile\n")

    def test_a_copy_of_what_is_read_only(self):
        """The copy is read-only also where krun sets that last, and gets mount points before, if it is to be read-only itself."""
        os.mkdir(f"{self.top}/vol")
        for kind, source, options in (("tmpfs", "tmpfs", ["ro"]), ("bind", f"{self.top}/vol", ["bind", "ro"])):
            for how in ("bind", "rbind"):
                with self.subTest(kind=kind, how=how):
                    self.config["mounts"] = copy.deepcopy(CONFIG["mounts"])
                    self.config["mounts"].append({"destination": "/data", "type": kind, "source": source, "options": options})
                    self.bind("/a", f"{self.rootfs}/data", how)
                    self.bind("/w", f"{self.rootfs}/data", how, "rw")
                    self.bind("/c", f"{self.rootfs}/data", how, "ro")
                    self.config["mounts"].append({"destination": "/c/new", "type": "tmpfs", "source": "tmpfs"})
                    self.assertEqual(self.inside("for i in /data /a /c /c/new; do touch $i/x 2>&1 | grep -o Read-only; done; ls /c/new"),
                                     "Read-only\n" * 3 + "x\n")

    def test_of_the_root_itself(self):
        os.makedirs(f"{self.rootfs}/data")
        open(f"{self.rootfs}/data/file", "w").close()
        self.bind("/a", f"{self.rootfs}/data", "rbind")
        self.assertEqual(self.inside("ls /a; touch /a/made"), "file\n")
        self.assertTrue(os.path.exists(f"{self.rootfs}/data/made"))

    def test_names_of_the_bundle(self):
        """The path in config.json may contain a link, or be the real one."""
        os.symlink("bundle", f"{self.top}/link")
        os.symlink("rootfs", f"{self.bundle}/other")
        self.volume()
        before = list(self.config["mounts"])
        for bundle, root, source in ((f"{self.top}/link", "rootfs", f"{self.top}/link/rootfs"),
                                     (f"{self.top}/link", "other", self.rootfs), (self.bundle, "other", f"{self.bundle}/other"),
                                     (self.bundle, f"{self.top}/link/rootfs", self.rootfs), ("bundle", "../bundle/rootfs", self.rootfs),
                                     (self.bundle, "rootfs", "./rootfs")):
            with self.subTest(bundle=bundle, root=root, source=source):
                self.config["mounts"] = list(before)
                self.config["root"]["path"] = root
                self.bind("/a", f"{source}/data/sub/file", "bind")
                self.shell("cat /a")
                self.assertEqual(self.ok("run", "--bundle", bundle, self.cid, cwd=self.top).out, "of the volume\n")

    def test_copied_link(self):
        os.symlink("/etc/passwd", f"{self.rootfs}/etc/link")
        self.bind("/copy", f"{self.rootfs}/etc/link", "bind", "copy-symlink")
        self.assertEqual(self.inside("readlink /copy"), "/etc/passwd\n")

    def test_missing_source_is_named(self):
        self.bind("/a", f"{self.rootfs}/no/such", "bind")
        self.write_config()
        text = self.run_fails()
        self.assertIn(f"mount source '{self.rootfs}/no/such' for '/a': '/no/such' in the root: missing", text)

    def test_links_of_the_image_stay_inside(self):
        os.makedirs(f"{self.top}/host")
        with open(f"{self.top}/host/secret", "w") as file:
            file.write("of the host\n")
        os.makedirs(f"{self.rootfs}{self.top}/host")
        with open(f"{self.rootfs}{self.top}/host/secret", "w") as file:
            file.write("of the image\n")
        for link in (f"{self.top}/host", f"../../../../../../..{self.top}/host", f"/proc/1/root{self.top}/host"):
            with self.subTest(link=link):
                self.config["mounts"] = copy.deepcopy(CONFIG["mounts"])
                if os.path.lexists(f"{self.rootfs}/link"):
                    os.unlink(f"{self.rootfs}/link")
                os.symlink(link, f"{self.rootfs}/link")
                self.bind("/a", f"{self.rootfs}/link/secret", "bind")
                self.bind("/b", "rootfs/link", "rbind")
                self.shell("cat /a /b/secret")
                result = self.run_container()
                self.assertNotIn("of the host", result.out)
                self.assertEqual(result.out, "" if "proc" in link else "of the image\nof the image\n", result)


class PinnedNamespace(BothModes):
    """The kernel does not attach a tree with the file of an older mount namespace in it; snapd and unshare(1) keep such files."""

    def setUp(self):
        super().setUp()
        self.cpus = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, self.cpus)
        self.volume = f"{self.top}/closed/volume"
        self.pin(self.volume)
        with open(f"{self.volume}/file", "w") as file:
            file.write("reached\n")
        os.makedirs(f"{self.volume}/sub")
        subprocess.run(["mount", "-t", "tmpfs", "inner", f"{self.volume}/sub"], check=True)
        self.addCleanup(subprocess.run, ["umount", f"{self.volume}/sub"], check=True)

    def pin(self, directory):
        pins = f"{directory}/pins"
        os.makedirs(pins)
        # The kernel allows such a mount on a private one only.
        subprocess.run(["mount", "-t", "tmpfs", "pins", pins], check=True)
        self.addCleanup(subprocess.run, ["umount", "--recursive", pins], check=True)
        subprocess.run(["mount", "--make-private", pins], check=True)
        open(f"{pins}/mnt", "w").close()
        # The kernel may compare the age of namespaces by numbers that each cpu gets in advance: on the cpu that made ours,
        # every later one is younger.
        command = ["unshare", "--mount", "sh", "-ec", 'nsenter --mount=/proc/$PPID/ns/mnt mount --bind /proc/$$/ns/mnt "$0"',
                   f"{pins}/mnt"]
        for cpu in self.cpus:
            os.sched_setaffinity(0, {cpu})
            if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                self.cpus = {cpu}
                return
        self.fail("no mount namespace can be pinned")

    def tearDown(self):
        self.doCleanups()
        super().tearDown()

    def in_user_namespace(self):
        self.map_ids()
        subprocess.run(["chown", "-hR", "--from=0:0", "100000:100000", *(f"{self.rootfs}/{name}" for name in ("bin", "dev", "opt"))], check=True)
        os.chown(self.rootfs, 100000, 100000)

    def mount(self, source, *options):
        self.config["mounts"].append({"destination": "/vol", "type": "bind", "source": source, "options": ["rbind", *options]})

    SEEN = "cat /vol/file; cut -d ' ' -f 5,6 /proc/self/mountinfo | grep -F /vol | cut -d , -f 1; grep -c nsfs /proc/self/mountinfo || true"

    def test_below_a_bind(self):
        self.mount(self.volume, "ro")
        self.assertEqual(self.inside(self.SEEN).split(), "reached /vol ro /vol/pins rw /vol/sub rw 0".split())

    def test_below_a_bind_in_a_user_namespace(self):
        """Only the host's root may walk the path of the source."""
        self.in_user_namespace()
        os.chmod(f"{self.top}/closed", 0o700)
        self.mount(self.volume, "rro")
        self.assertEqual(self.inside(self.SEEN).split(), "reached /vol ro /vol/pins ro /vol/sub ro 0".split())

    def test_relative_source(self):
        self.mount("../closed/volume")
        self.assertEqual(self.inside(self.SEEN).split(), "reached /vol rw /vol/pins rw /vol/sub rw 0".split())

    def test_the_hosts_root(self):
        """-v /:/host:rslave does not show the container's own mounts, which are below the host's root while they are made."""
        self.config["mounts"].append({"destination": "/host", "type": "bind", "source": "/", "options": ["rbind", "rslave"]})
        out = self.inside(f"cat /host{self.volume}/file; grep -F ' /host' /proc/self/mountinfo")
        self.assertTrue(out.startswith("reached\n"), out)
        self.assertNotIn(self.rootfs, out)
        self.assertNotIn("nsfs", out)

    def test_propagation(self):
        """The namespace in which the copy was made is gone, and the copy still follows the host."""
        subprocess.run(["mount", "--bind", self.volume, self.volume], check=True)
        self.addCleanup(subprocess.run, ["umount", "--recursive", self.volume], check=True)
        subprocess.run(["mount", "--make-private", self.volume], check=True)
        subprocess.run(["mount", "--make-shared", self.volume], check=True)
        self.pin(f"{self.volume}/sub")
        for word, fields in (("rslave", ["master"]), ("rprivate", []), ("rshared", ["shared"])):
            with self.subTest(word=word):
                self.config["mounts"] = [item for item in self.config["mounts"] if item["destination"] != "/vol"]
                self.mount(self.volume, word)
                line = next(line for line in self.inside("cat /proc/self/mountinfo").splitlines() if line.split()[4] == "/vol")
                self.assertEqual([field.split(":")[0] for field in line.split(" - ")[0].split()[6:]], fields, line)

    def test_in_the_root(self):
        self.pin(f"{self.rootfs}/var")
        for options in ((), ("--no-pivot",)):
            self.assertEqual(self.inside("stat -f -c %T /var/pins; grep -c nsfs /proc/self/mountinfo || true", *options), "tmpfs\n0\n")

    def test_in_the_root_in_a_user_namespace(self):
        self.in_user_namespace()
        os.chmod(self.bundle, 0o700)
        self.pin(f"{self.rootfs}/var")
        self.assertEqual(self.inside("stat -f -c %T /var/pins; grep -c nsfs /proc/self/mountinfo || true"), "tmpfs\n0\n")

    def test_added_later(self):
        self.start_sleeper()
        mounts = [{"destination": "/vol", "type": "bind", "source": self.volume, "options": ["rbind"]}]
        self.ok("mounts", "add", self.cid, "-", stdin=json.dumps(mounts))
        out = self.ok("exec", self.cid, "/bin/sh", "-c", self.SEEN).out
        self.ok("delete", "--force", self.cid)
        self.assertEqual(out.split(), "reached /vol rw /vol/pins rw /vol/sub rw 0".split())

    def test_the_file_itself(self):
        """krun cannot bind the file of a mount namespace itself."""
        self.mount(f"{self.volume}/pins/mnt")
        self.write_config()
        self.assertIn("'/vol'", self.run_fails())


class HostileRoot(KrunTest):
    """The root directory belongs to the container, and no link in it may lead out."""

    def test_destination_behind_a_link_stays_inside(self):
        outside = f"{self.top}/outside"
        os.mkdir(outside)
        for target in (outside, "../../../../.." + outside, "/../.." + outside):
            with self.subTest(target=target):
                link = f"{self.rootfs}/link"
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(target, link)
                self.config["mounts"] = [item for item in self.config["mounts"]
                                         if not item["destination"].startswith("/link")]
                self.config["mounts"].append({"destination": "/link/made", "type": "tmpfs", "source": "tmpfs"})
                self.inside("true")
                self.assertEqual(os.listdir(outside), [])

    def device_directory(self, target):
        """Runs a container whose image has a link in the place of /dev, and that mounts nothing there."""
        os.rmdir(f"{self.rootfs}/dev")
        os.symlink(target, f"{self.rootfs}/dev")
        self.config["mounts"] = [item for item in self.config["mounts"] if not item["destination"].startswith("/dev")]
        self.shell("[ -c /dev/null ] && echo null")
        return self.run_container()

    def test_device_directory_that_is_a_link(self):
        """Devices come to where the link leads in the root, and nowhere else."""
        outside = f"{self.top}/outside"
        os.mkdir(outside)
        result = self.device_directory(outside)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("open the container's '/dev'", result.err)
        self.assertEqual(os.listdir(outside), [])

    def test_device_directory_that_is_a_link_inside(self):
        outside = f"{self.top}/devices"
        for path in (outside, self.rootfs + outside):
            os.makedirs(path)
        result = self.device_directory(outside)
        self.assertEqual((result.status, result.out), (0, "null\n"), result)
        self.assertEqual(os.listdir(outside), [])
        self.assertIn("null", os.listdir(self.rootfs + outside))

    def test_masked_path_that_is_a_link_masks_inside_only(self):
        os.symlink("/etc/passwd", f"{self.rootfs}/secret")
        self.assertIn("alice", self.inside("cat /etc/passwd"))
        self.config["linux"]["maskedPaths"].append("/secret")
        self.assertEqual(self.inside("cat /etc/passwd; stat -c %t:%T /secret/. /etc/passwd 2>/dev/null; echo end"), "1:3\nend\n")
        self.assertGreater(os.path.getsize("/etc/passwd"), 0)
        self.assertGreater(os.path.getsize(f"{self.rootfs}/etc/passwd"), 0)

    KINDS = ("file", "link to a file", "zero", "block device", "fifo", "null")

    @staticmethod
    def plant(path, kind):
        """Makes a file; only the last of the kinds is the kernel's /dev/null."""
        if os.path.lexists(path):
            os.unlink(path)
        if kind == "file":
            open(path, "w").close()
        elif kind == "link to a file":
            os.symlink("/etc/passwd", path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            os.mknod(path, 0o666 | (stat.S_IFBLK if kind == "block device" else stat.S_IFCHR), os.makedev(1, 5 if kind == "zero" else 3))

    def test_masked_path_over_another_dev_null(self):
        """A masked file is covered by what the container has at /dev/null, which has to be that device."""
        source = os.path.join(self.top, "source")
        self.config["mounts"].append({"destination": "/dev/null", "type": "bind", "source": source, "options": ["bind"]})
        self.config["linux"]["maskedPaths"] = ["/etc/group"]
        for kind in self.KINDS:
            with self.subTest(kind=kind):
                self.plant(source, kind)
                self.shell("cat /etc/group; echo end")
                result = self.run_container()
                if kind == "null":
                    self.assertEqual((result.status, result.out), (0, "end\n"), result)
                else:
                    self.assertEqual((result.status, result.out), (1, ""), result)
                    self.assertIn("mask '/etc/group'", result.err)

    def test_another_node_at_the_path_of_a_device(self):
        self.config["linux"]["devices"] = [{"path": "/opt/mine", "type": "c", "major": 1, "minor": 3}]
        for kind in self.KINDS:
            with self.subTest(kind=kind):
                self.plant(f"{self.rootfs}/opt/mine", kind)
                self.shell("stat -c %t:%T /opt/mine")
                if kind == "null":
                    self.assertEqual(self.run_ok(), "1:3\n")
                else:
                    self.assertIn("device '/opt/mine': something else is there already", self.run_fails())

    def test_proc_that_is_not_a_directory_is_refused(self):
        os.rmdir(f"{self.rootfs}/proc")
        os.symlink("/tmp", f"{self.rootfs}/proc")
        self.write_config()
        self.assertIn("/proc", self.run_fails())

    def test_program_cannot_reach_krun_through_proc(self):
        """A created container is a process of krun in the container, whose program is on a read-only mount of its own."""
        program = os.path.realpath(self.command()[0])
        before = os.stat(program).st_mtime_ns
        self.shell("true")
        self.create()
        exe = f"/proc/{self.state()['pid']}/exe"
        with open(exe, "rb") as file, open(program, "rb") as own:
            self.assertEqual(file.read(), own.read())
            self.assertTrue(os.fstatvfs(file.fileno()).f_flag & os.ST_RDONLY)
        # Not to be written because it is executed right now, or because its mount is read-only.
        with self.assertRaises(OSError) as refused:
            os.close(os.open(exe, os.O_WRONLY))
        self.assertIn(refused.exception.errno, (errno.ETXTBSY, errno.EROFS))
        self.assertEqual(os.stat(program).st_mtime_ns, before)


class Devices(BothModes):
    def test_default_devices_and_links(self):
        out = self.inside("for d in null zero full random urandom tty; do stat -c '%n %t:%T %a %F' /dev/$d; done; "
                          "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done")
        self.assertEqual(out.splitlines(), [
            "/dev/null 1:3 666 character special file", "/dev/zero 1:5 666 character special file",
            "/dev/full 1:7 666 character special file", "/dev/random 1:8 666 character special file",
            "/dev/urandom 1:9 666 character special file", "/dev/tty 5:0 666 character special file",
            "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"])

    def test_configured_devices(self):
        self.config["linux"]["devices"] = [
            {"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8},
            {"path": "/run/pipe", "type": "p", "fileMode": 0o600}]
        out = self.inside("stat -c '%t:%T %a %u %g' /dev/mine; stat -c '%F %a' /run/pipe")
        self.assertEqual(out.splitlines(), ["1:3 640 7 8", "fifo 600"])

    def user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]

    def test_config_wins_on_the_default_paths(self):
        """A device or mount of config.json replaces the default device, however its path is written, with its own numbers, mode and owner."""
        with open(f"{self.top}/file", "w") as file:
            file.write("mine\n")
        os.mkfifo(f"{self.top}/pipe")
        os.chmod(f"{self.top}/pipe", 0o622)
        device = {"path": "/dev/random", "type": "c", "major": 1, "minor": 9}
        rows = (([{**device, "fileMode": 0o620, "uid": 7, "gid": 8}], [], "stat -c '%t:%T %a %u %g' /dev/random", "1:9 620 7 8"),
                ([{**device, "path": "/dev//tty/", "major": 5, "minor": 0, "fileMode": 0o600}], [], "stat -c '%t:%T %a' /dev/tty",
                 "5:0 600"),
                ([{"path": "/dev/zero", "type": "p", "fileMode": 0o640}], [], "stat -c '%F %a' /dev/zero", "fifo 640"),
                ([], [("/dev/random", "/dev/urandom")], "stat -c %t:%T /dev/random", "1:9"),
                ([device], [("/dev/random", "/dev/zero")], "stat -c %t:%T /dev/random", "1:5"),
                ([], [("/dev/./full/", f"{self.top}/file")], "cat /dev/full", "mine"),
                ([], [("/dev/null", f"{self.top}/pipe")], "stat -c '%F %a' /dev/null", "fifo 622"),
                ([], [("/dev/ptmx", "/dev/zero")], "stat -c %t:%T /dev/ptmx", "1:5"),
                ([{**device, "path": "/dev/ptmx", "major": 1, "minor": 3}], [], "stat -c %t:%T /dev/ptmx", "1:3"),
                ([{**device, "path": "/dev/stdin", "major": 1, "minor": 3}], [], "stat -c %t:%T /dev/stdin", "1:3"),
                ([], [("/dev/stderr", f"{self.top}/file")], "cat /dev/stderr", "mine"))
        for devices, binds, script, expected in rows:
            for user_namespace in (False, True):
                with self.subTest(devices=devices, binds=binds, user_namespace=user_namespace):
                    self.config = copy.deepcopy(CONFIG)
                    self.config["linux"].update(devices=devices, maskedPaths=[])
                    self.config["mounts"] += [{"destination": destination, "type": "bind", "source": source, "options": ["bind"]}
                                              for destination, source in binds]
                    if user_namespace:
                        self.user_namespace()
                    subprocess.run(["chown", "-R", "100000:100000" if user_namespace else "0:0", self.rootfs], check=True)
                    self.assertEqual(self.inside(script).strip(), expected)

    def test_file_of_the_image_at_the_path_of_a_device(self):
        for content in ("data", ""):
            with self.subTest(content=content):
                with open(f"{self.rootfs}/tmp/mine", "w") as file:
                    file.write(content)
                self.config["linux"]["devices"] = [{"path": "/tmp/mine", "type": "c", "major": 1, "minor": 5}]
                self.write_config()
                self.assertIn("device '/tmp/mine': something else is there already", self.run_fails())

    def test_device_that_is_not_allowed_cannot_be_opened(self):
        self.config["linux"]["devices"] = [{"path": "/dev/zero2", "type": "c", "major": 1, "minor": 5},
                                           {"path": "/dev/mem2", "type": "c", "major": 1, "minor": 1}]
        self.config["process"]["capabilities"] = {kind: ["CAP_MKNOD", "CAP_SYS_RAWIO"] for kind in
                                                  ("bounding", "effective", "permitted")}
        out = self.inside("head -c 1 /dev/zero2 | wc -c; head -c 1 /dev/mem2 2>&1; mknod /tmp/m c 1 1; "
                          "head -c 1 /tmp/m 2>&1; true")
        self.assertTrue(out.startswith("1\n"), out)
        self.assertEqual(out.count("Operation not permitted"), 2, out)

    def test_last_matching_rule_wins(self):
        self.config["linux"]["devices"] = [{"path": "/dev/mem2", "type": "c", "major": 1, "minor": 12}]
        self.config["linux"]["resources"]["devices"] = [
            {"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "access": "rw"},
            {"allow": False, "type": "c", "major": 1, "minor": 12, "access": "r"}]
        self.assertIn("Operation not permitted", self.inside("head -c 1 /dev/mem2 2>&1; true"))


class Filter(BothModes):
    """The command loads the device filter before anything could open a device, and only then after it made the child."""

    def run_injected(self, *words):
        self.write_config(args=["/bin/true"])
        return self.injected(words, "run", "--bundle", self.bundle, self.cid)

    def test_a_signal_while_the_kernel_checks_the_program(self):
        result = self.run_injected("fail", f"0:bpf:0:{errno.EAGAIN}")
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertTrue(os.path.getsize(f"{self.top}/report"))

    def calls(self):
        self.run_injected("list")
        with open(f"{self.top}/report") as file:
            return [words[1] for words in map(str.split, file) if words[0] == "0"]

    def test_beside_the_mounts(self):
        calls = self.calls()
        # The network namespace, for which the child waits before its console and its program.
        self.assertLess(calls.index("clone3"), calls.index("bpf"))
        self.assertLess(calls.index("bpf"), calls.index("unshare"))

    def test_a_child_that_does_not_wait(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "network"]
        calls = self.calls()
        self.assertLess(calls.index("bpf"), calls.index("clone3"))

    def test_a_file_system_on_a_device(self):
        self.config["mounts"].append({"destination": "/mnt", "type": "ext4", "source": "/dev/loop0", "options": ["ro"]})
        calls = self.calls()
        self.assertLess(calls.index("bpf"), calls.index("clone3"))


class Hidden(BothModes):
    def test_paths_in_many_forms(self):
        """With a slash at its end a masked path was taken for missing, and a device had no name."""
        self.config["linux"]["maskedPaths"] = ["/etc//passwd/", "/sys/firmware/."]
        self.config["linux"]["readonlyPaths"] = ["/proc/sys/"]
        self.config["linux"]["devices"] = [{"path": "/dev/mine/", "type": "c", "major": 1, "minor": 3},
                                           {"path": "/dev//x/y", "type": "c", "major": 1, "minor": 5}]
        self.config["mounts"].append({"destination": "//mnt/./here/", "type": "tmpfs", "source": "tmpfs"})
        out = self.inside("stat -c %t:%T /dev/mine /dev/x/y /etc/passwd; pwd; grep -c ' /mnt/here ' /proc/self/mountinfo; "
                          "echo x > /proc/sys/kernel/domainname || echo ro", cwd="//tmp/.//").split()
        self.assertEqual(out, ["1:3", "1:5", "1:3", "/tmp", "1", "ro"])

    def test_every_path_of_the_lists(self):
        """The first, the last and those between."""
        names = [f"file{number}" for number in range(4)]
        for name in names:
            os.mkdir(f"{self.rootfs}/opt/{name}")
            with open(f"{self.rootfs}/etc/{name}", "w") as file:
                file.write(name)
        self.config["linux"]["maskedPaths"] = [f"/etc/{name}" for name in names]
        self.config["linux"]["readonlyPaths"] = [f"/opt/{name}" for name in names]
        self.assertEqual(self.inside("cat /etc/file*; for d in /opt/*; do mkdir $d/x 2>/dev/null || echo ro; done"), "ro\n" * 4)

    def test_path_that_cannot_be_looked_up(self):
        """It is not taken for one that is not there."""
        os.symlink("loop", f"{self.rootfs}/opt/loop")
        for key, text in (("maskedPaths", "mask '/opt/loop'"), ("readonlyPaths", "read-only path '/opt/loop'")):
            with self.subTest(key=key):
                paths = self.config["linux"][key]
                self.config["linux"][key] = [*paths, "/opt/loop"]
                self.write_config()
                self.assertIn(text, self.run_fails())
                self.config["linux"][key] = paths

    def test_read_only_path_with_a_mount_below(self):
        """Only the mount of the path itself is read-only, as with other runtimes; what is mounted below stays."""
        self.config["mounts"].append({"destination": "/opt/below", "type": "tmpfs", "source": "tmpfs"})
        self.config["linux"]["readonlyPaths"] = ["/opt"]
        self.assertEqual(self.inside("stat -f -c %T /opt/below; mkdir /opt/below/x && echo rw; mkdir /opt/x 2>/dev/null || echo ro"),
                         "tmpfs\nrw\nro\n")

    def test_masked_and_read_only_paths(self):
        with open(f"{self.rootfs}/etc/secret", "w") as file:
            file.write("secret\n")
        os.mkdir(f"{self.rootfs}/hidden")
        with open(f"{self.rootfs}/hidden/file", "w") as file:
            file.write("x")
        self.config["linux"]["maskedPaths"] += ["/etc/secret", "/hidden", "/no/such"]
        self.config["linux"]["readonlyPaths"] += ["/etc", "/no/such"]
        out = self.inside("cat /etc/secret; ls /hidden; touch /etc/x 2>&1; touch /hidden/x 2>&1; "
                          "echo 1 > /proc/sys/kernel/hostname; true")
        self.assertEqual(out.count("Read-only file system"), 2, out)
        self.assertNotIn("secret\n", out)
        self.assertTrue(stat.S_ISREG(os.stat(f"{self.rootfs}/etc/secret").st_mode))


class IdMapped(BothModes):
    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.top, "source")
        os.makedirs(f"{self.source}/below")
        os.mkdir(f"{self.rootfs}/mnt")
        for name, owner in (("root", 0), ("alice", 1000)):
            with open(f"{self.source}/{name}", "w") as file:
                file.write(name)
            os.chown(f"{self.source}/{name}", owner, owner)

    def needs_tmpfs(self):
        if tuple(int(word) for word in os.uname().release.split(".")[:2]) < (6, 3):
            self.skipTest("tmpfs has mapped ids since Linux 6.3")

    def mount(self, **more):
        entry = {"destination": "/mnt", "type": "bind", "source": self.source, "options": ["rbind"]}
        entry.update(more)
        self.config["mounts"].append(entry)

    @staticmethod
    def maps(container, host, size=1):
        return [{"containerID": container, "hostID": host, "size": size}]

    def user_namespace(self, host=100000):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = self.maps(0, host, 65536)
        # The root belongs to the container's root, as with engines.
        for folder in ("", "mnt", "opt"):
            os.chown(os.path.join(self.rootfs, folder), host, host)

    def test_mappings_of_the_mount(self):
        self.mount(uidMappings=self.maps(1000, 2000), gidMappings=self.maps(1000, 3000))
        self.assertEqual(self.inside("stat -c '%u %g' /mnt/alice; stat -c '%u' /mnt/root").split(),
                         ["2000", "3000", "65534"])

    def test_files_made_through_it_have_the_mapped_owner(self):
        self.mount(uidMappings=self.maps(0, 1000, 10), gidMappings=self.maps(0, 1000, 10))
        os.chmod(self.source, 0o777)
        self.inside("touch /mnt/made", user={"uid": 1003, "gid": 1004})
        info = os.stat(f"{self.source}/made")
        self.assertEqual((info.st_uid, info.st_gid), (3, 4))

    def test_option_alone_takes_the_mappings_of_the_user_namespace(self):
        for option, expected in ((["rbind"], "65534"), (["rbind", "idmap"], "0"), (["rbind", "ridmap"], "0")):
            with self.subTest(option=option):
                self.setUpConfig()
                self.user_namespace()
                self.mount(options=option)
                self.assertEqual(self.inside("stat -c %u /mnt/root").strip(), expected)

    def setUpConfig(self):
        self.config = copy.deepcopy(CONFIG)

    def test_mappings_of_the_option(self):
        """podman writes these mappings, also relative to the container's user namespace."""
        self.mount(options=["rbind", "idmap=uids=0-2000-1#1000-3000-5;gids=0-2001-1#1000-3001-5"])
        self.assertEqual(self.inside("stat -c '%u %g' /mnt/root /mnt/alice").split(), ["2000", "2001", "3000", "3001"])
        self.setUpConfig()
        self.user_namespace()
        self.mount(options=["rbind", "idmap=uids=@0-7-1#@1000-8-1;gids=@0-9-1#@1000-10-1"])
        self.assertEqual(self.inside("stat -c '%u %g' /mnt/root /mnt/alice").split(), ["7", "9", "8", "10"])

    def test_recursive_or_not(self):
        self.needs_tmpfs()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{self.source}/below"], check=True)
        try:
            for option, expected in (("idmap", "0"), ("ridmap", "2000")):
                with self.subTest(option=option):
                    self.setUpConfig()
                    self.mount(options=["rbind", option], uidMappings=self.maps(0, 2000), gidMappings=self.maps(0, 2000))
                    self.assertEqual(self.inside("stat -c %u /mnt /mnt/below").split(), ["2000", expected])
        finally:
            subprocess.run(["umount", "-l", f"{self.source}/below"], check=True)

    def test_new_file_system(self):
        self.needs_tmpfs()
        self.mount(type="tmpfs", source="tmpfs", options=["mode=777", "uid=5"], uidMappings=self.maps(5, 7),
                   gidMappings=self.maps(0, 8))
        self.assertEqual(self.inside("stat -c '%u %g' /mnt; grep -c ' /mnt ' /proc/mounts").split(), ["7", "8", "1"])

    def test_file_system_that_does_not_allow_it(self):
        self.mount(type="mqueue", source="mqueue", options=[], uidMappings=self.maps(0, 7), gidMappings=self.maps(0, 8))
        self.write_config()
        self.assertIn("'/mnt': its file system (mqueue) does not allow it", self.run_fails())

    def test_mistakes(self):
        self.mount(uidMappings=self.maps(0, 7))
        self.write_config()
        self.assertIn("uidMappings and gidMappings go together", self.run_fails())
        self.setUpConfig()
        self.mount(options=["rbind", "idmap"])
        self.write_config()
        self.assertIn("idmap needs mappings", self.run_fails())


class NoFollow(BothModes):
    def test_destination_that_is_a_symlink_is_covered(self):
        os.symlink("/etc/passwd", f"{self.rootfs}/link")
        source = os.path.join(self.top, "file")
        with open(source, "w") as file:
            file.write("bound\n")
        self.config["mounts"].append({"destination": "/link", "type": "bind", "source": source,
                                      "options": ["bind", "dest-nofollow"]})
        self.assertEqual(self.inside("cat /link; grep -c bound /etc/passwd; true").split(), ["bound", "0"])


class Live(BothModes):
    """`mounts add` and `mounts remove` on a container that runs."""

    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.top, "source")
        os.mkdir(self.source)
        with open(f"{self.source}/file", "w") as file:
            file.write("from outside\n")

    def mounts(self, verb, *entries, **more):
        return self.ok("mounts", verb, self.cid, "-", stdin=json.dumps(entries), **more)

    def look(self, script):
        return self.ok("exec", self.cid, "sh", "-c", script).out

    def test_bind_and_tmpfs_come_and_go(self):
        self.start_sleeper()
        bind = {"destination": "/live/bind", "type": "bind", "source": self.source, "options": ["bind", "ro", "nosuid"]}
        tmpfs = {"destination": "/live/tmpfs", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "mode=700"]}
        self.mounts("add", bind, tmpfs)
        self.assertEqual(self.look("cat /live/bind/file; touch /live/bind/x 2>&1; stat -c %a /live/tmpfs"),
                         "from outside\ntouch: /live/bind/x: Read-only file system\n700\n")
        self.mounts("remove", {"destination": "/live/bind", "type": "none"}, {"destination": "/live/tmpfs", "type": "none"})
        self.assertEqual(self.look("ls /live/bind; grep -c live /proc/mounts; true"), "0\n")
        self.ok("delete", "--force", self.cid)

    def test_user_namespace(self):
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        for folder in ("", "opt", "tmp"):
            os.chown(os.path.join(self.rootfs, folder), 100000, 100000)
        self.start_sleeper()
        self.mounts("add", {"destination": "/tmp/t", "type": "tmpfs", "source": "tmpfs"},
                    {"destination": "/tmp/b", "type": "bind", "source": self.source, "options": ["bind"]})
        self.assertEqual(self.look("stat -c %u /tmp/t; cat /tmp/b/file"), "0\nfrom outside\n")
        self.ok("delete", "--force", self.cid)

    def test_destination_behind_a_link_stays_inside(self):
        os.symlink("/../../../../../" + self.top, f"{self.rootfs}/out")
        self.start_sleeper()
        self.mounts("add", {"destination": "/out/inside", "type": "tmpfs", "source": "tmpfs"})
        self.assertFalse(os.path.exists(f"{self.top}/inside"))
        self.ok("delete", "--force", self.cid)

    def test_mistakes(self):
        self.start_sleeper()
        for verb, text, part in (("add", "{}", "stdin: /: expected an array"), ("add", "[{}]", "stdin: /0/destination: missing"),
                                 ("sub", "[]", "mounts: 'sub' is neither add nor remove"),
                                 ("remove", '[{"destination":"/tmp","type":"none"}]', "nothing is mounted on '/tmp'"),
                                 ("remove", '[{"destination":"/nowhere","type":"none"}]', "'/nowhere'"),
                                 ("add", '[{"destination":"/x","type":"bind","source":"/no/such"}]', "'/no/such'"),
                                 ("add", '[{"destination":"/x","type":"nofs"}]', "nofs")):
            with self.subTest(text=text):
                self.assertIn(part, self.fails("mounts", verb, self.cid, "-", stdin=text))
        self.assertIn("'nobody' does not exist", self.fails("mounts", "add", "nobody", "-", stdin="[]"))
        self.ok("delete", "--force", self.cid)
