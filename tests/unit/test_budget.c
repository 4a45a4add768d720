/* SPDX-License-Identifier: MIT */
/*
 * test_budget - handler/budget: who gets memory for a large body, and who not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* The module itself: its sum is looked at. */
#include "../../handler/budget.c"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define KIB	     ((size_t)1 << 10)
#define MIB	     ((size_t)1 << 20)

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(taken, 0);
	budget_set(16 * MIB);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(taken, 0);
	assert_null(first);
	return 0;
}

static void
must_take(size_t *share, size_t len, size_t want)
{
	if (!budget_take(share, len))
		fail_msg("%zu bytes: got no, want yes", len);
	if (*share != want)
		fail_msg("%zu bytes: got %zu, want %zu", len, *share, want);
}

static void
must_refuse(size_t *share, size_t len)
{
	if (budget_take(share, len))
		fail_msg("%zu bytes: got yes, want no", len);
}

static void
test_default(void **state)
{
	(void)state;
	assert_int_equal(budget, 64 * MIB);
}

static void
test_sizes(void **state)
{
	const struct {
		size_t len, want;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 64 * KIB, 0 },
		{ 64 * KIB + 1, 128 * KIB },
		{ 128 * KIB, 128 * KIB },
		{ 128 * KIB + 1, 256 * KIB },
		{ MIB - 1, MIB },
		{ MIB, MIB },
		{ MIB + 1, 2 * MIB },
		{ 9 * MIB, 16 * MIB },
		{ 16 * MIB, 16 * MIB },
	};
	size_t share, i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		share = 0;
		must_take(&share, rows[i].len, rows[i].want);
		assert_int_equal(taken, rows[i].want);
		budget_give(&share);
		assert_int_equal(share, 0);
		assert_int_equal(taken, 0);
	}
}

/* As a body arrives: only what is new is taken. */
static void
test_growing(void **state)
{
	size_t share = 0, len;

	(void)state;
	for (len = 0; len <= 16 * MIB; len += 16 * KIB) {
		if (!budget_take(&share, len))
			fail_msg("%zu bytes: got no, want yes", len);
		assert_true(len <= 64 * KIB || share >= len);
		assert_true(share < 2 * len || share == 0);
		assert_int_equal(taken, share);
	}
	/* It never shrinks: the buffer does not, either. */
	must_take(&share, 1, 16 * MIB);
	budget_give(&share);
}

static void
test_full(void **state)
{
	size_t a = 0, b = 0, c = 0, small = 0;

	(void)state;
	must_take(&a, 8 * MIB, 8 * MIB);
	must_take(&b, 8 * MIB, 8 * MIB);
	must_refuse(&c, 64 * KIB + 1);
	assert_int_equal(c, 0);
	assert_int_equal(taken, 16 * MIB);
	/* Small ones are no matter of it, nor what is held already. */
	must_take(&small, 64 * KIB, 0);
	must_take(&a, 8 * MIB, 8 * MIB);
	budget_give(&a);
	must_take(&c, 64 * KIB + 1, 128 * KIB);
	must_take(&c, 4 * MIB, 4 * MIB);
	must_refuse(&a, 4 * MIB + 1);
	must_take(&a, 4 * MIB, 4 * MIB);
	assert_int_equal(taken, 16 * MIB);
	budget_give(&a);
	budget_give(&b);
	budget_give(&c);
}

/* The budget and one largest body are the most that there is. */
static void
test_most(void **state)
{
	size_t a = 0, b = 0, c = 0;

	(void)state;
	must_take(&a, 64 * KIB + 1, 128 * KIB);
	must_take(&b, 8 * MIB, 8 * MIB);
	must_take(&c, 4 * MIB, 4 * MIB);
	must_take(&a, 16 * MIB, 16 * MIB);
	assert_int_equal(taken, 28 * MIB);
	must_refuse(&b, 8 * MIB + 1);
	must_refuse(&c, 4 * MIB + 1);
	/* When it is done, the next that asks cannot be refused. */
	budget_give(&a);
	must_take(&c, 16 * MIB, 16 * MIB);
	must_refuse(&b, 8 * MIB + 1);
	assert_int_equal(b, 8 * MIB);
	assert_int_equal(taken, 24 * MIB);
	budget_give(&b);
	must_refuse(&a, 64 * KIB + 1);
	budget_give(&c);
	must_take(&a, 64 * KIB + 1, 128 * KIB);
	budget_give(&a);
}

/* One alone gets what it needs, and the others nothing meanwhile. */
static void
test_alone(void **state)
{
	size_t large = 0, other = 0;

	(void)state;
	budget_set(MIB);
	must_take(&large, 100 * MIB, 128 * MIB);
	must_refuse(&other, 64 * KIB + 1);
	budget_give(&large);
	must_take(&other, 64 * KIB + 1, 128 * KIB);
	must_refuse(&large, 100 * MIB);
	budget_give(&other);
	budget_give(&large);
}

static void
test_give_twice(void **state)
{
	size_t share = 0, other = 0;

	(void)state;
	budget_give(&share);
	must_take(&share, MIB, MIB);
	must_take(&other, MIB, MIB);
	budget_give(&share);
	budget_give(&share);
	assert_int_equal(taken, MIB);
	budget_give(&other);
}

/* Of two that need all of it, one at least is served in the end. */
static void
test_meeting(void **state)
{
	size_t a = 0, b = 0;
	bool one, other;

	(void)state;
	must_take(&a, 8 * MIB, 8 * MIB);
	must_take(&b, 8 * MIB, 8 * MIB);
	one = budget_take(&a, 16 * MIB);
	other = budget_take(&b, 16 * MIB);
	if (one == other)
		fail_msg("got %s, want one of them served",
		    one ? "both served" : "both refused");
	budget_give(&a);
	budget_give(&b);
}

#define THREADS 16
#define ROUNDS	2000

static atomic_size_t held, most, served;

static void
note_most(size_t now)
{
	size_t before = atomic_load(&most);

	while (
	    now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
}

static void *
take_and_give(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	size_t share, had, len;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		share = had = 0;
		seed = seed * 1103515245 + 12345;
		len = (size_t)(seed >> 16) % 256 * 64 * KIB;
		if (budget_take(&share, len)) {
			had = share;
			note_most(atomic_fetch_add(&held, had) + had);
			atomic_fetch_add(&served, 1);
		}
		atomic_fetch_sub(&held, had);
		budget_give(&share);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[THREADS];
	unsigned seeds[THREADS], i;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		seeds[i] = i + 1;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_and_give, &seeds[i]),
		    0);
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&held), 0);
	/* The largest are of 16 MiB. */
	assert_in_range(atomic_load(&most), 1, 32 * MIB);
	assert_in_range(atomic_load(&served), THREADS, THREADS * ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_growing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_give_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_meeting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_threads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
