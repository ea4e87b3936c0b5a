/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Notices which km processes have got a signal, and kicks them.
 *
 * km's first thread takes a signal and records it for the payload. The payload notices it only when another
 * thread of km, a vcpu, is interrupted, which is what the kick (signal 63) does. A payload may pass a
 * signal on, as an entry point does to its children and these to theirs, and each of them is a km of its
 * own. So while a signal may be travelling, pid1 looks at every km process, and kicks those that have got
 * one.
 *
 * The kernel does not count the signals of a process. But km's first thread does nothing but read(2) an
 * event of eight bytes: it gets one when it forks for the payload, and a read that returns nothing was
 * interrupted by a signal. /proc/PID/task/PID/io has both numbers (syscr, rchar). As many of these signals
 * as children have ended are taken for SIGCHLD and not followed by a kick: the payload's wait ends by
 * itself, and a kick would end a call of the payload with EINTR, which a program without a handler does not
 * expect.
 *
 * Pids are those of pid1's pid namespace. If that is shared with others, their processes are told by their
 * cgroup.
 */

#include <asm/unistd.h>
#include <linux/signal.h>

#include "monitor/pid1.h"

enum {
	PROCESSES_MAX = 1024, /* further processes are ignored */
	TRIES = 3,	      /* a vcpu that was between two calls misses a kick */
	EVENT_SIZE = 8,	      /* bytes */
};

struct process {
	int pid, parent, group;
	uint32_t reads, events; /* read(2) calls of the first thread, and those that returned an event */
	int born, lost;		/* children that began and ended since the last look */
	int tries;		/* kicks that are left; 0: no signal is on its way */
	bool is_km, has_ended, is_quiet;
};

struct table {
	int len;
	struct process items[PROCESSES_MAX];
};

static struct table tables[2], *known = &tables[0];

static struct process *find(struct table *table, int pid)
{
	int low = 0, high = table->len;

