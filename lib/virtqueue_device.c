/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device side of virtqueues. `last_avail` and `used` are indices of a split queue, or the places in
 * a packed ring where the next available descriptor is expected and the next used one goes. A queue
 * that is not started has desc == NULL. Once `broken`, nothing more is read from the ring.
 */
#include "virtqueue.h"

#include "area.h"

int vmsg_vq_device_start(struct vmsg_vq_device *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout)
{
	uint8_t *parts[3];
	const int error = vq_map_parts(memory, layout, false, parts);

	*queue = (struct vmsg_vq_device){ 0 };
	if (error < 0) {
		return error;
	}
	queue->memory = memory;
	queue->layout = *layout;
	queue->desc = parts[0];
	queue->driver = parts[1];
	queue->device = parts[2];
	queue->avail_wrap = true;
	queue->used_wrap = true;
	return 0;
}

void vmsg_vq_device_stop(struct vmsg_vq_device *queue)
{
	if (queue->desc) {
		vq_release_parts(queue->memory, &queue->layout);
	}
	*queue = (struct vmsg_vq_device){ 0 };
}

/* ---- the chain walker, for split and packed queues alike ---- */

/* Adds one descriptor's memory to the chain, a piece for each segment that it touches. */
VMSG_ALWAYS_INLINE int add_pieces(const struct vmsg_memory *memory,
				  const struct vq_descriptor *descriptor,
				  struct vmsg_vq_chain *chain)
{
	const bool write = descriptor->flags & VQ_WRITE;
	uint64_t address = descriptor->address;
	uint64_t left = descriptor->length;

	if (VMSG_UNLIKELY(left == 0 || (!write && chain->count != chain->readable_count))) {
		return VMSG_ERROR_BAD_FIELD; /* empty, or readable after writable */
	}
	do {
		struct vmsg_span span;
		const int error = vmsg_area_map(memory, address, left, write, &span);
		if (VMSG_UNLIKELY(error < 0)) {
			return error;
		}
		if (VMSG_UNLIKELY(chain->count == chain->capacity)) {
			return VMSG_ERROR_NO_SPACE;
		}
		chain->pieces[chain->count++] = (struct vmsg_vq_piece){ span, write };
		address += span.size; /* stays in the area: map checked the whole range */
		left -= span.size;
	} while (VMSG_UNLIKELY(left > 0));
	if (write) {
		chain->writable_size += descriptor->length;
	} else {
		chain->readable_count = chain->count;
		chain->readable_size += descriptor->length;
	}
	return 0;
}

/* A table of descriptors and how far it was walked. */
struct table {
	const uint8_t *entries;
	uint32_t size;
	uint32_t steps; /* entries read */
	bool indirect;
};

/* Goes on to an indirect table, read in place; it must be in one piece. */
static int open_indirect(const struct vmsg_vq_device *queue, const struct vq_descriptor *descriptor,
			 struct table *table)
{
	struct vmsg_span span;

	if (!queue->layout.indirect || table->indirect || descriptor->flags & VQ_NEXT ||
	    descriptor->length == 0 || descriptor->length % VQ_DESC_SIZE != 0 ||
	    descriptor->length / VQ_DESC_SIZE > VMSG_QUEUE_SIZE_MAX) {
		return VMSG_ERROR_BAD_FIELD;
	}
	const int error = vmsg_memory_map_whole(queue->memory, descriptor->address,
						descriptor->length, false, &span);
	if (error < 0) {
		return error;
	}
	*table = (struct table){
		.entries = span.data,
		.size = (uint32_t)(span.size / VQ_DESC_SIZE),
		.steps = 1,
		.indirect = true,
	};
	return 0;
}

/*
 * Walks the chain whose first descriptor, from entry `index` of the ring's table, is `descriptor`.
 * Fills the empty `chain` and returns how many entries of the ring's table it takes; chain->head
 * becomes the buffer id, which the last of those has in a packed ring. On error the chain is in
 * disorder.
 */
VMSG_ALWAYS_INLINE int walk(const struct vmsg_vq_device *queue, uint32_t index,
			    struct vq_descriptor descriptor, struct vmsg_vq_chain *chain)
{
	const bool packed = queue->layout.packed;
	struct table table = { queue->desc, queue->layout.size, 1, false };
	uint32_t taken = 0;
	int error;

