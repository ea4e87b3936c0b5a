# SPDX-License-Identifier: Apache-2.0
"""Containers that are not what they were when exec comes."""

import subprocess

from race import Outside

ROWS = (
    ("Targets.test_stopped", "exec into a container whose first process has ended", "an error", "CWE-362"),
    ("Targets.test_number_of_another_process", "another process has the number of a container's that has ended",
     "nothing enters it or signals it, and delete leaves it alone", "CWE-362"),
    ("Remounted.test_root_is_covered", "exec after the container has mounted a tmpfs on its root", "exec is in the container's root or an error",
     "CVE-2019-5736"),
    ("Remounted.test_root_was_exchanged", "exec after the container has called pivot_root(2)", "the same", "CVE-2019-5736"),
    ("Remounted.test_root_is_a_chroot", "exec after the first process has called chroot(2) into a link to its /proc/1/root", "the same",
     "CVE-2019-5736"),
    ("Remounted.test_proc_is_another", "exec after the container has mounted what it wants on its /proc", "the same", "CVE-2019-16884"),
    ("Remounted.test_root_is_gone", "exec after the container has unmounted all that it may", "the same", "CVE-2019-5736"),
)


class Targets(Outside):
    def test_stopped(self):
        self.start("echo READY; read line; exit 0")
        self.wait_stopped()
        self.assert_one_error(self.krun("exec", self.cid, "true"))

    def test_number_of_another_process(self):
        """In a pid namespace of its own, whose next number may be chosen without a change of the host."""
        self.write_config(args=["/bin/sleep", "1000"])
        krun = " ".join(self.command("")[:-1])
        script = f"""
            {krun} create --bundle {self.bundle} {self.cid} < /dev/null > /dev/null 2>&1 && {krun} start {self.cid} || exit 3
            pid=$({krun} state {self.cid} | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
            kill -KILL $pid
            while [ -d /proc/$pid ]; do sleep 0.02; done
            for i in $(seq 100); do
                echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
                sleep 1000 & [ $! = $pid ] && break
                kill $!
            done
            [ $! = $pid ] || exit 4
            {krun} state {self.cid} | grep -o '"status": *"[a-z]*"'
            {krun} exec {self.cid} true; echo exec $?
            {krun} kill {self.cid} KILL; echo kill $?
            {krun} delete --force {self.cid}; echo delete $?
            kill -0 $pid && echo alive
        """
        done = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        self.assertEqual(done.stdout.splitlines(), ['"status": "stopped"', "exec 255", "kill 1", "delete 0", "alive"],
                         f"{done.returncode} {done.stderr}")


class Remounted(Outside):
    """Containers that may mount, and have changed their tree before exec comes."""

    def attack(self, script):
        self.more_capabilities("CAP_SYS_ADMIN", "CAP_SYS_CHROOT")
        self.config["process"]["user"] = {"uid": 0, "gid": 0}
        copy = "cp /bin/busybox /new/bin/ && for name in sh cat ls true readlink; do ln -s busybox /new/bin/$name; done"
        self.start(f"mkdir -p /new/bin /new/proc /new/old && {script.replace('COPY', copy)} && echo READY; while :; do sleep 1; done")
        for words in (["/bin/busybox", "cat", self.canary], ["/bin/busybox", "ls", "-l", "/", "/proc/self/cwd/", "/proc/1/root/"],
                      ["--cwd", "/tmp", "/bin/busybox", "true"], ["--tty", "--console-socket", "/no/such", "/bin/busybox", "true"]):
            options = [word for word in words[:words.index("/bin/busybox")]]
            result = self.krun("exec", *options, self.cid, *words[len(options):])
            self.assert_nothing_of_the_host(result, " ".join(words))
            self.assertNotIn("krun-test-", result.out, f"a directory of the host: {result}")
            if "cat" in words:
                self.assertNotEqual(result.status, 0, f"a file of the host: {result}")
        self.assert_outside_kept()

    def test_root_is_covered(self):
        self.attack("mount -t tmpfs tmpfs /new && mkdir -p /new/bin && COPY && mount --move /new / && cd /")

    def test_root_was_exchanged(self):
        self.attack("mount -t tmpfs tmpfs /new && mkdir -p /new/bin /new/proc /new/old && COPY && mount --move /proc /new/proc && "
                    "cd /new && pivot_root . old && exec chroot . /bin/sh -c 'echo READY; while :; do read line < /proc/1/stat; done'")

    def test_root_is_a_chroot(self):
        self.attack("mkdir -p /new/bin && COPY && mount --bind /proc /new/proc && ln -s /proc/1/root /new/up && "
                    "exec chroot /new /bin/sh -c 'echo READY; while :; do read line < /proc/1/stat; done'")

    def test_proc_is_another(self):
        self.attack("mount -t tmpfs tmpfs /new && mkdir -p /new/self/fd /new/self/attr /new/1 && ln -s /bin/busybox /new/self/exe && "
                    "ln -s / /new/self/fd/3 && ln -s / /new/1/root && mount --move /new /proc")

    def test_root_is_gone(self):
        self.attack("cd / && for point in $(cut -d' ' -f5 /proc/self/mountinfo | sort -r); do umount -l $point 2>/dev/null; done; true")
