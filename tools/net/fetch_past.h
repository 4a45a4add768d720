/* SPDX-License-Identifier: MIT */
/*
 * fetch_past - what earlier fetches into this spool have done
 *
 * Small files in SPOOL/fetch/, named by a digest: "t-KEY" for a document of
 * an event that is fetched again, "d-KEY" for a document that was delivered.
 * None of it is flushed: after a power cut a document may be tried more
 * often, or be delivered again.
 */
#ifndef HOOKDIR_FETCH_PAST_H
#define HOOKDIR_FETCH_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hmac.h"
#include "spool/spool.h"

/* One document of one event. */
struct fetch_past {
	unsigned tries;		    /* downloads that were begun */
	char name[SPOOL_NAME_SIZE]; /* its event in tmp/, complete; or "" */
	int64_t size; /* of its document, which is in tmp/ too; -1: none */
};

/* What is known of it. Zeros where that is nothing. dir is SPOOL/fetch/. */
void fetch_past_read(int dir, const char *key, struct fetch_past *past);

/* 0, or -1 and ERROR_SYSTEM. */
int fetch_past_write(
    int dir, const char *key, const struct fetch_past *past, struct error *err);
void fetch_past_forget(int dir, const char *key);

/* Was a document of this key delivered? Note that it was. */
bool fetch_past_is_delivered(int dir, const char *key);
void fetch_past_note_delivered(int dir, const char *key);

/*
 * Once an hour: forget what nobody has asked for during SPOOL_STALE, and
 * after 30 days what was delivered.
 */
void fetch_past_sweep(int dir);

#endif
