/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-blk on a file, through a real ring. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "devices/blk.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define RAM     0x10000u
#define HEADER  0x4000u
#define STATUS  0x4100u
#define DATA    0x5000u
#define SECTORS 64u
#define UNSET   0xeeu
#define ENTRIES 256u

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory device_memory;
static struct vmsg_memory driver_memory;
static struct vmsg_memory_area device_areas[2];
static struct vmsg_memory_area driver_areas[2];
static struct vmsg_vq_driver_slot slots[ENTRIES];
static uint32_t ring_features; /* of block 1, beside VERSION_1 */
static uint32_t blk_features;  /* of block 0 */
static struct vmsg_vq_driver ring;
static struct emu_device *device;
static char path[] = "/tmp/vmsg-blk-XXXXXX";

static uint64_t at(uint64_t offset)
{
	return 1ull << 48 | offset;
}

static void send(enum vmsg_type type, const struct vmsg_message *body)
{
	struct vmsg_message message = *body;
	struct vmsg_message reply;

	message.header.type = type;
	message.header.kind = type == VMSG_EVENT_AVAIL ? VMSG_EVENT : VMSG_REQUEST;
	assert_int_equal(vmsg_device_input(&device->machine, 0, &message), 0);
	(void)vmsg_device_output(&device->machine, &reply);
}

