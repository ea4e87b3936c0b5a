# SPDX-License-Identifier: Apache-2.0
"""
Every system call of every command fails with the errors that the kernel can really return: the command fails with one clear line and
leaves nothing, or it goes on by a documented way and the container is what it is without the fault.
"""

import errno

import sample
from faults import FaultTest, add_tests

QUICK = 8      # faults of a command

# Calls, and the errors with which they are tried; after the section ERRORS of their man pages. Errors that prove absence are left out,
# and so are arguments that krun never passes.
ERRORS = {
    "open openat openat2": "EMFILE ENFILE ENOMEM EIO EACCES EINTR",
    "socket socketpair pipe2 accept4 memfd_create epoll_create1 eventfd2 inotify_init1 signalfd4 pidfd_open pidfd_getfd dup": "EMFILE ENFILE ENOMEM",
    "open_tree fsopen fsmount": "EMFILE ENFILE ENOMEM EPERM",
    "fsconfig move_mount mount mount_setattr": "ENOMEM EPERM EBUSY",
    "umount2 pivot_root chroot": "EPERM EBUSY ENOMEM",
    "fcntl": "EMFILE ENOMEM",
    "dup2 dup3": "EBUSY EINTR",
    "newfstatat fstat stat lstat statx statfs fstatfs readlink readlinkat access faccessat2 getdents64 chdir fchdir": "EIO EACCES ENOMEM",
    "mkdir mkdirat mknodat symlinkat linkat": "ENOSPC EROFS EIO EACCES EDQUOT",
    "unlink unlinkat rmdir": "EIO EACCES EBUSY EROFS",
    "rename renameat renameat2": "ENOSPC EROFS EIO EACCES",
    "fchown fchownat fchmod fchmodat ftruncate": "EPERM EIO EROFS",
    "read pread64 lseek": "EIO EINTR ENOMEM",
    "write pwrite64 sendfile copy_file_range fsync": "EIO ENOSPC EINTR EDQUOT",
    "close": "EIO EINTR",
    "getcwd": "ENOMEM EACCES",
    "clone clone3 fork vfork": "EAGAIN ENOMEM EPERM ENOSPC",
    "unshare setns": "EPERM ENOMEM ENOSPC",
    "execve execveat": "ENOMEM EACCES EIO EAGAIN ETXTBSY",
    "capget capset setgroups sethostname setdomainname setsid setpgid personality sched_setaffinity sched_setattr ioprio_set": "EPERM ENOMEM",
    "setresuid setresgid setuid setgid": "EPERM EAGAIN",
    "prlimit64 setpriority": "EPERM EACCES",
    "prctl seccomp": "EPERM ENOMEM EACCES",
    "keyctl": "EDQUOT ENOMEM EACCES",
    "bpf": "EPERM ENOMEM EAGAIN",
    "ioctl": "EIO ENOMEM",
    "kill pidfd_send_signal": "EPERM EAGAIN",
    "wait4 waitid": "EINTR",
    "poll ppoll epoll_wait": "EINTR ENOMEM",
    "flock": "EINTR ENOLCK ENOMEM",
    "connect bind listen": "EACCES EAGAIN ENOMEM",
    "sendto sendmsg": "ENOBUFS ENOMEM EAGAIN EPIPE",
    "recvfrom recvmsg": "ENOMEM EINTR",
    "setsockopt getsockopt": "ENOMEM ENOBUFS",
    "mmap": "ENOMEM",
    "utimensat": "EPERM EROFS",
    "fgetxattr": "EIO ENOMEM",
    "timerfd_create": "EMFILE ENFILE ENOMEM",
    "getrandom": "EINTR EAGAIN",
    "nanosleep clock_nanosleep": "EINTR",
}
# Calls that have no error, or none that a program with correct arguments can meet; mprotect is the C library's, before main().
NEVER = set("""
    alarm arch_prctl brk clock_gettime close_range exit exit_group getegid geteuid getgid getgroups getpgid getpgrp getpid getppid
    getpriority getrusage getsid gettid getuid getxattr madvise mprotect munmap rseq restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigreturn rt_sigtimedwait sched_getaffinity sched_yield set_robust_list set_tid_address shutdown sysinfo umask uname vhangup
    getsockname getpeername fadvise64 timerfd_settime
""".split())
BY_CALL = {call: [getattr(errno, name) for name in names.split()] for calls, names in ERRORS.items() for call in calls.split()}


# (call, error, what becomes of the facts): what a header says of this error.
DOCUMENTED = [
    # init/program.h: HOME is "/" for a user who may not read /etc/passwd.
    ("openat", errno.EACCES, ("HOME=/home/alice\n", "HOME=/\n")),
    # util/io.h: km's log has a lower number if the limit of descriptors forbids the higher one; kmsim's program sees its descriptors.
    ("fcntl", errno.EMFILE, ("\n0  1  2  3\n", "\n0    1    2    3    726\n")),
    ("fcntl", errno.EMFILE, ("\n0\n1\n2\n3\n", "\n0\n1\n2\n3\n726\n")),
]


class FailAnywhere(FaultTest):
    def fail_anywhere(self, command):
        places = self.places(command)
        unknown = {place.call for place in places} - NEVER - set(BY_CALL)
        self.assertFalse(unknown, "calls without a row in ERRORS")
        cases = [(place, code) for place in places for code in BY_CALL.get(place.call, [])]
        reached, faults = 0, []
        tried = sample.pick(cases, QUICK, f"fail {command.name}")
        for place, code in tried:
            where = f"{command.name}: {place} {errno.errorcode[code]}"
            self.prepare(command)
            status, said, complaint = self.inject(command, "fail", f"{place}:{code}")
            with open(self.report) as file:
                reached += bool(file.read())
            documented = [change for call, error, change in DOCUMENTED if (call, error) == (place.call, code)]
            self.judge(faults, where, command, status, said, complaint, documented)
            self.remove(where)
        self.check_reached(reached, tried)
        self.assertFalse(faults, "\n".join(faults))


class Fail(FailAnywhere):
    variants = ("plain", "km")


class FailKm(FailAnywhere):
    mode = "km"


add_tests(Fail, Fail.fail_anywhere)
add_tests(FailKm, FailKm.fail_anywhere, only_km=True)
