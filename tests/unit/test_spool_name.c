/* SPDX-License-Identifier: MIT */
/*
 * test_spool_name - lib/spool/spool_name: what the name of a file says
 *
 * Names as the handler and the runner make them, names that nobody made,
 * and all that can be put together from the pieces of both. Each is read in
 * a block of just its size.
 */
#include "support.h"

#include "spool/spool.h"
#include "spool/spool_name.h"

#define OURS "1795292717.M122167P14716Q1.shop"

/* The name parsed from a block of its size */
static bool
parse(const char *file, struct spool_name *name)
{
	char *copy = strdup(file);
	bool good;

	assert_non_null(copy);
	memset(name, 0xa5, sizeof(*name));
	good = spool_name_parse(copy, name);
	free(copy);
	return good;
}

static void
must_parse(const char *file, struct spool_name *name)
{
	if (!parse(file, name))
		fail_msg("\"%s\" is no message", file);
}

static void
test_a_new_name_says_when_it_arrived(void **state)
{
	static const struct timespec times[] = {
		{ 1795292717, 122167999 },
		{ 1795292717, 0 },
		{ SPOOL_TIME_MIN, 999999999 },
		{ 253402300799, 1000 },
	};
	char file[SPOOL_NAME_SIZE], again[NAME_MAX + 1];
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(times); i++) {
		spool_name_new(times[i], i % 2 ? ".192.0.2.1" : "", file);
		must_parse(file, &name);
		assert_true(name.json);
		assert_int_equal(name.arrived.tv_sec, times[i].tv_sec);
		assert_int_equal(
		    name.arrived.tv_nsec, times[i].tv_nsec / 1000 * 1000);
		spool_name_format(&name, again);
		assert_string_equal(again, file);
	}
}

