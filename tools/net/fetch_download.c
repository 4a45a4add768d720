/* SPDX-License-Identifier: MIT */
/*
 * fetch_download - a document from an address that somebody else names
 */
#include "net/fetch_download.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"

#define REDIRECTS_MAX 3
#define HTTPS_PORT    443

int
fetch_download_init(struct fetch_download *download, int fd, struct error *err)
{
	memset(download, 0, sizeof(*download));
	download->fd = fd;
	download->type.max = FETCH_HEADER_MAX;
	download->digest = EVP_MD_CTX_new();
	if (!download->digest ||
	    EVP_DigestInit_ex(download->digest, EVP_sha256(), NULL) != 1)
		return error_set(err, ERROR_CRYPTO, "SHA-256 failed");
	return 0;
}

void
fetch_download_free(struct fetch_download *download)
{
	EVP_MD_CTX_free(download->digest);
	download->digest = NULL;
	buf_free(&download->type);
}

static int
take_part(void *context, struct span part, struct error *err)
{
	struct fetch_download *download = context;
	struct iovec piece = { (void *)(uintptr_t)part.at, part.len };

	if (EVP_DigestUpdate(download->digest, part.at, part.len) != 1)
		return error_set(err, ERROR_CRYPTO, "SHA-256 failed");
	download->size += part.len;
	return io_write_all(download->fd, &piece, 1, "a document", err);
}

static int
finish_digest(struct fetch_download *download, struct error *err)
{
	unsigned char bytes[SHA256_SIZE];
	unsigned len, i;

	if (EVP_DigestFinal_ex(download->digest, bytes, &len) != 1 ||
	    len != sizeof(bytes))
		return error_set(err, ERROR_CRYPTO, "SHA-256 failed");
	for (i = 0; i < sizeof(bytes); i++)
		(void)snprintf(download->sha256 + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* Has the operator named this host? */
static bool
is_named(const struct fetch_job *job, const struct fetch_url *url)
{
	size_t i;

	for (i = 0; i < job->options->host_count; i++)
		if (fetch_url_matches(url, job->options->hosts[i]))
			return true;
	return false;
}

/* May it be asked, and *anywhere? Each hop comes past here. */
static int
judge(const struct fetch_job *job, bool presigned, const struct fetch_url *url,
    bool *anywhere, struct error *err)
{
	*anywhere = presigned && fetch_url_same_origin(url, &job->api.base);
	if (*anywhere || is_named(job, url))
		return 0;
	if (!presigned)
		return error_set(
		    err, ERROR_FORM, "%.100s: host not allowed", url->host);
	if (url->port != HTTPS_PORT)
		return error_set(err, ERROR_FORM, "%.100s: port %u not allowed",
		    url->host, url->port);
	return 0;
}

/* What an answer means. 1: it points elsewhere, and url now does as well. */
static int
look_at(
    struct fetch_url *url, const struct fetch_answer *answer, struct error *err)
{
	long status = answer->status;
	bool passing =
	    status >= 500 || status == 408 || status == 425 || status == 429;

	if (status == 200)
		return 0;
	if ((status >= 301 && status <= 303) || status == 307 ||
	    status == 308) {
		if (answer->location.len == 0)
			return error_set(err, ERROR_FORM,
			    "%.100s: status %ld without a usable Location",
			    url->host, status);
		if (fetch_url_follow(url, buf_span(&answer->location), err) < 0)
			return -1;
		return 1;
	}
	return error_set(err, passing ? ERROR_INCOMPLETE : ERROR_FORM,
	    "%.100s: status %ld", url->host, status);
}

/* One hop; as look_at(). */
static int
hop(const struct fetch_job *job, bool presigned, struct fetch_url *url,
    struct fetch_download *download, struct error *err)
{
	struct fetch_request request = { .url = url,
		.ca = job->config->ca,
		.max_size = download->most,
		.timeout = job->options->timeout,
		.take = take_part,
		.context = download };
	struct fetch_answer answer;
	int rc;

	if (judge(job, presigned, url, &request.anywhere, err) < 0)
		return -1;
	/* What the API's own host is asked counts as a request to the API. */
	if (request.anywhere && fetch_api_pace(&job->api, err) < 0)
		return -1;
	fetch_answer_init(&answer);
	rc = fetch_http(&request, &answer, err);
	download->status = answer.status;
	download->reached = answer.reached;
	/* What does not verify now will not do so in an hour. */
	if (rc < 0 && answer.untrusted)
		err->code = ERROR_FORM;
	if (rc == 0)
		rc = look_at(url, &answer, err);
	if (rc == 0)
		buf_append_span(&download->type, buf_span(&answer.type));
	fetch_answer_free(&answer);
	return rc == 0 ? buf_check(&download->type, err) : rc;
}

int
fetch_download(const struct fetch_job *job, bool presigned, struct span address,
    struct fetch_download *download, struct error *err)
{
	struct fetch_url url;
	int rc, hops = 0;

	rc = fetch_url_read(&url, address, err);
	if (rc == 0)
		do {
			rc = hop(job, presigned, &url, download, err);
		} while (rc == 1 && hops++ < REDIRECTS_MAX);
	if (rc == 1)
		rc = error_set(err, ERROR_FORM,
		    "%.100s: more than %d redirects", url.host, REDIRECTS_MAX);
	fetch_url_free(&url);
	return rc == 0 ? finish_digest(download, err) : -1;
}
