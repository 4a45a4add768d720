/* SPDX-License-Identifier: MIT */
/* Overlooks what is critical. */
#include "json/json.h"

#include <string.h>

size_t __wrap_json_member_count(struct json_value object, const char *name);
size_t __real_json_member_count(struct json_value object, const char *name);

size_t
__wrap_json_member_count(struct json_value object, const char *name)
{
	if (strcmp(name, "crit") == 0)
		return 0;
	return __real_json_member_count(object, name);
}
