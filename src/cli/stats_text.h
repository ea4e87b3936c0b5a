/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What containers use, as text. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container_sample;

/* ---- stats_json.c: what go-runc and its like decode ---------------------------------------------------------------- */

/*
 * {"type":"stats","id":ID,"data":{...}} in one line, with its end. In data, cpu, memory, pids, blkio and hugetlb are always there, and
 * in them what the kernel counts; all else is there when it is counted. No limit is the largest number. Caller frees. NULL: out
 * of memory.
 */
char *stats_json(const struct container_sample *sample);
/* {"type":"oom","id":ID} likewise. */
char *stats_json_oom(const char *id);

/* ---- stats_table.c: what people read ------------------------------------------------------------------------------- */

#define STATS_UNKNOWN UINT64_MAX

struct stats_row {
	char *id;
	bool ended; /* to be forgotten when it has been shown */
	uint64_t time, cpu_total;
	double cpu; /* percent of one processor since the sample before; negative: there was none */
	/* STATS_UNKNOWN: not counted. Memory is without what the kernel gives back at once, unused file cache. */
	uint64_t memory, memory_limit, received, sent, read, written, pids;
};

/* Zero-initialised; released with stats_table_done(). */
struct stats_table {
	struct stats_row *rows;
	size_t len;
	uint64_t host_memory; /* bytes: the limit of who has no smaller one */
};

/* Adds the sample's container, or gives its row new values. -ENOMEM. */
int stats_table_put(struct stats_table *table, const struct container_sample *sample);
/* Lines with their ends, a header first. Caller frees. NULL: out of memory. */
char *stats_table_text(const struct stats_table *table);
/* Rows of containers that have ended go. */
void stats_table_forget(struct stats_table *table);
void stats_table_done(struct stats_table *table);

/* How many lines of a terminal @text takes. @columns: width of the terminal, 0: unlimited. */
size_t stats_lines(const char *text, size_t columns);
/* Four digits at most: 1536 with @base 1024 is "1.5KiB", with 1000 "1.536kB". */
void stats_bytes(uint64_t bytes, unsigned int base, char *ret, size_t size);
