/* SPDX-License-Identifier: MIT */
/*
 * send - the subcommand hookdir send; see hookdir-send(1)
 */
#ifndef HOOKDIR_SEND_H
#define HOOKDIR_SEND_H

int net_send(int argc, char **argv);

#endif
