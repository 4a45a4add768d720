/* SPDX-License-Identifier: MIT */
/*
 * heap - things of which the first is wanted, whatever their number
 */
#include "run/heap.h"

#include <stdlib.h>

static void
swap(struct heap *heap, size_t a, size_t b)
{
	void *thing = heap->at[a];

	heap->at[a] = heap->at[b];
	heap->at[b] = thing;
}

int
heap_add(struct heap *heap, void *thing, heap_before *before, struct error *err)
{
	size_t i = heap->count, size = heap->size ? heap->size * 2 : 1;
	void **grown;

	if (heap->count == heap->size) {
		grown = reallocarray(heap->at, size, sizeof(void *));
		if (!grown)
			return error_set(
			    err, ERROR_MEMORY, "no memory for names");
		heap->at = grown;
		heap->size = size;
	}
	heap->at[heap->count++] = thing;
	for (; i > 0 && before(thing, heap->at[(i - 1) / 2]); i = (i - 1) / 2)
		swap(heap, i, (i - 1) / 2);
	return 0;
}

void *
heap_take(struct heap *heap, heap_before *before)
{
	void *first = heap->at[0];
	size_t i = 0, child;

	heap->at[0] = heap->at[--heap->count];
	for (; (child = 2 * i + 1) < heap->count; i = child) {
		if (child + 1 < heap->count &&
		    before(heap->at[child + 1], heap->at[child]))
			child++;
		if (!before(heap->at[child], heap->at[i]))
			break;
		swap(heap, i, child);
	}
	return first;
}

void *
heap_take_any(struct heap *heap)
{
	return heap->at[--heap->count];
}

void
heap_free(struct heap *heap)
{
	free((void *)heap->at);
	*heap = (struct heap){ NULL, 0, 0 };
}
