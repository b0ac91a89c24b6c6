/* SPDX-License-Identifier: BSD-3-Clause */
/* What serve and loopback trace, and what the trace command makes of it. */
#include "support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/daemon.h"
#include "support/partition.h"
#include "support/process.h"

#include "tap/pcapng.h"
#include "virtio_msg_ffa/ffa_message.h"

static char directory[] = "/tmp/vmsg-trace-XXXXXX";
static char text_path[64], capture_path[64], other_path[64], fifo_path[64];
static struct process program;

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/vmsg-trace-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(text_path, sizeof(text_path), "%s/text", directory);
	snprintf(capture_path, sizeof(capture_path), "%s/capture", directory);
	snprintf(other_path, sizeof(other_path), "%s/other", directory);
	snprintf(fifo_path, sizeof(fifo_path), "%s/fifo", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	process_kill(&program);
	unlink(text_path);
	unlink(capture_path);
	unlink(other_path);
	unlink(fifo_path);
	rmdir(directory);
	return 0;
}

#define RUN(...)   process_run(&program, NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define TRACE(...) RUN("trace", "-r", capture_path, __VA_ARGS__)

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	const size_t capacity = 4 << 20;
	char *text = calloc(1, capacity);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, capacity - 1, file) > 0);
	fclose(file);
	return text;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void assert_says(const char *text, const char *expected)
{
	if (!strstr(text, expected)) {
		fail_msg("'%s' is not in:\n%.4000s", expected, text);
	}
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++) {
		count += *text == '\n';
	}
	return count;
}

/* Cuts the times off the lines of a text, in place: what is left does not depend on the clock. */
static void cut_times(char *text)
{
	char *to = text;

	while (*text) {
		text += strcspn(text, " \n");
		const size_t size = strcspn(text, "\n") + 1;
		memmove(to, text, size);
		to += size;
		text += size;
	}
	*to = '\0';
}

static void capture_loopback(const char *profile)
{
	assert_int_equal(RUN("loopback", "--device", "rng", "--profile", profile, "--trace",
			     text_path, "--pcap", capture_path),
			 0);
	assert_string_equal(program.errors.text, "");
}

/* ---- what is traced ---- */

static void the_trace_tells_the_story_in_either_dialect(void **state)
{
	static const char *const story[] = {
		" 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 %s bus request VERSION device 0",
		" 8001.0 < FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 %s bus request VERSION device 0",
		" 8001.0 > FFA_MSG_SEND_DIRECT_RESP2 | 8001->0001 %s bus response VERSION device 0",
		" 0001.0 < FFA_MSG_SEND_DIRECT_RESP2 | 8001->0001 %s bus response VERSION device 0",
		" 0001.0 > FFA_MEM_SHARE ",
		" %s bus request AREA_SHARE device 0",
		" 8001.0 > FFA_MEM_RETRIEVE_REQ ",
		" %s transport request SET_VQUEUE device 0",
		" %s transport event EVENT_AVAIL device 0",
	};
	static const char *const profiles[] = { "r1", "r3" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		capture_loopback(profiles[i]);
		char *text = read_file(text_path);
		const char *at = text;
		for (size_t j = 0; j < sizeof(story) / sizeof(story[0]); j++) {
			char expected[128];
			snprintf(expected, sizeof(expected), story[j], profiles[i]);
			assert_says(at, expected);
			at = strstr(at, expected);
		}
		assert_null(strstr(text, "bad frame"));
		assert_null(strstr(text, "lost"));
		free(text);
	}
}

static void text_and_capture_are_the_same(void **state)
{
	(void)state;
	capture_loopback("r3");
	char *text = read_file(text_path);
	assert_int_equal(RUN("trace", "-r", capture_path), 0);
	cut_times(text);
	cut_times(program.output.text);
	assert_string_equal(program.output.text, text);
	free(text);
}

