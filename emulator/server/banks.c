/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns the descriptors and mappings of all RAM. Invariants: banks never overlap; one memfd is at
 * most one bank, so that an address is the only name of its memory; every bank is sealed against
 * shrinking, so that touching the mapping cannot fault.
 */
#include "server/banks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "wire.h"

/* Where banks go that did not ask for a place, and the hole between them: what runs off the end of
 * one must not land in the next. */
#define FIRST_ADDRESS UINT64_C(0x80000000)
#define ALIGNMENT     UINT64_C(0x200000)

static void bank_free(struct bank *bank)
{
	munmap(bank->data, bank->size);
	close(bank->fd);
	free(bank);
}

void bank_map_free(struct bank_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		bank_free(map->sorted[i]);
	}
	free(map->sorted);
	memset(map, 0, sizeof(*map));
}

/* Index of the first bank that ends after `address`. */
static size_t lower_bound(const struct bank_map *map, uint64_t address)
{
	size_t low = 0;
	size_t high = map->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (map->sorted[middle]->address + map->sorted[middle]->size <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct bank *bank_map_find_any(const struct bank_map *map, uint64_t address)
{
	const size_t index = lower_bound(map, address);

	if (index == map->count || map->sorted[index]->address > address) {
		return NULL;
	}
	return map->sorted[index];
}

const struct bank *bank_map_find(const struct bank_map *map, uint16_t owner, uint64_t address)
{
	const struct bank *bank = bank_map_find_any(map, address);

	return bank && bank->owner == owner && !bank->orphan ? bank : NULL;
}

static const char *check_descriptor(const struct bank_map *map, int fd, uint64_t size,
				    struct stat *status, int *sealed)
{
	struct statfs filesystem;

	const int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || fstat(fd, status) != 0 || fstatfs(fd, &filesystem) != 0) {
		return "is not a memfd";
	}
	if (filesystem.f_type != TMPFS_MAGIC) {
		return "is made of huge pages";
	}
	if (!(seals & F_SEAL_SHRINK)) {
		return "is not sealed against shrinking";
	}
	/* After the seal: from here on the size can only grow. */
	*sealed = seals;
	if (status->st_size < 0 || (uint64_t)status->st_size < size) {
		return "is larger than its memfd";
	}
	for (size_t i = 0; i < map->count; i++) {
		if (map->sorted[i]->device == status->st_dev &&
		    map->sorted[i]->inode == status->st_ino) {
			return "is the memory of another bank";
		}
	}
	return NULL;
}

static const char *check_size(const struct bank_map *map, uint16_t owner, uint64_t size)
{
	uint64_t total = 0;

	if (size == 0 || size % VMSG_WIRE_PAGE_SIZE != 0) {
		return "is not a multiple of 4096 bytes";
	}
	for (size_t i = 0; i < map->count; i++) {
		if (map->sorted[i]->owner == owner) {
			total += map->sorted[i]->size;
		}
	}
	if (size > VMSG_WIRE_RAM_MAX || total > VMSG_WIRE_RAM_MAX - size) {
		return "exceeds the 256 GiB that a partition may have";
	}
	return NULL;
}

static const char *check_place(const struct bank_map *map, uint64_t address, uint64_t size)
{
	if (address % VMSG_WIRE_PAGE_SIZE != 0) {
		return "does not start at a multiple of 4096";
	}
	if (address >= VMSG_WIRE_ADDRESS_LIMIT || size > VMSG_WIRE_ADDRESS_LIMIT - address) {
		return "is outside the 48-bit physical map";
	}
	const size_t index = lower_bound(map, address);
	if (index < map->count && map->sorted[index]->address < address + size) {
		return "overlaps another bank";
	}
	return NULL;
}

/* First fit. Total RAM is far below the map's size, so there is always a place. */
static uint64_t find_place(const struct bank_map *map, uint64_t size)
{
	uint64_t place = FIRST_ADDRESS;

	for (size_t i = lower_bound(map, place); i < map->count; i++) {
		const struct bank *next = map->sorted[i];
		if (next->address > place && next->address - place > size) {
			break;
		}
		place = (next->address + next->size + ALIGNMENT) & ~(ALIGNMENT - 1);
	}
	return place;
}

static bool reserve(struct bank_map *map)
{
	if (map->count < map->capacity) {
		return true;
	}
	const size_t capacity = map->capacity ? map->capacity * 2 : 16;
	struct bank **grown = realloc(map->sorted, capacity * sizeof(struct bank *));
	if (!grown) {
		return false;
	}
	map->sorted = grown;
	map->capacity = capacity;
	return true;
}

const struct bank *bank_map_add(struct bank_map *map, uint16_t owner, int fd, uint64_t address,
				uint64_t size, char *why, size_t why_size)
{
	struct stat status;
	int seals = 0;
	const char *problem = check_size(map, owner, size);

	problem = problem ? problem : check_descriptor(map, fd, size, &status, &seals);
	if (!problem && address == 0) {
		address = find_place(map, size);
	}
	problem = problem ? problem : check_place(map, address, size);
	if (problem) {
		snprintf(why, why_size, "%s", problem);
		return NULL;
	}
	struct bank *bank = calloc(1, sizeof(*bank));
	if (!bank || !reserve(map)) {
		free(bank);
		snprintf(why, why_size, "finds the manager out of memory");
		return NULL;
	}
	*bank = (struct bank){ .id = ++map->last_id,
			       .address = address,
			       .size = size,
			       .fd = fd,
			       .owner = owner,
			       .access =
				       seals & F_SEAL_FUTURE_WRITE ? SPMC_READ_ONLY : SPMC_WRITABLE,
			       .may_be_sealed = !(seals & F_SEAL_SEAL),
			       .device = status.st_dev,
			       .inode = status.st_ino };
	const int protection = bank->access == SPMC_READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	void *data = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED) {
		snprintf(why, why_size, "cannot be mapped %s: %s",
			 bank->access == SPMC_READ_ONLY ? "read-only" : "read-write",
			 strerror(errno));
		free(bank);
		return NULL;
	}
	bank->data = data;
	const size_t index = lower_bound(map, address);
	memmove(&map->sorted[index + 1], &map->sorted[index],
		(map->count - index) * sizeof(struct bank *));
	map->sorted[index] = bank;
	map->count++;
	return bank;
}

