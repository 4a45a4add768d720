/* SPDX-License-Identifier: MIT */
/*
 * test_secret - lib/base/secret: compare and wipe
 */
#include "support.h"

#include "base/secret.h"

/* One bit anywhere is a difference; what lies behind the end is none. */
static void
test_every_bit(void **state)
{
	unsigned char a[65], b[65];
	size_t len, i;
	int bit;

	(void)state;
	for (i = 0; i < sizeof(a); i++)
		a[i] = b[i] = (unsigned char)(i * 5);
	for (len = 0; len < sizeof(a); len++) {
		b[len] ^= 0xff;
		assert_true(secret_equal(a, b, len));
		b[len] ^= 0xff;
		for (i = 0; i < len; i++)
			for (bit = 0; bit < 8; bit++) {
				b[i] ^= (unsigned char)(1 << bit);
				assert_false(secret_equal(a, b, len));
				b[i] ^= (unsigned char)(1 << bit);
			}
	}
}

static void
test_wipe(void **state)
{
	unsigned char bytes[100], zero[100] = { 0 };
	size_t len, i;

	(void)state;
	for (len = 0; len < sizeof(bytes); len++) {
		memset(bytes, 0x5a, sizeof(bytes));
		secret_wipe(bytes, len);
		assert_memory_equal(bytes, zero, len);
		for (i = len; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0x5a);
	}
	secret_wipe(NULL, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
