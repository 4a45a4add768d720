/* SPDX-License-Identifier: MIT */
/*
 * transport_fcgi - requests from a listening socket, on many threads
 *
 * We accept ourselves and hand libfcgi the connection, because its own
 * accept loses requests at SIGTERM, waits two seconds for silent peers and
 * ends the program when descriptors run out. A request that has been
 * accepted is always served; one that has not stays in the listener's
 * queue for the next process.
 *
 * The threads block the signals that mean stop. The main thread waits for
 * these, and looks after peers that stall.
 */
#include "transport_fcgi.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "budget.h"
#include "base/clock.h"
#include "listener.h"
#include "log.h"
#include "serve.h"
#include "watchdog.h"

#define STACK_SIZE    (512 * 1024)
#define SCAN_SECONDS  1
#define BUSY_TIME     1500000	/* microseconds */
#define STOP_TIME     1500000	/* microseconds */
#define DRAIN_TIME    2000000	/* microseconds */
#define SOON	      200000000 /* nanoseconds: the next scan when it matters */
#define HEADERS_LARGE 65536

struct server {
	struct fcgi_options options;
	struct listener listener;
	int64_t wait; /* microseconds */

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t ended;
	int running, idle, started;
	bool broken;

	_Atomic bool trim; /* memory of large headers may be free */

	struct watch *watches; /* one a thread */
	pthread_t *threads;    /* those that were started */
};

struct worker {
	struct server *server;
	struct watch *watch;
};

struct connection {
	FCGX_Request fcgi;
	struct watch *watch;
	bool at_end; /* all that the peer sends was read */
};

static ssize_t
fcgi_read(void *connection, char *to, size_t len)
{
	struct connection *c = connection;
	int got = FCGX_GetStr(to, (int)len, c->fcgi.in);

	if (got > 0)
		return got;
	/* What came before an error counts; the next call tells of it. */
	c->at_end = FCGX_GetError(c->fcgi.in) == 0;
	return c->at_end ? 0 : -1;
}

static int
fcgi_write(void *connection, const char *bytes, size_t len)
{
	struct connection *c = connection;

	return FCGX_PutStr(bytes, (int)len, c->fcgi.out) == (int)len ? 0 : -1;
}

/*
 * Ends the request but frees nothing: parameters are still looked at for
 * the log. The stream that is closed last carries the end of the request.
 */
static int
fcgi_finish(void *connection)
{
	struct connection *c = connection;
	int rc;

	(void)FCGX_FClose(c->fcgi.err);
	rc = FCGX_FClose(c->fcgi.out);
	watch_turn(c->watch, TURN_OURS, 0);
	return rc == 0 ? 0 : -1;
}

static void
fcgi_turn(void *connection, enum turn turn, int64_t deadline)
{
	watch_turn(((struct connection *)connection)->watch, turn, deadline);
}

static bool
fcgi_is_late(void *connection)
{
	return atomic_load(&((struct connection *)connection)->watch->late);
}

static void
fcgi_cut(void *connection)
{
	watch_cut(((struct connection *)connection)->watch);
}

static const struct transport transport_fcgi = {
	.read = fcgi_read,
	.write = fcgi_write,
	.finish = fcgi_finish,
	.turn = fcgi_turn,
	.is_late = fcgi_is_late,
	.cut = fcgi_cut,
	.has_end = true,
};

/*
 * A peer that is still sending when its connection is closed may not get to
 * read the answer: nginx and Apache give one of their own when they cannot
 * send on. So what it sends is read, until it has closed its end.
 */
static void
drain(struct watch *watch, int fd)
{
	const int64_t until = clock_monotonic() + DRAIN_TIME;
	struct pollfd poller = { fd, POLLIN, 0 };
	char discarded[16384];
	int64_t left;

	watch_leave(watch, until);
	(void)shutdown(fd, SHUT_WR);
	do {
		left = until - clock_monotonic();
	} while (left > 0 && poll(&poller, 1, (int)(left / 1000) + 1) > 0 &&
	    read(fd, discarded, sizeof(discarded)) > 0);
}