static void
test_what_a_name_says(void **state)
{
	static const struct {
		const char *file, *base;
		bool json;
		unsigned tries;
		time_t next;
		unsigned later;
	} rows[] = {
		{ OURS ".json", OURS, true, 0, 0, 0 },
		{ OURS ",tries=2.json", OURS, true, 2, 0, 0 },
		{ OURS ",tries=2,next=1795292800.json", OURS, true, 2,
		    1795292800, 0 },
		{ OURS ",next=1795292800.json", OURS, true, 0, 1795292800, 0 },
		{ OURS ",tries=999999.json", OURS, true, 999999, 0, 0 },
		{ OURS ",tries=1000000.json", OURS, true, 999999, 0, 0 },
		{ OURS ",tries=4294967296.json", OURS, true, 999999, 0, 0 },
		{ OURS ",tries=4294967297.json", OURS, true, 999999, 0, 0 },
		{ OURS ",tries=999999999999999999.json", OURS, true, 999999, 0,
		    0 },
		{ OURS ",next=999999999999999999.json", OURS, true, 0,
		    999999999999999999, 0 },
		{ OURS ",later=3.json", OURS, true, 0, 0, 3 },
		{ OURS ",later=3,next=1795292800.json", OURS, true, 0,
		    1795292800, 3 },
		{ OURS ",tries=2,later=3,next=7.json", OURS, true, 2, 7, 3 },
		{ OURS ",tries=2,later=3", OURS, false, 2, 0, 3 },
		{ OURS ",later=999999.json", OURS, true, 0, 0, 999999 },
		{ OURS ",later=1000000.json", OURS, true, 0, 0, 999999 },
		{ OURS ",later=4294967297.json", OURS, true, 0, 0, 999999 },
		/* in another order, all but the last is the base's */
		{ "x,later=3,tries=2.json", "x,later=3", true, 2, 0, 0 },
		{ "x,next=7,later=3.json", "x,next=7", true, 0, 0, 3 },
		{ "x,next=7,tries=3.json", "x,next=7", true, 3, 0, 0 },
		{ "x,tries=2,tries=3.json", "x,tries=2", true, 3, 0, 0 },
		/* what has no ending keeps none */
		{ OURS, OURS, false, 0, 0, 0 },
		{ OURS ",tries=2", OURS, false, 2, 0, 0 },
		{ "order.json.tmp", "order.json.tmp", false, 0, 0, 0 },
		{ "order.JSON", "order.JSON", false, 0, 0, 0 },
		{ "order.json.json", "order.json", true, 0, 0, 0 },
		{ "json", "json", false, 0, 0, 0 },
		{ "xjson", "xjson", false, 0, 0, 0 },
		/* what only looks like it */
		{ "1.M2P3Q4.a,tries=2.shop.json", "1.M2P3Q4.a,tries=2.shop",
		    true, 0, 0, 0 },
		{ "1.M2P3Q4.a,tries=2.shop,tries=3.json",
		    "1.M2P3Q4.a,tries=2.shop", true, 3, 0, 0 },
		{ "x,tries=.json", "x,tries=", true, 0, 0, 0 },
		{ "x,tries=-1.json", "x,tries=-1", true, 0, 0, 0 },
		{ "x,tries=+1.json", "x,tries=+1", true, 0, 0, 0 },
		{ "x,tries= 1.json", "x,tries= 1", true, 0, 0, 0 },
		{ "x,tries=1 .json", "x,tries=1 ", true, 0, 0, 0 },
		{ "x,tries=0x1.json", "x,tries=0x1", true, 0, 0, 0 },
		{ "x,tries=1a.json", "x,tries=1a", true, 0, 0, 0 },
		{ "x,tries=1.5.json", "x,tries=1.5", true, 0, 0, 0 },
		{ "x,Tries=1.json", "x,Tries=1", true, 0, 0, 0 },
		{ "x,tries1.json", "x,tries1", true, 0, 0, 0 },
		{ "xtries=1.json", "xtries=1", true, 0, 0, 0 },
		{ "x, tries=1.json", "x, tries=1", true, 0, 0, 0 },
		{ "x,tries=1,.json", "x,tries=1,", true, 0, 0, 0 },
		{ "x,next=.json", "x,next=", true, 0, 0, 0 },
		{ "x,next=-5.json", "x,next=-5", true, 0, 0, 0 },
		{ "x,tries=1,next=-5.json", "x,tries=1,next=-5", true, 0, 0,
		    0 },
		{ "x,tries=1;next=5.json", "x,tries=1;next=5", true, 0, 0, 0 },
		{ "x,next=18446744073709551617.json",
		    "x,next=18446744073709551617", true, 0, 0, 0 },
		{ "x,other=1.json", "x,other=1", true, 0, 0, 0 },
		{ "a,b,c.json", "a,b,c", true, 0, 0, 0 },
		{ "a,alone.json", "a", true, 0, 0, 0 },
		{ "a,tries=2,later=3,missed=1,alone,next=9.json", "a", true, 2,
		    9, 3 },
		{ "alone.json", "alone", true, 0, 0, 0 },
		{ ",alone.json", ",alone", true, 0, 0, 0 },
		{ "a,alone=1.json", "a,alone=1", true, 0, 0, 0 },
		{ "a,alone,tries=2.json", "a,alone", true, 2, 0, 0 },
		{ "-rf.json", "-rf", true, 0, 0, 0 },
		{ "\xff\n.json", "\xff\n", true, 0, 0, 0 },
	};
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		must_parse(rows[i].file, &name);
		if (strcmp(name.base, rows[i].base) != 0 ||
		    name.json != rows[i].json || name.tries != rows[i].tries ||
		    name.next != rows[i].next || name.later != rows[i].later)
			fail_msg("%s: got \"%s\", %s, %u tries, next %lld",
			    rows[i].file, name.base,
			    name.json ? "json" : "other", name.tries,
			    (long long)name.next);
	}
}

static void
test_no_messages(void **state)
{
	static const char *const rows[] = { "", ".", "..", ".json", ".draft.7",
		".hidden.json", "..json", ".nfs0000000000000001" };
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		if (parse(rows[i], &name))
			fail_msg("\"%s\" is a message", rows[i]);
}

