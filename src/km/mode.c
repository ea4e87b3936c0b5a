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

/* In the rootfs, or among the mounts: `docker run -v /.kontain`. 1, 0, or a negative errno. */
static int has_marker(const struct spec *spec, int rootfs_fd)
{
	auto_close int fd = rootfs_fd < 0 ? -ENOENT : open_in_root(rootfs_fd, ".kontain", O_PATH);

	if (fd >= 0 || spec_mount_at(spec, "/.kontain"))
		return 1;
	return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
}

int mode_choose(enum program_name name, const struct spec *spec, int rootfs_fd, enum mode *ret)
{
	int wants_km;

	if (name == NAME_PLAIN || is_sandbox(spec))
		wants_km = 0;
	else if (name == NAME_KM || annotation_is(spec, KRUN_ANNOTATION_TRIGGER, "1"))
		wants_km = 1;
	else
		wants_km = has_marker(spec, rootfs_fd);
	*ret = wants_km ? MODE_KM : MODE_PLAIN;
	return wants_km < 0 ? wants_km : 0;
}

const char *mode_reason(enum program_name name, const struct spec *spec)
{
	if (name == NAME_PLAIN)
		return "krun was started under another name";
	if (is_sandbox(spec))
		return "a pause container of Kubernetes runs no program of the user";
	if (name == NAME_KM)
		return "krun was started under this name";
	return annotation_is(spec, KRUN_ANNOTATION_TRIGGER, "1") ?
		       "the annotation asks for km" :
		       "whether '/.kontain' is in the container decides";
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
