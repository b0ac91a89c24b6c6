/* SPDX-License-Identifier: BSD-3-Clause */
/* Areas between two sessions: shared, withdrawn, busy, released, reclaimed; and in whose way. */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

#define MS     1000000ull
#define SECOND 1000000000ull

static struct bus_pair pair;

static const char *const dialects[] = { "r3", "r2b", "r2a", "r1", "r1-a16", "r0" };

static void up(const char *profile)
{
	const struct vmsg_profile *forced = profile ? vmsg_profile_find(profile) : NULL;

	pair_open(&pair, forced, forced);
	pair_up(&pair);
	assert_log(&pair.driver, "up");
	assert_log(&pair.device, "up");
}

static uint64_t at(uint16_t id)
{
	return (uint64_t)id << pair.device.memory.id_shift;
}

static int share(uint16_t *id)
{
	const struct vmsg_segment segment = { pair.ram, 4096 };

	return vmsg_bus_share(&pair.driver.bus, pair.now_ns, 0x1234, 7, &segment, 1, id);
}

static void poll(void)
{
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
}

static void an_area_goes_out_and_comes_back_in_every_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		struct vmsg_span span;
		up(dialects[i]);
		assert_int_equal(pair_share(&pair), 1);
		assert_log(&pair.device, "retrieve 1 ready 1");
		assert_log(&pair.driver, "ready 1");
		assert_int_equal(vmsg_memory_map(&pair.device.memory, at(1), 4096, true, &span), 0);
		assert_int_equal(vmsg_memory_map(&pair.driver.memory, at(1), 4096, true, &span), 0);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
		pair_run(&pair);
		assert_log(&pair.device, "relinquish 1 gone 1");
		assert_log(&pair.driver, "reclaim 1 gone 1");
		assert_int_equal(pair.device.memory.count + pair.driver.memory.count, 0);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), VMSG_ERROR_NOT_FOUND);
	}
}

static void the_device_learns_all_it_needs(void **state)
{
	(void)state;
	struct vmsg_bus_output output;
	uint8_t frame[VMSG_FRAME_SIZE_MAX] = { 0 };

	up("r3");
	/* lend; the rest as usual; retention wanted */
	(void)hex_to_bytes(
		"0281000009002200 0500 8877665544332211 aabbccddeeff0011 03000000 f50e0000", frame,
		sizeof(frame));
	assert_int_equal(
		vmsg_bus_input(&pair.device.bus, 0, (struct vmsg_bytes){ frame, sizeof(frame) }),
		0);
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 1);
	assert_int_equal(output.kind, VMSG_BUS_RETRIEVE);
	assert_int_equal(output.area_id, 5);
	assert_true(output.handle == 0x1122334455667788u && output.tag == 0x1100ffeeddccbbaau);
	assert_int_equal(output.pages, 3);
	assert_true(output.writable && output.lent);
	/* nothing else happens before it is done */
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 0);
	assert_int_equal(
		vmsg_bus_input(&pair.device.bus, 0, (struct vmsg_bytes){ frame, sizeof(frame) }),
		VMSG_ERROR_AGAIN);
}

