/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf.h"
#include "security/seccomp_cache.h"
#include "security/security.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

#if defined(__x86_64__)
#define NATIVE "SCMP_ARCH_X86_64"
#define NATIVE_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE "SCMP_ARCH_AARCH64"
#define NATIVE_AUDIT AUDIT_ARCH_AARCH64
#endif

static unsigned int run(const struct seccomp_program *program, unsigned int arch, int number, uint64_t arg0)
{
	const struct seccomp_data data = { .nr = number, .arch = arch, .args = { arg0 } };

	return bpf_run(program->instructions, program->len, &data);
}

static struct spec *parse(const char *seccomp)
{
	struct error err = { 0 };
	struct spec *spec = NULL;
	char text[4096];
	int n = snprintf(text, sizeof(text),
			 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":{%s}}}",
			 seccomp);

	if (spec_parse(text, (size_t)n, "config.json", &spec, &err) < 0)
		fail_msg("%s", err.text);
	return spec;
}

static void skip_if_untried(void)
{
	skip_if_emulated("clone3(2) and seccomp(2), by which every filter is tried");
}

static void compile(const char *seccomp, int cache_fd, struct seccomp_program *ret)
{
	struct spec *spec;
	struct error err = { 0 };

	skip_if_untried();
	spec = parse(seccomp);
	if (seccomp_compile(spec->seccomp, cache_fd, ret, &err) < 0)
		fail_msg("%s", err.text);
	spec_free(spec);
}

static void test_actions_arguments_and_errno(void **state)
{
	struct seccomp_program program = { 0 };

	(void)state;
	compile("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"" NATIVE
		"\"],\"syscalls\":["
		"{\"names\":[\"read\",\"no_such_call_ever\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":7,"
		"\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]",
		-1, &program);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_write, 0), SECCOMP_RET_ERRNO | 5);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_close, 7), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_close, 8), SECCOMP_RET_ERRNO | 38);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_dup, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_getpid, 0), SECCOMP_RET_ERRNO | 38);
	seccomp_program_done(&program);
}

static void test_errno_defaults_to_eperm(void **state)
{
	struct seccomp_program program = { 0 };

	(void)state;
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_"
		"ACT_ERRNO\"}]",
		-1, &program);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_read, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_write, 0), SECCOMP_RET_ALLOW);
	seccomp_program_done(&program);
}

static void test_calls_newer_than_the_profile_get_enosys(void **state)
{
	struct seccomp_program program = { 0 };

	(void)state;
	compile("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_"
		"ACT_ALLOW\"}]",
		-1, &program);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_getpid, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(run(&program, NATIVE_AUDIT, 423, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(run(&program, NATIVE_AUDIT, 424, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(&program, NATIVE_AUDIT, 100000, 0), SECCOMP_RET_ERRNO | ENOSYS);
	/* An x32 call is not one of x86_64. */
	assert_int_not_equal(run(&program, NATIVE_AUDIT, 0x40000000 | 424, 0), SECCOMP_RET_ERRNO | ENOSYS);
	seccomp_program_done(&program);
	/* Calls that the profile names are not newer than the profile. */
	compile("\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"names\":[\"openat2\"],"
		"\"action\":"
		"\"SCMP_ACT_ALLOW\"}]",
		-1, &program);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_openat2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_openat2 - 1, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_openat2 + 1, 0), SECCOMP_RET_ERRNO | ENOSYS);
	seccomp_program_done(&program);
	/* A profile that allows calls by default allows new ones, too. */
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_"
		"ACT_ERRNO\"}]",
		-1, &program);
	assert_int_equal(run(&program, NATIVE_AUDIT, 100000, 0), SECCOMP_RET_ALLOW);
	seccomp_program_done(&program);
}

static void test_notify_asks_for_a_listener(void **state)
{
	struct seccomp_program program = { 0 };

	(void)state;
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/"
		"x\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"],"
		"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]",
		-1, &program);
	assert_true(program.notifies);
	assert_int_equal(program.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
						SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
	assert_int_equal(run(&program, NATIVE_AUDIT, SYS_read, 0), SECCOMP_RET_USER_NOTIF);
	seccomp_program_done(&program);
}

