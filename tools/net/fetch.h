/* SPDX-License-Identifier: MIT */
/*
 * fetch - the subcommand hookdir fetch; see hookdir-fetch(1)
 */
#ifndef HOOKDIR_FETCH_H
#define HOOKDIR_FETCH_H

int net_fetch(int argc, char **argv);

#endif