/*
 * libfcgi has closed its streams and only frees them here: its own close
 * waits without a limit. A peer that has sent all of its request need not be
 * waited for; should it send more, it is nothing that nginx or Apache send.
 */
static void
finish(struct connection *c)
{
	int fd = c->fcgi.ipcFd;

	c->fcgi.ipcFd = -1;
	FCGX_Finish_r(&c->fcgi);
	if (!c->at_end)
		drain(c->watch, fd);
	(void)close(fd);
}

/*
 * libfcgi keeps each parameter in a piece of its own, which malloc does not
 * give back to the system by itself.
 */
static bool
has_large_headers(char *const *params)
{
	size_t sum = 0;

	for (; *params; params++)
		sum += strlen(*params);
	return sum > HEADERS_LARGE;
}

/* One connection, one request: we do not keep connections. */
static void
serve_connection(struct server *server, struct watch *watch, int fd)
{
	struct connection c = { .watch = watch };
	struct request rq = { .transport = &transport_fcgi,
		.connection = &c,
		.started = clock_monotonic(),
		.wait = server->wait };
	bool trim = false;

	watch_start(watch, rq.started + rq.wait);
	/* No listener: libfcgi gives up when the connection is no good. */
	(void)FCGX_InitRequest(&c.fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	c.fcgi.ipcFd = fd;
	/* Else FCGX_Accept_r() begins by closing what it thinks was before. */
	c.fcgi.keepConnection = 1;
	if (FCGX_Accept_r(&c.fcgi) == 0) {
		c.fcgi.keepConnection = 0;
		rq.params = c.fcgi.envp;
		/* Cut-off parameters look like a request with few of them. */
		rq.broken = FCGX_GetError(c.fcgi.in) != 0 ||
		    c.fcgi.role != FCGI_RESPONDER;
		trim = has_large_headers(rq.params);
		serve(&rq);
		finish(&c);
	} else {
		log_event(LOG_PRIORITY_WARNING, "connection-dropped",
		    "not a FastCGI request");
	}
	watch_stop(watch);
	if (trim)
		atomic_store(&server->trim, true);
}

static void start_worker(struct server *server);

/* Wait for the next connection; see to it that somebody waits after us. */
static int
next_connection(struct server *server)
{
	int fd = listener_accept(&server->listener);

	(void)pthread_mutex_lock(&server->lock);
	server->idle--;
	if (fd >= 0 && server->idle == 0 &&
	    server->started < server->options.threads)
		start_worker(server);
	server->broken |= fd == LISTENER_BROKEN;
	(void)pthread_mutex_unlock(&server->lock);
	return fd;
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct server *server = worker->server;
	int fd;

	while ((fd = next_connection(server)) >= 0) {
		serve_connection(server, worker->watch, fd);
		(void)pthread_mutex_lock(&server->lock);
		server->idle++;
		(void)pthread_mutex_unlock(&server->lock);
	}
	free(worker);
	(void)pthread_mutex_lock(&server->lock);
	server->running--;
	(void)pthread_cond_signal(&server->ended);
	(void)pthread_mutex_unlock(&server->lock);
	return NULL;
}

/*
 * The caller holds server->lock. Without memory or threads left things go
 * on with those there are.
 */
static void
start_worker(struct server *server)
{
	struct worker *worker = malloc(sizeof(*worker));
	pthread_attr_t attr;

	if (!worker || pthread_attr_init(&attr) != 0) {
		free(worker);
		return;
	}
	worker->server = server;
	worker->watch = &server->watches[server->started];
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(
		&server->threads[server->started], &attr, work, worker) == 0) {
		server->started++;
		server->running++;
		server->idle++;
	} else {
		free(worker);
	}
	(void)pthread_attr_destroy(&attr);
}

