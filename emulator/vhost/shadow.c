/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains between two rings. Invariants: a chain that was taken is on its way until it is given
 * back, whatever becomes of the device meanwhile; the device sees addresses of regions and of our
 * own tables, and no others; a broken queue takes nothing more.
 */
#include "vhost/shadow.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtio_msg_ffa/error.h"

/* SET_VRING_BASE of a packed ring: next available place and its wrap counter, then next used. */
#define BASE_WRAP       (1u << 15)
#define BASE_USED_SHIFT 16

__attribute__((format(printf, 2, 3))) static int break_off(struct shadow *shadow,
							   const char *format, ...)
{
	va_list arguments;

	shadow->is_broken = true;
	va_start(arguments, format);
	(void)vsnprintf(shadow->why, sizeof(shadow->why), format, arguments);
	va_end(arguments);
	return -1;
}

int shadow_open(struct shadow *shadow, uint32_t index, uint32_t capacity,
		struct vhost_memory *memory)
{
	*shadow = (struct shadow){ .index = index, .memory = memory, .capacity = capacity };
	shadow->requests = calloc(capacity, sizeof(*shadow->requests));
	shadow->pieces = calloc((size_t)capacity * SHADOW_PIECES_MAX, sizeof(*shadow->pieces));
	if (!shadow->requests || !shadow->pieces) {
		shadow_close(shadow);
		return -1;
	}
	for (uint32_t i = 0; i < capacity; i++) {
		shadow->requests[i].pieces = shadow->pieces + (size_t)i * SHADOW_PIECES_MAX;
	}
	return 0;
}

void shadow_close(struct shadow *shadow)
{
	if (shadow->is_running) {
		vmsg_vq_device_stop(&shadow->guest);
	}
	free(shadow->requests);
	free(shadow->pieces);
	*shadow = (struct shadow){ 0 };
}

/* ---- the guest's ring ---- */

/* Where a ring that has run before goes on. What it used is what it took: nothing is on its way. */
static void seek(struct vmsg_vq_device *ring, uint32_t base)
{
	struct vmsg_vq *vq = &ring->vq;

	if (!vq->layout.packed) {
		vq->next = vq->seen = vq->put = (uint16_t)base;
		return;
	}
	const uint32_t used = base >> BASE_USED_SHIFT;
	vq->next = (uint16_t)((base & (BASE_WRAP - 1)) % vq->layout.size | (base & BASE_WRAP));
	vq->put = (uint16_t)((used & (BASE_WRAP - 1)) % vq->layout.size | (used & BASE_WRAP));
}

static uint32_t base_of(const struct vmsg_vq_device *ring)
{
	const uint32_t used = ring->vq.put;

	return ring->vq.layout.packed ? used | used << BASE_USED_SHIFT : used;
}

int shadow_start(struct shadow *shadow, const struct vmsg_vq_layout *layout, uint32_t base)
{
	shadow->is_broken = false;
	const int error = vmsg_vq_device_start(&shadow->guest, &shadow->memory->areas, layout);
	if (error < 0) {
		return break_off(shadow, "ring of %u entries at 0x%" PRIx64 ": %s", layout->size,
				 layout->desc_addr, vmsg_error_text(error));
	}
	seek(&shadow->guest, base);
	shadow->is_running = true;
	shadow->is_paused = false;
	vmsg_vq_device_disable_notify(&shadow->guest);
	return 0;
}

bool shadow_may_stop(const struct shadow *shadow)
{
	bool is_oldest = shadow->count == 0;

	for (uint32_t i = 0; i < shadow->capacity && !is_oldest; i++) {
		const struct shadow_request *request = &shadow->requests[i];
		is_oldest = request->is_used && request->place == shadow->guest.vq.put;
	}
	return is_oldest;
}

bool shadow_stop(struct shadow *shadow, uint32_t *base)
{
	const bool is_exact = shadow_may_stop(shadow);

	*base = base_of(&shadow->guest);
	vmsg_vq_device_stop(&shadow->guest);
	shadow->is_running = false;
	for (uint32_t i = 0; i < shadow->capacity; i++) {
		shadow->requests[i].is_used = false;
		shadow->requests[i].is_offered = false;
	}
	shadow->count = 0;
	shadow->waiting = 0;
	return is_exact;
}

