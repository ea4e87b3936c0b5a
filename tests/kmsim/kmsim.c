/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stand-in for km on hosts that cannot run it: km's command line as far as krun uses it, its start
 * protocol, its rules for descriptors, logs, devices and exit status. The payload is an ordinary process:
 * THERE IS NO ISOLATION. It is built for tests and for the quick start, and is never installed.
 *
 * It imitates behaviour of km that krun has to deal with:
 *   - km needs /proc (without it it dies of a segmentation fault), descriptors 0 to 2, a RLIMIT_NOFILE of
 *     737, and a device that it can open for reading and writing.
 *   - It has to find itself by the path of /proc/self/exe.
 *   - KM_EXEC_* variables make it abort.
 *   - --wait-for-signal: one line in the log, SIGUSR1 blocked, sigwait(3), mask restored, then handlers.
 *   - A signal from outside interrupts read(2) of the first thread, and reaches the payload only when the
 *     other thread, vcpu-0, gets the kick, signal 63. The log says what was delivered, and which kick found
 *     nothing.
 *   - The management socket has a thread of its own, also while km waits. Snapshots can be resumed
 *     (snapshot.h). KM_MGTDIR and --snapshot exclude each other.
 *   - SNAP_LISTEN_TIMEOUT: a snapshot is resumed only once a client connects (here: once a file appears).
 *   - Options: the values that km refuses, the device that it uses; a trace and statistics of one line.
 *   - km sends itself the signal that killed the payload, which does not work as process 1: it sleeps for
 *     2 s, tries SIGABRT, which does not work either, and ends with SIGSEGV.
 *
 * Tests can make it misbehave: KMSIM_SNAPSHOT (snapshot.h), KMSIM_SLOW_VCPU (ms until vcpu-0 has its name),
 * KMSIM_LATE (ms from the release to the payload), KMSIM_TALK (KiB of log).
 *
 * It differs from km: the payload has a pid of its own, gets the keyboard's signals without kmsim, and its
 * scripts, execs and forks are native, unless a script names kmsim.
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot.h"

enum { KICK_SIGNAL = 63, GUEST_FDS = 727, LOG_FD = 731, DEVICE_FD = 734, LIMIT_FATAL = 728, LIMIT_MIN = 737 };

/* km's exit statuses for failures of its own. */
enum { EXIT_SETUP = 1, EXIT_PAYLOAD = 2 };

/* A test makes this file to say that a client has connected. */
#define CONNECTION_FILE "/tmp/.kmsim-connection"

static FILE *log_file;
static pid_t payload_pid;
enum { SENT = 1, TYPED };
static volatile sig_atomic_t pending[NSIG], kicked;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	if (!log_file)
		return;
	va_start(args, format);
	fprintf(log_file, "kmsim: ");
	vfprintf(log_file, format, args);
	fprintf(log_file, "\n");
	fflush(log_file);
	va_end(args);
}

/* ---- set-up ------------------------------------------------------------------------------------------ */

struct options {
	bool wait, stats;
	const char *log, *device, *verbose, *snapshot, *management;
};

/* Options that are accepted and have no effect. */
enum { IGNORED = 1000 };

static int usage(void)
{
	fprintf(stderr, "Usage: km [options] [--] payload-file [args ...]\n");
	return EXIT_SETUP;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option rows[] = {
		{ "wait-for-signal", no_argument, NULL, 'w' },
		{ "km-log-to", required_argument, NULL, 'k' },
		{ "mgtpipe", required_argument, NULL, 'm' },
		{ "version", no_argument, NULL, 'v' },
		{ "virt-device", required_argument, NULL, 'F' },
		{ "membus-width", required_argument, NULL, 'P' },
		{ "verbose", optional_argument, NULL, 'V' },
		{ "snapshot", required_argument, NULL, 's' },
		{ "hcall-stats", no_argument, NULL, 'S' },
		{ "coredump", required_argument, NULL, IGNORED },
		{ "core-on-err", no_argument, NULL, IGNORED },
		{ "dump-shutdown", no_argument, NULL, IGNORED },
		{ "enable-1g-pages", no_argument, NULL, IGNORED },
		{ "disable-1g-pages", no_argument, NULL, IGNORED },
		{ "overcommit-memory", no_argument, NULL, IGNORED },
		{ "vendorid", no_argument, NULL, IGNORED },
		{ "kill-unimpl-scall", no_argument, NULL, IGNORED },
		{ "gdb-server-port", optional_argument, NULL, IGNORED },
		{ "gdb-listen", no_argument, NULL, IGNORED },
		{ "gdb-dynlink", no_argument, NULL, IGNORED },
		{ 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "+k:vF:P:V::S", rows, NULL)) >= 0) {
		switch (letter) {
		case 'F':
			ret->device = optarg;
			break;
		case 'P':
			if (atoi(optarg) < 32 || atoi(optarg) > 39)
				return false;
			break;
		case 'V':
			ret->verbose = optarg ? optarg : "";
			break;
		case 's':
			ret->snapshot = optarg;
			break;
		case 'S':
			ret->stats = true;
			break;
		case IGNORED:
			break;
		case 'w':
			ret->wait = true;
			break;
		case 'k':
			ret->log = optarg;
			break;
		case 'm':
			ret->management = optarg;
			break;
		case 'v':
			fprintf(stderr, "kmsim, a stand-in for Kontain Monitor without isolation\n");
			exit(0);
		default:
			return false;
		}
	}
	return true;
}

