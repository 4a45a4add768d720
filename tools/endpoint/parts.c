/* SPDX-License-Identifier: MIT */
/*
 * parts - what an endpoint has beside its file: the spool, what all endpoints
 * share, and the drop-in of its command's unit
 */
#include "endpoint/parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The table of hookdir-spool(5). */
static const char *const directories[] = { "tmp", "new", "cur", "hold",
	"failed", "quarantine", "log", "latest", "seen", "documents", "done",
	"history" };

/* The receiver's user, and the group of the command's. */
static int
find_owner(
    const struct endpoint *e, struct files_owner *owner, struct error *err)
{
	struct files_owner user;

	if (files_find_user(e->root, "hookdir", owner, err) < 0)
		return -1;
	owner->mode = 02770;
	if (!e->user[0])
		return 0;
	if (files_find_user(e->root, e->user, &user, err) < 0)
		return -1;
	owner->gid = user.gid;
	return 0;
}

/* A spool that another endpoint of this name has left behind */
static int
check_group(const char *spool, gid_t wanted, struct error *err)
{
	struct stat st;

	if (stat(spool, &st) == 0 && st.st_gid != wanted)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s is there and belongs to another group: chgrp -R %ld it",
		    spool, (long)wanted);
	return 0;
}

static int
make_spool(const struct endpoint *e, struct error *err)
{
	struct endpoint_path spools = endpoint_below(e, "/var/spool/hookdir");
	struct endpoint_path spool = endpoint_spool(e);
	struct files_owner owner, above;

	if (files_find_user(e->root, "hookdir", &above, err) < 0 ||
	    find_owner(e, &owner, err) < 0)
		return -1;
	if (check_group(spool.text, owner.gid, err) < 0)
		return -1;
	/* As hookdir.tmpfiles: others pass through, and cannot look in. */
	above.mode = 02751;
	if (files_make_dir(spools.text, &above, err) < 0 ||
	    files_make_dir(spool.text, &owner, err) < 0)
		return -1;
	return files_make_dirs(spool.text, directories,
	    sizeof(directories) / sizeof(directories[0]), &owner, err);
}

/* The web server's workers read it at each call that has no token. */
static int
make_passwords(const struct endpoint *e, struct error *err)
{
	struct files_owner owner = { geteuid(), getegid(), 0640 }, web;
	struct error none = ERROR_INIT;

	if (e->form->way != FORM_TOKEN)
		return 0;
	if (files_find_user(e->root, "www-data", &web, &none) == 0)
		owner.gid = web.gid;
	else
		owner.mode = 0644;
	return files_write_new(
	    endpoint_passwords(e).text, span_of(""), &owner, err);
}

static int
make_dropin(const struct endpoint *e, bool network, struct error *err)
{
	const struct files_owner owner = { geteuid(), getegid(), 0644 };
	const struct files_owner dir_owner = { geteuid(), getegid(), 0755 };
	struct endpoint_path path = endpoint_dropin(e), dir = path;
	struct files_owner user;
	struct buf text = BUF_INIT(4096);
	int rc;

	if (!e->user[0])
		return 0;
	if (files_find_user(e->root, e->user, &user, err) < 0)
		return -1;
	*strrchr(dir.text, '/') = '\0';
	/* systemd expands no variable in User=, so there is a file for each. */
	buf_printf(&text,
	    "# Made by \"hookdir add\"; \"hookdir remove\" removes it.\n"
	    "[Service]\n"
	    "User=%s\n"
	    "Group=%ld\n",
	    e->user, (long)user.gid);
	if (network)
		buf_append_text(&text,
		    "# The command may use the network.\n"
		    "PrivateNetwork=no\n"
		    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
		    "IPAddressDeny=\n");
	else
		buf_append_text(&text,
		    "# The command may not use the network.\n"
		    "PrivateNetwork=yes\n"
		    "RestrictAddressFamilies=\n"
		    "RestrictAddressFamilies=AF_UNIX\n"
		    "IPAddressDeny=any\n");
	rc = buf_check(&text, err);
	if (rc == 0)
		rc = files_make_dir(dir.text, &dir_owner, err);
	if (rc == 0)
		rc = files_write(path.text, buf_span(&text), &owner, err);
	buf_free(&text);
	return rc;
}

int
parts_make(const struct endpoint *e, bool network, struct error *err)
{
	const struct files_owner owner = { geteuid(), getegid(), 0644 };
	struct endpoint_path shared = endpoint_below(e,
	    e->apache ? "/etc/hookdir/unavailable.asis"
		      : "/etc/hookdir/hookdir_params");

	if (make_spool(e, err) < 0 || make_passwords(e, err) < 0 ||
	    make_dropin(e, network, err) < 0)
		return -1;
	return files_write_new(shared.text,
	    sample_text(e->apache ? SAMPLE_ASIS : SAMPLE_PARAMS), &owner, err);
}

int
parts_remove(const struct endpoint *e, struct error *err)
{
	struct endpoint_path passwords = endpoint_passwords(e);
	struct endpoint_path dropin = endpoint_dropin(e);
	struct stat st;

	if (files_remove(dropin.text, err) < 0)
		return -1;
	/* Others' drop-ins may be beside it: then the directory stays. */
	*strrchr(dropin.text, '/') = '\0';
	(void)rmdir(dropin.text);
	/* One with passwords in it is the administrator's. */
	if (stat(passwords.text, &st) == 0 && st.st_size == 0)
		return files_remove(passwords.text, err);
	return 0;
}
