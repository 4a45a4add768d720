/* SPDX-License-Identifier: MIT */
/*
 * test_quarantine - lib/spool/quarantine: kept within bounds
 *
 * The bounds are on the blocks and the number of the files that are there,
 * whoever put them there. Each test asks for the bounds of one process; a
 * child is what comes after a restart, and knows nothing but the names.
 */
#include "spools.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "spool/quarantine_tally.h"

#define BLOCK 4096
#define MANY  UINT64_C(1000000)

static const struct timespec now = { 1795280733, 0 };

/* What the file system says; defined here, this comes before libc's. */
static struct statvfs disk;
static const struct statvfs large = { .f_frsize = BLOCK,
	.f_blocks = MANY,
	.f_bavail = MANY,
	.f_files = MANY,
	.f_favail = MANY };

int
fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	*out = disk;
	return 0;
}

/* A count goes on as long as this is set; it has begun when waiting is. */
static atomic_bool held_up, waiting;
static atomic_int counts;

/* Of each directory that is read */
DIR *
fdopendir(int fd)
{
	static DIR *(*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	counts++;
	waiting = true;
	while (held_up)
		(void)usleep(1000);
	return real(fd);
}

static const char *const words[] = { "none", "kept", "off", "full",
	"caller-full", "form-full", "disk-low", "busy", "failed" };

static enum quarantined
keep(const struct spool *spool, size_t size, uint64_t bytes, uint64_t files,
    const char *remote, bool full, char name[SPOOL_NAME_SIZE])
{
	char *text = malloc(size + 1);
	struct iovec pieces[2] = { { text, size / 2 },
		{ text + size / 2, size - size / 2 } };
	struct quarantine_amount bounds = { bytes, files };
	struct quarantine_call call = { "", full };
	struct error err = ERROR_INIT;
	struct delivery delivery = { spool, now, pieces, 2 };
	enum quarantined outcome;

	assert_non_null(text);
	memset(text, 'q', size);
	quarantine_caller(remote, call.caller);
	outcome = quarantine_keep(&delivery, &bounds, &call, name, &err);
	if (outcome == QUARANTINE_FAILED)
		fail_msg("%s", err.text);
	free(text);
	return outcome;
}

static void
assert_keep(const struct spool *spool, size_t size, uint64_t bytes,
    uint64_t files, const char *remote, bool full, enum quarantined want)
{
	char name[SPOOL_NAME_SIZE] = "";
	enum quarantined got =
	    keep(spool, size, bytes, files, remote, full, name);

	if (got != want)
		fail_msg("%zu bytes of %s, bounds %llu and %llu: got %s, "
			 "want %s",
		    size, remote, (unsigned long long)bytes,
		    (unsigned long long)files, words[got], words[want]);
}

/* A caller that no other call of this process is from */
static const char *
another(void)
{
	static unsigned last;

	last++;
	return path_of("10.%u.%u.%u", last >> 16, last >> 8 & 255, last & 255);
}

/* It changes something for the process within so many seconds. */
static void
assert_soon(const struct spool *spool, size_t size, uint64_t bytes,
    uint64_t files, enum quarantined want)
{
	time_t start = time(NULL);
	char name[SPOOL_NAME_SIZE];

	while (keep(spool, size, bytes, files, another(), true, name) != want) {
		if (time(NULL) - start > 20)
			fail_msg("never %s", words[want]);
		(void)usleep(20000);
	}
}

static uint64_t
blocks_kept(const struct place *place)
{
	DIR *list = opendir(in_spool(place, "quarantine"));
	struct dirent *entry;
	struct stat st;
	uint64_t sum = 0;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL)
		if (fstatat(dirfd(list), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			sum += quarantine_blocks((uint64_t)st.st_size);
	(void)closedir(list);
	return sum / BLOCK;
}

/* In a process that has counted nothing yet */
static void
in_new_process(
    void (*what)(const struct spool *spool), const struct spool *spool)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		what(spool);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_callers(void **state)
{
	static const struct {
		const char *remote, *caller;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "2001:db8::1", "2001-db8-0-0" },
		{ "2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001-db8-0-0" },
		{ "2001:db8:0:1::1", "2001-db8-0-1" },
		{ "ffff:ffff:ffff:ffff::", "ffff-ffff-ffff-ffff" },
		{ "fe80::1%eth0", "fe80-0-0-0" },
		{ "::1", "0-0-0-0" },
		{ "", "unknown" },
		{ "unix:", "unknown" },
		{ "shop.example", "unknown" },
		{ "192.0.2.1 ", "unknown" },
		{ "192.0.2.1,192.0.2.2", "unknown" },
		{ "192.0.2", "unknown" },
		{ "../../etc/passwd", "unknown" },
		{ "2001:0db8:0000:0000:0000:0000:192.000.002.001x", "unknown" },
		{ "1111111111111111111111111111111111111111111111111111111",
		    "unknown" },
	};
	char got[QUARANTINE_CALLER_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		quarantine_caller(rows[i].remote, got);
		if (strcmp(got, rows[i].caller) != 0)
			fail_msg("\"%s\": got %s, want %s", rows[i].remote, got,
			    rows[i].caller);
	}
}

static void
test_edges(void **state)
{
	/* Files that are there, by a caller each, then one more */
	static const struct {
		size_t before, size;
		uint64_t bytes, files;
		enum quarantined want;
	} rows[] = {
		{ 0, 1, 0, MANY, QUARANTINE_FULL },
		{ 0, 1, 4 * BLOCK - 1, MANY, QUARANTINE_CALLER_FULL },
		{ 0, 1, 4 * BLOCK, MANY, QUARANTINE_KEPT },
		{ 0, BLOCK, 4 * BLOCK, MANY, QUARANTINE_KEPT },
		{ 0, BLOCK + 1, 4 * BLOCK, MANY, QUARANTINE_CALLER_FULL },
		{ 0, BLOCK + 1, 8 * BLOCK, MANY, QUARANTINE_KEPT },
		{ 0, 8 * BLOCK, 4 * BLOCK, MANY, QUARANTINE_FULL },
		{ 3, 1, 4 * BLOCK, MANY, QUARANTINE_KEPT },
		{ 4, 1, 4 * BLOCK, MANY, QUARANTINE_FULL },
		{ 4, 1, 5 * BLOCK, MANY, QUARANTINE_KEPT },
		{ 4, 1, 5 * BLOCK - 1, MANY, QUARANTINE_FULL },
		{ 0, 1, UINT64_MAX, UINT64_MAX, QUARANTINE_KEPT },
		{ 0, 1, UINT64_MAX, 0, QUARANTINE_FULL },
		{ 0, 1, UINT64_MAX, 1, QUARANTINE_KEPT },
		{ 1, 1, UINT64_MAX, 1, QUARANTINE_FULL },
		{ 6, 1, UINT64_MAX, 7, QUARANTINE_KEPT },
		{ 7, 1, UINT64_MAX, 7, QUARANTINE_FULL },
		{ 7, 1, UINT64_MAX, 6, QUARANTINE_FULL },
	};
	struct place place;
	struct spool spool;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		spool = must_open(&place);
		for (j = 0; j < rows[i].before; j++)
			assert_keep(&spool, 1, MANY, MANY, another(), true,
			    QUARANTINE_KEPT);
		assert_keep(&spool, rows[i].size, rows[i].bytes, rows[i].files,
		    another(), true, rows[i].want);
		assert_int_equal(count_entries(in_spool(&place, "quarantine")),
		    rows[i].before + (rows[i].want == QUARANTINE_KEPT));
		assert_counts("nothing elsewhere", &place, 0, 0);
		spool_close(&spool);
		leave_place(&place);
	}
}

