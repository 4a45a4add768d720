/* SPDX-License-Identifier: MIT */
/*
 * main - the program hookdir-net: what talks to the network
 *
 * hookdir executes it for the subcommands of the table below. libcurl is
 * linked into no other program.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "net/check.h"
#include "net/fetch.h"
#include "net/reconcile.h"
#include "net/send.h"
#include "net/webhooks.h"
#include "hookdir/net_exec.h"
#include "hookdir/tool.h"

static const struct tool tools[] = {
	{ "fetch", net_fetch,
	    "--config FILE [--allow-host HOST]... [--max-size BYTES]\n"
	    "                     [--max-event BYTES] [--timeout SECONDS] "
	    "[--rate NUMBER]\n"
	    "                     [--document-retries NUMBER] SPOOL [EVENT]\n"
	    "       hookdir fetch --config FILE --check",
	    NET_FETCH_SUMMARY
	    "Made to be run by hookdir run; see hookdir-fetch(1).\n"
	    "\n"
	    "  --config FILE      base address and credentials\n"
	    "  --allow-host HOST  documents may come from this host, too\n"
	    "  --max-size BYTES   largest document or answer (64 MiB)\n"
	    "  --max-event BYTES  most for all documents of an event (1 GiB)\n"
	    "  --timeout SECONDS  longest time for a request (30)\n"
	    "  --rate NUMBER      requests a second to the API (10)\n"
	    "  --document-retries NUMBER\n"
	    "                     how often a download is tried (10)\n"
	    "  --check            log in to the API, and nothing else\n" },
	{ "reconcile", net_reconcile,
	    "shipmondo SPOOL [--since TIME|auto] [--changed]\n"
	    "                         [--resource NAME,...] [--grace SPAN] "
	    "[--config FILE]\n"
	    "                         [--dry-run] [--json]",
	    NET_RECONCILE_SUMMARY
	    "See hookdir-reconcile(1). Exit status 1: something was missing.\n"
	    "\n"
	    "  --since TIME         created since; auto: since the last "
	    "complete run\n"
	    "  --changed            orders that were changed since their last "
	    "message, too\n"
	    "  --resource NAME,...  of orders, shipments, drafts\n"
	    "  --grace SPAN         leave alone what is younger (5m)\n"
	    "  --config FILE        base, user and key of the API\n"
	    "                       (/etc/hookdir/shipmondo-api.conf)\n"
	    "  --dry-run            only tell what is missing\n"
	    "  --json               the summary as a JSON object\n"
	    "  --rate NUMBER        requests a second (5)\n"
	    "  --retries NUMBER     of a request that fails for now (5)\n"
	    "  --timeout SECONDS    longest time for a request (30)\n" },
	{ "webhooks", net_webhooks,
	    "shipmondo list [--endpoint URL] [--config FILE] [--json]\n"
	    "       hookdir webhooks shipmondo create --endpoint URL "
	    "--key-file FILE\n"
	    "                        [--resource NAME,...] [--name NAME] "
	    "[--rotate] [--dry-run]",
	    NET_WEBHOOKS_SUMMARY
	    "See hookdir-reconcile(1).\n"
	    "\n"
	    "  --endpoint URL       the address that they call; else that of "
	    "FILE\n"
	    "  --key-file FILE      the endpoint's key\n"
	    "  --resource NAME,...  of orders, shipments, drafts, monitor "
	    "(all)\n"
	    "  --name NAME          what they are called (hookdir)\n"
	    "  --rotate             create all anew, with a new key, and list "
	    "the old\n"
	    "  --config FILE        base, user and key of the API\n"
	    "                       (/etc/hookdir/shipmondo-api.conf)\n"
	    "  --dry-run            only tell what would be created\n"
	    "  --json               JSON Lines\n"
	    "  --timeout SECONDS    longest time for a request (30)\n" },
	{ "send", net_send,
	    "--sender NAME --key-file FILE [OPTION...] URL [FILE]\n"
	    "       hookdir send --from SPOOL --key-file FILE [OPTION...] URL "
	    "NAME",
	    NET_SEND_SUMMARY
	    "The message is the sender's own test where it has one, else a "
	    "sample,\n"
	    "or the content of FILE, or a message of a spool. See "
	    "hookdir-send(1).\n"
	    "\n"
	    "  --sender NAME      sign as this sender does\n"
	    "  --key-file FILE    the key; user:password or a token where the\n"
	    "                     sender does not sign\n"
	    "  --sample           a sample, not the sender's own test\n"
	    "  --from DIR         the message NAME of this spool\n"
	    "  --header HEADER    a further one, \"Name: value\"\n"
	    "  --count N          send so many (1)\n"
	    "  --rate N           so many a second (as they are answered)\n"
	    "  --connections N    over so many connections (1)\n"
	    "  --timeout SECONDS  longest time for a call (30)\n"
	    "  --cacert FILE      certificates of authorities to trust\n"
	    "  --insecure         do not verify the certificate\n"
	    "  --resolve HOST:PORT:ADDRESS\n"
	    "                     connect to this address\n" },
	{ "check", net_check, "--sender NAME [OPTION...] URL",
	    NET_CHECK_SUMMARY
	    "One call that hookdir refuses with 405, and so does not store.\n"
	    "\n"
	    "  --sender NAME    whose endpoint it is\n"
	    "  --key-file FILE  the token, or in place of {key} in the URL\n"
	    "  --cacert FILE    certificates of authorities to trust\n"
	    "  --insecure       do not verify the certificate\n"
	    "  --resolve HOST:PORT:ADDRESS\n"
	    "                   connect to this address\n" },
};

/* Keys, passwords and tokens are in memory, and are not to leave it. */
static void
keep_secrets(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef HOOKDIR_SANITIZED /* the leak sanitizer looks in from outside */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

int
main(int argc, char **argv)
{
	keep_secrets();
	return tool_main(
	    argc, argv, "hookdir-net", tools, sizeof(tools) / sizeof(tools[0]));
}
