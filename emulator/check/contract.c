/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Of every area that a queue touches there is a shadow: which bytes belong to some ring, table or
 * buffer (they may be used again, so once is for ever), and what the others hold. A shadow is used
 * only as long as the area is there with the same handle and the same place. Chains are kept from
 * the moment that they are offered or taken until they are used, with copies of what the device
 * may only read.
 */
#include "check/contract.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_msg_ffa/error.h"

#define PAGE UINT64_C(4096)

struct shadow {
	struct shadow *next;
	struct vmsg_memory *memory;
	uint16_t id;
	uint64_t handle;
	const uint8_t *data; /* of its first segment, to know it again */
	uint64_t size;
	uint8_t *others;  /* what was there */
	uint8_t *is_used; /* byte by byte: part of something */
	uint8_t *touched; /* page by page: has part of a buffer */
};

/* A piece of memory that a chain has. */
struct piece {
	uint64_t address;
	uint64_t size;
	uint8_t *copy; /* of a device-readable one */
};

struct chain {
	struct chain *next;
	const struct vmsg_memory *memory;
	uint64_t desc_addr; /* with memory: which queue */
	uint32_t head;
	size_t count;
	struct piece pieces[];
};

/* A session's memory: queues on it, and whether one stopped in the middle of something. */
struct user {
	struct user *next;
	struct vmsg_memory *memory;
	uint32_t queues;
	bool was_busy;
};

struct contract {
	struct contract_options options;
	struct vmsg_vq_watch watch;
	struct shadow *shadows;
	struct chain *chains;
	struct user *users;
	uint64_t count;
};

/* ---- reports ---- */

static void complain(struct contract *contract, const struct vmsg_memory *memory,
		     const struct vmsg_vq_layout *layout, uint32_t head, uint64_t address,
		     const char *format, ...) __attribute__((format(printf, 6, 7)));

static void complain(struct contract *contract, const struct vmsg_memory *memory,
		     const struct vmsg_vq_layout *layout, uint32_t head, uint64_t address,
		     const char *format, ...)
{
	const struct contract_options *options = &contract->options;
	char what[160];
	char text[320];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(text, sizeof(text),
		 "contract: driver 0x%04x, queue %u, descriptor %u, address 0x%llx: %s",
		 options->owner(options->context, memory), layout->index, head & 0xffff,
		 (unsigned long long)address, what);
	contract->count++;
	options->report(options->context, text);
}

/* ---- shadows ---- */

static void forget_shadow(struct shadow **at)
{
	struct shadow *shadow = *at;

	*at = shadow->next;
	free(shadow->others);
	free(shadow->is_used);
	free(shadow->touched);
	free(shadow);
}

static bool is_current(const struct shadow *shadow)
{
	const struct vmsg_memory_area *area = vmsg_memory_find(shadow->memory, shadow->id);

	return area && area->handle == shadow->handle && area->size == shadow->size &&
	       area->segments[0].data == shadow->data;
}

/* The byte at an offset; segments are few. */
static const uint8_t *byte_at(const struct vmsg_memory_area *area, uint64_t offset)
{
	const struct vmsg_segment *segment = area->segments;

	while (offset >= segment->size) {
		offset -= segment->size;
		segment++;
	}
	return segment->data + offset;
}

static struct shadow *make_shadow(struct contract *contract, struct vmsg_memory *memory,
				  const struct vmsg_memory_area *area)
{
	struct shadow *shadow = calloc(1, sizeof(*shadow));
	uint8_t *others = malloc(area->size);
	uint8_t *is_used = calloc(1, area->size);
	uint8_t *touched = calloc(1, area->size / PAGE + 1);

	if (!shadow || !others || !is_used || !touched) {
		free(shadow);
		free(others);
		free(is_used);
		free(touched);
		return NULL;
	}
	*shadow = (struct shadow){
		.next = contract->shadows,
		.memory = memory,
		.id = area->id,
		.handle = area->handle,
		.data = area->segments[0].data,
		.size = area->size,
		.others = others,
		.is_used = is_used,
		.touched = touched,
	};
	for (uint64_t at = 0, i = 0; i < area->segment_count; at += area->segments[i++].size) {
		memcpy(others + at, area->segments[i].data, area->segments[i].size);
	}
	contract->shadows = shadow;
	return shadow;
}

/* Of the area with this bus address; NULL when there is none (or no memory for a shadow). */
static struct shadow *shadow_of(struct contract *contract, struct vmsg_memory *memory,
				uint64_t address)
{
	const uint16_t id = (uint16_t)(address >> memory->id_shift);
	const struct vmsg_memory_area *area = vmsg_memory_find(memory, id);

	if (!area || address - area->base >= area->size) {
		return NULL;
	}
	for (struct shadow **at = &contract->shadows; *at;) {
		struct shadow *shadow = *at;
		if (shadow->memory == memory && shadow->id == id) {
			if (is_current(shadow)) {
				return shadow;
			}
			forget_shadow(at);
		} else {
			at = &shadow->next;
		}
	}
	return make_shadow(contract, memory, area);
}

