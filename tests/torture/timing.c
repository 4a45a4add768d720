/* SPDX-License-Identifier: MIT */
/*
 * timing - does a comparison of secrets take as long whatever they are?
 *
 * As dudect does it: two classes of guesses at one MAC, in an order that
 * chance makes, each comparison timed by itself, and Welch's t-test between
 * the two, over all of them and with the slowest cropped. The largest |t|
 * counts. Below 4.5 nothing is seen; chance gives more than that now and
 * then, and so does a busy machine, so there are three tries, and the best
 * of them fails only at 10.
 *
 * The control is a comparison that stops at the first byte that differs,
 * which has to give far more. What is timed is lib/base/secret and nothing
 * around it. HOOKDIR_LONG=1 makes ten times as many comparisons.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "base/secret.h"

#define COMPARISONS 1200000 /* of one try, both classes together */
#define BATCH	    20000
#define LENGTH	    32 /* of an HMAC-SHA256 */
#define CROPS	    8
#define TRIES	    3
#define NOTHING	    4.5	 /* dudect: below this, nothing is seen */
#define LIMIT	    10.0 /* dudect: above this, it leaks for certain */
#define WELL_ABOVE  50.0

typedef bool compare_fn(const void *a, const void *b, size_t len);

/* A guess of a class; the right answer is in mac. */
typedef void guess_fn(
    unsigned char guess[LENGTH], const unsigned char mac[LENGTH]);

struct scene {
	const char *what;
	guess_fn *guess[2];
};

/* Mean and variance, one value at a time (Welford) */
struct sample {
	double n, mean, squares;
};

static uint64_t state[2];
static volatile bool sink;

/* xorshift128+: what class is next, and what is in a random guess */
static uint64_t
chance(void)
{
	uint64_t x = state[0], y = state[1];

	state[0] = y;
	x ^= x << 23;
	state[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return state[1] + y;
}

/* Cycles where they can be had, else nanoseconds */
static uint64_t
ticks(void)
{
#if defined(__x86_64__)
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
#else
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* Not inlined: the real one is not either. */
static bool __attribute__((noinline))
early_exit(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] != q[i])
			return false;
		__asm__ volatile("");
	}
	return true;
}

static void
guess_right(unsigned char guess[LENGTH], const unsigned char mac[LENGTH])
{
	memcpy(guess, mac, LENGTH);
}

static void
guess_random(unsigned char guess[LENGTH], const unsigned char mac[LENGTH])
{
	uint64_t word;
	size_t i;

	(void)mac;
	for (i = 0; i < LENGTH; i += sizeof(word)) {
		word = chance();
		memcpy(guess + i, &word, sizeof(word));
	}
}

static void
guess_first_right(unsigned char guess[LENGTH], const unsigned char mac[LENGTH])
{
	guess_random(guess, mac);
	guess[0] = mac[0];
}

static void
guess_first_wrong(unsigned char guess[LENGTH], const unsigned char mac[LENGTH])
{
	memcpy(guess, mac, LENGTH);
	guess[0] ^= (unsigned char)(1 + chance() % 255);
}

static void
guess_last_wrong(unsigned char guess[LENGTH], const unsigned char mac[LENGTH])
{
	memcpy(guess, mac, LENGTH);
	guess[LENGTH - 1] ^= (unsigned char)(1 + chance() % 255);
}

static const struct scene scenes[] = {
	{ "the right MAC against random ones", { guess_right, guess_random } },
	{ "the first byte wrong against the last byte wrong",
	    { guess_first_wrong, guess_last_wrong } },
	{ "the first byte right and no other, against the last byte wrong",
	    { guess_first_right, guess_last_wrong } },
};

static void
push(struct sample *s, double value)
{
	double off = value - s->mean;

	s->n += 1;
	s->mean += off / s->n;
	s->squares += off * (value - s->mean);
}