/* Keeps the banks for which `keep` holds. */
static void filter(struct bank_map *map, const struct spmc *spmc,
		   bool (*keep)(struct bank_map *map, struct bank *bank, const struct spmc *spmc,
				uint16_t owner),
		   uint16_t owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->count; i++) {
		if (keep(map, map->sorted[i], spmc, owner)) {
			map->sorted[kept++] = map->sorted[i];
		} else {
			const uint64_t id = map->sorted[i]->id;
			bank_free(map->sorted[i]);
			if (map->gone) {
				map->gone(map->gone_context, id);
			}
		}
	}
	map->count = kept;
}

static bool keep_without_owner(struct bank_map *map, struct bank *bank, const struct spmc *spmc,
			       uint16_t owner)
{
	if (bank->owner != owner || bank->orphan) {
		return true;
	}
	bank->orphan = spmc_bank_in_use(spmc, bank->id);
	map->orphan_count += bank->orphan;
	return bank->orphan;
}

static bool keep_in_use(struct bank_map *map, struct bank *bank, const struct spmc *spmc,
			uint16_t owner)
{
	(void)owner;
	if (!bank->orphan || spmc_bank_in_use(spmc, bank->id)) {
		return true;
	}
	map->orphan_count--;
	return false;
}

void bank_map_drop_owner(struct bank_map *map, const struct spmc *spmc, uint16_t owner)
{
	filter(map, spmc, keep_without_owner, owner);
}

void bank_map_sweep(struct bank_map *map, const struct spmc *spmc)
{
	if (map->orphan_count > 0) {
		filter(map, spmc, keep_in_use, 0);
	}
}

