/* SPDX-License-Identifier: MIT */
/*
 * test_io - lib/base/io: file primitives that a signal does not disturb
 */
#include "spools.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/io.h"

static void
test_create(void **state)
{
	struct place place = new_place();
	struct error err = ERROR_INIT;
	mode_t old = umask(027);
	int dir = open(place.top, O_RDONLY | O_DIRECTORY), fd;

	(void)state;
	fd = io_create(dir, "file", 0660, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(io_close(&fd, "file", &err), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(mode_of(beside(&place, "file")), 0640);
	/* O_EXCL: what is there is left alone. */
	assert_int_equal(io_create(dir, "file", 0660, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(err.errnum, EEXIST);
	assert_non_null(strstr(err.text, "file"));
	assert_file(beside(&place, "file"), "text");
	(void)umask(old);
	assert_int_equal(close(dir), 0);
	leave_place(&place);
}

/* O_EXCL and O_NOFOLLOW: a link is never followed, dead or alive. */
static void
test_create_over_links(void **state)
{
	static const char *const targets[] = { "victim", "nowhere", ".",
		"link" };
	struct place place;
	struct error err;
	size_t i;
	int dir;

	(void)state;
	for (i = 0; i < COUNT(targets); i++) {
		err = (struct error)ERROR_INIT;
		place = new_place();
		dir = open(place.top, O_RDONLY | O_DIRECTORY);
		put_file(beside(&place, "victim"), "precious");
		assert_int_equal(symlinkat(targets[i], dir, "link"), 0);
		assert_int_equal(io_create(dir, "link", 0660, &err), -1);
		assert_int_equal(err.errnum, EEXIST);
		assert_file(beside(&place, "victim"), "precious");
		assert_int_equal(access(beside(&place, "nowhere"), F_OK), -1);
		assert_int_equal(close(dir), 0);
		leave_place(&place);
	}
}

static void
test_open_dir(void **state)
{
	static const struct {
		const char *name;
		int want; /* errno, or 0 */
	} rows[] = {
		{ "folder", 0 },
		{ ".", 0 },
		{ "nowhere", ENOENT },
		{ "file", ENOTDIR },
		{ "link", ENOTDIR },
		{ "dead", ENOTDIR },
		{ "self", ENOTDIR },
		{ "folder/inner", ENOENT },
		{ "", ENOENT },
	};
	struct place place = new_place();
	int dir = open(place.top, O_RDONLY | O_DIRECTORY), fd;
	struct error err;
	size_t i;

	(void)state;
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	put_file(beside(&place, "file"), "x");
	assert_int_equal(symlinkat("folder", dir, "link"), 0);
	assert_int_equal(symlinkat("nowhere", dir, "dead"), 0);
	assert_int_equal(symlinkat("self", dir, "self"), 0);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		fd = io_open_dir(dir, rows[i].name, &err);
		if ((fd >= 0) != (rows[i].want == 0) ||
		    err.errnum != rows[i].want)
			fail_msg("\"%s\": got %d (%s), want errno %d",
			    rows[i].name, fd, err.text, rows[i].want);
		if (fd >= 0)
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		io_discard(&fd);
		assert_int_equal(fd, -1);
	}
	assert_int_equal(close(dir), 0);
	leave_place(&place);
}

/* Read all there is, a little at a time, into a buffer. */
struct reader {
	int fd;
	struct buf got;
};

static void *
read_slowly(void *argument)
{
	struct reader *reader = argument;
	char part[700];
	ssize_t len;

	for (;;) {
		len = read(reader->fd, part, sizeof(part));
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return NULL;
		buf_append(&reader->got, part, (size_t)len);
		(void)usleep(100);
	}
}

static void
ignore_alarm(int number)
{
	(void)number;
}

/* A signal every few hundred microseconds, that does not restart calls */
static void
ring_alarms(bool on)
{
	struct sigaction action = { .sa_handler = ignore_alarm };
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, on ? &often : &never, NULL), 0);
}

/*
 * Pieces of all sizes through a socket with a small buffer, so that writes
 * are short, while signals come in.
 */
static void
test_short_and_interrupted_writes(void **state)
{
	static const size_t sizes[] = { 0, 1, 0, 5000, 3, 0, 200000, 0, 70000,
		1, 0 };
	struct reader reader = { .got = BUF_INIT(ROOM) };
	struct buf want = BUF_INIT(ROOM);
	struct iovec pieces[COUNT(sizes)];
	struct error err = ERROR_INIT;
	int ends[2], small = 4096;
	sigset_t alarms;
	pthread_t thread;
	size_t i, at = 0;

	(void)state;
	for (i = 0; i < 300000; i++)
		buf_append_byte(&want, (char)(i * 31 >> 4));
	for (i = 0; i < COUNT(sizes); i++) {
		pieces[i] = (struct iovec){ want.at + at, sizes[i] };
		at += sizes[i];
	}
	want.len = at;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
	    0);
	reader.fd = ends[1];
	/* The alarms are for the writer. */
	(void)sigemptyset(&alarms);
	(void)sigaddset(&alarms, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	assert_int_equal(
	    pthread_create(&thread, NULL, read_slowly, &reader), 0);
	(void)pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	ring_alarms(true);
	assert_int_equal(
	    io_write_all(ends[0], pieces, COUNT(sizes), "x", &err), 0);
	ring_alarms(false);
	assert_int_equal(io_close(&ends[0], "x", &err), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(same(buf_span(&reader.got), buf_span(&want)));
	assert_int_equal(close(ends[1]), 0);
	buf_free(&reader.got);
	buf_free(&want);
}

static void
test_write_nothing(void **state)
{
	struct iovec empty[3] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(io_write_all(-1, NULL, 0, "x", &err), 0);
	assert_int_equal(io_write_all(-1, empty, 3, "x", &err), 0);
	assert_int_equal(err.code, ERROR_NONE);
}

static void
test_failures_are_named(void **state)
{
	char text[] = "x";
	struct iovec piece = { text, 1 };
	struct error err = ERROR_INIT;
	int fd = -1, full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(io_write_all(full, &piece, 1, "the file", &err), -1);
	assert_string_equal(
	    err.text, "cannot write the file: No space left on device");
	err = (struct error)ERROR_INIT;
	assert_int_equal(io_fsync(full, "the file", &err), -1);
	assert_int_equal(err.errnum, EINVAL);
	assert_non_null(strstr(err.text, "the file"));
	assert_int_equal(close(full), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(io_close(&fd, "the file", &err), -1);
	assert_int_equal(err.errnum, EBADF);
	assert_int_equal(fd, -1);
	io_discard(&fd);
	assert_int_equal(fd, -1);
}

struct visits {
	char names[64];
	int count, stop;
};

static int
visit(void *context, int at, const struct dirent *entry, struct error *err)
{
	struct visits *visits = context;
	struct stat st;

	assert_int_equal(
	    fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
	strcat(visits->names, entry->d_name);
	if (++visits->count != visits->stop)
		return 0;
	return error_set(err, ERROR_FORM, "stopped");
}

static void
test_each(void **state)
{
	struct visits all = { "", 0, 0 }, again = { "", 0, 0 },
		      two = { "", 0, 2 };
	struct error err = ERROR_INIT;
	struct place place = new_place();
	int dir = open(place.top, O_RDONLY | O_DIRECTORY), file;
	int before = count_entries("/proc/self/fd");

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(io_each(dir, "three/", visit, &all, &err), 0);
	assert_int_equal(all.count, 0);
	assert_int_equal(mkdirat(dir, ".a", 0700), 0);
	assert_int_equal(symlinkat("nowhere", dir, "b"), 0);
	file = openat(dir, "c", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	/* Twice: each visit begins at the front. */
	assert_int_equal(io_each(dir, "three/", visit, &all, &err), 0);
	assert_int_equal(io_each(dir, "three/", visit, &again, &err), 0);
	assert_int_equal(all.count, 3);
	assert_string_equal(all.names, again.names);
	assert_int_equal(err.code, ERROR_NONE);
	assert_int_equal(io_each(dir, "three/", visit, &two, &err), -1);
	assert_int_equal(two.count, 2);
	assert_string_equal(err.text, "stopped");
	err = (struct error)ERROR_INIT;
	assert_int_equal(io_each(file, "three/", visit, &two, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_string_equal(err.text, "cannot read three/: Not a directory");
	assert_int_equal(close(file), 0);
	assert_int_equal(count_entries("/proc/self/fd"), before);
	assert_int_equal(close(dir), 0);
	leave_place(&place);
}

static void
test_open_file(void **state)
{
	static const struct {
		const char *name;
		int want; /* errno, or 0 */
	} rows[] = {
		{ "file", 0 },
		{ "nowhere", ENOENT },
		{ "link", ELOOP },
		{ "dead", ELOOP },
		{ "folder", EINVAL },
		{ ".", EINVAL },
		{ "pipe", EINVAL },
		{ "folder/inner", ENOENT },
		{ "file/inner", ENOTDIR },
		{ "/dev/null", EINVAL },
		{ "", ENOENT },
	};
	struct place place = new_place();
	int dir = open(place.top, O_RDONLY | O_DIRECTORY), fd;
	int before = count_entries("/proc/self/fd");
	struct error err;
	struct stat st;
	size_t i;

	(void)state;
	put_file(beside(&place, "file"), "text");
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(symlinkat("file", dir, "link"), 0);
	assert_int_equal(symlinkat("nowhere", dir, "dead"), 0);
	assert_int_equal(mkfifoat(dir, "pipe", 0600), 0);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		fd = io_open_file(dir, rows[i].name, &st, &err);
		if ((fd >= 0) != (rows[i].want == 0) ||
		    err.errnum != rows[i].want)
			fail_msg("\"%s\": got %d (%s), want errno %d",
			    rows[i].name, fd, err.text, rows[i].want);
		if (fd >= 0) {
			assert_int_equal(st.st_size, 4);
			assert_true(S_ISREG(st.st_mode));
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		}
		io_discard(&fd);
	}
	assert_int_equal(count_entries("/proc/self/fd"), before);
	assert_int_equal(close(dir), 0);
	leave_place(&place);
}

/* Neither over a file nor over anything else, its own link included. */
static void
test_rename_new(void **state)
{
	static const char *const taken[] = { "file", "folder", "dead", "same" };
	struct place place = new_place();
	int dir = open(place.top, O_RDONLY | O_DIRECTORY);
	size_t i;

	(void)state;
	put_file(beside(&place, "mine"), "mine");
	put_file(beside(&place, "file"), "theirs");
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(symlinkat("nowhere", dir, "dead"), 0);
	assert_int_equal(linkat(dir, "mine", dir, "same", 0), 0);
	for (i = 0; i < COUNT(taken); i++) {
		errno = 0;
		assert_int_equal(io_rename_new(dir, "mine", dir, taken[i]), -1);
		assert_int_equal(errno, EEXIST);
		assert_file(beside(&place, "mine"), "mine");
	}
	assert_file(beside(&place, "file"), "theirs");
	assert_int_equal(io_rename_new(dir, "mine", dir, "folder/new"), 0);
	assert_file(beside(&place, "folder/new"), "mine");
	errno = 0;
	assert_int_equal(io_rename_new(dir, "mine", dir, "other"), -1);
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_int_equal(io_rename_new(-1, "file", dir, "other"), -1);
	assert_int_equal(errno, EBADF);
	assert_file(beside(&place, "file"), "theirs");
	assert_int_equal(close(dir), 0);
	leave_place(&place);
}

/* What io_read_at() answers for so many bytes from a place of "0123456789" */
static void
test_read_at(void **state)
{
	static const struct {
		off_t at;
		size_t len;
		const char *want;
	} rows[] = {
		{ 0, 0, "" },
		{ 0, 1, "0" },
		{ 0, 10, "0123456789" },
		{ 0, 11, "0123456789" },
		{ 0, 4000, "0123456789" },
		{ 3, 4, "3456" },
		{ 9, 1, "9" },
		{ 9, 2, "9" },
		{ 10, 5, "" },
		{ 1000000, 5, "" },
		{ INT64_MAX - 5000, 5, "" },
	};
	struct place place = new_place();
	struct error err = ERROR_INIT;
	char *room;
	size_t i, got;
	int fd;

	(void)state;
	put_file(beside(&place, "file"), "0123456789");
	fd = open(beside(&place, "file"), O_RDONLY);
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	for (i = 0; i < COUNT(rows); i++) {
		room = malloc(rows[i].len ? rows[i].len : 1);
		got = 4711;
		assert_int_equal(io_read_at(fd, room, rows[i].len, rows[i].at,
				     &got, "x", &err),
		    0);
		assert_same(
		    "read", (struct span){ room, got }, span_of(rows[i].want));
		free(room);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
	}
	assert_int_equal(close(fd), 0);
	leave_place(&place);
}

static void
test_read_at_failures(void **state)
{
	struct error err = ERROR_INIT;
	int dir = open("/", O_RDONLY | O_DIRECTORY);
	char room[8];
	size_t got = 4711;

	(void)state;
	assert_int_equal(
	    io_read_at(dir, room, sizeof(room), 0, &got, "the file", &err), -1);
	assert_string_equal(err.text, "cannot read the file: Is a directory");
	assert_int_equal(got, 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    io_read_at(-1, room, sizeof(room), 0, &got, "the file", &err), -1);
	assert_int_equal(err.errnum, EBADF);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    io_read_at(dir, room, sizeof(room), -1, &got, "the file", &err),
	    -1);
	assert_int_equal(err.errnum, EINVAL);
	assert_int_equal(close(dir), 0);
}

/* Writes so many bytes, a few at a time. */
struct writer {
	int fd;
	struct span text;
};

static void *
write_slowly(void *argument)
{
	struct writer *writer = argument;
	size_t at = 0, len;

	for (; at < writer->text.len; at += len) {
		len = writer->text.len - at < 500 ? writer->text.len - at : 500;
		if (write(writer->fd, writer->text.at + at, len) !=
		    (ssize_t)len)
			break;
		(void)usleep(100);
	}
	(void)close(writer->fd);
	return NULL;
}

/* Short reads, and signals meanwhile: all that was asked for, in order */
static void
test_short_and_interrupted_reads(void **state)
{
	struct buf want = BUF_INIT(ROOM), got = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct writer writer;
	pthread_t thread;
	sigset_t alarms;
	size_t i, len;
	int ends[2];

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_append_byte(&want, (char)(i * 31 >> 4));
	assert_int_equal(pipe(ends), 0);
	writer = (struct writer){ ends[1], buf_span(&want) };
	(void)sigemptyset(&alarms);
	(void)sigaddset(&alarms, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	assert_int_equal(
	    pthread_create(&thread, NULL, write_slowly, &writer), 0);
	(void)pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	ring_alarms(true);
	do {
		assert_int_equal(io_read_at(ends[0], buf_room(&got, 7000), 7000,
				     (off_t)got.len, &len, "x", &err),
		    0);
		got.len += len;
	} while (len == 7000);
	ring_alarms(false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(same(buf_span(&got), buf_span(&want)));
	assert_int_equal(close(ends[0]), 0);
	buf_free(&got);
	buf_free(&want);
}

/* Started with some of its three descriptors closed */
static int
start_without(void *argument)
{
	unsigned closed = *(unsigned *)argument;
	struct stat before[3], now;
	int fd;

	for (fd = 0; fd < 3; fd++) {
		if (closed & 1u << fd)
			(void)close(fd);
		else if (fstat(fd, &before[fd]) < 0)
			return 1;
	}
	io_fill_descriptors();
	for (fd = 0; fd < 3; fd++) {
		if (fstat(fd, &now) < 0)
			return 2;
		if (!(closed & 1u << fd) && now.st_ino != before[fd].st_ino)
			return 3;
	}
	return 0;
}

static void
test_fill_descriptors(void **state)
{
	unsigned closed;

	(void)state;
	for (closed = 0; closed < 8; closed++)
		assert_int_equal(in_child(start_without, &closed, 0, 0), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_over_links),
		cmocka_unit_test(test_open_dir),
		cmocka_unit_test(test_short_and_interrupted_writes),
		cmocka_unit_test(test_write_nothing),
		cmocka_unit_test(test_failures_are_named),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_open_file),
		cmocka_unit_test(test_rename_new),
		cmocka_unit_test(test_read_at),
		cmocka_unit_test(test_read_at_failures),
		cmocka_unit_test(test_short_and_interrupted_reads),
		cmocka_unit_test(test_fill_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
