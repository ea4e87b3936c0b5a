# SPDX-License-Identifier: Apache-2.0
"""krun of an ordinary user: with one id, with a range from /etc/subuid, and inside a user namespace."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import unittest

from krun import CGROUP, KM_PATH, PROGRAMS, KrunTest, Result, runs, wait_until

UID = pwd.getpwnam("www-data").pw_uid     # newuidmap(1) needs a user that exists


class Rootless(KrunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not runs("setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--inh-caps=-all", "unshare", "--user",
                    "--map-root-user", "true"):
            raise unittest.SkipTest("ordinary users get no user namespaces here")

    def setUp(self):
        super().setUp()
        self.use("plain")
        self.runtime = os.path.join(self.top, "run")
        os.mkdir(self.runtime)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.top], check=True)
        self.mounts = []

    def tearDown(self):
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)
        super().tearDown()

    def use(self, mode):
        """Makes a copy of this krun, because the build may be where only root can read it."""
        self.program = os.path.join(self.top, os.path.basename(PROGRAMS[mode]))
        shutil.copy(PROGRAMS[mode], self.program)

    def as_user(self, *arguments, inside=(), environment=(), before=(), groups=None, **more):
        """Runs krun as an ordinary user; @inside: a command in front of it; @before: a command that root runs first."""
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        groups = ["--groups", groups] if groups else ["--clear-groups"]
        words = [*before, "setpriv", "--reuid", str(UID), "--regid", str(UID), *groups, "--inh-caps=-all", "env",
                 f"XDG_RUNTIME_DIR={self.runtime}", "ASAN_OPTIONS=detect_leaks=0", *environment, *inside, self.program,
                 *arguments]
        return Result(subprocess.run(words, stdin=subprocess.DEVNULL, timeout=60, check=False, cwd=self.bundle, **more))

    def user_ok(self, *arguments, **more):
        result = self.as_user(*arguments, **more)
        self.assertEqual(result.status, 0, f"{arguments}: {result}")
        return result.out

    def template(self, script, **process):
        """Returns what `spec --rootless` writes, with another program."""
        if os.path.exists(f"{self.bundle}/config.json"):
            os.remove(f"{self.bundle}/config.json")
        self.user_ok("spec", "--rootless")
        with open(f"{self.bundle}/config.json") as file:
            self.config = json.load(file)
        self.config["process"].update(terminal=False, args=["/bin/sh", "-c", script], **process)
        self.config["root"]["readonly"] = False
        self.save()

    def save(self):
        with open(f"{self.bundle}/config.json", "w") as file:
            json.dump(self.config, file)

    def ranges(self):
        """Gives the user a range in subuid(5), in this ring's own mount namespace."""
        if not shutil.which("newuidmap"):
            self.skipTest("no newuidmap")
        for name in ("subuid", "subgid"):
            path = os.path.join(self.top, name)
            with open(path, "w") as file:
                file.write(f"{UID}:100000:65536\n")
            subprocess.run(["mount", "--bind", path, f"/etc/{name}"], check=True)
            self.mounts.append(f"/etc/{name}")

    def open_device(self):
        """Makes km's device open for every user, in this ring's own mount namespace."""
        device = next(path for path in ("/dev/kvm", "/dev/kkm") if os.path.exists(path))
        node = os.path.join(self.top, "device")
        os.mknod(node, stat.S_IFCHR | 0o666, os.stat(device).st_rdev)
        os.chmod(node, 0o666)
        subprocess.run(["mount", "--bind", node, device], check=True)
        self.mounts.append(device)
        return device

    def closed_device(self):
        """Makes a device for km that only root, its owner, may open, and settings that name it."""
        node = f"/dev/krun-test-{os.getpid()}"
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        self.addCleanup(os.unlink, node)
        self.use("km")
        settings = os.path.join(self.top, "krun.json")
        with open(settings, "w") as file:
            json.dump({"device": node}, file)
        return node, settings

    def test_own_id_alone(self):
        self.template("id -u; cat /proc/self/uid_map; echo x > /dev/null && test -c /dev/urandom && echo devices; touch /made")
        out = self.user_ok("run", self.cid).split()
        self.assertEqual(out, ["0", "0", str(UID), "1", "devices"])
        self.assertEqual(os.stat(f"{self.rootfs}/made").st_uid, UID)

    def plain_config(self):
        """Writes the config.json that `spec` makes for root, with a program that tells who it is."""
        self.user_ok("spec")
        self.set_program("config.json")

    def set_program(self, name):
        with open(f"{self.bundle}/{name}") as file:
            config = json.load(file)
        config["process"].update(terminal=False, args=["/bin/sh", "-c", "id -u; echo worked"])
        with open(f"{self.bundle}/{name}", "w") as file:
            json.dump(config, file)

    def test_first_contact(self):
        """The error of a config that is root's has the commands that work."""
        self.assertIn("'krun spec --rootless' that of an ordinary user", self.as_user("run", self.cid).err)
        self.plain_config()
        result = self.as_user("run", self.cid)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertEqual(result.err.count("\n"), 1, result)
        self.assertIn("config.json: /linux/namespaces: without a user namespace only root may make others", result.err)
        commands = re.findall("'krun-plain ([^']*)'", result.err)
        self.assertEqual(len(commands), 2, result)
        self.assertEqual(os.listdir(self.runtime), [], "nothing was begun")
        self.user_ok(*commands[0].split())
        self.set_program("rootless.json")
        self.assertEqual(self.user_ok(*commands[1].replace("ID", self.cid).split()), "0\nworked\n")
        # Root of a user namespace needs no other one, and root itself none.
        self.assertEqual(self.run_ok(), "0\nworked\n")

    def test_without_a_runtime_directory(self):
        self.plain_config()
        self.template("id -u")
        result = self.as_user("run", self.cid, inside=["env", "-u", "XDG_RUNTIME_DIR"])
        self.assertEqual((result.status, result.err.count("\n")), (1, 1), result)
        for word in ("'/run/krun'", "needs XDG_RUNTIME_DIR", "--root", "'krun spec --rootless'"):
            self.assertIn(word, result.err)
        self.assertIn("needs XDG_RUNTIME_DIR", self.as_user("run", self.cid, inside=["env", "XDG_RUNTIME_DIR=here"]).err)
        self.assertIn("XDG_RUNTIME_DIR names it; another can be named with --root",
                      self.as_user("run", self.cid, inside=["env", "XDG_RUNTIME_DIR=/proc/1/no"]).err)
        self.assertEqual(self.user_ok("--root", f"{self.runtime}/own", "run", self.cid, inside=["env", "-u", "XDG_RUNTIME_DIR"]), "0\n")
        self.assertNotIn("XDG", self.as_user("--root", "/proc/1/no", "run", self.cid).err)

    def test_limits_without_a_cgroup_of_his_own(self):
        self.template("id -u")
        self.config["linux"]["resources"] = {"pids": {"limit": 10}}
        self.save()
        result = self.as_user("run", self.cid)
        self.assertEqual((result.status, result.err.count("\n")), (1, 1), result)
        self.assertIn("--systemd-cgroup asks his systemd", result.err)

    def test_host_without_user_namespaces(self):
        """The setting is that of a user namespace of the test, not the machine's."""
        self.template("id -u")
        result = self.as_user("run", self.cid, inside=["unshare", "--user", "--map-root-user", "sh", "-c",
                                                       "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"])
        self.assertEqual(result.status, 1, result)
        self.assertIn("sysctl user.max_user_namespaces is 0", result.err)

    def test_additional_groups_where_there_can_be_none(self):
        """They are an error in run, create and exec; the user namespace of a range has them."""
        self.template("id -G", user={"uid": 0, "gid": 0, "additionalGids": [7]})
        for command in ("run", "create"):
            result = self.as_user(command, self.cid)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn("config.json: /process/user/additionalGids: setgroups(2) is denied in the container's user", result.err)
        # podman adds group 0 from the /etc/group of many images, which is the process' own group.
        self.template("exec sleep 100", user={"uid": 0, "gid": 0, "additionalGids": [0]})
        with open(self.log, "wb") as log:
            self.user_ok("run", "--detach", self.cid, stdout=log, stderr=log)
        result = self.as_user("exec", "--additional-gids", "7", self.cid, "true")
        self.assertEqual(result.status, 255, result)
        self.assertIn("additional groups: setgroups(2) is denied in the container's user namespace", result.err)
        self.user_ok("delete", "--force", self.cid)

    def test_additional_groups_of_a_range(self):
        self.ranges()
        maps = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 65535}]
        self.template("id -G", user={"uid": 0, "gid": 0, "additionalGids": [7]})
        self.config["linux"].update(uidMappings=maps, gidMappings=maps)
        self.save()
        self.assertEqual(self.user_ok("run", self.cid).split(), ["0", "7"])

    def test_template_of_a_snapshot(self):
        """The template belongs to the user, is as krun makes it now or as older ones were, and is for root or another user of the container."""
        self.ranges()
        image = os.path.join(self.top, "image")
        self.shell("n=$(cat $KMSIM_STATE 2>/dev/null || echo 0); "
                   "while :; do n=$((n+1)); echo $n > $KMSIM_STATE; echo n$n; sleep 0.02; done")
        self.create(mode="km")
        self.ok("start", self.cid, mode="km")
        wait_until(lambda: "n5\n" in self.logged(), what="payload")
        self.ok("checkpoint", "--image-path", image, self.cid, mode="km")
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.top], check=True)
        self.open_device()
        self.use("km")
        maps = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 65536}]
        for user in (0, 1000):
            for mode in (0o500, 0o600):
                with self.subTest(user=user, mode=mode):
                    self.template("true", user={"uid": user, "gid": user})
                    self.config["linux"].update(uidMappings=maps, gidMappings=maps)
                    self.config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                                                  "options": ["mode=1777"]})
                    self.save()
                    os.chmod(f"{image}/km-snapshot", mode)
                    with open(self.log, "wb") as log:
                        result = self.as_user("run", "--detach", "--from-snapshot", image, self.cid, stdout=log, stderr=log)
                    self.assertEqual(result.status, 0, self.logged())
                    wait_until(lambda: self.logged().count("n") > 3, what="payload")
                    self.assertEqual(os.stat(f"{image}/km-snapshot").st_mode & 0o777, mode)
                    self.assertEqual(sorted(os.listdir(image)), ["inventory.img", "km-snapshot"])
                    self.user_ok("delete", "--force", self.cid)

    def test_whole_life(self):
        self.template("echo ready > /tmp/ready; exec sleep 100")
        log = open(self.log, "wb")
        self.user_ok("create", self.cid, stdout=log, stderr=log)
        log.close()
        self.assertEqual(json.loads(self.user_ok("state", self.cid))["status"], "created")
        self.user_ok("start", self.cid)
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/ready"), what="payload")
        self.assertEqual(self.user_ok("exec", self.cid, "id", "-u"), "0\n")
        self.assertIn(self.cid, self.user_ok("list"))
        self.user_ok("kill", self.cid, "KILL")
        wait_until(lambda: json.loads(self.user_ok("state", self.cid))["status"] == "stopped", what="end")
        self.user_ok("delete", self.cid)
        self.assertEqual(os.listdir(f"{self.runtime}/krun"), [])

    def test_created_container_is_not_entered(self):
        """Its first process is krun's own, into which an ordinary user may not look: the error explains that, and is not "permission denied"."""
        self.template("sleep 1000")
        with open(os.path.join(self.top, "out"), "wb") as out:
            created = self.as_user("--root", self.root, "create", "--bundle", self.bundle, self.cid, stdout=out, stderr=out)
        self.assertEqual(created.status, 0)
        self.assertIn("only when it has started", self.as_user("--root", self.root, "exec", self.cid, "/bin/true").err)
        path = os.path.join(self.top, "mounts.json")
        with open(path, "w") as file:
            json.dump([{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}], file)
        self.assertIn("only when it has started", self.as_user("--root", self.root, "mounts", "add", self.cid, path).err)
        self.user_ok("--root", self.root, "start", self.cid)
        self.assertEqual(self.user_ok("--root", self.root, "exec", self.cid, "/bin/echo", "in"), "in\n")
        self.user_ok("--root", self.root, "delete", "--force", self.cid)

    def test_oom_score_of_an_ordinary_user(self):
        """The kernel does not let the user write the score of a process that is not dumpable; afterwards krun's own score is as before."""
        self.template("cat /proc/self/oom_score_adj; sleep 1000", oomScoreAdj=321)
        with open(os.path.join(self.top, "out"), "wb") as out:
            self.as_user("--root", self.root, "run", "--detach", "--bundle", self.bundle, self.cid, stdout=out, stderr=out)
        wait_until(lambda: os.path.getsize(os.path.join(self.top, "out")), what="score")
        with open(os.path.join(self.top, "out")) as file:
            self.assertEqual(file.read(), "321\n")
        self.assertEqual(self.user_ok("--root", self.root, "exec", self.cid, "/bin/cat", "/proc/self/oom_score_adj"), "321\n")
        self.user_ok("--root", self.root, "delete", "--force", self.cid)

    def test_range_of_ids(self):
        self.ranges()
        self.template("id -u; id -g; touch /tmp/made", user={"uid": 5, "gid": 7})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": UID, "size": 1},
                                         {"containerID": 1, "hostID": 100000, "size": 65535}]
        self.save()
        self.assertEqual(self.user_ok("run", self.cid).split(), ["5", "7"])
        info = os.stat(f"{self.rootfs}/tmp/made")
        self.assertEqual((info.st_uid, info.st_gid), (100004, 100006))
        # Only root can remove the files of the mapped users; nothing else is left.
        os.remove(f"{self.rootfs}/tmp/made")

    def test_range_of_another_user(self):
        self.ranges()
        self.template("id")
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": UID, "size": 1},
                                         {"containerID": 1, "hostID": 300000, "size": 10}]
        self.save()
        result = self.as_user("run", self.cid)
        self.assertEqual(result.status, 1, result)
        self.assertRegex(result.err, "newuidmap refused the mappings: .* his range of /etc/subuid")

    def test_range_without_the_helper(self):
        self.template("id")
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 10}]
        self.save()
        result = self.as_user("run", self.cid, environment=["PATH=/nowhere"], inside=[])
        self.assertEqual(result.status, 1, result)
        self.assertIn("newuidmap is needed for these mappings and is not installed", result.err)

    def closed_source(self, mode, owner, group):
        """Makes a directory below one that not every user may enter."""
        os.makedirs(f"{self.top}/closed/volume")
        with open(f"{self.top}/closed/volume/file", "w") as file:
            file.write("reached\n")
        os.chown(f"{self.top}/closed", owner, group)
        os.chmod(f"{self.top}/closed", mode)
        return f"{self.top}/closed/volume"

    def test_source_that_a_group_of_the_caller_reaches(self):
        """The container does not have the group any more when its mounts are made."""
        source = self.closed_source(0o710, 0, 4321)
        for ranges in (False, True):
            with self.subTest(ranges=ranges):
                self.template("cat /vol/file /file; id -G")
                if ranges:
                    self.ranges()
                    for key in ("uidMappings", "gidMappings"):
                        self.config["linux"][key].append({"containerID": 1, "hostID": 100000, "size": 65535})
                self.config["mounts"] += [
                    {"destination": "/vol", "type": "bind", "source": source, "options": ["rbind", "ro"]},
                    {"destination": "/file", "type": "bind", "source": f"{source}/file", "options": ["bind"]}]
                self.save()
                out = self.user_ok("run", self.cid, groups="4321")
                self.assertEqual(out.splitlines()[:2], ["reached", "reached"])
                self.assertNotIn("4321", out)
                self.assertIn("access denied", self.as_user("run", self.cid).err)

    def test_the_root_as_a_volume_is_without_the_containers(self):
        self.template("grep ' /host' /proc/self/mountinfo; cat /host/etc/hostname > /dev/null && echo read")
        self.config["mounts"].append({"destination": "/host", "type": "bind", "source": "/", "options": ["rbind", "rslave"]})
        self.save()
        out = self.user_ok("run", self.cid)
        self.assertTrue(out.endswith("read\n"), out)
        self.assertNotIn(self.rootfs, out)

    def test_root_that_its_users_root_may_not_enter(self):
        """The root belongs to an id that the caller has only by /etc/subuid."""
        self.ranges()
        self.template("echo $(pwd) $(ls -d /bin)", user={"uid": 1, "gid": 1})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key].append({"containerID": 1, "hostID": 100000, "size": 65535})
        self.save()
        subprocess.run(["chown", "-R", "100000:100000", self.rootfs], check=True)
        os.chmod(self.rootfs, 0o700)
        self.assertEqual(self.user_ok("run", self.cid), "/ /bin\n")

    def test_from_a_directory_that_is_closed_to_the_caller(self):
        """With `su` in /root the command could not return from the container's root, so a process of its own changes to the root."""
        self.template("pwd")
        os.mkdir(f"{self.top}/shut")
        os.chmod(f"{self.top}/shut", 0o700)
        there = {"preexec_fn": lambda: os.chdir(f"{self.top}/shut")}
        self.assertEqual(self.user_ok("run", "--bundle", self.bundle, self.cid, **there), "/\n")
        result = self.as_user("run", "--bundle", self.bundle, "--pid-file", "pid", self.cid, **there)
        self.assertEqual(result.status, 1, result)
        self.assertFalse(os.path.exists(f"{self.rootfs}/pid"))

    # The caller is root of a user namespace, as with `unshare -r` or a builder in a container, and the mounts belong to another one.
    SHARED_MOUNTS = ("unshare", "--user", "--map-root-user")

    def nested(self, script):
        self.template(script)
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        source = self.closed_source(0o700, UID, UID)
        self.config["mounts"] += [
            {"destination": "/vol", "type": "bind", "source": source, "options": ["rbind", "ro"]},
            {"destination": "/file", "type": "bind", "source": f"{source}/file", "options": ["bind"]}]
        self.save()

    def test_in_a_user_namespace_with_its_parents_mounts(self):
        self.nested("cat /vol/file /file; cat /proc/self/uid_map; echo x > /dev/null; touch /made; grep -c rootfs /proc/self/mountinfo")
        for options in ((), ("--no-pivot",)):
            with self.subTest(options=options):
                out = self.user_ok("run", *options, self.cid, inside=self.SHARED_MOUNTS)
                self.assertEqual(out.split()[:5], ["reached", "reached", "0", str(UID), "1"])
        self.assertEqual(os.stat(f"{self.rootfs}/made").st_uid, UID)

    def test_a_user_namespace_in_one_with_its_parents_mounts(self):
        """The container's root may not enter directories that the caller's root may."""
        self.nested("cat /vol/file /file; id -u")
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 7, "hostID": 0, "size": 1}]
        self.config["process"]["user"] = {"uid": 7, "gid": 7}
        self.save()
        self.assertEqual(self.user_ok("run", self.cid, inside=self.SHARED_MOUNTS).split(), ["reached", "reached", "7"])

    def test_under_km_in_a_user_namespace_with_its_parents_mounts(self):
        self.open_device()
        self.use("km")
        self.nested("echo $KMSIM; cat /vol/file")
        self.assertEqual(self.user_ok("run", self.cid, inside=self.SHARED_MOUNTS).split(), ["1", "reached"])

    def test_inside_a_user_namespace(self):
        """Its network namespace is the host's, which a process cannot join again once it has left it."""
        self.template("id -u; cat /proc/self/uid_map; readlink /proc/self/ns/net")
        self.config["linux"]["namespaces"].append({"type": "network"})
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        self.save()
        out = self.user_ok("run", self.cid, inside=["unshare", "--user", "--map-root-user", "--mount"]).split()
        self.assertEqual(out[:4], ["0", "0", str(UID), "1"])
        self.assertNotEqual(out[4], os.readlink("/proc/self/ns/net"))

    def test_under_km(self):
        """krun needs no privilege for km, its device and the directory of its socket; every user may open the device."""
        device = self.open_device()
        self.use("km")
        self.template(f"echo $KMSIM; id -u; (echo x > {KM_PATH}) 2> /dev/null || echo refused; test -c {device} && echo device")
        self.assertEqual(self.user_ok("run", self.cid).split(), ["1", "0", "refused", "device"])
        self.template("echo ready > /tmp/ready; exec sleep 100")
        with open(self.log, "wb") as log:
            self.user_ok("create", self.cid, stdout=log, stderr=log)
        self.user_ok("start", self.cid)
        wait_until(lambda: os.path.exists(f"{self.rootfs}/tmp/ready"), what="payload")
        self.assertEqual(self.user_ok("exec", self.cid, "sh", "-c", "echo $KMSIM"), "1\n")
        self.user_ok("delete", "--force", self.cid)

    def test_a_device_of_km_that_the_user_may_not_open(self):
        node, settings = self.closed_device()
        self.template("true")
        result = self.as_user("--config-file", settings, "run", self.cid)
        self.assertEqual(result.status, 1)
        self.assertIn(f"the container's user may not be allowed to open '{node}'", result.err)
        self.assertIn("run.oci.keep_original_groups", result.err)

    def test_a_device_of_km_inside_a_user_namespace(self):
        """Rootless podman calls krun like this: its root cannot make a node, so krun uses the host's, which not every user may open."""
        node, settings = self.closed_device()
        os.chown(node, UID, UID)
        os.chown(settings, UID, UID)
        self.template("echo virtual $KMSIM")
        self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
        del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
        self.save()
        out = self.user_ok("--config-file", settings, "run", self.cid, inside=["unshare", "--user", "--map-root-user", "--mount"])
        self.assertEqual(out, "virtual 1\n")

    def test_limit_in_a_delegated_cgroup(self):
        """The user may not write to any cgroup above it, and it has the controllers that are needed (systemd-run --user -p Delegate=yes, a quadlet)."""
        with open(f"{CGROUP}/cgroup.controllers") as file:
            available = file.read().split()
        limits = {"pids": ("pids.max", {"pids": {"limit": 40}}),
                  "hugetlb": ("hugetlb.2MB.max", {"hugepageLimits": [{"pageSize": "2MB", "limit": 2 << 20}]})}
        usable = [name for name in limits if name in available]
        if not usable or (usable == ["hugetlb"] and not os.path.isdir("/sys/kernel/mm/hugepages/hugepages-2048kB")):
            self.skipTest("neither the pids nor the hugetlb controller in the cgroup2 tree")
        name, (file_name, resources) = usable[0], limits[usable[0]]
        parent = f"{CGROUP}/krun-test-{self.cid}"
        os.makedirs(f"{parent}/delegated/runtime")
        for folder in (CGROUP, parent):
            with open(f"{folder}/cgroup.subtree_control", "w") as file:
                file.write(f"+{name}")
        for folder in ("", "runtime"):
            for file in ("", "cgroup.procs", "cgroup.subtree_control"):
                os.chown(os.path.join(parent, "delegated", folder, file), UID, UID)

        def enter():
            with open(f"{parent}/delegated/runtime/cgroup.procs", "w") as file:
                file.write("0")

        self.template(f"cat /sys/fs/cgroup/{file_name}")
        self.config["linux"].update(cgroupsPath=f"/krun-test-{self.cid}/delegated/payload", resources=resources)
        self.save()
        try:
            result = self.as_user("run", self.cid, preexec_fn=enter)
        finally:
            for folder in ("delegated/runtime", "delegated", ""):
                os.rmdir(os.path.join(parent, folder))
        self.assertEqual((result.status, result.out), (0, {"pids": "40\n", "hugetlb": f"{2 << 20}\n"}[name]), result)

    def test_own_cgroup_is_all_there_is_to_see(self):
        """Such a container's /sys is a bind of the host's, which has the host's cgroups."""
        folder = f"{CGROUP}/krun-test-{self.cid}"
        os.mkdir(folder)
        self.addCleanup(os.rmdir, folder)

        def enter():
            with open(f"{folder}/cgroup.procs", "w") as file:
                file.write("0")

        # The root of the host's cgroup tree has no file cgroup.type.
        self.template("cat /sys/fs/cgroup/cgroup.type; mkdir /sys/fs/cgroup/made || echo refused")
        result = self.as_user("run", self.cid, preexec_fn=enter)
        self.assertEqual((result.status, result.out), (0, "domain\nrefused\n"), result)

    def bind(self, flags, *options):
        """Returns the flags of a bind of a tmpfs that the host has mounted with @flags, and stderr."""
        source = os.path.join(self.top, "source")
        os.makedirs(source, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", source], check=True)
        self.mounts.append(source)
        os.makedirs(f"{source}/below")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{source}/below"], check=True)
        self.mounts.insert(0, f"{source}/below")
        for place in (source, f"{source}/below"):
            subprocess.run(["mount", "-o", f"remount,bind,{flags}", place], check=True)
        self.template("cat /proc/self/mountinfo")
        self.config["mounts"].append({"destination": "/m", "type": "bind", "source": source, "options": ["rbind", *options]})
        self.save()
        result = self.as_user("run", self.cid)
        self.assertEqual(result.status, 0, result)
        found = {line.split()[4]: set(line.split()[5].split(",")) for line in result.out.splitlines()}
        while self.mounts:
            subprocess.run(["umount", "-l", self.mounts.pop(0)], check=True)
        return found["/m"], found["/m/below"], result.err

    def test_locked_flags_of_a_source_stay(self):
        """An ordinary user cannot remove flags with which the host has mounted a source, but can add some."""
        locked = {"ro", "nosuid", "nodev", "noexec", "noatime"}
        for options in (["rw", "suid", "dev", "exec", "relatime"], ["rrw", "rsuid", "rdev", "rexec", "rrelatime"]):
            with self.subTest(options=options):
                top, below, err = self.bind(",".join(locked), *options)
                self.assertLessEqual(locked, top)
                self.assertLessEqual(locked, below)
                for word in ("'rw'", "'suid'", "'dev'", "'exec'", "another mode of access times"):
                    self.assertIn(f"mount '/m': {word} cannot be had", err)
        top, below, err = self.bind("nosuid,relatime", "ro", "noexec", "suid", "dev", "relatime")
        self.assertLessEqual({"ro", "noexec", "nosuid", "relatime"}, top)
        self.assertLessEqual({"rw", "nosuid", "relatime"}, below)
        self.assertEqual(err.count("cannot be had"), 1, err)
        top, below, err = self.bind("relatime,exec", "rnoexec", "rnosuid", "exec", "rrw")
        self.assertLessEqual({"rw", "noexec", "nosuid"}, top & below)
        self.assertEqual(err, "")

    def test_mount_inside_of_a_read_only_mount(self):
        os.mkdir(f"{self.top}/vol")
        with open(f"{self.top}/secret", "w") as file:
            file.write("secret\n")
        subprocess.run(["chown", "-R", f"{UID}:{UID}", f"{self.top}/vol", f"{self.top}/secret"], check=True)
        for options in (["bind", "ro"], ["rbind", "rro"]):
            with self.subTest(options=options):
                self.template("cat /s/name; (echo x > /s/new) 2>/dev/null || echo refused; (echo x > /s/name) 2>/dev/null || echo refused")
                self.config["mounts"] += [
                    {"destination": "/s", "type": "bind", "source": f"{self.top}/vol", "options": options},
                    {"destination": "/s/name", "type": "bind", "source": f"{self.top}/secret", "options": options}]
                self.save()
                self.assertEqual(self.user_ok("run", self.cid).split(), ["secret", "refused", "refused"])
                os.unlink(f"{self.top}/vol/name")

    def test_sysfs_of_the_host_has_the_options_that_were_asked(self):
        """In a container on the host's network /sys is a bind."""
        for options, expected, lacks in ((["nosuid", "noexec", "nodev", "ro"], {"nosuid", "noexec", "nodev", "ro"}, set()),
                                         (["nosuid", "rw"], {"nosuid", "rw"}, {"ro"}), ([], {"rw"}, {"ro"})):
            with self.subTest(options=options):
                self.template("cat /proc/self/mountinfo; touch /sys/new || true")
                self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"]
                                                      if item["type"] != "network"]
                self.config["mounts"] = [item for item in self.config["mounts"] if not item["destination"].startswith("/sys")]
                self.config["mounts"].append({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": options})
                self.config["linux"]["maskedPaths"] = self.config["linux"]["readonlyPaths"] = []
                self.save()
                # The tests' own machine may have a restricted /sys.
                script = 'umount -R /sys; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /sys/fs/cgroup; exec "$@"'
                result = self.as_user("run", self.cid,
                                      before=["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"])
                self.assertEqual(result.status, 0, result)
                found = {line.split()[4]: set(line.split()[5].split(",")) for line in result.out.splitlines()}
                self.assertLessEqual(expected, found["/sys"])
                self.assertFalse(lacks & found["/sys"], found)
                # config.json does not ask for the mounts in it.
                self.assertLessEqual({"ro", "nosuid", "nodev", "noexec"}, found["/sys/fs/cgroup"])

    def test_a_second_container_on_the_same_root(self):
        """A user who cannot make nodes gets the host's, mounted on an empty file, which exists already the second time."""
        self.template("echo x > /dev/null && stat -c %t:%T /dev/null /dev/zero")
        self.config["mounts"] = [mount for mount in self.config["mounts"] if not mount["destination"].startswith("/dev")]
        self.config["linux"]["maskedPaths"] = []
        self.save()
        for inside in ([], ["unshare", "--user", "--map-root-user", "--mount"]):
            if inside:
                self.config["linux"]["namespaces"] = [item for item in self.config["linux"]["namespaces"] if item["type"] != "user"]
                del self.config["linux"]["uidMappings"], self.config["linux"]["gidMappings"]
                self.save()
            for _ in range(2):
                self.assertEqual(self.user_ok("run", self.cid, inside=inside).split(), ["1:3", "1:5"])
        with open(f"{self.rootfs}/dev/full", "w") as file:
            file.write("data")
        self.assertIn("device '/dev/full': something else is there already", self.as_user("run", self.cid, inside=inside).err)

    def test_limits_are_not_dropped(self):
        self.template("true")
        self.config["linux"]["resources"] = {"pids": {"limit": 10}}
        self.save()
        result = self.as_user("run", self.cid)
        self.assertEqual(result.status, 1, result)
        self.assertIn("cgroup", result.err)

    def test_state_of_another_user_is_not_seen(self):
        self.template("true")
        self.assertEqual(self.user_ok("list", "--quiet"), "")
        self.assertEqual(os.stat(f"{self.runtime}/krun").st_mode & 0o777 if os.path.exists(f"{self.runtime}/krun") else 0o700,
                         0o700)
