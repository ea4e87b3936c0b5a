/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "util/names.h"

/* musl has one text for all that it does not know, that of -1. */
const char *errno_text(int code)
{
	const char *text = strerror(code);

	return strcmp(text, strerror(-1)) == 0 ? NULL : text;
}

const char *errno_name(int code)
{
	static _Thread_local char text[24];

	snprintf(text, sizeof(text), "errno %d", code);
	return text;
}

#define SIGNAL(name) [SIG##name] = #name

static const char *const signals[] = {
	SIGNAL(HUP),  SIGNAL(INT),    SIGNAL(QUIT), SIGNAL(ILL),  SIGNAL(TRAP),	  SIGNAL(ABRT), SIGNAL(BUS),
	SIGNAL(FPE),  SIGNAL(KILL),   SIGNAL(USR1), SIGNAL(SEGV), SIGNAL(USR2),	  SIGNAL(PIPE), SIGNAL(ALRM),
	SIGNAL(TERM), SIGNAL(STKFLT), SIGNAL(CHLD), SIGNAL(CONT), SIGNAL(STOP),	  SIGNAL(TSTP), SIGNAL(TTIN),
	SIGNAL(TTOU), SIGNAL(URG),    SIGNAL(XCPU), SIGNAL(XFSZ), SIGNAL(VTALRM), SIGNAL(PROF), SIGNAL(WINCH),
	SIGNAL(POLL), SIGNAL(PWR),    SIGNAL(SYS),
};

const char *signal_name(int signo)
{
	return signo > 0 && (size_t)signo < sizeof(signals) / sizeof(signals[0]) ? signals[signo] : NULL;
}
