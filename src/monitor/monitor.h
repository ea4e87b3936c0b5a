/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Talking to a km that runs: from the host, in the process of a command, unless a section says otherwise. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* ---- start protocol and signals (protocol.c), called from the host's pid namespace ------------------------ */

/* A km that was just executed; everything is borrowed. */
struct km_process {
	pid_t pid;
	int pidfd; /* polled for its death; -ESRCH: it was gone before that could be opened; or why it could not */
	pid_t child; /* of the caller, ends as km does: km itself, or the process in front of it */
};

/*
 * Waits until km sits in rt_sigtimedwait (first field of /proc/PID/syscall is 128), i.e. has built the VM and loaded
 * the payload. 0, or an error when it dies (-ECHILD) or the time is over.
 */
int km_wait_ready(const struct km_process *km, unsigned int timeout_ms, struct error *err);

/* Fails with how km ended, -ECHILD. */
int km_died(const struct km_process *km, struct error *err);
/* SIGUSR1 once, then sees handlers appear in SigCgt (or the process end). */
int km_release(pid_t pid, int pidfd, unsigned int timeout_ms, struct error *err);
/* Whether the payload was let go; before that SIGUSR1 would do it. */
bool km_is_released(pid_t pid);
/* After @signo was sent to km, or to the process in front of it: waits until it has been taken, 50 ms at most. */
void km_wait_taken(pid_t pid, int signo);
/*
 * For a km that has nobody in front of it (of a container of an older krun): waits as above, for a kick before that would find nothing
 * to deliver, then kicks (signal 63) each of km's other threads that catches the kick.
 */
void km_kick(pid_t pid, int signo);

/* ---- snapshots (management.c) --------------------------------------------------------------------------- */

/*
 * A small tmpfs of the container, in which km makes its management socket (KM_MGTPIPE, which km does not hand on: what the payload
 * executes has none). KM_SNAPSHOT_TARGET is a file in it while a snapshot is taken, KM_SNAPSHOT_PATH the payload of a
 * container that is made from one.
 */
#define KM_MANAGEMENT_DIR "/dev/krun"
#define KM_MANAGEMENT_NAME "kmpipe"
#define KM_MANAGEMENT_SOCKET KM_MANAGEMENT_DIR "/" KM_MANAGEMENT_NAME
#define KM_SNAPSHOT_TARGET KM_MANAGEMENT_DIR "/snapshot"
#define KM_SNAPSHOT_PATH "/dev/krun-snapshot"

/* KM_MANAGEMENT_DIR as km process @monitor (a host pid) sees it, O_PATH. @proc_fd: the host's /proc. */
int km_management_open(int proc_fd, pid_t monitor, struct error *err);
/* Sockets for km to inherit (held.c), so many requests of checkpoints that leave the payload running. The caller closes them. */
enum { KM_SPARE_SOCKETS = 4 };
/* Where km has its listening socket, and the one that it accepted. */
enum { KM_MANAGEMENT_FD = 729, KM_CONNECTION_FD = 730 };
int km_spare_sockets_make(int fds[KM_SPARE_SOCKETS], struct error *err);
/* Sees to it that km waits for a request, and not for a connection. -ENOENT: no socket is left. */
int km_management_hold(int dir_fd, pid_t monitor, int pidfd);
/* Until km's thread has got there, a fifth of a second at most. Before the payload runs. */
void km_management_wait_held(pid_t monitor);
/*
 * Whether km has a thread that answers. A km that another km has executed for its payload has the sockets, and no such thread. True
 * when nobody may look.
 */
bool km_management_is_served(pid_t monitor);
/* A copy of km's own end of that connection, -ENOENT. */
int km_held_connection(pid_t monitor, int pidfd);
/*
 * Connects @fd, which does not block, to km's management socket, by its name if there is no other way; -ESRCH: that is somebody
 * else's, -EAGAIN: others wait for km already.
 */
