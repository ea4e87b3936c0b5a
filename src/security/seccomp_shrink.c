/* SPDX-License-Identifier: Apache-2.0 */
#include "security/seccomp_shrink.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "security/security.h"

enum {
	ARCHES_MAX = 16,
	/* A conditional jump passes over 255 instructions. The second reach() of put_jump() may put one. */
	NEAR = 254,
	STEPS_MAX = 10000000, /* some 10 ms; docker's profile needs 100,000 */
	NOWHERE = UINT16_MAX,
};

/* All numbers from @first to the next range's go on at instruction @at of the program. */
struct range {
	uint32_t first;
	uint16_t at;
};

struct shrink {
	const struct sock_filter *in;
	size_t in_len;
	uint16_t *same;	  /* of each instruction: the first one that does the same, if it returns */
	uint32_t *firsts; /* numbers at which an answer may change; sorted, each once */
	size_t firsts_len;
	struct range *ranges; /* of one architecture */
	size_t ranges_len;
	/* Those that the program compares with, and last one that it does not know. */
	uint32_t arches[ARCHES_MAX];
	size_t arches_len;
	/* The new program, backwards: a jump leads to what is already there. */
	struct sock_filter *out;
	size_t out_len;
	uint16_t *places; /* of the program's instructions in @out, or NOWHERE */
	size_t steps;	  /* how far programs were followed */
	bool failed;	  /* no room, too long, or an instruction that is not understood */
};

/* ---- what the program does with a number --------------------------------------------------------------- */

static bool is_jump(const struct sock_filter *i)
{
	return i->code == (BPF_JMP | BPF_JEQ | BPF_K) || i->code == (BPF_JMP | BPF_JGT | BPF_K) ||
	       i->code == (BPF_JMP | BPF_JGE | BPF_K);
}

static size_t jump_from(const struct sock_filter *in, size_t at, uint32_t a)
{
	const struct sock_filter *i = &in[at];
	const int how = BPF_OP(i->code);
	const bool taken = how == BPF_JEQ ? a == i->k : how == BPF_JGT ? a > i->k : a >= i->k;

	return at + 1 + (taken ? i->jt : i->jf);
}

static void add_arch(struct shrink *shrink, uint32_t arch)
{
	for (size_t i = 0; i < shrink->arches_len; i++)
		if (shrink->arches[i] == arch)
			return;
	/* One place is for the architecture that the program does not know. */
	if (shrink->arches_len == ARCHES_MAX - 1)
		shrink->failed = true;
	else
		shrink->arches[shrink->arches_len++] = arch;
}

/*
 * Returns the instruction that returns, or the first one that loads an argument. @learn: the constants with
 * which @arch is compared are added to the known architectures.
 */
static uint16_t follow(struct shrink *shrink, uint32_t arch, uint32_t number, bool learn)
{
	bool has_arch = false, has_number = false;

	for (size_t at = 0; at < shrink->in_len && shrink->steps++ < STEPS_MAX;) {
		const struct sock_filter *i = &shrink->in[at];

		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			has_arch = i->k == offsetof(struct seccomp_data, arch);
			has_number = i->k == offsetof(struct seccomp_data, nr);
			if (!has_arch && !has_number)
				return (uint16_t)at;
			at++;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			at += 1 + (size_t)i->k;
		} else if (i->code == (BPF_RET | BPF_K)) {
			return shrink->same[at];
		} else if (is_jump(i) && (has_number || (has_arch && BPF_OP(i->code) == BPF_JEQ))) {
			if (learn && has_arch)
				add_arch(shrink, i->k);
			at = jump_from(shrink->in, at, has_arch ? arch : number);
		} else {
			break;
		}
	}
	shrink->failed = true;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* An answer can change only at a constant of the program and behind it. */
