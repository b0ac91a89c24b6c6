/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that this partition has retrieved: grants as the manager sends them, and their mappings.
 * The manager is checked like any peer: a frame that breaks a rule ends the connection. Whatever
 * the pieces of a region are, they are mapped one behind the other, as an MMU would do, so a region
 * is always one segment. A grant that is not here can be asked for again, so few that are not
 * mapped are kept.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/internal.h"

/* Ranges of one region: as many as an owner may have in all its regions together. */
#define RANGES_MAX (1u << 20)

/* Grants that wait to be mapped: one for each vCPU that may just have retrieved something. */
#define UNMAPPED_MAX 64

static struct emu_bank *find_bank(struct vmsg_emu *emu, uint32_t number)
{
	for (size_t i = 0; i < emu->bank_count; i++) {
		if (emu->banks[i].number == number) {
			return &emu->banks[i];
		}
	}
	return NULL;
}

static struct emu_grant *find_grant(struct vmsg_emu *emu, uint64_t handle)
{
	struct emu_grant *grant = emu->grants;

	while (grant && (grant->handle != handle || grant->is_owned)) {
		grant = grant->next;
	}
	return grant;
}

static const char *add_bank(struct vmsg_emu *emu, uint32_t number, int *descriptor)
{
	struct stat status;

	if (find_bank(emu, number)) {
		return "GRANT frame with a bank that is known";
	}
	const int seals = fcntl(*descriptor, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(*descriptor, &status) != 0 ||
	    status.st_size <= 0) {
		return "GRANT frame with a bank that could shrink";
	}
	if (emu->bank_count == emu->bank_capacity) {
		const size_t capacity = emu->bank_capacity ? emu->bank_capacity * 2 : 8;
		struct emu_bank *grown = realloc(emu->banks, capacity * sizeof(*grown));
		if (!grown) {
			return "no memory for a grant";
		}
		emu->banks = grown;
		emu->bank_capacity = capacity;
	}
	emu->banks[emu->bank_count++] = (struct emu_bank){
		.number = number,
		.fd = *descriptor,
		.size = (uint64_t)status.st_size,
	};
	*descriptor = -1;
	return NULL;
}

/* Merges two pieces that are neighbours both in the physical map and in their bank. */
static bool extend(struct vmsg_wire_piece *last, const struct vmsg_wire_piece *piece)
{
	const uint64_t size = (uint64_t)last->pages * VMSG_WIRE_PAGE_SIZE;

	if (last->bank != piece->bank || last->address + size != piece->address ||
	    last->offset + size != piece->offset || piece->pages > UINT32_MAX - last->pages) {
		return false;
	}
	last->pages += piece->pages;
	return true;
}

static const char *add_piece(struct vmsg_emu *emu, struct emu_grant *grant,
			     const struct vmsg_wire_piece *piece)
{
	const struct emu_bank *bank = find_bank(emu, piece->bank);
	const uint64_t size = (uint64_t)piece->pages * VMSG_WIRE_PAGE_SIZE;

	if (!bank || size == 0 || piece->offset % VMSG_WIRE_PAGE_SIZE != 0 || size > bank->size ||
	    piece->offset > bank->size - size) {
		return "GRANT frame with a piece outside its bank";
	}
	if (grant->piece_count > 0 && extend(&grant->pieces[grant->piece_count - 1], piece)) {
		return NULL;
	}
	if (grant->piece_count == grant->piece_capacity) {
		const size_t capacity = grant->piece_capacity ? grant->piece_capacity * 2 : 4;
		struct vmsg_wire_piece *grown = realloc(grant->pieces, capacity * sizeof(*grown));
		if (!grown) {
			return "no memory for a grant";
		}
		grant->pieces = grown;
		grant->piece_capacity = capacity;
	}
	grant->pieces[grant->piece_count++] = *piece;
	return NULL;
}

/* The first `count` pieces of a grant that is mapped at its physical addresses. Own memory that
 * came back by donation stays. */
static void unmap_flat(const struct vmsg_emu *emu, const struct emu_grant *grant, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct vmsg_wire_piece *piece = &grant->pieces[i];
		const uint64_t size = (uint64_t)piece->pages * VMSG_WIRE_PAGE_SIZE;
		if (!emu_own_at(emu, piece->address, size)) {
			munmap((void *)(uintptr_t)piece->address, size);
		}
	}
}

static void unlink_grant(struct vmsg_emu *emu, struct emu_grant **link)
{
	struct emu_grant *grant = *link;

	if (grant) {
		*link = grant->next;
		if (grant->data && emu->flat) {
			unmap_flat(emu, grant, grant->piece_count);
		} else if (grant->data) {
			munmap(grant->data, grant->size);
		}
		free(grant->pieces);
		free(grant);
	}
}

