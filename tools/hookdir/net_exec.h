/* SPDX-License-Identifier: MIT */
/*
 * net_exec - subcommands of hookdir that the program hookdir-net has
 *
 * hookdir itself opens no connection and does without libcurl. A row of its
 * table for one of these executes hookdir-net with the same arguments;
 * standard input, signals and the exit status are those of hookdir-net.
 */
#ifndef HOOKDIR_NET_EXEC_H
#define HOOKDIR_NET_EXEC_H

/* The first line of their help, for the tables of both programs. */
#define NET_FETCH_SUMMARY                                                      \
	"Fetch what a Tradecloud event refers to, and deliver it to SPOOL.\n"
#define NET_RECONCILE_SUMMARY                                                  \
	"Compare SPOOL with the sender's own lists, and fetch what is "        \
	"missing.\n"
#define NET_WEBHOOKS_SUMMARY                                                   \
	"List or create the sender's webhooks for an endpoint.\n"
#define NET_SEND_SUMMARY  "Send a message to an endpoint, as its sender does.\n"
#define NET_CHECK_SUMMARY "Say whether hookdir answers at a URL.\n"

/*
 * Returns only when hookdir-net cannot be executed: EX_CONFIG when it is not
 * there, so that hookdir run stops and counts no message as failed.
 */
int net_exec(int argc, char **argv);

#endif
