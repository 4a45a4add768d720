/* SPDX-License-Identifier: MIT */
/*
 * test_jwks - lib/jose/jwks: a file with a key set, changed at any moment
 *
 * All sets hold one key, that of RFC 8037 appendix A, under different
 * names: which of them is held shows in the names that verify its token.
 * read() is defined here once more, which takes precedence over libc's, so
 * that it can fail. The files known to lib/jose/jwks stay known for long, so
 * every test has files of its own, and counts them.
 */
#undef _FORTIFY_SOURCE /* its inline functions would get in the way */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jose/jwks.h"

#define FILES_MAX 256
#define THREADS	  8
#define CHANGES	  500
#define TOKEN                                                                  \
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_"    \
	"MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvp" \
	"Ar_MuM0KAg"
#define KEY                                                                    \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\","                 \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

static char folder[64];
static size_t known;	       /* files that lib/jose/jwks has met */
static atomic_int read_errnum; /* what read() fails with, if not 0 */

ssize_t
read(int fd, void *bytes, size_t len)
{
	int errnum = atomic_load(&read_errnum);

	if (errnum) {
		errno = errnum;
		return -1;
	}
	return syscall(SYS_read, fd, bytes, len);
}

/* The path of a file that lib/jose/jwks has not met */
static char *
new_path(void)
{
	char *path = malloc(128);

	assert_non_null(path);
	(void)snprintf(path, 128, "%s/keys-%zu.json", folder, known++);
	return path;
}

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		fail_msg("cannot write %s", path);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* As it should be done: another file, renamed over the old one. */
static int
exchange(const char *path, const char *text)
{
	char beside[160];
	FILE *file;
	int rc;

	(void)snprintf(beside, sizeof(beside), "%s.new", path);
	file = fopen(beside, "wb");
	if (!file)
		return -1;
	rc = fputs(text, file) < 0 ? -1 : 0;
	if (fclose(file) != 0)
		rc = -1;
	return rc < 0 ? rc : rename(beside, path);
}

/* Put a set there whose one key has this name. */
static void
put_key(const char *path, const char *kid)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "{\"keys\":[" KEY "]}", kid);
	assert_int_equal(exchange(path, text), 0);
}

/* Is there a key of that name? */
static bool
has_key(const struct jwks *jwks, const char *kid)
{
	struct buf payload = BUF_INIT(4096);
	struct error err = ERROR_INIT;
	struct jwt jwt;
	bool good;

	good = jwt_parse(span_of(TOKEN), &jwt, &err) == 0;
	/* As if its header had said so; the signature does not know. */
	jwt.has_kid = true;
	(void)snprintf(jwt.kid, sizeof(jwt.kid), "%s", kid);
	good = good && jwk_verify(jwks_keys(jwks), &jwt, &payload, &err) == 0 &&
	    span_is(buf_span(&payload), "Example of Ed25519 signing");
	buf_free(&payload);
	return good;
}

/* The file has this key, and err says this. */
static void
assert_holds(const char *path, const char *kid, enum error_code want)
{
	struct jwks *jwks = NULL;
	struct error err = ERROR_INIT;

	if (jwks_hold(path, &jwks, &err) < 0)
		fail_msg("%s: want key %s, got %s", path, kid, err.text);
	if (!has_key(jwks, kid))
		fail_msg("%s: there is no key %s", path, kid);
	if (err.code != want)
		fail_msg("%s: got %s (%s), want %s", path, error_rule(err.code),
		    err.text, error_rule(want));
	jwks_release(jwks);
}

static void
assert_fails(const char *path, enum error_code want)
{
	struct jwks *jwks = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(jwks_hold(path, &jwks, &err), -1);
	assert_null(jwks);
	if (err.code != want)
		fail_msg("%s: got %s (%s), want %s", path, error_rule(err.code),
		    err.text, error_rule(want));
	assert_true(err.text[0] != '\0');
}

static int
make_folder(void **state)
{
	const char *top = getenv("TMPDIR");

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/hookdir-unit-XXXXXX",
	    top ? top : "/tmp");
	/* For the test that is somebody else for a while */
	return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char path[160];
	size_t i;

	(void)state;
	for (i = 0; i < known; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/keys-%zu.json", folder, i);
		if (unlink(path) < 0)
			(void)rmdir(path);
	}
	return rmdir(folder);
}

