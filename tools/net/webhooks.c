/* SPDX-License-Identifier: MIT */
/*
 * webhooks - list or create the webhooks of Shipmondo: the command line
 */
#include "net/webhooks.h"

#include <string.h>

#include <jansson.h>

#include "base/secret.h"
#include "hookdir/key_file.h"
#include "hookdir/tool.h"
#include "net/reconcile_options.h"
#include "net/webhooks_create.h"

#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MOST	3600

struct options {
	struct reconcile_options api;
	struct webhooks_plan plan;
	const char *key_file;
	const char *words[2];
};

static void
print_json(const struct webhook *webhook)
{
	json_t *object = json_pack("{s:I,s:s,s:s,s:s,s:s,s:b}", "id",
	    (json_int_t)webhook->id, "name", webhook->name.at, "endpoint",
	    webhook->endpoint.at, "resource", webhook->resource.at, "action",
	    webhook->action.at, "active", webhook->active);

	if (object)
		(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)printf("\n");
	json_decref(object);
}

/* Those that call the endpoint, or all where there is none. */
static void
list_all(const struct options *options, const struct webhooks *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (options->plan.endpoint &&
		    !webhook_points_to(&list->at[i], options->plan.endpoint))
			continue;
		if (options->api.json)
			print_json(&list->at[i]);
		else
			webhooks_print(&list->at[i]);
	}
}

static int
work(struct options *options, struct reconcile_api *api, struct error *err)
{
	struct webhooks list = WEBHOOKS_INIT;
	bool create = strcmp(options->words[1], "create") == 0;
	int rc = webhooks_read(&list, api, err);

	if (rc == 0 && !create)
		list_all(options, &list);
	if (rc == 0 && create && !options->plan.dry_run)
		rc = webhooks_check(api, &options->plan, err);
	if (rc == 0 && create)
		rc = webhooks_create(api, &options->plan, &list, err);
	webhooks_free(&list);
	return rc;
}

static int
choose_endpoint(struct options *options, const struct fetch_config *config,
    struct error *err)
{
	if (!options->plan.endpoint && config->endpoint[0])
		options->plan.endpoint = config->endpoint;
	if (options->plan.endpoint || strcmp(options->words[1], "list") == 0)
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
	    "%s: no endpoint; add a line \"endpoint = https://...\", or use "
	    "--endpoint",
	    options->api.config);
}

static int
run(struct options *options)
{
	struct fetch_config config = { .base = "" };
	struct reconcile_api api;
	struct buf key = BUF_INIT(KEY_FILE_MAX);
	struct error err = ERROR_INIT;
	int rc;

	reconcile_api_init(&api, &config, &options->api);
	rc = fetch_config_read(
	    &config, options->api.config, FETCH_CONFIG_SHIPMONDO, &err);
	if (rc == 0)
		rc = choose_endpoint(options, &config, &err);
	if (rc == 0 && options->key_file)
		rc = key_file_read(&key, options->key_file, &err);
	options->plan.key = buf_span(&key);
	if (rc == 0)
		rc = fetch_http_start(&err);
	if (rc == 0) {
		rc = work(options, &api, &err);
		fetch_http_stop();
	}
	secret_wipe(key.at, key.size);
	buf_free(&key);
	fetch_config_wipe(&config);
	return rc < 0 ? reconcile_fail(&err) : EX_OK;
}

static int
take_resources(unsigned *set, const char *text)
{
	struct span rest = span_of(text), word;

	while (span_cut(&rest, ',', &word))
		if (!webhooks_find_resource(word, set))
			return tool_usage("--resource: %.*s is none of orders, "
					  "shipments, drafts and monitor",
			    (int)word.len, word.at);
	return EX_OK;
}

static int
take_option(struct options *options, int option)
{
	switch (option) {
	case 'c':
		options->api.config = optarg;
		break;
	case 'e':
		options->plan.endpoint = optarg;
		break;
	case 'k':
		options->key_file = optarg;
		break;
	case 'r':
		return take_resources(&options->plan.resources, optarg);
	case 'N':
		options->plan.name = optarg;
		break;
	case 'o':
		options->plan.rotate = true;
		break;
	case 'n':
		options->plan.dry_run = true;
		break;
	case 'j':
		options->api.json = true;
		break;
	default:
		options->api.timeout = (long)tool_read_number(
		    "--timeout", optarg, 1, TIMEOUT_MOST);
	}
	return EX_OK;
}

static int
take_words(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "endpoint", required_argument, NULL, 'e' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "resource", required_argument, NULL, 'r' },
		{ "name", required_argument, NULL, 'N' },
		{ "rotate", no_argument, NULL, 'o' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, count = 0, code = EX_OK;

	while (code == EX_OK) {
		option = tool_option(argc, argv, names);
		if (option != -1)
			code = take_option(options, option);
		else if (optind >= argc)
			break;
		else if (count == 2)
			return tool_usage("too many arguments");
		else
			options->words[count++] = argv[optind++];
	}
	return code;
}

int
net_webhooks(int argc, char **argv)
{
	struct options options = { .api = { .config = RECONCILE_CONFIG,
				       .timeout = TIMEOUT_DEFAULT,
				       .rate = 5,
				       .retries = 3 },
		.plan = { .name = "hookdir" } };
	const char *verb;
	int code = take_words(&options, argc, argv);

	if (code != EX_OK)
		return code;
	verb = options.words[1];
	if (!options.words[0] || strcmp(options.words[0], "shipmondo") != 0)
		return tool_usage("the sender is wanted first: shipmondo is "
				  "the only one whose API is known");
	if (!verb || (strcmp(verb, "list") != 0 && strcmp(verb, "create") != 0))
		return tool_usage("list or create is wanted");
	if (strcmp(verb, "create") == 0 && !options.key_file)
		return tool_usage("--key-file is missing");
	if (options.plan.resources == 0)
		options.plan.resources = WEBHOOKS_ALL;
	code = run(&options);
	reconcile_end_by_signal();
	return code == EX_OK ? tool_finish(code) : code;
}
