/* SPDX-License-Identifier: MIT */
/*
 * spool_name - the name of a message's file
 */
#include "spool/spool_name.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

#define ENDING	   ".json"
#define ALONE	   ",alone"
#define NUMBER_MAX 999999999999999999 /* 18 digits */

/* The longest that is ever added to a base. */
#define ADDED                                                                  \
	",tries=999999,later=999999,missed=999999,alone,"                      \
	"next=9223372036854775807,end=archive" ENDING
#define BASE_MAX (NAME_MAX - sizeof(ADDED))

static const char *const ends[] = {
	[SPOOL_END_NONE] = "",
	[SPOOL_END_DONE] = ",end=done",
	[SPOOL_END_ARCHIVE] = ",end=archive",
	[SPOOL_END_FAILED] = ",end=failed",
};

static char host[HOST_NAME_MAX + 1];
static pthread_once_t host_once = PTHREAD_ONCE_INIT;

/* The host's name, fit for a file name; "localhost" when it has none. */
static void
find_host(void)
{
	char *c;

	if (gethostname(host, sizeof(host)) < 0 || host[0] == '\0')
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	for (c = host; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789.-",
			*c))
			*c = '-';
}

/* The microseconds have leading zeros, so that names sort by time. */
void
spool_name_new(
    struct timespec received, const char *label, char name[SPOOL_NAME_SIZE])
{
	static atomic_uint counter;

	(void)pthread_once(&host_once, find_host);
	(void)snprintf(name, SPOOL_NAME_SIZE, "%lld.M%06ldP%ldQ%u.%s%s" ENDING,
	    (long long)received.tv_sec, received.tv_nsec / 1000, (long)getpid(),
	    atomic_fetch_add(&counter, 1) + 1, host, label);
}

/* SECONDS.M<usec>P...; untouched where the name is not of that form. */
static void
read_arrival(const char *base, struct timespec *arrived)
{
	struct span rest = span_of(base);
	uint64_t seconds, microseconds;

	if (!number_cut(&rest, NUMBER_MAX, &seconds) ||
	    !span_begins(rest, ".M"))
		return;
	rest = span_skip(rest, 2);
	if (!number_cut(&rest, 999999, &microseconds) ||
	    !span_begins(rest, "P") || seconds < SPOOL_TIME_MIN)
		return;
	arrived->tv_sec = (time_t)seconds;
	arrived->tv_nsec = (long)microseconds * 1000;
}

/* ",NAME=NUMBER" at the end of the base is taken off it; 0 for none. */
static uint64_t
take_number(char *base, const char *label)
{
	char *comma = strrchr(base, ',');
	size_t len = strlen(label);
	uint64_t number;

	if (!comma || comma == base || strncmp(comma + 1, label, len) != 0 ||
	    comma[1 + len] == '0' ||
	    !number_read(span_of(comma + 1 + len), NUMBER_MAX, &number))
		return 0;
	*comma = '\0';
	return number;
}

static unsigned
take_count(char *base, const char *label)
{
	uint64_t number = take_number(base, label);

	return number > SPOOL_TRIES_MAX ? SPOOL_TRIES_MAX : (unsigned)number;
}

static bool
take_alone(char *base)
{
	char *comma = strrchr(base, ',');

	if (!comma || comma == base || strcmp(comma, ALONE) != 0)
		return false;
	*comma = '\0';
	return true;
}

static enum spool_end
take_end(char *base)
{
	char *comma = strrchr(base, ',');
	int i;

	if (!comma || comma == base)
		return SPOOL_END_NONE;
	for (i = SPOOL_END_DONE; i <= SPOOL_END_FAILED; i++)
		if (strcmp(comma, ends[i]) == 0) {
			*comma = '\0';
			return (enum spool_end)i;
		}
	return SPOOL_END_NONE;
}

bool
spool_name_parse(const char *file, struct spool_name *name)
{
	size_t len = strlen(file), ending = strlen(ENDING);

	memset(name, 0, sizeof(*name));
	name->json = len > ending && strcmp(file + len - ending, ENDING) == 0;
	if (name->json)
		len -= ending;
	if (file[0] == '.' || len == 0 || strlen(file) > NAME_MAX)
		return false;
	memcpy(name->base, file, len);
	name->end = take_end(name->base);
	name->next = (time_t)take_number(name->base, "next=");
	name->alone = take_alone(name->base);
	name->missed = take_count(name->base, "missed=");
	name->later = take_count(name->base, "later=");
	name->tries = take_count(name->base, "tries=");
	read_arrival(name->base, &name->arrived);
	return true;
}

void
spool_name_shorten(struct spool_name *name)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	const char *c;

	if (strlen(name->base) <= BASE_MAX)
		return;
	for (c = name->base; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	(void)snprintf(name->base + BASE_MAX - 17, 18, "-%016llx",
	    (unsigned long long)hash);
}

void
spool_name_format(const struct spool_name *name, char file[NAME_MAX + 1])
{
	char tries[32] = "", later[32] = "", missed[32] = "", next[32] = "";
	char whole[sizeof(name->base) + 5 * sizeof(tries) + sizeof(ALONE)];
	size_t len;

	if (name->tries)
		(void)snprintf(tries, sizeof(tries), ",tries=%u", name->tries);
	if (name->later)
		(void)snprintf(later, sizeof(later), ",later=%u", name->later);
	if (name->missed)
		(void)snprintf(
		    missed, sizeof(missed), ",missed=%u", name->missed);
	if (name->next > 0)
		(void)snprintf(next, sizeof(next), ",next=%lld",
		    (long long)(name->next < NUMBER_MAX ? name->next
							: NUMBER_MAX));
	(void)snprintf(whole, sizeof(whole), "%s%s%s%s%s%s%s%s", name->base,
	    tries, later, missed, name->alone ? ALONE : "", next,
	    ends[name->end], name->json ? ENDING : "");
	len = strnlen(whole, NAME_MAX);
	memcpy(file, whole, len);
	file[len] = '\0';
}

void
spool_name_forget(struct spool_name *name)
{
	name->tries = name->later = name->missed = 0;
	name->alone = false;
	name->next = 0;
	name->end = SPOOL_END_NONE;
}

bool
spool_name_is_due(const struct spool_name *name, time_t now)
{
	return name->next <= now || name->next - now > SPOOL_NEXT_MAX;
}

/* Past the zeros in front of a number; *len is how many digits it has. */
static const char *
number_at(const char *name, size_t *len)
{
	const char *c = name;

	while (*c == '0')
		c++;
	*len = strspn(c, "0123456789");
	return c;
}

/* As numbers of any length where both begin with one, then byte by byte. */
int
spool_name_compare(const char *a, const char *b)
{
	size_t a_len, b_len;
	const char *a_number = number_at(a, &a_len);
	const char *b_number = number_at(b, &b_len);
	bool numbers = a[0] >= '0' && a[0] <= '9' && b[0] >= '0' && b[0] <= '9';
	int order = 0;

	if (numbers && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	if (numbers)
		order = memcmp(a_number, b_number, a_len);
	return order ? order : strcmp(a, b);
}

static int
compare(const void *a, const void *b)
{
	return spool_name_compare(
	    *(const char *const *)a, *(const char *const *)b);
}

void
spool_name_sort(char **files, size_t count)
{
	if (count)
		qsort(files, count, sizeof(char *), compare);
}
