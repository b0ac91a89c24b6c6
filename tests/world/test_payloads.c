/* SPDX-License-Identifier: BSD-3-Clause */
/* What virtio-msg needs of the manager: a payload that goes both ways, byte for byte, between two
 * VMs and between a VM and a secure partition, by direct messages, by indirect ones, and by shared
 * memory with notifications. */
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/spmc_world.h"
#include "virtio_msg_ffa/ffa_message.h"

#define SUCCESS "84000061"
#define PAGE    ((size_t)VMSG_FFA_PAGE_SIZE)
#define PAYLOAD 104 /* of the longest virtio-msg message */
#define HEADER  40

struct pair {
	uint16_t client;
	uint16_t server;
};

static const struct pair pairs[] = { { VM1, VM2 }, { VM2, VM1 }, { VM1, SP1 }, { VM2, SP1 } };
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static int open_world(void **state)
{
	static const uint16_t ids[] = { VM1, VM2, SP1 };
	static struct world world;

	world_open(&world, 0, 0);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, &(struct spmc_partition_config){
					  .id = ids[i], .vcpu_count = 1, .properties = 0x70f });
		world_add_ram(&world, ids[i], world_tx(ids[i]), 16 * PAGE, false);
		world_prepare(&world, ids[i], VMSG_FFA_VERSION_1_2);
	}
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

/* Bytes that no other message has. */
static void make_payload(uint8_t bytes[PAYLOAD], unsigned int seed)
{
	for (size_t i = 0; i < PAYLOAD; i++) {
		bytes[i] = (uint8_t)(1 + seed * 37 + i * 11);
	}
}

