/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs pid1 in processes of the test, in front of processes that behave like km. pid1 closes 0 to 2 and ends
 * by exit_group(2), so that only its status and what its km did can be checked.
 */

#include "../test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "monitor/pid1.h"
#include "util/array.h"

static int events[2]; /* a pipe: what happened in a km, a letter each */
static int is_second; /* in this km the letters are capitals */

static void put_event(char letter)
{
	(void)!write(events[1], &letter, 1);
}

static char next_event(void)
{
	char letter = 0;

	return read(events[0], &letter, 1) == 1 ? letter : 0;
}

static int setup(void **state)
{
	(void)state;
	return pipe2(events, O_CLOEXEC);
}

static int teardown(void **state)
{
	(void)state;
	close(events[0]);
	close(events[1]);
	return 0;
}

/* ---- km --------------------------------------------------------------------------------------------- */

static void on_kick(int signo)
{
	(void)signo;
	put_event(is_second ? 'K' : 'k');
}

static void on_term(int signo)
{
	(void)signo;
	put_event(is_second ? 'T' : 't');
}

static void on_usr1(int signo)
{
	(void)signo;
	_exit(9);
}

static void on_signal(int signo, void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };

	sigaction(signo, &action, NULL);
}

/* Whether the first thread of the process waits in read(2), by proc_pid_syscall(5). */
static bool is_reading(pid_t pid)
{
	const char *call = pid1_read_of(pid, "/syscall");

	return *call >= '0' && *call <= '9' && pid1_number(call) == SYS_read;
}

/*
 * Only this thread may take the kick, as in km. It says that km is ready when the first thread is in its
 * read(2): a signal before that would interrupt nothing, and km would not notice it.
 */
static void *vcpu(void *unused)
{
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, PID1_KICK_SIGNAL);
	prctl(PR_SET_NAME, "vcpu-0");
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	while (!is_reading(getpid()))
		usleep(100);
	put_event('v');
	for (;;)
		pause();
	return unused;
}

/*
 * The first thread of km: it reads events of eight bytes, and nothing else. @child is a km that gets the
 * signal, too; 0: none.
 */
static void be_km(pid_t child)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	sigset_t kick;
	uint64_t event;
	pthread_t thread;

	sigemptyset(&kick);
	sigaddset(&kick, PID1_KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	on_signal(PID1_KICK_SIGNAL, on_kick);
	on_signal(SIGTERM, on_term);
	on_signal(SIGWINCH, on_term);
	if (pthread_create(&thread, NULL, vcpu, NULL) != 0)
		_exit(1);
	for (;;)
		if (read(fd, &event, sizeof(event)) < 0 && child)
			kill(child, SIGTERM);
}

/* ---- pid1 ------------------------------------------------------------------------------------------- */

/* The memfd of pid1's second argument, or 0. */
static int front_fd;

static void run_pid1(const char *argument)
{
	char front[16];
	const long stack[] = { argument ? 2 + (front_fd > 0) : 1, (long)"krun-init", (long)argument,
			       front_fd > 0 ? (long)front : 0, 0 };

	snprintf(front, sizeof(front), "%d", front_fd);
	pid1(stack);
}

/* Starts a km, a function, and pid1 in front of it. Returns the pid of pid1, *ret_km that of km. */
static pid_t start(void (*km)(void), pid_t *ret_km)
{
	char number[16];
	int pids[2];
	pid_t pid;

	assert_int_equal(pipe2(pids, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pid_t child;

		close(pids[0]);
		child = fork();
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(pids[1]);
			km();
			_exit(0);
		}
		snprintf(number, sizeof(number), "%d", child);
		(void)!write(pids[1], &child, sizeof(child));
		close(pids[1]);
		run_pid1(number);
	}
	close(pids[1]);
	assert_int_equal(read(pids[0], ret_km, sizeof(*ret_km)), sizeof(*ret_km));
	close(pids[0]);
	return pid;
}

