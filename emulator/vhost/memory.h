/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that a vhost-user front end shares with us: regions of its guest's address space, each
 * a piece of a memfd. Makes them readable as the guest addresses them, and says what such an
 * address is on another bus, where every memfd lies as a whole.
 */
#ifndef VMSG_EMULATOR_VHOST_MEMORY_H
#define VMSG_EMULATOR_VHOST_MEMORY_H

#include <sys/types.h>

#include "virtio_msg_ffa/memory.h"

#define VHOST_MEMORY_REGIONS_MAX 32u
#define VHOST_MEMORY_WHY_SIZE    192u

/* A region as the front end describes it. */
struct vhost_memory_region {
	uint64_t guest; /* its address in descriptors */
	uint64_t size;
	uint64_t user; /* in SET_VRING_ADDR */
	uint64_t offset;
	uint32_t file; /* index into the files */
};

/* A memfd that regions lie in; found again when the front end sends it again. */
struct vhost_memory_file {
	int fd; /* -1: a free place */
	dev_t device;
	ino_t inode;
	uint64_t size; /* whole pages */
	uint32_t users;
	/* The owner's: where its first byte is on the bus, once it is there. */
	bool has_bus;
	uint64_t bus;
};

/* All regions whose addresses agree in the 16 bits that name an area: one mapping, in which what is
 * between them reads as zeros. */
struct vhost_memory_space {
	uint8_t *data;
	uint64_t base;
	uint64_t size;
};

struct vhost_memory {
	struct vhost_memory_region regions[VHOST_MEMORY_REGIONS_MAX];
	uint32_t region_count;
	struct vhost_memory_file files[VHOST_MEMORY_REGIONS_MAX];
	struct vhost_memory_space spaces[VHOST_MEMORY_REGIONS_MAX];
	uint32_t space_count;
	struct vmsg_memory areas; /* read: guest addresses, for virtqueues */
	struct vmsg_memory_area slots[VHOST_MEMORY_REGIONS_MAX];
	char why[VHOST_MEMORY_WHY_SIZE]; /* a function failed */
};

void vhost_memory_init(struct vhost_memory *memory);

/*
 * Adds a region: takes `*fd` over and sets it to -1, also when it fails. -1 when it overlaps
 * another, is not of whole pages, or its descriptor is no memfd that is sealed against shrinking
 * and large enough. What is mapped stays as it is until vhost_memory_map().
 */
int vhost_memory_add(struct vhost_memory *memory, const struct vhost_memory_region *region,
		     int *fd);

/* Takes the region away that has this guest address, size and user address; -1 if there is none. */
int vhost_memory_remove(struct vhost_memory *memory, const struct vhost_memory_region *region);
/* Forgets all regions; files stay until vhost_memory_sweep(). */
void vhost_memory_clear(struct vhost_memory *memory);
/* Closes and forgets the files that no region is in. Those with `has_bus` are the owner's to give
 * up before: they stay. */
void vhost_memory_sweep(struct vhost_memory *memory);

/* Maps what the regions say, instead of what was mapped; no virtqueue may be in there. -1 when that
 * cannot be. */
int vhost_memory_map(struct vhost_memory *memory);
void vhost_memory_unmap(struct vhost_memory *memory);

/* The guest's address of `size` bytes at an address of the front end: false unless they are in one
 * region. */
bool vhost_memory_guest(const struct vhost_memory *memory, uint64_t user, uint64_t size,
			uint64_t *guest);

/* Bus address of a guest address and how much of `size` lies there in one piece; 0 if it is in no
 * region, or its file is not on the bus. */
uint64_t vhost_memory_bus(const struct vhost_memory *memory, uint64_t guest, uint64_t size,
			  uint64_t *bus);

/* The guest's address of what a virtqueue has found in `areas`. */
uint64_t vhost_memory_address(const struct vhost_memory *memory, const uint8_t *data);

#endif
