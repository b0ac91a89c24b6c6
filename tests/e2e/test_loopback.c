/* SPDX-License-Identifier: BSD-3-Clause */
/* The main job in one command, and what command lines say when they are wrong. */
#include "support/cmocka.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.h"

#define IMAGE_SIZE (2u * 1024 * 1024)

static char image[] = "/tmp/vmsg-loopback-XXXXXX";
static char device[64];
static char directory[] = "/tmp/vmsg-tests-XXXXXX"; /* where the program puts its own */
static uint8_t data[IMAGE_SIZE + 1];
static struct process program;

static int make_image(void **state)
{
	(void)state;
	snprintf(image, sizeof(image), "/tmp/vmsg-loopback-XXXXXX");
	const int fd = mkstemp(image);
	assert_true(fd >= 0);
	for (uint32_t i = 0; i < IMAGE_SIZE; i++) {
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	}
	assert_int_equal(write(fd, data, IMAGE_SIZE), IMAGE_SIZE);
	close(fd);
	snprintf(device, sizeof(device), "blk,path=%s", image);
	return 0;
}

static int remove_image(void **state)
{
	(void)state;
	process_kill(&program);
	unlink(image);
	return 0;
}

static void assert_image_is_unchanged(void)
{
	static uint8_t seen[IMAGE_SIZE + 1];
	FILE *file = fopen(image, "re");

	assert_non_null(file);
	assert_int_equal(fread(seen, 1, sizeof(seen), file), IMAGE_SIZE);
	fclose(file);
	assert_memory_equal(seen, data, IMAGE_SIZE);
}

static void assert_no_directory_is_left(void)
{
	glob_t found;

	char pattern[64];

	snprintf(pattern, sizeof(pattern), "%s/*", directory);
	assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
	globfree(&found);
}

#define RUN(...) process_run(&program, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void the_story_ends_well_and_the_image_is_as_before(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", device, "--device", "rng"), 0);
	assert_string_equal(program.errors.text, "");
	static const char *const story[] = {
		"version 1.2 agreed",
		"profile r3 agreed",
		"device 1 found",
		"agreed  BLK_F_SEG_MAX",
		"2.0 MiB read",
		"the same bytes come back, and are in the file",
		"of their bits are ones",
		"EVENT_AVAIL",
		"Passed: all of it held.",
	};
	const char *at = program.output.text;
	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
		const char *found = strstr(at, story[i]);
		if (!found) {
			fail_msg("the story lacks '%s':\n%s", story[i], program.output.text);
		}
		at = found ? found : at;
	}
	assert_image_is_unchanged();
	assert_no_directory_is_left();
}

static void every_dialect_forced_on_either_side_does_the_job(void **state)
{
	static const char *const sides[] = { "--frontend-profile", "--backend-profile",
					     "--profile" };
	static const char *const profiles[] = { "r1", "r3" };
	char expected[32];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 2; j++) {
			assert_int_equal(RUN("loopback", "--json", "--device", device, sides[i],
					     profiles[j]),
					 0);
			snprintf(expected, sizeof(expected), "\"profile\":\"%s\"", profiles[j]);
			assert_non_null(strstr(program.output.text, expected));
			assert_non_null(strstr(program.output.text, "{\"passed\":true,"));
			assert_image_is_unchanged();
		}
	}
}

static void other_dialects_do_the_job_too(void **state)
{
	static const char *const profiles[] = { "r0", "r1-a16", "r2a", "r2b" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		assert_int_equal(RUN("loopback", "--device", device, "--profile", profiles[i]), 0);
	}
}

