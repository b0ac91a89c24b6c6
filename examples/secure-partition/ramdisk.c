/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-blk on a piece of memory. A request's header is read once into a local, checked, and only
 * the local is used; the data goes straight between the disk and the driver's buffers.
 */
#include "ramdisk.h"

#include "virtio_msg_ffa/error.h"

void *memcpy(void *restrict destination, const void *restrict source, size_t size);

#define BLK_T_IN     0u
#define BLK_T_OUT    1u
#define BLK_T_FLUSH  4u
#define BLK_T_GET_ID 8u

#define BLK_S_OK     0u
#define BLK_S_IOERR  1u
#define BLK_S_UNSUPP 2u

#define BLK_F_SEG_MAX  2u
#define BLK_F_BLK_SIZE 6u
#define BLK_F_FLUSH    9u

#define BLK_DEVICE_ID   2u
#define BLK_HEADER_SIZE 16u
#define BLK_ID_SIZE     20u
#define BLK_CONFIG_SIZE 24u
#define PIECES_MAX      34u
#define SEGMENTS_MAX    32u

static uint64_t load_le(const uint8_t *at, unsigned int size)
{
	uint64_t value = 0;
	for (unsigned int i = size; i-- > 0;) {
		value = value << 8 | at[i];
	}
	return value;
}

static void store_le(uint8_t *at, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

/*
 * Moves `size` bytes between `data` and the chain's pieces [first, last), `skip` bytes into them:
 * out of writable pieces when `to_chain` is false. The caller knows that the pieces are that long.
 */
static void move(const struct vmsg_vq_piece *pieces, uint32_t first, uint32_t last, uint64_t skip,
		 uint8_t *data, uint64_t size, bool to_chain)
{
	for (uint32_t i = first; i < last && size > 0; i++) {
		const struct vmsg_span span = pieces[i].span;
		if (skip >= span.size) {
			skip -= span.size;
			continue;
		}
		uint64_t part = span.size - skip;
		if (part > size) {
			part = size;
		}
		if (to_chain) {
			memcpy(span.data + skip, data, (size_t)part);
		} else {
			memcpy(data, span.data + skip, (size_t)part);
		}
		data += part;
		size -= part;
		skip = 0;
	}
}

/* Serves one request; returns the bytes written into the chain, status byte included. */
static uint32_t serve(struct ramdisk *ramdisk, const struct vmsg_vq_chain *chain)
{
	static const char id[BLK_ID_SIZE] = "secure-partition";
	uint8_t header[BLK_HEADER_SIZE];
	uint8_t status = BLK_S_UNSUPP;
	uint64_t done = 0;

	if (chain->readable_size < BLK_HEADER_SIZE || chain->writable_size < 1) {
		return 0; /* no place for a status: nothing can be said */
	}
	move(chain->pieces, 0, chain->readable_count, 0, header, BLK_HEADER_SIZE, false);
	const uint64_t type = load_le(header, 4);
	const uint64_t sector = load_le(header + 8, 8);
	const uint64_t sectors = ramdisk->disk.size / RAMDISK_SECTOR_SIZE;
	const uint64_t out_size = chain->readable_size - BLK_HEADER_SIZE;
	const uint64_t in_size = chain->writable_size - 1;
	const uint64_t size = type == BLK_T_OUT ? out_size : in_size;

	if (type == BLK_T_IN || type == BLK_T_OUT) {
		status = BLK_S_IOERR;
		if (size % RAMDISK_SECTOR_SIZE == 0 && sector <= sectors &&
		    size / RAMDISK_SECTOR_SIZE <= sectors - sector) {
			uint8_t *at = ramdisk->disk.data + sector * RAMDISK_SECTOR_SIZE;
			status = BLK_S_OK;
			if (type == BLK_T_IN) {
				move(chain->pieces, chain->readable_count, chain->count, 0, at,
				     size, true);
				done = size;
			} else {
				move(chain->pieces, 0, chain->readable_count, BLK_HEADER_SIZE, at,
				     size, false);
			}
		}
	} else if (type == BLK_T_FLUSH) {
		status = BLK_S_OK;
	} else if (type == BLK_T_GET_ID && in_size >= BLK_ID_SIZE) {
		uint8_t text[BLK_ID_SIZE];
		memcpy(text, id, BLK_ID_SIZE);
		move(chain->pieces, chain->readable_count, chain->count, 0, text, BLK_ID_SIZE,
		     true);
		status = BLK_S_OK;
		done = BLK_ID_SIZE;
	}
	move(chain->pieces, chain->readable_count, chain->count, in_size, &status, 1, true);
	ramdisk->requests++;
	return (uint32_t)(done + 1);
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct ramdisk *ramdisk = context;
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES_MAX };

	do {
		vmsg_vq_device_disable_notify(queue);
		while (vmsg_vq_device_pop(queue, &chain) == 1) {
			if (vmsg_vq_device_push(queue, chain.head, serve(ramdisk, &chain)) < 0) {
				return;
			}
			chain.capacity = PIECES_MAX;
		}
	} while (!queue->vq.broken && vmsg_vq_device_enable_notify(queue));
	vmsg_device_notify(&ramdisk->device, index);
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct ramdisk *ramdisk = context;
	uint8_t config[BLK_CONFIG_SIZE] = { 0 };

	store_le(config, ramdisk->disk.size / RAMDISK_SECTOR_SIZE, 8);
	store_le(config + 12, SEGMENTS_MAX, 4);
	store_le(config + 20, RAMDISK_SECTOR_SIZE, 4);
	memcpy(out.data, config + offset, out.size);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.kick = kick,
};

int ramdisk_init(struct ramdisk *ramdisk, uint16_t dev_num, struct vmsg_span disk)
{
	*ramdisk = (struct ramdisk){
		.disk = disk,
		.info = {
			.device_id = BLK_DEVICE_ID,
			.vendor_id = 0x1af4,
			.features = { 1u << BLK_F_SEG_MAX | 1u << BLK_F_BLK_SIZE | 1u << BLK_F_FLUSH },
			.config_size = BLK_CONFIG_SIZE,
			.queue_count = 1,
			.queue_size_max = 64,
		},
	};
	return vmsg_device_init(&ramdisk->device, dev_num, &ramdisk->info, &ops, ramdisk);
}
