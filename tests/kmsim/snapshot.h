/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * km's management socket and its snapshots, as far as an ordinary process can have any: a snapshot is an ELF core file with the
 * payload's arguments and the content of one file, whose name the payload finds in $KMSIM_STATE and where it keeps what
 * it wants to know again. A counter that reads the file at its start goes on counting.
 *
 * KMSIM_SNAPSHOT, in km's environment, is how a snapshot goes wrong:
 *   hang   there is no answer, and nothing is written
 *   stall  a part is written, and no answer comes
 *   slow   a byte a second for 20 s, then the snapshot and its answer
 *   close  a part is written, and the connection closed
 *   cut    a part is written, and km says that this is all
 *   planted  the payload's file of SNAPSHOT_PLANTED_FILE is written in its place
 */

#include <stdbool.h>
#include <sys/types.h>

/* Where KMSIM_STATE points to. */
#define SNAPSHOT_STATE_FILE "/tmp/.kmsim-state"

/* What a payload would have a runtime take for a snapshot. */
#define SNAPSHOT_PLANTED_FILE "/tmp/.kmsim-planted"

/* Listens in the directory that KM_MGTDIR names, else at @path, else KM_MGTPIPE; a thread of its own. With none: nothing. */
void management_start(const char *path, const char *payload);
/* From here on requests are answered. @argv: of the payload; borrowed. */
void management_payload(pid_t pid, char **argv);
/* True once a snapshot ended the payload. */
bool management_ended(void);

/* Whether @path is a snapshot; then the state file is written, and *ret_argv is the payload's. */
bool snapshot_resume(const char *path, char ***ret_argv);
