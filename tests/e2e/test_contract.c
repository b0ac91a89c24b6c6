/* SPDX-License-Identifier: BSD-3-Clause */
/* --check-contract in real processes: at devices that come while a backend runs, and at work that
 * breaks no rule. */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

static struct disk_system disk_system;

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_system_abandon(&disk_system);
	return 0;
}

static void serve(const char *quirk)
{
	snprintf(disk_system.device, sizeof(disk_system.device), "blk,path=%s", disk_system.image);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--check-contract", "--device", disk_system.device,
					     quirk ? "--quirk" : NULL, quirk, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

static void add_rng(void)
{
	assert_int_equal(
		process_run(&disk_system.frontend, NULL,
			    (const char *const[]){ "device", "-s", disk_system.daemon.socket_path,
						   "add", "rng", NULL }),
		0);
}

/* Memory that both have, and that is not empty: what lies behind a buffer leaks. */
static void a_device_that_comes_later_is_watched(void **state)
{
	static const char leak[] = "contract: driver 0x0001, queue 0, descriptor 0, address "
				   "0x90002400: 3072 bytes beside the buffers on a shared page "
				   "leak to the device";
	char path[64];
	char quirk[128];
	char window[128];

	(void)state;
	memset(disk_system.data, 0x55, DISK_SIZE);
	file_write(disk_system_path(&disk_system, "ram", path), disk_system.data, DISK_SIZE);
	snprintf(quirk, sizeof(quirk), "linux-rfc1-window,address=0x90000000,path=%s", path);
	snprintf(window, sizeof(window), "static,address=0x90000000,path=%s", path);
	serve(quirk);
	add_rng();
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng", "--length", "1K", "--profile", "r1",
				      "--areas", window, "--check-contract"),
			 0);
	assert_non_null(strstr(disk_system.frontend.errors.text, leak));
	assert_int_equal(process_stop(&disk_system.backend), 0);
	assert_non_null(strstr(disk_system.backend.errors.text, leak));
}

static void honest_drivers_and_devices_are_not_reported(void **state)
{
	static const char *const areas[] = { "pool", "demand" };
	static const char *const profiles[] = { "r0", "r2a", "r3" };

	(void)state;
	serve(NULL);
	add_rng();
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(FRONTEND_RUN(&disk_system, "rng", "--length", "99999", "--profile",
					      profiles[i / 2], "--areas", areas[i % 2],
					      "--check-contract"),
				 0);
		assert_null(strstr(disk_system.frontend.errors.text, "contract:"));
		assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image,
					      "--profile", profiles[i / 2], "--areas", areas[i % 2],
					      "--check-contract"),
				 0);
		assert_null(strstr(disk_system.frontend.errors.text, "contract:"));
	}
	assert_int_equal(process_stop(&disk_system.backend), 0);
	assert_string_equal(disk_system.backend.errors.text, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_device_that_comes_later_is_watched),
		TEST(honest_drivers_and_devices_are_not_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
