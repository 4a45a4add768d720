/* SPDX-License-Identifier: MIT */
/*
 * form - what an endpoint of a sender needs, and what to type into the
 * sender's form
 */
#include "endpoint/form.h"

#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/secret.h"

#define KEY_BYTES 32

static const char *const shipmondo[] = {
	"In Shipmondo, Settings > API > Webhooks, add a webhook:",
	"Name: hookdir",
	"Endpoint: %u",
	"Key: %k",
	"Resource, action: such as Orders, create; one webhook for each pair, "
	"all with this endpoint and key",
	NULL,
};
static const char *const tradecloud[] = {
	"In Tradecloud One, as the connection's webhook:",
	"Webhook URL: %u",
	"Authentication: bearer",
	"Token: %k",
	NULL,
};
static const char *const nshift[] = {
	"In nShift Delivery, add a webhook for each event; the URL is secret:",
	"Name: hookdir",
	"URL, for Order created: %u/%k/order.created",
	"URL, for Order updated: %u/%k/order.updated",
	"URL, for Order deleted: %u/%k/order.deleted",
	"URL, for Shipment created: %u/%k/shipment.created",
	"Active: yes",
	NULL,
};
static const char *const standard[] = {
	"In the sender's settings, add an endpoint:",
	"Endpoint URL: %u",
	"Signing secret: %k",
	NULL,
};
static const char *const github[] = {
	"In the repository or organization, Settings > Webhooks > Add webhook:",
	"Payload URL: %u",
	"Content type: application/json",
	"Secret: %k",
	"SSL verification: enable",
	"Events: those that you want",
	NULL,
};
static const char *const shopify[] = {
	"In Shopify, Settings > Notifications > Webhooks, create a webhook:",
	"Event: the one that you want",
	"Format: JSON",
	"URL: %u",
	"Webhook API version: the latest stable one",
	"Signing key: %k",
	NULL,
};
static const char *const stripe[] = {
	"In Stripe, Developers > Webhooks, add an endpoint:",
	"Endpoint URL: %u",
	"Events: those that you want",
	"Signing secret: %k",
	NULL,
};
static const char *const generic[] = {
	"At the sender:",
	"URL: %u",
	"Method: POST",
	"Header: Authorization: Bearer %k",
	NULL,
};

static const struct form forms[] = {
	{ "shipmondo", FORM_SIGNED, "", false, false, NULL, shipmondo },
	{ "tradecloud", FORM_TOKEN, "", false, false, NULL, tradecloud },
	{ "nshift", FORM_URL, "", false, false, NULL, nshift },
	{ "standard-webhooks", FORM_SIGNED, "whsec_", true, true, NULL,
	    standard },
	/* GitHub sends up to 25 MB. */
	{ "github", FORM_SIGNED, "", false, false, "26214400", github },
	{ "shopify", FORM_SIGNED, "", false, true, NULL, shopify },
	{ "stripe", FORM_SIGNED, "whsec_", false, true, NULL, stripe },
	{ "generic", FORM_TOKEN, "", false, false, NULL, generic },
};

const struct form *
form_find(const char *sender)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].sender, sender) == 0)
			return &forms[i];
	return NULL;
}

int
form_make_key(const struct form *form, struct buf *key, struct error *err)
{
	char bytes[KEY_BYTES];
	struct span raw = { bytes, sizeof(bytes) };
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_system(err, "no random bytes");
	buf_append_text(key, form->prefix);
	if (form->base64)
		base64_encode(raw, key);
	for (i = 0; !form->base64 && i < sizeof(bytes); i++)
		buf_printf(key, "%02x", (unsigned char)bytes[i]);
	secret_wipe(bytes, sizeof(bytes));
	return buf_check(key, err);
}

static bool
fits(const struct form *form, char c)
{
	if (form->way == FORM_SIGNED)
		return (unsigned char)c >= ' ' && c != '\x7f' && c != '"' &&
		    c != '\\' && c != '$';
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c && strchr("._~-", c)) ||
	    (form->way == FORM_TOKEN && c && strchr("+/=", c));
}

