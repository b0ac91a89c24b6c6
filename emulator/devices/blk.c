/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-blk on a file. A request's header is read once into a local and checked; the data goes
 * straight between the file and the driver's memory with preadv and pwritev; the status byte is the
 * last byte of the last writable piece. (virtio: Block Device)
 */
#include "devices/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/blk_disk.h"
#include "devices/chain.h"

/* header, status and data, each of which may straddle an edge between segments of an area */
#define PIECES_MAX   ((BLK_SEGMENTS_MAX + 2) * 2)
#define REQUESTS_MAX 256 /* served in one go */
#define ZEROES_SIZE  65536u
#define FILL_MAX     (16u << 20) /* no honest request is larger; nobody waits for more */

/* Writes are durable when they are acknowledged unless the driver can flush and has not asked
 * otherwise. (virtio: Device Operation, "volatile" and "stable" writes) */
static bool is_write_through(const struct blk *blk)
{
	if (vmsg_device_has_feature(&blk->base.machine, BLK_F_CONFIG_WCE)) {
		return !blk->writeback;
	}
	return !vmsg_device_has_feature(&blk->base.machine, BLK_F_FLUSH);
}

/* After a failure the kernel may have dropped what it could not write, and would call the next
 * attempt a success: it stays a failure. */
static bool make_durable(struct blk *blk)
{
	blk->lost_writes |= fdatasync(blk->fd) != 0;
	return !blk->lost_writes;
}

static uint8_t verdict(bool is_done)
{
	return (uint8_t)(is_done ? BLK_S_OK : BLK_S_IOERR);
}

/* ---- reads and writes ---- */

/* Moves all of it, in as many calls as the kernel wants; false on an error or the file's end. */
static bool transfer(const struct blk *blk, bool write, struct iovec *vectors, int count,
		     uint64_t offset)
{
	const int flags = write && is_write_through(blk) ? RWF_DSYNC : 0;

	while (count > 0) {
		const ssize_t done = write ? pwritev2(blk->fd, vectors, count, (off_t)offset, flags)
					   : preadv(blk->fd, vectors, count, (off_t)offset);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return false;
		}
		offset += (uint64_t)done;
		size_t left = (size_t)done;
		while (count > 0 && left >= vectors->iov_len) {
			left -= vectors->iov_len;
			vectors++;
			count--;
		}
		if (count > 0) {
			vectors->iov_base = (uint8_t *)vectors->iov_base + left;
			vectors->iov_len -= left;
		}
	}
	return true;
}

static bool is_inside(const struct blk *blk, uint64_t sector, uint64_t sectors)
{
	return sector <= blk->capacity && sectors <= blk->capacity - sector;
}

/* A file that was cut short does not grow again under a write: what was behind the cut would read
 * as zeroes from then on, and nobody be told that it is lost. */
static bool is_there(const struct blk *blk, uint64_t offset, uint64_t size)
{
	const off_t end = lseek(blk->fd, 0, SEEK_END);

	return end >= 0 && offset + size <= (uint64_t)end; /* both within the capacity */
}

/* T_IN and T_OUT; `*done` bytes were written into the chain. */
static uint8_t move_data(const struct blk *blk, const struct vmsg_vq_chain *chain, bool write,
			 uint64_t sector, uint64_t *done)
{
	struct iovec vectors[PIECES_MAX];
	const uint64_t size =
		write ? chain->readable_size - BLK_HEADER_SIZE : chain->writable_size - 1;

	if (size == 0 || size % BLK_SECTOR_SIZE ||
	    !is_inside(blk, sector, size / BLK_SECTOR_SIZE) || (write && blk->readonly)) {
		return BLK_S_IOERR;
	}
	const int count = chain_vectors(chain, !write, write ? BLK_HEADER_SIZE : 0, size, vectors);
	const uint64_t offset = sector * BLK_SECTOR_SIZE;
	if ((write && !is_there(blk, offset, size)) ||
	    !transfer(blk, write, vectors, count, offset)) {
		return BLK_S_IOERR;
	}
	*done = write ? 0 : size;
	return BLK_S_OK;
}

/* ---- ranges: DISCARD and WRITE_ZEROES ---- */

