/* SPDX-License-Identifier: MIT */
/*
 * doctor_access - may each user do what it has to, and no more?
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "hookdir/doctor.h"

#define FILE_MAX  ((size_t)64 << 10)
#define USERS_MAX 32
#define TEXT_SIZE 1024

/* The users that web servers run as, by system. */
static const char *const web_users[] = { "www-data", "nginx", "apache",
	"http" };

/* The first directory of the path that the user may not pass; "": none. */
static void
find_barrier(
    const struct passwd *user, const char *path, char barrier[PATH_MAX])
{
	struct stat st;
	size_t len;

	for (len = 1; path[len - 1]; len++) {
		if (path[len] != '/' && path[len] != '\0')
			continue;
		(void)snprintf(barrier, PATH_MAX, "%.*s", (int)len, path);
		if (stat(barrier, &st) < 0 || !doctor_may(user, &st, X_OK))
			return;
		if (path[len] == '\0')
			break;
	}
	barrier[0] = '\0';
}

/* One consumer; true where it may do all that it has to. */
static bool
check_consumer(struct doctor *doctor, const struct passwd *user)
{
	static const enum queue_state written[] = { QUEUE_NEW, QUEUE_CUR,
		QUEUE_FAILED };
	char barrier[PATH_MAX];
	struct stat st;
	size_t i;

	find_barrier(user, doctor->queue.path, barrier);
	if (barrier[0]) {
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "chmod o+x it, and see tmpfiles.d(5) so that it stays",
		    "user %s may not pass %s", user->pw_name, barrier);
		return false;
	}
	for (i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		int dir = doctor->queue.states[written[i]];

		if (dir < 0 || fstat(dir, &st) < 0 ||
		    doctor_may(user, &st, R_OK | W_OK | X_OK))
			continue;
		doctor_say(doctor, DOCTOR_WARNING,
		    "chmod g+rwx it, if that user runs hookdir run",
		    "user %s may not write to %s/", user->pw_name,
		    queue_state_name(written[i]));
		return false;
	}
	return true;
}

/* Users of the spool's group: by their primary group, or as members. */
static bool
is_consumer(const struct passwd *user, const struct group *group)
{
	char **member;

	if (user->pw_uid == 0)
		return false;
	if (user->pw_gid == group->gr_gid)
		return true;
	for (member = group->gr_mem; *member; member++)
		if (strcmp(*member, user->pw_name) == 0)
			return true;
	return false;
}

void
doctor_parents(struct doctor *doctor)
{
	const struct passwd *user;
	const struct group *group;
	unsigned count = 0;
	bool fine = true;
	struct stat st;

	if (fstat(doctor->queue.states[QUEUE_NEW], &st) < 0)
		return;
	if (st.st_mode & S_IWOTH)
		doctor_say(doctor, DOCTOR_CRITICAL, "chmod o-w it",
		    "every user may write to new/");
	group = getgrgid(st.st_gid);
	if (!group) {
		doctor_say(doctor, DOCTOR_WARNING, "chgrp it",
		    "the group %u of new/ has no name", (unsigned)st.st_gid);
		return;
	}
	setpwent();
	while (count < USERS_MAX && (user = getpwent()) != NULL)
		if (is_consumer(user, group)) {
			fine &= check_consumer(doctor, user);
			count++;
		}
	endpwent();
	if (fine && !(st.st_mode & S_IWOTH))
		doctor_say(doctor, DOCTOR_FINE, "",
		    "%u user%s of the group %s can take messages out", count,
		    doctor_plural(count), group->gr_name);
}

/* A directory before the socket that the user may not pass, or the socket. */
static bool
may_open(const struct passwd *user, const char *path, const struct stat *st)
{
	char barrier[PATH_MAX], directory[PATH_MAX];
	char *slash;

	(void)snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash && slash > directory) {
		*slash = '\0';
		find_barrier(user, directory, barrier);
		if (barrier[0])
			return false;
	}
	return doctor_may(user, st, W_OK);
}

