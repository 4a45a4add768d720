/* SPDX-License-Identifier: MIT */
/*
 * test_error - lib/base/error: the first failure stands, and has a name
 */
#include "support.h"

static void
test_rules_and_classes(void **state)
{
	static const struct {
		enum error_code code;
		enum error_class class;
		const char *rule;
	} rows[] = {
		{ ERROR_NONE, CLASS_NONE, "none" },
		{ ERROR_MEMORY, CLASS_FAULT, "out-of-memory" },
		{ ERROR_SYSTEM, CLASS_FAULT, "system-error" },
		{ ERROR_CRYPTO, CLASS_FAULT, "crypto-error" },
		{ ERROR_CONFIGURATION, CLASS_FAULT, "misconfigured" },
		{ ERROR_METHOD, CLASS_REFUSAL, "method-not-allowed" },
		{ ERROR_CREDENTIALS, CLASS_REFUSAL, "credentials-required" },
		{ ERROR_TOO_LARGE, CLASS_REFUSAL, "body-too-large" },
		{ ERROR_INCOMPLETE, CLASS_REFUSAL, "body-incomplete" },
		{ ERROR_REQUEST, CLASS_REFUSAL, "request-broken" },
		{ ERROR_SLOW, CLASS_REFUSAL, "too-slow" },
		{ ERROR_KEY_UNKNOWN, CLASS_UNDECIDED, "key-unknown" },
		{ ERROR_FORM, CLASS_VERDICT, "form-unknown" },
		{ ERROR_TOKEN_FORM, CLASS_VERDICT, "token-malformed" },
		{ ERROR_ALGORITHM, CLASS_VERDICT, "algorithm-not-allowed" },
		{ ERROR_CRITICAL, CLASS_VERDICT, "critical-not-understood" },
		{ ERROR_SIGNATURE, CLASS_VERDICT, "signature-mismatch" },
		{ ERROR_EXPIRED, CLASS_VERDICT, "token-expired" },
		{ ERROR_NOT_YET_VALID, CLASS_VERDICT, "token-not-yet-valid" },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(rows[i].code, i);
		assert_int_equal(error_class(rows[i].code), rows[i].class);
		assert_string_equal(error_rule(rows[i].code), rows[i].rule);
		for (j = 0; j < i; j++)
			assert_string_not_equal(rows[i].rule, rows[j].rule);
	}
	assert_int_equal(COUNT(rows), ERROR_NOT_YET_VALID + 1);
}

static void
test_first_failure_stands(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(err.code, ERROR_NONE);
	assert_string_equal(err.text, "");
	assert_int_equal(error_set(&err, ERROR_FORM, "%s %d", "first", 1), -1);
	assert_int_equal(error_set(&err, ERROR_MEMORY, "second"), -1);
	errno = EIO;
	assert_int_equal(error_system(&err, "third"), -1);
	assert_int_equal(err.code, ERROR_FORM);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.text, "first 1");
}

static void
test_what_it_is_about(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_about(&err, "name");
	assert_int_equal(err.code, ERROR_NONE);
	assert_string_equal(err.text, "");
	(void)error_set(&err, ERROR_CONFIGURATION, "too large");
	error_about(&err, "name");
	assert_int_equal(err.code, ERROR_CONFIGURATION);
	assert_string_equal(err.text, "name: too large");
	memset(err.text, 'x', sizeof(err.text) - 1);
	error_about(&err, "name");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "name: xxx", 9);
}

static void
test_system_errors(void **state)
{
	static const struct {
		int errnum;
		const char *text;
	} rows[] = {
		{ EIO, "cannot write x: Input/output error" },
		{ ENOSPC, "cannot write x: No space left on device" },
		{ EDQUOT, "cannot write x: Disk quota exceeded" },
		{ 0, "cannot write x: Success" },
		{ 99999, "cannot write x: unknown" },
		{ -1, "cannot write x: unknown" },
		{ EROFS,
		    "cannot write x: Read-only file system, or outside "
		    "the service's sandbox (ReadWritePaths=)" },
	};
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		errno = rows[i].errnum;
		assert_int_equal(
		    error_system(&err, "cannot write %s", "x"), -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
		assert_int_equal(err.errnum, rows[i].errnum);
		assert_string_equal(err.text, rows[i].text);
	}
}

/* A text too long is cut, and has an end. */
static void
test_long_texts(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct error err;
	size_t len;

	(void)state;
	for (len = 200; len < 300; len++) {
		buf_reset(&text);
		append_times(&text, "x", len);
		buf_append_byte(&text, '\0');
		err = (struct error)ERROR_INIT;
		(void)error_set(&err, ERROR_FORM, "%s", text.at);
		assert_int_equal(strlen(err.text),
		    len < sizeof(err.text) ? len : sizeof(err.text) - 1);
		err = (struct error)ERROR_INIT;
		errno = EIO;
		(void)error_system(&err, "%s", text.at);
		assert_true(strlen(err.text) < sizeof(err.text));
		assert_int_equal(
		    strncmp(err.text, text.at,
			len < sizeof(err.text) ? len : sizeof(err.text) - 1),
		    0);
	}
	buf_free(&text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_and_classes),
		cmocka_unit_test(test_first_failure_stands),
		cmocka_unit_test(test_what_it_is_about),
		cmocka_unit_test(test_system_errors),
		cmocka_unit_test(test_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
