/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/exec_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "launch/request.h"
#include "security/security.h"
#include "util/array.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/path.h"

static int parse_id(const char *text, const char *what, uint32_t *ret, struct error *err)
{
	uint64_t value;

	/* UINT32_MAX is no valid id: to the kernel it means "no change". */
	if (parse_u64(text, UINT32_MAX - 1, &value) < 0)
		return error_set(err, -EINVAL, "%s '%s': not an id", what, text);
	*ret = (uint32_t)value;
	return 0;
}

/* "UID" or "UID:GID". */
static int set_user(struct exec_process *exec, const char *user, struct error *err)
{
	char text[32];
	char *colon;
	int r;

	if (strlen(user) >= sizeof(text))
		return error_set(err, -EINVAL, "--user '%s': not UID[:GID]", user);
	strcpy(text, user);
	colon = strchr(text, ':');
	if (colon)
		*colon++ = '\0';
	r = parse_id(text, "--user", &exec->process.user.uid, err);
	return r < 0 || !colon ? r : parse_id(colon, "--user", &exec->process.user.gid, err);
}

static int add_gids(struct exec_process *exec, char *const *gids, struct error *err)
{
	struct spec_user *user = &exec->process.user;
	size_t more = strv_len(gids);

	exec->gids = calloc(user->additional_gids_len + more + 1, sizeof(*exec->gids));
	if (!exec->gids)
		return error_oom(err);
	if (user->additional_gids_len > 0)
		memcpy(exec->gids, user->additional_gids, user->additional_gids_len * sizeof(*exec->gids));
	for (size_t i = 0; i < more; i++) {
		int r = parse_id(gids[i], "--additional-gids", &exec->gids[user->additional_gids_len + i],
				 err);

		if (r < 0)
			return r;
	}
	user->additional_gids = exec->gids;
	user->additional_gids_len += more;
	return 0;
}

/*
 * The inheritable and ambient sets stay: with them a later program would get these capabilities too, if its
 * file has inheritable ones or its user is not root (capabilities(7)).
 */
static int add_capabilities(struct exec_process *exec, char *const *names, struct error *err)
{
	static const int sets[] = { CAP_SET_BOUNDING, CAP_SET_PERMITTED, CAP_SET_EFFECTIVE };

	if (exec->process.capabilities)
		exec->capabilities = *exec->process.capabilities;
	for (size_t i = 0; names[i]; i++) {
		int number = caps_parse(names[i]);

		if (number < 0)
			return error_set(err, -EINVAL, "--cap '%s': not a capability", names[i]);
		for (size_t set = 0; set < ARRAY_LEN(sets); set++)
			exec->capabilities.sets[sets[set]] |= UINT64_C(1) << number;
	}
	exec->process.capabilities = &exec->capabilities;
	return 0;
}

static int make_environment(struct exec_process *exec, char *const *more, struct error *err)
{
	char *const *base = exec->process.env;
	int r = 0;

	for (size_t i = 0; r == 0 && base && base[i]; i++)
		r = strv_add(&exec->env, base[i]);
	for (size_t i = 0; r == 0 && more && more[i]; i++) {
		if (!strchr(more[i], '='))
			return error_set(err, -EINVAL, "--env '%s': not NAME=VALUE", more[i]);
		r = strv_env_put(&exec->env, more[i]);
	}
	if (r == 0 && !exec->env.items) {
		exec->env.items = calloc(1, sizeof(*exec->env.items));
		r = exec->env.items ? 0 : -ENOMEM;
	}
	if (r < 0)
		return error_oom(err);
	exec->process.env = exec->env.items;
	return 0;
}

static int apply_options(const struct exec_request *request, struct exec_process *exec, struct error *err)
{
	struct spec_process *process = &exec->process;
	int r = 0;

	if (request->args) {
		process->args = (char **)request->args;
		process->terminal = request->tty;
	}
	if (request->cwd) {
		if (request->cwd[0] != '/')
			return error_set(err, -EINVAL, "--cwd '%s': not an absolute path", request->cwd);
		exec->cwd = strdup(request->cwd);
		if (!exec->cwd)
			return error_oom(err);
		path_normalize(exec->cwd);
		process->cwd = exec->cwd;
	}
	if (request->user)
		r = set_user(exec, request->user, err);
	if (r == 0 && request->additional_gids)
		r = add_gids(exec, request->additional_gids, err);
	if (r == 0 && request->caps)
		r = add_capabilities(exec, request->caps, err);
	if (request->apparmor)
		process->apparmor_profile = request->apparmor;
	if (request->process_label)
		process->selinux_label = request->process_label;
	if (request->no_new_privs >= 0)
		process->no_new_privileges = request->no_new_privs;
	return r;
}

int exec_process_make(const struct exec_request *request, const struct spec_process *base,
		      struct exec_process *ret, struct error *err)
{
	int r;

	*ret = (struct exec_process){ .process = *base };
	r = apply_options(request, ret, err);
	if (r == 0)
		r = make_environment(ret, request->env, err);
	if (r < 0)
		exec_process_done(ret);
	return r;
}

void exec_process_done(struct exec_process *process)
{
	free(process->gids);
	free(process->cwd);
	strv_done(&process->env);
	*process = (struct exec_process){ 0 };
}
