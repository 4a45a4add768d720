/* SPDX-License-Identifier: MIT */
/*
 * replay - run each target over the files of its corpus
 *
 * For compilers without libFuzzer, and for every build of the tests. One
 * test a target, in a process of its own: one that crashes is one that fails,
 * and says over which file. With arguments it is one target and its files.
 * FUZZCORPUS names another folder than tests/fuzz/corpus.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int target_function(const uint8_t *data, size_t size);

/* REPLAY_TARGETS is what fuzz.mk found: T(base64) T(clock) ... */
#define T(name) target_function target_##name;
REPLAY_TARGETS
#undef T

static const struct target {
	const char *name;
	target_function *run;
} targets[] = {
#define T(name) { #name, target_##name },
	REPLAY_TARGETS
#undef T
};

#define TARGETS	   (sizeof(targets) / sizeof(targets[0]))
#define INPUT_MAX  (4 << 20)
#define CORPUS_MIN 8 /* files; a target with fewer has lost its seeds */

/* What it is at, for whoever comes after it; shared with the parent. */
static char *at_file;

static uint8_t *
read_file(int dir, const char *name, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	struct stat st;

	*len = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= INPUT_MAX) {
		bytes = malloc(st.st_size ? (size_t)st.st_size : 1);
		*len = (size_t)st.st_size;
	}
	if (bytes && read(fd, bytes, *len) != (ssize_t)*len) {
		free(bytes);
		bytes = NULL;
	}
	if (fd >= 0)
		(void)close(fd);
	return bytes;
}

static bool
replay_file(const struct target *target, int dir, const char *name)
{
	size_t len;
	uint8_t *bytes = read_file(dir, name, &len);

	if (!bytes) {
		(void)printf("# cannot read %s\n", name);
		return false;
	}
	if (at_file)
		(void)snprintf(at_file, NAME_MAX + 1, "%s", name);
	(void)target->run(bytes, len);
	free(bytes);
	return true;
}

static int
replay_files(const struct target *target, int count, char **names)
{
	int i;

	for (i = 0; i < count; i++)
		if (!replay_file(target, AT_FDCWD, names[i]))
			return 1;
	(void)printf("# %s: %d files\n", target->name, count);
	return 0;
}

/* In a process of its own. The exit status says how it went. */
static int
replay_corpus(const struct target *target, const char *path)
{
	DIR *list = opendir(path);
	struct dirent *entry;
	int count = 0, bad = 0;

	if (!list) {
		(void)printf("# no folder %s\n", path);
		return 1;
	}
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		bad += !replay_file(target, dirfd(list), entry->d_name);
	}
	(void)closedir(list);
	(void)printf("# %s: %d files\n", target->name, count);
	return bad || count < CORPUS_MIN;
}

static bool
replay(const struct target *target, const char *corpus)
{
	char path[1024];
	int status = -1;
	pid_t child;

	(void)snprintf(path, sizeof(path), "%s/%s", corpus, target->name);
	(void)fflush(stdout);
	child = fork();
	if (child == 0)
		exit(replay_corpus(target, path));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (WIFSIGNALED(status))
		(void)printf("# %s/%s: ended by signal %d\n", path, at_file,
		    WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(int argc, char **argv)
{
	const char *corpus = getenv("FUZZCORPUS");
	size_t i, failed = 0;
	bool good;

	for (i = 0; argc > 1 && i < TARGETS; i++)
		if (strcmp(argv[1], targets[i].name) == 0)
			return replay_files(&targets[i], argc - 2, argv + 2);
	if (argc > 1)
		return 2;
	at_file = mmap(NULL, NAME_MAX + 1, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at_file == MAP_FAILED)
		return 2;
	(void)printf("1..%zu\n", TARGETS);
	for (i = 0; i < TARGETS; i++) {
		good =
		    replay(&targets[i], corpus ? corpus : "tests/fuzz/corpus");
		failed += !good;
		(void)printf("%sok %zu - %s: every file of the corpus\n",
		    good ? "" : "not ", i + 1, targets[i].name);
	}
	return failed != 0;
}