/* A page gets its first buffer: what lies there now is what nobody may change from here on. */
static void touch(struct shadow *shadow, const struct vmsg_memory_area *area, uint64_t page)
{
	const uint64_t end = (page + 1) * PAGE < shadow->size ? (page + 1) * PAGE : shadow->size;

	for (uint64_t at = page * PAGE; at < end && !shadow->touched[page]; at++) {
		shadow->others[at] = *byte_at(area, at);
	}
	shadow->touched[page] = 1;
}

/* Part of something from now on. */
static void mark(struct contract *contract, struct vmsg_memory *memory, uint64_t address,
		 uint64_t size, bool is_buffer)
{
	struct shadow *shadow = shadow_of(contract, memory, address);
	const struct vmsg_memory_area *area = shadow ? vmsg_memory_find(memory, shadow->id) : NULL;
	const uint64_t offset = area ? address - area->base : 0;

	if (!area || size == 0 || size > shadow->size - offset) {
		return;
	}
	memset(shadow->is_used + offset, 1, size);
	for (uint64_t page = offset / PAGE; is_buffer && page <= (offset + size - 1) / PAGE;
	     page++) {
		touch(shadow, area, page);
	}
}

/* Bytes of pages [first, last] that are nobody's and not as expected; `*place` is the first of
 * them. They are told once. */
static uint64_t find_strays(struct shadow *shadow, uint64_t first, uint64_t last, bool as_found,
			    uint64_t *place)
{
	const struct vmsg_memory_area *area = vmsg_memory_find(shadow->memory, shadow->id);
	uint64_t count = 0;

	for (uint64_t at = first * PAGE; at < (last + 1) * PAGE && at < shadow->size; at++) {
		if (shadow->is_used[at]) {
			continue;
		}
		const uint8_t value = *byte_at(area, at);
		if (value != (as_found ? shadow->others[at] : 0)) {
			*place = count == 0 ? area->base + at : *place;
			count++;
			shadow->others[at] = value;
			shadow->is_used[at] = !as_found;
		}
	}
	return count;
}

/* ---- chains ---- */

static struct chain **find_chain(struct contract *contract, const struct vmsg_memory *memory,
				 const struct vmsg_vq_layout *layout, uint32_t head)
{
	struct chain **at = &contract->chains;

	while (*at && !((*at)->memory == memory && (*at)->desc_addr == layout->desc_addr &&
			(*at)->head == head)) {
		at = &(*at)->next;
	}
	return at;
}

static void forget_chain(struct chain **at)
{
	struct chain *chain = *at;

	*at = chain->next;
	for (size_t i = 0; i < chain->count; i++) {
		free(chain->pieces[i].copy);
	}
	free(chain);
}

static struct chain *new_chain(struct contract *contract, const struct vmsg_memory *memory,
			       const struct vmsg_vq_layout *layout, uint32_t head, size_t capacity)
{
	struct chain **earlier = find_chain(contract, memory, layout, head);
	struct chain *chain = calloc(1, sizeof(*chain) + capacity * sizeof(chain->pieces[0]));

	if (*earlier) {
		forget_chain(earlier);
	}
	if (chain) {
		chain->next = contract->chains;
		chain->memory = memory;
		chain->desc_addr = layout->desc_addr;
		chain->head = head;
		contract->chains = chain;
	}
	return chain;
}

static void keep_piece(struct contract *contract, struct chain *chain, struct vmsg_memory *memory,
		       uint64_t address, struct vmsg_span span, bool write)
{
	struct piece *piece = &chain->pieces[chain->count++];

	*piece = (struct piece){ address, span.size, NULL };
	mark(contract, memory, address, span.size, true);
	if (!write) {
		piece->copy = malloc(span.size);
		if (piece->copy) {
			memcpy(piece->copy, span.data, span.size);
		}
	}
}

/* Each stretch of a range that is contiguous for us. */
static void keep_range(struct contract *contract, struct chain *chain, size_t capacity,
		       struct vmsg_memory *memory, uint64_t address, uint64_t size, bool write)
{
	struct vmsg_span span;

	while (size > 0 && chain->count < capacity &&
	       vmsg_memory_map(memory, address, size, write, &span) == 0) {
		keep_piece(contract, chain, memory, address, span, write);
		address += span.size;
		size -= span.size;
	}
}

/* ---- what queues do ---- */

static struct user *user_of(struct contract *contract, struct vmsg_memory *memory)
{
	for (struct user *user = contract->users; user; user = user->next) {
		if (user->memory == memory) {
			return user;
		}
	}
	struct user *user = calloc(1, sizeof(*user));
	if (user) {
		user->memory = memory;
		user->next = contract->users;
		contract->users = user;
	}
	return user;
}

