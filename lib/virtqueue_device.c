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
	const int error = vmsg_vq_map_parts(memory, layout, false, parts);

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
	const struct vmsg_vq_watch *watch = vq_watch(layout);
	if (watch) {
		watch->started(watch->context, memory, &queue->layout);
	}
	return 0;
}

/* Nothing on its way, and nothing waiting. */
static bool is_idle(const struct vmsg_vq_device *queue);

void vmsg_vq_device_stop(struct vmsg_vq_device *queue)
{
	const struct vmsg_vq_watch *watch = queue->desc ? vq_watch(&queue->layout) : NULL;

	if (watch) {
		watch->stopped(watch->context, queue->memory, &queue->layout, is_idle(queue));
	}
	if (queue->desc) {
		vmsg_vq_release_parts(queue->memory, &queue->layout);
	}
	*queue = (struct vmsg_vq_device){ 0 };
}

/* ---- the chain walker, for split and packed queues alike ---- */

/* Adds a piece for each segment that a descriptor's memory touches. */
VMSG_NOINLINE int add_pieces(struct vmsg_memory *memory, uint64_t address, uint32_t length,
			     bool write, struct vmsg_vq_chain *chain)
{
	uint64_t left = length;

	if (left == 0) {
		return VMSG_ERROR_BAD_FIELD;
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
	return 0;
}

/* The descriptor that breaks a rule. */
VMSG_WATCHED int bad(struct vmsg_vq_chain *chain, uint32_t index, uint64_t address, int error)
{
	if (VMSG_QUEUE_WATCH) {
		chain->bad_index = index;
		chain->bad_address = address;
	}
	return error;
}

/*
 * Walks a table of `size` entries from entry `index`, whose content is `*descriptor`, to the end of
 * the chain or to a descriptor that refers to an indirect table, which `*descriptor` then is. Adds
 * to `chain` and returns how many entries it read.
 */
VMSG_HOT_INLINE int walk_table(struct vmsg_memory *memory, bool packed, bool indirect,
			       const uint8_t *table, uint32_t size, uint32_t index,
			       struct vq_descriptor *descriptor, struct vmsg_vq_chain *chain)
{
	uint64_t total = chain->readable_size + chain->writable_size;
	uint32_t steps = 1;

	while (!(descriptor->flags & VQ_INDIRECT)) {
		const uint32_t flags = descriptor->flags;
		const bool write = flags >> 1 & 1; /* VQ_WRITE */
		const uint32_t length = descriptor->length;
		const uint32_t count = chain->count;
		uint8_t *data;

		if (VMSG_UNLIKELY(!write && chain->readable_count != count)) {
			/* readable after writable */
			return bad(chain, index, descriptor->address, VMSG_ERROR_BAD_FIELD);
		}
		if (VMSG_LIKELY(
			    vmsg_area_reach(memory, descriptor->address, length, write, &data) &&
			    count < chain->capacity)) {
			chain->pieces[count] = (struct vmsg_vq_piece){ { data, length }, write };
			chain->count = count + 1;
		} else {
			const int error =
				add_pieces(memory, descriptor->address, length, write, chain);
			if (error < 0) {
				return bad(chain, index, descriptor->address, error);
			}
		}
		total += length;
		if (!write) {
			chain->readable_count = chain->count;
			chain->readable_size = total;
		}
		/* a packed indirect table is used whole, its order is the chain's */
		if (packed && indirect ? steps == size : !(flags & VQ_NEXT)) {
			break;
		}
		if (VMSG_UNLIKELY(steps == size)) {
			/* longer than its table: a loop */
			return bad(chain, index, descriptor->address, VMSG_ERROR_BAD_FIELD);
		}
		steps++;
		if (packed) {
			index = index + 1 < size ? index + 1 : 0;
		} else {
			index = descriptor->other;
			if (VMSG_UNLIKELY(index >= size)) {
				return bad(chain, index, descriptor->address, VMSG_ERROR_RANGE);
			}
		}
		*descriptor = vq_load_descriptor(table, index, packed);
	}
	chain->writable_size = total - chain->readable_size;
	return VMSG_LIKELY(total <= VQ_CHAIN_SIZE_MAX)
		       ? (int)steps
		       : bad(chain, index, descriptor->address, VMSG_ERROR_BAD_FIELD);
}

/* Goes on in an indirect table, which is read in place and must be in one piece. */
VMSG_NOINLINE int walk_indirect(const struct vmsg_vq_device *queue, struct vq_descriptor descriptor,
				struct vmsg_vq_chain *chain)
{
	const bool packed = queue->layout.packed;
	const uint32_t count = descriptor.length / VQ_DESC_SIZE;
	struct vmsg_span table;

	if (!queue->layout.indirect || descriptor.flags & VQ_NEXT || count == 0 ||
	    count > VMSG_QUEUE_SIZE_MAX || descriptor.length % VQ_DESC_SIZE != 0) {
		return bad(chain, 0, descriptor.address, VMSG_ERROR_BAD_FIELD);
	}
	int result = vmsg_memory_map_whole(queue->memory, descriptor.address, descriptor.length,
					   false, &table);
	if (result < 0) {
		return bad(chain, 0, descriptor.address, result);
	}
	if (VMSG_QUEUE_WATCH) {
		chain->table_address = descriptor.address;
		chain->table_size = descriptor.length;
	}
	descriptor = vq_load_descriptor(table.data, 0, packed);
	result = walk_table(queue->memory, packed, true, table.data, count, 0, &descriptor, chain);
	if (result >= 0 && descriptor.flags & VQ_INDIRECT) {
		result = bad(chain, 0, descriptor.address, VMSG_ERROR_BAD_FIELD); /* nested */
	}
	return result;
}

/*
 * Walks the chain that begins with `descriptor`, from entry `index` of the ring's table. Fills
 * `chain` and returns how many entries of the ring's table it takes; chain->head becomes the buffer
 * id, which the last of those has in a packed ring. On error the chain is in disorder.
 */
VMSG_HOT_INLINE int walk(const struct vmsg_vq_device *queue, bool packed, uint32_t index,
			 struct vq_descriptor descriptor, struct vmsg_vq_chain *chain)
{
	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	chain->table_size = 0;
	int result = walk_table(queue->memory, packed, false, queue->desc, queue->layout.size,
				index, &descriptor, chain);
	chain->head = descriptor.other;
	if (VMSG_UNLIKELY(descriptor.flags & VQ_INDIRECT) && result >= 0) {
		const int error = walk_indirect(queue, descriptor, chain);
		result = error < 0 ? error : result;
	}
	return result;
}

/* ---- pop ---- */

/* Chains popped and not pushed. */
VMSG_HOT_INLINE uint16_t split_in_flight(const struct vmsg_vq_device *queue)
{
	return (uint16_t)(queue->last_avail - queue->used);
}

/* Descriptors of such chains. */
VMSG_HOT_INLINE uint32_t packed_in_flight(const struct vmsg_vq_device *queue)
{
	return queue->last_avail - queue->used +
	       (queue->avail_wrap != queue->used_wrap ? queue->layout.size : 0u);
}

VMSG_HOT_INLINE int split_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	const uint32_t size = queue->layout.size;
	const uint16_t next = queue->last_avail;

	if (queue->avail_seen == next) {
		/* acquire: the ring entries, descriptors and buffers that this index publishes are
		 * read after it */
		const uint16_t avail = vmsg_port_load_acquire_le16(queue->driver + VQ_RING_INDEX);
		const uint16_t waiting = (uint16_t)(avail - next);
		if (VMSG_UNLIKELY(waiting > size - split_in_flight(queue))) {
			return bad(chain, avail, 0, VMSG_ERROR_RANGE);
		}
		queue->avail_seen = avail;
		if (waiting == 0) {
			return 0;
		}
	}
	const uint16_t head =
		vmsg_port_load_relaxed_le16(vq_avail_entry(&queue->layout, queue->driver, next));
	if (VMSG_UNLIKELY(head >= size)) {
		return bad(chain, head, 0, VMSG_ERROR_RANGE);
	}
	const int taken =
		walk(queue, false, head, vq_load_descriptor(queue->desc, head, false), chain);
	if (VMSG_UNLIKELY(taken < 0)) {
		return taken;
	}
	chain->head = head;
	queue->last_avail++;
	return 1;
}

