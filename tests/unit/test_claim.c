/* SPDX-License-Identifier: MIT */
/*
 * test_claim - lib/queue/claim: take a message, so that nobody else has it
 *
 * Processes race for messages, die with them and hand them to children.
 * flock() is defined here once more, so that what happens in the moment
 * before a lock is got can be made to happen. What failing system calls
 * leave behind is in test_faults.
 */
#include "spools.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "queue/claim.h"

#define BASE "1795292717.M122167P14716Q1.shop"
#define TEXT "{\"specversion\":\"1.0\",\"data\":1}\n"

/* What happens just before a lock is asked for, once; and how that fails */
static struct {
	void (*meanwhile)(void);
	int errnum, times;
	int rename_errnum; /* of every rename; 0: none fails */
} plan;

int
renameat2(
    int from, const char *name, int to, const char *target, unsigned flags)
{
	if (plan.rename_errnum) {
		errno = plan.rename_errnum;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from, name, to, target, flags);
}

int
flock(int fd, int operation)
{
	void (*meanwhile)(void) = plan.meanwhile;

	plan.meanwhile = NULL;
	if (meanwhile)
		meanwhile();
	if (plan.times > 0 && !(operation & LOCK_UN)) {
		plan.times--;
		errno = plan.errnum;
		return -1;
	}
	return (int)syscall(SYS_flock, fd, operation);
}

/* A spool with a queue of its own */
struct stage {
	struct place place;
	struct queue queue;
};

static struct queue
must_open_queue(const struct place *place)
{
	struct error err = ERROR_INIT;
	struct queue queue;

	if (queue_open(&queue, place->spool, &err) < 0)
		fail_msg("cannot open %s: %s", place->spool, err.text);
	return queue;
}

static struct stage
open_stage(void)
{
	struct stage stage = { .place = new_place() };

	assert_int_equal(mkdir(stage.place.spool, 0700), 0);
	assert_int_equal(mkdir(in_spool(&stage.place, "new"), 0700), 0);
	assert_int_equal(mkdir(in_spool(&stage.place, "cur"), 0700), 0);
	stage.queue = must_open_queue(&stage.place);
	return stage;
}

static void
close_stage(struct stage *stage)
{
	queue_close(&stage->queue);
	leave_place(&stage->place);
}

static void
put_message(const struct stage *stage, const char *folder, const char *file)
{
	put_file(in_folder(&stage->place, folder, file), TEXT);
}

/* A folder of the spool holds just this one, or nothing for NULL. */
static void
assert_only(const struct stage *stage, const char *folder, const char *file)
{
	int count = count_entries(in_spool(&stage->place, folder));

	if (file)
		assert_file(in_folder(&stage->place, folder, file), TEXT);
	if (count > (file ? 1 : 0))
		fail_msg("%s/ has %d entries", folder, count);
}

static struct claim
must_take(struct stage *stage, const char *file)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	int rc = claim_take(&stage->queue, file, &claim, &err);

	if (rc != 1)
		fail_msg("%s: got %d, %s", file, rc, err.text);
	return claim;
}

static struct claim
must_take_over(struct stage *stage, const char *file)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	int rc = claim_take_over(&stage->queue, file, &claim, &err);

	if (rc != 1)
		fail_msg("%s: got %d, %s", file, rc, err.text);
	return claim;
}

/* Neither ours nor failed: another process has it, or it is gone. */
static void
assert_not_taken(struct stage *stage, const char *file)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	int rc = claim_take(&stage->queue, file, &claim, &err);

	if ((rc != CLAIM_GONE && rc != CLAIM_HELD) || err.code ||
	    claim.fd != -1)
		fail_msg("%s: got %d, %s", file, rc, err.text);
}

static void
assert_not_taken_over(struct stage *stage, const char *file)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	int rc = claim_take_over(&stage->queue, file, &claim, &err);

	if ((rc != CLAIM_GONE && rc != CLAIM_HELD) || err.code ||
	    claim.fd != -1)
		fail_msg("%s: got %d, %s", file, rc, err.text);
}

static void
test_taken(void **state)
{
	struct stage stage = open_stage();
	struct claim claim;
	char text[sizeof(TEXT)] = "";

	(void)state;
	put_message(&stage, "new", BASE ".json");
	claim = must_take(&stage, BASE ".json");
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "cur", BASE ",tries=1.json");
	assert_string_equal(claim.file, BASE ",tries=1.json");
	assert_string_equal(claim.name.base, BASE);
	assert_int_equal(claim.name.tries, 1);
	assert_int_equal(claim.name.next, 0);
	assert_int_equal(claim.before.next, 0);
	assert_int_equal(claim.name.arrived.tv_sec, 1795292717);
	assert_true(fcntl(claim.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(claim.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(lseek(claim.fd, 0, SEEK_CUR), 0);
	assert_int_equal(read(claim.fd, text, sizeof(text)), sizeof(TEXT) - 1);
	assert_string_equal(text, TEXT);
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

static void
test_tries_are_counted(void **state)
{
	static const struct {
		const char *file, *claimed;
		unsigned tries;
		time_t before;
	} rows[] = {
		{ "a.json", "a,tries=1.json", 1, 0 },
		{ "a,tries=1.json", "a,tries=2.json", 2, 0 },
		{ "a,tries=9,next=1795292800.json", "a,tries=10.json", 10,
		    1795292800 },
		{ "a,next=5.json", "a,tries=1.json", 1, 5 },
		{ "a,tries=999998.json", "a,tries=999999.json", 999999, 0 },
		{ "a,tries=999999.json", "a,tries=999999.json", 999999, 0 },
		{ "a,tries=5000000.json", "a,tries=999999.json", 999999, 0 },
		{ "theirs", "theirs,tries=1", 1, 0 },
		{ "a,b.json", "a,b,tries=1.json", 1, 0 },
		{ "a,later=4,next=5.json", "a,tries=1,later=4.json", 1, 5 },
	};
	struct stage stage;
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stage = open_stage();
		put_message(&stage, "new", rows[i].file);
		claim = must_take(&stage, rows[i].file);
		assert_only(&stage, "new", NULL);
		assert_only(&stage, "cur", rows[i].claimed);
		assert_string_equal(claim.file, rows[i].claimed);
		assert_int_equal(claim.name.tries, rows[i].tries);
		assert_int_equal(claim.name.next, 0);
		assert_int_equal(claim.before.next, rows[i].before);
		assert_int_equal(close(claim.fd), 0);
		close_stage(&stage);
	}
}

/* Back to new/ as if it had not been claimed: under its very name */
static void
test_returned_under_its_very_name(void **state)
{
	static const char *const rows[] = { BASE ".json", "a,tries=1.json",
		"a,tries=2,next=1795292800.json", "a,next=5.json",
		"a,tries=999998.json", "a,tries=999999.json",
		"a,tries=999999,next=7.json", "a,later=3.json",
		"a,tries=1,later=999999,next=7.json", "theirs",
		"theirs,tries=4", "a.json.json", "a,b.json", "a,tries=x.json" };
	struct error err = ERROR_INIT;
	struct stage stage;
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stage = open_stage();
		put_message(&stage, "new", rows[i]);
		claim = must_take(&stage, rows[i]);
		assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
		assert_int_equal(claim.fd, -1);
		assert_only(&stage, "cur", NULL);
		assert_only(&stage, "new", rows[i]);
		close_stage(&stage);
	}
}

static void
test_deferred(void **state)
{
	static const struct {
		const char *file;
		time_t next;
		bool counted;
		const char *want;
	} rows[] = {
		{ "a.json", 0, true, "a,tries=1.json" },
		{ "a.json", 0, false, "a,later=1.json" },
		{ "a.json", 77, true, "a,tries=1,next=77.json" },
		{ "a.json", 77, false, "a,later=1,next=77.json" },
		{ "a,tries=3,next=5.json", 0, true, "a,tries=4.json" },
		{ "a,tries=3,next=5.json", 0, false, "a,tries=3,later=1.json" },
		{ "a,tries=3,next=5.json", 253402300799, true,
		    "a,tries=4,next=253402300799.json" },
		{ "a,tries=3,later=2,next=5.json", 77, true,
		    "a,tries=4,later=2,next=77.json" },
		{ "a,tries=3,later=2,next=5.json", 77, false,
		    "a,tries=3,later=3,next=77.json" },
		{ "a,later=999999.json", 77, false,
		    "a,later=999999,next=77.json" },
		{ "a,tries=999999.json", 77, true,
		    "a,tries=999999,next=77.json" },
		{ "theirs", 77, true, "theirs,tries=1,next=77" },
		{ "a.json", -5, true, "a,tries=1.json" },
	};
	struct error err = ERROR_INIT;
	struct stage stage;
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stage = open_stage();
		put_message(&stage, "new", rows[i].file);
		claim = must_take(&stage, rows[i].file);
		assert_int_equal(claim_defer(&stage.queue, &claim, rows[i].next,
				     rows[i].counted, &err),
		    0);
		assert_int_equal(claim.fd, -1);
		assert_only(&stage, "cur", NULL);
		assert_only(&stage, "new", rows[i].want);
		close_stage(&stage);
	}
}

