/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of virtqueues: writes available chains at `put`, takes used ones at `next`. What the
 * driver must know about a chain is in its private slot: a split queue has a slot per descriptor, a
 * packed one per buffer id. Nothing of it is read back from the ring.
 *
 * Free slots are a list from `free_head`, except with in_order: then descriptors are used as in a
 * ring, a chain's slot is the one where it begins, and the oldest chain begins where the free ones
 * end. A queue that is not started has desc == NULL.
 */
#include "virtqueue.h"

int vmsg_vq_driver_start(struct vmsg_vq_driver *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout, struct vmsg_vq_driver_slot *slots)
{
	*queue = (struct vmsg_vq_driver){ 0 };
	const int error = vmsg_vq_start(&queue->vq, memory, layout, true);
	if (error < 0) {
		return error;
	}
	queue->slots = slots;
	queue->free_count = (uint16_t)layout->size;
	for (uint32_t i = 0; i < layout->size; i++) {
		slots[i] = (struct vmsg_vq_driver_slot){ .next = (uint16_t)(i + 1) };
	}
	slots[layout->size - 1].next = 0;
	const struct vmsg_vq_watch *watch = vq_watch(&queue->vq);
	if (watch) {
		watch->started(watch->context, memory, &queue->vq.layout);
	}
	return 0;
}

void vmsg_vq_driver_stop(struct vmsg_vq_driver *queue)
{
	struct vmsg_vq *vq = &queue->vq;
	const struct vmsg_vq_watch *watch = vq->desc ? vq_watch(vq) : NULL;

	if (watch) {
		watch->stopped(watch->context, vq->memory, &vq->layout,
			       !vq->broken && queue->free_count == vq->layout.size);
	}
	vmsg_vq_stop(vq);
	vq->next = 0; /* slots stay for vmsg_vq_driver_detach(), which counts in it */
}

int vmsg_vq_driver_detach(struct vmsg_vq_driver *queue, void **cookie)
{
	*cookie = NULL;
	if (queue->vq.desc || !queue->slots) {
		return 0;
	}
	while (queue->vq.next < queue->vq.layout.size) {
		struct vmsg_vq_driver_slot *slot = &queue->slots[queue->vq.next++];
		if (slot->cookie) {
			*cookie = slot->cookie;
			slot->cookie = NULL;
			return 1;
		}
	}
	return 0;
}

/* ---- add ---- */

VMSG_HOT_INLINE uint32_t flags_of(const struct vmsg_vq_buffer *buffer, bool more)
{
	return (more ? VQ_NEXT : 0) | (buffer->write ? VQ_WRITE : 0);
}

/* What the buffers of a chain come to; INVALID for none, an empty one, a device-readable one after
 * a writable one, or more than a chain may have. */
VMSG_HOT_INLINE int add_up(const struct vmsg_vq_buffer *buffers, size_t count, uint32_t *writable)
{
	uint64_t total = 0;
	uint64_t readable = 0;
	bool is_bad = false;

	for (size_t i = 0; i < count; i++) {
		is_bad |= buffers[i].length == 0;
		if (!buffers[i].write) {
			is_bad |= readable != total;
			readable += buffers[i].length;
		}
		total += buffers[i].length;
	}
	*writable = total - readable < UINT32_MAX ? (uint32_t)(total - readable) : UINT32_MAX;
	return is_bad || total - 1 >= VQ_CHAIN_SIZE_MAX ? VMSG_ERROR_INVALID : 0;
}

VMSG_HOT_INLINE int check_add(const struct vmsg_vq_driver *queue, size_t descriptors,
			      const void *cookie)
{
	if (VMSG_UNLIKELY(!queue->vq.desc || queue->vq.broken)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(!cookie)) {
		return VMSG_ERROR_INVALID;
	}
	return descriptors <= queue->free_count ? 0 : VMSG_ERROR_NO_SPACE;
}

/* The slot of the chain that is added next, which also is its name. */
VMSG_HOT_INLINE uint16_t next_head(bool packed, const struct vmsg_vq_driver *queue)
{
	return packed && queue->vq.layout.in_order ? queue->vq.put & (VQ_WRAP - 1)
						   : queue->free_head;
}

/*
 * Writes a chain of `count` buffers that fit and are no error, books it in the slot of its head and
 * publishes it. `more_flags` are those of every descriptor.
 */
