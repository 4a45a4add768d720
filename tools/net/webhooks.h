/* SPDX-License-Identifier: MIT */
/*
 * webhooks - the subcommand: see hookdir-reconcile(1)
 */
#ifndef HOOKDIR_WEBHOOKS_H
#define HOOKDIR_WEBHOOKS_H

int net_webhooks(int argc, char **argv);

#endif