void shadow_leave_memory(struct shadow *shadow)
{
	const struct vmsg_vq_device ring = shadow->guest;

	vmsg_vq_device_stop(&shadow->guest);
	shadow->guest = ring; /* what shadow_enter_memory() needs */
}

int shadow_enter_memory(struct shadow *shadow)
{
	const struct vmsg_vq_device before = shadow->guest;
	const int error =
		vmsg_vq_device_start(&shadow->guest, &shadow->memory->areas, &before.vq.layout);

	if (error < 0) {
		shadow->is_running = false;
		return break_off(shadow, "ring at 0x%" PRIx64 " is in no memory region any more",
				 before.vq.layout.desc_addr);
	}
	shadow->guest.vq.next = before.vq.next;
	shadow->guest.vq.seen = before.vq.seen;
	shadow->guest.vq.put = before.vq.put;
	return 0;
}

/* ---- to the device ---- */

/* Rewrites a chain's addresses. Returns how many buffers it has become, or -1. */
static int rewrite(struct shadow *shadow, const struct shadow_request *request,
		   struct vmsg_vq_buffer buffers[SHADOW_PIECES_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < request->count; i++) {
		const struct vmsg_vq_buffer *piece = &request->pieces[i];
		for (uint32_t done = 0; done < piece->length;) {
			uint64_t bus = 0;
			const uint64_t size = vhost_memory_bus(
				shadow->memory, piece->address + done, piece->length - done, &bus);
			if (size == 0) {
				return break_off(shadow,
						 "descriptor of %u bytes at 0x%" PRIx64
						 ": outside the memory regions",
						 piece->length, piece->address);
			}
			if (count == SHADOW_PIECES_MAX) {
				return break_off(shadow, "chain of more than %u pieces",
						 SHADOW_PIECES_MAX);
			}
			buffers[count++] =
				(struct vmsg_vq_buffer){ bus, (uint32_t)size, piece->write };
			done += (uint32_t)size;
		}
	}
	return (int)count;
}

/* 1 when the device has it, 0 when it has no room, -1. */
static int offer(struct shadow *shadow, struct shadow_request *request)
{
	struct vmsg_vq_buffer buffers[SHADOW_PIECES_MAX];
	const int count = rewrite(shadow, request, buffers);

	if (count < 0) {
		return -1;
	}
	const bool is_indirect = shadow->tables != 0 && count > 1;
	if (!is_indirect && (uint32_t)count > shadow->device->vq.layout.size) {
		return break_off(shadow, "chain of %d pieces, the device's queue has %u", count,
				 shadow->device->vq.layout.size);
	}
	const uint64_t table =
		shadow->tables + (uint64_t)(request - shadow->requests) * SHADOW_TABLE_SIZE;
	const int error =
		is_indirect ? vmsg_vq_driver_add_indirect(shadow->device, table, buffers,
							  (size_t)count, request)
			    : vmsg_vq_driver_add(shadow->device, buffers, (size_t)count, request);
	if (error == VMSG_ERROR_NO_SPACE) {
		return 0;
	}
	if (error < 0) {
		return break_off(shadow, "chain of %d pieces: %s", count, vmsg_error_text(error));
	}
	request->is_offered = true;
	shadow->waiting--;
	return 1;
}

/* Offers what was taken and is not with the device, in the order of the requests. */
static bool offer_waiting(struct shadow *shadow)
{
	bool has_moved = false;

	for (uint32_t i = 0; i < shadow->capacity && shadow->waiting > 0; i++) {
		struct shadow_request *request = &shadow->requests[i];
		if (!request->is_used || request->is_offered) {
			continue;
		}
		const int result = offer(shadow, request);
		has_moved |= result == 1;
		if (result <= 0) {
			break;
		}
	}
	return has_moved;
}

