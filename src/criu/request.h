/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests to CRIU and its answers, as typed structs and as messages. Pure. Source: the description of CRIU's
 * RPC (images/rpc.proto of CRIU 4.2). The minimum is CRIU 3.15; newer fields are sent only when the caller
 * sets them (.lsm_mount_context, .network_lock).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/message.h"
#include "util/strv.h"

struct error;

enum criu_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_NOTIFY = 6,
	CRIU_FEATURE_CHECK = 9,
	CRIU_VERSION = 10,
	CRIU_PRE_DUMP = 13, /* a single pre-dump, after which CRIU ends */
};

/* An fd of the CRIU process in place of a file, pipe or namespace of the image. */
struct criu_inherited {
	char *key; /* owned */
	int fd;
};

/* An existing namespace to restore into. */
struct criu_joined {
	const char *kind; /* "ipc", "uts", "time", "user" */
	const char *path;
};

enum { CRIU_INHERITED_MAX = 16, CRIU_JOINED_MAX = 8 };

/*
 * const strings are borrowed, others and lists are owned (criu_options_done()). 0 and NULL are CRIU's
 * defaults.
 */
struct criu_options {
	pid_t pid;		 /* the first process of the tree to dump */
	int images_fd, work_fd;	 /* directories; fds of the CRIU process */
	const char *log_file;	 /* in the work directory */
	const char *root;	 /* restore: the new root, a mount point */
	const char *config_file; /* of CRIU; its options override these */
	const char *parent_images;
	/* Path in the cgroup v2 tree, the only tree that is dumped; NULL: cgroups are left alone. */
	const char *cgroup_root;
	char *freeze_cgroup; /* directory */
	const char *lsm_profile, *lsm_mount_context;
	char *page_server_address;
	unsigned int page_server_port;
	unsigned int status_fd;	   /* fd of the CRIU process; 0: none */
	unsigned int cgroups_mode; /* CRIU_CGROUPS_* */
	unsigned int network_lock; /* 0: CRIU's default; else from criu_network_lock_parse() */
	uint64_t empty_namespaces; /* CLONE_NEW* */
	bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job,
		file_locks, link_remap, lazy_pages, auto_dedup, track_memory;
	bool ext_masters, ext_sharing; /* mounts with masters or peers outside of the tree */
	bool orphan_pts_master;	       /* a terminal whose master is outside of the tree */
	bool sibling;		       /* restore: the process becomes a child of the caller */
	bool notify;		       /* CRIU sends a notification at each stage */
	struct strv external;	       /* "TYPE[ID]:VALUE" */
	struct criu_inherited inherited[CRIU_INHERITED_MAX];
	size_t inherited_len;
	struct criu_joined joined[CRIU_JOINED_MAX];
	size_t joined_len;
};

/* Values of CRIU's enum criu_cg_mode. */
enum { CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_SOFT = 3 };

void criu_options_done(struct criu_options *options);

/*
 * Parse words of command lines: "soft", "full", "strict", "ignore", "none", "props"; "iptables", "nftables",
 * "skip". 0 or -EINVAL.
 */
int criu_cgroups_mode_parse(const char *word, unsigned int *ret);
int criu_network_lock_parse(const char *word, unsigned int *ret);
/* Parses "ADDRESS:PORT" or "[ADDRESS]:PORT"; *ret_address is owned by the caller. 0, -EINVAL or -ENOMEM. */
int criu_page_server_parse(const char *word, char **ret_address, unsigned int *ret_port);

/*
 * Writes a request; @options is NULL for CRIU_VERSION and CRIU_FEATURE_CHECK. *ret is released with
 * message_done(). 0 or -ENOMEM.
 */
int criu_request_write(enum criu_type type, const struct criu_options *options, struct message *ret);
/* Writes the answer to a notification. *ret is released with message_done(). 0 or -ENOMEM. */
int criu_notify_write(bool success, struct message *ret);

enum { CRIU_SCRIPT_MAX = 64, CRIU_REASON_MAX = 512 };

struct criu_answer {
	enum criu_type type;
	bool success;
	pid_t pid;		      /* of the process, in CRIU's pid namespace */
	char script[CRIU_SCRIPT_MAX]; /* the stage of a notification */
	int code;		      /* CRIU's errno, positive; 0: none */
	char reason[CRIU_REASON_MAX];
	unsigned int version; /* 31701 is 3.17.1 */
	bool tracks_memory, has_lazy_pages;
};

/* Reads an answer or a notification of @len bytes. Texts that are too long are cut off. 0 or -EBADMSG. */
int criu_answer_read(const void *data, size_t len, struct criu_answer *ret);
