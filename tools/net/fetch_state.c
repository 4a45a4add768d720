/* SPDX-License-Identifier: MIT */
/*
 * fetch_state - what fetches of one spool share: the session and the pace
 *
 * A session is six lines: what it is, the base address, the user, the two
 * tokens, and "end". It is written in place, under the lock: what was
 * interrupted lacks its end and is no session.
 */
#include "net/fetch_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/secret.h"

#define FIRST_LINE "hookdir session 1"
#define LAST_LINE  "end"
#define TEXT_MAX   ((size_t)2 * FETCH_TOKEN_MAX + 2048)

int
fetch_state_open(const struct spool *spool, struct error *err)
{
	struct stat st;
	int fd = spool_directory(spool->root, "fetch", err);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 ||
	    ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)) {
		(void)error_system(err, "cannot set the mode of fetch/");
		io_discard(&fd);
	}
	return fd;
}

static int
open_locked(int dir, const char *name, struct error *err)
{
	int fd, rc;

	do {
		fd = openat(dir, name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
		    0600);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot open fetch/%s", name);
	rc = flock(fd, LOCK_EX);
	if (rc < 0) {
		(void)error_system(err, "cannot lock fetch/%s", name);
		io_discard(&fd);
	}
	return fd;
}

static void
sleep_for(int64_t microseconds)
{
	struct timespec left = { microseconds / 1000000,
		microseconds % 1000000 * 1000 };

	/* A signal means that the process is to end. */
	(void)nanosleep(&left, NULL);
}

/*
 * The lock is held while waiting: so who comes later waits behind it, and
 * nobody's turn stays taken when he is killed.
 */
int
fetch_state_pace(int dir, int64_t interval, struct error *err)
{
	int64_t last = 0, now = clock_monotonic();
	int fd = open_locked(dir, "pace", err), rc = -1;
	size_t got;

	if (fd < 0)
		return -1;
	if (io_read_at(fd, (char *)&last, sizeof(last), 0, &got, "fetch/pace",
		err) < 0)
		goto out;
	now = clock_monotonic();
	/* A time to come is from before the machine was started again. */
	if (got == sizeof(last) && last <= now && now - last < interval)
		sleep_for(interval - (now - last));
	now = clock_monotonic();
	if (pwrite(fd, &now, sizeof(now), 0) != sizeof(now)) {
		(void)error_system(err, "cannot write fetch/pace");
		goto out;
	}
	rc = 0;
out:
	io_discard(&fd);
	return rc;
}

int
fetch_state_lock(int dir, struct error *err)
{
	return open_locked(dir, "session", err);
}

bool
fetch_state_is_token(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return false;
	return text.len > 0 && text.len <= FETCH_TOKEN_MAX;
}

/* The next line is this one. */
static bool
skip_line(struct span *text, const char *want)
{
	struct span line;

	return span_cut(text, '\n', &line) && span_is(line, want);
}

static bool
take_token(struct span *text, char out[FETCH_TOKEN_MAX + 1])
{
	struct span line;

	if (!span_cut(text, '\n', &line))
		return false;
	if (line.len && !fetch_state_is_token(line))
		return false;
	if (line.len)
		memcpy(out, line.at, line.len);
	out[line.len] = '\0';
	return true;
}

int
fetch_state_read(int fd, const struct fetch_config *config,
    struct fetch_session *session, struct error *err)
{
	char bytes[TEXT_MAX];
	struct span text = { bytes, 0 };
	int rc = io_read_at(
	    fd, bytes, sizeof(bytes), 0, &text.len, "fetch/session", err);

	secret_wipe(session, sizeof(*session));
	if (rc == 0 &&
	    !(skip_line(&text, FIRST_LINE) && skip_line(&text, config->base) &&
		skip_line(&text, config->username) &&
		take_token(&text, session->access) &&
		session->access[0] != '\0' &&
		take_token(&text, session->refresh) &&
		skip_line(&text, LAST_LINE)))
		secret_wipe(session, sizeof(*session));
	secret_wipe(bytes, sizeof(bytes));
	return rc;
}

int
fetch_state_write(int fd, const struct fetch_config *config,
    const struct fetch_session *session, struct error *err)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct iovec piece;
	int rc = -1;

	/* All at once: growing would leave copies of it behind. */
	(void)buf_room(&text, TEXT_MAX);
	buf_printf(&text, "%s\n%s\n%s\n%s\n%s\n%s\n", FIRST_LINE, config->base,
	    config->username, session->access, session->refresh, LAST_LINE);
	if (buf_check(&text, err) == 0) {
		piece = (struct iovec){ text.at, text.len };
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			(void)error_system(err, "cannot write fetch/session");
		else
			rc = io_write_all(
			    fd, &piece, 1, "to fetch/session", err);
	}
	secret_wipe(text.at, text.size);
	buf_free(&text);
	return rc;
}
