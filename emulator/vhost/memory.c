/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions, files and mappings of a front end's memory. Invariants: regions do not overlap, neither
 * as the guest nor as the front end addresses them; a file counts the regions in it; what is mapped
 * for reading cannot fault, since no file can shrink and the gaps between regions are zeros of our
 * own.
 */
#include "vhost/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_SIZE 4096u
#define ID_SHIFT  48
/* From the lowest to the highest address of one space. Twice the RAM of a partition: enough for the
 * gaps of any machine. */
#define SPACE_MAX (UINT64_C(1) << 39)

__attribute__((format(printf, 2, 3))) static int refuse(struct vhost_memory *memory,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(memory->why, sizeof(memory->why), format, arguments);
	va_end(arguments);
	return -1;
}

void vhost_memory_init(struct vhost_memory *memory)
{
	*memory = (struct vhost_memory){ 0 };
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		memory->files[i].fd = -1;
	}
	vmsg_memory_init(&memory->areas, memory->slots, VHOST_MEMORY_REGIONS_MAX, ID_SHIFT);
}

/* ---- files ---- */

static int find_file(struct vhost_memory *memory, const struct stat *status, uint32_t *index)
{
	uint32_t free_place = VHOST_MEMORY_REGIONS_MAX;

	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		const struct vhost_memory_file *file = &memory->files[i];
		if (file->fd < 0) {
			free_place = free_place < i ? free_place : i;
		} else if (file->device == status->st_dev && file->inode == status->st_ino) {
			*index = i;
			return 1;
		}
	}
	*index = free_place;
	return 0;
}

/* Finds the file of a descriptor, or makes it one of ours and takes the descriptor over. */
static int take_file(struct vhost_memory *memory, int *fd, uint32_t *index)
{
	struct stat status;

	const int seals = fcntl(*fd, F_GET_SEALS);
	if (seals < 0 || fstat(*fd, &status) != 0) {
		return refuse(memory, "memory region: the descriptor is no memfd (QEMU: -object "
				      "memory-backend-memfd,share=on)");
	}
	if (!(seals & F_SEAL_SHRINK)) {
		return refuse(memory, "memory region: the memfd is not sealed against shrinking");
	}
	if (find_file(memory, &status, index)) {
		return 0;
	}
	if (*index == VHOST_MEMORY_REGIONS_MAX) {
		return refuse(memory, "memory region: more than %u memfds",
			      VHOST_MEMORY_REGIONS_MAX);
	}
	memory->files[*index] = (struct vhost_memory_file){
		.fd = *fd,
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = (uint64_t)status.st_size & ~(uint64_t)(PAGE_SIZE - 1),
	};
	*fd = -1;
	return 0;
}

void vhost_memory_sweep(struct vhost_memory *memory)
{
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		struct vhost_memory_file *file = &memory->files[i];
		if (file->fd >= 0 && file->users == 0 && !file->has_bus) {
			(void)close(file->fd);
			*file = (struct vhost_memory_file){ .fd = -1 };
		}
	}
}

/* ---- regions ---- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int check_region(struct vhost_memory *memory, const struct vhost_memory_region *region)
{
	if (region->size == 0 || (region->guest | region->size | region->offset) % PAGE_SIZE != 0) {
		return refuse(memory,
			      "memory region of %" PRIu64 " bytes at 0x%" PRIx64 ", offset %" PRIu64
			      ": not whole pages of 4096 bytes",
			      region->size, region->guest, region->offset);
	}
	if (region->size > SPACE_MAX || region->guest > UINT64_MAX - region->size ||
	    region->user > UINT64_MAX - region->size ||
	    region->guest >> ID_SHIFT != (region->guest + region->size - 1) >> ID_SHIFT) {
		return refuse(memory,
			      "memory region of %" PRIu64 " bytes at 0x%" PRIx64 " is too large",
			      region->size, region->guest);
	}
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *other = &memory->regions[i];
		if (overlap(region->guest, region->size, other->guest, other->size) ||
		    overlap(region->user, region->size, other->user, other->size)) {
			return refuse(memory,
				      "memory region at 0x%" PRIx64
				      " overlaps another at 0x%" PRIx64,
				      region->guest, other->guest);
		}
	}
	return memory->region_count == VHOST_MEMORY_REGIONS_MAX
		       ? refuse(memory, "more than %u memory regions", VHOST_MEMORY_REGIONS_MAX)
		       : 0;
}

static int add(struct vhost_memory *memory, struct vhost_memory_region region, int *fd)
{
	if (check_region(memory, &region) < 0 || take_file(memory, fd, &region.file) < 0) {
		return -1;
	}
	struct vhost_memory_file *file = &memory->files[region.file];
	if (region.offset > file->size || region.size > file->size - region.offset) {
		return refuse(memory,
			      "memory region of %" PRIu64 " bytes at offset %" PRIu64
			      " is not in its memfd of %" PRIu64,
			      region.size, region.offset, file->size);
	}
	file->users++;
	memory->regions[memory->region_count++] = region;
	return 0;
}

int vhost_memory_add(struct vhost_memory *memory, const struct vhost_memory_region *region, int *fd)
{
	const int result = add(memory, *region, fd);

	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return result;
}

int vhost_memory_remove(struct vhost_memory *memory, const struct vhost_memory_region *region)
{
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *found = &memory->regions[i];
		if (found->guest == region->guest && found->size == region->size &&
		    found->user == region->user) {
			memory->files[found->file].users--;
			memory->regions[i] = memory->regions[--memory->region_count];
			return 0;
		}
	}
	return refuse(memory,
		      "no memory region of %" PRIu64 " bytes at 0x%" PRIx64 " to be taken away",
		      region->size, region->guest);
}

void vhost_memory_clear(struct vhost_memory *memory)
{
	for (uint32_t i = 0; i < memory->region_count; i++) {
		memory->files[memory->regions[i].file].users--;
	}
	memory->region_count = 0;
}

/* ---- mappings ---- */