	while (low < high) {
		int middle = (low + high) / 2;

		if (table->items[middle].pid == pid)
			return &table->items[middle];
		if (table->items[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static int64_t value_of(const char *text, const char *key)
{
	const char *value = pid1_find(text, key);

	return value ? pid1_number(value) : 0;
}

static bool has_pending(const char *status)
{
	return (pid1_set(status, "\nShdPnd:\t") & ~pid1_set(status, "\nSigBlk:\t")) != 0;
}

/* @sleeps replaces the reads if io cannot be read: no accounting in the kernel, or km has another user. */
static void count_reads(struct process *process, uint32_t sleeps)
{
	char name[32];
	const char *io;

	pid1_put_text(pid1_put_number(pid1_put_text(name, "/task/"), process->pid), "/io");
	io = pid1_read_of(process->pid, name);
	process->reads = *io ? (uint32_t)value_of(io, "\nsyscr: ") : sleeps;
	process->events = (uint32_t)value_of(io, "rchar: ") / EVENT_SIZE;
}

static void read_process(int pid, struct process *ret)
{
	const char *status = pid1_read_of(pid, "/status"), *state = pid1_find(status, "\nState:\t");
	const uint32_t sleeps = (uint32_t)value_of(status, "\nvoluntary_ctxt_switches:\t");

	*ret = (struct process){
		.pid = pid,
		.parent = (int)value_of(status, "\nPPid:\t"),
		.group = (int)value_of(status, "\nNSpgid:\t"),
		.is_km = pid1_has_signal(status, "\nSigCgt:\t", PID1_KICK_SIGNAL),
		.has_ended = !state || *state == 'Z' || *state == 'X',
		/* A kick before the first thread has recorded the signal would find nothing to deliver. */
		.is_quiet = state && *state != 'R' && !has_pending(status),
	};
	if (ret->is_km)
		count_reads(ret, sleeps);
}

static void scan(struct table *found)
{
	int pid;

	found->len = 0;
	if (!pid1_directory_open("/proc"))
		return;
	while ((pid = pid1_directory_next()) >= 0)
		if (found->len < PROCESSES_MAX)
			read_process(pid, &found->items[found->len++]);
}

/* Counts for each process the children that began and ended. True if any process is new. */
static bool count_children(struct table *before, struct table *now)
{
	struct process *parent;
	bool any = false;

	for (int i = 0; i < now->len; i++) {
		if (find(before, now->items[i].pid))
			continue;
		any = true;
		parent = find(now, now->items[i].parent);
		if (parent)
			parent->born++;
	}
	for (int i = 0; i < before->len; i++) {
		const struct process *child = &before->items[i], *still = find(now, child->pid);

		if (!child->has_ended && (!still || still->has_ended) && (parent = find(now, child->parent)))
			parent->lost++;
	}
	return any;
}

static void account(struct process *process, const struct process *before)
{
	int forks = (int)(process->events - before->events);
	int signals = (int)(process->reads - before->reads) - forks;
	/* Children that began and ended between two looks were never seen: each fork without one. */
	int lost = process->lost + forks - process->born;

	process->tries = before->tries;
	if (process->is_km && before->is_km && signals > (lost > 0 ? lost : 0))
		process->tries = TRIES;
}

/* The path of the unified hierarchy in @text, /proc/PID/cgroup, with what follows it. */
static const char *cgroup_in(const char *text)
{
	const char *path = pid1_find(text, "0::");

	return path ? path : "";
}

static bool is_ours(int pid)
{
	static char own[4096];
	const char *text = cgroup_in(pid1_read("/proc/self/cgroup"));
	unsigned int n = 0;

	while (n < sizeof(own) - 1 && text[n] && text[n] != '\n') {
		own[n] = text[n];
		n++;
	}
	if (n == 1)
		n = 0; /* "/", the root of the cgroup namespace: all in it are ours, but not "/.." */
	text = cgroup_in(pid1_read_of(pid, "/cgroup"));
	for (unsigned int i = 0; i < n; i++)
		if (text[i] != own[i])
			return false;
	return (!text[n] || text[n] == '/' || text[n] == '\n') &&
	       !(text[n] == '/' && text[n + 1] == '.' && text[n + 2] == '.');
}

enum kick_result {
	KICK_NOBODY, /* no vcpu: a new one gets its name a moment after it began */
	KICK_DONE,
	KICK_AGAIN, /* the vcpu ran: it may have been between two calls, and missed the kick */
	KICK_WAITS, /* an earlier kick is still pending */
};

/* Kicks only a thread that catches the signal: another would die of it, and km with it. */
static enum kick_result kick_thread(int pid, int thread)
{
	struct {
		int signo, error, code, padding[29];
	} info = { PID1_KICK_SIGNAL, 0, -1 /* SI_QUEUE */, { 0 } };
	char name[32];
	const char *status, *state;

	pid1_put_text(pid1_put_number(pid1_put_text(name, "/task/"), thread), "/status");
	status = pid1_read_of(pid, name);
	state = pid1_find(status, "\nState:\t");
	if (!pid1_find(status, "Name:\tvcpu-") || !pid1_has_signal(status, "\nSigCgt:\t", PID1_KICK_SIGNAL))
		return KICK_NOBODY;
	/* On a busy machine the vcpu may not have run since the last kick. */
	if (pid1_has_signal(status, "\nSigPnd:\t", PID1_KICK_SIGNAL))
		return KICK_WAITS;
	pid1_call(__NR_rt_tgsigqueueinfo, pid, thread, PID1_KICK_SIGNAL, (long)&info);
	return state && *state == 'R' ? KICK_AGAIN : KICK_DONE;
}

/* Kicks all vcpus; returns the highest result of one. */
static enum kick_result kick(int pid)
{
	enum kick_result result = KICK_NOBODY, one;
	char path[32];
	int thread;

	pid1_put_text(pid1_put_number(pid1_put_text(path, "/proc/"), pid), "/task");
	if (!is_ours(pid) || !pid1_directory_open(path))
		return KICK_DONE;
	while ((thread = pid1_directory_next()) >= 0) {
		one = thread == pid ? KICK_NOBODY : kick_thread(pid, thread);
		if (one > result)
			result = one;
	}
	return result;
}

void pid1_travel_begin(void)
{
	scan(known);
}

void pid1_travel_expect(int pid, int group)
{
	for (int i = 0; i < known->len; i++) {
		struct process *process = &known->items[i];

		/* A process that is named by its pid may have become a km since the last look. */
		if (process->pid == pid || (process->is_km && group && process->group == group))
			process->tries = TRIES;
	}
}

static int tries_left(int tries, enum kick_result result)
{
	if (result == KICK_NOBODY || result == KICK_WAITS)
		return tries;
	return result == KICK_AGAIN ? tries - 1 : 0;
}

bool pid1_travel_look(void)
{
	struct table *before = known, *now = known == &tables[0] ? &tables[1] : &tables[0];
	bool any_new;

	scan(now);
	any_new = count_children(before, now);
	for (int i = 0; i < now->len; i++) {
		struct process *process = &now->items[i];
		const struct process *old = find(before, process->pid);

		if (old)
			account(process, old);
		if (process->tries > 0 && process->is_km && process->is_quiet)
			process->tries = tries_left(process->tries, kick(process->pid));
	}
	known = now;
	return any_new;
}