VMSG_HOT_INLINE int put_chain(bool packed, struct vmsg_vq_driver *queue,
			      const struct vmsg_vq_buffer *buffers, size_t count,
			      uint32_t more_flags, uint32_t writable, void *cookie)
{
	struct vmsg_vq *vq = &queue->vq;
	struct vmsg_vq_driver_slot *slots = queue->slots;
	const uint16_t head = next_head(packed, queue);
	uint8_t *desc = vq->desc;
	uint8_t *first = vq_at(vq, vq->put);
	uint32_t available = vq->put & VQ_WRAP ? VQ_AVAIL : VQ_USED;
	uint32_t hidden = VQ_AVAIL | VQ_USED; /* the first, until the whole chain is there */
	const uint32_t first_flags = flags_of(&buffers[0], count > 1) | more_flags | available;
	uint32_t index = packed ? vq->put & (VQ_WRAP - 1) : head;
	uint32_t last = head;
	uint32_t put = vq->put + 1u;

	for (size_t i = 0; i < count; i++) {
		uint8_t *at = desc + index * VQ_DESC_SIZE;
		const uint32_t flags = flags_of(&buffers[i], i + 1 < count) | more_flags;
		if (packed) {
			vq_store_descriptor(true, at, &buffers[i], (flags | available) ^ hidden,
					    head);
			hidden = 0;
			if (++index == vq->layout.size) {
				index = 0;
				available ^= VQ_AVAIL | VQ_USED;
			}
		} else {
			last = index;
			index = slots[index].next;
			vq_store_descriptor(false, at, &buffers[i], flags, index);
		}
	}
	if (!packed) {
		queue->free_head = (uint16_t)index;
		vmsg_port_store_relaxed_le16(vq_entry(vq, vq->ours, vq->put, VQ_AVAIL_ENTRY), head);
	} else {
		put = index | (available & VQ_AVAIL) << 8; /* VQ_WRAP */
		if (!vq->layout.in_order) {
			queue->free_head = slots[head].next;
		}
	}
	slots[head].cookie = cookie;
	slots[head].writable = writable;
	slots[head].count = (uint16_t)count;
	slots[head].last = (uint16_t)last;
	queue->free_count = (uint16_t)(queue->free_count - count);
	vmsg_vq_publish(packed, vq, first, (uint16_t)first_flags, (uint16_t)put,
			packed ? (uint32_t)count : 1);
	return 0;
}

VMSG_HOT_INLINE int put_buffers(bool packed, struct vmsg_vq_driver *queue,
				const struct vmsg_vq_buffer *buffers, size_t count, void *cookie)
{
	uint32_t writable;
	const int error = add_up(buffers, count, &writable);

	return error < 0 ? error : put_chain(packed, queue, buffers, count, 0, writable, cookie);
}

VQ_PACKED int packed_put_buffers(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
				 size_t count, void *cookie)
{
	return put_buffers(true, queue, buffers, count, cookie);
}

static void tell_offered(const struct vmsg_vq_driver *queue, uint64_t table_address,
			 const struct vmsg_vq_buffer *buffers, size_t count)
{
	const struct vmsg_vq_watch *watch = vq_watch(&queue->vq);

	if (watch) {
		watch->offered(watch->context, queue->vq.memory, &queue->vq.layout,
			       next_head(vq_is_packed(queue->vq.layout.packed), queue),
			       table_address, buffers, count);
	}
}

int vmsg_vq_driver_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
		       size_t count, void *cookie)
{
	uint32_t writable;
	const int error = check_add(queue, count, cookie);

	if (VMSG_UNLIKELY(error < 0)) {
		return error;
	}
	if (VMSG_UNLIKELY(vq_watch(&queue->vq)) && add_up(buffers, count, &writable) == 0) {
		/* who looks on must know before the device does */
		tell_offered(queue, 0, buffers, count);
	}
	return VQ_CALL(put_buffers, queue, buffers, count, cookie);
}

/* Writes an indirect table of either format. */
static void store_table(bool packed, uint8_t *table, const struct vmsg_vq_buffer *buffers,
			size_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		/* packed: there is no id and no NEXT, the order is the chain's */
		const bool more = !packed && i + 1 < count;
		vq_store_descriptor(packed, table + (size_t)i * VQ_DESC_SIZE, &buffers[i],
				    flags_of(&buffers[i], more), more ? i + 1 : 0);
	}
}

int vmsg_vq_driver_add_indirect(struct vmsg_vq_driver *queue, uint64_t table_address,
				const struct vmsg_vq_buffer *buffers, size_t count, void *cookie)
{
	struct vmsg_vq *vq = &queue->vq;
	struct vmsg_span table;
	uint32_t writable;
	int error = check_add(queue, 1, cookie);

	if (error < 0) {
		return error;
	}
	if (!vq->layout.indirect) {
		return VMSG_ERROR_STATE;
	}
	if (count > vq->layout.size) {
		return VMSG_ERROR_INVALID;
	}
	error = add_up(buffers, count, &writable);
	if (error < 0) {
		return error;
	}
	const struct vmsg_vq_buffer whole = {
		.address = table_address,
		.length = (uint32_t)(count * VQ_DESC_SIZE),
	};
	error = vmsg_memory_map_whole(vq->memory, table_address, whole.length, true, &table);
	if (error < 0) {
		return error;
	}
	store_table(vq_is_packed(vq->layout.packed), table.data, buffers, count);
	tell_offered(queue, table_address, buffers, count);
	return put_chain(vq_is_packed(vq->layout.packed), queue, &whole, 1, VQ_INDIRECT, writable,
			 cookie);
}

/* ---- reap ---- */

/* The place or descriptor where the oldest chain in flight begins, with in_order. */
static uint16_t oldest(const struct vmsg_vq_driver *queue)
{
	const struct vmsg_vq *vq = &queue->vq;

	return vq_is_packed(vq->layout.packed)
		       ? vq->next & (VQ_WRAP - 1)
		       : (uint16_t)((queue->free_head + queue->free_count) & (vq->layout.size - 1));
}

