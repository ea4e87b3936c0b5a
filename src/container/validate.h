/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `validate`: checks a bundle's configuration against this host, without any effect. */

struct runtime_options;
struct error;
struct json_findings;

/*
 * @bundle: directory of the bundle, for relative paths. @config: file; NULL: config.json of the bundle.
 * Mistakes in the file are added to @findings and are not an error. Fails only if the bundle or file cannot
 * be read, memory is short, or the host's settings are wrong.
 */
int container_validate(const char *bundle, const char *config, const struct runtime_options *runtime,
		       struct json_findings *findings, struct error *err);
