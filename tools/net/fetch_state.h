/* SPDX-License-Identifier: MIT */
/*
 * fetch_state - what fetches of one spool share: the session and the pace
 *
 * SPOOL/fetch/session holds the tokens of the last login, SPOOL/fetch/pace
 * the time of the last request. Each is used under a lock that dies with
 * its holder. Losing them costs a login.
 */
#ifndef HOOKDIR_FETCH_STATE_H
#define HOOKDIR_FETCH_STATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/fetch_config.h"
#include "spool/spool.h"

#define FETCH_TOKEN_MAX 16384

/* Tokens; "" where there is none. A refresh token need not be there. */
struct fetch_session {
	char access[FETCH_TOKEN_MAX + 1];
	char refresh[FETCH_TOKEN_MAX + 1];
};

/* Open SPOOL/fetch/, made if missing, for us alone. The descriptor, or -1. */
int fetch_state_open(const struct spool *spool, struct error *err);

/*
 * Wait until another request may be sent, interval microseconds after the
 * last one, and take its turn. A signal ends the wait.
 */
int fetch_state_pace(int dir, int64_t interval, struct error *err);

/*
 * Lock the session: the descriptor to give to the others, and to close. Read
 * it: empty when there is none of this user at this base. Write it.
 */
int fetch_state_lock(int dir, struct error *err);
int fetch_state_read(int fd, const struct fetch_config *config,
    struct fetch_session *session, struct error *err);
int fetch_state_write(int fd, const struct fetch_config *config,
    const struct fetch_session *session, struct error *err);

/* May this stand in a header? */
bool fetch_state_is_token(struct span text);

#endif
