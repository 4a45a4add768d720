/* SPDX-License-Identifier: MIT */
/*
 * fetch_api - ask Tradecloud's API: session, pace and answers
 *
 * Login and refresh answer tokens in headers; every other call shows the
 * access token. A token that is refused is renewed under the lock of the
 * session, unless somebody else has done so meanwhile.
 */
#include "net/fetch_api.h"

#include <string.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/secret.h"

#define LOGIN_PATH   "/v2/authentication/login"
#define REFRESH_PATH "/v2/authentication/refresh"
#define LOGIN_MAX    ((uint64_t)1 << 20) /* bytes of its body */
#define ID_MAX	     256
#define HEADER_MAX   ((size_t)FETCH_TOKEN_MAX + 64)

int
fetch_api_open(struct fetch_api *api, const struct spool *spool,
    const struct fetch_config *config, long timeout, unsigned rate,
    struct error *err)
{
	memset(api, 0, sizeof(*api));
	api->config = config;
	api->timeout = timeout;
	/* A little less than the rate: the way there may vary. */
	api->interval = 1050000 / (int64_t)rate;
	api->dir = -1;
	if (fetch_url_read(&api->base, span_of(config->base), err) < 0)
		return -1;
	if (!spool)
		return 0;
	api->dir = fetch_state_open(spool, err);
	return api->dir < 0 ? -1 : 0;
}

int
fetch_api_pace(const struct fetch_api *api, struct error *err)
{
	if (api->dir >= 0 && fetch_state_pace(api->dir, api->interval, err) < 0)
		return -1;
	return fetch_http_signal()
	    ? error_set(err, ERROR_INCOMPLETE, "stopped by a signal")
	    : 0;
}

void
fetch_api_close(struct fetch_api *api)
{
	fetch_url_free(&api->base);
	io_discard(&api->dir);
	secret_wipe(&api->session, sizeof(api->session));
}

bool
fetch_api_is_id(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] == '\0' ||
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789-_.~",
			text.at[i]))
			return false;
	return text.len > 0 && text.len <= ID_MAX && text.at[0] != '.';
}

static int
take_body(void *context, struct span part, struct error *err)
{
	struct buf *out = context;

	/* What login says beside its headers is of no use. */
	if (!out)
		return 0;
	buf_append_span(out, part);
	return buf_check(out, err);
}

/* One request with one header, when it is its turn. out may be NULL. */
static int
call(struct fetch_api *api, const char *path, const struct buf *header,
    struct buf *out, struct fetch_answer *answer, struct error *err)
{
	struct buf text = BUF_INIT(FETCH_URL_MAX);
	struct fetch_url url = FETCH_URL_INIT;
	struct fetch_request request = { .url = &url,
		.ca = api->config->ca,
		.anywhere = true,
		.max_size = out ? out->max - out->len : LOGIN_MAX,
		.timeout = api->timeout,
		.take = take_body,
		.context = out };
	int rc = -1;

	buf_append_text(&text, api->config->base);
	buf_append_text(&text, path);
	request.headers = curl_slist_append(NULL, header->at);
	if (!request.headers)
		(void)error_set(err, ERROR_MEMORY, "no memory");
	else if (buf_check(&text, err) == 0 &&
	    fetch_url_read(&url, buf_span(&text), err) == 0 &&
	    fetch_api_pace(api, err) == 0)
		rc = fetch_http(&request, answer, err);
	/* The list has a copy of the header. */
	if (request.headers)
		secret_wipe(request.headers->data, header->len);
	curl_slist_free_all(request.headers);
	fetch_url_free(&url);
	buf_free(&text);
	return rc;
}

/* What the operator can do about it, if anything. */
static const char *
meaning_of(long status)
{
	if (status >= 300 && status < 400)
		return ", a redirect, which is not followed: is base right?";
	if (status == 401)
		return ", although the token is new";
	if (status == 403)
		return ": the user may not read it";
	if (status == 404)
		return ": there is none, or the user may not read it";
	if (status == 429)
		return ": too many requests, see --rate";
	return "";
}

/* Of an answer that is not 200. */
static int
set_status_error(const char *path, long status, struct error *err)
{
	enum error_code code = ERROR_INCOMPLETE;

	/* 401 comes here only when a new token was refused as well. */
	if (status >= 400 && status < 500 && status != 401 && status != 408 &&
	    status != 425 && status != 429)
		code = ERROR_FORM;
	return error_set(err, code, "GET %.150s: status %ld%s", path, status,
	    meaning_of(status));
}

/* "Bearer TOKEN", or the token alone. */
static bool
take_token(const struct buf *header, char token[FETCH_TOKEN_MAX + 1])
{
	struct span text = buf_span(header);

	if (text.len > 7 && strncasecmp(text.at, "Bearer ", 7) == 0) {
		text.at += 7;
		text.len -= 7;
	}
	if (!fetch_state_is_token(text))
		return false;
	memcpy(token, text.at, text.len);
	token[text.len] = '\0';
	return true;
}

static int
take_session(struct fetch_api *api, const struct fetch_answer *answer,
    const char *path, struct error *err)
{
	if (!take_token(&answer->authorization, api->session.access))
		return error_set(err, ERROR_INCOMPLETE,
		    "GET %s: no token in the answer", path);
	/* Where there is no new one the old one stays. */
	(void)take_token(&answer->refresh, api->session.refresh);
	return 0;
}

