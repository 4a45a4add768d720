/* SPDX-License-Identifier: MIT */
/*
 * test_archive - lib/queue/archive: a directory for messages that are done
 *
 * On the file system of the messages, and on another one where this
 * machine has two. What failing system calls leave behind is in test_faults.
 * getpid() and fsync() are defined here once more, for two processes of one
 * number that are at work in the same moment.
 */
#include "spools.h"

#include <sys/syscall.h>

#include "queue/archive.h"
#include "base/io.h"

#define TEXT "{\"specversion\":\"1.0\"}\n"

/* In containers of their own, two processes can have the same number. */
static pid_t given_pid;

pid_t
getpid(void)
{
	return given_pid ? given_pid : (pid_t)syscall(SYS_getpid);
}

/* What happens in the middle of a copy, once */
static void (*meanwhile)(void);

int
fsync(int fd)
{
	void (*call)(void) = meanwhile;

	meanwhile = NULL;
	if (call)
		call();
	return (int)syscall(SYS_fsync, fd);
}

/* A folder with messages, an archive, and where it is */
struct stage {
	struct place place;
	int dir;
	struct archive archive;
	char path[PATH_ROOM];
};

/* On the messages' file system, or in a folder of another one */
static struct stage
open_stage(const char *other)
{
	struct error err = ERROR_INIT;
	struct stage stage = { .place = new_place(), .archive = ARCHIVE_INIT };

	assert_int_equal(mkdir(stage.place.spool, 0700), 0);
	stage.dir = open(stage.place.spool, O_RDONLY | O_DIRECTORY);
	assert_true(stage.dir >= 0);
	(void)snprintf(stage.path, sizeof(stage.path), "%s/archive",
	    other ? other : stage.place.top);
	if (archive_open(&stage.archive, stage.path, &err) < 0)
		fail_msg("%s", err.text);
	return stage;
}

static void
close_stage(struct stage *stage)
{
	archive_close(&stage->archive);
	assert_int_equal(stage->archive.dir, -1);
	assert_int_equal(close(stage->dir), 0);
	remove_tree(stage->path);
	leave_place(&stage->place);
}

/* A folder of another file system; skips the test where there is none. */
static const char *
other_file_system(void)
{
	static const char *const tops[] = { "/dev/shm", "/tmp", "/run" };
	static char path[64];
	struct stat here, there;
	char folder[64];
	size_t i;

	make_folder(folder);
	assert_int_equal(stat(folder, &here), 0);
	for (i = 0; i < COUNT(tops); i++) {
		if (stat(tops[i], &there) < 0 || here.st_dev == there.st_dev)
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/hookdir-unit-XXXXXX", tops[i]);
		if (mkdtemp(path) && chmod(path, 0711) == 0)
			return path;
	}
	skip();
	return NULL;
}

static const char *
archived(const struct stage *stage, const char *name)
{
	return path_of("%s/%s", stage->path, name);
}

static int
move(const struct stage *stage, const char *file, const char *target,
    struct error *err)
{
	*err = (struct error)ERROR_INIT;
	return archive_move(&stage->archive, stage->dir, file, target, err);
}

