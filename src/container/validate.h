/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `validate`: what is wrong with a bundle's configuration, on this host, without making anything. */

struct error;
struct json_findings;

/*
 * @bundle: directory that relative paths start from. @config: file, NULL: config.json in it. Fails only when the file cannot be read
 * or memory is short; what is wrong with it is in @findings.
 */
int container_validate(const char *bundle, const char *config, struct json_findings *findings,
		       struct error *err);