static void open_log(const char *name)
{
	char stray[64];
	struct stat st;
	int fd;

	if (!name)
		name = getenv("KM_LOGTO");
	if (name && strcmp(name, "none") == 0)
		return;
	if (!name && fstat(STDERR_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
		snprintf(stray, sizeof(stray), "/tmp/km_%d.log", getpid());
		name = stray;
	}
	if (!name || strcmp(name, "stderr") == 0) {
		log_file = stderr;
		return;
	}
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		fprintf(stderr, "Assertion `fd == KM_LOGGING' failed: %s\n", strerror(errno));
		abort();
	}
	if (dup3(fd, LOG_FD, O_CLOEXEC) == LOG_FD) {
		close(fd);
		fd = LOG_FD;
	}
	log_file = fdopen(fd, "w");
}

static void check_environment(void)
{
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, "KM_EXEC_", 8) == 0) {
			say("incomplete exec state in the environment: %s", *variable);
			abort();
		}
}

static int check_descriptors(void)
{
	struct rlimit limit;
	char link[64], target[PATH_MAX];

	for (int fd = 0; fd <= 2; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target)) < 0)
			raise(SIGSEGV);
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < LIMIT_FATAL) {
		say("Bad file descriptor: RLIMIT_NOFILE is %llu", (unsigned long long)limit.rlim_cur);
		return EXIT_PAYLOAD;
	}
	if (limit.rlim_cur < LIMIT_MIN)
		abort();
	return 0;
}

/* km executes itself again by this path whenever its payload calls execve. */
static int check_self(void)
{
	char path[PATH_MAX];

	if (!realpath("/proc/self/exe", path)) {
		say("realpath /proc/self/exe: %s", strerror(errno));
		return EXIT_SETUP;
	}
	if (access(path, R_OK | X_OK) < 0) {
		say("km at '%s': %s", path, strerror(errno));
		return EXIT_SETUP;
	}
	return 0;
}

static int open_device(const char *chosen)
{
	const char *const devices[] = { chosen ? chosen : "/dev/kontain", "/dev/kvm", "/dev/kkm" };
	const size_t len = chosen ? 1 : sizeof(devices) / sizeof(devices[0]);
	int reason = ENOENT;

	for (size_t i = 0; i < len; i++) {
		int fd = open(devices[i], O_RDWR | O_CLOEXEC);

		if (fd >= 0) {
			dup3(fd, DEVICE_FD, O_CLOEXEC);
			close(fd);
			say("device %s", devices[i]);
			return 0;
		}
		if (errno != ENOENT)
			reason = errno;
	}
	fprintf(stderr, "Can't open default device file: %s\n", strerror(reason));
	say("no device: %s", strerror(reason));
	return EXIT_SETUP;
}

/* ---- payload ----------------------------------------------------------------------------------------- */

static int check_interpreter(int fd, const Elf64_Ehdr *header)
{
	for (int i = 0; i < header->e_phnum; i++) {
		char path[PATH_MAX] = "";
		Elf64_Phdr part;

		if (pread(fd, &part, sizeof(part), (off_t)(header->e_phoff + (Elf64_Off)i * sizeof(part))) !=
		    (ssize_t)sizeof(part))
			return EXIT_PAYLOAD;
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_filesz >= sizeof(path) ||
		    pread(fd, path, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz)
			return EXIT_PAYLOAD;
		if (access(path, R_OK) < 0) {
			say("Cannot open %s: %s", path, strerror(errno));
			return EXIT_PAYLOAD;
		}
	}
	return 0;
}

