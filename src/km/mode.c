/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "km/km.h"
#include "krun/annotations.h"
#include "spec/place.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"

#include <fcntl.h>

enum program_name program_name_parse(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;

	if (strncmp(name, "krun", 4) != 0 || strcmp(name, "krun-plain") == 0)
		return NAME_PLAIN;
	return strcmp(name, "krun-label-trigger") == 0 ? NAME_LABEL_TRIGGER : NAME_KM;
}

static bool annotation_is(const struct spec *spec, const char *key, const char *value)
{
	const char *have = spec_annotation(spec, key);

	return have && strcmp(have, value) == 0;
}

/* A pause container only holds a pod's namespaces, and runs no program of the user. */
static bool is_sandbox(const struct spec *spec)
{
	return annotation_is(spec, KRUN_ANNOTATION_CRI_KIND, "sandbox") ||
	       annotation_is(spec, KRUN_ANNOTATION_CRIO_KIND, "sandbox");
}

/* In the rootfs, or among the mounts: `docker run -v /.kontain`. */
static bool has_marker(const struct spec *spec, int rootfs_fd)
{
	auto_close int fd = rootfs_fd < 0 ? -1 : open_in_root(rootfs_fd, ".kontain", O_PATH);

	return fd >= 0 || spec_mount_at(spec, "/.kontain");
}

enum mode mode_choose(enum program_name name, const struct spec *spec, int rootfs_fd)
{
	if (name == NAME_PLAIN || is_sandbox(spec))
		return MODE_PLAIN;
	if (name == NAME_KM || annotation_is(spec, KRUN_ANNOTATION_TRIGGER, "1") ||
	    has_marker(spec, rootfs_fd))
		return MODE_KM;
	return MODE_PLAIN;
}

static const char *const mode_words[] = {
	[MODE_PLAIN] = "plain",
	[MODE_KM] = "km",
};
static int find(const char *word, const char *const words[2])
{
	for (int i = 0; i < 2; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -EINVAL;
}

const char *mode_word(enum mode mode)
{
	return mode_words[mode];
}

int mode_parse(const char *word, enum mode *ret)
{
	int i = find(word, mode_words);

	if (i >= 0)
		*ret = (enum mode)i;
	return i < 0 ? i : 0;
}