static void
test_file_is_read_and_read_again(void **state)
{
	char *path = new_path();

	(void)state;
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	assert_holds(path, "a", ERROR_NONE);
	put_key(path, "bb");
	assert_holds(path, "bb", ERROR_NONE);
	assert_holds(path, "bb", ERROR_NONE);
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	free(path);
}

/* Of the same size, and overwritten in place: the time tells. */
static void
test_change_in_place(void **state)
{
	struct timespec times[2] = { { 1795280733, 1 }, { 1795280733, 1 } };
	char *path = new_path(), text[256];

	(void)state;
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	(void)snprintf(text, sizeof(text), "{\"keys\":[" KEY "]}", "b");
	write_file(path, text, strlen(text));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_holds(path, "b", ERROR_NONE);
	free(path);
}

static void
test_held_keys_stay_good(void **state)
{
	struct jwks *first = NULL, *second = NULL, *again = NULL;
	struct error err = ERROR_INIT;
	char *path = new_path();

	(void)state;
	put_key(path, "first");
	assert_int_equal(jwks_hold(path, &first, &err), 0);
	assert_int_equal(jwks_hold(path, &again, &err), 0);
	put_key(path, "second");
	assert_int_equal(jwks_hold(path, &second, &err), 0);
	assert_true(has_key(first, "first"));
	assert_true(has_key(second, "second"));
	assert_false(has_key(second, "first"));
	jwks_release(first);
	assert_true(has_key(again, "first"));
	jwks_release(again);
	jwks_release(second);
	jwks_release(NULL);
	assert_int_equal(err.code, ERROR_NONE);
	free(path);
}

static void
test_never_good(void **state)
{
	char *path = new_path();

	(void)state;
	assert_fails(path, ERROR_SYSTEM); /* not there */
	assert_fails(path, ERROR_SYSTEM);
	assert_int_equal(exchange(path, ""), 0);
	assert_fails(path, ERROR_CONFIGURATION);
	assert_fails(path, ERROR_CONFIGURATION);
	assert_int_equal(exchange(path, "{\"keys\":[]}"), 0);
	assert_fails(path, ERROR_CONFIGURATION);
	assert_int_equal(unlink(path), 0);
	assert_fails(path, ERROR_SYSTEM);
	assert_fails(path, ERROR_SYSTEM);
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	free(path);
}

/* The last good keys stay, and it is said once for each change. */
static void
test_broken_repaired_and_vanished(void **state)
{
	char *path = new_path();

	(void)state;
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	assert_int_equal(exchange(path, "{\"keys\":"), 0);
	assert_holds(path, "a", ERROR_CONFIGURATION);
	assert_holds(path, "a", ERROR_NONE);
	assert_holds(path, "a", ERROR_NONE);
	assert_int_equal(exchange(path, "still no key set"), 0);
	assert_holds(path, "a", ERROR_CONFIGURATION);
	assert_holds(path, "a", ERROR_NONE);
	put_key(path, "bb");
	assert_holds(path, "bb", ERROR_NONE);
	assert_int_equal(unlink(path), 0);
	assert_holds(path, "bb", ERROR_SYSTEM);
	assert_holds(path, "bb", ERROR_NONE);
	assert_int_equal(exchange(path, ""), 0);
	assert_holds(path, "bb", ERROR_CONFIGURATION);
	assert_holds(path, "bb", ERROR_NONE);
	assert_int_equal(unlink(path), 0);
	assert_holds(path, "bb", ERROR_SYSTEM);
	assert_holds(path, "bb", ERROR_NONE);
	put_key(path, "c");
	assert_holds(path, "c", ERROR_NONE);
	free(path);
}

