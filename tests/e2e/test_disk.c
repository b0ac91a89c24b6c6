/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk and random numbers across FF-A between real processes. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/disk_system.h"

#define PART_OFFSET (1u << 20)
#define PART_SIZE   (300u * 512)

static struct disk_system disk_system;

static int open_system(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	disk_system_close(&disk_system);
	return 0;
}

/* Part of the disk is replaced: reads, writes and verifies it, with these dialects forced. */
static void go_round(const char *backend_profile, const char *frontend_profile,
		     const char *expected_profile)
{
	uint8_t *part = malloc(PART_SIZE);
	char part_path[64];
	char output_path[64];
	char profile_text[64];
	const char *const option = frontend_profile ? "--profile" : "--json";
	const char *const value = frontend_profile ? frontend_profile : "--json";

	disk_system_serve(&disk_system, "", backend_profile, false);
	disk_system_path(&disk_system, "part", part_path);
	disk_system_path(&disk_system, "output", output_path);
	for (size_t i = 0; i < PART_SIZE; i++) {
		part[i] = (uint8_t)~disk_system.data[PART_OFFSET + i];
	}
	file_write(part_path, part, PART_SIZE);
	memcpy(disk_system.data + PART_OFFSET, part, PART_SIZE);

	assert_int_equal(FRONTEND_RUN(&disk_system, option, value, "--json", "info"), 0);
	snprintf(profile_text, sizeof(profile_text), "\"profile\":\"%s\"", expected_profile);
	assert_non_null(strstr(disk_system.frontend.output.text, profile_text));
	assert_int_equal(FRONTEND_RUN(&disk_system, option, value, "blk", "write", "--input",
				      part_path, "--offset", "1M"),
			 0);
	assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
	assert_int_equal(
		FRONTEND_RUN(&disk_system, option, value, "blk", "verify", disk_system.image), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, option, value, "blk", "read", "--offset", "1M",
				      "--length", "150K", "--output", output_path),
			 0);
	assert_file_equals(output_path, part, PART_SIZE);
	assert_string_equal(disk_system.frontend.errors.text, "");
	free(part);
}

static void a_disk_goes_round_with_what_both_negotiate(void **state)
{
	(void)state;
	go_round(NULL, NULL, "r3");
}

static void a_disk_goes_round_with_r1_forced_on_the_frontend(void **state)
{
	(void)state;
	go_round(NULL, "r1", "r1");
}

static void a_disk_goes_round_with_r1_forced_on_the_backend(void **state)
{
	(void)state;
	go_round("r1", NULL, "r1");
}

static void a_disk_goes_round_with_r3_forced_on_the_frontend(void **state)
{
	(void)state;
	go_round(NULL, "r3", "r3");
}

static void a_disk_goes_round_with_r3_forced_on_the_backend(void **state)
{
	(void)state;
	go_round("r3", NULL, "r3");
}

static void dialects_that_exclude_each_other_are_reported(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", "r3", false);
	assert_int_equal(FRONTEND_RUN(&disk_system, "--profile", "r1", "info"), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "does not agree on the forced profile r1"));
}

static void a_read_only_disk_is_read_but_not_written(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, ",readonly=on", NULL, false);
	assert_int_equal(FRONTEND_RUN(&disk_system, "info"), 0);
	assert_non_null(strstr(disk_system.frontend.output.text, "VIRTIO_BLK_F_RO"));
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", disk_system.image),
			 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "the disk is read-only"));
	assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
}

static void an_io_error_names_the_sectors_and_the_status(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	assert_int_equal(truncate(disk_system.image, 1 << 20), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "read", "--output", "/dev/null"), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "read of sectors 2048 to 2175 fails: the device says status 1 "
			       "(IOERR)"));
	/* The device lives on. */
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "read", "--length", "1M", "--output",
				      "/dev/null"),
			 0);
}

static void verify_reports_the_first_difference(void **state)
{
	char other_path[64];

	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	disk_system.data[PART_OFFSET + 77] ^= 0xff;
	disk_system.data[PART_OFFSET + 999] ^= 0xff;
	disk_system_path(&disk_system, "other", other_path);
	file_write(other_path, disk_system.data, DISK_SIZE);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", other_path), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "byte 1048653 of the disk is 0x"));
}

static void a_transfer_beyond_the_end_is_refused_before_it_begins(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", disk_system.image,
				      "--offset", "512"),
			 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "4194304 bytes at offset 512 go beyond the disk's end at 4194304"));
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "read", "--offset", "100", "--output",
				      "/dev/null"),
			 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "--offset is 100, which is no multiple of 512"));
}

