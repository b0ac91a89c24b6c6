/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split virtqueues, device and driver side. Invariants: the three parts are mapped and held while a
 * queue is started; every word of shared memory is loaded once into a local before it is checked
 * and used; no loop runs longer than the queue is large; what the driver needs to know about a
 * chain it keeps in its private slots, never reads back. (virtio: Split Virtqueues)
 */
#include "virtio_msg_ffa/virtqueue.h"

#include "virtio_msg_ffa/error.h"

#include "bytes.h"
#include "port.h"

/* struct virtq_desc */
#define DESC_SIZE   16u
#define DESC_LENGTH 8u
#define DESC_FLAGS  12u
#define DESC_NEXT   14u

#define FLAG_NEXT     1u
#define FLAG_WRITE    2u
#define FLAG_INDIRECT 4u

/* struct virtq_avail and virtq_used: flags, index, then the ring */
#define RING_FLAGS   0u
#define RING_INDEX   2u
#define RING_ENTRIES 4u
#define NO_NOTIFY    1u
#define USED_ENTRY   8u

uint64_t vmsg_vq_desc_size(uint32_t size)
{
	return (uint64_t)size * DESC_SIZE;
}

uint64_t vmsg_vq_driver_size(uint32_t size)
{
	return RING_ENTRIES + (uint64_t)size * 2 + 2;
}

uint64_t vmsg_vq_device_size(uint32_t size)
{
	return RING_ENTRIES + (uint64_t)size * USED_ENTRY + 2;
}

/* Where the other side says at which index it wants to be told. */
static uint8_t *used_event(const struct vmsg_vq_layout *layout, uint8_t *driver)
{
	return driver + RING_ENTRIES + (size_t)layout->size * 2;
}

static uint8_t *avail_event(const struct vmsg_vq_layout *layout, uint8_t *device)
{
	return device + RING_ENTRIES + (size_t)layout->size * USED_ENTRY;
}

/* Did moving the index from `old` to `current` pass `event`? (virtio: vring_need_event) */
static bool passed(uint16_t event, uint16_t current, uint16_t old)
{
	return (uint16_t)(current - event - 1) < (uint16_t)(current - old);
}

/* ---- the three parts ---- */

static int map_part(struct vmsg_memory *memory, uint64_t address, uint64_t size, uint64_t alignment,
		    bool write, uint8_t **part)
{
	struct vmsg_span span;
	int error;

	*part = NULL;
	if (address % alignment != 0) {
		return VMSG_ERROR_INVALID;
	}
	error = vmsg_memory_map_whole(memory, address, size, write, &span);
	if (error < 0) {
		return error;
	}
	if ((uintptr_t)span.data % alignment != 0) {
		return VMSG_ERROR_INVALID;
	}
	*part = span.data;
	return 0;
}

static void release_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout)
{
	vmsg_memory_release(memory, layout->desc_addr);
	vmsg_memory_release(memory, layout->driver_addr);
	vmsg_memory_release(memory, layout->device_addr);
}

/* Maps and holds all three; `is_driver` tells which of them must be writable. */
static int map_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		     bool is_driver, uint8_t *parts[3])
{
	const uint32_t size = layout->size;

	if (size == 0 || size > VMSG_QUEUE_SIZE_MAX || (size & (size - 1)) != 0) {
		return VMSG_ERROR_INVALID;
	}
	int error = map_part(memory, layout->desc_addr, vmsg_vq_desc_size(size), 16, is_driver,
			     &parts[0]);
	if (error == 0) {
		error = map_part(memory, layout->driver_addr, vmsg_vq_driver_size(size), 2,
				 is_driver, &parts[1]);
	}
	if (error == 0) {
		error = map_part(memory, layout->device_addr, vmsg_vq_device_size(size), 4, true,
				 &parts[2]);
	}
	if (error < 0) {
		return error;
	}
	/* the areas exist: they were just mapped */
	(void)!vmsg_memory_hold(memory, layout->desc_addr);
	(void)!vmsg_memory_hold(memory, layout->driver_addr);
	(void)!vmsg_memory_hold(memory, layout->device_addr);
	return 0;
}

/* ---- the chain walker ---- */

/* A descriptor, read once. */
struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

static struct descriptor load_descriptor(const uint8_t *table, uint32_t index)
{
	uint8_t copy[DESC_SIZE];

