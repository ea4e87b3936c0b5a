/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cgroup/systemd.h"
#include "cgroup/systemd_variant.h"
#include "spec/spec.h"
#include "util/error.h"

/* The name of a property of systemd, and its value. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *value = strchr(text, '\n'), key[256] = "org.systemd.property.";
	struct strv words = { 0 };
	struct error err;

	if (value)
		*value++ = '\0';
	else
		value = text;
	if (systemd_variant_parse(value, &words) == 0)
		/* A signature and a value at least. */
		fuzz_require(words.len >= 2);
	strv_done(&words);
	words = (struct strv){ 0 };
	strncat(key, text, sizeof(key) - strlen(key) - 1);
	fuzz_require_error(systemd_properties_of_annotations(
				   &words, &(struct spec_pair){ .key = key, .value = value }, 1, &err),
			   &err);
	strv_done(&words);
	free(text);
}