static bool write_zeroes(const struct blk *blk, uint64_t offset, uint64_t size)
{
	static const uint8_t zeroes[ZEROES_SIZE];

	while (size > 0) {
		struct iovec vector = { (void *)(uintptr_t)zeroes,
					size < ZEROES_SIZE ? (size_t)size : ZEROES_SIZE };
		const size_t part = vector.iov_len;
		if (!transfer(blk, true, &vector, 1, offset)) {
			return false;
		}
		offset += part;
		size -= part;
	}
	return true;
}

/* Reads as zeroes afterwards, where the file system can by leaving it out of the file. */
static bool zero_range(struct blk *blk, uint64_t offset, uint64_t size, bool unmap)
{
	const int mode = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	if (fallocate(blk->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) == 0) {
		return !is_write_through(blk) || make_durable(blk);
	}
	return errno == EOPNOTSUPP && write_zeroes(blk, offset, size);
}

/* A device may ignore a discard: what the file system cannot leave out stays. */
static bool discard_range(const struct blk *blk, uint64_t offset, uint64_t size)
{
	return fallocate(blk->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			 (off_t)size) == 0 ||
	       errno == EOPNOTSUPP;
}

static uint8_t serve_range(struct blk *blk, const uint8_t range[BLK_RANGE_SIZE], bool discard)
{
	const uint64_t sector = load_le(range, 8);
	const uint64_t sectors = load_le(range + 8, 4);
	const uint64_t flags = load_le(range + 12, 4);

	if (flags & ~(uint64_t)(discard ? 0 : BLK_RANGE_F_UNMAP)) {
		return BLK_S_UNSUPP;
	}
	if (blk->readonly || sectors == 0 || sectors > BLK_RANGE_SECTORS_MAX ||
	    !is_inside(blk, sector, sectors)) {
		return BLK_S_IOERR;
	}
	const uint64_t offset = sector * BLK_SECTOR_SIZE;
	const uint64_t size = sectors * BLK_SECTOR_SIZE;
	if (!is_there(blk, offset, size)) {
		return BLK_S_IOERR;
	}
	return verdict(discard ? discard_range(blk, offset, size)
			       : zero_range(blk, offset, size, flags & BLK_RANGE_F_UNMAP));
}

static uint8_t serve_ranges(struct blk *blk, const struct vmsg_vq_chain *chain, bool discard)
{
	const unsigned int feature = discard ? BLK_F_DISCARD : BLK_F_WRITE_ZEROES;
	const uint64_t size = chain->readable_size - BLK_HEADER_SIZE;
	uint8_t ranges[BLK_RANGES_MAX * BLK_RANGE_SIZE];
	uint8_t status = BLK_S_OK;

	if (!vmsg_device_has_feature(&blk->base.machine, feature)) {
		return BLK_S_UNSUPP;
	}
	if (size == 0 || size % BLK_RANGE_SIZE || size > sizeof(ranges)) {
		return BLK_S_IOERR;
	}
	(void)chain_read(chain, BLK_HEADER_SIZE, ranges, (size_t)size);
	for (size_t at = 0; at < size && status == BLK_S_OK; at += BLK_RANGE_SIZE) {
		status = serve_range(blk, ranges + at, discard);
	}
	return status;
}

/* ---- requests ---- */

static uint8_t get_id(const struct blk *blk, const struct vmsg_vq_chain *chain, uint64_t *done)
{
	if (chain->writable_size - 1 < BLK_ID_SIZE) {
		return BLK_S_IOERR;
	}
	*done = chain_write(chain, 0, blk->serial, BLK_ID_SIZE);
	return BLK_S_OK;
}

static uint8_t serve_request(struct blk *blk, const struct vmsg_vq_chain *chain,
			     const uint8_t header[BLK_HEADER_SIZE], uint64_t *done)
{
	const uint64_t type = load_le(header, 4);
	const uint64_t sector = load_le(header + 8, 8);

	switch (type) {
	case BLK_T_IN:
	case BLK_T_OUT:
		return move_data(blk, chain, type == BLK_T_OUT, sector, done);
	case BLK_T_FLUSH:
		return verdict(make_durable(blk));
	case BLK_T_GET_ID:
		return get_id(blk, chain, done);
	case BLK_T_DISCARD:
	case BLK_T_WRITE_ZEROES:
		return serve_ranges(blk, chain, type == BLK_T_DISCARD);
	default:
		return BLK_S_UNSUPP;
	}
}

/* The used length counts from the first writable byte, and the status is the last: zeroes for what
 * lies between `done` bytes and it. The length. (virtio: The Virtqueue Used Ring) */
