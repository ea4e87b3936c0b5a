/* SPDX-License-Identifier: Apache-2.0 */

/* km, its devices and its settings; and CRIU, which does for other containers what km does for its own. */

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/internal.h"
#include "criu/call.h"
#include "json/findings.h"
#include "km/km.h"
#include "km/requirements.h"
#include "krun/files.h"
#include "state/runtime_options.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/excerpt.h"
#include "util/io.h"

enum { VERSION_MS = 2000, HELLO_MS = 20000, CPUINFO_MAX = 64 * 1024 };

/* What hello.c prints in the virtual machine. */
static const char hello_words[] = "hello from krun check";

/* ---- devices ----------------------------------------------------------------------------------------- */

/* 0, or the errno of the call that failed, whose name is in *ret_call. */
static int try_device(const char *path, const char **ret_call)
{
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
	int vm_fd;

	*ret_call = "open it";
	if (fd < 0)
		return -errno;
	*ret_call = "KVM_CREATE_VM";
	vm_fd = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm_fd < 0)
		return -errno;
	close(vm_fd);
	return 0;
}

/* What keeps the module of KVM from making its device. */
static const char *why_no_kvm(void)
{
	char *text = malloc(CPUINFO_MAX);
	const char *why;

	if (!text || io_read_start(AT_FDCWD, "/proc/cpuinfo", text, CPUINFO_MAX) < 0)
		why = "load the module kvm_intel or kvm_amd";
	else if (check_has_flag(text, "vmx"))
		why = "modprobe kvm_intel";
	else if (check_has_flag(text, "svm"))
		why = "modprobe kvm_amd";
	else if (check_has_flag(text, "hypervisor"))
		why = "this is a virtual machine whose host does not let it have others: switch on nested "
		      "virtualisation there, or use kkm, which needs none";
	else
		why = "switch on virtualisation (VT-x, AMD-V) in the firmware, or use kkm, which needs none";
	free(text);
	return why;
}

static const char *why_refused(const char *path, int code)
{
	if (code == -EACCES || code == -EPERM)
		return strcmp(path, "/dev/kvm") == 0 ?
			       "as root: usermod --append --groups kvm USER, and log in again" :
			       "as root: let this user open it (chmod 0666, or a udev rule)";
	if (code == -ENODEV || code == -ENXIO)
		return "load the module of the device";
	return "another program may hold it; dmesg may say more";
}

struct device {
	const char *path, *call;
	int code;
};

static void add_device(struct checking *checking, const struct device *device)
{
	const bool is_kvm = strcmp(device->path, "/dev/kvm") == 0;
	/* The report keeps names, and the settings end before it. */
	const char *name = is_kvm				 ? "/dev/kvm" :
			   strcmp(device->path, "/dev/kkm") == 0 ? "/dev/kkm" :
								   "device";
	/* One of them is enough. */
	const enum check_status bad = checking->has_device ? CHECK_WARNING : CHECK_MISSING;

	if (device->code == 0)
		check_add(checking, CHECK_OK, name, NULL, "%s makes virtual machines", device->path);
	else if (device->code == -ENOENT && checking->has_device)
		check_add(checking, CHECK_OK, name, NULL, "is not there, and is not needed");
	else if (device->code == -ENOENT)
		check_add(checking, bad, name,
			  is_kvm ? why_no_kvm() :
				   "install kkm: https://github.com/kontainapp/km, or use /dev/kvm",
			  "%s is not there", device->path);
	else
		check_add(checking, bad, name, why_refused(device->path, device->code), "%s: %s: %s",
			  device->path, device->call, error_reason(device->code));
}

