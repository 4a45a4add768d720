/* SPDX-License-Identifier: MIT */
/*
 * test_throttle - handler/throttle: what passes, of one kind and of several
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

/* The module itself, with a clock of our own */
#define clock_monotonic test_clock
#include "../../handler/throttle.c"
#undef clock_monotonic

#include <stdio.h>

#define SECOND 1000000
#define MANY   1000

static int64_t now;

int64_t
test_clock(void)
{
	return now;
}

static unsigned
count_passed(struct throttle *throttle, uint64_t kind, unsigned calls)
{
	unsigned passed = 0;

	while (calls-- > 0)
		passed += throttle_pass(throttle, kind, NULL);
	return passed;
}

static void
test_burst(void **state)
{
	static const unsigned bursts[] = { 1, 2, 100 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		struct throttle t = THROTTLE_INIT(bursts[i], SECOND);

		now = 1000 * (int64_t)SECOND;
		assert_int_equal(count_passed(&t, 7, MANY), bursts[i]);
		now += SECOND - 1;
		assert_int_equal(count_passed(&t, 7, MANY), 0);
		now += 1;
		assert_int_equal(count_passed(&t, 7, MANY), 1);
		now += 3 * (int64_t)SECOND;
		assert_int_equal(
		    count_passed(&t, 7, MANY), bursts[i] < 3 ? bursts[i] : 3);
		/* A long rest saves up one burst, no more. */
		now += 100000 * (int64_t)SECOND;
		assert_int_equal(count_passed(&t, 7, MANY), bursts[i]);
	}
}

static uint64_t
number(const char *what, unsigned i)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s %u", what, i);
	return hash_text(0, text);
}

/* A flood of each kind takes nothing from any other. */
static void
test_kinds(void **state)
{
	struct throttle t = THROTTLE_INIT(2, SECOND);
	unsigned i;

	(void)state;
	now = SECOND;
	for (i = 0; i < MANY; i++)
		assert_int_equal(count_passed(&t, number("kind", i), 3), 2);
	for (i = 0; i < MANY; i++)
		assert_int_equal(count_passed(&t, number("kind", i), 3), 0);
	/* Their slots are free again for other kinds. */
	now += 2 * (int64_t)SECOND;
	for (i = 0; i < MANY; i++)
		assert_int_equal(count_passed(&t, number("other", i), 3), 2);
}

/* More kinds than slots, and still no more than a burst for each slot */
static void
test_too_many_kinds(void **state)
{
	static struct throttle t = THROTTLE_INIT(2, SECOND);
	unsigned i, passed = 0;

	(void)state;
	for (i = 0; i < 100 * THROTTLE_SLOTS; i++)
		passed += count_passed(&t, number("kind", i), 1);
	assert_int_equal(passed, 2 * THROTTLE_SLOTS);
}

/* How many of one call each a second pass for this long, among a flood? */
static unsigned
count_among(struct throttle *t, unsigned flooders, unsigned seconds)
{
	unsigned passed = 0, i, caller;
	char name[32];

	for (i = 0; i < 10 * seconds; i++) {
		now += SECOND / 10;
		for (caller = 0; caller < flooders; caller++) {
			(void)snprintf(name, sizeof(name), "flood %u", caller);
			(void)throttle_pass(t, 1, name);
			(void)throttle_pass(t, 1, name);
		}
		if (i % 10 == 5)
			passed += throttle_pass(t, 1, "true");
	}
	return passed;
}

static void
test_callers(void **state)
{
	static const unsigned flooders[] = { 1, 5, 9 };
	unsigned passed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flooders) / sizeof(flooders[0]); i++) {
		struct throttle t = THROTTLE_INIT(100, SECOND);

		now = 1000 * (int64_t)SECOND;
		/* A flood of a minute before the first true call */
		(void)count_among(&t, flooders[i], 60);
		now += SECOND;
		assert_true(throttle_pass(&t, 1, "another"));
		passed = count_among(&t, flooders[i], 60);
		/* One in 10 s; its share of the burst was used before. */
		assert_in_range(passed, 5, 7);
	}
}

/* Before half of the burst is used up, one caller has all of it. */
static void
test_one_caller(void **state)
{
	struct throttle t = THROTTLE_INIT(100, SECOND);
	unsigned i, passed = 0;

	(void)state;
	for (i = 0; i < MANY; i++)
		passed += throttle_pass(&t, 1, "one");
	assert_int_equal(passed, 55);
	for (i = 0; i < 60; i++) {
		now += SECOND;
		passed += throttle_pass(&t, 1, "one");
		passed += throttle_pass(&t, 1, "one");
	}
	assert_in_range(passed, 110, 120);
}

/* Any number of callers gets no more than there is for the kind. */
static void
test_many_callers(void **state)
{
	static struct throttle t = THROTTLE_INIT(100, SECOND);
	unsigned i, passed = 0;
	char name[32];

	(void)state;
	for (i = 0; i < 100 * MANY; i++) {
		now += SECOND / MANY;
		(void)snprintf(name, sizeof(name), "caller %u", i);
		passed += throttle_pass(&t, 1, name);
	}
	assert_in_range(passed, 199, 201);
	/* They leave room for another kind. */
	assert_true(throttle_pass(&t, 2, "caller 0"));
	/* Of one there is at least one. */
	t = (struct throttle)THROTTLE_INIT(1, SECOND);
	assert_true(throttle_pass(&t, 1, "a"));
	now += SECOND;
	assert_false(throttle_pass(&t, 1, "a"));
	assert_true(throttle_pass(&t, 1, "b"));
}

static void
test_hash(void **state)
{
	(void)state;
	assert_int_equal(hash_text(0, NULL), hash_text(0, ""));
	assert_int_not_equal(
	    hash_text(hash_text(0, "a"), "b"), hash_text(0, "ab"));
	assert_int_not_equal(
	    hash_text(hash_text(0, "a"), ""), hash_text(hash_text(0, ""), "a"));
}

static void *
pass_many(void *arg)
{
	static struct throttle t = THROTTLE_INIT(100, SECOND);
	unsigned *passed = arg;

	*passed = count_passed(&t, 1, 100 * MANY);
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	unsigned passed[4], sum = 0;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, pass_many, &passed[i]),
		    0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sum += passed[i];
	}
	assert_int_equal(sum, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_too_many_kinds),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_one_caller),
		cmocka_unit_test(test_many_callers),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