/* One caller fills its quarter, by files and by blocks; others have theirs. */
static void
test_share_of_a_caller(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_keep(&spool, 1, MANY * BLOCK, 20, "192.0.2.1", true,
		    QUARANTINE_KEPT);
	assert_keep(&spool, 1, MANY * BLOCK, 20, "192.0.2.1", true,
	    QUARANTINE_CALLER_FULL);
	assert_keep(&spool, 1, MANY * BLOCK, 20, "::ffff:192.0.2.1", false,
	    QUARANTINE_CALLER_FULL);
	assert_keep(
	    &spool, 1, MANY * BLOCK, 20, "192.0.2.2", true, QUARANTINE_KEPT);
	/* 6 blocks are there. */
	assert_keep(&spool, 5 * BLOCK, 40 * BLOCK, MANY, "192.0.2.1", true,
	    QUARANTINE_KEPT);
	assert_keep(&spool, 1, 40 * BLOCK, MANY, "192.0.2.1", true,
	    QUARANTINE_CALLER_FULL);
	assert_keep(&spool, 10 * BLOCK, 40 * BLOCK, MANY, "2001:db8::1", true,
	    QUARANTINE_KEPT);
	assert_keep(&spool, 1, 40 * BLOCK, MANY, "2001:db8::2", true,
	    QUARANTINE_CALLER_FULL);
	assert_keep(&spool, 10 * BLOCK, 40 * BLOCK, MANY, "2001:db8:0:1::2",
	    true, QUARANTINE_KEPT);
	assert_keep(&spool, 10 * BLOCK, 40 * BLOCK, MANY, "192.0.2.3", true,
	    QUARANTINE_FULL);
	assert_keep(&spool, 9 * BLOCK, 40 * BLOCK, MANY, "192.0.2.3", true,
	    QUARANTINE_KEPT);
	assert_int_equal(blocks_kept(&place), 40);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_half_for_full_form(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_keep(&spool, 1, MANY * BLOCK, 20, another(), false,
		    QUARANTINE_KEPT);
	assert_keep(&spool, 1, MANY * BLOCK, 20, another(), false,
	    QUARANTINE_FORM_FULL);
	for (i = 0; i < 10; i++)
		assert_keep(&spool, 1, MANY * BLOCK, 20, another(), true,
		    QUARANTINE_KEPT);
	assert_keep(
	    &spool, 1, MANY * BLOCK, 20, another(), true, QUARANTINE_FULL);
	/* 10 blocks of either */
	assert_keep(&spool, BLOCK, 21 * BLOCK, MANY, another(), false,
	    QUARANTINE_FORM_FULL);
	assert_keep(
	    &spool, BLOCK, 22 * BLOCK, MANY, another(), false, QUARANTINE_KEPT);
	spool_close(&spool);
	leave_place(&place);
}

/* After a restart: the names say who holds what. */
static void
fill_more(const struct spool *spool)
{
	assert_keep(spool, 1, MANY * BLOCK, 20, "192.0.2.1", true,
	    QUARANTINE_CALLER_FULL);
	assert_keep(spool, 1, MANY * BLOCK, 20, "2001:db8::9", true,
	    QUARANTINE_CALLER_FULL);
	assert_keep(
	    spool, 1, MANY * BLOCK, 20, another(), false, QUARANTINE_FORM_FULL);
	assert_keep(
	    spool, 1, MANY * BLOCK, 22, another(), false, QUARANTINE_KEPT);
	assert_keep(
	    spool, 1, MANY * BLOCK, 20, another(), true, QUARANTINE_KEPT);
}

static void
test_restart(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_keep(&spool, 1, MANY * BLOCK, 20, "192.0.2.1", false,
		    QUARANTINE_KEPT);
		assert_keep(&spool, 1, MANY * BLOCK, 20, "2001:db8::1", false,
		    QUARANTINE_KEPT);
	}
	in_new_process(fill_more, &spool);
	assert_int_equal(count_entries(in_spool(&place, "quarantine")), 12);
	spool_close(&spool);
	leave_place(&place);
}

