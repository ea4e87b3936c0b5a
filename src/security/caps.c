/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "security/security.h"
#include "spec/capabilities.h"
#include "spec/spec.h"
#include "syscall/capability.h"
#include "util/error.h"
#include "util/log.h"

int caps_parse(const char *name)
{
	return capability_number(name);
}

const char *caps_name(int number)
{
	return capability_name(number);
}

static uint64_t wanted(const struct spec_capabilities *caps, int set)
{
	return caps ? caps->sets[set] : 0;
}

int caps_limit_bounding(const struct spec_capabilities *caps, struct error *err)
{
	const uint64_t keep = wanted(caps, CAP_SET_BOUNDING);

	/*
	 * Up to 64, because a kernel may have more capabilities than krun's table: EINVAL after its last one.
	 */
	for (int number = 0; number < 64; number++) {
		int have, code;

		if (keep >> number & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0)
			continue;
		code = -errno;
		if (code == -EINVAL)
			break;
		/*
		 * EPERM is no failure when there is nothing to drop: the bounding set of an ordinary user may
		 * be reduced already. The kernel says EPERM for a number after its last one, too.
		 */
		have = code == -EPERM ? prctl(PR_CAPBSET_READ, number, 0, 0, 0) : 1;
		if (have == 0 || (have < 0 && errno == EINVAL))
			continue;
		return error_sys(err, code, "drop capability %d from the bounding set", number);
	}
	return 0;
}

/*
 * config.md: a capability that cannot be granted is a warning, not a failure. krun cannot permit one that it
 * does not have, and the bounding set has been reduced to what config.json allows.
 */
static void warn_ungrantable(uint64_t missing)
{
	for (int number = 0; missing >> number; number++)
		if (missing >> number & 1)
			log_warning("capability %s cannot be granted: krun does not have it",
				    capability_name(number) ? capability_name(number) : "(unknown)");
}

int caps_apply(const struct spec_capabilities *caps, uint64_t lent, struct capability_sets *ret,
	       struct error *err)
{
	struct capability_sets have, sets, now;
	uint64_t ambient;
	int r = sys_capget(&have);

	if (r < 0)
		return error_sys(err, r, "read capabilities");
	for (size_t i = 0; caps && caps->unknown && caps->unknown[i]; i++)
		log_warning("capability '%s' is unknown", caps->unknown[i]);
	sets.permitted = wanted(caps, CAP_SET_PERMITTED) & have.permitted;
	sets.effective = wanted(caps, CAP_SET_EFFECTIVE) & sets.permitted;
	sets.inheritable = wanted(caps, CAP_SET_INHERITABLE) & have.permitted;
	if (wanted(caps, CAP_SET_PERMITTED) & ~have.permitted)
		warn_ungrantable(wanted(caps, CAP_SET_PERMITTED) & ~have.permitted);
	log_debug("capabilities: permitted %#llx, effective %#llx, inheritable %#llx",
		  (unsigned long long)sets.permitted, (unsigned long long)sets.effective,
		  (unsigned long long)sets.inheritable);
	*ret = now = sets;
	now.permitted |= lent & have.permitted;
	r = sys_capset(&now);
	if (r < 0)
		return error_sys(err, r, "set capabilities");
	/* EINVAL: kernels before 4.3 have no ambient capabilities to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_sys(err, -errno, "clear ambient capabilities");
	ambient = wanted(caps, CAP_SET_AMBIENT) & sets.permitted & sets.inheritable;
	for (int number = 0; ambient >> number && number < 64; number++)
		if (ambient >> number & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
			return error_sys(err, -errno, "raise ambient capability %d", number);
	return 0;
}