static void indirect_messages_are_read_from_the_buffer(void **state)
{
	static const uint8_t frame[] =
		"\x02\x80\x00\x00\x02\x00\x14\x00\0\0\0\0\0\0\0\0\x02\x00\x01";
	const struct vmsg_ffa_message_header header = { .sender = 1, .receiver = 2 };
	struct daemon daemon;
	struct partition one, two;
	char lines[512];

	(void)state;
	daemon_start(&daemon, "--trace", text_path);
	partition_join(&one, &daemon, 1);
	partition_join(&two, &daemon, 2);
	assert_true(vmsg_ffa_message_build(&header, VMSG_FFA_VERSION_1_2,
					   (struct vmsg_bytes){ frame, 20 },
					   (struct vmsg_span){ one.bank.data, 4096 }) > 0);
	assert_string_equal(partition_call(&one, "84000086"), "84000061");
	assert_string_equal(partition_call(&one, "84000086"), "84000060 0 fffffffc"); /* BUSY */
	/* one that reads no buffer shows nothing of the last that did */
	assert_string_equal(partition_call(&two, "84000086 1"), "84000060 0 fffffffe");
	memset(one.bank.data, 0xff, 64);
	assert_string_equal(partition_call(&one, "84000086"), "84000060 0 fffffffe");
	partition_leave(&one);
	partition_leave(&two);
	daemon_stop(&daemon);
	char *text = read_file(text_path);
	cut_times(text);
	snprintf(lines, sizeof(lines),
		 " 0001.0 > FFA_MSG_SEND2 | 0001->0002 r3 bus request VERSION device 0 token 2 "
		 "bus_version=0 transport_revision=0 ffa_version=0x10002\n");
	assert_says(text, lines);
	assert_says(text, " 0002.0 ! interrupt 5 (NPI)\n");
	const char *second = strstr(text, "| BUSY");
	assert_says(text, " 0001.0 < FFA_ERROR 0 fffffffc | BUSY\n");
	assert_says(second, " 0002.0 > FFA_MSG_SEND2 1\n 0002.0 < FFA_ERROR 0 fffffffe | INVALID");
	assert_says(second, " 0001.0 > FFA_MSG_SEND2\n 0001.0 < FFA_ERROR 0 fffffffe | INVALID");
	free(text);
}

/* They cross beside the manager, which looks where it is told that somebody has written. */
static void messages_of_a_fifo_are_seen(void **state)
{
	static const char *const story[] = {
		" 0001.0 ~ FIFO | 0001->8001 r3 bus request GET_DEVICES device 0",
		" 8001.0 ~ FIFO | 8001->0001 r3 bus response GET_DEVICES device 0",
		" 0001.0 ~ FIFO | 0001->8001 r3 bus request AREA_SHARE device 0",
		" 0001.0 ~ FIFO | 0001->8001 r3 transport request SET_VQUEUE device 0",
		" 8001.0 ~ FIFO | 8001->0001 r3 transport response SET_VQUEUE device 0",
		" 0001.0 ~ FIFO | 0001->8001 r3 transport event EVENT_AVAIL device 0",
		" 8001.0 ~ FIFO | 8001->0001 r3 transport event EVENT_USED device 0",
	};
	char sent[64], disk[96];

	/* with a disk, more messages than a ring has slots */
	(void)state;
	write_file(other_path, "", 0);
	assert_int_equal(truncate(other_path, 2 << 20), 0);
	snprintf(disk, sizeof(disk), "blk,path=%s", other_path);
	assert_int_equal(RUN("loopback", "--json", "--device", "rng", "--device", disk, "--carrier",
			     "fifo", "--trace", text_path, "--pcap", capture_path),
			 0);
	snprintf(sent, sizeof(sent), "%.60s", strstr(program.output.text, "\"EVENT_AVAIL\":"));
	char *text = read_file(text_path);
	const char *at = text;
	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
		assert_says(at, story[i]);
		at = strstr(at, story[i]);
	}
	assert_null(strstr(text, "bad frame"));
	/* every one of them, and none twice */
	unsigned long count = 0;
	for (at = text; (at = strstr(at, "event EVENT_AVAIL")) != NULL; at++) {
		count++;
	}
	assert_int_equal(count, strtoul(sent + strlen("\"EVENT_AVAIL\":"), NULL, 10));
	assert_int_equal(TRACE("--json", "--message", "SET_VQUEUE"), 0);
	assert_says(program.output.text, "\"kind\":\"fifo\",\"message\":{\"source\":1,");
	free(text);
}

static void tracing_shares_standard_output_with_the_story(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", "rng", "--trace", "-"), 0);
	assert_says(program.output.text, " r3 transport request SET_VQUEUE device 0");
	assert_says(program.output.text, "Passed: all of it held.");
}

/* ---- what must not disturb the manager ---- */

static void a_full_disk_ends_the_trace_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(RUN("loopback", "--device", "rng", "--trace", "/dev/full"), 0);
	assert_string_equal(program.errors.text,
			    "vmsg-ffa-emu: trace to /dev/full: No space left on device; given up "
			    "after 0 records\n");
}