/* Each process counts what the ones before it have left, as under CGI. */
static void
keep_one(const struct spool *spool)
{
	char name[SPOOL_NAME_SIZE];
	enum quarantined outcome =
	    keep(spool, 1, 40 * BLOCK, MANY, "192.0.2.1", true, name);

	assert_true(
	    outcome == QUARANTINE_KEPT || outcome == QUARANTINE_CALLER_FULL);
}

static void
test_process_after_process(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 15; i++)
		in_new_process(keep_one, &spool);
	assert_int_equal(count_entries(in_spool(&place, "quarantine")), 10);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_name_and_mode(void **state)
{
	static const struct {
		const char *remote;
		bool full;
		const char *ending;
	} rows[] = {
		{ "192.0.2.1", true, ",full,from=192.0.2.1.json" },
		{ "192.0.2.1", false, ",from=192.0.2.1.json" },
		{ "ffff:ffff:ffff:ffff::1", true,
		    ",full,from=ffff-ffff-ffff-ffff.json" },
		{ "../x", true, ",full,from=unknown.json" },
	};
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	const char *label;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(keep(&spool, 5, MANY, MANY, rows[i].remote,
				     rows[i].full, name),
		    QUARANTINE_KEPT);
		label = strchr(name, ',');
		assert_non_null(label);
		assert_string_equal(label, rows[i].ending);
		assert_file(in_folder(&place, "quarantine", name), "qqqqq");
		assert_int_equal(
		    mode_of(in_folder(&place, "quarantine", name)), 0640);
	}
	spool_close(&spool);
	leave_place(&place);
}

