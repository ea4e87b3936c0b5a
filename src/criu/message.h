/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside criu/: the wire format of protocol buffers, as far as CRIU's messages use it (varints and byte
 * strings). Pure. Source: the "Encoding" page of the protocol buffers documentation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A message that is written. Zero-initialised, it is empty. When memory runs out, .failed is set and nothing
 * more is added.
 */
struct message {
	uint8_t *data;
	size_t len, size;
	bool failed;
};

void message_number(struct message *message, unsigned int field, uint64_t value);
/* For int32 and int64 fields: a negative number is encoded as its 64-bit two's complement, in ten bytes. */
void message_signed(struct message *message, unsigned int field, int64_t value);
/* Writes only true: every flag of CRIU is false when absent. */
void message_flag(struct message *message, unsigned int field, bool value);
/* NULL writes nothing. */
void message_text(struct message *message, unsigned int field, const char *text);
/* Writes @part as a message within the message; its failure becomes that of @message. */
void message_part(struct message *message, unsigned int field, const struct message *part);
void message_done(struct message *message);

/* A field of a message that is read; .bytes is borrowed from the message. */
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

/* Reads the next field. Returns 1, 0 at the end, or -EBADMSG. Numbers of fixed size are skipped. */
int message_next(struct message_reader *reader, struct message_field *ret);