static void a_reader_that_never_reads_costs_records_only(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(fifo_path, 0600), 0);
	const int reader = open(fifo_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_true(fcntl(reader, F_SETPIPE_SZ, 4096) >= 4096);
	assert_int_equal(RUN("loopback", "--device", "rng", "--trace", fifo_path), 0);
	assert_says(program.output.text, "Passed: all of it held.");
	assert_says(program.errors.text, "nobody reads it; given up after");
	close(reader);
	/* and one that is not there at all is told at once */
	assert_int_equal(RUN("serve", "-s", other_path, "--trace", fifo_path), 1);
	assert_says(program.errors.text, "/fifo: nobody reads it\n");
}

static void what_cannot_be_opened_is_told_at_the_start(void **state)
{
	(void)state;
	assert_int_equal(RUN("serve", "-s", other_path, "--pcap", "/nonexistent/file"), 1);
	assert_string_equal(program.errors.text,
			    "vmsg-ffa-emu serve: trace to /nonexistent/file: No such file or "
			    "directory\n");
	assert_int_equal(RUN("serve", "-s", other_path, "--trace", "fd:77"), 1);
	assert_says(program.errors.text, "trace to fd:77: Bad file descriptor");
}

/* ---- reading it back ---- */

static void views_say_more_or_less(void **state)
{
	(void)state;
	capture_loopback("r1");
	assert_int_equal(TRACE("-q", "--message", "SET_VQUEUE"), 0);
	assert_int_equal(count_lines(program.output.text), 4);
	assert_says(program.output.text, " > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 r1 request "
					 "SET_VQUEUE\n");
	assert_int_equal(TRACE("-a", "-x", "--message", "VERSION"), 0);
	assert_says(program.output.text, "REQ2 c400008d 18001 a14a9824b52860c6 f0ab2261da77e79d ");
	assert_says(program.output.text, "    uuid = c66028b5-2498-4aa1-9de7-77da6122abf0\n");
	assert_says(program.output.text, "    r1 bus request VERSION: device 0\n");
	assert_says(program.output.text, " (DIRECT_RX DIRECT_TX");
	assert_says(program.output.text, "    0000  02 80 00 00 18 00 01 00");
}

static void filters_narrow(void **state)
{
	(void)state;
	capture_loopback("r3");
	assert_int_equal(RUN("trace", "-r", capture_path), 0);
	const size_t all = count_lines(program.output.text);
	assert_int_equal(TRACE("--partition", "1"), 0);
	const size_t first = count_lines(program.output.text);
	assert_null(strstr(program.output.text, " 8001.0 "));
	assert_int_equal(TRACE("--partition", "0x8001"), 0);
	assert_null(strstr(program.output.text, " 0001.0 "));
	assert_int_equal(first + count_lines(program.output.text), all);
	assert_int_equal(TRACE("--partition", "1", "--partition", "0x8001"), 0);
	assert_int_equal(count_lines(program.output.text), all);
	assert_int_equal(
		TRACE("--device", "0", "--message", "GET_VQUEUE", "--message", "FFA_MEM_SHARE"), 0);
	assert_says(program.output.text, "GET_VQUEUE device 0");
	assert_null(strstr(program.output.text, "FFA_MEM_SHARE"));
	assert_int_equal(TRACE("--device", "7"), 0);
	assert_string_equal(program.output.text, "");
	assert_int_equal(TRACE("--message", "FFA_MEM_SHARE"), 0);
	assert_int_equal(count_lines(program.output.text), 1);
	assert_int_equal(TRACE("--message", "GET_VQ"), 2);
	assert_says(program.errors.text, "--message is 'GET_VQ', which is no message");
	assert_int_equal(TRACE("--partition", "65536"), 2);
}

static void json_is_an_object_a_packet(void **state)
{
	(void)state;
	capture_loopback("r3");
	assert_int_equal(RUN("trace", "-r", capture_path), 0);
	const size_t all = count_lines(program.output.text);
	assert_int_equal(TRACE("--json"), 0);
	assert_int_equal(count_lines(program.output.text), all);
	assert_says(program.output.text, "{\"packet\":1,\"time\":\"");
	assert_says(program.output.text, "\"kind\":\"call\",\"call\":\"FFA_VERSION\","
					 "\"registers\":[\"0x84000063\",\"0x10002\"]}\n");
	assert_says(program.output.text,
		    "\"profile\":\"r3\",\"guess\":false,\"class\":\"bus\",\"kind\":\"request\","
		    "\"name\":\"VERSION\",\"device\":0,\"token\":3,\"fields\":{\"bus_version\":0,"
		    "\"transport_revision\":0,\"ffa_version\":65538},"
		    "\"bytes\":\"0280000003001400000000000000000002000100\"}");
	assert_int_equal(TRACE("--json", "--html", "x"), 2);
}

