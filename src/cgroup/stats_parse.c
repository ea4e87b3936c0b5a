/* SPDX-License-Identifier: Apache-2.0 */

/* Parsers for the formats of cgroup-v2.rst "Conventions" and of pressure files. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/stats.h"
#include "util/array.h"

struct cgroup_number cgroup_parse_number(const char *text)
{
	struct cgroup_number number = { 0 };
	char *end;

	if (strncmp(text, "max", 3) == 0 && (text[3] == '\0' || isspace((unsigned char)text[3])))
		return (struct cgroup_number){ true, CGROUP_NO_LIMIT };
	if (!isdigit((unsigned char)text[0]))
		return number;
	errno = 0;
	number.value = strtoull(text, &end, 10);
	number.set = errno == 0 && (*end == '\0' || isspace((unsigned char)*end));
	return number.set ? number : (struct cgroup_number){ 0 };
}

/* Returns the next word of *text and sets *text to its end; NULL: none. */
static const char *next_word(const char **text, size_t *ret_len)
{
	const char *word = *text + strspn(*text, " \n");

	*ret_len = strcspn(word, " \n");
	*text = word + *ret_len;
	return *ret_len > 0 ? word : NULL;
}

static size_t count(const char *text, char wanted)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == wanted;
	return n;
}

/* ---- "KEY VALUE" --------------------------------------------------------------------------------------- */

struct cgroup_number cgroup_parse_key(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (*text) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return cgroup_parse_number(text + len + 1);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return (struct cgroup_number){ 0 };
}

static char *copy_word(struct arena *arena, const char *word, size_t len)
{
	char *copy = arena_alloc(arena, 1, len + 1);

	return copy ? memcpy(copy, word, len) : NULL;
}

int cgroup_parse_entries(const char *text, struct arena *arena, struct cgroup_entry **ret, size_t *ret_len)
{
	struct cgroup_entry *entries = arena_alloc(arena, count(text, '\n') + 1, sizeof(*entries));
	size_t len = 0;

	if (!entries)
		return -ENOMEM;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t key_len = strcspn(text, " \n");
		struct cgroup_number number = { 0 };

		if (text[key_len] == ' ')
			number = cgroup_parse_number(text + key_len + 1);
		if (key_len == 0 || !number.set)
			continue;
		entries[len].name = copy_word(arena, text, key_len);
		entries[len].value = number.value;
		if (!entries[len].name)
			return -ENOMEM;
		len++;
	}
	*ret = entries;
	*ret_len = len;
	return 0;
}

/* ---- pressure ------------------------------------------------------------------------------------------ */

static struct cgroup_stall parse_stall(const char *text, const char *kind)
{
	struct cgroup_stall stall = { 0 };
	unsigned int whole[3], part[3];
	const char *line = text;

	while (line && strncmp(line, kind, strlen(kind)) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	/* The kernel always writes two decimals. */
	if (!line || sscanf(line + strlen(kind), " avg10=%u.%2u avg60=%u.%2u avg300=%u.%2u total=%" SCNu64,
			    &whole[0], &part[0], &whole[1], &part[1], &whole[2], &part[2], &stall.total) != 7)
		return (struct cgroup_stall){ 0 };
	stall.avg10 = whole[0] * 100 + part[0];
	stall.avg60 = whole[1] * 100 + part[1];
	stall.avg300 = whole[2] * 100 + part[2];
	stall.set = true;
	return stall;
}

struct cgroup_pressure cgroup_parse_pressure(const char *text)
{
	return (struct cgroup_pressure){
		.some = parse_stall(text, "some"),
		.full = parse_stall(text, "full"),
	};
}

/* ---- "NAME KEY=VALUE KEY=VALUE" ------------------------------------------------------------------------ */

struct member {
	const char *key;
	size_t offset;
};

/* Returns true if the word is "KEY=VALUE" with a key of @members, and sets the value in @object. */
static bool take_member(const char *word, const struct member *members, size_t len, void *object,
			uint64_t no_limit)
{
	for (size_t i = 0; i < len; i++) {
		size_t key_len = strlen(members[i].key);
		struct cgroup_number number;

		if (strncmp(word, members[i].key, key_len) != 0 || word[key_len] != '=')
			continue;
		number = cgroup_parse_number(word + key_len + 1);
		if (!number.set)
			return false;
		*(uint64_t *)((char *)object + members[i].offset) =
			number.value == CGROUP_NO_LIMIT ? no_limit : number.value;
		return true;
	}
	return false;
}

static bool take_device(const char *word, struct cgroup_io *ret)
{
	struct cgroup_io device = { 0 };
	int len = 0;

	if (sscanf(word, "%u:%u%n", &device.major, &device.minor, &len) != 2 ||
	    (word[len] != '\0' && !isspace((unsigned char)word[len])))
		return false;
	*ret = device;
	return true;
}

/*
 * Parses words instead of lines, because some kernels print a device without counters and without a newline.
 */
int cgroup_parse_io(const char *text, struct arena *arena, struct cgroup_io **ret, size_t *ret_len)
{
	static const struct member members[] = {
		{ "rbytes", offsetof(struct cgroup_io, read_bytes) },
		{ "wbytes", offsetof(struct cgroup_io, written_bytes) },
		{ "dbytes", offsetof(struct cgroup_io, discarded_bytes) },
		{ "rios", offsetof(struct cgroup_io, reads) },
		{ "wios", offsetof(struct cgroup_io, writes) },
		{ "dios", offsetof(struct cgroup_io, discards) },
	};
	struct cgroup_io *devices = arena_alloc(arena, count(text, ':') + 1, sizeof(*devices));
	struct cgroup_io pending, *device = NULL;
	size_t len = 0, word_len;
	const char *word;

	if (!devices)
		return -ENOMEM;
	while ((word = next_word(&text, &word_len))) {
		if (take_device(word, &pending)) {
			device = &pending;
			continue;
		}
		if (!device || !take_member(word, members, ARRAY_LEN(members), device, CGROUP_NO_LIMIT))
			continue;
		/* The first counter of a device: keep the device. */
		if (device == &pending) {
			devices[len] = pending;
			device = &devices[len++];
		}
	}
	*ret = devices;
	*ret_len = len;
	return 0;
}

int cgroup_parse_rdma(const char *text, struct arena *arena, struct cgroup_rdma **ret, size_t *ret_len)
{
	static const struct member members[] = {
		{ "hca_handle", offsetof(struct cgroup_rdma, handles) },
		{ "hca_object", offsetof(struct cgroup_rdma, objects) },
	};
	struct cgroup_rdma *devices =
		arena_alloc(arena, count(text, '\n') + count(text, ' ') + 1, sizeof(*devices));
	size_t len = 0, word_len;
	const char *word;

	if (!devices)
		return -ENOMEM;
	while ((word = next_word(&text, &word_len))) {
		if (len > 0 && memchr(word, '=', word_len)) {
			take_member(word, members, ARRAY_LEN(members), &devices[len - 1],
				    CGROUP_RDMA_NO_LIMIT);
			continue;
		}
		devices[len].device = copy_word(arena, word, word_len);
		if (!devices[len].device)
			return -ENOMEM;
		len++;
	}
	*ret = devices;
	*ret_len = len;
	return 0;
}
