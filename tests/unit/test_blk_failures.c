/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-blk when what is behind it fails. Under the device's descriptor the test puts files that
 * fail as disks do: /dev/full is full, /proc/self/mem gives EIO where nothing is mapped.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/blk_disk.h"
#include "devices/chain.h"
#include "virtio_msg_ffa/proto.h"

#define SECTORS  64u
#define FEATURES (1u << BLK_F_FLUSH | 1u << BLK_F_DISCARD | 1u << BLK_F_WRITE_ZEROES)
#define UNSET    0xeeu

static struct device_rig rig;
static char path[] = "/tmp/vmsg-blk-XXXXXX";

static int setup(void **state)
{
	static uint8_t image[SECTORS * BLK_SECTOR_SIZE];
	char text[64];

	(void)state;
	(void)strcpy(path, "/tmp/vmsg-blk-XXXXXX");
	const int fd = mkstemp(path);
	memset(image, 0x11, sizeof(image));
	assert_int_equal(write(fd, image, sizeof(image)), sizeof(image));
	assert_int_equal(close(fd), 0);
	(void)snprintf(text, sizeof(text), "blk,path=%s", path);
	rig_open(&rig, text, FEATURES, 0);
	rig_queue(&rig, 0);
	rig_run(&rig);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(&rig);
	return unlink(path);
}

/* From now on the device's file is another one, and the number of the old one. */
static int replace_file(const char *name)
{
	const int device_fd = ((const struct blk *)rig.device)->fd;
	const int old = dup(device_fd);
	const int fd = open(name, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, device_fd), device_fd);
	assert_int_equal(close(fd), 0);
	return old;
}

static void restore_file(int old)
{
	assert_true(dup2(old, ((const struct blk *)rig.device)->fd) >= 0);
	assert_int_equal(close(old), 0);
}

/* One request with `size` bytes of data, which are 0x22; its status. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t size)
{
	const bool in = type == BLK_T_IN;
	uint8_t *readable = rig_buffer(0);
	uint8_t *writable = rig_buffer(1);
	uint32_t written;

	memset(readable, 0, BLK_HEADER_SIZE);
	store_le(readable, type, 4);
	store_le(readable + 8, sector, 8);
	if (type == BLK_T_OUT) {
		memset(readable + BLK_HEADER_SIZE, 0x22, size);
	} else if (!in && size > 0) {
		store_le(readable + BLK_HEADER_SIZE, sector, 8);
		store_le(readable + BLK_HEADER_SIZE + 8, 1, 8);
	}
	memset(writable, UNSET, size + 1);
	rig_add(&rig, 0, 0, BLK_HEADER_SIZE + (in ? 0 : size), (in ? size : 0) + 1);
	rig_kick(&rig, 0);
	(void)rig_await(&rig, 0, &written);
	assert_int_equal(written, (in ? size : 0) + 1);
	return writable[in ? size : 0];
}

static uint8_t range(uint32_t type, uint64_t sector)
{
	return request(type, sector, BLK_RANGE_SIZE);
}

static void assert_image_is(uint64_t sector, uint8_t value)
{
	uint8_t data[BLK_SECTOR_SIZE];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, data, sizeof(data), (off_t)(sector * BLK_SECTOR_SIZE)),
			 sizeof(data));
	assert_int_equal(close(fd), 0);
	assert_int_equal(data[0], value);
	assert_int_equal(data[BLK_SECTOR_SIZE - 1], value);
}

static void a_read_error_gives_no_data(void **state)
{
	(void)state;
	const int old = replace_file("/proc/self/mem");

	assert_int_equal(request(BLK_T_IN, 0, 1024), BLK_S_IOERR);
	assert_int_equal(rig_buffer(1)[0] | rig_buffer(1)[1023], 0);
	assert_int_equal(rig.device->errors, 1);
	restore_file(old);
	assert_int_equal(request(BLK_T_IN, 0, 1024), BLK_S_OK);
	assert_int_equal(rig.device->errors, 1);
}

static void a_full_disk_is_an_io_error_for_as_long_as_it_is_full(void **state)
{
	(void)state;
	struct rlimit limit;
	struct rlimit before;

	/* a hole that may not be filled */
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(truncate(path, (off_t)(SECTORS * BLK_SECTOR_SIZE)), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 8192;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	const uint8_t beyond = request(BLK_T_OUT, 20, 512);
	const uint8_t across = request(BLK_T_OUT, 15, 1024);
	const uint8_t within = request(BLK_T_OUT, 15, 512);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(beyond, BLK_S_IOERR);
	assert_int_equal(across, BLK_S_IOERR);
	assert_int_equal(within, BLK_S_OK);
	assert_int_equal(rig.device->errors, 2);
	assert_int_equal(request(BLK_T_OUT, 20, 512), BLK_S_OK);
	assert_int_equal(request(BLK_T_FLUSH, 0, 0), BLK_S_OK);
	assert_image_is(15, 0x22);
	assert_image_is(20, 0x22);
}

/* What could not be made durable is lost, whatever the next attempt says: no flush succeeds again.
 */
static void a_failed_flush_is_never_forgotten(void **state)
{
	(void)state;
	assert_int_equal(request(BLK_T_OUT, 3, 512), BLK_S_OK);
	const int old = replace_file("/dev/full"); /* fdatasync() is not for it */

	assert_int_equal(request(BLK_T_FLUSH, 0, 0), BLK_S_IOERR);
	restore_file(old);
	assert_int_equal(request(BLK_T_FLUSH, 0, 0), BLK_S_IOERR);
	assert_int_equal(rig.device->errors, 2);
	assert_int_equal(request(BLK_T_IN, 3, 512), BLK_S_OK); /* reads go on */
}

/* The file does not grow again under writes: what was behind the cut would read as zeroes. */
static void a_file_cut_short_is_not_written_behind_its_end(void **state)
{
	(void)state;
	struct stat status;

	assert_int_equal(truncate(path, 10 * 512 + 100), 0);
	assert_int_equal(request(BLK_T_OUT, 9, 512), BLK_S_OK);
	assert_int_equal(request(BLK_T_OUT, 9, 1024), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_OUT, 10, 512), BLK_S_IOERR);
	assert_int_equal(request(BLK_T_OUT, SECTORS - 1, 512), BLK_S_IOERR);
	assert_int_equal(range(BLK_T_WRITE_ZEROES, 10), BLK_S_IOERR);
	assert_int_equal(range(BLK_T_DISCARD, 40), BLK_S_IOERR);
	assert_int_equal(range(BLK_T_WRITE_ZEROES, 8), BLK_S_OK);
	assert_int_equal(request(BLK_T_IN, 20, 512), BLK_S_IOERR);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 10 * 512 + 100);
	assert_int_equal(rig.device->errors, 6);
	rig.device->refresh(rig.device); /* the driver is told of the new size */
	assert_int_equal(rig_config(&rig, BLK_CONFIG_CAPACITY, 8), 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_read_error_gives_no_data),
		TEST(a_full_disk_is_an_io_error_for_as_long_as_it_is_full),
		TEST(a_failed_flush_is_never_forgotten),
		TEST(a_file_cut_short_is_not_written_behind_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