static void list_firsts(struct shrink *shrink)
{
	size_t len = 0, kept = 0;

	shrink->firsts[len++] = 0;
	for (size_t i = 0; i < shrink->in_len; i++) {
		if (!is_jump(&shrink->in[i]))
			continue;
		shrink->firsts[len++] = shrink->in[i].k;
		if (shrink->in[i].k < UINT32_MAX)
			shrink->firsts[len++] = shrink->in[i].k + 1;
	}
	qsort(shrink->firsts, len, sizeof(*shrink->firsts), compare_numbers);
	for (size_t i = 0; i < len; i++)
		if (i == 0 || shrink->firsts[i] != shrink->firsts[kept - 1])
			shrink->firsts[kept++] = shrink->firsts[i];
	shrink->firsts_len = kept;
}

static bool has_constant(const struct shrink *shrink, uint32_t k)
{
	for (size_t i = 0; i < shrink->in_len; i++)
		if (shrink->in[i].k == k)
			return true;
	return false;
}

/*
 * An architecture with which this does not compare is treated like the unknown one everywhere, because
 * architectures are compared only by "equal".
 */
static void list_arches(struct shrink *shrink)
{
	uint32_t unknown = 1;

	while (has_constant(shrink, unknown))
		unknown++;
	for (size_t i = 0; i < shrink->firsts_len && !shrink->failed; i++)
		follow(shrink, unknown, shrink->firsts[i], true);
	shrink->arches[shrink->arches_len++] = unknown;
}

static void list_ranges(struct shrink *shrink, uint32_t arch)
{
	shrink->ranges_len = 0;
	for (size_t i = 0; i < shrink->firsts_len && !shrink->failed; i++) {
		const struct range range = { shrink->firsts[i],
					     follow(shrink, arch, shrink->firsts[i], false) };

		if (i == 0 || range.at != shrink->ranges[shrink->ranges_len - 1].at)
			shrink->ranges[shrink->ranges_len++] = range;
	}
}

/* ---- the new program ----------------------------------------------------------------------------------- */

/* Returns the place in @out. */
static size_t put(struct shrink *shrink, uint16_t code, size_t jt, size_t jf, uint32_t k)
{
	if (shrink->out_len == shrink->in_len) {
		shrink->failed = true;
		return shrink->out_len - 1;
	}
	shrink->out[shrink->out_len] = (struct sock_filter){ code, (uint8_t)jt, (uint8_t)jf, k };
	return shrink->out_len++;
}

/* How many instructions a jump from the next one passes over. */
static size_t distance(const struct shrink *shrink, size_t place)
{
	return shrink->out_len - 1 - place;
}

/*
 * Returns @place, or a nearer one that does the same: a conditional jump that is put next, or after one more
 * call of this, reaches it.
 */
static size_t reach(struct shrink *shrink, size_t place)
{
	const struct sock_filter *there = &shrink->out[place];

	if (distance(shrink, place) <= NEAR)
		return place;
	if (BPF_CLASS(there->code) == BPF_RET)
		return put(shrink, there->code, 0, 0, there->k);
	return put(shrink, BPF_JMP | BPF_JA, 0, 0, (uint32_t)distance(shrink, place));
}

static size_t put_jump(struct shrink *shrink, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	yes = reach(shrink, yes);
	no = reach(shrink, no);
	return put(shrink, code, distance(shrink, yes), distance(shrink, no), k);
}

/* Makes @place the one to which the next instruction falls through. */
static void fall_to(struct shrink *shrink, size_t place)
{
	if (distance(shrink, place) > 0)
		put(shrink, BPF_JMP | BPF_JA, 0, 0, (uint32_t)distance(shrink, place));
}