static void direct_text(char *text, uint32_t id, uint16_t from, uint16_t to, unsigned int seed)
{
	struct vmsg_ffa_regs regs = { { id, (uint32_t)from << 16 | to } };
	uint8_t bytes[PAYLOAD];

	make_payload(bytes, seed);
	for (size_t i = 0; i < PAYLOAD; i++) {
		regs.x[4 + i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
	}
	regs_to_text(&regs, text);
}

static void by_direct_messages(void **state)
{
	char request[WORLD_TEXT_SIZE], response[WORLD_TEXT_SIZE];
	struct world *w = *state;

	for (unsigned int i = 0; i < PAIRS; i++) {
		const struct pair *pair = &pairs[i];
		direct_text(request, 0xc400008d, pair->client, pair->server, 2 * i);
		direct_text(response, 0xc400008e, pair->server, pair->client, 2 * i + 1);
		/* who waits from an earlier round is still waiting */
		if (strcmp(world_reply(w, pair->server, 0), "-") != 0) {
			assert_call(w, pair->server, "8400006b", "-");
		}
		if (strcmp(world_reply(w, pair->client, 0), "-") == 0) {
			world_raise(w, pair->client, 0);
		}
		assert_call(w, pair->client, request, "-");
		assert_string_equal(world_reply(w, pair->server, 0), request);
		assert_call(w, pair->server, response, "-");
		assert_string_equal(world_reply(w, pair->client, 0), response);
	}
}

/* One message from TX to RX, which the receiver learns of, reads and gives back. */
static void send_message(struct world *w, uint16_t from, uint16_t to, unsigned int seed)
{
	const struct vmsg_ffa_message_header header = { .sender = from, .receiver = to };
	uint8_t bytes[PAYLOAD];
	char text[64];

	make_payload(bytes, seed);
	const int size = vmsg_ffa_message_build(
		&header, VMSG_FFA_VERSION_1_2, (struct vmsg_bytes){ bytes, PAYLOAD },
		(struct vmsg_span){ world_at(w, from, world_tx(from), PAGE), PAGE });
	assert_int_equal(size, HEADER + PAYLOAD);
	assert_call(w, from, "84000086", SUCCESS);
	snprintf(text, sizeof(text), "%x:interrupt 5", to);
	assert_events(w, text);
	snprintf(text, sizeof(text), "84000082 %x c", to);
	assert_call(w, to, text, from & 0x8000 ? "84000061 0 0 0 0 0 1" : "84000061 0 0 0 0 0 0 1");
	assert_memory_equal(world_at(w, to, world_rx(to) + HEADER, PAYLOAD), bytes, PAYLOAD);
	assert_call(w, to, "84000065", SUCCESS);
}

static void by_indirect_messages(void **state)
{
	for (unsigned int i = 0; i < PAIRS; i++) {
		send_message(*state, pairs[i].client, pairs[i].server, 2 * i);
		send_message(*state, pairs[i].server, pairs[i].client, 2 * i + 1);
	}
}

static void bind(struct world *w, uint16_t receiver, uint16_t sender)
{
	char text[64];

	snprintf(text, sizeof(text), "8400007f %" PRIx32 " 0 0 80000000",
		 (uint32_t)sender << 16 | receiver);
	assert_call(w, receiver, text, SUCCESS);
}

/* Bit 63, from one that put something into shared memory to one that finds it there. */
static void signal_to(struct world *w, uint16_t from, uint16_t to)
{
	char text[64];

	snprintf(text, sizeof(text), "84000081 %" PRIx32 " 0 0 80000000",
		 (uint32_t)from << 16 | to);
	assert_call(w, from, text, SUCCESS);
	snprintf(text, sizeof(text), "%x:interrupt 5", to);
	assert_events(w, text);
	snprintf(text, sizeof(text), "84000082 %x 3", to);
	assert_call(w, to, text,
		    from & 0x8000 ? "84000061 0 0 80000000" : "84000061 0 0 0 0 80000000");
}

static uint64_t share(struct world *w, uint16_t owner, uint16_t borrower)
{
	struct vmsg_ffa_memory_header header = { .sender = owner,
						 .attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
						 .access_size = VMSG_FFA_ACCESS_SIZE_1_2 };
	const struct vmsg_ffa_memory_access access = { .endpoint = borrower,
						       .permissions = VMSG_FFA_DATA_RW };
	const struct vmsg_ffa_range range = { world_tx(owner) + 8 * PAGE, 1 };
	struct vmsg_ffa_regs regs;
	char text[64];

	int size = vmsg_ffa_memory_build(
		&header, &access, 1, &range, 1,
		(struct vmsg_span){ world_at(w, owner, world_tx(owner), PAGE), PAGE });
	snprintf(text, sizeof(text), "84000073 %x %x", (unsigned int)size, (unsigned int)size);
	regs_from_text(world_call(w, owner, text), &regs);
	assert_int_equal(regs.x[0], 0x84000061);
	header.handle = regs.x[2] | regs.x[3] << 32;
	size = vmsg_ffa_memory_build(
		&header, &access, 1, NULL, 0,
		(struct vmsg_span){ world_at(w, borrower, world_tx(borrower), PAGE), PAGE });
	snprintf(text, sizeof(text), "84000074 %x %x", (unsigned int)size, (unsigned int)size);
	regs_from_text(world_call(w, borrower, text), &regs);
	assert_int_equal(regs.x[0], 0x84000075);
	snprintf(text, sizeof(text), "%x:grant %" PRIx64 " rw", borrower, header.handle);
	assert_events(w, text);
	assert_call(w, borrower, "84000065", SUCCESS);
	return header.handle;
}

/* What one end writes into the region, the other reads where the manager says the region is. */
static void pass(struct world *w, uint16_t owner, uint64_t handle, size_t offset, unsigned int seed)
{
	uint8_t *own = world_at(w, owner, world_tx(owner) + 8 * PAGE, PAGE);
	struct vmsg_ffa_range range;
	uint8_t bytes[PAYLOAD];

	make_payload(own + offset, seed);
	make_payload(bytes, seed);
	assert_true(spmc_region_range(w->spmc, handle, 0, &range));
	assert_memory_equal(world_at(w, owner, range.address + offset, PAYLOAD), bytes, PAYLOAD);
}

static void by_shared_memory_and_notifications(void **state)
{
	for (unsigned int i = 0; i < PAIRS; i++) {
		struct world *w = *state;
		const uint64_t handle = share(w, pairs[i].client, pairs[i].server);
		bind(w, pairs[i].server, pairs[i].client);
		bind(w, pairs[i].client, pairs[i].server);
		pass(w, pairs[i].client, handle, 0, 2 * i);
		signal_to(w, pairs[i].client, pairs[i].server);
		pass(w, pairs[i].client, handle, 1024, 2 * i + 1);
		signal_to(w, pairs[i].server, pairs[i].client);
		(void)close_world(state);
		(void)open_world(state);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(by_direct_messages),
		TEST(by_indirect_messages),
		TEST(by_shared_memory_and_notifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
