/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/guard.h"

#include <sys/mman.h>

#include "support/cmocka.h"

#define PAGE 4096u

void guard_open(struct guard *guard)
{
	guard->map = mmap(NULL, GUARD_CAPACITY + PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(guard->map != MAP_FAILED);
	guard->end = guard->map + GUARD_CAPACITY;
	assert_int_equal(mprotect(guard->end, PAGE, PROT_NONE), 0);
}

void guard_close(struct guard *guard)
{
	assert_int_equal(munmap(guard->map, GUARD_CAPACITY + PAGE), 0);
}

uint8_t *guard_bytes(const struct guard *guard, size_t size)
{
	assert_true(size <= GUARD_CAPACITY);
	return guard->end - size;
}