static void assert_damaged(const void *bytes, size_t size, const char *problem)
{
	char expected[256];

	write_file(other_path, bytes, size);
	assert_int_equal(RUN("trace", "-r", other_path), 1);
	snprintf(expected, sizeof(expected), "vmsg-ffa-emu trace: %s: %s\n", other_path, problem);
	assert_string_equal(program.errors.text, expected);
}

static void damage_is_told_by_place_and_rule(void **state)
{
	(void)state;
	static uint8_t bytes[TAP_PCAPNG_BEGIN_SIZE + 2 * TAP_PCAPNG_PACKET_SIZE];
	uint8_t packet[TAP_PACKET_MAX];
	const struct tap_record record = { .regs.x = { 0x84000069 } };
	const size_t size = tap_record_store(&record, packet);
	size_t end = TAP_PCAPNG_BEGIN_SIZE;

	tap_pcapng_store_begin(bytes);
	end += tap_pcapng_store_packet(bytes + end, 5, 0, (struct vmsg_bytes){ packet, size });
	const size_t second = end;
	packet[0] = 9;
	end += tap_pcapng_store_packet(bytes + end, 6, 0, (struct vmsg_bytes){ packet, size });
	assert_damaged(bytes, end,
		       "at byte 252: the record is of another version than 1 (after 1 packets)");
	assert_string_equal(program.output.text, "0.000000000 0000.0 > FFA_ID_GET\n");
	bytes[second + 28] = TAP_VERSION;
	bytes[second + 29] = 4;
	assert_damaged(bytes, end,
		       "at byte 252: the record is no call, return, interrupt or message of a FIFO "
		       "(after 1 packets)");
	bytes[second + 29] = 0;
	bytes[second + 38] = 1;
	assert_damaged(bytes, end,
		       "at byte 252: the record's payload is not as long as it says (after 1 "
		       "packets)");
	assert_damaged(bytes, second + 100,
		       "at byte 252: the file ends inside this block (after 1 packets)");
	assert_damaged("", 0, "at byte 0: the file is empty (after 0 packets)");
	assert_damaged("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\x93\0\0\0", 24,
		       "at byte 0: this is no pcapng file (after 0 packets)");
	assert_int_equal(RUN("trace", "-r", "/nonexistent"), 1);
	assert_string_equal(program.errors.text,
			    "vmsg-ffa-emu trace: /nonexistent: No such file or directory\n");
	assert_int_equal(RUN("trace", "-r", directory), 1);
	assert_says(program.errors.text, "Is a directory");
}

static void what_was_lost_is_told_in_its_place(void **state)
{
	(void)state;
	uint8_t bytes[TAP_PCAPNG_BEGIN_SIZE + TAP_PCAPNG_PACKET_SIZE];
	uint8_t packet[TAP_PACKET_MAX];
	const struct tap_record record = { .regs.x = { 0x84000069 } };
	const size_t size = tap_record_store(&record, packet);

	tap_pcapng_store_begin(bytes);
	const size_t block = tap_pcapng_store_packet(bytes + TAP_PCAPNG_BEGIN_SIZE, 5, 77,
						     (struct vmsg_bytes){ packet, size });
	write_file(capture_path, bytes, TAP_PCAPNG_BEGIN_SIZE + block);
	assert_int_equal(RUN("trace", "-r", capture_path), 0);
	assert_string_equal(program.output.text, "# 77 records lost\n"
						 "0.000000000 0000.0 > FFA_ID_GET\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
		TEST(the_trace_tells_the_story_in_either_dialect),
		TEST(text_and_capture_are_the_same),
		TEST(indirect_messages_are_read_from_the_buffer),
		TEST(messages_of_a_fifo_are_seen),
		TEST(tracing_shares_standard_output_with_the_story),
		TEST(a_full_disk_ends_the_trace_and_nothing_else),
		TEST(a_reader_that_never_reads_costs_records_only),
		TEST(what_cannot_be_opened_is_told_at_the_start),
		TEST(views_say_more_or_less),
		TEST(filters_narrow),
		TEST(json_is_an_object_a_packet),
		TEST(damage_is_told_by_place_and_rule),
		TEST(what_was_lost_is_told_in_its_place),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