static void
test_time_of_arrival(void **state)
{
	static const struct {
		const char *file;
		struct timespec want;
	} rows[] = {
		{ OURS ".json", { 1795292717, 122167000 } },
		{ OURS ",tries=3,next=9.json", { 1795292717, 122167000 } },
		{ OURS, { 1795292717, 122167000 } },
		{ "1577836800.M000000P1Q1.h.json", { 1577836800, 0 } },
		{ "1577836800.M000001P1Q1.h.json", { 1577836800, 1000 } },
		{ "1577836800.M999999P1Q1.h.json", { 1577836800, 999999000 } },
		/* of a clock that had not been set */
		{ "1577836799.M999999P1Q1.h.json", { 0, 0 } },
		{ "1.M000000P1Q1.h.json", { 0, 0 } },
		{ "9999999999.M000000P1Q1.h.json", { 9999999999, 0 } },
		{ "999999999999999999.M000000P1Q1.h",
		    { 999999999999999999, 0 } },
		/* not of that form */
		{ "1.M1000000P1Q1.h.json", { 0, 0 } },
		{ "1.M999999999999999999P1Q1.h.json", { 0, 0 } },
		{ "1.M9999999999999999999P1Q1.h.json", { 0, 0 } },
		{ "1000000000000000000.M000000P1Q1.h.json", { 0, 0 } },
		{ "99999999999999999999.M000000P1Q1.h.json", { 0, 0 } },
		{ "1.M-00001P1Q1.h.json", { 0, 0 } },
		{ "1.M000001Q1.h.json", { 0, 0 } },
		{ "1.MP1Q1.h.json", { 0, 0 } },
		{ "1.m000001P1Q1.h.json", { 0, 0 } },
		{ "1.000001P1Q1.h.json", { 0, 0 } },
		{ "-1.M000001P1Q1.h.json", { 0, 0 } },
		{ " 1.M000001P1Q1.h.json", { 0, 0 } },
		{ ".M000001P1Q1.h.json", { 0, 0 } },
		{ "1.M000001", { 0, 0 } },
		{ "1.M", { 0, 0 } },
		{ "1.", { 0, 0 } },
		{ "1", { 0, 0 } },
		{ "order.json", { 0, 0 } },
	};
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)parse(rows[i].file, &name);
		if (name.arrived.tv_sec != rows[i].want.tv_sec ||
		    name.arrived.tv_nsec != rows[i].want.tv_nsec)
			fail_msg("%s: got %lld and %ld", rows[i].file,
			    (long long)name.arrived.tv_sec,
			    name.arrived.tv_nsec);
	}
}

static void
assert_format(const struct spool_name *name, const char *want)
{
	/* Just what the header asks for: a byte too many shows. */
	char *file = malloc(NAME_MAX + 1);

	assert_non_null(file);
	memset(file, 'x', NAME_MAX + 1);
	spool_name_format(name, file);
	if (strcmp(file, want) != 0)
		fail_msg("got %s, want %s", file, want);
	free(file);
}

static void
test_names_are_written_as_they_were(void **state)
{
	static const char *const rows[] = { OURS ".json", OURS ",tries=1.json",
		OURS ",tries=999999.json", OURS ",next=1.json",
		OURS ",tries=2,next=1795292800.json",
		OURS ",tries=999999,next=999999999999999999.json",
		OURS ",later=1.json", OURS ",later=999999,next=7.json",
		OURS ",tries=2,later=3,next=1795292800.json",
		OURS ",tries=2,later=3", "a,later=3,tries=2.json",
		"a,next=1,later=2.json", "a,tries=1,tries=1.json", OURS,
		OURS ",tries=7", OURS ",next=7", "a", "a.json.json",
		"a,tries=2.b.json", "a,tries=x.json", "a,b.json", ",.json",
		"%s%n.json", "x,next=.json" };
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		must_parse(rows[i], &name);
		assert_format(&name, rows[i]);
	}
}

/* Only what the runner writes is the runner's; the rest is the base. */
static void
test_numbers_that_the_runner_does_not_write(void **state)
{
	static const char *const rows[] = { "x,tries=0", "x,tries=00",
		"x,tries=07", "x,tries=000000000000000007", "x,next=0",
		"x,next=00", "x,next=05", "x,tries=1,next=0",
		"x,tries=0,next=5", "x,later=0", "x,later=01",
		"x,tries=1,later=0,next=5" };
	char file[NAME_MAX + 1];
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		must_parse(rows[i], &name);
		spool_name_format(&name, file);
		if (strcmp(file, rows[i]) != 0)
			fail_msg("%s: written as %s", rows[i], file);
	}
}