int km_management_call(int fd, int dir_fd, pid_t monitor, int pidfd);
bool km_is_peer(int fd, pid_t monitor);
/*
 * A connection to the management socket of km process @monitor (a host pid, and its @pidfd): the one that is held, or a new one
 * by its name in the directory @dir_fd, or without that name. Whoever listens on another one there is not asked. Waits for some
 * seconds while others are in front; -EINTR as km_snapshot().
 */
int km_management_connect(int dir_fd, pid_t monitor, int pidfd, struct error *err);
struct km_snapshot_request {
	int dir_fd; /* KM_MANAGEMENT_DIR */
	pid_t monitor;
	int pidfd;			   /* of @monitor */
	const char *path;		   /* a file that is there, as the container sees it */
	int file_fd;			   /* the same, to see whether km is at it */
	bool live;			   /* the payload goes on, else km ends with status 0 */
	unsigned int timeout_ms, stall_ms; /* as a whole; without any more of the file */
};

/*
 * Has km write a snapshot, and waits for it. Tries again for some seconds when km says that it cannot just now. -EINTR when this
 * command is asked to end (util/interrupt.h), but not once km has begun with a snapshot that it ends with: the payload would be
 * lost.
 */
int km_snapshot(const struct km_snapshot_request *request, struct error *err);
/* What a snapshot does not know of the payload's descriptors. */
enum { KM_PAYLOAD_DESCRIPTORS = 727 };
struct km_descriptors {
	unsigned int outside; /* of 0 to 2, a bit each: not a pipe, and of no mount of the container */
	int flags[KM_PAYLOAD_DESCRIPTORS];   /* of open(2), as the kernel keeps them; -1: not open */
	char *names[KM_PAYLOAD_DESCRIPTORS]; /* absolute; NULL: none */
};

/* Fills the rest, from the process's directory of /proc. A file without a name, which nobody could open again, is an error. */
int km_descriptors_read(int process_fd, struct km_descriptors *descriptors, struct error *err);
void km_descriptors_done(struct km_descriptors *descriptors);
/* The numbers of all its descriptors, from 3 on; the caller frees *ret. */
int km_snapshot_numbers(int snapshot_fd, int **ret, size_t *ret_len, struct error *err);
/*
 * Changes a complete snapshot (snapshot.c), so that km resumes with files as they were: those that are outside are what km has
 * there then, and none is opened by its name; the others are opened by their absolute names, for what they were open for, and
 * neither truncated nor made.
 */
int km_snapshot_mend(int snapshot_fd, const struct km_descriptors *descriptors, struct error *err);

/* ---- pause (freeze.c), on the host ---------------------------------------------------------------------------- */

/*
 * Whether every thread of @pids is frozen, but for kernel threads, which a VM brings into its cgroup and which keep the
 * kernel from calling that frozen. A process that is gone counts as frozen. /proc/PID/wchan has to be readable.
 */
bool km_is_frozen(const pid_t *pids, size_t len);
/* Pure: the same for one task, from the texts of its stat and wchan. */
bool km_task_is_frozen(const char *stat, const char *wchan);

/* ---- in front of km (pid1_program.c; pid1_none.c where km does not run) -------------------------------------------- */

/*
 * km as process 1 hangs when its payload dies by a signal (the kernel ignores default-action signals of
 * pid 1), and a payload notices no signal before a thread of its km is kicked. So krun puts a tiny static program of its own in front
 * of a container's km and of each exec's: a sealed memfd with an ELF program of a few KiB that takes the running process over by
 * execveat(2). It expects its only child (km) as argv[1] (decimal pid), forwards every signal it can catch to it, kicks whoever gets
 * one on its way through the container, reaps, and exits with its child's status (128 + signal when killed). The parent makes the fd
 * before clone.
 */
int km_init_fd(struct error *err);
/* True while km process @pid sits in its wait before the payload's first instruction. */
bool km_is_waiting(pid_t pid);
