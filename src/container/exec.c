/* SPDX-License-Identifier: Apache-2.0 */

/* `exec`: what is recorded of it, and who waits for it. */

#include <signal.h>
#include <unistd.h>

#include "container/audit.h"
#include "container/container.h"
#include "container/foreground.h"
#include "launch/exec.h"
#include "monitor/log.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/log.h"

/* Before it runs: what cannot be recorded does not happen. */
static int audit(const struct exec *exec, struct error *err)
{
	const struct audit_record record = {
		.container = exec->state.id,
		.name = exec->process.process.args[0],
		.path = exec->exception.path,
		.sha256 = exec->exception.sha256,
		.uid = getuid(),
	};

	if (exec->exception.fd < 0)
		return 0;
	log_record(LOG_LEVEL_INFO, "exec", "'%s' runs without km: '%s', sha256 %s, by uid %u", record.name,
		   record.path, record.sha256, record.uid);
	return audit_write(exec->dir_fd, &record, exec->audit_syslog, err);
}

static int run(struct exec *exec, int *ret_status, struct error *err)
{
	int r = affinity_apply(exec->process.process.affinity.initial, "initial", err);

	if (r == 0)
		r = audit(exec, err);
	if (r < 0)
		return r;
	r = exec_begin(exec, err);
	/* Until here a signal means "give up"; from here on it is for the program. */
	if (!exec->request->detach)
		foreground_prepare();
	interrupt_watch(INTERRUPT_CHILD, 0);
	interrupt_end();
	if (r < 0)
		return r;
	r = interrupt_check(err);
	if (r < 0) {
		exec_abandon(exec);
		return r;
	}
	/* Blocked by now, and read with those that come later. */
	if (!exec->request->detach && interrupt_late())
		kill(getpid(), interrupt_late());
	*ret_status = 0;
	if (exec->request->detach)
		return 0;
	r = foreground_wait(
		&(struct foreground){
			.pid = exec->child.pid,
			.master_fd = take_fd(&exec->master_fd),
			.notify_fd = -1,
		},
		ret_status, err);
	monitor_log_to_debug(exec->monitor_log_fd, 0);
	return r;
}

int container_exec(const struct exec_request *request, int *ret_status, struct error *err)
{
	struct exec exec;
	int r;

	/* Other signals wait for the program, and these do until then: whoever waits beside a frozen container can be ended. */
	if (!request->detach)
		foreground_prepare();
	interrupt_begin();
	r = exec_prepare(&exec, request, err);
	if (r == 0)
		r = run(&exec, ret_status, err);
	if (r < 0)
		exec_name_document(&exec, err);
	exec_done(&exec);
	return r;
}
