/* SPDX-License-Identifier: Apache-2.0 */

/* Compiles the typed profile to BPF with libseccomp. */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "security/seccomp_cache.h"
#include "security/seccomp_enosys.h"
#include "security/seccomp_shrink.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

static const struct {
	const char *word;
	unsigned int flag;
} flag_words[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

static int action_of(const char *word, const struct opt_u64 *errno_ret, uint32_t *ret, struct error *err)
{
	const uint32_t code = errno_ret->set ? (uint32_t)errno_ret->value : EPERM;
	const struct {
		const char *word;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(code) },
		{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(code) },
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
		{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	};

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(word, actions[i].word) == 0) {
			*ret = actions[i].action;
			return 0;
		}
	}
	return error_at(err, -EINVAL, "/linux/seccomp", "%s is unknown", word);
}

static enum scmp_compare operator_of(const char *word)
{
	static const struct {
		const char *word;
		enum scmp_compare op;
	} operators[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE }, { "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
	};

	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if (strcmp(word, operators[i].word) == 0)
			return operators[i].op;
	return SCMP_CMP_MASKED_EQ;
}

static int add_architectures(scmp_filter_ctx ctx, const struct spec_seccomp *seccomp, struct error *err)
{
	for (size_t i = 0; seccomp->architectures && seccomp->architectures[i]; i++) {
		uint32_t token = seccomp_architecture(seccomp->architectures[i]);
		int r;

		/* Engines send lists for all hosts, with architectures that this libseccomp may not know. */
		if (token == 0)
			continue;
		r = seccomp_arch_add(ctx, token);
		/* -EDOM: it has another byte order than this machine, where no process makes its calls. */
		if (r < 0 && r != -EEXIST && r != -EDOM)
			return error_at(err, r, "/linux/seccomp/architectures", "%s",
					seccomp->architectures[i]);
	}
	return 0;
}

/* Returns true if two conditions test the same argument, which libseccomp does not accept in one rule. */
static bool repeats_argument(const struct spec_seccomp_rule *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->args_len; i++) {
		if (seen & 1U << rule->args[i].index)
			return true;
		seen |= 1U << rule->args[i].index;
	}
	return false;
}

static struct scmp_arg_cmp comparison(const struct spec_seccomp_arg *arg)
{
	struct scmp_arg_cmp compare = {
		.arg = arg->index,
		.op = operator_of(arg->op),
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};

	return compare;
}

/*
 * Adds a rule with all conditions. If an argument is tested twice, each condition becomes a rule, as engines
 * expect.
 */
static int add_call(scmp_filter_ctx ctx, const struct spec_seccomp_rule *rule, uint32_t action, int number)
{
	struct scmp_arg_cmp compare[6];
	int r = 0;

	if (repeats_argument(rule)) {
		for (size_t i = 0; r == 0 && i < rule->args_len; i++) {
			compare[0] = comparison(&rule->args[i]);
			r = seccomp_rule_add_array(ctx, action, number, 1, compare);
		}
		return r;
	}
	for (size_t i = 0; i < rule->args_len; i++)
		compare[i] = comparison(&rule->args[i]);
	return seccomp_rule_add_array(ctx, action, number, (unsigned int)rule->args_len, compare);
}

static int add_rule(scmp_filter_ctx ctx, const struct spec_seccomp_rule *rule, uint32_t default_action,
		    struct error *err)
{
	uint32_t action;
	int r = action_of(rule->action, &rule->errno_ret, &action, err);

	if (r < 0)
		return r;
	/* libseccomp refuses a rule with the default action. */
	if (action == default_action)
		return 0;
	for (size_t i = 0; rule->names[i]; i++) {
		int number = seccomp_syscall_resolve_name(rule->names[i]);

		/* Profiles name system calls of newer kernels and of other architectures. */
		if (number == __NR_SCMP_ERROR)
			continue;
		r = add_call(ctx, rule, action, number);
		if (r < 0 && r != -EEXIST)
			return error_at(err, r, "/linux/seccomp/syscalls", "rule for '%s': %s",
					rule->names[i], error_reason(r));
	}
	return 0;
}