static void
append_basic(struct buf *header, const struct fetch_config *config)
{
	struct buf pair =
	    BUF_INIT(sizeof(config->username) + sizeof(config->password) + 2);

	(void)buf_room(&pair, pair.max);
	buf_printf(&pair, "%s:%s", config->username, config->password);
	buf_append_text(header, "Authorization: Basic ");
	base64_encode(buf_span(&pair), header);
	header->failed |= pair.failed;
	secret_wipe(pair.at, pair.size);
	buf_free(&pair);
}

/* Ask for tokens; the header says who we are. *status: what was answered. */
static int
ask_tokens(struct fetch_api *api, const char *path, struct buf *header,
    long *status, struct error *err)
{
	struct fetch_answer answer;
	int rc = -1;

	fetch_answer_init(&answer);
	buf_append_byte(header, '\0');
	if (buf_check(header, err) == 0)
		rc = call(api, path, header, NULL, &answer, err);
	*status = answer.status;
	if (rc == 0 && answer.status == 200)
		rc = take_session(api, &answer, path, err);
	fetch_answer_free(&answer);
	return rc;
}

static int
login(struct fetch_api *api, struct error *err)
{
	struct buf header = BUF_INIT(HEADER_MAX);
	struct error refusal = ERROR_INIT;
	long status = 0;
	int rc;

	secret_wipe(&api->session, sizeof(api->session));
	(void)buf_room(&header, HEADER_MAX);
	append_basic(&header, api->config);
	rc = ask_tokens(api, LOGIN_PATH, &header, &status, err);
	secret_wipe(header.at, header.size);
	buf_free(&header);
	if (rc < 0 || status == 200)
		return rc;
	(void)set_status_error(LOGIN_PATH, status, &refusal);
	if (status == 401 || refusal.code == ERROR_FORM)
		return error_set(err, ERROR_CREDENTIALS,
		    "%.100s%s: status %ld for user %.60s: check username, "
		    "password and base",
		    api->config->base, LOGIN_PATH, status,
		    api->config->username);
	*err = refusal;
	return -1;
}

int
fetch_api_check(struct fetch_api *api, struct error *err)
{
	return login(api, err);
}

/* 0: renewed. 1: the API wants a login. */
static int
refresh(struct fetch_api *api, struct error *err)
{
	struct buf header = BUF_INIT(HEADER_MAX);
	long status = 0;
	int rc;

	if (api->session.refresh[0] == '\0')
		return 1;
	(void)buf_room(&header, HEADER_MAX);
	buf_printf(&header, "Refresh-Token: %s", api->session.refresh);
	rc = ask_tokens(api, REFRESH_PATH, &header, &status, err);
	secret_wipe(header.at, header.size);
	buf_free(&header);
	if (rc < 0 || status == 200)
		return rc;
	(void)set_status_error(REFRESH_PATH, status, err);
	if (status != 401 && err->code != ERROR_FORM)
		return -1;
	*err = (struct error)ERROR_INIT;
	return 1;
}

/* Two texts that end; what they say is secret. */
static bool
is_same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strlen(b) == len && secret_equal(a, b, len);
}

/*
 * Have a session that is not the one that was refused ("" for none):
 * somebody else's, or a new one.
 */
static int
renew(struct fetch_api *api, const char *refused, struct error *err)
{
	int fd = fetch_state_lock(api->dir, err), rc;

	if (fd < 0)
		return -1;
	rc = fetch_state_read(fd, api->config, &api->session, err);
	if (rc == 0 &&
	    (api->session.access[0] == '\0' ||
		is_same(api->session.access, refused))) {
		rc = api->session.access[0] == '\0' ? 1 : refresh(api, err);
		if (rc == 1)
			rc = login(api, err);
		if (rc == 0)
			rc = fetch_state_write(
			    fd, api->config, &api->session, err);
	}
	io_discard(&fd);
	return rc;
}

static int
ask(struct fetch_api *api, const char *path, struct buf *out,
    struct fetch_answer *answer, struct error *err)
{
	struct buf header = BUF_INIT(HEADER_MAX);
	int rc = -1;

	(void)buf_room(&header, HEADER_MAX);
	buf_printf(&header, "Authorization: Bearer %s", api->session.access);
	buf_append_byte(&header, '\0');
	if (buf_check(&header, err) == 0)
		rc = call(api, path, &header, out, answer, err);
	secret_wipe(header.at, header.size);
	buf_free(&header);
	return rc;
}

/* The same again with another session. */
static int
ask_again(struct fetch_api *api, const char *path, struct buf *out,
    struct fetch_answer *answer, struct error *err)
{
	char refused[FETCH_TOKEN_MAX + 1];
	int rc;

	memcpy(refused, api->session.access, sizeof(refused));
	rc = renew(api, refused, err);
	secret_wipe(refused, sizeof(refused));
	return rc < 0 ? -1 : ask(api, path, out, answer, err);
}

int
fetch_api_get(
    struct fetch_api *api, const char *path, struct buf *out, struct error *err)
{
	struct fetch_answer answer;
	int rc = 0;

	fetch_answer_init(&answer);
	if (api->session.access[0] == '\0')
		rc = renew(api, "", err);
	if (rc == 0)
		rc = ask(api, path, out, &answer, err);
	if (rc == 0 && answer.status == 401)
		rc = ask_again(api, path, out, &answer, err);
	if (rc == 0 && answer.status != 200)
		rc = set_status_error(path, answer.status, err);
	fetch_answer_free(&answer);
	return rc;
}