static void
assert_same_name(const char *file, const struct spool_name *got,
    const struct spool_name *want)
{
	if (strcmp(got->base, want->base) != 0 || got->json != want->json ||
	    got->tries != want->tries || got->later != want->later ||
	    got->next != want->next ||
	    got->arrived.tv_sec != want->arrived.tv_sec ||
	    got->arrived.tv_nsec != want->arrived.tv_nsec)
		fail_msg("%s: got \"%s\" %d %u %lld, want \"%s\" %d %u %lld",
		    file, got->base, got->json, got->tries,
		    (long long)got->next, want->base, want->json, want->tries,
		    (long long)want->next);
}

/* Whatever the runner adds, the message is found under its base again. */
static void
assert_base_stays(const char *file)
{
	static const unsigned tries[] = { 0, 1, 10, SPOOL_TRIES_MAX };
	static const time_t next[] = { 0, 1, 1795292800, 253402300799 };
	char written[NAME_MAX + 1];
	struct spool_name name, again;
	size_t i, j;

	if (!parse(file, &name))
		return;
	for (i = 0; i < COUNT(tries); i++)
		for (j = 0; j < COUNT(next); j++) {
			name.tries = tries[i];
			name.later = tries[(i + j) % COUNT(tries)];
			name.next = next[j];
			spool_name_format(&name, written);
			if (!parse(written, &again))
				fail_msg("%s became %s, which is no message",
				    file, written);
			assert_same_name(written, &again, &name);
		}
}

static void
test_what_is_added_can_be_told_from_the_base(void **state)
{
	static const char *const rows[] = { OURS ".json", OURS, "a", "a.b",
		"a,b.json", "a,b", "tries=1.json", "next=1", "a,tries=x.json",
		"a,tries=1x.json", "a,tries=2.b.json", "a,next.json", ",.json",
		"-", "%d.json" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_base_stays(rows[i]);
}

/* Of names that nobody made, too, nothing is changed and none is hidden. */
static void
assert_written_as_it_was(const char *file)
{
	struct spool_name name, again;
	char written[NAME_MAX + 1];

	if (!parse(file, &name))
		return;
	assert_format(&name, file);
	name.tries = name.later = 0;
	name.next = 0;
	spool_name_format(&name, written);
	if (!parse(written, &again))
		fail_msg(
		    "%s became \"%s\", which is no message", file, written);
}

static void
test_all_names_that_pieces_make(void **state)
{
	static const char *const pieces[] = { "", "x",
		",tries=", ",later=", ",next=", "0", "7", ",", ".json" };
	char file[64];
	size_t i, j, n, total = 1;

	(void)state;
	for (i = 0; i < 5; i++)
		total *= COUNT(pieces);
	for (i = 0; i < total; i++) {
		file[0] = '\0';
		for (j = 0, n = i; j < 5; j++, n /= COUNT(pieces))
			(void)strcat(file, pieces[n % COUNT(pieces)]);
		assert_written_as_it_was(file);
	}
}

/* Without a base the name could come to begin with a dot, and be hidden. */
static void
test_base_is_never_empty(void **state)
{
	static const char *const rows[] = { ",tries=2.json", ",next=5.json",
		",tries=2,next=5.json", ",tries=2", ",next=5",
		",tries=2,next=5", ",next=5,tries=2.json", ",later=1.json",
		",later=1,next=2", ",tries=1,later=1,next=2.json" };
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		if (parse(rows[i], &name) && name.base[0] == '\0')
			fail_msg("%s: a message whose base is empty", rows[i]);
}

/* Whatever time the runner waits for, the name says it. */
static void
test_every_time_can_be_said(void **state)
{
	static const time_t rows[] = { 1, 999999999999999999,
		1000000000000000000, INT64_MAX - 1, INT64_MAX };
	char file[NAME_MAX + 1];
	struct spool_name name, again;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		must_parse(OURS ".json", &name);
		name.tries = 3;
		name.next = rows[i];
		spool_name_format(&name, file);
		must_parse(file, &again);
		if (strcmp(again.base, OURS) != 0 || again.tries != 3 ||
		    again.next < (rows[i] == 1 ? 1 : 999999999999999999))
			fail_msg("%lld: written as %s, read as %s, next %lld",
			    (long long)rows[i], file, again.base,
			    (long long)again.next);
	}
}

