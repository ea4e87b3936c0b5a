/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "util/error.h"
#include "util/proc.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";

static struct spec_hook shell(char *script)
{
	static char name[] = "sh", option[] = "-c";
	char **args = calloc(4, sizeof(*args));

	assert_non_null(args);
	args[0] = name;
	args[1] = option;
	args[2] = script;
	return (struct spec_hook){ .path = "/bin/sh", .args = args };
}

static struct hooks_context context = { .directory = dir };

static int run(struct spec_hook *items, size_t len, const char *state_text, struct error *err)
{
	const struct spec_hooks hooks = { items, len };
	int r = hooks_run(HOOK_PRESTART, &hooks, state_text, &context, err);

	for (size_t i = 0; i < len; i++)
		free(items[i].args);
	return r;
}

static void read_out(const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
	unlink(path);
}

static void test_state_arguments_and_environment(void **state)
{
	char script[] = "cat > out; echo \"$0 $1 $FOO $HOME\" >> out", first[] = "zero", second[] = "one",
	     variable[] = "FOO=bar", path[] = "PATH=/usr/bin:/bin", text[256];
	char *env[] = { variable, path, NULL };
	struct spec_hook hook = shell(script);
	struct error err = { 0 };
	char **args = calloc(6, sizeof(*args));

	(void)state;
	assert_non_null(args);
	memcpy(args, hook.args, 3 * sizeof(*args));
	args[3] = first;
	args[4] = second;
	free(hook.args);
	hook.args = args;
	hook.env = env;
	assert_int_equal(run(&hook, 1, "{\"state\":1}", &err), 0);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "{\"state\":1}zero one bar \n");
}

static void test_in_order_until_the_first_failure(void **state)
{
	char one[] = "echo one >> out", two[] = "echo two >> out; echo first line >&2; echo why >&2; exit 3",
	     three[] = "echo three >> out", text[64];
	struct spec_hook hooks[] = { shell(one), shell(two), shell(three) };
	struct error err = { 0 };

	(void)state;
	assert_true(run(hooks, 3, "{}", &err) < 0);
	assert_string_equal(err.text, "hook prestart 1 '/bin/sh': exited with status 3: why");
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "one\ntwo\n");
}

static void test_death_and_missing_program(void **state)
{
	char script[] = "kill -KILL $$";
	struct spec_hook hook = shell(script), missing = { .path = "/no/such/hook" };
	struct error err = { 0 };

	(void)state;
	assert_true(run(&hook, 1, "{}", &err) < 0);
	assert_non_null(strstr(err.text, "killed by signal 9"));
	assert_true(run(&missing, 1, "{}", &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/hook"));
}

/* Waits for the end of a process that is nobody's child here, and may stay a zombie. */
static bool has_ended(pid_t pid)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	struct proc_stat stat;

	for (int i = 0; i < 3000; i++) {
		if (proc_read_stat(pid, &stat) < 0 || stat.state == 'Z')
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

static void test_time_out_kills_the_whole_group(void **state)
{
	char script[] = "sleep 600 & echo $! > out; sleep 600", text[32];
	struct spec_hook hook = shell(script);
	struct error err = { 0 };
	time_t start = time(NULL);

	(void)state;
	hook.timeout.set = true;
	hook.timeout.value = 1;
	assert_true(run(&hook, 1, "{}", &err) < 0);
	assert_non_null(strstr(err.text, "timed out after 1 s"));
	assert_true(time(NULL) - start < 10);
	read_out("out", text, sizeof(text));
	assert_true(has_ended((pid_t)strtol(text, NULL, 10)));
}

static void test_no_descriptor_is_inherited(void **state)
{
	char script[] = "for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/} >> out; done; exit 0",
	     text[64];
	struct spec_hook hook = shell(script);
	struct error err = { 0 };
	int fd = open("/", O_PATH);

	(void)state;
	assert_int_equal(dup2(fd, 77), 77);
	assert_int_equal(run(&hook, 1, "{}", &err), 0);
	close(77);
	close(fd);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "0\n1\n2\n");
}

static void test_signals_are_not_ignored(void **state)
{
	char script[] = "kill -HUP $$; exit 0";
	struct spec_hook hook = shell(script);
	struct error err = { 0 };

	(void)state;
	signal(SIGHUP, SIG_IGN);
	assert_true(run(&hook, 1, "{}", &err) < 0);
	signal(SIGHUP, SIG_DFL);
	assert_non_null(strstr(err.text, "killed by signal 1"));
}

static void test_state_larger_than_a_pipe_and_not_read(void **state)
{
	char script[] = "exec 0<&-; exit 0", counting[] = "wc -c | tr -d ' ' > out", text[32];
	struct spec_hook hook = shell(script), count = shell(counting);
	const size_t size = 300000;
	char *large = malloc(size + 1);
	struct error err = { 0 };

	(void)state;
	assert_non_null(large);
	memset(large, 'x', size);
	large[size] = '\0';
	assert_int_equal(run(&hook, 1, large, &err), 0);
	assert_int_equal(run(&count, 1, large, &err), 0);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "300000\n");
	free(large);
}

static void assert_not_waited_for(char *script)
{
	struct spec_hook hook = shell(script);
	struct error err = { 0 };
	time_t start = time(NULL);

	assert_int_equal(run(&hook, 1, "{}", &err), 0);
	assert_true(time(NULL) - start < 10);
}

static void test_a_child_that_keeps_the_pipe_open_is_not_waited_for(void **state)
{
	char script[] = "sleep 30 & exit 0";

	(void)state;
	assert_not_waited_for(script);
}

/* A hook has a working directory and an environment, though config.json has neither for it. */
static void test_environment_and_directory_of_the_context(void **state)
{
	char script[] = "echo \"$A ${KRUN_UNIT-none} $PWD\" > \"$OUT\"", variable[] = "A=b", out[64],
	     text[128], expected[96];
	char *env[] = { variable, out, NULL };
	struct spec_hook hook = shell(script), again = shell(script), gone = shell(script);
	struct error err = { 0 };

	(void)state;
	snprintf(out, sizeof(out), "OUT=%s/out", dir);
	setenv("KRUN_UNIT", "secret", 1);
	context.env = env;
	assert_int_equal(run(&hook, 1, "{}", &err), 0);
	read_out("out", text, sizeof(text));
	snprintf(expected, sizeof(expected), "b none %s\n", dir);
	assert_string_equal(text, expected);
	context.directory = "/usr";
	assert_int_equal(run(&again, 1, "{}", &err), 0);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "b none /usr\n");
	/* The directory may have been removed, for example before the poststop hooks. */
	context.directory = "/no/such/directory";
	assert_int_equal(run(&gone, 1, "{}", &err), 0);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "b none /\n");
	context = (struct hooks_context){ .directory = dir };
}