/* Away for a moment, and back as it was */
static void
test_moved_away_and_back(void **state)
{
	char *path = new_path(), beside[160];

	(void)state;
	(void)snprintf(beside, sizeof(beside), "%s.old", path);
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	assert_int_equal(rename(path, beside), 0);
	assert_holds(path, "a", ERROR_SYSTEM);
	assert_int_equal(rename(beside, path), 0);
	assert_holds(path, "a", ERROR_NONE);
	assert_int_equal(rename(path, beside), 0);
	assert_holds(path, "a", ERROR_SYSTEM);
	assert_int_equal(rename(beside, path), 0);
	free(path);
}

static void
test_folder_and_link_in_its_place(void **state)
{
	char *path = new_path(), *loop = new_path(), *through = new_path();

	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_fails(path, ERROR_SYSTEM);
	assert_fails(path, ERROR_SYSTEM);
	assert_int_equal(rmdir(path), 0);
	put_key(path, "a");
	assert_holds(path, "a", ERROR_NONE);
	assert_int_equal(symlink(loop, loop), 0);
	assert_fails(loop, ERROR_SYSTEM);
	/* A link that an operator made is followed, wherever it leads. */
	assert_int_equal(symlink(path, through), 0);
	assert_holds(through, "a", ERROR_NONE);
	put_key(path, "bb");
	assert_holds(through, "bb", ERROR_NONE);
	free(path);
	free(loop);
	free(through);
}

/* In a child, as somebody who may not read the file */
static int
hold_as_nobody(const char *path)
{
	struct jwks *jwks = NULL;
	struct error err = ERROR_INIT;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 99;
	if (jwks_hold(path, &jwks, &err) == 0)
		return 98;
	return err.code == ERROR_SYSTEM && err.errnum == EACCES ? 0 : 97;
}

static void
test_unreadable(void **state)
{
	char *path = new_path();
	int status;
	pid_t pid;

	(void)state;
	put_key(path, "a");
	assert_int_equal(chmod(path, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hold_as_nobody(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_holds(path, "a", ERROR_NONE);
	free(path);
}

static void
test_too_large(void **state)
{
	char *path = new_path(), *text = malloc(JWK_BYTES_MAX + 200000);
	int len;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', JWK_BYTES_MAX + 200000);
	len = snprintf(text, 256, "{\"keys\":[" KEY "]}", "a");
	text[len] = ' ';
	write_file(path, text, JWK_BYTES_MAX + 1);
	assert_fails(path, ERROR_CONFIGURATION);
	write_file(path, text, JWK_BYTES_MAX + 200000);
	assert_fails(path, ERROR_CONFIGURATION);
	write_file(path, text, JWK_BYTES_MAX);
	assert_holds(path, "a", ERROR_NONE);
	write_file(path, text, JWK_BYTES_MAX + 65536);
	assert_holds(path, "a", ERROR_CONFIGURATION);
	assert_holds(path, "a", ERROR_NONE);
	free(text);
	free(path);
}

/* The file cannot be read for a moment; it did not change for that. */
static void
test_read_that_fails_once(void **state)
{
	char *path;

	(void)state;
	path = new_path();
	put_key(path, "a");
	atomic_store(&read_errnum, EIO);
	assert_fails(path, ERROR_SYSTEM);
	atomic_store(&read_errnum, 0);
	assert_holds(path, "a", ERROR_NONE);
	put_key(path, "bb");
	atomic_store(&read_errnum, EIO);
	assert_holds(path, "a", ERROR_SYSTEM);
	atomic_store(&read_errnum, 0);
	assert_holds(path, "bb", ERROR_NONE);
	free(path);
}

/* What eight threads find while the file changes all the time */
struct race {
	const char *path;
	atomic_bool done;
	atomic_uint holds, complaints, failures;
};

static void *
hold_and_use(void *argument)
{
	struct race *race = argument;
	struct error err;
	struct jwks *jwks;

	while (!atomic_load(&race->done)) {
		jwks = NULL;
		err = (struct error)ERROR_INIT;
		if (jwks_hold(race->path, &jwks, &err) < 0 ||
		    !(has_key(jwks, "even") != has_key(jwks, "odd")))
			atomic_fetch_add(&race->failures, 1);
		if (err.code != ERROR_NONE)
			atomic_fetch_add(&race->complaints, 1);
		atomic_fetch_add(&race->holds, 1);
		jwks_release(jwks);
	}
	return NULL;
}

/* No two of the same length, and every fifth one is broken. */
static void
change(const char *path, int i)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "{\"keys\":[" KEY "]}%*s%s",
	    i % 2 ? "odd" : "even", 8 * i, "", i % 5 ? "" : "broken");
	assert_int_equal(exchange(path, text), 0);
}

static void
test_eight_threads_and_500_changes(void **state)
{
	struct race race = { .path = new_path() };
	pthread_t threads[THREADS];
	int i;

	(void)state;
	change(race.path, 1);
	assert_holds(race.path, "odd", ERROR_NONE);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, hold_and_use, &race), 0);
	for (i = 2; i < CHANGES; i++) {
		change(race.path, i);
		/* Let some of them see it. */
		if (i % 8 == 0)
			(void)usleep(1000);
	}
	atomic_store(&race.done, true);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("%u holds, %u complaints\n", atomic_load(&race.holds),
	    atomic_load(&race.complaints));
	assert_int_equal(atomic_load(&race.failures), 0);
	assert_true(atomic_load(&race.holds) > 0);
	/* Once for each broken file, however many look. */
	assert_true(atomic_load(&race.complaints) <= CHANGES / 5);
	assert_holds(race.path, "odd", ERROR_NONE);
	free((void *)(uintptr_t)race.path);
}

