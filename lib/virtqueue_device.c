/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device side of virtqueues: takes available chains at `next`, writes used ones at `put`. A queue
 * that is not started has desc == NULL. Once `broken`, nothing more is read from the ring.
 */
#include "virtqueue.h"

#include "area.h"

int vmsg_vq_device_start(struct vmsg_vq_device *queue, struct vmsg_memory *memory,
			 const struct vmsg_vq_layout *layout)
{
	*queue = (struct vmsg_vq_device){ 0 };
	const int error = vmsg_vq_start(&queue->vq, memory, layout, false);
	const struct vmsg_vq_watch *watch = vq_watch(&queue->vq);
	if (watch) {
		watch->started(watch->context, memory, &queue->vq.layout);
	}
	return error;
}

/* Nothing on its way, and nothing waiting. */
static bool is_idle(struct vmsg_vq *vq)
{
	const bool packed = vq_is_packed(vq->layout.packed);
	uint16_t told;

	if (vq->broken || vq_distance(packed, vq, vq->put, vq->next) != 0) {
		return false;
	}
	return packed ? vmsg_vq_poll(true, vq, false, &told) == 0
		      : vmsg_port_load_relaxed_le16(vq->theirs + VQ_RING_INDEX) == vq->next;
}

void vmsg_vq_device_stop(struct vmsg_vq_device *queue)
{
	const struct vmsg_vq_watch *watch = queue->vq.desc ? vq_watch(&queue->vq) : NULL;

	if (watch) {
		watch->stopped(watch->context, queue->vq.memory, &queue->vq.layout,
			       is_idle(&queue->vq));
	}
	vmsg_vq_stop(&queue->vq);
	*queue = (struct vmsg_vq_device){ 0 };
}

/* ---- the chain walker, for split and packed queues alike ---- */

/* Adds a piece for each segment that a descriptor's memory touches. */
VMSG_NOINLINE int add_pieces(struct vmsg_memory *memory, uint64_t address, uint32_t length,
			     bool write, struct vmsg_vq_chain *chain)
{
	uint32_t left = length;

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
		left -= (uint32_t)span.size;
	}
	return 0;
}