/* Is the descriptor at the next place available? Then `flags` are its flags. */
VMSG_HOT_INLINE bool packed_is_available(const struct vmsg_vq_device *queue, uint16_t *flags)
{
	const uint8_t *at = queue->desc + (size_t)queue->last_avail * VQ_DESC_SIZE;

	/* acquire: the rest of the chain and its buffers, which these flags publish, are read after
	 * them */
	*flags = vmsg_port_load_acquire_le16(at + VQ_PACKED_FLAGS);
	return (*flags & (VQ_AVAIL | VQ_USED)) == (queue->avail_wrap ? VQ_AVAIL : VQ_USED);
}

VMSG_NOINLINE int packed_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	const uint32_t size = queue->layout.size;
	const uint32_t index = queue->last_avail;
	uint16_t flags;

	if (!packed_is_available(queue, &flags)) {
		return 0;
	}
	struct vq_descriptor first = vq_load_descriptor(queue->desc, index, true);
	first.flags = flags; /* those that made it available, whatever they are by now */
	const int taken = walk(queue, true, index, first, chain);
	if (VMSG_UNLIKELY(taken < 0)) {
		return taken;
	}
	if (VMSG_UNLIKELY((uint32_t)taken > size - packed_in_flight(queue))) {
		/* runs into descriptors that were not used yet */
		return bad(chain, index, first.address, VMSG_ERROR_RANGE);
	}
	chain->head |= (uint32_t)taken << 16;
	vq_advance(size, &queue->last_avail, &queue->avail_wrap, (uint32_t)taken);
	return 1;
}

