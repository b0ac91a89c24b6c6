/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver side of virtqueues. What the driver must know about a chain is in its private slot: a
 * split queue has a slot per descriptor, a packed one per buffer id. Nothing of it is read back
 * from the ring. `avail` and `last_used` are indices of a split queue or places in a packed ring.
 *
 * Free slots are a list from `free_head`, except with in_order: then descriptors are used as in a
 * ring, a chain's slot is the one where it begins, and the oldest chain begins where the free ones
 * end. A queue that is not started has desc == NULL.
 */
#include "virtqueue.h"

int vmsg_vq_driver_start(struct vmsg_vq_driver *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout, struct vmsg_vq_driver_slot *slots)
{
	const uint32_t size = layout->size;
	uint8_t *parts[3];
	const int error = vmsg_vq_map_parts(memory, layout, true, parts);

	*queue = (struct vmsg_vq_driver){ 0 };
	if (error < 0) {
		return error;
	}
	queue->memory = memory;
	queue->layout = *layout;
	queue->slots = slots;
	queue->desc = parts[0];
	queue->driver = parts[1];
	queue->device = parts[2];
	queue->free_count = (uint16_t)size;
	queue->avail_wrap = true;
	queue->used_wrap = true;
	vmsg_port_clear(queue->desc, (size_t)vmsg_vq_desc_size(size));
	vmsg_port_clear(queue->driver,
			layout->packed ? VQ_EVENT_SIZE : (size_t)vmsg_vq_driver_size(size));
	vmsg_port_clear(queue->device,
			layout->packed ? VQ_EVENT_SIZE : (size_t)vmsg_vq_device_size(size));
	for (uint32_t i = 0; i < size; i++) {
		slots[i] = (struct vmsg_vq_driver_slot){
			.next = (uint16_t)(i + 1 < size ? i + 1 : 0),
		};
	}
	const struct vmsg_vq_watch *watch = vq_watch(layout);
	if (watch) {
		watch->started(watch->context, memory, &queue->layout);
	}
	return 0;
}

void vmsg_vq_driver_stop(struct vmsg_vq_driver *queue)
{
	const struct vmsg_vq_watch *watch = queue->desc ? vq_watch(&queue->layout) : NULL;

	if (watch) {
		watch->stopped(watch->context, queue->memory, &queue->layout,
			       !queue->broken && queue->free_count == queue->layout.size);
	}
	if (queue->desc) {
		vmsg_vq_release_parts(queue->memory, &queue->layout);
	}
	queue->desc = NULL; /* slots stay for vmsg_vq_driver_detach(), which counts in last_used */
	queue->driver = NULL;
	queue->device = NULL;
	queue->last_used = 0;
}

int vmsg_vq_driver_detach(struct vmsg_vq_driver *queue, void **cookie)
{
	*cookie = NULL;
	if (queue->desc || !queue->slots) {
		return 0;
	}
	while (queue->last_used < queue->layout.size) {
		struct vmsg_vq_driver_slot *slot = &queue->slots[queue->last_used++];
		if (slot->cookie) {
			*cookie = slot->cookie;
			slot->cookie = NULL;
			return 1;
		}
	}
	return 0;
}

/* ---- add ---- */

VMSG_HOT_INLINE void store_descriptor(uint8_t *table, uint32_t index,
				      const struct vmsg_vq_buffer *buffer, uint64_t flags,
				      uint64_t next)
{
	uint8_t *at = table + (size_t)index * VQ_DESC_SIZE;

	vmsg_port_store_le64(at, buffer->address);
	vmsg_port_store_le64(at + VQ_DESC_LENGTH, buffer->length | flags << 32 | next << 48);
}

VMSG_HOT_INLINE uint16_t flags_of(const struct vmsg_vq_buffer *buffer, bool more)
{
	return (uint16_t)((more ? VQ_NEXT : 0) | (buffer->write ? VQ_WRITE : 0));
}

/* What the buffers of a chain come to. */
struct sum {
	uint64_t total;
	uint64_t readable;
	bool bad; /* an empty one, or a device-readable one after a writable one */
};

VMSG_HOT_INLINE void add_up(struct sum *sum, const struct vmsg_vq_buffer *buffer)
{
	sum->bad |= buffer->length == 0;
	if (!buffer->write) {
		sum->bad |= sum->readable != sum->total;
		sum->readable += buffer->length;
	}
	sum->total += buffer->length;
}