/* A flag that config.json may have is one that the filter is loaded with. */
static void test_every_known_flag_is_used(void **state)
{
	(void)state;
	for (size_t i = 0; spec_seccomp_flags[i]; i++) {
		char text[256];
		struct seccomp_program program = { 0 };

		snprintf(text, sizeof(text),
			 "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\",\"flags\":[\"%s\"],"
			 "\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}]",
			 spec_seccomp_flags[i]);
		compile(text, -1, &program);
		if ((program.flags & ~(unsigned int)SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0)
			fail_msg("%s: not used", spec_seccomp_flags[i]);
		seccomp_program_done(&program);
	}
}

static void test_an_unknown_flag_is_an_error(void **state)
{
	char *flags[] = { (char[]){ "SECCOMP_FILTER_FLAG_NEW" }, NULL };
	struct seccomp_program program = { 0 };
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	skip_if_untried();
	spec = parse("\"defaultAction\":\"SCMP_ACT_ALLOW\"");
	spec->seccomp->flags = flags;
	assert_int_equal(seccomp_compile(spec->seccomp, -1, &program, &err), -EINVAL);
	assert_string_equal(err.text, "/linux/seccomp/flags: 'SECCOMP_FILTER_FLAG_NEW' is unknown");
	spec_free(spec);
}

static void test_program_survives_a_file(void **state)
{
	char dir[] = "/tmp/krun-unit-XXXXXX";
	struct seccomp_program program = { 0 }, loaded = { 0 };
	struct error err = { 0 };
	int dir_fd;

	(void)state;
	skip_if_untried();
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(seccomp_program_load(dir_fd, "seccomp.bpf", &loaded, &err), -ENOENT);
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_"
		"ACT_LOG\"}]",
		-1, &program);
	assert_int_equal(seccomp_program_save(&program, dir_fd, "seccomp.bpf", &err), 0);
	assert_int_equal(seccomp_program_load(dir_fd, "seccomp.bpf", &loaded, &err), 0);
	assert_int_equal(loaded.len, program.len);
	assert_int_equal(loaded.flags, program.flags);
	assert_memory_equal(loaded.instructions, program.instructions,
			    program.len * sizeof(struct sock_filter));
	seccomp_program_done(&program);
	seccomp_program_done(&loaded);
	unlinkat(dir_fd, "seccomp.bpf", 0);
	close(dir_fd);
	rmdir(dir);
}

