/* SPDX-License-Identifier: MIT */
/*
 * probe - does hookdir answer at the endpoint's URL?
 */
#ifndef ENDPOINT_PROBE_H
#define ENDPOINT_PROBE_H

#include "endpoint/endpoint.h"

/*
 * Have hookdir-net ask, at that address of this machine, and print what comes
 * of it. EX_OK: it is hookdir. EX_TEMPFAIL: it may be, but the receiver does
 * not run, nothing answered, or hookdir-net is not installed. EX_PROTOCOL:
 * something else answered.
 */
int probe(const struct endpoint *e, const char *address);

#endif