/*
 * The device may report a batch by its last buffer alone; what comes before it was used completely.
 * Gives the oldest chain instead of `id` and remembers the batch as long as they differ. (virtio:
 * In-order use of descriptors)
 */
static uint32_t next_of_batch(struct vmsg_vq_driver *queue, uint32_t id, uint32_t *length)
{
	const uint16_t head = oldest(queue);

	queue->vq.in_batch = head != id;
	queue->batch_id = (uint16_t)id;
	queue->batch_length = *length;
	if (queue->vq.in_batch) {
		*length = queue->slots[head].writable;
	}
	return head;
}

/*
 * 1 with what the device says was used. Within a batch the ring says nothing new, but the index of
 * a split queue must cover all of it. Without WRITE a used descriptor has no length. (virtio: Next
 * Flag and Element Length of used descriptors)
 */
VMSG_HOT_INLINE int take_used(bool packed, struct vmsg_vq_driver *queue, uint32_t *id,
			      uint32_t *length)
{
	struct vmsg_vq *vq = &queue->vq;
	uint16_t told = 0;
	const int found = packed && vq->in_batch ? 1 : vmsg_vq_poll(packed, vq, true, &told);

	if (found <= 0) {
		return VMSG_UNLIKELY(found < 0 || vq->in_batch) ? VMSG_ERROR_PEER : 0;
	}
	if (VMSG_UNLIKELY(vq->in_batch)) {
		*id = queue->batch_id;
		*length = queue->batch_length;
		return 1;
	}
	const uint64_t entry =
		vmsg_port_load_le64(packed ? vq_at(vq, vq->next) + VQ_DESC_LENGTH
					   : vq_entry(vq, vq->theirs, vq->next, VQ_USED_ENTRY));
	const uint32_t low = (uint32_t)entry;
	const uint32_t high = (uint32_t)(entry >> 32);
	*id = packed ? (uint16_t)high : low;
	*length = !packed ? high : told & VQ_WRITE ? low : 0;
	return 1;
}

VMSG_HOT_INLINE __attribute__((unused)) int packed_take_used(struct vmsg_vq_driver *queue,
							     uint32_t *id, uint32_t *length)
{
	return take_used(true, queue, id, length);
}

/* Gives the chain of slot `id` back to the free ones. */
VMSG_HOT_INLINE void unbook(struct vmsg_vq_driver *queue, uint32_t id)
{
	struct vmsg_vq *vq = &queue->vq;
	struct vmsg_vq_driver_slot *slot = &queue->slots[id];

	slot->cookie = NULL;
	if (!vq->layout.in_order) {
		queue->slots[slot->last].next = queue->free_head;
		queue->free_head = (uint16_t)id;
	}
	queue->free_count = (uint16_t)(queue->free_count + slot->count);
	vq->next = vmsg_vq_advance(vq_is_packed(vq->layout.packed), vq, vq->next,
				   vq_is_packed(vq->layout.packed) ? slot->count : 1);
}

int vmsg_vq_driver_reap(struct vmsg_vq_driver *queue, void **cookie, uint32_t *written)
{
	struct vmsg_vq *vq = &queue->vq;
	uint32_t id = 0;
	uint32_t length = 0;

	*cookie = NULL;
	*written = 0;
	if (VMSG_UNLIKELY(vq->broken || !vq->desc)) {
		return VMSG_ERROR_STATE;
	}
	const int result = VQ_CALL(take_used, queue, &id, &length);
	if (result == 0) {
		return 0;
	}
	if (VMSG_UNLIKELY(result < 0 || id >= vq->layout.size || !queue->slots[id].cookie ||
			  length > queue->slots[id].writable)) {
		vq->broken = true;
		return VMSG_ERROR_PEER;
	}
	if (vq->layout.in_order) {
		id = next_of_batch(queue, id, &length);
	}
	*cookie = queue->slots[id].cookie;
	*written = length;
	unbook(queue, id);
	if (VMSG_UNLIKELY(vq_watch(vq))) {
		const struct vmsg_vq_watch *watch = vq_watch(vq);
		watch->used(watch->context, vq->memory, &vq->layout, id);
	}
	return 1;
}

/* ---- notifications ---- */

bool vmsg_vq_driver_should_kick(struct vmsg_vq_driver *queue)
{
	return vmsg_vq_should_tell(&queue->vq);
}

void vmsg_vq_driver_next(const struct vmsg_vq_driver *queue, uint32_t *offset, uint32_t *wrap)
{
	/* of a split queue the high bit of the index, of a packed one the wrap counter */
	*offset = queue->vq.put & 0x7fffu;
	*wrap = queue->vq.put >> 15;
}

bool vmsg_vq_driver_enable_notify(struct vmsg_vq_driver *queue)
{
	return vmsg_vq_enable_notify(&queue->vq, true);
}

void vmsg_vq_driver_disable_notify(struct vmsg_vq_driver *queue)
{
	vmsg_vq_disable_notify(&queue->vq);
}
