/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-blk driver: requests go round a ring of slots. Slot n % depth serves request n; a slot
 * is free again when its data has been consumed, so data stays in order whatever order the device
 * works in. One kick tells of everything that was added since the last.
 */
#include "commands/blk_driver.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "commands/report.h"
#include "devices/names.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define STATUS_PENDING 0xffu /* no status that a device writes */
#define PAGE_SIZE      4096u

const struct areas_need blk_driver_need = {
	.pool_size = BLK_DEPTH * (BLK_REQUEST_SIZE + PAGE_SIZE) + 64u * 1024,
	.pool_size_demand = BLK_BOUNCES * BLK_REQUEST_SIZE + BLK_DEPTH * 512u + 64u * 1024,
	.buffer_count = BLK_DEPTH,
	.buffer_size = BLK_REQUEST_SIZE,
};

static int over(struct blk_driver *blk)
{
	blk->session->over = true;
	return SESSION_OVER;
}

/* ---- opening ---- */

/* Sectors of one request on a range, 0 when the device has none. */
static uint32_t range_max(const struct blk_driver *blk, unsigned int feature, uint32_t field)
{
	return vmsg_driver_has_feature(&blk->session->driver, feature)
		       ? (uint32_t)session_config(blk->session, field, 4)
		       : 0;
}

/* How the disk wants its requests: sizes from its config, depth from its queue. */
static int plan(struct blk_driver *blk)
{
	const struct vmsg_driver *driver = &blk->session->driver;
	const uint32_t queue_size = driver->queues[0].max_size;
	uint64_t size_max = BLK_REQUEST_SIZE;
	uint64_t seg_max = 1;

	if (vmsg_driver_has_feature(driver, BLK_F_SIZE_MAX)) {
		size_max = session_config(blk->session, BLK_CONFIG_SIZE_MAX, 4);
		/* qemu-storage-daemon offers the bit and leaves the field 0: it has no limit */
		size_max = size_max == 0 ? BLK_REQUEST_SIZE : size_max;
	}
	if (vmsg_driver_has_feature(driver, BLK_F_SEG_MAX)) {
		seg_max = session_config(blk->session, BLK_CONFIG_SEG_MAX, 4);
	}
	seg_max = seg_max == 0 ? 1 : seg_max < BLK_PIECES_MAX ? seg_max : BLK_PIECES_MAX;
	size_max = size_max < BLK_REQUEST_SIZE ? size_max : BLK_REQUEST_SIZE;
	size_max -= size_max % BLK_SECTOR_SIZE;
	blk->piece_size = (uint32_t)size_max;
	blk->size = session_config(blk->session, BLK_CONFIG_CAPACITY, 8);
	if (size_max == 0 || queue_size < 4 || blk->size > UINT64_MAX / BLK_SECTOR_SIZE) {
		report_problem("device %u: capacity %llu, size_max %llu and a queue of %u entries "
			       "make no disk",
			       driver->options.dev_num, (unsigned long long)blk->size,
			       (unsigned long long)size_max, queue_size);
		return over(blk);
	}
	blk->size *= BLK_SECTOR_SIZE;
	blk->is_readonly = vmsg_driver_has_feature(driver, BLK_F_RO);
	blk->has_flush = vmsg_driver_has_feature(driver, BLK_F_FLUSH);
	blk->discard_max = range_max(blk, BLK_F_DISCARD, BLK_CONFIG_MAX_DISCARD_SECTORS);
	blk->zeroes_max = range_max(blk, BLK_F_WRITE_ZEROES, BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS);
	blk->zeroes_may_unmap =
		blk->zeroes_max > 0 &&
		session_config(blk->session, BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP, 1) != 0;
	uint32_t pieces = (uint32_t)((BLK_REQUEST_SIZE + size_max - 1) / size_max);
	pieces = pieces < seg_max ? pieces : (uint32_t)seg_max;
	blk->is_indirect = (pieces + 2) * BLK_DEPTH > queue_size &&
			   vmsg_driver_has_feature(driver, VMSG_F_INDIRECT_DESC);
	if (!blk->is_indirect && pieces + 2 > queue_size) {
		pieces = queue_size - 2;
	}
	const uint64_t request = (uint64_t)pieces * size_max;
	blk->request_size = (uint32_t)(request < BLK_REQUEST_SIZE ? request : BLK_REQUEST_SIZE);
	const uint32_t fit = blk->is_indirect ? queue_size : queue_size / (pieces + 2);
	blk->depth = fit < BLK_DEPTH ? fit : BLK_DEPTH;
	return SESSION_OK;
}