static void attributes_must_be_those_of_plain_memory(void **state)
{
	(void)state;
	static const struct {
		uint32_t attr;
		bool ok_in_r1, ok_in_r3;
	} rows[] = {
		{ 0x6F4, true, true },    { 0x6F5, true, true },
		{ 0xEF4, true, true },    { 0x6E4, true, true },   /* outer shareable */
		{ 0x000, true, false },                            /* unspecified */
		{ 0x6F6, false, false },                           /* donated */
		{ 0x6F7, false, false },  { 0x6F0, false, false }, /* read-only */
		{ 0x6FC, false, false },                           /* executable */
		{ 0x6C4, false, false },                           /* not shareable */
		{ 0x6D4, false, false },  { 0x674, false, false }, /* not cached */
		{ 0x5F4, false, false },                           /* device memory */
		{ 0x4F4, false, false },  { 0x2F4, false, false }, /* secure */
		{ 0x16F4, false, false }, { 0x800006F4, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t r3 = 0; r3 < 2; r3++) {
			struct vmsg_message message = {
				.header = { .type = VMSG_AREA_SHARE, .kind = VMSG_REQUEST },
				.body.area_share_request = {
					.area_id = 1, .count = 1, .attr = rows[i].attr,
				},
			};
			uint8_t frame[64], answer[VMSG_FRAME_SIZE_MAX];
			up(r3 ? "r3" : "r1");
			const int size = vmsg_encode(pair.device.bus.profile, &message,
						     (struct vmsg_span){ frame, 64 }, NULL);
			pair_raw(&pair, (struct vmsg_bytes){ frame, (size_t)size }, answer);
			assert_int_equal(vmsg_decode(pair.device.bus.profile,
						     (struct vmsg_bytes){ answer, sizeof(answer) },
						     &message, NULL),
					 0);
			assert_int_equal(message.body.area_share_response.area_id, 1);
			assert_int_equal(message.body.area_share_response.result == 0,
					 r3 ? rows[i].ok_in_r3 : rows[i].ok_in_r1);
		}
	}
}

#define SHARE(id, pages)                                                                           \
	"0281000009002200 " id " 1111000000000000 0000000000000000 " pages " f4060000"
#define SHARED(id, result) "0381000009000c00 " id " " result

static void shares_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	up("r3");
	assert_exchange(&pair, SHARE("0000", "01000000"), SHARED("0000", "0100"));
	assert_exchange(&pair, SHARE("0100", "00000000"), SHARED("0100", "0100"));
	assert_exchange(&pair, SHARE("ffff", "01000000"), SHARED("ffff", "0000"));
	/* known already, even if it is the same */
	assert_exchange(&pair, SHARE("ffff", "01000000"), SHARED("ffff", "0100"));
	assert_exchange(&pair, SHARE("0200", "01000000"), SHARED("0200", "0000"));
	assert_exchange(&pair, SHARE("0300", "01000000"), SHARED("0300", "0000"));
	assert_exchange(&pair, SHARE("0400", "01000000"), SHARED("0400", "0000"));
	/* 4 is all we said that we hold */
	assert_exchange(&pair, SHARE("0500", "01000000"), SHARED("0500", "0100"));
	assert_int_equal(pair.device.memory.count, PAIR_AREAS);
	/* too large for an address; beyond the ids of r1 */
	up("r1");
	assert_exchange(&pair,
			"028100002000 0001 1111000000000000 0000000000000000 01000000 00000000",
			"038100000a00 0001 0100");
	assert_exchange(&pair,
			"028100002000 ff00 1111000000000000 0000000000000000 01000000 00000000",
			"038100000a00 ff00 0000");
	assert_exchange(&pair,
			"028100002000 0000 1111000000000000 0000000000000000 01000000 00000000",
			"038100000a00 0000 0000");
}

static void what_cannot_be_retrieved_is_refused_and_reclaimed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		up(dialects[i]);
		pair.device.result = VMSG_ERROR_PEER;
		assert_int_equal(pair_share(&pair), 1);
		assert_log(&pair.device, "retrieve 1");
		assert_log(&pair.driver, "refused 1 reclaim 1 gone 1");
		/* the next has another id, so that nothing late can hit it */
		pair.device.result = 0;
		assert_int_equal(pair_share(&pair), 2);
		assert_log(&pair.driver, "ready 2");
	}
}