static void test_path_alone(void **state)
{
	(void)state;
	setenv("PATH", "/bin:/usr/bin", 1);
	assert_string_equal(hooks_path_only()[0], "PATH=/bin:/usr/bin");
	assert_null(hooks_path_only()[1]);
	unsetenv("PATH");
	assert_string_equal(hooks_path_only()[0],
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	setenv("PATH", "/usr/bin:/bin", 1);
}

/* A process that the hook left behind fills the pipe as fast as it is emptied. */
static void test_a_child_that_writes_for_ever_is_not_waited_for(void **state)
{
	char script[] = "(while :; do echo more and more and more; done) & sleep 0.1; exit 0";

	(void)state;
	assert_not_waited_for(script);
}

static char said[3][4096];

static void say(void *data, int stream, const char *text, size_t len)
{
	assert_ptr_equal(data, said);
	assert_true(stream == 1 || stream == 2);
	strncat(said[stream], text, len);
}

/* Only krun has the files: a hook has pipes, and another process may pass on their content. */
static void test_output_is_copied(void **state)
{
	char script[] = "readlink /proc/self/fd/1; readlink /proc/self/fd/2 >&2; ls -l /proc/self/fd >&2",
	     out[64], more[] = "echo o; echo e >&2", text[4096];
	struct spec_hook hook = shell(script), again = shell(more), third = shell(more);
	struct error err = { 0 };

	(void)state;
	snprintf(out, sizeof(out), "%s/out", dir);
	assert_int_equal(hooks_output_open(out, NULL, &err), 0);
	context.say = say;
	context.data = said;
	assert_int_equal(run(&hook, 1, "{}", &err), 0);
	assert_int_equal(strncmp(said[1], "pipe:", 5), 0);
	assert_int_equal(strncmp(said[2], "pipe:", 5), 0);
	assert_null(strstr(said[2], dir));
	context = (struct hooks_context){ .directory = dir };
	assert_int_equal(run(&again, 1, "{}", &err), 0);
	hooks_output_close();
	/* As in the container: the file is closed, and without .say the output is lost. */
	assert_int_equal(run(&third, 1, "{}", &err), 0);
	read_out("out", text, sizeof(text));
	assert_string_equal(text, "o\n");
}

static void test_hooks_have_limits(void **state)
{
	struct spec_hook hooks[] = { { .path = "/a", .timeout = { true, 5 } }, { .path = "/b" } };

	(void)state;
	assert_int_equal(hooks_seconds(&(struct spec_hooks){ 0 }), 0);
	assert_int_equal(hooks_seconds(&(struct spec_hooks){ hooks, 1 }), 5);
	assert_int_equal(hooks_seconds(&(struct spec_hooks){ hooks, 2 }), 5 + HOOK_TIMEOUT_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_arguments_and_environment),
		cmocka_unit_test(test_in_order_until_the_first_failure),
		cmocka_unit_test(test_death_and_missing_program),
		cmocka_unit_test(test_time_out_kills_the_whole_group),
		cmocka_unit_test(test_no_descriptor_is_inherited),
		cmocka_unit_test(test_signals_are_not_ignored),
		cmocka_unit_test(test_state_larger_than_a_pipe_and_not_read),
		cmocka_unit_test(test_a_child_that_keeps_the_pipe_open_is_not_waited_for),
		cmocka_unit_test(test_environment_and_directory_of_the_context),
		cmocka_unit_test(test_path_alone),
		cmocka_unit_test(test_a_child_that_writes_for_ever_is_not_waited_for),
		cmocka_unit_test(test_output_is_copied),
		cmocka_unit_test(test_hooks_have_limits),
	};
	int failed;

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 && !failed ? 1 : failed;
}