/* Files that somebody removes or adds by hand count soon. */
static void
test_changed_by_hand(void **state)
{
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(
		    keep(&spool, 1, MANY, 1, another(), true, name),
		    QUARANTINE_KEPT);
		assert_keep(
		    &spool, 1, MANY, 1, another(), true, QUARANTINE_FULL);
		assert_int_equal(
		    unlink(in_folder(&place, "quarantine", name)), 0);
		put_file(in_spool(&place, "quarantine/x"), "");
		assert_int_equal(unlink(in_spool(&place, "quarantine/x")), 0);
		assert_soon(&spool, 1, MANY, 1, QUARANTINE_KEPT);
		remove_tree(in_spool(&place, "quarantine"));
	}
	put_file(in_spool(&place, "new/by-hand"), "");
	assert_soon(&spool, 1, MANY, MANY, QUARANTINE_KEPT);
	for (i = 0; i < 20; i++)
		put_file(path_of("%s/quarantine/%d", place.spool, i), "x");
	assert_soon(&spool, 1, MANY, 20, QUARANTINE_FULL);
	spool_close(&spool);
	leave_place(&place);
}

/* A change that the directory's time does not show, as it came so soon */
static void
test_changed_in_the_same_tick(void **state)
{
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct timespec times[2];
	struct stat st;

	(void)state;
	assert_int_equal(
	    keep(&spool, 1, MANY, 1, another(), true, name), QUARANTINE_KEPT);
	(void)usleep(300000);
	assert_keep(&spool, 1, MANY, 1, another(), true, QUARANTINE_FULL);
	assert_int_equal(stat(in_spool(&place, "quarantine"), &st), 0);
	assert_int_equal(unlink(in_folder(&place, "quarantine", name)), 0);
	times[0] = times[1] = st.st_mtim;
	assert_int_equal(
	    utimensat(AT_FDCWD, in_spool(&place, "quarantine"), times, 0), 0);
	assert_soon(&spool, 1, MANY, 1, QUARANTINE_KEPT);
	spool_close(&spool);
	leave_place(&place);
}

