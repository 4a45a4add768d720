/* SPDX-License-Identifier: MIT */
/* Compares all but the last byte. */
#include "base/secret.h"

bool __wrap_secret_equal(const void *a, const void *b, size_t len);
bool __real_secret_equal(const void *a, const void *b, size_t len);

bool
__wrap_secret_equal(const void *a, const void *b, size_t len)
{
	return __real_secret_equal(a, b, len ? len - 1 : 0);
}