	for (;;) {
		if (VMSG_UNLIKELY(descriptor.flags & VQ_INDIRECT)) {
			taken = table.steps;
			chain->head = descriptor.other;
			error = open_indirect(queue, &descriptor, &table);
			if (error < 0) {
				return error;
			}
			index = 0;
			descriptor = vq_load_descriptor(table.entries, index, packed);
			continue;
		}
		error = add_pieces(queue->memory, &descriptor, chain);
		if (VMSG_UNLIKELY(error < 0)) {
			return error;
		}
		/* a packed indirect table is used whole, its order is the chain's */
		if (packed && table.indirect ? table.steps == table.size
					     : !(descriptor.flags & VQ_NEXT)) {
			break;
		}
		if (VMSG_UNLIKELY(table.steps == table.size)) {
			return VMSG_ERROR_BAD_FIELD; /* longer than its table: a loop */
		}
		table.steps++;
		if (packed) {
			index = index + 1 < table.size ? index + 1 : 0;
		} else {
			index = descriptor.other;
		}
		if (VMSG_UNLIKELY(index >= table.size)) {
			return VMSG_ERROR_RANGE;
		}
		descriptor = vq_load_descriptor(table.entries, index, packed);
	}
	if (VMSG_UNLIKELY(chain->readable_size + chain->writable_size > VQ_CHAIN_SIZE_MAX)) {
		return VMSG_ERROR_BAD_FIELD;
	}
	if (!table.indirect) {
		taken = table.steps;
		chain->head = descriptor.other;
	}
	return (int)taken;
}

/* ---- pop ---- */

/* 1 with the place and content of the next chain's first descriptor, 0 when there is none. */
VMSG_ALWAYS_INLINE int split_next(struct vmsg_vq_device *queue, uint32_t *index,
				  struct vq_descriptor *first)
{
	if (queue->avail_seen == queue->last_avail) {
		/* acquire: the ring entries, descriptors and buffers that this index publishes are
		 * read after it */
		const uint16_t avail = vmsg_port_load_acquire_le16(queue->driver + VQ_RING_INDEX);
		const uint16_t waiting = (uint16_t)(avail - queue->last_avail);
		if (waiting > queue->layout.size - queue->in_flight) {
			return VMSG_ERROR_RANGE;
		}
		queue->avail_seen = avail;
		if (waiting == 0) {
			return 0;
		}
	}
	*index = vmsg_port_load_relaxed_le16(
		vq_avail_entry(&queue->layout, queue->driver, queue->last_avail));
	if (*index >= queue->layout.size) {
		return VMSG_ERROR_RANGE;
	}
	*first = vq_load_descriptor(queue->desc, *index, false);
	return 1;
}

/* Is the descriptor at the next place available? Then `flags` are its flags. */
VMSG_ALWAYS_INLINE bool packed_is_available(const struct vmsg_vq_device *queue, uint16_t *flags)
{
	const uint8_t *at = queue->desc + (size_t)queue->last_avail * VQ_DESC_SIZE;

	/* acquire: the rest of the chain and its buffers, which these flags publish, are read after
	 * them */
	*flags = vmsg_port_load_acquire_le16(at + VQ_PACKED_FLAGS);
	return (*flags & (VQ_AVAIL | VQ_USED)) == (queue->avail_wrap ? VQ_AVAIL : VQ_USED);
}

VMSG_ALWAYS_INLINE int packed_next(const struct vmsg_vq_device *queue, uint32_t *index,
				   struct vq_descriptor *first)
{
	uint16_t flags;

	if (!packed_is_available(queue, &flags)) {
		return 0;
	}
	*index = queue->last_avail;
	*first = vq_load_descriptor(queue->desc, *index, true);
	first->flags = flags; /* those that made it available, whatever they are by now */
	return 1;
}

static int fail(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain, int error)
{
	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	chain->head = 0;
	queue->broken = true;
	return error;
}

int vmsg_vq_device_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	const bool packed = queue->layout.packed;
	struct vq_descriptor first;
	uint32_t index;

	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	if (VMSG_UNLIKELY(queue->broken || !queue->desc)) {
		return VMSG_ERROR_STATE;
	}
	int result =
		packed ? packed_next(queue, &index, &first) : split_next(queue, &index, &first);
	if (result <= 0) {
		return result < 0 ? fail(queue, chain, result) : 0;
	}
	result = walk(queue, index, first, chain);
	if (VMSG_UNLIKELY(result < 0)) {
		return fail(queue, chain, result);
	}
	if (!packed) {
		chain->head = index;
		queue->last_avail++;
		queue->in_flight++;
		return 1;
	}
	const uint32_t taken = (uint32_t)result;
	if (VMSG_UNLIKELY(taken > queue->layout.size - queue->in_flight)) {
		/* it runs into descriptors that were not used yet */
		return fail(queue, chain, VMSG_ERROR_RANGE);
	}
	chain->head |= taken << 16;
	vq_advance(queue->layout.size, &queue->last_avail, &queue->avail_wrap, taken);
	queue->in_flight += taken;
	return 1;
}