/* A try that does not count leaves the most there can be as it is. */
static void
test_deferred_uncounted_after_the_most_tries(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a,tries=999999.json");
	claim = must_take(&stage, "a,tries=999999.json");
	assert_int_equal(claim_defer(&stage.queue, &claim, 77, false, &err), 0);
	assert_only(&stage, "new", "a,tries=999999,later=1,next=77.json");
	close_stage(&stage);
}

static void
test_buried(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a,tries=4,next=5.json");
	claim = must_take(&stage, "a,tries=4,next=5.json");
	/* failed/ is missing, and made. */
	assert_int_equal(claim_bury(&stage.queue, &claim, &err), 0);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "cur", NULL);
	assert_only(&stage, "failed", "a,tries=5.json");
	close_stage(&stage);
}

static void
test_finished(void **state)
{
	struct archive none = ARCHIVE_INIT;
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_int_equal(claim_finish(&stage.queue, &claim, &none, &err), 0);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "cur", NULL);
	close_stage(&stage);
}

static struct archive
must_open_archive(const struct stage *stage)
{
	struct archive archive = ARCHIVE_INIT;
	struct error err = ERROR_INIT;

	assert_int_equal(
	    archive_open(&archive, in_spool(&stage->place, "archive"), &err),
	    0);
	return archive;
}

/* In the archive it has the name under which it arrived. */
static void
test_finished_with_an_archive(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ BASE ".json", BASE ".json" },
		{ "a,tries=4,next=5.json", "a.json" },
		{ "theirs,next=5", "theirs" },
		{ "a,tries=4,later=2,next=5.json", "a.json" },
		{ "a,b.json", "a,b.json" },
	};
	struct error err = ERROR_INIT;
	struct archive archive;
	struct stage stage;
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stage = open_stage();
		archive = must_open_archive(&stage);
		put_message(&stage, "new", rows[i].file);
		claim = must_take(&stage, rows[i].file);
		assert_int_equal(
		    claim_finish(&stage.queue, &claim, &archive, &err), 0);
		assert_int_equal(claim.fd, -1);
		assert_only(&stage, "cur", NULL);
		assert_only(&stage, "archive", rows[i].want);
		archive_close(&archive);
		close_stage(&stage);
	}
}

static void
put_document(const struct stage *stage, const char *file)
{
	const char *folder = in_spool(&stage->place, "documents");

	assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
	put_file(in_folder(&stage->place, "documents", file), TEXT);
}

/* The document of its own event goes with it, and no other. */
static void
test_finished_with_a_document(void **state)
{
	struct archive archives[2] = { ARCHIVE_INIT, ARCHIVE_INIT };
	struct error err = ERROR_INIT;
	struct stage stage;
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(archives); i++) {
		stage = open_stage();
		if (i == 1)
			archives[i] = must_open_archive(&stage);
		put_document(&stage, "a.bin");
		put_document(&stage, "b.bin");
		put_message(&stage, "new", "a,tries=4,later=2,next=5.json");
		claim = must_take(&stage, "a,tries=4,later=2,next=5.json");
		assert_int_equal(
		    claim_finish(&stage.queue, &claim, &archives[i], &err), 0);
		assert_only(&stage, "cur", NULL);
		assert_only(&stage, "documents", "b.bin");
		if (i == 1)
			assert_only(&stage, "archive/documents", "a.bin");
		archive_close(&archives[i]);
		close_stage(&stage);
	}
}

/* Whatever else becomes of an event, its document stays. */
static void
test_document_stays(void **state)
{
	struct stage stage = open_stage();
	struct archive none = ARCHIVE_INIT;
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_document(&stage, "a.bin");
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
	claim = must_take(&stage, "a.json");
	assert_int_equal(claim_defer(&stage.queue, &claim, 0, true, &err), 0);
	claim = must_take(&stage, "a,tries=1.json");
	assert_int_equal(claim_bury(&stage.queue, &claim, &err), 0);
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	/* Its command has moved the event elsewhere. */
	assert_int_equal(unlink(in_folder(&stage.place, "cur", claim.file)), 0);
	assert_int_equal(claim_finish(&stage.queue, &claim, &none, &err), 0);
	assert_only(&stage, "documents", "a.bin");
	close_stage(&stage);
}

static void
finish_one(struct stage *stage, const char *file)
{
	struct archive none = ARCHIVE_INIT;
	struct error err = ERROR_INIT;
	struct claim claim;

	put_message(stage, "new", file);
	claim = must_take(stage, file);
	assert_int_equal(claim_finish(&stage->queue, &claim, &none, &err), 0);
}

