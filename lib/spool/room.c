/* SPDX-License-Identifier: MIT */
/*
 * room - make room in a spool whose file system is full
 *
 * A full spool can have a million links, and each call that finds no room
 * asks for some. So a call reads seen/ for a limited time, and the next call
 * continues where it ended. After all of seen/ has been read without success,
 * calls do not read it for ten times as long as that took, at most for
 * PAUSE_MOST, unless a message has left new/ or cur/.
 */
#include "spool/room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

/* Microseconds: for reading, for waiting while another thread reads, ... */
#define READ_MOST  500000
#define WAIT_MOST  500000
#define WAIT_STEP  2000
#define PAUSE_MOST 1000000
#define TICK	   20000 /* of the times of directories */

/*
 * Freed in one go, beside what the caller asks for. Small files of btrfs have
 * blocks only by name, so a caller may have to ask more than once.
 */
#define RESERVE_BYTES (UINT64_C(256) << 10)
#define RESERVE_LINKS 64

/* How far the reading of one seen/ has got. */
struct progress {
	dev_t device;
	ino_t inode;
	long position;		    /* of telldir(); 0: the beginning */
	bool found;		    /* a link since the beginning */
	int64_t cost;		    /* of reading since the beginning */
	int64_t pause_until;	    /* clock_monotonic() */
	struct timespec changed[2]; /* new/ and cur/, at the beginning */
	unsigned rounds;	    /* how often links were removed */
	uint64_t used;		    /* the highest was used last */
};

/*
 * Of more directories than this, that which was not used for the longest
 * time is begun again. So is one whose inode number is that of another that
 * is gone: a position that has become invalid leads to another part of it.
 */
#define SLOTS 64

static struct progress slots[SLOTS];
static uint64_t uses;

/*
 * The first is held while a directory is read, and where a slot is given
 * to another directory; the second for that, too, and for rounds, and never
 * for long. The first is taken first.
 */
static pthread_mutex_t reading_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

bool
room_is_short(const struct error *err)
{
	return err->code == ERROR_SYSTEM &&
	    (err->errnum == ENOSPC || err->errnum == EDQUOT);
}

/* The caller holds slots_lock. NULL: there is none. */
static struct progress *
find_slot(const struct stat *st)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].used && slots[i].device == st->st_dev &&
		    slots[i].inode == st->st_ino)
			return &slots[i];
	return NULL;
}

/* The caller holds reading_lock. */
static struct progress *
take_slot(const struct stat *st)
{
	struct progress *slot;
	size_t i;

	(void)pthread_mutex_lock(&slots_lock);
	slot = find_slot(st);
	if (!slot) {
		slot = &slots[0];
		for (i = 1; i < SLOTS; i++)
			if (slots[i].used < slot->used)
				slot = &slots[i];
		*slot = (struct progress){ .device = st->st_dev,
			.inode = st->st_ino };
	}
	slot->used = ++uses;
	(void)pthread_mutex_unlock(&slots_lock);
	return slot;
}

/* How often links were removed from this directory, with one more or not */
static unsigned
count_rounds(const struct stat *st, unsigned more)
{
	struct progress *slot;
	unsigned rounds = 0;

	(void)pthread_mutex_lock(&slots_lock);
	slot = find_slot(st);
	if (slot)
		rounds = slot->rounds += more;
	(void)pthread_mutex_unlock(&slots_lock);
	return rounds;
}

