/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why the kernel refuses namespaces to an ordinary user, and what he can do. On the host. */

struct error;
struct ns_plan;

/*
 * -EPERM for a plan with new namespaces and no user namespace, if this process lacks the capability for
 * them: the error tells the commands of @program that make a config with one, and run it.
 */
int ns_check_privilege(const struct ns_plan *plan, const char *program, struct error *err);

/*
 * Appends to the error of a process that could not be made with the namespaces of @plan which setting of the
 * host forbids user namespaces, if one does. Returns err->code.
 */
int ns_explain_refusal(const struct ns_plan *plan, struct error *err);
