/* SPDX-License-Identifier: MIT */
/*
 * pace - send messages at a fixed rate, and say how long each answer took
 *
 *     pace PORT PATH BODY-FILE CONNECTIONS RATE SECONDS
 *
 * Message n is due at n/RATE whatever became of those before. Its time runs
 * from when it was due, not from when it was sent: a server that stalls
 * shows up in every message that it made late (the mistake of leaving them
 * out is known as coordinated omission). A message that is due while no
 * connection is free waits for one, and that counts too. Connections are
 * kept. Prints "messages seconds p50 p99 slowest", times in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define PATIENCE	10.0 /* seconds for the last answers */

struct connection {
	int fd;
	bool busy;
	double due;
	char answer[4096];
	size_t have;
};

static struct connection connections[MAX_CONNECTIONS];
static struct connection *idle[MAX_CONNECTIONS];
static int idle_count, epoll;
static char *message;
static size_t message_size;
static double *times;
static long answered;

static void
fail(const char *what)
{
	(void)fprintf(
	    stderr, "pace: %s: %s\n", what, errno ? strerror(errno) : "");
	exit(1);
}

static double
seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The whole request, head and body, made once. */
static void
compose(const char *path, const char *body_file)
{
	static const char head[] = "POST %s HTTP/1.1\r\nHost: localhost\r\n"
				   "Content-Type: application/json\r\n"
				   "Content-Length: %ld\r\n\r\n";
	FILE *file = fopen(body_file, "rb");
	long size = -1;
	int used;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size < 0)
		fail(body_file);
	rewind(file);
	message = malloc(sizeof(head) + strlen(path) + 32 + (size_t)size);
	if (!message)
		fail("malloc");
	/* The terminating NUL is overwritten by the body. */
	used = snprintf(
	    message, sizeof(head) + strlen(path) + 32, head, path, size);
	message_size = (size_t)used + (size_t)size;
	if (fread(message + used, 1, (size_t)size, file) != (size_t)size)
		fail(body_file);
	(void)fclose(file);
}

static void
connect_one(struct connection *c, in_port_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		fail("connect");
	idle[idle_count++] = c;
}

/* Socket buffers of loopback take a message at once. */
static void
start_message(struct connection *c, double due)
{
	size_t done = 0;

	c->busy = true;
	c->due = due;
	c->have = 0;
	while (done < message_size) {
		ssize_t n = send(
		    c->fd, message + done, message_size - done, MSG_NOSIGNAL);

		if (n < 0)
			fail("send");
		done += (size_t)n;
	}
}

/* Bytes that a whole answer has, or 0 as long as nobody can tell. */
static size_t
answer_size(const struct connection *c)
{
	const char *end, *length;

	end = strstr(c->answer, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	if (length && length < end)
		return (size_t)(end + 4 - c->answer) +
		    strtoul(length + 17, NULL, 10);
	/* nginx sends what a handler says without a length in chunks. */
	end = strstr(end + 2, "\r\n0\r\n\r\n");
	return end ? (size_t)(end + 7 - c->answer) : 0;
}

static void
take_answer(struct connection *c)
{
	ssize_t n = recv(
	    c->fd, c->answer + c->have, sizeof(c->answer) - 1 - c->have, 0);
	size_t size;

	if (n <= 0)
		fail("recv");
	c->have += (size_t)n;
	c->answer[c->have] = '\0';
	size = answer_size(c);
	if (size == 0 || c->have < size)
		return;
	if (strncmp(c->answer, "HTTP/1.1 200 ", 13) != 0) {
		(void)fprintf(stderr, "pace: not 200:\n%s\n", c->answer);
		exit(1);
	}
	times[answered++] = (seconds_now() - c->due) * 1e6;
	c->busy = false;
	idle[idle_count++] = c;
}

/* Waits until something was answered, or the next message is due. */
static void
wait_until(double until)
{
	struct epoll_event events[64];
	double left = until - seconds_now();
	struct timespec limit = { 0, 0 };
	int i, n;

	if (left > 0) {
		limit.tv_sec = (time_t)left;
		limit.tv_nsec = (long)((left - (double)limit.tv_sec) * 1e9);
	}
	n = epoll_pwait2(epoll, events, 64, &limit, NULL);
	if (n < 0 && errno != EINTR)
		fail("epoll_wait");
	for (i = 0; i < n; i++)
		take_answer(events[i].data.ptr);
}

static void
send_all(double rate, long count)
{
	double start = seconds_now(), due, give_up;
	long sent = 0;

	while (sent < count) {
		due = start + (double)sent / rate;
		if (idle_count > 0 && seconds_now() >= due) {
			start_message(idle[--idle_count], due);
			sent++;
			continue;
		}
		/* Without a free connection only an answer helps. */
		wait_until(idle_count > 0 ? due : seconds_now() + PATIENCE);
	}
	give_up = seconds_now() + PATIENCE;
	while (answered < count) {
		if (seconds_now() > give_up) {
			errno = 0;
			fail("answers are missing");
		}
		wait_until(give_up);
	}
	(void)printf("%ld %.6f ", count, seconds_now() - start);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	double rate, seconds;
	long count, i, n;

	if (argc != 7) {
		(void)fputs("usage: pace PORT PATH BODY-FILE CONNECTIONS RATE "
			    "SECONDS\n",
		    stderr);
		return 2;
	}
	n = strtol(argv[4], NULL, 10);
	rate = strtod(argv[5], NULL);
	seconds = strtod(argv[6], NULL);
	count = (long)(rate * seconds);
	if (n < 1 || n > MAX_CONNECTIONS || count < 1)
		return 2;
	compose(argv[2], argv[3]);
	times = malloc((size_t)count * sizeof(*times));
	epoll = epoll_create1(0);
	if (!times || epoll < 0)
		fail("start");
	for (i = 0; i < n; i++)
		connect_one(
		    &connections[i], (in_port_t)strtoul(argv[1], NULL, 10));
	send_all(rate, count);
	qsort(times, (size_t)count, sizeof(*times), compare);
	(void)printf("%.0f %.0f %.0f\n", times[count / 2],
	    times[count * 99 / 100], times[count - 1]);
	return 0;
}