static void started(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout)
{
	struct contract *contract = context;
	struct user *user = user_of(contract, memory);
	const uint64_t event = VMSG_VQ_EVENT_SIZE;

	if (user && user->queues++ == 0) {
		user->was_busy = false;
	}
	mark(contract, memory, layout->desc_addr, vmsg_vq_desc_size(layout->size), false);
	mark(contract, memory, layout->driver_addr,
	     layout->packed ? event : vmsg_vq_driver_size(layout->size), false);
	mark(contract, memory, layout->device_addr,
	     layout->packed ? event : vmsg_vq_device_size(layout->size), false);
}

/* Before a descriptor is used: is there memory, and may it be used? */
static bool check_address(struct contract *contract, struct vmsg_memory *memory,
			  const struct vmsg_vq_layout *layout, uint32_t head,
			  const struct vmsg_vq_buffer *buffer)
{
	const uint16_t id = (uint16_t)(buffer->address >> memory->id_shift);
	const struct vmsg_memory_area *area = vmsg_memory_find(memory, id);
	struct vmsg_span span;
	const int error =
		vmsg_memory_map(memory, buffer->address, buffer->length, buffer->write, &span);

	if (error == 0) {
		return true;
	}
	if (area && area->closing) {
		complain(contract, memory, layout, head, buffer->address,
			 "%u bytes of area %u, which is being unshared", buffer->length, id);
	} else {
		complain(contract, memory, layout, head, buffer->address,
			 "%u bytes outside every area: %s", buffer->length, vmsg_error_text(error));
	}
	return false;
}

static void offered(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		    uint32_t head, uint64_t table_address, const struct vmsg_vq_buffer *buffers,
		    size_t count)
{
	struct contract *contract = context;
	const size_t capacity = count * VMSG_AREA_SEGMENTS_MAX;
	struct chain *chain = new_chain(contract, memory, layout, head, capacity);

	if (table_address != 0) {
		mark(contract, memory, table_address, 16 * count, false);
	}
	for (size_t i = 0; i < count; i++) {
		if (check_address(contract, memory, layout, head, &buffers[i]) && chain) {
			keep_range(contract, chain, capacity, memory, buffers[i].address,
				   buffers[i].length, buffers[i].write);
		}
	}
}

/* The bus address of memory that a pop returned. */
static uint64_t address_of(const struct vmsg_memory *memory, const uint8_t *data)
{
	for (uint32_t i = 0; i < memory->capacity; i++) {
		const struct vmsg_memory_area *area = &memory->areas[i];
		uint64_t offset = 0;
		for (uint16_t k = 0; area->used && k < area->segment_count; k++) {
			const struct vmsg_segment *segment = &area->segments[k];
			if (data >= segment->data && data < segment->data + segment->size) {
				return area->base + offset + (uint64_t)(data - segment->data);
			}
			offset += segment->size;
		}
	}
	return 0;
}

static void taken(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		  const struct vmsg_vq_chain *popped)
{
	struct contract *contract = context;
	struct chain *chain = new_chain(contract, memory, layout, popped->head, popped->count);

	mark(contract, memory, popped->table_address, popped->table_size, false);
	for (uint32_t i = 0; chain && i < popped->count; i++) {
		const struct vmsg_vq_piece *piece = &popped->pieces[i];
		keep_piece(contract, chain, memory, address_of(memory, piece->span.data),
			   piece->span, piece->write);
	}
}

static bool was_there(const struct contract *contract, const struct vmsg_memory *memory,
		      uint16_t id)
{
	const struct shadow *shadow = contract->shadows;

	while (shadow && !(shadow->memory == memory && shadow->id == id)) {
		shadow = shadow->next;
	}
	return shadow != NULL;
}

static void refused(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		    const struct vmsg_vq_chain *popped, int error)
{
	struct contract *contract = context;
	const uint64_t address = popped->bad_address;
	const uint16_t id = (uint16_t)(address >> memory->id_shift);
	const struct vmsg_memory_area *area = vmsg_memory_find(memory, id);

	if (error == VMSG_ERROR_NOT_FOUND && area) {
		complain(contract, memory, layout, popped->bad_index, address,
			 "area %u is being unshared", id);
	} else if (error == VMSG_ERROR_NOT_FOUND && was_there(contract, memory, id)) {
		complain(contract, memory, layout, popped->bad_index, address,
			 "area %u was unshared", id);
	} else if (error == VMSG_ERROR_NOT_FOUND || (error == VMSG_ERROR_RANGE && area)) {
		complain(contract, memory, layout, popped->bad_index, address,
			 "outside every area");
	} else {
		complain(contract, memory, layout, popped->bad_index, address,
			 "breaks a rule of the ring: %s", vmsg_error_text(error));
	}
}