static void
test_directory_is_made(void **state)
{
	struct place place = new_place();
	struct archive archive = ARCHIVE_INIT;
	struct error err = ERROR_INIT;
	mode_t old = umask(027);

	(void)state;
	assert_int_equal(
	    archive_open(&archive, beside(&place, "done"), &err), 0);
	assert_true(fcntl(archive.dir, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(mode_of(beside(&place, "done")), 0750);
	archive_close(&archive);
	assert_int_equal(archive.dir, -1);
	archive_close(&archive);
	/* One that is there is left as it is. */
	assert_int_equal(chmod(beside(&place, "done"), 0700), 0);
	put_file(beside(&place, "done/file"), "theirs");
	assert_int_equal(
	    archive_open(&archive, beside(&place, "done/"), &err), 0);
	archive_close(&archive);
	assert_int_equal(mode_of(beside(&place, "done")), 0700);
	assert_file(beside(&place, "done/file"), "theirs");
	(void)umask(old);
	leave_place(&place);
}

static void
test_paths_that_are_none(void **state)
{
	static const struct {
		const char *path;
		int want; /* errno */
	} rows[] = {
		{ "nowhere/done", ENOENT },
		{ "file", ENOTDIR },
		{ "file/done", ENOTDIR },
		{ "dead", ENOENT },
		{ "self", ELOOP },
		{ "pipe", ENOTDIR },
	};
	struct place place = new_place();
	struct archive archive = ARCHIVE_INIT;
	struct error err;
	size_t i;

	(void)state;
	put_file(beside(&place, "file"), "precious");
	assert_int_equal(symlink("nowhere", beside(&place, "dead")), 0);
	assert_int_equal(symlink("self", beside(&place, "self")), 0);
	assert_int_equal(mkfifo(beside(&place, "pipe"), 0600), 0);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    archive_open(&archive, beside(&place, rows[i].path), &err),
		    -1);
		if (err.code != ERROR_SYSTEM || err.errnum != rows[i].want)
			fail_msg("%s: got %s", rows[i].path, err.text);
		assert_int_equal(archive.dir, -1);
		archive_close(&archive);
	}
	assert_int_equal(count_entries(place.top), 4);
	assert_file(beside(&place, "file"), "precious");
	leave_place(&place);
}

/* The administrator names the archive: a link of his is followed. */
static void
test_directory_behind_a_link(void **state)
{
	struct stage stage = open_stage(NULL);
	struct archive archive = ARCHIVE_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(symlink("archive", beside(&stage.place, "link")), 0);
	assert_int_equal(
	    archive_open(&archive, beside(&stage.place, "link"), &err), 0);
	put_file(in_spool(&stage.place, "a,tries=2.json"), TEXT);
	assert_int_equal(
	    archive_move(&archive, stage.dir, "a,tries=2.json", "a.json", &err),
	    0);
	archive_close(&archive);
	assert_file(archived(&stage, "a.json"), TEXT);
	close_stage(&stage);
}

/* Messages of several lengths go there whole, and nothing else does. */
static void
move_lengths(struct stage *stage)
{
	static const size_t lengths[] = { 0, 1, 65535, 65536, 65537, 131072,
		1000003 };
	struct buf text = BUF_INIT(ROOM), got = BUF_INIT(ROOM);
	struct error err;
	FILE *file;
	size_t i, j;

	for (i = 0; i < COUNT(lengths); i++) {
		buf_reset(&text);
		buf_reset(&got);
		for (j = 0; j < lengths[i]; j++)
			buf_append_byte(&text, (char)(j * 31 >> 3));
		file = fopen(in_spool(&stage->place, "m,tries=1.json"), "w");
		assert_non_null(file);
		if (text.len)
			assert_int_equal(
			    fwrite(text.at, 1, text.len, file), text.len);
		assert_int_equal(fclose(file), 0);
		if (move(stage, "m,tries=1.json", "m.json", &err) < 0)
			fail_msg("%zu bytes: %s", lengths[i], err.text);
		append_file_at(&got, AT_FDCWD, archived(stage, "m.json"));
		assert_true(same(buf_span(&got), buf_span(&text)));
		assert_int_equal(count_entries(stage->place.spool), 0);
		assert_int_equal(count_entries(stage->path), 1);
		assert_int_equal(unlink(archived(stage, "m.json")), 0);
	}
	buf_free(&text);
	buf_free(&got);
}

static void
test_moved_within_a_file_system(void **state)
{
	struct stage stage = open_stage(NULL);

	(void)state;
	move_lengths(&stage);
	close_stage(&stage);
}

static void
test_moved_to_another_file_system(void **state)
{
	const char *other = other_file_system();
	struct stage stage = open_stage(other);

	(void)state;
	move_lengths(&stage);
	close_stage(&stage);
	remove_tree(other);
}

