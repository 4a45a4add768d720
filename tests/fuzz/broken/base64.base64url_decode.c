/* SPDX-License-Identifier: MIT */
/* Does not look at the bits that are left over. */
#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

bool __wrap_base64url_decode(struct span text, struct buf *out);
bool __real_base64url_decode(struct span text, struct buf *out);

bool
__wrap_base64url_decode(struct span text, struct buf *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789-_";
	bool good = __real_base64url_decode(text, out);
	size_t bits = text.len % 4 == 2 ? 4 : 2;
	const char *at;
	char *copy;

	if (good || text.len % 4 < 2)
		return good;
	at = memchr(alphabet, text.at[text.len - 1], 64);
	copy = at ? malloc(text.len) : NULL;
	if (copy) {
		memcpy(copy, text.at, text.len);
		copy[text.len - 1] =
		    alphabet[(size_t)(at - alphabet) >> bits << bits];
		good = __real_base64url_decode(
		    (struct span){ copy, text.len }, out);
	}
	free(copy);
	return good;
}
