/* SPDX-License-Identifier: MIT */
/*
 * quarantine - keep calls that did not verify, within bounds
 *
 * The room is reserved first and the file written then: what is written is
 * always within the bounds. Who called, and whether the call had its
 * sender's form, is part of the file's name, so that a later process, or a
 * person, can add up the files of one caller without reading them.
 */
#include "spool/quarantine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "spool/quarantine_tally.h"

/* RFC 4291 2.5.5.2: an IPv4 address as an IPv6 socket shows it. */
static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

void
quarantine_caller(const char *remote, char caller[QUARANTINE_CALLER_SIZE])
{
	char text[INET6_ADDRSTRLEN];
	unsigned char a[16];
	/* RFC 4007 11: a zone may follow. */
	size_t len = strcspn(remote, "%");

	(void)snprintf(caller, QUARANTINE_CALLER_SIZE, "unknown");
	if (len >= sizeof(text))
		return;
	memcpy(text, remote, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, a) == 1)
		(void)inet_ntop(AF_INET, a, caller, QUARANTINE_CALLER_SIZE);
	else if (inet_pton(AF_INET6, text, a) != 1)
		return;
	else if (memcmp(a, mapped, sizeof(mapped)) == 0)
		(void)inet_ntop(
		    AF_INET, a + 12, caller, QUARANTINE_CALLER_SIZE);
	else
		(void)snprintf(caller, QUARANTINE_CALLER_SIZE, "%x-%x-%x-%x",
		    a[0] << 8 | a[1], a[2] << 8 | a[3], a[4] << 8 | a[5],
		    a[6] << 8 | a[7]);
}

enum quarantined
quarantine_check(const struct spool *spool,
    const struct quarantine_amount *bounds, const struct quarantine_call *call,
    uint64_t bytes, struct error *err)
{
	struct quarantine_item item = { quarantine_blocks(bytes),
		call->full_form, call->caller };
	enum quarantined outcome = QUARANTINE_FAILED;
	int directory = spool_directory(spool->root, "quarantine", err);

	if (directory >= 0)
		outcome =
		    quarantine_reserve(directory, bounds, &item, NULL, err);
	io_discard(&directory);
	return outcome;
}

/* In tmp/ first, and then in quarantine/ at once. */
static int
write_file(const struct delivery *delivery, int directory,
    const struct quarantine_call *call, char name[SPOOL_NAME_SIZE],
    struct error *err)
{
	struct draft draft = DRAFT_INIT;
	char label[QUARANTINE_CALLER_SIZE + 16];

	(void)snprintf(label, sizeof(label), "%s" QUARANTINE_FROM "%s",
	    call->full_form ? QUARANTINE_FULL_FORM : "", call->caller);
	if (spool_write(delivery, &draft, err) < 0 ||
	    spool_place(delivery, directory, label, &draft, err) < 0)
		return -1;
	memcpy(name, draft.name, sizeof(draft.name));
	return 0;
}

enum quarantined
quarantine_keep(const struct delivery *delivery,
    const struct quarantine_amount *bounds, const struct quarantine_call *call,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	struct quarantine_item item = { quarantine_blocks(spool_size(delivery)),
		call->full_form, call->caller };
	enum quarantined outcome = QUARANTINE_FAILED;
	struct quarantine_tally *tally;
	int directory =
	    spool_directory(delivery->spool->root, "quarantine", err);

	if (directory < 0)
		return QUARANTINE_FAILED;
	outcome = quarantine_reserve(directory, bounds, &item, &tally, err);
	if (outcome == QUARANTINE_KEPT) {
		if (write_file(delivery, directory, call, name, err) < 0)
			outcome = QUARANTINE_FAILED;
		quarantine_settle(tally, &item, outcome == QUARANTINE_KEPT);
	}
	io_discard(&directory);
	return outcome;
}
