/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes what was relocated at start (tables of pointers, PT_GNU_RELRO) read-only before main() runs. GNU's C
 * library and every loader do that; in a static program musl relocates and leaves the tables writable.
 */

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int protect(struct dl_phdr_info *program, size_t size, void *data)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)data;
	for (size_t i = 0; i < program->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &program->dlpi_phdr[i];
		uintptr_t begin = (program->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		uintptr_t end = (program->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);

		if (segment->p_type == PT_GNU_RELRO && begin < end &&
		    mprotect((void *)begin, end - begin, PROT_READ) < 0)
			return -1;
	}
	/* The first one is the program, and a static program has no others. */
	return 1;
}

__attribute__((constructor)) static void protect_relocated(void)
{
	if (dl_iterate_phdr(protect, NULL) >= 0)
		return;
	dprintf(STDERR_FILENO, "krun: cannot make its own tables read-only: %m\n");
	_exit(1);
}
