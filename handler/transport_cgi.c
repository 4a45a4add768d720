/* SPDX-License-Identifier: MIT */
/*
 * transport_cgi - one request in the environment and on standard input
 * (RFC 3875)
 */
#include "transport_cgi.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "serve.h"

struct connection {
	int64_t wait;	  /* microseconds */
	int64_t deadline; /* clock_monotonic() */
	bool late;	  /* it has passed */
	uint64_t unread;  /* bytes that may still come */
	bool end_decides; /* nothing else says that the body is whole */
};

/* Is the descriptor ready, before its time is over? */
static bool
wait_for(struct connection *c, int fd, short events)
{
	const struct timespec pause = { 0, 10000000 };
	struct pollfd poller = { fd, events, 0 };
	int64_t left;
	int rc;

	do {
		left = c->deadline - clock_monotonic();
		c->late = left <= 0;
		if (c->late)
			return false;
		rc = poll(&poller, 1, (int)(left / 1000) + 1);
		/* Short of memory is our fault, and may pass. */
		if (rc < 0 && errno != EINTR)
			(void)nanosleep(&pause, NULL);
	} while (rc <= 0);
	return true;
}

/*
 * When a body breaks off, Apache closes both ends and sends SIGTERM a little
 * later. Its end looks like that of a whole body, but no process waits for an
 * answer any more.
 */
static bool
answer_is_wanted(void)
{
	struct pollfd poller = { STDOUT_FILENO, POLLOUT, 0 };

	return poll(&poller, 1, 0) >= 0 &&
	    !(poller.revents & (POLLERR | POLLHUP));
}

static ssize_t
cgi_read(void *connection, char *to, size_t len)
{
	struct connection *c = connection;
	size_t done = 0;
	ssize_t got;

	while (done < len) {
		if (!wait_for(c, STDIN_FILENO, POLLIN))
			return -1;
		got = read(STDIN_FILENO, to + done, len - done);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0 ||
		    (got == 0 && c->end_decides && !answer_is_wanted()))
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	c->unread = done < len ? 0 : c->unread - done;
	return (ssize_t)done;
}

static int
cgi_write(void *connection, const char *bytes, size_t len)
{
	ssize_t done;

	while (len) {
		if (!wait_for(connection, STDOUT_FILENO, POLLOUT))
			return -1;
		done = write(STDOUT_FILENO, bytes, len);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done <= 0)
			return -1;
		bytes += done;
		len -= (size_t)done;
	}
	return 0;
}

/*
 * A body that nobody wanted is read all the same, for as long as a peer may
 * stall: Apache loses the answer of a program that leaves it standing. The
 * answer is complete before, so that nobody waits for that.
 */
static int
cgi_finish(void *connection)
{
	struct connection *c = connection;
	char discarded[65536];
	size_t piece;
	int rc;

	/*
	 * Apache ends a program whose answer is complete; the log line is
	 * still to come. Not before: a body that was cut off shows in that
	 * signal sooner than in its end.
	 */
	(void)signal(SIGTERM, SIG_IGN);
	/* Input and output can be two names of one socket. */
	(void)shutdown(STDOUT_FILENO, SHUT_WR);
	rc = close(STDOUT_FILENO);
	c->deadline = clock_monotonic() + c->wait;
	while (c->unread) {
		piece = c->unread < sizeof(discarded) ? (size_t)c->unread
						      : sizeof(discarded);
		if (cgi_read(c, discarded, piece) < 0)
			break;
	}
	return rc < 0 ? -1 : 0;
}

static void
cgi_turn(void *connection, enum turn turn, int64_t deadline)
{
	struct connection *c = connection;

	if (turn != TURN_OURS)
		c->deadline = deadline;
}

static bool
cgi_is_late(void *connection)
{
	return ((struct connection *)connection)->late;
}

/*
 * RFC 3875 4.2 promises no end of file after CONTENT_LENGTH. A pipe and a
 * local socket, as Apache uses, have one all the same; the connection of the
 * client itself, handed on by some small servers, stays open.
 */
static bool
input_has_end(void)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	return getsockname(STDIN_FILENO, (struct sockaddr *)&address, &len) <
	    0 ||
	    address.ss_family == AF_UNIX;
}

bool
transport_cgi_present(void)
{
	return getenv("REQUEST_METHOD") != NULL;
}

int
transport_cgi_run(int wait)
{
	const char *length = getenv("CONTENT_LENGTH");
	/* RFC 3875 4.1.2: without one the end of input counts. */
	bool known = length && *length && strcmp(length, "-1") != 0;
	const struct transport transport = {
		.read = cgi_read,
		.write = cgi_write,
		.finish = cgi_finish,
		.turn = cgi_turn,
		.is_late = cgi_is_late,
		.has_end = input_has_end(),
	};
	struct connection c = { .wait = (int64_t)wait * 1000000,
		.unread = UINT64_MAX };
	struct request rq = { .transport = &transport,
		.connection = &c,
		.params = environ,
		.started = clock_monotonic(),
		.wait = c.wait };

	/* Under a coding the length may be that of something else. */
	c.end_decides = !known || getenv("HTTP_CONTENT_ENCODING") != NULL;
	/* Of a length that is no number nothing is read, see request.c. */
	if (!transport.has_end && known &&
	    !number_read(span_of(length), UINT64_MAX, &c.unread))
		c.unread = 0;
	c.deadline = rq.started + rq.wait;
	serve(&rq);
	return 0;
}
