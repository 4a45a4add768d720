/* SPDX-License-Identifier: MIT */
/*
 * test_number - lib/base/number: digits, and nothing but digits
 */
#include "support.h"

#include "base/number.h"

#define MOST UINT64_MAX

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t most;
		bool good;
		uint64_t want;
		const char *rest;
	} rows[] = {
		{ "0", MOST, true, 0, "" },
		{ "7", 7, true, 7, "" },
		{ "8", 7, false, 0, "" },
		{ "0", 0, true, 0, "" },
		{ "1", 0, false, 0, "" },
		{ "10", 9, false, 0, "" },
		{ "10", 10, true, 10, "" },
		{ "11", 10, false, 0, "" },
		{ "00000000000000000000000000000042", 42, true, 42, "" },
		{ "18446744073709551615", MOST, true, MOST, "" },
		{ "18446744073709551616", MOST, false, 0, "" },
		{ "18446744073709551620", MOST, false, 0, "" },
		{ "99999999999999999999", MOST, false, 0, "" },
		{ "184467440737095516150", MOST, false, 0, "" },
		{ "12.M3", MOST, true, 12, ".M3" },
		{ "12 ", MOST, true, 12, " " },
		{ "1-", MOST, true, 1, "-" },
		{ "", MOST, false, 0, "" },
		{ " 1", MOST, false, 0, "" },
		{ "-1", MOST, false, 0, "" },
		{ "+1", MOST, false, 0, "" },
		{ "x", MOST, false, 0, "" },
		{ "/", MOST, false, 0, "" },
		{ ":", MOST, false, 0, "" },
		{ "\xb2", MOST, false, 0, "" },
	};
	struct span rest;
	uint64_t number;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		rest = span_of(rows[i].text);
		number = 99;
		if (number_cut(&rest, rows[i].most, &number) != rows[i].good)
			fail_msg("\"%s\"", rows[i].text);
		assert_int_equal(number, rows[i].good ? rows[i].want : 99);
		assert_true(
		    span_is(rest, rows[i].good ? rows[i].rest : rows[i].text));
		number = 99;
		assert_int_equal(
		    number_read(span_of(rows[i].text), rows[i].most, &number),
		    rows[i].good && !rows[i].rest[0]);
		assert_int_equal(number,
		    rows[i].good && !rows[i].rest[0] ? rows[i].want : 99);
	}
}

/* Bytes that are not there are not read, whatever they are. */
static void
test_no_more_than_the_text(void **state)
{
	struct span text = { "123", 2 };
	uint64_t number;

	(void)state;
	assert_true(number_read(text, MOST, &number));
	assert_int_equal(number, 12);
	assert_false(number_read((struct span){ NULL, 0 }, MOST, &number));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_more_than_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
