/* SPDX-License-Identifier: MIT */
/*
 * test_budget - handler/budget: who gets memory for a large body, who waits,
 * and who is cut off
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* The module itself, which waits less: its sum and its times are looked at. */
#include "../../handler/budget.h"
#undef BUDGET_PATIENCE
#undef BUDGET_WAIT
#define BUDGET_PATIENCE 100000
#define BUDGET_WAIT	300000
#include "../../handler/budget.c"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define KIB	     ((size_t)1 << 10)
#define MIB	     ((size_t)1 << 20)
#define SECOND	     1000000

static atomic_int cuts;

static void
count_cut(void *peer)
{
	atomic_store((atomic_bool *)peer, true);
	atomic_fetch_add(&cuts, 1);
}

/* A body, whose peer lets go as soon as it is cut off where it is watched. */
struct body {
	struct budget_share share;
	atomic_bool cut;
};

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(taken, 0);
	budget_set(16 * MIB);
	atomic_store(&cuts, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(taken, 0);
	assert_null(first);
	assert_null(shares);
	return 0;
}

/* A body that began so many microseconds ago. */
static void
join(struct body *b, int64_t age)
{
	atomic_init(&b->cut, false);
	budget_join(&b->share, clock_monotonic() - age, count_cut, &b->cut);
}

static void
must_take(struct body *b, size_t len)
{
	size_t want = len > BUDGET_FREE ? len : 0;

	if (!budget_take(&b->share, len))
		fail_msg("%zu bytes: got no, want yes", len);
	if (b->share.taken != want)
		fail_msg(
		    "%zu bytes: got %zu, want %zu", len, b->share.taken, want);
}

static void
must_refuse(struct body *b, size_t len)
{
	size_t before = b->share.taken;

	if (budget_take(&b->share, len))
		fail_msg("%zu bytes: got yes, want no", len);
	assert_int_equal(b->share.taken, before);
}

/* Nothing has come for so many microseconds. */
static void
stall(struct body *b, int64_t time)
{
	b->share.marks[0].at = clock_monotonic() - time;
	b->share.marks[0].len = b->share.len - 1;
	b->share.marks[1] = b->share.marks[0];
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
	const size_t sizes[] = { 0, 1, 64 * KIB, 64 * KIB + 1, 100 * KIB,
		MIB + 1, 16 * MIB };
	struct body b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		join(&b, 0);
		must_take(&b, sizes[i]);
		assert_int_equal(taken, b.share.taken);
		budget_give(&b.share);
		assert_int_equal(taken, 0);
	}
}

/* As a body arrives: what has arrived is taken, and no more. */
static void
test_growing(void **state)
{
	struct body b;
	size_t len;

	(void)state;
	join(&b, 0);
	for (len = 0; len <= 16 * MIB; len += 16 * KIB) {
		must_take(&b, len);
		assert_int_equal(taken, len > 64 * KIB ? len : 0);
	}
	budget_give(&b.share);
}

/* A body that never joined a request, or was given back, is nothing. */
static void
test_give_twice(void **state)
{
	struct body a = { 0 }, b;

	(void)state;
	budget_give(&a.share);
	join(&a, 0);
	join(&b, 0);
	must_take(&a, MIB);
	must_take(&b, MIB);
	budget_give(&a.share);
	budget_give(&a.share);
	assert_int_equal(taken, MIB);
	budget_give(&b.share);
}

/* The budget and one largest body are the most that there is. */
static void
test_most(void **state)
{
	struct body a, b, small;

	(void)state;
	join(&a, 0);
	join(&b, 0);
	join(&small, 0);
	must_take(&a, 64 * KIB + 1);
	must_take(&b, 12 * MIB);
	must_take(&a, 16 * MIB);
	assert_int_equal(taken, 28 * MIB);
	budget_settle(&a.share);
	must_refuse(&b, 12 * MIB + 1);
	must_take(&small, 64 * KIB);
	budget_give(&a.share);
	must_take(&b, 16 * MIB);
	/* It is the first now, and needs no room. */
	join(&a, 0);
	budget_set(MIB);
	must_refuse(&a, 64 * KIB + 1);
	must_take(&b, 20 * MIB);
	budget_give(&b.share);
	budget_give(&a.share);
}

/* Holds a share until it is cut off, as the thread of a request does. */
static void *
hold(void *arg)
{
	const struct timespec pause = { 0, 1000000 };
	struct body *b = arg;
	int i;

	for (i = 0; i < 5000 && !atomic_load(&b->cut); i++)
		(void)nanosleep(&pause, NULL);
	budget_settle(&b->share);
	budget_give(&b->share);
	return NULL;
}

/* One that stalls goes at once, however much it has sent before. */
static void
test_slowest_goes(void **state)
{
	struct body slow, slower, fast, asks;
	pthread_t thread;
	int64_t start;

	(void)state;
	join(&fast, 0);
	join(&slow, 0);
	join(&slower, 0);
	join(&asks, 0);
	must_take(&fast, 4 * MIB);
	must_take(&slow, 6 * MIB);
	must_take(&slower, 6 * MIB);
	must_take(&asks, 64 * KIB);
	stall(&slow, 2 * SECOND);
	stall(&slower, 3 * SECOND);
	assert_int_equal(pthread_create(&thread, NULL, hold, &slower), 0);
	start = clock_monotonic();
	must_take(&asks, MIB);
	if (clock_monotonic() - start >= BUDGET_PATIENCE)
		print_message("# this machine is slow\n");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&cuts), 1);
	assert_true(budget_was_cut(&slower.share));
	assert_false(budget_was_cut(&slow.share));
	must_take(&asks, 6 * MIB);
	budget_give(&fast.share);
	budget_give(&slow.share);
	budget_give(&asks.share);
}

