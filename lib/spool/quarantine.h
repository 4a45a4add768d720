/* SPDX-License-Identifier: MIT */
/*
 * quarantine - keep calls that did not verify, within bounds
 *
 * Anybody on the network can fill it, so it is bounded five ways: in disk
 * blocks; in files; by the room that the file system has left; for each
 * caller, to a quarter of both; and for calls that lack the form of their
 * sender, to half of both.
 */
#ifndef HOOKDIR_QUARANTINE_H
#define HOOKDIR_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

/* What became of a call that did not verify. */
enum quarantined {
	QUARANTINE_NOT_MEANT, /* it did, or it is of no kind that is kept */
	QUARANTINE_KEPT,
	QUARANTINE_OFF,		/* the bound is 0 */
	QUARANTINE_FULL,	/* in bytes or in files */
	QUARANTINE_CALLER_FULL, /* this caller has its quarter */
	QUARANTINE_FORM_FULL,	/* calls without the form have their half */
	QUARANTINE_DISK_LOW,	/* the file system has too little left */
	QUARANTINE_BUSY,	/* not counted yet, or too many at once */
	QUARANTINE_FAILED
};

/* A file's name in quarantine/ says who called, and if it had full form. */
#define QUARANTINE_FULL_FORM   ",full"
#define QUARANTINE_FROM	       ",from="
#define QUARANTINE_CALLER_SIZE 24 /* so much fits into SPOOL_NAME_SIZE */

struct quarantine_call {
	char caller[QUARANTINE_CALLER_SIZE]; /* see quarantine_caller() */
	bool full_form; /* as its sender calls, but for the signature */
};

struct quarantine_amount {
	uint64_t bytes, files;
};

/*
 * Who is counted as one caller: an IPv4 address, or the network of 64 bits
 * that an IPv6 address is in. Any text is good; what is no address is
 * "unknown".
 */
void quarantine_caller(const char *remote, char caller[QUARANTINE_CALLER_SIZE]);

/*
 * Would a call of so many bytes be kept? Writes nothing, so that no work
 * is done for a call that would not.
 */
enum quarantined quarantine_check(const struct spool *spool,
    const struct quarantine_amount *bounds, const struct quarantine_call *call,
    uint64_t bytes, struct error *err);

/*
 * Keep a call in the quarantine/ of the delivery's spool.
 *
 * QUARANTINE_KEPT: name is its file. Anything else: it is not kept; err is
 * set for QUARANTINE_FAILED alone. A power cut may lose a file that was kept,
 * but never tears it.
 *
 * Never waits for another thread: neither for one that counts files nor
 * for those that write. At most 64 write at once, with the same shares. The
 * bounds are exact for one process; each further one may exceed them by what
 * it keeps between two counts.
 */
enum quarantined quarantine_keep(const struct delivery *delivery,
    const struct quarantine_amount *bounds, const struct quarantine_call *call,
    char name[SPOOL_NAME_SIZE], struct error *err);

#endif
