/* SPDX-License-Identifier: MIT */
/*
 * resolve_shim - LD_PRELOAD: names and addresses that are not there
 *
 * Names have the addresses that the test gives them, and no other name has
 * any. A connection to one of these addresses goes to a port of 127.0.0.1
 * instead; to any other but loopback it fails. So nothing ever leaves this
 * machine, and the log says what would have.
 *
 *	SHIM_NAMES	"name=address,address;name=address"
 *	SHIM_PORT	where connections to those addresses go
 *	SHIM_LOG	"loaded", "resolve NAME", "connect ADDRESS PORT",
 *			"send ADDRESS PORT", one a line
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
note(const char *fmt, ...)
{
	const char *path = getenv("SHIM_LOG");
	int saved = errno, fd, len;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		abort();
	(void)close(fd);
	errno = saved;
}

__attribute__((constructor)) static void
loaded(void)
{
	note("loaded\n");
}

/* An address as text; "" for one that is not of the internet. */
static int
describe(const struct sockaddr *to, char text[INET6_ADDRSTRLEN])
{
	text[0] = '\0';
	if (to->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)to;

		inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
		return ntohs(in->sin_port);
	}
	if (to->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)to;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
		return ntohs(in6->sin6_port);
	}
	return 0;
}

static int
is_loopback(const struct sockaddr *to)
{
	const struct sockaddr_in *in = (const void *)to;
	const struct sockaddr_in6 *in6 = (const void *)to;

	if (to->sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
	    (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
		in6->sin6_addr.s6_addr[12] == 127);
}

/* The next address of a name's list, and the list behind it. */
static const char *
next_address(const char *list, char address[INET6_ADDRSTRLEN])
{
	size_t len = strcspn(list, ",;");

	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return NULL;
	memcpy(address, list, len);
	address[len] = '\0';
	return list + len + (list[len] == ',');
}

/* The addresses of a name, or of the name= that begins at *at. */
static const char *
find_name(const char *name)
{
	const char *at = getenv("SHIM_NAMES");
	size_t len = strlen(name);

	while (at && *at) {
		if (strncasecmp(at, name, len) == 0 && at[len] == '=')
			return at + len + 1;
		at = strchr(at, ';');
		at += at != NULL;
	}
	return NULL;
}

static int
is_in_table(const char *text)
{
	const char *at = getenv("SHIM_NAMES"), *list;
	char address[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	int family;

	while (at && *at) {
		list = strchr(at, '=') + 1;
		while ((list = next_address(list, address)) != NULL) {
			family = strchr(address, ':') ? AF_INET6 : AF_INET;
			if (inet_pton(family, address, bytes) == 1 &&
			    inet_ntop(
				family, bytes, canonical, sizeof(canonical)) &&
			    strcmp(canonical, text) == 0)
				return 1;
		}
		at = strchr(at, ';');
		at += at != NULL;
	}
	return 0;
}

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = (int (*)(int,
	    const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
	const char *port = getenv("SHIM_PORT");
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];
	int number;

	if (to->sa_family != AF_INET && to->sa_family != AF_INET6)
		return real(fd, to, len);
	number = describe(to, text);
	note("connect %s %d\n", text, number);
	if (is_loopback(to))
		return real(fd, to, len);
	if (!port || !is_in_table(text)) {
		errno = ENETUNREACH;
		return -1;
	}
	in.sin_port = in6.sin6_port = htons((uint16_t)strtol(port, NULL, 10));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
	if (to->sa_family == AF_INET)
		return real(fd, (const void *)&in, sizeof(in));
	return real(fd, (const void *)&in6, sizeof(in6));
}

/* Where nobody is connected to: name servers, for one. */
static int
may_send(const struct sockaddr *to)
{
	char text[INET6_ADDRSTRLEN];
	int number;

	if (!to || (to->sa_family != AF_INET && to->sa_family != AF_INET6))
		return 1;
	number = describe(to, text);
	note("send %s %d\n", text, number);
	if (is_loopback(to))
		return 1;
	errno = ENETUNREACH;
	return 0;
}

ssize_t
sendto(int fd, const void *bytes, size_t len, int flags,
    const struct sockaddr *to, socklen_t to_len)
{
	ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *,
	    socklen_t) = (ssize_t(*)(int, const void *, size_t, int,
	    const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "sendto");

	return may_send(to) ? real(fd, bytes, len, flags, to, to_len) : -1;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) = (ssize_t(*)(
	    int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");

	return may_send(message->msg_name) ? real(fd, message, flags) : -1;
}

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int (*real)(int, struct mmsghdr *, unsigned, int) = (int (*)(
	    int, struct mmsghdr *, unsigned, int))dlsym(RTLD_NEXT, "sendmmsg");
	unsigned i;

	for (i = 0; i < count; i++)
		if (!may_send(messages[i].msg_hdr.msg_name))
			return -1;
	return real(fd, messages, count, flags);
}

/* One block, as freeaddrinfo() of the C library frees it, too. */
static struct addrinfo *
make_info(const char *address, int port, const struct addrinfo *hints)
{
	struct {
		struct addrinfo info;
		struct sockaddr_storage address;
	} *block = calloc(1, sizeof(*block));
	struct sockaddr_in *in;
	struct sockaddr_in6 *in6;

	if (!block)
		abort();
	in = (void *)&block->address;
	in6 = (void *)&block->address;
	block->info.ai_addr = (void *)&block->address;
	block->info.ai_socktype =
	    hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
	block->info.ai_protocol = IPPROTO_TCP;
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		block->info.ai_family = in->sin_family = AF_INET;
		block->info.ai_addrlen = sizeof(*in);
		in->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		block->info.ai_family = in6->sin6_family = AF_INET6;
		block->info.ai_addrlen = sizeof(*in6);
		in6->sin6_port = htons((uint16_t)port);
	} else {
		free(block);
		return NULL;
	}
	if (hints && hints->ai_family != AF_UNSPEC &&
	    hints->ai_family != block->info.ai_family) {
		free(block);
		return NULL;
	}
	return &block->info;
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	int port = service ? (int)strtol(service, NULL, 10) : 0;
	char address[INET6_ADDRSTRLEN];
	struct addrinfo **end = found;
	const char *list;

	*found = NULL;
	note("resolve %s\n", node ? node : "");
	list = node ? find_name(node) : NULL;
	while (list && (list = next_address(list, address)) != NULL) {
		*end = make_info(address, port, hints);
		if (*end)
			end = &(*end)->ai_next;
	}
	/* An address is its own name. */
	if (!*found && node)
		*found = make_info(node, port, hints);
	return *found ? 0 : EAI_NONAME;
}

void
freeaddrinfo(struct addrinfo *info)
{
	struct addrinfo *next;

	for (; info; info = next) {
		next = info->ai_next;
		free(info);
	}
}
