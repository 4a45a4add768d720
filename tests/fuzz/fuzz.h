/* SPDX-License-Identifier: MIT */
/*
 * fuzz - what the targets share
 *
 * An input is fields with a NUL behind each, and what is left. Each part is
 * copied into a block of exactly its size, so that a read past the end shows
 * under the address sanitizer. What must hold is a CHECK(); one that does
 * not ends the program as any other crash does.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/buf.h"

#define FUZZ_ROOM (64u << 20)

/* The one function of a target. 0: fine. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth))                                                  \
			fuzz_failed(__FILE__, __LINE__, #truth);               \
	} while (0)

static inline _Noreturn void
fuzz_failed(const char *file, int line, const char *truth)
{
	(void)dprintf(
	    STDERR_FILENO, "%s:%d: is not so: %s\n", file, line, truth);
	abort();
}

/* What is left of an input, and the copies made of it. */
#define FUZZ_COPIES 512
struct input {
	struct span rest;
	void *copies[FUZZ_COPIES];
	size_t count;
};

static inline void
input_start(struct input *in, const uint8_t *data, size_t size)
{
	in->rest = (struct span){ (const char *)data, size };
	in->count = 0;
}

static inline void
input_end(struct input *in)
{
	while (in->count)
		free(in->copies[--in->count]);
}

static inline char *
input_copy(struct input *in, struct span bytes, size_t more)
{
	char *copy = calloc(1, bytes.len + more ? bytes.len + more : 1);

	CHECK(copy && in->count < FUZZ_COPIES);
	in->copies[in->count++] = copy;
	if (bytes.len)
		memcpy(copy, bytes.at, bytes.len);
	return copy;
}

/* The next byte; 0 at the end. */
static inline unsigned
input_byte(struct input *in)
{
	unsigned char byte;

	if (!in->rest.len)
		return 0;
	byte = (unsigned char)*in->rest.at++;
	in->rest.len--;
	return byte;
}

/* The next field, ended by a NUL of its own. */
static inline const char *
input_text(struct input *in)
{
	struct span field = { NULL, 0 };
	char *copy;

	(void)span_cut(&in->rest, '\0', &field);
	copy = input_copy(in, field, 1);
	copy[field.len] = '\0';
	return copy;
}

/* The next field as bytes, with nothing behind them. */
static inline struct span
input_field(struct input *in)
{
	struct span field = { NULL, 0 };

	(void)span_cut(&in->rest, '\0', &field);
	return (struct span){ input_copy(in, field, 0), field.len };
}

/* All that is left. */
static inline struct span
input_rest(struct input *in)
{
	struct span rest = in->rest;

	in->rest.len = 0;
	return (struct span){ input_copy(in, rest, 0), rest.len };
}

static inline bool
fuzz_same(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

/* A number made of the bytes: where to change them, say. */
static inline size_t
fuzz_number(const uint8_t *data, size_t size, size_t below)
{
	uint64_t sum = 14695981039346656037u;
	size_t i;

	for (i = 0; i < size; i++)
		sum = (sum ^ data[i]) * 1099511628211u;
	return below ? (size_t)((sum ^ sum >> 32) % below) : 0;
}

/* HMAC-SHA-256 by libcrypto's other interface; the key is not empty. */
static inline void
fuzz_mac(struct span key, struct span bytes, unsigned char mac[32])
{
	static EVP_MAC *algorithm;
	EVP_MAC_CTX *context;
	char digest[] = "SHA256";
	OSSL_PARAM params[2] = { { "digest", 4, digest, 6, 0 },
		{ NULL, 0, NULL, 0, 0 } };
	size_t len = 0;

	if (!algorithm)
		algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	context = EVP_MAC_CTX_new(algorithm);
	CHECK(EVP_MAC_init(context, (const unsigned char *)key.at, key.len,
		  params) == 1);
	CHECK(EVP_MAC_update(
		  context, (const unsigned char *)bytes.at, bytes.len) == 1);
	CHECK(EVP_MAC_final(context, mac, &len, 32) == 1 && len == 32);
	EVP_MAC_CTX_free(context);
}

/* RFC 4648 section 4 or 5, by libcrypto; at the end of out. */
static inline void
fuzz_base64(struct buf *out, struct span bytes, bool url)
{
	char *to = buf_room(out, (bytes.len / 3 + 1) * 4 + 1);
	size_t i, len;

	CHECK(to);
	len = (size_t)EVP_EncodeBlock((unsigned char *)to,
	    bytes.len ? (const unsigned char *)bytes.at
		      : (const unsigned char *)"",
	    (int)bytes.len);
	while (url && len && to[len - 1] == '=')
		len--;
	for (i = 0; url && i < len; i++)
		to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
	out->len += len;
}

/* HEADER.PAYLOAD.MAC, with a good signature. */
static inline void
fuzz_token(
    struct buf *out, struct span header, struct span payload, struct span key)
{
	unsigned char mac[32];
	size_t start = out->len;

	fuzz_base64(out, header, true);
	buf_append_byte(out, '.');
	fuzz_base64(out, payload, true);
	fuzz_mac(key, (struct span){ out->at + start, out->len - start }, mac);
	buf_append_byte(out, '.');
	fuzz_base64(out, (struct span){ (char *)mac, sizeof(mac) }, true);
	CHECK(!out->failed);
}

/* A file of these bytes; the same one each time. */
static inline int
fuzz_file(struct span bytes)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
	CHECK(!bytes.len ||
	    pwrite(fd, bytes.at, bytes.len, 0) == (ssize_t)bytes.len);
	return fd;
}

#endif
