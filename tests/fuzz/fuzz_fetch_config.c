/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fetch_config - the file with base address and credentials
 */
#include "net/fetch_config.h"

#include <strings.h>
#include <sys/stat.h>

#include "fuzz.h"

static bool
is_line_of(const char *value, struct span text)
{
	return value[0] && !strchr(value, '\n') &&
	    memmem(text.at, text.len, value, strlen(value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct fetch_config config;
	struct span text;
	struct input in;
	char path[64];
	int fd;

	input_start(&in, data, size);
	text = input_rest(&in);
	fd = fuzz_file(text);
	CHECK(fchmod(fd, 0600) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fetch_config_read(&config, path, FETCH_CONFIG_TRADECLOUD, &err) ==
	    0) {
		/* libcurl takes one slash for two, and so may we. */
		CHECK(strncasecmp(config.base, "https:/", 7) == 0);
		CHECK(config.base[strlen(config.base) - 1] != '/');
		CHECK(!strpbrk(config.base, "?#\r\n"));
		CHECK(is_line_of(config.username, text));
		CHECK(is_line_of(config.password, text));
		CHECK(!strchr(config.username, ':'));
	} else {
		CHECK(err.code == ERROR_CONFIGURATION);
		CHECK(strncmp(err.text, path, strlen(path)) == 0);
	}
	fetch_config_wipe(&config);
	input_end(&in);
	return 0;
}