/* The manager hands out something that no table holds: it goes straight back. */
static void what_cannot_be_kept_is_relinquished(void **state)
{
	(void)state;
	uint8_t frame[VMSG_FRAME_SIZE_MAX] = { 0 };
	struct vmsg_bus_output output;
	struct vmsg_bus *bus = &pair.device.bus;
	const struct vmsg_segment nothing = { NULL, 0 };

	up("r3");
	(void)hex_to_bytes(SHARE("0700", "01000000"), frame, sizeof(frame));
	assert_int_equal(vmsg_bus_input(bus, 0, (struct vmsg_bytes){ frame, sizeof(frame) }), 0);
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	vmsg_bus_complete(bus, 0, 0, &nothing, 1);
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	assert_bytes_hex(output.frame, SHARED("0700", "0100"));
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	assert_int_equal(output.kind, VMSG_BUS_RELINQUISH);
	vmsg_bus_complete(bus, 0, 0, NULL, 0);
	assert_int_equal(vmsg_bus_output(bus, &output), 0);
}

/* ---- in use ---- */

static void an_area_in_use_is_released_when_it_is_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		struct vmsg_span span;
		up(dialects[i]);
		(void)pair_share(&pair);
		const bool says_busy = pair.driver.bus.profile->has_results;
		assert_int_equal(vmsg_memory_hold(&pair.device.memory, at(1)), 0);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), VMSG_ERROR_STATE);
		pair.driver.result = VMSG_ERROR_AGAIN; /* the device still has it */
		pair_run(&pair);
		assert_log(&pair.driver, says_busy ? "ready 1" : "ready 1 reclaim 1");
		assert_log(&pair.device, "retrieve 1 ready 1");
		/* no new use of it, on either side */
		assert_int_equal(vmsg_memory_map(&pair.device.memory, at(1), 1, false, &span),
				 VMSG_ERROR_NOT_FOUND);
		assert_int_equal(vmsg_memory_map(&pair.driver.memory, at(1), 1, false, &span),
				 VMSG_ERROR_NOT_FOUND);
		vmsg_memory_release(&pair.device.memory, at(1));
		pair.driver.result = VMSG_OK;
		poll(); /* the first lets go of it, and tells */
		poll();
		assert_log(&pair.device, "polled relinquish 1 gone 1 polled");
		pair_advance(&pair, 1000000);
		assert_log(&pair.driver, "reclaim 1 gone 1");
	}
}

static void a_busy_area_is_asked_for_again_every_second(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	assert_int_equal(vmsg_memory_hold(&pair.device.memory, at(1)), 0);
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
	pair_run(&pair);
	const uint64_t before = pair.driver.bus.stats.sent[VMSG_AREA_UNSHARE];
	pair_advance(&pair, SECOND - 1);
	assert_int_equal(pair.driver.bus.stats.sent[VMSG_AREA_UNSHARE], before);
	pair_advance(&pair, 1);
	assert_int_equal(pair.driver.bus.stats.sent[VMSG_AREA_UNSHARE], before + 1);
	vmsg_memory_release(&pair.device.memory, at(1));
	pair.driver.log[0] = 0;
	pair.device.log[0] = 0;
	/* relinquished by then, so the answer to UNSHARE takes the event's place */
	assert_exchange(&pair, "0203000009000c00 01020304", "0303000009000c00 01020304");
	assert_log(&pair.device, "relinquish 1 gone 1");
	assert_exchange(&pair, "0282000009000a00 0100", "0382000009000c00 0100 0000");
	assert_exchange(&pair, "0284000009000800", "0384000009000800");
	assert_exchange(&pair, "0282000009000a00 0100", "0382000009000c00 0100 0100");
	/* which the driver, told "unknown", takes for an answer, too */
	pair_advance(&pair, SECOND);
	assert_log(&pair.driver, "reclaim 1 gone 1");
}

/* The manager could not take it back at once: told as busy, released when it could. */
static void a_relinquish_that_must_wait_is_owed(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	pair.device.log[0] = 0;
	pair.device.result = VMSG_ERROR_AGAIN;
	assert_exchange(&pair, "0282000009000a00 0100", "0382000009000c00 0100 0200");
	pair.device.result = 0;
	assert_exchange(&pair, "0284000009000800", "0384000009000800");
	pair.now_ns += MS;
	assert_exchange(&pair, "0203000009000c00 01020304", "0303000009000c00 01020304");
	assert_log(&pair.device, "relinquish 1 polled relinquish 1 gone 1");
	assert_exchange(&pair, "0284000009000800", "02c0000000000a00 0100");
}

