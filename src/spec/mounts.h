/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Part of spec.h: mounts and id mappings in config.json. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spec_id_mapping {
	uint32_t container_id, host_id, size;
	bool relative; /* only while reading: host_id is an id of the container's user namespace */
};

struct spec_id_maps {
	struct spec_id_mapping *uids;
	size_t uids_len;
	struct spec_id_mapping *gids;
	size_t gids_len;
};

/*
 * Mount options. The words of the table in config.md ("ro", "rnosuid", "rbind", "rslave", "tmpcopyup", ...)
 * become flags; all others are data for the file system.
 */
struct spec_mount_options {
	bool bind;	     /* "bind" or "rbind" */
	bool recursive_bind; /* "rbind" */
	uint64_t attr_set;   /* MOUNT_ATTR_*: this mount only */
	uint64_t attr_clear;
	uint64_t rec_attr_set; /* MOUNT_ATTR_*: recursive variants (rro, rnosuid, ...), Linux 5.12 */
	uint64_t rec_attr_clear;
	unsigned long super_flags; /* MS_* of the super block: MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME... */
	unsigned long propagation; /* 0, or MS_{SHARED,SLAVE,PRIVATE,UNBINDABLE}, with MS_REC for r* */
	bool copy_up;		   /* "tmpcopyup" */
	bool remount;		   /* "remount" */
	bool idmap;		   /* "idmap", "ridmap", or mappings of its own */
	bool idmap_recursive;	   /* "ridmap" */
	bool dest_nofollow;	   /* "dest-nofollow": mount on a symlink itself */
	bool source_nofollow;	   /* "src-nofollow": bind a symlink itself */
	bool copy_symlink;	   /* "copy-symlink": copy a source that is a symlink */
	const char *data;	   /* comma separated, never NULL */
	const char *idmap_text;	   /* after "idmap=" or "ridmap="; NULL: none */
};

struct spec_mount {
	const char *destination;     /* absolute, normalised; a relative one is read as below "/" */
	char **words;		     /* the options as in config.json; NULL: none */
	const char *source;	     /* NULL if absent */
	const char *type;	     /* never NULL: "bind" for binds, else the file system */
	struct spec_id_maps id_maps; /* empty with .options.idmap: those of the user namespace */
	struct spec_mount_options options;
};

/* ---- mount_options.c ----------------------------------------------------------------------------------- */

/* For `features`: returns the mount option with this @index, in alphabetical order; NULL after the last. */
const char *spec_mount_option_word(size_t index);
