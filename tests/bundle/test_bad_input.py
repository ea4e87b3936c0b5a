# SPDX-License-Identifier: Apache-2.0
"""A malformed bundle is refused with status 1 and one line that names file, key and reason, and leaves nothing behind."""

import copy
import functools
import glob
import json
import os

from krun import CGROUP, CONFIG, KrunTest

RICH = copy.deepcopy(CONFIG)
RICH["process"].update(apparmorProfile="", oomScoreAdj=1, consoleSize={"height": 1, "width": 2})
RICH["process"]["user"]["additionalGids"] = [1]
RICH["hooks"] = {"prestart": [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 3}]}
RICH["annotations"] = {"a": "b"}
RICH["linux"].update(
    uidMappings=[], sysctl={"net.ipv4.ip_forward": "1"}, cgroupsPath="/krun-bad",
    devices=[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
    seccomp={"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
         "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": "SCMP_CMP_EQ"}]}]})
RICH["linux"]["resources"].update(
    memory={"limit": 1}, cpu={"shares": 2, "cpus": "0"}, pids={"limit": 3}, unified={"pids.max": "4"},
    blockIO={"weight": 10, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}]},
    hugepageLimits=[{"pageSize": "2MB", "limit": 5}])


def places(value, path=()):
    """Yields every place in a JSON document, as a tuple of keys and indices."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield from places(member, path + (key,))


def replace(document, path, value):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


class BadConfig(KrunTest):
    def check(self, text, *parts):
        with open(os.path.join(self.bundle, "config.json"), "w") as file:
            file.write(text)
        message = self.fails("create", "--bundle", self.bundle, self.cid)
        for part in ("config.json", *parts):
            self.assertIn(part, message)
        self.assertFalse(glob.glob(f"{self.root}/[!.]*"), "state left behind")
        self.assertFalse(os.path.exists(f"{CGROUP}/krun-{self.cid}"), "cgroup left behind")
        return message

    def test_no_config(self):
        message = self.fails("create", "--bundle", self.bundle, self.cid)
        self.assertIn("config.json", message)
        self.assertIn("missing", message)

    def test_no_bundle(self):
        self.assertIn("/no/such", self.fails("create", "--bundle", "/no/such", self.cid))

    def test_json_cut_anywhere(self):
        text = json.dumps(RICH)
        for length in range(0, len(text), max(1, len(text) // 150)):
            self.check(text[:length])

    def test_text_behind_the_document(self):
        self.check(json.dumps(CONFIG) + "x")

    def test_not_utf8_and_nul(self):
        path = os.path.join(self.bundle, "config.json")
        for data in (b'{"ociVersion": "1.0.0\xff"}', b'{"ociVersion": "1.0\\u0000.0"}', b"\x00", b"[" * 10000):
            with open(path, "wb") as file:
                file.write(data)
            self.assertIn("config.json", self.fails("create", "--bundle", self.bundle, self.cid))

    def test_wrong_type_at_every_place(self):
        wrong = {"str": 5, "int": "five", "bool": "yes", "list": {"a": 1}, "dict": "text", "float": "x"}
        for path in places(RICH):
            if not path:
                continue
            value = RICH
            for key in path:
                value = value[key]
            with self.subTest(path=path):
                pointer = "/" + "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in path)
                self.check(json.dumps(replace(RICH, path, wrong[type(value).__name__])), pointer)

    def test_numbers_out_of_range(self):
        for path, value in (
                (("process", "user", "uid"), -1), (("process", "user", "uid"), 1 << 32), (("process", "oomScoreAdj"), 1001),
                (("process", "user", "additionalGids", 0), 1 << 40), (("process", "consoleSize", "height"), 1 << 20),
                (("process", "rlimits", 0, "soft"), -1), (("linux", "devices", 0, "fileMode"), 1 << 20),
                (("linux", "seccomp", "syscalls", 0, "args", 0, "index"), 6), (("hooks", "prestart", 0, "timeout"), 0),
                (("linux", "seccomp", "syscalls", 0, "errnoRet"), 5000), (("linux", "resources", "memory", "limit"), -2),
                (("process", "user", "umask"), 0o10000)):
            with self.subTest(path=path):
                self.check(json.dumps(replace(RICH, path, value)), "/" + "/".join(map(str, path)))

    def test_numbers_that_fit_nowhere(self):
        for value in (1 << 64, 1 << 70, -(1 << 63) - 1):
            self.check(json.dumps(replace(RICH, ("linux", "resources", "cpu", "shares"), value)), "64 bits")

    def test_unknown_words(self):
        for path, value in (
                (("linux", "seccomp", "defaultAction"), "SCMP_ACT_MAYBE"), (("linux", "devices", 0, "type"), "z"),
                (("linux", "seccomp", "architectures", 0), "SCMP_ARCH_PDP11"), (("linux", "namespaces", 0, "type"), "x"),
                (("linux", "seccomp", "syscalls", 0, "args", 0, "op"), "SCMP_CMP_ISH"),
                (("linux", "rootfsPropagation"), "wide"), (("process", "rlimits", 0, "type"), "RLIMIT_FUN")):
            with self.subTest(path=path):
                self.check(json.dumps(replace(RICH, path, value)), "/" + "/".join(map(str, path)), str(value))

    def test_missing_mandatory_keys(self):
        for path in (("ociVersion",), ("root",), ("root", "path"), ("process", "args"), ("process", "cwd"),
                     ("linux", "namespaces", 0, "type"), ("mounts", 0, "destination"), ("hooks", "prestart", 0, "path"),
                     ("linux", "devices", 0, "path"), ("linux", "seccomp", "defaultAction")):
            with self.subTest(path=path):
                document = copy.deepcopy(RICH)
                at = document
                for key in path[:-1]:
                    at = at[key]
                del at[path[-1]]
                self.check(json.dumps(document), path[-1])

    def test_empty_and_relative_values(self):
        for path, value in ((("process", "args"), []), (("process", "cwd"), "tmp"), (("process", "env", 0), "NOEQUALS"),
                            (("hooks", "prestart", 0, "path"), "true"), (("ociVersion",), "2.0.0"),
                            (("root", "path"), "")):
            with self.subTest(path=path):
                self.check(json.dumps(replace(RICH, path, value)), "/" + "/".join(map(str, path)))

    def test_what_is_not_done_yet_is_an_error_that_names_it(self):
        for path, value in (
                (("linux", "intelRdt"), {"closID": "x"}),
                (("vm",), {"kernel": {"path": "/x"}})):
            with self.subTest(path=path):
                self.check(json.dumps(replace(CONFIG, path, value)), "/" + "/".join(path))

    def test_unknown_properties_are_ignored_as_the_specification_wants(self):
        self.config["frobnicate"] = {"x": [1]}
        self.config["process"]["frobnicate"] = True
        self.write_config()
        self.run_ok()

    def test_unknown_properties_of_any_shape(self):
        """The same values are errors in a property that krun knows; a key that only begins like a known one is not read as that one."""
        deep = functools.reduce(lambda value, _: {"x": [value]}, range(100), 1)
        self.config["frobnicate"] = {"number": int("1234567890" * 3), "deep": deep, "nul\0": ["\0", {"\0": "a\0b"}], "": -(1 << 200)}
        self.config["hostname\0"] = 7
        self.config["process"]["args\0"] = self.config["linux"]["resources"]["x"] = 1 << 300
        self.shell("echo in; sleep 100")
        self.create()
        self.ok("start", self.cid)
        self.assertEqual(self.ok("exec", self.cid, "hostname").out, "kontainer\n")
        self.ok("delete", "--force", self.cid)

    def test_every_error_names_the_document_once(self):
        """The error may come from the reader, the plans, the command or the container's own process. The user's file may have any name."""
        device = {"type": "network", "path": "/proc/self/exe"}
        for path, value in ((("process", "cwd"), "tmp"), (("linux", "cgroupsPath"), "/../x"), (("root", "path"), "/nowhere"),
                            (("linux", "sysctl"), {"kernel.ostype": "x"}), (("process", "terminal"), True),
                            (("linux", "namespaces"), [*CONFIG["linux"]["namespaces"], device]),
                            (("annotations",), {"run.oci.mount_context_type": "x"}),
                            (("mounts",), [*CONFIG["mounts"], {"destination": "/", "source": "/tmp", "options": ["bind"]}]),
                            (("linux", "memoryPolicy"), {"mode": "MPOL_BIND", "nodes": "1000"}),
                            (("linux", "resources"), {"memory": {"swap": 5}})):
            with self.subTest(path=path), open(os.path.join(self.bundle, "other.json"), "w") as file:
                json.dump(replace(CONFIG, path, value), file)
                file.flush()
                message = self.fails("create", "--bundle", self.bundle, "--config", "other.json", self.cid)
                self.assertIn("other.json: /" + "/".join(path), message)
                self.assertEqual(message.count(".json"), 1, message)
                self.assertFalse(glob.glob(f"{self.root}/[!.]*"), "state left behind")

    def test_errors_of_later_commands_name_their_document(self):
        """`update` and `exec` name the file that they read; `start` reads the config.json of the state directory."""
        changes, process = (os.path.join(self.top, name) for name in ("changes.json", "process.json"))
        with open(changes, "w") as file:
            json.dump({"memory": {"swap": 5}}, file)
        self.shell("sleep 100")
        self.create()
        self.ok("start", self.cid)
        with open(process, "w") as file:
            json.dump({**CONFIG["process"], "args": ["/bin/true"], "execCPUAffinity": {"final": "8000"}}, file)
        self.assertIn("process.json: /execCPUAffinity/final: ", self.fails("exec", "--process", process, self.cid, status=255))
        self.assertIn("changes.json: /memory/swap: ", self.fails("update", "--resources", changes, self.cid))
        self.assertIn("stdin: /0/destination: '/' is the root itself", self.fails(
            "mounts", "add", self.cid, "-", stdin='[{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]'))
        self.ok("delete", "--force", self.cid)
        with open(os.path.join(self.bundle, "config.json"), "w") as file:
            json.dump({key: value for key, value in CONFIG.items() if key != "process"}, file)
        with open(os.devnull, "wb") as nothing:
            self.ok("create", "--bundle", self.bundle, self.cid, stdout=nothing, stderr=nothing)
        self.assertIn("config.json: /process: missing", self.fails("start", self.cid))

    def test_nul_in_every_string(self):
        """A C string would end at the NUL."""
        for path in places(RICH):
            value = RICH
            for key in path:
                value = value[key]
            if isinstance(value, str):
                with self.subTest(path=path):
                    pointer = "/" + "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in path)
                    self.check(json.dumps(replace(RICH, path, value + "\0x")), pointer + ": contains a NUL character")