static int export_program(scmp_filter_ctx ctx, struct seccomp_program *ret, struct error *err)
{
	auto_close int fd = sys_memfd_create("seccomp", 0);
	char *bytes = NULL;
	size_t size = 0;
	int r;

	if (fd < 0)
		return error_sys(err, fd, "make a file for the seccomp filter");
	r = seccomp_export_bpf(ctx, fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = io_read_all(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &bytes, &size);
	if (r < 0)
		return error_sys(err, r, "make the seccomp filter");
	ret->instructions = bytes;
	ret->len = (unsigned short)(size / sizeof(struct sock_filter));
	return 0;
}

static int compile(const struct spec_seccomp *seccomp, struct seccomp_program *ret, struct error *err)
{
	uint32_t default_action;
	scmp_filter_ctx ctx;
	int r = action_of(seccomp->default_action, &seccomp->default_errno_ret, &default_action, err);

	if (r < 0)
		return r;
	ctx = seccomp_init(default_action);
	if (!ctx)
		return error_oom(err);
	/* krun itself sets no_new_privs. A binary tree makes long profiles fast, and shrinks well. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = add_architectures(ctx, seccomp, err);
	for (size_t i = 0; r == 0 && i < seccomp->rules_len; i++)
		r = add_rule(ctx, &seccomp->rules[i], default_action, err);
	if (r == 0)
		r = export_program(ctx, ret, err);
	seccomp_release(ctx);
	/* Twice: the instructions for newer calls need room, and shrink as well. */
	if (r == 0)
		seccomp_shrink(ret);
	if (r == 0)
		r = seccomp_answer_newer_calls(seccomp, default_action, ret, err);
	if (r == 0)
		seccomp_shrink(ret);
	return r;
}

/* Memory that the process which compiles shares with the command. */
struct compiled {
	int result;
	struct error err;
	unsigned short len;
	struct sock_filter instructions[BPF_MAXINSNS];
};

static _Noreturn void compile_in_child(const struct spec_seccomp *seccomp, pid_t parent,
				       struct compiled *compiled)
{
	struct seccomp_program program = { 0 };

	sys_die_with_parent(parent);
	/* The abort has a message of the C library, and the command one of its own. */
	close(STDERR_FILENO);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	compiled->result = compile(seccomp, &program, &compiled->err);
	if (compiled->result == 0) {
		compiled->len = program.len;
		memcpy(compiled->instructions, program.instructions,
		       program.len * sizeof(*compiled->instructions));
	}
	_exit(0);
}

static int take_compiled(const struct compiled *compiled, struct seccomp_program *ret, struct error *err)
{
	const size_t size = compiled->len * sizeof(*compiled->instructions);

	if (compiled->result < 0) {
		*err = compiled->err;
		return compiled->result;
	}
	ret->instructions = malloc(size);
	if (!ret->instructions)
		return error_oom(err);
	memcpy(ret->instructions, compiled->instructions, size);
	ret->len = compiled->len;
	return 0;
}

/*
 * Compiles in a process of its own: libseccomp 2.5 frees memory twice, and aborts, when it runs out of it.
 * The command lives on, and says so.
 */
static int compile_apart(const struct spec_seccomp *seccomp, struct seccomp_program *ret, struct error *err)
{
	const pid_t self = getpid();
	struct compiled *compiled =
		mmap(NULL, sizeof(*compiled), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0, r;
	pid_t pid;

	if (compiled == MAP_FAILED)
		return error_oom(err);
	compiled->result =
		error_set(&compiled->err, -ECHILD, "the process that makes the seccomp filter ended");
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid == 0)
		compile_in_child(seccomp, self, compiled);
	r = pid < 0 ? error_sys(err, pid, "start a process that makes the seccomp filter") :
		      sys_wait(pid, &status, 0);
	if (pid > 0 && r < 0)
		error_sys(err, r, "wait for the process that makes the seccomp filter");
	else if (pid > 0 && WIFSIGNALED(status))
		r = error_set(err, -ENOMEM,
			      "the process that makes the seccomp filter ended by signal %d: memory ran out, "
			      "or it was killed",
			      WTERMSIG(status));
	else if (pid > 0)
		r = take_compiled(compiled, ret, err);
	munmap(compiled, sizeof(*compiled));
	return r;
}

static bool uses_notify(const struct spec_seccomp *seccomp)
{
	bool found = strcmp(seccomp->default_action, "SCMP_ACT_NOTIFY") == 0;

	for (size_t i = 0; !found && i < seccomp->rules_len; i++)
		found = strcmp(seccomp->rules[i].action, "SCMP_ACT_NOTIFY") == 0;
	return found;
}

static int add_flag(const char *word, unsigned int *flags, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(flag_words); i++)
		if (strcmp(word, flag_words[i].word) == 0) {
			*flags |= flag_words[i].flag;
			return 0;
		}
	return error_at(err, -EINVAL, "/linux/seccomp/flags", "'%s' is unknown", word);
}

static unsigned int flags_to_load(const struct spec_seccomp *seccomp, unsigned int flags)
{
	const unsigned int tsync = SECCOMP_FILTER_FLAG_TSYNC;

	/* The kernel refuses WAIT_KILLABLE_RECV without a listener, where it has no meaning. */
	if (!uses_notify(seccomp))
		return flags & ~(unsigned int)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	/* TSYNC and NEW_LISTENER both use the return value: seccomp(2), SECCOMP_FILTER_FLAG_TSYNC_ESRCH. */
	return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER |
	       (flags & tsync ? SECCOMP_FILTER_FLAG_TSYNC_ESRCH : 0);
}

/* @r: the result of compiling to @program. Adds the flags, and tries the program. */
static int finish(const struct spec_seccomp *seccomp, int r, struct seccomp_program *program,
		  struct error *err)
{
	unsigned int flags = 0;

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && seccomp->flags && seccomp->flags[i]; i++)
		r = add_flag(seccomp->flags[i], &flags, err);
	program->flags = flags_to_load(seccomp, flags);
	program->notifies = program->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (r == 0)
		r = seccomp_try(program, err);
	if (r < 0)
		seccomp_program_done(program);
	return r;
}

int seccomp_compile_here(const struct spec_seccomp *seccomp, struct seccomp_program *ret, struct error *err)
{
	return finish(seccomp, compile(seccomp, ret, err), ret, err);
}

int seccomp_compile(const struct spec_seccomp *seccomp, int cache_fd, struct seccomp_program *ret,
		    struct error *err)
{
	struct seccomp_program program = { 0 };
	char name[SECCOMP_CACHE_NAME];
	struct error ignored;
	int r;

	seccomp_cache_name(seccomp, name);
	if (cache_fd >= 0 && seccomp_program_load(cache_fd, name, ret, &ignored) == 0) {
		log_debug("the seccomp filter is in the cache: %s", name);
		return 0;
	}
	r = finish(seccomp, compile_apart(seccomp, &program, err), &program, err);
	if (r < 0)
		return r;
	if (cache_fd >= 0 && seccomp_program_save(&program, cache_fd, name, &ignored) < 0)
		log_debug("seccomp cache: %s", ignored.text);
	else if (cache_fd >= 0)
		seccomp_cache_trim(cache_fd, name);
	*ret = program;
	return 0;
}

void seccomp_program_done(struct seccomp_program *program)
{
	free(program->instructions);
	*program = (struct seccomp_program){ 0 };
}