const char *bank_map_remove(struct bank_map *map, const struct spmc *spmc, uint16_t owner,
			    uint64_t address)
{
	const size_t index = lower_bound(map, address);
	const struct bank *bank = bank_map_find(map, owner, address);

	if (!bank || bank->address != address) {
		return "is none of the partition's";
	}
	if (spmc_bank_in_use(spmc, bank->id)) {
		return "is in use";
	}
	const uint64_t id = bank->id;
	bank_free(map->sorted[index]);
	map->count--;
	memmove(&map->sorted[index], &map->sorted[index + 1],
		(map->count - index) * sizeof(struct bank *));
	if (map->gone) {
		map->gone(map->gone_context, id);
	}
	return NULL;
}

size_t bank_map_count(const struct bank_map *map, uint16_t owner)
{
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++) {
		count += map->sorted[i]->owner == owner && !map->sorted[i]->orphan;
	}
	return count;
}

/* Walks [address, address + size) bank by bank: the piece in the first bank, NULL if outside. */
static uint8_t *piece_at(const struct bank_map *map, uint16_t partition, uint64_t address,
			 uint64_t size, size_t *piece_size)
{
	const struct bank *bank = bank_map_find(map, partition, address);

	if (!bank) {
		return NULL;
	}
	const uint64_t rest = bank->address + bank->size - address;
	*piece_size = size < rest ? size : rest;
	return bank->data + (address - bank->address);
}

/* Reads into `to`, writes from `from`, or zeroes. The whole range is checked first: nothing is done
 * by halves. */
static bool can_write(const struct bank_map *map, uint16_t partition, uint64_t address)
{
	const struct bank *bank = bank_map_find(map, partition, address);

	return bank && bank->access != SPMC_READ_ONLY;
}

static int transfer(const struct bank_map *map, uint16_t partition, uint64_t address, uint8_t *to,
		    const uint8_t *from, uint64_t size)
{
	size_t piece_size;

	for (uint64_t done = 0; done < size; done += piece_size) {
		if (!piece_at(map, partition, address + done, size - done, &piece_size) ||
		    (!to && !can_write(map, partition, address + done))) {
			return -1;
		}
	}
	for (uint64_t done = 0; done < size; done += piece_size) {
		uint8_t *piece = piece_at(map, partition, address + done, size - done, &piece_size);
		if (!piece) {
			return -1;
		}
		if (to) {
			memcpy(to + done, piece, piece_size);
		} else if (from) {
			memcpy(piece, from + done, piece_size);
		} else {
			memset(piece, 0, piece_size);
		}
	}
	return 0;
}

static int ram_read(void *context, uint16_t partition, uint64_t address, void *to, size_t size)
{
	return transfer(context, partition, address, to, NULL, size);
}

static int ram_write(void *context, uint16_t partition, uint64_t address, const void *from,
		     size_t size)
{
	return transfer(context, partition, address, NULL, from, size);
}

static int ram_zero(void *context, uint16_t partition, uint64_t address, uint64_t size)
{
	return transfer(context, partition, address, NULL, NULL, size);
}

static int ram_identify(void *context, uint16_t partition, uint64_t address, uint32_t pages,
			struct spmc_page *page, uint32_t *run, enum spmc_access *access)
{
	struct bank *bank = (struct bank *)bank_map_find(context, partition, address);

	if (!bank) {
		return -1;
	}
	const uint64_t rest = (bank->address + bank->size - address) / VMSG_WIRE_PAGE_SIZE;
	page->bank = bank->id;
	page->page = (address - bank->address) / VMSG_WIRE_PAGE_SIZE;
	*run = rest < pages ? (uint32_t)rest : pages;
	if (bank->may_be_sealed) {
		const int seals = fcntl(bank->fd, F_GET_SEALS);
		bank->access = seals & F_SEAL_FUTURE_WRITE ? SPMC_OWNER_WRITES : SPMC_WRITABLE;
		bank->may_be_sealed = !(seals & F_SEAL_SEAL);
	}
	*access = bank->access;
	return 0;
}

const struct spmc_memory_ops bank_memory_ops = {
	.read = ram_read,
	.write = ram_write,
	.zero = ram_zero,
	.identify = ram_identify,
};
