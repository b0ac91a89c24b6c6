/* SPDX-License-Identifier: BSD-3-Clause */
/* A file or block device as a disk: its options, its size, its config space. */
#include "devices/blk_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices/chain.h"
#include "devices/settings.h"
#include "virtio_msg_ffa/proto.h"

#define BLOCK_SIZE_MAX 65536u

struct settings {
	char path[DEVICE_VALUE_SIZE];
	char serial[DEVICE_VALUE_SIZE];
	bool readonly;
	bool discard;
	bool write_zeroes;
	uint64_t queues;
	uint64_t block_size;
	uint64_t physical_block_size;
};

static bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static int parse(const char *options, struct settings *settings, char *why, size_t why_size)
{
	const struct device_setting table[] = {
		{ .key = "path", .text = settings->path },
		{ .key = "serial", .text = settings->serial },
		{ .key = "readonly", .flag = &settings->readonly },
		{ .key = "discard", .flag = &settings->discard },
		{ .key = "write-zeroes", .flag = &settings->write_zeroes },
		{ .key = "queues",
		  .number = &settings->queues,
		  .least = 1,
		  .most = VMSG_DEVICE_QUEUES_MAX },
		{ .key = "block-size",
		  .number = &settings->block_size,
		  .least = BLK_SECTOR_SIZE,
		  .most = BLOCK_SIZE_MAX },
		{ .key = "physical-block-size",
		  .number = &settings->physical_block_size,
		  .least = BLK_SECTOR_SIZE,
		  .most = BLOCK_SIZE_MAX },
	};

	*settings = (struct settings){
		.serial = "vmsg-ffa-emu",
		.discard = true,
		.write_zeroes = true,
		.queues = 1,
		.block_size = BLK_SECTOR_SIZE,
	};
	return device_settings("blk", options, table, sizeof(table) / sizeof(table[0]), why,
			       why_size);
}

static int check(struct settings *settings, char *why, size_t why_size)
{
	if (settings->physical_block_size == 0) {
		settings->physical_block_size = settings->block_size;
	}
	if (!settings->path[0]) {
		(void)snprintf(why, why_size, "--device blk: path=FILE is missing");
	} else if (strlen(settings->serial) > BLK_ID_SIZE) {
		(void)snprintf(why, why_size,
			       "--device blk: serial '%s' is longer than %u characters",
			       settings->serial, BLK_ID_SIZE);
	} else if (!is_power_of_two(settings->block_size) ||
		   !is_power_of_two(settings->physical_block_size)) {
		(void)snprintf(why, why_size,
			       "--device blk: block-size %llu or physical-block-size %llu is no "
			       "power of two",
			       (unsigned long long)settings->block_size,
			       (unsigned long long)settings->physical_block_size);
	} else if (settings->physical_block_size < settings->block_size) {
		(void)snprintf(
			why, why_size,
			"--device blk: physical-block-size %llu is less than block-size %llu",
			(unsigned long long)settings->physical_block_size,
			(unsigned long long)settings->block_size);
	} else {
		return 0;
	}
	errno = EINVAL;
	return -1;
}

/* Whole blocks of the file: a part of one at its end is not served. */
static uint64_t sectors(const struct blk *blk)
{
	const off_t size = lseek(blk->fd, 0, SEEK_END); /* of files and block devices alike */

	return size < 0 ? 0
			: (uint64_t)size / blk->block_size * (blk->block_size / BLK_SECTOR_SIZE);
}

static int open_file(struct blk *blk, const char *path, char *why, size_t why_size)
{
	blk->fd = open(path, (blk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (blk->fd < 0) {
		(void)snprintf(why, why_size, "--device blk: path '%s': %s", path, strerror(errno));
		return -1;
	}
	blk->capacity = sectors(blk);
	if (blk->capacity == 0) {
		(void)snprintf(why, why_size,
			       "--device blk: path '%s' is smaller than a block of %u bytes", path,
			       blk->block_size);
		return -1;
	}
	return 0;
}

static uint32_t features(const struct settings *settings)
{
	uint32_t bits = 1u << BLK_F_SEG_MAX | 1u << BLK_F_BLK_SIZE | 1u << BLK_F_FLUSH |
			1u << BLK_F_TOPOLOGY | 1u << BLK_F_CONFIG_WCE;

	bits |= settings->readonly ? 1u << BLK_F_RO : 0;
	bits |= settings->queues > 1 ? 1u << BLK_F_MQ : 0;
	bits |= settings->discard && !settings->readonly ? 1u << BLK_F_DISCARD : 0;
	bits |= settings->write_zeroes && !settings->readonly ? 1u << BLK_F_WRITE_ZEROES : 0;
	return bits;
}

int blk_disk_open(struct blk *blk, const char *options, char *why, size_t why_size)
{
	struct settings settings;

	if (parse(options, &settings, why, why_size) < 0 || check(&settings, why, why_size) < 0) {
		return -1;
	}
	blk->readonly = settings.readonly;
	blk->block_size = (uint32_t)settings.block_size;
	blk->physical_block_size = (uint32_t)settings.physical_block_size;
	memcpy(blk->serial, settings.serial, strlen(settings.serial));
	blk->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_BLK,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { features(&settings), 1u << (VMSG_F_IN_ORDER - 32) },
		.config_size = BLK_CONFIG_SIZE,
		.queue_count = (uint32_t)settings.queues,
		.queue_size_max = BLK_QUEUE_SIZE_MAX,
	};
	return open_file(blk, settings.path, why, why_size);
}

bool blk_disk_refresh(struct blk *blk)
{
	const uint64_t before = blk->capacity;

	blk->capacity = sectors(blk);
	return blk->capacity != before;
}

void blk_disk_config(const struct blk *blk, uint8_t config[BLK_CONFIG_SIZE])
{
	const uint32_t ratio = blk->physical_block_size / blk->block_size;
	const struct {
		uint32_t at;
		uint32_t size;
		uint64_t value;
	} fields[] = {
		{ BLK_CONFIG_CAPACITY, 8, blk->capacity },
		{ BLK_CONFIG_SEG_MAX, 4, BLK_SEGMENTS_MAX },
		{ BLK_CONFIG_BLK_SIZE, 4, blk->block_size },
		{ BLK_CONFIG_PHYSICAL_BLOCK_EXP, 1, (uint64_t)__builtin_ctz(ratio) },
		{ BLK_CONFIG_OPT_IO_SIZE, 4, ratio },
		{ BLK_CONFIG_WRITEBACK, 1, blk->writeback },
		{ BLK_CONFIG_NUM_QUEUES, 2, blk->base.info.queue_count },
		{ BLK_CONFIG_MAX_DISCARD_SECTORS, 4, BLK_RANGE_SECTORS_MAX },
		{ BLK_CONFIG_MAX_DISCARD_SEG, 4, BLK_RANGES_MAX },
		{ BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT, 4,
		  blk->physical_block_size / BLK_SECTOR_SIZE },
		{ BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS, 4, BLK_RANGE_SECTORS_MAX },
		{ BLK_CONFIG_MAX_WRITE_ZEROES_SEG, 4, BLK_RANGES_MAX },
		{ BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP, 1, 1 },
	};

	memset(config, 0, BLK_CONFIG_SIZE);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		store_le(config + fields[i].at, fields[i].value, fields[i].size);
	}
}
