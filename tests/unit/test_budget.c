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
#undef BUDGET_WAIT
#define BUDGET_WAIT 300000
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
	assert_int_equal(large, 0);
	assert_null(extra);
	assert_null(leaving);
	assert_null(shares);
	return 0;
}

static void
join(struct body *b)
{
	atomic_init(&b->cut, false);
	budget_join(&b->share, count_cut, &b->cut);
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

/* A new body that has held so much for so many microseconds. */
static void
must_hold(struct body *b, size_t len, int64_t age)
{
	join(b);
	must_take(b, len);
	b->share.since -= age;
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
		MIB + 1, 8 * MIB };
	struct body b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		join(&b);
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
	join(&b);
	for (len = 0; len <= 8 * MIB; len += 16 * KIB) {
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
	join(&a);
	join(&b);
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
	struct body a, b, c, small;

	(void)state;
	must_hold(&a, 8 * MIB, 0);
	must_hold(&b, 64 * KIB + 1, 0);
	must_take(&b, 16 * MIB);
	assert_ptr_equal(extra, &b.share);
	assert_int_equal(taken, 8 * MIB);
	join(&c);
	must_take(&c, MIB);
	must_refuse(&c, MIB + 1);
	must_refuse(&a, 8 * MIB + 1);
	must_hold(&small, 64 * KIB, 0);
	budget_give(&b.share);
	must_take(&c, 40 * MIB);
	assert_ptr_equal(extra, &c.share);
	budget_give(&a.share);
	budget_give(&c.share);
	budget_give(&small.share);
}

/* Larger ones have half of it, however many they are. */
static void
test_room_for_small(void **state)
{
	struct body larger[3], small[8];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(larger); i++)
		must_hold(&larger[i], 4 * MIB, 0);
	for (i = 0; i < COUNT(small); i++)
		must_hold(&small[i], MIB, 0);
	assert_int_equal(taken, 16 * MIB);
	for (i = 0; i < COUNT(larger); i++)
		budget_give(&larger[i].share);
	for (i = 0; i < COUNT(small); i++)
		budget_give(&small[i].share);
	assert_int_equal(atomic_load(&cuts), 0);
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

/* Fills the budget with bodies of MIB and the place on top with another. */
static void
fill(struct body *bodies, struct body *on_top, int64_t age)
{
	size_t i;

	for (i = 0; taken < 16 * MIB; i++)
		must_hold(&bodies[i], MIB, age);
	must_hold(on_top, MIB, age);
	assert_ptr_equal(extra, &on_top->share);
	assert_int_equal(taken, 16 * MIB);
}

static void
empty(struct body *bodies, struct body *on_top)
{
	size_t i;

	for (i = 0; i < 16; i++)
		budget_give(&bodies[i].share);
	budget_give(&on_top->share);
}

/* That goes which has held the most for the longest, and it alone. */
static void
test_heaviest_goes(void **state)
{
	struct body bodies[16], on_top, asks;
	pthread_t thread;

	(void)state;
	fill(bodies, &on_top, 3 * SECOND);
	bodies[5].share.since -= SECOND;
	assert_int_equal(pthread_create(&thread, NULL, hold, &bodies[5]), 0);
	join(&asks);
	must_take(&asks, 100 * KIB);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&cuts), 1);
	assert_true(budget_was_cut(&bodies[5].share));
	budget_give(&asks.share);
	empty(bodies, &on_top);
}

/* The one on top of the budget is no exception: its place is free then. */
static void
test_extra_goes(void **state)
{
	struct body bodies[16], on_top, asks;
	pthread_t thread;

	(void)state;
	fill(bodies, &on_top, 2 * SECOND);
	must_take(&on_top, 8 * MIB);
	assert_int_equal(pthread_create(&thread, NULL, hold, &on_top), 0);
	join(&asks);
	must_take(&asks, 100 * KIB);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&cuts), 1);
	assert_ptr_equal(extra, &asks.share);
	budget_give(&asks.share);
	empty(bodies, &on_top);
}

/* No body goes in its first second, none that is there, none for a worse. */
static void
test_nobody_goes(void **state)
{
	struct body bodies[16], on_top, asks;
	int64_t start;
	size_t i;

	(void)state;
	fill(bodies, &on_top, 0);
	join(&asks);
	start = clock_monotonic();
	must_refuse(&asks, 100 * KIB);
	assert_in_range(clock_monotonic() - start, BUDGET_WAIT, 60 * SECOND);
	/* It has waited as long as it may. */
	must_refuse(&asks, 100 * KIB);
	assert_false(budget_was_cut(&asks.share));
	budget_give(&asks.share);
	for (i = 0; i < 16; i++) {
		budget_settle(&bodies[i].share);
		bodies[i].share.since -= 1000 * SECOND;
	}
	on_top.share.since -= 10 * SECOND;
	must_refuse(&bodies[0], MIB + 1);
	budget_settle(&on_top.share);
	join(&asks);
	must_refuse(&asks, 100 * KIB);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&asks.share);
	empty(bodies, &on_top);
}

/* When the process ends nobody waits. */
static void
test_stop(void **state)
{
	struct body bodies[16], on_top, asks;

	(void)state;
	fill(bodies, &on_top, 0);
	budget_stop();
	join(&asks);
	must_refuse(&asks, 100 * KIB);
	assert_int_equal(asks.share.waited, 0);
	budget_give(&asks.share);
	empty(bodies, &on_top);
	stopped = false;
}

/* One of up to MIB does not go for a larger one. */
static void
test_small_stays(void **state)
{
	struct body small[8], larger, on_top, asks;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(small); i++)
		must_hold(&small[i], MIB, 1000 * SECOND);
	must_hold(&larger, 8 * MIB, 0);
	must_hold(&on_top, 2 * MIB, 0);
	must_hold(&asks, 64 * KIB, 0);
	must_refuse(&asks, 2 * MIB);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&asks.share);
	budget_give(&larger.share);
	budget_give(&on_top.share);
	for (i = 0; i < COUNT(small); i++)
		budget_give(&small[i].share);
}

/* The time that a body waits for room does not count against it. */
static void
test_waiting_is_free(void **state)
{
	struct body bodies[16], on_top, asks;
	int64_t since;

	(void)state;
	fill(bodies, &on_top, 0);
	join(&asks);
	since = clock_monotonic();
	must_refuse(&asks, 100 * KIB);
	assert_in_range(asks.share.since, since + BUDGET_WAIT, INT64_MAX);
	budget_give(&asks.share);
	empty(bodies, &on_top);
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

/* One that waits for room is in the way like any other. */
static void
test_waiting_goes(void **state)
{
	const struct timespec pause = { 0, 10000000 };
	struct asker heavy = { .len = 2 * MIB };
	struct body bodies[16], on_top, asks;
	pthread_t thread;

	(void)state;
	must_hold(&heavy.body, MIB, 100 * SECOND);
	bodies[15] = (struct body){ 0 };
	fill(bodies, &on_top, 0);
	assert_int_equal(pthread_create(&thread, NULL, ask, &heavy), 0);
	(void)nanosleep(&pause, NULL);
	join(&asks);
	must_take(&asks, 100 * KIB);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(heavy.got);
	assert_int_equal(atomic_load(&cuts), 0);
	budget_give(&asks.share);
	empty(bodies, &on_top);
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
		join(&b);
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
		ROW(test_room_for_small),
		ROW(test_heaviest_goes),
		ROW(test_extra_goes),
		ROW(test_nobody_goes),
		ROW(test_stop),
		ROW(test_small_stays),
		ROW(test_waiting_is_free),
		ROW(test_waiting_goes),
		ROW(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
