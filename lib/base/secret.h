/* SPDX-License-Identifier: MIT */
/*
 * secret - the only compare and the only wipe of secrets
 */
#ifndef HOOKDIR_SECRET_H
#define HOOKDIR_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Equal? Takes as long for any two contents of the same length. */
bool secret_equal(const void *a, const void *b, size_t len);

/* Overwrite; the compiler may not leave it out. NULL with 0 is fine. */
void secret_wipe(void *secret, size_t len);

#endif
