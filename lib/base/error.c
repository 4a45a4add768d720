/* SPDX-License-Identifier: MIT */
/*
 * error - the one list of what can go wrong
 *
 * The table below is the only place that knows the name and the class of a
 * failure; the statuses stand in handler/reply.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *rule;
	enum error_class class;
} codes[] = {
	[ERROR_NONE] = { "none", CLASS_NONE },

	[ERROR_MEMORY] = { "out-of-memory", CLASS_FAULT },
	[ERROR_SYSTEM] = { "system-error", CLASS_FAULT },
	[ERROR_CRYPTO] = { "crypto-error", CLASS_FAULT },
	[ERROR_CONFIGURATION] = { "misconfigured", CLASS_FAULT },

	[ERROR_METHOD] = { "method-not-allowed", CLASS_REFUSAL },
	[ERROR_CREDENTIALS] = { "credentials-required", CLASS_REFUSAL },
	[ERROR_TOO_LARGE] = { "body-too-large", CLASS_REFUSAL },
	[ERROR_INCOMPLETE] = { "body-incomplete", CLASS_REFUSAL },
	[ERROR_REQUEST] = { "request-broken", CLASS_REFUSAL },
	[ERROR_SLOW] = { "too-slow", CLASS_REFUSAL },

	[ERROR_KEY_UNKNOWN] = { "key-unknown", CLASS_UNDECIDED },

	[ERROR_FORM] = { "form-unknown", CLASS_VERDICT },
	[ERROR_TOKEN_FORM] = { "token-malformed", CLASS_VERDICT },
	[ERROR_ALGORITHM] = { "algorithm-not-allowed", CLASS_VERDICT },
	[ERROR_CRITICAL] = { "critical-not-understood", CLASS_VERDICT },
	[ERROR_SIGNATURE] = { "signature-mismatch", CLASS_VERDICT },
	[ERROR_EXPIRED] = { "token-expired", CLASS_VERDICT },
	[ERROR_NOT_YET_VALID] = { "token-not-yet-valid", CLASS_VERDICT },
};

int
error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (err->code != ERROR_NONE)
		return -1;
	err->code = code;
	err->errnum = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* What the system's own words leave open */
static const char *
hint(int errnum)
{
	/* A unit with ProtectSystem= lets nothing else be written. */
	if (errnum == EROFS)
		return ", or outside the service's sandbox (ReadWritePaths=)";
	return "";
}

int
error_system(struct error *err, const char *fmt, ...)
{
	int errnum = errno;
	size_t used;
	va_list ap;

	if (err->code != ERROR_NONE)
		return -1;
	err->code = ERROR_SYSTEM;
	err->errnum = errnum;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s%s",
	    strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "unknown",
	    hint(errnum));
	return -1;
}

void
error_about(struct error *err, const char *name)
{
	struct error plain = *err;

	if (err->code == ERROR_NONE)
		return;
	err->code = ERROR_NONE;
	(void)error_set(err, plain.code, "%s: %s", name, plain.text);
	err->errnum = plain.errnum;
}

enum error_class
error_class(enum error_code code)
{
	return codes[code].class;
}

const char *
error_rule(enum error_code code)
{
	return codes[code].rule;
}
