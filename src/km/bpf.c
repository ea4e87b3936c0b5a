/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An interpreter for classic BPF as seccomp(2) has it: the instructions that the kernel accepts in a
 * filter, on a struct seccomp_data.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "km/requirements.h"

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	size_t known; /* of struct seccomp_data; what comes behind may not be read */
};

static int load(struct machine *machine, const struct sock_filter *step, const struct seccomp_data *data)
{
	uint32_t value;

	switch (BPF_MODE(step->code)) {
	case BPF_ABS:
		if (step->k % 4 != 0 || step->k >= sizeof(*data))
			return -EINVAL;
		if (step->k >= machine->known)
			return -ENODATA;
		memcpy(&value, (const char *)data + step->k, sizeof(value));
		break;
	case BPF_IMM:
		value = step->k;
		break;
	case BPF_LEN:
		value = sizeof(*data);
		break;
	case BPF_MEM:
		if (step->k >= BPF_MEMWORDS)
			return -EINVAL;
		value = machine->memory[step->k];
		break;
	default:
		return -EINVAL;
	}
	if (BPF_CLASS(step->code) == BPF_LDX)
		machine->x = value;
	else
		machine->a = value;
	return 0;
}

static int calculate(struct machine *machine, const struct sock_filter *step)
{
	const uint32_t operand = BPF_SRC(step->code) == BPF_X ? machine->x : step->k;

	switch (BPF_OP(step->code)) {
	case BPF_ADD:
		machine->a += operand;
		return 0;
	case BPF_SUB:
		machine->a -= operand;
		return 0;
	case BPF_MUL:
		machine->a *= operand;
		return 0;
	case BPF_DIV:
		if (operand == 0)
			return -EINVAL;
		machine->a /= operand;
		return 0;
	case BPF_AND:
		machine->a &= operand;
		return 0;
	case BPF_OR:
		machine->a |= operand;
		return 0;
	case BPF_XOR:
		machine->a ^= operand;
		return 0;
	case BPF_LSH:
		machine->a = operand < 32 ? machine->a << operand : 0;
		return 0;
	case BPF_RSH:
		machine->a = operand < 32 ? machine->a >> operand : 0;
		return 0;
	case BPF_NEG:
		machine->a = -machine->a;
		return 0;
	default:
		return -EINVAL;
	}
}

/* *ret: how many instructions to skip. */
static int jump(const struct machine *machine, const struct sock_filter *step, unsigned int *ret)
{
	const uint32_t operand = BPF_SRC(step->code) == BPF_X ? machine->x : step->k;
	bool holds;

	switch (BPF_OP(step->code)) {
	case BPF_JA:
		*ret = step->k;
		return 0;
	case BPF_JEQ:
		holds = machine->a == operand;
		break;
	case BPF_JGT:
		holds = machine->a > operand;
		break;
	case BPF_JGE:
		holds = machine->a >= operand;
		break;
	case BPF_JSET:
		holds = machine->a & operand;
		break;
	default:
		return -EINVAL;
	}
	*ret = holds ? step->jt : step->jf;
	return 0;
}

static int store(struct machine *machine, const struct sock_filter *step)
{
	if (step->k >= BPF_MEMWORDS)
		return -EINVAL;
	machine->memory[step->k] = BPF_CLASS(step->code) == BPF_STX ? machine->x : machine->a;
	return 0;
}

static int run(const struct sock_filter *filter, unsigned int len, const struct seccomp_data *data,
	       size_t known, uint32_t *ret_action)
{
	struct machine machine = { .known = known };

	/* This ends, because jumps only go forward. */
	for (uint64_t i = 0; i < len; i++) {
		const struct sock_filter *step = &filter[i];
		unsigned int skip = 0;
		int r = 0;

		switch (BPF_CLASS(step->code)) {
		case BPF_LD:
		case BPF_LDX:
			r = load(&machine, step, data);
			break;
		case BPF_ST:
		case BPF_STX:
			r = store(&machine, step);
			break;
		case BPF_ALU:
			r = calculate(&machine, step);
			break;
		case BPF_JMP:
			r = jump(&machine, step, &skip);
			break;
		case BPF_RET:
			*ret_action = BPF_RVAL(step->code) == BPF_A ? machine.a : step->k;
			return 0;
		default:
			if (BPF_MISCOP(step->code) == BPF_TAX)
				machine.x = machine.a;
			else
				machine.a = machine.x;
			break;
		}
		if (r < 0)
			return r;
		i += skip;
	}
	return -EINVAL;
}

int km_filter_run(const struct sock_filter *filter, unsigned int len, const struct seccomp_data *data,
		  uint32_t *ret_action)
{
	return run(filter, len, data, sizeof(*data), ret_action);
}

int km_filter_run_for_any(const struct sock_filter *filter, unsigned int len, int call, uint32_t architecture,
			  uint32_t *ret_action)
{
	const struct seccomp_data data = { .nr = call, .arch = architecture };

	return run(filter, len, &data, offsetof(struct seccomp_data, instruction_pointer), ret_action);
}