	vmsg_port_fetch(copy, table + (size_t)index * DESC_SIZE, DESC_SIZE);
	return (struct descriptor){
		.address = vmsg_load_le64(copy),
		.length = vmsg_load_le32(copy + DESC_LENGTH),
		.flags = vmsg_load_le16(copy + DESC_FLAGS),
		.next = vmsg_load_le16(copy + DESC_NEXT),
	};
}

/* Adds one descriptor's memory to the chain, a piece for each segment that it touches. */
static int add_pieces(struct vmsg_memory *memory, const struct descriptor *descriptor,
		      struct vmsg_vq_chain *chain)
{
	const bool write = descriptor->flags & FLAG_WRITE;
	uint64_t address = descriptor->address;
	uint64_t left = descriptor->length;

	if (!write && chain->count != chain->readable_count) {
		return VMSG_ERROR_BAD_FIELD; /* readable after writable */
	}
	while (left > 0) {
		struct vmsg_span span;
		const int error = vmsg_memory_map(memory, address, left, write, &span);
		if (error < 0) {
			return error;
		}
		if (chain->count == chain->capacity) {
			return VMSG_ERROR_NO_SPACE;
		}
		chain->pieces[chain->count++] = (struct vmsg_vq_piece){ span, write };
		address += span.size; /* stays in the area: map checked the whole range */
		left -= span.size;
	}
	if (write) {
		chain->writable_size += descriptor->length;
	} else {
		chain->readable_count = chain->count;
		chain->readable_size += descriptor->length;
	}
	return 0;
}

/* An indirect table, read in place; it must be in one piece. */
static int open_indirect(struct vmsg_vq_device *queue, const struct descriptor *descriptor,
			 const uint8_t **table, uint32_t *count)
{
	struct vmsg_span span;

	if (!queue->layout.indirect || descriptor->flags & FLAG_NEXT || descriptor->length == 0 ||
	    descriptor->length % DESC_SIZE != 0 ||
	    descriptor->length / DESC_SIZE > VMSG_QUEUE_SIZE_MAX) {
		return VMSG_ERROR_BAD_FIELD;
	}
	const int error = vmsg_memory_map_whole(queue->memory, descriptor->address,
						descriptor->length, false, &span);
	if (error < 0) {
		return error;
	}
	*table = span.data;
	*count = descriptor->length / DESC_SIZE;
	return 0;
}

/* Walks the chain that starts at descriptor `head` of the queue's table. */
static int walk_chain(struct vmsg_vq_device *queue, uint16_t head, struct vmsg_vq_chain *chain)
{
	const uint8_t *table = queue->desc;
	uint32_t size = queue->layout.size;
	uint32_t index = head;
	bool indirect = false;

	/* one step for every entry of the table walked: a longer chain has a loop */
	for (uint32_t steps = 0; steps < size; steps++) {
		if (index >= size) {
			return VMSG_ERROR_RANGE;
		}
		const struct descriptor descriptor = load_descriptor(table, index);
		if (descriptor.flags & FLAG_INDIRECT) {
			if (indirect) {
				return VMSG_ERROR_BAD_FIELD;
			}
			const int error = open_indirect(queue, &descriptor, &table, &size);
			if (error < 0) {
				return error;
			}
			indirect = true;
			index = 0;
			steps = UINT32_MAX; /* the table starts anew: becomes 0 */
			continue;
		}
		if (descriptor.length == 0) {
			return VMSG_ERROR_BAD_FIELD;
		}
		const int error = add_pieces(queue->memory, &descriptor, chain);
		if (error < 0) {
			return error;
		}
		if (!(descriptor.flags & FLAG_NEXT)) {
			return 0;
		}
		index = descriptor.next;
	}
	return VMSG_ERROR_BAD_FIELD;
}

/* ---- device side ---- */

int vmsg_vq_device_start(struct vmsg_vq_device *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout)
{
	uint8_t *parts[3];
	const int error = map_parts(memory, layout, false, parts);

	*queue = (struct vmsg_vq_device){ 0 };
	if (error < 0) {
		return error;
	}
	queue->memory = memory;
	queue->layout = *layout;
	queue->desc = parts[0];
	queue->driver = parts[1];
	queue->device = parts[2];
	return 0;
}

void vmsg_vq_device_stop(struct vmsg_vq_device *queue)
{
	if (queue->desc) {
		release_parts(queue->memory, &queue->layout);
	}
	*queue = (struct vmsg_vq_device){ 0 };
}

static int broke(bool *broken, int error)
{
	*broken = true;
	return error;
}

