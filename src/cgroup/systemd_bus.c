/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A separate program, the only one linked with libsystemd. krun embeds it in its file and executes it from
 * memory when a command has to talk to systemd, so that no other command pays for the library. It knows
 * nothing about containers.
 *
 *   systemd_bus system|user start UNIT PROPERTY...     StartTransientUnit; prints "cgroup PATH"
 *   systemd_bus system|user set UNIT PROPERTY...       SetUnitProperties until next boot; waits for the files
 *   systemd_bus system|user stop UNIT                  StopUnit, ResetFailedUnit; a missing unit is no error
 *   systemd_bus system|user attach UNIT CGROUP PID     AttachProcessesToUnit
 *   systemd_bus system|user result UNIT                prints "result WORD", the property Result of a scope
 *   systemd_bus system|user version manager            prints "version WORD", that of systemd
 *
 * PROPERTY is NAME SIGNATURE WORD..., as busctl(1) writes values: an array begins with its length. A property
 * that this systemd does not know is left out, and "dropped NAME" is printed. "-NAME" before the properties
 * leaves one out from the start; "!NAME" must not be left out. start and stop wait for their job (signal
 * JobRemoved). Exits with 0, or with 1 and one line on stderr.
 *
 * See org.freedesktop.systemd1(5), sd-bus(3).
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "util/names.h"

static const char SERVICE[] = "org.freedesktop.systemd1";
static const char MANAGER_PATH[] = "/org/freedesktop/systemd1";
static const char MANAGER[] = "org.freedesktop.systemd1.Manager";

enum { TIMEOUT_S = 60, DROPPED_MAX = 32 };

struct job {
	char *path;
	char result[32];
};

struct call {
	sd_bus *bus;
	const char *unit;
	char **properties; /* NULL-terminated */
	const char *dropped[DROPPED_MAX];
	size_t dropped_len;
};

static int fail(const char *what, const char *unit, const sd_bus_error *error, int code)
{
	/*
	 * No strerror(): engines would take "No such file or directory" for a missing program of the
	 * container.
	 */
	const char *reason = error && error->message ? error->message : errno_name(-code);

	fprintf(stderr, "%s '%s': %s\n", what, unit, reason);
	return 1;
}

/* ---- words to values ----------------------------------------------------------------------------------- */

static int append_basic(sd_bus_message *message, char type, const char *word)
{
	union {
		uint8_t y;
		int b;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
	} value;

	switch (type) {
	case 's':
	case 'o':
	case 'g':
		return sd_bus_message_append_basic(message, type, word);
	case 'b':
		value.b = strcmp(word, "true") == 0;
		break;
	case 'y':
		value.y = (uint8_t)strtoul(word, NULL, 10);
		break;
	case 'n':
		value.n = (int16_t)strtol(word, NULL, 10);
		break;
	case 'q':
		value.q = (uint16_t)strtoul(word, NULL, 10);
		break;
	case 'i':
		value.i = (int32_t)strtol(word, NULL, 10);
		break;
	case 'u':
		value.u = (uint32_t)strtoul(word, NULL, 10);
		break;
	case 'x':
		value.x = strtoll(word, NULL, 10);
		break;
	case 't':
		value.t = strtoull(word, NULL, 10);
		break;
	case 'd':
		value.d = strtod(word, NULL);
		break;
	default:
		return -EINVAL;
	}
	return sd_bus_message_append_basic(message, type, &value);
}

/* Returns the end of the complete type at @signature: a letter, (...), or an array of one. */
static const char *type_end(const char *signature)
{
	int depth = 0;

	while (*signature == 'a')
		signature++;
	do {
		depth += *signature == '(';
		depth -= *signature == ')';
	} while (*signature++ && depth > 0);
	return signature;
}

/*
 * Consumes the words of one value from *words; @message NULL: only skips them. -EINVAL: too few words, or no
 * such type.
 */
static int append_value(sd_bus_message *message, const char *signature, char ***words)
{
	const char *end = type_end(signature);
	char contents[64];
	int r = 0;

	if (*signature != 'a' && *signature != '(') {
		if (!**words)
			return -EINVAL;
		if (message)
			r = append_basic(message, *signature, **words);
		(*words)++;
		return r;
	}
	if (end - signature < 2 || end - signature > (int)sizeof(contents))
		return -EINVAL;
	if (*signature == '(') {
		snprintf(contents, sizeof(contents), "%.*s", (int)(end - signature - 2), signature + 1);
		if (message)
			r = sd_bus_message_open_container(message, 'r', contents);
		for (const char *part = contents; r >= 0 && *part; part = type_end(part))
			r = append_value(message, part, words);
	} else {
		unsigned long count = **words ? strtoul(*(*words)++, NULL, 10) : 0;

		snprintf(contents, sizeof(contents), "%.*s", (int)(end - signature - 1), signature + 1);
		if (message)
			r = sd_bus_message_open_container(message, 'a', contents);
		while (r >= 0 && count-- > 0)
			r = append_value(message, contents, words);
	}
	if (r >= 0 && message)
		r = sd_bus_message_close_container(message);
	return r;
}

