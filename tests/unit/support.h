/* SPDX-License-Identifier: MIT */
/*
 * support - what several test programs need
 *
 * Bytes in blocks of exactly their size, so that a read past the end shows
 * under the address sanitizer; files of tests/data; tokens signed without
 * the code that is tested; a folder that goes away.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LITERAL(text)                                                          \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}
#define ROOM (64u << 20)

/* The address sanitizer ends the program where malloc() would fail. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif

/* Bytes for a message: printable ones as they are, others as %XX. */
static inline const char *
show(struct span bytes)
{
	static char text[4][512];
	static unsigned next;
	char *to = text[next++ % 4], *start = to;
	size_t i;
	int c;

	for (i = 0; i < bytes.len && to < start + 480; i++) {
		c = (unsigned char)bytes.at[i];
		if (c >= 0x20 && c < 0x7f && c != '%')
			*to++ = (char)c;
		else
			to += snprintf(to, 4, "%%%02X", (unsigned)c);
	}
	(void)snprintf(to, 4, "%s", i < bytes.len ? "..." : "");
	return start;
}

static inline bool
same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline void
assert_same(const char *what, struct span got, struct span want)
{
	if (!same(got, want))
		fail_msg(
		    "%s: got \"%s\", want \"%s\"", what, show(got), show(want));
}

/* A copy in a block of exactly its size; free() it. */
static inline struct span
exact(struct span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	assert_non_null(copy);
	if (bytes.len)
		memcpy(copy, bytes.at, bytes.len);
	return (
	    struct span){ bytes.len ? copy : (free(copy), NULL), bytes.len };
}

static inline void
let_go(struct span bytes)
{
	free((void *)(uintptr_t)bytes.at);
}

static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX becomes the byte; at the end of out. */
static inline void
append_unescaped(struct buf *out, struct span text)
{
	size_t i;
	int high, low;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] != '%') {
			buf_append_byte(out, text.at[i]);
			continue;
		}
		assert_true(i + 2 < text.len);
		high = hex_digit(text.at[++i]);
		low = hex_digit(text.at[++i]);
		assert_true(high >= 0 && low >= 0);
		buf_append_byte(out, (char)(high << 4 | low));
	}
}

/* The bytes of a file, at the end of out. */
static inline void
append_file_at(struct buf *out, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char part[4096];
	ssize_t got;

	if (fd < 0)
		fail_msg("cannot read %s: %s", path, strerror(errno));
	while ((got = read(fd, part, sizeof(part))) > 0)
		buf_append(out, part, (size_t)got);
	assert_int_equal(got, 0);
	assert_int_equal(close(fd), 0);
	assert_false(out->failed);
}

/* The same for one of tests/data; TESTDATA names another folder. */
static inline void
append_data_file(struct buf *out, const char *name)
{
	const char *root = getenv("TESTDATA");
	char path[1024];

	(void)snprintf(
	    path, sizeof(path), "%s/%s", root ? root : "tests/data", name);
	append_file_at(out, AT_FDCWD, path);
}

/* The next line that is not empty and no comment; false at the end. */
static inline bool
next_line(struct span *rest, struct span *line)
{
	const char *end;

	while (rest->len) {
		end = memchr(rest->at, '\n', rest->len);
		line->at = rest->at;
		line->len = end ? (size_t)(end - rest->at) : rest->len;
		rest->at += line->len + (end ? 1 : 0);
		rest->len -= line->len + (end ? 1 : 0);
		if (line->len && line->at[0] != '#')
			return true;
	}
	return false;
}

/* Cut the text up to a tab off a line; the rest when there is none. */
static inline struct span
next_field(struct span *line)
{
	const char *tab = line->len ? memchr(line->at, '\t', line->len) : NULL;
	struct span field = *line;

	if (!tab) {
		line->at += line->len;
		line->len = 0;
		return field;
	}
	field.len = (size_t)(tab - line->at);
	line->at += field.len + 1;
	line->len -= field.len + 1;
	return field;
}

