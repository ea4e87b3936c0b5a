/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/stats_text.h"
#include "container/events.h"
#include "util/array.h"
#include "util/io.h"

/* ---- rows ------------------------------------------------------------------------------------ */

static struct stats_row *find_row(struct stats_table *table, const char *id)
{
	struct stats_row *rows;

	for (size_t i = 0; i < table->len; i++)
		if (strcmp(table->rows[i].id, id) == 0)
			return &table->rows[i];
	rows = reallocarray(table->rows, table->len + 1, sizeof(*rows));
	if (!rows)
		return NULL;
	table->rows = rows;
	rows[table->len] = (struct stats_row){
		.id = strdup(id),
		.cpu = -1,
		.received = STATS_UNKNOWN,
		.sent = STATS_UNKNOWN,
	};
	return rows[table->len].id ? &rows[table->len++] : NULL;
}

static uint64_t known(struct cgroup_number number)
{
	return number.set ? number.value : STATS_UNKNOWN;
}

static void put_cpu(struct stats_row *row, const struct container_sample *sample)
{
	const uint64_t total = sample->cgroup.cpu_total.value;

	if (row->time > 0 && sample->time > row->time && total >= row->cpu_total)
		row->cpu = 100.0 * (double)(total - row->cpu_total) / (double)(sample->time - row->time);
	row->time = sample->time;
	row->cpu_total = total;
}

static void put_memory(struct stats_row *row, const struct cgroup_stats *stats, uint64_t host_memory)
{
	const uint64_t inactive = stats->memory_inactive_file.value, limit = stats->memory.limit.value;

	row->memory = row->memory_limit = STATS_UNKNOWN;
	if (!stats->memory.usage.set)
		return;
	row->memory = stats->memory.usage.value;
	row->memory -= inactive < row->memory ? inactive : 0;
	row->memory_limit = stats->memory.limit.set && limit < host_memory ? limit : host_memory;
}

/* Adds up all interfaces except loopback. An ended container has none, and the last counts stay. */
static void put_network(struct stats_row *row, const struct container_sample *sample)
{
	if (sample->interfaces_len == 0)
		return;
	row->received = row->sent = 0;
	for (size_t i = 0; i < sample->interfaces_len; i++) {
		const struct net_interface *interface = &sample->interfaces[i];

		if (strcmp(interface->name, "lo") == 0)
			continue;
		row->received += interface->rx.bytes;
		row->sent += interface->tx.bytes;
	}
}

static void put_io(struct stats_row *row, const struct cgroup_stats *stats)
{
	row->read = row->written = stats->has_io ? 0 : STATS_UNKNOWN;
	for (size_t i = 0; i < stats->io_len; i++) {
		row->read += stats->io[i].read_bytes;
		row->written += stats->io[i].written_bytes;
	}
}

int stats_table_put(struct stats_table *table, const struct container_sample *sample)
{
	struct stats_row *row = find_row(table, sample->id);

	if (!row)
		return -ENOMEM;
	row->ended = sample->has_ended;
	put_cpu(row, sample);
	put_memory(row, &sample->cgroup, table->host_memory);
	put_network(row, sample);
	put_io(row, &sample->cgroup);
	row->pids = known(sample->cgroup.pids);
	return 0;
}

void stats_table_forget(struct stats_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->len; i++) {
		if (table->rows[i].ended)
			free(table->rows[i].id);
		else
			table->rows[kept++] = table->rows[i];
	}
	table->len = kept;
}

void stats_table_done(struct stats_table *table)
{
	for (size_t i = 0; i < table->len; i++)
		free(table->rows[i].id);
	free(table->rows);
	*table = (struct stats_table){ 0 };
}

/* ---- text ------------------------------------------------------------------------------------ */

void stats_bytes(uint64_t bytes, unsigned int base, char *ret, size_t size)
{
	static const char *const decimal[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	static const char *const binary[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* "%.4g" would round 999.95 to 1000. */
	while (value >= (base == 1000 ? 999.95 : 1023.5) && unit + 1 < ARRAY_LEN(decimal)) {
		value /= base;
		unit++;
	}
	snprintf(ret, size, "%.4g%s", value, base == 1000 ? decimal[unit] : binary[unit]);
}

enum { CPU, MEMORY, MEMORY_PERCENT, NETWORK, BLOCK, PIDS, COLUMNS, CELL_MAX = 64 };

/* The columns after the id. */
struct cells {
	char text[COLUMNS][CELL_MAX];
};

static void put_amount(char *cell, uint64_t bytes, unsigned int base)
{
	if (bytes == STATS_UNKNOWN)
		strcpy(cell, "-");
	else
		stats_bytes(bytes, base, cell, CELL_MAX / 2);
}

static void put_pair(char *cell, uint64_t first, uint64_t second, unsigned int base)
{
	char left[CELL_MAX / 2], right[CELL_MAX / 2];

	put_amount(left, first, base);
	put_amount(right, second, base);
	snprintf(cell, CELL_MAX, "%.28s / %.28s", left, right);
}

static void fill_cells(const struct stats_row *row, struct cells *cells)
{
	for (int i = 0; i < COLUMNS; i++)
		strcpy(cells->text[i], "-");
	if (row->cpu >= 0)
		snprintf(cells->text[CPU], CELL_MAX, "%.2f%%", row->cpu);
	put_pair(cells->text[MEMORY], row->memory, row->memory_limit, 1024);
	if (row->memory != STATS_UNKNOWN && row->memory_limit > 0)
		snprintf(cells->text[MEMORY_PERCENT], CELL_MAX, "%.2f%%",
			 100.0 * (double)row->memory / (double)row->memory_limit);
	put_pair(cells->text[NETWORK], row->received, row->sent, 1000);
	put_pair(cells->text[BLOCK], row->read, row->written, 1000);
	if (row->pids != STATS_UNKNOWN)
		snprintf(cells->text[PIDS], CELL_MAX, "%" PRIu64, row->pids);
}

static const struct cells header = { { "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O",
				       "PIDS" } };

static void print_line(FILE *out, const int *widths, const char *id, const struct cells *cells)
{
	fprintf(out, "%-*s", widths[0], id);
	for (int i = 0; i < COLUMNS; i++)
		fprintf(out, "   %-*s", i + 1 < COLUMNS ? widths[i + 1] : 0, cells->text[i]);
	fputc('\n', out);
}

static void widen(int *width, const char *text)
{
	int len = (int)strlen(text);

	*width = len > *width ? len : *width;
}

char *stats_table_text(const struct stats_table *table)
{
	struct cells *cells = calloc(table->len + 1, sizeof(*cells));
	int widths[COLUMNS + 1] = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = cells ? open_memstream(&text, &size) : NULL;

	if (!out) {
		free(cells);
		return NULL;
	}
	cells[table->len] = header;
	widen(&widths[0], "ID");
	for (size_t i = 0; i < table->len; i++) {
		fill_cells(&table->rows[i], &cells[i]);
		widen(&widths[0], table->rows[i].id);
	}
	for (size_t i = 0; i <= table->len; i++)
		for (int column = 0; column < COLUMNS; column++)
			widen(&widths[column + 1], cells[i].text[column]);
	print_line(out, widths, "ID", &header);
	for (size_t i = 0; i < table->len; i++)
		print_line(out, widths, table->rows[i].id, &cells[i]);
	free(cells);
	io_close_text(out, &text);
	return text;
}

size_t stats_lines(const char *text, size_t columns)
{
	size_t lines = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		lines += columns > 0 && len > columns ? (len + columns - 1) / columns : 1;
		text += len;
		text += *text == '\n';
	}
	return lines;
}
