/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/endpoint_script.h"

#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"
#include "support/regs_text.h"

static uint8_t tx_page[SCRIPT_PAGE];
static uint8_t rx_page[SCRIPT_PAGE];

struct vmsg_endpoint endpoint;
const struct script_step *script;
const struct vmsg_buffer script_tx = { tx_page, 0x80000000 };
const struct vmsg_buffer script_rx = { rx_page, 0x80001000 };
uint64_t script_clock_ns;
uint64_t script_step_ns;
uint8_t script_sent[SCRIPT_PAGE];
struct vmsg_ffa_range script_mapped[VMSG_REGION_RANGES_MAX];
size_t script_mapped_count;
int script_map_result;
unsigned int script_unmaps;

static void play(void *context, struct vmsg_ffa_regs *regs)
{
	struct vmsg_ffa_regs expected;
	char text[REGS_TEXT_SIZE];

	(void)context;
	regs_to_text(regs, text);
	if (!script->call) {
		fail_msg("unexpected call %s", text);
	}
	regs_from_text(script->call, &expected);
	if (memcmp(regs, &expected, sizeof(expected)) != 0) {
		fail_msg("called %s, not %s", text, script->call);
	}
	memcpy(script_sent, tx_page, sizeof(script_sent));
	if (script->rx) {
		(void)hex_to_bytes(script->rx, rx_page, sizeof(rx_page));
	}
	regs_from_text(script->reply, regs);
	script += !script->forever;
	script_clock_ns += script_step_ns;
}

static int map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
	       size_t range_count, bool writable, struct vmsg_segment *segments, size_t capacity)
{
	uint64_t size = 0;

	(void)context;
	(void)handle;
	(void)writable;
	assert_true(capacity >= 1 && range_count <= VMSG_REGION_RANGES_MAX);
	script_mapped_count = range_count;
	for (size_t i = 0; i < range_count; i++) {
		size += ranges[i].pages * (uint64_t)SCRIPT_PAGE;
		script_mapped[i] = ranges[i];
	}
	segments[0] = (struct vmsg_segment){ tx_page, size };
	return script_map_result;
}

static void unmap(void *context, uint64_t handle)
{
	(void)context;
	(void)handle;
	script_unmaps++;
}

static uint64_t now(void *context)
{
	(void)context;
	return script_clock_ns;
}

const struct vmsg_conduit script_conduit = {
	.call = play,
	.map = map,
	.unmap = unmap,
	.now = now,
};

int script_fresh(void **state)
{
	(void)state;
	memset(tx_page, 0, sizeof(tx_page));
	memset(rx_page, 0xee, sizeof(rx_page));
	script_clock_ns = 0;
	script_step_ns = 0;
	script_mapped_count = 0;
	script_map_result = 1;
	script_unmaps = 0;
	PLAY(CALL("84000063 10002", "10002"), CALL("84000069", "84000061 0 1"),
	     CALL("C4000066 80000000 80001000 1", "84000061"));
	assert_int_equal(vmsg_endpoint_init(&endpoint, &script_conduit, script_tx, script_rx, 1),
			 0);
	PLAYED();
	return 0;
}
