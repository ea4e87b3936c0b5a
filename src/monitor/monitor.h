/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Functions that deal with a running km (the monitor). They run in the command's process on the host, in the
 * host's pid namespace, and return 0 or a negative errno with @err filled, unless a comment says otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* A km that was just executed. All of it is borrowed. */
struct km_process {
	pid_t pid;
	int pidfd; /* of pid, polled for its end; negative: the errno of pidfd_open(2), -ESRCH: km is gone */
	pid_t child; /* the caller's child that ends as km does: km itself, or pid1 */
};

/*
 * Paths in the container. KM_MANAGEMENT_DIR is a small tmpfs, in which the container's first km makes its
 * management socket (environment variable KM_MGTPIPE; km removes it for what the payload executes).
 * KM_SNAPSHOT_TARGET is a file in it while a snapshot is taken; KM_SNAPSHOT_PATH is the payload of a
 * container that is made from a snapshot.
 */
#define KM_MANAGEMENT_DIR "/dev/krun"
#define KM_MANAGEMENT_NAME "kmpipe"
#define KM_MANAGEMENT_SOCKET KM_MANAGEMENT_DIR "/" KM_MANAGEMENT_NAME
#define KM_SNAPSHOT_TARGET KM_MANAGEMENT_DIR "/snapshot"
#define KM_SNAPSHOT_PATH "/dev/krun-snapshot"

/*
 * How many unconnected sockets km inherits (held.c). Each checkpoint that leaves the payload running uses one
 * up. Without any, requests still work over a new connection, but km waits in accept(2) in between.
 */
enum { KM_SPARE_SOCKETS = 4 };
/* The numbers of km's listening socket and of the connection that it accepted. */
enum { KM_MANAGEMENT_FD = 729, KM_CONNECTION_FD = 730 };

struct km_snapshot_request {
	int dir_fd;		 /* of KM_MANAGEMENT_DIR */
	pid_t monitor;		 /* host pid of km */
	int pidfd;		 /* of monitor */
	const char *path;	 /* of an existing file, as the container sees it */
	int file_fd;		 /* of the same file, to see whether it grows */
	bool live;		 /* the payload goes on; else km ends with status 0 */
	unsigned int timeout_ms; /* for the whole snapshot */
	unsigned int stall_ms;	 /* without growth of the file */
};

/* The payload's descriptors have the numbers below this one; from it on they are km's. */
enum { KM_PAYLOAD_DESCRIPTORS = 727 };
/* The state of the payload's descriptors that a snapshot does not have. */
struct km_descriptors {
	unsigned int outside; /* bits of 0 to 2 that are neither a pipe nor of a mount of the container */
	int flags[KM_PAYLOAD_DESCRIPTORS];   /* of open(2), as the kernel keeps them; -1: not open */
	char *names[KM_PAYLOAD_DESCRIPTORS]; /* absolute paths, owned; NULL: none */
};

/* ---- protocol.c ---------------------------------------------------------------------------------------- */

/*
 * Waits until km has built the VM and loaded the payload, and waits for its release (km_is_waiting()).
 * -ECHILD: km ended; -ETIMEDOUT: @timeout_ms are over; -EINTR: the command is asked to end
 * (util/interrupt.h).
 */
int km_wait_ready(const struct km_process *km, unsigned int timeout_ms, struct error *err);

/* Returns -ECHILD, with the status or signal with which km ended in @err. Waits up to 3 s for that. */
int km_died(const struct km_process *km, struct error *err);
/*
 * Releases a km that waits: sends SIGUSR1, and returns once km has installed its handlers or has ended.
 * -EBUSY: km does not wait; -ETIMEDOUT: @timeout_ms are over; -EINTR: a signal came for the program, and km
 * has not started it 1 s later.
 */
int km_release(pid_t pid, int pidfd, unsigned int timeout_ms, struct error *err);
/* True if km was released. Until then SIGUSR1 releases it. */
bool km_is_released(pid_t pid);
/* After @signo was sent to km or to pid1: waits until that process has taken it, for 50 ms at most. */
void km_wait_taken(pid_t pid, int signo);
/*
 * For a km without pid1, in a container that an older krun made. Waits as above, because a kick before that
 * would find nothing to deliver, then kicks (signal 63) each of km's other threads that catches the kick.
 */
void km_kick(pid_t pid, int signo);

/* True while km process @pid waits for its release, before the payload's first instruction. */
bool km_is_waiting(pid_t pid);

/* ---- management.c -------------------------------------------------------------------------------------- */

/* O_PATH of KM_MANAGEMENT_DIR in the root of km process @monitor, a host pid. @proc_fd: the host's /proc. */
int km_management_open(int proc_fd, pid_t monitor, struct error *err);

/*
 * Connects the non-blocking socket @fd to km's management socket: to the file to which km has bound it, else
 * to its name in @dir_fd. -ESRCH: another process listens there; -EAGAIN: others wait for km already; else
 * the errno of connect(2). Fills no error.
 */
