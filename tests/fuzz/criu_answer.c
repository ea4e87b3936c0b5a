/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "criu/message.h"
#include "criu/request.h"

/* An answer of CRIU, which has read images that a container wrote. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct message_reader reader = { data, data + size };
	struct message_field field;
	struct criu_answer answer;

	while (message_next(&reader, &field) > 0)
		fuzz_require(!field.is_bytes ||
			     (field.bytes >= data && field.len <= (size_t)(data + size - field.bytes)));
	if (criu_answer_read(data, size, &answer) == 0) {
		fuzz_require(memchr(answer.script, '\0', sizeof(answer.script)));
		fuzz_require(memchr(answer.reason, '\0', sizeof(answer.reason)));
	}
}
