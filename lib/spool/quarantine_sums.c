/* SPDX-License-Identifier: MIT */
/*
 * quarantine_sums - how much there is: in all, without form, of each caller
 */
#include "spool/quarantine_sums.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"

#define BLOCK  4096 /* the least that a file takes */
#define ENDING ".json"

static size_t
cell_of(uint64_t hash, size_t row)
{
	return (size_t)(hash >> (56 - 8 * row)) % QUARANTINE_CELLS;
}

/* sign is 1 or -1; unsigned numbers wrap around to the difference. */
static void
change_amount(struct quarantine_amount *amount, uint64_t bytes, int sign)
{
	amount->bytes += bytes * (uint64_t)sign;
	amount->files += (uint64_t)sign;
}

static void
change(
    struct quarantine_sums *sums, const struct quarantine_item *item, int sign)
{
	uint64_t hash = hash_text(0, item->caller);
	size_t row;

	change_amount(&sums->all, item->bytes, sign);
	if (!item->full_form)
		change_amount(&sums->formless, item->bytes, sign);
	for (row = 0; item->caller[0] && row < QUARANTINE_ROWS; row++)
		change_amount(
		    &sums->callers[row][cell_of(hash, row)], item->bytes, sign);
}

void
quarantine_sums_add(
    struct quarantine_sums *sums, const struct quarantine_item *item)
{
	change(sums, item, 1);
}

void
quarantine_sums_take(
    struct quarantine_sums *sums, const struct quarantine_item *item)
{
	change(sums, item, -1);
}

static void
join_amount(
    struct quarantine_amount *amount, const struct quarantine_amount *more)
{
	amount->bytes += more->bytes;
	amount->files += more->files;
}

void
quarantine_sums_join(
    struct quarantine_sums *sums, const struct quarantine_sums *more)
{
	size_t row, i;

	join_amount(&sums->all, &more->all);
	join_amount(&sums->formless, &more->formless);
	for (row = 0; row < QUARANTINE_ROWS; row++)
		for (i = 0; i < QUARANTINE_CELLS; i++)
			join_amount(
			    &sums->callers[row][i], &more->callers[row][i]);
}

struct quarantine_amount
quarantine_sums_of(const struct quarantine_sums *sums, const char *caller)
{
	struct quarantine_amount least = { UINT64_MAX, UINT64_MAX };
	const struct quarantine_amount *cell;
	uint64_t hash = hash_text(0, caller);
	size_t row;

	for (row = 0; row < QUARANTINE_ROWS; row++) {
		cell = &sums->callers[row][cell_of(hash, row)];
		if (cell->bytes < least.bytes)
			least.bytes = cell->bytes;
		if (cell->files < least.files)
			least.files = cell->files;
	}
	return least;
}

uint64_t
quarantine_blocks(uint64_t size)
{
	return size < BLOCK ? BLOCK : (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* The name is as quarantine_keep() makes it, or says nothing. */
static void
read_name(const char *file, char caller[QUARANTINE_CALLER_SIZE],
    struct quarantine_item *item)
{
	const char *from = strstr(file, QUARANTINE_FROM);
	size_t full = strlen(QUARANTINE_FULL_FORM), ending = strlen(ENDING);
	size_t len;

	caller[0] = '\0';
	item->caller = caller;
	item->full_form = from && (size_t)(from - file) >= full &&
	    strncmp(from - full, QUARANTINE_FULL_FORM, full) == 0;
	if (!from)
		return;
	from += strlen(QUARANTINE_FROM);
	len = strcspn(from, ",");
	if (len > ending && strncmp(from + len - ending, ENDING, ending) == 0)
		len -= ending;
	if (len >= QUARANTINE_CALLER_SIZE)
		return;
	memcpy(caller, from, len);
	caller[len] = '\0';
}

static int
count_file(
    void *context, int directory, const struct dirent *entry, struct error *err)
{
	char caller[QUARANTINE_CALLER_SIZE];
	struct quarantine_item item;
	struct stat st;

	(void)err;
	if (fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	read_name(entry->d_name, caller, &item);
	/* Some file systems do not tell the blocks. */
	item.bytes = quarantine_blocks(
	    st.st_blocks ? (uint64_t)st.st_blocks * 512 : (uint64_t)st.st_size);
	quarantine_sums_add(context, &item);
	return 0;
}

int
quarantine_sums_count(
    struct quarantine_sums *sums, int directory, struct error *err)
{
	return io_each(directory, "quarantine/", count_file, sums, err);
}