/* Welch: the means differ by so many standard errors. */
static double
welch(const struct sample s[2])
{
	double error;

	if (s[0].n < 2 || s[1].n < 2)
		return 0;
	error = s[0].squares / (s[0].n - 1) / s[0].n +
	    s[1].squares / (s[1].n - 1) / s[1].n;
	return error > 0 ? fabs(s[0].mean - s[1].mean) / sqrt(error) : 0;
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* dudect's percentiles: dense where most of the values are */
static void
find_crops(const uint64_t took[BATCH], uint64_t crops[CROPS])
{
	static uint64_t sorted[BATCH];
	double part;
	int i;

	memcpy(sorted, took, sizeof(sorted));
	qsort(sorted, BATCH, sizeof(*sorted), by_size);
	crops[0] = UINT64_MAX;
	for (i = 1; i < CROPS; i++) {
		part = 1 - pow(0.5, 10.0 * i / CROPS);
		crops[i] = sorted[(size_t)(part * (BATCH - 1))];
	}
}

/* Times one batch of guesses, of classes that chance chose. */
static void
measure(compare_fn *compare, const struct scene *scene,
    unsigned char classes[BATCH], uint64_t took[BATCH])
{
	static unsigned char guesses[BATCH][LENGTH];
	unsigned char mac[LENGTH];
	uint64_t start;
	int i;

	guess_random(mac, mac);
	for (i = 0; i < BATCH; i++) {
		classes[i] = (unsigned char)(chance() >> 40 & 1);
		scene->guess[classes[i]](guesses[i], mac);
	}
	for (i = 0; i < BATCH; i++) {
		start = ticks();
		sink = compare(guesses[i], mac, LENGTH);
		took[i] = ticks() - start;
	}
}

/* The largest |t| of one try */
static double
largest_t(compare_fn *compare, const struct scene *scene, long comparisons)
{
	static unsigned char classes[BATCH];
	static uint64_t took[BATCH];
	struct sample samples[CROPS][2] = { 0 };
	uint64_t crops[CROPS];
	double t, most = 0;
	long done;
	int i, c;

	/* The first batch warms up, and says where to crop. */
	measure(compare, scene, classes, took);
	find_crops(took, crops);
	for (done = 0; done < comparisons; done += BATCH) {
		measure(compare, scene, classes, took);
		for (i = 0; i < BATCH; i++)
			for (c = 0; c < CROPS; c++)
				if (took[i] <= crops[c])
					push(&samples[c][classes[i]],
					    (double)took[i]);
	}
	for (c = 0; c < CROPS; c++) {
		t = welch(samples[c]);
		if (t > most)
			most = t;
	}
	return most;
}

static void
figure(const char *what, const char *scene, double t, int tries,
    const char *target)
{
	printf("# figure timing | %s: %s, largest abs(t) | %.2f (try %d) "
	       "| %s\n",
	    what, scene, t, tries, target);
	(void)fflush(stdout);
}

static bool
is_constant(const struct scene *scene, long comparisons)
{
	double t, best = INFINITY;
	int tries = 0;

	while (tries < TRIES && best >= NOTHING) {
		t = largest_t(secret_equal, scene, comparisons);
		if (t < best)
			best = t;
		tries++;
	}
	figure("secret_equal", scene->what, best, tries,
	    best < NOTHING ? "below 4.5" : "below 4.5; fails from 10");
	return best < LIMIT;
}

static bool
is_seen(const struct scene *scene, long comparisons)
{
	double t = largest_t(early_exit, scene, comparisons);

	figure("early exit", scene->what, t, 1, "above 50");
	return t > WELL_ABOVE;
}

static int number;

static bool
verdict(bool good, const char *what, const struct scene *scene)
{
	printf("%sok %d - %s: %s\n", good ? "" : "not ", ++number, what,
	    scene->what);
	(void)fflush(stdout);
	return good;
}

int
main(void)
{
	const char *wanted = getenv("HOOKDIR_LONG");
	long comparisons = COMPARISONS;
	const size_t count = sizeof(scenes) / sizeof(*scenes);
	bool good = true;
	size_t i;

	if (wanted && *wanted && strcmp(wanted, "0") != 0)
		comparisons *= 10;
	if (getrandom(state, sizeof(state), 0) != (ssize_t)sizeof(state)) {
		puts("Bail out! no random numbers");
		return 1;
	}
	printf("1..%zu\n", 2 * count);
	printf("# figure timing | comparisons of one try | %ld | 1000000 "
	       "or more\n",
	    comparisons);
	for (i = 0; i < count; i++)
		good &= verdict(is_constant(&scenes[i], comparisons),
		    "secret_equal takes as long", &scenes[i]);
	for (i = 0; i < count; i++)
		good &= verdict(is_seen(&scenes[i], comparisons),
		    "a comparison that stops early is seen", &scenes[i]);
	return good ? 0 : 1;
}
