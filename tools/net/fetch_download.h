/* SPDX-License-Identifier: MIT */
/*
 * fetch_download - a document from an address that somebody else names
 *
 * Asked without any credentials. Each redirect, three at most, is held to
 * the same rules as the first address.
 */
#ifndef HOOKDIR_FETCH_DOWNLOAD_H
#define HOOKDIR_FETCH_DOWNLOAD_H

#include <openssl/evp.h>

#include "net/fetch_job.h"
#include "base/hmac.h"

struct fetch_download {
	int fd;		    /* to write to; the caller's */
	EVP_MD_CTX *digest; /* owned */
	uint64_t most;	    /* bytes that it may have */
	uint64_t size;
	char sha256[SHA256_HEX_SIZE];
	struct buf type; /* owned: what the answer calls it */
	long status;	 /* of the last answer */
	bool reached;	 /* the last server that was asked */
};

/* 0, or -1 and ERROR_CRYPTO. fetch_download_free() is due in both cases. */
int fetch_download_init(
    struct fetch_download *download, int fd, struct error *err);
void fetch_download_free(struct fetch_download *download);

/*
 * Fetch it. presigned: the API has named the address, and may name its own
 * host, wherever that is; else it must be one that the operator has named.
 * -1: ERROR_FORM or ERROR_TOO_LARGE when the document is not to be had from
 * there, ERROR_INCOMPLETE when trying again may help, or a fault of ours.
 * Nothing is written before the answer is 200.
 */
int fetch_download(const struct fetch_job *job, bool presigned,
    struct span address, struct fetch_download *download, struct error *err);

#endif
