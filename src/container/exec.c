/* SPDX-License-Identifier: Apache-2.0 */

/* `exec`: records a program without km, starts the process (launch/exec.c), and waits for it. */

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
#include "util/trace.h"

/* Records a program without km before it runs. If that fails, it does not run. */
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
	unsigned long long began;
	int r = affinity_apply(exec->process.process.affinity.initial, "initial", err);

	if (r == 0)
		r = audit(exec, err);
	if (r < 0)
		return r;
	r = exec_begin(exec, err);
	/* Until here a signal aborts the command; from here on it is for the program. */
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
	/* A signal that came late is sent again: it is blocked now, and foreground_wait() reads it. */
	if (!exec->request->detach && interrupt_late())
		kill(getpid(), interrupt_late());
	*ret_status = 0;
	if (exec->request->detach)
		return 0;
	began = trace_clock();
	r = foreground_wait(
		&(struct foreground){
			.pid = exec->child.pid,
			.master_fd = take_fd(&exec->master_fd),
			.notify_fd = -1,
		},
		ret_status, err);
	trace_note("for", "program");
	log_wait_done("wait", began);
	monitor_log_to_debug(exec->monitor_log_fd, 0);
	return r;
}

int container_exec(const struct exec_request *request, int *ret_status, struct error *err)
{
	struct exec exec;
	int r;

	/*
	 * Blocks signals, to forward them to the program later. interrupt_begin() handles some until then, so
	 * that a command can be ended while it waits for a frozen container.
	 */
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
