/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fetch_find - which documents does data refer to? Beside a tree
 */
#include "net/fetch_find.h"
#include "fuzz.h"

#include <jansson.h>

#include "net/fetch_url.h"

/* What the tree says, in the order of the text. */
struct wanted {
	struct {
		bool by_id;
		struct span text;
	} list[FETCH_REFERENCES_MAX];
	size_t count;
};

static bool
want_text(struct wanted *wanted, const json_t *element, bool by_id)
{
	const json_t *text =
	    json_object_get(element, by_id ? "objectId" : "url");
	struct span said;
	size_t i;

	if (!json_is_string(text) || !json_string_length(text))
		return false;
	said =
	    (struct span){ json_string_value(text), json_string_length(text) };
	if (said.len > FETCH_URL_MAX)
		said = span_of("?");
	for (i = 0; i < wanted->count; i++)
		if (wanted->list[i].by_id == by_id &&
		    fuzz_same(wanted->list[i].text, said))
			return true;
	CHECK(wanted->count < FETCH_REFERENCES_MAX);
	wanted->list[wanted->count].by_id = by_id;
	wanted->list[wanted->count++].text = said;
	return true;
}

static void
collect(struct wanted *wanted, json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member) collect(wanted, member);
	json_object_foreach(value, name, member)
	{
		const json_t *element;

		if (strcmp(name, "documents") == 0)
			json_array_foreach(
			    member, i, element) if (!want_text(wanted, element,
							true))(void)
			    want_text(wanted, element, false);
		collect(wanted, member);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wanted wanted;
	struct fetch_references found;
	struct error err = ERROR_INIT;
	struct json_value value, again;
	json_error_t why;
	struct input in;
	json_t *tree;
	struct span text;
	size_t i;

	input_start(&in, data, size);
	text = input_rest(&in);
	if (!json_scan(text, &value)) {
		input_end(&in);
		return 0;
	}
	CHECK(fetch_find(value, &found, &err) == 0 ||
	    (err.code == ERROR_FORM && size > 10000));
	tree = json_loadb(text.at, text.len,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	wanted.count = 0;
	collect(&wanted, tree);
	for (i = 0; i < found.count; i++) {
		CHECK(json_scan(found.list[i].element.raw, &again));
		CHECK(again.type == JSON_TYPE_OBJECT);
		CHECK(found.list[i].text.len &&
		    found.list[i].text.len <= FETCH_URL_MAX);
		CHECK(!tree || err.code ||
		    (i < wanted.count &&
			wanted.list[i].by_id == found.list[i].by_id &&
			fuzz_same(wanted.list[i].text,
			    buf_span(&found.list[i].text))));
	}
	CHECK(!tree || err.code || found.count == wanted.count);
	json_decref(tree);
	fetch_references_free(&found);
	input_end(&in);
	return 0;
}
