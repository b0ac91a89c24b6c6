/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --carrier and --events with real processes: the main job in every combination that a profile
 * allows, what is chosen without them, and what is said of combinations that cannot be.
 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"

#define IMAGE_SIZE (256u * 1024)

static char image[] = "/tmp/vmsg-carriers-XXXXXX";
static char device[64];
static struct process program;

/* wire-revisions 4.1, 5.2 to 5.5 */
static const struct {
	const char *carrier;
	const char *events;
	const char *profiles[7];
} allowed[] = {
	{ "direct", "poll", { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" } },
	{ "direct", "notify", { "r2a", "r2b", "r3" } },
	{ "direct", "indirect", { "r1", "r1-a16", "r2a", "r2b", "r3" } },
	{ "direct", "fifo", { "r2b", "r3" } },
	{ "indirect", "indirect", { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" } },
	{ "fifo", "fifo", { "r2b", "r3" } },
};

static int make_image(void **state)
{
	static uint8_t data[IMAGE_SIZE];

	(void)state;
	snprintf(image, sizeof(image), "/tmp/vmsg-carriers-XXXXXX");
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

#define RUN(...) process_run(&program, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_says(const char *text)
{
	if (!strstr(program.output.text, text)) {
		fail_msg("no '%s' in:\n%s%s", text, program.output.text, program.errors.text);
	}
}

static void the_main_job_passes_in_every_combination(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		for (const char *const *profile = allowed[i].profiles; *profile; profile++) {
			const int status = RUN("loopback", "--device", device, "--profile",
					       *profile, "--carrier", allowed[i].carrier,
					       "--events", allowed[i].events, "--timeout", "60");
			if (status != 0) {
				fail_msg("%s %s %s:\n%s%s", *profile, allowed[i].carrier,
					 allowed[i].events, program.output.text,
					 program.errors.text);
			}
			snprintf(text, sizeof(text), "carrier %s, events by %s: asked for",
				 allowed[i].carrier, allowed[i].events);
			assert_says(text);
			assert_string_equal(program.errors.text, "");
		}
	}
}

static void what_is_chosen_is_told_with_its_reason(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", device, "--json"), 0);
	assert_says("\"carrier\":\"direct\",\"events\":\"notify\",\"choice\":\"a direct message "
		    "brings its answer along, and the device can raise notifications\"");
	assert_int_equal(RUN("loopback", "--device", device, "--events", "poll"), 0);
	assert_says("carrier direct, events by poll: the event delivery was asked for, and this is "
		    "the best carrier that goes with it");
	assert_int_equal(RUN("loopback", "--device", device, "--carrier", "fifo"), 0);
	assert_says("carrier fifo, events by fifo: the carrier was asked for, and this is the best "
		    "for events that goes with it");
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *arguments[7];
		const char *problem;
	} rows[] = {
		{ { "--carrier", "fifo", "--events", "poll" },
		  "--carrier fifo does not go with --events poll: a carrier other than direct "
		  "carries events, too" },
		{ { "--carrier", "indirect", "--events", "notify" },
		  "--carrier indirect does not go with --events notify" },
		{ { "--profile", "r1", "--carrier", "fifo" },
		  "profile r1 does not allow carrier fifo with events by any" },
		{ { "--profile", "r0", "--events", "notify" },
		  "profile r0 does not allow carrier any with events by notify" },
		{ { "--carrier", "pigeon" },
		  "--carrier is 'pigeon', which is no carrier (direct, indirect or fifo)" },
		{ { "--events", "never" },
		  "--events is 'never', which is no way of event delivery (poll, notify, indirect "
		  "or fifo)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *arguments[12] = { "loopback", "--device", device };
		for (size_t j = 0; rows[i].arguments[j]; j++) {
			arguments[3 + j] = rows[i].arguments[j];
		}
		assert_int_equal(process_run(&program, NULL, arguments), 2);
		if (!strstr(program.errors.text, rows[i].problem)) {
			fail_msg("'%s' is not in '%s'", rows[i].problem, program.errors.text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_main_job_passes_in_every_combination),
		cmocka_unit_test(what_is_chosen_is_told_with_its_reason),
		cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, make_image, remove_image);
}