/* Has the device-readable piece changed? */
static void check_readable(struct contract *contract, struct vmsg_memory *memory,
			   const struct vmsg_vq_layout *layout, uint32_t head,
			   const struct piece *piece)
{
	struct vmsg_span span;

	if (!piece->copy ||
	    vmsg_memory_map(memory, piece->address, piece->size, false, &span) != 0 ||
	    span.size != piece->size || memcmp(span.data, piece->copy, piece->size) == 0) {
		return;
	}
	uint64_t at = 0;
	while (span.data[at] == piece->copy[at]) {
		at++;
	}
	complain(contract, memory, layout, head, piece->address + at,
		 "byte %llu of a device-readable buffer of %llu bytes changed while the device had "
		 "it, from 0x%02x to 0x%02x",
		 (unsigned long long)at, (unsigned long long)piece->size, piece->copy[at],
		 span.data[at]);
}

/* Driver: what the device wrote beside the pages' buffers. The device's side cannot tell, as the
 * driver may be filling the next buffer. */
static void check_beside(struct contract *contract, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout, uint32_t head,
			 const struct piece *piece)
{
	struct shadow *shadow = shadow_of(contract, memory, piece->address);
	const struct vmsg_memory_area *area = shadow ? vmsg_memory_find(memory, shadow->id) : NULL;

	if (!area || piece->size == 0) {
		return;
	}
	const uint64_t offset = piece->address - area->base;
	uint64_t place = 0;
	const uint64_t count =
		find_strays(shadow, offset / PAGE, (offset + piece->size - 1) / PAGE, true, &place);
	if (count > 0) {
		complain(contract, memory, layout, head, place,
			 "%llu bytes beside a buffer on its page were written",
			 (unsigned long long)count);
	}
}

static void used(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		 uint32_t head)
{
	struct contract *contract = context;
	struct chain **at = find_chain(contract, memory, layout, head);

	if (!*at) {
		return;
	}
	for (size_t i = 0; i < (*at)->count; i++) {
		check_readable(contract, memory, layout, head, &(*at)->pieces[i]);
		if (contract->options.is_driver) {
			check_beside(contract, memory, layout, head, &(*at)->pieces[i]);
		}
	}
	forget_chain(at);
}

/* Whatever was never part of anything, on pages with buffers: the other side could read it. */
static void check_leaks(struct contract *contract, struct vmsg_memory *memory,
			const struct vmsg_vq_layout *layout)
{
	for (struct shadow *shadow = contract->shadows; shadow; shadow = shadow->next) {
		if (shadow->memory != memory || !is_current(shadow)) {
			continue;
		}
		for (uint64_t page = 0; page * PAGE < shadow->size; page++) {
			uint64_t place = 0;
			const uint64_t count =
				shadow->touched[page]
					? find_strays(shadow, page, page, false, &place)
					: 0;
			if (count > 0) {
				complain(contract, memory, layout, 0, place,
					 "%llu bytes beside the buffers on a shared page leak to "
					 "the device",
					 (unsigned long long)count);
			}
		}
	}
}

static void stopped(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		    bool is_idle)
{
	struct contract *contract = context;
	struct user *user = user_of(contract, memory);

	for (struct chain **at = &contract->chains; *at;) {
		if ((*at)->memory == memory && (*at)->desc_addr == layout->desc_addr) {
			forget_chain(at);
		} else {
			at = &(*at)->next;
		}
	}
	if (!user || user->queues == 0) {
		return;
	}
	user->was_busy |= !is_idle;
	/* while something is on its way, buffers may have been filled that we never saw */
	if (--user->queues == 0 && !user->was_busy) {
		check_leaks(contract, memory, layout);
	}
}

/* ---- life ---- */

struct contract *contract_create(const struct contract_options *options)
{
	struct contract *contract = calloc(1, sizeof(*contract));

	if (contract) {
		contract->options = *options;
		contract->watch = (struct vmsg_vq_watch){
			.context = contract,
			.started = started,
			.stopped = stopped,
			.offered = offered,
			.taken = taken,
			.refused = refused,
			.used = used,
		};
	}
	return contract;
}

void contract_destroy(struct contract *contract)
{
	if (!contract) {
		return;
	}
	while (contract->chains) {
		forget_chain(&contract->chains);
	}
	while (contract->shadows) {
		forget_shadow(&contract->shadows);
	}
	while (contract->users) {
		struct user *user = contract->users;
		contract->users = user->next;
		free(user);
	}
	free(contract);
}

const struct vmsg_vq_watch *contract_watch(const struct contract *contract)
{
	return &contract->watch;
}

uint64_t contract_count(const struct contract *contract)
{
	return contract->count;
}
