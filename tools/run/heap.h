/* SPDX-License-Identifier: MIT */
/*
 * heap - things of which the first is wanted, whatever their number
 *
 * A binary heap of pointers. What is before what is the caller's to say,
 * the same way for all of one heap.
 */
#ifndef HOOKDIR_HEAP_H
#define HOOKDIR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef bool heap_before(const void *a, const void *b);

/* All zeroes is an empty heap. The things stay the caller's. */
struct heap {
	void **at; /* at[0] is the first */
	size_t count, size;
};

/* -1: out of memory, and nothing was added. */
int heap_add(
    struct heap *heap, void *thing, heap_before *before, struct error *err);

/* Take the first; the heap must not be empty. */
void *heap_take(struct heap *heap, heap_before *before);

/* Take one that is not the first, unless that is the only one. */
void *heap_take_any(struct heap *heap);

/* Frees the heap, not the things. */
void heap_free(struct heap *heap);

#endif
