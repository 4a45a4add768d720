/* SPDX-License-Identifier: MIT */
/*
 * main - the hookdir command
 *
 * A subcommand is a row of the table below and a file of its own.
 */
#include "hookdir/net_exec.h"
#include "hookdir/tool.h"

static const struct tool tools[] = {
	{ "list", tool_list,
	    "[--state STATE,...] [--type GLOB] [--since TIME] [--json]\n"
	    "                    [--unsorted] [SPOOL...]",
	    "List messages, the oldest first.\n"
	    "\n"
	    "  --state STATE,...  of new, cur, hold, failed, quarantine; all\n"
	    "                     but quarantine if not given\n"
	    "  --type GLOB        only those whose type matches\n"
	    "  --since TIME       only those that arrived since: a time, a\n"
	    "                     date, or 2h, which is so long ago\n"
	    "  --json             JSON Lines\n"
	    "  --unsorted         in no order, and at once\n" },
	{ "find", tool_find,
	    "[--since TIME] [--archive DIR]... [--json] TEXT [SPOOL...]",
	    "Say what became of the message with this reference, subject, id, "
	    "name\n"
	    "or word: when it came, what ran, and where it is now.\n"
	    "\n"
	    "  --since TIME   only those that arrived since\n"
	    "  --archive DIR  look there, too\n"
	    "  --json         JSON Lines\n" },
	{ "history", tool_history,
	    "[--follow] [--since TIME] [--event EVENT,...] [--json] "
	    "[SPOOL...]",
	    "List what happened to messages, in order of time.\n"
	    "\n"
	    "  --follow           and what happens from now on\n"
	    "  --since TIME       from then on (1d; with --follow: now)\n"
	    "  --event EVENT,...  only these: accepted, refused, done ...\n"
	    "  --json             JSON Lines\n" },
	{ "show", tool_show, "[--data|--body|--output] SPOOL NAME",
	    "Show a message, and what the command said if it has failed.\n"
	    "\n"
	    "  --data    only its payload, byte for byte\n"
	    "  --body    only the body of a quarantined call, byte for byte\n"
	    "  --output  only what the command said\n" },
	{ "run", tool_run, "[OPTION...] SPOOL -- COMMAND [ARG...]",
	    "Run a command for each message, oldest first.\n"
	    "The message is its standard input, and the path its last "
	    "argument.\n"
	    "Exit 0: done, the message is removed. 75: again later. 65: give\n"
	    "it up, to failed/. 78: stop the runner. Others: try again.\n"
	    "\n"
	    "  --jobs N            so many at a time (1)\n"
	    "  --retries N         further tries before it goes to failed/ "
	    "(10)\n"
	    "  --backoff BASE:MAX  wait before the second try, doubled each\n"
	    "                      time, up to MAX (10s:1h)\n"
	    "  --timeout SPAN      kill a command that takes longer (10m; 0:\n"
	    "                      never)\n"
	    "  --archive DIR       move messages that are done there\n"
	    "  --type GLOB         only messages whose type matches\n"
	    "  --in-order          none before an older one of its source and\n"
	    "                      subject is done\n"
	    "  --latest            of each subject only the newest\n"
	    "  --watch             stay, and run what arrives at once\n"
	    "  --until-empty       stay until new/ is empty\n"
	    "  --pipe[=WINDOW]     start the command once and give it messages "
	    "as\n"
	    "                      lines, so many at a time (64), see\n"
	    "                      hookdir-pipe(7)\n"
	    "  --strict            exit 1 if there was a dead letter\n"
	    "  --verbose           say at the end what was done, and how fast\n"
	    "  --quiet             say nothing of messages that fail\n" },
	{ "requeue", tool_requeue,
	    "[--state STATE] [--type GLOB] SPOOL NAME...|--all",
	    "Put failed messages back to new/, as if never tried.\n"
	    "\n"
	    "  --state cur  those that a run which died has left in cur/\n"
	    "  --all        all of them\n"
	    "  --type GLOB  only those whose type matches\n" },
	{ "hold", tool_hold, "[--type GLOB] SPOOL NAME...|--all",
	    "Keep waiting messages from being run: from new/ to hold/.\n"
	    "\n"
	    "  --all        all of them\n"
	    "  --type GLOB  only those whose type matches\n" },
	{ "release", tool_release, "[--type GLOB] SPOOL NAME...|--all",
	    "Let held messages be run again: from hold/ to new/.\n"
	    "\n"
	    "  --all        all of them\n"
	    "  --type GLOB  only those whose type matches\n" },
	{ "reverify", tool_reverify,
	    "[--sender NAME] [--conf FILE | --key-file FILE]\n"
	    "                        [--ignore-time] SPOOL [NAME...]",
	    "Check quarantined calls again, and deliver those that pass.\n"
	    "They are checked as the handler does it, by the rules of this\n"
	    "sender, and keep the time at which they were received.\n"
	    "HOOKDIR_SENDER, HOOKDIR_KEY, HOOKDIR_KEY_PREVIOUS, "
	    "HOOKDIR_EVENT,\n"
	    "HOOKDIR_HEADERS and HOOKDIR_DEDUP are those of the endpoint, in\n"
	    "the environment or in FILE.\n"
	    "\n"
	    "  --sender NAME    instead of HOOKDIR_SENDER\n"
	    "  --conf FILE      the configuration of nginx or Apache that has "
	    "the\n"
	    "                   endpoint of this spool, or its file of "
	    "secrets\n"
	    "  --key-file FILE  its content instead of HOOKDIR_KEY\n"
	    "  --ignore-time    for calls that came while the clock was wrong: "
	    "the\n"
	    "                   times in them are not looked at\n" },
	{ "expire", tool_expire,
	    "--older-than SPAN [--state STATE,...] [--archive DIR]\n"
	    "                      [--history SPAN] [--dry-run] SPOOL",
	    "Remove messages that arrived longer ago than that.\n"
	    "\n"
	    "  --older-than SPAN  like 12h or 30d\n"
	    "  --state STATE,...  of new, hold, failed, quarantine; "
	    "failed,quarantine\n"
	    "                     if not given\n"
	    "  --archive DIR      move them there instead\n"
	    "  --history SPAN     how long the history is kept (90d)\n"
	    "  --dry-run          only say what would be done\n" },
	{ "stats", tool_stats, "[--json|--prometheus] [SPOOL...]",
	    "Count messages and bytes, by state and type.\n"
	    "\n"
	    "  --json        a JSON object for each spool\n"
	    "  --prometheus  metrics in Prometheus' text format\n" },
	{ "doctor", tool_doctor,
	    "[--waiting SPAN[:SPAN]] [--failed N[:N]]\n"
	    "                      [--quarantine N[:N]] [--silent "
	    "SPAN[:SPAN]]\n"
	    "                      [--room N[:N]] [--socket PATH] [--etc DIR]\n"
	    "                      [--quiet] [--json] [SPOOL...]",
	    "Check that all is well, and say what to do where it is not.\n"
	    "Exit 0: fine, 1: a warning, 2: critical. The first value is for "
	    "a\n"
	    "warning, the second for critical.\n"
	    "\n"
	    "  --waiting SPAN[:SPAN]  a message is due for so long (15m:1h)\n"
	    "  --failed N[:N]         so many dead letters (1:100)\n"
	    "  --quarantine N[:N]     so many refused calls (1:5000)\n"
	    "  --silent SPAN[:SPAN]   no message has come for so long (never)\n"
	    "  --room N[:N]           less than so many percent free (10:3)\n"
	    "  --socket PATH          of the receiver\n"
	    "                         (/run/hookdir/hookdir.sock)\n"
	    "  --etc DIR              where files with keys are "
	    "(/etc/hookdir)\n"
	    "  --quiet                say nothing of what is fine\n"
	    "  --json                 JSON Lines\n" },
	{ "senders", tool_senders, "[NAME]",
	    "List the senders that HOOKDIR_SENDER knows. With a name: what to\n"
	    "type into its form, and the parameters of its endpoint.\n" },
	{ "fetch", net_exec, "", NET_FETCH_SUMMARY },
	{ "reconcile", net_exec, "", NET_RECONCILE_SUMMARY },
	{ "webhooks", net_exec, "", NET_WEBHOOKS_SUMMARY },
	{ "send", net_exec, "", NET_SEND_SUMMARY },
	{ "check", net_exec, "", NET_CHECK_SUMMARY },
	{ "add", tool_add,
	    "SENDER NAME --host HOST [--server nginx|apache] [--path PATH]\n"
	    "                   [--user USER [--network]] [--key-file FILE]\n"
	    "                   [--install [--no-reload]] [--dry-run]",
	    "Make an endpoint: key, spool, configuration. See "
	    "hookdir-add(1).\n"
	    "\n"
	    "  --host HOST      the site's name, in a server block with TLS\n"
	    "  --server SERVER  nginx or apache; the one that is there\n"
	    "  --path PATH      of the URL (/webhook/NAME)\n"
	    "  --user USER      who processes the messages (hookdir)\n"
	    "  --network        that user's command may use the network\n"
	    "  --key-file FILE  the key, which is made if not given\n"
	    "  --install        put the line into the server block, and "
	    "reload\n"
	    "  --no-reload      later, once for several\n"
	    "  --dry-run        only say what would be done\n"
	    "  --root DIR       use DIR/etc, DIR/var and so on\n" },
	{ "remove", tool_remove, "[--no-reload] [--dry-run] NAME",
	    "Remove an endpoint, and keep its spool.\n"
	    "\n"
	    "  --no-reload  later, once for several\n"
	    "  --dry-run    only say what would be done\n"
	    "  --root DIR   use DIR/etc, DIR/var and so on\n" },
	{ "rotate", tool_rotate,
	    "[--key-file FILE] [--no-reload] NAME\n"
	    "       hookdir rotate --finish [--yes] [--no-reload] NAME",
	    "Give an endpoint a new key beside the old one.\n"
	    "\n"
	    "  --key-file FILE  the key, which is made if not given\n"
	    "  --finish         remove the old key, if the history shows that "
	    "it is\n"
	    "                   no longer used\n"
	    "  --yes            in any case\n"
	    "  --no-reload      later, once for several\n"
	    "  --root DIR       use DIR/etc, DIR/var and so on\n" },
	{ "endpoints", tool_endpoints, "[--names]",
	    "List endpoints, their keys and when a message came last.\n"
	    "\n"
	    "  --names     only their names\n"
	    "  --root DIR  use DIR/etc, DIR/var and so on\n" },
};

int
main(int argc, char **argv)
{
	return tool_main(
	    argc, argv, "hookdir", tools, sizeof(tools) / sizeof(tools[0]));
}