static struct shadow_request *find_free(struct shadow *shadow)
{
	for (uint32_t i = 0; i < shadow->capacity; i++) {
		struct shadow_request *request = &shadow->requests[shadow->next];
		shadow->next = shadow->next + 1 < shadow->capacity ? shadow->next + 1 : 0;
		if (!request->is_used) {
			return request;
		}
	}
	return NULL;
}

/* 1, 0 when there is none, -1. */
static int take_one(struct shadow *shadow)
{
	struct vmsg_vq_piece pieces[SHADOW_PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = SHADOW_PIECES_MAX };
	const uint16_t place = shadow->guest.vq.next;

	const int result = vmsg_vq_device_pop(&shadow->guest, &chain);
	if (result < 0) {
		return break_off(shadow, "descriptor %u, address 0x%" PRIx64 ": %s",
				 chain.bad_index, chain.bad_address, vmsg_error_text(result));
	}
	if (result == 0) {
		return 0;
	}
	struct shadow_request *request = find_free(shadow); /* the caller has looked */
	request->count = chain.count;
	request->head = chain.head;
	request->place = place;
	request->is_used = true;
	request->is_offered = false;
	for (uint32_t i = 0; i < chain.count; i++) {
		request->pieces[i] = (struct vmsg_vq_buffer){
			.address = vhost_memory_address(shadow->memory, pieces[i].span.data),
			.length = (uint32_t)pieces[i].span.size,
			.write = pieces[i].write,
		};
	}
	shadow->count++;
	shadow->waiting++;
	shadow->taken++;
	return offer(shadow, request) < 0 ? -1 : 1;
}

bool shadow_take(struct shadow *shadow, uint32_t budget)
{
	if (!shadow->is_running || shadow->is_broken || shadow->is_paused || !shadow->device) {
		return false;
	}
	bool has_moved = offer_waiting(shadow);
	while (budget-- > 0 && !shadow->is_broken && shadow->waiting == 0 &&
	       shadow->count < shadow->capacity && take_one(shadow) == 1) {
		has_moved = true;
	}
	return has_moved;
}

void shadow_attach(struct shadow *shadow, struct vmsg_vq_driver *device, uint64_t tables)
{
	shadow->device = device;
	shadow->tables = tables;
	vmsg_vq_driver_disable_notify(device);
}

void shadow_detach(struct shadow *shadow)
{
	shadow->device = NULL;
	for (uint32_t i = 0; i < shadow->capacity; i++) {
		shadow->requests[i].is_offered = false;
	}
	shadow->waiting = shadow->count;
}

/* ---- from the device ---- */

int shadow_give(struct shadow *shadow)
{
	int count = 0;
	int result = 0;
	uint32_t written;
	void *cookie;

	if (!shadow->device) {
		return 0;
	}
	while ((result = vmsg_vq_driver_reap(shadow->device, &cookie, &written)) == 1) {
		struct shadow_request *request = cookie;
		if (!request->is_used) {
			continue; /* the guest's ring was left meanwhile */
		}
		request->is_used = false;
		request->is_offered = false;
		shadow->count--;
		count++;
		/* a chain that was popped can be pushed */
		(void)!vmsg_vq_device_push(&shadow->guest, request->head, written);
	}
	return result < 0 ? -1 : count;
}

bool shadow_listen(struct shadow *shadow)
{
	bool is_ready = false;

	if (shadow->device) {
		is_ready = vmsg_vq_driver_enable_notify(shadow->device);
	}
	/* while the device has no room, the guest's kicks change nothing */
	if (shadow->is_running && !shadow->is_broken && shadow->device && shadow->waiting == 0 &&
	    shadow->count < shadow->capacity) {
		is_ready |= vmsg_vq_device_enable_notify(&shadow->guest);
	}
	return is_ready;
}

void shadow_listen_no_more(struct shadow *shadow)
{
	if (shadow->device) {
		vmsg_vq_driver_disable_notify(shadow->device);
	}
	if (shadow->is_running && !shadow->is_broken) {
		vmsg_vq_device_disable_notify(&shadow->guest);
	}
}
