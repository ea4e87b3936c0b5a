/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Samples of `events` as text. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container_sample;

#define STATS_UNKNOWN UINT64_MAX

struct stats_row {
	char *id;
	bool ended;		  /* stats_table_forget() removes it */
	uint64_t time, cpu_total; /* of the last sample, nanoseconds */
	double cpu;		  /* percent of one processor since the sample before; negative: none */
	/* In bytes, pids in number; STATS_UNKNOWN: not counted. Memory is without inactive file cache. */
	uint64_t memory, memory_limit, received, sent, read, written, pids;
};

/* Zero-initialised; released with stats_table_done(). */
struct stats_table {
	struct stats_row *rows;
	size_t len;
	uint64_t host_memory; /* bytes; the limit of containers without a smaller one */
};

/* ---- stats_json.c -------------------------------------------------------------------------------------- */

/*
 * Returns {"type":"stats","id":ID,"data":{...}} on one line with a newline; the caller frees it. NULL: out of
 * memory. In data, cpu, memory, pids, blkio and hugetlb are always present; other members only if the kernel
 * counts them. The largest number means "no limit".
 */
char *stats_json(const struct container_sample *sample);
/* Returns {"type":"oom","id":ID}, likewise. */
char *stats_json_oom(const char *id);

/* ---- stats_table.c ------------------------------------------------------------------------------------- */

/* Adds or updates the row of the sample's container. Fails with -ENOMEM only. */
int stats_table_put(struct stats_table *table, const struct container_sample *sample);
/* Returns the table with a header; the caller frees it. NULL: out of memory. */
char *stats_table_text(const struct stats_table *table);
/* Removes the rows of containers that have ended. */
void stats_table_forget(struct stats_table *table);
void stats_table_done(struct stats_table *table);

/* Returns the number of terminal lines that @text takes. @columns: width of the terminal; 0: unlimited. */
size_t stats_lines(const char *text, size_t columns);
/* Formats @bytes with at most four digits: 1536 is "1.5KiB" with @base 1024, "1.536kB" with 1000. */
void stats_bytes(uint64_t bytes, unsigned int base, char *ret, size_t size);