static unsigned long number_after(const char *key)
{
	const char *at = strstr(program.output.text, key);

	if (!at) {
		fail_msg("no %s in %s", key, program.output.text);
	}
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

/* Every transfer of the job shares its buffers and takes them back; the pool is one area more. */
static void areas_on_demand_come_and_go(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r1-a16", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		assert_int_equal(RUN("loopback", "--json", "--device", device, "--areas", "demand",
				     "--profile", profiles[i]),
				 0);
		assert_string_equal(program.errors.text, "");
		/* 2 MiB read twice, and 1 MiB moved five times: requests of 64 KiB, 32 at once */
		assert_int_equal(number_after("\"areas\":{\"shared\":"), 2 * 32 + 5 * 16);
		assert_int_equal(number_after("\"given_back\":"), 2 * 32 + 5 * 16);
		assert_non_null(strstr(program.output.text, "\"refused\":0,\"ids\":\"2-145\""));
		assert_int_equal(number_after("\"AREA_SHARE\":"), 1 + 2 * 32 + 5 * 16);
		assert_int_equal(number_after("\"AREA_UNSHARE\":"), 2 * 32 + 5 * 16);
		assert_image_is_unchanged();
	}
	assert_int_equal(
		RUN("loopback", "--device", device, "--areas", "demand", "--carrier", "fifo"), 0);
	assert_non_null(strstr(program.output.text, "144 shared, 144 given back; ids 2-145"));
}

/* The manager sees no area, and the directory of the memory is gone as well. */
static void the_job_is_done_in_memory_that_both_have(void **state)
{
	static const char *const profiles[] = { "r0", "r1" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		assert_int_equal(RUN("loopback", "--json", "--device", device, "--device", "rng",
				     "--areas", "static", "--profile", profiles[i]),
				 0);
		assert_non_null(strstr(program.output.text, "\"SET_VQUEUE\":"));
		assert_null(strstr(program.output.text, "\"AREA_SHARE\":"));
		assert_image_is_unchanged();
		assert_no_directory_is_left();
	}
	assert_int_equal(RUN("loopback", "--device", "rng", "--areas", "static"), 1);
	assert_non_null(strstr(program.errors.text, "speaks r3, which has no plain addresses"));
	assert_no_directory_is_left();
}

/* Few messages are what makes it fast: one kick for each batch of requests. */
static void a_mebibyte_takes_few_messages(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--json", "--device", device), 0);
	const char *at = strstr(program.output.text, "\"EVENT_AVAIL\":");
	assert_non_null(at);
	/* 10 MiB in all */
	assert_in_range(strtoul(at + strlen("\"EVENT_AVAIL\":"), NULL, 10), 1, 25);
}

static void a_read_only_disk_is_left_alone(void **state)
{
	(void)state;
	snprintf(device, sizeof(device), "blk,path=%s,readonly=on", image);
	assert_int_equal(RUN("loopback", "--device", device), 0);
	assert_non_null(strstr(program.output.text, "left out: the disk is read-only"));
	assert_image_is_unchanged();
}

static void failures_leave_with_1_and_say_why(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", "blk,path=/nonexistent"), 1);
	assert_non_null(strstr(program.errors.text, "path '/nonexistent': No such file"));
	assert_int_equal(RUN("loopback", "--device", device, "--frontend-profile", "r1",
			     "--backend-profile", "r3"),
			 1);
	assert_non_null(strstr(program.errors.text, "does not agree on the forced profile r1"));
	assert_non_null(strstr(program.output.text, "FAILED"));
	assert_no_directory_is_left();
	/* what the backend finds wrong with the command line is wrong with ours */
	assert_int_equal(RUN("loopback", "--device", "blk"), 2);
	assert_no_directory_is_left();
}

static void an_interrupted_job_leaves_nothing(void **state)
{
	const char *const arguments[] = { "loopback", "--device", device, NULL };

	(void)state;
	process_start(&program, NULL, arguments);
	process_await(&program, &program.output, "Processes");
	assert_int_equal(process_stop(&program), 1);
	assert_no_directory_is_left();
}

