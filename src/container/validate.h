/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `validate`: what is wrong with a bundle's configuration, on this host, without making anything. */

struct runtime_options;
struct error;
struct json_findings;

/*
 * @bundle: directory that relative paths start from. @config: file, NULL: config.json in it. Fails only when the file cannot be read
 * or memory is short, or the host's settings are wrong; what is wrong with it is in @findings.
 */
int container_validate(const char *bundle, const char *config, const struct runtime_options *runtime,
		       struct json_findings *findings, struct error *err);