static void our_own_queues_hold_an_area_too(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	assert_int_equal(vmsg_memory_hold(&pair.driver.memory, at(1)), 0);
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), VMSG_ERROR_AGAIN);
	vmsg_memory_release(&pair.driver.memory, at(1));
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
}

/* ---- released, reclaimed, lost ---- */

static int push(const char *hex)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	const size_t size = hex_to_bytes(hex, bytes, sizeof(bytes));

	const int error =
		vmsg_bus_input(&pair.driver.bus, pair.now_ns, (struct vmsg_bytes){ bytes, size });
	pair_run(&pair);
	return error;
}

static void a_release_that_nobody_asked_for_ends_the_area(void **state)
{
	(void)state;
	uint16_t id;

	up("r3");
	(void)pair_share(&pair);
	assert_int_equal(vmsg_memory_hold(&pair.driver.memory, at(1)), 0);
	assert_log(&pair.driver, "ready 1");
	assert_int_equal(push("02c0000000000a00 0100"), 0);
	assert_log(&pair.driver, "reclaim 1 gone 1");
	assert_int_equal(push("02c0000000000a00 0100"), 0); /* once more changes nothing */
	assert_log(&pair.driver, "");
	/* the id stays taken while a queue of ours points there */
	pair.driver.bus.next_area_id = 1;
	assert_int_equal(share(&id), 0);
	assert_int_equal(id, 2);
	vmsg_memory_release(&pair.driver.memory, at(1));
	pair_run(&pair);
	pair.driver.bus.next_area_id = 1;
	assert_int_equal(share(&id), 0);
	assert_int_equal(id, 1);
}

static void memory_still_held_is_reclaimed_again_and_again(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	pair.driver.result = VMSG_ERROR_AGAIN;
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "ready 1 reclaim 1");
	unsigned int tries = 0;
	for (int i = 0; i < 5000; i++) {
		pair_advance(&pair, MS);
		tries += strlen(pair.driver.log) > 0;
		pair.driver.log[0] = 0;
	}
	assert_in_range(tries, 12, 16); /* after 1, 2, 4 ... 512 ms, then every second or so */
	pair.driver.result = 0;
	pair_advance(&pair, 2 * SECOND);
	assert_log(&pair.driver, "reclaim 1 gone 1");
}

static void memory_that_is_lost_takes_its_id_along(void **state)
{
	(void)state;
	uint16_t id;

	up("r3");
	(void)pair_share(&pair);
	pair.driver.result = VMSG_ERROR_PEER;
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "ready 1 reclaim 1 lost 1");
	pair.driver.bus.next_area_id = 1;
	assert_int_equal(share(&id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), VMSG_ERROR_STATE);
}

static void ids_are_used_up_and_come_back(void **state)
{
	(void)state;
	uint16_t id;

	up("r1");
	/* what the device said it holds is the limit */
	for (uint16_t i = 1; i <= PAIR_AREAS; i++) {
		assert_int_equal(pair_share(&pair), i);
	}
	assert_int_equal(share(&id), VMSG_ERROR_NO_SPACE);
	assert_int_equal(id, 0);
	/* ids go round: 5, 6 ... 255, 1 */
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
	pair_run(&pair);
	for (uint16_t i = 5; i <= 255; i++) {
		assert_int_equal(pair_share(&pair), i);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, i), 0);
		pair_run(&pair);
	}
	assert_int_equal(pair_share(&pair), 1);
}

