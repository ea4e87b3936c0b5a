# SPDX-License-Identifier: Apache-2.0
"""A fake /proc that the container has mounted, and working directories that lead through the real one."""

import os

from hostile import BothModes

ROWS = (
    ("Proc.test_key_label_of_exec", "/proc is a volume when exec sets the label of its keyring", "the volume gets nothing",
     "CVE-2025-52881"),
    ("Proc.test_profile_of_exec", "the same with exec's AppArmor profile", "the volume gets nothing", "CVE-2019-19921"),
    ("Proc.test_score_of_exec", "the same with exec's oomScoreAdj", "the volume gets nothing", "CVE-2025-52881"),
    ("Proc.test_covered_by_the_payload", "the payload itself binds something over its /proc", "it gets nothing",
     "CVE-2025-52881"),
    ("Proc.test_create", "a bind over /proc in config.json when create sets sysctls, score and profile",
     "the volume gets nothing", "CVE-2025-52881"),
    ("Proc.test_create_in_a_user_namespace", "the same in a user namespace of root's", "the volume gets nothing",
     "CVE-2025-52881"),
    ("Directory.test_descriptors", "process.cwd is a descriptor of krun's under /proc/self/fd",
     "the host's files are not found", "CVE-2024-21626"),
    ("Directory.test_descriptors_of_a_link", "the same by way of a link of the image's", "the host's files are not found",
     "CVE-2024-21626"),
    ("Directory.test_magic_links", "process.cwd is /proc/self/cwd, /proc/1/root and their kind",
     "the host's files are not found", "CVE-2024-21626"),
    ("Directory.test_descriptors_of_exec", "exec --cwd with a descriptor of krun's", "the host's files are not found",
     "CVE-2024-21626"),
    ("Directory.test_descriptors_of_exec_by_a_link", "the same by way of a link of the payload's",
     "the host's files are not found", "CVE-2024-21626"),
    ("Directory.test_magic_links_of_exec", "exec --cwd with /proc/self/cwd and its kind", "the host's files are not found",
     "CVE-2024-21626"),
    ("Directory.test_descriptors_in_a_user_namespace", "process.cwd and exec --cwd in a user namespace of root's",
     "the host's files are not found", "CVE-2024-21626"),
    ("Directory.test_descriptors_of_an_ordinary_user", "the same, of an ordinary user", "the host's files are not found",
     "CVE-2024-21626"),
)
MAGIC = ("/proc/self/cwd", "/proc/self/root", "/proc/thread-self/cwd", "/proc/1/cwd", "/proc/1/root", "/proc/self/task/1/cwd")
DESCRIPTORS = range(3, 25)


