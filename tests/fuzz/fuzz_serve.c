/* SPDX-License-Identifier: MIT */
/*
 * fuzz_serve - a whole request, from its parameters to the file
 *
 * A byte for the way the body comes, NAME=VALUE with a NUL behind each, an
 * empty one, and the body. The spool is a folder of this process, whatever
 * the input says. 200 has its file, anything else has none; the answer is
 * one that senders understand; and the log has one line.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "message/event.h"
#include "serve.h"
#include "stream.h"

#define PARAMS_MAX 64
#define LOG_START  "hookdir.fcgi: "
#define ANSWER_MAX (1u << 20)

static const char key_set[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static char place[128], spool_param[192], jwks_param[192];
static int spool = -1, log_file = -1, log_saved = -1;

static int
stream_write(void *connection, const char *bytes, size_t len)
{
	struct stream *s = connection;

	CHECK(!s->finished);
	buf_append(&s->answer, bytes, len);
	return 0;
}

static int
stream_finish(void *connection)
{
	struct stream *s = connection;

	s->finished++;
	return 0;
}

/* How many files a folder of the spool has; all are removed. */
static int
empty(const char *name)
{
	int fd = openat(spool, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int count = 0;
	DIR *list;

	if (fd < 0)
		return 0;
	list = fdopendir(fd);
	CHECK(list);
	while ((entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			count += unlinkat(fd, entry->d_name, 0) == 0;
	CHECK(closedir(list) == 0);
	return count;
}

static void
leave(void)
{
	static const char *const names[] = { "tmp", "new", "quarantine",
		"seen" };
	size_t i;

	for (i = 0; i < 4; i++) {
		(void)empty(names[i]);
		(void)unlinkat(spool, names[i], AT_REMOVEDIR);
	}
	if (chdir(place) == 0) {
		(void)unlink("jwks");
		(void)rmdir("spool");
	}
	(void)rmdir(place);
}

static void
start(void)
{
	const char *top = getenv("TMPDIR");
	char path[160];
	int fd;

	(void)snprintf(place, sizeof(place), "%.80s/hookdir-fuzz-XXXXXX",
	    top && *top == '/' ? top : "/tmp");
	CHECK(mkdtemp(place));
	(void)snprintf(path, sizeof(path), "%s/jwks", place);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write(fd, key_set, sizeof(key_set) - 1) ==
	    (ssize_t)sizeof(key_set) - 1);
	CHECK(close(fd) == 0);
	(void)snprintf(jwks_param, sizeof(jwks_param), "HOOKDIR_JWKS=%s", path);
	(void)snprintf(path, sizeof(path), "%s/spool", place);
	CHECK(mkdir(path, 0700) == 0);
	spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(spool >= 0);
	(void)snprintf(
	    spool_param, sizeof(spool_param), "HOOKDIR_SPOOL=%s", path);
	CHECK(atexit(leave) == 0);
	log_file = memfd_create("log", MFD_CLOEXEC);
	log_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	CHECK(log_file >= 0 && log_saved >= 0);
}

static const char *
replaced(const char *param)
{
	if (strncmp(param, "HOOKDIR_SPOOL=", 14) == 0)
		return spool_param;
	if (strncmp(param, "HOOKDIR_JWKS=", 13) == 0)
		return jwks_param;
	return param;
}

/*
 * Whole lines, and nothing in them that a terminal or a reader takes ill. None
 * where too many calls like this one have been refused.
 */
static void
check_log(void)
{
	char text[8192];
	ssize_t i, len = pread(log_file, text, sizeof(text), 0);

	if (len == 0)
		return;
	CHECK(len > 0 && len < (ssize_t)sizeof(text) && text[len - 1] == '\n');
	text[len - 1] = '\0';
	CHECK(strncmp(text, LOG_START, strlen(LOG_START)) == 0);
	for (i = 0; i < len - 1; i++)
		if (text[i] == '\n')
			CHECK(strncmp(text + i + 1, LOG_START,
				  strlen(LOG_START)) == 0);
		else
			CHECK(text[i] >= ' ' && text[i] <= '~');
}

/* The body of an answer, NUL-terminated; the head has been looked at. */
static const char *
check_head(const struct buf *answer, int *status)
{
	const char *end = strstr(answer->at, "\r\n\r\n"), *line, *next;

	CHECK(end);
	CHECK(strncmp(answer->at, "Status: ", 8) == 0);
	*status = (int)strtol(answer->at + 8, NULL, 10);
	for (line = answer->at; line < end + 2; line = next + 2) {
		next = strstr(line, "\r\n");
		CHECK(next && memchr(line, ':', (size_t)(next - line)));
		for (; line < next; line++)
			CHECK(*line >= ' ' && *line <= '~');
	}
	return end + 4;
}

/* The file in new/ is the event of that id. */
static void
check_file(const char *id)
{
	int fd = openat(spool, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct error err = ERROR_INIT;
	struct dirent *entry;
	struct event event;
	int count = 0, file;

	CHECK(list);
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		file = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC);
		event_init(&event);
		CHECK(event_read(&event, file, &err) == 0);
		CHECK(span_is(event_get(&event, EVENT_ID), id));
		event_free(&event);
		CHECK(close(file) == 0);
	}
	CHECK(closedir(list) == 0);
	CHECK(count == 1);
}

/* Of a handshake nothing is stored, but a call that gives a key is kept. */
static void
check_handshake(int status)
{
	CHECK(status == 200);
	CHECK(empty("new") == 0);
	CHECK(empty("quarantine") <= 1);
	CHECK(empty("tmp") == 0);
}

/* HOOKDIR_ANSWER empty, or the sender's */
static void
check_empty(int status, const char *text)
{
	CHECK(*text == '\0');
	CHECK(empty("new") <= (status == 200));
	CHECK(empty("quarantine") <=
	    (status == 400 || status == 401 || status == 403));
	CHECK(empty("tmp") == 0);
}

static void
check_answer(const struct stream *s)
{
	json_error_t why;
	json_t *root;
	const char *text, *word;
	int status;

	text = check_head(&s->answer, &status);
	if (strstr(s->answer.at, "\r\nX-Content-Type-Options: nosniff\r\n")) {
		check_handshake(status);
		return;
	}
	if (strstr(s->answer.at, "\r\nContent-Type: text/plain\r\n")) {
		check_empty(status, text);
		return;
	}
	root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	CHECK(json_is_object(root));
	word = json_string_value(json_object_get(root, "status"));
	if (status == 200 && word) {
		CHECK(strcmp(word, "accepted") == 0 ||
		    strcmp(word, "duplicate") == 0);
		if (strcmp(word, "accepted") == 0)
			check_file(
			    json_string_value(json_object_get(root, "id")));
		else
			CHECK(empty("new") == 0);
		CHECK(empty("quarantine") == 0);
	} else if (status == 200) {
		CHECK(json_object_get(root, "access_token"));
		CHECK(empty("new") == 0);
	} else {
		CHECK(status == 400 || status == 401 || status == 403 ||
		    status == 405 || status == 413 || status == 503);
		CHECK(empty("new") == 0);
		CHECK(empty("quarantine") <=
		    (status == 400 || status == 401 || status == 403));
	}
	CHECK(empty("tmp") == 0);
	json_decref(root);
}

static void
call(const struct request *rq, struct stream *s, struct span body)
{
	s->left = body;
	s->answer = (struct buf)BUF_INIT(ANSWER_MAX);
	s->finished = 0;
	CHECK(ftruncate(log_file, 0) == 0);
	CHECK(lseek(log_file, 0, SEEK_SET) == 0);
	CHECK(dup2(log_file, STDERR_FILENO) == STDERR_FILENO);
	serve(rq);
	CHECK(dup2(log_saved, STDERR_FILENO) == STDERR_FILENO);
	CHECK(s->finished == 1);
	buf_append_byte(&s->answer, '\0');
	CHECK(!s->answer.failed && strlen(s->answer.at) == s->answer.len - 1);
	check_log();
	check_answer(s);
	(void)empty("new");
	buf_free(&s->answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *params[PARAMS_MAX + 1];
	struct transport transport = { .read = stream_read,
		.write = stream_write,
		.finish = stream_finish,
		.turn = stream_turn,
		.is_late = stream_is_late };
	struct stream stream = { .piece = 1 };
	struct request rq = {
		.transport = &transport, .connection = &stream, .params = params
	};
	bool again = false;
	size_t count = 0;
	struct input in;
	struct span body;
	unsigned how;

	if (spool < 0)
		start();
	input_start(&in, data, size);
	how = input_byte(&in);
	transport.has_end = how & 1;
	stream.breaks = how & 2;
	rq.broken = how & 4;
	stream.piece = 1 + (how >> 3) * 137;
	while (count < PARAMS_MAX) {
		params[count] = (char *)(uintptr_t)replaced(input_text(&in));
		if (params[count][0] == '\0')
			break;
		again |= strncmp(params[count], "HOOKDIR_DEDUP=", 14) == 0;
		count++;
	}
	params[count] = NULL;
	body = input_rest(&in);
	call(&rq, &stream, body);
	/* A second time it may be a repeat of what was taken away since. */
	if (again)
		call(&rq, &stream, body);
	(void)empty("seen");
	input_end(&in);
	return 0;
}