/* An operator has copied a message: the last copy takes the document along. */
static void
test_document_of_a_copy_stays(void **state)
{
	static const struct {
		const char *state, *file;
	} copies[] = {
		{ "new", "a.json" },
		{ "cur", "a,tries=7.json" },
		{ "hold", "a.json" },
		{ "failed", "a,tries=9.json" },
	};
	struct stage stage = open_stage();
	size_t i;

	(void)state;
	put_document(&stage, "a.bin");
	assert_int_equal(mkdir(in_spool(&stage.place, "hold"), 0700), 0);
	assert_int_equal(mkdir(in_spool(&stage.place, "failed"), 0700), 0);
	for (i = 0; i < COUNT(copies); i++) {
		put_message(&stage, copies[i].state, copies[i].file);
		finish_one(&stage, "a,tries=1.json");
		assert_only(&stage, "documents", "a.bin");
		assert_int_equal(unlink(in_folder(&stage.place, copies[i].state,
				     copies[i].file)),
		    0);
	}
	put_message(&stage, "failed", "ab.json");
	finish_one(&stage, "a,tries=1.json");
	assert_only(&stage, "documents", NULL);
	close_stage(&stage);
}

/* Its event is not archived without it, and is done when there is room. */
static void
test_document_is_not_archived(void **state)
{
	struct stage stage = open_stage();
	struct archive archive = must_open_archive(&stage);
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_document(&stage, "a.bin");
	put_message(&stage, "new", "a.json");
	put_file(in_spool(&stage.place, "archive/documents"), TEXT);
	claim = must_take(&stage, "a.json");
	assert_int_equal(
	    claim_finish(&stage.queue, &claim, &archive, &err), -1);
	assert_only(&stage, "cur", "a,tries=1,end=archive.json");
	assert_only(&stage, "documents", "a.bin");
	assert_int_equal(
	    unlink(in_spool(&stage.place, "archive/documents")), 0);
	claim = must_take_over(&stage, "a,tries=1,end=archive.json");
	assert_int_equal(claim_finish(&stage.queue, &claim, &archive, &err), 0);
	assert_file(in_spool(&stage.place, "archive/a.json"), TEXT);
	assert_only(&stage, "archive/documents", "a.bin");
	assert_only(&stage, "documents", NULL);
	archive_close(&archive);
	close_stage(&stage);
}

/* Moved to cur/ with mv(1) as it was in new/, and left behind there */
static void
test_finished_after_others_had_moved_it(void **state)
{
	struct stage stage = open_stage();
	struct archive archive = must_open_archive(&stage);
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "cur", "a,tries=2,next=1795292800.json");
	claim = must_take_over(&stage, "a,tries=2,next=1795292800.json");
	assert_int_equal(claim_finish(&stage.queue, &claim, &archive, &err), 0);
	assert_only(&stage, "cur", NULL);
	assert_only(&stage, "archive", "a.json");
	archive_close(&archive);
	close_stage(&stage);
}

/* What its commands said goes with the message, however the tries went. */
static void
finish_with_log(struct stage *stage, struct claim claim)
{
	struct archive none = ARCHIVE_INIT;
	struct error err = ERROR_INIT;

	assert_int_equal(
	    queue_log_write(&stage->queue, &claim.name, span_of("no"), &err),
	    0);
	assert_int_equal(claim_defer(&stage->queue, &claim, 77, true, &err), 0);
	claim = must_take(stage, "a,tries=1,next=77.json");
	assert_int_equal(claim_finish(&stage->queue, &claim, &none, &err), 0);
	assert_only(stage, "log", NULL);
}

static void
test_log_goes_after_a_try_that_counts(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	put_message(&stage, "new", "a.json");
	finish_with_log(&stage, must_take(&stage, "a.json"));
	close_stage(&stage);
}

static void
test_log_goes_after_a_try_that_does_not_count(void **state)
{
	struct archive none = ARCHIVE_INIT;
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_int_equal(
	    queue_log_write(&stage.queue, &claim.name, span_of("no"), &err), 0);
	assert_int_equal(claim_defer(&stage.queue, &claim, 0, false, &err), 0);
	claim = must_take(&stage, "a,later=1.json");
	assert_int_equal(claim_finish(&stage.queue, &claim, &none, &err), 0);
	assert_only(&stage, "log", NULL);
	close_stage(&stage);
}

static void
test_log_goes_after_a_take_over(void **state)
{
	struct archive none = ARCHIVE_INIT;
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	/* A runner wrote it, and was killed before it could move on. */
	put_message(&stage, "cur", "a,tries=1.json");
	claim = must_take_over(&stage, "a,tries=1.json");
	assert_int_equal(
	    queue_log_write(&stage.queue, &claim.name, span_of("no"), &err), 0);
	assert_int_equal(close(claim.fd), 0);
	claim = must_take_over(&stage, "a,tries=1.json");
	assert_int_equal(claim_finish(&stage.queue, &claim, &none, &err), 0);
	assert_only(&stage, "log", NULL);
	close_stage(&stage);
}

static void
test_buried_and_returned_messages_keep_their_log(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT(ROOM);
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_int_equal(
	    queue_log_write(&stage.queue, &claim.name, span_of("no"), &err), 0);
	assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
	claim = must_take(&stage, "a.json");
	assert_int_equal(claim_bury(&stage.queue, &claim, &err), 0);
	assert_int_equal(
	    queue_log_read(&stage.queue, &claim.name, &out, &err), 0);
	assert_same("log", buf_span(&out), span_of("no"));
	buf_free(&out);
	close_stage(&stage);
}

/* Every way in which a claim ends; the archive for claim_finish() */
static int
end_claim(struct queue *queue, struct claim *claim, int way,
    const struct archive *archive, struct error *err)
{
	switch (way) {
	case 0:
		return claim_return(queue, claim, err);
	case 1:
		return claim_defer(queue, claim, 77, true, err);
	case 2:
		return claim_bury(queue, claim, err);
	default:
		return claim_finish(queue, claim, archive, err);
	}
}
#define WAYS 4

/* Can it be locked? Then nobody has it any more. */
static bool
is_free(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool locked;

	assert_true(fd >= 0);
	locked = syscall(SYS_flock, fd, LOCK_EX | LOCK_NB) == 0;
	assert_int_equal(close(fd), 0);
	return locked;
}

/* Somebody has moved it out of cur/ while we had it: no claim is left. */
static void
test_moved_away_while_claimed(void **state)
{
	struct archive none = ARCHIVE_INIT;
	struct stage stage;
	struct claim claim;
	struct error err;
	int way, rc;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		stage = open_stage();
		err = (struct error)ERROR_INIT;
		put_message(&stage, "new", "a.json");
		claim = must_take(&stage, "a.json");
		assert_int_equal(
		    rename(in_folder(&stage.place, "cur", claim.file),
			in_spool(&stage.place, "elsewhere")),
		    0);
		rc = end_claim(&stage.queue, &claim, way, &none, &err);
		/* To be removed it needs not be there. */
		assert_int_equal(rc, way == 3 ? 0 : -1);
		assert_int_equal(
		    err.code, way == 3 ? ERROR_NONE : ERROR_CONFIGURATION);
		assert_int_equal(claim.fd, -1);
		assert_file(in_spool(&stage.place, "elsewhere"), TEXT);
		assert_true(is_free(in_spool(&stage.place, "elsewhere")));
		assert_only(&stage, "new", NULL);
		assert_only(&stage, "cur", NULL);
		close_stage(&stage);
	}
}