/* Entries of a queue that holds all requests at once. */
static uint32_t ring_size(const struct blk_driver *blk)
{
	const uint32_t pieces = (blk->request_size + blk->piece_size - 1) / blk->piece_size;
	const uint32_t wanted = (blk->is_indirect ? 1 : pieces + 2) * blk->depth;
	uint32_t size = 1;

	while (size < wanted) {
		size *= 2;
	}
	return size;
}

static bool has_buffers(const struct blk_driver *blk)
{
	return blk->session->buffers.count > 0;
}

/* Where a slot's data is: in the pool, or in a buffer that is shared when there is need. */
static uint8_t *place_data(const struct blk_driver *blk, uint32_t index)
{
	return has_buffers(blk) ? blk->session->buffers.items[index].bank.data
				: session_allocate(blk->session, blk->request_size, PAGE_SIZE);
}

static int place_bounces(struct blk_driver *blk)
{
	const size_t size = BLK_BOUNCES * BLK_REQUEST_SIZE;
	uint8_t *pool = session_allocate(blk->session, size, PAGE_SIZE);

	return pool ? vmsg_bounce_init(&blk->bounce, (struct vmsg_span){ pool, size },
				       session_address(blk->session, pool), BLK_REQUEST_SIZE,
				       blk->bounce_used)
		    : VMSG_ERROR_NO_SPACE;
}

static int place_slots(struct blk_driver *blk)
{
	struct session *session = blk->session;

	for (uint32_t i = 0; i < blk->depth; i++) {
		struct blk_slot *slot = &blk->slots[i];
		*slot = (struct blk_slot){
			.header = session_allocate(session, BLK_HEADER_SIZE + 1, 64),
			.table = session_allocate(session, (BLK_PIECES_MAX + 2) * 16, 64),
			.data = place_data(blk, i),
		};
		if (!slot->data || !slot->header || !slot->table) {
			return VMSG_ERROR_NO_SPACE;
		}
		if (!has_buffers(blk)) {
			slot->address = session_address(session, slot->data);
		}
	}
	return has_buffers(blk) ? place_bounces(blk) : VMSG_OK;
}

static int start(struct session *session, void *context)
{
	struct blk_driver *blk = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = {
		1u << BLK_F_SIZE_MAX | 1u << BLK_F_SEG_MAX | 1u << BLK_F_RO | 1u << BLK_F_BLK_SIZE |
			1u << BLK_F_FLUSH | 1u << BLK_F_DISCARD | 1u << BLK_F_WRITE_ZEROES,
	};

	queue_driver_close(&blk->queue);
	session_free_all(session);
	session_ring_features(features);
	int result = blk->number < 0
			     ? session_find_device(session, VMSG_VIRTIO_BLK, features)
			     : session_start_device(session, (uint16_t)blk->number, features);
	if (result == SESSION_OK) {
		result = plan(blk);
	}
	if (result != SESSION_OK) {
		return result;
	}
	if (place_slots(blk) < 0) {
		report_problem("no room for the disk's requests in the pool");
		return over(blk);
	}
	result = queue_driver_open(&blk->queue, session, 0, ring_size(blk));
	return result == SESSION_OK ? session_ready(session) : result;
}

int blk_driver_open(struct blk_driver *blk, struct session *session)
{
	*blk = (struct blk_driver){ .session = session, .number = -1 };
	return session_retry(session, start, blk) == SESSION_OK ? 0 : -1;
}

