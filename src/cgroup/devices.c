/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* config-linux.md "Default Devices", the terminal ones, and making nodes without opening them. */
static const struct spec_device_rule default_rules[] = {
	{ true, 'c', { false, 0 }, { false, 0 }, false, false, true }, /* mknod of anything */
	{ true, 'b', { false, 0 }, { false, 0 }, false, false, true },
	{ true, 'c', { true, 1 }, { true, 3 }, true, true, true },    /* null */
	{ true, 'c', { true, 1 }, { true, 5 }, true, true, true },    /* zero */
	{ true, 'c', { true, 1 }, { true, 7 }, true, true, true },    /* full */
	{ true, 'c', { true, 1 }, { true, 8 }, true, true, true },    /* random */
	{ true, 'c', { true, 1 }, { true, 9 }, true, true, true },    /* urandom */
	{ true, 'c', { true, 5 }, { true, 0 }, true, true, true },    /* tty */
	{ true, 'c', { true, 5 }, { true, 1 }, true, true, true },    /* console */
	{ true, 'c', { true, 5 }, { true, 2 }, true, true, true },    /* ptmx */
	{ true, 'c', { true, 136 }, { false, 0 }, true, true, true }, /* pts */
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

static struct bpf_insn move(unsigned char to, unsigned char from)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_X | BPF_MOV, .dst_reg = to, .src_reg = from };
}

static struct bpf_insn jump_unless_equal(unsigned char reg, unsigned int value, short distance)
{
	return (struct bpf_insn){
		.code = BPF_JMP32 | BPF_K | BPF_JNE,
		.dst_reg = reg,
		.off = distance,
		.imm = (int)value,
	};
}

static const struct bpf_insn leave = { .code = BPF_JMP | BPF_EXIT };

/*
 * Registers: 2 type, 3 access still to be decided, 4 major, 5 minor. access_type of struct bpf_cgroup_dev_ctx
 * has the type in the low half and the access bits in the high one.
 */
static void emit_prologue(struct device_program *program)
{
	emit(program, load(BPF_REG_2, 0));
	emit(program, move(BPF_REG_3, BPF_REG_2));
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
 * Backwards over the rules, each access bit is decided by the first rule that matches it: an allowing rule takes its
 * bits off the list of those to be decided, and the request passes when none is left; a refusing rule
 * refuses if any of its bits is still on the list.
 */
static void emit_rule(struct device_program *program, const struct spec_device_rule *rule)
{
	const short body = rule->allow ? 4 : 5; /* instructions after the comparisons */
	const unsigned int bits = access_bits(rule);
	short comparisons = (short)((rule->type != 'a') + rule->major.set + rule->minor.set);

	if (bits == 0)
		return;
	if (rule->type != 'a')
		emit(program, jump_unless_equal(BPF_REG_2,
						rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
						(short)(--comparisons + body)));
	if (rule->major.set)
		emit(program, jump_unless_equal(BPF_REG_4, (unsigned int)rule->major.value,
						(short)(--comparisons + body)));
	if (rule->minor.set)
		emit(program, jump_unless_equal(BPF_REG_5, (unsigned int)rule->minor.value,
						(short)(--comparisons + body)));
	if (rule->allow) {
		emit(program, alu(BPF_AND, BPF_REG_3, (int)~bits));
		emit(program, jump_unless_equal(BPF_REG_3, 0, 2));
		emit(program, alu(BPF_MOV, BPF_REG_0, 1));
	} else {
		emit(program, move(BPF_REG_0, BPF_REG_3));
		emit(program, alu(BPF_AND, BPF_REG_0, (int)bits));
		emit(program, (struct bpf_insn){
				      .code = BPF_JMP32 | BPF_K | BPF_JEQ, .dst_reg = BPF_REG_0, .off = 2 });
		emit(program, alu(BPF_MOV, BPF_REG_0, 0));
	}
	emit(program, leave);
}

/* A last "allow everything" leaves nothing to refuse (--privileged). */
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

	if (len == 0 || allows_everything(&rules[len - 1])) {
		*ret = program;
		return 0;
	}
	emit_prologue(&program);
	for (size_t i = ARRAY_LEN(default_rules); i-- > 0;)
		emit_rule(&program, &default_rules[i]);
	for (size_t i = extra_len; i-- > 0;)
		emit_rule(&program, &extra[i]);
	for (size_t i = len; i-- > 0;)
		emit_rule(&program, &rules[i]);
	/* No rule matched: refused. Every engine starts its list with that rule anyway. */
	emit(&program, alu(BPF_MOV, BPF_REG_0, 0));
	emit(&program, leave);
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