/* Also of no buffers at all. */
VMSG_HOT_INLINE bool is_bad(const struct sum *sum)
{
	return sum->bad || sum->total == 0 || sum->total > VQ_CHAIN_SIZE_MAX;
}

VMSG_HOT_INLINE int check_add(const struct vmsg_vq_driver *queue, size_t descriptors,
			      const void *cookie)
{
	if (VMSG_UNLIKELY(!queue->desc || queue->broken)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(!cookie)) {
		return VMSG_ERROR_INVALID;
	}
	return descriptors <= queue->free_count ? 0 : VMSG_ERROR_NO_SPACE;
}

/* Books a chain of `count` descriptors in the slot of its head. */
VMSG_HOT_INLINE void book(struct vmsg_vq_driver *queue, uint16_t head, uint16_t last, size_t count,
			  const struct sum *sum, void *cookie)
{
	struct vmsg_vq_driver_slot *slot = &queue->slots[head];

	slot->cookie = cookie;
	slot->writable = sum->total - sum->readable;
	slot->count = (uint16_t)count;
	slot->last = last;
	queue->free_count = (uint16_t)(queue->free_count - count);
}

/* Puts `head` on the available ring and publishes it. */
VMSG_HOT_INLINE void split_publish(struct vmsg_vq_driver *queue, uint16_t head)
{
	vmsg_port_store_relaxed_le16(vq_avail_entry(&queue->layout, queue->driver, queue->avail),
				     head);
	queue->avail++;
	queue->added = vq_count(queue->layout.size, queue->added, 1);
	/* release: publishes the entry, the descriptors and the buffers' content */
	vmsg_port_store_release_le16(queue->driver + VQ_RING_INDEX, queue->avail);
}

/* The buffers are checked while they are written: nobody looks at descriptors that are free. */
VMSG_HOT_INLINE int split_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
			      size_t count, void *cookie)
{
	const struct vmsg_vq_driver_slot *slots = queue->slots;
	uint8_t *desc = queue->desc;
	const uint16_t head = queue->free_head;
	uint16_t next = head;
	uint16_t index = head;
	struct sum sum = { 0, 0, false };

	for (size_t i = 0; i < count; i++) {
		index = next;
		next = slots[index].next;
		add_up(&sum, &buffers[i]);
		store_descriptor(desc, index, &buffers[i], flags_of(&buffers[i], i + 1 < count),
				 next);
	}
	if (VMSG_UNLIKELY(is_bad(&sum))) {
		return VMSG_ERROR_INVALID;
	}
	queue->free_head = next;
	book(queue, head, index, count, &sum, cookie);
	split_publish(queue, head);
	return 0;
}

/* Takes a buffer id for a chain that begins at the next place. */
VMSG_HOT_INLINE uint16_t packed_take_id(struct vmsg_vq_driver *queue)
{
	if (queue->layout.in_order) {
		return queue->avail;
	}
	const uint16_t id = queue->free_head;
	queue->free_head = queue->slots[id].next;
	return id;
}

/* Writes one descriptor at the next place and moves on; returns its flags, which are stored only if
 * it is not the chain's first. */
VMSG_HOT_INLINE uint16_t packed_put(struct vmsg_vq_driver *queue,
				    const struct vmsg_vq_buffer *buffer, uint16_t id,
				    uint16_t flags, bool first)
{
	uint8_t *at = queue->desc + (size_t)queue->avail * VQ_DESC_SIZE;

	flags = (uint16_t)(flags | (queue->avail_wrap ? VQ_AVAIL : VQ_USED));
	vmsg_port_store_le64(at, buffer->address);
	vmsg_port_store_relaxed_le32(at + VQ_DESC_LENGTH, buffer->length);
	vmsg_port_store_relaxed_le16(at + VQ_PACKED_ID, id);
	if (!first) {
		vmsg_port_store_relaxed_le16(at + VQ_PACKED_FLAGS, flags);
	}
	vq_advance(queue->layout.size, &queue->avail, &queue->avail_wrap, 1);
	return flags;
}

VMSG_HOT_INLINE void packed_publish(struct vmsg_vq_driver *queue, uint16_t place, uint16_t flags,
				    size_t count)
{
	queue->added = vq_count(queue->layout.size, queue->added, (uint32_t)count);
	/* release: publishes this descriptor, the chain behind it and the buffers' content */
	vmsg_port_store_release_le16(queue->desc + (size_t)place * VQ_DESC_SIZE + VQ_PACKED_FLAGS,
				     flags);
}