int blk_driver_open_number(struct blk_driver *blk, struct session *session, uint16_t number)
{
	*blk = (struct blk_driver){ .session = session, .number = number };
	return session_retry(session, start, blk) == SESSION_OK ? 0 : -1;
}

void blk_driver_close(struct blk_driver *blk)
{
	queue_driver_close(&blk->queue);
}

/* ---- requests ---- */

static void fill_header(struct blk_slot *slot, uint32_t type, uint64_t sector)
{
	const uint32_t type_le = htole32(type);
	const uint64_t sector_le = htole64(sector);

	memset(slot->header, 0, BLK_HEADER_SIZE);
	memcpy(slot->header, &type_le, sizeof(type_le));
	memcpy(slot->header + 8, &sector_le, sizeof(sector_le));
	slot->header[BLK_HEADER_SIZE] = STATUS_PENDING;
	slot->sector = sector;
	slot->is_done = false;
}

/* Has the slot's data copied by way of the pool, since the device does not see where it is. */
static int bounce(struct blk_driver *blk, struct blk_slot *slot, uint32_t size, bool device_writes)
{
	const struct vmsg_span data = { slot->data, size };
	const struct vmsg_bytes bytes = { slot->data, size };

	const int error = device_writes ? vmsg_bounce_map_writable(&blk->bounce, data, &slot->map)
					: vmsg_bounce_map_readable(&blk->bounce, bytes, &slot->map);
	if (error < 0) {
		report_problem("no room for a request's data in the pool: %s",
			       vmsg_error_text(error));
		return over(blk);
	}
	slot->address = slot->map.address;
	blk->bounced++;
	return SESSION_OK;
}

/* Gives `size` bytes of the slot's data an address for the device. */
static int map_data(struct blk_driver *blk, struct blk_slot *slot, uint32_t size,
		    bool device_writes)
{
	const uint32_t index = (uint32_t)(slot - blk->slots);

	if (!has_buffers(blk) || size == 0) {
		return SESSION_OK;
	}
	if (blk->session->buffers.items[index].state == SESSION_BUFFER_SHARED) {
		slot->address = session_buffer_address(blk->session, index);
		return SESSION_OK;
	}
	return bounce(blk, slot, size, device_writes);
}

/* Offers a slot to the device: header, `size` bytes of data, status. */
static int submit(struct blk_driver *blk, struct blk_slot *slot, uint32_t size, bool device_writes)
{
	struct vmsg_vq_buffer buffers[BLK_PIECES_MAX + 2];
	size_t count = 0;

	slot->size = size;
	if (map_data(blk, slot, size, device_writes) != SESSION_OK) {
		return SESSION_OVER;
	}
	buffers[count++] = (struct vmsg_vq_buffer){
		.address = session_address(blk->session, slot->header),
		.length = BLK_HEADER_SIZE,
	};
	for (uint32_t done = 0; done < size; done += blk->piece_size) {
		const uint32_t left = size - done;
		buffers[count++] = (struct vmsg_vq_buffer){
			.address = slot->address + done,
			.length = left < blk->piece_size ? left : blk->piece_size,
			.write = device_writes,
		};
	}
	buffers[count++] = (struct vmsg_vq_buffer){
		.address = session_address(blk->session, slot->header + BLK_HEADER_SIZE),
		.length = 1,
		.write = true,
	};
	const int error =
		blk->is_indirect
			? vmsg_vq_driver_add_indirect(&blk->queue.ring,
						      session_address(blk->session, slot->table),
						      buffers, count, slot)
			: vmsg_vq_driver_add(&blk->queue.ring, buffers, count, slot);
	if (error < 0) {
		report_problem("a request does not go into the queue: %s", vmsg_error_text(error));
		return over(blk);
	}
	return SESSION_OK;
}

static void done(void *context, void *cookie, uint32_t written)
{
	struct blk_driver *blk = context;
	struct blk_slot *slot = cookie;

	(void)written; /* the status byte says what the length would */
	if (slot->map.count > 0) {
		vmsg_bounce_unmap(&blk->bounce, &slot->map, slot->size);
	}
	slot->is_done = true;
}