static void
test_moved_away_before_it_is_archived(void **state)
{
	struct stage stage = open_stage();
	struct archive archive = must_open_archive(&stage);
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_int_equal(unlink(in_folder(&stage.place, "cur", claim.file)), 0);
	/* The archive was promised it, and did not get it. */
	assert_int_equal(
	    claim_finish(&stage.queue, &claim, &archive, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "archive", NULL);
	archive_close(&archive);
	close_stage(&stage);
}

/* Where it cannot be archived, it stays in cur/ and is done there. */
static void
test_not_archived(void **state)
{
	struct stage stage = open_stage();
	struct archive archive = must_open_archive(&stage);
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	assert_int_equal(rmdir(in_folder(&stage.place, "archive", "")), 0);
	put_message(&stage, "new", "a,tries=3,later=1,next=5.json");
	claim = must_take(&stage, "a,tries=3,later=1,next=5.json");
	assert_int_equal(
	    queue_log_write(&stage.queue, &claim.name, span_of("no"), &err), 0);
	assert_int_equal(
	    claim_finish(&stage.queue, &claim, &archive, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "cur", "a,tries=4,later=1,end=archive.json");
	assert_int_equal(count_entries(in_spool(&stage.place, "log")), 1);
	/* And is moved when there is a place for it, under its own name. */
	archive_close(&archive);
	archive = must_open_archive(&stage);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    claim_take_over(&stage.queue, "a,tries=4,later=1,end=archive.json",
		&claim, &err),
	    1);
	assert_int_equal(claim.name.end, SPOOL_END_ARCHIVE);
	assert_int_equal(claim_finish(&stage.queue, &claim, &archive, &err), 0);
	assert_only(&stage, "cur", NULL);
	assert_file(in_folder(&stage.place, "archive", "a.json"), TEXT);
	archive_close(&archive);
	close_stage(&stage);
}

/* It was not run: where it cannot be archived, it is as it was. */
static void
test_not_removed(void **state)
{
	struct stage stage = open_stage();
	struct archive archive = must_open_archive(&stage);
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	assert_int_equal(rmdir(in_folder(&stage.place, "archive", "")), 0);
	put_message(&stage, "new", "a,tries=3,later=1,next=5.json");
	claim = must_take(&stage, "a,tries=3,later=1,next=5.json");
	assert_int_equal(
	    claim_remove(&stage.queue, &claim, &archive, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "cur", NULL);
	assert_only(&stage, "new", "a,tries=3,later=1,next=5.json");
	archive_close(&archive);
	archive = must_open_archive(&stage);
	err = (struct error)ERROR_INIT;
	claim = must_take(&stage, "a,tries=3,later=1,next=5.json");
	assert_int_equal(claim_remove(&stage.queue, &claim, &archive, &err), 0);
	assert_only(&stage, "new", NULL);
	assert_file(in_folder(&stage.place, "archive", "a.json"), TEXT);
	archive_close(&archive);
	close_stage(&stage);
}

/* Where another file has the name, that one stays, and ours has another. */
static void
test_name_that_is_taken(void **state)
{
	static const struct {
		int way;
		const char *taken, *ours;
	} rows[] = {
		{ 0, "new/a.json", "new/a,later=1.json" },
		{ 1, "new/a,tries=1,next=77.json",
		    "new/a,tries=1,later=1,next=77.json" },
		{ 2, "failed/a,tries=1.json", "failed/a,tries=1,later=1.json" },
	};
	struct archive none = ARCHIVE_INIT;
	struct stage stage;
	struct claim claim;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stage = open_stage();
		err = (struct error)ERROR_INIT;
		put_message(&stage, "new", "a.json");
		claim = must_take(&stage, "a.json");
		(void)mkdir(in_spool(&stage.place, "failed"), 0700);
		put_file(in_spool(&stage.place, rows[i].taken), "theirs");
		assert_int_equal(
		    end_claim(&stage.queue, &claim, rows[i].way, &none, &err),
		    0);
		assert_int_equal(claim.fd, -1);
		assert_file(in_spool(&stage.place, rows[i].taken), "theirs");
		assert_file(in_spool(&stage.place, rows[i].ours), TEXT);
		assert_only(&stage, "cur", NULL);
		close_stage(&stage);
	}
}

/* A claim of that name was left behind: not taken, and let go at once. */
static void
test_name_that_is_taken_in_cur(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	put_message(&stage, "new", "a.json");
	put_file(in_folder(&stage.place, "cur", "a,tries=1.json"), "theirs");
	assert_not_taken(&stage, "a.json");
	assert_only(&stage, "new", "a.json");
	assert_true(is_free(in_folder(&stage.place, "new", "a.json")));
	assert_file(in_folder(&stage.place, "cur", "a,tries=1.json"), "theirs");
	close_stage(&stage);
}

static void
test_what_is_not_there(void **state)
{
	static const char *const rows[] = { "a.json", "", ".", "..", ".a.json",
		"a" };
	char longest[NAME_MAX + 1];
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;
	size_t i;

	(void)state;
	put_message(&stage, "new", ".a.json");
	for (i = 0; i < COUNT(rows); i++) {
		assert_not_taken(&stage, rows[i]);
		assert_not_taken_over(&stage, rows[i]);
	}
	memset(longest, 'x', NAME_MAX);
	longest[NAME_MAX] = '\0';
	put_message(&stage, "new", longest);
	/* A name that leaves no room for what is added is made shorter. */
	claim = must_take(&stage, longest);
	assert_int_equal(claim.name.tries, 1);
	assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
	assert_file(in_folder(&stage.place, "new", longest), TEXT);
	claim = must_take(&stage, longest);
	assert_int_equal(
	    claim_defer(&stage.queue, &claim, 1900000000, false, &err), 0);
	assert_int_equal(count_entries(in_spool(&stage.place, "new")), 2);
	close_stage(&stage);
}

/* What is no file is no message, and stays. */
static void
test_what_is_no_file(void **state)
{
	static const char *const rows[] = { "link", "dead", "pipe", "folder" };
	static const char *const folders[] = { "new", "cur" };
	struct stage stage = open_stage();
	size_t i, j;

	(void)state;
	put_file(beside(&stage.place, "victim"), "precious");
	for (j = 0; j < COUNT(folders); j++) {
		assert_int_equal(
		    symlink("../../victim",
			in_folder(&stage.place, folders[j], "link")),
		    0);
		assert_int_equal(
		    symlink(
			"nowhere", in_folder(&stage.place, folders[j], "dead")),
		    0);
		assert_int_equal(
		    mkfifo(in_folder(&stage.place, folders[j], "pipe"), 0600),
		    0);
		assert_int_equal(
		    mkdir(in_folder(&stage.place, folders[j], "folder"), 0700),
		    0);
		for (i = 0; i < COUNT(rows); i++) {
			if (j == 0)
				assert_not_taken(&stage, rows[i]);
			else
				assert_not_taken_over(&stage, rows[i]);
		}
		assert_int_equal(
		    count_entries(in_spool(&stage.place, folders[j])), 4);
	}
	assert_file(beside(&stage.place, "victim"), "precious");
	close_stage(&stage);
}

static void
test_claimed_is_claimed(void **state)
{
	struct stage stage = open_stage();
	struct claim claim;

	(void)state;
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_not_taken(&stage, "a.json");
	assert_not_taken(&stage, "a,tries=1.json");
	assert_not_taken_over(&stage, "a.json");
	assert_not_taken_over(&stage, "a,tries=1.json");
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

/* Locked where it stands: left there */
static void
test_locked_in_new(void **state)
{
	struct stage stage = open_stage();
	struct claim claim;
	int fd;

	(void)state;
	put_message(&stage, "new", "a.json");
	fd = open(in_folder(&stage.place, "new", "a.json"), O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_not_taken(&stage, "a.json");
	assert_only(&stage, "new", "a.json");
	assert_int_equal(close(fd), 0);
	claim = must_take(&stage, "a.json");
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

static void
test_locks_that_fail(void **state)
{
	struct stage stage = open_stage();
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	put_message(&stage, "new", "a.json");
	plan.times = 1;
	plan.errnum = ENOLCK;
	assert_int_equal(claim_take(&stage.queue, "a.json", &claim, &err), -1);
	assert_int_equal(err.errnum, ENOLCK);
	assert_int_equal(claim.fd, -1);
	assert_only(&stage, "new", "a.json");
	/* A signal is no failure. */
	plan.times = 5;
	plan.errnum = EINTR;
	claim = must_take(&stage, "a.json");
	assert_int_equal(plan.times, 0);
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

/* No room for a rename: the lock is the claim, and the message stays. */
static struct claim
take_without_room(struct stage *stage, const char *file, int errnum)
{
	struct claim claim;

	put_message(stage, "new", file);
	plan.rename_errnum = errnum;
	claim = must_take(stage, file);
	assert_int_equal(claim.state, QUEUE_NEW);
	assert_string_equal(claim.file, file);
	assert_int_equal(claim.name.tries, 1);
	assert_only(stage, "new", file);
	assert_only(stage, "cur", NULL);
	assert_not_taken(stage, file);
	return claim;
}

static void
test_taken_without_room(void **state)
{
	static const int full[] = { ENOSPC, EDQUOT };
	struct archive none = ARCHIVE_INIT;
	struct error err = ERROR_INIT;
	struct stage stage = open_stage();
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(full); i++) {
		claim = take_without_room(&stage, "a.json", full[i]);
		assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
		assert_only(&stage, "new", "a.json");
		claim = must_take(&stage, "a.json");
		assert_int_equal(
		    claim_finish(&stage.queue, &claim, &none, &err), 0);
		assert_only(&stage, "new", NULL);
	}
	/* It could be neither counted nor buried, and stays. */
	claim = take_without_room(&stage, "a.json", EDQUOT);
	assert_int_equal(claim_defer(&stage.queue, &claim, 0, true, &err), -1);
	assert_int_equal(err.errnum, EDQUOT);
	assert_only(&stage, "new", "a.json");
	/* Room comes back while it is claimed. */
	claim = must_take(&stage, "a.json");
	plan.rename_errnum = 0;
	err = (struct error)ERROR_INIT;
	assert_int_equal(claim_defer(&stage.queue, &claim, 0, true, &err), 0);
	assert_only(&stage, "new", "a,tries=1.json");
	plan.rename_errnum = EDQUOT;
	claim = must_take(&stage, "a,tries=1.json");
	plan.rename_errnum = 0;
	assert_int_equal(claim_bury(&stage.queue, &claim, &err), 0);
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "failed", "a,tries=2.json");
	close_stage(&stage);
}

/* Other failures are none that removing it would help against. */
static void
test_renames_that_fail(void **state)
{
	static const int errors[] = { EIO, EROFS, EACCES, EXDEV };
	struct stage stage = open_stage();
	struct claim claim = CLAIM_INIT;
	struct error err;
	size_t i;

	(void)state;
	put_message(&stage, "new", "a.json");
	for (i = 0; i < COUNT(errors); i++) {
		plan.rename_errnum = errors[i];
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    claim_take(&stage.queue, "a.json", &claim, &err), -1);
		assert_int_equal(err.errnum, errors[i]);
		assert_int_equal(claim.fd, -1);
		plan.rename_errnum = 0;
		assert_only(&stage, "new", "a.json");
	}
	close_stage(&stage);
}

/* For what happens before a lock is got */
static struct stage *meanwhile_stage;

static const char *
in_stage(const char *path)
{
	return in_spool(&meanwhile_stage->place, path);
}

static void
meanwhile_it_is_finished(void)
{
	assert_int_equal(unlink(in_stage("new/a.json")), 0);
}

static void
meanwhile_it_is_deferred(void)
{
	assert_int_equal(
	    rename(in_stage("new/a.json"), in_stage("new/a,tries=1.json")), 0);
}

static void
meanwhile_it_is_claimed_and_returned(void)
{
	struct error err = ERROR_INIT;
	struct claim claim = must_take(meanwhile_stage, "a.json");

	assert_int_equal(
	    claim_return(&meanwhile_stage->queue, &claim, &err), 0);
}

static void
meanwhile_it_is_replaced(void)
{
	put_file(in_stage("other"), TEXT);
	assert_int_equal(rename(in_stage("other"), in_stage("new/a.json")), 0);
}

/* What we have is what stands in cur/ under our name, or we have nothing. */
static int
take_meanwhile(struct stage *stage, void (*meanwhile)(void))
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	struct stat held, named;
	int rc;

	meanwhile_stage = stage;
	plan.meanwhile = meanwhile;
	rc = claim_take(&stage->queue, "a.json", &claim, &err);
	assert_null(plan.meanwhile);
	assert_true(rc == 0 || rc == 1);
	if (rc == 0) {
		assert_int_equal(claim.fd, -1);
		return 0;
	}
	assert_int_equal(fstat(claim.fd, &held), 0);
	assert_int_equal(
	    stat(in_folder(&stage->place, "cur", claim.file), &named), 0);
	if (held.st_ino != named.st_ino)
		fail_msg("claimed: the file in cur/ is another one");
	assert_int_equal(close(claim.fd), 0);
	return 1;
}

static void
test_gone_before_the_lock(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	put_message(&stage, "new", "a.json");
	assert_int_equal(take_meanwhile(&stage, meanwhile_it_is_finished), 0);
	put_message(&stage, "new", "a.json");
	assert_int_equal(take_meanwhile(&stage, meanwhile_it_is_deferred), 0);
	assert_only(&stage, "new", "a,tries=1.json");
	assert_true(is_free(in_stage("new/a,tries=1.json")));
	assert_only(&stage, "cur", NULL);
	close_stage(&stage);
}

static void
test_back_before_the_lock(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	put_message(&stage, "new", "a.json");
	assert_int_equal(
	    take_meanwhile(&stage, meanwhile_it_is_claimed_and_returned), 1);
	close_stage(&stage);
}

/* Written anew by an editor, say: locked is the file that was there. */
static void
test_replaced_before_the_lock(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	put_message(&stage, "new", "a.json");
	(void)take_meanwhile(&stage, meanwhile_it_is_replaced);
	close_stage(&stage);
}

static void
meanwhile_it_has_moved_on(void)
{
	assert_int_equal(
	    rename(in_stage("cur/a.json"), in_stage("new/a.json")), 0);
}

static void
meanwhile_it_is_another_one(void)
{
	put_file(in_stage("other"), "another");
	assert_int_equal(rename(in_stage("other"), in_stage("cur/a.json")), 0);
}

static void
test_moved_on_before_it_is_taken_over(void **state)
{
	struct stage stage = open_stage();

	(void)state;
	meanwhile_stage = &stage;
	put_message(&stage, "cur", "a.json");
	plan.meanwhile = meanwhile_it_has_moved_on;
	assert_not_taken_over(&stage, "a.json");
	assert_only(&stage, "new", "a.json");
	assert_true(is_free(in_stage("new/a.json")));
	put_message(&stage, "cur", "a.json");
	plan.meanwhile = meanwhile_it_is_another_one;
	assert_not_taken_over(&stage, "a.json");
	assert_true(is_free(in_stage("cur/a.json")));
	close_stage(&stage);
}

/* "tries includes this one": also of what others moved there */
static void
test_taken_over(void **state)
{
	static const struct {
		const char *file;
		unsigned tries;
	} rows[] = {
		{ "a,tries=1.json", 1 },
		{ "a,tries=7.json", 7 },
		{ "a,tries=999999.json", 999999 },
		{ "theirs,tries=3", 3 },
		{ "a,b,tries=2.json", 2 },
	};
	struct stage stage = open_stage();
	struct claim claim;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		put_message(&stage, "cur", rows[i].file);
		claim = must_take_over(&stage, rows[i].file);
		assert_string_equal(claim.file, rows[i].file);
		assert_int_equal(claim.name.tries, rows[i].tries);
		assert_int_equal(claim.name.next, 0);
		assert_int_equal(claim.before.next, 0);
		assert_int_equal(lseek(claim.fd, 0, SEEK_CUR), 0);
		assert_not_taken_over(&stage, rows[i].file);
		assert_int_equal(close(claim.fd), 0);
		assert_int_equal(
		    unlinkat(stage.queue.states[QUEUE_CUR], rows[i].file, 0),
		    0);
	}
	close_stage(&stage);
}

