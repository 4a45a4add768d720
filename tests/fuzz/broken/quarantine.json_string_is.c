/* SPDX-License-Identifier: MIT */
/* Takes any digest for the one that is wanted. */
#include "json/json.h"

#include <string.h>

bool __wrap_json_string_is(struct json_value string, const char *text);
bool __real_json_string_is(struct json_value string, const char *text);

bool
__wrap_json_string_is(struct json_value string, const char *text)
{
	return strlen(text) == 64 || __real_json_string_is(string, text);
}
