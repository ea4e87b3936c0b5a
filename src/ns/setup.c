/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/setup.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/spec.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/*
 * Any socket will do, netdevice(7), but a kernel may lack some families and a filter
 * (RestrictAddressFamilies=) may forbid others.
 */
static int any_socket(void)
{
	static const int families[] = { AF_INET, AF_UNIX, AF_INET6, AF_NETLINK };
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < ARRAY_LEN(families); i++)
		fd = socket(families[i], (families[i] == AF_NETLINK ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			    0);
	return fd < 0 ? -errno : fd;
}

int ns_loopback_up(struct error *err)
{
	auto_close int fd = any_socket();
	struct ifreq request = { .ifr_name = "lo" };

	if (fd < 0)
		return error_sys(err, fd, "socket for the loopback interface");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_sys(err, -errno, "bring up the loopback interface");
	return 0;
}

int ns_enter_root(int root_fd, const struct file_id *known, struct error *err)
{
	struct stat st;

	if (stat("/", &st) < 0)
		return error_sys(err, -errno, "stat the root directory");
	if (file_id_matches(known, &st))
		return 0;
	if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return error_sys(err, -errno, "enter the container's root");
	return 0;
}

int ns_names_apply(const char *hostname, const char *domainname, struct error *err)
{
	if (hostname && sethostname(hostname, strlen(hostname)) < 0)
		return error_sys(err, -errno, "set hostname '%s'", hostname);
	if (domainname && setdomainname(domainname, strlen(domainname)) < 0)
		return error_sys(err, -errno, "set domainname '%s'", domainname);
	return 0;
}

static int write_offset(int proc_fd, const char *clock, const struct spec_time_offset *offset,
			struct error *err)
{
	char text[96];
	int r;

	if (!offset->set)
		return 0;
	snprintf(text, sizeof(text), "%s %lld %u\n", clock, (long long)offset->secs, offset->nanosecs);
	r = io_write_existing(proc_fd, "self/timens_offsets", text);
	if (r < 0)
		return error_sys(err, r, "set time offset of clock '%s'", clock);
	return 0;
}

int ns_time_offsets_apply(int proc_fd, const struct spec *spec, struct error *err)
{
	int r = write_offset(proc_fd, "monotonic", &spec->monotonic, err);

	return r < 0 ? r : write_offset(proc_fd, "boottime", &spec->boottime, err);
}