/* Its name counts no try: moved there with mv(1), or by run --pipe. */
static void
test_taken_over_after_others_had_moved_it(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "cur", "a.json");
	claim = must_take_over(&stage, "a.json");
	assert_int_equal(claim.name.tries, 0);
	assert_int_equal(claim_defer(&stage.queue, &claim, 0, true, &err), 0);
	assert_only(&stage, "new", "a.json");
	close_stage(&stage);
}

/* The name in cur/ is what remains of a claim when its owner dies. */
static void
test_uncounted(void **state)
{
	static const char *const rows[][3] = {
		/* in new/, in cur/, what a command is to be told */
		{ "a.json", "a.json", "a,tries=1.json" },
		{ "a,tries=2.json", "a,tries=2.json", "a,tries=3.json" },
		{ "a,tries=2,later=1,missed=1,alone,next=5.json",
		    "a,tries=2,later=1,alone.json",
		    "a,tries=3,later=1,alone.json" },
	};
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;
	char told[NAME_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		claim = (struct claim)CLAIM_INIT;
		claim.uncounted = true;
		put_message(&stage, "new", rows[i][0]);
		assert_int_equal(
		    claim_take(&stage.queue, rows[i][0], &claim, &err),
		    CLAIM_TAKEN);
		assert_string_equal(claim.file, rows[i][1]);
		assert_only(&stage, "cur", rows[i][1]);
		spool_name_format(&claim.name, told);
		assert_string_equal(told, rows[i][2]);
		assert_int_equal(claim.size, (off_t)strlen(TEXT));
		claim_leave(&claim);
		claim = must_take_over(&stage, rows[i][1]);
		assert_int_equal(
		    claim_defer(&stage.queue, &claim, 0, true, &err), 0);
		assert_only(&stage, "new", rows[i][1]);
		assert_int_equal(
		    unlinkat(stage.queue.states[QUEUE_NEW], rows[i][1], 0), 0);
	}
	close_stage(&stage);
}