int vmsg_vq_device_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	if (queue->broken || !queue->desc) {
		return VMSG_ERROR_STATE;
	}
	/* acquire: the ring entries and descriptors behind this index are read after it */
	const uint16_t avail = vmsg_port_load_acquire_le16(queue->driver + RING_INDEX);
	const uint16_t waiting = (uint16_t)(avail - queue->last_avail);
	if (waiting == 0) {
		return 0;
	}
	if (waiting > queue->layout.size || queue->in_flight >= queue->layout.size) {
		return broke(&queue->broken, VMSG_ERROR_RANGE);
	}
	const uint32_t slot = queue->last_avail & (queue->layout.size - 1);
	const uint16_t head =
		vmsg_port_load_relaxed_le16(queue->driver + RING_ENTRIES + (size_t)slot * 2);
	const int error = walk_chain(queue, head, chain);
	if (error < 0) {
		chain->count = 0;
		chain->readable_count = 0;
		return broke(&queue->broken, error);
	}
	chain->head = head;
	queue->last_avail++;
	queue->in_flight++;
	return 1;
}

int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint16_t head, uint32_t written)
{
	if (!queue->desc || queue->in_flight == 0) {
		return VMSG_ERROR_STATE;
	}
	if (head >= queue->layout.size) {
		return VMSG_ERROR_INVALID;
	}
	const uint32_t slot = queue->used & (queue->layout.size - 1);
	uint8_t *entry = queue->device + RING_ENTRIES + (size_t)slot * USED_ENTRY;
	vmsg_store_le32(entry, head);
	vmsg_store_le32(entry + 4, written);
	queue->used++;
	queue->in_flight--;
	/* release: publishes the entry and everything written into the chain's buffers */
	vmsg_port_store_release_le16(queue->device + RING_INDEX, queue->used);
	return 0;
}

bool vmsg_vq_device_should_notify(struct vmsg_vq_device *queue)
{
	if (!queue->desc || queue->used == queue->used_signaled) {
		return false;
	}
	/* the driver must see our index before we read what it wants to be told about */
	vmsg_port_fence();
	bool notify;
	if (queue->layout.event_idx) {
		const uint16_t event =
			vmsg_port_load_relaxed_le16(used_event(&queue->layout, queue->driver));
		notify = passed(event, queue->used, queue->used_signaled);
	} else {
		notify = !(vmsg_port_load_relaxed_le16(queue->driver + RING_FLAGS) & NO_NOTIFY);
	}
	queue->used_signaled = queue->used;
	return notify;
}

bool vmsg_vq_device_enable_notify(struct vmsg_vq_device *queue)
{
	if (!queue->desc || queue->broken) {
		return false;
	}
	if (queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(avail_event(&queue->layout, queue->device),
					     queue->last_avail);
	} else {
		vmsg_port_store_relaxed_le16(queue->device + RING_FLAGS, 0);
	}
	/* the driver must see the wish before we look whether buffers came in the meantime */
	vmsg_port_fence();
	return vmsg_port_load_relaxed_le16(queue->driver + RING_INDEX) != queue->last_avail;
}

void vmsg_vq_device_disable_notify(struct vmsg_vq_device *queue)
{
	/* with EVENT_IDX an event index that stays behind is silence enough */
	if (queue->desc && !queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(queue->device + RING_FLAGS, NO_NOTIFY);
	}
}

/* ---- driver side ---- */

int vmsg_vq_driver_start(struct vmsg_vq_driver *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout, struct vmsg_vq_driver_slot *slots)
{
	uint8_t *parts[3];
	const int error = map_parts(memory, layout, true, parts);

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
	queue->free_count = (uint16_t)layout->size;
	memset(queue->desc, 0, (size_t)vmsg_vq_desc_size(layout->size));
	memset(queue->driver, 0, (size_t)vmsg_vq_driver_size(layout->size));
	memset(queue->device, 0, (size_t)vmsg_vq_device_size(layout->size));
	for (uint32_t i = 0; i < layout->size; i++) {
		slots[i] = (struct vmsg_vq_driver_slot){ .next = (uint16_t)(i + 1) };
	}
	return 0;
}

void vmsg_vq_driver_stop(struct vmsg_vq_driver *queue)
{
	if (queue->desc) {
		release_parts(queue->memory, &queue->layout);
	}
	queue->desc = NULL; /* slots stay for vmsg_vq_driver_detach() */
	queue->driver = NULL;
	queue->device = NULL;
}