static int check_payload(const char *path)
{
	Elf64_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0) {
		say("%s: %s", path, strerror(errno));
		return usage();
	}
	if (read(fd, &header, sizeof(header)) != (ssize_t)sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64) {
		say("%s is not an ELF program for x86-64", path);
		close(fd);
		return EXIT_PAYLOAD;
	}
	r = check_interpreter(fd, &header);
	close(fd);
	return r;
}

static void wait_for_release(void)
{
	sigset_t set, old;
	int signo;

	say("Waiting for kill -SIGUSR1 %d", getpid());
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	sigwait(&set, &signo);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* km waits for a connection to a snapshot's sockets before it resumes the snapshot. */
static void wait_for_connection(void)
{
	const char *timeout = getenv("SNAP_LISTEN_TIMEOUT");

	if (!timeout || strtol(timeout, NULL, 10) == 0)
		return;
	say("waiting for a connection");
	while (access(CONNECTION_FILE, F_OK) < 0)
		usleep(10000);
}

/* Sleeps for the milliseconds in an environment variable. */
static void sleep_for(const char *variable)
{
	const char *ms = getenv(variable);

	if (ms)
		usleep((useconds_t)strtoul(ms, NULL, 10) * 1000);
}

/* Writes KMSIM_TALK KiB of log, as km with KM_VERBOSE, and like km ignores failures. */
static void talk(void)
{
	const char *kib = getenv("KMSIM_TALK");
	char line[1024];

	memset(line, 'v', sizeof(line));
	for (long i = kib ? strtol(kib, NULL, 10) : 0; i > 0; i--)
		say("%.*s", (int)sizeof(line) - 8, line);
}

/* ---- the payload's process ---------------------------------------------------------------------------- */

/* What the vcpu's thread needs of the first one, and when it may begin. */
static char **payload_argv;
static sigset_t payload_mask;
static sem_t handlers_installed;

/* SIGUSR1 is the last one that gets its handler, because krun looks for that. */
static const int passed_on[] = { SIGINT,  SIGTERM,   SIGHUP,  SIGQUIT, SIGUSR2, SIGWINCH,
				 SIGALRM, SIGVTALRM, SIGPROF, SIGPIPE, SIGIO,	SIGUSR1 };
enum { PASSED_ON = sizeof(passed_on) / sizeof(passed_on[0]) };
/* What kmsim was started with: a payload ignores what its parent has ignored. */
static struct sigaction inherited[PASSED_ON];

/*
 * Runs in the memory of the process that waits for it, as after vfork(2), so it only makes system calls. Its
 * handlers are kmsim's until it takes them back, which it does while every signal is blocked.
 */
static _Noreturn void become_payload(pid_t parent)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };

	/* It dies with the thread that made it, the vcpu's. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_PAYLOAD);
	sigaction(KICK_SIGNAL, &usual, NULL);
	for (size_t i = 0; i < PASSED_ON; i++)
		sigaction(passed_on[i], passed_on[i] == SIGUSR1 ? &usual : &inherited[i], NULL);
	/* km's own descriptors are not the payload's. */
	syscall(SYS_close_range, GUEST_FDS, ~0U, 0);
	sigprocmask(SIG_SETMASK, &payload_mask, NULL);
	execv(payload_argv[0], payload_argv);
	_exit(EXIT_PAYLOAD);
}

/* Without a copy of the memory: how long kmsim takes is in what contrib/bench says of krun. */
static void start_payload(void)
{
	const pid_t parent = getpid();
	const pid_t pid = vfork();

	if (pid == 0)
		become_payload(parent);
	if (pid < 0) {
		say("vfork: %s", strerror(errno));
		exit(EXIT_PAYLOAD);
	}
	payload_pid = pid;
	management_payload(pid, payload_argv);
}

/* ---- signals ----------------------------------------------------------------------------------------- */

/* An eventfd that tells of the payload's end, which km's first thread waits for. */
static int shutdown_fd = -1;
static int payload_status;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)context;
	pending[signo] = info->si_code == SI_KERNEL ? TYPED : SENT;
}

static void on_kick(int signo)
{
	(void)signo;
	kicked = 1;
}

