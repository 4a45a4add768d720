/* SPDX-License-Identifier: MIT */
/*
 * reconcile - the subcommand: see hookdir-reconcile(1)
 */
#ifndef HOOKDIR_RECONCILE_H
#define HOOKDIR_RECONCILE_H

int net_reconcile(int argc, char **argv);

#endif