static void store_descriptor(uint8_t *table, uint32_t index, const struct vmsg_vq_buffer *buffer,
			     uint16_t flags, uint16_t next)
{
	uint8_t *at = table + (size_t)index * DESC_SIZE;

	vmsg_store_le64(at, buffer->address);
	vmsg_store_le32(at + DESC_LENGTH, buffer->length);
	vmsg_store_le16(at + DESC_FLAGS, flags);
	vmsg_store_le16(at + DESC_NEXT, next);
}

/* Bytes the device may write, or INVALID: empty, a readable buffer after a writable one, too long.
 */
static int check_buffers(const struct vmsg_vq_buffer *buffers, size_t count, uint64_t *writable)
{
	*writable = 0;
	for (size_t i = 0; i < count; i++) {
		if (buffers[i].length == 0 ||
		    (i > 0 && buffers[i - 1].write && !buffers[i].write)) {
			return VMSG_ERROR_INVALID;
		}
		*writable += buffers[i].write ? buffers[i].length : 0;
	}
	return count > 0 ? 0 : VMSG_ERROR_INVALID;
}

/* Puts `head` on the available ring and publishes it. */
static void publish(struct vmsg_vq_driver *queue, uint16_t head)
{
	const uint32_t slot = queue->avail & (queue->layout.size - 1);

	vmsg_port_store_relaxed_le16(queue->driver + RING_ENTRIES + (size_t)slot * 2, head);
	queue->avail++;
	/* release: publishes the entry, the descriptors and the buffers' content */
	vmsg_port_store_release_le16(queue->driver + RING_INDEX, queue->avail);
}

static int check_add(const struct vmsg_vq_driver *queue, size_t descriptors, const void *cookie)
{
	if (!queue->desc || queue->broken) {
		return VMSG_ERROR_STATE;
	}
	if (!cookie) {
		return VMSG_ERROR_INVALID;
	}
	return descriptors <= queue->free_count ? 0 : VMSG_ERROR_NO_SPACE;
}

int vmsg_vq_driver_add(struct vmsg_vq_driver *queue, const struct vmsg_vq_buffer *buffers,
		       size_t count, void *cookie)
{
	uint64_t writable;
	int error = check_add(queue, count, cookie);

	if (error == 0) {
		error = check_buffers(buffers, count, &writable);
	}
	if (error < 0) {
		return error;
	}
	const uint16_t head = queue->free_head;
	uint16_t index = head;
	for (size_t i = 0; i < count; i++) {
		const uint16_t next = queue->slots[index].next;
		const bool more = i + 1 < count;
		const uint16_t flags =
			(uint16_t)((more ? FLAG_NEXT : 0) | (buffers[i].write ? FLAG_WRITE : 0));
		store_descriptor(queue->desc, index, &buffers[i], flags, more ? next : 0);
		if (!more) {
			queue->free_head = next;
		}
		index = next;
	}
	queue->free_count = (uint16_t)(queue->free_count - count);
	queue->slots[head].cookie = cookie;
	queue->slots[head].writable = writable;
	queue->slots[head].count = (uint16_t)count;
	publish(queue, head);
	return 0;
}

int vmsg_vq_driver_add_indirect(struct vmsg_vq_driver *queue, uint64_t table_address,
				const struct vmsg_vq_buffer *buffers, size_t count, void *cookie)
{
	uint64_t writable;
	struct vmsg_span table = { NULL, 0 };
	int error = check_add(queue, 1, cookie);

	if (error == 0 && (!queue->layout.indirect || count > queue->layout.size)) {
		error = queue->layout.indirect ? VMSG_ERROR_INVALID : VMSG_ERROR_STATE;
	}
	if (error == 0) {
		error = check_buffers(buffers, count, &writable);
	}
	if (error == 0) {
		error = vmsg_memory_map_whole(queue->memory, table_address, count * DESC_SIZE, true,
					      &table);
	}
	if (error < 0) {
		return error;
	}
	for (size_t i = 0; i < count; i++) {
		const bool more = i + 1 < count;
		const uint16_t flags =
			(uint16_t)((more ? FLAG_NEXT : 0) | (buffers[i].write ? FLAG_WRITE : 0));
		store_descriptor(table.data, (uint32_t)i, &buffers[i], flags,
				 (uint16_t)(more ? i + 1 : 0));
	}
	const uint16_t head = queue->free_head;
	const struct vmsg_vq_buffer whole = { table_address, (uint32_t)(count * DESC_SIZE), false };
	store_descriptor(queue->desc, head, &whole, FLAG_INDIRECT, 0);
	queue->free_head = queue->slots[head].next;
	queue->free_count--;
	queue->slots[head].cookie = cookie;
	queue->slots[head].writable = writable;
	queue->slots[head].count = 1;
	publish(queue, head);
	return 0;
}

