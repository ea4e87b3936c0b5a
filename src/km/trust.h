/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Annotations that act on the host or take isolation away. Engines copy annotations from images, so that nobody can tell who
 * has set one: each of these acts only when the host file has its key, which is off by default, and is else left unheeded. That is so in
 * both modes. What stays inside of the container, or adds isolation, acts without a key; include/krun/annotations.h
 * says of each which kind it is.
 */

#include <stdbool.h>

struct error;
struct json_findings;
struct spec;
struct strv;

/*
 * Marks those of @spec that are not to be heeded (struct spec_pair, which spec_annotation() does not find then), and names in *ret
 * the keys of those that are; the caller releases it. The host file is read only when there is such an annotation. Each is told:
 * one that acts as information, one that does not as a warning, which people see, and engines only when they ask for warnings,
 * because to them a record of a command that succeeds is an error. With @findings they are findings instead.
 */
int km_trust_choose(const char *config_file, bool plain, struct spec *spec, struct json_findings *findings,
		    struct strv *ret, struct error *err);
/* For later commands, without a word: the same annotations of the same configuration. @keys: what the first one has had in *ret. */
void km_trust_apply(struct spec *spec, const struct strv *keys);
