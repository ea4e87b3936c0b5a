/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Annotations that act on the host or remove isolation. Engines copy annotations from images, so that krun
 * cannot tell who set one. Therefore each of these is heeded only if the host file sets its key to true (the
 * default is false), in both modes, and is otherwise ignored with a warning. Annotations that act only inside
 * the container, or add isolation, need no key; include/krun/annotations.h says of each which kind it is.
 *
 * Both functions run in the command's process, before anything is made from @spec.
 */

#include <stdbool.h>

struct error;
struct json_findings;
struct spec;
struct strv;

/*
 * Marks those annotations of @spec that are not heeded (spec_pair.refused, so that spec_annotation() does not
 * find them), and adds to *ret the keys of those that are; the caller releases it with strv_done(). @plain:
 * the container runs without km whatever it says, so that a sandbox annotation alone changes nothing. The
 * host file @config_file is read only if @spec has such an annotation; it may be missing or wrong
 * otherwise.
 *
 * An annotation that is heeded is logged as information, one that is not as a warning; with @findings the
 * warnings are added there, and nothing is logged.
 */
int km_trust_choose(const char *config_file, bool plain, struct spec *spec, struct json_findings *findings,
		    struct strv *ret, struct error *err);
/*
 * For later commands on the same config.json: marks the same annotations again, without logging. @keys: what
 * km_trust_choose() returned when the container was made.
 */
void km_trust_apply(struct spec *spec, const struct strv *keys);
