/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grants of one connection. Invariants: a grant exists exactly while its partition holds the
 * region, so the region and its banks exist; a descriptor is sent once per bank and access, and its
 * number is known to both sides until the bank itself is gone.
 */
#include "server/grants.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/internal.h"

/* A bank under the number that this connection knows it by. */
struct known_bank {
	uint64_t id;
	uint32_t number;
	bool writable;
};

struct grant {
	uint64_t handle;
	bool writable;
};

#define PIECES_MAX ((VMSG_WIRE_FRAME_MAX - VMSG_WIRE_GRANT_SIZE) / VMSG_WIRE_PIECE_SIZE)

/* A grant frame being put together. */
struct draft {
	struct vmsg_wire_grant head;
	size_t size;
	uint32_t banks[VMSG_WIRE_BANKS_MAX];
	int descriptors[VMSG_WIRE_BANKS_MAX];
	struct vmsg_wire_piece pieces[PIECES_MAX];
};

/* Index of the first grant with at least this handle. */
static size_t lower_bound(const struct grants *grants, uint64_t handle)
{
	size_t low = 0;
	size_t high = grants->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (grants->sorted[middle].handle < handle) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static const struct grant *find(const struct grants *grants, uint64_t handle)
{
	const size_t index = lower_bound(grants, handle);

	return index < grants->count && grants->sorted[index].handle == handle
		       ? &grants->sorted[index]
		       : NULL;
}

static bool insert(struct grants *grants, uint64_t handle, bool writable)
{
	if (grants->count == grants->capacity) {
		const size_t capacity = grants->capacity ? grants->capacity * 2 : 8;
		struct grant *grown = realloc(grants->sorted, capacity * sizeof(*grown));
		if (!grown) {
			return false;
		}
		grants->sorted = grown;
		grants->capacity = capacity;
	}
	const size_t index = lower_bound(grants, handle);
	if (index < grants->count && grants->sorted[index].handle == handle) {
		/* of a donation, whose handle has been given again */
		grants->sorted[index].writable = writable;
		return true;
	}
	memmove(&grants->sorted[index + 1], &grants->sorted[index],
		(grants->count - index) * sizeof(*grants->sorted));
	grants->sorted[index] = (struct grant){ .handle = handle, .writable = writable };
	grants->count++;
	return true;
}

static const struct known_bank *find_bank(const struct grants *grants, uint64_t id, bool writable)
{
	for (size_t i = 0; i < grants->bank_count; i++) {
		if (grants->banks[i].id == id && grants->banks[i].writable == writable) {
			return &grants->banks[i];
		}
	}
	return NULL;
}

static const struct known_bank *add_bank(struct grants *grants, uint64_t id, bool writable)
{
	if (grants->bank_count == grants->bank_capacity) {
		const size_t capacity = grants->bank_capacity ? grants->bank_capacity * 2 : 8;
		struct known_bank *grown = realloc(grants->banks, capacity * sizeof(*grown));
		if (!grown) {
			return NULL;
		}
		grants->banks = grown;
		grants->bank_capacity = capacity;
	}
	struct known_bank *bank = &grants->banks[grants->bank_count++];
	*bank = (struct known_bank){ .id = id,
				     .writable = writable,
				     .number = ++grants->last_number };
	return bank;
}

/* A descriptor with the access that was granted. Who gets a read-only one could open the same
 * memory again as the same user: this guards against mistakes, not against malice. */
static int open_descriptor(const struct bank *bank, bool writable)
{
	char path[32];

	if (writable) {
		return fcntl(bank->fd, F_DUPFD_CLOEXEC, 0);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", bank->fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Number under which the partition knows the bank, with its descriptor added to the frame if it
 * does not know it yet. 0 when out of memory or descriptors. */
static uint32_t name_bank(struct grants *grants, const struct bank *bank, bool writable,
			  struct draft *draft)
{
	const struct known_bank *known = find_bank(grants, bank->id, writable);

	if (known) {
		return known->number;
	}
	const int descriptor = open_descriptor(bank, writable);
	known = descriptor < 0 ? NULL : add_bank(grants, bank->id, writable);
	if (!known) {
		if (descriptor >= 0) {
			close(descriptor);
		}
		return 0;
	}
	draft->banks[draft->head.bank_count] = known->number;
	draft->descriptors[draft->head.bank_count++] = descriptor;
	draft->size += VMSG_WIRE_GRANT_BANK_SIZE;
	return known->number;
}

/* A piece for each bank that the range touches. */
static bool add_range(struct vmsg_server *server, struct grants *grants, bool writable,
		      struct vmsg_ffa_range range, struct draft *draft)
{
	while (range.pages > 0) {
		const struct bank *bank = bank_map_find_any(&server->banks, range.address);
		if (!bank) {
			return false;
		}
		const uint64_t rest =
			(bank->address + bank->size - range.address) / VMSG_WIRE_PAGE_SIZE;
		const uint32_t pages = range.pages < rest ? range.pages : (uint32_t)rest;
		const uint32_t number = name_bank(grants, bank, writable, draft);
		if (number == 0) {
			return false;
		}
		draft->pieces[draft->head.piece_count++] = (struct vmsg_wire_piece){
			.address = range.address,
			.offset = range.address - bank->address,
			.pages = pages,
			.bank = number,
		};
		draft->size += VMSG_WIRE_PIECE_SIZE;
		range.address += (uint64_t)pages * VMSG_WIRE_PAGE_SIZE;
		range.pages -= pages;
	}
	return true;
}

/* Largest growth of a frame by this range. */
static size_t range_size(const struct vmsg_server *server, struct vmsg_ffa_range range)
{
	const uint64_t end = range.address + (uint64_t)range.pages * VMSG_WIRE_PAGE_SIZE;
	size_t size = 0;

	for (uint64_t at = range.address; at < end;) {
		const struct bank *bank = bank_map_find_any(&server->banks, at);
		size += VMSG_WIRE_PIECE_SIZE + VMSG_WIRE_GRANT_BANK_SIZE;
		at = bank ? bank->address + bank->size : end;
	}
	return size;
}

/* As many ranges from `first` on as one frame holds: at least one, since the pieces of a range are
 * at most VMSG_WIRE_BANKS_MAX. */
static bool fill(struct vmsg_server *server, struct grants *grants, const struct grant *grant,
		 uint32_t first, struct draft *draft)
{
	struct vmsg_ffa_range range;

	draft->head = (struct vmsg_wire_grant){
		.handle = grant->handle,
		.total = spmc_region_range_count(server->spmc, grant->handle),
		.first = first,
		.next = first,
	};
	draft->size = VMSG_WIRE_GRANT_SIZE;
	while (spmc_region_range(server->spmc, grant->handle, draft->head.next, &range) &&
	       draft->size + range_size(server, range) <= VMSG_WIRE_FRAME_MAX) {
		if (!add_range(server, grants, grant->writable, range, draft)) {
			return false;
		}
		draft->head.next++;
	}
	return true;
}

static void send_ranges(struct connection *connection, const struct grant *grant, uint32_t first)
{
	struct draft draft;
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	if (fill(connection->server, &connection->grants, grant, first, &draft)) {
		const size_t size = vmsg_wire_encode_grant(
			frame, grant->writable ? VMSG_WIRE_GRANT_WRITABLE : 0, &draft.head,
			draft.banks, draft.pieces);
		connection_send(connection, frame, size, draft.descriptors, draft.head.bank_count);
	} else {
		for (size_t i = 0; i < draft.head.bank_count; i++) {
			close(draft.descriptors[i]);
		}
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "no memory or descriptor left to grant 0x%llx",
				  (unsigned long long)grant->handle);
	}
}

static void send_revoked(struct connection *connection, uint64_t handle, const uint32_t *banks,
			 uint16_t bank_count)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const struct vmsg_wire_grant head = { .handle = handle, .bank_count = bank_count };

	const size_t size =
		vmsg_wire_encode_grant(frame, VMSG_WIRE_GRANT_REVOKED, &head, banks, NULL);
	connection_send(connection, frame, size, NULL, 0);
}

void grants_add(struct connection *connection, uint64_t handle, bool writable)
{
	if (!insert(&connection->grants, handle, writable)) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "the manager is out of memory");
		return;
	}
	send_ranges(connection, &(struct grant){ .handle = handle, .writable = writable }, 0);
}

