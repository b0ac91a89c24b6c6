/* SPDX-License-Identifier: BSD-3-Clause */
/* What one partition has retrieved, and which descriptors it has been given for that. */
#ifndef VMSG_EMULATOR_SERVER_GRANTS_H
#define VMSG_EMULATOR_SERVER_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct grant;
struct known_bank;

struct grants {
	struct grant *sorted; /* by handle */
	size_t count;
	size_t capacity;
	struct known_bank *banks; /* in no order */
	size_t bank_count;
	size_t bank_capacity;
	uint32_t last_number;
};

/* The partition has retrieved `handle`: sends the first grant frame. */
void grants_add(struct connection *connection, uint64_t handle, bool writable);
/* It asks for the ranges from `first` on. */
void grants_continue(struct connection *connection, uint64_t handle, uint32_t first);
/* It has relinquished `handle`. */
void grants_remove(struct connection *connection, uint64_t handle);
/* A bank is gone: tells the partition to forget its numbers. */
void grants_forget_bank(struct connection *connection, uint64_t bank_id);
void grants_free(struct grants *grants);

#endif