/* Here all buffers are checked first: the device would take descriptors for available that were
 * written in vain. */
VMSG_NOINLINE int packed_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
			     size_t count, void *cookie)
{
	struct sum sum = { 0, 0, false };

	for (size_t i = 0; i < count; i++) {
		add_up(&sum, &buffers[i]);
	}
	if (is_bad(&sum)) {
		return VMSG_ERROR_INVALID;
	}
	const uint16_t place = queue->avail;
	const uint16_t id = packed_take_id(queue);
	const uint16_t flags =
		packed_put(queue, &buffers[0], id, flags_of(&buffers[0], count > 1), true);

	for (size_t i = 1; i < count; i++) {
		packed_put(queue, &buffers[i], id, flags_of(&buffers[i], i + 1 < count), false);
	}
	book(queue, id, id, count, &sum, cookie);
	packed_publish(queue, place, flags, count);
	return 0;
}

/* The name of the chain that is added next. */
static uint32_t next_head(const struct vmsg_vq_driver *queue)
{
	return queue->layout.packed && queue->layout.in_order ? queue->avail : queue->free_head;
}

static void tell_offered(const struct vmsg_vq_driver *queue, uint64_t table_address,
			 const struct vmsg_vq_buffer *buffers, size_t count)
{
	const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);

	if (watch) {
		watch->offered(watch->context, queue->memory, &queue->layout, next_head(queue),
			       table_address, buffers, count);
	}
}

/* With somebody looking on, who must know before the device does. */
VMSG_WATCHED int watched_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
			     size_t count, void *cookie)
{
	const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);
	const uint32_t head = next_head(queue);

	tell_offered(queue, 0, buffers, count);
	const int error = queue->layout.packed ? packed_add(queue, buffers, count, cookie)
					       : split_add(queue, buffers, count, cookie);
	if (error < 0) {
		watch->used(watch->context, queue->memory, &queue->layout, head);
	}
	return error;
}

int vmsg_vq_driver_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
		       size_t count, void *cookie)
{
	const int error = check_add(queue, count, cookie);

	if (VMSG_UNLIKELY(error < 0)) {
		return error;
	}
	if (VMSG_UNLIKELY(vq_watch(&queue->layout))) {
		return watched_add(queue, buffers, count, cookie);
	}
	return queue->layout.packed ? packed_add(queue, buffers, count, cookie)
				    : split_add(queue, buffers, count, cookie);
}

/* Writes an indirect table of either format. */
static void store_table(uint8_t *table, bool packed, const struct vmsg_vq_buffer *buffers,
			size_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const bool more = i + 1 < count;
		if (packed) {
			/* flags are last, there is no id, and the order is the chain's */
			store_descriptor(table, i, &buffers[i], 0, flags_of(&buffers[i], false));
		} else {
			store_descriptor(table, i, &buffers[i], flags_of(&buffers[i], more),
					 more ? i + 1 : 0);
		}
	}
}

int vmsg_vq_driver_add_indirect(struct vmsg_vq_driver *queue, uint64_t table_address,
				const struct vmsg_vq_buffer *buffers, size_t count, void *cookie)
{
	struct sum sum = { 0, 0, false };
	struct vmsg_span table;
	int error = check_add(queue, 1, cookie);

	if (error < 0) {
		return error;
	}
	if (!queue->layout.indirect) {
		return VMSG_ERROR_STATE;
	}
	if (count > queue->layout.size) {
		return VMSG_ERROR_INVALID;
	}
	for (size_t i = 0; i < count; i++) {
		add_up(&sum, &buffers[i]);
	}
	if (is_bad(&sum)) {
		return VMSG_ERROR_INVALID;
	}
	const struct vmsg_vq_buffer whole = {
		.address = table_address,
		.length = (uint32_t)(count * VQ_DESC_SIZE),
	};
	error = vmsg_memory_map_whole(queue->memory, table_address, whole.length, true, &table);
	if (error < 0) {
		return error;
	}
	store_table(table.data, queue->layout.packed, buffers, count);
	tell_offered(queue, table_address, buffers, count);
	if (queue->layout.packed) {
		const uint16_t place = queue->avail;
		const uint16_t id = packed_take_id(queue);
		const uint16_t flags = packed_put(queue, &whole, id, VQ_INDIRECT, true);
		book(queue, id, id, 1, &sum, cookie);
		packed_publish(queue, place, flags, 1);
	} else {
		const uint16_t head = queue->free_head;
		queue->free_head = queue->slots[head].next;
		store_descriptor(queue->desc, head, &whole, VQ_INDIRECT, 0);
		book(queue, head, head, 1, &sum, cookie);
		split_publish(queue, head);
	}
	return 0;
}

