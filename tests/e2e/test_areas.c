/* SPDX-License-Identifier: BSD-3-Clause */
/* How a frontend's memory comes to where its device can reach it: areas on demand and memory that
 * both sides have reserved. Console, net, vsock and nbd have theirs with their own tests. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define WINDOW_SIZE (4 * 1024 * 1024)

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

/* Ids of 8 bits and of 16; the pool has the first. */
static void rng_and_disk_share_on_demand_in_every_profile(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		disk_system_serve(&disk_system, "", profiles[i], true);
		assert_int_equal(FRONTEND_RUN(&disk_system, "rng", "--length", "100K", "--profile",
					      profiles[i], "--areas", "demand"),
				 0);
		assert_int_equal(disk_system.frontend.output.length, 2 * 102400 + 3200);
		assert_areas_came_back(&disk_system);
		assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image,
					      "--profile", profiles[i], "--areas", "demand"),
				 0);
		assert_areas_came_back(&disk_system);
		assert_int_equal(process_stop(&disk_system.backend), 0);
	}
}

/* The manager has no memory for more, then the peer: two buffers in the pool do the work. */
static void rng_goes_on_in_the_pool_when_areas_are_refused(void **state)
{
	static const struct {
		const char *fault;
		const char *problem;
	} rows[] = {
		{ "nomem:call=share,after=3", "an area of 4096 bytes cannot be shared" },
		{ "nomem:call=retrieve,after=1", "refuses area 2: buffers of the pool stand in" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		daemon_stop(&disk_system.daemon);
		daemon_start(&disk_system.daemon, "--fault", rows[i].fault);
		disk_system_serve(&disk_system, "", NULL, true);
		assert_int_equal(
			FRONTEND_RUN(&disk_system, "rng", "--length", "100K", "--areas", "demand"),
			0);
		assert_int_equal(disk_system.frontend.output.length, 2 * 102400 + 3200);
		if (!strstr(disk_system.frontend.errors.text, rows[i].problem)) {
			fail_msg("no '%s' in %s", rows[i].problem,
				 disk_system.frontend.errors.text);
		}
		assert_int_equal(process_stop(&disk_system.backend), 0);
	}
}

/* ---- memory that both sides have ---- */

static char window[128]; /* what --areas says of it */

/* A backend that knows the file as RAM, and speaks one profile (NULL: all). */
static void serve_window(const char *profile)
{
	char quirk[128];
	char path[64];
	const char *arguments[] = { "backend",
				    "-s",
				    disk_system.daemon.socket_path,
				    "--device",
				    disk_system.device,
				    "--device",
				    "rng",
				    "--quirk",
				    quirk,
				    profile ? "--profile" : NULL,
				    profile,
				    NULL };

	disk_system_path(&disk_system, "ram", path);
	file_write(path, (const uint8_t *)"", 0);
	assert_int_equal(truncate(path, WINDOW_SIZE), 0);
	snprintf(quirk, sizeof(quirk), "linux-rfc1-window,address=0x90000000,path=%s", path);
	snprintf(window, sizeof(window), "static,address=0x90000000,path=%s", path);
	snprintf(disk_system.device, sizeof(disk_system.device), "blk,path=%s", disk_system.image);
	process_start(&disk_system.backend, NULL, arguments);
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

/* No message about an area crosses, and so the trace of the manager has none. */
static void a_window_needs_no_area(void **state)
{
	static const char *const profiles[] = { "r0", "r1" };
	char trace[64];
	static char text[1 << 20];

	(void)state;
	daemon_stop(&disk_system.daemon);
	daemon_start(&disk_system.daemon, "--trace",
		     disk_system_path(&disk_system, "trace", trace));
	serve_window(NULL);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image,
					      "--profile", profiles[i], "--areas", window),
				 0);
		assert_string_equal(disk_system.frontend.errors.text, "");
		assert_int_equal(FRONTEND_RUN(&disk_system, "rng", "--length", "100K", "--profile",
					      profiles[i], "--areas", window),
				 0);
		assert_int_equal(disk_system.frontend.output.length, 2 * 102400 + 3200);
	}
	assert_int_equal(process_stop(&disk_system.backend), 0);
	FILE *file = fopen(trace, "re");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	(void)fclose(file);
	assert_non_null(strstr(text, "SET_VQUEUE"));
	assert_null(strstr(text, "AREA_SHARE"));
	assert_null(strstr(text, "MEM_SHARE"));
}

/* The peer has the last word on the profile. */
static void a_window_with_a_peer_of_r3_is_refused(void **state)
{
	(void)state;
	serve_window("r3");
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng", "--length", "1K", "--areas", window), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "partition 0x8001 speaks r3, which has no plain addresses: --areas "
			       "static goes with r0 and r1"));
	assert_int_equal(process_stop(&disk_system.backend), 0);
}

static void what_cannot_be_had_is_refused_at_once(void **state)
{
	static const struct {
		const char *areas;
		const char *profile;
		const char *error;
	} rows[] = {
		{ "static", "r1", "--areas static needs the reserved memory: address=N,path=FILE" },
		{ "statically", "r1", "none of pool, demand and static" },
		{ "static,address=4K", "r1", "needs the reserved memory" },
		{ "static,address=zz,path=FILE", "r1", "no number of bytes" },
		{ "static,address=4K,path=FILE", "r1-a16", "r1-a16 has no plain addresses" },
		{ "static,address=4K,path=FILE", "r3", "r3 has no plain addresses" },
		{ "static,address=5,path=FILE", "r1", "address 0x5 is not one of a page" },
		{ "static,address=0xfffffffffff000,path=FILE", "r1", "is not one of a page below" },
		{ "static,address=4K,path=SMALL", "r1", "the file has 4096 bytes, " },
	};
	char big[64];
	char small[64];

	(void)state;
	file_write(disk_system_path(&disk_system, "FILE", big), disk_system.data, DISK_SIZE);
	file_write(disk_system_path(&disk_system, "SMALL", small), disk_system.data, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char areas[160];
		const char *path = strstr(rows[i].areas, "path=");
		const int length = path ? (int)(path - rows[i].areas) : 0;
		snprintf(areas, sizeof(areas), "%.*spath=%s/%s", length, rows[i].areas,
			 disk_system.directory, path ? path + 5 : "");
		const int status =
			FRONTEND_RUN(&disk_system, "blk", "read", "--profile", rows[i].profile,
				     "--areas", path ? areas : rows[i].areas);
		if (status != 2 || !strstr(disk_system.frontend.errors.text, rows[i].error)) {
			fail_msg("--areas %s --profile %s: status %d, %s", rows[i].areas,
				 rows[i].profile, status, disk_system.frontend.errors.text);
		}
	}
	assert_int_equal(FRONTEND_RUN(&disk_system, "info", "--areas", "pool"), 2);
	assert_non_null(strstr(disk_system.frontend.errors.text, "no meaning for 'info'"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(rng_and_disk_share_on_demand_in_every_profile),
		TEST(rng_goes_on_in_the_pool_when_areas_are_refused),
		TEST(a_window_needs_no_area),
		TEST(a_window_with_a_peer_of_r3_is_refused),
		TEST(what_cannot_be_had_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