static bool is_dropped(const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->dropped_len; i++)
		if (strcmp(call->dropped[i], name) == 0)
			return true;
	return false;
}

/* Appends the properties as a(sv). */
static int append_properties(sd_bus_message *message, const struct call *call)
{
	char **words = call->properties;
	int r = sd_bus_message_open_container(message, 'a', "(sv)");

	while (r >= 0 && words[0]) {
		const char *name = words[0] + (words[0][0] == '!'), *signature = words[1];

		if (!signature)
			return -EINVAL;
		words += 2;
		if (is_dropped(call, name)) {
			r = append_value(NULL, signature, &words);
			continue;
		}
		r = sd_bus_message_open_container(message, 'r', "sv");
		if (r >= 0)
			r = sd_bus_message_append_basic(message, 's', name);
		if (r >= 0)
			r = sd_bus_message_open_container(message, 'v', signature);
		if (r >= 0)
			r = append_value(message, signature, &words);
		if (r >= 0)
			r = sd_bus_message_close_container(message);
		if (r >= 0)
			r = sd_bus_message_close_container(message);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

static int job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *result;

	(void)error;
	if (sd_bus_message_read(message, "uoss", NULL, &path, NULL, &result) >= 0 && job->path &&
	    strcmp(job->path, path) == 0)
		snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int wait_for_job(struct call *call, struct job *job, const char *what)
{
	const uint64_t deadline = now_us() + TIMEOUT_S * 1000000ULL;

	while (!job->result[0]) {
		uint64_t now = now_us();
		int r = sd_bus_process(call->bus, NULL);

		if (r == 0 && now >= deadline)
			r = -ETIMEDOUT;
		else if (r == 0)
			r = sd_bus_wait(call->bus, deadline - now);
		if (r < 0 && r != -EINTR)
			return fail(what, call->unit, NULL, r);
	}
	if (strcmp(job->result, "done") == 0)
		return 0;
	fprintf(stderr, "%s '%s': systemd's job ended with '%s'\n", what, call->unit, job->result);
	return 1;
}

/* ---- verbs --------------------------------------------------------------------------------------------- */

static int reset_failed(struct call *call)
{
	return sd_bus_call_method(call->bus, SERVICE, MANAGER_PATH, MANAGER, "ResetFailedUnit", NULL, NULL,
				  "s", call->unit);
}

/*
 * Returns true if systemd has refused a property ("Cannot set property NAME, or unknown property.") that can
 * be left out.
 */
static bool drop_rejected(struct call *call, const sd_bus_error *error)
{
	char name[128];

	if (!error->message || sscanf(error->message, "Cannot set property %127[A-Za-z0-9]", name) != 1 ||
	    call->dropped_len == DROPPED_MAX || is_dropped(call, name))
		return false;
	for (char **word = call->properties; *word; word++) {
		if (strcmp(*word, name) == 0) {
			call->dropped[call->dropped_len++] = *word;
			printf("dropped %s\n", name);
			return true;
		}
	}
	return false;
}

/* Repeats the call until systemd accepts all remaining properties. The caller releases the reply. */
static int call_with_properties(struct call *call, const char *method, sd_bus_message **ret_reply,
				sd_bus_error *error)
{
	const bool start = strcmp(method, "StartTransientUnit") == 0;
	bool reset = false;

	for (;;) {
		sd_bus_message *message = NULL;
		int r = sd_bus_message_new_method_call(call->bus, &message, SERVICE, MANAGER_PATH, MANAGER,
						       method);

		if (r >= 0)
			r = start ? sd_bus_message_append(message, "ss", call->unit, "fail") :
				    sd_bus_message_append(message, "sb", call->unit, 1);
		if (r >= 0)
			r = append_properties(message, call);
		if (r >= 0 && start)
			r = sd_bus_message_append(message, "a(sa(sv))", 0);
		sd_bus_error_free(error);
		if (r >= 0)
			r = sd_bus_call(call->bus, message, 0, error, ret_reply);
		sd_bus_message_unref(message);
		if (r >= 0)
			return 0;
		if (drop_rejected(call, error))
			continue;
		/* An earlier unit of this name has failed and was not reset. */
		if (!reset && sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists")) {
			reset = true;
			if (reset_failed(call) >= 0)
				continue;
		}
		return r;
	}
}

static int print_cgroup(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL, *cgroup = NULL;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", call->unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(call->bus, SERVICE, path, "org.freedesktop.systemd1.Scope",
					       "ControlGroup", &error, &cgroup);
	if (r >= 0 && !*cgroup)
		r = -ENOENT;
	if (r < 0)
		r = fail("ask for the cgroup of", call->unit, &error, r);
	else
		r = printf("cgroup %s\n", cgroup) < 0;
	sd_bus_error_free(&error);
	free(path);
	free(cgroup);
	return r;
}

/* Subscribes before the job exists, so that its end cannot be missed. */
static int watch_jobs(struct call *call, struct job *job)
{
	return sd_bus_match_signal(call->bus, NULL, SERVICE, MANAGER_PATH, MANAGER, "JobRemoved", job_removed,
				   job);
}

static int take_job(struct job *job, sd_bus_message *reply)
{
	const char *path;
	int r = sd_bus_message_read(reply, "o", &path);

	if (r < 0)
		return r;
	job->path = strdup(path);
	return job->path ? 0 : -ENOMEM;
}

static int verb_start(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	struct job job = { 0 };
	int r = watch_jobs(call, &job);

	if (r >= 0)
		r = call_with_properties(call, "StartTransientUnit", &reply, &error);
	if (r >= 0)
		r = take_job(&job, reply);
	r = r < 0 ? fail("start", call->unit, &error, r) : wait_for_job(call, &job, "start");
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	free(job.path);
	return r ? r : print_cgroup(call);
}

static int verb_set(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = call_with_properties(call, "SetUnitProperties", &reply, &error);

	/* systemd replies before it writes the files, but writes them before it reads the next message. */
	if (r >= 0)
		r = sd_bus_call_method(call->bus, SERVICE, MANAGER_PATH, "org.freedesktop.DBus.Peer", "Ping",
				       &error, NULL, "");
	r = r < 0 ? fail("set properties of", call->unit, &error, r) : 0;
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	return r;
}

static int verb_stop(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	struct job job = { 0 };
	int r = watch_jobs(call, &job);

	if (r >= 0)
		r = sd_bus_call_method(call->bus, SERVICE, MANAGER_PATH, MANAGER, "StopUnit", &error, &reply,
				       "ss", call->unit, "replace");
	if (r < 0 && sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit")) {
		r = 0;
	} else {
		if (r >= 0)
			r = take_job(&job, reply);
		r = r < 0 ? fail("stop", call->unit, &error, r) : wait_for_job(call, &job, "stop");
		/* Fails for a unit that did not fail, because it no longer exists. */
		reset_failed(call);
	}
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	free(job.path);
	return r;
}

static int verb_attach(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *cgroup = call->properties[0], *pid = cgroup ? call->properties[1] : NULL;
	int r = -EINVAL;

	if (pid)
		r = sd_bus_call_method(call->bus, SERVICE, MANAGER_PATH, MANAGER, "AttachProcessesToUnit",
				       &error, NULL, "ssau", call->unit, cgroup, 1,
				       (uint32_t)strtoul(pid, NULL, 10));
	r = r < 0 ? fail("move a process to", call->unit, &error, r) : 0;
	sd_bus_error_free(&error);
	return r;
}

static int verb_result(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL, *result = NULL;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", call->unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(call->bus, SERVICE, path, "org.freedesktop.systemd1.Scope",
					       "Result", &error, &result);
	r = r < 0 ? fail("ask for the result of", call->unit, &error, r) : printf("result %s\n", result) < 0;
	sd_bus_error_free(&error);
	free(path);
	free(result);
	return r;
}

