# SPDX-License-Identifier: Apache-2.0
"""Namespaces made and joined, id maps, names."""

import os
import stat
import subprocess

from krun import BothModes, KrunTest, Result, user_namespace, wait_until

KINDS = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup"}


class Namespaces(BothModes):
    def namespace(self, kind, **change):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"]
                                              if item["type"] != kind]
        if change is not None:
            self.config["linux"]["namespaces"].append({"type": kind, **change})

    def test_each_listed_kind_is_new(self):
        self.config["linux"]["namespaces"].append({"type": "time"})
        out = self.inside("for n in pid net ipc uts mnt cgroup time; do readlink /proc/self/ns/$n; done").split()
        for name, link in zip(("pid", "net", "ipc", "uts", "mnt", "cgroup", "time"), out):
            self.assertNotEqual(link, os.readlink(f"/proc/self/ns/{name}"), name)

    def test_kinds_that_are_not_listed_are_the_hosts(self):
        self.config["linux"]["namespaces"] = [{"type": "mount"}]
        self.config["mounts"] = [item for item in self.config["mounts"]
                                 if item["type"] not in ("sysfs", "mqueue", "cgroup")]
        del self.config["hostname"]
        out = self.inside("for n in pid net ipc uts; do readlink /proc/self/ns/$n; done").split()
        self.assertEqual(out, [os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "net", "ipc", "uts")])

    def test_joining_the_namespaces_of_another_container(self):
        self.start_sleeper()
        first, pid = self.cid, self.state()["pid"]
        for kind in ("network", "ipc", "uts", "pid"):
            with self.subTest(kind=kind):
                self.cid = f"{first}-{kind}"
                self.ids.append(self.cid)
                self.namespace(kind, path=f"/proc/{pid}/ns/{KINDS[kind]}")
                if kind == "uts":
                    del self.config["hostname"]
                self.assertEqual(self.inside(f"readlink /proc/self/ns/{KINDS[kind]}").strip(),
                                 os.readlink(f"/proc/{pid}/ns/{KINDS[kind]}"))
        self.cid = first
        self.ok("delete", "--force", first)

    def test_wrong_path(self):
        for path, text in (("/no/such", "/no/such"), ("/proc/self/ns/net", "/linux/namespaces")):
            self.namespace("uts", path=path)
            self.write_config()
            self.assertIn(text, self.run_fails())

    def test_unknown_and_doubled_kinds(self):
        self.config["linux"]["namespaces"].append({"type": "galaxy"})
        self.write_config()
        self.assertIn("galaxy", self.run_fails())
        self.config["linux"]["namespaces"][-1] = {"type": "pid"}
        self.write_config()
        self.assertIn("/linux/namespaces/6", self.run_fails())

    def test_names(self):
        self.config.update(hostname="hosty", domainname="domainy")
        self.assertEqual(self.inside("hostname; cat /proc/sys/kernel/domainname").split(), ["hosty", "domainy"])

    def test_loopback_is_up(self):
        self.assertIn("UP", self.inside("ip link show lo"))

    def test_sysfs_shows_the_network_namespace(self):
        """The command, which has made that namespace, runs the hooks of the host in its own again."""
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"readlink /proc/self/ns/net > {self.top}/hook"]}
        self.config["hooks"] = {"createRuntime": [hook]}
        for own in (True, False):
            with self.subTest(own=own):
                if not own:
                    self.config["mounts"] = [item for item in self.config["mounts"] if item["type"] != "sysfs"]
                self.shell("ls /sys/class/net 2> /dev/null; readlink /proc/self/ns/net")
                command = ["unshare", "--net", "sh", "-c", "ip link add v0 type veth peer name v1; readlink /proc/self/ns/net >&2; "
                           'exec "$@"', "sh", *self.command("run", "--bundle", self.bundle, self.cid)]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60, text=True)
                lines = done.stdout.split()
                self.assertEqual((done.returncode, lines[:-1]), (0, ["lo"] if own else []), done)
                caller = done.stderr.split()[0]
                self.assertNotEqual(lines[-1], caller)
                with open(f"{self.top}/hook") as file:
                    self.assertEqual(file.read().strip(), caller)

    def test_a_run_does_not_hold_the_network_namespace(self):
        """It ends with its last process: network devices come home before the poststop hooks run."""
        self.shell("echo ready; exec sleep 1000")
        with open(self.log, "ab") as log, subprocess.Popen(self.command("run", "--bundle", self.bundle, self.cid), stdin=subprocess.DEVNULL,
                                                           stdout=log, stderr=log) as process:
            wait_until(lambda: "ready" in self.logged(), what="payload")
            folder = f"/proc/{process.pid}/fd"
            links = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
            self.ok("kill", self.cid, "KILL")
            process.wait(timeout=60)
        self.assertEqual([link for link in links if link.startswith("net:")], [])

    def test_time_offsets(self):
        self.config["linux"]["namespaces"].append({"type": "time"})
        self.config["linux"]["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 0}}
        self.assertGreater(float(self.inside("cat /proc/uptime").split()[0]), 1000000)


class CallersMounts(KrunTest):
    """config.json lists no mount namespace: the container is in that of krun, where krun mounts nothing, and its root is a directory there."""

    def setUp(self):
        super().setUp()
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "mount"]
        self.config["mounts"] = []
        self.config["linux"]["maskedPaths"] = self.config["linux"]["readonlyPaths"] = []
        with open("/proc/self/mountinfo") as file:
            self.before = file.read()

    def tearDown(self):
        with open("/proc/self/mountinfo") as file:
            self.assertEqual(file.read(), self.before)
        super().tearDown()

    def test_program(self):
        for arrange in (None, self.in_user_namespace_kept_out):
            if arrange:
                arrange()
            # Without /proc the container cannot see the mounts; the host can.
            self.assertEqual(self.inside("echo made > /tmp/made; pwd; cat /etc/passwd | head -n 1; ls -d /proc/self /work 2>/dev/null"
                                         " || true"), "/\nroot:x:0:0:root:/root:/bin/sh\n")
            self.assertEqual(os.listdir(f"{self.rootfs}/tmp"), ["made"])

    def test_every_command(self):
        for arrange in (None, self.in_user_namespace_kept_out):
            if arrange:
                arrange()
            self.start_sleeper()
            pid = self.state()["pid"]
            self.assertEqual(os.readlink(f"/proc/{pid}/ns/mnt"), os.readlink("/proc/self/ns/mnt"))
            self.assertEqual(os.readlink(f"/proc/{pid}/root"), os.path.realpath(self.rootfs))
            self.assertEqual(self.ok("exec", self.cid, "/bin/sh", "-c", "pwd; ls /bin/busybox").out, "/\n/bin/busybox\n")
            self.assertIn("is in a mount namespace that krun did not make", self.fails(
                "mounts", "add", self.cid, "-", stdin='[{"destination": "/x", "type": "tmpfs", "source": "tmpfs"}]'))
            self.ok("kill", self.cid, "TERM")
            self.wait_stopped()
            self.ok("delete", self.cid)

    def test_properties_that_need_mounts_are_refused(self):
        for part, key, value in (("linux", "maskedPaths", ["/proc"]), ("linux", "readonlyPaths", ["/etc"]),
                                 ("root", "readonly", True), ("linux", "rootfsPropagation", "slave"),
                                 ("linux", "devices", [{"path": "/dev/n", "type": "c", "major": 1, "minor": 3}])):
            before = self.config[part].get(key)
            self.config[part][key] = value
            self.write_config()
            self.assertIn(f"no mount namespace is listed, and /{part}/{key} needs mounts", self.run_fails())
            result = self.krun("validate", "--bundle", self.bundle)
            self.assertIn(f"/{part}/{key}", result.out + result.err)
            self.config[part][key] = before
            if before is None:
                del self.config[part][key]
        self.config["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"}]
        self.write_config()
        self.assertIn("no mount namespace is listed, and /mounts needs mounts", self.run_fails())
        self.assertIn("the km mode needs mounts", self.refused_by_km())

    def refused_by_km(self):
        self.config["mounts"] = []
        self.write_config()
        return self.run_fails(mode="km")