/* A time before 1970 has passed: as good as none. */
static void
test_times_of_the_past(void **state)
{
	struct spool_name name;

	(void)state;
	must_parse(OURS ",tries=2.json", &name);
	name.next = -1;
	assert_format(&name, OURS ",tries=2.json");
	name.next = INT64_MIN;
	assert_format(&name, OURS ",tries=2.json");
}

/* All that can be a file's name; and all that is added fits, once. */
static void
test_every_length(void **state)
{
	static const char added[] = ",tries=999999,later=999999,missed=999999,"
				    "alone,next=999999999999999999,"
				    "end=archive";
	char file[NAME_MAX + 1], again[NAME_MAX + 1];
	struct spool_name name, other;
	size_t len;

	(void)state;
	for (len = 1; len <= NAME_MAX - 5; len++) {
		memset(file, '7', len);
		(void)snprintf(file + len, sizeof(file) - len, ".json");
		assert_true(parse(file, &name));
		assert_int_equal(strlen(name.base), len);
		spool_name_format(&name, again);
		assert_string_equal(again, file);
		spool_name_shorten(&name);
		if (len <= SPOOL_NAME_SIZE)
			assert_int_equal(strlen(name.base), len);
		name.tries = name.later = name.missed = SPOOL_TRIES_MAX;
		name.alone = true;
		name.next = 999999999999999999;
		name.end = SPOOL_END_ARCHIVE;
		spool_name_format(&name, file);
		assert_true(strlen(file) <= NAME_MAX);
		assert_int_equal(
		    strncmp(file + strlen(name.base), added, strlen(added)), 0);
		assert_true(parse(file, &other));
		assert_string_equal(other.base, name.base);
		assert_int_equal(other.end, SPOOL_END_ARCHIVE);
		assert_int_equal(other.missed, SPOOL_TRIES_MAX);
		assert_true(other.alone);
		spool_name_forget(&other);
		(void)snprintf(again, sizeof(again), "%s.json", name.base);
		assert_format(&other, again);
		spool_name_shorten(&other);
		assert_string_equal(other.base, name.base);
	}
}

/* What differs only far behind differs when it is shortened, too. */
static void
test_shortened_names_differ(void **state)
{
	struct spool_name a, b;
	char file[NAME_MAX + 1];

	(void)state;
	memset(file, '7', NAME_MAX);
	file[NAME_MAX] = '\0';
	assert_true(parse(file, &a));
	file[NAME_MAX - 1] = '8';
	assert_true(parse(file, &b));
	spool_name_shorten(&a);
	spool_name_shorten(&b);
	assert_string_not_equal(a.base, b.base);
	assert_int_equal(strlen(a.base), strlen(b.base));
}

/* Longer than any file's name can be */
static void
test_names_without_end(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct spool_name name;

	(void)state;
	append_times(&text, "7", 1u << 20);
	buf_append(&text, ".json", sizeof(".json"));
	assert_false(parse(text.at, &name));
	buf_reset(&text);
	buf_append_text(&text, "x,tries=");
	append_times(&text, "7", NAME_MAX - 8);
	buf_append(&text, ".json", sizeof(".json"));
	assert_false(parse(text.at, &name));
	buf_free(&text);
}