static void bring_up(const char *options)
{
	const struct vmsg_segment segment = { ram, RAM };
	const struct vmsg_vq_layout layout = {
		.size = ENTRIES,
		.packed = ring_features & 1u << (VMSG_F_RING_PACKED - 32),
		.in_order = ring_features & 1u << (VMSG_F_IN_ORDER - 32),
		.desc_addr = at(0),
		.driver_addr = at(0x1000),
		.device_addr = at(0x2000),
	};
	struct vmsg_message message = { .header = { .dev_num = 0 } };
	uint8_t words[8] = { 0 };
	char text[256];
	char why[256] = "";

	(void)snprintf(text, sizeof(text), "blk,path=%s%s", path, options);
	device = emu_device_open(text, 0, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(device);
	vmsg_memory_init(&device_memory, device_areas, 2, 48);
	vmsg_memory_init(&driver_memory, driver_areas, 2, 48);
	assert_int_equal(vmsg_memory_add(&device_memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_memory_add(&driver_memory, 1, &segment, 1, true, 0), 0);
	vmsg_device_attach(&device->machine, vmsg_profile(VMSG_PROFILE_R3), &device_memory, 104, 0);
	assert_int_equal(vmsg_vq_driver_start(&ring, &driver_memory, &layout, slots), 0);
	vmsg_store_le32(words, blk_features);
	vmsg_store_le32(words + 4, 1 | ring_features); /* VERSION_1 */
	message.body.set_device_status_request.status = 3;
	send(VMSG_SET_DEVICE_STATUS, &message);
	message.body.set_driver_features_request =
		(struct vmsg_features){ 0, 2, { words, sizeof(words) } };
	send(VMSG_SET_DRIVER_FEATURES, &message);
	message.body.set_device_status_request.status = 11;
	send(VMSG_SET_DEVICE_STATUS, &message);
	message.body.set_vqueue_request =
		(struct vmsg_set_vqueue_request){ .flags = VMSG_SET_VQUEUE_ENABLE,
						  .size = ENTRIES,
						  .desc_addr = layout.desc_addr,
						  .driver_addr = layout.driver_addr,
						  .device_addr = layout.device_addr };
	send(VMSG_SET_VQUEUE, &message);
	message.body.set_device_status_request.status = 15;
	send(VMSG_SET_DEVICE_STATUS, &message);
	assert_int_equal(device->machine.status, 15);
	assert_true(device->machine.queues[0].enabled);
}

static int open_image(void **state)
{
	uint8_t sector[BLK_SECTOR_SIZE];
	int fd;

	(void)state;
	ring_features = 0;
	blk_features = 0;
	(void)strcpy(path, "/tmp/vmsg-blk-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < SECTORS; i++) {
		memset(sector, (int)i, sizeof(sector));
		assert_int_equal(write(fd, sector, sizeof(sector)), sizeof(sector));
	}
	assert_int_equal(close(fd), 0);
	return 0;
}

static int close_image(void **state)
{
	(void)state;
	emu_device_close(device);
	device = NULL;
	return unlink(path);
}

/* One request; the status that came back. `*written` as the used ring says. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t size, uint32_t *written)
{
	const bool in = type != BLK_T_OUT && type != BLK_T_DISCARD && type != BLK_T_WRITE_ZEROES;
	const struct vmsg_vq_buffer whole[] = { { at(HEADER), BLK_HEADER_SIZE, false },
						{ at(DATA), size, in },
						{ at(STATUS), 1, true } };
	const struct vmsg_vq_buffer bare[] = { whole[0], whole[2] };
	const struct vmsg_message kick = { .header = { .dev_num = 0 } };
	void *cookie;

	memset(ram + HEADER, 0, BLK_HEADER_SIZE);
	vmsg_store_le32(ram + HEADER, type);
	vmsg_store_le64(ram + HEADER + 8, sector);
	ram[STATUS] = UNSET;
	assert_int_equal(vmsg_vq_driver_add(&ring, size ? whole : bare, size ? 3 : 2, &ring), 0);
	send(VMSG_EVENT_AVAIL, &kick);
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, written), 1);
	return ram[STATUS];
}

static void sectors_are_read_and_written(void **state)
{
	(void)state;
	uint32_t written;

	bring_up("");
	assert_int_equal(request(BLK_T_IN, 5, 1024, &written), BLK_S_OK);
	assert_int_equal(written, 1025);
	assert_int_equal(ram[DATA], 5);
	assert_int_equal(ram[DATA + 512], 6);
	memset(ram + DATA, 0x77, 512);
	assert_int_equal(request(BLK_T_OUT, SECTORS - 1, 512, &written), BLK_S_OK);
	assert_int_equal(written, 1);
	assert_int_equal(request(BLK_T_FLUSH, 0, 0, &written), BLK_S_OK);
	memset(ram + DATA, 0, 512);
	assert_int_equal(request(BLK_T_IN, SECTORS - 1, 512, &written), BLK_S_OK);
	assert_int_equal(ram[DATA + 511], 0x77);
	assert_int_equal(device->errors, 0);
}

static void what_lies_outside_is_an_io_error(void **state)
{
	(void)state;
	uint32_t written;

	bring_up("");
	memset(ram + DATA, UNSET, 512);
	assert_int_equal(request(BLK_T_IN, SECTORS, 512, &written), BLK_S_IOERR);
	assert_int_equal(written, 513); /* the status is the last byte of them */
	assert_int_equal(ram[DATA] | ram[DATA + 511], 0);
	assert_int_equal(request(BLK_T_IN, SECTORS - 1, 1024, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_IN, UINT64_MAX, 512, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_OUT, UINT64_MAX / 512, 512, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_IN, 0, 511, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_IN, 0, 0, &written), BLK_S_IOERR);
	assert_int_equal(device->errors, 6);
}

static void a_file_cut_short_is_an_io_error(void **state)
{
	(void)state;
	uint32_t written;

	bring_up("");
	assert_int_equal(truncate(path, 10 * 512 + 100), 0);
	assert_int_equal(request(BLK_T_IN, 9, 512, &written), BLK_S_OK);
	assert_int_equal(request(BLK_T_IN, 10, 512, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_IN, 40, 512, &written), BLK_S_IOERR);
}

static void a_read_only_disk_is_not_written(void **state)
{
	(void)state;
	uint32_t written;

	bring_up(",readonly=on");
	assert_int_equal(device->info.features[0] >> BLK_F_RO & 1, 1);
	assert_int_equal(request(BLK_T_OUT, 0, 512, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_IN, 0, 512, &written), BLK_S_OK);
}

static void the_serial_is_the_id(void **state)
{
	(void)state;
	uint32_t written;

	bring_up(",serial=disk-0001");
	assert_int_equal(request(BLK_T_GET_ID, 0, BLK_ID_SIZE, &written), BLK_S_OK);
	assert_int_equal(written, BLK_ID_SIZE + 1);
	assert_memory_equal(ram + DATA, "disk-0001\0\0\0\0\0\0\0\0\0\0\0", BLK_ID_SIZE);
	assert_int_equal(request(BLK_T_GET_ID, 0, BLK_ID_SIZE - 1, &written), BLK_S_IOERR);
}

static void unknown_requests_are_unsupported(void **state)
{
	(void)state;
	uint32_t written;

	bring_up("");
	assert_int_equal(request(99, 0, 512, &written), BLK_S_UNSUPP);
	assert_int_equal(request(UINT32_MAX, 0, 0, &written), BLK_S_UNSUPP);
}

static void a_request_without_header_or_status_is_an_error(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer no_status = { at(HEADER), BLK_HEADER_SIZE, false };
	const struct vmsg_vq_buffer no_header[] = { { at(HEADER), BLK_HEADER_SIZE - 1, false },
						    { at(STATUS), 1, true } };
	const struct vmsg_message kick = { .header = { .dev_num = 0 } };
	uint32_t written;
	void *cookie;

	bring_up("");
	ram[STATUS] = UNSET;
	assert_int_equal(vmsg_vq_driver_add(&ring, &no_status, 1, &ring), 0);
	assert_int_equal(vmsg_vq_driver_add(&ring, no_header, 2, &ring), 0);
	send(VMSG_EVENT_AVAIL, &kick);
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 0);
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 1);
	assert_int_equal(ram[STATUS], BLK_S_IOERR);
	assert_int_equal(device->errors, 2);
}

