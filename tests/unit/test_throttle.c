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
		passed += throttle_pass(throttle, kind);
	return passed;
}

static void
test_burst(void **state)
{
	static const unsigned bursts[] = { 1, 2, 100 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		struct throttle t = { bursts[i], SECOND, { 0 } };

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

static void
test_kinds(void **state)
{
	struct throttle t = { 1, SECOND, { 0 } };
	uint64_t one = throttle_hash(0, "/a"), other = throttle_hash(0, "/b");

	(void)state;
	assert_true(throttle_pass(&t, one));
	assert_false(throttle_pass(&t, one));
	assert_true(throttle_pass(&t, other));
}

static void
test_hash(void **state)
{
	(void)state;
	assert_int_equal(throttle_hash(0, NULL), throttle_hash(0, ""));
	assert_int_not_equal(
	    throttle_hash(throttle_hash(0, "a"), "b"), throttle_hash(0, "ab"));
	assert_int_not_equal(throttle_hash(throttle_hash(0, "a"), ""),
	    throttle_hash(throttle_hash(0, ""), "a"));
}

static void *
pass_many(void *arg)
{
	static struct throttle t = { 100, SECOND, { 0 } };
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
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