static int check_status(const struct blk_slot *slot, const char *what)
{
	const unsigned int status = slot->header[BLK_HEADER_SIZE];
	static const char *const names[] = { "OK", "IOERR", "UNSUPP" };

	if (status == BLK_S_OK) {
		return SESSION_OK;
	}
	const uint32_t count = slot->size < BLK_SECTOR_SIZE ? 1 : slot->size / BLK_SECTOR_SIZE;
	const uint64_t last = slot->sector + count - 1;
	report_problem("%s of sectors %" PRIu64 " to %" PRIu64
		       " fails: the device says status %u (%s)",
		       what, slot->sector, last, status,
		       status < 3 ? names[status] : "none of the specification's");
	return -1;
}

static int await_slot(struct blk_driver *blk, const struct blk_slot *slot)
{
	int result = SESSION_OK;

	while (!slot->is_done && result == SESSION_OK) {
		result = queue_driver_run(&blk->queue, true, done, blk);
	}
	return result;
}

/* ---- transfers ---- */

/* Where a transfer stands; counts of requests. */
struct course {
	const struct blk_transfer *transfer;
	uint64_t submitted;
	uint64_t consumed;
	uint64_t total;
	bool failed; /* finish what is in flight, and no more */
};

static uint32_t request_bytes(const struct blk_driver *blk, const struct course *course, uint64_t n)
{
	const uint64_t left = course->transfer->size - n * blk->request_size;

	return (uint32_t)(left < blk->request_size ? left : blk->request_size);
}

/* Sees to it that the device can be given the slot's data; `*is_ready` is false while it must wait
 * for room in the pool. */
static int prepare(struct blk_driver *blk, const struct blk_slot *slot, bool *is_ready)
{
	bool is_shared = true;

	if (has_buffers(blk) && session_share_buffer(blk->session, (uint32_t)(slot - blk->slots),
						     &is_shared) != SESSION_OK) {
		return SESSION_OVER;
	}
	*is_ready = is_shared || blk->bounce.free_count > 0;
	return SESSION_OK;
}

static int submit_some(struct blk_driver *blk, struct course *course)
{
	const struct blk_transfer *transfer = course->transfer;

	while (course->submitted < course->total &&
	       course->submitted - course->consumed < blk->depth && !course->failed) {
		struct blk_slot *slot = &blk->slots[course->submitted % blk->depth];
		const uint64_t at = course->submitted * blk->request_size;
		const uint32_t size = request_bytes(blk, course, course->submitted);
		bool is_ready;
		if (prepare(blk, slot, &is_ready) != SESSION_OK) {
			return SESSION_OVER;
		}
		if (!is_ready) {
			break;
		}
		if (transfer->write &&
		    transfer->move(transfer->context, at, slot->data, size) < 0) {
			course->failed = true;
			break;
		}
		fill_header(slot, transfer->write ? BLK_T_OUT : BLK_T_IN,
			    (transfer->offset + at) / BLK_SECTOR_SIZE);
		if (submit(blk, slot, size, !transfer->write) != SESSION_OK) {
			return SESSION_OVER;
		}
		course->submitted++;
	}
	return SESSION_OK;
}

/* Takes what is done, in order. */
static void consume_some(struct blk_driver *blk, struct course *course)
{
	const struct blk_transfer *transfer = course->transfer;

	while (course->consumed < course->submitted) {
		struct blk_slot *slot = &blk->slots[course->consumed % blk->depth];
		const uint64_t at = course->consumed * blk->request_size;
		if (!slot->is_done) {
			break;
		}
		if (!course->failed) {
			course->failed =
				check_status(slot, transfer->write ? "write" : "read") < 0 ||
				(!transfer->write &&
				 transfer->move(transfer->context, at, slot->data, slot->size) < 0);
		}
		course->consumed++;
		progress_update(at + slot->size);
	}
}