/* One request whose data, at DATA, the device reads. */
static unsigned int range_request(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	uint32_t written;

	vmsg_store_le64(ram + DATA, sector);
	vmsg_store_le32(ram + DATA + 8, sectors);
	vmsg_store_le32(ram + DATA + 12, flags);
	return request(type, 0, BLK_RANGE_SIZE, &written);
}

static unsigned int first_byte(uint64_t sector)
{
	uint32_t written;

	ram[DATA] = UNSET;
	assert_int_equal(request(BLK_T_IN, sector, 512, &written), BLK_S_OK);
	return ram[DATA];
}

static void ranges_are_zeroed_and_discarded(void **state)
{
	(void)state;

	blk_features = 1u << BLK_F_DISCARD | 1u << BLK_F_WRITE_ZEROES;
	bring_up("");
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, 5, 2, 0), BLK_S_OK);
	assert_int_equal(first_byte(4), 4);
	assert_int_equal(first_byte(5), 0);
	assert_int_equal(first_byte(6), 0);
	assert_int_equal(first_byte(7), 7);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, 8, 1, BLK_RANGE_F_UNMAP), BLK_S_OK);
	assert_int_equal(first_byte(8), 0);
	assert_int_equal(range_request(BLK_T_DISCARD, 9, 1, 0), BLK_S_OK);
	assert_int_equal(first_byte(10), 10);
}

static void bad_ranges_are_refused(void **state)
{
	(void)state;
	uint32_t written;

	blk_features = 1u << BLK_F_DISCARD | 1u << BLK_F_WRITE_ZEROES;
	bring_up("");
	assert_int_equal(range_request(BLK_T_DISCARD, 9, 1, BLK_RANGE_F_UNMAP), BLK_S_UNSUPP);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, 9, 1, 2), BLK_S_UNSUPP);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, SECTORS, 1, 0), BLK_S_IOERR);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, UINT64_MAX, 2, 0), BLK_S_IOERR);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, 0, 0, 0), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_DISCARD, 0, BLK_RANGE_SIZE - 1, &written), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_DISCARD, 0, 0, &written), BLK_S_IOERR);
	assert_int_equal(first_byte(9), 9);
}

static void ranges_need_their_features(void **state)
{
	(void)state;

	bring_up("");
	assert_int_equal(range_request(BLK_T_DISCARD, 9, 1, 0), BLK_S_UNSUPP);
	assert_int_equal(range_request(BLK_T_WRITE_ZEROES, 9, 1, 0), BLK_S_UNSUPP);
	assert_int_equal(first_byte(9), 9);
}

static void a_read_only_disk_offers_no_ranges(void **state)
{
	(void)state;

	bring_up(",readonly=on,discard=on");
	assert_int_equal(device->info.features[0] >> BLK_F_DISCARD & 1, 0);
	assert_int_equal(device->info.features[0] >> BLK_F_WRITE_ZEROES & 1, 0);
}

static uint64_t config(uint32_t offset, uint32_t size)
{
	struct vmsg_message message = { .header = { .type = VMSG_GET_CONFIG,
						    .kind = VMSG_REQUEST } };
	struct vmsg_message reply;
	uint64_t value = 0;

	message.body.get_config_request.offset = offset;
	message.body.get_config_request.length = size;
	assert_int_equal(vmsg_device_input(&device->machine, 0, &message), 0);
	assert_int_equal(vmsg_device_output(&device->machine, &reply), 1);
	assert_int_equal(reply.body.get_config_response.data.size, size);
	while (size-- > 0) {
		value = value << 8 | reply.body.get_config_response.data.data[size];
	}
	return value;
}