static void drop_grant(struct vmsg_emu *emu, uint64_t handle)
{
	struct emu_grant **link = &emu->grants;

	while (*link && ((*link)->handle != handle || (*link)->is_owned)) {
		link = &(*link)->next;
	}
	unlink_grant(emu, link);
}

static void drop_bank(struct vmsg_emu *emu, uint32_t number)
{
	struct emu_bank *bank = find_bank(emu, number);

	if (bank) {
		close(bank->fd);
		*bank = emu->banks[--emu->bank_count];
	}
}

/* Forgets the oldest grants that nobody has mapped. */
static void limit_unmapped(struct vmsg_emu *emu)
{
	size_t count = 0;
	uint64_t oldest = 0;

	for (const struct emu_grant *grant = emu->grants; grant; grant = grant->next) {
		if (!grant->data) {
			count++;
			oldest = grant->handle;
		}
	}
	if (count > UNMAPPED_MAX) {
		drop_grant(emu, oldest);
	}
}

/* The grant that a frame begins or continues; NULL if it does neither. */
static struct emu_grant *open_grant(struct vmsg_emu *emu, uint8_t flags,
				    const struct vmsg_wire_grant *head)
{
	struct emu_grant *grant = find_grant(emu, head->handle);
	const bool writable = (flags & VMSG_WIRE_GRANT_WRITABLE) != 0;

	if (head->first >= head->next || head->next > head->total || head->total > RANGES_MAX) {
		return NULL;
	}
	/* The handle has been given again: what it named before is a donation, or forgotten. */
	if (grant && head->first == 0) {
		grant->is_owned = grant->data != NULL;
		if (!grant->is_owned) {
			drop_grant(emu, head->handle);
		}
		grant = NULL;
	}
	if (grant) {
		return grant->next_range == head->first && grant->total == head->total &&
				       grant->writable == writable
			       ? grant
			       : NULL;
	}
	grant = head->first == 0 ? calloc(1, sizeof(*grant)) : NULL;
	if (grant) {
		grant->handle = head->handle;
		grant->writable = writable;
		grant->total = head->total;
		grant->next = emu->grants;
		emu->grants = grant;
		limit_unmapped(emu);
	}
	return grant;
}

static void receive_revocation(struct vmsg_emu *emu, const struct vmsg_wire_grant *head,
			       const uint8_t *frame)
{
	emu->revoked = head->handle;
	drop_grant(emu, head->handle);
	for (size_t i = 0; i < head->bank_count; i++) {
		drop_bank(emu, vmsg_wire_grant_bank(frame, i));
	}
}

void emu_grant_receive(struct vmsg_emu *emu, uint8_t flags, const uint8_t *frame, size_t size,
		       int *descriptors, size_t descriptor_count)
{
	struct vmsg_wire_grant head;
	struct vmsg_wire_piece piece;
	const char *problem = NULL;

	const bool is_revocation = (flags & VMSG_WIRE_GRANT_REVOKED) != 0;
	if (vmsg_wire_decode_grant(frame, size, &head) != 0 ||
	    descriptor_count != (is_revocation ? 0 : head.bank_count)) {
		emu_lose(emu, "GRANT frame whose size does not fit its counts");
		return;
	}
	if (is_revocation) {
		receive_revocation(emu, &head, frame);
		return;
	}
	struct emu_grant *grant = open_grant(emu, flags, &head);
	if (!grant) {
		emu_lose(emu, "GRANT frame out of order");
		return;
	}
	for (size_t i = 0; i < head.bank_count && !problem; i++) {
		problem = add_bank(emu, vmsg_wire_grant_bank(frame, i), &descriptors[i]);
	}
	for (size_t i = 0; i < head.piece_count && !problem; i++) {
		vmsg_wire_grant_piece(frame, &head, i, &piece);
		problem = add_piece(emu, grant, &piece);
	}
	grant->next_range = head.next;
	if (problem) {
		emu_lose(emu, problem);
	}
}

/* Asks for what one frame did not hold, or for all of it. */
static int complete(struct vmsg_emu *emu, uint64_t handle)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const struct emu_grant *grant = find_grant(emu, handle);

	while (!grant || grant->next_range < grant->total) {
		const uint32_t first = grant ? grant->next_range : 0;
		const size_t size = vmsg_wire_encode_grant_more(frame, handle, first);
		emu->revoked = ~handle;
		if (emu_send(emu, frame, size) < 0) {
			return VMSG_ERROR_PEER;
		}
		do {
			if (emu_receive(emu, true) < 0) {
				return VMSG_ERROR_PEER;
			}
			if (emu->revoked == handle) {
				return VMSG_ERROR_NOT_FOUND;
			}
			grant = find_grant(emu, handle);
		} while (!grant || grant->next_range == first);
	}
	return VMSG_OK;
}