bool vmsg_vq_driver_should_kick(struct vmsg_vq_driver *queue)
{
	if (!queue->desc || queue->avail == queue->avail_kicked) {
		return false;
	}
	/* the device must see our index before we read what it wants to be told about */
	vmsg_port_fence();
	bool kick;
	if (queue->layout.event_idx) {
		const uint16_t event =
			vmsg_port_load_relaxed_le16(avail_event(&queue->layout, queue->device));
		kick = passed(event, queue->avail, queue->avail_kicked);
	} else {
		kick = !(vmsg_port_load_relaxed_le16(queue->device + RING_FLAGS) & NO_NOTIFY);
	}
	queue->avail_kicked = queue->avail;
	return kick;
}

/* Gives the descriptors of the chain at `head` back and returns its cookie. */
static void *free_chain(struct vmsg_vq_driver *queue, uint16_t head)
{
	struct vmsg_vq_driver_slot *slot = &queue->slots[head];
	void *cookie = slot->cookie;
	uint16_t last = head;

	for (uint16_t i = 1; i < slot->count; i++) {
		last = queue->slots[last].next;
	}
	queue->slots[last].next = queue->free_head;
	queue->free_head = head;
	queue->free_count = (uint16_t)(queue->free_count + slot->count);
	slot->cookie = NULL;
	return cookie;
}

int vmsg_vq_driver_reap(struct vmsg_vq_driver *queue, void **cookie, uint32_t *written)
{
	*cookie = NULL;
	*written = 0;
	if (!queue->desc || queue->broken) {
		return VMSG_ERROR_STATE;
	}
	/* acquire: the used entries and the device's writes behind this index are read after it */
	const uint16_t used = vmsg_port_load_acquire_le16(queue->device + RING_INDEX);
	const uint16_t waiting = (uint16_t)(used - queue->last_used);
	if (waiting == 0) {
		return 0;
	}
	if (waiting > queue->layout.size) {
		return broke(&queue->broken, VMSG_ERROR_PEER);
	}
	const uint32_t slot = queue->last_used & (queue->layout.size - 1);
	uint8_t entry[USED_ENTRY];
	vmsg_port_fetch(entry, queue->device + RING_ENTRIES + (size_t)slot * USED_ENTRY,
			USED_ENTRY);
	const uint32_t id = vmsg_load_le32(entry);
	const uint32_t length = vmsg_load_le32(entry + 4);
	if (id >= queue->layout.size || !queue->slots[id].cookie ||
	    length > queue->slots[id].writable) {
		return broke(&queue->broken, VMSG_ERROR_PEER);
	}
	*cookie = free_chain(queue, (uint16_t)id);
	*written = length;
	queue->last_used++;
	return 1;
}

bool vmsg_vq_driver_enable_notify(struct vmsg_vq_driver *queue)
{
	if (!queue->desc || queue->broken) {
		return false;
	}
	if (queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(used_event(&queue->layout, queue->driver),
					     queue->last_used);
	} else {
		vmsg_port_store_relaxed_le16(queue->driver + RING_FLAGS, 0);
	}
	/* the device must see the wish before we look whether buffers were used in the meantime */
	vmsg_port_fence();
	return vmsg_port_load_relaxed_le16(queue->device + RING_INDEX) != queue->last_used;
}

void vmsg_vq_driver_disable_notify(struct vmsg_vq_driver *queue)
{
	/* with EVENT_IDX an event index that stays behind is silence enough */
	if (queue->desc && !queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(queue->driver + RING_FLAGS, NO_NOTIFY);
	}
}

int vmsg_vq_driver_detach(struct vmsg_vq_driver *queue, void **cookie)
{
	*cookie = NULL;
	if (queue->desc || !queue->slots) {
		return 0;
	}
	for (uint32_t i = 0; i < queue->layout.size; i++) {
		if (queue->slots[i].cookie) {
			*cookie = free_chain(queue, (uint16_t)i);
			return 1;
		}
	}
	return 0;
}
