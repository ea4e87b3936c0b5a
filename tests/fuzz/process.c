/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/exec_plan.h"
#include "launch/request.h"
#include "spec/spec.h"
#include "util/error.h"

/* The process of `exec --process`, and words for the options that change it. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *parts[5], path[PATH_MAX + 16];
	struct exec_process made;
	struct spec *spec = NULL;
	struct error err;
	int r;

	fuzz_split(text, parts, 5);
	fuzz_file("process.json", parts[0], strlen(parts[0]));
	snprintf(path, sizeof(path), "%s/process.json", fuzz_directory_path());
	r = spec_load_process(path, &spec, &err);
	fuzz_require_error(r, &err);
	if (r == 0) {
		const struct exec_request request = {
			.args = (char *[]){ parts[4], NULL },
			.env = (char *[]){ parts[1], parts[2], NULL },
			.user = parts[1][0] ? parts[1] : NULL,
			.caps = (char *[]){ parts[2], NULL },
			.additional_gids = (char *[]){ parts[3], NULL },
			.cwd = parts[4],
			.no_new_privs = -1,
		};

		fuzz_require(spec->process && spec->process->args && spec->process->cwd[0] == '/');
		r = exec_process_make(&request, spec->process, &made, &err);
		fuzz_require_error(r, &err);
		if (r == 0)
			exec_process_done(&made);
		spec_free(spec);
	}
	free(text);
}
