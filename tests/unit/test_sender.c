/* SPDX-License-Identifier: MIT */
/*
 * test_sender - lib/message/sender: the table, and what every row must keep to
 */
#include "support.h"

#include "message/envelope.h"
#include "message/message.h"
#include "message/sender.h"

static const char *const names[] = { "shipmondo", "tradecloud", "nshift",
	"standard-webhooks", "github", "shopify", "stripe", "generic" };

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

static bool
is_kept(const struct sender *s, const char *name)
{
	size_t i;

	for (i = 0; i < SENDER_HEADERS_MAX && s->headers[i]; i++)
		if (strcmp(s->headers[i], name) == 0)
			return true;
	return false;
}

/* What is looked at is kept, in both spellings. */
static void
test_headers_are_kept(void **state)
{
	const struct sender *s;
	char second[64];
	size_t i, j, len;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		s = sender_find(names[i]);
		const char *const used[] = { s->signature.header,
			s->signature.id_header, s->signature.time_header,
			s->type_headers[0], s->type_headers[1], s->id_header,
			s->subject_header };

		for (j = 0; j < COUNT(used); j++) {
			if (!used[j])
				continue;
			assert_true(is_kept(s, used[j]));
			if (!s->spellings[0])
				continue;
			len = strlen(s->spellings[0]);
			assert_memory_equal(used[j], s->spellings[0], len);
			(void)snprintf(second, sizeof(second), "%s%s",
			    s->spellings[1], used[j] + len);
			assert_true(is_kept(s, second));
		}
		/* lib/message/signature's has_one_reading() knows this one. */
		if (s->signature.id_header)
			assert_string_equal(s->signature.pattern, "%i.%t.%b");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_name),
		cmocka_unit_test(test_shipmondo),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_headers_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