/* Only files count, and what is no file is left alone. */
static void
test_odd_things_there(void **state)
{
	static const char *const files[] = { ".hidden", ",from=.json",
		",full,from=", ",from=", "full,from=x.json",
		"1.M1P1Q1.shop,full,from=192.0.2.1,tries=1.json",
		"1.M1P1Q1.shop,from=1234567890123456789012345678901234567.json",
		",from=192.0.2.1,from=192.0.2.1", ",from=json" };
	struct place place = new_place();
	struct spool spool = must_open(&place);
	size_t i, n = COUNT(files);

	(void)state;
	put_file(beside(&place, "big"), "0123456789012345678901234567890123");
	assert_int_equal(mkdir(in_spool(&place, "quarantine/folder"), 0700), 0);
	put_file(in_spool(&place, "quarantine/folder/file"), "0123456789");
	assert_int_equal(
	    symlink("../../big", in_spool(&place, "quarantine/link")), 0);
	assert_int_equal(
	    symlink("nowhere", in_spool(&place, "quarantine/dead")), 0);
	assert_int_equal(mkfifo(in_spool(&place, "quarantine/pipe"), 0600), 0);
	for (i = 0; i < n; i++)
		put_file(in_folder(&place, "quarantine", files[i]), "x");
	assert_keep(
	    &spool, 1, n * BLOCK, MANY, another(), true, QUARANTINE_FULL);
	assert_keep(&spool, 1, MANY, n, another(), true, QUARANTINE_FULL);
	assert_keep(&spool, 1, MANY, 8, "192.0.2.1", true, QUARANTINE_FULL);
	/* Two of them are this caller's. */
	assert_keep(&spool, 1, MANY, n + 1, "192.0.2.1", true, QUARANTINE_KEPT);
	assert_keep(
	    &spool, 1, MANY, n + 3, "192.0.2.1", true, QUARANTINE_CALLER_FULL);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_room_of_the_file_system(void **state)
{
	/* In blocks of this size; what is left when a block is asked for */
	static const struct {
		uint64_t size, all, left, inodes, inodes_left;
		enum quarantined want;
	} rows[] = {
		{ 4096, 1000, 1000, 1000, 1000, QUARANTINE_KEPT },
		{ 4096, 1000, 101, 1000, 1000, QUARANTINE_KEPT },
		{ 4096, 1000, 100, 1000, 1000, QUARANTINE_DISK_LOW },
		{ 4096, 1000, 0, 1000, 1000, QUARANTINE_DISK_LOW },
		{ 1024, 1000, 104, 1000, 1000, QUARANTINE_KEPT },
		{ 1024, 1000, 103, 1000, 1000, QUARANTINE_DISK_LOW },
		/* 1 TiB: 1 GiB is left */
		{ 4096, 1 << 28, (1 << 18) + 1, 1000, 1000, QUARANTINE_KEPT },
		{ 4096, 1 << 28, 1 << 18, 1000, 1000, QUARANTINE_DISK_LOW },
		{ 4096, 1000, 1000, 1000, 101, QUARANTINE_KEPT },
		{ 4096, 1000, 1000, 1000, 100, QUARANTINE_DISK_LOW },
		{ 4096, 1000, 1000, 1000, 99, QUARANTINE_DISK_LOW },
		{ 4096, 1000, 1000, 1000, 0, QUARANTINE_DISK_LOW },
		{ 4096, 1000, 99, 1000, 1000, QUARANTINE_DISK_LOW },
		/* btrfs: it has no inodes to run out of */
		{ 4096, 1000, 1000, 0, 0, QUARANTINE_KEPT },
		{ 4096, 1000, 100, 0, 0, QUARANTINE_DISK_LOW },
		/* tmpfs without a size */
		{ 4096, 0, 0, 0, 0, QUARANTINE_KEPT },
	};
	struct place place = new_place();
	struct spool spool = must_open(&place);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		disk = (struct statvfs){ .f_frsize = rows[i].size,
			.f_blocks = rows[i].all,
			.f_bfree = rows[i].all,
			.f_bavail = rows[i].left,
			.f_files = rows[i].inodes,
			.f_ffree = rows[i].inodes,
			.f_favail = rows[i].inodes_left };
		assert_keep(
		    &spool, 1, MANY, MANY, another(), true, rows[i].want);
	}
	disk = large;
	spool_close(&spool);
	leave_place(&place);
}

static void
test_check_keeps_nothing(void **state)
{
	struct quarantine_amount bounds = { 4 * BLOCK, 100 };
	struct quarantine_call call = { "192.0.2.1", true };
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(
		    quarantine_check(&spool, &bounds, &call, BLOCK, &err),
		    QUARANTINE_KEPT);
	assert_int_equal(
	    quarantine_check(&spool, &bounds, &call, BLOCK + 1, &err),
	    QUARANTINE_CALLER_FULL);
	assert_int_equal(count_entries(in_spool(&place, "quarantine")), 0);
	spool_close(&spool);
	leave_place(&place);
}

