/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside criu/: the wire format of protocol buffers, as far as CRIU's messages use it (varints and byte strings). Pure.
 * Source: the encoding page of the protocol buffers documentation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that grows; zero-initialised is empty. After a failure (memory) nothing more is added. */
struct message {
	uint8_t *data;
	size_t len, size;
	bool failed;
};

void message_number(struct message *message, unsigned int field, uint64_t value);
/* A negative number takes ten bytes, as int32 and int64 fields want it. */
void message_signed(struct message *message, unsigned int field, int64_t value);
/* Only when it is true: every flag of CRIU's is false when absent. */
void message_flag(struct message *message, unsigned int field, bool value);
/* NULL adds nothing. */
void message_text(struct message *message, unsigned int field, const char *text);
/* @part: a message in the message. Its failure is ours. */
void message_part(struct message *message, unsigned int field, const struct message *part);
void message_done(struct message *message);

/* One field of a message that is read; the bytes are borrowed from it. */
struct message_field {
	unsigned int number;
	bool is_bytes;
	uint64_t value;
	const uint8_t *bytes;
	size_t len;
};

struct message_reader {
	const uint8_t *at, *end;
};

/* 1: *ret is the next field, 0: the end, -EBADMSG: broken. Numbers of fixed size are skipped. */
int message_next(struct message_reader *reader, struct message_field *ret);