class UserNamespace(BothModes):
    def setUp(self):
        super().setUp()
        self.config["linux"]["namespaces"].append({"type": "user"})
        self.config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        self.config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 65536}]
        self.config["linux"]["resources"] = {}
        subprocess.run(["chown", "-R", "100000:200000", self.rootfs], check=True)

    def test_root_inside_is_another_user_outside(self):
        out = self.inside("id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine; stat -c %u /tmp/mine")
        self.assertEqual(out.split(), "0 0 100000 65536 0 200000 65536 0".split())
        self.assertEqual(os.stat(f"{self.rootfs}/tmp/mine").st_uid, 100000)
        self.assertEqual(os.stat(f"{self.rootfs}/tmp/mine").st_gid, 200000)

    def test_exec_joins_it(self):
        self.start_sleeper()
        self.assertEqual(self.ok("exec", self.cid, "sh", "-c", "id -u; cat /proc/self/uid_map").out.split(),
                         "0 0 100000 65536".split())
        self.ok("delete", "--force", self.cid)

    def on_terminal(self, *arguments):
        script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
        done = subprocess.run(["python3", "-c", script, *self.command(*arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              check=False, timeout=60, env=self.environment(arguments))
        self.assertEqual(done.returncode, 0, done)
        return done.stdout.decode().split()

    def test_terminal_belongs_to_the_user(self):
        script = "stat -c '%u %g' $(tty); echo opened > $(tty)"
        console = "; grep ' /dev/console ' /proc/self/mountinfo | grep -c 'nosuid[^ ]*noexec'"
        devpts = next(mount for mount in self.config["mounts"] if mount["type"] == "devpts")
        for options in (devpts["options"], ["newinstance", "ptmxmode=0666", "mode=0620"]):
            devpts["options"] = options
            for user in (0, 1000):
                with self.subTest(user=user, options=options):
                    self.shell(script + console, terminal=True, user={"uid": user, "gid": user})
                    self.assertEqual(self.on_terminal("run", "--bundle", self.bundle, self.cid), [str(user), "5", "opened", "1"])
            self.config["process"].update(terminal=False, user={"uid": 0, "gid": 0})
            self.start_sleeper()
            for user in (0, 1000):
                with self.subTest(exec=user, options=options):
                    self.assertEqual(self.on_terminal("exec", "--tty", "--user", f"{user}:{user}", self.cid, "sh", "-c", script),
                                     [str(user), "5", "opened"])
            self.ok("delete", "--force", self.cid)

    def test_streams_can_be_opened_again(self):
        script = "echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin"
        for user in (0, 1000):
            with self.subTest(user=user):
                self.shell(script, user={"uid": user, "gid": user})
                result = self.krun("run", "--bundle", self.bundle, self.cid, stdin="in\n")
                self.assertEqual((result.status, result.out, result.err), (0, "out\nin\n", "err\n"))
        self.config["process"]["user"] = {"uid": 0, "gid": 0}
        self.start_sleeper()
        for user in (0, 1000):
            with self.subTest(exec=user):
                result = self.krun("exec", "--user", f"{user}:{user}", self.cid, "sh", "-c", script, stdin="in\n")
                self.assertEqual((result.status, result.out, result.err), (0, "out\nin\n", "err\n"))
        # The same holds in a user namespace that is joined, as in a pod.
        first, pid = self.cid, self.state()["pid"]
        self.cid = f"{first}-pod"
        self.ids.append(self.cid)
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        self.config["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{pid}/ns/user"})
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        for user in (0, 1000):
            with self.subTest(joined=user):
                self.shell(script, user={"uid": user, "gid": user})
                result = self.krun("run", "--bundle", self.bundle, self.cid, stdin="in\n")
                self.assertEqual((result.status, result.out, result.err), (0, "out\nin\n", "err\n"))
        self.cid = first
        self.ok("delete", "--force", first)

    def test_configured_devices(self):
        """Devices of config.json replace default ones, with other numbers, owners and modes; a node that krun binds cannot be executed."""
        self.config["linux"]["devices"] = [
            {"path": "/dev/random", "type": "c", "major": 1, "minor": 9},
            {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o622, "uid": 7, "gid": 8},
            {"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2, "fileMode": 0o666},
            {"path": "/dev/mine/own", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 1000, "gid": 1000}]
        self.config["linux"]["maskedPaths"] = []
        script = ("cd /dev; stat -c '%t:%T %a %u %g' random null ptmx mine/own; head -c 1 mine/own | wc -c; echo > null; "
                  "grep -E ' /dev/(mine/own|zero|random|null|ptmx) ' /proc/self/mountinfo | cut -d' ' -f6 | "
                  "grep -c nosuid.*noexec")
        expected = ["1:9 666 0 0", "1:3 622 7 8", "5:2 666 0 0", "1:5 640 1000 1000", "1", "5"]
        self.assertEqual(self.inside(script, user={"uid": 1000, "gid": 1000}).splitlines(), expected)
        # The user namespace is joined, as in a pod.
        devices = self.config["linux"].pop("devices")
        self.config["process"]["user"] = {"uid": 0, "gid": 0}
        self.start_sleeper()
        first, pid = self.cid, self.state()["pid"]
        self.cid = f"{first}-pod"
        self.ids.append(self.cid)
        self.config["linux"]["devices"] = devices
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        self.config["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{pid}/ns/user"})
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        self.assertEqual(self.inside(script, user={"uid": 1000, "gid": 1000}).splitlines(), expected)
        self.cid = first
        self.ok("delete", "--force", first)

    def test_owner_of_a_device_that_is_not_mapped(self):
        self.config["linux"]["devices"] = [
            {"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 1000, "gid": 70000}]
        self.shell("stat -c %u:%g /dev/mine")
        result = self.krun("run", "--bundle", self.bundle, self.cid)
        self.assertEqual((result.status, result.out), (0, "65534:65534\n"))
        self.assertIn("device '/dev/mine': its owner 1000:70000 is not mapped in the user namespace", result.err)

    def test_file_of_the_image_at_the_path_of_a_device(self):
        """Such a file is an error, as without a user namespace; the empty file under a bind of krun is not."""
        self.config["mounts"] = [mount for mount in self.config["mounts"] if not mount["destination"].startswith("/dev")]
        self.config["linux"]["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]
        for _ in range(2):
            self.assertEqual(self.inside("stat -c %t:%T /dev/mine /dev/null").split(), ["1:5", "1:3"])
        self.assertTrue(stat.S_ISREG(os.stat(f"{self.rootfs}/dev/mine").st_mode))
        with open(f"{self.rootfs}/dev/mine", "w") as file:
            file.write("data")
        self.write_config()
        self.assertIn("device '/dev/mine': something else is there already", self.run_fails())

    def test_devices_work(self):
        self.assertEqual(self.inside("echo x > /dev/null; head -c 2 /dev/zero | wc -c; stat -c %t:%T /dev/null").split(),
                         ["2", "1:3"])

    def test_properties_that_need_the_hosts_ids(self):
        """The user namespace is new, or joined."""
        self.config["linux"]["sysctl"] = {"kernel.domainname": "domainy", "net.ipv4.ip_unprivileged_port_start": "81"}
        self.config["process"]["oomScoreAdj"] = 150
        script = "cat /proc/self/oom_score_adj"
        more = "; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start"
        with user_namespace(100000, 200000) as path:
            for namespace in ({"type": "user"}, {"type": "user", "path": path}):
                with self.subTest(namespace=namespace):
                    self.config["linux"]["namespaces"][-1] = namespace
                    self.start_sleeper(f"({script}{more}); echo ready; exec sleep 1000")
                    self.assertEqual(self.logged().split(), ["150", "domainy", "81", "ready"])
                    self.assertEqual(self.ok("exec", self.cid, "sh", "-c", script).out.split(), ["150"])
                    self.ok("delete", "--force", self.cid)

    def test_sources_that_only_the_hosts_root_may_reach(self):
        os.makedirs(f"{self.top}/closed/vol")
        with open(f"{self.top}/closed/vol/file", "w") as file:
            file.write("reached\n")
        for owner in (0, 1000):
            os.chown(f"{self.top}/closed", owner, owner)
            os.chmod(f"{self.top}/closed", 0o700)
            self.config["mounts"] += [
                {"destination": f"/vol{owner}", "type": "bind", "source": f"{self.top}/closed/vol", "options": ["rbind", "rslave"]},
                {"destination": f"/file{owner}", "type": "bind", "source": "../closed/vol/file", "options": ["bind"]}]
            self.assertEqual(self.inside(f"cat /vol{owner}/file /file{owner}"), "reached\nreached\n")

    def test_missing_maps_are_an_error(self):
        del self.config["linux"]["uidMappings"]
        self.write_config()
        self.assertIn("uidMappings", self.run_fails())

    def test_user_that_is_not_mapped(self):
        self.write_config(user={"uid": 70000, "gid": 0})
        self.assertIn("70000", self.run_fails())


class Rootless(KrunTest):
    """An ordinary user, with the config.json that `spec --rootless` writes."""

    def test_container_of_an_ordinary_user(self):
        subprocess.run(["chown", "-R", "65533:65533", self.top], check=True)
        os.chmod(self.top, 0o755)
        prefix = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
        self.assertEqual(subprocess.run([*prefix, *self.command("spec", "--rootless", "-b", self.bundle)],
                                        check=False).returncode, 0)
        path = os.path.join(self.bundle, "config.json")
        with open(path) as file:
            text = file.read().replace('"sh"', '"sh", "-c", "id -u; echo rootless"').replace(
                '"terminal": true', '"terminal": false')
        with open(path, "w") as file:
            file.write(text)
        done = subprocess.run([*prefix, *self.command("run", "--bundle", self.bundle, self.cid)], capture_output=True,
                              check=False, stdin=subprocess.DEVNULL, cwd="/")
        self.assertEqual((done.returncode, done.stdout), (0, b"0\nrootless\n"), done.stderr)


class NetDevices(BothModes):
    """Devices of a network namespace that stands for the host's."""

    HOST = ("ip link add v0 type veth peer name v1 && ip link set v0 address 02:00:00:00:00:07 mtu 1400 && "
            "ip addr add 10.99.7.1/24 dev v0 && ip -6 addr add fd00:7::1/64 dev v0 nodad && ip link set v0 up && "
            "ip link set v1 up && ")

    def run_with(self, devices, script="ip addr", host=HOST):
        self.config["linux"]["netDevices"] = devices
        self.shell(script)
        command = ["unshare", "--net", "sh", "-c", host + 'exec "$@"', "sh",
                   *self.command("run", "--bundle", self.bundle, self.cid)]
        return Result(subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60))

    def test_device_moves_with_its_addresses_and_is_up(self):
        result = self.run_with({"v0": {}})
        self.assertEqual(result.status, 0, result)
        for text in ("10.99.7.1/24", "fd00:7::1/64", "02:00:00:00:00:07", "mtu 1400"):
            self.assertIn(text, result.out)
        self.assertRegex(result.out, r"v0\S*: <\S*\bUP\b")

    def test_device_gets_another_name(self):
        result = self.run_with({"v0": {"name": "ctr0"}}, "ip -o link | cut -d: -f2 | cut -d@ -f1")
        self.assertEqual(result.out.split(), ["lo", "ctr0"], result)

    def test_template(self):
        result = self.run_with({"v0": {"name": "eth%d"}, "v1": {"name": "eth%d"}},
                               "ip -o link | cut -d: -f2 | cut -d@ -f1 | sort")
        self.assertEqual(result.out.split(), ["eth0", "eth1", "lo"], result)

    def test_it_is_gone_from_the_host(self):
        self.config["linux"]["netDevices"] = {"v0": {}}
        self.shell("exec sleep 100")
        command = ["unshare", "--net", "sh", "-c", self.HOST + '"$@" > /dev/null && ip -o link', "sh",
                   *self.command("run", "--detach", "--bundle", self.bundle, self.cid)]
        done = Result(subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                     check=False, timeout=60))
        self.assertIn("v1", done.out)
        self.assertNotIn("v0:", done.out.replace("v1@v0:", ""))
        self.ok("delete", "--force", self.cid)

    def test_mistakes(self):
        for devices, text in (({"nope0": {}}, "/linux/netDevices/nope0: find the device on the host: no such device"),
                              ({"v0": {"name": "lo"}}, "already has a device 'lo'"),
                              ({"v0": {"name": "a/b"}}, "no network device can have the name 'a/b'"),
                              ({"v0": {"name": "x" * 16}}, "no network device can have the name"),
                              ({"v0": 1}, "/linux/netDevices/v0: expected object")):
            with self.subTest(devices=devices):
                result = self.run_with(devices)
                self.assertEqual(result.status, 1, result)
                self.assertIn(text, result.err)
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"]
                                              if item["type"] != "network"]
        self.assertIn("needs a network namespace", self.run_with({"v0": {}}).err)