int
form_check_key(const struct form *form, struct span key, struct error *err)
{
	size_t i;

	if (key.len == 0)
		return error_set(err, ERROR_CONFIGURATION, "the key is empty");
	for (i = 0; i < key.len; i++)
		if (!fits(form, key.at[i]))
			return error_set(err, ERROR_CONFIGURATION,
			    "the key has a character that this command does "
			    "not write into a configuration; see KEYS in "
			    "hookdir-add(1)");
	return 0;
}

enum sample
form_sample(const struct form *form, bool apache)
{
	static const enum sample all[][2] = {
		[FORM_SIGNED] = { SAMPLE_SIGNED_NGINX, SAMPLE_SIGNED_APACHE },
		[FORM_TOKEN] = { SAMPLE_TOKEN_NGINX, SAMPLE_TOKEN_APACHE },
		[FORM_URL] = { SAMPLE_URL_NGINX, SAMPLE_URL_APACHE },
	};

	return all[form->way][apache];
}

const char *
form_sample_word(const struct form *form)
{
	static const char *const words[] = { [FORM_SIGNED] = "shipmondo",
		[FORM_TOKEN] = "tradecloud",
		[FORM_URL] = "nshift" };

	return words[form->way];
}

const char *
form_modules(const struct form *form)
{
	static const char *const modules[] = {
		[FORM_SIGNED] = "alias asis env proxy proxy_fcgi",
		[FORM_TOKEN] =
		    ("alias asis env authn_core authz_core auth_basic "
		     "authn_file authz_user proxy proxy_fcgi setenvif"),
		[FORM_URL] = "alias asis env proxy proxy_fcgi rewrite setenvif",
	};

	return modules[form->way];
}

/* What is before and behind the key, and in front of them the path. */
struct pattern {
	const char *before, *path, *key, *after;
};

static const struct pattern *
pattern_of(const struct form *form, bool apache)
{
	static const struct pattern tokens[] = {
		{ "if ($http_authorization ~ \"^(?i:Bearer) +", "", "\\Q",
		    "\\E$\") { set $hookdir_tradecloud server; }" },
		{ "SetEnvIf Authorization \"^(?i:Bearer) +", "", "\\Q",
		    "\\E$\" HOOKDIR_AUTH=server" },
	};
	static const struct pattern urls[] = {
		{ "if ($uri ~ \"^", "%", "/\\Q",
		    "\\E(?:/([A-Za-z0-9._-]+)/?|/.*|)\\z\") "
		    "{ set $hookdir_event $1/; }" },
		{ "SetEnvIf Request_URI \"^", "%", "/\\Q",
		    "\\E(?:/([A-Za-z0-9._-]+)/?|/.*|)\\z\" "
		    "HOOKDIR_EVENT=$1 HOOKDIR_AUTH=server" },
	};

	return form->way == FORM_TOKEN ? &tokens[apache] : &urls[apache];
}

static void
write_path(const char *path, struct buf *out)
{
	for (; *path; path++)
		buf_printf(out, *path == '.' ? "[%c]" : "%c", *path);
}

void
form_write_key(const struct form *form, bool apache, const char *path,
    struct span key, bool previous, struct buf *out)
{
	const struct pattern *pattern = pattern_of(form, apache);

	if (form->way == FORM_SIGNED) {
		buf_printf(out, "%s HOOKDIR_KEY%s \"",
		    apache ? "SetEnv" : "fastcgi_param",
		    previous ? "_PREVIOUS" : "");
		buf_append_span(out, key);
		buf_append_text(out, apache ? "\"" : "\";");
		return;
	}
	buf_append_text(out, pattern->before);
	if (*pattern->path)
		write_path(path, out);
	buf_append_text(out, pattern->key);
	buf_append_span(out, key);
	buf_append_text(out, pattern->after);
}

static const char *
find(struct span in, const char *text)
{
	return in.len ? memmem(in.at, in.len, text, strlen(text)) : NULL;
}

bool
form_read_key(const struct form *form, struct span line, struct span *key)
{
	bool quoted = form->way == FORM_SIGNED;
	const char *at = find(line, quoted ? " \"" : "\\Q");
	const char *end;
	struct span rest;

	if (!at)
		return false;
	rest = span_skip(line, (size_t)(at + 2 - line.at));
	end = find(rest, quoted ? "\"" : "\\E");
	if (!end)
		return false;
	*key = (struct span){ rest.at, (size_t)(end - rest.at) };
	return true;
}
