/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests to CRIU and its answers, as typed structs and as messages. Pure. Source: CRIU's description of its RPC
 * (images/rpc.proto of CRIU 4.2); what CRIU 3.15 does not know yet is never sent.
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
	CRIU_PRE_DUMP = 13, /* one, after which CRIU ends */
};

/* A descriptor of the CRIU process in place of a file, pipe or namespace of the image. */
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

/* Strings are borrowed, lists and what is not const owned: criu_options_done(). Zero is what CRIU does by default. */
struct criu_options {
	pid_t pid;		 /* the first process of the tree to dump */
	int images_fd, work_fd;	 /* directories, descriptors of the CRIU process */
	const char *log_file;	 /* in the work directory */
	const char *root;	 /* restore: a mount point */
	const char *config_file; /* of CRIU, whose options come before these */
	const char *parent_images;
	const char *
		cgroup_root; /* path in the cgroup2 tree, the only one that is dumped; NULL: cgroups are left alone */
	char *freeze_cgroup; /* directory */
	const char *lsm_profile, *lsm_mount_context;
	char *page_server_address;
	unsigned int page_server_port;
	unsigned int status_fd;	   /* of the CRIU process; 0: none */
	unsigned int cgroups_mode; /* CRIU_CGROUPS_* */
	unsigned int network_lock; /* 0: CRIU's default; else from criu_network_lock_parse() */
	uint64_t empty_namespaces; /* CLONE_NEW* */
	bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job,
		file_locks, link_remap, lazy_pages, auto_dedup, track_memory;
	bool ext_masters, ext_sharing; /* mounts that have peers outside */
	bool orphan_pts_master;	       /* a terminal whose master is outside */
	bool sibling;		       /* restore: the process becomes a child of the caller */
	bool notify;		       /* the caller wants to be told at each stage */
	struct strv external;	       /* "TYPE[ID]:VALUE" */
	struct criu_inherited inherited[CRIU_INHERITED_MAX];
	size_t inherited_len;
	struct criu_joined joined[CRIU_JOINED_MAX];
	size_t joined_len;
};

/* CRIU's numbers. */
enum { CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_SOFT = 3 };

void criu_options_done(struct criu_options *options);

/* Words of command lines; -EINVAL. "soft", "full", "strict", "ignore", "none", "props"; "iptables", "nftables", "skip". */
int criu_cgroups_mode_parse(const char *word, unsigned int *ret);
int criu_network_lock_parse(const char *word, unsigned int *ret);
/* "ADDRESS:PORT" and "[ADDRESS]:PORT"; *ret_address is owned by the caller. */
int criu_page_server_parse(const char *word, char **ret_address, unsigned int *ret_port);

/* @options may be NULL for questions. -ENOMEM. */
int criu_request_write(enum criu_type type, const struct criu_options *options, struct message *ret);
/* The answer to a notification. */
int criu_notify_write(bool success, struct message *ret);

enum { CRIU_SCRIPT_MAX = 64, CRIU_REASON_MAX = 512 };

struct criu_answer {
	enum criu_type type;
	bool success;
	pid_t pid;		      /* of the restored process, where CRIU's caller is */
	char script[CRIU_SCRIPT_MAX]; /* which stage, of a notification */
	int code;		      /* errno of CRIU, 0: none */
	char reason[CRIU_REASON_MAX];
	unsigned int version; /* 31701 is 3.17.1 */
	bool tracks_memory, has_lazy_pages;
};

/* -EBADMSG */
int criu_answer_read(const void *data, size_t len, struct criu_answer *ret);