/* A signal of the terminal is not sent: the payload, in the same process group, has got it itself. */
static void deliver(void)
{
	bool any = false;

	for (size_t i = 0; i < PASSED_ON; i++) {
		int signo = passed_on[i], how = pending[signo];

		pending[signo] = 0;
		if (how == SENT)
			kill(payload_pid, signo);
		if (how)
			say("signal %d is delivered, %s", signo, how == TYPED ? "typed" : "sent");
		any |= how != 0;
	}
	if (kicked && !any)
		say("kicked for nothing");
	kicked = 0;
}

/* Stands for a vcpu whose payload is in one long call: only a kick makes it look for signals. */
static void *vcpu(void *nothing)
{
	const uint64_t one = 1;
	sigset_t set;

	(void)nothing;
	/* The payload begins after the handlers are there: krun signals once it sees them. */
	while (sem_wait(&handlers_installed) < 0)
		continue;
	start_payload();
	sleep_for("KMSIM_SLOW_VCPU");
	pthread_setname_np(pthread_self(), "vcpu-0");
	sigemptyset(&set);
	sigaddset(&set, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* A kick that came before does not interrupt the wait. */
	if (kicked)
		deliver();
	while (waitpid(payload_pid, &payload_status, 0) < 0)
		deliver();
	(void)!write(shutdown_fd, &one, sizeof(one));
	return NULL;
}

static void start_vcpu(char **argv)
{
	struct sigaction passing = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct sigaction kick = { .sa_handler = on_kick };
	pthread_t thread;
	sigset_t all;

	payload_argv = argv;
	setenv("KMSIM", "1", 1);
	setenv("KMSIM_STATE", SNAPSHOT_STATE_FILE, 1);
	unsetenv("KM_MGTPIPE");
	shutdown_fd = eventfd(0, EFD_CLOEXEC);
	sem_init(&handlers_installed, 0, 0);
	sigfillset(&all);
	sigaction(KICK_SIGNAL, &kick, NULL);
	/* The vcpu takes the kick only; the main thread takes everything else. */
	pthread_sigmask(SIG_BLOCK, &all, &payload_mask);
	if (shutdown_fd < 0 || pthread_create(&thread, NULL, vcpu, NULL) != 0)
		exit(EXIT_PAYLOAD);
	pthread_sigmask(SIG_SETMASK, &payload_mask, NULL);
	for (size_t i = 0; i < PASSED_ON; i++)
		sigaction(passed_on[i], &passing, &inherited[i]);
	sem_post(&handlers_installed);
}

/* Only signals interrupt this read(2), so that krun can count them. */
static void wait_for_end(void)
{
	uint64_t event;

	while (read(shutdown_fd, &event, sizeof(event)) < 0)
		;
}

/* ---- run --------------------------------------------------------------------------------------------- */

static int end_like(int status)
{
	const struct rlimit no_core = { 0 };
	int signo;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	signo = WTERMSIG(status);
	say("guest: Terminated by signal: %s", strsignal(signo));
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0);
	signal(signo, SIG_DFL);
	kill(getpid(), signo);
	sleep(2);
	signal(SIGABRT, SIG_DFL);
	abort();
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	char **payload;
	int r;

	if (!parse_options(argc, argv, &options))
		return usage();
	open_log(options.log);
	say("STAND-IN FOR KM: THE PAYLOAD RUNS WITHOUT A VIRTUAL MACHINE, THERE IS NO ISOLATION");
	check_environment();
	if (options.verbose)
		say("verbose: %s", options.verbose);
	if (options.snapshot && getenv("KM_MGTDIR")) {
		say("a snapshot path and KM_MGTDIR exclude each other");
		return EXIT_SETUP;
	}
	if (!argv[optind])
		return usage();
	payload = argv + optind;
	if (snapshot_resume(payload[0], &payload)) {
		if (argv[optind + 1]) {
			say("cannot set payload arguments of a snapshot");
			return EXIT_SETUP;
		}
		wait_for_connection();
	}
	r = check_payload(payload[0]);
	if (r == 0)
		r = check_descriptors();
	if (r == 0)
		r = check_self();
	if (r == 0)
		r = open_device(options.device);
	if (r != 0)
		return r;
	management_start(options.management, argv[optind]);
	if (options.wait)
		wait_for_release();
	sleep_for("KMSIM_LATE");
	talk();
	start_vcpu(payload);
	wait_for_end();
	if (options.stats)
		say("hypercall statistics: none");
	return management_ended() ? 0 : end_like(payload_status);
}
