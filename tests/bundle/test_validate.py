# SPDX-License-Identifier: Apache-2.0
"""validate says everything that is wrong at once, and accepts what features lists."""

import copy
import json
import os
import random

from krun import CONFIG, KrunTest
from test_bad_input import RICH


class Validate(KrunTest):
    def findings(self, status=0):
        """Returns [(pointer, severity, reason)] of the bundle."""
        self.write_config()
        result = self.krun("validate", "--bundle", self.bundle, "--format", "json")
        self.assertEqual((result.status, result.err), (status, ""), result)
        return [(item["pointer"], item["severity"], item["reason"]) for item in json.loads(result.out)]

    def pointers(self, status=0):
        return [pointer for pointer, _, _ in self.findings(status)]

    def fresh(self):
        self.config = copy.deepcopy(CONFIG)
        return self.config

    def test_a_good_bundle_has_no_findings(self):
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.ok("validate", "--bundle", self.bundle).out, "")

    def test_templates_are_good(self):
        for option in ([], ["--rootless"]):
            os.remove(f"{self.bundle}/config.json") if os.path.exists(f"{self.bundle}/config.json") else None
            self.ok("spec", "--bundle", self.bundle, *option)
            self.assertEqual(self.ok("validate", "--bundle", self.bundle).out, "")

    def test_everything_is_told_at_once(self):
        config = self.config
        config["process"]["cwd"] = "tmp"
        config["process"]["args"] = []
        config["process"]["rlimits"] = [{"type": "RLIMIT_X", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 1}]
        config["root"]["readonly"] = "yes"
        config["mounts"].append({"destination": "/x"})
        config["mounts"].append({"type": "tmpfs"})
        config["linux"]["rootfsPropagation"] = "up"
        config["linux"]["resources"]["pids"] = {"limit": "5"}
        self.assertEqual(self.pointers(1), [
            "/root/readonly", "/process/args", "/process/cwd", "/process/rlimits/0/type", "/process/rlimits/1/hard",
            "/mounts/7", "/mounts/8/destination", "/linux/resources/pids/limit", "/linux/rootfsPropagation"])

    def test_unknown_keys_are_told_and_are_no_errors(self):
        self.config["frobnicate"] = 1
        self.config["process"]["user"]["name"] = "root"
        self.config["linux"]["namespaces"][0]["mode"] = 1
        found = self.findings()
        self.assertEqual(sorted(pointer for pointer, _, _ in found),
                         ["/frobnicate", "/linux/namespaces/0/mode", "/process/user/name"])
        self.assertEqual({severity for _, severity, _ in found}, {"unknown key"})

    def test_a_large_file_of_nonsense_takes_no_time(self):
        """The first findings are enough of what has no effect; an error is among them, wherever it is. 40 s before."""
        self.config.update({f"frobnicate{number}": 1 for number in range(16000)})
        self.config["linux"]["rootfsPropagation"] = "up"
        found = self.findings(1)
        self.assertIn("/linux/rootfsPropagation", [pointer for pointer, _, _ in found])
        self.assertIn(len(found), range(10000, 10010))
        before = os.times().children_user
        lines = self.krun("validate", "--bundle", self.bundle).out.splitlines()
        self.assertLess(os.times().children_user - before, 15)
        self.assertRegex(lines[0], r"config\.json:[0-9]+:[0-9]+: ")
        self.assertTrue([line for line in lines if "/config.json: unknown key: " in line], "those without a place")

    def test_what_was_meant(self):
        config = self.config
        config["hooks"] = {"preStart": []}
        config["linux"]["resources"] = {"memory": {"Limit": 1000000}}
        config["linux"]["namespaces"].append({"type": "user-ns"})
        config["linux"]["rootfsPropagation"] = "rslaev"
        config["linux"]["maskedPath"] = ["/proc/kcore"]
        config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILES", "hard": 1, "soft": 1}]
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALOW"}
        words = dict((pointer, reason) for pointer, _, reason in self.findings(1))
        self.assertEqual({pointer: reason.partition("did you mean ")[2] for pointer, reason in words.items()}, {
            "/hooks/preStart": "'prestart'?", "/linux/resources/memory/Limit": "'limit'?", "/linux/namespaces/6/type": "'user'?",
            "/linux/rootfsPropagation": "'rslave'?", "/process/rlimits/0/type": "'RLIMIT_NOFILE'?", "/linux/maskedPath": "",
            "/linux/seccomp/defaultAction": "'SCMP_ACT_ALLOW'?"})

    def test_the_host_is_looked_at(self):
        config = self.config
        config["root"]["path"] = "nowhere"
        config["mounts"].append({"destination": "/x", "type": "bind", "source": "/no/such/source"})
        config["mounts"].append({"destination": "relative", "type": "tmpfs"})
        config["mounts"].append({"destination": "/y", "type": "bind", "source": "/", "options": ["readonly"]})
        config["hooks"] = {"prestart": [{"path": "/no/such/hook"}], "startContainer": [{"path": "/inside/only"}]}
        config["process"]["capabilities"]["bounding"].append("CAP_FLY")
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["fly_me_to_the_moon"], "action": "SCMP_ACT_ERRNO"}]}
        config["linux"]["sysctl"] = {"kernel.panic": "1"}
        found = {pointer: severity for pointer, severity, _ in self.findings(1)}
        self.assertEqual(found, {
            "/root/path": "error", "/mounts/7/source": "error", "/mounts/8/destination": "warning",
            "/mounts/9/options": "warning",
            "/hooks/prestart/0/path": "error", "/process/capabilities": "warning",
            "/linux/seccomp/syscalls/0/names": "warning", "/linux/sysctl/kernel.panic": "error"})

    def test_km_without_a_mount_namespace_of_its_own(self):
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "mount"]
        self.write_config()
        found = self.krun("validate", "--bundle", self.bundle, "--format", "json", mode="km")
        self.assertIn(["/linux/namespaces", "unsupported", "km and its libc.so are mounted, which needs a mount namespace of the container's "
                       "own: list one"], [list(item.values())[:3] for item in json.loads(found.out)])

    def test_annotations_that_this_host_does_not_allow(self):
        self.config["annotations"] = {"run.oci.hooks.stdout": "/x", "org.criu.config": "", "run.oci.delegate-cgroup": "x",
                                      "run.oci.keep_original_groups": "0", "run.oci.pidfd_receiver": "/y"}
        self.assertEqual([found[:2] for found in self.findings(0)],
                         [(f"/annotations/{name}", "warning")
                          for name in ("run.oci.hooks.stdout", "org.criu.config", "run.oci.pidfd_receiver")])

    def test_properties_of_systemd(self):
        self.allow("allowSystemdProperties")
        self.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "'soon'", "org.systemd.property.Slice": "'a.slice'",
                                      "org.systemd.property.CollectMode": "'inactive'"}
        self.assertEqual([found[:2] for found in self.findings(1)],
                         [("/annotations/org.systemd.property.TimeoutStopSec", "error"),
                          ("/annotations/org.systemd.property.Slice", "error")])

    def test_limits_that_this_host_cannot_set(self):
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            if "memory" in file.read():
                self.skipTest("this host can")
        self.config["linux"]["resources"]["memory"] = {"limit": 1 << 30}
        self.assertEqual([found[:2] for found in self.findings(1)], [("/linux/resources/memory/limit", "unsupported")])

    def test_what_krun_does_not_do(self):
        self.config["vm"] = {"kernel": {"path": "/x"}}
        self.assertEqual([found[:2] for found in self.findings(1)], [("/vm", "unsupported")])

    def test_text_form_and_a_file_by_name(self):
        self.config["process"]["cwd"] = "tmp"
        self.write_config()
        os.rename(f"{self.bundle}/config.json", f"{self.bundle}/other.json")
        result = self.krun("validate", f"{self.bundle}/other.json")
        first, line, mark = result.out.splitlines()
        with open(f"{self.bundle}/other.json") as file:
            column = file.read().index('"tmp"') + 1
        self.assertEqual((result.status, first), (1, f"{self.bundle}/other.json:1:{column}: error: /process/cwd: "
                                                     "'tmp' is not an absolute path"), result)
        self.assertEqual(line[mark.index("^"):mark.rindex("~") + 1], '"tmp"')

    def test_no_json_and_no_file(self):
        with open(f"{self.bundle}/config.json", "w") as file:
            file.write('{\n"a": }')
        result = self.krun("validate", "--bundle", self.bundle)
        self.assertEqual((result.status, result.out), (1, f"{self.bundle}/config.json:2:6: error: not JSON: unexpected character\n"
                                                          '    2 | "a": }\n      |      ^\n'), result)
        self.assertIn("no-such", self.fails("validate", f"{self.bundle}/no-such.json"))
        self.assertIn("--format", self.fails("validate", "--format", "xml"))

    def test_nothing_is_made(self):
        self.write_config()
        self.ok("validate", "--bundle", self.bundle)
        self.assertFalse(os.path.exists(self.root))

    def test_shapes_that_the_schema_refuses(self):
        for change, pointer in (
                ({"netDevices": {"eth0": {"name": 7}}}, "/linux/netDevices/eth0/name"),
                ({"resources": {"hugepageLimits": [{"limit": 5, "pageSize": "64kB"}]}},
                 "/linux/resources/hugepageLimits/0/pageSize"),
                ({"resources": {"rdma": [{"device": "mlx5_1"}]}}, "/linux/resources/rdma"),
                ({"resources": {"rdma": {"mlx5_1": {"hcaHandles": "many"}}}}, "/linux/resources/rdma/mlx5_1/hcaHandles"),
                ({"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["X86"]}},
                 "/linux/seccomp/architectures/0")):
            with self.subTest(change=change):
                self.fresh()["linux"].update(change)
                self.assertIn(pointer, self.pointers(1))

    def test_random_changes_never_crash(self):
        """The seed is fixed, and a build with the sanitizers runs it, too. validate has findings or none, and never fails in another way."""
        values = [None, True, -1, 0, 2**63, 2**64 - 1, -2**63, 1.5, "", "x", "/", "..", " " * 300, "a/b~c", [], {}, [1], ["x"],
                  {"a": 1}, [[]], [None], "0-", "\u0001", "%d", "MB:\n"]
        dice = random.Random(7)
        for _ in range(250):
            config = copy.deepcopy(RICH)
            for _ in range(dice.choice([1, 1, 2, 3, 6])):
                self.change(config, dice, copy.deepcopy(dice.choice(values)))
            text = json.dumps(config)
            if dice.random() < 0.2:
                at = dice.randrange(len(text))
                text = text[:at] + dice.choice(['"', "\\", "{", "}", "[", ",", "\0", "1e999", ""]) + text[at + dice.choice([0, 1, 3]):]
            with open(f"{self.bundle}/config.json", "w") as file:
                file.write(text)
            result = self.krun("validate", "--bundle", self.bundle)
            self.assertIn(result.status, (0, 1), f"{text}: {result}")
            self.assertEqual(result.err, "", text)

    @staticmethod
    def change(config, dice, value):
        """Puts @value at a random place of the document."""
        place = config
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                return
            key = dice.choice(keys)
            if isinstance(place[key], (dict, list)) and place[key] and dice.random() < 0.8:
                place = place[key]
                continue
            place[key] = value
            return

    # ---- features is true ----

    def features(self):
        return json.loads(self.ok("features").out)

    def check_words(self, words, put):
        """Checks that every word of a list is accepted, and that an invented one is not."""
        self.assertGreater(len(words), 1)
        for word in words:
            self.fresh()
            put(word)
            errors = [found for found in self.findings_any() if found[1] in ("error", "unsupported")]
            self.assertEqual(errors, [], word)
        self.fresh()
        put("no-such-word")
        self.assertNotEqual(self.findings_any(), [])

    def findings_any(self):
        self.write_config()
        result = self.krun("validate", "--bundle", self.bundle, "--format", "json")
        return [(item["pointer"], item["severity"], item["reason"]) for item in json.loads(result.out)]

    def test_features_namespaces(self):
        def put(word):
            if word == "user":
                self.config["linux"]["uidMappings"] = self.config["linux"]["gidMappings"] = [
                    {"containerID": 0, "hostID": 0, "size": 1}]
            self.config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "uts"}]
            if word not in ("mount", "uts"):
                self.config["linux"]["namespaces"].append({"type": word})

        self.check_words(self.features()["linux"]["namespaces"], put)

    def test_features_seccomp(self):
        def rule(**change):
            self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [
                {"names": ["read"], "action": "SCMP_ACT_LOG",
                 "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
                # By it krun executes the program under the filter.
                {"names": ["execve"], "action": "SCMP_ACT_ALLOW"}], **change}

        def operator(word):
            rule()
            self.config["linux"]["seccomp"]["syscalls"][0]["args"][0]["op"] = word

        seccomp = self.features()["linux"]["seccomp"]
        self.check_words(seccomp["actions"], lambda word: rule(defaultAction=word))
        self.check_words(seccomp["archs"], lambda word: rule(architectures=[word]))
        self.check_words(seccomp["supportedFlags"], lambda word: rule(flags=[word]))
        self.check_words(seccomp["operators"], operator)

    def test_features_memory_policy(self):
        policy = self.features()["linux"]["memoryPolicy"]

        def put(word):
            self.config["linux"]["memoryPolicy"] = {"mode": word}
            if word not in ("MPOL_DEFAULT", "MPOL_LOCAL"):
                self.config["linux"]["memoryPolicy"]["nodes"] = "0"

        self.check_words(policy["modes"], put)
        self.check_words(policy["flags"], lambda word: self.config["linux"].update(
            memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": [word]}))

    def test_features_hooks_and_capabilities(self):
        features = self.features()
        self.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in features["hooks"]}
        self.config["process"]["capabilities"]["bounding"] = features["linux"]["capabilities"]
        self.assertEqual(self.findings(), [])
        self.assertEqual(len(features["hooks"]), 6)

    def test_features_mount_options_are_no_data(self):
        """krun understands every option in the list; the kernel would refuse it as data of a file system."""
        words = self.features()["mountOptions"]
        self.assertGreater(len(words), 60)
        for word in words:
            self.fresh()
            self.config["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": [word]})
            if word.endswith("bind"):
                self.config["mounts"][-1] = {"destination": "/x", "source": "/tmp", "options": [word]}
            if word in ("copy-symlink", "src-nofollow", "dest-nofollow"):
                self.config["mounts"][-1].update(type="bind", source="/tmp")
            if word.endswith("idmap"):
                self.config["mounts"][-1].update(uidMappings=[{"containerID": 0, "hostID": 0, "size": 1}],
                                                 gidMappings=[{"containerID": 0, "hostID": 0, "size": 1}])
            self.assertEqual(self.findings(), [], word)
