/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The entry point of the static program, which makes the start cheaper in two ways.
 *
 * It does the first way of protect_program() before anything else has run: otherwise relocation and the
 * start of libc would happen twice. After a failure protect_program() tries again, and reports errors.
 * (To map the segments again from the read-only mount, and to name that to the kernel by PR_SET_MM_MAP,
 * instead of executing it, took as long: docs/PERFORMANCE.md.)
 *
 * And the kernel gives this process its own copy of the data that libc's start writes to, the relocated
 * tables first of all, in one call instead of a page fault for each page.
 *
 * Here no relocation is applied and there is no thread pointer and no libc. So the code makes system
 * calls by hand, and has no data that the linker relocates (tables of pointers) and no stack protector
 * (src/meson.build).
 */

#include <asm/unistd.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <stdint.h>
#include <unistd.h>

/* Linux 5.14, asm-generic/mman-common.h; the C library's headers may be older. An older kernel refuses it. */
#define POPULATE_WRITE 23

/* x86_64 has no other size. */
#define PAGE 4096ul

/* The linker's name for the begin of the file in memory. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

__attribute__((used, visibility("hidden"))) void krun_before_libc(long *stack);

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * Searches all arguments without parsing options. A false match costs only time, and a command that needs
 * protection always matches.
 */
static int may_enter_container(char *const *argv)
{
	for (; *argv; argv++)
		if (equal(*argv, "create") || equal(*argv, "run") || equal(*argv, "exec") ||
		    equal(*argv, "mounts") || equal(*argv, "checkpoint") || equal(*argv, "restore"))
			return 1;
	return 0;
}

/*
 * True if protect() has executed this file, a read-only mount by itself, or if the caller may not
 * write the file.
 */
static int is_protected(const char *self)
{
	long r = call(__NR_faccessat2, AT_FDCWD, (long)self, W_OK, AT_EACCESS, 0);
	struct statx st;

	if (r != -EROFS)
		return r < 0;
	return call(__NR_statx, AT_FDCWD, (long)self, 0, STATX_NLINK, (long)&st) < 0 ||
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || st.stx_nlink == 0;
}

static void populate_data(void)
{
	const char *const file = (const char *)&__ehdr_start;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(file + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++, segment++) {
		const unsigned long begin = ((unsigned long)file + segment->p_vaddr) & ~(PAGE - 1);
		const unsigned long end = (unsigned long)file + segment->p_vaddr + segment->p_filesz;

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W))
			call(__NR_madvise, (long)begin, (long)((end - begin + PAGE - 1) & ~(PAGE - 1)),
			     POPULATE_WRITE, 0, 0);
	}
}

static void protect(long *stack)
{
	char *const *argv = (char *const *)(stack + 1), *const *env = argv + stack[0] + 1;
	const char *const self = "/proc/self/exe";
	struct mount_attr attr;
	long tree_fd;

	if (!may_enter_container(argv) || is_protected(self))
		return;
	tree_fd = call(__NR_open_tree, AT_FDCWD, (long)self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
	if (tree_fd < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = 0;
	attr.propagation = 0;
	attr.userns_fd = 0;
	if (call(__NR_mount_setattr, tree_fd, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0)
		call(__NR_execveat, tree_fd, (long)"", (long)argv, (long)env, AT_EMPTY_PATH);
	call(__NR_close, tree_fd, 0, 0, 0, 0);
}

void krun_before_libc(long *stack)
{
	protect(stack);
	populate_data();
}

/* _start needs the kernel's stack and rdx unchanged. */
__asm__(".globl krun_start\n"
	".type krun_start, @function\n"
	"krun_start:\n"
	"	mov %rsp, %rdi\n"
	"	push %rdx\n"
	"	sub $8, %rsp\n"
	"	call krun_before_libc\n"
	"	add $8, %rsp\n"
	"	pop %rdx\n"
	"	jmp _start\n");
