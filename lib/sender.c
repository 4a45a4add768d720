/* SPDX-License-Identifier: MIT */
/*
 * sender - the table of senders
 */
#include "sender.h"

#include <stddef.h>
#include <string.h>

static const struct sender senders[] = {
	{
	    .name = "shipmondo",
	    .methods = "POST",
	    .scheme = SCHEME_JWT,
	    .type_prefix = "com.shipmondo.",
	    .type_headers = { "SMD-Resource-Type", "SMD-Action" },
	    .type_member = "action",
	    .type_fallback = "event",
	    .subject_header = "SMD-Resource-Id",
	    .headers = { "SMD-Resource-Type", "SMD-Resource-Id",
		"SMD-Webhook-Id", "SMD-Action", "SMD-User" },
	},
	{
	    .name = "generic",
	    .methods = "POST",
	    .scheme = SCHEME_NONE,
	    .type_prefix = "",
	    .type_fallback = "webhook.received",
	},
};

const struct sender *
sender_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
		if (strcmp(senders[i].name, name) == 0)
			return &senders[i];
	return NULL;
}