/* Copied or renamed, the archive shows no difference in who may read it. */
static void
test_copies_are_no_wider_than_files_of_the_spool(void **state)
{
	mode_t old = umask(027);
	const char *other = other_file_system();
	struct stage stage = open_stage(other);
	struct error err;

	(void)state;
	put_file(in_spool(&stage.place, "a.json"), TEXT);
	assert_int_equal(move(&stage, "a.json", "a.json", &err), 0);
	assert_int_equal(mode_of(archived(&stage, "a.json")), 0640);
	close_stage(&stage);
	remove_tree(other);
	(void)umask(old);
}

/* Nothing is overwritten; and what is there already is not there twice. */
static void
keep_both(struct stage *stage)
{
	struct error err;

	put_file(archived(stage, "a.json"), "an earlier copy of it");
	put_file(archived(stage, "b.json"), "another one");
	put_file(in_spool(&stage->place, "a,tries=9.json"), TEXT);
	assert_int_equal(move(stage, "a,tries=9.json", "a.json", &err), 0);
	assert_file(archived(stage, "a.json"), "an earlier copy of it");
	assert_file(archived(stage, "a,2.json"), TEXT);
	assert_file(archived(stage, "b.json"), "another one");
	assert_int_equal(count_entries(stage->path), 3);
	assert_int_equal(count_entries(stage->place.spool), 0);
	put_file(in_spool(&stage->place, "a,tries=1.json"), TEXT);
	assert_int_equal(move(stage, "a,tries=1.json", "a.json", &err), 0);
	put_file(in_spool(&stage->place, "a,tries=1.json"), "a third");
	assert_int_equal(move(stage, "a,tries=1.json", "a.json", &err), 0);
	assert_file(archived(stage, "a,3.json"), "a third");
	put_file(in_spool(&stage->place, "plain"), "a fourth");
	assert_int_equal(move(stage, "plain", "b.json", &err), 0);
	assert_file(archived(stage, "b,2.json"), "a fourth");
	assert_int_equal(count_entries(stage->path), 5);
	assert_int_equal(count_entries(stage->place.spool), 0);
}

static void
test_name_that_is_taken(void **state)
{
	struct stage stage = open_stage(NULL);

	(void)state;
	keep_both(&stage);
	close_stage(&stage);
}

static void
test_name_that_is_taken_on_another_file_system(void **state)
{
	const char *other = other_file_system();
	struct stage stage = open_stage(other);

	(void)state;
	keep_both(&stage);
	close_stage(&stage);
	remove_tree(other);
}

/*
 * Taken out of the archive with ln(1), to be run once more: rename(2) of
 * one link over another does nothing, and says that all is well.
 */
static void
test_name_that_is_taken_by_a_link_to_it(void **state)
{
	struct stage stage = open_stage(NULL);
	struct error err;

	(void)state;
	put_file(archived(&stage, "a.json"), TEXT);
	assert_int_equal(link(archived(&stage, "a.json"),
			     in_spool(&stage.place, "a,tries=1.json")),
	    0);
	assert_int_equal(move(&stage, "a,tries=1.json", "a.json", &err), 0);
	assert_file(archived(&stage, "a.json"), TEXT);
	assert_int_equal(count_entries(stage.place.spool), 0);
	close_stage(&stage);
}