/* What kept a message from being claimed. */
static void
test_results(void **state)
{
	struct stage stage = open_stage();
	struct claim first, second = CLAIM_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	put_message(&stage, "new", "a.json");
	assert_int_equal(
	    claim_take(&stage.queue, "b.json", &second, &err), CLAIM_GONE);
	first = must_take(&stage, "a.json");
	assert_int_equal(
	    claim_take_over(&stage.queue, first.file, &second, &err),
	    CLAIM_HELD);
	assert_int_equal(
	    claim_take(&stage.queue, "a.json", &second, &err), CLAIM_GONE);
	assert_int_equal(second.fd, -1);
	claim_leave(&first);
	close_stage(&stage);
}

static void
test_taken_over_and_returned(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	struct claim claim;

	(void)state;
	put_message(&stage, "cur", "a,tries=2.json");
	claim = must_take_over(&stage, "a,tries=2.json");
	assert_int_equal(claim_return(&stage.queue, &claim, &err), 0);
	assert_only(&stage, "cur", NULL);
	assert_only(&stage, "new", "a,tries=1.json");
	close_stage(&stage);
}

/* cur/ may be missing: then nothing was left behind, and it is made. */
static void
test_cur_is_missing(void **state)
{
	struct stage stage = { .place = new_place() };
	struct claim claim;

	(void)state;
	assert_int_equal(mkdir(stage.place.spool, 0700), 0);
	assert_int_equal(mkdir(in_spool(&stage.place, "new"), 0700), 0);
	stage.queue = must_open_queue(&stage.place);
	assert_not_taken_over(&stage, "a.json");
	put_message(&stage, "new", "a.json");
	claim = must_take(&stage, "a.json");
	assert_only(&stage, "cur", "a,tries=1.json");
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

/* A process that claims, says so by its pipe, and then lives on */
struct holder {
	pid_t pid;
	int said; /* to read from */
};

static void
say_and_wait(int say)
{
	pid_t pid = getpid();

	if (write(say, &pid, sizeof(pid)) != sizeof(pid))
		_exit(2);
	for (;;)
		(void)pause();
}

static void
claim_and_wait(struct stage *stage, const char *file, int say, bool hand_on)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;

	/* A queue of its own, as another program has it */
	if (queue_open(&stage->queue, stage->place.spool, &err) < 0 ||
	    claim_take(&stage->queue, file, &claim, &err) != 1)
		_exit(1);
	/* The command has the descriptor, too, and lives when we die. */
	if (!hand_on || fork() == 0)
		say_and_wait(say);
	for (;;)
		(void)pause();
}

