/* SPDX-License-Identifier: BSD-3-Clause */
/* The floor of goal 8, see minimal_ring.h. Each shared word is read once; no loop outruns the
 * table. */
#include "minimal_ring.h"

#include <string.h>

#define FLAG_NEXT  1u
#define FLAG_WRITE 2u
#define MASK       (MINIMAL_SIZE - 1)

void minimal_start(struct minimal_driver *driver, struct minimal_device *device,
		   struct minimal_rings *rings, uint8_t *region, uint64_t region_size)
{
	memset(rings, 0, sizeof(*rings));
	memset(driver, 0, sizeof(*driver));
	driver->rings = rings;
	driver->free_count = MINIMAL_SIZE;
	for (unsigned int i = 0; i < MINIMAL_SIZE; i++) {
		driver->slots[i].next = (uint16_t)(i + 1);
	}
	*device = (struct minimal_device){
		.rings = rings,
		.region = region,
		.region_size = region_size,
	};
}

int minimal_add(struct minimal_driver *driver, const struct minimal_buffer *buffers, size_t count,
		void *cookie)
{
	if (count == 0 || count > driver->free_count) {
		return -1;
	}
	const uint16_t head = driver->free_head;
	uint16_t index = head, last = head;
	uint64_t writable = 0;

	for (size_t i = 0; i < count; i++) {
		last = index;
		index = driver->slots[last].next;
		driver->rings->desc[last] = (struct minimal_desc){
			.address = buffers[i].address,
			.length = buffers[i].length,
			.flags = (uint16_t)((i + 1 < count ? FLAG_NEXT : 0) |
					    (buffers[i].write ? FLAG_WRITE : 0)),
			.next = index,
		};
		writable += buffers[i].write ? buffers[i].length : 0;
	}
	driver->free_head = index;
	driver->free_count = (uint16_t)(driver->free_count - count);
	driver->slots[head].cookie = cookie;
	driver->slots[head].writable = writable;
	driver->slots[head].last = last;
	driver->slots[head].count = (uint16_t)count;
	driver->rings->avail.ring[driver->avail & MASK] = head;
	driver->avail++;
	__atomic_store_n(&driver->rings->avail.index, driver->avail, __ATOMIC_RELEASE);
	return 0;
}

bool minimal_should_kick(struct minimal_driver *driver)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	const uint16_t event = __atomic_load_n(&driver->rings->used.avail_event, __ATOMIC_RELAXED);
	const bool kick =
		(uint16_t)(driver->avail - event - 1) < (uint16_t)(driver->avail - driver->kicked);
	driver->kicked = driver->avail;
	return kick;
}

int minimal_pop(struct minimal_device *device, struct minimal_piece *pieces, size_t capacity,
		uint16_t *head)
{
	struct minimal_rings *rings = device->rings;
	const uint16_t avail = __atomic_load_n(&rings->avail.index, __ATOMIC_ACQUIRE);
	const uint16_t waiting = (uint16_t)(avail - device->avail);

	if (waiting == 0) {
		return 0;
	}
	if (waiting > MINIMAL_SIZE) {
		return -1;
	}
	uint16_t index =
		__atomic_load_n(&rings->avail.ring[device->avail & MASK], __ATOMIC_RELAXED);
	*head = index;
	for (size_t count = 0; count < capacity;) {
		if (index >= MINIMAL_SIZE) {
			return -1;
		}
		struct minimal_desc desc;
		memcpy(&desc, &rings->desc[index], sizeof(desc));
		__asm__ volatile("" ::: "memory");
		const bool write = desc.flags & FLAG_WRITE;
		if (desc.length == 0 || desc.address > device->region_size ||
		    desc.length > device->region_size - desc.address ||
		    (count > 0 && pieces[count - 1].write && !write)) {
			return -1;
		}
		pieces[count++] =
			(struct minimal_piece){ device->region + desc.address, desc.length, write };
		if (!(desc.flags & FLAG_NEXT)) {
			device->avail++;
			return (int)count;
		}
		index = desc.next;
	}
	return -1;
}

void minimal_push(struct minimal_device *device, uint16_t head, uint32_t written)
{
	device->rings->used.ring[device->used & MASK] = (struct minimal_used){ head, written };
	device->used++;
	__atomic_store_n(&device->rings->used.index, device->used, __ATOMIC_RELEASE);
}

bool minimal_should_notify(struct minimal_device *device)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	const uint16_t event = __atomic_load_n(&device->rings->avail.used_event, __ATOMIC_RELAXED);
	const bool notify =
		(uint16_t)(device->used - event - 1) < (uint16_t)(device->used - device->signaled);
	device->signaled = device->used;
	return notify;
}

void *minimal_reap(struct minimal_driver *driver, uint32_t *written)
{
	struct minimal_rings *rings = driver->rings;
	const uint16_t used = __atomic_load_n(&rings->used.index, __ATOMIC_ACQUIRE);

	if ((uint16_t)(used - driver->used) - 1u >= MINIMAL_SIZE) {
		return NULL;
	}
	struct minimal_used entry;
	memcpy(&entry, &rings->used.ring[driver->used & MASK], sizeof(entry));
	__asm__ volatile("" ::: "memory");
	if (entry.id >= MINIMAL_SIZE || !driver->slots[entry.id].cookie ||
	    entry.length > driver->slots[entry.id].writable) {
		return NULL;
	}
	void *cookie = driver->slots[entry.id].cookie;
	driver->slots[entry.id].cookie = NULL;
	driver->slots[driver->slots[entry.id].last].next = driver->free_head;
	driver->free_head = (uint16_t)entry.id;
	driver->free_count = (uint16_t)(driver->free_count + driver->slots[entry.id].count);
	driver->used++;
	*written = entry.length;
	return cookie;
}
