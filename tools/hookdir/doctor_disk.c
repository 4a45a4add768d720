/* SPDX-License-Identifier: MIT */
/*
 * doctor_disk - does the spool's file system keep what is written, and has it
 * room?
 *
 * See hookdir-promise(7) for what a file system must do.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "hookdir/doctor.h"
#include "hookdir/tool.h"

#define XFS_MAGIC   0x58465342
#define BTRFS_MAGIC 0x9123683e
#define ZFS_MAGIC   0x2fc12fc1

/* ext4: where the superblock is, and s_feature_compat in it. */
#define SUPERBLOCK   1024
#define COMPAT_AT    0x5c
#define HAS_JOURNAL  0x0004
#define FAST_COMMIT  0x0400
#define OPTIONS_SIZE 4096

static const struct {
	unsigned long magic;
	const char *name;
	enum verdict verdict;
	const char *text, *todo;
} kinds[] = {
	{ EXT4_SUPER_MAGIC, "ext4", DOCTOR_FINE, "", "" },
	{ XFS_MAGIC, "XFS", DOCTOR_FINE, "", "" },
	{ BTRFS_MAGIC, "btrfs", DOCTOR_FINE, "", "" },
	{ ZFS_MAGIC, "ZFS", DOCTOR_WARNING,
	    ", which hookdir was not tested with", "see hookdir-promise(7)" },
	{ TMPFS_MAGIC, "tmpfs", DOCTOR_CRITICAL,
	    ", in memory: a restart of the machine loses all messages",
	    "put the spool on a disk" },
	{ RAMFS_MAGIC, "ramfs", DOCTOR_CRITICAL,
	    ", in memory: a restart of the machine loses all messages",
	    "put the spool on a disk" },
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs", DOCTOR_CRITICAL,
	    ", which goes with its container", "put the spool in a volume" },
	{ NFS_SUPER_MAGIC, "NFS", DOCTOR_WARNING,
	    ", which keeps what its server keeps", "see hookdir-promise(7)" },
};

/* "sda1", as the kernel calls the device; "" where it has none. */
static void
name_device(dev_t device, char name[NAME_MAX + 1])
{
	char path[64], link[PATH_MAX], *last;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u",
	    major(device), minor(device));
	len = readlink(path, link, sizeof(link) - 1);
	link[len > 0 ? len : 0] = '\0';
	last = strrchr(link, '/');
	(void)snprintf(name, NAME_MAX + 1, "%s", last ? last + 1 : "");
}

static size_t
read_at(const char *path, char *room, size_t size, off_t at)
{
	struct error ignored = ERROR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd >= 0)
		(void)io_read_at(fd, room, size, at, &got, path, &ignored);
	io_discard(&fd);
	return got;
}

/* s_feature_compat of the device, or -1: only root can read it. */
static long
read_features(const char *name)
{
	char path[NAME_MAX + 16];
	unsigned char at[2];

	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	if (!name[0] ||
	    read_at(path, (char *)at, sizeof(at), SUPERBLOCK + COMPAT_AT) !=
		sizeof(at))
		return -1;
	return (long)at[0] | (long)at[1] << 8;
}

/* The options that the kernel says of it; "" where it says none. */
static void
read_options(const char *name, char options[OPTIONS_SIZE])
{
	char path[NAME_MAX + 32];
	size_t got;

	(void)snprintf(path, sizeof(path), "/proc/fs/ext4/%s/options", name);
	got = name[0] ? read_at(path, options, OPTIONS_SIZE - 1, 0) : 0;
	options[got] = '\0';
}

static void
look_at_ext4(struct doctor *doctor)
{
	char name[NAME_MAX + 1], options[OPTIONS_SIZE];
	struct stat st;
	long features;

	if (fstat(doctor->queue.root, &st) < 0)
		return;
	name_device(st.st_dev, name);
	features = read_features(name);
	read_options(name, options);
	if (features >= 0 ? !(features & HAS_JOURNAL)
			  : options[0] && !strstr(options, "data="))
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "tune2fs -O has_journal, while it is not mounted",
		    "ext4 without a journal, which has lost messages");
	else if (strstr(options, "nobarrier"))
		doctor_say(doctor, DOCTOR_CRITICAL,
		    "mount it without nobarrier",
		    "ext4 with nobarrier: a power cut can lose messages");
	else if (features >= 0 && features & FAST_COMMIT)
		doctor_say(doctor, DOCTOR_WARNING,
		    "tune2fs -O ^fast_commit, while it is not mounted",
		    "ext4 with fast_commit, which a power cut has made lose "
		    "messages");
	else if (strstr(options, "data=writeback"))
		doctor_say(doctor, DOCTOR_WARNING,
		    "mount it without data=writeback",
		    "ext4 with data=writeback: a power cut can bring back "
		    "messages with the content of others");
	else if (features < 0 && !options[0])
		doctor_say(doctor, DOCTOR_UNCHECKED, "run as root",
		    "ext4; only root can see whether it has a journal");
	else
		doctor_say(doctor, DOCTOR_FINE, "", "ext4 with a journal");
}

void
doctor_file_system(struct doctor *doctor)
{
	struct statfs fs;
	size_t i;

	if (fstatfs(doctor->queue.root, &fs) < 0) {
		doctor_unchecked(doctor, "cannot look at it");
		return;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((unsigned long)fs.f_type == kinds[i].magic)
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		doctor_say(doctor, DOCTOR_WARNING, "see hookdir-promise(7)",
		    "a file system that is not known here (0x%lx)",
		    (unsigned long)fs.f_type);
	else if (kinds[i].magic == EXT4_SUPER_MAGIC)
		look_at_ext4(doctor);
	else
		doctor_say(doctor, kinds[i].verdict, kinds[i].todo, "%s%s",
		    kinds[i].name, kinds[i].text);
}

static void
judge_room(struct doctor *doctor, uint64_t left, uint64_t all, const char *what)
{
	const struct threshold *room = &doctor->room;
	uint64_t percent = left / (all / 100 ? all / 100 : 1);
	enum verdict verdict = percent < room->critical ? DOCTOR_CRITICAL
	    : percent < room->warning			? DOCTOR_WARNING
							: DOCTOR_FINE;
	char text[TOOL_SHORT_SIZE];

	tool_short_size(left, text);
	doctor_say(doctor, verdict,
	    verdict == DOCTOR_FINE
		? ""
		: "a full disk refuses messages; remove something, or see "
		  "hookdir expire",
	    "%s %s are free (%llu %%)", text, what,
	    (unsigned long long)(percent > 100 ? 100 : percent));
}

void
doctor_room(struct doctor *doctor)
{
	struct statvfs fs;

	if (fstatvfs(doctor->queue.root, &fs) < 0)
		doctor_unchecked(doctor, "cannot look at it");
	else
		judge_room(doctor, (uint64_t)fs.f_bavail * fs.f_frsize,
		    (uint64_t)fs.f_blocks * fs.f_frsize, "bytes");
}

void
doctor_inodes(struct doctor *doctor)
{
	struct statvfs fs;

	if (fstatvfs(doctor->queue.root, &fs) < 0)
		doctor_unchecked(doctor, "cannot look at it");
	else if (fs.f_files == 0)
		doctor_say(doctor, DOCTOR_FINE, "", "no limit of inodes");
	else
		judge_room(doctor, fs.f_favail, fs.f_files, "inodes");
}
