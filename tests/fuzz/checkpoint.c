/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "checkpoint/criu_files.h"
#include "checkpoint/directory.h"
#include "util/error.h"

/* A directory of images that is not trusted. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct checkpoint_criu criu = { 0 };
	struct checkpoint image;
	struct error err;
	int r;

	fuzz_tree_make(data, size);
	r = checkpoint_open(fuzz_directory_path(), &image, &err);
	fuzz_require_error(r, &err);
	if (r == 0) {
		fuzz_require(image.kind == CHECKPOINT_CRIU || image.snapshot_fd >= 0);
		fuzz_require(!image.cwd || image.cwd[0] == '/');
		fuzz_require(image.umask >= -1 && image.umask <= 0777);
		checkpoint_done(&image);
	}
	r = checkpoint_criu_read(fuzz_directory(), &criu, &err);
	fuzz_require_error(r, &err);
	checkpoint_criu_done(&criu);
	fuzz_tree_remove();
}