/* Waits until pid1 sleeps, which it does only in its wait for signals. Before that a signal would end it. */
static void wait_until_ready(pid_t pid)
{
	const char *status;

	do
		status = pid1_read_of(pid, "/status");
	while (!pid1_find(status, "Name:\tkrun-init\n") || !pid1_find(status, "\nState:\tS"));
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void finish(pid_t pid, pid_t km)
{
	assert_int_equal(kill(km, SIGKILL), 0);
	assert_int_equal(end_of(pid), 128 + SIGKILL);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void exit_with_7(void)
{
	_exit(7);
}

static void sleep_for_ever(void)
{
	put_event('v');
	for (;;)
		pause();
}

static void test_pid1_ends_as_km_did(void **state)
{
	pid_t km, pid = start(exit_with_7, &km);

	(void)state;
	assert_int_equal(end_of(pid), 7);
	pid = start(sleep_for_ever, &km);
	assert_int_equal(next_event(), 'v');
	wait_until_ready(pid);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(end_of(pid), 128 + SIGTERM);
}

static void execute_true(void)
{
	execl("/bin/true", "true", NULL);
}

static void wait_and_execute_true(void)
{
	put_event('v');
	usleep(50000);
	execute_true();
}

/* Returns the seals by which pid1 tells what its child did. */
static int told_of(void (*km)(void), int status)
{
	pid_t pid, child;
	int seals;

	front_fd = memfd_create("front", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(front_fd > 0);
	pid = start(km, &child);
	if (km == sleep_for_ever)
		assert_int_equal(next_event(), 'v');
	if (status > 128)
		assert_int_equal(kill(child, status - 128), 0);
	assert_int_equal(end_of(pid), status);
	seals = fcntl(front_fd, F_GET_SEALS);
	close(front_fd);
	front_fd = 0;
	return seals;
}

static void test_pid1_tells_whether_km_had_executed(void **state)
{
	struct rlimit before;

	(void)state;
	assert_int_equal(told_of(execute_true, 0), PID1_BEGAN | PID1_EXECUTED);
	assert_int_equal(told_of(wait_and_execute_true, 0), PID1_BEGAN | PID1_EXECUTED);
	assert_int_equal(told_of(exit_with_7, 7), PID1_BEGAN | PID1_NOT_EXECUTED);
	assert_int_equal(told_of(sleep_for_ever, 128 + SIGKILL), PID1_BEGAN | PID1_NOT_EXECUTED);
	/* The container's limits are pid1's. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, before.rlim_max }), 0);
	assert_int_equal(told_of(execute_true, 0), PID1_BEGAN | PID1_EXECUTED);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void test_pid1_needs_the_pid_of_km(void **state)
{
	static const char *const arguments[] = { NULL, "", "0", "-4", "km" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		pid_t pid = fork();

		if (pid == 0)
			run_pid1(arguments[i]);
		assert_int_equal(end_of(pid), 125);
	}
}

static void catch_usr1(void)
{
	on_signal(SIGUSR1, on_usr1);
	sleep_for_ever();
}

/* A km that waits for its release does not catch SIGUSR1: it would end, or start without `start`. */
static void test_pid1_keeps_the_release_from_a_km_that_waits(void **state)
{
	pid_t km, pid = start(sleep_for_ever, &km);

	(void)state;
	assert_int_equal(next_event(), 'v');
	wait_until_ready(pid);
	assert_int_equal(kill(pid, SIGUSR1), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(end_of(pid), 128 + SIGTERM);

	pid = start(catch_usr1, &km);
	assert_int_equal(next_event(), 'v');
	wait_until_ready(pid);
	assert_int_equal(kill(pid, SIGUSR1), 0);
	assert_int_equal(end_of(pid), 9);
}

static void km_alone(void)
{
	be_km(0);
}

static void test_km_is_kicked_after_a_signal(void **state)
{
	pid_t km, pid = start(km_alone, &km);

	(void)state;
	assert_int_equal(next_event(), 'v');
	wait_until_ready(pid);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kill(pid, SIGTERM), 0);
		while (next_event() != 't')
			;
		assert_int_equal(next_event(), 'k');
	}
	finish(pid, km);
}

static void km_with_child(void)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		is_second = 1;
		be_km(0);
	}
	be_km(child);
}

/* The payload of one km passes the signal on to another: both are kicked, neither before its signal. */
static void test_the_kick_follows_a_signal_that_travels(void **state)
{
	pid_t km, pid = start(km_with_child, &km);
	char seen[128] = "";
	int len = 0;

	(void)state;
	assert_int_equal(next_event(), 'v');
	assert_int_equal(next_event(), 'v');
	wait_until_ready(pid);
	assert_int_equal(kill(pid, SIGTERM), 0);
	/* A vcpu that runs when it is kicked is kicked again. */
	while (!strchr(seen, 'k') || !strchr(seen, 'K')) {
		assert_true(len < (int)sizeof(seen) - 1);
		seen[len++] = next_event();
	}
	assert_true(strchr(seen, 't') && strchr(seen, 't') < strchr(seen, 'k'));
	assert_true(strchr(seen, 'T') && strchr(seen, 'T') < strchr(seen, 'K'));
	finish(pid, km);
}

/* ---- the keyboard ----------------------------------------------------------------------------------- */

static void set_size(int master_fd, unsigned short rows)
{
	const struct winsize size = { .ws_row = rows, .ws_col = 80 };

	assert_int_equal(ioctl(master_fd, TIOCSWINSZ, &size), 0);
}

/* Gives the keyboard to its own process group when it reads 'o', and back to the session's leader else. */
static void move_keyboard(int slave_fd, int fd)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTTOU, SIG_IGN);
	setpgid(0, 0);
	while (read(fd, &byte, 1) == 1) {
		tcsetpgrp(slave_fd, byte == 'o' ? getpgrp() : getsid(0));
		put_event('f');
	}
	_exit(0);
}

