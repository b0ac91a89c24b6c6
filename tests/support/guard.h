/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that ends at an unreadable page: reading a byte too far is a crash, sanitizer or not. */
#ifndef VMSG_TESTS_GUARD_H
#define VMSG_TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

#define GUARD_CAPACITY 65536u

struct guard {
	uint8_t *map;
	uint8_t *end; /* the unreadable page begins here */
};

void guard_open(struct guard *guard);
void guard_close(struct guard *guard);

/* `size` bytes that end at the guard page. */
uint8_t *guard_bytes(const struct guard *guard, size_t size);

#endif
