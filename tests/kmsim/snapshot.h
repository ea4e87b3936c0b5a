/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * km's management socket and its snapshots, as far as an ordinary process can have them: a snapshot is an
 * ELF core file with the payload's arguments and the content of one file, whose name the payload finds in
 * $KMSIM_STATE. What the payload keeps in that file it finds again: a counter that reads the file at its
 * start goes on counting.
 *
 * KMSIM_SNAPSHOT, in km's environment, makes a snapshot fail:
 *   hang     nothing is written, and there is no answer
 *   stall    a part is written, and there is no answer
 *   late     nothing is written for a second, then the snapshot, and the answer is sent
 *   slow     a byte a second is written for 20 s, then the snapshot, and the answer is sent
 *   close    a part is written, and the connection is closed
 *   cut      a part is written, and the answer is success
 *   planted  the payload's file SNAPSHOT_PLANTED_FILE is written instead
 */

#include <stdbool.h>
#include <sys/types.h>

/* The value of KMSIM_STATE. */
#define SNAPSHOT_STATE_FILE "/tmp/.kmsim-state"

/* A file of an attacking payload, which krun is to take for a snapshot. */
#define SNAPSHOT_PLANTED_FILE "/tmp/.kmsim-planted"

/*
 * Listens in the directory KM_MGTDIR, else at @path, else at KM_MGTPIPE, with a thread that answers;
 * without any of these it does nothing. @payload: the payload's path.
 */
void management_start(const char *path, const char *payload);
/* From here on snapshots can be taken; before that the answer is EAGAIN. @argv: the payload's; borrowed. */
void management_payload(pid_t pid, char **argv);
/* True if a snapshot has ended the payload. */
bool management_ended(void);

/* True if @path is a snapshot; then it writes the state file, and *ret_argv has the payload's arguments. */
bool snapshot_resume(const char *path, char ***ret_argv);