/* "a, b": the members of the socket's group, each of whom may forge a call. */
static void
list_members(gid_t gid, char text[TEXT_SIZE])
{
	const struct group *group = getgrgid(gid);
	size_t len = 0;
	char **member;

	text[0] = '\0';
	for (member = group ? group->gr_mem : NULL; member && *member; member++)
		if (len < TEXT_SIZE)
			len += (size_t)snprintf(text + len, TEXT_SIZE - len,
			    "%s%s", len ? ", " : "", *member);
}

static void
check_web_users(struct doctor *doctor, const struct stat *st)
{
	char members[TEXT_SIZE];
	const struct passwd *user;
	const char *able = NULL;
	unsigned known = 0;
	size_t i;

	for (i = 0; i < sizeof(web_users) / sizeof(web_users[0]); i++) {
		user = getpwnam(web_users[i]);
		known += user != NULL;
		if (user && !able && may_open(user, doctor->socket, st))
			able = web_users[i];
	}
	list_members(st->st_gid, members);
	if (known && !able)
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "set SocketGroup= in a drop-in of hookdir.socket",
		    "no web server's user may open %s", doctor->socket);
	else if (members[0])
		doctor_say(doctor, DOCTOR_WARNING,
		    "each may store any message; give the socket a group of "
		    "its own",
		    "%s can be opened by the users %s", doctor->socket,
		    members);
	else
		doctor_say(doctor, DOCTOR_FINE, "", "%s, for %s",
		    doctor->socket, able ? able : "no web server's user");
}

void
doctor_socket(struct doctor *doctor)
{
	struct stat st;

	if (stat(doctor->socket, &st) < 0 && errno == ENOENT)
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "systemctl enable --now hookdir.socket", "there is no %s",
		    doctor->socket);
	else if (stat(doctor->socket, &st) < 0)
		doctor_unchecked(doctor, doctor->socket);
	else if (!S_ISSOCK(st.st_mode))
		doctor_say(doctor, DOCTOR_CRITICAL, "remove it",
		    "%s is no socket", doctor->socket);
	else if (st.st_mode & S_IWOTH)
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "set SocketMode=0660 in hookdir.socket",
		    "every user may open %s, and so store any message",
		    doctor->socket);
	else
		check_web_users(doctor, &st);
}

/* Does a file set a secret? Its text is read, and not kept. */
static bool
has_secret(int fd)
{
	static const char *const names[] = { "HOOKDIR_KEY", "HOOKDIR_TOKEN_KEY",
		"HOOKDIR_CLIENT_SECRET" };
	struct error ignored = ERROR_INIT;
	char text[4096];
	size_t got = 0, i;

	(void)io_read_at(fd, text, sizeof(text), 0, &got, "it", &ignored);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (memmem(text, got, names[i], strlen(names[i])))
			return true;
	return false;
}

struct key_files {
	struct doctor *doctor;
	unsigned count, open;
};

static int
check_file(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	struct key_files *files = context;
	struct error ignored = ERROR_INIT;
	struct stat st;
	int fd = io_open_file(dir, entry->d_name, &st, &ignored);

	(void)err;
	if (fd >= 0 && has_secret(fd)) {
		files->count++;
		if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) {
			files->open++;
			doctor_say(files->doctor, DOCTOR_CRITICAL,
			    "chmod 0640 it, or 0600",
			    "%s/%s has a key, and mode %03o",
			    files->doctor->etc, entry->d_name,
			    (unsigned)st.st_mode & 0777);
		}
	}
	io_discard(&fd);
	return 0;
}

void
doctor_keys(struct doctor *doctor)
{
	struct key_files files = { doctor, 0, 0 };
	struct error err = ERROR_INIT;
	int dir =
	    open(doctor->etc, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);

	if (dir < 0) {
		doctor_unchecked(doctor, doctor->etc);
		return;
	}
	if (io_each(dir, doctor->etc, check_file, &files, &err) < 0)
		doctor_say(doctor, DOCTOR_UNCHECKED, "", "%s", err.text);
	else if (!files.open)
		doctor_say(doctor, DOCTOR_FINE, "",
		    "%u file%s with keys in %s, none open to others",
		    files.count, doctor_plural(files.count), doctor->etc);
	io_discard(&dir);
}