/* Copies the program from @at on, as far as it is not there, and returns its place. */
static size_t put_rest(struct shrink *shrink, size_t at)
{
	const struct sock_filter *i;
	size_t place;

	while (at < shrink->in_len && shrink->in[at].code == (BPF_JMP | BPF_JA))
		at += 1 + (size_t)shrink->in[at].k;
	if (at >= shrink->in_len || shrink->failed) {
		shrink->failed = true;
		return 0;
	}
	at = shrink->same[at];
	i = &shrink->in[at];
	/* What returns is one instruction, as a jump to it would be. */
	if (shrink->places[at] != NOWHERE &&
	    (BPF_CLASS(i->code) != BPF_RET || distance(shrink, shrink->places[at]) <= NEAR))
		return shrink->places[at];
	if (BPF_CLASS(i->code) == BPF_JMP) {
		const size_t no = put_rest(shrink, at + 1 + i->jf), yes = put_rest(shrink, at + 1 + i->jt);

		place = put_jump(shrink, i->code, i->k, yes, no);
	} else {
		if (BPF_CLASS(i->code) != BPF_RET)
			fall_to(shrink, put_rest(shrink, at + 1));
		place = put(shrink, i->code, 0, 0, i->k);
	}
	shrink->places[at] = (uint16_t)place;
	return place;
}

/* Puts the tree for the ranges from @begin to before @end. */
static size_t put_tree(struct shrink *shrink, size_t begin, size_t end)
{
	const size_t middle = begin + (end - begin) / 2;
	size_t yes, no;

	if (end - begin == 1 || shrink->failed)
		return put_rest(shrink, shrink->ranges[begin].at);
	yes = put_tree(shrink, middle, end);
	no = put_tree(shrink, begin, middle);
	return put_jump(shrink, BPF_JMP | BPF_JGE | BPF_K, shrink->ranges[middle].first, yes, no);
}

static void put_program(struct shrink *shrink)
{
	size_t places[ARCHES_MAX] = { 0 }, next;

	for (size_t i = shrink->arches_len; i-- > 0 && !shrink->failed;) {
		list_ranges(shrink, shrink->arches[i]);
		places[i] = shrink->failed ? 0 : put_tree(shrink, 0, shrink->ranges_len);
		if (shrink->ranges_len < 2)
			continue;
		fall_to(shrink, places[i]);
		places[i] = put(shrink, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	}
	if (shrink->failed)
		return;
	next = places[shrink->arches_len - 1];
	for (size_t i = shrink->arches_len - 1; i-- > 0;)
		next = put_jump(shrink, BPF_JMP | BPF_JEQ | BPF_K, shrink->arches[i], places[i], next);
	fall_to(shrink, next);
	put(shrink, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
}

static bool prepare(struct shrink *shrink)
{
	const size_t len = shrink->in_len;

	shrink->same = calloc(len, sizeof(*shrink->same));
	shrink->firsts = calloc(2 * len + 1, sizeof(*shrink->firsts));
	shrink->ranges = calloc(2 * len + 1, sizeof(*shrink->ranges));
	shrink->out = calloc(len, sizeof(*shrink->out));
	shrink->places = calloc(len, sizeof(*shrink->places));
	if (!shrink->same || !shrink->firsts || !shrink->ranges || !shrink->out || !shrink->places)
		return false;
	memset(shrink->places, 0xff, len * sizeof(*shrink->places));
	for (size_t i = 0, j; i < len; i++) {
		for (j = 0; j < i && shrink->in[i].code == (BPF_RET | BPF_K); j++)
			if (shrink->in[j].code == shrink->in[i].code && shrink->in[j].k == shrink->in[i].k)
				break;
		shrink->same[i] = (uint16_t)(shrink->in[i].code == (BPF_RET | BPF_K) ? j : i);
	}
	return true;
}

void seccomp_shrink(struct seccomp_program *program)
{
	struct shrink shrink = { .in = program->instructions, .in_len = program->len };
	bool good = program->len > 0 && program->len <= BPF_MAXINSNS && prepare(&shrink);

	if (good) {
		list_firsts(&shrink);
		list_arches(&shrink);
		put_program(&shrink);
		good = !shrink.failed && shrink.out_len < shrink.in_len;
	}
	if (good) {
		struct sock_filter *instructions = program->instructions;

		for (size_t i = 0; i < shrink.out_len; i++)
			instructions[i] = shrink.out[shrink.out_len - 1 - i];
		program->len = (unsigned short)shrink.out_len;
	}
	free(shrink.same);
	free(shrink.firsts);
	free(shrink.ranges);
	free(shrink.out);
	free(shrink.places);
}
