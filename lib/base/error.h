/* SPDX-License-Identifier: MIT */
/*
 * error - the one list of what can go wrong
 *
 * A function that can fail answers 0 or -1 and takes a struct error that
 * its caller set to ERROR_INIT. The step that fails fills it, the first
 * failure wins, and nobody logs below the program.
 *
 * Every code belongs to one class, and the class decides what becomes of
 * the call: see error_class().
 */
#ifndef HOOKDIR_ERROR_H
#define HOOKDIR_ERROR_H

enum error_code {
	ERROR_NONE = 0,

	/* FAULT: ours, whatever the sender sent */
	ERROR_MEMORY,	     /* no memory, or a ceiling of ours reached */
	ERROR_SYSTEM,	     /* a system call failed; see errnum */
	ERROR_CRYPTO,	     /* libcrypto failed */
	ERROR_CONFIGURATION, /* a parameter is missing or wrong */

	/* REFUSAL: the caller's, nothing of the call is kept */
	ERROR_METHOD,	   /* method not served here */
	ERROR_CREDENTIALS, /* credentials missing or wrong */
	ERROR_TOO_LARGE,   /* body over the limit */
	ERROR_INCOMPLETE,  /* body shorter than announced */
	ERROR_REQUEST,	   /* request broken or cut off */
	ERROR_SLOW,	   /* the peer did not send it in time */

	/* UNDECIDED: nothing is kept, and the caller may try again */
	ERROR_KEY_UNKNOWN, /* the token's key may be too new for our file */

	/* VERDICT: the call does not verify; it goes to quarantine/ */
	ERROR_FORM,	    /* not the form this sender uses */
	ERROR_TOKEN_FORM,   /* not a compact JWS */
	ERROR_ALGORITHM,    /* the token's alg is not ours */
	ERROR_CRITICAL,	    /* the token wants what we do not do */
	ERROR_SIGNATURE,    /* no key of ours made this signature */
	ERROR_EXPIRED,	    /* exp lies behind us */
	ERROR_NOT_YET_VALID /* nbf lies ahead of us */
};

enum error_class {
	CLASS_NONE,
	CLASS_FAULT,
	CLASS_REFUSAL,
	CLASS_UNDECIDED,
	CLASS_VERDICT
};

struct error {
	enum error_code code;
	int errnum;	/* errno for ERROR_SYSTEM, else 0 */
	char text[256]; /* for the log and the answer; never a secret */
};

#define ERROR_INIT                                                             \
	{                                                                      \
		ERROR_NONE, 0, ""                                              \
	}

/*
 * Record a failure unless one stands already. Always answers -1, so that a
 * failing step reads "return error_set(...)". A text too long is cut.
 */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a system call: takes errno and appends its meaning. */
int error_system(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "NAME: " before the text: what the failure is about. Nothing if none. */
void error_about(struct error *err, const char *name);

/* CLASS_NONE for ERROR_NONE. */
enum error_class error_class(enum error_code code);

/*
 * The stable name of a rule, as it stands in answers, the log and the
 * quarantine: "signature-mismatch" and so on. Never NULL.
 */
const char *error_rule(enum error_code code);

#endif