static uint32_t fill_up(const struct vmsg_vq_chain *chain, uint64_t done)
{
	static const uint8_t zeroes[ZEROES_SIZE];
	const uint64_t end = chain->writable_size - 1;

	if (end - done > FILL_MAX) {
		return done < UINT32_MAX ? (uint32_t)done : UINT32_MAX;
	}
	while (done < end) {
		const uint64_t left = end - done;
		done += chain_write(chain, done, zeroes,
				    left < sizeof(zeroes) ? (size_t)left : sizeof(zeroes));
	}
	return end < UINT32_MAX ? (uint32_t)end + 1 : UINT32_MAX;
}

/* Serves one chain; the bytes written into it, with the status. */
static uint32_t serve(struct blk *blk, const struct vmsg_vq_chain *chain)
{
	uint8_t header[BLK_HEADER_SIZE];
	uint64_t done = 0;

	blk->base.requests++;
	if (chain->writable_size < 1) {
		blk->base.errors++;
		return 0; /* no place for a status: nothing can be said */
	}
	const uint8_t status = chain_read(chain, 0, header, sizeof(header)) == sizeof(header)
				       ? serve_request(blk, chain, header, &done)
				       : BLK_S_IOERR;
	blk->base.errors += status != BLK_S_OK;
	(void)chain_write(chain, chain->writable_size - 1, &status, 1);
	return fill_up(chain, done);
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct blk *blk = context;
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	int served = 0;

	do {
		vmsg_vq_device_disable_notify(queue);
		for (;;) {
			chain.capacity = PIECES_MAX;
			if (served == REQUESTS_MAX || vmsg_vq_device_pop(queue, &chain) != 1) {
				break;
			}
			if (vmsg_vq_device_push(queue, chain.head, serve(blk, &chain)) < 0) {
				break;
			}
			served++;
		}
	} while (vmsg_vq_device_enable_notify(queue) && served < REQUESTS_MAX);
	if (served == REQUESTS_MAX) {
		vmsg_device_kick_later(&blk->base.machine, index);
	}
	vmsg_device_notify(&blk->base.machine, index);
}

/* ---- the device ---- */

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	uint8_t config[BLK_CONFIG_SIZE];

	blk_disk_config(context, config);
	memcpy(out.data, config + offset, out.size);
}

/* Only `writeback` is the driver's to write. */
static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	struct blk *blk = context;

	if (offset != BLK_CONFIG_WRITEBACK || in.size != 1 || in.data[0] > 1 ||
	    !vmsg_device_has_feature(&blk->base.machine, BLK_F_CONFIG_WCE)) {
		return -1;
	}
	if (in.data[0] == 0 && blk->writeback && !make_durable(blk)) {
		return -1;
	}
	blk->writeback = in.data[0];
	return 0;
}

/* With a switch for the cache and no way to flush it, it begins switched off. (virtio: Block
 * Device, Device Initialization) */
static int set_features(void *context, const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	struct blk *blk = context;

	blk->writeback = features[0] >> BLK_F_FLUSH & 1;
	return 0;
}

static int reset(void *context)
{
	struct blk *blk = context;

	blk->writeback = true;
	return 1;
}

static void refresh(struct emu_device *device)
{
	if (blk_disk_refresh((struct blk *)device)) {
		vmsg_device_config_changed(&device->machine, BLK_CONFIG_CAPACITY, 8);
	}
}

static void blk_close(struct emu_device *device)
{
	struct blk *blk = (struct blk *)device; /* its first member */

	if (blk->fd >= 0) {
		(void)close(blk->fd);
	}
	free(blk);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.set_features = set_features,
	.kick = kick,
	.reset = reset,
};

struct emu_device *blk_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk) {
		(void)snprintf(why, why_size, "--device blk: out of memory");
		return NULL;
	}
	blk->base.kind = "blk";
	blk->base.fd = -1;
	blk->base.refresh = refresh;
	blk->base.close = blk_close;
	blk->fd = -1;
	blk->writeback = true;
	if (blk_disk_open(blk, options, why, why_size) == 0) {
		if (vmsg_device_init(&blk->base.machine, dev_num, &blk->base.info, &ops, blk) ==
		    0) {
			return &blk->base;
		}
		(void)snprintf(why, why_size, "--device blk: cannot be set up");
	}
	blk_close(&blk->base);
	return NULL;
}