static void check_devices(struct checking *checking, const struct km_settings *settings)
{
	struct device devices[] = { { .path = "/dev/kvm" }, { .path = "/dev/kkm" } };
	struct device chosen = { .path = settings->device };

	if (chosen.path) {
		chosen.code = try_device(chosen.path, &chosen.call);
		checking->has_device = chosen.code == 0;
		add_device(checking, &chosen);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		devices[i].code = try_device(devices[i].path, &devices[i].call);
		checking->has_device |= devices[i].code == 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		/* kkm takes the place of KVM where there is none: otherwise nothing is to be said of it. */
		if (i == 0 || devices[i].code != -ENOENT || devices[0].code == -ENOENT)
			add_device(checking, &devices[i]);
}

/* ---- km ---------------------------------------------------------------------------------------------- */

extern const char krun_hello_begin[], krun_hello_end[];

/* Writes the payload to a new file, because km looks up its path. Returns 0 or a negative errno. */
static int make_payload(char *path)
{
	int r, fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r = io_write_all(fd, krun_hello_begin, (size_t)(krun_hello_end - krun_hello_begin));
	if (r == 0 && fchmod(fd, 0700) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

/* The first was seen on Linux 6.18 (docs/km-acceptance.md). */
static const char *why_km_failed(const char *words)
{
	if (strstr(words, "vvar_vdso"))
		return "this km does not know this kernel: boot Linux 6.12 or older, or install a newer km";
	return "docs/km-acceptance.md has what was seen of km";
}

static void check_hello(struct checking *checking, const struct km_settings *settings)
{
	char payload[] = "/tmp/krun-check-XXXXXX", words[CHECK_WORDS_MAX];
	struct strv argv = { 0 };
	struct error err;
	int r = make_payload(payload);

	if (r < 0) {
		check_add(checking, CHECK_WARNING, "km runs", "make room in /tmp",
			  "not tried: write a program to '%s': %s", payload, error_reason(r));
		unlink(payload);
		return;
	}
	r = km_argv_make(
		settings->monitor, false, -1, NULL,
		&(struct km_payload){ .path = payload, .argv = (char *[]){ (char[]){ "hello" }, NULL } },
		&argv, &err);
	if (r == 0)
		r = check_run(argv.items, HELLO_MS, words);
	strv_done(&argv);
	unlink(payload);
	if (r == 0 && strstr(words, hello_words))
		check_add(checking, CHECK_OK, "km runs", NULL, "a program in a virtual machine said hello");
	else if (r < 0)
		check_add(checking, CHECK_MISSING, "km runs",
			  "if the machine is not just busy, the device does not work: see dmesg",
			  "a program in a virtual machine did not end: %s", error_reason(r));
	else
		check_add(checking, CHECK_MISSING, "km runs", why_km_failed(words),
			  "status %d, and km's last words: %s", r, check_last_line(words));
}

static const char get_km[] =
	"install km (https://github.com/kontainapp/km), or name another with \"kmPath\" in "
	"/etc/krun/krun.json";
static const char no_libc[] = "install km's runtime: programs that were linked to it need it, others do not";

static void check_monitor(struct checking *checking, const struct km_settings *settings)
{
	char *const argv[] = { settings->monitor, (char[]){ "--version" }, NULL };
	char words[CHECK_WORDS_MAX];
	struct error err;
	int r = km_check_monitor(settings, &err);

	if (r < 0) {
		/* The text of -ENOENT ends with the cure, which has a line of its own here. */
		check_add(checking, CHECK_MISSING, "km", get_km, r == -ENOENT ? "'%s' is not there" : "%s",
			  r == -ENOENT ? settings->monitor : err.text);
		return;
	}
	r = check_run(argv, VERSION_MS, words);
	if (r < 0)
		check_add(checking, CHECK_WARNING, "km", get_km, "'%s --version': %s", settings->monitor,
			  error_reason(r));
	else if (r > 0)
		check_add(checking, CHECK_WARNING, "km", get_km,
			  "'%s --version' ended with status %d, and its last words: %s", settings->monitor, r,
			  check_last_line(words));
	else
		check_add(checking, CHECK_OK, "km", NULL, "%s: %s", settings->monitor,
			  check_version_of(words));
	if (io_exists(settings->libc) == 0)
		check_add(checking, CHECK_WARNING, "libc.so", no_libc, "'%s' is not there", settings->libc);
	else if (km_check_libc(settings, &err) < 0)
		check_add(checking, CHECK_WARNING, "libc.so", no_libc, "%s", err.text);
	else
		check_add(checking, CHECK_OK, "libc.so", NULL, "%s", settings->libc);
	if (checking->has_device)
		check_hello(checking, settings);
}

/* ---- settings ---------------------------------------------------------------------------------------- */

/* Those of km's files have items of their own, and so has a processor that km does not run on. */
static bool is_other_item(const struct json_finding *finding)
{
	const char *pointer = finding->pointer;

	return strcmp(pointer, "/kmPath") == 0 || strcmp(pointer, "/libcPath") == 0 ||
	       strcmp(pointer, "/device") == 0 || (!*pointer && finding->severity == JSON_UNSUPPORTED);
}

/* Writes ":LINE:COLUMN", or "" when that is not known. */
static void put_place(const struct json_findings *findings, const struct json_finding *finding, char *out,
		      size_t size)
{
	struct excerpt_place place;

	*out = '\0';
	if (!findings->text || finding->len == 0)
		return;
	place = excerpt_place_of(findings->text, findings->size, finding->offset);
	snprintf(out, size, ":%zu:%zu", place.line, place.column);
}

static void add_findings(struct checking *checking, const char *file, const struct json_findings *findings)
{
	char place[64];
	bool any = false;

	for (size_t i = 0; i < findings->len; i++) {
		const struct json_finding *finding = &findings->items[i];

		if (is_other_item(finding))
			continue;
		any = true;
		put_place(findings, finding, place, sizeof(place));
		check_add(checking,
			  finding->severity == JSON_ERROR || finding->severity == JSON_UNSUPPORTED ?
				  CHECK_MISSING :
				  CHECK_WARNING,
			  "settings", "correct the file: man krun.json", "%s%s: %s%s%s", file, place,
			  finding->pointer, finding->pointer[0] ? ": " : "", finding->reason);
	}
	if (!any)
		check_add(checking, CHECK_OK, "settings", NULL, "%s%s", file,
			  io_exists(file) == 0 ? " is not there: the defaults hold" : "");
}

void check_host_km(struct checking *checking)
{
	const char *file = checking->runtime->config_file;
	struct json_findings findings = { 0 };
	struct km_settings settings;
	struct error err;
	int r;

	if (checking->km && km_check_processor(&err) < 0) {
		check_add(checking, CHECK_MISSING, "processor", "use krun-plain, which needs no km", "%s",
			  err.text);
		return;
	}
	r = km_settings_check(file, &findings, &err);
	if (r < 0)
		check_add(checking, CHECK_MISSING, "settings", "correct the file: man krun.json", "%s",
			  err.text);
	json_findings_locate(&findings);
	if (r == 0)
		add_findings(checking, file ? file : KM_SETTINGS_FILE, &findings);
	json_findings_done(&findings);
	if (!checking->km || km_settings_load(file, &settings, &err) < 0)
		return;
	check_devices(checking, &settings);
	check_monitor(checking, &settings);
	km_settings_done(&settings);
}

/* ---- CRIU -------------------------------------------------------------------------------------------- */

void check_criu(struct checking *checking)
{
	auto_free char *program = NULL;
	unsigned int version;
	struct error err;

	if (criu_find(checking->runtime->criu, &program, &err) < 0 ||
	    criu_check_version(program, &version, &err) < 0)
		check_add(checking, CHECK_WARNING, "CRIU",
			  "install CRIU (https://criu.org); under km checkpoints do not need it", "%s",
			  err.text);
	else
		check_add(checking, CHECK_OK, "CRIU", NULL, "%s, version %u.%u", program, version / 10000,
			  version / 100 % 100);
}
