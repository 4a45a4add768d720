/* SPDX-License-Identifier: MIT */
/*
 * null - a FastCGI responder that does nothing but read and answer 200
 *
 *     null <listening-socket
 *
 * What is left of a call when verifying and storing cost nothing. 64 threads
 * on libfcgi, as libfcgi's own example has them: they accept and close as
 * libfcgi does, which hookdir does with less.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define THREADS 64

static pthread_mutex_t accepting = PTHREAD_MUTEX_INITIALIZER;

static int
accept_one(FCGX_Request *request)
{
	int rc;

	(void)pthread_mutex_lock(&accepting);
	rc = FCGX_Accept_r(request);
	(void)pthread_mutex_unlock(&accepting);
	return rc;
}

static void *
serve(void *unused)
{
	FCGX_Request request;
	char buf[16384];

	(void)unused;
	if (FCGX_InitRequest(&request, 0, 0) != 0)
		return NULL;
	while (accept_one(&request) == 0) {
		while (FCGX_GetStr(buf, sizeof(buf), request.in) > 0)
			;
		(void)FCGX_PutS("Status: 200 OK\r\n"
				"Content-Type: text/plain\r\n\r\nok\n",
		    request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int
main(void)
{
	pthread_t threads[THREADS];
	int i;

	if (FCGX_Init() != 0)
		return 1;
	/* libfcgi's own handler would wait for a call to end each thread. */
	(void)signal(SIGTERM, SIG_DFL);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, NULL) != 0) {
			(void)fputs("null: cannot start a thread\n", stderr);
			return 1;
		}
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return 0;
}