static void its_shape_is_in_the_config(void **state)
{
	(void)state;

	bring_up(",queues=4,block-size=1024,physical-block-size=4096");
	assert_int_equal(config(BLK_CONFIG_CAPACITY, 8), SECTORS);
	assert_int_equal(config(BLK_CONFIG_BLK_SIZE, 4), 1024);
	assert_int_equal(config(BLK_CONFIG_PHYSICAL_BLOCK_EXP, 1), 2);
	assert_int_equal(config(BLK_CONFIG_NUM_QUEUES, 2), 4);
	assert_int_equal(config(BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT, 4), 8);
	assert_int_equal(device->info.features[0] >> BLK_F_MQ & 1, 1);
	assert_int_equal(device->info.queue_count, 4);
}

static void a_file_that_grows_is_a_config_event(void **state)
{
	(void)state;
	struct vmsg_message event;
	uint32_t written;

	bring_up("");
	device->refresh(device);
	assert_int_equal(vmsg_device_event(&device->machine, &event), 0);
	assert_int_equal(truncate(path, (off_t)(SECTORS * 2 * 512)), 0);
	assert_int_equal(request(BLK_T_IN, SECTORS, 512, &written), BLK_S_IOERR);
	device->refresh(device);
	assert_int_equal(vmsg_device_event(&device->machine, &event), 1);
	assert_int_equal(event.header.type, VMSG_EVENT_CONFIG);
	assert_int_equal(config(BLK_CONFIG_CAPACITY, 8), SECTORS * 2);
	assert_int_equal(request(BLK_T_IN, SECTORS, 512, &written), BLK_S_OK);
}

static void the_write_cache_is_the_drivers_to_switch(void **state)
{
	(void)state;
	struct vmsg_message message = { .header = { .type = VMSG_SET_CONFIG,
						    .kind = VMSG_REQUEST } };
	struct vmsg_message reply;
	const uint8_t off = 0;
	uint32_t written;

	blk_features = 1u << BLK_F_CONFIG_WCE | 1u << BLK_F_FLUSH;
	bring_up("");
	assert_int_equal(config(BLK_CONFIG_WRITEBACK, 1), 1);
	message.body.set_config_request.offset = BLK_CONFIG_WRITEBACK;
	message.body.set_config_request.length = 1;
	message.body.set_config_request.data = (struct vmsg_bytes){ &off, 1 };
	assert_int_equal(vmsg_device_input(&device->machine, 0, &message), 0);
	assert_int_equal(vmsg_device_output(&device->machine, &reply), 1);
	assert_int_equal(config(BLK_CONFIG_WRITEBACK, 1), 0);
	assert_int_equal(request(BLK_T_OUT, 0, 512, &written), BLK_S_OK);
	message.body.set_config_request.offset = BLK_CONFIG_CAPACITY;
	assert_int_equal(vmsg_device_input(&device->machine, 0, &message), 0);
	assert_int_equal(vmsg_device_output(&device->machine, &reply), 1);
	assert_int_equal(reply.body.set_config_response.length, 0);
}

/* Else what was written would be durable at no time that the driver could know of. */
static void a_cache_that_cannot_be_flushed_begins_switched_off(void **state)
{
	(void)state;

	blk_features = 1u << BLK_F_CONFIG_WCE;
	bring_up("");
	assert_int_equal(config(BLK_CONFIG_WRITEBACK, 1), 0);
}

static void packed_rings_in_order_carry_it_too(void **state)
{
	(void)state;
	uint32_t written;

	ring_features = 1u << (VMSG_F_RING_PACKED - 32) | 1u << (VMSG_F_IN_ORDER - 32);
	bring_up("");
	for (unsigned int round = 0; round < 200; round++) { /* more than once round the ring */
		memset(ram + DATA, (int)round, 512);
		assert_int_equal(request(BLK_T_OUT, round % SECTORS, 512, &written), BLK_S_OK);
		memset(ram + DATA, 0, 512);
		assert_int_equal(request(BLK_T_IN, round % SECTORS, 512, &written), BLK_S_OK);
		assert_int_equal(written, 513);
		assert_int_equal(ram[DATA + 511], round & 0xff);
	}
}

static void a_flood_does_not_keep_others_waiting(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer nothing = { at(HEADER), BLK_HEADER_SIZE, false };
	const struct vmsg_message kick = { .header = { .dev_num = 0 } };
	uint32_t written;
	uint32_t count = 0;
	void *cookie;

	bring_up("");
	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(vmsg_vq_driver_add(&ring, &nothing, 1, &ring), 0);
	}
	send(VMSG_EVENT_AVAIL, &kick);
	/* it returned with its fill of work, and comes back for what may be left */
	assert_true(vmsg_device_deadline(&device->machine) == 0);
	vmsg_device_tick(&device->machine, 0);
	assert_true(vmsg_device_deadline(&device->machine) == UINT64_MAX);
	while (vmsg_vq_driver_reap(&ring, &cookie, &written) == 1) {
		count++;
	}
	assert_int_equal(count, ENTRIES);
}

