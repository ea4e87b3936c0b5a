/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "checkpoint/criu_options.h"
#include "checkpoint/options.h"
#include "cli/options.h"
#include "km/km.h"
#include "security/security.h"
#include "state/runtime_options.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"
#include "util/parse.h"

enum { WORDS_MAX = 16, BITS = 256, LONG_BITS = 8 * sizeof(long) };

static void check_numbers(const char *text)
{
	unsigned long mask[BITS / LONG_BITS];
	uint64_t number = 7, duration;
	int64_t with_sign = -7;
	bool flag;

	if (parse_u64(text, 1000, &number) == 0)
		fuzz_require(number <= 1000);
	else
		fuzz_require(number == 7);
	if (parse_i64(text, -10, 1000, &with_sign) == 0)
		fuzz_require(with_sign >= -10 && with_sign <= 1000);
	else
		fuzz_require(with_sign == -7);
	parse_bool(text, &flag);
	parse_bit_list(text, mask, BITS);
	parse_duration(text, &duration);
	fuzz_require(parse_signal(text) <= SIGRTMAX);
}

static void check_names(const char *text)
{
	enum cgroup_manager manager;
	enum log_format format;
	enum log_level level;
	enum km_start start;
	enum mode mode;

	cgroup_manager_parse(text, &manager);
	log_parse_format(text, &format);
	log_parse_level(text, &level);
	km_start_parse(text, &start);
	mode_parse(text, &mode);
	program_name_parse(text);
	caps_parse(text);
	/* An id is the name of a directory. */
	if (container_id_is_valid(text))
		fuzz_require(!strchr(text, '/') && text[0] != '.' && strlen(text) <= 255);
}

static void check_criu(char *text)
{
	const struct checkpoint_options options = {
		.manage_cgroups_mode = text, .network_lock = text, .page_server = text, .empty_ns = { 0 }
	};
	struct criu_options made = { 0 };
	char *name = NULL, *address = NULL;
	unsigned int port;
	struct error err;

	fuzz_require_error(criu_options_check(&options, &err), &err);
	if (criu_page_server_parse(text, &address, &port) == 0)
		fuzz_require(port > 0 && port < 65536 && strlen(address) < strlen(text));
	free(address);
	criu_name_file(text, 7, 8, false, &name);
	free(name);
	criu_options_done(&made);
}

static void check_options(char *const *words)
{
	struct target {
		bool flag;
		const char *text, *word;
		struct strv list;
		unsigned int number;
	} target = { 0 };
	static const struct option_row rows[] = {
		{ "flag", 'f', OPTION_FLAG, offsetof(struct target, flag), NULL, "" },
		{ "text", 't', OPTION_TEXT, offsetof(struct target, text), "TEXT", "" },
		{ "list", 'l', OPTION_LIST, offsetof(struct target, list), "TEXT", "" },
		{ "number", 'n', OPTION_NUMBER, offsetof(struct target, number), "N", "" },
		{ "word", 0, OPTION_WORD, offsetof(struct target, word), "WORD", "" },
		{ 0 },
	};
	size_t used = 0, len = 0;
	struct error err;
	int r;

	while (words[len])
		len++;
	r = options_parse(rows, words, &target, &used, &err);
	fuzz_require_error(r, &err);
	fuzz_require(r < 0 || used <= len);
	options_done(rows, &target);
}

/* Each line is a word. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *words[WORDS_MAX + 1] = { NULL };

	for (size_t i = 0; i < WORDS_MAX && rest; i++) {
		words[i] = strsep(&rest, "\n");
		check_numbers(words[i]);
		check_names(words[i]);
		check_criu(words[i]);
	}
	check_options(words);
	free(text);
}