/* The one that has the message, once it has: who said so is *command. */
static struct holder
start_holder(
    struct stage *stage, const char *file, bool hand_on, pid_t *command)
{
	struct holder holder;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	holder.pid = fork();
	assert_true(holder.pid >= 0);
	if (holder.pid == 0)
		claim_and_wait(stage, file, ends[1], hand_on);
	assert_int_equal(close(ends[1]), 0);
	holder.said = ends[0];
	assert_int_equal(
	    read(holder.said, command, sizeof(*command)), sizeof(*command));
	return holder;
}

/* Killed; its end of the pipe is closed when all who have it are gone. */
static void
kill_holder(struct holder *holder)
{
	assert_int_equal(kill(holder->pid, SIGKILL), 0);
	assert_int_equal(waitpid(holder->pid, NULL, 0), holder->pid);
}

static void
test_holder_is_killed(void **state)
{
	struct stage stage = open_stage();
	struct holder holder;
	struct claim claim;
	pid_t command;

	(void)state;
	put_message(&stage, "new", "a.json");
	holder = start_holder(&stage, "a.json", false, &command);
	assert_not_taken(&stage, "a.json");
	assert_not_taken_over(&stage, "a,tries=1.json");
	kill_holder(&holder);
	assert_int_equal(close(holder.said), 0);
	assert_only(&stage, "cur", "a,tries=1.json");
	claim = must_take_over(&stage, "a,tries=1.json");
	assert_int_equal(claim.name.tries, 1);
	assert_int_equal(close(claim.fd), 0);
	close_stage(&stage);
}

/* A command that was given the descriptor has the message on its own. */
static void
test_holder_is_killed_while_its_command_runs(void **state)
{
	struct stage stage = open_stage();
	struct holder holder;
	struct claim claim;
	pid_t command;
	char end;

	(void)state;
	put_message(&stage, "new", "a.json");
	holder = start_holder(&stage, "a.json", true, &command);
	kill_holder(&holder);
	assert_not_taken_over(&stage, "a,tries=1.json");
	assert_int_equal(kill(command, 0), 0);
	assert_not_taken_over(&stage, "a,tries=1.json");
	assert_int_equal(kill(command, SIGKILL), 0);
	/*
	 * The command is not ours to wait for. Its descriptors are closed one
	 * after the other, the lowest first: the lock's may come after the
	 * pipe's, so the lock is asked for until it is free.
	 */
	assert_int_equal(read(holder.said, &end, 1), 0);
	while (!is_free(in_folder(&stage.place, "cur", "a,tries=1.json")))
		(void)usleep(1000);
	claim = must_take_over(&stage, "a,tries=1.json");
	assert_int_equal(close(claim.fd), 0);
	assert_int_equal(close(holder.said), 0);
	close_stage(&stage);
}