/* A write that fails gives its room back. */
static void
test_failed_write(void **state)
{
	char text[] = "x";
	struct iovec piece = { text, 1 };
	struct quarantine_amount bounds = { MANY, 4 };
	struct quarantine_call call = { "192.0.2.1", true };
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct delivery delivery = { &spool, now, &piece, 1 };
	struct error err;
	char name[SPOOL_NAME_SIZE];
	int i, tmp = spool.tmp;

	(void)state;
	for (i = 0; i < 10; i++) {
		err = (struct error)ERROR_INIT;
		spool.tmp = -1;
		assert_int_equal(
		    quarantine_keep(&delivery, &bounds, &call, name, &err),
		    QUARANTINE_FAILED);
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
	spool.tmp = tmp;
	assert_keep(&spool, 1, MANY, 4, "192.0.2.1", true, QUARANTINE_KEPT);
	assert_keep(
	    &spool, 1, MANY, 4, "192.0.2.1", true, QUARANTINE_CALLER_FULL);
	spool_close(&spool);
	leave_place(&place);
}

/* The shares of what is being written at once are the same. */
static void
test_at_once(void **state)
{
	struct quarantine_amount bounds = { MANY * BLOCK, MANY };
	struct quarantine_item item = { BLOCK, true, "192.0.2.1" };
	struct quarantine_tally *tally;
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int fd = open(in_spool(&place, "quarantine"), O_RDONLY | O_DIRECTORY);
	struct error err = ERROR_INIT;
	int i, kept[3] = { 0, 0, 0 };

	(void)state;
	for (i = 0; i < 100; i++)
		kept[0] += quarantine_reserve(fd, &bounds, &item, &tally,
			       &err) == QUARANTINE_KEPT;
	item.full_form = false;
	for (i = 0; i < 100; i++) {
		item.caller = another();
		kept[1] += quarantine_reserve(fd, &bounds, &item, &tally,
			       &err) == QUARANTINE_KEPT;
	}
	item.full_form = true;
	for (i = 0; i < 100; i++) {
		item.caller = another();
		kept[2] += quarantine_reserve(fd, &bounds, &item, &tally,
			       &err) == QUARANTINE_KEPT;
	}
	assert_int_equal(kept[0], 16);
	assert_int_equal(kept[1], 32);
	assert_int_equal(kept[2], 16);
	item.caller = another();
	assert_int_equal(quarantine_reserve(fd, &bounds, &item, NULL, &err),
	    QUARANTINE_BUSY);
	item.caller = "192.0.2.1";
	quarantine_settle(tally, &item, true);
	item.caller = another();
	assert_int_equal(quarantine_reserve(fd, &bounds, &item, NULL, &err),
	    QUARANTINE_KEPT);
	(void)close(fd);
	spool_close(&spool);
	leave_place(&place);
}

/* More directories than are remembered: each has its own sums. */
static void
test_many_directories(void **state)
{
	struct quarantine_item item = { BLOCK, true, "192.0.2.1" };
	struct quarantine_amount one = { MANY, 1 }, two = { MANY, 2 };
	struct quarantine_tally *tally;
	struct error err = ERROR_INIT;
	char top[64];
	int i, fd, before;

	(void)state;
	make_folder(top);
	for (i = 0; i < 1100; i++) {
		assert_int_equal(mkdir(path_of("%s/%d", top, i), 0700), 0);
		put_file(path_of("%s/%d/file", top, i), "x");
		fd = open(path_of("%s/%d", top, i), O_RDONLY | O_DIRECTORY);
		assert_true(fd >= 0);
		assert_int_equal(
		    quarantine_reserve(fd, &one, &item, NULL, &err),
		    QUARANTINE_FULL);
		assert_int_equal(
		    quarantine_reserve(fd, &two, &item, &tally, &err),
		    QUARANTINE_KEPT);
		quarantine_settle(tally, &item, false);
		(void)close(fd);
	}
	/* The last 900 are not counted again for another call. */
	before = counts;
	for (i = 200; i < 1100; i++) {
		fd = open(path_of("%s/%d", top, i), O_RDONLY | O_DIRECTORY);
		assert_int_equal(
		    quarantine_reserve(fd, &one, &item, NULL, &err),
		    QUARANTINE_FULL);
		(void)close(fd);
	}
	/* But for those that were counted in the seconds of their change. */
	assert_in_range(counts - before, 0, 900);
	remove_tree(top);
}

struct caller {
	const struct spool *spool;
	enum quarantined outcome;
};

static void *
call_once(void *argument)
{
	struct caller *caller = argument;
	char name[SPOOL_NAME_SIZE];

	caller->outcome =
	    keep(caller->spool, 1, MANY, 40, "192.0.2.1", true, name);
	return NULL;
}

/*
 * While one thread counts, no other waits for it: without a count before
 * they are not kept, and with one they are, within the bounds.
 */
static void
test_nobody_waits_for_a_count(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place), others[3];
	struct caller caller = { &spool, QUARANTINE_FAILED };
	struct place other_places[3];
	pthread_t thread;
	int i, kept = 0;
	size_t j;

	(void)state;
	(void)alarm(60); /* should somebody wait */
	held_up = true;
	waiting = false;
	assert_int_equal(pthread_create(&thread, NULL, call_once, &caller), 0);
	while (!waiting)
		(void)usleep(1000);
	assert_keep(&spool, 1, MANY, 40, another(), true, QUARANTINE_BUSY);
	held_up = false;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(caller.outcome, QUARANTINE_KEPT);

	/* Others have theirs counted first. */
	for (j = 0; j < COUNT(others); j++) {
		other_places[j] = new_place();
		others[j] = must_open(&other_places[j]);
		assert_keep(
		    &others[j], 1, MANY, 40, another(), true, QUARANTINE_KEPT);
	}
	(void)usleep(300000);
	held_up = true;
	waiting = false;
	assert_int_equal(pthread_create(&thread, NULL, call_once, &caller), 0);
	while (!waiting)
		(void)usleep(1000);
	for (i = 0; i < 20; i++) {
		char name[SPOOL_NAME_SIZE];

		kept += keep(&spool, 1, MANY, 40, "192.0.2.2", true, name) ==
		    QUARANTINE_KEPT;
	}
	assert_int_equal(kept, 10);
	held_up = false;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(caller.outcome, QUARANTINE_KEPT);
	/* What came during the count was not forgotten with it. */
	assert_keep(
	    &spool, 1, MANY, 40, "192.0.2.2", true, QUARANTINE_CALLER_FULL);
	for (j = 0; j < COUNT(others); j++) {
		spool_close(&others[j]);
		leave_place(&other_places[j]);
	}
	assert_int_equal(count_entries(in_spool(&place, "quarantine")), 12);
	(void)alarm(0);
	spool_close(&spool);
	leave_place(&place);
}