static int verb_version(struct call *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *version = NULL;
	int r = sd_bus_get_property_string(call->bus, SERVICE, MANAGER_PATH, MANAGER, "Version", &error,
					   &version);

	r = r < 0 ? fail("ask for the version of", call->unit, &error, r) :
		    printf("version %s\n", version) < 0;
	sd_bus_error_free(&error);
	free(version);
	return r;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(struct call *call);
	} verbs[] = {
		{ "start", verb_start },   { "set", verb_set },	      { "stop", verb_stop },
		{ "attach", verb_attach }, { "result", verb_result }, { "version", verb_version },
	};
	struct call call = { 0 };
	int r;

	if (argc < 4)
		return 2;
	call.unit = argv[3];
	call.properties = argv + 4;
	for (; *call.properties && **call.properties == '-'; call.properties++)
		if (call.dropped_len < DROPPED_MAX)
			call.dropped[call.dropped_len++] = *call.properties + 1;
	r = strcmp(argv[1], "user") == 0 ? sd_bus_open_user(&call.bus) : sd_bus_open_system(&call.bus);
	if (r < 0) {
		fprintf(stderr, "the %s bus does not answer (%s): %s\n", argv[1], errno_name(-r),
			strcmp(argv[1], "user") == 0 ? "is there a systemd --user, and XDG_RUNTIME_DIR or "
						       "DBUS_SESSION_BUS_ADDRESS set?" :
						       "is this a machine with systemd and D-Bus?");
		return 1;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[2], verbs[i].word) != 0)
			continue;
		r = verbs[i].run(&call);
		sd_bus_flush_close_unref(call.bus);
		return fflush(stdout) == 0 ? r : 1;
	}
	return 2;
}