/* The short way to the same where speed counts: one piece, and no errors; false means "ask". */
VMSG_HOT_INLINE bool add_piece(struct vmsg_memory *memory, uint64_t address, uint32_t length,
			       bool write, struct vmsg_vq_chain *chain)
{
	const uint32_t count = chain->count;
	uint8_t *data = NULL;

	if (VMSG_FOR_SIZE ||
	    VMSG_UNLIKELY(!vmsg_area_reach(memory, address, length, write, &data) ||
			  count >= chain->capacity)) {
		return false;
	}
	chain->pieces[count] = (struct vmsg_vq_piece){ { data, length }, write };
	chain->count = count + 1;
	return true;
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

/* Enters an indirect table of `length` bytes, which must be in one piece; `table` are its entries.
 */
VMSG_NOINLINE int enter_table(const struct vmsg_vq *vq, uint64_t address, uint32_t length,
			      struct vmsg_vq_chain *chain, struct vmsg_span *table)
{
	const uint32_t count = length / VQ_DESC_SIZE;

	if (!vq->layout.indirect || length % VQ_DESC_SIZE != 0 ||
	    count - 1 >= VMSG_QUEUE_SIZE_MAX) {
		return VMSG_ERROR_BAD_FIELD;
	}
	const int error = vmsg_memory_map_whole(vq->memory, address, length, false, table);
	if (error == 0 && VMSG_QUEUE_WATCH) {
		chain->table_address = address;
		chain->table_size = length;
	}
	return error;
}

/*
 * Walks the chain that begins with `descriptor`, from entry `index` of the ring's table, and fills
 * `chain`. Of a packed ring it returns how many entries of that table the chain takes, and
 * chain->head becomes the buffer id, which the last of those has; of a split one it returns 1. On
 * error the chain is in disorder.
 */
VMSG_HOT_INLINE int walk(bool packed, const struct vmsg_vq *vq, uint32_t index,
			 struct vq_descriptor descriptor, struct vmsg_vq_chain *chain)
{
	const uint8_t *table = vq->desc;
	uint32_t size = vq->layout.size;
	uint64_t total = 0;
	uint32_t steps = 1;
	uint32_t taken = 0; /* those of the ring's table, once in an indirect one */

	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->table_size = 0;
	for (;; descriptor = vq_load_descriptor(packed, table + (size_t)index * VQ_DESC_SIZE)) {
		const uint32_t flags = descriptor.flags;
		const bool write = flags >> 1 & 1; /* VQ_WRITE */
		int error = VMSG_ERROR_BAD_FIELD;

		if (VMSG_UNLIKELY(flags & VQ_INDIRECT)) {
			struct vmsg_span inner;
			if (taken == 0 &&
			    !(flags & VQ_NEXT)) { /* else nested, or goes on after it */
				error = enter_table(vq, descriptor.address, descriptor.length,
						    chain, &inner);
			}
			if (error < 0) {
				return bad(chain, 0, descriptor.address, error);
			}
			if (packed) {
				chain->head = descriptor.other;
			}
			table = inner.data;
			size = descriptor.length / VQ_DESC_SIZE;
			taken = steps;
			steps = 1;
			index = 0;
			continue;
		}
		if (VMSG_UNLIKELY(!write && chain->readable_count != chain->count)) {
			/* readable after writable */
			return bad(chain, index, descriptor.address, error);
		}
		if (!add_piece(vq->memory, descriptor.address, descriptor.length, write, chain)) {
			error = add_pieces(vq->memory, descriptor.address, descriptor.length, write,
					   chain);
			if (error < 0) {
				return bad(chain, index, descriptor.address, error);
			}
		}
		total += descriptor.length;
		if (!write) {
			chain->readable_count = chain->count;
			chain->readable_size = total;
		}
		/* a packed indirect table is used whole, its order is the chain's */
		if (packed && taken ? steps == size : !(flags & VQ_NEXT)) {
			break;
		}
		if (VMSG_UNLIKELY(steps == size)) {
			/* longer than its table: a loop */
			return bad(chain, index, descriptor.address, VMSG_ERROR_BAD_FIELD);
		}
		steps++;
		index = packed ? index + 1 : descriptor.other;
		if (VMSG_UNLIKELY(index >= size)) {
			if (!packed) {
				return bad(chain, index, descriptor.address, VMSG_ERROR_RANGE);
			}
			index = 0;
		}
	}
	if (packed && !taken) {
		chain->head = descriptor.other;
	}
	chain->writable_size = total - chain->readable_size;
	if (VMSG_UNLIKELY(total > VQ_CHAIN_SIZE_MAX)) {
		return bad(chain, index, descriptor.address, VMSG_ERROR_BAD_FIELD);
	}
	return packed ? (int)(taken ? taken : steps) : 1;
}

/* ---- pop ---- */

VMSG_HOT_INLINE int pop(bool packed, struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	struct vmsg_vq *vq = &queue->vq;
	const uint32_t size = vq->layout.size;
	const uint16_t next = vq->next;
	uint32_t head = next & (VQ_WRAP - 1);
	uint16_t told = 0;

	const int found = vmsg_vq_poll(packed, vq, false, &told);
	if (VMSG_UNLIKELY(found <= 0)) {
		return found < 0 ? bad(chain, told, 0, VMSG_ERROR_RANGE) : 0;
	}
	if (!packed) {
		head = vmsg_port_load_relaxed_le16(vq_entry(vq, vq->theirs, next, VQ_AVAIL_ENTRY));
		if (VMSG_UNLIKELY(head >= size)) {
			return bad(chain, head, 0, VMSG_ERROR_RANGE);
		}
	}
	struct vq_descriptor first =
		vq_load_descriptor(packed, vq->desc + (size_t)head * VQ_DESC_SIZE);
	if (packed) {
		first.flags = told; /* those that made it available, whatever they are by now */
	}
	const int taken = walk(packed, vq, head, first, chain);
	if (VMSG_UNLIKELY(taken < 0)) {
		return taken;
	}
	if (!packed) {
		chain->head = head;
		vq->next = (uint16_t)(next + 1);
		return 1;
	}
	if (VMSG_UNLIKELY((uint32_t)taken > size - vq_distance(packed, vq, vq->put, next))) {
		/* runs into descriptors that were not used yet */
		return bad(chain, head, first.address, VMSG_ERROR_RANGE);
	}
	chain->head |= (uint32_t)taken << 16;
	vq->next = vmsg_vq_advance(packed, vq, next, (uint32_t)taken);
	return 1;
}

VQ_PACKED int packed_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	return pop(true, queue, chain);
}

