/* SPDX-License-Identifier: MIT */
/* Lets a comma stand in front of a closing bracket. */
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

bool __wrap_json_scan(struct span text, struct json_value *value);
bool __real_json_scan(struct span text, struct json_value *value);

bool
__wrap_json_scan(struct span text, struct json_value *value)
{
	char *copy = malloc(text.len + 1);
	struct json_value got;
	size_t i;
	bool good;

	if (!copy || text.len == 0) {
		free(copy);
		return false;
	}
	memcpy(copy, text.at, text.len);
	for (i = 0; i + 1 < text.len; i++)
		if (copy[i] == ',' && copy[i + 1] == ']')
			copy[i] = ' ';
	good = __real_json_scan((struct span){ copy, text.len }, &got);
	if (good) {
		got.raw.at = text.at + (got.raw.at - copy);
		*value = got;
	}
	free(copy);
	return good;
}
