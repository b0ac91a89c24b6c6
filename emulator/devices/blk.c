/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-blk on a file. A request's header is read once into a local and checked; the data goes
 * straight between the file and the driver's memory with preadv and pwritev; the status byte is the
 * last byte of the last writable piece. (virtio: Block Device)
 */
#include "devices/blk.h"
#include "devices/chain.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_SIZE_MAX 256u
#define SEGMENTS_MAX   126u
/* header, status and data, each of which may straddle an edge between segments of an area */
#define PIECES_MAX   ((SEGMENTS_MAX + 2) * 2)
#define REQUESTS_MAX 256 /* served in one go */

struct blk {
	struct emu_device base;
	int fd;
	bool readonly;
	uint64_t capacity; /* sectors */
	char serial[BLK_ID_SIZE];
};

/* Moves all of it, in as many calls as the kernel wants; false on an error or the file's end. */
static bool transfer(const struct blk *blk, bool write, struct iovec *vectors, int count,
		     uint64_t offset)
{
	while (count > 0) {
		const ssize_t done = write ? pwritev(blk->fd, vectors, count, (off_t)offset)
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

/* T_IN and T_OUT; `*done` bytes were written into the chain. */
static uint8_t move_data(const struct blk *blk, const struct vmsg_vq_chain *chain, bool write,
			 uint64_t sector, uint64_t *done)
{
	struct iovec vectors[PIECES_MAX];
	const uint64_t size =
		write ? chain->readable_size - BLK_HEADER_SIZE : chain->writable_size - 1;
	const uint64_t sectors = size / BLK_SECTOR_SIZE;

	if (size == 0 || size % BLK_SECTOR_SIZE || sector > blk->capacity ||
	    sectors > blk->capacity - sector || (write && blk->readonly)) {
		return BLK_S_IOERR;
	}
	const int count = chain_vectors(chain, !write, write ? BLK_HEADER_SIZE : 0, size, vectors);
	if (!transfer(blk, write, vectors, count, sector * BLK_SECTOR_SIZE)) {
		return BLK_S_IOERR;
	}
	*done = write ? 0 : size;
	return BLK_S_OK;
}

static uint8_t get_id(const struct blk *blk, const struct vmsg_vq_chain *chain, uint64_t *done)
{
	if (chain->writable_size - 1 < BLK_ID_SIZE) {
		return BLK_S_IOERR;
	}
	*done = chain_write(chain, 0, blk->serial, BLK_ID_SIZE);
	return BLK_S_OK;
}

/* Serves one request; the bytes written into the chain, with the status. */
static uint32_t serve(struct blk *blk, const struct vmsg_vq_chain *chain)
{
	uint8_t header[BLK_HEADER_SIZE] = { 0 };
	uint64_t done = 0;
	uint8_t status = BLK_S_UNSUPP;

	blk->base.requests++;
	if (chain->readable_size < BLK_HEADER_SIZE || chain->writable_size < 1) {
		blk->base.errors++;
		return 0; /* no header, or no place for a status: nothing can be said */
	}
	(void)chain_read(chain, 0, header, sizeof(header));
	const uint64_t type = load_le(header, 4);
	const uint64_t sector = load_le(header + 8, 8);
	if (type == BLK_T_IN || type == BLK_T_OUT) {
		status = move_data(blk, chain, type == BLK_T_OUT, sector, &done);
	} else if (type == BLK_T_FLUSH) {
		status = (uint8_t)(fdatasync(blk->fd) == 0 ? BLK_S_OK : BLK_S_IOERR);
	} else if (type == BLK_T_GET_ID) {
		status = get_id(blk, chain, &done);
	}
	blk->base.errors += status != BLK_S_OK;
	const struct vmsg_span last = chain->pieces[chain->count - 1].span;
	last.data[last.size - 1] = status;
	return (uint32_t)(done + 1);
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

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct blk *blk = context;
	uint8_t config[BLK_CONFIG_SIZE] = { 0 };

	store_le(config + BLK_CONFIG_CAPACITY, blk->capacity, 8);
	store_le(config + BLK_CONFIG_SEG_MAX, SEGMENTS_MAX, 4);
	store_le(config + BLK_CONFIG_BLK_SIZE, BLK_SECTOR_SIZE, 4);
	memcpy(out.data, config + offset, out.size);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.kick = kick,
};

static void blk_close(struct emu_device *device)
{
	struct blk *blk = (struct blk *)device; /* its first member */

	if (blk->fd >= 0) {
		(void)close(blk->fd);
	}
	free(blk);
}

/* ---- opening ---- */

struct settings {
	char path[DEVICE_VALUE_SIZE];
	char serial[BLK_ID_SIZE + 1];
	bool readonly;
};

static bool take_option(struct settings *settings, const char *key, const char *value, char *why,
			size_t why_size)
{
	if (strcmp(key, "path") == 0 && value[0]) {
		(void)snprintf(settings->path, sizeof(settings->path), "%s", value);
	} else if (strcmp(key, "serial") == 0) {
		if (strlen(value) > BLK_ID_SIZE) {
			(void)snprintf(why, why_size,
				       "--device blk: serial '%s' is longer than %u characters",
				       value, BLK_ID_SIZE);
			return false;
		}
		memcpy(settings->serial, value, strlen(value) + 1);
	} else if (strcmp(key, "readonly") == 0) {
		settings->readonly = strcmp(value, "on") == 0;
		if (!settings->readonly && strcmp(value, "off") != 0) {
			(void)snprintf(why, why_size,
				       "--device blk: readonly '%s' is neither on nor off", value);
			return false;
		}
	} else {
		(void)snprintf(why, why_size,
			       "--device blk: option '%s=%s' is not path=FILE, readonly=on|off or "
			       "serial=TEXT",
			       key, value);
		return false;
	}
	return true;
}

static bool parse(const char *options, struct settings *settings, char *why, size_t why_size)
{
	char key[DEVICE_KEY_SIZE];
	char value[DEVICE_VALUE_SIZE];

	*settings = (struct settings){ .serial = "vmsg-ffa-emu" };
	while (options && *options) {
		options = device_option(options, key, value);
		if (!take_option(settings, key, value, why, why_size)) {
			return false;
		}
	}
	if (!settings->path[0]) {
		(void)snprintf(why, why_size, "--device blk: path=FILE is missing");
		return false;
	}
	return true;
}

/* Opens the file and finds its size; a part of a sector at the end is not served. */
static bool open_file(struct blk *blk, const char *path, char *why, size_t why_size)
{
	blk->fd = open(path, (blk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (blk->fd < 0) {
		(void)snprintf(why, why_size, "--device blk: path '%s': %s", path, strerror(errno));
		return false;
	}
	const off_t size = lseek(blk->fd, 0, SEEK_END); /* of files and block devices alike */
	if (size < (off_t)BLK_SECTOR_SIZE) {
		(void)snprintf(why, why_size, "--device blk: path '%s' is smaller than a sector",
			       path);
		return false;
	}
	blk->capacity = (uint64_t)size / BLK_SECTOR_SIZE;
	return true;
}

struct emu_device *blk_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct settings settings;

	if (!parse(options, &settings, why, why_size)) {
		return NULL;
	}
	struct blk *blk = calloc(1, sizeof(*blk));
	if (!blk) {
		(void)snprintf(why, why_size, "--device blk: out of memory");
		return NULL;
	}
	blk->base.kind = "blk";
	blk->base.fd = -1;
	blk->base.close = blk_close;
	blk->readonly = settings.readonly;
	memcpy(blk->serial, settings.serial, strlen(settings.serial));
	blk->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_BLK,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { 1u << BLK_F_SEG_MAX | 1u << BLK_F_BLK_SIZE | 1u << BLK_F_FLUSH |
				      (blk->readonly ? 1u << BLK_F_RO : 0),
			      1u << (VMSG_F_IN_ORDER - 32) },
		.config_size = BLK_CONFIG_SIZE,
		.queue_count = 1,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	if (!open_file(blk, settings.path, why, why_size)) {
		blk_close(&blk->base);
		return NULL;
	}
	if (vmsg_device_init(&blk->base.machine, dev_num, &blk->base.info, &ops, blk) < 0) {
		(void)snprintf(why, why_size, "--device blk: cannot be set up");
		blk_close(&blk->base);
		return NULL;
	}
	return &blk->base;
}
