/* SPDX-License-Identifier: MIT */
/*
 * json_pointer - a value by its JSON Pointer (RFC 6901)
 */
#include "json/json.h"

#include <string.h>

#define TOKEN_MAX 256 /* bytes of one part of a pointer */

/* Section 4: ~1 is a slash, ~0 a tilde. False where it is none of these. */
static bool
next_token(const char **pointer, char token[TOKEN_MAX])
{
	const char *c = *pointer;
	size_t len = 0;

	if (*c++ != '/')
		return false;
	for (; *c && *c != '/'; c++) {
		if (len == TOKEN_MAX - 1)
			return false;
		token[len++] = *c;
		if (*c != '~')
			continue;
		c++;
		if (*c != '0' && *c != '1')
			return false;
		token[len - 1] = *c == '1' ? '/' : '~';
	}
	token[len] = '\0';
	*pointer = c;
	return true;
}

bool
json_pointer_valid(const char *pointer)
{
	char token[TOKEN_MAX];

	while (*pointer)
		if (!next_token(&pointer, token))
			return false;
	return true;
}

/* An index has no sign and no zero in front. */
static bool
read_index(const char *token, size_t *index)
{
	size_t len = strspn(token, "0123456789"), i;

	if (!len || len > 9 || token[len] || (token[0] == '0' && len > 1))
		return false;
	for (*index = i = 0; i < len; i++)
		*index = *index * 10 + (size_t)(token[i] - '0');
	return true;
}

bool
json_pointer(
    struct json_value value, const char *pointer, struct json_value *found)
{
	char token[TOKEN_MAX];
	size_t index;

	while (*pointer) {
		if (!next_token(&pointer, token))
			return false;
		if (value.type == JSON_TYPE_ARRAY) {
			if (!read_index(token, &index) ||
			    !json_element(value, index, &value))
				return false;
		} else if (!json_member(value, token, &value)) {
			return false;
		}
	}
	*found = value;
	return true;
}
