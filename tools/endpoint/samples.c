/* SPDX-License-Identifier: MIT */
/*
 * samples - the samples of nginx/ and apache/ that endpoints are made from
 *
 * The assembler puts the very files into the program, so there is no second
 * copy to keep. The Makefile names them as what this object depends on.
 */
#include "endpoint/samples.h"

#define EMBED(name, path)                                                      \
	__asm__(".pushsection .rodata\n" #name ": .incbin \"" path             \
		"\"\n" #name "_end: .byte 0\n.popsection\n");                  \
	extern const char name[], name##_end[]

EMBED(sample_params, "nginx/hookdir_params");
EMBED(sample_asis, "apache/unavailable.asis");
EMBED(sample_signed_nginx, "nginx/hookdir.conf");
EMBED(sample_signed_apache, "apache/hookdir.conf");
EMBED(sample_token_nginx, "nginx/hookdir-tradecloud.conf");
EMBED(sample_token_apache, "apache/hookdir-tradecloud.conf");
EMBED(sample_url_nginx, "nginx/hookdir-nshift.conf");
EMBED(sample_url_apache, "apache/hookdir-nshift.conf");

struct span
sample_text(enum sample which)
{
	static const struct {
		const char *begin, *end;
	} all[] = {
		[SAMPLE_PARAMS] = { sample_params, sample_params_end },
		[SAMPLE_ASIS] = { sample_asis, sample_asis_end },
		[SAMPLE_SIGNED_NGINX] = { sample_signed_nginx,
		    sample_signed_nginx_end },
		[SAMPLE_SIGNED_APACHE] = { sample_signed_apache,
		    sample_signed_apache_end },
		[SAMPLE_TOKEN_NGINX] = { sample_token_nginx,
		    sample_token_nginx_end },
		[SAMPLE_TOKEN_APACHE] = { sample_token_apache,
		    sample_token_apache_end },
		[SAMPLE_URL_NGINX] = { sample_url_nginx, sample_url_nginx_end },
		[SAMPLE_URL_APACHE] = { sample_url_apache,
		    sample_url_apache_end },
	};

	return (struct span){ all[which].begin,
		(size_t)(all[which].end - all[which].begin) };
}