/* RFC 4648 section 5, by libcrypto; at the end of out. */
static inline void
append_base64url(struct buf *out, struct span bytes)
{
	static const unsigned char nothing[1];
	const unsigned char *in =
	    bytes.len ? (const unsigned char *)bytes.at : nothing;
	char *to = buf_room(out, (bytes.len / 3 + 1) * 4 + 1);
	size_t i, len;

	assert_non_null(to);
	len = (size_t)EVP_EncodeBlock((unsigned char *)to, in, (int)bytes.len);
	while (len && to[len - 1] == '=')
		len--;
	for (i = 0; i < len; i++)
		to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
	out->len += len;
}

/* The HMAC-SHA-256 by libcrypto's other interface; any key. */
static inline void
mac_of(struct span key, struct span bytes, unsigned char mac[32])
{
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
	char digest[] = "SHA256";
	OSSL_PARAM params[2] = { { "digest", 4, digest, 6, 0 },
		{ NULL, 0, NULL, 0, 0 } };
	const unsigned char *at = (const unsigned char *)key.at;
	size_t len;

	assert_non_null(context);
	assert_int_equal(
	    EVP_MAC_init(context, key.len ? at : (const unsigned char *)"",
		key.len, params),
	    1);
	assert_int_equal(
	    EVP_MAC_update(context, (const unsigned char *)bytes.at, bytes.len),
	    1);
	assert_int_equal(EVP_MAC_final(context, mac, &len, 32), 1);
	assert_int_equal(len, 32);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
}

/* ".MAC" for what stands in out from start on. */
static inline void
append_signature(struct buf *out, size_t start, struct span key)
{
	unsigned char mac[32];

	mac_of(key, (struct span){ out->at + start, out->len - start }, mac);
	buf_append_byte(out, '.');
	append_base64url(out, (struct span){ (char *)mac, sizeof(mac) });
}

/* A token whose header and payload say just these bytes. */
static inline void
append_token(
    struct buf *out, struct span header, struct span payload, struct span key)
{
	size_t start = out->len;

	append_base64url(out, header);
	buf_append_byte(out, '.');
	append_base64url(out, payload);
	append_signature(out, start, key);
}

/* Many times the same text. */
static inline void
append_times(struct buf *out, const char *text, size_t times)
{
	while (times-- > 0)
		buf_append_text(out, text);
}

/* Everything below and including a path; links are not followed. */
static inline void
remove_at(int dir, const char *name)
{
	struct dirent *entry;
	DIR *list;
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return;
	if (fchmodat(dir, name, 0700, 0) < 0)
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	list = fd < 0 ? NULL : fdopendir(fd);
	while (list && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_at(dirfd(list), entry->d_name);
	if (list)
		(void)closedir(list);
	(void)unlinkat(dir, name, AT_REMOVEDIR);
}

static inline void
remove_tree(const char *path)
{
	remove_at(AT_FDCWD, path);
}

/* The folder of this run, and whose it is: children leave it alone. */
static char run_folder[48];
static pid_t run_owner;

static inline void
leave_run_folder(void)
{
	if (getpid() == run_owner)
		remove_tree(run_folder);
}

/* A new empty folder; it goes away with remove_tree(), or at the end. */
static inline void
make_folder(char path[64])
{
	const char *top = getenv("TMPDIR");
	static unsigned number;

	if (run_folder[0] == '\0') {
		(void)snprintf(run_folder, sizeof(run_folder),
		    "%.20s/hookdir-unit-XXXXXX", top ? top : "/tmp");
		if (!mkdtemp(run_folder))
			fail_msg("no %s: %s", run_folder, strerror(errno));
		run_owner = getpid();
		assert_int_equal(atexit(leave_run_folder), 0);
		/* Other users of a test must get to theirs. */
		assert_int_equal(chmod(run_folder, 0711), 0);
	}
	(void)snprintf(path, 64, "%s/%u", run_folder, ++number);
	if (mkdir(path, 0700) < 0)
		fail_msg("cannot make %s: %s", path, strerror(errno));
}

/* How many entries a folder has; -1 when it is none. */
static inline int
count_entries(const char *folder)
{
	struct dirent *entry;
	DIR *list = opendir(folder);
	int count = 0;

	if (!list)
		return -1;
	while ((entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			count++;
	(void)closedir(list);
	return count;
}

#endif
