/* SPDX-License-Identifier: MIT */
/*
 * send_answer - what an answer means: is it hookdir's, and was it a yes?
 *
 * hookdir.fcgi(8) answers JSON: a 200 with "status" and "id", anything else
 * with "rule". Whatever else comes is from the web server or from another
 * program behind it, however good its status looks.
 */
#ifndef HOOKDIR_SEND_ANSWER_H
#define HOOKDIR_SEND_ANSWER_H

#include "base/buf.h"

enum send_verdict {
	SEND_ACCEPTED, /* or a duplicate of what was accepted before */
	SEND_REFUSED,  /* by hookdir: 4xx */
	SEND_FAULT,    /* of the receiver: 503, to be sent again */
	SEND_FOREIGN,  /* not hookdir's */
	SEND_NONE      /* there was none */
};
#define SEND_VERDICTS 5

struct send_answer {
	enum send_verdict verdict;
	long status; /* 0: there was none */
	double seconds;
	char kind[64];	  /* "accepted", "refused: signature-mismatch" */
	char detail[400]; /* text from outside, for tool_print() */
};

/* Fill in all but seconds. */
void send_answer_read(
    struct send_answer *answer, long status, struct span body);
/* The same for a sender whose calls are answered without a body. */
void send_answer_read_empty(
    struct send_answer *answer, long status, struct span body);
void send_answer_none(struct send_answer *answer, const char *why);

#endif
