/* SPDX-License-Identifier: MIT */
/*
 * flushed-first - not broken: does everywhere what the handler does on a file
 * system that it does not know
 *
 * wrap: fstatfs
 */
#include "flushed_first.h"
