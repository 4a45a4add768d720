/* SPDX-License-Identifier: MIT */
/*
 * test_sender - lib/message/sender: the table, and what every row must keep to
 */
#include "support.h"

#include "message/envelope.h"
#include "message/message.h"
#include "message/sender.h"

static const char *const names[] = { "shipmondo", "tradecloud", "nshift",
	"standard-webhooks", "github", "shopify", "stripe", "generic", "svix",
	"polar", "woocommerce", "shopware", "quickpay", "mollie", "sendcloud",
	"webshipper", "dintero", "adyen-platforms", "square", "hubspot",
	"zendesk", "slack", "meta", "xero", "gitea", "gitlab", "bitbucket",
	"intercom", "docusign", "dropbox", "typeform", "calendly",
	"checkout-com", "paddle", "revolut", "trello", "aftership" };

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

/* Every row's texts are right, and its second signature has its spelling. */
static void
test_schemes(void **state)
{
	struct scheme_text site;
	struct scheme_set set;
	struct error err = ERROR_INIT;
	const struct sender *s;
	size_t i;

	(void)state;
	assert_null(sender_at(COUNT(names)));
	for (i = 0; i < COUNT(names); i++) {
		s = sender_find(names[i]);
		assert_ptr_equal(sender_at(i), s);
		memset(&site, 0, sizeof(site));
		if (s->signature[0].item[SCHEME_SIGNED] &&
		    strstr(s->signature[0].item[SCHEME_SIGNED], "%u"))
			site.item[SCHEME_URL] = "https://shop.example/in";
		if (sender_schemes_with(s, &site, &set, &err) < 0)
			fail_msg("%s: %s", names[i], err.text);
		assert_int_equal(set.count > 0,
		    s->scheme == SCHEME_HMAC || s->scheme == SCHEME_TOKEN);
		if (!s->form || !s->sample.body)
			fail_msg("%s: no form or no sample", names[i]);
		assert_int_equal(sender_schemes(s)->count,
		    site.item[SCHEME_URL] ? 0 : set.count);
		assert_int_equal(s->spellings[0] != NULL, set.count > 1);
	}
}

/* What is looked at is kept, in both spellings. */
static void
test_headers_are_kept(void **state)
{
	const struct sender *s;
	struct buf looked = BUF_INIT(4096);
	struct span rest, name;
	char second[64], text[64];
	size_t i, j, len;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		s = sender_find(names[i]);
		const char *const used[] = { s->type_headers[0],
			s->type_headers[1], s->id_header, s->subject_header };

		buf_reset(&looked);
		for (j = 0; j < sender_schemes(s)->count; j++)
			scheme_append_headers(
			    &sender_schemes(s)->of[j], &looked);
		rest = buf_span(&looked);
		while (span_cut(&rest, ' ', &name)) {
			(void)snprintf(
			    text, sizeof(text), "%.*s", (int)name.len, name.at);
			/* A secret is not. */
			if (name.len && s->scheme == SCHEME_HMAC &&
			    !is_kept(s, text))
				fail_msg("%s: %s is not kept", names[i], text);
		}
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
	}
	buf_free(&looked);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_name),
		cmocka_unit_test(test_shipmondo),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_headers_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