/*
 * Starts pid1 and km in a session of their own with a terminal, and a process that moves the keyboard.
 * Returns the pid of the session's leader, which ends as pid1 does.
 */
static pid_t start_session(int slave_fd, int keyboard_fd, pid_t *ret_km)
{
	pid_t leader, pid, km;
	int pids[2];

	assert_int_equal(pipe2(pids, O_CLOEXEC), 0);
	leader = fork();
	assert_true(leader >= 0);
	if (leader == 0) {
		setsid();
		signal(SIGWINCH, SIG_IGN);
		if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
			_exit(1);
		if (fork() == 0)
			move_keyboard(slave_fd, keyboard_fd);
		pid = start(km_alone, &km);
		wait_until_ready(pid);
		_exit(write(pids[1], &km, sizeof(km)) == sizeof(km) ? end_of(pid) : 1);
	}
	close(pids[1]);
	assert_int_equal(read(pids[0], ret_km, sizeof(*ret_km)), sizeof(*ret_km));
	close(pids[0]);
	return leader;
}

static void test_a_new_window_size_kicks_only_who_draws(void **state)
{
	int master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave_fd, keyboard[2];
	struct termios termios;
	pid_t leader, km;

	(void)state;
	assert_true(master_fd >= 0);
	assert_int_equal(unlockpt(master_fd), 0);
	slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave_fd >= 0);
	assert_int_equal(pipe2(keyboard, O_CLOEXEC), 0);
	leader = start_session(slave_fd, keyboard[0], &km);
	assert_int_equal(next_event(), 'v');

	/* Lines are read: the kernel's signal arrives at km, and no kick follows it. */
	set_size(master_fd, 10);
	assert_int_equal(next_event(), 't');
	usleep(100000);
	/* A program draws. */
	assert_int_equal(tcgetattr(slave_fd, &termios), 0);
	cfmakeraw(&termios);
	assert_int_equal(tcsetattr(slave_fd, TCSANOW, &termios), 0);
	set_size(master_fd, 20);
	assert_int_equal(next_event(), 't');
	assert_int_equal(next_event(), 'k');
	/* Another process group has the keyboard for some looks, which change nothing. */
	assert_int_equal(write(keyboard[1], "o", 1), 1);
	assert_int_equal(next_event(), 'f');
	sleep(1);
	assert_int_equal(write(keyboard[1], "b", 1), 1);
	assert_int_equal(next_event(), 'f');
	finish(leader, km);
	close(slave_fd);
	close(master_fd);
	close(keyboard[0]);
	close(keyboard[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pid1_ends_as_km_did, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pid1_tells_whether_km_had_executed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pid1_needs_the_pid_of_km, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pid1_keeps_the_release_from_a_km_that_waits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_km_is_kicked_after_a_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_kick_follows_a_signal_that_travels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_new_window_size_kicks_only_who_draws, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