static void data_in_many_pieces_comes_together(void **state)
{
	(void)state;
	const struct vmsg_message kick = { .header = { .dev_num = 0 } };
	struct vmsg_vq_buffer pieces[10] = { { at(HEADER), 3, false },
					     { at(HEADER + 3), 13, false } };
	uint32_t written;
	void *cookie;

	bring_up("");
	/* 512 bytes and the status, in pieces that end nowhere in particular */
	for (unsigned int i = 0; i < 8; i++) {
		pieces[2 + i] = (struct vmsg_vq_buffer){ at(DATA + i * 0x100u), 64, true };
	}
	pieces[9].length = 65;
	memset(ram + HEADER, 0, BLK_HEADER_SIZE);
	vmsg_store_le64(ram + HEADER + 8, 7);
	ram[DATA + 0x700 + 64] = UNSET;
	assert_int_equal(vmsg_vq_driver_add(&ring, pieces, 10, &ring), 0);
	send(VMSG_EVENT_AVAIL, &kick);
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 513);
	assert_int_equal(ram[DATA + 0x700 + 64], BLK_S_OK);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(ram[DATA + i * 0x100u], 7);
		assert_int_equal(ram[DATA + i * 0x100u + 63], 7);
	}
}

static void a_ring_that_lies_needs_a_reset(void **state)
{
	(void)state;
	const struct vmsg_message kick = { .header = { .dev_num = 0 } };
	struct vmsg_message event;

	bring_up("");
	vmsg_store_le16(ram + 0x1000 + 2, 1);       /* one chain ... */
	vmsg_store_le16(ram + 0x1000 + 4, ENTRIES); /* ... beyond the table */
	send(VMSG_EVENT_AVAIL, &kick);
	assert_int_equal(device->machine.status, 15 | VMSG_STATUS_NEEDS_RESET);
	assert_int_equal(vmsg_device_event(&device->machine, &event), 1);
	assert_int_equal(event.body.event_config.device_status, 15 | VMSG_STATUS_NEEDS_RESET);
}

static void bad_options_name_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names;
	} cases[] = {
		{ "blk", "path" },
		{ "blk,path=", "path" },
		{ "blk,path=/nonexistent/image", "/nonexistent/image" },
		{ "blk,path=/dev/null", "/dev/null" },
		{ "blk,path=/etc/hostname,readonly=maybe", "maybe" },
		{ "blk,path=/etc/hostname,serial=123456789012345678901", "123456789012345678901" },
		{ "blk,path=/etc/hostname,colour=red", "colour" },
		{ "blk,path=/etc/hostname,queues=0", "queues '0'" },
		{ "blk,path=/etc/hostname,queues=17", "from 1 to 16" },
		{ "blk,path=/etc/hostname,block-size=1000", "power of two" },
		{ "blk,path=/etc/hostname,block-size=4096,physical-block-size=512", "less than" },
		{ "blk,nonsense", "path=TEXT" },
		{ "rng,size=4", "size=4" },
		{ "disk", "disk" },
		{ "", "no such device" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[256] = "";
		assert_null(emu_device_open(cases[i].text, 0, why, sizeof(why)));
		assert_non_null(strstr(why, cases[i].names));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_image, close_image)
	const struct CMUnitTest tests[] = {
		TEST(sectors_are_read_and_written),
		TEST(what_lies_outside_is_an_io_error),
		TEST(a_file_cut_short_is_an_io_error),
		TEST(a_read_only_disk_is_not_written),
		TEST(the_serial_is_the_id),
		TEST(unknown_requests_are_unsupported),
		TEST(a_request_without_header_or_status_is_an_error),
		TEST(ranges_are_zeroed_and_discarded),
		TEST(bad_ranges_are_refused),
		TEST(ranges_need_their_features),
		TEST(a_read_only_disk_offers_no_ranges),
		TEST(its_shape_is_in_the_config),
		TEST(a_file_that_grows_is_a_config_event),
		TEST(the_write_cache_is_the_drivers_to_switch),
		TEST(a_cache_that_cannot_be_flushed_begins_switched_off),
		TEST(packed_rings_in_order_carry_it_too),
		TEST(a_flood_does_not_keep_others_waiting),
		TEST(data_in_many_pieces_comes_together),
		TEST(a_ring_that_lies_needs_a_reset),
		TEST(bad_options_name_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