/* A full quarantine that does not change is not counted for each call. */
static void
test_full_is_cheap(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	char name[SPOOL_NAME_SIZE];
	time_t start;
	int i, before = counts;

	(void)state;
	assert_keep(&spool, 1, MANY, 1, another(), true, QUARANTINE_KEPT);
	for (i = 0; i < 20000; i++)
		assert_int_equal(
		    keep(&spool, 1, MANY, 1, "192.0.2.1", true, name),
		    QUARANTINE_FULL);
	/* At most five a second, for the first two seconds. */
	start = time(NULL);
	assert_in_range(counts - before, 1, 20);
	while (time(NULL) - start < 3)
		(void)usleep(10000);
	(void)keep(&spool, 1, MANY, 1, "192.0.2.1", true, name);
	before = counts;
	(void)usleep(300000);
	for (i = 0; i < 100; i++)
		(void)keep(&spool, 1, MANY, 1, "192.0.2.1", true, name);
	assert_int_equal(counts - before, 0);
	spool_close(&spool);
	leave_place(&place);
}

#define FILES	400
#define THREADS 8

/* Keep until it is full for good; answers how many were kept. */
static void *
keep_many(void *argument)
{
	const struct place *place = argument;
	struct spool spool = must_open(place);
	char name[SPOOL_NAME_SIZE];
	static atomic_uint last;
	uintptr_t kept = 0;
	int refused = 0;

	/* Files that come during a count are there twice until the next. */
	while (refused < 60) {
		unsigned me = last++;

		if (keep(&spool, 1, MANY * BLOCK, FILES,
			me % 2 ? "192.0.2.1" : "198.51.100.1", true,
			name) == QUARANTINE_KEPT) {
			kept++;
		} else {
			refused++;
			(void)usleep(10000);
		}
	}
	spool_close(&spool);
	return (void *)kept;
}

/* Counted again and again meanwhile: never above the bounds, and full. */
static void
test_threads(void **state)
{
	struct place place = new_place();
	pthread_t threads[THREADS];
	uintptr_t kept = 0;
	void *result;
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, keep_many, &place), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		kept += (uintptr_t)result;
	}
	assert_int_equal(kept, FILES / 2);
	assert_int_equal(
	    count_entries(in_spool(&place, "quarantine")), FILES / 2);
	assert_counts("nothing elsewhere", &place, 0, 0);
	leave_place(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_share_of_a_caller),
		cmocka_unit_test(test_half_for_full_form),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_process_after_process),
		cmocka_unit_test(test_name_and_mode),
		cmocka_unit_test(test_changed_by_hand),
		cmocka_unit_test(test_changed_in_the_same_tick),
		cmocka_unit_test(test_odd_things_there),
		cmocka_unit_test(test_room_of_the_file_system),
		cmocka_unit_test(test_check_keeps_nothing),
		cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_many_directories),
		cmocka_unit_test(test_nobody_waits_for_a_count),
		cmocka_unit_test(test_full_is_cheap),
		cmocka_unit_test(test_threads),
	};

	(void)umask(027);
	disk = large;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