/* The signals that mean: finish and go. */
static void
stop_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGUSR1);
}

static int
server_init(struct server *server, const struct fcgi_options *options)
{
	pthread_condattr_t steady;
	int i;

	memset(server, 0, sizeof(*server));
	server->options = *options;
	server->wait = (int64_t)options->wait * 1000000;
	(void)pthread_mutex_init(&server->lock, NULL);
	/* Not the clock on the wall: that one can be set. */
	(void)pthread_condattr_init(&steady);
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&server->ended, &steady);
	(void)pthread_condattr_destroy(&steady);
	server->watches =
	    calloc((size_t)options->threads, sizeof(*server->watches));
	server->threads =
	    calloc((size_t)options->threads, sizeof(*server->threads));
	if (!server->watches || !server->threads ||
	    listener_init(&server->listener, options->listener) < 0 ||
	    FCGX_Init() != 0) {
		log_event(
		    LOG_PRIORITY_ERROR, "start-failed", strerrordesc_np(errno));
		return -1;
	}
	/* libfcgi has put a handler of its own there. */
	(void)signal(SIGPIPE, SIG_IGN);
	watchdog_init();
	for (i = 0; i < options->threads; i++)
		watch_init(&server->watches[i]);
	return 0;
}

/* Until a signal comes, or nothing more can be accepted. */
static void
wait_for_signal(struct server *server, const sigset_t *signals)
{
	const struct timespec second = { SCAN_SECONDS, 0 };
	const struct timespec soon = { 0, SOON };
	size_t count = (size_t)server->options.threads;
	bool broken = false, busy = false;

	while (!broken &&
	    sigtimedwait(signals, NULL, busy ? &soon : &second) < 0) {
		(void)pthread_mutex_lock(&server->lock);
		broken = server->broken;
		busy = server->idle == 0 &&
		    server->started == server->options.threads;
		(void)pthread_mutex_unlock(&server->lock);
		/* Slow peers must not keep the others waiting for a thread. */
		watchdog_scan(server->watches, count,
		    busy ? clock_monotonic() - BUSY_TIME : INT64_MIN);
		if (atomic_exchange(&server->trim, false))
			(void)malloc_trim(0);
	}
}

/*
 * Let every thread finish the request it has. A peer that has its answer is
 * let go at once, and one that still sends has STOP_TIME at most: until the
 * last one is done no new process serves the others, and what has not arrived
 * was not promised. Storing and answering keep their time.
 */
static void
wait_for_workers(struct server *server)
{
	int64_t limit = clock_monotonic() + STOP_TIME;
	bool over = false;
	struct timespec until;
	int i;

	listener_stop(&server->listener);
	(void)pthread_mutex_lock(&server->lock);
	while (server->running > 0) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += SOON;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		(void)pthread_cond_timedwait(
		    &server->ended, &server->lock, &until);
		watchdog_scan(server->watches, (size_t)server->options.threads,
		    over ? INT64_MAX : WATCH_LEAVING);
		over = clock_monotonic() >= limit;
		if (over)
			budget_stop();
	}
	(void)pthread_mutex_unlock(&server->lock);
	for (i = 0; i < server->started; i++)
		(void)pthread_join(server->threads[i], NULL);
}

int
transport_fcgi_run(const struct fcgi_options *options)
{
	struct server server;
	sigset_t signals;
	bool begun;

	stop_signals(&signals);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (server_init(&server, options) < 0)
		return -1;
	(void)pthread_mutex_lock(&server.lock);
	start_worker(&server);
	begun = server.running > 0;
	(void)pthread_mutex_unlock(&server.lock);
	if (!begun) {
		log_event(LOG_PRIORITY_ERROR, "start-failed", "no thread");
		return -1;
	}
	wait_for_signal(&server, &signals);
	wait_for_workers(&server);
	free(server.watches);
	free(server.threads);
	return server.broken ? -1 : 0;
}