/* What cannot be moved is where it was, and so is what stands there. */
static void
refuse(struct stage *stage, const char *file, const char *target, int want)
{
	int before = count_entries(stage->place.spool);
	int there = count_entries(stage->path);
	struct error err;

	assert_int_equal(move(stage, file, target, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	if (err.errnum != want)
		fail_msg("%s: got %s", file, err.text);
	assert_int_equal(count_entries(stage->place.spool), before);
	assert_int_equal(count_entries(stage->path), there);
}

static void
refuse_all(struct stage *stage)
{
	put_file(in_spool(&stage->place, "a.json"), TEXT);
	assert_int_equal(mkdir(archived(stage, "folder.json"), 0700), 0);
	put_file(archived(stage, "folder.json/file"), "theirs");
	refuse(stage, "gone.json", "gone.json", ENOENT);
	refuse(stage, "a.json", "nowhere/a.json", ENOENT);
	assert_file(in_spool(&stage->place, "a.json"), TEXT);
	assert_file(archived(stage, "folder.json/file"), "theirs");
}

static void
test_refused(void **state)
{
	struct stage stage = open_stage(NULL);

	(void)state;
	refuse_all(&stage);
	close_stage(&stage);
}

static void
test_refused_on_another_file_system(void **state)
{
	const char *other = other_file_system();
	struct stage stage = open_stage(other);

	(void)state;
	refuse_all(&stage);
	close_stage(&stage);
	remove_tree(other);
}

/* Nothing is read through a link, and nothing waits for a FIFO. */
static void
test_what_is_copied_is_a_file(void **state)
{
	const char *other = other_file_system();
	struct stage stage = open_stage(other);

	(void)state;
	put_file(beside(&stage.place, "secret"), "precious");
	assert_int_equal(
	    symlink("../secret", in_spool(&stage.place, "link.json")), 0);
	assert_int_equal(mkfifo(in_spool(&stage.place, "pipe.json"), 0600), 0);
	assert_int_equal(mkdir(in_spool(&stage.place, "dir.json"), 0700), 0);
	refuse(&stage, "link.json", "link.json", ELOOP);
	refuse(&stage, "pipe.json", "pipe.json", EINVAL);
	refuse(&stage, "dir.json", "dir.json", EINVAL);
	close_stage(&stage);
	remove_tree(other);
}

static void
copy_to(const char *other)
{
	struct stage stage = open_stage(other);
	struct error err = ERROR_INIT;
	int i;

	put_file(in_spool(&stage.place, "a.bin"), TEXT);
	/* A second time: it is there. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(
		    archive_copy(&stage.archive, stage.dir, "a.bin", &err), 0);
		assert_file(in_spool(&stage.place, "a.bin"), TEXT);
		assert_file(archived(&stage, "a.bin"), TEXT);
		assert_int_equal(count_entries(stage.path), 1);
	}
	assert_int_equal(unlink(in_spool(&stage.place, "a.bin")), 0);
	put_file(in_spool(&stage.place, "a.bin"), "another one");
	assert_int_equal(
	    archive_copy(&stage.archive, stage.dir, "a.bin", &err), 0);
	assert_file(archived(&stage, "a.bin"), TEXT);
	assert_file(archived(&stage, "a,2.bin"), "another one");
	assert_int_equal(
	    archive_copy(&stage.archive, stage.dir, "none.bin", &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	close_stage(&stage);
}

static void
test_copied(void **state)
{
	(void)state;
	copy_to(NULL);
}

static void
test_copied_to_another_file_system(void **state)
{
	const char *other = other_file_system();

	(void)state;
	copy_to(other);
	remove_tree(other);
}

/* Under every name that a draft of this message could have */
static void
plant_drafts(const struct stage *stage, const char *file, bool link)
{
	char paths[3][PATH_ROOM];
	size_t i;

	(void)snprintf(paths[0], PATH_ROOM, "%s",
	    path_of("%s/.draft.%ld", stage->path, (long)getpid()));
	(void)snprintf(
	    paths[1], PATH_ROOM, "%s", path_of("%s/.%s", stage->path, file));
	(void)snprintf(paths[2], PATH_ROOM, "%s",
	    path_of("%s/.%s.draft", stage->path, file));
	for (i = 0; i < COUNT(paths); i++) {
		(void)unlink(paths[i]);
		if (link)
			assert_int_equal(
			    symlink(beside(&stage->place, "victim"), paths[i]),
			    0);
		else
			put_file(paths[i], "half of what is longer than it is");
	}
}

/* What a killed process left half done, or somebody planted */
static void
test_draft_that_is_there(void **state)
{
	const char *folder = other_file_system();
	struct stage stage = open_stage(folder);
	struct error err;

	(void)state;
	put_file(in_spool(&stage.place, "a.json"), TEXT);
	plant_drafts(&stage, "a.json", false);
	assert_int_equal(move(&stage, "a.json", "a.json", &err), 0);
	assert_file(archived(&stage, "a.json"), TEXT);
	put_file(beside(&stage.place, "victim"), "precious");
	put_file(in_spool(&stage.place, "b.json"), TEXT);
	plant_drafts(&stage, "b.json", true);
	assert_int_equal(move(&stage, "b.json", "b.json", &err), 0);
	assert_file(archived(&stage, "b.json"), TEXT);
	assert_file(beside(&stage.place, "victim"), "precious");
	close_stage(&stage);
	remove_tree(folder);
}

/* The other one of our number: it begins, says so, and waits to go on. */
static struct {
	struct stage *stage;
	pid_t pid;
	int begun[2], go_on[2];
} twin;

static void
say_and_wait(void)
{
	char byte = 'x';

	if (write(twin.begun[1], &byte, 1) != 1 ||
	    read(twin.go_on[0], &byte, 1) != 1)
		_exit(1);
}

static void
start_twin(void)
{
	struct error err;
	char byte;

	twin.pid = fork();
	assert_true(twin.pid >= 0);
	if (twin.pid == 0) {
		meanwhile = say_and_wait;
		(void)move(twin.stage, "b.json", "b.json", &err);
		_exit(0);
	}
	assert_int_equal(read(twin.begun[0], &byte, 1), 1);
}

/* In the spool or in the archive, and what it was */
static void
assert_is_somewhere(
    const struct stage *stage, const char *name, const char *want)
{
	if (access(in_spool(&stage->place, name), F_OK) == 0)
		assert_file(in_spool(&stage->place, name), want);
	else
		assert_file(archived(stage, name), want);
	if (access(archived(stage, name), F_OK) == 0)
		assert_file(archived(stage, name), want);
}

static void
test_two_processes_of_one_number(void **state)
{
	const char *folder = other_file_system();
	struct stage stage = open_stage(folder);
	struct error err;

	(void)state;
	put_file(in_spool(&stage.place, "a.json"), "our message");
	put_file(in_spool(&stage.place, "b.json"), "theirs");
	assert_int_equal(pipe2(twin.begun, O_CLOEXEC), 0);
	assert_int_equal(pipe2(twin.go_on, O_CLOEXEC), 0);
	twin.stage = &stage;
	given_pid = 7;
	meanwhile = start_twin;
	(void)move(&stage, "a.json", "a.json", &err);
	given_pid = 0;
	assert_int_equal(write(twin.go_on[1], "x", 1), 1);
	assert_int_equal(waitpid(twin.pid, NULL, 0), twin.pid);
	assert_is_somewhere(&stage, "a.json", "our message");
	assert_is_somewhere(&stage, "b.json", "theirs");
	assert_int_equal(close(twin.begun[0]) | close(twin.begun[1]) |
		close(twin.go_on[0]) | close(twin.go_on[1]),
	    0);
	close_stage(&stage);
	remove_tree(folder);
}

/* A link at the target's name is neither replaced nor followed. */
static void
keep_link(struct stage *stage)
{
	struct stat st;
	struct error err;

	put_file(beside(&stage->place, "victim"), "precious");
	assert_int_equal(
	    symlink(beside(&stage->place, "victim"), archived(stage, "a.json")),
	    0);
	put_file(in_spool(&stage->place, "a.json"), TEXT);
	assert_int_equal(move(stage, "a.json", "a.json", &err), 0);
	assert_int_equal(lstat(archived(stage, "a.json"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file(archived(stage, "a,2.json"), TEXT);
	assert_file(beside(&stage->place, "victim"), "precious");
}

static void
test_link_at_the_target(void **state)
{
	struct stage stage = open_stage(NULL);

	(void)state;
	keep_link(&stage);
	close_stage(&stage);
}

static void
test_link_at_the_target_on_another_file_system(void **state)
{
	const char *other = other_file_system();
	struct stage stage = open_stage(other);

	(void)state;
	keep_link(&stage);
	close_stage(&stage);
	remove_tree(other);
}

/* As somebody who may not write there; root may everywhere. */
static int
move_without_leave(void *argument)
{
	struct error err;

	if (move(argument, "a.json", "a.json", &err) == 0)
		return 1;
	return err.errnum == EACCES ? 0 : 2;
}

static void
leave_read_only(struct stage *stage)
{
	put_file(in_spool(&stage->place, "a.json"), TEXT);
	assert_int_equal(chmod(in_spool(&stage->place, "a.json"), 0644), 0);
	assert_int_equal(chmod(stage->place.spool, 0777), 0);
	assert_int_equal(chmod(stage->path, 0555), 0);
	assert_int_equal(in_child(move_without_leave, stage, 65534, 65534), 0);
	assert_file(in_spool(&stage->place, "a.json"), TEXT);
	assert_int_equal(count_entries(stage->path), 0);
	/* It may be copied there, but not taken away here. */
	assert_int_equal(chmod(stage->path, 0777), 0);
	assert_int_equal(chmod(stage->place.spool, 0555), 0);
	assert_int_equal(in_child(move_without_leave, stage, 65534, 65534), 0);
	assert_file(in_spool(&stage->place, "a.json"), TEXT);
}

/* Better known at once than when a message is done */
static int
open_without_leave(void *argument)
{
	struct archive archive = ARCHIVE_INIT;
	struct error err = ERROR_INIT;

	if (archive_open(&archive, argument, &err) == 0 || archive.dir != -1)
		return 1;
	return err.errnum == EACCES ? 0 : 2;
}

static void
test_directory_that_is_read_only(void **state)
{
	struct place place;

	(void)state;
	if (geteuid() != 0)
		skip();
	place = new_place();
	assert_int_equal(chmod(place.top, 0711), 0);
	assert_int_equal(mkdir(place.spool, 0755), 0);
	assert_int_equal(chmod(place.spool, 0555), 0);
	assert_int_equal(
	    in_child(open_without_leave, place.spool, 65534, 65534), 0);
	assert_int_equal(
	    in_child(open_without_leave,
		(void *)(uintptr_t)in_spool(&place, "made"), 65534, 65534),
	    0);
	leave_place(&place);
}

static void
test_read_only(void **state)
{
	struct stage stage;

	(void)state;
	if (geteuid() != 0)
		skip();
	stage = open_stage(NULL);
	leave_read_only(&stage);
	assert_int_equal(count_entries(stage.path), 0);
	close_stage(&stage);
}

static void
test_read_only_on_another_file_system(void **state)
{
	const char *other;
	struct stage stage;

	(void)state;
	if (geteuid() != 0)
		skip();
	other = other_file_system();
	stage = open_stage(other);
	leave_read_only(&stage);
	close_stage(&stage);
	remove_tree(other);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory_is_made),
		cmocka_unit_test(test_paths_that_are_none),
		cmocka_unit_test(test_directory_behind_a_link),
		cmocka_unit_test(test_moved_within_a_file_system),
		cmocka_unit_test(test_moved_to_another_file_system),
		cmocka_unit_test(
		    test_copies_are_no_wider_than_files_of_the_spool),
		cmocka_unit_test(test_name_that_is_taken),
		cmocka_unit_test(
		    test_name_that_is_taken_on_another_file_system),
		cmocka_unit_test(test_name_that_is_taken_by_a_link_to_it),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_on_another_file_system),
		cmocka_unit_test(test_what_is_copied_is_a_file),
		cmocka_unit_test(test_copied),
		cmocka_unit_test(test_copied_to_another_file_system),
		cmocka_unit_test(test_draft_that_is_there),
		cmocka_unit_test(test_two_processes_of_one_number),
		cmocka_unit_test(test_link_at_the_target),
		cmocka_unit_test(
		    test_link_at_the_target_on_another_file_system),
		cmocka_unit_test(test_directory_that_is_read_only),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_read_only_on_another_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
