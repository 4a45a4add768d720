/* SPDX-License-Identifier: MIT */
/*
 * fuzz_spool_name - names of files, both ways, and their order
 *
 * Three names, a NUL behind each.
 */
#include "fuzz.h"
#include "spool/spool_name.h"

static void
check_name(const char *file)
{
	char again[NAME_MAX + 1], third[NAME_MAX + 1];
	struct spool_name name, other;

	if (!spool_name_parse(file, &name))
		return;
	CHECK(file[0] != '.' && file[0] != '\0');
	CHECK(name.tries <= SPOOL_TRIES_MAX && name.later <= SPOOL_TRIES_MAX);
	CHECK(name.next >= 0);
	CHECK(name.arrived.tv_nsec >= 0 && name.arrived.tv_nsec < 1000000000);
	spool_name_format(&name, again);
	CHECK(strlen(again) <= NAME_MAX);
	CHECK(strncmp(again, name.base, strlen(name.base)) == 0);
	/* Whatever is added fits once there is room, and is understood. */
	spool_name_shorten(&name);
	name.tries = name.later = name.missed = SPOOL_TRIES_MAX;
	name.next = INT64_C(999999999999999999);
	name.end = SPOOL_END_FAILED;
	spool_name_format(&name, third);
	CHECK(strlen(third) <= NAME_MAX);
	CHECK(spool_name_parse(third, &other));
	CHECK(strcmp(other.base, name.base) == 0 && other.json == name.json);
	CHECK(other.tries == name.tries && other.later == name.later &&
	    other.missed == name.missed && other.next == name.next &&
	    other.end == name.end);
}

static int
sign(int number)
{
	return (number > 0) - (number < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name[3];
	struct input in;
	size_t i, j, k;

	input_start(&in, data, size);
	for (i = 0; i < 3; i++) {
		name[i] = input_text(&in);
		check_name(name[i]);
	}
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++) {
			k = 3 - i - j;
			CHECK(sign(spool_name_compare(name[i], name[j])) ==
			    -sign(spool_name_compare(name[j], name[i])));
			if (i == j || k > 2)
				continue;
			if (spool_name_compare(name[i], name[j]) <= 0 &&
			    spool_name_compare(name[j], name[k]) <= 0)
				CHECK(
				    spool_name_compare(name[i], name[k]) <= 0);
		}
	input_end(&in);
	return 0;
}
