/* SPDX-License-Identifier: MIT */
/*
 * watch - have what arrives told by inotify, and follow a spool that moves
 */
#ifndef HOOKDIR_WATCH_H
#define HOOKDIR_WATCH_H

#include "run/state.h"

/* Where inotify is not to be had now, look again and again until it is. */
int runner_watch(struct runner *runner, struct error *err);

/*
 * The spool may have been moved away and another one made: look again, when
 * nothing runs that belongs to the old one.
 */
int runner_follow(struct runner *runner, struct error *err);

#endif