static void what_may_be_shared_is_checked(void **state)
{
	(void)state;
	const struct vmsg_segment odd = { pair.ram, 4095 };
	const struct vmsg_segment huge = { pair.ram, 1ull << 46 };
	uint16_t id;

	pair_open(&pair, NULL, NULL);
	assert_int_equal(share(&id), VMSG_ERROR_STATE);
	up("r3");
	assert_int_equal(vmsg_bus_share(&pair.driver.bus, 0, 1, 0, &odd, 1, &id),
			 VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bus_share(&pair.driver.bus, 0, 1, 0, NULL, 0, &id),
			 VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bus_share(&pair.driver.bus, 0, 1, 0, &huge, 1, &id),
			 VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_bus_share(&pair.device.bus, 0, 1, 0, &odd, 1, &id), VMSG_ERROR_STATE);
}

/* ---- wrong answers ---- */

static const char *replay;

static bool answer_area(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)p;
	if (frame.data[1] != 0x81 && frame.data[1] != 0x82) {
		return false;
	}
	(void)hex_to_bytes(replay, answer, VMSG_FRAME_SIZE_MAX);
	answer[1] = answer[1] == 0x81 ? frame.data[1] : answer[1];
	answer[4] = frame.data[4];
	answer[5] = frame.data[5];
	return true;
}

static void an_answer_must_name_the_area(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"0381000000000c00 0000 0000", "0381000000000c00 0200 0000",
		"0381000000000c00 0100 0100", "0381000000000c00 0100 0300",
		"0381000000000a00 0100",      "0387000000000a00 8100",
		"0300000000000800",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		up("r3");
		pair.intercept = answer_area;
		replay = answers[i];
		(void)pair_share(&pair);
		assert_log(&pair.driver, "refused 1 reclaim 1 gone 1");
	}
}

static void a_share_without_answer_is_taken_back_by_message(void **state)
{
	(void)state;
	struct vmsg_bus_output output;
	uint16_t id;

	up("r3");
	assert_int_equal(share(&id), 0);
	assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 1);
	pair_advance(&pair, SECOND);
	assert_log(&pair.driver, "refused 1 reclaim 1 gone 1");
	assert_int_equal(pair.driver.bus.stats.sent[VMSG_AREA_UNSHARE], 1);
}

static void an_unshare_without_answer_is_repeated(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	pair.intercept = answer_area;
	replay = "0300000000000800";
	pair.driver.result = VMSG_ERROR_AGAIN; /* the device has it still */
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 1), 0);
	pair_run(&pair);
	pair_advance(&pair, SECOND);
	pair_advance(&pair, SECOND);
	assert_int_equal(pair.driver.bus.stats.sent[VMSG_AREA_UNSHARE], 3);
	assert_log(&pair.driver, "ready 1 reclaim 1 reclaim 1 reclaim 1");
	pair.intercept = NULL;
	pair.driver.result = VMSG_OK;
	pair_advance(&pair, SECOND);
	assert_log(&pair.driver, "reclaim 1 gone 1");
}

/* It may never have had the area, and say so by nothing, as in r0, or by silence. */
static void an_area_that_the_device_never_had_is_reclaimed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(dialects) / sizeof(dialects[0]); i++) {
		struct vmsg_bus_output output;
		struct vmsg_bus *bus = &pair.driver.bus;
		uint16_t id;
		up(dialects[i / 2]);
		assert_int_equal(share(&id), 0);
		assert_int_equal(vmsg_bus_output(bus, &output), 1); /* and it is lost */
		pair.now_ns += SECOND;
		vmsg_bus_tick(bus, pair.now_ns);
		if (i % 2) {
			assert_int_equal(vmsg_bus_output(bus, &output), 1); /* UNSHARE, too */
			pair.now_ns += SECOND;
			vmsg_bus_tick(bus, pair.now_ns);
		}
		pair_run(&pair);
		pair_advance(&pair, SECOND);
		assert_log(&pair.driver, "refused 1 reclaim 1 gone 1");
		assert_int_equal(bus->stats.sent[VMSG_AREA_UNSHARE], 1);
		assert_int_equal(vmsg_bus_suspend(bus, pair.now_ns), 0);
	}
}

/* ---- the end of a session ---- */

