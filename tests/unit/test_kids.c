/* SPDX-License-Identifier: MIT */
/*
 * test_kids - lib/jose/kids: names of keys that a key set lacks
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "jose/kids.h"

#define DAY 1795280000 /* seconds; times below are seconds after it */

static struct timespec
at(double seconds)
{
	return (struct timespec){ DAY + (time_t)seconds,
		(long)((seconds - (double)(time_t)seconds) * 1e9) };
}

/* May this kid come, with a set that was fetched then? */
static bool
may_come(struct kids *kids, const char *kid, double fetched, double now)
{
	struct error err = ERROR_INIT;
	int rc = kids_may_come(kids, kid, at(fetched), at(now), &err);

	if (rc < 0)
		fail_msg("%s: %s", kid, err.text);
	return rc == 1;
}

static void
flood(struct kids *kids, const char *who, int count, double fetched, double now)
{
	char kid[32];
	int i;

	for (i = 0; i < count; i++) {
		(void)snprintf(kid, sizeof(kid), "%s-%d", who, i);
		assert_true(may_come(kids, kid, fetched, now));
	}
}

static void
test_until_a_fetch_began_later(void **state)
{
	struct kids kids = { 0 };

	(void)state;
	assert_true(may_come(&kids, "a", 0, 10));
	assert_true(may_come(&kids, "a", 0, 4000));
	/* One that was under way, or came from a cache */
	assert_true(may_come(&kids, "a", 9.9, 4001));
	assert_true(may_come(&kids, "a", 10, 4001));
	assert_false(may_come(&kids, "a", 10.1, 4001));
	assert_false(may_come(&kids, "a", 10.1, 99999));
	/* Another is new all the same. */
	assert_true(may_come(&kids, "b", 10.1, 4001));
	assert_true(may_come(&kids, "", 10.1, 4001));
	assert_true(may_come(&kids, "A", 10.1, 4001));
	assert_false(may_come(&kids, "b", 4002, 4003));
}

/* Those that wait are never forgotten, and there are no more than 16. */
static void
test_flood(void **state)
{
	struct kids kids = { 0 };

	(void)state;
	assert_true(may_come(&kids, "mine", 0, 10));
	flood(&kids, "forged", 10000, 0, 11);
	/* Not in the memory: may come, however late. */
	assert_true(may_come(&kids, "late", 0, 12));
	/* A fetch: what was remembered is settled, the rest has its chance. */
	assert_false(may_come(&kids, "mine", 20, 21));
	assert_false(may_come(&kids, "forged-0", 20, 21));
	assert_false(may_come(&kids, "forged-14", 20, 21));
	assert_true(may_come(&kids, "late", 20, 21));
	assert_false(may_come(&kids, "late", 30, 31));
	/* What is settled makes room, the oldest first. */
	flood(&kids, "more", 15, 30, 32);
	assert_false(may_come(&kids, "late", 30, 33));
	assert_true(may_come(&kids, "mine", 30, 33));
}

/* Whatever the clock does, a kid is not given up too early. */
static void
test_wrong_clock(void **state)
{
	struct kids kids = { 0 };

	(void)state;
	/* The file is from the future: the clock was behind, or is. */
	assert_true(may_come(&kids, "a", 1000, 10));
	assert_true(may_come(&kids, "a", 1000, 20));
	/* The clock has been put right: only now it is seen. */
	assert_true(may_come(&kids, "a", 1000, 1001));
	assert_false(may_come(&kids, "a", 1002, 1003));
	/* First seen in the future */
	assert_true(may_come(&kids, "b", 1002, 90000));
	assert_true(may_come(&kids, "b", 1002, 2000));
	assert_false(may_come(&kids, "b", 2001, 2002));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_a_fetch_began_later),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_wrong_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
