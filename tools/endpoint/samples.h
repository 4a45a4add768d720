/* SPDX-License-Identifier: MIT */
/*
 * samples - the samples of nginx/ and apache/ that endpoints are made from
 */
#ifndef ENDPOINT_SAMPLES_H
#define ENDPOINT_SAMPLES_H

#include "base/buf.h"

enum sample {
	SAMPLE_PARAMS, /* nginx/hookdir_params */
	SAMPLE_ASIS,   /* apache/unavailable.asis */
	SAMPLE_SIGNED_NGINX,
	SAMPLE_SIGNED_APACHE,
	SAMPLE_TOKEN_NGINX,
	SAMPLE_TOKEN_APACHE,
	SAMPLE_URL_NGINX,
	SAMPLE_URL_APACHE
};

/* The bytes of the file, as they were when the program was built. */
struct span sample_text(enum sample which);

#endif