static void
test_when_it_is_due(void **state)
{
	static const struct {
		time_t next, now;
		bool want;
	} rows[] = {
		{ 0, 1795292717, true },
		{ 1795292716, 1795292717, true },
		{ 1795292717, 1795292717, true },
		{ 1795292718, 1795292717, false },
		{ 1795292717 + SPOOL_NEXT_MAX, 1795292717, false },
		/* written by a clock that was wrong */
		{ 1795292718 + SPOOL_NEXT_MAX, 1795292717, true },
		{ 999999999999999999, 1795292717, true },
		{ INT64_MAX, 1795292717, true },
		/* read by a clock that is wrong */
		{ 1795292717, 0, true },
		{ 1795292717, -1, true },
		{ 5, 0, false },
		{ 0, 0, true },
		{ 0, -1, false },
		{ INT64_MAX, INT64_MAX, true },
	};
	struct spool_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		must_parse(OURS ".json", &name);
		name.next = rows[i].next;
		if (spool_name_is_due(&name, rows[i].now) != rows[i].want)
			fail_msg("%lld at %lld: want %d",
			    (long long)rows[i].next, (long long)rows[i].now,
			    rows[i].want);
	}
}

/* Sign only */
static int
compare(const char *a, const char *b)
{
	char *first = strdup(a), *second = strdup(b);
	int way = spool_name_compare(first, second);

	free(first);
	free(second);
	return (way > 0) - (way < 0);
}

static void
test_order_of_arrival(void **state)
{
	/* each before the next one */
	static const char *const rows[] = { "", "-5.json", "0.json",
		"9.M000001P1Q1.h.json", "10.M000001P1Q1.h.json",
		"999999999.M999999P1Q1.h.json",
		"1795292717.M122166P99999Q9.zzz.json",
		"1795292717.M122167P1Q1.shop,tries=9,next=1.json",
		"1795292717.M122167P2Q1.shop.json",
		"1795292717.M122168P1Q1.aaa.json",
		"1795292718.M000000P1Q1.shop,tries=2.json",
		"1795292718.M000001P1Q1.shop.json",
		"9999999999.M000000P1Q1.h.json",
		"10000000000.M000000P1Q1.h.json", "999999999999999999.x",
		"order-10.json", "order-9.json", "order.json",
		"\xc3\xa6.json" };
	size_t i, j;
	int want;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		for (j = 0; j < COUNT(rows); j++) {
			want = (i > j) - (i < j);
			if (compare(rows[i], rows[j]) != want)
				fail_msg("\"%s\" and \"%s\": got %d, want %d",
				    rows[i], rows[j], compare(rows[i], rows[j]),
				    want);
		}
}

/* Else a sort may do anything: qsort(3) demands an order. */
static void
test_order_has_no_circles(void **state)
{
	static const char *const rows[] = { "", "9", "10", "010", "007", "7",
		"7a", "07b", "999999999999999999", "1000000000000000000",
		"2000000000000000000000000", "0000000000000000000000001",
		"100000000000000000000", "5.M1P2", "5.M10P2", "5", "x", "-1",
		"+1", "/", ":", "0", "00" };
	size_t i, j, k;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		for (j = 0; j < COUNT(rows); j++) {
			assert_int_equal(compare(rows[i], rows[j]),
			    -compare(rows[j], rows[i]));
			assert_int_equal(
			    compare(rows[i], rows[j]) == 0, i == j);
			for (k = 0; k < COUNT(rows); k++)
				if (compare(rows[i], rows[j]) < 0 &&
				    compare(rows[j], rows[k]) < 0 &&
				    compare(rows[i], rows[k]) >= 0)
					fail_msg("\"%s\" < \"%s\" < \"%s\" is "
						 "a circle",
					    rows[i], rows[j], rows[k]);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_name_says_when_it_arrived),
		cmocka_unit_test(test_what_a_name_says),
		cmocka_unit_test(test_no_messages),
		cmocka_unit_test(test_time_of_arrival),
		cmocka_unit_test(test_names_are_written_as_they_were),
		cmocka_unit_test(test_numbers_that_the_runner_does_not_write),
		cmocka_unit_test(test_what_is_added_can_be_told_from_the_base),
		cmocka_unit_test(test_all_names_that_pieces_make),
		cmocka_unit_test(test_base_is_never_empty),
		cmocka_unit_test(test_every_time_can_be_said),
		cmocka_unit_test(test_times_of_the_past),
		cmocka_unit_test(test_when_it_is_due),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_shortened_names_differ),
		cmocka_unit_test(test_names_without_end),
		cmocka_unit_test(test_order_of_arrival),
		cmocka_unit_test(test_order_has_no_circles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