/* The caller's ranges must be the grant's, in order: both describe the same region. */
static bool is_same(const struct emu_grant *grant, const struct vmsg_ffa_range *ranges,
		    size_t range_count, uint64_t *size)
{
	size_t piece = 0;
	uint64_t done = 0; /* pages of the current piece */

	*size = 0;
	for (size_t i = 0; i < range_count; i++) {
		uint64_t address = ranges[i].address;
		uint64_t pages = ranges[i].pages;
		*size += pages * VMSG_WIRE_PAGE_SIZE;
		while (pages > 0) {
			if (piece == grant->piece_count ||
			    grant->pieces[piece].address + done * VMSG_WIRE_PAGE_SIZE != address) {
				return false;
			}
			const uint64_t rest = grant->pieces[piece].pages - done;
			const uint64_t step = pages < rest ? pages : rest;
			address += step * VMSG_WIRE_PAGE_SIZE;
			pages -= step;
			done += step;
			if (done == grant->pieces[piece].pages) {
				piece++;
				done = 0;
			}
		}
	}
	return piece == grant->piece_count && *size > 0;
}

static int map_piece(struct vmsg_emu *emu, const struct vmsg_wire_piece *piece, bool writable,
		     uint8_t *place, uint8_t **data)
{
	const struct emu_bank *bank = find_bank(emu, piece->bank);
	const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;

	if (!bank) {
		return VMSG_ERROR_NOT_FOUND;
	}
	*data = mmap(place, (size_t)piece->pages * VMSG_WIRE_PAGE_SIZE, protection,
		     place ? MAP_SHARED | MAP_FIXED : MAP_SHARED, bank->fd, (off_t)piece->offset);
	return *data == MAP_FAILED ? VMSG_ERROR_NO_SPACE : VMSG_OK;
}

/* Several pieces go into one reservation, so that nothing else can end up between them. */
static int map_pieces(struct vmsg_emu *emu, const struct emu_grant *grant, uint64_t size,
		      bool writable, uint8_t **data)
{
	uint64_t offset = 0;
	uint8_t *piece;

	if (grant->piece_count == 1) {
		return map_piece(emu, &grant->pieces[0], writable, NULL, data);
	}
	*data = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*data == MAP_FAILED) {
		return VMSG_ERROR_NO_SPACE;
	}
	for (size_t i = 0; i < grant->piece_count; i++) {
		const int result =
			map_piece(emu, &grant->pieces[i], writable, *data + offset, &piece);
		if (result < 0) {
			munmap(*data, size);
			return result;
		}
		offset += (uint64_t)grant->pieces[i].pages * VMSG_WIRE_PAGE_SIZE;
	}
	return VMSG_OK;
}

/* These addresses lie in a grant that is mapped. */
static bool is_mapped(const struct vmsg_emu *emu, uint64_t address, uint64_t size)
{
	for (const struct emu_grant *grant = emu->grants; grant; grant = grant->next) {
		for (size_t i = 0; grant->data && i < grant->piece_count; i++) {
			const uint64_t first = grant->pieces[i].address;
			const uint64_t all = (uint64_t)grant->pieces[i].pages * VMSG_WIRE_PAGE_SIZE;
			if (address >= first && size <= all && address - first <= all - size) {
				return true;
			}
		}
	}
	return false;
}

void emu_grants_protect(struct vmsg_emu *emu, uint64_t begin, uint64_t end, bool in_reach)
{
	for (const struct emu_grant *grant = emu->grants; grant; grant = grant->next) {
		const int access = grant->is_mapped_writable ? PROT_READ | PROT_WRITE : PROT_READ;
		uint8_t *data = grant->data;
		for (size_t i = 0; data && i < grant->piece_count; i++) {
			const struct vmsg_wire_piece *piece = &grant->pieces[i];
			const uint64_t size = (uint64_t)piece->pages * VMSG_WIRE_PAGE_SIZE;
			const uint64_t first = begin > piece->address ? begin : piece->address;
			const uint64_t last =
				end < piece->address + size ? end : piece->address + size;
			uint8_t *place = emu->flat ? (uint8_t *)(uintptr_t)piece->address : data;
			if (first < last) {
				(void)mprotect(place + (first - piece->address), last - first,
					       in_reach ? access : PROT_NONE);
			}
			data += size;
		}
	}
}