/* One that trickles without ever stalling is known by its whole body. */
static void
test_trickling_goes(void **state)
{
	struct body trickles, asks;
	pthread_t thread;

	(void)state;
	join(&trickles, 1000 * SECOND);
	join(&asks, 0);
	must_take(&trickles, 16 * MIB);
	must_take(&asks, 64 * KIB);
	assert_int_equal(pthread_create(&thread, NULL, hold, &trickles), 0);
	must_take(&asks, 100 * KIB);
	assert_int_equal(pthread_join(thread, NULL), 0);
	budget_give(&asks.share);
}

/* Fast enough, yet slower than the one that asks: after a while only. */
static void
test_fast_has_time(void **state)
{
	struct body holds, asks;
	pthread_t thread;
	int64_t start;

	(void)state;
	join(&holds, 8 * SECOND);
	join(&asks, 0);
	must_take(&holds, 16 * MIB);
	must_take(&asks, 64 * KIB);
	assert_int_equal(pthread_create(&thread, NULL, hold, &holds), 0);
	start = clock_monotonic();
	must_take(&asks, MIB);
	assert_in_range(
	    clock_monotonic() - start, BUDGET_PATIENCE, 60 * SECOND);
	assert_int_equal(pthread_join(thread, NULL), 0);
	budget_give(&asks.share);
}

/* Those that come equally fast wait for each other. */
static void
test_equals_take_turns(void **state)
{
	struct body holds, asks;

	(void)state;
	join(&holds, SECOND);
	join(&asks, SECOND);
	must_take(&holds, 15 * MIB);
	must_take(&asks, MIB);
	asks.share.len = 30 * MIB;
	must_refuse(&asks, 2 * MIB);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&holds.share);
	budget_give(&asks.share);
}

/* The one that asks is the slowest: it waits, and then it is refused. */
static void
test_slowest_waits(void **state)
{
	struct body holds, asks;
	int64_t start;

	(void)state;
	join(&holds, 0);
	join(&asks, 10 * SECOND);
	must_take(&holds, 16 * MIB);
	must_take(&asks, 64 * KIB);
	start = clock_monotonic();
	must_refuse(&asks, 64 * KIB + 1);
	assert_in_range(clock_monotonic() - start, BUDGET_WAIT, 60 * SECOND);
	assert_int_equal(atomic_load(&cuts), 0);
	assert_false(budget_was_cut(&asks.share));
	/* It has waited as long as it may. */
	start = clock_monotonic();
	must_refuse(&asks, 64 * KIB + 1);
	budget_give(&holds.share);
	must_take(&asks, MIB);
	budget_give(&asks.share);
}

/* A body that is there is not cut off, however slowly it came. */
static void
test_settled_stays(void **state)
{
	struct body holds, asks;

	(void)state;
	join(&holds, 1000 * SECOND);
	join(&asks, 0);
	must_take(&holds, 16 * MIB);
	must_take(&asks, 64 * KIB);
	budget_settle(&holds.share);
	must_refuse(&asks, MIB);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&holds.share);
	budget_give(&asks.share);
}

struct asker {
	struct body body;
	size_t len;
	bool got;
};

static void *
ask(void *arg)
{
	struct asker *a = arg;

	a->got = budget_take(&a->body.share, a->len);
	budget_settle(&a->body.share);
	budget_give(&a->body.share);
	return NULL;
}

/* One that waits for room is in the way of a faster one like any other. */
static void
test_waiting_goes(void **state)
{
	const struct timespec pause = { 0, 10000000 };
	struct asker slow = { .len = 12 * MIB };
	struct body holds, asks;
	pthread_t thread;

	(void)state;
	join(&holds, 0);
	join(&slow.body, 100 * SECOND);
	join(&asks, 0);
	must_take(&holds, 8 * MIB);
	budget_settle(&holds.share);
	must_take(&slow.body, 4 * MIB);
	must_take(&asks, 4 * MIB);
	assert_int_equal(pthread_create(&thread, NULL, ask, &slow), 0);
	(void)nanosleep(&pause, NULL);
	must_take(&asks, 8 * MIB);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(slow.got);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&holds.share);
	budget_give(&asks.share);
}

#define THREADS 16
#define ROUNDS	200

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
	struct body b;
	size_t had, len;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		join(&b, 0);
		had = 0;
		seed = seed * 1103515245 + 12345;
		len = (size_t)(seed >> 16) % 256 * 64 * KIB;
		if (budget_take(&b.share, len)) {
			had = b.share.taken;
			note_most(atomic_fetch_add(&held, had) + had);
			atomic_fetch_add(&served, 1);
		}
		budget_settle(&b.share);
		atomic_fetch_sub(&held, had);
		budget_give(&b.share);
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

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		ROW(test_sizes),
		ROW(test_growing),
		ROW(test_give_twice),
		ROW(test_most),
		ROW(test_slowest_goes),
		ROW(test_trickling_goes),
		ROW(test_fast_has_time),
		ROW(test_equals_take_turns),
		ROW(test_slowest_waits),
		ROW(test_settled_stays),
		ROW(test_waiting_goes),
		ROW(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
