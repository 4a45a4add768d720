/* SPDX-License-Identifier: MIT */
/*
 * test_sender - lib/sender: the table, and what every row must keep to
 */
#include "support.h"

#include "envelope.h"
#include "message.h"
#include "sender.h"

static const char *const names[] = { "shipmondo", "generic" };

static void
test_found_by_name(void **state)
{
	static const char *const unknown[] = { "", "Shipmondo", "SHIPMONDO",
		"shipmond", "shipmondo ", "generic2", "none" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		assert_non_null(sender_find(names[i]));
		assert_string_equal(sender_find(names[i])->name, names[i]);
	}
	for (i = 0; i < COUNT(unknown); i++)
		assert_null(sender_find(unknown[i]));
}

static void
test_shipmondo(void **state)
{
	const struct sender *s = sender_find("shipmondo");

	(void)state;
	assert_int_equal(s->scheme, SCHEME_JWT);
	assert_string_equal(s->methods, "POST");
	assert_string_equal(s->type_prefix, "com.shipmondo.");
	assert_string_equal(s->subject_header, "SMD-Resource-Id");
}

/* No headers that share a name in the event, none that has no name there */
static void
test_every_row(void **state)
{
	char name[ENVELOPE_NAME_SIZE], other[ENVELOPE_NAME_SIZE];
	const struct sender *s;
	size_t i, j, k;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		s = sender_find(names[i]);
		assert_true(*s->methods != '\0');
		assert_non_null(s->type_prefix);
		assert_true(*s->type_fallback != '\0');
		for (j = 0; j < SENDER_HEADERS_MAX && s->headers[j]; j++) {
			assert_true(envelope_attribute(s->headers[j], name));
			for (k = 0; k < j; k++) {
				assert_true(
				    envelope_attribute(s->headers[k], other));
				assert_string_not_equal(name, other);
			}
		}
		assert_true(j <= MESSAGE_HEADERS_MAX);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_name),
		cmocka_unit_test(test_shipmondo),
		cmocka_unit_test(test_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
