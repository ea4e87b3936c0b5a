# SPDX-License-Identifier: Apache-2.0
"""Directories of the image that are links, by every way out: krun's work ends up inside of the root, or there is an error."""

import os
import stat

from race import Outside

ROWS = (
    ("Links.test_proc", "the image's /proc is a link", "a proc with its masks, or an error", "CVE-2019-19921"),
    ("Links.test_sys", "the image's /sys is a link", "nothing of the host is covered, or an error", "CVE-2019-19921"),
    ("Links.test_dev", "the image's /dev is a link", "nothing is made outside", "CVE-2026-41579"),
    ("Links.test_terminals", "the image's /dev/pts is a link, in a /dev that is the image's own", "nothing is made outside", "CVE-2025-52565"),
    ("Links.test_etc", "the image's /etc is a link", "the home is not from the host's passwd", "CVE-2021-30465"),
    ("Links.test_destination", "the destination of a mount is a link", "mounted inside, or an error", "CVE-2021-30465"),
    ("Links.test_parent", "the directory above a destination is a link", "mounted inside, or an error", "CVE-2021-30465"),
    ("Links.test_missing", "the same with a destination that has to be made", "nothing is made outside", "CVE-2024-45310"),
    ("Links.test_directory", "the working directory is a link", "nothing of the host is found from there", "CVE-2024-21626"),
    ("Magic.test_program", "the program is a link of the kernel's to a process or a descriptor", "krun's own file stays as it is, or an error",
     "CVE-2019-5736"),
    ("Magic.test_destination", "the destination of a mount is such a link", "nothing outside is covered", "CVE-2025-52881"),
    ("Magic.test_source", "the source of a bind below the root is such a link", "nothing of the host is seen", "CVE-2021-30465"),
    ("Null.test_masks", "the image's /dev/null is something else when a file is masked", "the file reads as empty, or an error", "CVE-2025-31133"),
)
MARK = "link-mark"


class Links(Outside):
    def ways(self, target):
        """Links by which one would come to @target outside of the root."""
        up = "../" * 24
        return {"absolute": target, "relative": up + target[1:], "through itself": f"/./{up}proc/../{target}", "loop": "{name}",
                "magic": f"/proc/self/root{target}", "magic of another": f"/proc/1/root{target}", "working directory": f"/proc/self/cwd/{up}{target}",
                "nowhere": f"{target}/none"}

    def attack(self, path, target, script, check, make=None):
        """Puts each link at @path of the root and runs @script. @check: called with what it says, when krun has run it."""
        place = self.rootfs + path
        for way, text in self.ways(target).items():
            with self.subTest(way=way):
                self.clear(place)
                os.symlink(text.format(name=os.path.basename(path)), place)
                self.shell(script)
                result = self.run_container()
                self.assert_outside_kept()
                if result.status == 0:
                    check(result)
                else:
                    self.assert_one_error(result)

    def test_proc(self):
        self.attack("/proc", f"{self.outside}/dir", "(: >> /proc/sys/kernel/core_pattern) 2> /dev/null && echo OPENED; cat /proc/timer_list "
                    "2> /dev/null; true", lambda result: self.assertEqual(result.out, "", result))

    def test_sys(self):
        self.attack("/sys", f"{self.outside}/dir", "true", self.assert_nothing_of_the_host)

    def test_dev(self):
        self.without_mounts("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
        self.attack("/dev", f"{self.outside}/dir", "true", self.assert_nothing_of_the_host)

    def test_terminals(self):
        self.without_mounts("/dev", "/dev/shm", "/dev/mqueue")
        self.attack("/dev/pts", f"{self.outside}/dir", "grep -c ' - devpts ' /proc/self/mountinfo",
                    lambda result: self.assertEqual(result.out, "1\n", result))

    def test_etc(self):
        with open(f"{self.outside}/dir/passwd", "w") as file:
            file.write("root:x:0:0:root:/home-of-the-host:/bin/sh\n")
        self.remember_outside()
        self.attack("/etc", f"{self.outside}/dir", "echo $HOME", lambda result: self.assertEqual(result.out, "/\n", result))

    def mounted(self, path, destination):
        self.config["mounts"].append({"destination": destination, "type": "tmpfs", "source": MARK})
        self.attack(path, f"{self.outside}/dir", f"grep -c {MARK} /proc/self/mountinfo",
                    lambda result: self.assertEqual(result.out, "1\n", result))

    def test_destination(self):
        self.mounted("/link", "/link")

    def test_parent(self):
        self.mounted("/link", "/link/target")

    def test_missing(self):
        self.mounted("/link", "/link/a/b")

    def test_directory(self):
        self.config["process"]["cwd"] = "/link"
        self.attack("/link", f"{self.outside}/dir", "cat inner target/inner 2> /dev/null; true", self.assert_nothing_of_the_host)


class Magic(Outside):
    """The links of the kernel's, which have no path: /proc/PID/exe, cwd, root, fd."""

    LINKS = ("/proc/self/exe", "/proc/self/root", "/proc/self/cwd", "/proc/self/fd/0", "/proc/self/fd/3", "/proc/self/fd/6", "/proc/1/exe",
             "/proc/1/root/bin/sh", "/proc/self/map_files")

    def each(self, change, check):
        for link in self.LINKS:
            with self.subTest(link=link):
                change(link)
                result = self.run_container()
                self.assert_outside_kept()
                self.assert_nothing_of_the_host(result)
                check(result)

    def test_program(self):
        self.copy_program()
        with open(self.program, "rb") as file:
            content = file.read()

        def check(result):
            with open(self.program, "rb") as file:
                self.assertEqual(file.read(), content, "krun's own file")

        self.each(lambda link: self.write_config(args=[link, "-c", f"echo inside; : > {link}"]), check)

    def test_destination(self):
        def change(link):
            self.config["mounts"][-1] = {"destination": link, "type": "bind", "source": f"{self.outside}/dir", "options": ["bind", "ro"]}
            self.write_config(args=["/bin/true"])

        self.config["mounts"].append({})
        self.each(change, lambda result: None)

    def test_source(self):
        def change(link):
            self.config["mounts"][-1] = {"destination": "/tmp", "type": "bind", "source": f"rootfs{link}", "options": ["bind"]}
            self.shell(f"cat /tmp{self.canary} /tmp/{os.path.basename(self.canary)} 2> /dev/null; true")

        self.config["mounts"].append({})
        self.each(change, lambda result: None)


class Null(Outside):
    def test_masks(self):
        self.without_mounts("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
        with open(f"{self.rootfs}/secret", "w") as file:
            file.write("MASKED\n")
        self.config["linux"]["maskedPaths"] = ["/secret"]
        self.shell("cat /secret")
        null = f"{self.rootfs}/dev/null"
        for kind, make in (("link", lambda: os.symlink(f"{self.outside}/file", null)), ("fifo", lambda: os.mkfifo(null)),
                           ("file", lambda: os.symlink("/secret", null)), ("directory", lambda: os.mkdir(null)),
                           ("zero", lambda: os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 5))),
                           ("link to proc", lambda: os.symlink("/proc/sys/kernel/core_pattern", null))):
            with self.subTest(kind=kind):
                self.clear(null)
                make()
                result = self.run_container(timeout=20)
                self.assert_outside_kept()
                self.assertEqual(result.out, "", result)