/* When the fetch of the file that is there now began, for a kid of now */
static int
may_come(const char *path, const char *kid, time_t now)
{
	struct jwks *jwks = NULL;
	struct error err = ERROR_INIT;
	int rc;

	assert_int_equal(jwks_hold(path, &jwks, &err), 0);
	rc = jwks_may_come(jwks, kid, (struct timespec){ now, 0 }, &err);
	jwks_release(jwks);
	return rc;
}

/* The earlier of mtime and ctime; each file has a memory of its own. */
static void
test_kid_that_may_come(void **state)
{
	struct timespec times[2];
	char *path = new_path(), *other = new_path();
	time_t now = time(NULL);

	(void)state;
	put_key(path, "a");
	put_key(other, "a");
	assert_int_equal(may_come(path, "new", now + 10), 1);
	assert_int_equal(may_come(path, "new", now + 60), 1);
	/* Fetched again, but what came is from before */
	put_key(path, "a");
	times[0] = times[1] = (struct timespec){ now - 1, 0 };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(may_come(path, "new", now + 60), 1);
	/* A time that no fetch can have had */
	times[0] = times[1] = (struct timespec){ now + 50, 0 };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(may_come(path, "new", now + 60), 1);
	/* First seen between the two fetches */
	times[0] = times[1] = (struct timespec){ now - 20, 0 };
	assert_int_equal(utimensat(AT_FDCWD, other, times, 0), 0);
	assert_int_equal(may_come(other, "old", now - 10), 1);
	put_key(other, "b");
	assert_int_equal(may_come(other, "old", now + 60), 0);
	assert_int_equal(may_come(path, "old", now + 60), 1);
	free(path);
	free(other);
}

/* The one that was not used for the longest time makes room for another. */
static void
test_many_files(void **state)
{
	char *first = new_path(), *path;
	int i;

	(void)state;
	put_key(first, "first");
	for (i = 0; i < FILES_MAX + 50; i++) {
		assert_holds(first, "first", ERROR_NONE);
		path = new_path();
		put_key(path, "a");
		assert_holds(path, "a", ERROR_NONE);
		assert_holds(path, "a", ERROR_NONE);
		free(path);
	}
	put_key(first, "second");
	assert_holds(first, "second", ERROR_NONE);
	free(first);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_is_read_and_read_again),
		cmocka_unit_test(test_change_in_place),
		cmocka_unit_test(test_held_keys_stay_good),
		cmocka_unit_test(test_never_good),
		cmocka_unit_test(test_broken_repaired_and_vanished),
		cmocka_unit_test(test_moved_away_and_back),
		cmocka_unit_test(test_folder_and_link_in_its_place),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_read_that_fails_once),
		cmocka_unit_test(test_eight_threads_and_500_changes),
		cmocka_unit_test(test_kid_that_may_come),
		cmocka_unit_test(test_many_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