void vhost_memory_unmap(struct vhost_memory *memory)
{
	for (uint32_t i = 0; i < memory->space_count; i++) {
		(void)munmap(memory->spaces[i].data, memory->spaces[i].size);
	}
	memory->space_count = 0;
	vmsg_memory_init(&memory->areas, memory->slots, VHOST_MEMORY_REGIONS_MAX, ID_SHIFT);
}

/* The extent of the space that a region belongs to. */
static struct vhost_memory_space extent_of(const struct vhost_memory *memory, uint64_t guest)
{
	uint64_t low = UINT64_MAX;
	uint64_t last = 0;

	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *region = &memory->regions[i];
		if (region->guest >> ID_SHIFT == guest >> ID_SHIFT) {
			const uint64_t region_last = region->guest + region->size - 1;
			low = region->guest < low ? region->guest : low;
			last = region_last > last ? region_last : last;
		}
	}
	return (struct vhost_memory_space){ .base = low, .size = last - low + 1 };
}

static int map_regions(struct vhost_memory *memory, const struct vhost_memory_space *space)
{
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *region = &memory->regions[i];
		if (region->guest - space->base >= space->size) {
			continue;
		}
		uint8_t *place = space->data + (region->guest - space->base);
		if (mmap(place, region->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 memory->files[region->file].fd, (off_t)region->offset) != place) {
			return refuse(memory, "memory region at 0x%" PRIx64 " cannot be mapped: %s",
				      region->guest, strerror(errno));
		}
	}
	return 0;
}

static int map_space(struct vhost_memory *memory, struct vhost_memory_space space)
{
	if (space.size > SPACE_MAX) {
		return refuse(memory,
			      "memory regions from 0x%" PRIx64 " to 0x%" PRIx64
			      " are too far apart",
			      space.base, space.base + space.size - 1);
	}
	void *data = mmap(NULL, space.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
	if (data == MAP_FAILED) {
		return refuse(memory, "%" PRIu64 " bytes of memory cannot be mapped: %s",
			      space.size, strerror(errno));
	}
	space.data = data;
	memory->spaces[memory->space_count++] = space;
	const uint16_t id = (uint16_t)(space.base >> ID_SHIFT);
	const struct vmsg_segment segment = { space.data, space.size };
	if (map_regions(memory, &space) < 0) {
		return -1;
	}
	if (vmsg_memory_add(&memory->areas, id, &segment, 1, true, 0) < 0 ||
	    vmsg_memory_move(&memory->areas, id, space.base) < 0) {
		return refuse(memory, "memory regions at 0x%" PRIx64 " cannot be addressed",
			      space.base);
	}
	return 0;
}

int vhost_memory_map(struct vhost_memory *memory)
{
	vhost_memory_unmap(memory);
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const uint64_t guest = memory->regions[i].guest;
		if (vmsg_memory_find(&memory->areas, (uint16_t)(guest >> ID_SHIFT))) {
			continue;
		}
		if (map_space(memory, extent_of(memory, guest)) < 0) {
			vhost_memory_unmap(memory);
			return -1;
		}
	}
	return 0;
}

/* ---- addresses ---- */

bool vhost_memory_guest(const struct vhost_memory *memory, uint64_t user, uint64_t size,
			uint64_t *guest)
{
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *region = &memory->regions[i];
		const uint64_t offset = user - region->user;
		if (offset < region->size && size <= region->size - offset) {
			*guest = region->guest + offset;
			return true;
		}
	}
	return false;
}

uint64_t vhost_memory_bus(const struct vhost_memory *memory, uint64_t guest, uint64_t size,
			  uint64_t *bus)
{
	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct vhost_memory_region *region = &memory->regions[i];
		const struct vhost_memory_file *file = &memory->files[region->file];
		const uint64_t offset = guest - region->guest;
		if (offset < region->size && file->has_bus) {
			*bus = file->bus + region->offset + offset;
			return size < region->size - offset ? size : region->size - offset;
		}
	}
	return 0;
}

uint64_t vhost_memory_address(const struct vhost_memory *memory, const uint8_t *data)
{
	for (uint32_t i = 0; i < memory->space_count; i++) {
		const struct vhost_memory_space *space = &memory->spaces[i];
		const uintptr_t offset = (uintptr_t)data - (uintptr_t)space->data;
		if (offset < space->size) {
			return space->base + offset;
		}
	}
	return 0;
}