static int map_piece_flat(struct vmsg_emu *emu, const struct vmsg_wire_piece *piece, bool writable)
{
	void *place = (void *)(uintptr_t)piece->address;
	const size_t size = (size_t)piece->pages * VMSG_WIRE_PAGE_SIZE;
	const struct emu_bank *bank = find_bank(emu, piece->bank);
	const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;

	if (emu_own_at(emu, piece->address, size)) {
		return VMSG_OK;
	}
	if (!bank) {
		return VMSG_ERROR_NOT_FOUND;
	}
	/* It may have been ours before, and passed on: then its place is still taken by that. */
	const int fixed = is_mapped(emu, piece->address, size) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	void *data =
		mmap(place, size, protection, MAP_SHARED | fixed, bank->fd, (off_t)piece->offset);
	if (data != place && data != MAP_FAILED) {
		munmap(data, size); /* a kernel that does not know the flag */
	}
	return data == place ? VMSG_OK : VMSG_ERROR_NO_SPACE;
}

/* Every piece at its physical address; a segment for each run of neighbours. */
static int map_flat(struct vmsg_emu *emu, struct emu_grant *grant, bool writable,
		    struct vmsg_segment *segments, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < grant->piece_count; i++) {
		const struct vmsg_wire_piece *piece = &grant->pieces[i];
		uint8_t *data = (uint8_t *)(uintptr_t)piece->address;
		const uint64_t size = (uint64_t)piece->pages * VMSG_WIRE_PAGE_SIZE;
		const bool goes_on =
			count > 0 && segments[count - 1].data + segments[count - 1].size == data;
		int result = !goes_on && count == capacity ? VMSG_ERROR_NO_SPACE : VMSG_OK;
		if (result == VMSG_OK) {
			result = map_piece_flat(emu, piece, writable);
		}
		if (result < 0) {
			unmap_flat(emu, grant, i);
			return result;
		}
		if (goes_on) {
			segments[count - 1].size += size;
		} else {
			segments[count++] = (struct vmsg_segment){ .data = data, .size = size };
		}
	}
	grant->data = segments[0].data;
	return (int)count;
}

int emu_grant_map(struct vmsg_emu *emu, uint64_t handle, const struct vmsg_ffa_range *ranges,
		  size_t range_count, bool writable, struct vmsg_segment *segments, size_t capacity)
{
	uint64_t size;
	uint8_t *data;

	if (capacity == 0) {
		return VMSG_ERROR_NO_SPACE;
	}
	int result = complete(emu, handle);
	if (result < 0) {
		return result;
	}
	struct emu_grant *grant = find_grant(emu, handle);
	if (grant->data) {
		return VMSG_ERROR_STATE;
	}
	if (!is_same(grant, ranges, range_count, &size) || (writable && !grant->writable)) {
		return VMSG_ERROR_INVALID;
	}
	grant->is_mapped_writable = writable;
	for (size_t i = 0; i < grant->piece_count; i++) {
		emu_own_show(emu, grant->pieces[i].address,
			     (uint64_t)grant->pieces[i].pages * VMSG_WIRE_PAGE_SIZE);
	}
	if (emu->flat) {
		return map_flat(emu, grant, writable, segments, capacity);
	}
	result = map_pieces(emu, grant, size, writable, &data);
	if (result < 0) {
		return result;
	}
	grant->data = data;
	grant->size = size;
	segments[0] = (struct vmsg_segment){ .data = data, .size = size };
	return 1;
}

int vmsg_emu_pieces(const struct vmsg_emu *emu, const void *data, struct vmsg_emu_piece *pieces,
		    size_t capacity)
{
	const struct emu_grant *grant = emu->grants;

	while (grant && (!grant->data || grant->data != data)) {
		grant = grant->next;
	}
	if (!grant) {
		return VMSG_ERROR_NOT_FOUND;
	}
	for (size_t i = 0; i < grant->piece_count && i < capacity; i++) {
		for (size_t j = 0; j < emu->bank_count; j++) {
			if (emu->banks[j].number == grant->pieces[i].bank) {
				pieces[i] = (struct vmsg_emu_piece){
					.size = (uint64_t)grant->pieces[i].pages *
						VMSG_WIRE_PAGE_SIZE,
					.offset = grant->pieces[i].offset,
					.fd = emu->banks[j].fd,
				};
			}
		}
	}
	return (int)grant->piece_count;
}

void emu_grant_unmap(struct vmsg_emu *emu, uint64_t handle)
{
	drop_grant(emu, handle);
}

void emu_grants_free(struct vmsg_emu *emu)
{
	while (emu->grants) {
		unlink_grant(emu, &emu->grants);
	}
	while (emu->bank_count > 0) {
		drop_bank(emu, emu->banks[0].number);
	}
	free(emu->banks);
}