static void a_reset_brings_everything_back(void **state)
{
	(void)state;
	uint16_t id;

	up("r3");
	(void)pair_share(&pair);
	(void)pair_share(&pair);
	assert_int_equal(share(&id), 0); /* not even announced */
	assert_int_equal(vmsg_memory_hold(&pair.device.memory, at(2)), 0);
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, 2), 0);
	pair.driver.log[0] = 0;
	pair.device.log[0] = 0;
	assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
	assert_int_equal(share(&id), VMSG_ERROR_STATE);
	vmsg_memory_release(&pair.device.memory, at(2)); /* as devices do when they are told */
	pair_run(&pair);
	assert_log(&pair.device, "reset relinquish 1 gone 1 relinquish 2 gone 2");
	assert_log(&pair.driver, "refused 3 reclaim 1 gone 1 reclaim 2 gone 2 reclaim 3 reset "
				 "gone 3");
	assert_int_equal(pair.driver.memory.count + pair.device.memory.count, 0);
	pair_up(&pair);
	assert_int_equal(pair_share(&pair), 4);
}

static void a_reset_ends_even_if_memory_does_not_come(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	pair.driver.result = VMSG_ERROR_AGAIN;
	assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
	assert_int_equal(pair.driver.bus.state, VMSG_BUS_RESETTING);
	for (int i = 0; i < 20; i++) {
		pair_advance(&pair, SECOND / 10);
	}
	assert_int_equal(pair.driver.bus.state, VMSG_BUS_FAILED);
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_AGAIN);
	pair.driver.result = 0;
	pair_advance(&pair, 2 * SECOND);
	assert_non_null(strstr(pair.driver.log, "gone 1"));
}

static void a_new_session_reclaims_what_the_old_one_had(void **state)
{
	(void)state;
	up("r3");
	(void)pair_share(&pair);
	vmsg_bus_abandon(&pair.driver.bus, 0, VMSG_ERROR_PEER);
	pair_run(&pair);
	assert_log(&pair.driver, "ready 1 down");
	pair_up(&pair);
	assert_non_null(strstr(pair.driver.log, "reclaim 1"));
	assert_non_null(strstr(pair.driver.log, "gone 1"));
	assert_log(&pair.device, "retrieve 1 ready 1 reset relinquish 1 gone 1 up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_area_goes_out_and_comes_back_in_every_dialect),
		cmocka_unit_test(the_device_learns_all_it_needs),
		cmocka_unit_test(attributes_must_be_those_of_plain_memory),
		cmocka_unit_test(shares_that_make_no_sense_are_refused),
		cmocka_unit_test(what_cannot_be_retrieved_is_refused_and_reclaimed),
		cmocka_unit_test(what_cannot_be_kept_is_relinquished),
		cmocka_unit_test(an_area_in_use_is_released_when_it_is_free),
		cmocka_unit_test(a_busy_area_is_asked_for_again_every_second),
		cmocka_unit_test(a_relinquish_that_must_wait_is_owed),
		cmocka_unit_test(our_own_queues_hold_an_area_too),
		cmocka_unit_test(a_release_that_nobody_asked_for_ends_the_area),
		cmocka_unit_test(memory_still_held_is_reclaimed_again_and_again),
		cmocka_unit_test(memory_that_is_lost_takes_its_id_along),
		cmocka_unit_test(ids_are_used_up_and_come_back),
		cmocka_unit_test(what_may_be_shared_is_checked),
		cmocka_unit_test(an_answer_must_name_the_area),
		cmocka_unit_test(a_share_without_answer_is_taken_back_by_message),
		cmocka_unit_test(an_unshare_without_answer_is_repeated),
		cmocka_unit_test(an_area_that_the_device_never_had_is_reclaimed),
		cmocka_unit_test(a_reset_brings_everything_back),
		cmocka_unit_test(a_reset_ends_even_if_memory_does_not_come),
		cmocka_unit_test(a_new_session_reclaims_what_the_old_one_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