/* ---- reap ---- */

/* The place or descriptor where the oldest chain in flight begins, with in_order. */
static uint16_t oldest(const struct vmsg_vq_driver *queue)
{
	return queue->layout.packed ? queue->last_used
				    : (uint16_t)((queue->free_head + queue->free_count) &
						 (queue->layout.size - 1));
}

/*
 * The device may report a batch by its last buffer alone; what comes before it was used completely.
 * Gives the oldest chain instead of `id` and remembers the batch as long as they differ. (virtio:
 * In-order use of descriptors)
 */
static uint32_t next_of_batch(struct vmsg_vq_driver *queue, uint32_t id, uint32_t *length)
{
	const uint16_t head = oldest(queue);

	queue->in_batch = head != id;
	queue->batch_id = (uint16_t)id;
	queue->batch_length = *length;
	if (queue->in_batch) {
		const uint64_t writable = queue->slots[head].writable;
		*length = writable < UINT32_MAX ? (uint32_t)writable : UINT32_MAX;
	}
	return head;
}

/* 1 with what the device says was used. Within a batch that says nothing new, but the index must
 * cover all of it. */
VMSG_HOT_INLINE int split_used(struct vmsg_vq_driver *queue, uint32_t *id, uint32_t *length)
{
	if (queue->used_seen == queue->last_used) {
		/* acquire: the used entries and the device's writes that this index publishes are
		 * read after it */
		const uint16_t used = vmsg_port_load_acquire_le16(queue->device + VQ_RING_INDEX);
		const uint16_t waiting = (uint16_t)(used - queue->last_used);
		if (waiting > (uint16_t)(queue->avail - queue->last_used) ||
		    (waiting == 0 && queue->in_batch)) {
			return VMSG_ERROR_PEER;
		}
		queue->used_seen = used;
		if (waiting == 0) {
			return 0;
		}
	}
	const uint64_t entry =
		vmsg_port_load_le64(vq_used_entry(&queue->layout, queue->device, queue->last_used));
	*id = (uint32_t)entry;
	*length = (uint32_t)(entry >> 32);
	return 1;
}

/* Is the descriptor at the next place used? Then `flags` are its flags. */
VMSG_HOT_INLINE bool packed_is_used(const struct vmsg_vq_driver *queue, uint16_t *flags)
{
	const uint8_t *at = queue->desc + (size_t)queue->last_used * VQ_DESC_SIZE;
	/* acquire: id, length and the device's writes, which these flags publish, are read after
	 * them */
	*flags = vmsg_port_load_acquire_le16(at + VQ_PACKED_FLAGS);
	return (*flags & (VQ_AVAIL | VQ_USED)) == (queue->used_wrap ? VQ_AVAIL | VQ_USED : 0);
}

/* Without WRITE a used descriptor has no length. (virtio: Next Flag and Element Length of used
 * descriptors) */
VMSG_HOT_INLINE int packed_used(const struct vmsg_vq_driver *queue, uint32_t *id, uint32_t *length)
{
	uint16_t flags;

	if (queue->in_batch) {
		return 1; /* the ring says nothing of what comes before the batch's last */
	}
	if (queue->free_count == queue->layout.size || !packed_is_used(queue, &flags)) {
		return 0;
	}
	const uint64_t entry = vmsg_port_load_le64(
		queue->desc + (size_t)queue->last_used * VQ_DESC_SIZE + VQ_DESC_LENGTH);
	*id = (uint16_t)(entry >> 32);
	*length = flags & VQ_WRITE ? (uint32_t)entry : 0;
	return 1;
}