VMSG_WATCHED void tell_taken(const struct vmsg_vq_device *queue, const struct vmsg_vq_chain *chain)
{
	const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);

	watch->taken(watch->context, queue->memory, &queue->layout, chain);
}

/* What a pop that found nothing or a fault leaves behind. */
VMSG_NOINLINE int no_chain(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain, int result)
{
	const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);

	if (result < 0 && result != VMSG_ERROR_STATE && watch) {
		watch->refused(watch->context, queue->memory, &queue->layout, chain, result);
	}
	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	chain->head = 0;
	queue->broken |= result < 0;
	return result;
}

int vmsg_vq_device_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	int result = VMSG_ERROR_STATE;

	if (VMSG_LIKELY(queue->desc && !queue->broken)) {
		result = queue->layout.packed ? packed_pop(queue, chain) : split_pop(queue, chain);
	}
	if (VMSG_UNLIKELY(result <= 0)) {
		return no_chain(queue, chain, result);
	}
	if (VMSG_UNLIKELY(vq_watch(&queue->layout))) {
		tell_taken(queue, chain);
	}
	return result;
}

static bool is_idle(const struct vmsg_vq_device *queue)
{
	uint16_t flags;

	if (queue->broken) {
		return false;
	}
	return queue->layout.packed
		       ? packed_in_flight(queue) == 0 && !packed_is_available(queue, &flags)
		       : split_in_flight(queue) == 0 &&
				 vmsg_port_load_relaxed_le16(queue->driver + VQ_RING_INDEX) ==
					 queue->last_avail;
}

/* ---- push ---- */

VMSG_HOT_INLINE int split_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	if (VMSG_UNLIKELY(split_in_flight(queue) == 0)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(head >= queue->layout.size)) {
		return VMSG_ERROR_INVALID;
	}
	vmsg_port_store_le64(vq_used_entry(&queue->layout, queue->device, queue->used),
			     (uint64_t)written << 32 | head);
	queue->used++;
	queue->pushed = vq_count(queue->layout.size, queue->pushed, 1);
	/* release: publishes the entry and everything written into the chain's buffers */
	vmsg_port_store_release_le16(queue->device + VQ_RING_INDEX, queue->used);
	return 0;
}

VMSG_NOINLINE int packed_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	const uint32_t count = head >> 16;
	const uint16_t id = (uint16_t)head;
	uint8_t *at = queue->desc + (size_t)queue->used * VQ_DESC_SIZE;

	const uint32_t in_flight = packed_in_flight(queue);
	if (in_flight == 0) {
		return VMSG_ERROR_STATE;
	}
	if (count == 0 || count > in_flight) {
		return VMSG_ERROR_INVALID;
	}
	vmsg_port_store_relaxed_le32(at + VQ_DESC_LENGTH, written);
	vmsg_port_store_relaxed_le16(at + VQ_PACKED_ID, id);
	/* release: publishes length, id and everything written into the chain's buffers */
	vmsg_port_store_release_le16(
		at + VQ_PACKED_FLAGS,
		(uint16_t)((queue->used_wrap ? VQ_AVAIL | VQ_USED : 0) | (written ? VQ_WRITE : 0)));
	vq_advance(queue->layout.size, &queue->used, &queue->used_wrap, count);
	queue->pushed = vq_count(queue->layout.size, queue->pushed, count);
	return 0;
}

int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	if (VMSG_UNLIKELY(!queue->desc)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(vq_watch(&queue->layout))) {
		const struct vmsg_vq_watch *watch = vq_watch(&queue->layout);
		watch->used(watch->context, queue->memory, &queue->layout, head);
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
		       ? vmsg_vq_packed_wanted(layout->size, queue->driver, queue->used,
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