static void wrong_command_lines_leave_with_2_and_name_option_value_and_rule(void **state)
{
	static const struct {
		const char *arguments[8];
		const char *error;
	} lines[] = {
		{ { "loopback" }, "no --device given" },
		{ { "loopback", "--device" }, "--device needs a value" },
		{ { "loopback", "--device", "rng", "x" }, "unexpected argument 'x'" },
		{ { "backend" }, "no --device given" },
		{ { "backend", "--device", "rng", "--id", "0" },
		  "--id is '0', which is no partition id (1 to 0xffff)" },
		{ { "backend", "--frob" }, "unknown option '--frob'" },
		{ { "backend", "--device", "floppy" }, "--device floppy: no such device" },
		{ { "backend", "--device", "blk" }, "path=FILE is missing" },
		{ { "backend", "--device", "blk,path=x,readonly=maybe" },
		  "readonly 'maybe' is neither on nor off" },
		{ { "backend", "--device", "rng,speed=9" }, "takes no options, got 'speed=9'" },
		{ { "frontend" }, "no job given" },
		{ { "frontend", "blk", "eat" }, "no job 'blk eat'" },
		{ { "frontend", "blk", "verify" }, "FILE is missing" },
		{ { "frontend", "blk", "write" }, "--input FILE is missing" },
		{ { "frontend", "info", "--offset", "1" }, "--offset has no meaning for 'info'" },
		{ { "frontend", "blk", "read", "--offset", "4Q" },
		  "--offset is '4Q', which is no number of bytes" },
		{ { "frontend", "blk", "read", "--length", "-1" },
		  "--length is '-1', which is no number of bytes" },
		{ { "frontend", "blk", "read", "--length", "99999999999T" },
		  "--length is '99999999999T', which is no number of bytes" },
		{ { "frontend", "info", "--areas", "demand" },
		  "--areas has no meaning for 'info'" },
		{ { "loopback", "--device", "rng", "--areas", "static", "--profile", "r3" },
		  "profile r3 has no plain addresses: --areas static goes with r0 and r1" },
		{ { "loopback", "--device", "rng", "--areas", "static,address=0,path=x" },
		  "but it is loopback that makes the memory: static" },
		{ { "loopback", "--device", "rng", "--areas", "many" },
		  "--areas is 'many', which is none of pool, demand and static" },
		{ { "frontend", "--timeout", "0", "info" },
		  "--timeout is '0', which is no time (0.001 to 3600 seconds)" },
		{ { "frontend", "--profile", "r9", "info" },
		  "--profile is 'r9', which is no profile" },
		{ { "frontend", "--profile", "a1", "info" },
		  "--profile is 'a1', which is no profile" },
		{ { "frontend", "--peer", "0x10000", "info" },
		  "--peer is '0x10000', which is no partition id" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const int status = process_run(&program, NULL, lines[i].arguments);
		if (status != 2 || !strstr(program.errors.text, lines[i].error)) {
			fail_msg("line %zu: status %d, expected '%s', got '%s'", i, status,
				 lines[i].error, program.errors.text);
		}
		assert_string_equal(program.output.text, "");
	}
}

static void every_command_explains_itself(void **state)
{
	static const char *const commands[] = { "serve",    "backend", "frontend",
						"loopback", "decode",  "encode" };

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_int_equal(RUN(commands[i], "--help"), 0);
		assert_non_null(strstr(program.output.text, "usage: vmsg-ffa-emu "));
		assert_string_equal(program.errors.text, "");
		assert_int_equal(RUN(commands[i], "--version"), 0);
		assert_int_equal(strncmp(program.output.text, "vmsg-ffa-emu ", 13), 0);
	}
}

static void without_a_manager_nobody_waits_for_long(void **state)
{
	(void)state;
	assert_int_equal(RUN("frontend", "-s", "/nonexistent/sock", "info"), 1);
	assert_non_null(strstr(program.errors.text, "no manager listens on /nonexistent/sock"));
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? setenv("TMPDIR", directory, 1) : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_image, remove_image)
		TEST(the_story_ends_well_and_the_image_is_as_before),
		TEST(every_dialect_forced_on_either_side_does_the_job),
		TEST(other_dialects_do_the_job_too),
		TEST(areas_on_demand_come_and_go),
		TEST(the_job_is_done_in_memory_that_both_have),
		TEST(a_mebibyte_takes_few_messages),
		TEST(a_read_only_disk_is_left_alone),
		TEST(failures_leave_with_1_and_say_why),
		TEST(an_interrupted_job_leaves_nothing),
		TEST(wrong_command_lines_leave_with_2_and_name_option_value_and_rule),
		TEST(every_command_explains_itself),
		TEST(without_a_manager_nobody_waits_for_long),
	};

	return cmocka_run_group_tests_name("loopback", tests, make_directory, remove_directory);
}
