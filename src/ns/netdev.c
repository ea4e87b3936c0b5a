/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { BUFFER = 32 * 1024, ADDRESSES_MAX = 64, ADDRESS_BYTES = 16, NAMES_MAX = 1024 };

struct address {
	unsigned char family, prefix_len;
	unsigned char local_len, peer_len, broadcast_len; /* 0: absent */
	char local[ADDRESS_BYTES], peer[ADDRESS_BYTES], broadcast[ADDRESS_BYTES];
};

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} body;
	char attributes[256];
};

/* A device that is being moved. */
struct move {
	const char *name; /* on the host */
	char new_name[IFNAMSIZ];
	int index;
	struct address addresses[ADDRESSES_MAX];
	size_t addresses_len;
};

/* ---- messages ------------------------------------------------------------------------------ */

static void add_attribute(struct request *request, unsigned short type, const void *data, size_t len)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), data, len);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (unsigned int)RTA_ALIGN(attribute->rta_len);
}

static struct request make_request(unsigned short type, unsigned short flags, size_t body_len)
{
	return (struct request){
		.header = {
			.nlmsg_len = (unsigned int)NLMSG_LENGTH(body_len),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
	};
}

static int send_request(int fd, const struct request *request)
{
	return send(fd, request, request->header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Sends a request and waits for the kernel's acknowledgement. */
static int change(int fd, struct request *request)
{
	char buffer[BUFFER];
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	ssize_t n;
	int r;

	request->header.nlmsg_flags |= NLM_F_ACK;
	r = send_request(fd, request);
	if (r < 0)
		return r;
	n = recv(fd, buffer, sizeof(buffer), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(header, (size_t)n) || header->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static void take_bytes(const struct rtattr *attribute, char *bytes, unsigned char *len)
{
	if (RTA_PAYLOAD(attribute) > ADDRESS_BYTES)
		return;
	*len = (unsigned char)RTA_PAYLOAD(attribute);
	memcpy(bytes, RTA_DATA(attribute), *len);
}

static void take_address(const struct nlmsghdr *header, struct move *move)
{
	const struct ifaddrmsg *body = NLMSG_DATA(header);
	const struct rtattr *attribute = IFA_RTA(body);
	unsigned int len = (unsigned int)IFA_PAYLOAD(header), flags = body->ifa_flags;
	struct address address = { .family = body->ifa_family, .prefix_len = body->ifa_prefixlen };

	if ((int)body->ifa_index != move->index || body->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	for (; RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len)) {
		if (attribute->rta_type == IFA_LOCAL)
			take_bytes(attribute, address.local, &address.local_len);
		else if (attribute->rta_type == IFA_ADDRESS)
			take_bytes(attribute, address.peer, &address.peer_len);
		else if (attribute->rta_type == IFA_BROADCAST)
			take_bytes(attribute, address.broadcast, &address.broadcast_len);
		else if (attribute->rta_type == IFA_FLAGS)
			memcpy(&flags, RTA_DATA(attribute), sizeof(flags));
	}
	if ((flags & IFA_F_PERMANENT) && move->addresses_len < ADDRESSES_MAX)
		move->addresses[move->addresses_len++] = address;
}

static int read_addresses(int fd, struct move *move)
{
	struct request request = make_request(RTM_GETADDR, NLM_F_DUMP, sizeof(request.body.address));
	char buffer[BUFFER];
	int r = send_request(fd, &request);

	while (r == 0) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		size_t left = n < 0 ? 0 : (size_t)n;

		if (n < 0)
			return -errno;
		for (const struct nlmsghdr *header = (const struct nlmsghdr *)buffer; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_type == NLMSG_DONE)
				return 0;
			if (header->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
			if (header->nlmsg_type == RTM_NEWADDR)
				take_address(header, move);
		}
	}
	return r;
}

static int add_address(int fd, int index, const struct address *address)
{
	struct request request =
		make_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(request.body.address));

	request.body.address.ifa_family = address->family;
	request.body.address.ifa_prefixlen = address->prefix_len;
	request.body.address.ifa_index = (unsigned int)index;
	if (address->local_len > 0)
		add_attribute(&request, IFA_LOCAL, address->local, address->local_len);
	if (address->peer_len > 0)
		add_attribute(&request, IFA_ADDRESS, address->peer, address->peer_len);
	if (address->broadcast_len > 0)
		add_attribute(&request, IFA_BROADCAST, address->broadcast, address->broadcast_len);
	return change(fd, &request);
}

static int set_up(int fd, int index)
{
	struct request request = make_request(RTM_NEWLINK, 0, sizeof(request.body.link));

	request.body.link.ifi_index = index;
	request.body.link.ifi_flags = IFF_UP;
	request.body.link.ifi_change = IFF_UP;
	return change(fd, &request);
}

static int send_away(int fd, const struct move *move, int netns_fd)
{
	struct request request = make_request(RTM_NEWLINK, 0, sizeof(request.body.link));

	request.body.link.ifi_index = move->index;
	add_attribute(&request, IFLA_NET_NS_FD, &netns_fd, sizeof(netns_fd));
	add_attribute(&request, IFLA_IFNAME, move->new_name, strlen(move->new_name) + 1);
	return change(fd, &request);
}

/* ---- one device ---------------------------------------------------------------------------- */

/* Returns the index of a device in the namespace of socket @fd, or -ENODEV. */
static int index_of(int fd, const char *name)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

/* For "eth%d" the first number is used that is free in the container. */
static int choose_name(int inside_fd, const char *wanted, struct move *move)
{
	const char *percent = strchr(wanted, '%');

	if (!percent) {
		snprintf(move->new_name, sizeof(move->new_name), "%s", wanted);
		return index_of(inside_fd, wanted) >= 0 ? -EEXIST : 0;
	}
	for (int number = 0; number < NAMES_MAX; number++) {
		int n = snprintf(move->new_name, sizeof(move->new_name), "%.*s%d%s", (int)(percent - wanted),
				 wanted, number, percent + 2);

		if (n >= IFNAMSIZ)
			return -ENAMETOOLONG;
		if (index_of(inside_fd, move->new_name) < 0)
			return 0;
	}
	return -EEXIST;
}

static int move_device(const struct spec_net_device *device, int host_fd, int inside_fd, int netns_fd,
		       struct error *err)
{
	const char *place = error_pointer("/linux/netDevices/%s", device->name);
	struct move move = { .name = device->name };
	int r;

	move.index = index_of(host_fd, move.name);
	if (move.index < 0)
		return error_sys_at(err, move.index, place, "find the device on the host");
	r = choose_name(inside_fd, device->new_name, &move);
	if (r == -EEXIST)
		return error_at(err, r, place, "the container already has a device '%s'", device->new_name);
	if (r == 0)
		r = read_addresses(host_fd, &move);
	if (r == 0)
		r = send_away(host_fd, &move, netns_fd);
	if (r < 0)
		return error_sys_at(err, r, place, "move the device into the container");
	/* The kernel may give the device another index in the other namespace. */
	move.index = index_of(inside_fd, move.new_name);
	r = move.index < 0 ? move.index : 0;
	for (size_t i = 0; r == 0 && i < move.addresses_len; i++)
		r = add_address(inside_fd, move.index, &move.addresses[i]);
	if (r == 0)
		r = set_up(inside_fd, move.index);
	return r < 0 ? error_sys_at(err, r, place, "set up the device in the container") : 0;
}

/* Opens a netlink socket in another network namespace and returns to the old one. */
static int open_inside(int netns_fd)
{
	auto_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd, r;

	if (own_fd < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	r = fd < 0 ? -errno : fd;
	if (setns(own_fd, CLONE_NEWNET) < 0) {
		r = -errno;
		if (fd >= 0)
			close(fd);
	}
	return r;
}

int netdev_move(const struct spec_net_device *devices, size_t len, int netns_fd, struct error *err)
{
	auto_close int host_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	auto_close int inside_fd = open_inside(netns_fd);

	if (host_fd < 0 || inside_fd < 0)
		return error_sys_at(err, host_fd < 0 ? -errno : inside_fd, "/linux/netDevices",
				    "open netlink sockets");
	for (size_t i = 0; i < len; i++) {
		int r = move_device(&devices[i], host_fd, inside_fd, netns_fd, err);

		if (r < 0)
			return r;
	}
	return 0;
}