/* True when python3 parses the text as JSON and finds the expression true; `d` is the object. */
static bool json_holds(const char *text, const char *expression)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "python3 -c 'import json,sys; d=json.load(sys.stdin); sys.exit(not (%s))'",
		 expression);
	FILE *python = popen(command, "w");
	assert_non_null(python);
	fputs(text, python);
	return pclose(python) == 0;
}

static void info_describes_every_device_as_json(void **state)
{
	(void)state;
	if (system("command -v python3 >/dev/null") != 0) {
		skip();
	}
	disk_system_serve(&disk_system, ",serial=A\"1", NULL, true);
	assert_int_equal(FRONTEND_RUN(&disk_system, "--json", "info"), 0);
	const char *text = disk_system.frontend.output.text;
	assert_true(json_holds(text, "d[\"partition\"]==\"0x0001\" and d[\"peer\"]==\"0x8001\""));
	assert_true(json_holds(text, "[x[\"name\"] for x in d[\"devices\"]]==[\"blk\",\"rng\"]"));
	assert_true(json_holds(text, "d[\"devices\"][0][\"config\"][\"capacity\"]==8192"));
	assert_true(json_holds(text, "d[\"devices\"][0][\"serial\"]==\"A\\\"1\""));
	assert_true(json_holds(text, "\"VIRTIO_BLK_F_FLUSH\" in d[\"devices\"][0][\"features\"]"));
	assert_true(json_holds(text, "d[\"devices\"][0][\"queues\"][0][\"max_size\"]>=128"));
}

static void rng_returns_as_many_different_bytes_as_asked(void **state)
{
	static uint8_t zero[64];
	uint8_t first[64];
	uint8_t second[64];
	char path[64];

	(void)state;
	disk_system_serve(&disk_system, "", NULL, true);
	disk_system_path(&disk_system, "random", path);
	FILE *file = NULL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			FRONTEND_RUN(&disk_system, "rng", "--length", "70000", "--output", path),
			0);
		struct stat status;
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_size, 70000);
		file = fopen(path, "re");
		assert_non_null(file);
		assert_int_equal(fseek(file, -64, SEEK_END), 0);
		assert_int_equal(fread(i == 0 ? first : second, 1, 64, file), 64);
		fclose(file);
	}
	assert_memory_not_equal(first, second, 64);
	assert_memory_not_equal(first, zero, 64);
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng"), 0);
	assert_int_equal(strlen(disk_system.frontend.output.text), 65);
}

static void a_missing_device_and_a_missing_peer_are_reported(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng"), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "partition 0x8001 has no rng device that is free"));
	assert_int_equal(FRONTEND_RUN(&disk_system, "--peer", "0x8002", "info"), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "--peer is 0x8002, but no such partition offers virtio devices"));
	assert_int_equal(FRONTEND_RUN(&disk_system, "--peer", "0x8001", "info"), 0);
}

static void the_frontend_and_backend_take_the_identities_asked_for(void **state)
{
	const char *const arguments[] = { "backend", "-s",     disk_system.daemon.socket_path,
					  "--id",    "0x8002", "--device",
					  "rng",     NULL };

	(void)state;
	process_start(&disk_system.backend, NULL, arguments);
	process_await(&disk_system.backend, &disk_system.backend.output,
		      "ready: partition 0x8002 offers device 0 (rng)");
	assert_int_equal(FRONTEND_RUN(&disk_system, "--id", "3", "info"), 0);
	assert_non_null(strstr(disk_system.frontend.output.text,
			       "partition 0x0003 drives partition 0x8002"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(a_disk_goes_round_with_what_both_negotiate),
		TEST(a_disk_goes_round_with_r1_forced_on_the_frontend),
		TEST(a_disk_goes_round_with_r1_forced_on_the_backend),
		TEST(a_disk_goes_round_with_r3_forced_on_the_frontend),
		TEST(a_disk_goes_round_with_r3_forced_on_the_backend),
		TEST(dialects_that_exclude_each_other_are_reported),
		TEST(a_read_only_disk_is_read_but_not_written),
		TEST(an_io_error_names_the_sectors_and_the_status),
		TEST(verify_reports_the_first_difference),
		TEST(a_transfer_beyond_the_end_is_refused_before_it_begins),
		TEST(info_describes_every_device_as_json),
		TEST(rng_returns_as_many_different_bytes_as_asked),
		TEST(a_missing_device_and_a_missing_peer_are_reported),
		TEST(the_frontend_and_backend_take_the_identities_asked_for),
	};

	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
