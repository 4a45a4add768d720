/* SPDX-License-Identifier: MIT */
/*
 * send_url - the URL of a command line, in which a key may have a place
 */
#include "net/send_url.h"

#include <string.h>

#include "base/secret.h"
#include "base/uri.h"
#include "hookdir/tool.h"

int
send_url_read(
    struct fetch_url *url, const char *text, struct span key, struct error *err)
{
	struct buf filled = BUF_INIT(FETCH_URL_MAX);
	const char *mark = strstr(text, SEND_URL_KEY);
	int rc;

	if (mark && key.len == 0)
		return error_set(err, ERROR_FORM,
		    SEND_URL_KEY " in the URL needs --key-file");
	buf_append(&filled, text, mark ? (size_t)(mark - text) : strlen(text));
	if (mark) {
		uri_append(&filled, key, "");
		buf_append_text(&filled, mark + strlen(SEND_URL_KEY));
	}
	rc = buf_check(&filled, err);
	if (rc == 0)
		rc = fetch_url_read(url, buf_span(&filled), err);
	if (filled.at)
		secret_wipe(filled.at, filled.size);
	buf_free(&filled);
	return rc;
}

int
send_url_resolve(struct send_peer *peer, const char *text)
{
	const char *port = strchr(text, ':');
	struct curl_slist *list;

	if (!port || !strchr(port + 1, ':') || port == text)
		return tool_usage(
		    "--resolve: %s is not HOST:PORT:ADDRESS", text);
	list = curl_slist_append(peer->resolve, text);
	if (!list)
		return tool_fail(EX_OSERR, "no memory");
	peer->resolve = list;
	return EX_OK;
}