static void
times_of(int root, struct timespec changed[2])
{
	static const char *const names[] = { "new", "cur" };
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		changed[i] = (struct timespec){ 0, 0 };
		if (fstatat(root, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			changed[i] = st.st_mtim;
	}
}

/*
 * Remember them for is_hopeless(). A change within the same tick of the clock
 * would not show, so times that are as new as that are not remembered.
 */
static void
remember_times(struct progress *slot, const struct timespec changed[2])
{
	struct timespec now = clock_now();
	int i;

	memcpy(slot->changed, changed, sizeof(slot->changed));
	for (i = 0; i < 2; i++)
		if ((now.tv_sec - changed[i].tv_sec) * INT64_C(1000000) +
			(now.tv_nsec - changed[i].tv_nsec) / 1000 <
		    TICK)
			slot->changed[i].tv_nsec = -1;
}

/* Has all been read without success, and has nothing changed since? */
static bool
is_hopeless(const struct progress *slot, const struct timespec changed[2])
{
	return clock_monotonic() < slot->pause_until &&
	    memcmp(slot->changed, changed, sizeof(slot->changed)) == 0;
}

/* Remove a link that is the last one. The bytes that this frees, or 0. */
static uint64_t
remove_last(int seen, const char *name)
{
	struct stat st;

	if (fstatat(seen, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    unlinkat(seen, name, 0) < 0)
		return 0;
	/* An empty file frees its inode. */
	return (uint64_t)st.st_blocks * 512 + 1;
}

/* The end of the directory: is it worth to begin again? */
static bool
turn(struct progress *slot, bool from_beginning)
{
	int64_t pause = slot->cost * 10;

	slot->position = 0;
	if (!slot->found)
		slot->pause_until = clock_monotonic() +
		    (pause < PAUSE_MOST ? pause : PAUSE_MOST);
	slot->found = false;
	slot->cost = 0;
	return !from_beginning;
}

/* Read on until enough is free, the time is up, or all has been read. */
static bool
remove_links(DIR *dir, uint64_t size, struct progress *slot)
{
	int64_t start = clock_monotonic(), until = start + READ_MOST;
	bool from_beginning = slot->position == 0;
	uint64_t bytes = 0, links = 0, freed;
	struct dirent *entry;

	if (!from_beginning)
		seekdir(dir, slot->position);
	while ((bytes < size || links < RESERVE_LINKS) &&
	    clock_monotonic() < until) {
		entry = readdir(dir);
		if (!entry) {
			slot->cost += clock_monotonic() - start;
			if (!turn(slot, from_beginning))
				return links > 0;
			start = clock_monotonic();
			from_beginning = true;
			rewinddir(dir);
			continue;
		}
		freed = entry->d_name[0] == '.'
		    ? 0
		    : remove_last(dirfd(dir), entry->d_name);
		links += freed > 0;
		bytes += freed;
		slot->found |= freed > 0;
	}
	if (links > 0)
		slot->pause_until = 0;
	slot->cost += clock_monotonic() - start;
	slot->position = telldir(dir);
	return links > 0;
}

/* The caller holds reading_lock. */
static bool
regain(int root, int seen, uint64_t size, struct progress *slot)
{
	struct error ignored = ERROR_INIT;
	struct timespec changed[2];
	bool found;
	DIR *dir;
	int fd;

	times_of(root, changed);
	if (is_hopeless(slot, changed))
		return false;
	if (slot->position == 0)
		remember_times(slot, changed);
	/* A descriptor of its own: reading moves its position. */
	fd = io_open_dir(seen, ".", &ignored);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		io_discard(&fd);
		return false;
	}
	found = remove_links(dir, size, slot);
	(void)closedir(dir);
	return found;
}

/* False: another thread holds it for longer than WAIT_MOST. */
static bool
lock_reading(void)
{
	const struct timespec step = { 0, WAIT_STEP * 1000L };
	int64_t until = clock_monotonic() + WAIT_MOST;

	while (pthread_mutex_trylock(&reading_lock) != 0) {
		if (clock_monotonic() >= until)
			return false;
		(void)nanosleep(&step, NULL);
	}
	return true;
}

/* Unless another thread has done it while this one waited. */
static bool
regain_once(int root, int seen, uint64_t size, const struct stat *st)
{
	unsigned before = count_rounds(st, 0);
	bool found = false, locked = lock_reading();

	if (count_rounds(st, 0) != before)
		found = true;
	else if (locked && regain(root, seen, size, take_slot(st))) {
		(void)count_rounds(st, 1);
		found = true;
	}
	if (locked)
		(void)pthread_mutex_unlock(&reading_lock);
	return found;
}

bool
room_regain(int root, size_t size, struct error *err)
{
	struct error ignored = ERROR_INIT;
	bool found = false;
	struct stat st;
	int seen;

	if (!room_is_short(err))
		return false;
	seen = io_open_dir(root, "seen", &ignored);
	if (seen >= 0 && fstat(seen, &st) == 0)
		found = regain_once(root, seen, size + RESERVE_BYTES, &st);
	io_discard(&seen);
	if (found)
		*err = (struct error)ERROR_INIT;
	return found;
}