/* ---- push ---- */

VMSG_ALWAYS_INLINE int split_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	if (head >= queue->layout.size) {
		return VMSG_ERROR_INVALID;
	}
	vmsg_port_store_le64(vq_used_entry(&queue->layout, queue->device, queue->used),
			     (uint64_t)written << 32 | head);
	queue->used++;
	queue->in_flight--;
	queue->pushed = vq_count(queue->layout.size, queue->pushed, 1);
	/* release: publishes the entry and everything written into the chain's buffers */
	vmsg_port_store_release_le16(queue->device + VQ_RING_INDEX, queue->used);
	return 0;
}

VMSG_ALWAYS_INLINE int packed_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	const uint32_t count = head >> 16;
	const uint16_t id = (uint16_t)head;
	uint8_t *at = queue->desc + (size_t)queue->used * VQ_DESC_SIZE;

	if (count == 0 || count > queue->in_flight) {
		return VMSG_ERROR_INVALID;
	}
	vmsg_port_store_relaxed_le32(at + VQ_DESC_LENGTH, written);
	vmsg_port_store_relaxed_le16(at + VQ_PACKED_ID, id);
	/* release: publishes length, id and everything written into the chain's buffers */
	vmsg_port_store_release_le16(
		at + VQ_PACKED_FLAGS,
		(uint16_t)((queue->used_wrap ? VQ_AVAIL | VQ_USED : 0) | (written ? VQ_WRITE : 0)));
	vq_advance(queue->layout.size, &queue->used, &queue->used_wrap, count);
	queue->in_flight -= count;
	queue->pushed = vq_count(queue->layout.size, queue->pushed, count);
	return 0;
}

int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	if (VMSG_UNLIKELY(!queue->desc || queue->in_flight == 0)) {
		return VMSG_ERROR_STATE;
	}
	return VMSG_UNLIKELY(queue->layout.packed) ? packed_push(queue, head, written)
						   : split_push(queue, head, written);
}

/* ---- notifications ---- */

bool vmsg_vq_device_should_notify(struct vmsg_vq_device *queue)
{
	const struct vmsg_vq_layout *layout = &queue->layout;
	const uint32_t count = queue->pushed;

	if (!queue->desc || count == 0) {
		return false;
	}
	queue->pushed = 0;
	/* the driver must see what was used before we read what it wants to be told about */
	vmsg_port_fence();
	return VMSG_UNLIKELY(layout->packed)
		       ? vq_packed_wanted(layout->size, queue->driver, queue->used,
					  queue->used_wrap, count)
		       : vq_split_wanted(layout->event_idx, queue->driver,
					 vq_used_event(layout, queue->driver), queue->used, count);
}

bool vmsg_vq_device_enable_notify(struct vmsg_vq_device *queue)
{
	const struct vmsg_vq_layout *layout = &queue->layout;

	if (!queue->desc || queue->broken) {
		return false;
	}
	if (layout->packed) {
		vmsg_port_store_relaxed_le32(
			queue->device, vq_event_word(layout, queue->last_avail, queue->avail_wrap));
	} else if (layout->event_idx) {
		vmsg_port_store_relaxed_le16(vq_avail_event(layout, queue->device),
					     queue->last_avail);
	} else {
		vmsg_port_store_relaxed_le16(queue->device + VQ_RING_FLAGS, 0);
	}
	/* the driver must see the wish before we look whether buffers came in the meantime */
	vmsg_port_fence();
	if (layout->packed) {
		uint16_t flags;
		return packed_is_available(queue, &flags);
	}
	return vmsg_port_load_relaxed_le16(queue->driver + VQ_RING_INDEX) != queue->last_avail;
}

void vmsg_vq_device_disable_notify(struct vmsg_vq_device *queue)
{
	if (!queue->desc) {
		return;
	}
	if (queue->layout.packed) {
		vmsg_port_store_relaxed_le32(queue->device, VQ_EVENT_DISABLE);
	} else if (!queue->layout.event_idx) {
		vmsg_port_store_relaxed_le16(queue->device + VQ_RING_FLAGS, VQ_NO_NOTIFY);
	} /* else an event index that stays behind is silence enough */
}