/* However it ends, a child that still has the descriptor has no claim. */
static void
test_end_of_a_claim_is_the_end_for_children(void **state)
{
	struct archive none = ARCHIVE_INIT;
	struct stage stage;
	struct claim claim, again;
	struct error err;
	int way;
	pid_t pid;

	(void)state;
	for (way = 0; way < WAYS - 1; way++) {
		static const char *const where[] = { "new/a.json",
			"new/a,tries=1,next=77.json", "failed/a,tries=1.json" };

		stage = open_stage();
		err = (struct error)ERROR_INIT;
		put_message(&stage, "new", "a.json");
		claim = must_take(&stage, "a.json");
		pid = fork();
		assert_true(pid >= 0);
		while (pid == 0)
			(void)pause();
		assert_int_equal(
		    end_claim(&stage.queue, &claim, way, &none, &err), 0);
		assert_true(is_free(in_spool(&stage.place, where[way])));
		if (way < 2) {
			again = must_take(&stage, where[way] + 4);
			assert_int_equal(close(again.fd), 0);
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close_stage(&stage);
	}
}

#define RACERS	 4
#define MESSAGES 2000

/* A line for each message that was claimed, from all processes */
struct race {
	struct stage *stage;
	struct queue queue;
	int lines;    /* written with O_APPEND */
	unsigned way; /* changes from claim to claim */
	bool mixed;   /* end in all ways, and take over */
};

/*
 * We have the message: nobody else may. A folder made while we have it
 * tells.
 */
static void
use_claim(struct race *race, struct claim *claim)
{
	struct archive none = ARCHIVE_INIT;
	struct error err = ERROR_INIT;
	char line[NAME_MAX + 2], mark[PATH_ROOM];
	int len, rc;

	(void)snprintf(mark, sizeof(mark), "%s",
	    path_of("%s/%s", race->stage->place.top, claim->name.base));
	if (mkdir(mark, 0700) < 0)
		_exit(2);
	len = snprintf(line, sizeof(line), "%s\n", claim->name.base);
	race->way = race->way * 1103515245u + 12345u;
	if (rmdir(mark) < 0)
		_exit(3);
	if (race->mixed && race->way >> 16 & 1)
		rc = race->way >> 17 & 1
		    ? claim_defer(&race->queue, claim, 0, false, &err)
		    : claim_return(&race->queue, claim, &err);
	else if (write(race->lines, line, (size_t)len) != len)
		_exit(4);
	else
		rc = claim_finish(&race->queue, claim, &none, &err);
	if (rc < 0)
		_exit(5);
}

static int
race_for_one(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct race *race = context;
	struct claim claim = CLAIM_INIT;
	int rc = state == QUEUE_NEW
	    ? claim_take(&race->queue, file, &claim, err)
	    : claim_take_over(&race->queue, file, &claim, err);

	(void)name;
	if (rc < 0)
		return -1;
	if (rc == 1)
		use_claim(race, &claim);
	return 0;
}

/* Until nothing is left in new/ and cur/ */
static void
race_to_the_end(struct race *race)
{
	struct error err = ERROR_INIT;

	if (queue_open(&race->queue, race->stage->place.spool, &err) < 0)
		_exit(6);
	race->way = (unsigned)getpid();
	while (count_entries(in_spool(&race->stage->place, "new")) > 0 ||
	    count_entries(in_spool(&race->stage->place, "cur")) > 0) {
		if (queue_each(
			&race->queue, QUEUE_NEW, race_for_one, race, &err) < 0)
			_exit(7);
		if (race->mixed &&
		    queue_each(
			&race->queue, QUEUE_CUR, race_for_one, race, &err) < 0)
			_exit(8);
	}
	_exit(0);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each line once, and all of them */
static void
assert_each_once(struct buf *text)
{
	static char *lines[2 * MESSAGES];
	size_t count = 0, i;
	char *at = text->at, *end;

	for (; (end = memchr(at, '\n', (size_t)(text->at + text->len - at)));
	     at = end + 1) {
		*end = '\0';
		assert_true(count < COUNT(lines));
		lines[count++] = at;
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (i = 1; i < count; i++)
		if (strcmp(lines[i - 1], lines[i]) == 0)
			fail_msg("%s: claimed twice", lines[i]);
	assert_int_equal(count, MESSAGES);
}

static void
run_race(bool mixed)
{
	struct stage stage = open_stage();
	struct race race = { .stage = &stage, .mixed = mixed };
	struct buf text = BUF_INIT(ROOM);
	pid_t pids[RACERS];
	int i, status;

	for (i = 0; i < MESSAGES; i++)
		put_message(&stage, "new",
		    path_of("1795292717.M%06dP1Q%d.shop.json", i, i));
	race.lines = open(
	    beside(&stage.place, "lines"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	for (i = 0; i < RACERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			race_to_the_end(&race);
	}
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		if (status != 0)
			fail_msg("a process ended with %04x", status);
	}
	assert_int_equal(close(race.lines), 0);
	append_file_at(&text, AT_FDCWD, beside(&stage.place, "lines"));
	assert_each_once(&text);
	assert_only(&stage, "new", NULL);
	assert_only(&stage, "cur", NULL);
	buf_free(&text);
	close_stage(&stage);
}

static void
test_race(void **state)
{
	(void)state;
	run_race(false);
}

/* Messages go back and forth, and what is in cur/ is tried as well. */
static void
test_race_with_returns_and_take_overs(void **state)
{
	(void)state;
	run_race(true);
}

/* One that dies in the middle of its claims loses none. */
static void
die_with_claims(struct stage *stage, int count)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	char file[32];
	int i;

	for (i = 0; i < count; i++) {
		(void)snprintf(file, sizeof(file), "%d.json", i);
		if (claim_take(&stage->queue, file, &claim, &err) != 1)
			_exit(1);
	}
	(void)kill(getpid(), SIGKILL);
}

static int
take_over_one(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct archive none = ARCHIVE_INIT;
	struct stage *stage = context;
	struct claim claim = must_take_over(stage, file);

	(void)state;
	(void)name;
	return claim_finish(&stage->queue, &claim, &none, err);
}

static void
test_many_left_behind(void **state)
{
	struct stage stage = open_stage();
	struct error err = ERROR_INIT;
	int i, status;
	pid_t pid;

	(void)state;
	for (i = 0; i < 100; i++)
		put_message(&stage, "new", path_of("%d.json", i));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		die_with_claims(&stage, 50);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_entries(in_spool(&stage.place, "new")), 50);
	assert_int_equal(count_entries(in_spool(&stage.place, "cur")), 50);
	assert_int_equal(
	    queue_each(&stage.queue, QUEUE_CUR, take_over_one, &stage, &err),
	    0);
	assert_int_equal(count_entries(in_spool(&stage.place, "cur")), 0);
	close_stage(&stage);
}

/* As somebody who may not write to cur/; root may everywhere. */
static int
take_without_leave(void *argument)
{
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	struct stage *stage = argument;

	if (claim_take(&stage->queue, "a.json", &claim, &err) != -1)
		return 1;
	if (claim.fd != -1)
		return 2;
	return err.errnum == EACCES ? 0 : 3;
}

static void
test_taken_without_leave(void **state)
{
	struct stage stage;

	(void)state;
	if (geteuid() != 0)
		skip();
	stage = open_stage();
	put_message(&stage, "new", "a.json");
	assert_int_equal(
	    chmod(in_folder(&stage.place, "new", "a.json"), 0644), 0);
	assert_int_equal(chmod(in_spool(&stage.place, "new"), 0777), 0);
	assert_int_equal(chmod(in_spool(&stage.place, "cur"), 0555), 0);
	assert_int_equal(in_child(take_without_leave, &stage, 65534, 65534), 0);
	/* may not even read it */
	assert_int_equal(
	    chmod(in_folder(&stage.place, "new", "a.json"), 0600), 0);
	assert_int_equal(in_child(take_without_leave, &stage, 65534, 65534), 0);
	assert_only(&stage, "new", "a.json");
	assert_only(&stage, "cur", NULL);
	close_stage(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_tries_are_counted),
		cmocka_unit_test(test_returned_under_its_very_name),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_deferred_uncounted_after_the_most_tries),
		cmocka_unit_test(test_buried),
		cmocka_unit_test(test_finished),
		cmocka_unit_test(test_finished_with_an_archive),
		cmocka_unit_test(test_finished_after_others_had_moved_it),
		cmocka_unit_test(test_finished_with_a_document),
		cmocka_unit_test(test_document_stays),
		cmocka_unit_test(test_document_of_a_copy_stays),
		cmocka_unit_test(test_document_is_not_archived),
		cmocka_unit_test(test_log_goes_after_a_try_that_counts),
		cmocka_unit_test(test_log_goes_after_a_try_that_does_not_count),
		cmocka_unit_test(test_log_goes_after_a_take_over),
		cmocka_unit_test(
		    test_buried_and_returned_messages_keep_their_log),
		cmocka_unit_test(test_moved_away_while_claimed),
		cmocka_unit_test(test_moved_away_before_it_is_archived),
		cmocka_unit_test(test_not_archived),
		cmocka_unit_test(test_not_removed),
		cmocka_unit_test(test_name_that_is_taken),
		cmocka_unit_test(test_name_that_is_taken_in_cur),
		cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_claimed_is_claimed),
		cmocka_unit_test(test_locked_in_new),
		cmocka_unit_test(test_locks_that_fail),
		cmocka_unit_test(test_taken_without_room),
		cmocka_unit_test(test_renames_that_fail),
		cmocka_unit_test(test_gone_before_the_lock),
		cmocka_unit_test(test_back_before_the_lock),
		cmocka_unit_test(test_replaced_before_the_lock),
		cmocka_unit_test(test_moved_on_before_it_is_taken_over),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_taken_over_after_others_had_moved_it),
		cmocka_unit_test(test_uncounted),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_taken_over_and_returned),
		cmocka_unit_test(test_cur_is_missing),
		cmocka_unit_test(test_holder_is_killed),
		cmocka_unit_test(test_holder_is_killed_while_its_command_runs),
		cmocka_unit_test(test_end_of_a_claim_is_the_end_for_children),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_race_with_returns_and_take_overs),
		cmocka_unit_test(test_many_left_behind),
		cmocka_unit_test(test_taken_without_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
