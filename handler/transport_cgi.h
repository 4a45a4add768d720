/* SPDX-License-Identifier: MIT */
/*
 * transport_cgi - one request in the environment and on standard input
 * (RFC 3875)
 */
#ifndef HOOKDIR_TRANSPORT_CGI_H
#define HOOKDIR_TRANSPORT_CGI_H

#include <stdbool.h>

/* Has a web server started us for one request? */
bool transport_cgi_present(void);

/*
 * Serve it. wait is how many seconds the peer may take; see request.h.
 * Always 0: what went wrong is in the answer.
 */
int transport_cgi_run(int wait);

#endif
