/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/*
 * config-linux.md "Default Devices", terminals, and mknod(2) of any device, because opening it is another
 * access.
 */
static const struct spec_device_rule default_rules[] = {
	{ true, 'a', { false, 0 }, { false, 0 }, false, false, true }, /* mknod of anything */
	{ true, 'c', { true, 1 }, { true, 3 }, true, true, true },     /* null */
	{ true, 'c', { true, 1 }, { true, 5 }, true, true, true },     /* zero */
	{ true, 'c', { true, 1 }, { true, 7 }, true, true, true },     /* full */
	{ true, 'c', { true, 1 }, { true, 8 }, true, true, true },     /* random */
	{ true, 'c', { true, 1 }, { true, 9 }, true, true, true },     /* urandom */
	{ true, 'c', { true, 5 }, { true, 0 }, true, true, true },     /* tty */
	{ true, 'c', { true, 5 }, { true, 1 }, true, true, true },     /* console */
	{ true, 'c', { true, 5 }, { true, 2 }, true, true, true },     /* ptmx */
	{ true, 'c', { true, 136 }, { false, 0 }, true, true, true },  /* pts */
};

static void emit(struct device_program *program, struct bpf_insn instruction)
{
	if (program->status < 0)
		return;
	if (program->len == program->capacity) {
		size_t capacity = program->capacity ? 2 * program->capacity : 128;
		struct bpf_insn *more = realloc(program->instructions, capacity * sizeof(*more));

		if (!more) {
			program->status = -ENOMEM;
			return;
		}
		program->instructions = more;
		program->capacity = capacity;
	}
	program->instructions[program->len++] = instruction;
}

static struct bpf_insn load(unsigned char to, size_t offset)
{
	return (struct bpf_insn){
		.code = BPF_LDX | BPF_W | BPF_MEM,
		.dst_reg = to,
		.src_reg = BPF_REG_1,
		.off = (short)offset,
	};
}

static struct bpf_insn alu(unsigned char operation, unsigned char to, int immediate)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_K | operation, .dst_reg = to, .imm = immediate };
}

static struct bpf_insn combine(unsigned char operation, unsigned char to, unsigned char from)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_X | operation, .dst_reg = to, .src_reg = from };
}

/* @comparison: BPF_JEQ or BPF_JNE, with 0 */
static struct bpf_insn jump_if_zero(unsigned char comparison, unsigned char reg, short distance)
{
	return (struct bpf_insn){ .code = BPF_JMP32 | BPF_K | comparison, .dst_reg = reg, .off = distance };
}

static const struct bpf_insn leave = { .code = BPF_JMP | BPF_EXIT };

/*
 * Registers: R2 type, R3 access bits still to be decided, R4 major, R5 minor; R0 and R6 are scratch, for each
 * rule. The type is in the low half of access_type in struct bpf_cgroup_dev_ctx, the access bits are in the
 * high half.
 */
static void emit_prologue(struct device_program *program)
{
	emit(program, load(BPF_REG_2, 0));
	emit(program, combine(BPF_MOV, BPF_REG_3, BPF_REG_2));
	emit(program, alu(BPF_AND, BPF_REG_2, 0xffff));
	emit(program, alu(BPF_RSH, BPF_REG_3, 16));
	emit(program, load(BPF_REG_4, 4));
	emit(program, load(BPF_REG_5, 8));
}

static unsigned int access_bits(const struct spec_device_rule *rule)
{
	return (rule->read ? BPF_DEVCG_ACC_READ : 0U) | (rule->write ? BPF_DEVCG_ACC_WRITE : 0U) |
	       (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0U);
}

/*
 * Leaves 0 in R0 for a device that the rule matches; returns false if the rule matches every device. The
 * type, major and minor are not compared one by one: the verifier follows both ways of each comparison, and
 * follows the next rule once only if both arrive there in the same state. With three comparisons for each
 * rule its cost was the square of the number of rules.
 */
static bool emit_match(struct device_program *program, const struct spec_device_rule *rule)
{
	const struct {
		bool set;
		unsigned char reg;
		unsigned int value;
	} numbers[] = {
		{ rule->type != 'a', BPF_REG_2,
		  rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR },
		{ rule->major.set, BPF_REG_4, (unsigned int)rule->major.value },
		{ rule->minor.set, BPF_REG_5, (unsigned int)rule->minor.value },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const unsigned char to = any ? BPF_REG_6 : BPF_REG_0;

		if (!numbers[i].set)
			continue;
		emit(program, combine(BPF_MOV, to, numbers[i].reg));
		emit(program, alu(BPF_XOR, to, (int)numbers[i].value));
		if (any)
			emit(program, combine(BPF_OR, BPF_REG_0, BPF_REG_6));
		any = true;
	}
	return any;
}

/*
 * The rules are tested backwards, so the first rule that matches decides an access bit. A rule that allows
 * clears its bits in R3, and the request is allowed when none is left; a rule that refuses does so if any of
 * its bits is left. A rule for all bits decides. Returns false for one that also matches all devices, because
 * the verifier does not accept instructions that cannot be reached.
 */
static bool emit_rule(struct device_program *program, const struct spec_device_rule *rule)
{
	const unsigned int bits = access_bits(rule);
	const bool all = bits == (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD);
	bool some;

	if (bits == 0)
		return true;
	some = emit_match(program, rule);
	if (some)
		emit(program, jump_if_zero(BPF_JNE, BPF_REG_0, all ? 2 : rule->allow ? 4 : 5));
	if (!all && rule->allow) {
		emit(program, alu(BPF_AND, BPF_REG_3, (int)~bits));
		emit(program, jump_if_zero(BPF_JNE, BPF_REG_3, 2));
	} else if (!all) {
		emit(program, combine(BPF_MOV, BPF_REG_0, BPF_REG_3));
		emit(program, alu(BPF_AND, BPF_REG_0, (int)bits));
		emit(program, jump_if_zero(BPF_JEQ, BPF_REG_0, 2));
	}
	emit(program, alu(BPF_MOV, BPF_REG_0, rule->allow));
	emit(program, leave);
	return some || !all;
}

/* A last rule that allows everything, as --privileged sets it, leaves nothing to refuse. */
static bool allows_everything(const struct spec_device_rule *rule)
{
	return rule->allow && rule->type == 'a' && !rule->major.set && !rule->minor.set && rule->read &&
	       rule->write && rule->mknod;
}

int device_program_make(const struct spec_device_rule *rules, size_t len,
			const struct spec_device_rule *extra, size_t extra_len, struct device_program *ret,
			struct error *err)
{
	struct device_program program = { 0 };
	bool more = true;

	if (len == 0 || allows_everything(&rules[len - 1])) {
		*ret = program;
		return 0;
	}
	emit_prologue(&program);
	for (size_t i = ARRAY_LEN(default_rules); i-- > 0;)
		emit_rule(&program, &default_rules[i]);
	for (size_t i = extra_len; i-- > 0;)
		emit_rule(&program, &extra[i]);
	for (size_t i = len; more && i-- > 0;)
		more = emit_rule(&program, &rules[i]);
	/* No rule matched: refused. */
	if (more) {
		emit(&program, alu(BPF_MOV, BPF_REG_0, 0));
		emit(&program, leave);
	}
	if (program.status < 0) {
		device_program_done(&program);
		return error_oom(err);
	}
	*ret = program;
	return 0;
}

void device_program_done(struct device_program *program)
{
	free(program->instructions);
	*program = (struct device_program){ 0 };
}
