/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/agent.h"

#include <errno.h>
#include <string.h>

#include "krun/annotations.h"
#include "security/security.h"
#include "spec/spec.h"
#include "state/state.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"

int agent_prepare(const struct spec *spec, const struct seccomp_program *program,
		  struct seccomp_handover **ret, struct error *err)
{
	*ret = NULL;
	if (!program->notifies)
		return 0;
	if (!seccomp_agent_path(spec))
		return error_at(err, -EINVAL, "/linux/seccomp/listenerPath",
				"missing, and SCMP_ACT_NOTIFY needs it");
	*ret = seccomp_handover_new(err);
	return *ret ? 0 : err->code;
}

int agent_deliver(const struct spec *spec, struct seccomp_handover *handover, const struct state *state,
		  const char *status, pid_t pid, int listener_fd, struct error *err)
{
	auto_free char *text = NULL;
	auto_close int ours = listener_fd;
	auto_close int socket_fd = -1;
	int r;

	if (!handover)
		return error_set(err, -EPROTO, "a seccomp listener came, and no filter has one");
	if (ours < 0)
		return error_set(err, -EPROTO, "the seccomp listener came without a descriptor");
	text = state_process_text(state, status, pid,
				  spec->seccomp ? spec->seccomp->listener_metadata : NULL);
	if (!text)
		return error_oom(err);
	socket_fd = socket_connect(seccomp_agent_path(spec), err);
	if (socket_fd < 0)
		return error_place(err, "/linux/seccomp/listenerPath");
	r = socket_send_fd(socket_fd, text, strlen(text), ours, err);
	if (r == 0)
		seccomp_handover_done(handover);
	return r;
}