static int run_transfer(struct blk_driver *blk, struct course *course)
{
	while (course->consumed < (course->failed ? course->submitted : course->total)) {
		if (submit_some(blk, course) != SESSION_OK ||
		    queue_driver_run(&blk->queue, course->consumed < course->submitted, done,
				     blk) != SESSION_OK) {
			return -1;
		}
		consume_some(blk, course);
	}
	return course->failed ? -1 : 0;
}

int blk_driver_transfer(struct blk_driver *blk, const struct blk_transfer *transfer)
{
	struct course course = {
		.transfer = transfer,
		.total = (transfer->size + blk->request_size - 1) / blk->request_size,
	};

	progress_begin(transfer->what, transfer->size);
	int result = run_transfer(blk, &course);
	if (has_buffers(blk) && !blk->session->over &&
	    session_return_buffers(blk->session) != SESSION_OK) {
		result = -1;
	}
	progress_end();
	return result;
}

/* One range after the other, each as long as the device takes it. */
static int run_ranges(struct blk_driver *blk, uint32_t type, uint64_t offset, uint64_t size,
		      uint32_t sectors_max, uint32_t flags)
{
	struct blk_slot *slot = &blk->slots[0];
	uint64_t sector = offset / BLK_SECTOR_SIZE;
	uint64_t left = size / BLK_SECTOR_SIZE;

	while (left > 0) {
		const uint32_t sectors = left < sectors_max ? (uint32_t)left : sectors_max;
		const uint64_t sector_le = htole64(sector);
		const uint32_t words_le[2] = { htole32(sectors), htole32(flags) };
		fill_header(slot, type, 0);
		memcpy(slot->data, &sector_le, sizeof(sector_le));
		memcpy(slot->data + sizeof(sector_le), words_le, sizeof(words_le));
		if (submit(blk, slot, BLK_RANGE_SIZE, false) != SESSION_OK ||
		    await_slot(blk, slot) != SESSION_OK) {
			return -1;
		}
		slot->sector = sector; /* for the report */
		if (check_status(slot, type == BLK_T_DISCARD ? "discard" : "write of zeroes") < 0) {
			return -1;
		}
		sector += sectors;
		left -= sectors;
	}
	return 0;
}

int blk_driver_discard(struct blk_driver *blk, uint64_t offset, uint64_t size)
{
	return blk->discard_max == 0
		       ? -1
		       : run_ranges(blk, BLK_T_DISCARD, offset, size, blk->discard_max, 0);
}

int blk_driver_zero(struct blk_driver *blk, uint64_t offset, uint64_t size, bool may_unmap)
{
	return blk->zeroes_max == 0
		       ? -1
		       : run_ranges(blk, BLK_T_WRITE_ZEROES, offset, size, blk->zeroes_max,
				    may_unmap && blk->zeroes_may_unmap ? BLK_RANGE_F_UNMAP : 0);
}

int blk_driver_flush(struct blk_driver *blk)
{
	struct blk_slot *slot = &blk->slots[0];

	if (!blk->has_flush) {
		return 0;
	}
	fill_header(slot, BLK_T_FLUSH, 0);
	if (submit(blk, slot, 0, false) != SESSION_OK || await_slot(blk, slot) != SESSION_OK) {
		return -1;
	}
	return check_status(slot, "flush");
}

int blk_driver_identify(struct blk_driver *blk)
{
	struct blk_slot *slot = &blk->slots[0];

	fill_header(slot, BLK_T_GET_ID, 0);
	memset(slot->data, 0, BLK_ID_SIZE);
	if (submit(blk, slot, BLK_ID_SIZE, true) != SESSION_OK ||
	    await_slot(blk, slot) != SESSION_OK) {
		return -1;
	}
	blk->serial[0] = '\0';
	if (slot->header[BLK_HEADER_SIZE] == BLK_S_OK) {
		memcpy(blk->serial, slot->data, BLK_ID_SIZE);
		blk->serial[BLK_ID_SIZE] = '\0';
	}
	return 0;
}
