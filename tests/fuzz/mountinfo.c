/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "mount/points.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct mount_table table = { 0 };

	if (mount_table_parse(text, &table) == 0) {
		for (size_t i = 0; i < table.len; i++) {
			fuzz_require(table.rows[i].point && table.rows[i].type);
			fuzz_require(strlen(table.rows[i].point) <= size);
			fuzz_require(mount_table_find(&table, table.rows[i].id));
		}
		mount_table_done(&table);
	}
	free(text);
}