/* A filter that somebody else can have written is no filter. */
static void test_file_of_others_is_refused(void **state)
{
	static const char profile[] = "\"defaultAction\":\"SCMP_ACT_ALLOW\"";
	char dir[] = "/tmp/krun-unit-XXXXXX";
	struct seccomp_program program = { 0 }, loaded = { 0 };
	struct error err = { 0 };
	int dir_fd;

	(void)state;
	skip_if_untried();
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	compile(profile, -1, &program);
	for (mode_t mode = 0; mode < 01000; mode++) {
		assert_int_equal(seccomp_program_save(&program, dir_fd, "bpf", &err), 0);
		assert_int_equal(fchmodat(dir_fd, "bpf", mode | 0400, 0), 0);
		assert_int_equal(seccomp_program_load(dir_fd, "bpf", &loaded, &err),
				 mode & 0022 ? -EUCLEAN : 0);
		seccomp_program_done(&loaded);
	}
	assert_int_equal(fchmodat(dir_fd, "bpf", 0600, 0), 0);
	assert_int_equal(symlinkat("bpf", dir_fd, "link"), 0);
	assert_int_equal(seccomp_program_load(dir_fd, "link", &loaded, &err), -ELOOP);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(seccomp_program_load(dir_fd, "fifo", &loaded, &err), -EUCLEAN);
	if (geteuid() == 0 && fchownat(dir_fd, "bpf", 1, 1, 0) == 0)
		assert_int_equal(seccomp_program_load(dir_fd, "bpf", &loaded, &err), -EUCLEAN);
	seccomp_program_done(&program);
	unlinkat(dir_fd, "bpf", 0);
	unlinkat(dir_fd, "link", 0);
	unlinkat(dir_fd, "fifo", 0);
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

/* Two profiles that differ anywhere have two names in the cache. */
static void test_every_part_of_a_profile_is_in_the_name(void **state)
{
	static const char *const profiles[] = {
		"\"defaultAction\":\"SCMP_ACT_ALLOW\"",
		"\"defaultAction\":\"SCMP_ACT_LOG\"",
		"\"defaultAction\":\"SCMP_ACT_ERRNO\"",
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":0",
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1",
		"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]",
		"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"]",
#define RULE(text) "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{" text "}]"
#define ARG(text) RULE("\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{" text "}]")
		RULE("\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\""),
		RULE("\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_KILL\""),
		RULE("\"names\":[\"readwrite\"],\"action\":\"SCMP_ACT_KILL\""),
		RULE("\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\""),
		RULE("\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":2"),
		ARG("\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\""),
		ARG("\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\""),
		ARG("\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\""),
		ARG("\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_NE\""),
		ARG("\"index\":0,\"value\":1,\"valueTwo\":1,\"op\":\"SCMP_CMP_EQ\""),
	};
	char names[ARRAY_LEN(profiles)][SECCOMP_CACHE_NAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		struct spec *spec = parse(profiles[i]);

		seccomp_cache_name(spec->seccomp, names[i]);
		spec_free(spec);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

/* Returns the only file in a directory. */
static void name_of_entry(const char *dir, char *name, size_t size)
{
	char command[128];
	FILE *list;

	snprintf(command, sizeof(command), "ls %s", dir);
	list = popen(command, "r");
	assert_non_null(list);
	assert_non_null(fgets(name, (int)size, list));
	name[strcspn(name, "\n")] = '\0';
	pclose(list);
}

static void test_broken_cache_entry_is_made_again(void **state)
{
	static const char profile[] = "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
				      "[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]";
	char dir[] = "/tmp/krun-unit-XXXXXX", name[128];
	struct seccomp_program program = { 0 };
	int dir_fd, fd;

	(void)state;
	skip_if_untried();
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	compile(profile, dir_fd, &program);
	seccomp_program_done(&program);
	name_of_entry(dir, name, sizeof(name));
	for (int round = 0; round < 4; round++) {
		/* Unchanged, truncated, overwritten with garbage, and with one wrong instruction. */
		fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		if (round == 1)
			assert_int_equal(ftruncate(fd, 13), 0);
		if (round == 2)
			assert_int_equal(write(fd, "nonsense, nonsense, nonsense", 28), 28);
		if (round == 3)
			assert_int_equal(pwrite(fd, "\x01", 1, 24), 1);
		close(fd);
		compile(profile, dir_fd, &program);
		assert_int_equal(run(&program, NATIVE_AUDIT, SYS_read, 0), SECCOMP_RET_KILL_THREAD);
		assert_int_equal(run(&program, NATIVE_AUDIT, SYS_write, 0), SECCOMP_RET_ALLOW);
		seccomp_program_done(&program);
	}
	unlinkat(dir_fd, name, 0);
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

/* As earlier versions wrote them: without a checksum. */
static void test_file_of_an_earlier_version(void **state)
{
	static const struct {
		char magic[8];
		uint32_t format, flags, len;
		struct sock_filter all;
	} file = { "krunbpf", 2, 0, 1, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	char dir[] = "/tmp/krun-unit-XXXXXX";
	struct seccomp_program loaded = { 0 };
	struct error err = { 0 };
	int dir_fd, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir_fd, "bpf", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	close(fd);
	assert_int_equal(seccomp_program_load(dir_fd, "bpf", &loaded, &err), 0);
	assert_int_equal(loaded.len, 1);
	assert_memory_equal(loaded.instructions, &file.all, sizeof(file.all));
	seccomp_program_done(&loaded);
	unlinkat(dir_fd, "bpf", 0);
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

static size_t count_files(const char *dir)
{
	DIR *list = opendir(dir);
	size_t count = 0;

	assert_non_null(list);
	for (struct dirent *entry; (entry = readdir(list));)
		count += entry->d_name[0] != '.';
	closedir(list);
	return count;
}

/* A new filter takes the place of another one, and is found the next time. */
static void test_a_filter_enters_a_full_cache(void **state)
{
	static const char profile[] = "\"defaultAction\":\"SCMP_ACT_ALLOW\"";
	char dir[] = "/tmp/krun-unit-XXXXXX", name[SECCOMP_CACHE_NAME];
	struct seccomp_program program = { 0 };
	struct spec *spec = parse(profile);
	int dir_fd;

	(void)state;
	skip_if_untried();
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < SECCOMP_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		close(openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	compile(profile, dir_fd, &program);
	seccomp_program_done(&program);
	assert_int_equal(count_files(dir), SECCOMP_CACHE_MAX);
	seccomp_cache_name(spec->seccomp, name);
	assert_int_equal(unlinkat(dir_fd, name, 0), 0);
	for (int i = 0; i < SECCOMP_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		unlinkat(dir_fd, name, 0);
	}
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
	spec_free(spec);
}

/* The oldest files go, whatever their names are; what is no file stays. */
static void test_the_cache_is_bounded(void **state)
{
	const struct timespec future[2] = { { .tv_sec = INT32_MAX }, { .tv_sec = INT32_MAX } };
	char dir[] = "/tmp/krun-unit-XXXXXX", name[16];
	int dir_fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir_fd, "directory", 0700), 0);
	/* The higher the number, the older, but the second of two has one nanosecond more. */
	for (int i = 0; i < SECCOMP_CACHE_MAX + 3; i++) {
		const struct timespec times[2] = { { .tv_sec = 1000 - i / 2, .tv_nsec = i % 2 },
						   { .tv_sec = 1000 - i / 2, .tv_nsec = i % 2 } };

		snprintf(name, sizeof(name), "%d", i);
		close(openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		assert_int_equal(utimensat(dir_fd, name, times, 0), 0);
	}
	/* A file from the time to come is the oldest, but for the one that was just made. */
	assert_int_equal(utimensat(dir_fd, "3", future, 0), 0);
	assert_int_equal(utimensat(dir_fd, "4", future, 0), 0);
	seccomp_cache_trim(dir_fd, "4");
	for (int i = 0; i < SECCOMP_CACHE_MAX + 3; i++) {
		const bool gone = i == 3 || i == SECCOMP_CACHE_MAX || i == SECCOMP_CACHE_MAX + 2;

		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(unlinkat(dir_fd, name, 0), gone ? -1 : 0);
	}
	assert_int_equal(unlinkat(dir_fd, "directory", AT_REMOVEDIR), 0);
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

static void test_the_kernel_is_asked(void **state)
{
	struct sock_filter fine[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
			   strict[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS) },
			   endless[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) },
			   beyond[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 400),
					BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	const struct {
		struct seccomp_program program;
		int result;
	} rows[] = {
		{ { .instructions = fine, .len = 1 }, 0 },
		{ { .instructions = fine, .len = 1, .flags = SECCOMP_FILTER_FLAG_TSYNC }, 0 },
		{ { .instructions = fine, .len = 1, .flags = 1U << 30 }, -EINVAL },
		{ { .instructions = fine, .len = 0 }, -EINVAL },
		/* The process cannot exit by itself. */
		{ { .instructions = strict, .len = 1 }, 0 },
		{ { .instructions = endless, .len = 1 }, -EINVAL },
		{ { .instructions = beyond, .len = 2 }, -EINVAL },
		{ { .instructions = endless, .len = 1, .notifies = true }, 0 },
	};

	(void)state;
	skip_if_untried();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };

		assert_int_equal(seccomp_try(&rows[i].program, &err), rows[i].result);
		if (rows[i].result < 0)
			assert_non_null(strstr(err.text, "/linux/seccomp: load the filter: "));
	}
	/* This process is unchanged, and no child is left. */
	assert_int_equal(prctl(PR_GET_SECCOMP), 0);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions_arguments_and_errno),
		cmocka_unit_test(test_errno_defaults_to_eperm),
		cmocka_unit_test(test_calls_newer_than_the_profile_get_enosys),
		cmocka_unit_test(test_notify_asks_for_a_listener),
		cmocka_unit_test(test_every_known_flag_is_used),
		cmocka_unit_test(test_an_unknown_flag_is_an_error),
		cmocka_unit_test(test_program_survives_a_file),
		cmocka_unit_test(test_file_of_others_is_refused),
		cmocka_unit_test(test_every_part_of_a_profile_is_in_the_name),
		cmocka_unit_test(test_broken_cache_entry_is_made_again),
		cmocka_unit_test(test_file_of_an_earlier_version),
		cmocka_unit_test(test_a_filter_enters_a_full_cache),
		cmocka_unit_test(test_the_cache_is_bounded),
		cmocka_unit_test(test_the_kernel_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
