/* SPDX-License-Identifier: Apache-2.0 */

/* Stands in for requirements_x86_64.c on every other processor. */

#include <errno.h>

#include "km/requirements.h"
#include "util/error.h"

int km_check_processor(struct error *err)
{
	return error_set(err, -EOPNOTSUPP,
			 "km needs an x86_64 processor, and this krun is built for another: krun-plain runs "
			 "containers without km");
}

/* There is nothing to check: km_check_processor() comes before, and refuses. */
int km_requirements_check_filter(const struct km_requirements *needs, struct json_findings *warnings,
				 struct error *err)
{
	(void)needs;
	(void)warnings;
	(void)err;
	return 0;
}
