/* SPDX-License-Identifier: Apache-2.0 */

/*
 * floor ROOTFS: the kernel's limit for `run` of the bundle of contrib/bench. The fewest system calls that
 * give a process the same namespaces, file systems, devices, masked paths and cgroup, in a static program
 * that reads no configuration, keeps no state and checks nothing. No runtime can be faster; the distance is
 * what krun costs.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const char cgroup[] = "/sys/fs/cgroup/krun-floor";

static void must(const char *what, long result)
{
	if (result < 0) {
		perror(what);
		_exit(1);
	}
}

static void mount_file_systems(void)
{
	must("proc", mount("proc", "proc", "proc", 0, NULL));
	must("dev", mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"));
	must("dev/pts", mkdir("dev/pts", 0755));
	must("dev/shm", mkdir("dev/shm", 0755));
	must("dev/mqueue", mkdir("dev/mqueue", 0755));
	must("devpts", mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			     "newinstance,ptmxmode=0666,mode=0620"));
	must("shm", mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777"));
	must("mqueue", mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL));
	must("sysfs", mount("sysfs", "sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL));
}

static void make_devices(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {
		{ "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
	};

	umask(0);
	for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		must(nodes[i].path,
		     mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	umask(022);
	must("dev/ptmx", symlink("pts/ptmx", "dev/ptmx"));
}

static void restrict_paths(void)
{
	static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
						 "/proc/sysrq-trigger" };
	static const char *const masked[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list" };

	/* What a kernel does not have need not be masked. */
	for (unsigned i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
	for (unsigned i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		mount("/dev/null", masked[i], NULL, MS_BIND, NULL);
}

static void child(const char *rootfs)
{
	char path[] = "/bin/true", variable[] = "PATH=/bin";
	char *const argv[] = { path, NULL }, *const env[] = { variable, NULL };

	must("propagation", mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	must(rootfs, mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	must(rootfs, chdir(rootfs));
	mount_file_systems();
	make_devices();
	must("pivot_root", syscall(SYS_pivot_root, ".", "."));
	must("umount", umount2(".", MNT_DETACH));
	must("chdir", chdir("/"));
	restrict_paths();
	must("hostname", sethostname("floor", 5));
	execve(path, argv, env);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
			 CLONE_NEWCGROUP | CLONE_VFORK | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int status, fd;
	pid_t pid;

	if (argc != 2)
		return 2;
	must(cgroup, mkdir(cgroup, 0755));
	fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(cgroup, fd);
	args.cgroup = (unsigned)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child(argv[1]);
	must("clone3", pid);
	must("wait", waitpid(pid, &status, 0));
	rmdir(cgroup);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
