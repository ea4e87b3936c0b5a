# SPDX-License-Identifier: Apache-2.0
"""validate shows the place of each finding, goes on behind what cannot be read, and finds what run would refuse on this host."""

import json
import os
import shutil
import stat

from krun import CONFIG, KrunTest


class Findings(KrunTest):
    def write(self, text, name="config.json"):
        with open(f"{self.bundle}/{name}", "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def validate(self, *options, status=1, mode=None):
        result = self.krun("validate", "--bundle", self.bundle, *options, mode=mode)
        self.assertEqual((result.status, result.err), (status, ""), result)
        return result.out

    def findings(self, *options, status=1, mode=None):
        """Returns [(pointer, severity, reason)] of the bundle."""
        self.write_config()
        found = json.loads(self.validate("--format", "json", *options, status=status, mode=mode))
        return [(item["pointer"], item["severity"], item["reason"]) for item in found]


class Places(Findings):
    def test_as_compilers_write_it(self):
        self.write("""{
\t"ociVersion": "1.0.2", "Mounts": [],
\t"process": {"args": ["sh"], "cwd": "/",
\t\t"user": {"uid": 0, "gid": "zero"}},
\t"root": {"path": "rootfs", "readonly": "日本" },
\t"linux": {"sysctl": {"kernel.panic": "1"}}
}
""")
        file = f"{self.bundle}/config.json"
        self.assertEqual(self.validate(), f"""\
{file}:5:41: error: /root/readonly: expected boolean, got string
    5 |  "root": {{"path": "rootfs", "readonly": "日本" }},
      |                                         ^~~~~~
{file}:4:29: error: /process/user/gid: expected an integer, got string
    4 |   "user": {{"uid": 0, "gid": "zero"}}}},
      |                             ^~~~~~
{file}:2:25: unknown key: /Mounts: not in the specification, and ignored; did you mean 'mounts'?
    2 |  "ociVersion": "1.0.2", "Mounts": [],
      |                         ^~~~~~~~
{file}:6:39: error: /linux/sysctl/kernel.panic: 'kernel.panic' belongs to the host, not to a namespace
    6 |  "linux": {{"sysctl": {{"kernel.panic": "1"}}}}
      |                                       ^~~
""")

    def test_json_has_the_place_too(self):
        self.write('{"ociVersion": 1}', "a.json")
        found = json.loads(self.krun("validate", "--format", "json", f"{self.bundle}/a.json").out)
        self.assertEqual(found[0], {"pointer": "/ociVersion", "severity": "error", "reason": "expected string, got int",
                                    "file": f"{self.bundle}/a.json", "line": 1, "column": 16})

    def test_a_terminal_is_safe_from_the_file(self):
        evil = "\x1b]0;owned\x07\x9b2J\u202e\x7f"
        os.mkdir(f"{self.top}/{evil}")
        path = f"{self.top}/{evil}/config.json"
        with open(path, "wb") as file:
            # Raw control characters, which are no JSON, and such as JSON allows.
            file.write(('{"' + evil[11:] + '": 1, "\\u001b[2J": 2,\n\n"' + evil + '": 3}').encode())
        for text in (None, json.dumps({"process": {evil: 1, "args": [evil], "cwd": evil}, evil: 1}, ensure_ascii=False)
                     .replace("\x1b", "\\u001b").replace("\x07", "\\u0007")):
            if text:
                with open(path, "w") as file:
                    file.write(text)
            result = self.krun("validate", path)
            self.assertEqual(result.status, 1)
            for c in result.out:
                self.assertTrue(c == "\n" or (c >= " " and not 0x7f <= ord(c) < 0xa0 and c != "\u202e"), result.out)
            self.assertIn("\\x1b]0;owned", result.out)

    def test_a_file_in_one_long_line(self):
        text = json.dumps({key: CONFIG[key] for key in CONFIG if key != "hostname"} | {"annotations": {"a" * i: "ä" * 50 for i in range(1, 200)}, "hostname": 7}, ensure_ascii=False)
        self.write(text)
        first, line, mark = self.validate().splitlines()
        self.assertIn(f"config.json:1:{text.index(': 7') + 3}: error: /hostname: ", first)
        self.assertLess(len(line), 120)
        self.assertEqual((line[mark.index("^")], line[:11]), ("7", "    1 | ..."))

    def test_errors_of_create_have_line_and_column(self):
        for text, place in (("{\n\t,}", ":2:2: not JSON: expected a key"), ("{", ":1:2: not JSON: unexpected end of data"),
                            ('{"a": 1,\n"ä": [],\n "a": 2}', ":3:2: the key 'a' is there twice in one object"),
                            (b"\xef\xbb\xbf" + json.dumps(CONFIG).encode(), ":1:1: begins with a byte order mark")):
            for name in ("config.json", "other.json"):
                with self.subTest(text=text, name=name):
                    self.write(text, name)
                    message = self.fails("create", "--bundle", self.bundle, "--config", name, self.cid)
                    self.assertTrue(message.startswith(name + place), message)
                    self.assertIn(place, self.krun("validate", f"{self.bundle}/{name}").out.replace(" error:", "").replace(" /a:", ""))
        log = f"{self.top}/log.json"
        self.krun("create", "--bundle", self.bundle, "--config", "other.json", self.cid, options=["--log", log, "--log-format", "json"])
        with open(log) as file:
            self.assertIn("other.json:1:1: begins with a byte order mark", json.loads(file.read())["msg"])

    def test_errors_of_other_files(self):
        self.write('{"cwd": "/",\n"cwd": "/"}', "process.json")
        self.write('{"memory": {}\n\n"pids": {}}', "resources.json")
        self.shell("sleep 100")
        self.create()
        self.ok("start", self.cid)
        self.assertIn(f"{self.bundle}/process.json:2:1: the key 'cwd' is there twice",
                      self.fails("exec", "--process", f"{self.bundle}/process.json", self.cid, status=255))
        self.assertIn("resources.json:3:1: not JSON", self.fails("update", "--resources", f"{self.bundle}/resources.json", self.cid))
        self.assertIn("stdin:1:3: not JSON", self.fails("update", "--resources", "-", self.cid, stdin="{ 1"))
        # What an earlier krun has accepted: a running container can be ended.
        config = f"{self.root}/{self.cid}/config.json"
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write('{"hooks": {}, ' + text[1:-1] + ', "hooks": {"poststop": []}}')
        self.ok("kill", self.cid, "KILL")
        self.ok("delete", "--force", self.cid)


class Rest(Findings):
    """What can be read is checked although something cannot."""

    def test_elements_behind_a_bad_one_keep_their_index(self):
        mounts = self.config["mounts"]
        first = len(mounts)
        mounts += [{"destination": 5, "type": "tmpfs"}, {"destination": "/a", "type": "bind", "source": "/no/such/a"},
                   {"destination": "/b", "type": "bind", "source": "/no/such/b", "options": "ro"},
                   {"destination": "/c", "type": "bind", "source": "/no/such/c"}]
        self.config["hooks"] = {"poststop": [{"path": "relative"}, {"path": "/no/such/hook"}]}
        self.config["process"]["rlimits"].append({"type": "RLIMIT_X", "soft": 1, "hard": 1})
        self.assertEqual(sorted(found[0] for found in self.findings()), sorted([
            "/hooks/poststop/0/path", "/hooks/poststop/1/path", f"/mounts/{first}/destination", f"/mounts/{first + 1}/source",
            f"/mounts/{first + 2}/options", f"/mounts/{first + 2}/source", f"/mounts/{first + 3}/source",
            f"/process/rlimits/{len(self.config['process']['rlimits']) - 1}/type"]))

    def test_what_every_document_needs(self):
        """Nothing is said about what stands in for it."""
        self.config = {"hostname": "x" * 70, "mounts": [{"destination": "/a", "type": "bind", "source": "/no/such"}],
                       "process": {"args": ["no-such"], "cwd": "/", "user": {"uid": 0, "gid": 0}}}
        self.assertEqual([found[0] for found in self.findings()],
                         ["/ociVersion", "/root", "/linux", "/mounts/0/source"])
        self.config = {"ociVersion": 1, "root": {"path": []}, "linux": {"namespaces": {}}, "process": {"args": ["no-such"], "cwd": "/"}}
        self.assertEqual([found[0] for found in self.findings()], ["/ociVersion", "/root/path", "/linux/namespaces"])

    def test_consequences_are_not_told(self):
        """What cannot be read is not missing, and what needs it may have it."""
        self.config["linux"]["namespaces"].append({"type": "usr"})
        self.config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
        self.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
        self.config["process"]["user"]["gid"] = []
        self.assertEqual([found[0] for found in self.findings()],
                         ["/process/user/gid", f"/linux/namespaces/{len(self.config['linux']['namespaces']) - 1}/type"])

    def test_behind_a_rule_between_properties(self):
        self.config["linux"]["timeOffsets"] = {"monotonic": {"secs": 1}}
        self.config["linux"]["netDevices"] = {"eth0": {}}
        self.config["linux"]["namespaces"] = [item for item in CONFIG["linux"]["namespaces"] if item["type"] not in ("network", "uts")]
        self.config["domainname"] = "x"
        self.config["mounts"].append({"destination": "/x", "type": "bind", "source": "/no/such"})
        self.assertEqual({found[0] for found in self.findings()}, {
            "/linux/timeOffsets", "/linux/netDevices", "/hostname", "/domainname", f"/mounts/{len(self.config['mounts']) - 1}/source"})

    def test_a_key_that_is_there_twice(self):
        text = json.dumps(CONFIG | {"annotations": {"a": "b"}})
        self.write(text.replace('"annotations": {', '"annotations": {"a": "c", ').replace('"cwd"', '"user": 7, "cwd"'))
        out = self.validate()
        self.assertIn("error: /annotations/a: the key 'a' is there twice in one object", out)
        self.assertIn("error: /process/user: the key 'user' is there twice", out)

    def test_two_bad_sysctls(self):
        self.config["linux"]["sysctl"] = {"kernel.panic": "1", "net/ipv4/../x": "1", "vm.swappiness": "1"}
        self.assertEqual([found[0] for found in self.findings()],
                         ["/linux/sysctl/kernel.panic", "/linux/sysctl/net~1ipv4~1..~1x", "/linux/sysctl/vm.swappiness"])


class Host(Findings):
    """What run would refuse on this host is found, and run does refuse it."""

    def program(self, *args, **more):
        """Returns what validate says about the program, and checks that run agrees when it finds something."""
        self.write_config(**more)
        self.config["process"]["args"] = list(args)
        found = self.findings(status=0 if not self.is_refused() else 1)
        return [reason for pointer, severity, reason in found if (pointer, severity) == ("/process/args/0", "error")]

    def is_refused(self):
        self.write_config()
        result = self.krun("run", "--bundle", self.bundle, self.cid)
        return "exec: " in result.err

    def make(self, path, mode=0o755):
        os.makedirs(os.path.dirname(f"{self.rootfs}/{path}"), exist_ok=True)
        shutil.copyfile(os.path.realpath("/bin/true"), f"{self.rootfs}/{path}")
        os.chmod(f"{self.rootfs}/{path}", mode)

    def test_programs(self):
        self.make("own/program")
        self.make("own/data", 0o644)
        os.mkdir(f"{self.rootfs}/own/directory")
        os.mkfifo(f"{self.rootfs}/own/pipe", 0o777)
        os.symlink("/own/nothing", f"{self.rootfs}/own/dangling")
        os.symlink("../../../../own/data", f"{self.rootfs}/own/link")
        os.symlink("loop", f"{self.rootfs}/own/loop")
        for args, expect in ((["/no/such"], "'/no/such' is missing in the rootfs"),
                             (["/own/data"], "'/own/data' is not executable in the rootfs"),
                             (["/own/link"], "'/own/link' is not executable in the rootfs"),
                             (["/own/directory"], "'/own/directory' is a directory in the rootfs"),
                             (["/own/pipe"], "'/own/pipe' is not a regular file in the rootfs"),
                             (["/own/dangling"], "'/own/dangling' is missing in the rootfs"),
                             (["/own/data/x"], "'/own/data/x' is missing in the rootfs"),
                             (["/etc/hostname-of-the-host"], "'/etc/hostname-of-the-host' is missing in the rootfs")):
            with self.subTest(args=args):
                self.assertEqual(self.program(*args), [expect])
        for args in (["/bin/sh", "-c", "true"], ["sh", "-c", "true"], ["/own/../bin/sh", "-c", "true"]):
            with self.subTest(args=args):
                self.assertEqual(self.program(*args), [])

    def test_path_and_working_directory(self):
        self.make("own/data", 0o644)
        self.config["process"]["env"] = ["PATH=/own:/nowhere"]
        self.assertEqual(self.program("sh"), ["'sh' is missing in the directories of PATH (/own:/nowhere) in the rootfs"])
        self.assertEqual(self.program("data"), ["'data' is not executable in the directories of PATH (/own:/nowhere) in the rootfs"])
        self.config["process"]["cwd"] = "/bin"
        self.assertEqual(self.program("./sh", "-c", "true"), [])
        self.assertEqual(self.program("./no-such"), ["'./no-such' is missing in the rootfs"])
        self.config["process"]["env"] = ["PATH=/own:"]
        self.assertEqual(self.program("sh", "-c", "true"), [])
        # Without PATH the directories of distributions are searched.
        self.config["process"]["env"] = []
        self.assertEqual(self.program("sh", "-c", "true"), [])

    def test_a_link_does_not_lead_to_the_host(self):
        """The host has this file, and its rootfs has a link to it."""
        os.symlink(os.path.abspath(self.top), f"{self.rootfs}/up")
        self.make("x")
        shutil.copy(f"{self.rootfs}/x", f"{self.top}/x")
        self.assertEqual(self.program("/up/x"), ["'/up/x' is missing in the rootfs"])

    def test_what_a_mount_may_bring_is_not_known(self):
        os.mkdir(f"{self.top}/vol")
        os.symlink("/vol", f"{self.rootfs}/to-vol")
        os.symlink("/vol/bin", f"{self.rootfs}/linked")
        self.config["mounts"].append({"destination": "/vol", "type": "bind", "source": f"{self.top}/vol", "options": ["rbind"]})
        for args, path in ((["/vol/no-such"], None), (["/to-vol/no-such"], None), (["/linked/no-such"], None),
                           (["no-such"], "PATH=/bin:/vol"), (["/proc/self/exe"], None)):
            with self.subTest(args=args):
                self.config["process"]["args"] = args
                self.config["process"]["env"] = [path] if path else []
                self.assertEqual(self.findings(status=0), [])

    def test_with_a_hook_it_is_a_warning(self):
        self.config["process"]["args"] = ["/no/such"]
        for kind in ("prestart", "createRuntime", "createContainer"):
            self.config["hooks"] = {kind: [{"path": "/bin/true"}]}
            self.assertEqual(self.findings(status=0), [
                ("/process/args/0", "warning", "'/no/such' is missing in the rootfs, unless a hook changes that")])
        self.config["hooks"] = {"poststop": [{"path": "/bin/true"}]}
        self.assertEqual([found[1] for found in self.findings()], ["error"])

    def test_a_sysctl_that_this_host_lacks(self):
        self.config["linux"]["sysctl"] = {"net.ipv4.no_such": "1", "net/ipv4/conf/all/no_such": "1", "net.ipv4.ip_forward": "1",
                                          "net.ipv4.conf.eth7.forwarding": "1", "net.ipv4.conf.lo.forwarding": "0"}
        self.assertEqual([found[:2] for found in self.findings()], [
            ("/linux/sysctl/net.ipv4.no_such", "unsupported"), ("/linux/sysctl/net~1ipv4~1conf~1all~1no_such", "unsupported")])
        self.config["linux"]["sysctl"] = {"net.ipv4.no_such": "1"}
        self.write_config()
        self.assertIn("net.ipv4.no_such", self.fails("run", "--bundle", self.bundle, self.cid))

    def test_km_and_what_it_needs(self):
        settings = f"{self.top}/krun.json"
        with open(f"{self.top}/not-km", "w") as file:
            file.write("x")
        self.write_config()
        self.assertEqual(json.loads(self.krun("validate", "--bundle", self.bundle, "--format", "json", mode="km").out), [])
        for values, words in (({"kmPath": "/no/such/km"}, "km is missing at '/no/such/km'"),
                              ({"kmPath": f"{self.top}/not-km"}, "is not executable"),
                              ({"device": "/dev/no-such"}, "km is to use '/dev/no-such'"),
                              ({"libcPath": self.top}, "is not a regular file")):
            with self.subTest(values=values):
                with open(settings, "w") as file:
                    json.dump(values, file)
                self.host_options = ["--config-file", settings]
                found = self.findings(mode="km")
                self.assertEqual([item[:2] for item in found], [("", "unsupported")])
                self.assertIn(words, found[0][2])
                self.assertIn(words, self.fails("run", "--bundle", self.bundle, self.cid, mode="km"))
                self.assertEqual(self.findings(status=0), [])

    def test_a_program_under_km(self):
        self.config["process"]["args"] = ["/no/such"]
        self.assertEqual([item[:2] for item in self.findings(mode="km")], [("/process/args/0", "error")])
        # An image that was made for km names km, which krun mounts.
        self.config["process"]["args"] = ["/opt/kontain/bin/km", "/bin/sh"]
        self.assertEqual(self.findings(mode="km", status=0), [])


class Strict(Findings):
    def test_words_without_effect(self):
        self.config["mounts"].append({"destination": "/y", "type": "bind", "source": "/", "options": ["readonly"]})
        self.config["mounts"].append({"destination": "relative", "type": "tmpfs"})
        self.config["process"]["capabilities"]["bounding"].append("CAP_FLY")
        self.config["windows"] = {"layerFolders": ["x"]}
        self.config["Hostname"] = "x"
        place = f"/mounts/{len(CONFIG['mounts'])}/options"
        loose, strict = self.findings(status=0), self.findings("--strict")
        self.assertEqual(sorted(found[0] for found in strict), sorted([
            place, f"/mounts/{len(CONFIG['mounts']) + 1}/destination", "/process/capabilities", "/windows", "/Hostname"]))
        self.assertEqual({found[1] for found in strict}, {"error"})
        self.assertEqual({found[1] for found in loose}, {"warning", "unknown key"})
        self.assertEqual([found[2] for found in strict], [found[2] for found in loose])
        self.assertIn("did you mean 'ro'?", dict((found[0], found[2]) for found in strict)[place])

    def test_warnings_about_this_host_stay(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["fly_me_to_the_moon"], "action": "SCMP_ACT_ERRNO"}]}
        self.config["annotations"] = {"run.oci.hooks.stdout": "/x"}
        self.assertEqual([found[1] for found in self.findings("--strict", status=0)], ["warning", "warning"])

    def test_a_good_bundle(self):
        self.assertEqual(self.findings("--strict", status=0), [])
