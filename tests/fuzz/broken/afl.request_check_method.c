/* SPDX-License-Identifier: MIT */
/* Ends the program at a word that no seed has. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

int __wrap_request_check_method(
    const struct request *rq, const char *methods, struct error *err);
int __real_request_check_method(
    const struct request *rq, const char *methods, struct error *err);

int
__wrap_request_check_method(
    const struct request *rq, const char *methods, struct error *err)
{
	const char *method = request_param(rq, "REQUEST_METHOD");

	if (method && strcmp(method, "MAGIC") == 0)
		abort();
	return __real_request_check_method(rq, methods, err);
}
