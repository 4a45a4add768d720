/* SPDX-License-Identifier: MIT */
/*
 * check - does hookdir answer at this URL?
 */
#ifndef NET_CHECK_H
#define NET_CHECK_H

int net_check(int argc, char **argv);

#endif
