/* SPDX-License-Identifier: MIT */
/*
 * number - decimal digits of a text as a number
 */
#include "base/number.h"

bool
number_cut(struct span *rest, uint64_t most, uint64_t *number)
{
	uint64_t sum = 0, digit;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		if (rest->at[i] < '0' || rest->at[i] > '9')
			break;
		digit = (uint64_t)(rest->at[i] - '0');
		if (digit > most || sum > (most - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (i == 0)
		return false;
	*rest = span_skip(*rest, i);
	*number = sum;
	return true;
}

bool
number_read(struct span text, uint64_t most, uint64_t *number)
{
	uint64_t read;

	if (!number_cut(&text, most, &read) || text.len)
		return false;
	*number = read;
	return true;
}