VMSG_WATCHED void tell_taken(const struct vmsg_vq *vq, const struct vmsg_vq_chain *chain)
{
	const struct vmsg_vq_watch *watch = vq_watch(vq);

	watch->taken(watch->context, vq->memory, &vq->layout, chain);
}

/* What a pop that found nothing or a fault leaves behind. */
VMSG_NOINLINE int no_chain(struct vmsg_vq *vq, struct vmsg_vq_chain *chain, int result)
{
	const struct vmsg_vq_watch *watch = vq_watch(vq);

	if (result < 0 && result != VMSG_ERROR_STATE && watch) {
		watch->refused(watch->context, vq->memory, &vq->layout, chain, result);
	}
	chain->count = 0;
	chain->readable_count = 0;
	chain->readable_size = 0;
	chain->writable_size = 0;
	chain->head = 0;
	vq->broken |= result < 0;
	return result;
}

int vmsg_vq_device_pop(struct vmsg_vq_device *queue, struct vmsg_vq_chain *chain)
{
	struct vmsg_vq *vq = &queue->vq;
	int result = VMSG_ERROR_STATE;

	if (VMSG_LIKELY(vq->desc && !vq->broken)) {
		result = VQ_CALL(pop, queue, chain);
	}
	if (VMSG_UNLIKELY(result <= 0)) {
		return no_chain(vq, chain, result);
	}
	if (VMSG_UNLIKELY(vq_watch(vq))) {
		tell_taken(vq, chain);
	}
	return result;
}

/* ---- push ---- */

VMSG_HOT_INLINE int push(bool packed, struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	struct vmsg_vq *vq = &queue->vq;
	const uint32_t in_flight = vq_distance(packed, vq, vq->put, vq->next);
	const uint32_t count = packed ? head >> 16 : 1;
	uint8_t *at = packed ? vq_at(vq, vq->put) : NULL;

	if (VMSG_UNLIKELY(in_flight == 0)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(packed ? count - 1 >= in_flight : head >= vq->layout.size)) {
		return VMSG_ERROR_INVALID;
	}
	if (packed) {
		vmsg_port_store_relaxed_le32(at + VQ_DESC_LENGTH, written);
		vmsg_port_store_relaxed_le16(at + VQ_PACKED_ID, (uint16_t)head);
	} else {
		vmsg_port_store_le64(vq_entry(vq, vq->ours, vq->put, VQ_USED_ENTRY),
				     (uint64_t)written << 32 | head);
	}
	const uint32_t flags = vq->put & VQ_WRAP ? VQ_AVAIL | VQ_USED : 0;
	vmsg_vq_publish(packed, vq, at, (uint16_t)(flags | (written ? VQ_WRITE : 0)),
			vmsg_vq_advance(packed, vq, vq->put, count), count);
	return 0;
}

VQ_PACKED int packed_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	return push(true, queue, head, written);
}

int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint32_t head, uint32_t written)
{
	struct vmsg_vq *vq = &queue->vq;
	const struct vmsg_vq_watch *watch = vq_watch(vq);

	if (VMSG_UNLIKELY(!vq->desc)) {
		return VMSG_ERROR_STATE;
	}
	if (VMSG_UNLIKELY(watch)) {
		watch->used(watch->context, vq->memory, &vq->layout, head);
	}
	return VQ_CALL(push, queue, head, written);
}

/* ---- notifications ---- */

bool vmsg_vq_device_should_notify(struct vmsg_vq_device *queue)
{
	return vmsg_vq_should_tell(&queue->vq);
}

bool vmsg_vq_device_enable_notify(struct vmsg_vq_device *queue)
{
	return vmsg_vq_enable_notify(&queue->vq, false);
}

void vmsg_vq_device_disable_notify(struct vmsg_vq_device *queue)
{
	vmsg_vq_disable_notify(&queue->vq);
}
