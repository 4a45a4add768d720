/* SPDX-License-Identifier: MIT */
/* Says that it has stored a message, and has not. */
#include "spool/spool.h"

#include <stdio.h>

/* So that the compiler knows when the real one has changed. */
__typeof__(spool_deliver) __wrap_spool_deliver;

int
__wrap_spool_deliver(const struct delivery *delivery,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	(void)delivery;
	(void)err;
	(void)snprintf(name, SPOOL_NAME_SIZE, "%s", "lost.json");
	return 0;
}
