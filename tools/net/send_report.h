/* SPDX-License-Identifier: MIT */
/*
 * send_report - what became of many calls: a progress line and a table
 */
#ifndef HOOKDIR_SEND_REPORT_H
#define HOOKDIR_SEND_REPORT_H

#include "net/send_answer.h"
#include "hookdir/tool.h"

#define SEND_KINDS 32

struct send_report {
	unsigned long count; /* calls that were asked for */
	unsigned long done;
	float *seconds; /* owned: of each call that was answered */
	unsigned long answered;
	unsigned long verdicts[SEND_VERDICTS];
	/* The last one is for kinds that find no room. */
	struct send_kind {
		struct send_answer first; /* the first of its kind */
		unsigned long count;
	} kinds[SEND_KINDS];
	double begun, shown;
	bool progress; /* standard error is a terminal */
};

/* 0, or -1 and ERROR_MEMORY. send_report_free() is due in both cases. */
int send_report_init(
    struct send_report *report, unsigned long count, struct error *err);
void send_report_free(struct send_report *report);

/* One more answer; a send_done of send_http(), report is its context. */
void send_report_add(void *report, const struct send_answer *answer);

/* To standard output. Returns the exit code. */
int send_report_print(struct send_report *report);

#endif