void grants_continue(struct connection *connection, uint64_t handle, uint32_t first)
{
	const struct grant *grant = find(&connection->grants, handle);

	if (grant) {
		send_ranges(connection, grant, first);
	} else {
		send_revoked(connection, handle, NULL, 0);
	}
}

void grants_remove(struct connection *connection, uint64_t handle)
{
	struct grants *grants = &connection->grants;
	const size_t index = lower_bound(grants, handle);

	if (index < grants->count && grants->sorted[index].handle == handle) {
		grants->count--;
		memmove(&grants->sorted[index], &grants->sorted[index + 1],
			(grants->count - index) * sizeof(*grants->sorted));
	}
}

void grants_forget_bank(struct connection *connection, uint64_t bank_id)
{
	struct grants *grants = &connection->grants;
	uint32_t numbers[2]; /* writable and not */
	uint16_t count = 0;

	for (size_t i = 0; i < grants->bank_count;) {
		if (grants->banks[i].id == bank_id) {
			numbers[count++] = grants->banks[i].number;
			grants->banks[i] = grants->banks[--grants->bank_count];
		} else {
			i++;
		}
	}
	if (count > 0) {
		send_revoked(connection, 0, numbers, count);
	}
}

void grants_free(struct grants *grants)
{
	free(grants->sorted);
	free(grants->banks);
	memset(grants, 0, sizeof(*grants));
}