/* Gives the chain of slot `id` back to the free ones. */
VMSG_HOT_INLINE void unbook(struct vmsg_vq_driver *queue, uint32_t id)
{
	struct vmsg_vq_driver_slot *slot = &queue->slots[id];

	slot->cookie = NULL;
	if (!queue->layout.in_order) {
		queue->slots[slot->last].next = queue->free_head;
		queue->free_head = (uint16_t)id;
	}
	queue->free_count = (uint16_t)(queue->free_count + slot->count);
	if (queue->layout.packed) {
		vq_advance(queue->layout.size, &queue->last_used, &queue->used_wrap, slot->count);
	} else {
		queue->last_used++;
	}
}

static int break_off(struct vmsg_vq_driver *queue, int error)
{
	queue->broken = true;
	return error;
}

int vmsg_vq_driver_reap(struct vmsg_vq_driver *queue, void **cookie, uint32_t *written)
{
	uint32_t id = 0;
	uint32_t length = 0;
	int result;

	*cookie = NULL;
	*written = 0;
	if (VMSG_UNLIKELY(queue->broken || !queue->desc)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(queue->layout.packed)) {
		result = packed_used(queue, &id, &length);
	} else {
		result = split_used(queue, &id, &length);
	}
	if (result <= 0) {
		return result < 0 ? break_off(queue, result) : 0;
	}
	if (VMSG_UNLIKELY(queue->in_batch)) {
		id = queue->batch_id;
		length = queue->batch_length;
	}
	if (VMSG_UNLIKELY(id >= queue->layout.size || !queue->slots[id].cookie ||
			  length > queue->slots[id].writable)) {
		return break_off(queue, VMSG_ERROR_PEER);
	}
	if (queue->layout.in_order) {
		id = next_of_batch(queue, id, &length);
	}
	*cookie = queue->slots[id].cookie;
	*written = length;
	unbook(queue, id);
	if (VMSG_UNLIKELY(vq_watch(&queue->layout))) {
		const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);
		watch->used(watch->context, queue->memory, &queue->layout, id);
	}
	return 1;
}

/* ---- notifications ---- */

bool vmsg_vq_driver_should_kick(struct vmsg_vq_driver *queue)
{
	const struct vmsg_vq_layout *layout = &queue->layout;
	const uint32_t count = queue->added;

	if (!queue->desc || count == 0) {
		return false;
	}
	queue->added = 0;
	/* the device must see what was added before we read what it wants to be told about */
	vmsg_port_fence();
	return VMSG_UNLIKELY(layout->packed)
		       ? vmsg_vq_packed_wanted(layout->size, queue->device, queue->avail,
					       queue->avail_wrap, count)
		       : vq_split_wanted(layout->event_idx, queue->device,
					 vq_avail_event(layout, queue->device), queue->avail,
					 count);
}

void vmsg_vq_driver_next(const struct vmsg_vq_driver *queue, uint32_t *offset, uint32_t *wrap)
{
	if (queue->layout.packed) {
		*offset = queue->avail;
		*wrap = queue->avail_wrap;
	} else {
		*offset = queue->avail & 0x7fffu;
		*wrap = queue->avail >> 15;
	}
}

bool vmsg_vq_driver_enable_notify(struct vmsg_vq_driver *queue)
{
	const struct vmsg_vq_layout *layout = &queue->layout;

	if (!queue->desc || queue->broken) {
		return false;
	}
	if (layout->packed) {
		vmsg_port_store_relaxed_le32(
			queue->driver, vq_event_word(layout, queue->last_used, queue->used_wrap));
	} else if (layout->event_idx) {
		vmsg_port_store_relaxed_le16(vq_used_event(layout, queue->driver),
					     queue->last_used);
	} else {
		vmsg_port_store_relaxed_le16(queue->driver + VQ_RING_FLAGS, 0);
	}
	/* the device must see the wish before we look whether buffers were used in the meantime */
	vmsg_port_fence();
	if (layout->packed) {
		uint16_t flags;
		return queue->in_batch ||
		       (queue->free_count < queue->layout.size && packed_is_used(queue, &flags));
	}
	return vmsg_port_load_relaxed_le16(queue->device + VQ_RING_INDEX) != queue->last_used;
}

void vmsg_vq_driver_disable_notify(struct vmsg_vq_driver *queue)
{
	if (!queue->desc) {
		return;
	}
	if (queue->layout.packed) {
		vmsg_port_store_relaxed_le32(queue->driver, VQ_EVENT_DISABLE);
	} else if (!queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(queue->driver + VQ_RING_FLAGS, VQ_NO_NOTIFY);
	} /* else an event index that stays behind is silence enough */
}
