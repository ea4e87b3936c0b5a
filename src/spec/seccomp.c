/* SPDX-License-Identifier: Apache-2.0 */

/* config-linux.md "Seccomp". Words are checked here and translated for libseccomp in security/. */

#include <stdint.h>
#include <string.h>

#include "spec/read.h"
#include "spec/spec.h"
#include "util/error.h"

const char *const spec_seccomp_actions[] = {
	"SCMP_ACT_KILL",	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO",	"SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW",	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",	NULL,
};
const char *const spec_seccomp_operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL,
};
const char *const spec_seccomp_architectures[] = {
	"SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",	    "SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",	   "SCMP_ARCH_MIPS64",	    "SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",	    "SCMP_ARCH_S390X",
	"SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",	    "SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",    "SCMP_ARCH_SH",	   "SCMP_ARCH_SHEB",	    NULL,
};
const char *const spec_seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};

static int check_word(struct json_reader *reader, const char *word, const char *const *list)
{
	for (const char *const *known = list; *known; known++)
		if (strcmp(word, *known) == 0)
			return 0;
	return json_error_unknown(reader, "value", word, list, sizeof(*list), SIZE_MAX);
}

/* @arg: the list of valid words */
static int read_word(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *word = json_object_get_string(value);
	int r = check_word(reader, word, arg);

	if (r == 0)
		*(const char **)target = word;
	return r;
}

static int read_words(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char **words = NULL;
	int r = json_read_strings(reader, value, &words, NULL);

	for (size_t i = 0; r == 0 && words[i]; i++) {
		json_enter_index(reader, i);
		r = check_word(reader, words[i], arg);
		if (r == 0)
			json_leave(reader);
	}
	if (r == 0)
		*(char ***)target = words;
	return r;
}

static int read_names(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	if (json_object_array_length(value) == 0)
		return json_error(reader, "empty, it must name a system call");
	return json_read_strings(reader, value, target, arg);
}

static const struct json_range index_range = { 0, 5 }; /* a system call has six arguments */
/* libseccomp takes errno values below the kernel's MAX_ERRNO only. */
static const struct json_range errno_range = { 0, 4094 };

static const struct json_field arg_fields[] = {
	{ "index", json_type_int, true, offsetof(struct spec_seccomp_arg, index), json_read_u32,
	  &index_range },
	{ "value", json_type_int, true, offsetof(struct spec_seccomp_arg, value), json_read_u64, NULL },
	{ "valueTwo", json_type_int, false, offsetof(struct spec_seccomp_arg, value_two), json_read_u64,
	  NULL },
	{ "op", json_type_string, true, offsetof(struct spec_seccomp_arg, op), read_word,
	  spec_seccomp_operators },
	{ 0 },
};

static const struct json_array_shape args_shape = {
	.size = sizeof(struct spec_seccomp_arg),
	.len_offset = offsetof(struct spec_seccomp_rule, args_len) - offsetof(struct spec_seccomp_rule, args),
	.type = json_type_object,
	.read = json_read_object,
	.arg = arg_fields,
};

static const struct json_field rule_fields[] = {
	{ "names", json_type_array, true, offsetof(struct spec_seccomp_rule, names), read_names, NULL },
	{ "action", json_type_string, true, offsetof(struct spec_seccomp_rule, action), read_word,
	  spec_seccomp_actions },
	{ "errnoRet", json_type_int, false, offsetof(struct spec_seccomp_rule, errno_ret), spec_read_opt_u64,
	  &errno_range },
	{ "args", json_type_array, false, offsetof(struct spec_seccomp_rule, args), json_read_array,
	  &args_shape },
	{ 0 },
};

static const struct json_array_shape rules_shape = {
	.size = sizeof(struct spec_seccomp_rule),
	.len_offset = offsetof(struct spec_seccomp, rules_len) - offsetof(struct spec_seccomp, rules),
	.type = json_type_object,
	.read = json_read_object,
	.arg = rule_fields,
};

static const struct json_field seccomp_fields[] = {
	{ "defaultAction", json_type_string, true, offsetof(struct spec_seccomp, default_action), read_word,
	  spec_seccomp_actions },
	{ "defaultErrnoRet", json_type_int, false, offsetof(struct spec_seccomp, default_errno_ret),
	  spec_read_opt_u64, &errno_range },
	{ "architectures", json_type_array, false, offsetof(struct spec_seccomp, architectures), read_words,
	  spec_seccomp_architectures },
	{ "flags", json_type_array, false, offsetof(struct spec_seccomp, flags), read_words,
	  spec_seccomp_flags },
	{ "listenerPath", json_type_string, false, offsetof(struct spec_seccomp, listener_path),
	  json_read_string, NULL },
	{ "listenerMetadata", json_type_string, false, offsetof(struct spec_seccomp, listener_metadata),
	  json_read_string, NULL },
	{ "syscalls", json_type_array, false, offsetof(struct spec_seccomp, rules), json_read_array,
	  &rules_shape },
	{ 0 },
};

/*
 * "When the action doesn't support an errno, the runtime MUST print an error and fail" (config-linux.md
 * "Seccomp").
 */
static int check_errno(struct json_reader *reader, const char *action, const struct opt_u64 *errno_ret)
{
	if (!errno_ret->set || strcmp(action, "SCMP_ACT_ERRNO") == 0 || strcmp(action, "SCMP_ACT_TRACE") == 0)
		return 0;
	return json_error(reader, "%s does not take an errno", action);
}

static int check_seccomp(struct json_reader *reader, struct spec_seccomp *seccomp)
{
	int r = check_errno(reader, seccomp->default_action, &seccomp->default_errno_ret);

	for (size_t i = 0; r == 0 && i < seccomp->rules_len; i++)
		r = check_errno(reader, seccomp->rules[i].action, &seccomp->rules[i].errno_ret);
	if (r < 0)
		return r;
	if (seccomp->listener_path && !*seccomp->listener_path)
		seccomp->listener_path = NULL;
	if (seccomp->listener_metadata && !*seccomp->listener_metadata)
		seccomp->listener_metadata = NULL;
	if (seccomp->listener_metadata && !seccomp->listener_path)
		return json_error(reader, "listenerMetadata is given, but no listenerPath");
	return 0;
}

int spec_read_seccomp(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_seccomp *seccomp = arena_alloc(reader->arena, 1, sizeof(*seccomp));
	int r;

	(void)arg;
	if (!seccomp)
		return error_oom(reader->err);
	/* ctr(8) and old engines send {} for no filter. */
	if (json_object_object_length(value) == 0)
		return 0;
	r = json_read_fields(reader, value, seccomp_fields, seccomp);
	if (r == 0)
		r = check_seccomp(reader, seccomp);
	if (r == 0)
		*(struct spec_seccomp **)target = seccomp;
	return r;
}