int km_management_call(int fd, int dir_fd, pid_t monitor, int pidfd);

/*
 * Returns a connection to the management socket of km process @monitor: the one that is held, or a new one.
 * Waits 3 s at most while others are in front. -ENOTCONN: km does not listen, or another process does;
 * -EBUSY: others are still in front; -ESRCH: km has ended; -EINTR: the command is asked to end.
 */
int km_management_connect(int dir_fd, pid_t monitor, int pidfd, struct error *err);

/*
 * Has km write a snapshot, and waits for it. Asks again, 20 times in 5 s, if km says that it cannot take one
 * now. -EBUSY: it still cannot; -EIO: km refuses; -ETIMEDOUT: one of the two limits is over; -ECONNRESET: km
 * ended or closed the connection; -EINTR: the command is asked to end (util/interrupt.h), which is ignored
 * once km has begun with a snapshot after which it ends, because the payload would be lost; or an error of
 * km_management_connect().
 */
int km_snapshot(const struct km_snapshot_request *request, struct error *err);

/* ---- held.c -------------------------------------------------------------------------------------------- */

/*
 * Fills @fds with close-on-exec sockets whose numbers km does not use. The caller has set them to -1, and
 * closes them, also after an error.
 */
int km_spare_sockets_make(int fds[KM_SPARE_SOCKETS], struct error *err);
/*
 * Connects one of those sockets, unless one is connected already, so that km waits for a request and not in
 * accept(2). -ENOENT: all of them are used up; else as km_management_call(). Fills no error.
 */
int km_management_hold(int dir_fd, pid_t monitor, int pidfd);
/* Connects @fd, one of those sockets, of which none is connected. Fills no error. */
int km_management_hold_by(int fd, int dir_fd, pid_t monitor, int pidfd);
/* Waits until km's thread has accepted that connection, for 0.2 s at most. */
void km_management_wait_held(pid_t monitor);
/*
 * True if km has a thread that answers on the management socket, or if the caller may not look. A km that the
 * payload's execve(2) put in the place of the first has the sockets but no such thread. False after 1 s of
 * looking.
 */
bool km_management_is_served(pid_t monitor);
/* A copy of km's own end of the connection that is held, owned by the caller. -ENOENT: there is none. */
int km_held_connection(pid_t monitor, int pidfd);

/* True if @monitor made the other end of @fd, by SO_PEERCRED. */
bool km_is_peer(int fd, pid_t monitor);

/* ---- snapshot.c ---------------------------------------------------------------------------------------- */

/*
 * Fills flags and names of @descriptors, whose .outside is set already. @process_fd: km's directory of /proc.
 * -EBUSY: a regular file was removed while it is open, so that km could not open it again. Released with
 * km_descriptors_done(), also after an error.
 */
int km_descriptors_read(int process_fd, struct km_descriptors *descriptors, struct error *err);
void km_descriptors_done(struct km_descriptors *descriptors);
/*
 * The numbers of all descriptors from 3 on that a snapshot has; the caller frees *ret. Errors as of
 * km_snapshot_mend().
 */
int km_snapshot_numbers(int snapshot_fd, int **ret, size_t *ret_len, struct error *err);
/*
 * Changes a complete snapshot (snapshot.c), so that km resumes it with the files that were open: those in
 * descriptors->outside become what km has there then, and are not opened by name; the others are opened by
 * their absolute names, in the mode they had, and neither created nor truncated. The content of the snapshot
 * is not trusted: -EPROTO: its notes are not as km writes them; -EFBIG: there are too many; -EIO: they are
 * not all in the file.
 */
int km_snapshot_mend(int snapshot_fd, const struct km_descriptors *descriptors, struct error *err);

/* ---- freeze.c ------------------------------------------------------------------------------------------ */

/*
 * True if every thread of @pids is frozen. Kernel threads count as frozen: a VM brings one into its cgroup,
 * because of which the kernel does not report that cgroup as frozen. So does a process that is gone. Needs a
 * readable /proc/PID/wchan; false if nobody can tell.
 */
bool km_is_frozen(const pid_t *pids, size_t len);
/* Pure. The same for one thread, from the contents of its stat and wchan. */
bool km_task_is_frozen(const char *stat, const char *wchan);

/* ---- pid1_none.c, pid1_program.c ----------------------------------------------------------------------- */

/*
 * pid1 is krun's process in front of km, of a container's and of each exec's. It is there for two reasons: km
 * as process 1 hangs when its payload dies by a signal, because the kernel ignores signals with the default
 * action for process 1; and a payload notices a signal only after a thread of its km was kicked. pid1.c
 * says what it does. It ends as km does: with km's status, or 128 + the signal that killed km.
 *
 * Returns a sealed memfd with pid1's program, a static ELF file of a few KiB, owned by the caller, who makes
 * it before the clone; the child executes it with the decimal pid of its only child, km, as argument.
 * -EOPNOTSUPP: km does not run on this processor.
 */
int km_init_fd(struct error *err);
