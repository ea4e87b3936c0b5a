/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5, VARINT_MAX = 10 };

static uint8_t *grow(struct message *message, size_t more)
{
	size_t size = message->size ? message->size : 256;
	uint8_t *data;

	if (message->failed)
		return NULL;
	while (size - message->len < more)
		size *= 2;
	if (size > message->size) {
		data = realloc(message->data, size);
		if (!data) {
			message->failed = true;
			return NULL;
		}
		message->data = data;
		message->size = size;
	}
	return message->data + message->len;
}

static void add_varint(struct message *message, uint64_t value)
{
	uint8_t *at = grow(message, VARINT_MAX);

	if (!at)
		return;
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	message->len = (size_t)(at - message->data);
}

static void add_bytes(struct message *message, unsigned int field, const void *data, size_t len)
{
	uint8_t *at;

	add_varint(message, (uint64_t)field << 3 | WIRE_BYTES);
	add_varint(message, len);
	at = grow(message, len);
	if (!at || len == 0)
		return;
	memcpy(at, data, len);
	message->len += len;
}

void message_number(struct message *message, unsigned int field, uint64_t value)
{
	add_varint(message, (uint64_t)field << 3 | WIRE_VARINT);
	add_varint(message, value);
}

void message_signed(struct message *message, unsigned int field, int64_t value)
{
	message_number(message, field, (uint64_t)value);
}

void message_flag(struct message *message, unsigned int field, bool value)
{
	if (value)
		message_number(message, field, 1);
}

void message_text(struct message *message, unsigned int field, const char *text)
{
	if (text)
		add_bytes(message, field, text, strlen(text));
}

void message_part(struct message *message, unsigned int field, const struct message *part)
{
	message->failed |= part->failed;
	add_bytes(message, field, part->data, part->len);
}

void message_done(struct message *message)
{
	free(message->data);
	*message = (struct message){ 0 };
}

/* ---- reading ------------------------------------------------------------------------------- */

static int take_varint(struct message_reader *reader, uint64_t *ret)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 7 * VARINT_MAX && reader->at < reader->end; shift += 7) {
		uint8_t byte = *reader->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int take_bytes(struct message_reader *reader, uint64_t len, struct message_field *field)
{
	if (len > (uint64_t)(reader->end - reader->at))
		return -EBADMSG;
	field->bytes = reader->at;
	field->len = (size_t)len;
	reader->at += len;
	return 0;
}

int message_next(struct message_reader *reader, struct message_field *ret)
{
	uint64_t key, len;
	int r;

	while (reader->at < reader->end) {
		struct message_field field = { 0 };

		r = take_varint(reader, &key);
		if (r < 0 || key >> 3 > UINT32_MAX)
			return -EBADMSG;
		field.number = (unsigned int)(key >> 3);
		switch ((int)(key & 7)) {
		case WIRE_VARINT:
			r = take_varint(reader, &field.value);
			break;
		case WIRE_BYTES:
			field.is_bytes = true;
			r = take_varint(reader, &len);
			if (r == 0)
				r = take_bytes(reader, len, &field);
			break;
		case WIRE_FIXED64:
		case WIRE_FIXED32:
			r = take_bytes(reader, (key & 7) == WIRE_FIXED64 ? 8 : 4, &field);
			if (r == 0)
				continue;
			break;
		default:
			r = -EBADMSG;
		}
		if (r < 0)
			return r;
		*ret = field;
		return 1;
	}
	return 0;
}
