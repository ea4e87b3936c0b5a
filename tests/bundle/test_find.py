# SPDX-License-Identifier: Apache-2.0
"""--any-root: containers in the state roots of engines and users, found by an id, its beginning or the engine's name."""

import fcntl
import json
import os
import pty
import re
import pwd
import shutil
import subprocess
import sys
import time

from krun import PROGRAMS, KrunTest, Result, spoken

UID = pwd.getpwnam("www-data").pw_uid

# Exchanges two names of a directory for ever: what was a container is a link at the next look.
EXCHANGE = """import ctypes, os, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None)
while True:
    libc.renameat2(-100, sys.argv[2].encode(), -100, sys.argv[3].encode(), 2)
"""

# Puts an empty /run in place of the machine's, which only what follows sees.
OWN_RUN = """mount -t tmpfs -o mode=755 krun-test-run /run && mkdir -p /run/user && exec "$@" """
KUBERNETES = "/run/containerd/runc/k8s.io"
DOCKER = "/run/docker/runtime-runc/moby"
USER = f"/run/user/{UID}/krun"


class Find(KrunTest):
    """The machine of these tests has a /run of its own, in a mount namespace that a process of the test holds."""

    def setUp(self):
        super().setUp()
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", OWN_RUN, "sh", "sh", "-c",
                                        "echo ready; exec sleep 1000"], stdout=subprocess.PIPE)
        self.processes.append(self.holder)
        self.assertEqual(self.holder.stdout.readline(), b"ready\n")
        self.run_dir = f"/proc/{self.holder.pid}/root/run"
        self.made = []

    def tearDown(self):
        for root, identity in self.made:
            self.there("delete", "--force", identity, root=root)
        super().tearDown()

    def within(self, *words):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *words]

    def there(self, *arguments, root=None, user=None, before=(), **more):
        """Runs krun where the /run of the test is."""
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("stdin", subprocess.DEVNULL)
        program = PROGRAMS[self.mode]
        if user is not None:
            program = os.path.join(self.top, os.path.basename(program))
            if not os.path.exists(program):
                shutil.copy(PROGRAMS[self.mode], program)
            before = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--inh-caps=-all", *before]
        words = [program, *(["--root", root] if root else []), *spoken(arguments)]
        return Result(subprocess.run(self.within(*before, *words), timeout=60, check=False, **more))

    def works(self, *arguments, **more):
        result = self.there(*arguments, **more)
        self.assertEqual(result.status, 0, f"{arguments}: {result}")
        return result.out

    def complains(self, *arguments, **more):
        result = self.there(*arguments, **more)
        self.assertEqual((result.status, result.out, result.err.count("\n")), (1, "", 1), f"{arguments}: {result}")
        return result.err

    def container(self, root, identity, script="sleep 1000", **annotations):
        """Makes a container in @root, as an engine would, and starts it."""
        self.config["annotations"] = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
        self.shell(script)
        with open(self.log, "ab") as log:
            result = self.there("run", "--detach", "--bundle", self.bundle, identity, root=root, stdout=log, stderr=log)
        self.assertEqual(result.status, 0, self.logged())
        self.made.append((root, identity))
        self.ids.append(identity)

    def pod(self, identity, container=None, pod="front"):
        names = {"io.kubernetes.cri.sandbox-name": pod, "io.kubernetes.cri.sandbox-namespace": "shop",
                 "io.kubernetes.cri.sandbox-uid": f"uid-of-{pod}"}
        if container:
            names["io.kubernetes.cri.container-name"] = container
        self.container(KUBERNETES, identity, **names)

    def shown(self, word):
        state = json.loads(self.works("state", "--any-root", word))
        return state["id"]

    def test_list(self):
        self.pod("aaaa1111", "web")
        self.container(DOCKER, "bbbb2222")
        before = self.works("list")
        self.assertEqual(before.split("\n")[1:], [""], "without the option there is what there was")
        lines = self.works("list", "--any-root").splitlines()
        self.assertEqual(lines[0].split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "ROOT"])
        rows = {line.split()[0]: line.split() for line in lines[1:]}
        self.assertEqual(sorted(rows), ["aaaa1111", "bbbb2222"])
        self.assertEqual([rows["aaaa1111"][2], rows["aaaa1111"][-1]], ["running", KUBERNETES])
        self.assertEqual(rows["bbbb2222"][-1], DOCKER)
        self.assertEqual({line.index(word) for line, word in zip(lines, ("ROOT", "/run/", "/run/"))}, {lines[0].index("ROOT")})
        items = json.loads(self.works("list", "--any-root", "--format", "json"))
        self.assertEqual({item["id"]: item["root"] for item in items}, {"aaaa1111": KUBERNETES, "bbbb2222": DOCKER})
        self.assertEqual(self.works("list", "--any-root", "--quiet").split(), ["bbbb2222", "aaaa1111"])
        self.assertNotIn("root", json.loads(self.works("list", "--format", "json", root=DOCKER))[0])

    def test_a_root_that_was_named_is_one_of_them_once(self):
        own = os.path.join(self.top, "own")
        self.container(own, "cccc3333")
        self.assertEqual(self.works("list", "--any-root", "--quiet", root=own).split(), ["cccc3333"])
        self.container(DOCKER, "bbbb2222")
        self.assertEqual(self.works("list", "--any-root", "--quiet", root=DOCKER).split(), ["bbbb2222"])

    def test_words_that_find_a_container(self):
        self.pod("aaaa1111", "web")
        self.pod("aaaa2222", "log")
        self.pod("eeee5555", pod="back")
        self.container(DOCKER, "bbbb2222")
        self.container("/run/containerd/runc/default", "ffff6666", nerdctl__name="cache")
        for word, identity in (("aaaa1111", "aaaa1111"), ("aaaa1", "aaaa1111"), ("b", "bbbb2222"), ("web", "aaaa1111"),
                               ("front/web", "aaaa1111"), ("shop/front/log", "aaaa2222"), ("back", "eeee5555"),
                               ("shop/back", "eeee5555"), ("uid-of-back", "eeee5555"), ("cache", "ffff6666")):
            with self.subTest(word=word):
                self.assertEqual(self.shown(word), identity)
        for word in ("aaaa", "front", "uid-of-front"):
            with self.subTest(word=word):
                complaint = self.complains("state", "--any-root", word)
                self.assertIn(f"'{word}' may be 2 containers", complaint)
                self.assertIn(f"aaaa1111 (front/web) in '{KUBERNETES}'; aaaa2222 (front/log) in '{KUBERNETES}'", complaint)
        self.assertRegex(self.complains("state", "--any-root", "aaa9"),
                         r"container 'aaa9' does not exist: none in (1 state root|([2-9]|\d\d+) state roots) has this name")
        # An id is more than a name, and a name more than the beginning of an id.
        self.pod("web", "other")
        self.pod("cacheable", "third")
        self.assertEqual((self.shown("web"), self.shown("cache")), ("web", "ffff6666"))

    def test_commands(self):
        self.pod("aaaa1111", "web")
        pid = json.loads(self.works("state", "--any-root", "web"))["pid"]
        self.assertEqual(json.loads(self.works("ps", "--any-root", "--format", "json", "web")), [pid])
        event = json.loads(self.works("events", "--any-root", "--stats", "web"))
        self.assertEqual((event["type"], event["id"]), ("stats", "aaaa1111"))
        self.container(DOCKER, "bbbb2222")
        events = self.works("events", "--any-root", "--all", "--stats").splitlines()
        self.assertEqual(sorted(json.loads(line)["id"] for line in events), ["aaaa1111", "bbbb2222"])
        self.assertEqual(self.works("events", "--all", "--stats"), "")
        self.assertEqual(self.works("logs", "--any-root", "--exceptions", "front/web"), "")
        self.assertIn("container 'aaaa1111' does not run under km", self.complains("exceptions", "--any-root", "list", "web"))
        mounts = os.path.join(self.top, "mounts.json")
        with open(mounts, "w") as file:
            json.dump([{"destination": "/added", "type": "tmpfs", "source": "tmpfs"}], file)
        self.works("mounts", "--any-root", "add", "web", mounts)
        with open(f"/proc/{pid}/mountinfo") as file:
            self.assertIn(" /added ", file.read())

    def test_containers_of_other_runtimes_in_the_same_root(self):
        self.container(DOCKER, "bbbb2222")
        for identity, files in (("cccc0000", {"state.json": '{"id":"cccc0000","init_process_pid":1}'}), ("dddd0000", {"status": "x"}),
                                ("eeee0000", {"state.json": "no JSON"})):
            os.mkdir(f"{self.run_dir}/docker/runtime-runc/moby/{identity}")
            for name, text in files.items():
                with open(f"{self.run_dir}/docker/runtime-runc/moby/{identity}/{name}", "w") as file:
                    file.write(text)
        self.assertEqual(self.works("list", "--any-root", "--quiet").split(), ["bbbb2222"])
        self.assertEqual(self.shown("b"), "bbbb2222")
        self.assertIn("does not exist", self.complains("state", "--any-root", "cccc0000"))
        # A damaged one is krun's all the same.
        with open(f"{self.run_dir}/docker/runtime-runc/moby/bbbb2222/state.json", "w") as file:
            file.write("{")
        self.assertEqual(self.works("list", "--any-root", "--quiet").split(), ["bbbb2222"])

    def own_root_of_user(self):
        """Makes the root of an ordinary user, as pam_systemd(8) and krun do; returns its path from here."""
        path = f"{self.run_dir}/user/{UID}"
        os.makedirs(f"{path}/krun")
        for name in (path, f"{path}/krun"):
            os.chown(name, UID, UID)
            os.chmod(name, 0o700)
        return f"{path}/krun"

    def forged(self, root, identity, **changes):
        """Copies the state of a container into @root, as a user can write it."""
        with open(f"{self.run_dir}{KUBERNETES[4:]}/aaaa1111/state.json") as file:
            state = json.load(file)
        state.pop("check")
        state.update(id=identity, **changes)
        os.mkdir(f"{root}/{identity}")
        with open(f"{root}/{identity}/state.json", "w") as file:
            json.dump(state, file)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", f"{root}/{identity}"], check=True)

    def test_root_shows_a_users_containers_and_does_not_act_on_them(self):
        self.pod("aaaa1111", "web")
        root = self.own_root_of_user()
        self.forged(root, "mine")
        self.assertIn(f" {USER}\n", self.works("list", "--any-root"))
        self.assertEqual(self.shown("mine"), "mine")
        mounts = os.path.join(self.top, "mounts.json")
        with open(mounts, "w") as file:
            file.write("[]")
        for words in (("mounts", "--any-root", "add", "mine", mounts),
                      ("exceptions", "--any-root", "add", "mine", "^x$", "/bin/true")):
            complaint = self.complains(*words)
            self.assertIn(f"container 'mine' is in '{USER}', which another user can write", complaint)
            self.assertIn(f"--root {USER}", complaint)

    def test_a_user_does_not_take_the_place_of_a_container(self):
        """By a name, a prefix or an id of his own choice."""
        self.pod("aaaa1111", "web")
        root = self.own_root_of_user()
        for identity in ("aaaa", "web", "aaaa1111"):
            self.forged(root, identity)
        for word in ("aaaa", "aaaa1111", "web"):
            self.assertEqual(self.shown(word), "aaaa1111", word)

    def test_nobody_is_told_to_act_on_what_a_user_planted(self):
        self.pod("aaaa1111", "web")
        self.forged(self.own_root_of_user(), "mine", created="2026\nforged 1 running")
        text = f"krun: container 'mine' does not exist in '/run/krun'; it is in '{USER}', which another user can write\n"
        for words in (("kill", "mine", "KILL"), ("state", "mine")):
            self.assertEqual(self.on_a_terminal(*words), text)
        lines = self.works("list", "--any-root").splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["ID", "aaaa1111", "mine"])

    def test_a_user_does_not_make_root_wait_for_long(self):
        """A process that is neither before nor behind its start is waited for, for half a second each."""
        self.pod("aaaa1111", "web")
        root = self.own_root_of_user()
        process = subprocess.Popen(["setpriv", "--reuid", str(UID), "--clear-groups", "sleep", "1000"])
        self.processes.append(process)
        with open(f"/proc/{process.pid}/stat") as file:
            began = int(file.read().rsplit(")", 1)[1].split()[19])
        for number in range(20):
            self.forged(root, f"slow{number:02}", pid=process.pid, startTime=began, monitorPid=process.pid, personality="km",
                        startAt="payload")
        before = time.monotonic()
        result = self.there("list", "--any-root")
        self.assertLess(time.monotonic() - before, 8)
        self.assertRegex(result.err, f"'{USER}': [0-9]+ entries take too long and are left out")
        self.assertEqual([line.split()[0] for line in result.out.splitlines()][:3], ["ID", "aaaa1111", "slow00"])
        # Ids are known without a look at any process.
        self.assertEqual(len(self.works("list", "--any-root", "--quiet").split()), 21)
        before = time.monotonic()
        result = self.there("events", "--any-root", "--all", "--stats")
        self.assertLess(time.monotonic() - before, 8)
        self.assertIn(f"'{USER}' takes too long, and not all of its containers are watched", result.err)
        self.assertIn('"id":"aaaa1111"', result.out.replace(" ", ""))

    def test_what_a_user_exchanges_meanwhile_stops_nothing(self):
        self.pod("aaaa1111", "web")
        root = self.own_root_of_user()
        self.forged(root, "mine")
        os.symlink("/", f"{root}/link")
        self.processes.append(subprocess.Popen([sys.executable, "-c", EXCHANGE, root, "mine", "link"]))
        for _ in range(100):
            self.assertIn("aaaa1111", self.works("list", "--any-root", "--quiet"))

    def test_what_a_user_plants_stops_nothing(self):
        self.pod("aaaa1111", "web")
        root = self.own_root_of_user()
        trap = os.path.join(self.top, "trap")
        os.mkdir(trap)
        for name in ("cgroup.events", "cgroup.freeze", "memory.events", "cgroup.procs"):
            os.mkfifo(f"{trap}/{name}")
        os.mkfifo(f"{root}/fifo")
        os.mkdir(f"{root}/fifos")
        for name in ("state.json", "config.json"):
            os.mkfifo(f"{root}/fifos/{name}")
        os.symlink(f"{KUBERNETES}/aaaa1111", f"{root}/link")
        os.mkdir(f"{root}/links")
        os.symlink(f"{KUBERNETES}/aaaa1111/state.json", f"{root}/links/state.json")
        self.forged(root, "outside", cgroupPath="/.." * 9 + trap)
        self.forged(root, "relative", cgroupPath=trap[1:])
        self.forged(root, "nothing", cgroupPath="")
        locked = f"{root}/locked"
        os.mkdir(locked)
        lock = os.open(locked, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = self.works("list", "--any-root", "--quiet").split()
        self.assertEqual(found, ["aaaa1111", "nothing", "outside", "relative"])
        for identity in ("outside", "relative", "nothing"):
            # There is an answer or an error; the time-out of the call is what would fail.
            for words in (("state", "--any-root"), ("ps", "--any-root", "-f", "json"), ("events", "--any-root", "--stats")):
                self.assertIn(self.there(*words, identity).status, (0, 1), words)
        for number in range(300):
            self.forged(root, f"many{number}")
        result = self.there("list", "--any-root", "--quiet")
        self.assertIn(f"'{USER}' has more than 256 entries; the others are left out", result.err)
        self.assertIn("aaaa1111", result.out)

    def test_directories_on_the_way(self):
        """A link, a file and a file system of the user's are not entered, and what cannot be searched is said in one line."""
        self.pod("aaaa1111", "web")
        shutil.rmtree(self.own_root_of_user())
        os.symlink(KUBERNETES, f"{self.run_dir}/user/{UID}/krun")
        os.chown(f"{self.run_dir}/user/{UID}/krun", UID, UID, follow_symlinks=False)
        result = self.there("list", "--any-root", "--quiet")
        self.assertEqual((result.status, result.out), (0, "aaaa1111\n"), result)
        self.assertIn(f"not searched: '{USER}' (", result.err)
        os.remove(f"{self.run_dir}/user/{UID}/krun")
        os.mkdir(f"{self.run_dir}/user/{UID}/krun")
        subprocess.run(self.within("mount", "-t", "tmpfs", "none", USER), check=True)
        result = self.there("list", "--any-root", "--quiet")
        self.assertIn(f"not searched: '{USER}' (", result.err)
        subprocess.run(self.within("umount", USER), check=True)

    def test_ordinary_user(self):
        self.container(DOCKER, "bbbb2222")
        self.own_root_of_user()
        os.chmod(f"{self.run_dir}/docker", 0o700)
        os.makedirs(f"{self.run_dir}/user/0/krun")
        os.chmod(f"{self.run_dir}/user/0", 0o700)
        result = self.there("list", "--any-root", "--quiet", user=UID)
        self.assertEqual((result.status, result.out), (0, ""), result)
        self.assertEqual(result.err.count("\n"), 1, result)
        self.assertRegex(result.err, r"warning: not searched: '/run/docker' \(.*\), '/run/user/0' \(")
        # His own one is searched, wherever it is.
        runtime = os.path.join(self.top, "runtime")
        os.makedirs(f"{runtime}/docker/runtime-runc/moby/mine")
        subprocess.run(["chown", "-R", f"{UID}:{UID}", runtime], check=True)
        result = self.there("list", "--any-root", "--quiet", user=UID, before=["env", f"XDG_RUNTIME_DIR={runtime}"])
        self.assertEqual((result.status, result.out), (0, "mine\n"), result)

    def on_a_terminal(self, *arguments, root=None):
        """Returns what a command that fails writes to a terminal."""
        master, slave = pty.openpty()
        with os.fdopen(master, "rb", buffering=0) as output:
            result = self.there(*arguments, root=root, stderr=slave)
            self.assertNotEqual(result.status, 0)
            os.close(slave)
            text = b""
            try:
                while part := output.read(4096):
                    text += part
            except OSError:
                pass            # the end of a terminal
        return re.sub("\x1b\\[[0-9;]*m", "", text.decode().replace("\r\n", "\n"))     # colours

    def test_the_other_root_is_named(self):
        self.pod("aaaa1111", "web")
        text = "krun: container 'aaaa1111' does not exist in '/run/krun'"
        hint = f"; it is in '{KUBERNETES}': krun --root {KUBERNETES} "
        self.assertEqual(self.complains("state", "aaaa1111"), f"{text}\n", "what an engine gets")
        for words, line in ((("state", "aaaa1111"), "state aaaa1111"), (("kill", "aaaa1111", "TERM"), "kill aaaa1111 ..."),
                            (("ps", "-f", "json", "aaaa1111"), "ps -f json aaaa1111"),
                            (("exec", "--env", "A=b c", "aaaa1111", "true"), "exec --env 'A=b c' aaaa1111 ...")):
            with self.subTest(words=words):
                self.assertEqual(self.on_a_terminal(*words), f"{text}{hint}{line}\n")
        self.assertEqual(self.on_a_terminal("state", "aaaa"), "krun: container 'aaaa' does not exist in '/run/krun'\n")
        self.assertEqual(self.on_a_terminal("state", "aaaa1111", root=DOCKER), f"{text.replace('/run/krun', DOCKER)}{hint}state aaaa1111\n")
        # The command line works.
        self.assertEqual(json.loads(self.works("state", "aaaa1111", root=KUBERNETES))["id"], "aaaa1111")