class Proc(BothModes):
    FILES = [f"{name}/{file}" for name in ("self", "thread-self", "1") for file in
             ("attr/keycreate", "attr/exec", "attr/current", "attr/fscreate", "attr/apparmor/exec", "attr/selinux/exec",
              "attr/selinux/keycreate", "oom_score_adj", "loginuid", "uid_map", "setgroups")] + ["sys/net/ipv4/ip_forward"]

    def volume(self):
        path = os.path.join(self.top, "volume")
        for name in self.FILES:
            os.makedirs(os.path.dirname(f"{path}/{name}"), exist_ok=True)
            open(f"{path}/{name}", "w").close()
            os.chmod(f"{path}/{name}", 0o666)
        return path

    def assert_empty(self, path):
        written = []
        for name in self.FILES:
            with open(f"{path}/{name}") as file:
                written += [f"{name}: {text!r}" for text in [file.read()] if text]
        self.assertEqual(written, [], "written into the container's /proc")

    def start_covered(self):
        """Starts a container in which a volume covers /proc, as config.json may ask; km needs the real one at its start."""
        path = self.volume()
        self.in_user_namespace()
        self.more_capabilities("CAP_SYS_ADMIN")
        self.bind(path, "/volume")
        self.start("mount --bind /volume /proc && echo READY; exec sleep 1000")
        return path

    def attack(self, *options):
        path = self.start_covered()
        self.krun("exec", *options, self.cid, "true", timeout=20)
        self.assert_empty(path)

    def test_key_label_of_exec(self):
        self.attack("--process-label", "system_u:system_r:container_t:s0")

    def test_profile_of_exec(self):
        self.attack("--apparmor", "unconfined")

    def test_score_of_exec(self):
        process = os.path.join(self.top, "process.json")
        self.start("echo READY")
        self.ok("delete", "--force", self.cid)
        with open(process, "w") as file:
            file.write('{"args": ["/bin/true"], "cwd": "/", "oomScoreAdj": 500, "user": {"uid": 0, "gid": 0}}')
        self.attack("--process", process)

    def test_covered_by_the_payload(self):
        self.attack("--no-new-privs", "--cap", "CAP_CHOWN", "--process-label", "user:role:type:s0")

    def attack_create(self):
        path = self.volume()
        self.without_mounts("/proc")
        self.config["linux"].update(maskedPaths=[], readonlyPaths=[], sysctl={"net.ipv4.ip_forward": "1"})
        self.bind(path, "/proc")
        self.write_config(args=["/bin/true"], oomScoreAdj=500, apparmorProfile="unconfined")
        self.krun("run", "--bundle", self.bundle, self.cid, timeout=20)
        self.assert_empty(path)

    def test_create(self):
        self.attack_create()

    def test_create_in_a_user_namespace(self):
        self.in_user_namespace()
        self.attack_create()


class Directory(BothModes):
    def setUp(self):
        super().setUp()
        ups = " ".join("../" * level + "." for level in range(14))
        # Prints what a process finds from its working directory, and the path of that.
        self.script = (f"for i in {ups}; do cat $i/{self.canary.lstrip('/')} 2>/dev/null; done; "
                       "pwd; readlink /proc/self/cwd; true")

    def assert_inside(self, result, what):
        self.assertFalse(self.secret in result.out, f"{what}: a file of the host was read")
        self.assertNotIn("(unreachable)", result.out, f"{what}: the working directory is outside of the root")

    def run_in(self, directory):
        self.shell(self.script, cwd=directory)
        self.assert_inside(self.run_container(timeout=20), directory)

    def exec_in(self, directory):
        result = self.krun("exec", "--cwd", directory, self.cid, "sh", "-c", self.script, timeout=20)
        self.assert_inside(result, f"exec: {directory}")

    def sleeper(self, before="true"):
        self.start(f"{before}; echo READY; exec sleep 1000")

    def test_descriptors(self):
        for number in DESCRIPTORS:
            self.run_in(f"/proc/self/fd/{number}")

    def test_descriptors_of_a_link(self):
        for number in DESCRIPTORS:
            os.symlink(f"/proc/self/fd/{number}/", f"{self.rootfs}/work{number}")
            self.run_in(f"/work{number}")

    def test_magic_links(self):
        for path in MAGIC:
            self.run_in(path)

    def test_descriptors_of_exec(self):
        self.sleeper()
        for number in DESCRIPTORS:
            self.exec_in(f"/proc/self/fd/{number}")

    def test_descriptors_of_exec_by_a_link(self):
        self.sleeper("for i in $(seq 3 24); do ln -s /proc/self/fd/$i /work$i; done")
        for number in DESCRIPTORS:
            self.exec_in(f"/work{number}")

    def test_magic_links_of_exec(self):
        self.sleeper()
        for path in MAGIC:
            self.exec_in(path)

    def attack_both(self):
        for number in DESCRIPTORS:
            self.run_in(f"/proc/self/fd/{number}")
        self.config["process"]["cwd"] = "/"
        self.sleeper()
        for number in DESCRIPTORS:
            self.exec_in(f"/proc/self/fd/{number}")

    def test_descriptors_in_a_user_namespace(self):
        self.in_user_namespace()
        self.attack_both()

    def test_descriptors_of_an_ordinary_user(self):
        self.of_ordinary_user()
        self.attack_both()
